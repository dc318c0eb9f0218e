//! A second, lossless path that teaches the first and is then thrown away: what the first loses, and whether the teaching helps.
//!
//! Paper: Wang, Yeh & Liao, 2024. A plain deep branch h₀ … h_L loses information on x layer by layer, so that gradients from its end are
//! unreliable. Programmable gradient information (PGI) adds a reversible branch (u_m, v_m) while training: J = CE(z, y) + λ CE(z_a, y).
//! Measured: R² of a ridge regression of the pixels on a layer, at the start. On the main branch R²(L = 40)/R²(L = 4) <= 0.5, the pair
//! (u_M, v_M) has at least 0.45 more than h_L of a main branch with as many numbers a layer, 2w, and run backwards it gives back what there
//! was. Rivals are a residual branch and one as short as the pair. Beside it, and without any threshold: test accuracy of the main branch
//! taught alone, with deep supervision, and with PGI.

mod branches;
mod inspection;
mod learner;

use std::rc::Rc;

use methods::network::autodiff::{Function, Tape};
use methods::network::dense::{Classification, accuracy};
use run::prelude::*;

use branches::{Branches, Shape, Teaching};
use inspection::{Inspection, Kept};
use learner::Learner;

choice! {
    /// M
    pub enum Levels { One => "1", Two => "2", Four => "4", Eight => "8" }
}
choice! {
    /// Which are trained.
    pub enum Shown { All => "all", Main => "main only", Deep => "deep supervision", Programmable => "PGI" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        depth "layers": Count(2, 40) = 24, "L", "Of the main branch. Few: much of the pixels is left at its end. Forty: hardly any.";
        residual "residual branch": Toggle() = false, "", "Off: each layer replaces what it gets. On: it adds a little to it, so that nothing is lost.";
        width "units a layer": Count(8, 64) = 24, "w", "Narrow: each layer loses much of the pixels. Wide: less is lost.";
        shown "what is trained": Choice(Shown) = Shown::All, "", "All three ways of teaching the main branch, or one of them alone, which is quicker.";
        weight "second loss": Real(0.0, 4.0) = 1.0, "λ", "Its weight beside the main one. 0: the main branch alone. Large: the helpers' loss decides.", when shown ["all", "deep supervision", "PGI"];
        levels "levels of the pair": Choice(Levels) = Levels::Four, "M", "Where the helpers meet the main branch. One: at its end only. Eight: all along it, and the pair reads worse.";
        own_blocks "own blocks": Toggle() = true, "", "On: the pair can solve the task by itself. Off: it must use the main branch's features.", when shown ["all", "PGI"];
        learning_rate "learning rate": Log(0.0001, 0.01) = 0.001, "η", "Of Adam. Low: training is slow. Too high: all three collapse.";
    }
}

const PIXELS: usize = 64;
const CLASSES: usize = 10;
const TRAIN: usize = 1200;
const BATCH: usize = 64;
const EPOCHS: usize = 30;
const STEPS: usize = EPOCHS * TRAIN.div_ceil(BATCH);
/// The depths that are compared.
const SHALLOW: usize = 4;
const DEEP: usize = 40;
/// What the claim says: what is left from the shallow depth to the deep one, how much more the pair keeps than a branch as wide, and what
/// comes back from it, to how much.
const LEFT: f64 = 0.5;
const MORE: f64 = 0.45;
const RECOVERED: f64 = 0.95;
const EXACT: f64 = 1e-6;
/// Digits that are tested at a time, and that are rebuilt.
const TESTED: usize = 128;
const REBUILT: usize = 8;
/// Multiplications, about, that are done in one part.
const PART: usize = 3_000_000;

/// The three teachings of the main branch.
const TEACHINGS: [Teaching; 3] = [Teaching::DeepSupervision, Teaching::Main, Teaching::Programmable];
const METHODS: [Series; 3] = series!["deep supervision" 2, "main only" 1, "PGI" 0];
const ALONE: [Shown; 3] = [Shown::Deep, Shown::Main, Shown::Programmable];

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Subject {
    /// A main branch as it starts, with all its layers; a residual one of another depth, with its last.
    Plain,
    Residual,
    End(usize),
    /// A branch of the control's kind with as many numbers a layer as the pair, at the heights of the pair's levels and at layer M; and the
    /// end of a residual one.
    Wide,
    WideResidual,
    /// The reversible branch as it starts, without what it takes from the main one.
    Pair,
    /// After training.
    Taught(Teaching),
}

/// A run: what branches keep as they start, then their training.
pub struct ProgrammableGradientInformation {
    controls: Controls,
    seed: u64,
    digits: Rc<Classification>,
    /// Of all digits.
    pixels: Rc<[f64]>,
    kept: Vec<(Subject, Kept)>,
    learners: Vec<Learner>,
}

impl ProgrammableGradientInformation {
    fn shape(controls: &Controls) -> Shape {
        Shape {
            inputs: PIXELS,
            width: controls.width,
            depth: controls.depth,
            levels: 1 << controls.levels as usize,
            classes: CLASSES,
            residual: controls.residual,
            own_blocks: controls.own_blocks,
            activation: Function::Relu,
        }
    }

    /// How well a ridge regression of all digits' pixels on every layer does; a pair is also run backwards.
    async fn inspect(mut self: Box<Self>, subject: Subject, branches: Branches<f64>, stage: &Stage<Self>) -> Box<Self> {
        let Shape { depth, levels, .. } = branches.shape;
        let layers = match subject {
            Subject::End(_) | Subject::WideResidual => vec![depth],
            Subject::Pair => Vec::new(),
            Subject::Wide => {
                let mut layers: Vec<usize> = (0..=levels).map(|m| branches.level(m)).chain([levels.min(depth)]).collect();
                layers.sort_unstable();
                layers.dedup();
                layers
            }
            _ => (0..=depth).collect(),
        };
        let with_main = subject == Subject::Taught(Teaching::Programmable);
        let mut inspection = Inspection::new(branches, layers, with_main);
        let pixels = self.pixels.clone();
        for x in pixels.chunks(inspection.rows() * PIXELS) {
            inspection.add(x);
            self = stage.part(self).await;
        }
        self.kept.push((subject, inspection.kept(&self.shown())));
        self
    }

    /// The test digits that are rebuilt.
    fn shown(&self) -> Vec<f64> {
        self.digits.test_x[..REBUILT * PIXELS].iter().map(|v| f64::from(*v)).collect()
    }

    /// A step of a learner on a batch.
    async fn descend(mut self: Box<Self>, k: usize, batch: &[usize], stage: &Stage<Self>) -> Box<Self> {
        for part in batch.chunks(self.learners[k].rows()) {
            let Self { digits, learners, controls, .. } = &mut *self;
            learners[k].gather(digits, part, batch.len(), controls.weight);
            self = stage.part(self).await;
        }
        self.learners[k].descend();
        self
    }

    /// The test of a learner's main branch.
    async fn test(mut self: Box<Self>, k: usize, step: usize, stage: &Stage<Self>) -> Box<Self> {
        let (digits, main) = (self.digits.clone(), self.learners[k].branches.main());
        let mut right = 0.0;
        for (x, labels) in digits.test_x.chunks(TESTED * PIXELS).zip(digits.test_y.chunks(TESTED)) {
            let mut tape = Tape::default();
            let pass = main.forward(&mut tape, x, false);
            right += accuracy(tape.value(pass.logits), labels) * labels.len() as f64;
            self = stage.part(self).await;
        }
        self.learners[k].accuracy.note(step, [right / digits.test_y.len() as f64]);
        self
    }

    fn learner(&self, teaching: Teaching) -> Option<&Learner> {
        self.learners.iter().find(|learner| learner.branches.teaching == teaching)
    }

    /// The last inspection of that kind.
    fn seen(&self, subject: Subject) -> Option<&Kept> {
        self.kept.iter().rev().find(|(of, _)| *of == subject).map(|(_, kept)| kept)
    }

    /// The main branch as it starts, plain or residual.
    fn start(&self, residual: bool) -> Option<&Kept> {
        self.seen(if residual { Subject::Residual } else { Subject::Plain })
    }

    /// R² from a layer of a main branch.
    fn kept(&self, subject: Subject, layer: usize) -> f64 {
        let of = |kept: &Kept| kept.main.iter().find(|(l, _)| *l == layer).map(|(_, r)| *r);
        self.seen(subject).and_then(of).unwrap_or(f64::NAN)
    }

    /// R² from the last layer of a main branch of `depth` blocks as it starts.
    fn kept_at(&self, depth: usize) -> f64 {
        // A plain branch is the beginning of every deeper one.
        let subject = match self.controls.residual {
            false => Subject::Plain,
            true if depth == self.controls.depth => Subject::Residual,
            true => Subject::End(depth),
        };
        self.kept(subject, depth)
    }
}

/// The views.
impl ProgrammableGradientInformation {
    /// Layer and R², of the control's depth at most.
    fn layers(&self, kept: Option<&Kept>) -> impl Iterator<Item = (f64, f64)> {
        let all = kept.into_iter().flat_map(|kept| &kept.main);
        all.filter(|(l, _)| *l <= self.controls.depth).map(|(l, r)| (*l as f64, r.max(0.0)))
    }

    /// The same of the pair's levels.
    fn levels(&self, kept: Option<&Kept>) -> Vec<(f64, f64)> {
        let pairs = kept.map_or(&[][..], |kept| &kept.pairs);
        let last = pairs.len().max(2) - 1;
        pairs.iter().enumerate().map(|(m, r)| ((m * self.controls.depth / last) as f64, r.max(0.0))).collect()
    }

    fn information(&self) -> Chart {
        let x = Axis::linear("layer of the main branch").range(0.0, self.controls.depth as f64);
        Chart::of(x, Axis::linear("R² of the pixels").range(0.0, 1.05))
    }

    fn at_start(&self) -> Chart {
        let own = self.controls.residual;
        let name = |residual| if residual { "residual branch" } else { "plain branch" };
        let pair = self.seen(Subject::Pair);
        let recovered = pair.map_or(f64::NAN, |pair| pair.recovered.max(0.0));
        self.information()
            .dashed(name(!own), Ink::Muted, self.layers(self.start(!own)))
            .line(name(own), Ink::Series(1), self.layers(self.start(own)))
            .line(
                format!("{}, twice as wide", if own { "residual" } else { "plain" }),
                Ink::Series(2),
                self.layers(self.seen(Subject::Wide)),
            )
            .dashed("run backwards", Ink::Series(0), [0.0, self.controls.depth as f64].map(|l| (l, recovered)))
            .line("reversible pair", Ink::Series(0), self.levels(pair))
            .dots("", Ink::Series(0), 7.0, self.levels(pair))
    }

    fn after_training(&self) -> Chart {
        let [alone, taught] = [Teaching::Main, Teaching::Programmable].map(|teaching| self.seen(Subject::Taught(teaching)));
        let mut chart = self.information().dashed("at the start", Ink::Muted, self.layers(self.start(self.controls.residual)));
        if alone.is_some() {
            chart = chart.line("main only", Ink::Series(1), self.layers(alone));
        }
        if taught.is_some() {
            chart = chart
                .line("main branch of PGI", Ink::Series(0), self.layers(taught))
                .line("pair of PGI", Ink::Series(3), self.levels(taught))
                .dots("", Ink::Series(3), 7.0, self.levels(taught));
        }
        chart
    }

    fn accuracies(&self) -> Chart {
        let x = Axis::linear("step").range(0.0, STEPS as f64);
        let chart = Chart::of(x, Axis::linear("test accuracy").range(0.0, 1.0));
        self.learners.iter().fold(chart, |chart, learner| chart.line(learner.of.name, learner.of.ink, learner.accuracy.points(0)))
    }

    fn gradients(&self) -> Chart {
        let x = Axis::linear("layer l").range(0.0, self.controls.depth as f64);
        let chart = Chart::of(x, Axis::log("size of the gradient"));
        self.learners.iter().fold(chart, |chart, Learner { of, norms, .. }| {
            let points = || norms.iter().enumerate().map(|(l, norm)| (l as f64, *norm));
            chart.line(of.name, of.ink, points()).dots("", of.ink, 5.0, points())
        })
    }

    /// Test digits as they are, and rebuilt.
    fn digits(&self) -> Images {
        let main = self.seen(Subject::Taught(Teaching::Main)).or_else(|| self.start(self.controls.residual));
        let pair = self.seen(Subject::Taught(Teaching::Programmable)).or_else(|| self.seen(Subject::Pair));
        let blank = || vec![0.0; REBUILT * PIXELS];
        let rows = [
            self.shown(),
            main.map_or_else(blank, |kept| kept.rebuilt[0].clone()),
            pair.map_or_else(blank, |kept| kept.rebuilt[1].clone()),
        ];
        Images {
            width: 8,
            height: 8,
            channels: 1,
            columns: REBUILT,
            pixels: rows.iter().flatten().map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8).collect(),
            captions: ["digit", "main", "pair"]
                .iter()
                .flat_map(|name| (0..REBUILT).map(move |i| if i == 0 { name.to_string() } else { String::new() }))
                .collect(),
        }
    }
}

views! { ProgrammableGradientInformation, Controls:
    kept "What is kept of the pixels, at the start" "How much of the pixels a linear readout gets from each layer, before training. Dots are levels of the pair." => at_start;
    accuracy "Does the teaching help?" "A line is the main branch, taught in one of three ways: how often it is right on test digits." => accuracies;
    trained "What is kept after training" "The same readout, taken half-way through the training and at its end; dashed is the start." => after_training;
    gradients "The gradients that reach the layers" "How large the last batch's gradient is at each layer, on a logarithmic axis." => gradients;
    digits "Digits rebuilt from the end" "Above the digits, then what a linear readout makes of the main branch's last layer, below of the pair." => digits;
}

impl Experiment for ProgrammableGradientInformation {
    const CARD: Card = Card {
        slug: "programmable-gradient-information",
        title: "How much of a picture survives deep layers?",
        paper: Paper::new(
            "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information",
            "Chien-Yao Wang, I-Hau Yeh, Hong-Yuan Mark Liao",
            2024,
        )
        .venue("ECCV 2024")
        .arxiv("2402.13616"),
        claim: "Plain layers lose most of a picture before any training; a reversible pair of paths keeps it.",
        criterion: "With random weights, before any training: a plain branch of 40 ReLU layers of 24 units keeps at most half as much of the pixels, read linearly, as one of 4; a reversible pair of 4 levels keeps at least 0.45 more of their variance (R²) than a plain branch of 24 layers with as many numbers a layer; and run backwards it gives back at least 0.95 of it, exactly what its start had. Means over five seeds.",
        figure: "R² of the pair, minus that of a plain branch as wide",
        reproduction: Reproduction::NotAtThisScale,
        honesty: "The paper claims higher accuracy of large detectors. Here only its premise is measured, which is about random ReLU layers: a residual branch keeps as much, and the accuracy of the small main branch does not rise with PGI and mostly falls.",
        unit: "step",
        presets: &[
            Preset::holds("default", "24 plain layers of 24 units", &[]),
            Preset::gone(
                "break-it",
                "A residual main branch: nothing is lost, and nothing left to repair",
                &[("residual", "on")],
            ),
            Preset::open(
                "shallow",
                "Four layers: all three learn, PGI a point and a half below the main branch alone",
                &[("depth", "4")],
            ),
            Preset::open(
                "no blocks of its own",
                "The reversible branch must use the main one's features",
                &[("own_blocks", "off")],
            ),
            Preset::open("no weight", "λ = 0: PGI and deep supervision are the main branch alone", &[("weight", "0")]),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let pictures = library.pictures(Dataset::Digits)?;
        let order = Random::new(seed, "split").permutation(pictures.len());
        let trained = (0..3).filter(|k| [Shown::All, ALONE[*k]].contains(&controls.shown));
        let branches = |k: usize| Branches::new(Self::shape(controls), TEACHINGS[k], seed);
        Ok(ProgrammableGradientInformation {
            learners: trained.map(|k| Learner::new(branches(k), METHODS[k], controls.learning_rate)).collect(),
            controls: controls.clone(),
            seed,
            digits: Rc::new(pictures.classification(&order[..TRAIN], &order[TRAIN..], 16.0)),
            pixels: pictures.pixels.iter().map(|v| f64::from(*v) / 16.0).collect(),
            kept: Vec::new(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        stage.span(0..STEPS);
        let (shape, seed) = (Self::shape(&self.controls), self.seed);
        let main = |depth, residual| Branches::new(Shape { depth, residual, ..shape }, Teaching::Main, seed);
        let pair = Branches::new(Shape { own_blocks: true, ..shape }, Teaching::Programmable, seed);
        self = self.inspect(Subject::Plain, main(DEEP, false), &stage).await;
        self = self.inspect(Subject::Residual, main(shape.depth, true), &stage).await;
        self = self.inspect(Subject::Pair, pair, &stage).await;
        let wide = |residual| Branches::new(Shape { width: 2 * shape.width, residual, ..shape }, Teaching::Main, seed);
        self = self.inspect(Subject::Wide, wide(shape.residual), &stage).await;
        self = self.inspect(Subject::WideResidual, wide(true), &stage).await;
        if shape.residual {
            self = self.inspect(Subject::End(SHALLOW), main(SHALLOW, true), &stage).await;
            self = self.inspect(Subject::End(DEEP), main(DEEP, true), &stage).await;
        }
        stage.judged();
        let mut order: Vec<usize> = (0..TRAIN).collect();
        let mut random = Random::new(seed, "batches");
        for epoch in 1..=EPOCHS {
            for batch in order.chunks(BATCH) {
                for k in 0..self.learners.len() {
                    self = self.descend(k, batch, &stage).await;
                }
                self = stage.next(self).await;
            }
            random.shuffle(&mut order);
            for k in 0..self.learners.len() {
                self = self.test(k, epoch * STEPS / EPOCHS, &stage).await;
                let branches: Branches<f64> = self.learners[k].branches.cast();
                if epoch.is_multiple_of(EPOCHS / 2) && branches.teaching != Teaching::DeepSupervision {
                    self = self.inspect(Subject::Taught(branches.teaching), branches, &stage).await;
                }
            }
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let [deep, main, programmable] =
            TEACHINGS.map(|teaching| self.learner(teaching).map_or(f64::NAN, |learner| learner.accuracy.last(0)));
        let of = |subject, number: fn(&Kept) -> f64| self.seen(subject).map_or(f64::NAN, number);
        measures! {
            kept_4: self.kept_at(SHALLOW),
            kept_40: self.kept_at(DEEP),
            kept_main: self.kept_at(self.controls.depth),
            kept_wide: self.kept(Subject::Wide, self.controls.depth),
            kept_short: self.kept(Subject::Wide, Self::shape(&self.controls).levels.min(self.controls.depth)),
            kept_residual: self.kept(Subject::WideResidual, self.controls.depth),
            kept_pair: of(Subject::Pair, |kept| kept.pairs[kept.pairs.len() - 1]),
            recovered: of(Subject::Pair, |kept| kept.recovered),
            recovery_error: of(Subject::Pair, |kept| (kept.recovered - kept.pairs[0]).abs()),
            inversion_error: of(Subject::Pair, |kept| kept.off),
            accuracy_main: main,
            accuracy_deep: deep,
            accuracy_pgi: programmable,
            accuracy_gain: programmable - main,
            kept_trained: self.kept(Subject::Taught(Teaching::Main), self.controls.depth),
            kept_trained_pgi: self.kept(Subject::Taught(Teaching::Programmable), self.controls.depth),
        }
    }

    fn sentence(&self) -> String {
        let depth = self.controls.depth;
        let pair = self.seen(Subject::Pair).and_then(|kept| kept.pairs.last().copied());
        let (Some(pair), main) = (pair, self.kept_at(depth)) else {
            return "Layers with random weights are being inspected; nothing is measured yet.".into();
        };
        if main.is_nan() {
            return format!("The pair keeps {} of the pixels; the main branch is not inspected yet.", percent(pair.max(0.0)));
        }
        let text = format!(
            "Of the pixels, {} are readable after {depth} layers, {} from the pair",
            percent(main.max(0.0)),
            percent(pair.max(0.0))
        );
        let how = [
            (Teaching::Main, "alone"),
            (Teaching::DeepSupervision, "with deep supervision"),
            (Teaching::Programmable, "with PGI"),
        ];
        let right = how.iter().filter_map(|(teaching, how)| {
            let right = self.learner(*teaching)?.accuracy.last(0);
            (!right.is_nan()).then(|| format!("{} {how}", percent(right)))
        });
        match right.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => text + ".",
            all => text + "; test accuracy is " + &all + ".",
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let of = |name| runs.mean(name);
        let (ratio, recovered) = (of("kept_40") / of("kept_4"), of("recovered"));
        let more = |name| of(name) - of("kept_wide");
        let mut text = format!(
            "Of what 4 layers keep of the pixels 40 keep {}; R² of the pair is {}, that of a branch as wide {}, and {} is recovered.",
            percent(ratio),
            figure(of("kept_pair")),
            figure(of("kept_wide")),
            figure(recovered),
        );
        let [alone, deep, programmable] = ["accuracy_main", "accuracy_deep", "accuracy_pgi"].map(of);
        if !(alone + deep + programmable).is_nan() {
            text += &format!(
                " Test accuracy, not judged: {} alone, {} with deep supervision, {} with PGI.",
                percent(alone),
                percent(deep),
                percent(programmable)
            );
        }
        Verdict::at_least(more("kept_pair"), MORE, text)
            .needs(at_most(ratio, LEFT))
            .needs(at_least(recovered, RECOVERED))
            .needs(at_most(runs.most("recovery_error"), EXACT))
            .rival("a residual branch as wide", more("kept_residual"))
            .rival("a plain branch as wide and as short as the pair", more("kept_short"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{begun, finished, played, runs};

    type Pgi = ProgrammableGradientInformation;

    #[test]
    fn plain_layers_forget_and_neither_the_pair_nor_residual_ones_do() {
        let plain = runs::<Pgi>(&Controls::default(), 100..102);
        let residual = runs::<Pgi>(&Controls { residual: true, ..Controls::default() }, 0..5);
        let ratio = |runs: &Runs| runs.mean("kept_40") / runs.mean("kept_4");
        assert!(ratio(&plain) < 0.4 && ratio(&residual) >= 0.95, "{plain:?}, {residual:?}");
        assert!(plain.least("recovered") > 0.97 && plain.most("inversion_error") < 1e-10, "{plain:?}");
        let more = |runs: &Runs, name| runs.mean(name) - runs.mean("kept_wide");
        assert!(more(&residual, "kept_pair") <= 0.0, "{residual:?}");
        // As wide and as short, a plain branch keeps less than the pair; a residual one does not.
        let [pair, residual, short] = ["kept_pair", "kept_residual", "kept_short"].map(|name| more(&plain, name));
        assert!(residual > pair && pair > short + 0.1, "{plain:?}");
    }

    #[test]
    fn without_weight_the_three_are_one() {
        let run = begun::<Pgi>(&Controls { weight: 0.0, depth: 6, ..Controls::default() }, 1);
        let run = played(run, |progress| progress.done == 40);
        let theta = |k: usize| run.learners[k].branches.main().theta;
        assert!(theta(0) == theta(1) && theta(1) == theta(2));
        assert_eq!(run.measures().get("accuracy_gain"), 0.0);
    }

    #[test]
    fn a_shallow_branch_learns_the_digits() {
        let measures = finished::<Pgi>(&Controls { depth: 4, shown: Shown::Main, ..Controls::default() }, 0).measures();
        assert!(measures.get("accuracy_main") > 0.92 && measures.get("accuracy_pgi").is_nan(), "{measures:?}");
        assert!(measures.get("kept_trained") > measures.get("kept_main"), "{measures:?}");
    }
}
