//! The loss landscape of a network trained on the spot: its loss over a plane through weight space, and how far to believe it.
//!
//! Reference: Li, Xu, Taylor, Studer, Goldstein 2018. A plane is θ* + a·d + b·e; what one sees depends on d and e. Multiplying a
//! ReLU layer by 3 and dividing the next by 3 gives other weights θ′ of the same function. With directions scaled neuron by neuron
//! to the weights ("filter normalisation") θ and θ′ show the same picture; with plain random directions they do not.
//! Claim of trust: along a filter-normalised direction the losses of θ and θ′ differ by at most 1 % of their range.

#[cfg(test)]
mod bends;
mod checkpoints;
mod controls;
mod curvature;
mod curve;
mod directions;
#[cfg(test)]
mod files;
mod grid;
mod names;
mod own;
mod pictures;
mod problem;
mod profile;
mod spectrum;
#[cfg(test)]
mod tests;
mod train;

use methods::linear::lanczos::Lanczos;
use methods::network::model::{Hidden, Model, Room};
use methods::network::plane::{Plane, Scaling};
use methods::network::training::{Training, evaluate};
use run::kernels::loss_grid::BATCH;
use run::prelude::*;

use checkpoints::Checkpoints;
use controls::{Along, Controls, Height, Through};
use curve::Curve;
use own::{Grid, Own};
use problem::{Drawing, Problem, Shape, Task};
use profile::{PROFILE, Profile};
use spectrum::Spectrum;

run::instrument!(Landscape);

/// The factor between the network and its twin of the same function.
const TWIN: f32 = 3.0;
/// What the claim says of the twins' difference.
const DIFFERENCE: f64 = 0.01;
/// A smaller one is rounding, and not told.
const SEEN: f64 = 1e-4;

/// A difference of losses in words, as a share of their range.
fn difference(share: f64) -> String {
    if share < SEEN { "less than 0.01 %".into() } else { percent(share) }
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
    /// Which parameters are weights of the network: all, but of the reader's checkpoints what they have.
    weights: Vec<usize>,
    /// What the reader's files were taken for.
    understood: Vec<String>,
    /// The reader's loss grid, which takes the place of the map.
    own_grid: Option<Grid>,
    /// There is nothing of the reader's but that grid, and no run.
    grid_alone: bool,
    /// λ at some epochs, or at the checkpoints, and its direction.
    sharpness: Track<1>,
    sharpest: Vec<f64>,
    /// The learned curve between two solutions.
    curve: Option<Curve>,
    scene: Scene,
}

/// What is seen from the end of the walks: all that is computed anew where the plane, the line or the heights are other ones.
struct Scene {
    spectrum: Spectrum,
    plane: Option<Plane>,
    /// The share of the walk that it holds; NaN before it is chosen, and where nothing has moved.
    path_share: f64,
    profile: Profile,
    /// Heights on the finest grid, row by row; NaN where not computed.
    heights: Vec<f32>,
    /// How many of them are computed, in the [order](grid::order) in which the grid is refined.
    computed: usize,
    /// The Hessian's entries between the two directions, made orthonormal, row by row; and the gradient by the weights.
    curvatures: Vec<[f64; 2]>,
    gradient: Vec<f64>,
}

impl Scene {
    /// Nothing is seen yet of a network of so many `weights`.
    fn new(weights: usize, cells: usize, seed: u64) -> Self {
        Scene {
            spectrum: Spectrum::new(weights, Random::new(seed, "lanczos")),
            plane: None,
            path_share: f64::NAN,
            profile: Profile::default(),
            heights: vec![f32::NAN; (cells + 1) * (cells + 1)],
            computed: 0,
            curvatures: Vec::new(),
            gradient: Vec::new(),
        }
    }
}

impl Landscape {
    /// A network of the walk as it is shown: itself, or its twin.
    fn shown(&self, network: Model) -> Model {
        if self.controls.rescaled { network.twin(TWIN).unwrap_or(network) } else { network }
    }

    /// The network on show, at the end of its walk.
    fn network(&self) -> Model {
        self.shown(self.walks[0].network.clone())
    }

    /// The walk of the network on show.
    fn path(&self) -> Vec<Vec<f32>> {
        self.walks[0].path.iter().map(|theta| self.shown(self.walks[0].network.with(theta.clone())).theta().to_vec()).collect()
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

    /// Why there is no picture of the network, if there is none.
    fn no_network(&self) -> Option<&'static str> {
        if self.grid_alone {
            Some("Your loss grid is in the map: no network to see.")
        } else if self.trained() && self.diverged() {
            Some(match self.given {
                None => "The training diverged: try a smaller step_size.",
                Some(_) => "Your last checkpoint has no finite loss.",
            })
        } else {
            None
        }
    }
}

views! { Landscape, Controls:
    surface "The loss over the plane" "Height over two directions of weight space, with the walk of training. Drag the probe, or lift the map." => map, dragged: move_probe;
    training "Loss and sharpness" "Loss and sharpness by epoch. Above the marked edge a quadratic would no longer be stable under this step." => training;
    profile "Loss along a line" "The loss along one line of weight space; dashed, the twin of the same function, where there is one." => losses;
    accuracy "Accuracy along the same line" "The share of samples that the network gets right, along the same line." => accuracies;
    decision "The network at the probe" "What the network at the probe answers, place by place; of images, what each class is taken for." => decision, dragged: draw;
    spectrum "The Hessian's spectrum" "How many directions curve how much: the density of the Hessian's eigenvalues, with those that stand apart." => eigenvalues;
    readings "How far to believe it" "How much of the walk, the gradient and the curvature this plane holds, and how exact the numbers are." => readings;
}

impl Experiment for Landscape {
    const CARD: Card = Card {
        slug: "landscape",
        title: "How much of a loss landscape can one plane show?",
        paper: Paper::new(
            "Visualizing the Loss Landscape of Neural Nets",
            "Hao Li, Zheng Xu, Gavin Taylor, Christoph Studer, Tom Goldstein",
            2018,
        )
        .venue("NeurIPS 2018")
        .arxiv("1712.09913"),
        claim: "Scaled to the weights, a random direction shows two networks of the same function the same valley.",
        criterion: "Along the first of two filter-normalised random directions, at 61 places, the losses of a ReLU network and of its twin of the same function (one layer times 3, the next divided by 3) differ by at most 1 % of the range of the loss, in each of three seeds.",
        figure: "difference of the twins' losses, as a share of their range",
        reproduction: Reproduction::AsClaimed,
        honesty: "A plane is two directions out of hundreds. Filter normalisation removes one way in which it can deceive, the scale of the weights, and no other; the readings say how much of the walk, the gradient and the curvature the plane holds.",
        seeds: 3,
        presets: &[
            Preset::holds(
                "default",
                "A filter-normalised random plane around the trained network: compare network and twin",
                &[],
            ),
            Preset::gone(
                "break-it",
                "Random directions are no longer scaled to the weights: compare network and twin",
                &[("plane", "random, plain")],
            ),
            Preset::outside(
                "the walk",
                "The plane that holds most of the walk: follow it through the map",
                &[("plane", "principal components of the path")],
            ),
            Preset::outside(
                "curvature",
                "The two directions in which the loss bends most: look at the valley",
                &[("plane", "top two Hessian eigenvectors"), ("reach", "0.25")],
            ),
            Preset::outside(
                "saddle",
                "The directions of largest and of lowest curvature: look at how it bends",
                &[("plane", "top and bottom Hessian eigenvectors"), ("reach", "0.25")],
            ),
            Preset::outside(
                "three solutions",
                "A plane through three trainings from three starts: look at what lies between",
                &[("plane", "three solutions"), ("height", "log loss")],
            ),
            Preset::outside(
                "a bridge",
                "Two solutions, the straight way and a learned one: compare losses along both",
                &[("plane", "two solutions and a learned curve"), ("along", "solution to solution"), ("height", "log loss")],
            ),
            Preset::outside(
                "edge of stability",
                "Gradient descent on all samples with a large step: watch loss and sharpness",
                &[
                    ("optimizer", "SGD"),
                    ("batch", "512"),
                    ("activation", "tanh"),
                    ("loss", "squared error"),
                    ("step_size", "0.5"),
                    ("epochs", "300"),
                ],
            ),
            Preset::outside(
                "non-convex",
                "Height tells how far each place is from a bowl: look around the walk",
                &[("height", "non-convexity"), ("activation", "tanh"), ("reach", "2")],
            ),
            Preset::open(
                "convolutions",
                "A small convolutional network with a skip, on digits: compare network and twin",
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
                "A dense network on handwritten digits: compare network and twin",
                &[("problem", "digits"), ("width", "32"), ("epochs", "20")],
            ),
        ],
        data: &[Dataset::Digits, Dataset::Mnist],
        own_data: Some(
            "Samples with labels (csv with a column label, or arrays x and y), checkpoints of a fully connected network (npz or safetensors: one file with a leading axis, or files in order), or a loss grid (rows, or arrays, of x, y and loss).",
        ),
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        controls.contradiction()?;
        let own = Own::of(library.own(), controls.problem.features())?;
        let drawing = Drawing::parse(&controls.drawn)?;
        let amounts = (controls.noise, controls.wrong, controls.samples);
        let samples = own.samples.as_ref().map(|samples| (samples, own.checkpoints.as_ref().map(Checkpoints::outputs)));
        let task = Task::new(controls.problem, &drawing, amounts, samples, (seed, library))?;
        let walks = train::walks(controls, &task, own.checkpoints.as_ref(), seed)?;
        let size = walks[0].network.theta().len();
        let weights: Vec<usize> = own.checkpoints.as_ref().map_or((0..size).collect(), |given| given.weights.clone());
        Ok(Landscape {
            controls: controls.clone(),
            seed,
            understood: own.understood(controls, &task),
            grid_alone: own.grid.is_some() && own.checkpoints.is_none() && own.samples.is_none(),
            task,
            walks,
            given: own.checkpoints,
            own_grid: own.grid,
            sharpness: Track::default(),
            sharpest: Lanczos::random(weights.len(), &mut Random::new(seed, "sharpest")).next().to_vec(),
            curve: None,
            scene: Scene::new(weights.len(), controls.cells(), seed),
            weights,
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        if self.grid_alone {
            return Ok(self);
        }
        // A step is an epoch, a place of the profile, a batch of places of the map, or a product with the Hessian.
        let Scene { profile, heights, computed, curvatures, spectrum, .. } = &self.scene;
        let planned = Spectrum::planned(self.weights.len());
        let products = curvatures.len() + spectrum.products().min(planned);
        let done = self.walks[0].epochs() + profile.train.len() + computed.div_ceil(BATCH) + products;
        stage.span(done..self.epochs() + PROFILE + heights.len().div_ceil(BATCH) + 2 + planned);
        self = self.train(&stage).await;
        if self.diverged() {
            return Ok(self);
        }
        self = self.choose(&stage).await;
        if self.scene.plane.is_none() {
            return Err(Error::new("plane: the Hessian at the end of the walk has no finite eigenvectors; take a random plane"));
        }
        self = self.follow(&stage).await;
        stage.judged();
        self = self.survey(&stage).await;
        Ok(self.decompose(&stage).await)
    }

    fn measures(&self) -> Measures {
        let (x, y) = self.tests();
        let (loss, accuracy) = if self.grid_alone {
            (f64::NAN, f64::NAN)
        } else {
            evaluate(&self.walks[0].network.frozen(self.samples().0), self.controls.loss, x, y, &mut Room::default())
        };
        measures! {
            twin_difference: self.difference(),
            test_loss: loss,
            test_accuracy: accuracy,
            path_share: self.scene.plane.as_ref().map_or(f64::NAN, |plane| self.path_share(plane)),
            top_eigenvalue: self.sharpness.last(0),
            has_twin: self.has_twin() as u8,
            diverged: self.diverged() as u8,
            own_grid: if self.grid_alone { 1.0 } else { f64::NAN },
        }
    }

    fn sentence(&self) -> String {
        let (walk, lambda) = (&self.walks[0], self.sharpness.last(0));
        let Some(loss) = walk.loss.last().filter(|_| !self.grid_alone) else {
            let waits = if self.grid_alone {
                "Your loss grid is in the map; there is no network to see."
            } else {
                "Training has begun; nothing is measured yet."
            };
            return waits.into();
        };
        if !loss.is_finite() {
            return "The loss is no finite number any more: the walk has left the landscape.".into();
        }
        let loss = figure(*loss);
        if !self.trained() {
            let unit = if self.given.is_some() { "Checkpoint" } else { "Epoch" };
            let lambda = if lambda.is_finite() { format!(", and the sharpness {}", figure(lambda)) } else { String::new() };
            return format!("{unit} {} of {}: the training loss is {loss}{lambda}.", walk.epochs(), self.epochs());
        }
        let (held, twins) = (self.scene.path_share, self.difference());
        if self.scene.plane.is_none() {
            return format!("The walk has ended at a loss of {loss}; the plane is being chosen.");
        }
        let held = if held.is_finite() { format!("; the plane holds {} of the walk", percent(held)) } else { String::new() };
        let twins = if twins.is_finite() { format!("; network and twin differ by {}", difference(twins)) } else { String::new() };
        format!("The walk has ended at a loss of {loss}{held}{twins}.")
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if runs.most("own_grid") > 0.0 {
            return Verdict::outside("Your loss grid is drawn as it is; the claim is about a network and its twin.");
        }
        let diverged = runs.each("diverged").filter(|diverged| *diverged > 0.0).count();
        if diverged > 0 {
            return Verdict::outside(format!(
                "{} the loss became no finite number: a smaller control step_size would be right, or other checkpoints.",
                if runs.len() == 1 { "Here".into() } else { format!("In {diverged} of {} runs", runs.len()) }
            ));
        }
        let known = "The twin of the same function is known for ReLU and normalised networks, along the first of two random directions, if the loss changes there.";
        let (worst, best) = (runs.most("twin_difference"), runs.least("twin_difference"));
        if !controls.have_twins() || runs.least("has_twin") == 0.0 {
            return Verdict::outside(known);
        }
        if worst.is_nan() {
            return Verdict::not_yet(known);
        }
        let least = if runs.len() == 1 || worst < SEEN { String::new() } else { format!("{} to ", difference(best)) };
        let text = format!("The losses of the network and of its twin differ by {least}{} of their range.", difference(worst));
        Verdict::at_most(worst, DIFFERENCE, text)
    }

    fn understood(&self) -> Vec<String> {
        self.understood.clone()
    }

    fn results(&self) -> Vec<Array> {
        let side = self.controls.cells() + 1;
        let heights = self.scene.heights.iter().enumerate().filter(|(_, height)| !height.is_nan());
        let grid = heights.map(|(i, height)| [self.place(i % side), self.place(i / side), f64::from(*height)]);
        let path = self.path();
        let places = self.scene.plane.iter().flat_map(|plane| path.iter().map(|theta| plane.place(theta)));
        let walk = Array::table("walk", ["x", "y"], places.map(|(x, y)| [x, y]));
        let weights = Array {
            name: "weights".into(),
            shape: vec![path.len(), path[0].len()],
            values: path.concat().into_iter().map(f64::from).collect(),
            columns: Vec::new(),
        };
        let all = [Array::table("loss-grid", ["x", "y", "loss"], grid), walk, weights];
        all.into_iter().filter(|array| !array.values.is_empty()).collect()
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        let stands = |given: &Checkpoints| given.moves_for(controls.plane).is_err();
        if self.controls.of_the_walk() != controls.of_the_walk()
            || controls.contradiction().is_err()
            || self.given.as_ref().is_some_and(stands)
        {
            return false;
        }
        let Controls { probe_a, probe_b, pen, rescaled, .. } = self.controls;
        let probe_only = Controls { probe_a, probe_b, pen, ..controls.clone() } == self.controls;
        self.controls = controls.clone();
        if !probe_only {
            self.scene = Scene::new(self.weights.len(), controls.cells(), self.seed);
        }
        // The curve's first end is the network on show.
        if rescaled != controls.rescaled {
            self.curve = None;
        }
        true
    }
}
