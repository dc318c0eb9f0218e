//! The paper's three functions of one variable.

use libm::{cos, sin};
use run::prelude::*;

choice! {
    /// What is minimised.
    pub enum Function { F1 => "F1", F2 => "F2", F3 => "F3", Digits => "digits" }
}

impl Function {
    /// F(x).
    pub fn value(self, x: f64) -> f64 {
        match self {
            Function::F1 if x <= 0.0 => (x + 0.3) * (x + 0.3),
            Function::F1 => (x - 0.2) * (x - 0.2) + 0.05,
            Function::F2 if x <= -0.9 => -40.0 * x - 35.15,
            Function::F2 => x * x * x + x * sin(8.0 * x) + 0.85,
            Function::F3 if x.abs() > 0.5 || x == -0.5 => x * x,
            Function::F3 if x.abs() > 0.4 || x == -0.4 => 0.75 - x.abs(),
            _ => 7.0 / 8.0 * x.abs(),
        }
    }

    /// F′(x); at a kink the side that the paper's conditions (x ≤ −0.9, x ≤ 0, …) name.
    pub fn slope(self, x: f64) -> f64 {
        match self {
            Function::F1 if x <= 0.0 => 2.0 * (x + 0.3),
            Function::F1 => 2.0 * (x - 0.2),
            Function::F2 if x <= -0.9 => -40.0,
            Function::F2 => 3.0 * x * x + sin(8.0 * x) + 8.0 * x * cos(8.0 * x),
            _ if x <= -0.5 || x > 0.5 => 2.0 * x,
            _ if x <= -0.4 => 1.0,
            _ if x <= 0.0 => -7.0 / 8.0,
            _ if x <= 0.4 => 7.0 / 8.0,
            _ => -1.0,
        }
    }

    /// The global minimum.
    pub fn minimum(self) -> f64 {
        match self {
            Function::F1 => -0.3,
            Function::F2 => -0.642_918_598_8,
            Function::F3 | Function::Digits => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_match_finite_differences() {
        for f in [Function::F1, Function::F2, Function::F3] {
            for i in 0..500 {
                let x = -1.4987 + i as f64 * 0.005;
                let slope = (f.value(x + 1e-6) - f.value(x - 1e-6)) / 2e-6;
                assert!((slope - f.slope(x)).abs() < 1e-7, "{f:?} at {x}: {slope} and {}", f.slope(x));
            }
        }
        let wiggle = Function::F2.slope(Function::F2.minimum());
        assert!(wiggle.abs() < 1e-5, "{wiggle}");
    }
}
