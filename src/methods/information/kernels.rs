//! Bounds on information from Gaussian kernels between all pairs of samples, without ever holding all pairs.
//!
//! For T = f(X) + Gaussian noise of variance σ² and n equally likely samples whose f are tᵢ:
//!
//! ```text
//! −mean log₂ (1/n) Σⱼ exp(−‖tᵢ − tⱼ‖²/(8σ²))  ≤  I(T;X)  ≤  the same with 2σ²,
//! ```
//!
//! and I(T;Y) is that less its mean over the classes. They err: tight where samples form heaps that are far apart or equal; between 0 and
//! log₂ n always. The sums run on the GPU where that is faster, by a kernel that is held against these.
//! Source: Kolchinsky & Tracey, "Estimating mixture entropy with pairwise distances", 2017 (Bhattacharyya and Kullback-Leibler).

use libm::log2;

use crate::linear::product::Product;

/// What [`bounds`] needs of a sample: Σⱼ of the kernel with 8σ², over all samples and over those of its class; the same with 2σ².
pub type Sums<T> = [T; 4];

/// The sums of every sample on their way, pair by pair.
pub struct KernelSums<T> {
    /// Unit by unit, the samples in `order`.
    columns: Vec<T>,
    /// The samples, class by class, and where each one's class begins in that order.
    order: Vec<usize>,
    begins: Vec<usize>,
    scale: T,
    sums: [Vec<T>; 4],
    row: Vec<T>,
    next: usize,
}

impl<T: Product> KernelSums<T> {
    /// For samples `t` (n × `d`) with their labels and noise of the given variance.
    pub fn new(t: &[T], d: usize, labels: &[u8], variance: f64) -> Self {
        let n = labels.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|i| labels[*i]);
        let columns = (0..d).flat_map(|u| order.iter().map(move |i| t[i * d + u])).collect();
        let begins = order.iter().map(|i| order.partition_point(|j| labels[*j] < labels[*i])).collect();
        // A sample is in its own sums.
        let sums = std::array::from_fn(|_| vec![T::real(1.0); n]);
        KernelSums { columns, order, begins, scale: T::real(-1.0 / (8.0 * variance)), sums, row: Vec::new(), next: 1 }
    }

    /// Goes on by at least `pairs` pairs; true when all are done.
    pub fn step(&mut self, pairs: usize) -> bool {
        let n = self.order.len();
        let mut done = 0;
        while self.next < n && done < pairs {
            let i = self.next;
            self.row.clear();
            self.row.resize(i, T::default());
            for unit in self.columns.chunks_exact(n) {
                let own = unit[i];
                self.row.iter_mut().zip(unit).for_each(|(sum, other)| *sum += (own - *other) * (own - *other));
            }
            self.row.iter_mut().for_each(|square| *square = *square * self.scale);
            T::exp_each(&mut self.row);
            let class = self.begins[i];
            for power in 0..2 {
                // exp(−d/2σ²) is the fourth power of exp(−d/8σ²).
                if power == 1 {
                    self.row.iter_mut().for_each(|k| *k = (*k * *k) * (*k * *k));
                }
                let (others, own) = self.row.split_at(class);
                let own_sum = sum(own);
                let [all, within] = &mut self.sums[2 * power..2 * power + 2] else { unreachable!("two of four") };
                all[i] += sum(others) + own_sum;
                within[i] += own_sum;
                all.iter_mut().zip(&self.row).for_each(|(sum, k)| *sum += *k);
                within[class..].iter_mut().zip(own).for_each(|(sum, k)| *sum += *k);
            }
            done += i;
            self.next += 1;
        }
        self.next >= n
    }

    /// The sums of every sample, in the order in which they were given.
    pub fn sums(&self) -> Vec<Sums<T>> {
        let mut all = vec![[T::default(); 4]; self.order.len()];
        for (place, i) in self.order.iter().enumerate() {
            all[*i] = std::array::from_fn(|k| self.sums[k][place]);
        }
        all
    }
}

/// In eight chains, so that none waits for itself.
fn sum<T: Product>(values: &[T]) -> T {
    let mut chains = [T::default(); 8];
    let eights = values.chunks_exact(8);
    let rest = eights.remainder().iter().fold(T::default(), |a, b| a + *b);
    eights.for_each(|eight| chains.iter_mut().zip(eight).for_each(|(chain, v)| *chain += *v));
    chains.iter().fold(rest, |a, b| a + *b)
}

/// Bounds in bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// From below: of I(T;X), and the same estimate of I(T;Y), which is a bound of nothing, being a difference.
    pub lower: (f64, f64),
    /// From above.
    pub upper: (f64, f64),
}

/// The bounds that belong to sums.
pub fn bounds<T: Product + Into<f64>>(sums: &[Sums<T>], labels: &[u8]) -> Bounds {
    let mut members = [0usize; 256];
    labels.iter().for_each(|label| members[usize::from(*label)] += 1);
    let n = labels.len() as f64;
    let of = |which: usize| {
        // Nothing is 0, and not −0.
        let mean = |log: &dyn Fn(&Sums<T>, u8) -> f64| 0.0 - sums.iter().zip(labels).map(|(s, y)| log(s, *y)).sum::<f64>() / n;
        let all = mean(&|s, _| log2(s[which].into() / n));
        let within = mean(&|s, y| log2(s[which + 1].into() / members[usize::from(y)] as f64));
        (all, all - within)
    };
    Bounds { lower: of(0), upper: of(2) }
}

/// The bounds for samples `t` (n × `d`) with their labels, at once.
pub fn kernel_bounds<T: Product + Into<f64>>(t: &[T], d: usize, labels: &[u8], variance: f64) -> Bounds {
    let mut sums = KernelSums::new(t, d, labels, variance);
    sums.step(usize::MAX);
    bounds(&sums.sums(), labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Three heaps far apart against small noise: every bound is the entropy of the heaps.
    #[test]
    fn exact_on_heaps() {
        let x: Vec<f64> = (0..120).map(|i| 100.0 * [0.0, 0.0, 1.0, 2.0][i % 4]).collect();
        let labels: Vec<u8> = (0..120).map(|i| u8::from(i % 4 > 1)).collect();
        let Bounds { lower, upper } = kernel_bounds(&x, 1, &labels, 0.01);
        for (x, y) in [lower, upper] {
            assert!((x - 1.5).abs() < 1e-12 && (y - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn enclose_a_gaussian_channel() {
        let mut random = Random::new(7, "channel");
        let x: Vec<f64> = (0..2000).map(|_| random.normal()).collect();
        for variance in [0.05, 0.3, 2.0] {
            let Bounds { lower, upper } = kernel_bounds(&x, 1, &[0; 2000], variance);
            let exact = 0.5 * log2(1.0 + 1.0 / variance);
            assert!(lower.0 - 0.02 < exact && exact < upper.0 + 0.02, "{variance}: {lower:?} {exact} {upper:?}");
        }
    }

    /// Against the definition, pair by pair; in steps of any length the same bits.
    #[test]
    fn sums_are_what_they_are_called() {
        let mut random = Random::new(2, "sums");
        let (n, d, variance) = (61, 3, 0.2);
        let t: Vec<f64> = (0..n * d).map(|_| random.normal()).collect();
        let labels: Vec<u8> = (0..n).map(|_| [0, 3, 200][random.below(3)]).collect();
        let mut sums = KernelSums::new(&t, d, &labels, variance);
        while !sums.step(7) {}
        let mut at_once = KernelSums::new(&t, d, &labels, variance);
        at_once.step(usize::MAX);
        assert_eq!(sums.sums(), at_once.sums());
        for (i, found) in sums.sums().iter().enumerate() {
            let square = |j: usize| (0..d).map(|u| (t[i * d + u] - t[j * d + u]) * (t[i * d + u] - t[j * d + u])).sum::<f64>();
            let of = |width: f64, same: bool| -> f64 {
                (0..n).filter(|j| !same || labels[*j] == labels[i]).map(|j| libm::exp(-square(j) / (width * variance))).sum()
            };
            for (found, exact) in found.iter().zip([of(8.0, false), of(8.0, true), of(2.0, false), of(2.0, true)]) {
                assert!((found - exact).abs() < 1e-12 * exact, "{found} and {exact}");
            }
        }
    }
}
