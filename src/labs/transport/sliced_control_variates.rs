//! Fewer projections for the same accuracy: control variates.
//!
//! Paper: Nguyen, Ho, 2024. The sliced distance is the mean of W(θ), the squared distance of two clouds' shadows on θ, over all directions.
//! Of the Gaussian fits of the shadows two bounds are cheap, C_low and C_up, and their means over all directions are known. So
//! Ŝ_C = W̄ − γ̂ (C̄ − E C) errs less than W̄ over the same L directions: the best variance ratio is 1 − corr²(W, C). The published γ̂ divides by
//! Σ (C − E C)², the regression's, a rival here, by Σ (C − C̄)².
//! Claim: for a ring and a helix 1.6 apart, L = 10, over 500 repetitions, the ratio with the published γ̂ is ≤ 0.2 with either control.

mod clouds;
mod estimators;

use std::rc::Rc;

use methods::statistics::{histogram, median, variance};
use methods::transport::{Glance, NetworkSimplex, Projected, Slope, corrected, directions, fibonacci, half_circle};
use run::data::Pictures;
use run::prelude::*;

use clouds::{Shapes, images, measures};
use estimators::{ESTIMATORS, PUBLISHED, RULES, estimate, even, redrawn};

controls! {
    /// What the reader can move.
    pub struct Controls {
        projections "directions an estimate": LogCount(3, 200) = 10, "L", "random directions that one estimate looks along; few: the slope γ is a guess; many: all variances fall as 1/L";
        shift "distance between the clouds": Real(0.0, 5.0) = 1.6, "", "between their means; near 0: the controls have little to explain; large: the shift is nearly all there is", when shapes ["ring/helix", "blobs"];
        shapes "what is compared": Choice(Shapes) = Shapes::RingHelix, "", "two clouds, or images: 60 random pairs of written digits, of which the pictures show one more";
        points "points in each cloud": LogCount(50, 2000) = 500, "n", "few: quick, and clouds of chance; many: slower; hardly changes what the controls save", when shapes ["ring/helix", "blobs"];
        dimension "dimension of the blobs": LogCount(2, 100) = 3, "d", "coordinates of a point; many: random directions hardly differ in what they see", when shapes ["blobs"];
        flow_step "step of the flow": Real(0.0, 1.0) = 0.1, "h", "how far points of the gradient flow move at a time; small: slow; large: restless";
    }
}

/// Estimates, R, and directions of the truth.
const REPETITIONS: usize = 500;
const TRUTH: usize = 20_000;
/// Directions of the truth that count as a step of the run.
const LOOKS: usize = 40;
/// Directions in the scatter plot; points of a cloud in the picture of the flow.
const SHOWN: usize = 300;
const PICTURED: usize = 250;
/// Numbers of directions at which variance and bias are told, each over at least so many estimates and directions.
const COUNTS: [usize; 7] = [3, 5, 10, 20, 50, 100, 200];
const DRAWN: usize = 40_000;
/// Steps of the flow, when W₂ is measured, and between how many points of each side at most.
const STEPS: usize = 100;
const MEASURED: [usize; 8] = [0, 5, 10, 20, 35, 50, 75, 100];
const EXACT: usize = 400;
/// Work of an exact solver between two looks at the run.
const PIVOTS: f64 = 4e5;
/// Pairs of images, and even directions of each.
const PAIRS: usize = 60;
const PAIR_DIRECTIONS: usize = 1000;
/// What the claim says of the variance ratios and of the bias; of the ratio with the upper control where images are compared.
const RATIO: f64 = 0.2;
const BIAS: f64 = 0.025;
const IMAGES: f64 = 0.9;
/// Estimates from which on their scatter is told.
const ENOUGH: usize = 20;

/// Variance and relative bias of the estimators over `count` directions.
struct Quality {
    count: usize,
    variance: [f64; 5],
    bias: [f64; 5],
}

/// A run: 500 estimates, the truth, other pairs of images, variance and bias by the number of directions, then three gradient flows.
pub struct SlicedControlVariates {
    controls: Controls,
    d: usize,
    measures: Projected,
    known: Glance,
    /// Estimates so far, those over even directions, and what the first directions showed.
    estimates: [Vec<f64>; 5],
    even: Vec<f64>,
    shown: Vec<Glance>,
    /// What the directions of the truth showed.
    truth: Vec<Glance>,
    qualities: Vec<Quality>,
    /// All images, and the variances of the estimators on a pair by pair.
    pictures: Rc<Pictures>,
    pairs: Vec<[f64; 5]>,
    /// The clouds on their way, and W₂ to the goal by step.
    flows: [Projected; 3],
    distances: [Track<1>; 3],
    randoms: Randoms,
}

/// The streams of chance of a run's parts.
struct Randoms {
    directions: Random,
    truth: Random,
    even: Random,
    pairs: Random,
    flow: Random,
}

impl SlicedControlVariates {
    /// One repetition.
    fn repeat(&mut self) {
        let glance = |line: &[f64]| self.measures.glance(line);
        let lines = directions(self.d, self.controls.projections, &mut self.randoms.directions);
        let glances: Vec<Glance> = lines.chunks_exact(self.d).map(glance).collect();
        let estimates = estimate(&glances, &self.known);
        self.estimates.iter_mut().zip(estimates).for_each(|(all, one)| all.push(one));
        self.shown.extend(glances.iter().take(SHOWN - self.shown.len()));
        let even = even(self.controls.projections, self.d, &mut self.randoms.even);
        if !even.is_empty() {
            let sum: f64 = even.chunks_exact(self.d).map(|line| self.measures.squared(line)).sum();
            self.even.push(sum / self.controls.projections as f64);
        }
    }

    /// One direction of the truth: the next one of a grid where there is one.
    fn look(&mut self, grid: &[f64]) {
        let i = self.truth.len();
        let line = grid
            .get(i * self.d..(i + 1) * self.d)
            .map_or_else(|| directions(self.d, 1, &mut self.randoms.truth), <[f64]>::to_vec);
        self.truth.push(self.measures.glance(&line));
    }

    /// The sliced distance, once it is known.
    fn truth(&self) -> f64 {
        let sum: f64 = self.truth.iter().map(|glance| glance.squared).sum();
        if self.truth.len() == TRUTH { sum / TRUTH as f64 } else { f64::NAN }
    }

    /// Variance and bias at a number of directions, from draws out of the truth's.
    fn appraise(&mut self, count: usize) {
        let repetitions = (DRAWN / count).max(REPETITIONS);
        let estimates = redrawn(&self.truth, &self.known, count, repetitions, &mut self.randoms.truth);
        let (truth, repetitions) = (self.truth(), repetitions as f64);
        self.qualities.push(Quality {
            count,
            variance: estimates.each_ref().map(|all| variance(all)),
            bias: estimates.map(|all| all.iter().sum::<f64>() / repetitions / truth - 1.0),
        });
    }

    /// The variances of the estimators on another pair of images.
    async fn pair(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let measures = images(&self.pictures, &mut self.randoms.pairs);
        let (known, mut glances) = (measures.known(), Vec::new());
        for lines in half_circle(PAIR_DIRECTIONS).chunks(2 * LOOKS) {
            glances.extend(lines.chunks_exact(2).map(|line| measures.glance(line)));
            self = stage.part(self).await;
        }
        let estimates = redrawn(&glances, &known, self.controls.projections, REPETITIONS, &mut self.randoms.pairs);
        self.pairs.push(estimates.map(|all| variance(&all)));
        self
    }

    /// What is left of the plain variance, by estimator: its median over pairs, where images are compared.
    fn ratios(&self) -> [f64; 5] {
        let images = self.controls.shapes == Shapes::Images;
        if images && self.pairs.len() < PAIRS || self.estimates[0].len() < REPETITIONS {
            return [f64::NAN; 5];
        }
        let one = [self.estimates.each_ref().map(|all| variance(all))];
        let variances = if images { &self.pairs[..] } else { &one };
        std::array::from_fn(|k| median(&variances.iter().map(|of| of[k] / of[0]).collect::<Vec<_>>()))
    }

    /// One step of all three flows, along the same directions.
    fn flow(&mut self) {
        let lines = directions(self.d, self.controls.projections, &mut self.randoms.flow);
        for (flow, (control, _)) in self.flows.iter_mut().zip(RULES) {
            flow.flow(&lines, control, self.controls.flow_step);
        }
    }

    /// The exact distance of a flow's first points to their goal, pivot by pivot.
    async fn measure(mut self: Box<Self>, k: usize, step: usize, stage: &Stage<Self>) -> Box<Self> {
        let flow = &self.flows[k];
        let [x, y] = flow.points().map(|cloud| cloud.chunks_exact(self.d).take(EXACT));
        let apart = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
        let costs: Vec<f64> = x.flat_map(|x| y.clone().map(move |y| apart(x, y))).collect();
        let [a, b] = flow.masses().map(|masses| {
            let first = &masses[..masses.len().min(EXACT)];
            let total: f64 = first.iter().sum();
            first.iter().map(|mass| mass / total).collect::<Vec<f64>>()
        });
        let mut simplex = NetworkSimplex::new(&costs, &a, &b);
        while !simplex.advance(PIVOTS) {
            self = stage.part(self).await;
        }
        self.distances[k].note(step, [simplex.certificate().primal.max(0.0).sqrt()]);
        self
    }
}

/// The views.
impl SlicedControlVariates {
    fn histogram(&self) -> Chart {
        let relative = |(edges, counts): (Vec<f64>, Vec<f64>)| {
            let top = counts.iter().fold(1.0f64, |a, b| a.max(*b));
            (edges, counts.iter().map(|count| count / top).collect())
        };
        let y = Axis::linear("share of the fullest bin").range(0.0, 1.08);
        let chart = Chart::of(Axis::linear("estimate of sliced W₂²"), y);
        let there = self.estimates.iter().zip(ESTIMATORS).take(PUBLISHED).filter(|(estimates, _)| !estimates.is_empty());
        there
            .fold(chart, |chart, (estimates, of)| chart.histogram(of.name, of.ink, relative(histogram(estimates, 24))))
            .at_x("truth", self.truth())
    }

    fn scatter(&self) -> Chart {
        let mut chart = Chart::of(Axis::linear("control C(θ)"), Axis::linear("W(θ)"));
        for k in [1, 2] {
            let ((control, _), Series { name, ink }) = (RULES[k], ESTIMATORS[k]);
            let pairs = || self.shown.iter().map(|glance| (glance.control(control), glance.squared));
            chart = chart.dots(name, ink, 3.0, pairs());
            if self.shown.len() > 2 {
                let (low, high) =
                    pairs().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (c, _)| (low.min(c), high.max(c)));
                let fit = |at: f64| corrected(pairs().map(|(c, w)| (w, c)), at, Slope::Regression);
                let name = format!("slope γ = {:.2}", fit(0.0).slope).replace('-', "−");
                chart = chart.line(name, ink, [low, high].map(|at| (at, fit(at).mean)));
            }
        }
        chart
    }

    fn variances(&self) -> Chart {
        let mut chart = Chart::of(Axis::log("directions L").range(3.0, 200.0), Axis::log("variance of the estimate"));
        for (k, Series { name, ink }) in ESTIMATORS.into_iter().enumerate() {
            let points = self.qualities.iter().map(|q| (q.count as f64, q.variance[k].max(1e-18)));
            chart = if k < PUBLISHED { chart.line(name, ink, points) } else { chart.dashed(name, ink, points) };
            if k < PUBLISHED && self.estimates[k].len() > 2 {
                chart = chart.dots("", ink, 8.0, [(self.controls.projections as f64, variance(&self.estimates[k]).max(1e-18))]);
            }
        }
        chart
    }

    fn biases(&self) -> Chart {
        let y = Axis::linear("mean off the truth").unit("%");
        let chart = Chart::of(Axis::log("directions L").range(3.0, 200.0), y).at_y("", 0.0);
        [0, 2, 1].into_iter().fold(chart, |chart, k| {
            let Series { name, ink } = ESTIMATORS[k];
            chart.line(name, ink, self.qualities.iter().map(|q| (q.count as f64, 100.0 * q.bias[k])))
        })
    }

    fn flow_space(&self) -> Space {
        // Start and goal lie around 0 and around the shift: what lies between their means is in the middle.
        let goal = self.measures.points()[1];
        let middle = |k: usize| goal.iter().skip(k).step_by(self.d).sum::<f64>() * self.d as f64 / (2 * goal.len()) as f64;
        let middle: Vec<f64> = (0..self.d.min(3)).map(middle).collect();
        let at = |points: &[f64]| -> Vec<[f32; 3]> {
            let place = |p: &[f64]| std::array::from_fn(|k| middle.get(k).map_or(0.0, |m| (p[k] - m) as f32));
            points.chunks_exact(self.d).take(PICTURED).map(place).collect()
        };
        let cloud = |name: &str, ink, points: &[f64], size| Cloud { name: name.into(), ink, at: at(points), size };
        let mut clouds = vec![cloud("goal ν", Ink::Muted, goal, 4.0)];
        for (flow, Series { name, ink }) in self.flows.iter().zip(ESTIMATORS) {
            clouds.push(cloud(name, ink, flow.points()[0], 3.0));
        }
        let all = self.measures.points().into_iter().flat_map(at).flatten();
        let reach = all.fold(0.5f32, |reach, v| reach.max(v.abs()));
        Space { axes: ["first", "second", "third"].map(String::from), clouds, segments: Vec::new(), reach: 1.05 * reach }
    }

    fn distances(&self) -> Chart {
        Chart::of(Axis::linear("step of the flow").range(0.0, STEPS as f64), Axis::log("exact W₂ to the goal"))
            .lines(&ESTIMATORS[..PUBLISHED], |k| self.distances[k].points(0))
    }
}

views! { SlicedControlVariates, Controls:
    estimates "500 estimates of one number" "Each histogram is one way to estimate; the narrower and the nearer to the truth, the better." => histogram;
    scatter "What a control knows" "A dot is a direction. The nearer dots are to their line, the more the control knows." => scatter;
    variance "Variance by number of directions" "A line is one way to estimate. Dashed: the same controls with the regression's slope. Dots: this run." => variances;
    bias "The price: a small bias" "How far the mean of many estimates is off, since slope and mean come from the same directions." => biases;
    flow "A gradient flow" "Three copies of the first cloud run towards the goal, each pushed by another estimate." => flow_space;
    distance "How far the flow still is" "The exact distance to the goal, not a sliced one, by step of the flow." => distances;
}

impl Experiment for SlicedControlVariates {
    const CARD: Card = Card {
        slug: "sliced-control-variates",
        title: "Can the same ten glances tell a distance better?",
        paper: Paper::new("Sliced Wasserstein Estimation with Control Variates", "Khai Nguyen, Nhat Ho", 2024)
            .venue("ICLR 2024")
            .arxiv("2305.00402"),
        claim: "Knowing the shadows' means makes a few random glances tell a distance with far less scatter.",
        criterion: "For two clouds (a ring and a helix 1.6 apart), over 500 estimates of 10 directions each, the variance with the published slope is at most 0.2 of the plain one with either control, and both means are within 2.5 % of the truth, in each of five seeds. For images, the median ratio over 60 random pairs with the upper control is at most 0.9, in the mean over the seeds.",
        figure: "variance, as a share of the plain estimate's",
        reproduction: Reproduction::InPart,
        honesty: "The paper also runs large flows and trains generative models; here it is two clouds, 60 pairs of images and a small flow. The ratio is this small because the clouds are apart (on images most of the variance stays), and a regression's slope leaves much less.",
        seeds: 5,
        unit: "step",
        presets: &[
            Preset::holds("default", "A ring and a helix, 1.6 apart", &[]),
            Preset::gone("break-it", "0.1 apart: the controls know next to nothing", &[("shift", "0.1")])
                .within(&[("lower_ratio", 0.9, 2.0), ("upper_ratio", 0.9, 2.0)]),
            Preset::holds(
                "paper",
                "60 random pairs of MNIST images as they lie on their pixels, L = 50",
                &[("shapes", "images"), ("projections", "50")],
            ),
            Preset::open("fifty directions", "L = 50: the published slope is nearly the regression's", &[("projections", "50")]),
            Preset::open("far apart", "4 apart: the shift is nearly all there is", &[("shift", "4")]),
            Preset::open("three directions", "L = 3: the slope is a guess", &[("projections", "3")]),
            Preset::open("images", "60 pairs of MNIST images, L = 10", &[("shapes", "images")]),
            Preset::open(
                "blobs",
                "Blobs in 20 dimensions: the upper control is the better one",
                &[("shapes", "blobs"), ("dimension", "20")],
            ),
        ],
        data: &[Dataset::Mnist],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let (measures, d) = measures(controls, seed, library)?;
        Ok(SlicedControlVariates {
            controls: controls.clone(),
            d,
            known: measures.known(),
            estimates: Default::default(),
            even: Vec::new(),
            shown: Vec::new(),
            truth: Vec::new(),
            qualities: Vec::new(),
            pictures: library.pictures(Dataset::Mnist)?,
            pairs: Vec::new(),
            flows: std::array::from_fn(|_| measures.clone()),
            distances: Default::default(),
            randoms: Randoms {
                directions: Random::new(seed, "directions"),
                truth: Random::new(seed, "truth"),
                even: Random::new(seed, "even"),
                pairs: Random::new(seed, "pairs"),
                flow: Random::new(seed, "flow"),
            },
            measures,
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let pairs = if self.controls.shapes == Shapes::Images { PAIRS } else { 0 };
        stage.span(0..REPETITIONS + TRUTH / LOOKS + pairs + COUNTS.len() + STEPS);
        for _ in 0..REPETITIONS {
            self.repeat();
            self = stage.next(self).await;
        }
        let grid = match self.controls.shapes {
            Shapes::RingHelix => fibonacci(TRUTH),
            Shapes::Images => half_circle(TRUTH),
            Shapes::Blobs => Vec::new(),
        };
        for _ in 0..TRUTH / LOOKS {
            (0..LOOKS).for_each(|_| self.look(&grid));
            self = stage.next(self).await;
        }
        while self.controls.shapes == Shapes::Images && self.pairs.len() < PAIRS {
            self = self.pair(&stage).await;
            self = stage.next(self).await;
        }
        stage.judged();
        for count in COUNTS {
            self.appraise(count);
            self = stage.next(self).await;
        }
        for step in 0..=STEPS {
            if MEASURED.contains(&step) {
                for k in 0..3 {
                    self = self.measure(k, step, &stage).await;
                }
            }
            if step < STEPS {
                self.flow();
                self = stage.next(self).await;
            }
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let ratios = self.ratios();
        let [_, lower, upper, regression_lower, regression_upper] = ratios;
        let (whole, truth) = (self.estimates[0].len() == REPETITIONS, self.truth());
        let spread = |estimates: &[f64]| if whole { variance(estimates) } else { f64::NAN };
        let even = if self.even.is_empty() { f64::NAN } else { spread(&self.even) / spread(&self.estimates[0]) };
        let bias = |k: usize| self.estimates[k].iter().sum::<f64>() / REPETITIONS as f64 / truth - 1.0;
        let left = |k: usize| if self.distances[k].len() == MEASURED.len() { self.distances[k].last(0) } else { f64::NAN };
        measures! {
            lower_ratio: lower, upper_ratio: upper, ratio: lower.max(upper),
            regression_lower_ratio: regression_lower, regression_upper_ratio: regression_upper,
            regression_ratio: regression_lower.max(regression_upper),
            even_ratio: even,
            lower_bias: bias(1), upper_bias: bias(2), plain_bias: bias(0),
            regression_lower_bias: bias(3), regression_upper_bias: bias(4),
            off: bias(1).abs().max(bias(2).abs()),
            sliced: truth, plain_variance: spread(&self.estimates[0]),
            plain_left: left(0), lower_left: left(1), upper_left: left(2),
        }
    }

    fn sentence(&self) -> String {
        let done = self.estimates[0].len();
        let told = count(done, "estimate", "estimates");
        let images = self.controls.shapes == Shapes::Images;
        let [_, lower, upper, ..] = self.ratios();
        if images && !lower.is_nan() {
            let left = [lower, upper].map(percent);
            return format!(
                "Over {PAIRS} pairs of images the lower control leaves {} of the plain variance, the upper {}.",
                left[0], left[1]
            );
        }
        let [plain, lower, upper] = [0, 1, 2].map(|k| variance(&self.estimates[k]));
        if done < ENOUGH || plain <= 0.0 {
            return format!("{told} so far: too few to tell how widely they scatter.");
        }
        let pair = if images { " of the pair shown" } else { "" };
        let left = [lower, upper].map(|of| percent(of / plain));
        format!("Over {told}{pair} the lower control leaves {} of the plain variance, the upper {}.", left[0], left[1])
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if controls.shapes == Shapes::Images {
            let [lower, upper] = ["lower_ratio", "upper_ratio"].map(|name| runs.mean(name));
            let text = format!(
                "Over {PAIRS} random pairs of images a seed, the median of what is left of the plain variance is {} with the lower control and {} with the upper one, in the mean over the seeds.",
                percent(lower),
                percent(upper)
            );
            return Verdict::at_most(upper, IMAGES, text).rival("the regression's slope", runs.mean("regression_upper_ratio"));
        }
        let [lower, upper, off] = ["lower_ratio", "upper_ratio", "off"].map(|name| runs.most(name));
        let text = format!(
            "Of the plain variance at most {} is left with the lower control and {} with the upper one; their means are off the truth, {}, by at most {}.",
            percent(lower),
            percent(upper),
            figures(runs.mean("sliced"), 3),
            percent(off),
        );
        Verdict::at_most(runs.most("ratio"), RATIO, text)
            .needs(at_most(off, BIAS))
            .rival("the regression's slope", runs.most("regression_ratio"))
            .rival("even directions, turned at random", runs.most("even_ratio"))
    }

    fn results(&self) -> Vec<Array> {
        let rows = (0..self.estimates[0].len()).map(|i| self.estimates.each_ref().map(|all| all[i]));
        vec![Array::table("estimates", ESTIMATORS.map(|of| of.name), rows)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{judged, runs};

    /// Where the controls know nothing of W the slope is noise, and where they know all the regression leaves nothing.
    #[test]
    fn what_is_gained_is_what_the_controls_know() {
        let near = runs::<SlicedControlVariates>(&Controls { shift: 0.1, ..Controls::default() }, 0..3);
        assert!(near.least("lower_ratio") >= 0.9 && near.least("upper_ratio") >= 0.9, "{near:?}");
        let far = runs::<SlicedControlVariates>(&Controls { shift: 5.0, projections: 50, ..Controls::default() }, 0..1);
        assert!(far.most("regression_ratio") < 0.01 && far.most("ratio") < 0.02, "{far:?}");
        assert!(far.most("regression_lower_ratio") < far.least("lower_ratio"), "{far:?}");
    }

    #[test]
    fn draws_out_of_the_grid_vary_as_directions_do() {
        let mut run = judged::<SlicedControlVariates>(&Controls::default(), 2);
        run.qualities.clear();
        COUNTS[..3].iter().for_each(|count| run.appraise(*count));
        let quality = &run.qualities[2];
        assert_eq!(quality.count, run.controls.projections);
        for k in 0..PUBLISHED {
            let ratio = quality.variance[k] / variance(&run.estimates[k]);
            // The standard error of a variance over 500 estimates is 6 % where they are normal.
            assert!((0.7..1.4).contains(&ratio), "{k}: {ratio}");
        }
    }
}
