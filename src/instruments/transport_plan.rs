//! Two measures, the cheapest way from one to the other, and what every solver makes of it.
//!
//! Reference: Peyré & Cuturi, "Computational optimal transport", 2019. W = min ⟨C, P⟩ over plans P ≥ 0 with P1 = r, Pᵀ1 = c. Prices x, y with
//! xᵢ + yⱼ ≤ C_ij prove that no plan costs less than Σ rx + Σ cy. So every solver can be judged by itself: its plan, mended to its marginals,
//! gives a cost that W is not above, its prices, made feasible, a value that W is not below.
//! Claim of trust: the exact solver proves its cost to 1e-9, and the second solver's two bounds hold it between them, 1 % apart at most.

mod colours;
mod course;
mod measures;
mod others;
mod pair;
mod pictures;

use crate::Result;
use crate::claim::{Measures, Verdict, most};
use crate::data::{Array, Dataset, Library};
use crate::experiment::{Card, Experiment, Panel, Paper, Preset, Progress, Reproduction};
use crate::gpu::Device;
use crate::view::View;
use others::{Middle, Shapes};
use pair::Pair;

choice! {
    /// What is transported.
    pub enum Problem {
        Clouds => "clouds",
        Histograms => "histograms",
        Pictures => "pictures",
        Colours => "colours",
        Graph => "graph",
        Shapes => "shapes",
        Barycenter => "barycenter",
    }
}

choice! {
    /// A measure that is made.
    pub enum Shape {
        Blob => "blob",
        Two => "two blobs",
        Ring => "ring",
        Moons => "moons",
        Square => "square",
        Spiral => "spiral",
        Cross => "cross",
        Zero => "digit 0",
        Three => "digit 3",
        Eight => "digit 8",
    }
}

choice! {
    /// What moving a unit of mass costs.
    pub enum Price {
        Squared => "squared distance",
        Distance => "distance",
        Power => "distance to the p",
        Manhattan => "L1",
        Walls => "round walls",
    }
}

choice! {
    /// Who solves.
    pub enum Solver {
        Exact => "exact",
        Sinkhorn => "Sinkhorn",
        Scaling => "Sinkhorn, scaling",
        Annealed => "Sinkhorn, annealed",
        Newton => "Sinkhorn-Newton",
        Greenkhorn => "Greenkhorn",
        Quadratic => "quadratic",
        KSparse => "k-sparse",
        Unbalanced => "unbalanced",
        Partial => "partial",
        Sliced => "sliced",
        MaxSliced => "max-sliced",
        Line => "along the first axis",
        Gaussian => "Gaussian",
    }
}

choice! {
    /// What dragging the handle does.
    pub enum Pen { Move => "moves the source", Source => "draws the source", Target => "draws the target", Erase => "erases" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        problem: Choice(Problem) = Problem::Clouds, "", "what is moved: points, a histogram, ink, colours, crowds in streets; or two shapes matched by their inner distances, or what lies between several";
        source: Choice(Shape) = Shape::Ring, "", "where the mass is";
        target: Choice(Shape) = Shape::Two, "", "where it must go";
        size: LogCount(2, 2000) = 100, "n", "places a side; the exact plan takes about n² log n to n³ steps";
        cost: Choice(Price) = Price::Squared, "", "squared: no two straight paths cross; plain distance: ties, and ways that share a line; walls: ways bend";
        power: Real(0.2, 4.0) = 0.5, "p", "for the distance to the p: below 1 one long move is cheaper than two short ones";
        solver: Choice(Solver) = Solver::Exact, "", "the first solver";
        beside: Choice(Solver) = Solver::Annealed, "", "the second one, side by side with it";
        epsilon: Log(0.0003, 1.0) = 0.001, "ε", "as a share of the largest cost; larger: a blurred plan, quickly found; smaller: sharp and slow";
        price: Log(0.001, 10.0) = 0.05, "ρ", "unbalanced: what a missing unit costs, as a share of the largest cost; small: far mass stays";
        share: Real(0.05, 1.0) = 0.6, "m", "partial: how much of the mass moves";
        kept: Count(1, 50) = 8, "k", "k-sparse: the most entries a column may have";
        directions: LogCount(5, 2000) = 200, "L", "slices: how many lines";
        time: Real(0.0, 1.0) = 0.5, "t", "how far on its way the mass is shown";
        bridge: Toggle() = false, "", "show the way with noise on it: the Schrödinger bridge of the second plan, if that is entropic";
        log_colour: Toggle() = false, "", "colours of the plan's matrix by the logarithm: shows what is small";
        space: Toggle() = false, "", "clouds in three dimensions: a bowl and a saddle; turn them";
        shift_x: Real(-1.9, 1.9) = -0.9, "", "where the source stands";
        shift_y: Real(-1.9, 1.9) = 0.0, "", "where the source stands";
        pen: Choice(Pen) = Pen::Move, "", "what dragging the handle in the first picture does: move, draw clouds or histograms by hand, or erase";
        drawn_source: Text(6000) = "", "", "the source as drawn: points 'x y' with ; between them";
        drawn_target: Text(6000) = "", "", "the target as drawn";
        measures: Count(2, 4) = 3, "K", "barycenter: of how many measures";
        third: Choice(Shape) = Shape::Cross, "", "barycenter: the third measure";
        fourth: Choice(Shape) = Shape::Spiral, "", "barycenter: the fourth measure";
        weight_x: Real(-1.0, 1.0) = 0.0, "", "barycenter: where the weights' handle stands; at a corner one measure has all the weight";
        weight_y: Real(-1.0, 1.0) = 0.0, "", "barycenter: the same, upwards";
    }
}

/// What a run is about.
enum Subject {
    Pair(Box<Pair>),
    Middle(Box<Middle>),
    Shapes(Box<Shapes>),
}

/// A run.
pub struct TransportPlan {
    controls: Controls,
    subject: Subject,
    done: usize,
}

impl Experiment for TransportPlan {
    type Controls = Controls;

    const CARD: Card = Card {
        slug: "transport-plan",
        title: "Optimal-transport plan",
        paper: Paper { title: "Computational Optimal Transport", authors: "Gabriel Peyré, Marco Cuturi", year: 2019 },
        claim: "The exact solver proves its cost to one part in 10⁹, and the second solver's own bounds hold that cost between them, at most 1 % apart.",
        reproduction: Reproduction::AsClaimed,
        honesty: "A regularised plan's ⟨C, P⟩ is not W, and where its marginals do not hold it is no bound either: the readings give it, the cost of the mended plan and the value of feasible prices side by side; work is counted in passes over the costs, not in seconds.",
        seeds: 3,
        unit: "slice",
        views: &[
            Panel {
                id: "plan",
                title: "The plan",
                look: "Every line is mass on its way; the darker, the more. Drag the handle.",
            },
            Panel {
                id: "beside",
                title: "The second solver's plan",
                look: "The same measures in other hands: what is blurred, left out or left behind?",
            },
            Panel {
                id: "between",
                title: "Between the two",
                look: "The mass on its way at time t; for colours the pictures, for a barycenter the measures.",
            },
            Panel {
                id: "matrix",
                title: "The plan as a matrix",
                look: "Places in order along the way from one mean to the other: a band is a map that keeps this order.",
            },
            Panel {
                id: "marginals",
                title: "What leaves and what arrives",
                look: "Dashed what was asked for; unbalanced and partial plans stay below it.",
            },
            Panel {
                id: "potential",
                title: "The price of leaving",
                look: "Mass goes downhill on it; where its slope jumps, the map tears.",
            },
            Panel {
                id: "convergence",
                title: "Convergence",
                look: "Errors of the marginals, and dashed the gaps between both bounds, against work.",
            },
            Panel {
                id: "epsilon",
                title: "Cost against ε",
                look: "Where do the costs of blurred plans leave the exact one's line?",
            },
            Panel { id: "readings", title: "Readings", look: "The bounds are what to believe." },
        ],
        presets: &[
            Preset { name: "default", about: "A ring onto two blobs, exactly and by annealed Sinkhorn", set: &[] },
            Preset {
                name: "break-it",
                about: "A large ε: the second plan is a blur, and its bounds say next to nothing",
                set: &[("epsilon", "0.1"), ("beside", "Sinkhorn")],
            },
            Preset {
                name: "histograms",
                about: "On a line the plan is monotone",
                set: &[("problem", "histograms"), ("beside", "quadratic"), ("source", "blob")],
            },
            Preset {
                name: "walls",
                about: "Ways round walls, at plain distance",
                set: &[("cost", "round walls"), ("source", "square"), ("target", "ring"), ("epsilon", "0.005")],
            },
            Preset {
                name: "colours",
                about: "A forest's colours for a dusk",
                set: &[("problem", "colours"), ("size", "400"), ("beside", "sliced")],
            },
            Preset {
                name: "unbalanced",
                about: "Mass that is too far away stays",
                set: &[("beside", "unbalanced"), ("target", "spiral"), ("epsilon", "0.005"), ("price", "0.02")],
            },
            Preset {
                name: "shapes",
                about: "A digit and the same digit elsewhere, matched by inner distances alone",
                set: &[("problem", "shapes"), ("source", "digit 3"), ("target", "digit 3"), ("epsilon", "0.003")],
            },
            Preset {
                name: "barycenter",
                about: "What lies between a ring, two blobs and a cross",
                set: &[("problem", "barycenter"), ("epsilon", "0.001")],
            },
            Preset {
                name: "streets",
                about: "Crowds in a town's streets",
                set: &[("problem", "graph"), ("size", "400"), ("cost", "distance"), ("epsilon", "0.005")],
            },
            Preset {
                name: "ink",
                about: "A handwritten 0 becomes a 3",
                set: &[("problem", "pictures"), ("source", "digit 0"), ("target", "digit 3"), ("epsilon", "0.003")],
            },
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Two point clouds (csv or npy: columns x, y, z and weight), two histograms (one column), two pictures (npy: height × width, with colours × 3), or a cost matrix, alone or with the masses of its rows and columns.",
        ),
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let subject = match controls.problem {
            Problem::Barycenter => Subject::Middle(Box::new(Middle::new(controls, library)?)),
            Problem::Shapes => Subject::Shapes(Box::new(Shapes::new(controls, seed, library)?)),
            _ => Subject::Pair(Box::new(Pair::new(controls, seed, library)?)),
        };
        Ok(TransportPlan { controls: controls.clone(), subject, done: 0 })
    }

    async fn step(&mut self, device: &Device) -> Result<Progress> {
        let over = match &mut self.subject {
            Subject::Pair(pair) => pair.step(&self.controls, device).await?,
            Subject::Middle(middle) => middle.step(),
            Subject::Shapes(shapes) => shapes.step(),
        };
        self.done += 1;
        Ok(Progress { done: self.done, of: if over { self.done } else { (self.done + 1).max(100) } })
    }

    fn view(&self, which: usize) -> View {
        match &self.subject {
            Subject::Pair(pair) => pair.picture(which, &self.controls),
            Subject::Middle(middle) => middle.picture(which, &self.controls),
            Subject::Shapes(shapes) => shapes.picture(which, &self.controls),
        }
    }

    fn measures(&self) -> Measures {
        match &self.subject {
            Subject::Pair(pair) => pair.measures(),
            _ => measures! { exact: f64::NAN, exact_gap: f64::NAN, bracket: f64::NAN, outside: f64::NAN },
        }
    }

    fn verdict(runs: &[Measures]) -> Verdict {
        let (bracket, gap, outside) = (most(runs, "bracket"), most(runs, "exact_gap"), most(runs, "outside"));
        let text = if bracket.is_nan() {
            "No verdict: this takes a second solver with bounds from both sides, and the exact cost beside it.".into()
        } else {
            let inside = if outside <= 1e-12 { "hold the exact cost between them" } else { "miss the exact cost" };
            format!(
                "The second solver's bounds {inside} and are {:.3} % of it apart{}; the exact solver's are {gap:.0e} apart.",
                100.0 * bracket,
                if runs.len() == 1 { "" } else { " at the most" },
            )
        };
        Verdict::at_most(bracket, 0.01, text).and(gap <= 1e-9 && outside <= 1e-12)
    }

    fn results(&self) -> Vec<Array> {
        match &self.subject {
            Subject::Pair(pair) => pair.results(),
            Subject::Middle(middle) => middle.results(),
            Subject::Shapes(shapes) => shapes.results(),
        }
    }

    fn pointer(controls: &Controls, which: usize, at: (f64, f64)) -> Option<Controls> {
        if which != 0 {
            return None;
        }
        pictures::dragged(controls, at)
    }
}
