//! Pairs of clouds to learn from, and to be judged on.

use ground::random::Random;
use methods::statistics::sort_by;
use methods::transport::{Projected, directions};

use super::POINTS;

/// The inner product.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Two clouds, the direction along which the second is the first stretched, and the largest W on a grid, NaN until it is asked for.
pub struct Pair {
    pub measures: Projected,
    pub hidden: [f64; 3],
    pub largest: f64,
}

impl Pair {
    /// X uniform on the sphere, Y = X stretched along u in the positive octant: a direction and its opposite show the same, and no continuous
    /// predictor that treats both clouds alike could pick one of the two all around the sphere.
    pub fn draw(shuffle: bool, random: &mut Random) -> Self {
        let x = directions(3, POINTS, random);
        let mut hidden = [0.0; 3].map(|_: f64| random.normal().abs() + 0.05);
        let length = dot(&hidden, &hidden).sqrt();
        hidden.iter_mut().for_each(|u| *u /= length);
        let stretch = random.between(1.8, 2.8) - 1.0;
        let mut x: Vec<&[f64]> = x.chunks_exact(3).collect();
        sort_by(&mut x, |x| dot(x, &hidden));
        let stretched = |x: &&[f64]| [0, 1, 2].map(|k| x[k] + stretch * dot(x, &hidden) * hidden[k]);
        let mut y: Vec<[f64; 3]> = x.iter().map(stretched).collect();
        if shuffle {
            random.shuffle(&mut x);
            random.shuffle(&mut y);
        }
        let (mut x, mut y) = (x.concat(), y.concat());
        centre(&mut x, &mut y, 3);
        Pair { measures: Projected::equal(&x, &y, 3), hidden, largest: f64::NAN }
    }

    /// Looks for the largest W on a grid; gives the sum of W over it.
    pub fn look_around(&mut self, grid: &[f64]) -> f64 {
        let values: Vec<f64> = grid.chunks_exact(3).map(|line| self.measures.squared(line)).collect();
        self.largest = values.iter().fold(0.0, |a, b| a.max(*b));
        values.iter().sum()
    }

    /// The share of the largest W along `direction`.
    pub fn share(&self, direction: &[f64]) -> f64 {
        self.measures.squared(direction) / self.largest
    }

    /// Of two opposite directions the one on the hidden direction's side.
    pub fn towards(&self, direction: &[f64]) -> Vec<f64> {
        let sign = if dot(direction, &self.hidden) < 0.0 { -1.0 } else { 1.0 };
        direction.iter().map(|e| sign * e).collect()
    }
}

/// Shifts both clouds alike so that the mean of their union is 0: their difference stays.
pub fn centre(x: &mut [f64], y: &mut [f64], d: usize) {
    for k in 0..d {
        let sum: f64 = x.iter().chain(&*y).skip(k).step_by(d).sum();
        let mean = sum * d as f64 / (x.len() + y.len()) as f64;
        x.iter_mut().skip(k).step_by(d).chain(y.iter_mut().skip(k).step_by(d)).for_each(|v| *v -= mean);
    }
}
