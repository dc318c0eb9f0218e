//! The pen: all drawing goes through this one object-safe trait, in CSS pixels, onto any plotters backend.

use std::fmt;

use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontFamily, FontStyle,
    FontTransform,
};

use crate::colour::Colour;
use ground::error::{Error, Result};

/// The font stack of every text in a picture.
pub const FONT: &str = "system-ui, sans-serif";

/// From the top of a text's box to its baseline, in ems, in plotters' SVG backend.
pub(crate) const ASCENT: f64 = 0.76;

/// What plotters' backends divide a font's size by to get CSS pixels.
pub(crate) const FONT_RATIO: f64 = 1.24;

/// A point in CSS pixels, y downwards.
pub type Px = (f64, f64);

/// A rectangle in CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// The rectangle between the edges; never of negative size.
    pub fn between(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Rect { x: left, y: top, w: (right - left).max(0.0), h: (bottom - top).max(0.0) }
    }
    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.w
    }
    /// Bottom edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }
    /// Its middle.
    pub fn centre(&self) -> Px {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
    /// Is the point inside, the edges included?
    pub fn contains(&self, at: Px) -> bool {
        at.0 >= self.x && at.0 <= self.right() && at.1 >= self.y && at.1 <= self.bottom()
    }
    /// Do the two overlap?
    pub fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

/// Where a text hangs on its point, horizontally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// Where a text hangs on its point, vertically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The tops of its capitals.
    Top,
    /// Half the height of its capitals.
    Middle,
    /// The foot of its letters.
    Foot,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Type {
    /// Size in CSS pixels.
    pub size: f64,
    /// Colour.
    pub colour: Colour,
    /// Horizontal anchor.
    pub anchor: Anchor,
    /// Vertical anchor.
    pub baseline: Baseline,
    /// Bold.
    pub bold: bool,
    /// Turned a quarter, to be read from the bottom up.
    pub upward: bool,
}

impl Type {
    /// Text of `size` that begins at its point, on the middle of its height.
    pub fn new(size: f64, colour: Colour) -> Self {
        Type { size, colour, anchor: Anchor::Start, baseline: Baseline::Middle, bold: false, upward: false }
    }
    /// Anchored so.
    pub fn at(mut self, anchor: Anchor, baseline: Baseline) -> Self {
        (self.anchor, self.baseline) = (anchor, baseline);
        self
    }
    /// In bold.
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }
    /// Read from the bottom up.
    pub fn upward(mut self) -> Self {
        self.upward = true;
        self
    }
}

/// What pictures are drawn with. Lengths are CSS pixels; nothing is clipped; points that are not finite are not drawn.
pub trait Pen {
    /// A line through the points, of `width`.
    fn line(&mut self, points: &[Px], colour: Colour, width: f64);
    /// A filled polygon.
    fn polygon(&mut self, points: &[Px], colour: Colour);
    /// A filled circle.
    fn disc(&mut self, centre: Px, radius: f64, colour: Colour);
    /// A circle's line.
    fn ring(&mut self, centre: Px, radius: f64, colour: Colour, width: f64);
    /// A filled rectangle.
    fn rect(&mut self, rect: Rect, colour: Colour);
    /// One line of text.
    fn text(&mut self, at: Px, text: &str, style: &Type);
    /// A bitmap of `columns` x `rows` RGBA pixels, the first row on top, stretched over `rect` without smoothing.
    fn bitmap(&mut self, rect: Rect, columns: usize, rows: usize, rgba: &[u8]);
    /// `at`, moved so that a line of `width` falls on whole device pixels.
    fn snap(&self, at: f64, width: f64) -> f64;

    /// A dashed line: `on` pixels drawn, `off` pixels not.
    fn dashes(&mut self, points: &[Px], colour: Colour, width: f64, on: f64, off: f64) {
        for dash in dashes(points, on, off) {
            self.line(&dash, colour, width);
        }
    }

    /// The outline of a rectangle, on whole device pixels.
    fn outline(&mut self, rect: Rect, colour: Colour, width: f64) {
        let (l, r) = (self.snap(rect.x, width), self.snap(rect.right(), width));
        let (t, b) = (self.snap(rect.y, width), self.snap(rect.bottom(), width));
        self.line(&[(l, t), (r, t), (r, b), (l, b), (l, t)], colour, width);
    }

    /// A line with a filled head at its end.
    fn arrow(&mut self, from: Px, to: Px, colour: Colour, width: f64, head: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        if !length.is_finite() || length < 0.01 {
            return;
        }
        let head = head.min(length * 0.6);
        let (ux, uy) = (dx / length, dy / length);
        let neck = (to.0 - ux * head, to.1 - uy * head);
        self.line(&[from, (neck.0 + ux * 0.3 * head, neck.1 + uy * 0.3 * head)], colour, width);
        let half = head * 0.42;
        self.polygon(&[to, (neck.0 - uy * half, neck.1 + ux * half), (neck.0 + uy * half, neck.1 - ux * half)], colour);
    }
}

/// The pieces of a line that a dash pattern leaves. A line of more than 4,000 dashes is left whole.
fn dashes(points: &[Px], on: f64, off: f64) -> Vec<Vec<Px>> {
    let length: f64 = points.windows(2).map(|w| distance(w[0], w[1])).sum();
    if !length.is_finite() || on + off <= 0.0 || length > 4000.0 * (on + off) {
        return vec![points.to_vec()];
    }
    let (mut pieces, mut piece) = (Vec::new(), Vec::new());
    let (mut drawing, mut left) = (true, on);
    piece.extend(points.first());
    for w in points.windows(2) {
        let span = distance(w[0], w[1]);
        let mut gone = 0.0;
        while span - gone > left {
            gone += left;
            let t = gone / span;
            let turn = (w[0].0 + (w[1].0 - w[0].0) * t, w[0].1 + (w[1].1 - w[0].1) * t);
            if drawing {
                piece.push(turn);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece.push(turn);
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= span - gone;
        if drawing {
            piece.push(w[1]);
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// The distance of two points.
pub(crate) fn distance(a: Px, b: Px) -> f64 {
    let (dx, dy) = (a.0 - b.0, a.1 - b.1);
    (dx * dx + dy * dy).sqrt()
}

/// What a backend answers: nothing, or what it could not do.
pub type Done<M> = Result<(), DrawingErrorKind<<M as DrawingBackend>::ErrorType>>;

/// What a picture can be drawn on: plotters' backend for the marks, and what that lacks.
///
/// plotters' own bitmaps have no size of their target, so that a heat map would have to be blown up to device pixels first.
pub trait Backend {
    /// plotters' backend.
    type Marks: DrawingBackend;

    /// What marks are drawn on.
    fn marks(&mut self) -> &mut Self::Marks;

    /// How many of the backend's pixels there are across and down.
    fn size(&mut self) -> (u32, u32) {
        self.marks().get_size()
    }

    /// Sets a line of text.
    fn text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Done<Self::Marks> {
        self.marks().draw_text(text, style, at)
    }

    /// Stretches a bitmap of `size` RGBA pixels over the backend's pixels from `from` to `to` without smoothing.
    fn stretch(&mut self, from: BackendCoord, to: BackendCoord, size: (usize, usize), rgba: &[u8]) -> Done<Self::Marks>;
}

/// The pen on a backend: multiplies by the backend's pixels per CSS pixel and keeps the first error.
pub(crate) struct Sheet<'a, B: Backend> {
    backend: &'a mut B,
    /// Backend pixels per CSS pixel.
    units: f64,
    /// Device pixels per CSS pixel.
    device: f64,
    /// The first thing that went wrong.
    failed: Option<String>,
}

impl<'a, B: Backend> Sheet<'a, B> {
    /// A pen on `backend`, which is `width` CSS pixels across.
    pub fn new(backend: &'a mut B, width: f64, device: f64) -> Self {
        let units = f64::from(backend.size().0) / width;
        Sheet { backend, units, device: if device > 0.0 { device } else { 1.0 }, failed: None }
    }

    /// Ends the drawing; an error says what the backend could not do first.
    pub fn finish(mut self) -> Result<()> {
        let done = self.backend.marks().present();
        self.note(done);
        self.failed.map_or(Ok(()), |why| Err(Error::new(format!("the picture could not be drawn: {why}"))))
    }

    fn note(&mut self, done: Done<B::Marks>) {
        if let Err(why) = done
            && self.failed.is_none()
        {
            self.failed = Some(why.to_string());
        }
    }

    /// In the backend's pixels; far beyond the picture a coordinate stays where it is.
    fn to(&self, at: Px) -> BackendCoord {
        let whole = |v: f64| (v * self.units).clamp(-1e6, 1e6).round() as i32;
        (whole(at.0), whole(at.1))
    }

    fn stroke(&self, colour: Colour, width: f64) -> Stroke {
        Stroke { colour: colour.into(), width: (width * self.units).round().max(1.0) as u32 }
    }
}

struct Stroke {
    colour: BackendColor,
    width: u32,
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        self.colour
    }
    fn stroke_width(&self) -> u32 {
        self.width
    }
}

impl From<Colour> for BackendColor {
    fn from(c: Colour) -> Self {
        BackendColor { alpha: f64::from(c.alpha), rgb: (c.r, c.g, c.b) }
    }
}

struct Letters {
    size: f64,
    colour: BackendColor,
    bold: bool,
    upward: bool,
    anchor: HPos,
}

/// Backends that cannot draw text by themselves get none.
#[derive(Debug)]
struct NoFont;

impl fmt::Display for NoFont {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this backend cannot draw text by itself")
    }
}

impl std::error::Error for NoFont {}

impl BackendTextStyle for Letters {
    type FontError = NoFont;
    fn color(&self) -> BackendColor {
        self.colour
    }
    fn size(&self) -> f64 {
        self.size
    }
    fn transform(&self) -> FontTransform {
        if self.upward { FontTransform::Rotate270 } else { FontTransform::None }
    }
    fn style(&self) -> FontStyle {
        if self.bold { FontStyle::Bold } else { FontStyle::Normal }
    }
    fn anchor(&self) -> Pos {
        Pos::new(self.anchor, VPos::Top)
    }
    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FONT)
    }
    fn layout_box(&self, _: &str) -> Result<((i32, i32), (i32, i32)), NoFont> {
        Err(NoFont)
    }
    fn draw<E, D: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        _: BackendCoord,
        _: D,
    ) -> Result<Result<(), E>, NoFont> {
        Err(NoFont)
    }
}

fn finite(points: &[Px]) -> bool {
    points.iter().all(|p| p.0.is_finite() && p.1.is_finite())
}

impl<B: Backend> Pen for Sheet<'_, B> {
    fn line(&mut self, points: &[Px], colour: Colour, width: f64) {
        if points.len() < 2 || !finite(points) {
            return;
        }
        let stroke = self.stroke(colour, width);
        let path: Vec<_> = points.iter().map(|&p| self.to(p)).collect();
        let done = self.backend.marks().draw_path(path, &stroke);
        self.note(done);
    }

    fn polygon(&mut self, points: &[Px], colour: Colour) {
        if points.len() < 3 || !finite(points) {
            return;
        }
        let path: Vec<_> = points.iter().map(|&p| self.to(p)).collect();
        let done = self.backend.marks().fill_polygon(path, &BackendColor::from(colour));
        self.note(done);
    }

    fn disc(&mut self, centre: Px, radius: f64, colour: Colour) {
        if !finite(&[centre]) {
            return;
        }
        let (at, radius) = (self.to(centre), (radius * self.units).round().max(1.0) as u32);
        let done = self.backend.marks().draw_circle(at, radius, &BackendColor::from(colour), true);
        self.note(done);
    }

    fn ring(&mut self, centre: Px, radius: f64, colour: Colour, width: f64) {
        if !finite(&[centre]) {
            return;
        }
        let (at, radius, stroke) = (self.to(centre), (radius * self.units).round().max(1.0) as u32, self.stroke(colour, width));
        let done = self.backend.marks().draw_circle(at, radius, &stroke, false);
        self.note(done);
    }

    fn rect(&mut self, rect: Rect, colour: Colour) {
        let (from, to) = ((rect.x, rect.y), (rect.right(), rect.bottom()));
        if !finite(&[from, to]) {
            return;
        }
        let (from, to) = (self.to(from), self.to(to));
        let done = self.backend.marks().draw_rect(from, to, &BackendColor::from(colour), true);
        self.note(done);
    }

    fn text(&mut self, at: Px, text: &str, style: &Type) {
        if text.is_empty() || !finite(&[at]) {
            return;
        }
        // Capitals are about 0.72 em tall in every sans-serif face; digits too.
        let foot = match style.baseline {
            Baseline::Top => 0.72,
            Baseline::Middle => 0.36,
            Baseline::Foot => 0.0,
        } * style.size;
        let up = ASCENT * style.size - foot;
        let at = if style.upward { (at.0 - up, at.1) } else { (at.0, at.1 - up) };
        let letters = Letters {
            size: style.size * self.units * FONT_RATIO,
            colour: style.colour.into(),
            bold: style.bold,
            upward: style.upward,
            anchor: match style.anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            },
        };
        let at = self.to(at);
        // What XML does not allow must not reach a document.
        let text: String =
            text.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect();
        let done = self.backend.text(&text, &letters, at);
        self.note(done);
    }

    fn bitmap(&mut self, rect: Rect, columns: usize, rows: usize, rgba: &[u8]) {
        let (from, to) = ((rect.x, rect.y), (rect.right(), rect.bottom()));
        if columns == 0 || rows == 0 || rgba.len() != 4 * columns * rows || !finite(&[from, to]) {
            return;
        }
        let (from, to) = (self.to(from), self.to(to));
        if to.0 > from.0 && to.1 > from.1 {
            let done = self.backend.stretch(from, to, (columns, rows), rgba);
            self.note(done);
        }
    }

    fn snap(&self, at: f64, width: f64) -> f64 {
        let half = (width * self.device).round().max(1.0) / 2.0;
        ((at * self.device - half).round() + half) / self.device
    }
}

/// The width of `text` in ems, as in a wide sans-serif face, so that nothing laid out by it overlaps in a narrower one.
///
/// Canvas and SVG are laid out by the same estimate, whatever fonts there are.
pub fn ems(text: &str) -> f64 {
    /// Advance widths of the printable ASCII characters of DejaVu Sans, in thousandths of an em.
    const ASCII: [u16; 95] = [
        318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636,
        636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
        603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635,
        634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
    ];
    let thousandths: u64 = text
        .chars()
        .map(|c| match c {
            ' '..='~' => u64::from(ASCII[c as usize - 32]),
            '⁰' | '¹' | '²' | '³' | '⁴'..='⁹' | '₀'..='₉' => 401,
            '⁻' => 528,
            '·' | '\u{2009}' | '\u{a0}' => 318,
            '×' | '−' | '→' | '←' | '↑' | '↓' | '∞' | '≤' | '≥' | '≈' => 838,
            '…' => 1000,
            '\u{300}'..='\u{36f}' => 0,
            '\u{2e80}'.. => 1000,
            _ => 650,
        })
        .sum();
    thousandths as f64 / 1000.0
}

/// The width of `text` at `size`, see [`ems`].
pub fn text_width(text: &str, size: f64) -> f64 {
    ems(text) * size
}

/// `text`, cut with an ellipsis to fit `room` at `size`; "" if not even one letter fits.
pub fn fit(text: &str, size: f64, room: f64) -> String {
    if text_width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept: String = String::new();
    let mut width = text_width("…", size);
    for c in text.chars() {
        width += text_width(c.encode_utf8(&mut [0; 4]), size);
        if width > room {
            break;
        }
        kept.push(c);
    }
    let kept = kept.trim_end();
    if kept.is_empty() { String::new() } else { format!("{kept}…") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_part_of_the_line() {
        let pieces = dashes(&[(0.0, 0.0), (7.0, 0.0), (7.0, 14.0)], 4.0, 3.0);
        assert_eq!(pieces[0], [(0.0, 0.0), (4.0, 0.0)]);
        assert_eq!(pieces[1], [(7.0, 0.0), (7.0, 4.0)]);
        let drawn: f64 = pieces.iter().flat_map(|p| p.windows(2)).map(|w| distance(w[0], w[1])).sum();
        assert!((drawn - 12.0).abs() < 1e-9, "{pieces:?}");
        assert_eq!(dashes(&[(0.0, 0.0), (1e9, 0.0)], 4.0, 3.0).len(), 1);
    }

    #[test]
    fn texts_are_cut_to_their_room() {
        assert_eq!(fit("loss", 12.0, 100.0), "loss");
        let cut = fit("transformer encoder", 12.0, 60.0);
        assert!(cut.ends_with('…') && text_width(&cut, 12.0) <= 60.0, "{cut}");
        assert_eq!(fit("loss", 12.0, 3.0), "");
    }
}
