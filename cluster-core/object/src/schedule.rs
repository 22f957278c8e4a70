//! Cron's notation: five fields, macros and `@every`, in a time zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How far ahead a time is looked for.
const HORIZON_DAYS: usize = 5 * 366;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// When something is to happen, again and again.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// At the same distance from the last time.
    Every(SignedDuration),
    /// At minutes of certain hours and days.
    Calendar(Box<Calendar>),
}

/// The minutes that all fields name.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    zone: TimeZone,
}

/// A set of small numbers, and whether it was written as a star.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Field {
    bits: u64,
    star: bool,
}

impl Field {
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits & (1 << value) != 0)
    }
}

impl Schedule {
    /// Reads a schedule; `zone` counts unless the text names one itself.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let mut text = text.trim();
        let mut zone = zone.clone();
        if let Some(rest) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
            let (name, fields) = rest.split_once(' ').unwrap_or((rest, ""));
            zone = TimeZone::get(name).map_err(|_| format!("provided bad location {name}"))?;
            text = fields.trim();
        }
        if let Some(every) = text.strip_prefix("@every ") {
            let delay = duration(every)
                .ok_or_else(|| format!("failed to parse duration {text}: time: invalid duration {every:?}"))?;
            return Ok(Self::Every(delay.max(SignedDuration::from_secs(1))));
        }
        if text.starts_with('@') {
            let known = MACROS.iter().find(|(name, _)| *name == text);
            text = known.ok_or_else(|| format!("unrecognized descriptor: {text}"))?.1;
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        };
        Ok(Self::Calendar(Box::new(Calendar {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: field(weekdays, 0, 6, &DAYS)?,
            zone,
        })))
    }

    /// The first time after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(delay) => Timestamp::from_second(after.checked_add(*delay).ok()?.as_second()).ok(),
            Self::Calendar(calendar) => calendar.next(after),
        }
    }

    /// The last time after `since` and not after `now`, and whether more than `many` lie between.
    pub fn latest(&self, since: Timestamp, now: Timestamp, many: usize) -> Option<(Timestamp, bool)> {
        if let Self::Every(delay) = self {
            let count = now.duration_since(since).as_secs() / delay.as_secs();
            let last = since + SignedDuration::from_secs(count.max(0) * delay.as_secs());
            return (count > 0).then_some((last, usize::try_from(count).unwrap_or_default() > many));
        }
        let first = self.next(since).filter(|first| *first <= now)?;
        let missed = std::iter::successors(Some(first), |last| self.next(*last).filter(|next| *next <= now));
        let too_many = missed.take(many + 1).count() > many;
        // Looks back from now in growing steps, because all the times since long ago may be millions.
        let mut step = SignedDuration::from_mins(1);
        let mut latest = loop {
            let from = (now - step).max(since);
            if let Some(found) = self.next(from).filter(|found| *found <= now) {
                break found;
            }
            step *= 2;
        };
        while let Some(later) = self.next(latest).filter(|later| *later <= now) {
            latest = later;
        }
        Some((latest, too_many))
    }
}

impl Calendar {
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let minute = SignedDuration::from_mins(1);
        let from = Timestamp::from_second(after.as_second().div_euclid(60) * 60).ok()? + minute;
        let first = from.to_zoned(self.zone.clone()).date();
        for date in first.series(jiff::Span::new().days(1)).take(HORIZON_DAYS).filter(|date| self.on(*date)) {
            let start = date.to_zoned(self.zone.clone()).ok()?.timestamp().max(from);
            let end = date.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?.timestamp();
            // Real minutes are walked, so that one a clock change leaves out is never met, and one it repeats twice.
            let minutes = std::iter::successors(Some(start), |at| Some(*at + minute)).take_while(|at| *at < end);
            for at in minutes {
                let time = at.to_zoned(self.zone.clone());
                if self.minutes.has(time.minute()) && self.hours.has(time.hour()) {
                    return Some(at);
                }
            }
        }
        None
    }

    /// When both kinds of days are restricted, one of them is enough.
    fn on(&self, date: Date) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let both = self.days.star || self.weekdays.star;
        self.months.has(date.month()) && if both { day && weekday } else { day || weekday }
    }
}

fn field(text: &str, min: u64, max: u64, names: &[&str]) -> Result<Field, String> {
    let mut all = Field { bits: 0, star: false };
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let part = range(part, min, max, names)?;
        all = Field { bits: all.bits | part.bits, star: all.star | part.star };
    }
    if all.bits == 0 { whole(text).map(|_| all) } else { Ok(all) }
}

/// One of `*`, `5`, `5-9`, each also with a step.
fn range(text: &str, min: u64, max: u64, names: &[&str]) -> Result<Field, String> {
    let number = |text: &str| match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(index) => Ok(index as u64 + min),
        None => whole(text),
    };
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => (span, Some(whole(step)?)),
        None => (text, None),
    };
    let star = matches!(span, "*" | "?");
    let (first, last) = match span.split_once('-') {
        _ if star => (min, max),
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(span)?, if step.is_some() { max } else { number(span)? }),
    };
    let step = step.unwrap_or(1);
    if first < min {
        return Err(format!("beginning of range ({first}) below minimum ({min}): {text}"));
    }
    if last > max {
        return Err(format!("end of range ({last}) above maximum ({max}): {text}"));
    }
    if first > last {
        return Err(format!("beginning of range ({first}) beyond end of range ({last}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let stepped = usize::try_from(step).unwrap_or(usize::MAX);
    let bits = (first..=last).step_by(stepped).fold(0, |bits, value| bits | 1 << value);
    Ok(Field { bits, star: star && step == 1 })
}

/// A number; the error is worded as Go's.
fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax"))
}

/// A duration in Go's notation, in whole seconds: `1h30m`. As in Go, none is longer than 292 years.
fn duration(text: &str) -> Option<SignedDuration> {
    const LONGEST: f64 = i64::MAX as f64 / 1e9;
    let text = text.trim();
    let (sign, mut rest) =
        text.strip_prefix('-').map_or((1.0, text.strip_prefix('+').unwrap_or(text)), |rest| (-1.0, rest));
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() && rest != "0" {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += value * unit;
        rest = &rest[end..];
    }
    SignedDuration::try_from_secs_f64(f64::floor(sign * total)).ok().filter(|_| total < LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_next_time_fulfils_every_field() {
        let cases = [
            ("* * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
            ("*/15 * * * *", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"),
            ("5/20 * * * *", "2026-01-01T00:06:00Z", "2026-01-01T00:25:00Z"),
            ("0 9-17/4 * * mon-fri", "2026-01-02T17:30:00Z", "2026-01-05T09:00:00Z"),
            ("30 8 1,15 * *", "2026-01-02T00:00:00Z", "2026-01-15T08:30:00Z"),
            ("0 0 13 * fri", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"),
            ("0 0 */2 * fri", "2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z"),
            ("*/5 0-6 1,15 jan-MAR mon", "2026-01-01T06:52:00Z", "2026-01-01T06:55:00Z"),
            ("0 0 29 feb ?", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
            ("@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("@every 1h30m", "2026-01-01T00:00:10Z", "2026-01-01T01:30:10Z"),
            ("@every -500µs", "2026-01-01T00:00:10Z", "2026-01-01T00:00:11Z"),
            ("TZ=Europe/Berlin 0 6 * * *", "2026-07-01T00:00:00Z", "2026-07-01T04:00:00Z"),
            // The clock jumps from two to three, and later shows one to two twice.
            ("CRON_TZ=America/New_York 30 2 * * *", "2026-03-08T05:00:00Z", "2026-03-09T06:30:00Z"),
            ("CRON_TZ=America/New_York 30 1 * * *", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
        ];
        for (text, after, expected) in cases {
            let schedule = Schedule::parse(text, &TimeZone::UTC).expect(text);
            assert_eq!(schedule.next(at(after)), Some(at(expected)), "{text}");
        }
        let never = Schedule::parse("0 0 31 feb *", &TimeZone::UTC).expect("it can be read");
        assert_eq!(never.next(at("2026-01-01T00:00:00Z")), None);
        let rare = Schedule::parse("@every 2500000h", &TimeZone::UTC).expect("it can be read");
        assert_eq!(rare.next(at("9900-01-01T00:00:00Z")), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
            "@often",
            "@every",
            "@every 5",
            "@every 99999999h",
            "TZ=Mars/One * * * * *",
        ] {
            assert!(Schedule::parse(text, &TimeZone::UTC).is_err(), "{text}");
        }
    }

    #[test]
    fn the_latest_missed_time_is_found_however_many_there_are() {
        let cases = [
            ("*/10 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:09:00Z", None),
            ("*/10 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:35:00Z", Some(("2026-01-01T00:30:00Z", false))),
            ("* * * * *", "2020-01-01T00:00:00Z", "2026-01-01T00:35:09Z", Some(("2026-01-01T00:35:00Z", true))),
            ("@monthly", "2026-01-15T00:00:00Z", "2026-04-20T00:00:00Z", Some(("2026-04-01T00:00:00Z", false))),
            ("@every 1m", "2026-01-01T00:00:10Z", "2026-01-01T00:03:30Z", Some(("2026-01-01T00:03:10Z", false))),
        ];
        for (text, since, now, expected) in cases {
            let schedule = Schedule::parse(text, &TimeZone::UTC).expect(text);
            let expected = expected.map(|(time, many)| (at(time), many));
            assert_eq!(schedule.latest(at(since), at(now), 100), expected, "{text}");
        }
    }
}
