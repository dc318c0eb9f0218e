//! Optimizers raced: on surfaces one can see, on matrices and on networks; from one start, under the same noise, fairly tuned.
//!
//! Reference: Schmidt, Schneider, Hennig 2021, who compared fifteen optimizers with equal budgets for tuning and found no winner but
//! the tuning. Here everyone gets as many trials of step sizes, cost is counted in gradients, and whoever diverges is named.
//! Claim of trust: the order of arrival on show is the order from other starts too, for nine pairs of optimizers in ten.

mod basins;
mod elsewhere;
mod field;
mod logs;
mod objectives;
mod own;
mod pictures;
mod plane;
mod problem;
mod race;
mod rates;
#[cfg(test)]
mod tests;
mod tuning;
mod walk;

use std::ops::Range;
use std::rc::Rc;

use methods::optimize::solver::Method;
use methods::optimize::test_functions::{Landscape, eigenvalues};
use run::prelude::*;

use basins::Atlas;
use elsewhere::Visits;
use field::{Against, On, Pace, Weather, Who};
use logs::Logs;
use objectives::Problem;
use own::{Own, Paths};
use plane::Common;
use problem::Terrain;
use race::{Moment, Racer};
use rates::Rates;
use walk::{Course, Noise, Walk, compare};

run::instrument!(Race);

controls! {
    /// What the reader can move.
    pub struct Controls {
        problem: Choice(On) = On::Bowl, "f", "What is minimised: surfaces of two variables, a matrix to factorise, or networks.";
        formula "your formula": Text(200) = "(x^2 - 1)^2 + (y - x)^2 + sin(3 y)/3", "", "Your own f(x, y), with + - * / ^, sin, cos, tan, exp, ln, sqrt, abs, tanh, max and min.", when problem ["your formula"];
        condition "condition number": Log(1.0, 10000.0) = 1000.0, "κ", "The bowl's steepest curvature over its gentlest. 1: round, and easy for all. Large: long and narrow, and plain steps creep.", when problem ["quadratic bowl"];
        momentum: Real(0.0, 0.99) = 0.9, "μ, β₁", "How long past gradients are felt; Adadelta's ρ as well. 0: not at all. Near 1: fast along valleys, and hard to stop.", when first ["heavy ball", "Nesterov", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon"] or second ["heavy ball", "Nesterov", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon"] or third ["heavy ball", "Nesterov", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon"] or fourth ["heavy ball", "Nesterov", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon"] or everyone ["on"];
        noise "noise of the gradients": Choice(Weather) = Weather::Clear, "", "What gradients are seen through, the same for everyone at each step.";
        noise_size "size of the noise": Log(0.001, 10.0) = 0.1, "σ", "In units of the gradient at a middling start. Small: ways are smooth; large: nobody comes near the minimum.", when noise ["Gaussian", "mini-batch", "heavy-tailed"];
        batch "batch size": LogCount(1, 256) = 16, "b", "Samples a step; surfaces have 32 summands. Few: much noise; all of them: none.", when noise ["mini-batch"];
        first "first optimizer": Choice(Who) = Who::Gradient, "", "Who runs; or nobody.";
        first_step "step size of the first": LogZero(0.00001, 10.0) = 0.0, "α₁", "How long its steps are. 0: tuned before the race. Small: it creeps; large: it diverges.", when first ["GD", "heavy ball", "Nesterov", "AdaGrad", "AdaGrad-Norm", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon", "Shampoo", "SAM", "normalised GD", "sign GD", "Polyak step", "BB step", "nonlinear CG", "L-BFGS", "Newton", "cubic Newton", "regularised Newton", "Gauss-Newton", "M-FAC"];
        second "second optimizer": Choice(Who) = Who::HeavyBall, "", "Who runs beside the first; or nobody.";
        second_step "step size of the second": LogZero(0.00001, 10.0) = 0.0, "α₂", "How long its steps are. 0: tuned before the race. Small: it creeps; large: it diverges.", when second ["GD", "heavy ball", "Nesterov", "AdaGrad", "AdaGrad-Norm", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon", "Shampoo", "SAM", "normalised GD", "sign GD", "Polyak step", "BB step", "nonlinear CG", "L-BFGS", "Newton", "cubic Newton", "regularised Newton", "Gauss-Newton", "M-FAC"];
        third "third optimizer": Choice(Who) = Who::Adam, "", "A third; or nobody.";
        third_step "step size of the third": LogZero(0.00001, 10.0) = 0.0, "α₃", "How long its steps are. 0: tuned before the race. Small: it creeps; large: it diverges.", when third ["GD", "heavy ball", "Nesterov", "AdaGrad", "AdaGrad-Norm", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon", "Shampoo", "SAM", "normalised GD", "sign GD", "Polyak step", "BB step", "nonlinear CG", "L-BFGS", "Newton", "cubic Newton", "regularised Newton", "Gauss-Newton", "M-FAC"];
        fourth "fourth optimizer": Choice(Who) = Who::Lbfgs, "", "A fourth; or nobody.";
        fourth_step "step size of the fourth": LogZero(0.00001, 10.0) = 0.0, "α₄", "How long its steps are. 0: tuned before the race. Small: it creeps; large: it diverges.", when fourth ["GD", "heavy ball", "Nesterov", "AdaGrad", "AdaGrad-Norm", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion", "Muon", "Shampoo", "SAM", "normalised GD", "sign GD", "Polyak step", "BB step", "nonlinear CG", "L-BFGS", "Newton", "cubic Newton", "regularised Newton", "Gauss-Newton", "M-FAC"];
        everyone "let all run": Toggle() = false, "", "On: all optimizers run; the four keep their step sizes, the others are tuned. Off: only the four.";
        steps "steps of the race": LogCount(10, 2000) = 200, "T", "How long the race is. Short: whoever starts fast is ahead; long: whoever comes nearest.";
        tolerance "goal": Log(0.0000000001, 0.5) = 0.000001, "τ", "What may be left of the height, as a share. Small: few arrive; large: all do, early. On the bowl orders agree least near 0.001.";
        schedule "schedule of the steps": Choice(Pace) = Pace::Constant, "", "How step sizes change over the race; refined: as the gradients of a first run ask for.";
        start_x "start, across": Real(-1.0, 1.0) = -0.7, "x₀", "Where everyone starts, from the left edge, −1, to the right, 1; or drag the start.", when problem ["quadratic bowl", "Rosenbrock", "Himmelblau", "Beale", "Booth", "Styblinski-Tang", "Rastrigin", "Ackley", "saddle", "monkey saddle", "two-scale valley", "diffGrad F1", "diffGrad F2", "diffGrad F3", "your formula"];
        start_y "start, up": Real(-1.0, 1.0) = 0.6, "y₀", "The same from the lower edge to the upper.", when problem ["quadratic bowl", "Rosenbrock", "Himmelblau", "Beale", "Booth", "Styblinski-Tang", "Rastrigin", "Ackley", "saddle", "monkey saddle", "two-scale valley", "diffGrad F1", "diffGrad F2", "diffGrad F3", "your formula"];
        angle "turn of the bowl": Real(0.0, 90.0) = 25.0, "φ", "Degrees by which the bowl is turned. 0 or 90: along the axes, easy for methods that treat coordinates one by one.", when problem ["quadratic bowl"];
        trials "trials of step sizes": Count(4, 40) = 16, "", "Step sizes that each may try before the race, half of them on networks. Few: a coarse search; many: a fine one.";
        tuning_starts "starts for the trials": Count(1, 16) = 8, "", "Random starts from which each step size is tried, two at most on networks. 1: the start on show alone.";
        beta2 "memory of squares": Real(0.5, 0.9999) = 0.999, "β₂", "How long past squares of gradients are felt; RMSProp's ρ as well. Small: steps follow the last slopes; near 1: they hardly change.", when first ["RMSProp", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion"] or second ["RMSProp", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion"] or third ["RMSProp", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion"] or fourth ["RMSProp", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Lion"] or everyone ["on"];
        epsilon "floor of the root": Log(0.000000000001, 0.1) = 0.00000001, "ε", "Added to the root of the squares; Adadelta adds a hundred times as much. Large: steps shrink where slopes are small.", when first ["AdaGrad", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Shampoo"] or second ["AdaGrad", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Shampoo"] or third ["AdaGrad", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Shampoo"] or fourth ["AdaGrad", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW", "NAdam", "RAdam", "diffGrad", "AdaBelief", "Shampoo"] or everyone ["on"];
        decay "weight decay of AdamW": LogZero(0.0001, 1.0) = 0.01, "λ", "How strongly AdamW pulls to zero. 0: it is Adam.", when first ["AdamW"] or second ["AdamW"] or third ["AdamW"] or fourth ["AdamW"] or everyone ["on"];
        radius "reach of SAM": Log(0.001, 1.0) = 0.05, "ρ", "How far uphill SAM looks before it steps. Small: nearly gradient descent; large: it keeps away from sharp minima.", when first ["SAM"] or second ["SAM"] or third ["SAM"] or fourth ["SAM"] or everyone ["on"];
        damping "damping of curvature": LogZero(0.000001, 100.0) = 0.001, "δ", "Added to the curvature by Newton, Gauss-Newton and M-FAC. 0: the plain method. Large: small steps downhill.", when first ["Newton", "Gauss-Newton", "M-FAC"] or second ["Newton", "Gauss-Newton", "M-FAC"] or third ["Newton", "Gauss-Newton", "M-FAC"] or fourth ["Newton", "Gauss-Newton", "M-FAC"] or everyone ["on"];
        third_derivative "change of curvature": Log(0.01, 10000.0) = 10.0, "M", "How fast cubic and regularised Newton expect curvature to change. Small: bold steps; large: cautious ones.", when first ["cubic Newton", "regularised Newton"] or second ["cubic Newton", "regularised Newton"] or third ["cubic Newton", "regularised Newton"] or fourth ["cubic Newton", "regularised Newton"] or everyone ["on"];
        memory "pairs remembered": Count(1, 40) = 10, "m", "Pairs that L-BFGS, and gradients that M-FAC remembers. Few: a rough idea of the curvature; many: a better one.", when first ["L-BFGS", "M-FAC"] or second ["L-BFGS", "M-FAC"] or third ["L-BFGS", "M-FAC"] or fourth ["L-BFGS", "M-FAC"] or everyone ["on"];
        against "curves over": Choice(Against) = Against::Steps, "", "What the curves are drawn over; a line search asks for several gradients a step.";
    }
}

/// The share of pairs in the order shown that the claim speaks of.
const AGREEMENT: f64 = 0.9;

/// A run.
pub struct Race {
    controls: Controls,
    course: Course,
    terrain: Terrain,
    racers: Vec<Racer>,
    /// Starts from which step sizes are tuned.
    tuning_starts: Vec<Rc<[f64]>>,
    visits: Visits,
    rates: Rates,
    /// The plane of all paths, where there are more than two variables.
    common: Option<Common>,
    atlas: Atlas,
    own: Option<Own>,
}

impl Controls {
    /// The four lanes: who runs, and with which step size.
    fn lanes(&self) -> [(Who, f64); 4] {
        [
            (self.first, self.first_step),
            (self.second, self.second_step),
            (self.third, self.third_step),
            (self.fourth, self.fourth_step),
        ]
    }

    /// Does the claim speak of this race?
    fn claimed(&self) -> bool {
        let tuned = self.lanes().iter().all(|(who, step_size)| *who == Who::Nobody || *step_size == 0.0);
        tuned && self.problem == On::Bowl && self.noise == Weather::Clear
    }
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

    fn walk(&self, who: Who, step_size: f64, start: &Rc<[f64]>, controls: &Controls) -> Walk {
        Walk::new(who, who.method(controls, self.course.least), step_size, start.clone(), &self.course)
    }

    /// The time line: trials of a step size, steps of everyone, rows of the map through weight space, walks from other starts, rows of
    /// the map of step sizes, and rows of the maps of starts.
    fn span(&self) -> Range<usize> {
        let trials = self.racers.iter().filter_map(|r| r.tuning.as_ref());
        let (tried, trials) = trials.fold((0, 0), |(made, all), t| (made + t.made(), all + t.trials));
        let raced = self.racers.iter().map(|r| r.moments.len().saturating_sub(1)).max().unwrap_or(0);
        let rounds = self.course.steps * if self.course.pace == Pace::Refined { 2 } else { 1 };
        let (mapped, rows) = match self.landscape() {
            Some(_) => self.rows(),
            None => (self.common.as_ref().map_or(0, Common::rows), plane::CELLS),
        };
        let (visited, visits) = (self.visits.made(), self.visits.starts.len() * self.racers.len());
        let rated = self.rates.left.len() / self.rates.columns;
        tried + raced + mapped + visited + rated..trials + rounds + rows + visits + self.rates.rows
    }
}

views! { Race, Controls:
    paths "The race" "A line is an optimizer's way over the heights, from one start. Drag the start." => paths, dragged: move_start;
    surface "The race in three dimensions" "The same ways, lifted; heights are logarithmic, so that a valley's floor shows. Turn it." => surface;
    loss "Height above the lowest minimum" "Height left, step by step; a straight fall is a constant share a step. The rule is the goal." => heights;
    gradient "Size of the gradient" "How steep it is where each optimizer stands." => gradients;
    distance "Distance to the lowest minimum" "How far each is from the lowest minimum; in many dimensions, from the start." => distances;
    effective "Effective step of each coordinate" "How far a coordinate moves for its slope; dashed, the second coordinate." => effective;
    heads "Where they are heading" "The last steps of each; one arrow continues its last step, the other points downhill." => heads;
    basins "Where every start leads" "A cell is a start, its colour the minimum that it leads to; cells without colour end near none." => basins;
    rates "Step size and momentum" "What is left of the height, by step size and momentum; the line is theory's edge of stability." => rates;
    standing "Standing" "Who reached the goal, at what cost, which share of the height is left, and where each ended." => standing;
    elsewhere "From other starts" "From fresh starts: who reaches the goal, who is first, and the share of the map that ends lowest." => elsewhere;
}

impl Experiment for Race {
    const CARD: Card = Card {
        slug: "trajectory",
        title: "Does the same optimizer win from another start?",
        paper: Paper::new(
            "Descending through a Crowded Valley - Benchmarking Deep Learning Optimizers",
            "Robin M. Schmidt, Frank Schneider, Philipp Hennig",
            2021,
        )
        .venue("ICML 2021")
        .arxiv("2007.01547"),
        claim: "On a long, narrow bowl, optimizers arrive from other starts in the order seen here.",
        criterion: "On the quadratic bowl, without noise, with step sizes tuned by equally many trials: of all pairs of optimizers that have an order here and from a fresh start, at least 90 % have the same, over 24 fresh starts, in each of three seeds.",
        figure: "pairs of optimizers in the same order, as a share",
        reproduction: Reproduction::InPart,
        honesty: "The paper races optimizers on eight deep-learning problems and finds that problem and tuning decide who wins. Here problems are small enough to watch, and what is measured is whether the order seen from one start is worth anything from another: on the bowl it is, on most other problems it is not.",
        seeds: 3,
        presets: &[
            Preset::holds("default", "A long, narrow bowl, and step sizes tuned for all: who arrives first?", &[]),
            Preset::gone(
                "break-it",
                "No long way, no tuning on several starts: compare orders from other starts",
                &[("tolerance", "0.01"), ("tuning_starts", "1")],
            ),
            Preset::outside(
                "bent valley",
                "Rosenbrock's function, a valley whose floor turns: watch who follows the bend",
                &[("problem", "Rosenbrock"), ("steps", "500")],
            ),
            Preset::outside(
                "four minima",
                "Himmelblau's function, with four equally low minima: where does each one end?",
                &[("problem", "Himmelblau"), ("fourth", "Nesterov"), ("start_x", "0.02"), ("start_y", "-0.1")],
            ),
            Preset::outside(
                "saddle",
                "Newton's method and two repairs of it near a saddle: where do they head?",
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
            Preset::outside(
                "edge of stability",
                "Step sizes just below and just above theory's limit: watch the heights",
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
            Preset::outside(
                "heavy tails",
                "Gradients with rare, enormous errors, and steps that shrink: watch the heights",
                &[
                    ("condition", "30"),
                    ("noise", "heavy-tailed"),
                    ("second", "normalised GD"),
                    ("fourth", "Lion"),
                    ("schedule", "linear decay"),
                    ("tolerance", "0.0001"),
                ],
            ),
            Preset::outside(
                "everyone",
                "All optimizers on Rosenbrock's function, with equally many trials: look at the standing",
                &[("problem", "Rosenbrock"), ("everyone", "on")],
            ),
            Preset::outside(
                "network",
                "A small network on digits, in the plane fitted to all paths: compare them",
                &[("problem", "MLP on digits"), ("noise", "mini-batch"), ("fourth", "Muon"), ("schedule", "cosine")],
            ),
        ],
        data: &[Dataset::Digits, Dataset::Mnist],
        own_data: Some(
            "Weights per epoch, a file a run (npz, npy or safetensors, the epochs as the first axis of every array), or a csv of losses with a column for each run, as loggers write it: a column such as step or epoch counts, a cell without a number is a gap.",
        ),
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let own = Own::read(library.own())?;
        let problem = problem::of(controls, seed, library)?;
        let terrain = Terrain::of(&problem, controls, seed)?;
        // Fresh starts, steps between two looks at the loss and in one go, step sizes and momenta of their map.
        let (places, look, stretch, columns, rows) = match &problem {
            Problem::Plane(_) => (24, 1, 64, 60, 34),
            Problem::Factors(_) => (12, 1, 16, 24, 12),
            Problem::Network(_) => (4, 5, 1, 10, 4),
        };
        let network = matches!(problem, Problem::Network(_));
        let starts = |count: usize, name: &str| -> Vec<Rc<[f64]>> {
            let mut random = Random::new(seed, name);
            (0..count).map(|_| problem.start(&mut random).into()).collect()
        };
        let elsewhere = starts(places, "other starts");
        let tuning_starts = match if network { controls.tuning_starts.min(2) } else { controls.tuning_starts } {
            1 => vec![terrain.start.clone()],
            many => starts(many, "tuning starts"),
        };
        let trials = if network { controls.trials.div_ceil(2) } else { controls.trials };
        let racers = race::racers(controls, problem.is_sum_of_squares(), trials)?;
        let noise_size = controls.noise_size * problem::middling_slope(&problem, &elsewhere);
        let noise = Noise::new(controls.noise, noise_size, controls.batch, seed, &problem);
        let surface = matches!(problem, Problem::Plane(_));
        Ok(Race {
            controls: controls.clone(),
            atlas: Atlas::new(if surface { racers.len().min(4) } else { 0 }, &terrain.minima),
            rates: Rates::new(&racers, columns, rows),
            visits: Visits::new(elsewhere),
            tuning_starts,
            common: None,
            own,
            racers,
            course: Course {
                problem,
                steps: controls.steps,
                pace: controls.schedule,
                look,
                stretch,
                least: terrain.least,
                tolerance: controls.tolerance,
                width: terrain.width,
                noise,
            },
            terrain,
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        // The reader's runs take the place of ours.
        if self.own.is_some() {
            return Ok(self);
        }
        let Range { start, end } = self.span();
        stage.span(start..end);
        self = self.tune(&stage).await;
        self = self.race(&stage).await;
        if self.landscape().is_none() {
            self = self.map_plane(&stage).await;
        }
        self = self.visit(&stage).await;
        stage.judged();
        self = self.rate(&stage).await;
        Ok(self.survey(&stage).await)
    }

    fn measures(&self) -> Measures {
        let count = |of: fn(&Walk) -> bool| {
            let walks = self.racers.iter().filter_map(|r| r.walk.as_ref());
            if self.own.is_none() { walks.filter(|w| of(w)).count() as f64 } else { f64::NAN }
        };
        let (same, all) = if self.whole() { self.pairs() } else { (f64::NAN, f64::NAN) };
        let best = (0..self.racers.len()).min_by(|i, j| compare(self.racers[*i].result(), self.racers[*j].result()).cmp(&0));
        let plane_share = match &self.own {
            Some(Own::Weights(paths)) => paths.shares[0] + paths.shares[1],
            _ => f64::NAN,
        };
        measures! {
            agreement: same / all,
            compared: all,
            winner_wins: best.map_or(f64::NAN, |i| self.wins(i)),
            arrived: count(|w| w.reached.is_some()),
            diverged: count(|w| w.diverged.is_some()),
            boundary_ratio: self.boundary_ratio(),
            own: if self.own.is_some() { 1.0 } else { f64::NAN },
            plane_share: plane_share,
        }
    }

    fn sentence(&self) -> String {
        match &self.own {
            Some(Own::Weights(paths)) if paths.shares[0] > 0.0 => {
                return format!(
                    "The plane holds {} of the variance of your weights.",
                    percent(paths.shares[0] + paths.shares[1])
                );
            }
            Some(Own::Weights(_)) => return "Your weights do not move.".into(),
            Some(Own::Losses(_)) => return "Your losses are drawn as they are.".into(),
            None => {}
        }
        self.standing_in_words()
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if runs.most("own") > 0.0 {
            let share = runs.mean("plane_share");
            let seen = if share.is_nan() {
                "Your losses are drawn as they are".into()
            } else if share > 0.0 {
                format!("The plane holds {} of the variance of your weights", percent(share))
            } else {
                "Your weights do not move".into()
            };
            return Verdict::outside(format!("{seen}; the claim is about our own races."));
        }
        let lanes = controls.lanes().iter().filter(|(who, _)| *who != Who::Nobody).count();
        if !controls.everyone && lanes < 2 {
            return Verdict::outside("One optimizer alone: there is no order to compare.");
        }
        let about = "The claim is about tuned steps on the bowl without noise.";
        let (agreement, compared) = (runs.least("agreement"), runs.least("compared"));
        if compared.is_nan() {
            let wait = "The race is not over, or has not been run from other starts yet.";
            return if controls.claimed() { Verdict::not_yet(wait) } else { Verdict::outside(about) };
        }
        if compared == 0.0 && !controls.everyone && runs.least("diverged") == lanes as f64 {
            return Verdict::outside(
                "Everyone has diverged: there is no order to compare. Shorter steps may help, or 0, which tunes them.",
            );
        }
        if compared == 0.0 {
            return Verdict::outside(
                "Every pair of optimizers is a tie, here or from all other starts (is the start at the minimum, or f flat, or has everyone diverged?): there is no order to compare.",
            );
        }
        // Who does not arrive is ranked by what is left of the height.
        let arrive = if runs.least("arrived") < 2.0 { "rank" } else { "arrive" };
        let mean = percent(runs.mean("agreement"));
        let mut text = format!("From other starts {mean} of the pairs of optimizers {arrive} in the same order");
        if runs.len() > 1 {
            text += &format!(", {} % at least", figures(100.0 * agreement, 3));
        }
        if controls.claimed() {
            Verdict::at_least(agreement, AGREEMENT, text + ".")
        } else {
            Verdict::outside(format!("{text}. {about}"))
        }
    }

    fn understood(&self) -> Vec<String> {
        self.own.as_ref().map_or(Vec::new(), |own| own.understood().to_vec())
    }

    fn results(&self) -> Vec<Array> {
        self.arrays()
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        let Controls { against, start_x, start_y, .. } = self.controls;
        if (Controls { against, start_x, start_y, ..controls.clone() }) != self.controls {
            return false;
        }
        let moved = (controls.start_x, controls.start_y) != (start_x, start_y);
        if moved
            && self.own.is_none()
            && let Some(landscape) = self.landscape()
        {
            // A schedule refined from this start, or steps tuned to it alone, are other ones at another start.
            let alone = self.controls.tuning_starts == 1 && self.racers.iter().any(|r| r.tuning.is_some());
            let start = problem::start(landscape, controls);
            if alone || controls.schedule == Pace::Refined || !landscape.at::<f64>(start[0], start[1]).is_finite() {
                return false;
            }
            // What was found out from other starts, and the maps, stay.
            self.terrain.start = start;
            self.racers.iter_mut().for_each(Racer::withdraw);
            self.rates.left.clear();
        }
        self.controls = controls.clone();
        true
    }
}
