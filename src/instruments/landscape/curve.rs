//! Curves of low loss between two solutions: a quadratic Bézier curve whose bend is learned (Garipov et al. 2018).

use methods::network::dense::{Classification, Loss};
use methods::network::model::{Model, Room};
use methods::optimize::{Optimizer, Rule};
use run::prelude::*;

/// φ(t) = (1−t)² θ₁ + 2t(1−t) θ_m + t² θ₂. The bend θ_m minimises the mean loss over t uniform in 0..1.
pub struct Curve {
    /// θ₁ and θ₂.
    pub ends: [Vec<f32>; 2],
    /// θ_m; at first in the middle, so that the curve is the straight line.
    pub bend: Vec<f32>,
    loss: Loss,
    optimizer: Optimizer<f32>,
    batch: usize,
    random: Random,
    gradient: Vec<f32>,
}

impl Curve {
    /// The straight line, to be bent with Adam at `step_size` on batches of `batch` samples.
    pub fn new(ends: [Vec<f32>; 2], loss: Loss, step_size: f64, batch: usize, random: Random) -> Self {
        let bend: Vec<f32> = ends[0].iter().zip(&ends[1]).map(|(a, b)| 0.5 * (a + b)).collect();
        let rule = Rule::ADAM;
        let optimizer = Optimizer::new(rule, step_size, bend.len());
        Curve { gradient: vec![0.0; bend.len()], ends, bend, loss, optimizer, batch, random }
    }

    /// φ(t).
    pub fn at(&self, t: f64) -> Vec<f32> {
        let (a, m, b) = (((1.0 - t) * (1.0 - t)) as f32, (2.0 * t * (1.0 - t)) as f32, (t * t) as f32);
        let [first, last] = &self.ends;
        first.iter().zip(&self.bend).zip(last).map(|((p, q), r)| a * p + m * q + b * r).collect()
    }

    /// One step of the bend, at a random t, on a random batch: ∂L(φ(t))/∂θ_m = 2t(1−t) ∇L.
    pub fn step(&mut self, network: &Model, task: &Classification, room: &mut Room) {
        let t = self.random.uniform();
        let moved = network.with(self.at(t));
        let rows: Vec<usize> = (0..self.batch.min(task.y.len())).map(|_| self.random.below(task.y.len())).collect();
        let (mut x, mut y, mut delta) = (Vec::new(), Vec::new(), Vec::new());
        task.batch(&rows, &mut x, &mut y);
        moved.forward(&x, room);
        self.loss.slope(room.logits(), &y, &mut delta);
        moved.backward(room, &delta, None, &mut self.gradient);
        let share = (2.0 * t * (1.0 - t)) as f32;
        self.gradient.iter_mut().for_each(|g| *g *= share);
        self.optimizer.step(&mut self.bend, &self.gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::network::dense::{Activation, Network, Start};
    use methods::network::points::Points;
    use methods::network::training::{Recipe, Training, evaluate};

    #[test]
    fn a_learned_curve_goes_around_the_hill_between_two_solutions() {
        let (points, y) = Points::Moons.draw(300, 0.15, &mut Random::new(0, "points"));
        let x: Vec<f32> = points.iter().flatten().map(|v| *v as f32).collect();
        let task = Classification { features: 2, x: x.clone(), y: y.clone(), test_x: Vec::new(), test_y: Vec::new() };
        let solution = |seed: u64| {
            let start = Start::Normal { gain: 2.0 };
            let network = Network::<f32>::new(&[2, 16, 16, 2], Activation::Relu, start, &mut Random::new(seed, "weights"));
            let optimizer = Optimizer::new(Rule::Momentum { mu: 0.9 }, 0.05, network.theta.len());
            let recipe = Recipe { loss: Loss::CrossEntropy, optimizer, decay: 0.0, batch: 64 };
            let mut training = Training::new(network, recipe, 300, Random::new(seed, "batches"));
            while training.epochs() < 60 {
                training.step(&task);
            }
            training.network
        };
        let (a, b) = (solution(0), solution(1));
        let ends = [a.theta().to_vec(), b.theta().to_vec()];
        let mut curve = Curve::new(ends.clone(), Loss::CrossEntropy, 0.02, 64, Random::new(0, "curve"));
        let mut room = Room::default();
        let highest = |curve: &Curve, room: &mut Room| {
            let at = |i: usize| a.with(curve.at(i as f64 / 10.0));
            (0..=10).map(|i| evaluate(&at(i), Loss::CrossEntropy, &x, &y, room).0).fold(0.0, f64::max)
        };
        let straight = highest(&curve, &mut room);
        (0..600).for_each(|_| curve.step(&a, &task, &mut room));
        assert_eq!([curve.at(0.0), curve.at(1.0)], ends);
        let bent = highest(&curve, &mut room);
        assert!(straight > 0.2 && bent < 0.35 * straight, "{straight} {bent}");
    }
}
