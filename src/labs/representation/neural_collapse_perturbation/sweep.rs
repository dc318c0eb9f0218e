//! Solutions of the vicinity model over β.

use methods::neural_collapse::models::{BlockDescent, FeaturesModel, FirstOrder};
use methods::neural_collapse::{Means, Variability};
use nalgebra::DMatrix;
use run::prelude::*;

use super::{solved, variability};

/// What is left of NC1 and NC1~ at the chosen β and at many others, with the λ's as they are and each of them fourfold.
pub struct Sweep {
    model: FeaturesModel,
    labels: Vec<u8>,
    pub given: Variability,
    /// θ of the given features.
    pub share: f64,
    /// Which λ is fourfold, and β; the chosen β first.
    jobs: Vec<(Fourfold, f64)>,
    descent: BlockDescent,
    pub done: Vec<Variability>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Fourfold {
    Neither,
    LambdaH,
    LambdaW,
}

impl Sweep {
    pub fn new(model: &FeaturesModel, given: DMatrix<f64>, beta: f64, dots: usize, variations: &[Fourfold]) -> Self {
        let labels = model.labels();
        let share = Means::of(&given, &labels, model.classes).share_in_span(&given, &labels);
        let grid = (0..dots).map(|i| 1e4 * libm::pow(10.0, -7.0 * i as f64 / (dots - 1) as f64));
        let mut jobs = vec![(Fourfold::Neither, beta)];
        jobs.extend(variations.iter().flat_map(|which| grid.clone().map(move |beta| (*which, beta))));
        let variability = Variability::of(&given, &labels, &Means::of(&given, &labels, model.classes));
        Sweep {
            model: model.clone(),
            labels,
            given: variability,
            share,
            jobs,
            descent: BlockDescent::new(model.clone(), beta, given),
            done: Vec::new(),
        }
    }

    /// How many solutions there will be.
    pub fn dots(&self) -> usize {
        self.jobs.len()
    }

    /// One sweep towards the next solution; true when it is found.
    pub fn advance(&mut self) -> bool {
        self.descent.sweep();
        if !solved(&self.descent, 1e-10) {
            return false;
        }
        self.done.push(variability(&self.descent.h, &self.labels));
        if let Some((which, beta)) = self.jobs.get(self.done.len()) {
            let mut varied = self.model.clone();
            match which {
                Fourfold::Neither => (),
                Fourfold::LambdaH => varied.lambda_h *= 4.0,
                Fourfold::LambdaW => varied.lambda_w *= 4.0,
            }
            // The grid falls: each minimizer starts from that of the β before.
            self.descent.again(varied, *beta);
        }
        true
    }

    /// β and what is left of NC1 and NC1~, for the jobs of one variation.
    pub fn left(&self, which: Fourfold) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let jobs = self.jobs.iter().zip(&self.done).skip(1).filter(move |((w, _), _)| *w == which);
        jobs.map(|((_, beta), v)| (*beta, v.nc1 / self.given.nc1, v.traces / self.given.traces))
    }

    /// The dots, and the formula's lines.
    pub fn chart(&self, beta: f64) -> Chart {
        let betas = || (0..=140).map(|i| libm::pow(10.0, -3.0 + i as f64 / 20.0));
        let curve = |of: fn(FirstOrder, f64) -> f64| betas().map(move |b| (b, of(FirstOrder::of(&self.model, b), self.share)));
        // Whole decades from the lowest curve up.
        let lowest = FirstOrder::of(&self.model, 1e-3);
        let floor = libm::floor(libm::log10(0.5 * lowest.nc1().min(lowest.traces(self.share)))).max(-12.0);
        let x = Axis::log("vicinity strength β").range(1e-3, 1e4);
        let y = Axis::log("variability left (share)").range(libm::pow(10.0, floor), 2.0);
        let mut chart = Chart::of(x, y)
            .dashed("ρ_in², ρ_out²", Ink::Muted, curve(|f, _| f.inside * f.inside))
            .dashed("", Ink::Muted, curve(|f, _| f.outside * f.outside))
            .line("θρ_in² + (1−θ)ρ_out²", Ink::Muted, curve(|f, theta| f.traces(theta)));
        for (which, name, ink) in [(Fourfold::LambdaW, "NC1~, λ_W fourfold", 3), (Fourfold::LambdaH, "NC1~, λ_H fourfold", 2)] {
            if self.jobs.iter().any(|job| job.0 == which) {
                chart = chart.line(name, Ink::Series(ink), self.left(which).map(|(beta, _, traces)| (beta, traces)));
            }
        }
        chart = chart.dots("NC1", Ink::Series(1), 6.0, self.left(Fourfold::Neither).map(|(beta, nc1, _)| (beta, nc1))).dots(
            "NC1~",
            Ink::Series(0),
            6.0,
            self.left(Fourfold::Neither).map(|(beta, _, traces)| (beta, traces)),
        );
        match self.done.first() {
            Some(now) if beta > 0.0 => chart.handle("β", (beta, now.traces / self.given.traces)),
            _ => chart,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Controls, NeuralCollapse};
    use super::*;
    use run::testing::finished;

    /// The same given features, one λ fourfold, β near its default: NC1 falls with λ_H and rises with λ_W, NC1~ falls with both.
    #[test]
    fn the_two_variabilities_disagree_on_the_classifier() {
        let sweep = finished::<NeuralCollapse>(&Controls::default(), 0).sweep.unwrap();
        let of = |which| sweep.left(which).find(|dot| (0.3..0.6).contains(&dot.0)).unwrap();
        let (same, by_h, by_w) = (of(Fourfold::Neither), of(Fourfold::LambdaH), of(Fourfold::LambdaW));
        let nc1 = [by_h.1 / same.1 - 1.0, by_w.1 / same.1 - 1.0];
        let traces = [by_h.2 / same.2 - 1.0, by_w.2 / same.2 - 1.0];
        assert!((-0.06..-0.02).contains(&nc1[0]) && (0.02..0.07).contains(&nc1[1]), "{nc1:?}");
        assert!((-0.02..0.0).contains(&traces[0]) && (-0.07..-0.02).contains(&traces[1]), "{traces:?}");
    }
}
