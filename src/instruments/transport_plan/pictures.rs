//! What is seen, whatever the run is about, and what pictures have in common.

use super::marginals::Side;
use super::{Subject, TransportPlan};
use run::prelude::*;

pub(super) const SOURCE: Ink = Ink::Series(0);
pub(super) const TARGET: Ink = Ink::Series(1);
/// The two measures, and the two solvers.
pub(super) const SIDES: [Series; 2] = series!["source" 0, "target" 1];
pub(super) const SOLVERS: [Series; 2] = series!["first" 2, "second" 3];

impl TransportPlan {
    pub(super) fn plan(&self) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.first_plan(&self.controls),
            Subject::Middle(middle) => middle.weights(&self.controls).into(),
            Subject::Shapes(shapes) => shapes.matches().into(),
        }
    }

    pub(super) fn second_plan(&self) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.second_plan(),
            Subject::Middle(middle) => middle.barycenter().into(),
            Subject::Shapes(shapes) => shapes.as_they_lie().into(),
        }
    }

    pub(super) fn between(&self) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.between(&self.controls),
            Subject::Middle(middle) => middle.side_by_side().into(),
            Subject::Shapes(shapes) => shapes.on_its_way(self.controls.time).into(),
        }
    }

    pub(super) fn matrix(&self) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.matrix(&self.controls),
            Subject::Middle(_) => View::nothing("A barycenter has a plan for each measure."),
            Subject::Shapes(shapes) => shapes.matrix().into(),
        }
    }

    pub(super) fn marginals(&self) -> Chart {
        match &self.subject {
            Subject::Pair(pair) => pair.marginals(),
            Subject::Middle(middle) => middle.profiles(),
            Subject::Shapes(shapes) => shapes.distances(),
        }
    }

    pub(super) fn potential(&self) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.potential(),
            Subject::Middle(middle) => middle.prices().into(),
            Subject::Shapes(_) => View::nothing("Inner distances have no prices."),
        }
    }

    pub(super) fn convergence(&self) -> Chart {
        match &self.subject {
            Subject::Pair(pair) => pair.convergence(),
            Subject::Middle(middle) => middle.convergence(),
            Subject::Shapes(shapes) => shapes.convergence(),
        }
    }

    pub(super) fn costs_by_epsilon(&self) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.costs_by_epsilon(&self.controls),
            Subject::Middle(_) => View::nothing("Move ε and watch the blur."),
            Subject::Shapes(shapes) => shapes.costs().into(),
        }
    }

    pub(super) fn readings(&self) -> Table {
        match &self.subject {
            Subject::Pair(pair) => pair.readings(&self.controls),
            Subject::Middle(middle) => middle.readings(),
            Subject::Shapes(shapes) => shapes.readings(),
        }
    }
}

/// A place in the plane.
pub(super) fn place(side: &Side, i: usize) -> (f64, f64) {
    (side.place(i)[0], side.place(i)[1])
}

/// A table of what is known of these numbers.
pub(super) fn readings<N: Into<String>>(numbers: impl IntoIterator<Item = (N, f64)>) -> Table {
    let known = numbers.into_iter().filter(|(_, value)| !value.is_nan());
    let rows = known.map(|(name, value)| vec![Cell::Text(name.into()), Cell::Number(value)]).collect();
    Table { columns: vec!["reading".into(), "value".into()], rows }
}

/// Points of a measure in three sizes by mass.
pub(super) fn dots(name: &str, ink: Ink, side: &Side, places: &dyn Fn(usize) -> (f64, f64)) -> Vec<Mark> {
    let top = side.mass.iter().fold(0.0, |a: f64, b| a.max(*b));
    let crowd = if side.len() > 600 { 0.6 } else { 1.0 };
    let mut marks = Vec::new();
    let every = side.len().div_ceil(1500);
    for (low, high, size) in [(0.0, 0.2, 3.0), (0.2, 0.6, 4.5), (0.6, 1.1, 6.0)] {
        let these = (0..side.len()).step_by(every).filter(|i| (low..high).contains(&(side.mass[*i] / top)));
        let (x, y): (Vec<f64>, Vec<f64>) = these.map(places).unzip();
        if !x.is_empty() {
            let named = if marks.is_empty() { name } else { "" };
            marks.push(Mark::points(named, ink, x, y, size * crowd));
        }
    }
    marks
}

/// Lines between places by mass: the heavier, the darker.
pub(super) fn ways(entries: &[(usize, usize, f64)], ends: &dyn Fn(usize, usize) -> [(f64, f64); 2]) -> Vec<Mark> {
    let top = entries.iter().fold(0.0, |a: f64, e| a.max(e.2));
    let mut marks = Vec::new();
    for (low, high, shade) in [(0.0, 0.15, 0.12), (0.15, 0.4, 0.35), (0.4, 0.75, 0.6), (0.75, 1.1, 0.85)] {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (i, j, _) in entries.iter().filter(|e| (low..high).contains(&(e.2 / top))) {
            let [from, to] = ends(*i, *j);
            x.extend([from.0, to.0, f64::NAN]);
            y.extend([from.1, to.1, f64::NAN]);
        }
        if !x.is_empty() {
            marks.push(Mark::line("", Ink::Ramp(shade), x, y));
        }
    }
    marks
}

/// Bins of a measure on a line.
pub(super) fn bins(side: &Side) -> usize {
    side.of.clamp(2, 200)
}

/// Masses in `n` bins, each shared between the two nearest.
pub(super) fn binned(masses: impl Iterator<Item = (f64, f64)>, low: f64, high: f64, n: usize) -> Vec<f64> {
    let mut heights = vec![0.0; n];
    for (x, mass) in masses {
        let at = ((x - low) / (high - low) * n as f64 - 0.5).clamp(0.0, (n - 1) as f64);
        let (k, part) = (at.floor() as usize, at - at.floor());
        heights[k] += (1.0 - part) * mass;
        heights[(k + 1).min(n - 1)] += part * mass;
    }
    heights
}

/// The outline of bars.
pub(super) fn stairs(heights: &[f64], low: f64, high: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
    let edge = move |k: usize| low + (high - low) * k as f64 / heights.len() as f64;
    heights.iter().enumerate().flat_map(move |(k, y)| [(edge(k), *y), (edge(k + 1), *y)])
}

/// Adds mass at a place of the unit square, shared between the four nearest cells.
pub(super) fn splat(values: &mut [f32], side: usize, at: [f64; 2], mass: f32) {
    let cell = |v: f64| {
        let at = (v * side as f64 - 0.5).clamp(0.0, (side - 1) as f64);
        (at.floor() as usize, (at - at.floor()) as f32)
    };
    let ((x, px), (y, py)) = (cell(at[0]), cell(at[1]));
    for (dx, wx) in [(0, 1.0 - px), (1, px)] {
        for (dy, wy) in [(0, 1.0 - py), (1, py)] {
            values[(y + dy).min(side - 1) * side + (x + dx).min(side - 1)] += mass * wx * wy;
        }
    }
}
