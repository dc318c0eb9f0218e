//! The loss landscape of a network trained on the spot: its loss over a plane through weight space, and how far to believe it.
//!
//! Reference: Li, Xu, Taylor, Studer, Goldstein 2018. A plane is θ* + a·d + b·e; what one sees depends on d and e. Multiplying a
//! ReLU layer by 3 and dividing the next by 3 gives other weights θ′ of the same function. With directions scaled neuron by neuron
//! to the weights ("filter normalisation") θ and θ′ show the same picture; with plain random directions they do not.
//! Claim of trust: along a filter-normalised direction the losses of θ and θ′ differ by at most 1 % of their range.

use libm::{exp, log10};

use crate::Result;
use crate::claim::{Measures, Verdict, least, most};
use crate::data::generate::Points;
use crate::data::{Array, Dataset, Library};
use crate::experiment::{Card, Experiment, Panel, Paper, Preset, Progress, Reproduction};
use crate::gpu::Device;
use crate::methods::lanczos::Lanczos;
use crate::methods::nn::{Activation, Classification, Network, Start, Tape, largest};
use crate::methods::optimize::{Optimizer, Rule};
use crate::methods::plane::{Plane, Scaling, principal, random_direction};
use crate::methods::random::Random;
use crate::methods::spectrum::power_iteration;
use crate::methods::training::{Training, evaluate, hessian_product, sample_loss};
use crate::view::{Axis, Cell, Chart, Handle, HeatMap, Ink, Mark, Matrix, Path, Table, View};

choice! {
    /// What the network learns.
    pub enum Problem { Moons => "moons", Spirals => "spirals", Blobs => "blobs", Xor => "XOR", Digits => "digits" }
}

choice! {
    /// The activation of the hidden layers.
    pub enum Hidden { Relu => "ReLU", Tanh => "tanh", Softplus => "softplus", Sigmoid => "sigmoid" }
}

choice! {
    /// What moves the weights.
    pub enum Mover { Momentum => "momentum", Gradient => "SGD", Adam => "Adam" }
}

choice! {
    /// How the plane is chosen.
    pub enum Through {
        Filter => "random, filter-normalised",
        Layer => "random, layer-normalised",
        Plain => "random, plain",
        Path => "principal components of the path",
        Top => "top two Hessian eigenvectors",
        Ends => "top and bottom Hessian eigenvectors",
        Solutions => "three solutions",
    }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        plane: Choice(Through) = Through::Filter, "", "which two directions are shown; each shows something else";
        reach: Log(0.05, 5.0) = 1.0, "r", "how far to look: 1 is as long as the weights, the path, or from solution to solution";
        log_loss: Toggle() = false, "", "the logarithm shows the floor of the valley, the plain loss its walls";
        problem: Choice(Problem) = Problem::Moons, "", "what the network learns";
        noise: Real(0.0, 0.5) = 0.15, "σ", "more: the classes overlap, and no weights fit all";
        depth: Count(1, 8) = 2, "L", "hidden layers; deeper: steeper walls";
        width: LogCount(4, 128) = 16, "h", "units a layer; wider: rounder valleys";
        activation: Choice(Hidden) = Hidden::Relu, "", "smooth activations, smooth landscapes";
        optimizer: Choice(Mover) = Mover::Momentum, "", "who walks";
        step_size: Log(0.001, 1.0) = 0.05, "η", "larger: only flat places hold it; the sharpness stays under 2/η";
        batch: LogCount(8, 512) = 64, "b", "smaller: a noisier walk";
        weight_decay: LogZero(0.00001, 0.1) = 0.0, "λ", "pulls the weights to zero";
        epochs: LogCount(5, 300) = 60, "", "how long it walks";
        probe_a: Real(-1.5, 1.5) = 0.0, "a", "where in the plane the probe stands, as a share of r; or drag it";
        probe_b: Real(-1.5, 1.5) = 0.0, "b", "the same along the other direction";
    }
}

/// The finest grid has one point more a side than this; it is reached by halving cells of a grid of nine.
const CELLS: usize = 64;
const COARSEST: usize = 8;
/// Points of a profile.
const PROFILE: usize = 61;
/// Products for the spectrum, from each of two random starts.
const LANCZOS: usize = 32;
/// Samples that the loss of the plane, and the Hessian, are taken over, at most.
const SAMPLES: usize = 500;
/// Multiplications of one slice.
const SLICE: usize = 3_000_000;
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
    task: Classification,
    points: Vec<[f64; 2]>,
    /// The walk on show, and for a plane through solutions the other two.
    walks: Vec<Training>,
    stage: Stage,
    done: usize,
    of: usize,
    /// λ at some epochs, and its direction.
    sharpness: (Vec<f64>, Vec<f64>),
    sharpest: Vec<f64>,
    lanczos: [Lanczos; 2],
    plane: Option<Plane>,
    /// Losses on the finest grid, row by row; NaN where not computed.
    grid: Vec<f32>,
    /// The step of the grid that is being filled, and the next place in it.
    stride: usize,
    next: usize,
    /// Train loss, test loss and the twin's train loss along the first direction.
    profile: [Vec<f64>; 3],
    /// vᵀHv along the two directions, made orthonormal, and the trace as the random starts estimate it.
    curvatures: Vec<f64>,
    gradient: Vec<f64>,
    /// A loss grid of the user's: x, y, loss.
    own: Option<Vec<[f64; 3]>>,
    tape: Tape,
}

impl Landscape {
    fn network(&self) -> &Network {
        &self.walks[0].network
    }

    /// The samples of the plane and the Hessian.
    fn samples(&self) -> (&[f32], &[u8]) {
        let n = self.task.y.len().min(SAMPLES);
        (&self.task.x[..n * self.task.features], &self.task.y[..n])
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

    /// The corners of the window in units of the two directions.
    fn window(&self) -> (f64, f64) {
        let r = self.controls.reach;
        if self.controls.plane == Through::Solutions { (0.5 - 0.9 * r, 0.5 + 0.9 * r) } else { (-r, r) }
    }

    fn place(&self, i: usize) -> f64 {
        let (low, high) = self.window();
        low + (high - low) * i as f64 / CELLS as f64
    }

    fn product(&self, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (x, y) = self.samples();
        hessian_product(self.network(), x, y, v)
    }

    /// One batch of every walk; after some epochs, one look at the sharpness instead.
    fn train(&mut self) {
        let epochs = self.walks[0].epochs();
        let every = (self.controls.epochs / 30).max(1);
        if epochs.is_multiple_of(every) && self.sharpness.0.last() != Some(&(epochs as f64)) {
            let mut direction = std::mem::take(&mut self.sharpest);
            let steps = if epochs == 0 { 12 } else { 4 };
            let value = power_iteration(&mut direction, steps, |v, out| out.copy_from_slice(&self.product(v).1));
            self.sharpest = direction;
            self.sharpness.0.push(epochs as f64);
            self.sharpness.1.push(value);
            return;
        }
        for walk in &mut self.walks {
            walk.step(&self.task);
        }
        if self.walks[0].epochs() == self.controls.epochs {
            self.stage = Stage::Directions;
        }
    }

    /// One product for the eigenvectors, or the plane at once.
    fn directions(&mut self) {
        if self.wants_eigenvectors() && self.lanczos[0].steps() < LANCZOS && !self.lanczos[0].exhausted() {
            let image = self.product(self.lanczos[0].next()).1;
            self.lanczos[0].step(image);
            return;
        }
        let theta = self.network().theta.clone();
        let length = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        let minus = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f32>>();
        let (first, second) = match self.controls.plane {
            Through::Solutions => (minus(&self.walks[1].network.theta, &theta), minus(&self.walks[2].network.theta, &theta)),
            Through::Path => {
                let [first, second] = principal(&self.walks[0].path, &theta).directions;
                // As long as the path's start is far, so that reach 1 shows all of it.
                let far = length(&minus(&self.walks[0].path[0], &theta)) as f32;
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
            _ => (self.random_direction(self.network(), "first"), self.random_direction(self.network(), "second")),
        };
        self.plane = Some(Plane { centre: theta, first, second });
        self.stage = Stage::Profile;
    }

    fn random_direction(&self, network: &Network, which: &str) -> Vec<f32> {
        let scaling = self.scaling().unwrap_or(Scaling::Filter);
        random_direction(&network.theta, &network.neurons(), scaling, &mut Random::new(self.seed, which))
    }

    /// Points that fit into a slice.
    fn share(&self, samples: usize) -> usize {
        (SLICE / (samples * self.network().theta.len()).max(1)).max(1)
    }

    fn profile(&mut self) {
        let plane = self.plane.take().expect("directions come first");
        let (low, high) = self.window();
        let mut twin = self.network().clone();
        twin.rescale(0, TWIN);
        let twin_direction = self.scaling().map(|_| self.random_direction(&twin, "first"));
        let mut probe = self.network().clone();
        let mut tape = std::mem::take(&mut self.tape);
        for _ in 0..self.share(2 * self.task.y.len() + self.task.test_y.len()) {
            let i = self.profile[0].len();
            if i == PROFILE {
                self.stage = Stage::Grid;
                break;
            }
            let t = low + (high - low) * i as f64 / (PROFILE - 1) as f64;
            probe.theta = plane.at(t, 0.0);
            self.profile[0].push(evaluate(&probe, &self.task.x, &self.task.y, &mut tape).0);
            self.profile[1].push(evaluate(&probe, &self.task.test_x, &self.task.test_y, &mut tape).0);
            if let Some(direction) = &twin_direction {
                let theta = twin.theta.iter().zip(direction).map(|(c, d)| c + t as f32 * d).collect();
                self.profile[2].push(evaluate(&twin.with(theta), &self.task.x, &self.task.y, &mut tape).0);
            }
        }
        (self.plane, self.tape) = (Some(plane), tape);
    }

    /// Some points of the grid that is being filled; what coarser grids computed stays.
    fn fill(&mut self) {
        let plane = self.plane.take().expect("directions come first");
        let mut probe = self.network().clone();
        let mut tape = std::mem::take(&mut self.tape);
        let mut left = self.share(self.samples().1.len());
        while left > 0 && self.stage == Stage::Grid {
            let side = CELLS / self.stride + 1;
            if self.next == side * side {
                (self.stride, self.next) = (self.stride / 2, 0);
                if self.stride == 0 {
                    (self.stride, self.stage) = (1, Stage::Spectrum);
                }
                continue;
            }
            let (row, column) = (self.next / side * self.stride, self.next % side * self.stride);
            let slot = row * (CELLS + 1) + column;
            if self.grid[slot].is_nan() {
                probe.theta = plane.at(self.place(column), self.place(row));
                let (x, y) = self.samples();
                self.grid[slot] = evaluate(&probe, x, y, &mut tape).0.min(f64::from(f32::MAX)) as f32;
                left -= 1;
            }
            self.next += 1;
        }
        (self.plane, self.tape) = (Some(plane), tape);
    }

    /// One product: for the curvature along the two directions, then for the spectrum from both starts.
    fn spectrum(&mut self) {
        let plane = self.plane.as_ref().expect("directions come first");
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
            let (gradient, image) = self.product(&v);
            self.curvatures.push(dot(&v, &image) / dot(&v, &v).max(f64::MIN_POSITIVE));
            self.gradient = gradient;
            return;
        }
        let open = self.lanczos.iter().position(|l| l.steps() < LANCZOS && !l.exhausted());
        let Some(which) = open else {
            self.stage = Stage::Over;
            return;
        };
        let image = self.product(self.lanczos[which].next()).1;
        self.lanczos[which].step(image);
    }

    /// The largest difference between the network's and its twin's profile, as a share of the profile's range.
    fn difference(&self) -> f64 {
        let [ours, _, twin] = &self.profile;
        if self.controls.activation != Hidden::Relu || twin.len() < PROFILE {
            return f64::NAN;
        }
        let range = ours.iter().fold(0.0f64, |m, v| m.max(*v)) - ours.iter().fold(f64::INFINITY, |m, v| m.min(*v));
        ours.iter().zip(twin).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / range
    }

    fn path(&self, plane: &Plane) -> Path {
        let path = &self.walks[0].path;
        let every = path.len().div_ceil(300);
        let (x, y) =
            path.iter().enumerate().filter(|(i, _)| i % every == 0 || i + 1 == path.len()).map(|(_, t)| plane.place(t)).unzip();
        Path { name: "the walk, projected".into(), ink: Ink::Series(1), x, y }
    }

    /// The share of the walk's squared length, seen from its end, that the plane holds.
    fn path_share(&self, plane: &Plane) -> f64 {
        let (mut inside, mut all) = (0.0, 0.0);
        for theta in &self.walks[0].path {
            let offset: Vec<f32> = theta.iter().zip(&plane.centre).map(|(t, c)| t - c).collect();
            let length: f64 = offset.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
            if length > 0.0 {
                inside += plane.share(&offset) * length;
                all += length;
            }
        }
        inside / all
    }

    fn surface(&self) -> View {
        if let Some(own) = &self.own {
            return own_grid(own, self.controls.log_loss);
        }
        // The finest grid that is whole.
        let stride = if self.stage == Stage::Grid { (2 * self.stride).min(COARSEST) } else { self.stride };
        let whole = self.stage != Stage::Grid || self.stride < COARSEST;
        let side = if whole { CELLS / stride + 1 } else { COARSEST + 1 };
        let stride = CELLS / (side - 1);
        let cell = |i: usize| {
            let loss = self.grid[i / side * stride * (CELLS + 1) + i % side * stride];
            if self.controls.log_loss { log10(f64::from(loss).max(1e-12)) as f32 } else { loss }
        };
        let (low, high) = self.window();
        // Cells are centred on the points of the grid.
        let half = (high - low) / (side - 1) as f64 / 2.0;
        let (x, y) = self.axes();
        HeatMap {
            x: x.range(low - half, high + half),
            y: y.range(low - half, high + half),
            value: Axis::linear(if self.controls.log_loss { "log₁₀ loss" } else { "loss" }),
            columns: side,
            values: (0..side * side).map(cell).collect(),
            contours: 12,
            paths: self.plane.iter().map(|plane| self.path(plane)).collect(),
            handle: Some(Handle { name: "probe".into(), at: self.probe() }),
        }
        .into_view()
    }

    fn axes(&self) -> (Axis, Axis) {
        let (a, b) = match self.controls.plane {
            Through::Path => ("first principal component", "second principal component"),
            Through::Top => ("top eigenvector", "second eigenvector"),
            Through::Ends => ("top eigenvector", "bottom eigenvector"),
            Through::Solutions => ("to the second solution", "to the third solution"),
            _ => ("first random direction", "second random direction"),
        };
        (Axis::linear(a), Axis::linear(b))
    }

    /// Where the probe stands in the plane.
    fn probe(&self) -> (f64, f64) {
        (self.controls.probe_a * self.controls.reach, self.controls.probe_b * self.controls.reach)
    }

    fn at_probe(&self) -> Network {
        let (a, b) = self.probe();
        self.plane.as_ref().map_or_else(|| self.network().clone(), |plane| self.network().with(plane.at(a, b)))
    }

    fn profile_chart(&self) -> Chart {
        let (low, high) = self.window();
        let t = |n: usize| (0..n).map(|i| low + (high - low) * i as f64 / (PROFILE - 1) as f64).collect::<Vec<f64>>();
        let [train, test, twin] = &self.profile;
        let mut marks = vec![
            Mark::line("test", Ink::Series(1), t(test.len()), test.clone()),
            Mark::line("train", Ink::Series(0), t(train.len()), train.clone()),
        ];
        if !twin.is_empty() && self.controls.activation == Hidden::Relu {
            marks.push(Mark::dashed("train, the twin's", Ink::Text, t(twin.len()), twin.clone()));
        }
        Chart { x: self.axes().0.range(low, high), y: Axis::linear("loss"), marks, ..Chart::default() }
    }

    fn training_chart(&self) -> Chart {
        let loss = &self.walks[0].loss;
        let epochs = (1..=loss.len()).map(|e| e as f64).collect();
        let x = Axis::linear("epoch").range(0.0, self.controls.epochs as f64);
        let mut marks = vec![
            Mark::line("training loss", Ink::Series(0), epochs, loss.clone()),
            Mark::line("sharpness λ", Ink::Series(3), self.sharpness.0.clone(), self.sharpness.1.clone()),
        ];
        // For Adam no fixed step size stands against the sharpness.
        let edge = match self.controls.optimizer {
            Mover::Gradient => Some(2.0),
            Mover::Momentum => Some(2.0 * (1.0 + MOMENTUM)),
            Mover::Adam => None,
        };
        if let Some(edge) = edge {
            marks.push(Mark::at_y("stable below", edge / self.controls.step_size));
        }
        Chart { x, y: Axis::log("loss, and sharpness"), marks, ..Chart::default() }
    }

    /// What the network at the probe says of the plane of inputs, or its confusion on digits.
    fn decision(&self) -> View {
        let network = self.at_probe();
        let mut tape = Tape::default();
        if self.controls.problem == Problem::Digits {
            network.forward(&self.task.test_x, &mut tape);
            let mut values = vec![0.0f32; 100];
            for (row, label) in tape.logits().chunks_exact(10).zip(&self.task.test_y) {
                values[usize::from(*label) * 10 + largest(row)] += 1.0;
            }
            return View::Matrix(Matrix {
                row: "digit".into(),
                column: "taken for".into(),
                value: Axis::linear("test images"),
                columns: 10,
                values,
                names: (0..10).map(|d| d.to_string()).collect(),
                outlined: Vec::new(),
            });
        }
        let side = 45;
        let at = |i: usize| -1.6 + 3.2 * (i as f64 + 0.5) / side as f64;
        let cells: Vec<[f64; 2]> = (0..side * side).map(|i| [at(i % side), at(i / side)]).collect();
        let inputs: Vec<f32> = cells.iter().flatten().map(|v| *v as f32).collect();
        network.forward(&inputs, &mut tape);
        let classes = network.sizes()[network.sizes().len() - 1];
        let said: Vec<usize> = tape.logits().chunks_exact(classes).map(largest).collect();
        let mut marks = Vec::new();
        for class in 0..classes {
            let (x, y) = cells.iter().zip(&said).filter(|(_, said)| **said == class).map(|(p, _)| (p[0], p[1])).unzip();
            marks.push(Mark::points("", Ink::Series(class as u8), x, y, 2.5));
        }
        for class in 0..classes {
            let own = self.points.iter().zip(&self.task.y).filter(|(_, y)| usize::from(**y) == class).take(150);
            let (x, y) = own.map(|(p, _)| (p[0], p[1])).unzip();
            marks.push(Mark::points(format!("class {}", class + 1), Ink::Series(class as u8), x, y, 6.0));
        }
        let axis = |name| Axis::linear(name).range(-1.6, 1.6);
        View::Chart(Chart { x: axis("x"), y: axis("y"), marks, equal: true, handle: None })
    }

    /// The density of Hessian eigenvalues by stochastic Lanczos quadrature: the starts' Ritz values, broadened.
    fn spectrum_chart(&self) -> Chart {
        let all: Vec<_> = self.lanczos.iter().filter(|l| l.steps() > 1).map(Lanczos::ritz).collect();
        let ends = all.iter().flat_map(|r| &r.values).fold((0.0f64, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
        let mut marks = Vec::new();
        if let [.., last] = all.as_slice() {
            let span = (ends.1 - ends.0).max(1e-9);
            let (width, n) = (span / 120.0, 400);
            let x: Vec<f64> = (0..=n).map(|i| ends.0 - 0.05 * span + 1.1 * span * i as f64 / n as f64).collect();
            let density = |x: f64| {
                let bump = |v: f64| exp(-(x - v) * (x - v) / (2.0 * width * width)) / (width * 2.506_628_274_631_000_7);
                let sum: f64 = all.iter().flat_map(|r| r.values.iter().zip(&r.weights)).map(|(v, w)| w * bump(*v)).sum();
                (sum / all.len() as f64).max(1e-6)
            };
            marks.push(Mark::line("", Ink::Series(0), x.clone(), x.iter().map(|x| density(*x)).collect()));
            marks.push(Mark::at_x(format!("top {:.3}", last.values[last.values.len() - 1]), last.values[last.values.len() - 1]));
        }
        Chart {
            x: Axis::linear("eigenvalue of the Hessian"),
            y: Axis::log("density").range(1e-6, 1e3),
            marks,
            ..Chart::default()
        }
    }

    fn trace(&self) -> f64 {
        let finished: Vec<_> = self.lanczos.iter().filter(|l| l.steps() > 0).map(Lanczos::ritz).collect();
        let means = finished.iter().map(|r| r.values.iter().zip(&r.weights).map(|(v, w)| v * w).sum::<f64>());
        means.sum::<f64>() / finished.len() as f64 * self.network().theta.len() as f64
    }

    fn readings(&self) -> Table {
        let (x, y) = self.samples();
        let mut tape = Tape::default();
        self.network().forward(x, &mut tape);
        let classes = tape.logits().len() / y.len();
        let losses: Vec<f64> = tape.logits().chunks_exact(classes).zip(y).map(|(row, label)| sample_loss(row, *label)).collect();
        let n = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / n;
        let deviation = (losses.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        let test = evaluate(self.network(), &self.task.test_x, &self.task.test_y, &mut tape);
        let probe = evaluate(&self.at_probe(), &self.task.test_x, &self.task.test_y, &mut tape);
        let gradient: Vec<f32> = self.gradient.iter().map(|g| *g as f32).collect();
        let share = |of: &dyn Fn(&Plane) -> f64| self.plane.as_ref().map_or(f64::NAN, of);
        let rows = [
            ("loss at the centre, over the plane's samples", mean),
            ("its standard error", deviation / n.sqrt()),
            ("samples", n),
            ("weights", self.network().theta.len() as f64),
            ("test loss at the centre", test.0),
            ("test accuracy at the centre", test.1),
            ("test accuracy at the probe", probe.1),
            ("share of the walk in the plane", share(&|plane| self.path_share(plane))),
            (
                "share of the gradient in the plane",
                if gradient.is_empty() { f64::NAN } else { share(&|plane| plane.share(&gradient)) },
            ),
            ("share of the Hessian's trace in the plane", self.curvatures.iter().sum::<f64>() / self.trace()),
            ("difference to the twin, share of the range", self.difference()),
        ];
        let row = |(name, value): (&str, f64)| vec![Cell::Text(name.into()), Cell::Number(value)];
        Table {
            columns: vec!["reading".into(), "value".into()],
            rows: rows.into_iter().filter(|r| !r.1.is_nan()).map(row).collect(),
        }
    }
}

impl HeatMap {
    fn into_view(self) -> View {
        View::HeatMap(self)
    }
}

const MOMENTUM: f64 = 0.9;

/// The user's loss grid, cell by cell: rows of x, y and loss on a full grid.
fn own_grid(rows: &[[f64; 3]], log_loss: bool) -> View {
    let sorted = |k: usize| {
        let mut values: Vec<f64> = rows.iter().map(|r| r[k]).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    };
    let (xs, ys) = (sorted(0), sorted(1));
    let mut values = vec![f32::NAN; xs.len() * ys.len()];
    for [x, y, loss] in rows {
        let find = |all: &[f64], v: f64| all.partition_point(|a| *a < v);
        values[find(&ys, *y) * xs.len() + find(&xs, *x)] = if log_loss { log10(loss.max(1e-12)) } else { *loss } as f32;
    }
    let axis = |name: &str, all: &[f64]| {
        let (low, high) = (all[0], all[all.len() - 1]);
        let half = (high - low) / (all.len() - 1) as f64 / 2.0;
        Axis::linear(name).range(low - half, high + half)
    };
    let value = Axis::linear(if log_loss { "log₁₀ loss" } else { "loss" });
    View::HeatMap(HeatMap {
        x: axis("x", &xs),
        y: axis("y", &ys),
        value,
        columns: xs.len(),
        values,
        contours: 12,
        ..HeatMap::default()
    })
}

/// Reads a loss grid: three columns x, y, loss, on a full grid of at least 2 x 2 evenly spaced places.
fn read_grid(array: &Array) -> Result<Vec<[f64; 3]>> {
    let wrong = |what: &str| crate::Error::new(format!("{}: {what}; a loss grid has rows of x, y and loss", array.name));
    if array.shape.len() != 2 || array.shape[1] != 3 {
        return Err(wrong("it has not three columns"));
    }
    let rows: Vec<[f64; 3]> = array.values.chunks_exact(3).map(|r| [r[0], r[1], r[2]]).collect();
    let different = |k: usize| {
        let mut values: Vec<u64> = rows.iter().map(|r| (r[k] + 0.0).to_bits()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    let (across, up) = (different(0), different(1));
    if across < 2 || up < 2 || across * up != rows.len() {
        return Err(wrong(&format!("{} rows are no full grid of {across} x {up} places", rows.len())));
    }
    Ok(rows)
}

impl Experiment for Landscape {
    type Controls = Controls;

    const CARD: Card = Card {
        slug: "landscape",
        title: "Loss landscape",
        paper: Paper {
            title: "Visualizing the Loss Landscape of Neural Nets",
            authors: "Hao Li, Zheng Xu, Gavin Taylor, Christoph Studer, Tom Goldstein",
            year: 2018,
        },
        claim: "Along a filter-normalised random direction, a ReLU network and its rescaled twin of the same function show the same loss, to 1 % of its range.",
        reproduction: Reproduction::AsClaimed,
        honesty: "A plane is two directions out of hundreds: filter normalisation removes one way in which it can deceive, the scale of the weights, and no other; the readings say how much of the walk, the gradient and the curvature the plane holds.",
        seeds: 3,
        unit: "slice",
        views: &[
            Panel {
                id: "surface",
                title: "The loss over the plane",
                look: "The walk of training, projected; drag the probe, or lift the map into three dimensions.",
            },
            Panel {
                id: "profile",
                title: "Along the first direction",
                look: "Dashed, the twin of the same function: does it see the same valley?",
            },
            Panel {
                id: "decision",
                title: "The network at the probe",
                look: "Drag the probe uphill and see what the network forgets.",
            },
            Panel {
                id: "training",
                title: "Loss and sharpness",
                look: "The sharpness rises as the loss falls, and stops where the step size can no longer hold it.",
            },
            Panel {
                id: "spectrum",
                title: "The Hessian's spectrum",
                look: "A heap at zero, where nothing bends, and a few large eigenvalues.",
            },
            Panel {
                id: "readings",
                title: "How far to believe it",
                look: "Most planes hold next to nothing of the walk and the gradient.",
            },
        ],
        presets: &[
            Preset { name: "default", about: "A filter-normalised plane around the end of training", set: &[] },
            Preset {
                name: "break-it",
                about: "Plain random directions: the twin of the same function shows another valley",
                set: &[("plane", "random, plain")],
            },
            Preset {
                name: "the walk",
                about: "The plane that holds most of the walk",
                set: &[("plane", "principal components of the path")],
            },
            Preset {
                name: "curvature",
                about: "The two directions of largest curvature",
                set: &[("plane", "top two Hessian eigenvectors"), ("reach", "0.5")],
            },
            Preset {
                name: "saddle",
                about: "Most upward and most downward curvature",
                set: &[("plane", "top and bottom Hessian eigenvectors"), ("reach", "0.5")],
            },
            Preset {
                name: "three solutions",
                about: "Three trainings from three starts, and the hills between them",
                set: &[("plane", "three solutions"), ("log_loss", "on")],
            },
            Preset {
                name: "digits",
                about: "A network on handwritten digits",
                set: &[("problem", "digits"), ("width", "32"), ("epochs", "20")],
            },
        ],
        data: &[Dataset::Digits],
        own_data: Some("A loss grid of your own as csv, npy or npz: rows of x, y and loss on a full grid."),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let own = library.own().first().map(read_grid).transpose()?;
        let (task, points) = problem(controls, seed, library)?;
        let classes = 1 + usize::from(*task.y.iter().max().expect("a problem has samples"));
        let sizes: Vec<usize> = [vec![task.features], vec![controls.width; controls.depth], vec![classes]].concat();
        let activation = match controls.activation {
            Hidden::Relu => Activation::Relu,
            Hidden::Tanh => Activation::Tanh,
            Hidden::Softplus => Activation::Softplus,
            Hidden::Sigmoid => Activation::Sigmoid,
        };
        let gain = if controls.activation == Hidden::Relu { 2.0 } else { 1.0 };
        let rule = match controls.optimizer {
            Mover::Gradient => Rule::Momentum { mu: 0.0 },
            Mover::Momentum => Rule::Momentum { mu: MOMENTUM },
            Mover::Adam => Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        };
        // Momentum multiplies the step by 1/(1−μ) in the long run; Adam's step is in units of the weights.
        let step_size = match controls.optimizer {
            Mover::Adam => 0.1 * controls.step_size,
            _ => controls.step_size,
        };
        let count = if controls.plane == Through::Solutions { 3 } else { 1 };
        let walk = |k: usize| {
            let names = ["weights", "second weights", "third weights"];
            let network = Network::new(&sizes, activation, Start::Normal { gain }, &mut Random::new(seed, names[k]));
            let optimizer = Optimizer::new(rule, step_size, network.theta.len());
            Training::new(network, optimizer, controls.weight_decay, controls.batch, task.y.len(), Random::new(seed, "batches"))
        };
        let walks: Vec<Training> = (0..count).map(walk).collect();
        let size = walks[0].network.theta.len();
        let start = |name: &str| Lanczos::random(size, &mut Random::new(seed, name));
        let mut run = Landscape {
            controls: controls.clone(),
            seed,
            points,
            walks,
            stage: Stage::Train,
            done: 0,
            of: 0,
            sharpness: (Vec::new(), Vec::new()),
            sharpest: start("sharpest").next().to_vec(),
            lanczos: [start("lanczos"), start("second lanczos")],
            plane: None,
            grid: vec![f32::NAN; (CELLS + 1) * (CELLS + 1)],
            stride: CELLS / COARSEST,
            next: 0,
            profile: Default::default(),
            curvatures: Vec::new(),
            gradient: Vec::new(),
            own,
            tape: Tape::default(),
            task,
        };
        let n = run.task.y.len();
        let epochs = controls.epochs * n.div_ceil(controls.batch.min(n)) + controls.epochs / (controls.epochs / 30).max(1);
        let profile = PROFILE.div_ceil(run.share(2 * n + run.task.test_y.len()));
        run.of = epochs + profile + (CELLS + 1) * (CELLS + 1) / run.share(run.samples().1.len()) + 2 * LANCZOS + 10;
        Ok(run)
    }

    async fn step(&mut self, _: &Device) -> Result<Progress> {
        match self.stage {
            Stage::Train => self.train(),
            Stage::Directions => self.directions(),
            Stage::Profile => self.profile(),
            Stage::Grid => self.fill(),
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
        match which {
            0 => self.surface(),
            1 => View::Chart(self.profile_chart()),
            2 => self.decision(),
            3 => View::Chart(self.training_chart()),
            4 => View::Chart(self.spectrum_chart()),
            _ => View::Table(self.readings()),
        }
    }

    fn measures(&self) -> Measures {
        let mut tape = Tape::default();
        let (loss, accuracy) = evaluate(self.network(), &self.task.test_x, &self.task.test_y, &mut tape);
        measures! {
            twin_difference: self.difference(),
            test_loss: loss,
            test_accuracy: accuracy,
            path_share: self.plane.as_ref().map_or(f64::NAN, |plane| self.path_share(plane)),
            top_eigenvalue: self.sharpness.1.last().copied().unwrap_or(f64::NAN),
        }
    }

    fn verdict(runs: &[Measures]) -> Verdict {
        let (worst, best) = (most(runs, "twin_difference"), least(runs, "twin_difference"));
        let text = if worst.is_nan() {
            "The twin of the same function is known for ReLU networks and random planes only.".into()
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
        let side = CELLS + 1;
        let rows = (0..side * side).filter(|i| !self.grid[*i].is_nan());
        let values: Vec<f64> = rows.flat_map(|i| [self.place(i % side), self.place(i / side), f64::from(self.grid[i])]).collect();
        let columns = ["x", "y", "loss"].map(String::from).to_vec();
        vec![Array { name: "loss-grid".into(), shape: vec![values.len() / 3, 3], values, columns }]
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        let share = |v: f64| (v / controls.reach * 1000.0).round().clamp(-1500.0, 1500.0) / 1000.0;
        (which == 0).then(|| Controls { probe_a: share(at.0), probe_b: share(at.1), ..controls.clone() })
    }
}

/// The data: 500 points to train on and 500 to test, or 1,000 digits and the rest.
fn problem(controls: &Controls, seed: u64, library: &Library) -> Result<(Classification, Vec<[f64; 2]>)> {
    let points = match controls.problem {
        Problem::Moons => Points::Moons,
        Problem::Spirals => Points::Spirals,
        Problem::Blobs => Points::Blobs { classes: 5 },
        Problem::Xor => Points::Xor,
        Problem::Digits => {
            let pictures = library.pictures(Dataset::Digits)?;
            let order = Random::new(seed, "split").permutation(pictures.len());
            return Ok((Classification::of(&pictures, &order[..1000], &order[1000..], 16.0), Vec::new()));
        }
    };
    let mut random = Random::new(seed, "points");
    let (train, y) = points.draw(SAMPLES, controls.noise, &mut random);
    let (test, test_y) = points.draw(SAMPLES, controls.noise, &mut random);
    let flat = |points: &[[f64; 2]]| points.iter().flatten().map(|v| *v as f32).collect();
    Ok((Classification { features: 2, x: flat(&train), y, test_x: flat(&test), test_y }, train))
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
        let (plane, mut tape) = (run.plane.as_ref().unwrap(), Tape::default());
        for slot in [0, 7, 2112, 4000, 4224] {
            let theta = plane.at(run.place(slot % 65), run.place(slot / 65));
            let loss = evaluate(&run.network().with(theta), &run.task.x, &run.task.y, &mut tape).0;
            assert_eq!(run.grid[slot], loss as f32);
        }
        // The middle of the map is the trained network.
        let centre = evaluate(run.network(), &run.task.x, &run.task.y, &mut tape).0;
        assert_eq!(run.grid[32 * 65 + 32], centre as f32);
    }

    #[test]
    fn eigenvector_planes_have_the_curvature_of_their_eigenvalues() {
        let run = over(
            &Controls { epochs: 20, plane: Through::Ends, activation: Hidden::Tanh, ..Controls::default() },
            &Library::default(),
        );
        let ritz = run.lanczos[0].ritz();
        let (low, high) = (ritz.values[0], ritz.values[ritz.values.len() - 1]);
        assert!((run.curvatures[0] - high).abs() < 1e-3 * high && (run.curvatures[1] - low).abs() < 1e-3 * high);
        assert!(low < 0.0, "{low}");
    }

    #[test]
    fn a_twin_is_the_same_function() {
        let run = over(&Controls { epochs: 5, ..Controls::default() }, &Library::default());
        let (mut twin, mut tape) = (run.network().clone(), Tape::default());
        twin.rescale(0, TWIN);
        let ours = evaluate(run.network(), &run.task.x, &run.task.y, &mut tape).0;
        assert!((evaluate(&twin, &run.task.x, &run.task.y, &mut tape).0 - ours).abs() < 1e-6);
        assert!(run.difference() < 1e-4);
    }

    #[test]
    fn loss_grids_are_read_or_refused_in_a_sentence() {
        let array = |rows: &[[f64; 3]]| Array {
            name: "grid.csv".into(),
            shape: vec![rows.len(), 3],
            values: rows.concat(),
            columns: Vec::new(),
        };
        let full = [[0.0, 0.0, 1.0], [1.0, 0.0, 2.0], [0.0, 1.0, 3.0], [1.0, 1.0, 4.0]];
        assert_eq!(read_grid(&array(&full)).unwrap(), full);
        let error = read_grid(&array(&full[..3])).unwrap_err().to_string();
        assert_eq!(error, "grid.csv: 3 rows are no full grid of 2 x 2 places; a loss grid has rows of x, y and loss");
        let library = Library::default().with_own(vec![array(&full)]);
        let View::HeatMap(map) = Landscape::new(&Controls::default(), 0, &library).unwrap().view(0) else { panic!("a heat map") };
        assert_eq!((map.columns, map.values.as_slice()), (2, [1.0, 2.0, 3.0, 4.0].as_slice()));
    }
}
