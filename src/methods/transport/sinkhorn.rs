//! Sinkhorn's algorithm in the log domain: one sweep in one pass over the costs, one exponential an entry.
//!
//! For costs C, row sums r and column sums c (positive, sum 1) and inverse temperature η it finds the potentials u = ηx, v = ηy
//! for which P_ij = exp(uᵢ + vⱼ − ηC_ij) has these sums, by half steps in turn:
//!
//! ```text
//! uᵢ = ln rᵢ − ln Σⱼ exp(vⱼ − ηC_ij),      vⱼ = ln cⱼ − ln Σᵢ exp(uᵢ − ηC_ij).
//! ```
//!
//! It has a twin on the GPU, which is tested against it. Source: Peyré & Cuturi, "Computational optimal transport", 2019, section 4.4.

use crate::linear::{Element, Lanes, exp2_term, row_log_sum_exp};

/// Registers worked on side by side.
const BLOCK: usize = 4;

/// Sinkhorn's algorithm in the log domain on the CPU, in `f64` or `f32`. See [the module](self) for the problem.
///
/// The row half step makes every row of P sum to rᵢ. The terms that were summed for it, scaled by rᵢ over their sum, *are* the new row, so
/// that adding them to the columns' sums gives the column half step without a second exponential. This is exact as long as the old uᵢ
/// is a fair estimate of the new one, which it is after the first sweeps; where it is not, and where a column's sum underflows, the
/// largest term is taken out as in [`row_log_sum_exp`].
///
/// Everything is kept in base 2 (u / ln 2, …): then exp needs no reduction of its argument.
#[derive(Clone, Debug)]
pub struct Twin<T> {
    /// ηC / ln 2, the rows padded to whole blocks with costs that no mass takes.
    kernel: Vec<T>,
    stride: usize,
    source: Marginal<T>,
    target: Marginal<T>,
    u: Vec<T>,
    v: Vec<T>,
    terms: Vec<T>,
    sums: Vec<T>,
}

#[derive(Clone, Debug)]
struct Marginal<T> {
    mass: Vec<T>,
    bits: Vec<T>,
}

impl<T: Element> Marginal<T> {
    fn new(mass: &[f64]) -> Self {
        let bits = |m: &f64| T::real(libm::log2(*m));
        Marginal { mass: mass.iter().map(|m| T::real(*m)).collect(), bits: mass.iter().map(bits).collect() }
    }
}

/// The sums that the fast way trusts: where terms that were raised to the smallest normal number cannot be felt.
struct Trusted {
    sum: f64,
    weight: f64,
}

impl<T: Element> Twin<T> {
    const TRUSTED: Trusted =
        if size_of::<T>() == 8 { Trusted { sum: 1e-250, weight: 1e20 } } else { Trusted { sum: 1e-25, weight: 1e4 } };

    /// At u = v = 0, with costs ηC (`source.len()` rows of `target.len()`), row sums r and column sums c, all positive.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(scaled_cost: impl ExactSizeIterator<Item = f64>, source: &[f64], target: &[f64]) -> Self {
        let (rows, columns) = (source.len(), target.len());
        assert_eq!(scaled_cost.len(), rows * columns, "one cost for each row and column");
        let stride = columns.next_multiple_of(BLOCK * T::Lanes::WIDTH);
        let mut kernel = vec![T::real(1e30); rows * stride];
        for (k, cost) in scaled_cost.enumerate() {
            kernel[k / columns * stride + k % columns] = T::real(cost * std::f64::consts::LOG2_E);
        }
        let zeros = |count| vec![T::default(); count];
        let (source, target) = (Marginal::new(source), Marginal::new(target));
        Twin { kernel, stride, source, target, u: zeros(rows), v: zeros(stride), terms: zeros(stride), sums: zeros(stride) }
    }

    /// How many costs there are.
    pub fn size(&self) -> usize {
        self.source.mass.len() * self.target.mass.len()
    }

    /// (u, v).
    pub fn potentials(&self) -> (Vec<f64>, Vec<f64>) {
        let natural = |bits: &[T]| bits.iter().map(|b| b.double() * std::f64::consts::LN_2).collect();
        (natural(&self.u), natural(&self.v[..self.target.mass.len()]))
    }

    /// Goes on from (u, v).
    pub fn set_potentials(&mut self, u: &[f64], v: &[f64]) {
        let set = |to: &mut [T], from: &[f64]| {
            to.iter_mut().zip(from).for_each(|(to, x)| *to = T::real(x * std::f64::consts::LOG2_E));
        };
        set(&mut self.u, u);
        set(&mut self.v, v);
    }

    /// One sweep: the row half step, then the column half step. Returns ‖P1 − r‖₁ as it was before.
    pub fn sweep(&mut self) -> f64 {
        let mut error = 0.0;
        self.sums.fill(T::default());
        for i in 0..self.u.len() {
            let kernel = &self.kernel[i * self.stride..][..self.stride];
            let mass = row_terms(&mut self.terms, kernel, &self.v, self.u[i]);
            error += (mass.double() - self.source.mass[i].double()).abs();
            let mut weight = self.source.mass[i] / mass;
            if trusted::<T>(mass) && (1.0 / Self::TRUSTED.weight..=Self::TRUSTED.weight).contains(&weight.double()) {
                self.u[i] = self.u[i] + self.source.bits[i] - bits(mass);
            } else {
                self.u[i] = self.source.bits[i] - log2_sum_exp2(kernel, &self.v);
                row_terms(&mut self.terms, kernel, &self.v, self.u[i]);
                weight = T::real(1.0);
            }
            add_scaled(&mut self.sums, weight, &self.terms);
        }
        for j in 0..self.target.mass.len() {
            self.v[j] = if trusted::<T>(self.sums[j]) {
                self.v[j] + self.target.bits[j] - bits(self.sums[j])
            } else {
                let column: Vec<T> = self.kernel.iter().skip(j).step_by(self.stride).copied().collect();
                self.target.bits[j] - log2_sum_exp2(&column, &self.u)
            };
        }
        error
    }
}

fn trusted<T: Element>(sum: T) -> bool {
    (Twin::<T>::TRUSTED.sum..1.0 / Twin::<T>::TRUSTED.sum).contains(&sum.double())
}

fn bits<T: Element>(x: T) -> T {
    x.ln() * T::real(std::f64::consts::LOG2_E)
}

fn log2_sum_exp2<T: Element>(kernel: &[T], potential: &[T]) -> T {
    let mut out = [T::default()];
    row_log_sum_exp(&mut out, T::real(std::f64::consts::LN_2), kernel, kernel.len(), potential);
    out[0] * T::real(std::f64::consts::LOG2_E)
}

/// `terms[j]` = 2^(u + `v[j]` − `kernel[j]`); returns their sum.
fn row_terms<T: Element>(terms: &mut [T], kernel: &[T], v: &[T], u: T) -> T {
    let width = T::Lanes::WIDTH;
    let size = BLOCK * width;
    let u = T::Lanes::splat(u);
    let mut sums = [T::Lanes::splat(T::default()); BLOCK];
    for ((terms, kernel), v) in terms.chunks_exact_mut(size).zip(kernel.chunks_exact(size)).zip(v.chunks_exact(size)) {
        let term = exp2_term(std::array::from_fn::<T::Lanes, BLOCK, _>(|r| {
            T::Lanes::load(&v[r * width..]) - T::Lanes::load(&kernel[r * width..]) + u
        }));
        for r in 0..BLOCK {
            sums[r] = sums[r] + term[r];
            term[r].store(&mut terms[r * width..]);
        }
    }
    let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    let mut lanes = [T::default(); 4];
    sum.store(&mut lanes);
    lanes[1..width].iter().fold(lanes[0], |sum, x| sum + *x)
}

/// `sums` += `weight` · `terms`.
fn add_scaled<T: Element>(sums: &mut [T], weight: T, terms: &[T]) {
    let width = T::Lanes::WIDTH;
    let weight = T::Lanes::splat(weight);
    for (sum, term) in sums.chunks_exact_mut(width).zip(terms.chunks_exact(width)) {
        (T::Lanes::load(sum) + weight * T::Lanes::load(term)).store(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::column_log_sum_exp;
    use crate::random::Random;

    fn normalised(mut mass: Vec<f64>) -> Vec<f64> {
        let sum: f64 = mass.iter().sum();
        mass.iter_mut().for_each(|m| *m /= sum);
        mass
    }

    /// Against plain half steps with the largest term taken out, from the first sweep on, where the shortcut cannot be trusted.
    #[test]
    fn a_sweep_is_two_exact_half_steps() {
        let mut random = Random::new(5, "twin");
        for (rows, columns, scale) in [(7, 5, 10.0), (40, 61, 300.0), (33, 40, 5000.0), (1, 1, 1.0)] {
            let cost: Vec<f64> = (0..rows * columns).map(|_| 0.3 + random.uniform()).collect();
            let source = normalised((0..rows).map(|_| 1e-6 + random.uniform()).collect());
            let target = normalised((0..columns).map(|_| 1e-6 + random.uniform()).collect());
            let mut twin = Twin::<f64>::new(cost.iter().map(|c| c * scale), &source, &target);
            let mut single = Twin::<f32>::new(cost.iter().map(|c| c * scale), &source, &target);
            let (mut x, mut y) = (vec![0.0; rows], vec![0.0; columns]);
            for sweep in 0..50 {
                let mut sums = vec![0.0; rows];
                row_log_sum_exp(&mut sums, scale, &cost, columns, &y);
                let mass = |i: usize| libm::exp(scale * x[i] + sums[i]);
                let error: f64 = (0..rows).map(|i| (mass(i) - source[i]).abs()).sum();
                x = sums.iter().zip(&source).map(|(s, r)| (libm::log(*r) - s) / scale).collect();
                let mut sums = vec![0.0; columns];
                column_log_sum_exp(&mut sums, scale, &cost, columns, &x);
                y = sums.iter().zip(&target).map(|(s, c)| (libm::log(*c) - s) / scale).collect();
                let got = twin.sweep();
                assert!((got - error).abs() <= 1e-10 * error.max(1.0), "error {got} for {error} at sweep {sweep}");
                single.sweep();
            }
            let off = |(u, v): (Vec<f64>, Vec<f64>)| {
                let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a / scale - b).abs()).fold(0.0, f64::max);
                far(&u, &x).max(far(&v, &y))
            };
            let (double, float) = (off(twin.potentials()), off(single.potentials()));
            assert!(double < 1e-12, "f64 {rows}×{columns} at {scale}: {double:e}");
            assert!(float < 1e-4, "f32 {rows}×{columns} at {scale}: {float:e}");
        }
    }
}
