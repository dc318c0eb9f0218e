//! Sinkhorn between two clouds of points of equal masses, without a matrix of costs.
//!
//! The cost ½‖x_i − y_j‖² is made again, row by row, each time it is needed: memory is O(n), and a half step can be cut into single
//! points. In the units of the cost, with m points y and regularisation ε,
//!
//! ```text
//! f_i = −ε ln (1/m) Σ_j exp((g_j − C_ij)/ε),      g_j = −ε ln (1/n) Σ_i exp((f_i − C_ij)/ε).
//! ```
//!
//! For costs of any kind, in a matrix, see [`sinkhorn`](super::sinkhorn).

use libm::log;

use super::moments::Moments;
use crate::linear::{exp_in_place, row_log_sum_exp};

/// Points, coordinate by coordinate.
#[derive(Clone, Debug)]
struct Cloud<const D: usize> {
    coordinates: [Vec<f64>; D],
    potential: Vec<f64>,
}

impl<const D: usize> Cloud<D> {
    fn new(points: &[[f64; D]]) -> Self {
        let coordinates = std::array::from_fn(|d| points.iter().map(|p| p[d]).collect());
        Cloud { coordinates, potential: vec![0.0; points.len()] }
    }

    fn len(&self) -> usize {
        self.potential.len()
    }

    fn point(&self, i: usize) -> [f64; D] {
        std::array::from_fn(|d| self.coordinates[d][i])
    }

    /// ½‖x − y_j‖² of every point y_j into `costs`.
    fn costs(&self, x: &[f64; D], costs: &mut Vec<f64>) {
        costs.clear();
        costs.resize(self.len(), 0.0);
        for (coordinate, x) in self.coordinates.iter().zip(x) {
            costs.iter_mut().zip(coordinate).for_each(|(cost, y)| *cost += 0.5 * (x - y) * (x - y));
        }
    }

    /// −ε ln of the mean over the cloud of exp((potential − cost)/ε), at a point x.
    fn transform(&self, x: &[f64; D], epsilon: f64, costs: &mut Vec<f64>) -> f64 {
        self.costs(x, costs);
        let mut sum = [0.0];
        row_log_sum_exp(&mut sum, 1.0 / epsilon, costs, self.len(), &self.potential);
        -epsilon * (sum[0] - log(self.len() as f64))
    }
}

/// Sinkhorn's algorithm on its way from zero potentials.
#[derive(Clone, Debug)]
pub struct CloudSinkhorn<const D: usize> {
    epsilon: f64,
    source: Cloud<D>,
    target: Cloud<D>,
    /// Points whose potential has been renewed so far, over all sweeps.
    renewed: usize,
    costs: Vec<f64>,
}

impl<const D: usize> CloudSinkhorn<D> {
    /// Between the clouds `source` (x) and `target` (y), neither empty, with regularisation ε > 0.
    pub fn new(source: &[[f64; D]], target: &[[f64; D]], epsilon: f64) -> Self {
        assert!(!source.is_empty() && !target.is_empty(), "clouds of at least one point");
        CloudSinkhorn { epsilon, source: Cloud::new(source), target: Cloud::new(target), renewed: 0, costs: Vec::new() }
    }

    /// Renewals that a sweep takes: one a point of both clouds.
    pub fn per_sweep(&self) -> usize {
        self.source.len() + self.target.len()
    }

    /// Renewals so far; a sweep is complete at every multiple of [`per_sweep`](Self::per_sweep).
    pub fn renewed(&self) -> usize {
        self.renewed
    }

    /// Renews the potential of the next point: first all f_i, then all g_j.
    pub fn renew(&mut self) {
        let place = self.renewed % self.per_sweep();
        let (own, other, i) = if place < self.source.len() {
            (&mut self.source, &self.target, place)
        } else {
            let i = place - self.source.len();
            (&mut self.target, &self.source, i)
        };
        own.potential[i] = other.transform(&own.point(i), self.epsilon, &mut self.costs);
        self.renewed += 1;
    }

    /// Mean and covariance of where the plan sends x₀, which need not be a point of the source: π(y_j|x₀) ∝ exp((g_j − ½‖x₀ − y_j‖²)/ε).
    pub fn moments(&self, x0: &[f64; D]) -> Moments<D> {
        let mut shares = Vec::new();
        self.target.costs(x0, &mut shares);
        shares.iter_mut().zip(&self.target.potential).for_each(|(share, g)| *share = (g - *share) / self.epsilon);
        let top = shares.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        shares.iter_mut().for_each(|share| *share -= top);
        exp_in_place(&mut shares);
        let sum: f64 = shares.iter().sum();
        Moments::of_points((0..self.target.len()).map(|j| (shares[j] / sum, self.target.point(j))))
    }
}
