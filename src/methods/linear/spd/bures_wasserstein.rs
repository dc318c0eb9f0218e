//! The Bures–Wasserstein geometry: transport between centred Gaussians. Singular matrices are at a finite distance.
//!
//! d²(P, Q) is [`bures`](crate::statistics::gaussian::bures). A tangent vector V at P is a symmetric matrix; with L_P\[V\] the solution of
//! P L + L P = V its squared length is ½ tr L_P\[V\] V.
//!
//! Sources: Bhatia, Jain & Lim, "On the Bures–Wasserstein distance between positive definite matrices", 2019; Thanwerdas & Pennec,
//! "O(n)-invariant Riemannian metrics on SPD matrices", 2023 (transport between commuting points).

use nalgebra::{DMatrix, SymmetricEigen};

use super::{CLIP, congruence, root, roots};

/// f(p_i, p_j) times the entry (i, j) of V in the eigenbasis of P, taken back.
fn entrywise(p: &DMatrix<f64>, v: &DMatrix<f64>, f: impl Fn(f64, f64) -> f64) -> DMatrix<f64> {
    let SymmetricEigen { eigenvalues: values, eigenvectors: u } = p.clone().symmetric_eigen();
    let turned = u.transpose() * v * &u;
    let n = p.nrows();
    let changed =
        DMatrix::from_fn(n, n, |i, j| f(values[i].max(CLIP), values[j].max(CLIP)) * 0.5 * (turned[(i, j)] + turned[(j, i)]));
    &u * changed * u.transpose()
}

/// L_P\[V\]: the symmetric solution of P L + L P = V.
pub fn lyapunov(p: &DMatrix<f64>, v: &DMatrix<f64>) -> DMatrix<f64> {
    entrywise(p, v, |a, b| 1.0 / (a + b))
}

/// The squared length of the tangent vector V at P.
pub fn squared_length(p: &DMatrix<f64>, v: &DMatrix<f64>) -> f64 {
    0.5 * (lyapunov(p, v) * v).trace()
}

/// Exp_P(V) = P + V + L_P\[V\] P L_P\[V\]; the end of a geodesic while I + L_P\[V\] is positive.
pub fn exp(p: &DMatrix<f64>, v: &DMatrix<f64>) -> DMatrix<f64> {
    let l = lyapunov(p, v);
    p + v + &l * p * &l
}

/// Log_P(Q) = (QP)^{1/2} + (PQ)^{1/2} − 2P.
pub fn log(p: &DMatrix<f64>, q: &DMatrix<f64>) -> DMatrix<f64> {
    let (half, inverse) = roots(p);
    let product = &half * root(&congruence(&half, q)) * inverse;
    &product + product.transpose() - p * 2.0
}

/// A tangent vector V at `from` taken along to `to`, which commutes with it: in the common eigenbasis its entries are multiplied by
/// √((q_i + q_j)/(p_i + p_j)). One of the two is a multiple of I, so that the other's eigenbasis is common.
fn transport(basis: &DMatrix<f64>, v: &DMatrix<f64>, factor: impl Fn(f64) -> f64) -> DMatrix<f64> {
    entrywise(basis, v, |a, b| factor(0.5 * (a + b)))
}

/// A tangent vector at `p` taken along to I.
pub fn transport_to_identity(p: &DMatrix<f64>, v: &DMatrix<f64>) -> DMatrix<f64> {
    transport(p, v, |mean| 1.0 / mean.sqrt())
}

/// A tangent vector at I taken along to `p`.
pub fn transport_from_identity(p: &DMatrix<f64>, v: &DMatrix<f64>) -> DMatrix<f64> {
    transport(p, v, f64::sqrt)
}

/// The point at t on the geodesic from P (t = 0) to Q (t = 1).
pub fn geodesic(p: &DMatrix<f64>, q: &DMatrix<f64>, t: f64) -> DMatrix<f64> {
    exp(p, &(log(p, q) * t))
}

/// One fixed-point step to the mean of a batch: B ← B^{−1/2} ( (1/N) Σ (B^{1/2} P_i B^{1/2})^{1/2} )² B^{−1/2}
/// (Álvarez-Esteban, del Barrio, Cuesta-Albertos & Matrán 2016).
pub fn mean_step(batch: &[DMatrix<f64>], mean: &DMatrix<f64>) -> DMatrix<f64> {
    let (half, inverse) = roots(mean);
    let n = mean.nrows();
    let sum = batch.iter().fold(DMatrix::zeros(n, n), |sum, p| sum + root(&congruence(&half, p)));
    let average = sum / batch.len() as f64;
    congruence(&inverse, &(&average * &average))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::spd::arithmetic_mean;
    use crate::linear::spd::tests::{random_spd, random_symmetric};
    use crate::random::Random;
    use crate::statistics::gaussian::bures;

    #[test]
    fn exponential_undoes_logarithm() {
        let mut random = Random::new(3, "bures");
        for scale in [0.1, 1.0, 3.0] {
            let (p, q) = (random_spd(6, scale, &mut random), random_spd(6, 1.0, &mut random));
            assert!((exp(&p, &log(&p, &q)) - &q).norm() < 1e-8 * q.norm());
            // The length of the logarithm is the distance, and half the way is half of it.
            let d2 = bures(&p, &q);
            assert!((squared_length(&p, &log(&p, &q)) / d2 - 1.0).abs() < 1e-8);
            assert!((bures(&p, &geodesic(&p, &q, 0.5)) / d2 - 0.25).abs() < 1e-8);
        }
        let (q, one) = (random_spd(4, 1.0, &mut random), DMatrix::identity(4, 4));
        assert!((log(&one, &q) - (root(&q) * 2.0 - &one * 2.0)).norm() < 1e-12);
        let v = random_symmetric(4, 0.1, &mut random);
        assert!((exp(&one, &v) - (&one + &v + &v * &v * 0.25)).norm() < 1e-12);
    }

    #[test]
    fn what_is_taken_along_keeps_its_length() {
        let mut random = Random::new(4, "transport");
        let (p, v, one) = (random_spd(6, 1.0, &mut random), random_symmetric(6, 0.3, &mut random), DMatrix::identity(6, 6));
        let length = squared_length(&p, &v);
        let moved = transport_to_identity(&p, &v);
        assert!((squared_length(&one, &moved) / length - 1.0).abs() < 1e-12);
        assert!((transport_from_identity(&p, &moved) - &v).norm() < 1e-12);
    }

    #[test]
    fn on_the_line_everything_is_a_square_root() {
        let one = |v: f64| DMatrix::from_element(1, 1, v);
        let batch = [one(1.0), one(4.0), one(25.0)];
        // The mean of the roots, squared, in a single step.
        let mean = mean_step(&batch, &arithmetic_mean(&batch));
        assert!((mean[(0, 0)] - (8.0f64 / 3.0) * (8.0 / 3.0)).abs() < 1e-12);
        assert!((log(&one(4.0), &one(25.0))[(0, 0)] - 2.0 * 2.0 * (5.0 - 2.0)).abs() < 1e-12);
        assert!((geodesic(&one(4.0), &one(25.0), 0.5)[(0, 0)] - 3.5 * 3.5).abs() < 1e-12);
    }

    #[test]
    fn singular_matrices_are_not_far() {
        let mut thin = DMatrix::zeros(3, 3);
        thin[(0, 0)] = 1.0;
        let mut other = DMatrix::zeros(3, 3);
        other[(1, 1)] = 1.0;
        assert!((bures(&thin, &other) - 2.0).abs() < 1e-9);
        assert!(geodesic(&thin, &other, 0.3).iter().all(|v| v.is_finite()));
    }
}
