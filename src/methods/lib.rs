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

/// Arrays of fixtures, as numpy wrote them.
#[cfg(test)]
mod fixture {
    use std::io::{Cursor, Read};

    pub struct Array {
        pub name: String,
        pub shape: Vec<usize>,
        pub values: Vec<f64>,
    }

    /// The arrays in an npz file: f64 or i64, in C order.
    pub fn npz(bytes: &[u8]) -> Vec<Array> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let count = archive.len();
        let mut read = |index: usize| {
            let (mut file, mut content) = (archive.by_index(index).unwrap(), Vec::new());
            file.read_to_end(&mut content).unwrap();
            let name = file.name().unwrap().trim_end_matches(".npy").to_string();
            let (header, numbers) = content[10..].split_at(usize::from(content[8]) + 256 * usize::from(content[9]));
            let header = std::str::from_utf8(header).unwrap();
            assert!(header.contains("'fortran_order': False"), "{name}: {header}");
            let shape = header.split(['(', ')']).nth(1).unwrap().split(',');
            let shape = shape.filter_map(|n| n.trim().parse().ok()).collect();
            let whole = header.contains("'<i8'");
            assert!(whole || header.contains("'<f8'"), "{name}: {header}");
            let number = |b: &[u8]| {
                let b = b.try_into().unwrap();
                if whole { i64::from_le_bytes(b) as f64 } else { f64::from_le_bytes(b) }
            };
            Array { name, shape, values: numbers.chunks_exact(8).map(number).collect() }
        };
        (0..count).map(&mut read).collect()
    }
}
