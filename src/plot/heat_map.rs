//! Not drawn yet.
use super::axes::{Frame, Scaler};
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::HeatMap;
pub(crate) fn frame(_: &HeatMap, page: &Page) -> Frame {
    let s = Scaler::new((0.0, 1.0), crate::view::Scale::Linear);
    Frame::new(page.area(), s, s)
}
pub(crate) fn draw(_: &HeatMap, _: &mut dyn Pen, _: &Page) {}
pub(crate) fn read_out(_: &HeatMap, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
pub(crate) fn rows(_: &HeatMap) -> Vec<Vec<String>> {
    Vec::new()
}
pub(crate) fn describe(_: &HeatMap, kind: &str) -> String {
    kind.into()
}
