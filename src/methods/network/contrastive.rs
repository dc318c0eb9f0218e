//! Contrastive learning: InfoNCE over a batch of pairs, and a penalty on the slope of the critic f(x,y) = g(x)ᵀh(y).
//!
//! Sources: van den Oord, Li & Vinyals, "Representation learning with contrastive predictive coding", 2018; Gulrajani, Ahmed,
//! Arjovsky, Dumoulin & Courville, "Improved training of Wasserstein GANs", 2017; Ozair et al., "Wasserstein dependency measure
//! for representation learning", 2019.

use crate::linear::product::Product;
use crate::network::dense::{Activation, Network};

/// J = −(1/N) Σᵢ [fᵢᵢ − ln((1/N) Σⱼ exp fᵢⱼ)] of the `scores` fᵢⱼ (N×N, pairs on the diagonal) in nats; `delta` becomes its gradient.
///
/// −J never exceeds ln N.
pub fn info_nce<T: Product>(scores: &[T], n: usize, delta: &mut Vec<T>) -> f64 {
    assert_eq!(scores.len(), n * n, "a score for every pair of the batch");
    let share = T::real(1.0 / n as f64);
    let mut loss = 0.0;
    delta.clear();
    delta.extend_from_slice(scores);
    for (i, row) in delta.chunks_exact_mut(n).enumerate() {
        let top = row.iter().fold(row[0], |a, b| a.larger(*b));
        let pair = row[i];
        row.iter_mut().for_each(|f| *f = *f - top);
        T::exp_each(row);
        let sum = row.iter().fold(0.0, |sum, e| sum + e.double());
        loss += libm::log(sum / n as f64) + top.double() - pair.double();
        let scale = share / T::real(sum);
        row.iter_mut().for_each(|e| *e = *e * scale);
        row[i] = row[i] - share;
    }
    loss / n as f64
}

/// Memory of [`slope_penalty`], used again for every batch.
#[derive(Clone, Debug, Default)]
pub struct Room<T> {
    sides: [Side<T>; 2],
    slopes: Vec<T>,
    part: Vec<T>,
    error: Vec<T>,
    raised: Vec<T>,
}

/// One encoder at the points, and along the slope there: first the rows of the points, then those of the slope.
#[derive(Clone, Debug, Default)]
struct Side<T> {
    input: Vec<T>,
    hidden: Vec<T>,
    output: Vec<T>,
}

/// `weight` · Σᵢ max(0, ‖∇f(xᵢ,yᵢ)‖ − 1)² for the critic f(x,y) = g(x)ᵀh(y), the slope ∇ being that in (x,y); its gradient by the
/// parameters of g and of h is added to `gradients`.
///
/// Both encoders have one hidden layer, of ReLUs. `points` are the x and the y, samples × inputs; a batch can be done in parts.
///
/// ½‖∇f‖² has the gradient of the slope of f along v = ∇f with v held still, and along v the encoders move as
/// ġ = (m ∘ vW₁)W₂, m the ReLUs that are on: the chain rule runs through both at once.
pub fn slope_penalty<T: Product>(
    encoders: [&Network<T>; 2],
    points: [&[T]; 2],
    weight: f64,
    room: &mut Room<T>,
    gradients: [&mut [T]; 2],
) -> f64 {
    let samples = points[0].len() / encoders[0].sizes()[0];
    let Room { sides, slopes, part, error, raised } = room;
    for ((network, x), side) in encoders.iter().zip(points).zip(&mut *sides) {
        assert!(network.sizes().len() == 3 && network.activation() == Activation::Relu, "one hidden layer of ReLUs");
        let [inputs, units, outputs] = sizes(network);
        side.input.clear();
        side.input.extend_from_slice(x);
        side.input.resize(2 * samples * inputs, T::default());
        side.hidden.resize(2 * samples * units, T::default());
        side.output.resize(2 * samples * outputs, T::default());
        let (hidden, output) = (&mut side.hidden[..samples * units], &mut side.output[..samples * outputs]);
        layer(network, 0, x, hidden);
        hidden.iter_mut().for_each(|a| *a = a.larger(T::default()));
        layer(network, 1, hidden, output);
    }
    // v = ∇f: of g by x, along h(y); and the other way round.
    for (i, network) in encoders.iter().enumerate() {
        let [inputs, units, outputs] = sizes(network);
        let [first, second] = [0, 1].map(|l| &network.theta[network.place(l).0]);
        part.resize(samples * units, T::default());
        T::product_nt(part, &sides[1 - i].output[..samples * outputs], second, samples, outputs, units);
        Activation::Relu.chain(part, &sides[i].hidden[..samples * units]);
        T::product_nt(&mut sides[i].input[samples * inputs..], part, first, samples, units, inputs);
    }
    slopes.clear();
    let mut penalty = 0.0;
    for i in 0..samples {
        let square = |side: &Side<T>| {
            let inputs = side.input.len() / (2 * samples);
            side.input[(samples + i) * inputs..][..inputs].iter().fold(0.0, |s, v| s + v.double() * v.double())
        };
        let slope = (square(&sides[0]) + square(&sides[1])).sqrt();
        let excess = (slope - 1.0).max(0.0);
        penalty += weight * excess * excess;
        slopes.push(T::real(if excess > 0.0 { 2.0 * weight * excess / slope } else { 0.0 }));
    }
    if penalty == 0.0 {
        return 0.0;
    }
    // What moves along v.
    for (network, side) in encoders.iter().zip(&mut *sides) {
        let [inputs, units, outputs] = sizes(network);
        let [first, second] = [0, 1].map(|l| &network.theta[network.place(l).0]);
        let (hidden, moved) = side.hidden.split_at_mut(samples * units);
        T::product(moved, &side.input[samples * inputs..], first, samples, inputs, units);
        Activation::Relu.chain(moved, hidden);
        T::product(&mut side.output[samples * outputs..], moved, second, samples, units, outputs);
    }
    // ∂/∂g of ġᵀh + gᵀḣ is ḣ, ∂/∂ġ is h.
    for ((i, network), gradient) in encoders.iter().enumerate().zip(gradients) {
        let [inputs, units, outputs] = sizes(network);
        let other = &sides[1 - i].output;
        error.clear();
        let (at, along) = other.split_at(samples * outputs);
        for half in [along, at] {
            for (row, slope) in half.chunks_exact(outputs).zip(&*slopes) {
                error.extend(row.iter().map(|v| *v * *slope));
            }
        }
        let side = &sides[i];
        let [(first, first_bias), (second, second_bias)] = [0, 1].map(|l| network.place(l));
        part.resize(units * outputs, T::default());
        T::product_tn(part, &side.hidden, error, units, 2 * samples, outputs);
        add(&mut gradient[second.clone()], part);
        sum_rows(&mut gradient[second_bias], &error[..samples * outputs]);
        raised.resize(2 * samples * units, T::default());
        T::product_nt(raised, error, &network.theta[second], 2 * samples, outputs, units);
        for half in raised.chunks_exact_mut(samples * units) {
            Activation::Relu.chain(half, &side.hidden[..samples * units]);
        }
        part.resize(inputs * units, T::default());
        T::product_tn(part, &side.input, raised, inputs, 2 * samples, units);
        add(&mut gradient[first], part);
        sum_rows(&mut gradient[first_bias], &raised[..samples * units]);
    }
    penalty
}

fn sizes<T: Product>(network: &Network<T>) -> [usize; 3] {
    std::array::from_fn(|l| network.sizes()[l])
}

/// `out` = `a`·W + b of layer `l`, before the activation.
fn layer<T: Product>(network: &Network<T>, l: usize, a: &[T], out: &mut [T]) {
    let (fan_in, fan_out) = (network.sizes()[l], network.sizes()[l + 1]);
    let (weights, biases) = network.place(l);
    T::product(out, a, &network.theta[weights], a.len() / fan_in, fan_in, fan_out);
    for row in out.chunks_exact_mut(fan_out) {
        add(row, &network.theta[biases.clone()]);
    }
}

fn add<T: Product>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
}

fn sum_rows<T: Product>(to: &mut [T], rows: &[T]) {
    rows.chunks_exact(to.len()).for_each(|row| add(to, row));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dense::Start;
    use crate::random::Random;

    #[test]
    fn no_batch_tells_more_than_the_logarithm_of_its_size() {
        let mut random = Random::new(2, "scores");
        for (n, scale) in [(8, 1.0), (64, 10.0), (200, 1e4)] {
            let scores: Vec<f32> = (0..n * n).map(|_| (scale * random.normal()) as f32).collect();
            assert!(-info_nce(&scores, n, &mut Vec::new()) <= (n as f64).ln());
        }
        // A critic that knows the class and nothing else: ln N − E ln(pairs of the right class in the batch).
        let (n, classes) = (50, 7);
        let class: Vec<usize> = (0..n).map(|_| random.below(classes)).collect();
        let scores: Vec<f64> = (0..n * n).map(|k| if class[k / n] == class[k % n] { 60.0 } else { 0.0 }).collect();
        let alike = |i: usize| class.iter().filter(|c| **c == class[i]).count() as f64;
        let known = (n as f64).ln() - (0..n).map(|i| alike(i).ln()).sum::<f64>() / n as f64;
        assert!((-info_nce(&scores, n, &mut Vec::new()) - known).abs() < 1e-12);
    }

    #[test]
    fn the_gradient_of_info_nce_matches_finite_differences() {
        let (n, mut random) = (5, Random::new(3, "scores"));
        let mut scores: Vec<f64> = (0..n * n).map(|_| 2.0 * random.normal()).collect();
        let mut delta = Vec::new();
        info_nce(&scores, n, &mut delta);
        for i in 0..n * n {
            let centre = scores[i];
            let mut at = |value: f64| {
                scores[i] = value;
                info_nce(&scores, n, &mut Vec::new())
            };
            let slope = (at(centre + 1e-5) - at(centre - 1e-5)) / 2e-5;
            scores[i] = centre;
            assert!((slope - delta[i]).abs() < 1e-9, "score {i}: {slope} and {}", delta[i]);
        }
    }

    fn encoders(random: &mut Random) -> [Network<f64>; 2] {
        [[5, 9, 3], [4, 8, 3]].map(|sizes| {
            let mut network = Network::new(&sizes, Activation::Relu, Start::Uniform, random);
            // Steep enough for slopes on both sides of 1.
            network.theta.iter_mut().for_each(|t| *t *= 2.2);
            network
        })
    }

    fn penalty(encoders: &[Network<f64>; 2], points: [&[f64]; 2]) -> f64 {
        let [mut g, mut h] = [0, 1].map(|i| vec![0.0; encoders[i].theta.len()]);
        slope_penalty([&encoders[0], &encoders[1]], points, 1.0 / 12.0, &mut Room::default(), [&mut g, &mut h])
    }

    /// The slope itself from differences of f, and the penalty's gradient from differences of the penalty.
    #[test]
    fn the_penalty_and_its_gradient_match_finite_differences() {
        let mut random = Random::new(4, "critic");
        let mut networks = encoders(&mut random);
        let [x, y] = [5, 4].map(|inputs| (0..12 * inputs).map(|_| random.normal()).collect::<Vec<f64>>());
        let value = |x: &[f64], y: &[f64]| {
            let mut tapes = [crate::network::dense::Tape::default(), crate::network::dense::Tape::default()];
            networks[0].forward(x, &mut tapes[0]);
            networks[1].forward(y, &mut tapes[1]);
            tapes[0].logits().iter().zip(tapes[1].logits()).map(|(g, h)| g * h).sum::<f64>()
        };
        let mut expected = 0.0;
        let mut steep = 0;
        for i in 0..12 {
            let mut point = [x[i * 5..][..5].to_vec(), y[i * 4..][..4].to_vec()].concat();
            let mut square = 0.0;
            for j in 0..9 {
                let centre = point[j];
                let mut at = |v: f64| {
                    point[j] = v;
                    value(&point[..5], &point[5..])
                };
                let slope = (at(centre + 1e-6) - at(centre - 1e-6)) / 2e-6;
                point[j] = centre;
                square += slope * slope;
            }
            let excess = (square.sqrt() - 1.0).max(0.0);
            steep += usize::from(excess > 0.0);
            expected += excess * excess / 12.0;
        }
        assert!((2..11).contains(&steep), "{steep} of 12 slopes over 1");
        assert!((penalty(&networks, [&x, &y]) - expected).abs() < 1e-5 * expected);

        let mut gradients = [0, 1].map(|i| vec![0.0; networks[i].theta.len()]);
        let [g, h] = &mut gradients;
        // In two parts, added up.
        for half in 0..2 {
            let points = [&x[half * 30..][..30], &y[half * 24..][..24]];
            slope_penalty([&networks[0], &networks[1]], points, 1.0 / 12.0, &mut Room::default(), [&mut g[..], &mut h[..]]);
        }
        for (side, gradient) in gradients.iter().enumerate() {
            for (i, analytic) in gradient.iter().enumerate() {
                let centre = networks[side].theta[i];
                let mut at = |value: f64| {
                    networks[side].theta[i] = value;
                    penalty(&networks, [&x, &y])
                };
                let slope = (at(centre + 1e-6) - at(centre - 1e-6)) / 2e-6;
                networks[side].theta[i] = centre;
                assert!((slope - analytic).abs() < 1e-5 * (1.0 + slope.abs()), "side {side}, {i}: {slope} and {analytic}");
            }
        }
    }
}
