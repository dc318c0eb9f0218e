//! Two measures, the cheapest way from one to the other, and what every solver makes of it.
//!
//! Reference: Peyré & Cuturi, "Computational optimal transport", 2019. W = min ⟨C, P⟩ over plans P ≥ 0 with P1 = r, Pᵀ1 = c. Prices x, y with
//! xᵢ + yⱼ ≤ C_ij prove that no plan costs less than Σ rx + Σ cy. So every solver can be judged by itself: its plan, mended to its marginals,
//! gives a cost that W is not above, its prices, made feasible, a value that W is not below.
//! Claim of trust: the exact solver proves its cost to 1e-9, and the second solver's two bounds hold it between them, 1 % apart at most.

mod barycenter;
mod charts;
mod colours;
mod costs;
mod course;
mod engine;
mod gromov;
mod ladder;
mod light;
mod look;
mod made;
mod marginals;
mod own;
mod pair;
mod pen;
mod pictures;
mod plans;
mod results;
mod sketch;
#[cfg(test)]
mod tests;

use barycenter::Middle;
use gromov::Shapes;
use pair::{JOINED, Pair};
use run::prelude::*;

run::instrument!(TransportPlan);

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
        Light => "light bridge",
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

choice! {
    /// What a file of one column holds.
    pub enum Files { Told => "as the file says", Samples => "samples", Heights => "heights" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        problem "what is moved": Choice(Problem) = Problem::Clouds, "", "Points, a histogram, ink, colours or crowds in streets; or two shapes matched by inner distances, or what lies between several.";
        source: Choice(Shape) = Shape::Ring, "", "The shape of the mass where it is now.", when problem ["clouds", "histograms", "pictures", "graph", "shapes", "barycenter"];
        target: Choice(Shape) = Shape::Two, "", "The shape in which the mass is wanted.", when problem ["clouds", "histograms", "pictures", "graph", "shapes", "barycenter"];
        epsilon "blur": Log(0.0003, 1.0) = 0.001, "ε", "Weight of the entropy, as a share of the largest cost. Small: a sharp plan, slowly found; large: a blurred one, soon.";
        beside "second solver": Choice(Solver) = Solver::Annealed, "", "Who solves the same task once more, for comparison.", when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        time: Real(0.0, 1.0) = 0.5, "t", "How far on its way the mass is shown. 0: at the source; 1: at the target.", when problem ["clouds", "histograms", "pictures", "graph", "shapes"];
        cost: Choice(Price) = Price::Squared, "", "What moving a unit of mass costs. Squared: many short ways; distance: ties; walls: the square of the way round them.", when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        power "exponent": Real(0.2, 4.0) = 0.5, "p", "Of the distance. Below 1: one long move is cheaper than two short ones; above: the reverse.", when cost ["distance to the p"], when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        size "places": LogCount(2, 2000) = 100, "n", "Places on each side. Few: solved at once; many: the exact plan takes about n² log n to n³ steps.", when problem ["clouds", "histograms", "colours", "graph", "shapes"];
        solver "first solver": Choice(Solver) = Solver::Exact, "", "Who solves the task that 'The plan' shows; the exact one proves the cheapest cost.", when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        price "price of missing mass": Log(0.001, 10.0) = 0.05, "ρ", "Unbalanced solver: what a missing unit costs, as a share of the largest cost. Small: far mass stays; large: all must move.", when solver ["unbalanced"] or beside ["unbalanced"], when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        share "mass to move": Real(0.05, 1.0) = 0.6, "m", "Partial solver: how much of the mass moves. Small: only the cheapest; 1: all of it.", when solver ["partial"] or beside ["partial"], when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        kept "entries per column": Count(1, 50) = 8, "k", "K-sparse solver: the most entries that a column of the plan may have. Few: rows hold only roughly.", when solver ["k-sparse"] or beside ["k-sparse"], when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        directions: LogCount(5, 2000) = 200, "L", "Sliced solvers: how many lines the places are projected onto. Few: quick and noisy; many: slow and steady.", when solver ["sliced", "max-sliced"] or beside ["sliced", "max-sliced"], when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        measures: Count(2, 4) = 3, "K", "How many measures are mixed.", when problem ["barycenter"];
        third "third measure": Choice(Shape) = Shape::Cross, "", "The shape of the third measure.", when problem ["barycenter"], when measures ["3", "4"];
        fourth "fourth measure": Choice(Shape) = Shape::Spiral, "", "The shape of the fourth measure.", when problem ["barycenter"], when measures ["4"];
        weight_x "weights, across": Real(-1.0, 1.0) = 0.0, "", "Where the weights' handle stands; at a corner one measure has all the weight.", when problem ["barycenter"];
        weight_y "weights, upwards": Real(-1.0, 1.0) = 0.0, "", "The same, upwards.", when problem ["barycenter"], when measures ["3", "4"];
        bridge "ways with noise": Toggle() = false, "", "Shows paths of the Schrödinger bridge that belongs to the second plan: its ways with noise on them.", when problem ["clouds"], when space ["off"], when cost ["squared distance", "distance", "distance to the p", "L1"], when beside ["Sinkhorn", "Sinkhorn, scaling", "Sinkhorn, annealed", "Sinkhorn-Newton", "Greenkhorn", "light bridge", "quadratic", "k-sparse", "unbalanced"];
        log_colour "logarithmic colours": Toggle() = false, "", "Colours the plan's matrix by the logarithm, which shows what is small.", when problem ["clouds", "histograms", "pictures", "colours", "graph"];
        space "three dimensions": Toggle() = false, "", "Lifts the clouds into space, the source onto a bowl, the target onto a saddle.", when problem ["clouds", "shapes"];
        shift_x "source, across": Real(-1.9, 1.9) = -0.9, "", "Where the source stands; dragging the handle in 'The plan' moves it too.", when problem ["clouds", "histograms", "graph", "shapes"];
        shift_y "source, upwards": Real(-1.9, 1.9) = 0.0, "", "Where the source stands; dragging the handle in 'The plan' moves it too.", when problem ["clouds", "graph", "shapes"];
        pen: Choice(Pen) = Pen::Move, "", "What dragging the handle in 'The plan' does: move the source, draw by hand, or erase.", when problem ["clouds", "histograms", "pictures", "graph"];
        drawn_source "drawn source": Text(6000) = "", "", "The source as drawn: points 'x y' with ; between them. Empty: the shape that was chosen.", when problem ["clouds", "histograms", "pictures", "shapes", "barycenter"];
        drawn_target "drawn target": Text(6000) = "", "", "The target as drawn, in the same way.", when problem ["clouds", "histograms", "pictures", "shapes", "barycenter"];
        files "one-column files": Choice(Files) = Files::Told, "", "What your own files of one column hold: points on a line, or the heights of a histogram's bins.", when problem ["clouds", "histograms", "pictures", "colours", "graph", "shapes"];
    }
}

impl Controls {
    /// These controls with those at their defaults that nothing is computed from: what is only shown, or belongs to other problems and
    /// solvers.
    fn computed(&self) -> Controls {
        let usual = Controls::default();
        let mut used =
            Controls { time: usual.time, bridge: usual.bridge, log_colour: usual.log_colour, pen: usual.pen, ..self.clone() };
        let barycenter = self.problem == Problem::Barycenter;
        let solves = |solvers: &[Solver]| {
            let pair = !barycenter && self.problem != Problem::Shapes;
            pair && (solvers.contains(&self.solver) || solvers.contains(&self.beside))
        };
        if self.cost != Price::Power {
            used.power = usual.power;
        }
        if !solves(&[Solver::Unbalanced]) {
            used.price = usual.price;
        }
        if !solves(&[Solver::Partial]) {
            used.share = usual.share;
        }
        if !solves(&[Solver::KSparse]) {
            used.kept = usual.kept;
        }
        if !solves(&[Solver::Sliced, Solver::MaxSliced]) {
            used.directions = usual.directions;
        }
        if !barycenter {
            let Controls { measures, third, fourth, weight_x, weight_y, .. } = usual;
            used = Controls { measures, third, fourth, weight_x, weight_y, ..used };
        }
        used
    }
}

impl Controls {
    /// Has the second solver bounds from both sides, and is the exact cost beside it?
    fn bounded(&self) -> bool {
        let pair = !matches!(self.problem, Problem::Barycenter | Problem::Shapes);
        let straight = self.problem != Problem::Graph && !matches!(self.cost, Price::Manhattan | Price::Walls);
        let both = match self.beside {
            Solver::Unbalanced | Solver::Partial | Solver::Line | Solver::Gaussian => false,
            Solver::Sliced | Solver::MaxSliced => straight && self.exponent() == 2.0,
            _ => true,
        };
        let joins = self.problem != Problem::Clouds || self.size * self.size <= JOINED;
        pair && both && (joins || [self.solver, self.beside].contains(&Solver::Exact))
    }

    /// Why the claim does not speak of these settings, if it does not, though there are bounds and an exact cost.
    fn aside(&self) -> Option<&'static str> {
        if matches!(self.beside, Solver::Sliced | Solver::MaxSliced) {
            return Some("The claim is about a second solver that has prices; here slices give the lower bound.");
        }
        let drawn = self.problem != Problem::Graph;
        let digit = |(shape, text): (Shape, &String)| {
            matches!(shape, Shape::Zero | Shape::Three | Shape::Eight) && (!drawn || text.is_empty())
        };
        let given = [(self.source, &self.drawn_source), (self.target, &self.drawn_target)].into_iter().any(digit);
        let places = matches!(self.problem, Problem::Clouds | Problem::Pictures | Problem::Graph);
        (places && given).then_some("The claim is about measures that are made here; here a digit of a data set is moved.")
    }
}

/// How far the exact solver's proof, and the second solver's bounds, may be apart; what rounding may put the cost outside them by.
const PROVEN: f64 = 1e-9;
const APART: f64 = 0.01;
const ROUNDING: f64 = 1e-12;

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
}

impl TransportPlan {
    /// Has the first picture got its new colours?
    pub fn coloured(&self) -> bool {
        matches!(&self.subject, Subject::Pair(pair) if pair.transfers.first().is_some_and(|t| t.done()))
    }
}

views! { TransportPlan, Controls:
    plan "The plan" "A line is mass on its way, the stronger the more; drag the handle, where there is one." => plan, dragged: dragged;
    beside "The second solver's plan" "The same measures by the second solver; a line is mass on its way." => second_plan;
    between "Between the two" "Where the mass is at time t; for colours the pictures, for a barycenter the measures." => between;
    matrix "The plan as a matrix" "A cell is mass from a row's place to a column's, in order along the way between the means." => matrix;
    marginals "What leaves and what arrives" "Dashed is what was asked for, solid what a plan moves; for shapes, how frequent each inner distance is." => marginals;
    potential "The price of leaving" "What it is worth to be rid of a unit at each place: mass goes downhill on it." => potential;
    convergence "Convergence" "Errors of the marginals, and dashed the gaps between both bounds, against work." => convergence;
    epsilon "Cost against ε" "Costs of blurred plans at each ε; the level line is the exact cost." => costs_by_epsilon;
    readings "Readings" "A column is a solver. The bounds are proved; the cost of a plan as it is proves nothing." => readings;
}

impl Experiment for TransportPlan {
    const CARD: Card = Card {
        slug: "transport-plan",
        title: "What is the cheapest way to move this there?",
        paper: Paper::new("Computational Optimal Transport", "Gabriel Peyré, Marco Cuturi", 2019).arxiv("1803.00567"),
        claim: "The exact solver proves its cost, and a second solver's own bounds close in on it.",
        criterion: "The exact solver's two bounds are at most 10⁻⁹ of the cost apart. The second solver's bounds (its plan mended to its marginals from above, its prices made feasible from below) hold the exact cost between them, up to rounding, and are at most 1 % of it apart. Both in each of three runs. It takes a second solver with a plan and prices, the exact cost beside it, a cost above 0, and measures that are made here: not files of yours, nor digits of a data set.",
        figure: "distance of the second solver's bounds, share of the cost",
        reproduction: Reproduction::AsClaimed,
        honesty: "The cost of a blurred plan is not the cheapest cost, and where its marginals do not hold it is no bound either: the readings give it beside the two bounds that are proved. Work is counted in passes over the costs, not in seconds.",
        seeds: 3,
        unit: "step",
        presets: &[
            Preset::holds("default", "A ring onto two blobs, exactly and by annealed Sinkhorn: compare the bounds", &[]),
            Preset::gone(
                "break-it",
                "The small blur is taken away, a hundred times more instead: compare the bounds",
                &[("epsilon", "0.1"), ("beside", "Sinkhorn")],
            ),
            Preset::open(
                "histograms",
                "Two histograms on a line, beside it a quadratic plan: do ways cross?",
                &[("problem", "histograms"), ("beside", "quadratic"), ("source", "blob")],
            ),
            Preset::open(
                "walls",
                "Mass must go round a wall with two gaps: follow the ways",
                &[("cost", "round walls"), ("source", "square"), ("target", "ring"), ("epsilon", "0.005")],
            ),
            Preset::outside(
                "colours",
                "A forest's colours moved onto those of a dusk: compare the pictures",
                &[("problem", "colours"), ("size", "400"), ("beside", "sliced")],
            ),
            Preset::outside(
                "unbalanced",
                "The second solver may leave mass behind, at a price: look at what moves",
                &[("beside", "unbalanced"), ("target", "spiral"), ("epsilon", "0.005"), ("price", "0.02")],
            ),
            Preset::outside(
                "shapes",
                "One digit in two places, matched by inner distances: follow the lines",
                &[("problem", "shapes"), ("source", "digit 3"), ("target", "digit 3"), ("epsilon", "0.003")],
            ),
            Preset::outside(
                "barycenter",
                "A mean of a ring, two blobs and a cross: move the weights",
                &[("problem", "barycenter"), ("epsilon", "0.001")],
            ),
            Preset::open(
                "streets",
                "Crowds walk along a town's streets: look for the busy ones",
                &[("problem", "graph"), ("size", "400"), ("cost", "distance"), ("epsilon", "0.005")],
            ),
            Preset::outside(
                "ink",
                "A handwritten 0 is moved onto a 3: change the time",
                &[("problem", "pictures"), ("source", "digit 0"), ("target", "digit 3"), ("epsilon", "0.0005")],
            ),
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Two point clouds (csv or npy: a column a coordinate, and weight), two columns of samples or of a histogram's heights, two pictures (png or jpg: their colours, or for pictures and barycenters their ink; npy of height × width where these are chosen), or a cost matrix, alone or with the masses of its rows and columns. A graph: edges (csv: from, to, length; nodes are counted from 0) beside two measures that list its nodes (one column of masses, or x, y, weight). Walls (csv: x0, y0, x1, y1) beside two clouds. For a barycenter two to four pictures or clouds. Several arrays may come in one npz.",
        ),
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let subject = match controls.problem {
            Problem::Barycenter => Subject::Middle(Box::new(Middle::new(controls, library)?)),
            Problem::Shapes => Subject::Shapes(Box::new(Shapes::new(controls, seed, library)?)),
            _ => Subject::Pair(Box::new(Pair::new(controls, seed, library)?)),
        };
        Ok(TransportPlan { controls: controls.clone(), subject })
    }

    async fn run(self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        if let Subject::Pair(_) = self.subject {
            return self.solve(&stage).await;
        }
        // It is one of the two, and no verdict waits for it.
        stage.judged();
        Ok(self.find_barycenter(&stage).await.match_shapes(&stage).await)
    }

    fn measures(&self) -> Measures {
        match &self.subject {
            Subject::Pair(pair) => pair.measures(),
            _ => {
                let unknown = f64::NAN;
                measures! {
                    own: 0, exact: unknown, exact_gap: unknown, bracket: unknown, outside: unknown,
                    unmended_cost: unknown, marginal_error: unknown,
                }
            }
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        if !controls.bounded() {
            return Verdict::outside(
                "No verdict: this takes a second solver with bounds from both sides, and the exact cost beside it.",
            );
        }
        let (bracket, gap, outside) = (runs.most("bracket"), runs.most("exact_gap"), runs.most("outside"));
        let share = |x: f64| match x {
            0.0 => "nothing".to_string(),
            _ if x < 1e-5 => format!("{} of it", figure(x)),
            _ if x < 10.0 => format!("{} of it", percent(x)),
            _ => format!("{} times as much as it is", figure(x)),
        };
        let inside = if outside <= ROUNDING { "hold the exact cost between them" } else { "miss the exact cost" };
        if runs.least("exact") == 0.0 || runs.most("exact") == 0.0 {
            return Verdict::outside(format!(
                "No verdict: the exact cost is 0, of which nothing is a share. The second solver's bounds {inside}."
            ));
        }
        let most = if runs.len() == 1 { "" } else { "at most " };
        let text = format!(
            "The second solver's bounds {inside} and are {most}{} apart; the exact solver's own {}.",
            share(bracket),
            if gap == 0.0 { "meet".to_string() } else { format!("are {most}{} apart", share(gap)) }
        );
        let yours = runs.most("own") == 1.0;
        if let Some(about) = if yours { Some("The claim is about the measures that are made here.") } else { controls.aside() } {
            let known = if (bracket + gap + outside).is_nan() { "" } else { &format!("{text} ") };
            return Verdict::outside(format!("{known}{about}"));
        }
        if controls.beside == Solver::Scaling && bracket.is_nan() && !gap.is_nan() {
            return Verdict::not_yet(
                "Of the second solver nothing is known. If it has stopped, its numbers ran out of range: take 'Sinkhorn, annealed', or more blur.",
            );
        }
        Verdict::at_most(bracket, APART, text).needs(at_most(gap, PROVEN)).needs(at_most(outside, ROUNDING))
    }

    fn sentence(&self) -> String {
        match &self.subject {
            Subject::Pair(pair) => pair.sentence(),
            Subject::Middle(middle) => middle.sentence(),
            Subject::Shapes(shapes) => shapes.sentence(),
        }
    }

    fn understood(&self) -> Vec<String> {
        match &self.subject {
            Subject::Pair(pair) => pair.task.understood.clone(),
            Subject::Middle(middle) => middle.understood.clone(),
            Subject::Shapes(shapes) => shapes.understood.clone(),
        }
    }

    fn results(&self) -> Vec<Array> {
        match &self.subject {
            Subject::Pair(pair) => pair.results(),
            Subject::Middle(middle) => middle.results(),
            Subject::Shapes(shapes) => shapes.results(),
        }
    }

    fn revise(&mut self, controls: &Controls) -> bool {
        let serves = self.controls.computed() == controls.computed();
        if serves {
            self.controls = controls.clone();
        }
        serves
    }
}
