//! A dense network trained on a classification problem, one batch a call, with its weights kept epoch by epoch.

use super::dual::Dual;
use super::nn::{Classification, Network, Tape, accuracy, cross_entropy};
use super::optimize::Optimizer;
use super::random::Random;
use super::real::Real;

/// A network on its way through training.
pub struct Training {
    /// The network as it is now.
    pub network: Network,
    /// The weights at the start and after every epoch.
    pub path: Vec<Vec<f32>>,
    /// Mean loss over the batches of every epoch.
    pub loss: Vec<f64>,
    optimizer: Optimizer<f32>,
    decay: f32,
    batch: usize,
    random: Random,
    order: Vec<usize>,
    at: usize,
    sum: f64,
    room: Room,
}

/// Memory that is used again for every batch.
#[derive(Default)]
struct Room {
    tape: Tape,
    x: Vec<f32>,
    y: Vec<u8>,
    delta: Vec<f32>,
    gradient: Vec<f32>,
}

impl Training {
    /// Starts from `network`; `decay` λ adds λθ to the gradient; batches of `batch` samples in an order drawn from `random`.
    pub fn new(network: Network, optimizer: Optimizer<f32>, decay: f64, batch: usize, samples: usize, random: Random) -> Self {
        let room = Room { gradient: vec![0.0; network.theta.len()], ..Room::default() };
        Training {
            path: vec![network.theta.clone()],
            network,
            loss: Vec::new(),
            optimizer,
            decay: decay as f32,
            batch: batch.min(samples),
            random,
            order: (0..samples).collect(),
            at: 0,
            sum: 0.0,
            room,
        }
    }

    /// Epochs done.
    pub fn epochs(&self) -> usize {
        self.loss.len()
    }

    /// The gradient of the last batch, weight decay included; zeros before the first.
    pub fn gradient(&self) -> &[f32] {
        &self.room.gradient
    }

    /// One batch; the last one of an epoch may be smaller.
    pub fn step(&mut self, task: &Classification) {
        if self.at == 0 {
            self.random.shuffle(&mut self.order);
            self.sum = 0.0;
        }
        let end = (self.at + self.batch).min(self.order.len());
        let Room { tape, x, y, delta, gradient } = &mut self.room;
        task.batch(&self.order[self.at..end], x, y);
        self.network.forward(x, tape);
        self.sum += f64::from(cross_entropy(tape.logits(), y, delta)) * y.len() as f64;
        self.network.backward(tape, delta, gradient);
        gradient.iter_mut().zip(&self.network.theta).for_each(|(g, t)| *g += self.decay * t);
        self.optimizer.step(&mut self.network.theta, gradient);
        self.at = end % self.order.len();
        if self.at == 0 {
            self.loss.push(self.sum / self.order.len() as f64);
            self.path.push(self.network.theta.clone());
        }
    }
}

/// Mean cross-entropy and accuracy of a network on samples.
pub fn evaluate(network: &Network, x: &[f32], y: &[u8], tape: &mut Tape) -> (f64, f64) {
    network.forward(x, tape);
    // Loss by loss in double: a mean of thousands must not lose its last digits.
    let classes = tape.logits().len() / y.len();
    let losses = tape.logits().chunks_exact(classes).zip(y).map(|(row, label)| sample_loss(row, *label));
    (losses.sum::<f64>() / y.len() as f64, accuracy(tape.logits(), y))
}

/// Cross-entropy of one sample from its logits, nats.
pub fn sample_loss(logits: &[f32], label: u8) -> f64 {
    let top = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let sum: f64 = logits.iter().map(|z| libm::exp(f64::from(z - top))).sum();
    libm::log(sum) + f64::from(top - logits[usize::from(label)])
}

/// The gradient of the mean cross-entropy and its Hessian times `direction`, in double precision.
pub fn hessian_product(network: &Network, x: &[f32], y: &[u8], direction: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let theta: Vec<f64> = network.theta.iter().map(|t| f64::from(*t)).collect();
    let dual = network.with(Dual::along(&theta, direction));
    let x: Vec<Dual<f64>> = x.iter().map(|v| Dual::real(f64::from(*v))).collect();
    let (mut tape, mut delta) = (Tape::default(), Vec::new());
    let mut gradient = vec![Dual::default(); theta.len()];
    dual.forward(&x, &mut tape);
    cross_entropy(tape.logits(), y, &mut delta);
    dual.backward(&mut tape, &delta, &mut gradient);
    gradient.into_iter().map(|g| (g.value, g.slope)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generate::Points;
    use crate::methods::nn::{Activation, Start};
    use crate::methods::optimize::Rule;

    #[test]
    fn a_network_learns_moons() {
        let (x, y) = Points::Moons.draw(400, 0.1, &mut Random::new(0, "points"));
        let x: Vec<f32> = x.iter().flatten().map(|v| *v as f32).collect();
        let task = Classification { features: 2, x: x.clone(), y: y.clone(), test_x: Vec::new(), test_y: Vec::new() };
        let start = Start::Normal { gain: 2.0 };
        let network = Network::new(&[2, 16, 2], Activation::Relu, start, &mut Random::new(0, "weights"));
        let optimizer = Optimizer::new(Rule::Momentum { mu: 0.9 }, 0.1, network.theta.len());
        let mut training = Training::new(network, optimizer, 0.0, 50, 400, Random::new(0, "batches"));
        while training.epochs() < 40 {
            training.step(&task);
        }
        assert_eq!(training.path.len(), 41);
        let (loss, accuracy) = evaluate(&training.network, &x, &y, &mut Tape::default());
        assert!(loss < 0.1 && accuracy > 0.97, "{loss} {accuracy}");
    }

    #[test]
    fn hessian_products_match_differences_of_the_gradient() {
        let mut random = Random::new(1, "hessian");
        let network = Network::<f32>::new(&[2, 5, 3], Activation::Tanh, Start::Uniform, &mut random);
        let x: Vec<f32> = (0..14).map(|_| random.normal() as f32).collect();
        let y = [0, 1, 2, 2, 1, 0, 1];
        // A direction that single precision can follow exactly: powers of two.
        let direction: Vec<f64> = (0..network.theta.len()).map(|i| [1.0, -0.5, 0.25][i % 3]).collect();
        let (_, product) = hessian_product(&network, &x, &y, &direction);
        let moved = |h: f64| {
            let theta: Vec<f64> = network.theta.iter().zip(&direction).map(|(t, d)| f64::from(*t) + h * d).collect();
            let dual = network.with(theta);
            let x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            let (mut tape, mut delta, mut gradient) = (Tape::default(), Vec::new(), vec![0.0; direction.len()]);
            dual.forward(&x, &mut tape);
            cross_entropy(tape.logits(), &y, &mut delta);
            dual.backward(&mut tape, &delta, &mut gradient);
            gradient
        };
        let (above, below) = (moved(1e-5), moved(-1e-5));
        for i in 0..direction.len() {
            assert!((product[i] - (above[i] - below[i]) / 2e-5).abs() < 1e-8);
        }
    }
}
