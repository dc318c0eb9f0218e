//! numpy's npy files.
//!
//! Source: NEP 1, and `numpy.lib.format` for versions 2 and 3. The header is a Python literal, but one that numpy itself writes in
//! a single way; it is read by a scanner that neither nests nor allocates by what the header says.

use super::Array;
use super::read::{MAX_VALUES, place, printable, too_many};
use crate::error::{Error, Result};

/// A file taken apart: its numbers are still the file's bytes.
pub(super) struct Npy<'a> {
    name: String,
    /// Its shape; `[1]` for a single number.
    pub(super) shape: Vec<usize>,
    /// Stored with the first index running fastest.
    fortran: bool,
    big_endian: bool,
    /// "f8", "u1": kind and size in bytes.
    kind: String,
    data: &'a [u8],
}

impl<'a> Npy<'a> {
    /// The file `name` with these `bytes`; its size fits its shape, and it has 1 to [`MAX_VALUES`] numbers.
    pub(super) fn parse(name: &str, bytes: &'a [u8]) -> Result<Self> {
        let wrong = |what: String| Error::new(format!("{name}: {what}"));
        let Some(rest) = bytes.strip_prefix(b"\x93NUMPY") else {
            return Err(wrong(match bytes {
                [b'P', b'K', ..] => "is a zip archive, not an npy array; if it is from numpy.savez, name it .npz".into(),
                [0x80, 2..=5, ..] => "is a Python pickle, which is never opened here; save the array with numpy.save".into(),
                [] => "the file is empty (0 bytes)".into(),
                _ => "does not begin like an npy file; numpy.save writes one".into(),
            }));
        };
        let cut_off = || wrong("the file is cut off within its header".into());
        let (length, rest) = match rest {
            [1, 0, a, b, rest @ ..] => (u32::from(u16::from_le_bytes([*a, *b])), rest),
            [2 | 3, 0, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
            [1..=3, 0, ..] | [1..=3] | [] => return Err(cut_off()),
            [major, ..] => return Err(wrong(format!("is npy version {major}; versions 1.0, 2.0 and 3.0 are read"))),
        };
        let (header, data) = rest.split_at_checked(length as usize).ok_or_else(cut_off)?;
        let (descr, fortran, shape) = Scanner(header).header().map_err(|e| e.at(name))?;
        let (big_endian, kind) = dtype(&descr).map_err(|e| e.at(name))?;

        let written = tuple(&shape);
        let size = kind[1..].parse::<usize>().unwrap_or(1);
        let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        match count {
            Some(0) => return Err(wrong(format!("the array is empty (shape {written})"))),
            Some(count) if count.checked_mul(size) == Some(data.len()) => {}
            _ => {
                let have = data.len();
                return Err(wrong(format!(
                    "its header says shape {written} of {size}-byte numbers, but {have} bytes follow: it is damaged"
                )));
            }
        }
        if data.len() / size > MAX_VALUES {
            return Err(too_many(name, data.len() / size));
        }
        let shape = if shape.is_empty() { vec![1] } else { shape };
        Ok(Npy { name: name.into(), shape, fortran, big_endian, kind, data })
    }

    /// How many numbers there are.
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The numbers as stored, if they are unsigned bytes in C order.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        (self.kind == "u1" && !self.fortran).then_some(self.data)
    }

    /// The array; an error that names the first number that is not finite, or that a double cannot hold.
    pub(super) fn array(&self) -> Result<Array> {
        let values = self.values()?;
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            let (value, place) = (values[index], place(&self.shape, index));
            return Err(Error::new(format!("{}: {place} (counted from 1) is {value}; every number must be finite", self.name)));
        }
        Ok(Array { name: self.name.clone(), shape: self.shape.clone(), values, columns: Vec::new() })
    }

    /// The numbers in C order; NaN for whole numbers that a double cannot hold is refused here.
    fn values(&self) -> Result<Vec<f64>> {
        macro_rules! numbers {
            ($t:ty, $to:expr) => {{
                const SIZE: usize = size_of::<$t>();
                let number = |bytes: &[u8]| {
                    let word = bytes.try_into().expect("bytes of one number");
                    $to(if self.big_endian { <$t>::from_be_bytes(word) } else { <$t>::from_le_bytes(word) })
                };
                if self.fortran {
                    c_order(&self.shape).map(|i| number(&self.data[i * SIZE..(i + 1) * SIZE])).collect()
                } else {
                    self.data.chunks_exact(SIZE).map(number).collect()
                }
            }};
        }
        let values: Vec<f64> = match self.kind.as_str() {
            "f2" => numbers!(u16, half),
            "f4" => numbers!(f32, f64::from),
            "f8" => numbers!(f64, |v| v),
            "b1" => numbers!(u8, |v| if v == 0 { 0.0 } else { 1.0 }),
            "u1" => numbers!(u8, f64::from),
            "i1" => numbers!(i8, f64::from),
            "u2" => numbers!(u16, f64::from),
            "i2" => numbers!(i16, f64::from),
            "u4" => numbers!(u32, f64::from),
            "i4" => numbers!(i32, f64::from),
            // NaN marks what is beyond ±2⁵³, where doubles have gaps.
            "u8" => numbers!(u64, |v| if v <= 1 << 53 { v as f64 } else { f64::NAN }),
            _ => numbers!(i64, |v: i64| if v.unsigned_abs() <= 1 << 53 { v as f64 } else { f64::NAN }),
        };
        if matches!(self.kind.as_str(), "u8" | "i8") && values.iter().any(|v| v.is_nan()) {
            let what =
                "has whole numbers beyond ±2^53, which a double cannot hold exactly; subtract an offset or save as float64";
            return Err(Error::new(format!("{}: {what}", self.name)));
        }
        Ok(values)
    }
}

/// Byte order and kind of a type string such as "<f8", or why it is not read.
fn dtype(descr: &str) -> Result<(bool, String)> {
    let refuse = |what: &str| {
        Err(Error::new(format!("{what} (dtype '{}'); whole, real and truth numbers are read", printable(descr, 40))))
    };
    let Some((order @ ('<' | '>' | '|' | '='), kind)) = descr.split_at_checked(1).and_then(|(o, k)| Some((o.chars().next()?, k)))
    else {
        return refuse("not a known type of numbers");
    };
    match kind {
        "f2" | "f4" | "f8" | "i1" | "i2" | "i4" | "i8" | "u1" | "u2" | "u4" | "u8" | "b1" => Ok((order == '>', kind.to_string())),
        _ => match kind.chars().next() {
            Some('O') => refuse("holds pickled Python objects, which are never opened here"),
            Some('c') => refuse("holds complex numbers"),
            Some('S' | 'U' | 'a') => refuse("holds text"),
            Some('m' | 'M') => refuse("holds dates or times"),
            Some('V') => refuse("holds raw or structured records"),
            Some('f') => refuse("holds extended-precision numbers, which differ between machines: save them as float64"),
            _ => refuse("not a known type of numbers"),
        },
    }
}

/// IEEE 754 half precision, exactly.
fn half(bits: u16) -> f64 {
    let (sign, exponent, fraction) = (if bits >> 15 == 0 { 1.0 } else { -1.0 }, bits >> 10 & 31, f64::from(bits & 1023));
    match exponent {
        0 => sign * fraction / f64::from(1u32 << 24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1024.0 + fraction) * f64::from(1u32 << exponent) / f64::from(1u32 << 25),
    }
}

/// Where the numbers of an array of this shape are when its first index runs fastest, in the order with the last running fastest.
fn c_order(shape: &[usize]) -> impl Iterator<Item = usize> {
    let strides: Vec<usize> = shape.iter().scan(1, |stride, n| Some(std::mem::replace(stride, *stride * n))).collect();
    let mut at = vec![0; shape.len()];
    let mut next = 0;
    (0..shape.iter().product()).map(move |_| {
        let here = next;
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            next += strides[axis];
            if at[axis] < shape[axis] {
                break;
            }
            next -= strides[axis] * shape[axis];
            at[axis] = 0;
        }
        here
    })
}

/// A shape as Python writes it.
fn tuple(shape: &[usize]) -> String {
    let comma = if shape.len() == 1 { "," } else { "" };
    format!("({}{comma})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

/// What is left of a header.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    const MAX_DIMENSIONS: usize = 32;

    /// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`: its three entries, in any order.
    fn header(mut self) -> Result<(String, bool, Vec<usize>)> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.accept(b'}') {
            let key = self.quoted()?;
            self.expect(b':')?;
            match key {
                b"descr" => descr = Some(self.descr()?),
                b"fortran_order" => fortran = Some(self.truth()?),
                b"shape" => shape = Some(self.shape()?),
                _ => return Err(self.broken("descr, fortran_order or shape")),
            }
            if !self.accept(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        let missing = |what: &str| Error::new(format!("its header lacks '{what}'"));
        Ok((
            descr.ok_or_else(|| missing("descr"))?,
            fortran.ok_or_else(|| missing("fortran_order"))?,
            shape.ok_or_else(|| missing("shape"))?,
        ))
    }

    fn descr(&mut self) -> Result<String> {
        if self.accept(b'[') || self.accept(b'(') {
            return Err(Error::new("holds structured records; save each field as an array of its own"));
        }
        Ok(String::from_utf8_lossy(self.quoted()?).into_owned())
    }

    fn truth(&mut self) -> Result<bool> {
        self.space();
        for (word, value) in [(&b"True"[..], true), (&b"False"[..], false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err(self.broken("True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.accept(b')') {
            self.space();
            let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
            let text = std::str::from_utf8(&self.0[..digits]).expect("digits");
            let size = text.parse().map_err(|_| self.broken("sizes that fit into memory"))?;
            shape.push(size);
            self.0 = &self.0[digits..];
            // Python 2 wrote long integers so.
            self.accept(b'L');
            if shape.len() > Self::MAX_DIMENSIONS {
                return Err(Error::new(format!("has more than {} dimensions", Self::MAX_DIMENSIONS)));
            }
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn quoted(&mut self) -> Result<&'a [u8]> {
        self.space();
        let quote = self.0.first().copied().filter(|b| *b == b'\'' || *b == b'"');
        let end = quote.and_then(|quote| self.0[1..].iter().position(|b| *b == quote));
        let Some(end) = end else { return Err(self.broken("a quoted word")) };
        let text = &self.0[1..=end];
        self.0 = &self.0[end + 2..];
        Ok(text)
    }

    fn space(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.accept(byte) { Ok(()) } else { Err(self.broken(&format!("'{}'", byte as char))) }
    }

    fn broken(&self, wanted: &str) -> Error {
        let here = printable(&String::from_utf8_lossy(&self.0[..self.0.len().min(60)]), 20);
        Error::new(format!("its header is damaged: {wanted} should stand where '{here}' is"))
    }
}

/// `array` as an npy file (version 1.0, `<f8`, C order), byte for byte what `numpy.save` writes.
pub fn write_npy(array: &Array) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {}, }}", tuple(&array.shape));
    // Room for the first size to grow in place, as numpy leaves it.
    let room = array.shape.first().map_or(0, |size| 21 - size.to_string().len());
    header.extend(std::iter::repeat_n(' ', room));
    // The data begin at a multiple of 64 bytes, after a line feed.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', padding).chain(['\n']));
    let length = u16::try_from(header.len()).expect("an array has few dimensions");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(array.values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn says(header: &str, data: &[u8]) -> String {
        Npy::parse("a.npy", &file(header, data)).and_then(|npy| npy.array()).unwrap_err().to_string()
    }

    #[test]
    fn half_precision_is_exact() {
        // From the table in IEEE 754-2019's half format: 1, −2, the largest, the smallest normal and subnormal, 1/3 rounded.
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 0.000_061_035_156_25),
            (0x0001, 1.0 / 16_777_216.0),
            (0x3555, 0.333_251_953_125),
            (0, 0.0),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7c00) == f64::INFINITY && half(0xfc00) == f64::NEG_INFINITY && half(0x7e00).is_nan());
    }

    #[test]
    fn fortran_order_is_transposed() {
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n";
        let bytes = file(header, &[1, 2, 3, 4, 5, 6]);
        let npy = Npy::parse("a.npy", &bytes).unwrap();
        assert_eq!(npy.array().unwrap().values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert!(npy.bytes().is_none());
    }

    #[test]
    fn headers_that_lie_or_are_torn() {
        for (header, sentence) in [
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
                "its header says shape (3,) of 8-byte numbers, but 8 bytes follow: it is damaged",
            ),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", ""),
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }",
                "its header says shape (4294967296, 4294967296, 2) of 8-byte numbers, but 8 bytes follow: it is damaged",
            ),
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",
                "its header is damaged: sizes that fit into memory should stand where '9999999999999999999…' is",
            ),
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
                "its header is damaged: sizes that fit into memory should stand where '-1,), }' is",
            ),
            ("{'descr': '<f8', 'fortran_order': False, }", "its header lacks 'shape'"),
            (
                "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,), }",
                "its header is damaged: True or False should stand where '0, 'shape': (1,), }' is",
            ),
            (
                "{'descr': '<q3', 'fortran_order': False, 'shape': (1,), }",
                "not a known type of numbers (dtype '<q3'); whole, real and truth numbers are read",
            ),
            (
                "{'descr': '€', 'fortran_order': False, 'shape': (1,), }",
                "not a known type of numbers (dtype '€'); whole, real and truth numbers are read",
            ),
            ("((((((((((((((((((((", "its header is damaged: '{' should stand where '((((((((((((((((((((' is"),
            ("", "its header is damaged: '{' should stand where '' is"),
        ] {
            if sentence.is_empty() {
                assert_eq!(Npy::parse("a.npy", &file(header, &[0; 8])).unwrap().shape, [1]);
            } else {
                assert_eq!(says(header, &[0; 8]), format!("a.npy: {sentence}"));
            }
        }
        let many = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': ({}), }}", "1, ".repeat(1000));
        assert_eq!(says(&many, &[0]), "a.npy: has more than 32 dimensions");
        let torn = |bytes: &[u8]| Npy::parse("a.npy", bytes).err().unwrap().to_string();
        assert_eq!(torn(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"), "a.npy: the file is cut off within its header");
        assert_eq!(torn(b"\x93NUMPY\x01"), "a.npy: the file is cut off within its header");
        assert_eq!(torn(b"\x93NUMPY\x09\x00ab"), "a.npy: is npy version 9; versions 1.0, 2.0 and 3.0 are read");
        assert_eq!(torn(b"\x93NUMP"), "a.npy: does not begin like an npy file; numpy.save writes one");
    }
}
