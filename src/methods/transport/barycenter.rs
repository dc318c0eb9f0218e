//! The entropic barycenter of measures on common places.

use crate::linear::row_log_sum_exp;

/// exp(−ηC), as a map of logarithms; symmetric.
#[derive(Clone, Debug)]
enum Blur {
    /// ηC.
    Dense(Vec<f64>),
    /// Places on a square grid at squared distance: ηC along one side, which is all that is needed, one side after the other.
    Grid(Vec<f64>),
}

impl Blur {
    /// ln Σⱼ exp(vⱼ − ηC_ij).
    fn log_sums(&self, v: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; v.len()];
        match self {
            Blur::Dense(cost) => row_log_sum_exp(&mut sums, 1.0, cost, v.len(), v),
            Blur::Grid(cost) => {
                // `cost` has side² entries, as many as there are places.
                let side = (v.len() as f64).sqrt().round() as usize;
                let turned = |v: &[f64]| -> Vec<f64> { (0..v.len()).map(|k| v[k % side * side + k / side]).collect() };
                let along = |v: &[f64], sums: &mut [f64]| {
                    for (sums, v) in sums.chunks_exact_mut(side).zip(v.chunks_exact(side)) {
                        row_log_sum_exp(sums, 1.0, cost, side, v);
                    }
                };
                along(v, &mut sums);
                let half = turned(&sums);
                along(&half, &mut sums);
                sums = turned(&sums);
            }
        }
        sums
    }
}

/// The measure b of least Σₖ wₖ OT_ε(b, aₖ), by iterative Bregman projections in the log domain.
///
/// Plan k is exp(uₖᵢ + vₖⱼ − ηC_ij), its columns summing to aₖ. A step sets vₖ so that they do, takes ln b = Σₖ wₖ ln Pₖ1, and sets uₖ so
/// that every plan's rows sum to b.
///
/// Source: Benamou et al., "Iterative Bregman projections for regularized transportation problems", 2015, section 3.2.
#[derive(Clone, Debug)]
pub struct Barycenter {
    blur: Blur,
    log_measures: Vec<Vec<f64>>,
    weights: Vec<f64>,
    u: Vec<Vec<f64>>,
    log_center: Vec<f64>,
}

impl Barycenter {
    /// `cost` between the common places, n × n, symmetric; `measures` on them, which may be 0 in places; `weights` of sum 1.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(cost: &[f64], measures: &[Vec<f64>], weights: &[f64], inverse_temperature: f64) -> Self {
        let n = measures.first().map_or(0, Vec::len);
        assert_eq!(cost.len(), n * n, "one cost for each two places");
        Self::with(Blur::Dense(cost.iter().map(|c| inverse_temperature * c).collect()), measures, weights)
    }

    /// The same for measures on a square grid of `side` × `side` cells of size 1, at squared distance; a step is `side`/2 times cheaper.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn on_grid(side: usize, measures: &[Vec<f64>], weights: &[f64], inverse_temperature: f64) -> Self {
        let square = |k: usize| (k as f64) * (k as f64);
        let cost = (0..side * side).map(|k| inverse_temperature * square((k / side).abs_diff(k % side))).collect();
        Self::with(Blur::Grid(cost), measures, weights)
    }

    fn with(blur: Blur, measures: &[Vec<f64>], weights: &[f64]) -> Self {
        let n = measures.first().map_or(0, Vec::len);
        assert!(measures.iter().all(|m| m.len() == n), "all measures on the same places");
        assert_eq!(measures.len(), weights.len(), "one weight a measure");
        Barycenter {
            blur,
            log_measures: measures.iter().map(|m| m.iter().map(|a| libm::log(*a)).collect()).collect(),
            weights: weights.to_vec(),
            u: vec![vec![0.0; n]; measures.len()],
            log_center: vec![0.0; n],
        }
    }

    /// One step. Returns Σₖ wₖ ‖Pₖ1 − b‖₁ as it was before the rows were set.
    pub fn step(&mut self) -> f64 {
        let n = self.log_center.len();
        let mut reached = Vec::with_capacity(self.u.len());
        for (u, log_measure) in self.u.iter().zip(&self.log_measures) {
            let v: Vec<f64> = log_measure.iter().zip(self.blur.log_sums(u)).map(|(a, s)| a - s).collect();
            reached.push(self.blur.log_sums(&v));
        }
        let plans = || self.weights.iter().zip(self.u.iter().zip(&reached));
        let center: Vec<f64> = (0..n).map(|i| plans().map(|(w, (u, reached))| w * (u[i] + reached[i])).sum()).collect();
        let off = |i: usize, u: f64| (libm::exp(u) - libm::exp(center[i])).abs();
        let error = plans().map(|(w, (u, reached))| w * (0..n).map(|i| off(i, u[i] + reached[i])).sum::<f64>()).sum();
        for (u, reached) in self.u.iter_mut().zip(&reached) {
            u.iter_mut().zip(&center).zip(reached).for_each(|((u, b), s)| *u = b - s);
        }
        self.log_center = center;
        error
    }

    /// ηx of plan k: the price of leaving the barycenter for measure k, up to a number.
    pub fn prices(&self, k: usize) -> &[f64] {
        &self.u[k]
    }

    /// b.
    pub fn measure(&self) -> Vec<f64> {
        self.log_center.iter().map(|b| libm::exp(*b)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between two humps on a line lies a hump half way, as wide as they are and the blur allows.
    #[test]
    fn half_way_between_two_humps() {
        let n = 60;
        let hump = |mean: f64| -> Vec<f64> {
            let raw: Vec<f64> = (0..n).map(|i| libm::exp(-0.5 * (i as f64 - mean) * (i as f64 - mean) / 9.0)).collect();
            let sum: f64 = raw.iter().sum();
            raw.into_iter().map(|m| m / sum).collect()
        };
        let cost: Vec<f64> = (0..n * n).map(|k| (k / n) as f64 - (k % n) as f64).map(|d| d * d).collect();
        let mut barycenter = Barycenter::new(&cost, &[hump(15.0), hump(44.0)], &[0.5, 0.5], 0.5);
        let mut steps = 0;
        while barycenter.step() > 1e-10 {
            steps += 1;
            assert!(steps < 5000);
        }
        let b = barycenter.measure();
        assert!((b.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mean: f64 = b.iter().enumerate().map(|(i, b)| i as f64 * b).sum();
        let spread: f64 = b.iter().enumerate().map(|(i, b)| (i as f64 - mean) * (i as f64 - mean) * b).sum();
        assert!((mean - 29.5).abs() < 1e-6, "{mean}");
        // Gaussians stay Gaussian under the blur: between the plain barycenter's 9 and 9 + ε/2.
        assert!((9.0..=10.1).contains(&spread), "{spread}");
    }
    #[test]
    fn one_side_after_the_other_is_the_same() {
        let side = 7;
        let mut random = crate::random::Random::new(1, "measures");
        let mut measure = || -> Vec<f64> {
            let raw: Vec<f64> = (0..side * side).map(|_| random.uniform()).collect();
            let sum: f64 = raw.iter().sum();
            raw.into_iter().map(|m| m / sum).collect()
        };
        let measures = [measure(), measure(), measure()];
        let square = |a: usize, b: usize| (a as f64 - b as f64) * (a as f64 - b as f64);
        let cost: Vec<f64> = (0..side * side)
            .flat_map(|i| (0..side * side).map(move |j| square(i / side, j / side) + square(i % side, j % side)))
            .collect();
        let weights = [0.2, 0.5, 0.3];
        let mut dense = Barycenter::new(&cost, &measures, &weights, 0.7);
        let mut grid = Barycenter::on_grid(side, &measures, &weights, 0.7);
        (0..30).for_each(|_| assert!((dense.step() - grid.step()).abs() < 1e-12));
        assert!(dense.measure().iter().zip(grid.measure()).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
