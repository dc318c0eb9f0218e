//! A sample of every view type and mark.
use crate::view::*;
/// One sample for every view type and every mark, by name.
pub fn samples() -> Vec<(&'static str, View)> {
    Vec::new()
}
