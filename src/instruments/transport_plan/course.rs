//! One solver at work on one task: its steps, and now and then an appraisal of what it has.

use super::light::{self, Light};
use super::measures::{Costs, Ground, Kind, Side, Task};
use super::sketch::{Piece, Sketch};
use super::{Controls, Solver};
use gpu::Device;
use ground::error::{Error, Result};
use ground::random::Random;
use methods::linear::{column_log_sum_exp, exp_in_place};
use methods::transport::{
    Annealed, Appraisal, Gaussian, Greenkhorn, KSparse, MaxSliced, NetworkSimplex, NewtonSparse, Partial, Problem, Projected,
    Quadratic, Scaling, Sliced, Unbalanced, Worth, directions, on_a_line, relative_entropy,
};
use run::kernels::sinkhorn;

/// Entries of the costs that a slice may visit, an exponential counted as one: about 3 ms.
pub(super) const SLICE: f64 = 8e5;
/// Entries that a solver may visit in all, and the marginal error at which it has arrived.
const BUDGET: f64 = 1.5e9;
pub(super) const ARRIVED: f64 = 1e-8;
const SWEEPS: usize = 20_000;
/// The largest side whose sweeps are left to the CPU, and how many sweeps a GPU makes at once of a larger one.
const SMALL: usize = 400;
const BATCH: usize = 32;

enum Engine {
    Exact(NetworkSimplex),
    Partial(Partial),
    Sinkhorn(Box<sinkhorn::Solver>),
    Scaling(Scaling),
    Annealed(Annealed),
    Newton { sweeps: usize, warm: Box<sinkhorn::Solver>, newton: Option<NewtonSparse> },
    Greenkhorn(Greenkhorn),
    Light(Box<dyn Light>),
    Quadratic(Quadratic),
    KSparse { warm: Option<Annealed>, solver: Option<KSparse> },
    Unbalanced(Unbalanced),
    Sliced { mean: Sliced, random: Random },
    MaxSliced { worst: MaxSliced, tried: usize, random: Random },
    Line,
    Gaussian,
}

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

/// exp(uᵢ + vⱼ − share · ηC_ij), row by row.
struct Filling {
    u: Vec<f64>,
    v: Vec<f64>,
    share: f64,
    prices: (Vec<f64>, Vec<f64>),
    plan: Vec<f64>,
}

/// An appraisal of a plan that need not move everything.
struct Relaxed {
    row: usize,
    worth: Worth,
    rows_moved: Vec<f64>,
    columns_moved: Vec<f64>,
    /// Σ P ln(P / r cᵀ) − P.
    relative: f64,
    /// The mass from which an entry counts.
    seen: f64,
}

/// A solver's course.
pub(super) struct Course {
    pub solver: Solver,
    engine: Engine,
    problem: Problem,
    pub trace: Vec<Moment>,
    pub iterations: usize,
    visited: f64,
    next_look: f64,
    appraisal: Option<Appraisal>,
    /// The plan that was appraised last, row by row; empty without one.
    pub plan: Vec<f64>,
    /// Prices of leaving and arriving that belong to it, made feasible.
    pub prices: Option<(Vec<f64>, Vec<f64>)>,
    pub worth: Option<Worth>,
    /// The value of the solver's own problem, and its bound from the other side.
    pub own: Option<(f64, f64)>,
    /// Of slicing: mean and standard error, plain and controlled.
    pub slices: Option<[(f64, f64); 2]>,
    /// The image of every source place, for maps without a plan.
    pub images: Vec<f64>,
    /// What went wrong, if anything, in a few words.
    pub trouble: Option<&'static str>,
    /// The plan that is looked at next, some rows at a time.
    filling: Option<Filling>,
    /// What a plan that need not move everything is worth, so far.
    relaxed: Option<Relaxed>,
    /// What is drawn of the plan, and what will be.
    pub sketch: Option<Sketch>,
    draft: Option<Sketch>,
    finishing: bool,
    pub over: bool,
}

impl Solver {
    /// Is its plan one between the two measures, whole?
    pub(super) fn balanced(self) -> bool {
        !matches!(self, Solver::Unbalanced | Solver::Partial)
    }

    fn entropic(self) -> bool {
        matches!(
            self,
            Solver::Sinkhorn
                | Solver::Scaling
                | Solver::Annealed
                | Solver::Newton
                | Solver::Greenkhorn
                | Solver::Light
                | Solver::Unbalanced
        )
    }
}

impl Course {
    /// At its start; the costs are whole.
    pub fn new(
        solver: Solver,
        control: &str,
        task: &Task,
        costs: &Costs,
        controls: &Controls,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let [source, target] = &task.sides;
        let epsilon = controls.epsilon * costs.scale();
        let problem = if solver.entropic() || matches!(solver, Solver::Quadratic | Solver::KSparse) {
            let mass = |side: &Side| if solver == Solver::Unbalanced { side.relaxed() } else { side.mass.clone() };
            Problem::new(&costs.matrix, mass(source), mass(target), 1.0 / epsilon)
        } else {
            Problem::new(&[], Vec::new(), Vec::new(), 1.0)
        };
        let projected = || -> Result<Projected> {
            if source.d == 0 {
                return Err(Error::new(format!(
                    "control {control}: this solver projects points onto lines, and a cost matrix has no points"
                )));
            }
            Ok(Projected::new(&source.places, &source.mass, &target.places, &target.mass, source.d))
        };
        let large = source.len().max(target.len()) > SMALL;
        let side = || if large { device.clone() } else { Device::cpu() };
        let sweeper = || {
            Box::new(sinkhorn::Solver::new(&side(), sinkhorn::Choice::Faster, problem.scaled_cost(), &source.mass, &target.mass))
        };
        let engine = match solver {
            Solver::Exact => Engine::Exact(NetworkSimplex::new(&costs.matrix, &source.mass, &target.mass)),
            Solver::Partial => {
                let least = costs.least;
                if least < 0.0 {
                    return Err(Error::new(format!(
                        "control {control}: partial transport needs costs that are not negative; the least is {least}"
                    )));
                }
                Engine::Partial(Partial::new(&costs.matrix, &source.relaxed(), &target.relaxed(), controls.share))
            }
            Solver::Sinkhorn => Engine::Sinkhorn(sweeper()),
            Solver::Scaling => Engine::Scaling(Scaling::new(&problem)),
            Solver::Annealed => Engine::Annealed(Annealed::new(&problem)),
            Solver::Newton => Engine::Newton { sweeps: 0, warm: sweeper(), newton: None },
            Solver::Greenkhorn => Engine::Greenkhorn(Greenkhorn::new(&problem)),
            Solver::Light => {
                if !matches!(task.ground, Ground::Straight { power: 2.0, manhattan: false }) {
                    return Err(Error::new(format!("control {control}: the light bridge is for the squared distance")));
                }
                // |x − y|² and ε are twice ½|x − y|² and ε/2.
                Engine::Light(light::new(source, target, 0.5 * epsilon, seed))
            }
            Solver::Quadratic => Engine::Quadratic(Quadratic::new(&Self::spread(&problem))),
            Solver::KSparse => Engine::KSparse { warm: Some(Annealed::new(&problem)), solver: None },
            Solver::Unbalanced => Engine::Unbalanced(Unbalanced::new(&problem, controls.price * costs.scale())),
            Solver::Sliced => Engine::Sliced { mean: Sliced::new(projected()?), random: Random::new(seed, "directions") },
            Solver::MaxSliced => {
                Engine::MaxSliced { worst: MaxSliced::new(projected()?), tried: 0, random: Random::new(seed, "directions") }
            }
            Solver::Line => {
                projected()?;
                Engine::Line
            }
            Solver::Gaussian => {
                projected()?;
                Engine::Gaussian
            }
        };
        Ok(Course {
            solver,
            engine,
            problem,
            trace: Vec::new(),
            iterations: 0,
            visited: 0.0,
            next_look: 1.0,
            appraisal: None,
            plan: Vec::new(),
            prices: None,
            worth: None,
            own: None,
            slices: None,
            images: Vec::new(),
            trouble: None,
            filling: None,
            relaxed: None,
            sketch: None,
            draft: None,
            finishing: false,
            over: false,
        })
    }

    /// The problem with γ in the place of ε: as the squares of a plan are as small as its entries, γ is ε times their number on a side.
    fn spread(problem: &Problem) -> Problem {
        let mut problem = problem.clone();
        let places = problem.rows().max(problem.columns()) as f64;
        problem.rescale(problem.inverse_temperature / places);
        problem
    }

    /// One slice.
    pub async fn advance(&mut self, task: &Task, costs: &Costs, controls: &Controls) {
        let [source, target] = &task.sides;
        if let Some(appraisal) = &mut self.appraisal {
            let rows = (SLICE / 2.0 / target.len() as f64).ceil() as usize;
            if let Some(worth) = appraisal.advance(rows, &costs.matrix, &self.plan, &source.mass, &target.mass) {
                let (x, y) = appraisal.prices();
                if !worth.dual.is_nan() {
                    self.prices = Some((x.to_vec(), y.to_vec()));
                }
                self.appraisal = None;
                self.take(worth, task, costs);
            }
            return;
        }
        if let Some(draft) = &mut self.draft {
            let rows = (SLICE / 2.0 / target.len() as f64).ceil() as usize;
            if draft.advance(rows, task, &self.plan, &costs.matrix, (costs.least, costs.largest)) {
                self.sketch = self.draft.take();
                self.over = self.finishing;
            }
            return;
        }
        if let Some(filling) = &mut self.filling {
            let rows = (SLICE / target.len() as f64).ceil() as usize;
            let from = filling.plan.len() / target.len();
            for i in from..(from + rows).min(source.len()) {
                let (costs, u) = (&self.problem.scaled_cost()[i * target.len()..][..target.len()], filling.u[i]);
                filling.plan.extend(costs.iter().zip(&filling.v).map(|(c, v)| u + v - filling.share * c));
                exp_in_place(&mut filling.plan[i * target.len()..]);
            }
            if from + rows >= source.len() {
                let Filling { plan, prices, .. } = self.filling.take().expect("it is there");
                self.look_at(plan, Some(prices), task);
            }
            return;
        }
        if let Some(relaxed) = self.relaxed.take() {
            self.appraise_relaxed(relaxed, task, costs, controls);
            return;
        }
        let passes = self.visited / (source.len() * target.len()) as f64;
        if self.finishing || passes >= self.next_look {
            self.next_look = (1.4 * passes).max(self.next_look + 1.0);
            if self.snapshot(task, costs) {
                return;
            }
        }
        self.work(task, costs, controls).await;
    }

    /// Is it looking at its plan?
    #[cfg(test)]
    pub fn looks(&self) -> bool {
        self.filling.is_some() || self.relaxed.is_some() || self.appraisal.is_some()
    }

    fn take(&mut self, worth: Worth, task: &Task, costs: &Costs) {
        let mut worth = worth;
        if let Some(bound) = self.bound(task) {
            (worth.dual, worth.gap) = (bound, worth.primal - bound);
        }
        if let Engine::Exact(simplex) = &self.engine
            && self.finishing
        {
            let proof = simplex.certificate();
            (worth.primal, worth.dual, worth.cost) = (proof.primal, proof.primal - proof.gap, proof.primal);
            worth.gap = proof.gap;
            self.prices = Some((proof.u, proof.v));
        }
        let gap = if worth.gap == 0.0 { 0.0 } else { worth.gap / costs.unit(worth.primal) };
        let entries = (task.sides[0].len() * task.sides[1].len()) as f64;
        let error = self.trace.last().map_or(f64::NAN, |m| m.error);
        self.trace.push(Moment { passes: self.visited / entries, error, gap });
        self.worth = Some(worth);
        self.draft = Some(Sketch::new(task, worth.largest, worth.mass));
    }

    /// A lower bound of W that the solver has of its own.
    fn bound(&self, task: &Task) -> Option<f64> {
        let Ground::Straight { power, manhattan: false } = task.ground else { return None };
        if power != 2.0 {
            return None;
        }
        match &self.engine {
            Engine::Sliced { mean, .. } => Some(mean.value().0),
            Engine::MaxSliced { worst, .. } => Some(worst.value),
            _ => None,
        }
    }

    /// Takes the present plan and prices to be appraised; false if there is nothing to appraise yet.
    fn snapshot(&mut self, task: &Task, costs: &Costs) -> bool {
        let [source, target] = &task.sides;
        let (rows, columns) = (source.len(), target.len());
        let epsilon = 1.0 / self.problem.inverse_temperature;
        // Prices of the entropic problem against the product of the marginals.
        let off = |z: &[f64], mass: &[f64], scale: f64| -> Vec<f64> {
            z.iter().zip(mass).map(|(z, m)| (z - libm::log(*m)) * scale).collect()
        };
        // The plan itself takes longer than a slice.
        let entropic = |u: Vec<f64>, v: Vec<f64>, share: f64| {
            let prices = (off(&u, &source.mass, epsilon / share), off(&v, &target.mass, epsilon / share));
            Filling { u, v, share, prices, plan: Vec::with_capacity(rows * columns) }
        };
        let later = match &self.engine {
            Engine::Sinkhorn(solver) | Engine::Newton { warm: solver, newton: None, .. } => {
                let (u, v) = solver.potentials();
                Some(entropic(u, v, 1.0))
            }
            Engine::Annealed(annealed) => {
                let (u, v) = annealed.potentials();
                Some(entropic(u, v, annealed.share()))
            }
            Engine::Light(light) => {
                // π(y|x) = exp(⟨x, y⟩/ε′) v(y)/c(x), ε′ = ε/2: the rows' prices are known, and the columns are given their mass.
                let square = |i: usize| source.place(i).iter().map(|x| x * x).sum::<f64>();
                let logs = light.log_normalisers(&source.places).into_iter().enumerate();
                let u: Vec<f64> = logs.map(|(i, c)| square(i) / epsilon - c + libm::log(source.mass[i])).collect();
                let mut sums = vec![0.0; columns];
                column_log_sum_exp(&mut sums, 1.0, self.problem.scaled_cost(), columns, &u);
                let v: Vec<f64> = target.mass.iter().zip(&sums).map(|(m, s)| libm::log(*m) - s).collect();
                Some(entropic(u, v, 1.0))
            }
            _ => None,
        };
        if later.is_some() {
            self.filling = later;
            return true;
        }
        let (plan, prices) = match &self.engine {
            Engine::Exact(simplex) => {
                let prices = simplex.prices();
                (simplex.plan(), Some((prices.0.to_vec(), prices.1.to_vec())))
            }
            Engine::Scaling(scaling) => {
                let (u, v) = scaling.potentials();
                (scaling.plan(), Some((off(&u, &source.mass, epsilon), off(&v, &target.mass, epsilon))))
            }
            Engine::Newton { newton: Some(newton), .. } => {
                (newton.plan().to_vec(), Some((off(&newton.u, &source.mass, epsilon), off(&newton.v, &target.mass, epsilon))))
            }
            Engine::Sinkhorn(_) | Engine::Annealed(_) | Engine::Newton { .. } | Engine::Light(_) => {
                unreachable!("their plans are filled in slices")
            }
            Engine::Greenkhorn(greedy) => {
                let (u, v) = greedy.potentials();
                (greedy.plan().to_vec(), Some((off(&u, &source.mass, epsilon), off(&v, &target.mass, epsilon))))
            }
            Engine::Quadratic(quadratic) => {
                let scale = 1.0 / quadratic.inverse_temperature();
                let (u, v) = quadratic.potentials();
                let scaled = |z: &[f64]| z.iter().map(|z| z * scale).collect();
                (quadratic.plan().to_vec(), Some((scaled(u), scaled(v))))
            }
            Engine::KSparse { solver: Some(solver), .. } => {
                let x = solver.potential().to_vec();
                let y = methods::transport::c_transform(&costs.matrix, &x);
                (solver.plan(), Some((x, y)))
            }
            Engine::KSparse { .. } => return false,
            Engine::Sliced { mean, .. } if mean.directions() > 0 => (mean.plan(), None),
            Engine::Sliced { .. } => return false,
            Engine::MaxSliced { worst, .. } => {
                (dense(rows, columns, worst.entries.iter().map(|e| (e.row, e.column, e.mass))), None)
            }
            Engine::Line => {
                let first = |places: &[f64]| -> Vec<f64> { places.chunks_exact(source.d).map(|p| p[0]).collect() };
                let entries = on_a_line(&first(&source.places), &source.mass, &first(&target.places), &target.mass);
                (dense(rows, columns, entries.iter().map(|e| (e.row, e.column, e.mass))), None)
            }
            Engine::Partial(partial) => (dense(rows, columns, partial.entries().iter().map(|e| (e.row, e.column, e.mass))), None),
            Engine::Unbalanced(unbalanced) => (unbalanced.plan(), None),
            Engine::Gaussian => {
                let bound = self.map_of_gaussians(task);
                self.worth = Some(Worth {
                    cost: f64::NAN,
                    primal: f64::NAN,
                    dual: bound,
                    gap: f64::NAN,
                    marginal_error: f64::NAN,
                    ..Worth::default()
                });
                self.over = true;
                return true;
            }
        };
        self.look_at(plan, prices, task);
        if let Engine::Sliced { mean, .. } = &self.engine {
            self.slices = Some([mean.value(), mean.controlled()]);
        }
        true
    }

    /// Begins the appraisal of a plan.
    fn look_at(&mut self, plan: Vec<f64>, prices: Option<(Vec<f64>, Vec<f64>)>, task: &Task) {
        if plan.iter().any(|p| !p.is_finite()) {
            self.trouble = Some("numbers under- or overflow: ε is too small for this way");
            self.plan.clear();
            self.over = true;
            return;
        }
        self.plan = plan;
        let [rows, columns] = [0, 1].map(|k| task.sides[k].len());
        if self.solver.balanced() {
            self.appraisal = Some(Appraisal::new(rows, columns, prices));
        } else {
            self.relaxed = Some(Relaxed {
                row: 0,
                worth: Worth::default(),
                rows_moved: vec![0.0; rows],
                columns_moved: vec![0.0; columns],
                relative: 0.0,
                seen: 1e-6 * self.plan.iter().fold(0.0, |a: f64, b| a.max(*b)),
            });
        }
    }

    /// Some rows of a plan that need not move everything.
    fn appraise_relaxed(&mut self, mut relaxed: Relaxed, task: &Task, costs: &Costs, controls: &Controls) {
        let [source, target] = [0, 1].map(|k| task.sides[k].relaxed());
        let columns = target.len();
        let epsilon = 1.0 / self.problem.inverse_temperature;
        // A logarithm takes some eight entries' time.
        let rows = (SLICE / 8.0 / columns as f64).ceil() as usize;
        let last = (relaxed.row + rows).min(source.len());
        for i in relaxed.row..last {
            let (plan, cost) = (&self.plan[i * columns..][..columns], &costs.matrix[i * columns..][..columns]);
            for (j, (p, c)) in plan.iter().zip(cost).enumerate().filter(|(_, (p, _))| **p > 0.0) {
                relaxed.rows_moved[i] += p;
                relaxed.columns_moved[j] += p;
                relaxed.worth.cost += p * c;
                relaxed.worth.entropy -= p * libm::log(*p);
                relaxed.worth.entries += usize::from(*p > relaxed.seen);
                if let Engine::Unbalanced(unbalanced) = &self.engine {
                    // KL(P | r cᵀ) from ln P = u + v + ln r + ln c − ηC.
                    relaxed.relative += p * (unbalanced.u[i] + unbalanced.v[j] - c / epsilon) - p;
                }
            }
        }
        relaxed.row = last;
        if last < source.len() {
            self.relaxed = Some(relaxed);
            return;
        }
        let Relaxed { mut worth, rows_moved, columns_moved, relative, seen, .. } = relaxed;
        worth.mass = rows_moved.iter().sum();
        worth.largest = 1e6 * seen;
        let off = |want: &[f64], have: &[f64]| -> f64 { want.iter().zip(have).map(|(w, h)| (w - h).abs()).sum() };
        worth.marginal_error = off(&source, &rows_moved) + off(&target, &columns_moved);
        (worth.primal, worth.dual) = match &self.engine {
            Engine::Partial(partial) => {
                let proof = partial.simplex.certificate();
                (proof.primal, proof.primal - proof.gap)
            }
            Engine::Unbalanced(unbalanced) => {
                let price = controls.price * costs.scale();
                let product = task.sides[0].relative * task.sides[1].relative;
                let relative = relative + product;
                let primal = worth.cost
                    + epsilon * relative
                    + price * (relative_entropy(&rows_moved, &source) + relative_entropy(&columns_moved, &target));
                let asked = |mass: &[f64], z: &[f64]| -> f64 {
                    mass.iter().zip(z).map(|(m, z)| m * (1.0 - libm::exp(-z * epsilon / price))).sum()
                };
                let dual =
                    price * (asked(&source, &unbalanced.u) + asked(&target, &unbalanced.v)) + epsilon * (product - worth.mass);
                (primal, dual)
            }
            _ => (f64::NAN, f64::NAN),
        };
        // A sum of logarithms may round a gap of nothing below it.
        worth.gap = (worth.primal - worth.dual).max(0.0);
        self.own = Some((worth.primal, worth.dual));
        self.take(worth, task, costs);
    }

    /// The affine map between the Gaussians of the two measures' moments, and what they are apart.
    fn map_of_gaussians(&mut self, task: &Task) -> f64 {
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
        let squared = matches!(task.ground, Ground::Straight { power: 2.0, manhattan: false });
        if squared { from.squared_distance(&to) } else { f64::NAN }
    }

    /// Some iterations.
    async fn work(&mut self, task: &Task, costs: &Costs, controls: &Controls) {
        let [source, target] = &task.sides;
        let entries = (source.len() * target.len()) as f64;
        // Not past the next look.
        let room = (self.next_look * entries - self.visited).max(entries);
        let sweeps = (SLICE.min(room) / entries).ceil() as usize;
        let mut errors: Vec<f64> = Vec::new();
        // What an iteration visits, in entries.
        let mut visits = entries;
        let mut done = false;
        match &mut self.engine {
            Engine::Exact(simplex) | Engine::Partial(Partial { simplex, .. }) => {
                done = simplex.advance(room.min(4.0 * SLICE));
                self.iterations = simplex.pivots();
                self.visited = simplex.work();
            }
            Engine::Sinkhorn(solver) => {
                let many = if source.len().max(target.len()) > SMALL { BATCH } else { sweeps };
                errors = solver.up_to(many, sweeps).await;
            }
            Engine::Scaling(scaling) => {
                visits = 0.4 * entries;
                errors.extend((0..2 * sweeps).map(|_| scaling.sweep()));
            }
            Engine::Annealed(annealed) => {
                for _ in 0..sweeps {
                    // Errors on the way are those of other problems.
                    let there = annealed.arrived();
                    let error = annealed.sweep();
                    errors.push(if there { error } else { f64::NAN });
                }
            }
            Engine::Newton { sweeps: made, warm, newton } => match newton {
                None => {
                    let many = sweeps.min(WARM - *made);
                    errors = warm.up_to(many, many).await;
                    *made += errors.len();
                    if *made >= WARM {
                        let (u, v) = warm.potentials();
                        let kept = KEPT * source.len().max(target.len());
                        *newton = Some(NewtonSparse::new(&self.problem, u, v, kept));
                    }
                }
                Some(newton) => {
                    let before = newton.work;
                    let stepped = newton.advance(&self.problem, 20.0 * SLICE);
                    self.visited += (newton.work - before) / 20.0;
                    if stepped {
                        visits = 0.0;
                        errors.push(newton.marginal_error(&self.problem));
                        done = newton.stalled || newton.steps >= NEWTON_STEPS;
                    }
                }
            },
            Engine::Greenkhorn(greedy) => {
                // A sweep's updates, or a part of them.
                visits = 2.0 * entries;
                let updates = (0.15 * SLICE / (source.len() + target.len()) as f64).ceil() as usize;
                errors.extend(greedy.advance(updates));
            }
            Engine::Light(light) => {
                visits = light::STEP;
                for _ in 0..((0.3 * SLICE.min(room) / visits) as usize).max(1) {
                    done = light.step() >= light::STEPS;
                    errors.push(f64::NAN);
                    if done {
                        break;
                    }
                }
            }
            Engine::Quadratic(quadratic) => {
                let before = (quadratic.steps(), quadratic.inner_steps());
                let error = quadratic.advance(10.0 * SLICE);
                self.visited += SLICE;
                if quadratic.steps() > before.0 {
                    visits = 0.0;
                    errors.push(if quadratic.arrived() { error } else { f64::NAN });
                    done = quadratic.stalled() || quadratic.steps() > 600;
                }
            }
            Engine::KSparse { warm, solver } => match (warm.as_mut(), solver) {
                (Some(annealed), slot) => {
                    for _ in 0..sweeps {
                        annealed.sweep();
                        errors.push(f64::NAN);
                    }
                    if annealed.arrived() || self.iterations > 400 {
                        let (u, _) = annealed.potentials();
                        let x = u.iter().map(|u| u / (self.problem.inverse_temperature * annealed.share())).collect();
                        let gamma = source.len().max(target.len()) as f64 / self.problem.inverse_temperature;
                        *slot = Some(KSparse::new(&costs.matrix, &source.mass, &target.mass, controls.kept, gamma, x));
                        *warm = None;
                    }
                }
                (None, Some(solver)) => {
                    visits = 4.0 * entries;
                    errors.extend((0..sweeps.div_ceil(6)).map(|_| solver.step()));
                    done = solver.steps > 3000;
                }
                _ => unreachable!("the one follows the other"),
            },
            Engine::Unbalanced(unbalanced) => {
                visits = 2.0 * entries;
                errors.extend((0..sweeps).filter_map(|_| unbalanced.half()));
            }
            Engine::Sliced { mean, random } => {
                let points = (source.len() + target.len()) as f64;
                visits = 12.0 * points;
                let many = ((SLICE / visits) as usize).clamp(1, controls.directions - mean.directions());
                for _ in 0..many {
                    mean.add(&directions(source.d, 1, random));
                    let (value, error) = mean.controlled();
                    errors.push(if mean.directions() > 2 { error / value } else { f64::NAN });
                }
                done = mean.directions() >= controls.directions;
            }
            Engine::MaxSliced { worst, tried, random } => {
                visits = 12.0 * (source.len() + target.len()) as f64;
                for _ in 0..((SLICE / visits) as usize).max(1) {
                    if *tried < controls.directions {
                        worst.offer(&directions(source.d, 1, random));
                        *tried += 1;
                    } else {
                        done |= !worst.climb();
                    }
                    errors.push(f64::NAN);
                }
                done |= self.iterations > controls.directions + 1000;
            }
            Engine::Line | Engine::Gaussian => done = true,
        }
        for error in errors {
            self.iterations += 1;
            self.visited += visits;
            self.trace.push(Moment { passes: self.visited / entries, error, gap: f64::NAN });
            // A solver that reached its end within a slice need not be seen going on.
            done |= error <= ARRIVED && !matches!(self.solver, Solver::Sliced);
        }
        thin(&mut self.trace);
        let broken = matches!(self.engine, Engine::Scaling(_)) && self.trace.last().is_some_and(|m| !m.error.is_finite());
        self.finishing |= done || broken || self.visited > BUDGET || self.iterations > SWEEPS && self.solver != Solver::Exact;
    }

    /// The entries that are not 0.
    pub fn entries(&self, columns: usize) -> Vec<Piece> {
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

    /// Is there anything to say of ε?
    pub fn regularised(&self) -> bool {
        self.solver.entropic() || matches!(self.solver, Solver::Quadratic | Solver::KSparse)
    }

    /// Does its plan belong to places that colours can follow?
    pub fn transfers(&self, task: &Task) -> bool {
        task.kind == Kind::Colours && self.over && (!self.plan.is_empty() || !self.images.is_empty())
    }
}

/// Sweeps before Newton, entries a row that its Hessian keeps, and its steps at most.
const WARM: usize = 50;
const KEPT: usize = 30;
const NEWTON_STEPS: usize = 500;

fn dense(rows: usize, columns: usize, entries: impl Iterator<Item = (usize, usize, f64)>) -> Vec<f64> {
    let mut plan = vec![0.0; rows * columns];
    entries.for_each(|(i, j, p)| plan[i * columns + j] += p);
    plan
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
