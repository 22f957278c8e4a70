//! The wire format of protobuf: numbered fields of four types, read and written.

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("unexpected EOF")]
    Truncated,
    #[error("messages nest too deep")]
    Depth,
    #[error("integer overflow")]
    Overflow,
    #[error("illegal wire type")]
    WireType,
    #[error("invalid UTF-8")]
    Text,
    #[error("a time is out of range")]
    Time,
    #[error("an embedded object is not JSON")]
    Json,
    #[error("a field is both a list and none")]
    Mixed,
}

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], Fault> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Fault::WireType),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Fault::Text)
    }

    pub(super) fn integer(self) -> Result<i64, Fault> {
        match self {
            Self::Varint(number) => Ok(number.cast_signed()),
            _ => Err(Fault::WireType),
        }
    }

    pub(super) fn double(self) -> Result<f64, Fault> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            Self::Fixed32(bits) => Ok(f32::from_bits(bits).into()),
            _ => Err(Fault::WireType),
        }
    }
}

/// The fields of a message in their order.
pub(super) fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u32, Wire<'_>), Fault>> {
    parts(bytes, one)
}

/// The numbers of a packed list.
pub(super) fn packed(bytes: &[u8]) -> impl Iterator<Item = Result<u64, Fault>> {
    parts(bytes, varint)
}

/// What `read` takes off the front again and again, until nothing is left or something is no part.
fn parts<'a, T>(
    mut rest: &'a [u8],
    read: fn(&mut &'a [u8]) -> Result<T, Fault>,
) -> impl Iterator<Item = Result<T, Fault>> {
    std::iter::from_fn(move || {
        let part = (!rest.is_empty()).then(|| read(&mut rest))?;
        if part.is_err() {
            rest = &[];
        }
        Some(part)
    })
}

/// The last value of a field in a small message.
pub(super) fn sole(message: Wire<'_>, number: u32) -> Result<Option<Wire<'_>>, Fault> {
    let mut found = None;
    for part in fields(message.bytes()?) {
        let (other, wire) = part?;
        if other == number {
            found = Some(wire);
        }
    }
    Ok(found)
}

fn one<'a>(rest: &mut &'a [u8]) -> Result<(u32, Wire<'a>), Fault> {
    let key = varint(rest)?;
    let wire = match key & 7 {
        0 => Wire::Varint(varint(rest)?),
        1 => Wire::Fixed64(u64::from_le_bytes(array(rest)?)),
        2 => {
            let length = usize::try_from(varint(rest)?).map_err(|_| Fault::Overflow)?;
            let (bytes, after) = rest.split_at_checked(length).ok_or(Fault::Truncated)?;
            *rest = after;
            Wire::Bytes(bytes)
        }
        5 => Wire::Fixed32(u32::from_le_bytes(array(rest)?)),
        _ => return Err(Fault::WireType),
    };
    Ok((u32::try_from(key >> 3).map_err(|_| Fault::Overflow)?, wire))
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (bytes, after) = rest.split_first_chunk().ok_or(Fault::Truncated)?;
    *rest = after;
    Ok(*bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Fault> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Fault::Truncated)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Fault::Overflow)
}

/// A message under construction: its bytes.
#[derive(Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Begins a field of that many bytes.
    pub fn begin(&mut self, field: u32, length: usize) {
        self.varint(u64::from(field << 3 | 2));
        self.varint(length as u64);
    }

    /// Writes bytes or a text.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.begin(field, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Writes a message.
    pub fn message(&mut self, field: u32, message: &Self) {
        self.bytes(field, &message.0);
    }

    /// Writes a whole number.
    pub fn integer(&mut self, field: u32, number: i64) {
        self.varint(u64::from(field << 3));
        self.varint(number.cast_unsigned());
    }

    /// Writes a number of double precision.
    pub fn double(&mut self, field: u32, number: f64) {
        self.varint(u64::from(field << 3 | 1));
        self.0.extend_from_slice(&number.to_bits().to_le_bytes());
    }
}
