//! What the reader brings: samples, checkpoints of a fully connected network, a loss grid.

use ground::controls::Options;
use run::data::by_file;
use run::data::features::Features;
use run::data::roles::label_column;
use run::prelude::*;

use super::checkpoints::Checkpoints;
use super::controls::Controls;
use super::names::{inner, is_state};
use super::problem::{Task, are_outputs};

/// The reader's own, as far as there is any.
#[derive(Default)]
pub struct Own {
    /// A loss over a plane.
    pub grid: Option<Grid>,
    /// Weights, once or as they were learned.
    pub checkpoints: Option<Checkpoints>,
    /// Samples with labels.
    pub samples: Option<Features>,
}

/// A loss over a plane.
pub struct Grid {
    /// x, y and loss on a full grid; NaN where the loss is a gap.
    pub rows: Vec<[f64; 3]>,
    /// What was taken for it.
    understood: String,
}

/// Names of labels, and of samples, where one file has weights as well.
const LABELS: &[&str] = &["y", "labels", "label", "targets", "target", "classes", "class"];
const SAMPLES: &[&str] = &["x", "features", "feature", "inputs", "data", "samples", "embeddings", "activations"];

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.contains(&name.trim().to_lowercase().as_str())
}

impl Own {
    /// Tells by names and shapes what the arrays are; without samples of its own a network is for those of so many `features`.
    pub fn of(arrays: &[Array], features: usize) -> Result<Own> {
        let (mut own, mut states, mut samples) = (Own::default(), Vec::new(), Vec::new());
        for file in by_file(arrays) {
            let file: Vec<Array> = file.into_iter().cloned().collect();
            if let Some(grid) = loss_grid(&file) {
                own.grid = Some(grid?);
                continue;
            }
            // Samples may lie in the same file as the weights.
            let named = |names| file.iter().any(|array| is_one_of(inner(array), names));
            let both = |array: &Array| is_one_of(inner(array), LABELS) || is_one_of(inner(array), SAMPLES);
            let (of_samples, rest): (Vec<Array>, Vec<Array>) = file.iter().cloned().partition(both);
            match (named(LABELS), named(SAMPLES)) {
                (false, _) if is_state(&file) => states.push(file),
                (true, true) if is_state(&rest) => {
                    samples.extend(of_samples);
                    states.push(rest);
                }
                _ => samples.extend(file),
            }
        }
        if !samples.is_empty() {
            let read = Features::own(&samples)?;
            if let Some(value) = read.at(read.epochs - 1).iter().find(|v| v.abs() > 1e30) {
                let file = samples[0].file();
                return Err(Error::new(format!("{file}: among the samples is {value:e}; numbers within ±1e30 would be right")));
            }
            own.samples = Some(read);
        }
        let features = own.samples.as_ref().map_or(features, |samples| samples.dimension);
        own.checkpoints = (!states.is_empty()).then(|| Checkpoints::read(states, features)).transpose()?;
        Ok(own)
    }

    /// What the files were taken for, a sentence each.
    pub fn understood(&self, controls: &Controls, task: &Task) -> Vec<String> {
        let mut said: Vec<String> = self.grid.iter().map(|grid| grid.understood.clone()).collect();
        if let Some(checkpoints) = &self.checkpoints {
            said.extend(checkpoints.understood.iter().cloned());
            said.push(format!(
                "between two layers stands the control activation, {}: a file does not tell it",
                controls.activation.name()
            ));
        }
        if let (Some(checkpoints), None) = (&self.checkpoints, &self.samples) {
            let problem = controls.problem.name();
            said.push(format!("no samples beside {}: losses are those on the control problem, {problem}", checkpoints.file));
        }
        if let Some(samples) = &self.samples {
            said.extend(samples.understood.iter().filter(|sentence| !sentence.starts_with("no classifier")).cloned());
            said.push(format!(
                "{} of the samples, a fifth of each class drawn by the seed, are for tests, and {} are used to train or to measure",
                task.samples.test_y.len(),
                task.samples.y.len()
            ));
            said.push(match &self.checkpoints {
                Some(_) => "samples are taken as they are, since the network was trained elsewhere".into(),
                None => "each column of the samples is brought to mean 0 and deviation 1 before training".into(),
            });
            let classes: Vec<String> = samples.classes.iter().take(10).map(i64::to_string).collect();
            let classes = format!("{}{}", classes.join(", "), if samples.classes.len() > 10 { ", …" } else { "" });
            match &self.checkpoints {
                Some(checkpoints) if are_outputs(samples, checkpoints.outputs()) => {
                    said.push(format!("labels {classes} are the numbers of the network's outputs, counted from 0"));
                }
                _ => said.push(format!("labels {classes} are classes 1, 2, … in this order")),
            }
            if samples.epochs > 1 {
                said.push(format!("of {} epochs of samples the last one is used", samples.epochs));
            }
        }
        said
    }
}

/// Three columns, columns or arrays of the names x, y and loss.
fn loss_grid(file: &[Array]) -> Option<Result<Grid>> {
    if let [table] = file {
        let &[_, width] = &table.shape[..] else { return None };
        let column = |name: &str| table.columns.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
        let named = column("x").zip(column("y")).zip(column("loss")).map(|((x, y), loss)| [x, y, loss]);
        let samples = column("loss").is_none() && !matches!(label_column(table), Ok(None));
        let columns = named.or((width == 3 && !samples).then_some([0, 1, 2]))?;
        let places = (0..table.values.len()).filter(|i| columns[..2].contains(&(i % width)));
        if let Some(gap) = places.into_iter().find(|i| !table.values[*i].is_finite()) {
            return Some(Err(Error::new(format!("{}: {} is a gap; only a loss may be one", table.name, table.place(gap)))));
        }
        let rows = table.values.chunks_exact(width).map(|row| columns.map(|j| row[j])).collect();
        let others = (0..width).filter(|j| !columns.contains(j)).filter_map(|j| table.columns.get(j)).cloned().collect();
        let grid = Grid::new(table, rows, others);
        // Three columns without names are a grid if they can be one; else they may be samples.
        return if named.is_some() { Some(grid) } else { grid.ok().map(Ok) };
    }
    let named = |name: &str| file.iter().find(|array| inner(array).eq_ignore_ascii_case(name));
    let (x, y, loss) = (named("x")?, named("y")?, named("loss")?);
    if let Err(gap) = x.check_finite().and_then(|()| y.check_finite()) {
        return Some(Err(gap));
    }
    let (across, up) = (x.values.len(), y.values.len());
    let rows = if loss.values.len() == across && across == up {
        (0..across).map(|i| [x.values[i], y.values[i], loss.values[i]]).collect()
    } else if loss.shape == [up, across] {
        (0..across * up).map(|i| [x.values[i % across], y.values[i / across], loss.values[i]]).collect()
    } else {
        return Some(Err(Error::new(format!(
            "{}: shape {:?}; with {across} values of x and {up} of y, [{up}, {across}] would be right",
            loss.name, loss.shape
        ))));
    };
    let others = file.iter().map(inner).filter(|name| !is_one_of(name, &["x", "y", "loss"])).map(String::from).collect();
    Some(Grid::new(loss, rows, others))
}

impl Grid {
    /// A full grid of at least 2 × 2 places, whose losses may have gaps.
    fn new(loss: &Array, rows: Vec<[f64; 3]>, left_out: Vec<String>) -> Result<Grid> {
        let name = &loss.name;
        let gaps = rows.iter().filter(|row| !row[2].is_finite()).count();
        let numbers = rows.iter().flatten().map(|v| if v.is_finite() { *v } else { 0.0 }).collect();
        Array { values: numbers, shape: vec![rows.len(), 3], columns: Vec::new(), name: name.clone() }.check_single()?;
        if gaps == rows.len() {
            return Err(Error::new(format!("{name}: none of its {gaps} losses is a finite number")));
        }
        let different = |k: usize| {
            let mut values: Vec<u64> = rows.iter().map(|r| (r[k] + 0.0).to_bits()).collect();
            values.sort_unstable();
            values.dedup();
            values.len()
        };
        let (across, up) = (different(0), different(1));
        let mut places: Vec<[u64; 2]> = rows.iter().map(|r| [(r[0] + 0.0).to_bits(), (r[1] + 0.0).to_bits()]).collect();
        places.sort_unstable();
        places.dedup();
        if across < 2 || up < 2 || across * up != rows.len() || places.len() != rows.len() {
            return Err(Error::new(format!(
                "{name}: {} rows are no full grid of {across} x {up} places; a loss grid has rows of x, y and loss, and samples have a column label",
                rows.len()
            )));
        }
        let gaps = match gaps {
            0 => String::new(),
            1 => ", one of them without a finite loss, which stays blank".into(),
            n => format!(", {n} of them without a finite loss, which stay blank"),
        };
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
        let rows = rows.into_iter().map(|[x, y, loss]| [x, y, if loss.is_finite() { loss } else { f64::NAN }]).collect();
        Ok(Grid { rows, understood: format!("{name}: a loss grid of {across} × {up} places{gaps}{left_out}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[usize]) -> Array {
        let size: usize = shape.iter().product();
        Array { name: name.into(), shape: shape.into(), values: (0..size).map(|i| i as f64).collect(), columns: Vec::new() }
    }

    fn table(columns: &[&str], rows: &[[f64; 3]]) -> Array {
        let columns = columns.iter().map(|name| name.to_string()).collect();
        Array { name: "t.csv".into(), shape: vec![rows.len(), 3], values: rows.concat(), columns }
    }

    #[test]
    fn grids_samples_and_checkpoints_are_told_apart() {
        let grid = [array("g.npz/x", &[3]), array("g.npz/y", &[2]), array("g.npz/loss", &[2, 3])];
        assert_eq!(Own::of(&grid, 2).unwrap().grid.unwrap().rows[4], [1.0, 1.0, 4.0]);
        let wrong = [array("g.npz/x", &[3]), array("g.npz/y", &[2]), array("g.npz/loss", &[3, 2])];
        let says = Own::of(&wrong, 2).err().unwrap().to_string();
        assert_eq!(says, "g.npz/loss: shape [3, 2]; with 3 values of x and 2 of y, [2, 3] would be right");
        let samples = [[1.0, 0.0, 0.0], [2.0, 0.0, 1.0], [3.0, 1.0, 0.0], [4.0, 1.0, 1.0]];
        for name in ["label", "class", "target"] {
            let own = Own::of(&[table(&["x", "y", name], &samples), array("s.npz/fc.weight", &[4, 2])], 2).unwrap();
            assert_eq!((own.samples.unwrap().samples, own.checkpoints.unwrap().path[0].len()), (4, 12));
        }
        // In one file with the weights.
        let mut both = [array("b.npz/0.weight", &[2, 3]), array("b.npz/x", &[4, 3]), array("b.npz/y", &[4])];
        both[2].values = vec![0.0, 1.0, 1.0, 0.0];
        let own = Own::of(&both, 2).unwrap();
        assert_eq!((own.samples.unwrap().dimension, own.checkpoints.unwrap().path[0].len()), (3, 8));
    }

    #[test]
    fn losses_may_have_gaps() {
        let rows = [[0.0, 0.0, 1.0], [1.0, 0.0, f64::NAN], [0.0, 1.0, f64::INFINITY], [1.0, 1.0, 4.0]];
        let grid = Own::of(&[table(&["x", "y", "loss"], &rows)], 2).unwrap().grid.unwrap();
        assert_eq!(grid.understood, "t.csv: a loss grid of 2 × 2 places, 2 of them without a finite loss, which stay blank");
        assert!(grid.rows[2][2].is_nan() && grid.rows[3][2] == 4.0);
        // By name, in any order.
        let turned: Vec<[f64; 3]> = rows.iter().map(|r| [r[2], r[1], r[0]]).collect();
        assert_eq!(Own::of(&[table(&["loss", "y", "x"], &turned)], 2).unwrap().grid.unwrap().rows[1][..2], [1.0, 0.0]);
        let says = |rows: &[[f64; 3]]| Own::of(&[table(&["x", "y", "loss"], rows)], 2).err().unwrap().to_string();
        assert_eq!(says(&rows.map(|r| [r[0], r[1], f64::NAN])), "t.csv: none of its 4 losses is a finite number");
        let place = says(&[[0.0, f64::NAN, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 4.0]]);
        assert_eq!(place, "t.csv: row 1, column 2 ('y') is a gap; only a loss may be one");
        let twice = says(&[[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 1.0, 1.0], [1.0, 1.0, 4.0]]);
        assert!(twice.starts_with("t.csv: 4 rows are no full grid of 2 x 2 places"), "{twice}");
    }
}
