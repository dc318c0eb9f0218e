//! A live run: the contract of an experiment, its session, the data it reads, and the kernels it calls.

pub mod data;
pub mod experiment;
pub mod kernels;
pub mod session;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use ground::{Error, Result};
