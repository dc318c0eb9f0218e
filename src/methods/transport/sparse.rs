//! Transport with at most k entries a column.
//!
//! min ⟨C, T⟩ + (γ/2) Σ T² over plans T ≥ 0 with row sums a, column sums b and at most k entries a column. That is not convex, but its
//! semi-dual is concave and, where the k-th and the next score of a column differ, smooth:
//!
//! ```text
//! max_α S(α) = ⟨α, a⟩ − Σⱼ φⱼ(α − cⱼ),    φⱼ(s) = max { ⟨s, t⟩ − (γ/2)‖t‖² : t ≥ 0, Σt = bⱼ, at most k entries }.
//! ```
//!
//! Column sums always hold; the gradient is what the row sums lack, ∇S = a − T1. Where it vanishes T is the best plan; where S has its top
//! at a kink, as for small k, rows need not hold and S is only a lower bound. k = 1 gives the semi-dual of transport without a regulariser
//! (and, with equal masses, its plan), k = m quadratic transport. Source: Liu, Puigcerver & Blondel, "Sparsity-constrained optimal
//! transport", 2023.

use super::Entry;
use crate::optimize::solver::{Curvature, Objective};

/// The semi-dual of a problem; as an [`Objective`] it is −S, to be minimised.
#[derive(Clone, Debug)]
pub struct SemiDual {
    /// Column by column.
    cost: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
    kept: usize,
    gamma: f64,
}

/// S, its gradient and the plan at one α.
#[derive(Clone, Debug)]
pub struct Point {
    /// α.
    pub alpha: Vec<f64>,
    /// S(α).
    pub value: f64,
    /// ∇S(α) = a − T1.
    pub gradient: Vec<f64>,
    /// T, column by column.
    pub entries: Vec<Entry>,
}

impl Point {
    /// ‖T1 − a‖₁.
    pub fn row_error(&self) -> f64 {
        self.gradient.iter().map(|g| g.abs()).sum()
    }
}

/// A score α_i − C_ij, and its row.
type Score = (f64, usize);

/// The k largest scores, the largest first; of equal ones the first.
fn largest(scores: &mut [Score], k: usize) -> &[Score] {
    let order = |a: &Score, b: &Score| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if k < scores.len() {
        scores.select_nth_unstable_by(k - 1, order);
    }
    let top = &mut scores[..k];
    top.sort_unstable_by(order);
    top
}

/// The projection of s/γ onto the simplex {t ≥ 0, Σt = mass} is t = (s − τ)₊/γ; τ, and how many of the falling scores s exceed it.
fn threshold(falling: &[Score], gamma: f64, mass: f64) -> (f64, usize) {
    let (mut sum, mut tau, mut count) = (0.0, f64::INFINITY, 0);
    for (score, _) in falling {
        let next = (sum + score - gamma * mass) / (count + 1) as f64;
        if *score <= next && count > 0 {
            break;
        }
        (sum, tau, count) = (sum + score, next, count + 1);
    }
    (tau, count)
}

impl SemiDual {
    /// Of `cost`, which has `a.len()` rows of `b.len()`, with at most `kept` entries a column and γ > 0.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(cost: &[f64], a: &[f64], b: &[f64], kept: usize, gamma: f64) -> Self {
        let (rows, columns) = (a.len(), b.len());
        assert_eq!(cost.len(), rows * columns, "one cost for each row and column");
        let cost = (0..rows * columns).map(|k| cost[k % rows * columns + k / rows]).collect();
        SemiDual { cost, a: a.to_vec(), b: b.to_vec(), kept: kept.clamp(1, rows), gamma }
    }

    /// S(α), ∇S(α) and T(α): each column's plan is the projection of its k largest scores onto the simplex of its mass.
    pub fn at(&self, alpha: Vec<f64>) -> Point {
        let rows = self.a.len();
        let mut value: f64 = self.a.iter().zip(&alpha).map(|(a, alpha)| a * alpha).sum();
        let mut gradient = self.a.clone();
        let mut entries = Vec::with_capacity(self.kept * self.b.len());
        let mut scores = vec![(0.0, 0); rows];
        for (column, (cost, mass)) in self.cost.chunks_exact(rows).zip(&self.b).enumerate() {
            for (row, (score, (alpha, c))) in scores.iter_mut().zip(alpha.iter().zip(cost)).enumerate() {
                *score = (alpha - c, row);
            }
            let top = largest(&mut scores, self.kept);
            let (tau, count) = threshold(top, self.gamma, *mass);
            for (score, row) in &top[..count] {
                let t = (score - tau) / self.gamma;
                if t > 0.0 {
                    value -= t * score - 0.5 * self.gamma * t * t;
                    gradient[*row] -= t;
                    entries.push(Entry { row: *row, column, mass: t });
                }
            }
        }
        Point { alpha, value, gradient, entries }
    }

    /// A plan of this problem, row by row.
    pub fn plan(&self, entries: &[Entry]) -> Vec<f64> {
        let mut plan = vec![0.0; self.cost.len()];
        entries.iter().for_each(|t| plan[t.row * self.b.len() + t.column] = t.mass);
        plan
    }
}

impl Objective for SemiDual {
    fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let here = self.at(x.to_vec());
        gradient.iter_mut().zip(&here.gradient).for_each(|(g, rising)| *g = -rising);
        -here.value
    }

    /// Where the supports stay as they are, t moves by (v − its mean over the support)/γ.
    fn product(&mut self, x: &[f64], v: &[f64], _: Curvature, product: &mut [f64]) {
        product.fill(0.0);
        for support in self.at(x.to_vec()).entries.chunk_by(|t, u| t.column == u.column) {
            let mean = support.iter().map(|t| v[t.row]).sum::<f64>() / support.len() as f64;
            support.iter().for_each(|t| product[t.row] += (v[t.row] - mean) / self.gamma);
        }
    }
}

/// Ascent on the semi-dual by Barzilai-Borwein steps with a look back.
#[derive(Clone, Debug)]
pub struct KSparse {
    semi_dual: SemiDual,
    here: Point,
    /// The last values, which a step may fall back to.
    recent: Vec<f64>,
    stride: f64,
    best: Point,
    /// Evaluations so far.
    pub steps: usize,
}

impl KSparse {
    /// From row potentials `x`; `cost` has `source.len()` rows of `target.len()`.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(cost: &[f64], source: &[f64], target: &[f64], kept: usize, gamma: f64, x: Vec<f64>) -> Self {
        assert_eq!(x.len(), source.len(), "one potential for each row");
        let semi_dual = SemiDual::new(cost, source, target, kept, gamma);
        let here = semi_dual.at(x);
        KSparse {
            stride: gamma * source.len() as f64 / (semi_dual.kept * target.len()) as f64,
            semi_dual,
            best: here.clone(),
            here,
            recent: Vec::new(),
            steps: 0,
        }
    }

    /// One evaluation. Returns ‖P1 − r‖₁ of the best plan so far.
    pub fn step(&mut self) -> f64 {
        const LOOK_BACK: usize = 10;
        let ahead = self.here.alpha.iter().zip(&self.here.gradient).map(|(x, g)| x + self.stride * g).collect();
        let there = self.semi_dual.at(ahead);
        self.steps += 1;
        let floor = self.recent.iter().fold(self.here.value, |a, b| a.min(*b));
        let square: f64 = self.here.gradient.iter().map(|g| g * g).sum();
        let smallest = 1e-6 * self.semi_dual.gamma / self.semi_dual.b.len() as f64;
        if there.value < floor + 1e-4 * self.stride * square && self.stride > smallest {
            self.stride *= 0.5;
            return self.best.row_error();
        }
        // Along s with the change y of the gradient: ⟨s, s⟩/−⟨s, y⟩.
        let along: f64 = self.here.gradient.iter().zip(&there.gradient).map(|(g, h)| g * (g - h)).sum();
        let longest = 1e4 * self.semi_dual.gamma;
        self.stride = if along > 0.0 { (self.stride * square / along).clamp(smallest, longest) } else { 2.0 * self.stride };
        if self.recent.len() == LOOK_BACK {
            self.recent.remove(0);
        }
        self.recent.push(self.here.value);
        self.here = there;
        if self.here.row_error() < self.best.row_error() {
            self.best = self.here.clone();
        }
        self.best.row_error()
    }

    /// The best plan so far, row by row.
    pub fn plan(&self) -> Vec<f64> {
        self.semi_dual.plan(&self.best.entries)
    }

    /// x of that plan.
    pub fn potential(&self) -> &[f64] {
        &self.best.alpha
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::npz;
    use crate::transport::{Instance, Problem, Quadratic};

    /// POT's problem, its α, and what it finds there; see make_sparse_transport.py.
    fn pot(name: &str) -> Vec<f64> {
        let arrays = npz(include_bytes!("../../../tests/fixtures/sparse_transport.npz"));
        arrays.into_iter().find(|array| array.name == name).expect(name).values
    }

    #[test]
    fn value_and_gradient_are_pots() {
        let here = SemiDual::new(&pot("cost"), &pot("a"), &pot("b"), 3, 10.0).at(pot("alpha"));
        assert!((here.value - pot("value")[0]).abs() < 1e-14, "{}", here.value);
        let far = here.gradient.iter().zip(pot("gradient")).fold(0.0, |far: f64, (a, b)| far.max((a - b).abs()));
        assert!(far < 1e-15, "{far}");
    }

    #[test]
    fn gradient_and_curvature_are_finite_differences() {
        let alpha = pot("alpha");
        for kept in [1, 3, 30] {
            let mut semi_dual = SemiDual::new(&pot("cost"), &pot("a"), &pot("b"), kept, 10.0);
            let (mut gradient, mut product) = (vec![0.0; 30], vec![0.0; 30]);
            semi_dual.gradient(&alpha, &mut gradient);
            let direction: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 11) - 5.0).collect();
            semi_dual.product(&alpha, &direction, Curvature::Hessian, &mut product);
            // So short a step that no score passes another.
            let step = 1e-7;
            let [back, ahead] = [-step, step].map(|t| {
                let mut there = vec![0.0; 30];
                let x: Vec<f64> = alpha.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
                (semi_dual.gradient(&x, &mut there), there)
            });
            let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            assert!(((ahead.0 - back.0) / (2.0 * step) - slope).abs() < 1e-8, "{kept}: {slope}");
            for (i, product) in product.iter().enumerate() {
                let bend = (ahead.1[i] - back.1[i]) / (2.0 * step);
                assert!((bend - product).abs() < 1e-7, "{kept}, {i}: {bend} and {product}");
            }
        }
    }

    #[test]
    fn with_every_entry_allowed_it_is_quadratic_transport() {
        let Instance { cost, source, target } = Instance::densities(25, 4);
        let mut quadratic = Quadratic::new(&Problem::new(&cost, source.clone(), target.clone(), 2.0));
        while quadratic.advance(1e9) > 1e-12 || !quadratic.arrived() {}
        let mut sparse = KSparse::new(&cost, &source, &target, 25, 0.5, vec![0.0; 25]);
        while sparse.step() > 1e-8 {
            assert!(sparse.steps < 20_000, "{}", sparse.best.row_error());
        }
        let far = sparse.plan().iter().zip(quadratic.plan()).fold(0.0, |far: f64, (a, b)| far.max((a - b).abs()));
        assert!(far < 1e-7, "{far}");
    }

    #[test]
    fn columns_have_few_entries_and_their_mass() {
        let Instance { cost, source, target } = Instance::densities(40, 4);
        // The fewer entries are allowed, the more often the k-th best is a tie, and the worse the rows hold.
        for (kept, rows_hold_to) in [(3, 0.5), (5, 0.05), (8, 0.005)] {
            let mut sparse = KSparse::new(&cost, &source, &target, kept, 0.05, vec![0.0; 40]);
            (0..2000).for_each(|_| _ = sparse.step());
            let plan = sparse.plan();
            for (j, mass) in target.iter().enumerate() {
                let column: Vec<f64> = plan.iter().skip(j).step_by(40).copied().filter(|p| *p > 0.0).collect();
                assert!(column.len() <= kept && (column.iter().sum::<f64>() - mass).abs() < 1e-12);
            }
            assert!(sparse.best.row_error() < rows_hold_to, "{kept}: {}", sparse.best.row_error());
        }
    }
}
