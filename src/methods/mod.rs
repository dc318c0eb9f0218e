//! What several experiments share, by field; each module is usable as a library on its own.

pub mod random;
pub mod solve;
pub mod transport;
