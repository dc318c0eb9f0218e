//! What is minimised, and what is known of it before anyone runs.

use super::objectives::{Classifier, Factors};

use super::*;

/// Cells a side of the map under the paths.
pub const CELLS: usize = 96;

/// Where a race is run.
pub struct Terrain {
    /// Where everyone starts.
    pub start: Rc<[f64]>,
    /// The minima of a surface, the lowest first.
    pub minima: Vec<[f64; 2]>,
    /// Its heights over the window; none elsewhere.
    pub heights: Vec<f32>,
    /// The least value; 0 for networks and matrices.
    pub least: f64,
    /// How wide the window is; elsewhere, what counts as wide.
    pub width: f64,
}

impl Terrain {
    /// What is known of a problem.
    pub fn of(problem: &Problem, controls: &Controls, seed: u64) -> Result<Terrain> {
        let Problem::Plane(landscape) = problem else {
            let start = problem.start(&mut Random::new(seed, "start")).into();
            return Ok(Terrain { start, minima: Vec::new(), heights: Vec::new(), least: 0.0, width: 100.0 });
        };
        let [x, y] = landscape.window();
        let start = start(landscape, controls);
        let cell = |i: usize| 2.0 * (i as f64 + 0.5) / CELLS as f64 - 1.0;
        let at = |i: usize| landscape.at::<f64>(place(x, cell(i % CELLS)), place(y, cell(i / CELLS)));
        let heights: Vec<f64> = (0..CELLS * CELLS).map(at).collect();
        if !heights.iter().any(|h| h.is_finite()) {
            return Err(Error::new(
                "control formula: f(x, y) is a finite number nowhere in the window, −4 to 4; does it divide by zero, or take the root of something negative?",
            ));
        }
        if !landscape.at::<f64>(start[0], start[1]).is_finite() {
            return Err(Error::new(format!(
                "control formula: f(x, y) is no finite number at the start ({:.3}, {:.3}); does it divide by zero there? Another start would do",
                start[0], start[1]
            )));
        }
        let minima = landscape.minima();
        // Where there is no minimum, the lowest place in sight.
        let lowest = heights.iter().copied().filter(|h| h.is_finite()).fold(f64::INFINITY, f64::min);
        let least = minima.first().map_or(lowest, |m| landscape.at::<f64>(m[0], m[1]));
        Ok(Terrain { start, minima, heights: heights.into_iter().map(|h| h as f32).collect(), least, width: x.1 - x.0 })
    }
}

impl Race {
    /// The controls after the start was dragged.
    pub(super) fn move_start(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        let [x, y] = controls.problem.landscape(controls).ok()??.window();
        let share = |v: f64, (low, high): (f64, f64)| {
            ((2.0 * (v - low) / (high - low) - 1.0) * 1000.0).round().clamp(-1000.0, 1000.0) / 1000.0
        };
        Some(Controls { start_x: share(at.0, x), start_y: share(at.1, y), ..controls.clone() })
    }

    /// The minima with the least value.
    pub(super) fn lowest(&self) -> &[[f64; 2]] {
        let minima = &self.terrain.minima;
        let (Some(landscape), Some(first)) = (self.landscape(), minima.first()) else { return &[] };
        let value = |m: &[f64; 2]| landscape.at::<f64>(m[0], m[1]);
        let bound = value(first) + 1e-9 * (1.0 + value(first).abs());
        &minima[..minima.partition_point(|m| value(m) <= bound)]
    }

    /// The largest curvature at the lowest minimum.
    pub(super) fn steepest(&self) -> Option<f64> {
        let (landscape, at) = (self.landscape()?, self.terrain.minima.first()?);
        let top = eigenvalues(landscape.hessian(*at).2)[1];
        (top.is_finite() && top > 0.0).then_some(top)
    }
}

/// The place between the ends of an axis that −1 … 1 names.
fn place((low, high): (f64, f64), share: f64) -> f64 {
    0.5 * (low + high) + 0.5 * (high - low) * share
}

/// Where the controls put the start.
pub fn start(landscape: &Landscape, controls: &Controls) -> Rc<[f64]> {
    let [x, y] = landscape.window();
    [place(x, controls.start_x), place(y, controls.start_y)].into()
}

/// The median over starts of the root mean square of the gradient's entries.
pub fn middling_slope(problem: &Problem, starts: &[Rc<[f64]>]) -> f64 {
    let slope = |start: &Rc<[f64]>| {
        let mut g = vec![0.0; start.len()];
        problem.gradient(start, &mut g);
        (g.iter().map(|g| g * g).sum::<f64>() / g.len() as f64).sqrt()
    };
    let mut slopes: Vec<f64> = starts.iter().map(slope).filter(|s| s.is_finite()).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(1.0)
}

/// The problem that the controls name.
pub fn of(controls: &Controls, seed: u64, library: &Library) -> Result<Problem> {
    if let Some(landscape) = controls.problem.landscape(controls)? {
        return Ok(Problem::Plane(landscape));
    }
    if controls.problem == On::Factors {
        return Ok(Problem::Factors(Factors::random(10, 8, 2, &mut Random::new(seed, "matrix"))));
    }
    let mnist = controls.problem == On::MnistMlp;
    let pictures = library.pictures(if mnist { Dataset::Mnist } else { Dataset::Digits })?;
    let order = Random::new(seed, "split").permutation(pictures.len());
    // Filters, and larger pictures, cost more than a dense layer over digits.
    let rows = &order[..if mnist || controls.problem == On::Cnn { 100 } else { 200 }];
    let x = if mnist {
        rows.iter().flat_map(|i| halved(pictures.image(*i), pictures.width)).collect()
    } else {
        rows.iter().flat_map(|i| pictures.image(*i).iter().map(|v| f64::from(*v) / 16.0)).collect()
    };
    let y = rows.iter().map(|i| pictures.labels[*i]).collect();
    Ok(Problem::Network(match controls.problem {
        On::Logistic => Classifier::dense(&[64, 10], x, y),
        On::Mlp => Classifier::dense(&[64, 10, 10], x, y),
        On::MnistMlp => Classifier::dense(&[196, 10, 10], x, y),
        _ => Classifier::convolutional(8, 4, 10, x, y),
    }))
}

/// A picture of bytes at half its width and height, from 0 to 1: the means of two by two pixels.
fn halved(image: &[u8], width: usize) -> Vec<f64> {
    let at = |x: usize, y: usize| f64::from(image[y * width + x]);
    let (half, height) = (width / 2, image.len() / width / 2);
    let mean = |i: usize| {
        let (x, y) = (2 * (i % half), 2 * (i / half));
        (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / (4.0 * 255.0)
    };
    (0..half * height).map(mean).collect()
}
