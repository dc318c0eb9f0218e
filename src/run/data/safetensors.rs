//! Safetensors: the length of a header (8 bytes), the header as JSON, and the numbers of all tensors one after the other.
//!
//! Source: the format's description at github.com/huggingface/safetensors. The JSON is read for what such a header may have in it,
//! and every byte of the numbers must belong to one tensor, as the format demands.

use super::files::File;
use super::scan::Scanner;
use super::stored::{Members, Number, Stored};
use ground::error::{Error, Result};
use ground::file::printable;

/// The most tensors that are read from one file.
const MAX_TENSORS: usize = 10_000;

/// What the header says of a tensor.
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    /// Where its bytes begin and end, after the header.
    begin: usize,
    end: usize,
}

/// The tensors, named "file.safetensors/tensor", in the header's order.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<File> {
    let wrong = |what: String| Error::new(format!("{name}: {what}"));
    let cut_off = || wrong("the file is cut off within its header".into());
    let foreign = match bytes {
        // First of all: a header of 640 bytes begins with the bytes of a pickle.
        [_, _, _, _, _, _, _, _, b'{', ..] | [] => None,
        [b'P', b'K', ..] | [0x80, 2..=5, ..] => Some("holds Python pickles, which are never opened here"),
        _ if bytes.len() <= 8 => None,
        _ => Some("does not begin like a safetensors file"),
    };
    if let Some(what) = foreign {
        return Err(wrong(format!("{what}; safetensors.torch.save_file writes one")));
    }
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut_off)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut_off())?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    let entries = Scanner(header).safetensors().map_err(|e| e.at(name))?;
    check_cover(&entries, data.len()).map_err(|e| e.at(name))?;

    let mut members = Members::new(name);
    for Entry { name: tensor, dtype, shape, begin, end } in entries {
        let full = format!("{name}/{}", printable(&tensor, 200));
        members.take(tensor_of(full, &dtype, shape, &data[begin..end]));
    }
    members.file()
}

/// Every byte of the numbers belongs to exactly one tensor.
fn check_cover(entries: &[Entry], have: usize) -> Result<()> {
    let mut places: Vec<(usize, usize)> = entries.iter().map(|e| (e.begin, e.end)).collect();
    places.sort_unstable();
    let mut last = 0;
    for (begin, end) in places {
        if begin != last || end < begin {
            return Err(Error::new(format!(
                "its header is damaged: tensors leave a gap or overlap at byte {last} of the numbers"
            )));
        }
        last = end;
    }
    match last == have {
        _ if entries.is_empty() => Err(Error::new("has no tensors in it")),
        true => Ok(()),
        false => Err(Error::new(format!("its header says {last} bytes of numbers, but {have} bytes follow: it is damaged"))),
    }
}

fn tensor_of<'a>(name: String, dtype: &str, shape: Vec<usize>, data: &'a [u8]) -> Result<Stored<'a>> {
    let wrong = |what: String| Err(Error::new(format!("{name}: {what}")));
    let number = match dtype {
        "BOOL" => Number::Truth,
        "U8" => Number::U8,
        "I8" => Number::I8,
        "U16" => Number::U16,
        "I16" => Number::I16,
        "U32" => Number::U32,
        "I32" => Number::I32,
        "U64" => Number::U64,
        "I64" => Number::I64,
        "F16" => Number::F16,
        "BF16" => Number::BF16,
        "F32" => Number::F32,
        "F64" => Number::F64,
        _ => {
            let dtype = printable(dtype, 20);
            return wrong(format!("numbers of type {dtype} are not read; save them as F32 (tensor.float())"));
        }
    };
    let (size, have) = (number.size(), data.len());
    match shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).and_then(|count| count.checked_mul(size)) {
        Some(0) => return wrong(format!("the tensor is empty (shape {shape:?})")),
        Some(bytes) if bytes == have => {}
        _ => return wrong(format!("shape {shape:?} of {size}-byte numbers does not fit its {have} bytes: it is damaged")),
    }
    let scalar = shape.is_empty();
    let shape = if scalar { vec![1] } else { shape };
    Ok(Stored { name, shape, scalar, number, big_endian: false, fortran: false, data })
}

impl Scanner<'_> {
    /// `{"__metadata__": {"format": "pt"}, "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}`.
    fn safetensors(mut self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.members(|scanner, name| {
            if name == "__metadata__" {
                return scanner.members(|scanner, _| scanner.string().map(|_| ()));
            }
            if entries.len() == MAX_TENSORS {
                return Err(Error::new(format!("has more than {MAX_TENSORS} tensors")));
            }
            entries.push(scanner.tensor(name)?);
            Ok(())
        })?;
        self.space();
        if !self.0.is_empty() {
            return Err(self.broken("its end"));
        }
        let mut names: Vec<&str> = entries.iter().map(|e| &*e.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(Error::new(format!("its header is damaged: '{}' is there twice", printable(twice[0], 40)))),
            None => Ok(entries),
        }
    }

    fn tensor(&mut self, name: String) -> Result<Entry> {
        let (mut dtype, mut shape, mut place) = (None, None, None);
        self.members(|scanner, key| {
            match &*key {
                "dtype" => dtype = Some(scanner.string()?),
                "shape" => shape = Some(scanner.sizes(b'[', b']')?),
                "data_offsets" => place = Some(scanner.sizes(b'[', b']')?),
                _ => return Err(scanner.broken("dtype, shape or data_offsets")),
            }
            Ok(())
        })?;
        match (dtype, shape, place.as_deref()) {
            (Some(dtype), Some(shape), Some(&[begin, end])) => Ok(Entry { name, dtype, shape, begin, end }),
            _ => Err(Error::new(format!(
                "its header is damaged: '{}' lacks its dtype, shape or two data_offsets",
                printable(&name, 40)
            ))),
        }
    }

    /// Calls `each` with every key of a JSON object, where its value begins.
    fn members(&mut self, mut each: impl FnMut(&mut Self, String) -> Result<()>) -> Result<()> {
        self.expect(b'{')?;
        while !self.accept(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            each(self, key)?;
            if !self.accept(b',') {
                return self.expect(b'}');
            }
        }
        Ok(())
    }

    /// A JSON string.
    fn string(&mut self) -> Result<String> {
        self.expect(b'"')?;
        let begin = Scanner(self.0);
        let torn = || begin.broken("text in quotes");
        let mut text = Vec::new();
        loop {
            let (byte, rest) = self.0.split_first().ok_or_else(torn)?;
            self.0 = rest;
            match byte {
                b'"' => break,
                b'\\' => {
                    let c = self.escaped().ok_or_else(torn)?;
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => text.push(*byte),
            }
        }
        String::from_utf8(text).map_err(|_| torn())
    }

    /// What a backslash in a JSON string begins.
    fn escaped(&mut self) -> Option<char> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(*byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                // Beyond the first 65,536 characters, two units make one.
                let second = match first {
                    0xd800..0xdc00 => {
                        self.0 = self.0.strip_prefix(b"\\u")?;
                        Some(self.unit()?)
                    }
                    _ => None,
                };
                char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u16> {
        let (digits, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::{count_up, fixture};
    use super::*;

    fn named(file: &str) -> impl Fn(&str) -> (Vec<usize>, Vec<f64>) {
        let arrays = fixture(file).unwrap();
        let file = file.to_string();
        move |name| {
            let array = arrays.iter().find(|a| a.name == format!("{file}/{name}")).expect(name);
            (array.shape.clone(), array.values.clone())
        }
    }

    #[test]
    fn reads_what_torch_and_numpy_write() {
        let weights = named("tensors.safetensors");
        for (number, (name, shape)) in [
            ("0.weight", &[2, 3][..]),
            ("0.bias", &[2]),
            ("1.weight", &[2]),
            ("1.bias", &[2]),
            ("1.running_mean", &[2]),
            ("1.running_var", &[2]),
        ]
        .into_iter()
        .enumerate()
        {
            let values = count_up(shape.iter().product()).into_iter().map(|v| v + 10.0 * number as f64).collect();
            assert_eq!(weights(name), (shape.to_vec(), values), "{name}");
        }
        let types = named("types.safetensors");
        for name in "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32 float64".split(' ') {
            assert_eq!(types(name), (vec![2, 3], count_up(6)), "{name}");
        }
        assert_eq!(types("bool").1, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let numpy = named("numpy.safetensors");
        assert_eq!(numpy("größe/x"), (vec![4], vec![3.0, 2.0, 1.0, 0.0]));
        let edges = named("edges.safetensors");
        assert_eq!(edges("float16").1, [0.333_251_953_125, 0.000_061_035_156_25, 65504.0]);
        assert_eq!(edges("bfloat16").1, [0.333_984_375, 1.175_494_350_822_287_5e-38, 3.389_531_389_251_535_5e38]);
    }

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn says(header: &str, data: &[u8]) -> String {
        read("w.safetensors", &file(header, data)).unwrap_err().to_string()
    }

    #[test]
    fn names_in_any_writing() {
        let header = r#"{ "__metadata__" : { "format":"pt", "a\"b" : "}" }, "caf\u00e9 \ud83d\ude00\n" :
            {"data_offsets":[4,6],"shape":[ 2 ],"dtype":"I8"}, "größe/x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} }   "#;
        let arrays = read("w.safetensors", &file(header, &[0, 0, 0x80, 0x3f, 0xff, 7])).unwrap().arrays;
        let got: Vec<_> = arrays.iter().map(|a| (&*a.name, &a.shape[..], &a.values[..])).collect();
        assert_eq!(got, [("w.safetensors/café 😀·", &[2][..], &[-1.0, 7.0][..]), ("w.safetensors/größe/x", &[1], &[1.0])]);
    }

    #[test]
    fn headers_that_lie_or_are_torn() {
        let one = |dtype: &str, shape: &str, place: &str| {
            format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{place}}}}}"#)
        };
        for (header, sentence) in [
            (one("F32", "[2]", "[0,4]"), "/a: shape [2] of 4-byte numbers does not fit its 4 bytes: it is damaged"),
            (one("F32", "[0,3]", "[0,4]"), "/a: the tensor is empty (shape [0, 3])"),
            (
                one("F32", "[4294967296,4294967296]", "[0,4]"),
                "/a: shape [4294967296, 4294967296] of 4-byte numbers does not fit its 4 bytes: it is damaged",
            ),
            (one("F32", "[1]", "[0,8]"), ": its header says 8 bytes of numbers, but 4 bytes follow: it is damaged"),
            (one("F32", "[1]", "[4,0]"), ": its header is damaged: tensors leave a gap or overlap at byte 0 of the numbers"),
            (one("F32", "[1]", "[0]"), ": its header is damaged: 'a' lacks its dtype, shape or two data_offsets"),
            (
                one("F32", "[-1]", "[0,4]"),
                ": its header is damaged: sizes that fit into memory should stand where '-1],\"data_offsets\":…' is",
            ),
            (one("F8_E4M3", "[4]", "[0,4]"), "/a: numbers of type F8_E4M3 are not read; save them as F32 (tensor.float())"),
            ("{}".into(), ": has no tensors in it"),
            ("{\"a".into(), ": its header is damaged: text in quotes should stand where 'a' is"),
            ("{\"\\ud800x\":".into(), ": its header is damaged: text in quotes should stand where '\\ud800x\":' is"),
        ] {
            let got = says(&header, &[0; 4]);
            assert!(got.starts_with(&format!("w.safetensors{sentence}")), "{got}");
        }
        let twice =
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#;
        assert_eq!(says(twice, &[0; 4]), "w.safetensors: its header is damaged: 'a' is there twice");
        let gap = read("w.safetensors", &file(&one("F32", "[1]", "[0,4]"), &f32::NAN.to_le_bytes())).unwrap();
        assert!(gap.arrays[0].values[0].is_nan());
        let torn = |bytes: &[u8]| read("w.safetensors", bytes).unwrap_err().to_string();
        assert_eq!(torn(&[9, 0, 0]), "w.safetensors: the file is cut off within its header");
        assert_eq!(torn(b"\xff\xff\xff\xff\xff\xff\xff\xff{"), "w.safetensors: the file is cut off within its header");
        assert!(torn(b"PK\x03\x04torch.save").contains("never opened here; safetensors.torch.save_file writes one"));
        assert!(torn(b"nothing of that kind").contains("does not begin like"));
    }
}
