//! What was found of the tasks, and how it grows with their dimension and resolution.

use libm::{log, log2};

use super::{DIMENSION, FINEST, NONE, RESOLUTION};

/// A task, and what was found.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How many coordinates its inputs have.
    pub dimension: usize,
    pub resolution: usize,
    /// Dimensions of θ that the data leave open.
    pub open: usize,
    pub bits: f64,
}

/// What was found of all tasks so far.
#[derive(Default)]
pub struct Readings(pub Vec<Reading>);

impl Readings {
    /// What was found of a task.
    pub fn of(&self, dimension: usize, resolution: usize) -> Option<&Reading> {
        self.0.iter().find(|r| (r.dimension, r.resolution) == (dimension, resolution))
    }

    /// Ĩ by dimension at resolution M, or by 2M+1 at dimension m.
    fn by(&self, keep: impl Fn(&Reading) -> bool, x: impl Fn(&Reading) -> f64) -> Vec<(f64, f64)> {
        let mut points: Vec<(f64, f64)> = self.0.iter().filter(|r| keep(r)).map(|r| (x(r), r.bits)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }

    pub fn by_dimension(&self, resolution: usize) -> Vec<(f64, f64)> {
        self.by(|r| r.resolution == resolution, |r| r.dimension as f64)
    }

    pub fn by_resolution(&self, dimension: usize) -> Vec<(f64, f64)> {
        self.by(|r| r.dimension == dimension, |r| (2 * r.resolution + 1) as f64)
    }

    /// A line through `points` in logarithms of y (and of x), if all of them are there and none is without bits.
    fn fit(points: &[(f64, f64)], all: usize, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> (f64, f64, f64) {
        let whole = points.len() == all && points.iter().all(|p| p.1 >= NONE);
        line(&if whole { points.iter().map(|p| (x(p.0), y(p.1))).collect() } else { vec![] })
    }

    /// log₂ Ĩ over m = 1 … 5: bits a dimension.
    pub fn exponential(&self) -> (f64, f64, f64) {
        Self::fit(&self.by_dimension(RESOLUTION), 5, |m| m, log2)
    }

    /// ln Ĩ over ln(2M+1), M = 2 … 12: the power.
    pub fn polynomial(&self) -> (f64, f64, f64) {
        let points: Vec<_> = self.by_resolution(DIMENSION).into_iter().filter(|p| p.0 >= 5.0).collect();
        Self::fit(&points, FINEST - 1, log, log)
    }
}

/// Slope, intercept and share of the variance explained of a straight line through points; NaN where there are fewer than three.
fn line(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let n = points.len() as f64;
    if n < 3.0 {
        return (f64::NAN, f64::NAN, f64::NAN);
    }
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let (xx, xy) = (mean(&|p| (p.0 - x) * (p.0 - x)), mean(&|p| (p.0 - x) * (p.1 - y)));
    let slope = xy / xx;
    let left = mean(&|p| (p.1 - y - slope * (p.0 - x)) * (p.1 - y - slope * (p.0 - x)));
    (slope, y - slope * x, 1.0 - left / mean(&|p| (p.1 - y) * (p.1 - y)))
}
