//! Neural collapse, exact and nearly exact: features free to move only in the vicinity of given ones.
//!
//! Paper: Tirer, Huang & Niles-Weed, 2023. K classes of n features H (d×Kn) and a classifier W minimise
//! f(W,H) = (1/2Kn)‖WH−Y‖² + (λ_W/2K)‖W‖² + (λ_H/2Kn)‖H‖², alone (they collapse to a simplex) or with (β/2Kn)‖H−H₀‖².
//! The paper proves that along the flow dH/dt = −[Wᵀ(WH−Y)+λ_H H] with the best W, NC1~ = Tr Σ_W/Tr Σ_B falls at every moment, and that the
//! optimum near collapse is a linear map of H₀. Worked out here around the optimum of the same λ's, that map shrinks the within-class
//! deviations of H₀ by ρ_in = β/(β+√(λ_H/λ_W)) inside the span of the class means and by ρ_out = β/(β+λ_H) outside, so that NC1 falls to
//! ρ_in² of what it was. Claim: both are so, the second within 3 %. Beside it: a real network on digits, with and without weight decay.

mod film;
mod layers;
mod scenes;
mod sweep;

use methods::network::dense::Loss;
use methods::neural_collapse::models::{BlockDescent, CentralPath, FeaturesModel, FirstOrder, NearCollapse, far_from_collapse};
use methods::neural_collapse::training::{Epoch, Training};
use methods::neural_collapse::{Collapse, Means, Variability};
use nalgebra::DMatrix;
use run::prelude::*;

use film::Film;
use scenes::{EPOCHS, ON_THE_PATH, beside};
use sweep::{Fourfold, Sweep};

choice! {
    /// What is shown in motion.
    pub enum Act { Collapse => "collapse", Vicinity => "vicinity", Network => "network" }
}

choice! {
    /// Where the given features H₀ come from.
    pub enum Base { Near => "near collapse", FirstLayer => "network" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        beta "pull to the given features": LogZero(1e-3, 1e4) = 0.5, "β", "How strongly features are held where they were. 0: free, and they collapse wholly. Large: they cannot move.";
        act "show": Choice(Act) = Act::Vicinity, "", "What moves: free features, features in the vicinity of given ones, or a network in training.";
        noise "distance from collapse": Log(0.01, 2.0) = 0.05, "v₀", "Spread of the given features within their classes. Small: the formula is right. Large: the classifier moves too, and it fails.";
        lambda_h "decay of the features": Log(1e-4, 2.0) = 5e-3, "λ_H", "Cost of long features. More: more collapse; from √(λ_H λ_W) = 1 on, the best features are zero.";
        lambda_w "decay of the classifier": Log(1e-4, 2.0) = 5e-3, "λ_W", "Cost of large weights of the classifier. More: less collapse; from √(λ_H λ_W) = 1 on, the best features are zero.";
        classes "classes": Count(2, 10) = 4, "K", "How many classes there are, which is how many corners the simplex has: segment, triangle, tetrahedron and so on.";
        base "given features": Choice(Base) = Base::Near, "H₀", "What the features are held to: a collapsed optimum with noise, or the first hidden layer of the network.", when act ["vicinity", "network"];
        weight_decay "weight decay": LogZero(1e-5, 5e-3) = 1e-3, "λ", "Of the network. 0: the classifier does not turn towards the class means. At 0.001 the spread falls farthest; at 0.005 it hardly falls.", when act ["vicinity", "network"], when act ["network"] or base ["network"];
        loss "loss of the network": Choice(Loss) = Loss::Squared, "", "What the network minimises. Squared: it collapses in this time; cross-entropy: far more slowly.", when act ["vicinity", "network"], when act ["network"] or base ["network"];
    }
}

/// Samples a class of the features model, its dimensions a class, and steps of the central path.
const PER_CLASS: usize = 20;
const DIMENSIONS: usize = 2;
const PATH_STEPS: usize = 400;
/// Training errors up to this are the terminal phase.
const TERMINAL: f64 = 0.01;
/// How far from the formula what is left of NC1 may be, as a share of it; a share of this where the formula says less.
const OFF: f64 = 0.03;
const LEAST: f64 = 1e-7;
/// Below this, what varies within the classes is rounding.
const ROUNDING: f64 = 1e-20;
/// Dots a curve over β; fewer where a solution costs a thousand times as much.
const BETAS: (usize, usize) = (25, 13);

/// NC1 of features ordered by class.
fn variability(h: &DMatrix<f64>, labels: &[u8]) -> Variability {
    let classes = usize::from(labels[labels.len() - 1]) + 1;
    Variability::of(h, labels, &Means::of(h, labels, classes))
}

/// A descent is done when its last sweep has changed the objective by less than `change`, or it is no longer worth going on.
fn solved(descent: &BlockDescent, change: f64) -> bool {
    descent.change < change || descent.sweeps >= 20_000
}

/// The model of the controls.
fn model(controls: &Controls) -> FeaturesModel {
    let &Controls { lambda_h, lambda_w, classes, .. } = controls;
    FeaturesModel { classes, per_class: PER_CLASS, lambda_h, lambda_w }
}

/// Are the given features the network's?
fn from_network(controls: &Controls) -> bool {
    controls.base == Base::FirstLayer && controls.act != Act::Collapse
}

/// A run: the verdict's numbers, then what is to be shown, then the show, the dots over β filling up beside it.
pub struct NeuralCollapse {
    controls: Controls,
    model: FeaturesModel,
    /// Features near collapse, far from it, and those with which a film of the model begins.
    near: DMatrix<f64>,
    far: DMatrix<f64>,
    start: DMatrix<f64>,
    /// Variability of the features near collapse, and of what the vicinity model makes of them.
    given: Variability,
    moved: Variability,
    /// NC1~ along the central path.
    traces: Vec<f64>,
    training: Option<Training>,
    film: Film,
    sweep: Option<Sweep>,
}

impl NeuralCollapse {
    /// How far the vicinity model moves the given features, and whether NC1~ falls along the central path.
    async fn contract(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let labels = self.model.labels();
        // Where the best features are 0 there is nothing to contract.
        if self.model.shrinkage() < 1.0 {
            let mut descent = BlockDescent::new(self.model.clone(), self.controls.beta, self.near.clone());
            while !solved(&descent, 1e-12) {
                descent.sweep();
                self = stage.part(self).await;
            }
            self.moved = variability(&descent.h, &labels);
        }
        let mut path = CentralPath::new(self.model.clone(), self.far.clone());
        while path.steps < PATH_STEPS {
            if path.stage() {
                self.traces.push(variability(&path.h, &labels).traces);
            }
            self = stage.part(self).await;
        }
        self
    }

    /// The largest change of NC1~ in one step of the whole path, as long as NC1~ is more than rounding; negative where it falls at every
    /// step. NaN before the path is whole.
    fn largest_change(&self) -> f64 {
        let steps = self.traces.windows(2).filter(|pair| pair[0] > 1e-24);
        let change = steps.fold(f64::NEG_INFINITY, |most, pair| most.max(pair[1] - pair[0]));
        if self.traces.len() == PATH_STEPS + 1 { change } else { f64::NAN }
    }

    /// The next dot over β.
    async fn dot(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        while self.sweep.as_mut().is_some_and(|sweep| !sweep.advance()) {
            self = stage.part(self).await;
        }
        self
    }
}

/// The views.
impl NeuralCollapse {
    fn features(&self) -> Space {
        self.film.space()
    }

    fn metrics(&self) -> Chart {
        let mut chart = self.film.metrics();
        // While the film is of the training, which is also so until the path from its first layer begins.
        if let Some(training) = self.training.as_ref().filter(|_| self.film.clock != ON_THE_PATH) {
            let end = training.epochs() as f64;
            chart.x = chart.x.range(0.0, end);
            if let Some(from) = training.first_below(TERMINAL).map(|log| log.epoch as f64) {
                chart.marks.insert(0, Mark::Span { label: "terminal phase".into(), from, to: end });
                chart = chart.at_x("error ≤ 1 %", from);
            }
        }
        // The vicinity model is an implicit step of length 1/β along the path.
        let reached = self.film.shots.last().map_or(0.0, |shot| shot.at);
        let there = self.film.clock == ON_THE_PATH && self.controls.beta * reached >= 1.0;
        if there { chart.at_x("t = 1/β", 1.0 / self.controls.beta) } else { chart }
    }

    fn cosines(&self) -> Matrix {
        self.film.cosines()
    }

    fn left(&self) -> View {
        match &self.sweep {
            Some(sweep) => sweep.chart(self.controls.beta).into(),
            None if from_network(&self.controls) => View::nothing("The given features come when the network is trained."),
            None => View::nothing("The best features are 0: nothing to contract."),
        }
    }

    /// β where its handle was dragged to.
    fn beta(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        let beta = format!("{:.1e}", at.0.clamp(1e-3, 1e4)).parse().ok()?;
        (at.0 > 0.0).then(|| Controls { beta, ..controls.clone() })
    }
}

views! { NeuralCollapse, Controls:
    features "Features and class means" "Small dots are features, large ones class means, arrows the classifier's rows, dashes the simplex. Turn it." => features;
    metrics "Distance from collapse" "Every line is one distance from collapse: the lower, the nearer. Dashed: the same of the classifier." => metrics;
    cosines "Angles between class means" "A cell is the cosine between two class means; at collapse all pairs have the same." => cosines;
    contraction "How much variability is left" "Dots are measured, lines named by ρ are the formula. Left: features are free; right: held. Drag β." => left, dragged: beta;
    layers "From layer to layer" "Variability within the classes, layer by layer, or of the given features and of the moved ones." => layers;
}

impl Experiment for NeuralCollapse {
    const CARD: Card = Card {
        slug: "neural-collapse-perturbation",
        title: "Can a formula foretell how far features collapse?",
        paper: Paper::new("Perturbation Analysis of Neural Collapse", "Tom Tirer, Haoxiang Huang, Jonathan Niles-Weed", 2023)
            .venue("ICML 2023")
            .arxiv("2210.16658"),
        claim: "Near collapse, a simple formula foretells how much spread within classes is left when features are held.",
        criterion: "Of the NC1 of nearly collapsed features that are held with strength β, the optimum leaves (β/(β+√(λ_H/λ_W)))², a ninth at the default, within 3 % of that value; and NC1~ falls at every one of 400 steps along the central path; both in each of three seeds. In forty seeds the formula is off by 0.5 to 2.1 % at the default.",
        figure: "error of the formula, as a share of what it says",
        reproduction: Reproduction::AsClaimed,
        honesty: "The paper proves that NC1~ falls along the path and that the optimum near collapse is a linear map of the given features; the factor of NC1 is that map, worked out here around an optimum of the same λ's. The small network contracts from layer to layer as deep ones do in the paper, but its class means do not become equally long.",
        seeds: 3,
        unit: "frame",
        presets: &[
            Preset::holds(
                "default",
                "Features held near nearly collapsed ones, and a path towards collapse: watch the spread",
                &[],
            ),
            Preset::gone("break-it", "Nearness to collapse is taken away: compare dots and formula", &[("noise", "1")]),
            Preset::open("collapse", "Free features of four classes: watch where the class means go", &[("act", "collapse")]),
            Preset::open("frozen", "A pull so strong that features are held in place: watch the spread", &[("beta", "10000")])
                .within(&[("nc1_ratio", 0.999, 1.0)]),
            Preset::open(
                "triangle",
                "Free features of three classes: watch where the class means go",
                &[("act", "collapse"), ("classes", "3")],
            ),
            Preset::outside(
                "vanish",
                "Both decays are very strong: watch the features",
                &[("act", "collapse"), ("lambda_h", "1.5"), ("lambda_w", "1")],
            ),
            Preset::open(
                "network",
                "A network learns digits, and training goes on: watch the terminal phase",
                &[("act", "network")],
            ),
            Preset::open(
                "no weight decay",
                "The network without weight decay: watch classifier and class means",
                &[("act", "network"), ("weight_decay", "0")],
            ),
            Preset::open(
                "cross-entropy",
                "The network with the loss that most are trained with: watch the spread",
                &[("act", "network"), ("loss", "cross-entropy")],
            ),
            Preset::open(
                "first layer",
                "The features of a network's first hidden layer are held: compare dots and formula",
                &[("base", "network")],
            ),
        ],
        data: &[Dataset::Digits],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let model = model(controls);
        let dimension = DIMENSIONS * controls.classes;
        let near = NearCollapse::new(&model, dimension, controls.noise, &mut Random::new(seed, "near collapse")).features;
        let far = far_from_collapse(&model, dimension, &mut Random::new(seed, "far from collapse"));
        let (labels, vanished) = (model.labels(), model.shrinkage() >= 1.0);
        let all = [Fourfold::Neither, Fourfold::LambdaH, Fourfold::LambdaW];
        let given = (!from_network(controls) && !vanished).then(|| near.clone());
        let mut run = NeuralCollapse {
            controls: controls.clone(),
            sweep: given.map(|near| Sweep::new(&model, near, controls.beta, BETAS.0, &all)),
            start: far.clone(),
            model,
            given: if vanished { Variability::NONE } else { variability(&near, &labels) },
            moved: Variability::NONE,
            traces: vec![variability(&far, &labels).traces],
            near,
            far,
            training: None,
            film: Film::new(ON_THE_PATH),
        };
        run.first_shot(seed, library)?;
        Ok(run)
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let epochs = self.training.as_ref().map_or(0, Training::epochs);
        stage.span(0..epochs + PATH_STEPS / 2 + 1);
        self = self.contract(&stage).await;
        stage.judged();
        self = if self.training.is_some() {
            self.film_training(&stage).await
        } else if self.controls.act == Act::Collapse {
            self.film_descent(&stage).await
        } else {
            let path = CentralPath::new(self.model.clone(), self.start.clone());
            self.film_path(path, &stage).await
        };
        self.film.cut();
        let frames = self.film.shots.len();
        let dots = self.sweep.as_ref().map_or(0, Sweep::dots);
        stage.span(epochs..epochs + frames.max(dots));
        for i in 0..frames.max(dots) {
            self.film.shown = i.min(frames - 1);
            if i < dots {
                self = self.dot(&stage).await;
            }
            self = stage.next(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let Self { given, moved, traces, .. } = self;
        let theory = FirstOrder::of(&self.model, self.controls.beta);
        let own = from_network(&self.controls);
        let given_share = self.sweep.as_ref().filter(|_| !own).map_or(f64::NAN, |sweep| sweep.share);
        let layer = self.sweep.as_ref().filter(|_| own);
        let of_layer = |part: fn(&Variability) -> f64| {
            layer.and_then(|sweep| Some(part(sweep.done.first()?) / part(&sweep.given))).unwrap_or(f64::NAN)
        };
        // The free features' end is known when the film is cut.
        let free = self.film.shots.last().filter(|_| self.controls.act == Act::Collapse && self.film.is_cut);
        let of_free = |part: fn(&Collapse) -> f64| free.and_then(|shot| shot.collapse.as_ref()).map_or(f64::NAN, part);
        let training = self.training.as_ref();
        let (terminal, end) = (training.and_then(|t| t.first_below(TERMINAL)), training.and_then(Training::end));
        let at_end = |part: fn(&Epoch) -> f64| end.map_or(f64::NAN, part);
        let since = |part: fn(&Epoch) -> f64| at_end(part) / terminal.map_or(f64::NAN, part);
        measures! {
            given_nc1: given.nc1, moved_nc1: moved.nc1,
            nc1_ratio: moved.nc1 / given.nc1, first_order_nc1_ratio: theory.nc1(),
            traces_ratio: moved.traces / given.traces, first_order_traces_ratio: theory.traces(given_share),
            path_start: traces[0], path_end: traces[traces.len() - 1],
            path_largest_change: self.largest_change(),
            layer_nc1_ratio: of_layer(|v| v.nc1), layer_traces_ratio: of_layer(|v| v.traces),
            free_nc1: of_free(|c| c.variability.nc1),
            free_max_angle: of_free(|c| c.means.max_angle),
            free_self_duality: of_free(|c| c.self_duality),
            network_error: at_end(|log| log.error),
            network_terminal_epoch: terminal.map_or(f64::NAN, |log| log.epoch as f64),
            network_traces: at_end(|log| log.layers[1].variability.traces),
            network_traces_ratio: since(|log| log.layers[1].variability.traces),
            network_layer_drop: at_end(|log| log.layers[0].variability.traces / log.layers[1].variability.traces),
            network_self_duality_ratio: since(|log| log.collapse.self_duality),
        }
    }

    fn sentence(&self) -> String {
        let Some(shot) = self.film.now() else { return "Nothing is measured yet.".into() };
        let Some(collapse) = &shot.collapse else { return "The features have vanished: nothing is left to collapse.".into() };
        let left = self.moved.nc1 / self.given.nc1;
        let left =
            if left.is_finite() { format!("; held near collapse, {} of NC1 is left", percent(left)) } else { String::new() };
        let (spread, at) = (collapse.variability.traces, shot.at as usize);
        let time = match self.film.clock {
            ON_THE_PATH => format!("Time {} on the path", figures(shot.at, 3)),
            EPOCHS => format!("Epoch {at}"),
            _ => format!("Sweep {at}"),
        };
        match spread < ROUNDING {
            true => format!("{time}: the classes have collapsed into points{left}."),
            false => format!("{time}: variance within classes is {} of that between them{left}.", figure(spread)),
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        let (model, beside) = (model(controls), beside(runs));
        let c = model.shrinkage();
        if c >= 1.0 {
            return Verdict::outside(format!(
                "√(λ_H λ_W) = {} is 1 or more: features vanish, and there is nothing to collapse.{beside}",
                figures(c, 3)
            ));
        }
        let (least, ratio, change) = (runs.least("nc1_ratio"), runs.most("nc1_ratio"), runs.most("path_largest_change"));
        let theory = FirstOrder::of(&model, controls.beta).nc1();
        let off = (ratio - theory).abs().max((least - theory).abs()) / theory.max(LEAST);
        let text = format!(
            "{} the given features' NC1 is left; first-order theory says {}, {} {}. \
             Along the central path NC1~ {} (largest change {}).{beside}",
            span(least, ratio),
            figures(theory, 3),
            if off <= OFF { "right within" } else { "wrong by up to" },
            percent(off),
            if change < 0.0 { "falls at every step" } else { "does not fall at every step" },
            figure(change),
        );
        Verdict::at_most(off, OFF, text).needs((!change.is_nan()).then_some(change < 0.0))
    }

    fn results(&self) -> Vec<Array> {
        vec![self.film.table()]
    }
}

/// One number, or from where to where.
fn span(low: f64, high: f64) -> String {
    let [low, high] = [low, high].map(|value| figures(value, 3));
    if low == high { format!("{low} of") } else { format!("{low} to {high} of") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{judged, runs};

    type Nc = NeuralCollapse;

    #[test]
    fn features_in_the_vicinity_contract_as_the_formula_says() {
        for measures in runs::<Nc>(&Controls::default(), 100..105).iter() {
            assert!((0.1110..0.1145).contains(&measures.get("nc1_ratio")), "{measures:?}");
            let gap = measures.get("traces_ratio") - measures.get("first_order_traces_ratio");
            assert!(gap.abs() < 0.005, "{measures:?}");
            assert!(measures.get("path_end") < 0.7 * measures.get("path_start"), "{measures:?}");
        }
    }

    /// Other λ's and β's, and where theory must fail.
    #[test]
    fn the_formula_has_its_range() {
        let base = Controls::default();
        for (controls, expected) in [
            (Controls { beta: 0.1, ..base.clone() }, 1.0 / 121.0),
            (Controls { lambda_h: 2e-2, ..base.clone() }, 0.04),
            (Controls { lambda_w: 2e-2, ..base.clone() }, 0.25),
            (Controls { classes: 10, ..base.clone() }, 1.0 / 9.0),
            (Controls { classes: 2, ..base.clone() }, 1.0 / 9.0),
        ] {
            let ratio = judged::<Nc>(&controls, 0).measures().get("nc1_ratio");
            assert!((ratio / expected - 1.0).abs() < 0.05, "{controls:?}: {ratio}");
        }
        for (controls, holds) in [(Controls { noise: 1.0, ..base.clone() }, false), (Controls { beta: 0.0, ..base }, true)] {
            let runs = runs::<Nc>(&controls, 0..1);
            assert!(if holds { runs.most("nc1_ratio") < 1e-9 } else { runs.least("nc1_ratio") > 0.2 }, "{runs:?}");
            assert_eq!(Nc::verdict(&controls, &runs).holds, Some(holds));
        }
    }

    #[test]
    fn dragging_sets_beta() {
        let beta = |at: (f64, f64)| Nc::beta(&Controls::default(), at).map(|controls| controls.beta);
        assert_eq!(beta((0.012_345, 0.3)), Some(0.012));
        assert_eq!(beta((1e9, 0.3)), Some(1e4));
        assert_eq!(beta((-1.0, 1.0)), None);
    }
}
