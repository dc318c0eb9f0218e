//! The reader's own runs: weights epoch by epoch, or losses.

use methods::network::plane::{Principal, principal};
use run::data::by_file;
use run::prelude::*;

/// What the reader brought.
pub enum Own {
    /// Paths through weight space.
    Weights(Box<Paths>),
    /// Losses over steps.
    Losses(Vec<Log>),
}

/// Paths in the plane of their first two principal components.
pub struct Paths {
    /// Names of the runs.
    pub names: Vec<String>,
    /// Their places in the plane, epoch by epoch.
    pub places: Vec<Vec<(f64, f64)>>,
    /// Shares of the variance of all points that the two directions hold.
    pub shares: [f64; 2],
}

/// A column of losses.
pub struct Log {
    pub name: String,
    pub steps: Vec<f64>,
    pub losses: Vec<f64>,
}

/// Runs shown at most.
const RUNS: usize = 8;
/// Names of a column that counts.
const COUNTS: [&str; 7] = ["step", "steps", "epoch", "iteration", "iter", "t", "time"];

impl Own {
    /// What the arrays are; nothing for none.
    ///
    /// # Errors
    /// Arrays that are neither, or do not fit together.
    pub fn read(arrays: &[Array]) -> Result<Option<Own>> {
        let Some(first) = arrays.first() else { return Ok(None) };
        let table = |a: &Array| {
            let name = a.name.to_ascii_lowercase();
            [".csv", ".tsv", ".txt"].iter().any(|ending| name.ends_with(ending))
        };
        if table(first) {
            let logs: Vec<Log> = arrays.iter().filter(|a| table(a)).flat_map(logs).take(RUNS).collect();
            if logs.is_empty() {
                return Err(Error::new(format!(
                    "{}: no column of losses, only one that counts; a log has a column of losses for each run",
                    first.name
                )));
            }
            if logs.iter().all(|log| log.losses.len() < 2) {
                return Err(Error::new(format!("{}: one row is no curve; a log has a row for each step", first.name)));
            }
            return Ok(Some(Own::Losses(logs)));
        }
        paths(arrays).map(|paths| Some(Own::Weights(Box::new(paths))))
    }
}

fn logs(array: &Array) -> Vec<Log> {
    let columns = array.shape.get(1).copied().unwrap_or(1);
    let column = |k: usize| array.values.iter().skip(k).step_by(columns).copied().collect::<Vec<f64>>();
    let name = |k: usize| array.columns.get(k).cloned().unwrap_or_else(|| format!("column {}", k + 1));
    let counts = |k: &usize| COUNTS.contains(&name(*k).trim().to_lowercase().as_str());
    let count = (0..columns).find(counts);
    let steps = count.map_or_else(|| (1..=array.values.len() / columns).map(|t| t as f64).collect(), column);
    let log = |k: usize| Log { name: name(k), steps: steps.clone(), losses: column(k) };
    (0..columns).filter(|k| Some(*k) != count).map(log).collect()
}

/// Each file is a run: its arrays have the epochs as their first axis, and what they hold at an epoch is one point.
fn paths(arrays: &[Array]) -> Result<Paths> {
    let (mut names, mut runs) = (Vec::new(), Vec::new());
    for file in by_file(arrays) {
        names.push(file[0].file().to_string());
        let epochs = file[0].shape[0];
        let mut run: Vec<Vec<f32>> = vec![Vec::new(); epochs];
        for array in file {
            array.check_single()?;
            let found = array.shape[0];
            if array.shape.len() < 2 && arrays.len() == 1 || found < 2 {
                return Err(Error::new(format!(
                    "{}: shape {:?}; the weights of a run have their epochs, at least 2, as the first axis",
                    array.name, array.shape
                )));
            }
            if found != epochs {
                return Err(Error::new(format!(
                    "{}: {found} epochs, but the array before it has {epochs}; all arrays of a file have the same first axis",
                    array.name
                )));
            }
            for (point, row) in run.iter_mut().zip(array.values.chunks_exact(array.values.len() / epochs)) {
                point.extend(row.iter().map(|v| *v as f32));
            }
        }
        runs.push(run);
    }
    for (name, run) in names.iter().zip(&runs) {
        let (weights, others) = (run[0].len(), runs[0][0].len());
        if weights < 2 {
            return Err(Error::new(format!("{name}: {weights} weight at each epoch; a plane needs at least 2")));
        }
        if weights != others {
            return Err(Error::new(format!(
                "{name}: {weights} weights, but {} has {others}; runs in one plane have the same weights",
                names[0]
            )));
        }
    }
    if runs.len() > RUNS {
        return Err(Error::new(format!("{}: {} runs; at most {RUNS} are shown", names[0], runs.len())));
    }
    let weights = runs[0][0].len();
    let points = runs.concat();
    let mut centre = vec![0.0f64; weights];
    for point in &points {
        centre.iter_mut().zip(point).for_each(|(c, p)| *c += f64::from(*p) / points.len() as f64);
    }
    let centre: Vec<f32> = centre.into_iter().map(|c| c as f32).collect();
    let Principal { directions, shares } = principal(&points, &centre);
    let along = |point: &[f32], direction: &[f32]| {
        point.iter().zip(&centre).zip(direction).map(|((p, c), d)| f64::from(p - c) * f64::from(*d)).sum::<f64>()
    };
    let place = |point: &Vec<f32>| (along(point, &directions[0]), along(point, &directions[1]));
    let places = runs.iter().map(|run| run.iter().map(place).collect()).collect();
    Ok(Paths { names, places, shares })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[usize], values: Vec<f64>, columns: &[&str]) -> Array {
        let columns = columns.iter().map(|c| c.to_string()).collect();
        Array { name: name.into(), shape: shape.into(), values, columns }
    }

    /// Two runs on a straight line and across it: distances in the plane are distances in weight space.
    #[test]
    fn weights_are_shown_in_their_plane() {
        let run = |name: &str, side: f64| {
            let weights = (0..10).flat_map(|t| [f64::from(t) * 0.6, side, f64::from(t) * 0.8, 0.0]).collect();
            [
                array(&format!("{name}.npz/w"), &[10, 2, 2], weights, &[]),
                array(&format!("{name}.npz/b"), &[10], vec![0.5; 10], &[]),
            ]
        };
        let Some(Own::Weights(paths)) = Own::read(&[run("a", -1.0), run("b", 1.0)].concat()).unwrap() else { panic!("weights") };
        assert_eq!(paths.names, ["a.npz", "b.npz"]);
        assert!((paths.shares[0] + paths.shares[1] - 1.0).abs() < 1e-6 && paths.shares[0] > paths.shares[1]);
        let distance = |a: (f64, f64), b: (f64, f64)| ((a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)).sqrt();
        assert!((distance(paths.places[0][0], paths.places[0][9]) - 9.0).abs() < 1e-4);
        assert!((distance(paths.places[0][3], paths.places[1][3]) - 2.0).abs() < 1e-4);
    }

    #[test]
    fn losses_are_columns() {
        let table = array("log.csv", &[3, 3], vec![10.0, 1.0, 4.0, 20.0, 0.5, 3.0, 30.0, 0.25, 2.0], &["epoch", "Adam", "SGD"]);
        let Some(Own::Losses(logs)) = Own::read(&[table]).unwrap() else { panic!("losses") };
        assert_eq!((logs.len(), logs[1].name.as_str()), (2, "SGD"));
        assert_eq!((&logs[0].steps[..], &logs[1].losses[..]), (&[10.0, 20.0, 30.0][..], &[4.0, 3.0, 2.0][..]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let says = |arrays: &[Array]| Own::read(arrays).err().unwrap().to_string();
        assert_eq!(
            says(&[array("w.npy", &[5], vec![0.0; 5], &[])]),
            "w.npy: shape [5]; the weights of a run have their epochs, at least 2, as the first axis"
        );
        assert_eq!(
            says(&[array("w.npy", &[1, 5], vec![0.0; 5], &[])]),
            "w.npy: shape [1, 5]; the weights of a run have their epochs, at least 2, as the first axis"
        );
        assert_eq!(
            says(&[array("a.npz/w", &[2, 3], vec![0.0; 6], &[]), array("a.npz/b", &[3], vec![0.0; 3], &[])]),
            "a.npz/b: 3 epochs, but the array before it has 2; all arrays of a file have the same first axis"
        );
        assert_eq!(
            says(&[array("a.npy", &[2, 3], vec![0.0; 6], &[]), array("b.npy", &[2, 4], vec![0.0; 8], &[])]),
            "b.npy: 4 weights, but a.npy has 3; runs in one plane have the same weights"
        );
        assert_eq!(
            says(&[array("w.npy", &[4, 1], vec![0.0; 4], &[])]),
            "w.npy: 1 weight at each epoch; a plane needs at least 2"
        );
        let nine: Vec<Array> = (0..9).map(|k| array(&format!("{k}.npy"), &[2, 2], vec![0.0; 4], &[])).collect();
        assert_eq!(says(&nine), "0.npy: 9 runs; at most 8 are shown");
        assert_eq!(
            says(&[array("l.csv", &[1, 2], vec![0.0; 2], &[])]),
            "l.csv: one row is no curve; a log has a row for each step"
        );
        assert_eq!(
            says(&[array("l.csv", &[3, 1], vec![1.0, 2.0, 3.0], &["step"])]),
            "l.csv: no column of losses, only one that counts; a log has a column of losses for each run"
        );
        assert_eq!(
            says(&[array("w.npz/w", &[2, 3], vec![0.0, 0.0, 0.0, 0.0, 1e300, 0.0], &[])]),
            "w.npz/w: row 2, column 2 is 1e300; single precision is used here, and values within ±1e30 would be right"
        );
        assert!(Own::read(&[]).unwrap().is_none());
    }
}
