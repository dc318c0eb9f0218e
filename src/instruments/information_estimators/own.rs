//! Activities of the reader's own.

use run::prelude::*;

/// What the reader brought.
#[derive(Debug)]
pub(super) struct Own {
    pub layers: Vec<Layer>,
    pub labels: Vec<u8>,
    /// The number of each epoch: as names have it, or counted from 0.
    pub epochs: Vec<usize>,
    /// What the arrays were taken for.
    pub understood: Vec<String>,
}

/// A layer: epochs × samples × units.
#[derive(Debug)]
pub(super) struct Layer {
    pub array: Array,
    /// The smallest of its values. What is estimated depends on differences, which are taken before values are rounded to single precision.
    pub offset: f64,
}

/// The last part of an array's name, in lower case.
fn word(array: &Array) -> String {
    let last = array.name.rsplit('/').next().unwrap_or("").to_lowercase();
    last.split('.').next().unwrap_or("").into()
}

/// The two whole numbers at the end of an array's name.
fn epoch_and_layer(name: &str) -> Option<(usize, usize)> {
    let name = [".npy", ".csv", ".txt"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let (before, layer) = name.rsplit_once('_')?;
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    Some((before[before.len() - digits..].parse().ok()?, layer.parse().ok()?))
}

fn wrong(what: String) -> Error {
    Error::new(format!("{what}; give labels (samples) and activities, epochs × samples × units a layer"))
}

/// Names side by side.
fn list<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<String>>().join(", ")
}

/// The labels: by their name, else the one array of a single axis that is as long as the samples of another.
fn labels(arrays: &[Array]) -> Result<&Array> {
    let names = ["labels", "label", "y", "targets", "target", "classes", "class"];
    let named = |name: &&str| arrays.iter().find(|a| word(a) == **name);
    let ending = || arrays.iter().find(|a| word(a).ends_with("labels"));
    if let Some(labels) = names.iter().find_map(named).or_else(ending) {
        return Ok(labels);
    }
    let samples = |a: &Array| match a.shape[..] {
        [n, _] | [_, n, _] | [_, _, n, _] => n,
        _ => 0,
    };
    let fits = |a: &&Array| a.shape.len() == 1 && arrays.iter().any(|other| samples(other) == a.shape[0]);
    match arrays.iter().filter(fits).collect::<Vec<_>>()[..] {
        [labels] => Ok(labels),
        [] => Err(wrong(format!("{}: no array named labels", arrays[0].name))),
        [first, second, ..] => Err(wrong(format!("{} and {}: either may be the labels; name one so", first.name, second.name))),
    }
}

impl Own {
    /// An array of labels (samples) and either one array a layer (epochs × samples × units), or a single one with the layers as its
    /// second axis, or one array (samples × units) for every epoch and layer, named by both as in `20_3`.
    ///
    /// # Errors
    /// Arrays that are none of these, or do not fit together.
    pub fn read(arrays: &[Array]) -> Result<Own> {
        let labels = labels(arrays)?;
        labels.check_finite()?;
        let valid = |v: &f64| v.fract() == 0.0 && (0.0..=255.0).contains(v);
        if !labels.values.iter().all(valid) {
            return Err(wrong(format!("{}: labels are whole numbers from 0 to 255", labels.name)));
        }
        let n = labels.values.len();
        let (mut layers, mut singles, mut left) = (Vec::<Array>::new(), Vec::new(), Vec::new());
        for array in arrays.iter().filter(|a| !std::ptr::eq(*a, labels)) {
            let shape = &array.shape;
            match (shape.len(), epoch_and_layer(&array.name)) {
                (2, Some(at)) if shape[0] == n => singles.push((at, array)),
                (3, _) if shape[1] == n => layers.push(array.clone()),
                (4, _) if shape[2] == n => {
                    let (epochs, count, size) = (shape[0], shape[1], shape[2] * shape[3]);
                    for l in 0..count {
                        let part = |e: usize| &array.values[(e * count + l) * size..][..size];
                        let values = (0..epochs).flat_map(|e| part(e).iter().copied()).collect();
                        let name = format!("{}, layer {}", array.name, l + 1);
                        layers.push(Array { name, shape: vec![epochs, n, shape[3]], values, columns: Vec::new() });
                    }
                }
                (3.., _) => return Err(wrong(format!("{}: its shape {shape:?} does not fit {n} labels", array.name))),
                _ => {
                    left.push(array);
                    continue;
                }
            }
            array.check_finite()?;
        }
        let counted = layers.first().map(|l| (0..l.shape[0]).collect::<Vec<usize>>());
        let mut numbers = counted.clone();
        singles.sort_by_key(|((epoch, layer), _)| (*layer, *epoch));
        for of_layer in singles.chunk_by(|((_, a), _), ((_, b), _)| a == b) {
            let first = of_layer[0].1;
            if let Some((_, other)) = of_layer.iter().find(|(_, array)| array.shape != first.shape) {
                return Err(wrong(format!("{}: its shape {:?} is not that of {}", other.name, other.shape, first.name)));
            }
            let epochs: Vec<usize> = of_layer.iter().map(|((epoch, _), _)| *epoch).collect();
            let all = numbers.get_or_insert_with(|| epochs.clone());
            if counted.is_none() && *all != epochs {
                let (here, there) = (list(&epochs), list(all.iter()));
                return Err(wrong(format!("{}: its layer has the epochs {here} where another has {there}", first.name)));
            }
            let values = of_layer.iter().flat_map(|(_, array)| array.values.iter().copied()).collect();
            let shape = vec![of_layer.len(), n, first.shape[1]];
            layers.push(Array { name: list(of_layer.iter().map(|(_, array)| &array.name)), shape, values, columns: Vec::new() });
        }
        let Some(epochs) = numbers else {
            let single = left.iter().find(|array| array.shape.len() == 2 && array.shape[0] == n);
            return Err(wrong(match single {
                Some(array) => format!("{}: an array of samples × units is named by its epoch and layer, as in 20_3", array.name),
                None => format!("{}: no activities", arrays[0].name),
            }));
        };
        if let Some(other) = layers.iter().find(|l| l.shape[0] != epochs.len()) {
            let (found, wanted) = (other.shape[0], epochs.len());
            return Err(wrong(format!("{}: {found} epochs where {} has {wanted}", other.name, layers[0].name)));
        }
        if layers.len() > 8 || n < 8 {
            return Err(wrong(format!("{}: {} layers of {n} samples; at most 8, of at least 8", arrays[0].name, layers.len())));
        }
        layers.iter().try_for_each(Array::check_single)?;
        let mut classes = labels.values.clone();
        classes.sort_by(f64::total_cmp);
        classes.dedup();
        let mut understood = vec![format!("{}: labels of {n} samples, {} different ones", labels.name, classes.len())];
        understood.extend(layers.iter().enumerate().map(|(l, Array { name, shape, .. })| {
            format!("{name}: layer {}, {} epochs of {n} samples × {} units", l + 1, shape[0], shape[2])
        }));
        if counted.is_none() {
            understood.push(format!("The names have the epochs {}", list(&epochs)));
        }
        if !left.is_empty() {
            understood
                .push(format!("Left out, as neither labels nor activities: {}", list(left.iter().map(|array| &array.name))));
        }
        let layer = |array: Array| Layer { offset: array.values.iter().copied().fold(f64::INFINITY, f64::min), array };
        let labels = labels.values.iter().map(|v| *v as u8).collect();
        Ok(Own { layers: layers.into_iter().map(layer).collect(), labels, epochs, understood })
    }
}
