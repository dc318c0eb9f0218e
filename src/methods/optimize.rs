//! First-order optimizers: each owns one update of the parameters; loops, schedules and limits live elsewhere.

use super::real::Real;

/// How an optimizer turns a gradient g into a step of the parameters θ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// u ← μu + g, θ ← θ − αu (heavy ball as in PyTorch; μ = 0 is plain gradient descent).
    Momentum { mu: f64 },
    /// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − α m̂/(√v̂ + ε) with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). Kingma & Ba 2015.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// Adam with the largest v so far in place of v. Reddi, Kale & Kumar 2018, as in PyTorch.
    AmsGrad { beta1: f64, beta2: f64, epsilon: f64 },
    /// Adam's step times the [`friction`] ξ of Δg = g_{t−1} − g_t, with g₀ = 0. Dubey et al. 2019; the paper's sharpness is 1.
    DiffGrad { beta1: f64, beta2: f64, epsilon: f64, sharpness: f64 },
}

/// diffGrad's friction ξ = 1/(1+exp(−k|Δg|)) for sharpness k: ½ where the gradient stays, 1 where it changes.
pub fn friction<T: Real>(sharpness: T, change: T) -> T {
    T::real(1.0) / (T::real(1.0) + (-(sharpness * change.abs())).exp())
}

/// An optimizer on its way: a rule, a step size and what it remembers of past gradients.
#[derive(Clone, Debug)]
pub struct Optimizer<T> {
    /// The rule.
    pub rule: Rule,
    /// The step size α; a schedule may change it between steps.
    pub step_size: f64,
    /// β₁ᵗ and β₂ᵗ.
    powers: (f64, f64),
    /// m, or u.
    first: Vec<T>,
    /// v.
    second: Vec<T>,
    /// AMSGrad's largest v, diffGrad's last gradient.
    third: Vec<T>,
}

impl<T: Real> Optimizer<T> {
    /// An optimizer of `size` parameters that has not stepped yet.
    pub fn new(rule: Rule, step_size: f64, size: usize) -> Self {
        let zeros = vec![T::default(); size];
        Optimizer { rule, step_size, powers: (1.0, 1.0), first: zeros.clone(), second: zeros.clone(), third: zeros }
    }

    /// One update of `theta` by its `gradient`, both as long as the optimizer's size.
    pub fn step(&mut self, theta: &mut [T], gradient: &[T]) {
        let size = self.first.len();
        assert!(theta.len() == size && gradient.len() == size, "an optimizer keeps its number of parameters");
        let (beta1, beta2, epsilon) = match self.rule {
            Rule::Momentum { mu } => {
                let (mu, alpha) = (T::real(mu), T::real(self.step_size));
                for i in 0..size {
                    self.first[i] = mu * self.first[i] + gradient[i];
                    theta[i] = theta[i] - alpha * self.first[i];
                }
                return;
            }
            Rule::Adam { beta1, beta2, epsilon }
            | Rule::AmsGrad { beta1, beta2, epsilon }
            | Rule::DiffGrad { beta1, beta2, epsilon, .. } => (beta1, beta2, T::real(epsilon)),
        };
        self.powers = (self.powers.0 * beta1, self.powers.1 * beta2);
        let (keep1, new1) = (T::real(beta1), T::real(1.0 - beta1));
        let (keep2, new2) = (T::real(beta2), T::real(1.0 - beta2));
        let (unbias1, unbias2) = (T::real(1.0 - self.powers.0), T::real(1.0 - self.powers.1));
        let alpha = T::real(self.step_size);
        for i in 0..size {
            let g = gradient[i];
            let m = keep1 * self.first[i] + new1 * g;
            let v = keep2 * self.second[i] + new2 * g * g;
            (self.first[i], self.second[i]) = (m, v);
            let (v, xi) = match self.rule {
                Rule::AmsGrad { .. } => {
                    self.third[i] = self.third[i].larger(v);
                    (self.third[i], T::real(1.0))
                }
                Rule::DiffGrad { sharpness, .. } => {
                    let change = self.third[i] - g;
                    self.third[i] = g;
                    (v, friction(T::real(sharpness), change))
                }
                _ => (v, T::real(1.0)),
            };
            theta[i] = theta[i] - alpha * xi * (m / unbias1) / ((v / unbias2).sqrt() + epsilon);
        }
    }
}
