//! The course and those who run on it.

use std::rc::Rc;

use methods::optimize::refined;
use methods::optimize::solver::{Method, Objective, Solver};
use run::prelude::*;

use super::field::{Pace, Weather, Who};
use super::objectives::{Draw, Problem, Seen};

/// A problem, how long and how it is run, and the noise that everybody sees alike.
pub struct Course {
    pub problem: Problem,
    pub steps: usize,
    pub pace: Pace,
    /// The value at the lowest minimum; 0 for networks and matrices.
    pub least: f64,
    /// Steps between two looks at the whole loss; on networks that is dear.
    pub look: usize,
    /// Steps that are walked in one go: they take well under a millisecond, or are one.
    pub stretch: usize,
    /// What is left of f(start) − f* where the goal is.
    pub tolerance: f64,
    /// Whoever has a coordinate a million times larger than this has diverged.
    pub width: f64,
    pub noise: Noise,
}

/// Noise of the gradients, the same for everyone at the same step.
pub struct Noise {
    kind: Weather,
    seed: u64,
    /// Standard deviation of each coordinate.
    size: f64,
    batch: usize,
    unknowns: usize,
    samples: usize,
    /// Where there are no samples: the slopes of the summands, which are zero on average.
    summands: Vec<Vec<f64>>,
}

/// Summands of a landscape under mini-batch noise.
const SUMMANDS: usize = 32;

impl Noise {
    pub fn new(kind: Weather, size: f64, batch: usize, seed: u64, problem: &Problem) -> Self {
        let (unknowns, samples) = (problem.size(), problem.samples());
        let mut random = Random::new(seed, "summands");
        let mut summands = Vec::new();
        if kind == Weather::MiniBatch && samples == 0 {
            summands = (0..SUMMANDS).map(|_| (0..unknowns).map(|_| size * random.normal()).collect::<Vec<f64>>()).collect();
            for i in 0..unknowns {
                let mean = summands.iter().map(|s| s[i]).sum::<f64>() / SUMMANDS as f64;
                summands.iter_mut().for_each(|s| s[i] -= mean);
            }
        }
        Noise { kind, seed, size, batch, unknowns, samples, summands }
    }

    /// What step `t` is seen through.
    pub fn at(&self, t: usize) -> Draw {
        let stream = || Random::new(self.seed.wrapping_add((t as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)), "noise");
        match self.kind {
            Weather::Clear => Draw::default(),
            Weather::Gaussian => {
                let mut random = stream();
                Draw { tilt: (0..self.unknowns).map(|_| self.size * random.normal()).collect(), rows: Vec::new() }
            }
            Weather::HeavyTailed => {
                let mut random = stream();
                // Student's t with two degrees of freedom: χ²₂/2 is exponential.
                let mut student = || random.normal() / (-libm::log(1.0 - random.uniform())).sqrt();
                Draw { tilt: (0..self.unknowns).map(|_| self.size * student()).collect(), rows: Vec::new() }
            }
            Weather::MiniBatch => {
                let all = if self.samples > 0 { self.samples } else { SUMMANDS };
                let batch = self.batch.min(all);
                let (per_epoch, epoch) = (all.div_ceil(batch), t / all.div_ceil(batch));
                let mut random = Random::new(self.seed.wrapping_add((epoch as u64) << 20), "batches");
                let order = random.permutation(all);
                let from = (t % per_epoch) * batch;
                let rows = &order[from..(from + batch).min(all)];
                if self.samples > 0 {
                    return Draw { tilt: Vec::new(), rows: rows.to_vec() };
                }
                let mean = |i: usize| rows.iter().map(|row| self.summands[*row][i]).sum::<f64>() / rows.len() as f64;
                Draw { tilt: (0..self.unknowns).map(mean).collect(), rows: Vec::new() }
            }
        }
    }
}

/// One optimizer's way from one start.
#[derive(Clone)]
pub struct Walk {
    who: Who,
    method: Method,
    step_size: f64,
    start: Rc<[f64]>,
    solver: Solver,
    pub x: Vec<f64>,
    pub t: usize,
    pub evaluations: usize,
    pub loss: f64,
    /// f at the start.
    pub first_loss: f64,
    /// Steps and gradient evaluations when the tolerance was first met.
    pub reached: Option<(usize, usize)>,
    /// The step at which it diverged.
    pub diverged: Option<usize>,
    /// Gradient norms of the first run from which the schedule is refined.
    pilot: Option<Vec<f64>>,
    factors: Rc<[f64]>,
}

impl Walk {
    pub fn new(who: Who, method: Method, step_size: f64, start: Rc<[f64]>, course: &Course) -> Self {
        let loss = course.problem.loss(&start);
        Walk {
            who,
            method,
            step_size,
            solver: Solver::new(method, step_size, start.len()),
            x: start.to_vec(),
            start,
            t: 0,
            evaluations: 0,
            loss,
            first_loss: loss,
            // Whoever starts at the minimum is there, and has asked for no gradient.
            reached: (loss <= course.least).then_some((0, 0)),
            diverged: (!loss.is_finite()).then_some(0),
            pilot: (course.pace == Pace::Refined).then(Vec::new),
            factors: (0..course.steps).map(|t| course.pace.schedule().factor(t, course.steps)).collect(),
        }
    }

    /// The first run, which a refined schedule needs, is still going on.
    pub fn is_pilot(&self) -> bool {
        self.pilot.is_some()
    }

    pub fn over(&self, course: &Course) -> bool {
        self.diverged.is_some() || (self.t >= course.steps && self.pilot.is_none())
    }

    /// The step sizes of the whole run.
    pub fn step_sizes(&self) -> Vec<f64> {
        self.factors.iter().map(|f| f * self.step_size).collect()
    }

    /// One step, of the first run or of the run itself.
    pub fn step(&mut self, course: &Course) {
        if self.over(course) {
            return;
        }
        let draw = course.noise.at(self.t);
        let mut seen = Seen { problem: &course.problem, draw: &draw, evaluations: 0 };
        if let Some(norms) = &mut self.pilot {
            let mut gradient = vec![0.0; self.x.len()];
            seen.gradient(&self.x, &mut gradient);
            norms.push(match self.who.refined_power() {
                2 => gradient.iter().map(|g| g * g).sum::<f64>().sqrt(),
                _ => gradient.iter().map(|g| g.abs()).sum::<f64>(),
            });
            // The step asks for the same gradient again.
            seen.evaluations = 0;
        }
        self.solver.step_size = self.step_size * self.factors[self.t];
        self.solver.step(&mut self.x, &mut seen);
        self.evaluations += seen.evaluations;
        self.t += 1;
        if self.t.is_multiple_of(course.look) || self.t == course.steps {
            self.loss = course.problem.loss(&self.x);
        }
        let far = 1e6 * course.width;
        let lost = self.x.iter().any(|x| x.is_nan() || x.abs() > far) || !self.loss.is_finite();
        if let Some(norms) = &self.pilot {
            if self.t == course.steps || lost {
                self.factors = if lost { self.factors.clone() } else { refined(norms, self.who.refined_power()).into() };
                self.pilot = None;
                self.solver = Solver::new(self.method, self.step_size, self.x.len());
                (self.x, self.t, self.loss) = (self.start.to_vec(), 0, self.first_loss);
            }
            return;
        }
        if lost {
            self.diverged = Some(self.t);
        } else if self.reached.is_none() && self.loss - course.least <= course.tolerance * (self.first_loss - course.least) {
            self.reached = Some((self.t, self.evaluations));
        }
    }

    /// A stretch, which ends early at the goal.
    pub fn advance(&mut self, course: &Course) {
        for _ in 0..course.stretch {
            if self.reached.is_none() {
                self.step(course);
            }
        }
    }

    /// Nothing more will happen that decides who is ahead.
    pub fn decided(&self, course: &Course) -> bool {
        self.over(course) || self.reached.is_some()
    }

    /// What decides who is ahead: gradient evaluations to the tolerance, then the last loss. Smaller is better.
    pub fn result(&self) -> (f64, f64) {
        let evaluations = self.reached.map_or(f64::INFINITY, |(_, evaluations)| evaluations as f64);
        (evaluations, if self.diverged.is_some() { f64::INFINITY } else { self.loss })
    }
}

/// Is the first result better (−1), worse (1), or the same (0)?
pub fn compare(a: (f64, f64), b: (f64, f64)) -> i32 {
    let order = a.0.total_cmp(&b.0);
    let order = if a.0.is_infinite() && b.0.is_infinite() { a.1.total_cmp(&b.1) } else { order };
    order as i32
}
