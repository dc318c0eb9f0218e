//! An information bottleneck for regression without Gaussians, against outliers on one side.
//!
//! Paper: Yu, Yu, Løkse, Jenssen & Príncipe, 2024. A code t = E(x) + σ ⊙ ε, a linear decoder ŷ = D(t), batches of N:
//!   CS-IB: J = D(p(y|x), p(ŷ|x)) + β I_CS(x;t), both Cauchy-Schwarz divergences of Gaussian kernels,
//!   VIB:   J = (1/N) Σ (y − ŷ)² + β KL(q(t|x) ‖ N(0,I)),        MSE: VIB with β = 0 and σ = 0.
//! Friedman's function f of ten inputs, y = f + e, and e is in (0, 60) for a share of the points.
//! Claim: on clean points, and on points moved by ε sign ∂(ŷ−f)²/∂x, CS-IB errs at most 0.3 times as much as the better of the others.
//! Beside them, not in the paper: the same net under the absolute error Σ |y − ŷ|/N, and under Welsch's loss −2 ln Σ κ(ŷ − y), which is the
//! divergence without its kernel on inputs.

mod divergence;
mod net;
mod task;

use std::ops::Range;

use methods::network::dense::Tape;
use run::prelude::*;

use divergence::{Conditional, kernel_at_median};
use net::{Batch, CODE, Objective, Regressor, networks};
use task::{INPUTS, TEST, TRAIN, Task};

controls! {
    /// What the reader can move.
    pub struct Controls {
        outliers "share of wrong targets": Real(0.0, 0.4) = 0.15, "", "Targets moved up by as much as 60. 0: only honest noise. 0.4: two targets in five are wrong.";
        target_width "kernel on targets": Log(0.1, 3.0) = 0.5, "s_y", "How far from its target a prediction still counts. Narrow: wrong targets are out of sight. Wide: they come into sight.";
        attack "strength of attack": Real(0.0, 0.5) = 0.1, "ε", "How far each input is moved in the worst direction. 0: not at all. 0.5: half a standard deviation.";
        beta "bottleneck's weight": LogZero(0.0001, 1.0) = 0.01, "β", "0: no bottleneck. Large: the codes of CS-IB and VIB say less of the inputs.";
        input_width "kernel on inputs": Log(0.1, 2.0) = 0.3, "c_x", "In medians of the inputs' distance. Narrow: each point is compared with itself only. Wide: with all.";
        batch "batch size": LogCount(32, 256) = 128, "N", "Points a step. The kernels' work grows with its square; small batches give noisier steps.";
        sweep "seven weights at once": Toggle() = false, "", "On: both bottlenecks are trained at six more weights as well, which makes curves in the plane. It takes longer.";
    }
}

const STEPS: usize = 300;
/// Steps in which the kernel on targets narrows from [`WIDE`].
const NARROWING: usize = 100;
const WIDE: f64 = 2.0;
/// Steps between two readings; attacks come half-way and at the end.
const EVERY: usize = 15;
const HALF: usize = STEPS / 2;
/// The attacks of the picture.
const STRENGTHS: usize = 11;
const STRONGEST: f64 = 0.5;
const SWEEP: [f64; 6] = [0.0, 0.003, 0.03, 0.1, 0.3, 1.0];
/// Points of a batch whose kernels are shown.
const SHOWN: usize = 64;
/// The picture of the residuals: from where to where, in how many cells.
const RESIDUALS: (f64, f64) = (-20.0, 40.0);
const CELLS: usize = 120;
/// What the claim says of both ratios.
const SHARE: f64 = 0.3;

/// The objectives side by side.
const METHODS: [Series; 5] = series!["CS-IB" 0, "VIB" 1, "squared error" 2, "absolute error" 3, "Welsch's loss" 4];

/// The streams of chance of the batches.
struct Randoms {
    rows: Random,
    noise: Random,
}

impl Randoms {
    fn new(seed: u64) -> Self {
        Randoms { rows: Random::new(seed, "batches"), noise: Random::new(seed, "code noise") }
    }

    /// The next batch, after so many steps.
    fn batch(&mut self, task: &Task, controls: &Controls, steps: usize) -> Batch {
        let rows: Vec<usize> = (0..controls.batch).map(|_| self.rows.below(TRAIN)).collect();
        let noise = (0..controls.batch * CODE).map(|_| self.noise.normal()).collect();
        let narrowing = WIDE * (1.0 - steps as f64 / NARROWING as f64);
        Batch::of(task, &rows, noise, controls.input_width, controls.target_width.max(narrowing))
    }
}

/// A run.
pub struct CauchySchwarzBottleneck {
    controls: Controls,
    seed: u64,
    task: Task,
    batch: Batch,
    /// One of each objective, then those of the sweep.
    nets: Vec<Regressor>,
}

impl CauchySchwarzBottleneck {
    /// These steps of some of the nets; all nets see the same batches.
    async fn train(
        mut self: Box<Self>,
        nets: Range<usize>,
        steps: Range<usize>,
        randoms: &mut Randoms,
        stage: &Stage<Self>,
    ) -> Box<Self> {
        for step in steps {
            self.batch = randoms.batch(&self.task, &self.controls, step);
            for i in nets.clone() {
                self = stage.part(self).await;
                let Self { nets, batch, .. } = &mut *self;
                nets[i].descend(batch);
            }
            if (step + 1).is_multiple_of(EVERY) {
                for i in nets.clone() {
                    self = stage.part(self).await;
                    let Self { nets, task, .. } = &mut *self;
                    nets[i].read(task);
                    self = stage.part(self).await;
                    let Self { nets, task, .. } = &mut *self;
                    nets[i].weigh(task);
                }
            }
            self = stage.next(self).await;
        }
        self
    }

    /// The attack of the controls on every method.
    async fn attack(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for i in 0..METHODS.len() {
            let Self { nets, task, .. } = &mut *self;
            nets[i].aim(task);
            self = stage.part(self).await;
            let Self { nets, task, controls, .. } = &mut *self;
            nets[i].attacked = nets[i].strike(task, controls.attack);
            self = stage.part(self).await;
        }
        self
    }

    /// The attacks of the picture.
    async fn attacks(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for i in 0..METHODS.len() {
            self.nets[i].attacks.clear();
            for k in 0..STRENGTHS {
                let strength = STRONGEST * k as f64 / (STRENGTHS - 1) as f64;
                let Self { nets, task, .. } = &mut *self;
                let error = nets[i].strike(task, strength);
                nets[i].attacks.push((strength, error));
                self = stage.part(self).await;
            }
        }
        self
    }

    /// The nets of the methods, the last first: the first lies on top.
    fn methods(&self) -> impl Iterator<Item = (&Regressor, Series)> {
        self.nets.iter().zip(METHODS).rev()
    }
}

/// The views.
impl CauchySchwarzBottleneck {
    fn plane(&self) -> Chart {
        let x = Axis::linear("compression");
        let chart = Chart::of(x, Axis::log("error on fresh points"));
        self.methods().fold(chart, |chart, (chosen, Series { name, ink })| {
            let mut of: Vec<&Regressor> = self.nets.iter().filter(|net| net.objective == chosen.objective).collect();
            of.sort_by(|a, b| a.beta.total_cmp(&b.beta));
            let places = || of.iter().map(|net| net.place());
            let chart = chart.dashed("", ink, chosen.path.iter().copied()).line(name, ink, places());
            chart.dots("", ink, 6.0, places()).dots("", ink, 11.0, [chosen.place()])
        })
    }

    fn errors_under_attack(&self) -> Chart {
        let x = Axis::linear("inputs moved by ε").range(0.0, STRONGEST);
        let chart =
            Chart::of(x, Axis::log("error under attack")).at_x(format!("ε = {}", self.controls.attack), self.controls.attack);
        self.methods().fold(chart, |chart, (net, of)| chart.line(of.name, of.ink, net.attacks.iter().copied()))
    }

    fn residuals(&self) -> Chart {
        let (low, high) = RESIDUALS;
        let cell = (high - low) / CELLS as f64;
        let x = Axis::linear("prediction − f").range(low, high);
        let chart = Chart::of(x, Axis::linear("density of fresh points")).at_x("no error", 0.0);
        self.methods().fold(chart, |chart, (net, of)| {
            let mut counts = vec![0.0; CELLS];
            for residual in &net.residuals {
                let place = (residual - low) / cell;
                if (0.0..CELLS as f64).contains(&place) {
                    counts[place as usize] += 1.0 / (TEST as f64 * cell);
                }
            }
            // A triangle of two cells: a density rather than a histogram.
            let at = |i: usize, by: isize| i.checked_add_signed(by).and_then(|i| counts.get(i)).copied().unwrap_or(0.0);
            let density = |i: usize| (at(i, -1) + 2.0 * at(i, 0) + at(i, 1)) / 4.0;
            chart.line(of.name, of.ink, (0..CELLS).map(|i| (low + (i as f64 + 0.5) * cell, density(i))))
        })
    }

    fn kernels(&self) -> Matrix {
        let columns = 3 * SHOWN + 4;
        let mut values = vec![f32::NAN; SHOWN * columns];
        let shown = SHOWN.min(self.batch.y.len());
        if shown > 0 {
            for (m, matrix) in self.alike(shown).iter().enumerate() {
                for (i, row) in matrix.chunks_exact(shown).enumerate() {
                    let to = &mut values[i * columns + m * (SHOWN + 2)..][..shown];
                    to.iter_mut().zip(row).for_each(|(to, v)| *to = *v as f32);
                }
            }
        }
        Matrix {
            row: "point, by its target".into(),
            column: "inputs; codes; outputs".into(),
            value: Axis::linear("kernel").range(0.0, 1.0),
            columns,
            values,
            ..Matrix::default()
        }
    }

    /// CS-IB's kernels of the first points of the batch, by y: of inputs, of codes, of predictions with targets.
    fn alike(&self, points: usize) -> [Vec<f64>; 3] {
        let Batch { x, y, target_width, .. } = &self.batch;
        let mut order: Vec<usize> = (0..points).collect();
        order.sort_by(|a, b| y[*a].total_cmp(&y[*b]));
        let x: Vec<f64> = order.iter().flat_map(|i| x[i * INPUTS..][..INPUTS].iter().copied()).collect();
        let y: Vec<f64> = order.iter().map(|i| y[*i]).collect();
        let (mut code, mut out) = (Tape::default(), Tape::default());
        self.nets[0].encoder.network.forward(&x, &mut code);
        self.nets[0].decoder.network.forward(code.logits(), &mut out);
        let (k, _) = kernel_at_median(&x, INPUTS, self.controls.input_width);
        let (q, _) = kernel_at_median(code.logits(), CODE, 1.0);
        let across = Conditional::new(&k, &y, *target_width).across(out.logits());
        [k, q, across]
    }
}

views! { CauchySchwarzBottleneck, Controls:
    plane "The information plane" "A large dot is a network, dashed its way there. Right: less kept of the inputs. Down: smaller errors." => plane;
    attack "Under attack" "A line is a network: its error when each input is moved further and further in the worst direction." => errors_under_attack;
    residuals "Residuals on clean points" "A curve shows how often a network errs by how much. Narrow about the rule is good." => residuals;
    kernels "The kernels of a batch" "Three squares: how alike inputs, codes, and predictions with targets are. Points are in the order of their targets." => kernels;
}

impl Experiment for CauchySchwarzBottleneck {
    const CARD: Card = Card {
        slug: "cauchy-schwarz-bottleneck",
        title: "Which loss can ignore targets that are far wrong?",
        paper: Paper::new(
            "Cauchy-Schwarz Divergence Information Bottleneck for Regression",
            "Shujian Yu, Xi Yu, Sigurd Løkse, Robert Jenssen, José C. Príncipe",
            2024,
        )
        .venue("ICLR 2024")
        .arxiv("2404.17951"),
        claim: "A kernel-based bottleneck errs far less than squared errors when some targets are far too large.",
        criterion: "With 15 % of the targets moved up by as much as 60, CS-IB's error on clean points is at most 0.3 times that of the better of the variational bottleneck and the squared error, and so is its error when each input is moved by ε = 0.1 in the worst direction: ratios of means over three seeds.",
        figure: "error over that of the better rival, on clean points",
        reproduction: Reproduction::InPart,
        honesty: "Outliers are resisted here, on one synthetic problem, for the kernel on the targets and not for the bottleneck: Welsch's loss, that kernel alone, gets within a tenth of CS-IB's error. Without outliers neither error nor trade-off is better than the rivals'.",
        seeds: 3,
        presets: &[
            Preset::holds("default", "15 % outliers, all on one side", &[]),
            Preset::gone(
                "break-it",
                "No outliers: the squared error's assumption holds, and nothing is gained",
                &[("outliers", "0")],
            ),
            Preset::open(
                "wide kernel",
                "s_y = 3: the kernel sees the outliers as the squared error does",
                &[("target_width", "3")],
            ),
            Preset::holds(
                "no bottleneck",
                "β = 0 and c_x = 0.1: all that is left is −2 ln Σ κ(ŷ − y), Welsch's loss, and it resists as well",
                &[("beta", "0"), ("input_width", "0.1")],
            ),
            Preset::open(
                "trade-off",
                "Both bottlenecks at seven weights β, without outliers",
                &[("sweep", "on"), ("outliers", "0")],
            ),
            Preset::open("strong attack", "ε = 0.3", &[("attack", "0.3")]),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        let networks = networks(seed);
        let sweep = SWEEP.iter().filter(|beta| controls.sweep && **beta != controls.beta);
        let bottlenecks = [Objective::CauchySchwarz, Objective::Variational];
        let others = sweep.flat_map(|beta| bottlenecks.map(|objective| (objective, *beta)));
        let nets = Objective::ALL.into_iter().map(|objective| (objective, controls.beta)).chain(others);
        Ok(CauchySchwarzBottleneck {
            nets: nets.map(|(objective, beta)| Regressor::new(objective, beta, &networks)).collect(),
            controls: controls.clone(),
            seed,
            task: Task::new(controls.outliers, controls.input_width, seed),
            batch: Batch::default(),
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let (methods, sweep) = (0..METHODS.len(), METHODS.len()..self.nets.len());
        stage.span(0..if sweep.is_empty() { STEPS } else { 2 * STEPS });
        let mut randoms = Randoms::new(self.seed);
        for steps in [0..HALF, HALF..STEPS] {
            self = self.train(methods.clone(), steps.clone(), &mut randoms, &stage).await;
            self = self.attack(&stage).await;
            if steps.end == STEPS {
                stage.judged();
            }
            self = self.attacks(&stage).await;
        }
        if !sweep.is_empty() {
            let mut randoms = Randoms::new(self.seed);
            self = self.train(sweep, 0..STEPS, &mut randoms, &stage).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let [cs, vib, squared, absolute, welsch] = [0, 1, 2, 3, 4].map(|i| &self.nets[i]);
        let bias = |net: &Regressor| net.residuals.iter().sum::<f64>() / net.residuals.len() as f64;
        let compression = |net: &Regressor| net.place().0;
        let error = |net: &Regressor| net.place().1;
        measures! {
            cs: error(cs), vib: error(vib), squared: error(squared), absolute: error(absolute), welsch: error(welsch),
            cs_attacked: cs.attacked, vib_attacked: vib.attacked, squared_attacked: squared.attacked,
            absolute_attacked: absolute.attacked, welsch_attacked: welsch.attacked,
            cs_bias: bias(cs), vib_bias: bias(vib),
            cs_compression: compression(cs), vib_compression: compression(vib),
        }
    }

    fn sentence(&self) -> String {
        let errors = [0, 1, 2, 4].map(|i| self.nets[i].place().1);
        if self.nets[..METHODS.len()].iter().any(|net| net.path.is_empty()) {
            return "Training has begun; no error is measured yet.".into();
        }
        if errors.iter().any(|error| !error.is_finite()) {
            return "Training has diverged for one of the networks.".into();
        }
        let step = EVERY * self.nets[..METHODS.len()].iter().map(|net| net.path.len()).min().unwrap_or(0);
        let [cs, vib, squared, welsch] = errors.map(figure);
        format!(
            "By step {step}, on clean points CS-IB errs by {cs}, VIB by {vib}, the squared error by {squared}, Welsch's loss by {welsch}."
        )
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let [cs, vib, squared, absolute, welsch] = ["cs", "vib", "squared", "absolute", "welsch"].map(|name| runs.mean(name));
        let [cs_attacked, vib_attacked, squared_attacked] =
            ["cs_attacked", "vib_attacked", "squared_attacked"].map(|name| runs.mean(name));
        let others = vib.min(squared);
        let ratio = cs / others;
        let attacked = cs_attacked / vib_attacked.min(squared_attacked);
        let text = format!(
            "CS-IB errs by {}, {} times the better of VIB ({}) and the squared error ({}); under attack, {} times.",
            figure(cs),
            figure(ratio),
            figure(vib),
            figure(squared),
            figure(attacked)
        );
        Verdict::at_most(ratio, SHARE, text)
            .needs(at_most(attacked, SHARE))
            .rival("Welsch's loss, no bottleneck", welsch / others)
            .rival("the absolute error", absolute / others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{begun, judged, runs};

    type Run = CauchySchwarzBottleneck;

    #[test]
    fn outliers_are_ignored_and_without_them_nothing_is_gained() {
        let controls = Controls::default();
        let spoilt = runs::<Run>(&controls, 0..3);
        let verdict = Run::verdict(&controls, &spoilt);
        assert_eq!(verdict.holds, Some(true), "{}", verdict.text);
        // An error that does not grow with the square goes half of the way.
        let (least, most) = (spoilt.least("absolute"), spoilt.most("absolute"));
        assert!(least > 1.7 * spoilt.most("cs") && most < 0.65 * spoilt.least("vib"), "{spoilt:?}");
        let clean = runs::<Run>(&Controls { outliers: 0.0, ..controls }, 0..3);
        for names in [["cs", "vib", "squared"], ["cs_attacked", "vib_attacked", "squared_attacked"]] {
            let [cs, vib, squared] = names.map(|name| clean.mean(name));
            let ratio = cs / vib.min(squared);
            assert!((0.75..1.2).contains(&ratio), "{ratio}, {clean:?}");
        }
    }

    /// What the page says beyond the paper: a kernel on the error alone does it.
    #[test]
    fn the_kernel_on_targets_is_enough() {
        let both = judged::<Run>(&Controls::default(), 0).measures();
        assert!((0.9..1.25).contains(&(both.get("welsch") / both.get("cs"))), "{both:?}");
        let run = judged::<Run>(&Controls { beta: 0.0, input_width: 0.1, ..Controls::default() }, 0).measures();
        assert!(run.get("cs") < 0.3 * run.get("vib").min(run.get("squared")), "{run:?}");
        let wide = judged::<Run>(&Controls { target_width: 3.0, ..Controls::default() }, 0).measures();
        assert!(wide.get("cs") > 0.5 * wide.get("vib"), "{wide:?}");
    }

    #[test]
    fn the_sweep_adds_bottlenecks_at_other_weights() {
        let nets = |beta: f64| begun::<Run>(&Controls { sweep: true, beta, ..Controls::default() }, 0).nets.len();
        assert_eq!((nets(0.01), nets(0.1)), (5 + 12, 5 + 10));
    }
}
