//! Resource quantities (`500m`, `1.5Gi`, `1e3`) with upstream's canonical text.

use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// How a quantity was written, and so how it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Format {
    /// `1k`, `500m`
    #[default]
    DecimalSi,
    /// `1Ki`
    BinarySi,
    /// `1e3`
    DecimalExponent,
}

/// A fixed-point number with nano precision. Equality and order look at the amount only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text as a whole.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// What follows the number.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

impl Quantity {
    /// The amount `value`.
    pub fn new(value: i64) -> Self {
        Self { nanos: i128::from(value) * NANO, format: Format::DecimalSi }
    }

    /// The amount `value` that prints with `Ki`, `Mi`...
    pub fn binary(value: i64) -> Self {
        Self { format: Format::BinarySi, ..Self::new(value) }
    }

    /// `value` thousandths.
    pub fn milli(value: i64) -> Self {
        Self { nanos: i128::from(value) * (NANO / 1000), format: Format::DecimalSi }
    }

    /// Reads a quantity; what is finer than nano is rounded away from zero.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') || !suffix_is_well_formed(suffix) {
            return Err(ParseError::Format);
        }
        let (base, exponent, format) = read_suffix(suffix).ok_or(ParseError::Suffix)?;
        let nanos = match base {
            2 => scale_binary(whole, fraction, exponent),
            _ => scale_decimal(whole, fraction, exponent),
        };
        Ok(Self { nanos: if text.starts_with('-') { -nanos } else { nanos }, format })
    }

    /// Reads a quantity from JSON: a string, or a number.
    pub fn from_value(value: &Value) -> Result<Self, ParseError> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => Err(ParseError::Format),
        }
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The whole amount, rounded away from zero.
    pub fn value(self) -> i64 {
        self.scaled(NANO)
    }

    /// The amount in thousandths, rounded away from zero.
    pub fn milli_value(self) -> i64 {
        self.scaled(NANO / 1000)
    }

    fn scaled(self, unit: i128) -> i64 {
        let rounded = div_away(self.nanos, unit);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Add for Quantity {
    type Output = Self;

    /// The sum; a zero takes the other's format.
    fn add(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_add(other.nanos), format }
    }
}

impl Sub for Quantity {
    type Output = Self;

    /// The difference; a zero takes the other's format.
    fn sub(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_sub(other.nanos), format }
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Self::add)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let whole = self.nanos / NANO;
        // Small or broken binary amounts print as decimal ones, so that nothing is lost.
        if self.format == Format::BinarySi && self.nanos % NANO == 0 && whole.abs() >= 1024 {
            let (mut mantissa, mut power) = (whole, 0);
            while mantissa % 1024 == 0 && power < BINARY.len() - 1 {
                (mantissa, power) = (mantissa / 1024, power + 1);
            }
            return write!(f, "{mantissa}{}", BINARY[power]);
        }
        let exponential = self.format == Format::DecimalExponent;
        let (mut mantissa, mut exponent) = (self.nanos, -9);
        while mantissa % 1000 == 0 && (exponential || exponent < 18) {
            (mantissa, exponent) = (mantissa / 1000, exponent + 3);
        }
        match (exponential, exponent) {
            (true, 0) => write!(f, "{mantissa}"),
            (true, _) => write!(f, "{mantissa}e{exponent}"),
            (false, _) => {
                let suffix = DECIMAL.iter().find(|(_, e)| *e == exponent).map_or("", |(suffix, _)| *suffix);
                write!(f, "{mantissa}{suffix}")
            }
        }
    }
}

fn suffix_is_well_formed(suffix: &str) -> bool {
    let rest = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    rest.strip_prefix(['+', '-']).unwrap_or(rest).bytes().all(|b| b.is_ascii_digit())
}

/// Base, exponent and format of a suffix.
fn read_suffix(suffix: &str) -> Option<(u8, i32, Format)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((10, *exponent, Format::DecimalSi));
    }
    if let Some(power) = BINARY.iter().position(|name| *name == suffix) {
        return Some((2, power as i32 * 10, Format::BinarySi));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((10, exponent, Format::DecimalExponent))
}

fn div_away(number: i128, unit: i128) -> i128 {
    number / unit + if number % unit == 0 { 0 } else { number.signum() }
}

fn digits(text: &str) -> i128 {
    text.bytes().fold(0_i128, |sum, b| sum.saturating_mul(10).saturating_add(i128::from(b - b'0')))
}

/// `whole.fraction * 10^exponent` in nanos: the decimal point is moved in the text, so nothing is lost before rounding.
fn scale_decimal(whole: &str, fraction: &str, exponent: i32) -> i128 {
    let all = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(i64::from(exponent)).saturating_add(9);
    if digits(&all) == 0 || point < 0 {
        return i128::from(digits(&all) != 0);
    }
    let point = usize::try_from(point.min(60)).unwrap_or_default();
    if point >= all.len() {
        return digits(&format!("{all:0<point$}"));
    }
    let (kept, lost) = all.split_at(point);
    digits(kept).saturating_add(i128::from(lost.bytes().any(|b| b != b'0')))
}

/// `whole.fraction * 2^power` in nanos, capped at the largest 64-bit amount as upstream caps.
fn scale_binary(whole: &str, fraction: &str, power: i32) -> i128 {
    let unit = 1_i128 << power;
    let most = i128::from(i64::MAX) * NANO;
    // 18 digits of fraction times 2^60 stay below 2^127; digits behind them are below a nano of any unit.
    let kept = &fraction[..fraction.len().min(18)];
    let lost = fraction[kept.len()..].bytes().any(|b| b != b'0');
    let fine = digits(kept).saturating_mul(unit).saturating_add(i128::from(lost));
    let places = u32::try_from(kept.len()).unwrap_or_default();
    let part = match places {
        0..=9 => fine.saturating_mul(10_i128.pow(9 - places)),
        _ => div_away(fine, 10_i128.pow(places - 9)),
    };
    digits(whole).saturating_mul(unit).saturating_mul(NANO).saturating_add(part).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        Quantity::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
    }

    #[test]
    fn prints_the_canonical_form() {
        let table = [
            ("0", "0"),
            ("0Ki", "0"),
            ("0.5", "500m"),
            ("100m", "100m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e2", "1200"),
            ("1E", "1E"),
            ("1k", "1k"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("12Ei", "9223372036854775807"),
            ("7Ei", "7Ei"),
            ("1023Ki", "1023Ki"),
            ("0.5Ki", "512"),
            ("0.3Ki", "307200m"),
            ("1.1Ki", "1126400m"),
            ("-1Gi", "-1Gi"),
            ("+5", "5"),
            ("1n", "1n"),
            ("0.1n", "1n"),
            ("1.00000000001", "1000000001n"),
            ("-0.1n", "-1n"),
            ("100000", "100k"),
            (".5", "500m"),
            ("5.", "5"),
            ("9223372036854775807", "9223372036854775807"),
            ("1e-3", "1e-3"),
            ("1e-30", "1e-9"),
        ];
        for (text, want) in table {
            assert_eq!(canonical(text), want, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", " 1", "1 ", "aoeu", "1.1.M", "1+1.0M", "-", ".", "Mi"] {
            assert_eq!(Quantity::parse(text), Err(ParseError::Format), "{text:?}");
        }
        for text in ["0.1mi", "1i", ".5i", "-3.01e-", "1K", "1Ki2", "1kk"] {
            assert_eq!(Quantity::parse(text), Err(ParseError::Suffix), "{text:?}");
        }
    }

    #[test]
    fn values_round_away_from_zero() {
        let q = |text| Quantity::parse(text).unwrap();
        assert_eq!((q("1500m").value(), q("-1500m").value(), q("1u").milli_value()), (2, -2, 1));
        assert_eq!((q("2Gi").value(), q("250m").milli_value(), q("1").milli_value()), (2 << 30, 250, 1000));
        assert_eq!(q("0").add(q("1Gi")).to_string(), "1Gi");
        assert_eq!(q("1Gi").sub(q("512Mi")).to_string(), "512Mi");
        assert_eq!(Quantity::from_value(&serde_json::json!(0.5)).unwrap(), q("500m"));
    }

    proptest! {
        #[test]
        fn canonical_text_reads_back(number in "[-+]?[0-9]{1,9}(\\.[0-9]{1,9})?", suffix in "(|n|u|m|k|M|G|Ki|Mi|Gi|e3|e-6)") {
            let first = Quantity::parse(&format!("{number}{suffix}")).unwrap();
            let again = Quantity::parse(&first.to_string()).unwrap();
            prop_assert_eq!(first, again);
            prop_assert_eq!(first.to_string(), again.to_string());
        }

        #[test]
        fn sums_and_order_agree(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
            let (x, y) = (Quantity::milli(a), Quantity::milli(b));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.add(y).milli_value(), a + b);
            prop_assert_eq!(x.sub(y).milli_value(), a - b);
        }
    }
}
