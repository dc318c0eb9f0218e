//! Where starts lead: an optimizer let go at every point of a grid, eight points at once in single precision.

use crate::number::jet::Jet;
use crate::number::pack::Pack;
use crate::number::real::Real;
use crate::optimize::test_functions::Landscape;
use crate::optimize::{Optimizer, Rule};

/// An optimizer on a landscape for a number of steps, whatever the start.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What is minimised.
    pub landscape: Landscape,
    /// Who minimises it.
    pub rule: Rule,
    /// The step size of every step.
    pub step_sizes: Vec<f64>,
    /// What is added to the gradient at every step; empty for nothing.
    pub tilts: Vec<[f64; 2]>,
    /// A point that moves less than this a step stands still.
    pub still: f64,
}

/// How near a minimum counts as there, in each coordinate, as a share of the window's width.
pub const NEAR: f64 = 0.02;

/// Where a start leads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landing {
    /// The last point; not finite if the optimizer diverged.
    pub at: [f32; 2],
    /// The last step at which it still moved.
    pub settled: f32,
}

impl Flow {
    /// Step `t` of a point with any kind of number; the optimizer is told its step size.
    pub fn step<T: Real>(&self, t: usize, theta: &mut [T; 2], optimizer: &mut Optimizer<T>) {
        let [jx, jy] = Jet::variables(theta[0], theta[1]);
        let jet = self.landscape.at(jx, jy);
        let mut gradient = [jet.x, jet.y];
        if let Some(tilt) = self.tilts.get(t) {
            gradient = [gradient[0] + T::real(tilt[0]), gradient[1] + T::real(tilt[1])];
        }
        optimizer.step_size = self.step_sizes[t];
        optimizer.step(theta, &gradient);
    }

    /// The landings of eight starts.
    pub fn run(&self, x: &[f32; 8], y: &[f32; 8]) -> [Landing; 8] {
        let mut theta = [Pack::load(x), Pack::load(y)];
        let mut optimizer = Optimizer::new(self.rule, 0.0, 2);
        let mut settled = Pack::default();
        let (one, half, still) = (Pack::real(1.0), Pack::real(0.5), Pack::real(self.still));
        for t in 0..self.step_sizes.len() {
            let before = theta;
            self.step(t, &mut theta, &mut optimizer);
            let moved = (theta[0] - before[0]).abs().larger((theta[1] - before[1]).abs());
            // 1 where it moved, 0 where it stood still.
            let moving = half * (one + (moved - still).sign());
            settled = settled.larger(moving * Pack::real((t + 1) as f64));
        }
        let (x, y, settled) = (theta[0].lanes(), theta[1].lanes(), settled.lanes());
        std::array::from_fn(|i| Landing { at: [x[i], y[i]], settled: settled[i] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(landscape: Landscape, rule: Rule, step_size: f64) -> Flow {
        Flow { landscape, rule, step_sizes: vec![step_size; 200], tilts: Vec::new(), still: 1e-3 }
    }

    const X: [f32; 8] = [-4.0, -3.0, -2.0, -1.0, 0.5, 2.0, 3.0, 4.0];
    const Y: [f32; 8] = [1.0, -2.0, 3.0, -4.0, 4.0, -3.0, 2.0, -1.0];

    #[test]
    fn eight_starts_go_where_single_starts_go() {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        let rules = [
            (Rule::Momentum { mu: 0.5 }, 0.005),
            (Rule::Nesterov { mu: 0.5 }, 0.005),
            (Rule::Sign, 0.01),
            (Rule::Normalised, 0.05),
            (Rule::AdaGrad { epsilon: 1e-10 }, 0.5),
            (Rule::AdaGradNorm, 1.0),
            (Rule::RmsProp { rho: 0.99, epsilon }, 0.01),
            (Rule::AdaDelta { rho: 0.9, epsilon: 1e-6 }, 1.0),
            (Rule::Adam { beta1, beta2, epsilon }, 0.1),
            (Rule::AdamW { beta1, beta2, epsilon, decay: 0.01 }, 0.1),
            (Rule::AmsGrad { beta1, beta2, epsilon }, 0.1),
            (Rule::NAdam { beta1, beta2, epsilon }, 0.1),
            (Rule::RAdam { beta1, beta2, epsilon }, 0.1),
            (Rule::AdaBelief { beta1, beta2, epsilon }, 0.1),
            (Rule::Lion { beta1, beta2: 0.99 }, 0.02),
            (Rule::DiffGrad { beta1, beta2, epsilon, sharpness: 1.0 }, 0.1),
        ];
        for (rule, step_size) in rules {
            let mut flow = flow(Landscape::StyblinskiTang, rule, step_size);
            // Adam's step over a small √v is longer than 2/L near a minimum, where rounding then grows: twenty steps are compared.
            flow.step_sizes.truncate(20);
            let landings = flow.run(&X, &Y);
            for i in 0..8 {
                let mut optimizer = Optimizer::new(rule, step_size, 2);
                let mut theta = [f64::from(X[i]), f64::from(Y[i])];
                for _ in 0..20 {
                    let (_, gradient) = flow.landscape.gradient(theta);
                    optimizer.step(&mut theta, &gradient);
                }
                for k in 0..2 {
                    let gap = (f64::from(landings[i].at[k]) - theta[k]).abs();
                    assert!(gap < 1e-3, "{rule:?} from {}, {}: {:?} and {theta:?}", X[i], Y[i], landings[i].at);
                }
            }
        }
    }

    /// Gradient descent on a round bowl shrinks distances by 1 − α a step: closed forms for the end and for when it stands still.
    #[test]
    fn landings_on_a_round_bowl_are_known() {
        let landings = flow(Landscape::bowl(1.0, 0.0), Rule::Momentum { mu: 0.0 }, 0.1).run(&X, &Y);
        for (i, landing) in landings.iter().enumerate() {
            let far = X[i].abs().max(Y[i].abs());
            // 0.1·0.9^{t−1}·far >= 10⁻³
            let last = 1.0 + ((0.01 / far).ln() / 0.9f32.ln()).floor();
            assert!(landing.at[0].abs() < 1e-5 && (landing.settled - last).abs() <= 1.0, "{landing:?}, {last}");
        }
        let gone = flow(Landscape::bowl(1.0, 0.0), Rule::Momentum { mu: 0.0 }, 3.0).run(&X, &Y);
        assert!(gone.iter().all(|l| !l.at[0].is_finite() || l.at[0].abs() > 1e20));
    }
}
