//! From hundreds of Sinkhorn sweeps to a handful of Newton steps.
//!
//! Paper: Tang, Shavlovsky, Rahmanian, Tardini, Thekumparampil, Xiao, Ying, 2024. Sinkhorn climbs the concave potential
//! f(x, y) = −(1/η) Σ P_ij + Σ r_i x_i + Σ c_j y_j, P_ij = exp(η(x_i + y_j − C_ij)), one block at a time. Its Hessian is nearly
//! sparse once the plan concentrates: after N₁ sweeps, Newton steps that keep only λn² entries of P converge in a handful.
//! Claim: on random assignment at the paper's size (n = 500, η = 1200, two entries a row) and at a fifth of it (n = 100, η = 300, five a row), to
//! a marginal error of 1e-9, Sinkhorn needs at least 50 times the iterations.

mod plan;

use std::borrow::Cow;

use methods::transport::{Instance, NewtonSparse, Problem};
use run::data::transport;
use run::kernels::sinkhorn::{Choice, Solver};
use run::prelude::*;

use plan::{spaced, spectrum};

choice! {
    /// What is transported onto what.
    pub enum Task { Assignment => "assignment", Densities => "densities", Digits => "digits" }
}

choice! {
    /// What the curves are drawn against.
    pub enum Against { Iterations => "iterations", Work => "work" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        inverse_temperature "sharpness of the plan": Log(10.0, 1500.0) = 300.0, "η", "how little entropy the plan is given; small: a blurred plan, quickly found; large: a sharp one, on which Sinkhorn crawls";
        warm_start "warm start": Count(0, 300) = 20, "N₁", "Sinkhorn sweeps before Newton takes over; few: Newton stumbles at first; many: it has little left to do";
        kept_per_row "entries kept a row": LogCount(1, 400) = 5, "λn", "entries of the plan that Newton's equations keep; few: cheap steps in a wrong direction; all of them: exact Newton";
        task "problem": Choice(Task) = Task::Assignment, "", "random costs, two densities on a line, or a handwritten 0 moved onto a 1; your own files take its place";
        size "places on each side": LogCount(50, 1000) = 100, "n", "the plan has n × n entries; few: a second or less; many: up to minutes, on the graphics processor where that is faster", when task ["assignment", "densities"];
        against "draw curves against": Choice(Against) = Against::Iterations, "", "iterations, or all arithmetic, which counts the inner steps of Newton as well";
    }
}

/// The marginal error at which a method has arrived.
const ARRIVED: f64 = 1e-9;
/// Iterations after which either method is given up.
const SWEEPS: usize = 5000;
const NEWTON_STEPS: usize = 100;
/// What the claim says of the ratio of iterations.
const RATIO: f64 = 50.0;
/// Arithmetic of a Newton step between two looks at the run.
const OPERATIONS: f64 = 1.5e7;
/// The largest problem whose baseline is left to the CPU, and how many sweeps a GPU makes at once of a larger one.
const SMALL: usize = 400;
const BATCH: usize = 64;

/// What is recorded after every iteration: the marginal error, the potential, and the arithmetic so far in sweeps' worth.
type Trace = Track<3>;
const ERROR: usize = 0;
const POTENTIAL: usize = 1;
const WORK: usize = 2;

/// A run: Sinkhorn, and its twin that turns to Newton after N₁ sweeps.
pub struct SinkhornNewtonSparse {
    controls: Controls,
    problem: Problem,
    /// The claim's ratio, where the claim speaks of the problem; NaN elsewhere.
    required: f64,
    /// (u, v) after the last recorded sweep, or before the sweeps of the last batch.
    potentials: (Vec<f64>, Vec<f64>),
    /// Newton's stage, once the warm start, which is the baseline's first N₁ sweeps, is over and has not arrived.
    newton: Option<NewtonSparse>,
    sweeps: Trace,
    steps: Trace,
    /// Entries of P, largest first: after one sweep, at the end of the warm start, at the end of SNS.
    spectra: [Vec<(f64, f64)>; 3],
}

impl SinkhornNewtonSparse {
    fn sinkhorn_over(&self) -> bool {
        self.sweeps.last(ERROR) <= ARRIVED || self.sweeps.len() >= SWEEPS
    }

    fn newton_over(&self) -> bool {
        let Some(newton) = &self.newton else { return self.sinkhorn_over() };
        self.steps.last(ERROR) <= ARRIVED || newton.stalled || newton.steps >= NEWTON_STEPS
    }

    fn large(&self) -> bool {
        self.problem.rows().max(self.problem.columns()) > SMALL
    }

    /// P now: SNS's, which is Sinkhorn's during the warm start.
    fn plan_now(&self) -> Cow<'_, [f64]> {
        match &self.newton {
            Some(newton) => newton.plan().into(),
            None => self.problem.plan(&self.potentials.0, &self.potentials.1).into(),
        }
    }

    /// Sweeps of the baseline, `count` at most. It is one sweep past what is recorded: a sweep finds the error that the last one left.
    async fn sweep(&mut self, sinkhorn: &mut Solver, count: usize) {
        self.potentials = sinkhorn.potentials();
        let mut potential = self.problem.potential(1.0, &self.potentials.0, &self.potentials.1);
        for error in sinkhorn.up_to(count, 1).await {
            if !self.sinkhorn_over() {
                let sweep = self.sweeps.len() + 1;
                self.sweeps.note(sweep, [error, potential, sweep as f64]);
            }
            // Within a batch nobody looks at the potentials.
            potential = f64::NAN;
        }
        if self.sweeps.len() == 1 {
            self.spectra[0] = spectrum(&self.problem.plan(&self.potentials.0, &self.potentials.1));
        }
    }

    /// The warm start is over: Newton sets out from where the baseline is. Until it has arrived, both do one iteration in turn, so that the
    /// pictures compare equal numbers.
    async fn newton(mut self: Box<Self>, sinkhorn: &mut Solver, stage: &Stage<Self>) -> Box<Self> {
        let kept = self.controls.kept_per_row * self.problem.rows().max(self.problem.columns());
        let (u, v) = self.potentials.clone();
        self.newton = Some(NewtonSparse::new(&self.problem, u, v, kept));
        self.spectra[1] = spectrum(&self.plan_now());
        while !self.newton_over() {
            while !self.step() {
                self = stage.part(self).await;
            }
            if !self.newton_over() && !self.sinkhorn_over() {
                self.sweep(sinkhorn, 1).await;
            }
            self = stage.next(self).await;
        }
        self
    }

    /// Goes on with the present Newton step; true when it is complete.
    fn step(&mut self) -> bool {
        let newton = self.newton.as_mut().expect("the warm start is over");
        let complete = newton.advance(&self.problem, OPERATIONS);
        if complete {
            let work = self.controls.warm_start as f64 + newton.work / self.problem.sweep_work();
            let numbers = [newton.marginal_error(&self.problem), newton.potential(&self.problem), work];
            self.steps.note(self.controls.warm_start + newton.steps, numbers);
        }
        complete
    }

    /// Iterations of SNS so far: sweeps of the warm start and Newton steps.
    fn newton_iterations(&self) -> usize {
        self.newton.as_ref().map_or(self.sweeps.len(), |newton| self.controls.warm_start + newton.steps)
    }
}

/// The views.
impl SinkhornNewtonSparse {
    /// A quantity of both methods against iterations or work.
    fn curves(&self, y: Axis, quantity: usize, shown: impl Fn(f64) -> f64) -> Chart {
        let point = |(iteration, numbers): (f64, [f64; 3])| match self.controls.against {
            Against::Iterations => (iteration, shown(numbers[quantity])),
            Against::Work => (numbers[WORK], shown(numbers[quantity])),
        };
        let line = |trace: &Trace| -> Vec<(f64, f64)> {
            let known: Vec<(f64, f64)> = trace.rows().map(point).filter(|(_, value)| value.is_finite()).collect();
            spaced(known.len()).map(|k| known[k]).collect()
        };
        let far = self.sweeps.len().max(self.newton_iterations());
        let end = [10, 30, 100, 300, 1000].into_iter().find(|end| *end >= far).unwrap_or(SWEEPS);
        let x = match self.controls.against {
            Against::Iterations => Axis::log("iteration").range(1.0, end as f64),
            Against::Work => Axis::log("arithmetic").unit("sweeps' worth"),
        };
        let (chart, warm) = (Chart::of(x, y), self.controls.warm_start);
        if self.newton.is_none() {
            return chart.line("Sinkhorn", Ink::Series(1), line(&self.sweeps));
        }
        let chart = if warm > 1 { chart.span("warm start", 1.0, warm as f64) } else { chart };
        let last_warm = warm.checked_sub(1).and_then(|last| self.sweeps.rows().nth(last)).map(point);
        let sns: Vec<(f64, f64)> = last_warm.into_iter().chain(line(&self.steps)).collect();
        chart
            .line("Sinkhorn", Ink::Series(1), line(&self.sweeps))
            .line("sparse Newton", Ink::Series(0), sns.iter().copied())
            .dots("", Ink::Series(0), 6.0, sns)
    }

    fn errors(&self) -> Chart {
        // Below 1e-14 both are at the rounding of the sums; cold Newton steps start far above what Sinkhorn ever has.
        let highest = self.steps.points(ERROR).fold(2.0, |a: f64, (_, error)| a.max(error));
        let y = Axis::log("error of the sums").range(1e-14, 1.5 * highest.min(1e6));
        self.curves(y, ERROR, |error| error.max(1e-14)).at_y("arrived", ARRIVED)
    }

    fn potentials(&self) -> Chart {
        // f* is the highest potential seen so far; what is left of a gap below rounding is not shown.
        let both = self.sweeps.points(POTENTIAL).chain(self.steps.points(POTENTIAL));
        let top = both.fold(f64::NEG_INFINITY, |a: f64, (_, potential)| a.max(potential));
        let gap = |potential: f64| if top - potential > 1e-15 { top - potential } else { f64::NAN };
        self.curves(Axis::log("potential gap f* − f"), POTENTIAL, gap)
    }

    fn spectra(&self) -> Chart {
        let entries = self.problem.rows() * self.problem.columns();
        let kept = (self.controls.kept_per_row * self.problem.rows().max(self.problem.columns())).min(entries);
        let top = self.problem.source.iter().fold(0.0, |a: f64, b| a.max(*b));
        let x = Axis::log("rank of the entry").range(1.0, entries as f64);
        // What is smaller, relative to the largest mass, is not shown.
        let y = Axis::log("entry of P").range(1e-16 * top, 2.0 * top);
        let mut chart = Chart::of(x, y).at_x(format!("kept: {kept}"), kept as f64);
        let [first, warm, end] = self.spectra.each_ref().map(|spectrum| spectrum.iter().copied());
        if first.len() > 0 {
            chart = chart.line("after one sweep", Ink::Muted, first);
        }
        if warm.len() > 0 {
            chart = chart.line("end of the warm start", Ink::Series(2), warm);
        }
        if end.len() > 0 {
            chart = chart.dashed("end", Ink::Series(0), end);
        }
        chart
    }
}

views! { SinkhornNewtonSparse, Controls:
    error "How wrong the sums still are" "A curve is a method, step by step; the lower, the closer row and column sums are to right." => errors;
    plan "The plan P" "A row is a source, a column a target. Outlined are the entries that Newton's equations keep." => plan;
    potential "How far from the top" "Both methods climb the same hill. The height is what is still missing to its top." => potentials;
    spectrum "How sparse the plan is" "All entries of the plan, largest first. Newton's equations keep those left of the rule." => spectra;
}

impl Experiment for SinkhornNewtonSparse {
    const CARD: Card = Card {
        slug: "sinkhorn-newton-sparse",
        title: "Can Newton finish what Sinkhorn takes thousands of steps for?",
        paper: Paper::new(
            "Accelerating Sinkhorn Algorithm with Sparse Newton Iterations",
            "Xun Tang, Michael Shavlovsky, Holakou Rahmanian, Elisa Tardini, Kiran Koshy Thekumparampil, Tesi Xiao, Lexing Ying",
            2024,
        )
        .venue("ICLR 2024")
        .arxiv("2401.12253"),
        claim: "A few sparse Newton steps balance a transport plan that takes Sinkhorn's method thousands of sweeps.",
        criterion: "On random assignment, until row and column sums are off by 10⁻⁹ in all, Sinkhorn needs at least 50 times the iterations of Sinkhorn-Newton-Sparse (its warm start included) in each of five seeds, and the latter arrives. At the paper's size: n = 500, η = 1200, two entries a row kept; at a fifth of it, the default: n = 100, η = 300, five a row. Sinkhorn is stopped after 5,000 sweeps, which then count.",
        figure: "Sinkhorn's iterations for each one of sparse Newton",
        reproduction: Reproduction::AsClaimed,
        honesty: "The paper claims orders of magnitude fewer iterations on random assignment, digits and densities; the preset 'paper' is the first of these at its size, the default a fifth of it. At the default one seed of forty, with a ratio of 47, misses the 50.",
        unit: "iteration",
        presets: &[
            Preset::holds("default", "Random assignment, the paper's first test, at a fifth of its size", &[]),
            Preset::gone(
                "break-it",
                "η = 20 after 5 sweeps: the plan is blurred, Newton runs and gains nothing",
                &[("inverse_temperature", "20"), ("warm_start", "5")],
            )
            .within(&[("ratio", 0.0, 1.5), ("newton_steps", 5.0, 20.0), ("work_ratio", 0.0, 1.0)]),
            Preset::holds(
                "paper",
                "The paper's first test at its size: 500 places, η = 1200, two entries a row; a minute or so",
                &[("size", "500"), ("inverse_temperature", "1200"), ("kept_per_row", "2")],
            ),
            Preset::open(
                "densities",
                "Two densities of two humps each: the plan is a narrow band",
                &[("task", "densities"), ("inverse_temperature", "1200"), ("kept_per_row", "20")],
            ),
            Preset::open(
                "digits",
                "A handwritten 0 moved onto a 1",
                &[("task", "digits"), ("inverse_temperature", "1200"), ("kept_per_row", "20")],
            ),
            Preset::open(
                "large",
                "1,000 places, twice the paper's: the GPU makes the sweeps, if there is one",
                &[("size", "1000"), ("inverse_temperature", "1500")],
            ),
            Preset::open("exact Newton", "The whole Hessian is kept", &[("kept_per_row", "400")]),
            Preset::open("too thin", "Two entries a row of 100: convergence is only linear", &[("kept_per_row", "2")]),
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Two point clouds (csv or npy, one point a row, 2 to 400 points, as many coordinate columns in both; a csv column named weight holds masses), moved at squared distance; or one cost matrix (csv or npy, square or at least 5 x 5, up to 400 a side), with equal masses. Costs are divided by the largest; negative ones are first raised to 0.",
        ),
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let own = !library.own().is_empty();
        let instance = match controls.task {
            _ if own => transport::own(library.own())?,
            Task::Assignment => Instance::random_assignment(controls.size, seed),
            Task::Densities => Instance::densities(controls.size, seed),
            Task::Digits => transport::digits(library, seed)?,
        };
        let problem = Problem::new(&instance.cost, instance.source, instance.target, controls.inverse_temperature);
        Ok(SinkhornNewtonSparse {
            required: if !own && controls.task == Task::Assignment { RATIO } else { f64::NAN },
            potentials: (vec![0.0; problem.rows()], vec![0.0; problem.columns()]),
            problem,
            controls: controls.clone(),
            newton: None,
            sweeps: Track::default(),
            steps: Track::default(),
            spectra: Default::default(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        stage.span(0..SWEEPS);
        let device = if self.large() { stage.device().clone() } else { Device::cpu() };
        let Problem { source, target, .. } = &self.problem;
        let mut sinkhorn = Solver::new(&device, Choice::Faster, self.problem.scaled_cost(), source, target);
        sinkhorn.sweeps(1).await;
        while self.sweeps.len() < self.controls.warm_start && !self.sinkhorn_over() {
            self.sweep(&mut sinkhorn, 1).await;
            self = stage.next(self).await;
        }
        if !self.sinkhorn_over() {
            self = self.newton(&mut sinkhorn, &stage).await;
        }
        self.spectra[2] = spectrum(&self.plan_now());
        // SNS has arrived: now Sinkhorn hurries.
        let batch = if self.large() { BATCH } else { 1 };
        while !self.sinkhorn_over() {
            self.sweep(&mut sinkhorn, batch.min(SWEEPS - self.sweeps.len())).await;
            stage.span(self.sweeps.len()..SWEEPS);
            self = stage.part(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let (iterations, sweeps) = (self.newton_iterations() as f64, self.sweeps.len() as f64);
        let (steps, inner) = self.newton.as_ref().map_or((0, 0), |newton| (newton.steps, newton.inner_steps));
        let sns = if self.newton.is_some() { &self.steps } else { &self.sweeps };
        let over = self.sinkhorn_over() && self.newton_over();
        let when_over = |value: f64| if over { value } else { f64::NAN };
        measures! {
            ratio: when_over(sweeps / iterations),
            sinkhorn_iterations: sweeps,
            sns_iterations: iterations,
            newton_steps: steps as f64,
            inner_steps: inner as f64,
            sinkhorn_error: self.sweeps.last(ERROR),
            sns_error: sns.last(ERROR),
            work_ratio: when_over(sweeps / sns.last(WORK)),
            transport_cost: if over || self.newton.is_some() { self.problem.cost_of(&self.plan_now()) } else { f64::NAN },
            required_ratio: self.required,
        }
    }

    fn sentence(&self) -> String {
        let (sweeps, iterations) = (self.sweeps.len(), self.newton_iterations());
        let Some(newton) = &self.newton else {
            return match self.sinkhorn_over() {
                _ if sweeps == 0 => "The first sweep is on its way.".into(),
                true => {
                    format!("Sinkhorn arrived after {}: nothing was left for Newton to do.", count(sweeps, "sweep", "sweeps"))
                }
                false => format!(
                    "Warm start: after {} the sums are still off by {}.",
                    count(sweeps, "sweep", "sweeps"),
                    figure(self.sweeps.last(ERROR))
                ),
            };
        };
        let told = |arrived: bool, n: usize| match arrived {
            true => format!("arrived after {}", count(n, "iteration", "iterations")),
            false => format!("is not there after {}", count(n, "iteration", "iterations")),
        };
        let sinkhorn = told(self.sweeps.last(ERROR) <= ARRIVED, sweeps);
        match (self.steps.is_empty(), newton.steps) {
            (true, _) | (_, 0) => format!("Newton takes over after {}.", count(iterations, "sweep", "sweeps")),
            _ => format!("Sparse Newton {}; Sinkhorn {sinkhorn}.", told(self.steps.last(ERROR) <= ARRIVED, iterations)),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let least = runs.least("ratio");
        let ratios: Vec<String> = runs.each("ratio").map(figure).collect();
        let error = runs.most("sns_error");
        let text = format!(
            "Sinkhorn takes {} times the iterations of sparse Newton to an error of 10⁻⁹ (where it is not there after 5,000 sweeps, these count); sparse Newton ends at {} or less.",
            ratios.join(", "),
            figure(error)
        );
        // Files of the reader's take the place of what the controls say.
        if runs.most("required_ratio").is_nan() {
            let aside = "The claim is about random assignment; here it is only a picture.";
            return Verdict::outside(if least.is_nan() { aside.into() } else { format!("{text} {aside}") });
        }
        Verdict::at_least(least, RATIO, text).needs(at_most(error, ARRIVED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::experiment::Views;
    use run::testing::{finished, preset, runs, with_files};

    #[test]
    fn other_seeds_arrive_as_soon() {
        let controls = Controls::default();
        let runs = runs::<SinkhornNewtonSparse>(&controls, [100, 101]);
        assert_eq!(SinkhornNewtonSparse::verdict(&controls, &runs).holds, Some(true), "{runs:?}");
        assert!(runs.most("sns_iterations") <= 30.0 && runs.most("newton_steps") <= 10.0, "{runs:?}");
    }

    #[test]
    fn every_preset_and_corner_runs_to_an_end() {
        let presets =
            SinkhornNewtonSparse::CARD.presets.iter().map(|preset| preset.name).filter(|name| !["large", "paper"].contains(name));
        let mut all: Vec<Controls> = presets.map(preset::<SinkhornNewtonSparse>).collect();
        for (warm_start, inverse_temperature) in [(0, 10.0), (0, 1500.0), (300, 1500.0), (1, 300.0)] {
            all.push(Controls { warm_start, inverse_temperature, size: 50, ..Controls::default() });
        }
        for controls in all {
            let run = finished::<SinkhornNewtonSparse>(&controls, 1);
            let measures = run.measures();
            assert!(
                measures.0.iter().all(|(name, value)| value.is_finite() || *name == "required_ratio"),
                "{controls:?}: {measures:?}"
            );
            for look in SinkhornNewtonSparse::VIEWS {
                let View::Chart(chart) = (look.make)(&run) else { continue };
                for mark in &chart.marks {
                    if let Mark::Line { x, .. } = mark {
                        assert!(x.len() <= 1500, "{} has a line of {} points", look.panel.id, x.len());
                    }
                }
            }
        }
    }

    #[test]
    fn a_rectangular_problem_of_the_readers() {
        let points = |n: usize, shift: f64| Array {
            name: format!("{n}.npy"),
            shape: vec![n, 2],
            values: (0..2 * n).map(|k| libm::sin(k as f64 * 1.7) + shift).collect(),
            columns: Vec::new(),
        };
        let controls = Controls::default();
        let run = with_files::<SinkhornNewtonSparse>(&controls, &[points(30, 0.0), points(200, 0.5)]);
        assert_eq!((run.problem.rows(), run.problem.columns()), (30, 200));
        let measures = run.measures();
        assert!(measures.get("sns_error") <= ARRIVED, "{measures:?}");
        assert!(SinkhornNewtonSparse::verdict(&controls, &Runs(vec![measures])).outside);
        let matrix = run.plan();
        assert_eq!((matrix.columns, matrix.values.len()), (100, 1500));
    }
}
