//! What takes long to make is kept, and made again only when what it is made from has changed.

use std::fs;
use std::path::{Path, PathBuf};

use super::digest;

/// A folder of results, each named by its inputs.
pub struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Results kept in `folder`, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Kept { folder: folder.into() }
    }

    fn path(&self, inputs: &[&[u8]]) -> PathBuf {
        self.folder.join(format!("{:016x}", digest(inputs)))
    }

    /// What is kept for these `inputs`.
    pub fn find(&self, inputs: &[&[u8]]) -> Option<Vec<u8>> {
        fs::read(self.path(inputs)).ok()
    }

    /// What `make` gives for these `inputs`: from the folder, or made now. `inputs` must hold all that the result depends on.
    pub fn or_make<E>(&self, inputs: &[&[u8]], make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
        if let Some(bytes) = self.find(inputs) {
            return Ok(bytes);
        }
        let path = self.path(inputs);
        let bytes = make()?;
        // Renamed when whole, so that a build that is stopped leaves no half file. If it cannot be kept, it is made again.
        let half = path.with_extension(format!("{}", std::process::id()));
        let _ = fs::create_dir_all(&self.folder);
        let _ = fs::write(&half, &bytes).and_then(|()| fs::rename(&half, &path));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::folder;
    use super::*;

    #[test]
    fn makes_once_and_again_when_an_input_changes() {
        let kept = Kept::new(&folder("keep"));
        let make = |inputs: &[&[u8]], value: u8| kept.or_make(inputs, || Ok::<_, ()>(vec![value])).unwrap();
        assert_eq!(kept.find(&[b"ab", b"c"]), None);
        assert_eq!(make(&[b"ab", b"c"], 1), [1]);
        assert_eq!(kept.find(&[b"ab", b"c"]), Some(vec![1]));
        assert_eq!(make(&[b"ab", b"c"], 2), [1]);
        assert_eq!(make(&[b"a", b"bc"], 3), [3]);
        assert_eq!(kept.or_make(&[b"fails"], || Err("no")), Err("no"));
        fs::remove_dir_all(&kept.folder).unwrap();
    }
}
