//! Simulated recordings: sources of a class's pattern, seen by sensors that each recording turns and stretches in its own way.

use methods::linear::frame::orthonormal;
use nalgebra::{DMatrix, DVector};
use run::prelude::*;

use super::{BATCH, CLASSES, RECORDINGS, SENSORS, SOURCES, TRIALS};

/// How far every matrix P is drawn towards roundness before anything else: P → (1−a) P + a (tr P/n) I.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shrinkage {
    /// a is the same for all; 0 leaves them as they are.
    Share(f64),
    /// Of each trial, a = min(1, (1/T²) Σ‖z_t z_tᵀ − S‖² / ‖S − (tr S/n) I‖²): what S scatters, over what it is off roundness.
    ///
    /// Source: Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004.
    LedoitWolf,
}

/// A trial Z = A(BS + √floor E) of T samples z_t, as polynomials in √floor.
pub struct Trial {
    /// ZZᵀ/T: signal, both cross terms, and noise.
    covariance: [DMatrix<f64>; 3],
    /// (1/T) Σ‖z_t‖⁴.
    fourth: [f64; 5],
    samples: usize,
}

impl Trial {
    /// Its covariance matrix at a noise floor.
    fn covariance(&self, floor: f64, shrinkage: Shrinkage) -> DMatrix<f64> {
        let [signal, cross, noise] = &self.covariance;
        let s = signal + cross * floor.sqrt() + noise * floor;
        let round = DMatrix::identity(SENSORS, SENSORS) * (s.trace() / SENSORS as f64);
        let share = match shrinkage {
            Shrinkage::Share(share) => share,
            Shrinkage::LedoitWolf => {
                let fourth = self.fourth.iter().rev().fold(0.0, |sum, coefficient| sum * floor.sqrt() + coefficient);
                let scatter = (fourth - s.norm_squared()) / self.samples as f64;
                (scatter / (&s - &round).norm_squared()).min(1.0)
            }
        };
        s * (1.0 - share) + round * share + DMatrix::identity(SENSORS, SENSORS) * JITTER
    }
}

/// Added to every eigenvalue.
const JITTER: f64 = 1e-6;

/// The recordings.
pub struct Recordings {
    random: Random,
    /// B of every class, A of every recording.
    patterns: Vec<DMatrix<f64>>,
    shifts: Vec<DMatrix<f64>>,
    /// Recording by recording, in a recording class by class.
    pub trials: Vec<Trial>,
}

impl Recordings {
    pub fn new(shift: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, "sensors");
        let mut normals = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| random.normal());
        let mixing = normals(SENSORS, SOURCES);
        let shifts = (0..RECORDINGS)
            .map(|_| DMatrix::identity(SENSORS, SENSORS) + normals(SENSORS, SENSORS) * (shift / (SENSORS as f64).sqrt()))
            .collect();
        let strengths = DMatrix::from_diagonal(&DVector::from_column_slice(&[1.6, 1.2, 1.0, 0.7]));
        let mut random = Random::new(seed, "patterns");
        let patterns = (0..CLASSES).map(|_| &mixing * orthonormal(SOURCES, SOURCES, &mut random) * &strengths).collect();
        Recordings { random: Random::new(seed, "trials"), patterns, shifts, trials: Vec::new() }
    }

    /// Records one trial of `samples` samples.
    pub fn record(&mut self, samples: usize) {
        let class = usize::from(label(self.trials.len()));
        let a = &self.shifts[self.trials.len() / BATCH];
        let mut normals = |rows| DMatrix::from_fn(rows, samples, |_, _| self.random.normal());
        let (signal, noise) = (a * &self.patterns[class] * normals(SOURCES), a * normals(SENSORS));
        let share = 1.0 / samples as f64;
        let cross = &signal * noise.transpose();
        let mut fourth = [0.0; 5];
        for (s, e) in signal.column_iter().zip(noise.column_iter()) {
            // ‖z‖² = a + b√floor + c floor.
            let (a, b, c) = (s.norm_squared(), 2.0 * s.dot(&e), e.norm_squared());
            let square = [a * a, 2.0 * a * b, b * b + 2.0 * a * c, 2.0 * b * c, c * c];
            fourth.iter_mut().zip(square).for_each(|(sum, coefficient)| *sum += share * coefficient);
        }
        let covariance =
            [&signal * signal.transpose() * share, (&cross + cross.transpose()) * share, &noise * noise.transpose() * share];
        self.trials.push(Trial { covariance, fourth, samples });
    }

    /// The covariance matrices of a recording at a noise floor.
    pub fn batch(&self, recording: usize, floor: f64, shrinkage: Shrinkage) -> Vec<DMatrix<f64>> {
        let trials = &self.trials[recording * BATCH..(recording + 1) * BATCH];
        trials.iter().map(|trial| trial.covariance(floor, shrinkage)).collect()
    }
}

/// The class of a trial.
pub fn label(trial: usize) -> u8 {
    (trial % BATCH / TRIALS) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomials_in_the_floor_are_the_covariance_and_its_shrinkage() {
        let mut recordings = Recordings::new(0.3, 1);
        (0..BATCH).for_each(|_| recordings.record(7));
        let mut random = Random::new(1, "trials");
        let mut normals = |rows| DMatrix::from_fn(rows, 7, |_, _| random.normal());
        let (s, e) = (normals(SOURCES), normals(SENSORS));
        let z = &recordings.shifts[0] * (&recordings.patterns[0] * s + e * 0.02f64.sqrt());
        let (s, one) = (&z * z.transpose() / 7.0, DMatrix::identity(SENSORS, SENSORS));
        let at = |shrinkage| recordings.batch(0, 0.02, shrinkage).swap_remove(0) - &one * JITTER;
        assert!((at(Shrinkage::Share(0.0)) - &s).norm() < 1e-12);
        let round = &one * (s.trace() / SENSORS as f64);
        assert!((at(Shrinkage::Share(0.3)) - (&s * 0.7 + &round * 0.3)).norm() < 1e-12);
        // Sample by sample, as the source has it.
        let scatter = z.column_iter().map(|z| (z * z.transpose() - &s).norm_squared()).sum::<f64>() / 49.0;
        let a = scatter / (&s - &round).norm_squared();
        assert!((0.05..1.0).contains(&a), "{a}");
        assert!((at(Shrinkage::LedoitWolf) - (&s * (1.0 - a) + &round * a)).norm() < 1e-12);
    }
}
