//! Two-dimensional classification problems that can be drawn: moons, spirals, blobs, XOR.

use libm::{cos, sin};
use std::f64::consts::{PI, TAU};

use crate::random::Random;

/// A family of labelled points in the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Points {
    /// Two half circles, each reaching into the other.
    Moons,
    /// Two spirals, one and a quarter turns each.
    Spirals,
    /// Gaussian heaps, one a class, on a circle.
    Blobs { classes: usize },
    /// Four heaps, opposite ones of one class.
    Xor,
}

impl Points {
    /// How many classes there are.
    pub fn classes(self) -> usize {
        if let Points::Blobs { classes } = self { classes } else { 2 }
    }

    /// `n` points with Gaussian noise of standard deviation `noise`, and their labels; classes alternate. Within about ±1.5.
    pub fn draw(self, n: usize, noise: f64, random: &mut Random) -> (Vec<[f64; 2]>, Vec<u8>) {
        let classes = self.classes();
        let mut place = |i: usize| {
            let (class, u) = (i % classes, random.uniform());
            let sign = 1.0 - 2.0 * class as f64;
            let [x, y] = match self {
                Points::Moons => [sign * cos(PI * u) + 0.5 * class as f64 - 0.25, sign * sin(PI * u) - 0.25 * sign],
                Points::Spirals => {
                    let (radius, angle) = (0.15 + 1.1 * u, 1.25 * TAU * u + PI * class as f64);
                    [radius * cos(angle), radius * sin(angle)]
                }
                Points::Blobs { .. } => {
                    let angle = TAU * class as f64 / classes as f64;
                    [cos(angle), sin(angle)]
                }
                Points::Xor => {
                    let side = if u < 0.5 { -0.8 } else { 0.8 };
                    [side, side * sign]
                }
            };
            [x + noise * random.normal(), y + noise * random.normal()]
        };
        ((0..n).map(&mut place).collect(), (0..n).map(|i| (i % classes) as u8).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_even_and_apart_without_noise() {
        for points in [Points::Moons, Points::Spirals, Points::Blobs { classes: 5 }, Points::Xor] {
            let (x, y) = points.draw(500, 0.0, &mut Random::new(4, "points"));
            let count = |class: u8| y.iter().filter(|label| **label == class).count();
            assert!((0..points.classes()).all(|class| count(class as u8) == 500 / points.classes()));
            assert!(x.iter().flatten().all(|v| v.abs() < 1.6));
            let nearest = x.iter().zip(&y).flat_map(|(a, i)| {
                x.iter().zip(&y).filter(move |(_, j)| i != *j).map(move |(b, _)| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2))
            });
            assert!(nearest.fold(f64::INFINITY, f64::min) > 0.04, "{points:?}");
        }
    }
}
