//! Distances along roads: shortest paths in a graph.

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
    use crate::random::Random;

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
}
