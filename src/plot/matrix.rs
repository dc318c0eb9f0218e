//! Not drawn yet.
use super::axes::{Frame, Scaler};
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::Matrix;
pub(crate) fn frame(_: &Matrix, page: &Page) -> Frame {
    let s = Scaler::new((0.0, 1.0), crate::view::Scale::Linear);
    Frame::new(page.area(), s, s)
}
pub(crate) fn draw(_: &Matrix, _: &mut dyn Pen, _: &Page) {}
pub(crate) fn read_out(_: &Matrix, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
pub(crate) fn rows(_: &Matrix) -> Vec<Vec<String>> {
    Vec::new()
}
pub(crate) fn describe(_: &Matrix) -> String {
    "Matrix.".into()
}
