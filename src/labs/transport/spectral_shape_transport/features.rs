//! The network that turns descriptors of vertices into features, in training, and the matchings that its features give.

use methods::linear::exp_in_place;
use methods::network::dense::{Activation, Network, Start};
use methods::network::learner::Learner;
use methods::optimize::Rule;
use methods::transport::sinkhorn::Twin;
use methods::transport::{NetworkSimplex, directions};
use nalgebra::{DMatrix, DVector};
use run::prelude::*;

use super::functional_map::{Objective, pull_back_unit_rows, unit_rows};
use super::task::{CHANNELS, Task, VERTICES};

/// Channels of the features, and units before them.
const FEATURES: usize = 16;
const HIDDEN: usize = 32;
const RATE: f64 = 1e-2;
const DIRECTIONS: usize = 32;

/// The network and its features.
pub struct Features {
    pub objective: Objective,
    learner: Learner<f64>,
    random: Random,
    /// Features of X and of Y, rows of length 1.
    pub rows: [DMatrix<f64>; 2],
    /// The losses by step, E_bij, E_orth, E_align and E_OT.
    pub losses: Track<4>,
    /// C_XY.
    pub map: DMatrix<f64>,
}

/// So many directions of the features' space, one a column.
fn drawn(count: usize, random: &mut Random) -> DMatrix<f64> {
    DMatrix::from_column_slice(FEATURES, count, &directions(FEATURES, count, random))
}

impl Features {
    /// Before the first step, with the weight λ_OT.
    pub fn new(transport: f64, task: &Task, seed: u64) -> Self {
        let mut random = Random::new(seed, "weights");
        let sizes = [CHANNELS, HIDDEN, FEATURES];
        let mut network = Network::new(&sizes, Activation::Relu, Start::Normal { gain: 1.0 }, &mut random);
        for (layer, deviation) in [0.35, 0.25].into_iter().enumerate() {
            let weights = network.place(layer).0;
            network.theta[weights].iter_mut().for_each(|w| *w = deviation * random.normal());
        }
        let mut features = Features {
            objective: Objective { alpha: 1e-3, temperature: 0.07, transport },
            learner: Learner::new(network, Rule::ADAM, RATE),
            random: Random::new(seed, "directions"),
            rows: [0, 1].map(|_| DMatrix::zeros(VERTICES, FEATURES)),
            losses: Track::default(),
            map: DMatrix::zeros(1, 1),
        };
        features.forward(task);
        let first = drawn(1, &mut Random::new(seed, "first"));
        features.map = task.pair.appraise(features.rows.each_ref(), &features.objective, &first, None).map;
        features
    }

    /// Sets the features; gives the lengths that their rows had.
    fn forward(&mut self, task: &Task) -> [DVector<f64>; 2] {
        let outputs = self.learner.outputs(&task.descriptors);
        let half = VERTICES * FEATURES;
        [0, 1].map(|side| {
            let raw = DMatrix::from_row_slice(VERTICES, FEATURES, &outputs[side * half..(side + 1) * half]);
            let (unit, lengths) = unit_rows(&raw.add_scalar(1e-6));
            self.rows[side] = unit;
            lengths
        })
    }

    /// One step of Adam; a `matching` that is given stands in the place of the soft one.
    pub fn step(&mut self, task: &Task, matching: Option<&DMatrix<f64>>) {
        let lengths = self.forward(task);
        let directions = drawn(DIRECTIONS, &mut self.random);
        let told = task.pair.appraise(self.rows.each_ref(), &self.objective, &directions, matching);
        let back = |side: usize| pull_back_unit_rows(&told.slopes[side], &self.rows[side], &lengths[side]).transpose();
        let delta = [back(0).as_slice(), back(1).as_slice()].concat();
        let Learner { network, optimizer, tape, gradient } = &mut self.learner;
        network.backward(tape, &delta, gradient);
        // The last layer has no bias.
        gradient[network.place(1).1].fill(0.0);
        optimizer.step(&mut network.theta, gradient);
        self.losses.note(self.losses.len() + 1, told.losses);
        self.map = told.map;
        self.forward(task);
    }

    /// 1 − cosine, a row a vertex of Y.
    fn costs(&self) -> Vec<f64> {
        // Column by column is the order in which nalgebra keeps its transpose.
        (&self.rows[0] * self.rows[1].transpose()).as_slice().iter().map(|cosine| 1.0 - cosine).collect()
    }

    /// For every vertex of Y the vertex of X with the nearest features.
    pub fn nearest(&self) -> Vec<usize> {
        self.costs().chunks_exact(VERTICES).map(|row| extreme(row, |a, b| a < b)).collect()
    }

    /// The exact plan between the features, which is one to one.
    pub fn assignment(&self) -> Vec<usize> {
        assignment(&self.costs())
    }
}

/// The exact plan between vertices of equal mass at costs that have a row a vertex of Y: for every one of these a vertex of X, all different.
pub fn assignment(costs: &[f64]) -> Vec<usize> {
    let equal = vec![1.0 / VERTICES as f64; VERTICES];
    let mut simplex = NetworkSimplex::new(costs, &equal, &equal);
    while !simplex.advance(1e6) {}
    let mut matches = vec![0; VERTICES];
    simplex.entries().iter().for_each(|entry| matches[entry.row] = entry.column);
    matches
}

/// The first place in a row before which, in its order, none comes.
pub fn extreme(row: &[f64], before: impl Fn(f64, f64) -> bool) -> usize {
    (1..row.len()).fold(0, |best, i| if before(row[i], row[best]) { i } else { best })
}

/// The entropic plan between features on its way.
pub struct Plan {
    twin: Twin<f64>,
    scaled: Vec<f64>,
}

impl Plan {
    /// Before its first sweep.
    pub fn new(features: &Features, epsilon: f64) -> Self {
        let scaled: Vec<f64> = features.costs().iter().map(|cost| cost / epsilon).collect();
        let equal = vec![1.0 / VERTICES as f64; VERTICES];
        Plan { twin: Twin::new(scaled.iter().copied(), &equal, &equal), scaled }
    }

    /// One sweep of Sinkhorn's algorithm.
    pub fn sweep(&mut self) {
        self.twin.sweep();
    }

    /// n T as a matching: entry (x, y) is how much of y's mass goes to x.
    pub fn matching(&self) -> DMatrix<f64> {
        let (u, v) = self.twin.potentials();
        let mut plan = self.scaled.clone();
        for (row, u) in plan.chunks_exact_mut(VERTICES).zip(&u) {
            row.iter_mut().zip(&v).for_each(|(p, v)| *p = u + v - *p);
            exp_in_place(row);
            row.iter_mut().for_each(|p| *p *= VERTICES as f64);
        }
        DMatrix::from_vec(VERTICES, VERTICES, plan)
    }
}
