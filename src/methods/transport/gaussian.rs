//! Gaussians by mean and covariance, and how far apart they are in transport.

use nalgebra::DMatrix;

use crate::methods::spd::bures_wasserstein;

/// Mean and covariance: of a Gaussian, or of anything that is compared by these alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaussian<const D: usize> {
    /// m.
    pub mean: [f64; D],
    /// Σ, symmetric.
    pub covariance: [[f64; D]; D],
}

impl<const D: usize> Gaussian<D> {
    /// Mean and covariance of a mixture of `parts`, each with its share; the shares sum to 1.
    pub fn of_mixture(parts: impl Iterator<Item = (f64, Gaussian<D>)> + Clone) -> Self {
        let mut mean = [0.0; D];
        for (share, part) in parts.clone() {
            (0..D).for_each(|d| mean[d] += share * part.mean[d]);
        }
        let mut covariance = [[0.0; D]; D];
        for (share, part) in parts {
            for i in 0..D {
                for j in 0..D {
                    let between = (part.mean[i] - mean[i]) * (part.mean[j] - mean[j]);
                    covariance[i][j] += share * (part.covariance[i][j] + between);
                }
            }
        }
        Gaussian { mean, covariance }
    }

    /// Mean and covariance of `points`, each with its share; the shares sum to 1.
    pub fn of_points(points: impl Iterator<Item = (f64, [f64; D])> + Clone) -> Self {
        Gaussian::of_mixture(points.map(|(share, mean)| (share, Gaussian { mean, covariance: [[0.0; D]; D] })))
    }

    /// tr Σ.
    pub fn total_variance(&self) -> f64 {
        (0..D).map(|d| self.covariance[d][d]).sum()
    }

    /// The squared 2-Wasserstein distance between the two Gaussians, ‖m − m′‖² + d²(Σ, Σ′) (see [`bures_wasserstein`]).
    pub fn squared_distance(&self, other: &Self) -> f64 {
        let means: f64 = (0..D).map(|d| (self.mean[d] - other.mean[d]) * (self.mean[d] - other.mean[d])).sum();
        let matrix = |g: &Self| DMatrix::from_fn(D, D, |i, j| g.covariance[i][j]);
        means + bures_wasserstein(&matrix(self), &matrix(other))
    }
}
