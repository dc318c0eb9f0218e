//! Transport that need not move everything: unbalanced and partial.

use super::exact::{Entry, NetworkSimplex};
use super::{Problem, dot};
use crate::linear::{column_log_sum_exp, exp_in_place, row_log_sum_exp};

/// Unbalanced entropic transport: marginals are only asked for, at a price.
///
/// min ⟨C, P⟩ + ε KL(P | r cᵀ) + ρ KL(P1 | r) + ρ KL(Pᵀ1 | c), ε = 1/η, with KL(a | b) = Σ a ln(a/b) − a + b. In the scaled potentials
/// P_ij = rᵢ cⱼ exp(uᵢ + vⱼ − ηC_ij), and the half steps are uᵢ = −φ ln Σⱼ cⱼ exp(vⱼ − ηC_ij), likewise v, with φ = ρ / (ρ + ε).
///
/// Source: Chizat et al., "Scaling algorithms for unbalanced optimal transport problems", 2018, section 3.
#[derive(Clone, Debug)]
pub struct Unbalanced {
    problem: Problem,
    shrink: f64,
    log_source: Vec<f64>,
    log_target: Vec<f64>,
    /// u.
    pub u: Vec<f64>,
    /// v.
    pub v: Vec<f64>,
    /// Is v next, and the largest change of this sweep so far?
    half: bool,
    change: f64,
}

impl Unbalanced {
    /// At u = v = 0, with the price ρ > 0 of a missing marginal.
    pub fn new(problem: &Problem, price: f64) -> Self {
        let logs = |masses: &[f64]| masses.iter().map(|m| libm::log(*m)).collect();
        let scaled = price * problem.inverse_temperature;
        Unbalanced {
            shrink: scaled / (scaled + 1.0),
            log_source: logs(&problem.source),
            log_target: logs(&problem.target),
            u: vec![0.0; problem.rows()],
            v: vec![0.0; problem.columns()],
            problem: problem.clone(),
            half: false,
            change: 0.0,
        }
    }

    /// One sweep. Returns the largest change of ηx or ηy, which is that of ln P's terms.
    pub fn sweep(&mut self) -> f64 {
        loop {
            if let Some(change) = self.half() {
                return change;
            }
        }
    }

    /// Half a sweep: u, then v. After the second the largest change of both.
    pub fn half(&mut self) -> Option<f64> {
        let with = |potential: &[f64], logs: &[f64]| -> Vec<f64> { potential.iter().zip(logs).map(|(z, l)| z + l).collect() };
        let (columns, cost) = (self.v.len(), self.problem.scaled_cost());
        let mut sums = vec![0.0; if self.half { columns } else { self.u.len() }];
        let potential = if self.half {
            column_log_sum_exp(&mut sums, 1.0, cost, columns, &with(&self.u, &self.log_source));
            &mut self.v
        } else {
            self.change = 0.0;
            row_log_sum_exp(&mut sums, 1.0, cost, columns, &with(&self.v, &self.log_target));
            &mut self.u
        };
        for (z, sum) in potential.iter_mut().zip(&sums) {
            let new = -self.shrink * sum;
            self.change = self.change.max((new - *z).abs());
            *z = new;
        }
        self.half = !self.half;
        (!self.half).then_some(self.change)
    }

    /// P, row by row.
    pub fn plan(&self) -> Vec<f64> {
        let mut plan = Vec::with_capacity(self.u.len() * self.v.len());
        let v: Vec<f64> = self.v.iter().zip(&self.log_target).map(|(v, l)| v + l).collect();
        for (row, (u, l)) in self.problem.scaled_cost().chunks_exact(v.len()).zip(self.u.iter().zip(&self.log_source)) {
            plan.extend(row.iter().zip(&v).map(|(c, v)| u + l + v - c));
        }
        exp_in_place(&mut plan);
        plan
    }
}

/// Partial transport: the given share of the mass, chosen and moved at least cost; exact.
///
/// min ⟨C, P⟩ over P ≥ 0 with P1 ≤ r, Pᵀ1 ≤ c and Σ P = share · min(Σr, Σc). What stays goes to and comes from one more place at no cost.
///
/// Source: Chapel, Alaya & Gasso, "Partial optimal transport with applications on positive-unlabeled learning", 2020, proposition 1;
/// Caffarelli & McCann, "Free boundaries in optimal transport", 2010.
#[derive(Clone, Debug)]
pub struct Partial {
    /// The problem with one more row and column, where something stays.
    pub simplex: NetworkSimplex,
    rows: usize,
    columns: usize,
}

impl Partial {
    /// The problem of `cost` (not negative; `source.len()` rows of `target.len()`), with masses of any two sums and a share in (0, 1].
    ///
    /// # Panics
    /// If the sizes do not fit, or a mass is not positive.
    pub fn new(cost: &[f64], source: &[f64], target: &[f64], share: f64) -> Self {
        let (rows, columns) = (source.len(), target.len());
        let (leaves, arrives): (f64, f64) = (source.iter().sum(), target.iter().sum());
        let moved = share.min(1.0) * leaves.min(arrives);
        // Less than rounding can tell from nothing needs no place.
        let rest = |all: f64| Some(all - moved).filter(|rest| *rest > 1e-12 * all);
        let (stay, lack) = (rest(leaves), rest(arrives));
        // From the added row to the added column would be mass beyond the share; any positive cost there rules it out.
        let largest = cost.iter().fold(1.0, |a: f64, b| a.max(*b));
        let mut wider: Vec<f64> = Vec::with_capacity((rows + 1) * (columns + 1));
        for row in cost.chunks_exact(columns) {
            wider.extend_from_slice(row);
            wider.extend(stay.map(|_| 0.0));
        }
        if lack.is_some() {
            wider.resize(wider.len() + columns, 0.0);
            wider.extend(stay.map(|_| largest));
        }
        let with = |masses: &[f64], more: Option<f64>| masses.iter().copied().chain(more).collect::<Vec<f64>>();
        Partial { simplex: NetworkSimplex::new(&wider, &with(source, lack), &with(target, stay)), rows, columns }
    }

    /// The entries between real places that carry mass.
    pub fn entries(&self) -> Vec<Entry> {
        self.simplex.entries().into_iter().filter(|e| e.row < self.rows && e.column < self.columns).collect()
    }
}

/// Σ a ln(a/b) − a + b, with 0 ln 0 = 0.
pub fn relative_entropy(a: &[f64], b: &[f64]) -> f64 {
    let term = |a: f64, b: f64| if a > 0.0 { a * libm::log(a / b) - a + b } else { b };
    a.iter().zip(b).map(|(a, b)| term(*a, *b)).sum()
}

/// ⟨C, P⟩ of a plan given by its entries, for `columns` columns.
pub fn cost_of_entries(cost: &[f64], columns: usize, entries: &[Entry]) -> f64 {
    let (costs, masses): (Vec<f64>, Vec<f64>) = entries.iter().map(|e| (cost[e.row * columns + e.column], e.mass)).unzip();
    dot(&costs, &masses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Instance;

    #[test]
    fn a_high_price_gives_balanced_transport_and_a_low_one_none() {
        let Instance { cost, source, target } = Instance::densities(20, 1);
        let problem = Problem::new(&cost, source, target, 20.0);
        let mass = |price: f64| {
            let mut unbalanced = Unbalanced::new(&problem, price);
            for _ in 0..20_000 {
                if unbalanced.sweep() < 1e-13 {
                    break;
                }
            }
            unbalanced.plan().iter().sum::<f64>()
        };
        assert!((mass(1e3) - 1.0).abs() < 1e-3, "{}", mass(1e3));
        let (low, middle) = (mass(0.01), mass(0.1));
        assert!(low < middle && middle < 1.0, "{low}, {middle}");
    }

    #[test]
    fn a_share_takes_the_cheapest_first() {
        // Three pairs at costs 1, 2 and 3, all else far: half the mass is the first pair and half of the second.
        let cost = [1.0, 50.0, 50.0, 50.0, 2.0, 50.0, 50.0, 50.0, 3.0];
        let third = [1.0 / 3.0; 3];
        let mut partial = Partial::new(&cost, &third, &third, 0.5);
        while !partial.simplex.advance(1e3) {}
        let entries = partial.entries();
        assert!((cost_of_entries(&cost, 3, &entries) - (1.0 / 3.0 + 2.0 / 6.0)).abs() < 1e-14, "{entries:?}");
        assert!((entries.iter().map(|e| e.mass).sum::<f64>() - 0.5).abs() < 1e-14);
        let mut whole = Partial::new(&cost, &third, &third, 1.0);
        while !whole.simplex.advance(1e3) {}
        assert!((cost_of_entries(&cost, 3, &whole.entries()) - 2.0).abs() < 1e-14);
        // Twice as much is wanted as there is: all goes, each to its nearest.
        let mut poor = Partial::new(&cost, &third, &[2.0 / 3.0; 3], 1.0);
        while !poor.simplex.advance(1e3) {}
        assert!((cost_of_entries(&cost, 3, &poor.entries()) - 2.0).abs() < 1e-14);
        assert!((poor.entries().iter().map(|e| e.mass).sum::<f64>() - 1.0).abs() < 1e-14);
    }
}
