//! The problem: samples of both sides, the plan between them where it is known, and the yardstick that comes with it.

use std::f64::consts::PI;

use libm::{cos, sin};
use methods::statistics::sort;
use methods::transport::light_bridge::LightBridge;
use methods::transport::moments::Moments;
use run::prelude::*;

use super::Controls;
use super::known::{Yardstick, five_blobs, to_gaussian};

choice! {
    /// What the bridge leads to, from N(0, I).
    pub enum Target { Benchmark => "benchmark", SwissRoll => "Swiss roll", Gaussian => "Gaussian" }
}

pub type Point = [f64; 2];

/// Fresh starts over which conditionals are compared.
pub const STARTS: usize = 300;
/// Samples of each side that the recorded loss is over, at most.
const LOSS_OVER: usize = 1000;

pub fn normal(random: &mut Random) -> Point {
    [random.normal(), random.normal()]
}

fn swiss_roll(random: &mut Random) -> Point {
    let w = 1.5 * PI * (1.0 + 2.0 * random.uniform());
    let noise = normal(random);
    [(w * cos(w) + 0.8 * noise[0]) / 7.5, (w * sin(w) + 0.8 * noise[1]) / 7.5]
}

/// Samples of both sides, never paired, and what is known of the plan.
pub struct Task {
    pub sources: Vec<Point>,
    pub targets: Vec<Point>,
    /// Mean and covariance of the targets: what the independent coupling says of every start.
    pub marginal: Moments<2>,
    /// The plan and its conditionals, where it is known.
    pub truth: Option<(LightBridge<2>, Yardstick<2>)>,
    /// Half the side of the square that is shown.
    pub reach: f64,
}

impl Task {
    pub fn new(controls: &Controls, seed: u64) -> Self {
        let (epsilon, count) = (controls.epsilon, controls.samples);
        let plan = match controls.target {
            Target::Benchmark => Some(five_blobs(epsilon, &mut Random::new(seed, "balance"))),
            Target::Gaussian => Some(to_gaussian(epsilon, 1.5)),
            Target::SwissRoll => None,
        };
        let mut random = Random::new(seed, "source");
        let sources: Vec<Point> = (0..count).map(|_| normal(&mut random)).collect();
        // Each target has a start of its own, which nobody is told.
        let mut random = Random::new(seed, "target");
        let target = |_| match &plan {
            Some(plan) => plan.sample(&normal(&mut random), &mut random),
            None => swiss_roll(&mut random),
        };
        let targets: Vec<Point> = (0..count).map(target).collect();
        let marginal = Moments::of_points(targets.iter().map(|x| (1.0 / count as f64, *x)));
        let mut random = Random::new(seed, "evaluation");
        let starts: Vec<Point> = (0..STARTS).map(|_| normal(&mut random)).collect();
        let mut sizes: Vec<f64> = sources.iter().chain(&targets).map(|x| x[0].abs().max(x[1].abs())).collect();
        sort(&mut sizes);
        Task {
            truth: plan.map(|plan| {
                let yardstick = Yardstick::new(&plan, starts, 0.5 * marginal.total_variance());
                (plan, yardstick)
            }),
            reach: 1.1 * sizes[sizes.len() * 99 / 100],
            sources,
            targets,
            marginal,
        }
    }

    /// The loss of a bridge over the samples.
    pub fn loss(&self, bridge: &LightBridge<2>) -> f64 {
        let over = self.sources.len().min(LOSS_OVER);
        bridge.loss(&self.sources[..over], &self.targets[..over])
    }

    /// The error of conditionals in percent; NaN where the plan is not known.
    pub fn error(&self, conditional: impl Fn(&Point) -> Moments<2>) -> f64 {
        self.truth.as_ref().map_or(f64::NAN, |(_, yardstick)| yardstick.error(conditional))
    }
}
