//! Neural collapse, exact and nearly exact: features free to move only in the vicinity of given ones.
//!
//! Paper: Tirer, Huang & Niles-Weed, 2023. K classes of n features H (d×Kn) and a classifier W minimise
//! f(W,H) = (1/2Kn)‖WH−Y‖² + (λ_W/2K)‖W‖² + (λ_H/2Kn)‖H‖², alone (they collapse to a simplex) or with (β/2Kn)‖H−H₀‖².
//! Claim: near collapse the within-class deviations of H₀ shrink by ρ_in = β/(β+√(λ_H/λ_W)) inside the span of the class means and by
//! ρ_out = β/(β+λ_H) outside, so NC1 falls to ρ_in² of what it was; along the flow dH/dt = −[Wᵀ(WH−Y)+λ_H H] with the best W,
//! NC1~ = Tr Σ_W/Tr Σ_B falls at every moment. Beside it: a real network on digits, layer by layer, with and without weight decay.

use nalgebra::DMatrix;

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Cloud, Handle, Ink, Mark, Matrix, Segment, Space, View};
use methods::neural_collapse::models::{BlockDescent, CentralPath, FeaturesModel, FirstOrder, NearCollapse, far_from_collapse};
use methods::neural_collapse::projection::Projection;
use methods::neural_collapse::training::{Decay, Epoch, Recipe, Slice, Training, late_tenth};
use methods::neural_collapse::{Classifier, Collapse, Means, Variability, cosines};
use methods::nn::{Activation, Loss, Network, Start};
use methods::optimize::Rule;
use run::data::{Array, Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// What is shown in motion.
    pub enum Act { Collapse => "collapse", Vicinity => "vicinity", Network => "network" }
}

ground::choice! {
    /// Where the given features H₀ come from.
    pub enum Base { Near => "near collapse", FirstLayer => "network" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        act: Choice(Act) = Act::Vicinity, "", "what moves: free features, features in the vicinity of given ones, or a network in training";
        beta: LogZero(1e-3, 1e4) = 0.5, "β", "0: full collapse; large: features frozen at H₀";
        lambda_h: Log(1e-4, 2.0) = 5e-3, "λ_H", "more: both shrink factors fall; as √(λ_H λ_W) reaches 1 the features vanish";
        lambda_w: Log(1e-4, 2.0) = 5e-3, "λ_W", "more: ρ_in rises, less collapse";
        noise: Log(0.01, 2.0) = 0.05, "v₀", "how far H₀ is from collapse; larger: first-order theory leaves the measured dots";
        classes: Count(2, 10) = 4, "K", "the simplex has K vertices: segment, triangle, tetrahedron, …";
        base: Choice(Base) = Base::Near, "H₀", "noise around a collapsed optimum, or the first hidden layer of the network";
        weight_decay: LogZero(1e-5, 5e-3) = 1e-3, "λ", "of the network; 0: NC1~ ends twice as high and self-duality stops improving";
        loss: Choice(Loss) = Loss::Squared, "", "of the network; cross-entropy collapses far more slowly here";
    }
}

/// Samples a class of the features model, its dimensions a class, and steps of the central path.
const PER_CLASS: usize = 20;
const DIMENSIONS: usize = 2;
const PATH_STEPS: usize = 400;
/// The network's classes, and training samples of each.
const DIGITS: usize = 10;
const TRAIN: usize = 100;
/// Training errors up to this are the terminal phase.
const TERMINAL: f64 = 0.01;
/// Mean squared feature length below which features have vanished, and metrics are 0/0.
const VANISHED: f64 = 1e-8;
/// Dots a curve over β; fewer where a solution costs a thousand times as much.
const BETAS: (usize, usize) = (25, 13);

/// The verdict's numbers, measured in every run whatever is shown.
struct Contraction {
    labels: Vec<u8>,
    /// NC1 of the given features near collapse.
    given: Variability,
    descent: BlockDescent,
    /// And of what the vicinity model makes of them.
    moved: Option<Variability>,
    path: CentralPath,
    /// NC1~ along the path.
    traces: Vec<f64>,
}

impl Contraction {
    fn new(model: &FeaturesModel, near: &DMatrix<f64>, far: &DMatrix<f64>, beta: f64) -> Self {
        let labels = model.labels();
        // Where the best features are 0 there is nothing to contract.
        let vanished = model.shrinkage() >= 1.0;
        Contraction {
            given: if vanished { Variability::NONE } else { variability(near, &labels) },
            descent: BlockDescent::new(model.clone(), beta, near.clone()),
            moved: vanished.then_some(Variability::NONE),
            traces: vec![variability(far, &labels).traces],
            path: CentralPath::new(model.clone(), far.clone()),
            labels,
        }
    }

    /// One slice; false when there was nothing left to do.
    fn advance(&mut self) -> bool {
        if self.moved.is_none() {
            if solve(&mut self.descent, 1e-12) {
                self.moved = Some(variability(&self.descent.h, &self.labels));
            }
            return true;
        }
        for _ in 0..stages(&self.path.h) {
            if self.path.steps < PATH_STEPS && self.path.stage() {
                self.traces.push(variability(&self.path.h, &self.labels).traces);
            }
        }
        self.path.steps < PATH_STEPS
    }

    /// The largest change of NC1~ in one step of the whole path, as long as NC1~ is more than rounding; negative where it falls at every
    /// step. NaN before the path is whole.
    fn largest_change(&self) -> f64 {
        let steps = self.traces.windows(2).filter(|pair| pair[0] > 1e-24);
        let change = steps.fold(f64::NEG_INFINITY, |most, pair| most.max(pair[1] - pair[0]));
        if self.path.steps == PATH_STEPS { change } else { f64::NAN }
    }
}

/// NC1 of features ordered by class.
fn variability(h: &DMatrix<f64>, labels: &[u8]) -> Variability {
    let classes = usize::from(labels[labels.len() - 1]) + 1;
    Variability::of(h, labels, &Means::of(h, labels, classes))
}

/// How many sweeps or stages of features `h` fit into a slice.
fn stages(h: &DMatrix<f64>) -> usize {
    let (d, n) = h.shape();
    (600_000 / (d * d * n + d * d * d / 3)).clamp(1, 30)
}

/// Sweeps for one slice; true when the objective's relative change is below `change`, or it is no longer worth going on.
fn solve(descent: &mut BlockDescent, change: f64) -> bool {
    for _ in 0..stages(&descent.given) {
        descent.sweep();
        if descent.change < change || descent.sweeps >= 20_000 {
            return true;
        }
    }
    false
}

/// What is left of NC1 and NC1~ at the chosen β and at many others, with the λ's as they are and each of them fourfold.
struct Sweep {
    labels: Vec<u8>,
    given: Variability,
    /// θ of the given features.
    share: f64,
    /// Which λ is fourfold, and β; the chosen β first.
    jobs: Vec<(Fourfold, f64)>,
    descent: BlockDescent,
    done: Vec<Variability>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fourfold {
    Neither,
    LambdaH,
    LambdaW,
}

impl Sweep {
    fn new(model: &FeaturesModel, given: DMatrix<f64>, beta: f64, dots: usize, variations: &[Fourfold]) -> Self {
        let labels = model.labels();
        let share = Means::of(&given, &labels, model.classes).share_in_span(&given, &labels);
        let grid = (0..dots).map(|i| 1e4 * libm::pow(10.0, -7.0 * i as f64 / (dots - 1) as f64));
        let mut jobs = vec![(Fourfold::Neither, beta)];
        jobs.extend(variations.iter().flat_map(|which| grid.clone().map(move |beta| (*which, beta))));
        let variability = Variability::of(&given, &labels, &Means::of(&given, &labels, model.classes));
        Sweep {
            labels,
            given: variability,
            share,
            jobs,
            descent: BlockDescent::new(model.clone(), beta, given),
            done: Vec::new(),
        }
    }

    /// One slice; false when there was nothing left to do.
    fn advance(&mut self, model: &FeaturesModel) -> bool {
        if self.done.len() == self.jobs.len() {
            return false;
        }
        if solve(&mut self.descent, 1e-10) {
            self.done.push(variability(&self.descent.h, &self.labels));
            if let Some((which, beta)) = self.jobs.get(self.done.len()) {
                let mut varied = model.clone();
                match which {
                    Fourfold::Neither => (),
                    Fourfold::LambdaH => varied.lambda_h *= 4.0,
                    Fourfold::LambdaW => varied.lambda_w *= 4.0,
                }
                // The grid falls: each minimizer starts from that of the β before.
                self.descent.again(varied, *beta);
            }
        }
        true
    }

    /// β and what is left of NC1 and NC1~, for the jobs of one variation.
    fn left(&self, which: Fourfold) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let jobs = self.jobs.iter().zip(&self.done).skip(1).filter(move |((w, _), _)| *w == which);
        jobs.map(|((_, beta), v)| (*beta, v.nc1 / self.given.nc1, v.traces / self.given.traces))
    }

    fn chart(&self, model: &FeaturesModel, beta: f64) -> Chart {
        let betas: Vec<f64> = (0..=140).map(|i| libm::pow(10.0, -3.0 + i as f64 / 20.0)).collect();
        let curve = |of: &dyn Fn(FirstOrder) -> f64| betas.iter().map(|b| of(FirstOrder::of(model, *b))).collect();
        let (theta, x) = (self.share, betas.clone());
        let mut marks = vec![
            Mark::dashed("ρ_in², ρ_out²", Ink::Muted, x.clone(), curve(&|f| f.inside * f.inside)),
            Mark::dashed("", Ink::Muted, x.clone(), curve(&|f| f.outside * f.outside)),
            Mark::line("θρ_in² + (1−θ)ρ_out²", Ink::Muted, x, curve(&|f| f.traces(theta))),
        ];
        let dots = |which: Fourfold, part: &dyn Fn((f64, f64, f64)) -> f64| {
            let (x, y): (Vec<f64>, Vec<f64>) = self.left(which).map(|dot| (dot.0, part(dot))).unzip();
            (x, y)
        };
        for (which, name, ink) in [(Fourfold::LambdaW, "NC1~, λ_W fourfold", 3), (Fourfold::LambdaH, "NC1~, λ_H fourfold", 2)] {
            let (x, y) = dots(which, &|dot| dot.2);
            if self.jobs.iter().any(|job| job.0 == which) {
                marks.push(Mark::line(name, Ink::Series(ink), x, y));
            }
        }
        let (x, y) = dots(Fourfold::Neither, &|dot| dot.1);
        marks.push(Mark::points("NC1", Ink::Series(1), x, y, 6.0));
        let (x, y) = dots(Fourfold::Neither, &|dot| dot.2);
        marks.push(Mark::points("NC1~", Ink::Series(0), x, y, 6.0));
        // Whole decades from the lowest curve up.
        let lowest = FirstOrder::of(model, betas[0]);
        let floor = libm::floor(libm::log10(0.5 * lowest.nc1().min(lowest.traces(theta)))).max(-12.0);
        let now = self.done.first().map(|v| v.traces / self.given.traces).filter(|_| beta > 0.0);
        Chart {
            x: Axis::log("vicinity strength β").range(1e-3, 1e4),
            y: Axis::log("share of the given features' variability that is left").range(libm::pow(10.0, floor), 2.0),
            marks,
            handle: now.map(|left| Handle { name: "β".into(), at: (beta, left) }),
            ..Chart::default()
        }
    }
}

/// A network 64-128-64-10 (ReLU) that is to learn the first hundred of each digit in a random order.
fn network(controls: &Controls, seed: u64, library: &Library) -> Result<Training> {
    let pictures = library.pictures(Dataset::Digits)?;
    let mut of_class = vec![Vec::new(); DIGITS];
    for image in Random::new(seed, "split").permutation(pictures.len()) {
        of_class[usize::from(pictures.labels[image])].push(image);
    }
    let (train, test): (Vec<_>, Vec<_>) = of_class.iter().map(|images| images.split_at(TRAIN)).unzip();
    let task = pictures.classification(&train.concat(), &test.concat(), 16.0);
    let sizes = [task.features, 128, 64, DIGITS];
    let network = Network::new(&sizes, Activation::Relu, Start::Uniform, &mut Random::new(seed, "weights"));
    let recipe = Recipe {
        loss: controls.loss,
        smoothing: 0.0,
        decay: Decay::of_weights(controls.weight_decay),
        rule: Rule::Momentum { mu: 0.9 },
        learning_rate: 0.1,
        rate: late_tenth,
        batch: 64,
        epochs: 120,
        every: 2,
        test: false,
    };
    Ok(Training::new(task, network, recipe, Random::new(seed, "batches")))
}

/// Features, means and classifier over time, as they are shown.
struct Film {
    /// What time counts.
    clock: &'static str,
    shots: Vec<Shot>,
    shown: usize,
    /// The directions they are seen in.
    projection: Option<Projection>,
}

/// One moment.
struct Shot {
    at: f64,
    /// `None` where the features have vanished.
    collapse: Option<Collapse>,
    means: Means,
    /// The classifier's rows, one a column.
    rows: DMatrix<f64>,
    /// Some features, class by class.
    features: Vec<f32>,
}

impl Film {
    /// Features of a class that are shown.
    const PER_CLASS: usize = 30;

    fn new(clock: &'static str) -> Self {
        Film { clock, shots: Vec::new(), shown: 0, projection: None }
    }

    /// A shot of the features `h`, which are ordered by class.
    fn shoot(&mut self, at: f64, h: &DMatrix<f64>, means: Means, collapse: Collapse, classifier: &Classifier) {
        let there = h.norm_squared() / h.ncols() as f64 > VANISHED && collapse.variability.traces.is_finite();
        let n = h.ncols() / means.centred.ncols();
        let kept = h.column_iter().enumerate().filter(|(i, _)| i % n < Self::PER_CLASS);
        let features = kept.flat_map(|(_, feature)| feature.iter().map(|v| *v as f32).collect::<Vec<_>>()).collect();
        self.shots.push(Shot { at, collapse: there.then_some(collapse), rows: classifier.centred(), means, features });
        if self.projection.is_none() {
            self.turn();
        }
    }

    /// A shot of a model without a bias.
    fn shoot_model(&mut self, at: f64, h: &DMatrix<f64>, w: DMatrix<f64>, model: &FeaturesModel) {
        let (labels, classifier) = (model.labels(), Classifier { w, bias: None });
        let means = Means::of(h, &labels, model.classes);
        let collapse = Collapse::of(h, &labels, &means, &classifier);
        self.shoot(at, h, means, collapse, &classifier);
    }

    /// Looks in the directions of the last shot, or of the first if the features vanish.
    fn turn(&mut self) {
        let shots = [self.shots.last(), self.shots.first()];
        let seen = shots.into_iter().flatten().find(|shot| shot.collapse.is_some());
        self.projection = seen.map(|shot| Projection::of(&shot.means.centred));
    }

    fn now(&self) -> Option<&Shot> {
        self.shots.get(self.shown)
    }

    fn space(&self) -> Space {
        let (Some(shot), Some(projection)) = (self.now(), &self.projection) else { return Space::default() };
        let (d, k) = shot.means.centred.shape();
        let place = |v: &[f64]| projection.place(v.iter().copied()).map(|p| p as f32);
        let vertex = |k: usize| [0, 1, 2].map(|j| projection.simplex[(j, k)] as f32);
        let centre = place(shot.means.global.as_slice());
        let means: Vec<[f32; 3]> = shot.means.centred.column_iter().map(|m| place(m.into_owned().as_slice())).collect();
        let around = |feature: &[f32]| {
            let p = projection.place(feature.iter().map(|v| f64::from(*v))).map(|p| p as f32);
            [p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]]
        };
        let of_class = shot.features.chunks_exact(shot.features.len() / k).enumerate();
        let mut clouds: Vec<Cloud> = of_class
            .map(|(class, features)| {
                let at = features.chunks_exact(d).map(around).collect();
                Cloud { name: class.to_string(), ink: ink(class), at, size: 4.0 }
            })
            .collect();
        clouds.extend((0..k).map(|class| Cloud { name: String::new(), ink: ink(class), at: vec![means[class]], size: 12.0 }));

        // Rows as long as means, all in all: then they are the same arrows exactly where NC3 is 0.
        let scale = shot.means.centred.norm() / shot.rows.norm();
        // Features that vanish go to no simplex.
        let there = self.shots.last().is_some_and(|shot| shot.collapse.is_some());
        let line = |from, to, ink, dashed, arrow| Segment { from, to, ink, dashed, arrow };
        let mut segments = Vec::new();
        for i in 0..k {
            for j in 0..i {
                segments.push(line(means[i], means[j], Ink::Muted, false, false));
                if there && k <= 4 {
                    segments.push(line(vertex(i), vertex(j), Ink::Text, true, false));
                }
            }
            // More than four vertices do not fit into space; then dashes lead from each mean to its own.
            if there && k > 4 {
                segments.push(line(means[i], vertex(i), Ink::Text, true, false));
            }
            if scale.is_finite() && scale > 0.0 {
                segments.push(line([0.0; 3], place((shot.rows.column(i) * scale).as_slice()), ink(i), false, true));
            }
        }
        let axes = ["direction 1", "direction 2", "direction 3"].map(String::from);
        Space { axes, clouds, segments, reach: (1.25 * projection.simplex.abs().max()) as f32 }
    }

    /// Every metric over time.
    fn metrics(&self) -> Chart {
        let x: Vec<f64> = self.shots.iter().map(|s| s.at).collect();
        let line = |(name, ink, dashed, part): &Line| {
            // Two classes are always a simplex; what rounding leaves of that is no line.
            let number = |c: &Collapse| Some(part(c)).filter(|v| *v > 1e-14 || *name == "NC1" || *name == "NC1~");
            let y = self.shots.iter().map(|s| s.collapse.as_ref().and_then(number).unwrap_or(f64::NAN)).collect();
            Mark::Line { name: (*name).into(), ink: *ink, x: x.clone(), y, dashed: *dashed }
        };
        let mut marks: Vec<Mark> = LINES.iter().map(line).collect();
        if let Some(now) = self.now().filter(|_| self.shown + 1 < self.shots.len()) {
            marks.push(Mark::at_x("", now.at));
        }
        if let Some(gone) = self.shots.iter().find(|shot| shot.collapse.is_none()) {
            marks.push(Mark::at_x("features have vanished", gone.at));
        }
        let mut y = Axis::log("distance from collapse");
        let lowest = self.shots.iter().filter_map(|s| s.collapse).fold(1.0, |least: f64, c| least.min(c.variability.nc1));
        if lowest < 1e-16 {
            // What is exact up to rounding leaves the picture.
            y = y.range(1e-16, 10.0);
        }
        Chart { x: Axis::linear(self.clock), y, marks, ..Chart::default() }
    }

    fn cosines(&self) -> Matrix {
        let Some(shot) = self.now() else { return Matrix::default() };
        let classes = shot.means.centred.ncols();
        let apart = -1.0 / (classes as f64 - 1.0);
        // From −1, the least a cosine can be, to as far above; the diagonal is off the scale.
        let half = (1.0 + apart).max(0.5);
        let values = match shot.collapse {
            Some(_) => cosines(&shot.means.centred).iter().map(|v| *v as f32).collect(),
            None => vec![f32::NAN; classes * classes],
        };
        Matrix {
            row: "class".into(),
            column: "class".into(),
            value: Axis::linear("cosine between class means").range(apart - half, apart + half).around(apart),
            columns: classes,
            values,
            names: (0..classes).map(|class| class.to_string()).collect(),
            outlined: Vec::new(),
        }
    }
}

/// Name, colour, dashes, and which number of a shot.
type Line = (&'static str, Ink, bool, fn(&Collapse) -> f64);

const LINES: [Line; 10] = [
    ("NC1", Ink::Series(1), false, |c| c.variability.nc1),
    ("NC1~", Ink::Series(0), false, |c| c.variability.traces),
    ("NC2 equinorm", Ink::Series(2), false, |c| c.means.equinorm),
    ("of W", Ink::Series(2), true, |c| c.classifier.equinorm),
    ("NC2 equiangle", Ink::Series(3), false, |c| c.means.equiangle),
    ("of W", Ink::Series(3), true, |c| c.classifier.equiangle),
    ("NC2 max angle", Ink::Series(4), false, |c| c.means.max_angle),
    ("of W", Ink::Series(4), true, |c| c.classifier.max_angle),
    ("NC3", Ink::Series(5), false, |c| c.self_duality),
    ("NC4", Ink::Series(6), false, |c| c.mismatch),
];

/// The colour of a class: eight hues, then grey and black.
fn ink(class: usize) -> Ink {
    [Ink::Muted, Ink::Text].get(class.wrapping_sub(8)).copied().unwrap_or(Ink::Series(class as u8))
}

/// What is filmed.
enum Scene {
    Descent(BlockDescent),
    Path(CentralPath),
    /// A network in training; then a path from its first layer where that is the given features' place.
    Training,
    /// All shots are taken; they are seen in the directions of an earlier one.
    Shot,
    /// Ready to be shown.
    Cut,
}

/// A run.
pub struct NeuralCollapse {
    controls: Controls,
    model: FeaturesModel,
    contraction: Contraction,
    training: Option<Training>,
    scene: Scene,
    film: Film,
    /// The model of the features that the sweep over β moves; with the network's first layer it has the network's classes.
    given_model: FeaturesModel,
    sweep: Option<Sweep>,
    finished: bool,
}

impl NeuralCollapse {
    /// Are the given features the network's?
    fn from_network(controls: &Controls) -> bool {
        controls.base == Base::FirstLayer && controls.act != Act::Collapse
    }

    /// A slice of filming; false when there was nothing left to do.
    fn film(&mut self) -> bool {
        let film = &mut self.film;
        match &mut self.scene {
            Scene::Descent(descent) => {
                for _ in 0..(stages(&descent.h) / 2).max(1) {
                    // The first sweeps change most; later ones are shown by fours.
                    if descent.sweeps < 60 || descent.sweeps.is_multiple_of(4) {
                        film.shoot_model(descent.sweeps as f64, &descent.h, descent.w.clone(), &descent.model);
                    }
                    if descent.converged() || descent.sweeps >= 5000 {
                        self.scene = Scene::Shot;
                        break;
                    }
                    descent.sweep();
                }
            }
            Scene::Path(path) => {
                for _ in 0..stages(&path.h) {
                    if 2 * film.shots.len() <= path.steps {
                        film.shoot_model(path.time, &path.h, path.model.classifier(&path.h), &path.model);
                    }
                    if path.steps == PATH_STEPS {
                        self.scene = Scene::Shot;
                        break;
                    }
                    path.stage();
                }
            }
            Scene::Training => {
                let training = self.training.as_mut().expect("it is what is filmed");
                match training.advance() {
                    Slice::Going => (),
                    Slice::Measured(moment) => {
                        let log = &training.log[training.log.len() - 1];
                        film.shoot(log.epoch as f64, &moment.features, moment.means, log.collapse, &moment.classifier);
                        film.shown = film.shots.len() - 1;
                        // The directions of the end are not known yet; new ones are taken rarely, so that the picture does not spin.
                        if film.shots.len().is_power_of_two() {
                            film.turn();
                        }
                    }
                    Slice::Over => self.after_training(),
                }
            }
            Scene::Shot => {
                film.turn();
                film.shown = 0;
                self.scene = Scene::Cut;
            }
            Scene::Cut => return false,
        }
        true
    }

    /// The network's first layer becomes the given features, if it is to.
    fn after_training(&mut self) {
        self.scene = Scene::Shot;
        if let (true, Some(training)) = (Self::from_network(&self.controls), &mut self.training) {
            let rows: Vec<usize> = (0..DIGITS).flat_map(|class| (0..PER_CLASS).map(move |i| class * TRAIN + i)).collect();
            let given = training.first_layer(&rows);
            if self.controls.act == Act::Vicinity {
                self.film = Film::new(ON_THE_PATH);
                self.scene = Scene::Path(CentralPath::new(self.given_model.clone(), given.clone()));
            }
            self.sweep = Some(Sweep::new(&self.given_model, given, self.controls.beta, BETAS.1, &[Fourfold::Neither]));
        }
    }

    fn progress(&self) -> Progress {
        let (trained, epochs) = self.training.as_ref().map_or((0, 0), |t| (t.epoch(), t.epochs()));
        let (shown, shots) = match self.scene {
            Scene::Cut => (self.film.shown, self.film.shots.len()),
            _ => (0, PATH_STEPS / 2 + 1),
        };
        Progress { done: trained + if self.finished { shots } else { shown }, of: epochs + shots }
    }

    /// NC1~ by depth: of the network, or of the given features and the moved ones.
    fn layers(&self) -> Chart {
        let bars = |name: String, ink, labels: [&str; 2], y: [f64; 2]| Mark::Bars {
            name,
            ink,
            labels: labels.map(String::from).to_vec(),
            y: y.to_vec(),
        };
        let mut marks = Vec::new();
        if let Some(training) = &self.training {
            let terminal = training.first_below(TERMINAL);
            let last = training.log.last().filter(|log| log.epoch > terminal.map_or(0, |t| t.epoch));
            let at = |log: &Epoch, words: &str, ink| {
                let layers = [log.layers[0].variability.traces, log.layers[1].variability.traces];
                bars(format!("{words}, epoch {}", log.epoch), ink, ["hidden layer 1", "hidden layer 2"], layers)
            };
            marks.extend(training.log.first().map(|log| at(log, "start", Ink::Muted)));
            marks.extend(terminal.map(|log| at(log, "error ≤ 1 %", Ink::Series(1))));
            marks.extend(last.map(|log| at(log, if training.end().is_some() { "end" } else { "now" }, Ink::Series(0))));
        } else if self.model.shrinkage() < 1.0 {
            let (given, moved) = (self.contraction.given, self.contraction.moved.unwrap_or(Variability::NONE));
            let labels = ["given features H₀", "moved features H"];
            marks.push(bars("NC1~".into(), Ink::Series(0), labels, [given.traces, moved.traces]));
            marks.push(bars("NC1".into(), Ink::Series(1), labels, [given.nc1, moved.nc1]));
        }
        let heights = marks.iter().flat_map(|mark| match mark {
            Mark::Bars { y, .. } => y.as_slice(),
            _ => &[],
        });
        let (low, high) = heights.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), y| (low.min(*y), high.max(*y)));
        let mut y = Axis::log("within-class variability");
        if 0.0 < low && low <= high {
            y = y.range((low / 3.0).max(1e-16), high * 2.0);
        }
        Chart { y, marks, ..Chart::default() }
    }
}

const ON_THE_PATH: &str = "time t on the central path";

run::views! { NeuralCollapse, Controls:
    features "Features and class means" "Large dots are class means, arrows the classifier's rows, dashes the simplex they go to. Turn it." => view_0;
    metrics "Distance from collapse" "Everything that falls is on its way to the simplex; NC1~ is the one that the theorem is about. Dashed: of the classifier; t = 1/β is how far the vicinity model goes." => view_1;
    cosines "Angles between class means" "At collapse every pair has the cosine −1/(K−1)." => view_2;
    contraction "How much variability is left" "Dots are measured, lines are the formula. Drag β: to the left features are free, to the right they are frozen." => view_3, dragged: drag_3;
    layers "From layer to layer" "Each layer finds features given by the one below and moves them; what is left within the classes?" => view_4;
}

impl NeuralCollapse {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        // The verdict's numbers, then what is to be shown, then the show, the dots over β filling up beside it.
        if self.contraction.advance() || self.film() {
            return Ok(self.progress());
        }
        let sweeping = self.sweep.as_mut().is_some_and(|sweep| sweep.advance(&self.given_model));
        let last = self.film.shots.len() - 1;
        self.finished = self.film.shown == last && !sweeping;
        self.film.shown = (self.film.shown + 1).min(last);
        Ok(self.progress())
    }

    fn view(&self, which: usize) -> View {
        match which {
            0 => View::Space(self.film.space()),
            1 => {
                let mut chart = self.film.metrics();
                // While the film is of the training, which is also so until the path from its first layer begins.
                let training = self.training.as_ref().filter(|_| self.film.clock != ON_THE_PATH);
                if let Some(training) = training {
                    let end = training.epochs() as f64;
                    chart.x = chart.x.range(0.0, end);
                    if let Some(from) = training.first_below(TERMINAL).map(|log| log.epoch as f64) {
                        chart.marks.insert(0, Mark::Span { label: "terminal phase".into(), from, to: end });
                        chart.marks.push(Mark::at_x("error ≤ 1 %", from));
                    }
                }
                // The vicinity model is an implicit step of length 1/β along the path.
                let reached = self.film.shots.last().map_or(0.0, |shot| shot.at);
                if self.film.clock == ON_THE_PATH && self.controls.beta * reached >= 1.0 {
                    chart.marks.push(Mark::at_x("t = 1/β", 1.0 / self.controls.beta));
                }
                View::Chart(chart)
            }
            2 => View::Matrix(self.film.cosines()),
            3 => match &self.sweep {
                Some(sweep) => View::Chart(sweep.chart(&self.given_model, self.controls.beta)),
                None if Self::from_network(&self.controls) => {
                    View::nothing("The given features come when the network is trained.")
                }
                None => View::nothing("The best features are 0: nothing to contract."),
            },
            _ => match self.layers() {
                chart if chart.marks.is_empty() => View::nothing("The best features are 0: no layer to compare."),
                chart => View::Chart(chart),
            },
        }
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        let beta = format!("{:.1e}", at.0.clamp(1e-3, 1e4)).parse().ok()?;
        (which == 3 && at.0 > 0.0).then(|| Controls { beta, ..controls.clone() })
    }

    fn view_0(&self) -> View {
        self.view(0)
    }

    fn view_1(&self) -> View {
        self.view(1)
    }

    fn view_2(&self) -> View {
        self.view(2)
    }

    fn view_3(&self) -> View {
        self.view(3)
    }

    fn drag_3(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        Self::pointer(controls, 3, at)
    }

    fn view_4(&self) -> View {
        self.view(4)
    }
}

impl Experiment for NeuralCollapse {
    const CARD: Card = Card {
        slug: "neural-collapse-perturbation",
        title: "Neural collapse, exact and nearly exact",
        paper: Paper::new("Perturbation Analysis of Neural Collapse", "Tom Tirer, Haoxiang Huang, Jonathan Niles-Weed", 2023),
        claim: "Features that may move only in the vicinity of nearly collapsed ones contract NC1 by (β/(β+√(λ_H/λ_W)))², 9-fold at the default, and along the central path NC1~ falls at every step.",
        reproduction: Reproduction::AsClaimed,
        honesty: "The paper proves this for the models and looks at deep networks for its shadow; the models are reproduced to the formula, the small network here contracts from layer to layer but its class means do not become equally long.",
        seeds: 3,
        unit: "frame",
        presets: &[
            Preset::holds("default", "Features in the vicinity of nearly collapsed ones, and a path towards collapse", &[]),
            Preset::gone("break-it", "β = 10⁴: the given features cannot move, nothing contracts", &[("beta", "10000")]),
            Preset::open("collapse", "Free features: exact collapse to a tetrahedron", &[("act", "collapse")]),
            Preset::open("far", "v₀ = 1: too far from collapse for first-order theory", &[("noise", "1")]),
            Preset::open("triangle", "Three classes lie in a plane", &[("act", "collapse"), ("classes", "3")]),
            Preset::open(
                "vanish",
                "√(λ_H λ_W) > 1: the best features are zero",
                &[("act", "collapse"), ("lambda_h", "1.5"), ("lambda_w", "1")],
            ),
            Preset::open(
                "network",
                "A network learns digits, and collapses after it makes no more errors",
                &[("act", "network")],
            ),
            Preset::open(
                "no weight decay",
                "The network without weight decay: no self-duality",
                &[("act", "network"), ("weight_decay", "0")],
            ),
            Preset::open(
                "cross-entropy",
                "The network with the loss that most are trained with",
                &[("act", "network"), ("loss", "cross-entropy")],
            ),
            Preset::open("first layer", "The vicinity model moves the network's first hidden layer", &[("base", "network")]),
        ],
        data: &[Dataset::Digits],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let &Controls { act, beta, lambda_h, lambda_w, noise, classes, .. } = controls;
        let model = FeaturesModel { classes, per_class: PER_CLASS, lambda_h, lambda_w };
        let dimension = DIMENSIONS * classes;
        let near = NearCollapse::new(&model, dimension, noise, &mut Random::new(seed, "near collapse")).features;
        let far = far_from_collapse(&model, dimension, &mut Random::new(seed, "far from collapse"));
        let contraction = Contraction::new(&model, &near, &far, beta);

        let from_network = Self::from_network(controls);
        let (scene, clock) = match act {
            Act::Collapse => {
                let mut random = Random::new(seed, "free features");
                let start = DMatrix::from_fn(dimension, classes * PER_CLASS, |_, _| 0.3 * random.normal());
                (Scene::Descent(BlockDescent::new(model.clone(), 0.0, start)), "sweep of block descent")
            }
            Act::Vicinity if !from_network => (Scene::Path(CentralPath::new(model.clone(), far)), ON_THE_PATH),
            _ => (Scene::Training, "epoch"),
        };
        let training = if matches!(scene, Scene::Training) { Some(network(controls, seed, library)?) } else { None };
        let all = [Fourfold::Neither, Fourfold::LambdaH, Fourfold::LambdaW];
        let sweep = (!from_network && model.shrinkage() < 1.0).then(|| Sweep::new(&model, near, beta, BETAS.0, &all));
        let given_model = FeaturesModel { classes: if from_network { DIGITS } else { classes }, ..model.clone() };
        let controls = controls.clone();
        let film = Film::new(clock);
        let mut run = NeuralCollapse { controls, model, contraction, training, scene, film, given_model, sweep, finished: false };
        // The first picture.
        while run.film.shots.is_empty() {
            run.film();
        }
        Ok(run)
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
        let contraction = &self.contraction;
        let (given, moved) = (contraction.given, contraction.moved.unwrap_or(Variability::NONE));
        let theory = FirstOrder::of(&self.model, self.controls.beta);
        let mut measures = ground::measures! {
            shrinkage: self.model.shrinkage(),
            given_nc1: given.nc1, moved_nc1: moved.nc1,
            nc1_ratio: moved.nc1 / given.nc1, first_order_nc1_ratio: theory.nc1(),
            traces_ratio: moved.traces / given.traces,
            path_start: contraction.traces[0], path_end: contraction.traces[contraction.traces.len() - 1],
            path_largest_change: contraction.largest_change(),
        };
        let mut add = |named: &[(&'static str, f64)]| measures.0.extend(named.iter().map(|(name, value)| ((*name).into(), *value)));
        match (&self.sweep, &self.scene) {
            (Some(sweep), _) if Self::from_network(&self.controls) => {
                let now = sweep.done.first().copied().unwrap_or(Variability::NONE);
                add(&[("layer_nc1_ratio", now.nc1 / sweep.given.nc1), ("layer_traces_ratio", now.traces / sweep.given.traces)]);
            }
            (Some(sweep), _) => add(&[("first_order_traces_ratio", theory.traces(sweep.share))]),
            _ => (),
        }
        if let (Act::Collapse, Scene::Cut) = (self.controls.act, &self.scene) {
            let end = self.film.shots.last().and_then(|shot| shot.collapse);
            let number = |part: fn(Collapse) -> f64| end.map_or(f64::NAN, part);
            add(&[
                ("free_nc1", number(|c| c.variability.nc1)),
                ("free_max_angle", number(|c| c.means.max_angle)),
                ("free_self_duality", number(|c| c.self_duality)),
            ]);
        }
        if let Some(training) = &self.training {
            let (terminal, end) = (training.first_below(TERMINAL), training.end());
            let at_end = |part: fn(&Epoch) -> f64| end.map_or(f64::NAN, part);
            let since = |part: fn(&Epoch) -> f64| at_end(part) / terminal.map_or(f64::NAN, part);
            add(&[
                ("network_error", at_end(|log| log.error)),
                ("network_terminal_epoch", terminal.map_or(f64::NAN, |log| log.epoch as f64)),
                ("network_traces", at_end(|log| log.layers[1].variability.traces)),
                ("network_traces_ratio", since(|log| log.layers[1].variability.traces)),
                ("network_layer_drop", at_end(|log| log.layers[0].variability.traces / log.layers[1].variability.traces)),
                ("network_self_duality_ratio", since(|log| log.collapse.self_duality)),
            ]);
        }
        measures
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (ratio, threshold) = (runs.most("nc1_ratio"), 0.5);
        let beside = beside(runs);
        let c = runs[0].get("shrinkage");
        if c >= 1.0 {
            let text = format!("√(λ_H λ_W) = {c:.2} is 1 or more: features vanish, and there is nothing to collapse.{beside}");
            return Verdict { holds: None, outside: true, text, figure: f64::NAN, threshold };
        }
        let change = runs.most("path_largest_change");
        if change.is_nan() {
            return Verdict { holds: None, outside: true, text: "Not measured yet.".into(), figure: f64::NAN, threshold };
        }
        let theory = runs[0].get("first_order_nc1_ratio");
        let near = runs.each("nc1_ratio").all(|ratio| (ratio - theory).abs() <= 0.05 * theory + 1e-9);
        let text = format!(
            "{} the given features' NC1 is left ({} half or less); first-order theory says {} ({} 5 %). \
             Along the central path NC1~ {} (largest change {change:.1e}).{beside}",
            span(runs.least("nc1_ratio"), ratio),
            if ratio <= threshold { "the claim:" } else { "not" },
            number(theory),
            if near { "met within" } else { "not met within" },
            if change < 0.0 { "falls at every step" } else { "does not fall at every step" },
        );
        Verdict::at_most(ratio, threshold, text).and(near && change < 0.0)
    }

    fn results(&self) -> Vec<Array> {
        let whole: Vec<&Shot> = self.film.shots.iter().filter(|shot| shot.collapse.is_some()).collect();
        let row = |shot: &&Shot| {
            let numbers = LINES.iter().map(|(_, _, _, part)| shot.collapse.as_ref().map_or(f64::NAN, part));
            [shot.at].into_iter().chain(numbers).collect::<Vec<f64>>()
        };
        let columns = [
            "time",
            "nc1",
            "nc1_traces",
            "equinorm",
            "equinorm_w",
            "equiangle",
            "equiangle_w",
            "max_angle",
            "max_angle_w",
            "nc3",
            "nc4",
        ];
        vec![Array {
            name: "metrics".into(),
            shape: vec![whole.len(), columns.len()],
            values: whole.iter().flat_map(row).collect(),
            columns: columns.map(String::from).to_vec(),
        }]
    }
}

/// Four decimals, or two digits of a small one.
fn number(value: f64) -> String {
    if 0.0 < value && value < 1e-3 { format!("{value:.1e}") } else { format!("{value:.4}") }
}

/// One number, or from where to where.
fn span(low: f64, high: f64) -> String {
    if number(low) == number(high) { format!("{} of", number(low)) } else { format!("{} to {} of", number(low), number(high)) }
}

/// What the network says, where there is one: means over the runs.
fn beside(runs: &Runs) -> String {
    let of = |name| runs.mean(name);
    let (drop, traces, dual) = (of("network_layer_drop"), of("network_traces_ratio"), of("network_self_duality_ratio"));
    let mut text = String::new();
    if drop.is_finite() {
        text = format!(" Network: from hidden layer 1 to 2, NC1~ falls {drop:.1}-fold (claim: 5)");
        text += &match traces.is_finite() {
            true => {
                format!("; of NC1~ at an error of 1 %, {traces:.2} is left at the end (claim: 0.5), and {dual:.2} of NC3 (0.75).")
            }
            false => "; its error did not reach 1 %.".to_string(),
        };
    }
    let layer = of("layer_nc1_ratio");
    if layer.is_finite() {
        text += &format!(" Of its first layer's NC1 the model leaves {layer:.3}; there the formula is only a guide.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::controls::Controls as _;

    fn run(controls: &Controls, seed: u64) -> NeuralCollapse {
        let library = Library::shipped(NeuralCollapse::CARD.data);
        let mut run = NeuralCollapse::new(controls, seed, &library).unwrap();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    /// The measures of several seeds, on two threads.
    fn runs(controls: &Controls, seeds: &[u64]) -> Vec<Measures> {
        let half = |seeds: &[u64]| seeds.iter().map(|seed| run(controls, *seed).measures()).collect::<Vec<_>>();
        let (first, second) = seeds.split_at(seeds.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| half(second));
            let mut all = half(first);
            all.extend(other.join().unwrap());
            all
        })
    }

    #[test]
    fn features_in_the_vicinity_contract_as_the_formula_says() {
        let runs = runs(&Controls::default(), &[0, 1, 2, 100, 101, 102, 103, 104]);
        assert_eq!(NeuralCollapse::verdict(&runs).holds, Some(true), "{:?}", NeuralCollapse::verdict(&runs));
        for measures in &runs {
            assert!((0.1110..0.1145).contains(&measures.get("nc1_ratio")), "{measures:?}");
            let gap = measures.get("traces_ratio") - measures.get("first_order_traces_ratio");
            assert!(gap.abs() < 0.005, "{measures:?}");
            assert!(measures.get("path_end") < 0.7 * measures.get("path_start"), "{measures:?}");
        }
    }

    #[test]
    fn frozen_features_do_not_collapse() {
        let runs = runs(&Controls { beta: 1e4, ..Controls::default() }, &[0, 1, 2]);
        assert!(least(&runs, "nc1_ratio") >= 0.999 && most(&runs, "nc1_ratio") <= 1.0);
        assert_eq!(NeuralCollapse::verdict(&runs).holds, Some(false));
    }

    /// Other λ's and β's, and where theory must fail.
    #[test]
    fn the_formula_has_its_range() {
        let base = Controls::default();
        for (controls, expected) in [
            (Controls { beta: 0.1, ..base.clone() }, 1.0 / 121.0),
            (Controls { lambda_h: 2e-2, ..base.clone() }, 0.04),
            (Controls { lambda_w: 2e-2, ..base.clone() }, 0.25),
            (Controls { classes: 10, ..base.clone() }, 1.0 / 9.0),
            (Controls { classes: 2, ..base.clone() }, 1.0 / 9.0),
        ] {
            let ratio = run(&controls, 0).measures().get("nc1_ratio");
            assert!((ratio / expected - 1.0).abs() < 0.05, "{controls:?}: {ratio}");
        }
        let far = run(&Controls { noise: 1.0, ..base.clone() }, 0).measures();
        assert!(far.get("nc1_ratio") > 0.2 && NeuralCollapse::verdict(&[far]).holds == Some(false));
        let free = run(&Controls { beta: 0.0, ..base }, 0).measures();
        assert!(free.get("nc1_ratio") < 1e-9 && NeuralCollapse::verdict(&[free]).holds == Some(true));
    }

    /// The same given features, one λ fourfold, β near its default: NC1 falls with λ_H and rises with λ_W, NC1~ falls with both.
    #[test]
    fn the_two_variabilities_disagree_on_the_classifier() {
        let sweep = run(&Controls::default(), 0).sweep.unwrap();
        let of = |which| sweep.left(which).find(|dot| (0.3..0.6).contains(&dot.0)).unwrap();
        let (same, by_h, by_w) = (of(Fourfold::Neither), of(Fourfold::LambdaH), of(Fourfold::LambdaW));
        let nc1 = [by_h.1 / same.1 - 1.0, by_w.1 / same.1 - 1.0];
        let traces = [by_h.2 / same.2 - 1.0, by_w.2 / same.2 - 1.0];
        assert!((-0.06..-0.02).contains(&nc1[0]) && (0.02..0.07).contains(&nc1[1]), "{nc1:?}");
        assert!((-0.02..0.0).contains(&traces[0]) && (-0.07..-0.02).contains(&traces[1]), "{traces:?}");
    }

    #[test]
    fn free_features_collapse_or_vanish() {
        let base = Controls { act: Act::Collapse, ..Controls::default() };
        let measures = run(&base, 0).measures();
        let largest = ["free_nc1", "free_max_angle", "free_self_duality"].map(|name| measures.get(name));
        assert!(largest.iter().all(|value| *value < 1e-5), "{largest:?}");
        for act in [Act::Collapse, Act::Vicinity] {
            let run = run(&Controls { act, lambda_h: 1.5, lambda_w: 1.0, ..base.clone() }, 0);
            let verdict = NeuralCollapse::verdict(&[run.measures()]);
            assert!(verdict.holds.is_none() && verdict.text.contains("vanish"), "{verdict:?}");
            assert!(run.film.shots.last().unwrap().collapse.is_none());
            assert!(matches!(Experiment::view(&run, 3), View::Table(_)));
        }
    }

    /// Means over five seeds; without weight decay self-duality does not improve, though NC1~ still halves.
    #[test]
    fn a_network_collapses_and_weight_decay_makes_it_self_dual() {
        let controls = Controls { act: Act::Network, ..Controls::default() };
        let seeds = [0, 1, 2, 3, 4];
        let with = runs(&controls, &seeds);
        assert!(mean(&with, "network_traces_ratio") <= 0.5, "{}", mean(&with, "network_traces_ratio"));
        assert!(mean(&with, "network_layer_drop") >= 5.0, "{}", mean(&with, "network_layer_drop"));
        assert!(mean(&with, "network_self_duality_ratio") <= 0.75, "{}", mean(&with, "network_self_duality_ratio"));
        let without = runs(&Controls { weight_decay: 0.0, ..controls.clone() }, &seeds);
        assert!(mean(&without, "network_self_duality_ratio") >= 0.85, "{}", mean(&without, "network_self_duality_ratio"));
        assert!(mean(&without, "network_traces_ratio") <= 0.6, "{}", mean(&without, "network_traces_ratio"));
        assert!(mean(&without, "network_traces") > 1.7 * mean(&with, "network_traces"));
        let entropy = run(&Controls { loss: Loss::CrossEntropy, ..controls }, 0).measures();
        assert!(entropy.get("network_traces") > 0.2, "{entropy:?}");
    }

    #[test]
    fn the_networks_first_layer_can_be_the_given_features() {
        let run = run(&Controls { base: Base::FirstLayer, ..Controls::default() }, 0);
        let measures = run.measures();
        assert!((0.3..0.9).contains(&measures.get("layer_nc1_ratio")), "{measures:?}");
        assert!((0.3..1.0).contains(&measures.get("layer_traces_ratio")), "{measures:?}");
        let traces: Vec<f64> = run.film.shots.iter().map(|shot| shot.collapse.unwrap().variability.traces).collect();
        assert_eq!(traces.len(), PATH_STEPS / 2 + 1);
        assert!(traces.windows(2).all(|pair| pair[1] < pair[0]), "NC1~ falls along the path from there too");
    }

    #[test]
    fn dragging_sets_beta() {
        let controls = Controls::default();
        let moved = NeuralCollapse::pointer(&controls, 3, (0.012_345, 0.3)).unwrap();
        assert_eq!(moved.beta, 0.012);
        assert_eq!(NeuralCollapse::pointer(&controls, 3, (1e9, 0.3)).unwrap().beta, 1e4);
        assert!(NeuralCollapse::pointer(&controls, 1, (1.0, 1.0)).is_none());
        assert!(Controls::SPECS.iter().any(|spec| spec.parse("0.012").is_ok() && spec.name == "beta"));
    }
}
