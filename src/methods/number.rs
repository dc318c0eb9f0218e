//! Numbers that algorithms are generic over (real in either precision, dual, jets, packed), and formulas of them, also as a shader's text.

pub mod dual;
pub mod formula;
pub mod jet;
pub mod pack;
pub mod real;
pub mod wgsl;
