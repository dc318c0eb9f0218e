//! What is watched: a network and what it learns, or activities of the reader's own.

use super::own::Own;
use super::{Controls, Problem, Reading, Source, Subject};
use libm::log2;
use methods::information::entropy;
use methods::network::dense::{Classification, Loss};
use methods::network::layered::{Layer, Layered};
use methods::network::model::{Hidden, Model, dense};
use methods::network::training::{Recipe, Training};
use methods::optimize::{Optimizer, Rule};
use run::data::rule::{BITS, PATTERNS, SphereRule};
use run::prelude::*;

impl Controls {
    /// The noise of a layer whose bins share this interval.
    pub(super) fn variance(&self, (low, high): (f32, f32)) -> f64 {
        let width = f64::from(high - low) / self.bins as f64;
        // A layer that never moves has bins without width; whatever the noise, it tells nothing. One over it fits single precision.
        (self.noise * width * width / 12.0).max(1e-30)
    }

    /// The interval of the noise that is put into every hidden unit.
    pub(super) const INJECTED: (f32, f32) = (-1.0, 1.0);
}

impl Subject {
    fn new(source: Source, seed: u64, labels: Vec<u8>, classes: usize, layers: usize) -> Self {
        let certain = |label: &u8| (0..classes).map(|c| f64::from(u8::from(c == usize::from(*label)))).collect::<Vec<f64>>();
        Subject {
            source,
            seed,
            conditional: labels.iter().flat_map(certain).collect(),
            labels,
            classes,
            inputs: Vec::new(),
            ranges: vec![(f32::INFINITY, f32::NEG_INFINITY); layers],
            ranged: 0,
            measured: Vec::new(),
            phases: Vec::new(),
            sums: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// The reader's own.
    pub(super) fn own(Own { layers, labels, epochs, .. }: Own, seed: u64) -> Self {
        let (classes, count) = (classes(&labels), layers.len());
        Subject::new(Source::Own { layers, epochs }, seed, labels, classes, count)
    }

    /// What was taken off the activities of layer `l` before they were rounded.
    pub(super) fn offset(&self, l: usize) -> f64 {
        match &self.source {
            Source::Network { .. } => 0.0,
            Source::Own { layers, .. } => layers[l].offset,
        }
    }

    /// What its network learns, if it has one.
    pub(super) fn task(&self) -> Option<&Classification> {
        match &self.source {
            Source::Network { task, .. } => Some(task),
            Source::Own { .. } => None,
        }
    }

    /// What was measured of layer `l`, snapshot by snapshot.
    pub(super) fn layer(&self, l: usize) -> impl Iterator<Item = &Reading> {
        self.measured.iter().skip(l).step_by(self.ranges.len())
    }

    /// H(Y) and I(X;Y) of the samples, bits.
    pub(super) fn limits(&self) -> (f64, f64) {
        let (n, classes) = (self.labels.len() as f64, self.classes);
        let of_class = |y: usize| self.conditional.iter().skip(y).step_by(classes).sum::<f64>() / n;
        let h = entropy((0..classes).map(of_class));
        let noise: f64 = self.conditional.chunks_exact(classes).map(|p| entropy(p.iter().copied())).sum();
        (h, h - noise / n)
    }

    /// By how much, at worst, the solid estimate is more than there can be: of the input than in the layer before, of the label than there
    /// or than the input says, of the input than H(X).
    pub(super) fn violations(&self) -> [f64; 3] {
        let ((h, information), inputs) = (self.limits(), log2(self.labels.len() as f64));
        let mut worst = [0.0f64; 3];
        for layers in self.measured.chunks(self.ranges.len()) {
            let (mut before_x, mut before_y) = (f64::INFINITY, h.min(information));
            for (x, y) in layers.iter().map(|reading| reading.by[0]) {
                let beyond = [x - before_x, (y - before_y).max(y - h.min(information)), x - inputs];
                // What is less is rounding.
                worst
                    .iter_mut()
                    .zip(beyond)
                    .filter(|(_, beyond)| *beyond > 1e-9)
                    .for_each(|(most, beyond)| *most = most.max(beyond));
                (before_x, before_y) = (x, y);
            }
        }
        worst
    }

    /// What was forgotten of the input since each layer knew most of it, over all layers; NaN while nothing is measured of one.
    pub(super) fn compression(&self) -> f64 {
        let of_layer = |l: usize| {
            let kept = || self.layer(l).map(|reading| reading.by[0].0);
            kept().fold(f64::NAN, f64::max) - kept().last().unwrap_or(f64::NAN)
        };
        (0..self.ranges.len()).map(of_layer).sum()
    }
}

fn classes(labels: &[u8]) -> usize {
    1 + usize::from(labels.iter().copied().max().unwrap_or(0))
}

/// A network before its first step, and its problem.
pub(super) fn network(controls: &Controls, seed: u64, library: &Library) -> Result<(Subject, Training)> {
    let widths = widths(&controls.layers)?;
    let (task, labels, inputs, conditional) = match controls.problem {
        Problem::Rule => {
            let rule = SphereRule::get();
            let mut random = Random::new(seed, "labels");
            let labels: Vec<u8> = rule.conditional.iter().skip(1).step_by(2).map(|p| u8::from(random.uniform() < *p)).collect();
            let pattern = |x: usize| (0..BITS).map(move |bit| rule.x[bit * PATTERNS + x]);
            let order = Random::new(seed, "split").permutation(PATTERNS);
            let rows = |of: &[usize]| of.iter().flat_map(|i| pattern(*i)).collect::<Vec<f32>>();
            let (train, test) = order.split_at(PATTERNS * 85 / 100);
            let label = |of: &[usize]| of.iter().map(|i| labels[*i]).collect::<Vec<u8>>();
            let task =
                Classification { features: BITS, x: rows(train), y: label(train), test_x: rows(test), test_y: label(test) };
            (task, labels, (0..PATTERNS).flat_map(pattern).collect(), Some(&rule.conditional))
        }
        Problem::Digits => {
            let pictures = library.pictures(Dataset::Digits)?;
            let order = Random::new(seed, "split").permutation(pictures.len());
            let task = pictures.classification(&order[..1000], &order[1000..], 16.0);
            let (labels, inputs) = (task.test_y.clone(), task.test_x.clone());
            (task, labels, inputs, None)
        }
    };
    let classes = classes(&task.y);
    let sizes = [vec![task.features], widths, vec![classes]].concat();
    let weights = &mut Random::new(seed, "weights");
    let network = match controls.injected {
        false => dense(&sizes, controls.activation, weights),
        true => noisy(&sizes, controls.activation, controls.variance(Controls::INJECTED).sqrt(), weights).into(),
    };
    // Layer by layer, weights and then biases.
    let mut begin = 0;
    let place = |pair: &[usize]| {
        let place = begin..begin + pair[0] * pair[1];
        begin = place.end + pair[1];
        place
    };
    let places = sizes.windows(2).map(place).collect();
    let optimizer = Optimizer::new(Rule::Momentum { mu: 0.0 }, controls.step_size, begin);
    let batch = controls.batch.min(task.y.len());
    let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: controls.weight_decay, batch };
    let training = Training::new(network, recipe, task.y.len(), Random::new(seed, "batches"));
    let source = Source::Network { task: Box::new(task), places, snapshots: Vec::new() };
    let mut subject = Subject { inputs, ..Subject::new(source, seed, labels, classes, sizes.len() - 2) };
    if let Some(conditional) = conditional {
        subject.conditional.clone_from(conditional);
    }
    (subject.sums, subject.phases) = (vec![[0.0; 2]; begin], vec![Vec::new(); sizes.len() - 1]);
    Ok((subject, training))
}

/// A fully connected network whose hidden units are noisy.
fn noisy(sizes: &[usize], hidden: Hidden, deviation: f64, random: &mut Random) -> Layered {
    let of = |pair: &[usize]| [hidden.layer(), Layer::Noise { deviation }, Layer::Dense { from: pair[0], to: pair[1] }];
    Layered::new(sizes.windows(2).flat_map(of).skip(2).collect(), sizes[0], hidden.start(), random)
}

/// Where a network's `l`-th hidden layer is among what a forward pass leaves.
pub(super) fn after(network: &Model, l: usize) -> usize {
    match network {
        Model::Dense(_) => l,
        // A sum, its activation, and the noise if there is any: kernels take the place of that.
        Model::Layered(network) => {
            let activations = network.layers().iter().enumerate().filter(|(_, layer)| matches!(layer, Layer::Activate(_)));
            activations.map(|(i, _)| i).nth(l).expect("a hidden layer")
        }
    }
}

/// The widths of the hidden layers that "10-7-5" writes.
pub(super) fn widths(text: &str) -> Result<Vec<usize>> {
    let wrong =
        || Error::new(format!("control layers: '{text}' is not one to eight numbers from 1 to 256 joined by '-', as in 10-7-5"));
    let widths: Vec<usize> = text.split('-').map(|w| w.trim().parse().map_err(|_| wrong())).collect::<Result<_>>()?;
    if (1..=8).contains(&widths.len()) && widths.iter().all(|w| (1..=256).contains(w)) { Ok(widths) } else { Err(wrong()) }
}
