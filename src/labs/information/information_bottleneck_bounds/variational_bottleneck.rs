//! The deep variational information bottleneck: a classifier that sees its input through a noisy code of limited capacity.
//!
//! An encoder gives every input x a Gaussian z ~ N(μ(x), diag σ²(x)), a linear decoder reads the class from z, and training minimises
//!
//! ```text
//! J = (1/n) Σ_i CE(decoder(z_i), y_i) + β (1/n) Σ_i KL(N(μ_i, diag σ_i²) ‖ N(0, I)),
//! KL = ½ Σ_k (μ_k² + σ_k² − 1 − ln σ_k²),    z = μ + σ ⊙ ε.
//! ```
//!
//! Source: Alemi, Fischer, Dillon & Murphy, "Deep variational information bottleneck", 2017. Passes are those of [`Narrow`]: matrices are
//! features × points.

use std::ops::Range;

use methods::linear::Element;
use methods::linear::product::Product;
use methods::network::dense::{Activation, Network, Start};
use methods::network::narrow::Narrow;
use methods::random::Random;

/// ln σ² is clamped to this; outside, it has no slope.
const LOG_VARIANCE: (f64, f64) = (-8.0, 4.0);

/// Labelled points.
#[derive(Clone, Debug, Default)]
pub struct Sample<T = f32> {
    /// Features × points.
    pub x: Vec<T>,
    /// A label a point.
    pub y: Vec<u8>,
}

/// The two networks.
#[derive(Clone, Debug)]
pub struct VariationalBottleneck<T = f32> {
    /// From x to (μ, ln σ²); ReLU between its layers.
    pub encoder: Network<T>,
    /// From z to the logits, linear.
    pub decoder: Network<T>,
}

/// What the passes need beside the networks; reused so that training does not allocate.
#[derive(Clone, Debug, Default)]
pub struct Room<T = f32> {
    encoder: Narrow<T>,
    decoder: Narrow<T>,
    /// σ of the points encoded last, dimensions × points.
    deviation: Vec<T>,
    by_code: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Element> Room<T> {
    /// μ_k of the points encoded last.
    pub fn mean(&self, k: usize) -> &[T] {
        self.encoder.unit(self.depth(), k)
    }
    /// σ_k of the points encoded last.
    pub fn deviation(&self, k: usize) -> &[T] {
        let points = self.mean(0).len();
        &self.deviation[k * points..][..points]
    }
    fn depth(&self) -> usize {
        self.encoder.layers() - 1
    }
}

impl<T: Element> VariationalBottleneck<T> {
    /// Fresh networks inputs-hidden-2·latent and latent-classes: weights N(0, 2/fan_in), those of the layer (μ, ln σ²) halved, biases 0.
    pub fn new(inputs: usize, hidden: &[usize], latent: usize, classes: usize, random: &mut Random) -> Self {
        let sizes: Vec<usize> = [inputs].into_iter().chain(hidden.iter().copied()).chain([2 * latent]).collect();
        let start = Start::Normal { gain: 2.0 };
        let mut encoder = Network::new(&sizes, Activation::Relu, start, random);
        let (weights, _) = encoder.place(hidden.len());
        encoder.theta[weights].iter_mut().for_each(|w| *w = *w * T::real(0.5));
        VariationalBottleneck { encoder, decoder: Network::new(&[latent, classes], Activation::Relu, start, random) }
    }

    /// Dimensions of the code.
    pub fn latent(&self) -> usize {
        self.decoder.sizes()[0]
    }

    /// How many parameters both networks have.
    pub fn parameters(&self) -> usize {
        self.encoder.theta.len() + self.decoder.theta.len()
    }

    /// Σ w² of every layer's weights, without biases, the decoder's last.
    pub fn squared_weights(&self) -> Vec<f64> {
        let of = |network: &Network<T>| -> Vec<f64> {
            let layers = 0..network.sizes().len() - 1;
            layers.map(|l| network.theta[network.place(l).0].iter().map(|w| w.double() * w.double()).sum()).collect()
        };
        [of(&self.encoder), of(&self.decoder)].concat()
    }

    /// μ and σ of the points in `range`, left in `room`.
    pub fn encode(&self, sample: &Sample<T>, range: Range<usize>, room: &mut Room<T>) {
        let (points, features) = (range.len(), self.encoder.sizes()[0]);
        let input = room.encoder.batch(&self.encoder, points);
        let stride = input.len() / features;
        for (to, from) in input.chunks_exact_mut(stride).zip(sample.x.chunks_exact(sample.y.len())) {
            to[..points].copy_from_slice(&from[range.clone()]);
        }
        room.encoder.forward(&self.encoder);
        let (low, high) = (T::real(LOG_VARIANCE.0), T::real(LOG_VARIANCE.1));
        room.deviation.clear();
        for k in self.latent()..2 * self.latent() {
            let raw = room.encoder.unit(room.encoder.layers() - 1, k).iter();
            room.deviation.extend(raw.map(|v| {
                let floored = v.larger(low);
                T::real(0.5) * if floored > high { high } else { floored }
            }));
        }
        T::exp_each(&mut room.deviation);
    }

    /// The decoder's pass over z = μ + σ ⊙ ε of the points in `range`, which have just been encoded; `noise` has ε of all points.
    fn decode(&self, noise: &[T], range: Range<usize>, room: &mut Room<T>) {
        let (points, latent) = (range.len(), self.latent());
        let input = room.decoder.batch(&self.decoder, points);
        let stride = input.len() / latent;
        for (k, to) in input.chunks_exact_mut(stride).enumerate() {
            let (mean, deviation) = (room.encoder.unit(room.encoder.layers() - 1, k), &room.deviation[k * points..][..points]);
            let noise = &noise[k * (noise.len() / latent)..][range.clone()];
            for (((z, mean), deviation), noise) in to.iter_mut().zip(mean).zip(deviation).zip(noise) {
                *z = *mean + *deviation * *noise;
            }
        }
        room.decoder.forward(&self.decoder);
    }

    /// Σ over the points in `range`, which have just been encoded, of the cross-entropy in nats. `decided` is counted up: how many points of
    /// each class get each label, classes × labels.
    pub fn losses(&self, sample: &Sample<T>, range: Range<usize>, noise: &[T], room: &mut Room<T>, decided: &mut [f64]) -> f64 {
        self.decode(noise, range.clone(), room);
        let classes = self.decoder.sizes()[1];
        let logit = |y: usize, i: usize| room.decoder.unit(1, y)[i].double();
        let mut loss = 0.0;
        for (i, label) in sample.y[range].iter().enumerate() {
            let best = (1..classes).fold(0, |best, y| if logit(y, i) > logit(best, i) { y } else { best });
            let (label, top) = (usize::from(*label), logit(best, i));
            loss += top - logit(label, i) + libm::log((0..classes).map(|y| libm::exp(logit(y, i) - top)).sum::<f64>());
            decided[label * classes + best] += 1.0;
        }
        loss
    }

    /// Adds to the gradients of the encoder and the decoder what the points in `range` contribute to ∇J of the whole sample. `noise` has ε
    /// of all points.
    pub fn gradient(
        &self,
        sample: &Sample<T>,
        range: Range<usize>,
        noise: &[T],
        beta: f64,
        room: &mut Room<T>,
        gradients: [&mut [T]; 2],
    ) {
        let (points, latent) = (range.len(), self.latent());
        self.encode(sample, range.clone(), room);
        self.decode(noise, range.clone(), room);
        room.decoder.cross_entropy(&sample.y[range.clone()]);
        // ∂/∂z = W ∂/∂logits.
        let slope = room.decoder.slope();
        let stride = slope.len() / self.decoder.sizes()[1];
        room.by_code.clear();
        room.by_code.resize(latent * points, T::default());
        let (weights, _) = self.decoder.place(0);
        let weights = self.decoder.theta[weights].chunks_exact(self.decoder.sizes()[1]);
        for (to, weights) in room.by_code.chunks_exact_mut(points).zip(weights) {
            for (slope, w) in slope.chunks_exact(stride).zip(weights) {
                to.iter_mut().zip(slope).for_each(|(to, slope)| *to += *w * *slope);
            }
        }
        // z = μ + σε and σ = exp(½ ln σ²); the KL term adds βμ and ½β(σ² − 1) a point.
        let depth = room.depth();
        let (pull, half, one) = (T::real(beta / points as f64), T::real(0.5), T::real(1.0));
        let (low, high) = (T::real(LOG_VARIANCE.0), T::real(LOG_VARIANCE.1));
        let Room { encoder, decoder, deviation, by_code, gradient } = room;
        let raw: Vec<T> = (0..2 * latent).flat_map(|unit| encoder.unit(depth, unit).iter().copied()).collect();
        let stride = encoder.slope().len() / (2 * latent);
        for (unit, to) in encoder.slope().chunks_exact_mut(stride).enumerate() {
            to[points..].fill(T::default());
            let k = unit % latent;
            let raw = &raw[unit * points..][..points];
            let by_code = &by_code[k * points..][..points];
            if unit < latent {
                (0..points).for_each(|i| to[i] = by_code[i] + pull * raw[i]);
            } else {
                let sigma = &deviation[k * points..][..points];
                let noise = &noise[k * (noise.len() / latent)..][range.clone()];
                for i in 0..points {
                    let inside = raw[i] >= low && raw[i] <= high;
                    let slope = half * (by_code[i] * sigma[i] * noise[i] + pull * (sigma[i] * sigma[i] - one));
                    to[i] = if inside { slope } else { T::default() };
                }
            }
        }
        let share = T::real(points as f64 / sample.y.len() as f64);
        let [of_encoder, of_decoder] = gradients;
        for (network, narrow, sum) in [(&self.encoder, encoder, of_encoder), (&self.decoder, decoder, of_decoder)] {
            gradient.resize(sum.len(), T::default());
            narrow.backward(network, gradient);
            sum.iter_mut().zip(&*gradient).for_each(|(sum, g)| *sum += share * *g);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(features: usize, points: usize, random: &mut Random) -> Sample<f64> {
        let x = (0..features * points).map(|_| random.normal()).collect();
        Sample { x, y: (0..points).map(|_| random.below(3) as u8).collect() }
    }

    /// J by its formula.
    fn objective(model: &VariationalBottleneck<f64>, sample: &Sample<f64>, noise: &[f64], beta: f64) -> f64 {
        let (mut room, n) = (Room::default(), sample.y.len());
        model.encode(sample, 0..n, &mut room);
        let mut decided = [0.0; 9];
        let loss = model.losses(sample, 0..n, noise, &mut room, &mut decided);
        assert_eq!(decided.iter().sum::<f64>(), n as f64);
        let term = |mu: f64, sigma: f64| 0.5 * (mu * mu + sigma * sigma - 1.0 - 2.0 * libm::log(sigma));
        let kl: f64 = (0..model.latent())
            .map(|k| room.mean(k).iter().zip(room.deviation(k)).map(|(mu, sigma)| term(*mu, *sigma)).sum::<f64>())
            .sum();
        (loss + beta * kl) / n as f64
    }

    /// Central differences of J by every parameter of both networks, in one piece and in ragged ones; some ln σ² are outside the clamp.
    #[test]
    fn gradients_match_finite_differences() {
        let mut random = Random::new(1, "gradient test");
        let mut model = VariationalBottleneck::<f64>::new(4, &[6, 5], 2, 3, &mut random);
        model.encoder.theta.iter_mut().for_each(|w| *w *= 2.0);
        let sample = sample(4, 21, &mut random);
        let noise: Vec<f64> = (0..2 * 21).map(|_| random.normal()).collect();
        let mut room = Room::default();
        model.encode(&sample, 0..21, &mut room);
        let clamped = |sigma: &&f64| **sigma == libm::exp(2.0) || **sigma == libm::exp(-4.0);
        let outside = (0..2).flat_map(|k| room.deviation(k)).filter(clamped).count();
        assert!((1..42).contains(&outside), "{outside} of 42 outside");
        for beta in [0.0, 0.3] {
            let mut gradients = [vec![0.0; model.encoder.theta.len()], vec![0.0; model.decoder.theta.len()]];
            for range in [0..8, 8..9, 9..21] {
                let [a, b] = &mut gradients;
                model.gradient(&sample, range, &noise, beta, &mut room, [a, b]);
            }
            for (which, gradient) in gradients.iter().enumerate() {
                for (i, analytic) in gradient.iter().enumerate() {
                    let at = |step: f64| {
                        let mut moved = model.clone();
                        let network = if which == 0 { &mut moved.encoder } else { &mut moved.decoder };
                        network.theta[i] += step;
                        objective(&moved, &sample, &noise, beta)
                    };
                    let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!((slope - analytic).abs() < 1e-7, "β {beta}, network {which}, {i}: {slope} and {analytic}");
                }
            }
        }
    }

    #[test]
    fn starts_as_told() {
        let model = VariationalBottleneck::<f64>::new(10, &[64, 64], 4, 2, &mut Random::new(1, "start"));
        assert_eq!(model.parameters(), 11 * 64 + 65 * 64 + 65 * 8 + 5 * 2);
        let squares = model.squared_weights();
        assert_eq!(squares.len(), 4);
        // Fan_out of each layer times 2; a quarter of it for (μ, ln σ²). The decoder has too few weights to tell.
        for (square, expected) in squares.iter().zip([128.0, 128.0, 4.0]) {
            assert!((square / expected - 1.0).abs() < 0.3, "{squares:?}");
        }
    }
}
