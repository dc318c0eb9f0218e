//! The unconstrained-features model with every loss and every decay: features H (d×N), classifier W (K×d) and bias b go downhill on
//!
//! f = (1/N) Σ_i loss(W h_i + b, y_i) + (λ_W/2)‖W‖² + (λ_b/2)‖b‖² + (λ_H/2N)‖H‖² + (β/2N)‖H − H₀‖²
//!
//! with softmax cross-entropy or half the squared error, targets (1−ε) e_y + ε/K. With equal classes and β = 0 the minimizers
//! are known: W h̄_k + b has z on its own class and 0 elsewhere around a common part, all of it told by c = √(K λ_W λ_H)
//! (Zhu et al. 2021; Tirer & Bruna 2022; Zhou et al. 2022). [`models`](super::models) writes λ_W/2K for λ_W/2 here.

use nalgebra::{DMatrix, DVector};

use super::models::{FeaturesModel, NearCollapse};
use super::{Classifier, Means, Variability};
use crate::linear::product::Product;
use crate::network::dense::Loss;
use crate::optimize::{Optimizer, Rule};
use crate::random::Random;

/// f, without its variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Samples of every class.
    pub of_class: Vec<usize>,
    /// The loss.
    pub loss: Loss,
    /// ε.
    pub smoothing: f64,
    /// λ_H.
    pub lambda_h: f64,
    /// λ_W.
    pub lambda_w: f64,
    /// λ_b, or no bias.
    pub lambda_b: Option<f64>,
    /// β.
    pub tie: f64,
}

/// The least f of equal classes, and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minimum {
    /// f there.
    pub value: f64,
    /// z: WH̄ = z (I − 11ᵀ/K) + z₀ 11ᵀ/K; the margin of every sample. 0 where the features vanish.
    pub margin: f64,
    /// z₀: what the features carry that all classes have in common.
    pub common: f64,
    /// Every entry of b.
    pub bias: f64,
}

impl Problem {
    /// K.
    pub fn classes(&self) -> usize {
        self.of_class.len()
    }

    /// N.
    pub fn samples(&self) -> usize {
        self.of_class.iter().sum()
    }

    /// The label of every sample, class by class.
    pub fn labels(&self) -> Vec<u8> {
        self.of_class.iter().enumerate().flat_map(|(k, n)| std::iter::repeat_n(k as u8, *n)).collect()
    }

    /// c = √(K λ_W λ_H).
    pub fn shrinkage(&self) -> f64 {
        (self.classes() as f64 * self.lambda_w * self.lambda_h).sqrt()
    }

    /// The minimum, for equal classes, λ_H and λ_W above 0, and features tied to nothing.
    pub fn minimum(&self) -> Option<Minimum> {
        let decays = self.lambda_h > 0.0 && self.lambda_w > 0.0;
        if !decays || self.tie > 0.0 || self.of_class.iter().any(|n| *n != self.of_class[0]) {
            return None;
        }
        let (k, c, e) = (self.classes() as f64, self.shrinkage(), self.smoothing);
        let rest = (k - 1.0) / k;
        match self.loss {
            Loss::CrossEntropy => {
                // p_y = 1 − (ε+c)(K−1)/K: smoothing and decay do the same.
                let u = e + c;
                let z = if u < 1.0 { libm::log(k / u - (k - 1.0)) } else { 0.0 };
                let entropy = z * e * rest + libm::log(1.0 + (k - 1.0) * libm::exp(-z));
                Some(Minimum { value: entropy + c * z * rest, margin: z, common: 0.0, bias: 0.0 })
            }
            Loss::Squared => {
                // In every direction of class space ½(y − z)² + c z: z = max(0, y − c).
                let least = |y: f64| if y > c { c * y - 0.5 * c * c } else { 0.5 * y * y };
                // In the common direction a bias competes: ½(1 − t − z₀)² + c z₀ + ½ λ_b t².
                let (common, bias, value) = match self.lambda_b {
                    None => ((1.0 - c).max(0.0), 0.0, least(1.0)),
                    Some(lambda) if lambda <= c * (1.0 + lambda) => (0.0, 1.0 / (1.0 + lambda), 0.5 * lambda / (1.0 + lambda)),
                    Some(lambda) => (1.0 - c - c / lambda, c / lambda, c - 0.5 * c * c - 0.5 * c * c / lambda),
                };
                let value = rest * least(1.0 - e) + value / k;
                Some(Minimum { value, margin: (1.0 - e - c).max(0.0), common, bias: bias / k })
            }
        }
    }

    /// The Gram matrix of the class means at that minimum is this times z (I − 11ᵀ/K) + z₀ 11ᵀ/K.
    pub fn squared_scale(&self) -> f64 {
        (self.classes() as f64 * self.lambda_w / self.lambda_h).sqrt()
    }

    /// The output for their own class that features of every class reach at the minimum: 1 − √(λ_W λ_H N/n_k), or 0: then the class
    /// has vanished. For the squared error without bias, smoothing or tie; classes may differ in size (Dang et al. 2023).
    pub fn reached(&self) -> Option<Vec<f64>> {
        let known = self.loss == Loss::Squared && self.lambda_b.is_none() && self.smoothing == 0.0 && self.tie == 0.0;
        let share = self.lambda_w * self.lambda_h * self.samples() as f64;
        known.then(|| self.of_class.iter().map(|n| (1.0 - (share / *n as f64).sqrt()).max(0.0)).collect())
    }
}

/// Features, classifier and bias on their way downhill, all samples at once.
///
/// The gradient by H is taken N-fold, so that features and classifier move at a like pace. A rule that follows the gradient has its step size
/// divided by a bound on the curvature.
pub struct Descent {
    /// f.
    pub problem: Problem,
    /// Steps made.
    pub steps: usize,
    labels: Vec<u8>,
    given: Vec<f64>,
    dimension: usize,
    /// H sample by sample, W (d×K, row by row), b.
    theta: Vec<f64>,
    gradient: Vec<f64>,
    optimizer: Optimizer<f64>,
    scores: Vec<f64>,
    delta: Vec<f64>,
}

impl Descent {
    /// From features `given` (d×N, samples class by class; also H₀), small random weights and no bias.
    pub fn new(problem: Problem, given: &DMatrix<f64>, rule: Rule, random: &mut Random) -> Self {
        let (d, k, n) = (given.nrows(), problem.classes(), problem.samples());
        assert_eq!(given.ncols(), n, "a feature vector a sample");
        let given = given.as_slice().to_vec();
        let mut theta = given.clone();
        theta.extend((0..d * k).map(|_| 0.3 * random.normal() / (d as f64).sqrt()));
        theta.resize(theta.len() + k, 0.0);
        Descent {
            steps: 0,
            labels: problem.labels(),
            given,
            dimension: d,
            gradient: vec![0.0; theta.len()],
            optimizer: Optimizer::new(rule, 0.0, theta.len()),
            theta,
            scores: vec![0.0; n * k],
            delta: Vec::new(),
            problem,
        }
    }

    /// f here; its gradient (the features' N-fold) is left behind.
    pub fn value(&mut self) -> f64 {
        let Problem { loss, smoothing, lambda_h, lambda_w, tie, .. } = self.problem;
        let (d, k, n) = (self.dimension, self.problem.classes(), self.problem.samples());
        let (h, head) = self.theta.split_at(n * d);
        let (w, b) = head.split_at(d * k);
        f64::product(&mut self.scores, h, w, n, d, k);
        self.scores.chunks_exact_mut(k).for_each(|row| row.iter_mut().zip(b).for_each(|(z, b)| *z += *b));
        let mut value = loss.slope(&self.scores, &self.labels, &mut self.delta);
        if smoothing > 0.0 {
            let (share, part) = (smoothing / n as f64, 1.0 / k as f64);
            let rows = self.delta.chunks_exact_mut(k).zip(self.scores.chunks_exact(k)).zip(&self.labels);
            for ((delta, row), label) in rows {
                let own = usize::from(*label);
                delta.iter_mut().for_each(|d| *d -= share * part);
                delta[own] += share;
                value += share * (row[own] - part * row.iter().sum::<f64>());
            }
            if loss == Loss::Squared {
                // ½‖target‖² is less than ½.
                let (own, other) = (1.0 - smoothing + smoothing * part, smoothing * part);
                value += 0.5 * (own * own + (k as f64 - 1.0) * other * other - 1.0);
            }
        }
        let (by_h, by_head) = self.gradient.split_at_mut(n * d);
        let (by_w, by_b) = by_head.split_at_mut(d * k);
        f64::product_tn(by_w, h, &self.delta, d, n, k);
        by_w.iter_mut().zip(w).for_each(|(g, w)| *g += lambda_w * w);
        value += 0.5 * lambda_w * squares(w);
        by_b.fill(0.0);
        if let Some(lambda_b) = self.problem.lambda_b {
            self.delta.chunks_exact(k).for_each(|row| by_b.iter_mut().zip(row).for_each(|(g, d)| *g += *d));
            by_b.iter_mut().zip(b).for_each(|(g, b)| *g += lambda_b * b);
            value += 0.5 * lambda_b * squares(b);
        }
        f64::product_nt(by_h, &self.delta, w, n, k, d);
        let mut apart = 0.0;
        for ((g, h), given) in by_h.iter_mut().zip(h).zip(&self.given) {
            *g = *g * n as f64 + lambda_h * h + tie * (h - given);
            apart += (h - given) * (h - given);
        }
        value + (0.5 * lambda_h * squares(h) + 0.5 * tie * apart) / n as f64
    }

    /// One step; `rate` is the step size, in units of one over the curvature for rules that follow the gradient.
    pub fn step(&mut self, rate: f64) {
        self.value();
        let (n, d) = (self.problem.samples(), self.dimension);
        let (h, head) = self.theta.split_at(n * d);
        let head = squares(&head[..d * self.problem.classes()]) + self.problem.lambda_h + self.problem.tie;
        let curvature = (squares(h) / n as f64 + 1.0 + self.problem.lambda_w).max(head);
        self.optimizer.step_size = match self.optimizer.rule {
            Rule::Momentum { .. } | Rule::Nesterov { .. } => rate / curvature,
            _ => rate,
        };
        self.optimizer.step(&mut self.theta, &self.gradient);
        self.steps += 1;
    }

    /// The largest entry of the gradient (the features' N-fold).
    pub fn slope(&mut self) -> f64 {
        self.value();
        self.gradient.iter().fold(0.0, |most, g| g.abs().max(most))
    }

    /// H (d×N).
    pub fn features(&self) -> DMatrix<f64> {
        let n = self.problem.samples();
        DMatrix::from_column_slice(self.dimension, n, &self.theta[..self.dimension * n])
    }

    /// W and b.
    pub fn classifier(&self) -> Classifier {
        let (d, k) = (self.dimension, self.problem.classes());
        let head = &self.theta[d * self.problem.samples()..];
        let bias = self.problem.lambda_b.map(|_| DVector::from_column_slice(&head[d * k..]));
        Classifier { w: DMatrix::from_column_slice(k, d, &head[..d * k]), bias }
    }

    /// The label of every sample.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
}

/// How a minimizer of the features model takes a small disturbance within its classes: gradient flow of H (N-fold) and W.
///
/// To first order the deviations inside the span of the class means fall as exp(−t√(λ_H/λ_W)) in the model's λ's, whatever else, so
/// NC1 as the square of it.
pub struct Relaxation {
    model: FeaturesModel,
    w: DMatrix<f64>,
    h: DMatrix<f64>,
    before: f64,
    time: f64,
    until: f64,
}

impl Relaxation {
    /// A minimizer in `dimension` ≥ K dimensions with noise v₀ = 0.01 within its classes, to be watched for `time`.
    pub fn new(model: FeaturesModel, dimension: usize, time: f64, random: &mut Random) -> Self {
        let near = NearCollapse::new(&model, dimension, 0.01, random);
        let w = model.classifier(&near.features);
        let before = nc1(&near.features, &model);
        Relaxation { w, h: near.features, before, time: 0.0, until: time, model }
    }

    /// What theory says is left of NC1 after `time`; NaN where the minimizer is 0.
    pub fn theory(model: &FeaturesModel, time: f64) -> f64 {
        if model.shrinkage() >= 1.0 { f64::NAN } else { libm::exp(-2.0 * time * (model.lambda_h / model.lambda_w).sqrt()) }
    }

    /// At most so many steps; the share of NC1 that is left when the time is over, NaN where the minimizer is 0.
    pub fn advance(&mut self, steps: usize) -> Option<f64> {
        if self.model.shrinkage() >= 1.0 {
            return Some(f64::NAN);
        }
        let ratio = (self.model.lambda_h / self.model.lambda_w).sqrt();
        let size = 0.05 / ratio.max(1.0 / ratio).max(1.0);
        for _ in 0..steps {
            if self.time >= self.until {
                return Some(nc1(&self.h, &self.model) / self.before);
            }
            let step = size.min(self.until - self.time);
            // The midpoint rule: second order, so that a step as long as this leaves the fourth digit alone.
            let (by_h, by_w) = self.slopes(&self.w, &self.h);
            let (by_h, by_w) = self.slopes(&(&self.w - by_w * (0.5 * step)), &(&self.h + by_h * (0.5 * step)));
            self.h += by_h * step;
            self.w -= by_w * step;
            self.time += step;
        }
        None
    }

    fn slopes(&self, w: &DMatrix<f64>, h: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
        (self.model.descent_of_features(w, h), self.model.slope_of_classifier(w, h))
    }
}

fn nc1(h: &DMatrix<f64>, model: &FeaturesModel) -> f64 {
    let labels = model.labels();
    Variability::of(h, &labels, &Means::of(h, &labels, model.classes)).nc1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural_collapse::Collapse;

    fn problem(loss: Loss, smoothing: f64, lambda_b: Option<f64>) -> Problem {
        Problem { of_class: vec![5; 4], loss, smoothing, lambda_h: 0.02, lambda_w: 0.01, lambda_b, tie: 0.0 }
    }

    fn descent(problem: Problem, dimension: usize, seed: u64) -> Descent {
        let mut random = Random::new(seed, "free features");
        let given = DMatrix::from_fn(dimension, problem.samples(), |_, _| 0.3 * random.normal());
        Descent::new(problem, &given, Rule::Momentum { mu: 0.95 }, &mut random)
    }

    fn solved(problem: Problem, seed: u64) -> Descent {
        let mut descent = descent(problem, 8, seed);
        for _ in 0..300 {
            (0..200).for_each(|_| descent.step(0.5));
            if descent.slope() < 1e-11 {
                return descent;
            }
        }
        let slope = descent.slope();
        panic!("{:?} is still at slope {slope}", descent.problem);
    }

    /// Value, Gram matrix of the means, outputs, bias, and all four metrics, against the closed forms, 10⁻⁶.
    #[test]
    fn minimizers_are_the_closed_forms() {
        let cases = [
            problem(Loss::Squared, 0.0, None),
            problem(Loss::Squared, 0.0, Some(0.0)),
            problem(Loss::Squared, 0.0, Some(0.005)),
            problem(Loss::Squared, 0.0, Some(0.3)),
            problem(Loss::Squared, 0.1, Some(0.0)),
            problem(Loss::Squared, 0.2, None),
            problem(Loss::CrossEntropy, 0.0, None),
            problem(Loss::CrossEntropy, 0.0, Some(0.01)),
            problem(Loss::CrossEntropy, 0.1, Some(0.01)),
            Problem { of_class: vec![3; 3], ..problem(Loss::CrossEntropy, 0.0, Some(0.01)) },
        ];
        for (seed, case) in cases.into_iter().enumerate() {
            let expected = case.minimum().unwrap();
            let mut end = solved(case.clone(), seed as u64);
            let value = end.value();
            assert!((value - expected.value).abs() < 1e-9, "{case:?}: {value} and {expected:?}");
            let k = case.classes();
            let common = DMatrix::from_element(k, k, 1.0 / k as f64);
            let shape = (DMatrix::identity(k, k) - &common) * expected.margin + &common * expected.common;
            let (h, classifier) = (end.features(), end.classifier());
            let means = Means::of(&h, end.labels(), k);
            let gram = means.of_classes.tr_mul(&means.of_classes) - &shape * case.squared_scale();
            assert!(gram.abs().max() < 1e-6, "{case:?}: {gram}");
            assert!((&classifier.w * &means.of_classes - shape).abs().max() < 1e-6, "{case:?}");
            if let Some(bias) = &classifier.bias {
                assert!(bias.iter().all(|b| (b - expected.bias).abs() < 1e-6), "{case:?}: {bias} and {}", expected.bias);
            }
            let collapse = Collapse::of(&h, end.labels(), &means, &classifier);
            assert!(collapse.variability.nc1 < 1e-12 && collapse.means.max_angle < 1e-6 && collapse.mismatch == 0.0);
            assert!(collapse.means.equinorm < 1e-6 && collapse.classifier.equiangle < 1e-6);
        }
    }

    /// Squared error, no bias, classes of 12, 12, 3 and 1: the smallest has vanished.
    #[test]
    fn small_classes_reach_less_and_vanish() {
        let case = Problem { of_class: vec![12, 12, 3, 1], lambda_h: 0.2, lambda_w: 0.2, ..problem(Loss::Squared, 0.0, None) };
        let reached = case.reached().unwrap();
        assert!(reached[0] > reached[2] && reached[2] > 0.3 && reached[3] == 0.0, "{reached:?}");
        let end = solved(case.clone(), 0);
        let means = Means::of(&end.features(), end.labels(), 4);
        let outputs = end.classifier().w * &means.of_classes;
        assert!((outputs - DMatrix::from_diagonal(&DVector::from_vec(reached))).abs().max() < 1e-6);
    }

    #[test]
    fn gradients_match_finite_differences() {
        for loss in [Loss::CrossEntropy, Loss::Squared] {
            let case = Problem { of_class: vec![3, 2, 1], tie: 0.3, ..problem(loss, 0.1, Some(0.2)) };
            let mut descent = descent(case, 4, 3);
            (0..5).for_each(|_| descent.step(0.3));
            descent.value();
            let gradient = descent.gradient.clone();
            for (i, gradient) in gradient.iter().enumerate() {
                let centre = descent.theta[i];
                let mut at = |by: f64| {
                    descent.theta[i] = centre + by;
                    descent.value()
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                descent.theta[i] = centre;
                // The features' gradient is taken N-fold, N = 6.
                let expected = if i < 24 { gradient / 6.0 } else { *gradient };
                assert!((slope - expected).abs() < 1e-8, "{loss:?} {i}: {slope} and {expected}");
            }
        }
    }

    #[test]
    fn a_disturbance_dies_as_theory_says() {
        let mut seen = 0;
        for (lambda_h, lambda_w) in [(1e-3, 1e-1), (1e-2, 1e-2), (1e-1, 1e-2), (0.1, 0.9), (2.0, 1.0)] {
            let model = FeaturesModel { classes: 3, per_class: 8, lambda_h, lambda_w };
            let theory = Relaxation::theory(&model, 1.0);
            let mut run = Relaxation::new(model, 6, 1.0, &mut Random::new(1, "disturbed"));
            let left = loop {
                if let Some(left) = run.advance(10) {
                    break left;
                }
            };
            assert!((left.is_nan() && theory.is_nan()) || (left / theory - 1.0).abs() < 0.02, "{left} and {theory}");
            seen += usize::from(left.is_nan());
        }
        assert_eq!(seen, 1);
    }
}
