//! Measures of one run, and the verdict over several.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The numbers that a run measured, by name, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures(pub Vec<(Cow<'static, str>, f64)>);

impl Measures {
    /// The measure of that name; NaN when the run has not measured it.
    ///
    /// # Panics
    /// Where tests run, if no measure has that name.
    pub fn get(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(n, _)| *n == name);
        debug_assert!(found.is_some(), "no measure is called {name}");
        found.map_or(f64::NAN, |(_, value)| *value)
    }
}

/// Names numbers: `measures! { ratio: 3.0, error: 1e-9 }`.
#[macro_export]
macro_rules! measures {
    ($($name:ident : $value:expr),* $(,)?) => { $crate::claim::Measures(vec![$((stringify!($name).into(), $value as f64)),*]) };
}

/// Runs of several seeds at the same controls. Whatever is asked over all of them is NaN if any run has not measured it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs(pub Vec<Measures>);

impl Deref for Runs {
    type Target = [Measures];
    fn deref(&self) -> &[Measures] {
        &self.0
    }
}

impl Runs {
    /// All runs' values of a measure.
    pub fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = f64> + 'a {
        self.iter().map(move |run| run.get(name))
    }

    /// The smallest value of a measure.
    pub fn least(&self, name: &str) -> f64 {
        self.each(name).fold(f64::INFINITY, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) })
    }

    /// The largest value of a measure.
    pub fn most(&self, name: &str) -> f64 {
        self.each(name).fold(f64::NEG_INFINITY, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
    }

    /// The mean of a measure.
    pub fn mean(&self, name: &str) -> f64 {
        self.each(name).sum::<f64>() / self.len() as f64
    }
}

/// What the runs say of the claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The claim holds, does not hold, or cannot be told: not yet, or not here (see `outside`).
    pub holds: Option<bool>,
    /// The claim does not speak of these controls.
    pub outside: bool,
    /// One sentence with the figures.
    pub text: String,
    /// The figure that decides.
    pub figure: f64,
    /// What it is held against.
    pub threshold: f64,
    /// On which side of the threshold the claim is.
    pub side: Side,
    /// What simple rivals get by the same figure: the claim is about the paper's own baseline, these are about its cause.
    pub rivals: Vec<Rival>,
}

/// On which side of its threshold a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// At the threshold or above.
    Above,
    /// At the threshold or below.
    Below,
}

/// A simpler way to the same end, measured beside the paper's method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rival {
    /// What it is, in a few words: "points in proportion to r²".
    pub name: Cow<'static, str>,
    /// Its figure, in the unit of the verdict's.
    pub figure: f64,
    /// Whether it meets the threshold as well; nothing while it is not measured.
    pub meets: Option<bool>,
}

/// What is said while a figure is missing.
const NOT_YET: &str = "Not everything that decides is measured yet.";

impl Verdict {
    /// Holds if `figure >= threshold`; not yet, whatever `text` says, if the figure is NaN.
    pub fn at_least(figure: f64, threshold: f64, text: impl Into<String>) -> Self {
        Verdict::decided(Side::Above, figure, threshold, text)
    }

    /// Holds if `figure <= threshold`; not yet, whatever `text` says, if the figure is NaN.
    pub fn at_most(figure: f64, threshold: f64, text: impl Into<String>) -> Self {
        Verdict::decided(Side::Below, figure, threshold, text)
    }

    fn decided(side: Side, figure: f64, threshold: f64, text: impl Into<String>) -> Self {
        let holds = side.holds(figure, threshold);
        let text = if holds.is_some() { text.into() } else { NOT_YET.into() };
        Verdict { holds, outside: false, text, figure, threshold, side, rivals: Vec::new() }
    }

    /// Nothing can be said yet; `text` tells what is waited for.
    pub fn not_yet(text: impl Into<String>) -> Self {
        let (figure, threshold) = (f64::NAN, f64::NAN);
        Verdict { holds: None, outside: false, text: text.into(), figure, threshold, side: Side::Above, rivals: Vec::new() }
    }

    /// The claim does not speak of these controls; `text` tells what it speaks of.
    pub fn outside(text: impl Into<String>) -> Self {
        Verdict { outside: true, ..Verdict::not_yet(text) }
    }

    /// The same verdict, which also needs a condition: what makes the figure worth having (equal accuracy, convergence …). While the
    /// condition is not measured, nothing can be said.
    pub fn needs(mut self, condition: Option<bool>) -> Self {
        self.holds = self.holds.zip(condition).map(|(holds, condition)| holds && condition);
        if self.holds.is_none() && !self.outside {
            self.text = NOT_YET.into();
        }
        self
    }

    /// The same verdict, and beside it what a simple rival gets by the same figure. It decides nothing: the reader is told whether the rival
    /// does as well.
    pub fn rival(mut self, name: impl Into<Cow<'static, str>>, figure: f64) -> Self {
        self.rivals.push(Rival { name: name.into(), figure, meets: self.side.holds(figure, self.threshold) });
        self
    }
}

impl Side {
    /// Is a figure on this side of the threshold? Nothing while either is not measured.
    fn holds(self, figure: f64, threshold: f64) -> Option<bool> {
        match self {
            Side::Above => at_least(figure, threshold),
            Side::Below => at_most(figure, threshold),
        }
    }
}

/// Is the value measured, and at least `limit`?
pub fn at_least(value: f64, limit: f64) -> Option<bool> {
    (!value.is_nan() && !limit.is_nan()).then_some(value >= limit)
}

/// Is the value measured, and at most `limit`?
pub fn at_most(value: f64, limit: f64) -> Option<bool> {
    (!value.is_nan() && !limit.is_nan()).then_some(value <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_measured_decides_nothing() {
        let runs = |ratios: &[f64]| Runs(ratios.iter().map(|r| measures! { ratio: *r }).collect());
        let (whole, broken) = (runs(&[1.0, 3.0]), runs(&[1.0, f64::NAN, 3.0]));
        assert_eq!([whole.least("ratio"), whole.most("ratio"), whole.mean("ratio")], [1.0, 3.0, 2.0]);
        assert!([broken.least("ratio"), broken.most("ratio"), broken.mean("ratio")].iter().all(|v| v.is_nan()));
        let verdict = |runs: &Runs| Verdict::at_least(runs.least("ratio"), 0.5, format!("least {}", runs.least("ratio")));
        assert_eq!((verdict(&whole).holds, verdict(&whole).text.as_str()), (Some(true), "least 1"));
        assert_eq!((verdict(&broken).holds, verdict(&broken).text.as_str()), (None, NOT_YET));
        assert_eq!(verdict(&whole).needs(at_most(3.0, 2.0)).holds, Some(false));
        assert_eq!(
            verdict(&whole).needs(at_most(f64::NAN, 2.0)),
            Verdict { holds: None, text: NOT_YET.into(), ..verdict(&whole) }
        );
        assert_eq!(Verdict::outside("about F1").needs(None).text, "about F1");
    }

    #[test]
    fn rivals_are_held_against_the_same_threshold_and_decide_nothing() {
        let verdict = Verdict::at_most(0.2, 0.5, "").rival("half the step", 0.5).rival("none", 0.7).rival("later", f64::NAN);
        assert_eq!(verdict.holds, Some(true));
        let meets: Vec<_> = verdict.rivals.iter().map(|rival| rival.meets).collect();
        assert_eq!(meets, [Some(true), Some(false), None]);
        assert_eq!(Verdict::at_least(0.2, 0.5, "").rival("more", 0.6).rivals[0].meets, Some(true));
        assert_eq!(Verdict::not_yet("").rival("any", 1.0).rivals[0].meets, None);
    }

    #[test]
    #[should_panic = "no measure is called ration"]
    fn names_are_checked() {
        measures! { ratio: 1.0 }.get("ration");
    }
}
