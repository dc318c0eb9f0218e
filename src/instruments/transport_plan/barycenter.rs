//! What lies between several measures.

use super::marginals::Side;
use super::own::{cloud, darkness, pixels, whole};
use super::pictures::readings;
use super::{Controls, Shape, Subject, TransportPlan};
use ground::controls::Options;
use methods::transport::{Barycenter, entropy};
use run::prelude::*;

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
    /// What the reader's files were taken for.
    pub understood: Vec<String>,
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
        let (mut names, mut measures, mut understood) = (Vec::new(), Vec::new(), Vec::new());
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
            own.iter().try_for_each(Array::check_finite)?;
            if !(2..=4).contains(&own.len()) {
                return Err(Error::new(format!(
                    "{} arrays were given; a barycenter is of two to four pictures, or of two to four clouds in the plane",
                    own.len()
                )));
            }
            own.iter().try_for_each(|array| whole(array, false))?;
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
            let what = if clouds { "a cloud, gathered" } else { "the ink of a picture" };
            let names = own.iter().enumerate();
            understood
                .extend(names.map(|(k, a)| format!("{} is measure {}: {what} on {PIXELS} × {PIXELS} cells", a.name, k + 1)));
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
        Ok(Middle { names, window, clouds, measures, weights, solver, errors: Vec::new(), epsilon, understood })
    }

    /// Σ |b − aₖ|.
    #[cfg(test)]
    pub fn off(&self, k: usize) -> f64 {
        self.solver.measure().iter().zip(&self.measures[k]).map(|(b, a)| (b - a).abs()).sum()
    }

    /// Has it arrived?
    fn over(&self) -> bool {
        self.errors.len() >= Self::STEPS || self.errors.last().is_some_and(|e| *e < Self::ARRIVED)
    }

    fn map(&self, values: Vec<f32>, label: &str) -> HeatMap {
        HeatMap {
            x: Axis::linear("x").range(self.window[0].0, self.window[0].1),
            y: Axis::linear("y").range(self.window[1].0, self.window[1].1),
            value: Axis::linear(label),
            columns: PIXELS,
            values,
            ..HeatMap::default()
        }
    }

    /// The middle of cell k.
    fn place(&self, k: usize) -> [f64; 2] {
        let at = |v: usize, (low, high): (f64, f64)| low + (high - low) * (v as f64 + 0.5) / PIXELS as f64;
        [at(k % PIXELS, self.window[0]), at(k / PIXELS, self.window[1])]
    }

    /// The weights, whose handle moves between the measures' corners.
    pub fn weights(&self, controls: &Controls) -> Chart {
        let corners = corners(self.names.len());
        let axis = |name: &str| Axis::linear(name).range(-1.3, 1.3);
        let chart = Chart::of(axis("weights, across"), axis("weights, upwards"))
            .equal()
            .line("", Ink::Muted, corners.iter().chain(corners.first()).copied())
            .handle("weights", (controls.weight_x, controls.weight_y));
        let all = self.names.iter().zip(&corners).zip(&self.weights).enumerate();
        all.fold(chart, |chart, (k, ((name, at), weight))| {
            let away = if at.1 > 0.0 { 0.14 } else { -0.14 };
            chart.dots("", Ink::Series(k as u8), 9.0, [*at]).label(
                format!("{name} {:.0} %", 100.0 * weight),
                (0.8 * at.0, at.1 + away),
                Ink::Text,
            )
        })
    }

    pub fn barycenter(&self) -> HeatMap {
        self.map(self.solver.measure().iter().map(|b| *b as f32).collect(), "mass")
    }

    /// The measures, the barycenter, and the plain mean of the masses.
    pub fn side_by_side(&self) -> Images {
        let middle = self.solver.measure();
        let plain: Vec<f64> =
            (0..middle.len()).map(|i| self.measures.iter().zip(&self.weights).map(|(m, w)| w * m[i]).sum()).collect();
        let named = [("barycenter", &middle), ("mean of the masses", &plain)];
        let all: Vec<(&str, &Vec<f64>)> = self.names.iter().map(String::as_str).zip(&self.measures).chain(named).collect();
        let ink = |m: &Vec<f64>| {
            let top = m.iter().fold(0.0, |a: f64, b| a.max(*b));
            let at = |k: usize| m[(PIXELS - 1 - k / PIXELS) * PIXELS + k % PIXELS];
            (0..m.len()).map(|k| (255.0 * at(k) / top) as u8).collect::<Vec<u8>>()
        };
        Images {
            width: PIXELS,
            height: PIXELS,
            channels: 1,
            columns: all.len().div_ceil(2).max(2),
            pixels: all.iter().flat_map(|(_, m)| ink(m)).collect(),
            captions: all.iter().map(|(name, _)| (*name).to_string()).collect(),
        }
    }

    /// Masses of the grid's columns.
    pub fn profiles(&self) -> Chart {
        let profile = |m: &[f64]| {
            let mass = |c: usize| m.iter().skip(c).step_by(PIXELS).sum::<f64>();
            (0..PIXELS).map(|c| (self.place(c)[0], mass(c))).collect::<Vec<_>>()
        };
        let chart = Chart::of(Axis::linear("x"), Axis::linear("mass of a column"));
        let all = self.names.iter().zip(&self.measures).enumerate();
        all.fold(chart, |chart, (k, (name, m))| chart.line(name.clone(), Ink::Series(k as u8), profile(m))).dashed(
            "barycenter",
            Ink::Text,
            profile(&self.solver.measure()),
        )
    }

    pub fn prices(&self) -> HeatMap {
        let prices = self.solver.prices(0);
        self.map(prices.iter().map(|u| (u * self.epsilon) as f32).collect(), "price, first measure")
    }

    pub fn convergence(&self) -> Chart {
        let points = self.errors.iter().enumerate().map(|(k, e)| ((k + 1) as f64, e.max(1e-17)));
        Chart::of(Axis::log("step"), Axis::log("ends off the barycenter")).line("", Ink::Series(0), points)
    }

    pub fn readings(&self) -> Table {
        let b = self.solver.measure();
        let at = |k: usize| self.place(k);
        let variance = |m: &[f64]| {
            let mean = |c: usize| m.iter().enumerate().map(|(k, m)| m * at(k)[c]).sum::<f64>();
            let center = [mean(0), mean(1)];
            let off = |k: usize| (0..2).map(|c| (at(k)[c] - center[c]) * (at(k)[c] - center[c])).sum::<f64>();
            m.iter().enumerate().map(|(k, m)| m * off(k)).sum::<f64>()
        };
        let mut rows = vec![
            ("steps".to_string(), self.errors.len() as f64),
            ("ends off the barycenter".into(), self.errors.last().copied().unwrap_or(f64::NAN)),
            ("ε, in squared pixels".into(), self.epsilon),
            ("entropy of the barycenter".into(), entropy(&b)),
            ("variance of the barycenter, blur of ε included".into(), variance(&b)),
        ];
        let named = self.names.iter().zip(&self.measures).enumerate();
        rows.extend(named.map(|(k, (name, m))| (format!("variance of measure {}, {name}", k + 1), variance(m))));
        readings(rows)
    }

    /// What is mixed, and how far that is.
    pub fn sentence(&self) -> String {
        let parts: Vec<String> =
            self.names.iter().zip(&self.weights).map(|(name, weight)| format!("{name} {}", percent(*weight))).collect();
        let state = match self.errors.last() {
            Some(error) if self.over() => format!("{}, arrived to {}", count(self.errors.len(), "step", "steps"), figure(*error)),
            Some(error) => format!("{}, still {} off", count(self.errors.len(), "step", "steps"), figure(*error)),
            None => "nothing is computed yet".into(),
        };
        format!("A mixture of {}: {state}.", parts.join(", "))
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

impl TransportPlan {
    /// Goes on with a barycenter until it has arrived.
    pub(super) async fn find_barycenter(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        while let Subject::Middle(middle) = &mut self.subject
            && !middle.over()
        {
            middle.errors.push(middle.solver.step());
            self = stage.next(self).await;
        }
        self
    }
}
