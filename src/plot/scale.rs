//! Scales: numbers to places on an axis, round values along it, and numbers in words.

use ground::view::{Axis, Scale};

/// Numbers beyond this are drawn as if they were there, so that differences of two never overflow.
const HUGE: f64 = 1e300;

/// The ends of an axis: its fixed range where that makes sense, otherwise the least and greatest of the values it can show.
///
/// Always finite, `low < high`, and positive on a logarithmic scale.
pub(crate) fn ends(axis: &Axis, scale: Scale, values: impl Iterator<Item = f64>) -> (f64, f64) {
    if let Some(range) = fixed(axis, scale) {
        return range;
    }
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for v in values {
        if v.is_finite() && (scale == Scale::Linear || v > 0.0) {
            (low, high) = (low.min(v), high.max(v));
        }
    }
    apart(low, high, scale)
}

/// The fixed range of an axis if it is one: two different finite numbers, positive on a logarithmic scale.
pub(crate) fn fixed(axis: &Axis, scale: Scale) -> Option<(f64, f64)> {
    let (a, b) = axis.range?;
    let usable = a.is_finite() && b.is_finite() && (scale == Scale::Linear || (a > 0.0 && b > 0.0));
    usable.then(|| apart(a.min(b), a.max(b), scale))
}

/// `low` and `high` made finite and different.
pub(crate) fn apart(low: f64, high: f64, scale: Scale) -> (f64, f64) {
    if !(low.is_finite() && high.is_finite() && low <= high) {
        return if scale == Scale::Log { (0.1, 10.0) } else { (0.0, 1.0) };
    }
    match scale {
        Scale::Linear => {
            let (low, high) = (low.clamp(-HUGE, HUGE), high.clamp(-HUGE, HUGE));
            let size = low.abs().max(high.abs());
            if high - low > 1e-12 * size && high - low > 1e-300 {
                (low, high)
            } else if size < 1e-290 {
                (-0.5, 0.5)
            } else {
                (low - 0.1 * size, high + 0.1 * size)
            }
        }
        Scale::Log => {
            let (low, high) = (low.clamp(1e-300, HUGE), high.clamp(1e-300, HUGE));
            if high / low > 1.0 + 1e-9 { (low, high) } else { (low / 2.0, high * 2.0) }
        }
    }
}

/// How data go to 0..=1 along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaler {
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
}

impl Scaler {
    /// The scale between two ends (see [`ends`]).
    pub fn new((low, high): (f64, f64), scale: Scale) -> Self {
        Scaler { low, high, scale }
    }
    /// Fits the values with a margin of `pad` of the length on both sides; a fixed range has no margin.
    pub fn fit(axis: &Axis, values: impl Iterator<Item = f64>, pad: f64) -> Self {
        let scaler = Scaler::new(ends(axis, axis.scale, values), axis.scale);
        if fixed(axis, axis.scale).is_some() { scaler } else { scaler.cut(-pad, 1.0 + pad) }
    }
    /// The part of the scale between two of its places.
    pub fn cut(self, from: f64, to: f64) -> Self {
        let (low, high) = (self.value(from), self.value(to));
        Scaler::new(apart(low.min(high), low.max(high), self.scale), self.scale)
    }
    /// The scale over a window, if it is one.
    pub fn over(self, (a, b): (f64, f64)) -> Self {
        let axis = Axis { range: Some((a, b)), ..Axis::default() };
        fixed(&axis, self.scale).map_or(self, |range| Scaler::new(range, self.scale))
    }
    /// Where a value is: 0 at the low end, 1 at the high one; NaN if the scale cannot show it.
    pub fn place(&self, v: f64) -> f64 {
        match self.scale {
            Scale::Linear => (v - self.low) / (self.high - self.low),
            Scale::Log if v > 0.0 => libm::log(v / self.low) / libm::log(self.high / self.low),
            Scale::Log => f64::NAN,
        }
    }
    /// The value at a place.
    pub fn value(&self, t: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.low + t * (self.high - self.low),
            Scale::Log => self.low * libm::exp(t * libm::log(self.high / self.low)),
        }
    }
    /// Is the value between the ends?
    pub fn holds(&self, v: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.place(v))
    }
    /// The ends.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// At most about `count` round values between the ends, with their labels; unlabelled ones are minor.
    pub fn ticks(&self, count: f64) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, count),
            Scale::Log => log_ticks(self.low, self.high, count),
        }
    }
}

/// A round value on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub at: f64,
    /// "" for a minor tick.
    pub label: String,
}

fn power_of_ten(exponent: i32) -> f64 {
    libm::pow(10.0, f64::from(exponent))
}

fn magnitude(v: f64) -> i32 {
    let guess = libm::floor(libm::log10(v)) as i32;
    // log10 may round across a power of ten.
    if power_of_ten(guess + 1) <= v {
        guess + 1
    } else if power_of_ten(guess) > v {
        guess - 1
    } else {
        guess
    }
}

fn linear_ticks(low: f64, high: f64, count: f64) -> Vec<Tick> {
    let raw = (high - low) / count.clamp(1.0, 30.0);
    if !(raw.is_finite() && raw > 0.0) {
        return Vec::new();
    }
    let unit = power_of_ten(magnitude(raw));
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * unit).into_iter().find(|&s| s >= raw * 0.999).unwrap_or(10.0 * unit);
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    let ticks = ((last - first).clamp(0.0, 60.0)) as usize;
    let largest = low.abs().max(high.abs());
    (0..=ticks)
        .map(|i| (first + i as f64) * step)
        .filter(|v| *v >= low - 1e-6 * step && *v <= high + 1e-6 * step)
        .map(|at| Tick { at: if at == 0.0 { 0.0 } else { at }, label: stepped(at, step, largest) })
        .collect()
}

/// A multiple of `step` on an axis that reaches to `largest`.
fn stepped(v: f64, step: f64, largest: f64) -> String {
    if v == 0.0 {
        return "0".into();
    }
    let places = |step: f64| (-magnitude(step * 1.000_001)).clamp(0, 8) as usize;
    if (1e-3..1e6).contains(&largest) && places(step) <= 6 {
        fixed_point(v, places(step))
    } else {
        let exponent = magnitude(largest);
        let unit = power_of_ten(exponent);
        if !(unit.is_normal()) {
            return number(v);
        }
        let mantissa = fixed_point(v / unit, places(step / unit));
        if mantissa == "1" { format!("10{}", superscript(exponent)) } else { format!("{mantissa}×10{}", superscript(exponent)) }
    }
}

fn log_ticks(low: f64, high: f64, count: f64) -> Vec<Tick> {
    let (first, last) = (libm::log10(low), libm::log10(high));
    let decades = last - first;
    if !decades.is_finite() {
        return Vec::new();
    }
    if decades < 1.0 {
        // Less than one power of ten: round values, their lengths logarithmic.
        return linear_ticks(low, high, count.min(5.0)).into_iter().filter(|t| t.at > 0.0).collect();
    }
    let (from, to) = ((first - 1e-9).ceil() as i32, (last + 1e-9).floor() as i32);
    let every = ((decades / count.max(1.0)).ceil() as i32).max(1);
    let plain = from >= -2 && to <= 3;
    let label = |exponent: i32, mantissa: f64| {
        if plain {
            number(mantissa * power_of_ten(exponent))
        } else if mantissa == 1.0 {
            format!("10{}", superscript(exponent))
        } else {
            format!("{mantissa}×10{}", superscript(exponent))
        }
    };
    // With one or two powers of ten in sight, 2 and 5 get labels as well.
    let fine = decades < 2.0 && count >= 3.0;
    let mut ticks = Vec::new();
    for exponent in from - 1..=to {
        let unit = power_of_ten(exponent);
        for mantissa in 1..10 {
            let at = f64::from(mantissa) * unit;
            if at < low * (1.0 - 1e-9) || at > high * (1.0 + 1e-9) {
                continue;
            }
            if mantissa == 1 && exponent.rem_euclid(every) == 0 || fine && (mantissa == 2 || mantissa == 5) {
                ticks.push(Tick { at, label: label(exponent, f64::from(mantissa)) });
            } else if every == 1 && decades < 6.0 || mantissa == 1 && decades < 30.0 {
                ticks.push(Tick { at, label: String::new() });
            }
        }
    }
    ticks
}

/// An integer in superscript digits.
pub(crate) fn superscript(v: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    v.to_string().chars().map(|c| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize])).collect()
}

/// A number to `places` decimals, with a true minus, and thousands set apart from 10 000 on.
fn fixed_point(v: f64, places: usize) -> String {
    let text = format!("{:.places$}", v.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (i, c) in whole.chars().enumerate() {
        if whole.len() > 4 && i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push('\u{2009}');
        }
        grouped.push(c);
    }
    let minus = if v < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c)) { "−" } else { "" };
    format!("{minus}{grouped}{rest}")
}

/// A number in four significant digits, as it stands in a sentence: 0.1234, 12 345, 1.234×10⁻⁵, ∞.
pub fn number(v: f64) -> String {
    if v.is_nan() {
        return "no value".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if v == 0.0 {
        return "0".into();
    }
    let size = v.abs();
    let trim = |text: String| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    if (1e-3..1e7).contains(&size) {
        trim(fixed_point(v, (3 - magnitude(size)).clamp(0, 6) as usize))
    } else {
        // The formatter rounds, and carries into the exponent.
        let text = format!("{v:.3e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = trim(mantissa.replace('-', "−"));
        let exponent = superscript(exponent.parse().unwrap_or(0));
        match mantissa.as_str() {
            "1" => format!("10{exponent}"),
            "−1" => format!("−10{exponent}"),
            _ => format!("{mantissa}×10{exponent}"),
        }
    }
}

/// A number with the axis's unit.
pub(crate) fn quantity(axis: &Axis, v: f64) -> String {
    match axis.unit.as_str() {
        _ if v.is_nan() => number(v),
        "" => number(v),
        unit @ ("%" | "°") => format!("{}{unit}", number(v)),
        unit => format!("{} {unit}", number(v)),
    }
}

/// What is measured, and a number of it: "marginal error 0.02".
pub(crate) fn worded(axis: &Axis, fallback: &str, v: f64) -> String {
    let label = if axis.label.is_empty() { fallback } else { &axis.label };
    format!("{label} {}", quantity(axis, v))
}

/// The axis's name with its unit: "loss (nats)".
pub(crate) fn title(axis: &Axis) -> String {
    match (axis.label.as_str(), axis.unit.as_str()) {
        (label, "") => label.to_owned(),
        ("", unit) => unit.to_owned(),
        (label, unit) => format!("{label} ({unit})"),
    }
}

/// The axis's name, or `fallback`.
pub(crate) fn label<'a>(axis: &'a Axis, fallback: &'a str) -> &'a str {
    if axis.label.is_empty() { fallback } else { &axis.label }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, scale: Scale, count: f64) -> Vec<String> {
        let ticks = Scaler::new((low, high), scale).ticks(count);
        ticks.into_iter().map(|t| t.label).filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_share_their_decimals() {
        assert_eq!(labels(0.0, 1.0, Scale::Linear, 5.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-3.1, 3.1, Scale::Linear, 4.0), ["−2", "0", "2"]);
        assert_eq!(labels(0.0, 25_000.0, Scale::Linear, 3.0), ["0", "10\u{2009}000", "20\u{2009}000"]);
        assert_eq!(labels(0.0, 3e-5, Scale::Linear, 3.0), ["0", "10⁻⁵", "2×10⁻⁵", "3×10⁻⁵"]);
        assert_eq!(labels(0.0, 2.5e6, Scale::Linear, 5.0), ["0", "0.5×10⁶", "1.0×10⁶", "1.5×10⁶", "2.0×10⁶", "2.5×10⁶"]);
    }

    #[test]
    fn log_ticks_are_powers_of_ten() {
        assert_eq!(labels(1e-8, 1.0, Scale::Log, 5.0), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(labels(0.1, 1000.0, Scale::Log, 5.0), ["0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(2.0, 50.0, Scale::Log, 5.0), ["2", "5", "10", "20", "50"]);
    }

    #[test]
    fn ticks_lie_in_the_range_and_are_few_for_any_range() {
        let mut v = 1e-290;
        while v < 1e290 {
            for (low, high) in [(0.0, v), (-v, 2.0 * v), (v, 1.000_1 * v), (v, 1e5 * v)] {
                for scale in [Scale::Linear, Scale::Log] {
                    if scale == Scale::Log && low <= 0.0 {
                        continue;
                    }
                    let ticks = Scaler::new((low, high), scale).ticks(6.0);
                    assert!(ticks.len() < 70, "{low} {high}: {}", ticks.len());
                    assert!(ticks.iter().any(|t| !t.label.is_empty()), "{low} {high} has no labels");
                    let margin = 1e-6 * (high - low);
                    assert!(ticks.iter().all(|t| t.at >= low - margin && t.at <= high + margin), "{low} {high}");
                }
            }
            v *= 37.0;
        }
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        let said = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-2.5, "−2.5"),
            (0.123_456, "0.1235"),
            (1234.0, "1234"),
            (12_345.6, "12\u{2009}346"),
            (1_000_000.0, "1\u{2009}000\u{2009}000"),
            (1.234_56e-5, "1.235×10⁻⁵"),
            (9.999_96e-5, "10⁻⁴"),
            (-1e12, "−10¹²"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
            (f64::NAN, "no value"),
            (5e-324, "4.941×10⁻³²⁴"),
        ];
        for (v, text) in said {
            assert_eq!(number(v), text, "{v}");
        }
    }

    #[test]
    fn places_and_values_are_inverse() {
        for scaler in [Scaler::new((-2.0, 7.0), Scale::Linear), Scaler::new((1e-4, 1e3), Scale::Log)] {
            for t in [0.0, 0.3, 0.9, 1.0] {
                assert!((scaler.place(scaler.value(t)) - t).abs() < 1e-12);
            }
        }
        assert!(Scaler::new((1.0, 2.0), Scale::Log).place(-1.0).is_nan());
    }
}
