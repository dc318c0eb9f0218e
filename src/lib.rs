//! Orrery: a browser-based interactive explorer of how learning works.
//!
//! Every experiment is a paper, and every paper's claim is measured. A tour of the house, from the ground up; arrows run down only:
//!
//! - `ground`: errors, controls, claims, cards, and views as plain data;
//! - `methods`: what several experiments share, by field;
//! - `gpu`: a GPU, open for work;
//! - `run`: the contract that every experiment fulfils, its session, its data, its kernels;
//! - `plot`: views turned into pixels; `page`: the page's module;
//! - `labs`: one crate a lab, one file a paper; `instruments`: one crate each. They never know each other;
//! - here, natively: the [`catalogue`] of all of them, the [`site`], and the command line.

pub mod audit;
pub mod catalogue;
pub mod ledger;
pub mod pool;
pub mod site;

pub use ground::{Error, Result};
