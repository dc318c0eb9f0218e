//! Points of which a few have a large feature and targets pulled apart, and the network that learns them.

use methods::network::linear_network::{Moments, TwoLayers, dot};
use run::prelude::*;

/// Points, and coordinates.
pub const N: usize = 1000;
pub const D: usize = 21;
/// The outliers' coordinate, the last.
pub const O: usize = D - 1;
/// Hidden units.
pub const H: usize = 16;

/// Which way an outlier pulls; the rest is bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Bulk,
    Up,
    Down,
}

/// All of them.
pub const GROUPS: [Group; 3] = [Group::Bulk, Group::Up, Group::Down];

/// What makes points outliers.
pub struct Outliers {
    /// A, their feature.
    pub magnitude: f64,
    /// p, their share of the points.
    pub fraction: f64,
    /// b, what is added to the targets of one half and taken from those of the other.
    pub pull: f64,
}

/// The training set.
pub struct Task {
    pub x: Vec<[f64; D]>,
    pub y: Vec<f64>,
    pub group: Vec<Group>,
    pub moments: Moments<D>,
}

impl Task {
    /// With the length ‖β‖ of what there is to learn.
    pub fn new(signal: f64, Outliers { magnitude, fraction, pull }: Outliers, seed: u64) -> Self {
        let mut random = Random::new(seed, "points");
        let mut beta: [f64; D] = std::array::from_fn(|j| if j == O { 0.0 } else { random.normal() });
        let length = dot(&beta, &beta).sqrt();
        beta.iter_mut().for_each(|v| *v *= signal / length);
        let mut x: Vec<[f64; D]> = (0..N).map(|_| std::array::from_fn(|j| if j == O { 0.0 } else { random.normal() })).collect();
        let mut y: Vec<f64> = x.iter().map(|x| dot(x, &beta)).collect();
        let mut group = vec![Group::Bulk; N];
        let pairs = (fraction * N as f64 / 2.0).round() as usize;
        // The groups are scattered over the indices; with another p or A the same points stay outliers.
        for (rank, i) in random.permutation(N).into_iter().take(2 * pairs).enumerate() {
            group[i] = if rank % 2 == 0 { Group::Up } else { Group::Down };
            x[i][O] = magnitude;
            y[i] += if rank % 2 == 0 { pull } else { -pull };
        }
        Task { moments: Moments::of(&x, &y), x, y, group }
    }

    /// f(xᵢ) − yᵢ of every point.
    pub fn residuals(&self, c: &[f64; D]) -> Vec<f64> {
        self.x.iter().zip(&self.y).map(|(x, y)| dot(x, c) - y).collect()
    }

    /// The mean of `values` over a group; NaN if it is empty.
    pub fn mean(&self, group: Group, values: &[f64]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (value, _) in values.iter().zip(&self.group).filter(|(_, g)| **g == group) {
            sum += value;
            count += 1.0;
        }
        sum / count
    }
}

/// What learns.
pub type Network = TwoLayers<D, H>;

/// Where it starts: W ~ 0.3 N(0, 1/d), a ~ 0.3 N(0, 1/h). For a `remembered` c_o above 0, the outliers' column of W lies along a, as long
/// as it, and their product is c_o.
pub fn start(train_a: bool, remembered: f64, seed: u64) -> Network {
    let mut random = Random::new(seed, "weights");
    let (scale_w, scale_a) = (0.3 / (D as f64).sqrt(), 0.3 / (H as f64).sqrt());
    let mut w: [[f64; D]; H] = std::array::from_fn(|_| std::array::from_fn(|_| scale_w * random.normal()));
    let mut a: [f64; H] = std::array::from_fn(|_| scale_a * random.normal());
    if remembered > 0.0 {
        let longer = (remembered / dot(&a, &a)).sqrt();
        a.iter_mut().for_each(|a| *a *= longer);
        w.iter_mut().zip(&a).for_each(|(row, a)| row[O] = *a);
    }
    TwoLayers { w, a, train_a }
}
