//! Two bent sheets whose vertices are to be matched, and how good a matching is.

use methods::geometry::mesh::Mesh;
use nalgebra::DMatrix;
use run::prelude::*;

use super::functional_map::Pair;

choice! {
    /// What is known of a vertex.
    pub enum Descriptors { WaveKernel => "wave kernel", Noise => "noise" }
}

/// Vertices along and across the sheet.
pub const COLUMNS: usize = 16;
pub const ROWS: usize = 10;
pub const VERTICES: usize = COLUMNS * ROWS;
/// Channels of the descriptors.
pub const CHANNELS: usize = 16;
/// Bends k of X and of Y.
pub const BENDS: [f64; 2] = [0.4, 1.2];

/// The sheet with its three bumps, bent with curvature k.
pub fn sheet(k: f64) -> Mesh {
    Mesh::sheet(COLUMNS, ROWS, |i, j| {
        let (u, v) = (1.6 * i as f64 / (COLUMNS - 1) as f64, j as f64 / (ROWS - 1) as f64);
        let bump = |height: f64, at: [f64; 2], width: f64| {
            height * libm::exp(-((u - at[0]) * (u - at[0]) + (v - at[1]) * (v - at[1])) / width)
        };
        let b = bump(0.35, [0.4, 0.3], 0.03) + bump(0.22, [1.1, 0.7], 0.05) + bump(0.15, [1.4, 0.2], 0.02);
        [(1.0 / k + b) * libm::sin(k * u), (1.0 / k + b) * libm::cos(k * u), v]
    })
}

/// X, Y and what is known of both.
pub struct Task {
    pub meshes: [Mesh; 2],
    pub pair: Pair,
    /// The vertex of X that a vertex of Y is.
    pub truth: Vec<usize>,
    /// Ways on X over √area, row by row, and their mean.
    ways: Vec<f64>,
    pub random_error: f64,
    /// Descriptors of X's and then Y's vertices, row by row.
    pub descriptors: Vec<f64>,
}

impl Task {
    /// The two sheets, Y with dents, told by so many eigenfunctions.
    pub fn new(noise: f64, functions: usize, descriptors: Descriptors, seed: u64) -> Self {
        let [x, mut y] = BENDS.map(sheet);
        let mut random = Random::new(seed, "dents");
        y.vertices.iter_mut().flatten().for_each(|place| *place += 0.1 * noise * random.normal());
        Task::between(x, &y, functions, descriptors, seed)
    }

    /// With the vertices of `y`, which are those of `x` in order, shuffled.
    pub fn between(x: Mesh, y: &Mesh, functions: usize, descriptors: Descriptors, seed: u64) -> Self {
        let truth = Random::new(seed, "order").permutation(VERTICES);
        let meshes = [x, y.renumbered(&truth)];
        let spectra = [0, 1].map(|side| meshes[side].spectrum(functions));
        let mut random = Random::new(seed, "descriptors");
        let mut described = Vec::new();
        for spectrum in &spectra {
            let own = match descriptors {
                Descriptors::WaveKernel => standardised(spectrum.wave_kernel(CHANNELS)),
                Descriptors::Noise => DMatrix::from_fn(VERTICES, CHANNELS, |_, _| random.normal()),
            };
            described.extend_from_slice(own.transpose().as_slice());
        }
        let size = meshes[0].area().sqrt();
        let ways: Vec<f64> = meshes[0].geodesics().iter().map(|way| way / size).collect();
        let random_error = ways.iter().sum::<f64>() / ways.len() as f64;
        Task { pair: Pair::new(&spectra[0], &spectra[1]), meshes, truth, ways, random_error, descriptors: described }
    }

    /// Squared distances between the raw descriptors, a row a vertex of Y.
    pub fn distances(&self) -> Vec<f64> {
        let (x, y) = self.descriptors.split_at(VERTICES * CHANNELS);
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
        y.chunks_exact(CHANNELS).flat_map(|y| x.chunks_exact(CHANNELS).map(move |x| apart(x, y))).collect()
    }

    /// How far on X the match of a vertex of Y is from the true one.
    fn off(&self, y: usize, matched: usize) -> f64 {
        self.ways[matched * VERTICES + self.truth[y]]
    }

    /// How good a matching is that gives every vertex of Y one of X.
    pub fn judge(&self, matches: Vec<usize>) -> Matching {
        let errors: Vec<f64> = matches.iter().enumerate().map(|(y, x)| self.off(y, *x)).collect();
        let mut used = matches.clone();
        used.sort_unstable();
        used.dedup();
        let share = |count: usize| count as f64 / VERTICES as f64;
        Matching {
            wrong: share(matches.iter().zip(&self.truth).filter(|(x, t)| x != t).count()),
            error: errors.iter().sum::<f64>() / VERTICES as f64,
            coverage: share(used.len()),
            matches,
            errors,
        }
    }
}

fn standardised(mut matrix: DMatrix<f64>) -> DMatrix<f64> {
    for mut column in matrix.column_iter_mut() {
        let mean = column.mean();
        let deviation = column.variance().sqrt().max(1e-12);
        column.iter_mut().for_each(|v| *v = (*v - mean) / deviation);
    }
    matrix
}

/// A vertex of X for every vertex of Y, and how good that is.
#[derive(Clone)]
pub struct Matching {
    /// The vertex of X, and how far it is from the true one.
    pub matches: Vec<usize>,
    pub errors: Vec<f64>,
    /// Share of the vertices matched to another than the true one; mean error; share of X's vertices that are used.
    pub wrong: f64,
    pub error: f64,
    pub coverage: f64,
}
