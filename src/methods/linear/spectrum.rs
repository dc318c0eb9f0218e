//! The ends of a spectrum from matrix-vector products alone.

use crate::linear::lanczos::Lanczos;

/// The largest eigenvalue of a symmetric operator, the most positive one, as far as it was found.
#[derive(Clone, Debug)]
pub struct Largest {
    /// θ, never above the eigenvalue; NaN where the operator is not finite.
    pub value: f64,
    /// ‖Av − θv‖: an eigenvalue lies within so much of θ. Where the next one is far, the error is about this squared over the distance.
    pub residual: f64,
    /// v, of unit length: a good start for an operator that differs little.
    pub vector: Vec<f64>,
}

/// The largest eigenvalue by a Lanczos process from `start`, which must not be zero: until ‖Av − θv‖ ≤ `tolerance`·|θ|, the process has
/// spanned all that it reaches from there, or `most` products are spent. `apply` is the operator.
pub fn largest(start: Vec<f64>, tolerance: f64, most: usize, mut apply: impl FnMut(&[f64]) -> Vec<f64>) -> Largest {
    let mut lanczos = Lanczos::new(start);
    loop {
        let image = apply(lanczos.next());
        // So that no square of it is beyond all numbers either.
        if image.iter().any(|v| !v.is_finite() || v.abs() > 1e100) {
            return Largest { value: f64::NAN, residual: f64::NAN, vector: lanczos.next().to_vec() };
        }
        lanczos.step(image);
        let ritz = lanczos.ritz();
        let top = ritz.values.len() - 1;
        let (value, residual) = (ritz.values[top], ritz.residuals[top]);
        if residual <= tolerance * value.abs() || lanczos.exhausted() || lanczos.steps() >= most {
            return Largest { value, residual, vector: lanczos.vector(&ritz, top) };
        }
    }
}

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

    /// The most positive one, though −9 is larger in magnitude; to the residual that was asked for, and to the last digit where the space
    /// is spanned.
    #[test]
    fn the_largest_is_not_the_largest_in_magnitude() {
        let n = 60;
        let mut random = Random::new(4, "symmetric");
        let q = DMatrix::from_fn(n, n, |_, _| random.normal()).qr().q();
        let values = DVector::from_fn(n, |i, _| if i == 0 { -9.0 } else { 2.0 * i as f64 / n as f64 });
        let a = &q * DMatrix::from_diagonal(&values) * q.transpose();
        let apply = |v: &[f64]| (&a * DVector::from_column_slice(v)).as_slice().to_vec();
        let start: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let top = values[n - 1];
        for (tolerance, products) in [(1e-1, 20), (1e-3, 45), (0.0, 60)] {
            let mut used = 0;
            let found = largest(start.clone(), tolerance, 100, |v| {
                used += 1;
                apply(v)
            });
            let v = DVector::from_column_slice(&found.vector);
            let residual = (&a * &v - found.value * &v).norm();
            assert!(found.value < top + 1e-12 && (found.residual - residual).abs() < 1e-9, "{found:?}");
            assert!(residual <= tolerance * found.value + 1e-9 && used <= products, "{residual} after {used}");
            assert!(tolerance > 1e-2 || (found.value - top).abs() < 1e-3, "{}", found.value);
        }
        assert!((largest(start.clone(), 0.0, 100, apply).value - top).abs() < 1e-12);
        assert!(largest(start, 0.1, 9, |v| vec![f64::NAN; v.len()]).value.is_nan());
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
