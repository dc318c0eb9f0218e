//! Optimizers raced: on surfaces one can see, on matrices and on networks; from one start, under the same noise, fairly tuned.
//!
//! Reference: Schmidt, Schneider, Hennig 2021, who compared fifteen optimizers with equal budgets for tuning and found no winner but
//! the tuning. Here everyone gets as many trials of step sizes, cost is counted in gradients, and whoever diverges is named.
//! Claim of trust: the order of arrival on show is the order from other starts too, for nine pairs of optimizers in ten.

mod basins;
mod field;
mod own;
mod pictures;
mod race;

use std::rc::Rc;

use self::basins::Atlas;
use self::field::{Against, On, Pace, Weather, Who};
use self::own::{Log, Own, Paths};
use self::race::{Course, Noise, Tuning, Walk, compare};
use crate::claim::{Measures, Verdict, least, mean};
use crate::data::{Array, Dataset, Library};
use crate::experiment::{Card, Experiment, Panel, Paper, Preset, Progress, Reproduction};
use crate::gpu::Device;
use crate::methods::landscapes::{Landscape, eigenvalues};
use crate::methods::objectives::{Classifier, Factors, Problem};
use crate::methods::plane::{Plane, principal};
use crate::methods::random::Random;
use crate::view::View;
use crate::{Error, Result};

controls! {
    /// What the reader can move.
    pub struct Controls {
        problem: Choice(On) = On::Rosenbrock, "f", "what is minimised: surfaces of two variables, a matrix to factorise, networks";
        formula: Text(200) = "(x^2 - 1)^2 + (y - x)^2 + sin(3 y)/3", "", "your own f(x, y), for the problem 'your formula': + - * / ^, sin, cos, tan, exp, ln, sqrt, abs, tanh, max, min";
        condition: Log(1.0, 10000.0) = 30.0, "κ", "the bowl's steepest curvature over its gentlest: larger, the harder for plain steps";
        angle: Real(0.0, 90.0) = 25.0, "φ", "degrees by which the bowl is turned; methods that treat coordinates one by one feel it";
        start_x: Real(-1.0, 1.0) = -0.7, "x₀", "where everyone starts, from the left edge (−1) to the right (1); or drag the start";
        start_y: Real(-1.0, 1.0) = 0.6, "y₀", "the same from the lower edge to the upper";
        first: Choice(Who) = Who::Gradient, "", "who runs";
        first_step: LogZero(0.00001, 10.0) = 0.0, "α₁", "its step size; 0: tuned, with as many trials as the others";
        second: Choice(Who) = Who::HeavyBall, "", "who runs beside it";
        second_step: LogZero(0.00001, 10.0) = 0.0, "α₂", "its step size; 0: tuned";
        third: Choice(Who) = Who::Adam, "", "a third";
        third_step: LogZero(0.00001, 10.0) = 0.0, "α₃", "its step size; 0: tuned";
        fourth: Choice(Who) = Who::Lbfgs, "", "a fourth";
        fourth_step: LogZero(0.00001, 10.0) = 0.0, "α₄", "its step size; 0: tuned";
        everyone: Toggle() = false, "", "all optimizers run; the four keep their step sizes, the others are tuned";
        trials: Count(4, 40) = 16, "", "step sizes that everyone may try before the race";
        steps: LogCount(10, 2000) = 200, "T", "how long the race is";
        schedule: Choice(Pace) = Pace::Constant, "", "how step sizes change over the race; refined: as the gradients of a first run ask for";
        tolerance: Log(0.0000000001, 0.5) = 0.001, "τ", "the goal: what may be left of the height above the lowest minimum, as a share";
        noise: Choice(Weather) = Weather::Clear, "", "what gradients are seen through, the same for everyone at each step";
        noise_size: Log(0.001, 10.0) = 0.1, "σ", "its size, in units of the first gradient";
        batch: LogCount(1, 256) = 16, "b", "samples a step under mini-batch noise; surfaces have 32 summands";
        momentum: Real(0.0, 0.99) = 0.9, "μ, β₁", "how long past gradients are felt";
        beta2: Real(0.5, 0.9999) = 0.999, "β₂", "how long past squares of gradients are felt";
        epsilon: Log(0.000000000001, 0.1) = 0.00000001, "ε", "added to the root of the squares";
        decay: LogZero(0.0001, 1.0) = 0.01, "λ", "AdamW's weight decay";
        radius: Log(0.001, 1.0) = 0.05, "ρ", "how far uphill SAM looks";
        damping: LogZero(0.000001, 100.0) = 0.001, "δ", "added to the curvature by Newton, Gauss-Newton and M-FAC";
        third_derivative: Log(0.01, 10000.0) = 10.0, "M", "how fast cubic and gradient-regularised Newton expect curvature to change";
        memory: Count(1, 40) = 10, "m", "pairs that L-BFGS, gradients that M-FAC remembers";
        against: Choice(Against) = Against::Steps, "", "what the curves are drawn against; a line search asks for several gradients a step";
    }
}

/// Cells a side of the map under the paths, and of a map through weight space.
const CELLS: usize = 96;
const PLANE_CELLS: usize = 33;
/// Snapshots of all weights that the common plane is fitted to.
const SNAPSHOTS: usize = 96;
/// Multiplications of one slice.
const SLICE: usize = 1_500_000;

/// What is left to do, in the order in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Tune,
    Race,
    Plane,
    Elsewhere,
    Rates,
    Basins,
    Over,
}

/// One who runs, and what is kept of it.
struct Racer {
    who: Who,
    lane: usize,
    step_size: f64,
    tuning: Option<Tuning>,
    trial: Option<Walk>,
    walk: Option<Walk>,
    moments: Vec<Moment>,
    /// Where it was: every step on a surface, now and then in many dimensions.
    path: Vec<Vec<f32>>,
}

/// One moment of a race.
#[derive(Clone, Copy)]
struct Moment {
    loss: f64,
    gradient: f64,
    distance: f64,
    evaluations: usize,
    /// |Δxᵢ|/|gᵢ| on a surface; ‖Δx‖/‖g‖ twice elsewhere.
    effective: [f64; 2],
}

/// Final loss over step size and momentum.
struct Rates {
    who: Who,
    columns: usize,
    rows: usize,
    /// What is left of the height, as a share of that at the start; NaN for not computed or diverged.
    left: Vec<f32>,
    walk: Option<Walk>,
    next: usize,
}

/// A map through weight space.
struct Through {
    plane: Plane,
    shares: [f64; 2],
    low: (f64, f64),
    high: (f64, f64),
    loss: Vec<f32>,
}

/// A run.
pub struct Race {
    controls: Controls,
    course: Course,
    start: Rc<[f64]>,
    minima: Vec<[f64; 2]>,
    /// f over the window.
    ground: Vec<f32>,
    racers: Vec<Racer>,
    stage: Stage,
    done: usize,
    of: usize,
    /// Other starts, and everyone's results from each.
    elsewhere: Vec<Rc<[f64]>>,
    results: Vec<Vec<(f64, f64)>>,
    guest: Option<Walk>,
    rates: Rates,
    through: Option<Through>,
    atlas: Atlas,
    own: Option<Own>,
}

impl Race {
    fn landscape(&self) -> Option<&Landscape> {
        match &self.course.problem {
            Problem::Plane(landscape) => Some(landscape),
            _ => None,
        }
    }

    fn window(&self) -> [(f64, f64); 2] {
        self.landscape().map_or([(-1.0, 1.0); 2], Landscape::window)
    }

    /// Steps of a walk that fit into a slice.
    fn share(&self) -> usize {
        let per_step =
            self.course.problem.cost(self.course.noise.batch()) + self.course.problem.cost(self.course.problem.samples()) / 3;
        (SLICE / (per_step * 20).max(1)).clamp(1, 400).max(SLICE / per_step.max(SLICE))
    }

    fn walk(&self, who: Who, step_size: f64, start: &Rc<[f64]>, controls: &Controls) -> Walk {
        Walk::new(who, who.method(controls, self.course.least), step_size, start.clone(), &self.course)
    }

    /// Some steps of the first trial that is not over.
    fn tune(&mut self) {
        let share = self.share();
        let Some(i) = self.racers.iter().position(|r| r.tuning.as_ref().is_some_and(|t| t.next().is_some())) else {
            for racer in &mut self.racers {
                if let Some(tuning) = &racer.tuning {
                    racer.step_size = tuning.found();
                }
            }
            for i in 0..self.racers.len() {
                let walk = self.walk(self.racers[i].who, self.racers[i].step_size, &self.start, &self.controls);
                self.racers[i].walk = Some(walk);
                self.record(i);
            }
            self.stage = Stage::Race;
            return;
        };
        let step_size = self.racers[i].tuning.as_ref().and_then(Tuning::next).expect("a trial is left");
        let trial = self.racers[i].trial.take();
        let mut walk = trial.unwrap_or_else(|| self.walk(self.racers[i].who, step_size, &self.start, &self.controls));
        for _ in 0..share {
            walk.step(&self.course);
        }
        if walk.over(&self.course) || walk.reached.is_some() {
            self.racers[i].tuning.as_mut().expect("it is being tuned").tell(step_size, walk.result());
        } else {
            self.racers[i].trial = Some(walk);
        }
    }

    /// Keeps what there is to see of a racer now.
    fn record(&mut self, i: usize) {
        let Some(walk) = &self.racers[i].walk else { return };
        if walk.is_pilot() || walk.diverged.is_some() {
            return;
        }
        let mut g = vec![0.0; walk.x.len()];
        self.course.problem.gradient(&walk.x, &mut g);
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let distance = match self.lowest() {
            [] => norm(&mut walk.x.iter().zip(self.start.iter()).map(|(x, s)| x - s)),
            lowest => lowest.iter().map(|m| norm(&mut walk.x.iter().zip(m).map(|(x, m)| x - m))).fold(f64::INFINITY, f64::min),
        };
        let moment = Moment {
            loss: walk.loss,
            gradient: norm(&mut g.iter().copied()),
            distance,
            evaluations: walk.evaluations,
            effective: [f64::NAN; 2],
        };
        let (t, many) = (walk.t, self.landscape().is_none());
        let every = if many { self.course.steps.div_ceil((SNAPSHOTS / self.racers.len()).max(3)) } else { 1 };
        let point = (t.is_multiple_of(every) || t == self.course.steps).then(|| walk.x.iter().map(|x| *x as f32).collect());
        let racer = &mut self.racers[i];
        racer.moments.push(moment);
        racer.path.extend(point);
    }

    /// The minima with the least value.
    fn lowest(&self) -> &[[f64; 2]] {
        let Some(landscape) = self.landscape() else { return &[] };
        let value = |m: &[f64; 2]| landscape.at::<f64>(m[0], m[1]);
        let Some(first) = self.minima.first() else { return &[] };
        let bound = value(first) + 1e-9 * (1.0 + value(first).abs());
        &self.minima[..self.minima.partition_point(|m| value(m) <= bound)]
    }

    /// One step of everyone (of one at a time where steps are dear).
    fn race(&mut self) {
        let behind =
            |r: &Racer| r.walk.as_ref().map_or(usize::MAX, |w| if w.over(&self.course) { usize::MAX } else { r.moments.len() });
        let Some(i) =
            (0..self.racers.len()).min_by_key(|i| behind(&self.racers[*i])).filter(|i| behind(&self.racers[*i]) < usize::MAX)
        else {
            self.stage = if self.landscape().is_none() { Stage::Plane } else { Stage::Elsewhere };
            return;
        };
        let mut walk = self.racers[i].walk.take().expect("it races");
        let (before, mut g) = (walk.x.clone(), vec![0.0; walk.x.len()]);
        self.course.problem.gradient(&before, &mut g);
        walk.step(&self.course);
        let effective = if self.landscape().is_some() {
            [0, 1].map(|k| (walk.x[k] - before[k]).abs() / g[k].abs())
        } else {
            let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
            let length = norm(&mut walk.x.iter().zip(&before).map(|(a, b)| a - b)) / norm(&mut g.iter().copied());
            [length; 2]
        };
        let kept = !walk.is_pilot() && walk.t > 0;
        self.racers[i].walk = Some(walk);
        if kept {
            if let Some(last) = self.racers[i].moments.last_mut() {
                last.effective = effective;
            }
            self.record(i);
        }
    }

    /// The common plane of all paths, then some places of the map over it.
    fn map_plane(&mut self) {
        let Some(mut through) = self.through.take() else {
            let points: Vec<Vec<f32>> = self.racers.iter().flat_map(|r| r.path.iter().cloned()).collect();
            let mut centre = vec![0.0f32; self.start.len()];
            for point in &points {
                centre.iter_mut().zip(point).for_each(|(c, p)| *c += p / points.len() as f32);
            }
            let found = principal(&points, &centre);
            let [first, second] = found.directions;
            let plane = Plane { centre, first, second };
            let places: Vec<(f64, f64)> = points.iter().map(|p| plane.place(p)).collect();
            let ends = |f: fn(&(f64, f64)) -> f64| {
                let (low, high) = places.iter().map(f).fold((0.0f64, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
                let room = (0.12 * (high - low)).max(1e-3);
                (low - room, high + room)
            };
            let (x, y) = (ends(|p| p.0), ends(|p| p.1));
            self.through = Some(Through { plane, shares: found.shares, low: (x.0, y.0), high: (x.1, y.1), loss: Vec::new() });
            return;
        };
        let samples = self.course.problem.samples();
        for _ in 0..(SLICE / self.course.problem.cost(samples).max(1)).max(1) {
            let i = through.loss.len();
            if i == PLANE_CELLS * PLANE_CELLS {
                self.stage = Stage::Elsewhere;
                break;
            }
            let place = |k: usize, low: f64, high: f64| low + (high - low) * (k as f64 + 0.5) / PLANE_CELLS as f64;
            let at =
                (place(i % PLANE_CELLS, through.low.0, through.high.0), place(i / PLANE_CELLS, through.low.1, through.high.1));
            let theta: Vec<f64> = through.plane.at(at.0, at.1).into_iter().map(f64::from).collect();
            through.loss.push(self.course.problem.loss(&theta) as f32);
        }
        self.through = Some(through);
    }

    /// Some steps of a racer from another start.
    fn visit(&mut self) {
        let place = self.results.iter().position(|r| r.len() < self.racers.len());
        let Some(place) = place else {
            self.stage = Stage::Rates;
            return;
        };
        let racer = &self.racers[self.results[place].len()];
        let start = self.elsewhere[place].clone();
        let guest = self.guest.take();
        let mut walk = guest.unwrap_or_else(|| self.walk(racer.who, racer.step_size, &start, &self.controls));
        for _ in 0..self.share() {
            walk.step(&self.course);
        }
        if walk.over(&self.course) || walk.reached.is_some() {
            self.results[place].push(walk.result());
        } else {
            self.guest = Some(walk);
        }
    }

    /// Some steps of the map of step sizes and momenta.
    fn rate(&mut self) {
        let mut left = self.share();
        while left > 0 {
            let rates = &self.rates;
            if rates.next == rates.left.len() {
                self.stage = if self.landscape().is_some() { Stage::Basins } else { Stage::Over };
                return;
            }
            let (step_size, momentum) = rates.place(rates.next);
            let controls = Controls { momentum, ..self.controls.clone() };
            let unfinished = self.rates.walk.take();
            let mut walk = unfinished.unwrap_or_else(|| self.walk(self.rates.who, step_size, &self.start, &controls));
            while left > 0 && !walk.over(&self.course) {
                walk.step(&self.course);
                left -= 1;
            }
            if walk.over(&self.course) {
                let share = (walk.loss - self.course.least) / (walk.first_loss - self.course.least);
                self.rates.left[self.rates.next] = if walk.diverged.is_some() { f32::NAN } else { share as f32 };
                self.rates.next += 1;
                left = left.saturating_sub(1);
            } else {
                self.rates.walk = Some(walk);
            }
        }
    }

    /// The largest curvature at the lowest minimum.
    fn steepest(&self) -> Option<f64> {
        let (landscape, at) = (self.landscape()?, self.minima.first()?);
        let top = eigenvalues(landscape.hessian(*at).2)[1];
        (top.is_finite() && top > 0.0).then_some(top)
    }

    /// The largest stable step size for a momentum, as theory has it for a quadratic, if it has.
    fn boundary(&self, momentum: f64) -> Option<f64> {
        let top = self.steepest()?;
        match self.rates.who {
            Who::HeavyBall => Some(2.0 * (1.0 + momentum) / top),
            Who::Nesterov => Some(2.0 * (1.0 + momentum) / ((1.0 + 2.0 * momentum) * top)),
            _ => None,
        }
    }

    /// For pairs of racers: the share of other starts, and pairs, with the order of this start.
    fn agreement(&self) -> f64 {
        let here: Vec<(f64, f64)> = self.racers.iter().filter_map(|r| r.walk.as_ref()).map(Walk::result).collect();
        let (mut same, mut all) = (0.0, 0.0);
        for there in self.results.iter().filter(|r| r.len() == here.len()) {
            for i in 0..here.len() {
                for j in 0..i {
                    let (a, b) = (compare(here[i], here[j]), compare(there[i], there[j]));
                    // Both diverged, or the same number of gradients: no order.
                    if a != 0 && b != 0 {
                        all += 1.0;
                        same += f64::from(u8::from(a == b));
                    }
                }
            }
        }
        same / all
    }

    /// The share of other starts at which `i` is first.
    fn wins(&self, i: usize) -> f64 {
        let whole: Vec<_> = self.results.iter().filter(|r| r.len() == self.racers.len()).collect();
        let first = |r: &&&Vec<(f64, f64)>| (0..r.len()).all(|j| compare(r[i], r[j]) <= 0);
        whole.iter().filter(first).count() as f64 / whole.len() as f64
    }
}

impl Rates {
    /// Step size and momentum of a place of the map.
    fn place(&self, index: usize) -> (f64, f64) {
        let (column, row) = (index % self.columns, index / self.columns);
        let exponent = -5.0 + 6.0 * (column as f64 + 0.5) / self.columns as f64;
        (libm::pow(10.0, exponent), 0.99 * row as f64 / (self.rows - 1) as f64)
    }
}

impl Experiment for Race {
    type Controls = Controls;

    const CARD: Card = Card {
        slug: "trajectory",
        title: "Optimizer trajectories",
        paper: Paper {
            title: "Descending through a Crowded Valley - Benchmarking Deep Learning Optimizers",
            authors: "Robin M. Schmidt, Frank Schneider, Philipp Hennig",
            year: 2021,
        },
        claim: "From other starts the fairly tuned optimizers arrive in the order shown, for nine pairs in ten.",
        reproduction: Reproduction::InPart,
        honesty: "The paper races optimizers on eight deep-learning problems and finds that who wins depends on the problem and the tuning; here the race is on problems small enough to watch, and what is measured is whether the order seen from one start is worth anything from another.",
        seeds: 3,
        unit: "slice",
        views: &[
            Panel {
                id: "paths",
                title: "The race",
                look: "Drag the start: who follows the valley, who crosses it, who never arrives?",
            },
            Panel {
                id: "surface",
                title: "The race in three dimensions",
                look: "Turn it: the height is logarithmic, so that the floor of a valley shows.",
            },
            Panel {
                id: "loss",
                title: "Height above the lowest minimum",
                look: "Straight lines mean a constant share a step; the rule is the goal.",
            },
            Panel { id: "gradient", title: "Size of the gradient", look: "It may rise while the height falls." },
            Panel { id: "distance", title: "Distance to the lowest minimum", look: "Some turn away from it first." },
            Panel {
                id: "effective",
                title: "Effective step of each coordinate",
                look: "How far a coordinate moves for its gradient; dashed, the second one.",
            },
            Panel {
                id: "basins",
                title: "Where every start leads",
                look: "A colour a minimum, darker where it took longer; grey did not arrive, black diverged.",
            },
            Panel {
                id: "rates",
                title: "Step size and momentum",
                look: "What is left of the height after the race; the line is where theory ends stability.",
            },
            Panel {
                id: "standing",
                title: "Standing",
                look: "Who arrived, at what cost, with which step size, and how often elsewhere.",
            },
        ],
        presets: &[
            Preset { name: "default", about: "Rosenbrock's valley: four ways to walk along a bent floor", set: &[] },
            Preset { name: "break-it", about: "", set: &[("problem", "Rastrigin")] },
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Weights per epoch as npy or npz (epochs × weights, or runs × epochs × weights), or a csv of losses with a column for each run.",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let own = Own::read(library.own())?;
        let problem = problem(controls, seed, library)?;
        let mut start: Rc<[f64]> = problem.start(&mut Random::new(seed, "start")).into();
        let (mut minima, mut ground, mut least, mut width) = (Vec::new(), Vec::new(), 0.0, 100.0);
        if let Problem::Plane(landscape) = &problem {
            let window = landscape.window();
            let place = |(low, high): (f64, f64), share: f64| 0.5 * (low + high) + 0.5 * (high - low) * share;
            start = [place(window[0], controls.start_x), place(window[1], controls.start_y)].into();
            let cell = |i: usize| 2.0 * (i as f64 + 0.5) / CELLS as f64 - 1.0;
            let at = |i: usize| landscape.at::<f64>(place(window[0], cell(i % CELLS)), place(window[1], cell(i / CELLS)));
            let heights: Vec<f64> = (0..CELLS * CELLS).map(at).collect();
            if !heights.iter().any(|h| h.is_finite()) {
                return Err(Error::new(
                    "control formula: f(x, y) is a finite number nowhere in the window, −4 to 4; does it divide by zero, or take the root of something negative?",
                ));
            }
            if !landscape.at::<f64>(start[0], start[1]).is_finite() {
                return Err(Error::new(format!(
                    "control formula: f(x, y) is no finite number at the start ({:.3}, {:.3}); does it divide by zero there? Another start would do",
                    start[0], start[1]
                )));
            }
            minima = landscape.minima();
            // Where there is no minimum, the lowest place in sight.
            let lowest = heights.iter().copied().filter(|h| h.is_finite()).fold(f64::INFINITY, f64::min);
            least = minima.first().map_or(lowest, |m| landscape.at::<f64>(m[0], m[1]));
            width = window[0].1 - window[0].0;
            ground = heights.into_iter().map(|h| h as f32).collect();
        }
        let mut g = vec![0.0; start.len()];
        problem.gradient(&start, &mut g);
        let first_gradient = (g.iter().map(|g| g * g).sum::<f64>() / g.len() as f64).sqrt();
        let noise = Noise::new(controls.noise, controls.noise_size * first_gradient, controls.batch, seed, &problem);
        let many = ground.is_empty();
        let racers = racers(controls, problem.is_sum_of_squares())?;
        let course = Course {
            problem,
            steps: controls.steps,
            pace: controls.schedule,
            least,
            tolerance: controls.tolerance,
            width,
            noise,
        };
        let places = if !many {
            24
        } else if course.problem.cost(course.problem.samples()) < 10_000 {
            12
        } else {
            4
        };
        let mut random = Random::new(seed, "other starts");
        let elsewhere: Vec<Rc<[f64]>> = (0..places).map(|_| course.problem.start(&mut random).into()).collect();
        let with_momentum = |who: &Who| {
            matches!(
                who,
                Who::HeavyBall
                    | Who::Nesterov
                    | Who::Adam
                    | Who::AmsGrad
                    | Who::AdamW
                    | Who::NAdam
                    | Who::RAdam
                    | Who::DiffGrad
                    | Who::AdaBelief
                    | Who::Lion
                    | Who::Muon
            )
        };
        let who = racers.iter().map(|r| r.who).find(with_momentum).unwrap_or(Who::HeavyBall);
        let (columns, rows) = match places {
            24 => (60, 34),
            12 => (24, 12),
            _ => (12, 5),
        };
        let atlas = Atlas::new(racers.len().min(4), &minima, course.problem.size() == 2 && !many);
        let mut run = Race {
            controls: controls.clone(),
            start,
            minima,
            ground,
            stage: Stage::Tune,
            done: 0,
            of: 0,
            results: vec![Vec::new(); places],
            elsewhere,
            guest: None,
            rates: Rates { who, columns, rows, left: vec![f32::NAN; columns * rows], walk: None, next: 0 },
            through: None,
            atlas,
            own,
            racers,
            course,
        };
        let n = run.racers.len();
        let walks = run.racers.iter().filter(|r| r.tuning.is_some()).count() * controls.trials + places * n + columns * rows;
        let per_walk = controls.steps.div_ceil(run.share());
        run.of = walks * per_walk / 2 + controls.steps * n + run.atlas.slices() + 20;
        Ok(run)
    }

    async fn step(&mut self, _: &Device) -> Result<Progress> {
        match self.stage {
            Stage::Tune => self.tune(),
            Stage::Race => self.race(),
            Stage::Plane => self.map_plane(),
            Stage::Elsewhere => self.visit(),
            Stage::Rates => self.rate(),
            Stage::Basins => self.survey(),
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

    fn measures(&self) -> Measures {
        let walks = || self.racers.iter().filter_map(|r| r.walk.as_ref());
        let best = (0..self.racers.len()).min_by(|i, j| {
            let result = |i: usize| self.racers[i].walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result);
            compare(result(*i), result(*j)).cmp(&0)
        });
        measures! {
            agreement: self.agreement(),
            winner_wins: best.map_or(f64::NAN, |i| self.wins(i)),
            arrived: walks().filter(|w| w.reached.is_some()).count(),
            diverged: walks().filter(|w| w.diverged.is_some()).count(),
            boundary_ratio: self.boundary_ratio(),
        }
    }

    fn verdict(runs: &[Measures]) -> Verdict {
        let (worst, middle) = (least(runs, "agreement"), mean(runs, "agreement"));
        let text = if worst.is_nan() {
            "One optimizer alone, or a race that is not over: there is no order to compare.".into()
        } else if runs.len() == 1 {
            format!("From other starts {:.0} % of the pairs of optimizers arrive in the same order.", 100.0 * worst)
        } else {
            format!(
                "From other starts {:.0} % of the pairs of optimizers arrive in the same order, {:.0} % at least.",
                100.0 * middle,
                100.0 * worst
            )
        };
        Verdict::at_least(worst, 0.9, text)
    }

    fn results(&self) -> Vec<Array> {
        self.arrays()
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        let landscape = controls.problem.landscape(controls).ok()??;
        let [x, y] = landscape.window();
        let share = |v: f64, (low, high): (f64, f64)| {
            ((2.0 * (v - low) / (high - low) - 1.0) * 1000.0).round().clamp(-1000.0, 1000.0) / 1000.0
        };
        (which == 0).then(|| Controls { start_x: share(at.0, x), start_y: share(at.1, y), ..controls.clone() })
    }
}

/// The problem that the controls name.
fn problem(controls: &Controls, seed: u64, library: &Library) -> Result<Problem> {
    if let Some(landscape) = controls.problem.landscape(controls)? {
        return Ok(Problem::Plane(landscape));
    }
    if controls.problem == On::Factors {
        return Ok(Problem::Factors(Factors::random(10, 8, 2, &mut Random::new(seed, "matrix"))));
    }
    let pictures = library.pictures(Dataset::Digits)?;
    let order = Random::new(seed, "split").permutation(pictures.len());
    let rows = &order[..300];
    let x = rows.iter().flat_map(|i| pictures.image(*i).iter().map(|v| f64::from(*v) / 16.0)).collect();
    let y = rows.iter().map(|i| pictures.labels[*i]).collect();
    let sizes: &[usize] = if controls.problem == On::Mlp { &[64, 10, 10] } else { &[64, 10] };
    Ok(Problem::Network(Classifier::new(sizes, x, y)))
}

/// Everyone who runs.
fn racers(controls: &Controls, squares: bool) -> Result<Vec<Racer>> {
    let lanes = [
        (controls.first, controls.first_step),
        (controls.second, controls.second_step),
        (controls.third, controls.third_step),
        (controls.fourth, controls.fourth_step),
    ];
    let mut all: Vec<(Who, f64)> = lanes.into_iter().filter(|(who, _)| *who != Who::Nobody).collect();
    if controls.everyone {
        let others: Vec<_> = Who::everyone().filter(|who| all.iter().all(|(other, _)| other != who)).collect();
        all.extend(others.into_iter().filter(|who| squares || *who != Who::GaussNewton).map(|who| (who, 0.0)));
    }
    if all.is_empty() {
        return Err(Error::new("control first: nobody runs; choose an optimizer"));
    }
    if !squares && let Some(lane) = lanes.iter().position(|(who, _)| *who == Who::GaussNewton) {
        let name = ["first", "second", "third", "fourth"][lane];
        return Err(Error::new(format!(
            "control {name}: Gauss-Newton is for sums of squares and networks, and this problem is none; the bowl, Rosenbrock, Himmelblau, Beale and Booth are"
        )));
    }
    let racer = |(lane, (who, step_size)): (usize, (Who, f64))| Racer {
        who,
        lane,
        step_size,
        tuning: (step_size == 0.0).then(|| Tuning::new(controls.trials)),
        trial: None,
        walk: None,
        moments: Vec::new(),
        path: Vec::new(),
    };
    Ok(all.into_iter().enumerate().map(racer).collect())
}
