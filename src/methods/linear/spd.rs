//! Symmetric positive definite matrices, and the curved spaces that they make.
//!
//! All matrices are n × n `DMatrix<f64>`. Functions of a matrix act on its eigenvalues. Eigenvalues below [`CLIP`] count as that much
//! wherever a root, a logarithm or a power of them is taken.

pub mod affine_invariant;
pub mod bures_wasserstein;

use nalgebra::{DMatrix, SymmetricEigen};

/// The smallest eigenvalue that is told from zero.
pub const CLIP: f64 = 1e-12;

/// U diag(f(λ)) Uᵀ for the symmetric `p` = U diag(λ) Uᵀ, whose entries are finite.
pub fn map(p: &DMatrix<f64>, f: impl Fn(f64) -> f64) -> DMatrix<f64> {
    let SymmetricEigen { eigenvalues, eigenvectors: u } = p.clone().symmetric_eigen();
    assemble(&u, |i| f(eigenvalues[i]))
}

/// U diag(λ₀, λ₁, …) Uᵀ.
fn assemble(u: &DMatrix<f64>, value: impl Fn(usize) -> f64) -> DMatrix<f64> {
    let mut scaled = u.clone();
    for (i, mut column) in scaled.column_iter_mut().enumerate() {
        column *= value(i);
    }
    scaled * u.transpose()
}

/// P^{1/2}.
pub fn root(p: &DMatrix<f64>) -> DMatrix<f64> {
    map(p, |value| value.max(CLIP).sqrt())
}

/// P^{1/2} and P^{−1/2}.
pub fn roots(p: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
    let SymmetricEigen { eigenvalues, eigenvectors: u } = p.clone().symmetric_eigen();
    let root = |i: usize| f64::max(eigenvalues[i], CLIP).sqrt();
    (assemble(&u, root), assemble(&u, |i| 1.0 / root(i)))
}

/// P^t.
pub fn power(p: &DMatrix<f64>, t: f64) -> DMatrix<f64> {
    if t == 1.0 { p.clone() } else { map(p, |value| libm::pow(value.max(CLIP), t)) }
}

/// ln P.
pub fn log(p: &DMatrix<f64>) -> DMatrix<f64> {
    map(p, |value| libm::log(value.max(CLIP)))
}

/// exp V of a symmetric V.
pub fn exp(v: &DMatrix<f64>) -> DMatrix<f64> {
    map(v, libm::exp)
}

/// A P A, symmetric to the last bit, for symmetric A and P.
pub fn congruence(a: &DMatrix<f64>, p: &DMatrix<f64>) -> DMatrix<f64> {
    let mut product = a * p * a;
    product.fill_lower_triangle_with_upper_triangle();
    product
}

/// The mean of a batch.
pub fn arithmetic_mean(batch: &[DMatrix<f64>]) -> DMatrix<f64> {
    let n = batch.first().map_or(0, DMatrix::nrows);
    batch.iter().fold(DMatrix::zeros(n, n), |sum, p| sum + p) / batch.len() as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::random::Random;

    /// A random matrix with eigenvalues of the order of `scale` squared.
    pub(crate) fn random_spd(n: usize, scale: f64, random: &mut Random) -> DMatrix<f64> {
        let root = DMatrix::from_fn(n, n, |_, _| scale * random.normal());
        &root * root.transpose() + DMatrix::identity(n, n) * (0.01 * scale * scale)
    }

    /// A random symmetric matrix.
    pub(crate) fn random_symmetric(n: usize, scale: f64, random: &mut Random) -> DMatrix<f64> {
        let half = DMatrix::from_fn(n, n, |_, _| scale * random.normal());
        &half + half.transpose()
    }

    #[test]
    fn roots_powers_and_logarithms_undo_each_other() {
        let mut random = Random::new(1, "spd");
        let p = random_spd(6, 1.5, &mut random);
        let (half, inverse) = roots(&p);
        assert!((&half * &half - &p).norm() < 1e-12 && (&half * &inverse - DMatrix::identity(6, 6)).norm() < 1e-11);
        assert!((power(&power(&p, 0.3), 1.0 / 0.3) - &p).norm() < 1e-11);
        assert!((exp(&log(&p)) - &p).norm() < 1e-11);
        assert!((root(&p) - half).norm() < 1e-12);
    }
}
