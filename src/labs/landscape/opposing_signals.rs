//! A handful of outliers with opposing signals runs the whole training of a two-layer linear network.
//!
//! Paper: Rosenfeld & Risteski, 2024. f(x) = aᵀWx, full-batch gradient descent on L = 1/(2n) Σ (f(xᵢ) − yᵢ)². A fraction p of
//! the points has the large feature x_o = A and a target pulled by +b in one half, −b in the other. With S = XᵀX/n, q = Xᵀy/n,
//! c = Wᵀa and R = Sc − q: ∇_W = aRᵀ, ∇_a = WR. The curvature along the outliers' column of W is ‖a‖²pA²; ‖a‖ must grow
//! to fit the rest, so the sharpness λ climbs until it crosses 2/η. From there c_o flips sign step by step: what one group
//! loses the other wins.
//! Claim: over the steps with λ > 0.97·2/η the groups' loss changes correlate at −0.5 or less, and outliers make 90% of all change.

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, HeatMap, Ink, Mark, Matrix, Path, View};
use methods::linear_network::{Moments, TwoLayers, dot};
use methods::statistics::correlation;
use run::data::{Array, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        magnitude: Real(0.0, 35.0) = 25.0, "A", "below 22 training stays stable; above 30 the oscillation is long and violent, and near 35 training blows up";
        fraction: Real(0.0, 0.1) = 0.02, "p", "more outliers: a sharper valley, and the edge comes sooner";
        pull: Real(0.0, 8.0) = 4.0, "b", "0: no opposition, the two groups move together";
        step_size: Log(0.01, 0.3) = 0.1, "η", "moves the edge 2/η";
        signal: Real(0.5, 5.0) = 2.0, "‖β‖", "how much there is to learn, and so how far ‖a‖ must grow";
        train_a: Toggle() = true, "", "off: one layer is trained, and the sharpness is constant";
    }
}

/// Points, coordinates (the last is the outliers' feature), hidden units, steps.
const N: usize = 1000;
const D: usize = 21;
const H: usize = 16;
const STEPS: usize = 500;
/// The outliers' coordinate.
const O: usize = D - 1;
/// Power steps for λ: at the start of training, and from then on, beginning with the last step's direction.
const POWER_STEPS: (usize, usize) = (200, 15);
/// A mean loss beyond this is a run that does not come back.
const DIVERGED: f64 = 1e4;

/// Which way an outlier pulls; the rest is bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Up,
    Down,
    Bulk,
}

const GROUPS: [(Group, &str, Ink); 3] = [
    (Group::Bulk, "all other points", Ink::Series(2)),
    (Group::Up, "outliers pulling up", Ink::Series(0)),
    (Group::Down, "outliers pulling down", Ink::Series(1)),
];

/// The training set.
struct Task {
    x: Vec<[f64; D]>,
    y: Vec<f64>,
    group: Vec<Group>,
    moments: Moments<D>,
}

impl Task {
    fn new(controls: &Controls, seed: u64) -> Self {
        let mut random = Random::new(seed, "points");
        let mut beta: [f64; D] = std::array::from_fn(|j| if j == O { 0.0 } else { random.normal() });
        let length = dot(&beta, &beta).sqrt();
        beta.iter_mut().for_each(|v| *v *= controls.signal / length);
        let mut x: Vec<[f64; D]> = (0..N).map(|_| std::array::from_fn(|j| if j == O { 0.0 } else { random.normal() })).collect();
        let mut y: Vec<f64> = x.iter().map(|x| dot(x, &beta)).collect();
        let mut group = vec![Group::Bulk; N];
        let pairs = (controls.fraction * N as f64 / 2.0).round() as usize;
        // The groups are scattered over the indices; with another p or A the same points stay outliers.
        for (rank, i) in random.permutation(N).into_iter().take(2 * pairs).enumerate() {
            group[i] = if rank % 2 == 0 { Group::Up } else { Group::Down };
            x[i][O] = controls.magnitude;
            y[i] += if rank % 2 == 0 { controls.pull } else { -controls.pull };
        }
        Task { moments: Moments::of(&x, &y), x, y, group }
    }

    /// f(xᵢ) − yᵢ of every point.
    fn residuals(&self, c: &[f64; D]) -> Vec<f64> {
        self.x.iter().zip(&self.y).map(|(x, y)| dot(x, c) - y).collect()
    }

    /// The mean of `values` over a group; NaN if it is empty.
    fn mean(&self, group: Group, values: &[f64]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (value, _) in values.iter().zip(&self.group).filter(|(_, g)| **g == group) {
            sum += value;
            count += 1.0;
        }
        sum / count
    }
}

type Network = TwoLayers<D, H>;

/// W ~ 0.3 N(0, 1/d), a ~ 0.3 N(0, 1/h)
fn start(train_a: bool, seed: u64) -> Network {
    let mut random = Random::new(seed, "weights");
    let (scale_w, scale_a) = (0.3 / (D as f64).sqrt(), 0.3 / (H as f64).sqrt());
    let w = std::array::from_fn(|_| std::array::from_fn(|_| scale_w * random.normal()));
    TwoLayers { w, a: std::array::from_fn(|_| scale_a * random.normal()), train_a }
}

/// One step of training, looked at point by point.
#[derive(Clone)]
struct Moment {
    step: usize,
    weights: Network,
    residual: Vec<f64>,
    /// lᵢ(t+1) − lᵢ(t) with lᵢ = (f(xᵢ) − yᵢ)²/2.
    change: Vec<f64>,
}

/// At the edge, with groups that pull apart, by this much change of loss.
type Rank = (bool, bool, f64);

/// A run.
pub struct OpposingSignals {
    controls: Controls,
    task: Task,
    weights: Network,
    /// The sharpest direction, from step to step.
    direction: Vec<f64>,
    /// The point-wise view of the step before the last one (its change is not known yet).
    open: Option<Moment>,
    /// The latest step whose loss changes are known.
    latest: Option<Moment>,
    /// The step to look back at, and how it ranks: see [`Self::rank`].
    kept: Option<(Rank, Moment)>,
    /// λ(t), ‖a‖² and c_o, and the mean loss of each of `GROUPS` and of all, one a step.
    lambda: Vec<f64>,
    path: (Vec<f64>, Vec<f64>),
    loss: [Vec<f64>; 4],
    /// The steps with λ > 0.97·2/η and, over them, the mean loss changes of the two groups and Σ|dl| of outliers and of all.
    edge: Vec<usize>,
    change: (Vec<f64>, Vec<f64>),
    moved: (f64, f64),
    diverged: bool,
}

impl OpposingSignals {
    fn at_edge(&self, step: usize) -> bool {
        self.lambda[step] > 0.97 * 2.0 / self.controls.step_size
    }

    /// ‖a‖² at which the outliers' own curvature ‖a‖²pA² reaches 2/η.
    fn critical(&self) -> f64 {
        2.0 / (self.controls.step_size * self.task.moments.s[O][O])
    }

    fn advance(&mut self) -> Progress {
        let task = &self.task;
        let c = self.weights.function();
        let residual = task.residuals(&c);
        let loss: Vec<f64> = residual.iter().map(|r| r * r / 2.0).collect();
        for (line, (group, ..)) in self.loss.iter_mut().zip(GROUPS) {
            line.push(task.mean(group, &loss));
        }
        let all = loss.iter().sum::<f64>() / N as f64;
        self.loss[3].push(all);
        let power_steps = if self.lambda.is_empty() { POWER_STEPS.0 } else { POWER_STEPS.1 };
        self.lambda.push(self.weights.sharpness(&task.moments, &mut self.direction, power_steps));
        self.path.0.push(dot(&self.weights.a, &self.weights.a));
        self.path.1.push(c[O]);
        if let Some(mut before) = self.open.take() {
            before.change = loss.iter().zip(&before.residual).map(|(l, r)| l - r * r / 2.0).collect();
            self.close(before);
        }
        let step = self.lambda.len() - 1;
        self.open = Some(Moment { step, weights: self.weights.clone(), residual, change: Vec::new() });
        self.weights.descend(&self.weights.gradient(&self.task.moments), self.controls.step_size);
        self.diverged = !all.is_finite() || all > DIVERGED;
        Progress { done: step + 1, of: if self.diverged { step + 1 } else { STEPS } }
    }

    /// Takes a step whose loss changes are known into the figures.
    fn close(&mut self, moment: Moment) {
        if self.at_edge(moment.step) {
            self.edge.push(moment.step);
            self.change.0.push(self.task.mean(Group::Up, &moment.change));
            self.change.1.push(self.task.mean(Group::Down, &moment.change));
            for (change, group) in moment.change.iter().zip(&self.task.group) {
                self.moved.0 += if *group == Group::Bulk { 0.0 } else { change.abs() };
                self.moved.1 += change.abs();
            }
        }
        let rank = self.rank(&moment);
        if self.kept.as_ref().is_none_or(|(best, _)| rank > *best) {
            self.kept = Some((rank, moment.clone()));
        }
        self.latest = Some(moment);
    }

    /// The best step to look back at is at the edge, has groups that ask for opposite weights (they do while A|c_o| < b), and
    /// changes the losses most.
    fn rank(&self, moment: &Moment) -> Rank {
        let edge = self.at_edge(moment.step);
        let apart = edge && self.controls.magnitude * self.path.1[moment.step].abs() < self.controls.pull;
        (edge, apart, moment.change.iter().map(|change| change.abs()).sum())
    }

    fn over(&self) -> bool {
        self.diverged || self.lambda.len() == STEPS
    }

    /// The step to look at point by point: the latest one up to and at the edge, from then on the kept one.
    fn shown(&self) -> Option<&Moment> {
        let past = |latest: &&Moment| self.over() || (!self.edge.is_empty() && !self.at_edge(latest.step));
        self.latest.as_ref().filter(|latest| !past(latest)).or(self.kept.as_ref().map(|(_, moment)| moment))
    }

    /// Fewer steps than these at the edge say nothing.
    const ENOUGH: usize = 11;

    fn steps(&self) -> Vec<f64> {
        (0..self.lambda.len()).map(|t| t as f64).collect()
    }

    /// The stretch of training around the edge, or all of it where there is none.
    fn around_the_edge(&self) -> (f64, f64) {
        match (self.edge.first(), self.edge.last()) {
            (Some(first), Some(last)) => (first.saturating_sub(10) as f64, (first + 70).max(last + 10).min(STEPS) as f64),
            _ => (0.0, STEPS as f64),
        }
    }

    fn groups_chart(&self) -> Chart {
        let (from, to) = self.around_the_edge();
        let within =
            |line: &'_ Vec<f64>| line.iter().copied().skip(from as usize).take((to - from) as usize + 1).collect::<Vec<_>>();
        let seen = self.loss[..3].iter().flat_map(within).filter(|l| l.is_finite() && *l > 0.0);
        let (low, high) = seen.fold((0.01f64, 10.0f64), |(low, high), l| (low.min(l), high.max(l)));
        let lines = GROUPS.iter().zip(&self.loss).filter(|(_, line)| line.iter().any(|l| l.is_finite()));
        Chart {
            x: Axis::linear("step").range(from, to),
            y: Axis::log("mean loss").range(low / 1.5, high * 1.5),
            marks: lines.map(|((_, name, ink), line)| Mark::line(*name, *ink, self.steps(), line.clone())).collect(),
            ..Chart::default()
        }
    }

    fn sharpness_chart(&self) -> Chart {
        let outliers = self.path.0.iter().map(|a| a * self.task.moments.s[O][O]).collect();
        Chart {
            x: Axis::linear("step").range(0.0, STEPS as f64),
            y: Axis::linear("curvature"),
            marks: vec![
                Mark::dashed("outliers' share ‖a‖²pA²", Ink::Muted, self.steps(), outliers),
                Mark::line("sharpness λ", Ink::Series(0), self.steps(), self.lambda.clone()),
                Mark::at_y("2/η", 2.0 / self.controls.step_size),
            ],
            ..Chart::default()
        }
    }

    fn changes_chart(&self) -> Chart {
        let mut marks = vec![Mark::at_y("", 0.0)];
        if let Some(moment) = self.shown() {
            for (group, name, ink) in GROUPS {
                let members = (0..N).filter(|i| self.task.group[*i] == group);
                let (x, y) = members.map(|i| (i as f64, moment.change[i])).unzip();
                marks.push(Mark::points(name, ink, x, y, if group == Group::Bulk { 3.0 } else { 7.0 }));
            }
        }
        let step = self.shown().map_or(String::new(), |m| format!(" in step {}", m.step));
        let (x, y) = (Axis::linear("point").range(0.0, N as f64), Axis::linear(format!("loss change{step}")));
        Chart { x, y, marks, ..Chart::default() }
    }

    /// Cosines between the gradients of the twenty points whose loss changes most, in the order of their loss changes.
    fn gradients_matrix(&self) -> Matrix {
        type Part<'a> = (f64, &'a [f64; D], [f64; H]);
        let most = 20;
        let (mut values, mut names, mut step) = (Vec::new(), Vec::new(), String::new());
        if let Some(Moment { step: t, weights, residual, change }) = self.shown() {
            let mut order: Vec<usize> = (0..N).collect();
            order.sort_by(|i, j| change[*j].abs().total_cmp(&change[*i].abs()));
            order.truncate(most);
            order.sort_by(|i, j| change[*j].total_cmp(&change[*i]));
            let a2 = dot(&weights.a, &weights.a);
            // ∇lᵢ = rᵢ (a xᵢᵀ, W xᵢ)
            let part = |i: usize| if self.controls.train_a { weights.w.map(|row| dot(&row, &self.task.x[i])) } else { [0.0; H] };
            let parts: Vec<Part> = order.iter().map(|i| (residual[*i], &self.task.x[*i], part(*i))).collect();
            let product = |(r, x, h): &Part, (s, y, k): &Part| r * s * (a2 * dot(*x, *y) + dot(h, k));
            for g in &parts {
                values.extend(parts.iter().map(|k| (product(g, k) / (product(g, g) * product(k, k)).sqrt()) as f32));
            }
            let name = |i: &usize| match self.task.group[*i] {
                Group::Up => "up",
                Group::Down => "down",
                Group::Bulk => "other",
            };
            names = order.iter().map(|i| name(i).to_string()).collect();
            step = format!(" in step {t}");
        }
        Matrix {
            row: format!("points by loss change{step}"),
            column: "the same points".into(),
            value: Axis::linear("cosine of their gradients").range(-1.0, 1.0).around(0.0),
            columns: if values.is_empty() { 0 } else { most },
            values,
            names,
            outlined: Vec::new(),
        }
    }

    /// The plane's window: ‖a‖² up to a bit beyond both the path and the edge, c_o about the weight that frees one group, b/A.
    fn plane(&self) -> ((f64, f64), (f64, f64)) {
        let finite = |v: &&f64| v.is_finite();
        let widest = self.path.0.iter().filter(finite).fold(self.controls.signal, |m, v| m.max(*v));
        let highest = self.path.1.iter().filter(finite).fold(0.05, |m: f64, v| m.max(v.abs()));
        ((0.0, 1.1 * widest), (-1.1 * highest, 1.1 * highest))
    }

    fn path_chart(&self) -> Chart {
        let (across, up) = self.plane();
        // After the edge the path hardly moves: the colours are for the steps up to there.
        let last = self.around_the_edge().1;
        let shade = (0..self.lambda.len()).map(|t| (t as f64 / last).min(1.0) as f32).collect();
        Chart {
            x: Axis::linear("‖a‖²").range(across.0, across.1),
            y: Axis::linear("weight on the outliers' feature, c_o").range(up.0, up.1),
            marks: vec![
                Mark::at_y("", 0.0),
                Mark::at_x("‖a‖²pA² = 2/η", self.critical()),
                Mark::Trail { name: String::new(), x: self.path.0.clone(), y: self.path.1.clone(), shade },
            ],
            ..Chart::default()
        }
    }

    /// The loss if a were scaled to another length and c_o set to another value, the other weights being those of now.
    fn valley(&self) -> HeatMap {
        const CELLS: usize = 60;
        let (across, up) = self.plane();
        let place = |range: (f64, f64), i: usize| range.0 + (i as f64 + 0.5) / CELLS as f64 * (range.1 - range.0);
        let mut bulk = self.weights.function();
        bulk[O] = 0.0;
        let (curved, now) = (self.task.moments.curved(&bulk), dot(&self.weights.a, &self.weights.a));
        let (square, mixed, linear) = (dot(&curved, &bulk), curved[O], dot(&self.task.moments.q, &bulk));
        let rest = dot(&self.task.y, &self.task.y) / (2.0 * N as f64);
        let scales: Vec<f64> = (0..CELLS).map(|column| (place(across, column) / now).sqrt()).collect();
        let mut values = Vec::with_capacity(CELLS * CELLS);
        for row in 0..CELLS {
            let c = place(up, row);
            for scale in &scales {
                let quadratic = scale * scale * square + 2.0 * scale * c * mixed + c * c * self.task.moments.s[O][O];
                values.push((quadratic / 2.0 - scale * linear - c * self.task.moments.q[O] + rest) as f32);
            }
        }
        HeatMap {
            x: Axis::linear("‖a‖²").range(across.0, across.1),
            y: Axis::linear("weight on the outliers' feature, c_o").range(up.0, up.1),
            value: Axis::log("loss"),
            columns: CELLS,
            values,
            contours: 8,
            paths: vec![Path { name: "training".into(), ink: Ink::Text, x: self.path.0.clone(), y: self.path.1.clone() }],
            handle: None,
        }
    }
}

run::views! { OpposingSignals, Controls:
    groups "Who wins, who loses" "At the edge the two groups take turns: one loss rises as the other falls, while the rest hardly moves." => groups_chart;
    sharpness "The sharpness" "It climbs as the rest is learned, crosses 2/η, and comes back under it by itself." => sharpness_chart;
    changes "One step at the edge, point by point" "The outliers are the extremes, one group at the top and the other at the bottom: that is how to find them." => changes_chart;
    gradients "Their gradients" "The twenty points that change most fall into two blocks that pull in opposite directions." => gradients_matrix;
    plane "The way through the valley" "Right of the line the valley is too steep for the step: c_o jumps from wall to wall." => path_chart;
    valley "The valley itself" "The loss for other lengths of a and other weights c_o: narrow across, long along." => valley;
}

impl OpposingSignals {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        Ok(self.advance())
    }
}

impl Experiment for OpposingSignals {
    const CARD: Card = Card {
        slug: "opposing-signals",
        title: "A handful of outliers runs the whole training",
        paper: Paper::new(
            "Outliers with Opposing Signals Have an Outsized Effect on Neural Network Optimization",
            "Elan Rosenfeld, Andrej Risteski",
            2024,
        ),
        claim: "While the sharpness is at the edge 2/η, the loss changes of the two groups of ten outliers correlate at −0.5 or less, and these twenty of a thousand points make at least 90% of all loss change.",
        reproduction: Reproduction::InPart,
        honesty: "The paper finds opposing groups in image and language networks and explains them with a two-layer linear model; this run is that model, where the effect is as claimed, and the large networks and the comparison of Adam with SGD are not run.",
        seeds: 3,
        unit: "step",
        presets: &[
            Preset::holds("default", "20 outliers among 1,000 points", &[]),
            Preset::gone(
                "break-it",
                "A = 1: the feature is as small as any other, training never comes near the edge",
                &[("magnitude", "1")],
            ),
            Preset::open("no pull", "b = 0: the edge is reached, but both groups rise and fall together", &[("pull", "0")]),
            Preset::open("one layer", "a is frozen: the sharpness stays what it is", &[("train_a", "off")]),
            Preset::open("half step", "η = 0.05: the sharpness grows as far and stays below the edge", &[("step_size", "0.05")]),
            Preset::open(
                "overshoot",
                "A = 30, b = 2: the edge is crossed so fast that both groups' losses explode together",
                &[("magnitude", "30"), ("pull", "2")],
            ),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let mut random = Random::new(seed, "first direction");
        Ok(OpposingSignals {
            controls: controls.clone(),
            task: Task::new(controls, seed),
            weights: start(controls.train_a, seed),
            direction: (0..Network::SIZE).map(|_| random.normal()).collect(),
            open: None,
            latest: None,
            kept: None,
            lambda: Vec::new(),
            path: Default::default(),
            loss: Default::default(),
            edge: Vec::new(),
            change: Default::default(),
            moved: (0.0, 0.0),
            diverged: false,
        })
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
        let top = self.lambda.iter().fold(f64::NAN, |a, b| a.max(*b));
        let enough = self.edge.len() >= Self::ENOUGH;
        let (up, down) = &self.change;
        let opposed = up.iter().zip(down).filter(|(u, d)| **u * **d < 0.0).count();
        let if_enough = |value: f64| if enough { value } else { f64::NAN };
        let last = |line: &Vec<f64>| line.last().copied().unwrap_or(f64::NAN);
        ground::measures! {
            correlation: if_enough(correlation(up, down)),
            outlier_share: if_enough(self.moved.0 / self.moved.1),
            top: top * self.controls.step_size / 2.0,
            edge_steps: self.edge.len(),
            opposed: if_enough(opposed as f64 / up.len() as f64),
            growth: top / self.lambda.get(1).copied().unwrap_or(f64::NAN),
            final_sharpness: last(&self.lambda),
            final_loss: last(&self.loss[3]),
            finished: if self.over() { 1.0 } else { 0.0 },
            diverged: if self.diverged { 1.0 } else { 0.0 },
        }
    }

    fn results(&self) -> Vec<Array> {
        let lines = [&self.lambda, &self.path.0, &self.path.1, &self.loss[0], &self.loss[1], &self.loss[2]];
        let names = ["sharpness", "norm_a_squared", "c_o", "loss_bulk", "loss_up", "loss_down"];
        let whole = |(line, _): &(&Vec<f64>, &str)| !line.is_empty() && line.iter().all(|v| v.is_finite());
        let (lines, names): (Vec<_>, Vec<_>) = lines.into_iter().zip(names).filter(whole).unzip();
        let steps = self.lambda.len();
        let values = (0..steps).flat_map(|t| lines.iter().map(move |line| line[t])).collect();
        let columns: Vec<String> = names.into_iter().map(String::from).collect();
        let table = Array { name: "training".into(), shape: vec![steps, columns.len()], values, columns };
        if table.values.is_empty() { Vec::new() } else { vec![table] }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (top, correlation, share) = (runs.least("top"), runs.most("correlation"), runs.least("outlier_share"));
        let end = if runs.most("diverged") == 1.0 { " Training blew up." } else { "" };
        let finished = runs.least("finished") == 1.0;
        let undecided = |text: &str| Verdict { holds: None, outside: true, text: text.into(), figure: f64::NAN, threshold: -0.5 };
        if top.is_nan() {
            return undecided("Nothing is measured yet.");
        }
        if top < 1.0 && !finished {
            return Verdict {
                holds: None,
                ..Verdict::at_least(top, 1.0, format!("So far the sharpness came to {top:.2} of the edge 2/η."))
            };
        }
        if top < 1.0 {
            let text = format!("The sharpness came to {top:.2} of 2/η and not to the edge: the effect is not shown.");
            return Verdict::at_least(top, 1.0, text);
        }
        if correlation.is_nan() {
            return undecided(&format!(
                "The edge is reached, with fewer than {} steps at it: too few to tell.{end}",
                Self::ENOUGH
            ));
        }
        let text = format!(
            "At the edge (sharpness up to {top:.2} of 2/η) the two groups' loss changes correlate at {correlation:.2}, and the outliers make {:.0}% of all loss change.{end}",
            100.0 * share
        );
        Verdict::at_most(correlation, -0.5, text).and(share >= 0.9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;

    /// A run to its end.
    fn run(controls: &Controls, seed: u64) -> OpposingSignals {
        let mut run = OpposingSignals::new(controls, seed, &Library::default()).unwrap();
        while !run.advance().finished() {}
        run
    }

    fn measured(controls: &Controls, seed: u64) -> Measures {
        run(controls, seed).measures()
    }

    /// The Hessian, column by column.
    fn dense(weights: &Network, task: &Task) -> DMatrix<f64> {
        let column = |i: usize| {
            let unit: Vec<f64> = (0..Network::SIZE).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
            weights.hessian_times(&weights.with(&unit), &task.moments).flat()
        };
        DMatrix::from_iterator(Network::SIZE, Network::SIZE, (0..Network::SIZE).flat_map(column))
    }

    #[test]
    fn sharpness_matches_the_dense_hessian() {
        for (magnitude, seed) in [(25.0, 0), (23.5, 103), (1.0, 104)] {
            let controls = Controls { magnitude, ..Controls::default() };
            let mut run = OpposingSignals::new(&controls, seed, &Library::default()).unwrap();
            for step in 0..=20 {
                let weights = run.weights.clone();
                run.advance();
                if [0, 1, 20].contains(&step) {
                    let spectrum = dense(&weights, &run.task).symmetric_eigen().eigenvalues;
                    let warm = run.lambda[step] / spectrum.max() - 1.0;
                    assert!(warm.abs() < 2e-3, "A = {magnitude}, step {step}: {warm}");
                    let mut direction = run.direction.clone();
                    let converged = weights.sharpness(&run.task.moments, &mut direction, 5000) / spectrum.max() - 1.0;
                    assert!(converged.abs() < 1e-6, "A = {magnitude}, step {step}: {converged}");
                }
            }
        }
    }

    #[test]
    fn one_layer_has_the_curvature_of_its_closed_form() {
        let controls = Controls { train_a: false, ..Controls::default() };
        for seed in 0..3 {
            let run = run(&controls, seed);
            let s = DMatrix::from_fn(D, D, |j, k| run.task.moments.s[j][k]);
            let closed = dot(&run.weights.a, &run.weights.a) * s.symmetric_eigen().eigenvalues.max();
            assert!(run.lambda.iter().all(|lambda| (lambda / closed - 1.0).abs() < 1e-9), "{closed} {:?}", &run.lambda[..3]);
            assert_eq!(run.weights.a, start(false, seed).a);
            assert!((run.measures().get("growth") - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn ends_at_the_loss_that_the_pull_leaves() {
        for seed in [0, 1, 2, 100, 101] {
            let run = run(&Controls::default(), seed);
            // pb²/2, and a little less: twenty of the pulls' directions are fitted by chance.
            let loss = run.measures().get("final_loss");
            assert!((0.15..=0.16).contains(&loss), "{loss}");
            // Least squares on the points themselves, by another solver.
            let x = DMatrix::from_fn(N, D, |i, j| run.task.x[i][j]);
            let y = DMatrix::from_fn(N, 1, |i, _| run.task.y[i]);
            let best = (x.transpose() * &x).lu().solve(&(x.transpose() * &y)).unwrap();
            let least = (x * best - y).norm_squared() / (2.0 * N as f64);
            assert!((loss - least).abs() < 1e-4, "{loss} and {least}");
        }
    }

    #[test]
    fn the_claim_holds_with_room_on_fresh_seeds() {
        for seed in [0, 1, 2, 100, 101, 102, 103, 104] {
            let run = measured(&Controls::default(), seed);
            assert!(run.get("correlation") < -0.75 && run.get("outlier_share") > 0.96, "{run:?}");
            assert!((1.2..1.4).contains(&run.get("top")) && (25.0..40.0).contains(&run.get("edge_steps")), "{run:?}");
            assert!((7.0..11.0).contains(&run.get("growth")), "{run:?}");
            assert!((18.0..19.0).contains(&run.get("final_sharpness")), "it comes back under 2/η by itself: {run:?}");
        }
    }

    #[test]
    fn the_effect_goes_where_it_must() {
        let judge = |controls: &Controls| {
            let runs: Vec<Measures> = (0..3).map(|seed| measured(controls, seed)).collect();
            let verdict = OpposingSignals::verdict(&runs);
            (runs, verdict.holds)
        };
        let (runs, holds) = judge(&Controls { magnitude: 1.0, ..Controls::default() });
        assert_eq!(holds, Some(false));
        assert!(runs.iter().all(|r| r.get("top") <= 0.3 && r.get("edge_steps") == 0.0), "{runs:?}");
        let (runs, holds) = judge(&Controls { pull: 0.0, ..Controls::default() });
        assert_eq!(holds, Some(false));
        assert!(runs.iter().all(|r| r.get("correlation") >= 0.9 && r.get("top") >= 1.2), "{runs:?}");
        let (runs, holds) = judge(&Controls { step_size: 0.05, ..Controls::default() });
        assert_eq!(holds, Some(false));
        assert!(runs.iter().all(|r| r.get("top") < 0.7 && r.get("growth") > 7.0), "{runs:?}");
        let (runs, holds) = judge(&Controls { magnitude: 30.0, pull: 2.0, ..Controls::default() });
        assert_eq!(holds, Some(false));
        assert!(runs.iter().all(|r| r.get("correlation") > 0.7 && r.get("top") > 2.0), "{runs:?}");
    }

    #[test]
    fn the_list_of_loss_changes_finds_the_outliers_without_labels() {
        let run = run(&Controls::default(), 0);
        let moment = run.shown().unwrap();
        assert!(run.at_edge(moment.step) && moment.step < STEPS / 2);
        let mut order: Vec<usize> = (0..N).collect();
        order.sort_by(|i, j| moment.change[*j].total_cmp(&moment.change[*i]));
        let share = |list: &[usize], group: Group| list.iter().filter(|i| run.task.group[**i] == group).count();
        let (top, bottom) = (&order[..10], &order[N - 10..]);
        let (up, down) = (share(top, Group::Up) + share(bottom, Group::Down), share(top, Group::Down) + share(bottom, Group::Up));
        assert_eq!(up.max(down), 20, "the twenty extremes are the two groups");
        let matrix = run.gradients_matrix();
        let (same, other) = (matrix.values[1], matrix.values[19]);
        assert!(same > 0.9 && other < -0.9, "{same} {other}");
    }

    #[test]
    fn extremes_of_the_controls_end_in_a_sentence() {
        for (magnitude, fraction, pull, step_size, signal) in
            [(35.0, 0.1, 8.0, 0.3, 5.0), (0.0, 0.0, 0.0, 0.01, 0.5), (35.0, 0.02, 4.0, 0.1, 2.0), (25.0, 0.1, 0.0, 0.3, 5.0)]
        {
            let train_a = true;
            let mut run =
                OpposingSignals::new(&Controls { magnitude, fraction, pull, step_size, signal, train_a }, 0, &Library::default())
                    .unwrap();
            (0..6).for_each(|which| drop(run.view(which).encode()));
            while !run.advance().finished() {}
            (0..6).for_each(|which| drop(run.view(which).encode()));
            let verdict = OpposingSignals::verdict(&[run.measures()]);
            assert!(verdict.holds != Some(true) && !verdict.text.contains("NaN"), "{verdict:?}");
        }
    }
}
