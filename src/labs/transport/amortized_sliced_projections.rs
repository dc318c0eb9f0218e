//! A small attention network that guesses where two clouds differ most.
//!
//! Paper: Nguyen, Nguyen, Ho, 2023. Max-sliced distances climb to the direction θ with the largest W(θ) anew for every pair of clouds. Here a network
//! e_ψ(X, Y) says it at once; a von Mises–Fisher law of concentration κ around it keeps a metric, and attention makes it blind to the order of the
//! points. ψ climbs E W(θ), θ ~ vMF(e_ψ, κ). Y is X stretched along a hidden direction, so the best direction is nearly known.
//! Claim: on new pairs, W(e_ψ)/max W is ≥ 0.9 with attention, and ≥ 0.3 above that of linear weights, in every seed.

use std::f64::consts::PI;
use std::rc::Rc;

use libm::{asin, atan2, cos, exp, sin};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Cloud, HeatMap, Ink, Mark, Path, Segment, Space, View};
use methods::point_autoencoder::{PointAutoencoder, PointLearner};
use methods::transport::amortized::{Learner, Predictor, Weighing};
use methods::transport::{Around, MaxSliced, NetworkSimplex, Projected, directions, fibonacci};
use run::data::{Array, Dataset, Library, Pictures};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// Whose direction the pictures show, and which one trains the autoencoder.
    pub enum Kind { Linear => "linear", Generalized => "generalized", Attention => "attention", LinearTime => "linear-time" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        concentration: Log(0.1, 1000.0) = 50.0, "κ", "of directions around the predicted one; small: any direction, large: that one alone";
        projections: LogCount(1, 64) = 4, "L", "directions drawn a pair and step";
        predictor: Choice(Kind) = Kind::Attention, "", "whose direction the pictures show, and which one trains the autoencoder";
        shuffle: Toggle() = true, "", "off: points come sorted along the hidden direction, and a weight a slot is all it takes";
        steps: LogCount(50, 3000) = 200, "", "steps of Adam at a rate of 0.01, 32 pairs each";
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
/// The autoencoder: its steps, clouds a step, directions a cloud, rate, clouds of a step that the predictor learns from, clouds that it is
/// judged by, and how often.
const RECONSTRUCTION_STEPS: usize = 500;
const CLOUDS: usize = 32;
const DIRECTIONS: usize = 8;
const RECONSTRUCTION_RATE: f64 = 1e-3;
const LEARNED_FROM: usize = 8;
const JUDGED: usize = 24;
const JUDGED_EVERY: usize = 50;
const PICTURED: usize = 4;
/// Work of a slice in about microseconds.
const SLICE: usize = 3_000;
/// What the claim says of the share with attention and of its lead over linear weights.
const SHARE: f64 = 0.9;
const LEAD: f64 = 0.3;

/// The predictors side by side.
const PREDICTORS: [(&str, Weighing, Ink); 4] = [
    ("linear", Weighing::Slots, Ink::Series(1)),
    ("generalized linear", Weighing::MappedSlots, Ink::Series(2)),
    ("attention", Weighing::Attention, Ink::Series(0)),
    ("linear-time attention", Weighing::LinearAttention, Ink::Series(3)),
];
const LINEAR: usize = 0;
const ATTENTION: usize = 2;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Two clouds, the direction along which the second is the first stretched, and the largest W on a grid, NaN until it is asked for.
struct Pair {
    measures: Projected,
    hidden: [f64; 3],
    largest: f64,
}

impl Pair {
    /// X uniform on the sphere, Y = X stretched along u in the positive octant: a direction and its opposite show the same, and no continuous
    /// predictor that treats both clouds alike could pick one of the two all around the sphere.
    fn draw(shuffle: bool, random: &mut Random) -> Self {
        let x = directions(3, POINTS, random);
        let mut hidden = [0.0; 3].map(|_: f64| random.normal().abs() + 0.05);
        let length = dot(&hidden, &hidden).sqrt();
        hidden.iter_mut().for_each(|u| *u /= length);
        let stretch = random.between(1.8, 2.8) - 1.0;
        let mut x: Vec<&[f64]> = x.chunks_exact(3).collect();
        x.sort_by(|a, b| dot(a, &hidden).total_cmp(&dot(b, &hidden)));
        let stretched = |x: &&[f64]| [0, 1, 2].map(|k| x[k] + stretch * dot(x, &hidden) * hidden[k]);
        let mut y: Vec<[f64; 3]> = x.iter().map(stretched).collect();
        if shuffle {
            random.shuffle(&mut x);
            random.shuffle(&mut y);
        }
        let (mut x, mut y) = (x.concat(), y.concat());
        centre(&mut x, &mut y, 3);
        Pair { measures: Projected::equal(&x, &y, 3), hidden, largest: f64::NAN }
    }

    fn look_for_largest(&mut self, grid: &[f64]) {
        self.largest = grid.chunks_exact(3).map(|line| self.measures.squared(line)).fold(0.0, f64::max);
    }
}

/// Shifts both clouds alike so that the mean of their union is 0: their difference stays.
fn centre(x: &mut [f64], y: &mut [f64], d: usize) {
    for k in 0..d {
        let sum: f64 = x.iter().chain(&*y).skip(k).step_by(d).sum();
        let mean = sum * d as f64 / (x.len() + y.len()) as f64;
        x.iter_mut().skip(k).step_by(d).chain(y.iter_mut().skip(k).step_by(d)).for_each(|v| *v -= mean);
    }
}

/// Exact W₂ between two clouds of the plane.
fn exact(x: &[f64], y: &[f64]) -> f64 {
    let apart = |x: &[f64], y: &[f64]| (x[0] - y[0]) * (x[0] - y[0]) + (x[1] - y[1]) * (x[1] - y[1]);
    let costs: Vec<f64> = x.chunks_exact(2).flat_map(|x| y.chunks_exact(2).map(move |y| apart(x, y))).collect();
    let equal = vec![1.0 / POINTS as f64; POINTS];
    let mut simplex = NetworkSimplex::new(&costs, &equal, &equal);
    while !simplex.advance(1e6) {}
    simplex.certificate().primal.max(0.0).sqrt()
}

fn floats(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// Two autoencoders of written digits as clouds, from the same weights: one trained by the sliced distance, one by the amortized one.
struct Reconstruction {
    pictures: Rc<Pictures>,
    /// Images to learn from, in random order, after those to judge by.
    order: Vec<usize>,
    learners: [PointLearner; 2],
    predictor: Learner,
    random: Random,
    draws: Random,
    /// Clouds of the step on its way, and how many learners have made it.
    batch: Vec<f64>,
    moved: usize,
    done: usize,
    judged: Vec<f64>,
    /// What both made of the first of these.
    pictured: [Vec<f64>; 2],
    /// Step and mean exact W₂ of both.
    records: Vec<(f64, [f64; 2])>,
}

impl Reconstruction {
    fn new(controls: &Controls, seed: u64, pictures: Rc<Pictures>) -> Self {
        let order = Random::new(seed, "images").permutation(pictures.len());
        let network = PointAutoencoder::new(POINTS, 2, &mut Random::new(seed, "autoencoder"));
        let weighing = PREDICTORS[controls.predictor as usize].1;
        let predictor = Predictor::new(weighing, POINTS, 2, &mut Random::new(seed, "plane predictor"));
        let mut random = Random::new(seed, "clouds");
        let judged = order[..JUDGED].iter().flat_map(|i| pictures.cloud(*i, POINTS, &mut random)).collect();
        Reconstruction {
            learners: std::array::from_fn(|_| PointLearner::new(network.clone(), RECONSTRUCTION_RATE)),
            predictor: Learner::new(predictor, RATE, Random::new(seed, "plane draws")),
            random,
            draws: Random::new(seed, "slices"),
            batch: Vec::new(),
            moved: 0,
            done: 0,
            judged,
            pictured: Default::default(),
            records: Vec::new(),
            pictures,
            order,
        }
    }

    /// The directions by which the reconstruction `y` of `x` is judged.
    fn directions(&mut self, which: usize, x: &[f64], y: &[f64], kappa: f64) -> Vec<f64> {
        if which == 0 {
            return directions(2, DIRECTIONS, &mut self.draws);
        }
        let (mut x, mut y) = (x.to_vec(), y.to_vec());
        centre(&mut x, &mut y, 2);
        let predicted = self.predictor.predictor.direction(&x, &y);
        (0..DIRECTIONS).flat_map(|_| Around::draw(&predicted, kappa, &mut self.draws).direction).collect()
    }

    /// One step of one autoencoder; before the second one's, a step of its predictor.
    fn advance(&mut self, kappa: f64) -> usize {
        if self.records.len() * JUDGED_EVERY <= self.done && self.moved == 0 {
            self.judge();
            return SLICE;
        }
        if self.moved == 0 {
            self.batch.clear();
            for _ in 0..CLOUDS {
                let image = self.order[JUDGED + self.random.below(self.order.len() - JUDGED)];
                self.batch.extend(self.pictures.cloud(image, POINTS, &mut self.random));
            }
        }
        let which = self.moved;
        let batch = std::mem::take(&mut self.batch);
        let clouds = floats(&batch);
        let made = doubles(self.learners[which].network.forward(&clouds));
        let pairs = || batch.chunks_exact(2 * POINTS).zip(made.chunks_exact(2 * POINTS));
        if which == 1 {
            for (x, y) in pairs().take(LEARNED_FROM) {
                let (mut x, mut y) = (x.to_vec(), y.to_vec());
                centre(&mut x, &mut y, 2);
                self.predictor.see(&Projected::equal(&x, &y, 2), kappa, DIRECTIONS, 1.0 / LEARNED_FROM as f64);
            }
            self.predictor.step();
        }
        let mut slope = Vec::with_capacity(batch.len());
        let share = 2.0 / (DIRECTIONS * CLOUDS) as f64;
        for (x, y) in pairs() {
            let measures = Projected::equal(x, y, 2);
            let mut by = vec![0.0; y.len()];
            for line in self.directions(which, x, y, kappa).chunks_exact(2) {
                for entry in measures.along(line).1 {
                    let (x, y) = (&x[2 * entry.row..][..2], &y[2 * entry.column..][..2]);
                    let apart = share * entry.mass * ((y[0] - x[0]) * line[0] + (y[1] - x[1]) * line[1]);
                    (0..2).for_each(|k| by[2 * entry.column + k] += apart * line[k]);
                }
            }
            slope.extend(floats(&by));
        }
        self.learners[which].step(&clouds, &slope);
        self.batch = batch;
        self.moved += 1;
        if self.moved == 2 {
            (self.moved, self.done) = (0, self.done + 1);
        }
        1500 + 2000 * which
    }

    /// Holds what both make of the clouds to judge by against these.
    fn judge(&mut self) {
        let judged = floats(&self.judged);
        let means = [0, 1].map(|which| {
            let made = doubles(self.learners[which].network.forward(&judged));
            let pairs = self.judged.chunks_exact(2 * POINTS).zip(made.chunks_exact(2 * POINTS));
            let mean = pairs.map(|(x, y)| exact(x, y)).sum::<f64>() / JUDGED as f64;
            self.pictured[which] = made[..2 * POINTS * PICTURED].to_vec();
            mean
        });
        self.records.push((self.done as f64, means));
    }

    fn finished(&self) -> bool {
        self.done == RECONSTRUCTION_STEPS && self.records.len() * JUDGED_EVERY > self.done
    }
}

/// A run: the largest W of the held-out pairs, all predictors in training side by side, then two autoencoders.
pub struct AmortizedSlicedProjections {
    controls: Controls,
    grid: Vec<f64>,
    scale_grid: Vec<f64>,
    trained: Vec<Pair>,
    held_out: Vec<Pair>,
    /// Held-out pairs whose largest W is known, and the sum of the mean share of all directions.
    known: usize,
    random_share: f64,
    learners: Vec<Learner>,
    /// The batch of the step on its way, and how many (predictor, pair) it has seen.
    batch: Vec<usize>,
    seen: usize,
    done: usize,
    random: Random,
    /// Held-out pairs looked at for the record on its way, and the sums of shares.
    looked: usize,
    sums: [f64; 4],
    records: Vec<(f64, [f64; 4])>,
    /// Of the pictured pair: W over the sphere, its best direction, and every predictor's at every record.
    map: Vec<f32>,
    best: Vec<f64>,
    pictured: Vec<[Vec<f64>; 4]>,
    reconstruction: Reconstruction,
}

impl AmortizedSlicedProjections {
    fn trained(&self) -> bool {
        self.done == self.controls.steps && self.records.last().is_some_and(|record| record.0 == self.done as f64)
    }

    fn record_due(&self) -> bool {
        let due = self.done.is_multiple_of(self.controls.steps.div_ceil(RECORDS)) || self.done == self.controls.steps;
        due && self.records.last().is_none_or(|record| record.0 != self.done as f64)
    }

    /// A part of the work; about how many microseconds it took.
    fn advance(&mut self) -> usize {
        if self.known < HELD_OUT {
            let pair = &mut self.held_out[self.known];
            let values: Vec<f64> = self.grid.chunks_exact(3).map(|line| pair.measures.squared(line)).collect();
            pair.largest = values.iter().fold(0.0, |a, b| a.max(*b));
            self.random_share += values.iter().sum::<f64>() / (GRID * HELD_OUT) as f64 / pair.largest;
            self.known += 1;
            1200
        } else if self.record_due() {
            self.look()
        } else if !self.trained() {
            self.train()
        } else {
            self.reconstruction.advance(self.controls.concentration)
        }
    }

    /// One pair for one predictor; after the last, everybody steps.
    fn train(&mut self) -> usize {
        if self.batch.is_empty() {
            self.batch = (0..BATCH).map(|_| self.random.below(TRAINED)).collect();
        }
        let pair = &mut self.trained[self.batch[self.seen / PREDICTORS.len()]];
        if pair.largest.is_nan() {
            pair.look_for_largest(&self.scale_grid);
            return 200;
        }
        let learner = &mut self.learners[self.seen % PREDICTORS.len()];
        let scale = 1.0 / (pair.largest * BATCH as f64);
        learner.see(&pair.measures, self.controls.concentration, self.controls.projections, scale);
        self.seen += 1;
        if self.seen == BATCH * PREDICTORS.len() {
            self.learners.iter_mut().for_each(Learner::step);
            self.batch.clear();
            (self.seen, self.done) = (0, self.done + 1);
        }
        30 + 5 * self.controls.projections
    }

    /// One held-out pair; after the last, the record.
    fn look(&mut self) -> usize {
        let pair = &self.held_out[self.looked];
        let [x, y] = pair.measures.points();
        let predicted: Vec<Vec<f64>> = self.learners.iter().map(|learner| learner.predictor.direction(x, y)).collect();
        for (sum, direction) in self.sums.iter_mut().zip(&predicted) {
            *sum += pair.measures.squared(direction) / pair.largest / HELD_OUT as f64;
        }
        if self.looked == 0 {
            // Of two opposite directions the one on the hidden direction's side.
            let towards = |direction: &Vec<f64>| {
                let sign = if dot(direction, &pair.hidden) < 0.0 { -1.0 } else { 1.0 };
                direction.iter().map(|e| sign * e).collect()
            };
            self.pictured.push(std::array::from_fn(|k| towards(&predicted[k])));
        }
        self.looked += 1;
        if self.looked == HELD_OUT {
            self.records.push((self.done as f64, self.sums));
            (self.looked, self.sums) = (0, [0.0; 4]);
        }
        150
    }

    fn shown(&self) -> usize {
        self.controls.predictor as usize
    }

    /// The direction that the pictures show, once there is one.
    fn predicted(&self) -> Option<&Vec<f64>> {
        self.pictured.last().map(|pictured| &pictured[self.shown()])
    }
}

/// Longitude and latitude in degrees.
fn place(direction: &[f64]) -> (f64, f64) {
    (atan2(direction[1], direction[0]) * 180.0 / PI, asin(direction[2].clamp(-1.0, 1.0)) * 180.0 / PI)
}

/// The views.
impl AmortizedSlicedProjections {
    fn pair_space(&self) -> Space {
        const FAR: f32 = 3.2;
        let [x, y] = self.held_out[0].measures.points();
        let at = |points: &[f64], scale: f32| -> Vec<[f32; 3]> {
            points.chunks_exact(3).map(|p| std::array::from_fn(|k| scale * p[k] as f32)).collect()
        };
        let cloud = |name: &str, ink, at, size| Cloud { name: name.into(), ink, at, size };
        let mut clouds = vec![cloud("X", Ink::Muted, at(x, 1.0), 4.0), cloud("Y, stretched", Ink::Series(4), at(y, 1.0), 4.0)];
        let line = |direction: &[f64], from: f32, ink, dashed, arrow| {
            let [from, to] = [from, FAR].map(|scale| at(direction, scale)[0]);
            Segment { from, to, ink, dashed, arrow }
        };
        let mut segments = vec![line(&self.best, -FAR, Ink::Text, true, false)];
        clouds.push(cloud("the best direction (dashed)", Ink::Text, at(&self.best, FAR), 5.0));
        if let Some(predicted) = self.predicted() {
            let (name, _, ink) = PREDICTORS[self.shown()];
            let mut random = Random::new(0, "picture");
            let draw = |_| Around::draw(predicted, self.controls.concentration, &mut random).direction;
            let drawn: Vec<f64> = (0..DRAWN).flat_map(draw).collect();
            clouds.push(cloud(&format!("drawn around {name}'s (arrow)"), ink, at(&drawn, FAR), 2.5));
            segments.push(line(predicted, 0.0, ink, false, true));
        }
        Space { axes: ["first", "second", "third"].map(String::from), clouds, segments, reach: FAR }
    }

    fn sphere(&self) -> HeatMap {
        let (name, _, ink) = PREDICTORS[self.shown()];
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for pictured in &self.pictured {
            let (longitude, latitude) = place(&pictured[self.shown()]);
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
            value: Axis::linear("W(θ)"),
            columns: COLUMNS,
            values: self.map.clone(),
            paths: vec![best, Path { name: format!("{name}, in training"), ink, x, y }],
            ..HeatMap::default()
        }
    }

    fn share_chart(&self) -> Chart {
        let mut marks = Vec::new();
        if self.known == HELD_OUT {
            marks.push(Mark::at_y("any direction", self.random_share));
        }
        for (k, (name, _, ink)) in PREDICTORS.into_iter().enumerate() {
            let (x, y) = self.records.iter().map(|record| (record.0, record.1[k])).unzip();
            marks.push(Mark::line(name, ink, x, y));
        }
        Chart {
            x: Axis::linear("step").range(0.0, self.controls.steps as f64),
            y: Axis::linear("share of the largest W on new pairs").range(0.0, 1.0),
            marks,
            ..Chart::default()
        }
    }

    fn densities(&self) -> Chart {
        const PLACES: usize = 121;
        const END: f64 = 3.2;
        let grid: Vec<f64> = (0..PLACES).map(|i| END * (2.0 * i as f64 / (PLACES - 1) as f64 - 1.0)).collect();
        let density = |shadow: &[f64]| -> Vec<f64> {
            let width = 0.2;
            let at = |t: &f64| shadow.iter().map(|s| exp(-(t - s) * (t - s) / (2.0 * width * width))).sum::<f64>();
            grid.iter().map(|t| at(t) / (POINTS as f64 * width * (2.0 * PI).sqrt())).collect()
        };
        let measures = &self.held_out[0].measures;
        let [best_x, best_y] = measures.shadows(&self.best);
        let mut marks = vec![
            Mark::dashed("X, along the best", Ink::Muted, grid.clone(), density(&best_x)),
            Mark::dashed("Y, along the best", Ink::Series(4), grid.clone(), density(&best_y)),
        ];
        if let Some(predicted) = self.predicted() {
            let [x, y] = measures.shadows(predicted);
            marks.push(Mark::line("X, as predicted", Ink::Muted, grid.clone(), density(&x)));
            marks.push(Mark::line("Y, as predicted", Ink::Series(4), grid.clone(), density(&y)));
        }
        let x = Axis::linear("place along the direction").range(-END, END);
        Chart { x, y: Axis::linear("density of the shadow"), marks, ..Chart::default() }
    }

    fn reconstruction_chart(&self) -> Chart {
        let records = &self.reconstruction.records;
        let curve = |which: usize, name: &str, ink| {
            let (x, y) = records.iter().map(|record| (record.0, record.1[which])).unzip();
            Mark::line(name, ink, x, y)
        };
        let (x, y) = (Axis::linear("step").range(0.0, RECONSTRUCTION_STEPS as f64), Axis::log("exact W₂ to the original"));
        let ink = PREDICTORS[self.shown()].2;
        let marks = vec![curve(0, "sliced, SW", Ink::Series(5)), curve(1, "amortized, v-DSW", ink)];
        Chart { x, y, marks, ..Chart::default() }
    }

    fn clouds_chart(&self) -> Chart {
        let row = |clouds: &[f64], below: f64| -> (Vec<f64>, Vec<f64>) {
            let place = |(k, p): (usize, &[f64])| (p[0] + 2.4 * (k / POINTS) as f64, p[1] - 2.4 * below);
            clouds.chunks_exact(2).take(PICTURED * POINTS).enumerate().map(place).unzip()
        };
        let points = |name: &str, ink, (x, y): (Vec<f64>, Vec<f64>)| Mark::points(name, ink, x, y, 3.0);
        let ink = PREDICTORS[self.shown()].2;
        let marks = vec![
            points("originals", Ink::Muted, row(&self.reconstruction.judged, 0.0)),
            points("sliced, SW", Ink::Series(5), row(&self.reconstruction.pictured[0], 1.0)),
            points("amortized, v-DSW", ink, row(&self.reconstruction.pictured[1], 2.0)),
        ];
        let x = Axis::linear("four digits nobody has trained on").range(-1.2, 2.4 * PICTURED as f64 - 1.2);
        Chart { x, y: Axis::linear("").range(-6.0, 1.2), marks, equal: true, ..Chart::default() }
    }
}

run::views! { AmortizedSlicedProjections, Controls:
    pair "A pair of clouds nobody has trained on" "The arrow is the network's guess, the dashed line the best direction. Turn the picture until they lie apart." => pair_space;
    sphere "Every direction's W" "Opposite directions show the same, so there are two peaks. The path is the guess in training." => sphere;
    share "Share of the largest W" "Weights on slots cannot follow shuffled points; attention does not see the order." => share_chart;
    densities "Both shadows" "Along a good direction one shadow is much wider than the other. Dashed: along the best." => densities;
    reconstruction "Two autoencoders" "One trained by random directions, one by predicted ones. Is either better by a distance that neither trains on?" => reconstruction_chart;
    clouds "What they make of digits" "A code of sixteen numbers has to tell all 48 points." => clouds_chart;
}

impl AmortizedSlicedProjections {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        let mut work = 0;
        while work < SLICE && !self.reconstruction.finished() {
            work += self.advance();
        }
        let steps = self.controls.steps;
        let done = self.done + self.reconstruction.done + usize::from(self.reconstruction.finished());
        Ok(Progress { done, of: steps + RECONSTRUCTION_STEPS + 1 })
    }
}

impl Experiment for AmortizedSlicedProjections {
    const CARD: Card = Card {
        slug: "amortized-sliced-projections",
        title: "A small attention network that guesses where two clouds differ most",
        paper: Paper::new(
            "Self-Attention Amortized Distributional Projection Optimization for Sliced Wasserstein Point-Cloud Reconstruction",
            "Khai Nguyen, Dang Nguyen, Nhat Ho",
            2023,
        ),
        claim: "On new pairs of shuffled clouds the direction that the attention network predicts attains at least 0.9 of the largest W, and at least 0.3 more than linear weights on the points' slots do, in every seed.",
        reproduction: Reproduction::InPart,
        honesty: "The paper's claim is better reconstruction of large point clouds; what is judged here is what that rests on, the share of the largest W found, on clouds stretched along a hidden direction. A pointwise network under slot weights does as well in most seeds, and reconstruction of small digits, shown without a verdict, is worse than with random directions.",
        seeds: 5,
        unit: "step",
        presets: &[
            Preset::holds("default", "Attention on shuffled clouds", &[]),
            Preset::gone("break-it", "Sorted points: linear weights do as well", &[("shuffle", "off")]),
            Preset::open("linear", "Pictures of linear weights", &[("predictor", "linear")]),
            Preset::open("any direction", "κ = 0.1: nothing to climb, v-DSW is nearly SW", &[("concentration", "0.1")]),
            Preset::open("one direction", "κ = 1000: nearly Max-SW", &[("concentration", "1000"), ("projections", "1")]),
        ],
        data: &[Dataset::Digits],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let mut random = Random::new(seed, "pairs");
        let mut pairs = |count: usize| -> Vec<Pair> { (0..count).map(|_| Pair::draw(controls.shuffle, &mut random)).collect() };
        let (trained, held_out) = (pairs(TRAINED), pairs(HELD_OUT));
        let grid = fibonacci(GRID);
        let pictured = &held_out[0].measures;
        let mut climb = MaxSliced::new(pictured.clone());
        grid.chunks_exact(3).for_each(|line| _ = climb.offer(line));
        (0..50).for_each(|_| _ = climb.climb());
        let sign = if dot(&climb.direction, &held_out[0].hidden) < 0.0 { -1.0 } else { 1.0 };
        let cell = |i: usize| {
            let longitude = PI * (2.0 * ((i % COLUMNS) as f64 + 0.5) / COLUMNS as f64 - 1.0);
            let latitude = PI * (((i / COLUMNS) as f64 + 0.5) / ROWS as f64 - 0.5);
            pictured.squared(&[cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)]) as f32
        };
        let learner = |(name, weighing, _): (&str, Weighing, Ink)| {
            let predictor = Predictor::new(weighing, POINTS, 3, &mut Random::new(seed, name));
            Learner::new(predictor, RATE, Random::new(seed, "draws"))
        };
        Ok(AmortizedSlicedProjections {
            controls: controls.clone(),
            map: (0..COLUMNS * ROWS).map(cell).collect(),
            best: climb.direction.iter().map(|t| sign * t).collect(),
            grid,
            scale_grid: fibonacci(SCALE_GRID),
            trained,
            held_out,
            known: 0,
            random_share: 0.0,
            learners: PREDICTORS.map(learner).into(),
            batch: Vec::new(),
            seen: 0,
            done: 0,
            random: Random::new(seed, "batches"),
            looked: 0,
            sums: [0.0; 4],
            records: Vec::new(),
            pictured: Vec::new(),
            reconstruction: Reconstruction::new(controls, seed, library.pictures(Dataset::Digits)?),
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
        let shares = self.records.last().filter(|_| self.trained()).map_or([f64::NAN; 4], |record| record.1);
        let last = self.reconstruction.records.last().filter(|_| self.reconstruction.finished());
        let [sliced, amortized] = last.map_or([f64::NAN; 2], |record| record.1);
        ground::measures! {
            attention: shares[ATTENTION], linear: shares[LINEAR], generalized: shares[1], linear_time: shares[3],
            lead: shares[ATTENTION] - shares[LINEAR],
            any_direction: if self.known == HELD_OUT { self.random_share } else { f64::NAN },
            sliced_reconstruction: sliced, amortized_reconstruction: amortized,
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let [lead, attention] = ["lead", "attention"].map(|name| runs.least(name));
        let text = format!(
            "Attention attains {:.3} of the largest W on new pairs (at least {attention:.3}), linear weights {:.3}, any direction {:.3}; the lead is at least {lead:.3}.",
            runs.mean("attention"),
            runs.mean("linear"),
            runs.mean("any_direction"),
        );
        Verdict::at_least(lead, LEAD, text.replace("-0.", "−0.")).and(attention >= SHARE)
    }

    fn results(&self) -> Vec<Array> {
        let row = |record: &(f64, [f64; 4])| [&[record.0][..], &record.1].concat();
        let mut columns = vec!["step".to_string()];
        columns.extend(PREDICTORS.map(|(name, ..)| name.to_string()));
        let values = self.records.iter().flat_map(row).collect();
        vec![Array { name: "shares".into(), shape: vec![self.records.len(), 5], values, columns }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(controls: &Controls, seed: u64) -> AmortizedSlicedProjections {
        AmortizedSlicedProjections::new(controls, seed, &Library::shipped(&[Dataset::Digits])).unwrap()
    }

    /// The measures once the predictors are trained.
    fn measured(controls: &Controls, seed: u64) -> Measures {
        let mut run = start(controls, seed);
        while !run.trained() {
            run.advance();
        }
        run.measures()
    }

    #[test]
    fn sorted_points_are_all_that_linear_weights_need() {
        for seed in 0..5 {
            let measures = measured(&Controls { shuffle: false, ..Controls::default() }, seed);
            assert!(measures.get("linear") >= 0.95 && measures.get("lead") <= 0.05, "{measures:?}");
        }
    }

    #[test]
    fn another_seed_and_the_other_predictors() {
        let measures = measured(&Controls::default(), 100);
        assert!(measures.get("attention") >= SHARE && measures.get("lead") >= LEAD, "{measures:?}");
        assert!(measures.get("linear_time") >= 0.8, "{measures:?}");
        assert!((0.2..0.35).contains(&measures.get("any_direction")), "{measures:?}");
    }

    #[test]
    fn the_grid_finds_what_climbing_finds() {
        let run = start(&Controls::default(), 3);
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
