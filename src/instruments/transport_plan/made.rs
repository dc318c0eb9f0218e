//! The measures that are made or drawn here.

use super::colours::{Palette, Picture};
use super::marginals::{Ground, Kind, Side, Task};
use super::{Controls, Price, Problem, Shape};
use libm::{cos, exp, sin};
use methods::transport::{Roads, Walls};
use run::prelude::*;
use std::f64::consts::{PI, TAU};

/// Half the side of the square in which the pen draws.
pub(super) const REACH: f64 = 2.0;
/// The wall between the two measures, with a gap above the middle and one below it.
pub(super) const WALL: [[f64; 4]; 3] =
    [[-0.05, f64::NEG_INFINITY, 0.05, -1.15], [-0.05, -0.75, 0.05, 0.5], [-0.05, 0.9, 0.05, f64::INFINITY]];
/// Pixels a side of a measure made a picture, half the side of what they cover, and how far the pen's ink reaches on it.
pub(super) const PIXELS: usize = 24;
pub(super) const PAGE: f64 = 1.1;
const NIB: f64 = 0.08;

/// A point of a skeleton, and its mass.
type Bone = ([f64; 2], f64);

/// A shape as a skeleton, and how far around it ink reaches.
fn skeleton(shape: Shape, library: &Library) -> Result<(Vec<Bone>, f64)> {
    let even = |points: Vec<[f64; 2]>| points.into_iter().map(|p| (p, 1.0)).collect::<Vec<_>>();
    let along = |n: usize, at: &dyn Fn(f64) -> [f64; 2]| (0..n).map(|k| at((k as f64 + 0.5) / n as f64)).collect::<Vec<_>>();
    Ok(match shape {
        Shape::Blob => (even(vec![[0.0, 0.0]]), 0.32),
        Shape::Two => (even(vec![[0.0, 0.6], [0.0, -0.6]]), 0.17),
        Shape::Ring => (even(along(80, &|t| [0.7 * cos(TAU * t), 0.7 * sin(TAU * t)])), 0.05),
        Shape::Moons => {
            let arc = |sign: f64| move |t: f64| [sign * 0.55 * cos(PI * t) + sign * 0.22, 0.6 * sign * (sin(PI * t) - 0.35)];
            (even([along(40, &arc(1.0)), along(40, &arc(-1.0))].concat()), 0.05)
        }
        Shape::Square => {
            (even((0..144).map(|k| [f64::from(k % 12), f64::from(k / 12)].map(|v| (v - 5.5) / 9.0)).collect()), 0.04)
        }
        Shape::Spiral => {
            let at = |t: f64| [(0.12 + 0.68 * t) * cos(1.6 * TAU * t), (0.12 + 0.68 * t) * sin(1.6 * TAU * t)];
            (even(along(100, &at)), 0.04)
        }
        Shape::Cross => {
            let bar = along(40, &|t| [0.0, 1.5 * t - 0.75]);
            (even(bar.iter().flat_map(|[a, b]| [[*a, *b], [*b, *a]]).collect()), 0.07)
        }
        Shape::Zero | Shape::Three | Shape::Eight => {
            let digit =
                [(Shape::Zero, 0), (Shape::Three, 3), (Shape::Eight, 8)].iter().find(|s| s.0 == shape).expect("a digit").1;
            let pictures = library.pictures(Dataset::Digits)?;
            let which = (0..pictures.len()).find(|i| pictures.labels[*i] == digit).expect("every digit is there");
            let ink = pictures.image(which).iter().enumerate().filter(|(_, ink)| **ink > 0);
            let at = |k: usize| [((k % 8) as f64 - 3.5) * 0.21, (3.5 - (k / 8) as f64) * 0.21];
            (ink.map(|(k, ink)| (at(k), f64::from(*ink))).collect(), 0.07)
        }
    })
}

/// `n` points of a shape.
fn sample(shape: Shape, n: usize, random: &mut Random, library: &Library) -> Result<Vec<[f64; 2]>> {
    let (bones, width) = skeleton(shape, library)?;
    let all: f64 = bones.iter().map(|b| b.1).sum();
    let mut draw = || {
        let mut left = random.uniform() * all;
        let bone = bones.iter().find(|b| {
            left -= b.1;
            left < 0.0
        });
        let at = bone.unwrap_or(&bones[bones.len() - 1]).0;
        [at[0] + width * random.normal(), at[1] + width * random.normal()]
    };
    Ok((0..n).map(|_| draw()).collect())
}

/// The density of a shape, up to a factor.
fn density(bones: &[Bone], width: f64, at: [f64; 2]) -> f64 {
    let scale = 1.0 / (2.0 * width * width);
    bones.iter().map(|([x, y], m)| m * exp(-scale * ((at[0] - x) * (at[0] - x) + (at[1] - y) * (at[1] - y)))).sum()
}

/// A skeleton as masses on pixels of the square of half side [`PAGE`], row 0 at the bottom; faint ones are 0.
fn raster(bones: &[Bone], width: f64, side: usize) -> Vec<f64> {
    let at = |k: usize| PAGE * (2.0 * (k as f64 + 0.5) / side as f64 - 1.0);
    let mut mass: Vec<f64> = (0..side * side).map(|k| density(bones, width, [at(k % side), at(k / side)])).collect();
    let top = mass.iter().fold(0.0, |a: f64, b| a.max(*b));
    mass.iter_mut().for_each(|m| *m = if *m < 0.02 * top { 0.0 } else { *m / top });
    mass
}

/// A density on a line, of the shape of that name, around 0 and about ±1 wide.
fn on_a_line(shape: Shape, s: f64) -> f64 {
    let hump = |at: f64, width: f64| exp(-(s - at) * (s - at) / (2.0 * width * width));
    match shape {
        Shape::Blob => hump(0.0, 0.5),
        Shape::Two => hump(-0.7, 0.2) + 0.7 * hump(0.7, 0.2),
        Shape::Ring => {
            if s.abs() < 1.0 {
                1.0 / (1.05 - s * s).sqrt()
            } else {
                0.0
            }
        }
        Shape::Moons => {
            if s > -1.0 {
                (s + 1.0) * exp(-3.0 * (s + 1.0)) * 4.0
            } else {
                0.0
            }
        }
        Shape::Square => {
            if s.abs() < 0.9 {
                1.0
            } else {
                0.0
            }
        }
        Shape::Spiral => hump(0.0, 0.7) * (1.0 + cos(9.0 * s)),
        Shape::Cross => exp(-4.0 * s.abs()) + if s.abs() < 1.0 { 0.12 } else { 0.0 },
        Shape::Zero => hump(-0.8, 0.15) + hump(0.8, 0.15) + 0.1 * hump(0.0, 0.8),
        Shape::Three => hump(-0.8, 0.12) + hump(0.0, 0.12) + hump(0.8, 0.12),
        Shape::Eight => hump(-0.5, 0.25) + 0.5 * hump(0.1, 0.1) + hump(0.6, 0.2),
    }
}

/// What the pen drew: "x y;x y".
pub(super) fn drawn(name: &str, text: &str) -> Result<Vec<[f64; 2]>> {
    let wrong =
        |part: &str| Error::new(format!("control {name}: '{part}' is no point; points are written 'x y', with ; between them"));
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let numbers: Vec<f64> = part.split_whitespace().map_while(|n| n.parse().ok()).collect();
            match numbers[..] {
                [x, y] if x.abs() <= 1e6 && y.abs() <= 1e6 && part.split_whitespace().count() == 2 => Ok([x, y]),
                _ => Err(wrong(part)),
            }
        })
        .collect()
}

impl Controls {
    /// The exponent of the cost.
    pub(super) fn exponent(&self) -> f64 {
        match self.cost {
            Price::Squared | Price::Walls => 2.0,
            Price::Distance | Price::Manhattan => 1.0,
            Price::Power => self.power,
        }
    }

    /// Moving goes straight.
    pub(super) fn straight(&self) -> Ground {
        Ground::Straight { power: self.exponent(), manhattan: self.cost == Price::Manhattan }
    }

    fn shapes(&self) -> [(Shape, &str, &str); 2] {
        [(self.source, "drawn_source", &self.drawn_source), (self.target, "drawn_target", &self.drawn_target)]
    }

    /// The two measures.
    pub(super) fn task(&self, seed: u64, library: &Library) -> Result<Task> {
        if !library.own().is_empty() {
            return self.own(library);
        }
        match self.problem {
            Problem::Clouds | Problem::Shapes => self.clouds(seed, library),
            Problem::Histograms => self.histograms(),
            Problem::Pictures | Problem::Barycenter => {
                let [source, target] = [0, 1].map(|which| self.ink(which, PIXELS, library));
                self.pictures(&[("source", PIXELS, PIXELS, source?), ("target", PIXELS, PIXELS, target?)])
            }
            Problem::Colours => {
                let pictures = [Picture::dusk(&mut Random::new(seed, "dusk")), Picture::forest(&mut Random::new(seed, "forest"))];
                self.colours(pictures)
            }
            Problem::Graph => self.graph(seed, library),
        }
    }

    /// The ink of a picture: what the pen drew, for the first two, or a shape's.
    pub(super) fn ink(&self, which: usize, side: usize, library: &Library) -> Result<Vec<f64>> {
        if let Some((_, name, text)) = self.shapes().get(which) {
            let points = drawn(name, text)?;
            if !points.is_empty() {
                let bones: Vec<Bone> = points.into_iter().map(|p| (p.map(|v| v.clamp(-PAGE, PAGE)), 1.0)).collect();
                return Ok(raster(&bones, NIB, side));
            }
        }
        let (bones, width) = skeleton([self.source, self.target, self.third, self.fourth][which], library)?;
        Ok(raster(&bones, width.max(0.05), side))
    }

    fn clouds(&self, seed: u64, library: &Library) -> Result<Task> {
        let mut points = Vec::new();
        for (k, (shape, name, text)) in self.shapes().into_iter().enumerate() {
            let by_hand = drawn(name, text)?;
            let mut random = Random::new(seed, if k == 0 { "source" } else { "target" });
            let shift = if k == 0 { [self.shift_x, self.shift_y] } else { [0.9, 0.0] };
            let cloud = if by_hand.is_empty() {
                sample(shape, self.size, &mut random, library)?.iter().map(|[x, y]| [x + shift[0], y + shift[1]]).collect()
            } else {
                by_hand
            };
            points.push(cloud);
        }
        let d = if self.space { 3 } else { 2 };
        let mut sides = Vec::new();
        for (k, cloud) in points.iter().enumerate() {
            // In space the source is a bowl and the target a saddle.
            let lift = |[x, y]: [f64; 2]| if k == 0 { 0.6 * (x * x + y * y) - 0.6 } else { 1.2 * (x - 0.9) * y };
            let places: Vec<f64> = cloud.iter().flat_map(|p| [p[0], p[1], lift(*p)].into_iter().take(d)).collect();
            sides.push(Side::new(["source", "target"][k], d, &places, &vec![1.0; cloud.len()])?);
        }
        let [target, source] = [sides.pop().expect("two"), sides.pop().expect("two")];
        self.with_walls(Task::new(Kind::Cloud, [source, target], self.straight()))
    }

    /// The task with the card's wall, if it is asked for.
    pub(super) fn with_walls(&self, task: Task) -> Result<Task> {
        if self.cost == Price::Walls { task.walled(&Walls::new(&WALL), self.exponent()) } else { Ok(task) }
    }

    fn histograms(&self) -> Result<Task> {
        let n = self.size.max(2);
        let place = |i: usize| (i as f64 + 0.5) / n as f64;
        let mut sides = Vec::new();
        for (k, (shape, name, text)) in self.shapes().into_iter().enumerate() {
            let mut by_hand = drawn(name, text)?;
            by_hand.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let (center, width) = if k == 0 { (center_on_a_line(self.shift_x), 0.16) } else { (0.68, 0.16) };
            let height = |x: f64| {
                if by_hand.is_empty() { on_a_line(shape, (x - center) / width) } else { interpolated(&by_hand, x) }
            };
            let mut mass: Vec<f64> = (0..n).map(|i| height(place(i)).max(0.0)).collect();
            let top = mass.iter().fold(0.0, |a: f64, b| a.max(*b));
            mass.iter_mut().for_each(|m| *m = if *m < 1e-4 * top { 0.0 } else { *m });
            let places: Vec<f64> = (0..n).map(place).collect();
            sides.push(Side::new(if by_hand.is_empty() { ["source", "target"][k] } else { name }, 1, &places, &mass)?);
        }
        let [target, source] = [sides.pop().expect("two"), sides.pop().expect("two")];
        self.line([source, target])
    }

    /// Two measures on a line.
    pub(super) fn line(&self, sides: [Side; 2]) -> Result<Task> {
        self.with_walls(Task::new(Kind::Line, sides, self.straight()))
    }

    /// Two pictures (name, width, height, masses with row 0 at the bottom) as measures on the square of half side 1.1.
    pub(super) fn pictures(&self, pictures: &[(&str, usize, usize, Vec<f64>)]) -> Result<Task> {
        let mut sides = Vec::new();
        for (name, width, height, mass) in pictures {
            let unit = 2.0 * PAGE / (*width).max(*height) as f64;
            let at = |k: usize, n: usize| unit * (k as f64 + 0.5 - 0.5 * n as f64);
            let places: Vec<f64> = (0..mass.len()).flat_map(|k| [at(k % width, *width), at(k / width, *height)]).collect();
            sides.push(Side::new(name, 2, &places, mass)?.weighed());
        }
        let [target, source] = [sides.pop().expect("two"), sides.pop().expect("two")];
        self.with_walls(Task::new(Kind::Picture, [source, target], self.straight()))
    }

    /// Two pictures as the measures of their colours.
    pub(super) fn colours(&self, pictures: [Picture; 2]) -> Result<Task> {
        let both = pictures.map(|picture| {
            let palette = Palette::of(&picture, self.size.max(8));
            (picture, palette)
        });
        let side = |k: usize| {
            let palette = &both[k].1;
            Side::new(["source", "target"][k], 3, &palette.colours, &palette.mass)
        };
        let sides = [side(0)?, side(1)?];
        let task = Task::new(Kind::Colours, sides, self.straight());
        self.with_walls(Task { colours: Some(Box::new(both)), ..task })
    }

    /// A crooked grid of about n nodes with a third of its streets closed; the shapes' densities are the masses.
    fn graph(&self, seed: u64, library: &Library) -> Result<Task> {
        let side = ((self.size as f64).sqrt().ceil() as usize).max(2);
        let mut random = Random::new(seed, "graph");
        let step = 2.0 * 1.7 / (side - 1) as f64;
        let jitter = 0.28 * step;
        let mut nodes = Vec::new();
        for k in 0..side * side {
            let at = |i: usize, random: &mut Random| i as f64 * step - 1.7 + jitter * random.between(-1.0, 1.0);
            nodes.push([at(k % side, &mut random), at(k / side, &mut random)]);
        }
        let mut streets: Vec<(usize, usize)> = (0..side * side)
            .flat_map(|k| [(k % side + 1 < side).then_some((k, k + 1)), (k / side + 1 < side).then_some((k, k + side))])
            .flatten()
            .collect();
        random.shuffle(&mut streets);
        // The streets of a spanning tree stay open, so that every place can be reached.
        let mut root: Vec<usize> = (0..side * side).collect();
        fn find(root: &mut [usize], mut k: usize) -> usize {
            while root[k] != k {
                root[k] = root[root[k]];
                k = root[k];
            }
            k
        }
        let mut edges = Vec::new();
        for (a, b) in streets {
            let (ra, rb) = (find(&mut root, a), find(&mut root, b));
            if ra != rb || random.uniform() > 1.0 / 3.0 {
                root[ra] = rb;
                let (dx, dy) = (nodes[a][0] - nodes[b][0], nodes[a][1] - nodes[b][1]);
                edges.push((a, b, (dx * dx + dy * dy).sqrt()));
            }
        }
        let mut sides = Vec::new();
        for (k, (shape, _, _)) in self.shapes().into_iter().enumerate() {
            let (bones, width) = skeleton(shape, library)?;
            let shift = if k == 0 { [self.shift_x, self.shift_y] } else { [0.9, 0.0] };
            let mut mass: Vec<f64> = nodes
                .iter()
                .map(|[x, y]| density(&bones, width.max(0.6 * step).max(0.08), [x - shift[0], y - shift[1]]))
                .collect();
            let top = mass.iter().fold(0.0, |a: f64, b| a.max(*b));
            mass.iter_mut().for_each(|m| *m = if *m < 0.05 * top { 0.0 } else { *m });
            let mut side = Side::new(["source", "target"][k], 2, &nodes.concat(), &mass)?;
            side.nodes = side.index.clone();
            sides.push(side);
        }
        let [target, source] = [sides.pop().expect("two"), sides.pop().expect("two")];
        let ground = Ground::Roads { roads: Roads::new(nodes.len(), &edges), power: self.exponent() };
        Ok(Task { nodes, ..Task::new(Kind::Graph, [source, target], ground) })
    }
}

/// Where the source's middle stands on a line for a shift.
pub(super) fn center_on_a_line(shift: f64) -> f64 {
    0.3 + 0.1 * (shift + 0.9)
}

/// The shift that puts it there.
pub(super) fn shift_on_a_line(center: f64) -> f64 {
    (center - 0.3) / 0.1 - 0.9
}

/// Linear between points sorted along x, 0 outside them.
fn interpolated(points: &[[f64; 2]], x: f64) -> f64 {
    let after = points.partition_point(|p| p[0] < x);
    match (after.checked_sub(1).map(|k| points[k]), points.get(after)) {
        (Some([x0, y0]), Some([x1, y1])) => y0 + (y1 - y0) * (x - x0) / (x1 - x0).max(f64::MIN_POSITIVE),
        _ => 0.0,
    }
}
