//! Vectorised arithmetic: matrix products, exp, ln and tanh over slices, log-sum-exp over the rows and columns of a matrix.
//!
//! Everything is written once over [`Lanes`] for `f32` and `f64`, matrices are dense and row-major, and every result has the same
//! bits natively (SSE2, NEON) and in the browser (simd128): no fused multiply-add, own polynomials, a fixed order of summation.

mod lanes;
mod matmul;

pub use lanes::{Element, Lanes};
pub use matmul::{matmul, matmul_nt, matmul_tn};
