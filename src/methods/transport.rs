//! Entropic optimal transport: its dual potential, and Newton steps on it with a sparsified Hessian.
//!
//! The problem: costs `C` (rows × columns), marginals `r` and `c` (positive, sum 1), inverse temperature η;
//! minimise ⟨C, P⟩ + (1/η) Σ P (ln P − 1) over plans P ≥ 0 with P1 = r, Pᵀ1 = c. Its dual is the concave *potential*
//!
//! ```text
//! f(x, y) = −(1/η) Σ_ij P_ij + Σ_i r_i x_i + Σ_j c_j y_j,      P_ij = exp(η (x_i + y_j − C_ij)),
//! ```
//!
//! with ∇f = (r − P1, c − Pᵀ1). The code keeps u = ηx and v = ηy; in these the potential is ηf, its gradient is the same and
//! its Hessian is −[diag(P1) P; Pᵀ diag(Pᵀ1)], without η. Adding a number to all of u and taking it from all of v changes nothing.
//! Sinkhorn's algorithm, which maximises f in x and y by turns, is in [`sinkhorn`]; [`clouds`] has it for points
//! without a matrix of costs, [`light_bridge`] a plan in closed form that is fitted to samples.
//!
//! With the regulariser ½ Σ P² in place of the entropy, P_ij = max(0, uᵢ + vⱼ − ηC_ij), and all else stays.
//!
//! Around it: exact transport, other solvers, relaxed and closed forms, barycenters and Gromov-Wasserstein, one file each.

mod appraisal;
mod barycenter;
mod closed;
pub mod clouds;
mod entropic;
mod exact;
mod gromov;
mod instance;
pub mod light_bridge;
pub mod moments;
mod quadratic;
mod relaxed;
mod roads;
pub mod sinkhorn;
mod slices;
pub mod sparse;
mod sphere;
mod variates;
mod walls;

pub use appraisal::{Appraisal, Worth};
pub use barycenter::Barycenter;
pub use closed::{Gaussian, directions, on_a_line, sliced, squared_on_a_line};
pub use entropic::{
    Annealed, Greenkhorn, Scaling, entropic_cost, entropy, marginal_error, round_to_marginals, sinkhorn_divergence,
};
pub use exact::{Certificate, Entry, NetworkSimplex, c_transform, price_rounding};
pub use gromov::GromovWasserstein;
pub use instance::{Instance, scaled, simplex};
pub use quadratic::{Quadratic, sweep_quadratic};
pub use relaxed::{Partial, Unbalanced, cost_of_entries, relative_entropy};
pub use roads::{Roads, Ways};
pub use slices::{MaxSliced, Projected, Sliced};
pub use sparse::KSparse;
pub use sphere::{Around, fibonacci, half_circle};
pub use variates::{Control, Corrected, Glance, Slope, corrected};
pub use walls::{Stand, Walls};

use crate::linear::exp_in_place;
use crate::linear::solve::ConjugateGradient;

/// What makes the best plan smooth, times 1/η.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Regulariser {
    /// Σ P (ln P − 1): every entry is positive.
    #[default]
    Entropy,
    /// ½ Σ P²: most entries are zero. Source: Blondel, Seguy & Rolet, "Smooth and sparse optimal transport", 2018.
    Quadratic,
}

/// A regularised transport problem; matrices are row by row.
#[derive(Clone, Debug)]
pub struct Problem {
    /// How much leaves each row, r; positive, sum 1.
    pub source: Vec<f64>,
    /// How much arrives at each column, c; positive, sum 1.
    pub target: Vec<f64>,
    /// η: large means little regularisation.
    pub inverse_temperature: f64,
    /// Entropy, unless it is set.
    pub regulariser: Regulariser,
    /// ηC.
    scaled_cost: Vec<f64>,
}

/// Operations that an exponential is counted as, in [`Problem::sweep_work`] and all other work: what the SIMD one takes.
const EXPONENTIAL: f64 = 20.0;
/// Operations per entry of P when it is recomputed and summed: the exponential and five additions and comparisons.
const ENTRY: f64 = EXPONENTIAL + 5.0;

impl Problem {
    /// The problem of `cost` (`source.len()` × `target.len()`, finite) at inverse temperature η > 0.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(cost: &[f64], source: Vec<f64>, target: Vec<f64>, inverse_temperature: f64) -> Self {
        assert_eq!(cost.len(), source.len() * target.len(), "one cost for each row and column");
        let scaled_cost = cost.iter().map(|c| inverse_temperature * c).collect();
        Problem { source, target, inverse_temperature, regulariser: Regulariser::Entropy, scaled_cost }
    }

    /// Changes η.
    pub fn rescale(&mut self, inverse_temperature: f64) {
        let share = inverse_temperature / self.inverse_temperature;
        self.scaled_cost.iter_mut().for_each(|c| *c *= share);
        self.inverse_temperature = inverse_temperature;
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.source.len()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.target.len()
    }

    /// P_ij = exp(u_i + v_j − ηC_ij), always from the difference: u and v alone overflow when η is large. With the quadratic
    /// regulariser the difference itself where it is positive.
    pub fn plan(&self, u: &[f64], v: &[f64]) -> Vec<f64> {
        let mut plan = vec![0.0; self.scaled_cost.len()];
        for ((row, cost), u) in plan.chunks_exact_mut(v.len()).zip(self.scaled_cost.chunks_exact(v.len())).zip(u) {
            for ((p, c), v) in row.iter_mut().zip(cost).zip(v) {
                *p = u + v - c;
            }
            match self.regulariser {
                Regulariser::Entropy => exp_in_place(row),
                Regulariser::Quadratic => row.iter_mut().for_each(|p| *p = p.max(0.0)),
            }
        }
        plan
    }

    /// ⟨C, P⟩.
    pub fn cost_of(&self, plan: &[f64]) -> f64 {
        dot(&self.scaled_cost, plan) / self.inverse_temperature
    }

    /// ηC.
    pub fn scaled_cost(&self) -> &[f64] {
        &self.scaled_cost
    }

    /// f(x, y), given Σ P (½ Σ P² with the quadratic regulariser), u and v. After a Sinkhorn sweep Σ P = 1.
    pub fn potential(&self, mass: f64, u: &[f64], v: &[f64]) -> f64 {
        (dot(&self.source, u) + dot(&self.target, v) - mass) / self.inverse_temperature
    }

    /// What one Sinkhorn sweep costs, in floating-point operations: P once, and its rows added up into the column sums.
    pub fn sweep_work(&self) -> f64 {
        (ENTRY + 2.0) * self.scaled_cost.len() as f64
    }
}

/// ‖aᵢ − bⱼ‖² between points of `d` coordinates each: a row for each a.
pub fn squared_distances(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let square = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| (p - q) * (p - q)).sum();
    a.chunks_exact(d).flat_map(|p| b.chunks_exact(d).map(move |q| square(p, q))).collect()
}

/// ‖a − b‖₁.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Newton's method on the potential with all but the largest entries of P dropped from the Hessian.
///
/// Keeps the `kept` largest entries, P_s, and solves [diag(P1) P_s; P_sᵀ diag(Pᵀ1)] Δ = ∇f by conjugate gradients, then goes
/// along Δ by backtracking. A Newton step is spread over calls of [`advance`](NewtonSparse::advance). With the quadratic regulariser it is
/// the semismooth Newton method of Lorenz, Manns & Meyer, "Quadratically regularized optimal transport", 2021; nothing is dropped then.
///
/// Source: Tang et al., "Accelerating Sinkhorn Algorithm with Sparse Newton Iterations", 2024, algorithm 1.
#[derive(Clone, Debug)]
pub struct NewtonSparse {
    /// u = ηx.
    pub u: Vec<f64>,
    /// v = ηy.
    pub v: Vec<f64>,
    /// Newton steps so far.
    pub steps: usize,
    /// Conjugate-gradient steps so far, over all Newton steps.
    pub inner_steps: usize,
    /// Floating-point operations so far, an exponential counted as 20.
    pub work: f64,
    /// No step along Δ raises f: rounding, or a Δ that is no ascent direction.
    pub stalled: bool,
    /// Entries of P kept in the Hessian.
    pub kept: usize,
    /// Relative residual to which Δ is solved; 1e-8 unless it is set.
    pub inner_tolerance: f64,
    at: Evaluation,
    hessian: SparseHessian,
    phase: Phase,
}

/// P and its marginals at one (u, v).
#[derive(Clone, Debug)]
struct Evaluation {
    plan: Vec<f64>,
    row_mass: Vec<f64>,
    column_mass: Vec<f64>,
    /// What the potential takes off: Σ P, or ½ Σ P².
    penalty: f64,
}

#[derive(Clone, Debug)]
enum Phase {
    Assemble,
    Solve(ConjugateGradient),
    Search { delta: Vec<f64>, slope: f64, length: f64 },
}

impl NewtonSparse {
    /// Conjugate-gradient steps after which Δ is used as it is.
    pub const INNER_STEPS: usize = 2000;

    /// Starts at (u, v), usually a few Sinkhorn sweeps from zero, and keeps `kept` entries of the Hessian's P (all, if there are fewer).
    pub fn new(problem: &Problem, u: Vec<f64>, v: Vec<f64>, kept: usize) -> Self {
        let at = Evaluation::new(problem, &u, &v);
        let kept = kept.clamp(1, at.plan.len());
        let work = ENTRY * at.plan.len() as f64;
        let (hessian, phase) = (SparseHessian::default(), Phase::Assemble);
        NewtonSparse { u, v, steps: 0, inner_steps: 0, work, stalled: false, kept, inner_tolerance: 1e-8, at, hessian, phase }
    }

    /// P.
    pub fn plan(&self) -> &[f64] {
        &self.at.plan
    }

    /// Positions in P of the entries that the Hessian of the last step kept.
    pub fn kept_entries(&self) -> impl Iterator<Item = usize> {
        let columns = self.v.len();
        let row = |i: usize| self.hessian.starts[i]..self.hessian.starts[i + 1];
        (0..self.hessian.starts.len().saturating_sub(1))
            .flat_map(move |i| self.hessian.columns[row(i)].iter().map(move |j| i * columns + *j as usize))
    }

    /// ‖P1 − r‖₁ + ‖Pᵀ1 − c‖₁.
    pub fn marginal_error(&self, problem: &Problem) -> f64 {
        distance(&self.at.row_mass, &problem.source) + distance(&self.at.column_mass, &problem.target)
    }

    /// f(x, y).
    pub fn potential(&self, problem: &Problem) -> f64 {
        problem.potential(self.at.penalty, &self.u, &self.v)
    }

    /// Goes on with the present Newton step for about `work` operations (a pass over P at least); true when the step is complete.
    pub fn advance(&mut self, problem: &Problem, work: f64) -> bool {
        let enough = self.work + work;
        loop {
            if self.piece(problem, enough) {
                return true;
            }
            let next = if matches!(self.phase, Phase::Solve(_)) { 0.0 } else { ENTRY * self.at.plan.len() as f64 };
            if self.work + next >= enough {
                return false;
            }
        }
    }

    /// One pass over P, or as many inner steps as `enough` allows.
    fn piece(&mut self, problem: &Problem, enough: f64) -> bool {
        let entries = self.at.plan.len() as f64;
        match &mut self.phase {
            Phase::Assemble => {
                self.hessian = match problem.regulariser {
                    Regulariser::Entropy => SparseHessian::new(&self.at, self.kept),
                    Regulariser::Quadratic => SparseHessian::of_support(&self.at),
                };
                self.work += 5.0 * entries;
                self.phase = Phase::Solve(ConjugateGradient::new(&self.at.gradient(problem), &self.hessian.diagonal));
                false
            }
            Phase::Solve(solver) => {
                let inner = 4.0 * self.kept as f64 + 14.0 * self.hessian.diagonal.len() as f64;
                let mut residual = f64::INFINITY;
                while residual > self.inner_tolerance && solver.steps < Self::INNER_STEPS && self.work < enough {
                    residual = solver.step(|x, out| self.hessian.product(x, out));
                    self.inner_steps += 1;
                    self.work += inner;
                }
                if residual > self.inner_tolerance && solver.steps < Self::INNER_STEPS {
                    return false;
                }
                let mut delta = std::mem::take(&mut solver.solution);
                center(&mut delta, self.u.len());
                let slope = dot(&self.at.gradient(problem), &delta);
                self.phase = Phase::Search { delta, slope, length: 1.0 };
                false
            }
            Phase::Search { delta, slope, length } => {
                let (slope, t) = (*slope, *length);
                let (du, dv) = delta.split_at(self.u.len());
                let moved = |z: &[f64], d: &[f64]| -> Vec<f64> { z.iter().zip(d).map(|(z, d)| z + t * d).collect() };
                let (u, v) = (moved(&self.u, du), moved(&self.v, dv));
                let there = Evaluation::new(problem, &u, &v);
                self.work += ENTRY * entries;
                // ηf there − ηf here, without the large terms that both have.
                let rise = t * (dot(&problem.source, du) + dot(&problem.target, dv)) - (there.penalty - self.at.penalty);
                let rounding = 64.0 * f64::EPSILON * self.at.penalty;
                if rise >= 1e-4 * t * slope - rounding {
                    (self.u, self.v, self.at) = (u, v, there);
                } else if t > 1e-12 {
                    *length = t / 2.0;
                    return false;
                } else {
                    self.stalled = true;
                }
                self.steps += 1;
                self.phase = Phase::Assemble;
                true
            }
        }
    }
}

/// Takes from Δ its part along the null direction (1, −1), which moves u and v but not P.
fn center(delta: &mut [f64], rows: usize) {
    let (du, dv) = delta.split_at_mut(rows);
    let mean = |d: &[f64]| d.iter().sum::<f64>() / d.len() as f64;
    let shift = (mean(du) - mean(dv)) / 2.0;
    du.iter_mut().for_each(|d| *d -= shift);
    dv.iter_mut().for_each(|d| *d += shift);
}

impl Evaluation {
    fn new(problem: &Problem, u: &[f64], v: &[f64]) -> Self {
        let plan = problem.plan(u, v);
        let mut column_mass = vec![0.0; v.len()];
        let mut row_mass = vec![0.0; u.len()];
        for (row, mass) in plan.chunks_exact(v.len()).zip(&mut row_mass) {
            for (p, column) in row.iter().zip(&mut column_mass) {
                *column += p;
            }
            *mass = row.iter().sum();
        }
        let penalty = match problem.regulariser {
            Regulariser::Entropy => row_mass.iter().sum(),
            Regulariser::Quadratic => 0.5 * dot(&plan, &plan),
        };
        Evaluation { plan, row_mass, column_mass, penalty }
    }

    /// (r − P1, c − Pᵀ1).
    fn gradient(&self, problem: &Problem) -> Vec<f64> {
        let gap = |want: &[f64], have: &[f64]| -> Vec<f64> { want.iter().zip(have).map(|(w, h)| w - h).collect() };
        [gap(&problem.source, &self.row_mass), gap(&problem.target, &self.column_mass)].concat()
    }
}

/// [diag(P1) P_s; P_sᵀ diag(Pᵀ1)] with P_s in compressed rows. The full sums stay on the diagonal, so it is diagonally dominant.
#[derive(Clone, Debug, Default)]
struct SparseHessian {
    diagonal: Vec<f64>,
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl SparseHessian {
    /// Added to the diagonal where parts of the support hang together by nothing, and each can be shifted for itself.
    const SUPPORT_LIFT: f64 = 1e-4;

    fn new(at: &Evaluation, kept: usize) -> Self {
        let (plan, width) = (&at.plan, at.column_mass.len());
        let (cut, mut ties) = cut(plan, kept);
        let mut diagonal = [&at.row_mass[..], &at.column_mass].concat();
        let lift = 1e-12 * diagonal.iter().fold(0.0, |a: f64, b| a.max(*b));
        diagonal.iter_mut().for_each(|d| *d += lift);
        let mut starts = vec![0];
        let (mut columns, mut values) = (Vec::with_capacity(kept), Vec::with_capacity(kept));
        for row in plan.chunks_exact(width) {
            for (j, p) in row.iter().enumerate() {
                if *p > cut || (*p == cut && ties > 0) {
                    ties -= usize::from(*p == cut);
                    columns.push(j as u32);
                    values.push(*p);
                }
            }
            starts.push(columns.len());
        }
        SparseHessian { diagonal, starts, columns, values }
    }

    /// With the quadratic regulariser the entries of the Hessian are 1 where P is positive.
    fn of_support(at: &Evaluation) -> Self {
        let (rows, width) = (at.row_mass.len(), at.column_mass.len());
        let mut diagonal = vec![Self::SUPPORT_LIFT; rows + width];
        let (mut starts, mut columns) = (vec![0], Vec::new());
        for (i, row) in at.plan.chunks_exact(width).enumerate() {
            for j in (0..width).filter(|j| row[*j] > 0.0) {
                columns.push(j as u32);
                diagonal[i] += 1.0;
                diagonal[rows + j] += 1.0;
            }
            starts.push(columns.len());
        }
        SparseHessian { diagonal, starts, values: vec![1.0; columns.len()], columns }
    }

    fn product(&self, x: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(&self.diagonal).zip(x).for_each(|((o, d), x)| *o = d * x);
        let rows = self.starts.len() - 1;
        let (x_rows, x_columns) = x.split_at(rows);
        let (out_rows, out_columns) = out.split_at_mut(rows);
        for i in 0..rows {
            let kept = self.starts[i]..self.starts[i + 1];
            let mut sum = 0.0;
            for (j, p) in self.columns[kept.clone()].iter().zip(&self.values[kept]) {
                sum += p * x_columns[*j as usize];
                out_columns[*j as usize] += p * x_rows[i];
            }
            out_rows[i] += sum;
        }
    }
}

/// The value of the `kept`-th largest entry, and how many entries of just that value are among the `kept` largest.
fn cut(plan: &[f64], kept: usize) -> (f64, usize) {
    // Entries are >= 0, where a float's bits are ordered as its value: count them by their leading bits (the power of two and
    // four digits more), then look only among those that share the cut's. Two quick passes, where selecting among all is slow.
    let leading = |p: &f64| (p.to_bits() >> 48) as usize;
    let mut counts = vec![0usize; 1 << 15];
    plan.iter().for_each(|p| counts[leading(p)] += 1);
    let (mut bucket, mut above) = (counts.len() - 1, 0);
    while above + counts[bucket] < kept {
        above += counts[bucket];
        bucket -= 1;
    }
    let mut near: Vec<f64> = plan.iter().copied().filter(|p| leading(p) == bucket).collect();
    let place = near.len() - (kept - above);
    let cut = *near.select_nth_unstable_by(place, f64::total_cmp).1;
    (cut, kept - above - near.iter().filter(|p| **p > cut).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::transport::Instance;
    use crate::transport::sinkhorn::Twin;
    use nalgebra::{DMatrix, DVector};

    fn assignment(n: usize, inverse_temperature: f64, seed: u64) -> Problem {
        let Instance { cost, source, target } = Instance::random_assignment(n, seed);
        Problem::new(&cost, source, target, inverse_temperature)
    }

    fn warm(problem: &Problem, sweeps: usize) -> (Vec<f64>, Vec<f64>) {
        let mut sinkhorn = Twin::<f64>::new(problem.scaled_cost().iter().copied(), &problem.source, &problem.target);
        (0..sweeps).for_each(|_| _ = sinkhorn.sweep());
        sinkhorn.potentials()
    }

    fn newton(problem: &Problem, sweeps: usize, kept: usize) -> NewtonSparse {
        let (u, v) = warm(problem, sweeps);
        NewtonSparse::new(problem, u, v, kept)
    }

    /// A rectangular problem with uneven masses, and a place that is no optimum.
    fn somewhere() -> (Problem, Vec<f64>, Vec<f64>) {
        let mut random = Random::new(5, "transport");
        let cost: Vec<f64> = (0..12).map(|_| random.uniform()).collect();
        let problem = Problem::new(&cost, vec![0.5, 0.2, 0.3], vec![0.1, 0.2, 0.3, 0.4], 7.0);
        let u = (0..3).map(|_| random.between(-2.0, 1.0)).collect();
        let v = (0..4).map(|_| random.between(-2.0, 1.0)).collect();
        (problem, u, v)
    }

    /// ηf at (u, v) moved by `step` in coordinate `k` and by `other` in coordinate `l`.
    fn moved(k: usize, step: f64, l: usize, other: f64) -> (f64, Vec<f64>) {
        let (problem, u, v) = somewhere();
        let mut z = [u, v].concat();
        z[k] += step;
        z[l] += other;
        let at = NewtonSparse::new(&problem, z[..3].to_vec(), z[3..].to_vec(), 1);
        (problem.inverse_temperature * at.potential(&problem), at.at.gradient(&problem))
    }

    #[test]
    fn gradient_and_hessian_match_finite_differences() {
        let (problem, u, v) = somewhere();
        let at = Evaluation::new(&problem, &u, &v);
        let (gradient, hessian) = (at.gradient(&problem), SparseHessian::new(&at, 12));
        let h = 1e-5;
        for k in 0..7 {
            let slope = (moved(k, h, 0, 0.0).0 - moved(k, -h, 0, 0.0).0) / (2.0 * h);
            assert!((slope - gradient[k]).abs() < 1e-9, "{k}: {slope} and {}", gradient[k]);
            let mut unit = [0.0; 7];
            unit[k] = 1.0;
            let mut column = [0.0; 7];
            hessian.product(&unit, &mut column);
            let (above, below) = (moved(k, h, 0, 0.0).1, moved(k, -h, 0, 0.0).1);
            for l in 0..7 {
                let curvature = -(above[l] - below[l]) / (2.0 * h);
                assert!((curvature - column[l]).abs() < 1e-8, "{k} {l}: {curvature} and {}", column[l]);
            }
        }
    }

    #[test]
    fn the_step_solves_the_whole_system() {
        let (problem, u, v) = somewhere();
        let at = Evaluation::new(&problem, &u, &v);
        let hessian = SparseHessian::new(&at, 12);
        let b = at.gradient(&problem);
        let mut solver = ConjugateGradient::new(&b, &hessian.diagonal);
        while solver.step(|x, out| hessian.product(x, out)) > 1e-12 {
            assert!(solver.steps < 50);
        }
        let mut delta = solver.solution;
        center(&mut delta, 3);
        // The least-norm solution with the null direction (1, −1) taken out by the pseudo-inverse.
        let dense = DMatrix::from_fn(7, 7, |i, j| match (i < 3, j < 3) {
            _ if i == j => hessian.diagonal[i],
            (true, false) => at.plan[i * 4 + j - 3],
            (false, true) => at.plan[j * 4 + i - 3],
            _ => 0.0,
        });
        let mut exact = dense.pseudo_inverse(1e-9).unwrap() * DVector::from_column_slice(&b);
        center(exact.as_mut_slice(), 3);
        assert!((DVector::from_column_slice(&delta) - exact).norm() < 1e-8);
    }

    #[test]
    fn moving_along_the_null_direction_changes_nothing() {
        let (problem, u, v) = somewhere();
        let shifted = |by: f64| {
            let u = u.iter().map(|u| u + by).collect();
            NewtonSparse::new(&problem, u, v.iter().map(|v| v - by).collect(), 12)
        };
        let (here, there) = (shifted(0.0), shifted(17.0));
        assert!((here.potential(&problem) - there.potential(&problem)).abs() < 1e-13);
        assert!(here.plan().iter().zip(there.plan()).all(|(a, b)| (a - b).abs() < 1e-13));
        assert!((here.marginal_error(&problem) - there.marginal_error(&problem)).abs() < 1e-12);
    }

    #[test]
    fn sinkhorn_climbs_and_leaves_a_mass_of_one() {
        let problem = assignment(30, 100.0, 4);
        let mut last = f64::NEG_INFINITY;
        for sweeps in 1..50 {
            let (u, v) = warm(&problem, sweeps);
            let short = problem.potential(1.0, &u, &v);
            let at = NewtonSparse::new(&problem, u, v, 1);
            assert!((short - at.potential(&problem)).abs() < 1e-13);
            assert!(short >= last - 1e-14);
            last = short;
        }
    }

    #[test]
    fn two_by_two_has_a_closed_form() {
        // For C = [0 1; 1 0] and equal masses the plan is [a b; b a], a/b = exp(η).
        let problem = Problem::new(&[0.0, 1.0, 1.0, 0.0], vec![0.5; 2], vec![0.5; 2], 3.0);
        let mut newton = NewtonSparse::new(&problem, vec![0.0; 2], vec![0.0; 2], 4);
        while newton.marginal_error(&problem) > 1e-14 {
            while !newton.advance(&problem, 1e6) {}
            assert!(newton.steps < 20);
        }
        let a = 0.5 / (1.0 + libm::exp(-3.0));
        for (p, exact) in newton.plan().iter().zip([a, 0.5 - a, 0.5 - a, a]) {
            assert!((p - exact).abs() < 1e-14);
        }
    }

    #[test]
    fn the_whole_hessian_converges_quadratically() {
        for seed in 0..3 {
            let problem = assignment(60, 200.0, seed);
            let mut newton = newton(&problem, 20, 3600);
            newton.inner_tolerance = 1e-13;
            let mut errors = vec![newton.marginal_error(&problem)];
            while errors[errors.len() - 1] > 1e-13 && newton.steps < 30 {
                while !newton.advance(&problem, 1e9) {}
                errors.push(newton.marginal_error(&problem));
            }
            // The order of convergence at the end, log(e₃/e₂) / log(e₂/e₁), from errors that rounding has not touched.
            let clean: Vec<f64> = errors.iter().copied().filter(|e| *e > 1e-13).collect();
            let &[.., a, b, c] = &clean[..] else { panic!("{errors:?}") };
            let order = libm::log(c / b) / libm::log(b / a);
            assert!(order > 1.8, "seed {seed}: order {order}, {errors:?}");
        }
    }

    #[test]
    fn a_thin_hessian_converges_linearly() {
        let problem = assignment(100, 300.0, 0);
        let mut newton = newton(&problem, 20, 200);
        let mut errors = Vec::new();
        for _ in 0..25 {
            while !newton.advance(&problem, 1e9) {}
            errors.push(newton.marginal_error(&problem));
        }
        let factor = libm::pow(errors[24] / errors[14], 0.1);
        assert!((0.5..0.9).contains(&factor), "{factor}: {errors:?}");
    }

    #[test]
    fn slicing_a_step_changes_no_bit() {
        let problem = assignment(50, 300.0, 2);
        let (mut whole, mut sliced) = (newton(&problem, 10, 250), newton(&problem, 10, 250));
        for _ in 0..4 {
            while !whole.advance(&problem, 1e12) {}
            let mut calls = 1;
            while !sliced.advance(&problem, 1e4) {
                calls += 1;
            }
            assert!(calls > 5);
            assert_eq!((&whole.u, &whole.v, whole.inner_steps), (&sliced.u, &sliced.v, sliced.inner_steps));
        }
    }

    #[test]
    fn a_cold_start_never_overflows() {
        for seed in 0..3 {
            let problem = assignment(50, 1500.0, seed);
            let mut newton = NewtonSparse::new(&problem, vec![0.0; 50], vec![0.0; 50], 250);
            let mut last = newton.potential(&problem);
            for _ in 0..20 {
                while !newton.advance(&problem, 1e9) {}
                let now = newton.potential(&problem);
                assert!(now.is_finite() && now >= last - 1e-12, "{now} after {last}");
                last = now;
            }
        }
    }

    #[test]
    fn the_cut_keeps_just_as_many_as_asked_for() {
        let plan = [0.5, 0.1, 0.3, 0.1, 0.1, 0.0];
        for kept in 1..=6 {
            let (value, ties) = cut(&plan, kept);
            assert_eq!(plan.iter().filter(|p| **p > value).count() + ties, kept);
        }
        let mut random = Random::new(8, "cut");
        let many: Vec<f64> = (0..1000).map(|_| libm::exp(random.between(-700.0, 0.0))).collect();
        let mut sorted = many.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        assert!([1, 2, 50, 500, 999].iter().all(|kept| cut(&many, *kept) == (sorted[kept - 1], 1)));
        let at = Evaluation { plan: plan.to_vec(), row_mass: vec![0.9, 0.2], column_mass: vec![0.6, 0.2, 0.3], penalty: 1.1 };
        let hessian = SparseHessian::new(&at, 3);
        assert_eq!((hessian.starts, hessian.columns), (vec![0, 3, 3], vec![0, 1, 2]));
    }
}
