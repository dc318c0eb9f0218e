//! Gaussian laws: divergence, transport distance, and what a margin's law says of a loss.
//!
//! Covariances are symmetric positive semidefinite; where one is singular, inverse and determinant are those on its range.
//!
//! Sources: Dowson & Landau, "The Fréchet distance between multivariate normal distributions", 1982; Cover & Thomas,
//! "Elements of Information Theory", 2006.

use libm::{erfc, exp, log};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Eigenvalues up to this share of the largest are taken for 0.
const SINGULAR: f64 = 1e-12;

/// The number of positive eigenvalues of a covariance, and the sum of their logarithms.
pub fn log_determinant(covariance: &DMatrix<f64>) -> (usize, f64) {
    let eigenvalues = covariance.symmetric_eigenvalues();
    let least = SINGULAR * eigenvalues.max();
    eigenvalues.iter().filter(|v| **v > least).fold((0, 0.0), |(rank, sum), v| (rank + 1, sum + log(*v)))
}

/// The symmetric root of a covariance.
pub fn square_root(covariance: &DMatrix<f64>) -> DMatrix<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = covariance.clone().symmetric_eigen();
    &eigenvectors * DMatrix::from_diagonal(&eigenvalues.map(|v| v.max(0.0).sqrt())) * eigenvectors.transpose()
}

/// KL( N(`mean`, `covariance`) ‖ N(`other_mean`, `other_covariance`) ) in nats; both covariances must have the same range, with the
/// difference of the means in it.
pub fn divergence(
    mean: &DVector<f64>,
    covariance: &DMatrix<f64>,
    other_mean: &DVector<f64>,
    other_covariance: &DMatrix<f64>,
) -> f64 {
    let SymmetricEigen { eigenvectors, eigenvalues } = other_covariance.clone().symmetric_eigen();
    let least = SINGULAR * eigenvalues.max();
    let inverse = eigenvalues.map(|v| if v > least { 1.0 / v } else { 0.0 });
    let inverse = &eigenvectors * DMatrix::from_diagonal(&inverse) * eigenvectors.transpose();
    let ((rank, log_det), (_, other_log_det)) = (log_determinant(covariance), log_determinant(other_covariance));
    let shift = mean - other_mean;
    0.5 * ((&inverse * covariance).trace() - rank as f64 + other_log_det - log_det + shift.dot(&(&inverse * &shift)))
}

/// The squared 2-Wasserstein distance of two Gaussians of equal mean: tr Σ + tr Σ′ − 2 tr (Σ^½ Σ′ Σ^½)^½ (Bures); between others
/// the squared distance of the means is added to it.
pub fn bures(covariance: &DMatrix<f64>, other: &DMatrix<f64>) -> f64 {
    let root = square_root(covariance);
    let product = &root * other * &root;
    let cross: f64 = product.symmetric_eigenvalues().iter().map(|v| v.max(0.0).sqrt()).sum();
    covariance.trace() + other.trace() - 2.0 * cross
}

/// E clip(½ − M/(2ρ), 0, 1), the mean ramp loss of a margin M ~ N(`mean`, `variance`).
pub fn ramp_loss(mean: f64, variance: f64, rho: f64) -> f64 {
    // E max(X, 0) for X ~ N(b, s²) is b Φ(b/s) + s φ(b/s), and the ramp is max(X, 0) − max(X − 1, 0).
    let (b, s) = (0.5 - mean / (2.0 * rho), variance.sqrt() / (2.0 * rho));
    let above = |b: f64| {
        if s == 0.0 {
            return b.max(0.0);
        }
        let z = b / s;
        b * 0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2) + s * exp(-0.5 * z * z) / std::f64::consts::TAU.sqrt()
    };
    above(b) - above(b - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn closed_forms_on_the_line_and_on_a_range() {
        let line = |v: f64| DMatrix::from_element(1, 1, v);
        let point = |v: f64| DVector::from_element(1, v);
        // ln(3/2) + (4 + 1)/18 − ½ with deviations 2 and 3, means 1 apart; and (3 − 2)².
        let kl = divergence(&point(1.0), &line(4.0), &point(0.0), &line(9.0));
        assert!((kl - (log(1.5) + 5.0 / 18.0 - 0.5)).abs() < 1e-15, "{kl}");
        assert!((bures(&line(4.0), &line(9.0)) - 1.0).abs() < 1e-14);
        // The same, turned into a plane in which there is nothing across.
        let along = DMatrix::from_column_slice(2, 1, &[0.6, 0.8]);
        let (a, b) = (&along * 4.0 * along.transpose(), &along * 9.0 * along.transpose());
        let flat = divergence(&(&along * point(1.0)), &a, &DVector::zeros(2), &b);
        assert!((flat - kl).abs() < 1e-14 && (bures(&a, &b) - 1.0).abs() < 1e-7, "{flat}");
        assert_eq!(log_determinant(&a).0, 1);
    }

    #[test]
    fn ramp_loss_is_the_mean_over_draws() {
        let mut random = Random::new(4, "margins");
        for (mean, variance, rho) in [(0.3, 1.0, 1.0), (-0.5, 0.2, 0.4), (2.0, 3.0, 0.2)] {
            let n = 400_000;
            let draws = (0..n).map(|_| (0.5 - (mean + f64::sqrt(variance) * random.normal()) / (2.0 * rho)).clamp(0.0, 1.0));
            let simulated = draws.sum::<f64>() / f64::from(n);
            assert!((ramp_loss(mean, variance, rho) - simulated).abs() < 3e-3, "{mean} {variance} {rho}: {simulated}");
        }
        assert_eq!(ramp_loss(0.0, 0.0, 1.0), 0.5);
    }
}
