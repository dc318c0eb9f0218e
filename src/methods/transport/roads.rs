//! Distances along roads: shortest paths in a graph, and on a grid with walls.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An undirected graph with lengths.
#[derive(Clone, Debug, PartialEq)]
pub struct Roads {
    starts: Vec<u32>,
    /// (node, length).
    neighbours: Vec<(u32, f64)>,
}

/// The way from one node to all others.
#[derive(Clone, Debug, PartialEq)]
pub struct Ways {
    /// Length of the shortest path; infinite where there is none.
    pub distance: Vec<f64>,
    /// The node before each on its path; itself at the start and where there is no path.
    pub before: Vec<u32>,
}

impl Roads {
    /// The graph of edges (node, node, length ≥ 0) on `nodes` nodes.
    ///
    /// # Panics
    /// If an edge ends at no node.
    pub fn new(nodes: usize, edges: &[(usize, usize, f64)]) -> Self {
        let mut lists = vec![Vec::new(); nodes];
        for (a, b, length) in edges {
            lists[*a].push((*b as u32, *length));
            lists[*b].push((*a as u32, *length));
        }
        let mut starts = vec![0];
        let mut neighbours = Vec::with_capacity(2 * edges.len());
        for list in lists {
            neighbours.extend(list);
            starts.push(neighbours.len() as u32);
        }
        Roads { starts, neighbours }
    }

    /// A grid of `side` × `side` cells of size 1, row by row, with steps to sixteen neighbours where `open` says that there is no wall; a step
    /// past a wall's corner needs the cells beside it open. Lengths along straight lines are overrated by 2.8 % at most.
    pub fn grid(side: usize, open: &[bool]) -> Self {
        let free = |x: isize, y: isize| {
            let size = side as isize;
            (0..size).contains(&x) && (0..size).contains(&y) && open[(y * size + x) as usize]
        };
        let steps: [(isize, isize); 8] = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)];
        let mut edges = Vec::new();
        for y in 0..side as isize {
            for x in (0..side as isize).filter(|x| free(*x, y)) {
                for (dx, dy) in steps {
                    let (sx, sy) = (dx.signum(), dy.signum());
                    // The cells that the step's line crosses.
                    let clear = match (dx.abs(), dy.abs()) {
                        (1, 1) => free(x + sx, y) && free(x, y + sy),
                        (2, 1) => free(x + sx, y) && free(x + sx, y + sy),
                        (1, 2) => free(x, y + sy) && free(x + sx, y + sy),
                        _ => true,
                    };
                    if clear && free(x + dx, y + dy) {
                        let at = |x: isize, y: isize| y as usize * side + x as usize;
                        edges.push((at(x, y), at(x + dx, y + dy), ((dx * dx + dy * dy) as f64).sqrt()));
                    }
                }
            }
        }
        Roads::new(side * side, &edges)
    }

    /// Multiplies all lengths.
    pub fn rescale(&mut self, factor: f64) {
        self.neighbours.iter_mut().for_each(|(_, length)| *length *= factor);
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// Every edge once, from the lower node to the higher.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        (0..self.nodes()).flat_map(move |a| self.of(a).iter().map(move |(b, l)| (a, *b as usize, *l)).filter(|(a, b, _)| a < b))
    }

    fn of(&self, node: usize) -> &[(u32, f64)] {
        &self.neighbours[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// Shortest paths from `start`, by Dijkstra's algorithm.
    pub fn from(&self, start: usize) -> Ways {
        let mut distance = vec![f64::INFINITY; self.nodes()];
        let mut before: Vec<u32> = (0..self.nodes() as u32).collect();
        distance[start] = 0.0;
        // The bits of floats that are not negative are in the floats' order.
        let mut open = BinaryHeap::from([Reverse((0u64, start as u32))]);
        while let Some(Reverse((bits, node))) = open.pop() {
            let here = f64::from_bits(bits);
            if here > distance[node as usize] {
                continue;
            }
            for (next, length) in self.of(node as usize) {
                let there = here + length;
                if there < distance[*next as usize] {
                    distance[*next as usize] = there;
                    before[*next as usize] = node;
                    open.push(Reverse((there.to_bits(), *next)));
                }
            }
        }
        Ways { distance, before }
    }
}

impl Ways {
    /// The nodes from the start to `end`, both included; `end` alone where there is no path.
    pub fn path(&self, end: usize) -> Vec<usize> {
        let mut path = vec![end];
        let mut node = end;
        while self.before[node] as usize != node {
            node = self.before[node] as usize;
            path.push(node);
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::random::Random;

    #[test]
    fn distances_are_those_of_all_pairs_at_once() {
        let mut random = Random::new(5, "roads");
        let n = 30;
        let edges: Vec<(usize, usize, f64)> =
            (0..60).map(|_| (random.below(n), random.below(n), random.between(0.1, 1.0))).collect();
        let roads = Roads::new(n, &edges);
        let mut all = vec![f64::INFINITY; n * n];
        (0..n).for_each(|i| all[i * n + i] = 0.0);
        for (a, b, length) in &edges {
            all[a * n + b] = all[a * n + b].min(*length);
            all[b * n + a] = all[b * n + a].min(*length);
        }
        for k in 0..n {
            for i in 0..n {
                for j in 0..n {
                    all[i * n + j] = all[i * n + j].min(all[i * n + k] + all[k * n + j]);
                }
            }
        }
        for start in 0..n {
            let ways = roads.from(start);
            for end in 0..n {
                let (here, there) = (ways.distance[end], all[start * n + end]);
                assert!(here == there || (here - there).abs() < 1e-12);
                let path = ways.path(end);
                let length: f64 = path.windows(2).map(|e| ways.distance[e[1]] - ways.distance[e[0]]).sum();
                assert!(!here.is_finite() && path == [end] || (length - here).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn walls_are_gone_round() {
        let side = 21;
        let straight = Roads::grid(side, &vec![true; side * side]).from(10 * side);
        assert_eq!(straight.distance[10 * side + 20], 20.0);
        for end in 0..side * side {
            let (dx, dy) = ((end % side) as f64, (end / side) as f64 - 10.0);
            let line = (dx * dx + dy * dy).sqrt();
            assert!((line - 1e-9..=1.028 * line + 1e-9).contains(&straight.distance[end]));
        }
        let open: Vec<bool> = (0..side * side).map(|k| k % side != 10 || k / side == 0).collect();
        let walled = Roads::grid(side, &open).from(10 * side);
        assert!(walled.distance[10 * side + 20] > 2.0 * (200.0f64).sqrt() - 1e-9);
        assert!(walled.path(10 * side + 20).contains(&10));
        assert!(walled.distance[10 * side + 10].is_infinite());
    }
}
