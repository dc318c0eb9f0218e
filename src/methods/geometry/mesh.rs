//! Surfaces as triangle meshes: Laplacian, spectrum, geodesics, and what the spectrum says of every vertex.
//!
//! Sources: Pinkall & Polthier, "Computing discrete minimal surfaces and their conjugates", 1993 (cotangent weights); Aubry, Schlickewei &
//! Cremers, "The wave kernel signature", 2011.

use libm::{exp, log};
use nalgebra::{Cholesky, DMatrix, DVector};

use crate::linear::lanczos::Lanczos;
use crate::random::Random;

/// A triangle mesh in space.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Places of the vertices.
    pub vertices: Vec<[f64; 3]>,
    /// Corners of the triangles.
    pub triangles: Vec<[usize; 3]>,
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|d| a[d] - b[d])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// ‖a × b‖, twice the area between two sides.
fn cross_length(a: [f64; 3], b: [f64; 3]) -> f64 {
    (dot(a, a) * dot(b, b) - dot(a, b) * dot(a, b)).max(0.0).sqrt()
}

impl Mesh {
    /// A rectangular sheet of `columns` × `rows` vertices, column by column; `place` takes the column and the row. Every cell is cut from
    /// (i, j) to (i + 1, j + 1).
    pub fn sheet(columns: usize, rows: usize, place: impl Fn(usize, usize) -> [f64; 3]) -> Self {
        let vertices = (0..columns * rows).map(|k| place(k / rows, k % rows)).collect();
        let cell = |k: usize| {
            let corner = k / (rows - 1) * rows + k % (rows - 1);
            [[corner, corner + rows, corner + rows + 1], [corner, corner + rows + 1, corner + 1]]
        };
        Mesh { vertices, triangles: (0..(columns - 1) * (rows - 1)).flat_map(cell).collect() }
    }

    /// The same surface with its vertices renumbered: vertex `k` is what was vertex `order[k]`.
    pub fn renumbered(&self, order: &[usize]) -> Self {
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(k, old)| place[*old] = k);
        Mesh {
            vertices: order.iter().map(|old| self.vertices[*old]).collect(),
            triangles: self.triangles.iter().map(|corners| corners.map(|corner| place[corner])).collect(),
        }
    }

    /// Pairs of neighbours, each once.
    pub fn edges(&self) -> Vec<[usize; 2]> {
        let sides = self.triangles.iter().flat_map(|&[a, b, c]| [[a, b], [b, c], [c, a]]);
        let mut edges: Vec<[usize; 2]> = sides.map(|[a, b]| [a.min(b), a.max(b)]).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    fn area_of(&self, [a, b, c]: [usize; 3]) -> f64 {
        let v = &self.vertices;
        0.5 * cross_length(minus(v[b], v[a]), minus(v[c], v[a]))
    }

    /// The surface's area.
    pub fn area(&self) -> f64 {
        self.triangles.iter().map(|triangle| self.area_of(*triangle)).sum()
    }

    /// Lengths of the shortest ways along edges between all pairs of vertices (Floyd 1962), row by row; infinite between parts.
    pub fn geodesics(&self) -> Vec<f64> {
        let n = self.vertices.len();
        let mut way = vec![f64::INFINITY; n * n];
        (0..n).for_each(|i| way[i * n + i] = 0.0);
        for [a, b] in self.edges() {
            let side = minus(self.vertices[a], self.vertices[b]);
            let length = dot(side, side).sqrt();
            (way[a * n + b], way[b * n + a]) = (length, length);
        }
        for k in 0..n {
            let through = way[k * n..(k + 1) * n].to_vec();
            for row in way.chunks_exact_mut(n) {
                let first = row[k];
                row.iter_mut().zip(&through).for_each(|(way, rest)| *way = way.min(first + rest));
            }
        }
        way
    }

    /// The cotangent stiffness matrix W, and a third of every triangle's area at its corners, scaled to a sum of 1.
    pub fn laplacian(&self) -> (DMatrix<f64>, Vec<f64>) {
        let (n, total) = (self.vertices.len(), self.area());
        let (mut stiffness, mut areas) = (DMatrix::zeros(n, n), vec![0.0; n]);
        for &triangle in &self.triangles {
            for turn in 0..3 {
                let [a, b, c] = std::array::from_fn(|k| triangle[(turn + k) % 3]);
                let (left, right) = (minus(self.vertices[b], self.vertices[a]), minus(self.vertices[c], self.vertices[a]));
                let weight = 0.5 * dot(left, right) / cross_length(left, right);
                stiffness[(b, c)] -= weight;
                stiffness[(c, b)] -= weight;
                stiffness[(b, b)] += weight;
                stiffness[(c, c)] += weight;
                areas[a] += self.area_of(triangle) / (3.0 * total);
            }
        }
        (stiffness, areas)
    }

    /// The first `count` eigenpairs of the Laplacian, `count` at most the number of vertices.
    pub fn spectrum(&self, count: usize) -> Spectrum {
        let (stiffness, areas) = self.laplacian();
        let n = areas.len();
        let root: Vec<f64> = areas.iter().map(|a| a.sqrt()).collect();
        let scaled = DMatrix::from_fn(n, n, |i, j| stiffness[(i, j)] / (root[i] * root[j]) + if i == j { SHIFT } else { 0.0 });
        let inverse = Cholesky::new(scaled).expect("a stiffness matrix with a shift is positive definite");
        // The smallest eigenvalues are the largest of the inverse, where Lanczos finds them first.
        let mut lanczos = Lanczos::random(n, &mut Random::new(0, "spectrum"));
        loop {
            for _ in 0..(count + 20) {
                if lanczos.exhausted() {
                    break;
                }
                lanczos.step(inverse.solve(&DVector::from_column_slice(lanczos.next())).as_slice().to_vec());
            }
            let ritz = lanczos.ritz();
            let found = ritz.values.len();
            let worst = (found.saturating_sub(count)..found).map(|k| ritz.residuals[k] / ritz.values[k]).fold(0.0, f64::max);
            if !lanczos.exhausted() && (found < count || worst > 1e-12) {
                continue;
            }
            let mut vectors = DMatrix::zeros(n, count);
            let mut values = Vec::with_capacity(count);
            for k in 0..count {
                values.push((1.0 / ritz.values[found - 1 - k] - SHIFT).max(0.0));
                let vector = lanczos.vector(&ritz, found - 1 - k);
                (0..n).for_each(|i| vectors[(i, k)] = vector[i] / root[i]);
            }
            return Spectrum { values, vectors, areas };
        }
    }
}

/// Added to the scaled stiffness, which is singular; of the order of the smallest positive eigenvalue.
const SHIFT: f64 = 1.0;

/// Eigenpairs of W φ = λ A φ.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// λ, ascending; the first is 0.
    pub values: Vec<f64>,
    /// Φ, a column an eigenfunction: ΦᵀAΦ = I. Signs are arbitrary.
    pub vectors: DMatrix<f64>,
    /// The diagonal of A, of sum 1.
    pub areas: Vec<f64>,
}

impl Spectrum {
    /// AΦ, whose transpose takes a function to its coefficients.
    pub fn weighted(&self) -> DMatrix<f64> {
        let mut weighted = self.vectors.clone();
        weighted.row_iter_mut().zip(&self.areas).for_each(|(mut row, area)| row *= *area);
        weighted
    }

    /// The wave kernel signature of every vertex at `channels` energies e, equally spaced from ln λ₁ to the last ln λ:
    /// Σ_k φ_k(x)² G_k(e) / Σ_k G_k(e) over k ≥ 1, G_k(e) = exp(−(e − ln λ_k)²/2σ²), σ = 7 (ln λ_last − ln λ₁)/(3 `channels`).
    /// Vertices × channels; needs three eigenpairs and two channels.
    pub fn wave_kernel(&self, channels: usize) -> DMatrix<f64> {
        let logs: Vec<f64> = self.values[1..].iter().map(|value| log(value.max(1e-12))).collect();
        let (first, range) = (logs[0], logs[logs.len() - 1] - logs[0]);
        let deviation = 7.0 * range / (3.0 * channels as f64);
        let kernel = |k: usize, c: usize| {
            let apart = (first + range * c as f64 / (channels - 1) as f64 - logs[k]) / deviation;
            exp(-0.5 * apart * apart)
        };
        let kernels = DMatrix::from_fn(logs.len(), channels, kernel);
        let squares = self.vectors.columns(1, logs.len()).map(|v| v * v);
        let mut signature = squares * &kernels;
        signature.column_iter_mut().enumerate().for_each(|(c, mut column)| column /= kernels.column(c).sum());
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flat sheet of size 1.6 × 1.
    fn flat(columns: usize, rows: usize) -> Mesh {
        Mesh::sheet(columns, rows, |i, j| [1.6 * i as f64 / (columns - 1) as f64, j as f64 / (rows - 1) as f64, 0.0])
    }

    #[test]
    fn the_spectrum_of_a_rectangle_is_nearly_that_of_the_continuum() {
        let mesh = flat(33, 21);
        assert!((mesh.area() - 1.6).abs() < 1e-12);
        let spectrum = mesh.spectrum(6);
        // Neumann: π²((p/1.6)² + q²), times the area that was scaled to 1.
        let exact = |p: f64, q: f64| std::f64::consts::PI * std::f64::consts::PI * (p * p / 2.56 + q * q) * 1.6;
        for (value, exact) in
            spectrum.values.iter().zip([exact(0., 0.), exact(1., 0.), exact(0., 1.), exact(1., 1.), exact(2., 0.)])
        {
            assert!((value - exact).abs() < 0.02 * (exact + 1e-6), "{value} {exact}");
        }
    }

    #[test]
    fn eigenfunctions_are_orthonormal_and_solve_their_equation() {
        let mesh = Mesh::sheet(9, 7, |i, j| {
            let (u, v) = (i as f64, j as f64);
            [u, v, libm::sin(0.7 * u) + 0.3 * libm::cos(u * v)]
        });
        for count in [3, 20, 63] {
            let spectrum = mesh.spectrum(count);
            let (phi, weighted) = (&spectrum.vectors, spectrum.weighted());
            assert!((weighted.transpose() * phi - DMatrix::identity(count, count)).norm() < 1e-10);
            let residual =
                mesh.laplacian().0 * phi - &weighted * DMatrix::from_diagonal(&DVector::from_column_slice(&spectrum.values));
            assert!(residual.norm() < 1e-8, "{count}: {}", residual.norm());
            assert!(spectrum.values.is_sorted() && spectrum.values[0].abs() < 1e-9);
        }
    }

    #[test]
    fn ways_along_edges() {
        let mesh = flat(17, 11);
        let (way, n) = (mesh.geodesics(), 17 * 11);
        // Along a side, along diagonals, and no shorter than as the crow flies.
        assert!((way[10] - 1.0).abs() < 1e-12 && (way[16 * 11] - 1.6).abs() < 1e-12);
        assert!((way[12] - (0.01f64 + 0.01).sqrt()).abs() < 1e-12);
        for (a, b) in [(0, 186), (5, 100), (33, 150)] {
            let side = minus(mesh.vertices[a], mesh.vertices[b]);
            assert!(way[a * n + b] >= dot(side, side).sqrt() && way[a * n + b] == way[b * n + a]);
        }
        assert_eq!(mesh.edges().len(), 16 * 11 + 17 * 10 + 160);
    }

    #[test]
    fn numbers_of_vertices_mean_nothing() {
        let mesh = flat(8, 6);
        let order = Random::new(1, "order").permutation(48);
        let other = mesh.renumbered(&order);
        let (a, b) = (mesh.spectrum(10), other.spectrum(10));
        assert!(a.values.iter().zip(&b.values).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + a)));
        let (a, b) = (a.wave_kernel(5), b.wave_kernel(5));
        for (k, old) in order.iter().enumerate() {
            assert!((a.row(*old) - b.row(k)).norm() < 1e-8);
        }
    }
}
