//! Information in bits: binned activities, entropies of tuples, mutual information, and the information bottleneck's curve.
//!
//! Sources: Cover & Thomas, "Elements of Information Theory", 2006; Tishby, Pereira & Bialek, "The information bottleneck method",
//! 1999; the binning estimator is that of Shwartz-Ziv & Tishby, 2017.

pub mod continuous;
pub mod estimators;
pub mod kernels;

use libm::{exp, log, log2};

/// −Σ p log₂ p of a distribution; terms with p = 0 are 0.
pub fn entropy(p: impl IntoIterator<Item = f64>) -> f64 {
    p.into_iter().filter(|p| *p > 0.0).map(|p| -p * log2(p)).sum()
}

/// I(A;B) = H(A) + H(B) − H(A,B) of a joint distribution, `columns` values of B a row.
pub fn mutual_information(joint: &[f64], columns: usize) -> f64 {
    let rows = entropy(joint.chunks_exact(columns).map(|row| row.iter().sum()));
    let of_column = |c: usize| joint.iter().skip(c).step_by(columns).sum();
    rows + entropy((0..columns).map(of_column)) - entropy(joint.iter().copied())
}

/// Equal bins of an interval; what lies outside falls into the first or the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bins {
    /// Lower end.
    pub low: f32,
    /// Upper end; an interval of no length is one bin.
    pub high: f32,
    /// How many, 1 to 65,536.
    pub count: usize,
}

impl Bins {
    /// Puts the bin of every sample's value, 0 the lowest, at place `unit` of the sample's tuple of `width` bins; NaN falls into the highest.
    pub fn cut(&self, values: &[f32], tuples: &mut [u16], width: usize, unit: usize) {
        let length = self.high - self.low;
        let scale = if length > 0.0 { self.count as f32 / length } else { 0.0 };
        let last = (self.count - 1) as f32;
        for (tuple, v) in tuples.chunks_exact_mut(width).zip(values) {
            let place = (v - self.low) * scale;
            let place = if place < last { place } else { last };
            tuple[unit] = (if place > 0.0 { place } else { 0.0 }) as i32 as u16;
        }
    }
}

/// Samples sorted by their state, the tuple of all their bins: equal tuples, equal state.
///
/// The samples are equally likely: p(t) = size of state t / number of samples. Reused so that nothing is allocated the second time.
#[derive(Clone, Debug, Default)]
pub struct States {
    /// The state of every sample, numbered in the order in which they first occur.
    pub of: Vec<u32>,
    /// How many samples are in each state.
    pub sizes: Vec<u32>,
    /// The first sample of each state.
    first: Vec<u32>,
    /// Open addressing by the tuple's hash: state + 1, or 0 where free.
    table: Vec<u32>,
    mass: Vec<f64>,
}

impl States {
    /// Sorts the samples, each `width` bins long.
    pub fn sort(&mut self, bins: &[u16], width: usize) {
        let slots = (2 * bins.len() / width).next_power_of_two();
        self.table.clear();
        self.table.resize(slots, 0);
        self.of.clear();
        self.sizes.clear();
        self.first.clear();
        for (sample, tuple) in bins.chunks_exact(width).enumerate() {
            let hash =
                tuple.iter().fold(0u64, |h, bin| (h ^ u64::from(*bin)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23));
            let mut slot = (hash ^ (hash >> 32)) as usize & (slots - 1);
            let state = loop {
                match self.table[slot] {
                    0 => {
                        self.first.push(sample as u32);
                        self.sizes.push(0);
                        self.table[slot] = self.sizes.len() as u32;
                        break self.sizes.len() - 1;
                    }
                    entry => {
                        let state = entry as usize - 1;
                        if tuple == &bins[self.first[state] as usize * width..][..width] {
                            break state;
                        }
                    }
                }
                slot = (slot + 1) & (slots - 1);
            };
            self.sizes[state] += 1;
            self.of.push(state as u32);
        }
    }

    /// H(T) = log₂ n − Σ c log₂ c / n; for a deterministic map of the samples it is I(X;T).
    pub fn entropy(&self) -> f64 {
        let n = self.of.len() as f64;
        let many = self.sizes.iter().filter(|size| **size > 1).map(|size| f64::from(*size) * log2(f64::from(*size)));
        log2(n) - many.sum::<f64>() / n
    }

    /// I(T;Y) = H(Y) − Σ p(t) H(Y|t) for p(y|x) given as samples × `classes`, with p(t,y) = Σ_{x in t} p(y|x) / n.
    pub fn information_about(&mut self, conditional: &[f64], classes: usize) -> f64 {
        let n = self.of.len() as f64;
        self.mass.clear();
        self.mass.resize(self.sizes.len() * classes, 0.0);
        for (state, p) in self.of.iter().zip(conditional.chunks_exact(classes)) {
            let mass = &mut self.mass[*state as usize * classes..][..classes];
            mass.iter_mut().zip(p).for_each(|(m, p)| *m += p);
        }
        let of_class = |y: usize| self.mass.iter().skip(y).step_by(classes).sum::<f64>() / n;
        let within = self.mass.chunks_exact(classes).zip(&self.sizes).map(|(mass, size)| {
            let size = f64::from(*size);
            size * entropy(mass.iter().map(|m| m / size))
        });
        entropy((0..classes).map(of_class)) - within.sum::<f64>() / n
    }
}

/// The information bottleneck by Blahut and Arimoto's alternation: clusters t of x that keep what x says of y.
///
/// Minimises I(X;T) − β I(T;Y) over p(t|x). One [`sweep`](Bottleneck::sweep) costs O(inputs × clusters × classes). The problem is not
/// convex: start at a large β, where the clusters are apart, and lower it.
#[derive(Clone, Debug)]
pub struct Bottleneck {
    /// What I(T;Y) is worth against I(X;T).
    pub beta: f64,
    clusters: usize,
    classes: usize,
    /// p(x).
    input: Vec<f64>,
    /// p(y|x), inputs × classes.
    conditional: Vec<f64>,
    /// p(t|x), inputs × clusters.
    encoder: Vec<f64>,
    /// p(t).
    marginal: Vec<f64>,
    /// p(y|t), clusters × classes.
    decoder: Vec<f64>,
    logs: Vec<f64>,
}

impl Bottleneck {
    /// For inputs of probability `input` (p(x)) with `conditional` p(y|x), inputs × `classes`. Each cluster starts as as many inputs as the
    /// others, neighbours in the order given: like inputs should stand side by side.
    pub fn new(input: &[f64], conditional: &[f64], classes: usize, clusters: usize, beta: f64) -> Self {
        assert_eq!(input.len() * classes, conditional.len(), "one distribution of y an input");
        let whole = input.iter().sum::<f64>();
        let mut encoder = vec![0.0; input.len() * clusters];
        for (i, row) in encoder.chunks_exact_mut(clusters).enumerate() {
            row[i * clusters / input.len()] = 1.0;
        }
        let mut new = Bottleneck {
            beta,
            clusters,
            classes,
            input: input.iter().map(|p| p / whole).collect(),
            conditional: conditional.to_vec(),
            encoder,
            marginal: vec![0.0; clusters],
            decoder: vec![1.0 / classes as f64; clusters * classes],
            logs: vec![0.0; clusters * (classes + 1)],
        };
        new.decode();
        new
    }

    /// p(t) and p(y|t) of the encoder.
    fn decode(&mut self) {
        let (clusters, classes) = (self.clusters, self.classes);
        let mut joint = vec![0.0; clusters * classes];
        self.marginal.fill(0.0);
        let inputs = self.input.iter().zip(self.encoder.chunks_exact(clusters)).zip(self.conditional.chunks_exact(classes));
        for ((px, encoder), conditional) in inputs {
            for t in 0..clusters {
                let p = px * encoder[t];
                self.marginal[t] += p;
                joint[t * classes..][..classes].iter_mut().zip(conditional).for_each(|(j, y)| *j += p * y);
            }
        }
        for t in 0..clusters {
            // A cluster that nothing falls into keeps its distribution.
            if self.marginal[t] > 0.0 {
                (0..classes).for_each(|y| self.decoder[t * classes + y] = joint[t * classes + y] / self.marginal[t]);
            }
        }
    }

    /// p(t|x) ∝ p(t) exp(−β D_KL(p(y|x) ‖ p(y|t))), then p(t) and p(y|t) anew.
    pub fn sweep(&mut self) {
        let (clusters, classes) = (self.clusters, self.classes);
        // log p(t) + β Σ_y p(y|x) log p(y|t): what D_KL has beside it does not depend on t. The floor stands for log 0 and keeps 0·log 0 at 0.
        let floored = |p: f64| log(p.max(1e-300));
        for t in 0..clusters {
            self.logs[t * (classes + 1)] = floored(self.marginal[t]);
            for y in 0..classes {
                self.logs[t * (classes + 1) + 1 + y] = self.beta * floored(self.decoder[t * classes + y]);
            }
        }
        for (encoder, conditional) in self.encoder.chunks_exact_mut(clusters).zip(self.conditional.chunks_exact(classes)) {
            for (e, logs) in encoder.iter_mut().zip(self.logs.chunks_exact(classes + 1)) {
                *e = logs[0] + logs[1..].iter().zip(conditional).map(|(l, p)| l * p).sum::<f64>();
            }
            let top = encoder.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            encoder.iter_mut().for_each(|e| *e = exp(*e - top));
            let sum: f64 = encoder.iter().sum();
            encoder.iter_mut().for_each(|e| *e /= sum);
        }
        self.decode();
    }

    /// (I(X;T), I(T;Y)) of the clusters as they are.
    pub fn point(&self) -> (f64, f64) {
        let encoder = self.encoder.chunks_exact(self.clusters);
        let noise: f64 = self.input.iter().zip(encoder).map(|(p, row)| p * entropy(row.iter().copied())).sum();
        let decoder = self.decoder.chunks_exact(self.classes);
        let within: f64 = self.marginal.iter().zip(decoder).map(|(p, row)| p * entropy(row.iter().copied())).sum();
        let of_class =
            |y: usize| self.marginal.iter().zip(self.decoder[y..].iter().step_by(self.classes)).map(|(p, q)| p * q).sum();
        (entropy(self.marginal.iter().copied()) - noise, entropy((0..self.classes).map(of_class)) - within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }

    #[test]
    fn entropies_of_known_distributions() {
        near(entropy([0.25; 4]), 2.0, 1e-15);
        near(entropy([0.5, 0.25, 0.125, 0.125, 0.0]), 1.75, 1e-15);
        // A binary symmetric channel that flips one bit in ten: 1 − h(0.1).
        near(mutual_information(&[0.45, 0.05, 0.05, 0.45], 2), 0.531_004_406_410_718_8, 1e-14);
        near(mutual_information(&[0.06, 0.14, 0.24, 0.56], 2), 0.0, 1e-15);
    }

    /// Labels of pairs and scikit-learn's mutual_info_score of them, see make_mutual_information.py.
    #[test]
    fn agrees_with_scikit_learn() {
        let fixture = include_str!("../../tests/fixtures/mutual_information.csv");
        for row in fixture.lines().skip(1) {
            let cells: Vec<&str> = row.split(',').collect();
            let digits = |cell: &str| cell.bytes().map(|b| u16::from(b - b'a')).collect::<Vec<u16>>();
            let (a, b, nats): (_, _, f64) = (digits(cells[0]), digits(cells[1]), cells[2].parse().unwrap());
            let classes = 26;
            let mut one_hot = vec![0.0; b.len() * classes];
            b.iter().enumerate().for_each(|(i, y)| one_hot[i * classes + usize::from(*y)] = 1.0);
            let mut states = States::default();
            states.sort(&a, 1);
            near(states.information_about(&one_hot, classes), nats / std::f64::consts::LN_2, 1e-12);
            let mut joint = vec![0.0; classes * classes];
            a.iter().zip(&b).for_each(|(x, y)| joint[usize::from(*x) * classes + usize::from(*y)] += 1.0 / a.len() as f64);
            near(mutual_information(&joint, classes), nats / std::f64::consts::LN_2, 1e-12);
        }
    }

    #[test]
    fn bins_are_equal_and_closed_at_both_ends() {
        let values = [-2.0, -1.0, -0.51, -0.5, 0.0, 0.49, 0.5, 1.0, 9.0, f32::NAN];
        let mut tuples = [7; 20];
        Bins { low: -1.0, high: 1.0, count: 4 }.cut(&values, &mut tuples, 2, 1);
        assert_eq!(tuples, [7, 0, 7, 0, 7, 0, 7, 1, 7, 2, 7, 2, 7, 3, 7, 3, 7, 3, 7, 3]);
        Bins { low: 2.0, high: 2.0, count: 30 }.cut(&[2.0, 2.0], &mut tuples[..2], 1, 0);
        assert_eq!(tuples[..2], [0, 0]);
    }

    /// States against sorting the tuples themselves.
    #[test]
    fn equal_tuples_and_only_those_share_a_state() {
        let mut random = Random::new(1, "tuples");
        let mut states = States::default();
        for (samples, width, count) in [(4096, 10, 3), (4096, 1, 1000), (1000, 3, 5), (1, 2, 2)] {
            let bins: Vec<u16> = (0..samples * width).map(|_| random.below(count) as u16).collect();
            states.sort(&bins, width);
            let mut by_tuple = std::collections::BTreeMap::new();
            for (tuple, state) in bins.chunks_exact(width).zip(&states.of) {
                assert_eq!(*by_tuple.entry(tuple).or_insert(*state), *state);
            }
            assert_eq!(by_tuple.len(), states.sizes.len());
            assert_eq!(states.sizes.iter().sum::<u32>() as usize, samples);
        }
    }

    #[test]
    fn an_identity_map_keeps_every_bit() {
        let (mut tuples, mut states) = (vec![0; 4096 * 12], States::default());
        for count in [2, 3, 30, 1000] {
            for unit in 0..12 {
                let values: Vec<f32> = (0..4096).map(|x| (x >> unit & 1) as f32).collect();
                Bins { low: 0.0, high: 1.0, count }.cut(&values, &mut tuples, 12, unit);
            }
            states.sort(&tuples, 12);
            assert_eq!(states.entropy(), 12.0);
        }
    }

    /// For a uniform bit through a symmetric channel the bottleneck is again such a channel: with q the flips of the encoder,
    /// I(X;T) = 1 − h(q) and I(T;Y) = 1 − h(q(1−p) + (1−q)p), where β is the slope between them.
    #[test]
    fn bottleneck_of_a_binary_symmetric_channel() {
        let p = 0.1;
        let h = |p: f64| entropy([p, 1.0 - p]);
        for beta in [2.0, 3.0, 10.0] {
            let mut bottleneck = Bottleneck::new(&[0.5, 0.5], &[1.0 - p, p, p, 1.0 - p], 2, 2, beta);
            (0..2000).for_each(|_| bottleneck.sweep());
            // log₂((1−q)/q) = β (1−2p) log₂((1−r)/r) with r the flips of both: the derivatives of the two sides of the Lagrangian.
            let slope = |q: f64| {
                let r = q * (1.0 - p) + (1.0 - q) * p;
                log2((1.0 - q) / q) - beta * (1.0 - 2.0 * p) * log2((1.0 - r) / r)
            };
            let (mut low, mut high) = (1e-12, 0.4999);
            for _ in 0..200 {
                let middle = (low + high) / 2.0;
                if slope(middle) > 0.0 { low = middle } else { high = middle }
            }
            let q = (low + high) / 2.0;
            let (input, output) = bottleneck.point();
            near(input, 1.0 - h(q), 1e-9);
            near(output, 1.0 - h(q * (1.0 - p) + (1.0 - q) * p), 1e-9);
        }
        // Below β = 1/(1−2p)² keeping anything costs more than it is worth.
        let mut bottleneck = Bottleneck::new(&[0.5, 0.5], &[1.0 - p, p, p, 1.0 - p], 2, 2, 1.2);
        (0..2000).for_each(|_| bottleneck.sweep());
        near(bottleneck.point().0, 0.0, 1e-9);
    }

    /// With as many clusters as inputs and β large, the clusters keep all that the inputs say of y.
    #[test]
    fn bottleneck_keeps_everything_in_the_limit() {
        let conditional: Vec<f64> = (0..8).flat_map(|i| [i as f64 / 7.0, 1.0 - i as f64 / 7.0]).collect();
        let input = [0.125; 8];
        let mut bottleneck = Bottleneck::new(&input, &conditional, 2, 8, 1e4);
        (0..100).for_each(|_| bottleneck.sweep());
        let joint: Vec<f64> = conditional.iter().map(|p| p / 8.0).collect();
        let (kept, about) = bottleneck.point();
        near(about, mutual_information(&joint, 2), 1e-12);
        near(kept, 3.0, 1e-12);
        assert!(about <= kept);
    }
}
