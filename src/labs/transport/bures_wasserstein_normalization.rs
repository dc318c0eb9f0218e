//! Batch normalization for covariance matrices that are nearly singular, in two geometries.
//!
//! Paper: Wang, Jin, Chen, Luo, Wu, 2025. A recording's covariance matrices are centred and scaled along geodesics, without labels, so that
//! recordings become comparable. The affine-invariant geometry puts singular matrices infinitely far away; the Bures–Wasserstein
//! geometry of the powers P^θ does not, and its normalization should serve better where matrices are ill-conditioned.
//! Claim: on trials of 12 samples from 10 sensors, a classifier is right on at least 0.04 more of two new recordings, in every seed.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::random::Random;
use ground::view::{Axis, Chart, Ink, Mark, Segment, Space, View};
use methods::frame::orthonormal;
use methods::logistic::Probe;
use methods::spd::{affine_invariant, bures_wasserstein};
use run::data::Library;
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

mod layer;

use layer::{Geometry, Layer, Pass};

ground::choice! {
    /// What colours tell in the scatter plots.
    pub enum Colour { Class => "class", Recording => "recording" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        samples: LogCount(6, 200) = 12, "T", "samples a trial; from about 30 on the geometries agree";
        floor: Log(1e-6, 1.0) = 1e-3, "", "noise floor of the sensors; small: six of ten directions are nearly empty";
        power: Real(0.25, 1.5) = 0.5, "θ", "matrices enter as P^θ; small: nearer to logarithms";
        shift: Real(0.0, 1.0) = 0.3, "", "how much each recording turns and stretches; 0: nothing to normalise away";
        mean_steps: Count(1, 20) = 1, "", "steps from the arithmetic mean to each geometry's own mean";
        colour: Choice(Colour) = Colour::Class, "", "what colours tell in the scatter plots";
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
/// Normals drawn in a slice.
const SLICE: usize = 40_000;
/// What the claim says of the difference in accuracy.
const GAIN: f64 = 0.04;

const METHODS: [(&str, Ink); 3] =
    [("Bures–Wasserstein", Ink::Series(0)), ("affine-invariant", Ink::Series(1)), ("none", Ink::Series(2))];

fn geometry(method: usize, power: f64) -> Geometry {
    [Geometry::BuresWasserstein { power }, Geometry::AffineInvariant, Geometry::None][method]
}

/// The recordings: with Z = A(BS + √floor E), a trial's ZZᵀ/T is a polynomial in √floor whose coefficients are kept.
struct Recordings {
    random: Random,
    /// B of every class, A of every recording.
    patterns: Vec<DMatrix<f64>>,
    shifts: Vec<DMatrix<f64>>,
    /// Signal, both cross terms, and noise of every trial, recording by recording, in a recording class by class.
    trials: Vec<[DMatrix<f64>; 3]>,
}

impl Recordings {
    fn new(shift: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, "sensors");
        let mut normals = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| random.normal());
        let mixing = normals(SENSORS, SOURCES);
        let shifts = (0..RECORDINGS)
            .map(|_| DMatrix::identity(SENSORS, SENSORS) + normals(SENSORS, SENSORS) * (shift / (SENSORS as f64).sqrt()))
            .collect();
        let strengths = DMatrix::from_diagonal(&DVector::from_column_slice(&[1.6, 1.2, 1.0, 0.7]));
        let mut random = Random::new(seed, "patterns");
        let patterns = (0..CLASSES).map(|_| &mixing * orthonormal(SOURCES, SOURCES, &mut random) * &strengths).collect();
        Recordings { random: Random::new(seed, "trials"), patterns, shifts, trials: Vec::new() }
    }

    fn complete(&self) -> bool {
        self.trials.len() == RECORDINGS * BATCH
    }

    /// Records one trial of `samples` samples.
    fn record(&mut self, samples: usize) {
        let class = usize::from(label(self.trials.len()));
        let a = &self.shifts[self.trials.len() / BATCH];
        let mut normals = |rows| DMatrix::from_fn(rows, samples, |_, _| self.random.normal());
        let (signal, noise) = (a * &self.patterns[class] * normals(SOURCES), a * normals(SENSORS));
        let share = 1.0 / samples as f64;
        let cross = &signal * noise.transpose();
        self.trials.push([
            &signal * signal.transpose() * share,
            (&cross + cross.transpose()) * share,
            &noise * noise.transpose() * share,
        ]);
    }

    /// The covariance matrices of a recording at a noise floor.
    fn batch(&self, recording: usize, floor: f64) -> Vec<DMatrix<f64>> {
        let jitter = DMatrix::identity(SENSORS, SENSORS) * 1e-6;
        let trials = &self.trials[recording * BATCH..(recording + 1) * BATCH];
        trials.iter().map(|[signal, cross, noise]| signal + cross * floor.sqrt() + noise * floor + &jitter).collect()
    }
}

/// The class of a trial.
fn label(trial: usize) -> u8 {
    (trial % BATCH / TRIALS) as u8
}

/// The upper triangle of f(P), entries off the diagonal times √2: lengths are kept.
fn flatten(decomposed: &SymmetricEigen<f64, nalgebra::Dyn>, f: impl Fn(f64) -> f64, into: &mut Vec<f32>) {
    let SymmetricEigen { eigenvalues, eigenvectors: u } = decomposed;
    let values: Vec<f64> = eigenvalues.iter().map(|value| f(value.max(methods::spd::CLIP))).collect();
    for i in 0..SENSORS {
        for j in i..SENSORS {
            let entry: f64 = (0..SENSORS).map(|k| values[k] * u[(i, k)] * u[(j, k)]).sum();
            into.push((if i == j { entry } else { std::f64::consts::SQRT_2 * entry }) as f32);
        }
    }
}

/// A method at a noise floor, at work: recording after recording is normalised, then the classifier learns.
struct Job {
    floor: f64,
    method: usize,
    pass: Option<Pass>,
    /// Features of the trials so far: logarithms and square roots.
    features: [Vec<f32>; 2],
    probe: Option<Probe>,
    accuracy: [f64; 2],
}

impl Job {
    fn new(floor: f64, method: usize) -> Self {
        Job { floor, method, pass: None, features: Default::default(), probe: None, accuracy: [f64::NAN; 2] }
    }

    /// Recordings normalised so far.
    fn recordings(&self) -> usize {
        self.features[0].len() / (BATCH * FEATURES)
    }

    fn finished(&self) -> bool {
        self.accuracy.iter().all(|accuracy| !accuracy.is_nan())
    }

    /// A stage of a recording's normalization, or some passes of the classifier; gives the pass that has just ended.
    fn advance(&mut self, recordings: &Recordings, controls: &Controls) -> Option<Pass> {
        let recording = self.recordings();
        if recording < RECORDINGS {
            let layer = || Layer::new(geometry(self.method, controls.power), SENSORS, controls.mean_steps);
            let pass = self.pass.get_or_insert_with(|| Pass::new(layer(), recordings.batch(recording, self.floor)));
            if pass.advance() {
                return None;
            }
            for p in pass.batch() {
                let decomposed = p.clone().symmetric_eigen();
                flatten(&decomposed, libm::log, &mut self.features[0]);
                flatten(&decomposed, f64::sqrt, &mut self.features[1]);
            }
            return self.pass.take();
        }
        let which = usize::from(!self.accuracy[0].is_nan());
        let (learned, new) = self.features[which].split_at(LEARNED * BATCH * FEATURES);
        let labels: Vec<u8> = (0..RECORDINGS * BATCH).map(label).collect();
        let (learned_labels, new_labels) = labels.split_at(LEARNED * BATCH);
        let probe = self.probe.get_or_insert_with(|| Probe::penalised(learned, learned_labels, CLASSES, PENALTY));
        (0..8).for_each(|_| probe.advance());
        if probe.finished() {
            self.accuracy[which] = probe.accuracy(new, new_labels);
            self.probe = None;
        }
        None
    }
}

/// A run: the three methods at the reader's noise floor, then at others.
pub struct BuresWassersteinNormalization {
    controls: Controls,
    recordings: Recordings,
    jobs: Vec<Job>,
    at: usize,
    /// Sorted eigenvalues of the first recording's matrices as they came, and of its mean by every method.
    eigenvalues: Vec<Vec<f64>>,
    means: [Vec<f64>; 3],
    /// The middle condition number.
    condition: f64,
    /// The two leading coordinates of every trial by every method at the reader's floor.
    places: [Vec<(f64, f64)>; 3],
}

fn descending(p: &DMatrix<f64>) -> Vec<f64> {
    let mut values: Vec<f64> = p.symmetric_eigenvalues().iter().map(|value| value.max(1e-12)).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Coordinates of the rows of `features` along the two leading principal directions.
fn leading(features: &[f32]) -> Vec<(f64, f64)> {
    let x = DMatrix::from_row_iterator(features.len() / FEATURES, FEATURES, features.iter().map(|v| f64::from(*v)));
    let centred = DMatrix::from_fn(x.nrows(), FEATURES, |i, j| x[(i, j)] - x.column(j).mean());
    let SymmetricEigen { eigenvalues, eigenvectors } = (centred.transpose() * &centred).symmetric_eigen();
    let mut order: Vec<usize> = (0..FEATURES).collect();
    order.sort_by(|i, j| eigenvalues[*j].total_cmp(&eigenvalues[*i]));
    let places = centred * eigenvectors.select_columns(&order[..2]);
    places.row_iter().map(|row| (row[0], row[1])).collect()
}

/// The views.
impl BuresWassersteinNormalization {
    fn accuracy_chart(&self) -> Chart {
        let mut marks = vec![Mark::at_y("by chance", 0.25)];
        for (method, (name, ink)) in METHODS.iter().enumerate().rev() {
            let done = self.jobs.iter().filter(|job| job.method == method && !job.accuracy[0].is_nan());
            let mut points: Vec<(f64, f64)> = done.map(|job| (job.floor, job.accuracy[0])).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            marks.push(Mark::points("", *ink, x.clone(), y.clone(), 6.0));
            marks.push(Mark::line(*name, *ink, x, y));
        }
        marks.push(Mark::at_x("here", self.controls.floor));
        let (x, y) = (Axis::log("noise floor").range(1e-6, 1.0), Axis::linear("accuracy on new recordings").range(0.2, 1.0));
        Chart { x, y, marks, ..Chart::default() }
    }

    fn scatter(&self, method: usize) -> Chart {
        let places = &self.places[method];
        let (groups, what) = if self.controls.colour == Colour::Class { (CLASSES, "class") } else { (RECORDINGS, "recording") };
        let group = |trial: usize| if groups == CLASSES { usize::from(label(trial)) } else { trial / BATCH };
        let mut marks = Vec::new();
        for g in 0..groups {
            // New recordings have large dots.
            for (new, size) in [(false, 3.0), (true, 6.0)] {
                let chosen = (0..places.len()).filter(|i| group(*i) == g && (*i >= LEARNED * BATCH) == new);
                let (x, y): (Vec<f64>, Vec<f64>) = chosen.map(|i| places[i]).unzip();
                let name =
                    if new == (groups == RECORDINGS && g >= LEARNED) { format!("{what} {}", g + 1) } else { String::new() };
                if !x.is_empty() {
                    marks.push(Mark::points(name, Ink::Series(g as u8), x, y, size));
                }
            }
        }
        let axis = |which: &str| Axis::linear(format!("{which} tangent coordinate"));
        Chart { x: axis("first"), y: axis("second"), marks, ..Chart::default() }
    }

    fn eigenvalue_chart(&self) -> Chart {
        let ranks: Vec<f64> = (1..=SENSORS).map(|k| k as f64).collect();
        let mut marks = Vec::new();
        // Side by side around the rank, so that a hundred dots are not one.
        let count = self.eigenvalues.len() as f64;
        let spread = |i: usize, k: usize| ranks[k] + 0.5 * ((i as f64 + 0.5) / count - 0.5);
        let all = || self.eigenvalues.iter().enumerate().flat_map(|(i, values)| (0..SENSORS).map(move |k| (i, k, values[k])));
        let (x, y) = all().map(|(i, k, value)| (spread(i, k), value)).unzip();
        marks.push(Mark::points("trials of recording 1", Ink::Muted, x, y, 2.5));
        for (method, (name, ink)) in METHODS.iter().enumerate().take(2).rev() {
            if !self.means[method].is_empty() {
                marks.push(Mark::line(format!("{name} mean"), *ink, ranks.clone(), self.means[method].clone()));
            }
        }
        Chart { x: Axis::linear("rank").range(0.5, 10.5), y: Axis::log("eigenvalue"), marks, ..Chart::default() }
    }

    /// The cone of 2 × 2 covariance matrices, and the way between two of them in either geometry.
    fn cone(&self) -> Space {
        let place = |p: &DMatrix<f64>| [p[(0, 0)] - p[(1, 1)], 2.0 * p[(0, 1)], 2.0 * p.trace() - 1.2].map(|v| v as f32);
        let thin = |angle: f64| {
            let (c, s) = (libm::cos(angle), libm::sin(angle));
            let turn = DMatrix::from_row_slice(2, 2, &[c, -s, s, c]);
            &turn * DMatrix::from_diagonal(&DVector::from_column_slice(&[0.8, 0.8 * self.controls.floor])) * turn.transpose()
        };
        let (p, q) = (thin(-0.6), thin(0.6));
        let mut segments = Vec::new();
        let mut draw = |points: Vec<[f32; 3]>, ink: Ink| {
            let pairs = points.windows(2).map(|w| Segment { from: w[0], to: w[1], ink, dashed: false, arrow: false });
            segments.extend(pairs);
        };
        let rim =
            |angle: f64, trace: f64| [trace * libm::cos(angle), trace * libm::sin(angle), 2.0 * trace - 1.2].map(|v| v as f32);
        let around = |i: usize| std::f64::consts::TAU * i as f64 / 36.0;
        for trace in [0.4, 0.8, 1.1] {
            draw((0..=36).map(|i| rim(around(i), trace)).collect(), Ink::Muted);
        }
        (0..36).step_by(3).for_each(|i| draw(vec![rim(0.0, 0.0), rim(around(i), 1.1)], Ink::Muted));
        let along = |way: fn(&DMatrix<f64>, &DMatrix<f64>, f64) -> DMatrix<f64>| -> Vec<[f32; 3]> {
            (0..=40).map(|i| place(&way(&p, &q, f64::from(i) / 40.0))).collect()
        };
        let ways = [along(bures_wasserstein::geodesic), along(affine_invariant::geodesic)];
        let clouds = METHODS.iter().zip(&ways).map(|((name, ink), way)| ground::view::Cloud {
            name: (*name).into(),
            ink: *ink,
            at: way.iter().step_by(4).copied().collect(),
            size: 5.0,
        });
        let clouds = clouds.collect();
        ways.into_iter().zip(METHODS).for_each(|(way, (_, ink))| draw(way, ink));
        Space { axes: ["P₁₁ − P₂₂".into(), "2 P₁₂".into(), "trace".into()], clouds, segments, reach: 1.15 }
    }
}

run::views! { BuresWassersteinNormalization, Controls:
    accuracy "New recordings, by noise floor" "With short trials one geometry is ahead at almost every floor. Take T = 200, and they agree at every floor." => accuracy_chart;
    bures "After Bures–Wasserstein" "Large dots are new recordings: they should lie among the small ones of their colour." => view_1;
    affine "After affine-invariant" "Recordings are centred here too, but logarithms let the smallest eigenvalues speak loudest." => view_2;
    before "Before" "Colour by recording: each is a cloud of its own, and new ones lie elsewhere." => view_3;
    eigenvalues "Eigenvalues and means" "The smallest eigenvalues are mostly chance. A mean of logarithms gives them as much to say as the large ones; a mean of roots hardly hears them." => eigenvalue_chart;
    cone "Two ways across the cone" "The affine-invariant way dives towards the tip, where matrices are nothing; the other stays wide. Turn it." => cone;
}

impl BuresWassersteinNormalization {
    async fn step(&mut self, _: &Device) -> Result<Progress> {
        if !self.recordings.complete() {
            let trials = SLICE / (self.controls.samples * (SOURCES + SENSORS));
            for _ in 0..trials.max(1) {
                if !self.recordings.complete() {
                    self.recordings.record(self.controls.samples);
                }
            }
        } else if self.eigenvalues.is_empty() {
            self.eigenvalues = self.recordings.batch(0, self.controls.floor).iter().map(descending).collect();
            let mut conditions: Vec<f64> = self.eigenvalues.iter().map(|values| values[0] / values[SENSORS - 1]).collect();
            conditions.sort_by(f64::total_cmp);
            self.condition = conditions[conditions.len() / 2];
        } else if let Some(job) = self.jobs.get_mut(self.at) {
            let recording = job.recordings();
            let passed = job.advance(&self.recordings, &self.controls);
            if self.at < METHODS.len() {
                if let (Some(pass), 0) = (&passed, recording) {
                    self.means[job.method] = descending(&pass.mean());
                }
                if passed.is_some() && recording + 1 == RECORDINGS {
                    self.places[job.method] = leading(&job.features[0]);
                }
            }
            if job.finished() {
                job.features = Default::default();
                self.at += 1;
            }
        }
        let of = self.jobs.len() * (RECORDINGS + 1);
        let within = self.jobs.get(self.at).map_or(0, Job::recordings);
        Ok(Progress { done: self.at * (RECORDINGS + 1) + within, of })
    }

    fn view(&self, which: usize) -> View {
        match which {
            0 => View::Chart(self.accuracy_chart()),
            1..=3 => View::Chart(self.scatter(which - 1)),
            4 => View::Chart(self.eigenvalue_chart()),
            _ => View::Space(self.cone()),
        }
    }

    fn view_1(&self) -> View {
        self.view(1)
    }

    fn view_2(&self) -> View {
        self.view(2)
    }

    fn view_3(&self) -> View {
        self.view(3)
    }
}

impl Experiment for BuresWassersteinNormalization {
    const CARD: Card = Card {
        slug: "bures-wasserstein-normalization",
        title: "Batch normalization for covariance matrices that are nearly singular",
        paper: Paper::new(
            "Learning to Normalize on the SPD Manifold under Bures-Wasserstein Geometry",
            "Rui Wang, Shaocheng Jin, Ziheng Chen, Xiaoqing Luo, Xiao-Jun Wu",
            2025,
        ),
        claim: "On nearly singular covariance matrices (12 samples, 10 sensors), normalising recordings in the Bures–Wasserstein geometry with θ = ½ makes a classifier right on at least 0.04 more trials of new recordings than the affine-invariant geometry, and on more in every seed.",
        reproduction: Reproduction::InPart,
        honesty: "The paper trains networks with the layer inside, metric and bias learned, on skeleton and EEG data; here the layer itself (M = G = I, s = 1) is compared on simulated recordings with a linear classifier behind it. What the gain needs is short trials: with 200 samples it is gone, at any noise floor.",
        seeds: 5,
        unit: "batch",
        presets: &[
            Preset::holds("default", "12 samples from 10 sensors: condition numbers near a million", &[]),
            Preset::gone(
                "break-it",
                "Well-conditioned: 200 samples and a noise floor of 1",
                &[("samples", "200"), ("floor", "1")],
            ),
            Preset::open("plain power", "θ = 1, the plain Bures–Wasserstein geometry", &[("power", "1")]),
            Preset::open("one recording like the next", "No shift between recordings", &[("shift", "0")]),
            Preset::open("whose recording", "Colours tell recordings: what normalization takes away", &[("colour", "recording")]),
        ],
        data: &[],
        own_data: None,
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let floors = std::iter::once(controls.floor).chain(FLOORS.into_iter().filter(|floor| *floor != controls.floor));
        Ok(BuresWassersteinNormalization {
            recordings: Recordings::new(controls.shift, seed),
            jobs: floors.flat_map(|floor| (0..METHODS.len()).map(move |method| Job::new(floor, method))).collect(),
            at: 0,
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
        let [bures, affine, none] = [0, 1, 2].map(|method| self.jobs[method].accuracy);
        ground::measures! {
            gain: bures[0] - affine[0],
            bures: bures[0], affine: affine[0], none: none[0],
            bures_by_root: bures[1], affine_by_root: affine[1], none_by_root: none[1],
            condition: self.condition,
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let gain = runs.mean("gain");
        let text = format!(
            "Bures–Wasserstein is right on {:.3} of new trials, affine-invariant on {:.3}, without normalization {:.3}: a gain of {gain:.3}, from {:.3} to {:.3} in single seeds.",
            runs.mean("bures"),
            runs.mean("affine"),
            runs.mean("none"),
            runs.least("gain"),
            runs.most("gain"),
        );
        Verdict::at_least(gain, GAIN, text).and(runs.each("gain").all(|gain| gain > 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The measures as soon as the reader's own noise floor is done.
    fn measured(controls: Controls, seed: u64) -> Measures {
        let mut run = BuresWassersteinNormalization::new(&controls, seed, &Library::default()).unwrap();
        while run.at < METHODS.len() {
            pollster::block_on(run.step(&Device::cpu())).unwrap();
        }
        run.measures()
    }

    #[test]
    fn nearly_singular_matrices_are_nearly_singular() {
        let measures = measured(Controls::default(), 100);
        assert!((1e5..1e7).contains(&measures.get("condition")), "{measures:?}");
        assert!(measures.get("none") < measures.get("affine") && measures.get("affine") < measures.get("bures"), "{measures:?}");
    }

    #[test]
    fn nearly_singular_matrices_gain_in_other_seeds_too() {
        let runs: Vec<Measures> = (100..105).map(|seed| measured(Controls::default(), seed)).collect();
        assert!(mean(&runs, "gain") >= GAIN && each(&runs, "gain").all(|gain| gain > 0.0), "{runs:?}");
    }

    #[test]
    fn where_matrices_are_well_conditioned_the_geometries_agree() {
        for seed in 0..5 {
            let measures = measured(Controls { samples: 200, floor: 1.0, ..Controls::default() }, seed);
            assert!((45.0..120.0).contains(&measures.get("condition")), "{measures:?}");
            assert!(measures.get("gain").abs() <= 0.02 && measures.get("bures") > 0.97, "{measures:?}");
        }
    }

    #[test]
    fn the_polynomial_in_the_floor_is_the_covariance_itself() {
        let mut recordings = Recordings::new(0.3, 1);
        (0..BATCH).for_each(|_| recordings.record(7));
        let mut random = Random::new(1, "trials");
        let mut normals = |rows| DMatrix::from_fn(rows, 7, |_, _| random.normal());
        let (s, e) = (normals(SOURCES), normals(SENSORS));
        let z = &recordings.shifts[0] * (&recordings.patterns[0] * s + e * 0.02f64.sqrt());
        let p = &z * z.transpose() / 7.0 + DMatrix::identity(SENSORS, SENSORS) * 1e-6;
        assert!((p - &recordings.batch(0, 0.02)[0]).norm() < 1e-12);
    }
}
