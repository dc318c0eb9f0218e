//! Declarative controls: one declaration gives sliders, URL state, command-line flags and validation.
//!
//! ```
//! orrery_ground::choice! {
//!     /// Which function is minimised.
//!     pub enum Function { F1 => "F1", F2 => "F2" }
//! }
//! orrery_ground::controls! {
//!     /// What the reader can move.
//!     pub struct Controls {
//!         learning_rate: Log(0.005, 0.5) = 0.1, "α", "larger: the ball overshoots";
//!         points: Count(10, 5000) = 100, "n", "more points slow it down";
//!         function: Choice(Function) = Function::F1, "", "what the balls roll on";
//!     }
//! }
//! use orrery_ground::controls::{Controls as _, Settings};
//! let settings = Settings::parse(Controls::SPECS, [("learning_rate", "0.2")]).unwrap();
//! assert_eq!(Controls::read(&settings).learning_rate, 0.2);
//! let error = Settings::parse(Controls::SPECS, [("learning_rate", "7")]).unwrap_err();
//! assert_eq!(error.to_string(), "control learning_rate: '7' is outside 0.005 to 0.5");
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::file::printable;

/// The kind of a control and the values it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// A real number in `[min, max]`. A logarithmic slider with `zero` has 0 below its `min`.
    Real { min: f64, max: f64, log: bool, zero: bool },
    /// A whole number in `[min, max]`.
    Count { min: f64, max: f64, log: bool },
    /// On or off.
    Toggle,
    /// One of the named options; its value is the option's index.
    Choice { options: Names },
    /// Words of at most so many characters: a formula, a list of drawn points. What they mean is the experiment's to check.
    Text { longest: usize },
}

/// The names of a choice's options.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// As the code declares them.
    #[serde(skip_deserializing)]
    Declared(&'static [&'static str]),
    /// As a card tells them.
    Read(Vec<String>),
}

impl Names {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (declared, read) = match self {
            Names::Declared(names) => (*names, &[][..]),
            Names::Read(names) => (&[][..], &names[..]),
        };
        declared.iter().copied().chain(read.iter().map(String::as_str))
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Names) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The value of a control.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number; a toggle is 0 or 1, a choice its option's index.
    Number(f64),
    /// The words of a [`Kind::Text`].
    Text(Cow<'static, str>),
}

impl Value {
    /// The number; NaN for words.
    pub fn number(&self) -> f64 {
        match self {
            Value::Number(number) => *number,
            Value::Text(_) => f64::NAN,
        }
    }

    /// The words; "" for a number.
    pub fn text(&self) -> &str {
        match self {
            Value::Number(_) => "",
            Value::Text(text) => text,
        }
    }
}

/// One control: everything the page, the URL and the command line need to know of it. Declared in the code, or read from a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Told", try_from = "Told")]
pub struct Spec {
    /// Name in the URL, on the command line and in the code.
    pub name: Cow<'static, str>,
    /// What the page calls it, in words of the field.
    pub label: Cow<'static, str>,
    /// The paper's symbol, or "".
    pub symbol: Cow<'static, str>,
    /// Kind and range.
    pub kind: Kind,
    /// Value when nothing is said.
    pub default: Value,
    /// What one sees when it is moved.
    pub help: Cow<'static, str>,
    /// When it has an effect: each of these conditions holds. The page shows it only then.
    pub when: &'static [Condition],
}

/// A condition on other controls: one of these, named, is at one of these values, as the URL writes them. It is read by the page, which has
/// it from the card.
pub type Condition = &'static [(&'static str, &'static [&'static str])];

/// A control on a card: its default is told as the URL writes it.
#[derive(Serialize, Deserialize)]
struct Told {
    name: Cow<'static, str>,
    label: Cow<'static, str>,
    symbol: Cow<'static, str>,
    help: Cow<'static, str>,
    default: String,
    #[serde(skip_deserializing, skip_serializing_if = "always")]
    when: &'static [Condition],
    #[serde(flatten)]
    kind: Kind,
}

/// It has an effect whatever the others are at.
fn always(when: &&'static [Condition]) -> bool {
    when.is_empty()
}

impl From<Spec> for Told {
    fn from(spec: Spec) -> Told {
        let default = spec.format(&spec.default);
        let Spec { name, label, symbol, help, kind, when, .. } = spec;
        Told { name, label, symbol, help, default, when, kind }
    }
}

impl TryFrom<Told> for Spec {
    type Error = Error;

    fn try_from(told: Told) -> Result<Spec> {
        let Told { name, label, symbol, help, default, when, kind } = told;
        let spec = Spec { name, label, symbol, help, kind, default: Value::Number(f64::NAN), when };
        let default = spec.parse(&default)?;
        Ok(Spec { default, ..spec })
    }
}

impl Spec {
    /// The value that `text` writes, checked against kind and range.
    pub fn parse(&self, text: &str) -> Result<Value> {
        let wrong = |what: &str| Error::new(format!("control {}: '{}' {what}", self.name, printable(text, 40)));
        let number = || text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let value = match self.kind {
            Kind::Choice { ref options } => {
                let index = options.iter().position(|option| option == text);
                let all = || options.iter().map(|option| format!("'{option}'")).collect::<Vec<_>>().join(", ");
                index.ok_or_else(|| wrong(&format!("is not one of {}", all())))? as f64
            }
            Kind::Toggle => match text {
                "on" | "true" | "1" => 1.0,
                "off" | "false" | "0" => 0.0,
                _ => return Err(wrong("is neither 'on' nor 'off'")),
            },
            Kind::Real { min, max, zero, .. } => {
                let value = number().ok_or_else(|| wrong("is not a finite number"))?;
                let allowed = (min..=max).contains(&value) || (zero && value == 0.0);
                if !allowed {
                    return Err(wrong(&format!("is outside {min} to {max}{}", if zero { ", or 0" } else { "" })));
                }
                value
            }
            Kind::Count { min, max, .. } => {
                let value = number().filter(|v| v.fract() == 0.0).ok_or_else(|| wrong("is not a whole number"))?;
                if !(min..=max).contains(&value) {
                    return Err(wrong(&format!("is outside {min} to {max}")));
                }
                value
            }
            Kind::Text { longest } if text.chars().count() > longest => {
                return Err(wrong(&format!("has more than {longest} characters")));
            }
            Kind::Text { .. } => return Ok(Value::Text(text.to_string().into())),
        };
        Ok(Value::Number(value))
    }

    /// `value` as the URL and the command line write it; [`Spec::parse`] reads it back.
    pub fn format(&self, value: &Value) -> String {
        let number = value.number();
        match &self.kind {
            Kind::Choice { options } => options.iter().nth(number as usize).unwrap_or_default().to_string(),
            Kind::Toggle => if number != 0.0 { "on" } else { "off" }.to_string(),
            Kind::Real { .. } | Kind::Count { .. } => format!("{number}"),
            Kind::Text { .. } => value.text().to_string(),
        }
    }
}

/// The values of an experiment's controls, in the order of its [`Spec`]s.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings(pub Vec<Value>);

impl Settings {
    /// Every control at its default.
    pub fn default_of(specs: &[Spec]) -> Self {
        Settings(specs.iter().map(|spec| spec.default.clone()).collect())
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
            let names: Vec<_> = specs.iter().map(|spec| &*spec.name).collect();
            return Err(Error::new(format!(
                "control {}: there is none of that name; there are {}",
                printable(name, 40),
                names.join(", ")
            )));
        };
        self.0[index] = specs[index].parse(text)?;
        Ok(())
    }

    /// `(name, text)` of every control that differs from its default.
    pub fn changed<'a>(&self, specs: &'a [Spec]) -> Vec<(&'a str, String)> {
        let differs = |(spec, value): &(&Spec, &Value)| spec.default != **value;
        specs.iter().zip(&self.0).filter(differs).map(|(spec, value)| (&*spec.name, spec.format(value))).collect()
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
    /// What the page calls it.
    fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }
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

/// Declares an experiment's controls: `name: Kind(range) = default, "symbol", "what one sees";`, with words for the page where the
/// name's own do not do (`name "words": …`), and when it has an effect (`…, when other ["one", "two"] or third ["on"];`, once for each
/// condition).
/// Kinds: `Real`, `Log`, `LogZero` (0 allowed) give `f64`; `Count`, `LogCount` give `usize`; `Toggle()` gives `bool`;
/// `Choice(Enum)` gives an enum declared with [`choice!`](crate::choice!), `Text(longest)` gives `String`.
#[macro_export]
macro_rules! controls {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($field:ident $($label:literal)? : $kind:ident ($($range:tt)*) = $default:expr, $symbol:literal, $help:literal
            $(, when $other:ident [$($value:literal),+] $(or $or:ident [$($of:literal),+])*)*;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name { $(#[doc = $help] pub $field: $crate::controls!(@type $kind $($range)*)),* }
        impl $crate::controls::Controls for $name {
            const SPECS: &'static [$crate::controls::Spec] = &[$($crate::controls::Spec {
                name: ::std::borrow::Cow::Borrowed(stringify!($field)),
                label: ::std::borrow::Cow::Borrowed($crate::card::words($crate::controls!(@label $field $($label)?))),
                symbol: ::std::borrow::Cow::Borrowed($symbol),
                help: ::std::borrow::Cow::Borrowed($crate::card::words($help)),
                kind: $crate::controls!(@kind $kind $($range)*),
                default: $crate::controls!(@default $kind $default),
                when: if cfg!(target_arch = "wasm32") { &[] } else { &[$(&[(stringify!($other), &[$($value),+]) $(, (stringify!($or), &[$($of),+]))*]),*] },
            }),*];
            #[allow(unused_assignments, unused_mut, unused_variables)]
            fn read(settings: &$crate::controls::Settings) -> Self {
                let mut values = settings.0.iter();
                $(let $field = { let value = values.next().expect("one value a control"); $crate::controls!(@read value $kind $($range)*) };)*
                $name { $($field),* }
            }
            fn settings(&self) -> $crate::controls::Settings {
                $crate::controls::Settings(vec![$($crate::controls!(@write self.$field, $kind)),*])
            }
        }
        impl Default for $name {
            fn default() -> Self { $name { $($field: $crate::controls!(@own $kind $default)),* } }
        }
    };
    (@label $field:ident) => { stringify!($field) };
    (@label $field:ident $label:literal) => { $label };
    (@type Real $($r:tt)*) => { f64 };
    (@type Log $($r:tt)*) => { f64 };
    (@type LogZero $($r:tt)*) => { f64 };
    (@type Count $($r:tt)*) => { usize };
    (@type LogCount $($r:tt)*) => { usize };
    (@type Text $($r:tt)*) => { String };
    (@type Toggle) => { bool };
    (@type Choice $t:ty) => { $t };
    (@kind Real $min:expr, $max:expr) => { $crate::controls::Kind::Real { min: $min, max: $max, log: false, zero: false } };
    (@kind Log $min:expr, $max:expr) => { $crate::controls::Kind::Real { min: $min, max: $max, log: true, zero: false } };
    (@kind LogZero $min:expr, $max:expr) => { $crate::controls::Kind::Real { min: $min, max: $max, log: true, zero: true } };
    (@kind Count $min:expr, $max:expr) => { $crate::controls::Kind::Count { min: $min as f64, max: $max as f64, log: false } };
    (@kind LogCount $min:expr, $max:expr) => { $crate::controls::Kind::Count { min: $min as f64, max: $max as f64, log: true } };
    (@kind Text $longest:expr) => { $crate::controls::Kind::Text { longest: $longest } };
    (@kind Toggle) => { $crate::controls::Kind::Toggle };
    (@kind Choice $t:ty) => { $crate::controls::Kind::Choice { options: $crate::controls::Names::Declared(<$t as $crate::controls::Options>::NAMES) } };
    (@default Text $v:expr) => { $crate::controls::Value::Text(::std::borrow::Cow::Borrowed($v)) };
    (@default Toggle $v:expr) => { $crate::controls::Value::Number(if $v { 1.0 } else { 0.0 }) };
    (@default Choice $v:expr) => { $crate::controls::Value::Number($v as usize as f64) };
    (@default $kind:ident $v:expr) => { $crate::controls::Value::Number($v as f64) };
    (@read $v:ident Text $($r:tt)*) => { $v.text().to_string() };
    (@read $v:ident Count $($r:tt)*) => { $v.number() as usize };
    (@read $v:ident LogCount $($r:tt)*) => { $v.number() as usize };
    (@read $v:ident Toggle) => { $v.number() != 0.0 };
    (@read $v:ident Choice $t:ty) => { <$t as $crate::controls::Options>::of($v.number() as usize) };
    (@read $v:ident $kind:ident $($r:tt)*) => { $v.number() };
    (@write $self:ident . $f:ident, Text) => { $crate::controls::Value::Text($self.$f.clone().into()) };
    (@write $self:ident . $f:ident, Toggle) => { $crate::controls::Value::Number(if $self.$f { 1.0 } else { 0.0 }) };
    (@write $self:ident . $f:ident, Choice) => { $crate::controls::Value::Number($crate::controls::Options::index($self.$f) as f64) };
    (@write $self:ident . $f:ident, $kind:ident) => { $crate::controls::Value::Number($self.$f as f64) };
    (@own Text $v:expr) => { $v.to_string() };
    (@own $kind:ident $v:expr) => { $v };
}

#[cfg(test)]
mod tests {
    use super::{Controls as _, Settings, Spec};

    choice! {
        /// Options.
        enum Shape { Round => "round", Flat => "flat" }
    }
    controls! {
        /// One of every kind.
        struct Controls {
            real: Real(-1.0, 1.0) = 0.5, "r", "help";
            log: LogZero(0.01, 100.0) = 1.0, "l", "help";
            count: Count(1, 9) = 3, "n", "help";
            on: Toggle() = true, "", "help";
            shape: Choice(Shape) = Shape::Flat, "", "help";
            formula "a formula": Text(20) = "x + y", "f", "help", when shape ["round"] or count ["3"], when on ["on"];
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let pairs =
            [("real", "-0.25"), ("log", "0"), ("count", "9"), ("on", "off"), ("shape", "round"), ("formula", "x² = 1 & y")];
        let settings = Settings::parse(Controls::SPECS, pairs).unwrap();
        let controls = Controls::read(&settings);
        assert_eq!((controls.real, controls.log, controls.count, controls.on), (-0.25, 0.0, 9, false));
        assert_eq!((controls.shape, controls.formula.as_str()), (Shape::Round, "x² = 1 & y"));
        assert_eq!(controls.settings(), settings);
        assert_eq!(settings.changed(Controls::SPECS), pairs.map(|(name, text)| (name, text.to_string())));
        assert_eq!(Controls::default().settings(), Settings::default_of(Controls::SPECS));
        assert!(Settings::default_of(Controls::SPECS).changed(Controls::SPECS).is_empty());
    }

    #[test]
    fn a_control_comes_back_from_its_card() {
        let card = serde_json::to_string(Controls::SPECS).unwrap();
        assert!(card.contains(r#""default":"flat","kind":"choice","options":["round","flat"]"#), "{card}");
        assert!(
            card.contains(r#""label":"a formula""#)
                && card.contains(r#""when":[[["shape",["round"]],["count",["3"]]],[["on",["on"]]]]"#),
            "{card}"
        );
        let read: Vec<Spec> = serde_json::from_str(&card).unwrap();
        // When a control has an effect is the page's business alone.
        let told = Controls::SPECS.iter().map(|spec| Spec { when: &[], ..spec.clone() });
        assert!(told.eq(read));
        assert!(serde_json::from_str::<Spec>(&card.replace("flat", "none")).is_err());
    }

    #[test]
    fn bad_values_are_told_with_name_and_range() {
        for (name, text, told) in [
            ("real", "2", "control real: '2' is outside -1 to 1"),
            ("real", "NaN", "control real: 'NaN' is not a finite number"),
            ("real", "inf", "control real: 'inf' is not a finite number"),
            ("log", "0.001", "control log: '0.001' is outside 0.01 to 100, or 0"),
            ("count", "2.5", "control count: '2.5' is not a whole number"),
            ("count", "", "control count: '' is not a whole number"),
            ("on", "maybe", "control on: 'maybe' is neither 'on' nor 'off'"),
            ("shape", "square", "control shape: 'square' is not one of 'round', 'flat'"),
            ("formula", "x + y + x + y + x + y", "control formula: 'x + y + x + y + x + y' has more than 20 characters"),
            ("size", "1", "control size: there is none of that name; there are real, log, count, on, shape, formula"),
        ] {
            assert_eq!(Settings::parse(Controls::SPECS, [(name, text)]).unwrap_err().to_string(), told);
        }
    }
}
