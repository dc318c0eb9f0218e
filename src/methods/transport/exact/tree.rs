//! The spanning tree that the network simplex walks on.

const NONE: u32 = u32::MAX;

/// The spanning tree: rows, then columns, then a root that takes from rows and gives to columns at a price that is never worth it.
///
/// Mass always goes from rows to columns. So the flow of a node's tree arc, which is kept with the node, goes up if the node is a row
/// and down if it is a column.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    rows: usize,
    pub(super) artificial: f64,
    pub(super) parent: Vec<u32>,
    pub(super) flow: Vec<i64>,
    /// u, v, and 0 for the root.
    pub(super) price: Vec<f64>,
    depth: Vec<u32>,
    first_child: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Tree {
    /// Everything hangs at the root; the prices have still to be worked out.
    pub(super) fn new(source: &[i64], target: &[i64]) -> Self {
        let (rows, nodes) = (source.len(), source.len() + target.len());
        let root = nodes as u32;
        let mut tree = Tree {
            rows,
            artificial: 0.0,
            parent: vec![NONE; nodes + 1],
            flow: source.iter().chain(target).copied().chain([0]).collect(),
            price: vec![0.0; nodes + 1],
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
    pub(super) fn pivot(&mut self, row: usize, column: usize, reduced: f64) -> usize {
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
    pub(super) fn reprice(&mut self, cost: impl Fn(usize, usize) -> f64) {
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
