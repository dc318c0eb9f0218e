//! The map of step sizes and momenta, and where theory ends stability.

use super::*;

/// Final loss over step size and momentum.
pub struct Rates {
    /// Whose.
    pub who: Who,
    /// Step sizes.
    pub columns: usize,
    /// Momenta.
    pub rows: usize,
    /// What is left of the height, as a share of that at the start, as far as it is computed; NaN for diverged.
    pub left: Vec<f32>,
}

impl Rates {
    /// An empty map for the first racer that has a momentum.
    pub fn new(racers: &[Racer], columns: usize, rows: usize) -> Self {
        let who = racers.iter().map(|r| r.who).find(|who| who.has_momentum()).unwrap_or(Who::HeavyBall);
        Rates { who, columns, rows, left: Vec::new() }
    }

    /// Step size and momentum of a place of the map.
    pub fn place(&self, index: usize) -> (f64, f64) {
        let (column, row) = (index % self.columns, index / self.columns);
        let exponent = -5.0 + 6.0 * (column as f64 + 0.5) / self.columns as f64;
        (libm::pow(10.0, exponent), 0.99 * row as f64 / (self.rows - 1) as f64)
    }
}

impl Race {
    /// Whole races with each step size and momentum.
    pub(super) async fn rate(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for index in self.rates.left.len()..self.rates.columns * self.rates.rows {
            let (step_size, momentum) = self.rates.place(index);
            let controls = Controls { momentum, ..self.controls.clone() };
            let mut walk = self.walk(self.rates.who, step_size, &self.terrain.start, &controls);
            while !walk.over(&self.course) {
                (0..self.course.stretch).for_each(|_| walk.step(&self.course));
                self = stage.part(self).await;
            }
            let share = (walk.loss - self.course.least) / (walk.first_loss - self.course.least);
            self.rates.left.push(if walk.diverged.is_some() { f32::NAN } else { share as f32 });
            if (index + 1).is_multiple_of(self.rates.columns) {
                self = stage.next(self).await;
            }
        }
        self
    }

    /// The largest stable step size for a momentum, as theory has it for a quadratic, if it has.
    pub(super) fn boundary(&self, momentum: f64) -> Option<f64> {
        let top = self.steepest()?;
        match self.rates.who.method(&Controls { momentum, ..self.controls.clone() }, self.course.least) {
            Method::First(rule) => rule.stable_below(top),
            _ => None,
        }
    }

    /// How far the largest stable step of each row of the map is from theory's, as the mean of the larger over the smaller; on
    /// a bowl the rest is the width of a cell and what a slow fall hides.
    pub(super) fn boundary_ratio(&self) -> f64 {
        let rates = &self.rates;
        if rates.left.len() < rates.columns * rates.rows || self.controls.problem != On::Bowl {
            return f64::NAN;
        }
        let (mut sum, mut rows) = (0.0, 0.0);
        for row in 0..rates.rows {
            let (_, momentum) = rates.place(row * rates.columns);
            let Some(theory) = self.boundary(momentum) else { return f64::NAN };
            let stable = |column: &usize| rates.left[row * rates.columns + column] < 1.0;
            let Some(column) = (0..rates.columns).rev().find(stable) else { continue };
            let measured = rates.place(row * rates.columns + column).0;
            sum += (measured / theory).max(theory / measured);
            rows += 1.0;
        }
        sum / rows
    }
}
