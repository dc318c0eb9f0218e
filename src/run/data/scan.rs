//! What is left to read of a text header: a scanner that neither nests nor allocates by what the header says.

use ground::error::{Error, Result};
use ground::file::printable;

/// The bytes that have not been read yet.
pub(super) struct Scanner<'a>(pub(super) &'a [u8]);

impl Scanner<'_> {
    const MAX_DIMENSIONS: usize = 32;

    pub(super) fn space(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Is `byte` next, after spaces? Then it is read.
    pub(super) fn accept(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<()> {
        if self.accept(byte) { Ok(()) } else { Err(self.broken(&format!("'{}'", byte as char))) }
    }

    /// A whole number, not negative.
    pub(super) fn size(&mut self) -> Result<usize> {
        self.space();
        let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.0[..digits]).expect("digits");
        let size = text.parse().map_err(|_| self.broken("sizes that fit into memory"))?;
        self.0 = &self.0[digits..];
        Ok(size)
    }

    /// Sizes with commas between them, in brackets.
    pub(super) fn sizes(&mut self, open: u8, close: u8) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        self.expect(open)?;
        while !self.accept(close) {
            sizes.push(self.size()?);
            // Python 2 wrote long integers so.
            self.accept(b'L');
            if sizes.len() > Self::MAX_DIMENSIONS {
                return Err(Error::new(format!("has more than {} dimensions", Self::MAX_DIMENSIONS)));
            }
            if !self.accept(b',') {
                self.expect(close)?;
                break;
            }
        }
        Ok(sizes)
    }

    /// The error that something else was wanted here.
    pub(super) fn broken(&self, wanted: &str) -> Error {
        let here = printable(&String::from_utf8_lossy(&self.0[..self.0.len().min(60)]), 20);
        Error::new(format!("its header is damaged: {wanted} should stand where '{here}' is"))
    }
}
