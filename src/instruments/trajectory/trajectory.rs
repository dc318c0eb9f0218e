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
use self::race::{Course, Noise, Tuning, Walk, compare, score};
use gpu::Device;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::View;
use ground::{Error, Result};
use methods::landscapes::{Landscape, eigenvalues};
use methods::objectives::{Classifier, Factors, Problem};
use methods::optimize::solver::Method;
use methods::plane::{Plane, principal};
use run::data::{Array, Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

run::instrument!(Race);

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        problem: Choice(On) = On::Bowl, "f", "what is minimised: surfaces of two variables, a matrix to factorise, networks";
        formula: Text(200) = "(x^2 - 1)^2 + (y - x)^2 + sin(3 y)/3", "", "your own f(x, y), for the problem 'your formula': + - * / ^, sin, cos, tan, exp, ln, sqrt, abs, tanh, max, min";
        condition: Log(1.0, 10000.0) = 1000.0, "κ", "the bowl's steepest curvature over its gentlest: larger, the harder for plain steps";
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
        trials: Count(4, 40) = 16, "", "step sizes that everyone may try before the race (half of them on networks)";
        tuning_starts: Count(1, 16) = 8, "", "starts, drawn at random, from which each is tried (two at most on networks); 1: the start on show alone";
        steps: LogCount(10, 2000) = 200, "T", "how long the race is";
        schedule: Choice(Pace) = Pace::Constant, "", "how step sizes change over the race; refined: as the gradients of a first run ask for";
        tolerance: Log(0.0000000001, 0.5) = 0.000001, "τ", "the goal: what may be left of the height above the lowest minimum, as a share";
        noise: Choice(Weather) = Weather::Clear, "", "what gradients are seen through, the same for everyone at each step";
        noise_size: Log(0.001, 10.0) = 0.1, "σ", "its size, in units of the gradient at a middling start";
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
const SLICE: usize = 600_000;
/// Gradients of one slice, at most.
const GRADIENTS: usize = 4_000;

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
    /// Results of the trials of a step size so far, and the losses at their starts.
    tries: Vec<((f64, f64), f64)>,
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
    /// Starts from which step sizes are tuned.
    tuning_starts: Vec<Rc<[f64]>>,
    /// Fresh starts, and everyone's results from each.
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

    /// Gradients that fit into a slice.
    fn share(&self) -> usize {
        let seen = self.course.problem.cost(self.course.noise.batch());
        let checked = self.course.problem.cost(self.course.problem.samples()) / (3 * self.course.look);
        (SLICE / (seen + checked).max(1)).clamp(1, GRADIENTS)
    }

    fn walk(&self, who: Who, step_size: f64, start: &Rc<[f64]>, controls: &Controls) -> Walk {
        Walk::new(who, who.method(controls, self.course.least), step_size, start.clone(), &self.course)
    }

    /// Some steps of the first trial that is not over.
    fn tune(&mut self) {
        let Some(i) = self.racers.iter().position(|r| r.tuning.as_ref().is_some_and(|t| t.next().is_some())) else {
            for racer in &mut self.racers {
                if let Some(tuning) = &racer.tuning {
                    racer.step_size = tuning.found();
                }
            }
            self.line_up();
            return;
        };
        let step_size = self.racers[i].tuning.as_ref().and_then(Tuning::next).expect("a trial is left");
        let trial = self.racers[i].trial.take();
        let start = &self.tuning_starts[self.racers[i].tries.len()];
        let mut walk = trial.unwrap_or_else(|| self.walk(self.racers[i].who, step_size, start, &self.controls));
        walk.advance(&self.course, &mut self.share());
        let (decided, least) = (walk.decided(&self.course), self.course.least);
        let racer = &mut self.racers[i];
        if !decided {
            racer.trial = Some(walk);
            return;
        }
        racer.tries.push((walk.result(), walk.first_loss));
        if racer.tries.len() == self.tuning_starts.len() {
            let score = score(&std::mem::take(&mut racer.tries), least);
            racer.tuning.as_mut().expect("it is being tuned").tell(step_size, score);
        }
    }

    /// Everyone at the start.
    fn line_up(&mut self) {
        for i in 0..self.racers.len() {
            let walk = self.walk(self.racers[i].who, self.racers[i].step_size, &self.start, &self.controls);
            let racer = &mut self.racers[i];
            (racer.walk, racer.moments, racer.path) = (Some(walk), Vec::new(), Vec::new());
            self.record(i);
        }
        self.stage = Stage::Race;
    }

    /// Keeps what there is to see of a racer now.
    fn record(&mut self, i: usize) {
        let Some(walk) = &self.racers[i].walk else { return };
        if walk.is_pilot() || walk.diverged.is_some() {
            return;
        }
        let mut g = vec![0.0; walk.x.len()];
        let loss = self.course.problem.gradient(&walk.x, &mut g);
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let distance = match self.lowest() {
            [] => norm(&mut walk.x.iter().zip(self.start.iter()).map(|(x, s)| x - s)),
            lowest => lowest.iter().map(|m| norm(&mut walk.x.iter().zip(m).map(|(x, m)| x - m))).fold(f64::INFINITY, f64::min),
        };
        let moment = Moment {
            loss,
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
        walk.advance(&self.course, &mut self.share());
        if walk.decided(&self.course) {
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
                let before = walk.evaluations;
                walk.step(&self.course);
                left = left.saturating_sub(walk.evaluations - before + 1);
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
        match self.rates.who.method(&Controls { momentum, ..self.controls.clone() }, self.course.least) {
            Method::First(rule) => rule.stable_below(top),
            _ => None,
        }
    }

    /// Pairs of racers at other starts with the order of this start, and how many pairs have an order at both.
    fn pairs(&self) -> (f64, f64) {
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
        (same, all)
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

run::views! { Race, Controls:
    paths "The race" "Drag the start: who follows the valley, who crosses it, who never arrives?" => view_0, dragged: drag_0;
    surface "The race in three dimensions" "Turn it: the height is logarithmic, so that the floor of a valley shows." => view_1;
    loss "Height above the lowest minimum" "Straight lines mean a constant share a step; the rule is the goal." => view_2;
    gradient "Size of the gradient" "It may rise while the height falls." => view_3;
    distance "Distance to the lowest minimum" "Some turn away from it first." => view_4;
    effective "Effective step of each coordinate" "How far a coordinate moves for its gradient; dashed, the second one." => view_5;
    heads "Where they are heading" "The last steps of each, an arrow along its last step, and in grey downhill: momentum is where the two part." => view_6;
    basins "Where every start leads" "A colour a minimum, darker where it took longer; grey did not arrive, black diverged. The share reaches the lowest minimum." => view_7;
    rates "Step size and momentum" "What is left of the height after the race; the line is where theory ends stability." => view_8;
    standing "Standing" "Who reached the goal, at what cost, and where everyone ended." => view_9;
    elsewhere "From other starts" "Who arrives from fresh starts, who is first there, and the share of the map that reaches the lowest minimum." => view_10;
}

impl Race {
    async fn step(&mut self, device: &Device) -> Result<Progress> {
        match self.stage {
            Stage::Tune => self.tune(),
            Stage::Race => self.race(),
            Stage::Plane => self.map_plane(),
            Stage::Elsewhere => self.visit(),
            Stage::Rates => self.rate(),
            Stage::Basins => self.survey(device).await,
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
        let landscape = controls.problem.landscape(controls).ok()??;
        let [x, y] = landscape.window();
        let share = |v: f64, (low, high): (f64, f64)| {
            ((2.0 * (v - low) / (high - low) - 1.0) * 1000.0).round().clamp(-1000.0, 1000.0) / 1000.0
        };
        (which == 0).then(|| Controls { start_x: share(at.0, x), start_y: share(at.1, y), ..controls.clone() })
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

    fn view_10(&self) -> View {
        self.view(10)
    }
}

impl Experiment for Race {
    const CARD: Card = Card {
        slug: "trajectory",
        title: "Optimizer trajectories",
        paper: Paper::new(
            "Descending through a Crowded Valley - Benchmarking Deep Learning Optimizers",
            "Robin M. Schmidt, Frank Schneider, Philipp Hennig",
            2021,
        ),
        claim: "On a long, narrow bowl without noise, tuned from several starts, optimizers arrive from fresh starts in the order shown, nine pairs in ten.",
        reproduction: Reproduction::InPart,
        honesty: "The paper races optimizers on eight deep-learning problems and finds that who wins depends on the problem and the tuning; here the race is on problems small enough to watch, and what is measured is whether the order seen from one start is worth anything from another: on the bowl it is, on most other problems it is not.",
        seeds: 3,
        unit: "slice",
        presets: &[
            Preset::holds("default", "A long, narrow bowl, where theory knows who is fast", &[]),
            Preset::gone(
                "break-it",
                "A goal nearby, and step sizes tuned to one start: who is first there is luck",
                &[("tolerance", "0.01"), ("tuning_starts", "1")],
            ),
            Preset::open(
                "bent valley",
                "Rosenbrock's function: the way leads along a floor that turns",
                &[("problem", "Rosenbrock"), ("steps", "500")],
            ),
            Preset::open(
                "four minima",
                "Himmelblau's function: which minimum is reached depends on who walks",
                &[("problem", "Himmelblau"), ("fourth", "Nesterov"), ("start_x", "0.02"), ("start_y", "-0.1")],
            ),
            Preset::open(
                "saddle",
                "Newton's method is drawn to the saddle, its repairs are not",
                &[
                    ("problem", "saddle"),
                    ("first", "Newton"),
                    ("first_step", "1"),
                    ("second", "cubic Newton"),
                    ("second_step", "1"),
                    ("third", "regularised Newton"),
                    ("third_step", "1"),
                    ("fourth", "GD"),
                    ("start_x", "-0.6"),
                    ("start_y", "0.2"),
                ],
            ),
            Preset::open(
                "edge of stability",
                "Gradient descent and momentum at steps just below, and just above, what theory allows",
                &[
                    ("condition", "30"),
                    ("first_step", "0.066"),
                    ("second_step", "0.12"),
                    ("third", "GD"),
                    ("third_step", "0.068"),
                    ("fourth", "Nesterov"),
                    ("fourth_step", "0.04"),
                ],
            ),
            Preset::open(
                "heavy tails",
                "Gradients with rare, enormous errors: who trusts their size pays for it",
                &[
                    ("condition", "30"),
                    ("noise", "heavy-tailed"),
                    ("second", "normalised GD"),
                    ("fourth", "Lion"),
                    ("schedule", "linear decay"),
                    ("tolerance", "0.0001"),
                ],
            ),
            Preset::open(
                "everyone",
                "All optimizers on Rosenbrock's function, each with as many trials",
                &[("problem", "Rosenbrock"), ("everyone", "on")],
            ),
            Preset::open(
                "network",
                "A small network on digits; the paths in the plane that holds most of them",
                &[("problem", "MLP on digits"), ("noise", "mini-batch"), ("fourth", "Muon"), ("schedule", "cosine")],
            ),
        ],
        data: &[Dataset::Digits, Dataset::Mnist],
        own_data: Some(
            "Weights per epoch, a file a run (npz, npy or safetensors, the epochs as the first axis of every array), or a csv of losses with a column for each run.",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let own = Own::read(library.own())?;
        let problem = problem(controls, seed, library)?;
        let mut start: Rc<[f64]> = problem.start(&mut Random::new(seed, "start")).into();
        let (mut minima, mut ground, mut least, mut width) = (Vec::new(), Vec::new(), 0.0, 100.0);
        if let Problem::Plane(landscape) = &problem {
            let window = landscape.window();
            start = self::start(landscape, controls);
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
        let places = match &problem {
            Problem::Plane(_) => 24,
            Problem::Factors(_) => 12,
            Problem::Network(_) => 4,
        };
        let mut random = Random::new(seed, "other starts");
        let elsewhere: Vec<Rc<[f64]>> = (0..places).map(|_| problem.start(&mut random).into()).collect();
        let noise = Noise::new(
            controls.noise,
            controls.noise_size * middling_slope(&problem, &elsewhere),
            controls.batch,
            seed,
            &problem,
        );
        let many = ground.is_empty();
        let network = matches!(problem, Problem::Network(_));
        let trials = if network { controls.trials.div_ceil(2) } else { controls.trials };
        let racers = racers(controls, problem.is_sum_of_squares(), trials)?;
        let course = Course {
            problem,
            steps: controls.steps,
            pace: controls.schedule,
            look: if network { 5 } else { 1 },
            least,
            tolerance: controls.tolerance,
            width,
            noise,
        };
        let (columns, rows) = match &course.problem {
            Problem::Plane(_) => (60, 34),
            Problem::Factors(_) => (24, 12),
            Problem::Network(_) => (10, 4),
        };
        let mut random = Random::new(seed, "tuning starts");
        let tuned_from = if network { controls.tuning_starts.min(2) } else { controls.tuning_starts };
        let tuning_starts: Vec<Rc<[f64]>> = match tuned_from {
            1 => vec![start.clone()],
            many => (0..many).map(|_| course.problem.start(&mut random).into()).collect(),
        };
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
        let atlas = Atlas::new(racers.len().min(4), &minima, course.problem.size() == 2 && !many);
        let mut run = Race {
            controls: controls.clone(),
            start,
            minima,
            ground,
            // The reader's runs take the place of ours.
            stage: if own.is_some() { Stage::Over } else { Stage::Tune },
            done: 0,
            of: 0,
            results: vec![Vec::new(); places],
            elsewhere,
            tuning_starts,
            guest: None,
            rates: Rates { who, columns, rows, left: vec![f32::NAN; columns * rows], walk: None, next: 0 },
            through: None,
            atlas,
            own,
            racers,
            course,
        };
        let n = run.racers.len();
        let tuned = run.racers.iter().filter(|r| r.tuning.is_some()).count();
        let walks = tuned * trials * tuned_from + places * n + columns * rows;
        let per_walk = controls.steps.div_ceil(run.share());
        run.of = walks * per_walk / 2 + controls.steps * n + run.atlas.slices() + 20;
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
        let walks = || self.racers.iter().filter_map(|r| r.walk.as_ref());
        let best = (0..self.racers.len()).min_by(|i, j| {
            let result = |i: usize| self.racers[i].walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result);
            compare(result(*i), result(*j)).cmp(&0)
        });
        if let Some(own) = &self.own {
            let shares = match own {
                Own::Weights(paths) => paths.shares[0] + paths.shares[1],
                Own::Losses(_) => f64::NAN,
            };
            return ground::measures! { own: 1, plane_share: shares };
        }
        let (same, all) = self.pairs();
        let whole = self.results.iter().all(|r| r.len() == self.racers.len());
        let tuned = self.racers.iter().all(|r| r.tuning.is_some());
        let claimed = tuned && self.controls.problem == On::Bowl && self.controls.noise == Weather::Clear;
        ground::measures! {
            agreement: same / all,
            compared: all,
            racers: self.racers.len(),
            whole: whole as u8,
            claimed: claimed as u8,
            winner_wins: best.map_or(f64::NAN, |i| self.wins(i)),
            arrived: walks().filter(|w| w.reached.is_some()).count(),
            diverged: walks().filter(|w| w.diverged.is_some()).count(),
            boundary_ratio: self.boundary_ratio(),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (threshold, figure) = (0.9, runs.least("agreement"));
        let none = |text: &str| Verdict { holds: None, outside: true, text: text.into(), figure, threshold };
        if runs.most("own") > 0.0 {
            let share = runs.mean("plane_share");
            let seen = if share.is_nan() {
                "Your losses are drawn as they are".into()
            } else if share > 0.0 {
                format!("The plane holds {:.1} % of the variance of your weights", 100.0 * share)
            } else {
                "Your weights do not move".into()
            };
            return none(&format!("{seen}; the claim is about our own races."));
        }
        if runs.least("whole") < 1.0 {
            return none("The race is not over, or has not been run from other starts yet.");
        }
        if figure.is_nan() {
            return none(if runs.most("racers") < 2.0 {
                "One optimizer alone: there is no order to compare."
            } else {
                "Every pair of optimizers is a tie, here or from all other starts (is the start at the minimum, or f flat?): there is no order to compare."
            });
        }
        // Who does not arrive is ranked by what is left of the height.
        let arrive = if runs.least("arrived") < 2.0 { "rank" } else { "arrive" };
        let mut text = format!(
            "From other starts {:.0} % of the pairs of optimizers {arrive} in the same order",
            100.0 * runs.mean("agreement")
        );
        if runs.len() > 1 {
            text += &format!(", {:.0} % at least", 100.0 * figure);
        }
        if runs.least("claimed") < 1.0 {
            return none(&format!("{text}. The claim is about tuned steps on the bowl without noise."));
        }
        Verdict::at_least(figure, threshold, text + ".")
    }

    fn results(&self) -> Vec<Array> {
        self.arrays()
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        let same = Controls {
            against: self.controls.against,
            start_x: self.controls.start_x,
            start_y: self.controls.start_y,
            ..controls.clone()
        };
        let moved = (controls.start_x, controls.start_y) != (self.controls.start_x, self.controls.start_y);
        if same != self.controls {
            return false;
        }
        if moved
            && self.own.is_none()
            && let Some(landscape) = self.landscape()
        {
            // A schedule refined from this start, or steps tuned to it alone, are other ones at another start.
            let alone = self.controls.tuning_starts == 1 && self.racers.iter().any(|r| r.tuning.is_some());
            let start = start(landscape, controls);
            if alone || controls.schedule == Pace::Refined || !landscape.at::<f64>(start[0], start[1]).is_finite() {
                return false;
            }
            self.start = start;
            if self.stage != Stage::Tune {
                self.line_up();
            }
            self.rates.left.fill(f32::NAN);
            (self.rates.next, self.rates.walk) = (0, None);
            // What was found out from other starts, and the maps, stay.
        }
        self.controls = controls.clone();
        true
    }
}

/// The place between the ends of an axis that −1 … 1 names.
fn place((low, high): (f64, f64), share: f64) -> f64 {
    0.5 * (low + high) + 0.5 * (high - low) * share
}

/// Where the controls put the start.
fn start(landscape: &Landscape, controls: &Controls) -> Rc<[f64]> {
    let [x, y] = landscape.window();
    [place(x, controls.start_x), place(y, controls.start_y)].into()
}

/// The median over starts of the root mean square of the gradient's entries.
fn middling_slope(problem: &Problem, starts: &[Rc<[f64]>]) -> f64 {
    let slope = |start: &Rc<[f64]>| {
        let mut g = vec![0.0; start.len()];
        problem.gradient(start, &mut g);
        (g.iter().map(|g| g * g).sum::<f64>() / g.len() as f64).sqrt()
    };
    let mut slopes: Vec<f64> = starts.iter().map(slope).filter(|s| s.is_finite()).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(1.0)
}

/// The problem that the controls name.
fn problem(controls: &Controls, seed: u64, library: &Library) -> Result<Problem> {
    if let Some(landscape) = controls.problem.landscape(controls)? {
        return Ok(Problem::Plane(landscape));
    }
    if controls.problem == On::Factors {
        return Ok(Problem::Factors(Factors::random(10, 8, 2, &mut Random::new(seed, "matrix"))));
    }
    let mnist = controls.problem == On::MnistMlp;
    let pictures = library.pictures(if mnist { Dataset::Mnist } else { Dataset::Digits })?;
    let order = Random::new(seed, "split").permutation(pictures.len());
    // Filters, and larger pictures, cost more than a dense layer over digits.
    let rows = &order[..if mnist || controls.problem == On::Cnn { 100 } else { 200 }];
    let x = if mnist {
        rows.iter().flat_map(|i| halved(pictures.image(*i), pictures.width)).collect()
    } else {
        rows.iter().flat_map(|i| pictures.image(*i).iter().map(|v| f64::from(*v) / 16.0)).collect()
    };
    let y = rows.iter().map(|i| pictures.labels[*i]).collect();
    Ok(Problem::Network(match controls.problem {
        On::Logistic => Classifier::dense(&[64, 10], x, y),
        On::Mlp => Classifier::dense(&[64, 10, 10], x, y),
        On::MnistMlp => Classifier::dense(&[196, 10, 10], x, y),
        _ => Classifier::convolutional(8, 4, 10, x, y),
    }))
}

/// A picture of bytes at half its width and height, from 0 to 1: the means of two by two pixels.
fn halved(image: &[u8], width: usize) -> Vec<f64> {
    let at = |x: usize, y: usize| f64::from(image[y * width + x]);
    let (half, height) = (width / 2, image.len() / width / 2);
    let mean = |i: usize| {
        let (x, y) = (2 * (i % half), 2 * (i / half));
        (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / (4.0 * 255.0)
    };
    (0..half * height).map(mean).collect()
}

/// Everyone who runs.
fn racers(controls: &Controls, squares: bool, trials: usize) -> Result<Vec<Racer>> {
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
        tuning: (step_size == 0.0).then(|| Tuning::new(trials)),
        trial: None,
        tries: Vec::new(),
        walk: None,
        moments: Vec::new(),
        path: Vec::new(),
    };
    Ok(all.into_iter().enumerate().map(racer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::controls::Controls as _;

    fn over(controls: &Controls) -> Race {
        let mut run = Race::new(controls, 0, &Library::shipped(&[Dataset::Digits])).unwrap();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    /// Only the race: step sizes are given.
    fn raced(controls: &Controls) -> Race {
        let controls = Controls {
            first_step: 0.01,
            second_step: 0.01,
            third_step: 0.01,
            fourth_step: 0.01,
            condition: 10.0,
            ..controls.clone()
        };
        let mut run = Race::new(&controls, 0, &Library::default()).unwrap();
        while run.stage == Stage::Tune || run.stage == Stage::Race {
            pollster::block_on(run.step(&Device::cpu())).unwrap();
        }
        run
    }

    /// On a bowl runs fall 1 % below theory's last stable step and rise 1 % above it, with and without momentum.
    #[test]
    fn stability_ends_where_theory_says() {
        let landscape = Landscape::bowl(30.0, 0.4);
        let problem = Problem::Plane(landscape);
        let noise = Noise::new(Weather::Clear, 0.0, 1, 0, &problem);
        let course =
            Course { problem, steps: 3000, pace: Pace::Constant, look: 1, least: 0.0, tolerance: 1e-10, width: 1e6, noise };
        for (who, momentum) in
            [(Who::Gradient, 0.0), (Who::HeavyBall, 0.3), (Who::HeavyBall, 0.9), (Who::Nesterov, 0.3), (Who::Nesterov, 0.9)]
        {
            let controls = Controls { momentum, ..Controls::default() };
            let Method::First(rule) = who.method(&controls, 0.0) else { panic!("a first-order rule") };
            let edge = rule.stable_below(30.0).unwrap();
            let last = |step_size: f64| {
                let mut walk = Walk::new(who, who.method(&controls, 0.0), step_size, [3.0, -2.0].into(), &course);
                while !walk.over(&course) {
                    walk.step(&course);
                }
                walk.result().1
            };
            assert!(last(0.99 * edge) < 1e-6 && last(1.01 * edge) > 1e6, "{who:?}, {momentum}");
        }
    }

    #[test]
    fn the_map_of_step_sizes_ends_there_too() {
        let run = over(&Controls { condition: 30.0, steps: 400, ..Controls::default() });
        // A cell of the map is a factor of 1.26 wide.
        assert!(run.boundary_ratio() < 1.26, "{}", run.boundary_ratio());
    }

    #[test]
    fn everybody_has_as_many_trials_and_the_same_noise() {
        let run = over(&Controls { steps: 30, trials: 7, tuning_starts: 3, everyone: true, ..Controls::default() });
        assert!(run.racers.len() == 29 && run.racers.iter().all(|r| r.tuning.as_ref().unwrap().trials_made() == 7));
        for noise in [Weather::Gaussian, Weather::HeavyTailed, Weather::MiniBatch] {
            let run = raced(&Controls { noise, first: Who::Adam, second: Who::Adam, third: Who::Lion, ..Controls::default() });
            let x = |lane: usize| run.racers[lane].walk.as_ref().unwrap().x.clone();
            assert!(x(0) == x(1) && x(0) != x(2), "{noise:?}");
        }
    }

    #[test]
    fn formulas_that_are_no_landscape_are_refused_in_a_sentence() {
        let says = |formula: &str| {
            let controls = Controls { problem: On::Typed, formula: formula.into(), ..Controls::default() };
            Race::new(&controls, 0, &Library::default()).err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(
            says("1/(x - x)"),
            "control formula: f(x, y) is a finite number nowhere in the window, −4 to 4; does it divide by zero, or take the root of something negative?"
        );
        assert!(says("ln(x) + y").starts_with("control formula: f(x, y) is no finite number at the start (-2.800, 2.400)"));
        assert!(says("x +").starts_with("control formula: character 4, the end: "));
        assert_eq!(says("x^2 + 1/y^2"), "");
    }

    #[test]
    fn a_start_is_where_it_was_dragged() {
        for problem in [On::Bowl, On::Rosenbrock, On::Valley] {
            let controls = Controls { problem, ..Controls::default() };
            let moved = Race::pointer(&controls, 0, (1.25, -0.5)).unwrap();
            let run = Race::new(&moved, 0, &Library::default()).unwrap();
            assert!((run.start[0] - 1.25).abs() < 5e-3 && (run.start[1] + 0.5).abs() < 5e-3, "{:?}", run.start);
            assert!(Race::pointer(&controls, 1, (0.0, 0.0)).is_none());
        }
        assert!(Race::pointer(&Controls { problem: On::Mlp, ..Controls::default() }, 0, (0.0, 0.0)).is_none());
    }

    #[test]
    fn who_diverges_is_named() {
        let controls = Controls { problem: On::Himmelblau, first: Who::Gradient, ..Controls::default() };
        let controls = Controls { first_step: 1.0, second: Who::Nobody, third: Who::Nobody, fourth: Who::Nobody, ..controls };
        let run = over(&controls);
        let step = run.racers[0].walk.as_ref().unwrap().diverged.unwrap();
        let View::HeatMap(map) = run.view(0) else { panic!("a heat map") };
        assert_eq!(map.paths[0].name, format!("GD (diverged at step {step})"));
        assert!(map.paths[0].x.iter().all(|x| x.is_finite()));
        assert_eq!(run.measures().get("diverged"), 1.0);
    }

    /// The mean of the summands is nothing; Student's t with two degrees of freedom is beyond ±0.8165 half the time.
    #[test]
    fn noise_is_what_it_says() {
        let problem = Problem::Plane(Landscape::Booth);
        let noise = Noise::new(Weather::MiniBatch, 2.0, 8, 5, &problem);
        let sum: f64 = (0..4).map(|t| noise.at(t).tilt[1]).sum();
        assert!(sum.abs() < 1e-12 && noise.at(0).tilt != noise.at(4).tilt);
        let noise = Noise::new(Weather::HeavyTailed, 1.0, 8, 5, &problem);
        let beyond = (0..4000).filter(|t| noise.at(*t).tilt[0].abs() > 0.816_497).count();
        assert!((1850..2150).contains(&beyond), "{beyond}");
        assert!((0..4000).any(|t| noise.at(t).tilt[0].abs() > 20.0));
    }

    #[test]
    fn tuning_closes_in_on_the_best_step() {
        let mut tuning = Tuning::new(24);
        while let Some(step_size) = tuning.next() {
            let off = libm::log10(step_size) + 2.3456;
            tuning.tell(step_size, (0, 10.0 + off * off, 0.0));
        }
        assert!((libm::log10(tuning.found()) + 2.3456).abs() < 0.02, "{}", tuning.found());
    }

    /// The best step of gradient descent on a bowl is 2/(L + l); the search finds it within the width of its last step.
    #[test]
    fn tuning_finds_the_known_step_of_a_bowl() {
        let controls = Controls { condition: 10.0, angle: 0.0, trials: 30, tuning_starts: 16, ..Controls::default() };
        let run = over(&Controls { second: Who::Nobody, third: Who::Nobody, fourth: Who::Nobody, ..controls });
        let found = run.racers[0].step_size;
        assert!((0.9..1.1).contains(&(found * 11.0 / 2.0)), "{found}");
    }

    #[test]
    fn a_refined_schedule_runs_twice_and_counts_both() {
        let run = raced(&Controls { schedule: Pace::Refined, steps: 50, ..Controls::default() });
        let walk = run.racers[0].walk.as_ref().unwrap();
        assert_eq!((walk.t, walk.evaluations), (50, 100));
        let sizes = walk.step_sizes();
        assert!(sizes[49] == 0.0 && sizes.iter().copied().fold(0.0, f64::max) <= 0.01);
    }

    /// On a surface everything is seen: the matrix has its paths in a plane that holds most of them.
    #[test]
    fn paths_in_many_dimensions_have_their_plane() {
        let run = over(&Controls { problem: On::Factors, steps: 100, ..Controls::default() });
        let through = run.through.as_ref().unwrap();
        assert!(through.shares[0] >= through.shares[1] && through.shares[0] + through.shares[1] > 0.5);
        let View::HeatMap(map) = run.view(0) else { panic!("a map") };
        assert_eq!((map.paths.len(), map.values.len()), (4, PLANE_CELLS * PLANE_CELLS));
        assert!(run.course.problem.size() == 36 && Controls::SPECS.iter().any(|s| s.name == "problem"));
    }
}
