//! Nets that squeeze information out of a noisy code, and how well what is left tells their generalization gaps.
//!
//! Paper: Kawaguchi, Deng, Ji & Huang, 2023: with high probability the gap Δ is at most G₃ √((I(X;Z|Y) + I(φ;S) + G₂)/n) + G₁/√n in nats.
//! A population of variational bottlenecks, one for each weight β of the squeeze and each width w, learns n noisy points. Measured: ρ, the
//! rank correlation of Î(X;Z|Y) with Δ = test − training cross-entropy, and G, the gap at β = 0 minus that at the largest β. Held against
//! it are the paper's rivals, the number of parameters and norms of the weights; and, not in the paper, β itself.

mod codes;
mod heaps;
mod net;
mod variational_bottleneck;

use std::f64::consts::LN_2;

use libm::log;
use methods::statistics::rank_correlation;
use run::prelude::*;

use codes::Codes;
use heaps::draw;
use net::{Net, Reading};
use variational_bottleneck::{Room, Sample};

choice! {
    /// The widths in the population.
    pub enum Widths { All => "16, 32, 64", Narrow => "16" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        points "training points": LogCount(30, 2000) = 100, "n", "Few: much is learned by heart. Thousands: the gap closes, squeezed or not.";
        label_noise "flipped labels": Real(0.0, 0.4) = 0.15, "p", "Share of labels turned round. 0: nothing but the rule to learn. 0.4: most of what fits must be learned by heart.";
        largest_beta "strongest squeeze": Log(0.01, 1.0) = 0.3, "β", "What the code pays for each nat it carries; the other squeezes scale with it. Small: all codes keep much.";
        noise_coordinates "useless inputs": Count(0, 32) = 2, "", "Inputs that say nothing of the label. None: the rule is plain. Eight or more: only the training points are learned.";
        latent "dimensions of the code": Count(1, 16) = 4, "q", "Numbers that the code has. One: little room. Sixteen: room for more than the label needs.";
        widths "widths of layers": Choice(Widths) = Widths::All, "w", "Three widths, so that networks differ in size; or one only, where the number of parameters says nothing.";
        steps "training steps": LogCount(100, 2000) = 600, "", "Few: little is learned, by heart or otherwise. Many: the longer, the more is learned by heart.";
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
/// Points that pass a net, and codes that are weighed, between two looks at the run.
const CHUNK: usize = 400;
const CODES: usize = 250;
/// What the claim says of ρ, of its lead over the best of the number of parameters and both norms, and of G.
const RANK: f64 = 0.85;
const LEAD: f64 = 0.25;
const EFFECT: f64 = 1.5;

fn normals(count: usize, random: &mut Random) -> Vec<f32> {
    (0..count).map(|_| random.normal() as f32).collect()
}

/// A squeeze's colour.
fn ink(squeeze: usize) -> Ink {
    Ink::Ramp(squeeze as f32 / (BETAS.len() - 1) as f32)
}

/// A run: the population in training.
pub struct InformationBottleneckBounds {
    controls: Controls,
    /// The points to train on, and fresh ones.
    samples: [Sample; 2],
    rooms: [Room; 2],
    nets: Vec<Net>,
    /// Chance of the codes in training, and of the readings.
    noise: Random,
    scores: Random,
}

impl InformationBottleneckBounds {
    /// One step of a net down ∇J, with ε of this step.
    async fn descend(mut self: Box<Self>, net: usize, noise: &[f32], stage: &Stage<Self>) -> Box<Self> {
        let points = self.controls.points;
        let beta = self.controls.largest_beta * BETAS[self.nets[net].squeeze];
        for from in (0..points).step_by(CHUNK) {
            let Self { nets, samples, rooms, .. } = &mut *self;
            let Net { model, gradients: [encoder, decoder], .. } = &mut nets[net];
            let chunk = from..points.min(from + CHUNK);
            model.gradient(&samples[0], chunk, noise, beta, &mut rooms[0], [encoder, decoder]);
            self = stage.part(self).await;
        }
        self.nets[net].step();
        self
    }

    /// Judges all nets: thoroughly when training is over, else quickly.
    async fn judge(mut self: Box<Self>, step: usize, stage: &Stage<Self>) -> Box<Self> {
        let last = step == self.controls.steps;
        let (draws, weighed) = if last { (LOSS_DRAWS, DRAWS * TEST) } else { (QUICK_DRAWS, QUICK) };
        for net in 0..self.nets.len() {
            let mut reading = Reading { step, ..Reading::default() };
            let mut codes = self.encode(net);
            self = stage.part(self).await;
            for _ in 0..draws {
                reading.train += self.loss(net, 0, draws, &mut reading.decided[0]);
                reading.test += self.loss(net, 1, draws, &mut reading.decided[1]);
                self = stage.part(self).await;
            }
            for from in (0..weighed).step_by(CODES) {
                for i in from..weighed.min(from + CODES) {
                    let noise = (0..self.controls.latent).map(|_| self.scores.normal() as f32);
                    let surprise = codes.surprise(i * TEST / weighed, noise);
                    reading.unnecessary += surprise.within / weighed as f64;
                    reading.total += surprise.whole / weighed as f64;
                }
                self = stage.part(self).await;
            }
            self.nets[net].readings.push(reading);
        }
        self
    }

    /// All points pass a net's encoder; the codes of the fresh ones.
    fn encode(&mut self, net: usize) -> Codes {
        let Self { nets, samples, rooms, .. } = self;
        let model = &nets[net].model;
        for (sample, room) in samples.iter().zip(&mut *rooms) {
            model.encode(sample, 0..sample.y.len(), room);
        }
        let room = &rooms[1];
        let all = |of: &dyn Fn(usize) -> Vec<f32>| (0..model.latent()).flat_map(of).collect::<Vec<f32>>();
        let split = samples[1].y.partition_point(|y| *y == 0);
        Codes::new(all(&|k| room.mean(k).to_vec()), all(&|k| room.deviation(k).to_vec()), &[split, TEST - split])
    }

    /// The loss of the training (0) or fresh (1) points, which have been encoded, at one draw of ε, and the shares decided; both over so
    /// many draws.
    fn loss(&mut self, net: usize, which: usize, draws: usize, shares: &mut [f64]) -> f64 {
        let sample = &self.samples[which];
        let (points, mut decided) = (sample.y.len(), [0.0; CLASSES * CLASSES]);
        let noise = normals(self.controls.latent * points, &mut self.scores);
        let loss = self.nets[net].model.losses(sample, 0..points, &noise, &mut self.rooms[which], &mut decided);
        let share = 1.0 / (points * draws) as f64;
        shares.iter_mut().zip(decided).for_each(|(sum, count)| *sum += share * count);
        share * loss
    }

    /// ρ of a predictor with the gap, over those with readings `among` the nets.
    fn rank(&self, predictor: impl Fn(&Net) -> f64, among: impl Fn(&Net) -> bool) -> f64 {
        let nets: Vec<&Net> = self.nets.iter().filter(|net| among(net) && !net.readings.is_empty()).collect();
        let of = |value: &dyn Fn(&Net) -> f64| nets.iter().map(|net| value(net)).collect::<Vec<f64>>();
        rank_correlation(&of(&predictor), &of(&Net::gap))
    }

    /// The predictors by name, with their ρ.
    fn ranks(&self) -> [(&'static str, f64); 7] {
        let (any, norm) = (|_: &Net| true, |net: &Net| net.norms().0);
        let mut widths: Vec<usize> = self.nets.iter().map(|net| net.width).collect();
        widths.dedup();
        let one_width: f64 = widths.iter().map(|w| self.rank(norm, |net| net.width == *w)).sum();
        [
            ("I(X;Z|Y)", self.rank(|net| net.now().unnecessary, any)),
            ("I(X;Z)", self.rank(|net| net.now().total, any)),
            ("−β", self.rank(|net| -BETAS[net.squeeze], any)),
            ("parameters", self.rank(|net| net.model.parameters() as f64, any)),
            ("Σ w²", self.rank(norm, any)),
            ("Π ‖W‖²", self.rank(|net| net.norms().1, any)),
            ("Σ w² at one width", one_width / widths.len() as f64),
        ]
    }

    /// Mean of `of` over some nets; NaN until all of them have been judged.
    fn mean(&self, some: impl Fn(&Net) -> bool, of: impl Fn(&Net) -> f64) -> f64 {
        let nets = || self.nets.iter().filter(|net| some(net));
        let judged = nets().all(|net| !net.readings.is_empty());
        if judged { nets().map(of).sum::<f64>() / nets().count() as f64 } else { f64::NAN }
    }

    /// The same over the nets with that squeeze.
    fn at(&self, squeeze: usize, of: impl Fn(&Net) -> f64) -> f64 {
        self.mean(|net| net.squeeze == squeeze, of)
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

    /// The name of a squeeze in a legend; only both ends and one between have one.
    fn name(&self, squeeze: usize) -> String {
        match squeeze {
            0 => "β = 0".into(),
            4 => format!("β = {}", (1e4 * self.controls.largest_beta * BETAS[4]).round() / 1e4),
            7 => format!("β = {}", self.controls.largest_beta),
            _ => String::new(),
        }
    }

    /// The name of a net in a legend: its squeeze, at one of the widths.
    fn legend(&self, net: &Net) -> String {
        if net.width == 16 { self.name(net.squeeze) } else { String::new() }
    }

    /// Mean over the classes of ln m_y: the most that the estimate can be.
    fn most(&self) -> f64 {
        let ones = self.samples[1].y.iter().filter(|y| **y == 1).count() as f64 / TEST as f64;
        [ones, 1.0 - ones].into_iter().filter(|p| *p > 0.0).map(|p| p * log(p * TEST as f64)).sum()
    }
}

/// The views.
impl InformationBottleneckBounds {
    fn scatter(&self) -> Chart {
        let most = self.most();
        let x = Axis::linear("I(X;Z|Y), beyond label").unit("nats").range(0.0, most + 0.3);
        let mut chart = Chart::of(x, Axis::linear("gap Δ").unit("nats"));
        let (scale, top) = (self.scale(), self.nets.iter().map(Net::gap).fold(0.0, f64::max));
        if scale.is_finite() {
            let x = (0..=60).map(|i| most * f64::from(i) / 60.0);
            let fit = x.map(|x| (x, scale * (x / self.controls.points as f64).sqrt()));
            chart = chart.dashed(format!("fit c √(I/n), c = {scale:.1}"), Ink::Muted, fit);
        }
        chart = self.nets.iter().filter(|net| !net.readings.is_empty()).fold(chart, |chart, net| {
            let size = 3.0 + 1.25 * (net.width as f64).sqrt();
            chart.dots(self.legend(net), ink(net.squeeze), size, [(net.now().unnecessary, net.gap())])
        });
        let rho = self.ranks()[0].1;
        if rho.is_finite() {
            chart = chart.label(format!("rank correlation ρ = {rho:.2}"), (0.22 * most, top), Ink::Text);
        }
        chart.at_x("ln m, the most seen", most)
    }

    fn predictors(&self) -> Chart {
        let known = self.ranks().into_iter().filter(|(_, rho)| rho.is_finite());
        let y = Axis::linear("rank correlation ρ").range(-1.0, 1.0);
        Chart::of(Axis::default(), y).bars("", Ink::Series(0), known).at_y("", 0.0)
    }

    fn plane(&self) -> Chart {
        let x = Axis::linear("I(X;Z), input kept").unit("nats").range(0.0, log(TEST as f64));
        let y = Axis::linear("I(Y;Ŷ), label known").unit("nats").range(0.0, 0.75);
        let chart = self.nets.iter().fold(Chart::of(x, y), |mut chart, net| {
            let path = || net.readings.iter().map(|reading| (reading.total, reading.about_label()));
            if let Some(end) = path().next_back() {
                chart = chart.dots("", ink(net.squeeze), 7.0, [end]);
            }
            chart.line(self.legend(net), ink(net.squeeze), path())
        });
        chart.at_y("ln 2", LN_2)
    }

    fn losses(&self) -> Chart {
        let x = Axis::linear("step").range(0.0, self.controls.steps as f64);
        let chart = Chart::of(x, Axis::linear("cross-entropy").unit("nats"));
        [0, 4, 7].into_iter().fold(chart, |chart, squeeze| {
            let nets: Vec<&Net> = self.nets.iter().filter(|net| net.squeeze == squeeze).collect();
            let known = nets.iter().map(|net| net.readings.len()).min().unwrap_or(0);
            let mean = |of: fn(&Reading) -> f64| {
                let mean = |i: usize| nets.iter().map(|net| of(&net.readings[i])).sum::<f64>() / nets.len() as f64;
                (0..known).map(|i| (nets[0].readings[i].step as f64, mean(i))).collect::<Vec<_>>()
            };
            let (train, test) = (mean(|reading| reading.train), mean(|reading| reading.test));
            chart.dashed("", ink(squeeze), train).line(self.name(squeeze), ink(squeeze), test)
        })
    }
}

views! { InformationBottleneckBounds, Controls:
    squeeze "Information and the gap" "A dot is a network, larger if wider. Right: its code keeps more beyond the label. Up: a larger gap." => scatter;
    predictors "What ranks the gaps" "Height is how well a number puts networks in the order of their gaps; at the rule, not at all." => predictors;
    plane "The networks in the information plane" "A line is a network, its dot the end. Right: more input kept. Up: more known of the label." => plane;
    losses "Losses while they train" "Solid: loss on fresh points. Dashed: on training points. The distance between them is the gap." => losses;
}

impl Experiment for InformationBottleneckBounds {
    const CARD: Card = Card {
        slug: "information-bottleneck-bounds",
        title: "Does squeezing out useless information predict generalization?",
        paper: Paper::new(
            "How Does Information Bottleneck Help Deep Learning?",
            "Kenji Kawaguchi, Zhun Deng, Xu Ji, Jiaoyang Huang",
            2023,
        )
        .venue("ICML 2023")
        .arxiv("2305.18887"),
        claim: "What a code keeps beyond the label ranks generalization gaps better than network size and weight norms.",
        criterion: "Over 24 networks, the information that the code keeps beyond the label ranks the generalization gaps with ρ of at least 0.85, better than the number of parameters and both norms of the weights by at least 0.25, and the strongest squeeze makes the gap at least 1.5 nats smaller: means over three seeds. It speaks of networks of three widths.",
        figure: "rank correlation ρ of information and gap",
        reproduction: Reproduction::InPart,
        honesty: "The knob β that made these networks ranks their gaps as well, and so does all that the code keeps, label included. The encoder's term and the bound's constants are not measured; squeezed networks are less sure, not more often right.",
        seeds: 3,
        presets: &[
            Preset::holds("default", "100 points, 15 % flipped labels, two coordinates of noise", &[]),
            Preset::gone(
                "break-it",
                "True labels and no noise coordinates: there is nothing useless to learn by heart, so that squeezing it out gains little",
                &[("label_noise", "0"), ("noise_coordinates", "0")],
            ),
            Preset::outside(
                "many points",
                "2,000 points: the gap closes by itself",
                &[("points", "2000"), ("widths", "16"), ("steps", "300")],
            ),
            Preset::outside(
                "by heart",
                "Four labels in ten are flipped, and training goes on: the gap is what was learned by heart",
                &[("label_noise", "0.4"), ("steps", "1200"), ("widths", "16")],
            ),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let mut weights = Random::new(seed, "weights");
        let widths: &[usize] = if controls.widths == Widths::All { &[16, 32, 64] } else { &[16] };
        let kinds = widths.iter().flat_map(|width| (0..BETAS.len()).map(move |squeeze| (squeeze, *width)));
        Ok(InformationBottleneckBounds {
            nets: kinds.map(|(squeeze, width)| Net::new(squeeze, width, controls, &mut weights)).collect(),
            samples: [(controls.points, "training points"), (TEST, "fresh points")].map(|(points, purpose)| {
                draw(points, controls.label_noise, controls.noise_coordinates, &mut Random::new(seed, purpose))
            }),
            controls: controls.clone(),
            rooms: Default::default(),
            noise: Random::new(seed, "noise"),
            scores: Random::new(seed, "scores"),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let Controls { steps, points, latent, .. } = self.controls;
        stage.span(0..steps);
        self = self.judge(0, &stage).await;
        // Steps between two readings are ten, and then a quarter of those done.
        let mut next = 10;
        for step in 1..=steps {
            // ε is the same for all nets.
            let noise = normals(latent * points, &mut self.noise);
            for net in 0..self.nets.len() {
                self = self.descend(net, &noise, &stage).await;
            }
            if step == next || step == steps {
                self = self.judge(step, &stage).await;
                next = (step + 10).max(step * 5 / 4);
            }
            self = stage.next(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let [unnecessary, total, knob, parameters, weights, product, one_width] = self.ranks().map(|(_, rho)| rho);
        let last = BETAS.len() - 1;
        measures! {
            rank_information: unnecessary, rank_total_information: total, rank_knob: knob, rank_parameters: parameters,
            rank_weights: weights, rank_weight_product: product, rank_weights_one_width: one_width,
            effect: self.at(0, Net::gap) - self.at(last, Net::gap),
            mean_gap: self.mean(|_| true, Net::gap),
            mean_error_gap: self.mean(|_| true, |net| net.now().error(1) - net.now().error(0)),
            error_effect: self.at(0, |net| net.now().error(1) - net.now().error(0))
                - self.at(last, |net| net.now().error(1) - net.now().error(0)),
            error_unsqueezed: self.at(0, |net| net.now().error(1)),
            error_squeezed: self.at(last, |net| net.now().error(1)),
        }
    }

    fn sentence(&self) -> String {
        let gap = self.mean(|_| true, Net::gap);
        if self.nets.iter().any(|net| net.readings.is_empty()) {
            return "The networks are being judged for the first time.".into();
        }
        if !gap.is_finite() {
            return "Training has diverged for one of the networks.".into();
        }
        let step = self.nets.iter().map(|net| net.now().step).min().unwrap_or(0);
        let text =
            format!("At step {step} the mean gap of {} is {} nats", count(self.nets.len(), "network", "networks"), figure(gap));
        match self.rank(|net| net.now().unnecessary, |_| true) {
            rank if rank.is_nan() => text + ".",
            rank => text + &format!("; what their codes keep beyond the label ranks the gaps with ρ = {}.", figure(rank)),
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if controls.widths == Widths::Narrow {
            return Verdict::outside(
                "The claim is about networks of three widths: with one, all have the same number of parameters.",
            );
        }
        let [information, parameters, weights, product, effect] =
            ["rank_information", "rank_parameters", "rank_weights", "rank_weight_product", "effect"].map(|name| runs.mean(name));
        let text = format!(
            "I(X;Z|Y) ranks the gaps with ρ = {}, the number of parameters with {}, Σ w² with {} and Π ‖W‖² with {}; the strongest squeeze takes {} nats off the gap.",
            figure(information),
            figure(parameters),
            figure(weights),
            figure(product),
            figure(effect)
        );
        Verdict::at_least(information, RANK, text)
            .needs(at_least(information - parameters.max(weights).max(product), LEAD))
            .needs(at_least(effect, EFFECT))
            .rival("−β, the knob that the population is made with", runs.mean("rank_knob"))
            .rival("I(X;Z), label and all", runs.mean("rank_total_information"))
            .rival("Σ w² among nets of one width", runs.mean("rank_weights_one_width"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{judged, preset};

    type Run = InformationBottleneckBounds;

    /// With twenty times the points the gap closes by itself, and there is little left to squeeze.
    #[test]
    fn many_points_need_no_squeeze() {
        let many = preset::<Run>("many points");
        let few = judged::<Run>(&Controls { points: 100, ..many.clone() }, 0).measures();
        let many = judged::<Run>(&many, 0).measures();
        assert!(many.get("mean_gap") <= 0.15 * few.get("mean_gap") && many.get("effect") <= 0.4, "{few:?} {many:?}");
    }

    /// Every net keeps at most ln m_y and says at most the label's entropy; training was worth it, and the loss is that of the predictions.
    #[test]
    fn readings_are_possible() {
        let controls = Controls { widths: Widths::Narrow, steps: 200, ..preset::<Run>("break-it") };
        let run = judged::<Run>(&controls, 1);
        for net in &run.nets {
            for reading in &net.readings {
                assert!(reading.unnecessary > -0.05 && reading.unnecessary <= run.most() + 1e-3, "{reading:?}");
                // I(X;Z) − I(X;Z|Y) = I(Y;Z): what decisions say is no more than that.
                let about = reading.total - reading.unnecessary;
                assert!(about < LN_2 + 0.1 && reading.about_label() < about + 0.1, "{reading:?}");
            }
            assert_eq!(net.now().step, 200);
            // Squeezed hard, a net takes longer.
            let (error, least) = (net.now().error(1), if net.squeeze < 4 { 0.1 } else { 0.3 });
            assert!(net.now().test < net.readings[0].test && error < least, "{:?}", net.now());
        }
    }
}
