//! Transport seen along lines: the mean over directions, its variance taken down, the worst direction, and the plans they give.

use super::closed::{on_a_line, squared_on_a_line};
use super::exact::Entry;

/// Two measures on points of `d` coordinates, to be projected.
#[derive(Clone, Debug)]
pub struct Projected {
    pub(super) d: usize,
    pub(super) x: Vec<f64>,
    pub(super) a: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) b: Vec<f64>,
    /// As many points on both sides, all of one mass: shadows then meet rank by rank.
    even: bool,
}

/// A place on a line as a whole number, in the order of `total_cmp`: sorting those takes half the time.
fn key(place: f64) -> i64 {
    let bits = place.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The place of a [`key`].
fn place(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

impl Projected {
    /// Points `x` with masses `a` and points `y` with masses `b`, each of sum 1; `d` coordinates a point.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(x: &[f64], a: &[f64], y: &[f64], b: &[f64], d: usize) -> Self {
        assert_eq!((x.len(), y.len()), (a.len() * d, b.len() * d), "d coordinates a mass");
        let even = a.len() == b.len() && a.iter().chain(b).all(|mass| *mass == a[0]);
        Projected { d, x: x.to_vec(), a: a.to_vec(), y: y.to_vec(), b: b.to_vec(), even }
    }

    /// The measures of equal masses on points `x` and on points `y`.
    pub fn equal(x: &[f64], y: &[f64], d: usize) -> Self {
        let masses = |points: &[f64]| vec![d as f64 / points.len() as f64; points.len() / d];
        Projected::new(x, &masses(x), y, &masses(y), d)
    }

    /// The points on both sides.
    pub fn points(&self) -> [&[f64]; 2] {
        [&self.x, &self.y]
    }

    /// The masses on both sides.
    pub fn masses(&self) -> [&[f64]; 2] {
        [&self.a, &self.b]
    }

    /// Where the points on both sides fall on `direction`.
    pub fn shadows(&self, direction: &[f64]) -> [Vec<f64>; 2] {
        let along = |p: &[f64]| p.iter().zip(direction).map(|(p, t)| p * t).sum();
        self.points().map(|points| match self.d {
            // Loops of known length.
            2 => points.as_chunks::<2>().0.iter().map(|p| p[0] * direction[0] + p[1] * direction[1]).collect(),
            3 => {
                let [u, v, w] = [direction[0], direction[1], direction[2]];
                points.as_chunks::<3>().0.iter().map(|p| p[0] * u + p[1] * v + p[2] * w).collect()
            }
            d => points.chunks_exact(d).map(along).collect(),
        })
    }

    /// W₂² between two [`shadows`](Self::shadows).
    pub fn between(&self, shadows: &[Vec<f64>; 2]) -> f64 {
        let [x, y] = shadows;
        if !self.even {
            return squared_on_a_line(x, &self.a, y, &self.b);
        }
        let [x, y] = [x, y].map(|shadow| {
            let mut keys: Vec<i64> = shadow.iter().map(|place| key(*place)).collect();
            keys.sort_unstable();
            keys
        });
        let squares = x.iter().zip(&y).map(|(x, y)| place(*x) - place(*y)).map(|apart| apart * apart);
        squares.sum::<f64>() / x.len() as f64
    }

    /// W₂² between the shadows on `direction`.
    pub fn squared(&self, direction: &[f64]) -> f64 {
        self.between(&self.shadows(direction))
    }

    /// W₂² between the shadows on `direction`, and the monotone plan between them.
    pub fn along(&self, direction: &[f64]) -> (f64, Vec<Entry>) {
        let [x, y] = self.shadows(direction);
        let entries: Vec<Entry> = if self.even {
            let [rows, columns] = [&x, &y].map(|shadow| {
                let mut ranked: Vec<(i64, usize)> = shadow.iter().enumerate().map(|(i, place)| (key(*place), i)).collect();
                ranked.sort_unstable();
                ranked
            });
            let mass = self.a[0];
            rows.iter().zip(&columns).map(|((_, row), (_, column))| Entry { row: *row, column: *column, mass }).collect()
        } else {
            on_a_line(&x, &self.a, &y, &self.b)
        };
        (entries.iter().map(|e| e.mass * (x[e.row] - y[e.column]) * (x[e.row] - y[e.column])).sum(), entries)
    }

    /// Half the slope of W₂² by the direction, given the plan along it: Mθ with M = Σ P (x − y)(x − y)ᵀ.
    pub fn uphill(&self, direction: &[f64], entries: &[Entry]) -> Vec<f64> {
        let d = self.d;
        let mut uphill = vec![0.0; d];
        for e in entries {
            let (x, y) = (&self.x[e.row * d..][..d], &self.y[e.column * d..][..d]);
            let along: f64 = x.iter().zip(y).zip(direction).map(|((x, y), t)| (x - y) * t).sum();
            uphill.iter_mut().zip(x.iter().zip(y)).for_each(|(u, (x, y))| *u += e.mass * along * (x - y));
        }
        uphill
    }

    /// The difference of the two means.
    pub(super) fn shift(&self) -> Vec<f64> {
        let mean = |points: &[f64], mass: &[f64], k: usize| -> f64 {
            points.chunks_exact(self.d).zip(mass).map(|(p, m)| p[k] * m).sum()
        };
        (0..self.d).map(|k| mean(&self.x, &self.a, k) - mean(&self.y, &self.b, k)).collect()
    }
}

/// Sliced W₂² over a growing number of directions, and the mean of their plans.
///
/// That mean is a plan between the two measures itself, so that its cost is never below W. Source: Liu et al., "Expected sliced transport
/// plans", 2025.
#[derive(Clone, Debug)]
pub struct Sliced {
    measures: Projected,
    pub(super) shift: Vec<f64>,
    /// W₂² of each direction, and (θᵀ(m − n))², whose mean over all directions is known.
    pub(super) values: Vec<(f64, f64)>,
    sum: Vec<f64>,
}

impl Sliced {
    /// Without a direction yet.
    pub fn new(measures: Projected) -> Self {
        let sum = vec![0.0; measures.a.len() * measures.b.len()];
        Sliced { shift: measures.shift(), measures, values: Vec::new(), sum }
    }

    /// One direction more.
    pub fn add(&mut self, direction: &[f64]) {
        let (value, entries) = self.measures.along(direction);
        let along: f64 = self.shift.iter().zip(direction).map(|(s, t)| s * t).sum();
        self.values.push((value, along * along));
        let columns = self.measures.b.len();
        entries.iter().for_each(|e| self.sum[e.row * columns + e.column] += e.mass);
    }

    /// Directions so far.
    pub fn directions(&self) -> usize {
        self.values.len()
    }

    /// The mean over the directions, and its standard error.
    pub fn value(&self) -> (f64, f64) {
        moments(self.values.iter().map(|v| v.0))
    }

    /// The mean plan, row by row.
    pub fn plan(&self) -> Vec<f64> {
        let scale = 1.0 / self.values.len().max(1) as f64;
        self.sum.iter().map(|p| p * scale).collect()
    }
}

/// Mean and standard error.
pub(super) fn moments(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let spread: f64 = values.map(|v| (v - mean) * (v - mean)).sum();
    (mean, (spread / (n * (n - 1.0).max(1.0))).sqrt())
}

/// The direction along which two measures are furthest apart: the best of some, then uphill.
///
/// W₂² along θ is θᵀMθ with M = Σ P (x − y)(x − y)ᵀ for the plan P of that direction, so Mθ is [uphill](Projected::uphill). Source: Deshpande et al.,
/// "Max-sliced Wasserstein distance and its use for GANs", 2019.
#[derive(Clone, Debug)]
pub struct MaxSliced {
    measures: Projected,
    /// The best direction so far.
    pub direction: Vec<f64>,
    /// W₂² along it.
    pub value: f64,
    /// Its plan.
    pub entries: Vec<Entry>,
    stride: f64,
}

impl MaxSliced {
    /// From the direction of the means' difference, or the first axis.
    pub fn new(measures: Projected) -> Self {
        let mut direction = measures.shift();
        if !normalise(&mut direction) {
            direction = (0..measures.d).map(|k| if k == 0 { 1.0 } else { 0.0 }).collect();
        }
        MaxSliced::from(measures, direction)
    }

    /// From a `direction`.
    pub fn from(measures: Projected, direction: Vec<f64>) -> Self {
        let (value, entries) = measures.along(&direction);
        MaxSliced { measures, direction, value, entries, stride: 1.0 }
    }

    /// Takes `direction` if it is better.
    pub fn offer(&mut self, direction: &[f64]) -> bool {
        let (value, entries) = self.measures.along(direction);
        let better = value > self.value;
        if better {
            (self.value, self.entries, self.direction) = (value, entries, direction.to_vec());
        }
        better
    }

    /// One step uphill; false when there is none any more.
    pub fn climb(&mut self) -> bool {
        let mut uphill = self.measures.uphill(&self.direction, &self.entries);
        if !normalise(&mut uphill) {
            return false;
        }
        while self.stride > 1e-9 {
            let mut there: Vec<f64> =
                self.direction.iter().zip(&uphill).map(|(t, u)| (1.0 - self.stride) * t + self.stride * u).collect();
            if normalise(&mut there) && self.offer(&there) {
                self.stride = (2.0 * self.stride).min(1.0);
                return true;
            }
            self.stride *= 0.5;
        }
        false
    }
}

/// To length 1, unless it is 0.
pub(super) fn normalise(direction: &mut [f64]) -> bool {
    let length = direction.iter().map(|t| t * t).sum::<f64>().sqrt();
    direction.iter_mut().for_each(|t| *t /= if length > 0.0 { length } else { 1.0 });
    length > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::transport::{NetworkSimplex, cost_of_entries, directions, marginal_error, sliced};

    fn clouds() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut random = Random::new(8, "clouds");
        let mut cloud = |n: usize, shift: f64| -> Vec<f64> {
            (0..2 * n).map(|k| random.normal() * if k % 2 == 0 { 1.5 } else { 0.4 } + shift).collect()
        };
        let (x, y) = (cloud(40, 0.0), cloud(50, 1.0));
        let cost =
            x.chunks(2).flat_map(|p| y.chunks(2).map(move |q| (p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1])));
        let cost = cost.collect();
        (x, y, cost)
    }

    #[test]
    fn the_mean_plan_is_a_plan_and_the_bounds_hold() {
        let (x, y, cost) = clouds();
        let (a, b) = (vec![1.0 / 40.0; 40], vec![1.0 / 50.0; 50]);
        let measures = Projected::new(&x, &a, &y, &b, 2);
        let mut random = Random::new(3, "directions");
        let lines = directions(2, 200, &mut random);
        let mut mean = Sliced::new(measures.clone());
        lines.chunks(2).for_each(|t| mean.add(t));
        assert!((mean.value().0 - sliced(&x, &a, &y, &b, 2, &lines)).abs() < 1e-12);
        let plan = mean.plan();
        assert!(marginal_error(&plan, &a, &b) < 1e-13);
        let mut simplex = NetworkSimplex::new(&cost, &a, &b);
        while !simplex.advance(1e6) {}
        let exact = simplex.certificate().primal;
        let dear: f64 = plan.iter().zip(&cost).map(|(p, c)| p * c).sum();
        assert!(mean.value().0 < exact && exact < dear);
        let mut worst = MaxSliced::new(measures);
        lines.chunks(2).for_each(|t| _ = worst.offer(t));
        while worst.climb() {}
        let best = lines.chunks(2).map(|t| worst.measures.along(t).0).fold(0.0, f64::max);
        assert!(worst.value >= best && worst.value < exact && best > 0.9 * worst.value);
        assert!(cost_of_entries(&cost, 50, &worst.entries) >= exact);
        // A fine scan of the half circle finds nothing better.
        let scan = (0..2000).map(|k| f64::from(k) * std::f64::consts::PI / 2000.0);
        let scanned = scan.map(|t| worst.measures.along(&[libm::cos(t), libm::sin(t)]).0).fold(0.0, f64::max);
        assert!(worst.value >= scanned - 1e-12);
    }

    #[test]
    fn the_control_variate_is_nearer_to_the_truth() {
        let (x, y, _) = clouds();
        let (a, b) = (vec![1.0 / 40.0; 40], vec![1.0 / 50.0; 50]);
        let even: Vec<f64> =
            (0..4000).map(|k| f64::from(k) * std::f64::consts::PI / 4000.0).flat_map(|t| [libm::cos(t), libm::sin(t)]).collect();
        let truth = sliced(&x, &a, &y, &b, 2, &even);
        let (mut plain, mut controlled) = (0.0, 0.0);
        for seed in 0..20 {
            let mut random = Random::new(seed, "directions");
            let mut mean = Sliced::new(Projected::new(&x, &a, &y, &b, 2));
            directions(2, 30, &mut random).chunks(2).for_each(|t| mean.add(t));
            let square = |v: f64| (v - truth) * (v - truth);
            plain += square(mean.value().0);
            controlled += square(mean.controlled().0);
        }
        assert!(controlled < 0.5 * plain, "{controlled}, {plain}");
    }
}
