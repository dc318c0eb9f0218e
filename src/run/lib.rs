//! A live run: the contract of an experiment, its session, the data it reads, and the kernels it calls.

pub mod data;
pub mod experiment;
pub mod history;
pub mod kernels;
pub mod prelude;
pub mod session;
pub mod stage;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use ground::{Error, Result};
