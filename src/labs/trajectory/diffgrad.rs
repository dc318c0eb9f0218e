//! Friction where the gradient stops changing: diffGrad beside Adam, and beside Adam at half the rate.
//!
//! Paper: Dubey, Chakraborty, Roy, Mukherjee, Singh, Chaudhuri, 2019. Adam's step is multiplied, coordinate by coordinate, by
//! ξ = 1/(1+exp(−|Δg|)) ∈ [½, 1), Δg the change of the gradient. On F1 from x₁ = −1 with α = 0.1, diffGrad ends in the global
//! minimum −0.3 and Adam overshoots into the local one at 0.2. The control the paper lacks, Adam at α/2 (ξ ≡ ½), does as well.

use libm::{exp, log};
use methods::optimize::{Optimizer, Rule, friction};
use run::prelude::*;

mod functions;
mod networks;
use functions::Function;
use networks::Networks;

choice! {
    /// What diffGrad is held against on the map of starts and rates.
    pub enum Against { Adam => "Adam", Half => "Adam at α/2" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        function "problem": Choice(Function) = Function::F1, "F", "What is minimised. F1: two valleys; F2: wiggles; F3: straight pieces; digits: a network learns to read.";
        learning_rate "learning rate": Log(0.005, 0.5) = 0.1, "α", "How long a step is. Small: every ball rests in the first valley that it meets. Large: balls run over the hill.";
        sharpness "sharpness of the friction": LogZero(0.01, 1e6) = 1.0, "k", "How readily friction gives way when the slope changes. 0: always half a step. Large: Adam's full step at any change.";
        start "start": Real(-1.5, 1.0) = -1.0, "x₁", "Where the balls are let go. Far from a valley they gather speed; near it they have none.", when function ["F1", "F2", "F3"];
        momentum: Real(0.0, 0.99) = 0.95, "β₁", "How much of the last step goes on. 0: none, nothing overshoots. Near 1: balls run far over the hill.";
        against "the map compares with": Choice(Against) = Against::Adam, "", "Whose end diffGrad's is held against on the map of starts and rates.", when function ["F1", "F2", "F3"];
    }
}

/// The methods side by side; the first is the paper's.
const METHODS: [Series; 5] = series!["diffGrad" 0, "Adam" 1, "Adam at α/2" 2, "momentum" 3, "AMSGrad" 4];
const STEPS: usize = 300;
/// Cells a side of the map of starts (−1.5 to 1) and rates (0.01 to 0.5, logarithmic).
const MAP: usize = 100;
const STARTS: (f64, f64) = (-1.5, 1.0);
const RATES: (f64, f64) = (0.01, 0.5);
/// Learning rates that the networks are trained with besides.
const NETWORK_RATES: [f64; 6] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03];
/// What the claim says: where the two end, how near to it, and so how far apart at least.
const ENDS: [f64; 2] = [-0.3, 0.2];
const NEAR: f64 = 0.01;
const APART: f64 = 0.48;
/// A ball has found the global minimum if it is as near as this.
const FOUND: f64 = 0.02;

impl Controls {
    /// The rules of [`METHODS`], each with its share of the learning rate.
    fn rules(&self) -> [(Rule, f64); 5] {
        let (beta1, beta2, epsilon) = (self.momentum, 0.999, 1e-8);
        let adam = Rule::Adam { beta1, beta2, epsilon };
        [
            (Rule::DiffGrad { beta1, beta2, epsilon, sharpness: self.sharpness }, 1.0),
            (adam, 1.0),
            (adam, 0.5),
            // Momentum multiplies the step by 1/(1−μ) in the long run; this share takes it back.
            (Rule::Momentum { mu: beta1 }, 1.0 - beta1),
            (Rule::AmsGrad { beta1, beta2, epsilon }, 1.0),
        ]
    }

    /// Which of [`METHODS`] diffGrad is held against on the map.
    fn other(&self) -> usize {
        if self.against == Against::Adam { 1 } else { 2 }
    }
}

/// Five balls on a function, and the map of where others end.
struct Balls {
    optimizers: [Optimizer<f64>; 5],
    /// x_t of every method, and the slope under diffGrad's ball one step earlier.
    x: [f64; 5],
    slope: f64,
    paths: Track<5>,
    /// ξ_t and |Δg_t| of diffGrad.
    friction: Track<2>,
    /// F where diffGrad ends minus F where the other ends, rates by starts; NaN where not yet computed.
    map: Vec<f32>,
}

/// The learning rate of a row of the map.
fn rate_of(row: usize) -> f64 {
    RATES.0 * exp((row as f64 + 0.5) / MAP as f64 * log(RATES.1 / RATES.0))
}

impl Balls {
    fn new(controls: &Controls) -> Self {
        let mut balls = Balls {
            optimizers: controls.rules().map(|(rule, share)| Optimizer::new(rule, share * controls.learning_rate, 1)),
            x: [controls.start; 5],
            slope: 0.0,
            paths: Track::default(),
            friction: Track::default(),
            map: vec![f32::NAN; MAP * MAP],
        };
        balls.paths.note(0, balls.x);
        balls
    }

    fn step(&mut self, controls: &Controls) {
        let slopes = self.x.map(|x| controls.function.slope(x));
        let change = std::mem::replace(&mut self.slope, slopes[0]) - slopes[0];
        for ((optimizer, x), slope) in self.optimizers.iter_mut().zip(&mut self.x).zip(slopes) {
            optimizer.step(std::slice::from_mut(x), &[slope]);
        }
        let t = self.paths.len();
        self.friction.note(t, [friction(controls.sharpness, change), change.abs()]);
        self.paths.note(t, self.x);
    }

    /// Where the first three balls are; at the end, which of them found the global minimum.
    fn sentence(&self, controls: &Controls) -> String {
        let lowest = controls.function.minimum();
        let [diffgrad, adam, half] = [0, 1, 2].map(|k| figure(self.x[k]));
        match self.friction.len() {
            0 => format!("Five balls stand at {diffgrad}; the lowest point is at {}.", figure(lowest)),
            STEPS => {
                let (found, lost): (Vec<usize>, Vec<usize>) = (0..3).partition(|k| (self.x[*k] - lowest).abs() < FOUND);
                let name = |k: usize| METHODS[k].name;
                let (found, more) = match (&found[..], &lost[..]) {
                    ([], _) => ("none of the three is".to_string(), String::new()),
                    ([one], _) => (format!("of these three only {} is", name(*one)), String::new()),
                    ([one, two], [not]) => {
                        (format!("{} and {} are", name(*one), name(*two)), format!(", and {} is not", name(*not)))
                    }
                    _ => ("diffGrad, Adam and Adam at α/2 are all".into(), String::new()),
                };
                format!("After {STEPS} iterations {found} at the lowest point, {}{more}.", figure(lowest))
            }
            step => format!("Iteration {step}: diffGrad is at {diffgrad}, Adam at {adam}, Adam at half the rate at {half}."),
        }
    }

    /// The learning rate of a row of the map, and F where the first three methods end with it.
    fn at_rate(controls: &Controls, row: usize) -> (f64, [f64; 3]) {
        let rate = rate_of(row);
        let mut balls = Balls::new(&Controls { learning_rate: rate, ..controls.clone() });
        (0..STEPS).for_each(|_| balls.step(controls));
        (rate, [0, 1, 2].map(|k| controls.function.value(balls.x[k])))
    }

    /// Runs every start of the map at the rate of `row`.
    fn map_row(&mut self, controls: &Controls, row: usize) {
        let rate = rate_of(row);
        let start = |i: usize| STARTS.0 + (i as f64 + 0.5) / MAP as f64 * (STARTS.1 - STARTS.0);
        let end = |(rule, share): (Rule, f64)| {
            let mut optimizer = Optimizer::new(rule, share * rate, MAP);
            let mut x: Vec<f64> = (0..MAP).map(start).collect();
            for _ in 0..STEPS {
                let slopes: Vec<f64> = x.iter().map(|x| controls.function.slope(*x)).collect();
                optimizer.step(&mut x, &slopes);
            }
            x
        };
        let [diffgrad, other] = [0, controls.other()].map(|method| end(controls.rules()[method]));
        for (cell, (x, y)) in self.map[row * MAP..(row + 1) * MAP].iter_mut().zip(diffgrad.into_iter().zip(other)) {
            *cell = (controls.function.value(x) - controls.function.value(y)) as f32;
        }
    }
}

/// A run: balls on a function, or networks on digits.
pub struct DiffGrad {
    controls: Controls,
    on: On,
    /// Networks still to be trained, with their learning rates.
    others: Vec<(f64, Networks)>,
    /// By learning rate, what the first three methods come to: F where they end, or the test accuracy.
    by_rate: Vec<(f64, [f64; 3])>,
}

enum On {
    Line(Box<Balls>),
    Digits(Box<Networks>),
}

/// A line over the epochs for each of the methods that train networks.
fn over_epochs(label: &str, values: &Track<3>) -> Chart {
    Chart::of(Axis::linear("epoch").range(1.0, networks::EPOCHS as f64), Axis::linear(label))
        .lines(&METHODS[..3], |k| values.points(k))
}

impl Balls {
    fn function(&self, controls: &Controls) -> Chart {
        let Controls { function, start, .. } = *controls;
        let on = |x: f64| (x, function.value(x));
        let top = if function == Function::F2 { 3.0 } else { 1.7 };
        let y = Axis::linear(format!("{function:?}(x)")).range(-0.15, top);
        let chart = Chart::of(Axis::linear("x").range(STARTS.0, STARTS.1), y)
            .line("", Ink::Muted, (0..=600).map(|i| on(-1.5 + i as f64 / 240.0)))
            .handle("start x₁", on(start));
        METHODS.iter().zip(self.x).rev().fold(chart, |chart, (of, x)| chart.dots(of.name, of.ink, 13.0, [on(x)]))
    }

    fn paths(&self, controls: &Controls) -> Chart {
        let x = Axis::linear("iteration").range(0.0, STEPS as f64);
        let chart = Chart::of(x, Axis::linear("x").range(STARTS.0, STARTS.1)).at_y("global minimum", controls.function.minimum());
        METHODS.iter().enumerate().rev().fold(chart, |chart, (k, of)| chart.line(of.name, of.ink, self.paths.points(k)))
    }

    fn map(&self, controls: &Controls) -> HeatMap {
        let value = if controls.against == Against::Adam { "F: diffGrad − Adam" } else { "F: diffGrad − Adam(α/2)" };
        HeatMap {
            x: Axis::linear("start x₁").range(STARTS.0, STARTS.1),
            y: Axis::log("learning rate α").range(RATES.0, RATES.1),
            value: Axis::linear(value).range(-0.3, 0.3).around(0.0),
            columns: MAP,
            values: self.map.clone(),
            handle: Some(Handle { name: "start and rate".into(), at: (controls.start, controls.learning_rate) }),
            ..HeatMap::default()
        }
    }
}

/// How often each friction occurs among the weights.
fn frictions(xi: &[f64]) -> Chart {
    let bins = 50;
    let edges: Vec<f64> = (0..=bins).map(|i| 0.5 + 0.5 * i as f64 / bins as f64).collect();
    let mut share = vec![0.0; bins];
    for friction in xi {
        share[((friction - 0.5) * 2.0 * bins as f64).clamp(0.0, bins as f64 - 1.0) as usize] += 1.0 / xi.len() as f64;
    }
    let x = Axis::linear("friction ξ of a weight").range(0.5, 1.0);
    Chart::of(x, Axis::linear("share of the weights").range(0.0, 1.0)).histogram("", Ink::Series(0), (edges, share))
}

/// The views: of balls, or of networks.
impl DiffGrad {
    fn function(&self) -> Chart {
        match &self.on {
            On::Line(balls) => balls.function(&self.controls),
            On::Digits(networks) => over_epochs("test accuracy", &networks.accuracy),
        }
    }

    fn paths(&self) -> Chart {
        match &self.on {
            On::Line(balls) => balls.paths(&self.controls),
            On::Digits(networks) => over_epochs("training loss (nats)", &networks.loss),
        }
    }

    fn friction(&self) -> Chart {
        let (friction, of) = match &self.on {
            On::Line(balls) => (&balls.friction, STEPS),
            On::Digits(networks) => (&networks.friction, networks::STEPS),
        };
        Chart::of(Axis::linear("iteration").range(0.0, of as f64), Axis::linear("ξ and |Δg|").range(0.0, 1.05))
            .line("|Δg|", Ink::Muted, friction.points(1))
            .line("friction ξ", METHODS[0].ink, friction.points(0))
            .at_y("½: Adam at α/2", 0.5)
            .at_y("1: Adam", 1.0)
    }

    fn rates(&self) -> Chart {
        let (x, y) = match &self.on {
            On::Line(_) => (RATES, format!("{:?} at the end", self.controls.function)),
            On::Digits(_) => ((NETWORK_RATES[0], NETWORK_RATES[5]), "test accuracy at the end".to_string()),
        };
        Chart::of(Axis::log("learning rate α").range(x.0, x.1), Axis::linear(y))
            .lines(&METHODS[..3], |k| self.by_rate.iter().map(move |(rate, ends)| (*rate, ends[k])))
    }

    fn map(&self) -> View {
        match &self.on {
            On::Line(balls) => balls.map(&self.controls).into(),
            On::Digits(networks) => frictions(&networks.xi).into(),
        }
    }

    fn start(controls: &Controls, (x, _): (f64, f64)) -> Option<Controls> {
        let start = ((x * 1000.0).round() / 1000.0).clamp(-1.5, 1.0);
        (controls.function != Function::Digits).then(|| Controls { start, ..controls.clone() })
    }

    fn start_and_rate(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        let learning_rate = ((at.1 * 10_000.0).round() / 10_000.0).clamp(0.005, 0.5);
        Self::start(controls, at).map(|moved| Controls { learning_rate, ..moved })
    }
}

views! { DiffGrad, Controls:
    function "The balls" "A ball is an optimizer; drag their start. On digits: how many test pictures each gets right, by epoch." => function, dragged: start;
    paths "The way there" "Where each ball is at each iteration, beside the lowest point. On digits: the training loss, by epoch." => paths;
    friction "The friction" "The share of Adam's step that diffGrad takes, and how much the gradient has just changed." => friction;
    map "Every start, every rate" "Below zero, diffGrad ends lower than the other. Drag the ring. On digits: how often each friction occurs." => map, dragged: start_and_rate;
    rates "Each at its own rate" "Where each method ends, by its learning rate: F for a ball, test accuracy for a network." => rates;
}

impl Experiment for DiffGrad {
    const CARD: Card = Card {
        slug: "diffgrad",
        title: "Can half a step beat Adam?",
        paper: Paper::new(
            "diffGrad: An Optimization Method for Convolutional Neural Networks",
            "Shiv Ram Dubey, Soumendu Chakraborty, Swalpa Kumar Roy, Snehasis Mukherjee, Satish Kumar Singh, Bidyut Baran Chaudhuri",
            2019,
        )
        .venue("IEEE Transactions on Neural Networks and Learning Systems 2020")
        .arxiv("1909.11015"),
        claim: "Let go on the same slope, diffGrad stops in the deeper valley, and Adam rolls over the hill.",
        criterion: "On F1 from x₁ = −1 at α = 0.1 and β₁ = 0.95, after 300 iterations: diffGrad within 0.01 of the global minimum −0.3, Adam within 0.01 of the local minimum 0.2, and so at least 0.48 between them. Nothing is random: one run is all.",
        figure: "Adam's end point minus diffGrad's, in x",
        reproduction: Reproduction::InPart,
        honesty: "The paper's cases F1 and F2 reproduce, but Adam at half the rate does as well there, and over all starts and rates nothing is gained. On digits diffGrad is Adam at half the rate, and no better when each has the best of six rates; the paper's image networks are not run.",
        seeds: 1,
        unit: "iteration",
        presets: &[
            Preset::holds("default", "The paper's setting on the two valleys of F1: where do balls stop?", &[]),
            Preset::gone("break-it", "Adam's longer step is taken away by half the rate: where do balls stop?", &[("learning_rate", "0.05")]),
            Preset::outside(
                "coincidence",
                "F2, at a rate a thousandth above the paper's: where do balls stop?",
                &[("function", "F2"), ("learning_rate", "0.1001")],
            ),
            Preset::outside("wiggles", "The paper's setting on the wiggles of F2: where do balls stop?", &[("function", "F2")]),
            Preset::holds("half rate", "The map compares with Adam at half the rate: look for differences", &[("against", "Adam at α/2")]),
            Preset::outside(
                "digits",
                "A network on digits, with the usual momentum: look at the friction",
                &[("function", "digits"), ("momentum", "0.9")],
            ),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let [a, b, c, ..] = controls.rules();
        let networks = |rate: f64| Networks::new([a, b, c].map(|(rule, share)| (rule, share * rate)), seed, library);
        let (mut on, mut others) = (On::Line(Box::new(Balls::new(controls))), Vec::new());
        if controls.function == Function::Digits {
            on = On::Digits(Box::new(networks(controls.learning_rate / 100.0)?));
            for rate in NETWORK_RATES {
                others.push((rate, networks(rate)?));
            }
        }
        Ok(DiffGrad { controls: controls.clone(), on, others, by_rate: Vec::new() })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let steps = if let On::Digits(_) = self.on { networks::STEPS } else { STEPS };
        stage.span(0..steps);
        for _ in 0..steps {
            match &mut self.on {
                On::Line(balls) => balls.step(&self.controls),
                On::Digits(networks) => networks.step(self.controls.sharpness),
            }
            self = stage.next(self).await;
        }
        stage.judged();
        for row in 0..MAP {
            let On::Line(balls) = &mut self.on else { break };
            balls.map_row(&self.controls, row);
            self.by_rate.push(Balls::at_rate(&self.controls, row));
            self = stage.part(self).await;
        }
        for (rate, mut networks) in std::mem::take(&mut self.others) {
            for _ in 0..networks::STEPS {
                networks.step(self.controls.sharpness);
                self = stage.part(self).await;
            }
            self.by_rate.push((rate, [0, 1, 2].map(|k| networks.accuracy.last(k))));
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        match &self.on {
            On::Line(balls) => {
                let known = |value: f64| if balls.friction.len() == STEPS { value } else { f64::NAN };
                let end = |k: usize| known(balls.x[k]);
                let value = |k: usize| known(self.controls.function.value(balls.x[k]));
                measures! {
                    diffgrad_x: end(0), adam_x: end(1), half_rate_x: end(2),
                    diffgrad_f: value(0), adam_f: value(1), half_rate_f: value(2),
                }
            }
            On::Digits(networks) => {
                let [diffgrad, adam, half] = [0, 1, 2].map(|k| networks.accuracy.last(k));
                let whole = self.by_rate.len() == NETWORK_RATES.len();
                let best =
                    |k: usize| if whole { self.by_rate.iter().fold(0.0, |best, (_, of)| of[k].max(best)) } else { f64::NAN };
                measures! {
                    diffgrad_accuracy: diffgrad, adam_accuracy: adam, half_rate_accuracy: half,
                    diffgrad_best: best(0), adam_best: best(1),
                    mean_friction: networks.friction.last(0),
                }
            }
        }
    }

    fn sentence(&self) -> String {
        match &self.on {
            On::Line(balls) => balls.sentence(&self.controls),
            On::Digits(networks) if networks.accuracy.is_empty() => "Training has begun; nothing is measured yet.".into(),
            On::Digits(networks) => {
                let [diffgrad, adam, half] = [0, 1, 2].map(|k| percent(networks.accuracy.last(k)));
                let epoch = networks.accuracy.len();
                format!(
                    "Epoch {epoch}: diffGrad reads {diffgrad} of the test digits rightly, Adam {adam}, Adam at half the rate {half}."
                )
            }
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if controls.function != Function::F1 {
            return Verdict::outside("The measured claim is about F1; what is seen here carries no verdict.");
        }
        let [diffgrad, adam, half] = ["diffgrad_x", "adam_x", "half_rate_x"].map(|name| runs.mean(name));
        let [first, second, third] = [diffgrad, adam, half].map(figure);
        let text = format!("diffGrad ends at {first}, Adam at {second}, Adam at half the rate at {third}.");
        Verdict::at_least(adam - diffgrad, APART, text)
            .needs(at_most((diffgrad - ENDS[0]).abs(), NEAR))
            .needs(at_most((adam - ENDS[1]).abs(), NEAR))
            .rival(METHODS[2].name, adam - half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{finished, judged, preset};

    /// Where the first three methods end.
    fn ends(controls: &Controls) -> [f64; 3] {
        let mut balls = Balls::new(controls);
        (0..STEPS).for_each(|_| balls.step(controls));
        [balls.x[0], balls.x[1], balls.x[2]]
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
        let controls = preset::<DiffGrad>("digits");
        for seed in 100..103 {
            let measures = judged::<DiffGrad>(&controls, seed).measures();
            let [diffgrad, adam, half] =
                ["diffgrad_accuracy", "adam_accuracy", "half_rate_accuracy"].map(|name| measures.get(name));
            assert!((diffgrad - half).abs() < 0.01 && adam - diffgrad > 0.01, "{diffgrad} {adam} {half}");
            assert!((measures.get("mean_friction") - 0.501).abs() < 0.002);
        }
    }

    /// With the best of six rates each.
    #[test]
    fn on_digits_at_its_best_rate_it_is_no_better_than_adam() {
        let runs = Runs((100..103).map(|seed| finished::<DiffGrad>(&preset::<DiffGrad>("digits"), seed).measures()).collect());
        let [diffgrad, adam] = ["diffgrad_best", "adam_best"].map(|name| runs.mean(name));
        assert!((diffgrad - adam).abs() < 0.01 && adam > 0.95, "{diffgrad} {adam}");
    }

    /// What the card says beside the claim.
    #[test]
    fn half_the_rate_does_as_well() {
        let controls = Controls::default();
        let verdict = DiffGrad::verdict(&controls, &Runs(vec![judged::<DiffGrad>(&controls, 0).measures()]));
        assert_eq!((verdict.holds, verdict.rivals[0].meets), (Some(true), Some(true)), "{verdict:?}");
    }
}
