//! Batch normalization of covariance matrices: a batch is centred, scaled and moved on, in the geometry of one's choice.
//!
//! In the generalised Bures–Wasserstein geometry with power θ and metric matrix M, a batch {P_i} goes through
//!
//! ```text
//! P̃_i = M^{−1/2} P_i^θ M^{−1/2},      B = their mean,
//! P¹_i = Exp_I( Γ_{B→I} Log_B P̃_i ),   v² = (1/θ²) (1/N) Σ d²(P¹_i, I),
//! P²_i = Exp_I( s/√(v² + ε) Log_I P¹_i ),   P³_i = Exp_G( Γ_{I→G} Log_I P²_i ),   out: (M^{1/2} P³_i M^{1/2})^{1/θ}.
//! ```
//!
//! In the affine-invariant geometry, where M changes nothing: P¹ = B^{−1/2} P B^{−1/2}, v² = (1/N) Σ ‖ln P¹_i‖², P² = (P¹)^{s/√(v²+ε)},
//! P³ = G^{1/2} P² G^{1/2}. In the log-Euclidean one, with neither M: P¹ = exp(ln P − B), B the mean of ln P, and P² and P³ likewise.
//!
//! Sources: Wang, Jin, Chen, Luo & Wu, "Learning to normalize on the SPD manifold under Bures–Wasserstein geometry", 2025 (whose code
//! measures v before centring; here it is after, so that s = 1 gives unit dispersion); Brooks, Schwander, Barbaresco, Schneider & Cord,
//! "Riemannian batch normalization for SPD neural networks", 2019; Arsigny, Fillard, Pennec & Ayache, "Log-Euclidean metrics for fast and
//! simple calculus on diffusion tensors", 2006.

use nalgebra::DMatrix;

use methods::linear::spd::{affine_invariant, bures_wasserstein, congruence, exp, log, map, power, root, roots};

/// Added to v².
const EPSILON: f64 = 1e-5;

/// Which geometry a layer works in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Geometry {
    /// The batch stays as it is.
    None,
    /// Affine-invariant.
    AffineInvariant,
    /// That of the logarithms, which is flat.
    LogEuclidean,
    /// Bures–Wasserstein on the powers P^θ, θ > 0.
    BuresWasserstein {
        /// θ.
        power: f64,
    },
}

/// A layer with its parameters.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The geometry.
    pub geometry: Geometry,
    /// M, positive definite.
    pub metric: DMatrix<f64>,
    /// G, positive definite.
    pub bias: DMatrix<f64>,
    /// s.
    pub scale: f64,
    /// Steps from the arithmetic mean to B, at least 1.
    pub mean_steps: usize,
}

impl Layer {
    /// A layer for n × n matrices that has learned nothing: M = G = I, s = 1.
    pub fn new(geometry: Geometry, n: usize, mean_steps: usize) -> Self {
        let one = DMatrix::identity(n, n);
        Layer { geometry, metric: one.clone(), bias: one, scale: 1.0, mean_steps }
    }

    /// P̃; the logarithms in the geometry of these.
    pub fn enter(&self, batch: Vec<DMatrix<f64>>) -> Vec<DMatrix<f64>> {
        match self.geometry {
            Geometry::None | Geometry::AffineInvariant => batch,
            Geometry::LogEuclidean => batch.iter().map(log).collect(),
            Geometry::BuresWasserstein { power: theta } => {
                let outer = roots(&self.metric).1;
                batch.iter().map(|p| congruence(&outer, &power(p, theta))).collect()
            }
        }
    }

    /// One step towards B.
    pub fn mean_step(&self, batch: &[DMatrix<f64>], mean: &DMatrix<f64>) -> DMatrix<f64> {
        match self.geometry {
            Geometry::None | Geometry::LogEuclidean => mean.clone(),
            Geometry::AffineInvariant => affine_invariant::mean_step(batch, mean),
            Geometry::BuresWasserstein { .. } => bures_wasserstein::mean_step(batch, mean),
        }
    }

    /// P¹.
    pub fn centre(&self, batch: Vec<DMatrix<f64>>, mean: &DMatrix<f64>) -> Vec<DMatrix<f64>> {
        if self.geometry == Geometry::LogEuclidean {
            return batch.iter().map(|v| v - mean).collect();
        }
        let (half, inverse) = roots(mean);
        let two = DMatrix::identity(mean.nrows(), mean.nrows()) * 2.0;
        let moved = |p: &DMatrix<f64>| {
            // Log_B with the roots of B taken once; Exp_I(V) = (I + V/2)².
            let product = &half * root(&congruence(&half, p)) * &inverse;
            let log = &product + product.transpose() - mean * 2.0;
            let moved = (&two + bures_wasserstein::transport_to_identity(mean, &log)) * 0.5;
            &moved * &moved
        };
        match self.geometry {
            Geometry::None | Geometry::LogEuclidean => batch,
            Geometry::AffineInvariant => batch.iter().map(|p| congruence(&inverse, p)).collect(),
            Geometry::BuresWasserstein { .. } => batch.iter().map(moved).collect(),
        }
    }

    /// P² and P³: scaled, and moved on.
    pub fn scale(&self, batch: Vec<DMatrix<f64>>) -> Vec<DMatrix<f64>> {
        match self.geometry {
            Geometry::None => batch,
            Geometry::AffineInvariant => {
                let half = root(&self.bias);
                let logs = self.scale_logarithms(batch.iter().map(log).collect());
                logs.iter().map(|v| congruence(&half, &exp(v))).collect()
            }
            Geometry::LogEuclidean => {
                let bias = log(&self.bias);
                self.scale_logarithms(batch).into_iter().map(|v| v + &bias).collect()
            }
            Geometry::BuresWasserstein { power } => self.scale_roots(&batch, power),
        }
    }

    fn scale_logarithms(&self, logs: Vec<DMatrix<f64>>) -> Vec<DMatrix<f64>> {
        let variance = logs.iter().map(DMatrix::norm_squared).sum::<f64>() / logs.len() as f64;
        let factor = self.scale / (variance + EPSILON).sqrt();
        logs.into_iter().map(|v| v * factor).collect()
    }

    fn scale_roots(&self, batch: &[DMatrix<f64>], theta: f64) -> Vec<DMatrix<f64>> {
        let n = self.bias.nrows();
        let one = DMatrix::identity(n, n);
        // Log_I P = 2(P^{1/2} − I), and d²(P, I) is the squared norm of half of it.
        let halves: Vec<DMatrix<f64>> = batch.iter().map(|p| root(p) - &one).collect();
        let variance = halves.iter().map(DMatrix::norm_squared).sum::<f64>() / (batch.len() as f64 * theta * theta);
        let factor = self.scale / (variance + EPSILON).sqrt();
        let scaled = |half: &DMatrix<f64>| {
            if factor <= 1.0 {
                let out = &one + half * factor;
                return &out * &out;
            }
            // Beyond an eigenvalue of zero Exp_I would fold: a vector that is stretched stops there.
            map(half, |h| {
                let out = (1.0 + factor * h).max(0.0);
                out * out
            })
        };
        let moved_on = |p: DMatrix<f64>| {
            if self.bias == one {
                return p;
            }
            let log = (root(&p) - &one) * 2.0;
            bures_wasserstein::exp(&self.bias, &bures_wasserstein::transport_from_identity(&self.bias, &log))
        };
        halves.iter().map(scaled).map(moved_on).collect()
    }

    /// What comes out for P³; for B, what it is among the matrices that went in.
    pub fn leave(&self, batch: Vec<DMatrix<f64>>) -> Vec<DMatrix<f64>> {
        match self.geometry {
            Geometry::None | Geometry::AffineInvariant => batch,
            Geometry::LogEuclidean => batch.iter().map(exp).collect(),
            Geometry::BuresWasserstein { power: theta } => {
                let outer = roots(&self.metric).0;
                batch.iter().map(|p| power(&congruence(&outer, p), 1.0 / theta)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::random::Random;
    use methods::linear::spd::arithmetic_mean;
    use methods::statistics::gaussian::bures;

    fn random_spd(scale: f64, random: &mut Random) -> DMatrix<f64> {
        let root = DMatrix::from_fn(5, 5, |_, _| scale * random.normal());
        &root * root.transpose() + DMatrix::identity(5, 5) * (0.01 * scale * scale)
    }

    fn normalised(layer: &Layer, batch: &[DMatrix<f64>]) -> Vec<DMatrix<f64>> {
        let batch = layer.enter(batch.to_vec());
        let mean = (0..layer.mean_steps).fold(arithmetic_mean(&batch), |mean, _| layer.mean_step(&batch, &mean));
        layer.leave(layer.scale(layer.centre(batch, &mean)))
    }

    fn batch() -> Vec<DMatrix<f64>> {
        let mut random = Random::new(5, "batch");
        let shift = DMatrix::from_fn(5, 5, |_, _| random.normal());
        (0..20).map(|_| &shift * (random_spd(0.3, &mut random) + DMatrix::identity(5, 5)) * shift.transpose()).collect()
    }

    #[test]
    fn centred_and_of_unit_dispersion() {
        let one = DMatrix::identity(5, 5);
        for geometry in [Geometry::AffineInvariant, Geometry::LogEuclidean] {
            let out = normalised(&Layer::new(geometry, 5, 30), &batch());
            let logs: Vec<_> = out.iter().map(log).collect();
            assert!(arithmetic_mean(&logs).norm() < 1e-9, "{geometry:?}");
            let dispersion = logs.iter().map(DMatrix::norm_squared).sum::<f64>() / 20.0;
            assert!((dispersion - 1.0).abs() < 1e-4, "{geometry:?}: {dispersion}");
        }
        for theta in [0.5, 1.0] {
            let layer = Layer { scale: 0.5, ..Layer::new(Geometry::BuresWasserstein { power: theta }, 5, 30) };
            let out = normalised(&layer, &batch());
            let powers: Vec<_> = out.iter().map(|p| power(p, theta)).collect();
            let logs: Vec<_> = powers.iter().map(|p| bures_wasserstein::log(&one, p)).collect();
            assert!(arithmetic_mean(&logs).norm() < 1e-6, "{theta}");
            let dispersion = powers.iter().map(|p| bures(p, &one)).sum::<f64>() / (20.0 * theta * theta);
            assert!((dispersion - 0.25).abs() < 1e-4, "{theta}: {dispersion}");
        }
    }

    #[test]
    fn the_bias_is_where_the_mean_goes() {
        let mut random = Random::new(6, "bias");
        let bias = random_spd(1.0, &mut random);
        for geometry in [Geometry::AffineInvariant, Geometry::BuresWasserstein { power: 1.0 }] {
            let layer = Layer { bias: bias.clone(), scale: 0.3, ..Layer::new(geometry, 5, 40) };
            let out = normalised(&layer, &batch());
            let step =
                if geometry == Geometry::AffineInvariant { affine_invariant::mean_step } else { bures_wasserstein::mean_step };
            let mut mean = arithmetic_mean(&out);
            (0..60).for_each(|_| mean = step(&out, &mean));
            assert!((&mean - &bias).norm() < 1e-4 * bias.norm(), "{geometry:?}: {mean} {bias}");
        }
    }

    #[test]
    fn a_metric_is_a_change_of_coordinates() {
        let mut random = Random::new(7, "metric");
        let metric = random_spd(1.0, &mut random);
        let (half, inverse) = roots(&metric);
        let plain = Layer::new(Geometry::BuresWasserstein { power: 1.0 }, 5, 3);
        let out = normalised(&Layer { metric, ..plain.clone() }, &batch());
        let moved: Vec<_> = batch().iter().map(|p| congruence(&inverse, p)).collect();
        for (a, b) in out.iter().zip(normalised(&plain, &moved)) {
            assert!((a - congruence(&half, &b)).norm() < 1e-9);
        }
    }

    #[test]
    fn nothing_is_done_without_a_geometry() {
        assert_eq!(normalised(&Layer::new(Geometry::None, 5, 1), &batch()), batch());
    }
}
