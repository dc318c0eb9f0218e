//! Charts of a run on two measures.

use super::costs::share;
use super::course::{Course, Moment};
use super::pair::{MAP, Pair, TRIED};
use super::pictures::{SIDES, SOLVERS, stairs};
use super::sketch::BINS;
use super::{Controls, Solver};
use ground::controls::Options;
use methods::transport::Worth;
use run::prelude::*;

impl Pair {
    /// How much mass pays how much.
    pub(super) fn paid(&self) -> Chart {
        let (least, largest) = (self.costs.least, self.costs.largest);
        let edges: Vec<f64> = (0..=BINS).map(|k| least + (largest - least) * k as f64 / BINS as f64).collect();
        let chart = Chart::of(Axis::linear("cost of a unit"), Axis::linear("mass that pays it"));
        self.courses.iter().zip(SOLVERS).fold(chart, |chart, (course, Series { name, ink })| match &course.sketch {
            Some(sketch) => chart.histogram(format!("{name} solver"), ink, (edges.clone(), sketch.paid.clone())),
            None => chart,
        })
    }

    pub(super) fn matrix(&self, controls: &Controls) -> View {
        let drawn = self.courses.iter().zip(SOLVERS).find_map(|(course, of)| Some((course.sketch.as_ref()?, of.name)));
        let Some((sketch, solver)) = drawn else {
            return View::nothing("There is no plan yet.");
        };
        let mut value = Axis::linear(format!("mass, {solver} solver"));
        if controls.log_colour {
            let top = f64::from(sketch.blocks.iter().fold(0.0f32, |a, b| a.max(*b)));
            value.scale = Scale::Log;
            value.range = Some((top * 1e-6, top.max(1e-300)));
        }
        let name = |side: &str, n: usize, blocks: usize| {
            if n > blocks { format!("{side}, in {blocks} blocks") } else { side.to_string() }
        };
        View::Matrix(Matrix {
            row: name("from", sketch.leaves.len(), sketch.down),
            column: name("to", sketch.arrives.len(), sketch.across),
            value,
            columns: sketch.across,
            values: sketch.blocks.clone(),
            ..Matrix::default()
        })
    }

    pub(super) fn marginals(&self) -> Chart {
        let [source, target] = &self.task.sides;
        // Masses in order, in blocks, times the number of blocks: 1 on average. The target's stand right of the source's.
        let gathered = |leaves: &[f64], arrives: &[f64]| {
            let mut points = Vec::new();
            for (mass, order, from) in [(leaves, &self.order[0], 0.0), (arrives, &self.order[1], 1.1)] {
                let n = mass.len().min(200);
                let mut heights = vec![0.0; n];
                order.iter().enumerate().for_each(|(k, i)| heights[k * n / mass.len()] += mass[*i] * n as f64);
                points.extend(stairs(&heights, from, from + 1.0).chain([(f64::NAN, f64::NAN)]));
            }
            points
        };
        let asked = gathered(&source.mass, &target.mass);
        let drawn = self.courses.iter().zip(SOLVERS).filter_map(|(course, of)| Some((course.sketch.as_ref()?, of)));
        let moved: Vec<_> = drawn.map(|(sketch, of)| (of, gathered(&sketch.leaves, &sketch.arrives))).collect();
        let heights = moved.iter().flat_map(|(_, points)| points).chain(&asked).map(|(_, y)| *y);
        let top = heights.filter(|y| y.is_finite()).fold(1e-9, f64::max);
        let y = Axis::linear("mass, 1 on average").range(0.0, 1.08 * top);
        let chart = Chart::of(Axis::linear("source, then target"), y);
        let line = |chart: Chart, (of, points): (Series, Vec<_>)| chart.line(format!("{} solver", of.name), of.ink, points);
        moved.into_iter().fold(chart, line).dashed("asked for", Ink::Text, asked)
    }

    pub(super) fn potential(&self) -> View {
        let [source, target] = &self.task.sides;
        if self.potential.len() == MAP * MAP {
            let (x, y) = self.plane();
            return View::HeatMap(HeatMap {
                x,
                y,
                value: Axis::linear("price of leaving"),
                columns: MAP,
                values: self.potential.clone(),
                contours: 14,
                ..HeatMap::default()
            });
        }
        let x = if source.d == 1 { Axis::linear("x") } else { Axis::linear("places in order") };
        let mut chart = Chart::of(x, Axis::linear("price, in cost units"));
        for (k, course) in self.courses.iter().take(2).enumerate() {
            let Some((f, g)) = &course.prices else { continue };
            let shift: f64 = f.iter().zip(&source.mass).map(|(f, m)| f * m).sum();
            let moves = [("leaving", source, f, -1.0), ("arriving", target, g, 1.0)];
            for (((what, side, prices, sign), order), ink) in moves.into_iter().zip(&self.order).zip(SIDES.map(|side| side.ink)) {
                let some = order.iter().enumerate().step_by(order.len().div_ceil(700));
                let place = |k: usize, i: usize| if side.d == 1 { side.place(i)[0] } else { k as f64 / order.len() as f64 };
                let points = some.map(|(k, i)| (place(k, *i), prices[*i] + sign * shift));
                let name = format!("{what}, {} solver", SOLVERS[k].name);
                chart = if k == 0 { chart.line(name, ink, points) } else { chart.dashed(name, ink, points) };
            }
        }
        if !chart.marks.is_empty() {
            return View::Chart(chart);
        }
        let solved = self.courses.len() > 1 && self.courses.iter().all(|course| course.over);
        View::nothing(if solved { "Neither solver has prices." } else { "Not solved yet." })
    }

    pub(super) fn convergence(&self) -> Chart {
        let chart = Chart::of(Axis::log("passes over the costs"), Axis::log("error; gap over the cost"));
        self.courses.iter().zip(SOLVERS).fold(chart, |mut chart, (course, Series { name, ink })| {
            let error = |m: &Moment| (m.passes, if m.error > 0.0 { m.error } else { f64::NAN });
            if course.trace.iter().any(|m| error(m).1.is_finite()) {
                let what = match course.solver {
                    Solver::Sliced => "standard error",
                    Solver::Unbalanced => "change",
                    _ => "marginal error",
                };
                chart = chart.line(format!("{what}, {name}"), ink, course.trace.iter().map(error));
            }
            let gaps = || course.trace.iter().filter(|m| !m.gap.is_nan()).map(|m| (m.passes, m.gap.max(1e-16)));
            if gaps().next().is_some() { chart.dashed(format!("gap, {name}"), ink, gaps()) } else { chart }
        })
    }

    pub(super) fn costs_by_epsilon(&self, controls: &Controls) -> View {
        let ladder = &self.ladder;
        if ladder.epsilons.is_empty() {
            let [rows, columns] = self.task.size();
            let tried = rows * columns <= TRIED;
            return View::nothing(if tried { "The solvers come first." } else { "Only up to 400 places a side." });
        }
        let points = |costs: &[f64]| ladder.epsilons.iter().copied().zip(costs.to_vec()).collect::<Vec<_>>();
        let mut chart = Chart::of(Axis::log("ε / largest cost").range(0.0003, 1.0), Axis::linear("cost"))
            .line("⟨C, P⟩, plan mended", Ink::Series(3), points(&ladder.mended))
            .line("⟨C, P⟩ + ε KL", Ink::Series(4), points(&ladder.regularised));
        if ladder.divergence.iter().all(|d| d.is_finite()) {
            chart = chart.line("Sinkhorn divergence", Ink::Series(5), points(&ladder.divergence));
        }
        chart.at_y("W", self.exact().map_or(f64::NAN, |exact| exact.primal)).at_x("ε", controls.epsilon).into()
    }

    pub(super) fn readings(&self, controls: &Controls) -> Table {
        let [source, target] = &self.task.sides;
        let both: Vec<&Course> = self.courses.iter().take(2).collect();
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut row = |name: &str, value: &dyn Fn(&Course) -> f64| {
            let values: Vec<f64> = both.iter().map(|c| value(c)).collect();
            if values.iter().any(|v| !v.is_nan()) {
                let cell = |v: &f64| if v.is_nan() { Cell::Text("–".into()) } else { Cell::Number(*v) };
                rows.push([Cell::Text(name.into())].into_iter().chain(values.iter().map(cell)).collect());
            }
        };
        let worth = |c: &Course, f: &dyn Fn(Worth) -> f64| c.worth.map_or(f64::NAN, f);
        let balanced = |c: &Course, f: &dyn Fn(Worth) -> f64| if c.solver.balanced() { worth(c, f) } else { f64::NAN };
        row("⟨C, P⟩ as it is: no bound", &|c| worth(c, &|w| w.cost));
        row("W is at most: plan mended", &|c| balanced(c, &|w| w.primal));
        row("W is at least: by prices or slices", &|c| balanced(c, &|w| w.dual));
        row("gap between the two", &|c| balanced(c, &|w| w.gap));
        row("gap, relative", &|c| balanced(c, &|w| share(w.gap, w.primal)));
        row("its own problem: at most", &|c| c.own.map_or(f64::NAN, |o| o.0));
        row("its own problem: at least", &|c| c.own.map_or(f64::NAN, |o| o.1));
        row("marginal error", &|c| worth(c, &|w| w.marginal_error));
        row("mass moved", &|c| worth(c, &|w| if w.mass > 0.0 { w.mass } else { f64::NAN }));
        row("entropy of the plan", &|c| worth(c, &|w| if w.entries > 0 { w.entropy } else { f64::NAN }));
        row("entries (above 10⁻⁶ of the top)", &|c| worth(c, &|w| if w.entries > 0 { w.entries as f64 } else { f64::NAN }));
        row("prices exceeded costs by", &|c| {
            worth(c, &|w| if w.excess.is_finite() && w.entries > 0 { w.excess } else { f64::NAN })
        });
        row("sliced W₂², mean over lines", &|c| c.slices.map_or(f64::NAN, |s| s[0].0));
        row("standard error of that mean", &|c| c.slices.map_or(f64::NAN, |s| s[0].1));
        row("sliced W₂², with a control variate", &|c| c.slices.map_or(f64::NAN, |s| s[1].0));
        row("standard error with the control variate", &|c| c.slices.map_or(f64::NAN, |s| s[1].1));
        row("iterations", &|c| c.iterations as f64);
        row("work, in passes over the costs", &|c| c.trace.last().map_or(f64::NAN, |m| m.passes));
        let mut plain =
            |name: &str, value: f64| rows.push(vec![Cell::Text(name.into()), Cell::Number(value), Cell::Text(String::new())]);
        if let Some(exact) = self.courses.get(2).and_then(|c| c.worth) {
            plain("exact W, found beside", exact.primal);
        }
        if !self.courses.is_empty() {
            plain("largest cost", self.costs.largest);
            plain("ε, in units of the cost", controls.epsilon * self.costs.scale());
        }
        for (name, side) in [("source", source), ("target", target)] {
            plain(&format!("places of the {name} with mass"), side.len() as f64);
            if side.of > side.len() {
                plain(&format!("places of the {name} without mass, left out"), (side.of - side.len()) as f64);
            }
            if self.task.own {
                plain(&format!("mass of the {name} as given; divided by it"), side.total);
                if side.relative < 1.0 {
                    plain(&format!("  for relaxed plans the {name} has"), side.relative);
                }
            }
        }
        let words = |c: Option<&&Course>| match c {
            Some(c) => c.trouble.unwrap_or(if c.over { "done" } else { "at work" }),
            None => "waits for the costs",
        };
        rows.insert(
            0,
            vec![Cell::Text("state".into()), Cell::Text(words(both.first()).into()), Cell::Text(words(both.get(1)).into())],
        );
        Table { columns: vec!["reading".into(), controls.solver.name().into(), controls.beside.name().into()], rows }
    }
}
