//! What page, worker and command line share: errors, controls, claims, cards, and views as plain data.

#[macro_use]
pub mod controls;
#[macro_use]
pub mod claim;
pub mod card;
pub mod error;
pub mod figure;
pub mod file;
pub mod random;
pub mod view;

pub use error::{Error, Result};
