//! Optimizers that need more than a gradient a step: second gradients, curvature, a line search, the shape of matrices. The
//! first-order rules of [`Rule`] run through the same door, so that all can be raced.

use nalgebra::{DMatrix, DVector};

use super::{Optimizer, Rule};
use crate::linear::lanczos::Lanczos;

/// Which curvature a product is taken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curvature {
    /// ∇²f
    Hessian,
    /// The Gauss-Newton matrix: the curvature of the loss seen through the model's linearisation, never negative. For softmax
    /// cross-entropy it is the Fisher information.
    GaussNewton,
}

/// What a solver may ask for. `x`, gradients and directions have the problem's size.
pub trait Objective {
    /// f(x), and ∇f(x) into `gradient`.
    fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64;
    /// The curvature at `x` times `v`, into `product`.
    fn product(&mut self, x: &[f64], v: &[f64], curvature: Curvature, product: &mut [f64]);
    /// The matrices (rows, columns) that x consists of, one after another, row by row.
    fn blocks(&self, size: usize) -> Vec<(usize, usize)> {
        vec![(size, 1)]
    }
}

/// An optimizer; α is the step size, g = ∇f(x), H = ∇²f(x).
///
/// Those with H look at it in the Krylov space of g, of at most [`KRYLOV`] dimensions: exact for two unknowns.
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
    /// Two-loop recursion over the last `memory` pairs (Nocedal 1980), by a Wolfe line search, or with `fixed` steps as PyTorch's
    /// `LBFGS(line_search_fn=None)` takes them: min(1, 1/‖g‖₁)α first, then α.
    Lbfgs { memory: usize, fixed: bool },
    /// x ← x − α(H + λI)⁻¹g; drawn to saddles too.
    Newton { damping: f64 },
    /// The minimum over s of gᵀs + ½sᵀHs + M/6 ‖s‖³, times α (Nesterov & Polyak 2006).
    CubicNewton { third: f64 },
    /// x ← x − α(H + √(M‖g‖/2) I)⁻¹g, where H has negative curvature shifted by it too (Mishchenko 2023, for convex f).
    GradientNewton { third: f64 },
    /// x ← x − α(G + λI)⁻¹g with the [Gauss-Newton](Curvature::GaussNewton) matrix G; the natural gradient for softmax
    /// (Amari 1998; Martens 2010).
    GaussNewton { damping: f64 },
    /// x ← x − α(λI + 1/m Σ gᵢgᵢᵀ)⁻¹g over the last m = `memory` gradients (Frantar, Kurtic & Alistarh 2021).
    MFac { memory: usize, damping: f64 },
    /// For each matrix: L ← L + GGᵀ, R ← R + GᵀG, x ← x − αL^{-1/4}GR^{-1/4}, L₀ = R₀ = εI (Gupta, Koren & Singer 2018). The roots of
    /// matrices with more than [`SHAMPOO`] rows or columns are taken at every tenth step.
    Shampoo { epsilon: f64 },
    /// For each matrix: B ← μB + G, x ← x − α√max(1, rows/columns) O where O is G + μB with its singular values brought near 1 by five
    /// Newton-Schulz steps; for a vector that is close to a step of length α (Jordan et al. 2024).
    Muon { mu: f64 },
}

/// Dimensions of the Krylov space in which curvature is seen, at most.
pub const KRYLOV: usize = 20;

/// Above this many rows or columns Shampoo's roots are used for ten steps.
pub const SHAMPOO: usize = 8;

/// A step with more than one part of x in it does not start from what is smaller.
const NONE: f64 = 1e-300;

/// An optimizer on its way from a point.
#[derive(Clone, Debug)]
pub struct Solver {
    /// The method.
    pub method: Method,
    /// The step size α; a schedule may change it between steps.
    pub step_size: f64,
    first: Option<Optimizer<f64>>,
    /// g₋ and d of conjugate gradients, x₋ and g₋ of the others.
    before: Option<(Vec<f64>, Vec<f64>)>,
    /// The last pairs (s, y); M-FAC's last gradients in the first place.
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
    factors: Vec<Factor>,
    /// Muon's B.
    momentum: Vec<f64>,
    steps: usize,
}

/// Shampoo's L and R of one matrix, and their roots.
#[derive(Clone, Debug)]
struct Factor {
    sides: [DMatrix<f64>; 2],
    roots: [DMatrix<f64>; 2],
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
    /// A solver for `size` unknowns.
    pub fn new(method: Method, step_size: f64, size: usize) -> Self {
        let first = if let Method::First(rule) = method { Some(Optimizer::new(rule, step_size, size)) } else { None };
        Solver { method, step_size, first, before: None, pairs: Vec::new(), factors: Vec::new(), momentum: Vec::new(), steps: 0 }
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
                f.gradient(x, &mut g);
                shift(x, -alpha, &Krylov::of(f, x, &g, Curvature::Hessian).shifted(damping));
            }
            Method::GaussNewton { damping } => {
                f.gradient(x, &mut g);
                shift(x, -alpha, &Krylov::of(f, x, &g, Curvature::GaussNewton).shifted(damping));
            }
            Method::CubicNewton { third } => {
                f.gradient(x, &mut g);
                shift(x, -alpha, &Krylov::of(f, x, &g, Curvature::Hessian).cubic(third));
            }
            Method::GradientNewton { third } => {
                f.gradient(x, &mut g);
                let krylov = Krylov::of(f, x, &g, Curvature::Hessian);
                let ridge = (0.5 * third * norm(&g)).sqrt() + (-2.0 * krylov.lowest()).max(0.0);
                shift(x, -alpha, &krylov.shifted(ridge));
            }
            Method::MFac { memory, damping } => {
                f.gradient(x, &mut g);
                self.pairs.push((g.clone(), Vec::new()));
                if self.pairs.len() > memory {
                    self.pairs.remove(0);
                }
                // (λI + GGᵀ/m)⁻¹g = (g − G(λmI + GᵀG)⁻¹Gᵀg)/λ, a small system.
                let m = self.pairs.len();
                let gram = DMatrix::from_fn(m, m, |i, j| {
                    dot(&self.pairs[i].0, &self.pairs[j].0) + if i == j { damping * m as f64 } else { 0.0 }
                });
                let right = DVector::from_fn(m, |i, _| dot(&self.pairs[i].0, &g));
                if let Some(shares) = gram.lu().solve(&right) {
                    for (share, (old, _)) in shares.iter().zip(&self.pairs) {
                        shift(&mut g, -share, old);
                    }
                    shift(x, -alpha / damping, &g);
                }
            }
            Method::Shampoo { epsilon } => {
                f.gradient(x, &mut g);
                let blocks = f.blocks(x.len());
                if self.factors.is_empty() {
                    let start = |n: usize| DMatrix::identity(n, n) * epsilon;
                    let factor = |&(r, c): &(usize, usize)| Factor { sides: [start(r), start(c)], roots: [start(r), start(c)] };
                    self.factors = blocks.iter().map(factor).collect();
                }
                let mut at = 0;
                for ((rows, columns), factor) in blocks.into_iter().zip(&mut self.factors) {
                    let part = at..at + rows * columns;
                    let matrix = DMatrix::from_row_slice(rows, columns, &g[part.clone()]);
                    factor.sides[0] += &matrix * matrix.transpose();
                    factor.sides[1] += matrix.tr_mul(&matrix);
                    if rows.max(columns) <= SHAMPOO || self.steps.is_multiple_of(10) {
                        factor.roots = [0, 1].map(|side| inverse_fourth_root(&factor.sides[side], epsilon));
                    }
                    let step = &factor.roots[0] * matrix * &factor.roots[1];
                    // Columns of the transpose are rows.
                    shift(&mut x[part], -alpha, step.transpose().as_slice());
                    at += rows * columns;
                }
            }
            Method::Muon { mu } => {
                f.gradient(x, &mut g);
                self.momentum.resize(x.len(), 0.0);
                self.momentum.iter_mut().zip(&g).for_each(|(b, g)| *b = mu * *b + g);
                shift(&mut g, mu, &self.momentum);
                let mut at = 0;
                for (rows, columns) in f.blocks(x.len()) {
                    let part = at..at + rows * columns;
                    let step = orthogonalised(DMatrix::from_row_slice(rows, columns, &g[part.clone()]));
                    let scale = (rows as f64 / columns as f64).max(1.0);
                    // A vector is a matrix of one column, whose length should not grow with its size.
                    let scale = if columns == 1 { 1.0 } else { scale.sqrt() };
                    shift(&mut x[part], -alpha * scale, step.transpose().as_slice());
                    at += rows * columns;
                }
            }
        }
        self.steps += 1;
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

/// A symmetric matrix to the power −1/4; eigenvalues below `least` count as that.
fn inverse_fourth_root(matrix: &DMatrix<f64>, least: f64) -> DMatrix<f64> {
    if !matrix.iter().all(|v| v.is_finite()) {
        return matrix.clone();
    }
    let eigen = matrix.clone().symmetric_eigen();
    let root = eigen.eigenvalues.map(|l| 1.0 / l.max(least).max(NONE).sqrt().sqrt());
    &eigen.eigenvectors * DMatrix::from_diagonal(&root) * eigen.eigenvectors.transpose()
}

/// The matrix with its singular values brought near 1: five steps of the quintic iteration of Jordan et al. 2024.
fn orthogonalised(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let tall = matrix.nrows() > matrix.ncols();
    let mut x = if tall { matrix.transpose() } else { matrix };
    x /= x.norm().max(NONE);
    for _ in 0..5 {
        let a = &x * x.transpose();
        let b = &a * -4.7750 + &a * &a * 2.0315;
        x = &x * 3.4445 + b * &x;
    }
    if tall { x.transpose() } else { x }
}

/// A gradient in the eigenvectors of the curvature seen from it: g = Σ cᵢvᵢ, and the eigenvalue of each.
struct Krylov {
    values: Vec<f64>,
    shares: Vec<f64>,
    vectors: Vec<Vec<f64>>,
    size: usize,
}

impl Krylov {
    /// Of `gradient` at `x`; empty, and every step from it none, where the gradient is zero or not finite.
    fn of(f: &mut dyn Objective, x: &[f64], gradient: &[f64], curvature: Curvature) -> Krylov {
        let length = norm(gradient);
        let mut out = Krylov { values: Vec::new(), shares: Vec::new(), vectors: Vec::new(), size: x.len() };
        if length < NONE || !length.is_finite() {
            return out;
        }
        let mut lanczos = Lanczos::new(gradient.to_vec());
        while lanczos.steps() < KRYLOV.min(x.len()) && !lanczos.exhausted() {
            let mut image = vec![0.0; x.len()];
            f.product(x, lanczos.next(), curvature, &mut image);
            if !image.iter().all(|v| v.is_finite()) {
                return out;
            }
            lanczos.step(image);
        }
        let ritz = lanczos.ritz();
        out.vectors = (0..ritz.values.len()).map(|i| lanczos.vector(&ritz, i)).collect();
        out.shares = out.vectors.iter().map(|v| dot(v, gradient)).collect();
        out.values = ritz.values;
        out
    }

    fn lowest(&self) -> f64 {
        self.values.first().copied().unwrap_or(0.0)
    }

    /// (H + ridge·I)⁻¹g
    fn shifted(&self, ridge: f64) -> Vec<f64> {
        let mut step = vec![0.0; self.size];
        for ((value, share), v) in self.values.iter().zip(&self.shares).zip(&self.vectors) {
            shift(&mut step, share / (value + ridge), v);
        }
        step
    }

    /// −s of the cubic model's minimum: s = −(H + Mr/2 I)⁻¹g where r = ‖s‖, found by bisection over r.
    fn cubic(&self, third: f64) -> Vec<f64> {
        let length = norm(&self.shares);
        let floor = (-2.0 * self.lowest() / third).max(0.0);
        let (mut low, mut high) = (floor, floor + (2.0 * length / third).sqrt() + 1e-12);
        for _ in 0..80 {
            let r = 0.5 * (low + high);
            let steps = self.values.iter().zip(&self.shares).map(|(value, share)| share / (value + 0.5 * third * r));
            if steps.map(|s| s * s).sum::<f64>().sqrt() <= r {
                high = r;
            } else {
                low = r;
            }
        }
        self.shifted(0.5 * third * high)
    }
}

/// A step along the descent direction `d` that satisfies the strong Wolfe conditions (c₁ = 10⁻⁴, c₂ = 0.5), found by doubling from `start` and
/// halving; the best seen after 30 tries. `value` and `g` are f and its gradient at `x`.
fn wolfe(f: &mut dyn Objective, x: &[f64], d: &[f64], value: f64, g: &[f64], start: f64) -> f64 {
    let slope = dot(d, g);
    // What there is to gain is less than the rounding of f: nothing can be told from values any more.
    if -slope * start.min(1.0) <= f64::EPSILON * value.abs() {
        return 0.0;
    }
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
    use crate::number::formula::Formula;
    use crate::optimize::test_functions::{Landscape, eigenvalues};

    struct On(Landscape);

    impl Objective for On {
        fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
            let (f, g) = self.0.gradient([x[0], x[1]]);
            gradient.copy_from_slice(&g);
            f
        }
        fn product(&mut self, x: &[f64], v: &[f64], curvature: Curvature, product: &mut [f64]) {
            let h = match curvature {
                Curvature::Hessian => self.0.hessian([x[0], x[1]]).2,
                Curvature::GaussNewton => self.0.gauss_newton([x[0], x[1]]).unwrap(),
            };
            (0..2).for_each(|i| product[i] = h[i][0] * v[0] + h[i][1] * v[1]);
        }
    }

    fn run(method: Method, alpha: f64, on: Landscape, start: [f64; 2], steps: usize) -> ([f64; 2], f64) {
        let (mut solver, mut x, mut on) = (Solver::new(method, alpha, 2), start, On(on));
        for _ in 0..steps {
            solver.step(&mut x, &mut on);
        }
        (x, on.0.at(x[0], x[1]))
    }

    fn bowl() -> Landscape {
        Landscape::bowl(20.0, 0.5)
    }

    #[test]
    fn quadratics_take_as_many_steps_as_theory_says() {
        let start = [3.0, -2.0];
        assert!(run(Method::Newton { damping: 0.0 }, 1.0, bowl(), start, 1).1 < 1e-24);
        // Within the Wolfe conditions' tolerance of an exact search, two conjugate directions are nearly enough.
        assert!(run(Method::ConjugateGradient, 0.1, bowl(), start, 20).1 < 1e-10);
        assert!(run(Method::Lbfgs { memory: 5, fixed: false }, 1.0, bowl(), start, 12).1 < 1e-12);
        assert!(run(Method::BarzilaiBorwein, 0.01, bowl(), start, 30).1 < 1e-12);
        // Polyak's step with f* known: ‖x − x*‖ never grows, f falls at least like 1/κ.
        let (x, value) = run(Method::Polyak { least: 0.0 }, 1.0, bowl(), start, 100);
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
            let krylov = Krylov::of(&mut On(Landscape::Saddle), &at, &g, Curvature::Hessian);
            let s: Vec<f64> = krylov.cubic(third).iter().map(|s| -s).collect();
            let r = norm(&s);
            for i in 0..2 {
                let slope = g[i] + h[i][0] * s[0] + h[i][1] * s[1] + 0.5 * third * r * s[i];
                assert!(slope.abs() < 1e-9, "{at:?}: {slope}");
            }
            assert!(eigenvalues(h)[0] + 0.5 * third * r >= -1e-9);
        }
    }

    /// On a sum of squares of linear residuals both curvatures are the same, and both solve it at once.
    #[test]
    fn gauss_newton_solves_linear_residuals_at_once_and_rosenbrock_in_two() {
        assert!(run(Method::GaussNewton { damping: 0.0 }, 1.0, Landscape::Booth, [3.0, -2.0], 1).1 < 1e-20);
        assert!(run(Method::GaussNewton { damping: 0.0 }, 1.0, Landscape::Rosenbrock, [-1.5, 2.0], 2).1 < 1e-20);
    }

    /// ½ Σ c(x − t)² with c and t of make_solvers.py, a 3 × 2 matrix.
    struct Weighted;

    impl Objective for Weighted {
        fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
            let target = [3.0, -1.0, 0.5, 2.0, -2.0, 1.0];
            (0..6).for_each(|i| gradient[i] = (i + 1) as f64 * (x[i] - target[i]));
            (0..6).map(|i| 0.5 * gradient[i] * (x[i] - target[i])).sum()
        }
        fn product(&mut self, _: &[f64], v: &[f64], _: Curvature, product: &mut [f64]) {
            (0..6).for_each(|i| product[i] = (i + 1) as f64 * v[i]);
        }
        fn blocks(&self, _: usize) -> Vec<(usize, usize)> {
            vec![(3, 2)]
        }
    }

    /// See make_solvers.py.
    #[test]
    fn first_twenty_steps_are_pytorchs() {
        let fixture = include_str!("../../../tests/fixtures/solvers.csv");
        let mut run: Option<(String, Solver, Vec<f64>)> = None;
        let mut seen = 0;
        for row in fixture.lines().skip(1) {
            let [name, problem, step_size, step, theirs] = row.split(',').collect::<Vec<_>>().try_into().unwrap();
            let theirs: Vec<f64> = theirs.split(' ').map(|x| x.parse().unwrap()).collect();
            let id = format!("{name} on {problem}");
            if run.as_ref().is_none_or(|(r, ..)| *r != id) {
                let (method, start) = match name {
                    "LBFGS" => (Method::Lbfgs { memory: 5, fixed: true }, vec![-1.5, 2.0]),
                    _ => (Method::Muon { mu: 0.9 }, vec![0.0; 6]),
                };
                run = Some((id.clone(), Solver::new(method, step_size.parse().unwrap(), start.len()), start));
            }
            let (_, solver, x) = run.as_mut().unwrap();
            match problem {
                "quadratic" => solver.step(x, &mut On(Landscape::Typed(Formula::parse("x²/2 + x y/2 + 5y²").unwrap()))),
                "Rosenbrock" => solver.step(x, &mut On(Landscape::Rosenbrock)),
                _ => solver.step(x, &mut Weighted),
            }
            for (ours, theirs) in x.iter().zip(&theirs) {
                assert!((ours - theirs).abs() <= 1e-9 * (1.0 + theirs.abs()), "{id}, step {step}: {ours} and {theirs}");
            }
            seen += 1;
        }
        assert_eq!(seen, 60);
    }

    /// With one gradient in its memory: (λI + ggᵀ)⁻¹g = g/(λ + ‖g‖²).
    #[test]
    fn m_facs_first_step_is_the_rank_one_inverse() {
        let (x, _) = run(Method::MFac { memory: 3, damping: 0.5 }, 1.0, Landscape::bowl(1.0, 0.0), [3.0, 4.0], 1);
        let share = 1.0 - 1.0 / 25.5;
        assert!((x[0] - 3.0 * share).abs() < 1e-12 && (x[1] - 4.0 * share).abs() < 1e-12, "{x:?}");
    }

    #[test]
    fn muon_brings_singular_values_near_one() {
        let matrix = DMatrix::from_row_slice(3, 4, &[3.0, -1.0, 0.2, 0.0, 0.5, 2.0, -0.3, 1.0, 0.1, 0.4, 1.5, -2.0]);
        for matrix in [matrix.clone(), matrix.transpose()] {
            let singular = orthogonalised(matrix).singular_values();
            assert!(singular.iter().all(|s| (0.68..1.2).contains(s)), "{singular}");
        }
        // A vector: a step of about its length, along it.
        let (x, _) = run(Method::Muon { mu: 0.9 }, 0.1, Landscape::bowl(1.0, 0.0), [3.0, 4.0], 1);
        let moved = [3.0 - x[0], 4.0 - x[1]];
        let length = (0..5).fold(1.0f64, |s, _| 3.4445 * s - 4.7750 * s * s * s + 2.0315 * s * s * s * s * s);
        assert!((norm(&moved) - 0.1 * length).abs() < 1e-12 && (moved[0] * 4.0 - moved[1] * 3.0).abs() < 1e-12, "{moved:?}");
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
        let round = Landscape::bowl(1.0, 0.0);
        let near = |a: [f64; 2], b: [f64; 2]| assert!((a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9, "{a:?} {b:?}");
        near(run(Method::Sam { rho: 0.5 }, 0.1, round.clone(), [3.0, 0.0], 1).0, [3.0 - 0.35, 0.0]);
        near(run(Method::Polyak { least: 0.0 }, 1.0, round.clone(), [3.0, 4.0], 1).0, [1.5, 2.0]);
        near(run(Method::Shampoo { epsilon: 1e-12 }, 0.1, round.clone(), [3.0, 0.0], 1).0, [2.9, 0.0]);
        // S = ggᵀ + hhᵀ with h = 2.9: the fourth root of (9 + 8.41), on both sides.
        near(run(Method::Shampoo { epsilon: 1e-12 }, 0.1, round, [3.0, 0.0], 2).0, [2.9 - 0.29 / 17.41f64.sqrt(), 0.0]);
    }
}
