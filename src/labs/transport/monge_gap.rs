//! One regularizer that makes any network an optimal transport map.
//!
//! Paper: Uscidda, Cuturi, 2023. The Monge gap M(T) = E c(x, T(x)) − W_c(ρ, T♯ρ) is zero exactly where T moves ρ at the least cost. Added with
//! a weight λ to a fit of samples it makes a network without constraints an optimal map, for any cost c.
//! Claim: between two Gaussians, L2-UVP with the gap is ≤ 10 % and ≤ a tenth of that without, and the exact gap ≤ 0.02, both maps fitting alike.

use libm::{cos, sin};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Ink, Mark, Matrix, View};
use methods::nn::{Activation, Network, Start};
use methods::transport::NetworkSimplex;
use methods::transport::clouds::CloudSinkhorn;
use run::data::{Array, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

mod map;
use map::{Cost, MapLearner, Objective};

ground::choice! {
    /// What the gap makes cheap.
    pub enum GapCost { HalfSquared => "½‖x−y‖²", Euclidean => "‖x−y‖" }
}

ground::choice! {
    /// Where N(0, I) is to go.
    pub enum Target { Gaussian => "Gaussian", Blobs => "4 blobs", Rings => "rings" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        weight: LogZero(0.01, 30.0) = 1.0, "λ", "weight of the gap; 0: the network fits along any way, and arrows cross";
        share: Log(0.005, 0.5) = 0.05, "ε", "entropy, as a share of the mean cost; large: the gap is blind to small crossings";
        cost: Choice(GapCost) = GapCost::HalfSquared, "c", "the cost in the gap; the fit always takes ½‖x−y‖²";
        batch: LogCount(32, 512) = 64, "n", "samples of each side a step; many: slow, and less noise";
        steps: LogCount(50, 3000) = 200, "", "steps of Adam, its rate falling from 0.005 to 0 as a cosine";
        target: Choice(Target) = Target::Gaussian, "ν", "only between Gaussians is the best map known";
    }
}

type Point = [f64; 2];

const STEP_SIZE: f64 = 5e-3;
/// Points of the evaluation: for L2-UVP, for exact plans, for the picture of one, and arrows shown.
const EVALUATED: usize = 2000;
const EXACT: usize = 400;
const PICTURED: usize = 60;
const ARROWS: usize = 120;
/// How often batches are watched and pictures renewed.
const WATCHED: usize = 100;
const RECORDS: usize = 50;
/// Weights at which maps are also trained.
const WEIGHTS: [f64; 4] = [0.03, 0.3, 3.0, 30.0];
/// Shares of what the claim allows that are drawn lower than they are, some misfits being below zero.
const LEAST_SHOWN: f64 = 0.01;
/// Exponentials of a slice; an operation of the simplex is counted as one.
const SLICE: usize = 200_000;
/// Mean and covariance R diag(3, 0.3) Rᵀ of the Gaussian.
const SHIFT: Point = [2.0, 0.0];
const VARIANCES: Point = [3.0, 0.3];
const TURN: f64 = 50.0 / 180.0 * std::f64::consts::PI;
/// What the claim says: L2-UVP in percent, its ratio to the baseline's, the exact gap, and how much worse than a second sample the fit is.
const ERROR: f64 = 10.0;
const OF_BASELINE: f64 = 0.1;
const GAP: f64 = 0.02;
const MISFIT: f64 = 0.06;

fn normal(random: &mut Random) -> Point {
    [random.normal(), random.normal()]
}

/// T*(x) = b + Σ^{1/2} x.
fn best_map(x: &Point) -> Point {
    let (c, s) = (cos(TURN), sin(TURN));
    let (along, across) = (VARIANCES[0].sqrt() * (c * x[0] + s * x[1]), VARIANCES[1].sqrt() * (c * x[1] - s * x[0]));
    [SHIFT[0] + c * along - s * across, SHIFT[1] + s * along + c * across]
}

impl Target {
    fn sample(self, random: &mut Random) -> Point {
        match self {
            Target::Gaussian => best_map(&normal(random)),
            Target::Blobs => {
                let mut sign = || if random.uniform() < 0.5 { 2.0 } else { -2.0 };
                let center = [sign(), sign()];
                let noise = normal(random);
                [0, 1].map(|d| center[d] + 0.1f64.sqrt() * noise[d])
            }
            Target::Rings => {
                let radius = if random.uniform() < 0.5 { 1.0 } else { 2.5 };
                let angle = std::f64::consts::TAU * random.uniform();
                let noise = normal(random);
                [radius * cos(angle) + 0.1 * noise[0], radius * sin(angle) + 0.1 * noise[1]]
            }
        }
    }
}

/// Points nobody has trained on.
struct Fresh {
    x: Vec<Point>,
    /// Samples of the target, to hold maps against, and as many others.
    y: Vec<Point>,
    others: Vec<Point>,
}

impl Fresh {
    /// 100 E‖T(x) − T*(x)‖² / Var ν, percent.
    fn error(&self, map: impl FnOnce(&[Point]) -> Vec<Point>) -> f64 {
        let apart = |(x, t): (&Point, Point)| 2.0 * Cost::HalfSquared.of(&best_map(x), &t);
        let sum: f64 = self.x.iter().zip(map(&self.x)).map(apart).sum();
        100.0 * sum / (self.x.len() as f64 * (VARIANCES[0] + VARIANCES[1]))
    }
}

/// The two maps side by side.
const MAPS: [(&str, Ink); 2] = [("with the gap", Ink::Series(0)), ("without", Ink::Series(1))];

/// Exact transport costs that are worked out at the end.
#[derive(Clone, Copy, PartialEq)]
enum Question {
    /// What a map's own images cost at best.
    Least,
    /// ½W₂² from a map's images to samples of the target.
    Fit,
    /// ½W₂² between two samples of the target, whatever the map.
    Samples,
}

/// Of which of the two maps what is asked.
const QUESTIONS: [(Question, usize); 5] =
    [(Question::Least, 0), (Question::Fit, 0), (Question::Least, 1), (Question::Fit, 1), (Question::Samples, 0)];
/// What is asked of the maps at other weights.
const OF_OTHERS: [Question; 2] = [Question::Least, Question::Fit];

/// What decides of a map: each is held against what the claim allows.
#[derive(Clone, Copy)]
struct Figures {
    weight: f64,
    error: f64,
    gap: f64,
    misfit: f64,
}

/// A run: the map with the gap and the map without, then exact appraisals, then maps at other weights.
pub struct MongeGap {
    controls: Controls,
    fresh: Fresh,
    learners: [Trained; 2],
    /// Exact plans of the pictured points, row by row.
    plans: [Vec<f32>; 2],
    answers: Vec<f64>,
    simplex: Option<NetworkSimplex>,
    /// The entropic map, and how wrong it is.
    sinkhorn: CloudSinkhorn<2>,
    entropic_error: f64,
    /// Maps at other weights that are still to come, the next one last; the answers on it, and what was found of those before.
    others: Vec<(f64, Trained)>,
    other_answers: Vec<f64>,
    by_weight: Vec<Figures>,
}

/// A learner with its own stream of samples, the same for all of one seed.
struct Trained {
    learner: MapLearner<2>,
    random: Random,
}

impl Trained {
    fn new(controls: &Controls, weight: f64, seed: u64) -> Self {
        let network =
            Network::new(&[2, 64, 64, 2], Activation::Relu, Start::Normal { gain: 2.0 }, &mut Random::new(seed, "weights"));
        let cost = if controls.cost == GapCost::Euclidean { Cost::Euclidean } else { Cost::HalfSquared };
        let objective = Objective { cost, weight, share: controls.share, steps: controls.steps };
        Trained { learner: MapLearner::new(network, objective, STEP_SIZE), random: Random::new(seed, "batches") }
    }

    fn advance(&mut self, controls: &Controls, watch: bool) -> usize {
        let random = &mut self.random;
        self.learner.advance(watch, || {
            let x = (0..controls.batch).map(|_| normal(random)).collect();
            (x, (0..controls.batch).map(|_| controls.target.sample(random)).collect())
        })
    }
}

fn simplex(cost: Cost, x: &[Point], y: &[Point]) -> NetworkSimplex {
    let equal = |n: usize| vec![1.0 / n as f64; n];
    NetworkSimplex::new(&cost.matrix(x, y), &equal(x.len()), &equal(y.len()))
}

impl MongeGap {
    fn cost(&self) -> Cost {
        self.learners[0].learner.objective.cost
    }

    /// Is there a map to compare with?
    fn known(&self) -> bool {
        self.controls.target == Target::Gaussian && self.controls.cost == GapCost::HalfSquared
    }

    fn error(&self, map: usize) -> f64 {
        if self.known() { self.fresh.error(|x| self.learners[map].learner.map(x)) } else { f64::NAN }
    }

    fn trained(&self) -> bool {
        self.learners.iter().all(|trained| trained.learner.finished())
    }

    /// A part of the training of the two maps, in step with each other.
    fn train(&mut self) -> usize {
        let done = self.learners[1].learner.done;
        let behind = usize::from(self.learners[0].learner.done > done);
        let watch = done.is_multiple_of(self.controls.steps.div_ceil(WATCHED));
        let work = self.learners[behind].advance(&self.controls, watch);
        let now = self.learners[1].learner.done;
        if now > done && (now.is_multiple_of(self.controls.steps.div_ceil(RECORDS)) || now == self.controls.steps) {
            self.picture();
            return SLICE;
        }
        work
    }

    /// The exact plans of the points in the picture.
    fn picture(&mut self) {
        let mut x = self.fresh.x[..PICTURED].to_vec();
        x.sort_by(|a, b| a[0].total_cmp(&b[0]));
        for map in 0..2 {
            let mut simplex = simplex(self.cost(), &x, &self.learners[map].learner.map(&x));
            while !simplex.advance(1e5) {}
            self.plans[map] = simplex.plan().iter().map(|p| (p * PICTURED as f64) as f32).collect();
        }
    }

    /// A part of the answer to a question on a map; the answer, once it is found.
    fn ask(&mut self, question: Question, map: impl FnOnce(&Self) -> &MapLearner<2>) -> Option<f64> {
        let begun = self.simplex.take();
        let (x, y) = (&self.fresh.x[..EXACT], &self.fresh.y);
        let make = || match question {
            Question::Least => simplex(self.cost(), x, &map(self).map(x)),
            Question::Fit => simplex(Cost::HalfSquared, &map(self).map(x), y),
            Question::Samples => simplex(Cost::HalfSquared, &self.fresh.others, y),
        };
        let mut simplex = begun.unwrap_or_else(make);
        let answer = simplex.advance(SLICE as f64).then(|| simplex.certificate().primal);
        self.simplex = answer.is_none().then_some(simplex);
        answer
    }

    /// A part of the exact appraisals.
    fn appraise(&mut self) -> usize {
        let (question, map) = QUESTIONS[self.answers.len()];
        let answer = self.ask(question, |run| &run.learners[map].learner);
        self.answers.extend(answer);
        SLICE
    }

    /// A part of the appraisal of the map at another weight.
    fn appraise_other(&mut self) -> usize {
        let answer = self.ask(OF_OTHERS[self.other_answers.len()], |run| &run.others[run.others.len() - 1].1.learner);
        self.other_answers.extend(answer);
        if let [least, fit] = self.other_answers[..] {
            let (weight, Trained { learner, .. }) = self.others.pop().expect("the map that was asked about");
            self.other_answers.clear();
            self.by_weight.push(Figures {
                weight,
                error: self.fresh.error(|x| learner.map(x)),
                gap: self.paid(&learner) - least,
                misfit: fit - self.answer((Question::Samples, 0)),
            });
        }
        SLICE
    }

    fn answer(&self, question: (Question, usize)) -> f64 {
        QUESTIONS.iter().position(|q| *q == question).and_then(|i| self.answers.get(i)).copied().unwrap_or(f64::NAN)
    }

    /// E c(x, T(x)).
    fn paid(&self, map: &MapLearner<2>) -> f64 {
        let x = &self.fresh.x[..EXACT];
        x.iter().zip(&map.map(x)).map(|(x, t)| self.cost().of(x, t)).sum::<f64>() / EXACT as f64
    }

    /// The exact gap of a map, and how much worse than a second sample it fits.
    fn gap_and_misfit(&self, map: usize) -> [f64; 2] {
        let fit = self.answer((Question::Fit, map)) - self.answer((Question::Samples, 0));
        [self.paid(&self.learners[map].learner) - self.answer((Question::Least, map)), fit]
    }

    /// The map of the entropic plan between samples, x to the mean of where its mass goes.
    fn entropic_map(&mut self) -> usize {
        if self.sinkhorn.renewed() < 100 * self.sinkhorn.per_sweep() {
            self.sinkhorn.renew();
            return EXACT;
        }
        self.entropic_error = self.fresh.error(|x| x.iter().map(|x| self.sinkhorn.moments(x).mean).collect());
        SLICE
    }
}

/// The views.
impl MongeGap {
    fn arrows(&self, map: usize) -> Chart {
        let x = &self.fresh.x[..ARROWS];
        let images = self.learners[map].learner.map(x);
        let unzip = |points: &[Point]| -> (Vec<f64>, Vec<f64>) { points.iter().map(|p| (p[0], p[1])).unzip() };
        let (sx, sy) = unzip(x);
        let (tx, ty) = unzip(&images);
        let (yx, yy) = unzip(&self.fresh.y);
        let (mut lx, mut ly) = (Vec::new(), Vec::new());
        for (x, t) in x.iter().zip(&images) {
            lx.extend([x[0], t[0], f64::NAN]);
            ly.extend([x[1], t[1], f64::NAN]);
        }
        let ink = MAPS[map].1;
        let marks = vec![
            Mark::points("samples of ν", Ink::Muted, yx, yy, 3.0),
            Mark::line("", ink, lx, ly),
            Mark::points("x", Ink::Series(2), sx, sy, 3.5),
            Mark::points("T(x)", ink, tx, ty, 5.0),
        ];
        let axis = |label: &str, low, high| Axis::linear(label).range(low, high);
        let (x, y) =
            if self.controls.target == Target::Gaussian { ((-3.0, 6.0), (-4.0, 4.0)) } else { ((-3.5, 3.5), (-3.5, 3.5)) };
        Chart {
            x: axis("first coordinate", x.0, x.1),
            y: axis("second coordinate", y.0, y.1),
            marks,
            equal: true,
            ..Chart::default()
        }
    }

    fn training_chart(&self) -> Chart {
        let mut marks = Vec::new();
        // The first fall of the fit is so deep that nothing else would be seen.
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for (trained, (name, ink)) in self.learners.iter().zip(MAPS).rev() {
            let watched = &trained.learner.watched;
            for values in watched.iter().skip(5) {
                low = low.min(values[1]).min(values[2]);
                high = high.max(values[1]).max(values[2]);
            }
            let column = |which: usize| watched.iter().map(|w| (w[0], w[which])).unzip();
            let ((x, fit), (x2, gap)) = (column(1), column(2));
            marks.push(Mark::dashed(format!("fit, {name}"), ink, x, fit));
            marks.push(Mark::line(format!("gap, {name}"), ink, x2, gap));
        }
        let mut y = Axis::linear("fit S_ε and gap M_ε");
        if high > low {
            y = y.range(low - 0.1 * (high - low), high + 0.1 * (high - low));
        }
        Chart { x: Axis::linear("step").range(0.0, self.controls.steps as f64), y, marks, ..Chart::default() }
    }

    fn plan(&self, map: usize) -> Matrix {
        Matrix {
            row: "x, from left to right".into(),
            column: "T(x) of the same x".into(),
            value: Axis::linear("mass").range(0.0, 1.0),
            columns: PICTURED,
            values: self.plans[map].clone(),
            ..Matrix::default()
        }
    }

    fn weights_chart(&self) -> Chart {
        let x = Axis::log("weight of the gap λ").range(0.02, 45.0);
        let y = Axis::log("share of what the claim allows").range(LEAST_SHOWN, 1000.0);
        if !self.known() {
            let text = "not known: there is no formula for the best map here".into();
            return Chart { x, y, marks: vec![Mark::Label { text, at: (0.95, 3.0), ink: Ink::Text }], ..Chart::default() };
        }
        let mut found = self.by_weight.clone();
        if self.controls.weight > 0.0 && self.answers.len() == QUESTIONS.len() {
            let [gap, misfit] = self.gap_and_misfit(0);
            found.push(Figures { weight: self.controls.weight, error: self.error(0), gap, misfit });
        }
        found.sort_by(|a, b| a.weight.total_cmp(&b.weight));
        let mut marks = vec![Mark::at_y("allowed", 1.0)];
        if self.entropic_error.is_finite() {
            marks.push(Mark::at_y("entropic map's error", self.entropic_error / ERROR));
        }
        let mut draw = |name: &str, ink: Ink, of: fn(&Figures) -> f64| {
            let px: Vec<f64> = found.iter().map(|f| f.weight).collect();
            let py: Vec<f64> = found.iter().map(|f| of(f).max(LEAST_SHOWN)).collect();
            marks.push(Mark::line(name, ink, px.clone(), py.clone()));
            marks.push(Mark::points("", ink, px, py, 7.0));
        };
        draw("error L2-UVP, of 10 %", Ink::Series(0), |f| f.error / ERROR);
        draw("exact gap, of 0.02", Ink::Series(2), |f| f.gap / GAP);
        draw("misfit, of 0.06", Ink::Series(3), |f| f.misfit / MISFIT);
        Chart { x, y, marks, ..Chart::default() }
    }
}

run::views! { MongeGap, Controls:
    with "The map with the gap" "Hardly any two points could swap their goals and be better off." => view_0;
    without "The map without" "The same network, the same samples, as good a fit, but a map that turns and folds." => view_1;
    training "Fit and gap in training" "Dashed, the fit: the same for both. Solid, the gap: one closes it. Entropy puts it a little too low." => training_chart;
    plan "Who should go where, with the gap" "The cheapest pairing of the points with their own images: a diagonal says that the map is it." => view_3;
    "plan-without" "Who should go where, without" "Off the diagonal: these points should have gone to each other's images." => view_4;
    weights "By weight: what the claim asks" "Below the line a figure is allowed. Of these weights only λ = 1 has all three there: at 0.3 the gap is still too large, at 3 the fit mostly too poor." => weights_chart;
}

impl MongeGap {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        let mut work = 0;
        while work < SLICE {
            if !self.trained() {
                work += self.train();
            } else if self.answers.len() < QUESTIONS.len() {
                work += self.appraise();
            } else if self.known() && self.entropic_error.is_nan() {
                work += self.entropic_map();
            } else if let Some((_, trained)) = self.others.last_mut() {
                let finished = trained.learner.finished();
                work += if finished { self.appraise_other() } else { trained.advance(&self.controls, false) };
            } else {
                break;
            }
        }
        let all = |learners: usize| learners * self.controls.steps;
        let count = self.by_weight.len() + self.others.len();
        // The last step of a map at another weight counts once it is appraised.
        let other = self.others.last().map_or(0, |(_, trained)| trained.learner.done.min(self.controls.steps - 1));
        let done = self.learners[1].learner.done + all(self.by_weight.len()) + other;
        let appraised = self.answers.len() == QUESTIONS.len() && !(self.known() && self.entropic_error.is_nan());
        Ok(Progress { done: done + usize::from(appraised), of: all(1 + count) + 1 })
    }

    fn view(&self, which: usize) -> View {
        match which {
            0 | 1 => View::Chart(self.arrows(which)),
            2 => View::Chart(self.training_chart()),
            3 | 4 => View::Matrix(self.plan(which - 3)),
            _ => View::Chart(self.weights_chart()),
        }
    }

    fn view_0(&self) -> View {
        self.view(0)
    }

    fn view_1(&self) -> View {
        self.view(1)
    }

    fn view_3(&self) -> View {
        self.view(3)
    }

    fn view_4(&self) -> View {
        self.view(4)
    }
}

impl Experiment for MongeGap {
    const CARD: Card = Card {
        slug: "monge-gap",
        title: "One regularizer that makes any network an optimal transport map",
        paper: Paper::new("The Monge Gap: A Regularizer to Learn All Transport Maps", "Théo Uscidda, Marco Cuturi", 2023),
        claim: "Between two Gaussians of the plane a network trained with the Monge gap is off the best map by L2-UVP ≤ 10 %, at most a tenth of what it is without, and its exact gap is ≤ 0.02, while both maps fit the target (½W₂² within 0.06 of what two of its samples are apart).",
        reproduction: Reproduction::InPart,
        honesty: "The paper compares with input-convex networks in up to 256 dimensions and on single cells; here it is the plane, and the opponents are the same network without the gap and the entropic map.",
        seeds: 5,
        unit: "step",
        presets: &[
            Preset::holds("default", "Between two Gaussians", &[]),
            Preset::gone("break-it", "λ = 0: the fit alone", &[("weight", "0")]),
            Preset::open("four blobs", "To four blobs: who goes to which?", &[("target", "4 blobs")]),
            Preset::open("Euclidean", "The gap with ‖x−y‖: arrows may follow each other, not cross", &[("cost", "‖x−y‖")]),
            Preset::open("rings", "To two rings", &[("target", "rings")]),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let mut random = Random::new(seed, "evaluation");
        let x: Vec<Point> = (0..EVALUATED).map(|_| normal(&mut random)).collect();
        let mut targets = || -> Vec<Point> { (0..EXACT).map(|_| controls.target.sample(&mut random)).collect() };
        let fresh = Fresh { y: targets(), others: targets(), x };
        let mut random = Random::new(seed, "entropic");
        let sources: Vec<Point> = (0..EXACT).map(|_| normal(&mut random)).collect();
        let targets: Vec<Point> = (0..EXACT).map(|_| controls.target.sample(&mut random)).collect();
        let costs = Cost::HalfSquared.matrix(&sources, &targets);
        let epsilon = controls.share * costs.iter().sum::<f64>() / costs.len() as f64;
        let mut run = MongeGap {
            learners: [controls.weight, 0.0].map(|weight| Trained::new(controls, weight, seed)),
            plans: Default::default(),
            answers: Vec::new(),
            simplex: None,
            sinkhorn: CloudSinkhorn::new(&sources, &targets, epsilon),
            entropic_error: f64::NAN,
            others: Vec::new(),
            other_answers: Vec::new(),
            by_weight: Vec::new(),
            controls: controls.clone(),
            fresh,
        };
        if run.known() {
            let others = WEIGHTS.into_iter().filter(|weight| *weight != controls.weight);
            run.others = others.map(|weight| (weight, Trained::new(controls, weight, seed))).collect();
            run.others.reverse();
        }
        run.picture();
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
        let (error, baseline) = (self.error(0), self.error(1));
        let ([gap, misfit], [baseline_gap, baseline_misfit]) = (self.gap_and_misfit(0), self.gap_and_misfit(1));
        ground::measures! {
            error: error, baseline_error: baseline, entropic_error: self.entropic_error,
            gap: gap, baseline_gap: baseline_gap,
            misfit: misfit, baseline_misfit: baseline_misfit,
            samples_apart: self.answer((Question::Samples, 0)),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let [error, baseline, gap, misfit, baseline_misfit] =
            ["error", "baseline_error", "gap", "misfit", "baseline_misfit"].map(|name| runs.mean(name));
        if runs.each("error").any(f64::is_nan) {
            let text = format!("The best map is not known here: exact gap {gap:.3}, misfit {misfit:.3} above two samples'.");
            return Verdict { holds: None, outside: true, text, figure: f64::NAN, threshold: ERROR };
        }
        let figure = if gap.is_nan() || misfit.is_nan() || baseline_misfit.is_nan() { f64::NAN } else { error };
        let text = format!(
            "With the gap the map is off by {error:.1} %, without by {baseline:.0} %; its exact gap is {gap:.4}; the fits are {misfit:.3} and {baseline_misfit:.3} above two samples' ½W₂²."
        );
        let fits = misfit <= MISFIT && baseline_misfit <= MISFIT;
        Verdict::at_most(figure, ERROR, text).and(error <= OF_BASELINE * baseline && gap <= GAP && fits)
    }

    fn results(&self) -> Vec<Array> {
        let x = &self.fresh.x[..EXACT];
        let [with, without] = [0, 1].map(|map| self.learners[map].learner.map(x));
        let row = |i: usize| [x[i], with[i], without[i]].concat();
        vec![Array {
            name: "maps".into(),
            shape: vec![EXACT, 6],
            values: (0..EXACT).flat_map(row).collect(),
            columns: ["x₁", "x₂", "with, first", "with, second", "without, first", "without, second"].map(String::from).to_vec(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The measures once the two maps are trained and appraised.
    fn measured(controls: Controls, seed: u64) -> Measures {
        let mut run = MongeGap::new(&controls, seed, &Library::default()).unwrap();
        run.others.clear();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run.measures()
    }

    #[test]
    fn the_best_map_has_no_error_no_gap_and_the_targets_moments() {
        let run = MongeGap::new(&Controls::default(), 0, &Library::default()).unwrap();
        assert!(run.fresh.error(|x| x.iter().map(best_map).collect()) < 1e-20);
        let x = &run.fresh.x[..EXACT];
        let images: Vec<Point> = x.iter().map(best_map).collect();
        let mut exact = simplex(Cost::HalfSquared, x, &images);
        while !exact.advance(1e6) {}
        let paid: f64 = x.iter().zip(&images).map(|(x, t)| Cost::HalfSquared.of(x, t) / EXACT as f64).sum();
        assert!((paid - exact.certificate().primal).abs() < 1e-12);
        let mean = |f: &dyn Fn(&Point) -> f64| run.fresh.x.iter().map(|x| f(&best_map(x))).sum::<f64>() / EVALUATED as f64;
        assert!((mean(&|t| t[0]) - 2.0).abs() < 0.15 && mean(&|t| t[1]).abs() < 0.15);
        // Σ₁₂ = (3 − 0.3) sin 50° cos 50°.
        assert!((mean(&|t| (t[0] - 2.0) * t[1]) - 1.3295).abs() < 0.2);
    }

    #[test]
    fn without_the_gap_another_seeds_map_crosses_too() {
        let measures = measured(Controls::default(), 100);
        assert!(measures.get("error") < 10.0 && measures.get("gap") < 0.03, "{measures:?}");
        assert!(measures.get("baseline_error") >= 50.0 && measures.get("baseline_gap") >= 0.5, "{measures:?}");
    }

    /// The map without the gap in the seeds of the claim, and nothing else of the run.
    #[test]
    fn without_the_gap_every_seeds_map_is_far_from_the_best() {
        let controls = Controls { weight: 0.0, ..Controls::default() };
        for seed in 0..5 {
            let mut run = MongeGap::new(&controls, seed, &Library::default()).unwrap();
            while !run.learners[0].learner.finished() {
                run.learners[0].advance(&controls, false);
            }
            while run.answers.is_empty() {
                run.appraise();
            }
            let (error, [gap, _]) = (run.error(0), run.gap_and_misfit(0));
            assert!(error >= 50.0 && gap >= 0.5, "{seed}: {error} %, {gap}");
        }
    }

    /// What a weight is drawn at is what a run with that weight measures.
    #[test]
    fn other_weights_are_appraised_as_ones_own() {
        let short = Controls { steps: 50, ..Controls::default() };
        let mut run = MongeGap::new(&short, 2, &Library::default()).unwrap();
        run.others.retain(|(weight, _)| *weight == 3.0);
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        let Figures { weight, error, gap, misfit } = run.by_weight[0];
        let own = measured(Controls { weight: 3.0, ..short }, 2);
        assert_eq!((weight, error, gap, misfit), (3.0, own.get("error"), own.get("gap"), own.get("misfit")));
    }

    #[test]
    fn a_weight_of_zero_is_the_baseline() {
        let measures = measured(Controls { weight: 0.0, steps: 50, ..Controls::default() }, 1);
        assert_eq!(measures.get("error"), measures.get("baseline_error"));
        assert_eq!(measures.get("gap"), measures.get("baseline_gap"));
    }

    #[test]
    fn other_targets_report_gap_and_fit() {
        for target in [Target::Blobs, Target::Rings] {
            let measures = measured(Controls { target, ..Controls::default() }, 0);
            assert!(measures.get("error").is_nan() && measures.get("gap") < 0.5 * measures.get("baseline_gap"), "{measures:?}");
        }
    }
}
