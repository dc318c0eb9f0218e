//! What nearly every experiment needs.

pub use crate::data::{Array, Dataset, Library};
pub use crate::experiment::{Card, Experiment, Paper, Preset, Reproduction};
pub use crate::history::{Every, Track};
pub use crate::stage::Stage;
pub use crate::views;
pub use gpu::Device;
pub use ground::claim::{Measures, Runs, Verdict, at_least, at_most};
pub use ground::error::{Error, Result};
pub use ground::figure::{count, figure, figures, percent};
pub use ground::random::Random;
pub use ground::view::{
    Axis, Cell, Chart, Cloud, Edge, Field, Graph, Handle, HeatMap, Images, Ink, Mark, Matrix, Path, Scale, Segment, Series,
    Space, Table, View,
};
pub use ground::{choice, controls, measures, series};
