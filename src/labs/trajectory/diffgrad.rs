//! Friction where the gradient stops changing: diffGrad beside Adam, and beside Adam at half the rate.
//!
//! Paper: Dubey, Chakraborty, Roy, Mukherjee, Singh, Chaudhuri, 2019. Adam's step is multiplied, coordinate by coordinate, by
//! ξ = 1/(1+exp(−|Δg|)) ∈ [½, 1), Δg the change of the gradient. On F1 from x₁ = −1 with α = 0.1, diffGrad ends in the global
//! minimum −0.3 and Adam overshoots into the local one at 0.2. The control the paper lacks, Adam at α/2 (ξ ≡ ½), does as well.

use libm::{cos, exp, log, sin};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Handle, HeatMap, Ink, Mark, View};
use methods::nn::{Activation, Classification, Network, Start, Tape, accuracy, cross_entropy};
use methods::optimize::{Optimizer, Rule, friction};
use run::data::{Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// What is minimised.
    pub enum Function { F1 => "F1", F2 => "F2", F3 => "F3", Digits => "digits" }
}

ground::choice! {
    /// What diffGrad is held against on the map of starts and rates.
    pub enum Against { Adam => "Adam", Half => "Adam at α/2" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        function: Choice(Function) = Function::F1, "F", "two basins, wiggles, a roof of straight pieces, or a network on digits";
        learning_rate: Log(0.005, 0.5) = 0.1, "α", "larger: both overshoot; smaller: neither does";
        momentum: Real(0.0, 0.99) = 0.95, "β₁", "more: the ball runs on over the hill";
        sharpness: LogZero(0.01, 1e6) = 1.0, "k", "ξ = 1/(1+exp(−k|Δg|)): 0 is exactly Adam at α/2, very large is Adam wherever the gradient changes";
        start: Real(-1.5, 1.0) = -1.0, "x₁", "where the balls are let go; or drag them";
        against: Choice(Against) = Against::Adam, "", "what the map of starts and rates compares diffGrad with";
    }
}

impl Function {
    /// F(x).
    fn value(self, x: f64) -> f64 {
        match self {
            Function::F1 if x <= 0.0 => (x + 0.3) * (x + 0.3),
            Function::F1 => (x - 0.2) * (x - 0.2) + 0.05,
            Function::F2 if x <= -0.9 => -40.0 * x - 35.15,
            Function::F2 => x * x * x + x * sin(8.0 * x) + 0.85,
            Function::F3 if x.abs() > 0.5 || x == -0.5 => x * x,
            Function::F3 if x.abs() > 0.4 || x == -0.4 => 0.75 - x.abs(),
            _ => 7.0 / 8.0 * x.abs(),
        }
    }

    /// F′(x); at a kink the side that the paper's conditions (x ≤ −0.9, x ≤ 0, …) name.
    fn slope(self, x: f64) -> f64 {
        match self {
            Function::F1 if x <= 0.0 => 2.0 * (x + 0.3),
            Function::F1 => 2.0 * (x - 0.2),
            Function::F2 if x <= -0.9 => -40.0,
            Function::F2 => 3.0 * x * x + sin(8.0 * x) + 8.0 * x * cos(8.0 * x),
            _ if x <= -0.5 || x > 0.5 => 2.0 * x,
            _ if x <= -0.4 => 1.0,
            _ if x <= 0.0 => -7.0 / 8.0,
            _ if x <= 0.4 => 7.0 / 8.0,
            _ => -1.0,
        }
    }

    /// The global minimum.
    fn minimum(self) -> f64 {
        match self {
            Function::F1 => -0.3,
            Function::F2 => -0.642_918_598_8,
            Function::F3 | Function::Digits => 0.0,
        }
    }
}

/// The methods side by side; the first is the paper's.
const METHODS: [(&str, Ink); 5] = [
    ("diffGrad", Ink::Series(0)),
    ("Adam", Ink::Series(1)),
    ("Adam at α/2", Ink::Series(2)),
    ("momentum", Ink::Series(3)),
    ("AMSGrad", Ink::Series(4)),
];
const STEPS: usize = 300;
/// Cells a side of the map of starts (−1.5 to 1) and rates (0.01 to 0.5, logarithmic); a row is computed every third step.
const MAP: usize = 100;
const STARTS: (f64, f64) = (-1.5, 1.0);
const RATES: (f64, f64) = (0.01, 0.5);

fn optimizers(controls: &Controls, learning_rate: f64, size: usize) -> [Optimizer<f64>; 5] {
    rules(controls).map(|(rule, share)| Optimizer::new(rule, share * learning_rate, size))
}

/// The rules of [`METHODS`], each with its share of the learning rate.
fn rules(controls: &Controls) -> [(Rule, f64); 5] {
    let (beta1, beta2, epsilon) = (controls.momentum, 0.999, 1e-8);
    let adam = Rule::Adam { beta1, beta2, epsilon };
    [
        (Rule::DiffGrad { beta1, beta2, epsilon, sharpness: controls.sharpness }, 1.0),
        (adam, 1.0),
        (adam, 0.5),
        // Momentum multiplies the step by 1/(1−μ) in the long run; this share takes it back.
        (Rule::Momentum { mu: beta1 }, 1.0 - beta1),
        (Rule::AmsGrad { beta1, beta2, epsilon }, 1.0),
    ]
}

/// A run: balls on a function, or networks on digits.
pub struct DiffGrad {
    controls: Controls,
    on: On,
}

enum On {
    Line(Box<Balls>),
    Digits(Box<Networks>),
}

/// Five balls on a function, and the map of where others end.
struct Balls {
    optimizers: [Optimizer<f64>; 5],
    /// x_t of every method, from t = 1.
    paths: [Vec<f64>; 5],
    /// ξ_t and |Δg_t| of diffGrad.
    friction: Vec<f64>,
    change: Vec<f64>,
    /// F where diffGrad ends minus F where the other ends, rates by starts; NaN where not yet computed.
    map: Vec<f32>,
}

impl Balls {
    fn new(controls: &Controls) -> Self {
        Balls {
            optimizers: optimizers(controls, controls.learning_rate, 1),
            paths: std::array::from_fn(|_| vec![controls.start]),
            friction: Vec::new(),
            change: Vec::new(),
            map: vec![f32::NAN; MAP * MAP],
        }
    }

    fn step(&mut self, controls: &Controls) -> Progress {
        let slope = |x: f64| controls.function.slope(x);
        let path = &self.paths[0];
        let before = if path.len() < 2 { 0.0 } else { slope(path[path.len() - 2]) };
        let change = before - slope(path[path.len() - 1]);
        self.change.push(change.abs());
        self.friction.push(friction(controls.sharpness, change));
        for (optimizer, path) in self.optimizers.iter_mut().zip(&mut self.paths) {
            let x = path[path.len() - 1];
            let mut next = [x];
            optimizer.step(&mut next, &[slope(x)]);
            path.push(next[0]);
        }
        let done = self.friction.len();
        if done.is_multiple_of(3) {
            self.map_row(controls, done / 3 - 1);
        }
        Progress { done, of: STEPS }
    }

    /// Runs every start of the map at the rate of `row`.
    fn map_row(&mut self, controls: &Controls, row: usize) {
        let rate = RATES.0 * exp((row as f64 + 0.5) / MAP as f64 * log(RATES.1 / RATES.0));
        let start = |i: usize| STARTS.0 + (i as f64 + 0.5) / MAP as f64 * (STARTS.1 - STARTS.0);
        let [diffgrad, adam, half, ..] = optimizers(controls, rate, MAP);
        let end = |mut optimizer: Optimizer<f64>| {
            let mut x: Vec<f64> = (0..MAP).map(start).collect();
            let mut g = vec![0.0; MAP];
            for _ in 0..STEPS {
                g.iter_mut().zip(&x).for_each(|(g, x)| *g = controls.function.slope(*x));
                optimizer.step(&mut x, &g);
            }
            x
        };
        let other = end(if controls.against == Against::Adam { adam } else { half });
        for (i, (x, y)) in end(diffgrad).into_iter().zip(other).enumerate() {
            self.map[row * MAP + i] = (controls.function.value(x) - controls.function.value(y)) as f32;
        }
    }
}

/// The first three methods, each on its own copy of a network 64-64-10 (ReLU) on digits, with the same batches.
struct Networks {
    task: Classification,
    networks: [Network; 3],
    optimizers: [Optimizer<f32>; 3],
    random: Random,
    order: Vec<usize>,
    tape: Tape,
    gradient: Vec<f32>,
    /// diffGrad's last gradient, and its ξ of every weight in the last step.
    previous: Vec<f32>,
    xi: Vec<f64>,
    /// Means over the weights of ξ and |Δg|, one a step.
    friction: Vec<f64>,
    change: Vec<f64>,
    /// Mean training loss over the last epoch and test accuracy, one an epoch.
    loss: [Vec<f64>; 3],
    accuracy: [Vec<f64>; 3],
    epoch_loss: [f64; 3],
}

const TRAIN: usize = 1200;
const BATCH: usize = 64;
const BATCHES: usize = TRAIN / BATCH;
const EPOCHS: usize = 20;

impl Networks {
    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let pictures = library.pictures(Dataset::Digits)?;
        let order = Random::new(seed, "split").permutation(pictures.len());
        let task = pictures.classification(&order[..TRAIN], &order[TRAIN..], 16.0);
        let start = Start::Normal { gain: 2.0 };
        let network = Network::new(&[64, 64, 10], Activation::Relu, start, &mut Random::new(seed, "weights"));
        let size = network.theta.len();
        let [a, b, c, ..] = rules(controls);
        Ok(Networks {
            task,
            optimizers: [a, b, c].map(|(rule, share)| Optimizer::new(rule, share * controls.learning_rate / 100.0, size)),
            networks: [network.clone(), network.clone(), network],
            random: Random::new(seed, "batches"),
            order: (0..TRAIN).collect(),
            tape: Tape::default(),
            gradient: vec![0.0; size],
            previous: vec![0.0; size],
            xi: vec![0.5; size],
            friction: Vec::new(),
            change: Vec::new(),
            loss: Default::default(),
            accuracy: Default::default(),
            epoch_loss: [0.0; 3],
        })
    }

    /// One batch for every network.
    fn step(&mut self, controls: &Controls) -> Progress {
        let batch = self.friction.len() % BATCHES;
        if batch == 0 {
            self.random.shuffle(&mut self.order);
            self.epoch_loss = [0.0; 3];
        }
        let (mut x, mut y, mut delta) = (Vec::new(), Vec::new(), Vec::new());
        self.task.batch(&self.order[batch * BATCH..(batch + 1) * BATCH], &mut x, &mut y);
        for (i, (network, optimizer)) in self.networks.iter_mut().zip(&mut self.optimizers).enumerate() {
            network.forward(&x, &mut self.tape);
            self.epoch_loss[i] += f64::from(cross_entropy(self.tape.logits(), &y, &mut delta)) / BATCHES as f64;
            network.backward(&mut self.tape, &delta, &mut self.gradient);
            optimizer.step(&mut network.theta, &self.gradient);
            if i == 0 {
                let mut change = 0.0;
                for ((xi, before), now) in self.xi.iter_mut().zip(&mut self.previous).zip(&self.gradient) {
                    change += f64::from((*before - now).abs());
                    *xi = friction(controls.sharpness, f64::from(*before - now));
                    *before = *now;
                }
                let size = self.xi.len() as f64;
                self.friction.push(self.xi.iter().sum::<f64>() / size);
                self.change.push(change / size);
            }
            if batch + 1 == BATCHES {
                network.forward(&self.task.test_x, &mut self.tape);
                self.accuracy[i].push(accuracy(self.tape.logits(), &self.task.test_y));
                self.loss[i].push(self.epoch_loss[i]);
            }
        }
        Progress { done: self.friction.len(), of: EPOCHS * BATCHES }
    }

    /// One line a method over the epochs.
    fn lines(&self, label: &str, of: &[Vec<f64>; 3]) -> Chart {
        let epochs = |values: &Vec<f64>| (1..=values.len()).map(|e| e as f64).collect();
        let marks = METHODS.iter().zip(of).map(|((name, ink), y)| Mark::line(*name, *ink, epochs(y), y.clone())).collect();
        Chart { x: Axis::linear("epoch").range(1.0, EPOCHS as f64), y: Axis::linear(label), marks, ..Chart::default() }
    }

    /// How often each friction occurs among the weights.
    fn histogram(&self) -> Chart {
        let bins = 50;
        let edges: Vec<f64> = (0..=bins).map(|i| 0.5 + 0.5 * i as f64 / bins as f64).collect();
        let mut share = vec![0.0; bins];
        for xi in &self.xi {
            share[((xi - 0.5) * 2.0 * bins as f64).clamp(0.0, bins as f64 - 1.0) as usize] += 1.0 / self.xi.len() as f64;
        }
        let (x, y) =
            (Axis::linear("friction ξ of a weight").range(0.5, 1.0), Axis::linear("share of the weights").range(0.0, 1.0));
        let marks = vec![Mark::Histogram { name: String::new(), ink: Ink::Series(0), edges, y: share }];
        Chart { x, y, marks, ..Chart::default() }
    }
}

/// ξ and |Δg| against the step.
fn friction_chart(friction: &[f64], change: &[f64], of: usize) -> Chart {
    let steps: Vec<f64> = (1..=friction.len()).map(|t| t as f64).collect();
    Chart {
        x: Axis::linear("iteration").range(0.0, of as f64),
        y: Axis::linear("ξ, and |Δg|").range(0.0, 1.05),
        marks: vec![
            Mark::line("|Δg|", Ink::Muted, steps.clone(), change.to_vec()),
            Mark::line("friction ξ", Ink::Series(0), steps, friction.to_vec()),
            Mark::at_y("½: Adam at α/2", 0.5),
            Mark::at_y("1: Adam", 1.0),
        ],
        ..Chart::default()
    }
}

impl Balls {
    fn function_chart(&self, controls: &Controls) -> Chart {
        let x: Vec<f64> = (0..=600).map(|i| -1.5 + i as f64 / 240.0).collect();
        let y: Vec<f64> = x.iter().map(|x| controls.function.value(*x)).collect();
        let mut marks = vec![Mark::line("", Ink::Muted, x, y)];
        for ((name, ink), path) in METHODS.iter().zip(&self.paths).rev() {
            let now = path[path.len() - 1];
            marks.push(Mark::points(*name, *ink, vec![now], vec![controls.function.value(now)], 13.0));
        }
        let start = (controls.start, controls.function.value(controls.start));
        let top = if controls.function == Function::F2 { 3.0 } else { 1.7 };
        Chart {
            x: Axis::linear("x").range(-1.5, 1.0),
            y: Axis::linear(format!(
                "{}(x)",
                if controls.function == Function::F1 {
                    "F1"
                } else if controls.function == Function::F2 {
                    "F2"
                } else {
                    "F3"
                }
            ))
            .range(-0.15, top),
            marks,
            handle: Some(Handle { name: "start x₁".into(), at: start }),
            ..Chart::default()
        }
    }

    fn paths_chart(&self, controls: &Controls) -> Chart {
        let t: Vec<f64> = (0..self.paths[0].len()).map(|t| t as f64).collect();
        let mut marks = vec![Mark::at_y("global minimum", controls.function.minimum())];
        for ((name, ink), path) in METHODS.iter().zip(&self.paths).rev() {
            marks.push(Mark::line(*name, *ink, t.clone(), path.clone()));
        }
        let x = Axis::linear("iteration").range(0.0, STEPS as f64);
        Chart { x, y: Axis::linear("x").range(-1.5, 1.0), marks, ..Chart::default() }
    }

    fn map_view(&self, controls: &Controls) -> HeatMap {
        let other = if controls.against == Against::Adam { "Adam" } else { "Adam at α/2" };
        HeatMap {
            x: Axis::linear("start x₁").range(STARTS.0, STARTS.1),
            y: Axis::log("learning rate α").range(RATES.0, RATES.1),
            value: Axis::linear(format!("F(diffGrad) − F({other})")).range(-0.3, 0.3).around(0.0),
            columns: MAP,
            values: self.map.clone(),
            handle: Some(Handle { name: "start and rate".into(), at: (controls.start, controls.learning_rate) }),
            ..HeatMap::default()
        }
    }
}

run::views! { DiffGrad, Controls:
    function "The balls" "Who stops in the left valley, and who rolls over the hill? Drag the start." => view_0, dragged: drag_0;
    paths "Where they are" "diffGrad and Adam at α/2 stay together; Adam overshoots." => view_1;
    friction "The friction" "ξ falls to ½ as soon as the gradient stops changing: from then on it is Adam at half the rate." => view_2;
    map "Every start, every rate" "Blue: diffGrad ends lower. Red: the other does. Drag the ring." => view_3, dragged: drag_3;
}

impl DiffGrad {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        Ok(match &mut self.on {
            On::Line(balls) => balls.step(&self.controls),
            On::Digits(networks) => networks.step(&self.controls),
        })
    }

    fn view(&self, which: usize) -> View {
        let controls = &self.controls;
        match (&self.on, which) {
            (On::Line(balls), 0) => View::Chart(balls.function_chart(controls)),
            (On::Line(balls), 1) => View::Chart(balls.paths_chart(controls)),
            (On::Line(balls), 2) => View::Chart(friction_chart(&balls.friction, &balls.change, STEPS)),
            (On::Line(balls), _) => View::HeatMap(balls.map_view(controls)),
            (On::Digits(n), 0) => View::Chart(n.lines("test accuracy", &n.accuracy)),
            (On::Digits(n), 1) => View::Chart(n.lines("training loss (nats)", &n.loss)),
            (On::Digits(n), 2) => View::Chart(friction_chart(&n.friction, &n.change, EPOCHS * BATCHES)),
            (On::Digits(n), _) => View::Chart(n.histogram()),
        }
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        let mut moved = Controls { start: (at.0 * 1000.0).round() / 1000.0, ..controls.clone() };
        moved.start = moved.start.clamp(-1.5, 1.0);
        if which == 3 {
            moved.learning_rate = ((at.1 * 10_000.0).round() / 10_000.0).clamp(0.005, 0.5);
        }
        (matches!(which, 0 | 3) && controls.function != Function::Digits).then_some(moved)
    }

    fn view_0(&self) -> View {
        self.view(0)
    }

    fn drag_0(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        Self::pointer(controls, 0, at)
    }

    fn view_1(&self) -> View {
        self.view(1)
    }

    fn view_2(&self) -> View {
        self.view(2)
    }

    fn view_3(&self) -> View {
        self.view(3)
    }

    fn drag_3(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        Self::pointer(controls, 3, at)
    }
}

impl Experiment for DiffGrad {
    const CARD: Card = Card {
        slug: "diffgrad",
        title: "Friction where the gradient stops changing",
        paper: Paper::new(
            "diffGrad: An Optimization Method for Convolutional Neural Networks",
            "Shiv Ram Dubey, Soumendu Chakraborty, Swalpa Kumar Roy, Snehasis Mukherjee, Satish Kumar Singh, Bidyut Baran Chaudhuri",
            2019,
        ),
        claim: "On F1 from x₁ = −1 at α = 0.1, diffGrad ends within 0.01 of the global minimum −0.3 and Adam within 0.01 of the local one at 0.2.",
        reproduction: Reproduction::InPart,
        honesty: "The paper claims a better optimizer on three functions and on image networks; its cases on F1 and F2 reproduce, but Adam at half the rate does as well there, over the map of starts and rates the advantage is gone, and on digits diffGrad is Adam at half the rate.",
        seeds: 1,
        unit: "iteration",
        presets: &[
            Preset::holds("default", "The paper's setting on F1", &[]),
            Preset::gone("break-it", "At α = 0.05 both end in the global minimum: no advantage", &[("learning_rate", "0.05")]),
            Preset::open(
                "coincidence",
                "F2 at α = 0.1001: the published contrast hangs on Adam's first step landing on the kink",
                &[("function", "F2"), ("learning_rate", "0.1001")],
            ),
            Preset::open("wiggles", "F2 at the paper's setting", &[("function", "F2")]),
            Preset::open("half rate", "The map against Adam at α/2", &[("against", "Adam at α/2")]),
            Preset::open(
                "digits",
                "A network on digits, α = 10⁻³: ξ is ½ almost everywhere",
                &[("function", "digits"), ("momentum", "0.9")],
            ),
        ],
        data: &[Dataset::Digits],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let on = match controls.function {
            Function::Digits => On::Digits(Box::new(Networks::new(controls, seed, library)?)),
            _ => On::Line(Box::new(Balls::new(controls))),
        };
        Ok(DiffGrad { controls: controls.clone(), on })
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
        match &self.on {
            On::Line(balls) => {
                let end = |i: usize| balls.paths[i][balls.paths[i].len() - 1];
                let value = |i: usize| self.controls.function.value(end(i));
                let f1 = self.controls.function == Function::F1;
                ground::measures! {
                    diffgrad_x: end(0), adam_x: end(1), half_rate_x: end(2),
                    diffgrad_f: value(0), adam_f: value(1), half_rate_f: value(2),
                    on_f1: if f1 { 1.0 } else { 0.0 },
                }
            }
            On::Digits(networks) => {
                let last = |values: &Vec<f64>| values.last().copied().unwrap_or(f64::NAN);
                let [diffgrad, adam, half] = &networks.accuracy;
                ground::measures! {
                    diffgrad_accuracy: last(diffgrad), adam_accuracy: last(adam), half_rate_accuracy: last(half),
                    mean_friction: last(&networks.friction), on_f1: 0.0,
                }
            }
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let run = &runs[0];
        if run.get("on_f1") != 1.0 {
            let text = "The measured claim is about F1; what is seen here carries no verdict.";
            return Verdict { holds: None, outside: true, text: text.into(), figure: f64::NAN, threshold: 0.48 };
        }
        let (diffgrad, adam, half) = (run.get("diffgrad_x"), run.get("adam_x"), run.get("half_rate_x"));
        let text = format!("diffGrad ends at {diffgrad:.4}, Adam at {adam:.4}, Adam at half the rate at {half:.4}.");
        Verdict::at_least(adam - diffgrad, 0.48, text).and((diffgrad + 0.3).abs() <= 0.01 && (adam - 0.2).abs() <= 0.01)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the first three methods end.
    fn ends(controls: &Controls) -> [f64; 3] {
        let mut balls = Balls::new(controls);
        while !balls.step(controls).finished() {}
        std::array::from_fn(|i| balls.paths[i][STEPS])
    }

    #[test]
    fn slopes_match_finite_differences() {
        for f in [Function::F1, Function::F2, Function::F3] {
            for i in 0..500 {
                let x = -1.4987 + i as f64 * 0.005;
                let slope = (f.value(x + 1e-6) - f.value(x - 1e-6)) / 2e-6;
                assert!((slope - f.slope(x)).abs() < 1e-7, "{f:?} at {x}: {slope} and {}", f.slope(x));
            }
        }
        let wiggle = Function::F2.slope(Function::F2.minimum());
        assert!(wiggle.abs() < 1e-5, "{wiggle}");
    }

    #[test]
    fn ends_where_the_spec_says() {
        let [diffgrad, adam, half] = ends(&Controls::default());
        assert!((diffgrad + 0.300_026).abs() < 1e-5 && (adam - 0.200_077).abs() < 1e-5 && (half + 0.300_289).abs() < 1e-5);
        let [diffgrad, adam, half] = ends(&Controls { function: Function::F2, ..Controls::default() });
        assert!((diffgrad + 0.643).abs() < 1e-3 && adam.abs() < 1e-3 && (half + 0.643).abs() < 2e-3, "{diffgrad} {adam} {half}");
        let [_, adam, _] = ends(&Controls { function: Function::F2, learning_rate: 0.1001, ..Controls::default() });
        assert!((adam + 0.643).abs() < 2e-3, "{adam}");
    }

    #[test]
    fn without_sharpness_it_is_adam_at_half_the_rate() {
        let [diffgrad, _, half] = ends(&Controls { sharpness: 0.0, ..Controls::default() });
        assert!((diffgrad - half).abs() < 1e-12);
        let [diffgrad, adam, _] = ends(&Controls { sharpness: 1e6, function: Function::F3, ..Controls::default() });
        assert!((diffgrad + 0.0176).abs() < 1e-3 && (adam - 0.0023).abs() < 1e-3, "{diffgrad} {adam}");
    }

    #[test]
    fn the_claim_is_no_lucky_point() {
        for i in 0..=20 {
            let (rate, start) = (0.083 + 0.102 * i as f64 / 20.0, -1.5 + 0.55 * i as f64 / 20.0);
            for controls in [Controls { learning_rate: rate, ..Controls::default() }, Controls { start, ..Controls::default() }] {
                let [diffgrad, adam, _] = ends(&controls);
                assert!(
                    (diffgrad + 0.3).abs() < 0.01 && (adam - 0.2).abs() < 0.01,
                    "α = {rate}, x₁ = {start}: {diffgrad} {adam}"
                );
            }
        }
    }

    #[test]
    fn on_digits_it_is_adam_at_half_the_rate() {
        let controls = Controls { function: Function::Digits, momentum: 0.9, ..Controls::default() };
        let library = Library::shipped(&[Dataset::Digits]);
        for seed in 100..103 {
            let mut networks = Networks::new(&controls, seed, &library).unwrap();
            while !networks.step(&controls).finished() {}
            let [diffgrad, adam, half] = [0, 1, 2].map(|i| networks.accuracy[i][EPOCHS - 1]);
            assert!((diffgrad - half).abs() < 0.01 && adam - diffgrad > 0.01, "{diffgrad} {adam} {half}");
            assert!((networks.friction[EPOCHS * BATCHES - 1] - 0.501).abs() < 0.002);
        }
    }
}
