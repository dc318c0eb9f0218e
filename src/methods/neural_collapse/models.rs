//! Models in which features H (d×N) and a classifier W (K×d) without bias are optimized directly.
//!
//! The features model, K classes of n samples each, N = Kn, samples ordered by class, Y = I_K ⊗ 1_nᵀ:
//!
//! f(W,H) = (1/2Kn)‖WH−Y‖² + (λ_W/2K)‖W‖² + (λ_H/2Kn)‖H‖²
//!
//! With c = √(λ_H λ_W) < 1 its minimizers are collapsed: H = H̄ ⊗ 1_nᵀ, H̄ᵀH̄ = h I, h = (1−c)√(λ_W/λ_H), W = √(λ_H/λ_W) H̄ᵀ,
//! f = c − c²/2; with c ≥ 1 everything is 0 and f = ½. The vicinity model adds (β/2Kn)‖H−H₀‖². Tirer, Huang & Niles-Weed 2023.

use nalgebra::{Cholesky, DMatrix};

use crate::linear::frame::orthonormal;
use crate::linear::product::Product;
use crate::random::Random;

/// The features model.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturesModel {
    /// K.
    pub classes: usize,
    /// n.
    pub per_class: usize,
    /// λ_H.
    pub lambda_h: f64,
    /// λ_W.
    pub lambda_w: f64,
}

impl FeaturesModel {
    /// c = √(λ_H λ_W): what shrinks the outputs to 1 − c; at 1 and above the features vanish.
    pub fn shrinkage(&self) -> f64 {
        (self.lambda_h * self.lambda_w).sqrt()
    }

    /// The least value of f.
    pub fn minimum(&self) -> f64 {
        let c = self.shrinkage().min(1.0);
        c - 0.5 * c * c
    }

    /// h: the squared length of a class mean at the minimum; 0 where the features vanish.
    pub fn squared_length(&self) -> f64 {
        (1.0 - self.shrinkage()).max(0.0) * (self.lambda_w / self.lambda_h).sqrt()
    }

    /// The labels of the samples, class by class.
    pub fn labels(&self) -> Vec<u8> {
        (0..self.classes * self.per_class).map(|i| (i / self.per_class) as u8).collect()
    }

    /// Y (K×N).
    pub fn targets(&self) -> DMatrix<f64> {
        let n = self.per_class;
        DMatrix::from_fn(self.classes, self.classes * n, |k, i| if i / n == k { 1.0 } else { 0.0 })
    }

    /// f(W, H).
    pub fn loss(&self, w: &DMatrix<f64>, h: &DMatrix<f64>) -> f64 {
        let (k, n) = (self.classes as f64, self.per_class as f64);
        let fit = (w * h - self.targets()).norm_squared();
        (fit + self.lambda_h * h.norm_squared()) / (2.0 * k * n) + self.lambda_w * w.norm_squared() / (2.0 * k)
    }

    /// −Kn ∂f/∂H = −[Wᵀ(WH−Y) + λ_H H].
    pub fn descent_of_features(&self, w: &DMatrix<f64>, h: &DMatrix<f64>) -> DMatrix<f64> {
        w.tr_mul(&(self.targets() - w * h)) - h * self.lambda_h
    }

    /// K ∂f/∂W = (1/n)(WH−Y)Hᵀ + λ_W W.
    pub fn slope_of_classifier(&self, w: &DMatrix<f64>, h: &DMatrix<f64>) -> DMatrix<f64> {
        (w * h - self.targets()) * h.transpose() / self.per_class as f64 + w * self.lambda_w
    }

    /// W*(H) = YHᵀ(HHᵀ + nλ_W I)⁻¹, the best classifier of given features.
    pub fn classifier(&self, h: &DMatrix<f64>) -> DMatrix<f64> {
        let (d, n) = (h.nrows(), self.per_class as f64);
        let mut gram = DMatrix::zeros(d, d);
        // Column-major H is row-major Hᵀ.
        f64::product_tn(gram.as_mut_slice(), h.as_slice(), h.as_slice(), d, h.ncols(), d);
        add_to_diagonal(&mut gram, n * self.lambda_w);
        let solver = Cholesky::new(gram).expect("λ_W > 0 makes it positive definite");
        solver.solve(&(h * self.targets().transpose())).transpose()
    }
}

fn add_to_diagonal(matrix: &mut DMatrix<f64>, value: f64) {
    (0..matrix.nrows()).for_each(|i| matrix[(i, i)] += value);
}

/// Exact block descent on f(W,H) + (β/2Kn)‖H−H₀‖²: the best W, then the best H, in turn. β = 0 is the features model alone.
#[derive(Clone, Debug)]
pub struct BlockDescent {
    /// f and its weights.
    pub model: FeaturesModel,
    /// β.
    pub beta: f64,
    /// H₀.
    pub given: DMatrix<f64>,
    /// W.
    pub w: DMatrix<f64>,
    /// H.
    pub h: DMatrix<f64>,
    /// The objective after the last sweep; infinite before the first.
    pub objective: f64,
    /// Its relative change in the last sweep.
    pub change: f64,
    /// Sweeps so far.
    pub sweeps: usize,
}

impl BlockDescent {
    /// At H = H₀, which must have N columns; `beta` ≥ 0.
    pub fn new(model: FeaturesModel, beta: f64, given: DMatrix<f64>) -> Self {
        let w = model.classifier(&given);
        let h = given.clone();
        BlockDescent { model, beta, given, w, h, objective: f64::INFINITY, change: f64::INFINITY, sweeps: 0 }
    }

    /// W ← W*(H); H ← (WᵀW + (λ_H+β) I)⁻¹ (WᵀY + βH₀).
    pub fn sweep(&mut self) {
        self.w = self.model.classifier(&self.h);
        let (w, stiffness) = (&self.w, self.model.lambda_h + self.beta);
        let share = self.beta / stiffness;
        // The same with a K×K solve: H = s H₀ + Wᵀ(WWᵀ + (λ_H+β) I)⁻¹(Y − s W H₀), s = β/(λ_H+β).
        let mut gram = w * w.transpose();
        add_to_diagonal(&mut gram, stiffness);
        let solver = Cholesky::new(gram).expect("λ_H > 0 makes it positive definite");
        let residual = self.model.targets() - w * &self.given * share;
        self.h = &self.given * share + w.tr_mul(&solver.solve(&residual));
        let samples = self.given.ncols() as f64;
        let objective = self.model.loss(w, &self.h) + self.beta / (2.0 * samples) * (&self.h - &self.given).norm_squared();
        self.change = (self.objective - objective).abs() / objective;
        self.objective = objective;
        self.sweeps += 1;
    }

    /// Goes on from the present H with other weights.
    pub fn again(&mut self, model: FeaturesModel, beta: f64) {
        (self.model, self.beta) = (model, beta);
        (self.objective, self.change, self.sweeps) = (f64::INFINITY, f64::INFINITY, 0);
    }

    /// Has the last sweep changed the objective by less than one part in 10¹²?
    pub fn converged(&self) -> bool {
        self.change < 1e-12
    }
}

/// The central path: H follows the descent of f with the best classifier at every moment, dH/dt = −[Wᵀ(WH−Y) + λ_H H], W = W*(H).
/// The vicinity model's minimizers are its implicit steps, β in the place of 1/t.
///
/// Fourth-order Runge-Kutta with steps of 0.05/max(1, ‖WᵀW‖₂).
#[derive(Clone, Debug)]
pub struct CentralPath {
    /// f and its weights.
    pub model: FeaturesModel,
    /// H(t).
    pub h: DMatrix<f64>,
    /// t.
    pub time: f64,
    /// Steps made.
    pub steps: usize,
    step_size: f64,
    slopes: Vec<DMatrix<f64>>,
}

impl CentralPath {
    /// The path from H(0) = `given`.
    pub fn new(model: FeaturesModel, given: DMatrix<f64>) -> Self {
        CentralPath { model, h: given, time: 0.0, steps: 0, step_size: 0.0, slopes: Vec::new() }
    }

    /// One evaluation of the flow; every fourth one completes a step and says so.
    pub fn stage(&mut self) -> bool {
        let at = match self.slopes.as_slice() {
            [] => self.h.clone(),
            [.., slope] if self.slopes.len() < 3 => &self.h + slope * (0.5 * self.step_size),
            [.., slope] => &self.h + slope * self.step_size,
        };
        let w = self.model.classifier(&at);
        if self.slopes.is_empty() {
            let curvature = (&w * w.transpose()).symmetric_eigenvalues().max();
            self.step_size = 0.05 / curvature.max(1.0);
        }
        self.slopes.push(self.model.descent_of_features(&w, &at));
        let [first, second, third, last] = self.slopes.as_slice() else { return false };
        self.h += (first + (second + third) * 2.0 + last) * (self.step_size / 6.0);
        self.time += self.step_size;
        self.steps += 1;
        self.slopes.clear();
        true
    }
}

/// How the vicinity model moves features that are nearly collapsed: to first order in the within-class deviations δ₀ of H₀ from
/// a minimizer of f (for the same λ's), W stays and δ = β(WᵀW + (λ_H+β) I)⁻¹ δ₀.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstOrder {
    /// What is left of δ₀ inside the span of the class means: β/(β + √(λ_H/λ_W)).
    pub inside: f64,
    /// And outside of it: β/(β + λ_H).
    pub outside: f64,
}

impl FirstOrder {
    /// For `model` with c < 1 and β = `beta`.
    pub fn of(model: &FeaturesModel, beta: f64) -> Self {
        let inside = beta / (beta + (model.lambda_h / model.lambda_w).sqrt());
        FirstOrder { inside, outside: beta / (beta + model.lambda_h) }
    }

    /// The factor of NC1.
    pub fn nc1(&self) -> f64 {
        self.inside * self.inside
    }

    /// The factor of NC1~, where the `share` θ of ‖δ₀‖² lies inside the span.
    pub fn traces(&self, share: f64) -> f64 {
        share * self.inside * self.inside + (1.0 - share) * self.outside * self.outside
    }
}

/// Features near collapse: a random minimizer of `model` in `dimension` ≥ K dimensions plus Gaussian noise that sums to 0 in every class, of
/// such a size that NC1~ is `noise`².
#[derive(Clone, Debug)]
pub struct NearCollapse {
    /// H₀ = H* + δ₀ (d×N).
    pub features: DMatrix<f64>,
    /// δ₀ (d×N).
    pub deviations: DMatrix<f64>,
    /// P: the projector on the span of the class means (d×d).
    pub projector: DMatrix<f64>,
}

impl NearCollapse {
    /// Fresh features. With c ≥ 1 the minimizer is 0, and the noise is measured against class means of length 1.
    pub fn new(model: &FeaturesModel, dimension: usize, noise: f64, random: &mut Random) -> Self {
        let (k, n) = (model.classes, model.per_class);
        let frame = orthonormal(dimension, k, random);
        let length = model.squared_length().sqrt();
        let mut deviations = DMatrix::from_fn(dimension, k * n, |_, _| random.normal());
        for class in 0..k {
            let mut block = deviations.columns_mut(class * n, n);
            let centre = block.column_mean();
            block.column_iter_mut().for_each(|mut column| column -= &centre);
        }
        // Tr Σ_B of K orthogonal means of length ℓ is ℓ²(1 − 1/K).
        let between = (if length > 0.0 { length * length } else { 1.0 }) * (1.0 - 1.0 / k as f64);
        let within = deviations.norm_squared() / (k * n) as f64;
        deviations *= noise * (between / within).sqrt();
        let projector = &frame * frame.transpose();
        let features = &deviations + DMatrix::from_fn(dimension, k * n, |r, i| length * frame[(r, i / n)]);
        NearCollapse { features, deviations, projector }
    }
}

/// Features far from collapse: Gaussian class means and Gaussian noise, both of variance 1 in each of `dimension` directions.
pub fn far_from_collapse(model: &FeaturesModel, dimension: usize, random: &mut Random) -> DMatrix<f64> {
    let centres = DMatrix::from_fn(dimension, model.classes, |_, _| random.normal());
    let n = model.per_class;
    DMatrix::from_fn(dimension, model.classes * n, |r, i| centres[(r, i / n)] + random.normal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural_collapse::{Classifier, Collapse, Means, Variability};

    fn model(lambda_h: f64, lambda_w: f64) -> FeaturesModel {
        FeaturesModel { classes: 4, per_class: 20, lambda_h, lambda_w }
    }

    fn solve(mut descent: BlockDescent) -> BlockDescent {
        while !descent.converged() {
            descent.sweep();
            assert!(descent.sweeps < 20_000);
        }
        descent
    }

    /// The closed form of the global minimum, from random features.
    #[test]
    fn the_features_model_collapses() {
        for (seed, lambda_h, lambda_w) in [(0, 5e-3, 5e-3), (1, 5e-3, 5e-3), (2, 5e-3, 5e-3), (0, 2e-2, 3e-3), (0, 0.4, 0.5)] {
            let model = model(lambda_h, lambda_w);
            let mut random = Random::new(seed, "features");
            let start = DMatrix::from_fn(8, 80, |_, _| 0.3 * random.normal());
            let end = solve(BlockDescent::new(model.clone(), 0.0, start));
            let c = model.shrinkage();
            assert!((end.objective - (c - 0.5 * c * c)).abs() < 1e-8 && end.objective - model.minimum() > -1e-14);
            let outputs = (&end.w * &end.h - model.targets() * (1.0 - c)).abs().max();
            assert!(outputs < 1e-4, "{outputs}");
            let labels = model.labels();
            let means = Means::of(&end.h, &labels, 4);
            let gram = means.of_classes.tr_mul(&means.of_classes);
            assert!((gram - DMatrix::identity(4, 4) * model.squared_length()).abs().max() < 1e-4);
            let classifier = Classifier { w: end.w.clone(), bias: None };
            let collapse = Collapse::of(&end.h, &labels, &means, &classifier);
            assert!(
                collapse.variability.nc1 < 1e-12 && collapse.means.max_angle < 1e-4 && collapse.mismatch == 0.0,
                "{collapse:?}"
            );
            assert!(collapse.self_duality < 1e-6 && collapse.classifier.equinorm < 1e-4, "{collapse:?}");
        }
    }

    #[test]
    fn features_vanish_when_c_reaches_one() {
        let model = model(1.5, 1.0);
        assert_eq!((model.minimum(), model.squared_length()), (0.5, 0.0));
        let start = far_from_collapse(&model, 8, &mut Random::new(0, "features"));
        let end = solve(BlockDescent::new(model, 0.0, start));
        assert!((end.objective - 0.5).abs() < 1e-8 && end.h.norm() < 1e-4, "{} {}", end.objective, end.h.norm());
    }

    #[test]
    fn gradients_match_finite_differences() {
        let model = FeaturesModel { classes: 3, per_class: 4, lambda_h: 0.1, lambda_w: 0.2 };
        let mut random = Random::new(5, "gradients");
        let w = DMatrix::from_fn(3, 5, |_, _| random.normal());
        let h = far_from_collapse(&model, 5, &mut random);
        let by_w = model.slope_of_classifier(&w, &h) / 3.0;
        let by_h = -model.descent_of_features(&w, &h) / 12.0;
        let nudged = |m: &DMatrix<f64>, i: usize, by: f64| {
            let mut m = m.clone();
            m[i] += by;
            m
        };
        let e = 1e-5;
        for i in 0..w.len() {
            let slope = (model.loss(&nudged(&w, i, e), &h) - model.loss(&nudged(&w, i, -e), &h)) / (2.0 * e);
            assert!((slope - by_w[i]).abs() < 1e-8, "W[{i}]: {slope} and {}", by_w[i]);
        }
        for i in 0..h.len() {
            let slope = (model.loss(&w, &nudged(&h, i, e)) - model.loss(&w, &nudged(&h, i, -e))) / (2.0 * e);
            assert!((slope - by_h[i]).abs() < 1e-8, "H[{i}]: {slope} and {}", by_h[i]);
        }
    }

    /// W*(H) against least squares on the system with √(nλ_W) I below Hᵀ, by singular values; H's update against its definition.
    #[test]
    fn block_updates_match_direct_solves() {
        let model = model(0.03, 0.02);
        let mut random = Random::new(6, "blocks");
        let given = far_from_collapse(&model, 8, &mut random);
        let mut stacked = DMatrix::zeros(80 + 8, 8);
        stacked.rows_mut(0, 80).copy_from(&given.transpose());
        stacked.rows_mut(80, 8).fill_diagonal((20.0f64 * 0.02).sqrt());
        let mut right = DMatrix::zeros(80 + 8, 4);
        right.rows_mut(0, 80).copy_from(&model.targets().transpose());
        let direct = stacked.svd(true, true).solve(&right, 1e-14).unwrap().transpose();
        assert!((model.classifier(&given) - &direct).abs().max() < 1e-12);

        let mut descent = BlockDescent::new(model.clone(), 0.7, given.clone());
        descent.sweep();
        let w = &descent.w;
        let matrix = w.tr_mul(w) + DMatrix::identity(8, 8) * 0.73;
        let direct = matrix.lu().solve(&(w.tr_mul(&model.targets()) + given * 0.7)).unwrap();
        assert!((&descent.h - direct).abs().max() < 1e-12);
        // Both gradients vanish at the end.
        let end = solve(descent);
        let by_h = -model.descent_of_features(&end.w, &end.h) + (&end.h - &end.given) * 0.7;
        assert!(by_h.abs().max() < 1e-5 && model.slope_of_classifier(&end.w, &end.h).abs().max() < 1e-5);
    }

    #[test]
    fn first_order_factors_are_met_near_collapse() {
        for (lambda_h, lambda_w, beta) in [(5e-3, 5e-3, 0.5), (5e-3, 5e-3, 0.1), (2e-2, 5e-3, 0.5), (5e-3, 2e-2, 0.5)] {
            let model = model(lambda_h, lambda_w);
            let near = NearCollapse::new(&model, 8, 1e-3, &mut Random::new(0, "near"));
            let labels = model.labels();
            let given = Means::of(&near.features, &labels, 4);
            let before = Variability::of(&near.features, &labels, &given);
            let share = given.share_in_span(&near.features, &labels);
            let inside = (&near.projector * &near.deviations).norm_squared() / near.deviations.norm_squared();
            assert!((share - inside).abs() < 1e-12, "{share} {inside}");
            assert!((before.traces - 1e-6).abs() < 1e-12);
            let end = solve(BlockDescent::new(model.clone(), beta, near.features.clone()));
            let means = Means::of(&end.h, &labels, 4);
            let deviations = DMatrix::from_fn(8, 80, |r, i| end.h[(r, i)] - means.of_classes[(r, i / 20)]);
            let factor = |projector: &DMatrix<f64>| (projector * &deviations).norm() / (projector * &near.deviations).norm();
            let theory = FirstOrder::of(&model, beta);
            assert!((factor(&near.projector) - theory.inside).abs() < 1e-4, "{} {theory:?}", factor(&near.projector));
            let outside = DMatrix::identity(8, 8) - &near.projector;
            assert!((factor(&outside) - theory.outside).abs() < 1e-4, "{} {theory:?}", factor(&outside));
            let after = Variability::of(&end.h, &labels, &means);
            assert!((after.traces / before.traces - theory.traces(share)).abs() < 1e-3);
            assert!((after.nc1 / before.nc1 / theory.nc1() - 1.0).abs() < 1e-2);
        }
    }

    /// Against explicit Euler with steps a two-hundredth as long; what remains of the gap is Euler's first-order error.
    #[test]
    fn the_central_path_is_resolved() {
        let model = model(5e-3, 5e-3);
        let given = far_from_collapse(&model, 8, &mut Random::new(1, "path"));
        let mut path = CentralPath::new(model.clone(), given.clone());
        while path.steps < 100 {
            path.stage();
        }
        let (mut h, fine) = (given, 20_000);
        for _ in 0..fine {
            let w = model.classifier(&h);
            h += model.descent_of_features(&w, &h) * (path.time / fine as f64);
        }
        let gap = (&h - &path.h).abs().max();
        assert!(gap < 1e-3, "{gap} after t = {}", path.time);
    }
}
