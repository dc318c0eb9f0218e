use super::*;
use crate::random::Random;

fn solve(cost: &[f64], source: &[f64], target: &[f64]) -> NetworkSimplex {
    let mut simplex = NetworkSimplex::new(cost, source, target);
    while !simplex.advance(1e4) {}
    simplex
}

fn random(rows: usize, columns: usize, even: bool, seed: u64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut random = Random::new(seed, "exact");
    let mut masses = |n: usize| {
        let mass: Vec<f64> = (0..n).map(|_| if even { 1.0 } else { random.between(0.1, 1.0) }).collect();
        let sum: f64 = mass.iter().sum();
        mass.into_iter().map(|m| m / sum).collect::<Vec<_>>()
    };
    let (source, target) = (masses(rows), masses(columns));
    ((0..rows * columns).map(|_| random.uniform()).collect(), source, target)
}

/// The least cost of an assignment, by going through all of them.
fn brute_force(cost: &[f64], n: usize) -> f64 {
    fn best(cost: &[f64], n: usize, row: usize, taken: &mut Vec<bool>) -> f64 {
        if row == n {
            return 0.0;
        }
        let mut least = f64::INFINITY;
        for j in 0..n {
            if !taken[j] {
                taken[j] = true;
                least = least.min(cost[row * n + j] + best(cost, n, row + 1, taken));
                taken[j] = false;
            }
        }
        least
    }
    best(cost, n, 0, &mut vec![false; n]) / n as f64
}

#[test]
fn assignments_are_the_best_of_all() {
    for seed in 0..20 {
        let n = 2 + seed as usize % 6;
        let (cost, source, target) = random(n, n, true, seed);
        let primal = solve(&cost, &source, &target).certificate().primal;
        assert!((primal - brute_force(&cost, n)).abs() < 1e-14, "n {n}, seed {seed}");
    }
}

#[test]
fn plans_are_feasible_and_certified() {
    for (seed, (rows, columns, even)) in
        [(1, 1, true), (1, 7, false), (9, 1, false), (40, 40, true), (30, 45, true), (60, 80, false)].into_iter().enumerate()
    {
        let (mut cost, source, target) = random(rows, columns, even, seed as u64);
        // Many ties, where pivots move nothing.
        if even {
            cost.iter_mut().for_each(|c| *c = (*c * 4.0).floor());
        }
        let simplex = solve(&cost, &source, &target);
        let plan = simplex.plan();
        for (i, r) in source.iter().enumerate() {
            assert!((plan[i * columns..][..columns].iter().sum::<f64>() - r).abs() < 1e-14);
        }
        for (j, c) in target.iter().enumerate() {
            assert!((plan.iter().skip(j).step_by(columns).sum::<f64>() - c).abs() < 1e-14);
        }
        let proof = simplex.certificate();
        for (k, c) in cost.iter().enumerate() {
            assert!(c - proof.u[k / columns] - proof.v[k % columns] >= 0.0);
        }
        assert!((0.0..=1e-13).contains(&proof.gap), "{}", proof.gap);
        assert!((proof.primal - proof.dual - proof.gap).abs() < 1e-13);
        assert!(simplex.entries().len() < rows + columns);
    }
}

#[test]
fn costs_of_any_sign_and_order_of_places() {
    let (cost, source, target) = random(12, 12, false, 4);
    let value = |cost: &[f64], source: &[f64]| solve(cost, source, &target).certificate().primal;
    let plain = value(&cost, &source);
    let moved: Vec<f64> = cost.iter().map(|c| c - 0.7).collect();
    assert!((value(&moved, &source) - (plain - 0.7)).abs() < 1e-13);
    let order = Random::new(1, "order").permutation(12);
    let shuffled: Vec<f64> = order.iter().flat_map(|i| cost[i * 12..][..12].to_vec()).collect();
    let masses: Vec<f64> = order.iter().map(|i| source[*i]).collect();
    assert!((value(&shuffled, &masses) - plain).abs() < 1e-13);
}

#[test]
fn before_the_end_the_dual_is_a_bound_all_the_same() {
    let (cost, source, target) = random(50, 50, false, 7);
    let best = solve(&cost, &source, &target).certificate().primal;
    let mut simplex = NetworkSimplex::new(&cost, &source, &target);
    while !simplex.advance(100.0) {
        assert!(simplex.certificate().dual <= best + 1e-13);
    }
}

/// However much a pair costs that no plan needs, the plan is that of the others, to the last digits of its own cost.
#[test]
fn a_forbidden_pair_may_cost_anything() {
    for seed in 0..24 {
        let (n, unit) = (3 + seed as usize % 4, [1.0, 1e-12, 1e9][seed as usize % 3]);
        let (mut cost, masses, _) = random(n, n, true, seed);
        cost.iter_mut().for_each(|c| *c *= unit);
        // All beside the diagonal may be forbidden, but not that.
        let forbidden: Vec<usize> = (0..n * n).filter(|k| k / n != k % n && !(k * 7 + seed as usize).is_multiple_of(3)).collect();
        for price in [1e16, 1e18, 1e20, 1e30, 1e200, f64::MAX, f64::INFINITY] {
            forbidden.iter().for_each(|k| cost[*k] = f64::INFINITY);
            let best = brute_force(&cost, n);
            forbidden.iter().for_each(|k| cost[*k] = price);
            let simplex = solve(&cost, &masses, &masses);
            let proof = simplex.certificate();
            assert!((proof.primal - best).abs() <= 1e-14 * best, "{price:e}, seed {seed}: {} for {best}", proof.primal);
            assert!(proof.gap >= 0.0 && proof.gap + proof.rounding < 1e-10 * best, "{price:e}, seed {seed}: {proof:?}");
            assert!(simplex.entries().iter().all(|e| cost[e.row * n + e.column] < price));
        }
    }
}

/// Masses that do not fit into doubles add up on both sides of what is forbidden to a rounding only: nothing goes across.
#[test]
fn rounding_of_the_masses_sends_nothing_over_a_forbidden_pair() {
    for (parts, total) in [(&[1.0, 2.0, 4.0][..], 7.0), (&[1.0, 1.0, 1.0, 1.0, 4.0], 8.0), (&[0.1, 0.2, 0.3, 0.7], 1.3)] {
        let n = parts.len();
        let (inner, _, _) = random(n, n, true, n as u64);
        let masses: Vec<f64> = parts.iter().chain(parts).map(|m| m / total / 2.0).collect();
        // Within each of two blocks, whose order the target turns round, one unit of mass goes as it would alone.
        let turned: Vec<f64> = masses.iter().rev().copied().collect();
        let half: Vec<f64> = parts.iter().map(|m| m / total).collect();
        let alone = solve(&inner, &half, &half.iter().rev().copied().collect::<Vec<_>>()).certificate().primal;
        for price in [1e12, 1e16, 1e18, 1e30, f64::INFINITY] {
            let at = |i: usize, j: usize| if i / n == j / n { inner[i % n * n + j % n] } else { price };
            let cost: Vec<f64> = (0..4 * n * n).map(|k| at(k / (2 * n), k % (2 * n))).collect();
            let proof = solve(&cost, &masses, &turned).certificate();
            assert!((proof.primal - alone).abs() < 1e-14, "{price:e}: {} for {alone}", proof.primal);
            assert!(proof.gap + proof.rounding < 1e-10 * alone, "{price:e}: {proof:?}");
        }
    }
}

#[test]
fn what_is_dear_is_paid_where_it_must_be() {
    // A small part of the mass has only a pair that costs so many times more than the others (powers of two, which masses and parts keep).
    let dear = f64::from(1 << 30);
    let tiny = 1.0 / dear;
    let (source, target) = ([tiny, 0.5, 0.5 - tiny], [tiny, 0.5 - tiny, 0.5]);
    let cost = [dear, 4.0 * dear, 4.0 * dear, 1e30, 1.0, 2.0, 1e30, 3.0, 2.0];
    let proof = solve(&cost, &source, &target).certificate();
    let best = tiny * dear + (0.5 - tiny) + 2.0 * tiny + 2.0 * (0.5 - tiny);
    assert!((proof.primal - best).abs() < 1e-12 && proof.primal - best <= proof.gap + proof.rounding, "{proof:?}, {best}");
    // Where every plan needs a forbidden pair, its cost says so.
    let all = solve(&[1e18, 1.0, 1e18, 2.0], &[0.5; 2], &[0.5; 2]).certificate();
    assert_eq!(all.primal, 0.5 * 1e18);
    assert_eq!(solve(&[f64::INFINITY, 1.0, f64::INFINITY, 2.0], &[0.5; 2], &[0.5; 2]).certificate().primal, f64::INFINITY);
}

#[test]
fn where_nothing_is_paid_the_proof_is_nothing_too() {
    let mut random = Random::new(24, "itself");
    let places: Vec<f64> = (0..150).map(|_| random.normal()).collect();
    let order = random.permutation(50);
    let shuffled: Vec<f64> = order.iter().flat_map(|i| places[3 * i..3 * i + 3].to_vec()).collect();
    let cost = crate::transport::squared_distances(&places, &shuffled, 3);
    let proof = solve(&cost, &[0.02; 50], &[0.02; 50]).certificate();
    assert_eq!((proof.primal, proof.dual, proof.gap, proof.rounding), (0.0, 0.0, 0.0, 0.0));
}

/// `cargo test --release -- --ignored --nocapture time_of` prints how long 1,000 places take.
#[test]
#[ignore = "prints times"]
fn time_of_a_thousand() {
    for even in [true, false] {
        let (uniform, source, target) = random(1000, 1000, even, 3);
        let mut random = Random::new(5, "points");
        let mut points =
            |shift: f64| -> Vec<[f64; 2]> { (0..1000).map(|_| [random.normal() + shift, random.normal() + shift]).collect() };
        let (a, b) = (points(0.0), points(1.0));
        let square = |x: f64| x * x;
        let planar: Vec<f64> = a.iter().flat_map(|p| b.iter().map(move |q| square(p[0] - q[0]) + square(p[1] - q[1]))).collect();
        for (name, cost) in [("uniform", &uniform), ("planar", &planar)] {
            let start = std::time::Instant::now();
            let simplex = solve(cost, &source, &target);
            println!(
                "{name}, equal masses {even}: {:?}, {} pivots, gap {:e}",
                start.elapsed(),
                simplex.pivots(),
                simplex.certificate().gap
            );
        }
    }
}
