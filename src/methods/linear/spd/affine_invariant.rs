//! The affine-invariant geometry: d(P, Q) = ‖ln P^{−1/2} Q P^{−1/2}‖, the same after any congruence of both. Singular matrices are
//! infinitely far away.
//!
//! Source: Pennec, Fillard & Ayache, "A Riemannian framework for tensor computing", 2006.

use nalgebra::DMatrix;

use super::{arithmetic_mean, congruence, exp, log, power, roots};

/// d²(P, Q).
pub fn squared_distance(p: &DMatrix<f64>, q: &DMatrix<f64>) -> f64 {
    log(&congruence(&roots(p).1, q)).norm_squared()
}

/// The point at t on the geodesic from P (t = 0) to Q (t = 1).
pub fn geodesic(p: &DMatrix<f64>, q: &DMatrix<f64>, t: f64) -> DMatrix<f64> {
    let (half, inverse) = roots(p);
    congruence(&half, &power(&congruence(&inverse, q), t))
}

/// One step of the Karcher flow to the mean of a batch: B ← B^{1/2} exp( (1/N) Σ ln B^{−1/2} P_i B^{−1/2} ) B^{1/2}.
pub fn mean_step(batch: &[DMatrix<f64>], mean: &DMatrix<f64>) -> DMatrix<f64> {
    let (half, inverse) = roots(mean);
    let logs: Vec<DMatrix<f64>> = batch.iter().map(|p| log(&congruence(&inverse, p))).collect();
    congruence(&half, &exp(&arithmetic_mean(&logs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::spd::tests::random_spd;
    use crate::random::Random;

    #[test]
    fn congruences_change_no_distance_and_the_mean_is_flat() {
        let mut random = Random::new(2, "affine");
        let batch: Vec<_> = (0..8).map(|_| random_spd(5, 1.0, &mut random)).collect();
        let a = DMatrix::from_fn(5, 5, |_, _| random.normal());
        let moved = |p: &DMatrix<f64>| &a * p * a.transpose();
        let (d, e) = (squared_distance(&batch[0], &batch[1]), squared_distance(&moved(&batch[0]), &moved(&batch[1])));
        assert!((d / e - 1.0).abs() < 1e-9, "{d} {e}");
        let half_way = geodesic(&batch[0], &batch[1], 0.5);
        assert!((squared_distance(&batch[0], &half_way) / d - 0.25).abs() < 1e-10);
        let mut mean = arithmetic_mean(&batch);
        (0..60).for_each(|_| mean = mean_step(&batch, &mean));
        let inverse = roots(&mean).1;
        let logs: Vec<_> = batch.iter().map(|p| log(&congruence(&inverse, p))).collect();
        assert!(arithmetic_mean(&logs).norm() < 1e-10);
    }
}
