//! What moving costs, from every place of the source to every place of the target.

use super::marginals::{Ground, Task};
use libm::pow;
use methods::transport::Ways;
use run::prelude::*;

/// Costs, filled row by row.
pub(super) struct Costs {
    pub matrix: Vec<f64>,
    pub largest: f64,
    pub least: f64,
    /// The ways from each source place, along roads.
    pub ways: Vec<Vec<u32>>,
    row: usize,
}

impl Costs {
    /// None yet.
    pub fn new(task: &Task) -> Self {
        Costs {
            matrix: Vec::with_capacity(task.sides[0].len() * task.sides[1].len()),
            largest: 0.0,
            least: 0.0,
            ways: Vec::new(),
            row: 0,
        }
    }

    /// Are all rows there?
    pub fn whole(&self, task: &Task) -> bool {
        self.row == task.sides[0].len()
    }

    /// Fills the next row.
    pub fn fill_row(&mut self, task: &Task) -> Result<()> {
        let ([source, target], i) = (&task.sides, self.row);
        match &task.ground {
            Ground::Given(given) => self.matrix.extend_from_slice(&given[i * target.len()..][..target.len()]),
            Ground::Straight { power, manhattan } => {
                let x = source.place(i);
                let price = |j: usize| price(x, target.place(j), *power, *manhattan);
                self.matrix.extend((0..target.len()).map(price));
            }
            Ground::Roads { roads, power } => {
                let Ways { distance, before } = roads.from(source.nodes[i]);
                if let Some(j) = (0..target.len()).find(|j| distance[target.nodes[*j]].is_infinite()) {
                    return Err(Error::new(format!(
                        "no road leads from node {} to node {}: each node with mass must be joined to all others",
                        source.nodes[i], target.nodes[j]
                    )));
                }
                let price = |j: usize| raised(distance[target.nodes[j]], *power);
                self.matrix.extend((0..target.len()).map(price));
                self.ways.push(before);
            }
            Ground::Walls { walls, power, stands: [from, to] } => {
                let distances: Vec<f64> = to.iter().map(|to| walls.distance(&from[i], to)).collect();
                if let Some(j) = distances.iter().position(|d| d.is_infinite()) {
                    return Err(Error::new(format!(
                        "no way leads round the walls from {:?} to {:?}: leave a gap",
                        source.place(i),
                        target.place(j)
                    )));
                }
                self.matrix.extend(distances.into_iter().map(|d| raised(d, *power)));
            }
        }
        self.row += 1;
        if self.whole(task) {
            let paid = self.matrix.iter().filter(|c| **c < task.forbidding || c.is_infinite());
            self.largest = paid.fold(0.0, |a: f64, c| a.max(c.abs()));
            self.least = self.matrix.iter().fold(0.0, |a: f64, c| a.min(*c));
            if !self.largest.is_finite() {
                return Err(Error::new("the costs are too large for a double: scale the coordinates, or lower the power"));
            }
        }
        Ok(())
    }

    /// What ε and prices are shares of: the largest cost, or 1 where nothing costs anything.
    pub fn scale(&self) -> f64 {
        if self.largest > 0.0 { self.largest } else { 1.0 }
    }

    /// The nodes from place i of the source to place j of the target, both ends included; none where ways are straight or there is none.
    pub fn path(&self, task: &Task, i: usize, j: usize) -> Vec<usize> {
        let [source, target] = &task.sides;
        match &task.ground {
            Ground::Roads { .. } => {
                let before = &self.ways[i];
                let mut path = vec![target.nodes[j]];
                while let Some(node) = path.last().copied().filter(|n| before[*n] as usize != *n) {
                    path.push(before[node] as usize);
                }
                path.reverse();
                path
            }
            Ground::Walls { walls, stands: [from, to], .. } => {
                let corners = source.len() + target.len();
                let bends = walls.path(&from[i], &to[j]).into_iter().map(|c| corners + c);
                [i].into_iter().chain(bends).chain([source.len() + j]).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// An error of a cost as a share of that cost: nothing is a share of any, and of nothing there is no other.
pub(super) fn share(error: f64, cost: f64) -> f64 {
    match (error == 0.0, cost == 0.0) {
        (true, _) => 0.0,
        (false, true) => f64::NAN,
        (false, false) => error / cost.abs(),
    }
}

fn raised(distance: f64, p: f64) -> f64 {
    if p == 1.0 {
        distance
    } else if p == 2.0 {
        distance * distance
    } else {
        pow(distance, p)
    }
}

/// The cost of a straight move.
pub(super) fn price(x: &[f64], y: &[f64], p: f64, manhattan: bool) -> f64 {
    if manhattan {
        return raised(x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum(), p);
    }
    let square: f64 = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum();
    if p == 2.0 { square } else { raised(square.sqrt(), p) }
}
