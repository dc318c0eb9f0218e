//! A Schrödinger bridge that trains in a second: its potential is a mixture of Gaussians.
//!
//! Paper: Korotin, Gushchin, Burnaev, 2024. The most likely noisy way from p₀ to p₁ has the plan π(x₁|x₀) ∝ exp(⟨x₀,x₁⟩/ε) v(x₁). With
//! v_θ = Σ_k α_k N(r_k, εS_k) its normaliser c_θ, samples, moments and drift are closed forms, and L(θ) = mean ln c_θ(x₀) − mean ln v_θ(x₁),
//! which is KL(π*‖π_θ) + constant, is minimised by Adam without simulating anything.
//! Claim: on a plan that is known, cBW²₂-UVP <= 5 %, ≥ 30 times below independence and within 1.5 of discrete Sinkhorn's; K = 1 gives ≥ 20 %.

use libm::{cos, sin};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Field, Ink, Mark, Path, View};
use methods::transport::clouds::CloudSinkhorn;
use methods::transport::light_bridge::LightBridge;
use methods::transport::light_bridge::fit::{BATCH, Fit};
use methods::transport::light_bridge::known::{Yardstick, five_blobs, to_gaussian};
use methods::transport::moments::Moments;
use run::data::{Array, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// What the bridge leads to, from N(0, I).
    pub enum Target { Benchmark => "benchmark", SwissRoll => "Swiss roll", Gaussian => "Gaussian" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        target: Choice(Target) = Target::Benchmark, "p₁", "five blobs whose plan is known, a spiral, or a wider Gaussian";
        epsilon: Log(0.02, 5.0) = 0.5, "ε", "small: straight paths, each start has one goal; large: the noise decides";
        components: Count(1, 60) = 10, "K", "Gaussians in the potential; 1 sends everything through one affine map";
        samples: LogCount(100, 5000) = 1000, "n", "samples of each side, never paired; fewer: both methods get worse together";
        steps: LogCount(100, 5000) = 2000, "", "steps of Adam, on batches of 128";
        learning_rate: Log(1e-4, 0.1) = 0.01, "", "divided by ten for the last third";
        time: Real(0.0, 0.95) = 0.5, "t", "where on the way the drift and the points are shown";
    }
}

type Point = [f64; 2];

/// Sweeps of the discrete baseline.
const SWEEPS: usize = 100;
/// Fresh starts over which conditionals are compared.
const STARTS: usize = 300;
/// How often a run is looked at.
const RECORDS: usize = 50;
/// Samples of each side that the recorded loss is over, at most.
const LOSS_OVER: usize = 1000;
/// Paths shown and their steps; points shown on the way, and a conditional's.
const PATHS: usize = 12;
const PATH_STEPS: usize = 50;
const SHOWN: usize = 300;
const CONDITIONAL: usize = 120;
/// The starts whose conditionals are shown.
const CHOSEN: [Point; 4] = [[1.2, 0.4], [-0.5, 1.3], [-1.3, -0.7], [0.2, -0.2]];
/// Exponentials a slice.
const SLICE: usize = 100_000;
/// What the claim says of the error in percent, of the ratio to independence, and of that to Sinkhorn.
const ERROR: f64 = 5.0;
const BELOW_INDEPENDENT: f64 = 30.0;
const OF_SINKHORN: f64 = 1.5;

fn normal(random: &mut Random) -> Point {
    [random.normal(), random.normal()]
}

fn swiss_roll(random: &mut Random) -> Point {
    let w = 1.5 * std::f64::consts::PI * (1.0 + 2.0 * random.uniform());
    let noise = normal(random);
    [(w * cos(w) + 0.8 * noise[0]) / 7.5, (w * sin(w) + 0.8 * noise[1]) / 7.5]
}

/// A run: the bridge in training, and the discrete baseline beside it.
pub struct LightSchrodingerBridge {
    controls: Controls,
    seed: u64,
    sources: Vec<Point>,
    targets: Vec<Point>,
    /// Mean and covariance of the targets: what the independent coupling says of every start.
    marginal: Moments<2>,
    /// The plan and its conditionals, where it is known.
    truth: Option<(LightBridge<2>, Yardstick<2>)>,
    fit: Fit<2>,
    sinkhorn: CloudSinkhorn<2>,
    /// The error of the extended Sinkhorn plan, measured last, some starts a slice, NaN where no plan is known; and how many starts are in it.
    sinkhorn_error: f64,
    measured: usize,
    /// Step, loss and error at every record.
    records: Vec<[f64; 3]>,
    true_loss: f64,
    /// Paths of the process as it stands.
    paths: Vec<Vec<Point>>,
    /// Half the side of the square that is shown.
    reach: f64,
}

impl LightSchrodingerBridge {
    /// The error of conditionals in percent; NaN where the plan is not known.
    fn error(&self, conditional: impl Fn(&Point) -> Moments<2>) -> f64 {
        self.truth.as_ref().map_or(f64::NAN, |(_, yardstick)| yardstick.error(conditional))
    }

    fn record(&mut self) {
        let (over, bridge) = (self.sources.len().min(LOSS_OVER), &self.fit.bridge);
        let loss = bridge.loss(&self.sources[..over], &self.targets[..over]);
        self.records.push([self.fit.done as f64, loss, self.error(|start| bridge.moments(start))]);
        // The same starts and the same noise every time, so that a bridge in training bends its paths.
        let mut random = Random::new(self.seed, "paths");
        self.paths = (0..PATHS).map(|_| bridge.path(normal(&mut random), PATH_STEPS, &mut random)).collect();
    }

    /// Renewals of the baseline that are due by now, so that both end together; none where there is no plan to compare with.
    fn due(&self) -> usize {
        let all = if self.truth.is_some() { SWEEPS * self.sinkhorn.per_sweep() } else { 0 };
        all * self.fit.done / self.controls.steps
    }

    fn finished(&self) -> bool {
        let starts = self.truth.as_ref().map_or(0, |(_, yardstick)| yardstick.len());
        self.fit.done == self.controls.steps && self.sinkhorn.renewed() == self.due() && self.measured == starts
    }

    fn axes(&self) -> (Axis, Axis) {
        let axis = |label: &str| Axis::linear(label).range(-self.reach, self.reach);
        (axis("first coordinate"), axis("second coordinate"))
    }

    fn square(&self, marks: Vec<Mark>) -> Chart {
        let (x, y) = self.axes();
        Chart { x, y, marks, equal: true, ..Chart::default() }
    }

    fn over_steps(&self, y: Axis, marks: Vec<Mark>) -> Chart {
        Chart { x: Axis::linear("step").range(0.0, self.controls.steps as f64), y, marks, ..Chart::default() }
    }
}

fn unzip(points: &[Point]) -> (Vec<f64>, Vec<f64>) {
    points.iter().map(|p| (p[0], p[1])).unzip()
}

fn dots(name: &str, ink: Ink, points: &[Point], size: f64) -> Mark {
    let (x, y) = unzip(points);
    Mark::points(name, ink, x, y, size)
}

/// The views.
impl LightSchrodingerBridge {
    fn bridge_chart(&self) -> Chart {
        let (t, bridge) = (self.controls.time, &self.fit.bridge);
        let shown = SHOWN.min(self.sources.len());
        let mut random = Random::new(self.seed, "on the way");
        let points: Vec<Point> = self.sources[..shown].iter().map(|x0| bridge.on_the_way(x0, t, &mut random)).collect();
        let mut marks = vec![dots("targets", Ink::Muted, &self.targets[..shown], 3.0)];
        for path in &self.paths {
            let (x, y) = unzip(path);
            let shade = (0..x.len()).map(|i| i as f32 / PATH_STEPS as f32).collect();
            marks.push(Mark::Trail { name: String::new(), x, y, shade });
        }
        marks.push(dots(&format!("points at t = {t}"), Ink::Series(0), &points, 3.0));
        // One standard deviation of each Gaussian of v that receives anything to speak of.
        let some = &self.sources[..shown.min(100)];
        let mut received = vec![0.0; self.controls.components];
        some.iter().for_each(|x0| received.iter_mut().zip(bridge.shares(x0)).for_each(|(sum, share)| *sum += share));
        let mut name = "Gaussians of v";
        for (component, received) in bridge.components().iter().zip(received) {
            if received < 0.1 / self.controls.components as f64 * some.len() as f64 {
                continue;
            }
            let spread = component.spread();
            let place = |d: usize, unit: f64| component.center[d] + (self.controls.epsilon * spread[d]).sqrt() * unit;
            let angles = (0..=24).map(|i| std::f64::consts::TAU * f64::from(i) / 24.0);
            let (x, y) = angles.map(|a| (place(0, cos(a)), place(1, sin(a)))).unzip();
            marks.push(Mark::line(name, Ink::Series(1), x, y));
            name = "";
        }
        self.square(marks)
    }

    fn conditionals_chart(&self) -> Chart {
        let mut random = Random::new(self.seed, "conditionals");
        let mut draw = |bridge: &LightBridge<2>, x0: &Point| -> Vec<Point> {
            (0..CONDITIONAL).map(|_| bridge.sample(x0, &mut random)).collect()
        };
        let (name, context) = match &self.truth {
            Some((truth, _)) => ("the true plan's, all four", CHOSEN.iter().flat_map(|x0| draw(truth, x0)).collect()),
            None => ("targets", self.targets[..SHOWN.min(self.targets.len())].to_vec()),
        };
        let mut marks = vec![dots(name, Ink::Muted, &context, 8.0)];
        for (i, x0) in CHOSEN.iter().enumerate() {
            marks.push(dots(&format!("from {}", i + 1), Ink::Series(i as u8), &draw(&self.fit.bridge, x0), 3.5));
        }
        for (i, x0) in CHOSEN.iter().enumerate() {
            marks.push(dots("", Ink::Series(i as u8), &[*x0], 12.0));
            marks.push(Mark::Label { text: format!("{}", i + 1), at: (x0[0] + 0.14 * self.reach, x0[1]), ink: Ink::Text });
        }
        self.square(marks)
    }

    fn error_chart(&self) -> Chart {
        let axis = Axis::log("error cBW²₂-UVP").unit("%");
        if self.truth.is_none() {
            let at = (0.25 * self.controls.steps as f64, 3.0);
            let marks = vec![Mark::Label { text: "not known: nobody knows this plan".into(), at, ink: Ink::Text }];
            return self.over_steps(axis.range(0.1, 100.0), marks);
        }
        let (x, y) = self.records.iter().map(|record| (record[0], record[2])).unzip();
        let mut marks = vec![Mark::line("light bridge", Ink::Series(0), x, y)];
        marks.push(Mark::at_y("independent", self.error(|_| self.marginal)));
        if self.controls.target == Target::Benchmark {
            marks.push(Mark::at_y("the claim: 5 %", ERROR));
        }
        if self.finished() {
            let ends = vec![0.0, self.controls.steps as f64];
            marks.push(Mark::dashed("Sinkhorn", Ink::Series(1), ends, vec![self.sinkhorn_error; 2]));
        }
        self.over_steps(axis, marks)
    }

    fn loss_chart(&self) -> Chart {
        let (x, y): (_, Vec<f64>) = self.records.iter().map(|record| (record[0], record[1])).unzip();
        let mut axis = Axis::linear("loss L");
        // What happens at the end is small beside the first fall.
        if y.len() > 6 {
            let least = y.iter().fold(self.true_loss, |a: f64, b| a.min(*b));
            let high = y[3].max(self.true_loss);
            if high > least {
                axis = axis.range(least - 0.3 * (high - least), high + 0.3 * (high - least));
            }
        }
        let mut marks = vec![Mark::line("learned", Ink::Series(0), x, y)];
        if self.true_loss.is_finite() {
            marks.push(Mark::at_y("true potential", self.true_loss));
        }
        self.over_steps(axis, marks)
    }

    fn drift_field(&self) -> Field {
        const SIDE: usize = 19;
        let t = self.controls.time;
        let at = |i: usize| self.reach * (2.0 * (i as f64 + 0.5) / SIDE as f64 - 1.0);
        let at: Vec<(f64, f64)> = (0..SIDE * SIDE).map(|i| (at(i % SIDE), at(i / SIDE))).collect();
        let vectors = at.iter().map(|&(x, y)| self.fit.bridge.drift(&[x, y], t).into()).collect();
        let until = (t * PATH_STEPS as f64) as usize + 1;
        let path = |(i, path): (usize, &Vec<Point>)| {
            let (x, y) = unzip(&path[..until]);
            Path { name: if i == 0 { format!("paths up to t = {t}") } else { String::new() }, ink: Ink::Series(0), x, y }
        };
        let (x, y) = self.axes();
        Field { x, y, at, vectors, paths: self.paths.iter().take(8).enumerate().map(path).collect() }
    }
}

run::views! { LightSchrodingerBridge, Controls:
    bridge "The bridge" "Paths of the learned process run from the middle to the grey targets; move t to see all points on their way." => bridge_chart;
    conditionals "Where four starts go" "Small dots: what was learned. Large grey dots: the true plan's. They should lie on each other." => conditionals_chart;
    error "How wrong the plan is" "It ends about where Sinkhorn on all samples is: what is left is sampling error." => error_chart;
    loss "The loss" "It falls a little below the loss of the true potential, which has not seen the samples." => loss_chart;
    drift "The drift at time t" "Early it points gently at several goals, late it pulls hard at the nearest." => drift_field;
}

impl LightSchrodingerBridge {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        let steps = self.controls.steps;
        let mut work = 0;
        while work < SLICE && !self.finished() {
            if self.sinkhorn.renewed() < self.due() {
                self.sinkhorn.renew();
                work += self.sources.len();
            } else if self.fit.done < steps {
                self.fit.step(&self.sources, &self.targets);
                work += 8 * BATCH * self.controls.components;
                if self.fit.done.is_multiple_of(steps.div_ceil(RECORDS)) || self.fit.done == steps {
                    self.record();
                    work = SLICE;
                }
            } else if let Some((_, yardstick)) = &self.truth {
                self.sinkhorn_error += yardstick.share(self.measured, |start| self.sinkhorn.moments(start));
                self.measured += 1;
                work += 10 * self.sources.len();
            }
        }
        let of = steps + usize::from(self.fit.done == steps && !self.finished());
        Ok(Progress { done: self.fit.done, of })
    }
}

impl Experiment for LightSchrodingerBridge {
    const CARD: Card = Card {
        slug: "light-schrodinger-bridge",
        title: "A Schrödinger bridge you can train in seconds",
        paper: Paper::new("Light Schrödinger Bridge", "Alexander Korotin, Nikita Gushchin, Evgeny Burnaev", 2024),
        claim: "On a plan that is known (D = 2, ε = 0.5), the conditionals of a mixture of 10 Gaussians fitted to 1,000 unpaired samples are wrong by at most 5 % (cBW²₂-UVP), at least 30 times less than independence, and at most 1.5 times as much as discrete Sinkhorn on all samples.",
        reproduction: Reproduction::InPart,
        honesty: "The paper measures up to 128 dimensions and against neural solvers; here it is the plane, and the opponents are independence and discrete Sinkhorn, whose sampling error the light bridge shares.",
        seeds: 5,
        unit: "step",
        presets: &[
            Preset::holds("default", "Five blobs whose plan is known", &[]),
            Preset::gone("break-it", "K = 1: one affine map for all", &[("components", "1")]),
            Preset::open(
                "Swiss roll",
                "A spiral, with 40 Gaussians",
                &[("target", "Swiss roll"), ("epsilon", "0.1"), ("components", "40")],
            ),
            Preset::open(
                "Gaussians",
                "To a wider Gaussian: one component is enough, and its S is known",
                &[("target", "Gaussian"), ("components", "1")],
            ),
            Preset::open("little noise", "ε = 0.05: paths are nearly straight", &[("epsilon", "0.05")]),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let (epsilon, count) = (controls.epsilon, controls.samples);
        let plan = match controls.target {
            Target::Benchmark => Some(five_blobs(epsilon, &mut Random::new(seed, "balance"))),
            Target::Gaussian => Some(to_gaussian(epsilon, 1.5)),
            Target::SwissRoll => None,
        };
        let known = plan.is_some();
        let mut random = Random::new(seed, "source");
        let sources: Vec<Point> = (0..count).map(|_| normal(&mut random)).collect();
        // Each target has a start of its own, which nobody is told.
        let mut random = Random::new(seed, "target");
        let target = |_| match &plan {
            Some(plan) => plan.sample(&normal(&mut random), &mut random),
            None => swiss_roll(&mut random),
        };
        let targets: Vec<Point> = (0..count).map(target).collect();
        let marginal = Moments::of_points(targets.iter().map(|x| (1.0 / count as f64, *x)));
        let mut random = Random::new(seed, "evaluation");
        let starts: Vec<Point> = (0..STARTS).map(|_| normal(&mut random)).collect();
        let mut sizes: Vec<f64> = sources.iter().chain(&targets).map(|x| x[0].abs().max(x[1].abs())).collect();
        sizes.sort_by(f64::total_cmp);
        let spread = if controls.target == Target::SwissRoll { 0.1 } else { 0.3 };
        let over = count.min(LOSS_OVER);
        let mut run = LightSchrodingerBridge {
            true_loss: plan.as_ref().map_or(f64::NAN, |plan| plan.loss(&sources[..over], &targets[..over])),
            truth: plan.map(|plan| {
                let yardstick = Yardstick::new(&plan, starts, 0.5 * marginal.total_variance());
                (plan, yardstick)
            }),
            fit: Fit::new(epsilon, controls.components, spread, &targets, (controls.steps, controls.learning_rate), seed),
            sinkhorn: CloudSinkhorn::new(&sources, &targets, epsilon),
            sinkhorn_error: if known { 0.0 } else { f64::NAN },
            measured: 0,
            records: Vec::new(),
            paths: Vec::new(),
            reach: 1.1 * sizes[sizes.len() * 99 / 100],
            controls: controls.clone(),
            seed,
            sources,
            targets,
            marginal,
        };
        run.record();
        Ok(run)
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        // Only what is shown depends on t.
        let same = *controls == Controls { time: controls.time, ..self.controls.clone() };
        if same {
            self.controls = controls.clone();
        }
        same
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
        let [_, loss, error] = self.records[self.records.len() - 1];
        let independent = self.error(|_| self.marginal);
        let sinkhorn = if self.finished() { self.sinkhorn_error } else { f64::NAN };
        ground::measures! {
            error: error, sinkhorn_error: sinkhorn, independent_error: independent,
            times_sinkhorn: error / sinkhorn, times_below_independent: independent / error,
            loss: loss, true_loss: self.true_loss,
            first_spread: self.fit.bridge.components()[0].spread()[0],
            on_benchmark: if self.controls.target == Target::Benchmark { 1.0 } else { 0.0 },
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        if runs.each("on_benchmark").any(|on| on != 1.0) {
            let text = "The measured claim is about the benchmark; what is seen here carries no verdict.";
            return Verdict { holds: None, outside: true, text: text.into(), figure: f64::NAN, threshold: ERROR };
        }
        let (sinkhorn, independent) = (runs.most("times_sinkhorn"), runs.least("times_below_independent"));
        // Before the baseline is there the error alone says nothing.
        let figure = if sinkhorn.is_nan() { f64::NAN } else { runs.most("error") };
        let text = format!(
            "The conditionals are wrong by {figure:.2} % at most, {sinkhorn:.2} times Sinkhorn's error at most, and {independent:.0} times less than independence at least."
        );
        Verdict::at_most(figure, ERROR, text).and(independent >= BELOW_INDEPENDENT && sinkhorn <= OF_SINKHORN)
    }

    fn results(&self) -> Vec<Array> {
        let values = self.fit.bridge.components().iter().flat_map(|k| {
            let [a, b] = k.spread();
            [k.log_weight, k.center[0], k.center[1], a, b]
        });
        vec![Array {
            name: "components".into(),
            shape: vec![self.controls.components, 5],
            values: values.collect(),
            columns: ["ln α", "r₁", "r₂", "S₁", "S₂"].map(String::from).to_vec(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(controls: Controls, seed: u64) -> LightSchrodingerBridge {
        let mut run = LightSchrodingerBridge::new(&controls, seed, &Library::default()).unwrap();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    #[test]
    fn what_is_left_is_sampling_error() {
        for seed in [100, 101] {
            let fitted = run(Controls::default(), seed).measures();
            assert!(fitted.get("loss") < fitted.get("true_loss"), "{fitted:?}");
            assert!((0.5..1.5).contains(&fitted.get("times_sinkhorn")), "{fitted:?}");
            assert!((200.0..240.0).contains(&fitted.get("independent_error")), "{fitted:?}");
            assert!(fitted.get("error") <= ERROR && fitted.get("times_below_independent") >= BELOW_INDEPENDENT, "{fitted:?}");
        }
    }

    /// Without the baseline, which takes longer than the fit.
    #[test]
    fn one_gaussian_is_wrong_by_a_fifth_in_every_seed() {
        for seed in 0..5 {
            let controls = Controls { components: 1, ..Controls::default() };
            let mut run = LightSchrodingerBridge::new(&controls, seed, &Library::default()).unwrap();
            while run.fit.done < controls.steps {
                run.fit.step(&run.sources, &run.targets);
            }
            let error = run.error(|start| run.fit.bridge.moments(start));
            assert!(error >= 20.0, "{seed}: {error}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_error() {
        let controls = Controls { target: Target::SwissRoll, steps: 100, samples: 100, ..Controls::default() };
        let measures = run(controls, 0).measures();
        assert!(["error", "sinkhorn_error", "times_sinkhorn"].iter().all(|name| measures.get(name).is_nan()), "{measures:?}");
    }
}
