//! Fully connected networks: forward, backward, losses; parameters in one flat vector so that any optimizer can move them.
//!
//! Batches are row-major, one sample a row. Layer `l` (0-based) maps `sizes[l]` to `sizes[l + 1]` features by
//! `Z = A·W + b`, `W` stored `sizes[l] × sizes[l + 1]`; every layer but the last is followed by the activation.

use crate::linear::product::Product;
use crate::number::real::Real;
use crate::random::Random;

/// The function σ after every hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// tanh z
    Tanh,
    /// max(0, z)
    Relu,
    /// ln(1 + eᶻ)
    Softplus,
    /// 1/(1 + e⁻ᶻ)
    Sigmoid,
}

impl Activation {
    /// σ over a slice, in place.
    pub fn apply<T: Product>(self, z: &mut [T]) {
        let (zero, one) = (T::real(0.0), T::real(1.0));
        match self {
            Activation::Tanh => T::tanh_each(z),
            Activation::Relu => z.iter_mut().for_each(|z| *z = z.larger(zero)),
            // max(0, z) + ln(1 + e^−|z|): no exponential overflows.
            Activation::Softplus => by_chunks(z, |z, e| {
                e.iter_mut().zip(&*z).for_each(|(e, z)| *e = -z.abs());
                T::exp_each(e);
                e.iter_mut().for_each(|e| *e = one + *e);
                T::ln_each(e);
                z.iter_mut().zip(e).for_each(|(z, e)| *z = z.larger(zero) + *e);
            }),
            Activation::Sigmoid => by_chunks(z, |z, e| {
                e.iter_mut().zip(&*z).for_each(|(e, z)| *e = -*z);
                T::exp_each(e);
                z.iter_mut().zip(e).for_each(|(z, e)| *z = one / (one + *e));
            }),
        }
    }

    /// Multiplies `delta` by σ′, told from the activity a = σ(z).
    pub fn chain<T: Product>(self, delta: &mut [T], a: &[T]) {
        let one = T::real(1.0);
        let pairs = delta.iter_mut().zip(a);
        match self {
            Activation::Tanh => pairs.for_each(|(d, &a)| *d = *d * (one - a * a)),
            Activation::Relu => pairs.for_each(|(d, &a)| *d = if a > T::default() { *d } else { T::default() }),
            Activation::Softplus => {
                let mut a = a.chunks(CHUNK);
                by_chunks(delta, |delta, e| {
                    let a = a.next().expect("as many activities as slopes");
                    e.iter_mut().zip(a).for_each(|(e, a)| *e = -*a);
                    T::exp_each(e);
                    delta.iter_mut().zip(e).for_each(|(d, e)| *d = *d * (one - *e));
                });
            }
            Activation::Sigmoid => pairs.for_each(|(d, &a)| *d = *d * a * (one - a)),
        }
    }
}

/// Values worked on at a time where a function needs room beside them.
const CHUNK: usize = 64;

/// `f` of every chunk of `values` and as much room.
fn by_chunks<T: Product>(values: &mut [T], mut f: impl FnMut(&mut [T], &mut [T])) {
    let mut room = [T::default(); CHUNK];
    values.chunks_mut(CHUNK).for_each(|chunk| {
        let room = &mut room[..chunk.len()];
        f(chunk, room);
    });
}

/// How weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// Weights N(0, gain/fan_in), biases 0.
    Normal { gain: f64 },
    /// Weights and biases uniform in ±1/√fan_in, as PyTorch's linear layers.
    Uniform,
}

impl Start {
    /// Appends the weights (`fan_in` × `fan_out`) and then the biases of one layer.
    pub fn draw<T: Real>(self, fan_in: usize, fan_out: usize, random: &mut Random, theta: &mut Vec<T>) {
        let bound = (1.0 / fan_in as f64).sqrt();
        theta.extend((0..(fan_in + 1) * fan_out).map(|i| {
            T::real(match self {
                Start::Normal { gain } if i < fan_in * fan_out => (gain / fan_in as f64).sqrt() * random.normal(),
                Start::Normal { .. } => 0.0,
                Start::Uniform => random.between(-bound, bound),
            })
        }));
    }
}

/// A fully connected network with its parameters.
#[derive(Clone, Debug)]
pub struct Network<T = f32> {
    sizes: Vec<usize>,
    activation: Activation,
    /// All parameters: layer by layer, weights then biases.
    pub theta: Vec<T>,
}

/// What a forward pass leaves for the backward pass; reused between batches so that training does not allocate.
#[derive(Clone, Debug, Default)]
pub struct Tape<T = f32> {
    /// The batch, then the activities of every layer, the logits last.
    layers: Vec<Vec<T>>,
    delta: Vec<T>,
    below: Vec<T>,
}

impl<T> Tape<T> {
    /// The activities of layer `l`, samples × units: 0 is the input, the last one the logits.
    pub fn layer(&self, l: usize) -> &[T] {
        &self.layers[l]
    }
    /// The network's output, samples × classes.
    pub fn logits(&self) -> &[T] {
        self.layers.last().expect("a forward pass has been made")
    }
}

impl<T: Product> Network<T> {
    /// A network with `sizes` units a layer (input and output included) and fresh weights.
    pub fn new(sizes: &[usize], activation: Activation, start: Start, random: &mut Random) -> Self {
        let mut theta = Vec::new();
        for pair in sizes.windows(2) {
            start.draw(pair[0], pair[1], random, &mut theta);
        }
        Network { sizes: sizes.to_vec(), activation, theta }
    }

    /// A network of the same shape with other parameters, which may be of another float type.
    pub fn with<U>(&self, theta: Vec<U>) -> Network<U> {
        assert_eq!(theta.len(), self.theta.len(), "a network keeps its number of parameters");
        Network { sizes: self.sizes.clone(), activation: self.activation, theta }
    }

    /// Units a layer, input and output included.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The function after every hidden layer.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Where layer `l`'s weights are in [`Network::theta`] (and in a gradient), and where its biases.
    pub fn place(&self, l: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let begin: usize = (0..l).map(|l| (self.sizes[l] + 1) * self.sizes[l + 1]).sum();
        let (weights, biases) = (self.sizes[l] * self.sizes[l + 1], self.sizes[l + 1]);
        (begin..begin + weights, begin + weights..begin + weights + biases)
    }

    /// For every layer and every neuron in it, where its incoming weights are in [`Network::theta`].
    pub fn neurons(&self) -> Vec<Vec<Vec<usize>>> {
        let layers = self.sizes.len() - 1;
        let neuron = |l: usize, j: usize| {
            let begin = self.place(l).0.start;
            (0..self.sizes[l]).map(|i| begin + i * self.sizes[l + 1] + j).collect()
        };
        (0..layers).map(|l| (0..self.sizes[l + 1]).map(|j| neuron(l, j)).collect()).collect()
    }

    /// Multiplies a hidden layer's weights and biases by `factor` and divides the next layer's weights by it: for ReLU the same
    /// function by other weights.
    pub fn rescale(&mut self, layer: usize, factor: T) {
        let (weights, biases) = self.place(layer);
        self.theta[weights.start..biases.end].iter_mut().for_each(|t| *t = *t * factor);
        let next = self.place(layer + 1).0;
        self.theta[next].iter_mut().for_each(|t| *t = *t / factor);
    }

    /// The activities of every layer for the batch `x` (samples × `sizes[0]`).
    pub fn forward(&self, x: &[T], tape: &mut Tape<T>) {
        let depth = self.sizes.len() - 1;
        let samples = x.len() / self.sizes[0];
        tape.layers.resize_with(depth + 1, Vec::new);
        tape.layers[0].clear();
        tape.layers[0].extend_from_slice(x);
        for l in 0..depth {
            let (weights, biases) = self.place(l);
            let (below, above) = tape.layers.split_at_mut(l + 1);
            let (a, z) = (&below[l], &mut above[0]);
            let (fan_in, fan_out) = (self.sizes[l], self.sizes[l + 1]);
            z.resize(samples * fan_out, T::default());
            T::product(z, a, &self.theta[weights], samples, fan_in, fan_out);
            let bias = &self.theta[biases];
            for row in z.chunks_exact_mut(fan_out) {
                row.iter_mut().zip(bias).for_each(|(z, b)| *z += *b);
            }
            if l + 1 < depth {
                self.activation.apply(z);
            }
        }
    }

    /// The gradient of the loss by all parameters, from `delta` = ∂loss/∂logits (samples × classes) after a forward pass.
    pub fn backward(&self, tape: &mut Tape<T>, delta: &[T], gradient: &mut [T]) {
        self.backward_with(tape, delta, &[], gradient);
    }

    /// The same for a loss that also looks at the activities of the last hidden layer: `push` is its gradient by them
    /// (samples × units), or empty.
    pub fn backward_with(&self, tape: &mut Tape<T>, delta: &[T], push: &[T], gradient: &mut [T]) {
        let depth = self.sizes.len() - 1;
        let samples = delta.len() / self.sizes[depth];
        let Tape { layers, delta: above, below } = tape;
        above.clear();
        above.extend_from_slice(delta);
        for l in (0..depth).rev() {
            let (weights, biases) = self.place(l);
            let (fan_in, fan_out) = (self.sizes[l], self.sizes[l + 1]);
            // ∂W = Aᵀ·δ, ∂b = Σ δ, δ below = (δ·Wᵀ) σ′.
            T::product_tn(&mut gradient[weights.clone()], &layers[l], above, fan_in, samples, fan_out);
            let bias = &mut gradient[biases];
            bias.fill(T::default());
            for row in above.chunks_exact(fan_out) {
                bias.iter_mut().zip(row).for_each(|(b, d)| *b += *d);
            }
            if l > 0 {
                below.resize(samples * fan_in, T::default());
                T::product_nt(below, above, &self.theta[weights], samples, fan_out, fan_in);
                if l + 1 == depth && !push.is_empty() {
                    below.iter_mut().zip(push).for_each(|(b, p)| *b += *p);
                }
                self.activation.chain(below, &layers[l]);
                std::mem::swap(above, below);
            }
        }
    }

    /// The slope by the inputs (samples × `sizes[0]`), from `delta` = the slope by the outputs after a forward pass.
    pub fn slope_by_inputs(&self, tape: &mut Tape<T>, delta: &[T], slope: &mut Vec<T>) {
        let depth = self.sizes.len() - 1;
        let samples = delta.len() / self.sizes[depth];
        slope.clear();
        slope.extend_from_slice(delta);
        for l in (0..depth).rev() {
            let (fan_in, fan_out) = (self.sizes[l], self.sizes[l + 1]);
            tape.below.resize(samples * fan_in, T::default());
            T::product_nt(&mut tape.below, slope, &self.theta[self.place(l).0], samples, fan_out, fan_in);
            if l > 0 {
                self.activation.chain(&mut tape.below, &tape.layers[l]);
            }
            std::mem::swap(slope, &mut tape.below);
        }
    }
}

/// Mean softmax cross-entropy of `logits` (samples × classes) in nats; `delta` becomes its gradient by the logits.
pub fn cross_entropy<T: Real>(logits: &[T], labels: &[u8], delta: &mut Vec<T>) -> T {
    let samples = labels.len();
    let classes = logits.len() / samples;
    let share = T::real(1.0 / samples as f64);
    let mut loss = T::default();
    delta.clear();
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let top = row.iter().fold(row[0], |a, &b| a.larger(b));
        let begin = delta.len();
        delta.extend(row.iter().map(|&z| (z - top).exp()));
        let row_delta = &mut delta[begin..];
        let sum = row_delta.iter().fold(T::default(), |a, &b| a + b);
        loss += sum.ln() + top - row[usize::from(label)];
        row_delta.iter_mut().for_each(|p| *p = *p / sum * share);
        row_delta[usize::from(label)] = row_delta[usize::from(label)] - share;
    }
    loss * share
}

/// Mean over samples of ½‖output − e_label‖²; `delta` becomes its gradient by the outputs.
pub fn squared_error<T: Real>(outputs: &[T], labels: &[u8], delta: &mut Vec<T>) -> T {
    let samples = labels.len();
    let classes = outputs.len() / samples;
    let share = T::real(1.0 / samples as f64);
    let mut loss = T::default();
    delta.clear();
    for (row, &label) in outputs.chunks_exact(classes).zip(labels) {
        for (k, &output) in row.iter().enumerate() {
            let error = if k == usize::from(label) { output - T::real(1.0) } else { output };
            loss += T::real(0.5) * error * error;
            delta.push(error * share);
        }
    }
    loss * share
}

choice! {
    /// What training minimises, a mean over samples.
    pub enum Loss {
        /// −ln softmax(outputs) at the label, nats.
        CrossEntropy => "cross-entropy",
        /// ½‖outputs − e_label‖².
        Squared => "squared error",
    }
}

impl Loss {
    /// Its mean over a batch; `delta` becomes its gradient by the outputs.
    pub fn slope<T: Real>(self, outputs: &[T], labels: &[u8], delta: &mut Vec<T>) -> T {
        match self {
            Loss::CrossEntropy => cross_entropy(outputs, labels, delta),
            Loss::Squared => squared_error(outputs, labels, delta),
        }
    }

    /// The loss of one sample, in double precision.
    pub fn of_sample(self, outputs: &[f32], label: u8) -> f64 {
        match self {
            Loss::CrossEntropy => {
                let top = outputs.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
                let sum: f64 = outputs.iter().map(|z| libm::exp(f64::from(z - top))).sum();
                libm::log(sum) + f64::from(top - outputs[usize::from(label)])
            }
            Loss::Squared => {
                let target = |k: usize| f64::from(u8::from(k == usize::from(label)));
                outputs.iter().enumerate().map(|(k, z)| f64::from(*z) - target(k)).map(|e| 0.5 * e * e).sum()
            }
        }
    }
}

/// The share of samples whose largest logit is their label's.
pub fn accuracy<T: Real>(logits: &[T], labels: &[u8]) -> f64 {
    let classes = logits.len() / labels.len();
    let right = logits.chunks_exact(classes).zip(labels).filter(|(row, label)| largest(row) == usize::from(**label));
    right.count() as f64 / labels.len() as f64
}

/// The index of the largest value, the first one among equals.
pub fn largest<T: Real>(values: &[T]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// A classification problem: inputs (samples × features) and labels, to train on and to test on.
#[derive(Clone, Debug)]
pub struct Classification {
    /// Features a sample.
    pub features: usize,
    /// Training inputs.
    pub x: Vec<f32>,
    /// Training labels.
    pub y: Vec<u8>,
    /// Test inputs.
    pub test_x: Vec<f32>,
    /// Test labels.
    pub test_y: Vec<u8>,
}

impl Classification {
    /// Copies the training samples `rows` into a batch.
    pub fn batch(&self, rows: &[usize], x: &mut Vec<f32>, y: &mut Vec<u8>) {
        x.clear();
        y.clear();
        for &row in rows {
            x.extend_from_slice(&self.x[row * self.features..(row + 1) * self.features]);
            y.push(self.y[row]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences of the loss in f64, every parameter, every activation and both losses.
    #[test]
    fn gradients_match_finite_differences() {
        type Loss = fn(&[f64], &[u8], &mut Vec<f64>) -> f64;
        let losses: [Loss; 2] = [cross_entropy, squared_error];
        let labels = [0, 2, 1, 1, 2];
        for activation in [Activation::Tanh, Activation::Relu, Activation::Softplus, Activation::Sigmoid] {
            for loss in losses {
                let mut random = Random::new(3, "gradient test");
                let mut network = Network::<f64>::new(&[4, 6, 5, 3], activation, Start::Uniform, &mut random);
                let x: Vec<f64> = (0..20).map(|_| random.normal()).collect();
                let (mut tape, mut delta) = (Tape::default(), Vec::new());
                let mut gradient = vec![0.0; network.theta.len()];
                network.forward(&x, &mut tape);
                loss(tape.logits(), &labels, &mut delta);
                network.backward(&mut tape, &delta, &mut gradient);
                let mut by_inputs = Vec::new();
                network.slope_by_inputs(&mut tape, &delta, &mut by_inputs);
                for (i, analytic) in by_inputs.iter().enumerate() {
                    let mut at = |by: f64| {
                        let mut x = x.clone();
                        x[i] += by;
                        network.forward(&x, &mut tape);
                        loss(tape.logits(), &labels, &mut Vec::new())
                    };
                    let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((slope - analytic).abs() < 1e-8, "{activation:?}, input {i}: {slope} and {analytic}");
                }
                for (i, analytic) in gradient.iter().enumerate() {
                    let centre = network.theta[i];
                    let mut at = |value: f64| {
                        network.theta[i] = value;
                        network.forward(&x, &mut tape);
                        loss(tape.logits(), &labels, &mut Vec::new())
                    };
                    let slope = (at(centre + 1e-5) - at(centre - 1e-5)) / 2e-5;
                    network.theta[i] = centre;
                    assert!((slope - analytic).abs() < 1e-8, "{activation:?}, parameter {i}: {slope} and {analytic}");
                }
            }
        }
    }
}
