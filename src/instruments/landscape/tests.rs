use ground::controls::Options;
use run::experiment::Views;
use run::testing::{begun, finished, played, with_files};

use methods::network::dense::Loss;

use super::controls::Detail;
use super::problem::Kind;
use super::*;

fn array(name: &str, shape: &[usize], values: impl Into<Vec<f64>>) -> Array {
    Array { name: name.into(), shape: shape.into(), values: values.into(), columns: Vec::new() }
}

#[test]
fn the_map_is_the_loss_at_its_places() {
    let run = finished::<Landscape>(&Controls { epochs: 5, plane: Through::Top, ..Controls::default() }, 0);
    let (plane, mut room, (x, y)) = (run.scene.plane.as_ref().unwrap(), Room::default(), run.samples());
    let mut loss = |network: &Model| evaluate(network, Loss::CrossEntropy, x, y, &mut room).0 as f32;
    for slot in [0, 7, 2112, 4000, 4224] {
        let theta = plane.at(run.place(slot % 65), run.place(slot / 65));
        assert_eq!(run.scene.heights[slot], loss(&run.network().with(theta)));
    }
    // The middle of the map is the trained network.
    assert_eq!(run.scene.heights[32 * 65 + 32], loss(&run.network()));
}

#[test]
fn eigenvector_planes_have_the_curvature_of_their_eigenvalues() {
    let controls = Controls { epochs: 20, plane: Through::Ends, activation: Hidden::Tanh, ..Controls::default() };
    let run = finished::<Landscape>(&controls, 0);
    let known = run.scene.spectrum.known().unwrap();
    let (low, high) = (known.values[0], known.values[known.top()]);
    // The directions are kept in single precision.
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6 * high;
    assert!(
        near(run.scene.curvatures[0][0], high) && near(run.scene.curvatures[1][1], low),
        "{:?}, {low} {high}",
        run.scene.curvatures
    );
    assert!(low < 0.0, "{low}");
    // Reach 1 is as long as the weights, as in random planes.
    let length = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let plane = run.scene.plane.as_ref().unwrap();
    assert!((length(&plane.first) / length(&plane.centre) - 1.0).abs() < 1e-6);
}

/// A network so small that ten products span all of its seven weights' space.
#[test]
fn non_convexity_is_the_ratio_of_the_spectrums_ends() {
    let controls =
        Controls { height: Height::Curvature, detail: Detail::Coarse, activation: Hidden::Tanh, ..Controls::default() };
    let small = [
        array("small.npz/0.weight", &[1, 2], [0.7, -1.2]),
        array("small.npz/0.bias", &[1], [0.3]),
        array("small.npz/1.weight", &[2, 1], [0.9, -0.4]),
        array("small.npz/1.bias", &[2], [0.1, -0.2]),
    ];
    let run = with_files::<Landscape>(&controls, &small);
    let (network, size) = (run.network(), run.network().theta().len());
    assert_eq!(size, 7);
    // The whole Hessian, column by column.
    let column = |i: usize| {
        let unit: Vec<f64> = (0..size).map(|j| f64::from(u8::from(i == j))).collect();
        run.hessian(&network, &unit).1
    };
    let hessian = nalgebra::DMatrix::from_fn(size, size, |i, j| column(j)[i]);
    let values = ((&hessian + hessian.transpose()) * 0.5).symmetric_eigenvalues();
    let ratio = (-values.min()).max(0.0) / values.max();
    let centre = run.height(&network, &mut Room::default());
    assert!(ratio > 0.01 && (centre - ratio).abs() < 1e-10, "{centre} {ratio}");
    assert_eq!(run.scene.heights[8 * 17 + 8], centre as f32);
}

/// A linear network under the squared error is a quadratic, and numbers of few binary digits are exact in single precision: the
/// surface, the curvatures and the spectrum are closed forms.
#[test]
fn a_quadratic_is_exact_from_end_to_end() {
    // A fifth is for tests, 64 are left.
    let x: Vec<f64> = (0..80).flat_map(|i| [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]][i % 4]).collect();
    let y: Vec<f64> = (0..80).map(|i| f64::from(u8::from(i % 4 == 0 || i % 16 == 1))).collect();
    // W (outputs × inputs) and b on three checkpoints: the last, and two that differ from it by 2 in a weight and by 1 in a bias.
    let (w, b) = ([0.5, -0.25, 1.0, 0.75], [0.25, -0.5]);
    let weights = [[w[0], w[1] + 2.0, w[2], w[3]], w, w].concat();
    let biases = [b, [b[0], b[1] + 1.0], b].concat();
    let own = [
        array("line.npz/weight", &[3, 2, 2], weights),
        array("line.npz/bias", &[3, 2], biases),
        array("samples.npz/x", &[80, 2], x),
        array("samples.npz/y", &[80], y),
    ];
    let controls = Controls { plane: Through::Path, loss: Loss::Squared, ..Controls::default() };
    let run = with_files::<Landscape>(&controls, &own);
    let (x, y) = run.samples();
    assert_eq!(y.len(), 64);
    let loss = |w: [f64; 4], b: [f64; 2]| {
        let of = |(x, label): (&[f32], &u8)| {
            let x = [f64::from(x[0]), f64::from(x[1])];
            let error = |k: usize| w[2 * k] * x[0] + w[2 * k + 1] * x[1] + b[k] - f64::from(u8::from(usize::from(*label) == k));
            0.5 * (error(0) * error(0) + error(1) * error(1))
        };
        x.chunks_exact(2).zip(y).map(of).sum::<f64>() / 64.0
    };
    // The first direction is the weight, the second the bias, both as long as the walk: 2. Signs are free.
    let plane = run.scene.plane.as_ref().unwrap();
    let sign = |direction: &[f32]| direction.iter().map(|d| f64::from(*d)).sum::<f64>() / 2.0;
    let (first, second) = (sign(&plane.first), sign(&plane.second));
    assert_eq!((first.abs(), second.abs()), (1.0, 1.0));
    for slot in 0..65 * 65 {
        let (p, q) = (2.0 * first * run.place(slot % 65), 2.0 * second * run.place(slot / 65));
        let there = loss([w[0], w[1] + p, w[2], w[3]], [b[0], b[1] + q]);
        assert!((f64::from(run.scene.heights[slot]) - there).abs() < 1e-10, "{slot}: {} {there}", run.scene.heights[slot]);
    }
    // H is the second moment of (x, 1), once for each output.
    let moment = |i: usize, j: usize| {
        let entry = |x: &[f32], i: usize| if i < 2 { f64::from(x[i]) } else { 1.0 };
        x.chunks_exact(2).map(|x| entry(x, i) * entry(x, j)).sum::<f64>() / 64.0
    };
    let [[a, b], [_, c]] = run.scene.curvatures[..] else { panic!("two directions") };
    assert!((a - moment(1, 1)).abs() < 1e-10 && b.abs() < 1e-10 && (c - moment(2, 2)).abs() < 1e-10);
    let mut dense: Vec<f64> = nalgebra::DMatrix::from_fn(3, 3, moment).symmetric_eigenvalues().iter().copied().collect();
    dense.sort_by(f64::total_cmp);
    // Each eigenvalue is there twice, once for each output.
    let known = run.scene.spectrum.known().unwrap();
    assert!(known.values.iter().zip(dense.iter().flat_map(|v| [v, v])).all(|(a, b)| (a - b).abs() < 1e-10), "{dense:?}");
    for (k, value) in known.values.iter().enumerate() {
        let v = known.vector(k);
        let image = run.hessian(&run.network(), &v).1;
        assert!(v.iter().zip(&image).all(|(v, h)| (h - value * v).abs() < 1e-10));
    }
    // A quadratic is as sharp everywhere, at each of its three checkpoints and at no other.
    let sharpness: Vec<(f64, f64)> = run.sharpness.points(0).collect();
    assert_eq!(sharpness.iter().map(|look| look.0).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    assert!(sharpness.iter().all(|look| (look.1 / dense[2] - 1.0).abs() < 1e-5), "{sharpness:?} {dense:?}");
}

#[test]
fn a_training_that_diverges_is_no_proof() {
    for plane in [Through::Filter, Through::Plain] {
        let controls = Controls { step_size: 1.0, depth: 8, width: 64, epochs: 5, plane, ..Controls::default() };
        let run = finished::<Landscape>(&controls, 0);
        let verdict = Landscape::verdict(&controls, &Runs(vec![run.measures()]));
        assert_eq!(verdict.holds, None);
        assert!(verdict.text.contains("control step_size"), "{}", verdict.text);
        assert!(matches!(run.map(), View::Table(_)));
    }
}

#[test]
fn the_probe_stays_on_the_map() {
    let controls = Controls { plane: Through::Curve, reach: 0.3, probe_a: -0.5, probe_b: 1.0, ..Controls::default() };
    let run = begun::<Landscape>(&controls, 0);
    let (low, high) = controls.window();
    let (a, b) = run.probe();
    assert!((a - (0.75 * low + 0.25 * high)).abs() < 1e-12 && (b - high).abs() < 1e-12);
    assert_eq!(Landscape::move_probe(&controls, (a, b)).unwrap(), controls);
}

#[test]
fn one_checkpoint_has_no_path() {
    let one = [array("one.npz/weight", &[2, 2], [0.5; 4]), array("one.npz/bias", &[2], [0.5; 2])];
    let library = Library::default().with_own(one.to_vec());
    let says = |plane| Landscape::new(&Controls { plane, ..Controls::default() }, 0, &library).err().map(|e| e.to_string());
    assert_eq!(says(Through::Filter), None);
    assert!(says(Through::Path).unwrap().ends_with("and one.npz has one alone"));
}

#[test]
fn every_kind_of_network_has_its_twin() {
    for (network, normalised, activation) in [
        (Kind::Dense, false, Hidden::Relu),
        (Kind::Dense, true, Hidden::Tanh),
        (Kind::Residual, false, Hidden::Relu),
        (Kind::Skips, true, Hidden::Gelu),
    ] {
        let problem = if network == Kind::Skips { Problem::Digits } else { Problem::Moons };
        let controls = Controls {
            network,
            normalised,
            activation,
            problem,
            epochs: 5,
            depth: 3,
            width: 8,
            samples: 200,
            detail: Detail::Coarse,
            ..Controls::default()
        };
        let run = played(begun::<Landscape>(&controls, 0), |progress| progress.judged);
        assert!(run.difference() < 1e-3, "{} {}", network.name(), run.difference());
    }
}

#[test]
fn checkpoints_of_the_readers_take_the_place_of_training() {
    let controls = Controls { epochs: 5, ..Controls::default() };
    let trained = finished::<Landscape>(&controls, 0);
    let sizes = [2, 16, 16, 2];
    let path = &trained.walks[0].path;
    let stacked = |name: &str, shape: &[usize], from: usize| {
        let size: usize = shape.iter().product();
        let values = path.iter().flat_map(|theta| theta[from..from + size].iter().map(|w| f64::from(*w)));
        array(&format!("walk.npz/{name}"), &[&[6], shape].concat(), values.collect::<Vec<f64>>())
    };
    let (mut arrays, mut from) = (Vec::new(), 0);
    for (l, pair) in sizes.windows(2).enumerate() {
        arrays.push(stacked(&format!("{l}.kernel"), pair, from));
        arrays.push(stacked(&format!("{l}.bias"), &pair[1..], from + pair[0] * pair[1]));
        from += (pair[0] + 1) * pair[1];
    }
    let shown = with_files::<Landscape>(&controls, &arrays);
    assert_eq!(shown.network().theta(), trained.network().theta());
    assert_eq!(shown.scene.heights, trained.scene.heights);
    assert_eq!(shown.path(), trained.path());
    let library = Library::default().with_own(arrays);
    let wrong = Landscape::new(&Controls { problem: Problem::Blobs, ..Controls::default() }, 0, &library);
    assert!(wrong.err().unwrap().to_string().starts_with("walk.npz: a network from 2 numbers to 2 classes"));
}

#[test]
fn the_pen_adds_places() {
    let controls = Controls { problem: Problem::Drawn, pen: 2, ..Controls::default() };
    let moved = Landscape::draw(&controls, (-1.204, -0.9)).unwrap();
    assert!(moved.drawn.ends_with("; -1.20 -0.90 2"), "{}", moved.drawn);
    assert!(Landscape::draw(&moved, (-1.2, -0.95)).is_none(), "the pen has not gone far");
    assert!(Landscape::draw(&Controls::default(), (0.0, 0.0)).is_none());
    let task = &begun::<Landscape>(&moved, 0).task;
    assert_eq!((task.classes, task.points.len()), (2, 500));
}

#[test]
fn loss_grids_of_the_readers_are_drawn() {
    let grid = array("grid.csv", &[4, 3], [0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 3.0, 1.0, 1.0, 4.0]);
    let run = with_files::<Landscape>(&Controls::default(), &[grid]);
    let View::HeatMap(map) = run.map() else { panic!("a heat map") };
    assert_eq!((map.columns, map.values.as_slice()), (2, [1.0, 2.0, 3.0, 4.0].as_slice()));
    let verdict = Landscape::verdict(&Controls::default(), &Runs(vec![run.measures()]));
    assert!(matches!(run.losses(), View::Table(_)) && verdict.outside);
}

/// What stands between the walks' ends and the pictures is computed anew where it must be, and only there.
#[test]
fn revised_runs_end_as_fresh_ones() {
    let bridge = Controls {
        plane: Through::Curve,
        along: Along::Bridge,
        height: Height::LogLoss,
        detail: Detail::Coarse,
        epochs: 5,
        plane_samples: 50,
        ..Controls::default()
    };
    let revisions = [
        Controls { rescaled: true, ..bridge.clone() },
        Controls { reach: 0.5, along: Along::Walk, ..bridge.clone() },
        Controls { probe_a: 0.5, pen: 2, ..bridge.clone() },
        Controls { height: Height::Test, ..bridge.clone() },
    ];
    let views = |run: &Landscape| Landscape::VIEWS.iter().map(|look| (look.make)(run).encode()).collect::<Vec<_>>();
    for revised in &revisions {
        let fresh = views(&finished::<Landscape>(revised, 0));
        for units in [3, 500, 800, usize::MAX] {
            let mut left = units;
            let mut run = played(begun::<Landscape>(&bridge, 0), |_| {
                left -= 1;
                left == 0
            });
            assert!(run.revise(revised));
            assert!(views(&played(*run, |_| false)) == fresh, "after {units} units: {revised:?}");
        }
    }
}
