//! Two measures, the cheapest way from one to the other, and what every solver makes of it.
//!
//! Reference: Peyré & Cuturi, "Computational optimal transport", 2019. W = min ⟨C, P⟩ over plans P ≥ 0 with P1 = r, Pᵀ1 = c. Prices x, y with
//! xᵢ + yⱼ ≤ C_ij prove that no plan costs less than Σ rx + Σ cy. So every solver can be judged by itself: its plan, mended to its marginals,
//! gives a cost that W is not above, its prices, made feasible, a value that W is not below.
//! Claim of trust: the exact solver proves its cost to 1e-9, and the second solver's two bounds hold it between them, 1 % apart at most.

mod colours;
mod course;
mod light;
mod measures;
mod others;
mod pair;
mod pictures;
mod sketch;

use gpu::Device;
use ground::Result;
use ground::claim::{Measures, Runs, Verdict};
use ground::view::View;
use others::{Middle, Shapes};
use pair::Pair;
use run::data::{Array, Dataset, Library};
use run::experiment::{Card, Experiment, Paper, Preset, Reproduction};
use run::transition::Progress;

run::instrument!(TransportPlan);

ground::choice! {
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

ground::choice! {
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

ground::choice! {
    /// What moving a unit of mass costs.
    pub enum Price {
        Squared => "squared distance",
        Distance => "distance",
        Power => "distance to the p",
        Manhattan => "L1",
        Walls => "round walls",
    }
}

ground::choice! {
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

ground::choice! {
    /// What dragging the handle does.
    pub enum Pen { Move => "moves the source", Source => "draws the source", Target => "draws the target", Erase => "erases" }
}

ground::controls! {
    /// What the reader can move.
    pub struct Controls {
        problem: Choice(Problem) = Problem::Clouds, "", "what is moved: points, a histogram, ink, colours, crowds in streets; or two shapes matched by their inner distances, or what lies between several";
        source: Choice(Shape) = Shape::Ring, "", "where the mass is";
        target: Choice(Shape) = Shape::Two, "", "where it must go";
        size: LogCount(2, 2000) = 100, "n", "places a side; the exact plan takes about n² log n to n³ steps";
        cost: Choice(Price) = Price::Squared, "", "squared: no two straight paths cross; plain distance: ties, and ways that share a line; walls: the square of the shortest way";
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
        pen: Choice(Pen) = Pen::Move, "", "what dragging the handle in the first picture does: move, draw clouds, histograms or pictures by hand, or erase";
        drawn_source: Text(6000) = "", "", "the source as drawn: points 'x y' with ; between them";
        drawn_target: Text(6000) = "", "", "the target as drawn";
        measures: Count(2, 4) = 3, "K", "barycenter: of how many measures";
        third: Choice(Shape) = Shape::Cross, "", "barycenter: the third measure";
        fourth: Choice(Shape) = Shape::Spiral, "", "barycenter: the fourth measure";
        weight_x: Real(-1.0, 1.0) = 0.0, "", "barycenter: where the weights' handle stands; at a corner one measure has all the weight";
        weight_y: Real(-1.0, 1.0) = 0.0, "", "barycenter: the same, upwards";
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

impl TransportPlan {
    /// Has the first picture got its new colours?
    pub fn coloured(&self) -> bool {
        matches!(&self.subject, Subject::Pair(pair) if pair.transfers.first().is_some_and(|t| t.done()))
    }
}

run::views! { TransportPlan, Controls:
    plan "The plan" "Every line is mass on its way; the darker, the more. Drag the handle." => view_0, dragged: drag;
    beside "The second solver's plan" "The same measures in other hands: what is blurred, left out or left behind?" => view_1;
    between "Between the two" "The mass on its way at time t; for colours the pictures, for a barycenter the measures." => view_2;
    matrix "The plan as a matrix" "Places in order along the way from one mean to the other: a band is a map that keeps this order." => view_3;
    marginals "What leaves and what arrives" "Dashed what was asked for; unbalanced and partial plans stay below it. For shapes: their inner distances." => view_4;
    potential "The price of leaving" "Mass goes downhill on it; where its slope jumps, the map tears." => view_5;
    convergence "Convergence" "Errors of the marginals, and dashed the gaps between both bounds, against work." => view_6;
    epsilon "Cost against ε" "Where do the costs of blurred plans leave the exact one's line?" => view_7;
    readings "Readings" "The bounds are what to believe." => view_8;
}

impl TransportPlan {
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

    fn drag(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        pictures::dragged(controls, at)
    }

    fn view_0(&self) -> View {
        self.view(0)
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

    fn view_4(&self) -> View {
        self.view(4)
    }

    fn view_5(&self) -> View {
        self.view(5)
    }

    fn view_6(&self) -> View {
        self.view(6)
    }

    fn view_7(&self) -> View {
        self.view(7)
    }

    fn view_8(&self) -> View {
        self.view(8)
    }
}

impl Experiment for TransportPlan {
    const CARD: Card = Card {
        slug: "transport-plan",
        title: "Optimal-transport plan",
        paper: Paper::new("Computational Optimal Transport", "Gabriel Peyré, Marco Cuturi", 2019),
        claim: "The exact solver proves its cost to one part in 10⁹, and the second solver's own bounds hold that cost between them, at most 1 % apart.",
        reproduction: Reproduction::AsClaimed,
        honesty: "A regularised plan's ⟨C, P⟩ is not W, and where its marginals do not hold it is no bound either: the readings give it, the cost of the mended plan and the value of feasible prices side by side; work is counted in passes over the costs, not in seconds.",
        seeds: 3,
        unit: "slice",
        presets: &[
            Preset::holds("default", "A ring onto two blobs, exactly and by annealed Sinkhorn", &[]),
            Preset::gone(
                "break-it",
                "A large ε: the second plan is a blur, and its bounds say next to nothing",
                &[("epsilon", "0.1"), ("beside", "Sinkhorn")],
            ),
            Preset::open(
                "histograms",
                "On a line the plan is monotone",
                &[("problem", "histograms"), ("beside", "quadratic"), ("source", "blob")],
            ),
            Preset::open(
                "walls",
                "Ways round a wall with two gaps",
                &[("cost", "round walls"), ("source", "square"), ("target", "ring"), ("epsilon", "0.005")],
            ),
            Preset::open(
                "colours",
                "A forest's colours for a dusk",
                &[("problem", "colours"), ("size", "400"), ("beside", "sliced")],
            ),
            Preset::open(
                "unbalanced",
                "Mass that is too far away stays",
                &[("beside", "unbalanced"), ("target", "spiral"), ("epsilon", "0.005"), ("price", "0.02")],
            ),
            Preset::open(
                "shapes",
                "A digit and the same digit elsewhere, matched by inner distances alone",
                &[("problem", "shapes"), ("source", "digit 3"), ("target", "digit 3"), ("epsilon", "0.003")],
            ),
            Preset::open(
                "barycenter",
                "What lies between a ring, two blobs and a cross",
                &[("problem", "barycenter"), ("epsilon", "0.001")],
            ),
            Preset::open(
                "streets",
                "Crowds in a town's streets",
                &[("problem", "graph"), ("size", "400"), ("cost", "distance"), ("epsilon", "0.005")],
            ),
            Preset::open(
                "ink",
                "A handwritten 0 becomes a 3",
                &[("problem", "pictures"), ("source", "digit 0"), ("target", "digit 3"), ("epsilon", "0.0005")],
            ),
        ],
        data: &[Dataset::Digits],
        own_data: Some(
            "Two point clouds (csv or npy: columns x, y, z and weight), two histograms (one column), two pictures (png or jpg: their colours, or for pictures and barycenters their ink; npy of height × width), or a cost matrix, alone or with the masses of its rows and columns. A graph: edges (csv: from, to, length; nodes are counted from 0) beside two measures that list its nodes (one column of masses, or x, y, weight). Walls (csv: x0, y0, x1, y1) beside two clouds. For a barycenter two to four pictures or clouds. Several arrays may come in one npz.",
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
        match &self.subject {
            Subject::Pair(pair) => pair.measures(),
            _ => ground::measures! { exact: f64::NAN, exact_gap: f64::NAN, bracket: f64::NAN, outside: f64::NAN },
        }
    }

    fn verdict(_: &Controls, runs: &Runs) -> Verdict {
        let (bracket, gap, outside) = (runs.most("bracket"), runs.most("exact_gap"), runs.most("outside"));
        let text = if bracket.is_nan() {
            "No verdict: this takes a second solver with bounds from both sides, and the exact cost beside it.".into()
        } else {
            let share = |x: f64| match x {
                0.0 => "nothing".to_string(),
                _ if x < 1e-5 => format!("{x:.0e} of it"),
                _ => format!("{:.2} % of it", 100.0 * x),
            };
            let inside = if outside <= 1e-12 { "hold the exact cost between them" } else { "miss the exact cost" };
            let most = if runs.len() == 1 { "" } else { "at most " };
            format!(
                "The second solver's bounds {inside} and are {most}{} apart; the exact solver's own {}.",
                share(bracket),
                if gap == 0.0 { "meet".to_string() } else { format!("are {most}{} apart", share(gap)) }
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

    fn revise(&mut self, controls: &Controls) -> bool {
        let serves = self.controls.computed() == controls.computed();
        if serves {
            self.controls = controls.clone();
        }
        serves
    }
}

#[cfg(test)]
mod tests {
    use super::course::Course;
    use super::*;
    use ground::controls::Options;

    fn over(controls: &Controls, library: &Library) -> TransportPlan {
        let mut run = TransportPlan::new(controls, 0, library).unwrap_or_else(|e| panic!("{e}"));
        while !pollster::block_on(run.step(&Device::cpu())).unwrap().finished() {}
        run
    }

    fn pair(run: &TransportPlan) -> &Pair {
        let Subject::Pair(pair) = &run.subject else { panic!("two measures") };
        pair
    }

    fn array(name: &str, shape: &[usize], values: &[f64]) -> Array {
        Array { name: name.into(), shape: shape.into(), values: values.into(), columns: Vec::new() }
    }

    fn with(arrays: Vec<Array>) -> Library {
        Library::default().with_own(arrays)
    }

    fn complaint(arrays: Vec<Array>) -> String {
        let library = with(arrays);
        let Err(error) = TransportPlan::new(&Controls::default(), 0, &library) else { panic!("taken") };
        error.to_string()
    }

    #[test]
    fn every_solver_comes_to_an_end_and_its_bounds_hold_the_exact_cost() {
        for k in 0..Solver::NAMES.len() {
            let beside = Solver::of(k);
            let run = over(&Controls { beside, size: 30, epsilon: 0.01, ..Controls::default() }, &Library::default());
            let (pair, name) = (pair(&run), Solver::NAMES[k]);
            let exact = pair.exact().unwrap().primal;
            let course = &pair.courses[1];
            let worth = course.worth.unwrap();
            assert!(course.over && course.trouble.is_none(), "{name}: {:?}", course.trouble);
            if beside.balanced() && beside != Solver::Gaussian {
                assert!(worth.primal >= exact - 1e-12, "{name}: {worth:?}");
                assert!(worth.dual.is_nan() || worth.dual <= exact + 1e-12, "{name}: {worth:?}");
            }
            match beside {
                Solver::Gaussian => assert!(worth.dual < exact && worth.dual > 0.8 * exact, "{worth:?}"),
                Solver::Partial => assert!(worth.gap < 1e-12 && (worth.mass - 0.6).abs() < 1e-12 && worth.cost < 0.6 * exact),
                Solver::Unbalanced => assert!(worth.gap < 1e-7 && worth.mass < 0.9, "{worth:?}"),
                Solver::Light => assert!(worth.primal < 1.1 * exact && worth.gap < 0.2 * exact, "{worth:?}"),
                Solver::Line | Solver::Sliced | Solver::MaxSliced => assert!(worth.primal < 1.5 * exact, "{name}: {worth:?}"),
                Solver::KSparse => {
                    let columns: Vec<usize> =
                        (0..30).map(|j| course.plan.iter().skip(j).step_by(30).filter(|p| **p > 0.0).count()).collect();
                    assert!(columns.iter().all(|c| *c <= 8), "{columns:?}");
                    assert!(worth.primal < 1.05 * exact, "{worth:?}");
                }
                _ => assert!(worth.gap < 0.05 * exact && worth.marginal_error < 1e-6, "{name}: {worth:?}"),
            }
        }
    }

    #[test]
    fn every_cost_and_every_kind_of_place() {
        let library = Library::shipped(&[Dataset::Digits]);
        for cost in [Price::Squared, Price::Distance, Price::Power, Price::Manhattan, Price::Walls] {
            for problem in [Problem::Clouds, Problem::Histograms, Problem::Pictures, Problem::Graph, Problem::Colours] {
                let controls = Controls { cost, problem, size: 30, epsilon: 0.02, ..Controls::default() };
                if cost == Price::Walls && matches!(problem, Problem::Histograms | Problem::Colours) {
                    let Err(error) = TransportPlan::new(&controls, 0, &library) else { panic!("taken") };
                    assert!(error.to_string().starts_with("control cost: walls stand in the plane"));
                    continue;
                }
                let measures = over(&controls, &library).measures();
                assert!(measures.get("exact") > 0.0 && measures.get("exact_gap") < 1e-9, "{measures:?}");
                assert!(measures.get("outside") < 1e-12, "{measures:?}");
            }
        }
        // A way round a wall is longer than the straight one.
        let exact =
            |cost| over(&Controls { cost, size: 30, epsilon: 0.05, ..Controls::default() }, &library).measures().get("exact");
        assert!(exact(Price::Walls) > exact(Price::Squared));
    }

    #[test]
    fn on_a_line_the_first_axis_is_exact_and_plain_distance_is_the_area_between_the_sums() {
        let controls = Controls { problem: Problem::Histograms, beside: Solver::Line, size: 60, ..Controls::default() };
        let run = over(&controls, &Library::default());
        let (exact, line) = (pair(&run).exact().unwrap().primal, pair(&run).courses[1].worth.unwrap().primal);
        assert!((exact - line).abs() < 1e-13, "{exact}, {line}");
        let own = with(vec![array("a.npy", &[4], &[1.0, 1.0, 0.0, 0.0]), array("b.npy", &[4], &[0.0, 1.0, 0.0, 3.0])]);
        let run = over(&Controls { cost: Price::Distance, ..Controls::default() }, &own);
        // Sums ½, 1, 1, 1 against 0, ¼, ¼, 1, a quarter apart.
        assert!((run.measures().get("exact") - 0.25 * (0.5 + 0.75 + 0.75)).abs() < 1e-14);
    }

    #[test]
    fn degenerate_measures_are_answered_or_refused_in_a_sentence() {
        let point = |name: &str, x: f64| array(name, &[1, 2], &[x, 0.0]);
        let exact = |arrays| over(&Controls::default(), &with(arrays)).measures().get("exact");
        assert_eq!(exact(vec![point("a.csv", 0.0), point("b.csv", 3.0)]), 9.0);
        // The same place on both sides, and places that occur twice.
        assert_eq!(exact(vec![point("a.csv", 1.0), point("b.csv", 1.0)]), 0.0);
        let twice = array("b.csv", &[3, 2], &[3.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
        assert!((exact(vec![point("a.csv", 0.0), twice]) - 6.0).abs() < 1e-14);
        let zeros = array("a.npy", &[3], &[0.0; 3]);
        assert_eq!(complaint(vec![zeros.clone(), zeros]), "a.npy: all masses are 0: at least one must be positive");
        let mut weighted = array("w.csv", &[2, 3], &[0.0, 0.0, 1.0, 1.0, 1.0, -2.0]);
        weighted.columns = ["x", "y", "weight"].map(String::from).into();
        assert_eq!(complaint(vec![weighted, point("b.csv", 0.0)]), "w.csv: mass -2 at place 2: masses must not be negative");
        assert!(
            complaint(vec![point("a.csv", 0.0), array("b.csv", &[2, 3], &[0.0; 6])]).contains("both sides need the same number")
        );
        assert!(complaint(vec![array("c.csv", &[9, 2], &[0.0; 18])]).starts_with("c.csv: 9 x 2 is no cost matrix"));
        assert!(complaint(vec![array("c.csv", &[2001, 2001], &vec![0.0; 2001 * 2001])]).contains("at most 2000 a side"));
        assert!(complaint(vec![array("t.npy", &[2, 2, 2, 2], &[0.0; 16])]).contains("this one has 4"));
        assert!(complaint(vec![point("a.csv", 1e200), point("b.csv", 0.0)]).contains("its square must fit a double"));
        let library = with(vec![array("c.csv", &[2, 2], &[1.0, 2.0, 3.0, 4.0])]);
        let controls = Controls { beside: Solver::Sliced, ..Controls::default() };
        let Err(error) = TransportPlan::new(&controls, 0, &library) else { panic!("taken") };
        assert!(error.to_string().starts_with("control beside: this solver projects points"));
    }

    #[test]
    fn plans_come_out_in_the_numbering_that_went_in() {
        let cost = array("task.npz/cost", &[3, 3], &[0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0]);
        let (rows, columns) = (array("task.npz/r", &[3], &[2.0, 0.0, 2.0]), array("task.npz/c", &[3], &[1.0, 3.0, 0.0]));
        let run = over(&Controls::default(), &with(vec![cost, rows, columns]));
        assert_eq!(run.measures().get("exact"), 0.75);
        let results = run.results();
        let plan = results.iter().find(|a| a.name == "plan").unwrap();
        assert_eq!(
            (plan.shape.as_slice(), plan.values.as_slice()),
            ([3, 3].as_slice(), [0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0].as_slice())
        );
        let entries = results.iter().find(|a| a.name == "plan-entries").unwrap();
        assert_eq!(entries.values, [0.0, 0.0, 0.25, 0.0, 1.0, 0.25, 2.0, 1.0, 0.5]);
    }

    #[test]
    fn relaxed_plans_keep_the_ratio_of_both_sums() {
        let own = || with(vec![array("a.npy", &[3], &[1.0, 0.0, 0.0]), array("b.npy", &[3], &[2.0, 0.0, 2.0])]);
        let moved = |beside, price| {
            let controls = Controls { beside, price, share: 1.0, epsilon: 0.01, ..Controls::default() };
            pair(&over(&controls, &own())).courses[1].worth.unwrap()
        };
        // Where both ends are dear, between a quarter and 1 goes their geometric mean.
        let dear = moved(Solver::Unbalanced, 10.0);
        assert!((dear.mass - 0.5).abs() < 0.03 && dear.gap < 1e-6, "{dear:?}");
        let partial = moved(Solver::Partial, 1.0);
        assert!((partial.mass - 0.25).abs() < 1e-12 && partial.cost.abs() < 1e-12, "{partial:?}");
    }

    fn table(name: &str, columns: &[&str], values: &[f64]) -> Array {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_string()).collect();
        Array { name: name.into(), shape: vec![values.len() / columns.len(), columns.len()], values: values.into(), columns }
    }

    #[test]
    fn where_nothing_costs_anything_every_solver_says_so() {
        let point = |name: &str| array(name, &[1, 2], &[2.0, 3.0]);
        let zeros = || array("c.npy", &[6, 6], &[0.0; 36]);
        for k in 0..Solver::NAMES.len() {
            let (beside, name) = (Solver::of(k), Solver::NAMES[k]);
            for arrays in [vec![zeros()], vec![point("a.csv"), point("b.csv")]] {
                if arrays.len() == 1
                    && matches!(beside, Solver::Sliced | Solver::MaxSliced | Solver::Line | Solver::Gaussian | Solver::Light)
                {
                    continue;
                }
                let run = over(&Controls { beside, ..Controls::default() }, &with(arrays));
                let course = &pair(&run).courses[1];
                if beside == Solver::Gaussian {
                    continue;
                }
                assert!(course.trouble.is_none(), "{name}: {:?}", course.trouble);
                let worth = course.worth.unwrap();
                assert!(worth.gap.abs() < 1e-9 || worth.dual.is_nan(), "{name}: {worth:?}");
                assert!(
                    worth.cost.abs() < 1e-12 && (worth.marginal_error < 1e-6 || beside == Solver::Partial),
                    "{name}: {worth:?}"
                );
                let measures = run.measures();
                assert!(measures.get("exact") == 0.0 && measures.get("outside").max(0.0) < 1e-12, "{name}: {measures:?}");
            }
        }
    }

    #[test]
    fn round_walls_ways_are_exact_wherever_the_clouds_are() {
        let walled = |library: &Library| {
            over(&Controls { cost: Price::Walls, ..Controls::default() }, library).measures().get("exact").sqrt()
        };
        let two = |from: [f64; 2], to: [f64; 2]| with(vec![array("a.csv", &[1, 2], &from), array("b.csv", &[1, 2], &to)]);
        // From left to right, half the window away from the wall's gap: up to a corner, along the wall's end, and down.
        let (scale, legs) = (10.0 / 1.6, (1.55f64 * 1.55 + 0.25).sqrt());
        let ours = walled(&two([30.0, 7.0], [50.0, 7.0]));
        assert!((ours - scale * (2.0 * legs + 0.1)).abs() < 1e-7, "{ours}");
        // No wall between: the straight line.
        let same_side =
            with(vec![array("a.csv", &[2, 2], &[0.0, 0.0, 10.0, 0.0]), array("b.csv", &[2, 2], &[0.0, 0.5, 10.0, 1.0])]);
        assert!((walled(&same_side) - (0.5f64 * 0.25 + 0.5 * 1.0).sqrt()).abs() < 1e-12);
        // Walls of one's own.
        let wall = |y1: f64| table("walls.csv", &["x0", "y0", "x1", "y1"], &[-1.0, -9.0, 1.0, y1]);
        let both = || [array("a.csv", &[1, 2], &[-2.0, 0.0]), array("b.csv", &[1, 2], &[2.0, 0.0])];
        let [a, b] = both();
        let ours = over(&Controls { cost: Price::Distance, ..Controls::default() }, &with(vec![a, b, wall(1.0)]))
            .measures()
            .get("exact");
        assert!((ours - (2.0 + 2.0 * 2.0f64.sqrt())).abs() < 1e-7, "{ours}");
        let [a, b] = both();
        let closed =
            [[-3.0, -1.0, -1.0, -0.9], [-3.0, 0.9, -1.0, 1.0], [-3.0, -1.0, -2.9, 1.0], [-1.1, -1.0, -1.0, 1.0]].concat();
        let library = with(vec![a, b, table("walls.csv", &["x0", "y0", "x1", "y1"], &closed)]);
        let mut run = TransportPlan::new(&Controls::default(), 0, &library).unwrap();
        let error = pollster::block_on(run.step(&Device::cpu())).unwrap_err().to_string();
        assert_eq!(error, "no way leads round the walls from [-2.0, 0.0] to [2.0, 0.0]: leave a gap");
    }

    #[test]
    fn a_graph_of_the_users_is_gone_along() {
        // A square of streets 0-1-2-3-0, of which 3-0 is long; half the mass in 0 and 1 goes to 3.
        let edges =
            || table("streets.csv", &["from", "to", "length"], &[0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0, 9.0]);
        let (a, b) = ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]);
        let controls = Controls { cost: Price::Distance, ..Controls::default() };
        let own = with(vec![array("a.csv", &[4], &a), edges(), array("b.csv", &[4], &b)]);
        assert_eq!(over(&controls, &own).measures().get("exact"), 3.5);
        let placed = |name: &str, mass: &[f64; 4]| {
            let values: Vec<f64> = (0..4).flat_map(|k| [f64::from(k / 2), f64::from(k % 2), mass[k as usize]]).collect();
            table(name, &["x", "y", "weight"], &values)
        };
        let run = over(&controls, &with(vec![placed("a.csv", &a), placed("b.csv", &b), edges()]));
        assert_eq!((run.measures().get("exact"), pair(&run).task.nodes.len()), (3.5, 4));
        let wrong = |edges: Array| complaint(vec![array("a.csv", &[4], &a), array("b.csv", &[4], &b), edges]);
        let beyond = wrong(table("e.csv", &["from", "to"], &[0.0, 1.0, 1.0, 4.0]));
        assert_eq!(beyond, "e.csv: node 4 in row 2: nodes are counted from 0 to 3, as the measures' rows");
        let library =
            with(vec![array("a.csv", &[4], &a), array("b.csv", &[4], &b), table("e.csv", &["from", "to"], &[0.0, 1.0])]);
        let mut run = TransportPlan::new(&controls, 0, &library).unwrap();
        let error = pollster::block_on(run.step(&Device::cpu())).unwrap_err().to_string();
        assert_eq!(error, "no road leads from node 0 to node 3: each node with mass must be joined to all others");
    }

    #[test]
    fn shapes_too_large_are_thinned_evenly() {
        // A spiral stored from its middle outwards, and the same from outside in.
        let spiral = |name: &str, turn: bool| {
            let at = |k: usize| 0.02 * if turn { 399 - k } else { k } as f64;
            let values: Vec<f64> = (0..400).flat_map(|k| [at(k) * libm::cos(at(k)), at(k) * libm::sin(at(k))]).collect();
            array(name, &[400, 2], &values)
        };
        let controls = Controls { problem: Problem::Shapes, epsilon: 0.001, ..Controls::default() };
        let run = over(&controls, &with(vec![spiral("a.csv", false), spiral("b.csv", true)]));
        let results = run.results();
        let (plan, rows, columns) = (&results[0], &results[1].values, &results[2].values);
        assert_eq!((plan.shape.as_slice(), rows[0], rows[109], columns.len()), ([110, 110].as_slice(), 0.0, 396.0, 110));
        // What is in the middle goes to what is in the middle.
        let off: f64 = (0..110)
            .flat_map(|i| (0..110).map(move |j| (i, j)))
            .map(|(i, j)| plan.values[i * 110 + j] * (rows[i] + columns[j] - 399.0).abs())
            .sum();
        assert!(off < 12.0, "{off}");
    }

    #[test]
    fn a_barycenter_of_two_clouds_lies_half_way() {
        let square = |name: &str, x: f64, y: f64| {
            let values: Vec<f64> = (0..400).flat_map(|k| [x + f64::from(k % 20) / 20.0, y + f64::from(k / 20) / 20.0]).collect();
            array(name, &[400, 2], &values)
        };
        let controls = Controls { problem: Problem::Barycenter, epsilon: 0.001, ..Controls::default() };
        let run = over(&controls, &with(vec![square("a.csv", 10.0, 0.0), square("b.csv", 14.0, 2.0)]));
        let points = run.results().pop().unwrap();
        assert_eq!((points.name.as_str(), points.columns.len()), ("barycenter-points", 3));
        let mean = |k: usize| points.values.chunks_exact(3).map(|p| p[2] * p[k]).sum::<f64>();
        assert!((mean(0) - 12.475).abs() < 0.01 && (mean(1) - 1.475).abs() < 0.01, "{}, {}", mean(0), mean(1));
        let three = array("c.csv", &[4, 3], &[0.0; 12]);
        let Err(error) = TransportPlan::new(&controls, 0, &with(vec![three.clone(), three])) else { panic!("taken") };
        assert!(
            error.to_string().starts_with("c.csv: 3 coordinate columns; a barycenter is of pictures, or of clouds in the plane")
        );
    }

    #[test]
    fn pictures_of_the_users_are_colours_or_ink() {
        let picture = |name: &str, dark: usize| {
            let values: Vec<f64> = (0..40 * 40 * 3).map(|k| if k / 3 % 40 / 20 == dark { 20.0 } else { 255.0 }).collect();
            array(name, &[40, 40, 3], &values)
        };
        let library = with(vec![picture("a.png", 0), picture("b.png", 1)]);
        let exact = |problem| over(&Controls { problem, size: 60, ..Controls::default() }, &library).measures().get("exact");
        // The same colours in other places; half the square's side of 2.2 apart.
        assert_eq!(exact(Problem::Colours), 0.0);
        assert!((exact(Problem::Pictures) - 1.1 * 1.1).abs() < 1e-9);
        let middle = over(&Controls { problem: Problem::Barycenter, epsilon: 0.003, ..Controls::default() }, &library);
        let mass = &middle.results()[0].values;
        let center: f64 = mass.iter().enumerate().map(|(k, m)| m * (k % 32) as f64).sum();
        assert!((center - 15.5).abs() < 0.01, "{center}");
    }

    #[test]
    fn the_pen_draws_and_the_handle_moves() {
        let drag = |controls: &Controls, at| TransportPlan::pointer(controls, 0, at).unwrap();
        let start = Controls::default();
        assert_eq!((drag(&start, (0.5, 0.25)).shift_x, drag(&start, (0.5, 0.25)).shift_y), (0.5, 0.25));
        let pen = Controls { pen: Pen::Source, ..start.clone() };
        let one = drag(&drag(&drag(&pen, (0.0, 0.0)), (0.01, 0.0)), (1.0, -0.5));
        assert_eq!(one.drawn_source, "0 0;1 -0.5");
        let run = over(&one, &Library::default());
        assert_eq!(pair(&run).task.sides[0].len(), 2);
        let erased = drag(&Controls { pen: Pen::Erase, ..one }, (1.0, -0.45));
        assert_eq!(erased.drawn_source, "0 0");
        let line = Controls { problem: Problem::Histograms, pen: Pen::Target, ..start.clone() };
        let drawn = drag(&drag(&line, (0.2, 1.3)), (0.7, -0.3));
        assert_eq!((drawn.drawn_source.as_str(), drawn.drawn_target.as_str()), ("0.2 0.5", "0.7 0.5"));
        assert!(TransportPlan::pointer(&start, 1, (0.0, 0.0)).is_none());
        // Pictures are drawn on, and their ink lies where the pen was.
        let page = Controls { problem: Problem::Pictures, pen: Pen::Source, beside: Solver::Line, ..start.clone() };
        let inked = drag(&drag(&page, (0.5, 0.5)), (0.5, -9.0));
        assert_eq!(inked.drawn_source, "0.5 0.5;0.5 -1.1");
        let run = over(&drag(&page, (0.5, -0.25)), &Library::default());
        let mean = pair(&run).task.sides[0].mean();
        assert!((mean[0] - 0.5).abs() < 0.01 && (mean[1] + 0.25).abs() < 0.01, "{mean:?}");
        assert!(TransportPlan::pointer(&Controls { pen: Pen::Move, ..page }, 0, (0.0, 0.0)).is_none());
        let wrong = Controls { drawn_source: "1 2;x".into(), ..start };
        let Err(error) = TransportPlan::new(&wrong, 0, &Library::default()) else { panic!("taken") };
        assert_eq!(error.to_string(), "control drawn_source: 'x' is no point; points are written 'x y', with ; between them");
    }

    #[test]
    fn colours_follow_the_plan_to_the_targets_mean() {
        let controls = Controls { problem: Problem::Colours, size: 300, ..Controls::default() };
        let run = over(&controls, &Library::default());
        let pair = pair(&run);
        let both = pair.task.colours.as_ref().unwrap();
        let mean = |picture: &colours::Picture| {
            let n = picture.pixels.len() as f32;
            [0, 1, 2].map(|c| picture.pixels.iter().map(|p| p[c]).sum::<f32>() / n)
        };
        let (source, target, moved) = (mean(&both[0].0), mean(&both[1].0), mean(&pair.transfers[0].picture));
        for c in 0..3 {
            assert!((moved[c] - target[c]).abs() < 0.02, "{source:?} {target:?} {moved:?}");
        }
        assert!((0..3).any(|c| (source[c] - target[c]).abs() > 0.1));
        // A picture onto itself stays as it is.
        let values: Vec<f64> = (0..20 * 30 * 3).map(|k| (k * 37 % 101) as f64 / 100.0).collect();
        let own = || array("p.npy", &[20, 30, 3], &values);
        let run = over(&controls, &with(vec![own(), own()]));
        let results = run.results();
        let picture = results.iter().find(|a| a.name == "picture").unwrap();
        assert!(picture.values.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn shapes_and_barycenters_end() {
        let library = Library::shipped(&[Dataset::Digits]);
        let controls = Controls {
            problem: Problem::Shapes,
            source: Shape::Three,
            target: Shape::Three,
            size: 60,
            epsilon: 0.003,
            ..Controls::default()
        };
        let run = over(&controls, &library);
        let Subject::Shapes(shapes) = &run.subject else { panic!("shapes") };
        assert!(shapes.cost() < 0.15 * shapes.start_cost(), "{} of {}", shapes.cost(), shapes.start_cost());
        for measures in 2..=4 {
            let run = over(&Controls { problem: Problem::Barycenter, measures, epsilon: 0.003, ..Controls::default() }, &library);
            let mass: f64 = run.results()[0].values.iter().sum();
            assert!((mass - 1.0).abs() < 1e-5, "{mass}");
        }
        // At a corner the barycenter is that measure, blurred a little.
        let corner =
            Controls { problem: Problem::Barycenter, weight_x: -1.0, weight_y: -0.8, epsilon: 0.0005, ..Controls::default() };
        let run = over(&corner, &library);
        let Subject::Middle(middle) = &run.subject else { panic!("a barycenter") };
        let off: f64 = middle.off(0);
        assert!(off < 0.5 && middle.off(1) > 3.0 * off, "{off}, {}", middle.off(1));
    }
    /// Seconds that this thread has computed for, which other programs do not change; where nobody knows, those of the clock.
    fn computed() -> f64 {
        let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let nanoseconds = spent.and_then(|s| s.split(' ').next().and_then(|n| n.parse::<f64>().ok()));
        nanoseconds.map_or_else(|| gpu::milliseconds() / 1e3, |n| n / 1e9)
    }

    /// `cargo test -- --ignored --nocapture slices_are_short` prints how long the slices of some runs and their views take: the longest
    /// that start something, that begin a look at a plan, and of all others.
    #[test]
    #[ignore = "prints times"]
    fn slices_are_short() {
        let library = Library::shipped(&[Dataset::Digits]);
        let mut cases: Vec<(String, Controls)> = Vec::new();
        for preset in TransportPlan::CARD.presets {
            let settings = run::experiment::Entry::of::<TransportPlan>("x").preset(preset.name).unwrap();
            cases.push((preset.name.into(), ground::controls::Controls::read(&settings)));
        }
        for k in 0..Solver::NAMES.len() {
            let controls =
                Controls { solver: Solver::of(k), beside: Solver::Line, size: 2000, epsilon: 0.01, ..Controls::default() };
            cases.push((format!("{} 2000", Solver::NAMES[k]), controls));
        }
        for (name, controls) in cases {
            let start = computed();
            let mut run = TransportPlan::new(&controls, 0, &library).unwrap();
            let (mut longest, mut seen, mut count) = ([computed() - start, 0.0, 0.0], 0.0f64, 0);
            let mut coloured = None;
            let state = |run: &TransportPlan| match &run.subject {
                Subject::Pair(pair) => (pair.courses.len(), pair.courses.first().is_some_and(Course::looks)),
                _ => (0, false),
            };
            loop {
                let (before, slice) = (state(&run), computed());
                let over = pollster::block_on(run.step(&Device::cpu())).unwrap().finished();
                let (took, after) = (computed() - slice, state(&run));
                let kind = if after.0 > before.0 {
                    0
                } else if after.1 && !before.1 {
                    1
                } else {
                    2
                };
                longest[kind] = longest[kind].max(took);
                if coloured.is_none() && run.coloured() {
                    coloured = Some(computed() - start);
                }
                if count % 200 == 0 || over {
                    for which in 0..9 {
                        let look = computed();
                        let _ = run.view(which);
                        seen = seen.max(computed() - look);
                    }
                }
                count += 1;
                if over || computed() - start > 4.0 {
                    break;
                }
            }
            println!(
                "{name}: {:.2} s in {count} slices, longest {:.1?} ms, longest view {:.1} ms, coloured {coloured:.2?}",
                computed() - start,
                longest.map(|l| 1e3 * l),
                1e3 * seen
            );
        }
    }
}
