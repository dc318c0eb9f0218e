//! Finding what matters in X when the answer is a whole distribution, of which only distances are known.
//!
//! Paper: Yuan, Wang & Yu, 2025. FCCov(f) = (1/n²) Σ_kl ((1/n) Σ_{i ∈ B_kl} f̃_i)² = f̃ᵀAf̃ over the balls B_kl about y_k through y_l. A net
//! f maximises f̃ᵀÂf̃ − λ(Var f − 1)², Â being A centred and divided by its largest eigenvalue. Held against it, with the same net:
//! Â made from −½JDJ (distance covariance), and the least squares fit of Y by a linear map of f (regression).
//! Claim: f finds g(x) = x₁² + x₂, judged by the distance correlation of f and g on fresh points, where a share π of the responses is
//! Cauchy noise and the others are lost.
//! Beside them, not in the paper: regression by the absolute error, and distance covariance with distances cut off at three medians.

mod dependence;
mod objective;
mod response;
mod task;

use libm::sqrt;
use methods::linear::lanczos::Lanczos;
use methods::network::dense::{Activation, Network, Start, Tape};
use methods::network::learner::Learner;
use methods::number::real::Real;
use methods::optimize::Rule;
use methods::statistics::{correlation, median, ranks};
use run::prelude::*;

use dependence::{Distances, centre, cumulative_row, outside, side_by_side, times, transposed};
use objective::{best_linear, linear, penalised};
use response::Response;
use task::{INPUTS, Task, truth};

choice! {
    /// What f may be.
    pub enum Function { Net => "net", Linear => "linear" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        outliers "share of junk answers": Real(0.0, 0.4) = 0.15, "π", "Answers that are Cauchy noise, some of it very far away. 0: clean data. 0.4: two answers in five are junk.";
        response "kind of answer": Choice(Response) = Response::Law, "Y", "Distributions and covariances can be as far away as you like; directions on a circle cannot.";
        function "kind of function": Choice(Function) = Function::Net, "f", "net: a small network, which can bend. linear: a weighted sum of the inputs, which cannot.";
        steps "training steps": LogCount(20, 1500) = 60, "", "Few: little is found. Beyond a hundred or so: the network begins to learn the sample.";
        samples: LogCount(100, 1000) = 500, "n", "Few: every network learns the sample by heart. Many: the truth has a better chance.";
        penalty "variance penalty": Log(0.1, 10.0) = 1.0, "λ", "Holds the variance of f at one. It sets the scale, and how fast training goes, not what is found.", when function ["net"];
    }
}

const LANCZOS: usize = 40;
const RATE: f64 = 5e-3;
/// Where distances are cut off, in medians of them all.
const CUT: f64 = 3.0;
/// Points, responses and samples in the pictures.
const SHOWN: usize = 250;
const LINES: usize = 40;
const CELLS: usize = 64;
/// Readings a run.
const READINGS: usize = 30;
/// What the claim says of the distance correlation, and of its advantage over the others and over the best linear f.
const FOUND: f64 = 0.75;
const ADVANTAGE: f64 = 0.3;
const OVER_LINEAR: f64 = 0.15;

/// What goes by which goal, side by side.
const METHODS: [Series; 6] = [
    Series { name: "FCCov", ink: Ink::Series(0) },
    Series { name: "distance covariance", ink: Ink::Series(1) },
    Series { name: "regression", ink: Ink::Series(2) },
    Series { name: "absolute error", ink: Ink::Series(3) },
    Series { name: "distances cut off", ink: Ink::Series(4) },
    Series { name: "FCCov, linear f", ink: Ink::Muted },
];
const GOALS: [Goal; 6] = [Goal::Balls, Goal::Distance, Goal::Regression, Goal::Absolute, Goal::CutDistance, Goal::LinearBalls];

/// What f goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    Balls,
    Distance,
    Regression,
    Absolute,
    CutDistance,
    LinearBalls,
}

impl Goal {
    /// Does it fit the response by a map of f, rather than maximise a form?
    fn fits(self) -> bool {
        matches!(self, Goal::Regression | Goal::Absolute)
    }
}

/// A function f on its way.
struct Predictor {
    goal: Goal,
    f: Learner<f64>,
    /// From f to the response, where that is fitted.
    map: Learner<f64>,
    /// Found in one go rather than trained.
    closed: bool,
    /// f on fresh points, and its distance correlation with g at every reading.
    fresh: Vec<f64>,
    found: Track<1>,
}

impl Predictor {
    fn new(goal: Goal, network: Network<f64>, closed: bool, columns: usize) -> Self {
        let map = Network::<f64>::new(&[1, columns], Activation::Relu, Start::Uniform, &mut Random::new(0, "shape"));
        let map = map.with(std::iter::repeat_n(0.1, columns).chain(std::iter::repeat_n(0.0, columns)).collect());
        Predictor {
            goal,
            f: Learner::new(network, Rule::ADAM, RATE),
            map: Learner::new(map, Rule::ADAM, RATE),
            closed,
            fresh: Vec::new(),
            found: Track::default(),
        }
    }

    /// Â of its goal.
    fn form<'a>(&self, forms: &'a [Vec<f64>; 3]) -> &'a [f64] {
        match self.goal {
            Goal::Distance => &forms[1],
            Goal::CutDistance => &forms[2],
            _ => &forms[0],
        }
    }

    /// One step of Adam on the whole sample.
    fn step(&mut self, task: &Task, forms: &[Vec<f64>; 3], lambda: f64) {
        let (form, mut delta) = (self.form(forms), Vec::new());
        let f = self.f.outputs(&task.x);
        if self.goal.fits() {
            let share = 1.0 / task.targets.len() as f64;
            let absolute = self.goal == Goal::Absolute;
            let slope = |miss: f64| if absolute { share * miss.sign() } else { 2.0 * share * miss };
            let outputs = self.map.outputs(f).iter().zip(&task.targets);
            let by_output: Vec<f64> = outputs.map(|(o, y)| slope(o - y)).collect();
            self.map.network.slope_by_inputs(&mut self.map.tape, &by_output, &mut delta);
            self.map.descend(&by_output);
        } else {
            penalised(form, lambda, f, &mut delta);
        }
        self.f.descend(&delta);
    }

    fn read(&mut self, task: &Task, step: usize) {
        self.fresh = self.f.outputs(&task.fresh).to_vec();
        self.found.note(step, [Distances::of(&self.fresh).correlation(&task.judge)]);
    }
}

/// Values with mean 0 and variance 1, turned so that they rise with `with`.
fn aligned(values: &[f64], with: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = sqrt(values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n);
    let sign = if correlation(values, with) < 0.0 { -1.0 } else { 1.0 };
    values.iter().map(|v| if deviation > 0.0 { sign * (v - mean) / deviation } else { 0.0 }).collect()
}

/// A run.
pub struct FrechetCumulativeCovariance {
    controls: Controls,
    seed: u64,
    task: Task,
    /// Â from balls, from distances and from those cut off, once they are known.
    forms: [Vec<f64>; 3],
    predictors: Vec<Predictor>,
}

impl FrechetCumulativeCovariance {
    /// Â from the counts of balls, and from −½ of the distances as they are and cut off: centred, and divided by its largest eigenvalue.
    async fn prepare(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let (n, response) = (self.task.samples(), self.controls.response);
        let mut distances = Vec::with_capacity(n * n);
        for i in 0..n {
            let responses = &self.task.responses;
            distances.extend(responses.iter().map(|other| response.distance(&responses[i], other)));
            self = stage.part(self).await;
        }
        // c by centre, then by sample.
        let mut counts = Vec::with_capacity(n);
        for of_centre in distances.chunks_exact(n) {
            counts.push(outside(of_centre));
            self = stage.part(self).await;
        }
        let counts = transposed(&counts);
        let mut balls = Vec::with_capacity(n * n);
        for i in 0..n {
            balls.extend(cumulative_row(&counts, i));
            self = stage.part(self).await;
        }
        let cut = CUT * median(&distances);
        let half = |least: f64| distances.iter().map(|d| -0.5 * d.min(least)).collect();
        let (mut forms, mut random) = ([balls, half(f64::INFINITY), half(cut)], Random::new(self.seed, "eigenvalues"));
        for form in &mut forms {
            centre(form);
            let mut lanczos = Lanczos::random(n, &mut random);
            for _ in 0..LANCZOS {
                let image = times(form, lanczos.next());
                lanczos.step(image);
                self = stage.part(self).await;
            }
            let largest = lanczos.ritz().values.last().copied().unwrap_or(1.0);
            form.iter_mut().for_each(|a| *a /= largest);
        }
        self.forms = forms;
        self
    }

    /// Each predictor before its first step; where there is a closed form, that.
    fn begin(&mut self, i: usize) {
        let Self { predictors, task, forms, .. } = self;
        let predictor = &mut predictors[i];
        if predictor.closed {
            predictor.f.network = best_linear(&task.x, predictor.form(forms)).0;
        }
        predictor.read(task, 0);
    }

    /// The predictors, the last first: the first lies on top.
    fn methods(&self) -> impl Iterator<Item = (&Predictor, Series)> {
        self.predictors.iter().zip(METHODS).rev()
    }
}

/// The views.
impl FrechetCumulativeCovariance {
    fn scatter(&self) -> Chart {
        let x = Axis::linear("g(x) = x₁² + x₂").range(-3.0, 9.0);
        let chart = Chart::of(x, Axis::linear("f(x), standardised").range(-4.0, 6.0));
        self.methods().filter(|(predictor, _)| !predictor.fresh.is_empty()).fold(chart, |chart, (predictor, of)| {
            let f = aligned(&predictor.fresh, &self.task.truth);
            chart.dots(of.name, of.ink, 4.0, self.task.truth.iter().copied().zip(f).take(SHOWN))
        })
    }

    fn correlations(&self) -> Chart {
        let x = Axis::linear("step").range(0.0, self.controls.steps as f64);
        let chart = Chart::of(x, Axis::linear("distance correlation").range(0.0, 1.0));
        self.methods().fold(chart, |chart, (predictor, Series { name, ink })| {
            let draw = if predictor.closed { Chart::dashed } else { Chart::line };
            draw(chart, name, ink, predictor.found.points(0))
        })
    }

    /// Responses, coloured by f.
    fn responses(&self) -> Chart {
        let response = self.controls.response;
        let shown = &self.task.responses[..LINES.min(self.task.samples())];
        let mut tape = Tape::default();
        let x = &self.task.x[..shown.len() * INPUTS];
        self.predictors[0].f.network.forward(x, &mut tape);
        let truth: Vec<f64> = x.chunks_exact(INPUTS).map(truth).collect();
        let order = ranks(&aligned(tape.logits(), &truth));
        let (low, high) = (1.0, shown.len() as f64);
        shown.iter().zip(order).fold(response.chart(), |chart, (row, rank)| {
            let name = match rank {
                _ if rank == low => "lowest f",
                _ if rank == high => "highest f",
                _ => "",
            };
            response.draw(chart, name, Ink::Ramp(((rank - low) / (high - low)) as f32), row)
        })
    }

    /// Both forms, samples sorted by g.
    fn forms(&self) -> Matrix {
        let g: Vec<f64> = self.task.x.chunks_exact(INPUTS).take(CELLS).map(truth).collect();
        let mut order: Vec<usize> = (0..g.len()).collect();
        order.sort_by(|a, b| g[*a].total_cmp(&g[*b]));
        side_by_side(&self.forms[..2], &order)
    }
}

views! { FrechetCumulativeCovariance, Controls:
    predictor "What was found against what is true" "A dot is a fresh point: right the truth, up what was found. A thin rising curve would be perfect." => scatter;
    steps "On the way" "A line is a method: how closely what it has found depends on the truth, after so many steps." => correlations;
    responses "The answers, shaded by f" "Each is an answer, shaded by the rank of FCCov's f. Similar answers should have similar shades." => responses;
    forms "What the methods see" "A cell is two samples, ordered by the truth; its shade says how much the method draws them together." => forms;
}

impl Experiment for FrechetCumulativeCovariance {
    const CARD: Card = Card {
        slug: "frechet-cumulative-covariance",
        title: "Can ranks of distances find what matters among junk?",
        paper: Paper::new(
            "Fréchet Cumulative Covariance Net for Deep Nonlinear Sufficient Dimension Reduction with Random Objects",
            "Hang Yuan, Christina Dan Wang, Zhou Yu",
            2025,
        )
        .arxiv("2502.15374"),
        claim: "Comparing only which answer is nearer survives junk answers that mislead squared errors and raw distances.",
        criterion: "With 15 % of the responses Cauchy noise, the network's f has on fresh points a distance correlation of at least 0.75 with the true predictor, at least 0.3 above the better of distance covariance and regression, and at least 0.15 above the best linear f: means over five seeds.",
        figure: "lead in distance correlation over the better rival",
        reproduction: Reproduction::InPart,
        honesty: "Recovery and resistance to outliers reproduce for one predictor; the paper's rate is not measured. Regression by the absolute error and distances that are cut off resist as well and find a little more, and without outliers so do the paper's two rivals.",
        presets: &[
            Preset::holds("default", "Distributions, 15 % outliers", &[]),
            Preset::gone("break-it", "No outliers: the others find more, 0.94 and 0.96 against 0.82", &[("outliers", "0")]),
            Preset::open("linear", "Linear functions: the outliers are resisted, x₁² is not found", &[("function", "linear")]),
            Preset::open(
                "directions",
                "Responses on a circle: distances cannot grow, and all resist",
                &[("response", "direction")],
            ),
            Preset::open(
                "covariances",
                "Responses are 2×2 covariances under the Bures-Wasserstein distance",
                &[("response", "2×2 covariance")],
            ),
            Preset::open("too long", "600 steps: best after 80, then the network learns the sample", &[("steps", "600")]),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let task = Task::new(controls, seed);
        let mut random = Random::new(seed, "weights");
        let net = match controls.function {
            Function::Net => Network::new(&[INPUTS, 32, 32, 1], Activation::Relu, Start::Normal { gain: 2.0 }, &mut random),
            Function::Linear => linear(INPUTS, &mut random),
        };
        let columns = task.targets.len() / task.samples();
        let predictors = GOALS.map(|goal| match goal {
            Goal::LinearBalls => Predictor::new(goal, linear(INPUTS, &mut random), true, columns),
            _ => {
                let closed = controls.function == Function::Linear && !goal.fits();
                Predictor::new(goal, net.clone(), closed, columns)
            }
        });
        Ok(FrechetCumulativeCovariance {
            controls: controls.clone(),
            seed,
            task,
            forms: Default::default(),
            predictors: predictors.into(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let Controls { steps, penalty, .. } = self.controls;
        stage.span(0..steps);
        self = self.prepare(&stage).await;
        for i in 0..METHODS.len() {
            self.begin(i);
            self = stage.part(self).await;
        }
        let every = Every::of(READINGS, steps);
        for step in 1..=steps {
            for i in 0..METHODS.len() {
                let Self { predictors, task, forms, .. } = &mut *self;
                if !predictors[i].closed {
                    predictors[i].step(task, forms, penalty);
                }
                // What is not trained is where it was.
                if every.due(step) && (!predictors[i].closed || step == steps) {
                    predictors[i].read(task, step);
                }
                self = stage.part(self).await;
            }
            self = stage.next(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let [balls, distance, regression, absolute, cut, linear] = [0, 1, 2, 3, 4, 5].map(|i| self.predictors[i].found.last(0));
        let others = distance.max(regression);
        measures! {
            fccov: balls, distance_covariance: distance, regression: regression, linear: linear,
            absolute: absolute, cut_distance_covariance: cut,
            advantage: balls - others, over_linear: balls - linear,
            absolute_advantage: absolute - others, cut_advantage: cut - others,
        }
    }

    fn sentence(&self) -> String {
        let found = [0, 1, 2].map(|i| self.predictors[i].found.last(0));
        let Some((step, _)) = self.predictors[2].found.points(0).next_back() else {
            return "Answers are being compared with each other; nothing is learned yet.".into();
        };
        if found.iter().any(|found| found.is_nan()) {
            return "What one of the methods has found does not vary any more.".into();
        }
        let [balls, distance, regression] = found.map(figure);
        format!(
            "At step {step} FCCov's f has a distance correlation of {balls} with the truth, distance covariance's {distance}, regression's {regression}."
        )
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let [found, advantage, over_linear] = ["fccov", "advantage", "over_linear"].map(|name| runs.mean(name));
        let text = format!(
            "The distance correlation with the true predictor is {} for FCCov, {} for distance covariance, {} for regression and {} for the best linear f.",
            figure(found),
            figure(runs.mean("distance_covariance")),
            figure(runs.mean("regression")),
            figure(runs.mean("linear")),
        );
        Verdict::at_least(advantage, ADVANTAGE, text)
            .needs(at_least(found, FOUND))
            .needs(at_least(over_linear, OVER_LINEAR))
            .rival("regression by the absolute error", runs.mean("absolute_advantage"))
            .rival("distance covariance, distances cut off at three medians", runs.mean("cut_advantage"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;
    use run::testing::{begun, judged, played, preset, runs};

    type Run = FrechetCumulativeCovariance;

    #[test]
    fn without_outliers_nothing_is_gained() {
        let runs = runs::<Run>(&preset::<Run>("break-it"), 0..5);
        assert!(runs.mean("advantage") <= 0.02, "{runs:?}");
        for method in ["fccov", "distance_covariance", "regression", "absolute", "cut_distance_covariance"] {
            assert!(runs.mean(method) >= 0.75, "{method}: {runs:?}");
        }
    }

    /// What the page says beyond the paper: ranks are not needed to resist.
    #[test]
    fn whatever_does_not_grow_without_bound_resists() {
        let run = judged::<Run>(&Controls::default(), 0).measures();
        assert!(run.get("distance_covariance") < 0.5 && run.get("regression") < 0.5, "{run:?}");
        assert!(run.get("absolute") > 0.9 && run.get("cut_distance_covariance") > 0.9, "{run:?}");
    }

    #[test]
    fn a_net_that_goes_on_learns_the_sample() {
        let run = judged::<Run>(&preset::<Run>("too long"), 0);
        let found = &run.predictors[0].found;
        let best = found.points(0).fold(0f64, |best, (_, found)| best.max(found));
        assert!(best > 0.9 && found.last(0) < best - 0.2, "{best} and {}", found.last(0));
    }

    /// Both forms are centred and have 1 for their largest eigenvalue.
    #[test]
    fn forms_are_centred_and_scaled() {
        let run = played(begun::<Run>(&Controls { samples: 120, ..Controls::default() }, 2), |progress| progress.done == 1);
        let n = run.task.samples();
        for form in &run.forms {
            assert!(form.chunks_exact(n).all(|row| row.iter().sum::<f64>().abs() < 1e-9));
            let largest = DMatrix::from_row_slice(n, n, form).symmetric_eigenvalues().max();
            assert!((largest - 1.0).abs() < 1e-9, "{largest}");
        }
    }

    #[test]
    fn on_a_circle_nothing_is_far() {
        let run = judged::<Run>(&preset::<Run>("directions"), 0).measures();
        assert!(["fccov", "distance_covariance", "regression"].iter().all(|method| run.get(method) > 0.8), "{run:?}");
    }
}
