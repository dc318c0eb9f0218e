//! Estimators of entropy and mutual information from samples, each with what it assumes and how it errs. All in bits.
//!
//! Samples are row-major, `n` rows of `d` numbers.

use crate::linear::product::Product;
use crate::statistics::order;
use libm::{log, log2};
use nalgebra::DMatrix;
use std::f64::consts::{LN_2, LOG2_E};

/// Squared distances between all pairs of rows of `x`, n × n.
pub fn squared_distances(x: &[f64], d: usize) -> Vec<f64> {
    crate::transport::squared_distances(x, x, d)
}

/// Samples (`d` numbers each) in the order of their first coordinates, so that those near to one are found in a stretch.
struct Line<'a> {
    values: &'a [f64],
    d: usize,
    /// The samples in that order, and the place of each in it.
    order: Vec<usize>,
    place: Vec<usize>,
}

impl<'a> Line<'a> {
    fn new(values: &'a [f64], d: usize) -> Self {
        let order = order(&values.iter().step_by(d).copied().collect::<Vec<_>>());
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(p, i)| place[*i] = p);
        Line { values, d, order, place }
    }

    fn first(&self, place: usize) -> f64 {
        self.values[self.order[place] * self.d]
    }

    /// In the maximum norm.
    fn distance(&self, i: usize, j: usize) -> f64 {
        let d = self.d;
        let pairs = self.values[i * d..(i + 1) * d].iter().zip(&self.values[j * d..(j + 1) * d]);
        pairs.fold(0.0f64, |m, (a, b)| m.max((a - b).abs()))
    }

    /// How many samples are nearer to sample `i` than `radius`, itself included.
    fn within(&self, i: usize, radius: f64) -> usize {
        let own = self.values[i * self.d];
        let begin = self.order.partition_point(|j| own - self.values[j * self.d] >= radius);
        let end = self.order.partition_point(|j| self.values[j * self.d] - own < radius);
        if self.d == 1 {
            return end.saturating_sub(begin);
        }
        self.order[begin..end.max(begin)].iter().filter(|j| self.distance(i, **j) < radius).count()
    }
}

/// I(X;Y) of two continuous variables by `k` nearest neighbours in the maximum norm, their first algorithm.
///
/// Assumes independent samples without ties. Errs: too low where the information is large against log k n; nearly unbiased where it is
/// small. About n√(nk) distances for single numbers, n² in many dimensions. Source: Kraskov, Stögbauer & Grassberger, "Estimating mutual information", 2004.
///
/// # Panics
/// If the numbers of samples differ, or `k` is not in 1..n.
pub fn nearest_neighbours(x: &[f64], dx: usize, y: &[f64], dy: usize, k: usize) -> f64 {
    nearest_neighbours_seen(x, dx, y, dy, k).0 * LOG2_E
}

/// The same in nats, and how many pairs of samples were looked at.
///
/// # Panics
/// As [`nearest_neighbours`].
pub fn nearest_neighbours_seen(x: &[f64], dx: usize, y: &[f64], dy: usize, k: usize) -> (f64, usize) {
    let n = x.len() / dx;
    assert!(y.len() / dy == n && (1..n).contains(&k), "as many x as y, and more samples than neighbours");
    let (across, up) = (Line::new(x, dx), Line::new(y, dy));
    // ψ(m) = −γ + Σ_{i<m} 1/i; γ falls out.
    let mut psi = vec![0.0; n + 1];
    (2..=n).for_each(|m| psi[m] = psi[m - 1] + 1.0 / (m - 1) as f64);
    let mut nearest = Vec::new();
    let (mut sum, mut seen) = (0.0, 0);
    for i in 0..n {
        // Outwards on both sides of x's first coordinate, until what is left is farther away than the k-th neighbour so far.
        nearest.clear();
        let (mut left, mut right) = (across.place[i], across.place[i] + 1);
        let radius = loop {
            let gap = |place: usize| (across.first(place) - x[i * dx]).abs();
            let below = if left > 0 { gap(left - 1) } else { f64::INFINITY };
            let above = if right < n { gap(right) } else { f64::INFINITY };
            let radius = if nearest.len() == k { nearest[k - 1] } else { f64::INFINITY };
            if below.min(above) >= radius {
                break radius;
            }
            let place = if below < above {
                left -= 1;
                left
            } else {
                right += 1;
                right - 1
            };
            seen += 1;
            let j = across.order[place];
            let distance = across.distance(i, j).max(up.distance(i, j));
            if distance < radius {
                nearest.truncate(k - 1);
                nearest.insert(nearest.partition_point(|d| *d <= distance), distance);
            }
        };
        // The sample itself is the one that the formula adds to its strict counts; where all are at distance 0 it is not within.
        sum += psi[across.within(i, radius).max(1)] + psi[up.within(i, radius).max(1)];
    }
    ((psi[n] + psi[k] - sum / n as f64).max(0.0), seen)
}

/// I(X;Y) of a continuous X and a discrete Y by `k` nearest neighbours among samples of the same label.
///
/// Labels with fewer than two samples are left out; where a label has no more than `k`, all of its samples are neighbours.
/// Source: Ross, "Mutual information between discrete and continuous data sets", 2014.
pub fn nearest_neighbours_label(x: &[f64], d: usize, labels: &[u8], k: usize) -> f64 {
    let squared = squared_distances(x, d);
    let all = labels.len();
    let count = |label: u8| labels.iter().filter(|l| **l == label).count();
    let kept: Vec<usize> = (0..all).filter(|i| count(labels[*i]) > 1).collect();
    let n = kept.len() as f64;
    let mut sum = 0.0;
    for &i in &kept {
        let row = &squared[i * all..(i + 1) * all];
        let mut same: Vec<f64> = kept.iter().filter(|j| labels[**j] == labels[i] && **j != i).map(|j| row[*j]).collect();
        let neighbours = k.min(same.len());
        let (_, radius, _) = same.select_nth_unstable_by(neighbours - 1, f64::total_cmp);
        let within = kept.iter().filter(|j| row[**j] < *radius).count().max(1);
        sum += digamma(neighbours as f64) - digamma(count(labels[i]) as f64) - digamma(within as f64);
    }
    ((digamma(n) + sum / n) * LOG2_E).max(0.0)
}

/// The differential entropy h(X) by `k` nearest neighbours in the Euclidean norm: ψ(n) − ψ(k) + ln V_d + d·mean ln ε, in bits.
///
/// Assumes independent samples without ties (give them a little noise). Errs: too high where the density varies within the distance ε to
/// the k-th neighbour, as it does in many dimensions. Source: Kozachenko & Leonenko, 1987.
pub fn nearest_neighbours_entropy(squared: &[f64], d: usize, k: usize) -> f64 {
    let n = squared.len().isqrt();
    let distance = |i: usize| {
        let mut row: Vec<f64> = (0..n).filter(|j| *j != i).map(|j| squared[i * n + j]).collect();
        let (_, square, _) = row.select_nth_unstable_by(k - 1, f64::total_cmp);
        0.5 * log(square.max(1e-300))
    };
    let mean = (0..n).map(distance).sum::<f64>() / n as f64;
    // V_d = π^{d/2}/Γ(d/2+1)
    let ball = 0.5 * d as f64 * log(std::f64::consts::PI) - libm::lgamma(0.5 * d as f64 + 1.0);
    (digamma(n as f64) - digamma(k as f64) + ball + d as f64 * mean) * LOG2_E
}

/// The matrix-based Rényi entropy of order `alpha` of a kernel matrix K (n × n, ones on its diagonal): log₂ Σ λᵢ(K/n)^α / (1−α).
///
/// Assumes a kernel width that fits the data; there is no density behind it. Source: Sánchez Giraldo, Rao & Príncipe, 2015.
pub fn renyi_entropy(kernel: &[f64], alpha: f64) -> f64 {
    let n = kernel.len().isqrt();
    let eigenvalues = DMatrix::from_fn(n, n, |i, j| kernel[i * n + j] / n as f64).symmetric_eigenvalues();
    log2(eigenvalues.iter().map(|v| libm::pow(v.max(0.0), alpha)).sum::<f64>()) / (1.0 - alpha)
}

/// Matrix-based Rényi mutual information: S(K) + S(L) − S(K∘L), the joint kernel being the entry-wise product.
pub fn renyi_information(k: &[f64], l: &[f64], alpha: f64) -> f64 {
    let joint: Vec<f64> = k.iter().zip(l).map(|(a, b)| a * b).collect();
    renyi_entropy(k, alpha) + renyi_entropy(l, alpha) - renyi_entropy(&joint, alpha)
}

/// The Gaussian kernel exp(−‖·‖²/(2σ²)) of `squared` distances.
pub fn gaussian_kernel(squared: &[f64], width: f64) -> Vec<f64> {
    let mut kernel: Vec<f64> = squared.iter().map(|d| -d / (2.0 * width * width)).collect();
    f64::exp_each(&mut kernel);
    kernel
}

/// I(X;Y) of jointly Gaussian X and Y, the first `dx` coordinates of a covariance matrix and the rest: ½ log₂ |Σx||Σy|/|Σ|. Exact.
pub fn gaussian_information(covariance: &DMatrix<f64>, dx: usize) -> f64 {
    let dy = covariance.nrows() - dx;
    let (x, y) = (covariance.view((0, 0), (dx, dx)), covariance.view((dx, dx), (dy, dy)));
    0.5 * log(x.into_owned().determinant() * y.into_owned().determinant() / covariance.determinant()) / LN_2
}

/// (I(X;T), I(T;Y)) of T = f(X) + Gaussian noise of the given variance as if f(X) (rows of `d` numbers) were Gaussian:
/// ½ log₂ |1 + Σ/σ²|, less its mean over the classes.
///
/// I(X;T) is exact if f(X) is Gaussian, and else too large: nothing of that covariance has more entropy. Source: Cover & Thomas 2006,
/// theorem 8.6.5.
pub fn gaussian_channel(t: &[f64], d: usize, labels: &[u8], variance: f64) -> (f64, f64) {
    let half_log = |members: &[usize]| {
        let n = members.len() as f64;
        let rows = || members.iter().map(|i| &t[i * d..(i + 1) * d]);
        let mean: Vec<f64> = (0..d).map(|u| rows().map(|row| row[u]).sum::<f64>() / n).collect();
        let covariance = |a: usize, b: usize| rows().map(|row| (row[a] - mean[a]) * (row[b] - mean[b])).sum::<f64>() / n;
        let signal = DMatrix::from_fn(d, d, |a, b| covariance(a, b) / variance + f64::from(u8::from(a == b)));
        let factor = signal.cholesky().expect("no smaller than one");
        factor.l_dirty().diagonal().iter().map(|v| log2(*v)).sum::<f64>()
    };
    let everyone: Vec<usize> = (0..labels.len()).collect();
    let all = half_log(&everyone);
    let within: f64 = (0..=255)
        .map(|class| everyone.iter().copied().filter(|i| labels[*i] == class).collect::<Vec<usize>>())
        .filter(|members| !members.is_empty())
        .map(|members| members.len() as f64 / labels.len() as f64 * half_log(&members))
        .sum();
    (all, all - within)
}

/// ψ(x), the logarithmic derivative of Γ, for x > 0; to 1e-12. Recurrence up to 10, then the asymptotic series.
pub fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 10.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let s = 1.0 / (x * x);
    log(x) - 0.5 / x - s * (1.0 / 12.0 - s * (1.0 / 120.0 - s * (1.0 / 252.0 - s * (1.0 / 240.0 - s / 132.0)))) - below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// n pairs of jointly Gaussian x and y of unit variance and correlation ρ.
    fn pairs(n: usize, rho: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let mut random = Random::new(seed, "pairs");
        (0..n)
            .map(|_| {
                let (a, b) = (random.normal(), random.normal());
                (a, rho * a + (1.0 - rho * rho).sqrt() * b)
            })
            .unzip()
    }

    #[test]
    fn digamma_at_known_places() {
        let gamma = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + gamma).abs() < 1e-12);
        assert!((digamma(0.5) + gamma + 2.0 * LN_2).abs() < 1e-12);
        assert!((digamma(3.0) - (1.5 - gamma)).abs() < 1e-12);
    }

    #[test]
    fn neighbours_find_the_information_of_gaussians() {
        for (rho, tolerance) in [(0.0, 0.03), (0.6, 0.06), (0.9, 0.08)] {
            let exact = gaussian_information(&DMatrix::from_row_slice(2, 2, &[1.0, rho, rho, 1.0]), 1);
            assert!((exact + 0.5 * log2(1.0 - rho * rho)).abs() < 1e-12);
            let mean =
                (0..4).map(|seed| pairs(1500, rho, seed)).map(|(x, y)| nearest_neighbours(&x, 1, &y, 1, 4)).sum::<f64>() / 4.0;
            assert!((mean - exact).abs() < tolerance, "ρ = {rho}: {mean} and {exact}");
        }
    }

    #[test]
    fn neighbours_find_the_entropy_of_gaussians() {
        let mut random = Random::new(9, "entropy");
        for d in [1, 3] {
            let x: Vec<f64> = (0..1500 * d).map(|_| 0.3 * random.normal()).collect();
            let exact = 0.5 * d as f64 * log2(2.0 * std::f64::consts::PI * std::f64::consts::E * 0.09);
            let found = nearest_neighbours_entropy(&squared_distances(&x, d), d, 4);
            assert!((found - exact).abs() < 0.1 * d as f64, "{d}: {found} and {exact}");
        }
    }

    /// Two coordinates each, of which only the first ones know of each other.
    #[test]
    fn neighbours_find_the_information_of_gaussians_in_the_plane() {
        let (mut sum, rho) = (0.0, 0.8);
        for seed in 0..4 {
            let ((a, b), (c, d)) = (pairs(1500, rho, seed), pairs(1500, 0.0, seed + 100));
            let both = |x: &[f64], y: &[f64]| x.iter().zip(y).flat_map(|(x, y)| [*x, *y]).collect::<Vec<f64>>();
            sum += nearest_neighbours(&both(&a, &c), 2, &both(&b, &d), 2, 4) / 4.0;
        }
        let exact = -0.5 * log2(1.0 - rho * rho);
        assert!((sum - exact).abs() < 0.08, "{sum} and {exact}");
    }

    #[test]
    fn gaussian_channels_are_exact_on_gaussians() {
        // T = X + Z in two correlated dimensions: ½ log₂ |1 + Σ/σ²|.
        let (n, rho, variance) = (200_000, 0.6, 0.3);
        let (x, y) = pairs(n, rho, 3);
        let t: Vec<f64> = x.iter().zip(&y).flat_map(|(x, y)| [*x, *y]).collect();
        let exact = 0.5 * log2((1.0 + 1.0 / variance) * (1.0 + 1.0 / variance) - rho * rho / (variance * variance));
        let labels: Vec<u8> = x.iter().map(|x| u8::from(*x > 0.0)).collect();
        let (all, label) = gaussian_channel(&t, 2, &labels, variance);
        assert!((all - exact).abs() < 0.01, "{all} and {exact}");
        assert!(label > 0.0 && label < all);
        let (all, label) = gaussian_channel(&t, 2, &vec![0; n], variance);
        assert!((all - exact).abs() < 0.01 && label.abs() < 1e-12);
        // Layers that never move tell nothing.
        assert_eq!(gaussian_channel(&[0.5; 20], 2, &[1; 10], variance), (0.0, 0.0));
    }

    #[test]
    fn renyi_at_its_ends() {
        // All samples equal: one eigenvalue. All far apart: n equal ones.
        let (n, one) = (16, vec![1.0; 256]);
        let apart: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect();
        assert!(renyi_entropy(&one, 1.01).abs() < 1e-9);
        assert!((renyi_entropy(&apart, 1.01) - 4.0).abs() < 1e-9);
        assert!(
            (renyi_information(&apart, &apart, 1.01) - 4.0).abs() < 1e-9 && renyi_information(&apart, &one, 1.01).abs() < 1e-9
        );
    }

    /// Against scikit-learn's two estimators on the same numbers; see make_estimators.py.
    #[test]
    fn neighbours_agree_with_scikit_learn() {
        let rows = include_str!("../../../tests/fixtures/estimators.csv").lines();
        let parts: Vec<(&str, Vec<f64>)> = rows
            .map(|row| {
                let (name, numbers) = row.split_once(',').unwrap();
                (name, numbers.split(',').map(|cell| cell.parse().unwrap()).collect())
            })
            .collect();
        let part = |name: &str| &parts.iter().find(|(n, _)| *n == name).unwrap().1;
        let labels: Vec<u8> = part("label").iter().map(|v| *v as u8).collect();
        for x in ["linear", "square", "noise"] {
            let both = nearest_neighbours(part(x), 1, part("y"), 1, 3) * LN_2;
            let theirs = part(&format!("{x} y"))[0];
            assert!((both - theirs).abs() < 1e-6, "{x} and y: {both} and {theirs}");
            let label = nearest_neighbours_label(part(x), 1, &labels, 3) * LN_2;
            let theirs = part(&format!("{x} label"))[0];
            assert!((label - theirs).abs() < 1e-6, "{x} and label: {label} and {theirs}");
        }
    }
}
