//! What a plan is worth, without any other solver: bounds from above and below, in slices.

use super::exact::price_rounding;

/// What is known of a plan and its prices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    /// ⟨C, P⟩ of the plan as it is: for a plan whose marginals do not hold, no bound of anything.
    pub cost: f64,
    /// ⟨C, P̂⟩ of the plan mended to its marginals: never below W.
    pub primal: f64,
    /// Σ rx + Σ cy of the prices made feasible: never above W. NaN without prices.
    pub dual: f64,
    /// Σ P̂_ij (C_ij − xᵢ − yⱼ): primal − dual without its cancellation; never negative. NaN without prices.
    pub gap: f64,
    /// What the rounding of the prices may have hidden of the gap, see [`price_rounding`].
    pub rounding: f64,
    /// ‖P1 − r‖₁ + ‖Pᵀ1 − c‖₁.
    pub marginal_error: f64,
    /// −Σ P ln P.
    pub entropy: f64,
    /// Entries above a millionth of the largest.
    pub entries: usize,
    /// Mass in all.
    pub mass: f64,
    /// The largest entry.
    pub largest: f64,
    /// The largest of x + y − C over all entries, before the prices are made feasible.
    pub excess: f64,
}

/// The appraisal of one plan, a few rows at a time.
///
/// The plan is mended as [`round_to_marginals`](super::round_to_marginals) does it, without a copy; prices y give
/// xᵢ = minⱼ C_ij − yⱼ, and these y′ⱼ = minᵢ C_ij − xᵢ ≥ yⱼ.
#[derive(Clone, Debug)]
pub struct Appraisal {
    prices: Option<(Vec<f64>, Vec<f64>)>,
    pass: usize,
    row: usize,
    row_mass: Vec<f64>,
    column_mass: Vec<f64>,
    /// Factors that take surplus rows and columns down, and what is missing then.
    row_scale: Vec<f64>,
    column_scale: Vec<f64>,
    row_left: Vec<f64>,
    column_left: Vec<f64>,
    /// x and y made feasible.
    feasible: (Vec<f64>, Vec<f64>),
    worth: Worth,
}

impl Appraisal {
    /// Of a plan with this many rows and columns, and prices of leaving and arriving, if there are any.
    pub fn new(rows: usize, columns: usize, prices: Option<(Vec<f64>, Vec<f64>)>) -> Self {
        Appraisal {
            prices,
            pass: 0,
            row: 0,
            row_mass: vec![0.0; rows],
            column_mass: vec![0.0; columns],
            row_scale: Vec::new(),
            column_scale: Vec::new(),
            row_left: vec![0.0; rows],
            column_left: vec![0.0; columns],
            feasible: (vec![0.0; rows], vec![f64::INFINITY; columns]),
            worth: Worth { excess: f64::NEG_INFINITY, ..Worth::default() },
        }
    }

    /// Goes on for `rows` rows of one of four passes. The worth, when all is done. `cost`, `plan`, `source` and `target` must be the same in
    /// every call.
    pub fn advance(&mut self, rows: usize, cost: &[f64], plan: &[f64], source: &[f64], target: &[f64]) -> Option<Worth> {
        let columns = target.len();
        let last = (self.row + rows).min(source.len());
        for i in self.row..last {
            let (p, c) = (&plan[i * columns..][..columns], &cost[i * columns..][..columns]);
            match self.pass {
                0 => self.look(i, p, c),
                1 => {
                    let scale = self.row_scale[i];
                    self.column_mass.iter_mut().zip(p).for_each(|(sum, p)| *sum += scale * p);
                }
                2 => self.price(i, p, c),
                _ => self.spread(i, p, c),
            }
        }
        self.row = last;
        if last < source.len() {
            return None;
        }
        (self.row, self.pass) = (0, self.pass + 1);
        let down = |want: &[f64], have: &[f64]| -> Vec<f64> {
            want.iter().zip(have).map(|(w, h)| if h > w { w / h } else { 1.0 }).collect()
        };
        match self.pass {
            1 => {
                let off = |want: &[f64], have: &[f64]| -> f64 { want.iter().zip(have).map(|(w, h)| (w - h).abs()).sum() };
                self.worth.marginal_error = off(source, &self.row_mass) + off(target, &self.column_mass);
                self.row_scale = down(source, &self.row_mass);
                self.column_mass.fill(0.0);
            }
            2 => self.column_scale = down(target, &self.column_mass),
            3 => {
                self.column_left.iter_mut().zip(target).for_each(|(left, want)| *left = (want - *left).max(0.0));
                self.row_left.iter_mut().zip(source).for_each(|(left, want)| *left = (want - *left).max(0.0));
            }
            _ => {
                if self.prices.is_none() {
                    self.worth.gap = f64::NAN;
                } else {
                    self.worth.rounding = price_rounding(target, &self.feasible.1);
                }
                self.worth.dual = self.worth.primal - self.worth.gap;
                return Some(self.worth);
            }
        }
        None
    }

    fn look(&mut self, i: usize, plan: &[f64], cost: &[f64]) {
        let (mut mass, mut dear) = (0.0, 0.0);
        for ((p, c), sum) in plan.iter().zip(cost).zip(&mut self.column_mass) {
            *sum += p;
            mass += p;
            dear += p * c;
            self.worth.largest = if *p > self.worth.largest { *p } else { self.worth.largest };
        }
        self.row_mass[i] = mass;
        self.worth.mass += mass;
        self.worth.cost += dear;
        if let Some((_, y)) = &self.prices {
            self.feasible.0[i] =
                cost.iter().zip(y).fold(f64::INFINITY, |least, (c, y)| if c - y < least { c - y } else { least });
        }
    }

    fn price(&mut self, i: usize, plan: &[f64], cost: &[f64]) {
        let mut mass = 0.0;
        let scale = self.row_scale[i];
        for ((p, s), left) in plan.iter().zip(&self.column_scale).zip(&mut self.column_left) {
            let p = scale * p * s;
            *left += p;
            mass += p;
        }
        self.row_left[i] = mass;
        let seen = 1e-6 * self.worth.largest;
        for p in plan.iter().filter(|p| **p > seen) {
            self.worth.entries += 1;
            self.worth.entropy -= p * libm::log(*p);
        }
        if let Some((x, y)) = &self.prices {
            let (given, feasible) = (x[i], self.feasible.0[i]);
            for ((c, y), least) in cost.iter().zip(y).zip(&mut self.feasible.1) {
                *least = if c - feasible < *least { c - feasible } else { *least };
                let over = given + y - c;
                self.worth.excess = if over > self.worth.excess { over } else { self.worth.excess };
            }
        }
    }

    fn spread(&mut self, i: usize, plan: &[f64], cost: &[f64]) {
        let (scale, missing) = (self.row_scale[i], self.row_left[i]);
        let total: f64 = if i == 0 { self.row_left.iter().sum() } else { self.row_mass[0] };
        // The row sums are no longer needed; their first place keeps the total.
        self.row_mass[0] = total;
        let share = if total > 0.0 { missing / total } else { 0.0 };
        let price = self.feasible.0[i];
        let mended =
            plan.iter().zip(self.column_scale.iter().zip(&self.column_left)).map(|(p, (s, left))| scale * p * s + share * left);
        let (mut primal, mut gap) = (0.0, 0.0);
        for ((p, c), y) in mended.zip(cost).zip(&self.feasible.1) {
            primal += c * p;
            gap += (c - price - y) * p;
        }
        self.worth.primal += primal;
        self.worth.gap += gap;
    }

    /// The prices made feasible, once all is done.
    pub fn prices(&self) -> (&[f64], &[f64]) {
        (&self.feasible.0, &self.feasible.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Instance;
    use crate::transport::sinkhorn::Twin;
    use crate::transport::{NetworkSimplex, Problem, entropy, marginal_error, round_to_marginals};

    #[test]
    fn the_bounds_are_those_of_the_mended_plan_and_hold_w_between_them() {
        for Instance { cost, source, target } in [Instance::densities(40, 3), Instance::random_assignment(40, 3)] {
            let mut simplex = NetworkSimplex::new(&cost, &source, &target);
            while !simplex.advance(1e6) {}
            let exact = simplex.certificate().primal;
            for (eta, sweeps) in [(5.0, 3), (100.0, 20), (1000.0, 2000)] {
                let problem = Problem::new(&cost, source.clone(), target.clone(), eta);
                let mut twin = Twin::<f64>::new(problem.scaled_cost().iter().copied(), &source, &target);
                (0..sweeps).for_each(|_| _ = twin.sweep());
                let (u, v) = twin.potentials();
                let mut plan = problem.plan(&u, &v);
                let prices = |z: &[f64]| z.iter().map(|z| z / eta).collect::<Vec<f64>>();
                let mut appraisal = Appraisal::new(40, 40, Some((prices(&u), prices(&v))));
                let worth = loop {
                    if let Some(worth) = appraisal.advance(7, &cost, &plan, &source, &target) {
                        break worth;
                    }
                };
                assert!((worth.marginal_error - marginal_error(&plan, &source, &target)).abs() < 1e-12);
                assert!((worth.cost - problem.cost_of(&plan)).abs() < 1e-12);
                assert!((worth.entropy - entropy(&plan)).abs() < 1e-3);
                round_to_marginals(&mut plan, &source, &target);
                assert!((worth.primal - problem.cost_of(&plan)).abs() < 1e-12);
                assert!(worth.dual <= exact + 1e-14 && exact <= worth.primal + 1e-14 && worth.gap >= 0.0, "{worth:?}");
                let (x, y) = appraisal.prices();
                let value = |mass: &[f64], prices: &[f64]| -> f64 { mass.iter().zip(prices).map(|(m, z)| m * z).sum() };
                assert!((value(&source, x) + value(&target, y) - worth.dual).abs() < 1e-13);
                assert!(cost.iter().enumerate().all(|(k, c)| x[k / 40] + y[k % 40] <= c + 1e-15));
            }
        }
    }
}
