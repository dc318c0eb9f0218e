//! Exact optimal transport: the network simplex on the complete bipartite graph, with a dual certificate.
//!
//! Minimise ⟨C, P⟩ over P ≥ 0 with P1 = r, Pᵀ1 = c. A basis is a spanning tree of rows and columns; prices u, v with
//! uᵢ + vⱼ = C_ij on the tree show where an entry outside would pay (C_ij < uᵢ + vⱼ). A pivot takes one in, sends mass round the
//! cycle that it closes, and drops the entry that empties. At the end u and v prove the plan optimal: no plan costs less than rᵀu + cᵀv.

mod tree;

use tree::Tree;

/// An entry of a plan that is not zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Row.
    pub row: usize,
    /// Column.
    pub column: usize,
    /// Mass.
    pub mass: f64,
}

/// What proves a plan's cost: dual prices that no cost undercuts, and the value that they give.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Price of leaving each row, u.
    pub u: Vec<f64>,
    /// Price of arriving at each column, v; uᵢ + vⱼ ≤ C_ij for all i and j, in floating point too.
    pub v: Vec<f64>,
    /// ⟨C, P⟩.
    pub primal: f64,
    /// rᵀu + cᵀv, which no plan's cost is below.
    pub dual: f64,
    /// Σ P_ij (C_ij − uᵢ − vⱼ): primal − dual without its cancellation; never negative.
    pub gap: f64,
    /// What the rounding of the prices may have hidden of the gap, see [`price_rounding`].
    pub rounding: f64,
}

/// What the rounding of prices of arriving may hide of a gap: each is a cost less a price, rounded at its own size, ε Σ c |v|.
pub fn price_rounding(target: &[f64], v: &[f64]) -> f64 {
    f64::EPSILON * target.iter().zip(v).map(|(mass, v)| mass * v.abs()).sum::<f64>()
}

/// The prices v with u: vⱼ = minᵢ C_ij − uᵢ, the largest that are dual feasible (the *c-transform* of u).
///
/// # Panics
/// If `cost` has not `u.len()` rows.
pub fn c_transform(cost: &[f64], u: &[f64]) -> Vec<f64> {
    let columns = cost.len() / u.len().max(1);
    assert_eq!(cost.len(), columns * u.len(), "one cost for each row and column");
    let mut v = vec![f64::INFINITY; columns];
    for (row, u) in cost.chunks_exact(columns.max(1)).zip(u) {
        for (v, c) in v.iter_mut().zip(row) {
            *v = smaller(*v, c - u);
        }
    }
    v
}

/// The network simplex in slices.
///
/// Masses are kept as whole numbers of equal parts, so that no rounding ever creeps into the plan and ties are ties; the spanning trees
/// stay strongly feasible, so that it cannot cycle. Pricing goes round the rows and takes each one's best entry.
///
/// Prices are sums of costs, and round at the size of the largest. So where one is beyond what a plan pays, as for a pair that is forbidden,
/// costs count up to a cap only: a plan that uses none beyond it is optimal for the costs as they are, and else the cap is raised.
///
/// Requires positive masses; a cost of +∞ forbids its pair. Source: Cunningham, "A network simplex method", 1976; Ahuja, Magnanti & Orlin,
/// "Network Flows", 1993, chapter 11.
#[derive(Clone, Debug)]
pub struct NetworkSimplex {
    cost: Vec<f64>,
    /// The costs up to the cap, once there is one below the largest.
    capped: Vec<f64>,
    cap: f64,
    /// The cap was too low once, and is lowered no more.
    raised: bool,
    rows: usize,
    columns: usize,
    /// What one part weighs, and how many may come of the masses' own rounding.
    part: f64,
    stray: i64,
    source: Vec<i64>,
    target: Vec<i64>,
    tree: Tree,
    /// The row priced next, and how many in turn had nothing to offer.
    next: usize,
    idle: usize,
    /// Less than this, an entry does not pay: rounding of the prices.
    tolerance: f64,
    /// The prices have been worked out afresh since the last pivot.
    fresh: bool,
    /// Pivots so far.
    pivots: usize,
    /// Operations so far.
    work: f64,
}

/// Parts that a side's mass is cut into, if the masses are not all equal.
const PARTS: f64 = (1u64 << 52) as f64;
/// Costs this many times what a unit pays on average round the prices too much, and what the cap is taken down to then: no plan of
/// equal masses for up to 2,048 places uses more.
const FAR: f64 = 8192.0;
const NEAR: f64 = 2048.0;
/// The highest cap: sums of some thousand such prices are finite.
const HIGHEST: f64 = 1e290;

impl NetworkSimplex {
    /// The problem of `cost` (`source.len()` rows of `target.len()`), the two sides' masses having one sum.
    ///
    /// # Panics
    /// If the sizes do not fit, or a mass is not positive.
    pub fn new(cost: &[f64], source: &[f64], target: &[f64]) -> Self {
        assert_eq!(cost.len(), source.len() * target.len(), "one cost for each row and column");
        assert!(source.iter().chain(target).all(|m| *m > 0.0), "masses must be positive");
        let total: f64 = source.iter().sum();
        let equal = |masses: &[f64]| masses.iter().all(|m| *m == masses[0]);
        let (rows, columns) = (source.len(), target.len());
        let (source, target, stray) = if equal(source) && equal(target) {
            (vec![columns as i64; rows], vec![rows as i64; columns], 0)
        } else {
            let parts =
                |masses: &[f64]| -> Vec<i64> { masses.iter().map(|m| ((m / total * PARTS).round() as i64).max(1)).collect() };
            let (source, mut target) = (parts(source), parts(target));
            let missing = source.iter().sum::<i64>() - target.iter().sum::<i64>();
            *target.iter_mut().max().expect("there is a column") += missing;
            // A half for every mass, and some for those that their sums were divided by.
            (source, target, (rows + columns + 8) as i64)
        };
        let largest = cost.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let mut simplex = NetworkSimplex {
            part: total / source.iter().sum::<i64>() as f64,
            tree: Tree::new(&source, &target),
            cost: cost.to_vec(),
            capped: Vec::new(),
            cap: f64::INFINITY,
            raised: false,
            rows,
            columns,
            source,
            target,
            next: 0,
            idle: 0,
            tolerance: 0.0,
            stray,
            fresh: true,
            pivots: 0,
            work: 0.0,
        };
        simplex.set_cap(largest.min(HIGHEST));
        simplex
    }

    /// Takes costs up to `cap`, and works the prices out afresh.
    fn set_cap(&mut self, cap: f64) {
        self.cap = cap;
        let (largest, least) = self.cost.iter().fold((0.0, 0.0), |(a, b): (f64, f64), c| (a.max(*c), b.min(*c)));
        self.capped.clear();
        if largest > cap {
            self.capped.extend(self.cost.iter().map(|c| c.min(cap)));
        }
        let size = largest.min(cap).max(-least);
        self.tolerance = 64.0 * f64::EPSILON * size;
        // More than any pair costs, whatever the unit of costs is.
        self.tree.artificial = if size > 0.0 { 2.0 * size + (2.0 * size).min(1.0) } else { 1.0 };
        self.reprice();
    }

    /// The cap that suits the present plan, if that is another one.
    fn better_cap(&self) -> Option<f64> {
        let (mut paid, mut mass, mut dearest) = (0.0, 0.0, 0.0);
        for entry in self.entries() {
            let cost = self.cost[entry.row * self.columns + entry.column];
            (paid, mass, dearest) = (paid + entry.mass * cost.abs(), mass + entry.mass, smaller(-cost, dearest));
        }
        let (mean, dearest) = (paid / mass, -dearest);
        let above = |cost: f64| f64::from_bits(((cost.to_bits() >> 52) + 1) << 52);
        if dearest > self.cap {
            Some(above(dearest.min(0.4 * HIGHEST))).filter(|cap| *cap > self.cap)
        } else {
            // Powers of two: their multiples do not round.
            (!self.raised && mean > 0.0 && self.cap > FAR * mean).then(|| above(NEAR * mean))
        }
    }

    /// Operations so far, of which looking at one entry is one.
    pub fn work(&self) -> f64 {
        self.work
    }

    /// Pivots so far.
    pub fn pivots(&self) -> usize {
        self.pivots
    }

    /// (u, v) as they are now; feasible at the end only.
    pub fn prices(&self) -> (&[f64], &[f64]) {
        self.tree.price[..self.rows + self.columns].split_at(self.rows)
    }

    /// Is the plan optimal?
    pub fn finished(&self) -> bool {
        self.idle >= self.rows && self.fresh
    }

    /// Goes on for about `work` operations; true when the plan is optimal.
    pub fn advance(&mut self, work: f64) -> bool {
        let mut done = 0.0;
        while done < work && !self.finished() {
            if self.idle >= self.rows {
                // Prices were carried along pivot by pivot: once more from the tree, free of their rounding.
                let cap = self.better_cap();
                (self.fresh, self.idle) = (cap.is_none(), 0);
                match cap {
                    Some(cap) => {
                        self.raised |= cap > self.cap;
                        self.set_cap(cap);
                    }
                    None => self.reprice(),
                }
            }
            let i = self.next;
            self.next = (i + 1) % self.rows;
            done += self.columns as f64;
            match self.offer(i) {
                Some((j, reduced)) => {
                    done += 8.0 * self.tree.pivot(i, self.rows + j, reduced) as f64;
                    self.pivots += 1;
                    (self.fresh, self.idle) = (false, 0);
                }
                None => self.idle += 1,
            }
        }
        self.work += done;
        self.finished()
    }

    /// The column whose entry in row `i` pays best, and how much: C_ij − uᵢ − vⱼ < 0.
    fn offer(&self, i: usize) -> Option<(usize, f64)> {
        const LANES: usize = 8;
        let row = &self.priced()[i * self.columns..][..self.columns];
        let v = &self.tree.price[self.rows..][..self.columns];
        let mut best = [f64::INFINITY; LANES];
        let (rows, prices) = (row.chunks_exact(LANES), v.chunks_exact(LANES));
        let rest = rows.remainder().iter().zip(prices.remainder()).fold(f64::INFINITY, |best, (c, v)| smaller(best, c - v));
        for (c, v) in rows.zip(prices) {
            for k in 0..LANES {
                best[k] = smaller(best[k], c[k] - v[k]);
            }
        }
        let best = best.iter().fold(rest, |best, b| smaller(best, *b));
        let reduced = best - self.tree.price[i];
        if reduced >= -self.tolerance {
            return None;
        }
        let column = row.iter().zip(v).position(|(c, v)| c - v == best)?;
        Some((column, reduced))
    }

    /// The costs that prices are made of.
    fn priced(&self) -> &[f64] {
        if self.capped.is_empty() { &self.cost } else { &self.capped }
    }

    fn reprice(&mut self) {
        let (rows, columns) = (self.rows, self.columns);
        let cost = if self.capped.is_empty() { &self.cost } else { &self.capped };
        let artificial = self.tree.artificial;
        self.tree.reprice(|row, column| match (row < rows, column < rows + columns) {
            (true, true) => cost[row * columns + column - rows],
            (true, false) => 0.0,
            _ => artificial,
        });
    }

    /// The present plan's entries that carry mass, in the tree's order of nodes. What only the rounding of the masses sends over a pair
    /// beyond the cap is none.
    pub fn entries(&self) -> Vec<Entry> {
        let nodes = self.rows + self.columns;
        let entry = |node: usize| {
            let (parent, parts) = (self.tree.parent[node] as usize, self.tree.flow[node]);
            if parts == 0 || parent == nodes {
                return None;
            }
            let (row, column) = if node < self.rows { (node, parent) } else { (parent, node) };
            let column = column - self.rows;
            let stray = parts <= self.stray && self.cost[row * self.columns + column] > self.cap;
            (!stray).then_some(Entry { row, column, mass: parts as f64 * self.part })
        };
        (0..nodes).filter_map(entry).collect()
    }

    /// The present plan, row by row.
    pub fn plan(&self) -> Vec<f64> {
        let mut plan = vec![0.0; self.cost.len()];
        self.entries().iter().for_each(|e| plan[e.row * self.columns + e.column] += e.mass);
        plan
    }

    /// The present plan's cost and a bound from the present prices. Before the end the plan may not carry all the mass yet.
    pub fn certificate(&self) -> Certificate {
        let entries = self.entries();
        let cost = |e: &Entry| self.cost[e.row * self.columns + e.column];
        let primal = entries.iter().map(|e| e.mass * cost(e)).sum();
        // Prices are free up to a number: the first row's is taken as 0. Where nothing is paid, all are 0.
        let shift = self.tree.price[0];
        let nothing = self.finished() && primal == 0.0 && self.cost.iter().all(|c| *c >= 0.0);
        let u: Vec<f64> = self.tree.price[..self.rows].iter().map(|u| if nothing { 0.0 } else { u - shift }).collect();
        let v = c_transform(&self.cost, &u);
        let gap = entries.iter().map(|e| e.mass * (cost(e) - u[e.row] - v[e.column])).sum();
        let masses = |parts: &[i64]| -> Vec<f64> { parts.iter().map(|m| *m as f64 * self.part).collect() };
        let (source, target) = (masses(&self.source), masses(&self.target));
        let value = |masses: &[f64], prices: &[f64]| -> f64 { masses.iter().zip(prices).map(|(m, p)| m * p).sum() };
        let (dual, rounding) = (value(&source, &u) + value(&target, &v), price_rounding(&target, &v));
        Certificate { u, v, primal, dual, gap, rounding }
    }
}

fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

#[cfg(test)]
mod tests;
