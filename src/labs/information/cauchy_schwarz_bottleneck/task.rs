//! Friedman's function of ten inputs, with outliers on one side.

use libm::sin;
use methods::statistics::median;
use run::prelude::*;

use super::divergence::{kernel_at_median, quadratic_information};

/// Numbers a point.
pub const INPUTS: usize = 10;
/// Points to learn from, and fresh ones.
pub const TRAIN: usize = 400;
pub const TEST: usize = 1000;
/// Fresh points on which information is measured.
pub const WEIGHED: usize = 400;

/// Friedman's first function of inputs in (0, 1); the last five say nothing.
fn friedman(x: &[f64]) -> f64 {
    let bow = x[2] - 0.5;
    10.0 * sin(std::f64::consts::PI * x[0] * x[1]) + 20.0 * bow * bow + 10.0 * x[3] + 5.0 * x[4]
}

/// Points to learn from and fresh ones; inputs have mean 0 and variance 1.
pub struct Task {
    pub x: Vec<f64>,
    /// (y − centre)/scale
    pub y: Vec<f64>,
    pub centre: f64,
    pub scale: f64,
    pub test_x: Vec<f64>,
    /// f, in the units of y.
    pub clean: Vec<f64>,
    /// Kernel matrix of the fresh inputs on which information is measured, and what they say of themselves.
    pub kernel: Vec<f64>,
    pub all: f64,
}

impl Task {
    pub fn new(outliers: f64, input_width: f64, seed: u64) -> Self {
        let draw = |n: usize, random: &mut Random| -> (Vec<f64>, Vec<f64>) {
            let raw: Vec<f64> = (0..n * INPUTS).map(|_| random.uniform()).collect();
            let f = raw.chunks_exact(INPUTS).map(friedman).collect();
            (raw.iter().map(|x| (x - 0.5) * 12f64.sqrt()).collect(), f)
        };
        let (x, f) = draw(TRAIN, &mut Random::new(seed, "training points"));
        let (test_x, clean) = draw(TEST, &mut Random::new(seed, "fresh points"));
        let mut noise = Random::new(seed, "noise");
        let raw: Vec<f64> = f
            .iter()
            .map(|f| {
                let (normal, far, which) = (noise.normal(), noise.between(0.0, 60.0), noise.uniform());
                f + if which < outliers { far } else { normal }
            })
            .collect();
        let centre = median(&raw);
        let scale = 1.4826 * median(&raw.iter().map(|y| (y - centre).abs()).collect::<Vec<f64>>());
        let (kernel, _) = kernel_at_median(&test_x[..WEIGHED * INPUTS], INPUTS, input_width);
        let all = quadratic_information(&kernel, &kernel);
        Task { x, y: raw.iter().map(|y| (y - centre) / scale).collect(), centre, scale, test_x, clean, kernel, all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_friedmans_with_outliers_above() {
        let half = 0.5;
        assert_eq!(friedman(&[half; 10]), 10.0 * sin(std::f64::consts::PI / 4.0) + 7.5);
        let [clean, spoilt] = [0.0, 0.15].map(|outliers| Task::new(outliers, 0.3, 5));
        let y = |task: &Task, i: usize| task.y[i] * task.scale + task.centre;
        let raised: Vec<f64> = (0..TRAIN).map(|i| y(&spoilt, i) - y(&clean, i)).filter(|d| d.abs() > 1e-9).collect();
        assert!((45..75).contains(&raised.len()) && raised.iter().all(|d| (-4.0..64.0).contains(d)), "{raised:?}");
        let [mean, square] = [1, 2].map(|p| clean.x.iter().map(|x| x.powi(p)).sum::<f64>() / clean.x.len() as f64);
        assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05);
    }
}
