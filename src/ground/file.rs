//! A file of the user's before it is read: how large it may be, and how its name goes into a sentence.

use crate::error::{Error, Result};

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;

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

/// `text` on one line, without control characters and what turns its direction round or has no width, at most `most` characters of it: fit
/// for a sentence.
pub fn printable(text: &str, most: usize) -> String {
    let unseen = |c: char| {
        let marks = ['\u{ad}', '\u{61c}', '\u{feff}'];
        c.is_control()
            || marks.contains(&c)
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{2028}'..='\u{202e}').contains(&c)
            || ('\u{2060}'..='\u{206f}').contains(&c)
    };
    let mut chars = text.chars().map(|c| if unseen(c) { '·' } else { c });
    let mut short: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}
