//! Matrix products and vectorised functions behind one trait, so that networks can be `f32` (to train) or `f64` (to check).

use super::real::Real;

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
}

macro_rules! plain {
    ($t:ty) => {
        impl Product for $t {
            fn product(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize) {
                out.fill(0.0);
                for i in 0..m {
                    for p in 0..k {
                        let scale = a[i * k + p];
                        out[i * n..(i + 1) * n].iter_mut().zip(&b[p * n..(p + 1) * n]).for_each(|(o, b)| *o += scale * b);
                    }
                }
            }
            fn product_tn(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize) {
                out.fill(0.0);
                for p in 0..k {
                    for i in 0..m {
                        let scale = a[p * m + i];
                        out[i * n..(i + 1) * n].iter_mut().zip(&b[p * n..(p + 1) * n]).for_each(|(o, b)| *o += scale * b);
                    }
                }
            }
            fn product_nt(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize) {
                for i in 0..m {
                    for j in 0..n {
                        out[i * n + j] = (0..k).map(|p| a[i * k + p] * b[j * k + p]).sum();
                    }
                }
            }
            fn tanh_each(values: &mut [Self]) {
                values.iter_mut().for_each(|v| *v = Real::tanh(*v));
            }
        }
    };
}
plain!(f32);
plain!(f64);
