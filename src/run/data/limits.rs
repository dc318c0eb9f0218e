//! How many numbers are read of the user's files, and how their places are said: what all kinds of files have in common.

use ground::error::Error;

/// How many numbers are read from one file: 128 MB of them.
pub const MAX_VALUES: usize = 16_000_000;

/// The refusal of a file with `count` numbers, more than [`MAX_VALUES`].
pub(super) fn too_many(name: &str, count: impl std::fmt::Display) -> Error {
    let most = MAX_VALUES / 1_000_000;
    Error::new(format!("{name}: {count} numbers are too many; at most {most} million are read, so take every k-th row"))
}

/// Where the `index`-th number (C order) of an array of this shape is, in words, counted from 1.
pub(super) fn place(shape: &[usize], mut index: usize) -> String {
    let mut at = vec![0; shape.len()];
    for (at, size) in at.iter_mut().zip(shape).rev() {
        (*at, index) = (index % size + 1, index / size);
    }
    match at[..] {
        [i] => format!("number {i}"),
        [row, column] => format!("row {row}, column {column}"),
        _ => format!("place {at:?}").replace(['[', ']'], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_from_one() {
        assert_eq!(place(&[7], 4), "number 5");
        assert_eq!(place(&[2, 3], 5), "row 2, column 3");
        assert_eq!(place(&[2, 3, 4], 23), "place 2, 3, 4");
    }
}
