//! Checkpoints of a fully connected network: what arrays of what names are which layers.
//!
//! Weights and biases belong together by name, what stands before `.weight`, `.bias`, `/kernel`, `/gamma` and the like. PyTorch keeps
//! outputs × inputs under `weight`, Keras and Flax inputs × outputs under `kernel`. Layers follow one another as in the file, numbered
//! ones by their numbers; a batch normalisation is the one that its running statistics make it.

use methods::network::layered::{Layer, Layered};
use methods::network::model::{Hidden, Model, dense};
use run::prelude::*;

use super::controls::Through;
use super::names::{Group, grouped, natural};
use super::problem::Task;

/// Checkpoints of one network, parameters in the order in which [`Network`](methods::network::dense::Network) or [`Layered`] keeps them.
#[derive(Debug, PartialEq)]
pub struct Checkpoints {
    /// The file they came from, or the first one.
    pub file: String,
    /// Its layers, activations apart.
    parts: Vec<Part>,
    /// One or more.
    pub path: Vec<Vec<f32>>,
    /// Which parameters are weights of the network: no biases that it does not have, and no statistics.
    pub weights: Vec<usize>,
    /// What the arrays were taken for.
    pub understood: Vec<String>,
}

/// A layer with parameters.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// W and b.
    Dense { from: usize, to: usize, bias: bool },
    /// (a − m)/√(v + ε), then γ a + β.
    Normalise { channels: usize, factor: bool, shift: bool, after_activation: bool },
}

impl Part {
    fn of(group: &Group, outputs_first: bool) -> Part {
        let size = group.size(outputs_first);
        let (factor, bias) = (group.weight.is_some(), group.bias.is_some());
        if group.normalises() {
            Part::Normalise { channels: size.0, factor, shift: bias, after_activation: false }
        } else {
            Part::Dense { from: size.0, to: size.1, bias }
        }
    }
}

/// Parameters of one network, at most, and of all checkpoints together.
const LARGEST: (usize, usize) = (300_000, 30_000_000);

impl Checkpoints {
    /// Numbers of a sample, and classes.
    fn ends(&self) -> (usize, usize) {
        let mut dense = self.parts.iter().filter_map(|part| match part {
            Part::Dense { from, to, .. } => Some((*from, *to)),
            Part::Normalise { .. } => None,
        });
        let first = dense.next().expect("a network has a layer");
        (first.0, dense.next_back().unwrap_or(first).1)
    }

    /// Classes that the network tells apart.
    pub fn outputs(&self) -> usize {
        self.ends().1
    }

    /// The network that they are weights of; the task must fit it.
    pub fn network(&self, hidden: Hidden, task: &Task) -> Result<Model> {
        let (inputs, classes) = self.ends();
        if inputs != task.samples.features || classes < task.classes {
            return Err(Error::new(format!(
                "{}: a network from {inputs} numbers to {classes} classes, and the samples have {} numbers and {} classes; choose the problem it was trained on (digits 64, MNIST 784), or drop its samples",
                self.file, task.samples.features, task.classes
            )));
        }
        let mut random = Random::new(0, "weights");
        if self.parts.iter().all(|part| matches!(part, Part::Dense { .. })) {
            let sizes = self.parts.iter().map(|part| match part {
                Part::Dense { to, .. } => *to,
                Part::Normalise { channels, .. } => *channels,
            });
            return Ok(dense(&std::iter::once(inputs).chain(sizes).collect::<Vec<_>>(), hidden, &mut random));
        }
        let last = self.parts.iter().rposition(|part| matches!(part, Part::Dense { .. })).expect("a network has a layer");
        let (mut layers, mut pending) = (Vec::new(), false);
        for (l, part) in self.parts.iter().enumerate() {
            match *part {
                Part::Dense { from, to, .. } => {
                    layers.extend(std::mem::take(&mut pending).then(|| hidden.layer()));
                    layers.push(Layer::Dense { from, to });
                    pending = l < last;
                }
                Part::Normalise { channels, after_activation, .. } => {
                    layers.extend((after_activation && std::mem::take(&mut pending)).then(|| hidden.layer()));
                    layers.extend([Layer::Scale { channels }; 2]);
                }
            }
        }
        Ok(Layered::new(layers, inputs, hidden.start(), &mut random).into())
    }

    /// Do they move, where the plane needs that?
    pub fn moves_for(&self, plane: Through) -> Result<()> {
        let (first, file) = (&self.path[0], &self.file);
        if plane != Through::Path || self.path.iter().any(|theta| theta != first) {
            return Ok(());
        }
        Err(Error::new(match self.path.len() {
            1 => format!("plane: principal components of the path need checkpoints that move, and {file} has one alone"),
            n => format!(
                "plane: principal components of the path need checkpoints that move, and the {n} of {file} are all the same"
            ),
        }))
    }

    /// One or more files, each with the arrays of one network, or one file whose arrays all have one axis more, the checkpoints; for
    /// samples of so many `features`.
    pub fn read(mut files: Vec<Vec<Array>>, features: usize) -> Result<Checkpoints> {
        files.sort_by_cached_key(|arrays| natural(arrays[0].file()));
        let file = files[0][0].file().to_string();
        let mut found: Option<Checkpoints> = None;
        for arrays in &files {
            let next = of_file(arrays, features)?;
            let Some(all) = &mut found else {
                found = Some(next);
                continue;
            };
            if all.parts != next.parts {
                return Err(Error::new(format!("{}: a network of {}; {file} has one of {}", next.file, next.said(), all.said())));
            }
            all.path.extend(next.path);
        }
        let mut all = found.expect("there is a file");
        let size = all.path[0].len();
        if size > LARGEST.0 || size * all.path.len() > LARGEST.1 {
            return Err(Error::new(format!(
                "{file}: {} checkpoints of {size} weights; this works with networks of {} weights, and {} in all",
                all.path.len(),
                LARGEST.0,
                LARGEST.1
            )));
        }
        let names: Vec<&str> = files.iter().map(|arrays| arrays[0].file()).collect();
        let checkpoints = match (names.len(), all.path.len()) {
            (1, 1) => format!("{file}: one network"),
            (1, n) => format!("{file}: {n} checkpoints along the first axis"),
            (n, m) if n == m => format!("{n} checkpoints, one a file, in this order: {}", listed(&names)),
            (_, m) => format!("{m} checkpoints, file after file: {}", listed(&names)),
        };
        all.understood.insert(0, checkpoints);
        Ok(all)
    }

    /// Its layers in short.
    fn said(&self) -> String {
        let said = self.parts.iter().map(|part| match part {
            Part::Dense { from, to, bias: true } => format!("{from} → {to}"),
            Part::Dense { from, to, bias: false } => format!("{from} → {to} without a bias"),
            Part::Normalise { channels, .. } => format!("a normalisation of {channels}"),
        });
        said.collect::<Vec<_>>().join(", ")
    }
}

/// Some names, the last one too where there are many.
fn listed(names: &[&str]) -> String {
    match names {
        [first, second, .., last] if names.len() > 6 => format!("{first}, {second}, …, {last}"),
        _ => names.join(", "),
    }
}

/// The network, or the checkpoints, of one file.
fn of_file(arrays: &[Array], features: usize) -> Result<Checkpoints> {
    let file = arrays[0].file().to_string();
    let (groups, left_out) = grouped(arrays)?;
    let series = groups.iter().any(|group| !group.normalises() && group.weight.is_some_and(|w| w.shape.len() == 3));
    let steps = if series { groups[0].arrays().next().map_or(1, |array| array.shape[0]) } else { 1 };
    for group in &groups {
        for array in group.arrays() {
            array.check_single()?;
            let flat = group.normalises() || group.weight.is_none_or(|weight| !std::ptr::eq(weight, array));
            if array.shape.len() != 2 - usize::from(flat) + usize::from(series) || series && array.shape[0] != steps {
                return Err(Error::new(format!(
                    "{}: shape {:?}; a fully connected network has matrices and vectors, all with the same first axis if there are several checkpoints",
                    array.name, array.shape
                )));
            }
        }
    }
    let (order, outputs_first, by) = order(&groups, features, &file)?;
    let groups: Vec<&Group> = order.iter().map(|i| &groups[*i]).collect();
    let mut parts: Vec<Part> = groups.iter().zip(&outputs_first).map(|(group, first)| Part::of(group, *first)).collect();
    // Modules of a sequence are numbered, activations too: 0, 2, 3 are a layer, its activation, a normalisation.
    let number = |i: usize| groups.get(i).and_then(|group| group.number());
    for (i, part) in parts.iter_mut().enumerate().skip(1) {
        if let Part::Normalise { after_activation, .. } = part {
            let between = |a: usize, b: usize| Some(number(b)?.saturating_sub(number(a)?)).filter(|_| groups[a].kin(groups[b]));
            *after_activation = i + 1 < groups.len() && between(i - 1, i) == Some(2) && between(i, i + 1) == Some(1);
        }
    }
    let mut path = vec![Vec::new(); steps];
    let mut weights = Vec::new();
    for ((group, part), outputs_first) in groups.iter().zip(&parts).zip(&outputs_first) {
        let begin = path[0].len();
        for (step, theta) in path.iter_mut().enumerate() {
            group.append(step, steps, *outputs_first, theta);
        }
        let end = path[0].len();
        match *part {
            Part::Dense { from, to, bias } => weights.extend(begin..if bias { end } else { begin + from * to }),
            Part::Normalise { channels, factor, shift, .. } => {
                let gamma = end - 2 * channels;
                weights.extend((gamma..gamma + channels).filter(|_| factor));
                weights.extend((gamma + channels..end).filter(|_| shift));
            }
        }
    }
    let mut understood = Vec::new();
    let told = |(group, (part, first)): (&&Group, (&Part, &bool))| {
        group.told(*first, matches!(part, Part::Normalise { after_activation: true, .. }))
    };
    understood.extend(groups.iter().zip(parts.iter().zip(&outputs_first)).map(told));
    understood.push(by.into());
    if !left_out.is_empty() {
        understood.push(format!("{file}: left out, for they are no layer's: {}", listed(&left_out)));
    }
    Ok(Checkpoints { file, parts, path, weights, understood })
}

/// In which order the layers follow one another, whether each keeps outputs × inputs, and by what that was told.
///
/// Names come first: the file's order, numbered ones by number, and the convention of each name. Where sizes do not follow one another
/// so, an order in which they do counts if it is the only one, then the other convention.
fn order(groups: &[Group], features: usize, file: &str) -> Result<(Vec<usize>, Vec<bool>, &'static str)> {
    // Numbered layers of one kind take the places that they have in the file, by number.
    let mut named: Vec<usize> = (0..groups.len()).collect();
    for i in 0..groups.len() {
        let mut kin: Vec<usize> = (0..groups.len()).filter(|j| groups[i].kin(&groups[*j])).collect();
        let places: Vec<usize> = kin.clone();
        kin.sort_by_key(|j| groups[*j].numbers());
        places.into_iter().zip(kin).for_each(|(place, layer)| named[place] = layer);
    }
    let known = groups.iter().all(|group| group.normalises() || group.outputs_first.is_some());
    let conventions =
        [false, true].map(|turned| -> Vec<bool> { groups.iter().map(|g| g.outputs_first.unwrap_or(true) != turned).collect() });
    let fits = |order: &[usize], first: &[bool]| {
        let sizes: Vec<(usize, usize)> = order.iter().map(|i| groups[*i].size(first[*i])).collect();
        sizes.windows(2).all(|pair| pair[0].1 == pair[1].0) && order.iter().all(|i| groups[*i].biased(first[*i]))
    };
    let begins = |order: &[usize], first: &[bool]| groups[order[0]].size(first[order[0]]).0 == features;
    let arranged = |order: Vec<usize>, first: &[bool], by| Ok((order.clone(), order.iter().map(|i| first[*i]).collect(), by));
    let [by_name, turned] = &conventions;
    let (straight, other) = (fits(&named, by_name), fits(&named, turned));
    let mut orders = Vec::new();
    let mut tries = 10_000;
    chains(groups, by_name, &named, &mut Vec::new(), &mut orders, &mut tries);
    // One that was found before the search was given up need not be the only one.
    if tries == 0 {
        orders.extend(orders.first().cloned());
    }
    let by_order = if orders.len() > 1 {
        "layers follow one another in the file's order, numbered ones by number; their sizes would fit in another order too"
    } else {
        "layers follow one another in the file's order, numbered ones by number"
    };
    if !known && straight && other && begins(&named, by_name) == begins(&named, turned) {
        return Err(Error::new(format!(
            "{file}: its matrices fit as outputs × inputs and as inputs × outputs; name them weight (PyTorch, outputs × inputs) or kernel (Keras, inputs × outputs)"
        )));
    }
    if !known && other && (!straight || begins(&named, turned)) {
        return arranged(named, turned, by_order);
    }
    if straight && begins(&named, by_name) {
        return arranged(named, by_name, by_order);
    }
    let first: Vec<&Vec<usize>> = orders.iter().filter(|order| begins(order, by_name)).collect();
    match (&first[..], &orders[..]) {
        ([only], _) => arranged(only.to_vec(), by_name, "layers follow one another in the only order in which their sizes do"),
        _ if straight => arranged(named, by_name, by_order),
        ([], [only]) => arranged(only.clone(), by_name, "layers follow one another in the only order in which their sizes do"),
        _ if other => arranged(named, turned, "their sizes follow one another only as the names' other convention has them"),
        (_, [_, _, ..]) => Err(Error::new(format!(
            "{file}: the sizes of its layers follow one another in more than one order; number the layers, or save them in their order"
        ))),
        _ => {
            let sizes = named.iter().filter_map(|i| groups[*i].shape());
            let said: Vec<String> = sizes.map(|(a, b)| format!("{a} × {b}")).collect();
            Err(Error::new(format!(
                "{file}: matrices of {} do not follow one another as the layers of a fully connected network",
                said.join(", ")
            )))
        }
    }
}

/// Some orders in which sizes follow one another; layers of one kind stay in the order of `named`.
fn chains(
    groups: &[Group],
    first: &[bool],
    named: &[usize],
    begun: &mut Vec<usize>,
    found: &mut Vec<Vec<usize>>,
    tries: &mut usize,
) {
    if begun.len() == groups.len() {
        found.push(begun.clone());
    }
    // Where there are many, sizes do not tell which is meant.
    *tries = tries.saturating_sub(1);
    if *tries == 0 || found.len() > 20 {
        return;
    }
    for (at, next) in named.iter().enumerate() {
        let group = &groups[*next];
        let earlier = |i: &&usize| groups[**i].kin(group) && !begun.contains(i);
        let waits = begun.contains(next) || named[..at].iter().any(|i| earlier(&i));
        let follows = begun.last().is_none_or(|last| groups[*last].size(first[*last]).1 == group.size(first[*next]).0);
        if !waits && follows && group.biased(first[*next]) {
            begun.push(*next);
            chains(groups, first, named, begun, found, tries);
            begun.pop();
        }
    }
}
