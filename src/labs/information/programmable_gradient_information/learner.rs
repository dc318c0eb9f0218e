//! Branches in training.

use methods::network::dense::Classification;
use methods::optimize::{Optimizer, Rule};
use run::prelude::*;

use super::PART;
use super::branches::Branches;

/// Branches in training.
pub struct Learner {
    pub of: Series,
    pub branches: Branches<f32>,
    optimizer: Optimizer<f32>,
    pub gradient: Vec<f32>,
    /// ‖∂J/∂W_l‖ on the last batch.
    pub norms: Vec<f64>,
    /// Of the main branch, on the test digits.
    pub accuracy: Track<1>,
}

impl Learner {
    pub fn new(branches: Branches<f32>, of: Series, rate: f64) -> Self {
        let size = branches.theta.len();
        let optimizer = Optimizer::new(Rule::ADAM, rate, size);
        Learner { of, branches, optimizer, gradient: vec![0.0; size], norms: Vec::new(), accuracy: Track::default() }
    }

    /// How many digits make a part of a batch: all, unless the branches are wide and deep.
    pub fn rows(&self) -> usize {
        (PART / self.branches.theta.len()).max(8)
    }

    /// Adds the gradient of J on a part of a batch.
    pub fn gather(&mut self, digits: &Classification, part: &[usize], batch: usize, lambda: f64) {
        let (mut x, mut labels) = Default::default();
        digits.batch(part, &mut x, &mut labels);
        let (_, gradient) = self.branches.gradient(&x, &labels, lambda);
        let share = part.len() as f32 / batch as f32;
        self.gradient.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += share * g);
    }

    /// A step down what was gathered.
    pub fn descend(&mut self) {
        self.optimizer.step(&mut self.branches.theta, &self.gradient);
        let square = |g: &f32| f64::from(*g) * f64::from(*g);
        let norm = |l| self.gradient[self.branches.weights(l)].iter().map(square).sum::<f64>().sqrt();
        self.norms = (0..=self.branches.shape.depth).map(norm).collect();
        self.gradient.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BATCH, Controls, PIXELS, ProgrammableGradientInformation, Shown};
    use run::testing::begun;

    /// A wide and deep branch is done in parts: up to rounding, the gradient of the whole batch.
    #[test]
    fn parts_of_a_batch_add_up() {
        let controls = Controls { width: 64, depth: 40, shown: Shown::Programmable, ..Controls::default() };
        let ProgrammableGradientInformation { digits, mut learners, .. } = begun(&controls, 2);
        let (batch, learner): (Vec<usize>, _) = ((0..BATCH).collect(), &mut learners[0]);
        let (_, whole) = learner.branches.gradient(&digits.x[..BATCH * PIXELS], &digits.y[..BATCH], 1.0);
        assert!(learner.rows() < BATCH);
        batch.chunks(learner.rows()).for_each(|part| learner.gather(&digits, part, BATCH, 1.0));
        let largest = whole.iter().fold(0f32, |m, g| m.max(g.abs()));
        for (i, (sum, g)) in learner.gradient.iter().zip(&whole).enumerate() {
            assert!((sum - g).abs() < 1e-4 * largest, "{i}: {sum} and {g}");
        }
    }
}
