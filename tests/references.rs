//! Our methods against other people's: fixtures written by the scripts in `tests/fixtures/`.

use methods::transport::sinkhorn::Twin;
use methods::transport::{
    Annealed, Barycenter, Gaussian, Greenkhorn, GromovWasserstein, NetworkSimplex, NewtonSparse, Partial, Problem, Regulariser,
    Scaling, Unbalanced, cost_of_entries, sinkhorn_divergence, sliced, squared_on_a_line, sweep_quadratic,
};
use run::data::{Array, read};

fn fixture(name: &str) -> Vec<Array> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    read(name, &std::fs::read(&path).expect(&path)).unwrap()
}

/// The largest difference of two lists; NaN if one is NaN, which `max` would pass over.
fn largest_gap(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |top: f64, d| if top.is_nan() || d <= top { top } else { d })
}

/// Entropic transport against POT: its log-domain Sinkhorn for the plan, its network simplex for the exact cost.
mod transport {
    use super::*;

    struct Case {
        problem: Problem,
        plan: Vec<f64>,
        exact_cost: f64,
    }

    fn cases() -> Vec<Case> {
        let arrays = fixture("transport.npz");
        let get = |name: String| arrays.iter().find(|a| a.name == format!("transport.npz/{name}"));
        (0..)
            .map_while(|k| {
                let part = |name: &str| get(format!("{name}_{k}")).map(|a| a.values.clone());
                let problem = Problem::new(&part("C")?, part("r")?, part("c")?, part("eta")?[0]);
                Some(Case { problem, plan: part("P")?, exact_cost: part("emd")?[0] })
            })
            .collect()
    }

    fn sinkhorn(problem: &Problem) -> Twin<f64> {
        Twin::new(problem.scaled_cost().iter().copied(), &problem.source, &problem.target)
    }

    fn check(case: &Case, plan: &[f64], solver: &str) {
        let gap = largest_gap(plan, &case.plan);
        assert!(gap < 1e-9, "{solver}: an entry of the plan differs from POT's by {gap}");
        let n = case.problem.rows().max(case.problem.columns()) as f64;
        let excess = case.problem.cost_of(plan) - case.exact_cost;
        let bound = 2.0 * n.ln() / case.problem.inverse_temperature;
        assert!((-1e-12..=bound).contains(&excess), "{solver}: ⟨C, P⟩ is {excess} above the exact cost, the bound is {bound}");
    }

    #[test]
    fn newton_reaches_the_plan_of_pot() {
        let cases = cases();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let mut sinkhorn = sinkhorn(&case.problem);
            (0..20).for_each(|_| _ = sinkhorn.sweep());
            let (u, v) = sinkhorn.potentials();
            let kept = 10 * case.problem.rows().max(case.problem.columns());
            let mut newton = NewtonSparse::new(&case.problem, u, v, kept);
            while newton.marginal_error(&case.problem) > 1e-13 {
                while !newton.advance(&case.problem, 1e9) {}
                assert!(newton.steps < 200, "error {}", newton.marginal_error(&case.problem));
            }
            check(&case, newton.plan(), "Newton");
        }
    }

    #[test]
    fn sinkhorn_reaches_the_plan_of_pot() {
        for case in cases() {
            let mut sinkhorn = sinkhorn(&case.problem);
            let mut sweeps = 0;
            while sinkhorn.sweep() > 1e-13 {
                sweeps += 1;
                assert!(sweeps < 30_000);
            }
            let (u, v) = sinkhorn.potentials();
            check(&case, &case.problem.plan(&u, &v), "Sinkhorn");
        }
    }

    /// What the fixture has besides its cases; the parts of case 3 are used again.
    struct Others(Vec<Array>);

    impl Others {
        fn get(&self, name: &str) -> Vec<f64> {
            let name = format!("transport.npz/{name}");
            self.0.iter().find(|a| a.name == name).unwrap_or_else(|| panic!("{name}")).values.clone()
        }

        fn problem(&self, inverse_temperature: f64) -> (Problem, Vec<f64>) {
            let cost = self.get("C_3");
            (Problem::new(&cost, self.get("r_3"), self.get("c_3"), inverse_temperature), cost)
        }
    }

    fn others() -> Others {
        Others(fixture("transport.npz"))
    }

    fn far(a: &[f64], b: &[f64]) -> f64 {
        assert_eq!(a.len(), b.len());
        largest_gap(a, b)
    }

    #[test]
    fn the_simplex_finds_the_cost_of_pot() {
        let others = others();
        for k in 0..4 {
            let part = |name: &str| others.get(&format!("{name}_{k}"));
            let mut simplex = NetworkSimplex::new(&part("C"), &part("r"), &part("c"));
            while !simplex.advance(1e5) {}
            let proof = simplex.certificate();
            assert!((proof.primal - part("emd")[0]).abs() < 1e-10, "case {k}: {} for {}", proof.primal, part("emd")[0]);
            assert!((0.0..1e-13).contains(&proof.gap), "case {k}: {}", proof.gap);
        }
    }

    #[test]
    fn other_entropic_solvers_reach_the_plan_of_pot() {
        let cases = cases();
        let mut scaling = Scaling::new(&cases[0].problem);
        while scaling.sweep() > 1e-13 {}
        assert!(far(&scaling.plan(), &cases[0].plan) < 1e-9);
        for case in &cases {
            let mut annealed = Annealed::new(&case.problem);
            while annealed.sweep() > 1e-12 || !annealed.arrived() {}
            let (u, v) = annealed.potentials();
            assert!(far(&case.problem.plan(&u, &v), &case.plan) < 1e-9);
        }
        let mut greenkhorn = Greenkhorn::new(&cases[3].problem);
        while greenkhorn.sweep() > 1e-12 {}
        assert!(far(greenkhorn.plan(), &cases[3].plan) < 1e-9);
    }

    #[test]
    fn relaxed_and_quadratic_transport_agree_with_pot() {
        let others = others();
        let (problem, cost) = others.problem(20.0);
        let mut unbalanced = Unbalanced::new(&problem, 0.3);
        while unbalanced.sweep() > 1e-13 {}
        assert!(far(&unbalanced.plan(), &others.get("unbalanced_P")) < 1e-9);
        let mut partial = Partial::new(&cost, &problem.source, &problem.target, 0.6);
        while !partial.simplex.advance(1e5) {}
        assert!((cost_of_entries(&cost, problem.columns(), &partial.entries()) - others.get("partial")[0]).abs() < 1e-10);
        let (mut problem, _) = others.problem(2.0);
        problem.regulariser = Regulariser::Quadratic;
        let (mut u, mut v) = (vec![0.0; problem.rows()], vec![0.0; problem.columns()]);
        sweep_quadratic(&problem, &mut u, &mut v);
        let mut newton = NewtonSparse::new(&problem, u, v, usize::MAX);
        while newton.marginal_error(&problem) > 1e-12 {
            newton.advance(&problem, 1e9);
            assert!(newton.steps < 200);
        }
        // POT's L-BFGS ends at a marginal error of 3e-7.
        assert!(far(newton.plan(), &others.get("quadratic_P")) < 1e-6);
    }

    #[test]
    fn closed_forms_and_slices_agree_with_pot() {
        let others = others();
        let (x, y, r, c) = (others.get("x_points"), others.get("y_points"), others.get("r_3"), others.get("c_3"));
        let value = |name: &str| others.get(name)[0];
        assert!((sliced(&x, &r, &y, &c, 2, &others.get("directions")) - value("sliced")).abs() < 1e-12);
        let line = squared_on_a_line(&others.get("line_x"), &r, &others.get("line_y"), &c);
        assert!((line - value("line")).abs() < 1e-12);
        let (source, target) = (Gaussian::of(&x, &r, 2), Gaussian::of(&y, &c, 2));
        assert!((source.squared_distance(&target) - value("gaussian")).abs() < 1e-10);
        let map = source.map_to(&target).unwrap();
        assert!(far(map.as_slice(), &others.get("gaussian_map")) < 1e-10);
    }

    #[test]
    fn divergence_barycenter_and_gromov_agree_with_pot() {
        let others = others();
        let (x, y, r, c) = (others.get("x_points"), others.get("y_points"), others.get("r_3"), others.get("c_3"));
        let squared = |p: &[f64], q: &[f64]| (p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]);
        let costs =
            |x: &[f64], y: &[f64]| -> Vec<f64> { x.chunks(2).flat_map(|p| y.chunks(2).map(move |q| squared(p, q))).collect() };
        let problem = |x: &[f64], r: &[f64], y: &[f64], c: &[f64]| Problem::new(&costs(x, y), r.to_vec(), c.to_vec(), 2.0);
        let [across, from, to] = [problem(&x, &r, &y, &c), problem(&x, &r, &x, &r), problem(&y, &c, &y, &c)];
        let divergence = sinkhorn_divergence(&across, &from, &to, 100_000, 1e-14);
        assert!((divergence - others.get("divergence")[0]).abs() < 1e-10, "{divergence}");

        let grid: Vec<f64> = (0..50).map(|k| f64::from(k) / 49.0).collect();
        let cost: Vec<f64> = grid.iter().flat_map(|x| grid.iter().map(move |y| (x - y) * (x - y))).collect();
        let measures: Vec<Vec<f64>> = others.get("barycenter_measures").chunks(50).map(<[f64]>::to_vec).collect();
        let mut barycenter = Barycenter::new(&cost, &measures, &others.get("barycenter_weights"), 200.0);
        while barycenter.step() > 1e-13 {}
        assert!(far(&barycenter.measure(), &others.get("barycenter")) < 1e-9);

        let inner = |points: &[f64]| -> Vec<f64> {
            let distances: Vec<f64> = costs(points, points).iter().map(|d| d.sqrt()).collect();
            let largest = distances.iter().fold(0.0, |a: f64, b| a.max(*b));
            distances.iter().map(|d| d / largest).collect()
        };
        let mut gromov = GromovWasserstein::new(&inner(&x), &inner(&y), &r, &c, 20.0);
        while gromov.step(100_000, 1e-14) > 1e-12 {}
        assert!(far(&gromov.plan, &others.get("gromov_P")) < 1e-6);
        assert!((gromov.cost() - others.get("gromov")[0]).abs() < 1e-6);
    }
}

/// Sinkhorn between points, without a matrix, against POT.
mod clouds {
    use super::*;
    use methods::transport::clouds::CloudSinkhorn;
    use methods::transport::moments::Moments;

    #[test]
    fn conditionals_and_their_distances_are_pots() {
        let arrays = fixture("clouds.npz");
        for k in 0..2 {
            let get = |name: &str| {
                let name = format!("clouds.npz/{name}_{k}");
                &arrays.iter().find(|array| array.name == name).expect("the fixture has it").values
            };
            let points = |name: &str| -> Vec<[f64; 2]> { get(name).chunks_exact(2).map(|p| [p[0], p[1]]).collect() };
            let x = points("x");
            let mut sinkhorn = CloudSinkhorn::new(&x, &points("y"), get("eps")[0]);
            (0..5000 * sinkhorn.per_sweep()).for_each(|_| sinkhorn.renew());
            let ours: Vec<Moments<2>> = x.iter().map(|x| sinkhorn.moments(x)).collect();
            for ((ours, mean), covariance) in ours.iter().zip(points("mean")).zip(get("cov").chunks_exact(3)) {
                let [[xx, xy], [_, yy]] = ours.covariance;
                let ([a, b], theirs) = (ours.mean, [&mean[..], covariance].concat());
                let gap = largest_gap(&[a, b, xx, xy, yy], &theirs);
                assert!(gap < 1e-9, "case {k}: {ours:?}, {theirs:?}");
            }
            for (pair, theirs) in ours.windows(2).zip(get("bw")) {
                let distance = pair[0].squared_distance(&pair[1]).sqrt();
                assert!((distance - theirs).abs() < 1e-7, "case {k}: {distance} and {theirs}");
            }
        }
    }
}

/// Means of covariance matrices against POT.
mod spd {
    use super::*;
    use methods::linear::spd::{arithmetic_mean, bures_wasserstein::mean_step};
    use methods::statistics::gaussian::bures;
    use nalgebra::DMatrix;

    #[test]
    fn the_fixed_point_is_pots_mean() {
        let arrays = fixture("spd.npz");
        for k in 0..2 {
            let get =
                |name: &str| arrays.iter().find(|a| a.name == format!("spd.npz/{name}_{k}")).map(|a| a.values.clone()).unwrap();
            let theirs = get("mean");
            let n = (theirs.len() as f64).sqrt() as usize;
            let batch: Vec<DMatrix<f64>> = get("P").chunks_exact(n * n).map(|p| DMatrix::from_row_slice(n, n, p)).collect();
            let mut mean = arithmetic_mean(&batch);
            (0..200).for_each(|_| mean = mean_step(&batch, &mean));
            let theirs = DMatrix::from_row_slice(n, n, &theirs);
            assert!((&mean - &theirs).norm() < 1e-9 * theirs.norm(), "case {k}: {mean} {theirs}");
            for (p, d) in batch.iter().zip(get("d")) {
                assert!((bures(p, &theirs).sqrt() / d - 1.0).abs() < 1e-9, "case {k}");
            }
        }
    }
}

/// Gaussian laws against POT and numpy.
mod gaussian {
    use super::*;
    use methods::statistics::gaussian::{bures, divergence};
    use nalgebra::{DMatrix, DVector};

    #[test]
    fn distance_and_divergence_are_those_of_pot_and_numpy() {
        let arrays = fixture("gaussians.npz");
        let get = |name: &str, k: usize| {
            arrays.iter().find(|a| a.name == format!("gaussians.npz/{name}_{k}")).map(|a| a.values.clone()).unwrap()
        };
        for k in 0..4 {
            let [m, n] = ["m", "n"].map(|name| DVector::from_vec(get(name, k)));
            let [c, d] = ["C", "D"].map(|name| DMatrix::from_row_slice(m.len(), m.len(), &get(name, k)));
            let distance = (&m - &n).norm_squared() + bures(&c, &d);
            assert!((distance / get("w", k)[0] - 1.0).abs() < 1e-12, "case {k}: {distance}");
            let kl = divergence(&m, &c, &n, &d);
            assert!((kl / get("kl", k)[0] - 1.0).abs() < 1e-12, "case {k}: {kl}");
        }
    }
}

/// Losses over a plane of weights against PyTorch's.
mod landscape {
    use ground::random::Random;
    use methods::network::autodiff::{Function, Geometry};
    use methods::network::dense::{Activation, Loss, Network, Start};
    use methods::network::layered::{Layer, Layered};
    use methods::network::model::{Model, Room};
    use methods::network::plane::Plane;
    use methods::network::training::evaluate;

    use super::*;

    fn networks() -> [(&'static str, Model); 2] {
        let mut random = Random::new(0, "shapes only");
        let dense = Network::new(&[2, 8, 8, 3], Activation::Tanh, Start::Uniform, &mut random);
        let whole = Geometry { channels: 1, height: 8, width: 8, side: 3 };
        let half = Geometry { channels: 4, height: 4, width: 4, side: 3 };
        let (relu, normalise) = (Layer::Activate(Function::Relu), Layer::Normalise { channels: 4 });
        let layers = vec![
            Layer::Convolve { geometry: whole, to: 4 },
            normalise,
            relu,
            Layer::MeanPool(Geometry { channels: 4, ..whole }),
            Layer::Keep,
            Layer::Convolve { geometry: half, to: 4 },
            normalise,
            Layer::AddKept,
            relu,
            Layer::MeanPool(half),
            Layer::Dense { from: 16, to: 3 },
        ];
        [("dense", dense.into()), ("convolutional", Layered::new(layers, 64, Start::Uniform, &mut random).into())]
    }

    #[test]
    fn losses_over_a_plane_are_pytorchs() {
        let arrays = fixture("landscape.npz");
        let get = |name: &str| &arrays.iter().find(|a| a.name == format!("landscape.npz/{name}")).unwrap().values;
        let floats = |name: &str| get(name).iter().map(|v| *v as f32).collect::<Vec<f32>>();
        let mut room = Room::default();
        for (name, network) in networks() {
            let part = |what: &str| floats(&format!("{name}_{what}"));
            let plane = Plane { centre: part("theta"), first: part("first"), second: part("second") };
            let (x, y) = (part("x"), get(&format!("{name}_y")).iter().map(|v| *v as u8).collect::<Vec<u8>>());
            for (loss, what) in [(Loss::CrossEntropy, "entropy"), (Loss::Squared, "squared")] {
                let theirs = get(&format!("{name}_{what}"));
                for (i, theirs) in theirs.iter().enumerate() {
                    let (a, b) = (get("places")[i % 5], get("places")[i / 5]);
                    let ours = evaluate(&network.with(plane.at(a, b)), loss, &x, &y, &mut room).0;
                    assert!((ours - theirs).abs() < 1e-5 * theirs, "{name}, {what} at ({a}, {b}): {ours} and {theirs}");
                }
            }
        }
    }
}

/// The linear probe against scikit-learn.
#[test]
fn the_probe_is_the_logistic_regression_of_scikit_learn() {
    use methods::statistics::logistic::Probe;
    let arrays = fixture("probe.npz");
    let get = |name: &str| arrays.iter().find(|a| a.name == format!("probe.npz/{name}")).map(|a| a.values.clone()).unwrap();
    let x: Vec<f32> = get("x").iter().map(|v| *v as f32).collect();
    let y: Vec<u8> = get("y").iter().map(|v| *v as u8).collect();
    let mut probe = Probe::new(&x, &y, 4);
    while !probe.finished() {
        probe.advance();
    }
    assert!((probe.value() / get("value")[0] - 1.0).abs() < 1e-9, "{}", probe.value());
    // One number may be added to all classes' intercepts.
    for (ours, theirs) in probe.theta().chunks(4).zip(get("theta").chunks(4)) {
        let mean = ours.iter().sum::<f64>() / 4.0;
        assert!(ours.iter().zip(theirs).all(|(a, b)| (a - mean - b).abs() < 1e-4), "{ours:?} and {theirs:?}");
    }
}
