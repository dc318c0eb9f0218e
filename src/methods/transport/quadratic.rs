//! Quadratically regularised transport: Newton's method from a blurred problem to the one wanted.

use super::{NewtonSparse, Problem, Regulariser};

/// Newton's method on problems of growing η, the potentials carried over: from afar it goes astray among supports.
///
/// Each stage begins with exact sweeps and ends when the marginals nearly hold; the last one goes on for as long as it is asked to.
#[derive(Clone, Debug)]
pub struct Quadratic {
    problem: Problem,
    wanted: f64,
    newton: NewtonSparse,
    /// The sweeps with which a stage begins: potentials, and how many of their parts have been set.
    warming: Option<(Vec<f64>, Vec<f64>, usize)>,
    /// Steps, and operations of conjugate gradients, of the stages before.
    before: (usize, usize),
}

impl Quadratic {
    /// From stage to stage η grows by this.
    const GROWTH: f64 = 4.0;
    /// A stage but the last is over at this marginal error, or after so many steps.
    const NEAR: f64 = 1e-3;
    const STEPS: usize = 30;

    /// At u = v = 0, with an η at which the plan is nearly full.
    pub fn new(problem: &Problem) -> Self {
        let (wanted, mut problem) = (problem.inverse_temperature, problem.clone());
        problem.regulariser = Regulariser::Quadratic;
        let largest = problem.scaled_cost.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let start = 1.0 / (problem.rows().max(problem.columns()) as f64 * largest.max(f64::MIN_POSITIVE));
        if start < 1.0 {
            problem.rescale(wanted * start);
        }
        let (u, v) = (vec![0.0; problem.rows()], vec![0.0; problem.columns()]);
        let newton = NewtonSparse::new(&problem, u.clone(), v.clone(), usize::MAX);
        Quadratic { problem, wanted, newton, warming: Some((u, v, 0)), before: (0, 0) }
    }

    /// Has η reached the problem's?
    pub fn arrived(&self) -> bool {
        self.problem.inverse_temperature >= self.wanted
    }

    /// About `work` operations. Returns ‖P1 − r‖₁ + ‖Pᵀ1 − c‖₁ for the present η.
    pub fn advance(&mut self, work: f64) -> f64 {
        if let Some((mut u, mut v, mut set)) = self.warming.take() {
            let (rows, parts) = (u.len(), u.len() + v.len());
            let mut left = work;
            while left > 0.0 && set < 2 * parts {
                set_part(&self.problem, &mut u, &mut v, set % parts);
                // Newton's method for the level looks some six times.
                left -= 6.0 * if set % parts < rows { parts - rows } else { rows } as f64;
                set += 1;
            }
            if set < 2 * parts {
                self.warming = Some((u, v, set));
            } else {
                self.newton = NewtonSparse::new(&self.problem, u, v, usize::MAX);
            }
            return f64::INFINITY;
        }
        let stepped = self.newton.advance(&self.problem, work);
        let error = self.newton.marginal_error(&self.problem);
        let stage_over = error < Self::NEAR || self.newton.steps >= Self::STEPS || self.newton.stalled;
        if stepped && stage_over && !self.arrived() {
            let old = self.problem.inverse_temperature;
            let new = (Self::GROWTH * old).min(self.wanted);
            let grown = |z: &[f64]| -> Vec<f64> { z.iter().map(|z| z * (new / old)).collect() };
            let (u, v) = (grown(&self.newton.u), grown(&self.newton.v));
            self.problem.rescale(new);
            self.before = (self.steps(), self.inner_steps());
            (self.newton.steps, self.newton.inner_steps) = (0, 0);
            // Until the sweeps are done the plan is that of the stage before, at prices of this one.
            (self.newton.u, self.newton.v) = (u.clone(), v.clone());
            self.warming = Some((u, v, 0));
        }
        error
    }

    /// Newton steps so far.
    pub fn steps(&self) -> usize {
        self.before.0 + self.newton.steps
    }

    /// Steps of conjugate gradients so far.
    pub fn inner_steps(&self) -> usize {
        self.before.1 + self.newton.inner_steps
    }

    /// Rounding keeps it from any better plan.
    pub fn stalled(&self) -> bool {
        self.arrived() && self.newton.stalled
    }

    /// P of the present η.
    pub fn plan(&self) -> &[f64] {
        self.newton.plan()
    }

    /// (u, v) of the present η.
    pub fn potentials(&self) -> (&[f64], &[f64]) {
        (&self.newton.u, &self.newton.v)
    }

    /// The present η.
    pub fn inverse_temperature(&self) -> f64 {
        self.problem.inverse_temperature
    }
}

/// One sweep of exact ascent in u, then in v: every row of P = max(0, u + v − ηC) gets its mass, then every column.
///
/// The quadratic regulariser's counterpart of a Sinkhorn sweep. Source: Lorenz, Manns & Meyer, "Quadratically regularized optimal
/// transport", 2021, algorithm 1.
///
/// # Panics
/// If the problem's regulariser is another one.
pub fn sweep_quadratic(problem: &Problem, u: &mut [f64], v: &mut [f64]) {
    assert_eq!(problem.regulariser, Regulariser::Quadratic);
    (0..u.len() + v.len()).for_each(|part| set_part(problem, u, v, part));
}

/// The step of a sweep that sets u or v in one place, rows first.
fn set_part(problem: &Problem, u: &mut [f64], v: &mut [f64], part: usize) {
    let (cost, columns) = (problem.scaled_cost(), v.len());
    match part.checked_sub(u.len()) {
        None => u[part] = level(cost[part * columns..][..columns].iter().zip(v.iter()).map(|(c, v)| c - v), problem.source[part]),
        Some(j) => {
            // Gathered first: the column is looked at again and again.
            let floors: Vec<f64> = cost.iter().skip(j).step_by(columns).zip(u.iter()).map(|(c, u)| c - u).collect();
            v[j] = level(floors.iter().copied(), problem.target[j]);
        }
    }
}

/// The z for which Σ max(0, z − dₖ) = `mass` > 0: water of that volume over the floors d.
fn level(floors: impl Iterator<Item = f64> + Clone, mass: f64) -> f64 {
    // Newton's method on a convex, piecewise linear function: from above it never overshoots, and ends after finitely many steps.
    let mut z = floors.clone().fold(f64::INFINITY, f64::min) + mass;
    loop {
        let (count, sum) = floors.clone().filter(|d| *d < z).fold((0.0, 0.0), |(count, sum), d| (count + 1.0, sum + d));
        let next = (mass + sum) / count;
        if count == 0.0 || next >= z {
            return z;
        }
        z = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Instance;
    use crate::transport::NetworkSimplex;

    #[test]
    fn a_level_holds_its_mass() {
        for (floors, mass) in [(vec![0.0, 1.0, 2.0], 0.5), (vec![0.0, 1.0, 2.0], 4.0), (vec![3.0], 2.0), (vec![1.0; 5], 1e-9)] {
            let z = level(floors.iter().copied(), mass);
            let held: f64 = floors.iter().map(|d| (z - d).max(0.0)).sum();
            assert!((held - mass).abs() < 1e-12, "{held} for {mass}");
        }
    }

    #[test]
    fn newton_arrives_and_the_plan_is_sparse_and_dearer_than_the_exact_one() {
        for (n, inverse_temperature) in [(30, 1.0), (30, 30.0), (60, 100.0)] {
            for Instance { cost, source, target } in [Instance::densities(n, 3), Instance::random_assignment(n, 3)] {
                let problem = Problem::new(&cost, source.clone(), target.clone(), inverse_temperature);
                let mut newton = Quadratic::new(&problem);
                while newton.advance(1e9) > 1e-10 || !newton.arrived() {
                    assert!(newton.steps() < 400 && !newton.stalled(), "{inverse_temperature}: stalled {}", newton.stalled());
                }
                let filled = newton.plan().iter().filter(|p| **p > 0.0).count();
                assert!(inverse_temperature < 30.0 || filled < cost.len() / 4, "{filled}");
                let mut simplex = NetworkSimplex::new(&cost, &source, &target);
                while !simplex.advance(1e6) {}
                let excess = problem.cost_of(newton.plan()) - simplex.certificate().primal;
                assert!(excess > -1e-9, "{excess}");
            }
        }
    }
}
