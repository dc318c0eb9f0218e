//! What there is to see of a race.

use super::basins::Fate;
use super::*;
use crate::view::{Axis, Cell, Chart, Handle, HeatMap, Ink, Mark, Path, Table};

/// Points of a curve, at most.
const POINTS: usize = 400;

/// Instead of a picture, why there is none.
fn nothing(why: &str) -> View {
    View::Table(Table { columns: vec!["nothing to show".into()], rows: vec![vec![Cell::Text(why.into())]] })
}

/// A number for a sentence.
fn short(value: f64) -> String {
    if value == 0.0 || (1e-3..1e4).contains(&value.abs()) { format!("{value:.4}") } else { format!("{value:.2e}") }
}

impl Race {
    /// View `which` of the card.
    pub(super) fn picture(&self, which: usize) -> View {
        match which {
            0 => match &self.own {
                Some(Own::Weights(paths)) => View::Chart(own_paths(paths)),
                _ => self.map(true),
            },
            1 => match self.map(false) {
                View::HeatMap(map) => View::Surface(map),
                other => other,
            },
            2 => match &self.own {
                Some(Own::Losses(logs)) => View::Chart(own_losses(logs)),
                _ => self.heights(),
            },
            3 => self.curves("size of the gradient", |m| m.gradient),
            4 if self.landscape().is_some() => self.curves("distance to the lowest minimum", |m| m.distance),
            4 => self.curves("distance from the start", |m| m.distance),
            5 => self.effective(),
            6 => match self.maps() {
                Some(images) => View::Images(images),
                None if self.landscape().is_some() => nothing("The maps come after the race."),
                None => nothing("A map of starts needs a problem with two variables."),
            },
            7 => View::HeatMap(self.rates_map()),
            _ => View::Table(self.standing()),
        }
    }

    fn ink(racer: &Racer) -> Ink {
        Ink::Series((racer.lane % 8) as u8)
    }

    /// The racers that have a name in pictures: all of four, the best eight of everyone.
    fn named(&self) -> Vec<bool> {
        let results: Vec<_> =
            self.racers.iter().map(|r| r.walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result)).collect();
        let ahead = |i: usize| results.iter().enumerate().filter(|(j, r)| *j != i && compare(**r, results[i]) < 0).count();
        (0..results.len()).map(|i| results.len() <= 8 || ahead(i) < 8).collect()
    }

    fn label(racer: &Racer) -> String {
        match racer.walk.as_ref().and_then(|w| w.diverged) {
            Some(step) => format!("{} (diverged, step {step})", racer.who.name()),
            None => racer.who.name().into(),
        }
    }

    /// The paths over the ground, or over the common plane.
    fn map(&self, handle: bool) -> View {
        let named = self.named();
        let paths = |place: &dyn Fn(&Vec<f32>) -> (f64, f64)| {
            let shown = self.racers.iter().zip(&named).filter(|(r, named)| **named && !r.path.is_empty());
            let path = |(racer, _): (&Racer, &bool)| {
                let every = racer.path.len().div_ceil(POINTS);
                let last = racer.path.len() - 1;
                let kept = racer.path.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last);
                let (x, y) = kept.map(|(_, p)| place(p)).unzip();
                Path { name: Self::label(racer), ink: Self::ink(racer), x, y }
            };
            shown.map(path).collect::<Vec<Path>>()
        };
        if self.landscape().is_some() {
            let [x, y] = self.window();
            let finite = || self.ground.iter().copied().filter(|h| h.is_finite());
            let most = f64::from(finite().fold(f32::MIN, f32::max)) - self.course.least;
            let floor = 1e-4 * most.max(1e-30);
            let height = |h: &f32| if h.is_finite() { (f64::from(*h) - self.course.least).max(floor) as f32 } else { f32::NAN };
            return View::HeatMap(HeatMap {
                x: Axis::linear("x").range(x.0, x.1),
                y: Axis::linear("y").range(y.0, y.1),
                value: Axis::log("height f − f*"),
                columns: CELLS,
                values: self.ground.iter().map(height).collect(),
                contours: 14,
                paths: paths(&|p| (f64::from(p[0]), f64::from(p[1]))),
                handle: handle.then(|| Handle { name: "start".into(), at: (self.start[0], self.start[1]) }),
            });
        }
        let Some(through) = &self.through else { return nothing("The common plane of the paths comes after the race.") };
        let mut values = through.loss.clone();
        values.resize(PLANE_CELLS * PLANE_CELLS, f32::NAN);
        let axis = |k: usize, name: &str| {
            Axis::linear(format!("{name} principal component, {:.0} % of the variance", 100.0 * through.shares[k]))
        };
        View::HeatMap(HeatMap {
            x: axis(0, "first").range(through.low.0, through.high.0),
            y: axis(1, "second").range(through.low.1, through.high.1),
            value: Axis::log("loss"),
            columns: PLANE_CELLS,
            values,
            contours: 12,
            paths: paths(&|p| through.plane.place(p)),
            handle: None,
        })
    }

    fn abscissa(&self) -> Axis {
        Axis::linear(match self.controls.against {
            Against::Steps => "step",
            Against::Evaluations => "gradient evaluations",
        })
    }

    /// Curves of the named racers: what `of` says of each moment.
    fn lines(&self, of: &dyn Fn(&Moment) -> f64, dashed: bool) -> Vec<Mark> {
        let named = self.named();
        let mut marks = Vec::new();
        for (racer, _) in self.racers.iter().zip(&named).filter(|(_, named)| **named) {
            let every = racer.moments.len().div_ceil(POINTS).max(1);
            let last = racer.moments.len().saturating_sub(1);
            let kept = racer.moments.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last);
            let (x, y) = kept
                .map(|(t, m)| {
                    let x = match self.controls.against {
                        Against::Steps => t as f64,
                        Against::Evaluations => m.evaluations as f64,
                    };
                    let y = of(m);
                    (x, if y.is_finite() && y > 0.0 { y.clamp(1e-300, 1e300) } else { f64::NAN })
                })
                .unzip();
            let (name, ink) = (if dashed { String::new() } else { Self::label(racer) }, Self::ink(racer));
            marks.push(Mark::Line { name, ink, x, y, dashed });
        }
        marks
    }

    fn curves(&self, name: &str, of: fn(&Moment) -> f64) -> View {
        View::Chart(Chart { x: self.abscissa(), y: Axis::log(name), marks: self.lines(&of, false), ..Chart::default() })
    }

    fn heights(&self) -> View {
        let least = self.course.least;
        let mut marks = self.lines(&|m: &Moment| m.loss - least, false);
        let first = self.racers[0].walk.as_ref().map_or(f64::NAN, |w| w.first_loss - least);
        let goal = self.course.tolerance * first;
        if goal.is_finite() && goal > 0.0 {
            marks.push(Mark::at_y("goal", goal));
        }
        let name = if self.landscape().is_some() { "height f − f*" } else { "loss" };
        View::Chart(Chart { x: self.abscissa(), y: Axis::log(name), marks, ..Chart::default() })
    }

    fn effective(&self) -> View {
        let mut marks = self.lines(&|m: &Moment| m.effective[0], false);
        let name = if self.landscape().is_some() {
            marks.extend(self.lines(&|m: &Moment| m.effective[1], true));
            "|Δx| over |slope|"
        } else {
            "length of the step over that of the gradient"
        };
        if let Some(top) = self.steepest() {
            marks.push(Mark::at_y("2/L at the minimum", 2.0 / top));
        }
        View::Chart(Chart { x: self.abscissa(), y: Axis::log(name), marks, ..Chart::default() })
    }

    fn rates_map(&self) -> HeatMap {
        let rates = &self.rates;
        let half = 0.495 / (rates.rows - 1) as f64;
        let momenta = (0..rates.rows).map(|row| 0.99 * row as f64 / (rates.rows - 1) as f64);
        let (x, y): (Vec<f64>, Vec<f64>) = momenta.filter_map(|m| self.boundary(m).map(|b| (b, m))).unzip();
        let paths =
            if x.is_empty() { Vec::new() } else { vec![Path { name: "theory's last stable step".into(), ink: Ink::Text, x, y }] };
        // What is higher than the start is no better than not to move.
        let cell = |v: &f32| if *v <= 1.0 { v.max(1e-12) } else { f32::NAN };
        let symbol = match rates.who {
            Who::HeavyBall | Who::Nesterov | Who::Muon => "momentum μ",
            _ => "momentum β₁",
        };
        HeatMap {
            x: Axis::log(format!("step size of {}", rates.who.name())).range(1e-5, 10.0),
            y: Axis::linear(symbol).range(-half, 0.99 + half),
            value: Axis::log("height left").range(1e-12, 1.0),
            columns: rates.columns,
            values: rates.left.iter().map(cell).collect(),
            contours: 0,
            paths,
            handle: None,
        }
    }

    /// How far the largest stable step of each row of the map is from theory's, as the mean of the larger over the smaller; on
    /// a bowl the rest is the width of a cell and what a slow fall hides.
    pub(super) fn boundary_ratio(&self) -> f64 {
        let rates = &self.rates;
        if rates.next < rates.left.len() {
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

    /// Where a racer is now, in words.
    fn place(&self, racer: &Racer) -> String {
        let Some(walk) = &racer.walk else {
            return if racer.tuning.is_some() { "being tuned".into() } else { "at the start".into() };
        };
        if let Some(step) = walk.diverged {
            return format!("diverged at step {step}");
        }
        if walk.is_pilot() {
            return "on its first run".into();
        }
        let Some(landscape) = self.landscape() else {
            return if walk.loss > walk.first_loss { "higher than the start".into() } else { String::new() };
        };
        let [x, _] = self.window();
        let near = |m: &&[f64; 2]| (m[0] - walk.x[0]).abs().max((m[1] - walk.x[1]).abs()) < 0.02 * (x.1 - x.0);
        if let Some(m) = self.minima.iter().find(near) {
            let kind = if self.lowest().contains(m) { "at the lowest minimum" } else { "at a higher minimum" };
            return format!("{kind} ({:.2}, {:.2})", m[0], m[1]);
        }
        let (_, g, h) = landscape.hessian([walk.x[0], walk.x[1]]);
        let [low, high] = eigenvalues(h);
        let flat = (g[0] * g[0] + g[1] * g[1]).sqrt() < 1e-3 * (high.abs() + low.abs()) * (x.1 - x.0);
        let place = format!("({:.2}, {:.2})", walk.x[0], walk.x[1]);
        if flat && low < 0.0 && high > 0.0 {
            format!("at a saddle {place}")
        } else if walk.loss > walk.first_loss {
            format!("higher than the start {place}")
        } else {
            format!("on its way {place}")
        }
    }

    fn standing(&self) -> Table {
        let columns = [
            "optimizer",
            "step size",
            "steps to the goal",
            "gradients to the goal",
            "height left",
            "where",
            "first elsewhere",
            "starts to the lowest",
        ];
        let mut order: Vec<usize> = (0..self.racers.len()).collect();
        let result = |i: usize| self.racers[i].walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result);
        order.sort_by(|i, j| compare(result(*i), result(*j)).cmp(&0));
        let visited = self.results.iter().any(|r| r.len() == self.racers.len());
        let row = |i: usize| {
            let racer = &self.racers[i];
            let tuned = racer.tuning.is_some();
            let step = match (&racer.walk, racer.step_size) {
                (None, _) if tuned => "being tuned".into(),
                (_, step) => format!("{}{}", short(step), if tuned { ", tuned" } else { "" }),
            };
            let reached = racer.walk.as_ref().and_then(|w| w.reached);
            let number = |n: Option<usize>| n.map_or(Cell::Text("–".into()), |n| Cell::Number(n as f64));
            let left = racer.walk.as_ref().filter(|w| w.diverged.is_none()).map(|w| w.loss - self.course.least);
            let percent = |share: f64| if share.is_nan() { String::new() } else { format!("{:.0} %", 100.0 * share) };
            let fates = self.fates(i);
            let lowest = fates.iter().filter(|f| matches!(f, Fate::Arrived(m) if *m < self.lowest().len())).count() as f64
                / fates.len() as f64;
            vec![
                Cell::Text(racer.who.name().into()),
                Cell::Text(step),
                number(reached.map(|r| r.0)),
                number(reached.map(|r| r.1)),
                left.map_or(Cell::Text("–".into()), Cell::Number),
                Cell::Text(self.place(racer)),
                Cell::Text(if visited { percent(self.wins(i)) } else { String::new() }),
                Cell::Text(percent(lowest)),
            ]
        };
        Table { columns: columns.map(String::from).to_vec(), rows: order.into_iter().map(row).collect() }
    }

    /// Everyone's path and curves, and the map of step sizes, to be taken away.
    pub(super) fn arrays(&self) -> Vec<Array> {
        let mut out = Vec::new();
        let columns = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<String>>();
        let named = |name: &str| name.to_lowercase().replace([' ', '/'], "-");
        for racer in self.racers.iter().filter(|r| !r.moments.is_empty()) {
            let flat = self.landscape().is_some();
            let mut values = Vec::new();
            for (t, m) in racer.moments.iter().enumerate() {
                values.extend([t as f64, m.evaluations as f64, m.loss, m.gradient, m.distance]);
                if flat {
                    values.extend(racer.path[t].iter().map(|v| f64::from(*v)));
                }
            }
            let mut names = columns(&["step", "gradients", "loss", "gradient_norm", "distance"]);
            if flat {
                names.extend(columns(&["x", "y"]));
            }
            let width = names.len();
            out.push(Array { name: named(racer.who.name()), shape: vec![values.len() / width, width], values, columns: names });
        }
        let done = self.rates.next;
        if done > 0 {
            let row = |i: usize| {
                let (step_size, momentum) = self.rates.place(i);
                [step_size, momentum, f64::from(self.rates.left[i])]
            };
            let rows: Vec<[f64; 3]> = (0..done).map(row).filter(|r| r[2].is_finite()).collect();
            if !rows.is_empty() {
                let columns = columns(&["step_size", "momentum", "height_left"]);
                out.push(Array { name: "step-sizes".into(), shape: vec![rows.len(), 3], values: rows.concat(), columns });
            }
        }
        out
    }
}

fn own_paths(paths: &Paths) -> Chart {
    let mut marks = Vec::new();
    for (k, (name, places)) in paths.names.iter().zip(&paths.places).enumerate() {
        let (ink, every) = (Ink::Series(k as u8), places.len().div_ceil(POINTS));
        let (x, y): (Vec<f64>, Vec<f64>) = places.iter().step_by(every).copied().unzip();
        let end = places[places.len() - 1];
        marks.push(Mark::line(name.clone(), ink, x, y));
        marks.push(Mark::points("", ink, vec![end.0], vec![end.1], 8.0));
    }
    let axis = |k: usize, name: &str| {
        Axis::linear(format!("{name} principal component, {:.1} % of the variance", 100.0 * paths.shares[k]))
    };
    Chart { x: axis(0, "first"), y: axis(1, "second"), marks, equal: true, handle: None }
}

fn own_losses(logs: &[Log]) -> Chart {
    let positive = logs.iter().all(|log| log.losses.iter().all(|l| *l > 0.0));
    let line = |(k, log): (usize, &Log)| {
        let every = log.steps.len().div_ceil(3 * POINTS);
        let thin = |values: &[f64]| values.iter().step_by(every).copied().collect::<Vec<f64>>();
        Mark::line(log.name.clone(), Ink::Series(k as u8), thin(&log.steps), thin(&log.losses))
    };
    let y = if positive { Axis::log("your loss") } else { Axis::linear("your loss") };
    Chart { x: Axis::linear("step"), y, marks: logs.iter().enumerate().map(line).collect(), ..Chart::default() }
}
