//! Optimizers that need more than a gradient a step: values, second gradients, Hessians, a line search. The first-order rules of
//! [`Rule`] run through the same door, so that all can be raced.

use super::{Optimizer, Rule};
use crate::methods::landscapes::eigenvalues;

/// What a solver may ask for. `x` and gradients have the problem's size; Hessians are row by row.
pub trait Objective {
    /// f(x)
    fn value(&mut self, x: &[f64]) -> f64;
    /// f(x), and ∇f(x) into `gradient`.
    fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64;
    /// f(x), ∇f(x) and ∇²f(x).
    fn hessian(&mut self, x: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64;
}

/// An optimizer; α is the step size, g = ∇f(x), H = ∇²f(x).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// One of the first-order rules.
    First(Rule),
    /// x ← x − α∇f(x + ρg/‖g‖) (Foret et al. 2021).
    Sam { rho: f64 },
    /// x ← x − α(f − f*)/‖g‖² g, f* the least value (Polyak 1969; α = 1 is his).
    Polyak { least: f64 },
    /// x ← x − (sᵀs/sᵀy)g with s, y the last changes of x and g; where sᵀy <= 0, ‖s‖/‖y‖. First step αg (Barzilai & Borwein 1988).
    BarzilaiBorwein,
    /// d ← −g + max(0, gᵀ(g − g₋)/‖g₋‖²)d, then a Wolfe line search from α (Polak & Ribière 1969).
    ConjugateGradient,
    /// Two-loop recursion over the last `memory` pairs (Nocedal 1980), by a Wolfe line search from α, or with `fixed` steps as PyTorch's
    /// `LBFGS(line_search_fn=None)` takes them: min(1, 1/‖g‖₁)α first, then α.
    Lbfgs { memory: usize, fixed: bool },
    /// x ← x − α(H + λI)⁻¹g; drawn to saddles too.
    Newton { damping: f64 },
    /// The minimum over s of gᵀs + ½sᵀHs + M/6 ‖s‖³, times α (Nesterov & Polyak 2006).
    CubicNewton { third: f64 },
    /// x ← x − α(H + √(M‖g‖/2) I)⁻¹g, where H has negative curvature shifted by it too (Mishchenko 2023, for convex f).
    GradientNewton { third: f64 },
    /// S ← S + ggᵀ, x ← x − αS^{-1/4}(Σ‖g‖²)^{-1/4}g: Shampoo on a column vector, S₀ = εI (Gupta, Koren & Singer 2018).
    Shampoo { epsilon: f64 },
}

/// An optimizer on its way from a point.
#[derive(Clone, Debug)]
pub struct Solver {
    /// The method.
    pub method: Method,
    /// The step size α; a schedule may change it between steps.
    pub step_size: f64,
    first: Option<Optimizer<f64>>,
    /// g₋ and d of conjugate gradients, x₋ and g₋ of the others; Shampoo's S.
    before: Option<(Vec<f64>, Vec<f64>)>,
    /// The last pairs (s, y).
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
    sum: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// x + td
fn along(x: &[f64], t: f64, d: &[f64]) -> Vec<f64> {
    x.iter().zip(d).map(|(x, d)| x + t * d).collect()
}

impl Solver {
    /// A solver for `size` unknowns; those with a Hessian need size 2.
    pub fn new(method: Method, step_size: f64, size: usize) -> Self {
        let first = if let Method::First(rule) = method { Some(Optimizer::new(rule, step_size, size)) } else { None };
        Solver { method, step_size, first, before: None, pairs: Vec::new(), sum: Vec::new() }
    }

    /// One step of `x`.
    pub fn step(&mut self, x: &mut [f64], f: &mut dyn Objective) {
        let mut g = vec![0.0; x.len()];
        let alpha = self.step_size;
        match self.method {
            Method::First(_) => {
                f.gradient(x, &mut g);
                let first = self.first.as_mut().expect("a first-order solver has its rule");
                first.step_size = alpha;
                first.step(x, &g);
            }
            Method::Sam { rho } => {
                f.gradient(x, &mut g);
                let uphill = along(x, rho / norm(&g).max(1e-30), &g);
                f.gradient(&uphill, &mut g);
                shift(x, -alpha, &g);
            }
            Method::Polyak { least } => {
                let gap = f.gradient(x, &mut g) - least;
                shift(x, -alpha * gap / dot(&g, &g).max(1e-300), &g);
            }
            Method::BarzilaiBorwein => {
                f.gradient(x, &mut g);
                let mut length = alpha;
                if let Some((x0, g0)) = &self.before {
                    let (s, y) = (along(x, -1.0, x0), along(&g, -1.0, g0));
                    let (ss, sy) = (dot(&s, &s), dot(&s, &y));
                    length = if ss == 0.0 {
                        0.0
                    } else if sy > 0.0 {
                        ss / sy
                    } else {
                        (ss / dot(&y, &y).max(1e-300)).sqrt()
                    };
                }
                self.before = Some((x.to_vec(), g.clone()));
                shift(x, -length, &g);
            }
            Method::ConjugateGradient => {
                let value = f.gradient(x, &mut g);
                let mut d: Vec<f64> = g.iter().map(|g| -g).collect();
                if let Some((g0, d0)) = &self.before {
                    let beta = (dot(&g, &along(&g, -1.0, g0)) / dot(g0, g0).max(1e-300)).max(0.0);
                    let conjugate = along(&d, beta, d0);
                    if dot(&conjugate, &g) < 0.0 {
                        d = conjugate;
                    }
                }
                let t = wolfe(f, x, &d, value, &g, alpha);
                self.before = Some((g, d.clone()));
                shift(x, t, &d);
            }
            Method::Lbfgs { memory, fixed } => {
                let value = f.gradient(x, &mut g);
                if let Some((x0, g0)) = &self.before {
                    let (s, y) = (along(x, -1.0, x0), along(&g, -1.0, g0));
                    if dot(&s, &y) > 1e-10 {
                        self.pairs.push((s, y));
                        if self.pairs.len() > memory {
                            self.pairs.remove(0);
                        }
                    }
                }
                let mut d = self.two_loops(&g);
                if dot(&d, &g) >= 0.0 && !fixed {
                    d = g.iter().map(|g| -g).collect();
                }
                let t = if fixed {
                    let sum: f64 = g.iter().map(|g| g.abs()).sum();
                    if self.before.is_none() { (1.0 / sum).min(1.0) * alpha } else { alpha }
                } else {
                    wolfe(f, x, &d, value, &g, if self.pairs.is_empty() { alpha / norm(&g).max(1.0) } else { 1.0 })
                };
                self.before = Some((x.to_vec(), g));
                shift(x, t, &d);
            }
            Method::Newton { damping } => {
                let h = hessian(f, x, &mut g);
                if let Some(step) = shifted(h, damping, &g) {
                    shift(x, -alpha, &step);
                }
            }
            Method::CubicNewton { third } => {
                let h = hessian(f, x, &mut g);
                if let Some(step) = cubic(h, &g, third) {
                    shift(x, -alpha, &step);
                }
            }
            Method::GradientNewton { third } => {
                let h = hessian(f, x, &mut g);
                let ridge = (0.5 * third * norm(&g)).sqrt() + (-2.0 * eigenvalues(h)[0]).max(0.0);
                if let Some(step) = shifted(h, ridge, &g) {
                    shift(x, -alpha, &step);
                }
            }
            Method::Shampoo { epsilon } => {
                f.gradient(x, &mut g);
                let n = x.len();
                if self.sum.is_empty() {
                    self.sum = (0..n * n).map(|i| if i % (n + 1) == 0 { epsilon } else { 0.0 }).collect();
                }
                (0..n * n).for_each(|i| self.sum[i] += g[i / n] * g[i % n]);
                // The trace of S is Σ‖g‖² + nε, and the right factor starts with its own ε.
                let right = (0..n).map(|i| self.sum[i * (n + 1)]).sum::<f64>() - (n as f64 - 1.0) * epsilon;
                let eigen = nalgebra::DMatrix::from_row_slice(n, n, &self.sum).symmetric_eigen();
                let q = eigen.eigenvectors;
                let mut c = q.tr_mul(&nalgebra::DVector::from_column_slice(&g));
                c.iter_mut().zip(eigen.eigenvalues.iter()).for_each(|(c, l)| *c /= l.max(epsilon).sqrt().sqrt());
                let direction = q * c / right.sqrt().sqrt();
                shift(x, -alpha, direction.as_slice());
            }
        }
    }

    /// −Hg with the inverse Hessian H of the pairs, scaled by the last pair.
    fn two_loops(&self, g: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = g.iter().map(|g| -g).collect();
        let mut shares = Vec::new();
        for (s, y) in self.pairs.iter().rev() {
            let share = dot(s, &q) / dot(s, y);
            shift(&mut q, -share, y);
            shares.push(share);
        }
        if let Some((s, y)) = self.pairs.last() {
            let scale = dot(s, y) / dot(y, y);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for ((s, y), share) in self.pairs.iter().zip(shares.iter().rev()) {
            let by = share - dot(y, &q) / dot(s, y);
            shift(&mut q, by, s);
        }
        q
    }
}

/// x ← x + td
fn shift(x: &mut [f64], t: f64, d: &[f64]) {
    x.iter_mut().zip(d).for_each(|(x, d)| *x += t * d);
}

fn hessian(f: &mut dyn Objective, x: &[f64], g: &mut [f64]) -> [[f64; 2]; 2] {
    assert_eq!(x.len(), 2, "solvers with a Hessian are for two unknowns");
    let mut h = [0.0; 4];
    f.hessian(x, g, &mut h);
    [[h[0], h[1]], [h[2], h[3]]]
}

/// (H + ridge·I)⁻¹g
fn shifted(h: [[f64; 2]; 2], ridge: f64, g: &[f64]) -> Option<[f64; 2]> {
    crate::methods::landscapes::solve([[h[0][0] + ridge, h[0][1]], [h[1][0], h[1][1] + ridge]], [g[0], g[1]])
}

/// −s of the cubic model's minimum: s = −(H + Mr/2 I)⁻¹g where r = ‖s‖, found by bisection over r.
fn cubic(h: [[f64; 2]; 2], g: &[f64], third: f64) -> Option<[f64; 2]> {
    let size = norm(g);
    let floor = (-2.0 * eigenvalues(h)[0] / third).max(0.0);
    let (mut low, mut high) = (floor, floor + (2.0 * size / third).sqrt() + 1e-12);
    for _ in 0..80 {
        let r = 0.5 * (low + high);
        match shifted(h, 0.5 * third * r, g) {
            Some(s) if norm(&s) <= r => high = r,
            _ => low = r,
        }
    }
    shifted(h, 0.5 * third * high, g)
}

/// A step along the descent direction `d` that satisfies the strong Wolfe conditions (c₁ = 10⁻⁴, c₂ = 0.5), found by doubling from `start` and
/// halving; the best seen after 30 tries. `value` and `g` are f and its gradient at `x`.
fn wolfe(f: &mut dyn Objective, x: &[f64], d: &[f64], value: f64, g: &[f64], start: f64) -> f64 {
    let slope = dot(d, g);
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let (mut t, mut best) = (start, (value, 0.0));
    let mut gradient = vec![0.0; x.len()];
    for _ in 0..30 {
        let now = f.gradient(&along(x, t, d), &mut gradient);
        if now < best.0 {
            best = (now, t);
        }
        let tilt = dot(d, &gradient);
        if !now.is_finite() || now > value + 1e-4 * t * slope || tilt > -0.5 * slope {
            high = t;
        } else if tilt < 0.5 * slope {
            low = t;
        } else {
            return t;
        }
        t = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * t };
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::landscapes::Landscape;

    struct On(Landscape);

    impl Objective for On {
        fn value(&mut self, x: &[f64]) -> f64 {
            self.0.at(x[0], x[1])
        }
        fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
            let (f, g) = self.0.gradient([x[0], x[1]]);
            gradient.copy_from_slice(&g);
            f
        }
        fn hessian(&mut self, x: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
            let (f, g, h) = self.0.hessian([x[0], x[1]]);
            gradient.copy_from_slice(&g);
            hessian.copy_from_slice(&h.concat());
            f
        }
    }

    fn run(method: Method, alpha: f64, on: Landscape, start: [f64; 2], steps: usize) -> ([f64; 2], f64) {
        let (mut solver, mut x, mut on) = (Solver::new(method, alpha, 2), start, On(on));
        for _ in 0..steps {
            solver.step(&mut x, &mut on);
        }
        (x, on.value(&x))
    }

    const BOWL: Landscape = Landscape::Bowl { condition: 20.0, angle: 0.5 };

    #[test]
    fn quadratics_take_as_many_steps_as_theory_says() {
        let start = [3.0, -2.0];
        assert!(run(Method::Newton { damping: 0.0 }, 1.0, BOWL, start, 1).1 < 1e-24);
        // Within the Wolfe conditions' tolerance of an exact search, two conjugate directions are nearly enough.
        assert!(run(Method::ConjugateGradient, 0.1, BOWL, start, 20).1 < 1e-10);
        assert!(run(Method::Lbfgs { memory: 5, fixed: false }, 1.0, BOWL, start, 12).1 < 1e-12);
        assert!(run(Method::BarzilaiBorwein, 0.01, BOWL, start, 30).1 < 1e-12);
        // Polyak's step with f* known: ‖x − x*‖ never grows, f falls at least like 1/κ.
        let (x, value) = run(Method::Polyak { least: 0.0 }, 1.0, BOWL, start, 100);
        assert!(norm(&x) < norm(&start) && value < 1e-3, "{value}");
    }

    #[test]
    fn all_but_first_order_solve_rosenbrock() {
        let start = [-1.5, 2.0];
        for (method, alpha, steps) in [
            (Method::Newton { damping: 0.0 }, 1.0, 10),
            (Method::CubicNewton { third: 2000.0 }, 1.0, 200),
            (Method::GradientNewton { third: 20.0 }, 1.0, 100),
            (Method::Lbfgs { memory: 10, fixed: false }, 1.0, 60),
            (Method::ConjugateGradient, 1e-3, 100),
            (Method::BarzilaiBorwein, 1e-3, 200),
        ] {
            let (x, value) = run(method, alpha, Landscape::Rosenbrock, start, steps);
            assert!(value < 1e-8, "{method:?}: {x:?}, {value}");
        }
    }

    /// A minimum of the cubic model: the gradient of the model is zero there, and the shifted Hessian is positive.
    #[test]
    fn the_cubic_step_is_the_models_minimum() {
        for at in [[0.3, 0.2], [-1.0, 0.4], [1.5, -0.01]] {
            let (_, g, h) = Landscape::Saddle.hessian(at);
            let third = 6.0;
            let s = cubic(h, &g, third).unwrap().map(|s| -s);
            let r = norm(&s);
            for i in 0..2 {
                let slope = g[i] + h[i][0] * s[0] + h[i][1] * s[1] + 0.5 * third * r * s[i];
                assert!(slope.abs() < 1e-9, "{at:?}: {slope}");
            }
            assert!(eigenvalues(h)[0] + 0.5 * third * r >= -1e-9);
        }
    }

    #[test]
    fn newton_is_drawn_to_the_saddle_and_its_repairs_are_not() {
        let (at, alpha) = ([0.5, 0.3], 1.0);
        let end = |method| run(method, alpha, Landscape::Saddle, at, 60);
        assert!(norm(&end(Method::Newton { damping: 0.0 }).0) < 1e-9);
        assert!((end(Method::CubicNewton { third: 6.0 }).1 + 0.25).abs() < 1e-9);
        assert!((end(Method::GradientNewton { third: 6.0 }).1 + 0.25).abs() < 1e-9);
    }

    /// Written out: g = (3, 0) at (3, 0) of ½(x² + y²), then the gradient at (3 + ρ, 0); Shampoo's factors are both √‖g‖.
    #[test]
    fn first_steps_by_hand() {
        let round = Landscape::Bowl { condition: 1.0, angle: 0.0 };
        let near = |a: [f64; 2], b: [f64; 2]| assert!((a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9, "{a:?} {b:?}");
        near(run(Method::Sam { rho: 0.5 }, 0.1, round.clone(), [3.0, 0.0], 1).0, [3.0 - 0.35, 0.0]);
        near(run(Method::Polyak { least: 0.0 }, 1.0, round.clone(), [3.0, 4.0], 1).0, [1.5, 2.0]);
        near(run(Method::Shampoo { epsilon: 1e-12 }, 0.1, round.clone(), [3.0, 0.0], 1).0, [2.9, 0.0]);
        // S = ggᵀ + hhᵀ with h = 2.9: the fourth root of (9 + 8.41), on both sides.
        near(run(Method::Shampoo { epsilon: 1e-12 }, 0.1, round, [3.0, 0.0], 2).0, [2.9 - 0.29 / 17.41f64.sqrt(), 0.0]);
    }
}
