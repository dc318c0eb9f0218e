//! The information plane of a network trained on the spot, or of activities of the reader's own, by several estimators side by side.
//!
//! Reference: Shwartz-Ziv & Tishby 2017; the dispute: Saxe et al. 2018, Goldfeld et al. 2019. A deterministic layer with continuous
//! units keeps all of a discrete input, and infinitely much of a continuous one: every estimator puts noise in, openly (a variance) or not (the width of a bin).
//! Claim of trust: binning behaves like Gaussian noise of the bin's own variance, width²/12: with that noise the kernel bounds of
//! Kolchinsky & Tracey lie within half a bit of the binned I(X;T), over layers and epochs in the mean.

mod bound;
mod estimates;
mod own;
mod pictures;
mod problem;
#[cfg(test)]
mod tests;
mod training;

use std::ops::Range;

use ground::controls::Options;
use libm::{exp, log};
use methods::network::dense::Classification;
use methods::network::model::{Hidden, Room};
use methods::network::training::Training;
use run::prelude::*;

run::instrument!(InformationPlane);

choice! {
    /// What the network learns.
    pub enum Problem { Rule => "12-bit rule", Digits => "digits" }
}

choice! {
    /// What information is counted in.
    pub enum Unit { Bits => "bits", Nats => "nats" }
}

choice! {
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

controls! {
    /// What the reader can move.
    pub struct Controls {
        estimator: Choice(Estimator) = Estimator::Width, "", "Which estimate the plane shows: the same network, measured in another way.";
        beside "second estimator": Choice(Estimator) = Estimator::Upper, "", "A second one, dashed. Where the two part, it is the estimator that speaks, not the network.";
        noise "noise of the estimate": Log(0.01, 10000.0) = 1.0, "σ²", "Variance that kernels, neighbours and Gaussian add, in units of a bin's own. Small: all inputs differ; large: all look alike.";
        bins "bins per unit": LogCount(2, 100) = 30, "B", "Bins for each unit's activity. Few: inputs fall together; many: every input stands by itself.";
        shown "layer shown": Count(1, 8) = 5, "ℓ", "The layer whose activities and gradients are shown, and that the sentence is about; the last one if there are fewer.";
        unit: Choice(Unit) = Unit::Bits, "", "What information is counted in; a bit is the answer to one yes-or-no question.";
        samples: LogCount(100, 4096) = 256, "n", "Samples of the pairwise estimators. Kernels and Rényi's see at most log₂ n bits of them.";
        neighbours "number of neighbours": Count(1, 20) = 4, "k", "For nearest neighbours: which neighbour's distance counts. Small: less bias, more scatter; large: the reverse.", when estimator ["nearest neighbours"] or beside ["nearest neighbours"];
        beta "worth of a bit on the label": Log(1.0, 100.0) = 10.0, "β", "Marks the best compromise on the bound. Small: forget the input; large: know the label.";
        problem "task": Choice(Problem) = Problem::Rule, "", "What the network learns: a rule on all patterns of twelve bits, or handwritten digits.";
        activation: Choice(Hidden) = Hidden::Tanh, "σ", "What a unit makes of its input. Units that saturate seem to forget; unbounded ones less so, in bins of equal width.";
        injected "noise in the network": Toggle() = false, "", "Adds that noise to every hidden unit in training too: layers then really lose information, and kernels enclose what is left.";
        layers "hidden layers": Text(40) = "10-7-5-4-3", "", "Units of the hidden layers, joined by hyphens.";
        networks: Count(1, 20) = 1, "", "Networks trained at once, each from a start of its own: thin lines, with their mean drawn strong.";
        step_size "step size": Log(0.001, 1.0) = 0.1, "η", "Learning rate. Small: fitting is hardly over at the end; large: everything happens early.";
        batch "batch size": LogCount(16, 4096) = 256, "b", "Samples in a batch. Small: noisy gradients; the whole training set at once: none.";
        weight_decay "weight decay": LogZero(0.000001, 0.01) = 0.0, "λ", "Pulls weights to zero. Small: hardly felt. Large: units stay out of saturation, yet layers lose more; ReLU networks may die.";
        epochs: LogCount(20, 2000) = 500, "", "How long to train: passes over the training set.";
    }
}

impl Controls {
    /// Why the claim does not speak of these settings, if it does not.
    fn aside(&self) -> Option<&'static str> {
        let both = [self.estimator, self.beside];
        if self.activation != Hidden::Tanh {
            Some("The claim is about tanh networks; here the units are of another kind.")
        } else if self.injected {
            Some("The claim is about noise of the estimate; here the network has noise of its own.")
        } else if self.noise != 1.0 && !(both.contains(&Estimator::Width) && both.contains(&Estimator::Upper)) {
            Some(
                "The claim is about bins beside kernels with noise of a bin's size; here the estimators are others, and so is the noise.",
            )
        } else {
            None
        }
    }
}

/// Epochs at which activities are kept, log-spaced.
const SNAPSHOTS: usize = 24;
/// Bits that bins and kernels may be apart.
const APART: f64 = 0.5;

/// Where activities come from.
enum Source {
    Network {
        task: Box<Classification>,
        /// Where each layer's weights are.
        places: Vec<Range<usize>>,
        /// The weights at each epoch that is kept.
        snapshots: Vec<Vec<f32>>,
    },
    /// Layer by layer, and the epochs' numbers.
    Own { layers: Vec<own::Layer>, epochs: Vec<usize> },
}

/// What was measured of a layer at a snapshot, in bits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    /// I(X;T) and I(T;Y) by both estimators, each from as many samples as it takes.
    by: [(f64, f64); 2],
    /// I(X;T) by both on the same samples.
    same: [f64; 2],
    /// The ruler: I(X;T) by bins of equal width, and the kernels' upper bound on the same samples.
    bins: f64,
    kernels: f64,
}

/// A network on its way, or the reader's, and what was found out about it.
struct Subject {
    source: Source,
    seed: u64,
    /// Of the samples that the plane is measured on: labels; p(y|x), samples × classes; inputs, none for the reader's own.
    labels: Vec<u8>,
    classes: usize,
    conditional: Vec<f64>,
    inputs: Vec<f32>,
    /// The smallest and largest activity of each layer over the snapshots that were gone through.
    ranges: Vec<(f32, f32)>,
    ranged: usize,
    /// Snapshot by snapshot, layer by layer.
    measured: Vec<Reading>,
    /// Per layer and epoch: norm of the batches' mean gradient, and of their standard deviation.
    phases: Vec<Vec<[f64; 2]>>,
    /// Of every weight, the sum of its slopes over this epoch's batches, and of their squares.
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
    /// Units of the layers.
    widths: Vec<usize>,
    /// All samples in the order in which the pairwise estimators take them.
    order: Vec<usize>,
    /// (I(X;T), I(T;Y)) on the bottleneck's bound, as many β as are done.
    bound: Vec<(f64, f64)>,
    /// The last activities of the shown layer that were looked at, samples × units.
    seen: Vec<f32>,
    room: Room,
    /// What the reader's files were taken for.
    understood: Vec<String>,
}

impl InformationPlane {
    /// The epochs at which there are activities.
    fn epochs(&self) -> Vec<usize> {
        match &self.subjects[0].source {
            Source::Network { .. } => snapshots(self.controls.epochs),
            Source::Own { epochs, .. } => epochs.clone(),
        }
    }

    fn samples(&self) -> usize {
        self.order.len()
    }

    /// The layer in the lower pictures.
    fn shown(&self) -> usize {
        self.controls.shown.min(self.widths.len()) - 1
    }

    /// The activities of layer `l` of subject `s` at snapshot `e`, samples × units; the reader's own less their [offset](Subject::offset).
    fn activities(&mut self, s: usize, e: usize, l: usize) -> Vec<f32> {
        let subject = &self.subjects[s];
        match &subject.source {
            Source::Network { snapshots, .. } => {
                let network = self.trainings[s].network.with(snapshots[e].clone());
                network.forward(&subject.inputs, &mut self.room);
                self.room.layer(problem::after(&network, l)).to_vec()
            }
            Source::Own { layers, .. } => {
                let (own::Layer { array, offset }, size) = (&layers[l], subject.labels.len() * self.widths[l]);
                array.values[e * size..(e + 1) * size].iter().map(|v| (v - offset) as f32).collect()
            }
        }
    }

    /// Takes the ranges of the next snapshot's layers in.
    fn range(&mut self, s: usize) {
        let e = self.subjects[s].ranged;
        for l in 0..self.widths.len() {
            let t = self.activities(s, e, l);
            let range = &mut self.subjects[s].ranges[l];
            *range = t.iter().fold(*range, |(low, high), v| (low.min(*v), high.max(*v)));
        }
        self.subjects[s].ranged += 1;
    }

    /// The steps that are done, and all there are: epochs of all networks, snapshots gone through, layers measured, points of the bound.
    fn steps(&self) -> Range<usize> {
        let (snapshots, layers, betas) = (self.epochs().len(), self.widths.len(), self.betas().len());
        let epochs = self.trainings.iter().map(Training::epochs).min();
        let looks = self.subjects.iter().map(|s| s.ranged + s.measured.len()).sum::<usize>();
        let bound = if self.bound.len() == betas { betas } else { 0 };
        let all = epochs.map_or(0, |_| self.controls.epochs) + self.subjects.len() * snapshots * (1 + layers) + betas;
        epochs.unwrap_or(0) + looks + bound..all
    }

    /// Every estimator needs three samples; one that looks for neighbours more of them than neighbours.
    fn enough_samples(&self, controls: &Controls) -> Result<()> {
        let samples = self.samples().min(controls.samples);
        let looks = [controls.estimator, controls.beside].contains(&Estimator::Neighbours);
        if looks && controls.neighbours + 2 > samples {
            return Err(Error::new(format!("control neighbours: {} needs more than {samples} samples", controls.neighbours)));
        }
        if samples < 3 {
            return Err(Error::new(format!("{samples} samples: 3 or more would be right")));
        }
        Ok(())
    }
}

/// Log-spaced epochs from 1 to the last.
fn snapshots(epochs: usize) -> Vec<usize> {
    let epoch = |i: usize| exp(log(epochs as f64) * i as f64 / (SNAPSHOTS - 1) as f64).round() as usize;
    let mut all: Vec<usize> = (0..SNAPSHOTS).map(epoch).collect();
    all.dedup();
    all
}

views! { InformationPlane, Controls:
    plane "The information plane" "A path is a layer, numbered at its end: right tells more of the input, up more of the label." => plane;
    scores "Loss and accuracy" "Solid lines are samples that training never saw; the dashed one is the training loss." => scores;
    beside "Two estimates" "A line is a layer: solid by the first estimator, dashed by the second, on the same samples." => both_estimates;
    activities "The activities and their bins" "How many activities of the layer shown fall into each bin." => histogram;
    phases "Drift and diffusion" "Mean and deviation of a layer's gradient over the batches of an epoch." => drift_and_diffusion;
    readings "Limits and violations" "What limits every estimate, and by how much this one is more than there can be." => readings;
}

impl Experiment for InformationPlane {
    const CARD: Card = Card {
        slug: "information-estimators",
        title: "Does the network forget, or does the estimator say so?",
        paper: Paper::new(
            "Opening the Black Box of Deep Neural Networks via Information",
            "Ravid Shwartz-Ziv, Naftali Tishby",
            2017,
        )
        .arxiv("1703.00810"),
        claim: "Counting in bins finds the same information as blurring with noise of the bins' own size.",
        criterion: "In a tanh network the kernels' upper bound on I(X;T), with Gaussian noise of the variance width²/12 that a bin has, stays within 0.5 bits of I(X;T) by bins of equal width, on the same samples, in the mean over layers and epochs, in each of three runs. Activities of your own are outside the claim, and so are other units than tanh, noise in the network itself, other estimators where their noise is not a bin's, and layers that are the same for every input.",
        figure: "mean distance of bins and kernels in I(X;T), in bits",
        reproduction: Reproduction::AsClaimed,
        honesty: "A network without noise loses next to nothing of its input: every estimate shows what survives a certain noise or grid, and two side by side show how much that choice matters. With ReLU and GELU, whose units have no bound, bins and kernels mostly part by half a bit or more.",
        seeds: 3,
        unit: "step",
        presets: &[
            Preset::holds("default", "Thirty bins beside kernels with noise of a bin's size: compare both lines", &[]),
            Preset::gone("break-it", "The kernels' noise no longer has the bins' size: compare both lines", &[("noise", "1000")]),
            Preset::open(
                "eight networks",
                "Eight networks, each from its own start, and their mean: compare their paths",
                &[("networks", "8")],
            ),
            Preset::outside(
                "noisy network",
                "Noise in the network itself, between two kernel bounds: compare both lines",
                &[("injected", "on"), ("noise", "30"), ("estimator", "kernels, upper bound"), ("beside", "kernels, lower bound")],
            ),
            Preset::outside(
                "ReLU",
                "ReLU units, whose activity has no upper limit: compare both lines",
                &[("activation", "ReLU")],
            ),
            Preset::outside(
                "neighbours",
                "Nearest neighbours beside kernels, with more noise on both: compare both lines",
                &[("estimator", "nearest neighbours"), ("noise", "30")],
            ),
            Preset::open(
                "Rényi",
                "An estimate from similarities, without bins or added noise: look at the plane",
                &[("estimator", "matrix-based Rényi")],
            ),
            Preset::open(
                "digits",
                "A network on handwritten digits, with six bins a unit: look at the plane",
                &[("problem", "digits"), ("layers", "12-6-3"), ("bins", "6"), ("epochs", "100"), ("batch", "64"), ("shown", "3")],
            ),
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Activities of your own as npz or safetensors: labels (samples) and one array a layer (epochs × samples × units), one with the layers as its second axis, or one array (samples × units) an epoch and layer, named as in 20_3.",
        ),
        ..Card::BLANK
    };
    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let (widths, subjects, trainings, understood) = if library.own().is_empty() {
            let networks =
                (0..controls.networks as u64).map(|k| problem::network(controls, seed.wrapping_add(1000 * k), library));
            let (subjects, trainings) = networks.collect::<Result<Vec<_>>>()?.into_iter().unzip();
            (problem::widths(&controls.layers)?, subjects, trainings, Vec::new())
        } else {
            let mut own = own::Own::read(library.own())?;
            let understood = std::mem::take(&mut own.understood);
            (own.layers.iter().map(|l| l.array.shape[2]).collect(), vec![Subject::own(own, seed)], Vec::new(), understood)
        };
        let run = InformationPlane {
            controls: controls.clone(),
            order: Random::new(seed, "samples").permutation(subjects[0].labels.len()),
            subjects,
            trainings,
            widths,
            bound: Vec::new(),
            seen: Vec::new(),
            room: Room::default(),
            understood,
        };
        run.enough_samples(controls)?;
        Ok(run)
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let (snapshots, subjects) = (self.epochs().len(), self.subjects.len());
        let steps = self.steps();
        stage.span(steps);
        self = self.train(&stage).await;
        for s in 0..subjects {
            while self.subjects[s].ranged < snapshots {
                self.range(s);
                self = stage.next(self).await;
            }
        }
        for e in 0..snapshots {
            for s in 0..subjects {
                self = self.measure(s, e, &stage).await;
            }
        }
        stage.judged();
        self = self.trace_bound(&stage).await;
        self.seen = self.activities(0, snapshots - 1, self.shown());
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let whole = self.subjects.iter().all(|s| s.measured.len() == self.epochs().len() * self.widths.len());
        let known = |value: f64| if whole { value } else { f64::NAN };
        let mean = |of: &dyn Fn(&Subject) -> f64| self.subjects.iter().map(of).sum::<f64>() / self.subjects.len() as f64;
        let bins = self.subjects.iter().flat_map(|s| &s.measured).map(|reading| reading.bins);
        let [input, label, beyond] = self.violations();
        measures! {
            own: self.trainings.is_empty() as u8,
            disagreement: known(self.disagreement()),
            kept: known(bins.fold(0.0, f64::max)),
            compression: known(mean(&Subject::compression)),
            violation: known(input.max(label)),
            beyond: known(beyond),
            accuracy: known(mean(&|s| s.scores.last().map_or(f64::NAN, |s| s[1]))),
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        let worst = runs.most("disagreement");
        if runs.most("own") == 1.0 {
            return Verdict::outside("Your activities: the claim is about networks that are trained here.");
        }
        if runs.most("kept") == 0.0 {
            return Verdict::outside("No layer tells one input from another, by bins or by kernels.");
        }
        let text = format!(
            "On the same samples, bins and kernels are {} bits of I(X;T) apart in the mean, {} at most in a run.",
            figure(runs.mean("disagreement")),
            figure(worst)
        );
        match controls.aside() {
            Some(about) if worst.is_nan() => Verdict::outside(about),
            Some(about) => Verdict::outside(format!("{text} {about}")),
            None => Verdict::at_most(worst, APART, text),
        }
    }

    fn sentence(&self) -> String {
        let (shown, epochs) = (self.shown(), self.epochs());
        let known = [0, 1].map(|k| self.mean_of(shown, |reading| reading.by[k].0));
        let label = self.mean_of(shown, |reading| reading.by[0].1);
        let Some(last) = label.len().checked_sub(1) else {
            let trained = self.trainings.iter().map(Training::epochs).min();
            return match trained {
                None => "Nothing is measured of your activities yet.".into(),
                Some(trained) if trained < self.controls.epochs => {
                    format!("Epoch {trained} of {}: layers are measured when training is over.", self.controls.epochs)
                }
                Some(_) => "Training is over; the first layers are being measured.".into(),
            };
        };
        let (scale, unit) = self.unit();
        let number = |value: f64| if value.is_finite() { figure(scale * value) } else { "no finite number of".into() };
        let networks = match self.subjects.len() {
            1 => format!("Layer {}", shown + 1),
            n => format!("Mean of {n} networks, layer {}", shown + 1),
        };
        let [first, second] = [self.controls.estimator, self.controls.beside].map(Options::name);
        format!(
            "{networks}, epoch {}, input: {} {unit} by {first}, {} by {second}; label: {} {unit}.",
            epochs[last],
            number(known[0][last]),
            number(known[1][last]),
            number(label[last])
        )
    }

    fn understood(&self) -> Vec<String> {
        self.understood.clone()
    }

    fn results(&self) -> Vec<Array> {
        let columns = ["network", "layer", "epoch", "I(X;T)", "I(T;Y)", "I(X;T) dashed", "I(T;Y) dashed"];
        let epochs = self.epochs();
        let layers = (0..self.subjects.len()).flat_map(|s| (0..self.widths.len()).map(move |l| (s, l)));
        let rows = layers.flat_map(|(s, l)| {
            let place = move |k: usize| k as f64 + 1.0;
            let row = move |(reading, epoch): (&Reading, &usize)| {
                let [(x, y), (x_dashed, y_dashed)] = reading.by;
                [place(s), place(l), *epoch as f64, x, y, x_dashed, y_dashed]
            };
            self.subjects[s].layer(l).zip(&epochs).map(row)
        });
        vec![Array::table("information-plane", columns, rows)]
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
            self.subjects.iter_mut().for_each(|subject| subject.measured.clear());
        }
        if controls.beta != self.controls.beta {
            self.bound.clear();
        }
        self.controls = controls.clone();
        true
    }
}
