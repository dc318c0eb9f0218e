//! The paper's practical formulas: for classification, and for control.

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
    /// What the paper took for MNIST, SVHN, CIFAR-10 and ImageNet.
    pub fn published() -> [Benchmark; 4] {
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
            of("MNIST", [60_000.0, 10.0, 14.0, 17.179046, 2.3987085, 0.001]),
            of("SVHN", [73_257.0, 10.0, 19.0, 53.869325, 1.5766998, 0.01]),
            of("CIFAR-10", [50_000.0, 10.0, 27.0, 54.915679, 2.7506414, 0.01]),
            of("ImageNet", [1_280_901.0, 1000.0, 48.0, 943.5923, 65.0, 0.1]),
        ]
    }

    /// Shipped digits as measured. The formula's sphere has a whole number of dimensions.
    pub fn measured(name: String, points: usize, classes: usize, spread: Spread) -> Self {
        let Spread { dimension, radius, gap } = spread;
        Benchmark { name, points: points as f64, classes: classes as f64, dimension: dimension.round(), radius, gap, error: 0.01 }
    }

    /// The same, had it another dimension.
    pub fn in_dimensions(&self, dimension: f64) -> Benchmark {
        Benchmark { dimension, ..self.clone() }
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

/// A task of control as the paper's formula sees it: from some numbers observed, what to do.
pub struct Policy {
    points: f64,
    /// D, how many numbers are to be chosen.
    actions: f64,
    /// m, how many are observed.
    pub dimension: f64,
}

/// Frames of cart-pole that are observed, position and angle in each.
const FRAMES: usize = 5;
/// δ and ε of all policies.
const SPACING: f64 = 0.001;

impl Policy {
    /// Cart-pole, of which one frame to five are observed, where its velocities are not.
    pub fn cart_pole() -> [Policy; FRAMES] {
        std::array::from_fn(|i| Policy { points: 1e4, actions: 1.0, dimension: 2.0 * (i + 1) as f64 })
    }

    /// Three of MuJoCo's robots: Reacher, Hopper, Half-Cheetah.
    pub fn robots() -> [Policy; 3] {
        [(2.0, 6.0), (4.0, 15.0), (6.0, 17.0)].map(|(actions, dimension)| Policy { points: 1e6, actions, dimension })
    }

    /// Ĩ ≈ D (2 (2π/δ)^m π^{m/2}/Γ(m/2 + 1) − n) (log₂ (4π²/√6) D √m − log₂ δ − log₂(n)/m − log₂ ε): waves on a torus with frequencies in a
    /// ball. (The paper writes cart-pole's in T = m/2 frames.)
    pub fn bits(&self) -> f64 {
        let Policy { points: n, actions, dimension: m } = *self;
        let waves = 2.0 * exp(m * log(2.0 * PI / SPACING) + 0.5 * m * log(PI) - lgamma(0.5 * m + 1.0));
        let each = log2(4.0 * PI * PI / sqrt(6.0) * actions * sqrt(m)) - 2.0 * log2(SPACING) - log2(n) / m;
        actions * (waves - n) * each
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

    /// In 50 digits and with another way to count, from the inputs that the paper's code has.
    #[test]
    fn the_formulas_agree_with_independent_ones() {
        let mut rows = include_str!("../../../../tests/fixtures/difficulty.csv").lines().skip(1).map(|row| {
            let (name, numbers) = row.split_once(',').unwrap();
            (name, numbers.split(',').map(|v| v.parse().unwrap()).collect::<Vec<f64>>())
        });
        for (benchmark, (name, numbers)) in Benchmark::published().iter().zip(&mut rows) {
            let Benchmark { points, classes, dimension, radius, gap, error, .. } = *benchmark;
            assert_eq!((name, &numbers[..6]), (&*benchmark.name, &[points, classes, dimension, radius, gap, error][..]));
            assert!((benchmark.bits() / numbers[6] - 1.0).abs() < 1e-9, "{name}: {}", benchmark.bits());
        }
        let policies = Policy::cart_pole().into_iter().chain(Policy::robots());
        let found: Vec<_> = policies.zip(rows).collect();
        assert_eq!(found.len(), FRAMES + 3);
        for (policy, (name, numbers)) in found {
            let Policy { points, actions, dimension } = policy;
            assert_eq!(&numbers[..6], &[points, actions, dimension, 1.0, SPACING, SPACING][..]);
            assert!((policy.bits() / numbers[6] - 1.0).abs() < 1e-9, "{name}: {}", policy.bits());
        }
    }

    /// The ranking hangs on what is hard to measure.
    #[test]
    fn a_seventh_more_between_the_classes_takes_cifar_below_svhn() {
        let [_, svhn, cifar, _] = Benchmark::published();
        let wider = |factor: f64| Benchmark { gap: factor * cifar.gap, ..cifar.clone() }.bits() / svhn.bits();
        assert!(wider(1.0) > 28.0 && wider(1.12) > 1.0 && wider(1.0 + 1.0 / 7.0) < 1.0);
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
