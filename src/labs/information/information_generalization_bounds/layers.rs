//! The layers below the classifier: maps that shrink what they are given, and noise on the way.

use methods::linear::frame::orthonormalised;
use nalgebra::{DMatrix, DVector};
use run::prelude::*;

use super::output::Output;
use super::{Controls, Weights};

/// Inputs' dimension d, and the least width of a layer.
const INPUTS: usize = 32;
const NARROWEST: usize = 2;

/// The layers below the classifier; index l = 0 is the input.
pub struct Layers {
    /// A_l.
    pub maps: Vec<DMatrix<f64>>,
    /// S_l.
    pub noise: Vec<DMatrix<f64>>,
    /// ‖W_l‖, and 1 for l = 0.
    pub norms: Vec<f64>,
    /// μ₀.
    pub mean: DVector<f64>,
}

impl Layers {
    pub fn new(controls: &Controls, seed: u64) -> Self {
        let mut random = Random::new(seed, "layers");
        let mean = DVector::from_fn(INPUTS, |_, _| random.normal()).normalize();
        let mut layers = Layers {
            maps: vec![DMatrix::identity(INPUTS, INPUTS)],
            noise: vec![DMatrix::zeros(INPUTS, INPUTS)],
            norms: vec![1.0],
            mean,
        };
        let mut width = INPUTS as f64;
        for l in 0..controls.layers {
            let below = layers.maps[l].nrows();
            width *= controls.width_ratio;
            // Of an odd number of layers the middle one stays as it is, so that the scales cancel.
            let scale = match l {
                _ if l < controls.layers / 2 => controls.scale,
                _ if l >= controls.layers.div_ceil(2) => 1.0 / controls.scale,
                _ => 1.0,
            };
            let signal = (&layers.maps[l] * &layers.mean).normalize();
            let mut w = DMatrix::from_fn((width.round() as usize).max(NARROWEST), below, |_, _| random.normal());
            w /= (below as f64).sqrt();
            w.set_row(0, &signal.transpose());
            if controls.weights != Weights::Gaussian {
                w = orthonormalised(w.transpose()).transpose();
            }
            w *= scale;
            layers.maps.push(&w * &layers.maps[l]);
            let fresh = DMatrix::identity(w.nrows(), w.nrows()) * (controls.noise * controls.noise);
            layers.noise.push(&w * &layers.noise[l] * w.transpose() + fresh);
            layers.norms.push((&w * w.transpose()).symmetric_eigenvalues().max().sqrt());
        }
        layers
    }

    /// L.
    pub fn last(&self) -> usize {
        self.maps.len() - 1
    }

    /// Σ and Σ_t of layer l.
    pub fn covariances(&self, l: usize, points: usize) -> [DMatrix<f64>; 2] {
        let signal = &self.maps[l] * self.maps[l].transpose();
        let test = &signal + &self.noise[l];
        let train = &test - signal / points as f64;
        [test, train]
    }

    pub fn output(&self, weights: Weights) -> Output {
        let (map, noise) = (&self.maps[self.last()], &self.noise[self.last()]);
        match weights {
            Weights::Sample => Output::peeking(map, noise, &self.mean),
            _ => Output::new(map, noise, &self.mean),
        }
    }
}
