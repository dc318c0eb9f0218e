//! A formula in x and y as a reader types it, evaluated with any kind of number: with [jets](crate::number::jet) its derivatives are exact.
//!
//! Written here rather than taken from an expression crate: those evaluate with the platform's sin and exp, whose bits differ
//! between machines, know no place for their errors, and cannot run on eight points at once.

use ground::error::{Error, Result};

use crate::number::real::Real;

/// A parsed formula: instructions for a stack machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    tape: Vec<Op>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Constant(f64),
    X,
    Y,
    Add,
    Subtract,
    Multiply,
    Divide,
    Negate,
    /// A whole power, by multiplications.
    Whole(u32),
    /// aᵇ = exp(b ln a)
    Power,
    Call(Function),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Sin,
    Cos,
    Tan,
    Exp,
    Ln,
    Sqrt,
    Abs,
    Tanh,
    Max,
    Min,
}

/// Names and how many arguments they take.
const FUNCTIONS: [(&str, Function, usize); 11] = [
    ("sin", Function::Sin, 1),
    ("cos", Function::Cos, 1),
    ("tan", Function::Tan, 1),
    ("exp", Function::Exp, 1),
    ("ln", Function::Ln, 1),
    ("log", Function::Ln, 1),
    ("sqrt", Function::Sqrt, 1),
    ("abs", Function::Abs, 1),
    ("tanh", Function::Tanh, 1),
    ("max", Function::Max, 2),
    ("min", Function::Min, 2),
];

/// Numbers that may wait on the stack.
const STACK: usize = 16;
/// Parentheses, signs and powers in each other.
const DEPTH: usize = 40;

impl Formula {
    /// Parses `text`: numbers, x, y, pi, e, + − * / ^, parentheses and functions; `2x` is a product.
    ///
    /// # Errors
    /// What is wrong, at which character (counted from 1).
    pub fn parse(text: &str) -> Result<Formula> {
        let mut parser = Parser { text: text.chars().collect(), at: 0, depth: 0, tape: Vec::new() };
        parser.sum()?;
        match parser.peek() {
            Some(')') => return Err(parser.wrong("this parenthesis was never opened")),
            Some(_) => return Err(parser.wrong("an operator (+ - * / ^) should stand here")),
            None => {}
        }
        let mut waiting = 0usize;
        for op in &parser.tape {
            waiting = match op {
                Op::Constant(_) | Op::X | Op::Y => waiting + 1,
                Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Power => waiting - 1,
                Op::Call(Function::Max | Function::Min) => waiting - 1,
                Op::Negate | Op::Whole(_) | Op::Call(_) => waiting,
            };
            if waiting > STACK {
                return Err(Error::new("the formula is nested too deeply; write it with fewer parentheses in each other"));
            }
        }
        Ok(Formula { tape: parser.tape })
    }

    /// f(x, y).
    pub fn at<T: Real>(&self, x: T, y: T) -> T {
        let mut stack = [T::default(); STACK + 1];
        // Index 0 is below the stack, so that `top` never underflows.
        let mut top = 0;
        for op in &self.tape {
            match *op {
                Op::Constant(_) | Op::X | Op::Y => {
                    top += 1;
                    stack[top] = match *op {
                        Op::Constant(c) => T::real(c),
                        Op::X => x,
                        _ => y,
                    };
                }
                Op::Negate => stack[top] = -stack[top],
                Op::Whole(n) => stack[top] = whole_power(stack[top], n),
                Op::Call(Function::Max | Function::Min) | Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Power => {
                    let (a, b) = (stack[top - 1], stack[top]);
                    top -= 1;
                    stack[top] = match *op {
                        Op::Add => a + b,
                        Op::Subtract => a - b,
                        Op::Multiply => a * b,
                        Op::Divide => a / b,
                        Op::Power => (b * a.ln()).exp(),
                        Op::Call(Function::Max) => a.larger(b),
                        _ => -(-a).larger(-b),
                    };
                }
                Op::Call(function) => {
                    let a = stack[top];
                    stack[top] = match function {
                        Function::Sin => a.sin_cos().0,
                        Function::Cos => a.sin_cos().1,
                        Function::Tan => {
                            let (s, c) = a.sin_cos();
                            s / c
                        }
                        Function::Exp => a.exp(),
                        Function::Ln => a.ln(),
                        Function::Sqrt => a.sqrt(),
                        Function::Abs => a.abs(),
                        _ => a.tanh(),
                    };
                }
            }
        }
        stack[top]
    }
}

/// aⁿ by repeated squaring.
fn whole_power<T: Real>(mut a: T, mut n: u32) -> T {
    let mut out: Option<T> = None;
    while n > 0 {
        if n & 1 == 1 {
            out = Some(out.map_or(a, |o| o * a));
        }
        n >>= 1;
        if n > 0 {
            a = a * a;
        }
    }
    out.unwrap_or(T::real(1.0))
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
    tape: Vec<Op>,
}

impl Parser {
    fn wrong(&self, what: &str) -> Error {
        match self.text.get(self.at) {
            Some(c) => Error::new(format!("character {}, '{c}': {what}", self.at + 1)),
            None => Error::new(format!("character {}, the end: {what}", self.text.len() + 1)),
        }
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, one_of: &str) -> Option<char> {
        let next = self.peek().filter(|c| one_of.contains(*c))?;
        self.at += 1;
        Some(next)
    }

    fn sum(&mut self) -> Result<()> {
        self.product()?;
        while let Some(sign) = self.eat("+-−") {
            self.product()?;
            self.tape.push(if sign == '+' { Op::Add } else { Op::Subtract });
        }
        Ok(())
    }

    fn product(&mut self) -> Result<()> {
        self.signed()?;
        loop {
            if let Some(sign) = self.eat("*·/") {
                self.signed()?;
                self.tape.push(if sign == '/' { Op::Divide } else { Op::Multiply });
            } else if self.peek().is_some_and(|c| c.is_alphabetic() || c == '(') {
                // 2x, 3(x + 1), x y
                self.power()?;
                self.tape.push(Op::Multiply);
            } else {
                return Ok(());
            }
        }
    }

    fn signed(&mut self) -> Result<()> {
        self.deeper()?;
        match self.eat("+-−") {
            Some('+') => self.signed()?,
            Some(_) => {
                self.signed()?;
                self.tape.push(Op::Negate);
            }
            None => self.power()?,
        }
        self.depth -= 1;
        Ok(())
    }

    /// A power binds to the right and more tightly than a sign before it: −x² is −(x²).
    fn power(&mut self) -> Result<()> {
        self.atom()?;
        if let Some(square) = self.eat("²³") {
            self.tape.push(Op::Whole(if square == '²' { 2 } else { 3 }));
        }
        let stars = self.peek() == Some('*') && self.text.get(self.at + 1) == Some(&'*');
        if stars {
            self.at += 1;
        }
        if stars || self.peek() == Some('^') {
            self.at += 1;
            let before = self.tape.len();
            self.signed()?;
            match self.tape[before..] {
                [Op::Constant(n)] if n.fract() == 0.0 && (0.0..=64.0).contains(&n) => {
                    self.tape.truncate(before);
                    self.tape.push(Op::Whole(n as u32));
                }
                _ => self.tape.push(Op::Power),
            }
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<()> {
        match self.peek() {
            None => Err(self.wrong("a number, x, y or a function is missing")),
            Some('(') => {
                self.at += 1;
                self.arguments(1)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() => self.word(),
            Some(_) => Err(self.wrong("a number, x, y or a function should stand here")),
        }
    }

    /// `count` sums with commas between them, up to the closing parenthesis.
    fn arguments(&mut self, count: usize) -> Result<()> {
        self.deeper()?;
        for index in 0..count {
            if index > 0 && self.eat(",").is_none() {
                return Err(self.wrong("a comma and a second argument are missing"));
            }
            self.sum()?;
        }
        if self.eat(")").is_none() {
            return Err(self.wrong("a closing parenthesis ')' is missing"));
        }
        self.depth -= 1;
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            while parser.text.get(parser.at).is_some_and(|c| c.is_ascii_digit() || *c == '.') {
                parser.at += 1;
            }
        };
        digits(self);
        // An exponent only if digits follow: in 2e the e is Euler's number.
        if matches!(self.text.get(self.at), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.text.get(self.at + 1), Some('+' | '-')));
            if self.text.get(self.at + 1 + sign).is_some_and(|c| c.is_ascii_digit()) {
                self.at += 1 + sign;
                digits(self);
            }
        }
        let text: String = self.text[start..self.at].iter().collect();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                self.tape.push(Op::Constant(value));
                Ok(())
            }
            _ => {
                self.at = start;
                Err(self.wrong(&format!("'{text}' is not a number")))
            }
        }
    }

    fn word(&mut self) -> Result<()> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|c| c.is_alphabetic()) {
            self.at += 1;
        }
        let word: String = self.text[start..self.at].iter().collect();
        if let Some((name, function, count)) = FUNCTIONS.iter().find(|(name, ..)| *name == word) {
            if self.eat("(").is_none() {
                return Err(self.wrong(&format!("a parenthesis '(' must follow {name}")));
            }
            self.arguments(*count)?;
            self.tape.push(Op::Call(*function));
            return Ok(());
        }
        let op = match word.as_str() {
            "x" => Op::X,
            "y" => Op::Y,
            "pi" | "π" => Op::Constant(std::f64::consts::PI),
            "e" => Op::Constant(std::f64::consts::E),
            // xy is x·y
            "xy" | "yx" => {
                self.tape.extend([Op::X, Op::Y, Op::Multiply]);
                return Ok(());
            }
            _ => {
                self.at = start;
                let names: Vec<_> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
                let known = names.join(", ");
                return Err(self.wrong(&format!("'{word}' is unknown; there are x, y, pi, e, {known}")));
            }
        };
        self.tape.push(op);
        Ok(())
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH { Err(self.wrong("nested too deeply")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::jet::{Jet, second_order};

    #[test]
    fn values_are_those_of_the_formula() {
        for (text, want) in [
            ("1 + 2 * 3 ^ 2", 19.0),
            ("-x^2", -0.49),
            ("2^-1", 0.5),
            ("2^3^2", 512.0),
            ("2x(y+1)", 1.4 * -0.3),
            ("x y - xy", 0.0),
            ("(1 - x)² + 100 (y - x**2)^2", 0.09 + 100.0 * 1.79 * 1.79),
            ("sin(pi/2) + cos(0) + ln(e)", 3.0),
            ("1e-3 + 2e0", 2.001),
            ("max(x, y) - min(x, y)", 2.0),
            ("abs(y) / .5", 2.6),
            ("2 - 3 - 4", -5.0),
            ("8 / 4 / 2", 1.0),
            ("- - 3", 3.0),
            ("x^0.5 - sqrt(x)", 0.0),
            ("tan(x) - sin(x)/cos(x) + tanh(0)", 0.0),
        ] {
            let value: f64 = Formula::parse(text).unwrap().at(0.7, -1.3);
            assert!((value - want).abs() < 1e-12, "{text}: {value}, {want}");
        }
    }

    #[test]
    fn errors_point_at_the_character() {
        for (text, start) in [
            ("", "character 1, the end: "),
            ("x + ", "character 5, the end: "),
            ("x + foo", "character 5, 'f': 'foo' is unknown"),
            ("(x + 1", "character 7, the end: a closing parenthesis"),
            ("x + 1)", "character 6, ')': this parenthesis was never opened"),
            ("x $ y", "character 3, '$': an operator"),
            ("sin x", "character 5, 'x': a parenthesis '(' must follow sin"),
            ("1.2.3", "character 1, '1': '1.2.3' is not a number"),
            ("max(x)", "character 6, ')': a comma"),
            ("x * / y", "character 5, '/': "),
            ("x² + é", "character 6, 'é': "),
            ("2 3", "character 3, '3': an operator"),
        ] {
            let error = Formula::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{text}: {error}");
        }
        assert!(Formula::parse(&"(".repeat(150)).unwrap_err().to_string().contains("nested too deeply"));
        assert!(Formula::parse(&"-".repeat(150)).unwrap_err().to_string().contains("nested too deeply"));
        assert!(Formula::parse(&"x+(".repeat(60)).is_err());
        assert!(
            Formula::parse(&format!("{}x{}", "1+(".repeat(19), ")".repeat(19))).unwrap_err().to_string().contains("too deeply")
        );
    }

    #[test]
    fn derivatives_match_finite_differences() {
        let h = 1e-5;
        for text in [
            "x^3 y - 2 y^2 + sin(x y)",
            "exp(-(x^2 + y^2)) / (1 + x^2)",
            "sqrt(1 + x^2) * tanh(y) + abs(x) + ln(2 + y)",
            "max(x, y)^2 + (2 + x)^y + cos(3x) tan(y)",
        ] {
            let f = Formula::parse(text).unwrap();
            for [x, y] in [[0.7, -0.3], [-1.1, 0.4], [0.2, 1.3]] {
                let (value, gradient, hessian) = second_order(|x, y| f.at(x, y), [x, y]);
                assert!((value - f.at::<f64>(x, y)).abs() < 1e-14);
                let first = |x: f64, y: f64| {
                    let [jx, jy] = Jet::variables(x, y);
                    let jet = f.at(jx, jy);
                    [jet.x, jet.y]
                };
                let numeric =
                    [(f.at(x + h, y) - f.at::<f64>(x - h, y)) / (2.0 * h), (f.at(x, y + h) - f.at::<f64>(x, y - h)) / (2.0 * h)];
                let (right, left, up, down) = (first(x + h, y), first(x - h, y), first(x, y + h), first(x, y - h));
                for i in 0..2 {
                    assert!(
                        (gradient[i] - numeric[i]).abs() < 1e-8 * (1.0 + numeric[i].abs()),
                        "{text}: {gradient:?} {numeric:?}"
                    );
                    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-7 * (1.0 + a.abs()), "{text}: {a}, {b}");
                    near(hessian[0][i], (right[i] - left[i]) / (2.0 * h));
                    near(hessian[1][i], (up[i] - down[i]) / (2.0 * h));
                }
            }
        }
    }
}
