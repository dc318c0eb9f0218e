//! Plans that are known from N(0, I), and how wrong another is.
//!
//! Source of the error: Gushchin, Kolesov, Mokrov, Karpikova, Spiridonov, Burnaev & Korotin, "Building the bridge of Schrödinger: a
//! continuous entropic optimal transport benchmark", 2023.

use libm::{cos, exp, log, sin};

use methods::transport::directions;
use methods::transport::light_bridge::LightBridge;
use methods::transport::moments::Moments;
use run::prelude::*;

/// The plan from N(0, I) to five Gaussians (S = 0.2 I) at a distance of 2 from the middle, evenly in the plane and at random in more dimensions,
/// balanced over 4,000 draws so that each receives a fifth.
pub fn five_blobs<const D: usize>(epsilon: f64, random: &mut Random) -> LightBridge<D> {
    const K: usize = 5;
    let centers: Vec<f64> = if D == 2 {
        let angle = |k: usize| std::f64::consts::TAU * k as f64 / K as f64;
        (0..K).flat_map(|k| [cos(angle(k)), sin(angle(k))]).collect()
    } else {
        directions(D, K, random)
    };
    let theta = |log_weights: [f64; K]| -> Vec<f64> {
        let center = |k: usize| centers[k * D..][..D].iter().map(|r| 2.0 * r);
        (0..K).flat_map(|k| [log_weights[k]].into_iter().chain(center(k)).chain([log(0.2); D])).collect()
    };
    let even = LightBridge::<D>::new(epsilon, &theta([0.0; K]));
    let shares: Vec<Vec<f64>> = (0..4000).map(|_| even.shares(&std::array::from_fn(|_| random.normal()))).collect();
    let mut log_weights = [0.0; K];
    for _ in 0..50 {
        let weights = log_weights.map(exp);
        let mut means = [0.0; K];
        for shares in &shares {
            let sum: f64 = weights.iter().zip(shares).map(|(weight, share)| weight * share).sum();
            (0..K).for_each(|k| means[k] += weights[k] * shares[k] / sum / shares.len() as f64);
        }
        (0..K).for_each(|k| log_weights[k] -= 0.5 * log(K as f64 * means[k].max(1e-300)));
    }
    LightBridge::new(epsilon, &theta(log_weights))
}

/// The plan from N(0, I) to N(0, b² I): S = κ I, κ = ½(√(4b² + ε²) − ε).
pub fn to_gaussian<const D: usize>(epsilon: f64, b: f64) -> LightBridge<D> {
    let kappa = 0.5 * ((4.0 * b * b + epsilon * epsilon).sqrt() - epsilon);
    LightBridge::new(epsilon, &[&[0.0][..], &[0.0; D], &[log(kappa); D]].concat())
}

/// Conditionals of a known plan, to hold others against.
#[derive(Clone, Debug)]
pub struct Yardstick<const D: usize> {
    starts: Vec<[f64; D]>,
    truths: Vec<Moments<D>>,
    /// ½ tr Cov p₁.
    half_variance: f64,
}

impl<const D: usize> Yardstick<D> {
    /// The conditionals of `truth` at `starts`; `half_variance` is half the total variance of p₁.
    pub fn new(truth: &LightBridge<D>, starts: Vec<[f64; D]>, half_variance: f64) -> Self {
        let truths = starts.iter().map(|start| truth.moments(start)).collect();
        Yardstick { starts, truths, half_variance }
    }

    /// How many starts there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The share of one start in the error: over all starts they sum to [`error`](Self::error).
    pub fn share(&self, i: usize, conditional: impl FnOnce(&[f64; D]) -> Moments<D>) -> f64 {
        100.0 * conditional(&self.starts[i]).squared_distance(&self.truths[i]) / (self.len() as f64 * self.half_variance)
    }

    /// cBW²₂-UVP, percent: 100 E BW₂²(π(·|x₀), π*(·|x₀)) / (½ tr Cov p₁) over the starts x₀, conditionals taken by their moments.
    pub fn error(&self, conditional: impl Fn(&[f64; D]) -> Moments<D>) -> f64 {
        (0..self.len()).map(|i| self.share(i, &conditional)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_blob_receives_a_fifth() {
        for epsilon in [0.02, 0.5, 5.0] {
            fifths::<2>(epsilon);
        }
        fifths::<16>(1.0);
    }

    fn fifths<const D: usize>(epsilon: f64) {
        let plan = five_blobs::<D>(epsilon, &mut Random::new(3, "balance"));
        let mut random = Random::new(3, "fresh");
        let mut means = [0.0; 5];
        for _ in 0..20_000 {
            let shares = plan.shares(&std::array::from_fn(|_| random.normal()));
            means.iter_mut().zip(shares).for_each(|(mean, share)| *mean += share / 20_000.0);
        }
        assert!(means.iter().all(|mean| (mean - 0.2).abs() < 0.02), "D = {D}, ε = {epsilon}: {means:?}");
        let far = plan.components().iter().map(|k| k.center.iter().map(|r| r * r).sum::<f64>());
        assert!(far.into_iter().all(|square| (square - 4.0).abs() < 1e-12));
    }

    #[test]
    fn the_truth_has_no_error_and_a_shift_its_square() {
        let plan = to_gaussian::<2>(0.5, 1.5);
        let yardstick = Yardstick::new(&plan, vec![[0.3, -1.0], [2.0, 0.5]], 2.25);
        assert!(yardstick.error(|x| plan.moments(x)) < 1e-10);
        let shifted = |x: &[f64; 2]| {
            let mut moments = plan.moments(x);
            moments.mean[0] += 0.3;
            moments
        };
        assert!((yardstick.error(shifted) - 100.0 * 0.09 / 2.25).abs() < 1e-9);
    }
}
