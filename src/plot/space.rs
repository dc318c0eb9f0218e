//! Not drawn yet.
use super::axes::{Frame, Scaler};
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::Space;
pub(crate) fn frame(_: &Space, page: &Page) -> Frame {
    let s = Scaler::new((0.0, 1.0), crate::view::Scale::Linear);
    Frame::new(page.area(), s, s)
}
pub(crate) fn draw(_: &Space, _: &mut dyn Pen, _: &Page) {}
pub(crate) fn read_out(_: &Space, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
pub(crate) fn rows(_: &Space) -> Vec<Vec<String>> {
    Vec::new()
}
pub(crate) fn describe(_: &Space) -> String {
    "Space.".into()
}
pub(crate) fn flat(_: &Space) -> bool {
    true
}
