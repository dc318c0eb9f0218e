//! Laws that are compared by mean and covariance alone.

use nalgebra::DMatrix;

use crate::statistics::gaussian::bures;

/// Mean and covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments<const D: usize> {
    /// m.
    pub mean: [f64; D],
    /// Σ, symmetric.
    pub covariance: [[f64; D]; D],
}

impl<const D: usize> Moments<D> {
    /// Mean and covariance of a mixture of `parts`, each with its share; the shares sum to 1.
    pub fn of_mixture(parts: impl Iterator<Item = (f64, Moments<D>)> + Clone) -> Self {
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
        Moments { mean, covariance }
    }

    /// Mean and covariance of `points`, each with its share; the shares sum to 1.
    pub fn of_points(points: impl Iterator<Item = (f64, [f64; D])> + Clone) -> Self {
        Moments::of_mixture(points.map(|(share, mean)| (share, Moments { mean, covariance: [[0.0; D]; D] })))
    }

    /// tr Σ.
    pub fn total_variance(&self) -> f64 {
        (0..D).map(|d| self.covariance[d][d]).sum()
    }

    /// The squared 2-Wasserstein distance between the two Gaussians of these moments: ‖m − m′‖² and the covariances' [`bures`].
    /// NaN where an entry is not finite.
    pub fn squared_distance(&self, other: &Self) -> f64 {
        // An eigenvalue iteration on what is not finite need not end.
        if [self, other].iter().any(|law| law.covariance.as_flattened().iter().any(|entry| !entry.is_finite())) {
            return f64::NAN;
        }
        let means: f64 = (0..D).map(|d| (self.mean[d] - other.mean[d]) * (self.mean[d] - other.mean[d])).sum();
        let matrix = |law: &Self| DMatrix::from_fn(D, D, |i, j| law.covariance[i][j]);
        means + bures(&matrix(self), &matrix(other)).max(0.0)
    }
}
