//! Declarative controls: one declaration gives sliders, URL state, command-line flags and validation.
//!
//! ```
//! orrery::choice! {
//!     /// Which function is minimised.
//!     pub enum Function { F1 => "F1", F2 => "F2" }
//! }
//! orrery::controls! {
//!     /// What the reader can move.
//!     pub struct Controls {
//!         learning_rate: Log(0.005, 0.5) = 0.1, "α", "larger: the ball overshoots";
//!         points: Count(10, 5000) = 100, "n", "more points slow it down";
//!         function: Choice(Function) = Function::F1, "", "what the balls roll on";
//!     }
//! }
//! use orrery::controls::{Controls as _, Settings};
//! let settings = Settings::parse(Controls::SPECS, [("learning_rate", "0.2")]).unwrap();
//! assert_eq!(Controls::read(&settings).learning_rate, 0.2);
//! assert!(Settings::parse(Controls::SPECS, [("learning_rate", "7")]).is_err());
//! ```

use crate::error::{Error, Result};

/// The kind of a control and the values it may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A real number in `[min, max]`. A logarithmic slider with `zero` has 0 below its `min`.
    Real { min: f64, max: f64, log: bool, zero: bool },
    /// A whole number in `[min, max]`.
    Count { min: f64, max: f64, log: bool },
    /// On or off.
    Toggle,
    /// One of the named options; its value is the option's index.
    Choice(&'static [&'static str]),
}

/// One control as declared: everything the page, the URL and the command line need to know of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// Name in the URL, on the command line and in the code.
    pub name: &'static str,
    /// The paper's symbol, or "".
    pub symbol: &'static str,
    /// Kind and range.
    pub kind: Kind,
    /// Value when nothing is said; a toggle is 0 or 1, a choice the option's index.
    pub default: f64,
    /// What one sees when it is moved.
    pub help: &'static str,
}

impl Spec {
    /// The value that `text` writes, checked against kind and range.
    pub fn parse(&self, text: &str) -> Result<f64> {
        let name = self.name;
        let number = || text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        match self.kind {
            Kind::Choice(options) => {
                options.iter().position(|option| *option == text).map(|index| index as f64).ok_or_else(|| {
                    Error::new(format!("control {name}: '{}' is not one of {}", shorten(text), options.join(", ")))
                })
            }
            Kind::Toggle => match text {
                "on" | "true" | "1" => Ok(1.0),
                "off" | "false" | "0" => Ok(0.0),
                _ => Err(Error::new(format!("control {name}: '{}' is neither 'on' nor 'off'", shorten(text)))),
            },
            Kind::Real { .. } => number()
                .ok_or_else(|| Error::new(format!("control {name}: '{}' is not a finite number", shorten(text))))
                .and_then(|value| self.check(value)),
            Kind::Count { .. } => number()
                .filter(|v| v.fract() == 0.0)
                .ok_or_else(|| Error::new(format!("control {name}: '{}' is not a whole number", shorten(text))))
                .and_then(|value| self.check(value)),
        }
    }

    fn check(&self, value: f64) -> Result<f64> {
        let (min, max, zero) = match self.kind {
            Kind::Real { min, max, zero, .. } => (min, max, zero),
            Kind::Count { min, max, .. } => (min, max, false),
            Kind::Toggle | Kind::Choice(_) => return Ok(value),
        };
        if (min..=max).contains(&value) || (zero && value == 0.0) {
            return Ok(value);
        }
        let or_zero = if zero { ", or 0" } else { "" };
        Err(Error::new(format!("control {}: {value} is outside {min} to {max}{or_zero}", self.name)))
    }

    /// `value` as the URL and the command line write it; [`Spec::parse`] reads it back.
    pub fn format(&self, value: f64) -> String {
        match self.kind {
            Kind::Choice(options) => options[value as usize].to_string(),
            Kind::Toggle => if value != 0.0 { "on" } else { "off" }.to_string(),
            Kind::Real { .. } | Kind::Count { .. } => format!("{value}"),
        }
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_string() } else { text.chars().take(39).chain(['…']).collect() }
}

/// The values of an experiment's controls, in the order of its [`Spec`]s.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings(pub Vec<f64>);

impl Settings {
    /// Every control at its default.
    pub fn default_of(specs: &[Spec]) -> Self {
        Settings(specs.iter().map(|spec| spec.default).collect())
    }

    /// The defaults with the `(name, text)` pairs laid over them, each checked.
    pub fn parse<'a>(specs: &[Spec], pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut settings = Settings::default_of(specs);
        for (name, text) in pairs {
            settings.set(specs, name, text)?;
        }
        Ok(settings)
    }

    /// Sets the control `name` to what `text` writes.
    pub fn set(&mut self, specs: &[Spec], name: &str, text: &str) -> Result<()> {
        let Some(index) = specs.iter().position(|spec| spec.name == name) else {
            let names: Vec<_> = specs.iter().map(|spec| spec.name).collect();
            return Err(Error::new(format!(
                "control {}: there is none of that name; there are {}",
                shorten(name),
                names.join(", ")
            )));
        };
        self.0[index] = specs[index].parse(text)?;
        Ok(())
    }

    /// `(name, text)` of every control that differs from its default.
    pub fn changed(&self, specs: &[Spec]) -> Vec<(&'static str, String)> {
        let differs = |(spec, value): &(&Spec, &f64)| spec.default != **value;
        specs.iter().zip(&self.0).filter(differs).map(|(spec, value)| (spec.name, spec.format(*value))).collect()
    }
}

/// An experiment's controls as a struct; made by [`controls!`](crate::controls!).
pub trait Controls: Clone + 'static {
    /// The declaration, in the order in which the page shows it.
    const SPECS: &'static [Spec];
    /// The struct with the values of `settings`, which has one value a spec.
    fn read(settings: &Settings) -> Self;
    /// The values of this struct, in the order of [`Controls::SPECS`].
    fn settings(&self) -> Settings;
}

/// The options of a [`Kind::Choice`]; made by [`choice!`](crate::choice!).
pub trait Options: Copy + 'static {
    /// What the page and the URL call the options.
    const NAMES: &'static [&'static str];
    /// The option of that index.
    fn of(index: usize) -> Self;
    /// The index of this option.
    fn index(self) -> usize;
}

/// Declares the options of a choice: `pub enum Function { F1 => "F1", F2 => "F2" }`.
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $(#[doc = $text] $(#[$vmeta])* $variant),+ }
        impl $crate::controls::Options for $name {
            const NAMES: &'static [&'static str] = &[$($text),+];
            fn of(index: usize) -> Self { [$($name::$variant),+][index] }
            fn index(self) -> usize { self as usize }
        }
    };
}

/// Declares an experiment's controls: `name: Kind(range) = default, "symbol", "what one sees";`.
/// Kinds: `Real`, `Log`, `LogZero` (0 allowed) give `f64`; `Count`, `LogCount` give `usize`; `Toggle()` gives `bool`;
/// `Choice(Enum)` gives an enum declared with [`choice!`](crate::choice!).
#[macro_export]
macro_rules! controls {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($field:ident : $kind:ident ($($range:tt)*) = $default:expr, $symbol:literal, $help:literal;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name { $(#[doc = $help] pub $field: $crate::controls!(@type $kind $($range)*)),* }
        impl $crate::controls::Controls for $name {
            const SPECS: &'static [$crate::controls::Spec] = &[$($crate::controls::Spec {
                name: stringify!($field), symbol: $symbol, help: $help,
                kind: $crate::controls!(@kind $kind $($range)*),
                default: $crate::controls!(@number $kind $default),
            }),*];
            #[allow(unused_assignments, unused_mut, unused_variables)]
            fn read(settings: &$crate::controls::Settings) -> Self {
                let mut values = settings.0.iter().copied();
                $(let $field = { let value = values.next().expect("one value a control"); $crate::controls!(@read value $kind $($range)*) };)*
                $name { $($field),* }
            }
            fn settings(&self) -> $crate::controls::Settings {
                $crate::controls::Settings(vec![$($crate::controls!(@write self.$field, $kind)),*])
            }
        }
        impl Default for $name {
            fn default() -> Self { $name { $($field: $default),* } }
        }
    };
    (@type Real $($r:tt)*) => { f64 };
    (@type Log $($r:tt)*) => { f64 };
    (@type LogZero $($r:tt)*) => { f64 };
    (@type Count $($r:tt)*) => { usize };
    (@type LogCount $($r:tt)*) => { usize };
    (@type Toggle) => { bool };
    (@type Choice $t:ty) => { $t };
    (@kind Real $min:expr, $max:expr) => { $crate::controls::Kind::Real { min: $min, max: $max, log: false, zero: false } };
    (@kind Log $min:expr, $max:expr) => { $crate::controls::Kind::Real { min: $min, max: $max, log: true, zero: false } };
    (@kind LogZero $min:expr, $max:expr) => { $crate::controls::Kind::Real { min: $min, max: $max, log: true, zero: true } };
    (@kind Count $min:expr, $max:expr) => { $crate::controls::Kind::Count { min: $min as f64, max: $max as f64, log: false } };
    (@kind LogCount $min:expr, $max:expr) => { $crate::controls::Kind::Count { min: $min as f64, max: $max as f64, log: true } };
    (@kind Toggle) => { $crate::controls::Kind::Toggle };
    (@kind Choice $t:ty) => { $crate::controls::Kind::Choice(<$t as $crate::controls::Options>::NAMES) };
    (@number Toggle $v:expr) => { if $v { 1.0 } else { 0.0 } };
    (@number Choice $v:expr) => { $v as usize as f64 };
    (@number $kind:ident $v:expr) => { $v as f64 };
    (@read $v:ident Count $($r:tt)*) => { $v as usize };
    (@read $v:ident LogCount $($r:tt)*) => { $v as usize };
    (@read $v:ident Toggle) => { $v != 0.0 };
    (@read $v:ident Choice $t:ty) => { <$t as $crate::controls::Options>::of($v as usize) };
    (@read $v:ident $kind:ident $($r:tt)*) => { $v };
    (@write $self:ident . $f:ident, Toggle) => { if $self.$f { 1.0 } else { 0.0 } };
    (@write $self:ident . $f:ident, Choice) => { $crate::controls::Options::index($self.$f) as f64 };
    (@write $self:ident . $f:ident, $kind:ident) => { $self.$f as f64 };
}
