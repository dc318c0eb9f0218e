//! Generalization bounds, layer by layer: what a layer forgets of the sample need not be feared any more.
//!
//! Paper: He & Goldfeld, 2024. Y = ±1, X | Y ~ N(Yμ₀, I), T_l = W_l T_{l−1} + τξ, A_l = W_l…W_1; a linear classifier w = A_L Z̄ on the
//! last layer, Z̄ the mean of Y·X over n training points, under the ramp loss of margin ρ. Given Z̄, Y·T_l has the law N(A_l Z̄, Σ_t) in
//! training and N(A_l μ₀, Σ) in testing, Σ = A_l A_lᵀ + S_l, Σ_t = Σ − A_l A_lᵀ/n, S_l the covariance of the injected noise.
//! Claim: |gen| ≤ √(I_l/2), I_l the mean divergence of the two, which never grows with l: √(r_l ln(n/(n−1))/4) without noise, r_l the rank
//! of A_l; and |gen| ≤ √E‖w‖²/(2ρ) · Π_{j>l}‖W_j‖ · √E W₂², whose distance has its minimum, the funnel, at some layer.

mod contraction;
mod gibbs;
mod layers;
mod output;

use std::f64::consts::TAU;

use libm::{cos, sin};
use methods::statistics::gaussian::{bures, log_determinant, square_root};
use run::prelude::*;

use contraction::{Contraction, STRENGTHS};
use gibbs::{Gibbs, PARTS, TEMPERATURES};
use layers::Layers;
use output::{Cloud, Output, TEST};

choice! {
    /// Where the layers' weights come from.
    pub enum Weights { Orthonormal => "orthonormal", Gaussian => "Gaussian", Sample => "from the sample" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        points "training points": LogCount(10, 1000) = 50, "n", "Few: a large gap and large bounds. Many: the bounds fall as 1/√n, the gap faster. The ring sets it too.";
        width_ratio "width of next layer": Real(0.5, 1.0) = 0.5, "", "Over that of the layer below. One half: much is thrown away. 1: nothing is, and depth buys nothing.";
        noise "noise after each layer": Real(0.0, 2.0) = 0.0, "τ", "0: layers only project. More: the bound shrinks even where no direction is lost.";
        weights "where weights are from": Choice(Weights) = Weights::Orthonormal, "W", "Drawn beforehand, at right angles or not; or turned towards the training points, which the theorem does not allow.";
        layers: Count(1, 6) = 4, "L", "Between the inputs and the classifier. One: little is forgotten. Six: the last ones are two units wide.";
        margin: Log(0.2, 3.0) = 1.0, "ρ", "How far a point must be on its side to cost nothing. Small: a steep loss, and a high Wasserstein bound.";
        scale "scale of first half": Real(0.5, 2.0) = 1.0, "s", "Of the first half of the layers; the second half undoes it. It moves the funnel, and no bound.", when layers ["2", "3", "4", "5", "6"];
    }
}

const REPETITIONS: usize = 1500;
/// A repetition is pictured whenever about so many numbers have been drawn, at the latest after so many repetitions.
const DRAWS: usize = 40_000;
const UNSEEN: usize = 75;
/// Where the curves against n are computed.
const SIZES: [usize; 13] = [10, 15, 22, 32, 46, 68, 100, 147, 215, 316, 464, 681, 1000];
/// What rounding may raise a bound by from one layer to the next, and the share of a divergence that noise leaves over its factor.
const RISE: f64 = 1e-12;
const ABOVE: f64 = 1e-9;

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
    /// Both bounds of layer l.
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

/// A run.
pub struct GeneralizationBounds {
    controls: Controls,
    seed: u64,
    layers: Layers,
    output: Output,
    bounds: Vec<Bound>,
    random: Random,
    /// Of the repetitions so far.
    gaps: Vec<f64>,
    cloud: Cloud,
    /// Dropout, and noise on bounded activations, by strength.
    contractions: Vec<[Contraction; 2]>,
    gibbs: Gibbs,
    /// For every size so far: the bounds of the input and of the last layer, and the gap.
    curve: Vec<(Bound, Bound, f64)>,
}

impl GeneralizationBounds {
    /// The mean gap, and its standard error.
    fn gap(&self) -> (f64, f64) {
        let n = self.gaps.len() as f64;
        let (sum, squares) = self.gaps.iter().fold((0.0, 0.0), |(sum, squares), gap| (sum + gap, squares + gap * gap));
        let mean = sum / n;
        (mean, ((squares / n - mean * mean).max(0.0) / (n - 1.0)).sqrt())
    }

    /// The layer at which train and test are nearest; the lowest of equals, up to rounding.
    fn funnel(&self) -> usize {
        let nearest = self.bounds.iter().fold(f64::INFINITY, |least, b| least.min(b.distance));
        self.bounds.iter().position(|b| b.distance <= nearest * (1.0 + 1e-9)).unwrap_or(0)
    }

    /// The controls for the n that the ring was dragged to.
    fn pick_points(controls: &Controls, (n, _): (f64, f64)) -> Option<Controls> {
        Some(Controls { points: n.clamp(10.0, 1000.0).round() as usize, ..controls.clone() })
    }
}

/// The views.
impl GeneralizationBounds {
    fn by_layer(&self) -> Chart {
        let last = self.layers.last() as f64;
        let of = |value: fn(&Bound) -> f64| self.bounds.iter().enumerate().map(move |(l, bound)| (l as f64, value(bound)));
        let x = Axis::linear("layer l").range(-0.05 * last, 1.05 * last);
        let mut chart = Chart::of(x, Axis::log("test − training loss"));
        if self.gaps.len() > 1 {
            let (gap, error) = self.gap();
            let [low, middle, high] = [-2.0, 0.0, 2.0].map(|errors| (gap.abs() + errors * error).max(1e-4));
            let ends = [0.0, last];
            chart = chart.band("", Ink::Text, ends.map(|l| (l, low, high)));
            chart = chart.line("measured |gen|", Ink::Text, ends.map(|l| (l, middle)));
        }
        let funnel = self.funnel();
        // At ρ = 1 the two nearly coincide: the larger dots stay visible below the smaller.
        chart
            .dashed("train-test distance", Ink::Muted, of(|bound| bound.distance))
            .dots("funnel", Ink::Muted, 11.0, [(funnel as f64, self.bounds[funnel].distance)])
            .line("Wasserstein bound", Ink::Series(1), of(|bound| bound.transport))
            .dots("", Ink::Series(1), 10.0, of(|bound| bound.transport))
            .line("KL bound", Ink::Series(0), of(|bound| bound.divergence))
            .dots("", Ink::Series(0), 5.0, of(|bound| bound.divergence))
    }

    fn by_size(&self) -> Chart {
        let of =
            |value: fn(&(Bound, Bound, f64)) -> f64| SIZES.iter().zip(&self.curve).map(move |(n, at)| (*n as f64, value(at)));
        let gap = if self.gaps.len() > 1 { self.gap().0.abs().max(1e-5) } else { self.bounds[self.layers.last()].divergence };
        Chart::of(Axis::log("training points n").range(10.0, 1000.0), Axis::log("test − training loss"))
            .dashed("KL, input", Ink::Series(0), of(|(input, ..)| input.divergence))
            .dashed("Wasserstein, input", Ink::Series(1), of(|(input, ..)| input.transport))
            .line("Wasserstein, last layer", Ink::Series(1), of(|(_, last, _)| last.transport))
            .line("KL, last layer", Ink::Series(0), of(|(_, last, _)| last.divergence))
            .line("gen", Ink::Text, of(|(.., gap)| gap.abs().max(1e-5)))
            .handle("training points n", (self.controls.points as f64, gap))
    }

    fn plane(&self) -> Chart {
        let Cloud { train, test, laws } = &self.cloud;
        let chart = Chart::of(Axis::linear("last layer, along w"), Axis::linear("last layer, across"))
            .equal()
            .dots("test", Ink::Series(1), 4.0, test.iter().copied())
            .dots("training", Ink::Series(0), 4.0, train.iter().copied());
        let named = laws.iter().zip(series!["law in training" 0, "law in testing" 1]);
        let chart = named.fold(chart, |chart, ((centre, covariance), Series { name, ink })| {
            let root = square_root(covariance) * 2.0;
            let turns = (0..=90).map(|i| TAU * f64::from(i) / 90.0);
            let at = |row: usize, turn: f64| centre[row] + root[(row, 0)] * cos(turn) + root[(row, 1)] * sin(turn);
            let ellipse = turns.map(|turn| (at(0, turn), at(1, turn)));
            chart.line(name, ink, ellipse).dots("", ink, 9.0, [(centre[0], centre[1])])
        });
        chart.at_x("chance", 0.0)
    }

    fn contraction(&self) -> Chart {
        let of = |which: usize| {
            let all = self.contractions.iter().map(move |both| &both[which]);
            all.flat_map(|contraction| contraction.shares.iter().map(move |share| (contraction.factor, *share)))
        };
        let [x, y] = ["the paper's factor", "share of divergence left"].map(|name| Axis::linear(name).range(0.0, 1.02));
        Chart::of(x, y)
            .dashed("all the factor allows", Ink::Muted, [(0.0, 0.0), (1.0, 1.0)])
            .dots("dropout, 4 units", Ink::Series(0), 4.0, of(0))
            .dots("Gaussian noise", Ink::Series(1), 4.0, of(1))
    }

    fn gibbs(&self) -> Chart {
        let of = |network: usize, value: fn(&gibbs::Outcome) -> f64| {
            TEMPERATURES.into_iter().zip(&self.gibbs.outcomes).map(move |(gamma, both)| (gamma, value(&both[network])))
        };
        let x = Axis::log("inverse temperature γ").range(TEMPERATURES[0], TEMPERATURES[6]);
        Chart::of(x, Axis::linear("error").range(0.0, 0.55))
            .dashed("test, one layer of 4", Ink::Series(1), of(0, |outcome| outcome.error))
            .dashed("test, three layers of 2", Ink::Series(0), of(1, |outcome| outcome.error))
            .line("gap, one layer of 4", Ink::Series(1), of(0, |outcome| outcome.gap))
            .line("gap, three layers of 2", Ink::Series(0), of(1, |outcome| outcome.gap))
    }
}

views! { GeneralizationBounds, Controls:
    layers "Bounds, layer by layer" "A dot is what a layer promises: no larger gap than that. The level line is the measured gap." => by_layer;
    points "Bounds and truth against n" "Both axes are logarithmic: a steeper line falls faster as training points are added. The ring can be dragged." => by_size, dragged: pick_points;
    representations "Training and test in the last layer" "Dots are points, ellipses the laws that they follow. The rule is where the decision turns." => plane;
    contraction "Noise between layers" "A dot is a pair of laws sent through noise. Right: the divergence that may be left. Up: what is." => contraction;
    gibbs "Wide or deep, all networks counted" "Solid is the gap, dashed the test error. To the right, a small training error counts more." => gibbs;
}

impl Experiment for GeneralizationBounds {
    const CARD: Card = Card {
        slug: "information-generalization-bounds",
        title: "How close do information bounds come to the truth?",
        paper: Paper::new(
            "Information-Theoretic Generalization Bounds for Deep Neural Networks",
            "Haiyun He, Ziv Goldfeld",
            2024,
        )
        .venue("IEEE Transactions on Information Theory 2025")
        .arxiv("2404.03176")
        .doi("10.1109/TIT.2025.3568697"),
        claim: "Bounds from what each layer keeps of the sample stay above the generalization gap that is measured.",
        criterion: "The measured gap and two standard errors stay below both bounds of every layer, in each of three seeds; the KL bound never rises from layer to layer; and dropout and noise leave no more of a divergence than the paper's factors say.",
        figure: "gap plus two standard errors, over the tightest bound",
        reproduction: Reproduction::InPart,
        honesty: "The bounds hold, but for layers fixed before the sample is seen, and ten to twenty times above the gap. That deeper, narrower networks generalize better by the Gibbs algorithm does not show in the networks enumerated here.",
        seeds: 3,
        unit: "repetition",
        presets: &[
            Preset::holds("default", "Layers of 32, 16, 8, 4 and 2 units", &[]),
            Preset::gone(
                "break-it",
                "Layers turned towards the training points: they have seen the sample, the theorem does not apply, and the gap is above the bound",
                &[("weights", "from the sample")],
            ),
            Preset::open(
                "square",
                "All layers 32 wide: nothing is forgotten, depth buys nothing, and the bounds hold all the same",
                &[("width_ratio", "1")],
            )
            .within(&[("ratio", 0.999, 1.001), ("share_of_bound", 0.0, 1.0)]),
            Preset::holds("Gaussian layers", "Weights drawn at random, without right angles", &[("weights", "Gaussian")]),
            Preset::open(
                "noise",
                "All layers 32 wide, with noise: the bound shrinks at full rank",
                &[("width_ratio", "1"), ("noise", "0.5")],
            )
            .within(&[("ratio", 0.704, 0.706), ("share_of_bound", 0.0, 1.0)]),
            Preset::open(
                "funnel",
                "Layers that shrink and then grow: train and test are nearest in the middle",
                &[("scale", "0.5")],
            )
            .within(&[("ratio", 0.249, 0.251), ("funnel", 2.0, 2.0)]),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let Controls { points, margin, weights, .. } = *controls;
        let layers = Layers::new(controls, seed);
        let output = layers.output(weights);
        let mut random = Random::new(seed, "first sample");
        let first = output.repeat(points, margin, &mut random);
        Ok(GeneralizationBounds {
            controls: controls.clone(),
            seed,
            bounds: (0..=layers.last()).map(|l| layers.bound(l, points, margin)).collect(),
            cloud: output.cloud(&first, &mut random),
            output,
            layers,
            random: Random::new(seed, "samples"),
            gaps: Vec::new(),
            contractions: Vec::new(),
            gibbs: Gibbs::new(seed),
            curve: Vec::new(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let Controls { points, margin, .. } = self.controls;
        stage.span(0..REPETITIONS);
        let pictured = (DRAWS / (points * self.output.dimensions() + TEST)).clamp(1, UNSEEN);
        for i in 1..=REPETITIONS {
            let Self { output, random, .. } = &mut *self;
            let repetition = output.repeat(points, margin, random);
            if i.is_multiple_of(pictured) || i == REPETITIONS {
                self.cloud = output.cloud(&repetition, random);
            }
            self.gaps.push(repetition.gap);
            self = stage.next(self).await;
        }
        let mut random = Random::new(self.seed, "pairs of laws");
        for i in 0..STRENGTHS {
            self.contractions.push(Contraction::both(i, &mut random));
            self = stage.part(self).await;
        }
        stage.judged();
        for size in SIZES {
            let [input, last] = [0, self.layers.last()].map(|l| self.layers.bound(l, size, margin));
            // The same stream for every size: the curve is smooth.
            let gap = self.output.expected_gap(size, margin, &mut Random::new(0, "sample means"));
            self.curve.push((input, last, gap));
            self = stage.part(self).await;
        }
        for part in 0..PARTS {
            self.gibbs.enumerate(part);
            self = stage.part(self).await;
        }
        for _ in TEMPERATURES {
            self.gibbs.weigh();
            self = stage.part(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let (gap, error) = self.gap();
        let kl = |l: usize| self.bounds[l].divergence;
        let last = self.layers.last();
        let tightest = self.bounds.iter().fold(f64::INFINITY, |least, b| least.min(b.divergence).min(b.transport));
        // The largest share of a divergence that is left, over the paper's factor.
        let left = |which: usize| match self.contractions.len() {
            STRENGTHS => self.contractions.iter().fold(f64::NEG_INFINITY, |most, both| most.max(both[which].most())),
            _ => f64::NAN,
        };
        // At a γ that is the number of training points.
        let gibbs = |network: usize, value: fn(&gibbs::Outcome) -> f64| {
            let whole = self.gibbs.outcomes.len() == TEMPERATURES.len();
            if whole { value(&self.gibbs.outcomes[3][network]) } else { f64::NAN }
        };
        measures! {
            ratio: kl(last) / kl(0),
            rise: (1..=last).fold(f64::NEG_INFINITY, |most, l| most.max(kl(l) - kl(l - 1))),
            gap: gap, error: error,
            tightest_bound: tightest, share_of_bound: (gap.abs() + 2.0 * error) / tightest,
            funnel: self.funnel(),
            dropout_left: left(0), noise_left: left(1),
            wide_gap: gibbs(0, |outcome| outcome.gap), deep_gap: gibbs(1, |outcome| outcome.gap),
            wide_error: gibbs(0, |outcome| outcome.error), deep_error: gibbs(1, |outcome| outcome.error),
        }
    }

    fn sentence(&self) -> String {
        let tightest = self.bounds.iter().fold(f64::INFINITY, |least, b| least.min(b.divergence).min(b.transport));
        let (samples, promise) = (self.gaps.len(), figure(tightest));
        if samples < 2 {
            return format!("The layers promise a gap of at most {promise}; it is not measured yet.");
        }
        format!(
            "Over {} the gap is {} on average; the tightest bound promises at most {promise}.",
            count(samples, "sample", "samples"),
            figure(self.gap().0)
        )
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (share, dropout, noise) = (runs.most("share_of_bound"), runs.most("dropout_left"), runs.most("noise_left"));
        let text = format!(
            "The gap is {} and the tightest bound {}: with two standard errors at most {} of it. The KL bound of the last layer is {} of the input's. Of a divergence dropout leaves at most {} times what its factor allows, noise {}.",
            figure(runs.mean("gap")),
            figure(runs.mean("tightest_bound")),
            percent(share),
            percent(runs.most("ratio")),
            figures(dropout, 3),
            figures(noise, 3),
        );
        Verdict::at_most(share, 1.0, text).needs(at_most(runs.most("rise"), RISE)).needs(at_most(dropout.max(noise), 1.0 + ABOVE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::statistics::gaussian::divergence;
    use nalgebra::DVector;
    use run::testing::{preset, runs};

    #[test]
    fn information_is_that_of_the_rank() {
        for points in [10, 50, 1000] {
            let layers = Layers::new(&Controls { weights: Weights::Gaussian, scale: 0.7, ..Controls::default() }, 1);
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
        let layers = Layers::new(&Controls { weights: Weights::Gaussian, noise: 0.5, ..Controls::default() }, 2);
        let mut random = Random::new(3, "sample means");
        let (points, draws) = (20, 4000);
        for l in 0..=layers.last() {
            let [test, train] = layers.covariances(l, points);
            let centre = &layers.maps[l] * &layers.mean;
            let (mut information, mut distance) = (0.0, 0.0);
            for _ in 0..draws {
                let z = DVector::from_fn(layers.mean.len(), |i, _| layers.mean[i] + random.normal() / (points as f64).sqrt());
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
        for controls in [
            Controls::default(),
            Controls { width_ratio: 1.0, noise: 0.5, ..Controls::default() },
            Controls { weights: Weights::Gaussian, ..Controls::default() },
            Controls { weights: Weights::Sample, ..Controls::default() },
        ] {
            let output = Layers::new(&controls, 0).output(controls.weights);
            let (mut random, n) = (Random::new(1, "gaps"), 3000);
            let gaps: Vec<f64> = (0..n).map(|_| output.repeat(50, 1.0, &mut random).gap).collect();
            let integrated: Vec<f64> = (0..20).map(|_| output.expected_gap(50, 1.0, &mut random)).collect();
            let [(mean, variance), (expected, other)] = [&gaps, &integrated].map(|values| {
                let (n, mean) = (values.len() as f64, values.iter().sum::<f64>() / values.len() as f64);
                (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n * (n - 1.0)))
            });
            let error = (variance + other).sqrt();
            assert!((mean - expected).abs() < 4.0 * error, "{controls:?}: {mean} and {expected}, ± {error}");
        }
    }

    /// Maps of Lipschitz constant ‖W‖ bring laws nearer by no less than that: the bound is least at the last layer, whatever the distances.
    #[test]
    fn no_bound_rises_with_depth() {
        for controls in [
            Controls { weights: Weights::Gaussian, noise: 1.0, ..Controls::default() },
            Controls { weights: Weights::Gaussian, scale: 2.0, layers: 5, ..Controls::default() },
            Controls { scale: 0.5, layers: 6, width_ratio: 0.8, noise: 0.1, ..Controls::default() },
        ] {
            let layers = Layers::new(&controls, 5);
            let bounds: Vec<Bound> = (0..=layers.last()).map(|l| layers.bound(l, 30, 1.0)).collect();
            for pair in bounds.windows(2) {
                assert!(pair[1].divergence <= pair[0].divergence + 1e-12, "{controls:?}");
                assert!(pair[1].transport <= pair[0].transport * (1.0 + 1e-9), "{controls:?}");
            }
        }
    }

    #[test]
    fn depth_helps_by_forgetting() {
        for run in runs::<GeneralizationBounds>(&Controls::default(), 0..3).iter() {
            assert!((run.get("ratio") - 0.25).abs() < 1e-12 && run.get("share_of_bound") < 0.15, "{run:?}");
            assert!(run.get("error") < 0.03 * run.get("tightest_bound") && run.get("funnel") == 4.0, "{run:?}");
        }
        for run in runs::<GeneralizationBounds>(&preset::<GeneralizationBounds>("square"), 0..3).iter() {
            assert!((run.get("ratio") - 1.0).abs() < 1e-9 && run.get("share_of_bound") < 0.5 && run.get("gap") > 0.1, "{run:?}");
        }
    }

    #[test]
    fn weights_that_have_seen_the_sample_break_the_bound() {
        let runs = runs::<GeneralizationBounds>(&preset::<GeneralizationBounds>("break-it"), 100..103);
        assert!(runs.least("share_of_bound") > 1.1, "{runs:?}");
    }
}
