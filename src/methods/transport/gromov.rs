//! Entropic Gromov-Wasserstein: matching two shapes that live in different spaces by their inner distances.

use super::Problem;
use crate::linear::{matmul, matmul_nt};
use crate::transport::sinkhorn::Twin;

/// min Σ_ijkl (A_ik − B_jl)² P_ij P_kl − ε H(P) over plans with marginals p and q, by projected mirror descent: each step solves the entropic
/// transport problem whose cost is the gradient, 2 (A² p 1ᵀ + 1 (B² q)ᵀ − 2 A P Bᵀ). Finds a stationary plan, which need not be the best.
///
/// Source: Peyré, Cuturi & Solomon, "Gromov-Wasserstein averaging of kernel and distance matrices", 2016, section 3.
#[derive(Clone, Debug)]
pub struct GromovWasserstein {
    /// A, rows × rows; B, columns × columns; symmetric.
    distances: [Vec<f64>; 2],
    source: Vec<f64>,
    target: Vec<f64>,
    inverse_temperature: f64,
    /// (A² p)ᵢ + (B² q)ⱼ.
    constant: Vec<f64>,
    /// P.
    pub plan: Vec<f64>,
    /// The transport problem of the step in work, its solver, and how many sweeps it has had.
    inner: Option<(Problem, Twin<f64>, usize)>,
    /// Prices of the last step, from which the next one sets out; empty at first.
    prices: (Vec<f64>, Vec<f64>),
}

impl GromovWasserstein {
    /// At the product plan, with ε = 1/η.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(a: &[f64], b: &[f64], source: &[f64], target: &[f64], inverse_temperature: f64) -> Self {
        let (rows, columns) = (source.len(), target.len());
        assert_eq!((a.len(), b.len()), (rows * rows, columns * columns), "square matrices of inner distances");
        let mean = |distances: &[f64], mass: &[f64]| -> Vec<f64> {
            distances.chunks_exact(mass.len()).map(|row| row.iter().zip(mass).map(|(d, m)| d * d * m).sum()).collect()
        };
        let (from, to) = (mean(a, source), mean(b, target));
        GromovWasserstein {
            distances: [a.to_vec(), b.to_vec()],
            source: source.to_vec(),
            target: target.to_vec(),
            inverse_temperature,
            constant: from.iter().flat_map(|f| to.iter().map(move |t| f + t)).collect(),
            plan: source.iter().flat_map(|p| target.iter().map(move |q| p * q)).collect(),
            inner: None,
            prices: Default::default(),
        }
    }

    /// A² p 1ᵀ + 1 (B² q)ᵀ − 2 A P Bᵀ.
    fn tensor(&self, plan: &[f64]) -> Vec<f64> {
        let (n, m) = (self.source.len(), self.target.len());
        let (mut half, mut cross) = (vec![0.0; n * m], vec![0.0; n * m]);
        matmul(&mut half, &self.distances[0], plan, n, n, m);
        matmul_nt(&mut cross, &half, &self.distances[1], n, m, m);
        self.constant.iter().zip(&cross).map(|(constant, cross)| constant - 2.0 * cross).collect()
    }

    /// One step, its transport problem solved by at most `sweeps` Sinkhorn sweeps or to the marginal error `tolerance`.
    /// Returns the Euclidean norm of P's change.
    pub fn step(&mut self, sweeps: usize, tolerance: f64) -> f64 {
        loop {
            if let Some(change) = self.advance(sweeps, sweeps, tolerance) {
                return change;
            }
        }
    }

    /// A part of a step: its gradient, or `now` of its sweeps. The change of P when the step is complete.
    pub fn advance(&mut self, now: usize, sweeps: usize, tolerance: f64) -> Option<f64> {
        let Some((problem, twin, made)) = &mut self.inner else {
            let gradient: Vec<f64> = self.tensor(&self.plan).iter().map(|t| 2.0 * t).collect();
            let problem = Problem::new(&gradient, self.source.clone(), self.target.clone(), self.inverse_temperature);
            let mut twin = Twin::<f64>::new(problem.scaled_cost().iter().copied(), &self.source, &self.target);
            if !self.prices.0.is_empty() {
                let scaled = |z: &[f64]| z.iter().map(|z| z * self.inverse_temperature).collect::<Vec<f64>>();
                twin.set_potentials(&scaled(&self.prices.0), &scaled(&self.prices.1));
            }
            self.inner = Some((problem, twin, 0));
            return None;
        };
        let last = (*made + now).min(sweeps);
        while *made < last {
            *made += 1;
            if twin.sweep() <= tolerance {
                *made = sweeps;
            }
        }
        if *made < sweeps {
            return None;
        }
        let (u, v) = twin.potentials();
        let price = |z: &[f64]| z.iter().map(|z| z / problem.inverse_temperature).collect();
        self.prices = (price(&u), price(&v));
        let plan = problem.plan(&u, &v);
        let change: f64 = plan.iter().zip(&self.plan).map(|(p, q)| (p - q) * (p - q)).sum();
        self.plan = plan;
        self.inner = None;
        Some(change.sqrt())
    }

    /// A or B.
    pub fn distances(&self, which: usize) -> &[f64] {
        &self.distances[which]
    }

    /// Another ε = 1/η from the next step on.
    pub fn set_inverse_temperature(&mut self, inverse_temperature: f64) {
        self.inverse_temperature = inverse_temperature;
    }

    /// Σ_ijkl (A_ik − B_jl)² P_ij P_kl, for a P with the marginals.
    pub fn cost(&self) -> f64 {
        self.cost_of(&self.plan)
    }

    /// The same of another plan with the marginals.
    pub fn cost_of(&self, plan: &[f64]) -> f64 {
        self.tensor(plan).iter().zip(plan).map(|(t, p)| t * p).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shape and the same shape turned and moved, its points in another order: the plan is that order.
    #[test]
    fn finds_a_shape_again() {
        let points: Vec<[f64; 2]> = (0..8).map(|k| f64::from(k) * f64::from(k) / 20.0).map(|t| [t, 0.3 * t * t]).collect();
        let order = [3, 0, 6, 1, 7, 2, 5, 4];
        let turned: Vec<[f64; 2]> = order.iter().map(|k| points[*k]).map(|[x, y]| [5.0 - y, x + 2.0]).collect();
        let inner = |points: &[[f64; 2]]| -> Vec<f64> {
            let gap = |p: &[f64; 2], q: &[f64; 2]| ((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1])).sqrt();
            points.iter().flat_map(|p| points.iter().map(move |q| gap(p, q))).collect()
        };
        let mass = [0.125; 8];
        let mut gromov = GromovWasserstein::new(&inner(&points), &inner(&turned), &mass, &mass, 100.0);
        let start = gromov.cost();
        for _ in 0..50 {
            gromov.step(2000, 1e-12);
        }
        assert!(gromov.cost() < 0.02 * start, "{} of {start}", gromov.cost());
        for (j, k) in order.iter().enumerate() {
            let column: Vec<f64> = (0..8).map(|i| gromov.plan[i * 8 + j]).collect();
            assert!((0..8).all(|i| column[i] <= column[*k]), "column {j}: {column:?}");
        }
    }
}
