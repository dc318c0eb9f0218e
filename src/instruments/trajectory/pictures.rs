//! What there is to see of a race.

use super::*;
use ground::view::{Axis, Cell, Chart, Handle, HeatMap, Ink, Mark, Path, Table};
use methods::basins::NEAR;
use methods::landscapes::solve;

/// Points of a curve, at most.
const POINTS: usize = 400;

/// A number for a sentence.
fn short(value: f64) -> String {
    if value == 0.0 || (1e-3..1e4).contains(&value.abs()) { format!("{value:.4}") } else { format!("{value:.2e}") }
}

impl Race {
    /// View `which` of the card.
    pub(super) fn picture(&self, which: usize) -> View {
        match (&self.own, which) {
            (None, _) => self.ours(which),
            (Some(Own::Weights(paths)), 0) if paths.shares[0] > 0.0 => View::Chart(own_paths(paths)),
            (Some(Own::Weights(_)), 0) => View::nothing("Your weights do not move: all runs stand at one point."),
            (Some(Own::Losses(logs)), 2) => View::Chart(own_losses(logs)),
            (Some(Own::Weights(_)), _) => View::nothing("Your weights are in the first picture."),
            (Some(Own::Losses(_)), _) => View::nothing("Your losses are in the third picture."),
        }
    }

    /// View `which` of our own race.
    fn ours(&self, which: usize) -> View {
        match which {
            0 => self.map(true),
            1 => match self.map(false) {
                View::HeatMap(map) => View::Surface(map),
                other => other,
            },
            2 => self.heights(),
            3 => self.curves("size of the gradient", |m| m.gradient),
            4 if self.landscape().is_some() => self.curves("distance to the lowest minimum", |m| m.distance),
            4 => self.curves("distance from the start", |m| m.distance),
            5 => self.effective(),
            6 => self.heads(),
            7 => match self.maps() {
                Some(images) => View::Images(images),
                None if self.landscape().is_some() => View::nothing("The maps come after the race."),
                None => View::nothing("A map of starts needs a problem with two variables."),
            },
            8 => View::HeatMap(self.rates_map()),
            9 => View::Table(self.standing()),
            _ => View::Table(self.elsewhere()),
        }
    }

    /// A colour of its own among those that have a name.
    fn ink(&self, racer: &Racer) -> Ink {
        Ink::Series(self.named()[..racer.lane].iter().filter(|named| **named).count() as u8)
    }

    /// The racers that have a name in pictures: all of four, the best eight of everyone.
    fn named(&self) -> Vec<bool> {
        let results: Vec<_> =
            self.racers.iter().map(|r| r.walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result)).collect();
        let ahead = |i: usize| results.iter().enumerate().filter(|(j, r)| *j != i && compare(**r, results[i]) < 0).count();
        (0..results.len()).map(|i| results.len() <= 8 || ahead(i) < 8).collect()
    }

    /// Its name, with the step size where two have the same.
    pub(super) fn name(&self, racer: &Racer) -> String {
        let name = racer.who.name();
        if self.racers.iter().any(|other| other.who == racer.who && other.lane != racer.lane) {
            let size = short(racer.step_size);
            let size = if size.contains('e') { &size } else { size.trim_end_matches('0') };
            return format!("{name} α={size}");
        }
        name.into()
    }

    /// The same, and when it diverged.
    fn label(&self, racer: &Racer) -> String {
        let name = self.name(racer);
        match racer.walk.as_ref().and_then(|w| w.diverged) {
            Some(step) => format!("{name} (diverged at step {step})"),
            None => name,
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
                Path { name: self.label(racer), ink: self.ink(racer), x, y }
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
        let Some(through) = &self.through else { return View::nothing("The common plane of the paths comes after the race.") };
        let mut values = through.loss.clone();
        values.resize(PLANE_CELLS * PLANE_CELLS, f32::NAN);
        let axis = |k: usize, name: &str| Axis::linear(format!("{name} component ({:.0} %)", 100.0 * through.shares[k]));
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
            // What is smaller than this is rounding.
            let floor = 1e-25 * racer.moments.first().map_or(0.0, of);
            let (x, y) = kept
                .map(|(t, m)| {
                    let x = match self.controls.against {
                        Against::Steps => t as f64,
                        Against::Evaluations => m.evaluations as f64,
                    };
                    let y = of(m);
                    (x, if y.is_finite() && y > floor { y.min(1e300) } else { f64::NAN })
                })
                .unzip();
            let (name, ink) = (if dashed { String::new() } else { self.label(racer) }, self.ink(racer));
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

    /// From each head on a surface: where it moved last, and downhill.
    fn heads(&self) -> View {
        let Some(landscape) = self.landscape() else {
            return View::nothing("Arrows in the plane need a problem with two variables.");
        };
        let [wx, wy] = self.window();
        let length = 0.09 * (wx.1 - wx.0).min(wy.1 - wy.0);
        let (x, y) = self.minima.iter().take(100).map(|m| (m[0], m[1])).unzip();
        let mut marks = vec![Mark::points("minima", Ink::Muted, x, y, 5.0)];
        let named = self.named();
        for (racer, _) in self.racers.iter().zip(&named).filter(|(_, named)| **named) {
            let Some(head) = racer.path.last().map(|p| (f64::from(p[0]), f64::from(p[1]))) else { continue };
            let tail = &racer.path[racer.path.len().saturating_sub(25)..];
            let (x, y) = tail.iter().map(|p| (f64::from(p[0]), f64::from(p[1]))).unzip();
            let inside = (wx.0..=wx.1).contains(&head.0) && (wy.0..=wy.1).contains(&head.1);
            marks.push(Mark::line(self.label(racer), self.ink(racer), x, y));
            if !inside {
                continue;
            }
            marks.push(Mark::points("", self.ink(racer), vec![head.0], vec![head.1], 8.0));
            let mut arrow = |(dx, dy): (f64, f64), least: f64, ink: Ink| {
                let size = (dx * dx + dy * dy).sqrt();
                if size > least && size.is_finite() {
                    let to = (head.0 + length * dx / size, head.1 + length * dy / size);
                    marks.push(Mark::Arrow { ink, from: head, to });
                }
            };
            let (_, g) = landscape.gradient([head.0, head.1]);
            arrow((-g[0], -g[1]), 0.0, Ink::Muted);
            if let [.., before, _] = tail {
                let moved = (head.0 - f64::from(before[0]), head.1 - f64::from(before[1]));
                arrow(moved, 1e-5 * (wx.1 - wx.0), self.ink(racer));
            }
        }
        let (x, y) = (Axis::linear("x").range(wx.0, wx.1), Axis::linear("y").range(wy.0, wy.1));
        View::Chart(Chart { x, y, marks, equal: false, handle: None })
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
        let least = rates.left.iter().copied().filter(|v| *v > 0.0).fold(0.1f32, f32::min).max(1e-12).into();
        let symbol = match rates.who {
            Who::HeavyBall | Who::Nesterov | Who::Muon => "momentum μ",
            _ => "momentum β₁",
        };
        HeatMap {
            x: Axis::log(format!("step size of {}", rates.who.name())).range(1e-5, 10.0),
            y: Axis::linear(symbol).range(-half, 0.99 + half),
            value: Axis::log("height left").range(least, 1.0),
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
        if rates.next < rates.left.len() || self.controls.problem != On::Bowl {
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
            return format!("diverged, {step}");
        }
        if walk.is_pilot() {
            return "first run".into();
        }
        if walk.loss > walk.first_loss {
            return "above the start".into();
        }
        let Some(landscape) = self.landscape() else { return "on its way".into() };
        let [x, _] = self.window();
        let near = |m: &[f64; 2]| (m[0] - walk.x[0]).abs().max((m[1] - walk.x[1]).abs()) < NEAR * (x.1 - x.0);
        if let Some(m) = self.minima.iter().position(near) {
            return if m < self.lowest().len() { "lowest minimum".into() } else { "higher minimum".into() };
        }
        let (_, g, h) = landscape.hessian([walk.x[0], walk.x[1]]);
        let [low, high] = eigenvalues(h);
        // As Newton's method sees it, the place without a slope is here.
        let near = solve(h, g).is_some_and(|step| step[0].abs().max(step[1].abs()) < 0.01 * (x.1 - x.0));
        if near && low < 0.0 && high > 0.0 { "saddle".into() } else { "on its way".into() }
    }

    /// The racers, best first.
    fn ranking(&self) -> Vec<&Racer> {
        let result = |r: &Racer| r.walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result);
        let mut order: Vec<&Racer> = self.racers.iter().collect();
        order.sort_by(|a, b| compare(result(a), result(b)).cmp(&0));
        order
    }

    fn standing(&self) -> Table {
        let row = |racer: &Racer| {
            let walk = racer.walk.as_ref();
            let reached = walk.and_then(|w| w.reached);
            let number = |n: Option<usize>| n.map_or(Cell::Text("–".into()), |n| Cell::Number(n as f64));
            let left = walk.filter(|w| w.diverged.is_none()).map(|w| (w.loss - self.course.least).max(0.0));
            vec![
                Cell::Text(self.name(racer)),
                number(reached.map(|r| r.0)),
                number(reached.map(|r| r.1)),
                left.map_or(Cell::Text("–".into()), Cell::Number),
                Cell::Text(self.place(racer)),
            ]
        };
        let columns = ["", "steps to goal", "gradients", "height left", "ends"];
        Table { columns: columns.map(String::from).to_vec(), rows: self.ranking().into_iter().map(row).collect() }
    }

    fn elsewhere(&self) -> Table {
        let visited = self.results.iter().any(|r| r.len() == self.racers.len());
        let percent = |share: f64| Cell::Text(if share.is_nan() { "–".into() } else { format!("{:.0} %", 100.0 * share) });
        let row = |racer: &Racer| {
            let step = if racer.tuning.is_none() {
                format!("{}, yours", short(racer.step_size))
            } else if racer.walk.is_none() {
                "being tuned".into()
            } else {
                short(racer.step_size)
            };
            let arrives = {
                let whole: Vec<_> = self.results.iter().filter_map(|r| r.get(racer.lane)).collect();
                whole.iter().filter(|r| r.0.is_finite()).count() as f64 / whole.len() as f64
            };
            let fates = self.fates(racer.lane);
            let lowest = fates.iter().filter(|f| self.is_lowest(**f)).count() as f64 / fates.len() as f64;
            let wins = if visited { self.wins(racer.lane) } else { f64::NAN };
            vec![Cell::Text(self.name(racer)), Cell::Text(step), percent(arrives), percent(wins), percent(lowest)]
        };
        let columns = ["", "step size", "arrives", "is first", "on the map"];
        Table { columns: columns.map(String::from).to_vec(), rows: self.ranking().into_iter().map(row).collect() }
    }

    /// Everyone's path and curves, and the map of step sizes, to be taken away.
    pub(super) fn arrays(&self) -> Vec<Array> {
        let mut out = Vec::new();
        let columns = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<String>>();
        let named = |name: String| name.replace(" α=", "-").to_lowercase().replace([' ', '/'], "-");
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
            out.push(Array { name: named(self.name(racer)), shape: vec![values.len() / width, width], values, columns: names });
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
        Axis::linear(format!("{name} principal component ({:.1} % of the variance)", 100.0 * paths.shares[k]))
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
