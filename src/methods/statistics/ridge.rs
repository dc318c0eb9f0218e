//! Ridge regression of many targets on a few features, from sums over samples, so that samples may come in any number of parts.
//!
//! Minimises Σ ‖x − x̄ − (f − f̄)B/s‖² + ρ‖B‖², s the one standard deviation of all centred features: a scale for ρ that no unit changes.
//!
//! Source: Hoerl & Kennard, "Ridge regression", 1970.

use nalgebra::{Cholesky, DMatrix};

use crate::linear::matmul_tn;

/// What the samples so far amount to.
#[derive(Clone, Debug)]
pub struct Ridge {
    features: usize,
    targets: usize,
    count: usize,
    /// The first sample, from which all are counted: with a mean far from 0 its square would hide the variance.
    origin: (Vec<f64>, Vec<f64>),
    sums: (Vec<f64>, Vec<f64>),
    /// Σ fᵀf and Σ fᵀx
    squares: Vec<f64>,
    products: Vec<f64>,
    /// Σ ‖x‖²
    total: f64,
}

/// A fitted regression: x ≈ offset + f · weights.
#[derive(Clone, Debug)]
pub struct Fit {
    /// 1 − Σ‖x − x̂‖²/Σ‖x − x̄‖² over the samples it was fitted to.
    pub r_squared: f64,
    /// features × targets
    pub weights: Vec<f64>,
    /// One a target.
    pub offset: Vec<f64>,
}

impl Ridge {
    /// No samples yet.
    pub fn new(features: usize, targets: usize) -> Self {
        Ridge {
            features,
            targets,
            count: 0,
            origin: Default::default(),
            sums: (vec![0.0; features], vec![0.0; targets]),
            squares: vec![0.0; features * features],
            products: vec![0.0; features * targets],
            total: 0.0,
        }
    }

    /// More samples: rows of `f` (× features) with rows of `x` (× targets).
    pub fn add(&mut self, f: &[f64], x: &[f64]) {
        let rows = f.len() / self.features;
        assert!(f.len() == rows * self.features && x.len() == rows * self.targets, "a row of targets for a row of features");
        if self.count == 0 && rows > 0 {
            self.origin = (f[..self.features].to_vec(), x[..self.targets].to_vec());
        }
        self.count += rows;
        let shifted = |rows: &[f64], origin: &[f64]| -> Vec<f64> {
            rows.chunks_exact(origin.len()).flat_map(|row| row.iter().zip(origin).map(|(v, o)| v - o)).collect()
        };
        let (f, x) = (shifted(f, &self.origin.0), shifted(x, &self.origin.1));
        for (sum, values) in [(&mut self.sums.0, &f), (&mut self.sums.1, &x)] {
            values.chunks_exact(sum.len()).for_each(|row| sum.iter_mut().zip(row).for_each(|(s, v)| *s += v));
        }
        self.total += x.iter().map(|v| v * v).sum::<f64>();
        let mut part = vec![0.0; self.features * self.features.max(self.targets)];
        for (sum, other, columns) in [(&mut self.squares, &f, self.features), (&mut self.products, &x, self.targets)] {
            let part = &mut part[..self.features * columns];
            matmul_tn(part, &f, other, self.features, rows, columns);
            sum.iter_mut().zip(part).for_each(|(s, p)| *s += *p);
        }
    }

    /// The regression with ρ = `ridge` times the number of samples. Features that are all constant explain nothing.
    pub fn fit(&self, ridge: f64) -> Fit {
        let (n, d, t) = (self.count as f64, self.features, self.targets);
        let (f, x) = (&self.sums.0, &self.sums.1);
        let square = DMatrix::from_fn(d, d, |i, j| self.squares[i * d + j] - f[i] * f[j] / n);
        let product = DMatrix::from_fn(d, t, |i, j| self.products[i * t + j] - f[i] * x[j] / n);
        let total = self.total - x.iter().map(|v| v * v).sum::<f64>() / n;
        let variance = square.trace() / (n * d as f64);
        let means = |origin: &[f64], sum: &[f64]| -> Vec<f64> { origin.iter().zip(sum).map(|(o, s)| o + s / n).collect() };
        let (f_mean, mut offset) = (means(&self.origin.0, f), means(&self.origin.1, x));
        let system = &square / variance + DMatrix::identity(d, d) * (ridge * n);
        let solved = if variance > 0.0 { Cholesky::new(system) } else { None };
        let Some(cholesky) = solved else {
            return Fit { r_squared: 0.0, weights: vec![0.0; d * t], offset };
        };
        // B/s, for features as they are.
        let weights = cholesky.solve(&product) / variance;
        let explained = 2.0 * weights.dot(&product) - weights.dot(&(&square * &weights));
        for (j, offset) in offset.iter_mut().enumerate() {
            *offset -= f_mean.iter().enumerate().map(|(i, m)| m * weights[(i, j)]).sum::<f64>();
        }
        let rows = weights.row_iter().flat_map(|row| row.iter().copied().collect::<Vec<f64>>()).collect();
        Fit { r_squared: if total > 0.0 { explained / total } else { 0.0 }, weights: rows, offset }
    }
}

impl Fit {
    /// x̂ of the rows of `f`.
    pub fn predict(&self, f: &[f64]) -> Vec<f64> {
        let targets = self.offset.len();
        let features = self.weights.len() / targets;
        let row = |f: &[f64], j: usize| {
            self.offset[j] + f.iter().enumerate().map(|(i, f)| f * self.weights[i * targets + j]).sum::<f64>()
        };
        f.chunks_exact(features).flat_map(|f| (0..targets).map(move |j| row(f, j))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Against scikit-learn's Ridge on the same numbers; see make_ridge.py. In one part and in three.
    #[test]
    fn agrees_with_scikit_learn() {
        let rows: Vec<Vec<f64>> = include_str!("../../../tests/fixtures/ridge.csv")
            .lines()
            .map(|row| row.split(',').map(|cell| cell.parse().unwrap()).collect())
            .collect();
        let (samples, expected) = rows.split_at(rows.len() - 1);
        let (features, targets) = (4, 3);
        for part in [samples.len(), 17] {
            let mut ridge = Ridge::new(features, targets);
            for rows in samples.chunks(part) {
                let f: Vec<f64> = rows.iter().flat_map(|row| row[..features].to_vec()).collect();
                let x: Vec<f64> = rows.iter().flat_map(|row| row[features..].to_vec()).collect();
                ridge.add(&f, &x);
            }
            let fit = ridge.fit(1e-3);
            assert!((fit.r_squared - expected[0][0]).abs() < 1e-8, "{}", fit.r_squared);
            for (found, exact) in fit.predict(&samples[0][..features]).iter().zip(&expected[0][1..]) {
                assert!((found - exact).abs() < 1e-8, "{found} and {exact}");
            }
        }
    }

    #[test]
    fn what_is_linear_is_found_and_constants_are_not() {
        let mut random = Random::new(1, "samples");
        let f: Vec<f64> = (0..200 * 3).map(|_| 1e4 + random.normal()).collect();
        let x: Vec<f64> = f.chunks_exact(3).flat_map(|f| [f[0] - 2.0 * f[1], 5.0]).collect();
        let mut ridge = Ridge::new(3, 2);
        ridge.add(&f, &x);
        let fit = ridge.fit(0.0);
        assert!((fit.r_squared - 1.0).abs() < 1e-10, "{}", fit.r_squared);
        assert!(fit.predict(&f).iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-6));
        let mut dead = Ridge::new(3, 2);
        dead.add(&[7.0; 600], &x);
        assert_eq!(dead.fit(1e-3).r_squared, 0.0);
    }
}
