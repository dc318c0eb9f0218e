//! Measures of one run, and the verdict over several.

use serde::Serialize;

/// The numbers that a run measured, by name, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures(pub Vec<(&'static str, f64)>);

impl Measures {
    /// The measure of that name; NaN when the run has not measured it.
    pub fn get(&self, name: &str) -> f64 {
        self.0.iter().find(|(n, _)| *n == name).map_or(f64::NAN, |(_, value)| *value)
    }
}

/// Names numbers: `measures! { ratio: 3.0, error: 1e-9 }`.
#[macro_export]
macro_rules! measures {
    ($($name:ident : $value:expr),* $(,)?) => { $crate::claim::Measures(vec![$((stringify!($name), $value as f64)),*]) };
}

/// What the runs say of the claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The claim holds, does not hold, or cannot be told from these runs.
    pub holds: Option<bool>,
    /// One sentence with the figures.
    pub text: String,
    /// The figure that decides.
    pub figure: f64,
    /// What it is held against.
    pub threshold: f64,
}

impl Verdict {
    /// A verdict that holds if `figure >= threshold` (a NaN figure: cannot tell).
    pub fn at_least(figure: f64, threshold: f64, text: impl Into<String>) -> Self {
        Verdict { holds: (!figure.is_nan()).then_some(figure >= threshold), text: text.into(), figure, threshold }
    }

    /// A verdict that holds if `figure <= threshold` (a NaN figure: cannot tell).
    pub fn at_most(figure: f64, threshold: f64, text: impl Into<String>) -> Self {
        Verdict { holds: (!figure.is_nan()).then_some(figure <= threshold), text: text.into(), figure, threshold }
    }

    /// The same verdict, which also needs `condition`: what makes the figure worth having (equal accuracy, convergence …).
    pub fn and(mut self, condition: bool) -> Self {
        self.holds = self.holds.map(|holds| holds && condition);
        self
    }
}

/// All runs' values of the measure `name`.
pub fn each<'a>(runs: &'a [Measures], name: &'a str) -> impl Iterator<Item = f64> + 'a {
    runs.iter().map(move |run| run.get(name))
}

/// The smallest value of a measure over the runs; NaN if any run lacks it.
pub fn least(runs: &[Measures], name: &str) -> f64 {
    each(runs, name).fold(f64::INFINITY, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) })
}

/// The largest value of a measure over the runs; NaN if any run lacks it.
pub fn most(runs: &[Measures], name: &str) -> f64 {
    each(runs, name).fold(f64::NEG_INFINITY, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

/// The mean of a measure over the runs; NaN if any run lacks it.
pub fn mean(runs: &[Measures], name: &str) -> f64 {
    each(runs, name).sum::<f64>() / runs.len() as f64
}
