//! Two-layer linear networks under squared loss, where everything goes through the second moments of the data.
//!
//! f(x) = aᵀWx with W (H×D) and a (H); L = 1/(2n) Σ (f(xᵢ) − yᵢ)² depends on the data through S = XᵀX/n and q = Xᵀy/n alone,
//! so gradient and Hessian cost the same for ten points as for ten million. With c = Wᵀa: R = Sc − q is the gradient by c.

use crate::linear::spectrum::power_iteration;

/// S = XᵀX/n and q = Xᵀy/n of `D`-dimensional data.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments<const D: usize> {
    /// S, symmetric.
    pub s: [[f64; D]; D],
    /// q.
    pub q: [f64; D],
}

impl<const D: usize> Moments<D> {
    /// The moments of the points `x` with targets `y`, of which there are as many.
    pub fn of(x: &[[f64; D]], y: &[f64]) -> Self {
        assert_eq!(x.len(), y.len(), "a target a point");
        let n = x.len() as f64;
        let mut moments = Moments { s: [[0.0; D]; D], q: [0.0; D] };
        for (x, y) in x.iter().zip(y) {
            for j in 0..D {
                moments.q[j] += x[j] * y / n;
                (0..D).for_each(|k| moments.s[j][k] += x[j] * x[k] / n);
            }
        }
        moments
    }

    /// Sc
    pub fn curved(&self, c: &[f64; D]) -> [f64; D] {
        std::array::from_fn(|j| dot(&self.s[j], c))
    }

    /// R = Sc − q
    pub fn gradient(&self, c: &[f64; D]) -> [f64; D] {
        let curved = self.curved(c);
        std::array::from_fn(|j| curved[j] - self.q[j])
    }
}

/// Σ aᵢbᵢ, from the first to the last.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The weights of a network, or a direction (V, v) in their space.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoLayers<const D: usize, const H: usize> {
    /// W, row by row.
    pub w: [[f64; D]; H],
    /// a.
    pub a: [f64; H],
    /// Is a trained too? If not, it is a constant: the loss is a parabola in W.
    pub train_a: bool,
}

impl<const D: usize, const H: usize> TwoLayers<D, H> {
    /// How many weights there are, a among them.
    pub const SIZE: usize = H * D + H;

    /// c = Wᵀa, the network as a linear function.
    pub fn function(&self) -> [f64; D] {
        pull_back(&self.w, &self.a)
    }

    /// ∇_W L = aRᵀ and ∇_a L = WR; 0 for an a that is not trained.
    pub fn gradient(&self, moments: &Moments<D>) -> Self {
        let r = moments.gradient(&self.function());
        TwoLayers {
            w: std::array::from_fn(|k| r.map(|r| self.a[k] * r)),
            a: std::array::from_fn(|k| if self.train_a { dot(&self.w[k], &r) } else { 0.0 }),
            ..*self
        }
    }

    /// The Hessian of L times the direction (V, v), exactly: HV = vRᵀ + a dRᵀ, Hv = VR + W dR with dR = S(Vᵀa + Wᵀv).
    pub fn hessian_times(&self, direction: &Self, moments: &Moments<D>) -> Self {
        let v = if self.train_a { direction.a } else { [0.0; H] };
        let r = moments.gradient(&self.function());
        let (from_w, from_a) = (pull_back(&direction.w, &self.a), pull_back(&self.w, &v));
        let dr = moments.curved(&std::array::from_fn(|j| from_w[j] + from_a[j]));
        TwoLayers {
            w: std::array::from_fn(|k| std::array::from_fn(|j| v[k] * r[j] + self.a[k] * dr[j])),
            a: std::array::from_fn(|k| if self.train_a { dot(&direction.w[k], &r) + dot(&self.w[k], &dr) } else { 0.0 }),
            ..*self
        }
    }

    /// The largest eigenvalue of the Hessian by power steps from `direction` ([`Self::SIZE`] numbers), which is left at the
    /// last iterate: after a step of training it is a good start for the next call.
    pub fn sharpness(&self, moments: &Moments<D>, direction: &mut [f64], power_steps: usize) -> f64 {
        // No eigenvalue is below −‖R‖: shifted by it, the largest in magnitude, which power steps find, is the largest.
        let r = moments.gradient(&self.function());
        let shift = if self.train_a { dot(&r, &r).sqrt() } else { 0.0 };
        let shifted = power_iteration(direction, power_steps, |v, out| {
            let image = self.hessian_times(&self.with(v), moments).flat();
            out.iter_mut().zip(image).zip(v).for_each(|((out, hv), v)| *out = hv + shift * v);
        });
        shifted - shift
    }

    /// One step of gradient descent.
    pub fn descend(&mut self, gradient: &Self, step_size: f64) {
        self.w.iter_mut().flatten().zip(gradient.w.iter().flatten()).for_each(|(w, g)| *w -= step_size * g);
        self.a.iter_mut().zip(&gradient.a).for_each(|(a, g)| *a -= step_size * g);
    }

    /// W row by row, then a.
    pub fn flat(&self) -> Vec<f64> {
        self.w.iter().flatten().chain(&self.a).copied().collect()
    }

    /// The weights that [`Self::flat`] writes as `flat`.
    pub fn with(&self, flat: &[f64]) -> Self {
        let w = std::array::from_fn(|k| std::array::from_fn(|j| flat[k * D + j]));
        TwoLayers { w, a: std::array::from_fn(|k| flat[H * D + k]), ..*self }
    }
}

/// Wᵀa for any W and a.
fn pull_back<const D: usize, const H: usize>(w: &[[f64; D]; H], a: &[f64; H]) -> [f64; D] {
    let mut c = [0.0; D];
    for (row, a) in w.iter().zip(a) {
        c.iter_mut().zip(row).for_each(|(c, w)| *c += a * w);
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use nalgebra::DMatrix;

    type Network = TwoLayers<5, 4>;

    /// Forty points, their moments, and weights.
    fn problem(seed: u64, train_a: bool) -> (Vec<[f64; 5]>, Vec<f64>, Moments<5>, Network) {
        let mut random = Random::new(seed, "problem");
        let x: Vec<[f64; 5]> = (0..40).map(|_| std::array::from_fn(|_| random.normal())).collect();
        let y: Vec<f64> = x.iter().map(|x| x[0] - 2.0 * x[3] + random.normal()).collect();
        let moments = Moments::of(&x, &y);
        let w = std::array::from_fn(|_| std::array::from_fn(|_| 0.4 * random.normal()));
        (x, y, moments, TwoLayers { w, a: std::array::from_fn(|_| 0.4 * random.normal()), train_a })
    }

    #[test]
    fn gradient_matches_the_loss_over_the_points() {
        let (x, y, moments, network) = problem(1, true);
        let loss = |flat: &[f64]| {
            let c = network.with(flat).function();
            x.iter().zip(&y).map(|(x, y)| (dot(x, &c) - y) * (dot(x, &c) - y)).sum::<f64>() / 80.0
        };
        let (flat, gradient) = (network.flat(), network.gradient(&moments).flat());
        for i in 0..Network::SIZE {
            let (mut up, mut down) = (flat.clone(), flat.clone());
            up[i] += 1e-4;
            down[i] -= 1e-4;
            let slope = (loss(&up) - loss(&down)) / 2e-4;
            assert!((slope - gradient[i]).abs() < 1e-8, "weight {i}: {slope} and {}", gradient[i]);
        }
    }

    #[test]
    fn hessian_vector_product_matches_finite_differences() {
        for train_a in [true, false] {
            let (_, _, moments, network) = problem(2, train_a);
            let mut random = Random::new(2, "direction");
            let direction: Vec<f64> = (0..Network::SIZE).map(|_| random.normal() / 5.0).collect();
            let trained = if train_a { Network::SIZE } else { 20 };
            let at = |by: f64| {
                let mut moved = network.flat();
                moved.iter_mut().zip(&direction).take(trained).for_each(|(w, v)| *w += by * v);
                network.with(&moved).gradient(&moments).flat()
            };
            let product = network.hessian_times(&network.with(&direction), &moments).flat();
            for ((up, down), exact) in at(1e-4).iter().zip(at(-1e-4)).zip(&product) {
                // The gradient is cubic in the weights: central differences are off by 1e-8 times its third derivative.
                assert!(((up - down) / 2e-4 - exact).abs() < 1e-7, "{up} {down} {exact}");
            }
        }
    }

    #[test]
    fn sharpness_is_the_top_of_the_dense_spectrum() {
        for (seed, train_a) in [(3, true), (4, true), (5, false)] {
            let (_, _, moments, network) = problem(seed, train_a);
            let column = |i: usize| {
                let unit: Vec<f64> = (0..Network::SIZE).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
                network.hessian_times(&network.with(&unit), &moments).flat()
            };
            let dense = DMatrix::from_iterator(Network::SIZE, Network::SIZE, (0..Network::SIZE).flat_map(column));
            assert!((&dense - dense.transpose()).amax() < 1e-12, "a Hessian is symmetric");
            let spectrum = dense.symmetric_eigen().eigenvalues;
            let sharpness = network.sharpness(&moments, &mut [1.0; Network::SIZE], 5000);
            assert!((sharpness / spectrum.max() - 1.0).abs() < 1e-6, "{sharpness} and {}", spectrum.max());
            let r = moments.gradient(&network.function());
            assert!(spectrum.min() >= -dot(&r, &r).sqrt() - 1e-12, "the shift covers the lowest eigenvalue");
            if !train_a {
                let s = DMatrix::from_fn(5, 5, |j, k| moments.s[j][k]).symmetric_eigen().eigenvalues.max();
                assert!((sharpness / (dot(&network.a, &network.a) * s) - 1.0).abs() < 1e-6, "‖a‖² λ(S)");
            }
        }
    }
}
