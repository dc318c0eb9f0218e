//! The Lanczos process: a symmetric operator known by its products alone, seen through a small tridiagonal matrix.
//!
//! Source: Golub & Van Loan, "Matrix Computations", chapter 10. Every new vector is orthogonalised against all earlier ones, twice:
//! at the few dozen steps used here that is cheap, and it keeps ghosts of converged eigenvalues away.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::random::Random;
use crate::statistics::order;

/// A Lanczos process on its way; one step a product, so that a caller can stop between products.
#[derive(Clone, Debug)]
pub struct Lanczos {
    /// Orthonormal vectors, one more than there are steps.
    basis: Vec<Vec<f64>>,
    diagonal: Vec<f64>,
    beside: Vec<f64>,
    /// An invariant subspace has been found: more steps bring nothing.
    exhausted: bool,
}

/// Approximate eigenvalues and what goes with them.
#[derive(Clone, Debug)]
pub struct Ritz {
    /// Approximate eigenvalues, ascending.
    pub values: Vec<f64>,
    /// The weight of each in the start vector: squares that sum to one. They are the nodes and weights of Gauss quadrature for
    /// the start vector's spectral measure (Golub & Welsch 1969).
    pub weights: Vec<f64>,
    /// ‖Av − θv‖ of each pair.
    pub residuals: Vec<f64>,
    vectors: DMatrix<f64>,
    order: Vec<usize>,
}

impl Lanczos {
    /// From the vector `start`, which must not be zero.
    pub fn new(mut start: Vec<f64>) -> Self {
        let length = norm(&start);
        assert!(length > 0.0, "a Lanczos process starts from a vector that is not zero");
        start.iter_mut().for_each(|x| *x /= length);
        Lanczos { basis: vec![start], diagonal: Vec::new(), beside: Vec::new(), exhausted: false }
    }

    /// From a random direction in `size` dimensions.
    pub fn random(size: usize, random: &mut Random) -> Self {
        Lanczos::new((0..size).map(|_| random.normal()).collect())
    }

    /// How many steps were made.
    pub fn steps(&self) -> usize {
        self.diagonal.len()
    }

    /// The whole reachable space is spanned.
    pub fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// The vector that the operator is to be applied to next.
    pub fn next(&self) -> &[f64] {
        &self.basis[self.diagonal.len()]
    }

    /// One step, given the operator's product with [`Lanczos::next`].
    pub fn step(&mut self, mut image: Vec<f64>) {
        if self.exhausted {
            return;
        }
        let scale = norm(&image);
        self.diagonal.push(dot(&image, self.next()));
        for _ in 0..2 {
            for v in &self.basis {
                let along = dot(&image, v);
                image.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
            }
        }
        let length = norm(&image);
        self.exhausted = length <= 1e-12 * scale || self.basis.len() == image.len();
        self.beside.push(if self.exhausted { 0.0 } else { length });
        if !self.exhausted {
            image.iter_mut().for_each(|x| *x /= length);
            self.basis.push(image);
        }
    }

    /// What is known of the spectrum after the steps so far.
    pub fn ritz(&self) -> Ritz {
        let n = self.steps();
        let matrix = DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => self.diagonal[i],
            1 => self.beside[i.min(j)],
            _ => 0.0,
        });
        let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(matrix);
        let order = order(eigenvalues.as_slice());
        let last = self.beside.last().copied().unwrap_or(0.0);
        Ritz {
            values: order.iter().map(|i| eigenvalues[*i]).collect(),
            weights: order.iter().map(|i| eigenvectors[(0, *i)] * eigenvectors[(0, *i)]).collect(),
            residuals: order.iter().map(|i| (last * eigenvectors[(n - 1, *i)]).abs()).collect(),
            vectors: eigenvectors,
            order,
        }
    }

    /// The approximate eigenvector of `ritz.values[index]`, of unit length.
    pub fn vector(&self, ritz: &Ritz, index: usize) -> Vec<f64> {
        let mut vector = vec![0.0; self.basis[0].len()];
        for (j, v) in self.basis.iter().take(self.steps()).enumerate() {
            let weight = ritz.vectors[(j, ritz.order[index])];
            vector.iter_mut().zip(v).for_each(|(x, v)| *x += weight * v);
        }
        vector
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(matrix: &DMatrix<f64>, steps: usize, seed: u64) -> Lanczos {
        let mut lanczos = Lanczos::random(matrix.nrows(), &mut Random::new(seed, "lanczos test"));
        for _ in 0..steps {
            let image = matrix * DMatrix::from_column_slice(matrix.nrows(), 1, lanczos.next());
            lanczos.step(image.as_slice().to_vec());
            if lanczos.exhausted() {
                break;
            }
        }
        lanczos
    }

    fn symmetric(n: usize) -> DMatrix<f64> {
        let mut random = Random::new(8, "matrix");
        let a = DMatrix::from_fn(n, n, |_, _| random.normal());
        &a + a.transpose()
    }

    #[test]
    fn the_ends_of_the_spectrum_are_the_dense_ones() {
        // The ends converge long before the whole space is spanned: after 54 of 60 steps.
        let matrix = symmetric(60);
        let lanczos = run(&matrix, 54, 1);
        let ritz = lanczos.ritz();
        let dense = matrix.clone().symmetric_eigen();
        let (low, high) = (dense.eigenvalues.min(), dense.eigenvalues.max());
        assert!((ritz.values[0] - low).abs() < 1e-10 && (ritz.values[53] - high).abs() < 1e-10);
        let vector = DMatrix::from_column_slice(60, 1, &lanczos.vector(&ritz, 53));
        assert!((&matrix * &vector - high * &vector).norm() < 1e-10);
        assert!((vector.norm() - 1.0).abs() < 1e-12);
        // In the middle nothing has converged, and the residual says how little.
        let vector = DMatrix::from_column_slice(60, 1, &lanczos.vector(&ritz, 27));
        let residual = (&matrix * &vector - ritz.values[27] * &vector).norm();
        assert!(residual > 1e-3 && (ritz.residuals[27] - residual).abs() < 1e-10, "{residual}");
    }

    #[test]
    fn the_whole_space_gives_the_whole_spectrum() {
        let matrix = symmetric(12);
        let ritz = run(&matrix, 40, 2).ritz();
        let mut dense: Vec<f64> = matrix.symmetric_eigenvalues().iter().copied().collect();
        dense.sort_by(f64::total_cmp);
        assert_eq!(ritz.values.len(), 12);
        assert!(ritz.values.iter().zip(&dense).all(|(a, b)| (a - b).abs() < 1e-10));
        assert!((ritz.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    /// A projector has two eigenvalues: two steps exhaust it, and the weights are the start vector's shares.
    #[test]
    fn an_invariant_subspace_ends_the_process() {
        let matrix = DMatrix::from_fn(9, 9, |i, j| if i == j && i < 4 { 1.0 } else { 0.0 });
        let mut lanczos = Lanczos::new(vec![1.0; 9]);
        while !lanczos.exhausted() {
            let image = &matrix * DMatrix::from_column_slice(9, 1, lanczos.next());
            lanczos.step(image.as_slice().to_vec());
        }
        let ritz = lanczos.ritz();
        assert_eq!(lanczos.steps(), 2);
        assert!(ritz.values[0].abs() < 1e-12 && (ritz.values[1] - 1.0).abs() < 1e-12);
        assert!((ritz.weights[1] - 4.0 / 9.0).abs() < 1e-12);
    }
}
