//! Generalization bounds, layer by layer: what a layer forgets of the sample need not be feared any more.
//!
//! Paper: He & Goldfeld, 2024. Y = ±1, X | Y ~ N(Yμ₀, I), T_l = W_l T_{l−1} + τξ, A_l = W_l…W_1; a linear classifier w = A_L Z̄ on the
//! last layer, Z̄ the mean of Y·X over n training points, under the ramp loss of margin ρ. Given Z̄, Y·T_l has the law N(A_l Z̄, Σ_t) in
//! training and N(A_l μ₀, Σ) in testing, Σ = A_l A_lᵀ + S_l, Σ_t = Σ − A_l A_lᵀ/n, S_l the covariance of the injected noise.
//! Claim: |gen| ≤ √(I_l/2), I_l the mean divergence of the two, which never grows with l: √(r_l ln(n/(n−1))/4) without noise, r_l the rank
//! of A_l; and |gen| ≤ √E‖w‖²/(2ρ) · Π_{j>l}‖W_j‖ · √E W₂², whose distance has its minimum, the funnel, at some layer.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Handle, Ink, Mark, View};
use methods::frame::orthonormalised;
use methods::gaussian::{bures, log_determinant, ramp_loss, square_root};
use run::data::Library;
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

ground::choice! {
    /// Where the layers' weights come from.
    pub enum Weights { Orthonormal => "orthonormal", Gaussian => "Gaussian", Sample => "from the sample" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        points: LogCount(10, 1000) = 50, "n", "training points: all bounds fall as 1/√n; or drag the ring";
        width_ratio: Real(0.5, 1.0) = 0.5, "", "width of a layer over that of the one below; 1: the rank never falls, and depth buys nothing";
        layers: Count(1, 6) = 4, "L", "how many layers the classifier stands on";
        noise: Real(0.0, 2.0) = 0.0, "τ", "injected after every layer: the divergence shrinks even at full rank";
        scale: Real(0.5, 2.0) = 1.0, "s", "of the first half of the layers, the second half undoes it: moves the funnel, and no bound";
        margin: Log(0.2, 3.0) = 1.0, "ρ", "small: a steep loss, and a Wasserstein bound that says nothing";
        weights: Choice(Weights) = Weights::Orthonormal, "W", "fixed beforehand; or turned towards the training points, which the theorem does not allow";
    }
}

/// Inputs' dimension d, and the least width of a layer.
const INPUTS: usize = 32;
const NARROWEST: usize = 2;
const REPETITIONS: usize = 1500;
const TEST: usize = 400;
/// Repetitions a slice at most, and the numbers drawn that fill one.
const SLICE: usize = 75;
const DRAWS: usize = 40_000;
/// Where the curves against n are computed, and the sample means that they average over.
const SIZES: [usize; 13] = [10, 15, 22, 32, 46, 68, 100, 147, 215, 316, 464, 681, 1000];
const MEANS: usize = 400;
/// What rounding may raise a bound by from one layer to the next.
const RISE: f64 = 1e-12;
/// Points of a cloud that are shown at most.
const SHOWN: usize = 250;

/// The layers below the classifier; index l = 0 is the input.
struct Layers {
    /// A_l.
    maps: Vec<DMatrix<f64>>,
    /// S_l.
    noise: Vec<DMatrix<f64>>,
    /// ‖W_l‖, and 1 for l = 0.
    norms: Vec<f64>,
    /// μ₀.
    mean: DVector<f64>,
}

/// What is known of the generalization error from layer l.
struct Bound {
    /// √(I_l/2).
    divergence: f64,
    /// √E‖w‖²/(2ρ) · Π_{j>l}‖W_j‖ · √E W₂².
    transport: f64,
    /// √E W₂² alone.
    distance: f64,
}

impl Layers {
    fn new(controls: &Controls, seed: u64) -> Self {
        let mut random = Random::new(seed, "layers");
        let mean = DVector::from_fn(INPUTS, |_, _| random.normal()).normalize();
        let mut layers = Layers {
            maps: vec![DMatrix::identity(INPUTS, INPUTS)],
            noise: vec![DMatrix::zeros(INPUTS, INPUTS)],
            norms: vec![1.0],
            mean,
        };
        let mut width = INPUTS as f64;
        for l in 0..controls.layers {
            let below = layers.maps[l].nrows();
            width *= controls.width_ratio;
            // Of an odd number of layers the middle one stays as it is, so that the scales cancel.
            let scale = match l {
                _ if l < controls.layers / 2 => controls.scale,
                _ if l >= controls.layers.div_ceil(2) => 1.0 / controls.scale,
                _ => 1.0,
            };
            let signal = (&layers.maps[l] * &layers.mean).normalize();
            let mut w = DMatrix::from_fn((width.round() as usize).max(NARROWEST), below, |_, _| random.normal());
            w /= (below as f64).sqrt();
            w.set_row(0, &signal.transpose());
            if controls.weights != Weights::Gaussian {
                w = orthonormalised(w.transpose()).transpose();
            }
            w *= scale;
            layers.maps.push(&w * &layers.maps[l]);
            let fresh = DMatrix::identity(w.nrows(), w.nrows()) * (controls.noise * controls.noise);
            layers.noise.push(&w * &layers.noise[l] * w.transpose() + fresh);
            layers.norms.push((&w * w.transpose()).symmetric_eigenvalues().max().sqrt());
        }
        layers
    }

    fn last(&self) -> usize {
        self.maps.len() - 1
    }

    /// Σ and Σ_t of layer l.
    fn covariances(&self, l: usize, points: usize) -> [DMatrix<f64>; 2] {
        let signal = &self.maps[l] * self.maps[l].transpose();
        let test = &signal + &self.noise[l];
        let train = &test - signal / points as f64;
        [test, train]
    }

    fn bound(&self, l: usize, points: usize, margin: f64) -> Bound {
        let n = points as f64;
        let [test, train] = self.covariances(l, points);
        // The trace of Σ⁻¹Σ_t and the mean square of Z̄ − μ₀ add up to the rank: what is left are the determinants.
        let information = 0.5 * (log_determinant(&test).1 - log_determinant(&train).1);
        let distance = (self.maps[l].norm_squared() / n + bures(&test, &train).max(0.0)).sqrt();
        let top = &self.maps[self.last()];
        let classifier = ((top * &self.mean).norm_squared() + top.norm_squared() / n).sqrt();
        let rest: f64 = self.norms[l + 1..].iter().product();
        Bound {
            divergence: (0.5 * information.max(0.0)).sqrt(),
            transport: classifier / (2.0 * margin) * rest * distance,
            distance,
        }
    }
}

/// Y·T_L in coordinates in which the part without noise is uncorrelated.
struct Output {
    /// A_L μ₀.
    mean: DVector<f64>,
    /// Deviations of the part without noise.
    deviations: DVector<f64>,
    /// S_L.
    noise: DMatrix<f64>,
}

/// The sample of a repetition, projected along w and across.
#[derive(Default)]
struct Cloud {
    train: [Vec<f64>; 2],
    test: [Vec<f64>; 2],
    /// Mean and covariance of the training law and of the test law.
    laws: Vec<([f64; 2], DMatrix<f64>)>,
}

impl Output {
    fn new(layers: &Layers, weights: Weights) -> Self {
        let (map, noise) = (&layers.maps[layers.last()], &layers.noise[layers.last()]);
        if weights == Weights::Sample {
            // A first row along Z̄ makes wᵀT_L a multiple of Z̄ᵀX: all of the input's directions are as good as kept.
            let scale = (map * &layers.mean).norm();
            return Output {
                mean: &layers.mean * scale,
                deviations: DVector::from_element(INPUTS, scale),
                noise: DMatrix::identity(INPUTS, INPUTS) * noise[(0, 0)],
            };
        }
        let SymmetricEigen { eigenvectors: turn, eigenvalues } = (map * map.transpose()).symmetric_eigen();
        Output {
            mean: turn.transpose() * (map * &layers.mean),
            deviations: eigenvalues.map(|v| v.max(0.0).sqrt()),
            noise: turn.transpose() * noise * &turn,
        }
    }

    fn dimensions(&self) -> usize {
        self.mean.len()
    }

    /// The margins' variance from the part without noise and from the noise, wᵀA_LA_Lᵀw and wᵀS_Lw.
    fn variances(&self, w: &DVector<f64>) -> (f64, f64) {
        (w.component_mul(&self.deviations).norm_squared(), w.dot(&(&self.noise * w)))
    }

    /// Test loss minus training loss of one sample of `points` points. The cloud keeps the sample, if asked for.
    fn gap(&self, points: usize, rho: f64, random: &mut Random, cloud: Option<&mut Cloud>) -> f64 {
        let k = self.dimensions();
        let mut sample = Vec::with_capacity(points * k);
        let mut w = DVector::zeros(k);
        for _ in 0..points {
            for i in 0..k {
                let value = self.mean[i] + self.deviations[i] * random.normal();
                w[i] += value / points as f64;
                sample.push(value);
            }
        }
        let (signal, noise) = self.variances(&w);
        let loss = |margin: f64| (0.5 - margin / (2.0 * rho)).clamp(0.0, 1.0);
        let mut train = 0.0;
        for point in sample.chunks_exact(k) {
            let fresh = if noise > 0.0 { noise.sqrt() * random.normal() } else { 0.0 };
            train += loss(point.iter().zip(w.iter()).map(|(t, w)| t * w).sum::<f64>() + fresh);
        }
        let (middle, spread) = (w.dot(&self.mean), (signal + noise).sqrt());
        let test: f64 = (0..TEST).map(|_| loss(middle + spread * random.normal())).sum();
        if let Some(cloud) = cloud {
            *cloud = self.cloud(&sample, &w, random);
        }
        test / TEST as f64 - train / points as f64
    }

    /// The sample in the plane of w and a direction across, with as many test points and both laws.
    fn cloud(&self, sample: &[f64], w: &DVector<f64>, random: &mut Random) -> Cloud {
        let k = self.dimensions();
        let along = w.normalize();
        // Across: the least of the coordinate directions in w, made orthogonal to it.
        let mut across = DVector::zeros(k);
        across[along.iamin()] = 1.0;
        across = (&across - &along * along.dot(&across)).normalize();
        let plane = DMatrix::from_columns(&[along, across]);
        let mut signal = DMatrix::from_diagonal(&self.deviations.component_mul(&self.deviations));
        let noise = plane.transpose() * &self.noise * &plane;
        signal = plane.transpose() * signal * &plane;
        let n = (sample.len() / k) as f64;
        let root = square_root(&noise);
        let mut cloud = Cloud::default();
        for point in sample.chunks_exact(k).take(SHOWN) {
            let fresh = DVector::from_fn(2, |_, _| random.normal());
            let at = plane.transpose() * DVector::from_column_slice(point) + &root * fresh;
            (0..2).for_each(|i| cloud.train[i].push(at[i]));
        }
        let (centre, test) = (plane.transpose() * &self.mean, &signal + &noise);
        let root = square_root(&test);
        for _ in 0..SHOWN.min(sample.len() / k) {
            let at = &centre + &root * DVector::from_fn(2, |_, _| random.normal());
            (0..2).for_each(|i| cloud.test[i].push(at[i]));
        }
        let train_centre = plane.transpose() * w;
        cloud.laws = vec![([train_centre[0], train_centre[1]], &test - signal / n), ([centre[0], centre[1]], test)];
        cloud
    }

    /// The mean gap with all but the sample mean integrated out, over `MEANS` pairs of sample means, opposite to each other about μ₀:
    /// the part of the gap that only scatters, of order 1/√n, cancels in a pair.
    fn expected_gap(&self, points: usize, rho: f64, random: &mut Random) -> f64 {
        let n = points as f64;
        let mut gap = 0.0;
        for _ in 0..MEANS {
            let shift = DVector::from_fn(self.dimensions(), |i, _| self.deviations[i] * random.normal() / n.sqrt());
            for w in [&self.mean + &shift, &self.mean - &shift] {
                let (signal, noise) = self.variances(&w);
                let test = ramp_loss(w.dot(&self.mean), signal + noise, rho);
                gap += test - ramp_loss(w.norm_squared(), signal * (1.0 - 1.0 / n) + noise, rho);
            }
        }
        gap / (2 * MEANS) as f64
    }
}

/// A run.
pub struct GeneralizationBounds {
    controls: Controls,
    layers: Layers,
    output: Output,
    bounds: Vec<Bound>,
    random: Random,
    /// Repetitions so far, their gaps' sum and sum of squares.
    done: usize,
    sum: f64,
    squares: f64,
    cloud: Cloud,
    /// For every size so far: the bounds of the input and of the last layer, and the gap.
    curve: Vec<(Bound, Bound, f64)>,
}

impl GeneralizationBounds {
    /// The mean gap, and its standard error.
    fn gap(&self) -> (f64, f64) {
        let n = self.done as f64;
        let mean = self.sum / n;
        (mean, ((self.squares / n - mean * mean).max(0.0) / (n - 1.0)).sqrt())
    }

    /// The layer at which train and test are nearest; the lowest of equals, up to rounding.
    fn funnel(&self) -> usize {
        let nearest = self.bounds.iter().fold(f64::INFINITY, |least, b| least.min(b.distance));
        self.bounds.iter().position(|b| b.distance <= nearest * (1.0 + 1e-9)).unwrap_or(0)
    }

    fn by_layer(&self) -> Chart {
        let last = self.layers.last() as f64;
        let l: Vec<f64> = (0..self.bounds.len()).map(|l| l as f64).collect();
        let of = |value: fn(&Bound) -> f64| self.bounds.iter().map(value).collect::<Vec<f64>>();
        let (kl, transport, distance) = (of(|b| b.divergence), of(|b| b.transport), of(|b| b.distance));
        let mut marks = Vec::new();
        if self.done > 1 {
            let (gap, error) = self.gap();
            let floor = |v: f64| v.max(1e-4);
            let (low, high) = (floor(gap.abs() - 2.0 * error), floor(gap.abs() + 2.0 * error));
            let (x, at) = (vec![0.0, last], vec![floor(gap.abs()); 2]);
            marks.push(Mark::Band { name: String::new(), ink: Ink::Text, x: x.clone(), low: vec![low; 2], high: vec![high; 2] });
            marks.push(Mark::line("measured |gen|", Ink::Text, x, at));
        }
        let funnel = self.funnel();
        marks.push(Mark::dashed("distance of train and test", Ink::Muted, l.clone(), distance.clone()));
        marks.push(Mark::points("funnel", Ink::Muted, vec![funnel as f64], vec![distance[funnel]], 11.0));
        // At ρ = 1 the two nearly coincide: the larger dots stay visible below the smaller.
        for (name, ink, y, size) in
            [("Wasserstein bound", Ink::Series(1), transport, 10.0), ("KL bound", Ink::Series(0), kl, 5.0)]
        {
            marks.push(Mark::line(name, ink, l.clone(), y.clone()));
            marks.push(Mark::points("", ink, l.clone(), y, size));
        }
        let x = Axis::linear("layer l").range(-0.05 * last, 1.05 * last);
        Chart { x, y: Axis::log("test loss − training loss"), marks, ..Chart::default() }
    }

    fn by_size(&self) -> Chart {
        let x: Vec<f64> = SIZES.iter().map(|n| *n as f64).take(self.curve.len()).collect();
        let of = |value: fn(&(Bound, Bound, f64)) -> f64| self.curve.iter().map(value).collect::<Vec<f64>>();
        let marks = vec![
            Mark::dashed("KL, input", Ink::Series(0), x.clone(), of(|c| c.0.divergence)),
            Mark::dashed("Wasserstein, input", Ink::Series(1), x.clone(), of(|c| c.0.transport)),
            Mark::line("Wasserstein, last layer", Ink::Series(1), x.clone(), of(|c| c.1.transport)),
            Mark::line("KL, last layer", Ink::Series(0), x.clone(), of(|c| c.1.divergence)),
            Mark::line("gen", Ink::Text, x, of(|c| c.2.abs().max(1e-5))),
        ];
        let gap = if self.done > 1 { self.gap().0.abs().max(1e-5) } else { self.bounds[self.layers.last()].divergence };
        Chart {
            x: Axis::log("training points n").range(10.0, 1000.0),
            y: Axis::log("test loss − training loss"),
            marks,
            handle: Some(Handle { name: "training points n".into(), at: (self.controls.points as f64, gap) }),
            ..Chart::default()
        }
    }

    fn plane(&self) -> Chart {
        let cloud = &self.cloud;
        let mut marks = vec![
            Mark::points("test", Ink::Series(1), cloud.test[0].clone(), cloud.test[1].clone(), 4.0),
            Mark::points("training", Ink::Series(0), cloud.train[0].clone(), cloud.train[1].clone(), 4.0),
        ];
        for (name, (centre, covariance), ink) in [("law in training", 0, Ink::Series(0)), ("law in testing", 1, Ink::Series(1))]
            .map(|(n, i, k)| (n, &cloud.laws[i], k))
        {
            let root = square_root(covariance) * 2.0;
            let turn = |i: usize| std::f64::consts::TAU * i as f64 / 90.0;
            let at =
                |row: usize, i: usize| centre[row] + root[(row, 0)] * libm::cos(turn(i)) + root[(row, 1)] * libm::sin(turn(i));
            let [x, y] = [0, 1].map(|row| (0..=90).map(|i| at(row, i)).collect::<Vec<f64>>());
            marks.push(Mark::line(name, ink, x, y));
            marks.push(Mark::points("", ink, vec![centre[0]], vec![centre[1]], 9.0));
        }
        marks.push(Mark::at_x("chance", 0.0));
        let axis = |label: &str| Axis::linear(label);
        Chart { x: axis("last layer, along w"), y: axis("last layer, across"), marks, equal: true, ..Chart::default() }
    }

    fn sizes(&self) -> Chart {
        let labels: Vec<String> = (0..self.bounds.len()).map(|l| format!("{l}")).collect();
        let bars =
            |name: &str, ink: u8, y: Vec<f64>| Mark::Bars { name: name.into(), ink: Ink::Series(ink), labels: labels.clone(), y };
        let spectra: Vec<DVector<f64>> = self.layers.maps.iter().map(|a| (a * a.transpose()).symmetric_eigenvalues()).collect();
        let rank = |a: &DMatrix<f64>| log_determinant(&(a * a.transpose())).0 as f64;
        let marks = vec![
            bars("rank", 0, self.layers.maps.iter().map(rank).collect()),
            bars("squared Frobenius norm", 1, self.layers.maps.iter().map(DMatrix::norm_squared).collect()),
            bars("squared operator norm", 2, spectra.iter().map(|v| v.max()).collect()),
        ];
        Chart { x: Axis::linear("layer l"), y: Axis::linear("size of the map from the input"), marks, ..Chart::default() }
    }
}

run::views! { GeneralizationBounds, Controls:
    layers "Bounds, layer by layer" "Both bounds fall with depth, and stay above the black line, which is what there is to bound." => by_layer;
    points "Bounds and truth against n" "Four parallel lines and a steeper one: the gap falls as 1/n, its bounds as 1/√n. Drag the ring." => by_size, dragged: drag_1;
    representations "Training and test in the last layer" "The training points' law is centred on their own mean, and narrower by 1/n: that is all there is to generalize over." => plane;
    sizes "What the layers keep" "The KL bound sees the rank alone, the Wasserstein bound the norms." => sizes;
}

impl GeneralizationBounds {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        let Controls { points, margin, .. } = self.controls;
        if let Some(&size) = SIZES.get(self.curve.len()) {
            let [input, last] = [0, self.layers.last()].map(|l| self.layers.bound(l, size, margin));
            // The same stream for every size: the curve is smooth.
            let gap = self.output.expected_gap(size, margin, &mut Random::new(0, "sample means"));
            self.curve.push((input, last, gap));
        }
        let slice = (DRAWS / (points * self.output.dimensions() + TEST)).clamp(1, SLICE).min(REPETITIONS - self.done);
        for i in 0..slice {
            let cloud = (i + 1 == slice).then_some(&mut self.cloud);
            let gap = self.output.gap(points, margin, &mut self.random, cloud);
            self.sum += gap;
            self.squares += gap * gap;
        }
        self.done += slice;
        Ok(Progress { done: self.done, of: REPETITIONS })
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        (which == 1).then(|| Controls { points: at.0.clamp(10.0, 1000.0).round() as usize, ..controls.clone() })
    }

    fn drag_1(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        Self::pointer(controls, 1, at)
    }
}

impl Experiment for GeneralizationBounds {
    const CARD: Card = Card {
        slug: "information-generalization-bounds",
        title: "Deeper layers, tighter generalization bounds",
        paper: Paper::new(
            "Information-Theoretic Generalization Bounds for Deep Neural Networks",
            "Haiyun He, Ziv Goldfeld",
            2024,
        ),
        claim: "From the input to the last layer the KL bound never rises and falls by at least a tenth, and every layer's bounds hold over the measured gap.",
        reproduction: Reproduction::InPart,
        honesty: "The paper proves the bounds for networks and makes them explicit for linear ones; here they hold, but for layers fixed before the sample is seen, the bounds stay some twenty times above the gap, and the Wasserstein bound, too, is always least at the last layer: only the bare distance has a funnel elsewhere.",
        seeds: 3,
        unit: "repetition",
        presets: &[
            Preset::holds("default", "Layers of 32, 16, 8, 4 and 2 units", &[]),
            Preset::gone("break-it", "All layers 32 wide: nothing is forgotten, depth buys nothing", &[("width_ratio", "1")]),
            Preset::open(
                "noise",
                "All layers 32 wide, with noise: the bound shrinks at full rank",
                &[("width_ratio", "1"), ("noise", "0.5")],
            ),
            Preset::open(
                "funnel",
                "Layers that shrink and then grow: train and test are nearest in the middle",
                &[("scale", "0.5")],
            ),
            Preset::open(
                "peeking",
                "Layers turned towards the training points: the theorem does not apply, and the bound fails",
                &[("weights", "from the sample")],
            ),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let layers = Layers::new(controls, seed);
        let output = Output::new(&layers, controls.weights);
        let bounds = (0..=layers.last()).map(|l| layers.bound(l, controls.points, controls.margin)).collect();
        let mut cloud = Cloud::default();
        output.gap(controls.points, controls.margin, &mut Random::new(seed, "first sample"), Some(&mut cloud));
        Ok(GeneralizationBounds {
            controls: controls.clone(),
            bounds,
            output,
            layers,
            random: Random::new(seed, "samples"),
            done: 0,
            sum: 0.0,
            squares: 0.0,
            cloud,
            curve: Vec::new(),
        })
    }

    async fn run(mut self: Box<Self>, stage: run::stage::Stage<Self>) -> Result<Box<Self>> {
        loop {
            let progress = self.step(stage.device()).await?;
            stage.span(progress.done..progress.of);
            if progress.finished() {
                return Ok(self);
            }
            self = stage.part(self).await;
        }
    }

    fn measures(&self) -> Measures {
        let (gap, error) = self.gap();
        let kl = |l: usize| self.bounds[l].divergence;
        let last = self.layers.last();
        let tightest = self.bounds.iter().fold(f64::INFINITY, |least, b| least.min(b.divergence).min(b.transport));
        ground::measures! {
            ratio: kl(last) / kl(0),
            rise: (1..=last).fold(f64::NEG_INFINITY, |most, l| most.max(kl(l) - kl(l - 1))),
            gap: gap,
            error: error,
            tightest_bound: tightest,
            slack: tightest - gap.abs() - 2.0 * error,
            funnel: self.funnel(),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let ratio = runs.most("ratio");
        let text = format!(
            "The KL bound of the last layer is {ratio:.3} of the input's; the gap is {:.4} and the tightest bound {:.3}.",
            runs.mean("gap"),
            runs.mean("tightest_bound"),
        );
        let hold = runs.most("rise") <= RISE && runs.least("slack") >= 0.0;
        Verdict::at_most(ratio, 0.9, text).and(hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::controls::{Controls as _, Settings};
    use methods::gaussian::divergence;

    fn controls(set: &[(&'static str, &'static str)]) -> Controls {
        Controls::read(&Settings::parse(Controls::SPECS, set.iter().copied()).unwrap())
    }

    fn runs(set: &[(&'static str, &'static str)]) -> Vec<Measures> {
        let run = |seed| {
            let mut run = GeneralizationBounds::new(&controls(set), seed, &Library::default()).unwrap();
            while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
            run.measures()
        };
        (0..3).map(run).collect()
    }

    #[test]
    fn information_is_that_of_the_rank() {
        for points in [10, 50, 1000] {
            let layers = Layers::new(&controls(&[("weights", "Gaussian"), ("scale", "0.7")]), 1);
            for (l, rank) in [32.0, 16.0, 8.0, 4.0, 2.0].into_iter().enumerate() {
                let information = 2.0 * layers.bound(l, points, 1.0).divergence * layers.bound(l, points, 1.0).divergence;
                let n = points as f64;
                assert!((information - rank / 2.0 * libm::log(n / (n - 1.0))).abs() < 1e-10, "layer {l}, {points} points");
            }
        }
    }

    /// The divergence and the transport distance of the two laws, averaged over sample means.
    #[test]
    fn bounds_are_means_over_sample_means() {
        let layers = Layers::new(&controls(&[("weights", "Gaussian"), ("noise", "0.5")]), 2);
        let mut random = Random::new(3, "sample means");
        let (points, draws) = (20, 4000);
        for l in 0..=layers.last() {
            let [test, train] = layers.covariances(l, points);
            let centre = &layers.maps[l] * &layers.mean;
            let (mut information, mut distance) = (0.0, 0.0);
            for _ in 0..draws {
                let z = DVector::from_fn(INPUTS, |i, _| layers.mean[i] + random.normal() / (points as f64).sqrt());
                let at = &layers.maps[l] * z;
                distance += ((&at - &centre).norm_squared() + bures(&test, &train)) / f64::from(draws);
                information += divergence(&at, &train, &centre, &test) / f64::from(draws);
            }
            let bound = layers.bound(l, points, 1.0);
            let exact = 2.0 * bound.divergence * bound.divergence;
            assert!((information / exact - 1.0).abs() < 0.02, "layer {l}: {information} and {exact}");
            assert!((distance.sqrt() / bound.distance - 1.0).abs() < 0.02, "layer {l}");
        }
    }

    /// The simulated gap is the one in which all but the sample mean is integrated out.
    #[test]
    fn the_gap_is_simulated_and_integrated() {
        for set in [
            &[] as &[_],
            &[("width_ratio", "1"), ("noise", "0.5")],
            &[("weights", "Gaussian")],
            &[("weights", "from the sample")],
        ] {
            let controls = controls(set);
            let output = Output::new(&Layers::new(&controls, 0), controls.weights);
            let (mut random, n) = (Random::new(1, "gaps"), 3000);
            let gaps: Vec<f64> = (0..n).map(|_| output.gap(50, 1.0, &mut random, None)).collect();
            let integrated: Vec<f64> = (0..20).map(|_| output.expected_gap(50, 1.0, &mut random)).collect();
            let [(mean, variance), (expected, other)] = [&gaps, &integrated].map(|values| {
                let (n, mean) = (values.len() as f64, values.iter().sum::<f64>() / values.len() as f64);
                (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n * (n - 1.0)))
            });
            let error = (variance + other).sqrt();
            assert!((mean - expected).abs() < 4.0 * error, "{set:?}: {mean} and {expected}, ± {error}");
        }
    }

    /// Maps of Lipschitz constant ‖W‖ bring laws nearer by no less than that: the bound is least at the last layer, whatever the distances.
    #[test]
    fn no_bound_rises_with_depth() {
        for set in [
            &[("weights", "Gaussian"), ("noise", "1")] as &[_],
            &[("weights", "Gaussian"), ("scale", "2"), ("layers", "5")],
            &[("scale", "0.5"), ("layers", "6"), ("width_ratio", "0.8"), ("noise", "0.1")],
        ] {
            let layers = Layers::new(&controls(set), 5);
            let bounds: Vec<Bound> = (0..=layers.last()).map(|l| layers.bound(l, 30, 1.0)).collect();
            for pair in bounds.windows(2) {
                assert!(pair[1].divergence <= pair[0].divergence + 1e-12, "{set:?}");
                assert!(pair[1].transport <= pair[0].transport * (1.0 + 1e-9), "{set:?}");
            }
        }
    }

    #[test]
    fn depth_helps_by_forgetting() {
        for run in runs(&[]) {
            assert!((run.get("ratio") - 0.25).abs() < 1e-3 && run.get("slack") > 0.0, "{run:?}");
            assert!(run.get("error") < 0.03 * run.get("tightest_bound") && run.get("funnel") == 4.0, "{run:?}");
        }
        for run in runs(&[("width_ratio", "1")]) {
            assert!((run.get("ratio") - 1.0).abs() < 1e-9 && run.get("slack") > 0.0 && run.get("gap") > 0.1, "{run:?}");
        }
        for run in runs(&[("width_ratio", "1"), ("noise", "0.5")]) {
            assert!((run.get("ratio") - 0.705).abs() < 1e-3 && run.get("slack") > 0.0, "{run:?}");
        }
        // The scale cancels in the bounds, and moves the funnel.
        for run in runs(&[("scale", "0.5")]) {
            assert!((run.get("ratio") - 0.25).abs() < 1e-3 && run.get("funnel") == 2.0, "{run:?}");
        }
    }

    #[test]
    fn looking_at_the_sample_first_voids_the_bound() {
        let runs = runs(&[("weights", "from the sample")]);
        assert!(runs.iter().all(|run| run.get("slack") < 0.0), "{runs:?}");
        assert_eq!(GeneralizationBounds::verdict(&runs).holds, Some(false));
    }
}
