//! A light bridge fitted to samples that nobody has paired.

use libm::log;

use super::LightBridge;
use crate::optimize::{Optimizer, Rule};
use crate::random::Random;

/// Samples of each side in a step.
pub const BATCH: usize = 128;

/// A bridge on its way through training: Adam on ln α, r and ln S.
#[derive(Clone, Debug)]
pub struct Fit<const D: usize> {
    /// The bridge as it stands.
    pub bridge: LightBridge<D>,
    /// Steps done.
    pub done: usize,
    /// What the rate is multiplied by for the last third of the steps: a tenth, unless it is set.
    pub last_third: f64,
    steps: usize,
    learning_rate: f64,
    theta: Vec<f64>,
    gradient: Vec<f64>,
    optimizer: Optimizer<f64>,
    batches: Random,
}

impl<const D: usize> Fit<D> {
    /// A bridge of `components` Gaussians of equal weight, each on a sample of p₁ drawn with the seed, with S = `spread` on the diagonal;
    /// it is to be trained for `steps` steps.
    pub fn new(
        epsilon: f64,
        components: usize,
        spread: f64,
        targets: &[[f64; D]],
        (steps, learning_rate): (usize, f64),
        seed: u64,
    ) -> Self {
        let mut random = Random::new(seed, "components");
        let mut theta = Vec::new();
        for _ in 0..components {
            theta.push(0.0);
            theta.extend(targets[random.below(targets.len())]);
            theta.extend([log(spread); D]);
        }
        Fit {
            bridge: LightBridge::new(epsilon, &theta),
            done: 0,
            last_third: 0.1,
            steps,
            learning_rate,
            gradient: vec![0.0; theta.len()],
            optimizer: Optimizer::new(Rule::ADAM, learning_rate, theta.len()),
            batches: Random::new(seed, "batches"),
            theta,
        }
    }

    /// One step on a batch out of samples of p₀ and p₁.
    pub fn step(&mut self, sources: &[[f64; D]], targets: &[[f64; D]]) {
        let mut batch =
            |from: &[[f64; D]]| -> Vec<[f64; D]> { (0..BATCH).map(|_| from[self.batches.below(from.len())]).collect() };
        let (x0, x1) = (batch(sources), batch(targets));
        self.learn(&x0, &x1);
    }

    /// One step on these samples of p₀ and p₁.
    pub fn learn(&mut self, x0: &[[f64; D]], x1: &[[f64; D]]) {
        self.bridge.gradient(x0, x1, &mut self.gradient);
        let last_third = 3 * self.done >= 2 * self.steps;
        self.optimizer.step_size = self.learning_rate * if last_third { self.last_third } else { 1.0 };
        self.optimizer.step(&mut self.theta, &self.gradient);
        self.bridge.set(&self.theta);
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::light_bridge::Component;

    /// N(0, I) to N(0, 1.5² I) at ε = ½: S = κ = ½(√(4·1.5² + ε²) − ε).
    #[test]
    fn one_component_finds_the_plan_between_gaussians() {
        let mut random = Random::new(0, "samples");
        let mut draw =
            |size: f64| -> Vec<[f64; 2]> { (0..5000).map(|_| [size * random.normal(), size * random.normal()]).collect() };
        let (sources, targets) = (draw(1.0), draw(1.5));
        let mut fit = Fit::new(0.5, 1, 0.3, &targets, (1500, 0.01), 0);
        (0..1500).for_each(|_| fit.step(&sources, &targets));
        let Component { center, spread, .. } = fit.bridge.components()[0];
        assert!(spread.iter().all(|s| (s / 1.270_691 - 1.0).abs() < 0.04), "{spread:?}");
        assert!(center.iter().all(|r| r.abs() < 0.06), "{center:?}");
    }
}
