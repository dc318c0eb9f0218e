//! What is transported: two measures, drawn, made or dropped, and what moving costs.

use libm::{cos, exp, pow, sin};
use std::f64::consts::{PI, TAU};

use super::colours::{Palette, Picture};
use super::{Controls, Price, Problem, Shape};
use ground::error::{Error, Result};
use ground::random::Random;
use methods::transport::{Roads, Stand, Walls, Ways};
use run::data::{Array, Dataset, Library};

/// Most places on a side.
pub(super) const MOST: usize = 2000;
/// Nodes that a graph of the user's may have.
const NODES: usize = 4000;
/// Half the side of the square in which the pen draws.
pub(super) const REACH: f64 = 2.0;
/// The wall between the two measures, with a gap above the middle and one below it.
const WALL: [[f64; 4]; 3] =
    [[-0.05, f64::NEG_INFINITY, 0.05, -1.15], [-0.05, -0.75, 0.05, 0.5], [-0.05, 0.9, 0.05, f64::INFINITY]];
/// Pixels a side of a measure made a picture, half the side of what they cover, and how far the pen's ink reaches on it.
pub(super) const PIXELS: usize = 24;
pub(super) const PAGE: f64 = 1.1;
const NIB: f64 = 0.08;

/// A measure on points.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// Coordinates a place; 0 if places are only numbered.
    pub d: usize,
    /// The places that have mass.
    pub places: Vec<f64>,
    /// Their masses; positive, sum 1.
    pub mass: Vec<f64>,
    /// Their places in the user's numbering, and how many there are in that.
    pub index: Vec<usize>,
    pub of: usize,
    /// The mass that was given in all.
    pub total: f64,
    /// Were masses given, or only places?
    pub weighed: bool,
    /// The mass of this side as a share of the larger side's, where both were given.
    pub relative: f64,
    /// Their nodes, where moving is along roads.
    pub nodes: Vec<usize>,
}

impl Side {
    /// Of masses ≥ 0 at `places`; those of mass 0 are left out.
    fn new(name: &str, d: usize, places: &[f64], mass: &[f64]) -> Result<Self> {
        if let Some(row) = mass.iter().position(|m| *m < 0.0) {
            return Err(Error::new(format!("{name}: mass {} at place {}: masses must not be negative", mass[row], row + 1)));
        }
        let top = mass.iter().fold(0.0, |a: f64, b| a.max(*b));
        if top == 0.0 {
            return Err(Error::new(format!("{name}: all masses are 0: at least one must be positive")));
        }
        // Over the largest first: the sum of huge masses would be infinite. Less than a rounding of it is none.
        let index: Vec<usize> = (0..mass.len()).filter(|i| mass[*i] / top > 1e-15).collect();
        let scaled: f64 = index.iter().map(|i| mass[*i] / top).sum();
        if index.len() > MOST {
            return Err(Error::new(format!(
                "{name}: {} places have mass; this runs in the browser with at most {MOST}",
                index.len()
            )));
        }
        Ok(Side {
            d,
            places: index.iter().flat_map(|i| &places[i * d..(i + 1) * d]).copied().collect(),
            mass: index.iter().map(|i| mass[*i] / top / scaled).collect(),
            of: mass.len(),
            total: scaled * top,
            weighed: false,
            relative: 1.0,
            index,
            nodes: Vec::new(),
        })
    }

    pub fn len(&self) -> usize {
        self.mass.len()
    }

    pub fn place(&self, i: usize) -> &[f64] {
        &self.places[i * self.d..(i + 1) * self.d]
    }

    fn weighed(self) -> Self {
        Side { weighed: true, ..self }
    }

    /// The masses for plans that need not move everything: the larger side has a sum of 1.
    pub fn relaxed(&self) -> Vec<f64> {
        self.mass.iter().map(|m| m * self.relative).collect()
    }

    /// Weighted mean.
    pub fn mean(&self) -> Vec<f64> {
        (0..self.d).map(|k| (0..self.len()).map(|i| self.mass[i] * self.place(i)[k]).sum()).collect()
    }
}

/// What kind of places they are, which decides the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Points in a plane or in space.
    Cloud,
    /// Cells of a line.
    Line,
    /// Pixels.
    Picture,
    /// Colours.
    Colours,
    /// Nodes of a graph.
    Graph,
    /// Rows and columns of a matrix.
    Matrix,
}

/// What moving costs.
pub(super) enum Ground {
    /// |x − y|^p, or the coordinates' differences summed, to the p.
    Straight { power: f64, manhattan: bool },
    /// The length of the shortest way along roads, to the p.
    Roads { roads: Roads, power: f64 },
    /// The length of the shortest way round walls, to the p, and where the two sides' places stand.
    Walls { walls: Walls, power: f64, stands: [Vec<Stand>; 2] },
    /// Given.
    Given(Vec<f64>),
}

/// Two measures and a cost.
pub(super) struct Task {
    pub kind: Kind,
    pub sides: [Side; 2],
    pub ground: Ground,
    /// Where the nodes are that ways are between: the graph's; or with walls the source's places, the target's, and the corners.
    pub nodes: Vec<[f64; 2]>,
    pub colours: Option<Box<[(Picture, Palette); 2]>>,
    /// The rank of every place along the way from one mean to the other.
    pub ranks: [Vec<u32>; 2],
    /// Brought by the user.
    pub own: bool,
}

impl Task {
    fn new(kind: Kind, [source, target]: [Side; 2], ground: Ground) -> Self {
        Task { kind, sides: [source, target], ground, nodes: Vec::new(), colours: None, ranks: Default::default(), own: false }
    }

    /// The task with walls in its plane.
    fn walled(mut self, walls: &Walls, power: f64) -> Result<Self> {
        if self.sides[0].d != 2 {
            return Err(Error::new("control cost: walls stand in the plane; these places have another number of coordinates"));
        }
        let place = |side: &Side, i: usize| [side.place(i)[0], side.place(i)[1]];
        let stands = [0, 1].map(|k| {
            let side = &self.sides[k];
            (0..side.len()).map(|i| walls.stand(place(side, i))).collect::<Vec<_>>()
        });
        let places = self.sides.iter().flat_map(|side| (0..side.len()).map(move |i| place(side, i)));
        self.nodes = places.chain(walls.corners().iter().copied()).collect();
        self.ground = Ground::Walls { walls: walls.clone(), power, stands };
        Ok(self)
    }

    /// Are ways other than straight lines?
    pub fn winding(&self) -> bool {
        matches!(self.ground, Ground::Roads { .. } | Ground::Walls { .. })
    }
}

/// Costs, filled row by row.
pub(super) struct Costs {
    pub matrix: Vec<f64>,
    pub largest: f64,
    pub least: f64,
    /// The ways from each source place, along roads.
    pub ways: Vec<Vec<u32>>,
    row: usize,
}

impl Costs {
    pub fn new(task: &Task) -> Self {
        Costs {
            matrix: Vec::with_capacity(task.sides[0].len() * task.sides[1].len()),
            largest: 0.0,
            least: 0.0,
            ways: Vec::new(),
            row: 0,
        }
    }

    /// Fills about `entries` entries more; true when all are there.
    pub fn fill(&mut self, task: &Task, entries: usize) -> Result<bool> {
        let [source, target] = &task.sides;
        let row = match &task.ground {
            Ground::Roads { roads, .. } => target.len() + 20 * roads.nodes(),
            Ground::Walls { walls, .. } => target.len() * (4 + 2 * walls.boxes().len() + walls.corners().len()),
            _ => target.len(),
        };
        let rows = (entries / row).max(1);
        for i in self.row..(self.row + rows).min(source.len()) {
            match &task.ground {
                Ground::Given(given) => self.matrix.extend_from_slice(&given[i * target.len()..][..target.len()]),
                Ground::Straight { power, manhattan } => {
                    let x = source.place(i);
                    let price = |j: usize| price(x, target.place(j), *power, *manhattan);
                    self.matrix.extend((0..target.len()).map(price));
                }
                Ground::Roads { roads, power } => {
                    let Ways { distance, before } = roads.from(source.nodes[i]);
                    if let Some(j) = (0..target.len()).find(|j| distance[target.nodes[*j]].is_infinite()) {
                        return Err(Error::new(format!(
                            "no road leads from node {} to node {}: each node with mass must be joined to all others",
                            source.nodes[i], target.nodes[j]
                        )));
                    }
                    let price = |j: usize| raised(distance[target.nodes[j]], *power);
                    self.matrix.extend((0..target.len()).map(price));
                    self.ways.push(before);
                }
                Ground::Walls { walls, power, stands: [from, to] } => {
                    let distances: Vec<f64> = to.iter().map(|to| walls.distance(&from[i], to)).collect();
                    if let Some(j) = distances.iter().position(|d| d.is_infinite()) {
                        return Err(Error::new(format!(
                            "no way leads round the walls from {:?} to {:?}: leave a gap",
                            source.place(i),
                            target.place(j)
                        )));
                    }
                    self.matrix.extend(distances.into_iter().map(|d| raised(d, *power)));
                }
            }
        }
        self.row = (self.row + rows).min(source.len());
        if self.row < source.len() {
            return Ok(false);
        }
        self.largest = self.matrix.iter().fold(0.0, |a: f64, c| a.max(c.abs()));
        self.least = self.matrix.iter().fold(0.0, |a: f64, c| a.min(*c));
        if !self.largest.is_finite() {
            return Err(Error::new(
                "the costs are too large for a double: scale the coordinates, or lower the power".to_string(),
            ));
        }
        Ok(true)
    }

    /// What ε and prices are shares of: the largest cost, or 1 where nothing costs anything.
    pub fn scale(&self) -> f64 {
        if self.largest > 0.0 { self.largest } else { 1.0 }
    }

    /// What errors of a cost are shares of: the cost itself, unless it is next to nothing.
    pub fn unit(&self, cost: f64) -> f64 {
        if self.largest > 0.0 { cost.abs().max(1e-12 * self.largest) } else { 1.0 }
    }

    /// The nodes from place i of the source to place j of the target, both ends included; none where ways are straight or there is none.
    pub fn path(&self, task: &Task, i: usize, j: usize) -> Vec<usize> {
        let [source, target] = &task.sides;
        match &task.ground {
            Ground::Roads { .. } => {
                let before = &self.ways[i];
                let mut path = vec![target.nodes[j]];
                while let Some(node) = path.last().copied().filter(|n| before[*n] as usize != *n) {
                    path.push(before[node] as usize);
                }
                path.reverse();
                path
            }
            Ground::Walls { walls, stands: [from, to], .. } => {
                let corners = source.len() + target.len();
                let bends = walls.path(&from[i], &to[j]).into_iter().map(|c| corners + c);
                [i].into_iter().chain(bends).chain([source.len() + j]).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn raised(distance: f64, p: f64) -> f64 {
    if p == 1.0 {
        distance
    } else if p == 2.0 {
        distance * distance
    } else {
        pow(distance, p)
    }
}

/// The cost of a straight move.
pub(super) fn price(x: &[f64], y: &[f64], p: f64, manhattan: bool) -> f64 {
    if manhattan {
        return raised(x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum(), p);
    }
    let square: f64 = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum();
    if p == 2.0 { square } else { raised(square.sqrt(), p) }
}

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

    fn straight(&self) -> Ground {
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
    fn with_walls(&self, task: Task) -> Result<Task> {
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

    fn line(&self, sides: [Side; 2]) -> Result<Task> {
        self.with_walls(Task::new(Kind::Line, sides, self.straight()))
    }

    /// Two pictures (name, width, height, masses with row 0 at the bottom) as measures on the square of half side 1.1.
    fn pictures(&self, pictures: &[(&str, usize, usize, Vec<f64>)]) -> Result<Task> {
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

    fn colours(&self, pictures: [Picture; 2]) -> Result<Task> {
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

    /// The user's own.
    fn own(&self, library: &Library) -> Result<Task> {
        let arrays = library.own();
        let mut task = match arrays {
            [one] => matrix(one, None)?,
            [a, b] if pixels(a).is_some() && pixels(b).is_some() => {
                if self.problem != Problem::Pictures && (a.shape.len() == 3 || b.shape.len() == 3) {
                    self.colours([Picture::of(a)?, Picture::of(b)?])?
                } else {
                    self.pictures(&[ink(a)?, ink(b)?])?
                }
            }
            [a, b] if heights(a) && heights(b) => {
                let side = |array: &Array| {
                    let n = array.values.len();
                    let places: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect();
                    Ok::<Side, Error>(Side::new(&array.name, 1, &places, &array.values)?.weighed())
                };
                self.line([side(a)?, side(b)?])?
            }
            [a, b] => self.own_clouds(a, b)?,
            [_, _, _] if arrays.iter().any(|a| named(a, &["from", "to"])) => self.own_graph(arrays)?,
            [_, _, _] if arrays.iter().any(|a| named(a, &["x0", "y0", "x1", "y1"])) => self.own_walls(arrays)?,
            [_, _, _] => {
                let cost = arrays.iter().max_by_key(|a| a.values.len()).expect("three");
                let others: Vec<&Array> = arrays.iter().filter(|a| !std::ptr::eq(*a, cost)).collect();
                matrix(cost, Some([others[0], others[1]]))?
            }
            _ => {
                return Err(Error::new(format!(
                    "{} arrays were given: two point clouds, two histograms, two pictures, or a cost matrix (alone or with the two sides' masses) would be right, or two measures beside edges (columns from, to, length) or walls (x0, y0, x1, y1)",
                    arrays.len()
                )));
            }
        };
        task.own = true;
        if task.sides.iter().all(|side| side.weighed) {
            let top = task.sides[0].total.max(task.sides[1].total);
            task.sides.iter_mut().for_each(|side| side.relative = side.total / top);
        }
        Ok(task)
    }

    fn own_clouds(&self, a: &Array, b: &Array) -> Result<Task> {
        let sides = clouds(a, b)?;
        if sides[0].d == 1 {
            return self.line(sides);
        }
        let task = Task::new(Kind::Cloud, sides, self.straight());
        if self.cost != Price::Walls || task.sides[0].d != 2 {
            return self.with_walls(task);
        }
        // As the wall stands between the card's places, so between these: their window's half side is 1.6 there.
        let [x, y] = [0, 1].map(|k| {
            let all = task.sides.iter().flat_map(|side| side.places.iter().skip(k).step_by(2));
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
        });
        let half = 0.5 * (x.1 - x.0).max(y.1 - y.0);
        let scale = if half > 0.0 { half / 1.6 } else { 1.0 };
        let middle = [x, y].map(|(low, high)| 0.5 * low + 0.5 * high);
        let wall = WALL.map(|wall| std::array::from_fn(|k| middle[k % 2] + scale * wall[k]));
        task.walled(&Walls::new(&wall), self.exponent())
    }

    /// Two clouds, and beside them walls.
    fn own_walls(&self, arrays: &[Array]) -> Result<Task> {
        let (walls, [a, b]) = apart(arrays, &["x0", "y0", "x1", "y1"])?;
        let sides = clouds(a, b)?;
        let most = 100;
        if walls.shape[0] > most {
            return Err(Error::new(format!("{}: {} walls; at most {most} are read", walls.name, walls.shape[0])));
        }
        let columns = ["x0", "y0", "x1", "y1"].map(|name| column(walls, name).expect("it is named"));
        let boxes: Vec<[f64; 4]> = walls
            .values
            .chunks_exact(walls.columns.len())
            .map(|row| columns.map(|c| row[c]))
            .map(|[x0, y0, x1, y1]| [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)])
            .collect();
        Task::new(Kind::Cloud, sides, self.straight()).walled(&Walls::new(&boxes), self.exponent())
    }

    /// Two measures on the nodes of a graph, and beside them its edges.
    fn own_graph(&self, arrays: &[Array]) -> Result<Task> {
        let (edges, [a, b]) = apart(arrays, &["from", "to"])?;
        let placed = !(heights(a) && heights(b));
        let mut sides = if placed {
            clouds(a, b)?
        } else {
            [Side::new(&a.name, 0, &[], &a.values)?.weighed(), Side::new(&b.name, 0, &[], &b.values)?.weighed()]
        };
        let nodes = sides[0].of;
        if nodes != sides[1].of || nodes > NODES || placed && sides[0].d != 2 {
            return Err(Error::new(format!(
                "{} has {nodes} rows and {} has {}: both list the same nodes, at most {NODES}, as one column of masses or as x, y and weight",
                a.name, b.name, sides[1].of
            )));
        }
        let [from, to] = ["from", "to"].map(|name| column(edges, name).expect("it is named"));
        let length = column(edges, "length");
        let mut all = Vec::with_capacity(edges.shape[0]);
        for (k, row) in edges.values.chunks_exact(edges.columns.len()).enumerate() {
            let (ends, length) = ([row[from], row[to]], length.map_or(1.0, |l| row[l]));
            if let Some(node) = ends.iter().find(|n| !(0.0..nodes as f64).contains(*n) || n.fract() != 0.0) {
                return Err(Error::new(format!(
                    "{}: node {node} in row {}: nodes are counted from 0 to {}, as the measures' rows",
                    edges.name,
                    k + 1,
                    nodes - 1
                )));
            }
            if !(0.0..1e100).contains(&length) {
                return Err(Error::new(format!(
                    "{}: length {length} in row {}: lengths must not be negative",
                    edges.name,
                    k + 1
                )));
            }
            all.push((ends[0] as usize, ends[1] as usize, length));
        }
        sides.iter_mut().for_each(|side| side.nodes = side.index.clone());
        let ground = Ground::Roads { roads: Roads::new(nodes, &all), power: self.exponent() };
        if !placed {
            return Ok(Task::new(Kind::Matrix, sides, ground));
        }
        let at = |array: &Array| -> Vec<[f64; 2]> {
            let weight = weight(array);
            let columns: Vec<usize> = (0..array.shape[1]).filter(|c| Some(*c) != weight).collect();
            array.values.chunks_exact(array.shape[1]).map(|row| [row[columns[0]], row[columns[1]]]).collect()
        };
        if at(a) != at(b) {
            return Err(Error::new(format!("{} and {} put the nodes in different places: give each node one", a.name, b.name)));
        }
        Ok(Task { nodes: at(a), ..Task::new(Kind::Graph, sides, ground) })
    }
}

/// The array with columns of these names, and the two others in their order.
fn apart<'a>(arrays: &'a [Array], names: &[&str]) -> Result<(&'a Array, [&'a Array; 2])> {
    let (these, others): (Vec<&Array>, Vec<&Array>) = arrays.iter().partition(|a| named(a, names));
    match (&these[..], &others[..]) {
        ([one], [a, b]) => Ok((one, [a, b])),
        _ => {
            Err(Error::new(format!("{} of the three arrays have columns {}; one would be right", these.len(), names.join(", "))))
        }
    }
}

fn column(array: &Array, name: &str) -> Option<usize> {
    array.columns.iter().position(|c| c.trim().eq_ignore_ascii_case(name))
}

/// Has it a column of each of these names?
fn named(array: &Array, names: &[&str]) -> bool {
    array.shape.len() == 2 && names.iter().all(|name| column(array, name).is_some())
}

/// The column of a cloud's masses, if it has one.
fn weight(array: &Array) -> Option<usize> {
    column(array, "weight").or(column(array, "mass"))
}

/// Two clouds of the same number of coordinates.
fn clouds(a: &Array, b: &Array) -> Result<[Side; 2]> {
    let (source, target) = (cloud(a)?, cloud(b)?);
    if source.d != target.d {
        return Err(Error::new(format!(
            "{} has {} coordinate columns but {} has {}: both sides need the same number",
            a.name, source.d, b.name, target.d
        )));
    }
    Ok([source, target])
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

/// Width and height, if the array is a picture: three dimensions of which the last has 1, 3 or 4, or a table too wide for coordinates.
pub(super) fn pixels(array: &Array) -> Option<(usize, usize)> {
    match array.shape[..] {
        [height, width, 1 | 3 | 4] if height > 1 && width > 1 => Some((width, height)),
        [height, width] if width > 4 && height > 1 && array.columns.iter().all(|c| c.trim().parse::<f64>().is_ok()) => {
            Some((width, height))
        }
        _ => None,
    }
}

/// A picture's ink, row 0 at the top: a table's own numbers, and of colours how dark they are.
pub(super) fn darkness(array: &Array) -> Result<(usize, usize, Vec<f64>)> {
    let (width, height) = pixels(array)
        .ok_or_else(|| Error::new(format!("{}: it is no picture; png, jpg or height × width numbers are", array.name)))?;
    if array.shape.len() == 2 {
        return Ok((width, height, array.values.clone()));
    }
    let picture = Picture::of(array)?;
    // As bright as the eye finds red, green and blue.
    let dark = |p: &[f32; 3]| (1.0 - 0.2126 * f64::from(p[0]) - 0.7152 * f64::from(p[1]) - 0.0722 * f64::from(p[2])).max(0.0);
    Ok((width, height, picture.pixels.iter().map(dark).collect()))
}

/// A picture's ink as masses, at most about 44 pixels a side: larger ones are summed up in blocks. Row 0 at the bottom.
fn ink(array: &Array) -> Result<(&str, usize, usize, Vec<f64>)> {
    let (width, height, values) = darkness(array)?;
    let block = width.max(height).div_ceil(44);
    let (w, h) = (width.div_ceil(block), height.div_ceil(block));
    let mut mass = vec![0.0; w * h];
    for (k, value) in values.iter().enumerate() {
        mass[(h - 1 - k / width / block) * w + k % width / block] += value;
    }
    Ok((&array.name, w, h, mass))
}

/// Is it one number a place, with no place given?
fn heights(array: &Array) -> bool {
    let single = array.shape.len() == 1 || array.shape.len() == 2 && array.shape[1] == 1;
    let named = array.columns.first().is_some_and(|c| c.trim().eq_ignore_ascii_case("x"));
    single && !named && array.values.iter().all(|v| *v >= 0.0)
}

/// Points, one a row, and a column `weight` or `mass` if there is one.
pub(super) fn cloud(array: &Array) -> Result<Side> {
    let name = &array.name;
    let (rows, columns) = match array.shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => {
            return Err(Error::new(format!(
                "{name}: a point cloud has one point a row, this array has {} dimensions",
                array.shape.len()
            )));
        }
    };
    let weight = weight(array);
    let d = columns - usize::from(weight.is_some());
    if !(1..=3).contains(&d) {
        return Err(Error::new(format!(
            "{name}: {d} coordinate columns; clouds of one to three (x, y, z) and a column weight are read"
        )));
    }
    let (mut places, mut mass) = (Vec::with_capacity(rows * d), Vec::with_capacity(rows));
    for row in array.values.chunks_exact(columns) {
        places.extend(row.iter().enumerate().filter(|(j, _)| Some(*j) != weight).map(|(_, v)| *v));
        mass.push(weight.map_or(1.0, |w| row[w]));
    }
    let far = places.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    if far > 1e100 {
        return Err(Error::new(format!("{name}: a coordinate of {far:e} is too large: its square must fit a double")));
    }
    Ok(Side { weighed: weight.is_some(), ..Side::new(name, d, &places, &mass)? })
}

/// A cost matrix, with the two sides' masses or with equal ones.
fn matrix(array: &Array, masses: Option<[&Array; 2]>) -> Result<Task> {
    let name = &array.name;
    let &[rows, columns] = &array.shape[..] else {
        return Err(Error::new(format!(
            "{name}: one array alone is read as a cost matrix, which has two dimensions; this one has {}",
            array.shape.len()
        )));
    };
    if masses.is_none() && rows != columns && columns < 5 {
        return Err(Error::new(format!(
            "{name}: {rows} x {columns} is no cost matrix (square, or at least 5 columns); for clouds or histograms drop two files at once, or an npz with two arrays"
        )));
    }
    if rows.max(columns) > MOST {
        return Err(Error::new(format!("{name}: {rows} x {columns} costs; this runs in the browser with at most {MOST} a side")));
    }
    let mut given = [vec![1.0; rows], vec![1.0; columns]];
    let mut names = [name.as_str(), name.as_str()];
    if let Some([a, b]) = masses {
        let flat = |array: &Array| array.shape.iter().filter(|n| **n > 1).count() <= 1;
        if !flat(a) || !flat(b) || (a.values.len(), b.values.len()) != (rows, columns) {
            return Err(Error::new(format!(
                "{name}: {rows} x {columns} costs need {rows} masses for the rows, then {columns} for the columns; {} has {} numbers and {} has {}",
                a.name,
                a.values.len(),
                b.name,
                b.values.len()
            )));
        }
        given = [a.values.clone(), b.values.clone()];
        names = [&a.name, &b.name];
    }
    let side = |k: usize| Ok::<Side, Error>(Side { weighed: masses.is_some(), ..Side::new(names[k], 0, &[], &given[k])? });
    let sides = [side(0)?, side(1)?];
    let [source, target] = &sides;
    let kept = source.index.iter().flat_map(|i| target.index.iter().map(move |j| array.values[i * columns + j])).collect();
    Ok(Task::new(Kind::Matrix, sides, Ground::Given(kept)))
}
