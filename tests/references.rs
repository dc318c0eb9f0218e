//! Our methods against other people's: fixtures written by the scripts in `tests/fixtures/`.

use orrery::data::{Array, read};
use orrery::gpu::sinkhorn::Twin;
use orrery::methods::transport::{NewtonSparse, Problem};

fn fixture(name: &str) -> Vec<Array> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    read(name, &std::fs::read(&path).expect(&path)).unwrap()
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
        let gap = plan.iter().zip(&case.plan).fold(0.0, |worst: f64, (p, q)| worst.max((p - q).abs()));
        assert!(gap < 1e-8, "{solver}: an entry of the plan differs from POT's by {gap}");
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
            while newton.marginal_error(&case.problem) > 1e-12 {
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
            while sinkhorn.sweep() > 1e-12 {
                sweeps += 1;
                assert!(sweeps < 30_000);
            }
            let (u, v) = sinkhorn.potentials();
            check(&case, &case.problem.plan(&u, &v), "Sinkhorn");
        }
    }
}

/// Gaussian laws against POT and numpy.
mod gaussian {
    use super::*;
    use nalgebra::{DMatrix, DVector};
    use orrery::methods::gaussian::{bures, divergence};

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
    use orrery::methods::autodiff::{Function, Geometry};
    use orrery::methods::layered::{Layer, Layered};
    use orrery::methods::model::{Model, Room};
    use orrery::methods::nn::{Activation, Loss, Network, Start};
    use orrery::methods::plane::Plane;
    use orrery::methods::random::Random;
    use orrery::methods::training::evaluate;

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
