//! What contrastive learning forgets, and a critic of bounded slope keeps.
//!
//! Paper: Ozair, Lynch, Bengio, van den Oord, Levine & Sermanet, 2019. Pairs (x, y) share K factors a_k ∈ {0..9}: x shows K digits a_k side
//! by side, y the digits a_k + 1, factor k at contrast c^{k−1}. Encoders g, h and the critic f(x,y) = g(x)ᵀh(y) minimise over batches of N
//!   CPC: J = −(1/N) Σᵢ [f(xᵢ,yᵢ) − ln (1/N) Σⱼ exp f(xᵢ,yⱼ)],   WPC: J + λ (1/N) Σᵢ max(0, ‖∇f(x̂ᵢ,ŷᵢ)‖ − 1)²,
//! the points x̂ᵢ, ŷᵢ between joint and independent pairs. −J, a bound on the mutual information K ln 10, cannot exceed ln N.
//! Claim: a linear probe reads more of the factors from WPC's g(x) than from CPC's; with one factor there is nothing to forget. Rival: CPC
//! whose scores are divided by a temperature of 0.1.

mod learner;
mod pairs;

use std::rc::Rc;

use libm::log;

use methods::network::dense::{Activation, Network, Start, Tape};
use methods::statistics::logistic::Probe;
use run::prelude::*;

use learner::Learner;
use pairs::{Batch, Task};

controls! {
    /// What the reader can move.
    pub struct Controls {
        factors "shared factors": Count(1, 9) = 6, "K", "Digits that the pictures of a pair share. One: hardly anything can be forgotten. Nine: far more than a batch asks for.";
        batch "batch size": LogCount(8, 512) = 64, "N", "Pairs among which each partner is to be found. Small: an easy search, a low limit. Large: a hard one, a higher limit.";
        penalty "slope penalty": LogZero(0.1, 100.0) = 10.0, "λ", "Weight on scores that change too steeply. At 0 WPC is CPC; large: the scores of WPC stay flat.";
        temperature: Log(0.03, 3.0) = 1.0, "T", "Scores of CPC and WPC are divided by it. Low: sharp scores, and more is read. High: blunt ones.";
        contrast "contrast step": Real(0.5, 1.0) = 0.8, "c", "Brightness of each digit over that of the one before. At 0.5 the last is hardly seen; at 1 all are equal.", when factors ["2", "3", "4", "5", "6", "7", "8", "9"];
        steps "training steps": LogCount(100, 5000) = 400, "", "How long all three train. Few: little can be read. Many: more can be read from every code.";
    }
}

const CLASSES: usize = 10;
/// Pixels a digit, units of the hidden layer, and length of g(x).
const PIXELS: usize = 64;
const HIDDEN: usize = 128;
const CODE: usize = 32;
/// Images to make pairs of; the others are for tests.
const TRAIN_IMAGES: usize = 1200;
const POOL: usize = 20_000;
/// Pairs that the probe learns from, and is tested on.
const PROBE: usize = 1500;
const PROBE_TEST: usize = 1000;
/// Rows worked on at a time.
const PART: usize = 32;
/// Pairs whose scores are shown, columns between the two methods, and pairs that are shown.
const LOOK: usize = 32;
const GAP: usize = 2;
const SHOWN: usize = 8;
/// How often the probe reads during a run, and how long it may learn except at the end.
const READINGS: usize = 5;
const BRIEF: usize = 24;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The methods side by side: what the paper's is held against, the paper's, and the first with scores over [`SHARP`].
const METHODS: [Series; 3] = series!["CPC" 1, "WPC" 0, "CPC at T = 0.1" 2];
const SHARP: f64 = 0.1;
/// What the claim says of the difference.
const GAIN: f64 = 0.05;

/// A run.
pub struct WassersteinDependency {
    controls: Controls,
    task: Rc<Task>,
    batches: Random,
    interpolates: Random,
    /// In the order of [`METHODS`].
    learners: [Learner; 3],
}

impl WassersteinDependency {
    /// A step of a learner, part by part of the batch: forward, scores, backward, penalty, update.
    async fn descend(mut self: Box<Self>, k: usize, batch: &Batch, stage: &Stage<Self>) -> Box<Self> {
        for p in 0..batch.parts() {
            self.learners[k].encode(batch, p);
            self = stage.part(self).await;
        }
        self.learners[k].compare(batch.size);
        for p in 0..batch.parts() {
            self.learners[k].gather(batch, p);
            self = stage.part(self).await;
        }
        if self.learners[k].lambda > 0.0 {
            for p in 0..batch.parts() {
                self.learners[k].flatten(batch, p);
                self = stage.part(self).await;
            }
        }
        self.learners[k].descend();
        self
    }

    /// What a linear probe reads from a learner's g(x), factor by factor.
    async fn read(mut self: Box<Self>, k: usize, thorough: bool, stage: &Stage<Self>) -> Box<Self> {
        let task = self.task.clone();
        let mut codes = Vec::new();
        for rows in 0..(PROBE + PROBE_TEST).div_ceil(PART) {
            let (mut images, mut tape) = (Vec::new(), Tape::default());
            (rows * PART..((rows + 1) * PART).min(PROBE + PROBE_TEST)).for_each(|i| task.image(&task.probe, i, 0, &mut images));
            self.learners[k].encoders[0].forward(&images, &mut tape);
            codes.extend_from_slice(tape.logits());
            self = stage.part(self).await;
        }
        let (train, test) = codes.split_at(PROBE * CODE);
        let mut accuracy = Vec::new();
        for factor in 0..task.factors() {
            let mut probe = Probe::new(train, &task.labels(factor, 0..PROBE), CLASSES);
            let mut passes = 0;
            while !probe.finished() && (passes < BRIEF || thorough) {
                probe.advance();
                passes += 1;
                self = stage.part(self).await;
            }
            accuracy.push(probe.accuracy(test, &task.labels(factor, PROBE..PROBE + PROBE_TEST)));
        }
        self.learners[k].accuracy = accuracy;
        self
    }
}

/// The views.
impl WassersteinDependency {
    fn accuracies(&self) -> Chart {
        let y = Axis::linear("accuracy of the probe").range(0.0, 1.0);
        let mut chart = Chart::of(Axis::linear("factor, faintest last"), y);
        if self.learners.iter().all(|learner| learner.accuracy.is_empty()) {
            let first = self.controls.steps.div_ceil(READINGS);
            chart = chart.label(
                format!("first reading after step {first}"),
                (0.5 * (self.controls.factors - 1) as f64, 0.5),
                Ink::Text,
            );
        }
        let bar = |learner: &Learner, k: usize| ((k + 1).to_string(), learner.accuracy.get(k).copied().unwrap_or(0.0));
        let all = METHODS.iter().zip(&self.learners);
        all.fold(chart, |chart, (of, learner)| chart.bars(of.name, of.ink, (0..self.controls.factors).map(|k| bar(learner, k))))
            .at_y("chance", 0.1)
    }

    fn values(&self) -> Chart {
        let every = self.controls.steps.div_ceil(400);
        let there_is = self.controls.factors as f64 * log(10.0);
        let ceiling = log(self.controls.batch as f64);
        let y = Axis::linear("bound on information, −J").unit("nats").range(0.0, 1.08 * there_is.max(ceiling));
        Chart::of(Axis::linear("step").range(0.0, self.controls.steps as f64), y)
            .lines(&METHODS, |k| {
                let means = self.learners[k].values.chunks(every).map(mean);
                means.enumerate().map(move |(i, mean)| ((i * every + 1) as f64, mean))
            })
            .at_y("ln N, a batch's limit", ceiling)
            .at_y("K ln 10, all there is", there_is)
    }

    fn ratios(&self) -> Matrix {
        let mut values = Vec::new();
        let [cpc, wpc, _] = &self.learners;
        for (left, right) in cpc.ratios.chunks_exact(LOOK).zip(wpc.ratios.chunks_exact(LOOK)) {
            values.extend_from_slice(left);
            values.extend([f32::NAN; GAP]);
            values.extend_from_slice(right);
        }
        Matrix {
            row: "x of a fresh pair".into(),
            column: "y: CPC left, WPC right".into(),
            value: Axis::linear("likelier as a pair by").unit("nats").range(-4.0, 4.0).around(0.0),
            columns: 2 * LOOK + GAP,
            values,
            ..Matrix::default()
        }
    }

    /// Pairs of the pool, x over y.
    fn pairs(&self) -> Images {
        let (k, side) = (self.controls.factors, 8);
        let mut pixels = Vec::new();
        for pair in 0..SHOWN {
            for which in 0..2 {
                let mut image = Vec::new();
                self.task.image(&self.task.pool, pair, which, &mut image);
                let at = |row: usize, column: usize| image[column / side * PIXELS + row * side + column % side];
                let rows = (0..side).flat_map(|row| (0..k * side).map(move |column| (row, column)));
                pixels.extend(rows.map(|(row, column)| (at(row, column) * 255.0) as u8));
            }
        }
        let columns = if k > 4 { 2 } else { 4 };
        Images { width: k * side, height: 2 * side, channels: 1, columns, pixels, captions: Vec::new() }
    }
}

views! { WassersteinDependency, Controls:
    factors "What can be read from the code" "A group of bars is a factor, faintest last: how often a probe reads it right. The rule is chance." => accuracies;
    bound "The bound on shared information" "A line is what a batch proves to be shared. Rules: the most it could prove, and all there is." => values;
    ratios "Who belongs to whom" "Rows are pictures x, columns pictures y; partners are on the diagonals. Each cell is how likely that pair seems." => ratios;
    pairs "Pairs" "Above x, below its partner y. Each digit of y is one more than the one above it." => pairs;
}

impl Experiment for WassersteinDependency {
    const CARD: Card = Card {
        slug: "wasserstein-dependency",
        title: "Does contrastive learning forget what is faint?",
        paper: Paper::new(
            "Wasserstein Dependency Measure for Representation Learning",
            "Sherjil Ozair, Corey Lynch, Yoshua Bengio, Aäron van den Oord, Sergey Levine, Pierre Sermanet",
            2019,
        )
        .venue("NeurIPS 2019")
        .arxiv("1903.11780"),
        claim: "A penalty on steep scores makes contrastive learning keep more of what two pictures share.",
        criterion: "With scores that no temperature divides (T = 1) and six shared factors, a linear probe reads the factors from WPC's code with a mean accuracy that is at least 0.05 higher than from CPC's, in each of three seeds, after equally many steps.",
        figure: "accuracy gained by the penalty, least of the seeds",
        reproduction: Reproduction::InPart,
        honesty: "The paper claims more complete codes on stacked characters, moving shapes and robot videos. On six digits the gain reproduces, but dividing CPC's scores by a temperature of 0.1 gains at least as much, so that the bounded slope is not shown to be the cause.",
        seeds: 3,
        unit: "step",
        presets: &[
            Preset::holds("default", "Six factors, each a fifth fainter than the one before", &[]),
            Preset::gone("break-it", "One factor: ln 10 is less than ln 64, there is nothing to forget", &[("factors", "1")]),
            Preset::open("no penalty", "λ = 0: the two are one", &[("penalty", "0")]),
            Preset::open(
                "sharp critic",
                "Scores times ten: plain CPC reads as much as WPC did, WPC a little more",
                &[("temperature", "0.1")],
            ),
            Preset::open("equal factors", "All factors equally visible", &[("contrast", "1")]),
            Preset::open("small batches", "Batches of 16: CPC's ceiling is a nat and a half lower", &[("batch", "16")]),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let task = Task::new(controls, seed, library)?;
        let mut random = Random::new(seed, "weights");
        let encoders =
            [0, 1].map(|_| Network::new(&[task.inputs(), HIDDEN, CODE], Activation::Relu, Start::Uniform, &mut random));
        let methods = [(0.0, controls.temperature), (controls.penalty, controls.temperature), (0.0, SHARP)];
        let mut learners = methods.map(|(lambda, temperature)| Learner::new(lambda, temperature, encoders.clone()));
        learners.iter_mut().for_each(|learner| learner.look(&task));
        Ok(WassersteinDependency {
            controls: controls.clone(),
            task: Rc::new(task),
            batches: Random::new(seed, "batches"),
            interpolates: Random::new(seed, "interpolates"),
            learners,
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let (task, size, steps) = (self.task.clone(), self.controls.batch, self.controls.steps);
        stage.span(0..steps);
        let mut batch = Batch::default();
        for step in 1..=steps {
            batch.draw(&task, size, &mut self.batches, &mut self.interpolates);
            for k in 0..METHODS.len() {
                self = self.descend(k, &batch, &stage).await;
            }
            self = stage.next(self).await;
            if READINGS * step / steps > READINGS * (step - 1) / steps {
                for k in 0..METHODS.len() {
                    self.learners[k].look(&task);
                    self = self.read(k, step == steps, &stage).await;
                }
            }
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let [cpc, wpc, sharp] = &self.learners;
        let last = |values: &[f64]| mean(&values[values.len().saturating_sub(20)..]);
        let clear = |learner: &Learner| match learner.accuracy.len() {
            0 => f64::NAN,
            _ => learner.accuracy.iter().filter(|a| **a > 0.9).count() as f64,
        };
        measures! {
            gain: mean(&wpc.accuracy) - mean(&cpc.accuracy),
            wpc: mean(&wpc.accuracy),
            cpc: mean(&cpc.accuracy),
            sharp: mean(&sharp.accuracy),
            sharp_gain: mean(&sharp.accuracy) - mean(&cpc.accuracy),
            wpc_clear: clear(wpc),
            cpc_clear: clear(cpc),
            wpc_bound: last(&wpc.values),
            cpc_bound: last(&cpc.values),
        }
    }

    fn sentence(&self) -> String {
        let [cpc, wpc, sharp] = &self.learners;
        let known = self.learners.iter().map(|learner| learner.values.len()).min().unwrap_or(0);
        if known == 0 {
            return "Training has begun; nothing is measured yet.".into();
        }
        let read = [cpc, wpc, sharp].map(|learner| mean(&learner.accuracy));
        if read.iter().any(|read| read.is_nan()) {
            let bounds = [cpc, wpc].map(|learner| learner.values[known - 1]);
            if bounds.iter().any(|bound| !bound.is_finite()) {
                return format!("After {} the scores have grown beyond all bounds.", count(known, "step", "steps"));
            }
            let [cpc, wpc] = bounds.map(figure);
            return format!(
                "After {} CPC's bound is {cpc} nats and WPC's {wpc}; a probe has not read all codes yet.",
                count(known, "step", "steps")
            );
        }
        let [cpc, wpc, sharp] = read.map(percent);
        format!(
            "At the last reading a probe got {cpc} of the digits from CPC's code, {wpc} from WPC's, {sharp} from CPC's at T = 0.1."
        )
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let least = runs.least("gain");
        let text = format!(
            "The probe reads {} of the factors from WPC's code and {} from CPC's, a gain of {} or more in each seed; from CPC's at a temperature of 0.1 it reads {}.",
            percent(runs.mean("wpc")),
            percent(runs.mean("cpc")),
            figure(least),
            percent(runs.mean("sharp")),
        );
        // The text also tells what the third has read, which comes last.
        Verdict::at_least(least, GAIN, text)
            .needs(at_least(runs.mean("sharp"), 0.0))
            .rival(METHODS[2].name, runs.least("sharp_gain"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::transport::NetworkSimplex;
    use run::testing::{begun, finished, runs};

    type Wpc = WassersteinDependency;

    #[test]
    fn y_shows_the_digits_after_those_of_x() {
        let task = begun::<Wpc>(&Controls::default(), 3).task;
        for pairs in [&task.pool, &task.probe] {
            for pair in pairs.chunks_exact(12) {
                let label = |digit: &u16| task.pictures.labels[usize::from(*digit)];
                assert!((0..6).all(|k| label(&pair[6 + k]) == (label(&pair[k]) + 1) % 10));
            }
        }
        for (pair, labels) in task.probe.chunks_exact(12).zip(task.labels.chunks_exact(6)) {
            assert!((0..6).all(|k| task.pictures.labels[usize::from(pair[k])] == labels[k]));
        }
        // No image is both learned from and tested on.
        let (learned, tested) = task.probe.split_at(PROBE * 12);
        assert!(tested.iter().all(|digit| !learned.contains(digit) && !task.pool.contains(digit)));
        let mut image = Vec::new();
        task.image(&task.pool, 0, 0, &mut image);
        let brightest = |k: usize| image[k * PIXELS..][..PIXELS].iter().fold(0f32, |a, b| a.max(*b));
        assert!((0..6).all(|k| (brightest(k) / task.contrasts[k] - 1.0).abs() < 1e-6));
    }

    /// I_W itself, which the penalty stands for: two bits that are equal, against two that are independent, by exact transport.
    #[test]
    fn a_shared_bit_is_half_a_step_from_independence() {
        let joint = [[0.0, 0.0], [1.0, 1.0]];
        let independent = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        let steps = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).abs() + (a[1] - b[1]).abs();
        let cost: Vec<f64> = joint.iter().flat_map(|a| independent.iter().map(move |b| steps(a, b))).collect();
        let mut simplex = NetworkSimplex::new(&cost, &[0.5; 2], &[0.25; 4]);
        while !simplex.advance(1e6) {}
        let proof = simplex.certificate();
        assert!((proof.primal - 0.5).abs() < 1e-15 && (proof.dual - 0.5).abs() < 1e-15, "{proof:?}");
    }

    #[test]
    fn without_a_penalty_the_two_are_one() {
        let run = finished::<Wpc>(&Controls { penalty: 0.0, steps: 100, ..Controls::default() }, 1);
        let [cpc, wpc, _] = &run.learners;
        assert!(wpc.encoders[0].theta == cpc.encoders[0].theta && wpc.encoders[1].theta == cpc.encoders[1].theta);
        assert_eq!(run.measures().get("gain"), 0.0);
        assert!(wpc.values.iter().all(|value| *value <= log(64.0)));
    }

    #[test]
    fn with_one_factor_there_is_nothing_to_forget() {
        let runs = runs::<Wpc>(&Controls { factors: 1, ..Controls::default() }, 0..3);
        assert!(runs.mean("gain").abs() <= 0.03 && runs.least("cpc") > 0.9, "{runs:?}");
    }

    /// What the page says beyond the paper: a sharp critic without penalty reads as much as a flat one with it, and the penalty adds
    /// little to it.
    #[test]
    fn a_temperature_does_what_the_penalty_does() {
        let [paper, sharp] =
            [1.0, SHARP].map(|temperature| finished::<Wpc>(&Controls { temperature, ..Controls::default() }, 0).measures());
        assert!(paper.get("gain") >= GAIN && paper.get("wpc_bound") < 1.2 && paper.get("cpc_bound") > 2.5, "{paper:?}");
        assert!(paper.get("sharp") > paper.get("wpc") && paper.get("sharp") == sharp.get("cpc"), "{paper:?} {sharp:?}");
        assert!((0.0..0.03).contains(&sharp.get("gain")) && sharp.get("sharp_gain") == 0.0, "{sharp:?}");
    }
}
