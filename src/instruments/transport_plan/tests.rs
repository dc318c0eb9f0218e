mod files;

use super::*;
use ground::controls::Options;
use run::experiment::Views;
use run::testing::{played, watched};

fn begun(controls: &Controls, library: &Library) -> TransportPlan {
    TransportPlan::new(controls, 0, library).unwrap_or_else(|e| panic!("{e}"))
}

fn over(controls: &Controls, library: &Library) -> Box<TransportPlan> {
    played(begun(controls, library), |_| false)
}

/// What a run says that breaks off.
fn broken_off(controls: &Controls, library: &Library) -> String {
    let mut course = run::experiment::play(begun(controls, library), &Device::cpu());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        match course.poll(&mut context) {
            std::task::Poll::Ready(Err(error)) => return error.to_string(),
            _ => assert!(!course.progress().over, "it must break off"),
        }
    }
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
    let exact = |cost| over(&Controls { cost, size: 30, epsilon: 0.05, ..Controls::default() }, &library).measures().get("exact");
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
    assert!(complaint(vec![point("a.csv", 0.0), array("b.csv", &[2, 3], &[0.0; 6])]).contains("both sides need the same number"));
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
            assert!(worth.cost.abs() < 1e-12 && (worth.marginal_error < 1e-6 || beside == Solver::Partial), "{name}: {worth:?}");
            let measures = run.measures();
            assert!(measures.get("exact") == 0.0 && measures.get("outside").max(0.0) < 1e-12, "{name}: {measures:?}");
        }
    }
}

#[test]
fn round_walls_ways_are_exact_wherever_the_clouds_are() {
    let walled =
        |library: &Library| over(&Controls { cost: Price::Walls, ..Controls::default() }, library).measures().get("exact").sqrt();
    let two = |from: [f64; 2], to: [f64; 2]| with(vec![array("a.csv", &[1, 2], &from), array("b.csv", &[1, 2], &to)]);
    // From left to right, half the window away from the wall's gap: up to a corner, along the wall's end, and down.
    let (scale, legs) = (10.0 / 1.6, (1.55f64 * 1.55 + 0.25).sqrt());
    let ours = walled(&two([30.0, 7.0], [50.0, 7.0]));
    assert!((ours - scale * (2.0 * legs + 0.1)).abs() < 1e-7, "{ours}");
    // No wall between: the straight line.
    let same_side = with(vec![array("a.csv", &[2, 2], &[0.0, 0.0, 10.0, 0.0]), array("b.csv", &[2, 2], &[0.0, 0.5, 10.0, 1.0])]);
    assert!((walled(&same_side) - (0.5f64 * 0.25 + 0.5 * 1.0).sqrt()).abs() < 1e-12);
    // Walls of one's own.
    let wall = |y1: f64| table("walls.csv", &["x0", "y0", "x1", "y1"], &[-1.0, -9.0, 1.0, y1]);
    let both = || [array("a.csv", &[1, 2], &[-2.0, 0.0]), array("b.csv", &[1, 2], &[2.0, 0.0])];
    let [a, b] = both();
    let ours =
        over(&Controls { cost: Price::Distance, ..Controls::default() }, &with(vec![a, b, wall(1.0)])).measures().get("exact");
    assert!((ours - (2.0 + 2.0 * 2.0f64.sqrt())).abs() < 1e-7, "{ours}");
    let [a, b] = both();
    let closed = [[-3.0, -1.0, -1.0, -0.9], [-3.0, 0.9, -1.0, 1.0], [-3.0, -1.0, -2.9, 1.0], [-1.1, -1.0, -1.0, 1.0]].concat();
    let library = with(vec![a, b, table("walls.csv", &["x0", "y0", "x1", "y1"], &closed)]);
    assert_eq!(
        broken_off(&Controls::default(), &library),
        "no way leads round the walls from [-2.0, 0.0] to [2.0, 0.0]: leave a gap"
    );
}

#[test]
fn a_graph_of_the_users_is_gone_along() {
    // A square of streets 0-1-2-3-0, of which 3-0 is long; half the mass in 0 and 1 goes to 3.
    let edges = || table("streets.csv", &["from", "to", "length"], &[0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0, 9.0]);
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
    let library = with(vec![array("a.csv", &[4], &a), array("b.csv", &[4], &b), table("e.csv", &["from", "to"], &[0.0, 1.0])]);
    assert_eq!(
        broken_off(&controls, &library),
        "no road leads from node 0 to node 3: each node with mass must be joined to all others"
    );
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
    assert!(error.to_string().starts_with("c.csv: 3 coordinate columns; a barycenter is of pictures, or of clouds in the plane"));
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
    let drag = |controls: &Controls, at| TransportPlan::dragged(controls, at).unwrap();
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
    assert!(TransportPlan::VIEWS[1..].iter().all(|look| look.drag.is_none()));
    // Pictures are drawn on, and their ink lies where the pen was.
    let page = Controls { problem: Problem::Pictures, pen: Pen::Source, beside: Solver::Line, ..start.clone() };
    let inked = drag(&drag(&page, (0.5, 0.5)), (0.5, -9.0));
    assert_eq!(inked.drawn_source, "0.5 0.5;0.5 -1.1");
    let run = over(&drag(&page, (0.5, -0.25)), &Library::default());
    let mean = pair(&run).task.sides[0].mean();
    assert!((mean[0] - 0.5).abs() < 0.01 && (mean[1] + 0.25).abs() < 0.01, "{mean:?}");
    assert!(TransportPlan::dragged(&Controls { pen: Pen::Move, ..page }, (0.0, 0.0)).is_none());
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

/// Whatever the reader brings is seen in every view, and the claim is not about it.
#[test]
fn the_readers_own_is_seen_from_all_sides() {
    let cloud = |name: &str, d: usize| array(name, &[9, d], &(0..9 * d).map(|k| (k * k % 11) as f64).collect::<Vec<f64>>());
    let heights = |name: &str| array(name, &[6], &[1.0, 0.0, 2.0, 3.0, 0.5, 1.0]);
    let colours = |name: &str| array(name, &[6, 6, 3], &(0..108).map(|k| f64::from(k * 37 % 101) / 100.0).collect::<Vec<f64>>());
    let walls = table("walls.csv", &["x0", "y0", "x1", "y1"], &[4.0, 2.0, 5.0, 6.0]);
    let edges = table("e.csv", &["from", "to"], &[0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0]);
    let matrix = array("c.npy", &[6, 6], &(0..36).map(f64::from).collect::<Vec<f64>>());
    for (problem, arrays) in [
        (Problem::Clouds, vec![cloud("a.csv", 2), cloud("b.csv", 2)]),
        (Problem::Clouds, vec![cloud("a.csv", 3), cloud("b.csv", 3)]),
        (Problem::Clouds, vec![heights("a.npy"), heights("b.npy")]),
        (Problem::Clouds, vec![matrix.clone()]),
        (Problem::Clouds, vec![matrix, heights("a.npy"), heights("b.npy")]),
        (Problem::Clouds, vec![cloud("a.csv", 2), cloud("b.csv", 2), walls]),
        (Problem::Clouds, vec![heights("a.npy"), heights("b.npy"), edges]),
        (Problem::Clouds, vec![colours("a.png"), colours("b.png")]),
        (Problem::Pictures, vec![colours("a.png"), colours("b.png")]),
        (Problem::Shapes, vec![cloud("a.csv", 2), cloud("b.csv", 2)]),
        (Problem::Clouds, vec![cloud("a.csv", 5), cloud("b.csv", 5)]),
        (Problem::Shapes, vec![cloud("a.csv", 5), cloud("b.csv", 5)]),
        (Problem::Pictures, vec![cloud("a.csv", 5), cloud("b.csv", 5)]),
        (Problem::Clouds, vec![cloud("a.csv", 1), cloud("b.csv", 1)]),
        (Problem::Clouds, vec![cloud("a.csv", 2), cloud("a.csv", 2)]),
        (Problem::Clouds, vec![array("c.npy", &[3, 3], &[3.0, 1.0, 2.0, 2.0, 4.0, 6.0, 5.0, 2.0, f64::INFINITY])]),
        (Problem::Barycenter, vec![cloud("a.csv", 2), cloud("b.csv", 2), cloud("c.csv", 2)]),
        (Problem::Barycenter, vec![colours("a.png"), colours("b.png")]),
    ] {
        let controls = Controls { problem, epsilon: 0.05, ..Controls::default() };
        let run = watched(begun(&controls, &with(arrays)));
        let told = run.understood();
        assert!(!told.is_empty() && told.iter().all(|sentence| !sentence.contains("NaN")), "{told:?}");
        for look in TransportPlan::VIEWS {
            let words = (look.make)(&run).encode();
            assert!(!words.windows(3).any(|w| w == b"NaN"), "{}", look.panel.id);
        }
        let verdict = TransportPlan::verdict(&controls, &Runs(vec![run.measures()]));
        assert!(verdict.outside && !verdict.text.contains("NaN"), "{verdict:?}");
    }
}

/// What is only shown may be changed at any time: the end is that of a run that was started so.
#[test]
fn a_run_that_was_revised_ends_as_a_fresh_one() {
    let before = Controls { size: 30, beside: Solver::Unbalanced, epsilon: 0.01, ..Controls::default() };
    let after = Controls { time: 0.25, log_colour: true, ..before.clone() };
    let seen = |run: &TransportPlan| TransportPlan::VIEWS.iter().map(|look| (look.make)(run).encode()).collect::<Vec<_>>();
    let fresh = seen(&over(&after, &Library::default()));
    let mut course = run::experiment::play(begun(&before, &Library::default()), &Device::cpu());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for part in 1usize.. {
        assert!(course.poll(&mut context).is_ready());
        if course.progress().over {
            break;
        }
        // A part that takes longer begins again: later it is let go on.
        if part % 101 == 0 && part < 4000 || part.is_power_of_two() {
            let controls = if part % 2 == 0 { &before } else { &after };
            assert!(course.revise(|run| run.revise(controls)));
        }
    }
    assert!(course.revise(|run| run.revise(&after)));
    while !course.progress().over {
        assert!(course.poll(&mut context).is_ready());
    }
    assert!(course.with(|run| seen(run) == fresh).unwrap());
}
