//! Vectorised arithmetic: matrix products, exp, ln and tanh over slices, log-sum-exp over the rows and columns of a matrix.
//!
//! Everything is written once over [`Lanes`] for `f32` and `f64`, matrices are dense and row-major, and every result has the same
//! bits natively (SSE2, NEON) and in the browser (simd128): no fused multiply-add, own polynomials, a fixed order of summation.

pub mod fourier;
pub mod frame;
pub mod lanczos;
pub mod product;
pub mod solve;
pub mod spd;
pub mod spectrum;

mod elementary;
mod lanes;
mod log_sum_exp;
mod matmul;

pub use elementary::{exp, exp_in_place, exp_term, exp2_term, ln, ln_in_place, tanh, tanh_in_place};
pub use lanes::{Element, Lanes};
pub use log_sum_exp::{column_log_sum_exp, row_log_sum_exp};
pub use matmul::{matmul, matmul_nt, matmul_tn};
