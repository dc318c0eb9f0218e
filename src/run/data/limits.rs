//! How much is read of the user's files, and how their places are said: what all kinds of files have in common.

use ground::error::{Error, Result};

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;
/// How many numbers are read from one file: 64 MB of them.
pub const MAX_VALUES: usize = 8_000_000;

/// Refuses a file by its size alone, before it is in memory: 0 bytes, or more than [`MAX_BYTES`].
pub fn check_size(name: &str, bytes: u64) -> Result<()> {
    let name = printable(name, 120);
    if bytes == 0 {
        return Err(Error::new(format!("{name}: the file is empty (0 bytes)")));
    }
    if bytes > MAX_BYTES {
        let (have, most) = (bytes >> 20, MAX_BYTES >> 20);
        return Err(Error::new(format!(
            "{name}: {have} MB are too many; files of at most {most} MB are read, so take a part of it"
        )));
    }
    Ok(())
}

/// The refusal of a file with `count` numbers, more than [`MAX_VALUES`].
pub(super) fn too_many(name: &str, count: impl std::fmt::Display) -> Error {
    let most = MAX_VALUES / 1_000_000;
    Error::new(format!("{name}: {count} numbers are too many; at most {most} million are read, so take every k-th row"))
}

/// `text` on one line, without control characters, at most `most` characters of it: fit for a sentence.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() || c == '\u{feff}' { '·' } else { c });
    let mut short: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
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
