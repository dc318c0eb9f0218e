//! Plans as they are seen: as ways, and as mass on its way.

use super::Controls;
use super::course::Course;
use super::made::PIXELS;
use super::marginals::{Ground, Kind, Side};
use super::pair::Pair;
use super::pictures::{SIDES, SOLVERS, SOURCE, TARGET, binned, bins, dots, splat, stairs, ways};
use run::prelude::*;

/// From which place to which, and how much.
type Way = (usize, usize, f64);

impl Pair {
    /// The first solver's plan, with the handle.
    pub(super) fn first_plan(&self, controls: &Controls) -> View {
        self.plan(self.courses.first(), self.handle(controls))
    }

    pub(super) fn second_plan(&self) -> View {
        self.plan(self.courses.get(1), None)
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

    /// The plane with its roads or walls.
    fn ground(&self) -> Chart {
        let (x, y) = self.plane();
        let mut chart = Chart::of(x, y).equal();
        if let (Kind::Graph, Ground::Roads { roads, .. }) = (self.task.kind, &self.task.ground) {
            let node = |k: usize| (self.task.nodes[k][0], self.task.nodes[k][1]);
            let gap = (f64::NAN, f64::NAN);
            chart = chart.line("", Ink::Muted, roads.edges().flat_map(|(a, b, _)| [node(a), node(b), gap]));
        }
        if let Ground::Walls { walls, .. } = &self.task.ground {
            let [(left, right), (bottom, top)] = self.window;
            for (k, [x0, y0, x1, y1]) in walls.boxes().iter().enumerate() {
                let [low, high] = [y0, y1].map(|y| y.clamp(bottom, top));
                let sides = [x0, x1].map(|x| (x.clamp(left, right), low, high));
                chart = chart.band(if k == 0 { "wall" } else { "" }, Ink::Text, sides);
            }
        }
        chart
    }

    pub(super) fn plane(&self) -> (Axis, Axis) {
        let [(x0, x1), (y0, y1)] = self.window;
        let of = self.task.sides[0].d;
        let name = |short: &str, which: &str| {
            if self.task.plane.is_some() { format!("{which} main axis of {of}") } else { short.to_string() }
        };
        (Axis::linear(name("x", "first")).range(x0, x1), Axis::linear(name("y", "second")).range(y0, y1))
    }

    /// Where place i of a side is seen.
    fn at(&self, side: &Side, i: usize) -> (f64, f64) {
        self.task.seen(side.place(i))
    }

    /// The plan of a course.
    fn plan(&self, course: Option<&Course>, handle: Option<Handle>) -> View {
        let [source, target] = &self.task.sides;
        let sketch = course.and_then(|c| c.sketch.as_ref());
        let entries = sketch.map_or(&[][..], |s| s.ways());
        if source.d == 3 {
            return self.in_space(course, entries).into();
        }
        if self.task.kind == Kind::Line {
            return self.on_a_line(course, entries, handle).into();
        }
        if source.d == 0 {
            let rank = |side: &Side, i: usize| 1.0 - (side.index[i] as f64 + 0.5) / side.of as f64;
            let ends = |i: usize, j: usize| [(0.0, rank(source, i)), (1.0, rank(target, j))];
            let x = Axis::linear("rows left, columns right").range(-0.1, 1.1);
            let chart = Chart::of(x, Axis::linear("first at the top").range(0.0, 1.0)).marks(ways(entries, &ends));
            let chart = chart.marks(dots("rows", SOURCE, source, &|i| (0.0, rank(source, i))));
            return chart.marks(dots("columns", TARGET, target, &|j| (1.0, rank(target, j)))).into();
        }
        let mut chart = self.ground();
        if !self.task.winding() {
            chart = chart.marks(ways(entries, &|i, j| [self.at(source, i), self.at(target, j)]));
        } else {
            let node = |k: usize| (self.task.nodes[k][0], self.task.nodes[k][1]);
            let pieces = sketch.map_or(&[][..], |s| s.moving());
            chart = chart.marks(ways(&self.flow(pieces), &|a, b| [node(a), node(b)]));
        }
        if let Some((images, some)) = course.and_then(|course| self.mapped(course)) {
            let d = source.d;
            chart = chart.marks(ways(&some, &|i, _| [self.at(source, i), self.task.seen(&images[d * i..][..d])]));
        }
        for (side, Series { name, ink }) in self.task.sides.iter().zip(SIDES) {
            chart = chart.marks(dots(name, ink, side, &|i| self.at(side, i)));
        }
        Chart { handle, ..chart }.into()
    }

    /// Of a map without a plan: the images of the source's places, and some ways there.
    fn mapped<'a>(&self, course: &'a Course) -> Option<(&'a [f64], Vec<Way>)> {
        let every = self.task.sides[0].len().div_ceil(300);
        let some = (0..self.task.sides[0].len()).step_by(every).map(|i| (i, i, 1.0)).collect();
        (!course.images.is_empty()).then_some((course.images.as_slice(), some))
    }

    /// What is in the middle of space: between the means.
    fn middle(&self) -> [f64; 3] {
        let [source, target] = [0, 1].map(|k| self.task.sides[k].mean());
        [0, 1, 2].map(|k| 0.5 * (source[k] + target[k]))
    }

    fn in_space(&self, course: Option<&Course>, entries: &[(usize, usize, f64)]) -> Space {
        let [source, target] = &self.task.sides;
        let middle = self.middle();
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
        if let Some((images, some)) = course.and_then(|course| self.mapped(course)) {
            segments.extend(some.into_iter().map(|(i, ..)| Segment {
                from: place(source.place(i)),
                to: place(&images[3 * i..3 * i + 3]),
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
        let (low, high) = self.ends();
        let (x, y) = (Axis::linear("x").range(low, high), Axis::linear("source up, target down").range(-0.68, 1.68));
        let mut chart = Chart::of(x, y).marks(ways(entries, &|i, j| [(source.place(i)[0], 1.0), (target.place(j)[0], 0.0)]));
        if let Some((images, some)) = course.and_then(|course| self.mapped(course)) {
            chart = chart.marks(ways(&some, &|i, _| [(source.place(i)[0], 1.0), (images[i], 0.0)]));
        }
        for ((side, Series { name, ink }), (base, sign)) in self.task.sides.iter().zip(SIDES).zip([(1.0, 0.6), (0.0, -0.6)]) {
            let heights = binned(side.places.iter().zip(&side.mass).map(|(x, m)| (*x, *m)), low, high, bins(side));
            let top = heights.iter().fold(0.0, |a: f64, b| a.max(*b)).max(f64::MIN_POSITIVE);
            let outline = || stairs(&heights, low, high).map(|(x, y)| (x, base + sign * y / top));
            let band = outline().map(|(x, y)| if sign > 0.0 { (x, base, y) } else { (x, y, base) });
            chart = chart.band("", ink, band).line(name, ink, outline());
        }
        Chart { handle, ..chart }
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

    /// The mass on its way.
    pub(super) fn between(&self, controls: &Controls) -> View {
        let [source, target] = &self.task.sides;
        let t = controls.time;
        let solved = || {
            let both = self.courses.iter().zip(SOLVERS);
            both.filter(|(course, _)| course.sketch.is_some() || !course.images.is_empty())
        };
        let name = |of: Series| format!("{}, t = {}", of.name, figure(t));
        match self.task.kind {
            Kind::Colours => self.recoloured(),
            Kind::Matrix => self.paid().into(),
            Kind::Line => {
                let (low, high) = self.ends();
                let density = |moved: Vec<(f64, f64)>, n: usize| {
                    let heights = binned(moved.into_iter(), low, high, n);
                    let scale = n as f64 / (high - low);
                    stairs(&heights, low, high).map(|(x, y)| (x, y * scale)).collect::<Vec<_>>()
                };
                let own = |side: &Side| density(side.places.iter().copied().zip(side.mass.iter().copied()).collect(), bins(side));
                let chart = Chart::of(Axis::linear("x").range(low, high), Axis::linear("density"));
                let chart = chart.lines(&SIDES, |k| own(&self.task.sides[k]));
                let n = bins(source).min(bins(target)).min(100);
                let chart = solved().fold(chart, |chart, (course, of)| {
                    let moved = self.at_time(course, t, usize::MAX).into_iter().map(|(x, m)| (x[0], m)).collect();
                    chart.line(name(of), of.ink, density(moved, n))
                });
                chart.into()
            }
            Kind::Picture => {
                let mut values = vec![0.0f32; PIXELS * PIXELS];
                let [(x0, x1), (y0, y1)] = self.window;
                if let Some((course, _)) = solved().next() {
                    for (at, mass) in self.at_time(course, t, 20_000) {
                        splat(&mut values, PIXELS, [(at[0] - x0) / (x1 - x0), (at[1] - y0) / (y1 - y0)], mass as f32);
                    }
                }
                let (x, y) = self.plane();
                HeatMap { x, y, value: Axis::linear("mass"), columns: PIXELS, values, ..HeatMap::default() }.into()
            }
            _ if source.d == 3 => {
                let mut space = self.in_space(None, &[]);
                let middle = self.middle();
                let place = |p: &[f64]| [0, 1, 2].map(|k| (p[k] - middle[k]) as f32);
                for (course, of) in solved() {
                    let at = self.at_time(course, t, 800).iter().map(|(p, _)| place(p)).collect();
                    space.clouds.push(Cloud { name: name(of), ink: of.ink, at, size: 4.0 });
                }
                space.into()
            }
            _ => {
                let mut chart = self.ground();
                for (side, Series { name, ink }) in self.task.sides.iter().zip(SIDES) {
                    let every = side.len().div_ceil(500);
                    chart = chart.dots(name, ink, 2.0, (0..side.len()).step_by(every).map(|i| self.at(side, i)));
                }
                if controls.bridge {
                    chart = chart.marks(self.bridges(controls));
                }
                for (course, of) in solved().collect::<Vec<_>>().into_iter().rev() {
                    let moved = self.at_time(course, t, 700);
                    let size = if moved.len() > 300 { 2.5 } else { 4.5 };
                    chart = chart.dots(name(of), of.ink, size, moved.iter().map(|(p, _)| self.task.seen(p)));
                }
                chart.into()
            }
        }
    }

    /// Some paths of the Schrödinger bridge that the second plan belongs to: ends drawn from the plan, a Brownian bridge between them.
    fn bridges(&self, controls: &Controls) -> Vec<Mark> {
        const STEPS: usize = 40;
        let Some(course) = self.courses.get(1).filter(|c| c.solver.regularised() && !c.plan.is_empty() && !self.task.winding())
        else {
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
                let [from, to] = [self.at(source, *i), self.at(target, *j)].map(|(x, y)| [x, y]);
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
        vec![Mark::line("bridges, second plan", Ink::Series(4), x, y)]
    }

    /// The source in the target's colours.
    fn recoloured(&self) -> View {
        let Some(both) = &self.task.colours else { return View::nothing("no pictures") };
        let (width, height) = both[0].0.shown();
        let mut pixels = both[0].0.bytes(width, height);
        let mut captions = vec!["source".to_string()];
        for (transfer, Series { name, .. }) in self.transfers.iter().zip(SOLVERS) {
            pixels.extend(transfer.picture.bytes(width, height));
            captions.push(if transfer.done() { format!("{name} solver") } else { format!("{name} solver, on its way") });
        }
        pixels.extend(both[1].0.bytes(width, height));
        captions.push("target".into());
        View::Images(Images { width, height, channels: 3, columns: 2, pixels, captions })
    }
}
