//! What optimizers are raced on: functions of two variables, a matrix to factorise, a network to fit; each with its gradient and the
//! products with its curvature, as a whole or through the noise of one step.

use methods::linear::product::Product;
use methods::network::autodiff::{self, Function, Geometry};
use methods::network::dense::{Activation, Network, Start, Tape, cross_entropy};
use methods::number::dual::Dual;
use methods::optimize::solver::{Curvature, Objective};
use methods::optimize::test_functions::Landscape;
use run::prelude::*;

/// A problem.
pub enum Problem {
    /// A function of two variables.
    Plane(Landscape),
    /// ½‖UVᵀ − M‖².
    Factors(Factors),
    /// The mean softmax cross-entropy of a network.
    Network(Classifier),
}

/// A matrix M (rows × columns) to be written as UVᵀ with `rank` columns each; x is U then V, row by row.
pub struct Factors {
    matrix: Vec<f64>,
    rows: usize,
    columns: usize,
    rank: usize,
}

/// A network and the samples that it is to fit.
pub struct Classifier {
    model: Model,
    x: Vec<f64>,
    y: Vec<u8>,
}

enum Model {
    /// Fully connected.
    Dense(Network<f64>),
    /// Filters of 3 × 3 over a square picture, tanh, means of 2 × 2, and a linear map to the classes; weights, then biases, of each.
    Convolutional { side: usize, filters: usize, classes: usize },
}

/// The noise of one step: what every gradient of that step is seen through.
#[derive(Clone, Debug, Default)]
pub struct Draw {
    /// Added to the gradient: the problem plus tiltᵀx. Empty for nothing.
    pub tilt: Vec<f64>,
    /// The samples (entries of a matrix) that are looked at; empty for all.
    pub rows: Vec<usize>,
}

/// A problem as a solver sees it in one step, with a count of what it asked for.
pub struct Seen<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// The noise.
    pub draw: &'a Draw,
    /// Gradients asked for; a product with the curvature counts as two.
    pub evaluations: usize,
}

impl Factors {
    /// A matrix of exactly that rank: the product of two matrices with standard normal entries, divided by √rank.
    pub fn random(rows: usize, columns: usize, rank: usize, random: &mut Random) -> Self {
        let mut normals = |n: usize| (0..n * rank).map(|_| random.normal()).collect::<Vec<f64>>();
        let (u, v) = (normals(rows), normals(columns));
        let entry = |i: usize| (0..rank).map(|k| u[i / columns * rank + k] * v[i % columns * rank + k]).sum::<f64>();
        let matrix = (0..rows * columns).map(|i| entry(i) / (rank as f64).sqrt()).collect();
        Factors { matrix, rows, columns, rank }
    }

    /// The entries looked at, and the weight of each.
    fn entries(&self, rows: &[usize]) -> (Vec<usize>, f64) {
        let all = self.matrix.len();
        if rows.is_empty() { ((0..all).collect(), 1.0) } else { (rows.to_vec(), all as f64 / rows.len() as f64) }
    }

    fn product(&self, x: &[f64], entry: usize) -> f64 {
        let (u, v) = self.sides(entry);
        (0..self.rank).map(|k| x[u + k] * x[v + k]).sum()
    }

    /// Where the row of U and the row of V that make an entry begin.
    fn sides(&self, entry: usize) -> (usize, usize) {
        (entry / self.columns * self.rank, (self.rows + entry % self.columns) * self.rank)
    }

    fn gradient(&self, x: &[f64], rows: &[usize], gradient: &mut [f64]) -> f64 {
        let (entries, weight) = self.entries(rows);
        gradient.fill(0.0);
        let mut loss = 0.0;
        for entry in entries {
            let residual = self.product(x, entry) - self.matrix[entry];
            let (u, v) = self.sides(entry);
            loss += 0.5 * weight * residual * residual;
            for k in 0..self.rank {
                gradient[u + k] += weight * residual * x[v + k];
                gradient[v + k] += weight * residual * x[u + k];
            }
        }
        loss
    }

    fn curve(&self, x: &[f64], d: &[f64], rows: &[usize], curvature: Curvature, out: &mut [f64]) {
        let (entries, weight) = self.entries(rows);
        out.fill(0.0);
        for entry in entries {
            let (u, v) = self.sides(entry);
            let change: f64 = (0..self.rank).map(|k| d[u + k] * x[v + k] + x[u + k] * d[v + k]).sum();
            // The Gauss-Newton matrix leaves out what the residual bends.
            let residual = match curvature {
                Curvature::Hessian => self.product(x, entry) - self.matrix[entry],
                Curvature::GaussNewton => 0.0,
            };
            for k in 0..self.rank {
                out[u + k] += weight * (change * x[v + k] + residual * d[v + k]);
                out[v + k] += weight * (change * x[u + k] + residual * d[u + k]);
            }
        }
    }
}

impl Model {
    /// The linear maps (inputs, outputs), the filters being one.
    fn maps(&self) -> Vec<(usize, usize)> {
        match *self {
            Model::Dense(ref network) => network.sizes().windows(2).map(|pair| (pair[0], pair[1])).collect(),
            Model::Convolutional { side, filters, classes } => vec![(9, filters), (filters * side * side / 4, classes)],
        }
    }

    fn size(&self) -> usize {
        self.maps().iter().map(|(inputs, outputs)| (inputs + 1) * outputs).sum()
    }

    /// First weights and biases: uniform in ±1/√inputs.
    fn start(&self, random: &mut Random) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.size());
        for (inputs, outputs) in self.maps() {
            let bound = (1.0 / inputs as f64).sqrt();
            theta.extend((0..(inputs + 1) * outputs).map(|_| random.between(-bound, bound)));
        }
        theta
    }

    fn features(&self) -> usize {
        match self {
            Model::Dense(network) => network.sizes()[0],
            Model::Convolutional { side, .. } => side * side,
        }
    }

    /// The mean loss of a batch, and into `gradient` that by the parameters; `slope` may change what is sent back from the logits.
    fn pass<T: Product>(&self, theta: &[T], x: &[T], y: &[u8], slope: impl FnOnce(&mut [T]), gradient: Option<&mut [T]>) -> T {
        match self {
            Model::Dense(network) => {
                let (network, mut tape, mut delta) = (network.with(theta.to_vec()), Tape::default(), Vec::new());
                network.forward(x, &mut tape);
                let loss = cross_entropy(tape.logits(), y, &mut delta);
                if let Some(gradient) = gradient {
                    slope(&mut delta);
                    network.backward(&mut tape, &delta, gradient);
                }
                loss
            }
            Model::Convolutional { side, filters, .. } => {
                let mut tape = autodiff::Tape::default();
                let (mut at, mut parameters) = (0, Vec::new());
                for (inputs, outputs) in self.maps() {
                    for count in [inputs * outputs, outputs] {
                        parameters.push(tape.leaf(theta[at..at + count].to_vec(), outputs));
                        at += count;
                    }
                }
                let geometry = Geometry { channels: 1, height: *side, width: *side, side: 3 };
                let images = tape.leaf(x.to_vec(), side * side);
                let z = tape.convolve(images, parameters[0], geometry);
                let z = tape.add_row(z, parameters[1]);
                let a = tape.map(z, Function::Tanh);
                let pooled = tape.mean_pool(a, Geometry { channels: *filters, ..geometry });
                let logits = tape.matmul(pooled, parameters[2]);
                let logits = tape.add_row(logits, parameters[3]);
                let mut value = T::default();
                let loss = tape.loss(logits, |logits, delta| {
                    value = cross_entropy(logits, y, delta);
                    slope(delta);
                    value
                });
                if let Some(gradient) = gradient {
                    let slopes = tape.gradient(loss);
                    let all = parameters.iter().flat_map(|parameter| slopes.of(*parameter));
                    gradient.iter_mut().zip(all).for_each(|(g, slope)| *g = *slope);
                }
                value
            }
        }
    }
}

impl Classifier {
    /// A fully connected network with `sizes` units a layer and tanh between, to fit samples `x` (samples × `sizes[0]`) with labels `y`.
    pub fn dense(sizes: &[usize], x: Vec<f64>, y: Vec<u8>) -> Self {
        let network = Network::new(sizes, Activation::Tanh, Start::Uniform, &mut Random::new(0, "weights"));
        Classifier { model: Model::Dense(network), x, y }
    }

    /// A convolutional network with one layer of 3 × 3 filters, for square pictures of an even side.
    pub fn convolutional(side: usize, filters: usize, classes: usize, x: Vec<f64>, y: Vec<u8>) -> Self {
        Classifier { model: Model::Convolutional { side, filters, classes }, x, y }
    }

    fn batch(&self, rows: &[usize]) -> (Vec<f64>, Vec<u8>) {
        if rows.is_empty() {
            return (self.x.clone(), self.y.clone());
        }
        let features = self.model.features();
        let x = rows.iter().flat_map(|row| self.x[row * features..(row + 1) * features].iter().copied()).collect();
        (x, rows.iter().map(|row| self.y[*row]).collect())
    }

    fn gradient(&self, theta: &[f64], rows: &[usize], gradient: &mut [f64]) -> f64 {
        let (x, y) = self.batch(rows);
        self.model.pass(theta, &x, &y, |_| {}, Some(gradient))
    }

    fn loss(&self, theta: &[f64]) -> f64 {
        self.model.pass(theta, &self.x, &self.y, |_| {}, None)
    }

    fn curve(&self, theta: &[f64], d: &[f64], rows: &[usize], curvature: Curvature, out: &mut [f64]) {
        let (x, y) = self.batch(rows);
        let x: Vec<Dual<f64>> = x.into_iter().map(|value| Dual { value, slope: 0.0 }).collect();
        let mut gradient = vec![Dual::default(); theta.len()];
        // What is sent back has the slope H(logits)·J·d. With its value gone, the backward pass carries nothing but that: the
        // Gauss-Newton product.
        let forget = |delta: &mut [Dual<f64>]| {
            if curvature == Curvature::GaussNewton {
                delta.iter_mut().for_each(|d| d.value = 0.0);
            }
        };
        self.model.pass(&Dual::along(theta, d), &x, &y, forget, Some(&mut gradient));
        out.iter_mut().zip(gradient).for_each(|(o, g)| *o = g.slope);
    }
}

impl Problem {
    /// Numbers to be found.
    pub fn size(&self) -> usize {
        match self {
            Problem::Plane(_) => 2,
            Problem::Factors(f) => (f.rows + f.columns) * f.rank,
            Problem::Network(c) => c.model.size(),
        }
    }

    /// Samples that noise can be drawn from: those of the network, or the entries of the matrix.
    pub fn samples(&self) -> usize {
        match self {
            Problem::Plane(_) => 0,
            Problem::Factors(f) => f.matrix.len(),
            Problem::Network(c) => c.y.len(),
        }
    }

    /// A start drawn at random: anywhere in the window, factors near zero, a network's first weights.
    pub fn start(&self, random: &mut Random) -> Vec<f64> {
        match self {
            Problem::Plane(landscape) => landscape.window().iter().map(|(low, high)| random.between(*low, *high)).collect(),
            Problem::Factors(_) => (0..self.size()).map(|_| 0.3 * random.normal()).collect(),
            Problem::Network(c) => c.model.start(random),
        }
    }

    /// f(x), all of it.
    pub fn loss(&self, x: &[f64]) -> f64 {
        match self {
            Problem::Plane(landscape) => landscape.at(x[0], x[1]),
            Problem::Factors(f) => f.gradient(x, &[], &mut vec![0.0; x.len()]),
            Problem::Network(c) => c.loss(x),
        }
    }

    /// f(x) and ∇f(x), all of it.
    pub fn gradient(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        Seen { problem: self, draw: &Draw::default(), evaluations: 0 }.gradient(x, gradient)
    }

    /// Has the problem a Gauss-Newton matrix?
    pub fn is_sum_of_squares(&self) -> bool {
        match self {
            Problem::Plane(landscape) => landscape.gauss_newton([0.5, 0.5]).is_some(),
            _ => true,
        }
    }
}

impl Objective for Seen<'_> {
    fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        self.evaluations += 1;
        let rows = &self.draw.rows;
        let mut loss = match self.problem {
            Problem::Plane(landscape) => {
                let (loss, g) = landscape.gradient([x[0], x[1]]);
                gradient.copy_from_slice(&g);
                loss
            }
            Problem::Factors(f) => f.gradient(x, rows, gradient),
            Problem::Network(c) => c.gradient(x, rows, gradient),
        };
        for ((g, tilt), x) in gradient.iter_mut().zip(&self.draw.tilt).zip(x) {
            *g += tilt;
            loss += tilt * x;
        }
        loss
    }

    fn product(&mut self, x: &[f64], v: &[f64], curvature: Curvature, product: &mut [f64]) {
        self.evaluations += 2;
        let rows = &self.draw.rows;
        match self.problem {
            Problem::Plane(landscape) => {
                let at = [x[0], x[1]];
                let h = match curvature {
                    Curvature::Hessian => landscape.hessian(at).2,
                    Curvature::GaussNewton => landscape.gauss_newton(at).unwrap_or([[f64::NAN; 2]; 2]),
                };
                (0..2).for_each(|i| product[i] = h[i][0] * v[0] + h[i][1] * v[1]);
            }
            Problem::Factors(f) => f.curve(x, v, rows, curvature, product),
            Problem::Network(c) => c.curve(x, v, rows, curvature, product),
        }
    }

    fn blocks(&self, size: usize) -> Vec<(usize, usize)> {
        match self.problem {
            Problem::Plane(_) => vec![(size, 1)],
            Problem::Factors(f) => vec![(f.rows, f.rank), (f.columns, f.rank)],
            Problem::Network(c) => c.model.maps().into_iter().flat_map(|(a, b)| [(a, b), (b, 1)]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems() -> Vec<Problem> {
        let mut random = Random::new(1, "objectives");
        let x = (0..24).map(|_| random.normal()).collect();
        let pictures = (0..128).map(|_| random.normal()).collect();
        vec![
            Problem::Plane(Landscape::Himmelblau),
            Problem::Factors(Factors::random(5, 4, 2, &mut random)),
            Problem::Network(Classifier::dense(&[3, 4, 3], x, vec![0, 1, 2, 0, 1, 2, 1, 0])),
            Problem::Network(Classifier::convolutional(4, 2, 3, pictures, vec![0, 1, 2, 0, 1, 2, 1, 0])),
        ]
    }

    #[test]
    fn gradients_and_hessians_match_finite_differences() {
        for problem in problems() {
            let (mut random, n) = (Random::new(2, "objectives"), problem.size());
            let x = problem.start(&mut random);
            let direction: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            let tilt = (0..n).map(|_| random.normal()).collect();
            let rows = if problem.samples() > 0 { vec![0, 3, 5] } else { Vec::new() };
            for draw in [Draw::default(), Draw { tilt, rows }] {
                let mut seen = Seen { problem: &problem, draw: &draw, evaluations: 0 };
                let moved = |h: f64| x.iter().zip(&direction).map(|(x, d)| x + h * d).collect::<Vec<f64>>();
                let (mut g, mut above, mut below, mut product) = (vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
                seen.gradient(&x, &mut g);
                let h = 1e-5;
                let difference = seen.gradient(&moved(h), &mut above) - seen.gradient(&moved(-h), &mut below);
                let along: f64 = g.iter().zip(&direction).map(|(g, d)| g * d).sum();
                assert!(
                    (along - difference / (2.0 * h)).abs() < 1e-6 * (1.0 + along.abs()),
                    "{along} {}",
                    difference / (2.0 * h)
                );
                seen.product(&x, &direction, Curvature::Hessian, &mut product);
                for i in 0..n {
                    assert!((product[i] - (above[i] - below[i]) / (2.0 * h)).abs() < 1e-5 * (1.0 + product[i].abs()));
                }
                assert_eq!(seen.evaluations, 5);
                assert_eq!(seen.blocks(n).iter().map(|(r, c)| r * c).sum::<usize>(), n);
            }
            assert!((problem.loss(&x) - problem.gradient(&x, &mut vec![0.0; n])).abs() < 1e-12);
        }
    }

    /// Gauss-Newton matrices are symmetric, never negative, and the Hessian where the residuals vanish (a factorised matrix).
    #[test]
    fn gauss_newton_is_never_negative() {
        for problem in problems() {
            let (mut random, n) = (Random::new(3, "objectives"), problem.size());
            let x = problem.start(&mut random);
            let draw = Draw::default();
            let mut seen = Seen { problem: &problem, draw: &draw, evaluations: 0 };
            let mut image = |v: &[f64]| {
                let mut out = vec![0.0; n];
                seen.product(&x, v, Curvature::GaussNewton, &mut out);
                out
            };
            let (a, b): (Vec<f64>, Vec<f64>) = (0..n).map(|_| (random.normal(), random.normal())).unzip();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (ia, ib) = (image(&a), image(&b));
            assert!(dot(&a, &ia) >= 0.0 && (dot(&a, &ib) - dot(&b, &ia)).abs() < 1e-9 * (1.0 + dot(&a, &ib).abs()));
        }
        let mut random = Random::new(4, "objectives");
        let mut factors = Factors::random(4, 3, 2, &mut random);
        let x: Vec<f64> = (0..14).map(|_| random.normal()).collect();
        factors.matrix = (0..12).map(|entry| factors.product(&x, entry)).collect();
        let d: Vec<f64> = (0..14).map(|_| random.normal()).collect();
        let (mut a, mut b) = (vec![0.0; 14], vec![0.0; 14]);
        factors.curve(&x, &d, &[], Curvature::Hessian, &mut a);
        factors.curve(&x, &d, &[], Curvature::GaussNewton, &mut b);
        assert_eq!(a, b);
    }

    #[test]
    fn batches_are_the_problem_on_average() {
        for problem in &problems()[1..] {
            let n = problem.size();
            let x = problem.start(&mut Random::new(5, "objectives"));
            let (mut all, mut mean, mut part) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
            problem.gradient(&x, &mut all);
            let samples = problem.samples();
            for rows in (0..samples).collect::<Vec<_>>().chunks(2) {
                let draw = Draw { tilt: Vec::new(), rows: rows.to_vec() };
                Seen { problem, draw: &draw, evaluations: 0 }.gradient(&x, &mut part);
                mean.iter_mut().zip(&part).for_each(|(m, p)| *m += 2.0 / samples as f64 * p);
            }
            assert!(all.iter().zip(&mean).all(|(a, m)| (a - m).abs() < 1e-12));
        }
    }
}
