//! What several experiments share, by field; each module is usable as a library on its own.

pub mod autodiff;
pub mod connect;
pub mod dual;
pub mod fourier;
pub mod gaussian;
pub mod information;
pub mod lanczos;
pub mod layered;
pub mod linear;
pub mod linear_network;
pub mod model;
pub mod narrow;
pub mod neural_collapse;
pub mod nn;
pub mod optimize;
pub mod plane;
pub mod product;
pub mod random;
pub mod real;
pub mod solve;
pub mod spectrum;
pub mod statistics;
pub mod training;
pub mod transport;
pub mod variational_bottleneck;
