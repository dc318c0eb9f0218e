//! Networks as a sequence of layers on the [autodiff](crate::network::autodiff) tape: convolutional and residual ones, with batch
//! normalisation. Plain fully connected networks train faster as a [`Network`](crate::network::dense::Network).

use std::cell::RefCell;
use std::ops::Range;

use crate::linear::product::Product;
use crate::network::autodiff::{Function, Geometry, Tape, Var};
use crate::network::dense::Start;
use crate::random::Random;

/// One step from a batch of activities to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layer {
    /// A·W + b, W `from` × `to`.
    Dense {
        /// Units below.
        from: usize,
        /// Units above.
        to: usize,
    },
    /// Convolution with `to` filters and a bias each; see [`Tape::convolve`].
    Convolve {
        /// What it is taken over.
        geometry: Geometry,
        /// Channels above.
        to: usize,
    },
    /// γ ĥ + β, ĥ each channel brought to mean 0 and variance 1 over the batch (and the channel's pixels). The statistics are
    /// always the batch's own: there are no running averages.
    Normalise {
        /// Channels; units of a dense layer are channels of one pixel.
        channels: usize,
    },
    /// γ a + β, channel by channel: a normalisation whose statistics were frozen.
    Scale {
        /// Channels.
        channels: usize,
    },
    /// A function of every activity.
    Activate(Function),
    /// See [`Tape::mean_pool`].
    MeanPool(Geometry),
    /// Adds N(0, deviation²) to every activity, fresh at every forward pass.
    Noise {
        /// Its standard deviation.
        deviation: f64,
    },
    /// Keeps the activities for a later [`AddKept`](Layer::AddKept).
    Keep,
    /// Adds what was kept last.
    AddKept,
}

impl Layer {
    /// How many weights and how many biases it has (Normalise: γ's and β's).
    fn parameters(self) -> (usize, usize) {
        match self {
            Layer::Dense { from, to } => (from * to, to),
            Layer::Convolve { geometry, to } => (geometry.channels * geometry.side * geometry.side * to, to),
            Layer::Normalise { channels, .. } | Layer::Scale { channels, .. } => (channels, channels),
            _ => (0, 0),
        }
    }

    fn is_scale(self) -> bool {
        matches!(self, Layer::Normalise { .. } | Layer::Scale { .. })
    }
}

/// A network with its parameters.
#[derive(Clone, Debug)]
pub struct Layered<T = f32> {
    layers: Vec<Layer>,
    /// Features of a sample.
    inputs: usize,
    /// All parameters: layer by layer, weights then biases.
    pub theta: Vec<T>,
    /// Where [`Layer::Noise`] comes from.
    noise: RefCell<Random>,
}

/// A forward pass: what was computed, and what a backward pass needs.
pub struct Pass<T> {
    tape: Tape<T>,
    parameters: Vec<Var>,
    after: Vec<Var>,
    /// Means and variances of every normalisation.
    statistics: Vec<(Vec<T>, Vec<T>)>,
}

impl<T: Product> Pass<T> {
    /// The activities after layer `l`, samples × features.
    pub fn layer(&self, l: usize) -> &[T] {
        self.tape.value(self.after[l])
    }

    /// The output, samples × classes.
    pub fn logits(&self) -> &[T] {
        self.layer(self.after.len() - 1)
    }
}

impl<T: Product> Layered<T> {
    /// A network of these layers on samples of `inputs` features, with fresh weights; γ = 1, β = 0.
    pub fn new(layers: Vec<Layer>, inputs: usize, start: Start, random: &mut Random) -> Self {
        let mut theta = Vec::new();
        for layer in &layers {
            let (weights, biases) = layer.parameters();
            if layer.is_scale() {
                theta.resize(theta.len() + weights, T::real(1.0));
                theta.resize(theta.len() + biases, T::default());
            } else if weights > 0 {
                start.draw(weights / biases, biases, random, &mut theta);
            }
        }
        let noise = Random::new(random.clone().bits(), "noise of the layers").into();
        Layered { layers, inputs, theta, noise }
    }

    /// The same network with other parameters, which may be of another float type.
    pub fn with<U>(&self, theta: Vec<U>) -> Layered<U> {
        assert_eq!(theta.len(), self.theta.len(), "a network keeps its number of parameters");
        Layered { layers: self.layers.clone(), inputs: self.inputs, theta, noise: self.noise.clone() }
    }

    /// Features of a sample.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Its layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Where layer `l`'s weights are in [`theta`](Self::theta), and where its biases.
    pub fn place(&self, l: usize) -> (Range<usize>, Range<usize>) {
        let size = |layer: &Layer| layer.parameters().0 + layer.parameters().1;
        let begin: usize = self.layers[..l].iter().map(size).sum();
        let (weights, biases) = self.layers[l].parameters();
        (begin..begin + weights, begin + weights..begin + weights + biases)
    }

    /// For every layer with weights and every neuron or filter in it, where its incoming weights are in [`theta`](Self::theta). The
    /// parameters of normalisations belong to none.
    pub fn neurons(&self) -> Vec<Vec<Vec<usize>>> {
        let of = |l: usize| {
            let (weights, biases) = self.place(l);
            (0..biases.len()).map(|j| weights.clone().skip(j).step_by(biases.len()).collect()).collect()
        };
        let with_weights = |l: &usize| matches!(self.layers[*l], Layer::Dense { .. } | Layer::Convolve { .. });
        (0..self.layers.len()).filter(with_weights).map(of).collect()
    }

    /// Where the parameters are that belong to no neuron: of each layer its biases, of a normalisation its factors and its shifts.
    pub fn others(&self) -> Vec<Range<usize>> {
        let of = |l: usize| {
            let (weights, biases) = self.place(l);
            let factors = self.layers[l].is_scale().then_some(weights);
            factors.into_iter().chain([biases])
        };
        (0..self.layers.len()).flat_map(of).filter(|range| !range.is_empty()).collect()
    }

    /// Multiplications of one sample's forward pass.
    pub fn cost(&self) -> usize {
        let cost = |layer: &Layer| match layer {
            Layer::Convolve { geometry, .. } => layer.parameters().0 * geometry.height * geometry.width,
            _ => layer.parameters().0,
        };
        self.layers.iter().map(cost).sum()
    }

    /// The batch `x` (samples × inputs) through the network.
    pub fn forward(&self, x: &[T]) -> Pass<T> {
        let mut tape = Tape::default();
        let (mut parameters, mut after, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        let mut statistics = Vec::new();
        let mut a = tape.leaf(x.to_vec(), self.inputs);
        for (l, layer) in self.layers.iter().enumerate() {
            let (weights, biases) = self.place(l);
            let mut pair = || {
                let outputs = biases.len();
                let columns = if layer.is_scale() { weights.len() } else { outputs };
                let weights = tape.leaf(self.theta[weights.clone()].to_vec(), columns);
                let biases = tape.leaf(self.theta[biases.clone()].to_vec(), outputs);
                parameters.extend([weights, biases]);
                (weights, biases)
            };
            a = match *layer {
                Layer::Dense { .. } => {
                    let (w, b) = pair();
                    let z = tape.matmul(a, w);
                    tape.add_row(z, b)
                }
                Layer::Convolve { geometry, .. } => {
                    let (w, b) = pair();
                    let z = tape.convolve(a, w, geometry);
                    tape.add_row(z, b)
                }
                Layer::Normalise { channels } | Layer::Scale { channels } => {
                    let (gamma, beta) = pair();
                    let mut z = a;
                    if let Layer::Normalise { .. } = layer {
                        let (standard, mean, variance) = tape.standardise(a, channels);
                        statistics.push((mean, variance));
                        z = standard;
                    }
                    let z = tape.mul_row(z, gamma);
                    tape.add_row(z, beta)
                }
                Layer::Activate(function) => tape.map(a, function),
                Layer::MeanPool(geometry) => tape.mean_pool(a, geometry),
                Layer::Noise { deviation } => {
                    let (rows, columns) = tape.shape(a);
                    let mut random = self.noise.borrow_mut();
                    let noise = (0..rows * columns).map(|_| T::real(deviation * random.normal())).collect();
                    let noise = tape.leaf(noise, columns);
                    tape.add(a, noise)
                }
                Layer::Keep => {
                    kept.push(a);
                    a
                }
                Layer::AddKept => {
                    let kept = kept.pop().expect("what is added was kept");
                    tape.add(a, kept)
                }
            };
            after.push(a);
        }
        Pass { tape, parameters, after, statistics }
    }

    /// The network whose normalisations always use the statistics of the batch `x`: what it is when it is used, sample by sample.
    pub fn frozen(&self, x: &[T]) -> Self {
        let mut frozen = self.clone();
        if !self.layers.iter().any(|layer| matches!(layer, Layer::Normalise { .. })) {
            return frozen;
        }
        let mut statistics = self.forward(x).statistics.into_iter();
        for (l, layer) in self.layers.iter().enumerate() {
            let Layer::Normalise { channels } = *layer else { continue };
            frozen.layers[l] = Layer::Scale { channels };
            let (mean, variance) = statistics.next().expect("one a normalisation");
            let (gamma, beta) = self.place(l);
            for c in 0..channels {
                // γ (a − m)/√(v+ε) + β
                let scale = self.theta[gamma.start + c] / (variance[c] + T::real(1e-5)).sqrt();
                frozen.theta[gamma.start + c] = scale;
                frozen.theta[beta.start + c] = self.theta[beta.start + c] - scale * mean[c];
            }
        }
        frozen
    }

    /// The gradient of the loss by all parameters, from `delta` = ∂loss/∂logits (samples × classes), and `push`, the loss's gradient
    /// by the activities after a layer, if it looks at those as well.
    pub fn backward(&self, mut pass: Pass<T>, delta: &[T], push: Option<(usize, &[T])>, gradient: &mut [T]) {
        let last = pass.after[pass.after.len() - 1];
        let mut pull = |var: Var, slope: &[T]| {
            pass.tape.loss(var, |_, out| {
                out.extend_from_slice(slope);
                T::default()
            })
        };
        let mut loss = pull(last, delta);
        if let Some((layer, push)) = push {
            let other = pull(pass.after[layer], push);
            loss = pass.tape.add(loss, other);
        }
        let slopes = pass.tape.gradient(loss);
        let all = pass.parameters.iter().flat_map(|parameter| slopes.of(*parameter));
        gradient.iter_mut().zip(all).for_each(|(g, slope)| *g = *slope);
    }
}
