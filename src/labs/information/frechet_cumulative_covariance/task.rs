//! The sample, of which a share of the responses is noise, and what the predictor is judged by.

use std::f64::consts::PI;

use libm::tan;
use methods::statistics::median;
use run::prelude::*;

use super::Controls;
use super::dependence::Distances;

/// Numbers a point, and fresh points.
pub const INPUTS: usize = 6;
const FRESH: usize = 500;

/// The true predictor.
pub fn truth(x: &[f64]) -> f64 {
    x[0] * x[0] + x[1]
}

/// The sample, and fresh points to judge by.
pub struct Task {
    pub x: Vec<f64>,
    pub responses: Vec<Vec<f64>>,
    /// The responses embedded, over all entries less their median and divided by 1.48 of its absolute deviation.
    pub targets: Vec<f64>,
    pub fresh: Vec<f64>,
    pub truth: Vec<f64>,
    pub judge: Distances,
}

impl Task {
    pub fn new(controls: &Controls, seed: u64) -> Self {
        let normals = |n: usize, purpose: &str| -> Vec<f64> {
            let mut random = Random::new(seed, purpose);
            (0..n * INPUTS).map(|_| random.normal()).collect()
        };
        let (x, fresh) = (normals(controls.samples, "sample"), normals(FRESH, "fresh points"));
        let mut noise = Random::new(seed, "noise");
        let responses: Vec<Vec<f64>> = x
            .chunks_exact(INPUTS)
            .map(|x| {
                let (m, s) = (2.0 * truth(x) + 0.3 * noise.normal(), 0.3 + 0.2 * noise.normal().abs());
                let (turn, which, cauchy) = (noise.normal(), noise.uniform(), tan(PI * (noise.uniform() - 0.5)));
                let (m, s) = if which < controls.outliers { (100.0 * cauchy, 1.0) } else { (m, s) };
                controls.response.of(m, s, turn)
            })
            .collect();
        let embedded: Vec<f64> = responses.iter().flat_map(|row| controls.response.embedded(row)).collect();
        let middle = median(&embedded);
        let spread = 1.48 * median(&embedded.iter().map(|v| (v - middle).abs()).collect::<Vec<f64>>());
        let truth: Vec<f64> = fresh.chunks_exact(INPUTS).map(truth).collect();
        Task {
            x,
            responses,
            targets: embedded.iter().map(|v| (v - middle) / spread).collect(),
            judge: Distances::of(&truth),
            fresh,
            truth,
        }
    }

    pub fn samples(&self) -> usize {
        self.responses.len()
    }
}
