//! The user's own features: what a network's last layer makes of labelled samples, once or epoch after epoch.

use nalgebra::{DMatrix, DVector};

use super::Array;
use ground::error::{Error, Result};
use methods::neural_collapse::Classifier;

/// Features with labels, and a classifier if there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Epochs; 1 where there is no history.
    pub epochs: usize,
    /// N.
    pub samples: usize,
    /// d.
    pub dimension: usize,
    /// What the labels were, in rising order; their place is the label here.
    pub classes: Vec<i64>,
    /// One a sample.
    pub labels: Vec<u8>,
    values: Vec<f64>,
    weights: Option<Weights>,
}

/// W (K×d, or d×K) and b, once or epoch after epoch.
#[derive(Clone, Debug, PartialEq)]
struct Weights {
    w: Vec<f64>,
    /// Stored d×K.
    upright: bool,
    b: Option<Vec<f64>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Features,
    Labels,
    Weights,
    Bias,
}

/// Names that tell what an array is.
const NAMES: [(Role, &[&str]); 4] = [
    (Role::Labels, &["labels", "label", "y", "targets", "target", "classes", "class"]),
    (Role::Features, &["features", "feature", "h", "x", "embeddings", "activations"]),
    (Role::Weights, &["weights", "weight", "w", "classifier", "kernel"]),
    (Role::Bias, &["bias", "b", "biases"]),
];

fn role(word: &str) -> Option<Role> {
    let word = word.trim().to_lowercase();
    NAMES.iter().find(|(_, names)| names.contains(&word.as_str())).map(|(role, _)| *role)
}

/// The last part of an array's name, without the ending of a file.
fn word(array: &Array) -> &str {
    let last = array.name.rsplit('/').next().unwrap_or("");
    last.split('.').next().unwrap_or("")
}

impl Features {
    /// Most classes and dimensions that are measured.
    pub const LARGEST: (usize, usize) = (100, 2048);

    /// Features (samples × dims, or epochs × samples × dims), labels (samples), and if they are there classifier weights
    /// (classes × dims) and a bias (classes), each with an epoch axis before it or not. What an array is is told by its name
    /// (features, labels, weights, bias and the like) and otherwise by its shape. A csv table has a column `label`.
    pub fn own(arrays: &[Array]) -> Result<Self> {
        if let [table] = arrays
            && let Some(at) = table.columns.iter().position(|column| role(column) == Some(Role::Labels))
        {
            return Self::of_table(table, at);
        }
        let named = |wanted: Role| arrays.iter().find(|array| role(word(array)) == Some(wanted));
        let nameless = |array: &&Array| role(word(array)).is_none();
        let features = named(Role::Features)
            .or_else(|| arrays.iter().filter(nameless).filter(|a| a.shape.len() >= 2).max_by_key(|a| a.values.len()))
            .ok_or_else(|| Error::new("features: none of the arrays is samples × dims (name it 'features')"))?;
        let (epochs, samples, dimension) = match features.shape[..] {
            [samples, dimension] => (1, samples, dimension),
            [epochs, samples, dimension] => (epochs, samples, dimension),
            _ => {
                return Err(Error::new(format!(
                    "{}: features are samples × dims, or epochs × samples × dims; this array has {} dimensions",
                    features.name,
                    features.shape.len()
                )));
            }
        };
        let column = |array: &Array| array.values.len() == samples && array.shape[0] == samples;
        let labels =
            named(Role::Labels).or_else(|| arrays.iter().filter(nameless).find(|array| column(array))).ok_or_else(|| {
                Error::new(format!(
                    "labels: none of the arrays has one whole number for each of the {samples} samples of {}",
                    features.name
                ))
            })?;
        if !column(labels) {
            return Err(Error::new(format!(
                "{}: {} labels for the {samples} samples of {}; one each would be right",
                labels.name,
                labels.values.len(),
                features.name
            )));
        }
        let mut own = Self::new(features, (epochs, samples, dimension), features.values.clone(), labels, &labels.values)?;
        let k = own.classes.len();
        let others = |a: &&Array| nameless(a) && !std::ptr::eq(*a, features) && !std::ptr::eq(*a, labels);
        let is_w = |array: &Array| {
            let (time, tail) = array.shape.split_at(array.shape.len().saturating_sub(2));
            (time.is_empty() || time == [epochs]) && (tail == [k, dimension] || tail == [dimension, k])
        };
        let is_b = |array: &Array| array.shape == [k] || array.shape == [epochs, k];
        let wrong = |array: &Array, right: String| {
            Err(Error::new(format!("{}: shape {:?}; {right} would be right", array.name, array.shape)))
        };
        if let Some(w) = named(Role::Weights).or_else(|| arrays.iter().filter(others).find(|array| is_w(array))) {
            if !is_w(w) {
                return wrong(w, format!("[{k}, {dimension}] (classes × dims), or that for each of the {epochs} epochs,"));
            }
            let b = named(Role::Bias).or_else(|| arrays.iter().filter(others).find(|array| is_b(array)));
            if let Some(b) = b.filter(|b| !is_b(b)) {
                return wrong(b, format!("[{k}], or that for each of the {epochs} epochs,"));
            }
            let upright = w.shape[w.shape.len() - 2] != k;
            own.weights = Some(Weights { w: w.values.clone(), upright, b: b.map(|b| b.values.clone()) });
        }
        Ok(own)
    }

    fn of_table(table: &Array, at: usize) -> Result<Self> {
        let columns = table.columns.len();
        let labels: Vec<f64> = table.values.chunks_exact(columns).map(|row| row[at]).collect();
        let rows = table.values.chunks_exact(columns);
        let values = rows.flat_map(|row| row.iter().enumerate().filter(|(j, _)| *j != at).map(|(_, v)| *v)).collect();
        Self::new(table, (1, labels.len(), columns - 1), values, table, &labels)
    }

    fn new(
        features: &Array,
        (epochs, samples, dimension): (usize, usize, usize),
        values: Vec<f64>,
        origin: &Array,
        labels: &[f64],
    ) -> Result<Self> {
        if !(2..=Self::LARGEST.1).contains(&dimension) {
            return Err(Error::new(format!("{}: {dimension} dims; this works with 2 to {}", features.name, Self::LARGEST.1)));
        }
        if let Some(row) = labels.iter().position(|y| *y != y.floor() || y.abs() > 1e15) {
            return Err(Error::new(format!(
                "{}: label {} of sample {}: a label is a whole number",
                origin.name,
                labels[row],
                row + 1
            )));
        }
        let mut classes: Vec<i64> = labels.iter().map(|y| *y as i64).collect();
        classes.sort_unstable();
        classes.dedup();
        if !(2..=Self::LARGEST.0).contains(&classes.len()) {
            return Err(Error::new(format!(
                "{}: {} different labels; this works with 2 to {} classes",
                origin.name,
                classes.len(),
                Self::LARGEST.0
            )));
        }
        let place = |y: &f64| classes.binary_search(&(*y as i64)).expect("it is one of them") as u8;
        let labels = labels.iter().map(place).collect();
        Ok(Features { epochs, samples, dimension, labels, classes, values, weights: None })
    }

    /// H (d×N) at an epoch.
    pub fn at(&self, epoch: usize) -> DMatrix<f64> {
        let size = self.samples * self.dimension;
        DMatrix::from_column_slice(self.dimension, self.samples, &self.values[epoch * size..(epoch + 1) * size])
    }

    /// W and b at an epoch.
    pub fn classifier(&self, epoch: usize) -> Option<Classifier> {
        let Weights { w, upright, b } = self.weights.as_ref()?;
        let (k, d) = (self.classes.len(), self.dimension);
        let part = |values: &'_ [f64], size: usize| {
            let from = if values.len() == size { 0 } else { epoch * size };
            values[from..from + size].to_vec()
        };
        let w = part(w, k * d);
        let w = if *upright { DMatrix::from_column_slice(k, d, &w) } else { DMatrix::from_row_slice(k, d, &w) };
        Some(Classifier { w, bias: b.as_ref().map(|b| DVector::from_vec(part(b, k))) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[usize], values: Vec<f64>) -> Array {
        assert_eq!(values.len(), shape.iter().product::<usize>());
        Array { name: name.into(), shape: shape.into(), values, columns: Vec::new() }
    }

    fn rising(name: &str, shape: &[usize]) -> Array {
        array(name, shape, (0..shape.iter().product()).map(|i| i as f64).collect())
    }

    fn labels(name: &str) -> Array {
        array(name, &[6], vec![7.0, 3.0, 7.0, 3.0, -1.0, 7.0])
    }

    #[test]
    fn arrays_are_told_by_name_or_shape() {
        let named = [labels("a.npz/y"), rising("a.npz/H", &[6, 4]), rising("a.npz/W", &[3, 4]), rising("a.npz/b", &[3])];
        let nameless = [labels("1.npy"), rising("2.npy", &[6, 4]), rising("3.npy", &[3, 4]), rising("4.npy", &[3])];
        for arrays in [named, nameless] {
            let own = Features::own(&arrays).unwrap();
            assert_eq!((own.epochs, own.samples, own.dimension), (1, 6, 4));
            assert_eq!((own.classes.clone(), own.labels.clone()), (vec![-1, 3, 7], vec![2, 1, 2, 1, 0, 2]));
            assert_eq!(own.at(0)[(1, 2)], 9.0);
            let classifier = own.classifier(0).unwrap();
            assert_eq!((classifier.w[(2, 1)], classifier.bias.unwrap()[2]), (9.0, 2.0));
        }
    }

    #[test]
    fn a_leading_axis_is_time() {
        let own = Features::own(&[labels("y.npy"), rising("features.npy", &[5, 6, 4]), rising("w.npy", &[5, 4, 3])]).unwrap();
        assert_eq!(own.epochs, 5);
        assert_eq!(own.at(2)[(1, 2)], 57.0);
        // Stored dims × classes: entry (1, 2) of epoch 2.
        assert_eq!(own.classifier(2).unwrap().w[(2, 1)], 24.0 + 5.0);
    }

    #[test]
    fn a_table_has_a_column_of_labels() {
        let mut table = array("t.csv", &[3, 3], vec![1.0, 0.0, 2.0, 3.0, 1.0, 4.0, 5.0, 0.0, 6.0]);
        table.columns = ["a", "label", "b"].map(String::from).to_vec();
        let own = Features::own(&[table]).unwrap();
        assert_eq!((own.labels.as_slice(), own.at(0)[(1, 2)]), (&[0, 1, 0][..], 6.0));
        assert!(own.classifier(0).is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let says = |arrays: &[Array]| Features::own(arrays).unwrap_err().to_string();
        let h = rising("a.npz/h", &[6, 4]);
        assert_eq!(says(&[rising("a.npy", &[6])]), "features: none of the arrays is samples × dims (name it 'features')");
        assert_eq!(
            says(std::slice::from_ref(&h)),
            "labels: none of the arrays has one whole number for each of the 6 samples of a.npz/h"
        );
        assert_eq!(
            says(&[h.clone(), rising("a.npz/y", &[5])]),
            "a.npz/y: 5 labels for the 6 samples of a.npz/h; one each would be right"
        );
        assert_eq!(
            says(&[h.clone(), array("a.npz/y", &[6], vec![0.0, 1.0, 0.5, 0.0, 1.0, 1.0])]),
            "a.npz/y: label 0.5 of sample 3: a label is a whole number"
        );
        assert_eq!(
            says(&[h.clone(), array("a.npz/y", &[6], vec![1.0; 6])]),
            "a.npz/y: 1 different labels; this works with 2 to 100 classes"
        );
        assert_eq!(
            says(&[h, labels("a.npz/y"), rising("a.npz/w", &[2, 4])]),
            "a.npz/w: shape [2, 4]; [3, 4] (classes × dims), or that for each of the 1 epochs, would be right"
        );
        assert_eq!(says(&[rising("h.npy", &[6, 1]), labels("y.npy")]), "h.npy: 1 dims; this works with 2 to 2048");
    }
}
