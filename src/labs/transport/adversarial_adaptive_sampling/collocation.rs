//! Two-point boundary value problems solved by a network at collocation points, and densities that say where to put these.
//!
//! On [−1, 1], −u″ + κ²u = s with u(±1) = 0. The network N (1-H-H-1, tanh, no output bias) gives u = (1 − x²) N(x), which keeps the boundary
//! by itself; its first two derivatives are carried forward with it:
//!
//! ```text
//! h = tanh a,   h′ = (1 − h²) a′,   h″ = −2h(1 − h²) a′² + (1 − h²) a″.
//! ```

use methods::linear::{matmul, matmul_nt, matmul_tn, tanh_in_place};
use methods::optimize::{Optimizer, Rule};
use methods::random::Random;

/// −u″ + κ²u = s on [−1, 1] with two peaks: u* = e^{−A(x−½)²} + e^{−A(x+½)²} − g₀, g₀ such that u*(±1) = 0. Residuals are divided by A.
#[derive(Clone, Copy, Debug)]
pub struct Peaks {
    /// A.
    pub sharpness: f64,
    /// κ².
    pub screening: f64,
}

const CENTRES: [f64; 2] = [-0.5, 0.5];

impl Peaks {
    /// u*(x).
    pub fn solution(&self, x: f64) -> f64 {
        let bumps = |x: f64| CENTRES.iter().map(|c| libm::exp(-self.sharpness * (x - c) * (x - c))).sum::<f64>();
        bumps(x) - bumps(1.0)
    }

    /// s(x).
    pub fn source(&self, x: f64) -> f64 {
        let a = self.sharpness;
        let curvature = |c: &f64| {
            let z = (x - c) * (x - c);
            (4.0 * a * a * z - 2.0 * a) * libm::exp(-a * z)
        };
        self.screening * self.solution(x) - CENTRES.iter().map(curvature).sum::<f64>()
    }

    /// (−u″ + κ²u − s)/A from the jet (N, N′, N″) of u/(1 − x²).
    pub fn residual(&self, x: f64, [n, n1, n2]: [f64; 3]) -> f64 {
        let [by_n, by_n1, by_n2] = self.slopes(x);
        by_n * n + by_n1 * n1 + by_n2 * n2 - self.source(x) / self.sharpness
    }

    /// How the residual, which is linear in it, depends on the jet of N: u″ = (1 − x²)N″ − 4xN′ − 2N.
    fn slopes(&self, x: f64) -> [f64; 3] {
        let inside = 1.0 - x * x;
        [2.0 + self.screening * inside, 4.0 * x, -inside].map(|slope| slope / self.sharpness)
    }
}

/// The network.
#[derive(Clone, Debug)]
pub struct JetNetwork {
    hidden: usize,
    /// First weights and biases, second weights (from × to) and biases, last weights.
    pub theta: Vec<f64>,
}

/// What a forward pass leaves for the backward pass: for each layer a, a′, a″ and h, h′, h″, points × H each, one after the other.
#[derive(Clone, Debug, Default)]
pub struct JetTape {
    before: [Vec<f64>; 2],
    after: [Vec<f64>; 2],
    delta: [Vec<f64>; 2],
}

impl JetNetwork {
    /// First weights 4·N(0, 1) and biases U(−4, 4), so that the units' steps lie all over [−1, 1]; other weights N(0, 1/H), biases 0.
    pub fn new(hidden: usize, random: &mut Random) -> Self {
        let spread = (1.0 / hidden as f64).sqrt();
        let mut theta: Vec<f64> = (0..hidden).map(|_| 4.0 * random.normal()).collect();
        theta.extend((0..hidden).map(|_| random.between(-4.0, 4.0)));
        theta.extend((0..hidden * hidden).map(|_| spread * random.normal()));
        theta.resize(theta.len() + hidden, 0.0);
        theta.extend((0..hidden).map(|_| spread * random.normal()));
        JetNetwork { hidden, theta }
    }

    /// The five parts of a vector laid out as `theta` is.
    fn parts(hidden: usize, theta: &[f64]) -> [&[f64]; 5] {
        let (w1, rest) = theta.split_at(hidden);
        let (b1, rest) = rest.split_at(hidden);
        let (w2, rest) = rest.split_at(hidden * hidden);
        let (b2, w3) = rest.split_at(hidden);
        [w1, b1, w2, b2, w3]
    }

    /// The jets (N, N′, N″) at `x`.
    pub fn jets(&self, x: &[f64], tape: &mut JetTape) -> Vec<[f64; 3]> {
        let (n, hidden) = (x.len(), self.hidden);
        let size = n * hidden;
        let [w1, b1, w2, b2, w3] = Self::parts(hidden, &self.theta);
        let [first, second] = &mut tape.before;
        first.clear();
        first.extend(x.iter().flat_map(|x| w1.iter().zip(b1).map(move |(w, b)| w * x + b)));
        (0..n).for_each(|_| first.extend_from_slice(w1));
        first.resize(3 * size, 0.0);
        tanh_jets(first, &mut tape.after[0]);
        second.resize(3 * size, 0.0);
        matmul(second, &tape.after[0], w2, 3 * n, hidden, hidden);
        second[..size].chunks_exact_mut(hidden).for_each(|row| row.iter_mut().zip(b2).for_each(|(a, b)| *a += b));
        tanh_jets(second, &mut tape.after[1]);
        let read = |row: usize| -> f64 { tape.after[1][row * hidden..][..hidden].iter().zip(w3).map(|(h, w)| h * w).sum() };
        (0..n).map(|i| [read(i), read(n + i), read(2 * n + i)]).collect()
    }

    /// Mean of r² over `x`, and its gradient into `gradient`.
    pub fn loss(&self, problem: &Peaks, x: &[f64], tape: &mut JetTape, gradient: &mut [f64]) -> f64 {
        let (n, hidden) = (x.len(), self.hidden);
        let size = n * hidden;
        let jets = self.jets(x, tape);
        let [_, _, w2, _, w3] = Self::parts(hidden, &self.theta);
        let (mut loss, share) = (0.0, 1.0 / n as f64);
        // ∂loss/∂(N, N′, N″), point by point.
        let mut by_jet = vec![0.0; 3 * n];
        for (i, (&x, jet)) in x.iter().zip(jets).enumerate() {
            let r = problem.residual(x, jet);
            loss += share * r * r;
            for (order, slope) in problem.slopes(x).into_iter().enumerate() {
                by_jet[order * n + i] = 2.0 * share * r * slope;
            }
        }
        let (g1, rest) = gradient.split_at_mut(2 * hidden);
        let (g2, rest) = rest.split_at_mut(hidden * hidden);
        let (gb2, g3) = rest.split_at_mut(hidden);
        let [below, above] = &mut tape.delta;
        below.resize(3 * size, 0.0);
        above.clear();
        above.extend(by_jet.iter().flat_map(|d| w3.iter().map(move |w| d * w)));
        matmul_tn(g3, &tape.after[1], &by_jet, hidden, 3 * n, 1);
        pull_back_tanh(above, &tape.before[1], &tape.after[1]);
        matmul_tn(g2, &tape.after[0], above, hidden, 3 * n, hidden);
        gb2.fill(0.0);
        above[..size].chunks_exact(hidden).for_each(|row| gb2.iter_mut().zip(row).for_each(|(g, d)| *g += d));
        matmul_nt(below, above, w2, 3 * n, hidden, hidden);
        pull_back_tanh(below, &tape.before[0], &tape.after[0]);
        let (gw1, gb1) = g1.split_at_mut(hidden);
        gw1.fill(0.0);
        gb1.fill(0.0);
        for (i, x) in x.iter().enumerate() {
            let (value, slope) = (&below[i * hidden..][..hidden], &below[size + i * hidden..][..hidden]);
            for k in 0..hidden {
                gw1[k] += x * value[k] + slope[k];
                gb1[k] += value[k];
            }
        }
        loss
    }
}

/// h, h′, h″ from a, a′, a″.
fn tanh_jets(a: &[f64], h: &mut Vec<f64>) {
    h.clear();
    h.extend_from_slice(a);
    let size = a.len() / 3;
    tanh_in_place(&mut h[..size]);
    for i in 0..size {
        let (value, slope) = (h[i], a[size + i]);
        let s = 1.0 - value * value;
        h[size + i] = s * slope;
        h[2 * size + i] = s * (a[2 * size + i] - 2.0 * value * slope * slope);
    }
}

/// The gradient by h, h′, h″ in `delta` becomes that by a, a′, a″.
fn pull_back_tanh(delta: &mut [f64], a: &[f64], h: &[f64]) {
    let size = delta.len() / 3;
    for i in 0..size {
        let (h, a1, a2) = (h[i], a[size + i], a[2 * size + i]);
        let (d, d1, d2) = (delta[i], delta[size + i], delta[2 * size + i]);
        let s = 1.0 - h * h;
        delta[i] = s * (d - 2.0 * h * a1 * d1 - 2.0 * (a1 * a1 * (1.0 - 3.0 * h * h) + h * a2) * d2);
        delta[size + i] = s * (d1 - 4.0 * h * a1 * d2);
        delta[2 * size + i] = s * d2;
    }
}

/// A density on [−1, 1], constant in each of equal cells: p = softmax(a)/h, h the cells' width.
#[derive(Clone, Debug)]
pub struct CellDensity {
    logits: Vec<f64>,
    optimizer: Optimizer<f64>,
    /// Shares of the cells, and their running sums.
    shares: Vec<f64>,
    cumulative: Vec<f64>,
}

impl CellDensity {
    /// The uniform density over `cells` cells; Adam at the rate 0.1 moves it.
    pub fn uniform(cells: usize) -> Self {
        let rule = Rule::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
        let mut density = CellDensity {
            logits: vec![0.0; cells],
            optimizer: Optimizer::new(rule, 0.1, cells),
            shares: Vec::new(),
            cumulative: Vec::new(),
        };
        density.set_shares(vec![1.0; cells]);
        density
    }

    fn set_shares(&mut self, mut shares: Vec<f64>) {
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        let mut below = 0.0;
        self.cumulative.clear();
        self.cumulative.extend(shares.iter().map(|share| {
            below += share;
            below
        }));
        self.shares = shares;
    }

    /// The middles of the cells.
    pub fn centres(&self) -> Vec<f64> {
        let cells = self.logits.len();
        (0..cells).map(|i| -1.0 + 2.0 * (i as f64 + 0.5) / cells as f64).collect()
    }

    /// p in every cell.
    pub fn values(&self) -> Vec<f64> {
        let width = 2.0 / self.shares.len() as f64;
        self.shares.iter().map(|share| share / width).collect()
    }

    /// One step of Adam up ∫ r² p − β ∫ |p′|² for r² (`squares`) in the cells: ∂/∂a_i = w_i (J′_i − Σ w J′), J′ = r² + 2β p″ with p′ = 0 at the ends.
    pub fn ascend(&mut self, squares: &[f64], beta: f64) {
        let (p, width) = (self.values(), 2.0 / squares.len() as f64);
        let last = p.len() - 1;
        let slope = |i: usize| {
            let (left, right) = (p[i.saturating_sub(1)], p[(i + 1).min(last)]);
            squares[i] + 2.0 * beta * (left - 2.0 * p[i] + right) / (width * width)
        };
        let slopes: Vec<f64> = (0..=last).map(slope).collect();
        let mean: f64 = self.shares.iter().zip(&slopes).map(|(w, s)| w * s).sum();
        // The optimizer goes down.
        let down: Vec<f64> = self.shares.iter().zip(&slopes).map(|(w, s)| -w * (s - mean)).collect();
        self.optimizer.step(&mut self.logits, &down);
        let top = self.logits.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        self.logits.iter_mut().for_each(|a| *a -= top);
        self.set_shares(self.logits.iter().map(|a| libm::exp(*a)).collect());
    }

    /// p ∝ `squares`: the objective without smoothing would put all mass on one cell, this is what is used in its place.
    pub fn follow(&mut self, squares: &[f64]) {
        if squares.iter().sum::<f64>() > 0.0 {
            self.set_shares(squares.to_vec());
        }
    }

    /// A point drawn from (1 − `floor`) p + `floor` · uniform.
    pub fn sample(&self, floor: f64, random: &mut Random) -> f64 {
        if random.uniform() < floor {
            return random.between(-1.0, 1.0);
        }
        let cells = self.shares.len();
        let chosen = random.uniform();
        let cell = self.cumulative.partition_point(|below| *below <= chosen).min(cells - 1);
        -1.0 + 2.0 * (cell as f64 + random.uniform()) / cells as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: Peaks = Peaks { sharpness: 30.0, screening: 30.0 };

    #[test]
    fn jets_are_derivatives() {
        let network = JetNetwork::new(8, &mut Random::new(1, "jets"));
        let at = |x: f64| network.jets(&[x], &mut JetTape::default())[0];
        for x in [-0.9, -0.2, 0.0, 0.55] {
            let (jet, step) = (at(x), 1e-4);
            let slope = (at(x + step)[0] - at(x - step)[0]) / (2.0 * step);
            let bend = (at(x + step)[1] - at(x - step)[1]) / (2.0 * step);
            assert!((slope - jet[1]).abs() < 1e-5 && (bend - jet[2]).abs() < 1e-5 * (1.0 + bend.abs()), "{x}: {jet:?}");
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        let mut random = Random::new(2, "gradient");
        let network = JetNetwork::new(6, &mut random);
        let x: Vec<f64> = (0..9).map(|_| random.between(-1.0, 1.0)).collect();
        let mut gradient = vec![f64::NAN; network.theta.len()];
        network.loss(&PROBLEM, &x, &mut JetTape::default(), &mut gradient);
        let mut room = gradient.clone();
        for (k, ours) in gradient.into_iter().enumerate() {
            let mut at = |step: f64| {
                let mut moved = network.clone();
                moved.theta[k] += step;
                moved.loss(&PROBLEM, &x, &mut JetTape::default(), &mut room)
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((slope - ours).abs() < 1e-6 * (1.0 + slope.abs()), "{k}: {slope} and {ours}");
        }
    }

    #[test]
    fn the_exact_solution_leaves_no_residual() {
        for problem in [PROBLEM, Peaks { sharpness: 1000.0, screening: 0.0 }] {
            let n = |x: f64| problem.solution(x) / (1.0 - x * x);
            for x in [-0.8, -0.48, 0.1, 0.53] {
                let step = 1e-4;
                let (left, here, right) = (n(x - step), n(x), n(x + step));
                let jet = [here, (right - left) / (2.0 * step), (right - 2.0 * here + left) / (step * step)];
                assert!(problem.residual(x, jet).abs() < 1e-3, "{x}: {}", problem.residual(x, jet));
            }
            assert!(problem.solution(1.0).abs() < 1e-15 && problem.solution(-1.0).abs() < 1e-15);
        }
    }

    /// −2β p″ = r² − mean r², p′ = 0 at the ends, ∫p = 1, by summing up twice.
    fn poisson(squares: &[f64], beta: f64) -> Vec<f64> {
        let (cells, width) = (squares.len() as f64, 2.0 / squares.len() as f64);
        let mean = squares.iter().sum::<f64>() / cells;
        let (mut slope, mut value, mut p) = (0.0, 0.0, Vec::new());
        for r in squares {
            p.push(value);
            slope -= width * (r - mean) / (2.0 * beta);
            value += width * slope;
        }
        let sum = p.iter().sum::<f64>() * width;
        p.iter().map(|v| v + (1.0 - sum) / 2.0).collect()
    }

    /// ∫ r² p − β ∫ |p′|² for r² (`squares`) in the cells.
    fn objective(density: &CellDensity, squares: &[f64], beta: f64) -> f64 {
        let (p, width) = (density.values(), 2.0 / squares.len() as f64);
        let gain: f64 = density.shares.iter().zip(squares).map(|(w, r)| w * r).sum();
        gain - beta * p.windows(2).map(|w| (w[1] - w[0]) * (w[1] - w[0]) / width).sum::<f64>()
    }

    #[test]
    fn ascent_ends_at_the_neumann_poisson_solution() {
        let mut density = CellDensity::uniform(40);
        let squares: Vec<f64> =
            density.centres().iter().map(|x| 1.0 + x + 2.0 * libm::exp(-20.0 * (x - 0.4) * (x - 0.4))).collect();
        let exact = poisson(&squares, 1.0);
        assert!(exact.iter().all(|p| *p > 0.05));
        let uniform = objective(&density, &squares, 1.0);
        assert!((uniform - squares.iter().sum::<f64>() / 40.0).abs() < 1e-12);
        for rate in [0.1, 0.01, 0.001] {
            density.optimizer.step_size = rate;
            (0..3000).for_each(|_| density.ascend(&squares, 1.0));
        }
        let p = density.values();
        let worst = p.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-3, "{worst}");
        assert!(objective(&density, &squares, 1.0) > uniform);
    }

    #[test]
    fn a_stiff_density_stays_uniform() {
        let mut density = CellDensity::uniform(50);
        let squares: Vec<f64> = density.centres().iter().map(|x| libm::exp(3.0 * x)).collect();
        for rate in [0.1, 0.01, 0.001, 1e-4, 1e-5] {
            density.optimizer.step_size = rate;
            (0..2000).for_each(|_| density.ascend(&squares, 1e6));
        }
        assert!(density.values().iter().all(|p| (p - 0.5).abs() < 1e-4), "{:?}", density.values());
    }

    #[test]
    fn samples_have_the_density() {
        let mut density = CellDensity::uniform(4);
        density.follow(&[1.0, 0.0, 2.0, 1.0]);
        let (mut random, mut counts) = (Random::new(3, "samples"), [0.0_f64; 4]);
        for _ in 0..40_000 {
            let x = density.sample(0.2, &mut random);
            counts[((x + 1.0) * 2.0) as usize] += 1.0 / 40_000.0;
        }
        for (count, share) in counts.iter().zip([0.25, 0.05, 0.45, 0.25]) {
            assert!((count - share).abs() < 0.01, "{counts:?}");
        }
    }
}
