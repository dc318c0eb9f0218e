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

/// A place in the pictures.
pub type Point = [f64; 2];

/// Fresh starts over which conditionals are compared.
pub const STARTS: usize = 300;
/// Samples of each side that the recorded loss is over, at most.
const LOSS_OVER: usize = 1000;

/// The coordinates that are shown.
pub fn shown<const D: usize>(point: &[f64; D]) -> Point {
    [point[0], point[1]]
}

pub fn normal<const D: usize>(random: &mut Random) -> [f64; D] {
    std::array::from_fn(|_| random.normal())
}

/// A spiral in the first two coordinates, and its noise in all.
fn swiss_roll<const D: usize>(random: &mut Random) -> [f64; D] {
    let w = 1.5 * PI * (1.0 + 2.0 * random.uniform());
    let roll = [w * cos(w), w * sin(w)];
    let noise: [f64; D] = normal(random);
    std::array::from_fn(|d| (roll.get(d).unwrap_or(&0.0) + 0.8 * noise[d]) / 7.5)
}

/// A sample of p₁. Where the plan is known it has a start of its own, which nobody is told.
fn arrival<const D: usize>(plan: Option<&LightBridge<D>>, random: &mut Random) -> [f64; D] {
    match plan {
        Some(plan) => plan.sample(&normal(random), random),
        None => swiss_roll(random),
    }
}

/// Samples of both sides, never paired, a source of fresh ones, and what is known of the plan.
pub struct Task<const D: usize> {
    fresh: Random,
    pub sources: Vec<[f64; D]>,
    pub targets: Vec<[f64; D]>,
    /// Mean and covariance of the targets: what the independent coupling says of every start.
    pub marginal: Moments<D>,
    /// The plan and its conditionals, where it is known.
    pub truth: Option<(LightBridge<D>, Yardstick<D>)>,
    /// Half the side of the square that is shown.
    pub reach: f64,
}

impl<const D: usize> Task<D> {
    pub fn new(controls: &Controls, seed: u64) -> Self {
        let (epsilon, count) = (controls.epsilon, controls.samples);
        let plan = match controls.target {
            Target::Benchmark => Some(five_blobs(epsilon, &mut Random::new(seed, "balance"))),
            Target::Gaussian => Some(to_gaussian(epsilon, 1.5)),
            Target::SwissRoll => None,
        };
        let mut random = Random::new(seed, "source");
        let sources: Vec<[f64; D]> = (0..count).map(|_| normal(&mut random)).collect();
        let mut random = Random::new(seed, "target");
        let targets: Vec<[f64; D]> = (0..count).map(|_| arrival(plan.as_ref(), &mut random)).collect();
        let marginal = Moments::of_points(targets.iter().map(|x| (1.0 / count as f64, *x)));
        let mut random = Random::new(seed, "evaluation");
        let starts: Vec<[f64; D]> = (0..STARTS).map(|_| normal(&mut random)).collect();
        let mut sizes: Vec<f64> = sources.iter().chain(&targets).map(|x| x[0].abs().max(x[1].abs())).collect();
        sort(&mut sizes);
        Task {
            fresh: Random::new(seed, "fresh"),
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

    /// `count` samples of each side that nobody has seen before.
    pub fn fresh(&mut self, count: usize) -> [Vec<[f64; D]>; 2] {
        let (plan, random) = (self.truth.as_ref().map(|(plan, _)| plan), &mut self.fresh);
        let sources = (0..count).map(|_| normal(random)).collect();
        [sources, (0..count).map(|_| arrival(plan, random)).collect()]
    }

    /// The loss of a bridge over the samples.
    pub fn loss(&self, bridge: &LightBridge<D>) -> f64 {
        let over = self.sources.len().min(LOSS_OVER);
        bridge.loss(&self.sources[..over], &self.targets[..over])
    }

    /// The error of conditionals in percent; NaN where the plan is not known.
    pub fn error(&self, conditional: impl Fn(&[f64; D]) -> Moments<D>) -> f64 {
        self.truth.as_ref().map_or(f64::NAN, |(_, yardstick)| yardstick.error(conditional))
    }
}
