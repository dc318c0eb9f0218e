//! What several experiments share, by field; each module is usable as a library on its own.

#[macro_use]
extern crate ground;

pub mod geometry;
pub mod information;
pub mod linear;
pub mod network;
pub mod neural_collapse;
pub mod number;
pub mod optimize;
pub mod statistics;
pub mod transport;

pub use ground::random;

/// Arrays of fixtures, as other programs wrote them.
#[cfg(test)]
mod fixture {
    use npyz::{DType, NpyFile, TypeChar};

    pub struct Array {
        pub name: String,
        pub shape: Vec<usize>,
        pub values: Vec<f64>,
    }

    /// The arrays in an npz file.
    pub fn npz(bytes: &[u8]) -> Vec<Array> {
        let mut archive = npyz::npz::NpzArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let names: Vec<String> = archive.array_names().map(String::from).collect();
        let mut read = |name: String| {
            let file: NpyFile<_> = archive.by_name(&name).unwrap().unwrap();
            let shape = file.shape().iter().map(|n| *n as usize).collect();
            let whole = matches!(file.dtype(), DType::Plain(kind) if kind.type_char() == TypeChar::Int);
            let values = match whole {
                true => file.into_vec::<i64>().unwrap().into_iter().map(|v| v as f64).collect(),
                false => file.into_vec().unwrap(),
            };
            Array { name, shape, values }
        };
        names.into_iter().map(&mut read).collect()
    }
}
