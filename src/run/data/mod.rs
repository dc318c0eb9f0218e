//! Data: the sets that Orrery ships, and the user's own files.

pub mod classes;
mod csv;
pub mod features;
mod ink;
#[cfg(any(feature = "pictures", not(target_arch = "wasm32")))]
mod jpg;
mod kind;
mod limits;
mod npy;
mod npz;
#[cfg(any(feature = "pictures", not(target_arch = "wasm32")))]
mod picture;
#[cfg(any(feature = "pictures", not(target_arch = "wasm32")))]
mod png;
mod read;
pub mod rule;
mod safetensors;
mod scan;
mod stored;
pub mod transport;

use std::rc::Rc;

use methods::network::dense::Classification;

pub use csv::write_csv;
pub use ground::card::Dataset;
use ground::error::{Error, Result};
pub use kind::Kind;
pub use limits::MAX_VALUES;
pub use npy::write_npy;
pub use read::read;

/// The file of a data set, built into the native binary.
#[cfg(not(target_arch = "wasm32"))]
fn bytes(dataset: Dataset) -> &'static [u8] {
    match dataset {
        Dataset::Digits => include_bytes!("../../../www/data/digits.npz"),
        Dataset::Mnist => include_bytes!("../../../www/data/mnist10k.npz"),
        Dataset::Palettes => include_bytes!("../../../www/data/palettes.npz"),
    }
}

/// Labelled images of one size, grey or in at most 256 colours each.
#[derive(Debug)]
pub struct Pictures {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// All images' pixels, image by image, row by row, as stored (0..=16 for digits, 0..=255 for MNIST).
    pub pixels: Vec<u8>,
    /// One label an image.
    pub labels: Vec<u8>,
    /// Red, green and blue of an image's 256 pixel values, image by image; empty for grey images.
    pub palette: Vec<[u8; 3]>,
}

impl Pictures {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
    /// The pixels of image `index`.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.width * self.height;
        &self.pixels[index * size..(index + 1) * size]
    }
    /// The colours of image `index`, by pixel value.
    ///
    /// # Panics
    /// If the images are grey.
    pub fn colours(&self, index: usize) -> &[[u8; 3]] {
        &self.palette[256 * index..256 * (index + 1)]
    }
    /// The images in the order `train` then `test` (indices) as a problem of classification, values divided by `white`.
    pub fn classification(&self, train: &[usize], test: &[usize], white: f32) -> Classification {
        let inputs = |rows: &[usize]| rows.iter().flat_map(|i| self.image(*i).iter().map(|v| f32::from(*v) / white)).collect();
        let labels = |rows: &[usize]| rows.iter().map(|i| self.labels[*i]).collect();
        let features = self.width * self.height;
        Classification { features, x: inputs(train), y: labels(train), test_x: inputs(test), test_y: labels(test) }
    }
}

/// An array of numbers from a file of the user's.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The file it came from, and its name inside that file: "points.npz/source".
    pub name: String,
    /// Its shape; never empty, and never 0 in any place. A single number has shape `[1]`, a csv table `[rows, columns]`, a
    /// picture `[height, width, 3]` (red, green and blue from 0 to 255).
    pub shape: Vec<usize>,
    /// Its values in C order; all finite.
    pub values: Vec<f64>,
    /// Column names, when the file had them (csv).
    pub columns: Vec<String>,
}

impl Array {
    /// A table of results: one row a thing, one named column a number of it.
    pub fn table<const N: usize>(name: impl Into<String>, columns: [&str; N], rows: impl IntoIterator<Item = [f64; N]>) -> Self {
        let values: Vec<f64> = rows.into_iter().flatten().collect();
        Array { name: name.into(), shape: vec![values.len() / N, N], values, columns: columns.map(String::from).to_vec() }
    }

    /// The file it came from.
    pub fn file(&self) -> &str {
        self.name.split('/').next().unwrap_or("")
    }

    /// Where the value of that index stands, as in "[2, 0]".
    fn place(&self, mut index: usize) -> String {
        let mut place = vec![0; self.shape.len()];
        for (at, size) in place.iter_mut().zip(&self.shape).rev() {
            (*at, index) = (index % size, index / size);
        }
        format!("{place:?}")
    }

    /// Can its values be kept, and differences of them taken, in single precision?
    ///
    /// # Errors
    /// The first value beyond ±10³⁰, or that is no number, with its place.
    pub fn check_single(&self) -> Result<()> {
        match self.values.iter().position(|v| v.is_nan() || v.abs() > 1e30) {
            Some(i) => Err(Error::new(format!(
                "{}: {:e} at {}; single precision is used here, and values within ±1e30 would be right",
                self.name,
                self.values[i],
                self.place(i)
            ))),
            None => Ok(()),
        }
    }
}

/// Arrays file by file, in the order in which files come first.
pub fn by_file(arrays: &[Array]) -> Vec<Vec<&Array>> {
    let mut files: Vec<Vec<&Array>> = Vec::new();
    for array in arrays {
        match files.iter_mut().find(|file| file[0].file() == array.file()) {
            Some(file) => file.push(array),
            None => files.push(vec![array]),
        }
    }
    files
}

/// What a run may read: the shipped data sets that its card asks for, and the files the user dropped.
#[derive(Clone, Default)]
pub struct Library {
    shipped: [Option<Rc<Pictures>>; Dataset::ALL.len()],
    own: Rc<[Array]>,
}

impl Library {
    /// A library with these data sets in it, from the copies built into the native binary.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn shipped(datasets: &[Dataset]) -> Library {
        let mut library = Library::default();
        for dataset in datasets {
            library.put(*dataset, bytes(*dataset)).expect("the shipped data can be read");
        }
        library
    }

    /// Is this data set in the library?
    pub fn has(&self, dataset: Dataset) -> bool {
        self.shipped[dataset as usize].is_some()
    }

    /// Puts in the data set's file, as fetched; a file that does not hold labelled images leaves the library as it was.
    pub fn put(&mut self, dataset: Dataset, npz: &[u8]) -> Result<()> {
        let file = dataset.file();
        let (mut images, mut labels, mut palette) = (None, None, Vec::new());
        npz::unpack(file, npz, |name, content| {
            let npy = npy::parse(name, content)?;
            let bytes = npy.bytes().ok_or_else(|| Error::new(format!("{name}: must hold unsigned bytes in C order")))?;
            match (name.rsplit('/').next(), &npy.shape[..]) {
                (Some("images"), [_, height, width]) => images = Some((*height, *width, bytes.to_vec())),
                (Some("labels"), [_]) => labels = Some(bytes.to_vec()),
                (Some("palette"), [_, 256, 3]) => palette = bytes.as_chunks().0.to_vec(),
                _ => {
                    let known = "images (n, height, width), labels (n) or palette (n, 256, 3)";
                    return Err(Error::new(format!("{name}: is none of {known}")));
                }
            }
            Ok(())
        })?;
        let (Some((height, width, pixels)), Some(labels)) = (images, labels) else {
            return Err(Error::new(format!("{file}: must have images and labels")));
        };
        if pixels.len() != labels.len() * width * height {
            return Err(Error::new(format!("{file}: must have one label an image")));
        }
        if !palette.is_empty() && palette.len() != 256 * labels.len() {
            return Err(Error::new(format!("{file}: must have one palette an image")));
        }
        self.shipped[dataset as usize] = Some(Rc::new(Pictures { width, height, pixels, labels, palette }));
        Ok(())
    }

    /// The images of a data set.
    pub fn pictures(&self, dataset: Dataset) -> Result<Rc<Pictures>> {
        self.shipped[dataset as usize]
            .clone()
            .ok_or_else(|| Error::new(format!("data set {}: not loaded; the experiment's card must name it", dataset.file())))
    }

    /// The arrays in the files that the user dropped; empty if none were.
    pub fn own(&self) -> &[Array] {
        &self.own
    }

    /// The same library with the user's files replaced by `arrays`.
    pub fn with_own(&self, arrays: Vec<Array>) -> Library {
        Library { shipped: self.shipped.clone(), own: arrays.into() }
    }
}
