//! Networks on digits that differ only in what moves their weights, on the same batches.

use methods::network::dense::{Activation, Classification, Network, Start, accuracy, cross_entropy};
use methods::network::learner::Learner;
use methods::optimize::{Rule, friction};
use run::prelude::*;

const TRAIN: usize = 1200;
const BATCH: usize = 64;
/// Whole batches of an epoch.
const BATCHES: usize = TRAIN / BATCH;
pub const EPOCHS: usize = 20;
/// Batches in all.
pub const STEPS: usize = EPOCHS * BATCHES;

/// Three copies of a network 64-64-10 (ReLU), the first moved by diffGrad.
pub struct Networks {
    task: Classification,
    learners: [Learner; 3],
    order: Vec<usize>,
    random: Random,
    /// ξ of every weight in the last step.
    pub xi: Vec<f64>,
    /// Means over the weights of ξ and |Δg|, by step.
    pub friction: Track<2>,
    /// Mean training loss over the last epoch and test accuracy, by epoch.
    pub loss: Track<3>,
    pub accuracy: Track<3>,
    epoch_loss: [f64; 3],
}

impl Networks {
    /// Before the first step, by rules with their learning rates.
    pub fn new(rules: [(Rule, f64); 3], seed: u64, library: &Library) -> Result<Self> {
        let pictures = library.pictures(Dataset::Digits)?;
        let order = Random::new(seed, "split").permutation(pictures.len());
        let start = Start::Normal { gain: 2.0 };
        let network = Network::new(&[64, 64, 10], Activation::Relu, start, &mut Random::new(seed, "weights"));
        Ok(Networks {
            task: pictures.classification(&order[..TRAIN], &order[TRAIN..], 16.0),
            xi: vec![0.5; network.theta.len()],
            learners: rules.map(|(rule, rate)| Learner::new(network.clone(), rule, rate)),
            order: (0..TRAIN).collect(),
            random: Random::new(seed, "batches"),
            friction: Track::default(),
            loss: Track::default(),
            accuracy: Track::default(),
            epoch_loss: [0.0; 3],
        })
    }

    /// One batch for every network, with diffGrad's `sharpness` for the friction.
    pub fn step(&mut self, sharpness: f64) {
        let batch = self.friction.len() % BATCHES;
        if batch == 0 {
            self.random.shuffle(&mut self.order);
            self.epoch_loss = [0.0; 3];
        }
        let (mut x, mut y, mut delta) = (Vec::new(), Vec::new(), Vec::new());
        self.task.batch(&self.order[batch * BATCH..(batch + 1) * BATCH], &mut x, &mut y);
        let before = self.learners[0].gradient.clone();
        for (learner, loss) in self.learners.iter_mut().zip(&mut self.epoch_loss) {
            *loss += f64::from(cross_entropy(learner.outputs(&x), &y, &mut delta)) / BATCHES as f64;
            learner.descend(&delta);
        }
        let mut change = 0.0;
        for ((xi, before), now) in self.xi.iter_mut().zip(before).zip(&self.learners[0].gradient) {
            change += f64::from((before - now).abs());
            *xi = friction(sharpness, f64::from(before - now));
        }
        let size = self.xi.len() as f64;
        self.friction.note(self.friction.len() + 1, [self.xi.iter().sum::<f64>() / size, change / size]);
        if batch + 1 == BATCHES {
            let epoch = self.loss.len() + 1;
            let Classification { test_x, test_y, .. } = &self.task;
            self.accuracy.note(epoch, self.learners.each_mut().map(|learner| accuracy(learner.outputs(test_x), test_y)));
            self.loss.note(epoch, self.epoch_loss);
        }
    }
}
