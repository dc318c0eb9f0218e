//! Training of narrow networks: batches are stored unit by unit, so that registers run along the samples.
//!
//! In a network such as 12-10-7-5-4-3-2 a row of a matrix is shorter than a register tile, and packing costs more than the product. With
//! samples side by side every lane is used, whatever the widths, and a batch stays in the nearest cache. Nothing is allocated after the
//! first batch. The network is [`Network`]'s; only the order of summation differs from its own passes.

use crate::linear::{self, Element, Lanes};
use crate::network::dense::Network;

/// Registers of samples that a tile holds.
const SIDE: usize = 2;
/// Units that a tile holds.
const UNITS: usize = 4;

/// The activities of a batch, layer by layer and unit by unit, and what the backward pass needs.
#[derive(Clone, Debug, Default)]
pub struct Narrow<T = f32> {
    samples: usize,
    /// `samples`, rounded up to whole tiles; what is past the samples has no slope.
    stride: usize,
    /// Units × stride: the batch, then every layer, the logits last.
    layers: Vec<Vec<T>>,
    delta: Vec<T>,
    below: Vec<T>,
    transposed: Vec<T>,
}

impl<T: Element> Narrow<T> {
    /// Makes room for a batch and gives its input, unit by unit: feature `i` of sample `s` stands at `i * stride + s`, where the stride is
    /// the slice's length divided by the number of features.
    pub fn batch(&mut self, network: &Network<T>, samples: usize) -> &mut [T] {
        let tile = SIDE * T::Lanes::WIDTH;
        (self.samples, self.stride) = (samples, samples.div_ceil(tile) * tile);
        self.layers.resize_with(network.sizes().len(), Vec::new);
        for (layer, units) in self.layers.iter_mut().zip(network.sizes()) {
            layer.resize(units * self.stride, T::default());
        }
        &mut self.layers[0]
    }

    /// How many layers there are, the input included.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// The activities of unit `unit` of layer `l` for every sample; layer 0 is the input, the last one the logits.
    pub fn unit(&self, l: usize, unit: usize) -> &[T] {
        &self.layers[l][unit * self.stride..][..self.samples]
    }

    /// The activities of every layer.
    pub fn forward(&mut self, network: &Network<T>) {
        let depth = network.sizes().len() - 1;
        for l in 0..depth {
            let (weights, biases) = network.place(l);
            let (below, above) = self.layers.split_at_mut(l + 1);
            let z = &mut above[0];
            mix(z, &below[l], self.stride, &network.theta[weights], &network.theta[biases]);
            if l + 1 < depth {
                network.activation().apply(z);
            }
        }
    }

    /// The slope of the mean softmax cross-entropy by the logits: (p(y|x) − [y = label]) / samples.
    pub fn cross_entropy(&mut self, labels: &[u8]) {
        assert_eq!(labels.len(), self.samples, "one label a sample");
        let (stride, width) = (self.stride, T::Lanes::WIDTH);
        let logits = self.layers.last().expect("a forward pass has been made");
        let share = T::real(1.0 / self.samples as f64);
        self.delta.resize(logits.len(), T::default());
        for s in (0..stride).step_by(SIDE * width) {
            let side = |of: &[T], y: usize| -> [T::Lanes; SIDE] {
                std::array::from_fn(|r| T::Lanes::load(&of[y * stride + s + r * width..]))
            };
            let mut top = side(logits, 0);
            for y in 1..logits.len() / stride {
                let next = side(logits, y);
                top = std::array::from_fn(|r| next[r].larger(top[r]));
            }
            let mut sum = [T::Lanes::splat(T::default()); SIDE];
            for y in 0..logits.len() / stride {
                let z = side(logits, y);
                let e = linear::exp_term(std::array::from_fn::<_, SIDE, _>(|r| z[r] - top[r]));
                for r in 0..SIDE {
                    sum[r] = sum[r] + e[r];
                    e[r].store(&mut self.delta[y * stride + s + r * width..]);
                }
            }
            let scale = sum.map(|sum| T::Lanes::splat(share) / sum);
            for y in 0..logits.len() / stride {
                let e = side(&self.delta, y);
                (0..SIDE).for_each(|r| (e[r] * scale[r]).store(&mut self.delta[y * stride + s + r * width..]));
            }
        }
        for delta in self.delta.chunks_exact_mut(stride) {
            delta[labels.len()..].fill(T::default());
        }
        for (s, label) in labels.iter().enumerate() {
            let delta = &mut self.delta[usize::from(*label) * stride + s];
            *delta = *delta - share;
        }
    }

    /// The slope by the logits, unit by unit like the input: what [`cross_entropy`](Narrow::cross_entropy) left, or room for another loss's,
    /// which must write all of it and 0 past the samples.
    pub fn slope(&mut self) -> &mut [T] {
        let logits = self.layers.last().map_or(0, Vec::len);
        self.delta.resize(logits, T::default());
        &mut self.delta
    }

    /// The gradient by all parameters, from the slope by the logits.
    pub fn backward(&mut self, network: &Network<T>, gradient: &mut [T]) {
        let stride = self.stride;
        for l in (0..network.sizes().len() - 1).rev() {
            let (fan_in, fan_out) = (network.sizes()[l], network.sizes()[l + 1]);
            let (weights, biases) = network.place(l);
            correlate(&mut gradient[weights.clone()], &self.layers[l], &self.delta, stride);
            for (b, delta) in gradient[biases].iter_mut().zip(self.delta.chunks_exact(stride)) {
                let mut sum = T::Lanes::splat(T::default());
                delta.chunks_exact(T::Lanes::WIDTH).for_each(|d| sum = sum + T::Lanes::load(d));
                *b = total(sum);
            }
            if l > 0 {
                self.transposed.clear();
                let weights = &network.theta[weights];
                (0..fan_out).for_each(|o| self.transposed.extend(weights.iter().skip(o).step_by(fan_out)));
                self.below.resize(fan_in * stride, T::default());
                mix(&mut self.below, &self.delta, stride, &self.transposed, &[]);
                network.activation().chain(&mut self.below, &self.layers[l]);
                std::mem::swap(&mut self.below, &mut self.delta);
            }
        }
    }
}

/// `out[o]` = `bias[o]` + Σᵢ `weights[i, o]` · `of[i]`, rows of `stride` samples; no bias is 0.
fn mix<T: Element>(out: &mut [T], of: &[T], stride: usize, weights: &[T], bias: &[T]) {
    let units = out.len() / stride;
    for s in (0..stride).step_by(SIDE * T::Lanes::WIDTH) {
        for first in (0..units).step_by(UNITS) {
            match units - first {
                1 => mix_tile::<T, 1>(out, of, stride, weights, bias, first, s),
                2 => mix_tile::<T, 2>(out, of, stride, weights, bias, first, s),
                3 => mix_tile::<T, 3>(out, of, stride, weights, bias, first, s),
                _ => mix_tile::<T, UNITS>(out, of, stride, weights, bias, first, s),
            }
        }
    }
}

#[inline(always)]
fn mix_tile<T: Element, const N: usize>(
    out: &mut [T],
    of: &[T],
    stride: usize,
    weights: &[T],
    bias: &[T],
    first: usize,
    s: usize,
) {
    let (units, width) = (out.len() / stride, T::Lanes::WIDTH);
    let mut sum: [[T::Lanes; SIDE]; N] =
        std::array::from_fn(|n| [T::Lanes::splat(bias.get(first + n).copied().unwrap_or_default()); SIDE]);
    for (of, weights) in of.chunks_exact(stride).zip(weights.chunks_exact(units)) {
        let of = &of[s..s + SIDE * width];
        let weights = &weights[first..first + N];
        let a: [T::Lanes; SIDE] = std::array::from_fn(|r| T::Lanes::load(&of[r * width..]));
        for n in 0..N {
            let w = T::Lanes::splat(weights[n]);
            (0..SIDE).for_each(|r| sum[n][r] = sum[n][r] + w * a[r]);
        }
    }
    for n in 0..N {
        let out = &mut out[(first + n) * stride + s..][..SIDE * width];
        (0..SIDE).for_each(|r| sum[n][r].store(&mut out[r * width..]));
    }
}

/// `out[i, o]` = Σ over the samples of `left[i]` · `right[o]`.
fn correlate<T: Element>(out: &mut [T], left: &[T], right: &[T], stride: usize) {
    let (rows, columns) = (left.len() / stride, right.len() / stride);
    for i in (0..rows).step_by(2) {
        for o in (0..columns).step_by(UNITS) {
            match (rows - i, columns - o) {
                (1, 1) => correlate_tile::<T, 1, 1>(out, left, right, stride, i, o),
                (1, 2) => correlate_tile::<T, 1, 2>(out, left, right, stride, i, o),
                (1, 3) => correlate_tile::<T, 1, 3>(out, left, right, stride, i, o),
                (1, _) => correlate_tile::<T, 1, UNITS>(out, left, right, stride, i, o),
                (_, 1) => correlate_tile::<T, 2, 1>(out, left, right, stride, i, o),
                (_, 2) => correlate_tile::<T, 2, 2>(out, left, right, stride, i, o),
                (_, 3) => correlate_tile::<T, 2, 3>(out, left, right, stride, i, o),
                (_, _) => correlate_tile::<T, 2, UNITS>(out, left, right, stride, i, o),
            }
        }
    }
}

#[inline(always)]
fn correlate_tile<T: Element, const M: usize, const N: usize>(
    out: &mut [T],
    left: &[T],
    right: &[T],
    stride: usize,
    i: usize,
    o: usize,
) {
    let columns = right.len() / stride;
    let left: [&[T]; M] = std::array::from_fn(|m| &left[(i + m) * stride..][..stride]);
    let right: [&[T]; N] = std::array::from_fn(|n| &right[(o + n) * stride..][..stride]);
    let mut sum = [[T::Lanes::splat(T::default()); N]; M];
    for s in (0..stride).step_by(T::Lanes::WIDTH) {
        let b: [T::Lanes; N] = std::array::from_fn(|n| T::Lanes::load(&right[n][s..]));
        for m in 0..M {
            let a = T::Lanes::load(&left[m][s..]);
            (0..N).for_each(|n| sum[m][n] = sum[m][n] + a * b[n]);
        }
    }
    for m in 0..M {
        (0..N).for_each(|n| out[(i + m) * columns + o + n] = total(sum[m][n]));
    }
}

/// The sum of the lanes.
#[inline(always)]
fn total<L: Lanes>(lanes: L) -> L::Scalar {
    let mut values = [L::Scalar::default(); 4];
    lanes.store(&mut values);
    (values[0] + values[2]) + (values[1] + values[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dense::{Activation, Start, Tape, cross_entropy};
    use crate::random::Random;

    /// Activities and gradients are those of the network's own passes, for full and ragged batches and for widths that fill no tile.
    #[test]
    fn passes_agree_with_the_networks_own() {
        let mut random = Random::new(1, "narrow");
        let mut narrow = Narrow::default();
        for (sizes, activation) in [
            (vec![12, 10, 7, 5, 4, 3, 2], Activation::Tanh),
            (vec![5, 1, 6, 3], Activation::Relu),
            (vec![3, 9, 8, 4], Activation::Softplus),
            (vec![2, 5, 2], Activation::Sigmoid),
        ] {
            let network = Network::<f64>::new(&sizes, activation, Start::Uniform, &mut random);
            for samples in [64, 1, 27] {
                let (features, classes) = (sizes[0], sizes[sizes.len() - 1]);
                let x: Vec<f64> = (0..samples * features).map(|_| random.normal()).collect();
                let labels: Vec<u8> = (0..samples).map(|_| random.below(classes) as u8).collect();
                let (mut tape, mut delta, mut expected) = (Tape::default(), Vec::new(), vec![0.0; network.theta.len()]);
                network.forward(&x, &mut tape);
                cross_entropy(tape.logits(), &labels, &mut delta);
                network.backward(&mut tape, &delta, &mut expected);

                let input = narrow.batch(&network, samples);
                let stride = input.len() / features;
                (0..x.len()).for_each(|i| input[i % features * stride + i / features] = x[i]);
                narrow.forward(&network);
                narrow.cross_entropy(&labels);
                let mut gradient = vec![f64::NAN; expected.len()];
                let slope = narrow.slope().to_vec();
                narrow.backward(&network, &mut gradient);
                // The same slope once more, from outside.
                narrow.slope().copy_from_slice(&slope);
                let first = gradient.clone();
                narrow.backward(&network, &mut gradient);
                assert_eq!(first, gradient);

                for (l, units) in sizes.iter().enumerate() {
                    for (i, a) in tape.layer(l).iter().enumerate() {
                        let ours = narrow.unit(l, i % units)[i / units];
                        assert!((ours - a).abs() < 1e-13, "{activation:?}, layer {l}, {i}: {ours} and {a}");
                    }
                }
                for (i, (ours, theirs)) in gradient.iter().zip(&expected).enumerate() {
                    assert!((ours - theirs).abs() < 1e-13, "{activation:?}, parameter {i}: {ours} and {theirs}");
                }
            }
        }
    }
}
