//! What is not between two measures in one place: barycenters of several, and shapes matched by their inner distances.

use super::measures::{Side, cloud, darkness, pixels};
use super::pictures::{SOURCE, TARGET, nothing, ways};
use super::{Controls, Shape};
use ground::controls::Options;
use ground::error::{Error, Result};
use ground::view::{Axis, Cell, Chart, Handle, HeatMap, Images, Ink, Mark, Matrix, Table, View};
use methods::transport::{Barycenter, GromovWasserstein, NetworkSimplex, entropy, marginal_error, squared_distances};
use run::data::{Array, Library};

/// Pixels a side of measures that are averaged.
const PIXELS: usize = 32;

/// A barycenter on its way.
pub(super) struct Middle {
    names: Vec<String>,
    /// The square that the grid covers, x and y, and whether it is that of clouds.
    window: [(f64, f64); 2],
    clouds: bool,
    measures: Vec<Vec<f64>>,
    weights: Vec<f64>,
    solver: Barycenter,
    errors: Vec<f64>,
    epsilon: f64,
}

/// The places of K measures in the weights' picture.
fn corners(k: usize) -> Vec<(f64, f64)> {
    match k {
        2 => vec![(-1.0, 0.0), (1.0, 0.0)],
        3 => vec![(-1.0, -0.8), (1.0, -0.8), (0.0, 0.9)],
        _ => vec![(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
    }
}

/// The weights of a place.
fn weights(k: usize, (x, y): (f64, f64)) -> Vec<f64> {
    let (x, y) = (x.clamp(-1.0, 1.0), y.clamp(-1.0, 1.0));
    let raw = match k {
        2 => vec![1.0 - x, 1.0 + x],
        3 => {
            let top = (y + 0.8) / 1.7;
            let right = 0.5 * (1.0 - top + x);
            vec![1.0 - top - right, right, top]
        }
        _ => vec![(1.0 - x) * (1.0 - y), (1.0 + x) * (1.0 - y), (1.0 + x) * (1.0 + y), (1.0 - x) * (1.0 + y)],
    };
    let positive: Vec<f64> = raw.into_iter().map(|w| w.max(0.0)).collect();
    let sum: f64 = positive.iter().sum();
    positive.into_iter().map(|w| w / sum).collect()
}

impl Middle {
    const STEPS: usize = 1500;
    const ARRIVED: f64 = 1e-7;

    pub fn new(controls: &Controls, library: &Library) -> Result<Self> {
        let (mut names, mut measures) = (Vec::new(), Vec::new());
        let (mut window, mut clouds) = ([(-1.1, 1.1); 2], false);
        if library.own().is_empty() {
            let shapes = [controls.source, controls.target, controls.third, controls.fourth];
            let drawn = [&controls.drawn_source, &controls.drawn_target];
            for (k, shape) in shapes.into_iter().take(controls.measures).enumerate() {
                let by_hand = drawn.get(k).is_some_and(|text| !text.is_empty());
                names.push(if by_hand { "drawn".to_string() } else { Shape::NAMES[shape.index()].to_string() });
                measures.push(controls.ink(k, PIXELS, library)?);
            }
        } else {
            let own = library.own();
            if !(2..=4).contains(&own.len()) {
                return Err(Error::new(format!(
                    "{} arrays were given; a barycenter is of two to four pictures, or of two to four clouds in the plane",
                    own.len()
                )));
            }
            names.extend(own.iter().map(|array| array.name.chars().take(24).collect()));
            clouds = own.iter().all(|array| pixels(array).is_none());
            if clouds {
                let sides = own.iter().map(planar).collect::<Result<Vec<Side>>>()?;
                window = around(&sides);
                measures.extend(sides.iter().map(|side| gathered(side, window)));
            } else {
                for array in own {
                    measures.push(fitted(array)?);
                }
            }
        }
        for measure in &mut measures {
            // Logarithms are taken of them: a little everywhere.
            let sum: f64 = measure.iter().sum();
            let floor = 1e-7 / measure.len() as f64;
            measure.iter_mut().for_each(|m| *m = (*m / sum + floor) / (1.0 + 1e-7));
        }
        let weights = weights(measures.len(), (controls.weight_x, controls.weight_y));
        let largest = 2.0 * ((PIXELS - 1) * (PIXELS - 1)) as f64;
        let epsilon = controls.epsilon.max(5e-4) * largest;
        let solver = Barycenter::on_grid(PIXELS, &measures, &weights, 1.0 / epsilon);
        Ok(Middle { names, window, clouds, measures, weights, solver, errors: Vec::new(), epsilon })
    }

    /// One slice; true at the end.
    pub fn step(&mut self) -> bool {
        for _ in 0..2 {
            if !self.over() {
                self.errors.push(self.solver.step());
            }
        }
        self.over()
    }

    /// Σ |b − aₖ|.
    #[cfg(test)]
    pub fn off(&self, k: usize) -> f64 {
        self.solver.measure().iter().zip(&self.measures[k]).map(|(b, a)| (b - a).abs()).sum()
    }

    fn over(&self) -> bool {
        self.errors.len() >= Self::STEPS || self.errors.last().is_some_and(|e| *e < Self::ARRIVED)
    }

    fn map(&self, values: Vec<f32>, label: &str) -> View {
        View::HeatMap(HeatMap {
            x: Axis::linear("x").range(self.window[0].0, self.window[0].1),
            y: Axis::linear("y").range(self.window[1].0, self.window[1].1),
            value: Axis::linear(label),
            columns: PIXELS,
            values,
            ..HeatMap::default()
        })
    }

    /// The middle of cell k.
    fn place(&self, k: usize) -> [f64; 2] {
        let at = |v: usize, (low, high): (f64, f64)| low + (high - low) * (v as f64 + 0.5) / PIXELS as f64;
        [at(k % PIXELS, self.window[0]), at(k / PIXELS, self.window[1])]
    }

    pub fn picture(&self, which: usize, controls: &Controls) -> View {
        match which {
            0 => {
                let corners = corners(self.names.len());
                let closed = corners.iter().chain(corners.first());
                let (x, y): (Vec<f64>, Vec<f64>) = closed.copied().unzip();
                let mut marks = vec![Mark::line("", Ink::Muted, x, y)];
                for (k, ((name, at), weight)) in self.names.iter().zip(&corners).zip(&self.weights).enumerate() {
                    let away = if at.1 > 0.0 { 0.14 } else { -0.14 };
                    let text = format!("{name} {:.0} %", 100.0 * weight);
                    marks.push(Mark::points("", Ink::Series(k as u8), vec![at.0], vec![at.1], 9.0));
                    marks.push(Mark::Label { text, at: (0.8 * at.0, at.1 + away), ink: Ink::Text });
                }
                let handle = Some(Handle { name: "weights".into(), at: (controls.weight_x, controls.weight_y) });
                let axis = |name: &str| Axis::linear(name).range(-1.3, 1.3);
                let x = axis("weights, across: the nearer to a corner, the more of its measure");
                View::Chart(Chart { x, y: axis("weights, upwards"), marks, equal: true, handle })
            }
            1 => self.map(self.solver.measure().iter().map(|b| *b as f32).collect(), "mass"),
            2 => {
                let middle = self.solver.measure();
                let plain: Vec<f64> =
                    (0..middle.len()).map(|i| self.measures.iter().zip(&self.weights).map(|(m, w)| w * m[i]).sum()).collect();
                let named = [("barycenter", &middle), ("mean of the masses", &plain)];
                let all: Vec<(&str, &Vec<f64>)> =
                    self.names.iter().map(String::as_str).zip(&self.measures).chain(named).collect();
                let ink = |m: &Vec<f64>| {
                    let top = m.iter().fold(0.0, |a: f64, b| a.max(*b));
                    let at = |k: usize| m[(PIXELS - 1 - k / PIXELS) * PIXELS + k % PIXELS];
                    (0..m.len()).map(|k| (255.0 * at(k) / top) as u8).collect::<Vec<u8>>()
                };
                View::Images(Images {
                    width: PIXELS,
                    height: PIXELS,
                    channels: 1,
                    columns: all.len().div_ceil(2).max(2),
                    pixels: all.iter().flat_map(|(_, m)| ink(m)).collect(),
                    captions: all.iter().map(|(name, _)| (*name).to_string()).collect(),
                })
            }
            4 => {
                let profile = |m: &[f64]| -> Vec<f64> { (0..PIXELS).map(|c| m.iter().skip(c).step_by(PIXELS).sum()).collect() };
                let x: Vec<f64> = (0..PIXELS).map(|c| self.place(c)[0]).collect();
                let mut marks: Vec<Mark> = (self.names.iter().zip(&self.measures).enumerate())
                    .map(|(k, (name, m))| Mark::line(name.clone(), Ink::Series(k as u8), x.clone(), profile(m)))
                    .collect();
                marks.push(Mark::dashed("barycenter", Ink::Text, x.clone(), profile(&self.solver.measure())));
                View::Chart(Chart { x: Axis::linear("x"), y: Axis::linear("mass of a column"), marks, ..Chart::default() })
            }
            5 => self
                .map(self.solver.prices(0).iter().map(|u| (u * self.epsilon) as f32).collect(), "price of leaving for the first"),
            6 => {
                let (x, y) = self.errors.iter().enumerate().map(|(k, e)| ((k + 1) as f64, e.max(1e-17))).unzip();
                let marks = vec![Mark::line("", Ink::Series(0), x, y)];
                View::Chart(Chart {
                    x: Axis::log("step"),
                    y: Axis::log("plans' ends off the barycenter"),
                    marks,
                    ..Chart::default()
                })
            }
            8 => {
                let b = self.solver.measure();
                let at = |k: usize| self.place(k);
                let variance = |m: &[f64]| {
                    let mean = |c: usize| m.iter().enumerate().map(|(k, m)| m * at(k)[c]).sum::<f64>();
                    let center = [mean(0), mean(1)];
                    m.iter()
                        .enumerate()
                        .map(|(k, m)| m * (0..2).map(|c| (at(k)[c] - center[c]) * (at(k)[c] - center[c])).sum::<f64>())
                        .sum::<f64>()
                };
                let mut rows = vec![
                    vec![Cell::Text("steps".into()), Cell::Number(self.errors.len() as f64)],
                    vec![
                        Cell::Text("ends off the barycenter".into()),
                        Cell::Number(self.errors.last().copied().unwrap_or(f64::NAN)),
                    ],
                    vec![Cell::Text("ε, in squared pixels".into()), Cell::Number(self.epsilon)],
                    vec![Cell::Text("entropy of the barycenter".into()), Cell::Number(entropy(&b))],
                    vec![Cell::Text("variance of the barycenter, blur of ε included".into()), Cell::Number(variance(&b))],
                ];
                for (name, measure) in self.names.iter().zip(&self.measures) {
                    rows.push(vec![Cell::Text(format!("variance of {name}")), Cell::Number(variance(measure))]);
                }
                rows.retain(|r| !matches!(r[1], Cell::Number(v) if v.is_nan()));
                View::Table(Table { columns: vec!["reading".into(), "value".into()], rows })
            }
            3 => nothing("A barycenter has a plan for each measure."),
            _ => nothing("Move ε and watch the blur."),
        }
    }

    pub fn results(&self) -> Vec<Array> {
        let array =
            |name: &str, values: Vec<f64>| Array { name: name.into(), shape: vec![PIXELS, PIXELS], values, columns: Vec::new() };
        let middle = self.solver.measure();
        let top = middle.iter().fold(0.0, |a: f64, b| a.max(*b));
        let cells = (0..middle.len()).filter(|k| self.clouds && middle[*k] > 1e-6 * top);
        let values: Vec<f64> = cells.flat_map(|k| [self.place(k)[0], self.place(k)[1], middle[k]]).collect();
        let mut arrays = vec![array("barycenter", middle)];
        if self.clouds {
            let columns = ["x", "y", "weight"].map(String::from).to_vec();
            arrays.push(Array { name: "barycenter-points".into(), shape: vec![values.len() / 3, 3], values, columns });
        }
        arrays
    }
}

/// A cloud in the plane.
fn planar(array: &Array) -> Result<Side> {
    let side = cloud(array)?;
    if side.d == 2 {
        return Ok(side);
    }
    Err(Error::new(format!(
        "{}: {} coordinate columns; a barycenter is of pictures, or of clouds in the plane (x, y and, if you like, weight)",
        array.name, side.d
    )))
}

/// The square around some clouds, with room for half a cell.
fn around(sides: &[Side]) -> [(f64, f64); 2] {
    let ends = [0, 1].map(|k| {
        let all = sides.iter().flat_map(|side| side.places.iter().skip(k).step_by(2));
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
    });
    let widest = ends.iter().fold(0.0, |a: f64, (low, high)| a.max(high - low));
    let half = if widest > 0.0 { 0.55 * widest } else { 1.0 };
    ends.map(|(low, high)| 0.5 * low + 0.5 * high).map(|middle| (middle - half, middle + half))
}

/// A cloud's masses on the grid, each shared between the four cells whose middles are around it, so that its mean stays where it is.
fn gathered(side: &Side, window: [(f64, f64); 2]) -> Vec<f64> {
    let mut mass = vec![0.0; PIXELS * PIXELS];
    for (i, m) in side.mass.iter().enumerate() {
        let at = |k: usize| {
            let (low, high) = window[k];
            let at = ((side.place(i)[k] - low) / (high - low) * PIXELS as f64 - 0.5).clamp(0.0, (PIXELS - 1) as f64);
            let cell = (at as usize).min(PIXELS - 2);
            (cell, at - cell as f64)
        };
        let ((x, across), (y, up)) = (at(0), at(1));
        for (cell, share) in [(0, 1.0 - across), (1, across)] {
            mass[y * PIXELS + x + cell] += m * share * (1.0 - up);
            mass[(y + 1) * PIXELS + x + cell] += m * share * up;
        }
    }
    mass
}

/// A picture of the user's as masses on the grid, row 0 at the bottom.
fn fitted(array: &Array) -> Result<Vec<f64>> {
    let wrong =
        |what: &str| Error::new(format!("{}: {what}; a barycenter is of pictures: height × width, not negative", array.name));
    let (width, height, values) = darkness(array)?;
    if values.iter().any(|v| *v < 0.0) || !values.iter().any(|v| *v > 0.0) {
        return Err(wrong("it has a negative mass, or none at all"));
    }
    let (side, top) = (width.max(height), values.iter().fold(0.0, |a: f64, b| a.max(*b)));
    // In the middle of a square; each pixel is shared between the cells that it covers, as it covers them.
    let (left, below) = ((side - width) as f64 / 2.0, (side - height) as f64 / 2.0);
    let covered = |from: f64| {
        let scale = PIXELS as f64 / side as f64;
        let (low, high) = (from * scale, (from + 1.0) * scale);
        let cells = low as usize..(high.ceil() as usize).min(PIXELS);
        cells.map(move |cell| (cell, (high.min(cell as f64 + 1.0) - low.max(cell as f64)).max(0.0)))
    };
    let mut mass = vec![0.0; PIXELS * PIXELS];
    for (k, v) in values.iter().enumerate().filter(|(_, v)| **v > 0.0) {
        for (y, down) in covered(below + (height - 1 - k / width) as f64) {
            for (x, across) in covered(left + (k % width) as f64) {
                mass[y * PIXELS + x] += v / top * down * across;
            }
        }
    }
    Ok(mass)
}

/// Two shapes matched by their inner distances.
pub(super) struct Shapes {
    sides: [Side; 2],
    /// How many places each side has in all.
    all: [usize; 2],
    solver: GromovWasserstein,
    /// The ordinary plan between them as they lie.
    simplex: NetworkSimplex,
    placed: bool,
    epsilon: f64,
    wanted: f64,
    changes: Vec<f64>,
    costs: Vec<f64>,
    here: usize,
    /// ε and the cost at which the plan settled there.
    ladder: (Vec<f64>, Vec<f64>),
    over: bool,
}

impl Shapes {
    /// Most places a side, and the first ε.
    const MOST: usize = 110;
    const START: f64 = 0.1;
    const SWEEPS: usize = 200;
    const STEPS: usize = 400;

    pub fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let task = controls.task(seed, library)?;
        if task.sides[0].d < 2 {
            return Err(Error::new("control problem: shapes are clouds of two or three coordinates".to_string()));
        }
        let all = [0, 1].map(|k| task.sides[k].len());
        let mut sides = task.sides.map(shortened);
        if !task.own && sides[1].d == 2 {
            // Turned, so that places do not give the answer away.
            let mean = sides[1].mean();
            let (cos, sin) = (libm::cos(2.0), libm::sin(2.0));
            for p in sides[1].places.chunks_exact_mut(2) {
                let (x, y) = (p[0] - mean[0], p[1] - mean[1]);
                (p[0], p[1]) = (mean[0] + cos * x - sin * y, mean[1] + sin * x + cos * y);
            }
        }
        let inner = |side: &Side| -> Vec<f64> {
            squared_distances(&side.places, &side.places, side.d).into_iter().map(f64::sqrt).collect()
        };
        let (mut a, mut b) = (inner(&sides[0]), inner(&sides[1]));
        let top = a.iter().chain(&b).fold(0.0, |m: f64, d| m.max(*d)).max(f64::MIN_POSITIVE);
        a.iter_mut().chain(&mut b).for_each(|d| *d /= top);
        let wanted = controls.epsilon.min(Self::START);
        let solver = GromovWasserstein::new(&a, &b, &sides[0].mass, &sides[1].mass, 1.0 / Self::START);
        let cost = squared_distances(&sides[0].places, &sides[1].places, sides[0].d);
        let simplex = NetworkSimplex::new(&cost, &sides[0].mass, &sides[1].mass);
        Ok(Shapes {
            sides,
            all,
            solver,
            simplex,
            placed: false,
            epsilon: Self::START,
            wanted,
            changes: Vec::new(),
            costs: Vec::new(),
            here: 0,
            ladder: Default::default(),
            over: false,
        })
    }

    /// One slice; true at the end.
    pub fn step(&mut self) -> bool {
        if !self.placed {
            self.placed = self.simplex.advance(1e6);
            return false;
        }
        let (n, m) = (self.sides[0].len(), self.sides[1].len());
        let sweeps = (600_000 / (n * m)).max(1);
        if let Some(change) = self.solver.advance(sweeps, Self::SWEEPS, 1e-7) {
            self.changes.push(change);
            self.costs.push(self.solver.cost());
            self.here += 1;
            let settled = change < 1e-7 || self.here >= 30;
            if settled && self.epsilon <= self.wanted {
                self.over = change < 1e-7 || self.here >= 100;
            } else if settled || self.epsilon > self.wanted && self.here >= 6 {
                self.note();
                self.epsilon = (0.6 * self.epsilon).max(self.wanted);
                self.solver.set_inverse_temperature(1.0 / self.epsilon);
                self.here = 0;
            }
            self.over |= self.changes.len() >= Self::STEPS;
            if self.over {
                self.note();
            }
        }
        self.over
    }

    fn note(&mut self) {
        self.ladder.0.push(self.epsilon);
        self.ladder.1.extend(self.costs.last());
    }

    /// How often each inner distance occurs.
    fn distances(&self) -> Chart {
        const BINS: usize = 24;
        let edges: Vec<f64> = (0..=BINS).map(|k| k as f64 / BINS as f64).collect();
        let marks = [("source", SOURCE, 0), ("target", TARGET, 1)].map(|(name, ink, which)| {
            let mass = &self.sides[which].mass;
            let mut y = vec![0.0; BINS];
            for (k, d) in self.solver.distances(which).iter().enumerate() {
                y[((d * BINS as f64) as usize).min(BINS - 1)] += mass[k / mass.len()] * mass[k % mass.len()];
            }
            let (x, y) = edges.windows(2).zip(&y).flat_map(|(e, y)| [(e[0], *y), (e[1], *y)]).unzip();
            Mark::line(name, ink, x, y)
        });
        let x = Axis::linear("inner distance, as a share of the largest").range(0.0, 1.0);
        Chart { x, y: Axis::linear("share of pairs"), marks: marks.to_vec(), ..Chart::default() }
    }

    /// Places of a side, coloured by `shade` in 0..=1.
    fn shaded(&self, which: usize, shade: &[f64], size: f64) -> Vec<Mark> {
        let side = &self.sides[which];
        let bin = |i: usize| ((shade[i] * 8.0) as usize).min(7);
        (0..8)
            .filter_map(|k| {
                let (x, y): (Vec<f64>, Vec<f64>) =
                    (0..side.len()).filter(|i| bin(*i) == k).map(|i| (side.place(i)[0], side.place(i)[1])).unzip();
                (!x.is_empty()).then(|| Mark::points("", Ink::Ramp((k as f32 + 0.5) / 8.0), x, y, size))
            })
            .collect()
    }

    fn entries(&self, most: usize) -> Vec<(usize, usize, f64)> {
        let columns = self.sides[1].len();
        let top = self.solver.plan.iter().fold(0.0, |a: f64, b| a.max(*b));
        let mut entries: Vec<(usize, usize, f64)> = (self.solver.plan.iter().enumerate())
            .filter(|(_, p)| **p > 0.1 * top)
            .map(|(k, p)| (k / columns, k % columns, *p))
            .collect();
        entries.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
        entries.truncate(most);
        entries
    }

    /// Places of the source along its height, and what arrives of that at each place of the target.
    fn shades(&self) -> [Vec<f64>; 2] {
        let source = &self.sides[0];
        let y: Vec<f64> = (0..source.len()).map(|i| source.place(i)[1]).collect();
        let (low, high) = y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let from: Vec<f64> = y.iter().map(|v| (v - low) / (high - low).max(1e-12)).collect();
        let columns = self.sides[1].len();
        let (mut sum, mut all) = (vec![0.0; columns], vec![1e-300; columns]);
        for (row, shade) in self.solver.plan.chunks_exact(columns).zip(&from) {
            for (j, p) in row.iter().enumerate() {
                sum[j] += p * shade;
                all[j] += p;
            }
        }
        [from, sum.iter().zip(&all).map(|(s, a)| s / a).collect()]
    }

    fn chart(&self, mut marks: Vec<Mark>) -> View {
        let [from, to] = self.shades();
        marks.extend(self.shaded(0, &from, 7.0));
        marks.extend(self.shaded(1, &to, 7.0));
        View::Chart(Chart { x: self.axis(), y: Axis::linear("y"), marks, equal: true, handle: None })
    }

    /// Across; where places are left out, it says so.
    fn axis(&self) -> Axis {
        let of = |k: usize| match (self.sides[k].len(), self.all[k]) {
            (some, all) if some < all => Some(format!("{some} of the {}'s {all} places", ["source", "target"][k])),
            _ => None,
        };
        let parts: Vec<String> = [of(0), of(1)].into_iter().flatten().collect();
        Axis::linear(if parts.is_empty() { "x".to_string() } else { format!("x; {}", parts.join(", ")) })
    }

    pub fn picture(&self, which: usize, controls: &Controls) -> View {
        let [source, target] = &self.sides;
        let place = |side: &Side, i: usize| (side.place(i)[0], side.place(i)[1]);
        let ends = |i: usize, j: usize| [place(source, i), place(target, j)];
        match which {
            0 => self.chart(ways(&self.entries(60), &ends)),
            1 => {
                let entries: Vec<(usize, usize, f64)> =
                    self.simplex.entries().iter().map(|e| (e.row, e.column, e.mass)).collect();
                let mut marks = ways(&entries, &ends);
                for (name, ink, side) in [("source", SOURCE, source), ("target", TARGET, target)] {
                    let (x, y) = (0..side.len()).map(|i| place(side, i)).unzip();
                    marks.push(Mark::points(name, ink, x, y, 6.0));
                }
                View::Chart(Chart { x: self.axis(), y: Axis::linear("y"), marks, equal: true, handle: None })
            }
            2 => {
                let columns = target.len();
                let image = |i: usize| {
                    let row = &self.solver.plan[i * columns..][..columns];
                    let mass: f64 = row.iter().sum::<f64>().max(1e-300);
                    let at = |c: usize| (0..columns).map(|j| row[j] * target.place(j)[c]).sum::<f64>() / mass;
                    (at(0), at(1))
                };
                let t = controls.time;
                let moved = |i: usize| {
                    let ((x, y), (u, v)) = (place(source, i), image(i));
                    ((1.0 - t) * x + t * u, (1.0 - t) * y + t * v)
                };
                let (x, y) = (0..source.len()).map(moved).unzip();
                self.chart(vec![Mark::points(format!("source at t = {t}"), Ink::Series(2), x, y, 4.0)])
            }
            3 => {
                let order = |shade: &[f64]| {
                    let mut order: Vec<usize> = (0..shade.len()).collect();
                    order.sort_by(|i, j| shade[*i].total_cmp(&shade[*j]));
                    order
                };
                let [from, to] = self.shades();
                let (rows, columns) = (order(&from), order(&to));
                let values = rows
                    .iter()
                    .flat_map(|i| columns.iter().map(move |j| self.solver.plan[i * target.len() + j] as f32))
                    .collect();
                View::Matrix(Matrix {
                    row: "source, by height".into(),
                    column: "target, by where it comes from".into(),
                    value: Axis::linear("mass"),
                    columns: columns.len(),
                    values,
                    ..Matrix::default()
                })
            }
            6 => {
                let steps: Vec<f64> = (1..=self.changes.len()).map(|k| k as f64).collect();
                let marks = vec![
                    Mark::line(
                        "change of the plan",
                        Ink::Series(2),
                        steps.clone(),
                        self.changes.iter().map(|c| c.max(1e-17)).collect(),
                    ),
                    Mark::line(
                        "Gromov-Wasserstein cost",
                        Ink::Series(3),
                        steps,
                        self.costs.iter().map(|c| c.max(1e-17)).collect(),
                    ),
                ];
                View::Chart(Chart { x: Axis::linear("step"), y: Axis::log("change; cost"), marks, ..Chart::default() })
            }
            8 => {
                let proof = self.simplex.certificate();
                let rows = [
                    ("Σ (A − B)² P P, distances as shares of the largest", self.costs.last().copied().unwrap_or(f64::NAN)),
                    ("at the product of the marginals", self.start_cost()),
                    ("ε now", self.epsilon),
                    ("steps", self.changes.len() as f64),
                    ("last change of the plan", self.changes.last().copied().unwrap_or(f64::NAN)),
                    ("marginal error", marginal_error(&self.solver.plan, &source.mass, &target.mass)),
                    ("entropy of the plan", entropy(&self.solver.plan)),
                    ("places of the source that are matched", source.len() as f64),
                    ("places of the source in all", self.all[0] as f64),
                    ("places of the target that are matched", target.len() as f64),
                    ("places of the target in all", self.all[1] as f64),
                    ("ordinary W₂², as they lie", proof.primal),
                ];
                let cell = |(name, value): (&str, f64)| vec![Cell::Text(name.into()), Cell::Number(value)];
                let rows = rows.into_iter().filter(|r| !r.1.is_nan()).map(cell).collect();
                View::Table(Table { columns: vec!["reading".into(), "value".into()], rows })
            }
            4 => View::Chart(self.distances()),
            5 => nothing("Inner distances have no prices."),
            _ => {
                let marks = vec![
                    Mark::line("cost where the plan settled", Ink::Series(3), self.ladder.0.clone(), self.ladder.1.clone()),
                    Mark::at_x("ε", self.wanted),
                ];
                View::Chart(Chart {
                    x: Axis::log("ε").range(0.0003, 0.1),
                    y: Axis::linear("Gromov-Wasserstein cost"),
                    marks,
                    ..Chart::default()
                })
            }
        }
    }

    /// The cost of the plan as it is.
    #[cfg(test)]
    pub fn cost(&self) -> f64 {
        self.solver.cost()
    }

    /// The cost of the product of the marginals.
    pub fn start_cost(&self) -> f64 {
        let [source, target] = &self.sides;
        let product: Vec<f64> = source.mass.iter().flat_map(|p| target.mass.iter().map(move |q| p * q)).collect();
        self.solver.cost_of(&product)
    }

    pub fn results(&self) -> Vec<Array> {
        let [source, target] = &self.sides;
        let plan = Array {
            name: "plan".into(),
            shape: vec![source.len(), target.len()],
            values: self.solver.plan.clone(),
            columns: Vec::new(),
        };
        if self.all == [source.len(), target.len()] {
            return vec![plan];
        }
        // Which places the plan's rows and columns are.
        let which = |name: &str, side: &Side| {
            let values: Vec<f64> = side.index.iter().map(|i| *i as f64).collect();
            Array { name: name.into(), shape: vec![values.len()], values, columns: Vec::new() }
        };
        vec![plan, which("plan-rows", source), which("plan-columns", target)]
    }
}

/// A side with at most so many of its places, spread evenly over their order: points are often stored along a curve.
fn shortened(side: Side) -> Side {
    let all = side.len();
    if all <= Shapes::MOST {
        return side;
    }
    let kept: Vec<usize> = (0..Shapes::MOST).map(|k| k * all / Shapes::MOST).collect();
    let sum: f64 = kept.iter().map(|i| side.mass[*i]).sum();
    Side {
        places: kept.iter().flat_map(|i| side.place(*i)).copied().collect(),
        mass: kept.iter().map(|i| side.mass[*i] / sum).collect(),
        index: kept.iter().map(|i| side.index[*i]).collect(),
        ..side
    }
}
