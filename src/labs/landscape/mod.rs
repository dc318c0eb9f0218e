//! Landscapes.

run::lab! { "landscape", "Landscapes", "What does the loss look like where training goes, and what does that do to training?";
    opposing_signals::OpposingSignals,
}
