//! Linear solvers, one iteration at a time.

/// Preconditioned conjugate gradients for `A x = b`, `A` symmetric positive semidefinite, `b` in its range.
///
/// The preconditioner is the diagonal of `A`. One [`step`](ConjugateGradient::step) costs one product with `A`, so a long solve
/// can be spread over many slices of a run. On a singular `A` the iterates stay in the span that `b` can see.
///
/// Source: Hestenes & Stiefel, "Methods of conjugate gradients for solving linear systems", 1952.
#[derive(Clone, Debug)]
pub struct ConjugateGradient {
    /// The solution so far; starts at zero.
    pub solution: Vec<f64>,
    /// Products with `A` so far.
    pub steps: usize,
    inverse_diagonal: Vec<f64>,
    residual: Vec<f64>,
    direction: Vec<f64>,
    image: Vec<f64>,
    /// rᵀ M⁻¹ r.
    energy: f64,
    norm_of_right_side: f64,
}

impl ConjugateGradient {
    /// The solver at x = 0 for the right-hand side `b`; `diagonal` is that of `A`, all positive.
    pub fn new(b: &[f64], diagonal: &[f64]) -> Self {
        let inverse_diagonal: Vec<f64> = diagonal.iter().map(|d| 1.0 / d).collect();
        let direction: Vec<f64> = b.iter().zip(&inverse_diagonal).map(|(r, m)| r * m).collect();
        ConjugateGradient {
            solution: vec![0.0; b.len()],
            steps: 0,
            energy: dot(b, &direction),
            norm_of_right_side: dot(b, b).sqrt(),
            residual: b.to_vec(),
            image: vec![0.0; b.len()],
            inverse_diagonal,
            direction,
        }
    }

    /// ‖b − A x‖ / ‖b‖ as the recurrence carries it; 0 if b = 0.
    pub fn relative_residual(&self) -> f64 {
        if self.norm_of_right_side == 0.0 { 0.0 } else { dot(&self.residual, &self.residual).sqrt() / self.norm_of_right_side }
    }

    /// One iteration; `product` writes `A` times its first argument into its second. Returns the relative residual.
    pub fn step(&mut self, product: impl FnOnce(&[f64], &mut [f64])) -> f64 {
        if self.energy == 0.0 {
            return 0.0;
        }
        product(&self.direction, &mut self.image);
        let length = self.energy / dot(&self.direction, &self.image);
        for ((x, r), (p, q)) in self.solution.iter_mut().zip(&mut self.residual).zip(self.direction.iter().zip(&self.image)) {
            *x += length * p;
            *r -= length * q;
        }
        let energy: f64 = self.residual.iter().zip(&self.inverse_diagonal).map(|(r, m)| r * r * m).sum();
        let turn = energy / self.energy;
        self.energy = energy;
        for (p, (r, m)) in self.direction.iter_mut().zip(self.residual.iter().zip(&self.inverse_diagonal)) {
            *p = r * m + turn * *p;
        }
        self.steps += 1;
        self.relative_residual()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use nalgebra::{DMatrix, DVector};

    fn product(a: &DMatrix<f64>) -> impl Fn(&[f64], &mut [f64]) + '_ {
        move |x, out| out.copy_from_slice((a * DVector::from_column_slice(x)).as_slice())
    }

    #[test]
    fn agrees_with_cholesky_in_at_most_n_steps() {
        let n = 20;
        let mut random = Random::new(3, "solve");
        let root = DMatrix::from_fn(n, n, |_, _| random.normal());
        let a = &root * root.transpose() + DMatrix::identity(n, n);
        let b = DVector::from_fn(n, |_, _| random.normal());
        let mut solver = ConjugateGradient::new(b.as_slice(), a.diagonal().as_slice());
        while solver.step(product(&a)) > 1e-13 {
            assert!(solver.steps < 3 * n);
        }
        let exact = a.cholesky().unwrap().solve(&b);
        assert!((DVector::from_column_slice(&solver.solution) - exact).norm() < 1e-10);
    }

    #[test]
    fn solves_a_singular_system_whose_right_side_is_in_range() {
        // The Laplacian of a path: null vector (1, …, 1).
        let n = 8;
        let a = DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => {
                if i == 0 || i == n - 1 {
                    1.0
                } else {
                    2.0
                }
            }
            1 => -1.0,
            _ => 0.0,
        });
        let b = DVector::from_fn(n, |i, _| i as f64 - (n - 1) as f64 / 2.0);
        let mut solver = ConjugateGradient::new(b.as_slice(), a.diagonal().as_slice());
        (0..n).for_each(|_| {
            solver.step(product(&a));
        });
        let x = DVector::from_column_slice(&solver.solution);
        assert!((&a * x - b).norm() < 1e-12);
    }

    #[test]
    fn nothing_to_solve() {
        let mut solver = ConjugateGradient::new(&[0.0; 3], &[1.0; 3]);
        assert_eq!(solver.step(|_, _| unreachable!()), 0.0);
        assert_eq!(solver.solution, [0.0; 3]);
    }
}
