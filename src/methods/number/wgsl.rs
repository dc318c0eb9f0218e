//! Numbers that write down what is done with them, as lines of WGSL: what is written once for [`Real`] becomes a shader, operation by
//! operation.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt::Write;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::number::real::Real;

/// A number that is not known yet. Only within [`record`]; comparisons with `<` and `>` are never true, as for
/// [`Pack`](crate::number::pack::Pack): [`Real::larger`], [`Real::sign`] and [`Real::abs`] become operations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trace(u32);

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Statements that give `v1`, `v2`, … their values: the inputs from `inputs[0]` on, constants from `constants[first]` on.
    pub lines: String,
    /// The constants, in the order in which they are read. They are no part of the statements.
    pub constants: Vec<f32>,
    /// Expressions of the results.
    pub results: Vec<String>,
    last: u32,
}

thread_local! {
    static RECORD: RefCell<Record> = RefCell::default();
}

/// Records what `f` does with so many inputs.
pub fn record(inputs: usize, f: impl FnOnce(&[Trace]) -> Vec<Trace>) -> Record {
    RECORD.take();
    let traces: Vec<Trace> = (0..inputs).map(|i| line(format_args!("inputs[{i}]"))).collect();
    let results = f(&traces);
    let mut record = RECORD.take();
    record.results = results.into_iter().map(|r| r.to_string()).collect();
    record
}

fn line(expression: std::fmt::Arguments) -> Trace {
    RECORD.with_borrow_mut(|record| {
        record.last += 1;
        writeln!(record.lines, "    let v{} = {expression};", record.last).expect("a string takes all");
        Trace(record.last)
    })
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        // What nobody wrote is the default, zero.
        if self.0 == 0 { f.write_str("0.0") } else { write!(f, "v{}", self.0) }
    }
}

impl PartialOrd for Trace {
    fn partial_cmp(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

impl Add for Trace {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        line(format_args!("{self} + {o}"))
    }
}

impl Sub for Trace {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        line(format_args!("{self} - {o}"))
    }
}

impl Mul for Trace {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        line(format_args!("{self} * {o}"))
    }
}

impl Div for Trace {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        line(format_args!("{self} / {o}"))
    }
}

impl Neg for Trace {
    type Output = Self;
    fn neg(self) -> Self {
        line(format_args!("-{self}"))
    }
}

impl AddAssign for Trace {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Real for Trace {
    fn real(value: f64) -> Self {
        let index = RECORD.with_borrow_mut(|record| {
            record.constants.push(value as f32);
            record.constants.len() - 1
        });
        line(format_args!("constants[first + {index}u]"))
    }
    /// Nothing is known of it.
    fn double(self) -> f64 {
        f64::NAN
    }
    fn abs(self) -> Self {
        line(format_args!("abs({self})"))
    }
    fn sqrt(self) -> Self {
        line(format_args!("sqrt({self})"))
    }
    fn exp(self) -> Self {
        line(format_args!("exp({self})"))
    }
    fn ln(self) -> Self {
        line(format_args!("log({self})"))
    }
    fn tanh(self) -> Self {
        line(format_args!("tanh({self})"))
    }
    fn sin_cos(self) -> (Self, Self) {
        let both = line(format_args!("sine_cosine({self})"));
        (line(format_args!("{both}.x")), line(format_args!("{both}.y")))
    }
    fn sign(self) -> Self {
        line(format_args!("sign({self})"))
    }
    fn larger(self, o: Self) -> Self {
        line(format_args!("select({o}, {self}, {self} > {o})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_written_down_in_order() {
        let record = record(2, |inputs| {
            let [a, b] = [inputs[0], inputs[1]];
            vec![a * Trace::real(2.5) + b.abs(), Trace::default()]
        });
        let lines: Vec<&str> = record.lines.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "let v1 = inputs[0];",
                "let v2 = inputs[1];",
                "let v3 = constants[first + 0u];",
                "let v4 = v1 * v3;",
                "let v5 = abs(v2);",
                "let v6 = v4 + v5;"
            ]
        );
        assert_eq!((record.constants, record.results), (vec![2.5], vec!["v6".to_string(), "0.0".to_string()]));
    }
}
