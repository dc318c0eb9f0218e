//! Simulated recordings: sources of a class's pattern, seen by sensors that each recording turns and stretches in its own way.

use methods::linear::frame::orthonormal;
use nalgebra::{DMatrix, DVector};
use run::prelude::*;

use super::{BATCH, CLASSES, RECORDINGS, SENSORS, SOURCES, TRIALS};

/// The recordings: with Z = A(BS + √floor E), a trial's ZZᵀ/T is a polynomial in √floor whose coefficients are kept.
pub struct Recordings {
    random: Random,
    /// B of every class, A of every recording.
    patterns: Vec<DMatrix<f64>>,
    shifts: Vec<DMatrix<f64>>,
    /// Signal, both cross terms, and noise of every trial, recording by recording, in a recording class by class.
    pub trials: Vec<[DMatrix<f64>; 3]>,
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
        self.trials.push([
            &signal * signal.transpose() * share,
            (&cross + cross.transpose()) * share,
            &noise * noise.transpose() * share,
        ]);
    }

    /// The covariance matrices of a recording at a noise floor.
    pub fn batch(&self, recording: usize, floor: f64) -> Vec<DMatrix<f64>> {
        let jitter = DMatrix::identity(SENSORS, SENSORS) * 1e-6;
        let trials = &self.trials[recording * BATCH..(recording + 1) * BATCH];
        trials.iter().map(|[signal, cross, noise]| signal + cross * floor.sqrt() + noise * floor + &jitter).collect()
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
    fn the_polynomial_in_the_floor_is_the_covariance_itself() {
        let mut recordings = Recordings::new(0.3, 1);
        (0..BATCH).for_each(|_| recordings.record(7));
        let mut random = Random::new(1, "trials");
        let mut normals = |rows| DMatrix::from_fn(rows, 7, |_, _| random.normal());
        let (s, e) = (normals(SOURCES), normals(SENSORS));
        let z = &recordings.shifts[0] * (&recordings.patterns[0] * s + e * 0.02f64.sqrt());
        let p = &z * z.transpose() / 7.0 + DMatrix::identity(SENSORS, SENSORS) * 1e-6;
        assert!((p - &recordings.batch(0, 0.02)[0]).norm() < 1e-12);
    }
}
