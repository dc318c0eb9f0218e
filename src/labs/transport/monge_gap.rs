//! One regularizer that makes any network an optimal transport map.
//!
//! Paper: Uscidda, Cuturi, 2023. The Monge gap M(T) = E c(x, T(x)) − W_c(ρ, T♯ρ) is zero exactly where T moves ρ at the least cost. Added with
//! a weight λ to a fit of samples it makes a network without constraints an optimal map, for any cost c.
//! Claim: between two Gaussians, L2-UVP with the gap is ≤ 4 % and ≤ 1/40 of that without, and the exact gap ≤ 0.015, both maps fitting alike.
//! Rival: the entropic map, which is no network.

use std::f64::consts::{PI, TAU};
use std::ops::Range;

use libm::{cos, sin};
use methods::network::dense::{Activation, Network, Start};
use methods::statistics::sort_by;
use methods::transport::{NetworkSimplex, clouds::CloudSinkhorn};
use run::prelude::*;

mod map;
use map::{Cost, MapLearner, Objective, SWEEPS};

choice! {
    /// Where N(0, I) is to go.
    pub enum Target { Gaussian => "Gaussian", Blobs => "4 blobs", Rings => "rings" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        weight "weight of the gap": LogZero(0.01, 30.0) = 1.0, "λ", "how much the network pays for its gap; 0: it fits along any way; large: no swap would pay, but the target is missed";
        target "target": Choice(Target) = Target::Gaussian, "ν", "where the round cloud is to go; only to a Gaussian is the best map known";
        cost "cost in the gap": Choice(Cost) = Cost::HalfSquared, "c", "half the squared distance, or the distance, at which points on one line may swap goals for free; the fit keeps the first";
        steps "training steps": LogCount(50, 3000) = 200, "", "steps of Adam, its rate falling from 0.005 to 0; few: neither map fits; many: slower";
        share "entropy in training": Log(0.005, 0.5) = 0.05, "ε", "as a share of the mean cost; small: exact and slow to settle; large: the gap is blind to small crossings";
        batch "samples a step": LogCount(32, 512) = 64, "n", "of each side; few: a noisy gradient; many: slow, and less noise";
    }
}

impl Controls {
    /// Is there a map to compare with?
    fn known(&self) -> bool {
        self.target == Target::Gaussian && self.cost == Cost::HalfSquared
    }
}

type Point = [f64; 2];

const STEP_SIZE: f64 = 5e-3;
/// Points of the evaluation: for L2-UVP, for exact plans, for the picture of one, and arrows shown.
const EVALUATED: usize = 2000;
const EXACT: usize = 400;
const PICTURED: usize = 60;
const ARROWS: usize = 120;
/// How often batches are watched.
const WATCHED: usize = 100;
/// Weights at which maps are also trained.
const WEIGHTS: [f64; 4] = [0.03, 0.3, 3.0, 30.0];
/// Shares of what the claim allows that are drawn lower than they are, some misfits being below zero.
const LEAST_SHOWN: f64 = 0.01;
/// Work of an exact solver between two looks at the run.
const PIVOTS: f64 = 2e5;
/// Mean and covariance R diag(3, 0.3) Rᵀ of the Gaussian.
const SHIFT: Point = [2.0, 0.0];
const VARIANCES: Point = [3.0, 0.3];
const TURN: f64 = 50.0 / 180.0 * PI;
/// What the claim says: L2-UVP in percent, its ratio to the baseline's, the exact gap, and how much worse than a second sample the fit is.
const ERROR: f64 = 4.0;
const OF_BASELINE: f64 = 0.025;
const GAP: f64 = 0.015;
const MISFIT: f64 = 0.06;
/// Gaps, and gains by a swap, that are rounding.
const NONE: f64 = 1e-9;

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
                let centre = [0, 1].map(|_| if random.uniform() < 0.5 { 2.0 } else { -2.0 });
                centre.map(|at| at + 0.1f64.sqrt() * random.normal())
            }
            Target::Rings => {
                let radius = if random.uniform() < 0.5 { 1.0 } else { 2.5 };
                let angle = TAU * random.uniform();
                [radius * cos(angle), radius * sin(angle)].map(|at| at + 0.1 * random.normal())
            }
        }
    }
}

/// 100 E‖T(x) − T*(x)‖² / Var ν, percent, of the images T(x).
fn uvp(x: &[Point], images: &[Point]) -> f64 {
    let apart = |(x, t): (&Point, &Point)| 2.0 * Cost::HalfSquared.of(&best_map(x), t);
    100.0 * x.iter().zip(images).map(apart).sum::<f64>() / (x.len() as f64 * (VARIANCES[0] + VARIANCES[1]))
}

/// The two maps side by side.
const MAPS: [Series; 2] = series!["with the gap" 0, "without" 1];

/// A map in training, and what decides of it: L2-UVP, the exact gap, and how much worse than a second sample it fits.
struct Trained {
    map: MapLearner<2>,
    error: f64,
    gap: f64,
    misfit: f64,
}

impl Trained {
    fn new(&Controls { cost, share, steps, .. }: &Controls, weight: f64, seed: u64) -> Self {
        let start = Start::Normal { gain: 2.0 };
        let network = Network::new(&[2, 64, 64, 2], Activation::Relu, start, &mut Random::new(seed, "weights"));
        let map = MapLearner::new(network, Objective { cost, weight, share, steps }, STEP_SIZE);
        Trained { map, error: f64::NAN, gap: f64::NAN, misfit: f64::NAN }
    }
}

fn simplex(cost: Cost, x: &[Point], y: &[Point]) -> NetworkSimplex {
    let equal = |n: usize| vec![1.0 / n as f64; n];
    NetworkSimplex::new(&cost.matrix(x, y), &equal(x.len()), &equal(y.len()))
}

/// A run: the map with the gap and the map without, then exact appraisals, then maps at other weights.
pub struct MongeGap {
    controls: Controls,
    seed: u64,
    /// Points nobody has trained on, samples of the target to hold their images against, and as many others.
    x: Vec<Point>,
    y: Vec<Point>,
    others: Vec<Point>,
    /// With the gap, without, and then those at other weights.
    maps: Vec<Trained>,
    /// ½W₂² between two samples of the target.
    samples_apart: f64,
    entropic_error: f64,
    /// How many of the pictured points could gain by swapping images with another, by step, with the gap and without.
    swaps: Track<2>,
}

impl MongeGap {
    /// Trains some of the maps, on the same batches.
    async fn train(mut self: Box<Self>, which: Range<usize>, stage: &Stage<Self>) -> Box<Self> {
        let Controls { batch, steps, target, .. } = self.controls;
        let mut random = Random::new(self.seed, "batches");
        for step in 0..steps {
            let x: Vec<Point> = (0..batch).map(|_| normal(&mut random)).collect();
            let y: Vec<Point> = (0..batch).map(|_| target.sample(&mut random)).collect();
            for k in which.clone() {
                let mut batch = self.maps[k].map.begin(&x, &y, k < MAPS.len() && Every::of(WATCHED, steps).due(step));
                for _ in 0..SWEEPS {
                    batch.sweep();
                    self = stage.part(self).await;
                }
                self.maps[k].map.descend(batch);
            }
            if which.start == 0 && Every::of(WATCHED, steps).due(step + 1) {
                self.count_swaps(step + 1);
            }
            self = stage.next(self).await;
        }
        self
    }

    /// Counts the points that could swap their image with another's so that both together pay less.
    fn count_swaps(&mut self, step: usize) {
        let (cost, x) = (self.controls.cost, &self.x[..PICTURED]);
        let gaining = |trained: &Trained| {
            let images = trained.map.map(x);
            let paid = |i: usize, j: usize| cost.of(&x[i], &images[j]);
            let gains = |i: usize, j: usize| paid(i, j) + paid(j, i) < paid(i, i) + paid(j, j) - NONE;
            (0..PICTURED).filter(|i| (0..PICTURED).any(|j| gains(*i, j))).count() as f64
        };
        self.swaps.note(step, [0, 1].map(|k| gaining(&self.maps[k])));
    }

    /// The least cost, pivot by pivot.
    async fn least(mut self: Box<Self>, mut simplex: NetworkSimplex, stage: &Stage<Self>) -> (Box<Self>, f64) {
        while !simplex.advance(PIVOTS) {
            self = stage.part(self).await;
        }
        (self, simplex.certificate().primal)
    }

    /// What decides of a map: L2-UVP where it is known; by exact plans, E c(x, T(x)) less the least that its own images cost, and ½W₂² to
    /// samples of the target beyond that between two of these.
    async fn appraise(self: Box<Self>, k: usize, stage: &Stage<Self>) -> Box<Self> {
        let (cost, x) = (self.controls.cost, &self.x[..EXACT]);
        let images = self.maps[k].map.map(x);
        let paid = x.iter().zip(&images).map(|(x, t)| cost.of(x, t)).sum::<f64>() / EXACT as f64;
        let (moving, fitting) = (simplex(cost, x, &images), simplex(Cost::HalfSquared, &images, &self.y));
        let (run, least) = self.least(moving, stage).await;
        let (mut run, fit) = run.least(fitting, stage).await;
        let trained = &mut run.maps[k];
        (trained.gap, trained.misfit) = (paid - least, fit - run.samples_apart);
        if run.controls.known() {
            trained.error = uvp(&run.x, &trained.map.map(&run.x));
        }
        run
    }

    /// The map of the entropic plan between samples after a hundred sweeps, x to the mean of where its mass goes.
    async fn entropic_map(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let mut random = Random::new(self.seed, "entropic");
        let x: Vec<Point> = (0..EXACT).map(|_| normal(&mut random)).collect();
        let y: Vec<Point> = (0..EXACT).map(|_| self.controls.target.sample(&mut random)).collect();
        let costs = Cost::HalfSquared.matrix(&x, &y);
        let epsilon = self.controls.share * costs.iter().sum::<f64>() / costs.len() as f64;
        let mut sinkhorn = CloudSinkhorn::new(&x, &y, epsilon);
        for _ in 0..100 {
            (0..sinkhorn.per_sweep()).for_each(|_| sinkhorn.renew());
            self = stage.part(self).await;
        }
        self.entropic_error = uvp(&self.x, &self.x.iter().map(|x| sinkhorn.moments(x).mean).collect::<Vec<_>>());
        self
    }
}

/// Points as charts take them.
fn pairs(points: &[Point]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().map(|p| (p[0], p[1]))
}

/// The views.
impl MongeGap {
    fn arrows(&self, k: usize) -> Chart {
        let (x, ink) = (&self.x[..ARROWS], MAPS[k].ink);
        let images = self.maps[k].map.map(x);
        let ((left, right), (low, high)) =
            if self.controls.target == Target::Gaussian { ((-3.0, 6.0), (-4.0, 4.0)) } else { ((-3.5, 3.5), (-3.5, 3.5)) };
        let arrow = |(from, to): ((f64, f64), (f64, f64))| [from, to, (f64::NAN, f64::NAN)];
        Chart::of(Axis::linear("first coordinate").range(left, right), Axis::linear("second coordinate").range(low, high))
            .equal()
            .dots("samples of ν", Ink::Muted, 3.0, pairs(&self.y))
            .line("", ink, pairs(x).zip(pairs(&images)).flat_map(arrow))
            .dots("x", Ink::Series(2), 3.5, pairs(x))
            .dots("T(x)", ink, 5.0, pairs(&images))
    }

    fn training(&self) -> Chart {
        let watched = |k: usize, which: usize| self.maps[k].map.watched.points(which);
        // The first fall of the fit is so deep that nothing else would be seen.
        let later = [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().flat_map(|(k, which)| watched(k, which).skip(5));
        let (low, high) = later.fold((0.0f64, 0.0f64), |(low, high), (_, value)| (low.min(value), high.max(value)));
        let mut y = Axis::linear("fit and gap");
        if high > low {
            y = y.range(low - 0.1 * (high - low), high + 0.1 * (high - low));
        }
        let chart = Chart::of(Axis::linear("step").range(0.0, self.controls.steps as f64), y);
        [1, 0].into_iter().fold(chart, |chart, k| {
            let Series { name, ink } = MAPS[k];
            chart.dashed(format!("fit, {name}"), ink, watched(k, 0)).line(format!("gap, {name}"), ink, watched(k, 1))
        })
    }

    fn plan(&self, k: usize) -> Matrix {
        let mut x = self.x[..PICTURED].to_vec();
        sort_by(&mut x, |x| x[0]);
        let mut simplex = simplex(self.controls.cost, &x, &self.maps[k].map.map(&x));
        while !simplex.advance(PIVOTS) {}
        Matrix {
            row: "x, from left to right".into(),
            column: "T(x) of the same x".into(),
            value: Axis::linear("mass").range(0.0, 1.0),
            columns: PICTURED,
            values: simplex.plan().iter().map(|p| (p * PICTURED as f64) as f32).collect(),
            ..Matrix::default()
        }
    }

    fn weights(&self) -> Chart {
        let x = Axis::log("weight of the gap λ").range(0.02, 45.0);
        let chart = Chart::of(x, Axis::log("share of what is allowed").range(LEAST_SHOWN, 1000.0));
        if !self.controls.known() {
            return chart.label("the best map is not known here", (0.95, 3.0), Ink::Text);
        }
        let weight = |trained: &Trained| trained.map.objective.weight;
        let (mut found, open): (Vec<&Trained>, Vec<&Trained>) =
            self.maps.iter().filter(|t| weight(t) > 0.0).partition(|t| !t.gap.is_nan());
        sort_by(&mut found, |trained| weight(trained));
        let chart = match (found.is_empty(), open.is_empty()) {
            (true, false) => {
                chart.label(format!("measured when trained, after step {}", self.controls.steps), (0.95, 30.0), Ink::Text)
            }
            (false, false) => chart.label("other weights are being trained", (0.95, 300.0), Ink::Text),
            _ => chart,
        };
        type Figure = fn(&Trained) -> f64;
        let figures: [(String, u8, Figure); 3] = [
            (format!("error L2-UVP, of {ERROR} %"), 0, |t| t.error / ERROR),
            (format!("exact gap, of {GAP}"), 2, |t| t.gap / GAP),
            (format!("misfit, of {MISFIT}"), 3, |t| t.misfit / MISFIT),
        ];
        let chart = chart.at_y("allowed", 1.0).at_y("entropic map's error", self.entropic_error / ERROR);
        figures.into_iter().fold(chart, |chart, (name, colour, share)| {
            let points = || found.iter().map(|t| (weight(t), share(t).max(LEAST_SHOWN)));
            chart.line(name, Ink::Series(colour), points()).dots("", Ink::Series(colour), 7.0, points())
        })
    }
}

views! { MongeGap, Controls:
    with "The map with the gap" "A line leads from a point x to where the network sends it, T(x). Behind: samples of the target." => arrows(0);
    without "The map without" "The same points, network and samples; only the gap is missing from what is trained." => arrows(1);
    training "Fit and gap in training" "Dashed, the fit; solid, the gap, both over a batch. Entropy puts the gap a little too low." => training;
    plan "Who should go where, with the gap" "The cheapest pairing of points with their own images. On the diagonal, a point keeps its own." => plan(0);
    "plan-without" "Who should go where, without" "The same for the map without the gap. Off the diagonal, a point should have another's image." => plan(1);
    weights "By weight: what the claim asks" "Each figure by weight, as a share of what the claim allows; below the rule it is met." => weights;
}

impl Experiment for MongeGap {
    const CARD: Card = Card {
        slug: "monge-gap",
        title: "Can a penalty teach a network the cheapest moves?",
        paper: Paper::new("The Monge Gap: A Regularizer to Learn All Transport Maps", "Théo Uscidda, Marco Cuturi", 2023)
            .venue("ICML 2023")
            .arxiv("2302.04953"),
        claim: "Adding the Monge gap makes a network find the cheapest way to move one cloud onto another.",
        criterion: "Between two Gaussians of the plane, in the mean over five seeds, a network trained with the Monge gap is off the best map by at most 4 % (L2-UVP: the mean squared distance of both images, in percent of the target's variance), which is at most a fortieth of what it is without the gap; its exact gap is at most 0.015; and both maps fit the target (½W₂² to its samples within 0.06 of what two samples of it are apart).",
        figure: "distance from the cheapest map, in %",
        reproduction: Reproduction::InPart,
        honesty: "The paper compares with input-convex networks in up to 256 dimensions and on single cells; here it is the plane. The rivals are the same network without the gap and the entropic map of 400 samples, which does as well with no network.",
        presets: &[
            Preset::holds("default", "From one Gaussian to another: compare the arrows of both maps", &[]),
            Preset::gone(
                "break-it",
                "All but a thirtieth of the gap's weight is taken away: compare both maps",
                &[("weight", "0.03")],
            ),
            Preset::outside("four blobs", "Four blobs as the target: who goes to which?", &[("target", "4 blobs")]),
            Preset::outside(
                "Euclidean",
                "The gap counts distances instead of squares: look at how arrows meet",
                &[("cost", "‖x−y‖")],
            ),
            Preset::outside("rings", "Two rings as the target: compare the arrows of both maps", &[("target", "rings")]),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let mut random = Random::new(seed, "evaluation");
        let x: Vec<Point> = (0..EVALUATED).map(|_| normal(&mut random)).collect();
        let mut targets = || -> Vec<Point> { (0..EXACT).map(|_| controls.target.sample(&mut random)).collect() };
        let others = WEIGHTS.into_iter().filter(|weight| controls.known() && *weight != controls.weight);
        let mut run = MongeGap {
            y: targets(),
            others: targets(),
            x,
            maps: [controls.weight, 0.0].into_iter().chain(others).map(|weight| Trained::new(controls, weight, seed)).collect(),
            samples_apart: f64::NAN,
            entropic_error: f64::NAN,
            swaps: Track::default(),
            controls: controls.clone(),
            seed,
        };
        run.count_swaps(0);
        Ok(run)
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let others = MAPS.len()..self.maps.len();
        stage.span(0..self.controls.steps * (1 + others.len()));
        self = self.train(0..MAPS.len(), &stage).await;
        let samples = simplex(Cost::HalfSquared, &self.others, &self.y);
        (self, self.samples_apart) = self.least(samples, &stage).await;
        for k in 0..MAPS.len() {
            self = self.appraise(k, &stage).await;
        }
        if self.controls.known() {
            self = self.entropic_map(&stage).await;
        }
        stage.judged();
        for k in others {
            self = self.train(k..k + 1, &stage).await;
            self = self.appraise(k, &stage).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let [with, without] = [0, 1].map(|k| &self.maps[k]);
        measures! {
            error: with.error, baseline_error: without.error, entropic_error: self.entropic_error,
            gap: with.gap, baseline_gap: without.gap,
            misfit: with.misfit, baseline_misfit: without.misfit, samples_apart: self.samples_apart,
        }
    }

    fn sentence(&self) -> String {
        let Some((step, [with, without])) = self.swaps.rows().last() else { return String::new() };
        let when = if step > 0.0 { format!("After {}", count(step as usize, "step", "steps")) } else { "Untrained,".into() };
        format!("{when} {with} of {PICTURED} points could gain by swapping goals with another; without the gap {without} could.")
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if !controls.known() {
            return Verdict::outside("The claim is about Gaussians at the cost ½‖x−y‖², between which the best map is known.");
        }
        let [error, baseline, gap, misfit, baseline_misfit] =
            ["error", "baseline_error", "gap", "misfit", "baseline_misfit"].map(|name| runs.mean(name));
        let text = format!(
            "With the gap the map is off by {} %, without by {} %; its exact gap is {}; the fits are {} and {} above two samples' ½W₂².",
            figure(error),
            figure(baseline),
            figure(if gap < NONE { 0.0 } else { gap }),
            figure(misfit),
            figure(baseline_misfit)
        );
        Verdict::at_most(error, ERROR, text)
            .needs(at_most(error, OF_BASELINE * baseline))
            .needs(at_most(gap, GAP))
            .needs(at_most(misfit, MISFIT))
            .needs(at_most(baseline_misfit, MISFIT))
            .rival("the entropic map, no network", runs.mean("entropic_error"))
    }

    fn results(&self) -> Vec<Array> {
        let x = &self.x[..EXACT];
        let [with, without] = [0, 1].map(|k| self.maps[k].map.map(x));
        let rows = (0..EXACT).map(|i| [x[i][0], x[i][1], with[i][0], with[i][1], without[i][0], without[i][1]]);
        let columns = ["x₁", "x₂", "with, first", "with, second", "without, first", "without, second"];
        vec![Array::table("maps", columns, rows)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{begun, finished, judged};

    fn measured(controls: Controls, seed: u64) -> Measures {
        judged::<MongeGap>(&controls, seed).measures()
    }

    #[test]
    fn the_best_map_has_no_error_no_gap_and_the_targets_moments() {
        let run = begun::<MongeGap>(&Controls::default(), 0);
        let best: Vec<Point> = run.x.iter().map(best_map).collect();
        assert!(uvp(&run.x, &best) < 1e-20);
        let (x, images) = (&run.x[..EXACT], &best[..EXACT]);
        let mut exact = simplex(Cost::HalfSquared, x, images);
        while !exact.advance(1e6) {}
        let paid: f64 = x.iter().zip(images).map(|(x, t)| Cost::HalfSquared.of(x, t) / EXACT as f64).sum();
        assert!((paid - exact.certificate().primal).abs() < 1e-12);
        let mean = |f: &dyn Fn(&Point) -> f64| best.iter().map(f).sum::<f64>() / EVALUATED as f64;
        assert!((mean(&|t| t[0]) - 2.0).abs() < 0.15 && mean(&|t| t[1]).abs() < 0.15);
        // Σ₁₂ = (3 − 0.3) sin 50° cos 50°.
        assert!((mean(&|t| (t[0] - 2.0) * t[1]) - 1.3295).abs() < 0.2);
    }

    #[test]
    fn without_the_gap_another_seeds_map_crosses_too() {
        let measures = measured(Controls::default(), 100);
        assert!(measures.get("error") < ERROR && measures.get("gap") < GAP, "{measures:?}");
        assert!(measures.get("entropic_error") < 5.0, "{measures:?}");
        assert!(measures.get("baseline_error") >= 50.0 && measures.get("baseline_gap") >= 0.5, "{measures:?}");
    }

    /// What a weight is drawn at is what a run with that weight measures, and the baseline is the weight 0.
    #[test]
    fn other_weights_are_appraised_as_ones_own() {
        let short = Controls { steps: 50, ..Controls::default() };
        let run = finished::<MongeGap>(&short, 2);
        for k in [1, 4] {
            let Trained { map, error, gap, misfit } = &run.maps[k];
            let own = measured(Controls { weight: map.objective.weight, ..short.clone() }, 2);
            assert_eq!([*error, *gap, *misfit], ["error", "gap", "misfit"].map(|name| own.get(name)));
        }
    }

    #[test]
    fn other_targets_report_gap_and_fit() {
        for target in [Target::Blobs, Target::Rings] {
            let measures = measured(Controls { target, ..Controls::default() }, 0);
            assert!(measures.get("error").is_nan() && measures.get("gap") < 0.5 * measures.get("baseline_gap"), "{measures:?}");
        }
    }
}
