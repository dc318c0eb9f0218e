use ground::controls::Controls as _;
use run::testing::{begun, finished, judged};

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
    assert_eq!(map.paths[0].name, format!("GD (diverged at step {step})"));
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
