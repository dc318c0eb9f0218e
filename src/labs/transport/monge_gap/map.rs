//! The Monge gap: how far a map is from moving a law at the least cost; and maps trained with it.
//!
//! For points x₁…xₙ and a map T, M(T) = (1/n) Σ c(x_i, T(x_i)) − W_c({x_i}, {T(x_i)}) is never negative, and 0 exactly where no other
//! pairing of the same points is cheaper. A network that minimises
//!
//! ```text
//! J(T) = S_ε(T(x), y) + λ M_ε(T),      S_ε(X, Y) = W_ε(X, Y) − ½ W_ε(X, X) − ½ W_ε(Y, Y)   with cost ½‖x − y‖²
//! ```
//!
//! fits samples y and moves at the least cost c. Each W_ε is the entropic cost against the product of the marginals, its ε a share of the
//! mean cost of its own pair; its gradient is taken with the plan held fixed (envelope theorem), never through the sweeps.
//!
//! Source: Uscidda & Cuturi, "The Monge gap: a regularizer to learn all transport maps", 2023.

use libm::log;

use methods::linear::exp_in_place;
use methods::network::dense::{Network, Tape};
use methods::network::learner::Learner;
use methods::optimize::{Rule, Schedule};
use methods::transport::sinkhorn::Twin;
use run::prelude::*;

choice! {
    /// What it costs to move a unit of mass.
    pub enum Cost { HalfSquared => "½‖x−y‖²", Euclidean => "‖x−y‖" }
}

impl Cost {
    /// c(x, y).
    pub fn of<const D: usize>(self, x: &[f64; D], y: &[f64; D]) -> f64 {
        let square: f64 = (0..D).map(|d| (y[d] - x[d]) * (y[d] - x[d])).sum();
        match self {
            Cost::HalfSquared => 0.5 * square,
            Cost::Euclidean => square.sqrt(),
        }
    }

    /// ∂c/∂y, which is −∂c/∂x.
    pub fn slope<const D: usize>(self, x: &[f64; D], y: &[f64; D]) -> [f64; D] {
        let scale = match self {
            Cost::HalfSquared => 1.0,
            Cost::Euclidean => 1.0 / self.of(x, y).max(1e-9),
        };
        std::array::from_fn(|d| scale * (y[d] - x[d]))
    }

    /// c(x_i, y_j), row by row.
    pub fn matrix<const D: usize>(self, x: &[[f64; D]], y: &[[f64; D]]) -> Vec<f64> {
        x.iter().flat_map(|x| y.iter().map(|y| self.of(x, y))).collect()
    }
}

/// Entropic transport between two samples of equal masses.
#[derive(Clone, Debug)]
pub struct Coupling<const D: usize> {
    cost: Cost,
    x: Vec<[f64; D]>,
    y: Vec<[f64; D]>,
    costs: Vec<f64>,
    epsilon: f64,
    twin: Twin<f64>,
}

impl<const D: usize> Coupling<D> {
    /// Between `x` and `y`, neither empty, with ε the `share` of the mean cost; no sweep has been made.
    pub fn new(cost: Cost, x: &[[f64; D]], y: &[[f64; D]], share: f64) -> Self {
        let costs = cost.matrix(x, y);
        let epsilon = (share * costs.iter().sum::<f64>() / costs.len() as f64).max(1e-12);
        let equal = |n: usize| vec![1.0 / n as f64; n];
        let twin = Twin::new(costs.iter().map(|c| c / epsilon), &equal(x.len()), &equal(y.len()));
        Coupling { cost, x: x.to_vec(), y: y.to_vec(), costs, epsilon, twin }
    }

    /// One sweep of Sinkhorn's algorithm in the log domain.
    pub fn sweep(&mut self) {
        self.twin.sweep();
    }

    /// W_ε by its dual value ⟨f, a⟩ + ⟨g, b⟩: a lower bound that is met at convergence.
    pub fn value(&self) -> f64 {
        let (u, v) = self.twin.potentials();
        let mean =
            |potential: &[f64]| potential.iter().map(|z| z + log(potential.len() as f64)).sum::<f64>() / potential.len() as f64;
        self.epsilon * (mean(&u) + mean(&v))
    }

    /// The plan, row by row.
    pub fn plan(&self) -> Vec<f64> {
        let (u, v) = self.twin.potentials();
        let mut plan = self.costs.clone();
        for (row, u) in plan.chunks_exact_mut(v.len()).zip(&u) {
            row.iter_mut().zip(&v).for_each(|(p, v)| *p = u + v - *p / self.epsilon);
            exp_in_place(row);
        }
        plan
    }

    /// ∂W/∂x and ∂W/∂y with the plan and ε held fixed.
    pub fn gradient(&self) -> (Vec<[f64; D]>, Vec<[f64; D]>) {
        let (mut by_x, mut by_y) = (vec![[0.0; D]; self.x.len()], vec![[0.0; D]; self.y.len()]);
        for ((x, by_x), row) in self.x.iter().zip(&mut by_x).zip(self.plan().chunks_exact(self.y.len())) {
            for ((y, by_y), p) in self.y.iter().zip(&mut by_y).zip(row) {
                let slope = self.cost.slope(x, y);
                for d in 0..D {
                    by_y[d] += p * slope[d];
                    by_x[d] -= p * slope[d];
                }
            }
        }
        (by_x, by_y)
    }
}

/// Sweeps for each entropic cost.
pub const SWEEPS: usize = 20;

/// What a map is trained for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The cost in the gap.
    pub cost: Cost,
    /// λ.
    pub weight: f64,
    /// ε of every pair as a share of its mean cost.
    pub share: f64,
    /// Steps of the training, over which the rate falls to 0 as a cosine.
    pub steps: usize,
}

/// A network on its way to a map.
#[derive(Clone, Debug)]
pub struct MapLearner<const D: usize> {
    /// The network, D → D.
    pub learner: Learner,
    /// The objective.
    pub objective: Objective,
    /// Fit S_ε and gap M_ε of the batches that were watched, by step.
    pub watched: Track<2>,
    step_size: f64,
    done: usize,
}

/// A batch, and the couplings that a step on it goes by.
pub struct Batch<const D: usize> {
    x: Vec<[f64; D]>,
    moved: Vec<[f64; D]>,
    /// T(x) to y, T(x) to itself; then, if asked for, x to T(x), and y to itself.
    across: Coupling<D>,
    within: Coupling<D>,
    gap: Option<Coupling<D>>,
    target: Option<Coupling<D>>,
}

impl<const D: usize> Batch<D> {
    /// A sweep of every coupling; [`SWEEPS`] of them are made.
    pub fn sweep(&mut self) {
        [&mut self.across, &mut self.within].into_iter().chain(&mut self.gap).chain(&mut self.target).for_each(Coupling::sweep);
    }
}

fn floats<const D: usize>(points: &[[f64; D]]) -> Vec<f32> {
    points.as_flattened().iter().map(|v| *v as f32).collect()
}

fn points<const D: usize>(values: &[f32]) -> Vec<[f64; D]> {
    values.chunks_exact(D).map(|p| std::array::from_fn(|d| f64::from(p[d]))).collect()
}

impl<const D: usize> MapLearner<D> {
    /// `network` before its first step of Adam.
    pub fn new(network: Network, objective: Objective, step_size: f64) -> Self {
        let learner = Learner::new(network, Rule::ADAM, step_size);
        MapLearner { learner, objective, watched: Track::default(), step_size, done: 0 }
    }

    /// T(x) of every point.
    pub fn map(&self, x: &[[f64; D]]) -> Vec<[f64; D]> {
        let mut tape = Tape::default();
        self.learner.network.forward(&floats(x), &mut tape);
        points(tape.logits())
    }

    /// Moves x, and couples the images with y before any sweep; where it is to `watch`, with what S and M take, too.
    pub fn begin(&mut self, x: &[[f64; D]], y: &[[f64; D]], watch: bool) -> Batch<D> {
        let Objective { cost, weight, share, .. } = self.objective;
        let moved: Vec<[f64; D]> = points(self.learner.outputs(&floats(x)));
        let fit = Cost::HalfSquared;
        Batch {
            across: Coupling::new(fit, &moved, y, share),
            within: Coupling::new(fit, &moved, &moved, share),
            gap: (weight > 0.0 || watch).then(|| Coupling::new(cost, x, &moved, share)),
            target: watch.then(|| Coupling::new(fit, y, y, share)),
            x: x.to_vec(),
            moved,
        }
    }

    /// One step of Adam down J, by the couplings of the batch it has begun.
    pub fn descend(&mut self, Batch { x, moved, across, within, gap, target }: Batch<D>) {
        let Objective { cost, weight, steps, .. } = self.objective;
        let share = 1.0 / x.len() as f64;
        if let (Some(gap), Some(target)) = (&gap, &target) {
            let fit = across.value() - 0.5 * (within.value() + target.value());
            let paid: f64 = x.iter().zip(&moved).map(|(x, t)| share * cost.of(x, t)).sum();
            self.watched.note(self.done, [fit, paid - gap.value()]);
        }
        let mut delta = across.gradient().0;
        let (first, second) = within.gradient();
        for (delta, (a, b)) in delta.iter_mut().zip(first.iter().zip(&second)) {
            (0..D).for_each(|d| delta[d] -= 0.5 * (a[d] + b[d]));
        }
        if let Some(gap) = gap.filter(|_| weight > 0.0) {
            for (i, (delta, pull)) in delta.iter_mut().zip(gap.gradient().1).enumerate() {
                let paid = cost.slope(&x[i], &moved[i]);
                (0..D).for_each(|d| delta[d] += weight * (share * paid[d] - pull[d]));
            }
        }
        self.learner.optimizer.step_size = self.step_size * Schedule::Cosine.factor(self.done, steps);
        self.learner.descend(&floats(&delta));
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::network::dense::{Activation, Start};
    use methods::random::Random;
    use methods::transport::NetworkSimplex;

    fn normals(n: usize, random: &mut Random) -> Vec<[f64; 2]> {
        (0..n).map(|_| [random.normal(), random.normal()]).collect()
    }

    /// The gap without entropy.
    fn exact_gap(cost: Cost, x: &[[f64; 2]], moved: &[[f64; 2]]) -> f64 {
        let equal = vec![1.0 / x.len() as f64; x.len()];
        let mut simplex = NetworkSimplex::new(&cost.matrix(x, moved), &equal, &equal);
        while !simplex.advance(1e6) {}
        let paid: f64 = x.iter().zip(moved).map(|(x, t)| cost.of(x, t)).sum();
        paid / x.len() as f64 - simplex.certificate().primal
    }

    #[test]
    fn a_slope_is_the_change_of_the_cost() {
        let mut random = Random::new(1, "gap");
        let (x, y) = (normals(12, &mut random), normals(9, &mut random));
        for cost in [Cost::HalfSquared, Cost::Euclidean] {
            let at = |y: &[[f64; 2]], epsilon: f64| {
                let mut coupling = Coupling::new(cost, &x, y, 0.3);
                // ε held fixed, as the gradient has it.
                let mean = coupling.costs.iter().sum::<f64>() / coupling.costs.len() as f64;
                coupling = Coupling::new(cost, &x, y, if epsilon > 0.0 { epsilon / mean } else { 0.3 });
                (0..400).for_each(|_| coupling.sweep());
                coupling
            };
            let coupling = at(&y, 0.0);
            let (_, by_y) = coupling.gradient();
            for (j, d) in [(0, 0), (3, 1), (8, 0)] {
                let moved = |step: f64| {
                    let mut y = y.clone();
                    y[j][d] += step;
                    at(&y, coupling.epsilon).value()
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((slope - by_y[j][d]).abs() < 1e-7, "{cost:?}: {slope} and {}", by_y[j][d]);
            }
        }
    }

    #[test]
    fn the_value_is_the_cost_of_the_plan_and_its_entropy() {
        let mut random = Random::new(2, "gap");
        let (x, y) = (normals(20, &mut random), normals(20, &mut random));
        let mut coupling = Coupling::new(Cost::HalfSquared, &x, &y, 0.1);
        (0..3000).for_each(|_| coupling.sweep());
        let plan = coupling.plan();
        let cost: f64 = plan.iter().zip(&coupling.costs).map(|(p, c)| p * c).sum();
        let relative: f64 = plan.iter().map(|p| p * log(p * 400.0)).sum();
        assert!((coupling.value() - cost - coupling.epsilon * relative).abs() < 1e-9);
        for j in 0..20 {
            assert!(((0..20).map(|i| plan[i * 20 + j]).sum::<f64>() - 0.05).abs() < 1e-9);
        }
    }

    #[test]
    fn gradients_of_convex_functions_have_no_gap_and_rotations_have_one() {
        let mut random = Random::new(3, "gap");
        let x = normals(500, &mut random);
        let stretched: Vec<_> =
            x.iter().map(|p| [2.0 * p[0] + 0.3, 0.5 * p[1] + 0.2 * p[0] + 1.0]).map(|p| [p[0], p[1]]).collect();
        // (2, 0.2; 0.2, 0.5) would be symmetric; the map above is not, but this one is.
        let convex: Vec<_> = x.iter().map(|p| [2.0 * p[0] + 0.2 * p[1], 0.2 * p[0] + 0.5 * p[1]]).collect();
        assert!(exact_gap(Cost::HalfSquared, &x, &convex).abs() < 1e-12);
        assert!(exact_gap(Cost::HalfSquared, &x, &stretched) > 1e-4);
        // d(1 − cos a) = 0.607 for the law; two correlated samples are further apart, so that of 500 points a tenth less is seen.
        let (s, c) = (libm::sin(0.8), libm::cos(0.8));
        let turned: Vec<_> = x.iter().map(|p| [c * p[0] - s * p[1], s * p[0] + c * p[1]]).collect();
        let gap = exact_gap(Cost::HalfSquared, &x, &turned);
        assert!((0.48..0.607).contains(&gap), "{gap}");
        assert!(exact_gap(Cost::Euclidean, &x, &turned) > 0.1);
    }

    #[test]
    fn a_step_goes_down_the_gradient_of_the_objective() {
        let mut random = Random::new(4, "step");
        let (x, y) = (normals(16, &mut random), normals(16, &mut random));
        let network = Network::new(&[2, 8, 2], Activation::Relu, Start::Normal { gain: 2.0 }, &mut random);
        let objective = Objective { cost: Cost::HalfSquared, weight: 0.7, share: 0.5, steps: 10 };
        let mut learner = MapLearner::<2>::new(network.clone(), objective, 1e-3);
        let mut batch = learner.begin(&x, &y, true);
        (0..SWEEPS).for_each(|_| batch.sweep());
        learner.descend(batch);
        // J by itself, all plans converged; ε is the first network's, as the gradient has it.
        let first = learner.clone_with(&network).map(&x);
        let mean = |a: &[[f64; 2]], b: &[[f64; 2]]| {
            let costs = Cost::HalfSquared.matrix(a, b);
            costs.iter().sum::<f64>() / costs.len() as f64
        };
        let j = |network: &Network| {
            let moved = learner.clone_with(network).map(&x);
            let value = |a: &[[f64; 2]], b: &[[f64; 2]], fixed: f64| {
                let mut coupling = Coupling::new(Cost::HalfSquared, a, b, 0.5 * fixed / mean(a, b));
                (0..SWEEPS).for_each(|_| coupling.sweep());
                coupling.value()
            };
            let paid: f64 = x.iter().zip(&moved).map(|(x, t)| Cost::HalfSquared.of(x, t) / 16.0).sum();
            let gap = paid - value(&x, &moved, mean(&x, &first));
            value(&moved, &y, mean(&first, &y)) - 0.5 * value(&moved, &moved, mean(&first, &first)) + 0.7 * gap
        };
        let mut worst = 0.0f64;
        for k in 0..network.theta.len() {
            let moved = |step: f32| {
                let mut network = network.clone();
                network.theta[k] += step;
                j(&network)
            };
            let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            worst = worst.max((slope - f64::from(learner.learner.gradient[k])).abs());
        }
        let scale = learner.learner.gradient.iter().fold(0.0f32, |a, g| a.max(g.abs()));
        assert!(worst < 0.01 * f64::from(scale), "{worst} of {scale}");
        assert_eq!(learner.watched.len(), 1);
    }

    impl MapLearner<2> {
        fn clone_with(&self, network: &Network) -> Self {
            MapLearner { learner: Learner { network: network.clone(), ..self.learner.clone() }, ..self.clone() }
        }
    }
}
