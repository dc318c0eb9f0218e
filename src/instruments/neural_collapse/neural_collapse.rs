//! Neural collapse, on networks of many kinds and on the reader's own features.
//!
//! Paper: Papyan, Han & Donoho 2020. Past zero training error the last hidden layer's features h of each class fall onto their mean
//! h̄_k (NC1), the means around their own mean h_G become a simplex (NC2), the classifier's rows become the means up to scale (NC3),
//! and the classifier decides as the nearest mean does (NC4).
//! Claim: between the first moment without a training error and the end, NC1~ = Tr Σ_W/Tr Σ_B falls to half or less and NC3 falls too.
//! Beside the networks: features that are free, where the end is known in closed form, or tied to given ones.

mod pictures;

use nalgebra::DMatrix;

use gpu::Device;
use ground::claim::{Measures, Runs, Verdict};
use ground::error::{Error, Result};
use ground::random::Random;
use ground::view::View;
use methods::neural_collapse::free::{Descent, Problem, Relaxation};
use methods::neural_collapse::learner::Learner;
use methods::neural_collapse::models::FeaturesModel;
use methods::neural_collapse::projection::Projection;
use methods::neural_collapse::training::{Decay, Recipe, Slice, Tested, Training, late_tenth};
use methods::neural_collapse::{Classifier, Collapse, Further, Layer, Means, cosines};
use methods::nn::{Activation, Loss, Network, Start};
use methods::optimize::{First, Schedule};
use run::data::classes::{Classes, Source};
use run::data::features::Features;
use run::data::{Array, Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

run::instrument!(NeuralCollapse);

ground::choice! {
    /// What is trained.
    pub enum Model { Dense => "dense network", Convolutional => "convolutional network", Free => "free features" }
}

ground::choice! {
    /// What is to be told apart.
    pub enum Data { Blobs => "blobs", Gratings => "gratings", Digits => "digits", Mnist => "MNIST" }
}

ground::choice! {
    /// How the learning rate changes.
    pub enum Rate { Constant => "constant", Tenth => "a tenth at the end", Step => "in steps", Cosine => "cosine" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        model: Choice(Model) = Model::Dense, "", "what is trained; free features are the theory's model: no layers below, nothing to generalise";
        data: Choice(Data) = Data::Digits, "", "what the networks learn; the larger K, the more corners";
        classes: Count(2, 10) = 4, "K", "the simplex has K corners: segment, triangle, tetrahedron, …";
        per_class: Count(10, 200) = 100, "n", "training samples a class";
        imbalance: Log(1.0, 100.0) = 1.0, "R", "the later half of the classes gets R times fewer samples: their directions close up";
        noise: Real(0.0, 0.5) = 0.0, "", "share of wrong training labels: to be learned by heart before anything collapses";
        loss: Choice(Loss) = Loss::Squared, "", "cross-entropy collapses far more slowly at this size";
        smoothing: Real(0.0, 0.5) = 0.0, "ε", "label smoothing: margins stop growing, classes tighten sooner";
        lambda_h: LogZero(1e-5, 1.0) = 0.0, "λ_H", "decay of the last features";
        lambda_w: LogZero(1e-5, 1.0) = 2e-3, "λ_W", "decay of the classifier's weights; with 0 everywhere NC3 stays behind";
        lambda_b: LogZero(1e-5, 1.0) = 2e-3, "λ_b", "decay of the classifier's bias: the means' mean may leave the origin";
        decay: LogZero(1e-5, 0.1) = 2e-3, "λ", "decay of all layers below";
        tie: LogZero(1e-3, 1e3) = 0.0, "β", "free features only: strength of the tie to given features";
        optimizer: Choice(First) = First::Momentum, "", "how parameters move; rules that divide by the size of each slope, as Adam, want a smaller η";
        rate: Log(1e-4, 1.0) = 0.05, "η", "learning rate; free features: in units of one over the curvature, ten steps an epoch";
        schedule: Choice(Rate) = Rate::Tenth, "", "a smaller rate at the end takes the noise of the batches away";
        batch: LogCount(8, 256) = 50, "", "samples a batch";
        epochs: LogCount(10, 1000) = 200, "", "passes over the training set; collapse needs many after the last error";
        layers: Count(1, 5) = 3, "", "hidden layers of the dense network";
        width: LogCount(8, 128) = 64, "d", "features of the last hidden layer, and of the others of the dense network";
    }
}

/// Steps an epoch of free features, and dimensions a class.
const STEPS: usize = 10;
const DIMENSIONS: usize = 2;
/// Features of a class that are shown.
const SHOWN: usize = 40;
/// Measurements of a training.
const MEASUREMENTS: usize = 100;

/// What is watched.
enum Subject {
    Network(Box<Training>),
    Free { descent: Box<Descent>, epoch: usize, rate: fn(usize, usize) -> f64 },
    Own { features: Box<Features>, next: usize },
}

/// What was measured at one moment.
struct Row {
    at: f64,
    error: f64,
    layers: Vec<Layer>,
    collapse: Collapse,
    further: Further,
    test: Option<Tested>,
}

/// What there is to see of the last moment. Lengths are in units of the centred means' root mean square.
struct Present {
    /// Centred means (d×K), and the classifier's rows, one a column, as long all in all.
    centred: DMatrix<f64>,
    rows: Option<DMatrix<f64>>,
    /// The nearest simplex, in the directions of the picture (3×K).
    simplex: DMatrix<f64>,
    /// Some features of every class around h_G, in the same directions.
    features: Vec<Vec<[f32; 3]>>,
    /// How many pairs of features of different classes have a cosine in each fortieth of −1..=1.
    angles: [u32; BINS],
}

const BINS: usize = 40;

/// How much of NC1 is left after a disturbance of the free optimum, λ_H by λ_W.
struct Map {
    classes: usize,
    seed: u64,
    cells: Vec<f32>,
    /// The cell in work.
    run: Option<Relaxation>,
    /// The largest difference of ln NC1 from theory, relative to it.
    gap: f64,
}

impl Map {
    const SIDE: usize = 16;
    const DECADES: (f64, f64) = (-3.0, 0.0);
    const TIME: f64 = 1.0;

    /// λ_H and λ_W in the middle of a cell.
    fn place(cell: usize) -> (f64, f64) {
        let at = |i: usize| {
            let (low, high) = Self::DECADES;
            libm::pow(10.0, low + (high - low) * (i as f64 + 0.5) / Self::SIDE as f64)
        };
        (at(cell % Self::SIDE), at(cell / Self::SIDE))
    }

    fn model(&self) -> FeaturesModel {
        let (lambda_h, lambda_w) = Self::place(self.cells.len());
        let k = self.classes;
        FeaturesModel { classes: k, per_class: 4, lambda_h, lambda_w: k as f64 * lambda_w }
    }

    fn whole(&self) -> bool {
        self.cells.len() == Self::SIDE * Self::SIDE
    }

    /// Part of a cell, or a cell.
    fn advance(&mut self) {
        if self.whole() {
            return;
        }
        let model = self.model();
        let (d, seed) = (self.classes + 1, self.seed);
        let fresh = || Relaxation::new(model.clone(), d, Self::TIME, &mut Random::new(seed, "disturbance"));
        // A step costs as d·K·n.
        let steps = (40_000 / (d * self.classes * 4 * self.classes)).clamp(2, 200);
        if let Some(left) = self.run.get_or_insert_with(fresh).advance(steps) {
            let theory = Relaxation::theory(&model, Self::TIME);
            if theory > 1e-8 {
                self.gap = self.gap.max((libm::log(left) / libm::log(theory) - 1.0).abs());
            }
            self.cells.push(left as f32);
            self.run = None;
        }
    }
}

/// A run.
pub struct NeuralCollapse {
    controls: Controls,
    subject: Subject,
    /// What the classes are called.
    classes: Vec<String>,
    log: Vec<Row>,
    present: Present,
    projection: Projection,
    map: Map,
    over: bool,
}

fn rate(schedule: Rate) -> fn(usize, usize) -> f64 {
    match schedule {
        Rate::Constant => |_, _| 1.0,
        Rate::Tenth => late_tenth,
        Rate::Step => |t, of| Schedule::Step.factor(t, of),
        Rate::Cosine => |t, of| Schedule::Cosine.factor(t, of),
    }
}

impl Controls {
    fn source(&self) -> Source {
        match self.data {
            Data::Blobs => Source::Blobs,
            Data::Gratings => Source::Gratings,
            Data::Digits => Source::Digits,
            Data::Mnist => Source::Mnist,
        }
    }

    fn samples(&self) -> Classes {
        Classes {
            source: self.source(),
            count: self.classes,
            per_class: self.per_class,
            imbalance: self.imbalance,
            noise: self.noise,
        }
    }

    fn training(&self, seed: u64, library: &Library) -> Result<Training> {
        let task = self.samples().draw(seed, library)?;
        let mut random = Random::new(seed, "weights");
        let network: Learner = match self.model {
            Model::Convolutional => Learner::convolutional(self.source().sides(), [8, 12], self.width, self.classes, &mut random),
            _ => {
                let mut sizes = vec![self.width; self.layers + 2];
                (sizes[0], sizes[self.layers + 1]) = (task.features, self.classes);
                Network::new(&sizes, Activation::Relu, Start::Normal { gain: 2.0 }, &mut random).into()
            }
        };
        let recipe = Recipe {
            loss: self.loss,
            smoothing: self.smoothing,
            decay: Decay { features: self.lambda_h, classifier: self.lambda_w, bias: self.lambda_b, below: self.decay },
            rule: self.optimizer.rule(),
            learning_rate: self.rate,
            rate: rate(self.schedule),
            batch: self.batch.min(task.y.len()),
            epochs: self.epochs,
            every: self.epochs.div_ceil(MEASUREMENTS),
            test: true,
        };
        Ok(Training::new(task, network, recipe, Random::new(seed, "batches")))
    }

    fn problem(&self) -> Problem {
        Problem {
            of_class: self.samples().sizes(usize::MAX),
            loss: self.loss,
            smoothing: self.smoothing,
            lambda_h: self.lambda_h,
            lambda_w: self.lambda_w,
            lambda_b: Some(self.lambda_b),
            tie: self.tie,
        }
    }

    /// Free features start, and are tied to, Gaussian class means and as much Gaussian noise.
    fn descent(&self, seed: u64) -> Descent {
        let (problem, mut random) = (self.problem(), Random::new(seed, "free features"));
        let d = DIMENSIONS * self.classes;
        let centres = DMatrix::from_fn(d, self.classes, |_, _| 0.5 * random.normal());
        let labels = problem.labels();
        let given = DMatrix::from_fn(d, labels.len(), |r, i| centres[(r, usize::from(labels[i]))] + 0.5 * random.normal());
        Descent::new(problem, &given, self.optimizer.rule(), &mut random)
    }
}

/// Features with everything that is told by them.
struct Moment<'a> {
    h: &'a DMatrix<f64>,
    labels: &'a [u8],
    means: Means,
    classifier: Option<Classifier>,
}

impl Present {
    fn of(moment: &Moment, projection: &Projection) -> Self {
        let Moment { h, labels, means, classifier } = moment;
        let k = means.centred.ncols();
        let unit = Some(means.centred.norm() / (k as f64).sqrt()).filter(|unit| *unit > 0.0).unwrap_or(1.0);
        let centred = &means.centred / unit;
        let rows = classifier.as_ref().map(|classifier| {
            let rows = classifier.centred();
            let scale = (k as f64).sqrt() / rows.norm();
            rows * scale
        });
        let (mut features, mut around) = (vec![Vec::new(); k], Vec::new());
        for (feature, label) in h.column_iter().zip(*labels) {
            let class = usize::from(*label);
            if features[class].len() < SHOWN {
                let vector = (feature - &means.global) / unit;
                features[class].push(projection.place(vector.iter().copied()).map(|p| p as f32));
                // As many pairs as can be told apart in a histogram.
                if features[class].len() <= (120 / k).max(2) {
                    around.push((class, vector.normalize()));
                }
            }
        }
        let mut angles = [0; BINS];
        for (i, (class, one)) in around.iter().enumerate() {
            for (_, other) in around[..i].iter().filter(|(c, _)| c != class) {
                let cosine = one.dot(other);
                if cosine.is_finite() {
                    angles[(((cosine + 1.0) * 0.5 * BINS as f64) as usize).min(BINS - 1)] += 1;
                }
            }
        }
        Present { simplex: projection.nearest(&centred), centred, rows, features, angles }
    }
}

impl NeuralCollapse {
    /// Takes in a moment, whose row says all but what is seen.
    fn take(&mut self, row: Row, moment: &Moment) -> Result<()> {
        let measurable = row.collapse.variability.traces.is_finite() && row.collapse.self_duality.is_finite();
        // The reader's own numbers are what they are.
        if !measurable && !matches!(self.subject, Subject::Own { .. }) {
            return Err(Error::new(format!(
                "control rate: features or classifier are 0 or no longer finite at epoch {}; a smaller learning rate than {}, or less decay, would be right",
                row.at, self.controls.rate
            )));
        }
        self.log.push(row);
        // New directions are taken rarely, so that the picture does not spin, and at the end.
        if self.log.len().is_power_of_two() || self.over {
            self.projection = Projection::of(&moment.means.centred);
        }
        self.present = Present::of(moment, &self.projection);
        Ok(())
    }

    fn measured(at: f64, error: f64, moment: &Moment) -> Row {
        let Moment { h, labels, means, classifier } = moment;
        let (collapse, further) = match classifier {
            Some(classifier) => (Collapse::of(h, labels, means, classifier), Further::of(h, labels, means, classifier)),
            None => (Collapse::of_features(h, labels, means), Further::of_features(h, means)),
        };
        Row { at, error, layers: vec![collapse.into()], collapse, further, test: None }
    }

    /// One slice of what is watched.
    fn advance(&mut self) -> Result<()> {
        match &mut self.subject {
            Subject::Network(training) => match training.advance() {
                Slice::Going => (),
                Slice::Over => self.over = true,
                Slice::Measured(moment) => {
                    let log = training.log.pop().expect("it has just been measured");
                    self.over = log.epoch == training.epochs();
                    let row = Row {
                        at: log.epoch as f64,
                        error: log.error,
                        layers: log.layers.clone(),
                        collapse: log.collapse,
                        further: log.further,
                        test: log.test.clone(),
                    };
                    training.log.push(log);
                    let labels = training.task.y.clone();
                    let seen =
                        Moment { h: &moment.features, labels: &labels, means: moment.means, classifier: Some(moment.classifier) };
                    self.take(row, &seen)?;
                }
            },
            Subject::Free { descent, epoch, rate } => {
                let of = self.controls.epochs;
                if *epoch > 0 || !self.log.is_empty() {
                    for _ in 0..STEPS {
                        descent.step(self.controls.rate * rate(descent.steps, of * STEPS));
                    }
                    *epoch += 1;
                }
                self.over = *epoch == of;
                if epoch.is_multiple_of(of.div_ceil(MEASUREMENTS)) || self.over {
                    let (h, labels) = (descent.features(), descent.labels().to_vec());
                    let (at, classifier) = (*epoch as f64, descent.classifier());
                    let means = Means::of(&h, &labels, descent.problem.classes());
                    let error = classifier.error(&h, &labels);
                    let moment = Moment { h: &h, labels: &labels, means, classifier: Some(classifier) };
                    self.take(Self::measured(at, error, &moment), &moment)?;
                }
            }
            Subject::Own { features, next } => {
                let (h, labels, at) = (features.at(*next), features.labels.clone(), *next as f64);
                let (means, classifier) = (Means::of(&h, &labels, features.classes.len()), features.classifier(*next));
                *next += 1;
                self.over = *next == features.epochs;
                let moment = Moment { h: &h, labels: &labels, means, classifier };
                let error = moment.classifier.as_ref().map_or(f64::NAN, |c| c.error(&h, &labels));
                self.take(Self::measured(at, error, &moment), &moment)?;
            }
        }
        Ok(())
    }

    /// The first moment without a training error; not for the reader's own features.
    fn zero_error(&self) -> Option<&Row> {
        self.log.iter().find(|row| row.error == 0.0)
    }

    /// The last moment, once it is the end.
    fn end(&self) -> Option<&Row> {
        self.log.last().filter(|_| self.over)
    }

    /// Mean cosine between the classifier's rows of the small classes; NaN where there are not two of them.
    fn minority_cosine(&self) -> f64 {
        let k = self.classes.len();
        let few = k / 2;
        match &self.present.rows {
            Some(rows) if self.controls.imbalance > 1.0 && few > 1 && self.problem().is_some() => {
                let cosines = cosines(rows);
                let pairs = (k - few..k).flat_map(|i| (k - few..i).map(move |j| (i, j)));
                pairs.map(|pair| cosines[pair]).sum::<f64>() / (few * (few - 1) / 2) as f64
            }
            _ => f64::NAN,
        }
    }

    fn epochs(&self) -> usize {
        match &self.subject {
            Subject::Own { features, .. } => features.epochs - 1,
            _ => self.controls.epochs,
        }
    }

    fn problem(&self) -> Option<&Problem> {
        match &self.subject {
            Subject::Free { descent, .. } => Some(&descent.problem),
            _ => None,
        }
    }
}

run::views! { NeuralCollapse, Controls:
    features "Features, means and classifier" "Small dots are samples, large ones class means, arrows the classifier's rows, dashes the nearest simplex. Turn it." => view_0;
    metrics "Distance from collapse" "What falls goes to the simplex. The rule marks the first moment without a training error; everything after it is training for nothing, or so one would think." => view_1;
    gram "Means, classifier, simplex" "Inner products of class means (top left), of the classifier's rows (top right), of rows with means (bottom right), and what all three become at a simplex (bottom left)." => view_2;
    cosines "Angles" "Cosines between samples of different classes, between means, between rows: all move to −1/(K−1)." => view_3;
    depth "From layer to layer" "Each layer leaves less spread within classes than the one below." => view_4;
    layers "Means and answers, layer by layer" "How unequal lengths and angles of the class means are in each layer (NC2), and how often the nearest mean there is not what the network says (NC4). A bar that is missing is 0. NC3 needs the classifier, which only the last layer has." => view_5;
    map "Decay on features and on classifier" "Free features, squared error: what is left of NC1 one unit of time after a small disturbance of the optimum. Lines are theory's: slanted where ½, 10⁻², 10⁻⁴ are left, and the edge where features vanish." => view_6;
    test "Training set and test set" "Do samples that were never seen collapse too? Less; and the classifier still agrees with the nearest mean." => view_7;
    further "Margins, rank and shift" "With free features margins grow to theory's end and the effective rank falls to K − 1. In the network at the default the mean margin only goes from 0.88 to 0.97 after the last error, and the rank stops at 9, above K − 1 = 3." => view_8;
    numbers "All numbers" "Now, at the first moment without an error, and where theory knows the end." => view_9;
}

impl NeuralCollapse {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        self.map.advance();
        if !self.over {
            self.advance()?;
        }
        let epochs = self.epochs();
        let done = match &self.subject {
            Subject::Network(training) => training.epoch().min(epochs),
            Subject::Free { epoch, .. } => *epoch,
            Subject::Own { next, .. } => next - 1,
        };
        Ok(Progress { done: done + usize::from(self.over && self.map.whole()), of: epochs + 1 })
    }

    fn view(&self, which: usize) -> View {
        self.picture(which)
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

    fn view_4(&self) -> View {
        self.view(4)
    }

    fn view_5(&self) -> View {
        self.view(5)
    }

    fn view_6(&self) -> View {
        self.view(6)
    }

    fn view_7(&self) -> View {
        self.view(7)
    }

    fn view_8(&self) -> View {
        self.view(8)
    }

    fn view_9(&self) -> View {
        self.view(9)
    }
}

impl Experiment for NeuralCollapse {
    const CARD: Card = Card {
        slug: "neural-collapse",
        title: "Neural collapse",
        paper: Paper::new(
            "Prevalence of neural collapse during the terminal phase of deep learning training",
            "Vardan Papyan, X. Y. Han, David L. Donoho",
            2020,
        ),
        claim: "Training on after the last training error, the spread within classes NC1~ falls to half or less of what it was then, and classifier and class means come closer to each other (NC3 falls to half or less).",
        reproduction: Reproduction::InPart,
        honesty: "The paper trains large networks on seven image sets with cross-entropy for hundreds of epochs; here small ones learn few classes with the squared error: spread and self-duality collapse, angles and lengths hardly get closer to the simplex after the last error, and with cross-entropy half of the spread or more stays.",
        seeds: 3,
        unit: "epoch",
        presets: &[
            Preset::holds("default", "A dense network learns four digits, and goes on", &[]),
            Preset::gone(
                "break-it",
                "No weight decay anywhere: classifier and means no longer turn to each other",
                &[("lambda_w", "0"), ("lambda_b", "0"), ("decay", "0")],
            ),
            Preset::open(
                "free features",
                "The theory's model: nothing but features and a classifier, and the end is known",
                &[("model", "free features"), ("lambda_h", "0.02"), ("lambda_w", "0.02"), ("rate", "0.5")],
            ),
            Preset::open(
                "tied features",
                "Free features that may not go far from given ones: collapse stops half way",
                &[("model", "free features"), ("lambda_h", "0.02"), ("lambda_w", "0.02"), ("tie", "0.3"), ("rate", "0.5")],
            ),
            Preset::open(
                "minority collapse",
                "Half of the classes have fifty times fewer samples: their directions become one",
                &[
                    ("model", "free features"),
                    ("lambda_h", "0.1"),
                    ("lambda_w", "0.1"),
                    ("imbalance", "50"),
                    ("loss", "cross-entropy"),
                    ("rate", "0.5"),
                ],
            ),
            Preset::open(
                "cross-entropy",
                "The paper's loss: NC3 falls as far, the spread does not",
                &[("loss", "cross-entropy")],
            ),
            Preset::open(
                "smoothed labels",
                "Cross-entropy with label smoothing collapses like the squared error",
                &[("loss", "cross-entropy"), ("smoothing", "0.2")],
            ),
            Preset::open(
                "wrong labels",
                "A fifth of the labels is wrong; with half the decay they are learned by heart, and collapse with the others",
                &[("noise", "0.2"), ("epochs", "800"), ("lambda_w", "0.001"), ("lambda_b", "0.001"), ("decay", "0.001")],
            ),
            Preset::open(
                "ten digits",
                "Ten corners, of which space shows the best three directions",
                &[("classes", "10"), ("lambda_w", "0.001"), ("lambda_b", "0.001"), ("decay", "0.001")],
            ),
            Preset::open(
                "gratings",
                "A convolutional network on textures that no pixel tells apart",
                &[
                    ("model", "convolutional network"),
                    ("data", "gratings"),
                    ("per_class", "50"),
                    ("epochs", "60"),
                    ("batch", "25"),
                ],
            ),
        ],
        data: &[Dataset::Digits, Dataset::Mnist],
        own_data: Some(
            "Features (npy, npz, safetensors or csv, samples × dims) and labels, with classifier weights and bias if you have them; a leading epoch axis gives the whole history.",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let subject = if !library.own().is_empty() {
            Subject::Own { features: Box::new(Features::own(library.own())?), next: 0 }
        } else if controls.model == Model::Free {
            Subject::Free { descent: Box::new(controls.descent(seed)), epoch: 0, rate: rate(controls.schedule) }
        } else {
            Subject::Network(Box::new(controls.training(seed, library)?))
        };
        let classes: Vec<String> = match &subject {
            Subject::Own { features, .. } => features.classes.iter().map(i64::to_string).collect(),
            _ => (0..controls.classes).map(|class| class.to_string()).collect(),
        };
        let nothing = DMatrix::zeros(2, 2);
        let mut run = NeuralCollapse {
            controls: controls.clone(),
            subject,
            classes,
            log: Vec::new(),
            present: Present {
                centred: nothing.clone(),
                rows: None,
                simplex: DMatrix::zeros(3, 2),
                features: Vec::new(),
                angles: [0; BINS],
            },
            projection: Projection::of(&nothing),
            map: Map { classes: controls.classes, seed, cells: Vec::new(), run: None, gap: 0.0 },
            over: false,
        };
        // The first picture.
        while run.log.is_empty() {
            run.advance()?;
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
        let now = self.log.last().expect("there is a first picture");
        let (zero, end) = (self.zero_error(), self.end());
        let since = |part: fn(&Row) -> f64| end.map_or(f64::NAN, part) / zero.map_or(f64::NAN, part);
        let test = |part: fn(&Tested) -> f64| now.test.as_ref().map_or(f64::NAN, part);
        let (c, f) = (&now.collapse, &now.further);
        let minimum = self.problem().and_then(Problem::minimum);
        ground::measures! {
            own: matches!(self.subject, Subject::Own { .. }) as u8,
            over: self.over as u8,
            zero_error_epoch: zero.map_or(f64::NAN, |row| row.at),
            nc1_ratio: since(|row| row.collapse.variability.traces),
            nc3_ratio: since(|row| row.collapse.self_duality),
            nc1: c.variability.nc1, nc1_traces: c.variability.traces,
            equinorm: c.means.equinorm, equiangle: c.means.equiangle, max_angle: c.means.max_angle,
            equinorm_w: c.classifier.equinorm, equiangle_w: c.classifier.equiangle, max_angle_w: c.classifier.max_angle,
            nc3: c.self_duality, nc4: c.mismatch,
            error: now.error, test_error: test(|t| t.error), test_nc1_traces: test(|t| t.collapse.variability.traces),
            margin: f.margin, least_margin: f.least_margin, rank: f.rank, shift: f.shift,
            margin_theory: minimum.map_or(f64::NAN, |m| m.margin),
            minority_cosine: self.minority_cosine(),
            map_gap: if self.map.whole() { self.map.gap } else { f64::NAN },
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let threshold = 0.5;
        let none = |text: String| Verdict { holds: None, outside: true, text, figure: f64::NAN, threshold };
        let number = |name| runs.mean(name);
        if number("own") > 0.0 {
            return none(format!(
                "Your features: NC1~ = {:.3}, means {:.3} from the simplex's angles, NC3 = {:.3}. The claim is about our own runs.",
                number("nc1_traces"),
                number("max_angle"),
                number("nc3"),
            ));
        }
        if runs.least("over") < 1.0 {
            return none("Still in training.".into());
        }
        let (spread, dual) = (runs.most("nc1_ratio"), runs.most("nc3_ratio"));
        let without = runs.iter().filter(|run| run.get("zero_error_epoch").is_nan()).count();
        if without > 0 {
            let begin = if runs.len() == 1 { "There".into() } else { format!("In {without} of {} runs there", runs.len()) };
            return none(format!(
                "{begin} was no moment without a training error (at the end {:.1} % wrong{}): no terminal phase to look at.",
                100.0 * number("error"),
                if runs.len() == 1 { "" } else { " on average" }
            ));
        }
        let text = format!(
            "Since the first epoch without a training error ({:.0} on average) at most {spread:.2} of NC1~ is left and {dual:.2} of NC3 (claim: half or less of each).",
            number("zero_error_epoch"),
        );
        Verdict::at_most(spread, threshold, text).and(dual <= threshold)
    }

    fn results(&self) -> Vec<Array> {
        let columns = pictures::NUMBERS.iter().map(|(name, _)| name.to_string());
        let columns: Vec<String> = ["at".to_string(), "training error".into()].into_iter().chain(columns).collect();
        let row = |row: &Row| {
            [row.at, row.error].into_iter().chain(pictures::NUMBERS.iter().map(|(_, part)| part(row))).collect::<Vec<f64>>()
        };
        let layers = self.log.first().map_or(0, |row| row.layers.len());
        let depth = |row: &Row| row.layers.iter().map(|l| l.variability.traces).collect::<Vec<f64>>();
        // Layer by layer, the training set's numbers, then the test set's.
        let whole = |row: &Row| {
            let numbers = |l: usize, layers: Option<&[Layer]>| {
                pictures::OF_LAYER.map(|(_, part)| layers.map_or(f64::NAN, |layers| part(&layers[l])))
            };
            let of = |l: usize| [numbers(l, Some(&row.layers)), numbers(l, row.test.as_ref().map(|t| &t.layers[..]))].concat();
            (0..layers).flat_map(of).collect::<Vec<f64>>()
        };
        let of_layer = |l: usize| {
            let name = move |set: &str, name: &str| format!("{set}layer {l} {name}");
            let all = |set: &'static str| pictures::OF_LAYER.map(|(number, _)| name(set, number));
            [all(""), all("test ")].concat()
        };
        let by_layer: Vec<String> = (1..=layers).flat_map(of_layer).collect();
        vec![
            Array {
                name: "metrics".into(),
                shape: vec![self.log.len(), columns.len()],
                values: self.log.iter().flat_map(row).collect(),
                columns,
            },
            Array {
                name: "nc1_traces_by_layer".into(),
                shape: vec![self.log.len(), layers],
                values: self.log.iter().flat_map(depth).collect(),
                columns: (1..=layers).map(|l| format!("layer {l}")).collect(),
            },
            Array {
                name: "collapse_by_layer".into(),
                shape: vec![self.log.len(), by_layer.len()],
                values: self.log.iter().flat_map(whole).collect(),
                columns: by_layer,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::data::read;

    fn over(controls: &Controls, seed: u64, library: &Library) -> Result<NeuralCollapse> {
        let mut run = NeuralCollapse::new(controls, seed, library)?;
        while !pollster::block_on(run.step(&Device::cpu()))?.finished() {}
        Ok(run)
    }

    fn run(controls: &Controls, seed: u64) -> NeuralCollapse {
        over(controls, seed, &Library::shipped(NeuralCollapse::CARD.data)).unwrap()
    }

    fn free() -> Controls {
        Controls { model: Model::Free, lambda_h: 0.02, lambda_w: 0.02, rate: 0.5, epochs: 400, ..Controls::default() }
    }

    /// Over five seeds a seventh of the spread and under a third of NC3 are left; without decay more than half, and all.
    #[test]
    fn decay_makes_the_classifier_follow_the_means() {
        let with = Controls::default();
        let without = Controls { lambda_w: 0.0, lambda_b: 0.0, decay: 0.0, ..with.clone() };
        let five = |controls: Controls| (0..5).map(|seed| run(&controls, seed).measures()).collect::<Vec<_>>();
        let (with, without) = std::thread::scope(|scope| {
            let other = scope.spawn(|| five(without));
            (five(with), other.join().unwrap())
        });
        assert!(most(&with, "nc1_ratio") < 0.15 && most(&with, "nc3_ratio") < 0.3, "{with:?}");
        assert!(least(&without, "nc1_ratio") > 0.5 && least(&without, "nc3_ratio") > 0.95, "{without:?}");
        assert!(most(&with, "nc4") == 0.0 && most(&with, "test_error") < 0.02);
        assert_eq!(NeuralCollapse::verdict(&with).holds, Some(true));
        assert_eq!(NeuralCollapse::verdict(&without).holds, Some(false));
    }

    #[test]
    fn free_features_end_where_theory_says() {
        for loss in [Loss::Squared, Loss::CrossEntropy] {
            let run = run(&Controls { loss, ..free() }, 0);
            let measures = run.measures();
            let of = |name| measures.get(name);
            assert!((of("margin") - of("margin_theory")).abs() < 1e-6, "{measures:?}");
            assert!(of("nc1") < 1e-12 && of("max_angle") < 1e-6 && of("nc3") < 1e-6, "{measures:?}");
            assert!((of("rank") - 3.0).abs() < 1e-3 && of("map_gap") < 0.06, "{measures:?}");
        }
        let tied = run(&Controls { tie: 0.3, ..free() }, 0).measures();
        assert!(tied.get("nc1_traces") > 0.1, "{tied:?}");
    }

    /// Two of four classes fifty times smaller: their rows close up from −1/3 on.
    #[test]
    fn small_classes_share_a_direction() {
        let even = Controls { loss: Loss::CrossEntropy, imbalance: 1.01, lambda_h: 0.1, lambda_w: 0.1, ..free() };
        let cosine = |controls: &Controls| run(controls, 0).measures().get("minority_cosine");
        let (alike, apart) = (cosine(&Controls { imbalance: 50.0, ..even.clone() }), cosine(&even));
        assert!((apart + 1.0 / 3.0).abs() < 0.02 && alike > 0.99, "{apart} {alike}");
    }

    #[test]
    fn the_readers_features_are_measured_at_once() {
        let bytes = include_bytes!("../../../tests/fixtures/neural_collapse.npz");
        let mut arrays = read("own.npz", bytes).unwrap();
        let expected = arrays.iter().find(|a| a.name.ends_with("expected")).unwrap().values.clone();
        arrays.retain(|array| !array.name.ends_with("expected"));
        let whole = over(&Controls::default(), 0, &Library::default().with_own(arrays.clone())).unwrap();
        let measures = whole.measures();
        for (name, at) in
            [("nc1", 0), ("nc1_traces", 1), ("equinorm", 2), ("max_angle_w", 7), ("nc3", 8), ("nc4", 9), ("rank", 13)]
        {
            assert!((measures.get(name) - expected[at]).abs() < 1e-10, "{name}: {} and {}", measures.get(name), expected[at]);
        }
        assert!(NeuralCollapse::verdict(&[measures]).holds.is_none());
        // Thrice the features as three epochs, and no classifier.
        arrays.retain(|array| array.name.ends_with("features") || array.name.ends_with("labels"));
        for array in arrays.iter_mut().filter(|array| array.name.ends_with("features")) {
            array.values = array.values.repeat(3);
            array.shape.insert(0, 3);
        }
        let history = over(&Controls::default(), 0, &Library::default().with_own(arrays.clone())).unwrap();
        assert_eq!(history.results()[0].shape, [3, 2 + pictures::NUMBERS.len()]);
        assert!((history.measures().get("nc1") - expected[0]).abs() < 1e-10 && history.measures().get("nc3").is_nan());
        (0..NeuralCollapse::CARD.views.len()).for_each(|which| drop(history.picture(which).encode()));
    }

    #[test]
    fn every_network_learns_from_every_source() {
        for model in [Model::Dense, Model::Convolutional] {
            for data in [Data::Blobs, Data::Gratings, Data::Digits, Data::Mnist] {
                let controls = Controls { model, data, per_class: 20, batch: 10, epochs: 10, width: 16, ..Controls::default() };
                let run = run(&controls, 0);
                let (start, end) = (&run.log[0], run.end().unwrap());
                assert!(end.error < start.error.max(0.1) && end.test.is_some(), "{controls:?}: {} to {}", start.error, end.error);
                assert!(end.collapse.variability.traces.is_finite());
            }
        }
    }

    #[test]
    fn what_flies_apart_is_an_error_of_the_rate() {
        let controls = Controls { rate: 1.0, decay: 0.1, epochs: 20, ..Controls::default() };
        let library = Library::shipped(NeuralCollapse::CARD.data);
        let error = over(&controls, 0, &library).err().expect("it must fly apart").to_string();
        assert!(error.starts_with("control rate: "), "{error}");
    }
}
