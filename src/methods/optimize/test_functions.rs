//! Functions of two variables on which optimizers are compared, each written once for every kind of number: with
//! [jets](crate::number::jet) their gradients and Hessians are exact.
//!
//! Source of the test functions: Surjanovic & Bingham, "Virtual library of simulation experiments: test functions", 2013; Beale
//! 1958, Rosenbrock 1960, Himmelblau 1972, Rastrigin 1974, Ackley 1987, Styblinski & Tang 1990.

use crate::number::formula::Formula;
use crate::number::jet::{Jet, second_order};
use crate::number::real::Real;

/// A function f(x, y) to minimise.
#[derive(Clone, Debug, PartialEq)]
pub enum Landscape {
    /// ½(u² + κv²), (u, v) being (x, y) turned by the angle with this (sine, cosine); the largest curvature is κ >= 1.
    Bowl { condition: f64, turn: (f64, f64) },
    /// (1 − x)² + 100(y − x²)²
    Rosenbrock,
    /// (x² + y − 11)² + (x + y² − 7)²
    Himmelblau,
    /// (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²
    Beale,
    /// (x + 2y − 7)² + (2x + y − 5)²
    Booth,
    /// ½ Σ (x⁴ − 16x² + 5x)
    StyblinskiTang,
    /// 20 + Σ (x² − 10 cos 2πx)
    Rastrigin,
    /// −20 exp(−0.2 √(½Σx²)) − exp(½ Σ cos 2πx) + 20 + e
    Ackley,
    /// x²/2 − y²/2 + y⁴/4: a saddle at the origin between two minima.
    Saddle,
    /// x³ − 3xy², bounded by (x² + y²)²/8: a monkey saddle at the origin.
    MonkeySaddle,
    /// √(1 + x²) + √(1 + 100y²) − 2: steep across, gentle along; the slopes do not grow with the distance.
    Valley,
    /// F(x) + F(y), F = min((x + 0.3)², (x − 0.2)² + 0.05): two basins, the wider one lower (Dubey et al. 2019, F1).
    TwoBasins,
    /// F(x) + F(y), F = −40x − 35.15 up to −0.9, then x³ + x sin 8x + 0.85: a cliff and wiggles (F2).
    Wiggles,
    /// F(x) + F(y), F = x² beyond ½ and the roof min(0.75 − |x|, 7/8 |x|) within: minima in corners, without curvature (F3).
    Roof,
    /// What the reader typed.
    Typed(Formula),
}

impl Landscape {
    /// A quadratic bowl with condition number κ >= 1, turned by an angle in radians.
    pub fn bowl(condition: f64, angle: f64) -> Landscape {
        Landscape::Bowl { condition, turn: libm::sincos(angle) }
    }

    /// f(x, y) with numbers of any kind.
    #[inline]
    pub fn at<T: Real>(&self, x: T, y: T) -> T {
        let r = T::real;
        let square = |a: T| a * a;
        let larger = |a: T, b: T| a.larger(b);
        match self {
            Landscape::Bowl { condition, turn: (s, c) } => {
                let (s, c) = (*s, *c);
                let (u, v) = (r(c) * x + r(s) * y, r(c) * y - r(s) * x);
                r(0.5) * (u * u + r(*condition) * v * v)
            }
            Landscape::Rosenbrock => square(r(1.0) - x) + r(100.0) * square(y - x * x),
            Landscape::Himmelblau => square(x * x + y - r(11.0)) + square(x + y * y - r(7.0)),
            Landscape::Beale => {
                let term = |c: f64, power: T| square(r(c) - x + x * power);
                term(1.5, y) + term(2.25, y * y) + term(2.625, y * y * y)
            }
            Landscape::Booth => square(x + r(2.0) * y - r(7.0)) + square(r(2.0) * x + y - r(5.0)),
            Landscape::StyblinskiTang => {
                let term = |a: T| square(a * a) - r(16.0) * a * a + r(5.0) * a;
                r(0.5) * (term(x) + term(y))
            }
            Landscape::Rastrigin => {
                let term = |a: T| a * a - r(10.0) * (r(std::f64::consts::TAU) * a).sin_cos().1;
                r(20.0) + term(x) + term(y)
            }
            Landscape::Ackley => {
                let half = r(0.5);
                let waves = |a: T| (r(std::f64::consts::TAU) * a).sin_cos().1;
                // The cone's tip is rounded off at 10⁻⁶, so that the gradient exists there.
                let radius = (half * (x * x + y * y) + r(1e-12)).sqrt();
                r(20.0 + std::f64::consts::E) - r(20.0) * (r(-0.2) * radius).exp() - (half * (waves(x) + waves(y))).exp()
            }
            Landscape::Saddle => r(0.5) * (x * x - y * y) + r(0.25) * square(y * y),
            Landscape::MonkeySaddle => x * x * x - r(3.0) * x * y * y + r(0.125) * square(x * x + y * y),
            Landscape::Valley => (r(1.0) + x * x).sqrt() + (r(1.0) + r(100.0) * y * y).sqrt() - r(2.0),
            Landscape::TwoBasins => {
                let term = |a: T| -larger(-square(a + r(0.3)), -(square(a - r(0.2)) + r(0.05)));
                term(x) + term(y)
            }
            Landscape::Wiggles => {
                let term = |a: T| {
                    // 1 right of the cliff's foot, 0 left of it.
                    let right = r(0.5) * (r(1.0) + (a + r(0.9)).sign());
                    let wiggle = a * a * a + a * (r(8.0) * a).sin_cos().0 + r(0.85);
                    right * wiggle + (r(1.0) - right) * (r(-40.0) * a - r(35.15))
                };
                term(x) + term(y)
            }
            Landscape::Roof => {
                let term = |a: T| {
                    let a = a.abs();
                    larger(a * a, -larger(a - r(0.75), -(r(0.875) * a)))
                };
                term(x) + term(y)
            }
            Landscape::Typed(formula) => formula.at(x, y),
        }
    }

    /// f and its gradient.
    pub fn gradient(&self, [x, y]: [f64; 2]) -> (f64, [f64; 2]) {
        let [jx, jy] = Jet::variables(x, y);
        let jet = self.at(jx, jy);
        (jet.value, [jet.x, jet.y])
    }

    /// f, its gradient and its Hessian.
    pub fn hessian(&self, at: [f64; 2]) -> (f64, [f64; 2], [[f64; 2]; 2]) {
        second_order(|x, y| self.at(x, y), at)
    }

    /// The Gauss-Newton matrix Σ∇rᵢ∇rᵢᵀ (times 2 where f = Σrᵢ²), for functions that are sums of squares.
    pub fn gauss_newton(&self, [x, y]: [f64; 2]) -> Option<[[f64; 2]; 2]> {
        let [x, y] = Jet::variables(x, y);
        let r = Jet::real;
        let (residuals, factor) = match self {
            Landscape::Bowl { condition, turn: (s, c) } => {
                let (s, c) = (*s, *c);
                (vec![r(c) * x + r(s) * y, r(condition.sqrt()) * (r(c) * y - r(s) * x)], 1.0)
            }
            Landscape::Rosenbrock => (vec![r(1.0) - x, r(10.0) * (y - x * x)], 2.0),
            Landscape::Himmelblau => (vec![x * x + y - r(11.0), x + y * y - r(7.0)], 2.0),
            Landscape::Beale => {
                let term = |c: f64, power: Jet<f64>| r(c) - x + x * power;
                (vec![term(1.5, y), term(2.25, y * y), term(2.625, y * y * y)], 2.0)
            }
            Landscape::Booth => (vec![x + r(2.0) * y - r(7.0), r(2.0) * x + y - r(5.0)], 2.0),
            _ => return None,
        };
        let sum = |f: fn(&Jet<f64>) -> f64| factor * residuals.iter().map(f).sum::<f64>();
        let across = sum(|r| r.x * r.y);
        Some([[sum(|r| r.x * r.x), across], [across, sum(|r| r.y * r.y)]])
    }

    /// The part of the plane worth looking at: the ends of x, and of y.
    pub fn window(&self) -> [(f64, f64); 2] {
        match self {
            Landscape::Bowl { .. } | Landscape::Typed(_) => [(-4.0, 4.0); 2],
            Landscape::Rosenbrock => [(-2.0, 2.0), (-1.0, 3.0)],
            Landscape::Himmelblau | Landscape::StyblinskiTang => [(-5.0, 5.0); 2],
            Landscape::Beale => [(-4.5, 4.5); 2],
            Landscape::Booth => [(-9.0, 9.0); 2],
            Landscape::Rastrigin => [(-3.5, 3.5); 2],
            Landscape::Ackley => [(-4.0, 4.0); 2],
            Landscape::Saddle => [(-2.0, 2.0); 2],
            Landscape::MonkeySaddle => [(-7.0, 7.0); 2],
            Landscape::Valley => [(-4.0, 4.0), (-2.0, 2.0)],
            Landscape::TwoBasins | Landscape::Wiggles | Landscape::Roof => [(-1.2, 1.2); 2],
        }
    }

    /// The minima in the [window](Self::window), the lowest first: found by Newton's method with a trust region from a grid of
    /// starts, where that finds none (minima in kinks) by a search along sixteen directions, and told apart when 10⁻⁴ of the
    /// window's width or more lies between them.
    pub fn minima(&self) -> Vec<[f64; 2]> {
        const GRID: usize = 28;
        let [x, y] = self.window();
        let place = |(low, high): (f64, f64), i: usize| low + (high - low) * (i as f64 + 0.37) / GRID as f64;
        let inside = |(low, high): (f64, f64), v: f64| (low..=high).contains(&v);
        let mut found: Vec<(f64, [f64; 2])> = Vec::new();
        for start in (0..GRID * GRID).map(|i| [place(x, i % GRID), place(y, i / GRID)]) {
            let Some((value, at)) = self.descend(start).or_else(|| self.feel(start, x.1 - x.0)) else { continue };
            let near = |other: &[f64; 2]| (at[0] - other[0]).abs().max((at[1] - other[1]).abs()) < 1e-4 * (x.1 - x.0);
            if inside(x, at[0]) && inside(y, at[1]) && !found.iter().any(|(_, other)| near(other)) {
                found.push((value, at));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.into_iter().map(|(_, at)| at).collect()
    }

    /// The minimum that Newton's method with a shrinking and growing ridge finds from `at` (Levenberg's damping).
    fn descend(&self, mut at: [f64; 2]) -> Option<(f64, [f64; 2])> {
        let mut ridge = 1.0;
        let (mut f, mut g, mut h) = self.hessian(at);
        for _ in 0..100 {
            if !f.is_finite() {
                return None;
            }
            let lowest = eigenvalues(h)[0];
            // Not an absolute size: gradients of 10⁻⁹ are small against a curvature of 1.
            let small = g[0].abs().max(g[1].abs()) <= 1e-9 * (1.0 + h[0][0].abs() + h[1][1].abs());
            if small && lowest > 0.0 {
                // Two steps without a ridge leave nothing but rounding.
                for _ in 0..2 {
                    let (_, g, h) = self.hessian(at);
                    let step = solve(h, g)?;
                    at = [at[0] - step[0], at[1] - step[1]];
                }
                return Some((self.at(at[0], at[1]), at));
            }
            let shift = ridge + (-lowest).max(0.0);
            let step = solve([[h[0][0] + shift, h[0][1]], [h[1][0], h[1][1] + shift]], g)?;
            let next = [at[0] - step[0], at[1] - step[1]];
            let new = self.hessian(next);
            if new.0 <= f {
                (at, ridge) = (next, ridge * 0.2);
                (f, g, h) = new;
            } else {
                ridge = (ridge * 5.0).max(1e-6);
            }
        }
        None
    }

    /// The minimum that a search along sixteen directions finds, with steps from a hundredth of `width` down to 10⁻⁹ of it.
    fn feel(&self, mut at: [f64; 2], width: f64) -> Option<(f64, [f64; 2])> {
        let mut value: f64 = self.at(at[0], at[1]);
        let mut length = 0.01 * width;
        // The directions are turned against the axes, so that kinks along diagonals are no traps.
        let directions: Vec<(f64, f64)> =
            (0..16).map(|i| libm::sincos(std::f64::consts::PI * f64::from(i) / 8.0 + 0.1)).collect();
        for _ in 0..2000 {
            let places = directions.iter().map(|(s, c)| [at[0] + length * c, at[1] + length * s]);
            let best = places.map(|p| (self.at::<f64>(p[0], p[1]), p)).min_by(|a, b| a.0.total_cmp(&b.0))?;
            if best.0 < value {
                (value, at) = best;
            } else if length < 1e-9 * width {
                return value.is_finite().then_some((value, at));
            } else {
                length *= 0.5;
            }
        }
        None
    }
}

/// The eigenvalues of a symmetric 2 x 2 matrix, the smaller first.
pub fn eigenvalues(h: [[f64; 2]; 2]) -> [f64; 2] {
    let mean = 0.5 * (h[0][0] + h[1][1]);
    let half = 0.5 * (h[0][0] - h[1][1]);
    let radius = (half * half + h[0][1] * h[1][0]).sqrt();
    [mean - radius, mean + radius]
}

/// x with Ax = b; `None` if A is singular.
pub fn solve(a: [[f64; 2]; 2], b: [f64; 2]) -> Option<[f64; 2]> {
    let determinant = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    let x = [(b[0] * a[1][1] - b[1] * a[0][1]) / determinant, (b[1] * a[0][0] - b[0] * a[1][0]) / determinant];
    (x[0].is_finite() && x[1].is_finite()).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::pack::Pack;
    use crate::random::Random;

    fn all() -> Vec<Landscape> {
        use Landscape::*;
        let typed = Typed(Formula::parse("(x^2 - 1)^2 + y^2 + x/4").unwrap());
        let bowl = Landscape::bowl(30.0, 0.4);
        vec![
            bowl,
            Rosenbrock,
            Himmelblau,
            Beale,
            Booth,
            StyblinskiTang,
            Rastrigin,
            Ackley,
            Saddle,
            MonkeySaddle,
            Valley,
            TwoBasins,
            Wiggles,
            Roof,
            typed,
        ]
    }

    #[test]
    fn derivatives_match_finite_differences() {
        let mut random = Random::new(1, "landscape test");
        for landscape in all() {
            let [x, y] = landscape.window();
            for _ in 0..30 {
                let at = [random.between(x.0, x.1), random.between(y.0, y.1)];
                let (f, g, h) = landscape.hessian(at);
                assert!((f - landscape.at::<f64>(at[0], at[1])).abs() <= 1e-12 * (1.0 + f.abs()));
                assert_eq!(landscape.gradient(at), (f, g));
                for i in 0..2 {
                    let moved = |by: f64| {
                        let mut to = at;
                        to[i] += by;
                        landscape.gradient(to)
                    };
                    let (above, below) = (moved(1e-5), moved(-1e-5));
                    let scale = 1.0 + f.abs() + g[0].abs() + g[1].abs() + h[0][0].abs() + h[1][1].abs();
                    assert!((g[i] - (above.0 - below.0) / 2e-5).abs() < 1e-6 * scale, "{landscape:?} at {at:?}");
                    for (j, column) in h.iter().enumerate() {
                        assert!((column[i] - (above.1[j] - below.1[j]) / 2e-5).abs() < 1e-6 * scale, "{landscape:?} at {at:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn minima_are_the_known_ones() {
        let known = |landscape: &Landscape, at: &[[f64; 2]]| {
            let found = landscape.minima();
            assert_eq!(found.len(), at.len(), "{landscape:?}: {found:?}");
            for want in at {
                let near = |m: &&[f64; 2]| (m[0] - want[0]).abs() < 1e-5 && (m[1] - want[1]).abs() < 1e-5;
                assert!(found.iter().any(|m| near(&m)), "{landscape:?}: {want:?} is not in {found:?}");
            }
        };
        known(&Landscape::bowl(100.0, 1.0), &[[0.0, 0.0]]);
        known(&Landscape::Rosenbrock, &[[1.0, 1.0]]);
        known(&Landscape::Beale, &[[3.0, 0.5]]);
        known(&Landscape::Booth, &[[1.0, 3.0]]);
        let himmelblau =
            [[3.0, 2.0], [-2.805_118_087, 3.131_312_518], [-3.779_310_253, -3.283_185_991], [3.584_428_34, -1.848_126_527]];
        known(&Landscape::Himmelblau, &himmelblau);
        let (a, b) = (-2.903_534_028, 2.746_802_745);
        known(&Landscape::StyblinskiTang, &[[a, a], [a, b], [b, a], [b, b]]);
        assert!((Landscape::StyblinskiTang.at::<f64>(a, a) + 2.0 * 39.166_165_704).abs() < 1e-6);
        known(&Landscape::Saddle, &[[0.0, 1.0], [0.0, -1.0]]);
        known(&Landscape::Valley, &[[0.0, 0.0]]);
        // r³ cos 3φ + r⁴/8 is least at cos 3φ = −1, r = 6.
        known(&Landscape::MonkeySaddle, &[[-6.0, 0.0], [3.0, 27f64.sqrt()], [3.0, -27f64.sqrt()]]);
        let pairs = |values: &[f64]| values.iter().flat_map(|a| values.iter().map(|b| [*a, *b])).collect::<Vec<_>>();
        known(&Landscape::TwoBasins, &pairs(&[-0.3, 0.2]));
        known(&Landscape::Roof, &pairs(&[-0.5, 0.0, 0.5]));
        let wiggles = Landscape::Wiggles.minima();
        assert!((wiggles[0][0] + 0.642_918_598_8).abs() < 1e-8 && (wiggles[0][1] + 0.642_918_598_8).abs() < 1e-8, "{wiggles:?}");
        let lowest = Landscape::Rastrigin.minima();
        assert!(lowest.len() == 49 && lowest[0][0].abs() < 1e-8 && lowest[0][1].abs() < 1e-8, "{lowest:?}");
        let lowest = Landscape::Ackley.minima();
        assert!(lowest[0][0].abs() < 1e-6 && lowest[0][1].abs() < 1e-6, "{lowest:?}");
    }

    /// At a minimum with value 0 the residuals vanish, and the Gauss-Newton matrix is the Hessian.
    #[test]
    fn gauss_newton_is_the_hessian_where_residuals_vanish() {
        use Landscape::*;
        for landscape in [Landscape::bowl(30.0, 0.4), Rosenbrock, Himmelblau, Beale, Booth] {
            for at in landscape.minima() {
                let (value, _, hessian) = landscape.hessian(at);
                let gauss_newton = landscape.gauss_newton(at).unwrap();
                assert!(value < 1e-12, "{landscape:?}");
                for i in 0..4 {
                    let (a, b) = (hessian[i / 2][i % 2], gauss_newton[i / 2][i % 2]);
                    assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{landscape:?} at {at:?}: {a}, {b}");
                }
            }
        }
        assert!(Ackley.gauss_newton([1.0, 1.0]).is_none());
    }

    #[test]
    fn eight_points_at_once_are_the_same_points() {
        let mut random = Random::new(2, "landscape test");
        for landscape in all() {
            let [wx, wy] = landscape.window();
            let x: [f32; 8] = std::array::from_fn(|_| random.between(wx.0, wx.1) as f32);
            let y: [f32; 8] = std::array::from_fn(|_| random.between(wy.0, wy.1) as f32);
            let [jx, jy] = Jet::variables(Pack::load(&x), Pack::load(&y));
            let jet = landscape.at(jx, jy);
            for i in 0..8 {
                let (f, g) = landscape.gradient([f64::from(x[i]), f64::from(y[i])]);
                let near = |a: f32, b: f64| (f64::from(a) - b).abs() <= 1e-4 * (1.0 + f.abs() + g[0].abs() + g[1].abs());
                let got = (jet.value.lanes()[i], jet.x.lanes()[i], jet.y.lanes()[i]);
                assert!(near(got.0, f) && near(got.1, g[0]) && near(got.2, g[1]), "{landscape:?}: {got:?}, {f} {g:?}");
            }
        }
    }
}
