//! How far a run is that is still written as a step.

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub of: usize,
}

impl Progress {
    /// Nothing is left to do.
    pub fn finished(&self) -> bool {
        self.done >= self.of
    }
}
