//! The user's files together, and what was not taken from them.

use super::Array;
use ground::error::{Error, Result};
use ground::file::printable;

/// A file of the user's, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Its name, fit for a sentence.
    pub name: String,
    /// The arrays that can be read, in the file's order.
    pub arrays: Vec<Array>,
    /// What was left out and why, and what else reading decided, a sentence each that names its place.
    pub notes: Vec<String>,
}

impl File {
    /// A file with nothing in it yet.
    pub(super) fn named(name: &str) -> File {
        File { name: name.into(), ..File::default() }
    }

    /// Takes an array in, or keeps the reason why it cannot be read: whoever needs it is told, nobody else is stopped.
    pub(super) fn take(&mut self, array: Result<Array>) {
        match array {
            Ok(array) => self.arrays.push(array),
            Err(reason) => self.notes.push(format!("{LEFT_OUT}{reason}")),
        }
    }

    /// The file, if there is anything in it to read.
    ///
    /// # Errors
    /// Why its first array cannot be read, if none can.
    pub(super) fn checked(self) -> Result<File> {
        match (&self.arrays[..], &self.notes[..]) {
            ([], [first, ..]) => Err(Error::new(first.trim_start_matches(LEFT_OUT))),
            ([], []) => Err(Error::new(format!("{}: has no arrays in it", self.name))),
            _ => Ok(self),
        }
    }
}

/// How the note of an array begins that was left out.
pub(super) const LEFT_OUT: &str = "left out: ";

/// All files of the user's that are in use.
#[derive(Clone, Debug, Default)]
pub struct Files {
    arrays: Vec<Array>,
    /// The file's name, and what is to be said of it.
    notes: Vec<(String, String)>,
}

impl Files {
    /// Puts a file beside the others.
    pub fn add(&mut self, file: File) {
        self.arrays.extend(file.arrays);
        self.notes.extend(file.notes.into_iter().map(|note| (file.name.clone(), note)));
    }

    /// Puts a file beside the others, or in the place of one of the same name.
    pub fn replace(&mut self, file: File) {
        self.remove(&file.name);
        self.add(file);
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) {
        let name = file_name(name);
        self.arrays.retain(|array| array.file() != name);
        self.notes.retain(|(file, _)| *file != name);
    }

    /// The arrays of all files.
    pub fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    /// What was left out of the files and why, and what else reading them decided.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|(_, note)| &**note)
    }

    /// `error`, and what was left out of the files: it may be what is missing.
    pub fn explain(&self, error: Error) -> Error {
        let left_out: Vec<&str> = self.notes().filter(|note| note.starts_with(LEFT_OUT)).collect();
        let more = if left_out.len() > 2 { format!(", and {} more", left_out.len() - 2) } else { String::new() };
        let told: Vec<&str> = left_out.iter().take(2).map(|note| note.trim_start_matches(LEFT_OUT)).collect();
        if told.is_empty() { error } else { Error::new(format!("{error} (left out: {}{more})", told.join("; "))) }
    }
}

impl From<Vec<Array>> for Files {
    fn from(arrays: Vec<Array>) -> Files {
        Files { arrays, notes: Vec::new() }
    }
}

/// A file's name as arrays have it, see [`Array::name`].
pub(super) fn file_name(name: &str) -> String {
    printable(name, 120).replace('/', "·")
}
