//! Exact optimal transport: the network simplex on the complete bipartite graph, with a dual certificate.
//!
//! Minimise ⟨C, P⟩ over P ≥ 0 with P1 = r, Pᵀ1 = c. A basis is a spanning tree of rows and columns; prices u, v with
//! uᵢ + vⱼ = C_ij on the tree show where an entry outside would pay (C_ij < uᵢ + vⱼ). A pivot takes one in, sends mass round the
//! cycle that it closes, and drops the entry that empties. At the end u and v prove the plan optimal: no plan costs less than rᵀu + cᵀv.

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
/// Requires positive masses and finite costs. Source: Cunningham, "A network simplex method", 1976; Ahuja, Magnanti & Orlin,
/// "Network Flows", 1993, chapter 11.
#[derive(Clone, Debug)]
pub struct NetworkSimplex {
    cost: Vec<f64>,
    rows: usize,
    columns: usize,
    /// What one part weighs.
    part: f64,
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
        let (source, target) = if equal(source) && equal(target) {
            (vec![columns as i64; rows], vec![rows as i64; columns])
        } else {
            let parts =
                |masses: &[f64]| -> Vec<i64> { masses.iter().map(|m| ((m / total * PARTS).round() as i64).max(1)).collect() };
            let (source, mut target) = (parts(source), parts(target));
            let missing = source.iter().sum::<i64>() - target.iter().sum::<i64>();
            *target.iter_mut().max().expect("there is a column") += missing;
            (source, target)
        };
        let largest = cost.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        NetworkSimplex {
            part: total / source.iter().sum::<i64>() as f64,
            tree: Tree::new(&source, &target, 2.0 * largest + 1.0),
            cost: cost.to_vec(),
            rows,
            columns,
            source,
            target,
            next: 0,
            idle: 0,
            tolerance: 64.0 * f64::EPSILON * largest,
            fresh: true,
            pivots: 0,
            work: 0.0,
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
                self.reprice();
                (self.fresh, self.idle) = (true, 0);
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
        let row = &self.cost[i * self.columns..][..self.columns];
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

    fn reprice(&mut self) {
        let (rows, columns, cost) = (self.rows, self.columns, &self.cost);
        let artificial = self.tree.artificial;
        self.tree.reprice(|row, column| match (row < rows, column < rows + columns) {
            (true, true) => cost[row * columns + column - rows],
            (true, false) => 0.0,
            _ => artificial,
        });
    }

    /// The present plan's entries that carry mass, in the tree's order of nodes.
    pub fn entries(&self) -> Vec<Entry> {
        let nodes = self.rows + self.columns;
        let entry = |node: usize| {
            let (parent, parts) = (self.tree.parent[node] as usize, self.tree.flow[node]);
            let (row, column) = if node < self.rows { (node, parent) } else { (parent, node) };
            (parts > 0 && parent < nodes).then(|| Entry { row, column: column - self.rows, mass: parts as f64 * self.part })
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
        // Prices are free up to a number: the first row's is taken as 0.
        let shift = self.tree.price[0];
        let u: Vec<f64> = self.tree.price[..self.rows].iter().map(|u| u - shift).collect();
        let v = c_transform(&self.cost, &u);
        let (mut primal, mut gap) = (0.0, 0.0);
        for Entry { row, column, mass } in self.entries() {
            let cost = self.cost[row * self.columns + column];
            primal += mass * cost;
            gap += mass * (cost - u[row] - v[column]);
        }
        let value =
            |parts: &[i64], prices: &[f64]| -> f64 { parts.iter().zip(prices).map(|(m, p)| *m as f64 * self.part * p).sum() };
        let dual = value(&self.source, &u) + value(&self.target, &v);
        Certificate { u, v, primal, dual, gap }
    }
}

fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

const NONE: u32 = u32::MAX;

/// The spanning tree: rows, then columns, then a root that takes from rows and gives to columns at a price that is never worth it.
///
/// Mass always goes from rows to columns. So the flow of a node's tree arc, which is kept with the node, goes up if the node is a row
/// and down if it is a column.
#[derive(Clone, Debug)]
struct Tree {
    rows: usize,
    artificial: f64,
    parent: Vec<u32>,
    flow: Vec<i64>,
    /// u, v, and 0 for the root.
    price: Vec<f64>,
    depth: Vec<u32>,
    first_child: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Tree {
    fn new(source: &[i64], target: &[i64], artificial: f64) -> Self {
        let (rows, nodes) = (source.len(), source.len() + target.len());
        let root = nodes as u32;
        let mut price = vec![0.0; nodes + 1];
        price[rows..nodes].fill(artificial);
        let mut tree = Tree {
            rows,
            artificial,
            parent: vec![NONE; nodes + 1],
            flow: source.iter().chain(target).copied().chain([0]).collect(),
            price,
            depth: vec![0; nodes + 1],
            first_child: vec![NONE; nodes + 1],
            next: vec![NONE; nodes + 1],
            previous: vec![NONE; nodes + 1],
        };
        for node in 0..nodes as u32 {
            tree.hang(node, root);
            tree.depth[node as usize] = 1;
        }
        tree
    }

    fn hang(&mut self, node: u32, parent: u32) {
        let first = std::mem::replace(&mut self.first_child[parent as usize], node);
        self.parent[node as usize] = parent;
        self.next[node as usize] = first;
        self.previous[node as usize] = NONE;
        if first != NONE {
            self.previous[first as usize] = node;
        }
    }

    fn cut(&mut self, node: u32) {
        let (previous, next) = (self.previous[node as usize], self.next[node as usize]);
        match previous {
            NONE => self.first_child[self.parent[node as usize] as usize] = next,
            _ => self.next[previous as usize] = next,
        }
        if next != NONE {
            self.previous[next as usize] = previous;
        }
    }

    /// The node after `node` when the tree below `top` is walked from above.
    fn after(&self, mut node: u32, top: u32) -> u32 {
        if self.first_child[node as usize] != NONE {
            return self.first_child[node as usize];
        }
        while node != top {
            if self.next[node as usize] != NONE {
                return self.next[node as usize];
            }
            node = self.parent[node as usize];
        }
        NONE
    }

    /// Takes in the arc from `row` to `column`, whose reduced cost is `reduced` < 0. Returns how many nodes were touched.
    fn pivot(&mut self, row: usize, column: usize, reduced: f64) -> usize {
        let is_row = |node: u32| (node as usize) < self.rows;
        let (mut a, mut b) = (row as u32, column as u32);
        while a != b {
            if self.depth[a as usize] >= self.depth[b as usize] {
                a = self.parent[a as usize];
            } else {
                b = self.parent[b as usize];
            }
        }
        let join = a;
        // Mass goes from the join down to `row`, over to `column` and up again. It runs against the arcs of rows on the way down and
        // of columns on the way up; the last of those with least flow leaves, which keeps the tree strongly feasible.
        let (mut most, mut out, mut below_row) = (i64::MAX, NONE, true);
        let mut node = row as u32;
        while node != join {
            if is_row(node) && self.flow[node as usize] < most {
                (most, out) = (self.flow[node as usize], node);
            }
            node = self.parent[node as usize];
        }
        node = column as u32;
        while node != join {
            if !is_row(node) && self.flow[node as usize] <= most {
                (most, out, below_row) = (self.flow[node as usize], node, false);
            }
            node = self.parent[node as usize];
        }
        let mut touched = 0;
        if most > 0 {
            for (from, up) in [(row as u32, false), (column as u32, true)] {
                node = from;
                while node != join {
                    self.flow[node as usize] += if is_row(node) == up { most } else { -most };
                    node = self.parent[node as usize];
                    touched += 1;
                }
            }
        }
        // What hangs below the arc that leaves is turned round to hang by the one that enters.
        let (top, new_parent) = if below_row { (row as u32, column as u32) } else { (column as u32, row as u32) };
        let (mut node, mut parent, mut flow) = (top, new_parent, most);
        loop {
            let up = self.parent[node as usize];
            self.cut(node);
            self.hang(node, parent);
            flow = std::mem::replace(&mut self.flow[node as usize], flow);
            if node == out {
                break;
            }
            (parent, node) = (node, up);
        }
        // Prices below: the new arc's reduced cost becomes 0.
        let shift = if below_row { [reduced, -reduced] } else { [-reduced, reduced] };
        let rows = self.rows;
        let mut node = top;
        while node != NONE {
            let at = node as usize;
            self.price[at] += shift[usize::from(at >= rows)];
            self.depth[at] = self.depth[self.parent[at] as usize] + 1;
            node = self.after(node, top);
            touched += 1;
        }
        touched
    }

    /// All prices anew from the tree; `cost(from, to)` of an arc, the root having the last number.
    fn reprice(&mut self, cost: impl Fn(usize, usize) -> f64) {
        let root = (self.parent.len() - 1) as u32;
        self.price[root as usize] = 0.0;
        let mut node = self.after(root, root);
        while node != NONE {
            let (at, parent) = (node as usize, self.parent[node as usize] as usize);
            let arc = if at < self.rows { cost(at, parent) } else { cost(parent, at) };
            self.price[at] = arc - self.price[parent];
            node = self.after(node, root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn solve(cost: &[f64], source: &[f64], target: &[f64]) -> NetworkSimplex {
        let mut simplex = NetworkSimplex::new(cost, source, target);
        while !simplex.advance(1e4) {}
        simplex
    }

    fn random(rows: usize, columns: usize, even: bool, seed: u64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut random = Random::new(seed, "exact");
        let mut masses = |n: usize| {
            let mass: Vec<f64> = (0..n).map(|_| if even { 1.0 } else { random.between(0.1, 1.0) }).collect();
            let sum: f64 = mass.iter().sum();
            mass.into_iter().map(|m| m / sum).collect::<Vec<_>>()
        };
        let (source, target) = (masses(rows), masses(columns));
        ((0..rows * columns).map(|_| random.uniform()).collect(), source, target)
    }

    /// The least cost of an assignment, by going through all of them.
    fn brute_force(cost: &[f64], n: usize) -> f64 {
        fn best(cost: &[f64], n: usize, row: usize, taken: &mut Vec<bool>) -> f64 {
            if row == n {
                return 0.0;
            }
            let mut least = f64::INFINITY;
            for j in 0..n {
                if !taken[j] {
                    taken[j] = true;
                    least = least.min(cost[row * n + j] + best(cost, n, row + 1, taken));
                    taken[j] = false;
                }
            }
            least
        }
        best(cost, n, 0, &mut vec![false; n]) / n as f64
    }

    #[test]
    fn assignments_are_the_best_of_all() {
        for seed in 0..20 {
            let n = 2 + seed as usize % 6;
            let (cost, source, target) = random(n, n, true, seed);
            let primal = solve(&cost, &source, &target).certificate().primal;
            assert!((primal - brute_force(&cost, n)).abs() < 1e-14, "n {n}, seed {seed}");
        }
    }

    #[test]
    fn plans_are_feasible_and_certified() {
        for (seed, (rows, columns, even)) in
            [(1, 1, true), (1, 7, false), (9, 1, false), (40, 40, true), (30, 45, true), (60, 80, false)].into_iter().enumerate()
        {
            let (mut cost, source, target) = random(rows, columns, even, seed as u64);
            // Many ties, where pivots move nothing.
            if even {
                cost.iter_mut().for_each(|c| *c = (*c * 4.0).floor());
            }
            let simplex = solve(&cost, &source, &target);
            let plan = simplex.plan();
            for (i, r) in source.iter().enumerate() {
                assert!((plan[i * columns..][..columns].iter().sum::<f64>() - r).abs() < 1e-14);
            }
            for (j, c) in target.iter().enumerate() {
                assert!((plan.iter().skip(j).step_by(columns).sum::<f64>() - c).abs() < 1e-14);
            }
            let proof = simplex.certificate();
            for (k, c) in cost.iter().enumerate() {
                assert!(c - proof.u[k / columns] - proof.v[k % columns] >= 0.0);
            }
            assert!((0.0..=1e-13).contains(&proof.gap), "{}", proof.gap);
            assert!((proof.primal - proof.dual - proof.gap).abs() < 1e-13);
            assert!(simplex.entries().len() < rows + columns);
        }
    }

    #[test]
    fn costs_of_any_sign_and_order_of_places() {
        let (cost, source, target) = random(12, 12, false, 4);
        let value = |cost: &[f64], source: &[f64]| solve(cost, source, &target).certificate().primal;
        let plain = value(&cost, &source);
        let moved: Vec<f64> = cost.iter().map(|c| c - 0.7).collect();
        assert!((value(&moved, &source) - (plain - 0.7)).abs() < 1e-13);
        let order = Random::new(1, "order").permutation(12);
        let shuffled: Vec<f64> = order.iter().flat_map(|i| cost[i * 12..][..12].to_vec()).collect();
        let masses: Vec<f64> = order.iter().map(|i| source[*i]).collect();
        assert!((value(&shuffled, &masses) - plain).abs() < 1e-13);
    }

    #[test]
    fn before_the_end_the_dual_is_a_bound_all_the_same() {
        let (cost, source, target) = random(50, 50, false, 7);
        let best = solve(&cost, &source, &target).certificate().primal;
        let mut simplex = NetworkSimplex::new(&cost, &source, &target);
        while !simplex.advance(100.0) {
            assert!(simplex.certificate().dual <= best + 1e-13);
        }
    }

    /// `cargo test --release -- --ignored --nocapture time_of` prints how long 1,000 places take.
    #[test]
    #[ignore = "prints times"]
    fn time_of_a_thousand() {
        for even in [true, false] {
            let (uniform, source, target) = random(1000, 1000, even, 3);
            let mut random = Random::new(5, "points");
            let mut points =
                |shift: f64| -> Vec<[f64; 2]> { (0..1000).map(|_| [random.normal() + shift, random.normal() + shift]).collect() };
            let (a, b) = (points(0.0), points(1.0));
            let square = |x: f64| x * x;
            let planar: Vec<f64> =
                a.iter().flat_map(|p| b.iter().map(move |q| square(p[0] - q[0]) + square(p[1] - q[1]))).collect();
            for (name, cost) in [("uniform", &uniform), ("planar", &planar)] {
                let start = std::time::Instant::now();
                let simplex = solve(cost, &source, &target);
                println!(
                    "{name}, equal masses {even}: {:?}, {} pivots, gap {:e}",
                    start.elapsed(),
                    simplex.pivots(),
                    simplex.certificate().gap
                );
            }
        }
    }
}
