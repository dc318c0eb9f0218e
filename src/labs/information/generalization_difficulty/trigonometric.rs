//! Random trigonometric polynomials on a torus, and what of one is still open after its values at some points are known.
//!
//! f(x) = Σ_j θ_j φ_j(x) on [0, 2π)^m with the N = (2M+1)^m real Fourier functions of frequencies up to M in every direction, orthonormal
//! for the uniform law, so that the mean square of f is ‖θ‖². Prior: θ ~ N(0, I/N). Given f at n points, θ is known but for its part in
//! the null space of the n × N matrix Φ of the φ_j at the points. Rows of Φ are never made: their products are
//! ΦΦᵀ_ab = Π_d D(x_ad − x_bd) with Dirichlet's kernel D(t) = Σ_{|k|≤M} cos kt, and a Cholesky factor of it grows point by point.

use libm::{cos, sin, sqrt};

use methods::random::Random;

/// A row of Φ is taken for dependent on those before when less than this share of its squared length is new.
const DEPENDENT: f64 = 1e-11;

/// A polynomial drawn from the prior, and what the points so far tell of it.
#[derive(Clone, Debug)]
pub struct Interpolation {
    dimension: usize,
    resolution: usize,
    /// Complex coefficients c_k, k lexicographic from (−M, …, −M): real and imaginary parts.
    coefficients: Vec<(f64, f64)>,
    squared: f64,
    /// cos kx_d and sin kx_d of every point, k = 1 … M in every direction.
    points: Vec<Vec<(f64, f64)>>,
    /// Row j of Lᵀ from its diagonal on; empty for a dependent row.
    factor: Vec<Vec<f64>>,
    /// 1/L_jj, or 0.
    inverse: Vec<f64>,
    /// L⁻¹Φθ, whose square is that of θ's part in the row space.
    solved: Vec<f64>,
    /// Rank and ‖L⁻¹Φθ‖² after every number of points from 0 on.
    known: Vec<(usize, f64)>,
    random: Random,
}

impl Interpolation {
    /// θ from the prior, in `dimension` directions with frequencies up to `resolution`; no points yet.
    pub fn new(dimension: usize, resolution: usize, mut random: Random) -> Self {
        let count = (2 * resolution + 1).pow(dimension as u32);
        let deviation = 1.0 / sqrt(count as f64);
        let mut coefficients = vec![(0.0, 0.0); count];
        let mut squared = 0.0;
        for k in 0..count / 2 {
            // θ_c √2 cos kx + θ_s √2 sin kx = c_k e^{ikx} + its conjugate, with c_k = (θ_c − iθ_s)/√2.
            let (c, s) = (deviation * random.normal(), deviation * random.normal());
            let half = sqrt(0.5);
            coefficients[k] = (half * c, -half * s);
            coefficients[count - 1 - k] = (half * c, half * s);
            squared += c * c + s * s;
        }
        let constant = deviation * random.normal();
        coefficients[count / 2] = (constant, 0.0);
        squared += constant * constant;
        Interpolation {
            dimension,
            resolution,
            coefficients,
            squared,
            points: Vec::new(),
            factor: Vec::new(),
            inverse: Vec::new(),
            solved: Vec::new(),
            known: vec![(0, 0.0)],
            random,
        }
    }

    /// N, the number of functions.
    pub fn functions(&self) -> usize {
        self.coefficients.len()
    }

    /// n, the number of points so far.
    pub fn points(&self) -> usize {
        self.known.len() - 1
    }

    /// After the first `n` points: how many dimensions of θ are open, and the squared length of θ's part in them.
    pub fn open(&self, n: usize) -> (usize, f64) {
        let (rank, told) = self.known[n];
        let free = self.functions() - rank;
        (free, if free == 0 { 0.0 } else { (self.squared - told).max(0.0) })
    }

    /// One more point, uniform on the torus, and the value of f there.
    pub fn add(&mut self) {
        let n = self.points();
        let mut waves = Vec::with_capacity(self.dimension * self.resolution);
        for _ in 0..self.dimension {
            let angle = self.random.between(0.0, std::f64::consts::TAU);
            waves.extend((1..=self.resolution).map(|k| (cos(k as f64 * angle), sin(k as f64 * angle))));
        }
        // Forward substitution with the rows of Lᵀ, which are contiguous.
        let mut row: Vec<f64> = self.points.iter().map(|other| self.kernel(&waves, other)).collect();
        let mut value = self.value(&waves);
        let mut new = self.functions() as f64;
        for j in 0..n {
            let x = row[j] * self.inverse[j];
            row[j] = x;
            if x != 0.0 {
                row[j + 1..].iter_mut().zip(&self.factor[j][1..]).for_each(|(r, l)| *r -= x * l);
            }
            new -= x * x;
            value -= x * self.solved[j];
        }
        let dependent = new <= DEPENDENT * self.functions() as f64;
        let diagonal = sqrt(new.max(0.0));
        self.inverse.push(if dependent { 0.0 } else { 1.0 / diagonal });
        self.solved.push(if dependent { 0.0 } else { value / diagonal });
        self.factor.iter_mut().zip(row).for_each(|(of, x)| of.push(x));
        self.factor.push(vec![diagonal]);
        self.points.push(waves);
        let (rank, told) = self.known[n];
        let z = self.solved[n];
        self.known.push((rank + usize::from(!dependent), told + z * z));
    }

    /// Π_d D(x_d − x′_d)
    fn kernel(&self, a: &[(f64, f64)], b: &[(f64, f64)]) -> f64 {
        let directions = a.chunks_exact(self.resolution).zip(b.chunks_exact(self.resolution));
        directions.fold(1.0, |product, (a, b)| {
            product * (1.0 + 2.0 * a.iter().zip(b).map(|((c, s), (c2, s2))| c * c2 + s * s2).sum::<f64>())
        })
    }

    /// f at a point, direction by direction from the last.
    fn value(&self, waves: &[(f64, f64)]) -> f64 {
        let side = 2 * self.resolution + 1;
        let mut left = self.coefficients.clone();
        for direction in (0..self.dimension).rev() {
            let waves = &waves[direction * self.resolution..][..self.resolution];
            let summed = left.chunks_exact(side).map(|c| {
                let (mut re, mut im) = c[self.resolution];
                for (k, (cosine, sine)) in waves.iter().enumerate() {
                    let ((a, b), (a2, b2)) = (c[self.resolution + 1 + k], c[self.resolution - 1 - k]);
                    re += (a + a2) * cosine - (b - b2) * sine;
                    im += (b + b2) * cosine + (a - a2) * sine;
                }
                (re, im)
            });
            left = summed.collect();
        }
        left[0].0
    }
}

#[cfg(test)]
mod tests {
    use super::super::chi_squared::ln_distribution;
    use super::*;
    use nalgebra::{DMatrix, DVector};

    /// The real functions themselves, the order being that of the coefficients: √2 cos kx and √2 sin kx by turns, 1 last.
    fn functions(dimension: usize, resolution: usize, x: &[f64]) -> Vec<f64> {
        let side = 2 * resolution + 1;
        let count = side.pow(dimension as u32);
        let mut out = Vec::new();
        for k in 0..count / 2 {
            let phase: f64 = (0..dimension)
                .map(|d| {
                    let digit = k / side.pow((dimension - 1 - d) as u32) % side;
                    (digit as f64 - resolution as f64) * x[d]
                })
                .sum();
            out.extend([2f64.sqrt() * phase.cos(), 2f64.sqrt() * phase.sin()]);
        }
        out.push(1.0);
        out
    }

    /// Φ made in full, and the part of θ in its null space from the singular vectors.
    #[test]
    fn what_is_open_is_the_part_in_the_null_space() {
        for (dimension, resolution, n) in [(1, 3, 5), (2, 2, 12), (3, 1, 26), (2, 1, 9)] {
            let mut interpolation = Interpolation::new(dimension, resolution, Random::new(7, "task"));
            let count = interpolation.functions();
            // The same draws once more.
            let mut random = Random::new(7, "task");
            let theta = DVector::from_fn(count, |_, _| random.normal() / (count as f64).sqrt());
            let mut phi = DMatrix::zeros(n, count);
            for i in 0..n {
                let x: Vec<f64> = (0..dimension).map(|_| random.between(0.0, std::f64::consts::TAU)).collect();
                phi.row_mut(i).copy_from_slice(&functions(dimension, resolution, &x));
                let f = interpolation.value(&waves(&x, resolution));
                assert!((f - (phi.row(i) * &theta)[0]).abs() < 1e-12);
                interpolation.add();
            }
            let svd = phi.svd(false, true);
            let rows = svd.v_t.unwrap();
            let told: f64 = rows.row_iter().map(|v| (v * &theta)[0]).map(|c| c * c).sum();
            let (free, squared) = interpolation.open(n);
            assert_eq!(free, count - n);
            let exact = if free == 0 { 0.0 } else { theta.norm_squared() - told };
            assert!((squared - exact).abs() < 1e-8, "{squared} and {exact}");
            assert!((interpolation.open(0).1 - theta.norm_squared()).abs() < 1e-14);
        }
    }

    /// A million polynomials from the prior, each moved to fit the points: how many are near to the true one?
    #[test]
    fn the_probability_to_be_near_is_that_of_chi_squared() {
        let (resolution, n, draws) = (2, 2, 1_000_000);
        let mut interpolation = Interpolation::new(1, resolution, Random::new(11, "task"));
        (0..n).for_each(|_| interpolation.add());
        let mut random = Random::new(11, "task");
        let count = interpolation.functions();
        let deviation = 1.0 / (count as f64).sqrt();
        let theta = DVector::from_fn(count, |_, _| deviation * random.normal());
        let phi = DMatrix::from_fn(n, count, |_, _| 0.0);
        let phi = (0..n).fold(phi, |mut phi, i| {
            let x = random.between(0.0, std::f64::consts::TAU);
            phi.row_mut(i).copy_from_slice(&functions(1, resolution, &[x]));
            phi
        });
        // θ′ + Φ⁺(y − Φθ′) − θ* = (I − Φ⁺Φ)(θ′ − θ*)
        let open = DMatrix::identity(count, count) - phi.clone().pseudo_inverse(1e-12).unwrap() * &phi;
        let (error, mut near) = (0.6, 0);
        let mut prior = Random::new(12, "prior");
        for _ in 0..draws {
            let miss = &open * DVector::from_fn(count, |i, _| deviation * prior.normal() - theta[i]);
            near += usize::from(miss.norm_squared() <= error * error);
        }
        let (free, squared) = interpolation.open(n);
        let size = count as f64;
        let exact = ln_distribution(size * error * error, free as f64, size * squared).exp();
        let found = near as f64 / draws as f64;
        assert!((found / exact - 1.0).abs() < 0.03, "{found} and {exact}");
    }

    fn waves(x: &[f64], resolution: usize) -> Vec<(f64, f64)> {
        x.iter().flat_map(|x| (1..=resolution).map(move |k| ((k as f64 * x).cos(), (k as f64 * x).sin()))).collect()
    }

    /// Where one coordinate is fixed, a square's functions have the covariance of the circle's, under priors that are as wide together.
    #[test]
    fn a_square_with_one_coordinate_fixed_is_a_circle() {
        let of = |dimension| Interpolation::new(dimension, 2, Random::new(7, "task"));
        let (square, circle) = (of(2), of(1));
        for (a, b) in [(0.3, 1.1), (2.0, 5.9)] {
            let on_square = square.kernel(&waves(&[a, 0.7], 2), &waves(&[b, 0.7], 2)) / square.functions() as f64;
            let on_circle = circle.kernel(&waves(&[a], 2), &waves(&[b], 2)) / circle.functions() as f64;
            assert!((on_square - on_circle).abs() < 1e-12);
        }
    }

    /// More points than functions tell nothing more, and leave nothing open.
    #[test]
    fn dependent_points_are_noticed() {
        let mut interpolation = Interpolation::new(2, 1, Random::new(3, "task"));
        (0..15).for_each(|_| interpolation.add());
        assert_eq!(interpolation.open(9), (0, 0.0));
        assert_eq!(interpolation.open(15), (0, 0.0));
        assert_eq!(interpolation.open(4).0, 5);
    }
}
