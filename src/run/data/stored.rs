//! Numbers as files store them, and what becomes of them: doubles in C order, NaN where there is no finite number.

use super::Array;
use super::files::File;
use super::limits::{MAX_VALUES, too_many};
use ground::error::{Error, Result};

/// The type of a stored number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Truth,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Number {
    /// Bytes that one takes.
    pub(super) fn size(self) -> usize {
        match self {
            Number::Truth | Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 | Number::F16 | Number::BF16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }
}

/// An array whose numbers are still the file's bytes.
pub(super) struct Stored<'a> {
    /// See [`Array::name`].
    pub(super) name: String,
    /// Its shape; `[1]` for a single number.
    pub(super) shape: Vec<usize>,
    /// It is a single number without a dimension.
    pub(super) scalar: bool,
    pub(super) number: Number,
    pub(super) big_endian: bool,
    /// Stored with the first index running fastest.
    pub(super) fortran: bool,
    /// As many bytes as the shape has numbers.
    pub(super) data: &'a [u8],
}

impl<'a> Stored<'a> {
    /// How many numbers there are.
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The numbers as stored, if they are unsigned bytes in C order.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        (self.number == Number::U8 && !self.fortran).then_some(self.data)
    }

    /// The array: NaN where the file has no finite number.
    ///
    /// # Errors
    /// A whole number that a double cannot hold.
    pub(super) fn array(&self) -> Result<Array> {
        Ok(Array { name: self.name.clone(), shape: self.shape.clone(), values: self.values()?, columns: Vec::new() })
    }

    /// The numbers in C order.
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
        let values: Vec<f64> = match self.number {
            Number::Truth => numbers!(u8, |v| if v == 0 { 0.0 } else { 1.0 }),
            Number::U8 => numbers!(u8, f64::from),
            Number::I8 => numbers!(i8, f64::from),
            Number::U16 => numbers!(u16, f64::from),
            Number::I16 => numbers!(i16, f64::from),
            Number::U32 => numbers!(u32, f64::from),
            Number::I32 => numbers!(i32, f64::from),
            // NaN marks what is beyond ±2⁵³, where doubles have gaps.
            Number::U64 => numbers!(u64, |v| if v <= 1 << 53 { v as f64 } else { f64::NAN }),
            Number::I64 => numbers!(i64, |v: i64| if v.unsigned_abs() <= 1 << 53 { v as f64 } else { f64::NAN }),
            Number::F16 => numbers!(u16, |v| gap(half(v))),
            // A float without its lower half.
            Number::BF16 => numbers!(u16, |v| gap(f64::from(f32::from_bits(u32::from(v) << 16)))),
            Number::F32 => numbers!(f32, |v| gap(f64::from(v))),
            Number::F64 => numbers!(f64, gap),
        };
        if matches!(self.number, Number::U64 | Number::I64) && values.iter().any(|v| v.is_nan()) {
            let what =
                "has whole numbers beyond ±2^53, which a double cannot hold exactly; subtract an offset or save as float64";
            return Err(Error::new(format!("{}: {what}", self.name)));
        }
        Ok(values)
    }
}

/// Arrays of one file on their way in: each is read or left out with its reason, and no more numbers than a file may have.
pub(super) struct Members {
    file: File,
    scalars: Vec<Array>,
    count: usize,
}

impl Members {
    /// None yet, of the file of that name.
    pub(super) fn new(name: &str) -> Self {
        Members { file: File::named(name), scalars: Vec::new(), count: 0 }
    }

    /// Takes the next one in.
    pub(super) fn take(&mut self, stored: Result<Stored>) {
        let array = stored.and_then(|stored| {
            if self.count + stored.count() > MAX_VALUES {
                return Err(too_many(&stored.name, format!("with those before it, {}", self.count + stored.count())));
            }
            let array = stored.array()?;
            self.count += array.values.len();
            Ok((array, stored.scalar))
        });
        match array {
            Ok((array, true)) => self.scalars.push(array),
            array => self.file.take(array.map(|(array, _)| array)),
        }
    }

    /// The file. Single numbers beside arrays are settings and counters of whoever wrote it, and left out; alone they are read.
    pub(super) fn file(mut self) -> Result<File> {
        if self.file.arrays.is_empty() {
            self.file.arrays = self.scalars;
        } else {
            let alone = |scalar: Array| Err(Error::new(format!("{}: a single number, not an array", scalar.name)));
            self.scalars.into_iter().for_each(|scalar| self.file.take(alone(scalar)));
        }
        self.file.checked()
    }
}

/// A number, or a gap where it is not finite.
fn gap(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let stored = Stored {
            name: "a.npy".into(),
            shape: vec![2, 3],
            scalar: false,
            number: Number::U8,
            big_endian: false,
            fortran: true,
            data: &[1, 2, 3, 4, 5, 6],
        };
        assert_eq!(stored.array().unwrap().values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert!(stored.bytes().is_none());
    }
}
