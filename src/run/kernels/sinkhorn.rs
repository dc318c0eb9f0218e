//! Sinkhorn's algorithm in the log domain, on the GPU where that is faster.
//!
//! For costs C, row sums r and column sums c (positive, sum 1) and inverse temperature η it finds the potentials u = ηx, v = ηy
//! for which P_ij = exp(uᵢ + vⱼ − ηC_ij) has these sums, by half steps in turn:
//!
//! ```text
//! uᵢ = ln rᵢ − ln Σⱼ exp(vⱼ − ηC_ij),      vⱼ = ln cⱼ − ln Σᵢ exp(uᵢ − ηC_ij).
//! ```
//!
//! [`Solver`] is what to use; [`Kernel`] is the GPU's side (`shaders/sinkhorn_log.wgsl`, `f32`), [`Twin`] the CPU's (`f64` or `f32`). The two
//! agree in `f32` to 1e-4 of the potentials' range. Source: Peyré & Cuturi, "Computational optimal transport", 2019, section 4.4.

mod kernel;
mod solver;

pub use kernel::{Batch, Kernel};
pub use methods::transport::sinkhorn::Twin;
pub use solver::{Choice, Solver};

/// What is known of a device: the compiled kernel, and how fast it is at the sizes met so far.
#[derive(Default)]
pub(super) struct Known {
    program: std::sync::OnceLock<gpu::Program<2>>,
    speeds: gpu::BySize<solver::Speed>,
}
