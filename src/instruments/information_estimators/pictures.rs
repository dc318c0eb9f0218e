//! What is seen of the plane, and of what is measured for it.

use std::iter::once;

use super::{Estimator, InformationPlane, Reading, Subject, Unit};
use ground::controls::Options;
use libm::log2;
use run::prelude::*;

impl InformationPlane {
    /// Units of information in a bit, and what they are called.
    pub(super) fn unit(&self) -> (f64, &'static str) {
        match self.controls.unit {
            Unit::Bits => (1.0, "bits"),
            Unit::Nats => (std::f64::consts::LN_2, "nats"),
        }
    }

    fn ink(&self, l: usize) -> Ink {
        Ink::Ramp(0.15 + 0.85 * l as f32 / (self.widths.len() - 1).max(1) as f32)
    }

    /// The mean over the networks of what is told of layer `l`, up to the last snapshot that all of them have.
    pub(super) fn mean_of(&self, l: usize, told: impl Fn(&Reading) -> f64) -> Vec<f64> {
        let (count, layers) = (self.subjects.len() as f64, self.widths.len());
        let known = self.subjects.iter().map(|s| s.layer(l).count()).min().unwrap_or(0);
        (0..known).map(|e| self.subjects.iter().map(|s| told(&s.measured[e * layers + l])).sum::<f64>() / count).collect()
    }

    /// H(Y) and I(X;Y), bits.
    pub(super) fn limits(&self) -> (f64, f64) {
        self.subjects[0].limits()
    }

    /// The mean over layers and snapshots of the distance between bins and kernels on the same samples, bits.
    pub(super) fn disagreement(&self) -> f64 {
        let all = || self.subjects.iter().flat_map(|s| &s.measured);
        all().map(|reading| (reading.bins - reading.kernels).abs()).sum::<f64>() / all().count() as f64
    }

    /// By how much at most the solid estimate is more than there can be; see [`Subject::violations`].
    pub(super) fn violations(&self) -> [f64; 3] {
        let all = self.subjects.iter().map(Subject::violations);
        all.fold([0.0; 3], |most, here| std::array::from_fn(|k| f64::max(most[k], here[k])))
    }

    /// How many samples an estimator takes.
    pub(super) fn seen_by(&self, estimator: Estimator) -> usize {
        if estimator.binned() { self.samples() } else { self.chosen(&[estimator]).len() }
    }

    pub(super) fn plane(&self) -> Chart {
        let (unit, name) = self.unit();
        let (h, information) = self.limits();
        let scaled = |(x, y): (f64, f64)| (unit * x, unit * y);
        let most = unit * log2(self.samples() as f64);
        // Estimates may err beyond what there is; they are not to leave the picture.
        let all = self.subjects.iter().flat_map(|s| &s.measured).map(|reading| scaled(reading.by[0]));
        let (right, above) = all.fold((most, unit * h.max(1e-3)), |(x, y), at| (x.max(at.0), y.max(at.1)));
        let top = 1.05 * above;
        let mut chart = Chart::of(
            Axis::linear("I(X;T), about the input").unit(name).range(0.0, 1.03 * right),
            Axis::linear("I(T;Y), about the label").unit(name).range(0.0, top),
        );
        let betas = self.betas();
        if !betas.is_empty() && self.bound.len() == betas.len() {
            // From nothing known along the bound to all that there is to know.
            let bound = once((0.0, 0.0)).chain(self.bound.iter().rev().copied());
            let bound = bound.chain(once((log2(self.samples() as f64), information))).map(scaled);
            chart = chart.band("beyond the bound", Ink::Muted, bound.map(|(x, y)| (x, y, top)));
        }
        chart = chart.at_y("H(Y)", unit * h).at_x("H(X)", if right > most { most } else { f64::NAN });
        if h - information > 0.02 * h {
            chart = chart.at_y("I(X;Y)", unit * information);
        }
        let marked = betas.iter().position(|b| *b == self.controls.beta).and_then(|i| self.bound.get(i));
        if let Some(best) = marked {
            chart = chart.dots("best at β", Ink::Text, 7.0, [scaled(*best)]);
        }
        let layers = 0..self.widths.len();
        if self.subjects.len() > 1 {
            for (subject, l) in self.subjects.iter().flat_map(|s| layers.clone().map(move |l| (s, l))) {
                chart = chart.line("", Ink::Muted, subject.layer(l).map(|reading| scaled(reading.by[0])));
            }
        }
        let last = self.epochs().len().max(2) - 1;
        let mut ends = Vec::new();
        for l in layers {
            let [x, y] = [|r: &Reading| r.by[0].0, |r: &Reading| r.by[0].1]
                .map(|told| self.mean_of(l, told).into_iter().map(|v| unit * v).collect::<Vec<f64>>());
            let shade = (0..x.len()).map(|e| e as f32 / last as f32).collect();
            ends.extend(x.last().copied().zip(y.last().copied()).map(|end| (l + 1, end)));
            let name = match (l, self.subjects.len()) {
                (0, 1) => "a layer over the epochs",
                (0, _) => "a layer, networks' mean",
                _ => "",
            };
            chart = chart.mark(Mark::Trail { name: name.into(), x, y, shade });
        }
        // Layers that end in one place share a label.
        while let Some(&(_, (x, y))) = ends.first() {
            let near = |at: &(f64, f64)| (at.0 - x).abs() < 0.03 * right && (at.1 - y).abs() < 0.05 * top;
            let (here, others): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, at)| near(at));
            let text = here.iter().map(|(l, _)| l.to_string()).collect::<Vec<String>>().join(", ");
            chart = chart.label(text, (x, y), Ink::Text);
            ends = others;
        }
        chart
    }

    pub(super) fn both_estimates(&self) -> Chart {
        let (unit, unit_name) = self.unit();
        let epochs = self.epochs();
        let both = [self.controls.estimator, self.controls.beside];
        let n = self.chosen(&both).len();
        let chart = Chart::of(Axis::log("epoch"), Axis::linear("I(X;T)").unit(unit_name))
            .at_y(format!("log of the {n} samples"), unit * log2(n as f64));
        (0..self.widths.len()).fold(chart, |chart, l| {
            let name = |which: usize| if l == 0 { both[which].name() } else { "" };
            let points = |which: usize| {
                epochs.iter().map(|e| (*e).max(1) as f64).zip(self.mean_of(l, |reading| unit * reading.same[which]))
            };
            chart.line(name(0), self.ink(l), points(0)).dashed(name(1), self.ink(l), points(1))
        })
    }

    pub(super) fn scores(&self) -> View {
        if self.trainings.is_empty() {
            return View::nothing("What these activities were trained with is not known.");
        }
        let known = self.subjects.iter().map(|s| s.scores.len()).min().unwrap_or(0);
        let epochs = self.epochs();
        let points = |of: &dyn Fn(usize) -> f64| (0..known).map(|e| (epochs[e] as f64, of(e))).collect::<Vec<_>>();
        let mut chart = Chart::of(Axis::log("epoch"), Axis::linear("loss, accuracy"));
        if self.subjects.len() > 1 {
            for (subject, k) in self.subjects.iter().flat_map(|s| [(s, 0), (s, 1)]) {
                chart = chart.line("", Ink::Muted, points(&|e| subject.scores[e][k]));
            }
        }
        let networks = self.trainings.len() as f64;
        let mean = |k: usize| points(&|e| self.subjects.iter().map(|s| s.scores[e][k]).sum::<f64>() / networks);
        let trained = points(&|e| self.trainings.iter().map(|t| t.loss[epochs[e] - 1]).sum::<f64>() / networks);
        View::Chart(
            chart.dashed("training loss (nats)", Ink::Series(1), trained).line("test loss (nats)", Ink::Series(1), mean(0)).line(
                "test accuracy",
                Ink::Series(0),
                mean(1),
            ),
        )
    }

    pub(super) fn drift_and_diffusion(&self) -> View {
        if self.trainings.is_empty() {
            return View::nothing("Activities alone have no gradients.");
        }
        let l = self.shown();
        let known = self.subjects.iter().map(|s| s.phases[l].len()).min().unwrap_or(0);
        // Every snapshot's epoch and the ones around it, averaged: single epochs scatter.
        let epochs: Vec<usize> = self.epochs().into_iter().filter(|e| *e <= known).collect();
        let mean = |i: usize, k: usize| {
            let from = if i == 0 { 0 } else { epochs[i - 1] };
            let sum: f64 = self.subjects.iter().flat_map(|s| &s.phases[l][from..epochs[i]]).map(|p| p[k]).sum();
            sum / ((epochs[i] - from) * self.subjects.len()) as f64
        };
        let points = |k: usize| epochs.iter().enumerate().map(move |(i, e)| (*e as f64, mean(i, k)));
        View::Chart(
            Chart::of(Axis::log("epoch"), Axis::log("gradient in an epoch"))
                .line(format!("deviation, layer {}", l + 1), Ink::Series(1), points(1))
                .line(format!("mean, layer {}", l + 1), Ink::Series(0), points(0)),
        )
    }

    pub(super) fn histogram(&self) -> Chart {
        let l = self.shown();
        let (low, high) = self.subjects[0].bins_of(l, &self.controls);
        let (low, high) = if low < high { (f64::from(low), f64::from(high)) } else { (-1.0, 1.0) };
        let (bins, offset) = (self.controls.bins, self.subjects[0].offset(l));
        let edges: Vec<f64> = (0..=bins).map(|i| offset + low + (high - low) * i as f64 / bins as f64).collect();
        let mut share = vec![0.0; bins];
        for v in &self.seen {
            let place = ((f64::from(*v) - low) / (high - low) * bins as f64).clamp(0.0, bins as f64 - 1.0);
            share[place as usize] += 1.0 / self.seen.len() as f64;
        }
        let x = Axis::linear(format!("activity, layer {}", l + 1));
        Chart::of(x, Axis::linear("share of the activities")).histogram("", Ink::Series(0), (edges, share))
    }

    pub(super) fn readings(&self) -> Table {
        let (h, information) = self.limits();
        let (unit, name) = self.unit();
        let shown = self.shown();
        let end = |k: usize| self.mean_of(shown, |reading| reading.by[k].0).last().map_or(f64::NAN, |v| unit * v);
        let offset = self.subjects[0].offset(shown);
        let saturated =
            self.seen.iter().filter(|v| (f64::from(**v) + offset).abs() > 0.95).count() as f64 / self.seen.len().max(1) as f64;
        let seen = |estimator| unit * log2(self.chosen(&[estimator]).len() as f64);
        let at_end = |line: &str, estimator: Estimator| {
            let n = self.seen_by(estimator);
            format!("I(X;T) at the end, shown layer, {line}: {}, n = {n}", estimator.name())
        };
        let [input, label, beyond] = self.violations().map(|violation| unit * violation);
        let apart = self.chosen(&[Estimator::Upper]).len();
        let rows = [
            ("H(X), log of the samples".into(), unit * log2(self.samples() as f64)),
            ("H(Y)".into(), unit * h),
            ("I(X;Y)".into(), unit * information),
            ("most that kernels can see, log n".into(), seen(Estimator::Upper)),
            ("most that Rényi's can see, log n".into(), seen(Estimator::Renyi)),
            (at_end("solid", self.controls.estimator), end(0)),
            (at_end("dashed", self.controls.beside), end(1)),
            (format!("mean distance of bins and kernels, on the same {apart} samples"), unit * self.disagreement()),
            ("data processing violated by at most, I(X;T)".into(), input),
            ("data processing violated by at most, I(T;Y)".into(), label),
            ("I(X;T) above H(X) by at most".into(), beyond),
            ("shown layer: share of activities beyond ±0.95".into(), saturated),
        ];
        let row = |(name, value): (String, f64)| vec![Cell::Text(name), Cell::Number(value)];
        Table {
            columns: vec!["reading".into(), name.into()],
            rows: rows.into_iter().filter(|r| r.1.is_finite()).map(row).collect(),
        }
    }
}
