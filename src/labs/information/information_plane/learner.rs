//! A net in training, and where its layers are in the plane.

use libm::sqrt;
use methods::information::{Bins, States};
use methods::network::dense::{Activation, Network, Start};
use methods::network::narrow::Narrow;
use methods::optimize::{Optimizer, Rule};
use run::data::rule::{BITS, PATTERNS, SphereRule};
use run::prelude::*;

use super::{Controls, Descent, HIDDEN, Sigma};

/// The patterns to train on, in the order of the epoch, those to test on, and the labels, drawn once.
pub struct Examples {
    random: Random,
    train: Vec<usize>,
    test: Vec<usize>,
    labels: Vec<u8>,
}

impl Examples {
    pub fn new(problem: &SphereRule, share: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, "labels");
        let labels = problem.conditional.chunks_exact(2).map(|p| u8::from(random.uniform() < p[1])).collect();
        let mut train = Random::new(seed, "split").permutation(PATTERNS);
        let test = train.split_off((share * PATTERNS as f64).round() as usize);
        Examples { random: Random::new(seed, "batches"), train, test, labels }
    }

    /// The order of the next epoch.
    pub fn shuffle(&mut self) {
        self.random.shuffle(&mut self.train);
    }
}

/// What the learners share while they measure, so that nothing is allocated.
#[derive(Default)]
pub struct Bench {
    all: Narrow,
    tuples: Vec<u16>,
    states: States,
}

/// A net in training, and where its layers have been in the plane.
pub struct Learner {
    network: Network,
    optimizer: Optimizer<f32>,
    batch: Narrow,
    labels: Vec<u8>,
    gradient: Vec<f32>,
    /// Σ g and Σ g² over the batches of an epoch.
    sums: Vec<[f64; 2]>,
    /// m_l and s_l of every epoch.
    pub phases: Vec<Vec<[f64; 2]>>,
    /// θ at the logged epochs, from which their activities can be had again when the bins change.
    logged: Vec<Vec<f32>>,
    /// Range of each layer's activities over the logged epochs.
    pub ranges: Vec<(f32, f32)>,
    /// (I(X;T), I(T;Y)) of each layer at each logged epoch, and the range it was binned in.
    pub points: Vec<Vec<(f64, f64)>>,
    pub binned: Vec<Vec<(f32, f32)>>,
    /// Of the training and the test patterns, at each logged epoch.
    pub accuracy: Vec<[f64; 2]>,
    /// Activities of the layer shown at the last logged epoch, in bins.
    pub histogram: Vec<f64>,
}

impl Learner {
    pub fn new(sigma: Sigma, controls: &Controls, seed: u64) -> Self {
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
        let rule = if controls.descent == Descent::Adam { Rule::ADAM } else { Rule::Momentum { mu: 0.0 } };
        Learner {
            optimizer: Optimizer::new(rule, controls.learning_rate, size),
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

    /// One epoch of descent, batch by batch, and the drift and diffusion of its gradients.
    pub fn epoch(&mut self, problem: &SphereRule, examples: &Examples, batch: usize) {
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
    pub fn log(&mut self) {
        self.logged.push(self.network.theta.clone());
    }

    /// A logged epoch that is still to be measured: the newest one first, then those whose bins have been outgrown by more than `slack`.
    pub fn due(&self, slack: f32) -> Option<usize> {
        if self.accuracy.len() < self.logged.len() {
            return Some(self.accuracy.len());
        }
        let outgrown = |k: usize| {
            let mut layers = self.binned.iter().zip(&self.ranges);
            layers.any(|(binned, range)| range.1 - range.0 > slack * (binned[k].1 - binned[k].0))
        };
        (0..self.logged.len()).find(|k| outgrown(*k))
    }

    /// Where the layers are in the plane at logged epoch `k`.
    pub fn measure(&mut self, k: usize, problem: &SphereRule, examples: &Examples, controls: &Controls, bench: &mut Bench) {
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
    pub fn compression(&self) -> f64 {
        if self.points[0].is_empty() || self.network.theta.iter().any(|w| !w.is_finite()) {
            return f64::NAN;
        }
        self.points.iter().map(|points| most(points).map_or(0.0, |k| points[k].0 - points[points.len() - 1].0)).sum()
    }
}

/// Where I(X;T) is largest, for the first time.
pub fn most(points: &[(f64, f64)]) -> Option<usize> {
    (0..points.len()).reduce(|best, k| if points[k].0 > points[best].0 { k } else { best })
}
