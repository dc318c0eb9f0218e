//! A deep plain branch, and a reversible one beside it that teaches it: additive coupling, invertible whatever its weights.
//!
//! Main branch, L blocks of width w: h₀ = σ(xW₀ + b₀), h_l = σ(h_{l−1}W_l + b_l), logits z = h_L V + c; with `residual`,
//! h_l = h_{l−1} + σ(h_{l−1}W_l + b_l)/L. Auxiliary branch, M levels: u₀ = xA, v₀ = xB,
//!   u_m = u_{m−1} + φ_m(v_{m−1}) + h_{⌊mL/M⌋}P_m,   v_m = v_{m−1} + ψ_m(u_m),   logits z_a = [u_M v_M]V_a.
//!
//! Sources: Dinh, Krueger & Bengio, "NICE", 2015; Wang, Yeh & Liao, "YOLOv9", 2024.

use methods::linear::product::Product;
use methods::network::autodiff::{Function, Tape, Var};
use run::prelude::Random;

/// Sizes and kinds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Numbers an input has.
    pub inputs: usize,
    /// w
    pub width: usize,
    /// L
    pub depth: usize,
    /// M
    pub levels: usize,
    /// Labels.
    pub classes: usize,
    /// Whether blocks of the main branch are added to their input.
    pub residual: bool,
    /// Whether φ and ψ are ReLU layers; otherwise φ = 0 and ψ(u) = 0.3 uQ.
    pub own_blocks: bool,
    /// σ
    pub activation: Function,
}

/// Where the gradient comes from. What is used afterwards is always the main branch alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teaching {
    /// J = CE(z, y)
    Main,
    /// J = CE(z, y) + (λ/M) Σ_m CE(h_{⌊mL/M⌋}D_m, y)
    DeepSupervision,
    /// J = CE(z, y) + λ CE(z_a, y)
    Programmable,
}

/// The branches that a teaching needs, with their parameters.
#[derive(Clone, Debug)]
pub struct Branches<T> {
    /// Sizes and kinds.
    pub shape: Shape,
    /// Where the gradient comes from.
    pub teaching: Teaching,
    /// All parameters; those of the main branch first.
    pub theta: Vec<T>,
    /// Rows and columns of every matrix: W₀, b₀, …, W_L, b_L, V, c, then D₁ … D_M, or A, B, (φ_m, ψ_m, P_m) for every m, and V_a.
    matrices: Vec<(usize, usize)>,
}

/// A batch's way through the branches, on a tape.
pub struct Pass {
    parameters: Vec<Var>,
    /// h₀ … h_L
    pub layers: Vec<Var>,
    /// z
    pub logits: Var,
    /// (u_m, v_m) for m = 0 … M; of the programmable teaching only.
    pub pairs: Vec<(Var, Var)>,
}

impl<T: Product> Branches<T> {
    /// Fresh weights N(0, 2/fan_in), N(0, 0.98/fan_in) for V, D_m and V_a, and biases of 0. The main branch is the same whatever the
    /// teaching, and the first blocks are the same whatever the depth.
    pub fn new(shape: Shape, teaching: Teaching, seed: u64) -> Self {
        let Shape { inputs, width, depth, levels, classes, .. } = shape;
        let mut branches = Branches { shape, teaching, theta: Vec::new(), matrices: Vec::new() };
        let mut main = Random::new(seed, "main branch");
        for l in 0..=depth {
            branches.draw(if l == 0 { inputs } else { width }, width, 2.0, &mut main);
            branches.push_zeros(width);
        }
        branches.draw(width, classes, 0.98, &mut Random::new(seed, "head"));
        branches.push_zeros(classes);
        let mut auxiliary = Random::new(seed, "auxiliary branch");
        match teaching {
            Teaching::Main => {}
            Teaching::DeepSupervision => (0..levels).for_each(|_| branches.draw(width, classes, 0.98, &mut auxiliary)),
            Teaching::Programmable => {
                (0..2).for_each(|_| branches.draw(inputs, width, 2.0, &mut auxiliary));
                (0..3 * levels).for_each(|_| branches.draw(width, width, 2.0, &mut auxiliary));
                branches.draw(2 * width, classes, 0.98, &mut auxiliary);
            }
        }
        branches
    }

    fn draw(&mut self, rows: usize, columns: usize, gain: f64, random: &mut Random) {
        let deviation = (gain / rows as f64).sqrt();
        self.theta.extend((0..rows * columns).map(|_| T::real(deviation * random.normal())));
        self.matrices.push((rows, columns));
    }

    fn push_zeros(&mut self, columns: usize) {
        self.theta.extend(std::iter::repeat_n(T::default(), columns));
        self.matrices.push((1, columns));
    }

    /// The same branches in another float type.
    pub fn cast<U: Product>(&self) -> Branches<U> {
        let theta = self.theta.iter().map(|t| U::real(t.double())).collect();
        Branches { shape: self.shape, teaching: self.teaching, theta, matrices: self.matrices.clone() }
    }

    /// The main branch alone, as it is used after training.
    pub fn main(&self) -> Branches<T> {
        let matrices = self.matrices[..2 * self.shape.depth + 4].to_vec();
        let size = matrices.iter().map(|(rows, columns)| rows * columns).sum();
        Branches { shape: self.shape, teaching: Teaching::Main, theta: self.theta[..size].to_vec(), matrices }
    }

    /// Where W_l is in [`Branches::theta`].
    pub fn weights(&self, l: usize) -> std::ops::Range<usize> {
        let start = self.matrices[..2 * l].iter().map(|(rows, columns)| rows * columns).sum();
        let (rows, columns) = self.matrices[2 * l];
        start..start + rows * columns
    }

    /// Which h the m-th level looks at.
    pub fn level(&self, m: usize) -> usize {
        m * self.shape.depth / self.shape.levels
    }

    /// A batch (samples × inputs) through the main branch, and through the auxiliary one of the programmable teaching, there with or
    /// without what it takes from the main branch.
    pub fn forward(&self, tape: &mut Tape<T>, x: &[T], with_main: bool) -> Pass {
        let Shape { inputs, depth, levels, residual, own_blocks, activation, .. } = self.shape;
        let mut start = 0;
        let leaves = self.matrices.iter().map(|(rows, columns)| {
            let values = self.theta[start..start + rows * columns].to_vec();
            start += rows * columns;
            tape.leaf(values, *columns)
        });
        let parameters: Vec<Var> = leaves.collect();
        let x = tape.leaf(x.to_vec(), inputs);
        let mut layers: Vec<Var> = Vec::new();
        for l in 0..=depth {
            let below = layers.last().copied().unwrap_or(x);
            let product = tape.matmul(below, parameters[2 * l]);
            let sum = tape.add_row(product, parameters[2 * l + 1]);
            let mut h = tape.map(sum, activation);
            if residual && l > 0 {
                let share = tape.scale(h, T::real(1.0 / depth as f64));
                h = tape.add(below, share);
            }
            layers.push(h);
        }
        let (head, bias) = (parameters[2 * depth + 2], parameters[2 * depth + 3]);
        let product = tape.matmul(layers[depth], head);
        let logits = tape.add_row(product, bias);
        let mut pairs = Vec::new();
        if self.teaching == Teaching::Programmable {
            let extra = &parameters[2 * depth + 4..];
            let (mut u, mut v) = (tape.matmul(x, extra[0]), tape.matmul(x, extra[1]));
            pairs.push((u, v));
            for m in 1..=levels {
                let [phi, psi, taken] = std::array::from_fn(|i| extra[3 * m - 1 + i]);
                if own_blocks {
                    let product = tape.matmul(v, phi);
                    let own = tape.map(product, Function::Relu);
                    u = tape.add(u, own);
                }
                if with_main {
                    let main = tape.matmul(layers[self.level(m)], taken);
                    u = tape.add(u, main);
                }
                let product = tape.matmul(u, psi);
                let own = if own_blocks { tape.map(product, Function::Relu) } else { tape.scale(product, T::real(0.3)) };
                v = tape.add(v, own);
                pairs.push((u, v));
            }
        }
        Pass { parameters, layers, logits, pairs }
    }

    /// J on a batch, and its gradient by all parameters.
    pub fn gradient(&self, x: &[T], labels: &[u8], lambda: f64) -> (f64, Vec<T>) {
        let mut tape = Tape::default();
        let pass = self.forward(&mut tape, x, true);
        let mut objective = tape.cross_entropy(pass.logits, labels);
        let extra = &pass.parameters[2 * self.shape.depth + 4..];
        match self.teaching {
            Teaching::Main => {}
            Teaching::DeepSupervision => {
                for (m, head) in (1..).zip(extra) {
                    let logits = tape.matmul(pass.layers[self.level(m)], *head);
                    let loss = tape.cross_entropy(logits, labels);
                    let part = tape.scale(loss, T::real(lambda / self.shape.levels as f64));
                    objective = tape.add(objective, part);
                }
            }
            Teaching::Programmable => {
                let (u, v) = pass.pairs[self.shape.levels];
                let both = tape.beside(u, v);
                let logits = tape.matmul(both, extra[extra.len() - 1]);
                let loss = tape.cross_entropy(logits, labels);
                let part = tape.scale(loss, T::real(lambda));
                objective = tape.add(objective, part);
            }
        }
        let gradient = tape.gradient(objective);
        let mut flat = Vec::with_capacity(self.theta.len());
        for (var, (rows, columns)) in pass.parameters.iter().zip(&self.matrices) {
            let of = gradient.of(*var);
            // φ without blocks of its own is in no product.
            if of.is_empty() { flat.resize(flat.len() + rows * columns, T::default()) } else { flat.extend_from_slice(of) }
        }
        (tape.value(objective)[0].double(), flat)
    }

    /// (u₀, v₀) from (u_M, v_M), each samples × w: v_{m−1} = v_m − ψ_m(u_m), u_{m−1} = u_m − φ_m(v_{m−1}) − h P_m, without the last term if
    /// the branch was run without it; `layers` are h₀ … h_L.
    pub fn invert(&self, u: &[T], v: &[T], layers: Option<&[&[T]]>) -> (Vec<T>, Vec<T>) {
        let Shape { width, depth, levels, own_blocks, .. } = self.shape;
        let samples = u.len() / width;
        let (mut u, mut v) = (u.to_vec(), v.to_vec());
        let mut product = vec![T::default(); u.len()];
        let matrix = |i: usize| {
            let start: usize = self.matrices[..2 * depth + 4 + i].iter().map(|(rows, columns)| rows * columns).sum();
            &self.theta[start..start + width * width]
        };
        let take = |from: &mut [T], product: &[T], kind: &dyn Fn(T) -> T| {
            from.iter_mut().zip(product).for_each(|(from, p)| *from = *from - kind(*p));
        };
        let relu = |p: T| p.larger(T::default());
        for m in (1..=levels).rev() {
            T::product(&mut product, &u, matrix(3 * m), samples, width, width);
            take(&mut v, &product, &|p| if own_blocks { relu(p) } else { T::real(0.3) * p });
            if own_blocks {
                T::product(&mut product, &v, matrix(3 * m - 1), samples, width, width);
                take(&mut u, &product, &relu);
            }
            if let Some(layers) = layers {
                T::product(&mut product, layers[self.level(m)], matrix(3 * m + 1), samples, width, width);
                take(&mut u, &product, &|p| p);
            }
        }
        (u, v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        inputs: 6,
        width: 5,
        depth: 8,
        levels: 4,
        classes: 3,
        residual: false,
        own_blocks: true,
        activation: Function::Relu,
    };
    const TEACHINGS: [Teaching; 3] = [Teaching::Main, Teaching::DeepSupervision, Teaching::Programmable];

    fn batch(samples: usize) -> (Vec<f64>, Vec<u8>) {
        let mut random = Random::new(2, "batch");
        ((0..samples * 6).map(|_| random.uniform()).collect(), (0..samples).map(|_| random.below(3) as u8).collect())
    }

    #[test]
    fn gradients_match_central_differences() {
        let (x, labels) = batch(7);
        for teaching in TEACHINGS {
            for (residual, own_blocks) in [(false, true), (true, false)] {
                let shape = Shape { residual, own_blocks, activation: Function::Tanh, ..SHAPE };
                let mut branches = Branches::<f64>::new(shape, teaching, 3);
                let (_, gradient) = branches.gradient(&x, &labels, 0.7);
                assert_eq!(gradient.len(), branches.theta.len());
                for (i, gradient) in gradient.iter().enumerate() {
                    let centre = branches.theta[i];
                    let mut at = |by: f64| {
                        branches.theta[i] = centre + by;
                        branches.gradient(&x, &labels, 0.7).0
                    };
                    let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                    branches.theta[i] = centre;
                    // Relative to the largest, as differences of J have 1e-10 of rounding in them.
                    assert!((slope - gradient).abs() < 1e-6 * slope.abs().max(1e-2), "{teaching:?}, {i}: {slope} and {gradient}");
                }
            }
        }
    }

    /// Without its weight, the auxiliary branch leaves the main one's gradient as it is, to the last bit.
    #[test]
    fn with_no_weight_the_teachings_are_one() {
        let (x, labels) = batch(20);
        let x: Vec<f32> = x.iter().map(|x| *x as f32).collect();
        let [main, deep, programmable] = TEACHINGS.map(|teaching| Branches::<f32>::new(SHAPE, teaching, 4));
        let (_, own) = main.gradient(&x, &labels, 0.0);
        for other in [deep, programmable] {
            assert!(other.theta.starts_with(&main.theta));
            let (_, gradient) = other.gradient(&x, &labels, 0.0);
            assert_eq!(gradient[..own.len()], own[..]);
        }
    }

    #[test]
    fn the_inverse_recovers_the_start() {
        let (x, _) = batch(30);
        for (own_blocks, with_main) in [(true, true), (true, false), (false, true)] {
            let branches = Branches::<f64>::new(Shape { own_blocks, ..SHAPE }, Teaching::Programmable, 5);
            let mut tape = Tape::default();
            let pass = branches.forward(&mut tape, &x, with_main);
            let layers: Vec<&[f64]> = pass.layers.iter().map(|h| tape.value(*h)).collect();
            let (u, v) = pass.pairs[4];
            let (u, v) = branches.invert(tape.value(u), tape.value(v), with_main.then_some(&layers[..]));
            let (u0, v0) = pass.pairs[0];
            let off = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            assert!(off(&u, tape.value(u0)) < 1e-10 && off(&v, tape.value(v0)) < 1e-10);
        }
    }

    #[test]
    fn a_shallow_branch_is_the_beginning_of_a_deep_one() {
        let [shallow, deep] = [3, 8].map(|depth| Branches::<f64>::new(Shape { depth, ..SHAPE }, Teaching::Main, 6));
        let (x, _) = batch(4);
        let third = |branches: &Branches<f64>| {
            let mut tape = Tape::default();
            let pass = branches.forward(&mut tape, &x, false);
            tape.value(pass.layers[3]).to_vec()
        };
        assert_eq!(third(&shallow), third(&deep));
        assert_eq!(shallow.theta[shallow.weights(2)], deep.theta[deep.weights(2)]);
    }
}
