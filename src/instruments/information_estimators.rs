//! The information plane of a network trained on the spot, or of activities of the reader's own, by several estimators side by side.
//!
//! Reference: Shwartz-Ziv & Tishby 2017; the dispute: Saxe et al. 2018, Goldfeld et al. 2019. A deterministic layer with continuous
//! units has infinite I(X;T): every estimator puts noise in, openly (a variance) or not (the width of a bin).
//! Claim of trust: binning behaves like Gaussian noise of the bin's own variance, width²/12: with that noise the kernel bounds of
//! Kolchinsky & Tracey lie within half a bit of the binned I(X;T), over layers and epochs in the mean.

use libm::{exp, log, log2};

use crate::claim::{Measures, Verdict, mean, most};
use crate::data::rule::{BITS, PATTERNS, SphereRule};
use crate::data::{Array, Dataset, Library};
use crate::experiment::{Card, Experiment, Panel, Paper, Preset, Progress, Reproduction};
use crate::gpu::Device;
use crate::methods::information::estimators::{
    gaussian_kernel, kernel_bounds, kernel_label_information, nearest_neighbours_entropy, nearest_neighbours_label,
    renyi_entropy, renyi_information, squared_distances,
};
use crate::methods::information::{Bins, Bottleneck, States, entropy};
use crate::methods::model::Room;
use crate::methods::nn::{Activation, Classification, Loss, Network, Start};
use crate::methods::optimize::{Optimizer, Rule};
use crate::methods::random::Random;
use crate::methods::training::{Recipe, Training, evaluate};
use crate::view::{Axis, Cell, Chart, Ink, Mark, Table, View};
use crate::{Error, Result};

choice! {
    /// What the network learns.
    pub enum Problem { Rule => "12-bit rule", Digits => "digits" }
}

choice! {
    /// The activation of the hidden layers.
    pub enum Sigma { Tanh => "tanh", Relu => "ReLU", Softplus => "softplus", Sigmoid => "sigmoid" }
}

choice! {
    /// How information is estimated.
    pub enum Estimator {
        Width => "bins of equal width",
        Mass => "bins of equal mass",
        Upper => "kernels, upper bound",
        Lower => "kernels, lower bound",
        Neighbours => "nearest neighbours",
        Renyi => "matrix-based Rényi",
    }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        estimator: Choice(Estimator) = Estimator::Width, "", "which estimate the plane shows";
        beside: Choice(Estimator) = Estimator::Upper, "", "a second one, dashed: where they part, the estimator speaks and not the network";
        bins: LogCount(2, 100) = 30, "B", "more bins see finer differences, up to every input by itself";
        noise: Log(0.00001, 1.0) = 0.00037, "σ²", "the noise that kernels and neighbours add; 0.00037 is that of 30 bins over −1 to 1";
        neighbours: Count(1, 20) = 4, "k", "fewer: less bias, more scatter";
        samples: Count(100, 600) = 256, "n", "samples of the pairwise estimators: none of them sees more than log₂ n bits";
        problem: Choice(Problem) = Problem::Rule, "", "what the network learns";
        layers: Text(40) = "10-7-5-4-3", "", "units of the hidden layers";
        activation: Choice(Sigma) = Sigma::Tanh, "σ", "units that saturate seem to forget";
        step_size: Log(0.001, 1.0) = 0.1, "η", "larger: both phases pass sooner";
        batch: LogCount(16, 4096) = 256, "b", "the whole training set at once: no noise in the gradient";
        weight_decay: LogZero(0.000001, 0.01) = 0.0, "λ", "keeps units out of saturation";
        epochs: LogCount(20, 2000) = 500, "", "how long to train";
        shown: Count(1, 8) = 5, "ℓ", "the layer in the lower pictures";
    }
}

/// Epochs at which activities are kept, log-spaced.
const SNAPSHOTS: usize = 24;
/// Samples of the matrix-based estimator: its eigenvalues cost n³.
const RENYI: usize = 100;
const ORDER: f64 = 1.01;
const BETAS: usize = 16;

/// Where activities come from.
enum Source {
    Network {
        training: Box<Training>,
        task: Box<Classification>,
        snapshots: Vec<(usize, Vec<f32>)>,
    },
    /// Layer by layer, epochs × samples × units.
    Own(Vec<Array>),
}

/// The two estimates of one layer at one epoch: I(X;T) and I(T;Y), each.
type Point = [(f64, f64); 2];

/// A run.
pub struct InformationPlane {
    controls: Controls,
    seed: u64,
    source: Source,
    /// Of the samples that the plane is measured on: p(y|x), samples × classes; labels; inputs, none for the reader's own.
    conditional: Vec<f64>,
    labels: Vec<u8>,
    inputs: Vec<f32>,
    classes: usize,
    /// Units of the layers.
    widths: Vec<usize>,
    /// The smallest and largest activity of each layer over all snapshots.
    ranges: Vec<(f32, f32)>,
    ranged: usize,
    /// Which samples the pairwise estimators see.
    chosen: Vec<usize>,
    /// Layer by layer, snapshot by snapshot.
    points: Vec<Vec<Point>>,
    /// For every layer and snapshot, on the same samples: I(X;T) by bins of equal width, and the kernels' upper bound.
    ruler: Vec<(f64, f64)>,
    /// Per layer and epoch: norm of the batches' mean gradient, and of their standard deviation.
    phases: Vec<Vec<[f64; 2]>>,
    sums: Vec<[f64; 2]>,
    batches: usize,
    scores: Vec<[f64; 2]>,
    bottleneck: Option<(usize, Bottleneck)>,
    bound: Vec<(f64, f64)>,
    activities: Vec<f32>,
    room: Room,
    /// Where each layer's weights are.
    places: Vec<std::ops::Range<usize>>,
    done: usize,
}

impl InformationPlane {
    fn epochs(&self) -> Vec<usize> {
        match &self.source {
            Source::Network { .. } => snapshots(self.controls.epochs),
            Source::Own(layers) => (0..layers[0].shape[0]).collect(),
        }
    }

    fn samples(&self) -> usize {
        self.labels.len()
    }

    /// The activities of layer `l` at snapshot `e`, samples × units, into `self.activities`.
    fn look(&mut self, e: usize, l: usize) {
        let (n, width) = (self.labels.len(), self.widths[l]);
        match &self.source {
            Source::Network { training, snapshots, .. } => {
                let network = training.network.with(snapshots[e].1.clone());
                network.forward(&self.inputs, &mut self.room);
                self.activities.clear();
                self.activities.extend_from_slice(self.room.layer(l));
            }
            Source::Own(layers) => {
                let size = n * width;
                self.activities = layers[l].values[e * size..(e + 1) * size].iter().map(|v| *v as f32).collect();
            }
        }
    }

    /// Takes the ranges of one snapshot's layers in.
    fn range(&mut self) {
        let e = self.ranged;
        for l in 0..self.widths.len() {
            self.look(e, l);
            let range = self.activities.iter().fold(self.ranges[l], |(low, high), v| (low.min(*v), high.max(*v)));
            self.ranges[l] = range;
        }
        self.ranged += 1;
    }

    /// Estimates the next layer of the next snapshot.
    fn measure(&mut self) {
        let l = (0..self.widths.len()).min_by_key(|l| self.points[*l].len()).expect("there are layers");
        let e = self.points[l].len();
        self.look(e, l);
        let point = [self.controls.estimator, self.controls.beside].map(|estimator| self.estimate(estimator, l, e));
        self.points[l].push(point);
        let width = self.widths[l];
        let t: Vec<f32> = self.chosen.iter().flat_map(|i| self.activities[i * width..(i + 1) * width].iter().copied()).collect();
        let bins = self.states(Estimator::Width, l, &t).entropy();
        let double: Vec<f64> = t.iter().map(|v| f64::from(*v)).collect();
        self.ruler.push((bins, kernel_bounds(&squared_distances(&double, width), self.controls.noise).1));
    }

    /// The samples whose activities are `t`, sorted by the tuple of their units' bins.
    fn states(&self, estimator: Estimator, l: usize, t: &[f32]) -> States {
        let width = self.widths[l];
        let (mut tuples, mut states) = (vec![0u16; t.len()], States::default());
        for unit in 0..width {
            let values: Vec<f32> = t.iter().skip(unit).step_by(width).copied().collect();
            self.cut(estimator, l, &values, &mut tuples, unit);
        }
        states.sort(&tuples, width);
        states
    }

    /// (I(X;T), I(T;Y)) in bits, from `self.activities`.
    fn estimate(&self, estimator: Estimator, l: usize, e: usize) -> (f64, f64) {
        let width = self.widths[l];
        if matches!(estimator, Estimator::Width | Estimator::Mass) {
            let mut states = self.states(estimator, l, &self.activities);
            return (states.entropy(), states.information_about(&self.conditional, self.classes));
        }
        let chosen = if estimator == Estimator::Renyi { &self.chosen[..self.chosen.len().min(RENYI)] } else { &self.chosen[..] };
        let mut t: Vec<f64> =
            chosen.iter().flat_map(|i| self.activities[i * width..(i + 1) * width].iter().map(|v| f64::from(*v))).collect();
        let labels: Vec<u8> = chosen.iter().map(|i| self.labels[*i]).collect();
        let deviation = self.controls.noise.sqrt();
        match estimator {
            Estimator::Upper | Estimator::Lower => {
                let squared = squared_distances(&t, width);
                let (all, label) = (
                    kernel_bounds(&squared, self.controls.noise),
                    kernel_label_information(&squared, &labels, self.controls.noise),
                );
                if estimator == Estimator::Upper { (all.1, label.1) } else { (all.0, label.0) }
            }
            Estimator::Neighbours => {
                let mut random = Random::new(self.seed, &format!("noise {l} {e}"));
                t.iter_mut().for_each(|v| *v += deviation * random.normal());
                let noise = 0.5 * width as f64 * log2(2.0 * std::f64::consts::PI * std::f64::consts::E * self.controls.noise);
                let h = nearest_neighbours_entropy(&squared_distances(&t, width), width, self.controls.neighbours);
                ((h - noise).max(0.0), nearest_neighbours_label(&t, width, &labels, self.controls.neighbours))
            }
            _ => {
                let kernel = |x: &[f64], d: usize| {
                    let squared = squared_distances(x, d);
                    // The width: half the median distance.
                    let mut sorted = squared.clone();
                    sorted.sort_by(f64::total_cmp);
                    gaussian_kernel(&squared, 0.5 * sorted[sorted.len() / 2].sqrt().max(1e-6))
                };
                let n = chosen.len();
                let kt = kernel(&t, width);
                let ky: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(labels[i / n] == labels[i % n]))).collect();
                let d = self.inputs.len() / self.samples().max(1);
                let about_x = if d == 0 {
                    renyi_entropy(&kt, ORDER)
                } else {
                    let x: Vec<f64> =
                        chosen.iter().flat_map(|i| self.inputs[i * d..(i + 1) * d].iter().map(|v| f64::from(*v))).collect();
                    renyi_information(&kernel(&x, d), &kt, ORDER)
                };
                (about_x, renyi_information(&kt, &ky, ORDER))
            }
        }
    }

    /// Bins one unit's `values` into its place in the tuples.
    fn cut(&self, estimator: Estimator, l: usize, values: &[f32], tuples: &mut [u16], unit: usize) {
        let (width, count) = (self.widths[l], self.controls.bins);
        if estimator == Estimator::Width {
            let (low, high) = self.bins_of(l);
            return Bins { low, high, count }.cut(values, tuples, width, unit);
        }
        // Equal mass: the rank decides; equal values share the bin of their first rank.
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

    /// The interval that bins of equal width share: the activation's own, or the layer's over all snapshots.
    fn bins_of(&self, l: usize) -> (f32, f32) {
        match (&self.source, self.controls.activation) {
            (Source::Network { .. }, Sigma::Tanh) => (-1.0, 1.0),
            (Source::Network { .. }, Sigma::Sigmoid) => (0.0, 1.0),
            _ => self.ranges[l],
        }
    }

    /// One batch of training, and what its gradient adds to drift and diffusion.
    fn train(&mut self) {
        let Source::Network { training, task, snapshots } = &mut self.source else { return };
        let before = training.epochs();
        training.step(task);
        self.batches += 1;
        for ([sum, squares], g) in self.sums.iter_mut().zip(training.gradient()) {
            *sum += f64::from(*g);
            *squares += f64::from(*g) * f64::from(*g);
        }
        if training.epochs() == before {
            return;
        }
        let n = self.batches as f64;
        for (l, phases) in self.phases.iter_mut().enumerate() {
            let (mut drift, mut diffusion) = (0.0, 0.0);
            for [sum, squares] in &self.sums[self.places[l].clone()] {
                let mean = sum / n;
                drift += mean * mean;
                diffusion += (squares / n - mean * mean).max(0.0);
            }
            phases.push([drift.sqrt(), diffusion.sqrt()]);
        }
        (self.batches, self.sums) = (0, vec![[0.0; 2]; self.sums.len()]);
        let epoch = training.epochs();
        let next = self.scores.len();
        if self::snapshots(self.controls.epochs).get(next) == Some(&epoch) {
            snapshots.push((epoch, training.network.theta().to_vec()));
            let (loss, accuracy) = evaluate(&training.network, Loss::CrossEntropy, &task.test_x, &task.test_y, &mut self.room);
            self.scores.push([loss, accuracy]);
        }
    }

    fn trained(&self) -> bool {
        match &self.source {
            Source::Network { training, .. } => training.epochs() >= self.controls.epochs,
            Source::Own(_) => true,
        }
    }

    fn known(&self) -> bool {
        matches!(self.source, Source::Network { .. }) && self.controls.problem == Problem::Rule
    }

    /// H(Y) and I(X;Y) of the samples.
    fn limits(&self) -> (f64, f64) {
        let n = self.samples() as f64;
        let of_class = |y: usize| self.conditional.iter().skip(y).step_by(self.classes).sum::<f64>() / n;
        let h = entropy((0..self.classes).map(of_class));
        let noise: f64 = self.conditional.chunks_exact(self.classes).map(|p| entropy(p.iter().copied())).sum();
        (h, h - noise / n)
    }

    fn ink(&self, l: usize) -> Ink {
        Ink::Ramp(0.15 + 0.85 * l as f32 / (self.widths.len() - 1).max(1) as f32)
    }

    fn plane(&self) -> Chart {
        let (h, information) = self.limits();
        let most_x = log2(self.samples() as f64);
        let mut marks = vec![Mark::at_y("I(X;Y)", information)];
        if !self.bound.is_empty() {
            let (x, y) = self.bound.iter().copied().unzip();
            marks.push(Mark::dashed("bottleneck bound", Ink::Muted, x, y));
        }
        for (l, points) in self.points.iter().enumerate() {
            let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| p[0]).unzip();
            let shade = (0..points.len()).map(|e| e as f32 / (SNAPSHOTS - 1) as f32).collect();
            if let (Some(x), Some(y)) = (x.last(), y.last()) {
                marks.push(Mark::Label { text: (l + 1).to_string(), at: (*x, *y), ink: Ink::Text });
            }
            let name = if l == 0 { "a layer, light to dark over the epochs" } else { "" };
            marks.push(Mark::Trail { name: name.into(), x, y, shade });
        }
        Chart {
            x: Axis::linear("I(X;T), what a layer keeps of the input").unit("bits").range(0.0, most_x),
            y: Axis::linear("I(T;Y), what it says of the label").unit("bits").range(0.0, 1.02 * h.max(1e-3)),
            marks,
            ..Chart::default()
        }
    }

    fn beside_chart(&self) -> Chart {
        let epochs: Vec<f64> = self.epochs().iter().map(|e| (*e).max(1) as f64).collect();
        let mut marks = vec![Mark::at_y("most that pairs of n samples show", log2(self.chosen.len() as f64))];
        for (l, points) in self.points.iter().enumerate() {
            let x = epochs[..points.len()].to_vec();
            let of = |which: usize| points.iter().map(|p| p[which].0).collect();
            let name = |on: bool, words: &str| if on && l == 0 { words.to_string() } else { String::new() };
            let [first, second] = [self.controls.estimator, self.controls.beside].map(crate::controls::Options::index);
            let names = <Estimator as crate::controls::Options>::NAMES;
            marks.push(Mark::line(name(true, names[first]), self.ink(l), x.clone(), of(0)));
            marks.push(Mark::dashed(name(true, names[second]), self.ink(l), x, of(1)));
        }
        Chart { x: Axis::log("epoch"), y: Axis::linear("I(X;T)").unit("bits"), marks, ..Chart::default() }
    }

    fn score_chart(&self) -> Chart {
        let epochs: Vec<f64> = self.epochs().iter().take(self.scores.len()).map(|e| *e as f64).collect();
        let of = |k: usize| self.scores.iter().map(|s| s[k]).collect();
        let marks = vec![
            Mark::line("test loss (nats)", Ink::Series(1), epochs.clone(), of(0)),
            Mark::line("test accuracy", Ink::Series(0), epochs, of(1)),
        ];
        Chart { x: Axis::log("epoch"), y: Axis::linear("loss, accuracy"), marks, ..Chart::default() }
    }

    fn phase_chart(&self) -> Chart {
        let l = self.shown();
        let phases = self.phases.get(l).map_or(&[][..], |p| p);
        // Every snapshot's epoch and the ones around it, averaged: single epochs scatter.
        let epochs: Vec<usize> = self.epochs().into_iter().filter(|e| *e <= phases.len()).collect();
        let mean = |i: usize, k: usize| {
            let from = if i == 0 { 0 } else { epochs[i - 1] };
            phases[from..epochs[i]].iter().map(|p| p[k]).sum::<f64>() / (epochs[i] - from) as f64
        };
        let line = |k: usize| (0..epochs.len()).map(|i| mean(i, k)).collect::<Vec<f64>>();
        let x: Vec<f64> = epochs.iter().map(|e| *e as f64).collect();
        let marks = vec![
            Mark::line(format!("standard deviation, layer {}", l + 1), Ink::Series(1), x.clone(), line(1)),
            Mark::line(format!("mean, layer {}", l + 1), Ink::Series(0), x, line(0)),
        ];
        Chart { x: Axis::log("epoch"), y: Axis::log("gradient over an epoch's batches"), marks, ..Chart::default() }
    }

    fn shown(&self) -> usize {
        self.controls.shown.min(self.widths.len()) - 1
    }

    fn histogram(&self) -> Chart {
        let l = self.shown();
        let (low, high) = self.bins_of(l);
        let (low, high) = if low < high { (f64::from(low), f64::from(high)) } else { (-1.0, 1.0) };
        let bins = self.controls.bins.min(60);
        let edges: Vec<f64> = (0..=bins).map(|i| low + (high - low) * i as f64 / bins as f64).collect();
        let mut share = vec![0.0; bins];
        for v in &self.activities {
            let place = ((f64::from(*v) - low) / (high - low) * bins as f64).clamp(0.0, bins as f64 - 1.0);
            share[place as usize] += 1.0 / self.activities.len() as f64;
        }
        let x = Axis::linear(format!("activity of a unit in layer {}, in its bins", l + 1));
        let marks = vec![Mark::Histogram { name: String::new(), ink: Ink::Series(0), edges, y: share }];
        Chart { x, y: Axis::linear("share of the activities"), marks, ..Chart::default() }
    }

    /// The mean over layers and snapshots of the distance between bins and kernels on the same samples, bits.
    fn disagreement(&self) -> f64 {
        self.ruler.iter().map(|(bins, kernels)| (bins - kernels).abs()).sum::<f64>() / self.ruler.len() as f64
    }

    /// By how much, at worst, a deeper layer seems to know more of the input than the one before it.
    fn violation(&self) -> f64 {
        let pairs = self.points.windows(2).flat_map(|pair| pair[0].iter().zip(&pair[1]));
        pairs.map(|(below, above)| above[0].0 - below[0].0).fold(0.0, f64::max)
    }

    fn readings(&self) -> Table {
        let (h, information) = self.limits();
        let last = self.shown();
        let end = |k: usize| self.points[last].last().map_or(f64::NAN, |p| p[k].0);
        let saturated = self.activities.iter().filter(|v| v.abs() > 0.95).count() as f64 / self.activities.len().max(1) as f64;
        let rows = [
            ("H(X), log₂ of the samples", log2(self.samples() as f64)),
            ("H(Y)", h),
            ("I(X;Y)", information),
            ("most that the pairwise estimators can see, log₂ n", log2(self.chosen.len() as f64)),
            ("I(X;T) at the end, shown layer, solid", end(0)),
            ("I(X;T) at the end, shown layer, dashed", end(1)),
            ("mean distance of bins and kernels, on the same samples", self.disagreement()),
            ("data processing violated by at most", self.violation()),
            ("shown layer: share of activities beyond ±0.95", saturated),
        ];
        let row = |(name, value): (&str, f64)| vec![Cell::Text(name.into()), Cell::Number(value)];
        Table {
            columns: vec!["reading".into(), "bits".into()],
            rows: rows.into_iter().filter(|r| r.1.is_finite()).map(row).collect(),
        }
    }
}

/// Log-spaced epochs from 1 to the last.
fn snapshots(epochs: usize) -> Vec<usize> {
    let mut all: Vec<usize> =
        (0..SNAPSHOTS).map(|i| exp(log(epochs as f64) * i as f64 / (SNAPSHOTS - 1) as f64).round() as usize).collect();
    all.dedup();
    all
}

/// The i-th β of the bottleneck's curve, from 100 down to 1.
fn beta(i: usize) -> f64 {
    exp(log(100.0) * (1.0 - i as f64 / (BETAS - 1) as f64))
}

/// The widths of the hidden layers that "10-7-5" writes.
fn widths(text: &str) -> Result<Vec<usize>> {
    let wrong =
        || Error::new(format!("control layers: '{text}' is not one to eight numbers from 1 to 256 joined by '-', as in 10-7-5"));
    let widths: Vec<usize> = text.split('-').map(|w| w.trim().parse().map_err(|_| wrong())).collect::<Result<_>>()?;
    if (1..=8).contains(&widths.len()) && widths.iter().all(|w| (1..=256).contains(w)) { Ok(widths) } else { Err(wrong()) }
}

/// The reader's activities: an array named `labels` (samples) and either one array a layer (epochs × samples × units) or a single one
/// with the layers as its second axis.
fn own(arrays: &[Array]) -> Result<(Vec<Array>, Vec<u8>)> {
    let file = &arrays[0].name;
    let wrong =
        |what: String| Error::new(format!("{what}; give labels (samples) and activities, epochs × samples × units a layer"));
    let is_labels = |a: &&Array| a.name.ends_with("labels") || a.shape.len() == 1;
    let labels = arrays.iter().find(is_labels).ok_or_else(|| wrong(format!("{file}: no array named labels")))?;
    let valid = |v: &f64| v.fract() == 0.0 && (0.0..=255.0).contains(v);
    if !labels.values.iter().all(valid) {
        return Err(wrong(format!("{}: labels are whole numbers from 0 to 255", labels.name)));
    }
    let n = labels.values.len();
    let mut layers = Vec::new();
    for array in arrays.iter().filter(|a| !is_labels(a)) {
        let shape = &array.shape;
        match shape.len() {
            3 if shape[1] == n => layers.push(array.clone()),
            4 if shape[2] == n => {
                let (epochs, count, size) = (shape[0], shape[1], shape[2] * shape[3]);
                for l in 0..count {
                    let part = |e: usize| &array.values[(e * count + l) * size..][..size];
                    let values = (0..epochs).flat_map(|e| part(e).iter().copied()).collect();
                    let name = format!("{}, layer {}", array.name, l + 1);
                    layers.push(Array { name, shape: vec![epochs, n, shape[3]], values, columns: Vec::new() });
                }
            }
            _ => return Err(wrong(format!("{}: its shape {shape:?} does not fit {n} labels", array.name))),
        }
    }
    let epochs = layers.first().map(|l| l.shape[0]).ok_or_else(|| wrong(format!("{file}: no activities")))?;
    match layers.iter().find(|l| l.shape[0] != epochs) {
        Some(other) => Err(wrong(format!("{}: {} epochs where {} has {epochs}", other.name, other.shape[0], layers[0].name))),
        None if layers.len() > 8 || n < 8 => {
            Err(wrong(format!("{file}: {} layers of {n} samples; at most 8, of at least 8", layers.len())))
        }
        None => Ok((layers, labels.values.iter().map(|v| *v as u8).collect())),
    }
}

impl Experiment for InformationPlane {
    type Controls = Controls;

    const CARD: Card = Card {
        slug: "information-estimators",
        title: "Information plane",
        paper: Paper {
            title: "Opening the Black Box of Deep Neural Networks via Information",
            authors: "Ravid Shwartz-Ziv, Naftali Tishby",
            year: 2017,
        },
        claim: "Binning behaves like Gaussian noise of the bin's own variance: with that noise the kernel bound stays within half a bit of the binned I(X;T), in the mean over layers and epochs.",
        reproduction: Reproduction::AsClaimed,
        honesty: "I(X;T) of a deterministic network with continuous units is infinite: what every estimator here shows is how much survives a certain noise or grid, and the two estimates side by side say how much the choice matters.",
        seeds: 3,
        unit: "slice",
        views: &[
            Panel {
                id: "plane",
                title: "The information plane",
                look: "Up is fitting, left is forgetting; then change the estimator.",
            },
            Panel { id: "beside", title: "Two estimates", look: "Where solid and dashed part, it is the estimator that speaks." },
            Panel {
                id: "activities",
                title: "The activities and their bins",
                look: "Activities heaped into a few bins look forgotten.",
            },
            Panel {
                id: "phases",
                title: "Drift and diffusion",
                look: "Where the deviation rises over the mean, the gradient is mostly noise.",
            },
            Panel {
                id: "scores",
                title: "Loss and accuracy",
                look: "Does the forgetting begin where the test loss stops falling?",
            },
            Panel {
                id: "readings",
                title: "Limits and violations",
                look: "No layer can know more of the input than the one before it: an estimate that says so errs by that much.",
            },
        ],
        presets: &[
            Preset { name: "default", about: "Thirty bins beside kernels with the noise of thirty bins", set: &[] },
            Preset {
                name: "break-it",
                about: "Kernels with a thousand times that noise: another plane of the same network",
                set: &[("noise", "0.3")],
            },
            Preset { name: "ReLU", about: "The same with ReLU: nothing turns left", set: &[("activation", "ReLU")] },
            Preset {
                name: "neighbours",
                about: "Nearest neighbours beside kernels, both with visible noise",
                set: &[("estimator", "nearest neighbours"), ("noise", "0.01")],
            },
            Preset {
                name: "Rényi",
                about: "The matrix-based estimate, which knows no bins and no noise",
                set: &[("estimator", "matrix-based Rényi")],
            },
            Preset {
                name: "digits",
                about: "A network on handwritten digits",
                set: &[
                    ("problem", "digits"),
                    ("layers", "12-6-3"),
                    ("bins", "6"),
                    ("noise", "0.00926"),
                    ("epochs", "100"),
                    ("batch", "64"),
                    ("shown", "3"),
                ],
            },
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Activities of your own as npz or safetensors: labels (samples) and one array a layer (epochs × samples × units), or one with the layers as its second axis.",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let mut random = Random::new(seed, "samples");
        let mut run = InformationPlane {
            controls: controls.clone(),
            seed,
            source: Source::Own(Vec::new()),
            conditional: Vec::new(),
            labels: Vec::new(),
            inputs: Vec::new(),
            classes: 0,
            widths: Vec::new(),
            ranges: Vec::new(),
            ranged: 0,
            chosen: Vec::new(),
            points: Vec::new(),
            ruler: Vec::new(),
            phases: Vec::new(),
            sums: Vec::new(),
            batches: 0,
            scores: Vec::new(),
            bottleneck: None,
            bound: Vec::new(),
            activities: Vec::new(),
            room: Room::default(),
            places: Vec::new(),
            done: 0,
        };
        if library.own().is_empty() {
            run.begin_network(library)?;
        } else {
            let (layers, labels) = own(library.own())?;
            run.classes = 1 + usize::from(labels.iter().copied().max().unwrap_or(0));
            run.widths = layers.iter().map(|l| l.shape[2]).collect();
            run.labels = labels;
            run.source = Source::Own(layers);
        }
        if run.conditional.is_empty() {
            let row = |label: &u8| (0..run.classes).map(|c| f64::from(u8::from(c == usize::from(*label)))).collect::<Vec<f64>>();
            run.conditional = run.labels.iter().flat_map(row).collect();
        }
        run.chosen = random.permutation(run.samples());
        run.chosen.truncate(controls.samples);
        if controls.neighbours + 2 > run.chosen.len() {
            return Err(Error::new(format!(
                "control neighbours: {} needs more than {} samples",
                controls.neighbours,
                run.chosen.len()
            )));
        }
        run.ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); run.widths.len()];
        run.points = vec![Vec::new(); run.widths.len()];
        Ok(run)
    }

    async fn step(&mut self, _: &Device) -> Result<Progress> {
        let snapshots = self.epochs().len();
        let layers = self.widths.len();
        let measured = self.points.iter().map(Vec::len).sum::<usize>();
        self.done += 1;
        if !self.trained() {
            self.train();
        } else if self.ranged < snapshots {
            self.range();
        } else if measured < snapshots * layers {
            self.measure();
        } else if self.known() && self.bound.len() < BETAS {
            let i = self.bound.len();
            let rule = SphereRule::get();
            let (sweeps, bottleneck) = self.bottleneck.get_or_insert_with(|| {
                let (input, conditional) = rule.groups();
                (0, Bottleneck::new(&input, &conditional, 2, 16, beta(0)))
            });
            (0..4).for_each(|_| bottleneck.sweep());
            *sweeps += 4;
            if *sweeps == 80 {
                self.bound.push(bottleneck.point());
                bottleneck.beta = beta(i + 1);
                *sweeps = 0;
            }
        } else {
            // The histogram shows the shown layer at the end.
            self.look(snapshots - 1, self.shown());
            return Ok(Progress { done: self.done, of: self.done });
        }
        let batches = match &self.source {
            Source::Network { task, .. } => self.controls.epochs * task.y.len().div_ceil(self.controls.batch.min(task.y.len())),
            Source::Own(_) => 0,
        };
        let bound = if self.known() { BETAS * 20 } else { 0 };
        Ok(Progress { done: self.done, of: (batches + snapshots * (layers + 1) + bound + 1).max(self.done + 1) })
    }

    fn view(&self, which: usize) -> View {
        match which {
            0 => View::Chart(self.plane()),
            1 => View::Chart(self.beside_chart()),
            2 => View::Chart(self.histogram()),
            3 => View::Chart(self.phase_chart()),
            4 => View::Chart(self.score_chart()),
            _ => View::Table(self.readings()),
        }
    }

    fn measures(&self) -> Measures {
        let compression = |points: &Vec<Point>| {
            let top = points.iter().map(|p| p[0].0).fold(f64::NAN, f64::max);
            top - points.last().map_or(f64::NAN, |p| p[0].0)
        };
        measures! {
            disagreement: self.disagreement(),
            compression: self.points.iter().map(compression).sum::<f64>(),
            violation: self.violation(),
            accuracy: self.scores.last().map_or(f64::NAN, |s| s[1]),
        }
    }

    fn verdict(runs: &[Measures]) -> Verdict {
        let worst = most(runs, "disagreement");
        let text = format!(
            "On the same samples, bins and kernels are {:.2} bits of I(X;T) apart in the mean, {worst:.2} at most in a run.",
            mean(runs, "disagreement")
        );
        Verdict::at_most(worst, 0.5, text)
    }

    fn results(&self) -> Vec<Array> {
        let epochs = self.epochs();
        let rows = self.points.iter().enumerate().flat_map(|(l, points)| {
            let row = |(e, p): (usize, &Point)| [l as f64 + 1.0, epochs[e] as f64, p[0].0, p[0].1, p[1].0, p[1].1];
            points.iter().enumerate().map(row).collect::<Vec<_>>()
        });
        let values: Vec<f64> = rows.flatten().collect();
        let columns = ["layer", "epoch", "I(X;T)", "I(T;Y)", "I(X;T) dashed", "I(T;Y) dashed"].map(String::from).to_vec();
        vec![Array { name: "information-plane".into(), shape: vec![values.len() / 6, 6], values, columns }]
    }
}

impl InformationPlane {
    /// Sets up the network and its problem.
    fn begin_network(&mut self, library: &Library) -> Result<()> {
        let (controls, seed) = (&self.controls, self.seed);
        let hidden = widths(&controls.layers)?;
        let task = match controls.problem {
            Problem::Rule => {
                let rule = SphereRule::get();
                let mut random = Random::new(seed, "labels");
                self.labels = rule.conditional.iter().skip(1).step_by(2).map(|p| u8::from(random.uniform() < *p)).collect();
                self.conditional = rule.conditional.clone();
                let pattern = |x: usize| (0..BITS).map(move |bit| rule.x[bit * PATTERNS + x]);
                self.inputs = (0..PATTERNS).flat_map(pattern).collect();
                let order = Random::new(seed, "split").permutation(PATTERNS);
                let rows = |of: &[usize]| of.iter().flat_map(|i| pattern(*i)).collect::<Vec<f32>>();
                let (train, test) = order.split_at(PATTERNS * 85 / 100);
                let label = |of: &[usize]| of.iter().map(|i| self.labels[*i]).collect::<Vec<u8>>();
                Classification { features: BITS, x: rows(train), y: label(train), test_x: rows(test), test_y: label(test) }
            }
            Problem::Digits => {
                let pictures = library.pictures(Dataset::Digits)?;
                let order = Random::new(seed, "split").permutation(pictures.len());
                let task = Classification::of(&pictures, &order[..1000], &order[1000..], 16.0);
                self.labels = task.test_y.clone();
                self.inputs = task.test_x.clone();
                task
            }
        };
        self.classes = 1 + usize::from(task.y.iter().copied().max().unwrap_or(0));
        let sizes = [vec![task.features], hidden.clone(), vec![self.classes]].concat();
        let activation = match controls.activation {
            Sigma::Tanh => Activation::Tanh,
            Sigma::Relu => Activation::Relu,
            Sigma::Softplus => Activation::Softplus,
            Sigma::Sigmoid => Activation::Sigmoid,
        };
        let gain = if controls.activation == Sigma::Relu { 2.0 } else { 1.0 };
        let network = Network::new(&sizes, activation, Start::Normal { gain }, &mut Random::new(seed, "weights"));
        let size = network.theta.len();
        let places = (0..sizes.len() - 1).map(|l| network.place(l).0).collect();
        let optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, controls.step_size, size);
        let random = Random::new(seed, "batches");
        let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: controls.weight_decay, batch: controls.batch };
        let training = Training::new(network, recipe, task.y.len(), random);
        self.widths = hidden;
        self.sums = vec![[0.0; 2]; size];
        self.places = places;
        self.phases = vec![Vec::new(); sizes.len() - 1];
        self.source = Source::Network { training: Box::new(training), task: Box::new(task), snapshots: Vec::new() };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(controls: &Controls, library: &Library) -> InformationPlane {
        let mut run = InformationPlane::new(controls, 0, library).unwrap();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    #[test]
    fn no_estimate_by_bins_exceeds_what_there_is() {
        let run = over(&Controls { epochs: 60, ..Controls::default() }, &Library::default());
        let (h, information) = run.limits();
        assert!(h <= 1.0 && (information - 0.99).abs() < 1e-9);
        for [(x, y), _] in run.points.iter().flatten() {
            assert!(*y <= information + 1e-12 && *y <= x + 1e-12 && *x <= 12.0 + 1e-12);
        }
        let (x, y): (Vec<f64>, Vec<f64>) = run.bound.iter().copied().unzip();
        assert_eq!(x.len(), BETAS);
        assert!(y.iter().zip(&x).all(|(y, x)| y <= x && *y <= information + 1e-9));
    }

    /// Activities that are all different, then the labels.
    #[test]
    fn own_activities_are_measured_exactly() {
        let labels: Vec<f64> = (0..64).map(|i| f64::from(i % 4)).collect();
        let same: Vec<f64> = (0..64).map(f64::from).collect();
        let array =
            |name: &str, shape: Vec<usize>, values: Vec<f64>| Array { name: name.into(), shape, values, columns: Vec::new() };
        let arrays = vec![
            array("a.npz/labels", vec![64], labels.clone()),
            array("a.npz/first", vec![2, 64, 1], [same.clone(), labels.clone()].concat()),
        ];
        let controls = Controls { bins: 64, neighbours: 3, ..Controls::default() };
        let run = over(&controls, &Library::default().with_own(arrays));
        let [first, second] = [run.points[0][0][0], run.points[0][1][0]];
        assert!((first.0 - 6.0).abs() < 1e-12 && (first.1 - 2.0).abs() < 1e-12);
        assert!((second.0 - 2.0).abs() < 1e-12 && (second.1 - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_measured_is_said() {
        let array = |name: &str, shape: Vec<usize>| {
            let count = shape.iter().product();
            Array { name: name.into(), shape, values: vec![0.0; count], columns: Vec::new() }
        };
        let told = |arrays: Vec<Array>| own(&arrays).unwrap_err().to_string();
        assert!(told(vec![array("a.npz/first", vec![2, 9, 1])]).starts_with("a.npz/first: no array named labels"));
        let wrong = told(vec![array("a.npz/labels", vec![9]), array("a.npz/first", vec![2, 8, 1])]);
        assert!(wrong.starts_with("a.npz/first: its shape [2, 8, 1] does not fit 9 labels"), "{wrong}");
        assert!(widths("10-x").unwrap_err().to_string().starts_with("control layers: '10-x'"));
        assert_eq!(widths("10-7-5").unwrap(), [10, 7, 5]);
    }
}
