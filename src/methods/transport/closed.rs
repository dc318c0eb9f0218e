//! Transport that needs no solver: on a line, between Gaussians, and the mean over lines.

use nalgebra::{DMatrix, DVector};

use super::exact::Entry;
use crate::random::Random;
use crate::statistics::gaussian::{bures, square_root};
use crate::statistics::order;

/// The monotone plan between masses on a line, optimal for every convex cost of the difference: sorted, then filled from the left.
///
/// `x` with masses `a`, `y` with masses `b`, of one sum. At most `x.len() + y.len() − 1` entries, from left to right.
///
/// Source: Peyré & Cuturi, "Computational optimal transport", 2019, remark 2.30.
///
/// # Panics
/// If a side has no places, or the lengths do not fit.
pub fn on_a_line(x: &[f64], a: &[f64], y: &[f64], b: &[f64]) -> Vec<Entry> {
    assert_eq!((x.len(), y.len()), (a.len(), b.len()), "one mass a place");
    let (rows, columns) = (order(x), order(y));
    let mut entries = Vec::with_capacity(x.len() + y.len());
    let (mut i, mut j) = (0, 0);
    let (mut have, mut want) = (a[rows[0]], b[columns[0]]);
    loop {
        let (row, column) = (rows[i], columns[j]);
        let (last_row, last_column) = (i + 1 == rows.len(), j + 1 == columns.len());
        // The last of each side takes whatever is left, so that rounding leaves nobody waiting.
        let row_empties = last_column || (!last_row && have <= want);
        let mass = if row_empties { have } else { want };
        if mass > 0.0 {
            entries.push(Entry { row, column, mass });
        }
        match (row_empties, last_row && last_column) {
            (_, true) => return entries,
            (true, _) => (i, want, have) = (i + 1, want - mass, a[rows[i + 1]]),
            (false, _) => (j, have, want) = (j + 1, have - mass, b[columns[j + 1]]),
        }
    }
}

/// W₂² between masses on a line.
pub fn squared_on_a_line(x: &[f64], a: &[f64], y: &[f64], b: &[f64]) -> f64 {
    on_a_line(x, a, y, b).iter().map(|e| e.mass * (x[e.row] - y[e.column]) * (x[e.row] - y[e.column])).sum()
}

/// Directions uniform on the sphere in `d` dimensions, one after the other.
pub fn directions(d: usize, count: usize, random: &mut Random) -> Vec<f64> {
    let mut all = Vec::with_capacity(d * count);
    for _ in 0..count {
        let direction: Vec<f64> = (0..d).map(|_| random.normal()).collect();
        let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        all.extend(direction.iter().map(|x| x / length));
    }
    all
}

/// Sliced W₂²: the mean, over `directions` of `d` coordinates, of W₂² between the two measures' shadows; never above W₂².
///
/// `x` and `y` hold points of `d` coordinates, one after the other, with masses `a` and `b`.
///
/// Source: Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015.
pub fn sliced(x: &[f64], a: &[f64], y: &[f64], b: &[f64], d: usize, directions: &[f64]) -> f64 {
    let shadow = |points: &[f64], direction: &[f64]| -> Vec<f64> {
        points.chunks_exact(d).map(|p| p.iter().zip(direction).map(|(p, t)| p * t).sum()).collect()
    };
    let each = directions.chunks_exact(d).map(|t| squared_on_a_line(&shadow(x, t), a, &shadow(y, t), b));
    each.sum::<f64>() / (directions.len() / d) as f64
}

/// A Gaussian.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// Mean.
    pub mean: DVector<f64>,
    /// Covariance; symmetric, positive semidefinite.
    pub covariance: DMatrix<f64>,
}

impl Gaussian {
    /// The Gaussian with the moments of points of `d` coordinates with masses of sum 1.
    pub fn of(points: &[f64], masses: &[f64], d: usize) -> Self {
        let point = |p: &[f64]| DVector::from_column_slice(p);
        let mut mean = DVector::zeros(d);
        points.chunks_exact(d).zip(masses).for_each(|(p, m)| mean += point(p) * *m);
        let mut covariance = DMatrix::zeros(d, d);
        for (p, m) in points.chunks_exact(d).zip(masses) {
            let off = point(p) - &mean;
            covariance += &off * off.transpose() * *m;
        }
        Gaussian { mean, covariance }
    }

    /// W₂² to another Gaussian: |m − n|² + tr(S + T − 2 (S^½ T S^½)^½). For other measures with these moments it is a lower bound (Gelbrich).
    ///
    /// Source: Peyré & Cuturi, "Computational optimal transport", 2019, remark 2.31.
    pub fn squared_distance(&self, other: &Gaussian) -> f64 {
        (&self.mean - &other.mean).norm_squared() + bures(&self.covariance, &other.covariance)
    }

    /// The matrix A of the optimal map x ↦ n + A (x − m): S^−½ (S^½ T S^½)^½ S^−½. `None` if S is singular.
    pub fn map_to(&self, other: &Gaussian) -> Option<DMatrix<f64>> {
        let root = square_root(&self.covariance);
        let inverse = root.clone().try_inverse()?;
        Some(&inverse * square_root(&(&root * &other.covariance * &root)) * &inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::NetworkSimplex;

    #[test]
    fn on_a_line_it_is_what_the_simplex_finds() {
        let mut random = Random::new(2, "line");
        for (n, m) in [(1, 1), (1, 6), (5, 1), (30, 30), (40, 25)] {
            let mut side = |n: usize| {
                let at: Vec<f64> = (0..n).map(|_| random.normal()).collect();
                let mass: Vec<f64> = (0..n).map(|_| random.between(0.1, 1.0)).collect();
                let sum: f64 = mass.iter().sum();
                (at, mass.into_iter().map(|m| m / sum).collect::<Vec<_>>())
            };
            let ((x, a), (y, b)) = (side(n), side(m));
            let cost: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| (x - y) * (x - y))).collect();
            let mut simplex = NetworkSimplex::new(&cost, &a, &b);
            while !simplex.advance(1e5) {}
            let entries = on_a_line(&x, &a, &y, &b);
            assert!(entries.len() < n + m);
            assert!((entries.iter().map(|e| e.mass).sum::<f64>() - 1.0).abs() < 1e-13);
            assert!((squared_on_a_line(&x, &a, &y, &b) - simplex.certificate().primal).abs() < 1e-12);
        }
    }

    #[test]
    fn gaussians_on_an_axis_and_their_map() {
        let of = |mean: f64, a: f64, b: f64| Gaussian {
            mean: DVector::from_vec(vec![mean, 0.0]),
            covariance: DMatrix::from_diagonal(&DVector::from_vec(vec![a * a, b * b])),
        };
        let (p, q) = (of(0.0, 1.0, 2.0), of(3.0, 4.0, 0.5));
        assert!((p.squared_distance(&q) - (9.0 + 9.0 + 2.25)).abs() < 1e-12);
        let map = p.map_to(&q).unwrap();
        assert!((&map * &p.covariance * map.transpose() - &q.covariance).norm() < 1e-12);
        assert!(of(0.0, 0.0, 1.0).map_to(&q).is_none());
    }

    #[test]
    fn shadows_and_moments_are_never_further_apart_than_the_measures() {
        let mut random = Random::new(4, "clouds");
        let mut cloud = |shift: f64| -> Vec<f64> { (0..80).map(|_| random.normal() + shift).collect() };
        let (x, y) = (cloud(0.0), cloud(1.0));
        let masses = vec![1.0 / 40.0; 40];
        let squared = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| (p - q) * (p - q)).sum::<f64>();
        let cost: Vec<f64> = x.chunks(2).flat_map(|p| y.chunks(2).map(move |q| squared(p, q))).collect();
        let mut simplex = NetworkSimplex::new(&cost, &masses, &masses);
        while !simplex.advance(1e5) {}
        let exact = simplex.certificate().primal;
        let directions = directions(2, 64, &mut random);
        assert!((directions.iter().map(|t| t * t).sum::<f64>() - 64.0).abs() < 1e-12);
        let slices = sliced(&x, &masses, &y, &masses, 2, &directions);
        assert!(slices > 0.2 && slices <= exact, "{slices}, {exact}");
        let moments = Gaussian::of(&x, &masses, 2).squared_distance(&Gaussian::of(&y, &masses, 2));
        assert!(moments > 1.0 && moments <= exact, "{moments}, {exact}");
    }
}
