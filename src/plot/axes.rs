//! Scales, ticks, numbers in words, the frame of a cartesian view, legends and colour bars.

use super::palette::{Colour, ColourScale, Palette};
use super::pen::{Anchor, Baseline, Pen, Px, Rect, Type, fit, text_width};
use ground::view::{Axis, Ink, Scale};

/// Size of tick labels and of words inside a picture, in CSS pixels.
pub(crate) const SMALL: f64 = 11.0;
/// Size of axis names and legends.
pub(crate) const NAME: f64 = 12.0;
/// Height of a row of text.
pub(crate) const ROW: f64 = 17.0;
/// Around the picture.
pub(crate) const MARGIN: f64 = 8.0;

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

/// The place of the data and their two scales.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub rect: Rect,
    pub x: Scaler,
    pub y: Scaler,
    /// y grows downwards (matrices).
    pub down: bool,
}

impl Frame {
    pub fn new(rect: Rect, x: Scaler, y: Scaler) -> Self {
        Frame { rect, x, y, down: false }
    }
    pub fn px(&self, at: (f64, f64)) -> Px {
        (self.px_x(at.0), self.px_y(at.1))
    }
    pub fn px_x(&self, x: f64) -> f64 {
        self.rect.x + self.x.place(x) * self.rect.w
    }
    pub fn px_y(&self, y: f64) -> f64 {
        let t = self.y.place(y);
        self.rect.y + (if self.down { t } else { 1.0 - t }) * self.rect.h
    }
    /// The place of a point of the screen, 0..=1 along both axes.
    pub fn place(&self, px: Px) -> (f64, f64) {
        let (u, v) = ((px.0 - self.rect.x) / self.rect.w.max(1e-9), (px.1 - self.rect.y) / self.rect.h.max(1e-9));
        (u, if self.down { v } else { 1.0 - v })
    }
    pub fn data(&self, px: Px) -> (f64, f64) {
        let (u, v) = self.place(px);
        (self.x.value(u), self.y.value(v))
    }
    pub fn window(&self) -> [(f64, f64); 2] {
        [self.x.range(), self.y.range()]
    }
    /// Widens the scale of one axis until a unit has the same length on both.
    pub fn equalise(mut self) -> Self {
        if self.x.scale == Scale::Linear && self.y.scale == Scale::Linear && self.rect.w > 0.0 && self.rect.h > 0.0 {
            let (ux, uy) = ((self.x.high - self.x.low) / self.rect.w, (self.y.high - self.y.low) / self.rect.h);
            if ux < uy {
                let grow = (uy / ux - 1.0) / 2.0;
                self.x = self.x.cut(-grow, 1.0 + grow);
            } else {
                let grow = (ux / uy - 1.0) / 2.0;
                self.y = self.y.cut(-grow, 1.0 + grow);
            }
        }
        self
    }
}

/// How many labelled ticks go on an axis of this length.
pub(crate) fn tick_count(length: f64, horizontal: bool) -> f64 {
    (length / if horizontal { 54.0 } else { 30.0 }).clamp(2.0, 8.0)
}

/// What stands around a frame.
pub(crate) struct Surroundings<'a> {
    pub x: &'a Axis,
    /// Lines across the frame at the ticks.
    pub grid: bool,
    /// Labels of whole numbers 0, 1, … instead of ticks along x.
    pub categories: Option<&'a [String]>,
}

/// Room for the y axis's labels, left of a frame of that height.
pub(crate) fn left_room(y: &Scaler, height: f64) -> f64 {
    let widest = y.ticks(tick_count(height, false)).iter().map(|t| text_width(&t.label, SMALL)).fold(0.0, f64::max);
    widest + 7.0
}

/// Height of what stands under a frame: tick labels and the x axis's name.
pub(crate) fn foot_room(x: &Axis) -> f64 {
    if title(x).is_empty() { 20.0 } else { 37.0 }
}

/// Ticks, grid and axis names around a frame.
pub(crate) fn draw_axes(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, around: &Surroundings) {
    let rect = frame.rect;
    let small = Type::new(SMALL, palette.faint_text);
    if around.grid {
        for tick in frame.y.ticks(tick_count(rect.h, false)).iter().filter(|t| !t.label.is_empty()) {
            let y = pen.snap(frame.px_y(tick.at), 1.0);
            pen.line(&[(rect.x, y), (rect.right(), y)], palette.grid, 1.0);
        }
    }
    for tick in frame.y.ticks(tick_count(rect.h, false)) {
        let y = frame.px_y(tick.at);
        pen.text((rect.x - 6.0, y), &tick.label, &small.at(Anchor::End, Baseline::Middle));
    }
    let base = pen.snap(rect.bottom(), 1.0);
    match around.categories {
        Some(names) => draw_categories(pen, palette, frame, names),
        None => {
            let ticks = frame.x.ticks(tick_count(rect.w, true));
            if around.grid {
                for tick in ticks.iter().filter(|t| !t.label.is_empty()) {
                    let x = pen.snap(frame.px_x(tick.at), 1.0);
                    pen.line(&[(x, rect.y), (x, rect.bottom())], palette.grid, 1.0);
                }
            }
            let mut free = f64::NEG_INFINITY;
            for tick in ticks {
                let x = frame.px_x(tick.at);
                let snapped = pen.snap(x, 1.0);
                let length = if tick.label.is_empty() { 2.5 } else { 4.0 };
                pen.line(&[(snapped, base), (snapped, base + length)], palette.frame, 1.0);
                let half = text_width(&tick.label, SMALL) / 2.0;
                // The outermost labels stay inside the picture; none runs into the one before.
                if !tick.label.is_empty() && x - half >= free {
                    pen.text((x, base + 7.0), &tick.label, &small.at(Anchor::Middle, Baseline::Top));
                    free = x + half + 8.0;
                }
            }
        }
    }
    draw_names(pen, palette, frame, around);
}

/// The x axis's name under the frame at its right end, the y axis's above it at the left.
pub(crate) fn draw_names(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, around: &Surroundings) {
    let rect = frame.rect;
    let name = fit(&title(around.x), NAME, rect.right() - MARGIN);
    let style = Type::new(NAME, palette.text).at(Anchor::End, Baseline::Top);
    pen.text((rect.right(), rect.bottom() + 23.0), &name, &style);
}

fn draw_categories(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, names: &[String]) {
    let small = Type::new(SMALL, palette.text).at(Anchor::Middle, Baseline::Top);
    let room = (frame.rect.w * (1.0 / (frame.x.high - frame.x.low))).max(1.0);
    // Where there are more names than room, only every n-th is set.
    let every = (18.0 / room).ceil().max(1.0) as usize;
    for (i, name) in names.iter().enumerate().step_by(every) {
        let x = frame.px_x(i as f64);
        if x >= frame.rect.x && x <= frame.rect.right() {
            for (line, words) in wrap(name, SMALL, room * every as f64 - 3.0).iter().enumerate() {
                pen.text((x, frame.rect.bottom() + 7.0 + LEADING * line as f64), words, &small);
            }
        }
    }
}

/// From a line of small text to the next.
const LEADING: f64 = 13.0;

/// Room for second lines of category names, which have `room` for each.
pub(crate) fn wrap_room(names: &[String], room: f64) -> f64 {
    let lines = names.iter().map(|name| wrap(name, SMALL, room - 3.0).len()).max().unwrap_or(0);
    LEADING * lines.saturating_sub(1) as f64
}

/// `text` in at most two lines of `room`, broken between words; what does not fit is cut.
fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    if text_width(text, size) <= room {
        return vec![text.to_owned()];
    }
    let mut breaks = text.rmatch_indices(' ').map(|(at, _)| at);
    let Some(at) = breaks.find(|&at| text_width(&text[..at], size) <= room) else {
        return match text.split_once(' ') {
            Some((first, rest)) => vec![fit(first, size, room), fit(rest, size, room)],
            None => vec![fit(text, size, room)],
        };
    };
    vec![text[..at].to_owned(), fit(&text[at + 1..], size, room)]
}

/// How a legend shows what it names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Symbol {
    Line,
    Dashes,
    Dot,
    Block,
    /// A faint block, as bands are.
    Band,
    /// A stretch of the sequential map.
    Ramp,
}

/// A line of a legend.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub name: String,
    pub ink: Ink,
    pub symbol: Symbol,
}

/// A legend in rows, placed.
pub(crate) struct Legend {
    entries: Vec<(Entry, Px)>,
    /// Height of the y name and the legend together.
    pub height: f64,
}

impl Symbol {
    fn width(self) -> f64 {
        if matches!(self, Symbol::Dot | Symbol::Block) { 11.0 } else { 16.0 }
    }
}

impl Legend {
    /// Places `entries` in rows between `left` and `right` from `top` on; `title` stands before them in the first row
    /// where all of them fit there, and above them otherwise.
    pub fn place(title: &str, entries: Vec<Entry>, left: f64, right: f64, top: f64) -> Legend {
        let mut unique: Vec<Entry> = Vec::new();
        for entry in entries {
            if !entry.name.is_empty() && !unique.iter().any(|e| e.name == entry.name) && unique.len() < 24 {
                unique.push(entry);
            }
        }
        let width = |e: &Entry| e.symbol.width() + 5.0 + text_width(&e.name, NAME) + 14.0;
        let title_width = if title.is_empty() { 0.0 } else { text_width(title, NAME) + 24.0 };
        let all: f64 = unique.iter().map(width).sum();
        if unique.is_empty() {
            return Legend { entries: Vec::new(), height: if title.is_empty() { 0.0 } else { ROW } };
        }
        if title_width + all - 14.0 <= right - left {
            let mut x = left + title_width;
            let mut placed = Vec::new();
            for entry in unique {
                let w = width(&entry);
                placed.push((entry, (x, top + ROW / 2.0)));
                x += w;
            }
            return Legend { entries: placed, height: ROW };
        }
        let first = if title.is_empty() { top } else { top + ROW };
        let (mut x, mut y, mut placed) = (left, first, Vec::new());
        for mut entry in unique {
            entry.name = fit(&entry.name, NAME, right - left - entry.symbol.width() - 5.0);
            let w = width(&entry);
            if x > left && x + w - 14.0 > right {
                (x, y) = (left, y + ROW);
            }
            placed.push((entry, (x, y + ROW / 2.0)));
            x += w;
        }
        Legend { entries: placed, height: y + ROW - top }
    }

    pub fn draw(&self, pen: &mut dyn Pen, palette: &Palette) {
        for (entry, (x, y)) in &self.entries {
            let (x, y, colour) = (*x, *y, palette.ink(entry.ink));
            let w = entry.symbol.width();
            let line = [(x, y), (x + w, y)];
            match entry.symbol {
                Symbol::Line => pen.line(&line, colour, 2.0),
                Symbol::Dashes => pen.dashes(&line, colour, 2.0, 4.0, 2.5),
                Symbol::Dot => pen.disc((x + w / 2.0, y), 3.5, colour),
                Symbol::Block => pen.rect(Rect { x, y: y - 5.0, w, h: 10.0 }, colour),
                Symbol::Band => pen.rect(Rect { x, y: y - 5.0, w, h: 10.0 }, colour.fade(0.28)),
                Symbol::Ramp => {
                    for i in 0..8 {
                        let from = x + w * f64::from(i) / 8.0;
                        let colour = palette.ramp(i as f32 / 7.0);
                        pen.line(&[(from, y), (from + w / 8.0, y)], colour, 3.0);
                    }
                }
            }
            pen.text((x + w + 5.0, y), &entry.name, &Type::new(NAME, palette.text));
        }
    }
}

/// Between a frame and its colour bar.
pub(crate) const BAR_GAP: f64 = 14.0;

/// Width of a colour bar with its labels, right of a frame.
pub(crate) fn bar_room(scale: &ColourScale, height: f64) -> f64 {
    let ticks = Scaler::new((scale.low, scale.high), scale.scale).ticks(tick_count(height, false));
    let widest = ticks.iter().map(|t| text_width(&t.label, SMALL)).fold(0.0, f64::max);
    BAR_GAP + 10.0 + 6.0 + widest
}

/// A colour bar right of `rect`, as tall as it.
pub(crate) fn draw_bar(pen: &mut dyn Pen, palette: &Palette, rect: Rect, scale: &ColourScale) {
    let bar = Rect { x: rect.right() + BAR_GAP, y: rect.y, w: 10.0, h: rect.h };
    let map = palette.map(scale);
    let rgba: Vec<u8> = map.iter().rev().flat_map(|c| c.bytes()).collect();
    pen.bitmap(bar, 1, 256, &rgba);
    pen.outline(bar, palette.frame, 1.0);
    let scaler = Scaler::new((scale.low, scale.high), scale.scale);
    for tick in scaler.ticks(tick_count(rect.h, false)).iter().filter(|t| !t.label.is_empty()) {
        let y = bar.y + (1.0 - scaler.place(tick.at)) * bar.h;
        let line = pen.snap(y, 1.0);
        pen.line(&[(bar.right(), line), (bar.right() + 3.0, line)], palette.frame, 1.0);
        pen.text((bar.right() + 6.0, y), &tick.label, &Type::new(SMALL, palette.faint_text));
    }
}

/// A word inside a picture, on a plate of the background so that it can be read over the data.
pub(crate) fn plate(pen: &mut dyn Pen, palette: &Palette, at: Px, text: &str, style: &Type) {
    let w = text_width(text, style.size);
    let x = match style.anchor {
        Anchor::Start => at.0,
        Anchor::Middle => at.0 - w / 2.0,
        Anchor::End => at.0 - w,
    };
    let y = match style.baseline {
        Baseline::Top => at.1,
        Baseline::Middle => at.1 - 0.36 * style.size,
        Baseline::Foot => at.1 - 0.72 * style.size,
    };
    let back: Colour = palette.background.fade(0.78);
    pen.rect(Rect { x: x - 2.0, y: y - 2.5, w: w + 4.0, h: 0.72 * style.size + 5.0 }, back);
    pen.text(at, text, style);
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

    #[test]
    fn units_are_equally_long_once_equalised() {
        let rect = Rect { x: 10.0, y: 10.0, w: 300.0, h: 200.0 };
        let frame = Frame::new(rect, Scaler::new((0.0, 1.0), Scale::Linear), Scaler::new((-5.0, 5.0), Scale::Linear));
        let frame = frame.equalise();
        let (a, b) = (frame.px((0.0, 0.0)), frame.px((1.0, 1.0)));
        assert!(((b.0 - a.0) - (a.1 - b.1)).abs() < 1e-9);
        assert_eq!(frame.y.range(), (-5.0, 5.0), "nothing is cut off");
    }
}
