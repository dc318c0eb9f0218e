//! The information plane: layers learn to fit, then forget their input, if their units saturate.
//!
//! Paper: Shwartz-Ziv & Tishby, 2017. A net 12-10-7-5-4-3-2 (σ = tanh) learns a rule on all 4096 patterns x of 12 bits. With T the tuple
//! of a layer's activities, each cut into B bins, every layer climbs in I(T;Y), then loses I(X;T): C = max I(X;T) − last I(X;T) bits.
//! The counter-experiment is Saxe et al., 2018: with σ = ReLU, the bins fixed over the whole run, the fit stays and C is gone.

mod learner;

use ground::controls::Options;
use libm::{exp, log, sqrt};
use methods::information::Bottleneck;
use run::data::rule::{BITS, SphereRule};
use run::prelude::*;

use learner::{Bench, Examples, Learner, most};

choice! {
    /// The function σ after every hidden layer.
    pub enum Sigma { Tanh => "tanh", Relu => "ReLU", Softplus => "softplus", Sigmoid => "sigmoid" }
}

choice! {
    /// How the nets are trained: as the paper's text has it, and as its published code does.
    pub enum Descent { Gradient => "SGD", Adam => "Adam" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        activation "activation": Choice(Sigma) = Sigma::Tanh, "σ", "The function after each hidden layer. tanh and sigmoid level off at both ends; ReLU and softplus grow without end.";
        bins "bins per unit": LogCount(5, 1000) = 30, "B", "How finely activities are cut before they are counted. Few: many patterns fall together. Many: hardly any do.";
        batch "batch size": LogCount(32, 4096) = 256, "b", "Patterns for each step. Small: noisy gradients. As large as the training set: no noise at all.";
        training_share "share trained on": Real(0.05, 0.9) = 0.85, "", "Of the 4,096 patterns. Small: they can be learned by heart. Large: the rule itself is learned.";
        learning_rate "learning rate": Log(0.0001, 1.0) = 0.1, "η", "Length of a step. Small: little happens within the epochs. Large: both phases pass soon.";
        layers "hidden layers": Count(1, 5) = 5, "", "How many are kept, the widest first. Few: a shallow network. Five: the paper's.";
        descent "optimizer": Choice(Descent) = Descent::Gradient, "", "SGD, of which the paper's text speaks, or Adam, which its code uses, at a learning rate of 0.0004.";
        epochs: LogCount(100, 8000) = 1200, "", "Passes over the training set. Few: only the fitting is seen. The paper's code makes 8,000.";
        shown "layer shown": Count(1, 5) = 5, "l", "The layer of the two lower pictures: 1 is the first, 5 the deepest, or the deepest there is.";
    }
}

/// Units of the hidden layers.
const HIDDEN: [usize; 5] = [10, 7, 5, 4, 3];
/// Epochs at which the plane is measured, log-spaced from 1 to the last.
const LOGGED: usize = 40;
/// The bottleneck's curve: β from 100 down to 1.
const BETAS: usize = 20;
const SWEEPS: usize = 100;
const CLUSTERS: usize = 20;

/// A layer's colour: the deeper, the further along the map.
fn ink(l: usize) -> Ink {
    Ink::Ramp((l as f32 + 0.5) / HIDDEN.len() as f32)
}

/// The `i`-th β of the curve, log-spaced from 100 down to 1.
fn beta(i: usize) -> f64 {
    exp(log(100.0) * (1.0 - i as f64 / (BETAS - 1) as f64))
}

/// The epochs of so many at which the plane is measured: as even in the logarithm as whole numbers can be.
fn logged_epochs(all: usize) -> Vec<usize> {
    let mut epochs = vec![1];
    while epochs.len() < LOGGED {
        let (last, left) = (epochs[epochs.len() - 1], LOGGED - epochs.len());
        let next = last as f64 * exp(log(all as f64 / last as f64) / left as f64);
        epochs.push((next.round() as usize).max(last + 1));
    }
    epochs
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
    /// The bottleneck's curve so far, from large β down.
    curve: Vec<(f64, f64)>,
}

impl InformationPlane {
    /// Puts what a learner has logged on the plane, where its bins hold up to `slack`.
    async fn place(mut self: Box<Self>, i: usize, slack: f32, stage: &Stage<Self>) -> Box<Self> {
        while let Some(k) = self.learners[i].due(slack) {
            let Self { problem, examples, controls, bench, learners, .. } = &mut *self;
            learners[i].measure(k, problem, examples, controls, bench);
            self = stage.part(self).await;
        }
        self
    }
}

/// What the curves tell, and the views.
impl InformationPlane {
    /// The net chosen.
    fn chosen(&self) -> &Learner {
        &self.learners[0]
    }

    /// The layer in the lower pictures, from 0.
    fn shown(&self) -> usize {
        self.controls.shown.min(self.controls.layers) - 1
    }

    /// The epochs measured so far.
    fn measured(&self, learner: &Learner) -> impl Iterator<Item = f64> + Clone {
        self.epochs[..learner.accuracy.len()].iter().map(|epoch| *epoch as f64)
    }

    /// The bound's corners: nothing is known of nothing, the curve, and I(X;Y) whoever knows more. None while the curve is made.
    fn bound(&self) -> Option<Vec<(f64, f64)>> {
        let corners = [(0.0, 0.0)].into_iter().chain(self.curve.iter().rev().copied());
        (self.curve.len() == BETAS).then(|| corners.chain([(BITS as f64, self.problem.information)]).collect())
    }

    /// The most that a layer which keeps so much can say of the label.
    fn most_about(bound: &[(f64, f64)], kept: f64) -> f64 {
        let above = bound.iter().position(|corner| corner.0 >= kept).unwrap_or(bound.len() - 1).max(1);
        let ((x0, y0), (x1, y1)) = (bound[above - 1], bound[above]);
        if x1 > x0 { y0 + (y1 - y0) * (kept - x0) / (x1 - x0) } else { y1 }
    }

    /// How far below the bound the last points of the layers are, in bits, the mean over them; NaN while the curve is made.
    fn below_bound(&self) -> f64 {
        let ends: Vec<(f64, f64)> = self.chosen().points.iter().filter_map(|points| points.last().copied()).collect();
        let below = |bound: Vec<(f64, f64)>| {
            ends.iter().map(|(kept, about)| Self::most_about(&bound, *kept) - about).sum::<f64>() / ends.len() as f64
        };
        self.bound().map_or(f64::NAN, below)
    }

    fn plane(&self) -> Chart {
        let chosen = self.chosen();
        let x = Axis::linear("I(X;T), input kept").unit("bits").range(0.0, BITS as f64);
        let mut chart = Chart::of(x, Axis::linear("I(T;Y), label known").unit("bits").range(0.0, 1.1));
        if let Some(&(kept, _)) = self.curve.first() {
            let mut bound = vec![(BITS as f64, self.problem.information), (kept, self.problem.information)];
            bound.extend(&self.curve);
            if self.curve.len() == BETAS {
                bound.push((0.0, 0.0));
            }
            chart = chart.dashed("bottleneck bound", Ink::Muted, bound);
        }
        let shade: Vec<f32> = self.measured(chosen).map(|e| (log(e) / log(self.controls.epochs as f64)) as f32).collect();
        for (l, points) in chosen.points.iter().enumerate() {
            let (x, y) = points.iter().copied().unzip();
            let name = if l == 0 { "a layer over the epochs".into() } else { String::new() };
            chart = chart.mark(Mark::Trail { name, x, y, shade: shade.clone() });
        }
        // Layers at the same place share a label.
        let mut named: Vec<(String, (f64, f64))> = Vec::new();
        for (l, points) in chosen.points.iter().enumerate() {
            let Some(&(x, y)) = points.last() else { continue };
            chart = chart.dots("", ink(l), 8.0, [(x, y)]);
            match named.iter_mut().find(|(_, at)| (at.0 - x).abs() < 1.0 && (at.1 - y).abs() < 0.08) {
                Some((name, at)) => (*name, *at) = (format!("{name}, {}", l + 1), ((x + at.0) / 2.0, y.max(at.1))),
                None => named.push((format!("{}", l + 1), (x, y))),
            }
        }
        for (text, (x, y)) in named {
            // Above the dot: paths come from below.
            let at = (x.min(BITS as f64 - 0.07 * text.len() as f64), y + 0.06);
            chart = chart.label(text, at, Ink::Text);
        }
        chart
    }

    fn kept(&self) -> Chart {
        let y = Axis::linear("I(X;T)").unit("bits").range(0.0, BITS as f64);
        let mut chart = Chart::of(Axis::log("epoch").range(1.0, self.controls.epochs as f64), y);
        for (i, learner) in self.learners.iter().enumerate().rev() {
            for (l, points) in learner.points.iter().enumerate() {
                let kept = self.measured(learner).zip(points.iter().map(|point| point.0));
                if i == 1 {
                    chart = chart.dashed(if l == 0 { "ReLU" } else { "" }, Ink::Muted, kept);
                } else {
                    if let Some(top) = most(points) {
                        chart = chart.dots("", ink(l), 9.0, kept.clone().nth(top));
                    }
                    chart = chart.line(format!("layer {}", l + 1), ink(l), kept);
                }
            }
        }
        chart
    }

    /// m_l and s_l at the logged epochs, means over the epochs since the one logged before.
    fn smoothed(&self, phases: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let starts = [0].into_iter().chain(self.epochs.iter().copied());
        let stretches = starts.zip(&self.epochs).filter(|(_, end)| **end <= phases.len());
        let mean = |stretch: &[[f64; 2]], i: usize| stretch.iter().map(|phase| phase[i]).sum::<f64>() / stretch.len() as f64;
        stretches.map(|(start, end)| [0, 1].map(|i| mean(&phases[start..*end], i))).collect()
    }

    /// The first logged epoch at which a layer's gradient is more noise than drift; NaN if there is none.
    fn crossing(&self, phases: &[[f64; 2]]) -> f64 {
        let crossed = self.smoothed(phases).iter().position(|[drift, diffusion]| drift < diffusion);
        crossed.map_or(f64::NAN, |k| self.epochs[k] as f64)
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
        let (phases, shown) = (&self.chosen().phases, self.shown());
        let y = Axis::log("size of the gradient");
        let mut chart = Chart::of(Axis::log("epoch").range(1.0, self.controls.epochs as f64), y);
        for l in (0..phases.len()).filter(|l| *l != shown).chain([shown]) {
            let smoothed = self.smoothed(&phases[l]);
            for (i, what) in [(1, "deviation s"), (0, "mean m")] {
                // The full batch has no deviation.
                if smoothed.iter().any(|phase| phase[i] > 0.0) {
                    let points = self.epochs.iter().zip(&smoothed).map(|(epoch, phase)| (*epoch as f64, phase[i]));
                    let name = if l == shown { format!("{what}, layer {}", l + 1) } else { String::new() };
                    let ink = if l == shown { Ink::Series(i as u8) } else { Ink::Muted };
                    chart = if i == 1 { chart.dashed(name, ink, points) } else { chart.line(name, ink, points) };
                }
            }
        }
        chart.at_x("s > m", self.crossing(&phases[shown]))
    }

    fn activities(&self) -> Chart {
        let (chosen, shown) = (self.chosen(), self.shown());
        let (low, high) = chosen.ranges[shown];
        let bins = chosen.histogram.len();
        let edge = |i: usize| f64::from(low) + f64::from(high - low) * i as f64 / bins as f64;
        let x = Axis::linear(format!("activity in layer {}", shown + 1));
        let chart = Chart::of(x, Axis::linear("share of activities"));
        if bins == 0 {
            return chart;
        }
        chart.histogram("", Ink::Series(0), ((0..=bins).map(edge).collect(), chosen.histogram.clone()))
    }
}

views! { InformationPlane, Controls:
    plane "The information plane" "A numbered dot is a layer, with its trail. Right: more input kept. Up: more of the label known." => plane;
    kept "What the layers keep of the input" "A line is a layer; a dot marks where it keeps most. Dashed are the layers of a ReLU network." => kept;
    phases "Drift and noise of the gradients" "Solid: the mean gradient over an epoch's batches. Dashed: how far batches deviate. The rule marks where they cross." => phases;
    activities "The activities behind it" "How often units of the layer shown have which activity, over all patterns, at the last epoch measured." => activities;
}

impl Experiment for InformationPlane {
    const CARD: Card = Card {
        slug: "information-plane",
        title: "Do layers learn first and forget afterwards?",
        paper: Paper::new(
            "Opening the Black Box of Deep Neural Networks via Information",
            "Ravid Shwartz-Ziv, Naftali Tishby",
            2017,
        )
        .arxiv("1703.00810"),
        claim: "While it trains, a tanh network seems to forget far more of its input than a ReLU network.",
        criterion: "Over training, the layers of a tanh network lose at least 2.5 bits of their input in all, and at least three times what those of a ReLU network lose, at test accuracies that differ by at most 0.03: means over five seeds. A layer's loss is its largest I(X;T) minus its last, activities being cut into 30 bins.",
        figure: "bits of the input that the layers lose, summed",
        reproduction: Reproduction::InPart,
        honesty: "The paper says that the noise of stochastic gradient descent compresses. Here the compression appears only in coarse bins of units that saturate, and also without any noise.",
        unit: "epoch",
        presets: &[
            Preset::holds("default", "The paper's network: tanh, 30 bins", &[]),
            Preset::gone("break-it", "ReLU: it fits as well, and nothing is compressed", &[("activation", "ReLU")]),
            Preset::gone("fine bins", "The same tanh networks, cut into 1,000 bins: no compression to see", &[("bins", "1000")]),
            Preset::holds(
                "no noise",
                "The full batch at η = 0.7: no diffusion at all, and tanh compresses as before",
                &[("learning_rate", "0.7"), ("batch", "4096")],
            ),
            Preset::open(
                "few examples",
                "A fifth of the patterns: the deepest layer loses what it said of the label",
                &[("training_share", "0.2")],
            ),
            Preset::open(
                "paper",
                "As the published code trains: Adam at 0.0004, batches of 512, 8,000 epochs, 80 % of the patterns",
                &[
                    ("descent", "Adam"),
                    ("learning_rate", "0.0004"),
                    ("batch", "512"),
                    ("epochs", "8000"),
                    ("training_share", "0.8"),
                ],
            )
            .within(&[
                ("compression", 1.0, 9.0),
                ("compression_relu", 0.0, 0.8),
                ("accuracy", 0.93, 0.98),
                ("noise_from", 1.0, 40.0),
                ("deepest_keeps", 4.0, 8.0),
            ]),
        ],
        ..Card::BLANK
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
            epochs: logged_epochs(controls.epochs),
            learners,
            bench: Bench::default(),
            curve: Vec::new(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let epochs = self.controls.epochs;
        stage.span(0..epochs);
        for epoch in 1..=epochs {
            self.examples.shuffle();
            let logged = self.epochs.contains(&epoch);
            for i in 0..self.learners.len() {
                let Self { problem, examples, controls, learners, .. } = &mut *self;
                learners[i].epoch(problem, examples, controls.batch);
                self = stage.part(self).await;
                if logged {
                    self.learners[i].log();
                    // While the range of the activities is still growing, a tenth is let pass.
                    self = self.place(i, if epoch < epochs { 1.1 } else { 1.0 }, &stage).await;
                }
            }
            self = stage.next(self).await;
        }
        stage.judged();
        let (input, conditional) = self.problem.groups();
        let mut bottleneck = Bottleneck::new(&input, &conditional, 2, CLUSTERS, beta(0));
        for i in 0..BETAS {
            bottleneck.beta = beta(i);
            for _ in 0..SWEEPS {
                bottleneck.sweep();
                self = stage.part(self).await;
            }
            self.curve.push(bottleneck.point());
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let (chosen, relu) = (&self.learners[0], &self.learners[self.learners.len() - 1]);
        let accuracy = |learner: &Learner| learner.accuracy.last().map_or(f64::NAN, |accuracy| accuracy[1]);
        let deepest = chosen.points[self.controls.layers - 1].last().map_or(f64::NAN, |point| point.0);
        let finest = chosen.points.iter().take(4).flatten().fold(f64::INFINITY, |least, point| least.min(point.0));
        measures! {
            compression: chosen.compression(),
            compression_relu: relu.compression(),
            accuracy: accuracy(chosen),
            accuracy_relu: accuracy(relu),
            least_information: finest,
            fitted_at: self.fitted_at(),
            noise_from: self.crossing(&chosen.phases[self.controls.layers - 1]),
            forgetting_from: self.forgetting_from(),
            deepest_keeps: deepest,
            below_bound: self.below_bound(),
        }
    }

    fn sentence(&self) -> String {
        let (chosen, bins) = (self.chosen(), self.controls.bins);
        let (lost, Some(epoch)) = (chosen.compression(), self.measured(chosen).last()) else {
            return "Training has begun; nothing is measured yet.".into();
        };
        if lost.is_nan() {
            return "Training has diverged: its weights have grown beyond all bounds.".into();
        }
        let who = self.controls.activation.name();
        let mut text =
            format!("Counted in {bins} bins, the {who} layers have lost {} bits of their input by epoch {epoch}", figure(lost));
        if let Some(relu) = self.learners.get(1).map(Learner::compression).filter(|lost| !lost.is_nan()) {
            text += &format!("; the ReLU layers, {}", figure(relu));
        }
        text + "."
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (chosen, relu) = (runs.mean("compression"), runs.mean("compression_relu"));
        let (accuracy, accuracy_relu) = (runs.mean("accuracy"), runs.mean("accuracy_relu"));
        let text = format!(
            "The layers lose {} bits of their input in all, those of a ReLU network {}; test accuracies {} and {}.",
            figure(chosen),
            figure(relu),
            percent(accuracy),
            percent(accuracy_relu)
        );
        // 0.03 is for the means of five seeds; means of fewer scatter more.
        let scatter = sqrt(5.0 / (runs.len() as f64).clamp(1.0, 5.0));
        Verdict::at_least(chosen, 2.5, text)
            .needs(at_least(chosen - 3.0 * relu, 0.0))
            .needs(at_most((accuracy - accuracy_relu).abs(), 0.03 * scatter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{begun, finished, played, preset, runs};

    #[test]
    fn gradients_are_noise_long_before_the_forgetting_begins() {
        let runs = runs::<InformationPlane>(&Controls::default(), 0..5);
        assert!(runs.most("noise_from") <= 8.0 && runs.least("forgetting_from") >= 50.0, "{runs:?}");
    }

    #[test]
    fn the_full_batch_has_no_noise() {
        let run = played(begun::<InformationPlane>(&preset::<InformationPlane>("no noise"), 0), |progress| progress.done == 20);
        assert!(run.chosen().phases.iter().flatten().all(|phase| phase[1] == 0.0));
    }

    /// I(T;Y) <= I(X;Y) and I(T;Y) <= I(X;T) <= 12 for every layer and epoch, and nothing lies over the bottleneck's curve, whose own
    /// beginning is I(X;Y); bins are the same at every epoch.
    #[test]
    fn no_layer_knows_more_than_there_is() {
        for name in ["default", "break-it", "fine bins"] {
            let run = finished::<InformationPlane>(&preset::<InformationPlane>(name), 0);
            assert!((run.curve[0].1 - run.problem.information).abs() < 2e-3, "{:?}", run.curve[0]);
            assert!(run.curve.windows(2).all(|pair| pair[1].0 <= pair[0].0 && pair[1].1 <= pair[0].1), "{:?}", run.curve);
            let bound = run.bound().unwrap();
            for &(kept, about) in run.learners.iter().flat_map(|learner| learner.points.iter().flatten()) {
                assert!(about <= run.problem.information + 1e-12 && about <= kept + 1e-12 && kept <= 12.0 + 1e-12);
                let curve = InformationPlane::most_about(&bound, kept.min(12.0));
                assert!(about <= curve + 1e-3, "({kept}, {about}) over the curve's {curve}");
            }
            for learner in &run.learners {
                assert!(learner.binned.iter().zip(&learner.ranges).all(|(binned, range)| binned.iter().all(|b| b == range)));
                assert!(learner.points.iter().all(|points| points.len() == LOGGED));
            }
            if name == "fine bins" {
                assert!(run.measures().get("least_information") >= 11.5, "{:?}", run.measures());
            }
        }
    }

    #[test]
    fn logged_epochs_are_even_in_the_logarithm() {
        for (all, growth) in [(100, 1.0..1.15), (1200, 1.1..1.25), (8000, 1.2..1.35)] {
            let epochs = logged_epochs(all);
            assert_eq!((epochs.len(), epochs[0], epochs[LOGGED - 1]), (LOGGED, 1, all));
            assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(epochs[14..].windows(2).all(|pair| growth.contains(&(pair[1] as f64 / pair[0] as f64))), "{epochs:?}");
        }
    }
}
