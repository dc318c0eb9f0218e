//! A small attention network that guesses where two clouds differ most.
//!
//! Paper: Nguyen, Nguyen, Ho, 2023. Max-sliced distances climb to the direction θ with the largest W(θ) anew for every pair of clouds. Here a network
//! e_ψ(X, Y) says it at once; a von Mises–Fisher law of concentration κ around it keeps a metric, and attention makes it blind to the order of the
//! points. ψ climbs E W(θ), θ ~ vMF(e_ψ, κ). Y is X stretched along a hidden direction, so the best direction is nearly known.
//! Claim: on new pairs, W(e_ψ)/max W is ≥ 0.8 with attention, and ≥ 0.3 above that of linear weights, in every seed.

use std::f64::consts::PI;

use libm::{asin, atan2, cos, exp, sin};
use methods::transport::{Around, MaxSliced, fibonacci};
use run::prelude::*;

mod autoencoder;
mod pair;
mod predictor;
mod reconstruction;

use pair::{Pair, centre};
use predictor::{Learner, Predictor, Weighing};
use reconstruction::{AMORTIZED, Reconstruction, SLICED};

choice! {
    /// Whose direction the pictures show, and which one trains the autoencoder.
    pub enum Kind { Linear => "linear", Generalized => "generalized", Attention => "attention", LinearTime => "linear-time" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        shuffle "shuffle the points": Toggle() = true, "", "on: points come in any order; off: sorted along the hidden direction, so that places in the list mean something";
        concentration "concentration": Log(0.1, 1000.0) = 50.0, "κ", "how close to the guess directions are drawn; small: from all over the sphere; large: the guess alone";
        predictor "network shown": Choice(Kind) = Kind::Attention, "", "whose direction the pictures show, and which one trains the autoencoder";
        steps "training steps": LogCount(50, 3000) = 200, "", "steps of Adam at a rate of 0.01, on 32 pairs each; few: guesses are still rough; many: slower";
        projections "directions drawn": LogCount(1, 64) = 4, "L", "for each pair and step; few: a noisy gradient; many: a steady one, and slower";
        hidden_layer "hidden layer in attention": Toggle() = false, "", "on: attention's values go through a hidden layer of 16, which is not the paper's; off: they are linear";
    }
}

/// Points of a cloud; pairs to learn from, held out, and in a batch.
const POINTS: usize = 48;
const TRAINED: usize = 512;
const HELD_OUT: usize = 80;
const BATCH: usize = 32;
const RATE: f64 = 1e-2;
/// Directions among which the largest W is looked for: to judge, and to scale training pairs.
const GRID: usize = 400;
const SCALE_GRID: usize = 64;
/// How often held-out pairs are looked at.
const RECORDS: usize = 25;
/// Cells of the map of the sphere; draws in the picture.
const COLUMNS: usize = 60;
const ROWS: usize = 30;
const DRAWN: usize = 40;
/// Steps of the autoencoders, how often they are judged, and clouds in the picture.
const RECONSTRUCTION_STEPS: usize = 500;
const JUDGED_EVERY: usize = 50;
const PICTURED: usize = 4;
/// What the claim says of the share with attention and of its lead over linear weights.
const SHARE: f64 = 0.8;
const LEAD: f64 = 0.3;

/// The predictors side by side, in the order of [`Kind`].
const PREDICTORS: [Series; 4] = series!["linear" 1, "generalized linear" 2, "attention" 0, "linear-time attention" 3];
const WEIGHINGS: [Weighing; 4] = [Weighing::Slots, Weighing::MappedSlots, Weighing::Attention, Weighing::LinearAttention];

/// A run: the largest W of the held-out pairs, all predictors in training side by side, then two autoencoders.
pub struct AmortizedSlicedProjections {
    controls: Controls,
    seed: u64,
    trained: Vec<Pair>,
    held_out: Vec<Pair>,
    learners: [Learner; 4],
    /// Mean share of the largest W on held-out pairs, over all directions and by predictor.
    any_direction: f64,
    shares: Track<4>,
    /// Of the pictured pair, the first held out: W over the sphere, its best direction, and the shown predictor's guesses.
    map: Vec<f32>,
    best: Vec<f64>,
    guesses: Vec<Vec<f64>>,
    /// The autoencoders, and their mean exact W₂.
    reconstruction: Reconstruction,
    distances: Track<2>,
}

impl AmortizedSlicedProjections {
    /// e_ψ(X, Y) of a predictor.
    fn guess(&self, predictor: usize, pair: &Pair) -> Vec<f64> {
        let [x, y] = pair.measures.points();
        self.learners[predictor].predictor.direction(x, y)
    }

    /// All predictors climb E W(θ), θ ~ vMF(e_ψ, κ), over a batch of pairs, each W relative to its pair's largest.
    async fn climb(mut self: Box<Self>, batches: &mut Random, stage: &Stage<Self>) -> Box<Self> {
        let Controls { concentration: kappa, projections, .. } = self.controls;
        for _ in 0..BATCH {
            let pair = &self.trained[batches.below(TRAINED)];
            let scale = 1.0 / (pair.largest * BATCH as f64);
            self.learners.iter_mut().for_each(|learner| learner.see(&pair.measures, kappa, projections, scale));
            self = stage.part(self).await;
        }
        self.learners.iter_mut().for_each(Learner::step);
        self
    }

    /// Looks at the held-out pairs.
    async fn look(mut self: Box<Self>, step: usize, stage: &Stage<Self>) -> Box<Self> {
        let mut shares = [0.0; 4];
        for (k, mean) in shares.iter_mut().enumerate() {
            *mean = self.held_out.iter().map(|pair| pair.share(&self.guess(k, pair)) / HELD_OUT as f64).sum();
            self = stage.part(self).await;
        }
        self.shares.note(step, shares);
        let pair = &self.held_out[0];
        self.guesses.push(pair.towards(&self.guess(self.shown(), pair)));
        self
    }

    /// Trains both autoencoders on the same clouds.
    async fn reconstruct(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for step in 0..=RECONSTRUCTION_STEPS {
            if step.is_multiple_of(JUDGED_EVERY) {
                let mut means = [f64::NAN; 2];
                for which in [SLICED, AMORTIZED] {
                    means[which] = self.reconstruction.judge(which);
                    self = stage.part(self).await;
                }
                self.distances.note(step, means);
            }
            if step < RECONSTRUCTION_STEPS {
                let batch = self.reconstruction.batch();
                self.reconstruction.step(SLICED, &batch);
                self = stage.part(self).await;
                self.reconstruction.step(AMORTIZED, &batch);
                self = stage.next(self).await;
            }
        }
        self
    }

    fn shown(&self) -> usize {
        self.controls.predictor as usize
    }
}

/// Longitude and latitude in degrees.
fn place(direction: &[f64]) -> (f64, f64) {
    (atan2(direction[1], direction[0]) * 180.0 / PI, asin(direction[2].clamp(-1.0, 1.0)) * 180.0 / PI)
}

/// The views.
impl AmortizedSlicedProjections {
    fn pair(&self) -> Space {
        const FAR: f32 = 3.2;
        let [x, y] = self.held_out[0].measures.points();
        let at = |points: &[f64], scale: f32| -> Vec<[f32; 3]> {
            points.chunks_exact(3).map(|p| std::array::from_fn(|k| scale * p[k] as f32)).collect()
        };
        let cloud = |name: &str, ink, at, size| Cloud { name: name.into(), ink, at, size };
        let line = |direction: &[f64], from: f32, ink, dashed, arrow| {
            let [from, to] = [from, FAR].map(|scale| at(direction, scale)[0]);
            Segment { from, to, ink, dashed, arrow }
        };
        let mut clouds = vec![
            cloud("X", Ink::Muted, at(x, 1.0), 4.0),
            cloud("Y, stretched", Ink::Series(4), at(y, 1.0), 4.0),
            cloud("best direction", Ink::Text, at(&self.best, FAR), 5.0),
        ];
        let mut segments = vec![line(&self.best, -FAR, Ink::Text, true, false)];
        if let Some(guess) = self.guesses.last() {
            let ink = PREDICTORS[self.shown()].ink;
            let mut random = Random::new(0, "picture");
            let draw = |_| Around::draw(guess, self.controls.concentration, &mut random).direction;
            let drawn: Vec<f64> = (0..DRAWN).flat_map(draw).collect();
            clouds.push(cloud("drawn around the guess", ink, at(&drawn, FAR), 2.5));
            segments.push(line(guess, 0.0, ink, false, true));
        }
        Space { axes: ["first", "second", "third"].map(String::from), clouds, segments, reach: FAR }
    }

    fn sphere(&self) -> HeatMap {
        let ink = PREDICTORS[self.shown()].ink;
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for guess in &self.guesses {
            let (longitude, latitude) = place(guess);
            // A path over the edge comes in again on the other side.
            if x.last().is_some_and(|last: &f64| (last - longitude).abs() > 180.0) {
                x.push(f64::NAN);
                y.push(f64::NAN);
            }
            x.push(longitude);
            y.push(latitude);
        }
        let (longitude, latitude) = place(&self.best);
        let best = Path { name: "the best".into(), ink: Ink::Text, x: vec![longitude; 2], y: vec![latitude; 2] };
        HeatMap {
            x: Axis::linear("longitude").unit("°").range(-180.0, 180.0),
            y: Axis::linear("latitude").unit("°").range(-90.0, 90.0),
            value: Axis::linear("difference W(θ)"),
            columns: COLUMNS,
            values: self.map.clone(),
            paths: vec![best, Path { name: "guess, in training".into(), ink, x, y }],
            ..HeatMap::default()
        }
    }

    fn shares(&self) -> Chart {
        let end = self.controls.steps as f64;
        let mut chart = Chart::of(Axis::linear("step").range(0.0, end), Axis::linear("share of the largest").range(0.0, 1.0));
        if self.shares.rows().next().is_none() {
            chart = chart.label("the largest differences are being looked up", (0.5 * end, 0.5), Ink::Text);
        }
        chart.at_y("any direction", self.any_direction).lines(&PREDICTORS, |k| self.shares.points(k))
    }

    fn densities(&self) -> Chart {
        const PLACES: usize = 121;
        const END: f64 = 3.2;
        const WIDTH: f64 = 0.2;
        let density = |shadow: &[f64]| {
            let at = |t: f64| shadow.iter().map(|s| exp(-(t - s) * (t - s) / (2.0 * WIDTH * WIDTH))).sum::<f64>();
            let place = |i: usize| END * (2.0 * i as f64 / (PLACES - 1) as f64 - 1.0);
            let points = (0..PLACES).map(place).map(|t| (t, at(t) / (POINTS as f64 * WIDTH * (2.0 * PI).sqrt())));
            points.collect::<Vec<_>>()
        };
        let (stretched, measures) = (Ink::Series(4), &self.held_out[0].measures);
        let [x, y] = measures.shadows(&self.best);
        let chart = Chart::of(Axis::linear("place along direction").range(-END, END), Axis::linear("density of the shadow"))
            .dashed("X, along the best", Ink::Muted, density(&x))
            .dashed("Y, along the best", stretched, density(&y));
        let Some(guess) = self.guesses.last() else { return chart };
        let [x, y] = measures.shadows(guess);
        chart.line("X, as predicted", Ink::Muted, density(&x)).line("Y, as predicted", stretched, density(&y))
    }

    /// The two autoencoders side by side.
    fn autoencoders(&self) -> [Series; 2] {
        let ink = PREDICTORS[self.shown()].ink;
        [Series { name: "sliced, SW", ink: Ink::Series(5) }, Series { name: "amortized, v-DSW", ink }]
    }

    fn distances(&self) -> Chart {
        let end = RECONSTRUCTION_STEPS as f64;
        let mut chart = Chart::of(Axis::linear("step").range(0.0, end), Axis::log("exact W₂ to the original"));
        if self.distances.rows().next().is_none() {
            chart.y = chart.y.range(0.1, 10.0);
            chart = chart.label(self.later(), (0.5 * end, 1.0), Ink::Text);
        }
        chart.lines(&self.autoencoders(), |k| self.distances.points(k))
    }

    /// When the autoencoders are trained.
    fn later(&self) -> String {
        format!("autoencoders train after step {}", self.controls.steps)
    }

    fn digits(&self) -> Chart {
        let row = |clouds: &[f64], below: f64| -> Vec<(f64, f64)> {
            let place = |(k, p): (usize, &[f64])| (p[0] + 2.4 * (k / POINTS) as f64, p[1] - 2.4 * below);
            clouds.chunks_exact(2).take(PICTURED * POINTS).enumerate().map(place).collect()
        };
        let Reconstruction { originals, made, .. } = &self.reconstruction;
        let [sliced, amortized] = self.autoencoders();
        let x = Axis::linear("four new digits").range(-1.2, 2.4 * PICTURED as f64 - 1.2);
        let mut chart = Chart::of(x, Axis::linear("").range(-6.0, 1.2));
        if made.iter().all(Vec::is_empty) {
            chart = chart.label(self.later(), (1.2 * (PICTURED as f64 - 1.0), -3.6), Ink::Text);
        }
        chart
            .equal()
            .dots("originals", Ink::Muted, 3.0, row(originals, 0.0))
            .dots(sliced.name, sliced.ink, 3.0, row(&made[SLICED], 1.0))
            .dots(amortized.name, amortized.ink, 3.0, row(&made[AMORTIZED], 2.0))
    }
}

views! { AmortizedSlicedProjections, Controls:
    pair "A new pair of clouds" "The arrow is the network's guess, the dashed line the best direction. Turn the picture to compare them." => pair;
    sphere "What each direction shows" "A map of all directions; opposite ones show the same. The path is the guess in training." => sphere;
    share "Share of the largest difference" "How much of the largest difference each network's guess finds, on pairs it has not trained on." => shares;
    densities "Both shadows" "A curve is a cloud's shadow along the guess; dashed: along the best direction." => densities;
    reconstruction "Two autoencoders" "One is trained by random directions, one by guessed ones; both are judged by the exact distance." => distances;
    clouds "What they make of digits" "Row by row: originals, then what either autoencoder makes of them from a code of sixteen numbers." => digits;
}

impl Experiment for AmortizedSlicedProjections {
    const CARD: Card = Card {
        slug: "amortized-sliced-projections",
        title: "Can a network guess where two clouds differ most?",
        paper: Paper::new(
            "Self-Attention Amortized Distributional Projection Optimization for Sliced Wasserstein Point-Cloud Reconstruction",
            "Khai Nguyen, Dang Nguyen, Nhat Ho",
            2023,
        )
        .venue("ICML 2023")
        .arxiv("2301.04791"),
        claim: "Attention guesses where two new clouds differ most; weights tied to places in the list cannot.",
        criterion: "On new pairs of shuffled clouds the direction that the attention network predicts attains in the mean at least 0.8 of the largest W (the squared distance of the shadows), and at least 0.3 more than linear weights on the points' slots do, in each of five seeds.",
        figure: "lead of attention, in shares of the largest difference",
        reproduction: Reproduction::InPart,
        honesty: "The paper's claim is better reconstruction of large point clouds from ShapeNet, which may not be shipped. What is judged here is what that rests on, how much of the largest difference is found, on small clouds; reconstruction of digits is shown without a verdict.",
        seeds: 5,
        unit: "step",
        presets: &[
            Preset::holds("default", "Clouds whose points come in any order: compare the three networks' guesses", &[]),
            Preset::gone(
                "break-it",
                "The shuffling is taken away, places in the list tell something: compare guesses",
                &[("shuffle", "off")],
            )
            .within(&[("linear", 0.95, 1.01), ("lead", -1.0, 0.05)]),
            Preset::open(
                "hidden layer",
                "Attention with a hidden layer, which is not the paper's: compare guesses",
                &[("hidden_layer", "on")],
            ),
            Preset::open(
                "linear",
                "The pictures show the linear weights: look at their guess in training",
                &[("predictor", "linear")],
            ),
            Preset::open(
                "any direction",
                "Directions drawn from all over the sphere: compare both autoencoders",
                &[("concentration", "0.1")],
            ),
            Preset::open(
                "one direction",
                "One direction for each pair, next to the guess: compare both autoencoders",
                &[("concentration", "1000"), ("projections", "1")],
            ),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let mut random = Random::new(seed, "pairs");
        let mut pairs = |count: usize| -> Vec<Pair> { (0..count).map(|_| Pair::draw(controls.shuffle, &mut random)).collect() };
        let (trained, held_out) = (pairs(TRAINED), pairs(HELD_OUT));
        let pictured = &held_out[0];
        let mut climb = MaxSliced::new(pictured.measures.clone());
        fibonacci(GRID).chunks_exact(3).for_each(|line| _ = climb.offer(line));
        (0..50).for_each(|_| _ = climb.climb());
        let cell = |i: usize| {
            let longitude = PI * (2.0 * ((i % COLUMNS) as f64 + 0.5) / COLUMNS as f64 - 1.0);
            let latitude = PI * (((i / COLUMNS) as f64 + 0.5) / ROWS as f64 - 0.5);
            let line = [cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)];
            pictured.measures.squared(&line) as f32
        };
        let learner = |k: usize| {
            let predictor =
                Predictor::new(WEIGHINGS[k], controls.hidden_layer, POINTS, 3, &mut Random::new(seed, PREDICTORS[k].name));
            Learner::new(predictor, RATE, Random::new(seed, "draws"))
        };
        let weighing = WEIGHINGS[controls.predictor as usize];
        let digits = library.pictures(Dataset::Digits)?;
        Ok(AmortizedSlicedProjections {
            controls: controls.clone(),
            seed,
            map: (0..COLUMNS * ROWS).map(cell).collect(),
            best: pictured.towards(&climb.direction),
            guesses: Vec::new(),
            trained,
            held_out,
            learners: std::array::from_fn(learner),
            any_direction: f64::NAN,
            shares: Track::default(),
            reconstruction: Reconstruction::new((weighing, controls.hidden_layer), controls.concentration, seed, digits),
            distances: Track::default(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let steps = self.controls.steps;
        stage.span(0..steps + RECONSTRUCTION_STEPS);
        let (fine, coarse) = (fibonacci(GRID), fibonacci(SCALE_GRID));
        let mut any_direction = 0.0;
        for k in 0..HELD_OUT {
            let pair = &mut self.held_out[k];
            any_direction += pair.look_around(&fine) / (GRID * HELD_OUT) as f64 / pair.largest;
            self = stage.part(self).await;
        }
        self.any_direction = any_direction;
        for k in 0..TRAINED {
            self.trained[k].look_around(&coarse);
            self = stage.part(self).await;
        }
        let (mut batches, every) = (Random::new(self.seed, "batches"), Every::of(RECORDS, steps));
        for step in 0..=steps {
            if every.due(step) {
                self = self.look(step, &stage).await;
            }
            if step < steps {
                self = self.climb(&mut batches, &stage).await;
                self = stage.next(self).await;
            }
        }
        stage.judged();
        Ok(self.reconstruct(&stage).await)
    }

    fn measures(&self) -> Measures {
        let [linear, generalized, attention, linear_time] = [0, 1, 2, 3].map(|k| self.shares.at(self.controls.steps, k));
        let distance = |which: usize| self.distances.at(RECONSTRUCTION_STEPS, which);
        measures! {
            attention: attention, linear: linear, generalized: generalized, linear_time: linear_time,
            lead: attention - linear, generalized_lead: generalized - linear,
            any_direction: self.any_direction,
            sliced_reconstruction: distance(SLICED), amortized_reconstruction: distance(AMORTIZED),
        }
    }

    fn sentence(&self) -> String {
        let Some((step, [linear, _, attention, _])) = self.shares.rows().last() else {
            return "The largest difference of every pair is being looked up; training has not begun.".into();
        };
        let when = if step > 0.0 { format!("After {}", count(step as usize, "step", "steps")) } else { "Untrained,".into() };
        let [linear, attention] = [linear, attention].map(percent);
        format!("{when} attention finds {attention} of the largest difference on new pairs, linear weights {linear}.")
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let [lead, attention] = ["lead", "attention"].map(|name| runs.least(name));
        let text = format!(
            "Attention attains {} of the largest W on new pairs (at least {}), linear weights {}, any direction {}; the lead is at least {}.",
            percent(runs.mean("attention")),
            percent(attention),
            percent(runs.mean("linear")),
            percent(runs.mean("any_direction")),
            figure(lead),
        );
        Verdict::at_least(lead, LEAD, text)
            .needs(at_least(attention, SHARE))
            .rival("generalized linear weights", runs.least("generalized_lead"))
    }

    fn results(&self) -> Vec<Array> {
        let columns = ["step", "linear", "generalized linear", "attention", "linear-time attention"];
        vec![Array::table("shares", columns, self.shares.rows().map(|(step, [a, b, c, d])| [step, a, b, c, d]))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::transport::directions;
    use run::testing::{begun, judged};

    #[test]
    fn another_seed_and_the_other_predictors() {
        let measures = judged::<AmortizedSlicedProjections>(&Controls::default(), 100).measures();
        assert!(measures.get("attention") >= SHARE && measures.get("lead") >= LEAD, "{measures:?}");
        assert!(measures.get("linear_time") >= 0.8, "{measures:?}");
        assert!((0.2..0.35).contains(&measures.get("any_direction")), "{measures:?}");
    }

    #[test]
    fn the_grid_finds_what_climbing_finds() {
        let run = begun::<AmortizedSlicedProjections>(&Controls::default(), 3);
        let (fine, mut random) = (fibonacci(2_000), Random::new(1, "restarts"));
        for pair in &run.held_out[..5] {
            let grid = fine.chunks(3).map(|line| pair.measures.squared(line)).fold(0.0, f64::max);
            let mut climbed: f64 = 0.0;
            for from in directions(3, 10, &mut random).chunks(3) {
                let mut ascent = MaxSliced::from(pair.measures.clone(), from.to_vec());
                (0..50).for_each(|_| _ = ascent.climb());
                climbed = climbed.max(ascent.value);
            }
            assert!(grid <= climbed + 1e-12 && grid > 0.98 * climbed, "{grid} and {climbed}");
        }
    }

    #[test]
    fn clouds_are_centred_together_and_keep_their_stretch() {
        let pair = Pair::draw(true, &mut Random::new(2, "pairs"));
        let [x, y] = pair.measures.points();
        for k in 0..3 {
            assert!(x.iter().chain(y).skip(k).step_by(3).sum::<f64>().abs() < 1e-12);
        }
        // Along u the points of Y are those of X, stretched; across it they are those of X.
        let sorted = |direction: &[f64]| {
            pair.measures.shadows(direction).map(|mut shadow| {
                shadow.sort_by(f64::total_cmp);
                shadow[POINTS - 1] - shadow[0]
            })
        };
        let [wide_x, wide_y] = sorted(&pair.hidden);
        assert!((1.8..2.8).contains(&(wide_y / wide_x)));
        let across = [pair.hidden[1], -pair.hidden[0], 0.0];
        let [same_x, same_y] = sorted(&across);
        assert!((same_x - same_y).abs() < 1e-12);
    }
}
