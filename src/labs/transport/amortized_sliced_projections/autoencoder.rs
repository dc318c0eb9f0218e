//! An autoencoder of point clouds: every point through one small network, the largest of each feature over the points, a code, and a decoder
//! that writes all points at once.
//!
//! Source: Qi, Su, Mo & Guibas, "PointNet: deep learning on point sets for 3D classification and segmentation", 2017.

use ground::random::Random;
use methods::linear::product::Product;
use methods::network::dense::{Activation, Network, Start, Tape};
use methods::optimize::{Optimizer, Rule};

/// Features of a point, and numbers of the code.
const FEATURES: usize = 64;
const HIDDEN: usize = 32;
const CODE: usize = 16;

/// The networks, and what a forward pass leaves.
#[derive(Clone, Debug)]
pub struct PointAutoencoder<T = f32> {
    d: usize,
    n: usize,
    /// d → 32 → 64 for every point; the last ReLU comes after the maximum, where it gives the same.
    point: Network<T>,
    /// 64 → 16.
    head: Network<T>,
    /// 16 → 128 → n·d.
    decoder: Network<T>,
    tapes: [Tape<T>; 3],
    /// The point at which each feature of each cloud is largest.
    largest: Vec<usize>,
}

impl<T: Product> PointAutoencoder<T> {
    /// For clouds of `n` points in `d` dimensions, with fresh weights.
    pub fn new(n: usize, d: usize, random: &mut Random) -> Self {
        let mut network = |sizes: &[usize]| Network::new(sizes, Activation::Relu, Start::Uniform, random);
        PointAutoencoder {
            d,
            n,
            point: network(&[d, HIDDEN, FEATURES]),
            head: network(&[FEATURES, CODE]),
            decoder: network(&[CODE, 128, n * d]),
            tapes: Default::default(),
            largest: Vec::new(),
        }
    }

    /// All networks' numbers of parameters.
    fn sizes(&self) -> [usize; 3] {
        [&self.point, &self.head, &self.decoder].map(|network| network.theta.len())
    }

    /// What is made of `clouds`, one after the other.
    pub fn forward(&mut self, clouds: &[T]) -> &[T] {
        let [points, code, out] = &mut self.tapes;
        self.point.forward(clouds, points);
        let count = clouds.len() / (self.n * self.d);
        let mut pooled = Vec::with_capacity(count * FEATURES);
        self.largest.clear();
        for (c, cloud) in points.logits().chunks_exact(self.n * FEATURES).enumerate() {
            let (mut top, mut at) = (cloud[..FEATURES].to_vec(), [0; FEATURES]);
            for (i, row) in cloud.chunks_exact(FEATURES).enumerate() {
                for (f, value) in row.iter().enumerate() {
                    if *value > top[f] {
                        (top[f], at[f]) = (*value, i);
                    }
                }
            }
            pooled.extend(top.into_iter().map(|top| top.larger(T::default())));
            self.largest.extend(at.map(|i| c * self.n + i));
        }
        self.head.forward(&pooled, code);
        self.decoder.forward(code.logits(), out);
        out.logits()
    }

    /// The gradient by all parameters, network by network, from the slope by what the forward pass made of `clouds`.
    pub fn backward(&mut self, clouds: &[T], slope: &[T]) -> [Vec<T>; 3] {
        let [mut by_point, mut by_head, mut by_decoder] = self.sizes().map(|size| vec![T::default(); size]);
        let [points, code, out] = &mut self.tapes;
        let (mut by_code, mut by_pooled) = (Vec::new(), Vec::new());
        self.decoder.backward(out, slope, &mut by_decoder);
        self.decoder.slope_by_inputs(out, slope, &mut by_code);
        self.head.backward(code, &by_code, &mut by_head);
        self.head.slope_by_inputs(code, &by_code, &mut by_pooled);
        // Only the points with a largest feature are answerable: few enough to go through one by one.
        let (first, first_biases) = self.point.place(0);
        let (second, biases) = self.point.place(1);
        let (hidden, logits, d) = (points.layer(1), points.logits(), self.d);
        let mut by_hidden = vec![T::default(); hidden.len()];
        for (k, (&i, &slope)) in self.largest.iter().zip(&by_pooled).enumerate() {
            let f = k % FEATURES;
            if logits[i * FEATURES + f] > T::default() {
                by_point[biases.start + f] += slope;
                for (h, a) in hidden[i * HIDDEN..][..HIDDEN].iter().enumerate() {
                    by_point[second.start + h * FEATURES + f] += slope * *a;
                    by_hidden[i * HIDDEN + h] += slope * self.point.theta[second.start + h * FEATURES + f];
                }
            }
        }
        for ((x, a), by) in clouds.chunks_exact(d).zip(hidden.chunks_exact(HIDDEN)).zip(by_hidden.chunks_exact(HIDDEN)) {
            for h in (0..HIDDEN).filter(|h| a[*h] > T::default()) {
                by_point[first_biases.start + h] += by[h];
                (0..d).for_each(|k| by_point[first.start + k * HIDDEN + h] += x[k] * by[h]);
            }
        }
        [by_point, by_head, by_decoder]
    }
}

/// An autoencoder in training, by Adam.
#[derive(Clone, Debug)]
pub struct PointLearner {
    /// The autoencoder.
    pub network: PointAutoencoder,
    optimizers: [Optimizer<f32>; 3],
}

impl PointLearner {
    /// Before its first step.
    pub fn new(network: PointAutoencoder, step_size: f64) -> Self {
        let optimizers = network.sizes().map(|size| Optimizer::new(Rule::ADAM, step_size, size));
        PointLearner { network, optimizers }
    }

    /// One step down from the slope by what the last forward pass made of `clouds`.
    pub fn step(&mut self, clouds: &[f32], slope: &[f32]) {
        let gradients = self.network.backward(clouds, slope);
        let PointAutoencoder { point, head, decoder, .. } = &mut self.network;
        for ((network, optimizer), gradient) in [point, head, decoder].into_iter().zip(&mut self.optimizers).zip(&gradients) {
            optimizer.step(&mut network.theta, gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_points_does_not_matter_and_slopes_are_right() {
        let mut random = Random::new(1, "autoencoder");
        let mut network = PointAutoencoder::<f64>::new(5, 2, &mut random);
        let clouds: Vec<f64> = (0..3 * 10).map(|_| random.normal()).collect();
        let made = network.forward(&clouds).to_vec();
        let turned: Vec<f64> =
            clouds.chunks(10).flat_map(|cloud| cloud.chunks(2).rev().flatten().copied().collect::<Vec<_>>()).collect();
        made.iter().zip(network.forward(&turned)).for_each(|(a, b)| assert!((a - b).abs() < 1e-12));
        let slope: Vec<f64> = (0..30).map(|_| random.normal()).collect();
        network.forward(&clouds);
        let gradients = network.backward(&clouds, &slope);
        for (which, gradient) in gradients.iter().enumerate() {
            for k in (0..gradient.len()).step_by(97) {
                let at = |by: f64| {
                    let mut moved = network.clone();
                    let PointAutoencoder { point, head, decoder, .. } = &mut moved;
                    [point, head, decoder][which].theta[k] += by;
                    moved.forward(&clouds).iter().zip(&slope).map(|(a, b)| a * b).sum::<f64>()
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((gradient[k] - difference).abs() < 1e-6, "{which}, {k}: {} and {difference}", gradient[k]);
            }
        }
    }
}
