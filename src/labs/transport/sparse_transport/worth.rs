//! What a plan is worth, and the plan that a sceptic would try.

use methods::statistics::sort_by;
use methods::transport::{Entry, Instance};

/// Entries up to this count as none.
pub const ZERO: f64 = 1e-12;

/// The quadratic plan's k largest entries of every column, scaled to the column's mass: what a sceptic would try first.
pub fn cut(plan: &[Entry], k: usize, b: &[f64]) -> Vec<Entry> {
    let mut kept = Vec::new();
    for column in plan.chunk_by(|t, u| t.column == u.column) {
        let mut column = column.to_vec();
        sort_by(&mut column, |t| -t.mass);
        column.truncate(k);
        let sum: f64 = column.iter().map(|t| t.mass).sum();
        kept.extend(column.iter().map(|t| Entry { mass: t.mass * b[t.column] / sum, ..*t }));
    }
    kept
}

/// What there is to say of a plan.
pub struct Worth {
    /// ⟨C, T⟩
    pub cost: f64,
    /// Σ T²
    pub square: f64,
    /// ‖T1 − a‖₁
    pub row_error: f64,
    /// ‖Tᵀ1 − b‖∞
    pub column_error: f64,
    /// maxⱼ ‖tⱼ‖₀
    pub fullest: usize,
}

impl Worth {
    /// Entries of at most [`ZERO`] count as none.
    pub fn of(plan: &[Entry], Instance { cost, source, target }: &Instance) -> Self {
        let (mut rows, mut columns, mut counts) = (source.clone(), target.clone(), vec![0; target.len()]);
        for t in plan.iter().filter(|t| t.mass > ZERO) {
            rows[t.row] -= t.mass;
            columns[t.column] -= t.mass;
            counts[t.column] += 1;
        }
        Worth {
            cost: plan.iter().map(|t| cost[t.row * target.len() + t.column] * t.mass).sum(),
            square: plan.iter().map(|t| t.mass * t.mass).sum(),
            row_error: rows.iter().map(|left| left.abs()).sum(),
            column_error: columns.iter().fold(0.0, |most, left| most.max(left.abs())),
            fullest: counts.into_iter().max().unwrap_or(0),
        }
    }

    /// ⟨C, T⟩ + (γ/2) Σ T², what the method minimises.
    pub fn penalised(&self, gamma: f64) -> f64 {
        self.cost + 0.5 * gamma * self.square
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_plan_has_few_entries_and_its_columns_mass() {
        let entry = |row, column, mass| Entry { row, column, mass };
        let plan = [entry(0, 0, 0.1), entry(1, 0, 0.3), entry(2, 0, 0.2), entry(1, 1, 0.4)];
        let kept = [entry(1, 0, 0.36), entry(2, 0, 0.24), entry(1, 1, 0.4)];
        for (ours, by_hand) in cut(&plan, 2, &[0.6, 0.4]).iter().zip(kept) {
            assert!((ours.row, ours.column) == (by_hand.row, by_hand.column) && (ours.mass - by_hand.mass).abs() < 1e-15);
        }
    }
}
