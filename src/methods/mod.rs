//! What several experiments share, by field; each module is usable as a library on its own.

pub mod dual;
pub mod nn;
pub mod optimize;
pub mod product;
pub mod random;
pub mod real;
pub mod solve;
pub mod transport;
