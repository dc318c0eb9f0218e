//! The user's own features: what a network's last layer makes of labelled samples, once or epoch after epoch.

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use super::Array;
use super::roles::{Role, best, column, label_column, label_like, role, word};
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
    /// Which array or column was taken for what, and what was not used, a sentence a fact.
    pub understood: Vec<String>,
    /// H (d×N) of every epoch.
    values: Vec<DMatrix<f64>>,
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

/// An array, or the labels of a table, and what its name says of it.
struct Candidate<'a> {
    array: Cow<'a, Array>,
    named: Option<(Role, usize)>,
    /// The table that it is a part of.
    table: Option<&'a Array>,
    /// What else there is to say of it.
    beside: String,
}

impl<'a> Candidate<'a> {
    /// The array itself, or, of a table with a column of labels, that column and the others.
    fn all(array: &'a Array) -> Result<Vec<Candidate<'a>>> {
        let whole = |named| Candidate { array: Cow::Borrowed(array), named, table: None, beside: String::new() };
        let Some(at) = label_column(array)? else { return Ok(vec![whole(role(word(array)))]) };
        let rows = || array.values.chunks_exact(array.columns.len());
        let others = |j: &usize| *j != at;
        let labels = Array {
            name: format!("{}, {}", array.name, column(array, at)),
            shape: vec![array.shape[0]],
            values: rows().map(|row| row[at]).collect(),
            columns: Vec::new(),
        };
        let features = Array {
            name: array.name.clone(),
            shape: vec![array.shape[0], array.columns.len() - 1],
            values: rows().flat_map(|row| (0..row.len()).filter(others).map(|j| row[j])).collect(),
            columns: (0..array.columns.len()).filter(others).map(|j| array.columns[j].clone()).collect(),
        };
        let like: Vec<String> = label_like(array, at).collect();
        let beside = if like.is_empty() { String::new() } else { format!("; {} stays a feature", like.join(" and ")) };
        let part = |part, named, beside| Candidate { array: Cow::Owned(part), named, table: Some(array), beside };
        Ok(vec![part(features, None, String::new()), part(labels, role(&array.columns[at]), beside)])
    }

    /// Are there numbers everywhere?
    fn check(&self) -> Result<()> {
        self.table.unwrap_or(&self.array).check_finite()
    }

    fn is(&self, wanted: Role) -> Option<usize> {
        self.named.and_then(|(role, grade)| (role == wanted).then_some(grade))
    }
}

/// The one of the role: by the best name of those that fit, or, if no name says anything, the only one that fits without one.
fn pick<'c, 'a>(
    all: &'c [Candidate<'a>],
    wanted: Role,
    what: &str,
    fits: impl Fn(&Candidate) -> bool,
) -> Result<Option<&'c Candidate<'a>>> {
    let named = best(all.iter().filter_map(|c| Some((c.is(wanted)?, c))).filter(|(_, c)| fits(c)));
    let nameless = || all.iter().filter(|c| c.named.is_none() && fits(c)).collect();
    match if named.is_empty() { nameless() } else { named }[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        [one, other, ..] => Err(Error::new(format!(
            "{} and {} could both be the {what}; give the right one that name, or leave the other one out",
            one.array.name, other.array.name
        ))),
    }
}

impl Features {
    /// Most classes and dimensions that are measured.
    pub const LARGEST: (usize, usize) = (100, 2048);

    /// Features (samples × dims, or epochs × samples × dims), labels (samples), and if they are there classifier weights
    /// (classes × dims) and a bias (classes), each with an epoch axis before it or not. What an array is is told by its name
    /// (features, labels, weights, bias and the like) and otherwise by its shape. A csv table has a column `label`.
    ///
    /// # Errors
    /// None or two of an array that is needed, or one that is used and does not fit or has gaps.
    pub fn own(arrays: &[Array]) -> Result<Self> {
        let all = arrays.iter().map(Candidate::all).collect::<Result<Vec<_>>>()?;
        let all: Vec<Candidate> = all.into_iter().flatten().collect();
        // Without a name the largest are the features.
        let most = all.iter().filter(|c| c.named.is_none() && c.array.shape.len() > 1).map(|c| c.array.values.len()).max();
        let table = |c: &Candidate| c.array.shape.len() == 2 || c.array.shape.len() == 3;
        let largest = |c: &Candidate| c.named.is_some() || Some(c.array.values.len()) == most;
        let features = pick(&all, Role::Features, "features", |c| table(c) && largest(c))?;
        let features = features.or_else(|| all.iter().find(|c| c.is(Role::Features).is_some() || largest(c)));
        let features =
            features.ok_or_else(|| Error::new("features: none of the arrays is samples × dims (name it 'features')"))?;
        let name = &features.array.name;
        let (epochs, samples, dimension) = match features.array.shape[..] {
            [samples, dimension] => (1, samples, dimension),
            [epochs, samples, dimension] => (epochs, samples, dimension),
            _ => {
                return Err(Error::new(format!(
                    "{name}: features are samples × dims, or epochs × samples × dims; this array has {} dimensions",
                    features.array.shape.len()
                )));
            }
        };
        let labels = Self::pick_labels(&all, features, samples)?;
        features.check()?;
        labels.check()?;
        let mut own = Self::new(features, (epochs, samples, dimension), labels)?;
        own.take_classifier(&all, [features, labels])?;
        Ok(own)
    }

    fn pick_labels<'c, 'a>(all: &'c [Candidate<'a>], features: &Candidate, samples: usize) -> Result<&'c Candidate<'a>> {
        let name = &features.array.name;
        // Where an array is called labels, another one is not taken for them.
        let called = all.iter().any(|c| c.is(Role::Labels).is_some());
        let whole = |c: &Candidate| !called && c.array.shape[0] == samples && c.array.values.iter().all(|y| y.fract() == 0.0);
        let column = |c: &Candidate| {
            c.array.values.len() == samples && !std::ptr::eq(c, features) && (c.is(Role::Labels).is_some() || whole(c))
        };
        if let Some(labels) = pick(all, Role::Labels, "labels", column)? {
            return Ok(labels);
        }
        Err(match all.iter().find(|c| c.is(Role::Labels).is_some()) {
            Some(labels) => Error::new(format!(
                "{}: shape {:?}; one label for each of the {samples} samples of {name} would be right",
                labels.array.name, labels.array.shape
            )),
            None if !features.array.columns.is_empty() => {
                Error::new(format!("{name}: no column is named 'label', nor class, target or y"))
            }
            None => {
                Error::new(format!("labels: none of the arrays has one whole number for each of the {samples} samples of {name}"))
            }
        })
    }

    fn take_classifier(&mut self, all: &[Candidate], taken: [&Candidate; 2]) -> Result<()> {
        let (k, dimension, epochs) = (self.classes.len(), self.dimension, self.epochs);
        let free = |c: &Candidate| !taken.iter().any(|t| std::ptr::eq(*t, c));
        let is_w = |c: &Candidate| {
            let (time, tail) = c.array.shape.split_at(c.array.shape.len().saturating_sub(2));
            free(c) && (time.is_empty() || time == [epochs]) && (tail == [k, dimension] || tail == [dimension, k])
        };
        let is_b = |c: &Candidate| free(c) && (c.array.shape == [k] || c.array.shape == [epochs, k]);
        // The only one of its name must fit; of several, as in the weights of a whole network, those of other layers do not.
        let only = |role: Role, right: String| {
            let named: Vec<&Candidate> = all.iter().filter(|c| c.is(role).is_some()).collect();
            match named[..] {
                [one] => Err(Error::new(format!("{}: shape {:?}; {right} would be right", one.array.name, one.array.shape))),
                _ => Ok(None),
            }
        };
        // What nobody must have is not chosen between two without a name, and a bias without one only goes with weights without one.
        let alone = |fits: &dyn Fn(&Candidate) -> bool| all.iter().filter(|c| c.named.is_none() && fits(c)).count() == 1;
        let one_w = alone(&is_w);
        let w = match pick(all, Role::Weights, "classifier's weights", |c| is_w(c) && (c.named.is_some() || one_w))? {
            None => {
                only(Role::Weights, format!("[{k}, {dimension}] (classes × dims), or that for each of the {epochs} epochs,"))?
            }
            w => w,
        };
        let mut used = taken.to_vec();
        if let Some(w) = w {
            let free = |c: &Candidate| is_b(c) && !std::ptr::eq(c, w);
            let one_b = w.named.is_none() && alone(&free);
            let fits = |c: &Candidate| free(c) && (c.named.is_some() || one_b);
            // `fc.bias` goes with `fc.weight`.
            let stem = w.array.name.strip_suffix(word(&w.array));
            let own = all.iter().find(|c| {
                let beside = stem.is_some() && c.array.name.strip_suffix(word(&c.array)) == stem;
                beside && c.is(Role::Bias).is_some() && free(c)
            });
            let of_other_layers = stem.is_some_and(|stem| stem.contains('.'));
            let b = match own {
                None if of_other_layers => None,
                None => match pick(all, Role::Bias, "classifier's bias", fits)? {
                    None => only(Role::Bias, format!("[{k}], or that for each of the {epochs} epochs,"))?,
                    b => b,
                },
                own => own,
            };
            w.check()?;
            b.map_or(Ok(()), |b| b.check())?;
            // A square one is as its name says: Keras keeps a `kernel` of dims × classes.
            let upright = match w.array.shape[w.array.shape.len() - 2] {
                rows if k == dimension && rows == k => word(&w.array).eq_ignore_ascii_case("kernel"),
                rows => rows != k,
            };
            let shape = if upright { "dims × classes" } else { "classes × dims" };
            let bias = b.map_or("no bias".into(), |b| format!("bias {}", b.array.name));
            self.understood.push(format!("classifier: weights {} ({shape}), {bias}", w.array.name));
            self.weights = Some(Weights { w: w.array.values.clone(), upright, b: b.map(|b| b.array.values.clone()) });
            used.extend([w].into_iter().chain(b));
        } else {
            self.understood.push("no classifier's weights: what needs them is not measured".into());
        }
        let unused: Vec<&str> =
            all.iter().filter(|c| !used.iter().any(|u| std::ptr::eq(*u, *c))).map(|c| &*c.array.name).collect();
        if !unused.is_empty() {
            let more = if unused.len() > 5 { format!(" and {} more", unused.len() - 5) } else { String::new() };
            self.understood.push(format!("not used: {}{more}", unused[..unused.len().min(5)].join(", ")));
        }
        Ok(())
    }

    fn new(features: &Candidate, (epochs, samples, dimension): (usize, usize, usize), origin: &Candidate) -> Result<Self> {
        let (name, labels) = (&origin.array.name, &origin.array.values);
        if !(2..=Self::LARGEST.1).contains(&dimension) {
            return Err(Error::new(format!(
                "{}: {dimension} dims; this works with 2 to {}",
                features.array.name,
                Self::LARGEST.1
            )));
        }
        if let Some(row) = labels.iter().position(|y| *y != y.floor() || y.abs() > 1e15) {
            return Err(Error::new(format!("{name}: label {} of sample {}: a label is a whole number", labels[row], row + 1)));
        }
        let mut classes: Vec<i64> = labels.iter().map(|y| *y as i64).collect();
        classes.sort_unstable();
        classes.dedup();
        if !(2..=Self::LARGEST.0).contains(&classes.len()) {
            return Err(Error::new(format!(
                "{name}: {} different labels; this works with 2 to {} classes",
                classes.len(),
                Self::LARGEST.0
            )));
        }
        let place = |y: &f64| classes.binary_search(&(*y as i64)).expect("it is one of them") as u8;
        let labels = labels.iter().map(place).collect();
        let some: Vec<String> = classes.iter().take(6).map(i64::to_string).collect();
        let (some, more) = (some.join(", "), if classes.len() > 6 { ", …" } else { "" });
        let over = if epochs > 1 { format!(" in each of {epochs} epochs") } else { String::new() };
        let understood = vec![
            format!("features: {}, {samples} samples × {dimension} dims{over}", features.array.name),
            format!("labels: {name}, {} classes ({some}{more}){}", classes.len(), origin.beside),
        ];
        let history = features.array.values.chunks_exact(samples * dimension);
        let values = history.map(|h| DMatrix::from_column_slice(dimension, samples, h)).collect();
        Ok(Features { epochs, samples, dimension, labels, classes, understood, values, weights: None })
    }

    /// H (d×N) at an epoch.
    pub fn at(&self, epoch: usize) -> &DMatrix<f64> {
        &self.values[epoch]
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
        assert_eq!(
            own.understood,
            [
                "features: t.csv, 3 samples × 2 dims",
                "labels: t.csv, column 2 ('label'), 2 classes (0, 1)",
                "no classifier's weights: what needs them is not measured"
            ]
        );
    }

    /// Coordinates beside a label are features, whatever they are called.
    #[test]
    fn the_best_column_is_the_label() {
        let own = |header: [&str; 3]| {
            let mut table = array("t.csv", &[3, 3], vec![1.0, 0.0, 2.0, 1.5, 1.0, 4.0, 4.0, 0.0, 2.0]);
            table.columns = header.map(String::from).to_vec();
            Features::own(&[table])
        };
        for header in [["a", "b", "label"], ["x", "y", "label"], ["x", "y", "class"], ["x", "target", "label"]] {
            let own = own(header).unwrap();
            assert_eq!((&own.classes[..], &own.labels[..], own.at(0)[(1, 1)]), (&[2, 4][..], &[0, 1, 0][..], 1.0));
            assert!(own.understood[1].starts_with(&format!("labels: t.csv, column 3 ('{}'), 2 classes (2, 4)", header[2])));
            assert_eq!(own.understood[1].contains("stays a feature"), header[1] != "b", "{:?}", own.understood);
        }
        assert!(own(["a", "class", "target"]).unwrap_err().to_string().contains("could both be the labels"));
        assert_eq!(own(["x", "y", "z"]).unwrap_err().to_string(), "t.csv: no column is named 'label', nor class, target or y");
    }

    /// What nobody asks for stops nothing, and is named; two that could be meant are not chosen between.
    #[test]
    fn only_what_is_used_must_fit() {
        let (h, y) = (rising("a.npz/features", &[6, 4]), labels("a.npz/labels"));
        let of = |more: &[Array]| Features::own(&[&[h.clone(), y.clone()][..], more].concat());
        let gaps = array("a.npz/log", &[2], vec![f64::NAN, 1.0]);
        let own = of(&[gaps, rising("a.npz/0.weight", &[4, 9]), rising("a.npz/2.weight", &[3, 4]), rising("a.npz/2.bias", &[3])]);
        let own = own.unwrap();
        assert_eq!(own.classifier(0).unwrap().bias.unwrap()[2], 2.0);
        assert_eq!(
            own.understood[2..],
            ["classifier: weights a.npz/2.weight (classes × dims), bias a.npz/2.bias", "not used: a.npz/log, a.npz/0.weight"]
        );
        let says = |more: Array| of(&[more]).unwrap_err().to_string();
        assert!(says(rising("a.npz/feature", &[6, 4])).contains("a.npz/features and a.npz/feature could both be the features"));
        let mut torn = rising("a.npz/w", &[3, 4]);
        torn.values[5] = f64::NAN;
        assert_eq!(says(torn), "a.npz/w: row 2, column 2 is empty or not finite; every number must be finite here");
        // Neither the means of the classes nor their sizes are a classifier for want of a better one.
        let means = of(&[rising("a.npz/means", &[3, 4]), rising("a.npz/medians", &[3, 4])]).unwrap();
        assert!(means.classifier(0).is_none() && means.understood[3] == "not used: a.npz/means, a.npz/medians");
        let sizes = of(&[rising("a.npz/w", &[3, 4]), rising("a.npz/sizes", &[3])]).unwrap();
        assert!(sizes.classifier(0).unwrap().bias.is_none() && sizes.understood[3] == "not used: a.npz/sizes");
        // x and y beside labels: the better name is taken.
        assert_eq!(of(&[labels("a.npz/y"), rising("a.npz/x", &[6, 4])]).unwrap().understood[0], own.understood[0]);
    }

    #[test]
    fn a_square_kernel_is_as_keras_keeps_it() {
        let of = |name: &str| {
            let own = Features::own(&[labels("a.npz/y"), rising("a.npz/x", &[6, 3]), rising(name, &[3, 3])]).unwrap();
            own.classifier(0).unwrap().w[(0, 1)]
        };
        assert_eq!((of("a.npz/dense/kernel"), of("a.npz/fc.weight")), (3.0, 1.0));
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
            "a.npz/y: shape [5]; one label for each of the 6 samples of a.npz/h would be right"
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
