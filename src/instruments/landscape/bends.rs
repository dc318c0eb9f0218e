//! Curvature against Hessians that numpy has computed (tests/fixtures/make_curvature.py).

use methods::network::dense::Loss;
use nalgebra::{DMatrix, DVector};
use run::testing::{finished, with_files};

use super::controls::Detail;
use super::*;

fn fixture() -> Vec<Array> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/curvature.npz");
    run::data::read("curvature.npz", &std::fs::read(path).expect("the fixture")).expect("the fixture can be read")
}

/// Checkpoints of a 2-h-2 network, whose parameters are kept in one row each, and 100 samples of XOR.
fn files(theta: &Array, hidden: usize) -> Vec<Array> {
    let (steps, size) = (theta.shape[0], theta.shape[1]);
    let part = |name: &str, shape: &[usize], from: usize| {
        let length: usize = shape.iter().product();
        let values = (0..steps).flat_map(|s| theta.values[s * size + from..s * size + from + length].to_vec()).collect();
        let shape = [&[steps], shape].concat();
        Array { name: format!("walk.npz/{name}"), shape, values, columns: Vec::new() }
    };
    let places = [[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [-1.0, -1.0, 1.0]];
    vec![
        part("dense/kernel", &[2, hidden], 0),
        part("dense/bias", &[hidden], 2 * hidden),
        part("dense_1/kernel", &[hidden, 2], 3 * hidden),
        part("dense_1/bias", &[2], 5 * hidden),
        Array {
            columns: ["x1", "x2", "label"].map(String::from).to_vec(),
            ..Array::table("xor.csv", ["", "", ""], (0..100).map(|i| places[i % 4]))
        },
    ]
}

/// The mean Hessian over the samples that a run has, at checkpoint `step`: `all` has one for each place.
fn truth(run: &Landscape, all: &Array, step: usize) -> DMatrix<f64> {
    let n = all.shape[3];
    let (x, y) = run.few();
    let mut sum = DMatrix::zeros(n, n);
    for point in x.chunks_exact(2) {
        let place = match (point[0] > 0.0, point[1] > 0.0) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        sum += DMatrix::from_row_slice(n, n, &all.values[(4 * step + place) * n * n..][..n * n]);
    }
    sum / y.len() as f64
}

fn reading(run: &Landscape, name: &str) -> f64 {
    let View::Table(table) = run.readings() else { panic!("a table") };
    let row = table.rows.iter().find(|row| matches!(&row[0], Cell::Text(text) if text == name));
    match row.map(|row| &row[1]) {
        Some(Cell::Number(value)) => *value,
        _ => panic!("no reading {name}"),
    }
}

#[test]
fn curvature_is_numpys() {
    let arrays = fixture();
    let named = |name: &str| arrays.iter().find(|a| a.name == format!("curvature.npz/{name}")).expect("it is in the fixture");
    for (walk, hidden, loss, kind, plane) in [
        ("walk", 4, Loss::CrossEntropy, "entropy", Through::Top),
        ("walk", 4, Loss::Squared, "squared", Through::Path),
        ("walk", 4, Loss::Squared, "squared", Through::Ends),
        // Learned the wrong way round: the largest in magnitude is −7.7, the largest 0.02.
        ("wrong", 2, Loss::CrossEntropy, "entropy", Through::Filter),
    ] {
        let controls = Controls { plane, loss, activation: Hidden::Tanh, detail: Detail::Coarse, ..Controls::default() };
        let theta = named(&format!("{walk}_theta"));
        let run = with_files::<Landscape>(&controls, &files(theta, hidden));
        let hessian = |step: usize| truth(&run, named(&format!("{walk}_{kind}")), step);
        let looks: Vec<(f64, f64)> = run.sharpness.points(0).collect();
        assert_eq!(looks.len(), theta.shape[0]);
        for (step, (at, sharpness)) in looks.into_iter().enumerate() {
            let top = hessian(step).symmetric_eigenvalues().max();
            assert!(at == (step + 1) as f64 && (sharpness / top - 1.0).abs() < 1e-4, "{at}: {sharpness} for {top}");
        }
        let last = hessian(theta.shape[0] - 1);
        let mut values: Vec<f64> = last.symmetric_eigenvalues().iter().copied().collect();
        values.sort_by(f64::total_cmp);
        let top = values[values.len() - 1];
        assert!((run.measures().get("top_eigenvalue") / top - 1.0).abs() < 1e-4);
        let nodes = run.scene.spectrum.nodes();
        let size = values.len() as f64;
        assert!(nodes.iter().zip(&values).all(|((v, w), value)| (v - value).abs() < 1e-7 && *w == 1.0 / size), "{nodes:?}");
        assert!((reading(&run, "trace of the Hessian, Σλ") - last.trace()).abs() < 1e-7);
        // The plane's part of it, from the directions as they are.
        let plane = run.scene.plane.as_ref().unwrap();
        let [d, e] = [&plane.first, &plane.second].map(|v| DVector::from_iterator(v.len(), v.iter().map(|x| f64::from(*x))));
        let d = d.normalize();
        let e = (&e - d.dot(&e) * &d).normalize();
        let [dd, de, ee] = [(&d, &d), (&d, &e), (&e, &e)].map(|(a, b)| a.dot(&(&last * b)));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6 * b.abs().max(1.0);
        assert!(near(reading(&run, "share of the Hessian's trace in the plane"), (dd + ee) / last.trace()));
        let squares = (dd * dd + 2.0 * de * de + ee * ee) / last.norm_squared();
        assert!(near(reading(&run, "share of Σλ² in the plane"), squares) && squares < 1.0);
        if matches!(controls.plane, Through::Top | Through::Ends) {
            let other = if controls.plane == Through::Top { values[values.len() - 2] } else { values[0] };
            assert!(near(dd, top) && near(ee, other));
        }
    }
}

/// Where there are many weights the trace is estimated, and within its error; the last look is the spectrum's top.
#[test]
fn many_weights_have_an_estimate_with_its_error() {
    let run = finished::<Landscape>(&Controls { detail: Detail::Coarse, epochs: 20, ..Controls::default() }, 0);
    let (network, size) = (run.network(), run.weights.len());
    let unit = |i: usize| (0..size).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
    let columns: Vec<f64> = (0..size).flat_map(|i| run.hessian(&network, &unit(i)).1).collect();
    let hessian = DMatrix::from_vec(size, size, columns);
    let top = hessian.symmetric_eigenvalues().max();
    let (last, known) = (run.sharpness.points(0).next_back().unwrap(), run.scene.spectrum.known().unwrap());
    assert!(last.0 == 20.0 && (last.1 / top - 1.0).abs() < 1e-5, "{last:?} {top}");
    assert!((known.values[known.top()] / top - 1.0).abs() < 1e-8);
    let sums = run.scene.spectrum.sums().unwrap();
    assert!((sums.trace - hessian.trace()).abs() < 4.0 * sums.error, "{sums:?} {}", hessian.trace());
    assert!(sums.error > 0.0 && sums.error < 0.1 * hessian.trace(), "{sums:?} {}", hessian.trace());
}
