//! What there is to see of a race.

use methods::optimize::basins::NEAR;
use methods::optimize::test_functions::solve;

use super::*;

/// Points of a curve, at most.
const POINTS: usize = 400;

/// A step size in words.
fn short(value: f64) -> String {
    figures(value, 4)
}

impl Race {
    /// A picture of our own race, or where the reader's runs are.
    fn ours<V: Into<View>>(&self, picture: impl FnOnce() -> V) -> View {
        match &self.own {
            None => picture().into(),
            Some(Own::Weights(_)) => View::nothing("Your weights are in the picture of the race."),
            Some(Own::Losses(_)) => View::nothing("Your losses are in the picture of the heights."),
        }
    }

    pub(super) fn paths(&self) -> View {
        match &self.own {
            Some(Own::Weights(paths)) if paths.shares[0] > 0.0 => own_paths(paths).into(),
            Some(Own::Weights(_)) => View::nothing("Your weights do not move: all runs stand at one point."),
            _ => self.ours(|| match self.map() {
                Some(map) if self.landscape().is_some() => {
                    let at = (self.terrain.start[0], self.terrain.start[1]);
                    HeatMap { handle: Some(Handle { name: "start".into(), at }), ..map }.into()
                }
                map => map.map_or_else(no_plane, View::HeatMap),
            }),
        }
    }

    pub(super) fn surface(&self) -> View {
        self.ours(|| self.map().map_or_else(no_plane, View::Surface))
    }

    pub(super) fn heights(&self) -> View {
        if let Some(Own::Losses(logs)) = &self.own {
            return own_losses(logs).into();
        }
        let least = self.course.least;
        let name = if self.landscape().is_some() { "height f − f*" } else { "loss" };
        let first = self.racers[0].walk.as_ref().map_or(f64::NAN, |w| w.first_loss - least);
        let goal = Some(self.course.tolerance * first).filter(|goal| goal.is_finite() && *goal > 0.0);
        self.ours(|| self.curves(name, |m| m.loss - least).at_y("goal", goal.unwrap_or(f64::NAN)))
    }

    pub(super) fn gradients(&self) -> View {
        self.ours(|| self.curves("size of the gradient", |m| m.gradient))
    }

    pub(super) fn distances(&self) -> View {
        let from = if self.landscape().is_some() { "distance to the minimum" } else { "distance from the start" };
        self.ours(|| self.curves(from, |m| m.distance))
    }

    pub(super) fn effective(&self) -> View {
        let edge = self.steepest().map_or(f64::NAN, |top| 2.0 / top);
        self.ours(|| {
            let chart = if self.landscape().is_some() {
                self.marked(self.curves("|Δx| over |slope|", |m| m.effective[0]), true, |m| m.effective[1])
            } else {
                self.curves("|Δx| over |gradient|", |m| m.effective[0])
            };
            chart.at_y("2/L at the minimum", edge)
        })
    }

    pub(super) fn basins(&self) -> View {
        self.ours(|| match self.maps() {
            Some(images) => View::Images(images),
            None if self.landscape().is_some() => View::nothing("The maps come after the race."),
            None => View::nothing("A map of starts needs a problem with two variables."),
        })
    }

    /// A colour of its own among those that have a name.
    fn ink(&self, racer: &Racer) -> Ink {
        Ink::Series(self.named()[..racer.lane].iter().filter(|named| **named).count() as u8)
    }

    /// The racers that have a name in pictures: all of four, the best eight of everyone.
    fn named(&self) -> Vec<bool> {
        let results: Vec<_> = self.racers.iter().map(Racer::result).collect();
        let ahead = |i: usize| results.iter().enumerate().filter(|(j, r)| *j != i && compare(**r, results[i]) < 0).count();
        (0..results.len()).map(|i| results.len() <= 8 || ahead(i) < 8).collect()
    }

    fn shown(&self) -> impl Iterator<Item = &Racer> {
        self.racers.iter().zip(self.named()).filter(|(_, named)| *named).map(|(racer, _)| racer)
    }

    /// Its name, with the step size where two have the same.
    pub(super) fn name(&self, racer: &Racer) -> String {
        let name = racer.who.name();
        if self.racers.iter().any(|other| other.who == racer.who && other.lane != racer.lane) {
            return format!("{name} α={}", short(racer.step_size));
        }
        name.into()
    }

    /// The same, and when it diverged.
    fn label(&self, racer: &Racer) -> String {
        let name = self.name(racer);
        match racer.walk.as_ref().and_then(|w| w.diverged) {
            Some(step) => format!("{name} (diverged, {step})"),
            None => name,
        }
    }

    /// The paths over the ground, or over the common plane once there is one.
    fn map(&self) -> Option<HeatMap> {
        let paths = |place: &dyn Fn(&Vec<f32>) -> (f64, f64)| {
            let path = |racer: &Racer| {
                let (x, y) = thinned(&racer.path).map(|(_, p)| place(p)).unzip();
                Path { name: self.label(racer), ink: self.ink(racer), x, y }
            };
            self.shown().filter(|r| !r.path.is_empty()).map(path).collect::<Vec<Path>>()
        };
        if self.landscape().is_some() {
            let ([x, y], heights) = (self.window(), &self.terrain.heights);
            let most = f64::from(heights.iter().copied().filter(|h| h.is_finite()).fold(f32::MIN, f32::max)) - self.course.least;
            let floor = 1e-4 * most.max(1e-30);
            let height = |h: &f32| if h.is_finite() { (f64::from(*h) - self.course.least).max(floor) as f32 } else { f32::NAN };
            return Some(HeatMap {
                x: Axis::linear("x").range(x.0, x.1),
                y: Axis::linear("y").range(y.0, y.1),
                value: Axis::log("height f − f*"),
                columns: problem::CELLS,
                values: heights.iter().map(height).collect(),
                contours: 14,
                paths: paths(&|p| (f64::from(p[0]), f64::from(p[1]))),
                handle: None,
            });
        }
        let common = self.common.as_ref()?;
        let mut values = common.loss.clone();
        values.resize(plane::CELLS * plane::CELLS, f32::NAN);
        let axis = |k: usize, name: &str| {
            let (low, high) = common.ends[k];
            Axis::linear(format!("{name} component ({:.0} %)", 100.0 * common.shares[k])).range(low, high)
        };
        Some(HeatMap {
            x: axis(0, "first"),
            y: axis(1, "second"),
            value: Axis::log("loss"),
            columns: plane::CELLS,
            values,
            contours: 12,
            paths: paths(&|p| common.plane.place(p)),
            handle: None,
        })
    }

    /// Curves of the racers shown: what `of` says of each moment.
    fn curves(&self, name: &str, of: impl Fn(&Moment) -> f64) -> Chart {
        let x = Axis::linear(match self.controls.against {
            Against::Steps => "step",
            Against::Evaluations => "gradient evaluations",
        });
        self.marked(Chart::of(x, Axis::log(name)), false, of)
    }

    /// The same on a chart that is there; dashed ones without their names.
    fn marked(&self, chart: Chart, dashed: bool, of: impl Fn(&Moment) -> f64) -> Chart {
        self.shown().fold(chart, |chart, racer| {
            // What is smaller than this is rounding.
            let floor = 1e-25 * racer.moments.first().map_or(0.0, &of);
            let points = thinned(&racer.moments).map(|(t, m)| {
                let x = match self.controls.against {
                    Against::Steps => t as f64,
                    Against::Evaluations => m.evaluations as f64,
                };
                let y = of(m);
                (x, if y.is_finite() && y > floor { y.min(1e300) } else { f64::NAN })
            });
            let ink = self.ink(racer);
            if dashed { chart.dashed("", ink, points) } else { chart.line(self.label(racer), ink, points) }
        })
    }

    /// From each head on a surface: where it moved last, and downhill.
    pub(super) fn heads(&self) -> View {
        self.ours(|| match self.landscape() {
            Some(landscape) => self.arrows(landscape).into(),
            None => View::nothing("Arrows in the plane need a problem with two variables."),
        })
    }

    fn arrows(&self, landscape: &Landscape) -> Chart {
        let [wx, wy] = self.window();
        let length = 0.09 * (wx.1 - wx.0).min(wy.1 - wy.0);
        let minima = self.terrain.minima.iter().take(100).map(|m| (m[0], m[1]));
        let mut chart = Chart::of(Axis::linear("x").range(wx.0, wx.1), Axis::linear("y").range(wy.0, wy.1)).dots(
            "minima",
            Ink::Muted,
            5.0,
            minima,
        );
        for racer in self.shown() {
            let ink = self.ink(racer);
            let tail = racer.path[racer.path.len().saturating_sub(25)..].iter().map(|p| (f64::from(p[0]), f64::from(p[1])));
            let Some(head) = tail.clone().next_back() else { continue };
            chart = chart.line(self.label(racer), ink, tail.clone());
            if !(wx.0..=wx.1).contains(&head.0) || !(wy.0..=wy.1).contains(&head.1) {
                continue;
            }
            chart = chart.dots("", ink, 8.0, [head]);
            let towards = |(dx, dy): (f64, f64), least: f64| {
                let size = (dx * dx + dy * dy).sqrt();
                (size > least && size.is_finite()).then(|| (head.0 + length * dx / size, head.1 + length * dy / size))
            };
            let (_, g) = landscape.gradient([head.0, head.1]);
            if let Some(to) = towards((-g[0], -g[1]), 0.0) {
                chart = chart.arrow(Ink::Muted, head, to);
            }
            let moved = tail.rev().nth(1).map(|before| (head.0 - before.0, head.1 - before.1));
            if let Some(to) = moved.and_then(|moved| towards(moved, 1e-5 * (wx.1 - wx.0))) {
                chart = chart.arrow(ink, head, to);
            }
        }
        chart
    }

    pub(super) fn rates(&self) -> View {
        self.ours(|| self.rates_map())
    }

    fn rates_map(&self) -> HeatMap {
        let rates = &self.rates;
        let half = 0.495 / (rates.rows - 1) as f64;
        let momenta = (0..rates.rows).map(|row| 0.99 * row as f64 / (rates.rows - 1) as f64);
        let (x, y): (Vec<f64>, Vec<f64>) = momenta.filter_map(|m| self.boundary(m).map(|b| (b, m))).unzip();
        let theory = Path { name: "theory's edge".into(), ink: Ink::Text, x, y };
        let mut values: Vec<f32> = rates.left.clone();
        values.resize(rates.columns * rates.rows, f32::NAN);
        // What is higher than the start is no better than not to move.
        let cell = |v: &f32| if *v <= 1.0 { v.max(1e-12) } else { f32::NAN };
        let least = values.iter().copied().filter(|v| *v > 0.0).fold(0.1f32, f32::min).max(1e-12).into();
        let symbol = match rates.who {
            Who::HeavyBall | Who::Nesterov | Who::Muon => "momentum μ",
            _ => "momentum β₁",
        };
        HeatMap {
            x: Axis::log(format!("step size of {}", rates.who.name())).range(1e-5, 10.0),
            y: Axis::linear(symbol).range(-half, 0.99 + half),
            value: Axis::log("share of the height left").range(least, 1.0),
            columns: rates.columns,
            values: values.iter().map(cell).collect(),
            contours: 0,
            paths: if theory.x.is_empty() { Vec::new() } else { vec![theory] },
            handle: None,
        }
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
        if let Some(m) = self.terrain.minima.iter().position(near) {
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
        let mut order: Vec<&Racer> = self.racers.iter().collect();
        order.sort_by(|a, b| compare(a.result(), b.result()).cmp(&0));
        order
    }

    /// How far the race is, and who is ahead.
    pub(super) fn standing_in_words(&self) -> String {
        let walks: Vec<&Walk> = self.racers.iter().filter_map(|racer| racer.walk.as_ref()).collect();
        if walks.len() < self.racers.len() {
            let trials = self.racers.iter().filter_map(|racer| racer.tuning.as_ref());
            let (made, all) = trials.fold((0, 0), |(made, all), tuning| (made + tuning.made(), all + tuning.trials));
            return match made == all {
                true => "Everyone stands at the start.".into(),
                false => format!("Before the race, everyone tries step sizes: {made} of {all} trials are made."),
            };
        }
        if walks.iter().any(|walk| walk.is_pilot()) {
            return "A first run of everyone, by whose gradients the schedule is refined.".into();
        }
        if walks.iter().all(|walk| walk.reached == Some((0, 0))) {
            return "The start is at the goal: there is nothing to race for.".into();
        }
        let (step, all) = (walks.iter().map(|walk| walk.t).max().unwrap_or(0), walks.len());
        let over = walks.iter().all(|walk| walk.over(&self.course));
        let (arrived, lost) = (
            walks.iter().filter(|walk| walk.reached.is_some()).count(),
            walks.iter().filter(|walk| walk.diverged.is_some()).count(),
        );
        let lost = if lost > 0 { format!(", {lost} diverged") } else { String::new() };
        let time = if over { format!("After {}", count(step, "step", "steps")) } else { format!("Step {step}") };
        let told = match self.ranking().first().and_then(|best| Some((*best, best.walk.as_ref()?))) {
            _ if step == 0 => return "Everyone stands at the start.".into(),
            Some((best, Walk { reached: Some((_, gradients)), .. })) => {
                let cost = count(*gradients, "gradient", "gradients");
                format!("{time}: {} was first at the goal, after {cost}; {arrived} of {all} arrived{lost}", self.name(best))
            }
            Some((best, walk)) if walk.diverged.is_none() => {
                let left = (walk.loss - self.course.least) / (walk.first_loss - self.course.least);
                let left = if left.is_finite() {
                    format!(", with {} of the height left", percent(left.max(0.0)))
                } else {
                    String::new()
                };
                format!("{time}: {} is ahead{left}; {arrived} of {all} at the goal{lost}", self.name(best))
            }
            _ => format!("{time}: everyone has diverged"),
        };
        let (same, pairs) = if self.whole() { self.pairs() } else { (0.0, 0.0) };
        if pairs > 0.0 {
            format!("{told}. Elsewhere {} of pairs keep this order.", percent(same / pairs))
        } else {
            format!("{told}.")
        }
    }

    pub(super) fn standing(&self) -> View {
        let row = |racer: &Racer| {
            let walk = racer.walk.as_ref();
            let reached = walk.and_then(|w| w.reached);
            let number = |n: Option<usize>| n.map_or(Cell::Text("–".into()), |n| Cell::Number(n as f64));
            let height = |loss: f64| (loss - self.course.least).max(0.0);
            let left = walk.filter(|w| w.diverged.is_none()).map(|w| height(w.loss) / height(w.first_loss));
            vec![
                Cell::Text(self.name(racer)),
                number(reached.map(|r| r.0)),
                number(reached.map(|r| r.1)),
                // Nothing is left of nothing where the start is the minimum.
                left.filter(|left| left.is_finite()).map_or(Cell::Text("–".into()), Cell::Number),
                Cell::Text(self.place(racer)),
            ]
        };
        let columns = ["", "steps to goal", "gradients", "share of the height left", "ends"].map(String::from).to_vec();
        self.ours(|| Table { columns, rows: self.ranking().into_iter().map(row).collect() })
    }

    pub(super) fn elsewhere(&self) -> View {
        let visited = self.visits.results.iter().any(|r| r.len() == self.racers.len());
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
                let whole: Vec<_> = self.visits.results.iter().filter_map(|r| r.get(racer.lane)).collect();
                whole.iter().filter(|r| r.0.is_finite()).count() as f64 / whole.len() as f64
            };
            let fates = self.fates(racer.lane);
            let lowest = fates.iter().filter(|f| self.is_lowest(**f)).count() as f64 / fates.len() as f64;
            let wins = if visited { self.wins(racer.lane) } else { f64::NAN };
            vec![Cell::Text(self.name(racer)), Cell::Text(step), percent(arrives), percent(wins), percent(lowest)]
        };
        let near = format!("within {:.0} % on the map", 100.0 * NEAR);
        let columns = ["", "step size", "reaches the goal", "is first", &near].map(String::from).to_vec();
        self.ours(|| Table { columns, rows: self.ranking().into_iter().map(row).collect() })
    }

    /// Everyone's path and curves, and the map of step sizes, to be taken away.
    pub(super) fn arrays(&self) -> Vec<Array> {
        // Of a step size like 3×10⁻⁵ its figures are left.
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|raised| raised == c).map_or('-', |d| (b'0' + d as u8) as char)
            }
        };
        let named =
            |name: String| name.replace(" α=", "-").replace("×10⁻", "e-").to_lowercase().chars().map(plain).collect::<String>();
        let curves = |racer: &Racer| {
            let name = named(self.name(racer));
            let moments = racer.moments.iter().enumerate();
            let rows = moments.map(|(t, m)| [t as f64, m.evaluations as f64, m.loss, m.gradient, m.distance]);
            if self.landscape().is_none() {
                return Array::table(name, ["step", "gradients", "loss", "gradient_norm", "distance"], rows);
            }
            let rows = rows.zip(&racer.path).map(|([t, n, f, g, d], p)| [t, n, f, g, d, f64::from(p[0]), f64::from(p[1])]);
            Array::table(name, ["step", "gradients", "loss", "gradient_norm", "distance", "x", "y"], rows)
        };
        let left = self.rates.left.iter().enumerate().filter(|(_, left)| left.is_finite());
        let rows = left.map(|(i, left)| {
            let (step_size, momentum) = self.rates.place(i);
            [step_size, momentum, f64::from(*left)]
        });
        let rates = Array::table("step-sizes", ["step_size", "momentum", "height_left"], rows);
        let raced = self.racers.iter().filter(|r| !r.moments.is_empty()).map(curves);
        raced.chain(Some(rates).filter(|rates| !rates.values.is_empty())).collect()
    }
}

/// What is said while there is no plane to be seen.
fn no_plane() -> View {
    View::nothing("The common plane of the paths comes after the race.")
}

/// Every n-th of many and the last, with their indices.
fn thinned<T>(all: &[T]) -> impl Iterator<Item = (usize, &T)> {
    let every = all.len().div_ceil(POINTS).max(1);
    all.iter().enumerate().filter(move |(i, _)| i.is_multiple_of(every) || i + 1 == all.len())
}

fn own_paths(paths: &Paths) -> Chart {
    let axis = |k: usize, name: &str| Axis::linear(format!("{name} component ({})", percent(paths.shares[k])));
    let chart = Chart::of(axis(0, "first"), axis(1, "second")).equal();
    paths.names.iter().zip(&paths.places).enumerate().fold(chart, |chart, (k, (name, places))| {
        let (ink, every) = (Ink::Series(k as u8), places.len().div_ceil(POINTS));
        let end = places[places.len() - 1];
        chart.line(name.clone(), ink, places.iter().step_by(every).copied()).dots("", ink, 8.0, [end])
    })
}

/// Solid where row follows row, dashed over gaps, a dot where a curve ends before the others.
fn own_losses(logs: &Logs) -> Chart {
    let positive = logs.curves.iter().all(|curve| curve.points.iter().all(|(_, loss)| *loss > 0.0));
    let y = if positive { Axis::log("your loss") } else { Axis::linear("your loss") };
    let chart = Chart::of(Axis::linear(logs.counted.as_str()), y);
    logs.curves.iter().enumerate().fold(chart, |chart, (k, curve)| {
        let (ink, points) = (Ink::Series(k as u8), &curve.points);
        let stride = points.len().div_ceil(3 * POINTS);
        let kept: Vec<usize> = (0..points.len()).filter(|i| i.is_multiple_of(stride) || i + 1 == points.len()).collect();
        let (mut solid, mut dashed) = (vec![points[0]], Vec::new());
        for pair in kept.windows(2) {
            let [from, to] = [points[pair[0]], points[pair[1]]];
            // Rows without a number in between; fewer than the points that are left out would not be seen.
            if curve.rows[pair[1]] - curve.rows[pair[0]] - (pair[1] - pair[0]) >= stride {
                solid.push((f64::NAN, f64::NAN));
                dashed.extend([from, to, (f64::NAN, f64::NAN)]);
            }
            solid.push(to);
        }
        let end = curve.points.last().filter(|_| curve.ends_early() || points.len() == 1).copied();
        let chart = chart.line(curve.name.clone(), ink, solid);
        let chart = if dashed.is_empty() { chart } else { chart.dashed("", ink, dashed) };
        if end.is_some() { chart.dots("", ink, 8.0, end) } else { chart }
    })
}
