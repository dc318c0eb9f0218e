//! What went wrong, in one sentence that names what and where and what would be right.

use std::fmt;

/// One clear sentence for the person at the page or the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says `sentence`: what is wrong, where, and what would be right.
    pub fn new(sentence: impl Into<String>) -> Self {
        Error(sentence.into())
    }

    /// The same error with the place it happened in put before it: `place: sentence`.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Error(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
