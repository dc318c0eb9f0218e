//! Any network as one type: flat parameters, a forward and a backward pass, filters.

use std::ops::Range;

use crate::linear::product::Product;
use crate::network::autodiff::Function;
use crate::network::dense::{Activation, Network, Start, Tape};
use crate::network::layered::{Layer, Layered, Pass};
use crate::random::Random;

choice! {
    /// The activation of a network's hidden layers.
    pub enum Hidden {
        Relu => "ReLU",
        Tanh => "tanh",
        Gelu => "GELU",
        Softplus => "softplus",
        Sigmoid => "sigmoid",
        Softsign => "softsign",
        HardTanh => "hard tanh",
    }
}

impl Hidden {
    /// As a layer.
    pub fn layer(self) -> Layer {
        Layer::Activate(match self {
            Hidden::Relu => Function::Relu,
            Hidden::Tanh => Function::Tanh,
            Hidden::Gelu => Function::Gelu,
            Hidden::Softplus => Function::Softplus,
            Hidden::Sigmoid => Function::Sigmoid,
            Hidden::Softsign => Function::Softsign,
            Hidden::HardTanh => Function::HardTanh,
        })
    }

    /// He's gain for functions that are half a line.
    pub fn start(self) -> Start {
        Start::Normal { gain: if matches!(self, Hidden::Relu | Hidden::Gelu) { 2.0 } else { 1.0 } }
    }
}

/// A fully connected network with fresh weights, of the fast kind where it knows the activation.
pub fn dense(sizes: &[usize], hidden: Hidden, random: &mut Random) -> Model {
    let activation = match hidden {
        Hidden::Relu => Activation::Relu,
        Hidden::Tanh => Activation::Tanh,
        Hidden::Softplus => Activation::Softplus,
        Hidden::Sigmoid => Activation::Sigmoid,
        Hidden::Gelu | Hidden::Softsign | Hidden::HardTanh => {
            let layer = |pair: &[usize]| [hidden.layer(), Layer::Dense { from: pair[0], to: pair[1] }];
            let layers = sizes.windows(2).flat_map(layer).skip(1).collect();
            return Layered::new(layers, sizes[0], hidden.start(), random).into();
        }
    };
    Network::new(sizes, activation, hidden.start(), random).into()
}

/// A network with its parameters.
#[derive(Clone, Debug)]
pub enum Model<T = f32> {
    /// Fully connected: the fast one.
    Dense(Network<T>),
    /// Anything else.
    Layered(Layered<T>),
}

/// What a forward pass leaves for looking at it, and for the backward pass.
pub enum Room<T = f32> {
    /// Reused from batch to batch.
    Dense(Tape<T>),
    /// A fresh tape every pass; none before the first one.
    Layered(Option<Pass<T>>),
}

impl<T: Product> Default for Room<T> {
    fn default() -> Self {
        Room::Dense(Tape::default())
    }
}

impl<T: Product> Room<T> {
    /// The output of the last forward pass, samples × classes.
    pub fn logits(&self) -> &[T] {
        match self {
            Room::Dense(tape) => tape.logits(),
            Room::Layered(pass) => pass.as_ref().expect("a forward pass has been made").logits(),
        }
    }

    /// The activities after layer `l` (of a dense network: after its activation), samples × features.
    pub fn layer(&self, l: usize) -> &[T] {
        match self {
            Room::Dense(tape) => tape.layer(l + 1),
            Room::Layered(pass) => pass.as_ref().expect("a forward pass has been made").layer(l),
        }
    }
}

impl<T> From<Network<T>> for Model<T> {
    fn from(network: Network<T>) -> Self {
        Model::Dense(network)
    }
}

impl<T> From<Layered<T>> for Model<T> {
    fn from(network: Layered<T>) -> Self {
        Model::Layered(network)
    }
}

impl<T: Product> Model<T> {
    /// All parameters.
    pub fn theta(&self) -> &[T] {
        match self {
            Model::Dense(network) => &network.theta,
            Model::Layered(network) => &network.theta,
        }
    }

    /// The same, to be moved.
    pub fn theta_mut(&mut self) -> &mut [T] {
        match self {
            Model::Dense(network) => &mut network.theta,
            Model::Layered(network) => &mut network.theta,
        }
    }

    /// The same network with other parameters, which may be of another float type.
    pub fn with<U>(&self, theta: Vec<U>) -> Model<U> {
        match self {
            Model::Dense(network) => Model::Dense(network.with(theta)),
            Model::Layered(network) => Model::Layered(network.with(theta)),
        }
    }

    /// For every layer and every neuron or filter in it, where its incoming weights are among the parameters.
    pub fn neurons(&self) -> Vec<Vec<Vec<usize>>> {
        match self {
            Model::Dense(network) => network.neurons(),
            Model::Layered(network) => network.neurons(),
        }
    }

    /// Where the parameters are that belong to no neuron: biases, and a normalisation's factors and shifts.
    pub fn others(&self) -> Vec<Range<usize>> {
        match self {
            Model::Dense(network) => (0..network.sizes().len() - 1).map(|l| network.place(l).1).collect(),
            Model::Layered(network) => network.others(),
        }
    }

    /// Multiplications of one sample's forward pass.
    pub fn cost(&self) -> usize {
        match self {
            Model::Dense(network) => network.theta.len(),
            Model::Layered(network) => network.cost(),
        }
    }

    /// The batch `x` (samples × inputs) through the network.
    pub fn forward(&self, x: &[T], room: &mut Room<T>) {
        match self {
            Model::Dense(network) => {
                if !matches!(room, Room::Dense(_)) {
                    *room = Room::default();
                }
                let Room::Dense(tape) = room else { unreachable!("it is one now") };
                network.forward(x, tape);
            }
            Model::Layered(network) => *room = Room::Layered(Some(network.forward(x))),
        }
    }

    /// The gradient of the loss by all parameters after a forward pass, from `delta` = ∂loss/∂logits and `push`, the loss's gradient
    /// by the activities after the last hidden layer (dense) or a named one (layered), if it looks at those as well. There can be one
    /// backward pass a forward pass.
    pub fn backward(&self, room: &mut Room<T>, delta: &[T], push: Option<(usize, &[T])>, gradient: &mut [T]) {
        match (self, room) {
            (Model::Dense(network), Room::Dense(tape)) => {
                network.backward_with(tape, delta, push.map_or(&[], |(_, push)| push), gradient);
            }
            (Model::Layered(network), Room::Layered(pass)) => {
                network.backward(pass.take().expect("a forward pass has been made"), delta, push, gradient);
            }
            _ => panic!("a backward pass follows a forward pass of the same network"),
        }
    }

    /// The network whose normalisations always use the statistics of the batch `x`.
    pub fn frozen(&self, x: &[T]) -> Model<T> {
        match self {
            Model::Dense(network) => Model::Dense(network.clone()),
            Model::Layered(network) => Model::Layered(network.frozen(x)),
        }
    }

    /// Other weights of the same function: a layer's weights and biases times `factor`, the next one's weights divided by it, with
    /// nothing but ReLU and pooling in between, or the factors of a frozen normalisation that follows; or a layer's weights alone, where
    /// a normalisation by the batch follows (then up to its ε). None where the network has no such layer.
    pub fn twin(&self, factor: T) -> Option<Model<T>> {
        match self {
            Model::Dense(network) => (network.activation() == Activation::Relu && network.sizes().len() > 2).then(|| {
                let mut twin = network.clone();
                twin.rescale(0, factor);
                Model::Dense(twin)
            }),
            Model::Layered(network) => {
                let layers = network.layers();
                let has_weights = |layer: &Layer| matches!(layer, Layer::Dense { .. } | Layer::Convolve { .. });
                let harmless = |layer: &Layer| matches!(layer, Layer::Activate(Function::Relu) | Layer::MeanPool(_));
                let mut twin = network.clone();
                for (l, _) in layers.iter().enumerate().filter(|(_, layer)| has_weights(layer)) {
                    let next = (l + 1..layers.len()).find(|k| !harmless(&layers[*k]))?;
                    let (weights, biases) = network.place(l);
                    let normalised = next == l + 1 && matches!(layers[next], Layer::Normalise { .. });
                    let frozen = next == l + 1 && matches!(layers[next], Layer::Scale { .. });
                    if !normalised && !frozen && !has_weights(&layers[next]) {
                        continue;
                    }
                    twin.theta[weights.start..biases.end].iter_mut().for_each(|t| *t = *t * factor);
                    if !normalised {
                        twin.theta[network.place(next).0].iter_mut().for_each(|t| *t = *t / factor);
                    }
                    return Some(Model::Layered(twin));
                }
                None
            }
        }
    }
}
