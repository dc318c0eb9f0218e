//! Other ways to the entropic plan than Sinkhorn in the log domain, and what to make of a plan once it is there.

use super::{Problem, distance, dot};
use crate::transport::sinkhorn::Twin;

/// Σ |P1 − r| + Σ |Pᵀ1 − c|.
pub fn marginal_error(plan: &[f64], source: &[f64], target: &[f64]) -> f64 {
    let (rows, columns) = sums(plan, source.len(), target.len());
    distance(&rows, source) + distance(&columns, target)
}

/// −Σ P ln P, with 0 ln 0 = 0.
pub fn entropy(plan: &[f64]) -> f64 {
    -plan.iter().filter(|p| **p > 0.0).map(|p| p * libm::log(*p)).sum::<f64>()
}

/// (P1, Pᵀ1).
fn sums(plan: &[f64], rows: usize, columns: usize) -> (Vec<f64>, Vec<f64>) {
    assert_eq!(plan.len(), rows * columns, "one entry for each row and column");
    let (mut row_mass, mut column_mass) = (vec![0.0; rows], vec![0.0; columns]);
    for (row, mass) in plan.chunks_exact(columns.max(1)).zip(&mut row_mass) {
        column_mass.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
        *mass = row.iter().sum();
    }
    (row_mass, column_mass)
}

/// Mends `plan` so that its marginals are `source` and `target`, moving no more mass than twice what they were off by.
///
/// Rows that give too much are scaled down, then columns that get too much; what is missing then is spread as a product. Only a plan with
/// the right marginals has a cost that is never below W.
///
/// Source: Altschuler, Weed & Rigollet, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration", 2017,
/// algorithm 2.
///
/// # Panics
/// If the sizes do not fit.
pub fn round_to_marginals(plan: &mut [f64], source: &[f64], target: &[f64]) {
    let columns = target.len();
    let lower = |want: f64, have: f64| if have > want { want / have } else { 1.0 };
    let (row_mass, _) = sums(plan, source.len(), columns);
    for (row, (want, have)) in plan.chunks_exact_mut(columns).zip(source.iter().zip(&row_mass)) {
        let scale = lower(*want, *have);
        row.iter_mut().for_each(|p| *p *= scale);
    }
    let (_, column_mass) = sums(plan, source.len(), columns);
    let scales: Vec<f64> = target.iter().zip(&column_mass).map(|(want, have)| lower(*want, *have)).collect();
    plan.chunks_exact_mut(columns).for_each(|row| row.iter_mut().zip(&scales).for_each(|(p, scale)| *p *= scale));
    let (row_mass, column_mass) = sums(plan, source.len(), columns);
    let missing = |want: &[f64], have: &[f64]| -> Vec<f64> { want.iter().zip(have).map(|(w, h)| (w - h).max(0.0)).collect() };
    let (rows, columns_missing) = (missing(source, &row_mass), missing(target, &column_mass));
    let total: f64 = rows.iter().sum();
    if total > 0.0 {
        for (row, r) in plan.chunks_exact_mut(columns).zip(&rows) {
            row.iter_mut().zip(&columns_missing).for_each(|(p, c)| *p += r * c / total);
        }
    }
}

/// The entropic cost of u and v against the product of the marginals, a lower bound of
/// OT_ε = min ⟨C, P⟩ + ε KL(P | r cᵀ), ε = 1/η, and equal to it where u and v are optimal:
/// (1/η) (Σ rᵢ (uᵢ − ln rᵢ) + Σ cⱼ (vⱼ − ln cⱼ) + 1 − Σ P).
///
/// Source: Peyré & Cuturi, "Computational optimal transport", 2019, proposition 4.4.
pub fn entropic_cost(problem: &Problem, u: &[f64], v: &[f64]) -> f64 {
    let mass: f64 = problem.plan(u, v).iter().sum();
    let relative =
        |masses: &[f64], potential: &[f64]| -> f64 { masses.iter().zip(potential).map(|(m, z)| m * (z - libm::log(*m))).sum() };
    (relative(&problem.source, u) + relative(&problem.target, v) + 1.0 - mass) / problem.inverse_temperature
}

/// OT_ε of the problem from at most `sweeps` Sinkhorn sweeps, fewer once the marginal error is at most `tolerance`.
fn solved_cost(problem: &Problem, sweeps: usize, tolerance: f64) -> f64 {
    let mut twin = Twin::<f64>::new(problem.scaled_cost().iter().copied(), &problem.source, &problem.target);
    for _ in 0..sweeps {
        if twin.sweep() <= tolerance {
            break;
        }
    }
    let (u, v) = twin.potentials();
    entropic_cost(problem, &u, &v)
}

/// The Sinkhorn divergence OT_ε(r, c) − ½ OT_ε(r, r) − ½ OT_ε(c, c): the entropic cost with its bias taken off, zero where r = c.
///
/// `across` is the problem from r to c, the others those from r and from c to themselves, all at one η.
///
/// Source: Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", 2019, equation 3.
pub fn sinkhorn_divergence(across: &Problem, source: &Problem, target: &Problem, sweeps: usize, tolerance: f64) -> f64 {
    let cost = |problem| solved_cost(problem, sweeps, tolerance);
    cost(across) - 0.5 * (cost(source) + cost(target))
}

/// Sinkhorn's algorithm as Cuturi wrote it: a = r / Kb, b = c / Kᵀa with K = exp(−ηC), so that P = diag(a) K diag(b).
///
/// Products only, hence the fastest where it works; where η is large, K underflows and it breaks.
///
/// Source: Cuturi, "Sinkhorn distances: lightspeed computation of optimal transport", 2013, algorithm 1.
#[derive(Clone, Debug)]
pub struct Scaling {
    kernel: Vec<f64>,
    source: Vec<f64>,
    target: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Scaling {
    /// At a = b = 1.
    pub fn new(problem: &Problem) -> Self {
        let (source, target) = (problem.source.clone(), problem.target.clone());
        let (a, b) = (vec![1.0; source.len()], vec![1.0; target.len()]);
        let kernel = problem.plan(&vec![0.0; a.len()], &vec![0.0; b.len()]);
        Scaling { kernel, source, target, a, b }
    }

    /// One sweep. Returns ‖P1 − r‖₁ as it was before; not a finite number once K has underflowed.
    pub fn sweep(&mut self) -> f64 {
        let mut error = 0.0;
        let mut columns = vec![0.0; self.b.len()];
        for ((row, a), r) in self.kernel.chunks_exact(self.b.len()).zip(&mut self.a).zip(&self.source) {
            let sum = dot(row, &self.b);
            error += (*a * sum - r).abs();
            *a = r / sum;
            columns.iter_mut().zip(row).for_each(|(sum, k)| *sum += *a * k);
        }
        self.b.iter_mut().zip(&self.target).zip(&columns).for_each(|((b, c), sum)| *b = c / sum);
        error
    }

    /// P.
    pub fn plan(&self) -> Vec<f64> {
        let rows = self.kernel.chunks_exact(self.b.len()).zip(&self.a);
        rows.flat_map(|(row, a)| row.iter().zip(&self.b).map(move |(k, b)| a * k * b)).collect()
    }

    /// (ln a, ln b), which are u and v.
    pub fn potentials(&self) -> (Vec<f64>, Vec<f64>) {
        let logs = |scales: &[f64]| scales.iter().map(|s| libm::log(*s)).collect();
        (logs(&self.a), logs(&self.b))
    }
}

/// Sinkhorn's algorithm on a blurred problem first: η starts at 1 over the largest cost and doubles whenever the marginals nearly hold,
/// the potentials being carried over. For large η far fewer sweeps are needed than from zero.
///
/// Source: Schmitzer, "Stabilized sparse scaling algorithms for entropy regularized transport problems", 2019, section 3.2.
#[derive(Clone, Debug)]
pub struct Annealed {
    scaled_cost: Vec<f64>,
    source: Vec<f64>,
    target: Vec<f64>,
    /// The present η over the problem's.
    share: f64,
    here: usize,
    twin: Twin<f64>,
}

impl Annealed {
    /// The marginal error, and the number of sweeps, after which η is doubled.
    const NEAR: f64 = 1e-2;
    const SWEEPS: usize = 40;

    /// At u = v = 0.
    pub fn new(problem: &Problem) -> Self {
        let largest = problem.scaled_cost().iter().fold(1.0, |a: f64, b| a.max(b.abs()));
        let twin = Twin::new(problem.scaled_cost().iter().map(|c| c / largest), &problem.source, &problem.target);
        let (source, target) = (problem.source.clone(), problem.target.clone());
        Annealed { scaled_cost: problem.scaled_cost().to_vec(), source, target, share: 1.0 / largest, here: 0, twin }
    }

    /// The present η over the problem's.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Has η reached the problem's?
    pub fn arrived(&self) -> bool {
        self.share >= 1.0
    }

    /// One sweep. Returns ‖P1 − r‖₁ as it was before, for the present η.
    pub fn sweep(&mut self) -> f64 {
        let error = self.twin.sweep();
        self.here += 1;
        if !self.arrived() && (error < Self::NEAR || self.here >= Self::SWEEPS) {
            let share = (2.0 * self.share).min(1.0);
            let grown = |potential: Vec<f64>| -> Vec<f64> { potential.iter().map(|z| z * (share / self.share)).collect() };
            let (u, v) = self.twin.potentials();
            let (u, v) = (grown(u), grown(v));
            self.twin = Twin::new(self.scaled_cost.iter().map(|c| share * c), &self.source, &self.target);
            self.twin.set_potentials(&u, &v);
            (self.share, self.here) = (share, 0);
        }
        error
    }

    /// (u, v) of the present η.
    pub fn potentials(&self) -> (Vec<f64>, Vec<f64>) {
        self.twin.potentials()
    }
}

/// Sinkhorn one row or column at a time: always the one whose sum is furthest off.
///
/// An update costs a row or a column of P. The distance is |P1 − r|, as POT has it; the paper's divergence takes a logarithm a row.
///
/// Source: Altschuler, Weed & Rigollet, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration", 2017,
/// algorithm 4.
#[derive(Clone, Debug)]
pub struct Greenkhorn {
    problem: Problem,
    u: Vec<f64>,
    v: Vec<f64>,
    plan: Vec<f64>,
    row_mass: Vec<f64>,
    column_mass: Vec<f64>,
    updates: usize,
}

impl Greenkhorn {
    /// After one pass over all rows.
    pub fn new(problem: &Problem) -> Self {
        let mut sums = vec![0.0; problem.rows()];
        let v = vec![0.0; problem.columns()];
        crate::linear::row_log_sum_exp(&mut sums, 1.0, problem.scaled_cost(), v.len(), &v);
        let u: Vec<f64> = problem.source.iter().zip(&sums).map(|(r, s)| libm::log(*r) - s).collect();
        let mut greenkhorn = Greenkhorn {
            problem: problem.clone(),
            u,
            v,
            plan: Vec::new(),
            row_mass: Vec::new(),
            column_mass: Vec::new(),
            updates: 0,
        };
        greenkhorn.refresh();
        greenkhorn
    }

    fn refresh(&mut self) {
        self.plan = self.problem.plan(&self.u, &self.v);
        (self.row_mass, self.column_mass) = sums(&self.plan, self.u.len(), self.v.len());
    }

    /// As many updates as a sweep has, one a row and one a column. Returns ‖P1 − r‖₁ + ‖Pᵀ1 − c‖₁ as it is then.
    pub fn sweep(&mut self) -> f64 {
        self.advance(usize::MAX).expect("a whole sweep")
    }

    /// At most `updates` of the present sweep's updates. The marginals' error at the end of the sweep.
    pub fn advance(&mut self, updates: usize) -> Option<f64> {
        let sweep = self.u.len() + self.v.len();
        let left = sweep - self.updates % sweep;
        for _ in 0..left.min(updates) {
            self.update();
        }
        if updates < left {
            return None;
        }
        // The sums were carried along; afresh, free of their rounding.
        self.refresh();
        Some(distance(&self.row_mass, &self.problem.source) + distance(&self.column_mass, &self.problem.target))
    }

    fn update(&mut self) {
        let furthest = |have: &[f64], want: &[f64]| {
            let off = have.iter().zip(want).map(|(h, w)| (h - w).abs()).enumerate();
            off.fold((0, -1.0), |best, (k, off)| if off > best.1 { (k, off) } else { best })
        };
        let (i, row_off) = furthest(&self.row_mass, &self.problem.source);
        let (j, column_off) = furthest(&self.column_mass, &self.problem.target);
        let columns = self.v.len();
        if row_off > column_off {
            let scale = self.problem.source[i] / self.row_mass[i];
            self.u[i] += libm::log(scale);
            for (p, sum) in self.plan[i * columns..][..columns].iter_mut().zip(&mut self.column_mass) {
                *sum += (scale - 1.0) * *p;
                *p *= scale;
            }
            self.row_mass[i] = self.problem.source[i];
        } else {
            let scale = self.problem.target[j] / self.column_mass[j];
            self.v[j] += libm::log(scale);
            for (p, sum) in self.plan.iter_mut().skip(j).step_by(columns).zip(&mut self.row_mass) {
                *sum += (scale - 1.0) * *p;
                *p *= scale;
            }
            self.column_mass[j] = self.problem.target[j];
        }
        self.updates += 1;
    }

    /// Rows and columns updated so far.
    pub fn updates(&self) -> usize {
        self.updates
    }

    /// P.
    pub fn plan(&self) -> &[f64] {
        &self.plan
    }

    /// (u, v).
    pub fn potentials(&self) -> (Vec<f64>, Vec<f64>) {
        (self.u.clone(), self.v.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Instance;
    use crate::transport::NetworkSimplex;

    fn problem(inverse_temperature: f64) -> (Problem, Vec<f64>) {
        let Instance { cost, source, target } = Instance::densities(30, 2);
        (Problem::new(&cost, source, target, inverse_temperature), cost)
    }

    fn log_domain(problem: &Problem) -> Vec<f64> {
        let mut twin = Twin::<f64>::new(problem.scaled_cost().iter().copied(), &problem.source, &problem.target);
        while twin.sweep() > 1e-13 {}
        let (u, v) = twin.potentials();
        problem.plan(&u, &v)
    }

    fn far(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).fold(0.0, |far: f64, (a, b)| far.max((a - b).abs()))
    }

    #[test]
    fn all_ways_lead_to_one_plan() {
        let (problem, _) = problem(50.0);
        let plan = log_domain(&problem);
        let mut scaling = Scaling::new(&problem);
        while scaling.sweep() > 1e-13 {}
        assert!(far(&scaling.plan(), &plan) < 1e-13);
        let mut annealed = Annealed::new(&problem);
        while !annealed.arrived() || annealed.sweep() > 1e-13 {
            if !annealed.arrived() {
                annealed.sweep();
            }
        }
        let (u, v) = annealed.potentials();
        assert!(far(&problem.plan(&u, &v), &plan) < 1e-12);
        let mut greenkhorn = Greenkhorn::new(&problem);
        while greenkhorn.sweep() > 1e-13 {
            assert!(greenkhorn.updates() < 1_000_000);
        }
        assert!(far(greenkhorn.plan(), &plan) < 1e-12);
        let (u, v) = greenkhorn.potentials();
        assert!(far(&problem.plan(&u, &v), &plan) < 1e-12);
    }

    #[test]
    fn scaling_breaks_where_its_kernel_underflows() {
        let (problem, _) = problem(1e5);
        let mut scaling = Scaling::new(&problem);
        assert!((0..200).any(|_| !scaling.sweep().is_finite()));
    }

    #[test]
    fn blurred_without_end_it_is_the_product_and_sharp_it_costs_what_the_exact_plan_does() {
        let (blurred, cost) = problem(1e-6);
        let product: Vec<f64> = blurred.source.iter().flat_map(|r| blurred.target.iter().map(move |c| r * c)).collect();
        assert!(far(&log_domain(&blurred), &product) < 1e-7);
        let (sharp, _) = problem(20_000.0);
        let mut annealed = Annealed::new(&sharp);
        (0..4000).for_each(|_| _ = annealed.sweep());
        let (u, v) = annealed.potentials();
        let mut plan = sharp.plan(&u, &v);
        round_to_marginals(&mut plan, &sharp.source, &sharp.target);
        let mut simplex = NetworkSimplex::new(&cost, &sharp.source, &sharp.target);
        while !simplex.advance(1e6) {}
        let excess = sharp.cost_of(&plan) / simplex.certificate().primal - 1.0;
        assert!((-1e-12..1e-3).contains(&excess), "{excess}");
    }

    #[test]
    fn a_mended_plan_has_its_marginals() {
        let (problem, _) = problem(300.0);
        let mut scaling = Scaling::new(&problem);
        (0..3).for_each(|_| _ = scaling.sweep());
        let mut plan = scaling.plan();
        let before = marginal_error(&plan, &problem.source, &problem.target);
        let rough = plan.clone();
        round_to_marginals(&mut plan, &problem.source, &problem.target);
        assert!(before > 1e-3 && marginal_error(&plan, &problem.source, &problem.target) < 1e-14);
        assert!(plan.iter().all(|p| *p >= 0.0));
        assert!(distance(&plan, &rough) <= 2.0 * before + 1e-14);
    }

    #[test]
    fn the_divergence_of_a_measure_from_itself_is_zero() {
        let Instance { cost, source, target } = Instance::densities(30, 2);
        let problem = |a: &Vec<f64>, b: &Vec<f64>| Problem::new(&cost, a.clone(), b.clone(), 20.0);
        let [rr, cc, rc] = [problem(&source, &source), problem(&target, &target), problem(&source, &target)];
        assert_eq!(sinkhorn_divergence(&rr, &rr, &rr, 1000, 1e-12), 0.0);
        assert!(sinkhorn_divergence(&rc, &rr, &cc, 1000, 1e-12) > 1e-3);
        assert!(solved_cost(&rr, 1000, 1e-12) > 1e-3, "the entropic cost alone is biased");
    }
}
