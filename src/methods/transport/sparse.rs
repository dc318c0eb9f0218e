//! Transport with at most k entries a column.

/// min ⟨C, P⟩ + (γ/2) Σ P² over plans with at most k entries a column, through its semi-dual, γ = 1/η.
///
/// max_x Σ rᵢxᵢ − Σⱼ max { ⟨x − Cⱼ, p⟩ − (γ/2)‖p‖² : p ≥ 0, Σp = cⱼ, at most k entries }. The inner maximum takes the k largest of
/// x − Cⱼ and projects them onto the simplex, so columns always hold; rows hold where the dual is smooth. Ascent by Barzilai-Borwein
/// steps with a look back. Source: Liu, Puigcerver & Blondel, "Sparsity-constrained optimal transport", 2023, section 4.
#[derive(Clone, Debug)]
pub struct KSparse {
    /// Column by column.
    cost: Vec<f64>,
    source: Vec<f64>,
    target: Vec<f64>,
    kept: usize,
    gamma: f64,
    here: Point,
    /// The last values, which a step may fall back to.
    recent: Vec<f64>,
    stride: f64,
    best: Point,
    /// Evaluations so far.
    pub steps: usize,
}

/// The semi-dual at one x.
#[derive(Clone, Debug)]
struct Point {
    x: Vec<f64>,
    value: f64,
    /// (row, column, mass).
    entries: Vec<(u32, u32, f64)>,
    gradient: Vec<f64>,
}

impl Point {
    fn error(&self) -> f64 {
        self.gradient.iter().map(|g| g.abs()).sum()
    }
}

impl KSparse {
    /// From row potentials `x`; `cost` has `source.len()` rows of `target.len()`.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(cost: &[f64], source: &[f64], target: &[f64], kept: usize, gamma: f64, x: Vec<f64>) -> Self {
        let (rows, columns) = (source.len(), target.len());
        assert_eq!((cost.len(), x.len()), (rows * columns, rows), "one cost for each row and column");
        let cost = (0..rows * columns).map(|k| cost[k % rows * columns + k / rows]).collect();
        let nowhere = Point { x: Vec::new(), value: f64::NEG_INFINITY, entries: Vec::new(), gradient: vec![1.0; rows] };
        let mut solver = KSparse {
            cost,
            source: source.to_vec(),
            target: target.to_vec(),
            kept: kept.clamp(1, rows),
            gamma,
            here: nowhere.clone(),
            recent: Vec::new(),
            stride: gamma * rows as f64 / (kept.min(rows) * columns) as f64,
            best: nowhere,
            steps: 0,
        };
        solver.here = solver.at(x);
        solver.best = solver.here.clone();
        solver
    }

    fn at(&self, x: Vec<f64>) -> Point {
        let rows = self.source.len();
        let mut value: f64 = self.source.iter().zip(&x).map(|(r, x)| r * x).sum();
        let mut gradient = self.source.clone();
        let mut entries = Vec::with_capacity(self.kept * self.target.len());
        let mut scores = vec![(0.0, 0u32); rows];
        for (j, (cost, mass)) in self.cost.chunks_exact(rows).zip(&self.target).enumerate() {
            for (i, (score, (x, c))) in scores.iter_mut().zip(x.iter().zip(cost)).enumerate() {
                *score = (x - c, i as u32);
            }
            if self.kept < rows {
                scores.select_nth_unstable_by(self.kept - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            }
            let top = &mut scores[..self.kept];
            top.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            // Projection onto the simplex of this column's mass: (s − level)₊/γ.
            let (mut sum, mut level) = (0.0, f64::INFINITY);
            let mut count = 0;
            for (k, (score, _)) in top.iter().enumerate() {
                let next = (sum + score - self.gamma * mass) / (k + 1) as f64;
                if *score <= next && k > 0 {
                    break;
                }
                (sum, level, count) = (sum + score, next, k + 1);
            }
            for (score, i) in &top[..count] {
                let p = (score - level) / self.gamma;
                if p > 0.0 {
                    value -= p * score - 0.5 * self.gamma * p * p;
                    gradient[*i as usize] -= p;
                    entries.push((*i, j as u32, p));
                }
            }
        }
        Point { x, value, entries, gradient }
    }

    /// One evaluation. Returns ‖P1 − r‖₁ of the best plan so far.
    pub fn step(&mut self) -> f64 {
        const LOOK_BACK: usize = 10;
        let there = self.at(self.here.x.iter().zip(&self.here.gradient).map(|(x, g)| x + self.stride * g).collect());
        self.steps += 1;
        let floor = self.recent.iter().fold(self.here.value, |a, b| a.min(*b));
        let square: f64 = self.here.gradient.iter().map(|g| g * g).sum();
        let smallest = 1e-6 * self.gamma / self.target.len() as f64;
        if there.value < floor + 1e-4 * self.stride * square && self.stride > smallest {
            self.stride *= 0.5;
            return self.best.error();
        }
        // Along s with the change y of the gradient: ⟨s, s⟩/−⟨s, y⟩.
        let along: f64 = self.here.gradient.iter().zip(&there.gradient).map(|(g, h)| g * (g - h)).sum();
        let longest = 1e4 * self.gamma;
        self.stride = if along > 0.0 { (self.stride * square / along).clamp(smallest, longest) } else { 2.0 * self.stride };
        if self.recent.len() == LOOK_BACK {
            self.recent.remove(0);
        }
        self.recent.push(self.here.value);
        self.here = there;
        if self.here.error() < self.best.error() {
            self.best = self.here.clone();
        }
        self.best.error()
    }

    /// The best plan so far, row by row.
    pub fn plan(&self) -> Vec<f64> {
        let columns = self.target.len();
        let mut plan = vec![0.0; self.cost.len()];
        self.best.entries.iter().for_each(|(i, j, p)| plan[*i as usize * columns + *j as usize] = *p);
        plan
    }

    /// x of that plan.
    pub fn potential(&self) -> &[f64] {
        &self.best.x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Instance;
    use crate::transport::{Problem, Quadratic};

    #[test]
    fn with_every_entry_allowed_it_is_quadratic_transport() {
        let Instance { cost, source, target } = Instance::densities(25, 4);
        let mut quadratic = Quadratic::new(&Problem::new(&cost, source.clone(), target.clone(), 2.0));
        while quadratic.advance(1e9) > 1e-12 || !quadratic.arrived() {}
        let mut sparse = KSparse::new(&cost, &source, &target, 25, 0.5, vec![0.0; 25]);
        while sparse.step() > 1e-8 {
            assert!(sparse.steps < 20_000, "{}", sparse.best.error());
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
            assert!(sparse.best.error() < rows_hold_to, "{kept}: {}", sparse.best.error());
        }
    }
}
