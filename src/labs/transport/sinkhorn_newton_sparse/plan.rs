//! The plan P as it is seen: its largest entries block by block, and all of them in the order of their size.

use run::prelude::*;

use super::SinkhornNewtonSparse;

/// Cells a side of a picture, at most.
const SHOWN: usize = 128;

impl SinkhornNewtonSparse {
    /// Large plans are shown by their largest entry a block.
    pub fn plan(&self) -> Matrix {
        let plan = self.plan_now();
        let (rows, columns) = (self.problem.rows(), self.problem.columns());
        let block = rows.max(columns).div_ceil(SHOWN);
        let (height, width) = (rows.div_ceil(block), columns.div_ceil(block));
        let cell = |index: usize| index / columns / block * width + index % columns / block;
        let top = self.problem.source.iter().chain(&self.problem.target).fold(0.0, |a: f64, b| a.max(*b));
        let floor = 1e-6 * top;
        let mut values = vec![floor as f32; height * width];
        for (i, row) in plan.chunks_exact(columns).enumerate() {
            let cells = &mut values[i / block * width..][..width];
            for (j, p) in row.iter().enumerate() {
                cells[j / block] = cells[j / block].max(*p as f32);
            }
        }
        let mut outlined: Vec<u32> = match &self.newton {
            Some(newton) if newton.kept < plan.len() => newton.kept_entries().map(|index| cell(index) as u32).collect(),
            _ => Vec::new(),
        };
        outlined.sort_unstable();
        outlined.dedup();
        let shown = if block > 1 { format!(" (largest of {block} x {block})") } else { String::new() };
        let value = Axis::log(format!("P{shown}")).range(floor, top);
        Matrix { row: "source".into(), column: "target".into(), value, columns: width, values, outlined, ..Matrix::default() }
    }
}

/// The entries of P, largest first, at ranks with about equal ratios.
pub fn spectrum(plan: &[f64]) -> Vec<(f64, f64)> {
    // Entries are >= 0, where a float's bits are ordered as its value. Counting by the leading 16 gets each to 1 %, much sooner
    // than sorting does.
    let mut counts = vec![0usize; 1 << 15];
    plan.iter().for_each(|p| counts[((*p as f32).to_bits() >> 16) as usize] += 1);
    let (mut above, mut bucket) = (0, counts.len());
    let mut entry = |rank: usize| {
        while above <= rank {
            bucket -= 1;
            above += counts[bucket];
        }
        f64::from(f32::from_bits(((bucket as u32) << 16) + (1 << 15)))
    };
    spaced(plan.len()).map(|rank| ((rank + 1) as f64, entry(rank))).collect()
}

/// 0..n in steps of one at first and then of about one in a hundred, with the last.
pub fn spaced(n: usize) -> impl Iterator<Item = usize> {
    std::iter::successors((n > 0).then_some(0), move |&i| (i + 1 < n).then(|| (i + 1 + i / 100).min(n - 1)))
}
