//! Orthonormal frames: of given vectors, and at random.

use nalgebra::DMatrix;

use crate::random::Random;

/// The columns of `matrix` made orthonormal one after the other, as Gram and Schmidt do (by Householder's reflections, with the signs
/// that make R's diagonal positive). It has at least as many rows as columns, which are independent.
pub fn orthonormalised(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let qr = matrix.qr();
    let (mut q, r) = (qr.q(), qr.r());
    for (j, mut column) in q.column_iter_mut().enumerate() {
        if r[(j, j)] < 0.0 {
            column.neg_mut();
        }
    }
    q
}

/// The first `columns` columns of a random orthogonal matrix with `rows` rows (Haar measure, thanks to the signs; Mezzadri 2007).
pub fn orthonormal(rows: usize, columns: usize, random: &mut Random) -> DMatrix<f64> {
    orthonormalised(DMatrix::from_fn(rows, columns, |_, _| random.normal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_frames_are_orthonormal_and_even() {
        let mut random = Random::new(7, "frames");
        let q = orthonormal(6, 4, &mut random);
        assert!((q.tr_mul(&q) - DMatrix::identity(4, 4)).abs().max() < 1e-14);
        // Without the signs the diagonal would be of one sign.
        let positive = (0..400).filter(|_| orthonormal(3, 3, &mut random)[(0, 0)] > 0.0).count();
        assert!((150..250).contains(&positive), "{positive}");
    }

    #[test]
    fn the_first_column_keeps_its_direction() {
        let q = orthonormalised(DMatrix::from_column_slice(3, 2, &[3.0, 0.0, 4.0, 1.0, 2.0, 0.0]));
        assert!((q[(0, 0)] - 0.6).abs() < 1e-15 && (q[(2, 0)] - 0.8).abs() < 1e-15);
        assert!(q[(1, 1)] > 0.0);
    }
}
