//! A network with all that its training takes, and the batches that it is trained on.

use crate::linear::product::Product;
use crate::network::dense::{Network, Tape};
use crate::optimize::{Optimizer, Rule};
use crate::random::Random;

/// A network and what moves its weights.
#[derive(Clone, Debug)]
pub struct Learner<T = f32> {
    /// The network as it is now.
    pub network: Network<T>,
    /// What moves its weights.
    pub optimizer: Optimizer<T>,
    /// What the last forward pass left.
    pub tape: Tape<T>,
    /// The last gradient.
    pub gradient: Vec<T>,
}

impl<T: Product> Learner<T> {
    /// The network before its first step.
    pub fn new(network: Network<T>, rule: Rule, step_size: f64) -> Self {
        let size = network.theta.len();
        let optimizer = Optimizer::new(rule, step_size, size);
        Learner { network, optimizer, tape: Tape::default(), gradient: vec![T::default(); size] }
    }

    /// The outputs (samples × outputs) for the inputs `x` (samples × inputs).
    pub fn outputs(&mut self, x: &[T]) -> &[T] {
        self.network.forward(x, &mut self.tape);
        self.tape.logits()
    }

    /// One step down, `delta` being the slope of the loss by the last outputs.
    pub fn descend(&mut self, delta: &[T]) {
        self.network.backward(&mut self.tape, delta, &mut self.gradient);
        self.optimizer.step(&mut self.network.theta, &self.gradient);
    }
}

/// Samples in batches, shuffled before every epoch.
#[derive(Clone, Debug)]
pub struct Batches {
    /// The samples, in the order of this epoch.
    pub order: Vec<usize>,
    /// Samples a batch; the last one of an epoch may have fewer.
    pub size: usize,
    random: Random,
    at: usize,
    epochs: usize,
}

impl Batches {
    /// Batches of `size` of `samples`, in orders drawn from `random`.
    pub fn new(samples: Vec<usize>, size: usize, random: Random) -> Self {
        Batches { order: samples, size, random, at: 0, epochs: 0 }
    }

    /// How many batches make an epoch.
    pub fn an_epoch(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// Whole epochs so far.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// The samples of the next batch.
    pub fn next_batch(&mut self) -> &[usize] {
        if self.at == 0 {
            self.random.shuffle(&mut self.order);
        }
        let batch = self.at..(self.at + self.size).min(self.order.len());
        self.at = batch.end % self.order.len();
        self.epochs += usize::from(self.at == 0);
        &self.order[batch]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dense::{Activation, Start};

    #[test]
    fn batches_go_through_all_samples_in_every_epoch() {
        let mut batches = Batches::new((10..17).collect(), 3, Random::new(1, "batches"));
        assert_eq!(batches.an_epoch(), 3);
        for epoch in 1..4 {
            let mut seen: Vec<usize> = (0..3).flat_map(|_| batches.next_batch().to_vec()).collect();
            seen.sort();
            assert_eq!((seen, batches.epochs()), ((10..17).collect(), epoch));
        }
    }

    /// Least squares of y = 2x by one linear layer: its solution is known.
    #[test]
    fn a_line_is_learnt() {
        let network = Network::<f64>::new(&[1, 1], Activation::Tanh, Start::Uniform, &mut Random::new(2, "line"));
        let mut learner = Learner::new(network, Rule::Momentum { mu: 0.0 }, 0.1);
        let x = [-1.0, 0.0, 1.0, 2.0];
        for _ in 0..2000 {
            let delta: Vec<f64> = learner.outputs(&x).iter().zip(x).map(|(y, x)| (y - 2.0 * x) / 4.0).collect();
            learner.descend(&delta);
        }
        assert!(
            (learner.network.theta[0] - 2.0).abs() < 1e-9 && learner.network.theta[1].abs() < 1e-9,
            "{:?}",
            learner.network.theta
        );
    }
}
