//! Matrix products and vectorised functions behind one trait, so that networks can be `f32` (to train) or `f64` (to check).

use crate::linear::{self, Element};
use crate::number::real::Real;

/// A float type with matrix products. All matrices are dense and row-major; `out` is overwritten.
pub trait Product: Real {
    /// `out` (m×n) = `a` (m×k) · `b` (k×n)
    fn product(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize);
    /// `out` (m×n) = `a`ᵀ · `b`, with `a` k×m and `b` k×n
    fn product_tn(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize);
    /// `out` (m×n) = `a` · `b`ᵀ, with `a` m×k and `b` n×k
    fn product_nt(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize);
    /// tanh of every entry, in place.
    fn tanh_each(values: &mut [Self]);
    /// eˣ of every entry, in place.
    fn exp_each(values: &mut [Self]) {
        values.iter_mut().for_each(|v| *v = v.exp());
    }
    /// ln x of every entry, in place.
    fn ln_each(values: &mut [Self]) {
        values.iter_mut().for_each(|v| *v = v.ln());
    }
}

impl<T: Element> Product for T {
    fn product(out: &mut [T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
        linear::matmul(out, a, b, m, k, n);
    }
    fn product_tn(out: &mut [T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
        linear::matmul_tn(out, a, b, m, k, n);
    }
    fn product_nt(out: &mut [T], a: &[T], b: &[T], m: usize, k: usize, n: usize) {
        linear::matmul_nt(out, a, b, m, k, n);
    }
    fn tanh_each(values: &mut [T]) {
        linear::tanh_in_place(values);
    }
    fn exp_each(values: &mut [T]) {
        linear::exp_in_place(values);
    }
    fn ln_each(values: &mut [T]) {
        linear::ln_in_place(values);
    }
}
