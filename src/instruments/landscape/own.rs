//! What the reader brings: samples, checkpoints of a fully connected network, a loss grid.

use methods::network::model::{Hidden, Model, dense};
use run::data::by_file;
use run::data::features::Features;
use run::data::roles::label_column;
use run::prelude::*;

use super::Through;
use super::problem::Task;

/// The reader's own, as far as there is any.
#[derive(Default)]
pub struct Own {
    /// Rows of x, y and loss on a full grid.
    pub grid: Option<Vec<[f64; 3]>>,
    /// Weights, once or as they were learned.
    pub checkpoints: Option<Checkpoints>,
    /// Samples with labels.
    pub samples: Option<Features>,
}

/// Weights of a fully connected network, in the order in which [`Network`](methods::network::dense::Network) keeps them.
#[derive(Debug, PartialEq)]
pub struct Checkpoints {
    /// The file they came from.
    pub file: String,
    /// Units a layer, inputs and outputs included.
    pub sizes: Vec<usize>,
    /// One or more.
    pub path: Vec<Vec<f32>>,
}

impl Checkpoints {
    /// The network that they are weights of; the task must fit it.
    pub fn network(&self, hidden: Hidden, task: &Task) -> Result<Model> {
        let (inputs, classes) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        if inputs != task.samples.features || classes < task.classes {
            return Err(Error::new(format!(
                "{}: a network from {inputs} numbers to {classes} classes, and the samples have {} numbers and {} classes; choose the problem it was trained on (digits 64, MNIST 784), or drop its samples",
                self.file, task.samples.features, task.classes
            )));
        }
        Ok(dense(&self.sizes, hidden, &mut Random::new(0, "weights")))
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
}

/// Parameters of one network, at most, and of all checkpoints together.
const LARGEST: (usize, usize) = (300_000, 30_000_000);

/// The name inside the file, in small letters.
fn inner(array: &Array) -> String {
    array.name[array.file().len()..].trim_start_matches('/').to_lowercase()
}

impl Own {
    /// Tells by names and shapes what the arrays are.
    pub fn of(arrays: &[Array]) -> Result<Own> {
        let groups = by_file(arrays).into_iter().map(|file| file.into_iter().cloned().collect::<Vec<Array>>());
        let (mut own, mut states, mut samples) = (Own::default(), Vec::new(), Vec::new());
        for group in groups {
            if let Some(grid) = loss_grid(&group) {
                group.iter().try_for_each(Array::check_single)?;
                own.grid = Some(grid?);
            } else if is_state(&group) {
                group.iter().try_for_each(Array::check_single)?;
                states.push(group);
            } else {
                samples.extend(group);
            }
        }
        own.checkpoints = (!states.is_empty()).then(|| checkpoints(states)).transpose()?;
        own.samples = (!samples.is_empty()).then(|| Features::own(&samples)).transpose()?;
        Ok(own)
    }
}

/// Three columns, or arrays of the names x, y and loss.
fn loss_grid(group: &[Array]) -> Option<Result<Vec<[f64; 3]>>> {
    if let [table] = group {
        let three = table.shape.len() == 2 && table.shape[1] == 3;
        let says = table.columns.iter().any(|name| name.trim().eq_ignore_ascii_case("loss"));
        let samples = !says && !matches!(label_column(table), Ok(None));
        let rows = || table.values.chunks_exact(3).map(|r| [r[0], r[1], r[2]]).collect();
        return (three && !samples).then(|| full(&table.name, rows()));
    }
    let named = |name: &str| group.iter().find(|array| inner(array) == name);
    let (x, y, loss) = (named("x")?, named("y")?, named("loss")?);
    let name = &loss.name;
    let (across, up) = (x.values.len(), y.values.len());
    let rows = if loss.values.len() == across && across == up {
        (0..across).map(|i| [x.values[i], y.values[i], loss.values[i]]).collect()
    } else if loss.shape == [up, across] {
        (0..across * up).map(|i| [x.values[i % across], y.values[i / across], loss.values[i]]).collect()
    } else {
        return Some(Err(Error::new(format!(
            "{name}: shape {:?}; with {across} values of x and {up} of y, [{up}, {across}] would be right",
            loss.shape
        ))));
    };
    Some(full(name, rows))
}

/// Is it a full grid of at least 2 × 2 places?
fn full(name: &str, rows: Vec<[f64; 3]>) -> Result<Vec<[f64; 3]>> {
    let different = |k: usize| {
        let mut values: Vec<u64> = rows.iter().map(|r| (r[k] + 0.0).to_bits()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    let (across, up) = (different(0), different(1));
    if across < 2 || up < 2 || across * up != rows.len() {
        return Err(Error::new(format!(
            "{name}: {} rows are no full grid of {across} x {up} places; a loss grid has rows of x, y and loss",
            rows.len()
        )));
    }
    Ok(rows)
}

/// Weights and biases by their names, or several matrices.
fn is_state(group: &[Array]) -> bool {
    let named = |array: &Array| ["weight", "bias", "kernel"].iter().any(|word| inner(array).contains(word));
    let labels = |array: &Array| ["y", "labels", "label", "targets"].contains(&inner(array).as_str());
    let matrices = group.iter().filter(|array| array.shape.len() >= 2).count();
    !group.iter().any(labels) && (group.iter().any(named) && matrices > 0 || matrices > 1)
}

/// A name as it counts: "net.10.weight" after "net.2.weight".
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = vec![(0u64, String::new())];
    for c in name.chars() {
        let last = parts.len() - 1;
        match c.to_digit(10) {
            Some(digit) if parts[last].1.is_empty() => {
                parts[last].0 = parts[last].0.saturating_mul(10).saturating_add(u64::from(digit))
            }
            Some(digit) => parts.push((u64::from(digit), String::new())),
            None => parts[last].1.push(c),
        }
    }
    parts
}

/// One or more files, each with the arrays of one network, or one file whose arrays all have one axis more, the checkpoints.
fn checkpoints(mut states: Vec<Vec<Array>>) -> Result<Checkpoints> {
    let name = states[0][0].file().to_string();
    for state in &mut states {
        state.sort_by_cached_key(|array| natural(&inner(array)));
    }
    states.sort_by_cached_key(|state| natural(state[0].file()));
    // Weights have two axes, or three where the first one is time.
    let axes = |state: &[Array]| state.iter().map(|array| array.shape.len()).max().unwrap_or(0);
    let series = axes(&states[0]) == 3;
    let (mut sizes, mut path): (Option<Vec<usize>>, Vec<Vec<f32>>) = (None, Vec::new());
    for state in &states {
        let steps = if series { state[0].shape[0] } else { 1 };
        let expected = 2 + usize::from(series);
        if let Some(wrong) = state.iter().find(|a| a.shape.len() > expected || series && a.shape[0] != steps) {
            return Err(Error::new(format!(
                "{}: shape {:?}; a fully connected network has matrices and vectors, all with the same first axis if there are {}",
                wrong.name, wrong.shape, "several checkpoints"
            )));
        }
        for step in 0..steps {
            let (found, theta) = network(state, series.then_some(step))?;
            if let Some(sizes) = &sizes
                && *sizes != found
            {
                return Err(Error::new(format!(
                    "{}: a network of {found:?} units; the first one has {sizes:?}",
                    state[0].file()
                )));
            }
            if theta.len() > LARGEST.0 || theta.len() * (path.len() + 1) > LARGEST.1 {
                return Err(Error::new(format!(
                    "{}: {} checkpoints of {} weights; this works with networks of {} weights, and {} in all",
                    state[0].file(),
                    steps.max(states.len()),
                    theta.len(),
                    LARGEST.0,
                    LARGEST.1
                )));
            }
            sizes = Some(found);
            path.push(theta);
        }
    }
    Ok(Checkpoints { file: name, sizes: sizes.expect("there is a network"), path })
}

/// Sizes and parameters of one network: matrices in their order, each with the vector that follows it and fits, or no bias.
fn network(state: &[Array], step: Option<usize>) -> Result<(Vec<usize>, Vec<f32>)> {
    let shape = |array: &Array| array.shape[usize::from(step.is_some())..].to_vec();
    let values = |array: &Array| {
        let size = shape(array).iter().product::<usize>();
        let from = step.unwrap_or(0) * size;
        array.values[from..from + size].to_vec()
    };
    let matrices: Vec<&Array> = state.iter().filter(|a| shape(a).len() == 2).collect();
    let vectors: Vec<&Array> = state.iter().filter(|a| shape(a).len() == 1).collect();
    let pairs: Vec<(usize, usize)> = matrices.iter().map(|a| (shape(a)[0], shape(a)[1])).collect();
    // PyTorch keeps outputs × inputs, Keras and this program inputs × outputs.
    let chains = |outputs_first: bool| {
        let pair = |p: &(usize, usize)| if outputs_first { (p.1, p.0) } else { *p };
        let links = pairs.windows(2).all(|w| pair(&w[0]).1 == pair(&w[1]).0);
        let fits = vectors.len() != pairs.len()
            || pairs.iter().zip(&vectors).all(|(p, v)| pair(p).1 == v.values.len() / steps_of(v, step));
        links && fits
    };
    let outputs_first = if chains(true) {
        true
    } else if chains(false) {
        false
    } else {
        let said: Vec<String> = pairs.iter().map(|(a, b)| format!("{a} × {b}")).collect();
        return Err(Error::new(format!(
            "{}: matrices of {} do not follow one another as the layers of a fully connected network",
            state[0].file(),
            said.join(", ")
        )));
    };
    let (mut sizes, mut theta) = (Vec::new(), Vec::new());
    for (l, (matrix, (rows, columns))) in matrices.iter().zip(&pairs).enumerate() {
        let w = values(matrix);
        let (from, to) = if outputs_first { (*columns, *rows) } else { (*rows, *columns) };
        if l == 0 {
            sizes.push(from);
        }
        sizes.push(to);
        let weight = |i: usize, j: usize| if outputs_first { w[j * from + i] } else { w[i * to + j] };
        theta.extend((0..from * to).map(|k| weight(k / to, k % to) as f32));
        match vectors.get(l).filter(|_| vectors.len() == matrices.len()) {
            Some(bias) => theta.extend(values(bias).iter().map(|b| *b as f32)),
            None => theta.extend(std::iter::repeat_n(0.0, to)),
        }
    }
    Ok((sizes, theta))
}

fn steps_of(array: &Array, step: Option<usize>) -> usize {
    if step.is_some() { array.shape[0] } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[usize]) -> Array {
        let size: usize = shape.iter().product();
        Array { name: name.into(), shape: shape.into(), values: (0..size).map(|i| i as f64).collect(), columns: Vec::new() }
    }

    #[test]
    fn state_dicts_of_both_orders_are_the_same_network() {
        let pytorch = ["s.npz/net.10.bias", "s.npz/net.10.weight", "s.npz/net.2.bias", "s.npz/net.2.weight"];
        let shapes: [&[usize]; 4] = [&[2], &[2, 3], &[3], &[3, 5]];
        let own = Own::of(&pytorch.iter().zip(shapes).map(|(name, shape)| array(name, shape)).collect::<Vec<_>>()).unwrap();
        let ours = own.checkpoints.unwrap();
        assert_eq!((ours.sizes.as_slice(), ours.path.len()), (&[5, 3, 2][..], 1));
        // W of the first layer, outputs × inputs in the file: the weights into unit 0 are 0, 1, 2, 3, 4.
        assert_eq!(ours.path[0][..6], [0.0, 5.0, 10.0, 1.0, 6.0, 11.0]);
        assert_eq!(ours.path[0][15..18], [0.0, 1.0, 2.0]);
        let keras = [array("s.npz/a/kernel", &[4, 5, 3]), array("s.npz/b/kernel", &[4, 3, 2])];
        let series = Own::of(&keras).unwrap().checkpoints.unwrap();
        assert_eq!((series.sizes, series.path.len()), (vec![5, 3, 2], 4));
        assert_eq!((series.path[1][0], series.path[1][15], series.path[3][18]), (15.0, 0.0, 18.0));
    }

    #[test]
    fn files_in_their_order_are_a_series() {
        let state = |step: usize| [array(&format!("step{step}.npz/w1"), &[3, 4]), array(&format!("step{step}.npz/w2"), &[2, 3])];
        let all: Vec<Array> = [10, 2, 1].into_iter().flat_map(state).collect();
        let own = Own::of(&all).unwrap().checkpoints.unwrap();
        assert_eq!((own.file.as_str(), own.path.len(), own.sizes), ("step10.npz", 3, vec![4, 3, 2]));
    }

    #[test]
    fn what_is_none_of_it_is_refused_in_a_sentence() {
        let says = |arrays: &[Array]| Own::of(arrays).err().unwrap().to_string();
        let broken = [array("s.npz/fc1.weight", &[3, 5]), array("s.npz/fc2.weight", &[2, 4])];
        assert_eq!(
            says(&broken),
            "s.npz: matrices of 3 × 5, 2 × 4 do not follow one another as the layers of a fully connected network"
        );
        let convolution = [array("s.npz/conv.weight", &[8, 1, 3, 3])];
        assert!(says(&convolution).starts_with("s.npz/conv.weight: shape [8, 1, 3, 3]; a fully connected network has"));
        let grid = [array("g.npz/x", &[3]), array("g.npz/y", &[2]), array("g.npz/loss", &[3, 2])];
        assert_eq!(says(&grid), "g.npz/loss: shape [3, 2]; with 3 values of x and 2 of y, [2, 3] would be right");
    }

    #[test]
    fn grids_samples_and_checkpoints_are_told_apart() {
        let grid = [array("g.npz/x", &[3]), array("g.npz/y", &[2]), array("g.npz/loss", &[2, 3])];
        assert_eq!(Own::of(&grid).unwrap().grid.unwrap()[4], [1.0, 1.0, 4.0]);
        let mut table = array("t.csv", &[4, 3]);
        table.columns = ["a", "b", "label"].map(String::from).to_vec();
        let own = Own::of(&[table, array("s.npz/fc.weight", &[4, 2])]).unwrap();
        assert_eq!((own.samples.unwrap().samples, own.checkpoints.unwrap().sizes), (4, vec![2, 4]));
    }
}
