//! Networks whose features are watched: every hidden layer can be looked at, and the loss may pull at the last one.
//!
//! Both kinds end in the same way: the last hidden layer's activities are the features h, and the outputs are W h + b. Their
//! parameters are one flat vector, W (d×K, row by row) and b at its end.

use crate::methods::autodiff::{self, Function, Geometry, Var};
use crate::methods::nn::{self, Network};
use crate::methods::random::Random;

/// A network in training.
pub enum Learner {
    /// Fully connected.
    Dense(Box<Dense>),
    /// Convolutional.
    Convolutional(Box<Convolutional>),
}

/// A fully connected network and its last pass.
pub struct Dense {
    network: Network,
    tape: nn::Tape,
}

/// Two 3×3 convolutions (ReLU), the first followed by 2×2 mean pooling, then a hidden layer (ReLU) and the classifier, on grey
/// images of even height and width.
pub struct Convolutional {
    theta: Vec<f32>,
    height: usize,
    width: usize,
    channels: [usize; 2],
    hidden: usize,
    classes: usize,
    pass: Option<Pass>,
}

/// A forward pass: the tape, its parameters, the hidden layers and the outputs.
struct Pass {
    tape: autodiff::Tape<f32>,
    parameters: [Var; 8],
    layers: [Var; 3],
    logits: Var,
}

impl From<Network> for Learner {
    fn from(network: Network) -> Self {
        Learner::Dense(Box::new(Dense { network, tape: nn::Tape::default() }))
    }
}

impl Convolutional {
    /// Fresh weights, uniform in ±1/√fan_in. `channels` are the filters of the two convolutions.
    pub fn new(
        (height, width): (usize, usize),
        channels: [usize; 2],
        hidden: usize,
        classes: usize,
        random: &mut Random,
    ) -> Self {
        assert!(height % 2 == 0 && width % 2 == 0, "2×2 pooling needs even sides");
        let mut network = Convolutional { theta: Vec::new(), height, width, channels, hidden, classes, pass: None };
        for (fan_in, fan_out) in network.shapes() {
            let bound = (1.0 / fan_in as f64).sqrt();
            network.theta.extend((0..(fan_in + 1) * fan_out).map(|_| random.between(-bound, bound) as f32));
        }
        network
    }

    /// Inputs and outputs of the four linear maps.
    fn shapes(&self) -> [(usize, usize); 4] {
        let [first, second] = self.channels;
        let flat = second * self.height * self.width / 4;
        [(9, first), (9 * first, second), (flat, self.hidden), (self.hidden, self.classes)]
    }

    fn forward(&mut self, x: &[f32]) {
        let mut tape = autodiff::Tape::default();
        let (mut at, mut parameters) = (0, Vec::new());
        for (fan_in, fan_out) in self.shapes() {
            for count in [fan_in * fan_out, fan_out] {
                parameters.push(tape.leaf(self.theta[at..at + count].to_vec(), fan_out));
                at += count;
            }
        }
        let parameters: [Var; 8] = parameters.try_into().expect("four maps have eight parameters");
        let [w1, b1, w2, b2, w3, b3, w4, b4] = parameters;
        let whole = Geometry { channels: 1, height: self.height, width: self.width, side: 3 };
        let images = tape.leaf(x.to_vec(), self.height * self.width);
        let z = convolve(&mut tape, images, (w1, b1), whole);
        let a = tape.map(z, Function::Relu);
        let pooled = tape.mean_pool(a, Geometry { channels: self.channels[0], ..whole });
        let half = Geometry { channels: self.channels[0], height: self.height / 2, width: self.width / 2, side: 3 };
        let z = convolve(&mut tape, pooled, (w2, b2), half);
        let second = tape.map(z, Function::Relu);
        let z = tape.matmul(second, w3);
        let z = tape.add_row(z, b3);
        let features = tape.map(z, Function::Relu);
        let z = tape.matmul(features, w4);
        let logits = tape.add_row(z, b4);
        self.pass = Some(Pass { tape, parameters, layers: [pooled, second, features], logits });
    }

    fn pass(&self) -> &Pass {
        self.pass.as_ref().expect("a forward pass has been made")
    }

    fn backward(&mut self, delta: &[f32], push: &[f32], gradient: &mut [f32]) {
        let Pass { mut tape, parameters, layers, logits } = self.pass.take().expect("a forward pass has been made");
        let mut scalar = tape.loss(logits, |_, slope| {
            slope.extend_from_slice(delta);
            0.0
        });
        if !push.is_empty() {
            let pull = tape.loss(layers[2], |_, slope| {
                slope.extend_from_slice(push);
                0.0
            });
            scalar = tape.add(scalar, pull);
        }
        let slopes = tape.gradient(scalar);
        let all = parameters.iter().flat_map(|parameter| slopes.of(*parameter));
        gradient.iter_mut().zip(all).for_each(|(g, slope)| *g = *slope);
    }
}

/// A convolution and its bias, one a channel.
fn convolve(tape: &mut autodiff::Tape<f32>, images: Var, (filters, bias): (Var, Var), geometry: Geometry) -> Var {
    let pixels = geometry.height * geometry.width;
    let channels = tape.shape(filters).1;
    let z = tape.convolve(images, filters, geometry);
    let z = tape.channels_last(z, channels);
    let z = tape.add_row(z, bias);
    tape.channels_first(z, pixels)
}

impl Learner {
    /// Features of every hidden layer, the first one first.
    pub fn hidden(&self) -> Vec<usize> {
        match self {
            Learner::Dense(dense) => {
                let sizes = dense.network.sizes();
                sizes[1..sizes.len() - 1].to_vec()
            }
            Learner::Convolutional(network) => {
                let quarter = network.height * network.width / 4;
                vec![network.channels[0] * quarter, network.channels[1] * quarter, network.hidden]
            }
        }
    }

    /// K.
    pub fn classes(&self) -> usize {
        match self {
            Learner::Dense(dense) => *dense.network.sizes().last().expect("a network has an output"),
            Learner::Convolutional(network) => network.classes,
        }
    }

    /// All parameters; the last d·K + K are W and b.
    pub fn theta(&self) -> &[f32] {
        match self {
            Learner::Dense(dense) => &dense.network.theta,
            Learner::Convolutional(network) => &network.theta,
        }
    }

    /// The same, to be moved.
    pub fn theta_mut(&mut self) -> &mut [f32] {
        match self {
            Learner::Dense(dense) => &mut dense.network.theta,
            Learner::Convolutional(network) => &mut network.theta,
        }
    }

    /// Where among the parameters W and b begin.
    pub fn head(&self) -> (usize, usize) {
        let (d, k) = (*self.hidden().last().expect("a network has a hidden layer"), self.classes());
        let bias = self.theta().len() - k;
        (bias - d * k, bias)
    }

    /// Samples that are worked on in one go where time is short.
    pub fn handful(&self) -> usize {
        match self {
            Learner::Dense(_) => 200,
            Learner::Convolutional(network) => (1600 / (network.height * network.width)).max(4),
        }
    }

    /// The batch `x` (samples × inputs) through the network.
    pub fn forward(&mut self, x: &[f32]) {
        match self {
            Learner::Dense(dense) => dense.network.forward(x, &mut dense.tape),
            Learner::Convolutional(network) => network.forward(x),
        }
    }

    /// Activities of hidden layer `l` in the last forward pass (samples × features).
    pub fn layer(&self, l: usize) -> &[f32] {
        match self {
            Learner::Dense(dense) => dense.tape.layer(l + 1),
            Learner::Convolutional(network) => network.pass().tape.value(network.pass().layers[l]),
        }
    }

    /// Outputs of the last forward pass (samples × K).
    pub fn logits(&self) -> &[f32] {
        match self {
            Learner::Dense(dense) => dense.tape.logits(),
            Learner::Convolutional(network) => network.pass().tape.value(network.pass().logits),
        }
    }

    /// The gradient by all parameters after a forward pass, from `delta`, the loss's by the outputs, and `push`, the loss's by the
    /// features (or empty). There can be one backward pass a forward pass.
    pub fn backward(&mut self, delta: &[f32], push: &[f32], gradient: &mut [f32]) {
        match self {
            Learner::Dense(dense) => dense.network.backward_with(&mut dense.tape, delta, push, gradient),
            Learner::Convolutional(network) => network.backward(delta, push, gradient),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::nn::{Activation, Start, cross_entropy};

    fn learners() -> [Learner; 2] {
        let mut random = Random::new(1, "learners");
        let dense = Network::new(&[16, 7, 5, 3], Activation::Relu, Start::Uniform, &mut random);
        let network = Convolutional::new((4, 4), [2, 3], 5, 3, &mut random);
        [dense.into(), Learner::Convolutional(Box::new(network))]
    }

    /// Loss and a pull at the features, by central differences in single precision.
    #[test]
    fn gradients_match_finite_differences() {
        let mut random = Random::new(2, "samples");
        let x: Vec<f32> = (0..6 * 16).map(|_| 3.0 * random.normal() as f32).collect();
        let labels = [0, 1, 2, 0, 1, 2];
        for mut learner in learners() {
            let last = learner.hidden().len() - 1;
            let value = |learner: &mut Learner, delta: &mut Vec<f32>| {
                learner.forward(&x);
                let pull: f32 = learner.layer(last).iter().map(|h| 0.05 * h * h).sum();
                f64::from(cross_entropy(learner.logits(), &labels, delta)) + f64::from(pull)
            };
            let (mut delta, mut gradient) = (Vec::new(), vec![0.0; learner.theta().len()]);
            value(&mut learner, &mut delta);
            let push: Vec<f32> = learner.layer(last).iter().map(|h| 0.1 * h).collect();
            learner.backward(&delta, &push, &mut gradient);
            let mut seen = 0;
            for (i, gradient) in gradient.iter().enumerate() {
                let centre = learner.theta()[i];
                let mut at = |by: f32| {
                    learner.theta_mut()[i] = centre + by;
                    value(&mut learner, &mut Vec::new())
                };
                let slope = (at(1e-3) - at(-1e-3)) / 2e-3;
                learner.theta_mut()[i] = centre;
                // A unit that crosses 0 in between has no slope there; nearly all must agree.
                seen += usize::from((slope - f64::from(*gradient)).abs() < 1e-3);
            }
            assert!(seen * 20 >= gradient.len() * 19, "{seen} of {}", gradient.len());
            let large = gradient.iter().filter(|g| g.abs() > 5e-3).count();
            assert!(3 * large > gradient.len(), "{large} of {} are more than the tolerance", gradient.len());
        }
    }

    #[test]
    fn layers_have_the_sizes_they_say() {
        for mut learner in learners() {
            learner.forward(&[0.5; 2 * 16]);
            for (l, size) in learner.hidden().into_iter().enumerate() {
                assert_eq!(learner.layer(l).len(), 2 * size);
            }
            let (weights, bias) = learner.head();
            assert_eq!((bias - weights, learner.theta().len() - bias), (5 * 3, 3));
            let (d, k, theta) = (5, 3, learner.theta());
            let h = &learner.layer(learner.hidden().len() - 1)[..d];
            let score = |c: usize| theta[bias + c] + (0..d).map(|j| h[j] * theta[weights + j * k + c]).sum::<f32>();
            assert!((0..k).all(|c| (score(c) - learner.logits()[c]).abs() < 1e-5));
        }
    }
}
