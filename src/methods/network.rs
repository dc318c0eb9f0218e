//! Networks: what they are made of, how they are trained, and what is looked at in them.

pub mod autodiff;
pub mod contrastive;
pub mod dense;
pub mod layered;
pub mod learner;
pub mod linear_network;
pub mod model;
pub mod narrow;
pub mod plane;
pub mod points;
pub mod training;
