//! Orrery: a browser-based interactive explorer of how learning works.
//!
//! Every experiment is a paper, and every paper's claim is measured. A tour of the house:
//!
//! - [`experiment`]: the contract that every experiment fulfils, and the card the catalogue shows;
//! - [`controls`](mod@controls): one declaration gives sliders, URL state, command-line flags and validation;
//! - [`claim`]: measures of a run, the verdict over several;
//! - [`view`]: what can be shown, as plain data; [`plot`]: views turned into pixels;
//! - [`session`]: one live run, its slices and its time line;
//! - [`instruments`]: for the reader's own problems; the same contract;
//! - [`labs`]: one file a paper; they use [`methods`], [`data`] and [`gpu`], never each other;
//! - `web` (wasm32) and the binary's command line (native) are the only rooms that know the outside.

#[macro_use]
pub mod controls;
#[macro_use]
pub mod claim;
pub mod data;
pub mod error;
pub mod experiment;
pub mod gpu;
pub mod instruments;
pub mod labs;
pub mod methods;
pub mod plot;
pub mod session;
#[cfg(not(target_arch = "wasm32"))]
pub mod site;
pub mod view;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use error::{Error, Result};
