//! The bridge in training and its discrete baseline, in the plane or in sixteen dimensions, of which two coordinates are shown.

use methods::transport::clouds::CloudSinkhorn;
use methods::transport::light_bridge::fit::{BATCH, Fit};
use methods::transport::light_bridge::{Component, LightBridge};
use run::prelude::*;

use super::Controls;
use super::task::{Point, Target, Task, normal, shown};

choice! {
    /// How many coordinates a point has.
    pub enum Dimension { Plane => "2", Sixteen => "16" }
}

/// A bridge in training beside discrete Sinkhorn on samples, whatever the dimension.
pub trait Training {
    /// Steps of Adam done.
    fn done(&self) -> usize;
    /// One step of Adam.
    fn step(&mut self);
    /// The loss over the samples, of the bridge and of the true potential, NaN where that is not known.
    fn losses(&self) -> [f64; 2];
    /// The error in percent of the bridge and of independence; NaN where the plan is not known.
    fn errors(&self) -> [f64; 2];
    /// Renews one price of the baseline.
    fn renew(&mut self);
    /// Renewals of the baseline so far, and those that a sweep takes.
    fn renewed(&self) -> [usize; 2];
    /// The share of one start in the baseline's error; none where the plan is not known, or past the last start.
    fn sinkhorn_share(&self, start: usize) -> Option<f64>;
    /// Half the side of the square that is shown.
    fn reach(&self) -> f64;
    /// Some targets.
    fn targets(&self, count: usize) -> Vec<Point>;
    /// Places of some starts at time t.
    fn on_the_way(&self, count: usize, t: f64, random: &mut Random) -> Vec<Point>;
    /// Paths from the middle.
    fn paths(&self, count: usize, steps: usize, random: &mut Random) -> Vec<Vec<Point>>;
    /// Centre and standard deviations of each Gaussian of v that receives anything to speak of.
    fn gaussians(&self) -> Vec<[Point; 2]>;
    /// Where `count` copies of a start go, by the bridge or by the true plan; none where that is not known.
    fn goals(&self, start: Point, of_truth: bool, count: usize, random: &mut Random) -> Option<Vec<Point>>;
    /// The drift at a place and time.
    fn drift(&self, place: Point, t: f64) -> Point;
    /// ln α, r and S of every component.
    fn components(&self) -> Vec<Vec<f64>>;
}

/// The run of these controls.
pub fn begin(controls: &Controls, seed: u64) -> Box<dyn Training> {
    match controls.dimension {
        Dimension::Plane => Box::new(Trained::<2>::new(controls, seed)),
        Dimension::Sixteen => Box::new(Trained::<16>::new(controls, seed)),
    }
}

struct Trained<const D: usize> {
    fit: Fit<D>,
    task: Task<D>,
    sinkhorn: CloudSinkhorn<D>,
    fresh: bool,
}

impl<const D: usize> Trained<D> {
    fn new(controls: &Controls, seed: u64) -> Self {
        let task = Task::new(controls, seed);
        let Controls { epsilon, components, steps, learning_rate, fresh, .. } = *controls;
        // The published start is 1; a spiral is too thin for that.
        let spread = if controls.target == Target::SwissRoll { 0.1 } else { 1.0 };
        let mut fit = Fit::new(epsilon, components, spread, &task.targets, (steps, learning_rate), seed);
        if !controls.decay {
            fit.last_third = 1.0;
        }
        Trained { fit, sinkhorn: CloudSinkhorn::new(&task.sources, &task.targets, epsilon), task, fresh }
    }
}

/// A point of the picture, the other coordinates 0.
fn lifted<const D: usize>(point: Point) -> [f64; D] {
    std::array::from_fn(|d| if d < 2 { point[d] } else { 0.0 })
}

impl<const D: usize> Training for Trained<D> {
    fn done(&self) -> usize {
        self.fit.done
    }

    fn step(&mut self) {
        if self.fresh {
            let [x0, x1] = self.task.fresh(BATCH);
            self.fit.learn(&x0, &x1);
        } else {
            self.fit.step(&self.task.sources, &self.task.targets);
        }
    }

    fn losses(&self) -> [f64; 2] {
        let truth = self.task.truth.as_ref().map_or(f64::NAN, |(plan, _)| self.task.loss(plan));
        [self.task.loss(&self.fit.bridge), truth]
    }

    fn errors(&self) -> [f64; 2] {
        [self.task.error(|start| self.fit.bridge.moments(start)), self.task.error(|_| self.task.marginal)]
    }

    fn renew(&mut self) {
        self.sinkhorn.renew();
    }

    fn renewed(&self) -> [usize; 2] {
        [self.sinkhorn.renewed(), self.sinkhorn.per_sweep()]
    }

    fn sinkhorn_share(&self, start: usize) -> Option<f64> {
        let (_, yardstick) = self.task.truth.as_ref()?;
        (start < yardstick.len()).then(|| yardstick.share(start, |start| self.sinkhorn.moments(start)))
    }

    fn reach(&self) -> f64 {
        self.task.reach
    }

    fn targets(&self, count: usize) -> Vec<Point> {
        self.task.targets.iter().take(count).map(shown).collect()
    }

    fn on_the_way(&self, count: usize, t: f64, random: &mut Random) -> Vec<Point> {
        self.task.sources.iter().take(count).map(|x0| shown(&self.fit.bridge.on_the_way(x0, t, random))).collect()
    }

    fn paths(&self, count: usize, steps: usize, random: &mut Random) -> Vec<Vec<Point>> {
        let path = |_| self.fit.bridge.path(normal(random), steps, random).iter().map(shown).collect();
        (0..count).map(path).collect()
    }

    fn gaussians(&self) -> Vec<[Point; 2]> {
        let (bridge, some) = (&self.fit.bridge, &self.task.sources[..self.task.sources.len().min(100)]);
        let mut received = vec![0.0; bridge.components().len()];
        some.iter().for_each(|x0| received.iter_mut().zip(bridge.shares(x0)).for_each(|(sum, share)| *sum += share));
        let least = 0.1 * some.len() as f64 / received.len() as f64;
        let speaking = bridge.components().iter().zip(received).filter(|(_, received)| *received >= least);
        let told = |component: &Component<D>| {
            [shown(&component.center), shown(&component.spread()).map(|s| (bridge.epsilon * s).sqrt())]
        };
        speaking.map(|(component, _)| told(component)).collect()
    }

    fn goals(&self, start: Point, of_truth: bool, count: usize, random: &mut Random) -> Option<Vec<Point>> {
        let truth: Option<&LightBridge<D>> = self.task.truth.as_ref().map(|(plan, _)| plan);
        let bridge = if of_truth { truth? } else { &self.fit.bridge };
        Some((0..count).map(|_| shown(&bridge.sample(&lifted(start), random))).collect())
    }

    fn drift(&self, place: Point, t: f64) -> Point {
        shown(&self.fit.bridge.drift(&lifted(place), t))
    }

    fn components(&self) -> Vec<Vec<f64>> {
        let row = |k: &Component<D>| [&[k.log_weight][..], &k.center, &k.spread()].concat();
        self.fit.bridge.components().iter().map(row).collect()
    }
}
