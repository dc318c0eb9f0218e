//! The ends of a spectrum from matrix-vector products alone.

/// The eigenvalue of largest magnitude of a symmetric operator, by `steps` power steps from `vector`.
///
/// `apply(v, out)` writes the operator times `v` into `out`. `vector` must not be zero; it is left at the last iterate, of unit
/// length, so that the next call on a slightly changed operator starts warm. Returns the Rayleigh quotient vᵀ(Hv) of the last
/// unit iterate v that the operator was applied to: its error is the square of that vector's. Zero steps, or an operator that
/// sends `vector` to zero, give 0; an operator that overflows gives NaN.
///
/// Source: von Mises & Pollaczek-Geiringer 1929; Golub & Van Loan, "Matrix Computations", section 8.2.
pub fn power_iteration(vector: &mut [f64], steps: usize, mut apply: impl FnMut(&[f64], &mut [f64])) -> f64 {
    let mut image = vec![0.0; vector.len()];
    let mut quotient = 0.0;
    normalise(vector);
    for _ in 0..steps {
        apply(vector, &mut image);
        quotient = vector.iter().zip(&image).map(|(v, w)| v * w).sum();
        if !normalise(&mut image) {
            return quotient;
        }
        vector.copy_from_slice(&image);
    }
    quotient
}

/// Scales `vector` to unit length; a vector whose length is zero or not finite stays as it is and gives false.
fn normalise(vector: &mut [f64]) -> bool {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    let possible = length > 0.0 && length.is_finite();
    if possible {
        vector.iter_mut().for_each(|v| *v /= length);
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use nalgebra::{DMatrix, DVector};

    #[test]
    fn agrees_with_the_dense_eigenvalue() {
        let n = 40;
        let mut random = Random::new(3, "symmetric");
        let a = DMatrix::from_fn(n, n, |_, _| random.normal());
        // Positive semidefinite: the largest in magnitude is the largest.
        let h = a.transpose() * &a;
        let dense = h.clone().symmetric_eigen().eigenvalues.max();
        let mut vector: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let apply = |v: &[f64], out: &mut [f64]| out.copy_from_slice((&h * DVector::from_column_slice(v)).as_slice());
        let rough = power_iteration(&mut vector, 5, apply);
        assert!(rough < dense, "a Rayleigh quotient is never above the top: {rough} and {dense}");
        let fine = power_iteration(&mut vector, 400, apply);
        assert!((fine / dense - 1.0).abs() < 1e-9, "{fine} and {dense}");
        assert!((vector.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn finds_the_largest_magnitude_and_survives_the_extremes() {
        let diagonal = |d: [f64; 3]| move |v: &[f64], out: &mut [f64]| (0..3).for_each(|i| out[i] = d[i] * v[i]);
        let quotient = power_iteration(&mut [1.0, 1.0, 1.0], 200, diagonal([1.0, -3.0, 2.0]));
        assert!((quotient + 3.0).abs() < 1e-9, "{quotient}");
        assert_eq!(power_iteration(&mut [1.0, 1.0, 1.0], 9, diagonal([0.0; 3])), 0.0);
        assert_eq!(power_iteration(&mut [1.0, 1.0, 1.0], 0, diagonal([1.0; 3])), 0.0);
        assert!(!power_iteration(&mut [1.0, 1.0, 1.0], 9, diagonal([f64::INFINITY, 1.0, f64::NAN])).is_finite());
    }
}
