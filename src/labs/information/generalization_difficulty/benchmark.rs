//! The paper's practical formula for classification.

use std::f64::consts::PI;

use libm::{exp, lgamma, log, log2, pow, sqrt};

use run::prelude::*;

use super::intrinsic_dimension::{Scan, Spread};

/// A classification problem as the paper's formula sees it.
#[derive(Clone, Debug)]
pub struct Benchmark {
    pub name: String,
    points: f64,
    classes: f64,
    pub dimension: f64,
    pub radius: f64,
    /// δ, the smallest distance between points of different classes.
    pub gap: f64,
    error: f64,
}

impl Benchmark {
    /// What the paper took for MNIST, CIFAR-10 and ImageNet.
    pub fn published() -> [Benchmark; 3] {
        let of = |name: &str, [points, classes, dimension, radius, gap, error]: [f64; 6]| Benchmark {
            name: name.into(),
            points,
            classes,
            dimension,
            radius,
            gap,
            error,
        };
        [
            of("MNIST", [60_000.0, 10.0, 14.0, 17.179, 2.3987, 0.001]),
            of("CIFAR-10", [50_000.0, 10.0, 27.0, 54.916, 2.7506, 0.01]),
            of("ImageNet", [1_280_901.0, 1000.0, 48.0, 943.5923, 65.0, 0.1]),
        ]
    }

    /// Shipped digits as measured. The formula's sphere has a whole number of dimensions.
    pub fn measured(name: String, points: usize, classes: usize, spread: Spread) -> Self {
        let Spread { dimension, radius, gap } = spread;
        Benchmark { name, points: points as f64, classes: classes as f64, dimension: dimension.round(), radius, gap, error: 0.01 }
    }

    /// K, the highest degree of Laplace eigenfunctions on the sphere S^m with frequencies up to M = 2πR/δ.
    fn degree(&self) -> f64 {
        let (m, frequency) = (self.dimension, 2.0 * PI * self.radius / self.gap);
        (sqrt((m - 1.0) * (m - 1.0) + 4.0 * frequency * frequency) - (m - 1.0)) / 2.0
    }

    /// E, how many of them there are.
    fn eigenfunctions(&self) -> f64 {
        let (m, k) = (self.dimension, self.degree());
        let binomial = |x: f64| exp(lgamma(x + 1.0) - lgamma(m + 1.0) - lgamma(x - m + 1.0));
        binomial(m + k) + binomial(m + k - 1.0)
    }

    /// Ĩ ≈ (2d(d−1)E − n(d−1)) log₂(√(d−1) √d L_f W/ε), W the distance from the data to what is met later and L_f how steep a hypothesis is.
    pub fn bits(&self) -> f64 {
        let (n, d, m) = (self.points, self.classes, self.dimension);
        let area = log(2.0 * d) + 0.5 * (m + 1.0) * log(PI) - lgamma(0.5 * (m + 1.0));
        let distance = sqrt(m / 6.0) * exp(area / m) * self.radius * pow(n, -1.0 / m);
        let steepness = self.degree() * sqrt(d - 1.0) / self.radius;
        let parameters = 2.0 * d * (d - 1.0) * self.eigenfunctions() - n * (d - 1.0);
        parameters * log2(sqrt(d - 1.0) * sqrt(d) * steepness * distance / self.error)
    }
}

/// Shipped digits to be scanned.
pub struct Digits {
    pub name: String,
    pub points: usize,
    pub classes: usize,
    pub scan: Scan,
}

impl Digits {
    /// Of the first `classes` classes, with `noise` random coordinates.
    pub fn new(name: String, classes: usize, noise: usize, seed: u64, library: &Library) -> Result<Digits> {
        let pictures = library.pictures(Dataset::Digits)?;
        let mut random = Random::new(seed, "noise coordinates");
        let (mut x, mut labels) = (Vec::new(), Vec::new());
        for i in (0..pictures.len()).filter(|i| usize::from(pictures.labels[*i]) < classes) {
            x.extend(pictures.image(i).iter().map(|v| f64::from(*v) / 16.0));
            x.extend((0..noise).map(|_| random.between(0.0, 1.5)));
            labels.push(pictures.labels[i]);
        }
        Ok(Digits { name, points: labels.len(), classes, scan: Scan::new(x, labels, 5) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In 50 digits and with another way to count, from the inputs that the paper prints.
    #[test]
    fn the_formula_agrees_with_an_independent_one() {
        let rows = include_str!("../../../../tests/fixtures/difficulty.csv").lines().skip(1);
        for (benchmark, row) in Benchmark::published().iter().zip(rows) {
            let (name, numbers) = row.split_once(',').unwrap();
            let numbers: Vec<f64> = numbers.split(',').map(|v| v.parse().unwrap()).collect();
            let Benchmark { points, classes, dimension, radius, gap, error, .. } = *benchmark;
            assert_eq!((name, &numbers[..6]), (&*benchmark.name, &[points, classes, dimension, radius, gap, error][..]));
            assert!((benchmark.bits() / numbers[6] - 1.0).abs() < 1e-6, "{name}: {}", benchmark.bits());
        }
    }

    /// On the circle 2K + 1 functions, on the sphere (K + 1)².
    #[test]
    fn eigenfunctions_are_counted() {
        for k in [1.0, 4.0, 11.0] {
            for (dimension, count) in [(1.0, 2.0 * k + 1.0), (2.0, (k + 1.0) * (k + 1.0))] {
                let gap = 2.0 * PI / sqrt(k * (k + dimension - 1.0));
                let of = Benchmark::published()[0].clone();
                let sphere = Benchmark { dimension, radius: 1.0, gap, ..of };
                assert!((sphere.degree() - k).abs() < 1e-12);
                assert!((sphere.eigenfunctions() - count).abs() < 1e-9 * count, "{dimension}, {k}");
            }
        }
    }
}
