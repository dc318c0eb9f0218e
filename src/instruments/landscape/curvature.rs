//! The Hessian at the centre: its products, its ends, its spectrum, and the curvature in the plane.

use methods::network::training::hessian_product;

use super::*;

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

    /// Of a vector over all parameters, what belongs to the weights that the network has: a layer without a bias has none to bend.
    pub(super) fn narrow(&self, all: &[f64]) -> Vec<f64> {
        self.weights.iter().map(|i| all[*i]).collect()
    }

    /// A vector over the weights as one over all parameters.
    pub(super) fn widen(&self, of_weights: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.walks[0].network.theta().len()];
        self.weights.iter().zip(of_weights).for_each(|(i, v)| all[*i] = *v);
        all
    }

    /// The gradient at a network by its weights, and the Hessian times `v`.
    pub(super) fn hessian(&self, network: &Model, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (x, y) = self.few();
        let (gradient, image) = hessian_product(network, self.controls.loss, x, y, &self.widen(v));
        (self.narrow(&gradient), self.narrow(&image))
    }

    /// Goes on with the spectrum, product by product, while `wanted`.
    async fn look(mut self: Box<Self>, stage: &Stage<Self>, wanted: fn(&Spectrum) -> bool) -> Box<Self> {
        let (network, planned) = (self.network(), Spectrum::planned(self.weights.len()));
        while let Some(v) = self.scene.spectrum.next().filter(|_| wanted(&self.scene.spectrum)) {
            let image = self.hessian(&network, &v).1;
            self.scene.spectrum.step(image);
            self = if self.scene.spectrum.products() <= planned { stage.next(self).await } else { stage.part(self).await };
        }
        self
    }

    /// The ends of the spectrum.
    pub(super) async fn find_ends(self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        self.look(stage, |spectrum| spectrum.known().is_none()).await
    }

    /// The curvature along the two directions, then the whole spectrum.
    pub(super) async fn decompose(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let network = self.network();
        let plane = self.scene.plane.as_ref().expect("directions come first");
        let unit = |v: Vec<f64>| {
            let length = dot(&v, &v).sqrt().max(f64::MIN_POSITIVE);
            v.into_iter().map(|x| x / length).collect::<Vec<f64>>()
        };
        let [d, mut e] = [&plane.first, &plane.second].map(|v| self.narrow(&v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()));
        let d = unit(d);
        let along = dot(&d, &e);
        e.iter_mut().zip(&d).for_each(|(e, d)| *e -= along * d);
        let e = unit(e);
        for v in [&d, &e].into_iter().skip(self.scene.curvatures.len()) {
            let (gradient, image) = self.hessian(&network, v);
            self.scene.curvatures.push([dot(&d, &image), dot(&e, &image)]);
            self.scene.gradient = gradient;
            self = stage.next(self).await;
        }
        self.look(stage, |_| true).await
    }
}
