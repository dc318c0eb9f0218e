//! Instances of optimal transport: what is where, where it must go, and what moving it costs.

use super::squared_distances;
use crate::random::Random;
use libm::exp;

/// Masses at some places and at others, and the costs between them, which are in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Cost of moving a unit from each source to each target: `source.len()` rows, row by row.
    pub cost: Vec<f64>,
    /// Mass at each source; positive, sum 1.
    pub source: Vec<f64>,
    /// Mass at each target; positive, sum 1.
    pub target: Vec<f64>,
}

impl Instance {
    /// Random assignment: n × n costs uniform in [0, 1), equal masses.
    pub fn random_assignment(n: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, "assignment costs");
        let cost = (0..n * n).map(|_| random.uniform()).collect();
        Instance { cost, source: vec![1.0 / n as f64; n], target: vec![1.0 / n as f64; n] }
    }

    /// Two densities of two humps each on n cells of [0, 1], at squared distance.
    pub fn densities(n: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, "densities");
        let place = random.between(0.2, 0.3);
        let width = random.between(0.03, 0.06);
        let at: Vec<f64> = (0..n).map(|i| i as f64 / (n - 1) as f64).collect();
        let hump = |t: f64, mean: f64, width: f64| exp(-(t - mean) * (t - mean) / (2.0 * width * width));
        let source = at.iter().map(|&t| hump(t, place, 0.05) + 0.6 * hump(t, 0.55, 0.08) + 1e-3).collect();
        let target = at.iter().map(|&t| hump(t, 0.8, 0.07) + 0.4 * hump(t, 0.4, width) + 1e-3).collect();
        Instance { cost: scaled(squared_distances(&at, &at, 1)), source: simplex(source), target: simplex(target) }
    }
}

/// Values >= 0 divided by the largest, unless that is zero.
pub fn scaled(mut values: Vec<f64>) -> Vec<f64> {
    let top = values.iter().fold(0.0, |top: f64, v| top.max(*v));
    if top > 0.0 {
        values.iter_mut().for_each(|v| *v /= top);
    }
    values
}

/// Positive masses divided by their sum.
pub fn simplex(mut masses: Vec<f64>) -> Vec<f64> {
    // Over the largest first: the sum of huge masses would be infinite.
    let top = masses.iter().fold(0.0, |a: f64, b| a.max(*b));
    masses.iter_mut().for_each(|m| *m /= top);
    let sum: f64 = masses.iter().sum();
    masses.iter_mut().for_each(|m| *m /= sum);
    masses
}
