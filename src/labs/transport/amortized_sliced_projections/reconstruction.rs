//! Two autoencoders of written digits as clouds, from the same weights: one trained by the sliced distance, one by the amortized one.

use std::rc::Rc;

use methods::transport::{Around, NetworkSimplex, Projected, directions};
use run::data::Pictures;
use run::prelude::*;

use super::autoencoder::{PointAutoencoder, PointLearner};
use super::predictor::{Learner, Predictor, Weighing};
use super::{POINTS, RATE, centre};

/// Clouds a step, directions a cloud, rate, clouds of a step that the predictor learns from, and clouds that all is judged by.
const CLOUDS: usize = 32;
const DIRECTIONS: usize = 8;
const RECONSTRUCTION_RATE: f64 = 1e-3;
const LEARNED_FROM: usize = 8;
const JUDGED: usize = 24;

/// The autoencoder that random directions train, and the one that predicted directions train.
pub const SLICED: usize = 0;
pub const AMORTIZED: usize = 1;

/// Both autoencoders in training, and the predictor of the second one's directions.
pub struct Reconstruction {
    pictures: Rc<Pictures>,
    /// Images to learn from, in random order, after those to judge by.
    order: Vec<usize>,
    learners: [PointLearner; 2],
    predictor: Learner,
    kappa: f64,
    clouds: Random,
    slices: Random,
    /// The clouds to judge by, and what both made of them when they were last judged.
    pub originals: Vec<f64>,
    pub made: [Vec<f64>; 2],
}

impl Reconstruction {
    pub fn new((weighing, hidden): (Weighing, bool), kappa: f64, seed: u64, pictures: Rc<Pictures>) -> Self {
        let order = Random::new(seed, "images").permutation(pictures.len());
        let network = PointAutoencoder::new(POINTS, 2, &mut Random::new(seed, "autoencoder"));
        let predictor = Predictor::new(weighing, hidden, POINTS, 2, &mut Random::new(seed, "plane predictor"));
        let mut clouds = Random::new(seed, "clouds");
        Reconstruction {
            originals: order[..JUDGED].iter().flat_map(|i| pictures.cloud(*i, POINTS, &mut clouds)).collect(),
            made: Default::default(),
            learners: std::array::from_fn(|_| PointLearner::new(network.clone(), RECONSTRUCTION_RATE)),
            predictor: Learner::new(predictor, RATE, Random::new(seed, "plane draws")),
            kappa,
            clouds,
            slices: Random::new(seed, "slices"),
            pictures,
            order,
        }
    }

    /// The clouds of the next step.
    pub fn batch(&mut self) -> Vec<f64> {
        let mut batch = Vec::with_capacity(2 * POINTS * CLOUDS);
        for _ in 0..CLOUDS {
            let image = self.order[JUDGED + self.clouds.below(self.order.len() - JUDGED)];
            batch.extend(self.pictures.cloud(image, POINTS, &mut self.clouds));
        }
        batch
    }

    /// One step of one autoencoder down the mean W₂² along its directions; before the amortized one's, a step of its predictor.
    pub fn step(&mut self, which: usize, batch: &[f64]) {
        let clouds = floats(batch);
        let made = doubles(self.learners[which].network.forward(&clouds));
        let pairs = || batch.chunks_exact(2 * POINTS).zip(made.chunks_exact(2 * POINTS));
        if which == AMORTIZED {
            for (x, y) in pairs().take(LEARNED_FROM) {
                let [x, y] = centred(x, y);
                self.predictor.see(&Projected::equal(&x, &y, 2), self.kappa, DIRECTIONS, 1.0 / LEARNED_FROM as f64);
            }
            self.predictor.step();
        }
        let mut slope = Vec::with_capacity(batch.len());
        let share = 2.0 / (DIRECTIONS * CLOUDS) as f64;
        for (x, y) in pairs() {
            let measures = Projected::equal(x, y, 2);
            let mut by = vec![0.0; y.len()];
            for line in self.directions(which, x, y).chunks_exact(2) {
                for entry in measures.along(line).1 {
                    let (x, y) = (&x[2 * entry.row..][..2], &y[2 * entry.column..][..2]);
                    let apart = share * entry.mass * ((y[0] - x[0]) * line[0] + (y[1] - x[1]) * line[1]);
                    (0..2).for_each(|k| by[2 * entry.column + k] += apart * line[k]);
                }
            }
            slope.extend(floats(&by));
        }
        self.learners[which].step(&clouds, &slope);
    }

    /// The directions along which the reconstruction `y` of `x` is pulled.
    fn directions(&mut self, which: usize, x: &[f64], y: &[f64]) -> Vec<f64> {
        if which == SLICED {
            return directions(2, DIRECTIONS, &mut self.slices);
        }
        let [x, y] = centred(x, y);
        let predicted = self.predictor.predictor.direction(&x, &y);
        (0..DIRECTIONS).flat_map(|_| Around::draw(&predicted, self.kappa, &mut self.slices).direction).collect()
    }

    /// The mean exact W₂ between the clouds to judge by and what one autoencoder makes of them.
    pub fn judge(&mut self, which: usize) -> f64 {
        self.made[which] = doubles(self.learners[which].network.forward(&floats(&self.originals)));
        let pairs = self.originals.chunks_exact(2 * POINTS).zip(self.made[which].chunks_exact(2 * POINTS));
        pairs.map(|(x, y)| exact(x, y)).sum::<f64>() / JUDGED as f64
    }
}

fn centred(x: &[f64], y: &[f64]) -> [Vec<f64>; 2] {
    let (mut x, mut y) = (x.to_vec(), y.to_vec());
    centre(&mut x, &mut y, 2);
    [x, y]
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
