//! How many bits of prior knowledge a task needs, beyond what its data say.
//!
//! Paper: Boopathy, Liu, Hwang, Ge, Mohammedsaleh & Fiete, 2023. Inductive bias complexity Ĩ = −log₂ P(hypothesis generalizes | it fits the
//! data). Here it is exact: f = Σ θ_j φ_j on [0, 2π)^m with all N = (2M+1)^m Fourier functions of frequencies up to M, prior
//! θ ~ N(0, I/N), n noiseless points; r = N − n dimensions V stay open, generalizing is a mean square error of at most ε², and
//!   Ĩ = −log₂ P(χ²_r(λ) ≤ Nε²),  λ = N‖Vᵀθ*‖².
//! Claim: Ĩ grows exponentially with the dimension m, polynomially with the resolution M, and falls linearly with n. Inputs that have m
//! coordinates and vary in m′ of them only need the bits of m′.
//! The paper's practical formulas are `Benchmark::bits` for classification and `Policy::bits` for control.

mod benchmark;
mod chi_squared;
mod growth;
mod intrinsic_dimension;
mod trigonometric;

use std::f64::consts::LN_2;

use libm::{exp, log, log2, pow, sqrt};
use run::prelude::*;

use benchmark::{Benchmark, Digits, Policy};
use chi_squared::ln_distribution;
use growth::{Reading, Readings};
use trigonometric::Interpolation;

controls! {
    /// What the reader can move.
    pub struct Controls {
        share "training points": Real(0.0, 1.0) = 0.25, "n/N", "As a share of the number of parameters. 0: all must be known beforehand. 1: the data say everything.";
        directions "directions that vary": Count(1, 5) = 5, "m′", "Of the inputs' coordinates; the others stay fixed. 1: a circle, however many coordinates. 5: all of them vary.";
        error "error allowed": Log(0.0001, 3.0) = 0.1, "ε", "What still counts as right elsewhere. Small: more bits for each parameter. Large: any function that fits will do.";
        dimension "dimension of one task": Count(1, 5) = 2, "m", "Of the task whose points are added one by one. More: more functions to choose from.";
        resolution "highest frequency": Count(1, 12) = 2, "M", "Of the same task. Low: smooth functions only. High: fine detail; held down where there would be too many functions.";
        noise_coordinates "noise beside digits": Count(0, 20) = 5, "q", "Random numbers put beside the digits' pixels. More of them: more directions, and nothing to learn in them.";
    }
}

/// N is at most this.
const LARGEST: usize = 3125;
/// The highest frequency looked at, and the resolution and the dimension at which the claim is measured.
const FINEST: usize = 12;
const RESOLUTION: usize = 2;
const DIMENSION: usize = 2;
/// Points of the curve over n, and the largest N for which it is drawn to its end.
const CURVE: usize = 48;
const WHOLE: usize = 1331;
/// Fewer bits than this are none.
const NONE: f64 = 0.01;
/// What the claim says of log₂ Ĩ a dimension, of the power of the resolution, and of the R² of the former.
const SLOPE: (f64, f64) = (2.1, 2.5);
const POWER: (f64, f64) = (1.8, 2.2);
const FIT: f64 = 0.99;

/// N of a task.
fn functions(dimension: usize, resolution: usize) -> usize {
    (2 * resolution + 1).pow(dimension as u32)
}

/// Ĩ in bits after `n` points.
fn bits(task: &Interpolation, n: usize, error: f64) -> f64 {
    let (open, squared) = task.open(n);
    let count = task.functions() as f64;
    (0.0 - ln_distribution(count * error * error, open as f64, count * squared)) / LN_2
}

/// (m, M) of the tasks, the smallest first.
fn tasks() -> Vec<(usize, usize)> {
    let mut tasks: Vec<(usize, usize)> = (1..=3).flat_map(|m| (1..=FINEST).map(move |r| (m, r))).collect();
    tasks.extend([(4, 1), (4, 2), (4, 3), (5, 1), (5, 2)]);
    tasks.retain(|(m, r)| functions(*m, *r) <= LARGEST);
    tasks.sort_by_key(|(m, r)| functions(*m, *r));
    tasks
}

/// A task without points, whose inputs vary in `directions` of their coordinates at most. Where the other coordinates are fixed,
/// (2M+1)^(m−m′) waves each are the same but for a factor; together they have the prior's variance of one wave in m′ dimensions, so
/// that f is a task of m′.
fn task(seed: u64, dimension: usize, directions: usize, resolution: usize) -> Interpolation {
    let random = Random::new(seed, &format!("task {dimension} {resolution}"));
    Interpolation::new(dimension.min(directions), resolution, random)
}

/// M of the chosen task.
fn resolution(controls: &Controls) -> usize {
    (1..=controls.resolution).rev().find(|r| functions(controls.dimension, *r) <= LARGEST).unwrap_or(1)
}

/// A run.
pub struct GeneralizationDifficulty {
    controls: Controls,
    seed: u64,
    /// How many tasks there are, and those read.
    tasks: usize,
    readings: Readings,
    /// The task of the third picture, and its (n, Ĩ).
    chosen: Interpolation,
    curve: Vec<(usize, f64)>,
    /// Digits still to be scanned.
    digits: Vec<Digits>,
    benchmarks: Vec<Benchmark>,
}

impl GeneralizationDifficulty {
    /// n of a task with N functions.
    fn points(&self, functions: usize) -> usize {
        (self.controls.share * functions as f64).round() as usize
    }

    /// The values of n on the curve.
    fn stops(&self) -> Vec<usize> {
        let count = self.chosen.functions();
        let end = if count <= WHOLE { count } else { self.points(count).max(LARGEST / 4) };
        let mut stops: Vec<usize> = (0..=CURVE).map(|i| end * i / CURVE).collect();
        stops.push(self.points(count));
        stops.sort_unstable();
        stops.dedup();
        stops
    }

    /// The digits with noise beside them, once they are scanned.
    fn noisy(&self) -> Option<&Benchmark> {
        self.benchmarks.iter().find(|b| b.name.starts_with("digits +"))
    }
}

/// The views.
impl GeneralizationDifficulty {
    /// Lines of points, one a dimension or resolution, over what is in the chart.
    fn family(&self, chart: Chart, families: [(String, Vec<(f64, f64)>); 3]) -> Chart {
        let families = families.map(|(name, points)| (name, points.into_iter().filter(|p| p.1 >= NONE).collect::<Vec<_>>()));
        let all = || families.iter().flat_map(|(_, points)| points);
        let (empty, low) = (all().next().is_none(), all().all(|p| p.1 < 10.0));
        // The one that the claim is of has the method's colour.
        let inks = [1, 0, 2].map(Ink::Series);
        let mut chart = families.iter().zip(inks).fold(chart, |chart, ((name, points), ink)| {
            chart.line(name, ink, points.iter().copied()).dots("", ink, 6.0, points.iter().copied())
        });
        if (empty || self.controls.share == 1.0) && self.readings.0.len() == self.tasks {
            let (left, right) = chart.x.range.unwrap_or((1.0, 1.0));
            let middle = if chart.x.scale == Scale::Log { sqrt(left * right) } else { 0.5 * (left + right) };
            let text = match empty {
                true => "under 0.01 bits everywhere: nothing is left to be known",
                false => "the rest is rounding: see the text",
            };
            chart = chart.label(text, (middle, 30.0), Ink::Text);
        }
        if low {
            chart.y = chart.y.range(0.1, 1e4);
        }
        chart
    }

    fn dimensions(&self) -> Chart {
        let label = match self.controls.directions {
            5 => "dimension m".to_string(),
            free => format!("coordinates m, {free} vary"),
        };
        let mut chart = Chart::of(Axis::linear(label).range(0.8, 5.2), Axis::log("bits still needed, Ĩ"));
        let (slope, start, _) = self.readings.exponential();
        if slope.is_finite() {
            // Through the middle of the line fitted, with the slope that the number of functions has.
            let own = log2((2 * RESOLUTION + 1) as f64);
            let middle = start + 3.0 * slope;
            chart = chart.dashed("as 5ᵐ", Ink::Muted, [0.8, 5.2].map(|m| (m, pow(2.0, middle + own * (m - 3.0)))));
        }
        self.family(chart, [1, RESOLUTION, 3].map(|r| (format!("M = {r}"), self.readings.by_dimension(r))))
    }

    fn resolutions(&self) -> Chart {
        let x = Axis::log("waves a direction, 2M+1").range(2.8, 27.0);
        let mut chart = Chart::of(x, Axis::log("bits still needed, Ĩ"));
        let (slope, start, _) = self.readings.polynomial();
        if slope.is_finite() {
            let middle = log(9.0);
            let guide = |side: f64| exp(start + slope * middle + 2.0 * (log(side) - middle));
            chart = chart.dashed("as (2M+1)²", Ink::Muted, [3.0, 25.0].map(|side| (side, guide(side))));
        }
        self.family(chart, [1, DIMENSION, 3].map(|m| (format!("m = {m}"), self.readings.by_resolution(m))))
    }

    fn points_needed(&self) -> Chart {
        let count = self.chosen.functions() as f64;
        let now = self.points(self.chosen.functions());
        let x = Axis::linear("training points n").range(0.0, count);
        let mut chart = Chart::of(x, Axis::linear("bits still needed, Ĩ")).at_x(format!("n = {now}"), now as f64);
        if let Some((_, first)) = self.curve.first() {
            chart = chart.dashed("straight to n = N", Ink::Muted, [(0.0, *first), (count, 0.0)]);
        }
        let name = format!("m = {}, M = {}", self.controls.dimension, resolution(&self.controls));
        chart.line(name, Ink::Series(0), self.curve.iter().map(|(n, bits)| (*n as f64, *bits)))
    }

    fn formula(&self) -> Chart {
        // SVHN has its dot in the next picture: more names than these have no room.
        let published = Benchmark::published().into_iter().filter(|benchmark| benchmark.name != "SVHN");
        let all = self.benchmarks.iter().cloned().chain(published);
        let bars = all.map(|benchmark| (benchmark.name.clone(), benchmark.bits()));
        Chart::of(Axis::default(), Axis::log("bits by the formula")).bars("", Ink::Series(0), bars)
    }

    fn growth(&self) -> Chart {
        let [mnist, svhn, cifar, imagenet] = Benchmark::published();
        let deeper = (6..=99).map(|m| imagenet.in_dimensions(f64::from(m)));
        let at = |benchmark: &Benchmark| (benchmark.dimension, benchmark.bits());
        let of = |policy: Policy| (policy.dimension, policy.bits());
        let [frames, robots] = [Policy::cart_pole().map(of).to_vec(), Policy::robots().map(of).to_vec()];
        Chart::of(Axis::linear("dimension m").range(0.0, 100.0), Axis::log("bits by the formula"))
            .line("ImageNet in m dimensions", Ink::Muted, deeper.map(|benchmark| at(&benchmark)))
            .dots("four image data sets", Ink::Series(0), 9.0, [mnist, svhn, cifar, imagenet].iter().map(at))
            .line("cart-pole, 1 to 5 frames", Ink::Series(1), frames.iter().copied())
            .dots("", Ink::Series(1), 7.0, frames)
            .dots("three robots", Ink::Series(2), 9.0, robots)
    }
}

views! { GeneralizationDifficulty, Controls:
    dimension "More dimensions" "A dot is a task; the logarithmic axis turns equal factors into equal steps. The dashed line counts functions." => dimensions;
    resolution "More detail" "Both axes are logarithmic: a power is a straight line, and the steeper, the higher the power." => resolutions;
    points "More data" "The bits still needed by one task as points are added; the dashed line is a straight way to none." => points_needed;
    benchmarks "What the formula says of benchmarks" "Each bar is a data set. The axis is logarithmic: equal steps are equal factors." => formula;
    formula "The formula over dimensions" "The vertical axis is logarithmic: exponential growth would be a straight line." => growth;
}

impl Experiment for GeneralizationDifficulty {
    const CARD: Card = Card {
        slug: "generalization-difficulty",
        title: "How many bits of prior knowledge does a task need?",
        paper: Paper::new(
            "Model-agnostic Measure of Generalization Difficulty",
            "Akhilan Boopathy, Kevin Liu, Jaedong Hwang, Shu Ge, Asaad Mohammedsaleh, Ila Fiete",
            2023,
        )
        .venue("ICML 2023")
        .arxiv("2305.01034"),
        claim: "Each further dimension multiplies what must be known beyond the data; finer detail costs far less.",
        criterion: "At a quarter as many points as parameters and errors up to 0.1, the bits needed beyond the data grow by a factor of 4.3 to 5.7 (2 to the power 2.1 to 2.5) with every dimension at frequencies up to 2, where 2M+1 = 5 waves fit in a direction, with R² of at least 0.99 in the worst seed; and as a power of 1.8 to 2.2 of the resolution in two dimensions. Slopes are means over five seeds.",
        figure: "log₂ of the factor by which a dimension multiplies the bits",
        reproduction: Reproduction::InPart,
        honesty: "The growth laws hold where the measure can be computed exactly, and they hold by counting functions. The figures for benchmarks and robots are the paper's formulas with its own inputs, arithmetic and no measurement; its comparison with few-shot learning is not here.",
        unit: "task",
        presets: &[
            Preset::holds("default", "A quarter as many points as parameters, errors up to 0.1", &[]),
            Preset::gone(
                "break-it",
                "Inputs with one to five coordinates of which one varies: the functions that the data can tell apart do not multiply, and so the bits do not",
                &[("directions", "1")],
            ),
            Preset::open(
                "paper",
                "The paper's own table and curves: what its formulas say of its inputs",
                &[("noise_coordinates", "0")],
            )
            .within(&[
                ("mnist_bits", 1.4834e16, 1.4864e16),
                ("svhn_bits", 1.2117e31, 1.2141e31),
                ("cifar_bits", 3.4343e32, 3.4411e32),
                ("imagenet_bits", 3.5797e41, 3.5868e41),
                ("cart_pole_bits", 1.1861e40, 1.1884e40),
                ("cart_pole_frame", 1e7, 1e9),
                ("half_cheetah_bits", 1.7167e66, 1.7201e66),
            ]),
            Preset::gone("all told", "As many points as parameters: the data say everything, 0 bits", &[("share", "1")]),
            Preset::gone("anything goes", "ε = 3: every hypothesis that fits is good enough", &[("error", "3")]),
            Preset::open("no data", "n = 0: all has to be known beforehand", &[("share", "0")]),
            Preset::open("noisy digits", "Twenty random coordinates beside the digits", &[("noise_coordinates", "20")]),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let noise = controls.noise_coordinates;
        let mut digits =
            vec![Digits::new("digits 0, 1".into(), 2, 0, seed, library)?, Digits::new("digits".into(), 10, 0, seed, library)?];
        if noise > 0 {
            digits.push(Digits::new(format!("digits + {noise}"), 10, noise, seed, library)?);
        }
        Ok(GeneralizationDifficulty {
            controls: controls.clone(),
            seed,
            tasks: tasks().len(),
            readings: Readings::default(),
            chosen: task(seed, controls.dimension, controls.directions, resolution(controls)),
            curve: Vec::new(),
            digits,
            benchmarks: Vec::new(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let error = self.controls.error;
        stage.span(0..self.tasks + 1 + self.digits.len());
        for (dimension, resolution) in tasks() {
            let mut task = task(self.seed, dimension, self.controls.directions, resolution);
            let n = self.points(task.functions());
            // As many points as functions in the three largest tasks would take longer than all others together, and leave nothing.
            let settled = n >= task.functions() && n > WHOLE;
            let (open, bits) = if settled {
                (0, 0.0)
            } else {
                for _ in 0..n {
                    task.add();
                    self = stage.part(self).await;
                }
                (task.open(n).0, bits(&task, n, error))
            };
            self.readings.0.push(Reading { dimension, resolution, open, bits });
            self = stage.next(self).await;
        }
        stage.judged();
        for n in self.stops() {
            while self.chosen.points() < n {
                self.chosen.add();
                self = stage.part(self).await;
            }
            let bits = bits(&self.chosen, n, error);
            self.curve.push((n, bits));
        }
        self = stage.next(self).await;
        for Digits { name, points, classes, mut scan } in std::mem::take(&mut self.digits) {
            let spread = loop {
                scan.advance();
                self = stage.part(self).await;
                if let Some(spread) = scan.found() {
                    break spread;
                }
            };
            self.benchmarks.push(Benchmark::measured(name, points, classes, spread));
            self = stage.next(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let (bits_a_dimension, _, fit) = self.readings.exponential();
        let (power, ..) = self.readings.polynomial();
        let of = |dimension: usize| self.readings.of(dimension, RESOLUTION);
        let largest = if self.readings.0.len() == self.tasks {
            // Of the tasks that the claim is of. In one dimension points drawn at random can lie so close together that, within rounding,
            // as many of them as functions do not settle all.
            let of_claim = self.readings.0.iter().filter(|r| r.resolution == RESOLUTION || r.dimension == DIMENSION);
            of_claim.fold(0.0f64, |largest, r| largest.max(r.bits))
        } else {
            f64::NAN
        };
        let [mnist, svhn, cifar, imagenet] = Benchmark::published().map(|benchmark| benchmark.bits());
        let (frames, [.., half_cheetah]) =
            (Policy::cart_pole().map(|policy| policy.bits()), Policy::robots().map(|policy| policy.bits()));
        let benchmark = |name: &str| self.benchmarks.iter().find(|b| b.name == name);
        measures! {
            bits_a_dimension: bits_a_dimension, fit: fit, power: power,
            bits_in_two: of(2).map_or(f64::NAN, |r| r.bits),
            bits_in_five: of(5).map_or(f64::NAN, |r| r.bits),
            bits_a_parameter: of(5).map_or(f64::NAN, |r| r.bits / r.open as f64),
            most_bits: largest,
            digits_dimension: benchmark("digits").map_or(f64::NAN, |b| b.dimension),
            digits_bits: benchmark("digits").map_or(f64::NAN, Benchmark::bits),
            noisy_digits_bits: self.noisy().map_or(f64::NAN, Benchmark::bits),
            mnist_bits: mnist, svhn_bits: svhn, cifar_bits: cifar, imagenet_bits: imagenet,
            cart_pole_bits: frames[frames.len() - 1],
            cart_pole_frame: frames.windows(2).map(|pair| pair[1] / pair[0]).fold(f64::INFINITY, f64::min),
            half_cheetah_bits: half_cheetah,
        }
    }

    fn sentence(&self) -> String {
        let bits = |m: usize| self.readings.of(m, RESOLUTION).map(|r| r.bits);
        let told = |bits: f64| if bits < NONE { "less than 0.01 bits".to_string() } else { format!("{} bits", figure(bits)) };
        let what = if self.controls.directions == 5 { "dimension" } else { "coordinate" };
        match (bits(1), (2..=5).rev().find_map(|m| Some((m, bits(m)?)))) {
            (None, _) => "No task of frequencies up to 2 is worked out yet.".into(),
            (Some(one), None) => {
                format!("In one {what}, {} must be known beyond the data; more are being worked out.", told(one))
            }
            (Some(one), Some((m, more))) => {
                format!(
                    "Beyond the data, {} must be known in one {what} and {} in {}.",
                    told(one),
                    told(more),
                    ["two", "three", "four", "five"][m - 2]
                )
            }
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        let (least, largest) = (runs.least("most_bits"), runs.most("most_bits"));
        if least < NONE {
            let text = format!("Nothing is left to be known: at most {} bits, with no growth to speak of.", figure(largest));
            return Verdict::at_least(least, NONE, text);
        }
        let (slope, power, fit) = (runs.mean("bits_a_dimension"), runs.mean("power"), runs.least("fit"));
        let text = format!(
            "Every {} multiplies the bits by {}, 2 to the power {} (R² {} or better); they grow as the power {} of the resolution in two.",
            if controls.directions == 5 { "dimension" } else { "coordinate" },
            figure(pow(2.0, slope)),
            figures(slope, 3),
            figures(fit, 3),
            figure(power)
        );
        if (slope.is_nan() || power.is_nan()) && !largest.is_nan() {
            let text = "Some tasks have nothing left to be known, others have: the growth is not defined.";
            return Verdict { holds: Some(false), threshold: SLOPE.0, ..Verdict::not_yet(text) };
        }
        Verdict::at_least(slope, SLOPE.0, text)
            .needs(at_most(slope, SLOPE.1))
            .needs(at_least(power, POWER.0))
            .needs(at_most(power, POWER.1))
            .needs(at_least(fit, FIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{begun, finished, judged, preset, runs};

    type Run = GeneralizationDifficulty;

    /// ε ten times finer: log₂ 10 bits more for each open parameter.
    #[test]
    fn bits_a_parameter_are_those_of_the_error() {
        let runs = runs::<Run>(&Controls::default(), 0..5);
        assert!(runs.least("bits_a_parameter") >= 3.0 && runs.most("bits_a_parameter") < 3.2, "{runs:?}");
        let finer = judged::<Run>(&Controls { error: 0.01, ..Controls::default() }, 0).measures();
        let more = finer.get("bits_a_parameter") - runs[0].get("bits_a_parameter");
        assert!((more - log2(10.0)).abs() < 0.05, "{more}");
    }

    #[test]
    fn nothing_is_left_with_as_many_points_or_a_large_error() {
        let all = finished::<Run>(&preset::<Run>("all told"), 0);
        assert_eq!((all.measures().get("most_bits"), all.chosen.points()), (0.0, 25));
        // The data have said it: with one point fewer there is something left.
        let mut task = task(0, 2, 5, 2);
        (0..25).for_each(|_| task.add());
        assert!(bits(&task, 25, 0.1) == 0.0 && bits(&task, 24, 0.1) > NONE);
        let loose = judged::<Run>(&preset::<Run>("anything goes"), 0);
        assert!(loose.readings.of(2, 2).unwrap().bits < NONE);
    }

    #[test]
    fn fixed_coordinates_leave_a_task_of_fewer_dimensions() {
        let [one, all] = [1, 5].map(|directions| judged::<Run>(&Controls { directions, ..Controls::default() }, 0));
        let bits = |run: &Run, m: usize| run.readings.of(m, 2).unwrap().bits;
        assert!((2..=5).all(|m| bits(&one, m) < 25.0 && bits(&all, m) > 45.0));
    }

    #[test]
    fn points_take_bits_away_in_a_straight_line() {
        let run = finished::<Run>(&Controls { resolution: 4, ..Controls::default() }, 0);
        let (first, last) = (run.curve[0], run.curve[run.curve.len() - 1]);
        assert_eq!((first.0, last), (0, (81, 0.0)));
        for (n, bits) in &run.curve {
            let straight = first.1 * (1.0 - *n as f64 / 81.0);
            assert!((bits - straight).abs() < 0.12 * first.1, "{n}: {bits} and {straight}");
        }
        assert!(run.curve.windows(2).all(|pair| pair[1].1 < pair[0].1));
    }

    /// scikit-learn's digits, worked out beside in NumPy.
    #[test]
    fn digits_have_eight_dimensions() {
        let run = finished::<Run>(&Controls::default(), 0);
        let digits = &run.benchmarks[1];
        assert!((digits.radius - 4.806_002_106_7).abs() < 1e-9 && (digits.gap - 1.179_247_641_5).abs() < 1e-9, "{digits:?}");
        assert!((run.measures().get("digits_bits") / 3.215_964_793_7e10 - 1.0).abs() < 1e-6, "{digits:?}");
        assert!((run.benchmarks[0].bits() / 3.528_570_650e6 - 1.0).abs() < 1e-3, "{:?}", run.benchmarks[0]);
        assert!(run.benchmarks[2].dimension > 8.0 && run.benchmarks[2].bits() > digits.bits());
        assert_eq!(run.measures().get("noisy_digits_bits"), run.benchmarks[2].bits());
    }

    #[test]
    fn a_high_resolution_is_held_down() {
        let controls = Controls { dimension: 4, resolution: 12, ..Controls::default() };
        assert_eq!((resolution(&controls), begun::<Run>(&controls, 0).chosen.functions()), (3, 2401));
    }
}
