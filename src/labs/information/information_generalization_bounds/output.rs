//! What the classifier sees: the last layer, samples of it, and their gaps.

use methods::statistics::gaussian::{ramp_loss, square_root};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use run::prelude::*;

/// Fresh points a repetition.
pub const TEST: usize = 400;
/// Sample means that an integrated gap is averaged over, half of them opposite to the other half.
const MEANS: usize = 400;
/// Points of a cloud that are shown at most.
const SHOWN: usize = 250;

/// Y·T_L in coordinates in which the part without noise is uncorrelated.
pub struct Output {
    /// A_L μ₀.
    mean: DVector<f64>,
    /// Deviations of the part without noise.
    deviations: DVector<f64>,
    /// S_L.
    noise: DMatrix<f64>,
}

/// A training sample, point by point, its classifier w, and test loss minus training loss.
pub struct Repetition {
    sample: Vec<f64>,
    w: DVector<f64>,
    pub gap: f64,
}

/// A sample projected along w and across, with as many test points.
pub struct Cloud {
    pub train: Vec<(f64, f64)>,
    pub test: Vec<(f64, f64)>,
    /// Centre and covariance of the training law and of the test law.
    pub laws: [([f64; 2], DMatrix<f64>); 2],
}

impl Output {
    /// Of the map A_L and the noise S_L, for inputs about μ₀.
    pub fn new(map: &DMatrix<f64>, noise: &DMatrix<f64>, mean: &DVector<f64>) -> Self {
        let SymmetricEigen { eigenvectors: turn, eigenvalues } = (map * map.transpose()).symmetric_eigen();
        Output {
            mean: turn.transpose() * (map * mean),
            deviations: eigenvalues.map(|v| v.max(0.0).sqrt()),
            noise: turn.transpose() * noise * &turn,
        }
    }

    /// The same where a first row along Z̄ makes wᵀT_L a multiple of Z̄ᵀX: all of the input's directions are as good as kept.
    pub fn peeking(map: &DMatrix<f64>, noise: &DMatrix<f64>, mean: &DVector<f64>) -> Self {
        let (scale, inputs) = ((map * mean).norm(), mean.len());
        Output {
            mean: mean * scale,
            deviations: DVector::from_element(inputs, scale),
            noise: DMatrix::identity(inputs, inputs) * noise[(0, 0)],
        }
    }

    pub fn dimensions(&self) -> usize {
        self.mean.len()
    }

    /// The margins' variance from the part without noise and from the noise, wᵀA_LA_Lᵀw and wᵀS_Lw.
    fn variances(&self, w: &DVector<f64>) -> (f64, f64) {
        (w.component_mul(&self.deviations).norm_squared(), w.dot(&(&self.noise * w)))
    }

    /// One sample of `points` points.
    pub fn repeat(&self, points: usize, rho: f64, random: &mut Random) -> Repetition {
        let k = self.dimensions();
        let mut sample = Vec::with_capacity(points * k);
        let mut w = DVector::zeros(k);
        for _ in 0..points {
            for i in 0..k {
                let value = self.mean[i] + self.deviations[i] * random.normal();
                w[i] += value / points as f64;
                sample.push(value);
            }
        }
        let (signal, noise) = self.variances(&w);
        let loss = |margin: f64| (0.5 - margin / (2.0 * rho)).clamp(0.0, 1.0);
        let mut train = 0.0;
        for point in sample.chunks_exact(k) {
            let fresh = if noise > 0.0 { noise.sqrt() * random.normal() } else { 0.0 };
            train += loss(point.iter().zip(w.iter()).map(|(t, w)| t * w).sum::<f64>() + fresh);
        }
        let (middle, spread) = (w.dot(&self.mean), (signal + noise).sqrt());
        let test: f64 = (0..TEST).map(|_| loss(middle + spread * random.normal())).sum();
        Repetition { sample, w, gap: test / TEST as f64 - train / points as f64 }
    }

    /// A repetition in the plane of w and a direction across.
    pub fn cloud(&self, Repetition { sample, w, .. }: &Repetition, random: &mut Random) -> Cloud {
        let k = self.dimensions();
        let along = w.normalize();
        // Across: the least of the coordinate directions in w, made orthogonal to it.
        let mut across = DVector::zeros(k);
        across[along.iamin()] = 1.0;
        across = (&across - &along * along.dot(&across)).normalize();
        let plane = DMatrix::from_columns(&[along, across]);
        let mut signal = DMatrix::from_diagonal(&self.deviations.component_mul(&self.deviations));
        let noise = plane.transpose() * &self.noise * &plane;
        signal = plane.transpose() * signal * &plane;
        let points = sample.len() / k;
        let mut noisy = |centre: DVector<f64>, root: &DMatrix<f64>| {
            let at = centre + root * DVector::from_fn(2, |_, _| random.normal());
            (at[0], at[1])
        };
        let root = square_root(&noise);
        let shown = sample.chunks_exact(k).take(SHOWN);
        let train = shown.map(|point| noisy(plane.transpose() * DVector::from_column_slice(point), &root)).collect();
        let (centre, covariance) = (plane.transpose() * &self.mean, &signal + &noise);
        let root = square_root(&covariance);
        let test = (0..SHOWN.min(points)).map(|_| noisy(centre.clone(), &root)).collect();
        let own = plane.transpose() * w;
        let laws = [([own[0], own[1]], &covariance - signal / points as f64), ([centre[0], centre[1]], covariance)];
        Cloud { train, test, laws }
    }

    /// The mean gap with all but the sample mean integrated out, over `MEANS` pairs of sample means, opposite to each other about μ₀:
    /// the part of the gap that only scatters, of order 1/√n, cancels in a pair.
    pub fn expected_gap(&self, points: usize, rho: f64, random: &mut Random) -> f64 {
        let n = points as f64;
        let mut gap = 0.0;
        for _ in 0..MEANS {
            let shift = DVector::from_fn(self.dimensions(), |i, _| self.deviations[i] * random.normal() / n.sqrt());
            for w in [&self.mean + &shift, &self.mean - &shift] {
                let (signal, noise) = self.variances(&w);
                let test = ramp_loss(w.dot(&self.mean), signal + noise, rho);
                gap += test - ramp_loss(w.norm_squared(), signal * (1.0 - 1.0 / n) + noise, rho);
            }
        }
        gap / (2 * MEANS) as f64
    }
}
