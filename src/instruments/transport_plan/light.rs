//! The light Schrödinger bridge as a solver: fitted to both clouds, it says what a plan's prices are.

use super::marginals::Side;
use methods::transport::light_bridge::fit::{BATCH, Fit};

/// Gaussians in the potential, and steps of Adam.
const COMPONENTS: usize = 40;
pub(super) const STEPS: usize = 3000;
/// Samples that stand for a measure whose masses differ.
const SAMPLES: usize = 2000;

/// Exponentials in a step.
pub(super) const STEP: f64 = (2 * BATCH * COMPONENTS) as f64;

/// A fit in any number of coordinates.
pub(super) trait Light {
    /// One step of Adam. How many are done.
    fn step(&mut self) -> usize;
    /// ln c(x₀), what the plan's rows are normalised by, at each of these places.
    fn log_normalisers(&self, places: &[f64]) -> Vec<f64>;
}

struct Fitted<const D: usize> {
    fit: Fit<D>,
    sides: [Vec<[f64; D]>; 2],
}

impl<const D: usize> Light for Fitted<D> {
    fn step(&mut self) -> usize {
        self.fit.step(&self.sides[0], &self.sides[1]);
        self.fit.done
    }

    fn log_normalisers(&self, places: &[f64]) -> Vec<f64> {
        places.as_chunks().0.iter().map(|x| self.fit.bridge.log_normaliser(x)).collect()
    }
}

fn fitted<const D: usize>(sides: [&Side; 2], epsilon: f64, seed: u64) -> Box<dyn Light> {
    let sides = sides.map(samples::<D>);
    Box::new(Fitted { fit: Fit::new(epsilon, COMPONENTS, 0.1, &sides[1], (STEPS, 0.02), seed), sides })
}

/// Places of a side as equal samples.
fn samples<const D: usize>(side: &Side) -> Vec<[f64; D]> {
    let places = side.places.as_chunks().0;
    if side.mass.iter().all(|m| *m == side.mass[0]) {
        return places.to_vec();
    }
    let (mut left, mut at) = (0.0, 0);
    let next = |_: usize| {
        left += 1.0 / SAMPLES as f64;
        while at + 1 < places.len() && left > side.mass[at] {
            left -= side.mass[at];
            at += 1;
        }
        places[at]
    };
    (0..SAMPLES).map(next).collect()
}

/// For the cost ½|x − y|² and this ε; places have one to three coordinates.
pub(super) fn new(source: &Side, target: &Side, epsilon: f64, seed: u64) -> Box<dyn Light> {
    match source.d {
        1 => fitted::<1>([source, target], epsilon, seed),
        2 => fitted::<2>([source, target], epsilon, seed),
        _ => fitted::<3>([source, target], epsilon, seed),
    }
}
