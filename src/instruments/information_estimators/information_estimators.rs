//! The information plane of a network trained on the spot, or of activities of the reader's own, by several estimators side by side.
//!
//! Reference: Shwartz-Ziv & Tishby 2017; the dispute: Saxe et al. 2018, Goldfeld et al. 2019. A deterministic layer with continuous
//! units has infinite I(X;T): every estimator puts noise in, openly (a variance) or not (the width of a bin).
//! Claim of trust: binning behaves like Gaussian noise of the bin's own variance, width²/12: with that noise the kernel bounds of
//! Kolchinsky & Tracey lie within half a bit of the binned I(X;T), over layers and epochs in the mean.

use libm::{exp, log, log2};

use gpu::Device;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Cell, Chart, Ink, Mark, Table, View};
use ground::{Error, Result};
use methods::information::estimators::{
    gaussian_channel, gaussian_kernel, nearest_neighbours_entropy, nearest_neighbours_label, renyi_entropy, renyi_information,
    squared_distances,
};
use methods::information::kernels::{KernelSums, Sums, bounds, kernel_bounds};
use methods::information::{Bins, Bottleneck, States, entropy};
use methods::layered::{Layer, Layered};
use methods::model::{Hidden, Model, Room, dense};
use methods::nn::{Classification, Loss};
use methods::optimize::{Optimizer, Rule};
use methods::training::{Recipe, Training, evaluate};
use run::data::rule::{BITS, PATTERNS, SphereRule};
use run::data::{Array, Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::kernels::{kernel_sum, small_networks};
use run::transition::Progress;

run::instrument!(InformationPlane);

ground::choice! {
    /// What the network learns.
    pub enum Problem { Rule => "12-bit rule", Digits => "digits" }
}

ground::choice! {
    /// What information is counted in.
    pub enum Unit { Bits => "bits", Nats => "nats" }
}

ground::choice! {
    /// How information is estimated.
    pub enum Estimator {
        Width => "bins of equal width",
        Mass => "bins of equal mass",
        Upper => "kernels, upper bound",
        Lower => "kernels, lower bound",
        Neighbours => "nearest neighbours",
        Gaussian => "Gaussian",
        Renyi => "matrix-based Rényi",
    }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        estimator: Choice(Estimator) = Estimator::Width, "", "which estimate the plane shows";
        beside: Choice(Estimator) = Estimator::Upper, "", "a second one, dashed: where they part, the estimator speaks and not the network";
        bins: LogCount(2, 100) = 30, "B", "more bins see finer differences, up to every input by itself";
        noise: Log(0.01, 10000.0) = 1.0, "σ²", "the variance of the noise that kernels and neighbours add, as a multiple of a bin's own, width²/12";
        injected: Toggle() = false, "", "every hidden unit gets that noise in training too, of bins over −1 to 1: then I(X;T) is finite, and kernels enclose it";
        neighbours: Count(1, 20) = 4, "k", "fewer: less bias, more scatter";
        samples: LogCount(100, 4096) = 256, "n", "samples of the pairwise estimators, none of which sees more than log₂ n bits; neighbours take 600 at most, Rényi 100";
        beta: Log(1.0, 100.0) = 10.0, "β", "what a bit about the label is worth: marks the best compromise on the bottleneck's bound";
        unit: Choice(Unit) = Unit::Bits, "", "what information is counted in";
        problem: Choice(Problem) = Problem::Rule, "", "what the network learns";
        layers: Text(40) = "10-7-5-4-3", "", "units of the hidden layers";
        activation: Choice(Hidden) = Hidden::Tanh, "σ", "units that saturate seem to forget";
        networks: Count(1, 20) = 1, "", "networks trained at once, each from a start of its own: faint, their mean bold";
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

/// Samples that neighbours see at most: all their distances are held.
const NEIGHBOURS: usize = 600;
/// Pairs of samples a slice.
const PAIRS: usize = 1 << 20;

/// Where activities come from.
enum Source {
    Network {
        task: Box<Classification>,
        snapshots: Vec<(usize, Vec<f32>)>,
    },
    /// Layer by layer, epochs × samples × units.
    Own(Vec<Array>),
}

/// The two estimates of one layer at one epoch: I(X;T) and I(T;Y), each.
type Point = [(f64, f64); 2];

/// A network on its way, or the reader's, and what was found out about it.
struct Subject {
    source: Source,
    seed: u64,
    /// Of the samples that the plane is measured on: p(y|x), samples × classes; labels; inputs, none for the reader's own.
    conditional: Vec<f64>,
    labels: Vec<u8>,
    inputs: Vec<f32>,
    /// The smallest and largest activity of each layer over all snapshots.
    ranges: Vec<(f32, f32)>,
    ranged: usize,
    /// Layer by layer, snapshot by snapshot.
    points: Vec<Vec<Point>>,
    /// I(X;T) by both estimators on the same samples, layer by layer, snapshot by snapshot.
    same: Vec<Vec<[f64; 2]>>,
    /// For every layer and snapshot, on the same samples: I(X;T) by bins of equal width, and the kernels' upper bound.
    ruler: Vec<(f64, f64)>,
    /// Per layer and epoch: norm of the batches' mean gradient, and of their standard deviation.
    phases: Vec<Vec<[f64; 2]>>,
    sums: Vec<[f64; 2]>,
    /// Loss and accuracy on the test samples, snapshot by snapshot.
    scores: Vec<[f64; 2]>,
}

/// A run.
pub struct InformationPlane {
    controls: Controls,
    subjects: Vec<Subject>,
    /// The networks of the subjects, in their order; none for the reader's own activities.
    trainings: Vec<Training>,
    /// The networks on the GPU, once it is known whether that is faster.
    kernel: Option<Option<small_networks::Kernel>>,
    classes: usize,
    /// Units of the layers.
    widths: Vec<usize>,
    /// All samples in the order in which the pairwise estimators take them.
    order: Vec<usize>,
    bottleneck: Option<(usize, Bottleneck)>,
    /// (I(X;T), I(T;Y)) on the bottleneck's bound, as many β as are done.
    bound: Vec<(f64, f64)>,
    /// Of the layer that is looked at, samples × units.
    activities: Vec<f32>,
    /// The kernels between its chosen samples, on their way.
    pairs: Option<KernelSums<f32>>,
    /// Those of the layers above it, where the GPU has summed them together.
    from_gpu: Vec<Vec<Sums<f32>>>,
    room: Room,
    /// Where each layer's weights are.
    places: Vec<std::ops::Range<usize>>,
    done: usize,
}

impl Estimator {
    fn binned(self) -> bool {
        matches!(self, Estimator::Width | Estimator::Mass)
    }
}

impl Subject {
    /// What an epoch leaves: its batches' gradients, added up, and a snapshot if one is due.
    fn epoch_is_over(
        &mut self,
        training: &Training,
        theta: &[f32],
        epochs: usize,
        places: &[std::ops::Range<usize>],
        room: &mut Room,
    ) {
        let Source::Network { task, snapshots } = &mut self.source else { return };
        let n = task.y.len().div_ceil(training.recipe().batch) as f64;
        for (phases, place) in self.phases.iter_mut().zip(places) {
            let (mut drift, mut diffusion) = (0.0, 0.0);
            for [sum, squares] in &self.sums[place.clone()] {
                let mean = sum / n;
                drift += mean * mean;
                diffusion += (squares / n - mean * mean).max(0.0);
            }
            phases.push([drift.sqrt(), diffusion.sqrt()]);
        }
        self.sums.fill([0.0; 2]);
        let epoch = self.phases[0].len();
        if self::snapshots(epochs).get(snapshots.len()) == Some(&epoch) {
            snapshots.push((epoch, theta.to_vec()));
            let network = training.network.with(theta.to_vec());
            let (loss, accuracy) = evaluate(&network, Loss::CrossEntropy, &task.test_x, &task.test_y, room);
            self.scores.push([loss, accuracy]);
        }
    }

    /// The next layer to be measured, and its snapshot: all layers of a snapshot in turn.
    fn next(&self) -> (usize, usize) {
        let l = (0..self.points.len()).min_by_key(|l| self.points[*l].len()).expect("there are layers");
        (l, self.points[l].len())
    }

    /// H(Y) and I(X;Y) of the samples, bits.
    fn limits(&self, classes: usize) -> (f64, f64) {
        let n = self.labels.len() as f64;
        let of_class = |y: usize| self.conditional.iter().skip(y).step_by(classes).sum::<f64>() / n;
        let h = entropy((0..classes).map(of_class));
        let noise: f64 = self.conditional.chunks_exact(classes).map(|p| entropy(p.iter().copied())).sum();
        (h, h - noise / n)
    }

    /// By how much, at worst, a deeper layer seems to know more of the input than the one before it.
    fn violation(&self) -> f64 {
        let pairs = self.points.windows(2).flat_map(|pair| pair[0].iter().zip(&pair[1]));
        pairs.map(|(below, above)| above[0].0 - below[0].0).fold(0.0, f64::max)
    }
}

impl InformationPlane {
    fn epochs(&self) -> Vec<usize> {
        match &self.subjects[0].source {
            Source::Network { .. } => snapshots(self.controls.epochs),
            Source::Own(layers) => (0..layers[0].shape[0]).collect(),
        }
    }

    fn samples(&self) -> usize {
        self.order.len()
    }

    /// The samples that all of these estimators can see.
    fn chosen(&self, estimators: &[Estimator]) -> &[usize] {
        let most = |estimator: &Estimator| match estimator {
            Estimator::Renyi => RENYI,
            Estimator::Neighbours => NEIGHBOURS,
            _ => usize::MAX,
        };
        let most = estimators.iter().map(most).min().unwrap_or(usize::MAX);
        &self.order[..self.order.len().min(self.controls.samples).min(most)]
    }

    /// The activities of layer `l` of subject `s` at snapshot `e`, samples × units, into `self.activities`.
    fn look(&mut self, s: usize, e: usize, l: usize) {
        let subject = &self.subjects[s];
        match &subject.source {
            Source::Network { snapshots, .. } => {
                let network = self.trainings[s].network.with(snapshots[e].1.clone());
                network.forward(&subject.inputs, &mut self.room);
                self.activities.clear();
                self.activities.extend_from_slice(self.room.layer(after(&network, l)));
            }
            Source::Own(layers) => {
                let size = subject.labels.len() * self.widths[l];
                self.activities = layers[l].values[e * size..(e + 1) * size].iter().map(|v| *v as f32).collect();
            }
        }
    }

    /// Takes the ranges of one snapshot's layers in.
    fn range(&mut self, s: usize) {
        let e = self.subjects[s].ranged;
        for l in 0..self.widths.len() {
            self.look(s, e, l);
            let range = &mut self.subjects[s].ranges[l];
            *range = self.activities.iter().fold(*range, |(low, high), v| (low.min(*v), high.max(*v)));
        }
        self.subjects[s].ranged += 1;
    }

    /// What the kernels see of layer `l` of subject `s`, whose activities are in `self.activities`.
    fn kernels_of(&self, s: usize, l: usize, chosen: &[usize]) -> kernel_sum::Layer {
        kernel_sum::Layer {
            t: part(&self.activities, self.widths[l], chosen),
            units: self.widths[l],
            variance: self.variance(s, l),
        }
    }

    /// Goes on with the estimates of the next layer of subject `s`: first the pairs of the kernels, then all the rest.
    async fn measure(&mut self, s: usize, device: &Device) {
        let (l, e) = self.subjects[s].next();
        let chosen = self.chosen(&[Estimator::Upper]).to_vec();
        let labels = of(&self.subjects[s].labels, &chosen);
        if self.from_gpu.is_empty() && self.pairs.is_none() {
            if l == 0
                && let Some(gpu) = device.gpu()
            {
                let mut layers = Vec::new();
                for l in 0..self.widths.len() {
                    self.look(s, e, l);
                    layers.push(self.kernels_of(s, l, &chosen));
                }
                if kernel_sum::pays(gpu, &layers, &labels).await {
                    // If the GPU is lost over this, the CPU goes on.
                    self.from_gpu = kernel_sum::kernel_sums(gpu, &layers, &labels).await.unwrap_or_default();
                    self.from_gpu.reverse();
                }
            }
            self.look(s, e, l);
            if self.from_gpu.is_empty() {
                self.pairs = Some(self.kernels_of(s, l, &chosen).sums(&labels));
            }
        }
        if self.pairs.as_mut().is_some_and(|pairs| !pairs.step(PAIRS)) {
            return;
        }
        self.look(s, e, l);
        let sums = self.pairs.take().map(|pairs| pairs.sums()).or_else(|| self.from_gpu.pop()).expect("one of them is there");
        let kernels = bounds(&sums, &labels);
        let both = [self.controls.estimator, self.controls.beside];
        let all: Vec<usize> = (0..self.samples()).collect();
        let estimate = |estimator: Estimator, samples: &[usize]| match estimator {
            Estimator::Upper if samples == chosen => kernels.upper,
            Estimator::Lower if samples == chosen => kernels.lower,
            _ => self.estimate(estimator, s, (l, e), samples),
        };
        let point = both.map(|estimator| estimate(estimator, if estimator.binned() { &all } else { self.chosen(&[estimator]) }));
        let same = both.map(|estimator| estimate(estimator, self.chosen(&both)).0);
        let bins = self.estimate(Estimator::Width, s, (l, e), &chosen).0;
        let subject = &mut self.subjects[s];
        subject.points[l].push(point);
        subject.same[l].push(same);
        subject.ruler.push((bins, kernels.upper.0));
    }

    /// Samples whose activities are `t`, sorted by the tuple of their units' bins.
    fn states(&self, estimator: Estimator, s: usize, l: usize, t: &[f32]) -> States {
        let width = self.widths[l];
        let (mut tuples, mut states) = (vec![0u16; t.len()], States::default());
        for unit in 0..width {
            let values: Vec<f32> = t.iter().skip(unit).step_by(width).copied().collect();
            if estimator == Estimator::Width {
                let (low, high) = self.bins_of(s, l);
                Bins { low, high, count: self.controls.bins }.cut(&values, &mut tuples, width, unit);
            } else {
                equal_mass(&values, self.controls.bins, &mut tuples, width, unit);
            }
        }
        states.sort(&tuples, width);
        states
    }

    /// (I(X;T), I(T;Y)) in bits of layer `l` at snapshot `e`, whose activities are in `self.activities`, from these samples.
    fn estimate(&self, estimator: Estimator, s: usize, (l, e): (usize, usize), samples: &[usize]) -> (f64, f64) {
        let (subject, width, variance) = (&self.subjects[s], self.widths[l], self.variance(s, l));
        let t = part(&self.activities, width, samples);
        let labels = of(&subject.labels, samples);
        let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        match estimator {
            Estimator::Width | Estimator::Mass => {
                let mut states = self.states(estimator, s, l, &t);
                let conditional = part(&subject.conditional, self.classes, samples);
                (states.entropy(), states.information_about(&conditional, self.classes))
            }
            Estimator::Upper => kernel_bounds(&t, width, &labels, variance).upper,
            Estimator::Lower => kernel_bounds(&t, width, &labels, variance).lower,
            Estimator::Neighbours => {
                let mut t = double(&t);
                let mut random = Random::new(subject.seed, &format!("noise {l} {e}"));
                t.iter_mut().for_each(|v| *v += variance.sqrt() * random.normal());
                let noise = 0.5 * width as f64 * log2(2.0 * std::f64::consts::PI * std::f64::consts::E * variance);
                let h = nearest_neighbours_entropy(&squared_distances(&t, width), width, self.controls.neighbours);
                ((h - noise).max(0.0), nearest_neighbours_label(&t, width, &labels, self.controls.neighbours))
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
                let d = subject.inputs.len() / self.samples();
                let about_x = if d == 0 {
                    renyi_entropy(&kt, ORDER)
                } else {
                    renyi_information(&kernel(&double(&part(&subject.inputs, d, samples)), d), &kt, ORDER)
                };
                (about_x, renyi_information(&kt, &ky, ORDER))
            }
        }
    }

    /// The noise of layer `l`.
    fn variance(&self, s: usize, l: usize) -> f64 {
        let (low, high) = if self.controls.injected { (-1.0, 1.0) } else { self.bins_of(s, l) };
        let width = f64::from(high - low) / self.controls.bins as f64;
        // A layer that never moves has bins without width; whatever the noise, it tells nothing.
        (self.controls.noise * width * width / 12.0).max(1e-12)
    }

    /// The interval that bins of equal width share: the activation's own, or the layer's over all snapshots.
    fn bins_of(&self, s: usize, l: usize) -> (f32, f32) {
        match (&self.subjects[s].source, self.controls.activation) {
            (Source::Network { .. }, Hidden::Tanh | Hidden::Softsign | Hidden::HardTanh) => (-1.0, 1.0),
            (Source::Network { .. }, Hidden::Sigmoid) => (0.0, 1.0),
            _ => self.subjects[s].ranges[l],
        }
    }

    /// Some epochs of every network on the GPU, or one batch of the network that is behind.
    async fn train(&mut self, device: &Device) {
        let epochs = self.controls.epochs;
        if self.kernel.is_none() {
            let tasks: Vec<&Classification> = self.subjects.iter().filter_map(Subject::task).collect();
            let mut kernel = device.gpu().and_then(|gpu| small_networks::Kernel::new(gpu, &self.trainings, &tasks));
            if let Some(found) = &kernel
                && !found.pays(&self.trainings, tasks[0]).await
            {
                kernel = None;
            }
            self.kernel = Some(kernel);
        }
        let (places, room) = (&self.places, &mut self.room);
        if let Some(Some(kernel)) = &self.kernel {
            let left = epochs - self.trainings[0].epochs();
            if let Ok(all) = kernel.epochs(&mut self.trainings, left).await {
                for ((subject, training), left) in self.subjects.iter_mut().zip(&mut self.trainings).zip(all) {
                    for epoch in left {
                        subject.sums = epoch.slopes;
                        subject.epoch_is_over(training, &epoch.theta, epochs, places, room);
                    }
                    training.path.clear();
                }
                return;
            }
            self.kernel = Some(None);
        }
        let s = (0..self.trainings.len()).min_by_key(|s| self.trainings[*s].epochs()).expect("networks are trained");
        let (subject, training) = (&mut self.subjects[s], &mut self.trainings[s]);
        let Source::Network { task, .. } = &subject.source else { return };
        let before = training.epochs();
        training.step(task);
        for ([sum, squares], g) in subject.sums.iter_mut().zip(training.gradient()) {
            *sum += f64::from(*g);
            *squares += f64::from(*g) * f64::from(*g);
        }
        if training.epochs() > before {
            subject.epoch_is_over(training, training.network.theta(), epochs, places, room);
            // Of all the weights on the way, the snapshots are enough.
            training.path.clear();
        }
    }

    fn known(&self) -> bool {
        !self.trainings.is_empty() && self.controls.problem == Problem::Rule
    }

    /// The β at which the bottleneck's bound is computed, the marked one among them, falling.
    fn betas(&self) -> Vec<f64> {
        let mut all: Vec<f64> = (0..BETAS).map(beta).collect();
        all.insert(all.partition_point(|b| *b >= self.controls.beta), self.controls.beta);
        all
    }

    fn limits(&self) -> (f64, f64) {
        self.subjects[0].limits(self.classes)
    }

    /// Units of information in a bit, and what they are called.
    fn unit(&self) -> (f64, &'static str) {
        match self.controls.unit {
            Unit::Bits => (1.0, "bits"),
            Unit::Nats => (std::f64::consts::LN_2, "nats"),
        }
    }

    fn ink(&self, l: usize) -> Ink {
        Ink::Ramp(0.15 + 0.85 * l as f32 / (self.widths.len() - 1).max(1) as f32)
    }

    /// The mean over the networks of what is told of layer `l`, up to the last snapshot that all of them have.
    fn mean_of(&self, l: usize, told: impl Fn(&Subject, usize) -> f64) -> Vec<f64> {
        let known = self.subjects.iter().map(|s| s.points[l].len()).min().unwrap_or(0);
        let count = self.subjects.len() as f64;
        (0..known).map(|e| self.subjects.iter().map(|s| told(s, e)).sum::<f64>() / count).collect()
    }

    fn plane(&self) -> Chart {
        let (unit, name) = self.unit();
        let scaled = |values: Vec<f64>| values.into_iter().map(|v| unit * v).collect::<Vec<f64>>();
        let (h, information) = self.limits();
        let most_x = unit * log2(self.samples() as f64);
        let top = 1.05 * unit * h.max(1e-3);
        let mut marks = Vec::new();
        if self.bound.len() == self.betas().len() {
            // From nothing known along the bound to all that there is to know.
            let ends = [(0.0, 0.0), (log2(self.samples() as f64), information)];
            let (x, y): (Vec<f64>, Vec<f64>) = ends[..1].iter().chain(self.bound.iter().rev()).chain(&ends[1..]).copied().unzip();
            let high = vec![top; x.len()];
            marks.push(Mark::Band {
                name: "beyond the bottleneck's bound".into(),
                ink: Ink::Muted,
                x: scaled(x),
                low: scaled(y),
                high,
            });
        }
        marks.push(Mark::at_y("H(Y)", unit * h));
        if h - information > 0.02 * h {
            marks.push(Mark::at_y("I(X;Y)", unit * information));
        }
        let marked = self.betas().iter().position(|b| *b == self.controls.beta).and_then(|i| self.bound.get(i));
        if let Some((x, y)) = marked {
            marks.push(Mark::points("best at β", Ink::Text, vec![unit * x], vec![unit * y], 7.0));
        }
        if self.subjects.len() > 1 {
            for subject in &self.subjects {
                for points in &subject.points {
                    let (x, y) = points.iter().map(|p| p[0]).unzip();
                    marks.push(Mark::line("", Ink::Muted, scaled(x), scaled(y)));
                }
            }
        }
        let mut ends = Vec::new();
        for l in 0..self.widths.len() {
            let (x, y) =
                (scaled(self.mean_of(l, |s, e| s.points[l][e][0].0)), scaled(self.mean_of(l, |s, e| s.points[l][e][0].1)));
            let shade = (0..x.len()).map(|e| e as f32 / (SNAPSHOTS - 1) as f32).collect();
            ends.extend(x.last().copied().zip(y.last().copied()).map(|end| (l + 1, end)));
            let name = match (l, self.subjects.len()) {
                (0, 1) => "a layer, light to dark over the epochs",
                (0, _) => "a layer, light to dark over the epochs, mean of the networks",
                _ => "",
            };
            marks.push(Mark::Trail { name: name.into(), x, y, shade });
        }
        // Layers that end in one place share a label.
        while let Some(&(_, (x, y))) = ends.first() {
            let near = |at: &(f64, f64)| (at.0 - x).abs() < 0.03 * most_x && (at.1 - y).abs() < 0.05 * top;
            let (here, others): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, at)| near(at));
            let text = here.iter().map(|(l, _)| l.to_string()).collect::<Vec<String>>().join(", ");
            marks.push(Mark::Label { text, at: (x, y), ink: Ink::Text });
            ends = others;
        }
        Chart {
            x: Axis::linear("I(X;T), what a layer keeps of the input").unit(name).range(0.0, 1.03 * most_x),
            y: Axis::linear("I(T;Y), what it says of the label").unit(name).range(0.0, top),
            marks,
            ..Chart::default()
        }
    }

    fn beside_chart(&self) -> Chart {
        let (unit, unit_name) = self.unit();
        let epochs: Vec<f64> = self.epochs().iter().map(|e| (*e).max(1) as f64).collect();
        let both = [self.controls.estimator, self.controls.beside];
        let mut marks = Vec::new();
        let n = self.chosen(&both).len();
        marks.push(Mark::at_y(format!("most that {n} samples show"), unit * log2(n as f64)));
        let names = both.map(|e| <Estimator as ground::controls::Options>::NAMES[ground::controls::Options::index(e)]);
        for l in 0..self.widths.len() {
            let name = |which: usize| if l == 0 { names[which].to_string() } else { String::new() };
            let of = |which: usize| self.mean_of(l, |s, e| unit * s.same[l][e][which]);
            let x = epochs[..of(0).len()].to_vec();
            marks.push(Mark::line(name(0), self.ink(l), x.clone(), of(0)));
            marks.push(Mark::dashed(name(1), self.ink(l), x, of(1)));
        }
        Chart { x: Axis::log("epoch"), y: Axis::linear("I(X;T)").unit(unit_name), marks, ..Chart::default() }
    }

    fn score_chart(&self) -> Chart {
        let known = self.subjects.iter().map(|s| s.scores.len()).min().unwrap_or(0);
        let epochs: Vec<f64> = self.epochs().iter().take(known).map(|e| *e as f64).collect();
        let of = |subject: &Subject, k: usize| subject.scores[..known].iter().map(|s| s[k]).collect::<Vec<f64>>();
        let mut marks = Vec::new();
        if self.subjects.len() > 1 {
            for (subject, k) in self.subjects.iter().flat_map(|s| [(s, 0), (s, 1)]) {
                marks.push(Mark::line("", Ink::Muted, epochs.clone(), of(subject, k)));
            }
        }
        let mean = |k: usize| {
            let sum = |e: usize| self.subjects.iter().map(|s| s.scores[e][k]).sum::<f64>();
            (0..known).map(|e| sum(e) / self.subjects.len() as f64).collect()
        };
        let trained = |e: &f64| self.trainings.iter().map(|t| t.loss[*e as usize - 1]).sum::<f64>() / self.trainings.len() as f64;
        let training = epochs.iter().map(trained).collect();
        marks.push(Mark::dashed("training loss (nats)", Ink::Series(1), epochs.clone(), training));
        marks.push(Mark::line("test loss (nats)", Ink::Series(1), epochs.clone(), mean(0)));
        marks.push(Mark::line("test accuracy", Ink::Series(0), epochs, mean(1)));
        Chart { x: Axis::log("epoch"), y: Axis::linear("loss, accuracy"), marks, ..Chart::default() }
    }

    fn phase_chart(&self) -> Chart {
        let l = self.shown();
        let known = self.subjects.iter().map(|s| s.phases.get(l).map_or(0, Vec::len)).min().unwrap_or(0);
        // Every snapshot's epoch and the ones around it, averaged: single epochs scatter.
        let epochs: Vec<usize> = self.epochs().into_iter().filter(|e| *e <= known).collect();
        let mean = |i: usize, k: usize| {
            let from = if i == 0 { 0 } else { epochs[i - 1] };
            let sum: f64 = self.subjects.iter().flat_map(|s| &s.phases[l][from..epochs[i]]).map(|p| p[k]).sum();
            sum / ((epochs[i] - from) * self.subjects.len()) as f64
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
        let (low, high) = self.bins_of(0, l);
        let (low, high) = if low < high { (f64::from(low), f64::from(high)) } else { (-1.0, 1.0) };
        let bins = self.controls.bins;
        let edges: Vec<f64> = (0..=bins).map(|i| low + (high - low) * i as f64 / bins as f64).collect();
        let mut share = vec![0.0; bins];
        for v in &self.activities {
            let place = ((f64::from(*v) - low) / (high - low) * bins as f64).clamp(0.0, bins as f64 - 1.0);
            share[place as usize] += 1.0 / self.activities.len() as f64;
        }
        let x = Axis::linear(format!("activity of a unit in layer {}, in bins of equal width", l + 1));
        let marks = vec![Mark::Histogram { name: String::new(), ink: Ink::Series(0), edges, y: share }];
        Chart { x, y: Axis::linear("share of the activities"), marks, ..Chart::default() }
    }

    /// The mean over layers and snapshots of the distance between bins and kernels on the same samples, bits.
    fn disagreement(&self) -> f64 {
        let all = || self.subjects.iter().flat_map(|s| &s.ruler);
        all().map(|(bins, kernels)| (bins - kernels).abs()).sum::<f64>() / all().count() as f64
    }

    fn violation(&self) -> f64 {
        self.subjects.iter().map(Subject::violation).fold(0.0, f64::max)
    }

    fn readings(&self) -> Table {
        let (h, information) = self.limits();
        let (unit, name) = self.unit();
        let shown = self.shown();
        let end = |k: usize| self.mean_of(shown, |s, e| s.points[shown][e][k].0).last().map_or(f64::NAN, |v| unit * v);
        let saturated = self.activities.iter().filter(|v| v.abs() > 0.95).count() as f64 / self.activities.len().max(1) as f64;
        let seen = [Estimator::Upper, Estimator::Neighbours, Estimator::Renyi];
        let seen = seen.map(|estimator| unit * log2(self.chosen(&[estimator]).len() as f64));
        let rows = [
            ("H(X), log of the samples", unit * log2(self.samples() as f64)),
            ("H(Y)", unit * h),
            ("I(X;Y)", unit * information),
            ("most that kernels can see, log n", seen[0]),
            ("most that neighbours can see", seen[1]),
            ("most that Rényi's can see", seen[2]),
            ("I(X;T) at the end, shown layer, solid", end(0)),
            ("I(X;T) at the end, shown layer, dashed", end(1)),
            ("mean distance of bins and kernels, on the same samples", unit * self.disagreement()),
            ("data processing violated by at most", unit * self.violation()),
            ("shown layer: share of activities beyond ±0.95", saturated),
        ];
        let row = |(name, value): (&str, f64)| vec![Cell::Text(name.into()), Cell::Number(value)];
        Table {
            columns: vec!["reading".into(), name.into()],
            rows: rows.into_iter().filter(|r| r.1.is_finite()).map(row).collect(),
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

/// A fully connected network whose hidden units are noisy.
fn noisy(sizes: &[usize], hidden: Hidden, deviation: f64, random: &mut Random) -> Layered {
    let of = |pair: &[usize]| [hidden.layer(), Layer::Noise { deviation }, Layer::Dense { from: pair[0], to: pair[1] }];
    Layered::new(sizes.windows(2).flat_map(of).skip(2).collect(), sizes[0], hidden.start(), random)
}

/// Where a network's `l`-th hidden layer is among what a forward pass leaves.
fn after(network: &Model, l: usize) -> usize {
    match network {
        Model::Dense(_) => l,
        // A sum, its activation, and the noise if there is any: kernels take the place of that.
        Model::Layered(network) => {
            let activations = network.layers().iter().enumerate().filter(|(_, layer)| matches!(layer, Layer::Activate(_)));
            activations.map(|(i, _)| i).nth(l).expect("a hidden layer")
        }
    }
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

/// Log-spaced epochs from 1 to the last.
fn snapshots(epochs: usize) -> Vec<usize> {
    let mut all: Vec<usize> =
        (0..SNAPSHOTS).map(|i| exp(log(epochs as f64) * i as f64 / (SNAPSHOTS - 1) as f64).round() as usize).collect();
    all.dedup();
    all
}

/// The i-th β of the bottleneck's curve, from 100 down to 1.01, dense near 1: there the best compromise moves.
fn beta(i: usize) -> f64 {
    1.0 + exp(log(99.0) + (log(0.01) - log(99.0)) * i as f64 / (BETAS - 1) as f64)
}

/// The widths of the hidden layers that "10-7-5" writes.
fn widths(text: &str) -> Result<Vec<usize>> {
    let wrong =
        || Error::new(format!("control layers: '{text}' is not one to eight numbers from 1 to 256 joined by '-', as in 10-7-5"));
    let widths: Vec<usize> = text.split('-').map(|w| w.trim().parse().map_err(|_| wrong())).collect::<Result<_>>()?;
    if (1..=8).contains(&widths.len()) && widths.iter().all(|w| (1..=256).contains(w)) { Ok(widths) } else { Err(wrong()) }
}

/// The two whole numbers at the end of an array's name.
fn epoch_and_layer(name: &str) -> Option<(usize, usize)> {
    let (before, layer) = name.rsplit_once('_')?;
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    Some((before[before.len() - digits..].parse().ok()?, layer.parse().ok()?))
}

/// The reader's activities: an array named `labels` (samples) and either one array a layer (epochs × samples × units), or a single one
/// with the layers as its second axis, or one array (samples × units) for every epoch and layer, named by both as in `20_3`.
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
    let (mut layers, mut singles) = (Vec::new(), Vec::new());
    for array in arrays.iter().filter(|a| !is_labels(a)) {
        let shape = &array.shape;
        match shape.len() {
            2 if shape[0] == n => singles.push((
                epoch_and_layer(&array.name).ok_or_else(|| {
                    wrong(format!("{}: an array of samples × units is named by its epoch and layer, as in 20_3", array.name))
                })?,
                array,
            )),
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
    singles.sort_by_key(|((epoch, layer), _)| (*layer, *epoch));
    for of_layer in singles.chunk_by(|((_, a), _), ((_, b), _)| a == b) {
        let first = of_layer[0].1;
        if let Some((_, other)) = of_layer.iter().find(|(_, array)| array.shape != first.shape) {
            return Err(wrong(format!("{}: its shape {:?} is not that of {}", other.name, other.shape, first.name)));
        }
        let values = of_layer.iter().flat_map(|(_, array)| array.values.iter().copied()).collect();
        let shape = vec![of_layer.len(), n, first.shape[1]];
        layers.push(Array { name: first.name.clone(), shape, values, columns: Vec::new() });
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

run::views! { InformationPlane, Controls:
    plane "The information plane" "Up is fitting, left is forgetting; then change the estimator." => plane;
    beside "Two estimates" "Where solid and dashed part, it is the estimator that speaks." => beside_chart;
    activities "The activities and their bins" "Activities heaped into a few bins look forgotten." => histogram;
    phases "Drift and diffusion" "Where the deviation rises over the mean, the gradient is mostly noise." => phase_chart;
    scores "Loss and accuracy" "Does the forgetting begin where the test loss stops falling?" => score_chart;
    readings "Limits and violations" "No layer can know more of the input than the one before it: an estimate that says so errs by that much." => readings;
}

impl InformationPlane {
    async fn step(&mut self, device: &Device) -> Result<Progress> {
        let (snapshots, layers) = (self.epochs().len(), self.widths.len());
        let betas = if self.known() { self.betas() } else { Vec::new() };
        self.done += 1;
        if self.trainings.iter().any(|training| training.epochs() < self.controls.epochs) {
            self.train(device).await;
        } else if let Some(s) = (0..self.subjects.len()).find(|s| self.subjects[*s].ranged < snapshots) {
            self.range(s);
        } else if let Some(s) = (0..self.subjects.len()).find(|s| self.subjects[*s].next().1 < snapshots) {
            self.measure(s, device).await;
        } else if self.bound.len() < betas.len() {
            let rule = SphereRule::get();
            let (sweeps, bottleneck) = self.bottleneck.get_or_insert_with(|| {
                let (input, conditional) = rule.groups();
                (0, Bottleneck::new(&input, &conditional, 2, 16, betas[0]))
            });
            (0..4).for_each(|_| bottleneck.sweep());
            *sweeps += 4;
            if *sweeps == 80 {
                self.bound.push(bottleneck.point());
                bottleneck.beta = betas[self.bound.len().min(betas.len() - 1)];
                *sweeps = 0;
            }
        } else {
            // The histogram shows the shown layer at the end.
            self.look(0, snapshots - 1, self.shown());
            return Ok(Progress { done: self.done, of: self.done });
        }
        let batches = |training: &Training| {
            let samples = self.subjects[0].task().map_or(0, |task| task.y.len());
            (self.controls.epochs - training.epochs()) * samples.div_ceil(training.recipe().batch)
        };
        let left = self
            .subjects
            .iter()
            .map(|s| snapshots - s.ranged + snapshots * layers - s.points.iter().map(Vec::len).sum::<usize>());
        let of = self.trainings.iter().map(batches).chain(left).sum::<usize>() + 20 * (betas.len() - self.bound.len());
        Ok(Progress { done: self.done, of: self.done + of + 1 })
    }
}

impl Experiment for InformationPlane {
    const CARD: Card = Card {
        slug: "information-estimators",
        title: "Information plane",
        paper: Paper::new(
            "Opening the Black Box of Deep Neural Networks via Information",
            "Ravid Shwartz-Ziv, Naftali Tishby",
            2017,
        ),
        claim: "In a tanh network binning behaves like Gaussian noise of the bin's own variance: with that noise the kernel bound stays within half a bit of the binned I(X;T), in the mean over layers and epochs.",
        reproduction: Reproduction::AsClaimed,
        honesty: "I(X;T) of a deterministic network with continuous units is infinite: what every estimator here shows is how much survives a certain noise or grid, and the two estimates side by side say how much the choice matters. With ReLU and GELU, whose units have no bound, bins and kernels part by 0.5 to 0.7 bits.",
        seeds: 3,
        unit: "slice",
        presets: &[
            Preset::holds("default", "Thirty bins beside kernels with the noise of thirty bins", &[]),
            Preset::gone(
                "break-it",
                "Kernels with a thousand times that noise: another plane of the same network",
                &[("noise", "1000")],
            ),
            Preset::open(
                "eight networks",
                "Eight networks from starts of their own, and their mean: what is chance, and what is not",
                &[("networks", "8")],
            ),
            Preset::open(
                "noisy network",
                "The noise is in the network itself: what the kernels bound is finite, and no matter of bins",
                &[("injected", "on"), ("noise", "30"), ("estimator", "kernels, upper bound"), ("beside", "kernels, lower bound")],
            ),
            Preset::open("ReLU", "The same with ReLU: nothing turns left", &[("activation", "ReLU")]),
            Preset::open(
                "neighbours",
                "Nearest neighbours beside kernels, both with visible noise",
                &[("estimator", "nearest neighbours"), ("noise", "30")],
            ),
            Preset::open(
                "Rényi",
                "The matrix-based estimate, which knows no bins and no noise",
                &[("estimator", "matrix-based Rényi")],
            ),
            Preset::open(
                "digits",
                "A network on handwritten digits",
                &[("problem", "digits"), ("layers", "12-6-3"), ("bins", "6"), ("epochs", "100"), ("batch", "64"), ("shown", "3")],
            ),
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Activities of your own as npz or safetensors: labels (samples) and one array a layer (epochs × samples × units), one with the layers as its second axis, or one array (samples × units) an epoch and layer, named as in 20_3.",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let mut run = InformationPlane {
            controls: controls.clone(),
            subjects: Vec::new(),
            trainings: Vec::new(),
            kernel: None,
            classes: 0,
            widths: Vec::new(),
            order: Vec::new(),
            bottleneck: None,
            bound: Vec::new(),
            activities: Vec::new(),
            pairs: None,
            from_gpu: Vec::new(),
            room: Room::default(),
            places: Vec::new(),
            done: 0,
        };
        if library.own().is_empty() {
            for network in 0..controls.networks {
                run.add_network(seed + 1000 * network as u64, library)?;
            }
        } else {
            let (layers, labels) = own(library.own())?;
            run.classes = 1 + usize::from(labels.iter().copied().max().unwrap_or(0));
            run.widths = layers.iter().map(|l| l.shape[2]).collect();
            run.subjects.push(Subject::new(Source::Own(layers), seed, labels, Vec::new(), run.widths.len()));
        }
        for subject in run.subjects.iter_mut().filter(|s| s.conditional.is_empty()) {
            let certain =
                |label: &u8| (0..run.classes).map(|c| f64::from(u8::from(c == usize::from(*label)))).collect::<Vec<f64>>();
            subject.conditional = subject.labels.iter().flat_map(certain).collect();
        }
        run.order = Random::new(seed, "samples").permutation(run.subjects[0].labels.len());
        run.enough_samples(controls)?;
        Ok(run)
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        // What is trained stays; what is measured is measured again where its controls moved.
        let trained = |c: &Controls| {
            let noise = c.injected.then_some((c.bins, c.noise));
            let network = (c.problem, c.layers.clone(), c.activation, noise, c.networks);
            (network, c.step_size, c.batch, c.weight_decay, c.epochs)
        };
        let measured = |c: &Controls| (c.estimator, c.beside, c.bins, c.noise, c.neighbours, c.samples);
        if trained(controls) != trained(&self.controls) || self.enough_samples(controls).is_err() {
            return false;
        }
        if measured(controls) != measured(&self.controls) {
            for subject in &mut self.subjects {
                subject.points.iter_mut().for_each(Vec::clear);
                subject.same.iter_mut().for_each(Vec::clear);
                subject.ruler.clear();
            }
            (self.pairs, self.from_gpu) = (None, Vec::new());
        }
        if controls.beta != self.controls.beta {
            (self.bottleneck, self.bound) = (None, Vec::new());
        }
        self.controls = controls.clone();
        true
    }

    async fn run(mut self: Box<Self>, stage: run::stage::Stage<Self>) -> Result<Box<Self>> {
        loop {
            let progress = self.step(stage.device()).await?;
            stage.span(progress.done..progress.of);
            if progress.finished() {
                return Ok(self);
            }
            self = stage.part(self).await;
        }
    }

    fn measures(&self) -> Measures {
        let compression = |points: &Vec<Point>| {
            let top = points.iter().map(|p| p[0].0).fold(f64::NAN, f64::max);
            top - points.last().map_or(f64::NAN, |p| p[0].0)
        };
        let each = |of: &dyn Fn(&Subject) -> f64| self.subjects.iter().map(of).sum::<f64>() / self.subjects.len() as f64;
        ground::measures! {
            disagreement: self.disagreement(),
            kept: self.subjects.iter().flat_map(|s| &s.ruler).map(|(bins, _)| *bins).fold(0.0, f64::max),
            compression: each(&|s| s.points.iter().map(compression).sum()),
            violation: self.violation(),
            accuracy: each(&|s| s.scores.last().map_or(f64::NAN, |s| s[1])),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let worst = runs.most("disagreement");
        if runs.most("kept") == 0.0 {
            let text = "No layer tells one input from another, by bins or by kernels.".into();
            return Verdict { holds: None, outside: true, text, figure: f64::NAN, threshold: 0.5 };
        }
        let text = format!(
            "On the same samples, bins and kernels are {:.2} bits of I(X;T) apart in the mean, {worst:.2} at most in a run.",
            runs.mean("disagreement")
        );
        Verdict::at_most(worst, 0.5, text)
    }

    fn results(&self) -> Vec<Array> {
        let epochs = self.epochs();
        let row = |network: usize, l: usize, e: usize, p: &Point| {
            [network as f64 + 1.0, l as f64 + 1.0, epochs[e] as f64, p[0].0, p[0].1, p[1].0, p[1].1]
        };
        let mut values = Vec::new();
        for (network, subject) in self.subjects.iter().enumerate() {
            for (l, points) in subject.points.iter().enumerate() {
                points.iter().enumerate().for_each(|(e, p)| values.extend(row(network, l, e, p)));
            }
        }
        let columns =
            ["network", "layer", "epoch", "I(X;T)", "I(T;Y)", "I(X;T) dashed", "I(T;Y) dashed"].map(String::from).to_vec();
        vec![Array { name: "information-plane".into(), shape: vec![values.len() / 7, 7], values, columns }]
    }
}

impl Subject {
    fn new(source: Source, seed: u64, labels: Vec<u8>, inputs: Vec<f32>, layers: usize) -> Self {
        Subject {
            source,
            seed,
            conditional: Vec::new(),
            labels,
            inputs,
            ranges: vec![(f32::INFINITY, f32::NEG_INFINITY); layers],
            ranged: 0,
            points: vec![Vec::new(); layers],
            same: vec![Vec::new(); layers],
            ruler: Vec::new(),
            phases: Vec::new(),
            sums: Vec::new(),
            scores: Vec::new(),
        }
    }

    fn task(&self) -> Option<&Classification> {
        match &self.source {
            Source::Network { task, .. } => Some(task),
            Source::Own(_) => None,
        }
    }
}

impl InformationPlane {
    /// Every estimator that looks for neighbours needs more samples than neighbours.
    fn enough_samples(&self, controls: &Controls) -> Result<()> {
        let samples = self.order.len().min(controls.samples);
        if controls.neighbours + 2 > samples {
            return Err(Error::new(format!("control neighbours: {} needs more than {samples} samples", controls.neighbours)));
        }
        Ok(())
    }

    /// Sets up a network and its problem.
    fn add_network(&mut self, seed: u64, library: &Library) -> Result<()> {
        let controls = &self.controls;
        self.widths = widths(&controls.layers)?;
        let (task, labels, inputs, conditional) = match controls.problem {
            Problem::Rule => {
                let rule = SphereRule::get();
                let mut random = Random::new(seed, "labels");
                let labels: Vec<u8> =
                    rule.conditional.iter().skip(1).step_by(2).map(|p| u8::from(random.uniform() < *p)).collect();
                let pattern = |x: usize| (0..BITS).map(move |bit| rule.x[bit * PATTERNS + x]);
                let order = Random::new(seed, "split").permutation(PATTERNS);
                let rows = |of: &[usize]| of.iter().flat_map(|i| pattern(*i)).collect::<Vec<f32>>();
                let (train, test) = order.split_at(PATTERNS * 85 / 100);
                let label = |of: &[usize]| of.iter().map(|i| labels[*i]).collect::<Vec<u8>>();
                let task =
                    Classification { features: BITS, x: rows(train), y: label(train), test_x: rows(test), test_y: label(test) };
                (task, labels, (0..PATTERNS).flat_map(pattern).collect(), rule.conditional.clone())
            }
            Problem::Digits => {
                let pictures = library.pictures(Dataset::Digits)?;
                let order = Random::new(seed, "split").permutation(pictures.len());
                let task = pictures.classification(&order[..1000], &order[1000..], 16.0);
                let (labels, inputs) = (task.test_y.clone(), task.test_x.clone());
                (task, labels, inputs, Vec::new())
            }
        };
        self.classes = 1 + usize::from(task.y.iter().copied().max().unwrap_or(0));
        let sizes = [vec![task.features], self.widths.clone(), vec![self.classes]].concat();
        let weights = &mut Random::new(seed, "weights");
        let network = match controls.injected {
            false => dense(&sizes, controls.activation, weights),
            true => noisy(&sizes, controls.activation, self.variance(0, 0).sqrt(), weights).into(),
        };
        // Layer by layer, weights and then biases.
        let mut begin = 0;
        self.places = sizes
            .windows(2)
            .map(|pair| {
                let place = begin..begin + pair[0] * pair[1];
                begin = place.end + pair[1];
                place
            })
            .collect();
        let optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, controls.step_size, begin);
        let batch = controls.batch.min(task.y.len());
        let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: controls.weight_decay, batch };
        self.trainings.push(Training::new(network, recipe, task.y.len(), Random::new(seed, "batches")));
        let source = Source::Network { task: Box::new(task), snapshots: Vec::new() };
        let mut subject = Subject::new(source, seed, labels, inputs, self.widths.len());
        subject.conditional = conditional;
        (subject.sums, subject.phases) = (vec![[0.0; 2]; begin], vec![Vec::new(); sizes.len() - 1]);
        self.subjects.push(subject);
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
        for [(x, y), _] in run.subjects[0].points.iter().flatten() {
            assert!(*y <= information + 1e-12 && *y <= x + 1e-12 && *x <= 12.0 + 1e-12);
        }
        // Nor more than its bins can tell apart: five bins and one to three units.
        let narrow = Controls { epochs: 20, layers: "1-2-3".into(), bins: 5, ..Controls::default() };
        for estimator in [Estimator::Width, Estimator::Mass] {
            let run = over(&Controls { estimator, ..narrow.clone() }, &Library::default());
            for (l, points) in run.subjects[0].points.iter().enumerate() {
                assert!(points.iter().all(|p| p[0].0 <= (l + 1) as f64 * log2(5.0) + 1e-12));
            }
        }
        let (x, y): (Vec<f64>, Vec<f64>) = run.bound.iter().copied().unzip();
        assert_eq!(x.len(), BETAS + 1);
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
        let [first, second] = [run.subjects[0].points[0][0][0], run.subjects[0].points[0][1][0]];
        assert!((first.0 - 6.0).abs() < 1e-12 && (first.1 - 2.0).abs() < 1e-12);
        assert!((second.0 - 2.0).abs() < 1e-12 && (second.1 - 2.0).abs() < 1e-12);
        // The same, an array an epoch and layer.
        let arrays = vec![
            array("a.npz/labels", vec![64], labels.clone()),
            array("a.npz/10_1", vec![64, 1], labels),
            array("a.npz/2_1", vec![64, 1], same),
        ];
        let singly = over(&controls, &Library::default().with_own(arrays));
        assert_eq!(singly.subjects[0].points, run.subjects[0].points);
    }

    /// Several networks: the first is the one that is trained alone, and the plane shows their mean.
    #[test]
    fn networks_are_trained_side_by_side() {
        let alone = Controls { epochs: 30, ..Controls::default() };
        let one = over(&alone, &Library::default());
        let three = over(&Controls { networks: 3, ..alone }, &Library::default());
        assert!(one.subjects[0].points == three.subjects[0].points && one.subjects[0].scores == three.subjects[0].scores);
        assert_ne!(three.subjects[0].points, three.subjects[1].points);
        let end = |s: &Subject| s.points[2].last().unwrap()[0].0;
        let mean = three.subjects.iter().map(end).sum::<f64>() / 3.0;
        let told = three.mean_of(2, |s, e| s.points[2][e][0].0);
        assert!((told.last().unwrap() - mean).abs() < 1e-12);
    }

    /// On the GPU the same networks are trained and the same pairs summed, up to rounding.
    #[test]
    fn a_gpu_shows_the_same_plane() {
        let Some(device) = gpu::testing::gpu() else { return };
        let controls = Controls { epochs: 3, networks: 2, layers: "10-7-5".into(), ..Controls::default() };
        let on_cpu = over(&controls, &Library::default());
        let mut on_gpu = InformationPlane::new(&controls, 0, &Library::default()).unwrap();
        let tasks: Vec<&Classification> = on_gpu.subjects.iter().filter_map(Subject::task).collect();
        on_gpu.kernel = Some(small_networks::Kernel::new(device.gpu().expect("not lost"), &on_gpu.trainings, &tasks));
        assert!(matches!(on_gpu.kernel, Some(Some(_))));
        while !pollster::block_on(on_gpu.step(&device)).unwrap().finished() {}
        for (ours, twin) in on_gpu.subjects.iter().zip(&on_cpu.subjects) {
            for (ours, twin) in ours.scores.iter().flatten().zip(twin.scores.iter().flatten()) {
                assert!((ours - twin).abs() < 2e-3, "{ours} and {twin}");
            }
            for (ours, twin) in ours.phases.iter().flatten().flatten().zip(twin.phases.iter().flatten().flatten()) {
                assert!((ours - twin).abs() < 1e-3 * twin, "{ours} and {twin}");
            }
            for (ours, twin) in ours.ruler.iter().zip(&twin.ruler) {
                assert!((ours.1 - twin.1).abs() < 1e-3, "{ours:?} and {twin:?}");
            }
        }
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
