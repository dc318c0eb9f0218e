//! How fast the free optimum takes a disturbance, over both decays.

use super::NeuralCollapse;
use methods::neural_collapse::free::Relaxation;
use methods::neural_collapse::models::FeaturesModel;
use run::prelude::*;

/// How much of NC1 is left after a disturbance of the free optimum, λ_H by λ_W.
pub(super) struct Map {
    pub classes: usize,
    seed: u64,
    /// Those that are done, the first row at the bottom.
    pub cells: Vec<f32>,
    /// The largest difference of ln NC1 from theory, relative to it.
    pub gap: f64,
}

impl Map {
    pub const SIDE: usize = 16;
    pub const DECADES: (f64, f64) = (-3.0, 0.0);
    pub const TIME: f64 = 1.0;

    pub fn new(classes: usize, seed: u64) -> Self {
        Map { classes, seed, cells: Vec::new(), gap: 0.0 }
    }

    /// λ_H and λ_W in the middle of a cell.
    fn place(cell: usize) -> (f64, f64) {
        let at = |i: usize| {
            let (low, high) = Self::DECADES;
            libm::pow(10.0, low + (high - low) * (i as f64 + 0.5) / Self::SIDE as f64)
        };
        (at(cell % Self::SIDE), at(cell / Self::SIDE))
    }

    fn model(&self, cell: usize) -> FeaturesModel {
        let (lambda_h, lambda_w) = Self::place(cell);
        let k = self.classes;
        FeaturesModel { classes: k, per_class: 4, lambda_h, lambda_w: k as f64 * lambda_w }
    }

    pub fn whole(&self) -> bool {
        self.cells.len() == Self::SIDE * Self::SIDE
    }
}

/// Steps of a relaxation between two looks at the run.
const STEPS: usize = 20;

impl NeuralCollapse {
    /// Disturbs the optimum of every cell, and lets it go for the time.
    pub(super) async fn fill_map(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for cell in 0..Map::SIDE * Map::SIDE {
            let (model, mut random) = (self.map.model(cell), Random::new(self.map.seed, "disturbance"));
            let mut relaxation = Relaxation::new(model.clone(), self.map.classes + 1, Map::TIME, &mut random);
            let left = loop {
                if let Some(left) = relaxation.advance(STEPS) {
                    break left;
                }
                self = stage.part(self).await;
            };
            let theory = Relaxation::theory(&model, Map::TIME);
            if theory > 1e-8 {
                self.map.gap = self.map.gap.max((libm::log(left) / libm::log(theory) - 1.0).abs());
            }
            self.map.cells.push(left as f32);
            self = stage.part(self).await;
        }
        self
    }
}
