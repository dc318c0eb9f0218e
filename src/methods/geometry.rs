//! Shapes in space.

pub mod mesh;
