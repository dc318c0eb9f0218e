//! The Hessian at the centre: its curvature in the plane, and its spectrum.

use methods::network::training::hessian_product;

use super::*;

/// Products for the spectrum, from each of two random starts.
pub const LANCZOS: usize = 32;
/// Multiplications of a network over the samples of the Hessian, at most.
const PRODUCT: usize = 3_000_000;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Landscape {
    /// The training samples of the Hessian.
    pub(super) fn few(&self) -> (&[f32], &[u8]) {
        let (x, y) = self.samples();
        let n = y.len().min((PRODUCT / self.walks[0].network.cost().max(1)).max(32));
        (&x[..n * self.task.samples.features], &y[..n])
    }

    /// The gradient at a network, and the Hessian times `v`.
    pub(super) fn hessian(&self, network: &Model, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (x, y) = self.few();
        hessian_product(network, self.controls.loss, x, y, v)
    }

    /// A Lanczos process from its random start to its last product, or until it has seen all that it can.
    pub(super) async fn krylov(mut self: Box<Self>, which: usize, stage: &Stage<Self>) -> Box<Self> {
        let network = self.network();
        while self.scene.lanczos[which].steps() < LANCZOS && !self.scene.lanczos[which].exhausted() {
            let image = self.hessian(&network, self.scene.lanczos[which].next()).1;
            self.scene.lanczos[which].step(image);
            self = stage.next(self).await;
        }
        self
    }

    /// The curvature along the two directions, then the spectrum from both starts.
    pub(super) async fn decompose(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let network = self.network();
        let plane = self.scene.plane.as_ref().expect("directions come first");
        let [d, mut e] = [&plane.first, &plane.second].map(|v| v.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>());
        let along = dot(&d, &e) / dot(&d, &d).max(f64::MIN_POSITIVE);
        e.iter_mut().zip(&d).for_each(|(e, d)| *e -= along * d);
        for v in [d, e].into_iter().skip(self.scene.curvatures.len()) {
            let (gradient, image) = self.hessian(&network, &v);
            self.scene.curvatures.push(dot(&v, &image) / dot(&v, &v).max(f64::MIN_POSITIVE));
            self.scene.gradient = gradient;
            self = stage.next(self).await;
        }
        for which in 0..2 {
            self = self.krylov(which, stage).await;
        }
        self
    }
}
