//! The information plane: layers learn to fit, then forget their input, if their units saturate.
//!
//! Paper: Shwartz-Ziv & Tishby, 2017. A net 12-10-7-5-4-3-2 (σ = tanh) learns a rule on all 4096 patterns x of 12 bits. With T the tuple
//! of a layer's activities, each cut into B bins, every layer climbs in I(T;Y), then loses I(X;T): C = max I(X;T) − last I(X;T) bits.
//! The counter-experiment is Saxe et al., 2018: with σ = ReLU, the bins fixed over the whole run, the fit stays and C is gone.

use libm::{exp, log, sqrt};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Ink, Mark, View};
use methods::information::{Bins, Bottleneck, States};
use methods::narrow::Narrow;
use methods::nn::{Activation, Network, Start};
use methods::optimize::{Optimizer, Rule};
use run::data::Library;
use run::data::rule::{BITS, PATTERNS, SphereRule};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// The function σ after every hidden layer.
    pub enum Sigma { Tanh => "tanh", Relu => "ReLU", Softplus => "softplus", Sigmoid => "sigmoid" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        activation: Choice(Sigma) = Sigma::Tanh, "σ", "tanh saturates and seems to compress; ReLU does not";
        bins: LogCount(5, 1000) = 30, "B", "more bins: every layer goes to 12 bits, and there is no compression to see";
        learning_rate: Log(0.01, 1.0) = 0.1, "η", "larger: both phases pass sooner";
        batch: LogCount(32, 4096) = 256, "b", "from the size of the training set on, the gradient has no noise";
        training_share: Real(0.05, 0.9) = 0.85, "", "small: the net learns its examples by heart and loses I(T;Y) late";
        layers: Count(1, 5) = 5, "", "hidden layers kept: how deep, how fast";
        shown: Count(1, 5) = 5, "l", "the layer in the two lower pictures; the last one there is, if there are fewer";
    }
}

/// Units of the hidden layers.
const HIDDEN: [usize; 5] = [10, 7, 5, 4, 3];
const EPOCHS: usize = 1200;
/// Epochs at which the plane is measured, log-spaced from 1 to the last.
const LOGGED: usize = 40;
/// The bottleneck's curve: β from 100 down to 1.
const BETAS: usize = 20;
const SWEEPS: usize = 100;
const SWEEPS_A_SLICE: usize = 4;
const CLUSTERS: usize = 20;

/// The bottleneck of p(x, y), at the start of its curve.
fn bottleneck(problem: &SphereRule) -> Bottleneck {
    let (input, conditional) = problem.groups();
    Bottleneck::new(&input, &conditional, 2, CLUSTERS, beta(0))
}

/// The `i`-th β of the curve, log-spaced from 100 down to 1.
fn beta(i: usize) -> f64 {
    exp(log(100.0) * (1.0 - i as f64 / (BETAS - 1) as f64))
}

/// The epochs at which the plane is measured: as even in the logarithm as whole numbers can be.
fn logged_epochs() -> Vec<usize> {
    let mut epochs = vec![1];
    while epochs.len() < LOGGED {
        let (last, left) = (epochs[epochs.len() - 1], LOGGED - epochs.len());
        let next = last as f64 * exp(log(EPOCHS as f64 / last as f64) / left as f64);
        epochs.push((next.round() as usize).max(last + 1));
    }
    epochs
}

/// The patterns to train on, in the order of the epoch, those to test on, and the labels, drawn once.
struct Examples {
    random: Random,
    train: Vec<usize>,
    test: Vec<usize>,
    labels: Vec<u8>,
}

impl Examples {
    fn new(problem: &SphereRule, share: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, "labels");
        let labels = problem.conditional.chunks_exact(2).map(|p| u8::from(random.uniform() < p[1])).collect();
        let mut train = Random::new(seed, "split").permutation(PATTERNS);
        let test = train.split_off((share * PATTERNS as f64).round() as usize);
        Examples { random: Random::new(seed, "batches"), train, test, labels }
    }
}

/// What the learners share while they measure, so that nothing is allocated.
#[derive(Default)]
struct Bench {
    all: Narrow,
    tuples: Vec<u16>,
    states: States,
}

/// A net in training, and where its layers have been in the plane.
struct Learner {
    network: Network,
    optimizer: Optimizer<f32>,
    batch: Narrow,
    labels: Vec<u8>,
    gradient: Vec<f32>,
    /// Σ g and Σ g² over the batches of an epoch.
    sums: Vec<[f64; 2]>,
    /// m_l and s_l of every epoch.
    phases: Vec<Vec<[f64; 2]>>,
    /// θ at the logged epochs, from which their activities can be had again when the bins change.
    logged: Vec<Vec<f32>>,
    /// Range of each layer's activities over the logged epochs.
    ranges: Vec<(f32, f32)>,
    /// (I(X;T), I(T;Y)) of each layer at each logged epoch, and the range it was binned in.
    points: Vec<Vec<(f64, f64)>>,
    binned: Vec<Vec<(f32, f32)>>,
    /// Of the training and the test patterns, at each logged epoch.
    accuracy: Vec<[f64; 2]>,
    /// Activities of the layer shown at the last logged epoch, in bins.
    histogram: Vec<f64>,
}

impl Learner {
    fn new(sigma: Sigma, controls: &Controls, seed: u64) -> Self {
        let (activation, gain) = match sigma {
            Sigma::Tanh => (Activation::Tanh, 1.0),
            Sigma::Relu => (Activation::Relu, 2.0),
            Sigma::Softplus => (Activation::Softplus, 2.0),
            // σ′(0) = ¼: sixteen times the variance carries the signal as far as tanh does.
            Sigma::Sigmoid => (Activation::Sigmoid, 16.0),
        };
        let layers = controls.layers;
        let sizes: Vec<usize> = [BITS].into_iter().chain(HIDDEN[..layers].iter().copied()).chain([2]).collect();
        let network = Network::new(&sizes, activation, Start::Normal { gain }, &mut Random::new(seed, "weights"));
        let size = network.theta.len();
        let range = match sigma {
            Sigma::Tanh => (-1.0, 1.0),
            Sigma::Sigmoid => (0.0, 1.0),
            Sigma::Relu | Sigma::Softplus => (f32::INFINITY, f32::NEG_INFINITY),
        };
        Learner {
            optimizer: Optimizer::new(Rule::Momentum { mu: 0.0 }, controls.learning_rate, size),
            network,
            batch: Narrow::default(),
            labels: Vec::new(),
            gradient: vec![0.0; size],
            sums: vec![[0.0; 2]; size],
            phases: vec![Vec::new(); layers + 1],
            logged: Vec::new(),
            ranges: vec![range; layers],
            points: vec![Vec::new(); layers],
            binned: vec![Vec::new(); layers],
            accuracy: Vec::new(),
            histogram: Vec::new(),
        }
    }

    /// One epoch of plain stochastic gradient descent, and the drift and diffusion of its gradients.
    fn epoch(&mut self, problem: &SphereRule, examples: &Examples, batch: usize) {
        self.sums.fill([0.0; 2]);
        for patterns in examples.train.chunks(batch) {
            let input = self.batch.batch(&self.network, patterns.len());
            let stride = input.len() / BITS;
            for (to, bit) in input.chunks_exact_mut(stride).zip(problem.x.chunks_exact(PATTERNS)) {
                to.iter_mut().zip(patterns).for_each(|(to, x)| *to = bit[*x]);
            }
            self.labels.clear();
            self.labels.extend(patterns.iter().map(|x| examples.labels[*x]));
            self.batch.forward(&self.network);
            self.batch.cross_entropy(&self.labels);
            self.batch.backward(&self.network, &mut self.gradient);
            self.optimizer.step(&mut self.network.theta, &self.gradient);
            for ([sum, squares], g) in self.sums.iter_mut().zip(&self.gradient) {
                *sum += f64::from(*g);
                *squares += f64::from(*g) * f64::from(*g);
            }
        }
        let batches = examples.train.chunks(batch).len() as f64;
        for (l, phases) in self.phases.iter_mut().enumerate() {
            let (mut drift, mut diffusion) = (0.0, 0.0);
            for [sum, squares] in &self.sums[self.network.place(l).0] {
                let mean = sum / batches;
                drift += mean * mean;
                diffusion += (squares / batches - mean * mean).max(0.0);
            }
            phases.push([sqrt(drift), sqrt(diffusion)]);
        }
    }

    /// Keeps the weights of this epoch for the plane.
    fn log(&mut self) {
        self.logged.push(self.network.theta.clone());
    }

    /// A logged epoch that is still to be measured: the newest one first, then those whose bins no longer hold. While the range is still
    /// growing, a tenth is let pass.
    fn due(&self, over: bool) -> Option<usize> {
        if self.accuracy.len() < self.logged.len() {
            return Some(self.accuracy.len());
        }
        let slack = if over { 1.0 } else { 1.1 };
        let outgrown = |k: usize| {
            let mut layers = self.binned.iter().zip(&self.ranges);
            layers.any(|(binned, range)| range.1 - range.0 > slack * (binned[k].1 - binned[k].0))
        };
        (0..self.logged.len()).find(|k| outgrown(*k))
    }

    /// Where the layers are in the plane at logged epoch `k`.
    fn measure(&mut self, k: usize, problem: &SphereRule, examples: &Examples, controls: &Controls, bench: &mut Bench) {
        let network = self.network.with(self.logged[k].clone());
        bench.all.batch(&network, PATTERNS).copy_from_slice(&problem.x);
        bench.all.forward(&network);
        let layers = self.points.len();
        let fresh = k == self.accuracy.len();
        if fresh {
            let [zero, one] = [0, 1].map(|y| bench.all.unit(layers + 1, y));
            let right = |x: &&usize| u8::from(one[**x] > zero[**x]) == examples.labels[**x];
            let share = |set: &[usize]| set.iter().filter(right).count() as f64 / set.len() as f64;
            self.accuracy.push([share(&examples.train), share(&examples.test)]);
        }
        for l in 0..layers {
            let width = network.sizes()[l + 1];
            let units = || (0..width).map(|unit| bench.all.unit(l + 1, unit));
            if fresh && matches!(network.activation(), Activation::Relu | Activation::Softplus) {
                let wider =
                    |(low, high): (f32, f32), a: &f32| (if *a < low { *a } else { low }, if *a > high { *a } else { high });
                self.ranges[l] = units().fold(self.ranges[l], |range, unit| unit.iter().fold(range, wider));
            }
            let (low, high) = self.ranges[l];
            if !fresh && self.binned[l][k] == (low, high) {
                continue;
            }
            let bins = Bins { low, high, count: controls.bins };
            bench.tuples.resize(PATTERNS * width, 0);
            units().enumerate().for_each(|(u, unit)| bins.cut(unit, &mut bench.tuples, width, u));
            bench.states.sort(&bench.tuples, width);
            let point = (bench.states.entropy(), bench.states.information_about(&problem.conditional, 2));
            if fresh {
                self.points[l].push(point);
                self.binned[l].push((low, high));
            } else {
                self.points[l][k] = point;
                self.binned[l][k] = (low, high);
            }
            if l + 1 == controls.shown.min(layers) && k + 1 == self.logged.len() {
                let bins = Bins { count: controls.bins.min(100), ..bins };
                units().enumerate().for_each(|(u, unit)| bins.cut(unit, &mut bench.tuples, width, u));
                self.histogram.clear();
                self.histogram.resize(bins.count, 0.0);
                let share = 1.0 / bench.tuples.len() as f64;
                bench.tuples.iter().for_each(|bin| self.histogram[usize::from(*bin)] += share);
            }
        }
    }

    /// C_l summed over the layers, in bits; NaN when training has diverged.
    fn compression(&self) -> f64 {
        if self.points[0].is_empty() || self.network.theta.iter().any(|w| !w.is_finite()) {
            return f64::NAN;
        }
        self.points.iter().map(|points| most(points).map_or(0.0, |k| points[k].0 - points[points.len() - 1].0)).sum()
    }
}

/// Where I(X;T) is largest, for the first time.
fn most(points: &[(f64, f64)]) -> Option<usize> {
    (0..points.len()).reduce(|best, k| if points[k].0 > points[best].0 { k } else { best })
}

/// A run: a net with the activation chosen, and a ReLU net of the same seed beside it.
pub struct InformationPlane {
    controls: Controls,
    problem: &'static SphereRule,
    examples: Examples,
    epochs: Vec<usize>,
    /// The net chosen; then ReLU, unless that is the one chosen.
    learners: Vec<Learner>,
    bench: Bench,
    epoch: usize,
    bottleneck: Bottleneck,
    sweeps: usize,
    /// The bottleneck's curve so far, from large β down.
    curve: Vec<(f64, f64)>,
}

impl InformationPlane {
    /// Some sweeps of the bottleneck's curve.
    fn bend(&mut self) {
        for _ in 0..SWEEPS_A_SLICE {
            if self.curve.len() == BETAS {
                return;
            }
            self.bottleneck.sweep();
            self.sweeps += 1;
            if self.sweeps.is_multiple_of(SWEEPS) {
                self.curve.push(self.bottleneck.point());
                self.bottleneck.beta = beta(self.curve.len());
            }
        }
    }
}

impl InformationPlane {
    /// The net chosen.
    fn chosen(&self) -> &Learner {
        &self.learners[0]
    }

    /// The layer in the lower pictures, from 0.
    fn shown(&self) -> usize {
        self.controls.shown.min(self.controls.layers) - 1
    }

    /// A layer's colour: the deeper, the further along the map.
    fn ink(&self, l: usize) -> Ink {
        Ink::Ramp((l as f32 + 0.5) / HIDDEN.len() as f32)
    }

    /// The epochs measured so far.
    fn measured(&self, learner: &Learner) -> Vec<f64> {
        self.epochs[..learner.accuracy.len()].iter().map(|e| *e as f64).collect()
    }

    fn plane(&self) -> Chart {
        let chosen = self.chosen();
        let mut marks = Vec::new();
        if let Some(&(kept, _)) = self.curve.first() {
            let mut bound = vec![(BITS as f64, self.problem.information), (kept, self.problem.information)];
            bound.extend(&self.curve);
            if self.curve.len() == BETAS {
                bound.push((0.0, 0.0));
            }
            let (x, y) = bound.into_iter().unzip();
            marks.push(Mark::dashed("bottleneck bound", Ink::Muted, x, y));
        }
        let shade: Vec<f32> = self.measured(chosen).iter().map(|e| (log(*e) / log(EPOCHS as f64)) as f32).collect();
        for (l, points) in chosen.points.iter().enumerate() {
            let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
            let name = if l == 0 { "a layer, from epoch 1 to 1,200".into() } else { String::new() };
            marks.push(Mark::Trail { name, x, y, shade: shade.clone() });
        }
        // Layers at the same place share a label.
        let mut named: Vec<(String, (f64, f64))> = Vec::new();
        for (l, points) in chosen.points.iter().enumerate() {
            let Some(&(x, y)) = points.last() else { continue };
            marks.push(Mark::points("", self.ink(l), vec![x], vec![y], 8.0));
            match named.iter_mut().find(|(_, at)| (at.0 - x).abs() < 1.0 && (at.1 - y).abs() < 0.08) {
                Some((name, at)) => (*name, *at) = (format!("{name}, {}", l + 1), ((x + at.0) / 2.0, y.max(at.1))),
                None => named.push((format!("{}", l + 1), (x, y))),
            }
        }
        for (text, (x, y)) in named {
            // Above the dot: paths come from below.
            let at = (x.min(BITS as f64 - 0.07 * text.len() as f64), y + 0.06);
            marks.push(Mark::Label { text, at, ink: Ink::Text });
        }
        Chart {
            x: Axis::linear("I(X;T), what a layer keeps of the input").unit("bits").range(0.0, BITS as f64),
            y: Axis::linear("I(T;Y), what it says of the label").unit("bits").range(0.0, 1.1),
            marks,
            ..Chart::default()
        }
    }

    fn kept(&self) -> Chart {
        let mut marks = Vec::new();
        for (i, learner) in self.learners.iter().enumerate().rev() {
            let epochs = self.measured(learner);
            for (l, points) in learner.points.iter().enumerate() {
                let y: Vec<f64> = points.iter().map(|point| point.0).collect();
                if i == 1 {
                    marks.push(Mark::dashed(if l == 0 { "ReLU" } else { "" }, Ink::Muted, epochs.clone(), y));
                    continue;
                }
                if let Some(top) = most(points) {
                    marks.push(Mark::points("", self.ink(l), vec![epochs[top]], vec![y[top]], 9.0));
                }
                marks.push(Mark::line(format!("layer {}", l + 1), self.ink(l), epochs.clone(), y));
            }
        }
        let (x, y) = (Axis::log("epoch").range(1.0, EPOCHS as f64), Axis::linear("I(X;T)").unit("bits").range(0.0, BITS as f64));
        Chart { x, y, marks, ..Chart::default() }
    }

    /// m_l and s_l at the logged epochs, means over the epochs since the one logged before.
    fn smoothed(&self, phases: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let starts = [0].into_iter().chain(self.epochs.iter().copied());
        let stretches = starts.zip(&self.epochs).filter(|(_, end)| **end <= phases.len());
        let mean = |stretch: &[[f64; 2]], i: usize| stretch.iter().map(|phase| phase[i]).sum::<f64>() / stretch.len() as f64;
        stretches.map(|(start, end)| [0, 1].map(|i| mean(&phases[start..*end], i))).collect()
    }

    /// The first logged epoch at which a layer's gradient is more noise than drift.
    fn crossing(&self, phases: &[[f64; 2]]) -> Option<f64> {
        self.smoothed(phases).iter().position(|[drift, diffusion]| drift < diffusion).map(|k| self.epochs[k] as f64)
    }

    /// The first measured epoch at which nine training patterns in ten get their label.
    fn fitted_at(&self) -> f64 {
        self.chosen().accuracy.iter().position(|[train, _]| *train >= 0.9).map_or(f64::NAN, |k| self.epochs[k] as f64)
    }

    /// The measured epoch at which the deepest layer knows most of the input.
    fn forgetting_from(&self) -> f64 {
        let points = &self.chosen().points[self.controls.layers - 1];
        most(points).map_or(f64::NAN, |k| self.epochs[k] as f64)
    }

    fn phases(&self) -> Chart {
        let mut marks = Vec::new();
        let mut curves = |l: usize, names: [&str; 2], inks: [Ink; 2]| {
            let smoothed = self.smoothed(&self.chosen().phases[l]);
            let epochs: Vec<f64> = self.epochs[..smoothed.len()].iter().map(|e| *e as f64).collect();
            for i in [1, 0] {
                // The full batch has no deviation.
                let y: Vec<f64> = smoothed.iter().map(|phase| phase[i]).collect();
                if y.iter().any(|y| *y > 0.0) {
                    marks.push(Mark::Line { name: names[i].into(), ink: inks[i], x: epochs.clone(), y, dashed: i == 1 });
                }
            }
        };
        let shown = self.shown();
        (0..self.chosen().phases.len()).filter(|l| *l != shown).for_each(|l| curves(l, ["", ""], [Ink::Muted; 2]));
        let names = [format!("mean m, layer {}", shown + 1), format!("deviation s, layer {}", shown + 1)];
        curves(shown, [&names[0], &names[1]], [Ink::Series(0), Ink::Series(1)]);
        if let Some(at) = self.crossing(&self.chosen().phases[shown]) {
            marks.push(Mark::at_x("s > m", at));
        }
        let (x, y) = (Axis::log("epoch").range(1.0, EPOCHS as f64), Axis::log("size of the gradient over an epoch's batches"));
        Chart { x, y, marks, ..Chart::default() }
    }

    fn activities(&self) -> Chart {
        let (chosen, shown) = (self.chosen(), self.shown());
        let (low, high) = chosen.ranges[shown];
        let bins = chosen.histogram.len();
        let edge = |i: usize| f64::from(low) + f64::from(high - low) * i as f64 / bins as f64;
        let y = chosen.histogram.clone();
        let mut marks = Vec::new();
        if bins > 0 {
            let edges = (0..=bins).map(edge).collect();
            marks.push(Mark::Histogram { name: String::new(), ink: Ink::Series(0), edges, y });
        }
        Chart {
            x: Axis::linear(format!("activity of a unit in layer {}", shown + 1)),
            y: Axis::linear("share of the activities"),
            marks,
            ..Chart::default()
        }
    }
}

run::views! { InformationPlane, Controls:
    plane "The information plane" "Up is fitting, left is compression: who turns back?" => plane;
    kept "What the layers keep of the input" "A dot marks each layer's most. From there on tanh layers forget; the dashed ReLU layers do not." => kept;
    phases "Drift and diffusion" "Where the deviation of the batches' gradients rises over their mean. Does the forgetting begin there?" => phases;
    activities "The activities behind it" "Units driven to ±1 pile up in the outer bins: that is what the bins see as compression." => activities;
}

impl InformationPlane {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        self.bend();
        let over = self.epoch == EPOCHS;
        let due = |learners: &[Learner]| learners.iter().enumerate().find_map(|(i, l)| Some((i, l.due(over)?)));
        if let Some((i, k)) = due(&self.learners) {
            self.learners[i].measure(k, self.problem, &self.examples, &self.controls, &mut self.bench);
        } else {
            self.examples.random.shuffle(&mut self.examples.train);
            self.epoch += 1;
            let log = self.epochs.contains(&self.epoch);
            for learner in &mut self.learners {
                learner.epoch(self.problem, &self.examples, self.controls.batch);
                if log {
                    learner.log();
                }
            }
        }
        let left = self.epoch == EPOCHS && (due(&self.learners).is_some() || self.curve.len() < BETAS);
        Ok(Progress { done: self.epoch - usize::from(left), of: EPOCHS })
    }
}

impl Experiment for InformationPlane {
    const CARD: Card = Card {
        slug: "information-plane",
        title: "The information plane: fitting, then compression (or not)",
        paper: Paper::new(
            "Opening the Black Box of Deep Neural Networks via Information",
            "Ravid Shwartz-Ziv, Naftali Tishby",
            2017,
        ),
        claim: "Over training, the layers of a tanh net lose at least 2.5 bits of their input in all, and at least three times what a ReLU net of the same accuracy loses.",
        reproduction: Reproduction::InPart,
        honesty: "The paper claims that stochastic gradient descent compresses in a diffusion phase; the compression appears here in coarse bins of saturating units only, gradients are noise hundreds of epochs before it, it comes without any noise as well, and the layers end far from the bottleneck's bound.",
        seeds: 5,
        unit: "epoch",
        presets: &[
            Preset::holds("default", "The paper's net: tanh, 30 bins", &[]),
            Preset::gone("break-it", "ReLU: it fits as well, and nothing is compressed", &[("activation", "ReLU")]),
            Preset::open("fine bins", "The same tanh nets, cut into 1,000 bins: no compression to see", &[("bins", "1000")]),
            Preset::open(
                "no noise",
                "The full batch at η = 0.7: no diffusion at all, and tanh compresses as before",
                &[("learning_rate", "0.7"), ("batch", "4096")],
            ),
            Preset::open(
                "few examples",
                "A fifth of the patterns: the deepest layer loses what it said of the label",
                &[("training_share", "0.2")],
            ),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let problem = SphereRule::get();
        let mut learners = vec![Learner::new(controls.activation, controls, seed)];
        if controls.activation != Sigma::Relu {
            learners.push(Learner::new(Sigma::Relu, controls, seed));
        }
        Ok(InformationPlane {
            controls: controls.clone(),
            problem,
            examples: Examples::new(problem, controls.training_share, seed),
            epochs: logged_epochs(),
            learners,
            bench: Bench::default(),
            epoch: 0,
            bottleneck: bottleneck(problem),
            sweeps: 0,
            curve: Vec::new(),
        })
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
        let (chosen, relu) = (&self.learners[0], &self.learners[self.learners.len() - 1]);
        let accuracy = |learner: &Learner| learner.accuracy.last().map_or(f64::NAN, |accuracy| accuracy[1]);
        let finest = chosen.points.iter().take(4).flatten().fold(f64::INFINITY, |least, point| least.min(point.0));
        ground::measures! {
            compression: chosen.compression(),
            compression_relu: relu.compression(),
            accuracy: accuracy(chosen),
            accuracy_relu: accuracy(relu),
            least_information: finest,
            fitted_at: self.fitted_at(),
            noise_from: self.crossing(&chosen.phases[self.controls.layers - 1]).unwrap_or(f64::NAN),
            forgetting_from: self.forgetting_from(),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (chosen, relu) = (runs.mean("compression"), runs.mean("compression_relu"));
        let (accuracy, accuracy_relu) = (runs.mean("accuracy"), runs.mean("accuracy_relu"));
        let text = format!(
            "The layers lose {chosen:.2} bits of their input in all, those of a ReLU net {relu:.2}; test accuracies {accuracy:.3} and {accuracy_relu:.3}."
        );
        // 0.03 is for the means of five seeds; means of fewer scatter more.
        let scatter = sqrt(5.0 / (runs.len() as f64).clamp(1.0, 5.0));
        let as_accurate = (accuracy - accuracy_relu).abs() <= 0.03 * scatter;
        Verdict::at_least(chosen, 2.5, text).and(chosen >= 3.0 * relu && as_accurate)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;
    use ground::controls::{Controls as _, Settings};

    /// Finished runs of the five seeds at a preset, made once for all tests.
    fn runs(preset: &'static str) -> &'static [InformationPlane] {
        type Runs = OnceLock<Vec<InformationPlane>>;
        static RUNS: [(&str, Runs); 4] = [
            ("default", OnceLock::new()),
            ("break-it", OnceLock::new()),
            ("fine bins", OnceLock::new()),
            ("no noise", OnceLock::new()),
        ];
        let (_, runs) = RUNS.iter().find(|(name, _)| *name == preset).expect("a preset that the tests use");
        runs.get_or_init(|| {
            let set = InformationPlane::CARD.presets.iter().find(|p| p.name == preset).expect("a preset of the card").set;
            let controls = Controls::read(&Settings::parse(Controls::SPECS, set.iter().copied()).unwrap());
            let finished = |seed| {
                let mut run = InformationPlane::new(&controls, seed, &Library::default()).unwrap();
                let mut done = 0;
                loop {
                    let progress = pollster::block_on(run.step(&Device::cpu())).unwrap();
                    assert!(progress.done >= done && progress.of == EPOCHS);
                    done = progress.done;
                    if progress.finished() {
                        return run;
                    }
                }
            };
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..5).map(|seed| scope.spawn(move || finished(seed))).collect();
                threads.into_iter().map(|thread| thread.join().expect("a run to its end")).collect()
            })
        })
    }

    fn verdict(preset: &'static str) -> (Vec<Measures>, Verdict) {
        let measures: Vec<Measures> = runs(preset).iter().map(|run| run.measures()).collect();
        let verdict = InformationPlane::verdict(&measures);
        (measures, verdict)
    }

    #[test]
    fn tanh_layers_forget_and_relu_layers_do_not() {
        let (measures, holds) = verdict("default");
        assert_eq!(holds.holds, Some(true), "{}", holds.text);
        // The gradients are noise long before the forgetting begins.
        assert!(measures.iter().all(|m| m.get("noise_from") <= 8.0 && m.get("forgetting_from") >= 50.0), "{measures:?}");
        let (measures, broken) = verdict("break-it");
        assert_eq!(broken.holds, Some(false), "{}", broken.text);
        assert!(mean(&measures, "compression") <= 1.0, "{}", broken.text);
    }

    #[test]
    fn in_fine_bins_there_is_nothing_to_see() {
        let (measures, verdict) = verdict("fine bins");
        assert_eq!(verdict.holds, Some(false), "{}", verdict.text);
        assert!(mean(&measures, "compression") <= 1.5, "{}", verdict.text);
        assert!(measures.iter().all(|m| m.get("least_information") >= 11.5), "{measures:?}");
    }

    #[test]
    fn without_gradient_noise_they_forget_all_the_same() {
        let (_, verdict) = verdict("no noise");
        assert_eq!(verdict.holds, Some(true), "{}", verdict.text);
        assert!(runs("no noise").iter().flat_map(|run| run.chosen().phases.iter().flatten()).all(|phase| phase[1] == 0.0));
    }

    /// I(T;Y) <= I(X;Y) and I(T;Y) <= I(X;T) <= 12 for every layer and epoch, and nothing lies over the bottleneck's curve.
    #[test]
    fn no_layer_knows_more_than_there_is() {
        for run in ["default", "break-it", "fine bins"].into_iter().flat_map(runs) {
            let mut bound = vec![(0.0, 0.0)];
            bound.extend(run.curve.iter().rev());
            bound.push((12.0, run.problem.information));
            for &(kept, about) in run.learners.iter().flat_map(|learner| learner.points.iter().flatten()) {
                assert!(about <= run.problem.information + 1e-12 && about <= kept + 1e-12 && kept <= 12.0 + 1e-12);
                let above = bound.iter().position(|point| point.0 >= kept.min(12.0)).unwrap().max(1);
                let ((x0, y0), (x1, y1)) = (bound[above - 1], bound[above]);
                let curve = y0 + (y1 - y0) * (kept - x0) / (x1 - x0);
                assert!(about <= curve + 1e-3, "({kept}, {about}) over the curve's {curve}");
            }
        }
    }

    #[test]
    fn relu_bins_are_the_same_at_every_epoch() {
        for run in runs("break-it") {
            let learner = run.chosen();
            assert!(learner.binned.iter().zip(&learner.ranges).all(|(binned, range)| binned.iter().all(|b| b == range)));
            assert!(learner.points.iter().all(|points| points.len() == LOGGED));
        }
    }

    #[test]
    fn the_rule_is_the_specified_one() {
        let problem = SphereRule::get();
        assert!((problem.information - 0.99).abs() < 1e-9);
        // f once more, over unordered pairs and with Legendre's recurrence; its differences and those of log p(1|x)/p(0|x) give γ.
        let legendre = |c: f64| {
            let p2 = (3.0 * c * c - 1.0) / 2.0;
            [c, p2, (5.0 * c * p2 - 2.0 * c) / 3.0]
        };
        let cosine = |i: usize, j: usize| {
            let z = |i: usize| 1.0 - (2.0 * i as f64 + 1.0) / 12.0;
            let turn = (i as f64 - j as f64) * std::f64::consts::PI * (3.0 - 5f64.sqrt());
            z(i) * z(j) + ((1.0 - z(i) * z(i)) * (1.0 - z(j) * z(j))).sqrt() * libm::cos(turn)
        };
        let f = |x: usize| {
            let on: Vec<usize> = (0..BITS).filter(|i| x >> i & 1 == 1).collect();
            let pairs = on.iter().flat_map(|i| on.iter().filter(move |j| i < *j).map(move |j| legendre(cosine(*i, *j))));
            2.5 * on.len() as f64 + 2.0 * pairs.map(|[p1, p2, p3]| p1 + p2 + 0.5 * p3).sum::<f64>()
        };
        let logit = |x: usize| log(problem.conditional[2 * x + 1] / problem.conditional[2 * x]);
        let near: Vec<usize> = (0..PATTERNS).filter(|x| logit(*x).abs() < 10.0).collect();
        for pair in near.windows(2).filter(|pair| (f(pair[0]) - f(pair[1])).abs() > 1e-3) {
            let gamma = (logit(pair[1]) - logit(pair[0])) / (f(pair[1]) - f(pair[0]));
            assert!((gamma - 120.9).abs() < 0.1, "γ = {gamma}");
        }
        assert!(near.len() > 50);
        // A half turn swaps the points i and 11 − i, and changes nothing.
        for x in 0..PATTERNS {
            let turned = (0..BITS).fold(0, |t, i| t | (x >> i & 1) << (BITS - 1 - i));
            assert!((problem.conditional[2 * x] - problem.conditional[2 * turned]).abs() < 1e-9);
        }
    }

    /// With a cluster for every kind of input and β large, the bottleneck keeps I(X;Y).
    #[test]
    fn the_bottleneck_ends_at_what_there_is_to_know() {
        let problem = SphereRule::get();
        let (input, conditional) = problem.groups();
        let mut all = Bottleneck::new(&input, &conditional, 2, input.len(), 1e6);
        (0..10).for_each(|_| all.sweep());
        assert!((all.point().1 - problem.information).abs() < 1e-6, "{:?}", all.point());
        let curve = &runs("default")[0].curve;
        assert!((curve[0].1 - problem.information).abs() < 2e-3, "{:?}", curve[0]);
        assert!(curve.windows(2).all(|pair| pair[1].0 <= pair[0].0 && pair[1].1 <= pair[0].1), "{curve:?}");
    }

    #[test]
    fn logged_epochs_are_even_in_the_logarithm() {
        let epochs = logged_epochs();
        assert_eq!((epochs.len(), epochs[0], epochs[LOGGED - 1]), (LOGGED, 1, EPOCHS));
        assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(epochs[9..].windows(2).all(|pair| (1.1..1.25).contains(&(pair[1] as f64 / pair[0] as f64))), "{epochs:?}");
    }
}
