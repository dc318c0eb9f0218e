//! Nets that squeeze information out of a noisy code, and how well what is left tells their generalization gaps.
//!
//! Paper: Kawaguchi, Deng, Ji & Huang, 2023: with high probability the gap Δ is at most G₃ √((I(X;Z|Y) + I(φ;S) + G₂)/n) + G₁/√n in nats.
//! A population of variational bottlenecks, one for each weight β of the squeeze and each width w, learns n noisy points. Measured: ρ, the
//! rank correlation of Î(X;Z|Y) with Δ = test − training cross-entropy, and G, the gap at β = 0 minus that at the largest β.

use libm::{cos, log, sin};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Ink, Mark, View};
use methods::information::codes::Codes;
use methods::information::mutual_information;
use methods::optimize::{Optimizer, Rule};
use methods::statistics::rank_correlation;
use methods::variational_bottleneck::{Room, Sample, VariationalBottleneck};
use run::data::Library;
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// The widths in the population.
    pub enum Widths { All => "16, 32, 64", Narrow => "16" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        points: LogCount(30, 2000) = 100, "n", "training points: with thousands of them the gap closes, squeezed or not";
        label_noise: Real(0.0, 0.4) = 0.15, "p", "share of the labels that are flipped: what can only be learned by heart";
        noise_coordinates: Count(0, 32) = 8, "", "inputs that say nothing: room for more information that is of no use";
        latent: Count(1, 16) = 4, "q", "dimensions of the code z";
        largest_beta: Log(0.01, 1.0) = 0.3, "β", "the strongest squeeze; the others scale with it";
        widths: Choice(Widths) = Widths::All, "w", "widths of the hidden layers; with one only, the number of parameters says nothing";
        steps: LogCount(100, 2000) = 600, "", "training steps: the longer, the more is learned by heart";
    }
}

/// The squeezes, as shares of the largest.
const BETAS: [f64; 8] = [0.0, 1.0 / 3000.0, 1.0 / 300.0, 0.01, 1.0 / 30.0, 0.1, 1.0 / 3.0, 1.0];
const CLASSES: usize = 2;
/// m, the fresh points.
const TEST: usize = 1000;
/// Draws of ε a fresh point in the information of a finished net, and of ε for all points in its losses.
const DRAWS: usize = 4;
const LOSS_DRAWS: usize = 20;
/// While it trains, a net is judged by that many fresh points and draws.
const QUICK: usize = 100;
const QUICK_DRAWS: usize = 3;
/// Points that pass a net at a time, codes weighed in a slice, and what a slice may cost in points × parameters.
const CHUNK: usize = 400;
const CODES: usize = 250;
const WORK: usize = 1_500_000;

/// `points` of six heaps on a hexagon, classes alternating, with flipped labels and noise coordinates.
fn draw(points: usize, controls: &Controls, random: &mut Random) -> Sample {
    let features = 2 + controls.noise_coordinates;
    let mut rows: Vec<(Vec<f32>, u8)> = (0..points)
        .map(|_| {
            let heap = random.below(6);
            let angle = std::f64::consts::TAU * heap as f64 / 6.0;
            let mut x = vec![2.0 * cos(angle) + 0.5 * random.normal(), 2.0 * sin(angle) + 0.5 * random.normal()];
            x.extend((2..features).map(|_| random.normal()));
            let flipped = random.uniform() < controls.label_noise;
            (x.into_iter().map(|x| x as f32).collect(), (heap % CLASSES) as u8 ^ u8::from(flipped))
        })
        .collect();
    // Class by class, as Codes wants them; a full batch has no order.
    rows.sort_by_key(|(_, y)| *y);
    let x = (0..features).flat_map(|j| rows.iter().map(move |(x, _)| x[j])).collect();
    Sample { x, y: rows.iter().map(|(_, y)| *y).collect() }
}

fn normals(count: usize, random: &mut Random) -> Vec<f32> {
    (0..count).map(|_| random.normal() as f32).collect()
}

/// What is known of a net after so many steps; losses are cross-entropies in nats.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    step: usize,
    /// Î(X;Z|Y) and Î(X;Z).
    unnecessary: f64,
    total: f64,
    train: f64,
    test: f64,
    /// How often points of each class got each label, classes × labels: shares of the training and of the fresh points.
    decided: [[f64; CLASSES * CLASSES]; 2],
}

impl Reading {
    /// The share of wrong labels among the training (0) or fresh (1) points.
    fn error(&self, which: usize) -> f64 {
        let [_, a, b, _] = self.decided[which];
        a + b
    }

    /// I(Y;Ŷ) in nats, of the decision Ŷ on fresh points: at most what the code says of the label.
    fn about_label(&self) -> f64 {
        mutual_information(&self.decided[1], CLASSES) * std::f64::consts::LN_2
    }
}

/// A net of the population.
struct Net {
    /// Its place in [`BETAS`].
    squeeze: usize,
    width: usize,
    model: VariationalBottleneck,
    optimizers: [Optimizer<f32>; 2],
    gradients: [Vec<f32>; 2],
    readings: Vec<Reading>,
}

impl Net {
    fn new(squeeze: usize, width: usize, controls: &Controls, random: &mut Random) -> Self {
        let inputs = 2 + controls.noise_coordinates;
        let model = VariationalBottleneck::new(inputs, &[width, width], controls.latent, CLASSES, random);
        let adam = Rule::ADAM;
        let sizes = [model.encoder.theta.len(), model.decoder.theta.len()];
        Net {
            squeeze,
            width,
            model,
            optimizers: sizes.map(|size| Optimizer::new(adam, 3e-3, size)),
            gradients: sizes.map(|size| vec![0.0; size]),
            readings: Vec::new(),
        }
    }

    /// One step of Adam by the gradient gathered, which starts anew.
    fn step(&mut self) {
        let [encoder, decoder] = &mut self.optimizers;
        encoder.step(&mut self.model.encoder.theta, &self.gradients[0]);
        decoder.step(&mut self.model.decoder.theta, &self.gradients[1]);
        self.gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
    }

    /// The last reading.
    fn now(&self) -> Reading {
        self.readings.last().copied().unwrap_or_default()
    }

    /// Δ, in nats.
    fn gap(&self) -> f64 {
        self.now().test - self.now().train
    }

    /// Σ w² and Π_l ‖W_l‖².
    fn norms(&self) -> (f64, f64) {
        let squares = self.model.squared_weights();
        (squares.iter().sum(), squares.iter().product())
    }
}

/// A reading in the making.
struct Scoring {
    codes: Codes,
    reading: Reading,
    /// Draws for the losses done and still to do; the same for points × draws weighed.
    losses: (usize, usize),
    weighed: (usize, usize),
}

/// What the next slice does.
enum Stage {
    /// Trains net `net` from point `from` on.
    Training {
        net: usize,
        from: usize,
    },
    /// Judges net `net`.
    Judging {
        net: usize,
        scoring: Option<Box<Scoring>>,
    },
    Over,
}

/// A run: the population in training.
pub struct InformationBottleneckBounds {
    controls: Controls,
    /// The points to train on, and fresh ones.
    samples: [Sample; 2],
    rooms: [Room; 2],
    nets: Vec<Net>,
    random: Random,
    scores: Random,
    /// ε of this step, the same for all nets.
    noise: Vec<f32>,
    step: usize,
    /// Step of the next readings.
    next: usize,
    stage: Stage,
}

impl InformationBottleneckBounds {
    /// Trains until the slice is full or all nets have made the step.
    fn train(&mut self, mut net: usize, mut from: usize) -> Stage {
        let (points, mut work) = (self.controls.points, 0);
        if (net, from) == (0, 0) {
            self.noise = normals(self.controls.latent * points, &mut self.random);
        }
        while work < WORK {
            let Some(now) = self.nets.get_mut(net) else {
                self.step += 1;
                let due = self.step >= self.next || self.step == self.controls.steps;
                return if due { Stage::Judging { net: 0, scoring: None } } else { Stage::Training { net: 0, from: 0 } };
            };
            let to = points.min(from + CHUNK);
            let beta = self.controls.largest_beta * BETAS[now.squeeze];
            let [encoder, decoder] = &mut now.gradients;
            now.model.gradient(&self.samples[0], from..to, &self.noise, beta, &mut self.rooms[0], [encoder, decoder]);
            work += (to - from) * now.model.parameters();
            from = to;
            if from == points {
                now.step();
                (net, from) = (net + 1, 0);
            }
        }
        Stage::Training { net, from }
    }

    /// Encodes all points with net `net`, to be judged thoroughly when training is over, else quickly.
    fn begin(&mut self, net: usize) -> Scoring {
        let model = &self.nets[net].model;
        for (sample, room) in self.samples.iter().zip(&mut self.rooms) {
            model.encode(sample, 0..sample.y.len(), room);
        }
        let room = &self.rooms[1];
        let all = |of: &dyn Fn(usize) -> Vec<f32>| (0..model.latent()).flat_map(of).collect::<Vec<f32>>();
        let split = self.samples[1].y.partition_point(|y| *y == 0);
        let codes = Codes::new(all(&|k| room.mean(k).to_vec()), all(&|k| room.deviation(k).to_vec()), &[split, TEST - split]);
        let over = self.step == self.controls.steps;
        Scoring {
            codes,
            reading: Reading { step: self.step, ..Reading::default() },
            losses: (0, if over { LOSS_DRAWS } else { QUICK_DRAWS }),
            weighed: (0, if over { DRAWS * TEST } else { QUICK }),
        }
    }

    /// Judges net `net` a slice further; whether that was all.
    fn score(&mut self, net: usize, scoring: &mut Scoring) -> bool {
        let latent = self.controls.latent;
        let (done, draws) = &mut scoring.losses;
        if *done < *draws {
            let reading = &mut scoring.reading;
            let mut judged = |which: usize, reading: &mut Reading| {
                let sample = &self.samples[which];
                let (points, mut decided) = (sample.y.len(), [0.0; CLASSES * CLASSES]);
                let noise = normals(latent * points, &mut self.scores);
                let loss = self.nets[net].model.losses(sample, 0..points, &noise, &mut self.rooms[which], &mut decided);
                let share = 1.0 / (points * *draws) as f64;
                reading.decided[which].iter_mut().zip(decided).for_each(|(sum, count)| *sum += share * count);
                share * loss
            };
            (reading.train, reading.test) = (reading.train + judged(0, reading), reading.test + judged(1, reading));
            *done += 1;
            return false;
        }
        let (done, all) = scoring.weighed;
        let to = all.min(done + CODES);
        for i in done..to {
            let surprise = scoring.codes.surprise(i * TEST / all, (0..latent).map(|_| self.scores.normal() as f32));
            scoring.reading.unnecessary += surprise.within / all as f64;
            scoring.reading.total += surprise.whole / all as f64;
        }
        scoring.weighed.0 = to;
        to == all
    }

    /// What every net says by `of`.
    fn all(&self, of: impl Fn(&Net) -> f64) -> Vec<f64> {
        self.nets.iter().map(of).collect()
    }

    /// ρ of a predictor with the gap, over the nets with readings for which `of` is true.
    fn rank(&self, predictor: impl Fn(&Net) -> f64, of: impl Fn(&Net) -> bool) -> f64 {
        let nets: Vec<&Net> = self.nets.iter().filter(|net| of(net) && !net.readings.is_empty()).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = nets.iter().map(|net| (predictor(net), net.gap())).unzip();
        rank_correlation(&x, &y)
    }

    /// The predictors by name, with their ρ.
    fn ranks(&self) -> [(&'static str, f64); 6] {
        let (any, norm) = (|_: &Net| true, |net: &Net| net.norms().0);
        let mut widths = self.all(|net| net.width as f64);
        widths.dedup();
        let one_width: f64 = widths.iter().map(|w| self.rank(norm, |net| net.width as f64 == *w)).sum();
        [
            ("I(X;Z|Y)", self.rank(|net| net.now().unnecessary, any)),
            ("I(X;Z)", self.rank(|net| net.now().total, any)),
            ("net size P", self.rank(|net| net.model.parameters() as f64, any)),
            ("Σ w²", self.rank(norm, any)),
            ("Π ‖W‖²", self.rank(|net| net.norms().1, any)),
            ("Σ w² at one width", one_width / widths.len() as f64),
        ]
    }

    /// Mean of `of` over the nets with that squeeze; NaN until all have been judged.
    fn at(&self, squeeze: usize, of: impl Fn(&Net) -> f64) -> f64 {
        let nets = || self.nets.iter().filter(|net| net.squeeze == squeeze);
        let judged = nets().all(|net| !net.readings.is_empty());
        if judged { nets().map(of).sum::<f64>() / nets().count() as f64 } else { f64::NAN }
    }

    /// c of the gap ≈ c √(I/n), by least squares.
    fn scale(&self) -> f64 {
        let root = |net: &Net| (net.now().unnecessary.max(0.0) / self.controls.points as f64).sqrt();
        let (mut products, mut squares) = (0.0, 0.0);
        for net in &self.nets {
            products += net.gap() * root(net);
            squares += root(net) * root(net);
        }
        products / squares
    }
}

/// A squeeze's colour.
fn ink(squeeze: usize) -> Ink {
    Ink::Ramp(squeeze as f32 / (BETAS.len() - 1) as f32)
}

impl InformationBottleneckBounds {
    /// The name of a squeeze in a legend; only both ends and, `with_middle`, one between have one.
    fn name(&self, squeeze: usize, with_middle: bool) -> String {
        match squeeze {
            0 => "β = 0".into(),
            4 if with_middle => format!("β = {}", (1e4 * self.controls.largest_beta * BETAS[4]).round() / 1e4),
            7 => format!("β = {}", self.controls.largest_beta),
            _ => String::new(),
        }
    }

    /// Mean over the classes of ln m_y: the most that the estimate can be.
    fn most(&self) -> f64 {
        let ones = self.samples[1].y.iter().filter(|y| **y == 1).count() as f64 / TEST as f64;
        [ones, 1.0 - ones].into_iter().filter(|p| *p > 0.0).map(|p| p * log(p * TEST as f64)).sum()
    }

    fn scatter(&self) -> Chart {
        let most = self.most();
        let mut marks = Vec::new();
        let (scale, top) = (self.scale(), self.all(Net::gap).into_iter().fold(0.0, f64::max));
        if scale.is_finite() {
            let x: Vec<f64> = (0..=60).map(|i| most * f64::from(i) / 60.0).collect();
            let y = x.iter().map(|x| scale * (x / self.controls.points as f64).sqrt()).collect();
            marks.push(Mark::dashed(format!("c √(I/n), c = {scale:.1} fitted"), Ink::Muted, x, y));
        }
        for net in self.nets.iter().filter(|net| !net.readings.is_empty()) {
            let (name, size) = (if net.width == 16 { self.name(net.squeeze, true) } else { String::new() }, net.width as f64);
            let size = 3.0 + 1.25 * size.sqrt();
            marks.push(Mark::points(name, ink(net.squeeze), vec![net.now().unnecessary], vec![net.gap()], size));
        }
        let rho = self.ranks()[0].1;
        if rho.is_finite() {
            marks.push(Mark::Label { text: format!("rank correlation ρ = {rho:.2}"), at: (0.22 * most, top), ink: Ink::Text });
        }
        marks.push(Mark::at_x("ln m: no more can be seen", most));
        Chart {
            x: Axis::linear("I(X;Z|Y), what the code keeps beyond the label").unit("nats").range(0.0, most + 0.3),
            y: Axis::linear("gap Δ, test loss minus training loss").unit("nats"),
            marks,
            ..Chart::default()
        }
    }

    fn predictors(&self) -> Chart {
        let known: Vec<(&str, f64)> = self.ranks().into_iter().filter(|(_, rho)| rho.is_finite()).collect();
        let labels = known.iter().map(|(name, _)| name.to_string()).collect();
        let bars = Mark::Bars { name: String::new(), ink: Ink::Series(0), labels, y: known.iter().map(|k| k.1).collect() };
        let y = Axis::linear("rank correlation ρ with the gap").range(-1.0, 1.0);
        Chart { y, marks: vec![bars, Mark::at_y("", 0.0)], ..Chart::default() }
    }

    fn plane(&self) -> Chart {
        let mut marks = Vec::new();
        for net in &self.nets {
            let (x, y): (Vec<f64>, Vec<f64>) = net.readings.iter().map(|r| (r.total, r.about_label())).unzip();
            let name = if net.width == 16 { self.name(net.squeeze, true) } else { String::new() };
            if let (Some(last), Some(about)) = (x.last(), y.last()) {
                marks.push(Mark::points("", ink(net.squeeze), vec![*last], vec![*about], 7.0));
            }
            marks.push(Mark::line(name, ink(net.squeeze), x, y));
        }
        marks.push(Mark::at_y("ln 2", std::f64::consts::LN_2));
        Chart {
            x: Axis::linear("I(X;Z), what the code keeps of the input").unit("nats").range(0.0, log(TEST as f64)),
            y: Axis::linear("I(Y;Ŷ), what decisions by it say of the label").unit("nats").range(0.0, 0.75),
            marks,
            ..Chart::default()
        }
    }

    fn losses(&self) -> Chart {
        let mut marks = Vec::new();
        for squeeze in [0, 4, 7] {
            let nets: Vec<&Net> = self.nets.iter().filter(|net| net.squeeze == squeeze).collect();
            let known = nets.iter().map(|net| net.readings.len()).min().unwrap_or(0);
            let steps: Vec<f64> = nets[0].readings[..known].iter().map(|r| r.step as f64).collect();
            let mean = |of: fn(&Reading) -> f64| -> Vec<f64> {
                (0..known).map(|i| nets.iter().map(|net| of(&net.readings[i])).sum::<f64>() / nets.len() as f64).collect()
            };
            marks.push(Mark::dashed("", ink(squeeze), steps.clone(), mean(|r| r.train)));
            marks.push(Mark::line(self.name(squeeze, true), ink(squeeze), steps, mean(|r| r.test)));
        }
        let (x, y) = (
            Axis::linear("step").range(0.0, self.controls.steps as f64),
            Axis::linear("cross-entropy of fresh points; dashed: of training points").unit("nats"),
        );
        Chart { x, y, marks, ..Chart::default() }
    }
}

run::views! { InformationBottleneckBounds, Controls:
    squeeze "Information and the gap" "One dot a net, larger ones wider. The less a code keeps beyond the label, the smaller the gap." => scatter;
    predictors "What ranks the gaps" "1 is a perfect ranking, 0 is none. Look at Σ w²: useless over all nets, good among nets of one width." => predictors;
    plane "The population in the information plane" "Right is what a code keeps, up is what it is good for: without flips and noise nets climb, by default none does." => plane;
    losses "Losses while they train" "Without a squeeze the loss of fresh points climbs while that of training points (dashed) falls." => losses;
}

impl InformationBottleneckBounds {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Training { net, from } => self.train(net, from),
            Stage::Judging { net, scoring: None } => Stage::Judging { net, scoring: Some(Box::new(self.begin(net))) },
            Stage::Judging { net, scoring: Some(mut scoring) } => {
                if !self.score(net, &mut scoring) {
                    Stage::Judging { net, scoring: Some(scoring) }
                } else {
                    self.nets[net].readings.push(scoring.reading);
                    if net + 1 < self.nets.len() {
                        Stage::Judging { net: net + 1, scoring: None }
                    } else if self.step == self.controls.steps {
                        Stage::Over
                    } else {
                        self.next = (self.step + 10).max(self.step * 5 / 4);
                        Stage::Training { net: 0, from: 0 }
                    }
                }
            }
            Stage::Over => Stage::Over,
        };
        let judged = self.step < self.controls.steps || matches!(self.stage, Stage::Over);
        Ok(Progress { done: self.step - usize::from(!judged), of: self.controls.steps })
    }
}

impl Experiment for InformationBottleneckBounds {
    const CARD: Card = Card {
        slug: "information-bottleneck-bounds",
        title: "Does squeezing out useless information predict generalization?",
        paper: Paper::new(
            "How Does Information Bottleneck Help Deep Learning?",
            "Kenji Kawaguchi, Zhun Deng, Xu Ji, Jiaoyang Huang",
            2023,
        ),
        claim: "Over 24 nets the information that the code keeps beyond the label ranks the generalization gaps (ρ at least 0.7), better than the number of parameters by at least 0.6, and the strongest squeeze makes the gap at least 1 nat smaller.",
        reproduction: Reproduction::InPart,
        honesty: "The paper bounds the gap by I(X;Z|Y) and a term for the encoder, and finds that together they rank nets best; here I(X;Z|Y) ranks them well, but so does I(X;Z), and Σ w² among nets of one width; the encoder's term and the bound's constants are not measured, and the squeeze makes nets less sure, not more often right.",
        seeds: 3,
        unit: "step",
        presets: &[
            Preset::holds("default", "100 points, 15 % flipped labels, eight coordinates of noise", &[]),
            Preset::gone(
                "break-it",
                "True labels and no noise coordinates: nothing useless to keep, little to gain",
                &[("label_noise", "0"), ("noise_coordinates", "0")],
            ),
            Preset::open(
                "many points",
                "2,000 points: the gap closes by itself",
                &[("points", "2000"), ("widths", "16"), ("steps", "300")],
            ),
            Preset::open(
                "by heart",
                "Four labels in ten are flipped, and training goes on: the gap is what was learned by heart",
                &[("label_noise", "0.4"), ("steps", "1200"), ("widths", "16")],
            ),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let mut weights = Random::new(seed, "weights");
        let widths: &[usize] = if controls.widths == Widths::All { &[16, 32, 64] } else { &[16] };
        let kinds = widths.iter().flat_map(|width| (0..BETAS.len()).map(move |squeeze| (squeeze, *width)));
        let nets = kinds.map(|(squeeze, width)| Net::new(squeeze, width, controls, &mut weights)).collect();
        Ok(InformationBottleneckBounds {
            samples: [
                draw(controls.points, controls, &mut Random::new(seed, "training points")),
                draw(TEST, controls, &mut Random::new(seed, "fresh points")),
            ],
            controls: controls.clone(),
            rooms: Default::default(),
            nets,
            random: Random::new(seed, "noise"),
            scores: Random::new(seed, "scores"),
            noise: Vec::new(),
            step: 0,
            next: 0,
            stage: Stage::Judging { net: 0, scoring: None },
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
        let [unnecessary, total, parameters, weights, product, one_width] = self.ranks().map(|(_, rho)| rho);
        let average = |of: fn(&Net) -> f64| self.all(of).iter().sum::<f64>() / self.nets.len() as f64;
        ground::measures! {
            rank_information: unnecessary,
            rank_total_information: total,
            rank_parameters: parameters,
            rank_weights: weights,
            rank_weight_product: product,
            rank_weights_one_width: one_width,
            effect: self.at(0, Net::gap) - self.at(BETAS.len() - 1, Net::gap),
            mean_gap: average(Net::gap),
            mean_error_gap: average(|net| net.now().error(1) - net.now().error(0)),
            error_unsqueezed: self.at(0, |net| net.now().error(1)),
            error_squeezed: self.at(BETAS.len() - 1, |net| net.now().error(1)),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (information, parameters) = (runs.mean("rank_information"), runs.mean("rank_parameters"));
        let effect = runs.mean("effect");
        let of_parameters =
            if parameters.is_nan() { "is the same".into() } else { format!("ranks them with ρ = {parameters:.2}") };
        let text = format!(
            "I(X;Z|Y) ranks the gaps with ρ = {information:.2}, the number of parameters {of_parameters}; the strongest squeeze takes {effect:.2} nats off the gap."
        );
        let mut verdict = Verdict::at_least(effect, 1.0, text)
            .and(information >= 0.7 && (parameters.is_nan() || information - parameters >= 0.6));
        if parameters.is_nan() && verdict.holds == Some(true) {
            // With nets of one size there is nothing to be better than.
            verdict.holds = None;
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(preset: &str, seed: u64, change: impl Fn(&mut Controls)) -> InformationBottleneckBounds {
        use ground::controls::{Controls as _, Settings};
        let set = InformationBottleneckBounds::CARD.presets.iter().find(|p| p.name == preset).expect("a preset of the card").set;
        let mut controls = Controls::read(&Settings::parse(Controls::SPECS, set.iter().copied()).unwrap());
        change(&mut controls);
        let mut run = InformationBottleneckBounds::new(&controls, seed, &Library::default()).unwrap();
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    /// With twenty times the points the gap closes by itself, and there is little left to squeeze.
    #[test]
    fn many_points_need_no_squeeze() {
        let few = run("many points", 0, |controls| controls.points = 100).measures();
        let many = run("many points", 0, |_| ()).measures();
        assert!(many.get("mean_gap") <= 0.15 * few.get("mean_gap") && many.get("effect") <= 0.4, "{few:?} {many:?}");
        assert_eq!(InformationBottleneckBounds::verdict(&[many]).holds, Some(false));
    }

    /// Every net keeps at most ln m_y and says at most the label's entropy; training was worth it, and the loss is that of the predictions.
    #[test]
    fn readings_are_possible() {
        let run = run("break-it", 1, |controls| (controls.widths, controls.steps) = (Widths::Narrow, 200));
        for net in &run.nets {
            for reading in &net.readings {
                assert!(reading.unnecessary > -0.05 && reading.unnecessary <= run.most() + 1e-3, "{reading:?}");
                // I(X;Z) − I(X;Z|Y) = I(Y;Z): what decisions say is no more than that.
                let about = reading.total - reading.unnecessary;
                assert!(about < std::f64::consts::LN_2 + 0.1 && reading.about_label() < about + 0.1, "{reading:?}");
            }
            assert_eq!(net.now().step, 200);
            // Squeezed hard, a net takes longer.
            let (error, least) = (net.now().error(1), if net.squeeze < 4 { 0.1 } else { 0.3 });
            assert!(net.now().test < net.readings[0].test && error < least, "{:?}", net.now());
        }
    }

    #[test]
    fn the_points_are_the_specified_ones() {
        let controls = Controls { noise_coordinates: 1, label_noise: 0.25, ..Controls::default() };
        let sample = draw(20_000, &controls, &mut Random::new(3, "test"));
        let n = sample.y.len();
        let (mut flipped, mut away) = (0, 0.0);
        for i in 0..n {
            let at = |j: usize| f64::from(sample.x[j * n + i]);
            let distance = |heap: usize| {
                let angle = std::f64::consts::TAU * heap as f64 / 6.0;
                let (dx, dy) = (at(0) - 2.0 * cos(angle), at(1) - 2.0 * sin(angle));
                dx * dx + dy * dy
            };
            let nearest = (0..6).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap();
            flipped += usize::from(sample.y[i] as usize != nearest % 2);
            away += distance(nearest) / n as f64;
        }
        // Heaps overlap a little: points nearer to a neighbour count as flipped, or back.
        assert!((flipped as f64 / n as f64 - 0.25).abs() < 0.04, "{flipped}");
        assert!((away - 0.5).abs() < 0.06, "{away}");
        let squares: f64 = sample.x[2 * n..].iter().map(|x| f64::from(x * x)).sum();
        assert!((squares / n as f64 - 1.0).abs() < 0.05);
    }
}
