//! Batch normalization for covariance matrices that are nearly singular, in two geometries.
//!
//! Paper: Wang, Jin, Chen, Luo, Wu, 2025. A recording's covariance matrices are centred and scaled along geodesics, without labels, so that
//! recordings become comparable. The affine-invariant geometry puts singular matrices infinitely far away; the Bures–Wasserstein
//! geometry of the powers P^θ does not, and its normalization should serve better where matrices are ill-conditioned.
//! Claim: on trials of 12 samples from 10 sensors, a classifier is right on at least 0.04 more of two new recordings than after the
//! affine-invariant layer. Rivals: that layer on shrunk matrices, and the same in the flat geometry of the logarithms.

use std::f64::consts::{SQRT_2, TAU};

use libm::{cos, log, sin};
use methods::linear::spd::{CLIP, affine_invariant, arithmetic_mean, bures_wasserstein};
use methods::statistics::logistic::Probe;
use methods::statistics::{falling, sort, sort_by};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use run::prelude::*;

mod layer;
mod recordings;

use layer::{Geometry, Layer};
use recordings::{Recordings, Shrinkage, label};

choice! {
    /// What colours tell in the scatter plots.
    pub enum Colour { Class => "class", Recording => "recording" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        samples "samples a trial": LogCount(6, 200) = 12, "T", "from which a covariance matrix is estimated; few: its small eigenvalues are chance; from about 30 on the geometries agree";
        floor "noise floor": Log(1e-6, 1.0) = 1e-3, "", "noise of the sensors; small: six of ten directions are nearly empty; large: all directions carry noise";
        power "power of the matrices": Real(0.25, 1.5) = 0.5, "θ", "matrices enter the Bures–Wasserstein layer as P^θ; small: nearer to logarithms; 1: the plain geometry";
        shift "change between recordings": Real(0.0, 1.0) = 0.3, "", "how much each recording turns and stretches; 0: nothing to normalise away; large: recordings lie far apart";
        colour "colours tell": Choice(Colour) = Colour::Class, "", "the class of a trial, or the recording it comes from, in the pictures of trials";
        mean_steps "steps to the mean": Count(1, 20) = 1, "", "from the arithmetic mean to each geometry's own mean; one: as in the paper; many: slower, and exact";
    }
}

const SENSORS: usize = 10;
const SOURCES: usize = 4;
const CLASSES: usize = 4;
/// Recordings, and how many of them the classifier learns from; trials of a class in each.
const RECORDINGS: usize = 6;
const LEARNED: usize = 4;
const TRIALS: usize = 30;
const BATCH: usize = CLASSES * TRIALS;
/// Upper triangle of a symmetric matrix.
const FEATURES: usize = SENSORS * (SENSORS + 1) / 2;
/// λ of the classifier: Σ cross-entropy + ½λ‖W‖² is ten times ½‖W‖² + 0.1 Σ cross-entropy.
const PENALTY: f64 = 10.0;
/// Noise floors at which accuracy is also measured.
const FLOORS: [f64; 7] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0];
/// What the claim says of the difference in accuracy.
const GAIN: f64 = 0.04;

/// The methods side by side: the paper's, its baseline, nothing, and then the rivals.
const METHODS: [Series; 6] = series![
    "Bures–Wasserstein" 0, "affine-invariant" 1, "none" 2,
    "affine, shrunk by 1 %" 3, "affine, Ledoit–Wolf" 4, "log-Euclidean" 5,
];
/// So many of them are looked at in tangent coordinates, and so many at every noise floor, the others at the reader's alone.
const PICTURED: usize = 3;
const EVERYWHERE: usize = 4;
/// a of the rival that shrinks all matrices alike.
const SHARE: f64 = 0.01;

/// A method's geometry, and what is done to the matrices before.
fn method(k: usize, power: f64) -> (Geometry, Shrinkage) {
    let as_it_is = Shrinkage::Share(0.0);
    [
        (Geometry::BuresWasserstein { power }, as_it_is),
        (Geometry::AffineInvariant, as_it_is),
        (Geometry::None, as_it_is),
        (Geometry::AffineInvariant, Shrinkage::Share(SHARE)),
        (Geometry::AffineInvariant, Shrinkage::LedoitWolf),
        (Geometry::LogEuclidean, as_it_is),
    ][k]
}

/// The upper triangle of ln P, entries off the diagonal times √2: lengths are kept.
fn flatten(p: DMatrix<f64>, into: &mut Vec<f32>) {
    let SymmetricEigen { eigenvalues, eigenvectors: u } = p.symmetric_eigen();
    let values: Vec<f64> = eigenvalues.iter().map(|value| log(value.max(CLIP))).collect();
    for i in 0..SENSORS {
        for j in i..SENSORS {
            let entry: f64 = (0..SENSORS).map(|k| values[k] * u[(i, k)] * u[(j, k)]).sum();
            into.push((if i == j { entry } else { SQRT_2 * entry }) as f32);
        }
    }
}

/// A run: the methods at the reader's noise floor, then at others.
pub struct BuresWassersteinNormalization {
    controls: Controls,
    recordings: Recordings,
    /// By method the noise floors so far, and the accuracy there.
    accuracies: [Vec<(f64, f64)>; METHODS.len()],
    /// Sorted eigenvalues of the first recording's matrices as they came, and of its mean by every method.
    eigenvalues: Vec<Vec<f64>>,
    means: [Vec<f64>; PICTURED],
    /// The middle condition number.
    condition: f64,
    /// The two leading coordinates of every trial by every method at the reader's floor.
    places: [Vec<(f64, f64)>; PICTURED],
}

impl BuresWassersteinNormalization {
    /// Looks at the first recording as it came.
    fn look(&mut self) {
        let batch = self.recordings.batch(0, self.controls.floor, Shrinkage::Share(0.0));
        self.eigenvalues = batch.iter().map(descending).collect();
        let mut conditions: Vec<f64> = self.eigenvalues.iter().map(|values| values[0] / values[SENSORS - 1]).collect();
        sort(&mut conditions);
        self.condition = conditions[conditions.len() / 2];
    }

    /// Normalises recording after recording by the k-th method; a classifier learns from the first four.
    async fn compare(mut self: Box<Self>, k: usize, floor: f64, stage: &Stage<Self>) -> Box<Self> {
        let (geometry, shrinkage) = method(k, self.controls.power);
        let layer = Layer::new(geometry, SENSORS, self.controls.mean_steps);
        let pictured = k < PICTURED && floor == self.controls.floor;
        let mut features = Vec::new();
        for recording in 0..RECORDINGS {
            let given = self.recordings.batch(recording, floor, shrinkage);
            let (batch, mean);
            (self, batch, mean) = self.normalise(&layer, given, stage).await;
            if pictured && recording == 0 {
                self.means[k] = descending(&layer.leave(vec![mean])[0]);
            }
            batch.into_iter().for_each(|p| flatten(p, &mut features));
            self = stage.next(self).await;
        }
        if pictured {
            self.places[k] = leading(&features);
        }
        let accuracy;
        (self, accuracy) = self.classify(&features, stage).await;
        self.accuracies[k].push((floor, accuracy));
        self
    }

    /// A recording's matrices after the layer, and its mean inside.
    async fn normalise(
        mut self: Box<Self>,
        layer: &Layer,
        batch: Vec<DMatrix<f64>>,
        stage: &Stage<Self>,
    ) -> (Box<Self>, Vec<DMatrix<f64>>, DMatrix<f64>) {
        let mut batch = layer.enter(batch);
        self = stage.part(self).await;
        let mut mean = arithmetic_mean(&batch);
        for _ in 0..layer.mean_steps {
            mean = layer.mean_step(&batch, &mean);
            self = stage.part(self).await;
        }
        batch = layer.centre(batch, &mean);
        self = stage.part(self).await;
        batch = layer.scale(batch);
        self = stage.part(self).await;
        batch = layer.leave(batch);
        (stage.part(self).await, batch, mean)
    }

    /// How often a classifier that has learned from the first recordings is right on the new ones.
    async fn classify(mut self: Box<Self>, features: &[f32], stage: &Stage<Self>) -> (Box<Self>, f64) {
        let labels: Vec<u8> = (0..RECORDINGS * BATCH).map(label).collect();
        let (learned, new) = features.split_at(LEARNED * BATCH * FEATURES);
        let (learned_labels, new_labels) = labels.split_at(LEARNED * BATCH);
        let mut probe = Probe::penalised(learned, learned_labels, CLASSES, PENALTY);
        while !probe.finished() {
            probe.advance();
            self = stage.part(self).await;
        }
        (self, probe.accuracy(new, new_labels))
    }
}

/// An accuracy, to a tenth of a percent.
fn share(accuracy: f64) -> String {
    format!("{} %", figures(100.0 * accuracy, 3))
}

fn descending(p: &DMatrix<f64>) -> Vec<f64> {
    let mut values: Vec<f64> = p.symmetric_eigenvalues().iter().map(|value| value.max(1e-12)).collect();
    sort(&mut values);
    values.reverse();
    values
}

/// Coordinates of the rows of `features` along the two leading principal directions.
fn leading(features: &[f32]) -> Vec<(f64, f64)> {
    let x = DMatrix::from_row_iterator(features.len() / FEATURES, FEATURES, features.iter().map(|v| f64::from(*v)));
    let means: Vec<f64> = x.column_iter().map(|column| column.mean()).collect();
    let centred = DMatrix::from_fn(x.nrows(), FEATURES, |i, j| x[(i, j)] - means[j]);
    let SymmetricEigen { eigenvalues, eigenvectors } = (centred.transpose() * &centred).symmetric_eigen();
    let order = falling(eigenvalues.as_slice());
    let places = centred * eigenvectors.select_columns(&order[..2]);
    places.row_iter().map(|row| (row[0], row[1])).collect()
}

/// The views.
impl BuresWassersteinNormalization {
    fn accuracies(&self) -> Chart {
        let y = Axis::linear("right on new recordings").range(0.2, 1.0);
        let mut chart = Chart::of(Axis::log("noise floor").range(1e-6, 1.0), y).at_y("by chance", 0.25);
        for (Series { name, ink }, accuracies) in METHODS.into_iter().zip(&self.accuracies).rev() {
            let mut points = accuracies.clone();
            sort_by(&mut points, |point| point.0);
            // A line needs more than one dot.
            let (of_dots, of_line) = if points.len() > 1 { ("", name) } else { (name, "") };
            chart = chart.dots(of_dots, ink, 6.0, points.iter().copied()).line(of_line, ink, points);
        }
        chart.at_x("here", self.controls.floor)
    }

    fn after_bures(&self) -> Chart {
        self.scatter(0)
    }

    fn after_affine(&self) -> Chart {
        self.scatter(1)
    }

    fn before(&self) -> Chart {
        self.scatter(2)
    }

    fn scatter(&self, method: usize) -> Chart {
        let places = &self.places[method];
        let (groups, what) = if self.controls.colour == Colour::Class { (CLASSES, "class") } else { (RECORDINGS, "recording") };
        let group = |trial: usize| if groups == CLASSES { usize::from(label(trial)) } else { trial / BATCH };
        let axis = |which: &str| Axis::linear(format!("{which} coordinate"));
        let mut chart = Chart::of(axis("first"), axis("second"));
        for g in 0..groups {
            // New recordings have large dots.
            for (new, size) in [(false, 3.0), (true, 6.0)] {
                let mut chosen = (0..places.len()).filter(|i| group(*i) == g && (*i >= LEARNED * BATCH) == new).peekable();
                let name =
                    if new == (groups == RECORDINGS && g >= LEARNED) { format!("{what} {}", g + 1) } else { String::new() };
                if chosen.peek().is_some() {
                    chart = chart.dots(name, Ink::Series(g as u8), size, chosen.map(|i| places[i]));
                }
            }
        }
        chart
    }

    fn eigenvalues(&self) -> Chart {
        let rank = |k: usize| (k + 1) as f64;
        // Side by side around the rank, so that a hundred dots are not one.
        let count = self.eigenvalues.len() as f64;
        let spread = |i: usize, k: usize| rank(k) + 0.5 * ((i as f64 + 0.5) / count - 0.5);
        let all =
            self.eigenvalues.iter().enumerate().flat_map(|(i, values)| (0..SENSORS).map(move |k| (spread(i, k), values[k])));
        let mut chart = Chart::of(Axis::linear("rank").range(0.5, 10.5), Axis::log("eigenvalue")).dots(
            "trials of recording 1",
            Ink::Muted,
            2.5,
            all,
        );
        for method in [1, 0] {
            let (Series { name, ink }, mean) = (METHODS[method], &self.means[method]);
            if !mean.is_empty() {
                chart = chart.line(format!("{name} mean"), ink, mean.iter().enumerate().map(|(k, value)| (rank(k), *value)));
            }
        }
        chart
    }

    /// The cone of 2 × 2 covariance matrices, and the way between two of them in either geometry.
    fn cone(&self) -> Space {
        let place = |p: &DMatrix<f64>| [p[(0, 0)] - p[(1, 1)], 2.0 * p[(0, 1)], 2.0 * p.trace() - 1.2].map(|v| v as f32);
        let thin = |angle: f64| {
            let (c, s) = (cos(angle), sin(angle));
            let turn = DMatrix::from_row_slice(2, 2, &[c, -s, s, c]);
            &turn * DMatrix::from_diagonal(&DVector::from_column_slice(&[0.8, 0.8 * self.controls.floor])) * turn.transpose()
        };
        let (p, q) = (thin(-0.6), thin(0.6));
        let mut segments = Vec::new();
        let mut draw = |points: Vec<[f32; 3]>, ink: Ink| {
            let pairs = points.windows(2).map(|w| Segment { from: w[0], to: w[1], ink, dashed: false, arrow: false });
            segments.extend(pairs);
        };
        let rim = |angle: f64, trace: f64| [trace * cos(angle), trace * sin(angle), 2.0 * trace - 1.2].map(|v| v as f32);
        let around = |i: usize| TAU * i as f64 / 36.0;
        for trace in [0.4, 0.8, 1.1] {
            draw((0..=36).map(|i| rim(around(i), trace)).collect(), Ink::Muted);
        }
        (0..36).step_by(3).for_each(|i| draw(vec![rim(0.0, 0.0), rim(around(i), 1.1)], Ink::Muted));
        let along = |way: fn(&DMatrix<f64>, &DMatrix<f64>, f64) -> DMatrix<f64>| -> Vec<[f32; 3]> {
            (0..=40).map(|i| place(&way(&p, &q, f64::from(i) / 40.0))).collect()
        };
        let ways = [along(bures_wasserstein::geodesic), along(affine_invariant::geodesic)];
        let cloud = |(Series { name, ink }, way): (Series, &Vec<[f32; 3]>)| {
            let at = way.iter().step_by(4).copied().collect();
            Cloud { name: name.into(), ink, at, size: 5.0 }
        };
        let clouds = METHODS.into_iter().zip(&ways).map(cloud).collect();
        ways.into_iter().zip(METHODS).for_each(|(way, of)| draw(way, of.ink));
        Space { axes: ["P₁₁ − P₂₂".into(), "2 P₁₂".into(), "trace".into()], clouds, segments, reach: 1.15 }
    }
}

views! { BuresWassersteinNormalization, Controls:
    accuracy "New recordings, by noise floor" "A line is one way to normalise; higher: more new trials labelled right. Rules: chance, this run's floor." => accuracies;
    bures "After Bures–Wasserstein" "A dot is a trial. Large dots are new recordings: do they lie among the small ones of their group?" => after_bures;
    affine "After affine-invariant" "The same trials, centred and scaled in the affine-invariant geometry. Large dots are new recordings." => after_affine;
    before "Before" "The same trials as they came, without normalization. Large dots are new recordings." => before;
    eigenvalues "Eigenvalues and means" "A dot is an eigenvalue of one trial; a line joins those of a geometry's mean." => eigenvalues;
    cone "Two ways across the cone" "Every point inside is a covariance matrix, on the surface a singular one. Two ways between two. Turn it." => cone;
}

impl Experiment for BuresWassersteinNormalization {
    const CARD: Card = Card {
        slug: "bures-wasserstein-normalization",
        title: "Which geometry makes recordings comparable when trials are short?",
        paper: Paper::new(
            "Learning to Normalize on the SPD Manifold under Bures-Wasserstein Geometry",
            "Rui Wang, Shaocheng Jin, Ziheng Chen, Xiaoqing Luo, Xiao-Jun Wu",
            2025,
        )
        .venue("CVPR 2025")
        .arxiv("2504.00660"),
        claim: "With short trials, normalising recordings by optimal transport helps classify new ones more than the usual geometry.",
        criterion: "On nearly singular covariance matrices (12 samples, 10 sensors) that are not shrunk, normalising recordings in the Bures–Wasserstein geometry with θ = ½ makes a linear classifier right on a share of the trials of new recordings that is larger by at least 0.04, in the mean over five seeds, than after the affine-invariant geometry, and larger in every seed.",
        figure: "gain in accuracy over the affine-invariant geometry",
        reproduction: Reproduction::InPart,
        honesty: "The paper trains networks with the layer inside on skeleton and EEG data; here the layer itself is compared on simulated recordings, with a linear classifier behind it. The gain needs short trials and matrices that are not shrunk: after one per cent of shrinkage the affine-invariant geometry does as well or better.",
        unit: "batch",
        presets: &[
            Preset::holds("default", "12 samples from 10 sensors: condition numbers near a million", &[]),
            Preset::gone(
                "break-it",
                "Well-conditioned: 200 samples and a noise floor of 1",
                &[("samples", "200"), ("floor", "1")],
            )
            .within(&[("condition", 45.0, 120.0), ("gain", -0.02, 0.02), ("bures", 0.97, 1.0)]),
            Preset::open("plain power", "θ = 1, the plain Bures–Wasserstein geometry", &[("power", "1")]),
            Preset::open("one recording like the next", "No shift between recordings", &[("shift", "0")]),
            Preset::open("whose recording", "Colours tell recordings: what normalization takes away", &[("colour", "recording")]),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        Ok(BuresWassersteinNormalization {
            recordings: Recordings::new(controls.shift, seed),
            accuracies: Default::default(),
            eigenvalues: Vec::new(),
            means: Default::default(),
            condition: f64::NAN,
            places: Default::default(),
            controls: controls.clone(),
        })
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        // Colours change nothing that is measured.
        let same = *controls == Controls { colour: controls.colour, ..self.controls.clone() };
        if same {
            self.controls = controls.clone();
        }
        same
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let Controls { floor: here, samples, .. } = self.controls;
        let floors: Vec<f64> = std::iter::once(here).chain(FLOORS.into_iter().filter(|floor| *floor != here)).collect();
        let compared: usize = self.accuracies.iter().map(Vec::len).sum();
        stage.span(RECORDINGS * compared..RECORDINGS * (EVERYWHERE * floors.len() + METHODS.len() - EVERYWHERE));
        while self.recordings.trials.len() < RECORDINGS * BATCH {
            (0..TRIALS).for_each(|_| self.recordings.record(samples));
            self = stage.part(self).await;
        }
        self.look();
        for (place, floor) in floors.into_iter().enumerate() {
            for k in 0..if place == 0 { METHODS.len() } else { EVERYWHERE } {
                if self.accuracies[k].len() == place {
                    self = self.compare(k, floor, &stage).await;
                }
            }
            // The first floor is the reader's; the others are for the picture.
            stage.judged();
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let here = self.accuracies.each_ref().map(|found| found.first().map_or(f64::NAN, |(_, accuracy)| *accuracy));
        let [bures, affine, none, shrunk, ledoit_wolf, log_euclidean] = here;
        measures! {
            gain: bures - affine,
            bures: bures, affine: affine, none: none,
            shrunk: shrunk, ledoit_wolf: ledoit_wolf, log_euclidean: log_euclidean,
            condition: self.condition,
        }
    }

    fn sentence(&self) -> String {
        let right = |k: usize| self.accuracies[k].first().map(|(_, accuracy)| share(*accuracy));
        match [0, 1, 2].map(right) {
            [Some(bures), Some(affine), Some(none)] => format!(
                "Right on new trials: {bures} after Bures–Wasserstein normalization, {affine} after affine-invariant, {none} without."
            ),
            [Some(bures), ..] => format!("After Bures–Wasserstein normalization {bures} of the new trials are labelled right."),
            _ => "Recordings are being made and normalised; nothing is classified yet.".into(),
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (gain, least) = (runs.mean("gain"), runs.least("gain"));
        let text = format!(
            "Bures–Wasserstein is right on {} of new trials, affine-invariant on {}, without normalization {}: a gain of {}, from {} to {} in single seeds.",
            share(runs.mean("bures")),
            share(runs.mean("affine")),
            share(runs.mean("none")),
            figure(gain),
            figure(least),
            figure(runs.most("gain")),
        );
        let verdict = Verdict::at_least(gain, GAIN, text).needs(Some(least > 0.0));
        let rivals = METHODS[PICTURED..].iter().zip(["shrunk", "ledoit_wolf", "log_euclidean"]);
        rivals.fold(verdict, |verdict, (of, name)| verdict.rival(of.name, runs.mean(name) - runs.mean("affine")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::runs;

    #[test]
    fn nearly_singular_matrices_gain_in_other_seeds_too() {
        let runs = runs::<BuresWassersteinNormalization>(&Controls::default(), 100..105);
        assert!(runs.mean("gain") >= GAIN && runs.least("gain") > 0.0, "{runs:?}");
        // What the page says beyond the paper: shrinkage is the cure, and logarithms by themselves do no harm.
        for rival in ["shrunk", "ledoit_wolf", "log_euclidean"] {
            assert!(runs.mean(rival) - runs.mean("affine") >= GAIN, "{rival}: {runs:?}");
        }
        let measures = &runs[0];
        assert!((1e5..1e7).contains(&measures.get("condition")), "{measures:?}");
        assert!(measures.get("none") < measures.get("affine") && measures.get("affine") < measures.get("bures"), "{measures:?}");
    }
}
