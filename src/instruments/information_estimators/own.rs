//! Activities of the reader's own.

use run::prelude::*;

/// The two whole numbers at the end of an array's name.
fn epoch_and_layer(name: &str) -> Option<(usize, usize)> {
    let (before, layer) = name.rsplit_once('_')?;
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    Some((before[before.len() - digits..].parse().ok()?, layer.parse().ok()?))
}

/// The reader's activities: an array named `labels` (samples) and either one array a layer (epochs × samples × units), or a single one
/// with the layers as its second axis, or one array (samples × units) for every epoch and layer, named by both as in `20_3`.
pub(super) fn read(arrays: &[Array]) -> Result<(Vec<Array>, Vec<u8>)> {
    arrays.iter().try_for_each(Array::check_finite)?;
    let file = &arrays[0].name;
    let wrong =
        |what: String| Error::new(format!("{what}; give labels (samples) and activities, epochs × samples × units a layer"));
    let is_labels = |a: &&Array| a.name.ends_with("labels") || a.shape.len() == 1;
    let labels = arrays.iter().find(is_labels).ok_or_else(|| wrong(format!("{file}: no array named labels")))?;
    let valid = |v: &f64| v.fract() == 0.0 && (0.0..=255.0).contains(v);
    if !labels.values.iter().all(valid) {
        return Err(wrong(format!("{}: labels are whole numbers from 0 to 255", labels.name)));
    }
    let n = labels.values.len();
    let (mut layers, mut singles) = (Vec::new(), Vec::new());
    for array in arrays.iter().filter(|a| !is_labels(a)) {
        let shape = &array.shape;
        match shape.len() {
            2 if shape[0] == n => singles.push((
                epoch_and_layer(&array.name).ok_or_else(|| {
                    wrong(format!("{}: an array of samples × units is named by its epoch and layer, as in 20_3", array.name))
                })?,
                array,
            )),
            3 if shape[1] == n => layers.push(array.clone()),
            4 if shape[2] == n => {
                let (epochs, count, size) = (shape[0], shape[1], shape[2] * shape[3]);
                for l in 0..count {
                    let part = |e: usize| &array.values[(e * count + l) * size..][..size];
                    let values = (0..epochs).flat_map(|e| part(e).iter().copied()).collect();
                    let name = format!("{}, layer {}", array.name, l + 1);
                    layers.push(Array { name, shape: vec![epochs, n, shape[3]], values, columns: Vec::new() });
                }
            }
            _ => return Err(wrong(format!("{}: its shape {shape:?} does not fit {n} labels", array.name))),
        }
    }
    singles.sort_by_key(|((epoch, layer), _)| (*layer, *epoch));
    for of_layer in singles.chunk_by(|((_, a), _), ((_, b), _)| a == b) {
        let first = of_layer[0].1;
        if let Some((_, other)) = of_layer.iter().find(|(_, array)| array.shape != first.shape) {
            return Err(wrong(format!("{}: its shape {:?} is not that of {}", other.name, other.shape, first.name)));
        }
        let values = of_layer.iter().flat_map(|(_, array)| array.values.iter().copied()).collect();
        let shape = vec![of_layer.len(), n, first.shape[1]];
        layers.push(Array { name: first.name.clone(), shape, values, columns: Vec::new() });
    }
    let epochs = layers.first().map(|l| l.shape[0]).ok_or_else(|| wrong(format!("{file}: no activities")))?;
    match layers.iter().find(|l| l.shape[0] != epochs) {
        Some(other) => Err(wrong(format!("{}: {} epochs where {} has {epochs}", other.name, other.shape[0], layers[0].name))),
        None if layers.len() > 8 || n < 8 => {
            Err(wrong(format!("{file}: {} layers of {n} samples; at most 8, of at least 8", layers.len())))
        }
        None => Ok((layers, labels.values.iter().map(|v| *v as u8).collect())),
    }
}
