//! The search for everyone's step size.

use super::*;

/// What a step size comes to over the starts that it is tried from: starts at which the goal was missed, mean gradients where it was
/// reached, mean logarithm of what is left of the height where it was not.
pub type Score = (usize, f64, f64);

/// The score of results with the heights that they began from; f* is `least`.
fn score(results: &[((f64, f64), f64)], least: f64) -> Score {
    let arrived: Vec<f64> = results.iter().map(|(r, _)| r.0).filter(|e| e.is_finite()).collect();
    let missed = results.iter().filter(|(r, _)| r.0.is_infinite());
    let share =
        |loss: f64, first: f64| if loss.is_finite() { libm::log(((loss - least) / (first - least)).max(1e-300)) } else { 700.0 };
    let left: Vec<f64> = missed.map(|((_, loss), first)| share(*loss, *first)).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    (left.len(), mean(&arrived), mean(&left))
}

fn better(a: &Score, b: &Score) -> std::cmp::Ordering {
    // Where nobody arrives everywhere, what is left counts before what it cost.
    let rest = if a.0 > 0 { a.2.total_cmp(&b.2).then(a.1.total_cmp(&b.1)) } else { a.1.total_cmp(&b.1) };
    a.0.cmp(&b.0).then(rest)
}

/// The search for a step size: as many trials for everyone, of whole runs from the same starts with the same noise.
pub struct Tuning {
    /// Trials in all.
    pub trials: usize,
    /// Decimal exponents tried, and what they came to.
    tried: Vec<(f64, Score)>,
}

/// The decimal exponents between which everyone's step size is looked for.
const EXPONENTS: (f64, f64) = (-5.0, 1.0);

impl Tuning {
    /// No trial was made yet.
    pub fn new(trials: usize) -> Self {
        Tuning { trials, tried: Vec::new() }
    }

    /// The step size to be tried next: two thirds of the trials on an even grid, the others around the best so far.
    pub fn next(&self) -> Option<f64> {
        let (n, coarse) = (self.tried.len(), (2 * self.trials).div_ceil(3).max(2));
        if n >= self.trials {
            return None;
        }
        let spacing = (EXPONENTS.1 - EXPONENTS.0) / (coarse - 1) as f64;
        if n < coarse {
            return Some(libm::pow(10.0, EXPONENTS.0 + spacing * n as f64));
        }
        // Two around the best, then two at half the distance, and so on.
        let round = (n - coarse) / 2;
        let best = self.best(coarse + 2 * round);
        let offset = spacing * libm::pow(0.5, (round + 1) as f64);
        Some(libm::pow(10.0, best + if (n - coarse).is_multiple_of(2) { -offset } else { offset }))
    }

    /// What a trial came to.
    pub fn tell(&mut self, step_size: f64, score: Score) {
        self.tried.push((libm::log10(step_size), score));
    }

    /// Trials made.
    pub fn made(&self) -> usize {
        self.tried.len()
    }

    /// The best exponent of the first `among` trials.
    fn best(&self, among: usize) -> f64 {
        let tried = &self.tried[..among.min(self.tried.len())];
        tried.iter().min_by(|a, b| better(&a.1, &b.1)).map_or(-2.0, |t| t.0)
    }

    /// The best step size found.
    pub fn found(&self) -> f64 {
        libm::pow(10.0, self.best(self.trials))
    }
}

impl Race {
    /// All trials of everyone who is to be tuned.
    pub(super) async fn tune(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for i in 0..self.racers.len() {
            while let Some(step_size) = self.racers[i].tuning.as_ref().and_then(Tuning::next) {
                let mut tries = Vec::new();
                for start in self.tuning_starts.clone() {
                    let mut walk = self.walk(self.racers[i].who, step_size, &start, &self.controls);
                    while !walk.decided(&self.course) {
                        walk.advance(&self.course);
                        self = stage.part(self).await;
                    }
                    tries.push((walk.result(), walk.first_loss));
                }
                let score = score(&tries, self.course.least);
                self.racers[i].tuning.as_mut().expect("it is being tuned").tell(step_size, score);
                self = stage.next(self).await;
            }
            if let Some(tuning) = &self.racers[i].tuning {
                self.racers[i].step_size = tuning.found();
            }
        }
        self
    }
}
