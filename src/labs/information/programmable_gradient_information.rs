//! A second, lossless path that teaches the first and is then thrown away: what the first loses, and whether the teaching helps.
//!
//! Paper: Wang, Yeh & Liao, 2024. A plain deep branch h₀ … h_L loses information on x layer by layer, so that gradients from its end are
//! unreliable. Programmable gradient information (PGI) adds a reversible branch (u_m, v_m) while training: J = CE(z, y) + λ CE(z_a, y).
//! Measured: R² of a ridge regression of the pixels on a layer, at the start. On the main branch R²(L = 40)/R²(L = 4) <= 0.5, the pair
//! (u_M, v_M) has at least 0.4 more than h_L, and run backwards it gives back what there was. Beside it, and without any threshold: test
//! accuracy of the main branch taught alone, with deep supervision, and with PGI.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Images, Ink, Mark, View};
use methods::autodiff::{Function, Tape};
use methods::nn::accuracy;
use methods::optimize::{Optimizer, Rule};
use methods::reversible::{Branches, Shape, Teaching};
use methods::ridge::Ridge;
use run::data::{Dataset, Library, Pictures};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// M
    pub enum Levels { One => "1", Two => "2", Four => "4", Eight => "8" }
}
ground::choice! {
    /// Which are trained.
    pub enum Shown { All => "all", Main => "main only", Deep => "deep supervision", Programmable => "PGI" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        depth: Count(2, 40) = 24, "L", "blocks of the main branch: the more, the less of x is left";
        width: Count(8, 64) = 24, "w", "wider: less is lost in a layer";
        weight: Real(0.0, 4.0) = 1.0, "λ", "of the second loss; 0 is the main branch alone, to the last bit";
        levels: Choice(Levels) = Levels::Four, "M", "of the reversible branch: where gradients enter the main one";
        learning_rate: Log(0.0001, 0.01) = 0.001, "η", "of Adam; too high, and all three collapse";
        own_blocks: Toggle() = true, "", "off: the reversible branch must use the main one's features to solve the task";
        residual: Toggle() = false, "", "h_l = h_(l−1) + σ(…)/L: nothing is lost, and nothing left to repair";
        shown: Choice(Shown) = Shown::All, "", "which of the three are trained: one alone is quicker";
    }
}

const PIXELS: usize = 64;
const CLASSES: usize = 10;
const TRAIN: usize = 1200;
const BATCH: usize = 64;
const EPOCHS: usize = 30;
/// The depths that are compared.
const SHALLOW: usize = 4;
const DEEP: usize = 40;
const RIDGE: f64 = 1e-3;
/// Digits that are rebuilt.
const REBUILT: usize = 8;
/// Multiplications a slice, about.
const WORK: usize = 3_000_000;

/// The digits, pixels in 0..=1, and which are for what.
struct Task {
    pictures: Rc<Pictures>,
    x: Vec<f64>,
    order: Vec<usize>,
}

impl Task {
    fn rows<T>(&self, rows: &[usize], cast: impl Fn(f64) -> T) -> (Vec<T>, Vec<u8>) {
        let x = rows.iter().flat_map(|i| self.x[i * PIXELS..][..PIXELS].iter().map(|v| cast(*v))).collect();
        (x, rows.iter().map(|i| self.pictures.labels[*i]).collect())
    }

    fn test(&self) -> &[usize] {
        &self.order[TRAIN..]
    }
}

/// What is looked at in an inspection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Subject {
    /// The plain or the residual branch with all its layers, or one of a given depth with its last.
    Chain,
    Ends,
    /// The reversible branch as it starts, without what it takes from the main one.
    Pair,
    /// The main branch alone after training, and the two of PGI.
    TaughtAlone,
    Taught,
}

/// R² of the pixels from every layer of a branch, in the making.
struct Inspection {
    subject: Subject,
    branches: Branches<f64>,
    layers: Range<usize>,
    main: Vec<Ridge>,
    pairs: Vec<Ridge>,
    recovered: Ridge,
    /// The largest difference of a recovered number from the one that it was.
    off: f64,
    done: usize,
}

/// What an inspection has found.
#[derive(Clone, Debug)]
struct Kept {
    subject: Subject,
    residual: bool,
    depth: usize,
    /// R² by layer, from `first` on.
    first: usize,
    main: Vec<f64>,
    /// R² by level.
    pairs: Vec<f64>,
    recovered: f64,
    off: f64,
    /// Test digits rebuilt from the last layer, and from the last level.
    rebuilt: [Vec<f64>; 2],
}

impl Inspection {
    fn new(subject: Subject, branches: Branches<f64>) -> Self {
        let Shape { depth, width, levels, .. } = branches.shape;
        let layers = match subject {
            Subject::Chain | Subject::TaughtAlone | Subject::Taught => 0..depth + 1,
            Subject::Ends => depth..depth + 1,
            Subject::Pair => 0..0,
        };
        let paired = branches.teaching == Teaching::Programmable;
        Inspection {
            main: layers.clone().map(|_| Ridge::new(width, PIXELS)).collect(),
            pairs: (0..if paired { levels + 1 } else { 0 }).map(|_| Ridge::new(2 * width, PIXELS)).collect(),
            recovered: Ridge::new(2 * width, PIXELS),
            subject,
            branches,
            layers,
            off: 0.0,
            done: 0,
        }
    }

    /// u and v side by side.
    fn beside(u: &[f64], v: &[f64], width: usize) -> Vec<f64> {
        u.chunks_exact(width).zip(v.chunks_exact(width)).flat_map(|(u, v)| u.iter().chain(v).copied()).collect()
    }

    /// The next digits; true when all are done.
    fn advance(&mut self, x: &[f64]) -> bool {
        let (width, n) = (self.branches.shape.width, x.len() / PIXELS);
        let columns = self.main.len() * width * (width + PIXELS) + self.pairs.len() * 4 * width * (width + PIXELS);
        let rows = (WORK / columns).clamp(4, 128).min(n - self.done);
        let x = &x[self.done * PIXELS..][..rows * PIXELS];
        let mut tape = Tape::default();
        let with_main = self.subject == Subject::Taught;
        let pass = self.branches.forward(&mut tape, x, with_main);
        for (ridge, l) in self.main.iter_mut().zip(self.layers.clone()) {
            ridge.add(tape.value(pass.layers[l]), x);
        }
        let beside: Vec<Vec<f64>> = pass.pairs.iter().map(|(u, v)| Self::beside(tape.value(*u), tape.value(*v), width)).collect();
        self.pairs.iter_mut().zip(&beside).for_each(|(ridge, pair)| ridge.add(pair, x));
        if let (Some((u, v)), Some(start)) = (pass.pairs.last(), beside.first()) {
            let layers: Vec<&[f64]> = pass.layers.iter().map(|h| tape.value(*h)).collect();
            let (u, v) = self.branches.invert(tape.value(*u), tape.value(*v), with_main.then_some(&layers[..]));
            let back = Self::beside(&u, &v, width);
            self.off = back.iter().zip(start).fold(self.off, |off, (a, b)| off.max((a - b).abs()));
            self.recovered.add(&back, x);
        }
        self.done += rows;
        self.done == n
    }

    fn finish(&self, shown: &[f64]) -> Kept {
        let mut tape = Tape::default();
        let pass = self.branches.forward(&mut tape, shown, self.subject == Subject::Taught);
        let r_squared = |ridges: &[Ridge]| ridges.iter().map(|ridge| ridge.fit(RIDGE).r_squared).collect();
        let last = self.main.last().map(|ridge| ridge.fit(RIDGE).predict(tape.value(pass.layers[self.layers.end - 1])));
        let level = self.pairs.last().zip(pass.pairs.last()).map(|(ridge, (u, v))| {
            ridge.fit(RIDGE).predict(&Self::beside(tape.value(*u), tape.value(*v), self.branches.shape.width))
        });
        Kept {
            subject: self.subject,
            residual: self.branches.shape.residual,
            depth: self.branches.shape.depth,
            first: self.layers.start,
            main: r_squared(&self.main),
            pairs: r_squared(&self.pairs),
            recovered: if self.pairs.is_empty() { f64::NAN } else { self.recovered.fit(RIDGE).r_squared },
            off: self.off,
            rebuilt: [last, level].map(Option::unwrap_or_default),
        }
    }
}

/// Branches in training.
struct Learner {
    branches: Branches<f32>,
    optimizer: Optimizer<f32>,
    /// Gradient of the batch so far, and how many of its rows are in it.
    gradient: Vec<f32>,
    rows: usize,
    /// ‖∂J/∂W_l‖ on the last batch.
    norms: Vec<f64>,
    /// Step and test accuracy.
    readings: Vec<(f64, f64)>,
    /// Right answers among the test digits so far.
    right: f64,
    tested: usize,
}

impl Learner {
    fn new(branches: Branches<f32>, rate: f64) -> Self {
        let adam = Rule::ADAM;
        Learner {
            optimizer: Optimizer::new(adam, rate, branches.theta.len()),
            gradient: vec![0.0; branches.theta.len()],
            branches,
            rows: 0,
            norms: Vec::new(),
            readings: Vec::new(),
            right: 0.0,
            tested: 0,
        }
    }

    /// Multiplications that a sample takes on its way up.
    fn work(&self) -> usize {
        self.branches.theta.len()
    }

    /// Adds the gradient on a part of the batch; true when it is that of the whole.
    fn gather(&mut self, task: &Task, batch: &[usize], lambda: f64) -> bool {
        let part = &batch[self.rows..batch.len().min(self.rows + (WORK / self.work()).max(8))];
        let (x, labels) = task.rows(part, |v| v as f32);
        let (_, gradient) = self.branches.gradient(&x, &labels, lambda);
        if part.len() == batch.len() {
            self.gradient = gradient;
        } else {
            let share = part.len() as f32 / batch.len() as f32;
            self.gradient.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += share * g);
        }
        self.rows += part.len();
        self.rows == batch.len()
    }

    /// A part of a step on the batch; true when the step is made.
    fn descend(&mut self, task: &Task, batch: &[usize], lambda: f64) -> bool {
        if !self.gather(task, batch, lambda) {
            return false;
        }
        self.optimizer.step(&mut self.branches.theta, &self.gradient);
        let square =
            |l: usize| self.gradient[self.branches.weights(l)].iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>();
        self.norms = (0..=self.branches.shape.depth).map(|l| square(l).sqrt()).collect();
        self.gradient.fill(0.0);
        self.rows = 0;
        true
    }

    /// A part of the test of the main branch; true when all of it is done.
    fn test(&mut self, task: &Task, step: usize) -> bool {
        let rows = &task.test()[self.tested..];
        let rows = &rows[..rows.len().min((2 * WORK / self.work()).clamp(16, 256))];
        let (x, labels) = task.rows(rows, |v| v as f32);
        let mut tape = Tape::default();
        let pass = self.branches.main().forward(&mut tape, &x, false);
        self.right += accuracy(tape.value(pass.logits), &labels) * rows.len() as f64;
        self.tested += rows.len();
        if self.tested < task.test().len() {
            return false;
        }
        self.readings.push((step as f64, self.right / self.tested as f64));
        (self.right, self.tested) = (0.0, 0);
        true
    }

    fn found(&self) -> f64 {
        self.readings.last().map_or(f64::NAN, |(_, found)| *found)
    }
}

fn name(teaching: Teaching) -> (&'static str, Ink) {
    match teaching {
        Teaching::Programmable => ("PGI", Ink::Series(0)),
        Teaching::Main => ("main only", Ink::Series(1)),
        Teaching::DeepSupervision => ("deep supervision", Ink::Series(2)),
    }
}

/// What a slice does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Inspect,
    Train(usize),
    Test(usize),
}

/// A run.
pub struct ProgrammableGradientInformation {
    controls: Controls,
    task: Task,
    shuffle: Random,
    inspections: VecDeque<Inspection>,
    kept: Vec<Kept>,
    learners: Vec<Learner>,
    stage: Stage,
    step: usize,
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

    fn steps_an_epoch() -> usize {
        TRAIN.div_ceil(BATCH)
    }

    fn steps() -> usize {
        EPOCHS * Self::steps_an_epoch()
    }

    fn batch(&self) -> &[usize] {
        let start = self.step % Self::steps_an_epoch() * BATCH;
        &self.task.order[start..TRAIN.min(start + BATCH)]
    }

    /// The last inspection of that kind; of the plain or the residual branch.
    fn seen(&self, subject: Subject, residual: bool) -> Option<&Kept> {
        self.kept.iter().rev().find(|kept| kept.subject == subject && kept.residual == residual)
    }

    /// R² from the last layer of a main branch of `depth` blocks as it starts.
    fn kept_at(&self, depth: usize) -> f64 {
        let residual = self.controls.residual;
        let mut of = self.kept.iter().filter(|k| k.residual == residual && matches!(k.subject, Subject::Chain | Subject::Ends));
        // A plain branch is the beginning of every deeper one.
        let found = of.find(|k| if residual { k.depth == depth } else { k.depth >= depth });
        found.and_then(|k| k.main.get(depth - k.first)).copied().unwrap_or(f64::NAN)
    }

    fn inspect_taught(&mut self) {
        for learner in &self.learners {
            let subject = match learner.branches.teaching {
                Teaching::Main => Subject::TaughtAlone,
                Teaching::Programmable => Subject::Taught,
                Teaching::DeepSupervision => continue,
            };
            self.inspections.push_back(Inspection::new(subject, learner.branches.cast()));
        }
    }

    /// What comes after a slice that has done what `self.stage` says, `over` being whether that is finished.
    fn next(&mut self, over: bool) {
        let learners = self.learners.len();
        self.stage = match self.stage {
            stage if !over => stage,
            Stage::Inspect => Stage::Train(0),
            Stage::Train(i) if i + 1 < learners => Stage::Train(i + 1),
            Stage::Train(_) => {
                self.step += 1;
                if self.step.is_multiple_of(Self::steps_an_epoch()) { Stage::Test(0) } else { Stage::Train(0) }
            }
            Stage::Test(i) if i + 1 < learners => Stage::Test(i + 1),
            Stage::Test(_) => {
                self.shuffle.shuffle(&mut self.task.order[..TRAIN]);
                let epoch = self.step / Self::steps_an_epoch();
                if epoch.is_multiple_of(EPOCHS / 2) {
                    self.inspect_taught();
                }
                if self.inspections.is_empty() { Stage::Train(0) } else { Stage::Inspect }
            }
        };
    }

    /// Layer and R² of a kept branch, of the control's depth at most.
    fn curve(&self, kept: &Kept) -> (Vec<f64>, Vec<f64>) {
        let shown = (kept.first..=self.controls.depth).zip(&kept.main);
        shown.map(|(l, r)| (l as f64, r.max(0.0))).unzip()
    }

    fn levels(&self, kept: &Kept) -> (Vec<f64>, Vec<f64>) {
        let last = (kept.pairs.len() - 1).max(1);
        kept.pairs.iter().enumerate().map(|(m, r)| ((m * self.controls.depth / last) as f64, r.max(0.0))).unzip()
    }

    fn information(&self, marks: Vec<Mark>) -> Chart {
        Chart {
            x: Axis::linear("layer of the main branch").range(0.0, self.controls.depth as f64),
            y: Axis::linear("R² of the pixels by ridge regression").range(0.0, 1.05),
            marks,
            ..Chart::default()
        }
    }

    fn at_start(&self) -> Chart {
        let mut marks = Vec::new();
        for residual in [!self.controls.residual, self.controls.residual] {
            if let Some(kept) = self.seen(Subject::Chain, residual) {
                let (x, y) = self.curve(kept);
                let name = if residual { "residual branch" } else { "plain branch" };
                let own = residual == self.controls.residual;
                marks.push(Mark::Line {
                    name: name.into(),
                    ink: if own { Ink::Series(1) } else { Ink::Muted },
                    x,
                    y,
                    dashed: !own,
                });
            }
        }
        if let Some(kept) = self.kept.iter().find(|kept| kept.subject == Subject::Pair) {
            let (x, y) = self.levels(kept);
            let ends = vec![0.0, self.controls.depth as f64];
            marks.push(Mark::dashed("run backwards", Ink::Series(0), ends, vec![kept.recovered.max(0.0); 2]));
            marks.push(Mark::line("reversible pair", Ink::Series(0), x.clone(), y.clone()));
            marks.push(Mark::points("", Ink::Series(0), x, y, 7.0));
        }
        self.information(marks)
    }

    fn after_training(&self) -> Chart {
        let mut marks = Vec::new();
        if let Some(kept) = self.seen(Subject::Chain, self.controls.residual) {
            let (x, y) = self.curve(kept);
            marks.push(Mark::dashed("at the start", Ink::Muted, x, y));
        }
        let residual = self.controls.residual;
        if let Some(kept) = self.seen(Subject::TaughtAlone, residual) {
            let (x, y) = self.curve(kept);
            marks.push(Mark::line("main only", Ink::Series(1), x, y));
        }
        if let Some(kept) = self.seen(Subject::Taught, residual) {
            let (x, y) = self.curve(kept);
            marks.push(Mark::line("main branch of PGI", Ink::Series(0), x, y));
            let (x, y) = self.levels(kept);
            marks.push(Mark::line("pair of PGI", Ink::Series(3), x.clone(), y.clone()));
            marks.push(Mark::points("", Ink::Series(3), x, y, 7.0));
        }
        self.information(marks)
    }

    fn accuracies(&self) -> Chart {
        let mut marks = Vec::new();
        for learner in self.learners.iter().rev() {
            let (name, ink) = name(learner.branches.teaching);
            let (x, y) = learner.readings.iter().copied().unzip();
            marks.push(Mark::line(name, ink, x, y));
        }
        let x = Axis::linear("step").range(0.0, Self::steps() as f64);
        Chart { x, y: Axis::linear("test accuracy of the main branch").range(0.0, 1.0), marks, ..Chart::default() }
    }

    fn gradients(&self) -> Chart {
        let mut marks = Vec::new();
        for learner in self.learners.iter().rev() {
            let (name, ink) = name(learner.branches.teaching);
            let x: Vec<f64> = (0..learner.norms.len()).map(|l| l as f64).collect();
            marks.push(Mark::line(name, ink, x.clone(), learner.norms.clone()));
            marks.push(Mark::points("", ink, x, learner.norms.clone(), 5.0));
        }
        let x = Axis::linear("layer l").range(0.0, self.controls.depth as f64);
        Chart { x, y: Axis::log("size of the gradient by the weights"), marks, ..Chart::default() }
    }

    /// Test digits as they are, and rebuilt.
    fn digits(&self) -> Images {
        let residual = self.controls.residual;
        let main = self.seen(Subject::TaughtAlone, residual).or_else(|| self.seen(Subject::Chain, residual));
        let pair = self.kept.iter().rev().find(|kept| !kept.pairs.is_empty());
        let (shown, _) = self.task.rows(&self.task.test()[..REBUILT], |v| v);
        let blank = vec![0.0; REBUILT * PIXELS];
        let or_blank = |rebuilt: Option<&Vec<f64>>| rebuilt.filter(|r| !r.is_empty()).unwrap_or(&blank).clone();
        let rows = [shown, or_blank(main.map(|k| &k.rebuilt[0])), or_blank(pair.map(|k| &k.rebuilt[1]))];
        let names = ["digit", "main", "pair"];
        Images {
            width: 8,
            height: 8,
            channels: 1,
            columns: REBUILT,
            pixels: rows.iter().flatten().map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8).collect(),
            captions: names.iter().flat_map(|name| std::iter::repeat_n(name.to_string(), REBUILT)).collect(),
        }
    }
}

run::views! { ProgrammableGradientInformation, Controls:
    kept "What is kept of the pixels, at the start" "The plain branch falls to a tenth. The pair falls too, to three quarters, but run backwards it is all there. A residual branch keeps what it has." => at_start;
    accuracy "Does the teaching help?" "All three are the same main branch. The paper's order is not to be seen here." => accuracies;
    trained "What is kept after training" "What a layer keeps of pixels is not what it knows of labels." => after_training;
    gradients "The gradients that reach the layers" "On the last batch. PGI's are mostly smaller: once the reversible branch has solved the task, it has little left to say." => gradients;
    digits "Digits rebuilt from the end" "Above as they are, then from the main branch's last layer, below from the pair." => digits;
}

impl ProgrammableGradientInformation {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        let over = match self.stage {
            Stage::Inspect => {
                let first = self.inspections.front_mut().expect("an inspection is due");
                if first.advance(&self.task.x) {
                    let (shown, _) = self.task.rows(&self.task.test()[..REBUILT], |v| v);
                    let kept = first.finish(&shown);
                    self.kept.retain(|k| k.subject != kept.subject || kept.subject != Subject::Taught);
                    self.kept.push(kept);
                    self.inspections.pop_front();
                }
                self.inspections.is_empty()
            }
            Stage::Train(i) => {
                let batch = self.batch().to_vec();
                self.learners[i].descend(&self.task, &batch, self.controls.weight)
            }
            Stage::Test(i) => self.learners[i].test(&self.task, self.step),
        };
        let last = self.step == Self::steps();
        self.next(over);
        let finished = last && over && self.inspections.is_empty() && self.stage == Stage::Train(0);
        Ok(Progress { done: self.step - usize::from(self.step == Self::steps() && !finished), of: Self::steps() })
    }
}

impl Experiment for ProgrammableGradientInformation {
    const CARD: Card = Card {
        slug: "programmable-gradient-information",
        title: "A second, lossless path that teaches the first",
        paper: Paper::new(
            "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information",
            "Chien-Yao Wang, I-Hau Yeh, Hong-Yuan Mark Liao",
            2024,
        ),
        claim: "At the start, a plain branch of 40 layers keeps at most half as much of the pixels, read linearly, as one of 4; a reversible pair keeps 0.4 more than a plain branch of 24, and can be run backwards.",
        reproduction: Reproduction::NotAtThisScale,
        honesty: "The paper claims higher accuracy of detectors on MS COCO by a few tenths; here its premise is measured, that plain layers lose information that a reversible branch keeps, while the accuracy of the small main branch does not rise and mostly falls.",
        seeds: 5,
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
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let pictures = library.pictures(Dataset::Digits)?;
        let x = pictures.pixels.iter().map(|v| f64::from(*v) / 16.0).collect();
        let order = Random::new(seed, "split").permutation(pictures.len());
        let shape = Self::shape(controls);
        let branch = |depth, residual, teaching| Branches::<f64>::new(Shape { depth, residual, ..shape }, teaching, seed);
        let mut inspections: VecDeque<Inspection> = [
            Inspection::new(Subject::Chain, branch(DEEP, false, Teaching::Main)),
            Inspection::new(Subject::Chain, branch(controls.depth, true, Teaching::Main)),
            Inspection::new(Subject::Pair, Branches::new(Shape { own_blocks: true, ..shape }, Teaching::Programmable, seed)),
        ]
        .into();
        if controls.residual {
            let ends = [SHALLOW, DEEP].map(|depth| Inspection::new(Subject::Ends, branch(depth, true, Teaching::Main)));
            inspections.extend(ends);
        }
        let teachings = match controls.shown {
            Shown::All => vec![Teaching::Programmable, Teaching::Main, Teaching::DeepSupervision],
            Shown::Main => vec![Teaching::Main],
            Shown::Deep => vec![Teaching::DeepSupervision],
            Shown::Programmable => vec![Teaching::Programmable],
        };
        let learner = |teaching| Learner::new(Branches::new(shape, teaching, seed), controls.learning_rate);
        Ok(ProgrammableGradientInformation {
            learners: teachings.into_iter().map(learner).collect(),
            controls: controls.clone(),
            task: Task { pictures, x, order },
            shuffle: Random::new(seed, "batches"),
            inspections,
            kept: Vec::new(),
            stage: Stage::Inspect,
            step: 0,
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
        let found = |teaching| self.learners.iter().find(|l| l.branches.teaching == teaching).map_or(f64::NAN, Learner::found);
        let [programmable, main, deep] = [Teaching::Programmable, Teaching::Main, Teaching::DeepSupervision].map(found);
        let pair = self.kept.iter().find(|kept| kept.subject == Subject::Pair);
        let of_pair = |f: &dyn Fn(&Kept) -> f64| pair.map_or(f64::NAN, f);
        let end = |kept: Option<&Kept>| kept.and_then(|k| k.main.last().copied()).unwrap_or(f64::NAN);
        let residual = self.controls.residual;
        ground::measures! {
            kept_4: self.kept_at(SHALLOW),
            kept_40: self.kept_at(DEEP),
            kept_main: self.kept_at(self.controls.depth),
            kept_pair: of_pair(&|k| k.pairs[k.pairs.len() - 1]),
            recovered: of_pair(&|k| k.recovered),
            recovery_error: of_pair(&|k| (k.recovered - k.pairs[0]).abs()),
            inversion_error: of_pair(&|k| k.off),
            accuracy_main: main,
            accuracy_deep: deep,
            accuracy_pgi: programmable,
            accuracy_gain: programmable - main,
            kept_trained: end(self.seen(Subject::TaughtAlone, residual)),
            kept_trained_pgi: end(self.seen(Subject::Taught, residual)),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let of = |name| runs.mean(name);
        let ratio = of("kept_40") / of("kept_4");
        let more = of("kept_pair") - of("kept_main");
        let accuracies = if of("accuracy_gain").is_nan() {
            String::new()
        } else {
            format!(
                " Test accuracy, not judged: {:.3} alone, {:.3} with deep supervision, {:.3} with PGI.",
                of("accuracy_main"),
                of("accuracy_deep"),
                of("accuracy_pgi")
            )
        };
        let text = format!(
            "Of what 4 layers keep of the pixels 40 keep {ratio:.2}; the pair keeps {more:.2} more than the main branch, and {:.3} is recovered.{accuracies}",
            of("recovered"),
        );
        let whole = of("recovered") >= 0.95 && runs.most("recovery_error") <= 1e-6;
        let verdict = Verdict::at_most(ratio, 0.5, text);
        if more.is_nan() { Verdict { holds: None, ..verdict } } else { verdict.and(more >= 0.4 && whole) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::claim::least;
    use ground::controls::{Controls as _, Settings};

    fn start(seed: u64, set: &[(&'static str, &'static str)]) -> ProgrammableGradientInformation {
        let controls = Controls::read(&Settings::parse(Controls::SPECS, set.iter().copied()).unwrap());
        ProgrammableGradientInformation::new(&controls, seed, &Library::shipped(&[Dataset::Digits])).unwrap()
    }

    fn advance(run: &mut ProgrammableGradientInformation, steps: usize) {
        while run.step < steps || run.stage == Stage::Inspect {
            pollster::block_on(run.step(&Device::cpu())).unwrap();
        }
    }

    /// The measures before training, on which the verdict rests.
    fn premise(set: &[(&'static str, &'static str)]) -> Vec<Measures> {
        let of = |seed| {
            let mut run = start(seed, set);
            advance(&mut run, 0);
            run.measures()
        };
        (0..5).map(of).collect()
    }

    #[test]
    fn plain_layers_forget_and_the_pair_does_not() {
        let runs = premise(&[]);
        let verdict = ProgrammableGradientInformation::verdict(&runs);
        assert!(verdict.holds == Some(true) && verdict.figure < 0.4, "{}", verdict.text);
        assert!(least(&runs, "recovered") > 0.97 && most(&runs, "inversion_error") < 1e-10, "{runs:?}");
    }

    #[test]
    fn a_residual_branch_has_nothing_to_repair() {
        let runs = premise(&[("residual", "on")]);
        let verdict = ProgrammableGradientInformation::verdict(&runs);
        assert!(verdict.holds == Some(false) && verdict.figure >= 0.95, "{}", verdict.text);
        assert!(mean(&runs, "kept_pair") - mean(&runs, "kept_main") <= 0.25, "{runs:?}");
    }

    /// What is read from the deep chain's layers is what the shallow one has.
    #[test]
    fn depths_are_prefixes() {
        let [shallow, deep] = ["4", "24"].map(|depth| premise(&[("depth", depth)]).remove(0));
        assert_eq!(shallow.get("kept_main"), deep.get("kept_4"));
        assert_eq!(shallow.get("kept_40"), deep.get("kept_40"));
    }

    #[test]
    fn without_weight_the_three_are_one() {
        let mut run = start(1, &[("weight", "0"), ("depth", "6")]);
        advance(&mut run, 40);
        let theta = |i: usize| run.learners[i].branches.main().theta;
        assert!(theta(0) == theta(1) && theta(1) == theta(2));
        assert_eq!(run.measures().get("accuracy_gain"), 0.0);
    }

    /// A wide and deep branch is done in parts: up to rounding, the gradient of the whole batch.
    #[test]
    fn parts_of_a_batch_add_up() {
        let mut run = start(2, &[("width", "64"), ("depth", "40"), ("shown", "PGI")]);
        let batch = run.batch().to_vec();
        let learner = &mut run.learners[0];
        let (x, labels) = run.task.rows(&batch, |v| v as f32);
        let (_, whole) = learner.branches.gradient(&x, &labels, 1.0);
        let mut parts = 1;
        while !learner.gather(&run.task, &batch, 1.0) {
            parts += 1;
        }
        assert!(parts > 1);
        let largest = whole.iter().fold(0f32, |m, g| m.max(g.abs()));
        for (i, (sum, g)) in learner.gradient.iter().zip(&whole).enumerate() {
            assert!((sum - g).abs() < 1e-4 * largest, "{i}: {sum} and {g}");
        }
    }

    #[test]
    fn a_shallow_branch_learns_the_digits() {
        let mut run = start(0, &[("depth", "4"), ("shown", "main only")]);
        advance(&mut run, ProgrammableGradientInformation::steps());
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        let measures = run.measures();
        assert!(measures.get("accuracy_main") > 0.92 && measures.get("accuracy_pgi").is_nan(), "{measures:?}");
        assert!(measures.get("kept_trained") > measures.get("kept_main"), "{measures:?}");
    }
}
