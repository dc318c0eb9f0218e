//! The reader's own runs: weights epoch by epoch, or losses.

use methods::network::plane::{Principal, principal};
use run::data::by_file;
use run::prelude::*;

use super::logs::{Logs, counts, list};

/// What the reader brought.
pub enum Own {
    /// Paths through weight space.
    Weights(Box<Paths>),
    /// Losses over steps.
    Losses(Logs),
}

/// Paths in the plane of their first two principal components.
pub struct Paths {
    /// Names of the runs.
    pub names: Vec<String>,
    /// Their places in the plane, epoch by epoch.
    pub places: Vec<Vec<(f64, f64)>>,
    /// Shares of the variance of all points that the two directions hold.
    pub shares: [f64; 2],
    /// What the arrays were taken for.
    pub understood: Vec<String>,
}

/// Runs shown at most.
const RUNS: usize = 8;

/// The last part of an array's name.
fn word(array: &Array) -> &str {
    array.name.rsplit('/').next().unwrap_or("")
}

fn is_table(array: &Array) -> bool {
    let name = array.name.to_ascii_lowercase();
    [".csv", ".tsv", ".txt"].iter().any(|ending| name.ends_with(ending))
}

impl Own {
    /// What the arrays are; nothing for none. Tables are losses, all else are weights; of a mixture, what comes first is taken.
    ///
    /// # Errors
    /// Arrays that are neither, or do not fit together.
    pub fn read(arrays: &[Array]) -> Result<Option<Own>> {
        let Some(first) = arrays.first() else { return Ok(None) };
        let (taken, left): (Vec<&Array>, Vec<&Array>) = arrays.iter().partition(|a| is_table(a) == is_table(first));
        let mut own = if is_table(first) { Own::Losses(Logs::read(&taken)?) } else { Own::Weights(Box::new(paths(arrays)?)) };
        if !left.is_empty() {
            let (understood, is, are) = match &mut own {
                Own::Losses(logs) => (&mut logs.understood, "losses", "weights"),
                Own::Weights(paths) => (&mut paths.understood, "weights", "losses"),
            };
            let names: Vec<&str> = left.iter().map(|array| array.name.as_str()).collect();
            understood.push(format!("{}: {is} came first, so {are} are left out", list(&names)));
        }
        Ok(Some(own))
    }

    /// What the arrays were taken for.
    pub fn understood(&self) -> &[String] {
        match self {
            Own::Losses(logs) => &logs.understood,
            Own::Weights(paths) => &paths.understood,
        }
    }
}

/// Each file is a run: its arrays have the epochs as their first axis, and what they hold at an epoch is one point.
fn paths(arrays: &[Array]) -> Result<Paths> {
    let (mut names, mut runs, mut understood) = (Vec::new(), Vec::new(), Vec::new());
    for file in by_file(arrays).into_iter().filter(|file| !is_table(file[0])) {
        // Numbers of steps or epochs are no weights.
        let (count, file): (Vec<&Array>, Vec<&Array>) =
            file.iter().copied().partition(|a| a.shape.len() == 1 && file.len() > 1 && counts(word(a)).is_some());
        let Some(first) = file.first() else {
            return Err(Error::new(format!("{}: arrays that count, and none of weights", count[0].file())));
        };
        let epochs = first.shape[0];
        for array in &file {
            array.check_single()?;
            let found = array.shape[0];
            if array.shape.len() < 2 && file.len() == 1 || found < 2 {
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
        }
        let name = first.file().to_string();
        let weights: usize = file.iter().map(|a| a.values.len() / epochs).sum();
        let words: Vec<&str> = file.iter().map(|a| word(a)).collect();
        understood.push(format!("{name}: a run of {epochs} epochs, {weights} weights at each ({})", list(&words)));
        if !count.is_empty() {
            let words: Vec<&str> = count.iter().map(|a| word(a)).collect();
            understood.push(format!("{name}: left out, as they count epochs ({})", list(&words)));
        }
        names.push(name);
        runs.push((file, epochs, weights));
    }
    let (.., others) = runs[0];
    for (name, (.., weights)) in names.iter().zip(&runs) {
        if *weights < 2 {
            return Err(Error::new(format!("{name}: {weights} weight at each epoch; a plane needs at least 2")));
        }
        if *weights != others {
            return Err(Error::new(format!(
                "{name}: {weights} weights, but {} has {others}; runs in one plane have the same weights",
                names[0]
            )));
        }
    }
    if runs.len() > RUNS {
        return Err(Error::new(format!("{}: {} runs; at most {RUNS} are shown", names[0], runs.len())));
    }
    // Weights may be far from 0 and move little: differences are taken before anything is rounded to single precision.
    let of_epoch = |array: &&Array, epoch: usize| {
        let size = array.values.len() / array.shape[0];
        epoch * size..(epoch + 1) * size
    };
    let point = |(file, epoch): (&Vec<&'_ Array>, usize)| -> Vec<f64> {
        file.iter().flat_map(|array| array.values[of_epoch(array, epoch)].iter().copied()).collect()
    };
    let all = || runs.iter().flat_map(|(file, epochs, _)| (0..*epochs).map(move |epoch| (file, epoch)));
    let (first, count) = (point((&runs[0].0, 0)), all().count() as f64);
    let mut centre = vec![0.0; first.len()];
    for at in all() {
        centre.iter_mut().zip(point(at)).zip(&first).for_each(|((c, p), f)| *c += (p - f) / count);
    }
    let offset = |at| point(at).iter().zip(&first).zip(&centre).map(|((p, f), c)| (p - f - c) as f32).collect::<Vec<f32>>();
    let points: Vec<Vec<f32>> = all().map(offset).collect();
    let Principal { directions, shares } = principal(&points, &vec![0.0; first.len()]);
    let along = |point: &[f32], direction: &[f32]| point.iter().zip(direction).map(|(p, d)| f64::from(*p) * f64::from(*d)).sum();
    let mut places = points.iter().map(|point| (along(point, &directions[0]), along(point, &directions[1])));
    let places = runs.iter().map(|(_, epochs, _)| places.by_ref().take(*epochs).collect()).collect();
    Ok(Paths { names, places, shares, understood })
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

    /// Far from 0, and as far as a straight line goes.
    #[test]
    fn weights_far_from_zero_move_as_far() {
        for centre in [0.0, 1e6, -1e8] {
            let values = (0..10).flat_map(|t| [0.01, 0.02, 0.0].map(|v| centre + f64::from(t) * v)).collect();
            let Some(Own::Weights(paths)) = Own::read(&[array("w.npy", &[10, 3], values, &[])]).unwrap() else {
                panic!("weights")
            };
            let length = (paths.places[0][9].0 - paths.places[0][0].0).abs();
            assert!((paths.shares[0] - 1.0).abs() < 1e-6, "{centre}: {:?}", paths.shares);
            assert!((length - 0.09 * 5f64.sqrt()).abs() < 1e-6, "{centre}: {length}");
        }
    }

    #[test]
    fn what_arrays_were_taken_for_is_said() {
        let run = [
            array("a.npz/w", &[3, 2, 2], (0..12).map(f64::from).collect(), &[]),
            array("a.npz/b", &[3], vec![0.5; 3], &[]),
            array("a.npz/step", &[3], vec![0.0, 100.0, 200.0], &[]),
        ];
        let log = array("log.csv", &[2, 2], vec![1.0, 4.0, 2.0, 3.0], &["epoch", "Adam"]);
        let own = Own::read(&[&run[..], std::slice::from_ref(&log)].concat()).unwrap().unwrap();
        assert_eq!(
            own.understood(),
            [
                "a.npz: a run of 3 epochs, 5 weights at each (w, b)",
                "a.npz: left out, as they count epochs (step)",
                "log.csv: weights came first, so losses are left out",
            ]
        );
        let own = Own::read(&[&[log], &run[..]].concat()).unwrap().unwrap();
        let last = "a.npz/w, a.npz/b, a.npz/step: losses came first, so weights are left out";
        assert_eq!(own.understood(), ["log.csv: 2 rows, a curve a column (Adam); 'epoch' counts them", last]);
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
