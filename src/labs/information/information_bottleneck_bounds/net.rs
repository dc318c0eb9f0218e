//! A net of the population, and what is known of it as it trains.

use std::f64::consts::LN_2;

use methods::information::mutual_information;
use methods::optimize::{Optimizer, Rule};
use run::prelude::*;

use super::variational_bottleneck::VariationalBottleneck;
use super::{CLASSES, Controls};

/// What is known of a net after so many steps; losses are cross-entropies in nats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    pub step: usize,
    /// Î(X;Z|Y) and Î(X;Z).
    pub unnecessary: f64,
    pub total: f64,
    pub train: f64,
    pub test: f64,
    /// How often points of each class got each label, classes × labels: shares of the training and of the fresh points.
    pub decided: [[f64; CLASSES * CLASSES]; 2],
}

impl Reading {
    /// The share of wrong labels among the training (0) or fresh (1) points.
    pub fn error(&self, which: usize) -> f64 {
        let [_, a, b, _] = self.decided[which];
        a + b
    }

    /// I(Y;Ŷ) in nats, of the decision Ŷ on fresh points: at most what the code says of the label.
    pub fn about_label(&self) -> f64 {
        mutual_information(&self.decided[1], CLASSES) * LN_2
    }
}

/// A net of the population.
pub struct Net {
    /// Which of the squeezes its weight β is.
    pub squeeze: usize,
    pub width: usize,
    pub model: VariationalBottleneck,
    optimizers: [Optimizer<f32>; 2],
    pub gradients: [Vec<f32>; 2],
    pub readings: Vec<Reading>,
}

impl Net {
    pub fn new(squeeze: usize, width: usize, controls: &Controls, random: &mut Random) -> Self {
        let inputs = 2 + controls.noise_coordinates;
        let model = VariationalBottleneck::new(inputs, &[width, width], controls.latent, CLASSES, random);
        let sizes = [model.encoder.theta.len(), model.decoder.theta.len()];
        Net {
            squeeze,
            width,
            model,
            optimizers: sizes.map(|size| Optimizer::new(Rule::ADAM, 3e-3, size)),
            gradients: sizes.map(|size| vec![0.0; size]),
            readings: Vec::new(),
        }
    }

    /// One step of Adam by the gradient gathered, which starts anew.
    pub fn step(&mut self) {
        let [encoder, decoder] = &mut self.optimizers;
        encoder.step(&mut self.model.encoder.theta, &self.gradients[0]);
        decoder.step(&mut self.model.decoder.theta, &self.gradients[1]);
        self.gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
    }

    /// The last reading.
    pub fn now(&self) -> Reading {
        self.readings.last().copied().unwrap_or_default()
    }

    /// Δ, in nats.
    pub fn gap(&self) -> f64 {
        self.now().test - self.now().train
    }

    /// Σ w² and Π_l ‖W_l‖².
    pub fn norms(&self) -> (f64, f64) {
        let squares = self.model.squared_weights();
        (squares.iter().sum(), squares.iter().product())
    }
}
