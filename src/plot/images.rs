//! Not drawn yet.
use super::axes::{Frame, Scaler};
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::Images;
pub(crate) fn draw(_: &Images, _: &mut dyn Pen, _: &Page) {}
pub(crate) fn read_out(_: &Images, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
pub(crate) fn rows(_: &Images) -> Vec<Vec<String>> {
    Vec::new()
}
pub(crate) fn describe(_: &Images) -> String {
    "Images.".into()
}
