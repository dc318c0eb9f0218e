//! The loss landscape of a network trained on the spot: its loss over a plane through weight space, and how far to believe it.
//!
//! Reference: Li, Xu, Taylor, Studer, Goldstein 2018. A plane is θ* + a·d + b·e; what one sees depends on d and e. Multiplying a
//! ReLU layer by 3 and dividing the next by 3 gives other weights θ′ of the same function. With directions scaled neuron by neuron
//! to the weights ("filter normalisation") θ and θ′ show the same picture; with plain random directions they do not.
//! Claim of trust: along a filter-normalised direction the losses of θ and θ′ differ by at most 1 % of their range.

mod own;
mod pictures;
mod problem;

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::controls::Options;
use ground::error::Error;
use ground::random::Random;
use ground::view::View;
use methods::connect::Curve;
use methods::lanczos::Lanczos;
use methods::model::{Hidden, Model, Room};
use methods::nn::Loss;
use methods::optimize::{First, Optimizer};
use methods::plane::{Plane, Scaling, principal, random_direction_with};
use methods::spectrum::power_iteration;
use methods::training::{Recipe, Training, evaluate, hessian_product};
use own::{Checkpoints, Own};
use problem::{Drawing, Kind, Problem, Shape, Task};
use run::data::{Array, Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::kernels::loss_grid;
use run::transition::Progress;

run::instrument!(Landscape);

ground::choice! {
    /// How the plane is chosen.
    pub enum Through {
        Filter => "random, filter-normalised",
        Layer => "random, layer-normalised",
        Plain => "random, plain",
        Path => "principal components of the path",
        Top => "top two Hessian eigenvectors",
        Ends => "top and bottom Hessian eigenvectors",
        Solutions => "three solutions",
        Curve => "two solutions and a learned curve",
    }
}

ground::choice! {
    /// What the map's height is.
    pub enum Height {
        Loss => "loss",
        LogLoss => "log loss",
        Test => "test loss",
        Accuracy => "test accuracy",
        Curvature => "non-convexity",
    }
}

ground::choice! {
    /// The line of the profile.
    pub enum Along {
        First => "the first direction",
        Second => "the second direction",
        Walk => "start to end of training",
        Bridge => "solution to solution",
    }
}

ground::choice! {
    /// Points a side of the finest grid.
    pub enum Detail { Coarse => "17", Middle => "33", Fine => "65", Finest => "129" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        plane: Choice(Through) = Through::Filter, "", "which two directions are shown; each shows something else";
        reach: Log(0.05, 5.0) = 1.0, "r", "how far to look: 1 is as long as the weights, the path, or from solution to solution";
        height: Choice(Height) = Height::Loss, "", "the logarithm shows the floor of the valley; non-convexity is |λ_min/λ_max|, 0 where it is a bowl, over 17 points a side";
        along: Choice(Along) = Along::First, "", "the line that the profiles run along";
        detail: Choice(Detail) = Detail::Fine, "", "points a side of the map; it is refined from 9";
        biases: Toggle() = false, "", "random directions move biases and normalisations as well, each scaled to its own length";
        rescaled: Toggle() = false, "", "the twin in the network's place: other weights, the same function, another picture?";
        problem: Choice(Problem) = Problem::Moons, "", "what the network learns";
        noise: Real(0.0, 0.5) = 0.15, "σ", "of points: more, and the classes overlap";
        wrong: Real(0.0, 0.5) = 0.0, "ρ", "share of wrong training labels: a network that is wide enough learns even those, at the end of a steep valley";
        samples: LogCount(100, 10000) = 1000, "n", "training images (9,500 of MNIST at most: 500 are for tests), or samples of your own";
        plane_samples: LogCount(50, 2000) = 500, "m", "training samples that the pictures are taken over; fewer: sooner there, and rougher";
        network: Choice(Kind) = Kind::Dense, "", "skips lead around pairs of layers (three or more), or around the second convolution";
        depth: Count(1, 8) = 2, "L", "hidden layers of a network without convolutions; deeper: steeper walls";
        width: LogCount(4, 256) = 16, "h", "units a layer, or filters (16 at most); wider: rounder valleys";
        normalised: Toggle() = false, "", "batch normalisation: the scale of a layer's weights no longer matters to the loss";
        activation: Choice(Hidden) = Hidden::Relu, "", "smooth activations, smooth landscapes";
        loss: Choice(Loss) = Loss::CrossEntropy, "", "cross-entropy flattens out as the weights grow, the squared error does not";
        optimizer: Choice(First) = First::Momentum, "", "who walks";
        step_size: Log(0.001, 1.0) = 0.05, "η", "larger: only flat places hold it; the sharpness stays under 2/η. Rules that divide by the size of each slope take a tenth, Adadelta twenty times";
        batch: LogCount(8, 512) = 64, "b", "smaller: a noisier walk";
        weight_decay: LogZero(0.00001, 0.1) = 0.0, "λ", "pulls the weights to zero";
        epochs: LogCount(5, 300) = 60, "", "how long it walks";
        probe_a: Real(-1.0, 1.0) = 0.0, "a", "where on the map the probe stands, from the left edge (−1) to the right (1); or drag it";
        probe_b: Real(-1.0, 1.0) = 0.0, "b", "the same from the lower edge to the upper";
        drawn: Text(1200) = "-0.8 0.1 1; -0.4 0.7 1; 0.2 0.8 1; 0.6 0.3 1; -0.2 -0.1 2; 0.1 -0.7 2; 0.7 -0.8 2; 1.1 -0.2 2", "", "problem drawn by hand: places and classes; or drag the pen in the picture of the network";
        pen: Count(1, 4) = 1, "", "the class that the pen draws";
    }
}

/// The first grid's cells a side; each finer one halves them.
const COARSEST: usize = 8;
/// Points of a profile.
const PROFILE: usize = 61;
/// Products for the spectrum, from each of two random starts.
const LANCZOS: usize = 32;
/// Products for the ends of the spectrum at one place of the map.
const LOCAL: usize = 10;
/// Steps of the learned curve.
const BENDS: usize = 600;
/// Multiplications of one slice, and of all samples together in a product with the Hessian.
const SLICE: usize = 3_000_000;
const PRODUCT: usize = 3_000_000;
/// The factor between the network and its twin of the same function.
const TWIN: f32 = 3.0;

/// What is left to do, in the order in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Train,
    Directions,
    Profile,
    Grid,
    Spectrum,
    Over,
}

/// A run.
pub struct Landscape {
    controls: Controls,
    seed: u64,
    task: Task,
    /// The walk on show, and for a plane through solutions the others.
    walks: Vec<Training>,
    /// The reader's checkpoints, which take the place of training.
    given: Option<Checkpoints>,
    /// The reader's loss grid, which takes the place of the map.
    grid_of_own: Option<Vec<[f64; 3]>>,
    /// There is nothing of the reader's but that grid, and no run.
    grid_alone: bool,
    stage: Stage,
    done: usize,
    of: usize,
    /// λ at some epochs, and its direction.
    sharpness: (Vec<f64>, Vec<f64>),
    sharpest: Vec<f64>,
    lanczos: [Lanczos; 2],
    curve: Option<Curve>,
    bends: usize,
    plane: Option<Plane>,
    /// Heights on the finest grid, row by row; NaN where not computed.
    grid: Vec<f32>,
    /// What computes many places at once, once it is known whether it pays.
    kernel: Option<loss_grid::Kernel>,
    tried: bool,
    /// The step of the grid that is being filled, and the next place in it.
    stride: usize,
    next: usize,
    /// Losses and accuracies on the line, of training and test samples, the twin's loss, and the loss on the learned curve.
    profile: Profile,
    /// vᵀHv along the two directions, made orthonormal, and the gradient.
    curvatures: Vec<f64>,
    gradient: Vec<f64>,
    room: Room,
}

/// What the profiles show, place by place.
#[derive(Clone, Debug, Default)]
struct Profile {
    train: Vec<(f64, f64)>,
    test: Vec<(f64, f64)>,
    twin: Vec<f64>,
    curve: Vec<f64>,
}

fn length(v: &[f32]) -> f64 {
    v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

fn minus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

impl Controls {
    /// What the optimizer takes of the step size: less where a step does not grow with the gradient, in every weight alone; Adadelta
    /// finds its own length.
    fn stride(&self) -> f64 {
        match self.optimizer {
            First::Momentum | First::Gradient | First::Nesterov | First::Normalised | First::AdaGradNorm => self.step_size,
            First::AdaDelta => 20.0 * self.step_size,
            _ => 0.1 * self.step_size,
        }
    }

    /// Where a quadratic stops being stable, for the rules that have such a place.
    fn edge(&self) -> Option<f64> {
        self.optimizer.rule().stable_below(self.stride())
    }

    fn cells(&self) -> usize {
        let wanted = [16, 32, 64, 128][self.detail as usize];
        // A spectrum at every place is a hundred times dearer than a loss.
        if self.height == Height::Curvature { wanted.min(16) } else { wanted }
    }

    fn walks(&self) -> usize {
        match self.plane {
            Through::Solutions => 3,
            Through::Curve => 2,
            _ => 1,
        }
    }

    /// All that the walks depend on.
    fn walk(&self) -> Controls {
        let shown = Controls::default();
        Controls {
            plane: if self.walks() > 1 { self.plane } else { shown.plane },
            reach: shown.reach,
            biases: shown.biases,
            height: shown.height,
            along: shown.along,
            detail: shown.detail,
            rescaled: shown.rescaled,
            probe_a: shown.probe_a,
            probe_b: shown.probe_b,
            pen: shown.pen,
            ..self.clone()
        }
    }

    /// The ends of the map in units of the two directions.
    fn window(&self) -> (f64, f64) {
        let r = self.reach;
        if self.walks() > 1 { (0.5 - 0.9 * r, 0.5 + 0.9 * r) } else { (-r, r) }
    }

    fn contradiction(&self) -> Result<()> {
        if self.along == Along::Bridge && self.walks() == 1 {
            let text =
                "along: from solution to solution needs a plane through solutions; choose 'three solutions' or the learned curve";
            return Err(Error::new(text));
        }
        Ok(())
    }
}

impl Landscape {
    /// The network on show: at the end of its walk, or its twin.
    fn network(&self) -> Model {
        let end = &self.walks[0].network;
        if self.controls.rescaled { end.twin(TWIN).unwrap_or_else(|| end.clone()) } else { end.clone() }
    }

    /// The walk of the network on show.
    fn path(&self) -> Vec<Vec<f32>> {
        let walk = &self.walks[0];
        if !self.controls.rescaled || walk.network.twin(TWIN).is_none() {
            return walk.path.clone();
        }
        let twin = |theta: &Vec<f32>| walk.network.with(theta.clone()).twin(TWIN).expect("as its end").theta().to_vec();
        walk.path.iter().map(twin).collect()
    }

    fn cost(&self) -> usize {
        self.walks[0].network.cost().max(1)
    }

    /// The training samples of the plane.
    fn samples(&self) -> (&[f32], &[u8]) {
        let task = &self.task.samples;
        let n = task.y.len().min(self.controls.plane_samples);
        (&task.x[..n * task.features], &task.y[..n])
    }

    /// The test samples of the plane.
    fn tests(&self) -> (&[f32], &[u8]) {
        let task = &self.task.samples;
        let n = task.test_y.len().min(self.samples().1.len());
        (&task.test_x[..n * task.features], &task.test_y[..n])
    }

    /// The training samples of the Hessian.
    fn few(&self) -> (&[f32], &[u8]) {
        let (x, y) = self.samples();
        let n = y.len().min((PRODUCT / self.cost()).max(32));
        (&x[..n * self.task.samples.features], &y[..n])
    }

    /// Training has left the numbers, or what the reader brought has no finite loss.
    fn diverged(&self) -> bool {
        let lost = |walk: &Training| {
            walk.loss.last().is_some_and(|loss| !loss.is_finite()) || walk.network.theta().iter().any(|t| !t.is_finite())
        };
        self.walks.iter().any(lost)
    }

    /// Why there is no picture of the network, if there is none.
    fn no_network(&self) -> Option<&'static str> {
        if self.grid_alone {
            Some("Your loss grid is in the map: no network to see.")
        } else if self.stage == Stage::Over && self.diverged() {
            Some(match self.given {
                None => "The training diverged: try a smaller step_size.",
                Some(_) => "Your last checkpoint has no finite loss.",
            })
        } else {
            None
        }
    }

    fn scaling(&self) -> Option<Scaling> {
        match self.controls.plane {
            Through::Filter => Some(Scaling::Filter),
            Through::Layer => Some(Scaling::Layer),
            Through::Plain => Some(Scaling::None),
            _ => None,
        }
    }

    fn wants_eigenvectors(&self) -> bool {
        matches!(self.controls.plane, Through::Top | Through::Ends)
    }

    /// The ends of the profile.
    fn stretch(&self) -> (f64, f64) {
        if matches!(self.controls.along, Along::Walk | Along::Bridge) { (-0.25, 1.25) } else { self.controls.window() }
    }

    fn place(&self, i: usize) -> f64 {
        let (low, high) = self.controls.window();
        low + (high - low) * i as f64 / self.controls.cells() as f64
    }

    fn product_of(&self, network: &Model, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (x, y) = self.few();
        hessian_product(network, self.controls.loss, x, y, v)
    }

    /// One batch of every walk; after some epochs, one look at the sharpness instead. Or one of the reader's checkpoints.
    fn train(&mut self) {
        let all = self.given.as_ref().map_or(self.controls.epochs, |given| given.path.len());
        let epochs = self.walks[0].epochs();
        let every = (all / 30).max(1);
        if epochs.is_multiple_of(every) && self.sharpness.0.last() != Some(&(epochs as f64)) {
            let mut direction = std::mem::take(&mut self.sharpest);
            let steps = if epochs == 0 { 12 } else { 4 };
            let network = self.walks[0].network.clone();
            let value = power_iteration(&mut direction, steps, |v, out| out.copy_from_slice(&self.product_of(&network, v).1));
            self.sharpest = direction;
            self.sharpness.0.push(epochs as f64);
            self.sharpness.1.push(value);
            return;
        }
        if let Some(given) = &self.given {
            let walk = &mut self.walks[0];
            walk.network = walk.network.with(given.path[epochs].clone());
            let network = walk.network.clone();
            let mut room = std::mem::take(&mut self.room);
            let (x, y) = self.samples();
            let loss = evaluate(&network, self.controls.loss, x, y, &mut room).0;
            self.room = room;
            self.walks[0].loss.push(loss);
        } else {
            for walk in &mut self.walks {
                walk.step(&self.task.samples);
            }
        }
        if self.walks[0].epochs() == all {
            self.stage = if self.diverged() { Stage::Over } else { Stage::Directions };
        }
    }

    /// One product for the eigenvectors, some steps of the learned curve, or the plane at once.
    fn directions(&mut self) {
        if self.wants_eigenvectors() && self.lanczos[0].steps() < LANCZOS && !self.lanczos[0].exhausted() {
            let image = self.product_of(&self.network(), self.lanczos[0].next()).1;
            self.lanczos[0].step(image);
            return;
        }
        let theta = self.network().theta().to_vec();
        if self.controls.plane == Through::Curve && self.bends < BENDS {
            let network = self.network();
            let other = self.walks[1].network.theta().to_vec();
            let (loss, batch) = (self.controls.loss, self.controls.batch);
            let random = Random::new(self.seed, "curve");
            let curve = self.curve.get_or_insert_with(|| Curve::new([theta, other], loss, 0.02, batch, random));
            for _ in 0..(SLICE / (3 * batch * network.cost()).max(1)).clamp(1, BENDS - self.bends) {
                curve.step(&network, &self.task.samples, &mut self.room);
                self.bends += 1;
            }
            return;
        }
        let path = self.path();
        let (first, second) = match self.controls.plane {
            Through::Solutions => (minus(self.walks[1].network.theta(), &theta), minus(self.walks[2].network.theta(), &theta)),
            Through::Curve => {
                let curve = self.curve.as_ref().expect("it has been bent");
                (minus(&curve.ends[1], &theta), minus(&curve.bend, &theta))
            }
            Through::Path => {
                let [first, second] = principal(&path, &theta).directions;
                // As long as the path's start is far, so that reach 1 shows all of it.
                let far = length(&minus(&path[0], &theta)) as f32;
                (first.iter().map(|d| d * far).collect(), second.iter().map(|d| d * far).collect())
            }
            Through::Top | Through::Ends => {
                let ritz = self.lanczos[0].ritz();
                let top = ritz.values.len() - 1;
                let other = if self.controls.plane == Through::Top { top.saturating_sub(1) } else { 0 };
                let scale = 0.5 * length(&theta);
                let direction = |i| self.lanczos[0].vector(&ritz, i).iter().map(|v| (scale * v) as f32).collect();
                (direction(top), direction(other))
            }
            _ => (self.random_direction(&self.network(), "first"), self.random_direction(&self.network(), "second")),
        };
        self.plane = Some(Plane { centre: theta, first, second });
        self.stage = Stage::Profile;
    }

    fn random_direction(&self, network: &Model, which: &str) -> Vec<f32> {
        let scaling = self.scaling().unwrap_or(Scaling::Filter);
        let others = if self.controls.biases { network.others() } else { Vec::new() };
        random_direction_with(network.theta(), &network.neurons(), &others, scaling, &mut Random::new(self.seed, which))
    }

    /// Places that fit into a slice.
    fn share(&self, samples: usize) -> usize {
        (SLICE / (samples * self.cost()).max(1)).max(1)
    }

    /// The weights at a place of the profile's line.
    fn on_line(&self, plane: &Plane, t: f64) -> Vec<f32> {
        let between = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + t as f32 * (b - a)).collect();
        match self.controls.along {
            Along::First => plane.at(t, 0.0),
            Along::Second => plane.at(0.0, t),
            Along::Walk => between(&self.path()[0], &plane.centre),
            Along::Bridge => between(&plane.centre, self.walks[1].network.theta()),
        }
    }

    fn profile(&mut self) {
        let plane = self.plane.take().expect("directions come first");
        let (low, high) = self.stretch();
        let network = self.network();
        let twin = if self.scaling().is_some() && self.controls.along == Along::First { network.twin(TWIN) } else { None };
        let twin_direction = twin.as_ref().map(|twin| self.random_direction(twin, "first"));
        let mut room = std::mem::take(&mut self.room);
        let loss = self.controls.loss;
        for _ in 0..self.share(4 * self.samples().1.len()) {
            let i = self.profile.train.len();
            if i == PROFILE {
                self.stage = Stage::Grid;
                break;
            }
            let t = low + (high - low) * i as f64 / (PROFILE - 1) as f64;
            let at = network.with(self.on_line(&plane, t));
            let ((x, y), (test_x, test_y)) = (self.samples(), self.tests());
            let train = evaluate(&at, loss, x, y, &mut room);
            let test = evaluate(&at.frozen(x), loss, test_x, test_y, &mut room);
            let twins = twin.as_ref().zip(twin_direction.as_ref()).map(|(twin, direction)| {
                let theta = twin.theta().iter().zip(direction).map(|(c, d)| c + t as f32 * d).collect();
                evaluate(&twin.with(theta), loss, x, y, &mut room).0
            });
            let bent = self.curve.as_ref().filter(|_| self.controls.along == Along::Bridge);
            // The curve ends where the solutions are.
            let on = (0.0..=1.0).contains(&t);
            let bent =
                bent.map(|curve| if on { evaluate(&network.with(curve.at(t)), loss, x, y, &mut room).0 } else { f64::NAN });
            self.profile.train.push(train);
            self.profile.test.push(test);
            self.profile.twin.extend(twins);
            self.profile.curve.extend(bent);
        }
        (self.plane, self.room) = (Some(plane), room);
    }

    /// The map's height at a place.
    fn height(&self, network: &Model, room: &mut Room) -> f64 {
        let ((x, y), (test_x, test_y)) = (self.samples(), self.tests());
        match self.controls.height {
            Height::Loss | Height::LogLoss => evaluate(network, self.controls.loss, x, y, room).0,
            Height::Test => evaluate(&network.frozen(x), self.controls.loss, test_x, test_y, room).0,
            Height::Accuracy => evaluate(&network.frozen(x), self.controls.loss, test_x, test_y, room).1,
            Height::Curvature => {
                let mut lanczos = Lanczos::random(network.theta().len(), &mut Random::new(self.seed, "local"));
                while lanczos.steps() < LOCAL && !lanczos.exhausted() {
                    let image = self.product_of(network, lanczos.next()).1;
                    lanczos.step(image);
                }
                let values = lanczos.ritz().values;
                let (low, high) = (values[0].min(0.0), values[values.len() - 1].max(0.0));
                if high > 0.0 { (-low / high).min(10.0) } else { f64::NAN }
            }
        }
    }

    /// The kernel, where the map's height is one that it computes and it is faster here.
    async fn prepare(&mut self, device: &Device) {
        self.tried = true;
        let network = self.network();
        let plain = matches!(self.controls.height, Height::Loss | Height::LogLoss);
        if let (Model::Dense(dense), Some(gpu), true) = (&network, device.gpu(), plain) {
            let (x, y) = self.samples();
            if let Some(kernel) = loss_grid::Kernel::new(gpu, dense, self.controls.loss, x, y)
                && kernel.pays(&network, self.controls.loss, x, y).await
            {
                self.kernel = Some(kernel);
            }
        }
    }

    /// Some places of the grid that is being filled; what coarser grids computed stays.
    async fn fill(&mut self, device: &Device) {
        if !self.tried {
            self.prepare(device).await;
        }
        let cells = self.controls.cells();
        let side = cells / self.stride + 1;
        let dear =
            if self.controls.height == Height::Curvature { 60 * LOCAL * self.few().1.len() } else { self.samples().1.len() };
        let many = if self.kernel.is_some() { loss_grid::BATCH } else { self.share(dear) };
        let mut slots = Vec::new();
        while slots.len() < many && self.next < side * side {
            let slot = self.next / side * self.stride * (cells + 1) + self.next % side * self.stride;
            if self.grid[slot].is_nan() {
                slots.push(slot);
            }
            self.next += 1;
        }
        let plane = self.plane.as_ref().expect("directions come first");
        let settings: Vec<Vec<f32>> =
            slots.iter().map(|slot| plane.at(self.place(slot % (cells + 1)), self.place(slot / (cells + 1)))).collect();
        let on_gpu = match &self.kernel {
            Some(kernel) => kernel.losses(&settings).await.ok(),
            None => None,
        };
        let heights = on_gpu.unwrap_or_else(|| {
            // There is no GPU, or none any more.
            self.kernel = None;
            let (network, mut room) = (self.network(), std::mem::take(&mut self.room));
            let heights = settings.into_iter().map(|theta| self.height(&network.with(theta), &mut room)).collect();
            self.room = room;
            heights
        });
        for (slot, height) in slots.into_iter().zip(heights) {
            // A number that is none stays none: a minimum would take the other.
            self.grid[slot] = if height.is_nan() { f32::NAN } else { height.min(f64::from(f32::MAX)) as f32 };
        }
        if self.next == side * side {
            (self.stride, self.next) = (self.stride / 2, 0);
            if self.stride == 0 {
                (self.stride, self.stage) = (1, Stage::Spectrum);
            }
        }
    }

    /// One product: for the curvature along the two directions, then for the spectrum from both starts.
    fn spectrum(&mut self) {
        let plane = self.plane.as_ref().expect("directions come first");
        let network = self.network();
        if self.curvatures.len() < 2 {
            let double = |v: &[f32]| v.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (d, mut e) = (double(&plane.first), double(&plane.second));
            let v = if self.curvatures.is_empty() {
                d
            } else {
                let along = dot(&d, &e) / dot(&d, &d).max(f64::MIN_POSITIVE);
                e.iter_mut().zip(&d).for_each(|(e, d)| *e -= along * d);
                e
            };
            let (gradient, image) = self.product_of(&network, &v);
            self.curvatures.push(dot(&v, &image) / dot(&v, &v).max(f64::MIN_POSITIVE));
            self.gradient = gradient;
            return;
        }
        let open = self.lanczos.iter().position(|l| l.steps() < LANCZOS && !l.exhausted());
        let Some(which) = open else {
            self.stage = Stage::Over;
            return;
        };
        let image = self.product_of(&network, self.lanczos[which].next()).1;
        self.lanczos[which].step(image);
    }

    /// The largest difference between the network's and its twin's profile, as a share of the profile's range.
    fn difference(&self) -> f64 {
        let Profile { train, twin, .. } = &self.profile;
        if twin.len() < PROFILE {
            return f64::NAN;
        }
        if train.iter().map(|v| v.0).chain(twin.iter().copied()).any(|v| !v.is_finite()) {
            return f64::NAN;
        }
        let range = train.iter().fold(0.0f64, |m, v| m.max(v.0)) - train.iter().fold(f64::INFINITY, |m, v| m.min(v.0));
        train.iter().zip(twin).map(|(a, b)| (a.0 - b).abs()).fold(0.0, f64::max) / range
    }

    /// Where the probe stands in the plane.
    fn probe(&self) -> (f64, f64) {
        let (low, high) = self.controls.window();
        let at = |share: f64| 0.5 * (low + high) + 0.5 * (high - low) * share;
        (at(self.controls.probe_a), at(self.controls.probe_b))
    }

    /// The network at the probe, its normalisations frozen.
    fn at_probe(&self) -> Model {
        let (a, b) = self.probe();
        let network = self.network();
        let at = self.plane.as_ref().map(|plane| network.with(plane.at(a, b))).unwrap_or(network);
        at.frozen(self.samples().0)
    }

    /// The share of the walk's squared length, seen from its end, that the plane holds.
    fn path_share(&self, plane: &Plane) -> f64 {
        let (mut inside, mut all) = (0.0, 0.0);
        for theta in &self.path() {
            let offset = minus(theta, &plane.centre);
            let squared = length(&offset) * length(&offset);
            if squared > 0.0 {
                inside += plane.share(&offset) * squared;
                all += squared;
            }
        }
        inside / all
    }

    /// From the walks on: everything that the controls of the plane decide.
    fn look_around(&mut self) {
        let size = self.walks[0].network.theta().len();
        let start = |name: &str| Lanczos::random(size, &mut Random::new(self.seed, name));
        self.lanczos = [start("lanczos"), start("second lanczos")];
        let cells = self.controls.cells();
        self.grid = vec![f32::NAN; (cells + 1) * (cells + 1)];
        (self.stride, self.next) = (cells / COARSEST, 0);
        (self.kernel, self.tried) = (None, false);
        (self.plane, self.profile) = (None, Profile::default());
        (self.curvatures, self.gradient) = (Vec::new(), Vec::new());
        let samples = self.samples().1.len();
        let profile = PROFILE.div_ceil(self.share(4 * samples));
        self.of = self.done + profile + (cells + 1) * (cells + 1) / self.share(samples) + 2 * LANCZOS + 10;
        if self.stage != Stage::Train {
            self.stage = Stage::Directions;
        }
    }
}

run::views! { Landscape, Controls:
    surface "The loss over the plane" "The walk of training, projected; drag the probe, or lift the map into three dimensions." => view_0, dragged: drag_0;
    profile "Loss along a line" "Dashed, the twin of the same function: does it see the same valley?" => view_1;
    accuracy "Accuracy along the same line" "The loss climbs long before the first sample is taken for another class." => view_2;
    decision "The network at the probe" "Drag the probe uphill and see what the network forgets." => view_3, dragged: drag_3;
    training "Loss and sharpness" "The rule is where a quadratic stops being stable under this step. At the edge of stability (a preset) the sharpness climbs over it, the loss leaps, and the sharpness falls back under it; at the default it stays far below." => view_4;
    spectrum "The Hessian's spectrum" "A heap at zero, where nothing bends, and a few large eigenvalues." => view_5;
    readings "How far to believe it" "Most planes hold next to nothing of the walk and the gradient." => view_6;
}

impl Landscape {
    async fn step(&mut self, device: &Device) -> Result<Progress> {
        match self.stage {
            Stage::Train => self.train(),
            Stage::Directions => self.directions(),
            Stage::Profile => self.profile(),
            Stage::Grid => self.fill(device).await,
            Stage::Spectrum => self.spectrum(),
            Stage::Over => {}
        }
        self.done += 1;
        if self.stage == Stage::Over {
            return Ok(Progress { done: self.done, of: self.done });
        }
        // How many slices there are is a fair guess until it is known.
        self.of = self.of.max(self.done + 1);
        Ok(Progress { done: self.done, of: self.of })
    }

    fn view(&self, which: usize) -> View {
        self.picture(which)
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        let (low, high) = controls.window();
        let share = |v: f64| ((2.0 * v - low - high) / (high - low) * 1000.0).round().clamp(-1000.0, 1000.0) / 1000.0;
        match which {
            0 => Some(Controls { probe_a: share(at.0), probe_b: share(at.1), ..controls.clone() }),
            3 if controls.problem == Problem::Drawn => {
                let mut drawing = Drawing::parse(&controls.drawn).ok()?;
                let place = [at.0, at.1].map(|v| (v.clamp(-1.5, 1.5) * 100.0).round() / 100.0);
                let near = drawing.0.iter().any(|([x, y], _)| (x - place[0]).abs() + (y - place[1]).abs() < 0.15);
                if near || drawing.0.len() >= 60 {
                    return None;
                }
                drawing.0.push((place, controls.pen as u8 - 1));
                Some(Controls { drawn: drawing.text(), ..controls.clone() })
            }
            _ => None,
        }
    }

    fn view_0(&self) -> View {
        self.view(0)
    }

    fn drag_0(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        Self::pointer(controls, 0, at)
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

    fn view_5(&self) -> View {
        self.view(5)
    }

    fn view_6(&self) -> View {
        self.view(6)
    }
}

impl Experiment for Landscape {
    const CARD: Card = Card {
        slug: "landscape",
        title: "Loss landscape",
        paper: Paper::new(
            "Visualizing the Loss Landscape of Neural Nets",
            "Hao Li, Zheng Xu, Gavin Taylor, Christoph Studer, Tom Goldstein",
            2018,
        ),
        claim: "Along a filter-normalised random direction, a ReLU network and its rescaled twin of the same function show the same loss, to 1 % of its range.",
        reproduction: Reproduction::AsClaimed,
        honesty: "A plane is two directions out of hundreds: filter normalisation removes one way in which it can deceive, the scale of the weights, and no other; the readings say how much of the walk, the gradient and the curvature the plane holds.",
        seeds: 3,
        unit: "slice",
        presets: &[
            Preset::holds("default", "A filter-normalised plane around the end of training", &[]),
            Preset::gone(
                "break-it",
                "Plain random directions: the twin of the same function shows another valley",
                &[("plane", "random, plain")],
            ),
            Preset::open("the walk", "The plane that holds most of the walk", &[("plane", "principal components of the path")]),
            Preset::open(
                "curvature",
                "The two directions of largest curvature",
                &[("plane", "top two Hessian eigenvectors"), ("reach", "0.5")],
            ),
            Preset::open(
                "saddle",
                "Most upward and most downward curvature",
                &[("plane", "top and bottom Hessian eigenvectors"), ("reach", "0.5")],
            ),
            Preset::open(
                "three solutions",
                "Three trainings from three starts, and the hills between them",
                &[("plane", "three solutions"), ("height", "log loss")],
            ),
            Preset::open(
                "a bridge",
                "Two solutions, the hill on the straight way, and a learned way around it",
                &[("plane", "two solutions and a learned curve"), ("along", "solution to solution"), ("height", "log loss")],
            ),
            Preset::open(
                "edge of stability",
                "Gradient descent on all samples with a large step: the sharpness climbs over 2/η, the loss leaps, the sharpness falls back",
                &[
                    ("optimizer", "SGD"),
                    ("batch", "512"),
                    ("activation", "tanh"),
                    ("loss", "squared error"),
                    ("step_size", "0.5"),
                    ("epochs", "300"),
                ],
            ),
            Preset::open(
                "non-convex",
                "How far each place is from a bowl",
                &[("height", "non-convexity"), ("activation", "tanh"), ("reach", "2")],
            ),
            Preset::open(
                "convolutions",
                "Two convolutions with batch normalisation and a skip, on digits",
                &[
                    ("network", "convolutional with skips"),
                    ("problem", "digits"),
                    ("normalised", "on"),
                    ("width", "8"),
                    ("epochs", "10"),
                    ("detail", "33"),
                    ("plane_samples", "200"),
                ],
            ),
            Preset::open(
                "drawn",
                "Points of your own: drag the pen in the picture of the network",
                &[("problem", "drawn by hand"), ("noise", "0.08")],
            ),
            Preset::open(
                "digits",
                "A network on handwritten digits",
                &[("problem", "digits"), ("width", "32"), ("epochs", "20")],
            ),
        ],
        data: &[Dataset::Digits, Dataset::Mnist],
        own_data: Some(
            "Samples with labels (csv with a column label, or arrays x and y), checkpoints of a fully connected network (npz or safetensors: one file with a leading axis, or files in order), or a loss grid (rows, or arrays, of x, y and loss).",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        controls.contradiction()?;
        let own = Own::of(library.own())?;
        let drawing = Drawing::parse(&controls.drawn)?;
        let amounts = (controls.noise, controls.wrong, controls.samples);
        let task = Task::new(controls.problem, &drawing, amounts, own.samples.as_ref(), (seed, library))?;
        let shape = Shape {
            kind: controls.network,
            depth: controls.depth,
            width: controls.width,
            hidden: controls.activation,
            normalised: controls.normalised,
        };
        let fresh = |name: &str| match &own.checkpoints {
            Some(given) => given.network(controls.activation, &task),
            None => shape.network(&task, &mut Random::new(seed, name)),
        };
        let walk = |name: &str| {
            let network = fresh(name)?;
            let recipe = Recipe {
                loss: controls.loss,
                optimizer: Optimizer::new(controls.optimizer.rule(), controls.stride(), network.theta().len()),
                decay: controls.weight_decay,
                batch: controls.batch,
            };
            Ok(Training::new(network, recipe, task.samples.y.len(), Random::new(seed, "batches")))
        };
        let mut walks = ["weights", "second weights", "third weights"][..controls.walks()]
            .iter()
            .map(|name| walk(name))
            .collect::<Result<Vec<Training>>>()?;
        if let Some(given) = &own.checkpoints {
            if controls.walks() > given.path.len() {
                return Err(Error::new(format!(
                    "plane: {} needs {} checkpoints, and {} has {}",
                    controls.plane.name(),
                    controls.walks(),
                    given.file,
                    given.path.len()
                )));
            }
            given.moves_for(controls.plane)?;
            // Of checkpoints, the last ones are the solutions.
            for (walk, theta) in walks.iter_mut().zip(given.path.iter().rev()) {
                walk.network = walk.network.with(theta.clone());
            }
            walks[0].path = given.path.clone();
        }
        let size = walks[0].network.theta().len();
        let start = |name: &str| Lanczos::random(size, &mut Random::new(seed, name));
        let mut run = Landscape {
            controls: controls.clone(),
            seed,
            task,
            walks,
            grid_alone: own.grid.is_some() && own.checkpoints.is_none() && own.samples.is_none(),
            given: own.checkpoints,
            grid_of_own: own.grid,
            stage: Stage::Train,
            done: 0,
            of: 0,
            sharpness: (Vec::new(), Vec::new()),
            sharpest: start("sharpest").next().to_vec(),
            lanczos: [start("lanczos"), start("second lanczos")],
            curve: None,
            bends: 0,
            plane: None,
            grid: Vec::new(),
            kernel: None,
            tried: false,
            stride: 1,
            next: 0,
            profile: Profile::default(),
            curvatures: Vec::new(),
            gradient: Vec::new(),
            room: Room::default(),
        };
        run.look_around();
        let n = run.task.samples.y.len();
        let steps = match &run.given {
            Some(given) => given.path.len() + given.path.len() / (given.path.len() / 30).max(1),
            None => controls.epochs * n.div_ceil(controls.batch.min(n)) + controls.epochs / (controls.epochs / 30).max(1),
        };
        run.of += steps;
        if run.grid_alone {
            run.stage = Stage::Over;
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
        if self.grid_alone {
            return ground::measures! { own_grid: 1 };
        }
        let mut room = Room::default();
        let (x, y) = self.tests();
        let (loss, accuracy) = evaluate(&self.walks[0].network.frozen(self.samples().0), self.controls.loss, x, y, &mut room);
        ground::measures! {
            twin_difference: self.difference(),
            test_loss: loss,
            test_accuracy: accuracy,
            path_share: self.plane.as_ref().map_or(f64::NAN, |plane| self.path_share(plane)),
            top_eigenvalue: self.sharpness.1.last().copied().unwrap_or(f64::NAN),
            diverged: self.diverged() as u8,
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (worst, best) = (runs.most("twin_difference"), runs.least("twin_difference"));
        let diverged = runs.iter().filter(|run| run.get("diverged") > 0.0).count();
        let text = if runs.iter().any(|run| run.get("own_grid") > 0.0) {
            "Your loss grid is drawn as it is; the claim is about a network and its twin.".into()
        } else if diverged > 0 {
            format!(
                "{} the loss became no finite number: a smaller control step_size would be right, or other checkpoints.",
                if runs.len() == 1 { "Here".into() } else { format!("In {diverged} of {} runs", runs.len()) }
            )
        } else if worst.is_nan() {
            "The twin of the same function is known for ReLU and normalised networks, along the first of two random directions, if the loss changes there."
                .into()
        } else if runs.len() == 1 {
            format!("The losses of the network and of its twin differ by {:.2} % of their range.", 100.0 * worst)
        } else {
            format!(
                "The losses of the network and of its twin differ by {:.2} to {:.2} % of their range.",
                100.0 * best,
                100.0 * worst
            )
        };
        Verdict::at_most(worst, 0.01, text)
    }

    fn results(&self) -> Vec<Array> {
        let side = self.controls.cells() + 1;
        let table = |name: &str, columns: &[&str], values: Vec<f64>| Array {
            name: name.into(),
            shape: vec![values.len() / columns.len(), columns.len()],
            values,
            columns: columns.iter().map(|c| c.to_string()).collect(),
        };
        let rows = (0..side * side).filter(|i| !self.grid[*i].is_nan());
        let grid = rows.flat_map(|i| [self.place(i % side), self.place(i / side), f64::from(self.grid[i])]).collect();
        let places = self.plane.iter().flat_map(|plane| self.path().into_iter().map(|theta| plane.place(&theta)));
        let weights = self.path();
        let weights = Array {
            name: "weights".into(),
            shape: vec![weights.len(), weights[0].len()],
            values: weights.into_iter().flatten().map(f64::from).collect(),
            columns: Vec::new(),
        };
        vec![
            table("loss-grid", &["x", "y", "loss"], grid),
            table("walk", &["x", "y"], places.flat_map(|(a, b)| [a, b]).collect()),
            weights,
        ]
        .into_iter()
        .filter(|array| !array.values.is_empty())
        .collect()
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        let stands = |given: &Checkpoints| given.moves_for(controls.plane).is_err();
        if self.controls.walk() != controls.walk() || controls.contradiction().is_err() || self.given.as_ref().is_some_and(stands)
        {
            return false;
        }
        let probe_only = Controls {
            probe_a: self.controls.probe_a,
            probe_b: self.controls.probe_b,
            pen: self.controls.pen,
            ..controls.clone()
        } == self.controls;
        self.controls = controls.clone();
        if !probe_only && self.no_network().is_none() {
            self.look_around();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(controls: &Controls, library: &Library) -> Landscape {
        let mut run = Landscape::new(controls, 0, library).unwrap();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    #[test]
    fn the_map_is_the_loss_at_its_places() {
        let run = over(&Controls { epochs: 5, plane: Through::Top, ..Controls::default() }, &Library::default());
        let (plane, mut room, (x, y)) = (run.plane.as_ref().unwrap(), Room::default(), run.samples());
        let mut loss = |network: &Model| evaluate(network, Loss::CrossEntropy, x, y, &mut room).0 as f32;
        for slot in [0, 7, 2112, 4000, 4224] {
            let theta = plane.at(run.place(slot % 65), run.place(slot / 65));
            assert_eq!(run.grid[slot], loss(&run.network().with(theta)));
        }
        // The middle of the map is the trained network.
        assert_eq!(run.grid[32 * 65 + 32], loss(&run.network()));
    }

    #[test]
    fn eigenvector_planes_have_the_curvature_of_their_eigenvalues() {
        let run = over(
            &Controls { epochs: 20, plane: Through::Ends, activation: Hidden::Tanh, ..Controls::default() },
            &Library::default(),
        );
        let ritz = run.lanczos[0].ritz();
        let (low, high) = (ritz.values[0], ritz.values[ritz.values.len() - 1]);
        // The directions are kept in single precision.
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6 * high;
        assert!(near(run.curvatures[0], high) && near(run.curvatures[1], low), "{:?}, {low} {high}", run.curvatures);
        assert!(low < 0.0, "{low}");
    }

    /// A network so small that ten products span all of its seven weights' space.
    #[test]
    fn non_convexity_is_the_ratio_of_the_spectrums_ends() {
        let controls =
            Controls { height: Height::Curvature, detail: Detail::Coarse, activation: Hidden::Tanh, ..Controls::default() };
        let array = |name: &str, shape: &[usize], values: &[f64]| Array {
            name: format!("small.npz/{name}"),
            shape: shape.into(),
            values: values.into(),
            columns: Vec::new(),
        };
        let small = vec![
            array("0.weight", &[1, 2], &[0.7, -1.2]),
            array("0.bias", &[1], &[0.3]),
            array("1.weight", &[2, 1], &[0.9, -0.4]),
            array("1.bias", &[2], &[0.1, -0.2]),
        ];
        let run = over(&controls, &Library::default().with_own(small));
        let (network, size) = (run.network(), run.network().theta().len());
        assert_eq!(size, 7);
        // The whole Hessian, column by column.
        let column = |i: usize| {
            let unit: Vec<f64> = (0..size).map(|j| f64::from(u8::from(i == j))).collect();
            run.product_of(&network, &unit).1
        };
        let hessian = nalgebra::DMatrix::from_fn(size, size, |i, j| column(j)[i]);
        let values = ((&hessian + hessian.transpose()) * 0.5).symmetric_eigenvalues();
        let ratio = (-values.min()).max(0.0) / values.max();
        let centre = run.height(&network, &mut Room::default());
        assert!(ratio > 0.01 && (centre - ratio).abs() < 1e-10, "{centre} {ratio}");
        assert_eq!(run.grid[8 * 17 + 8], centre as f32);
    }

    /// A linear network under the squared error is a quadratic, and numbers of few binary digits are exact in single precision: the
    /// surface, the curvatures and the spectrum are closed forms.
    #[test]
    fn a_quadratic_is_exact_from_end_to_end() {
        let array = |name: &str, shape: &[usize], values: Vec<f64>| Array {
            name: name.into(),
            shape: shape.into(),
            values,
            columns: Vec::new(),
        };
        // Inputs of mean 0 and deviation 1, which stay what they are; a fifth is for tests, 64 are left.
        let x: Vec<f64> = (0..80).flat_map(|i| [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]][i % 4]).collect();
        let y = (0..80).map(|i| f64::from(u8::from(i % 4 == 0 || i % 16 == 1))).collect();
        // W (outputs × inputs) and b on three checkpoints: the last, and two that differ from it by 2 in a weight and by 1 in a bias.
        let (w, b) = ([0.5, -0.25, 1.0, 0.75], [0.25, -0.5]);
        let weights = [[w[0], w[1] + 2.0, w[2], w[3]], w, w].concat();
        let biases = [b, [b[0], b[1] + 1.0], b].concat();
        let own = vec![
            array("line.npz/weight", &[3, 2, 2], weights),
            array("line.npz/bias", &[3, 2], biases),
            array("samples.npz/x", &[80, 2], x),
            array("samples.npz/y", &[80], y),
        ];
        let controls = Controls { plane: Through::Path, loss: Loss::Squared, ..Controls::default() };
        let run = over(&controls, &Library::default().with_own(own));
        let (x, y) = run.samples();
        assert_eq!(y.len(), 64);
        let loss = |w: [f64; 4], b: [f64; 2]| {
            let of = |(x, label): (&[f32], &u8)| {
                let x = [f64::from(x[0]), f64::from(x[1])];
                let error =
                    |k: usize| w[2 * k] * x[0] + w[2 * k + 1] * x[1] + b[k] - f64::from(u8::from(usize::from(*label) == k));
                0.5 * (error(0) * error(0) + error(1) * error(1))
            };
            x.chunks_exact(2).zip(y).map(of).sum::<f64>() / 64.0
        };
        // The first direction is the weight, the second the bias, both as long as the walk: 2. Signs are free.
        let plane = run.plane.as_ref().unwrap();
        let sign = |direction: &[f32]| direction.iter().map(|d| f64::from(*d)).sum::<f64>() / 2.0;
        let (first, second) = (sign(&plane.first), sign(&plane.second));
        assert_eq!((first.abs(), second.abs()), (1.0, 1.0));
        for slot in 0..65 * 65 {
            let (p, q) = (2.0 * first * run.place(slot % 65), 2.0 * second * run.place(slot / 65));
            let there = loss([w[0], w[1] + p, w[2], w[3]], [b[0], b[1] + q]);
            assert!((f64::from(run.grid[slot]) - there).abs() < 1e-10, "{slot}: {} {there}", run.grid[slot]);
        }
        // H is the second moment of (x, 1), once for each output.
        let moment = |i: usize, j: usize| {
            let entry = |x: &[f32], i: usize| if i < 2 { f64::from(x[i]) } else { 1.0 };
            x.chunks_exact(2).map(|x| entry(x, i) * entry(x, j)).sum::<f64>() / 64.0
        };
        assert!((run.curvatures[0] - moment(1, 1)).abs() < 1e-10 && (run.curvatures[1] - moment(2, 2)).abs() < 1e-10);
        let mut dense: Vec<f64> = nalgebra::DMatrix::from_fn(3, 3, moment).symmetric_eigenvalues().iter().copied().collect();
        dense.sort_by(f64::total_cmp);
        for lanczos in &run.lanczos {
            let ritz = lanczos.ritz();
            assert_eq!(ritz.values.len(), 3, "each eigenvalue is there twice, and a Krylov space sees it once");
            assert!(ritz.values.iter().zip(&dense).all(|(a, b)| (a - b).abs() < 1e-10), "{:?} {dense:?}", ritz.values);
            for (k, value) in ritz.values.iter().enumerate() {
                let v = lanczos.vector(&ritz, k);
                let image = run.product_of(&run.network(), &v).1;
                assert!(v.iter().zip(&image).all(|(v, h)| (h - value * v).abs() < 1e-10));
            }
        }
    }

    #[test]
    fn a_training_that_diverges_is_no_proof() {
        for plane in [Through::Filter, Through::Plain] {
            let controls = Controls { step_size: 1.0, depth: 8, width: 64, epochs: 5, plane, ..Controls::default() };
            let run = over(&controls, &Library::default());
            let verdict = Landscape::verdict(&[run.measures()]);
            assert_eq!(verdict.holds, None);
            assert!(verdict.text.contains("control step_size"), "{}", verdict.text);
            assert!(matches!(run.view(0), View::Table(_)));
        }
    }

    #[test]
    fn the_probe_stays_on_the_map() {
        let controls = Controls { plane: Through::Curve, reach: 0.3, probe_a: -0.5, probe_b: 1.0, ..Controls::default() };
        let run = Landscape::new(&controls, 0, &Library::default()).unwrap();
        let (low, high) = controls.window();
        let (a, b) = run.probe();
        assert!((a - (0.75 * low + 0.25 * high)).abs() < 1e-12 && (b - high).abs() < 1e-12);
        assert_eq!(Landscape::pointer(&controls, 0, (a, b)).unwrap(), controls);
    }

    #[test]
    fn one_checkpoint_has_no_path() {
        let state = [("weight", vec![2usize, 2], 4), ("bias", vec![2], 2)];
        let one: Vec<Array> = state
            .into_iter()
            .map(|(name, shape, n)| Array { name: format!("one.npz/{name}"), shape, values: vec![0.5; n], columns: Vec::new() })
            .collect();
        let library = Library::default().with_own(one);
        let says = |plane| Landscape::new(&Controls { plane, ..Controls::default() }, 0, &library).err().map(|e| e.to_string());
        assert_eq!(says(Through::Filter), None);
        assert!(says(Through::Path).unwrap().ends_with("and one.npz has one alone"));
    }

    #[test]
    fn every_kind_of_network_has_its_twin() {
        for (network, normalised, activation) in [
            (Kind::Dense, false, Hidden::Relu),
            (Kind::Dense, true, Hidden::Tanh),
            (Kind::Residual, false, Hidden::Relu),
            (Kind::Skips, true, Hidden::Gelu),
        ] {
            let library = Library::shipped(&[Dataset::Digits]);
            let problem = if network == Kind::Skips { Problem::Digits } else { Problem::Moons };
            let controls = Controls {
                network,
                normalised,
                activation,
                problem,
                epochs: 5,
                depth: 3,
                width: 8,
                samples: 200,
                detail: Detail::Coarse,
                ..Controls::default()
            };
            let run = over(&controls, &library);
            assert!(run.difference() < 1e-3, "{} {}", network.name(), run.difference());
        }
    }

    #[test]
    fn checkpoints_of_the_readers_take_the_place_of_training() {
        let mut library = Library::default();
        let trained = over(&Controls { epochs: 5, ..Controls::default() }, &library);
        let sizes = [2, 16, 16, 2];
        let path = &trained.walks[0].path;
        let array = |name: &str, shape: &[usize], from: usize| {
            let size: usize = shape.iter().product();
            let values = path.iter().flat_map(|theta| theta[from..from + size].iter().map(|w| f64::from(*w))).collect();
            Array { name: format!("walk.npz/{name}"), shape: [&[6], shape].concat(), values, columns: Vec::new() }
        };
        let (mut arrays, mut from) = (Vec::new(), 0);
        for (l, pair) in sizes.windows(2).enumerate() {
            arrays.push(array(&format!("{l}.kernel"), pair, from));
            arrays.push(array(&format!("{l}.bias"), &pair[1..], from + pair[0] * pair[1]));
            from += (pair[0] + 1) * pair[1];
        }
        library = library.with_own(arrays);
        let shown = over(&Controls { epochs: 5, ..Controls::default() }, &library);
        assert_eq!(shown.network().theta(), trained.network().theta());
        assert_eq!(shown.grid, trained.grid);
        assert_eq!(shown.path(), trained.path());
        let wrong = Landscape::new(&Controls { problem: Problem::Blobs, ..Controls::default() }, 0, &library);
        assert!(wrong.err().unwrap().to_string().starts_with("walk.npz: a network from 2 numbers to 2 classes"));
    }

    #[test]
    fn the_pen_adds_places() {
        let controls = Controls { problem: Problem::Drawn, pen: 2, ..Controls::default() };
        let moved = Landscape::pointer(&controls, 3, (-1.204, -0.9)).unwrap();
        assert!(moved.drawn.ends_with("; -1.20 -0.90 2"), "{}", moved.drawn);
        assert!(Landscape::pointer(&moved, 3, (-1.2, -0.95)).is_none(), "the pen has not gone far");
        assert!(Landscape::pointer(&Controls::default(), 3, (0.0, 0.0)).is_none());
        let task = over(&Controls { epochs: 5, detail: Detail::Coarse, ..moved }, &Library::default()).task;
        assert_eq!((task.classes, task.points.len()), (2, 500));
    }

    #[test]
    fn loss_grids_of_the_readers_are_drawn() {
        let values = vec![0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 3.0, 1.0, 1.0, 4.0];
        let grid = Array { name: "grid.csv".into(), shape: vec![4, 3], values, columns: Vec::new() };
        let library = Library::default().with_own(vec![grid]);
        let run = Landscape::new(&Controls::default(), 0, &library).unwrap();
        let View::HeatMap(map) = run.view(0) else { panic!("a heat map") };
        assert_eq!((map.columns, map.values.as_slice()), (2, [1.0, 2.0, 3.0, 4.0].as_slice()));
        assert!(matches!(run.view(1), View::Table(_)) && Landscape::verdict(&[run.measures()]).holds.is_none());
    }
}
