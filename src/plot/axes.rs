//! What stands around the data: the frame of a cartesian view with its ticks and names, legends and colour bars.

use crate::colour::Colour;
use crate::palette::{ColourScale, Palette};
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, fit, text_width};
use crate::scale::{Scaler, title};
use ground::view::{Axis, Ink, Scale};

/// Size of tick labels and of words inside a picture, in CSS pixels.
pub(crate) const SMALL: f64 = 11.0;
/// Size of axis names and legends.
pub(crate) const NAME: f64 = 12.0;
/// Height of a row of text.
pub(crate) const ROW: f64 = 17.0;
/// Around the picture.
pub(crate) const MARGIN: f64 = 8.0;

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
