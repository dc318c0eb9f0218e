//! Reverse-mode automatic differentiation on matrices.
//!
//! A [`Tape`] records operations on row-major matrices (a batch is a matrix, one sample a row; an image is a row of
//! channels × height × width). [`Tape::gradient`] runs them backwards. With `T = Dual<f64>` the same tape gives
//! Hessian-vector products (see [`dual`](crate::number::dual)).
//!
//! ```
//! use orrery_methods::network::autodiff::Tape;
//! let mut tape = Tape::<f64>::default();
//! let x = tape.leaf(vec![1.0, 2.0, 3.0], 3);
//! let y = tape.mul(x, x);
//! let loss = tape.sum(y);
//! assert_eq!(tape.value(loss), [14.0]);
//! assert_eq!(tape.gradient(loss).of(x), [2.0, 4.0, 6.0]);
//! ```

use std::ops::Range;

use crate::linear::product::Product;
use crate::network::dense;

/// A matrix on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var(usize);

/// A function of one number, applied to every entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// tanh x
    Tanh,
    /// max(0, x)
    Relu,
    /// x Φ(x) in its tanh form (Hendrycks & Gimpel 2016)
    Gelu,
    /// 1/(1+e⁻ˣ)
    Sigmoid,
    /// ln(1+eˣ)
    Softplus,
    /// x/(1+|x|)
    Softsign,
    /// x clipped to ±1
    HardTanh,
    /// eˣ
    Exp,
    /// ln x
    Ln,
    /// √x
    Sqrt,
    /// |x|
    Abs,
}

impl Function {
    /// f(x) and f′(x).
    pub fn at<T: Product>(self, x: T) -> (T, T) {
        let (zero, one, half) = (T::default(), T::real(1.0), T::real(0.5));
        let sigmoid = |x: T| one / (one + (-x).exp());
        match self {
            Function::Tanh => {
                let t = x.tanh();
                (t, one - t * t)
            }
            Function::Relu => (x.larger(zero), if x > zero { one } else { zero }),
            Function::Gelu => {
                // √(2/π) and the cubic term of the approximation.
                let (c, d) = (T::real(0.797_884_560_802_865_4), T::real(0.044_715));
                let t = (c * (x + d * x * x * x)).tanh();
                let inner = c * (one + T::real(3.0) * d * x * x);
                (half * x * (one + t), half * (one + t) + half * x * (one - t * t) * inner)
            }
            Function::Sigmoid => {
                let s = sigmoid(x);
                (s, s * (one - s))
            }
            Function::Softplus => (x.larger(zero) + (one + (-x.abs()).exp()).ln(), sigmoid(x)),
            Function::Softsign => {
                let d = one + x.abs();
                (x / d, one / (d * d))
            }
            Function::HardTanh => {
                let inside = x > -one && x < one;
                (
                    if inside {
                        x
                    } else if x > zero {
                        one
                    } else {
                        -one
                    },
                    if inside { one } else { zero },
                )
            }
            Function::Exp => (x.exp(), x.exp()),
            Function::Ln => (x.ln(), one / x),
            Function::Sqrt => (x.sqrt(), half / x.sqrt()),
            Function::Abs => (
                x.abs(),
                if x > zero {
                    one
                } else if x < zero {
                    -one
                } else {
                    zero
                },
            ),
        }
    }
}

/// The shape of a convolution: stride 1, zero padding that keeps the size, square filters of odd side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Channels of the input.
    pub channels: usize,
    /// Height of the image.
    pub height: usize,
    /// Width of the image.
    pub width: usize,
    /// Side of the filters; odd.
    pub side: usize,
}

enum Op<T> {
    Leaf,
    MatMul(Var, Var),
    Transpose(Var),
    Add(Var, Var),
    Sub(Var, Var),
    Mul(Var, Var),
    Div(Var, Var),
    /// Adds a row to every row, a value a channel.
    AddRow(Var, Var),
    /// Multiplies every row by a row, entry by entry.
    MulRow(Var, Var),
    Scale(Var, T),
    /// Multiplies by constants, entry by entry (dropout's mask).
    Mask(Var, Vec<T>),
    Map(Var, Vec<T>),
    Sum(Var),
    RowSums(Var),
    /// Columns `from..` of a matrix.
    Columns(Var, usize),
    Beside(Var, Var),
    /// Every channel to mean 0 and variance 1 over the batch; keeps 1/√(var+ε).
    Standardise(Var, Vec<T>),
    Convolve(Var, Var, Geometry),
    MeanPool(Var, Geometry),
    /// Scalar losses that know their own gradient.
    Loss(Var, Vec<T>),
}

struct Node<T> {
    value: Vec<T>,
    columns: usize,
    op: Op<T>,
}

/// A record of operations; see the [module](self).
pub struct Tape<T> {
    nodes: Vec<Node<T>>,
}

impl<T> Default for Tape<T> {
    fn default() -> Self {
        Tape { nodes: Vec::new() }
    }
}

/// The gradient of a scalar by every matrix of a tape.
pub struct Gradient<T>(Vec<Vec<T>>);

impl<T> Gradient<T> {
    /// The gradient by `var`, of its shape; empty if the scalar does not depend on it.
    pub fn of(&self, var: Var) -> &[T] {
        &self.0[var.0]
    }
}

impl<T: Product> Tape<T> {
    fn push(&mut self, value: Vec<T>, columns: usize, op: Op<T>) -> Var {
        debug_assert!(columns > 0 && value.len().is_multiple_of(columns));
        self.nodes.push(Node { value, columns, op });
        Var(self.nodes.len() - 1)
    }

    fn node(&self, var: Var) -> &Node<T> {
        &self.nodes[var.0]
    }

    /// The entries of a matrix.
    pub fn value(&self, var: Var) -> &[T] {
        &self.node(var).value
    }

    /// Rows and columns of a matrix.
    pub fn shape(&self, var: Var) -> (usize, usize) {
        let node = self.node(var);
        (node.value.len() / node.columns, node.columns)
    }

    /// A matrix from outside: data or parameters.
    pub fn leaf(&mut self, value: Vec<T>, columns: usize) -> Var {
        assert!(columns > 0 && value.len().is_multiple_of(columns), "a matrix has whole rows");
        self.push(value, columns, Op::Leaf)
    }

    /// a·b
    pub fn matmul(&mut self, a: Var, b: Var) -> Var {
        let ((m, k), (k2, n)) = (self.shape(a), self.shape(b));
        assert_eq!(k, k2, "inner sizes of a product agree");
        let mut out = vec![T::default(); m * n];
        T::product(&mut out, self.value(a), self.value(b), m, k, n);
        self.push(out, n, Op::MatMul(a, b))
    }

    /// aᵀ
    pub fn transpose(&mut self, a: Var) -> Var {
        let (rows, columns) = self.shape(a);
        let out = transposed(self.value(a), rows, columns);
        self.push(out, rows, Op::Transpose(a))
    }

    fn zip(&mut self, a: Var, b: Var, f: impl Fn(T, T) -> T, op: Op<T>) -> Var {
        assert_eq!(self.shape(a), self.shape(b), "shapes of an entry-wise operation agree");
        let out = self.value(a).iter().zip(self.value(b)).map(|(&a, &b)| f(a, b)).collect();
        self.push(out, self.node(a).columns, op)
    }

    /// a + b
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        self.zip(a, b, |a, b| a + b, Op::Add(a, b))
    }

    /// a − b
    pub fn sub(&mut self, a: Var, b: Var) -> Var {
        self.zip(a, b, |a, b| a - b, Op::Sub(a, b))
    }

    /// a·b, entry by entry
    pub fn mul(&mut self, a: Var, b: Var) -> Var {
        self.zip(a, b, |a, b| a * b, Op::Mul(a, b))
    }

    /// a/b, entry by entry
    pub fn div(&mut self, a: Var, b: Var) -> Var {
        self.zip(a, b, |a, b| a / b, Op::Div(a, b))
    }

    /// Columns a value of `row` stands for, where a row of `a` has that many channels of as many consecutive columns.
    fn span(&self, a: Var, row: Var) -> usize {
        let (columns, (rows, channels)) = (self.node(a).columns, self.shape(row));
        assert!(rows == 1 && columns.is_multiple_of(channels), "a row with one value a column, or a channel of columns");
        columns / channels
    }

    fn rowwise(&mut self, a: Var, row: Var, f: impl Fn(T, T) -> T, op: Op<T>) -> Var {
        let (columns, span) = (self.node(a).columns, self.span(a, row));
        let (value, row) = (self.value(a), self.value(row));
        let mut out = Vec::with_capacity(value.len());
        for (block, b) in value.chunks_exact(span).zip(row.iter().cycle()) {
            out.extend(block.iter().map(|a| f(*a, *b)));
        }
        self.push(out, columns, op)
    }

    /// Adds `row` to every row of `a`: one value a column, or one for as many consecutive columns (a channel's pixels).
    pub fn add_row(&mut self, a: Var, row: Var) -> Var {
        self.rowwise(a, row, |a, b| a + b, Op::AddRow(a, row))
    }

    /// Multiplies every row of `a` by `row`, entry by entry, or channel by channel.
    pub fn mul_row(&mut self, a: Var, row: Var) -> Var {
        self.rowwise(a, row, |a, b| a * b, Op::MulRow(a, row))
    }

    /// c·a for a constant c
    pub fn scale(&mut self, a: Var, c: T) -> Var {
        let out = self.value(a).iter().map(|&a| c * a).collect();
        self.push(out, self.node(a).columns, Op::Scale(a, c))
    }

    /// a times constants of its shape, entry by entry: dropout's mask, a selection.
    pub fn mask(&mut self, a: Var, constants: Vec<T>) -> Var {
        assert_eq!(constants.len(), self.value(a).len(), "a mask has the matrix's shape");
        let out = self.value(a).iter().zip(&constants).map(|(&a, &c)| a * c).collect();
        self.push(out, self.node(a).columns, Op::Mask(a, constants))
    }

    /// `function` of every entry
    pub fn map(&mut self, a: Var, function: Function) -> Var {
        let (out, derivative) = self.value(a).iter().map(|&a| function.at(a)).unzip();
        self.push(out, self.node(a).columns, Op::Map(a, derivative))
    }

    /// The sum of all entries, 1×1
    pub fn sum(&mut self, a: Var) -> Var {
        let total = self.value(a).iter().fold(T::default(), |s, &a| s + a);
        self.push(vec![total], 1, Op::Sum(a))
    }

    /// The mean of all entries, 1×1
    pub fn mean(&mut self, a: Var) -> Var {
        let sum = self.sum(a);
        let count = self.value(a).len() as f64;
        self.scale(sum, T::real(1.0 / count))
    }

    /// The sum of every row, rows×1
    pub fn row_sums(&mut self, a: Var) -> Var {
        let columns = self.node(a).columns;
        let out = self.value(a).chunks_exact(columns).map(|r| r.iter().fold(T::default(), |s, &a| s + a)).collect();
        self.push(out, 1, Op::RowSums(a))
    }

    /// Columns `from..to` of `a`
    pub fn columns(&mut self, a: Var, from: usize, to: usize) -> Var {
        let columns = self.node(a).columns;
        assert!(from < to && to <= columns, "columns that are there");
        let out = self.value(a).chunks_exact(columns).flat_map(|r| r[from..to].iter().copied()).collect();
        self.push(out, to - from, Op::Columns(a, from))
    }

    /// `a` and `b` side by side
    pub fn beside(&mut self, a: Var, b: Var) -> Var {
        let ((rows, left), (rows2, right)) = (self.shape(a), self.shape(b));
        assert_eq!(rows, rows2, "matrices side by side have as many rows");
        let pairs = self.value(a).chunks_exact(left).zip(self.value(b).chunks_exact(right));
        let out = pairs.flat_map(|(l, r)| l.iter().chain(r).copied()).collect();
        self.push(out, left + right, Op::Beside(a, b))
    }

    /// Every channel (of as many consecutive columns; as many channels as columns: every column) to mean 0 and variance 1 over the
    /// rows and its columns, ε = 10⁻⁵ added to the variance: batch norm without its scale and shift (Ioffe & Szegedy 2015). Also
    /// gives the means and the biased variances.
    pub fn standardise(&mut self, a: Var, channels: usize) -> (Var, Vec<T>, Vec<T>) {
        let (rows, columns) = self.shape(a);
        let span = columns / channels;
        let share = T::real(1.0 / (rows * span) as f64);
        let blocks = || self.value(a).chunks_exact(span).enumerate().map(|(k, block)| (k % channels, block));
        let mut mean = vec![T::default(); channels];
        let mut variance = mean.clone();
        blocks().for_each(|(c, block)| block.iter().for_each(|&a| mean[c] += a * share));
        for (c, block) in blocks() {
            let m = mean[c];
            block.iter().for_each(|&a| variance[c] += (a - m) * (a - m) * share);
        }
        let inverse: Vec<T> = variance.iter().map(|&v| T::real(1.0) / (v + T::real(1e-5)).sqrt()).collect();
        let mut out = Vec::with_capacity(rows * columns);
        for (c, block) in blocks() {
            let (m, scale) = (mean[c], inverse[c]);
            out.extend(block.iter().map(|&a| (a - m) * scale));
        }
        (self.push(out, columns, Op::Standardise(a, inverse)), mean, variance)
    }

    /// Cross-correlation of every sample of `images` (batch × channels·height·width) with `filters`
    /// ((channels·side²) × outputs): batch × outputs·height·width.
    pub fn convolve(&mut self, images: Var, filters: Var, geometry: Geometry) -> Var {
        let Geometry { channels, height, width, side } = geometry;
        let (batch, columns) = self.shape(images);
        let (taps, outputs) = self.shape(filters);
        assert!(
            columns == channels * height * width && taps == channels * side * side && side % 2 == 1,
            "a convolution's sizes agree"
        );
        let pixels = height * width;
        let mut out = Vec::with_capacity(batch * outputs * pixels);
        let (mut patches, mut product) = (vec![T::default(); taps * pixels], vec![T::default(); outputs * pixels]);
        let filters_t = transposed(self.value(filters), taps, outputs);
        for image in self.value(images).chunks_exact(columns) {
            gather(image, &mut patches, geometry);
            T::product(&mut product, &filters_t, &patches, outputs, taps, pixels);
            out.extend_from_slice(&product);
        }
        self.push(out, outputs * pixels, Op::Convolve(images, filters, geometry))
    }

    /// Means over 2×2 squares of every channel; height and width are even. `geometry.side` is not used.
    pub fn mean_pool(&mut self, images: Var, geometry: Geometry) -> Var {
        let Geometry { channels, height, width, .. } = geometry;
        assert!(height % 2 == 0 && width % 2 == 0 && self.node(images).columns == channels * height * width, "whole squares");
        let quarter = T::real(0.25);
        let (h, w) = (height / 2, width / 2);
        let mut out = vec![T::default(); self.value(images).len() / 4];
        let planes = self.value(images).chunks_exact(height * width);
        for (plane, out) in planes.zip(out.chunks_exact_mut(h * w)) {
            plane.iter().enumerate().for_each(|(i, &a)| out[i / width / 2 * w + i % width / 2] += quarter * a);
        }
        self.push(out, channels * h * w, Op::MeanPool(images, geometry))
    }

    /// Mean softmax cross-entropy of `logits` (samples × classes), nats, 1×1
    pub fn cross_entropy(&mut self, logits: Var, labels: &[u8]) -> Var {
        self.loss(logits, |value, delta| dense::cross_entropy(value, labels, delta))
    }

    /// Mean over samples of ½‖output − e_label‖², 1×1
    pub fn squared_error(&mut self, outputs: Var, labels: &[u8]) -> Var {
        self.loss(outputs, |value, delta| dense::squared_error(value, labels, delta))
    }

    /// A scalar of `a` that brings its own gradient: `f` returns the value and fills in the gradient by `a`'s entries.
    pub fn loss(&mut self, a: Var, f: impl FnOnce(&[T], &mut Vec<T>) -> T) -> Var {
        let mut delta = Vec::new();
        let value = f(self.value(a), &mut delta);
        self.push(vec![value], 1, Op::Loss(a, delta))
    }

    /// The gradient of the 1×1 matrix `scalar` by every matrix on the tape.
    pub fn gradient(&self, scalar: Var) -> Gradient<T> {
        assert_eq!(self.shape(scalar), (1, 1), "a gradient is a scalar's");
        let mut gradients: Vec<Vec<T>> = self.nodes.iter().map(|_| Vec::new()).collect();
        gradients[scalar.0] = vec![T::real(1.0)];
        for index in (0..=scalar.0).rev() {
            let (before, rest) = gradients.split_at_mut(index);
            let d = &rest[0];
            if !d.is_empty() {
                self.back(index, d, &mut |var, f| {
                    let slot = &mut before[var.0];
                    slot.resize(self.value(var).len(), T::default());
                    f(slot);
                });
            }
        }
        Gradient(gradients)
    }

    /// Adds what the gradient `d` by node `index` means for the nodes it was made from.
    #[allow(clippy::type_complexity, reason = "a callback that lends a slice")]
    fn back(&self, index: usize, d: &[T], into: &mut dyn FnMut(Var, &mut dyn FnMut(&mut [T]))) {
        let columns = self.nodes[index].columns;
        let each = |g: &mut [T], f: &dyn Fn(usize) -> T| g.iter_mut().enumerate().for_each(|(i, g)| *g += f(i));
        match &self.nodes[index].op {
            Op::Leaf => {}
            Op::MatMul(a, b) => {
                let ((m, k), n) = (self.shape(*a), columns);
                let mut product = vec![T::default(); m * k];
                T::product_nt(&mut product, d, self.value(*b), m, n, k);
                into(*a, &mut |g| each(g, &|i| product[i]));
                let mut product = vec![T::default(); k * n];
                T::product_tn(&mut product, self.value(*a), d, k, m, n);
                into(*b, &mut |g| each(g, &|i| product[i]));
            }
            Op::Transpose(a) => {
                let back = transposed(d, d.len() / columns, columns);
                into(*a, &mut |g| each(g, &|i| back[i]));
            }
            Op::Add(a, b) => {
                into(*a, &mut |g| each(g, &|i| d[i]));
                into(*b, &mut |g| each(g, &|i| d[i]));
            }
            Op::Sub(a, b) => {
                into(*a, &mut |g| each(g, &|i| d[i]));
                into(*b, &mut |g| each(g, &|i| -d[i]));
            }
            Op::Mul(a, b) => {
                let (x, y) = (self.value(*a), self.value(*b));
                into(*a, &mut |g| each(g, &|i| d[i] * y[i]));
                into(*b, &mut |g| each(g, &|i| d[i] * x[i]));
            }
            Op::Div(a, b) => {
                let (x, y) = (self.value(*a), self.value(*b));
                into(*a, &mut |g| each(g, &|i| d[i] / y[i]));
                into(*b, &mut |g| each(g, &|i| -(d[i] * x[i] / (y[i] * y[i]))));
            }
            Op::AddRow(a, row) => {
                let (span, channels) = (self.span(*a, *row), self.node(*row).columns);
                into(*a, &mut |g| each(g, &|i| d[i]));
                into(*row, &mut |g| {
                    let blocks = d.chunks_exact(span).enumerate();
                    blocks.for_each(|(k, block)| block.iter().for_each(|&d| g[k % channels] += d));
                });
            }
            Op::MulRow(a, row) => {
                let (span, channels) = (self.span(*a, *row), self.node(*row).columns);
                let (x, y) = (self.value(*a), self.value(*row));
                into(*a, &mut |g| {
                    for ((g, d), y) in g.chunks_exact_mut(span).zip(d.chunks_exact(span)).zip(y.iter().cycle()) {
                        g.iter_mut().zip(d).for_each(|(g, d)| *g += *d * *y);
                    }
                });
                into(*row, &mut |g| {
                    let blocks = d.chunks_exact(span).zip(x.chunks_exact(span)).enumerate();
                    blocks.for_each(|(k, (d, x))| d.iter().zip(x).for_each(|(&d, &x)| g[k % channels] += d * x));
                });
            }
            Op::Scale(a, c) => into(*a, &mut |g| each(g, &|i| *c * d[i])),
            Op::Mask(a, c) | Op::Map(a, c) => into(*a, &mut |g| each(g, &|i| c[i] * d[i])),
            Op::Sum(a) => into(*a, &mut |g| each(g, &|_| d[0])),
            Op::Loss(a, delta) => into(*a, &mut |g| each(g, &|i| d[0] * delta[i])),
            Op::RowSums(a) => {
                let width = self.node(*a).columns;
                into(*a, &mut |g| each(g, &|i| d[i / width]));
            }
            Op::Columns(a, from) => {
                let width = self.node(*a).columns;
                into(*a, &mut |g| {
                    d.iter().enumerate().for_each(|(i, &d)| g[i / columns * width + from + i % columns] += d);
                });
            }
            Op::Beside(a, b) => {
                let (left, right) = (self.node(*a).columns, self.node(*b).columns);
                into(*a, &mut |g| each(g, &|i| d[i / left * columns + i % left]));
                into(*b, &mut |g| each(g, &|i| d[i / right * columns + left + i % right]));
            }
            Op::Standardise(a, inverse) => {
                // ∂x = (δ − mean δ − x̂ mean(δ x̂)) / √(var+ε)
                let (hat, channels) = (&self.nodes[index].value, inverse.len());
                let span = columns / channels;
                let share = T::real(channels as f64 / d.len() as f64);
                let (mut mean, mut along) = (vec![T::default(); channels], vec![T::default(); channels]);
                let blocks =
                    || d.chunks_exact(span).zip(hat.chunks_exact(span)).enumerate().map(|(k, pair)| (k % channels, pair));
                for (c, (d, hat)) in blocks() {
                    for (&d, &h) in d.iter().zip(hat) {
                        mean[c] += d * share;
                        along[c] += d * h * share;
                    }
                }
                into(*a, &mut |g| {
                    for ((c, (d, hat)), g) in blocks().zip(g.chunks_exact_mut(span)) {
                        let (mean, along, inverse) = (mean[c], along[c], inverse[c]);
                        g.iter_mut().zip(d.iter().zip(hat)).for_each(|(g, (&d, &h))| *g += (d - mean - h * along) * inverse);
                    }
                });
            }
            Op::Convolve(images, filters, geometry) => {
                let (taps, outputs) = self.shape(*filters);
                let (width, pixels) = (self.node(*images).columns, geometry.height * geometry.width);
                let (mut patches, mut back) = (vec![T::default(); taps * pixels], vec![T::default(); taps * pixels]);
                let mut product = vec![T::default(); taps * outputs];
                for (sample, d) in d.chunks_exact(outputs * pixels).enumerate() {
                    gather(&self.value(*images)[sample * width..(sample + 1) * width], &mut patches, *geometry);
                    T::product_nt(&mut product, &patches, d, taps, pixels, outputs);
                    into(*filters, &mut |g| each(g, &|i| product[i]));
                    T::product(&mut back, self.value(*filters), d, taps, outputs, pixels);
                    into(*images, &mut |g| scatter(&back, &mut g[sample * width..(sample + 1) * width], *geometry));
                }
            }
            Op::MeanPool(images, geometry) => {
                let (height, width) = (geometry.height, geometry.width);
                let (plane, small) = (height * width, height * width / 4);
                let quarter = T::real(0.25);
                into(*images, &mut |g| {
                    each(g, &|i| quarter * d[i / plane * small + i % plane / width / 2 * (width / 2) + i % width / 2]);
                });
            }
        }
    }
}

fn transposed<T: Copy>(a: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| a[i * columns + j])).collect()
}

/// For every tap of a filter, what it sees at every pixel, zeros outside: (channels·side²) × pixels.
fn gather<T: Copy + Default>(image: &[T], patches: &mut [T], geometry: Geometry) {
    patches.fill(T::default());
    for_each_run(geometry, |patch, source| patches[patch].copy_from_slice(&image[source]));
}

/// The reverse of [`gather`]: adds everything back to where it came from.
fn scatter<T: Product>(patches: &[T], image: &mut [T], geometry: Geometry) {
    for_each_run(geometry, |patch, source| image[source].iter_mut().zip(&patches[patch]).for_each(|(i, p)| *i += *p));
}

/// Every row of pixels that a tap sees, as a range of the patches and of the image.
fn for_each_run(Geometry { channels, height, width, side }: Geometry, mut f: impl FnMut(Range<usize>, Range<usize>)) {
    let reach = side / 2;
    for tap in 0..channels * side * side {
        let (channel, dy, dx) = (tap / (side * side), tap / side % side, tap % side);
        // Pixels x with 0 ≤ x + dx − reach < width, and rows alike.
        let (left, right) = (reach.saturating_sub(dx), (width + reach).saturating_sub(dx).min(width));
        let (top, bottom) = (reach.saturating_sub(dy), (height + reach).saturating_sub(dy).min(height));
        for y in top..bottom {
            let patch = (tap * height + y) * width;
            let source = (channel * height + y + dy - reach) * width;
            f(patch + left..patch + right, source + left + dx - reach..source + right + dx - reach);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::dual::Dual;
    use crate::number::real::Real;
    use crate::random::Random;

    /// Three leaves (6×8, 8×5 and 1×5) and a scalar made of them.
    type Build = fn(&mut Tape<f64>, [Var; 3]) -> Var;

    fn leaves<T: Product>(tape: &mut Tape<T>, values: &[T]) -> [Var; 3] {
        [tape.leaf(values[..48].to_vec(), 8), tape.leaf(values[48..88].to_vec(), 5), tape.leaf(values[88..].to_vec(), 5)]
    }

    fn check(name: &str, build: Build) {
        let mut random = Random::new(11, name);
        let values: Vec<f64> = (0..93).map(|_| random.normal()).collect();
        let at = |values: &[f64]| {
            let mut tape = Tape::default();
            let vars = leaves(&mut tape, values);
            let scalar = build(&mut tape, vars);
            tape.value(scalar)[0]
        };
        let mut tape = Tape::default();
        let vars = leaves(&mut tape, &values);
        let scalar = build(&mut tape, vars);
        let gradient = tape.gradient(scalar);
        let analytic: Vec<f64> = vars
            .iter()
            .flat_map(|v| {
                let g = gradient.of(*v);
                if g.is_empty() { vec![0.0; tape.value(*v).len()] } else { g.to_vec() }
            })
            .collect();
        for i in 0..values.len() {
            let mut moved = values.clone();
            moved[i] += 1e-5;
            let above = at(&moved);
            moved[i] -= 2e-5;
            let slope = (above - at(&moved)) / 2e-5;
            assert!((slope - analytic[i]).abs() < 1e-7 * (1.0 + slope.abs()), "{name}, entry {i}: {slope} and {}", analytic[i]);
        }
    }

    /// A scalar in which every entry has another weight, so that no error cancels.
    fn weigh(tape: &mut Tape<f64>, a: Var) -> Var {
        let weights = (0..tape.value(a).len()).map(|i| 0.3 + ((i * 7919) % 13) as f64 / 5.0).collect();
        let masked = tape.mask(a, weights);
        tape.sum(masked)
    }

    #[test]
    fn every_operation_matches_finite_differences() {
        check("product", |t, [a, b, c]| {
            let p = t.matmul(a, b);
            let p = t.add_row(p, c);
            let p = t.mul_row(p, c);
            weigh(t, p)
        });
        check("entry-wise", |t, [a, _, _]| {
            let squares = t.mul(a, a);
            let ones = t.leaf(vec![1.0; 48], 8);
            let above = t.add(squares, ones);
            let ratio = t.div(a, above);
            let difference = t.sub(ratio, squares);
            let scaled = t.scale(difference, 1.7);
            let mean = t.mean(scaled);
            let whole = weigh(t, scaled);
            t.add(mean, whole)
        });
        check("shape", |t, [a, b, _]| {
            let turned = t.transpose(b);
            let both = t.beside(a, a);
            let part = t.columns(both, 3, 11);
            let p = t.matmul(part, b);
            let q = t.matmul(turned, b);
            let sums = t.row_sums(q);
            let (p, s) = (weigh(t, p), weigh(t, sums));
            t.add(p, s)
        });
        check("batch norm by column and by channel", |t, [a, b, c]| {
            let (x, ..) = t.standardise(a, 8);
            let p = t.matmul(x, b);
            let (y, ..) = t.standardise(a, 2);
            let channel = t.columns(c, 0, 2);
            let y = t.mul_row(y, channel);
            let y = t.add_row(y, channel);
            let (p, q) = (weigh(t, p), weigh(t, y));
            t.add(p, q)
        });
        check("convolution and pooling", |t, [a, b, _]| {
            let g = Geometry { channels: 2, height: 2, width: 2, side: 1 };
            let filters = t.columns(b, 0, 2);
            let turned = t.transpose(filters);
            let two = t.columns(turned, 0, 2);
            let features = t.convolve(a, two, g);
            let pooled = t.mean_pool(features, g);
            weigh(t, pooled)
        });
        check("losses", |t, [a, b, _]| {
            let logits = t.matmul(a, b);
            let labels = [0, 4, 2, 3, 1, 1];
            let (x, y) = (t.cross_entropy(logits, &labels), t.squared_error(logits, &labels));
            t.add(x, y)
        });
        check("functions", |t, [a, _, _]| {
            let kinds =
                [Function::Tanh, Function::Relu, Function::Gelu, Function::Sigmoid, Function::Softplus, Function::Softsign];
            let more = [Function::HardTanh, Function::Exp, Function::Abs];
            let squares = t.mul(a, a);
            let (ln, root) = (t.map(squares, Function::Ln), t.map(squares, Function::Sqrt));
            let mut total = t.add(ln, root);
            for f in kinds.into_iter().chain(more) {
                let y = t.map(a, f);
                total = t.add(total, y);
            }
            weigh(t, total)
        });
    }

    /// A 3×3 convolution against the sum written out.
    #[test]
    fn convolution_is_the_padded_sum() {
        let mut random = Random::new(12, "convolution");
        let (image, filter): (Vec<f64>, Vec<f64>) =
            ((0..2 * 20).map(|_| random.normal()).collect(), (0..2 * 9 * 3).map(|_| random.normal()).collect());
        let mut tape = Tape::default();
        let (x, w) = (tape.leaf(image.clone(), 40), tape.leaf(filter.clone(), 3));
        let out = tape.convolve(x, w, Geometry { channels: 2, height: 4, width: 5, side: 3 });
        for o in 0..3 {
            for (y, x) in (0..4i32).flat_map(|y| (0..5i32).map(move |x| (y, x))) {
                let mut sum = 0.0;
                for c in 0..2 {
                    for (dy, dx) in (0..3i32).flat_map(|dy| (0..3i32).map(move |dx| (dy, dx))) {
                        let (sy, sx) = (y + dy - 1, x + dx - 1);
                        if (0..4).contains(&sy) && (0..5).contains(&sx) {
                            sum += image[c * 20 + (sy * 5 + sx) as usize] * filter[(c * 9 + (dy * 3 + dx) as usize) * 3 + o];
                        }
                    }
                }
                assert!((tape.value(out)[o * 20 + (y * 5 + x) as usize] - sum).abs() < 1e-12);
            }
        }
    }

    /// Loss, gradient and Hessian-vector product of a small convolutional network against PyTorch; see make_autodiff.py.
    #[test]
    fn duals_on_the_tape_give_hessian_vector_products() {
        fn loss<T: Product>(tape: &mut Tape<T>, theta: &[T], images: &[T]) -> (Var, [Var; 2]) {
            let g = Geometry { channels: 1, height: 4, width: 4, side: 3 };
            let x = tape.leaf(images.to_vec(), 16);
            let w = tape.leaf(theta[..9].to_vec(), 1);
            let v = tape.leaf(theta[9..].to_vec(), 3);
            let h = tape.convolve(x, w, g);
            let (h, ..) = tape.standardise(h, 1);
            let h = tape.map(h, Function::Gelu);
            let h = tape.add(h, x);
            let h = tape.mean_pool(h, g);
            let logits = tape.matmul(h, v);
            (tape.cross_entropy(logits, &[0, 2, 1]), [w, v])
        }
        let fixture = include_str!("../../../tests/fixtures/autodiff.csv");
        let part = |name: &str| -> Vec<f64> {
            let row = fixture.lines().find(|row| row.starts_with(name)).unwrap();
            row.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect()
        };
        let duals = |values: Vec<f64>| values.into_iter().map(Dual::real).collect::<Vec<_>>();
        let theta = Dual::along(&part("theta"), &part("direction"));
        let mut tape = Tape::default();
        let (scalar, vars) = loss(&mut tape, &theta, &duals(part("images")));
        assert!((tape.value(scalar)[0].value - part("loss")[0]).abs() < 1e-12);
        let gradient = tape.gradient(scalar);
        let ours = vars.iter().flat_map(|v| gradient.of(*v).to_vec());
        for ((ours, gradient), product) in ours.zip(part("gradient")).zip(part("product")) {
            assert!(
                (ours.value - gradient).abs() < 1e-12 && (ours.slope - product).abs() < 1e-11,
                "{ours:?} {gradient} {product}"
            );
        }
    }
}
