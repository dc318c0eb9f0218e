//! A regression net in training, under one of five objectives.

use libm::{exp, log};
use methods::network::dense::{Activation, Network, Start};
use methods::network::learner::Learner;
use methods::optimize::{Optimizer, Rule};
use run::prelude::*;

use super::divergence::{Conditional, kernel_at_median, quadratic_information, quadratic_information_of};
use super::task::{INPUTS, Task, WEIGHED};

/// Numbers a code, and the step size of Adam.
pub const CODE: usize = 8;
const RATE: f64 = 3e-3;

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    CauchySchwarz,
    Variational,
    Squared,
    Absolute,
    Welsch,
}

impl Objective {
    pub const ALL: [Objective; 5] =
        [Objective::CauchySchwarz, Objective::Variational, Objective::Squared, Objective::Absolute, Objective::Welsch];
}

/// Encoder and decoder before their first step.
pub fn networks(seed: u64) -> [Network<f64>; 2] {
    let mut random = Random::new(seed, "weights");
    let shapes: [&[usize]; 2] = [&[INPUTS, 64, 64, CODE], &[CODE, 1]];
    shapes.map(|sizes| Network::new(sizes, Activation::Relu, Start::Normal { gain: 2.0 }, &mut random))
}

/// A batch, the same for every net.
#[derive(Default)]
pub struct Batch {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// ε, as long as the code.
    pub noise: Vec<f64>,
    pub kernel: Vec<f64>,
    pub target_width: f64,
}

impl Batch {
    /// Some rows of the task, with noise for their codes; the widths are the kernels' on inputs and on targets.
    pub fn of(task: &Task, rows: &[usize], noise: Vec<f64>, input_width: f64, target_width: f64) -> Self {
        let x: Vec<f64> = rows.iter().flat_map(|row| task.x[row * INPUTS..][..INPUTS].iter().copied()).collect();
        let y = rows.iter().map(|row| task.y[*row]).collect();
        Batch { kernel: kernel_at_median(&x, INPUTS, input_width).0, x, y, noise, target_width }
    }
}

/// A net in training: x → m = E(x), t = m + σ ⊙ ε, ŷ = D(t).
pub struct Regressor {
    pub objective: Objective,
    pub beta: f64,
    pub encoder: Learner<f64>,
    pub decoder: Learner<f64>,
    /// ln σ, what moves it, and the last gradient.
    spread: Vec<f64>,
    spreader: Optimizer<f64>,
    by_spread: Vec<f64>,
    /// (compression, error) of every reading.
    pub path: Vec<(f64, f64)>,
    /// ŷ − f on fresh points, in the units of y.
    pub residuals: Vec<f64>,
    /// sign ∂(ŷ−f)²/∂x of the fresh points.
    worst: Vec<f64>,
    /// The error under the attack of the controls; (ε, error) under those of the picture.
    pub attacked: f64,
    pub attacks: Vec<(f64, f64)>,
}

impl Regressor {
    pub fn new(objective: Objective, beta: f64, [encoder, decoder]: &[Network<f64>; 2]) -> Self {
        let learner = |network: &Network<f64>| Learner::new(network.clone(), Rule::ADAM, RATE);
        Regressor {
            objective,
            beta,
            encoder: learner(encoder),
            decoder: learner(decoder),
            spread: vec![-2.0; CODE],
            spreader: Optimizer::new(Rule::ADAM, RATE, CODE),
            by_spread: Vec::new(),
            path: Vec::new(),
            residuals: Vec::new(),
            worst: Vec::new(),
            attacked: f64::NAN,
            attacks: Vec::new(),
        }
    }

    /// Does it see its inputs through noise?
    fn noisy(&self) -> bool {
        matches!(self.objective, Objective::CauchySchwarz | Objective::Variational)
    }

    /// J on a batch. Its gradients by the encoder, the decoder and ln σ are left with each.
    fn objective(&mut self, batch: &Batch) -> f64 {
        let n = batch.y.len();
        let share = 1.0 / n as f64;
        let sigma: Vec<f64> = self.spread.iter().map(|s| if self.noisy() { exp(*s) } else { 0.0 }).collect();
        let mut t = self.encoder.outputs(&batch.x).to_vec();
        t.iter_mut().zip(&batch.noise).enumerate().for_each(|(i, (t, e))| *t += sigma[i % CODE] * e);
        let predicted = self.decoder.outputs(&t);

        let (mut value, mut by_code, mut by_prediction) = (0.0, Vec::new(), Vec::new());
        let misses = predicted.iter().zip(&batch.y).map(|(p, y)| p - y);
        match self.objective {
            Objective::CauchySchwarz => {
                let conditional = Conditional::new(&batch.kernel, &batch.y, batch.target_width);
                value = conditional.divergence(predicted, &mut by_prediction);
            }
            Objective::Absolute => {
                for miss in misses {
                    value += share * miss.abs();
                    by_prediction.push(if miss == 0.0 { 0.0 } else { share * miss.signum() });
                }
            }
            // −2 ln Σ κ(ŷ_j, y_j): what is left of the divergence when each input is like itself alone.
            Objective::Welsch => {
                let curvature = 1.0 / (batch.target_width * batch.target_width);
                let kernels: Vec<f64> = misses.clone().map(|miss| exp(-0.5 * curvature * miss * miss)).collect();
                let sum = kernels.iter().sum::<f64>().max(f64::MIN_POSITIVE);
                value = -2.0 * log(sum);
                by_prediction.extend(kernels.iter().zip(misses).map(|(kernel, miss)| 2.0 * curvature * kernel * miss / sum));
            }
            Objective::Variational | Objective::Squared => {
                for miss in misses {
                    value += share * miss * miss;
                    by_prediction.push(2.0 * share * miss);
                }
            }
        }
        let Learner { network, tape, gradient, .. } = &mut self.decoder;
        network.backward(tape, &by_prediction, gradient);
        network.slope_by_inputs(tape, &by_prediction, &mut by_code);
        if self.objective == Objective::CauchySchwarz && self.beta > 0.0 {
            let (q, width) = kernel_at_median(&t, CODE, 1.0);
            let mut slope = Vec::new();
            value += self.beta * quadratic_information_of(&batch.kernel, &q, &t, CODE, width, &mut slope);
            by_code.iter_mut().zip(slope).for_each(|(d, s)| *d += self.beta * s);
        }
        self.by_spread = vec![0.0; CODE];
        if self.noisy() {
            // ∂t/∂ln σ = σε.
            let moved = by_code.iter().zip(&batch.noise).enumerate();
            moved.for_each(|(i, (d, e))| self.by_spread[i % CODE] += d * e * sigma[i % CODE]);
        }
        let Learner { network, tape, gradient, .. } = &mut self.encoder;
        if self.objective == Objective::Variational {
            // KL = ½ Σ (m² + σ² − 1 − 2 ln σ), mean over the batch.
            for (d, m) in by_code.iter_mut().zip(tape.logits()) {
                value += 0.5 * self.beta * share * m * m;
                *d += self.beta * share * m;
            }
            for ((g, sigma), spread) in self.by_spread.iter_mut().zip(&sigma).zip(&self.spread) {
                value += self.beta * (0.5 * (sigma * sigma - 1.0) - spread);
                *g += self.beta * (sigma * sigma - 1.0);
            }
        }
        network.backward(tape, &by_code, gradient);
        value
    }

    pub fn descend(&mut self, batch: &Batch) {
        self.objective(batch);
        for Learner { network, optimizer, gradient, .. } in [&mut self.encoder, &mut self.decoder] {
            optimizer.step(&mut network.theta, gradient);
        }
        self.spreader.step(&mut self.spread, &self.by_spread);
    }

    /// ŷ − f of inputs, in the units of y, without noise; both tapes stay.
    fn miss(&mut self, task: &Task, x: &[f64]) -> Vec<f64> {
        let predicted = self.decoder.outputs(self.encoder.outputs(x)).iter();
        predicted.zip(&task.clean).map(|(y, f)| y * task.scale + task.centre - f).collect()
    }

    /// How it errs on fresh points.
    pub fn read(&mut self, task: &Task) {
        self.residuals = self.miss(task, &task.test_x);
    }

    /// How little of them is left in the codes that [`Regressor::read`] has just made.
    pub fn weigh(&mut self, task: &Task) {
        let (q, _) = kernel_at_median(&self.encoder.tape.logits()[..WEIGHED * CODE], CODE, 1.0);
        let compression = 1.0 - quadratic_information(&task.kernel, &q) / task.all;
        self.path.push((compression, root_mean_square(&self.residuals)));
    }

    /// Which way each input has to go for the error to grow.
    pub fn aim(&mut self, task: &Task) {
        let miss = self.miss(task, &task.test_x);
        let (mut by_code, mut by_input) = (Vec::new(), Vec::new());
        self.decoder.network.slope_by_inputs(&mut self.decoder.tape, &miss, &mut by_code);
        self.encoder.network.slope_by_inputs(&mut self.encoder.tape, &by_code, &mut by_input);
        self.worst = by_input.iter().map(|s| if *s == 0.0 { 0.0 } else { s.signum() }).collect();
    }

    /// The error on fresh points that have been moved by `strength`; [`Regressor::aim`] comes first.
    pub fn strike(&mut self, task: &Task, strength: f64) -> f64 {
        let moved: Vec<f64> = task.test_x.iter().zip(&self.worst).map(|(x, s)| x + strength * s).collect();
        root_mean_square(&self.miss(task, &moved))
    }

    /// The last (compression, error).
    pub fn place(&self) -> (f64, f64) {
        self.path.last().copied().unwrap_or((f64::NAN, f64::NAN))
    }
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences of every objective by every 50th parameter. The width of the code's kernel is held still in the gradient, so that
    /// β is 0 for CS-IB here; the gradient of its bottleneck is checked where it is made.
    #[test]
    fn gradients_match_central_differences() {
        let (task, networks, mut noise) = (Task::new(0.15, 0.3, 3), networks(3), Random::new(3, "code noise"));
        let rows: Vec<usize> = (0..32).collect();
        let batch = Batch::of(&task, &rows, (0..32 * CODE).map(|_| noise.normal()).collect(), 0.3, 1.0);
        for objective in Objective::ALL {
            let beta = if objective == Objective::Variational { 0.3 } else { 0.0 };
            let mut net = Regressor::new(objective, beta, &networks);
            net.objective(&batch);
            for (part, gradient) in [&net.encoder.gradient, &net.decoder.gradient, &net.by_spread].into_iter().enumerate() {
                for i in (0..gradient.len()).step_by(if part == 0 { 50 } else { 1 }) {
                    let at = |by: f64| {
                        let mut net = Regressor::new(objective, beta, &networks);
                        [&mut net.encoder.network.theta, &mut net.decoder.network.theta, &mut net.spread][part][i] += by;
                        net.objective(&batch)
                    };
                    let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!((slope - gradient[i]).abs() < 1e-6, "{objective:?}, {part}, {i}: {slope} and {}", gradient[i]);
                }
            }
        }
    }

    #[test]
    fn attacks_go_uphill() {
        let task = Task::new(0.15, 0.3, 1);
        let mut net = Regressor::new(Objective::CauchySchwarz, 0.01, &networks(1));
        let squares = |miss: &[f64]| miss.iter().map(|m| m * m).collect::<Vec<f64>>();
        let before = squares(&net.miss(&task, &task.test_x));
        net.aim(&task);
        let moved: Vec<f64> = task.test_x.iter().zip(&net.worst).map(|(x, s)| x + 1e-6 * s).collect();
        let after = squares(&net.miss(&task, &moved));
        assert!(before.iter().zip(&after).all(|(before, after)| after > before));
        net.read(&task);
        net.weigh(&task);
        assert_eq!(net.place().1, net.strike(&task, 0.0));
    }
}
