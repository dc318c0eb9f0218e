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
