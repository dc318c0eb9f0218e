//! Symmetric positive definite matrices and the Bures–Wasserstein distance between them.

use nalgebra::{DMatrix, SymmetricEigen};

/// U diag(f(λ)) Uᵀ for the symmetric `p` = U diag(λ) Uᵀ.
pub fn map(p: &DMatrix<f64>, f: impl Fn(f64) -> f64) -> DMatrix<f64> {
    let SymmetricEigen { eigenvalues, eigenvectors: u } = p.clone().symmetric_eigen();
    let mut scaled = u.clone();
    for (mut column, value) in scaled.column_iter_mut().zip(eigenvalues.iter()) {
        column *= f(*value);
    }
    scaled * u.transpose()
}

/// P^{1/2} of a positive semidefinite P; what rounding has left below zero counts as zero.
pub fn root(p: &DMatrix<f64>) -> DMatrix<f64> {
    map(p, |value| value.max(0.0).sqrt())
}

/// d²(P, Q) = tr P + tr Q − 2 tr (P^{1/2} Q P^{1/2})^{1/2}: the squared 2-Wasserstein distance between N(0, P) and N(0, Q).
///
/// Positive semidefinite matrices will do. NaN where an entry is not finite.
///
/// Source: Bhatia, Jain & Lim, "On the Bures–Wasserstein distance between positive definite matrices", 2019.
pub fn bures_wasserstein(p: &DMatrix<f64>, q: &DMatrix<f64>) -> f64 {
    if p.iter().chain(q.iter()).any(|entry| !entry.is_finite()) {
        return f64::NAN;
    }
    let half = root(p);
    let middle = &half * q * &half;
    let fidelity: f64 = middle.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum();
    (p.trace() + q.trace() - 2.0 * fidelity).max(0.0)
}
