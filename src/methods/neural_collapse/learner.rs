//! Networks whose features are watched: every hidden layer can be looked at, and the loss may pull at the last one.
//!
//! All end in the same way: the last hidden layer's activities are the features h, and the outputs are W h + b. Their parameters
//! are one flat vector, W (d×K, row by row) and b at its end.

use crate::network::autodiff::{Function, Geometry};
use crate::network::dense::{Network, Start};
use crate::network::layered::{Layer, Layered};
use crate::network::model::{Model, Room};
use crate::random::Random;

/// A network in training, and its last pass.
pub struct Learner {
    model: Model,
    room: Room,
    /// The layers that are watched, and how many features each has.
    watched: Vec<(usize, usize)>,
    classes: usize,
}

impl From<Network> for Learner {
    fn from(network: Network) -> Self {
        let sizes = network.sizes();
        let watched = sizes[1..sizes.len() - 1].iter().copied().enumerate().collect();
        let classes = sizes[sizes.len() - 1];
        Learner { model: network.into(), room: Room::default(), watched, classes }
    }
}

impl Learner {
    /// Two 3×3 convolutions (ReLU), the first followed by 2×2 mean pooling, then a hidden layer (ReLU) and the classifier, on grey
    /// images of even height and width; weights uniform in ±1/√fan_in. `channels` are the filters of the two convolutions.
    pub fn convolutional(
        (height, width): (usize, usize),
        channels: [usize; 2],
        hidden: usize,
        classes: usize,
        random: &mut Random,
    ) -> Self {
        let whole = Geometry { channels: 1, height, width, side: 3 };
        let half = Geometry { channels: channels[0], height: height / 2, width: width / 2, side: 3 };
        let (relu, quarter) = (Layer::Activate(Function::Relu), height * width / 4);
        let layers = vec![
            Layer::Convolve { geometry: whole, to: channels[0] },
            relu,
            Layer::MeanPool(Geometry { channels: channels[0], ..whole }),
            Layer::Convolve { geometry: half, to: channels[1] },
            relu,
            Layer::Dense { from: channels[1] * quarter, to: hidden },
            relu,
            Layer::Dense { from: hidden, to: classes },
        ];
        let watched = vec![(2, channels[0] * quarter), (4, channels[1] * quarter), (6, hidden)];
        let network = Layered::new(layers, height * width, Start::Uniform, random);
        Learner { model: network.into(), room: Room::default(), watched, classes }
    }

    /// Features of every hidden layer, the first one first.
    pub fn hidden(&self) -> Vec<usize> {
        self.watched.iter().map(|(_, size)| *size).collect()
    }

    /// K.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// All parameters; the last d·K + K are W and b.
    pub fn theta(&self) -> &[f32] {
        self.model.theta()
    }

    /// The same, to be moved.
    pub fn theta_mut(&mut self) -> &mut [f32] {
        self.model.theta_mut()
    }

    /// Where among the parameters W and b begin.
    pub fn head(&self) -> (usize, usize) {
        let (d, k) = (*self.hidden().last().expect("a network has a hidden layer"), self.classes());
        let bias = self.theta().len() - k;
        (bias - d * k, bias)
    }

    /// Samples that are worked on in one go where time is short.
    pub fn handful(&self) -> usize {
        match &self.model {
            Model::Dense(_) => 200,
            Model::Layered(network) => (1600 / network.inputs()).max(4),
        }
    }

    /// The batch `x` (samples × inputs) through the network.
    pub fn forward(&mut self, x: &[f32]) {
        self.model.forward(x, &mut self.room);
    }

    /// Activities of hidden layer `l` in the last forward pass (samples × features).
    pub fn layer(&self, l: usize) -> &[f32] {
        self.room.layer(self.watched[l].0)
    }

    /// Outputs of the last forward pass (samples × K).
    pub fn logits(&self) -> &[f32] {
        self.room.logits()
    }

    /// The gradient by all parameters after a forward pass, from `delta`, the loss's by the outputs, and `push`, the loss's by the
    /// features (or empty). There can be one backward pass a forward pass.
    pub fn backward(&mut self, delta: &[f32], push: &[f32], gradient: &mut [f32]) {
        let last = self.watched[self.watched.len() - 1].0;
        self.model.backward(&mut self.room, delta, (!push.is_empty()).then_some((last, push)), gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dense::{Activation, Start, cross_entropy};

    fn learners() -> [Learner; 2] {
        let mut random = Random::new(1, "learners");
        let dense = Network::new(&[16, 7, 5, 3], Activation::Relu, Start::Uniform, &mut random);
        [dense.into(), Learner::convolutional((4, 4), [2, 3], 5, 3, &mut random)]
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
