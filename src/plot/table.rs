//! Not drawn yet.
use super::axes::{Frame, Scaler};
use super::pen::{Pen, Px};
use super::{Page, ReadOut};
use crate::view::Table;
pub(crate) fn draw(_: &Table, _: &mut dyn Pen, _: &Page) {}
pub(crate) fn read_out(_: &Table, _: &Page, _: Px) -> Option<ReadOut> {
    None
}
pub(crate) fn rows(_: &Table) -> Vec<Vec<String>> {
    Vec::new()
}
pub(crate) fn describe(_: &Table) -> String {
    "Table.".into()
}
