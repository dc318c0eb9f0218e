use ground::controls::Controls as _;
use run::testing::{begun, finished, judged, preset, watched};

use super::tuning::Tuning;
use super::*;

/// Without tuning: step sizes are given.
fn raced(controls: &Controls) -> Box<Race> {
    judged(
        &Controls {
            first_step: 0.01,
            second_step: 0.01,
            third_step: 0.01,
            fourth_step: 0.01,
            condition: 10.0,
            ..controls.clone()
        },
        0,
    )
}

/// On a bowl runs fall 1 % below theory's last stable step and rise 1 % above it, with and without momentum.
#[test]
fn stability_ends_where_theory_says() {
    let landscape = Landscape::bowl(30.0, 0.4);
    let problem = Problem::Plane(landscape);
    let noise = Noise::new(Weather::Clear, 0.0, 1, 0, &problem);
    let course = Course {
        problem,
        steps: 3000,
        pace: Pace::Constant,
        look: 1,
        stretch: 1,
        least: 0.0,
        tolerance: 1e-10,
        width: 1e6,
        noise,
    };
    for (who, momentum) in
        [(Who::Gradient, 0.0), (Who::HeavyBall, 0.3), (Who::HeavyBall, 0.9), (Who::Nesterov, 0.3), (Who::Nesterov, 0.9)]
    {
        let controls = Controls { momentum, ..Controls::default() };
        let Method::First(rule) = who.method(&controls, 0.0) else { panic!("a first-order rule") };
        let edge = rule.stable_below(30.0).unwrap();
        let last = |step_size: f64| {
            let mut walk = Walk::new(who, who.method(&controls, 0.0), step_size, [3.0, -2.0].into(), &course);
            while !walk.over(&course) {
                walk.step(&course);
            }
            walk.result().1
        };
        assert!(last(0.99 * edge) < 1e-6 && last(1.01 * edge) > 1e6, "{who:?}, {momentum}");
    }
}

#[test]
fn the_map_of_step_sizes_ends_there_too() {
    let run = finished::<Race>(&Controls { condition: 30.0, steps: 400, ..Controls::default() }, 0);
    // A cell of the map is a factor of 1.26 wide.
    assert!(run.boundary_ratio() < 1.26, "{}", run.boundary_ratio());
}

#[test]
fn everybody_has_as_many_trials_and_the_same_noise() {
    let run = judged::<Race>(&Controls { steps: 30, trials: 7, tuning_starts: 3, everyone: true, ..Controls::default() }, 0);
    assert!(run.racers.len() == 29 && run.racers.iter().all(|r| r.tuning.as_ref().unwrap().made() == 7));
    for noise in [Weather::Gaussian, Weather::HeavyTailed, Weather::MiniBatch] {
        let run = raced(&Controls { noise, first: Who::Adam, second: Who::Adam, third: Who::Lion, ..Controls::default() });
        let x = |lane: usize| run.racers[lane].walk.as_ref().unwrap().x.clone();
        assert!(x(0) == x(1) && x(0) != x(2), "{noise:?}");
    }
}

#[test]
fn formulas_that_are_no_landscape_are_refused_in_a_sentence() {
    let says = |formula: &str| {
        let controls = Controls { problem: On::Typed, formula: formula.into(), ..Controls::default() };
        Race::new(&controls, 0, &Library::default()).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert_eq!(
        says("1/(x - x)"),
        "control formula: f(x, y) is a finite number nowhere in the window, −4 to 4; does it divide by zero, or take the root of something negative?"
    );
    assert!(says("ln(x) + y").starts_with("control formula: f(x, y) is no finite number at the start (-2.800, 2.400)"));
    assert!(says("x +").starts_with("control formula: character 4, the end: "));
    assert_eq!(says("x^2 + 1/y^2"), "");
}

#[test]
fn a_start_is_where_it_was_dragged() {
    for problem in [On::Bowl, On::Rosenbrock, On::Valley] {
        let controls = Controls { problem, ..Controls::default() };
        let start = begun::<Race>(&Race::move_start(&controls, (1.25, -0.5)).unwrap(), 0).terrain.start;
        assert!((start[0] - 1.25).abs() < 5e-3 && (start[1] + 0.5).abs() < 5e-3, "{start:?}");
    }
    assert!(Race::move_start(&Controls { problem: On::Mlp, ..Controls::default() }, (0.0, 0.0)).is_none());
}

#[test]
fn who_diverges_is_named() {
    let controls = Controls { problem: On::Himmelblau, first: Who::Gradient, ..Controls::default() };
    let controls = Controls { first_step: 1.0, second: Who::Nobody, third: Who::Nobody, fourth: Who::Nobody, ..controls };
    let run = finished::<Race>(&controls, 0);
    let step = run.racers[0].walk.as_ref().unwrap().diverged.unwrap();
    let View::HeatMap(map) = run.paths() else { panic!("a heat map") };
    assert_eq!(map.paths[0].name, format!("GD (diverged, {step})"));
    assert!(map.paths[0].x.iter().all(|x| x.is_finite()));
    assert_eq!(run.measures().get("diverged"), 1.0);
}

/// The mean of the summands is nothing; Student's t with two degrees of freedom is beyond ±0.8165 half the time.
#[test]
fn noise_is_what_it_says() {
    let problem = Problem::Plane(Landscape::Booth);
    let noise = Noise::new(Weather::MiniBatch, 2.0, 8, 5, &problem);
    let sum: f64 = (0..4).map(|t| noise.at(t).tilt[1]).sum();
    assert!(sum.abs() < 1e-12 && noise.at(0).tilt != noise.at(4).tilt);
    let noise = Noise::new(Weather::HeavyTailed, 1.0, 8, 5, &problem);
    let beyond = (0..4000).filter(|t| noise.at(*t).tilt[0].abs() > 0.816_497).count();
    assert!((1850..2150).contains(&beyond), "{beyond}");
    assert!((0..4000).any(|t| noise.at(t).tilt[0].abs() > 20.0));
}

#[test]
fn tuning_closes_in_on_the_best_step() {
    let mut tuning = Tuning::new(24);
    while let Some(step_size) = tuning.next() {
        let off = libm::log10(step_size) + 2.3456;
        tuning.tell(step_size, (0, 10.0 + off * off, 0.0));
    }
    assert!((libm::log10(tuning.found()) + 2.3456).abs() < 0.02, "{}", tuning.found());
}

/// The best step of gradient descent on a bowl is 2/(L + l); the search finds it within the width of its last step.
#[test]
fn tuning_finds_the_known_step_of_a_bowl() {
    let controls = Controls { condition: 10.0, angle: 0.0, trials: 30, tuning_starts: 16, ..Controls::default() };
    let run = judged::<Race>(&Controls { second: Who::Nobody, third: Who::Nobody, fourth: Who::Nobody, ..controls }, 0);
    let found = run.racers[0].step_size;
    assert!((0.9..1.1).contains(&(found * 11.0 / 2.0)), "{found}");
}

#[test]
fn a_refined_schedule_runs_twice_and_counts_both() {
    let run = raced(&Controls { schedule: Pace::Refined, steps: 50, ..Controls::default() });
    let walk = run.racers[0].walk.as_ref().unwrap();
    assert_eq!((walk.t, walk.evaluations), (50, 100));
    let sizes = walk.step_sizes();
    assert!(sizes[49] == 0.0 && sizes.iter().copied().fold(0.0, f64::max) <= 0.01);
}

/// On a surface everything is seen: the matrix has its paths in a plane that holds most of them.
#[test]
fn paths_in_many_dimensions_have_their_plane() {
    let run = judged::<Race>(&Controls { problem: On::Factors, steps: 100, ..Controls::default() }, 0);
    let shares = run.common.as_ref().unwrap().shares;
    assert!(shares[0] >= shares[1] && shares[0] + shares[1] > 0.5);
    let View::HeatMap(map) = run.paths() else { panic!("a map") };
    assert_eq!((map.paths.len(), map.values.len()), (4, plane::CELLS * plane::CELLS));
    assert!(run.course.problem.size() == 36 && Controls::SPECS.iter().any(|s| s.name == "problem"));
}

/// Nobody has to move: no pair has an order, whatever a step costs.
#[test]
fn a_start_at_the_minimum_is_no_race() {
    let controls =
        Controls { start_x: 0.0, start_y: 0.0, steps: 20, trials: 4, tuning_starts: 2, everyone: true, ..Controls::default() };
    let run = judged::<Race>(&controls, 0);
    assert!(run.racers.iter().all(|r| r.walk.as_ref().unwrap().reached == Some((0, 0))));
    assert_eq!((run.measures().get("compared"), run.measures().get("arrived")), (0.0, 29.0));
    let verdict = Race::verdict(&controls, &Runs(vec![run.measures()]));
    assert!(verdict.outside && verdict.text.starts_with("Every pair of optimizers is a tie"), "{}", verdict.text);
}

/// Who asks for an order among optimizers that all left is told that they did.
#[test]
fn it_is_said_that_all_diverge() {
    let controls = Controls { condition: 35.0, ..preset::<Race>("edge of stability") };
    let verdict = Race::verdict(&controls, &Runs(vec![judged::<Race>(&controls, 0).measures()]));
    assert!(verdict.outside && verdict.text.starts_with("Everyone has diverged"), "{}", verdict.text);
}

/// What is left of the height is told as the goal is: as a share of that at the start.
#[test]
fn height_left_is_a_share() {
    let run = raced(&Controls { steps: 30, ..Controls::default() });
    let View::Table(table) = run.standing() else { panic!("a table") };
    for row in &table.rows {
        let (Cell::Text(name), Cell::Number(left)) = (&row[0], &row[3]) else { panic!("{row:?}") };
        let walk = run.racers.iter().find(|r| run.name(r) == *name).and_then(|r| r.walk.as_ref()).unwrap();
        assert!((left - walk.loss / walk.first_loss).abs() < 1e-12 && *left < 1.0, "{row:?}");
    }
}

/// Every view of the reader's runs, in each form, before, during and after.
#[test]
fn the_readers_runs_are_seen() {
    let array = |name: &str, shape: &[usize], values: Vec<f64>, columns: &[&str]| Array {
        name: name.into(),
        shape: shape.into(),
        values,
        columns: columns.iter().map(|c| c.to_string()).collect(),
    };
    let walk = |t: usize| (t as f64 * 0.37).sin();
    let weights = array("a.npz/w", &[12, 2, 3], (0..72).map(walk).collect(), &[]);
    let bias = array("a.npz/b", &[12], (0..12).map(walk).collect(), &[]);
    let other = array("b.safetensors/w", &[5, 7], (0..35).map(walk).collect(), &[]);
    let still = array("w.npy", &[4, 3], vec![0.1; 12], &[]);
    let (none, inf) = (f64::NAN, f64::INFINITY);
    let log = [[0.0, 2.0, 2.0], [1.0, 1.5, 1e300], [2.0, 1.0, inf], [3.0, none, -inf], [4.0, 0.5, none]];
    let log = array("l.csv", &[5, 3], log.concat(), &["step", "adam", "sgd"]);
    let long = (0..5000).flat_map(|t| [f64::from(t), if t % 50 == 0 { 1.0 / f64::from(t + 1) } else { none }]).collect();
    let long = array("long.csv", &[5000, 2], long, &["step", "val_loss"]);
    let one = array("one.tsv", &[3, 1], vec![none, -1.0, none], &["loss"]);
    for files in [vec![weights, bias, other], vec![still], vec![log.clone()], vec![long], vec![one.clone()], vec![log, one]] {
        let library = Library::default().with_own(files);
        for against in [Against::Steps, Against::Evaluations] {
            let controls = Controls { against, ..Controls::default() };
            let run = watched(Race::new(&controls, 0, &library).unwrap());
            assert!(!run.understood().is_empty() && run.results().is_empty());
            let verdict = Race::verdict(&controls, &Runs(vec![run.measures()]));
            assert!(verdict.outside && !verdict.text.contains("NaN"), "{}", verdict.text);
        }
    }
}

/// A gap is dashed, an end has its dot; what is drawn is what there is.
#[test]
fn gaps_and_ends_are_seen() {
    let (none, inf) = (f64::NAN, f64::INFINITY);
    let rows = [[0.0, 2.0, 2.0], [1.0, none, 1.5], [2.0, 1.0, inf], [3.0, 0.5, none]];
    let columns = ["epoch", "adam", "sgd"].map(String::from).to_vec();
    let log = Array { name: "l.csv".into(), shape: vec![4, 3], values: rows.concat(), columns };
    let run = Race::new(&Controls::default(), 0, &Library::default().with_own(vec![log])).unwrap();
    let View::Chart(chart) = run.heights() else { panic!("a chart") };
    assert_eq!((chart.x.label.as_str(), chart.marks.len()), ("epoch", 4));
    let Mark::Line { dashed: false, x, .. } = &chart.marks[0] else { panic!("a line") };
    assert!(x[1].is_nan() && [x[0], x[2], x[3]] == [0.0, 2.0, 3.0]);
    let Mark::Line { dashed: true, x, y, .. } = &chart.marks[1] else { panic!("a dashed line") };
    assert_eq!((&x[..2], &y[..2]), (&[0.0, 2.0][..], &[2.0, 1.0][..]));
    let Mark::Points { x, y, .. } = &chart.marks[3] else { panic!("a dot") };
    assert_eq!((x[0], y[0]), (1.0, 1.5));
}
