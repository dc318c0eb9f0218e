//! Networks that see two clouds and say along which direction they differ most.
//!
//! Every predictor is a weighted sum over the points of both clouds, e = a/‖a‖ with a = Σ_j c_j v(x_j) + Σ_j c′_j v(y_j): the values v are the
//! points themselves or a pointwise map of them, the weights are one a slot, whatever stands there, or attention's:
//!
//! ```text
//! softmax(Q Kᵀ/√k) V,  and in linear time  ρ_q(Q) (ρ_k(K)ᵀ V),  with Q = X W_q + b_q, K = X W_k, V = X W_v + b_v,
//! ```
//!
//! averaged over their rows, ρ_q softmax over features and ρ_k over points. A bias of the keys would be the same for all points, and drop out of
//! either softmax. Under slots, a has a constant part w₀ as well, and the pointwise map is linear, sigmoid, linear. The predictor is trained to find
//! large W: uphill of the mean over directions drawn [`Around`] e, through the draws. Source: Nguyen, Nguyen & Ho, "Self-attention amortized
//! distributional projection optimization for sliced Wasserstein point-cloud reconstruction", 2023, and the authors' code, from which the sizes and
//! the starts of all layers are.

use ground::random::Random;
use methods::linear::exp_in_place;
use methods::network::dense::{Activation, Network, Start, Tape};
use methods::optimize::{Optimizer, Rule};
use methods::transport::{Around, Projected};

/// Features of queries and keys.
const FEATURES: usize = 64;
/// Hidden units of values that are not linear, which are not the paper's.
const HIDDEN: usize = 16;

/// Where the weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighing {
    /// A weight a slot, and the points themselves.
    Slots,
    /// A weight a slot, and a pointwise map of the points.
    MappedSlots,
    /// Self-attention.
    Attention,
    /// Attention in time linear in the points.
    LinearAttention,
}

/// A predictor with its parameters.
#[derive(Clone, Debug)]
pub struct Predictor {
    d: usize,
    n: usize,
    weighing: Weighing,
    /// w₀ and a weight for every slot of x, then of y; or W_q, b_q and W_k, 64 numbers a row.
    weights: Vec<f64>,
    /// v.
    map: Option<Network<f64>>,
}

/// The gradient by a predictor's weights and by its map's.
#[derive(Clone, Debug)]
pub struct Slopes {
    weights: Vec<f64>,
    map: Vec<f64>,
}

/// What the weights of a cloud's points were made from.
enum Seen {
    Slots,
    /// softmax(X W_q (X W_k)ᵀ/√k), row by row.
    Attention(Vec<f64>),
    /// ρ_q and ρ_k, point by point, and the mean of ρ_q.
    Linear(Vec<f64>, Vec<f64>, Vec<f64>),
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Softmax in place.
fn softmax(row: &mut [f64]) {
    let top = row.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    row.iter_mut().for_each(|s| *s -= top);
    exp_in_place(row);
    let scale = 1.0 / row.iter().sum::<f64>();
    row.iter_mut().for_each(|s| *s *= scale);
}

/// The slope of something by the aim a, told a.
type ByAim<'a> = &'a mut dyn FnMut(&[f64]) -> Vec<f64>;

impl Predictor {
    /// For clouds of `n` points in `d` dimensions; attention's values go through a hidden layer if `hidden` says so.
    pub fn new(weighing: Weighing, hidden: bool, n: usize, d: usize, random: &mut Random) -> Self {
        let layer = |fan_in: usize, count: usize, random: &mut Random| -> Vec<f64> {
            let bound = (1.0 / fan_in as f64).sqrt();
            (0..count).map(|_| random.between(-bound, bound)).collect()
        };
        let (weights, map) = match weighing {
            Weighing::Slots => (layer(2 * n, d + 2 * n, random), None),
            Weighing::MappedSlots => (layer(2 * n, d + 2 * n, random), Some((vec![d, d, d], Activation::Sigmoid))),
            Weighing::Attention | Weighing::LinearAttention => {
                let sizes = if hidden { vec![d, HIDDEN, d] } else { vec![d, d] };
                (layer(d, (2 * d + 1) * FEATURES, random), Some((sizes, Activation::Relu)))
            }
        };
        let map = map.map(|(sizes, activation)| Network::new(&sizes, activation, Start::Uniform, random));
        Predictor { d, n, weighing, weights, map }
    }

    /// No slope yet.
    pub fn slopes(&self) -> Slopes {
        Slopes { weights: vec![0.0; self.weights.len()], map: vec![0.0; self.map.as_ref().map_or(0, |map| map.theta.len())] }
    }

    /// Queries with their bias as the last row, and keys.
    fn queries_and_keys(&self) -> (&[f64], &[f64]) {
        self.weights.split_at((self.d + 1) * FEATURES)
    }

    /// M = [W_q; b_q] W_kᵀ/√k, so that the logit of two points is (x, 1)ᵀMy: (d + 1) × d in place of two times n × 64.
    fn form(&self) -> Vec<f64> {
        let (queries, keys) = self.queries_and_keys();
        let scale = 1.0 / (FEATURES as f64).sqrt();
        let entry = |i: usize, j: usize| scale * dot(&queries[i * FEATURES..][..FEATURES], &keys[j * FEATURES..][..FEATURES]);
        (0..(self.d + 1) * self.d).map(|k| entry(k / self.d, k % self.d)).collect()
    }

    /// The weights of a cloud's points (`which` 0 for x, 1 for y).
    fn weigh(&self, points: &[f64], which: usize) -> (Vec<f64>, Seen) {
        let (d, n) = (self.d, points.len() / self.d);
        match self.weighing {
            Weighing::Slots | Weighing::MappedSlots => {
                assert_eq!(n, self.n, "a weight a slot");
                (self.weights[d + which * n..][..n].to_vec(), Seen::Slots)
            }
            Weighing::Attention => {
                let form = self.form();
                let coordinates: Vec<Vec<f64>> = (0..d).map(|k| points.iter().skip(k).step_by(d).copied().collect()).collect();
                let mut attention = vec![0.0; n * n];
                let mut weights = vec![0.0; n];
                for (x, row) in points.chunks_exact(d).zip(attention.chunks_exact_mut(n)) {
                    for (j, coordinate) in coordinates.iter().enumerate() {
                        let query = (0..d).fold(form[d * d + j], |query, i| query + x[i] * form[i * d + j]);
                        row.iter_mut().zip(coordinate).for_each(|(s, y)| *s += query * y);
                    }
                    softmax(row);
                    weights.iter_mut().zip(&*row).for_each(|(c, p)| *c += p);
                }
                // The mean over rows, and half for each cloud.
                weights.iter_mut().for_each(|c| *c *= 0.5 / n as f64);
                (weights, Seen::Attention(attention))
            }
            Weighing::LinearAttention => {
                let (queries, keys) = self.queries_and_keys();
                let product = |w: &[f64], bias: &[f64]| -> Vec<f64> {
                    let entry = |x: &[f64], f: usize| (0..d).fold(bias[f], |sum, k| sum + x[k] * w[k * FEATURES + f]);
                    points.chunks_exact(d).flat_map(|x| (0..FEATURES).map(move |f| entry(x, f))).collect()
                };
                let (mut by_feature, mut by_point) =
                    (product(queries, &queries[d * FEATURES..]), product(keys, &[0.0; FEATURES]));
                by_feature.chunks_exact_mut(FEATURES).for_each(softmax);
                for f in 0..FEATURES {
                    let mut column: Vec<f64> = by_point.iter().skip(f).step_by(FEATURES).copied().collect();
                    softmax(&mut column);
                    by_point.iter_mut().skip(f).step_by(FEATURES).zip(column).for_each(|(to, from)| *to = from);
                }
                let mut mean = vec![0.0; FEATURES];
                for row in by_feature.chunks_exact(FEATURES) {
                    mean.iter_mut().zip(row).for_each(|(m, q)| *m += q / n as f64);
                }
                let weights = by_point.chunks_exact(FEATURES).map(|row| 0.5 * dot(row, &mean)).collect();
                (weights, Seen::Linear(by_feature, by_point, mean))
            }
        }
    }

    /// Adds the slope by the parameters behind a cloud's weights, from `by_weight`, the slope by each of them.
    fn weigh_back(&self, points: &[f64], which: usize, seen: &Seen, by_weight: &[f64], slope: &mut [f64]) {
        let (d, n) = (self.d, points.len() / self.d);
        match seen {
            Seen::Slots => slope[d + which * n..][..n].iter_mut().zip(by_weight).for_each(|(s, t)| *s += t),
            Seen::Attention(attention) => {
                let mut by_form = vec![0.0; (d + 1) * d];
                for (x, row) in points.chunks_exact(d).zip(attention.chunks_exact(n)) {
                    let mean = dot(row, by_weight);
                    let mut along = vec![0.0; d];
                    for ((p, t), y) in row.iter().zip(by_weight).zip(points.chunks_exact(d)) {
                        let by_logit = p * (t - mean);
                        along.iter_mut().zip(y).for_each(|(a, y)| *a += by_logit * y);
                    }
                    for (i, x) in x.iter().chain(&[1.0]).enumerate() {
                        (0..d).for_each(|j| by_form[i * d + j] += x * along[j] * 0.5 / n as f64);
                    }
                }
                let (queries, keys) = self.queries_and_keys();
                let scale = 1.0 / (FEATURES as f64).sqrt();
                for i in 0..=d {
                    for j in 0..d {
                        let by = scale * by_form[i * d + j];
                        for f in 0..FEATURES {
                            slope[i * FEATURES + f] += by * keys[j * FEATURES + f];
                            slope[(d + 1 + j) * FEATURES + f] += by * queries[i * FEATURES + f];
                        }
                    }
                }
            }
            Seen::Linear(by_feature, by_point, mean) => {
                // c_j = ½ Σ_f ρ_k(j, f) q̄_f.
                let mut by_mean = vec![0.0; FEATURES];
                for (row, t) in by_point.chunks_exact(FEATURES).zip(by_weight) {
                    by_mean.iter_mut().zip(row).for_each(|(b, p)| *b += 0.5 * p * t);
                }
                let (by_queries, by_keys) = slope.split_at_mut((d + 1) * FEATURES);
                for (j, x) in points.chunks_exact(d).enumerate() {
                    let (q, p) = (&by_feature[j * FEATURES..][..FEATURES], &by_point[j * FEATURES..][..FEATURES]);
                    let middle = dot(q, &by_mean);
                    for f in 0..FEATURES {
                        let by_query = q[f] * (by_mean[f] - middle) / n as f64;
                        // by_mean is ½ Σ ρ_k t: the mean that this feature's softmax takes away.
                        let by_key = p[f] * mean[f] * (0.5 * by_weight[j] - by_mean[f]);
                        by_queries[d * FEATURES + f] += by_query;
                        for (k, x) in x.iter().enumerate() {
                            by_queries[k * FEATURES + f] += by_query * x;
                            by_keys[k * FEATURES + f] += by_key * x;
                        }
                    }
                }
            }
        }
    }

    /// The values of points.
    fn values(&self, points: &[f64], tape: &mut Tape<f64>) -> Vec<f64> {
        self.map.as_ref().map_or_else(
            || points.to_vec(),
            |map| {
                map.forward(points, tape);
                tape.logits().to_vec()
            },
        )
    }

    /// a for the clouds x and y, and, if there is something to learn, the slope by all parameters, added to `slopes`, of what has the slope
    /// `by_aim(a)` by a.
    fn run(&self, clouds: [&[f64]; 2], learn: Option<(&mut Slopes, ByAim)>) -> Vec<f64> {
        let d = self.d;
        let mut tapes = [Tape::default(), Tape::default()];
        let mut aim = if matches!(self.weighing, Weighing::Slots | Weighing::MappedSlots) {
            self.weights[..d].to_vec()
        } else {
            vec![0.0; d]
        };
        let parts = [0, 1].map(|which| {
            let values = self.values(clouds[which], &mut tapes[which]);
            let (weights, seen) = self.weigh(clouds[which], which);
            for (value, c) in values.chunks_exact(d).zip(&weights) {
                aim.iter_mut().zip(value).for_each(|(a, v)| *a += c * v);
            }
            (values, weights, seen)
        });
        let Some((slopes, by_aim)) = learn else { return aim };
        let slope = by_aim(&aim);
        if matches!(self.weighing, Weighing::Slots | Weighing::MappedSlots) {
            slopes.weights.iter_mut().zip(&slope).for_each(|(s, g)| *s += g);
        }
        let mut by_map = vec![0.0; slopes.map.len()];
        for (which, (values, weights, seen)) in parts.into_iter().enumerate() {
            let by_weight: Vec<f64> = values.chunks_exact(d).map(|value| dot(value, &slope)).collect();
            self.weigh_back(clouds[which], which, &seen, &by_weight, &mut slopes.weights);
            if let Some(map) = &self.map {
                let delta: Vec<f64> = weights.iter().flat_map(|c| slope.iter().map(move |g| c * g)).collect();
                map.backward(&mut tapes[which], &delta, &mut by_map);
                slopes.map.iter_mut().zip(&by_map).for_each(|(s, g)| *s += g);
            }
        }
        aim
    }

    /// a.
    pub fn aim(&self, x: &[f64], y: &[f64]) -> Vec<f64> {
        self.run([x, y], None)
    }

    /// e = a/‖a‖.
    pub fn direction(&self, x: &[f64], y: &[f64]) -> Vec<f64> {
        let (direction, _) = towards(&self.aim(x, y));
        direction
    }

    /// Adds to `slopes` the slope, by all parameters, of the mean of W₂² over `draws` directions around e, times −`scale`: to be minimised.
    pub fn uphill(&self, measures: &Projected, kappa: f64, draws: usize, scale: f64, random: &mut Random, slopes: &mut Slopes) {
        let [x, y] = measures.points();
        let mut by_aim = |aim: &[f64]| {
            let (centre, length) = towards(aim);
            let mut by_centre = vec![0.0; aim.len()];
            for _ in 0..draws {
                let around = Around::draw(&centre, kappa, random);
                let (_, entries) = measures.along(&around.direction);
                let uphill = measures.uphill(&around.direction, &entries);
                by_centre.iter_mut().zip(around.pull_back(&centre, &uphill)).for_each(|(b, u)| *b += u);
            }
            // Half the slope of W₂² is uphill.
            let scale = -2.0 * scale / draws as f64 / length;
            let along = dot(&by_centre, &centre);
            by_centre.iter().zip(&centre).map(|(b, e)| scale * (b - along * e)).collect()
        };
        self.run([x, y], Some((slopes, &mut by_aim)));
    }
}

/// a/‖a‖ and ‖a‖; where a vanishes, all that is left of it is very short.
fn towards(aim: &[f64]) -> (Vec<f64>, f64) {
    let length = dot(aim, aim).sqrt() + 1e-9;
    (aim.iter().map(|a| a / length).collect(), length)
}

/// A predictor in training, by Adam.
#[derive(Clone, Debug)]
pub struct Learner {
    /// The predictor.
    pub predictor: Predictor,
    optimizers: [Optimizer<f64>; 2],
    slopes: Slopes,
    random: Random,
}

impl Learner {
    /// Before its first step; `random` draws directions.
    pub fn new(predictor: Predictor, step_size: f64, random: Random) -> Self {
        let slopes = predictor.slopes();
        let optimizers = [&slopes.weights, &slopes.map].map(|slope| Optimizer::new(Rule::ADAM, step_size, slope.len()));
        Learner { predictor, optimizers, slopes, random }
    }

    /// A pair of clouds of the next step's batch: up its `scale` · W₂², the mean over `draws` directions of concentration κ.
    pub fn see(&mut self, measures: &Projected, kappa: f64, draws: usize, scale: f64) {
        self.predictor.uphill(measures, kappa, draws, scale, &mut self.random, &mut self.slopes);
    }

    /// The step after the pairs that it has seen.
    pub fn step(&mut self) {
        self.optimizers[0].step(&mut self.predictor.weights, &self.slopes.weights);
        if let Some(map) = &mut self.predictor.map {
            self.optimizers[1].step(&mut map.theta, &self.slopes.map);
        }
        self.slopes = self.predictor.slopes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Weighing; 4] = [Weighing::Slots, Weighing::MappedSlots, Weighing::Attention, Weighing::LinearAttention];

    fn clouds(n: usize, d: usize) -> [Vec<f64>; 2] {
        let mut random = Random::new(1, "clouds");
        [0.3, -0.3].map(|shift| (0..n * d).map(|k| random.normal() * (1.0 + (k % d) as f64) + shift).collect())
    }

    #[test]
    fn attention_does_not_see_the_order_and_slots_do() {
        let [x, y] = clouds(20, 3);
        let order = Random::new(2, "order").permutation(20);
        let shuffled: Vec<f64> = order.iter().flat_map(|i| x[3 * i..3 * i + 3].to_vec()).collect();
        for weighing in ALL {
            let predictor = Predictor::new(weighing, false, 20, 3, &mut Random::new(3, "weights"));
            let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let aim = predictor.aim(&x, &y);
            let (mixed, turned) = (far(&aim, &predictor.aim(&shuffled, &y)), far(&aim, &predictor.aim(&y, &x)));
            if matches!(weighing, Weighing::Attention | Weighing::LinearAttention) {
                assert!(mixed < 1e-12 && turned < 1e-12, "{weighing:?}: {mixed}, {turned}");
            } else {
                assert!(mixed > 1e-3 && turned > 1e-3, "{weighing:?}: {mixed}, {turned}");
            }
        }
    }

    #[test]
    fn slopes_are_the_change_of_what_is_found() {
        for d in [2, 3] {
            let [x, y] = clouds(12, d);
            let measures = Projected::equal(&x, &y, d);
            for (weighing, hidden) in ALL.into_iter().flat_map(|weighing| [(weighing, false), (weighing, true)]) {
                let predictor = Predictor::new(weighing, hidden, 12, d, &mut Random::new(4, "weights"));
                let mut slopes = predictor.slopes();
                predictor.uphill(&measures, 4.0, 3, 0.7, &mut Random::new(5, "draws"), &mut slopes);
                let value = |predictor: &Predictor| {
                    let (centre, mut random) = (predictor.direction(&x, &y), Random::new(5, "draws"));
                    let one = |random: &mut Random| measures.squared(&Around::draw(&centre, 4.0, random).direction);
                    -0.7 * (0..3).map(|_| one(&mut random)).sum::<f64>() / 3.0
                };
                let check = |slope: f64, turn: &dyn Fn(&mut Predictor, f64)| {
                    let at = |by: f64| {
                        let mut moved = predictor.clone();
                        turn(&mut moved, by);
                        value(&moved)
                    };
                    let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!((slope - difference).abs() < 1e-5 * (1.0 + slope.abs()), "{weighing:?}: {slope}, {difference}");
                };
                for k in (0..predictor.weights.len()).step_by(5) {
                    check(slopes.weights[k], &|moved, by| moved.weights[k] += by);
                }
                if let Some(map) = &predictor.map {
                    for k in 0..map.theta.len() {
                        check(slopes.map[k], &|moved, by| moved.map.as_mut().unwrap().theta[k] += by);
                    }
                }
            }
        }
    }

    /// The outputs for given weights as numpy has them, see make_slices.py.
    #[test]
    fn predictors_are_numpys() {
        let bytes = include_bytes!("../../../../tests/fixtures/slices.npz");
        let arrays = run::data::read("slices.npz", bytes).unwrap();
        let get = |name: &str| &arrays.iter().find(|a| a.name == format!("slices.npz/{name}")).expect(name).values;
        let slots = (Weighing::MappedSlots, "generalized");
        for (weighing, name) in [(Weighing::Attention, "attention"), (Weighing::LinearAttention, "linear_time"), slots] {
            let mut predictor = Predictor::new(weighing, false, 80, 3, &mut Random::new(6, "weights"));
            let [weights, theta] = if name == "generalized" {
                [vec!["constant", "slots"], vec!["first", "first_bias", "second", "second_bias"]]
            } else {
                [vec!["queries", "queries_bias", "keys"], vec!["values", "values_bias"]]
            }
            .map(|names| names.into_iter().flat_map(|name| get(name).iter().copied()).collect::<Vec<f64>>());
            predictor.weights = weights;
            predictor.map = Some(predictor.map.unwrap().with(theta));
            let aim = predictor.aim(get("x"), get("y"));
            aim.iter()
                .zip(get(name))
                .for_each(|(ours, theirs)| assert!((ours - theirs).abs() < 1e-12, "{name}: {ours}, {theirs}"));
        }
    }
}
