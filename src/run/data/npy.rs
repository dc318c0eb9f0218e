//! numpy's npy files.
//!
//! Source: NEP 1, and `numpy.lib.format` for versions 2 and 3. The header is a Python literal, but one that numpy itself writes in
//! a single way.

use super::Array;
use super::limits::{MAX_VALUES, too_many};
use super::scan::Scanner;
use super::stored::{Number, Stored};
use ground::error::{Error, Result};
use ground::file::printable;

/// The numbers of the file `name` with these `bytes`; its size fits its shape, and it has 1 to [`MAX_VALUES`] numbers.
pub(super) fn parse<'a>(name: &str, bytes: &'a [u8]) -> Result<Stored<'a>> {
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
    let (descr, fortran, shape) = Scanner(header).npy().map_err(|e| e.at(name))?;
    let (big_endian, number) = dtype(&descr).map_err(|e| e.at(name))?;

    let (written, size) = (tuple(&shape), number.size());
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
    let scalar = shape.is_empty();
    let shape = if scalar { vec![1] } else { shape };
    Ok(Stored { name: name.into(), shape, scalar, number, big_endian, fortran, data })
}

/// Byte order and kind of a type string such as "<f8", or why it is not read.
fn dtype(descr: &str) -> Result<(bool, Number)> {
    let refuse = |what: &str| {
        Err(Error::new(format!("{what} (dtype '{}'); whole, real and truth numbers are read", printable(descr, 40))))
    };
    let Some((order @ ('<' | '>' | '|' | '='), kind)) = descr.split_at_checked(1).and_then(|(o, k)| Some((o.chars().next()?, k)))
    else {
        return refuse("not a known type of numbers");
    };
    let number = match kind {
        "b1" => Number::Truth,
        "u1" => Number::U8,
        "i1" => Number::I8,
        "u2" => Number::U16,
        "i2" => Number::I16,
        "u4" => Number::U32,
        "i4" => Number::I32,
        "u8" => Number::U64,
        "i8" => Number::I64,
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        _ => {
            return match kind.chars().next() {
                Some('O') => refuse("holds pickled Python objects, which are never opened here"),
                Some('c') => refuse("holds complex numbers"),
                Some('S' | 'U' | 'a') => refuse("holds text"),
                Some('m' | 'M') => refuse("holds dates or times"),
                Some('V') => refuse("holds raw or structured records"),
                Some('f') => refuse("holds extended-precision numbers, which differ between machines: save them as float64"),
                _ => refuse("not a known type of numbers"),
            };
        }
    };
    Ok((order == '>', number))
}

/// A shape as Python writes it.
fn tuple(shape: &[usize]) -> String {
    let comma = if shape.len() == 1 { "," } else { "" };
    format!("({}{comma})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

impl<'a> Scanner<'a> {
    /// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`: its three entries, in any order.
    fn npy(mut self) -> Result<(String, bool, Vec<usize>)> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.accept(b'}') {
            let key = self.quoted()?;
            self.expect(b':')?;
            match key {
                b"descr" => descr = Some(self.descr()?),
                b"fortran_order" => fortran = Some(self.truth()?),
                b"shape" => shape = Some(self.sizes(b'(', b')')?),
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

    fn quoted(&mut self) -> Result<&'a [u8]> {
        self.space();
        let quote = self.0.first().copied().filter(|b| *b == b'\'' || *b == b'"');
        let end = quote.and_then(|quote| self.0[1..].iter().position(|b| *b == quote));
        let Some(end) = end else { return Err(self.broken("a quoted word")) };
        let text = &self.0[1..=end];
        self.0 = &self.0[end + 2..];
        Ok(text)
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
        parse("a.npy", &file(header, data)).and_then(|npy| npy.array()).unwrap_err().to_string()
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
                assert_eq!(parse("a.npy", &file(header, &[0; 8])).unwrap().shape, [1]);
            } else {
                assert_eq!(says(header, &[0; 8]), format!("a.npy: {sentence}"));
            }
        }
        let many = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': ({}), }}", "1, ".repeat(1000));
        assert_eq!(says(&many, &[0]), "a.npy: has more than 32 dimensions");
        let torn = |bytes: &[u8]| parse("a.npy", bytes).err().unwrap().to_string();
        assert_eq!(torn(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"), "a.npy: the file is cut off within its header");
        assert_eq!(torn(b"\x93NUMPY\x01"), "a.npy: the file is cut off within its header");
        assert_eq!(torn(b"\x93NUMPY\x09\x00ab"), "a.npy: is npy version 9; versions 1.0, 2.0 and 3.0 are read");
        assert_eq!(torn(b"\x93NUMP"), "a.npy: does not begin like an npy file; numpy.save writes one");
    }
}
