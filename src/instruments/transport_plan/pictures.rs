//! What is seen of a run on two measures.

use super::course::Course;
use super::measures::{Ground, Kind, PAGE, PIXELS, REACH, Side, center_on_a_line, drawn, shift_on_a_line};
use super::pair::{MAP, Pair, Stage};
use super::sketch::BINS;
use super::{Controls, Pen, Problem};
use ground::random::Random;
use ground::view::{Axis, Cell, Chart, Cloud, Handle, HeatMap, Images, Ink, Mark, Matrix, Scale, Segment, Space, Table, View};
use methods::transport::Worth;

pub(super) const SOURCE: Ink = Ink::Series(0);
pub(super) const TARGET: Ink = Ink::Series(1);
const FIRST: Ink = Ink::Series(2);
const SECOND: Ink = Ink::Series(3);
/// Instead of a picture, why there is none.
pub(super) fn nothing(why: &str) -> View {
    View::Table(Table { columns: vec!["nothing to show".into()], rows: vec![vec![Cell::Text(why.into())]] })
}

fn written(points: &[[f64; 2]]) -> String {
    let round = |v: f64| (v * 100.0).round() / 100.0;
    points.iter().map(|[x, y]| format!("{} {}", round(*x), round(*y))).collect::<Vec<_>>().join(";")
}

/// The controls after the handle of the first picture was dragged to `at`.
pub(super) fn dragged(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
    let mut moved = controls.clone();
    let round = |v: f64, most: f64| ((v * 100.0).round() / 100.0).clamp(-most, most);
    match controls.problem {
        Problem::Barycenter => {
            (moved.weight_x, moved.weight_y) = (round(at.0, 1.0), round(at.1, 1.0));
            return Some(moved);
        }
        Problem::Colours => return None,
        Problem::Pictures if controls.pen == Pen::Move => return None,
        _ => {}
    }
    let line = controls.problem == Problem::Histograms;
    if controls.pen == Pen::Move {
        if line {
            moved.shift_x = round(shift_on_a_line(at.0), 1.9);
        } else {
            (moved.shift_x, moved.shift_y) = (round(at.0, 1.9), round(at.1, 1.9));
        }
        return Some(moved);
    }
    // On a line the upper half belongs to the source.
    let source = if line { at.1 > 0.5 } else { controls.pen == Pen::Source };
    let place = if line {
        [at.0.clamp(0.0, 1.0), (if source { at.1 - 1.0 } else { -at.1 }).clamp(0.0, 0.6) / 0.6]
    } else {
        let reach = if controls.problem == Problem::Pictures { PAGE } else { REACH };
        [at.0.clamp(-reach, reach), at.1.clamp(-reach, reach)]
    };
    let mut texts = [&mut moved.drawn_source, &mut moved.drawn_target];
    for (k, text) in texts.iter_mut().enumerate() {
        let mut points = drawn("", text).ok()?;
        let near =
            |p: &[f64; 2], far: f64| (p[0] - place[0]) * (p[0] - place[0]) + (p[1] - place[1]) * (p[1] - place[1]) < far * far;
        if controls.pen == Pen::Erase {
            points.retain(|p| !near(p, 0.2));
        } else if (k == 0) == source {
            if line {
                points.retain(|p| (p[0] - place[0]).abs() >= 0.015);
                points.push(place);
            } else if !points.last().is_some_and(|p| near(p, 0.05)) {
                points.push(place);
            }
        }
        let writing = written(&points);
        if writing.len() <= 6000 {
            **text = writing;
        }
    }
    Some(moved)
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

impl Pair {
    /// View `which` of the card.
    pub(super) fn picture(&self, which: usize, controls: &Controls) -> View {
        match which {
            0 => self.plan(self.courses.first(), controls, true),
            1 => self.plan(self.courses.get(1), controls, false),
            2 => self.between(controls),
            3 => self.matrix(controls),
            4 => View::Chart(self.marginals()),
            5 => self.potential(),
            6 => View::Chart(self.convergence()),
            7 => self.epsilons(controls),
            _ => View::Table(self.readings(controls)),
        }
    }

    fn handle(&self, controls: &Controls) -> Option<Handle> {
        let drawn_on = self.task.kind == Kind::Picture && controls.pen != Pen::Move;
        if self.task.own || !drawn_on && !matches!(self.task.kind, Kind::Cloud | Kind::Line | Kind::Graph) {
            return None;
        }
        let line = self.task.kind == Kind::Line;
        let middle = if line { (center_on_a_line(controls.shift_x), 1.0) } else { (controls.shift_x, controls.shift_y) };
        let (name, at) = match controls.pen {
            Pen::Move => ("source", middle),
            Pen::Source | Pen::Target | Pen::Erase => {
                let target = controls.pen == Pen::Target;
                let text = if target { &controls.drawn_target } else { &controls.drawn_source };
                let last = drawn("", text).unwrap_or_default().last().map(|p| (p[0], p[1]));
                let at = match last {
                    Some((x, y)) if line => (x, if target { -0.6 * y } else { 1.0 + 0.6 * y }),
                    Some(at) => at,
                    None => {
                        if line {
                            (0.1, if target { -0.1 } else { 1.1 })
                        } else if drawn_on {
                            (0.0, 0.0)
                        } else if target {
                            (0.9, 0.0)
                        } else {
                            middle
                        }
                    }
                };
                (if controls.pen == Pen::Erase { "eraser" } else { "pen" }, at)
            }
        };
        Some(Handle { name: name.into(), at })
    }

    /// Mass on every stretch of road that the plan uses.
    fn flow(&self, entries: &[(usize, usize, f64)]) -> Vec<(usize, usize, f64)> {
        let mut stretches: Vec<(usize, usize, f64)> = Vec::new();
        for (i, j, mass) in entries {
            let path = self.costs.path(&self.task, *i, *j);
            stretches.extend(path.windows(2).map(|e| (e[0].min(e[1]), e[0].max(e[1]), *mass)));
        }
        stretches.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut merged: Vec<(usize, usize, f64)> = Vec::new();
        for (a, b, mass) in stretches {
            match merged.last_mut() {
                Some(last) if (last.0, last.1) == (a, b) => last.2 += mass,
                _ => merged.push((a, b, mass)),
            }
        }
        merged
    }

    fn ground_marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        if let (Kind::Graph, Ground::Roads { roads, .. }) = (self.task.kind, &self.task.ground) {
            let (mut x, mut y) = (Vec::new(), Vec::new());
            for (a, b, _) in roads.edges() {
                let (p, q) = (self.task.nodes[a], self.task.nodes[b]);
                x.extend([p[0], q[0], f64::NAN]);
                y.extend([p[1], q[1], f64::NAN]);
            }
            marks.push(Mark::line("", Ink::Muted, x, y));
        }
        if let Ground::Walls { walls, .. } = &self.task.ground {
            let [(left, right), (bottom, top)] = self.window;
            for (k, [x0, y0, x1, y1]) in walls.boxes().iter().enumerate() {
                let x = vec![x0.clamp(left, right), x1.clamp(left, right)];
                let [low, high] = [y0, y1].map(|y| vec![y.clamp(bottom, top); 2]);
                let name = if k == 0 { "wall" } else { "" };
                marks.push(Mark::Band { name: name.into(), ink: Ink::Text, x, low, high });
            }
        }
        marks
    }

    fn plane(&self) -> (Axis, Axis) {
        let [(x0, x1), (y0, y1)] = self.window;
        (Axis::linear("x").range(x0, x1), Axis::linear("y").range(y0, y1))
    }

    fn plan(&self, course: Option<&Course>, controls: &Controls, first: bool) -> View {
        let [source, target] = &self.task.sides;
        let sketch = course.and_then(|c| c.sketch.as_ref());
        let entries = sketch.map_or(&[][..], |s| s.ways());
        let handle = if first { self.handle(controls) } else { None };
        if source.d == 3 {
            return View::Space(self.in_space(course, entries));
        }
        if self.task.kind == Kind::Line {
            return View::Chart(self.on_a_line(course, entries, handle));
        }
        if source.d == 0 {
            let rank = |side: &Side, i: usize| 1.0 - (side.index[i] as f64 + 0.5) / side.of as f64;
            let ends = |i: usize, j: usize| [(0.0, rank(source, i)), (1.0, rank(target, j))];
            let mut marks = ways(entries, &ends);
            marks.extend(dots("rows", SOURCE, source, &|i| (0.0, rank(source, i))));
            marks.extend(dots("columns", TARGET, target, &|j| (1.0, rank(target, j))));
            let (x, y) =
                (Axis::linear("rows left, columns right").range(-0.1, 1.1), Axis::linear("first at the top").range(0.0, 1.0));
            return View::Chart(Chart { x, y, marks, ..Chart::default() });
        }
        let place = |side: &Side, i: usize| (side.place(i)[0], side.place(i)[1]);
        let mut marks = self.ground_marks();
        if !self.task.winding() {
            marks.extend(ways(entries, &|i, j| [place(source, i), place(target, j)]));
        } else {
            let node = |k: usize| (self.task.nodes[k][0], self.task.nodes[k][1]);
            let pieces = sketch.map_or(&[][..], |s| s.moving());
            marks.extend(ways(&self.flow(pieces), &|a, b| [node(a), node(b)]));
        }
        if let Some(course) = course.filter(|c| !c.images.is_empty()) {
            let every = source.len().div_ceil(300);
            let some: Vec<(usize, usize, f64)> = (0..source.len()).step_by(every).map(|i| (i, i, 1.0)).collect();
            let image = |i: usize| (course.images[2 * i], course.images[2 * i + 1]);
            marks.extend(ways(&some, &|i, _| [place(source, i), image(i)]));
        }
        marks.extend(dots("source", SOURCE, source, &|i| place(source, i)));
        marks.extend(dots("target", TARGET, target, &|j| place(target, j)));
        let (x, y) = self.plane();
        View::Chart(Chart { x, y, marks, equal: true, handle })
    }

    fn in_space(&self, course: Option<&Course>, entries: &[(usize, usize, f64)]) -> Space {
        let [source, target] = &self.task.sides;
        let middle: Vec<f64> = (0..3).map(|k| 0.5 * (source.mean()[k] + target.mean()[k])).collect();
        let place = |p: &[f64]| [0, 1, 2].map(|k| (p[k] - middle[k]) as f32);
        let cloud = |name: &str, ink: Ink, side: &Side| {
            let every = side.len().div_ceil(1000);
            let at = (0..side.len()).step_by(every).map(|i| place(side.place(i))).collect();
            Cloud { name: name.into(), ink, at, size: if side.len() > 300 { 3.0 } else { 5.0 } }
        };
        let top = entries.iter().fold(0.0, |a: f64, e| a.max(e.2));
        let shade = |mass: f64| Ink::Ramp((0.1 + 0.75 * mass / top) as f32);
        let mut segments: Vec<Segment> = entries
            .iter()
            .map(|(i, j, mass)| Segment {
                from: place(source.place(*i)),
                to: place(target.place(*j)),
                ink: shade(*mass),
                dashed: false,
                arrow: false,
            })
            .collect();
        if let Some(course) = course.filter(|c| !c.images.is_empty()) {
            let every = source.len().div_ceil(300);
            segments.extend((0..source.len()).step_by(every).map(|i| Segment {
                from: place(source.place(i)),
                to: place(&course.images[3 * i..3 * i + 3]),
                ink: Ink::Ramp(0.6),
                dashed: true,
                arrow: false,
            }));
        }
        let far = |side: &Side| side.places.chunks_exact(3).flat_map(place).fold(0.0f32, |a, v| a.max(v.abs()));
        let colours = self.task.kind == Kind::Colours;
        let axes = if colours { ["red", "green", "blue"] } else { ["x", "y", "z"] }.map(String::from);
        let clouds = vec![cloud("source", SOURCE, source), cloud("target", TARGET, target)];
        Space { axes, clouds, segments, reach: far(source).max(far(target)).max(1e-6) * 1.05 }
    }

    fn ends(&self) -> (f64, f64) {
        let all = self.task.sides.iter().flat_map(|s| &s.places);
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        if !self.task.own {
            (0.0, 1.0)
        } else if high > low {
            (low, high)
        } else {
            (low - 0.5, low + 0.5)
        }
    }

    fn on_a_line(&self, course: Option<&Course>, entries: &[(usize, usize, f64)], handle: Option<Handle>) -> Chart {
        let [source, target] = &self.task.sides;
        let mut marks = ways(entries, &|i, j| [(source.place(i)[0], 1.0), (target.place(j)[0], 0.0)]);
        if let Some(course) = course.filter(|c| !c.images.is_empty()) {
            let every = source.len().div_ceil(300);
            let some: Vec<(usize, usize, f64)> = (0..source.len()).step_by(every).map(|i| (i, i, 1.0)).collect();
            marks.extend(ways(&some, &|i, _| [(source.place(i)[0], 1.0), (course.images[i], 0.0)]));
        }
        let (low, high) = self.ends();
        for (name, ink, side, base, sign) in [("source", SOURCE, source, 1.0, 0.6), ("target", TARGET, target, 0.0, -0.6)] {
            let heights = binned(side.places.iter().zip(&side.mass).map(|(x, m)| (*x, *m)), low, high, bins(side));
            let top = heights.iter().fold(0.0, |a: f64, b| a.max(*b)).max(f64::MIN_POSITIVE);
            let (x, y): (Vec<f64>, Vec<f64>) = stairs(&heights, low, high).map(|(x, y)| (x, base + sign * y / top)).unzip();
            let flat = vec![base; x.len()];
            let (low, high) = if sign > 0.0 { (flat, y.clone()) } else { (y.clone(), flat) };
            marks.push(Mark::Band { name: String::new(), ink, x: x.clone(), low, high });
            marks.push(Mark::line(name, ink, x, y));
        }
        let x = Axis::linear("x").range(low, high);
        let y = Axis::linear("source above, target below").range(-0.68, 1.68);
        Chart { x, y, marks, equal: false, handle }
    }

    /// Where mass from i to j is at time t.
    fn on_its_way(&self, i: usize, j: usize, t: f64) -> Vec<f64> {
        let [source, target] = &self.task.sides;
        let straight = |x: &[f64], y: &[f64], t: f64| x.iter().zip(y).map(|(x, y)| (1.0 - t) * x + t * y).collect::<Vec<f64>>();
        let nodes = self.costs.path(&self.task, i, j);
        let mut path: Vec<Vec<f64>> = nodes.iter().map(|k| self.task.nodes[*k].to_vec()).collect();
        if path.len() <= 1 {
            return straight(source.place(i), target.place(j), t);
        }
        let last = path.len() - 1;
        (path[0], path[last]) = (source.place(i).to_vec(), target.place(j).to_vec());
        let length = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        let all: f64 = path.windows(2).map(|e| length(&e[0], &e[1])).sum();
        let mut left = t * all;
        for e in path.windows(2) {
            let here = length(&e[0], &e[1]);
            if left <= here {
                return straight(&e[0], &e[1], if here > 0.0 { left / here } else { 0.0 });
            }
            left -= here;
        }
        path.pop().expect("it has a last node")
    }

    /// The mass of a course at time t: places and masses.
    fn at_time(&self, course: &Course, t: f64, most: usize) -> Vec<(Vec<f64>, f64)> {
        let source = &self.task.sides[0];
        if !course.images.is_empty() {
            let image = |i: usize| &course.images[i * source.d..(i + 1) * source.d];
            let at = |i: usize| source.place(i).iter().zip(image(i)).map(|(x, y)| (1.0 - t) * x + t * y).collect();
            return (0..source.len()).map(|i| (at(i), source.mass[i])).collect();
        }
        let Some(sketch) = &course.sketch else { return Vec::new() };
        let pieces = if sketch.moving().len() > most { sketch.ways() } else { sketch.moving() };
        pieces.iter().map(|(i, j, m)| (self.on_its_way(*i, *j, t), *m)).collect()
    }

    fn between(&self, controls: &Controls) -> View {
        let [source, target] = &self.task.sides;
        let t = controls.time;
        let solved: Vec<(&Course, &str, Ink)> = self
            .courses
            .iter()
            .zip([("first", FIRST), ("second", SECOND)])
            .filter(|(c, _)| c.sketch.is_some() || !c.images.is_empty())
            .map(|(c, (name, ink))| (c, name, ink))
            .collect();
        match self.task.kind {
            Kind::Colours => self.coloured(),
            Kind::Matrix => View::Chart(self.paid()),
            Kind::Line => {
                let (low, high) = self.ends();
                let density = |moved: Vec<(f64, f64)>, n: usize| {
                    let heights = binned(moved.into_iter(), low, high, n);
                    let scale = n as f64 / (high - low);
                    stairs(&heights, low, high).map(|(x, y)| (x, y * scale)).unzip::<f64, f64, Vec<f64>, Vec<f64>>()
                };
                let own = |side: &Side| side.places.iter().copied().zip(side.mass.iter().copied()).collect::<Vec<_>>();
                let mut marks = Vec::new();
                for (name, ink, side) in [("source", SOURCE, source), ("target", TARGET, target)] {
                    let (x, y) = density(own(side), bins(side));
                    marks.push(Mark::line(name, ink, x, y));
                }
                for (course, name, ink) in solved {
                    let moved = self.at_time(course, t, usize::MAX).into_iter().map(|(x, m)| (x[0], m)).collect();
                    let (x, y) = density(moved, bins(source).min(bins(target)).min(100));
                    marks.push(Mark::line(format!("{name}, t = {t}"), ink, x, y));
                }
                View::Chart(Chart {
                    x: Axis::linear("x").range(low, high),
                    y: Axis::linear("density"),
                    marks,
                    ..Chart::default()
                })
            }
            Kind::Picture => {
                let mut values = vec![0.0f32; PIXELS * PIXELS];
                let [(x0, x1), (y0, y1)] = self.window;
                if let Some((course, ..)) = solved.first() {
                    for (at, mass) in self.at_time(course, t, 20_000) {
                        splat(&mut values, PIXELS, [(at[0] - x0) / (x1 - x0), (at[1] - y0) / (y1 - y0)], mass as f32);
                    }
                }
                let (x, y) = self.plane();
                View::HeatMap(HeatMap { x, y, value: Axis::linear("mass"), columns: PIXELS, values, ..HeatMap::default() })
            }
            _ if source.d == 3 => {
                let mut space = self.in_space(None, &[]);
                let middle: Vec<f64> = (0..3).map(|k| 0.5 * (source.mean()[k] + target.mean()[k])).collect();
                for (course, name, ink) in solved {
                    let at =
                        self.at_time(course, t, 800).iter().map(|(p, _)| [0, 1, 2].map(|k| (p[k] - middle[k]) as f32)).collect();
                    space.clouds.push(Cloud { name: name.into(), ink, at, size: 4.0 });
                }
                View::Space(space)
            }
            _ => {
                let mut marks = self.ground_marks();
                let faint = |side: &Side| -> (Vec<f64>, Vec<f64>) {
                    let every = side.len().div_ceil(500);
                    (0..side.len()).step_by(every).map(|i| (side.place(i)[0], side.place(i)[1])).unzip()
                };
                for (name, ink, side) in [("source", SOURCE, source), ("target", TARGET, target)] {
                    let (x, y) = faint(side);
                    marks.push(Mark::points(name, ink, x, y, 2.0));
                }
                if controls.bridge {
                    marks.extend(self.bridges(controls));
                }
                for (course, name, ink) in solved.iter().rev() {
                    let moved = self.at_time(course, t, 700);
                    let (x, y) = moved.iter().map(|(p, _)| (p[0], p[1])).unzip();
                    marks.push(Mark::points(format!("{name}, t = {t}"), *ink, x, y, if moved.len() > 300 { 2.5 } else { 4.5 }));
                }
                let (x, y) = self.plane();
                View::Chart(Chart { x, y, marks, equal: true, handle: None })
            }
        }
    }

    /// Some paths of the Schrödinger bridge that the second plan belongs to: ends drawn from the plan, a Brownian bridge between them.
    fn bridges(&self, controls: &Controls) -> Vec<Mark> {
        const STEPS: usize = 40;
        let Some(course) = self.courses.get(1).filter(|c| c.regularised() && !c.plan.is_empty() && !self.task.winding()) else {
            return Vec::new();
        };
        let [source, target] = &self.task.sides;
        // Cost |x − y|² and ε belong to a noise of variance ε/2 a unit of time.
        let spread = (0.5 * controls.epsilon * self.costs.scale() / STEPS as f64).sqrt();
        let mut random = Random::new(0, "bridges");
        let pieces = course.sketch.as_ref().map_or(&[][..], |s| s.moving());
        let mass: f64 = pieces.iter().map(|p| p.2).sum();
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let mut goals: Vec<f64> = (0..24).map(|_| mass * random.uniform()).collect();
        goals.sort_by(f64::total_cmp);
        let (mut sum, mut next) = (0.0, 0);
        for (i, j, p) in pieces {
            sum += p;
            while next < goals.len() && goals[next] < sum {
                let (from, to) = (source.place(*i), target.place(*j));
                let walk = |random: &mut Random| {
                    let mut at = vec![0.0];
                    for _ in 0..STEPS {
                        at.push(at[at.len() - 1] + spread * random.normal());
                    }
                    at
                };
                let walks = [walk(&mut random), walk(&mut random)];
                for step in 0..=STEPS {
                    let t = step as f64 / STEPS as f64;
                    let at = |c: usize| (1.0 - t) * from[c] + t * to[c] + walks[c][step] - t * walks[c][STEPS];
                    x.push(at(0));
                    y.push(at(1));
                }
                x.push(f64::NAN);
                y.push(f64::NAN);
                next += 1;
            }
        }
        vec![Mark::line("bridges of the second plan", Ink::Series(4), x, y)]
    }

    fn coloured(&self) -> View {
        let Some(both) = &self.task.colours else { return nothing("no pictures") };
        let (width, height) = both[0].0.shown();
        let mut pixels = both[0].0.bytes(width, height);
        let mut captions = vec!["source".to_string()];
        for (transfer, name) in self.transfers.iter().zip(["first solver", "second solver"]) {
            pixels.extend(transfer.picture.bytes(width, height));
            captions.push(if transfer.done() { name.to_string() } else { format!("{name}, on its way") });
        }
        pixels.extend(both[1].0.bytes(width, height));
        captions.push("target".into());
        View::Images(Images { width, height, channels: 3, columns: 2, pixels, captions })
    }

    /// How much mass pays how much.
    fn paid(&self) -> Chart {
        let (least, largest) = (self.costs.least, self.costs.largest);
        let edges: Vec<f64> = (0..=BINS).map(|k| least + (largest - least) * k as f64 / BINS as f64).collect();
        let mut marks = Vec::new();
        for (course, (name, ink)) in self.courses.iter().zip([("first solver", FIRST), ("second solver", SECOND)]) {
            if let Some(sketch) = &course.sketch {
                marks.push(Mark::Histogram { name: name.into(), ink, edges: edges.clone(), y: sketch.paid.clone() });
            }
        }
        Chart { x: Axis::linear("cost of a unit"), y: Axis::linear("mass that pays it"), marks, ..Chart::default() }
    }

    fn matrix(&self, controls: &Controls) -> View {
        let drawn = self.courses.iter().take(2).zip(["first", "second"]).find_map(|(c, name)| Some((c.sketch.as_ref()?, name)));
        let Some((sketch, solver)) = drawn else {
            return nothing("There is no plan yet.");
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
            names: Vec::new(),
            outlined: Vec::new(),
        })
    }

    fn marginals(&self) -> Chart {
        let [source, target] = &self.task.sides;
        // Masses in order, in blocks, times the number of blocks: 1 on average. The target's stand right of the source's.
        let gathered = |leaves: &[f64], arrives: &[f64]| -> (Vec<f64>, Vec<f64>) {
            let (mut x, mut y) = (Vec::new(), Vec::new());
            for (mass, order, from) in [(leaves, &self.order[0], 0.0), (arrives, &self.order[1], 1.1)] {
                let n = mass.len().min(200);
                let mut heights = vec![0.0; n];
                order.iter().enumerate().for_each(|(k, i)| heights[k * n / mass.len()] += mass[*i] * n as f64);
                for (at, height) in stairs(&heights, from, from + 1.0).chain([(f64::NAN, f64::NAN)]) {
                    x.push(at);
                    y.push(height);
                }
            }
            (x, y)
        };
        let mut lines = Vec::new();
        for (course, (name, ink)) in self.courses.iter().take(2).zip([("first solver", FIRST), ("second solver", SECOND)]) {
            if let Some(sketch) = &course.sketch {
                lines.push((name, ink, false, gathered(&sketch.leaves, &sketch.arrives)));
            }
        }
        lines.push(("asked for", Ink::Text, true, gathered(&source.mass, &target.mass)));
        let top = lines.iter().flat_map(|l| &l.3.1).filter(|y| y.is_finite()).fold(1e-9, |a: f64, b| a.max(*b));
        let marks =
            lines.into_iter().map(|(name, ink, dashed, (x, y))| Mark::Line { name: name.into(), ink, x, y, dashed }).collect();
        Chart {
            x: Axis::linear("in order: source to 1, target from 1.1"),
            y: Axis::linear("mass, 1 on average").range(0.0, 1.08 * top),
            marks,
            ..Chart::default()
        }
    }

    fn potential(&self) -> View {
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
        let mut marks = Vec::new();
        for (course, (name, dashed)) in self.courses.iter().take(2).zip([("first solver", false), ("second solver", true)]) {
            let Some((f, g)) = &course.prices else { continue };
            let shift: f64 = f.iter().zip(&source.mass).map(|(f, m)| f * m).sum();
            for (what, ink, side, order, prices, sign) in
                [("leaving", SOURCE, source, &self.order[0], f, -1.0), ("arriving", TARGET, target, &self.order[1], g, 1.0)]
            {
                let every = order.len().div_ceil(700);
                let some = order.iter().enumerate().step_by(every);
                let place = |k: usize, i: usize| if side.d == 1 { side.place(i)[0] } else { k as f64 / order.len() as f64 };
                let (x, y) = some.map(|(k, i)| (place(k, *i), prices[*i] + sign * shift)).unzip();
                marks.push(Mark::Line { name: format!("{what}, {name}"), ink, x, y, dashed });
            }
        }
        if marks.is_empty() {
            let why = if self.stage < Stage::Exact { "Not solved yet." } else { "Neither solver has prices." };
            return nothing(why);
        }
        let x = if source.d == 1 { Axis::linear("x") } else { Axis::linear("places in order") };
        View::Chart(Chart { x, y: Axis::linear("price, in units of the cost"), marks, ..Chart::default() })
    }

    fn convergence(&self) -> Chart {
        let mut marks = Vec::new();
        for (course, (name, ink)) in self.courses.iter().take(2).zip([("first", FIRST), ("second", SECOND)]) {
            let error = |m: &super::course::Moment| (m.passes, if m.error > 0.0 { m.error } else { f64::NAN });
            let (x, y): (Vec<f64>, Vec<f64>) = course.trace.iter().map(error).unzip();
            if y.iter().any(|y| y.is_finite()) {
                let what = match course.solver {
                    super::Solver::Sliced => "relative standard error",
                    super::Solver::Unbalanced => "change",
                    _ => "marginal error",
                };
                marks.push(Mark::line(format!("{what}, {name}"), ink, x, y));
            }
            let gaps = course.trace.iter().filter(|m| !m.gap.is_nan()).map(|m| (m.passes, m.gap.max(1e-16)));
            let (x, y): (Vec<f64>, Vec<f64>) = gaps.unzip();
            if !x.is_empty() {
                marks.push(Mark::dashed(format!("gap, {name}"), ink, x, y));
            }
        }
        Chart {
            x: Axis::log("work, in passes over the costs"),
            y: Axis::log("error; gap over the cost"),
            marks,
            ..Chart::default()
        }
    }

    fn epsilons(&self, controls: &Controls) -> View {
        let ladder = &self.ladder;
        if ladder.epsilons.is_empty() {
            let why = if self.stage < Stage::Epsilon { "The solvers come first." } else { "Only up to 400 places a side." };
            return nothing(why);
        }
        let mut marks = vec![
            Mark::line("⟨C, P⟩, plan mended", Ink::Series(3), ladder.epsilons.clone(), ladder.mended.clone()),
            Mark::line("⟨C, P⟩ + ε KL", Ink::Series(4), ladder.epsilons.clone(), ladder.regularised.clone()),
        ];
        if ladder.divergence.iter().all(|d| d.is_finite()) {
            marks.push(Mark::line("Sinkhorn divergence", Ink::Series(5), ladder.epsilons.clone(), ladder.divergence.clone()));
        }
        if let Some(exact) = self.exact() {
            marks.push(Mark::at_y("W", exact.primal));
        }
        marks.push(Mark::at_x("ε", controls.epsilon));
        View::Chart(Chart {
            x: Axis::log("ε, as a share of the largest cost").range(0.0003, 1.0),
            y: Axis::linear("cost"),
            marks,
            ..Chart::default()
        })
    }

    fn readings(&self, controls: &Controls) -> Table {
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
        row("gap, relative", &|c| balanced(c, &|w| if w.gap == 0.0 { 0.0 } else { w.gap / self.costs.unit(w.primal) }));
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
        row("  its standard error", &|c| c.slices.map_or(f64::NAN, |s| s[0].1));
        row("sliced W₂², with a control variate", &|c| c.slices.map_or(f64::NAN, |s| s[1].0));
        row("  its standard error", &|c| c.slices.map_or(f64::NAN, |s| s[1].1));
        row("iterations", &|c| c.iterations as f64);
        row("work, in passes over the costs", &|c| c.trace.last().map_or(f64::NAN, |m| m.passes));
        let mut plain =
            |name: &str, value: f64| rows.push(vec![Cell::Text(name.into()), Cell::Number(value), Cell::Text(String::new())]);
        if let Some(exact) = self.courses.get(2).and_then(|c| c.worth) {
            plain("exact W, found beside", exact.primal);
        }
        if self.stage != Stage::Costs {
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
        let name = |s: super::Solver| <super::Solver as ground::controls::Options>::NAMES[s as usize].to_string();
        Table { columns: vec!["reading".into(), name(controls.solver), name(controls.beside)], rows }
    }
}

/// Bins of a measure on a line.
fn bins(side: &Side) -> usize {
    side.of.clamp(2, 200)
}

/// Masses in `n` bins, each shared between the two nearest.
fn binned(masses: impl Iterator<Item = (f64, f64)>, low: f64, high: f64, n: usize) -> Vec<f64> {
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
fn stairs(heights: &[f64], low: f64, high: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
    let edge = move |k: usize| low + (high - low) * k as f64 / heights.len() as f64;
    heights.iter().enumerate().flat_map(move |(k, y)| [(edge(k), *y), (edge(k + 1), *y)])
}

/// Adds mass at a place of the unit square, shared between the four nearest cells.
fn splat(values: &mut [f32], side: usize, at: [f64; 2], mass: f32) {
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
