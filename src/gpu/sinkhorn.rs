//! Sinkhorn in the log domain.
mod twin;
pub use twin::Twin;
