//! A critic in training: its encoders, and what a step leaves for the next part of it.

use methods::linear::product::Product;
use methods::network::contrastive::{Room, info_nce, slope_penalty};
use methods::network::dense::{Network, Tape};
use methods::optimize::{Optimizer, Rule};

use super::pairs::{Batch, Task};
use super::{CODE, LOOK, PROBE};

/// A method in training.
pub struct Learner {
    pub lambda: f64,
    /// 1/T.
    sharpness: f32,
    /// g and h.
    pub encoders: [Network; 2],
    optimizers: [Optimizer<f32>; 2],
    /// −J of every step.
    pub values: Vec<f64>,
    /// Accuracy of the probe for every factor.
    pub accuracy: Vec<f64>,
    /// ln of exp f(xᵢ,yⱼ) over its mean in the row, LOOK × LOOK.
    pub ratios: Vec<f32>,
    tapes: [Vec<Tape>; 2],
    outputs: [Vec<f32>; 2],
    deltas: [Vec<f32>; 2],
    scores: Vec<f32>,
    delta: Vec<f32>,
    gradients: [Vec<f32>; 2],
    part: Vec<f32>,
    room: Room<f32>,
}

impl Learner {
    pub fn new(lambda: f64, temperature: f64, encoders: [Network; 2]) -> Self {
        Learner {
            lambda,
            sharpness: (1.0 / temperature) as f32,
            optimizers: [0, 1].map(|i| Optimizer::new(Rule::ADAM, 1e-3, encoders[i].theta.len())),
            gradients: [0, 1].map(|i| vec![0.0; encoders[i].theta.len()]),
            encoders,
            values: Vec::new(),
            accuracy: Vec::new(),
            ratios: Vec::new(),
            tapes: Default::default(),
            outputs: Default::default(),
            deltas: Default::default(),
            scores: Vec::new(),
            delta: Vec::new(),
            part: Vec::new(),
            room: Room::default(),
        }
    }

    /// The outputs of the encoders for part `p` of a batch.
    pub fn encode(&mut self, batch: &Batch, p: usize) {
        for side in 0..2 {
            self.tapes[side].resize_with(batch.parts(), Tape::default);
            self.encoders[side].forward(batch.rows(&batch.pairs[side], p), &mut self.tapes[side][p]);
        }
    }

    /// The gradient of J on part `p`.
    pub fn gather(&mut self, batch: &Batch, p: usize) {
        for side in 0..2 {
            self.part.resize(self.gradients[side].len(), 0.0);
            let delta = batch.rows(&self.deltas[side], p);
            self.encoders[side].backward(&mut self.tapes[side][p], delta, &mut self.part);
            self.gradients[side].iter_mut().zip(&self.part).for_each(|(sum, g)| *sum += g);
        }
    }

    pub fn descend(&mut self) {
        for side in 0..2 {
            self.optimizers[side].step(&mut self.encoders[side].theta, &self.gradients[side]);
        }
    }

    /// The scores of all pairs, J, and its gradient by the encoders' outputs.
    pub fn compare(&mut self, n: usize) {
        for side in 0..2 {
            self.outputs[side].clear();
            self.tapes[side].iter().for_each(|tape| self.outputs[side].extend_from_slice(tape.logits()));
            self.gradients[side].fill(0.0);
            self.deltas[side].resize(n * CODE, 0.0);
        }
        let ([g, h], [by_g, by_h]) = (&self.outputs, &mut self.deltas);
        self.scores.resize(n * n, 0.0);
        f32::product_nt(&mut self.scores, g, h, n, CODE, n);
        self.scores.iter_mut().for_each(|f| *f *= self.sharpness);
        self.values.push(-info_nce(&self.scores, n, &mut self.delta));
        self.delta.iter_mut().for_each(|d| *d *= self.sharpness);
        f32::product(by_g, &self.delta, h, n, n, CODE);
        f32::product_tn(by_h, &self.delta, g, n, n, CODE);
    }

    /// The gradient of the penalty on part `p`.
    pub fn flatten(&mut self, batch: &Batch, p: usize) {
        let [g, h] = &self.encoders;
        let [by_g, by_h] = &mut self.gradients;
        let points = [0, 1].map(|side| batch.rows(&batch.between[side], p));
        slope_penalty([g, h], points, self.lambda / batch.size as f64, &mut self.room, [by_g, by_h]);
    }

    /// What the critic makes of the first test pairs of the probe.
    pub fn look(&mut self, task: &Task) {
        let codes = [0, 1].map(|side| {
            let mut images = Vec::new();
            (PROBE..PROBE + LOOK).for_each(|i| task.image(&task.probe, i, side, &mut images));
            let mut tape = Tape::default();
            self.encoders[side].forward(&images, &mut tape);
            tape.logits().to_vec()
        });
        self.ratios.resize(LOOK * LOOK, 0.0);
        f32::product_nt(&mut self.ratios, &codes[0], &codes[1], LOOK, CODE, LOOK);
        for row in self.ratios.chunks_exact_mut(LOOK) {
            row.iter_mut().for_each(|f| *f *= self.sharpness);
            let top = row.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
            let mean = row.iter().map(|f| libm::expf(f - top)).sum::<f32>() / LOOK as f32;
            row.iter_mut().for_each(|f| *f -= top + libm::logf(mean));
        }
    }
}
