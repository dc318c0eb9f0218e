//! Not drawn yet.
use super::axes::{Frame, Scaler};
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::Graph;
pub(crate) fn frame(_: &Graph, page: &Page) -> Frame {
    let s = Scaler::new((0.0, 1.0), crate::view::Scale::Linear);
    Frame::new(page.area(), s, s)
}
pub(crate) fn draw(_: &Graph, _: &mut dyn Pen, _: &Page) {}
pub(crate) fn read_out(_: &Graph, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
pub(crate) fn rows(_: &Graph) -> Vec<Vec<String>> {
    Vec::new()
}
pub(crate) fn describe(_: &Graph) -> String {
    "Graph.".into()
}
