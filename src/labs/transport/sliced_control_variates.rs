//! Fewer projections for the same accuracy: control variates.
//!
//! Paper: Nguyen, Ho, 2024. The sliced distance is the mean of W(θ), the squared distance of two clouds' shadows on θ, over all directions.
//! Of the Gaussian fits of the shadows two bounds are cheap, C_low and C_up, and their means over all directions are known. So
//! Ŝ_C = W̄ − γ̂ (C̄ − E C) errs less than W̄ over the same L directions: the best variance ratio is 1 − corr²(W, C).
//! Claim: for a ring and a helix 1.6 apart, L = 10, over 500 repetitions, the ratio is ≤ 0.01 with C_low and ≤ 0.08 with C_up, in every seed.

mod clouds;

use methods::statistics::{histogram, variance};
use methods::transport::{Control, Glance, NetworkSimplex, Projected, corrected, directions, fibonacci, half_circle};
use run::prelude::*;

use clouds::{Shapes, clouds};

controls! {
    /// What the reader can move.
    pub struct Controls {
        projections: LogCount(3, 200) = 10, "L", "directions an estimate; every variance falls as 1/L, and below 5 the slope γ is a guess";
        shift: Real(0.0, 5.0) = 1.6, "", "between the clouds' means; 0: the lower control has nothing to explain";
        dimension: LogCount(2, 100) = 3, "d", "of the blobs; ring and helix live in space, digits in the plane";
        points: LogCount(50, 2000) = 500, "n", "points a cloud";
        shapes: Choice(Shapes) = Shapes::RingHelix, "", "what is compared";
        flow_step: Real(0.0, 1.0) = 0.1, "h", "of the gradient flow; large: the flow is restless";
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
/// What the claim says of the variance ratios and of the bias.
const LOWER: f64 = 0.01;
const UPPER: f64 = 0.08;
const BIAS: f64 = 0.01;

/// The three estimators side by side.
const ESTIMATORS: [Series; 3] = series!["plain" 1, "lower control" 0, "upper control" 2];
const CONTROLS: [Control; 3] = [Control::Plain, Control::Lower, Control::Upper];

/// Variance and relative bias of the three estimators over `count` directions.
struct Quality {
    count: usize,
    variance: [f64; 3],
    bias: [f64; 3],
}

/// A run: 500 estimates, the truth, variance and bias by the number of directions, then three gradient flows.
pub struct SlicedControlVariates {
    controls: Controls,
    d: usize,
    measures: Projected,
    known: Glance,
    /// Estimates so far, and what the first directions showed.
    estimates: [Vec<f64>; 3],
    shown: Vec<Glance>,
    /// What the directions of the truth showed.
    truth: Vec<Glance>,
    qualities: Vec<Quality>,
    /// The clouds on their way, and W₂ to the goal by step.
    flows: [Projected; 3],
    distances: [Track<1>; 3],
    randoms: Randoms,
}

/// The streams of chance of a run's parts.
struct Randoms {
    directions: Random,
    truth: Random,
    flow: Random,
}

impl SlicedControlVariates {
    /// The estimates by all three from what some directions showed.
    fn estimate(&self, glances: &[Glance]) -> [f64; 3] {
        CONTROLS.map(|control| {
            let pairs = glances.iter().map(|glance| (glance.squared, glance.control(control)));
            corrected(pairs, self.known.control(control)).mean
        })
    }

    /// One repetition.
    fn repeat(&mut self) {
        let lines = directions(self.d, self.controls.projections, &mut self.randoms.directions);
        let glances: Vec<Glance> = lines.chunks_exact(self.d).map(|line| self.measures.glance(line)).collect();
        let estimates = self.estimate(&glances);
        self.estimates.iter_mut().zip(estimates).for_each(|(all, one)| all.push(one));
        self.shown.extend(glances.iter().take(SHOWN - self.shown.len()));
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

    /// Variance and bias at a number of directions, from draws out of the truth's: they lie so densely that the draws are as good as
    /// directions of their own.
    fn appraise(&mut self, count: usize) {
        let repetitions = (DRAWN / count).max(REPETITIONS);
        let mut estimates: [Vec<f64>; 3] = Default::default();
        for _ in 0..repetitions {
            let glances: Vec<Glance> = (0..count).map(|_| self.truth[self.randoms.truth.below(TRUTH)]).collect();
            estimates.iter_mut().zip(self.estimate(&glances)).for_each(|(all, one)| all.push(one));
        }
        let (truth, repetitions) = (self.truth(), repetitions as f64);
        self.qualities.push(Quality {
            count,
            variance: [0, 1, 2].map(|k| variance(&estimates[k])),
            bias: [0, 1, 2].map(|k| estimates[k].iter().sum::<f64>() / repetitions / truth - 1.0),
        });
    }

    /// One step of all three flows, along the same directions.
    fn flow(&mut self) {
        let lines = directions(self.d, self.controls.projections, &mut self.randoms.flow);
        for (flow, control) in self.flows.iter_mut().zip(CONTROLS) {
            flow.flow(&lines, control, self.controls.flow_step);
        }
    }

    /// The exact distance of a flow's first points to their goal, pivot by pivot.
    async fn measure(mut self: Box<Self>, k: usize, step: usize, stage: &Stage<Self>) -> Box<Self> {
        let points = self.controls.points.min(EXACT);
        let [x, y] = self.flows[k].points().map(|cloud| cloud[..points * self.d].chunks_exact(self.d));
        let apart = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
        let costs: Vec<f64> = x.flat_map(|x| y.clone().map(move |y| apart(x, y))).collect();
        let equal = vec![1.0 / points as f64; points];
        let mut simplex = NetworkSimplex::new(&costs, &equal, &equal);
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
        let y = Axis::linear("estimates, relative to the fullest bin").range(0.0, 1.08);
        let chart = Chart::of(Axis::linear("estimate of the sliced W₂²"), y);
        let there = self.estimates.iter().zip(ESTIMATORS).filter(|(estimates, _)| !estimates.is_empty());
        there
            .fold(chart, |chart, (estimates, of)| chart.histogram(of.name, of.ink, relative(histogram(estimates, 24))))
            .at_x("truth", self.truth())
    }

    fn scatter(&self) -> Chart {
        let mut chart = Chart::of(Axis::linear("control C(θ)"), Axis::linear("W(θ)"));
        for k in [1, 2] {
            let (control, Series { name, ink }) = (CONTROLS[k], ESTIMATORS[k]);
            let pairs = || self.shown.iter().map(|glance| (glance.control(control), glance.squared));
            chart = chart.dots(name, ink, 3.0, pairs());
            if self.shown.len() > 2 {
                let (low, high) =
                    pairs().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (c, _)| (low.min(c), high.max(c)));
                let fit = |at: f64| corrected(pairs().map(|(c, w)| (w, c)), at);
                let name = format!("slope γ = {:.2}", fit(0.0).slope).replace('-', "−");
                chart = chart.line(name, ink, [low, high].map(|at| (at, fit(at).mean)));
            }
        }
        chart
    }

    fn variances(&self) -> Chart {
        let mut chart = Chart::of(Axis::log("directions L").range(3.0, 200.0), Axis::log("variance of the estimate"));
        for (k, Series { name, ink }) in ESTIMATORS.into_iter().enumerate() {
            chart = chart.line(name, ink, self.qualities.iter().map(|q| (q.count as f64, q.variance[k].max(1e-18))));
            if self.estimates[k].len() > 2 {
                chart = chart.dots("", ink, 8.0, [(self.controls.projections as f64, variance(&self.estimates[k]).max(1e-18))]);
            }
        }
        chart
    }

    fn biases(&self) -> Chart {
        let y = Axis::linear("mean of the estimates off the truth").unit("%");
        let chart = Chart::of(Axis::log("directions L").range(3.0, 200.0), y).at_y("", 0.0);
        [0, 2, 1].into_iter().fold(chart, |chart, k| {
            let Series { name, ink } = ESTIMATORS[k];
            chart.line(name, ink, self.qualities.iter().map(|q| (q.count as f64, 100.0 * q.bias[k])))
        })
    }

    fn flow_space(&self) -> Space {
        // Start and goal lie around 0 and around the shift: what lies between their means is in the middle.
        let goal = self.measures.points()[1];
        let middle = |k: usize| goal.iter().skip(k).step_by(self.d).sum::<f64>() / (2 * self.controls.points) as f64;
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
            .lines(&ESTIMATORS, |k| self.distances[k].points(0))
    }
}

views! { SlicedControlVariates, Controls:
    estimates "500 estimates of one number" "Every estimate saw ten directions. How wide is each heap, and does it stand over the truth?" => histogram;
    scatter "What a control knows" "A dot is a direction. The nearer the dots are to their line, the less is left to chance." => scatter;
    variance "Variance by number of directions" "From ten on all fall as 1/L: the gap is a factor in the number of directions. Below, the slope is a guess. Dots: this run." => variances;
    bias "The price: a small bias" "The slope comes from the same directions as the mean. That pulls estimates off by about 1/L." => biases;
    flow "A gradient flow" "The ring runs into the helix, pushed by each estimate, on the same ten directions a step." => flow_space;
    distance "How far the flow still is" "The exact distance, not a sliced one. Here it hardly matters which estimate pushes." => distances;
}

impl Experiment for SlicedControlVariates {
    const CARD: Card = Card {
        slug: "sliced-control-variates",
        title: "Fewer projections for the same accuracy: control variates",
        paper: Paper::new("Sliced Wasserstein Estimation with Control Variates", "Khai Nguyen, Nhat Ho", 2024),
        claim: "For a ring and a helix 1.6 apart, over 500 estimates of 10 directions each, the variance with the lower control is at most 0.01 of the plain one and with the upper control at most 0.08, in every seed, and the mean with the lower control is within 1 % of the truth.",
        reproduction: Reproduction::InPart,
        honesty: "The paper compares images and point clouds and trains generative models; here it is two clouds and a gradient flow. The ratio is this small because the clouds are apart: where their means agree, the lower control gains nothing, and the flow is no better for either.",
        seeds: 5,
        unit: "step",
        presets: &[
            Preset::holds("default", "A ring and a helix, 1.6 apart", &[]),
            Preset::gone("break-it", "Equal means: the lower control knows nothing", &[("shift", "0")]),
            Preset::open("far apart", "4 apart: the shift is nearly all there is", &[("shift", "4")]),
            Preset::open("three directions", "L = 3: the slope is a guess", &[("projections", "3")]),
            Preset::open("digits", "A written 0 and a written 1", &[("shapes", "digits"), ("shift", "0.5")]),
            Preset::open(
                "blobs",
                "Blobs in 20 dimensions: the upper control is the better one",
                &[("shapes", "blobs"), ("dimension", "20")],
            ),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let (x, y, d) = clouds(controls, seed, library)?;
        let measures = Projected::equal(&x, &y, d);
        Ok(SlicedControlVariates {
            controls: controls.clone(),
            d,
            known: measures.known(),
            estimates: Default::default(),
            shown: Vec::new(),
            truth: Vec::new(),
            qualities: Vec::new(),
            flows: std::array::from_fn(|_| measures.clone()),
            distances: Default::default(),
            randoms: Randoms {
                directions: Random::new(seed, "directions"),
                truth: Random::new(seed, "truth"),
                flow: Random::new(seed, "flow"),
            },
            measures,
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        stage.span(0..REPETITIONS + TRUTH / LOOKS + COUNTS.len() + STEPS);
        for _ in 0..REPETITIONS {
            self.repeat();
            self = stage.next(self).await;
        }
        let grid = match self.controls.shapes {
            Shapes::RingHelix => fibonacci(TRUTH),
            Shapes::Digits => half_circle(TRUTH),
            Shapes::Blobs => Vec::new(),
        };
        for _ in 0..TRUTH / LOOKS {
            (0..LOOKS).for_each(|_| self.look(&grid));
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
        let whole = self.estimates[0].len() == REPETITIONS;
        let [plain, lower, upper] = [0, 1, 2].map(|k| if whole { variance(&self.estimates[k]) } else { f64::NAN });
        let truth = self.truth();
        let bias = |k: usize| self.estimates[k].iter().sum::<f64>() / REPETITIONS as f64 / truth - 1.0;
        let left = |k: usize| if self.distances[k].len() == MEASURED.len() { self.distances[k].last(0) } else { f64::NAN };
        measures! {
            lower_ratio: lower / plain, upper_ratio: upper / plain,
            lower_bias: bias(1), upper_bias: bias(2), plain_bias: bias(0), lower_off: bias(1).abs(),
            sliced: truth, plain_variance: plain,
            plain_left: left(0), lower_left: left(1), upper_left: left(2),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let [lower, upper, off] = ["lower_ratio", "upper_ratio", "lower_off"].map(|name| runs.most(name));
        let text = format!(
            "Of the plain variance at most {lower:.4} is left with the lower control and {upper:.3} with the upper one; the mean with the lower control is off the truth {:.3} by at most {:.2} %.",
            runs.mean("sliced"),
            100.0 * off,
        );
        Verdict::at_most(lower, LOWER, text).needs(at_most(upper, UPPER)).needs(at_most(off, BIAS))
    }

    fn results(&self) -> Vec<Array> {
        let rows = (0..self.estimates[0].len()).map(|i| [0, 1, 2].map(|k| self.estimates[k][i]));
        vec![Array::table("estimates", ESTIMATORS.map(|of| of.name), rows)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{judged, runs};

    #[test]
    fn equal_means_leave_the_lower_control_nothing() {
        let runs = runs::<SlicedControlVariates>(&Controls { shift: 0.0, ..Controls::default() }, 0..5);
        assert!(runs.each("lower_ratio").all(|ratio| (ratio - 1.0).abs() <= 0.02), "{runs:?}");
        assert!(runs.least("upper_ratio") >= 0.9, "{runs:?}");
    }

    #[test]
    fn other_seeds_and_shapes() {
        let measured = |controls: Controls, seed: u64| judged::<SlicedControlVariates>(&controls, seed).measures();
        let measures = measured(Controls::default(), 100);
        assert!(measures.get("lower_ratio") <= LOWER && measures.get("upper_ratio") <= UPPER, "{measures:?}");
        assert!(measures.get("lower_off") <= BIAS, "{measures:?}");
        let far = measured(Controls { shift: 4.0, ..Controls::default() }, 0);
        assert!(far.get("lower_ratio") < 0.001, "{far:?}");
        for (shapes, shift) in [(Shapes::Blobs, 5.0), (Shapes::Digits, 1.6)] {
            let measures = measured(Controls { shapes, shift, dimension: 4, points: 100, ..Controls::default() }, 1);
            assert!(measures.get("lower_ratio") < 0.05 && measures.get("upper_ratio") < 0.05, "{measures:?}");
        }
    }

    #[test]
    fn draws_out_of_the_grid_vary_as_directions_do() {
        let mut run = judged::<SlicedControlVariates>(&Controls::default(), 2);
        run.qualities.clear();
        COUNTS[..3].iter().for_each(|count| run.appraise(*count));
        let quality = &run.qualities[2];
        assert_eq!(quality.count, run.controls.projections);
        for k in 0..3 {
            let ratio = quality.variance[k] / variance(&run.estimates[k]);
            // The standard error of a variance over 500 estimates is 6 % where they are normal.
            assert!((0.7..1.4).contains(&ratio), "{k}: {ratio}");
        }
    }
}
