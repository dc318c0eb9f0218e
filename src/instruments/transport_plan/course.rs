//! One solver at work on one task: its iterations, and what is known of it at each look.

use super::costs::{Costs, share};
use super::engine::{Engine, Piece};
use super::marginals::{Kind, Task};
use super::own::FORBIDDING;
use super::sketch::{self, Sketch};
use super::{Controls, Solver};
use methods::transport::{Gaussian, Problem, Worth};
use run::prelude::*;

/// Entries that a solver may visit in all, iterations of all but the exact one, and the marginal error at which it has arrived.
const BUDGET: f64 = 1.5e9;
const ITERATIONS: usize = 20_000;
const ARRIVED: f64 = 1e-8;

/// Prices of leaving and of arriving.
pub(super) type Prices = (Vec<f64>, Vec<f64>);

/// What was known at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Entries visited so far, over the number of entries.
    pub passes: f64,
    /// The solver's own error, or NaN.
    pub error: f64,
    /// (primal − dual)/primal, where it was appraised.
    pub gap: f64,
}

/// A solver's course.
pub(super) struct Course {
    pub solver: Solver,
    pub engine: Engine,
    pub problem: Problem,
    pub trace: Vec<Moment>,
    pub iterations: usize,
    visited: f64,
    /// After how many passes over the costs its plan is looked at next.
    next_look: f64,
    /// The plan that was looked at last, row by row; empty without one.
    pub plan: Vec<f64>,
    /// Prices that belong to it, made feasible.
    pub prices: Option<Prices>,
    pub worth: Option<Worth>,
    /// The value of the solver's own problem, and its bound from the other side.
    pub own: Option<(f64, f64)>,
    /// Of slicing: mean and standard error, plain and controlled.
    pub slices: Option<[(f64, f64); 2]>,
    /// The image of every source place, for maps without a plan.
    pub images: Vec<f64>,
    /// What went wrong, if anything, in a few words.
    pub trouble: Option<&'static str>,
    /// What is drawn of the plan.
    pub sketch: Option<Sketch>,
    /// No iteration is left, but a last look.
    pub finishing: bool,
    pub over: bool,
}

impl Course {
    /// At its start; the costs are whole.
    pub fn new(
        (control, solver): (&str, Solver),
        task: &Task,
        costs: &Costs,
        controls: &Controls,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let problem = solver.problem(task, costs, controls);
        Ok(Course {
            solver,
            engine: Engine::new((control, solver), &problem, task, costs, controls, seed, device)?,
            problem,
            trace: Vec::new(),
            iterations: 0,
            visited: 0.0,
            next_look: 1.0,
            plan: Vec::new(),
            prices: None,
            worth: None,
            own: None,
            slices: None,
            images: Vec::new(),
            trouble: None,
            sketch: None,
            finishing: false,
            over: false,
        })
    }

    /// Passes over the costs so far.
    fn passes(&self, task: &Task) -> f64 {
        self.visited / task.entries()
    }

    /// Is it time to look at its plan?
    pub fn look_is_due(&self, task: &Task) -> bool {
        self.finishing || self.passes(task) >= self.next_look
    }

    /// It has been looked at.
    pub fn was_looked_at(&mut self, task: &Task) {
        self.next_look = (1.4 * self.passes(task)).max(self.next_look + 1.0);
    }

    /// Some iterations, not past the next look.
    pub async fn work(&mut self, task: &Task, costs: &Costs, controls: &Controls) {
        let entries = task.entries();
        let room = (self.next_look * entries - self.visited).max(entries);
        let piece = self.engine.work(&self.problem, task, costs, controls, (room, self.iterations)).await;
        let Piece { errors, visits, beside, counted, mut done } = piece;
        (self.iterations, self.visited) = counted.unwrap_or((self.iterations, self.visited + beside));
        for error in errors {
            self.iterations += 1;
            self.visited += visits;
            self.trace.push(Moment { passes: self.passes(task), error, gap: f64::NAN });
            // A solver that reached its end within a piece need not be seen going on.
            done |= error <= ARRIVED && self.solver != Solver::Sliced;
        }
        thin(&mut self.trace);
        let broken = self.solver == Solver::Scaling && self.trace.last().is_some_and(|m| !m.error.is_finite());
        let enough = self.visited > BUDGET || self.iterations > ITERATIONS && self.solver != Solver::Exact;
        self.finishing |= done || broken || enough;
    }

    /// Takes in what its plan is worth.
    pub fn take(&mut self, mut worth: Worth, task: &Task) {
        // Prices that round prove so much less.
        worth.gap += worth.rounding;
        worth.dual -= worth.rounding;
        if let Some(bound) = self.engine.bound(&task.ground) {
            (worth.dual, worth.gap) = (bound, worth.primal - bound);
        }
        if let Engine::Exact(simplex) = &self.engine
            && self.finishing
        {
            let proof = simplex.certificate();
            let gap = proof.gap + proof.rounding;
            (worth.primal, worth.dual, worth.cost, worth.gap) = (proof.primal, proof.primal - gap, proof.primal, gap);
            self.prices = Some((proof.u, proof.v));
            if proof.primal > 2.0 * task.forbidding / FORBIDDING {
                self.trouble = Some("every plan needs a forbidden pair");
            }
        }
        if let Engine::Sliced { mean, .. } = &self.engine {
            self.slices = Some([mean.value(), mean.controlled()]);
        }
        let gap = share(worth.gap, worth.primal);
        let error = self.trace.last().map_or(f64::NAN, |m| m.error);
        self.trace.push(Moment { passes: self.passes(task), error, gap });
        self.worth = Some(worth);
        self.over = self.finishing;
    }

    /// The affine map between the Gaussians of the two measures' moments, and what they are apart.
    pub fn map_gaussians(&mut self, task: &Task) {
        let [source, target] = &task.sides;
        let d = source.d;
        let (from, to) = (Gaussian::of(&source.places, &source.mass, d), Gaussian::of(&target.places, &target.mass, d));
        match from.map_to(&to) {
            Some(map) => {
                for i in 0..source.len() {
                    let at = nalgebra::DVector::from_column_slice(source.place(i)) - &from.mean;
                    self.images.extend((&to.mean + &map * at).iter());
                }
            }
            None => self.trouble = Some("the source lies on a line or a point: no map"),
        }
        let dual = if task.ground.squared() { from.squared_distance(&to) } else { f64::NAN };
        let unknown = f64::NAN;
        self.worth =
            Some(Worth { cost: unknown, primal: unknown, dual, gap: unknown, marginal_error: unknown, ..Worth::default() });
        self.over = true;
    }

    /// The entries that are not 0.
    pub fn entries(&self, columns: usize) -> Vec<sketch::Piece> {
        self.plan.iter().enumerate().filter(|(_, p)| **p > 0.0).map(|(k, p)| (k / columns, k % columns, *p)).collect()
    }

    /// Where every source place goes on average: Σⱼ P_ij yⱼ / Σⱼ P_ij, itself where nothing goes.
    pub fn map(&self, task: &Task) -> Vec<f64> {
        let [source, target] = &task.sides;
        if !self.images.is_empty() || self.plan.is_empty() {
            return self.images.clone();
        }
        let mut images = Vec::with_capacity(source.places.len());
        for (i, row) in self.plan.chunks_exact(target.len()).enumerate() {
            let mass: f64 = row.iter().sum();
            let mut sum = vec![0.0; source.d];
            for (j, p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                sum.iter_mut().zip(target.place(j)).for_each(|(s, y)| *s += p * y);
            }
            images.extend(sum.iter().zip(source.place(i)).map(|(s, x)| if mass > 1e-12 { s / mass } else { *x }));
        }
        images
    }

    /// Does its plan belong to places that colours can follow?
    pub fn transfers(&self, task: &Task) -> bool {
        task.kind == Kind::Colours && self.over && (!self.plan.is_empty() || !self.images.is_empty())
    }
}

/// Keeps a trace short: of a long one, what is between appraisals is taken at every second place.
fn thin(trace: &mut Vec<Moment>) {
    if trace.len() > 1200 {
        let mut keep = false;
        let last = trace.len() - 1;
        let mut k = 0;
        trace.retain(|m| {
            keep = !keep;
            k += 1;
            keep || !m.gap.is_nan() || k - 1 == last
        });
    }
}
