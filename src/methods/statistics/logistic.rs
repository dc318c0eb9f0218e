//! Multinomial logistic regression, the linear probe: minimises Σ cross-entropy + ½λ‖W‖² by Newton's method.
//!
//! The Newton systems are solved by conjugate gradients from Hessian-vector products, so that nothing of the Hessian's size is
//! kept, and every call of [`Probe::advance`] is one pass over the samples.
//!
//! Source: Lin, Weng & Keerthi, "Trust region Newton methods for large-scale logistic regression", 2008.

use crate::linear::solve::ConjugateGradient;
use crate::linear::{exp_in_place, matmul, matmul_tn};
use crate::network::dense::largest;

/// A linear classifier on features, on its way to the minimum.
#[derive(Clone, Debug)]
pub struct Probe {
    classes: usize,
    /// λ.
    penalty: f64,
    /// Samples × (features + 1), standardised, the last column 1.
    x: Vec<f64>,
    labels: Vec<u8>,
    /// What was taken from every feature, and what it was divided by.
    mean: Vec<f64>,
    deviation: Vec<f64>,
    /// (features + 1) × classes, the intercepts last.
    theta: Vec<f64>,
    /// Σ cross-entropy + ½λ‖W‖² at `theta`, its gradient, and p(class | sample).
    value: f64,
    gradient: Vec<f64>,
    p: Vec<f64>,
    /// ‖gradient‖ at the start.
    begin: f64,
    work: Work,
}

#[derive(Clone, Debug)]
enum Work {
    /// The Newton system is being solved.
    Solve(Box<ConjugateGradient>),
    /// The step is tried, halved so that the value falls.
    Try(Vec<f64>),
    Done,
}

/// Products with the Hessian a Newton step at most, and halvings of a step.
const PRODUCTS: usize = 40;
const SHORTEST: f64 = 1e-6;

impl Probe {
    /// A probe of `features` (samples × width), which are standardised: mean 0 and deviation 1; a constant feature becomes 0. λ = 1.
    pub fn new(features: &[f32], labels: &[u8], classes: usize) -> Self {
        Probe::penalised(features, labels, classes, 1.0)
    }

    /// The same with another penalty λ > 0.
    pub fn penalised(features: &[f32], labels: &[u8], classes: usize, penalty: f64) -> Self {
        let samples = labels.len();
        let width = features.len() / samples;
        let (mut mean, mut deviation) = (vec![0.0; width], vec![0.0; width]);
        for row in features.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v) / samples as f64);
        }
        for row in features.chunks_exact(width) {
            for ((d, m), v) in deviation.iter_mut().zip(&mean).zip(row) {
                *d += (f64::from(*v) - m) * (f64::from(*v) - m) / samples as f64;
            }
        }
        deviation.iter_mut().for_each(|d| *d = if *d > 0.0 { d.sqrt() } else { 1.0 });
        let size = (width + 1) * classes;
        let mut probe = Probe {
            classes,
            penalty,
            x: Vec::new(),
            labels: labels.to_vec(),
            mean,
            deviation,
            theta: vec![0.0; size],
            value: 0.0,
            gradient: vec![0.0; size],
            p: vec![0.0; samples * classes],
            begin: 0.0,
            work: Work::Done,
        };
        probe.x = probe.standardised(features);
        probe.value = probe.evaluate();
        probe.begin = norm(&probe.gradient);
        probe.plan();
        probe
    }

    fn standardised(&self, features: &[f32]) -> Vec<f64> {
        let width = self.mean.len();
        let mut x = Vec::with_capacity(features.len() / width * (width + 1));
        for row in features.chunks_exact(width) {
            x.extend(row.iter().zip(&self.mean).zip(&self.deviation).map(|((v, m), d)| (f64::from(*v) - m) / d));
            x.push(1.0);
        }
        x
    }

    /// Is the gradient down to 1e-5 of what it was at the start, or no step possible that lowers the value?
    pub fn finished(&self) -> bool {
        matches!(self.work, Work::Done)
    }

    /// Σ cross-entropy in nats + ½λ‖W‖².
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Weights of the standardised features, features × classes, then the intercepts.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// One pass over the samples: a product with the Hessian, or a try at a step.
    pub fn advance(&mut self) {
        match std::mem::replace(&mut self.work, Work::Done) {
            Work::Solve(mut solver) => {
                let residual = solver.step(|v, out| self.hessian_times(v, out));
                // Loose far from the minimum, tight near it: Newton's quadratic end is kept.
                let enough = (norm(&self.gradient) / self.begin).sqrt().min(0.1);
                self.work =
                    if residual <= enough || solver.steps >= PRODUCTS { Work::Try(solver.solution) } else { Work::Solve(solver) };
            }
            Work::Try(mut step) => {
                let before = (self.theta.clone(), self.value, self.gradient.clone());
                self.theta.iter_mut().zip(&step).for_each(|(t, s)| *t -= s);
                self.value = self.evaluate();
                if self.value < before.1 {
                    self.plan();
                    return;
                }
                (self.theta, self.value, self.gradient) = before;
                step.iter_mut().for_each(|s| *s *= 0.5);
                if norm(&step) > SHORTEST * (1.0 + norm(&self.theta)) {
                    self.work = Work::Try(step);
                }
            }
            Work::Done => {}
        }
    }

    /// The next Newton system, or none.
    fn plan(&mut self) {
        self.work = if norm(&self.gradient) <= 1e-5 * self.begin {
            Work::Done
        } else {
            Work::Solve(Box::new(ConjugateGradient::new(&self.gradient, &self.diagonal())))
        };
    }

    /// Sets `p` and `gradient`; returns the value.
    fn evaluate(&mut self) -> f64 {
        let (samples, width, classes) = (self.labels.len(), self.mean.len() + 1, self.classes);
        matmul(&mut self.p, &self.x, &self.theta, samples, width, classes);
        let mut value = 0.0;
        let mut delta = Vec::with_capacity(samples * classes);
        for (row, label) in self.p.chunks_exact_mut(classes).zip(&self.labels) {
            let top = row.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            row.iter_mut().for_each(|z| *z -= top);
            value -= row[usize::from(*label)];
            exp_in_place(row);
            let sum: f64 = row.iter().sum();
            value += libm::log(sum);
            row.iter_mut().for_each(|e| *e /= sum);
            let begin = delta.len();
            delta.extend_from_slice(row);
            delta[begin + usize::from(*label)] -= 1.0;
        }
        matmul_tn(&mut self.gradient, &self.x, &delta, width, samples, classes);
        let weights = (width - 1) * classes;
        for (g, t) in self.gradient[..weights].iter_mut().zip(&self.theta) {
            value += 0.5 * self.penalty * t * t;
            *g += self.penalty * t;
        }
        value
    }

    /// Σᵢ xᵢ ⊗ (diag p − ppᵀ) xᵢᵀV, and λV but for the intercepts.
    fn hessian_times(&self, v: &[f64], out: &mut [f64]) {
        let (samples, width, classes) = (self.labels.len(), self.mean.len() + 1, self.classes);
        let mut moved = vec![0.0; samples * classes];
        matmul(&mut moved, &self.x, v, samples, width, classes);
        for (moved, p) in moved.chunks_exact_mut(classes).zip(self.p.chunks_exact(classes)) {
            let mean: f64 = moved.iter().zip(p).map(|(m, p)| m * p).sum();
            moved.iter_mut().zip(p).for_each(|(m, p)| *m = p * (*m - mean));
        }
        matmul_tn(out, &self.x, &moved, width, samples, classes);
        out.iter_mut().zip(v).take((width - 1) * classes).for_each(|(o, v)| *o += self.penalty * v);
    }

    fn diagonal(&self) -> Vec<f64> {
        let (width, classes) = (self.mean.len() + 1, self.classes);
        let squares: Vec<f64> = self.x.iter().map(|x| x * x).collect();
        let variance: Vec<f64> = self.p.iter().map(|p| p * (1.0 - p)).collect();
        let mut diagonal = vec![0.0; width * classes];
        matmul_tn(&mut diagonal, &squares, &variance, width, self.labels.len(), classes);
        let (weights, intercepts) = diagonal.split_at_mut((width - 1) * classes);
        weights.iter_mut().for_each(|d| *d += self.penalty);
        intercepts.iter_mut().for_each(|d| *d = d.max(1e-9));
        diagonal
    }

    /// The share of `features` (samples × width) that the probe labels right.
    pub fn accuracy(&self, features: &[f32], labels: &[u8]) -> f64 {
        let (x, width) = (self.standardised(features), self.mean.len() + 1);
        let mut logits = vec![0.0; labels.len() * self.classes];
        matmul(&mut logits, &x, &self.theta, labels.len(), width, self.classes);
        let right = logits.chunks_exact(self.classes).zip(labels).filter(|(row, label)| largest(row) == usize::from(**label));
        right.count() as f64 / labels.len() as f64
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn the_minimum_is_flat_and_a_constant_feature_does_no_harm() {
        let mut random = Random::new(6, "probe");
        let labels: Vec<u8> = (0..300).map(|_| random.below(3) as u8).collect();
        let row = |label: &u8, random: &mut Random| [f64::from(*label) + random.normal(), random.normal(), 7.0].map(|v| v as f32);
        let features: Vec<f32> = labels.iter().flat_map(|label| row(label, &mut random)).collect();
        let mut probe = Probe::penalised(&features, &labels, 3, 2.5);
        assert!((probe.value() - 300.0 * 3f64.ln()).abs() < 1e-9);
        let mut passes = 0;
        while !probe.finished() {
            probe.advance();
            passes += 1;
            assert!(passes < 200);
        }
        assert!(norm(&probe.gradient) <= 1e-5 * probe.begin && probe.theta.iter().all(|t| t.is_finite()));
        let accuracy = probe.accuracy(&features, &labels);
        assert!((0.5..0.8).contains(&accuracy), "{accuracy}");
        // The gradient by differences of the value, at the minimum and away from it.
        probe.theta.iter_mut().for_each(|t| *t += 0.1 * random.normal());
        probe.evaluate();
        let gradient = probe.gradient.clone();
        for (i, gradient) in gradient.iter().enumerate() {
            let centre = probe.theta[i];
            probe.theta[i] = centre + 1e-5;
            let above = probe.evaluate();
            probe.theta[i] = centre - 1e-5;
            let slope = (above - probe.evaluate()) / 2e-5;
            probe.theta[i] = centre;
            assert!((slope - gradient).abs() < 1e-6 * (1.0 + slope.abs()), "{i}: {slope} and {gradient}");
        }
    }
}
