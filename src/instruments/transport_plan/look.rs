//! A look at what a solver has: its plan, what that is worth, and what is drawn of it, some rows at a time.

use super::costs::Costs;
use super::course::{Course, Prices};
use super::engine::Engine;
use super::marginals::Task;
use super::sketch::Sketch;
use super::{Controls, TransportPlan};
use methods::linear::{column_log_sum_exp, exp_in_place};
use methods::transport::{Appraisal, NetworkSimplex, Worth, c_transform, on_a_line, relative_entropy};
use run::prelude::*;

/// A plan as a solver has it.
enum Draft {
    Plan(Vec<f64>, Option<Prices>),
    Scaled(Scaled),
}

/// exp(uᵢ + vⱼ − share · ηC_ij), and prices that belong to it.
struct Scaled {
    u: Vec<f64>,
    v: Vec<f64>,
    share: f64,
    prices: Prices,
}

impl TransportPlan {
    /// Looks at course `k`.
    pub(super) async fn look(mut self: Box<Self>, k: usize, stage: &Stage<Self>) -> Box<Self> {
        let pair = self.pair();
        if matches!(pair.courses[k].engine, Engine::Gaussian) {
            pair.courses[k].map_gaussians(&pair.task);
            return self;
        }
        let [rows, columns] = pair.task.size();
        let (plan, prices) = match pair.courses[k].draft(&pair.task, &pair.costs) {
            None => return self,
            Some(Draft::Plan(plan, prices)) => (plan, prices),
            Some(Draft::Scaled(scaled)) => {
                let mut plan = Vec::with_capacity(rows * columns);
                for i in 0..rows {
                    scaled.fill_row(i, self.pair().courses[k].problem.scaled_cost(), &mut plan);
                    self = stage.part(self).await;
                }
                (plan, Some(scaled.prices))
            }
        };
        if plan.iter().any(|p| !p.is_finite()) {
            let course = &mut self.pair().courses[k];
            course.trouble = Some("numbers under- or overflow: ε is too small for this way");
            course.plan.clear();
            course.over = true;
            return self;
        }
        let (worth, prices) = if self.pair().courses[k].solver.balanced() {
            let (run, worth, prices) = self.appraise(&plan, prices, stage).await;
            self = run;
            (worth, prices)
        } else {
            let mut relaxed = Relaxed::new(&plan, rows, columns);
            for i in 0..rows {
                let pair = self.pair();
                relaxed.take_row(i, &plan, &pair.costs, &pair.courses[k]);
                self = stage.part(self).await;
            }
            let controls = self.controls.clone();
            let pair = self.pair();
            let worth = relaxed.worth(&pair.task, &pair.costs, &controls, &pair.courses[k]);
            pair.courses[k].own = Some((worth.primal, worth.dual));
            (worth, None)
        };
        let mut sketch = Sketch::new(&self.pair().task, worth.largest, worth.mass);
        for i in 0..rows {
            let pair = self.pair();
            sketch.take_row(i, &pair.task, &plan, &pair.costs);
            self = stage.part(self).await;
        }
        let pair = self.pair();
        let course = &mut pair.courses[k];
        (course.plan, course.sketch) = (plan, Some(sketch));
        if prices.is_some() {
            course.prices = prices;
        }
        course.take(worth, &pair.task);
        self
    }

    /// What a plan between the two measures is worth, and its prices made feasible.
    pub(super) async fn appraise(
        mut self: Box<Self>,
        plan: &[f64],
        prices: Option<Prices>,
        stage: &Stage<Self>,
    ) -> (Box<Self>, Worth, Option<Prices>) {
        let [rows, columns] = self.pair().task.size();
        let mut appraisal = Appraisal::new(rows, columns, prices);
        let worth = loop {
            let pair = self.pair();
            let [source, target] = &pair.task.sides;
            if let Some(worth) = appraisal.advance(1, &pair.costs.matrix, plan, &source.mass, &target.mass) {
                break worth;
            }
            self = stage.part(self).await;
        };
        let (x, y) = appraisal.prices();
        let prices = (!worth.dual.is_nan()).then(|| (x.to_vec(), y.to_vec()));
        (self, worth, prices)
    }
}

impl Scaled {
    /// Row i of the plan.
    fn fill_row(&self, i: usize, scaled_cost: &[f64], plan: &mut Vec<f64>) {
        let (columns, u) = (self.v.len(), self.u[i]);
        let costs = &scaled_cost[i * columns..][..columns];
        plan.extend(costs.iter().zip(&self.v).map(|(c, v)| u + v - self.share * c));
        exp_in_place(&mut plan[i * columns..]);
    }
}

impl Course {
    /// Its present plan, if it has one yet.
    fn draft(&self, task: &Task, costs: &Costs) -> Option<Draft> {
        let [source, target] = &task.sides;
        let [rows, columns] = task.size();
        let epsilon = 1.0 / self.problem.inverse_temperature;
        // Prices of the entropic problem against the product of the marginals.
        let off = |z: &[f64], mass: &[f64], scale: f64| -> Vec<f64> {
            z.iter().zip(mass).map(|(z, m)| (z - libm::log(*m)) * scale).collect()
        };
        let priced = |u: &[f64], v: &[f64], scale: f64| -> Prices { (off(u, &source.mass, scale), off(v, &target.mass, scale)) };
        let scaled = |(u, v): Prices, share: f64| {
            let prices = priced(&u, &v, epsilon / share);
            Draft::Scaled(Scaled { u, v, share, prices })
        };
        let plan = |plan: Vec<f64>, (u, v): Prices| Draft::Plan(plan, Some(priced(&u, &v, epsilon)));
        Some(match &self.engine {
            Engine::Exact(simplex) => {
                let prices = simplex.prices();
                Draft::Plan(simplex.plan(), Some((prices.0.to_vec(), prices.1.to_vec())))
            }
            Engine::Sinkhorn(solver) | Engine::Newton { warm: solver, newton: None, .. } => scaled(solver.potentials(), 1.0),
            Engine::Annealed(annealed) => scaled(annealed.potentials(), annealed.share()),
            Engine::Light(light) => {
                // π(y|x) = exp(⟨x, y⟩/ε′) v(y)/c(x), ε′ = ε/2: the rows' prices are known, and the columns are given their mass.
                let square = |i: usize| source.place(i).iter().map(|x| x * x).sum::<f64>();
                let logs = light.log_normalisers(&source.places).into_iter().enumerate();
                let u: Vec<f64> = logs.map(|(i, c)| square(i) / epsilon - c + libm::log(source.mass[i])).collect();
                let mut sums = vec![0.0; columns];
                column_log_sum_exp(&mut sums, 1.0, self.problem.scaled_cost(), columns, &u);
                let v = target.mass.iter().zip(&sums).map(|(m, s)| libm::log(*m) - s).collect();
                scaled((u, v), 1.0)
            }
            Engine::Scaling(scaling) => plan(scaling.plan(), scaling.potentials()),
            Engine::Newton { newton: Some(newton), .. } => plan(newton.plan().to_vec(), (newton.u.clone(), newton.v.clone())),
            Engine::Greenkhorn(greedy) => {
                let (u, v) = greedy.potentials();
                plan(greedy.plan().to_vec(), (u.to_vec(), v.to_vec()))
            }
            Engine::Quadratic(quadratic) => {
                let scale = 1.0 / quadratic.inverse_temperature();
                let (u, v) = quadratic.potentials();
                let scaled = |z: &[f64]| z.iter().map(|z| z * scale).collect();
                Draft::Plan(quadratic.plan().to_vec(), Some((scaled(u), scaled(v))))
            }
            Engine::KSparse { solver, .. } => {
                let solver = solver.as_ref()?;
                let x = solver.potential().to_vec();
                let y = c_transform(&costs.matrix, &x);
                Draft::Plan(solver.plan(), Some((x, y)))
            }
            Engine::Sliced { mean, .. } if mean.directions() == 0 => return None,
            Engine::Sliced { mean, .. } => Draft::Plan(mean.plan(), None),
            Engine::MaxSliced { worst, .. } => {
                Draft::Plan(dense(rows, columns, worst.entries.iter().map(|e| (e.row, e.column, e.mass))), None)
            }
            Engine::Line => {
                let first = |places: &[f64]| -> Vec<f64> { places.chunks_exact(source.d).map(|p| p[0]).collect() };
                let entries = on_a_line(&first(&source.places), &source.mass, &first(&target.places), &target.mass);
                Draft::Plan(dense(rows, columns, entries.iter().map(|e| (e.row, e.column, e.mass))), None)
            }
            Engine::Partial(partial) => {
                Draft::Plan(dense(rows, columns, partial.entries().iter().map(|e| (e.row, e.column, e.mass))), None)
            }
            Engine::Unbalanced(unbalanced) => Draft::Plan(unbalanced.plan(), None),
            Engine::Gaussian => return None,
        })
    }
}

fn dense(rows: usize, columns: usize, entries: impl Iterator<Item = (usize, usize, f64)>) -> Vec<f64> {
    let mut plan = vec![0.0; rows * columns];
    entries.for_each(|(i, j, p)| plan[i * columns + j] += p);
    plan
}

/// What a plan that need not move everything is worth, row by row.
struct Relaxed {
    worth: Worth,
    rows_moved: Vec<f64>,
    columns_moved: Vec<f64>,
    /// Σ P ln(P / r cᵀ) − P.
    relative: f64,
    /// The mass from which an entry counts.
    seen: f64,
}

impl Relaxed {
    fn new(plan: &[f64], rows: usize, columns: usize) -> Self {
        Relaxed {
            worth: Worth::default(),
            rows_moved: vec![0.0; rows],
            columns_moved: vec![0.0; columns],
            relative: 0.0,
            seen: 1e-6 * plan.iter().fold(0.0, |a: f64, b| a.max(*b)),
        }
    }

    fn take_row(&mut self, i: usize, plan: &[f64], costs: &Costs, course: &Course) {
        let (columns, epsilon) = (self.columns_moved.len(), 1.0 / course.problem.inverse_temperature);
        let (plan, cost) = (&plan[i * columns..][..columns], &costs.matrix[i * columns..][..columns]);
        for (j, (p, c)) in plan.iter().zip(cost).enumerate().filter(|(_, (p, _))| **p > 0.0) {
            self.rows_moved[i] += p;
            self.columns_moved[j] += p;
            self.worth.cost += p * c;
            self.worth.entropy -= p * libm::log(*p);
            self.worth.entries += usize::from(*p > self.seen);
            if let Engine::Unbalanced(unbalanced) = &course.engine {
                // KL(P | r cᵀ) from ln P = u + v + ln r + ln c − ηC.
                self.relative += p * (unbalanced.u[i] + unbalanced.v[j] - c / epsilon) - p;
            }
        }
    }

    fn worth(self, task: &Task, costs: &Costs, controls: &Controls, course: &Course) -> Worth {
        let [source, target] = [0, 1].map(|k| task.sides[k].relaxed());
        let epsilon = 1.0 / course.problem.inverse_temperature;
        let Relaxed { mut worth, rows_moved, columns_moved, relative, seen } = self;
        worth.mass = rows_moved.iter().sum();
        worth.largest = 1e6 * seen;
        let off = |want: &[f64], have: &[f64]| -> f64 { want.iter().zip(have).map(|(w, h)| (w - h).abs()).sum() };
        worth.marginal_error = off(&source, &rows_moved) + off(&target, &columns_moved);
        (worth.primal, worth.dual) = match &course.engine {
            Engine::Partial(partial) => proven(&partial.simplex),
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
        worth
    }
}

/// The cost that a simplex proves, and its bound.
fn proven(simplex: &NetworkSimplex) -> (f64, f64) {
    let proof = simplex.certificate();
    (proof.primal, proof.primal - proof.gap - proof.rounding)
}
