//! What names of arrays say of a network's parameters: PyTorch's, Keras's and Flax's, and numpy's by hand.

use run::prelude::*;

/// The arrays of one layer.
pub struct Group<'a> {
    /// Its name.
    prefix: String,
    /// W, or a normalisation's γ.
    pub weight: Option<&'a Array>,
    /// b, or a normalisation's β.
    pub bias: Option<&'a Array>,
    /// Mean and variance of a normalisation.
    mean: Option<&'a Array>,
    variance: Option<&'a Array>,
    /// W is kept outputs × inputs; none where its name does not say.
    pub outputs_first: Option<bool>,
    /// ε of a normalisation.
    epsilon: f64,
}

/// What a layer's array is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Weight,
    Bias,
    Mean,
    Variance,
}

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum House {
    Torch,
    Keras,
    Any,
}

/// Last parts of names.
const WORDS: &[(&str, Slot, House)] = &[
    ("running_mean", Slot::Mean, House::Torch),
    ("running_var", Slot::Variance, House::Torch),
    ("moving_mean", Slot::Mean, House::Keras),
    ("moving_variance", Slot::Variance, House::Keras),
    ("moving_var", Slot::Variance, House::Keras),
    ("weight", Slot::Weight, House::Torch),
    ("weights", Slot::Weight, House::Any),
    ("kernel", Slot::Weight, House::Keras),
    ("gamma", Slot::Weight, House::Keras),
    ("scale", Slot::Weight, House::Any),
    ("bias", Slot::Bias, House::Any),
    ("biases", Slot::Bias, House::Any),
    ("beta", Slot::Bias, House::Any),
    ("mean", Slot::Mean, House::Any),
    ("var", Slot::Variance, House::Any),
    ("w", Slot::Weight, House::Any),
    ("b", Slot::Bias, House::Any),
];
/// First parts of names that say nothing of the layer: wrappers of compiled and parallel modules, and collections.
const WRAPPERS: &[&str] = &["_orig_mod", "module", "params", "batch_stats", "state_dict", "model_state_dict"];
/// Parts of names of what is no network's.
const FOREIGN: &[&str] = &["optimizer", "optim", "opt_state", "seed_generator", "metrics", "scheduler"];
/// What names of parameters have in them.
const PARAMETER: &[&str] = &["weight", "bias", "kernel", "gamma", "running_", "moving_"];

/// The name inside the file.
pub fn inner(array: &Array) -> &str {
    array.name[array.file().len()..].trim_start_matches('/')
}

/// A name as it counts: "net.10.weight" after "net.2.weight".
pub fn natural(name: &str) -> (Vec<(u64, String)>, String) {
    let mut parts = vec![(0u64, String::new())];
    for c in name.to_lowercase().chars() {
        let last = parts.len() - 1;
        match c.to_digit(10) {
            Some(digit) if parts[last].1.is_empty() => {
                parts[last].0 = parts[last].0.saturating_mul(10).saturating_add(u64::from(digit))
            }
            Some(digit) => parts.push((u64::from(digit), String::new())),
            None => parts[last].1.push(c),
        }
    }
    (parts, name.to_string())
}

/// The parts of a name, wrappers apart, in small letters; TensorFlow's ":0" is none.
fn segments(array: &Array) -> Vec<String> {
    let name = inner(array).trim_end_matches(":0").to_lowercase();
    let parts = name.split(['.', '/']).filter(|part| *part != "_orig_mod").map(String::from);
    parts.skip_while(|part| WRAPPERS.contains(&part.as_str())).collect()
}

/// Keras 3's numbered variables: the layer and the number.
fn numbered(segments: &[String]) -> Option<(String, usize)> {
    match segments {
        [layer @ .., vars, number] if vars == "vars" => Some((layer.join("/"), number.parse().ok()?)),
        _ => None,
    }
}

/// The layer, and what the array is of it; none where the name does not say.
fn role(array: &Array, all: &[Array], axes: usize) -> Option<(String, Slot, House)> {
    let segments = segments(array);
    if segments.iter().any(|part| FOREIGN.contains(&part.as_str())) {
        return None;
    }
    if let Some((layer, number)) = numbered(&segments) {
        let same = |other: &&Array| numbered(&self::segments(other)).is_some_and(|(of, _)| of == layer);
        let matrix = |other: &Array| other.shape.len() == axes && numbered(&self::segments(other)).is_some_and(|(_, k)| k == 0);
        let slots: &[Slot] = match all.iter().filter(same).count() {
            1 | 2 if all.iter().filter(same).any(matrix) => &[Slot::Weight, Slot::Bias],
            2 => &[Slot::Weight, Slot::Bias],
            4 => &[Slot::Weight, Slot::Bias, Slot::Mean, Slot::Variance],
            _ => return None,
        };
        return slots.get(number).map(|slot| (layer, *slot, House::Keras));
    }
    let (last, before) = segments.split_last()?;
    let named = |head: &str, slot, house| {
        (
            before.iter().map(String::as_str).chain([head]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."),
            slot,
            house,
        )
    };
    WORDS.iter().find_map(|(word, slot, house)| {
        if let Some(head) = last.strip_suffix(word).filter(|head| head.is_empty() || head.ends_with('_')) {
            return Some(named(head.trim_end_matches('_'), *slot, *house));
        }
        let number = last.strip_prefix(word)?.trim_start_matches('_');
        (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then(|| named(number, *slot, *house))
    })
}

/// Axes of a matrix: three where the first one is time.
fn axes(arrays: &[Array]) -> usize {
    let series = |array: &Array| {
        array.shape.len() == 3 && (2..=3).any(|axes| matches!(role(array, arrays, axes), Some((_, Slot::Weight, _))))
    };
    if arrays.iter().any(series) { 3 } else { 2 }
}

/// Weights and biases by their names, or several matrices.
pub fn is_state(arrays: &[Array]) -> bool {
    let axes = axes(arrays);
    let matrices = arrays.iter().filter(|array| array.shape.len() >= 2).count();
    matrices > 1 || matrices > 0 && arrays.iter().any(|array| role(array, arrays, axes).is_some() || unread(array))
}

/// By its name a parameter, though of no layer that is known here.
fn unread(array: &Array) -> bool {
    let segments = segments(array);
    let name = segments.join(".");
    !segments.iter().any(|part| FOREIGN.contains(&part.as_str())) && PARAMETER.iter().any(|word| name.contains(word))
}

/// The layers in the file's order, and the names of arrays that are no layer's.
///
/// # Errors
/// The first array that is a parameter of something else than a fully connected layer or a batch normalisation.
pub fn grouped(arrays: &[Array]) -> Result<(Vec<Group<'_>>, Vec<&str>)> {
    let axes = axes(arrays);
    let (mut groups, mut left_out) = (Vec::<Group>::new(), Vec::new());
    for array in arrays {
        let Some((prefix, slot, house)) = role(array, arrays, axes) else {
            if unread(array) {
                return Err(refused(array, "is by its name a parameter of a layer that this does not work with"));
            }
            left_out.push(array);
            continue;
        };
        let group = match groups.iter_mut().find(|group| group.prefix == prefix) {
            Some(group) => group,
            None => {
                groups.push(Group::new(prefix));
                groups.last_mut().expect("it was put there")
            }
        };
        group.put(array, slot, house)?;
    }
    if groups.is_empty() {
        groups = by_place(std::mem::take(&mut left_out))?;
    }
    for group in &mut groups {
        group.check(axes)?;
    }
    Ok((groups, left_out.into_iter().map(inner).collect()))
}

/// Arrays whose names say nothing: matrices, each with the vector after it, as numpy.savez writes Keras's get_weights().
fn by_place(arrays: Vec<&Array>) -> Result<Vec<Group<'_>>> {
    let most = arrays.iter().map(|array| array.shape.len()).max().unwrap_or(0);
    let mut groups = Vec::<Group>::new();
    for array in arrays {
        match groups.last_mut() {
            _ if array.shape.len() == most => {
                groups.push(Group { weight: Some(array), ..Group::new(inner(array).to_lowercase()) });
            }
            Some(group) if group.bias.is_none() => group.bias = Some(array),
            _ => return Err(refused(array, "stands after no matrix whose bias it could be")),
        }
    }
    Ok(groups)
}

fn refused(array: &Array, why: &str) -> Error {
    Error::new(format!(
        "{}: {why}; fully connected layers (weight and bias, or kernel and bias) and batch normalisations (with running mean and variance) are read",
        array.name
    ))
}

impl<'a> Group<'a> {
    fn new(prefix: String) -> Self {
        Group { prefix, weight: None, bias: None, mean: None, variance: None, outputs_first: None, epsilon: 1e-5 }
    }

    fn put(&mut self, array: &'a Array, slot: Slot, house: House) -> Result<()> {
        let place = match slot {
            Slot::Weight => &mut self.weight,
            Slot::Bias => &mut self.bias,
            Slot::Mean => &mut self.mean,
            Slot::Variance => &mut self.variance,
        };
        if place.replace(array).is_some() {
            return Err(refused(array, "is there twice"));
        }
        match (slot, house) {
            (Slot::Weight, House::Torch | House::Keras) => self.outputs_first = Some(house == House::Torch),
            // What Keras adds unless it is told otherwise.
            (Slot::Variance, House::Keras) => self.epsilon = 1e-3,
            _ => {}
        }
        Ok(())
    }

    /// Is it a layer that is known here?
    fn check(&self, axes: usize) -> Result<()> {
        match (self.mean, self.variance) {
            (Some(_), Some(variance)) if variance.values.iter().any(|v| *v < 0.0) => {
                return Err(refused(variance, "has a variance below 0"));
            }
            (Some(mean), Some(_)) => {
                let wrong = self.arrays().find(|array| array.shape != mean.shape);
                let why = |array: &Array| format!("has shape {:?} beside a mean of {:?}", array.shape, mean.shape);
                return wrong.map_or(Ok(()), |array| Err(refused(array, &why(array))));
            }
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(refused(alone, "stands alone: a normalisation has a mean and a variance"));
            }
            (None, None) => {}
        }
        match (self.weight, self.bias) {
            (Some(weight), _) if weight.shape.len() < axes => Err(refused(
                weight,
                "is a vector without a running mean and variance beside it, as of a layer normalisation, which has no place here",
            )),
            (None, Some(bias)) => Err(refused(bias, "has no weight beside it")),
            _ => Ok(()),
        }
    }

    /// All its arrays.
    pub fn arrays(&self) -> impl Iterator<Item = &'a Array> {
        [self.weight, self.bias, self.mean, self.variance].into_iter().flatten()
    }

    /// Is it a normalisation?
    pub fn normalises(&self) -> bool {
        self.mean.is_some()
    }

    /// The last two sizes of its matrix.
    pub fn shape(&self) -> Option<(usize, usize)> {
        let weight = self.weight.filter(|_| !self.normalises())?;
        let n = weight.shape.len();
        Some((weight.shape[n - 2], weight.shape[n - 1]))
    }

    /// Units below and above.
    pub fn size(&self, outputs_first: bool) -> (usize, usize) {
        match self.shape() {
            Some((rows, columns)) if outputs_first => (columns, rows),
            Some(size) => size,
            None => {
                let channels = self.mean.and_then(|mean| mean.shape.last()).expect("a layer without a matrix is a normalisation");
                (*channels, *channels)
            }
        }
    }

    /// Does its bias fit, if there is one?
    pub fn biased(&self, outputs_first: bool) -> bool {
        self.bias.is_none_or(|bias| bias.shape.last() == Some(&self.size(outputs_first).1))
    }

    /// The numbers in its name.
    pub fn numbers(&self) -> Vec<u64> {
        let digits = self.prefix.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        digits.map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    }

    /// The last of them.
    pub fn number(&self) -> Option<u64> {
        self.numbers().last().copied()
    }

    /// Are their names alike but for the numbers? "dense", "dense_1" and "dense_2" are.
    pub fn kin(&self, other: &Group) -> bool {
        let letters = |group: &Group| group.prefix.replace(|c: char| c.is_ascii_digit(), "").trim_end_matches('_').to_string();
        letters(self) == letters(other)
    }

    /// Puts its parameters at a step of a series at the end of `theta`: W inputs × outputs and b; of a normalisation the factor and shift
    /// that its statistics make, then γ and β.
    pub fn append(&self, step: usize, steps: usize, outputs_first: bool, theta: &mut Vec<f32>) {
        let part = |array: &'a Array| {
            let size = array.values.len() / steps;
            &array.values[step * size..(step + 1) * size]
        };
        let (from, to) = self.size(outputs_first);
        let or = |array: Option<&'a Array>, value: f64| array.map_or(vec![value; to], |array| part(array).to_vec());
        let mut push = |values: &mut dyn Iterator<Item = f64>| theta.extend(values.map(|v| v as f32));
        if let (Some(mean), Some(variance)) = (self.mean, self.variance) {
            let factors: Vec<f64> = part(variance).iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect();
            push(&mut factors.iter().copied());
            push(&mut part(mean).iter().zip(&factors).map(|(m, f)| -m * f));
            push(&mut or(self.weight, 1.0).into_iter());
        } else if let Some(weight) = self.weight {
            let w = part(weight);
            let at = |k: usize| if outputs_first { w[k % to * from + k / to] } else { w[k] };
            push(&mut (0..from * to).map(at));
        }
        push(&mut or(self.bias, 0.0).into_iter());
    }

    /// What its arrays were taken for.
    pub fn told(&self, outputs_first: bool, after_activation: bool) -> String {
        let names: Vec<&str> = self.arrays().map(inner).collect();
        let names = names.join(", ");
        let (from, to) = self.size(outputs_first);
        if self.normalises() {
            let place = if after_activation { "after" } else { "before" };
            return format!(
                "{names}: a batch normalisation of {to} by its running statistics, ε = {:e}, {place} an activation that stands beside it",
                self.epsilon
            );
        }
        let (order, bias) = (
            if outputs_first { "outputs × inputs" } else { "inputs × outputs" },
            if self.bias.is_some() { "" } else { ", without a bias" },
        );
        format!("{names}: a layer from {from} to {to} ({order}{bias})")
    }
}
