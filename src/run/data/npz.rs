//! numpy's npz files: zip archives of npy files, stored or deflated.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use flate2::Crc;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::files::File;
use super::npy;
use super::stored::Members;
use ground::error::{Error, Result};
use ground::file::printable;

/// The most files that an archive may have.
const MAX_MEMBERS: usize = 10_000;

/// The arrays of the archive, named "file.npz/array".
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<File> {
    let mut members = Members::new(name);
    unpack(name, bytes, |full, content| {
        members.take(npy::parse(full, content));
        Ok(())
    })?;
    members.file()
}

/// Calls `each` with the name ("file.npz/array") and the content of every npy file in the archive.
///
/// A bomb is refused before it goes off: all content together may be 64 MB and four times the file, both by what the archive
/// says and by what comes out of it.
pub(super) fn unpack(name: &str, bytes: &[u8], mut each: impl FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
    let wrong = |what: String| Error::new(format!("{name}: {what}"));
    // The directory of an archive takes ten times its size in memory.
    if bytes.windows(4).filter(|w| *w == b"PK\x01\x02").count() > MAX_MEMBERS {
        return Err(wrong(format!("the archive has more than {MAX_MEMBERS} members")));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
        wrong(match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "is an npy array, not an npz archive; name it .npy".into(),
            [b'P', b'K', ..] => format!("the archive is damaged or cut off ({})", reason(&e)),
            _ => "is not an npz archive; numpy.savez writes one".into(),
        })
    })?;
    let mut left = 4 * bytes.len() as u64 + (64 << 20);
    let mut found = false;
    for index in 0..archive.len() {
        let mut member = match archive.by_index(index) {
            Ok(member) => member,
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(wrong("the archive is encrypted".into()));
            }
            Err(e) => return Err(wrong(format!("member {} cannot be read ({})", index + 1, reason(&e)))),
        };
        let member_name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let Some(array_name) = member_name.strip_suffix(".npy") else { continue };
        let full = format!("{name}/{}", printable(array_name, 60));
        let bomb = || Error::new(format!("{full}: unpacks to far more than an archive of {} bytes should hold", bytes.len()));
        if member.size() > left {
            return Err(bomb());
        }
        let damaged = |why: &str| Error::new(format!("{full}: is damaged or cut off ({})", printable(why, 80)));
        let content = match (member.compression(), member.data_start()) {
            // What is only stored is read where it is.
            (CompressionMethod::Stored, Some(start)) if member.size() == member.compressed_size() => {
                let end = start.checked_add(member.size()).filter(|end| *end <= bytes.len() as u64);
                let end = end.ok_or_else(|| damaged("it ends beyond the archive"))?;
                let content = &bytes[start as usize..end as usize];
                let mut crc = Crc::new();
                crc.update(content);
                if crc.sum() != member.crc32() {
                    return Err(damaged("its checksum is another"));
                }
                Cow::Borrowed(content)
            }
            _ => {
                // Deflate packs 1,032 to 1 at best: what a header declares beyond that is a lie, and no room is made for it.
                let room = member.size().min(1032 * member.compressed_size().min(bytes.len() as u64));
                let mut content = Vec::with_capacity(room as usize);
                let limit = left.min(member.size());
                (&mut member).take(limit + 1).read_to_end(&mut content).map_err(|e| damaged(&e.to_string()))?;
                if content.len() as u64 > limit {
                    return Err(bomb());
                }
                Cow::Owned(content)
            }
        };
        left -= content.len() as u64;
        found = true;
        each(&full, &content)?;
    }
    if found { Ok(()) } else { Err(wrong("the archive has no npy arrays in it; numpy.savez writes them".into())) }
}

/// Why the archive is refused, short.
fn reason(error: &ZipError) -> String {
    match error {
        ZipError::InvalidArchive(text) => printable(text, 80),
        ZipError::CompressionMethodNotSupported(_) => "its compression is neither stored nor deflated".into(),
        other => printable(&other.to_string(), 80),
    }
}
