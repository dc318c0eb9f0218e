//! A network trained on a classification problem, one batch a call, with its weights kept epoch by epoch.

use crate::network::dense::{Classification, Loss, accuracy};
use crate::network::model::{Model, Room};
use crate::number::dual::Dual;
use crate::number::real::Real;
use crate::optimize::{Optimizer, Rule};
use crate::random::Random;

/// A network on its way through training.
pub struct Training {
    /// The network as it is now.
    pub network: Model,
    /// The weights at the start and after every epoch.
    pub path: Vec<Vec<f32>>,
    /// Mean loss over the batches of every epoch.
    pub loss: Vec<f64>,
    recipe: Recipe,
    random: Random,
    order: Vec<usize>,
    at: usize,
    sum: f64,
    room: Room,
    x: Vec<f32>,
    y: Vec<u8>,
    delta: Vec<f32>,
    gradient: Vec<f32>,
}

/// How a network is trained.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// What is minimised.
    pub loss: Loss,
    /// What moves the weights.
    pub optimizer: Optimizer<f32>,
    /// λ: λθ is added to the gradient.
    pub decay: f64,
    /// Samples a batch; the last one of an epoch may have fewer.
    pub batch: usize,
}

/// What an epoch leaves.
pub struct Epoch {
    /// The weights at its end.
    pub theta: Vec<f32>,
    /// For every weight, the sum of its slopes over the batches, and of their squares.
    pub slopes: Vec<[f64; 2]>,
    /// Mean loss over the batches.
    pub loss: f64,
}

impl Training {
    /// Starts from `network`; batches of `samples` samples in an order drawn from `random`.
    pub fn new(network: impl Into<Model>, recipe: Recipe, samples: usize, random: Random) -> Self {
        let network = network.into();
        let theta = network.theta().to_vec();
        Training {
            network,
            loss: Vec::new(),
            recipe,
            random,
            order: (0..samples).collect(),
            at: 0,
            sum: 0.0,
            room: Room::default(),
            x: Vec::new(),
            y: Vec::new(),
            delta: Vec::new(),
            gradient: vec![0.0; theta.len()],
            path: vec![theta],
        }
    }

    /// Epochs done.
    pub fn epochs(&self) -> usize {
        self.loss.len()
    }

    /// How it is trained.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The gradient of the last batch, weight decay included; zeros before the first.
    pub fn gradient(&self) -> &[f32] {
        &self.gradient
    }

    /// One batch.
    pub fn step(&mut self, task: &Classification) {
        if self.at == 0 {
            self.random.shuffle(&mut self.order);
            self.sum = 0.0;
        }
        let end = (self.at + self.recipe.batch).min(self.order.len());
        task.batch(&self.order[self.at..end], &mut self.x, &mut self.y);
        self.network.forward(&self.x, &mut self.room);
        let loss = self.recipe.loss.slope(self.room.logits(), &self.y, &mut self.delta);
        self.sum += f64::from(loss) * self.y.len() as f64;
        self.network.backward(&mut self.room, &self.delta, None, &mut self.gradient);
        let theta = self.network.theta_mut();
        let decay = self.recipe.decay as f32;
        self.gradient.iter_mut().zip(&*theta).for_each(|(g, t)| *g += decay * t);
        self.recipe.optimizer.step(theta, &self.gradient);
        self.at = end % self.order.len();
        if self.at == 0 {
            self.loss.push(self.sum / self.order.len() as f64);
            self.path.push(self.network.theta().to_vec());
        }
    }
}

/// For those who go through whole epochs elsewhere.
impl Training {
    /// Step size, weight decay, loss and batch, if the weights are moved by plain gradient descent.
    pub fn plain(&self) -> Option<(f64, f64, Loss, usize)> {
        let Recipe { loss, optimizer, decay, batch } = &self.recipe;
        (optimizer.rule == Rule::Momentum { mu: 0.0 }).then_some((optimizer.step_size, *decay, *loss, *batch))
    }

    /// The samples in the order in which the next epochs will take them, one epoch after the other; between two epochs.
    pub fn orders(&self, epochs: usize) -> Vec<usize> {
        let (mut order, mut random) = (self.order.clone(), self.random.clone());
        let mut next = |_| {
            random.shuffle(&mut order);
            order.clone()
        };
        (0..epochs).flat_map(&mut next).collect()
    }

    /// Goes on by whole epochs, which left this.
    pub fn go_on(&mut self, epochs: &[Epoch]) {
        for epoch in epochs {
            self.random.shuffle(&mut self.order);
            self.network.theta_mut().copy_from_slice(&epoch.theta);
            self.path.push(epoch.theta.clone());
            self.loss.push(epoch.loss);
        }
    }
}

/// Mean loss and accuracy of a network on samples.
pub fn evaluate(network: &Model, loss: Loss, x: &[f32], y: &[u8], room: &mut Room) -> (f64, f64) {
    network.forward(x, room);
    // Loss by loss in double: a mean of thousands must not lose its last digits.
    let logits = room.logits();
    let losses = logits.chunks_exact(logits.len() / y.len()).zip(y).map(|(row, label)| loss.of_sample(row, *label));
    (losses.sum::<f64>() / y.len() as f64, accuracy(logits, y))
}

/// The gradient of the mean loss and its Hessian times `direction`, in double precision.
pub fn hessian_product(network: &Model, loss: Loss, x: &[f32], y: &[u8], direction: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let theta: Vec<f64> = network.theta().iter().map(|t| f64::from(*t)).collect();
    let dual = network.with(Dual::along(&theta, direction));
    let x: Vec<Dual<f64>> = x.iter().map(|v| Dual::real(f64::from(*v))).collect();
    let (mut room, mut delta) = (Room::default(), Vec::new());
    let mut gradient = vec![Dual::default(); theta.len()];
    dual.forward(&x, &mut room);
    loss.slope(room.logits(), y, &mut delta);
    dual.backward(&mut room, &delta, None, &mut gradient);
    gradient.into_iter().map(|g| (g.value, g.slope)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::autodiff::{Function, Geometry};
    use crate::network::dense::{Activation, Network, Start};
    use crate::network::layered::{Layer, Layered};
    use crate::network::points::Points;

    #[test]
    fn a_network_learns_moons() {
        let (x, y) = Points::Moons.draw(400, 0.1, &mut Random::new(0, "points"));
        let x: Vec<f32> = x.iter().flatten().map(|v| *v as f32).collect();
        let task = Classification { features: 2, x: x.clone(), y: y.clone(), test_x: Vec::new(), test_y: Vec::new() };
        let start = Start::Normal { gain: 2.0 };
        let network = Network::new(&[2, 16, 2], Activation::Relu, start, &mut Random::new(0, "weights"));
        let optimizer = Optimizer::new(Rule::Momentum { mu: 0.9 }, 0.1, network.theta.len());
        let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: 0.0, batch: 50 };
        let mut training = Training::new(network, recipe, 400, Random::new(0, "batches"));
        while training.epochs() < 40 {
            training.step(&task);
        }
        assert_eq!(training.path.len(), 41);
        let (loss, accuracy) = evaluate(&training.network, Loss::CrossEntropy, &x, &y, &mut Room::default());
        assert!(loss < 0.1 && accuracy > 0.97, "{loss} {accuracy}");
    }

    /// Noise of its own at every pass, of the deviation asked for; the slopes are those of the layers around it.
    #[test]
    fn noise_is_fresh_and_has_its_deviation() {
        let mut random = Random::new(5, "noise");
        let layers = vec![Layer::Dense { from: 1, to: 1 }, Layer::Noise { deviation: 0.3 }];
        let mut network = Layered::<f64>::new(layers, 1, Start::Uniform, &mut random);
        let (n, x) = (20_000.0, vec![0.0; 20_000]);
        network.theta.fill(1.0);
        let [one, other] = [network.forward(&x), network.forward(&x)];
        assert_ne!(one.logits(), other.logits());
        let mean = one.logits().iter().sum::<f64>() / n;
        let deviation = (one.logits().iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
        assert!((mean - 1.0).abs() < 0.01 && (deviation - 0.3).abs() < 0.01, "{mean} {deviation}");
        let mut gradient = vec![0.0; 2];
        network.backward(one, &vec![1.0; 20_000], None, &mut gradient);
        assert_eq!(gradient, [0.0, n]);
    }

    /// Every kind of network and both losses.
    #[test]
    fn hessian_products_match_differences_of_the_gradient() {
        let mut random = Random::new(1, "hessian");
        let dense = Network::<f32>::new(&[16, 5, 3], Activation::Tanh, Start::Uniform, &mut random);
        let image = Geometry { channels: 1, height: 4, width: 4, side: 3 };
        let wide = Geometry { channels: 2, ..image };
        let layers = vec![
            Layer::Convolve { geometry: image, to: 2 },
            Layer::Normalise { channels: 2 },
            Layer::Activate(Function::Gelu),
            Layer::Keep,
            Layer::Convolve { geometry: wide, to: 2 },
            Layer::AddKept,
            Layer::Activate(Function::Tanh),
            Layer::MeanPool(wide),
            Layer::Dense { from: 8, to: 3 },
        ];
        let convolutional = Layered::new(layers, 16, Start::Uniform, &mut random);
        let x: Vec<f32> = (0..7 * 16).map(|_| random.normal() as f32).collect();
        let y = [0, 1, 2, 2, 1, 0, 1];
        for (network, loss) in [
            (Model::from(dense.clone()), Loss::CrossEntropy),
            (dense.into(), Loss::Squared),
            (convolutional.clone().into(), Loss::CrossEntropy),
            (convolutional.into(), Loss::Squared),
        ] {
            // A direction that single precision can follow exactly: powers of two.
            let direction: Vec<f64> = (0..network.theta().len()).map(|i| [1.0, -0.5, 0.25][i % 3]).collect();
            let (gradient, product) = hessian_product(&network, loss, &x, &y, &direction);
            let along =
                |h: f64| -> Vec<f64> { network.theta().iter().zip(&direction).map(|(t, d)| f64::from(*t) + h * d).collect() };
            let x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            let moved = |theta: Vec<f64>| {
                let moved = network.with(theta);
                let (mut room, mut delta, mut gradient) = (Room::default(), Vec::new(), vec![0.0; direction.len()]);
                moved.forward(&x, &mut room);
                let value = loss.slope(room.logits(), &y, &mut delta);
                moved.backward(&mut room, &delta, None, &mut gradient);
                (value, gradient)
            };
            let (above, below) = (moved(along(1e-5)).1, moved(along(-1e-5)).1);
            let size = product.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for i in 0..direction.len() {
                assert!((product[i] - (above[i] - below[i]) / 2e-5).abs() < 1e-8 * size.max(1.0), "{i}");
                let mut theta = along(0.0);
                theta[i] += 1e-6;
                let up = moved(theta.clone()).0;
                theta[i] -= 2e-6;
                assert!((gradient[i] - (up - moved(theta).0) / 2e-6).abs() < 1e-8, "{i}");
            }
        }
    }

    #[test]
    fn a_layered_network_of_dense_layers_is_the_dense_one() {
        let random = || Random::new(3, "weights");
        let dense = Model::from(Network::<f32>::new(&[3, 4, 5, 2], Activation::Tanh, Start::Uniform, &mut random()));
        let tanh = Layer::Activate(Function::Tanh);
        let sizes = [(3, 4), (4, 5), (5, 2)].map(|(from, to)| Layer::Dense { from, to });
        let layers = vec![sizes[0], tanh, sizes[1], tanh, sizes[2]];
        let layered = Model::from(Layered::new(layers, 3, Start::Uniform, &mut random()));
        assert_eq!(layered.theta(), dense.theta());
        assert_eq!(layered.neurons(), dense.neurons());
        let x: Vec<f32> = (0..30).map(|i| libm::sinf(i as f32)).collect();
        let y: Vec<u8> = (0..10).map(|i| i % 2).collect();
        let direction = vec![1.0; dense.theta().len()];
        let both = [dense, layered].map(|m| hessian_product(&m, Loss::CrossEntropy, &x, &y, &direction));
        for (a, b) in both[0].1.iter().zip(&both[1].1) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn twins_are_the_same_function() {
        let mut random = Random::new(4, "twins");
        let relu = Layer::Activate(Function::Relu);
        let dense = |from, to| Layer::Dense { from, to };
        let residual = vec![dense(3, 4), relu, Layer::Keep, dense(4, 4), relu, dense(4, 4), Layer::AddKept, relu, dense(4, 2)];
        let normalised = vec![dense(3, 4), Layer::Normalise { channels: 4 }, Layer::Activate(Function::Tanh), dense(4, 2)];
        let x: Vec<f32> = (0..60).map(|_| random.normal() as f32).collect();
        for (layers, moved) in [(residual, 16 + 4 + 16), (normalised, 12)] {
            let network = Model::from(Layered::<f32>::new(layers, 3, Start::Normal { gain: 2.0 }, &mut random));
            let twin = network.twin(3.0).unwrap();
            let different = network.theta().iter().zip(twin.theta()).filter(|(a, b)| a != b).count();
            assert!(different >= moved - 8 && different <= moved, "{different}");
            let (mut room, mut other) = (Room::default(), Room::default());
            network.forward(&x, &mut room);
            twin.forward(&x, &mut other);
            let off = room.logits().iter().zip(other.logits()).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(off < 1e-4, "{off}");
        }
        let plain = vec![dense(3, 4), Layer::Activate(Function::Tanh), dense(4, 2)];
        assert!(Model::from(Layered::<f32>::new(plain, 3, Start::Uniform, &mut random)).twin(3.0).is_none());
    }
}
