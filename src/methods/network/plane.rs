//! Planes through weight space: directions that can be compared, and what of a path, a gradient or a Hessian lies in them.

use std::ops::Range;

use nalgebra::{DMatrix, SymmetricEigen};

use crate::random::Random;
use crate::statistics::falling;

/// How a random direction is scaled to the weights it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// To the length of all weights together.
    None,
    /// Each layer to the length of the same layer of the weights.
    Layer,
    /// Each neuron's incoming weights to the length of the same neuron's (Li et al. 2018, "filter normalisation").
    Filter,
}

/// A plane: a centre and two directions. The point (a, b) is `centre + a·first + b·second`.
#[derive(Clone, Debug)]
pub struct Plane {
    /// The point (0, 0).
    pub centre: Vec<f32>,
    /// The direction of (1, 0).
    pub first: Vec<f32>,
    /// The direction of (0, 1).
    pub second: Vec<f32>,
}

impl Plane {
    /// The weights at (a, b).
    pub fn at(&self, a: f64, b: f64) -> Vec<f32> {
        let (a, b) = (a as f32, b as f32);
        self.centre.iter().zip(&self.first).zip(&self.second).map(|((c, d), e)| c + a * d + b * e).collect()
    }

    /// Where the orthogonal projection of `theta` onto the plane lies, as (a, b). The directions need not be orthogonal.
    pub fn place(&self, theta: &[f32]) -> (f64, f64) {
        let offset: Vec<f32> = theta.iter().zip(&self.centre).map(|(t, c)| t - c).collect();
        self.coordinates(&offset)
    }

    /// The coordinates (a, b) of the projection of a vector.
    pub fn coordinates(&self, vector: &[f32]) -> (f64, f64) {
        let (dd, de, ee) = (dot(&self.first, &self.first), dot(&self.first, &self.second), dot(&self.second, &self.second));
        let (x, y) = (dot(vector, &self.first), dot(vector, &self.second));
        let determinant = dd * ee - de * de;
        if determinant > 1e-12 * dd * ee {
            ((x * ee - y * de) / determinant, (y * dd - x * de) / determinant)
        } else {
            (if dd > 0.0 { x / dd } else { 0.0 }, 0.0)
        }
    }

    /// The share of a vector's squared length that lies in the plane; NaN for the zero vector.
    pub fn share(&self, vector: &[f32]) -> f64 {
        let (a, b) = self.coordinates(vector);
        let inside: f64 =
            self.first.iter().zip(&self.second).map(|(d, e)| a * f64::from(*d) + b * f64::from(*e)).map(|v| v * v).sum();
        inside / dot(vector, vector)
    }
}

/// A random direction scaled to the weights `theta`. `neurons` lists, layer by layer, the index sets of every neuron's incoming
/// weights; what is in none of them (biases, normalisations) stays 0.
pub fn random_direction(theta: &[f32], neurons: &[Vec<Vec<usize>>], scaling: Scaling, random: &mut Random) -> Vec<f32> {
    random_direction_with(theta, neurons, &[], scaling, random)
}

/// The same, which moves `others` as well: index sets of biases and the like, each scaled to its own length in `theta`.
pub fn random_direction_with(
    theta: &[f32],
    neurons: &[Vec<Vec<usize>>],
    others: &[Range<usize>],
    scaling: Scaling,
    random: &mut Random,
) -> Vec<f32> {
    let mut direction = vec![0.0; theta.len()];
    neurons.iter().flatten().flatten().for_each(|i| direction[*i] = random.normal() as f32);
    others.iter().cloned().flatten().for_each(|i| direction[i] = random.normal() as f32);
    let layers: Vec<Vec<usize>> = neurons.iter().map(|layer| layer.concat()).collect();
    let mut groups: Vec<Vec<usize>> = match scaling {
        Scaling::None => vec![layers.concat()],
        Scaling::Layer => layers,
        Scaling::Filter => neurons.concat(),
    };
    groups.extend(others.iter().map(|range| range.clone().collect()));
    for group in groups {
        let length = |values: &[f32]| group.iter().map(|i| f64::from(values[*i]) * f64::from(values[*i])).sum::<f64>().sqrt();
        let (own, wanted) = (length(&direction), length(theta));
        if own > 0.0 {
            group.iter().for_each(|i| direction[*i] = (f64::from(direction[*i]) * wanted / own) as f32);
        }
    }
    direction
}

/// The first two principal components of a path.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Unit directions; the second is zero if the path is straight.
    pub directions: [Vec<f32>; 2],
    /// The shares of the path's variance that they hold.
    pub shares: [f64; 2],
}

/// Points of a path that its principal components are taken of, at most: their Gram matrix grows with the square.
pub const POINTS: usize = 160;

/// Principal components of the points of a path about its `centre` (Li et al. 2018: the last point); of every second, third … point
/// where there are more than [`POINTS`].
pub fn principal(path: &[Vec<f32>], centre: &[f32]) -> Principal {
    let kept = path.iter().step_by(path.len().div_ceil(POINTS).max(1));
    let offsets: Vec<Vec<f32>> = kept.map(|p| p.iter().zip(centre).map(|(p, c)| p - c).collect()).collect();
    let n = offsets.len();
    // The Gram matrix is small where there are fewer points than weights.
    let mut gram = DMatrix::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            let product = dot(&offsets[i], &offsets[j]);
            (gram[(i, j)], gram[(j, i)]) = (product, product);
        }
    }
    let total = gram.trace();
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(gram);
    let order = falling(eigenvalues.as_slice());
    let component = |k: usize| {
        let mut direction = vec![0.0f64; centre.len()];
        let value = order.get(k).map_or(0.0, |i| eigenvalues[*i]);
        if value <= 1e-12 * total || total == 0.0 {
            return (vec![0.0; centre.len()], 0.0);
        }
        for (i, offset) in offsets.iter().enumerate() {
            let weight = eigenvectors[(i, order[k])] / value.sqrt();
            direction.iter_mut().zip(offset).for_each(|(d, o)| *d += weight * f64::from(*o));
        }
        (direction.into_iter().map(|d| d as f32).collect(), value / total)
    };
    let (first, second) = (component(0), component(1));
    Principal { directions: [first.0, second.0], shares: [first.1, second.1] }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(n: usize, random: &mut Random) -> Vec<f32> {
        (0..n).map(|_| random.normal() as f32).collect()
    }

    #[test]
    fn filters_have_the_lengths_of_the_weights() {
        let mut random = Random::new(1, "plane");
        let theta = normals(14, &mut random);
        // Two layers: three neurons of three weights, one neuron of three, and two biases at the end.
        let neurons = vec![vec![vec![0, 3, 6], vec![1, 4, 7], vec![2, 5, 8]], vec![vec![9, 10, 11]]];
        let direction = random_direction(&theta, &neurons, Scaling::Filter, &mut random);
        for neuron in neurons.iter().flatten() {
            let length = |v: &[f32]| neuron.iter().map(|i| v[*i] * v[*i]).sum::<f32>().sqrt();
            assert!((length(&direction) - length(&theta)).abs() < 1e-5);
        }
        assert_eq!(&direction[12..], [0.0, 0.0]);
        let biases = [12..13, 13..14];
        let kept = random_direction_with(&theta, &neurons, &biases, Scaling::Filter, &mut Random::new(1, "direction"));
        assert!((12..14).all(|i| (kept[i].abs() - theta[i].abs()).abs() < 1e-6 && theta[i] != 0.0));
        let without = random_direction(&theta, &neurons, Scaling::Filter, &mut Random::new(1, "direction"));
        assert_eq!(kept[..12], without[..12]);
        let layer = random_direction(&theta, &neurons, Scaling::Layer, &mut random);
        assert!((dot(&layer[..9], &layer[..9]) - dot(&theta[..9], &theta[..9])).abs() < 1e-4);
    }

    #[test]
    fn places_are_found_again_in_skew_planes() {
        let mut random = Random::new(2, "plane");
        let plane = Plane { centre: normals(50, &mut random), first: normals(50, &mut random), second: normals(50, &mut random) };
        let (a, b) = plane.place(&plane.at(0.7, -1.3));
        assert!((a - 0.7).abs() < 1e-5 && (b + 1.3).abs() < 1e-5);
        let inside: Vec<f32> = plane.first.iter().zip(&plane.second).map(|(d, e)| 2.0 * d - e).collect();
        assert!((plane.share(&inside) - 1.0).abs() < 1e-6);
        assert!(plane.share(&normals(50, &mut random)) < 0.2);
    }

    #[test]
    fn a_path_in_a_plane_is_held_whole() {
        let mut random = Random::new(3, "plane");
        let (d, e, centre) = (normals(40, &mut random), normals(40, &mut random), normals(40, &mut random));
        let plane = Plane { centre: centre.clone(), first: d, second: e };
        let path: Vec<Vec<f32>> = (0..12).map(|t| plane.at(libm::cos(t as f64), 0.3 * libm::sin(2.0 * t as f64))).collect();
        let principal = principal(&path, &centre);
        assert!((principal.shares[0] + principal.shares[1] - 1.0).abs() < 1e-6, "{:?}", principal.shares);
        assert!(dot(&principal.directions[0], &principal.directions[1]).abs() < 1e-4);
        assert!((dot(&principal.directions[0], &principal.directions[0]) - 1.0).abs() < 1e-4);
        // Of a long path some points tell as much.
        let long: Vec<Vec<f32>> =
            (0..2000).map(|t| plane.at(libm::cos(0.01 * t as f64), 0.3 * libm::sin(0.02 * t as f64))).collect();
        let shares = super::principal(&long, &centre).shares;
        assert!((shares[0] + shares[1] - 1.0).abs() < 1e-6, "{shares:?}");
        let line: Vec<Vec<f32>> = (0..5).map(|t| plane.at(t as f64, 0.0)).collect();
        let straight = super::principal(&line, &centre);
        assert!((straight.shares[0] - 1.0).abs() < 1e-6 && straight.shares[1] == 0.0);
    }
}
