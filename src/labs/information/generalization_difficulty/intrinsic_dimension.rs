//! In how many directions points spread, from the growth of the distances to their nearest neighbours.
//!
//! Source: Levina & Bickel, "Maximum likelihood estimation of intrinsic dimension", 2004, with the mean taken of the inverses (MacKay &
//! Ghahramani 2005).

use libm::{log, sqrt};

use methods::linear::matmul_nt;

/// Points worked on at a time.
const ROWS: usize = 16;

/// A pass over all pairs of labelled points, a few rows at a time.
#[derive(Clone, Debug)]
pub struct Scan {
    x: Vec<f64>,
    labels: Vec<u8>,
    features: usize,
    neighbours: usize,
    squared_norms: Vec<f64>,
    done: usize,
    /// Σ over points of the mean of ln(T_k/T_j), and over how many points.
    logarithms: f64,
    counted: usize,
    gap: f64,
}

/// What a pass has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The estimated dimension: the inverse of the mean over points and j < k of ln(T_k/T_j), T_j the distance to the j-th neighbour.
    pub dimension: f64,
    /// The largest norm.
    pub radius: f64,
    /// The smallest distance between points of different labels.
    pub gap: f64,
}

impl Scan {
    /// Of the rows of `x` (points × features), by k = `neighbours` ≥ 2.
    pub fn new(x: Vec<f64>, labels: Vec<u8>, neighbours: usize) -> Self {
        let features = x.len() / labels.len();
        assert!(neighbours >= 2 && labels.len() > neighbours, "more points than neighbours, of which there are two or more");
        let squared_norms = x.chunks_exact(features).map(|row| row.iter().map(|v| v * v).sum()).collect();
        Scan { x, labels, features, neighbours, squared_norms, done: 0, logarithms: 0.0, counted: 0, gap: f64::INFINITY }
    }

    /// The next few points against all others.
    pub fn advance(&mut self) {
        let (n, d, k) = (self.labels.len(), self.features, self.neighbours);
        let rows = self.done..n.min(self.done + ROWS);
        let mut products = vec![0.0; rows.len() * n];
        matmul_nt(&mut products, &self.x[rows.start * d..rows.end * d], &self.x, rows.len(), d, n);
        for (i, row) in rows.clone().zip(products.chunks_exact_mut(n)) {
            for (j, product) in row.iter_mut().enumerate() {
                *product = (self.squared_norms[i] + self.squared_norms[j] - 2.0 * *product).max(0.0);
                if self.labels[i] != self.labels[j] {
                    self.gap = self.gap.min(*product);
                }
            }
            row[i] = f64::INFINITY;
            row.select_nth_unstable_by(k - 1, f64::total_cmp);
            let farthest = row[k - 1];
            // Of equal points the first neighbour is at 0 and says nothing.
            let nearer = row[..k - 1].iter().filter(|t| **t > 0.0);
            let (sum, count) = nearer.fold((0.0, 0), |(sum, count), t| (sum + 0.5 * log(farthest / t), count + 1));
            if count > 0 {
                self.logarithms += sum / f64::from(count);
                self.counted += 1;
            }
        }
        self.done = rows.end;
    }

    /// What has been found, once all points are done.
    pub fn found(&self) -> Option<Spread> {
        (self.done == self.labels.len()).then(|| Spread {
            dimension: self.counted as f64 / self.logarithms,
            radius: sqrt(self.squared_norms.iter().fold(0.0, |a, b| a.max(*b))),
            gap: sqrt(self.gap),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::random::Random;

    /// Uniform points in a cube of 2 to 5 dimensions, turned into ten: the estimate is near, low by the cube's faces.
    #[test]
    fn finds_the_dimension_of_an_embedded_cube() {
        for dimension in [2, 3, 5] {
            let (n, mut random) = (1500, Random::new(4, "cube"));
            let turn: Vec<f64> = (0..dimension * 10).map(|_| random.normal()).collect();
            let mut x = Vec::new();
            for _ in 0..n {
                let inner: Vec<f64> = (0..dimension).map(|_| random.uniform()).collect();
                x.extend((0..10).map(|j| (0..dimension).map(|i| inner[i] * turn[i * 10 + j]).sum::<f64>()));
            }
            let mut scan = Scan::new(x, vec![0; n], 5);
            while scan.found().is_none() {
                scan.advance();
            }
            let found = scan.found().unwrap();
            assert!((0.8..1.35).contains(&(found.dimension / dimension as f64)), "{dimension}: {found:?}");
            assert!(found.gap.is_infinite());
        }
    }

    #[test]
    fn four_points_by_hand() {
        // On a line at 0, 1, 3 and 7: T₁, T₂ are 1, 3; 1, 2; 2, 3; 4, 6.
        let mut scan = Scan::new(vec![0.0, 1.0, 3.0, 7.0], vec![0, 0, 1, 1], 2);
        scan.advance();
        let mean = (3f64.ln() + 2f64.ln() + 1.5f64.ln() + 1.5f64.ln()) / 4.0;
        let found = scan.found().unwrap();
        assert!((found.dimension - 1.0 / mean).abs() < 1e-12);
        assert!((found.radius - 7.0).abs() < 1e-12 && (found.gap - 2.0).abs() < 1e-12);
    }
}
