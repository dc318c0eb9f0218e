//! The solvers, each set up for a task, and a piece of work of each.

use super::costs::Costs;
use super::light::{self, Light};
use super::marginals::{Ground, Side, Task};
use super::{Controls, Solver};
use methods::transport::{
    Annealed, Greenkhorn, KSparse, MaxSliced, NetworkSimplex, NewtonSparse, Partial, Problem, Projected, Quadratic, Scaling,
    Sliced, Unbalanced, directions,
};
use run::kernels::sinkhorn;
use run::prelude::*;

/// Entries of the costs that a piece of work visits, an exponential counted as one.
const PIECE: f64 = 8e5;
/// The largest side whose sweeps are left to the CPU, and how many sweeps a GPU makes at once of a larger one.
const SMALL: usize = 400;
const BATCH: usize = 32;
/// Sweeps before Newton, entries a row that its Hessian keeps, and its steps at most.
const WARM: usize = 50;
const KEPT: usize = 30;
const NEWTON_STEPS: usize = 500;

/// A solver at work.
pub(super) enum Engine {
    Exact(NetworkSimplex),
    Partial(Partial),
    Sinkhorn(Box<sinkhorn::Solver>),
    Scaling(Scaling),
    Annealed(Annealed),
    /// Sweeps first.
    Newton {
        sweeps: usize,
        warm: Box<sinkhorn::Solver>,
        newton: Option<NewtonSparse>,
    },
    Greenkhorn(Greenkhorn),
    Light(Box<dyn Light>),
    Quadratic(Quadratic),
    /// Its first prices are annealed ones.
    KSparse {
        warm: Annealed,
        solver: Option<KSparse>,
    },
    Unbalanced(Unbalanced),
    Sliced {
        mean: Sliced,
        random: Random,
    },
    MaxSliced {
        worst: MaxSliced,
        tried: usize,
        random: Random,
    },
    Line,
    Gaussian,
}

/// What a piece of work came to.
#[derive(Default)]
pub(super) struct Piece {
    /// The marginal error after each iteration, NaN where it is not known.
    pub errors: Vec<f64>,
    /// Entries that an iteration visits, and those visited beside.
    pub visits: f64,
    pub beside: f64,
    /// Iterations and entries visited in all, of a solver that counts for itself.
    pub counted: Option<(usize, f64)>,
    /// Nothing is left to do.
    pub done: bool,
}

impl Solver {
    /// Is its plan one between the two measures, whole?
    pub(super) fn balanced(self) -> bool {
        !matches!(self, Solver::Unbalanced | Solver::Partial)
    }

    /// Does it project places onto lines?
    pub(super) fn projects(self) -> bool {
        matches!(self, Solver::Sliced | Solver::MaxSliced | Solver::Line | Solver::Gaussian)
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

    /// Does it blur by ε?
    pub(super) fn regularised(self) -> bool {
        self.entropic() || matches!(self, Solver::Quadratic | Solver::KSparse)
    }

    /// The entropic problem that it works on, empty for those that need none.
    pub(super) fn problem(self, task: &Task, costs: &Costs, controls: &Controls) -> Problem {
        if !self.regularised() {
            return Problem::new(&[], Vec::new(), Vec::new(), 1.0);
        }
        let [source, target] = [0, 1].map(|k| {
            let side: &Side = &task.sides[k];
            if self == Solver::Unbalanced { side.relaxed() } else { side.mass.clone() }
        });
        Problem::new(&costs.matrix, source, target, 1.0 / (controls.epsilon * costs.scale()))
    }
}

impl Engine {
    /// A solver before its first iteration; `control` is the one that chose it.
    pub fn new(
        (control, solver): (&str, Solver),
        problem: &Problem,
        task: &Task,
        costs: &Costs,
        controls: &Controls,
        seed: u64,
        device: &Device,
    ) -> Result<Engine> {
        let [source, target] = &task.sides;
        let projected = || Projected::new(&source.places, &source.mass, &target.places, &target.mass, source.d);
        let large = source.len().max(target.len()) > SMALL;
        let sweeper = || {
            let side = if large { device.clone() } else { Device::cpu() };
            let choice = sinkhorn::Choice::Faster;
            Box::new(sinkhorn::Solver::new(&side, choice, problem.scaled_cost(), &source.mass, &target.mass))
        };
        let random = || Random::new(seed, "directions");
        Ok(match solver {
            Solver::Exact => Engine::Exact(NetworkSimplex::new(&costs.matrix, &source.mass, &target.mass)),
            Solver::Partial if costs.least < 0.0 => {
                return Err(Error::new(format!(
                    "control {control}: partial transport needs costs that are not negative; the least is {}",
                    costs.least
                )));
            }
            Solver::Partial => Engine::Partial(Partial::new(&costs.matrix, &source.relaxed(), &target.relaxed(), controls.share)),
            Solver::Sinkhorn => Engine::Sinkhorn(sweeper()),
            Solver::Scaling => Engine::Scaling(Scaling::new(problem)),
            Solver::Annealed => Engine::Annealed(Annealed::new(problem)),
            Solver::Newton => Engine::Newton { sweeps: 0, warm: sweeper(), newton: None },
            Solver::Greenkhorn => Engine::Greenkhorn(Greenkhorn::new(problem)),
            Solver::Light if !task.ground.squared() => {
                return Err(Error::new(format!("control {control}: the light bridge is for the squared distance")));
            }
            // |x − y|² and ε are twice ½|x − y|² and ε/2.
            Solver::Light => Engine::Light(light::new(source, target, 0.5 * controls.epsilon * costs.scale(), seed)),
            Solver::Quadratic => Engine::Quadratic(Quadratic::new(&spread(problem))),
            Solver::KSparse => Engine::KSparse { warm: Annealed::new(problem), solver: None },
            Solver::Unbalanced => Engine::Unbalanced(Unbalanced::new(problem, controls.price * costs.scale())),
            Solver::Sliced => Engine::Sliced { mean: Sliced::new(projected()), random: random() },
            Solver::MaxSliced => Engine::MaxSliced { worst: MaxSliced::new(projected()), tried: 0, random: random() },
            Solver::Line => Engine::Line,
            Solver::Gaussian => Engine::Gaussian,
        })
    }

    /// Some iterations, which visit no more than `room` entries where it can be told before; `iterations` are done already.
    pub async fn work(
        &mut self,
        problem: &Problem,
        task: &Task,
        costs: &Costs,
        controls: &Controls,
        (room, iterations): (f64, usize),
    ) -> Piece {
        let [source, target] = &task.sides;
        let (entries, points) = ((source.len() * target.len()) as f64, (source.len() + target.len()) as f64);
        let sweeps = (PIECE.min(room) / entries).ceil() as usize;
        let mut piece = Piece { visits: entries, ..Piece::default() };
        match self {
            Engine::Exact(simplex) | Engine::Partial(Partial { simplex, .. }) => {
                piece.done = simplex.advance(room.min(4.0 * PIECE));
                piece.counted = Some((simplex.pivots(), simplex.work()));
            }
            Engine::Sinkhorn(solver) => {
                let many = if source.len().max(target.len()) > SMALL { BATCH } else { sweeps };
                piece.errors = solver.up_to(many, sweeps).await;
            }
            Engine::Scaling(scaling) => {
                piece.visits = 0.4 * entries;
                piece.errors.extend((0..2 * sweeps).map(|_| scaling.sweep()));
            }
            Engine::Annealed(annealed) => {
                for _ in 0..sweeps {
                    // Errors on the way are those of other problems.
                    let there = annealed.arrived();
                    let error = annealed.sweep();
                    piece.errors.push(if there { error } else { f64::NAN });
                }
            }
            Engine::Newton { sweeps: made, warm, newton: newton @ None } => {
                let many = sweeps.min(WARM - *made);
                piece.errors = warm.up_to(many, many).await;
                *made += piece.errors.len();
                if *made >= WARM {
                    let (u, v) = warm.potentials();
                    *newton = Some(NewtonSparse::new(problem, u, v, KEPT * source.len().max(target.len())));
                }
            }
            Engine::Newton { newton: Some(newton), .. } => {
                let before = newton.work;
                let stepped = newton.advance(problem, 20.0 * PIECE);
                piece.beside = (newton.work - before) / 20.0;
                if stepped {
                    piece.visits = 0.0;
                    piece.errors.push(newton.marginal_error(problem));
                    piece.done = newton.stalled || newton.steps >= NEWTON_STEPS;
                }
            }
            Engine::Greenkhorn(greedy) => {
                // A sweep's updates, or a part of them.
                piece.visits = 2.0 * entries;
                piece.errors.extend(greedy.advance((0.15 * PIECE / points).ceil() as usize));
            }
            Engine::Light(light) => {
                piece.visits = light::STEP;
                for _ in 0..((0.3 * PIECE.min(room) / piece.visits) as usize).max(1) {
                    piece.done = light.step() >= light::STEPS;
                    piece.errors.push(f64::NAN);
                    if piece.done {
                        break;
                    }
                }
            }
            Engine::Quadratic(quadratic) => {
                let before = quadratic.steps();
                let error = quadratic.advance(10.0 * PIECE);
                piece.beside = PIECE;
                if quadratic.steps() > before {
                    piece.visits = 0.0;
                    piece.errors.push(if quadratic.arrived() { error } else { f64::NAN });
                    piece.done = quadratic.stalled() || quadratic.steps() > 600;
                }
            }
            Engine::KSparse { warm, solver: solver @ None } => {
                for _ in 0..sweeps {
                    warm.sweep();
                    piece.errors.push(f64::NAN);
                }
                if warm.arrived() || iterations > 400 {
                    let (u, _) = warm.potentials();
                    let x = u.iter().map(|u| u / (problem.inverse_temperature * warm.share())).collect();
                    let gamma = source.len().max(target.len()) as f64 / problem.inverse_temperature;
                    *solver = Some(KSparse::new(&costs.matrix, &source.mass, &target.mass, controls.kept, gamma, x));
                }
            }
            Engine::KSparse { solver: Some(solver), .. } => {
                piece.visits = 4.0 * entries;
                piece.errors.extend((0..sweeps.div_ceil(6)).map(|_| solver.step()));
                piece.done = solver.steps > 3000;
            }
            Engine::Unbalanced(unbalanced) => {
                piece.visits = 2.0 * entries;
                piece.errors.extend((0..sweeps).filter_map(|_| unbalanced.half()));
            }
            Engine::Sliced { mean, random } => {
                piece.visits = 12.0 * points;
                let many = ((PIECE / piece.visits) as usize).clamp(1, controls.directions - mean.directions());
                for _ in 0..many {
                    mean.add(&directions(source.d, 1, random));
                    let (value, error) = mean.controlled();
                    piece.errors.push(if mean.directions() > 2 { error / value } else { f64::NAN });
                }
                piece.done = mean.directions() >= controls.directions;
            }
            Engine::MaxSliced { worst, tried, random } => {
                piece.visits = 12.0 * points;
                for _ in 0..((PIECE / piece.visits) as usize).max(1) {
                    if *tried < controls.directions {
                        worst.offer(&directions(source.d, 1, random));
                        *tried += 1;
                    } else {
                        piece.done |= !worst.climb();
                    }
                    piece.errors.push(f64::NAN);
                }
                piece.done |= iterations > controls.directions + 1000;
            }
            Engine::Line | Engine::Gaussian => piece.done = true,
        }
        piece
    }

    /// A lower bound of W that the solver has of its own.
    pub fn bound(&self, ground: &Ground) -> Option<f64> {
        match self {
            Engine::Sliced { mean, .. } if ground.squared() => Some(mean.value().0),
            Engine::MaxSliced { worst, .. } if ground.squared() => Some(worst.value),
            _ => None,
        }
    }
}

/// The problem with γ in the place of ε: as the squares of a plan are as small as its entries, γ is ε times their number on a side.
fn spread(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    let places = problem.rows().max(problem.columns()) as f64;
    problem.rescale(problem.inverse_temperature / places);
    problem
}
