//! What each layer keeps of the input and says of the label, by every estimator.

use super::{Controls, Estimator, InformationPlane, Reading, Source, Subject};
use libm::log2;
use methods::information::estimators::{
    gaussian_channel, gaussian_kernel, nearest_neighbours_entropy, nearest_neighbours_label, renyi_entropy, renyi_information,
    squared_distances,
};
use methods::information::kernels::{Sums, bounds, kernel_bounds};
use methods::information::{Bins, States};
use methods::network::model::Hidden;
use run::kernels::kernel_sum;
use run::prelude::*;

/// Samples of the matrix-based estimator: its eigenvalues cost n³.
const RENYI: usize = 100;
const ORDER: f64 = 1.01;
/// Samples that neighbours see at most: all their distances are held.
const NEIGHBOURS: usize = 600;
/// Pairs of samples between two looks at the run.
const PAIRS: usize = 1 << 20;

impl Estimator {
    /// Does it sort all samples into bins?
    pub(super) fn binned(self) -> bool {
        matches!(self, Estimator::Width | Estimator::Mass)
    }
}

impl InformationPlane {
    /// The samples that all of these estimators can see.
    pub(super) fn chosen(&self, estimators: &[Estimator]) -> &[usize] {
        let most = |estimator: &Estimator| match estimator {
            Estimator::Renyi => RENYI,
            Estimator::Neighbours => NEIGHBOURS,
            _ => usize::MAX,
        };
        let most = estimators.iter().map(most).min().unwrap_or(usize::MAX);
        &self.order[..self.samples().min(self.controls.samples).min(most)]
    }

    /// Measures the layers of subject `s` at snapshot `e` that are not measured yet.
    pub(super) async fn measure(mut self: Box<Self>, s: usize, e: usize, stage: &Stage<Self>) -> Box<Self> {
        let layers = e * self.widths.len()..(e + 1) * self.widths.len();
        let begun = self.subjects[s].measured.len().max(layers.start);
        if begun >= layers.end {
            return self;
        }
        let chosen = self.chosen(&[Estimator::Upper]).to_vec();
        let labels = of(&self.subjects[s].labels, &chosen);
        let mut from_gpu = self.sums_on_gpu(s, e, &chosen, &labels, stage.device()).await;
        for place in begun..layers.end {
            let l = place - layers.start;
            let t = self.activities(s, e, l);
            let sums = match &mut from_gpu {
                Some(all) => std::mem::take(&mut all[l]),
                None => {
                    let mut pairs = self.kernels_of(s, l, &t, &chosen).sums(&labels);
                    while !pairs.step(PAIRS) {
                        self = stage.part(self).await;
                    }
                    pairs.sums()
                }
            };
            let reading = self.read(s, (l, e), &t, &chosen, &sums);
            self.subjects[s].measured.push(reading);
            if (s, l) == (0, self.shown()) {
                self.seen = t;
            }
            self = stage.next(self).await;
        }
        self
    }

    /// The kernels' sums of all layers, where the GPU finds them faster. If it is lost over this, the CPU goes on.
    async fn sums_on_gpu(
        &mut self,
        s: usize,
        e: usize,
        chosen: &[usize],
        labels: &[u8],
        device: &Device,
    ) -> Option<Vec<Vec<Sums<f32>>>> {
        let gpu = device.gpu()?;
        let mut layers = Vec::new();
        for l in 0..self.widths.len() {
            let t = self.activities(s, e, l);
            layers.push(self.kernels_of(s, l, &t, chosen));
        }
        if !kernel_sum::pays(gpu, &layers, labels).await {
            return None;
        }
        kernel_sum::kernel_sums(gpu, &layers, labels).await.ok()
    }

    /// What the kernels see of layer `l` of subject `s`, whose activities are `t`.
    fn kernels_of(&self, s: usize, l: usize, t: &[f32], chosen: &[usize]) -> kernel_sum::Layer {
        kernel_sum::Layer {
            t: part(t, self.widths[l], chosen),
            units: self.widths[l],
            variance: self.subjects[s].variance(l, &self.controls),
        }
    }

    /// Both estimates of layer `l` at snapshot `e`, whose activities are `t` and whose kernels have these sums over the chosen samples.
    fn read(&self, s: usize, (l, e): (usize, usize), t: &[f32], chosen: &[usize], sums: &[Sums<f32>]) -> Reading {
        let kernels = bounds(sums, &of(&self.subjects[s].labels, chosen));
        let estimate = |estimator: Estimator, samples: &[usize]| match estimator {
            Estimator::Upper if samples == chosen => kernels.upper,
            Estimator::Lower if samples == chosen => kernels.lower,
            _ => self.subjects[s].estimate(estimator, &self.controls, (l, e), t, samples),
        };
        let both = [self.controls.estimator, self.controls.beside];
        let all: Vec<usize> = (0..self.samples()).collect();
        Reading {
            by: both.map(|estimator| estimate(estimator, if estimator.binned() { &all } else { self.chosen(&[estimator]) })),
            same: both.map(|estimator| estimate(estimator, self.chosen(&both)).0),
            bins: estimate(Estimator::Width, chosen).0,
            kernels: kernels.upper.0,
        }
    }
}

impl Subject {
    /// (I(X;T), I(T;Y)) in bits of layer `l` at snapshot `e`, whose activities are `t`, from these samples.
    fn estimate(
        &self,
        estimator: Estimator,
        controls: &Controls,
        (l, e): (usize, usize),
        t: &[f32],
        samples: &[usize],
    ) -> (f64, f64) {
        let (width, variance) = (t.len() / self.labels.len(), self.variance(l, controls));
        let t = part(t, width, samples);
        // Samples that are all alike tell nothing; what estimators make of them is their own noise, or rounding.
        if t.chunks_exact(width).all(|row| *row == t[..width]) {
            return (0.0, 0.0);
        }
        let labels = of(&self.labels, samples);
        let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        match estimator {
            Estimator::Width | Estimator::Mass => {
                let mut states = self.states(estimator, controls, l, &t, width);
                let conditional = part(&self.conditional, self.classes, samples);
                (states.entropy(), states.information_about(&conditional, self.classes))
            }
            Estimator::Upper => kernel_bounds(&t, width, &labels, variance).upper,
            Estimator::Lower => kernel_bounds(&t, width, &labels, variance).lower,
            Estimator::Neighbours => {
                let mut t = double(&t);
                let mut random = Random::new(self.seed, &format!("noise {l} {e}"));
                t.iter_mut().for_each(|v| *v += variance.sqrt() * random.normal());
                let noise = 0.5 * width as f64 * log2(2.0 * std::f64::consts::PI * std::f64::consts::E * variance);
                let h = nearest_neighbours_entropy(&squared_distances(&t, width), width, controls.neighbours);
                ((h - noise).max(0.0), nearest_neighbours_label(&t, width, &labels, controls.neighbours))
            }
            Estimator::Gaussian => gaussian_channel(&double(&t), width, &labels, variance),
            Estimator::Renyi => {
                let kernel = |x: &[f64], d: usize| {
                    let squared = squared_distances(x, d);
                    // The width: half the median distance.
                    let mut sorted = squared.clone();
                    sorted.sort_by(f64::total_cmp);
                    gaussian_kernel(&squared, 0.5 * sorted[sorted.len() / 2].sqrt().max(1e-6))
                };
                let n = samples.len();
                let kt = kernel(&double(&t), width);
                let ky: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(labels[i / n] == labels[i % n]))).collect();
                let d = self.inputs.len() / self.labels.len();
                let about_x = if d == 0 {
                    renyi_entropy(&kt, ORDER)
                } else {
                    renyi_information(&kernel(&double(&part(&self.inputs, d, samples)), d), &kt, ORDER)
                };
                (about_x, renyi_information(&kt, &ky, ORDER))
            }
        }
    }

    /// Samples whose activities are `t`, sorted by the tuple of their units' bins.
    fn states(&self, estimator: Estimator, controls: &Controls, l: usize, t: &[f32], width: usize) -> States {
        let (mut tuples, mut states) = (vec![0u16; t.len()], States::default());
        for unit in 0..width {
            let values: Vec<f32> = t.iter().skip(unit).step_by(width).copied().collect();
            if estimator == Estimator::Width {
                let (low, high) = self.bins_of(l, controls);
                Bins { low, high, count: controls.bins }.cut(&values, &mut tuples, width, unit);
            } else {
                equal_mass(&values, controls.bins, &mut tuples, width, unit);
            }
        }
        states.sort(&tuples, width);
        states
    }

    /// The noise of layer `l`.
    fn variance(&self, l: usize, controls: &Controls) -> f64 {
        controls.variance(if controls.injected { Controls::INJECTED } else { self.bins_of(l, controls) })
    }

    /// The interval that bins of equal width share: the activation's own, or the layer's over all snapshots.
    pub(super) fn bins_of(&self, l: usize, controls: &Controls) -> (f32, f32) {
        match (&self.source, controls.activation) {
            (Source::Network { .. }, Hidden::Tanh | Hidden::Softsign | Hidden::HardTanh) => (-1.0, 1.0),
            (Source::Network { .. }, Hidden::Sigmoid) => (0.0, 1.0),
            _ => self.ranges[l],
        }
    }
}

/// The rows of `values`, `width` numbers each, that belong to these samples.
fn part<T: Copy>(values: &[T], width: usize, samples: &[usize]) -> Vec<T> {
    samples.iter().flat_map(|i| values[i * width..(i + 1) * width].iter().copied()).collect()
}

/// The labels of these samples.
fn of(labels: &[u8], samples: &[usize]) -> Vec<u8> {
    samples.iter().map(|i| labels[*i]).collect()
}

/// Bins one unit's `values` into its place in the tuples, as many in every bin: the rank decides; equal values share the bin of their
/// first rank.
fn equal_mass(values: &[f32], count: usize, tuples: &mut [u16], width: usize, unit: usize) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut first = 0;
    for (rank, i) in order.iter().enumerate() {
        if rank > 0 && values[*i] != values[order[rank - 1]] {
            first = rank;
        }
        tuples[i * width + unit] = (first * count / values.len()) as u16;
    }
}
