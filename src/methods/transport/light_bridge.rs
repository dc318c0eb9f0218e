//! A Schrödinger bridge in closed form: its potential is a mixture of Gaussians.
//!
//! Entropic transport of p₀ to p₁ with cost ½‖x₀ − x₁‖² and regularisation ε has the plan p₀(x₀) exp(⟨x₀,x₁⟩/ε) v(x₁)/c(x₀). With
//! θ = {α_k > 0, r_k, S_k diagonal > 0},
//!
//! ```text
//! v(x₁) = Σ_k α_k N(x₁; r_k, ε S_k),      c(x₀) = Σ_k α̃_k(x₀),      α̃_k(x₀) = α_k exp((x₀ᵀS_k x₀ + 2 r_kᵀx₀)/(2ε)),
//! π(x₁|x₀) = Σ_k α̃_k(x₀)/c(x₀) · N(x₁; r_k + S_k x₀, ε S_k),
//! ```
//!
//! and the process dX = g(X,t) dt + √ε dW has the drift g = (Σ_k ω_k A_k⁻¹h_k − x)/(1−t) in closed form as well. The loss, mean ln c(x₀) −
//! mean ln v(x₁) over samples of p₀ and p₁ that need not be paired, is KL(π*‖π) up to a constant.
//!
//! Source: Korotin, Gushchin & Burnaev, "Light Schrödinger bridge", 2024.

pub mod fit;

use libm::{exp, log};

use super::moments::Moments;
use crate::random::Random;

/// One Gaussian of the mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component<const D: usize> {
    /// ln α.
    pub log_weight: f64,
    /// r.
    pub center: [f64; D],
    /// The logarithms of the diagonal of S.
    pub log_spread: [f64; D],
    /// The diagonal of S.
    spread: [f64; D],
    /// −½ ln det(2πεS).
    log_density: f64,
}

/// The mixture v and the ε that it belongs to.
#[derive(Clone, Debug)]
pub struct LightBridge<const D: usize> {
    /// ε.
    pub epsilon: f64,
    components: Vec<Component<D>>,
}

/// Numbers a component has in θ: ln α, r, ln S.
const fn width(dimensions: usize) -> usize {
    1 + 2 * dimensions
}

impl<const D: usize> LightBridge<D> {
    /// The mixture with the parameters `theta`: component after component ln α, then r, then ln S (1 + 2D numbers each).
    ///
    /// # Panics
    /// If `theta` is no whole number of components, or empty.
    pub fn new(epsilon: f64, theta: &[f64]) -> Self {
        let mut bridge = LightBridge { epsilon, components: Vec::new() };
        bridge.set(theta);
        bridge
    }

    /// Takes other parameters, laid out as for [`new`](Self::new).
    pub fn set(&mut self, theta: &[f64]) {
        assert!(!theta.is_empty() && theta.len().is_multiple_of(width(D)), "a whole number of components, at least one");
        self.components.clear();
        for part in theta.chunks_exact(width(D)) {
            let center = std::array::from_fn(|d| part[1 + d]);
            let log_spread: [f64; D] = std::array::from_fn(|d| part[1 + D + d]);
            let log_density = log_spread.iter().map(|s| -0.5 * (log(std::f64::consts::TAU * self.epsilon) + s)).sum();
            self.components.push(Component { log_weight: part[0], center, log_spread, spread: log_spread.map(exp), log_density });
        }
    }

    /// The Gaussians of v.
    pub fn components(&self) -> &[Component<D>] {
        &self.components
    }

    /// ln α̃_k(x₀) of every component into `out`.
    fn log_shares(&self, x0: &[f64; D], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.components.iter().map(|k| {
            let quadratic: f64 = (0..D).map(|d| (k.spread[d] * x0[d] + 2.0 * k.center[d]) * x0[d]).sum();
            k.log_weight + quadratic / (2.0 * self.epsilon)
        }));
    }

    /// ln α_k N(x₁; r_k, εS_k) of every component into `out`.
    fn log_densities(&self, x1: &[f64; D], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.components.iter().map(|k| {
            let square: f64 = (0..D).map(|d| (x1[d] - k.center[d]) * (x1[d] - k.center[d]) / k.spread[d]).sum();
            k.log_weight + k.log_density - square / (2.0 * self.epsilon)
        }));
    }

    /// α̃_k(x₀)/c(x₀) of every component.
    pub fn shares(&self, x0: &[f64; D]) -> Vec<f64> {
        let mut shares = Vec::new();
        self.log_shares(x0, &mut shares);
        soften(&mut shares);
        shares
    }

    /// ln c(x₀).
    pub fn log_normaliser(&self, x0: &[f64; D]) -> f64 {
        let mut logs = Vec::new();
        self.log_shares(x0, &mut logs);
        soften(&mut logs)
    }

    /// ln v(x₁).
    pub fn log_potential(&self, x1: &[f64; D]) -> f64 {
        let mut logs = Vec::new();
        self.log_densities(x1, &mut logs);
        soften(&mut logs)
    }

    /// ln π(x₁|x₀).
    pub fn log_conditional(&self, x0: &[f64; D], x1: &[f64; D]) -> f64 {
        let inner: f64 = (0..D).map(|d| x0[d] * x1[d]).sum();
        inner / self.epsilon + self.log_potential(x1) - self.log_normaliser(x0)
    }

    /// The loss over samples of p₀ and p₁.
    pub fn loss(&self, x0: &[[f64; D]], x1: &[[f64; D]]) -> f64 {
        let normaliser: f64 = x0.iter().map(|x| self.log_normaliser(x)).sum();
        let potential: f64 = x1.iter().map(|x| self.log_potential(x)).sum();
        normaliser / x0.len() as f64 - potential / x1.len() as f64
    }

    /// The loss over samples of p₀ and p₁, and its gradient by θ, laid out as θ is, into `gradient`.
    pub fn gradient(&self, x0: &[[f64; D]], x1: &[[f64; D]], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let (mut loss, mut shares) = (0.0, Vec::new());
        let scale = 1.0 / x0.len() as f64;
        for x in x0 {
            self.log_shares(x, &mut shares);
            loss += scale * soften(&mut shares);
            for ((g, k), share) in gradient.chunks_exact_mut(width(D)).zip(&self.components).zip(&shares) {
                let share = scale * share;
                g[0] += share;
                for d in 0..D {
                    g[1 + d] += share * x[d] / self.epsilon;
                    g[1 + D + d] += share * k.spread[d] * x[d] * x[d] / (2.0 * self.epsilon);
                }
            }
        }
        let scale = 1.0 / x1.len() as f64;
        for x in x1 {
            self.log_densities(x, &mut shares);
            loss -= scale * soften(&mut shares);
            for ((g, k), share) in gradient.chunks_exact_mut(width(D)).zip(&self.components).zip(&shares) {
                let share = scale * share;
                g[0] -= share;
                for d in 0..D {
                    let pull = (x[d] - k.center[d]) / (self.epsilon * k.spread[d]);
                    g[1 + d] -= share * pull;
                    g[1 + D + d] -= share * 0.5 * (pull * (x[d] - k.center[d]) - 1.0);
                }
            }
        }
        loss
    }

    /// Mean and covariance of π(·|x₀).
    pub fn moments(&self, x0: &[f64; D]) -> Moments<D> {
        let shares = self.shares(x0);
        let parts = self.components.iter().zip(&shares).map(|(k, share)| {
            let mut covariance = [[0.0; D]; D];
            (0..D).for_each(|d| covariance[d][d] = self.epsilon * k.spread[d]);
            (*share, Moments { mean: k.arrival(x0), covariance })
        });
        Moments::of_mixture(parts)
    }

    /// A sample of π(·|x₀).
    pub fn sample(&self, x0: &[f64; D], random: &mut Random) -> [f64; D] {
        let shares = self.shares(x0);
        let mut left = random.uniform();
        let chosen = shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        let k = &self.components[chosen.unwrap_or(shares.len() - 1)];
        let mean = k.arrival(x0);
        std::array::from_fn(|d| mean[d] + (self.epsilon * k.spread[d]).sqrt() * random.normal())
    }

    /// A path of the process from `start` by Euler's and Maruyama's method in `steps` equal steps; the first place is the start.
    pub fn path(&self, start: [f64; D], steps: usize, random: &mut Random) -> Vec<[f64; D]> {
        let step = 1.0 / steps as f64;
        let noise = (self.epsilon * step).sqrt();
        let mut path = vec![start];
        for i in 0..steps {
            let x = path[i];
            let drift = self.drift(&x, i as f64 * step);
            path.push(std::array::from_fn(|d| x[d] + step * drift[d] + noise * random.normal()));
        }
        path
    }

    /// A place of the process at time t on the way from `start`: the end drawn, then the Brownian bridge to it.
    pub fn on_the_way(&self, start: &[f64; D], t: f64, random: &mut Random) -> [f64; D] {
        let end = self.sample(start, random);
        let noise = (self.epsilon * t * (1.0 - t)).sqrt();
        std::array::from_fn(|d| (1.0 - t) * start[d] + t * end[d] + noise * random.normal())
    }

    /// The drift g(x, t) of the process, 0 <= t < 1.
    pub fn drift(&self, x: &[f64; D], t: f64) -> [f64; D] {
        // With A = t/(ε(1−t)) + 1/(εS) and h = x/(ε(1−t)) + r/(εS), both times ε(1−t)S: A⁻¹h = (Sx + (1−t)r)/(tS + 1−t).
        let left = 1.0 - t;
        let goal = |k: &Component<D>, d: usize| (k.spread[d] * x[d] + left * k.center[d]) / (t * k.spread[d] + left);
        let mut shares: Vec<f64> = self
            .components
            .iter()
            .map(|k| {
                let logs = (0..D).map(|d| {
                    let (s, r) = (k.spread[d], k.center[d]);
                    // ln of N(r; 0, εS) |A|^{-1/2} e^{½hᵀA⁻¹h}, less what all components share.
                    let h = x[d] / left + r / s;
                    (h * goal(k, d) - r * r / s) / (2.0 * self.epsilon) - 0.5 * log(t * s + left)
                });
                k.log_weight + logs.sum::<f64>()
            })
            .collect();
        soften(&mut shares);
        std::array::from_fn(|d| {
            let mean: f64 = self.components.iter().zip(&shares).map(|(k, share)| share * goal(k, d)).sum();
            (mean - x[d]) / left
        })
    }
}

impl<const D: usize> Component<D> {
    /// r + S x₀: where this component sends x₀ on average.
    fn arrival(&self, x0: &[f64; D]) -> [f64; D] {
        std::array::from_fn(|d| self.center[d] + self.spread[d] * x0[d])
    }

    /// The diagonal of S.
    pub fn spread(&self) -> [f64; D] {
        self.spread
    }
}

/// Turns logarithms into shares of a sum of 1, and gives the logarithm of their sum.
fn soften(logs: &mut [f64]) -> f64 {
    let top = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    let mut sum = 0.0;
    for value in logs.iter_mut() {
        *value = exp(*value - top);
        sum += *value;
    }
    logs.iter_mut().for_each(|value| *value /= sum);
    top + log(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three components in the plane.
    fn bridge() -> LightBridge<2> {
        let theta = [[0.3, 1.0, -0.5, -0.7, 0.2], [-0.4, -1.2, 0.4, -1.1, -0.3], [0.1, 0.3, 1.5, 0.4, -0.9]];
        LightBridge::new(0.7, theta.as_flattened())
    }

    /// Two components on the line.
    fn line() -> LightBridge<1> {
        LightBridge::new(0.5, &[0.2, 1.0, -1.2, -0.3, -1.4, 0.3])
    }

    /// ∫ f by the trapezoidal rule, which is exact to rounding for what is smooth and gone at both ends.
    fn integral(f: impl Fn(f64) -> f64) -> f64 {
        (0..=40_000).map(|i| 1e-3 * f(-20.0 + 1e-3 * f64::from(i))).sum()
    }

    #[test]
    fn gradient_matches_finite_differences() {
        let mut random = Random::new(1, "points");
        let mut points = |n: usize| -> Vec<[f64; 2]> { (0..n).map(|_| [random.normal(), 0.5 + random.normal()]).collect() };
        let (x0, x1) = (points(20), points(30));
        let bridge = bridge();
        let theta: Vec<f64> =
            bridge.components.iter().flat_map(|k| [[k.log_weight].as_slice(), &k.center, &k.log_spread].concat()).collect();
        let mut gradient = vec![f64::NAN; theta.len()];
        let loss = bridge.gradient(&x0, &x1, &mut gradient);
        assert!((loss - bridge.loss(&x0, &x1)).abs() < 1e-13);
        for i in 0..theta.len() {
            let at = |step: f64| {
                let mut moved = theta.clone();
                moved[i] += step;
                LightBridge::<2>::new(0.7, &moved).loss(&x0, &x1)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope - gradient[i]).abs() < 1e-9, "{i}: {slope} and {}", gradient[i]);
        }
    }

    #[test]
    fn the_normaliser_is_the_integral_and_the_conditional_a_density() {
        let bridge = line();
        for x0 in [-2.0, 0.0, 0.7, 3.0] {
            let c = integral(|x1| exp(x0 * x1 / bridge.epsilon + bridge.log_potential(&[x1])));
            assert!((log(c) - bridge.log_normaliser(&[x0])).abs() < 1e-10);
            let density = |x1: f64| exp(bridge.log_conditional(&[x0], &[x1]));
            assert!((integral(density) - 1.0).abs() < 1e-10);
            let mean = integral(|x1| x1 * density(x1));
            let variance = integral(|x1| (x1 - mean) * (x1 - mean) * density(x1));
            let moments = bridge.moments(&[x0]);
            assert!((moments.mean[0] - mean).abs() < 1e-10 && (moments.covariance[0][0] - variance).abs() < 1e-9);
        }
    }

    #[test]
    fn the_drift_is_the_slope_of_the_potential() {
        let bridge = line();
        let epsilon = bridge.epsilon;
        // ln φ(x, t) up to what does not depend on x.
        let log_phi = |x: f64, t: f64| {
            log(integral(|y| {
                exp(y * y / (2.0 * epsilon) - (x - y) * (x - y) / (2.0 * epsilon * (1.0 - t)) + bridge.log_potential(&[y]))
            }))
        };
        for (x, t) in [(0.3, 0.4), (-1.0, 0.1), (2.0, 0.9), (0.0, 0.0)] {
            let slope = epsilon * (log_phi(x + 1e-4, t) - log_phi(x - 1e-4, t)) / 2e-4;
            let drift = bridge.drift(&[x], t)[0];
            assert!((slope - drift).abs() < 1e-6, "at {x}, {t}: {slope} and {drift}");
        }
    }

    #[test]
    fn at_the_start_the_drift_aims_at_the_mean() {
        let bridge = bridge();
        for x in [[0.0, 0.0], [1.5, -0.3], [-2.0, 2.0]] {
            let (drift, mean) = (bridge.drift(&x, 0.0), bridge.moments(&x).mean);
            assert!((0..2).all(|d| (drift[d] - (mean[d] - x[d])).abs() < 1e-12));
        }
    }

    /// Between Gaussians of variances a² and b² the plan's covariance is κ = ½(√(4a²b² + ε²) − ε), and S = κ/a². The loss of one
    /// component sees second moments only, so that two points a side stand for a Gaussian.
    #[test]
    fn between_gaussians_the_loss_is_least_at_the_closed_form() {
        for (a, b, epsilon) in [(1.0, 1.5, 0.5), (0.7, 0.3, 2.0), (2.0, 2.0, 0.05_f64)] {
            let kappa = 0.5 * ((4.0 * a * a * b * b + epsilon * epsilon).sqrt() - epsilon);
            let bridge = LightBridge::<1>::new(epsilon, &[0.0, 0.0, log(kappa / (a * a))]);
            let mut gradient = [f64::NAN; 3];
            bridge.gradient(&[[a], [-a]], &[[b], [-b]], &mut gradient);
            assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{gradient:?}");
            // The second marginal: S²a² + εS = b².
            let spread = bridge.components[0].spread[0];
            assert!((spread * spread * a * a + epsilon * spread - b * b).abs() < 1e-12);
        }
    }

    #[test]
    fn the_process_arrives_where_the_plan_says() {
        let bridge = line();
        let mut random = Random::new(4, "process");
        let (n, steps) = (20_000, 200);
        let (mut ends, mut plan) = (Vec::new(), Vec::new());
        let (mut middles, mut bridges) = (Vec::new(), Vec::new());
        for _ in 0..n {
            let path = bridge.path([0.4], steps, &mut random);
            middles.push(path[steps / 2][0]);
            ends.push(path[steps][0]);
            plan.push(bridge.sample(&[0.4], &mut random)[0]);
            bridges.push(bridge.on_the_way(&[0.4], 0.5, &mut random)[0]);
        }
        let moments = |values: &[f64]| Moments::of_points(values.iter().map(|x| (1.0 / f64::from(n), [*x])));
        let (middles, bridges) = (moments(&middles), moments(&bridges));
        assert!((middles.mean[0] - bridges.mean[0]).abs() < 0.03, "{middles:?}, {bridges:?}");
        assert!((middles.covariance[0][0] / bridges.covariance[0][0] - 1.0).abs() < 0.05, "{middles:?}, {bridges:?}");
        let exact = bridge.moments(&[0.4]);
        for values in [ends, plan] {
            let of = moments(&values);
            assert!((of.mean[0] - exact.mean[0]).abs() < 0.03, "{of:?}, {exact:?}");
            assert!((of.covariance[0][0] / exact.covariance[0][0] - 1.0).abs() < 0.04, "{of:?}, {exact:?}");
        }
    }

    #[test]
    fn large_exponents_do_no_harm() {
        let bridge = LightBridge::<1>::new(0.002, &[0.0, 3.0, -1.0, 5.0, -3.0, -2.0]);
        for x in [-50.0, 0.0, 50.0] {
            assert!(bridge.log_normaliser(&[x]).is_finite() && bridge.log_potential(&[x]).is_finite());
            assert!(bridge.drift(&[x], 0.5)[0].is_finite() && bridge.moments(&[x]).covariance[0][0] > 0.0);
        }
    }
}
