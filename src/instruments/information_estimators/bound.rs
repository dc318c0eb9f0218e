//! The bottleneck's bound, where p(x, y) is known: what no layer can reach.

use super::{InformationPlane, Problem};
use libm::{exp, log};
use methods::information::Bottleneck;
use run::data::rule::SphereRule;
use run::prelude::*;

const BETAS: usize = 16;
/// Sweeps at each β.
const SWEEPS: usize = 80;

impl InformationPlane {
    /// The β at which the bound is computed, the marked one among them, falling; none where p(x, y) is not known.
    pub(super) fn betas(&self) -> Vec<f64> {
        if self.trainings.is_empty() || self.controls.problem != Problem::Rule {
            return Vec::new();
        }
        let mut all: Vec<f64> = (0..BETAS).map(beta).collect();
        all.insert(all.partition_point(|b| *b >= self.controls.beta), self.controls.beta);
        all
    }

    /// Follows the bound from the largest β down, each from where the one before it ended.
    pub(super) async fn trace_bound(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let betas = self.betas();
        if self.bound.len() == betas.len() {
            return self;
        }
        self.bound.clear();
        let (input, conditional) = SphereRule::get().groups();
        let mut bottleneck = Bottleneck::new(&input, &conditional, 2, 16, betas[0]);
        for beta in betas {
            bottleneck.beta = beta;
            for _ in 0..SWEEPS {
                bottleneck.sweep();
                self = stage.part(self).await;
            }
            self.bound.push(bottleneck.point());
            self = stage.next(self).await;
        }
        self
    }
}

/// The i-th β of the bottleneck's curve, from 100 down to 1.01, dense near 1: there the best compromise moves.
fn beta(i: usize) -> f64 {
    1.0 + exp(log(99.0) + (log(0.01) - log(99.0)) * i as f64 / (BETAS - 1) as f64)
}
