//! Not drawn yet.
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::HeatMap;
pub(crate) fn draw(_: &HeatMap, _: &mut dyn Pen, _: &Page, _mesh: bool) {}
pub(crate) fn read_out(_: &HeatMap, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
