//! What the drawing of every view shares: the page, how it is looked at, and [`Drawn`], what a kind of view has to answer.

use crate::axes::{Frame, MARGIN};
use crate::palette::{Palette, Theme};
use crate::pen::{Backend, Pen, Px, Rect, Sheet};
use ground::error::Result;
use ground::view::Handle;

/// Size and theme of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Width in CSS pixels.
    pub width: f64,
    /// Height in CSS pixels.
    pub height: f64,
    /// Device pixels per CSS pixel: how many pixels a PNG has, and where thin lines are crisp on a canvas.
    pub scale: f64,
    /// Light or dark.
    pub theme: Theme,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 420.0, height: 300.0, scale: 1.0, theme: Theme::Light }
    }
}

impl Style {
    /// The size, made usable: at least one and at most 8,192 CSS pixels each way.
    pub(crate) fn size(&self) -> (f64, f64) {
        let usable = |v: f64| if v.is_finite() { v.clamp(1.0, 8192.0) } else { 1.0 };
        (usable(self.width), usable(self.height))
    }
}

/// From where a view is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The part of a cartesian view that is shown, in data coordinates: the range of x, then that of y (columns and rows for
    /// a matrix, the unit square for a graph). `None` shows all.
    pub window: Option<[(f64, f64); 2]>,
    /// Turn around the vertical axis, in radians. Used by surfaces and space.
    pub yaw: f64,
    /// Height over the horizon, in radians, at most a right angle.
    pub pitch: f64,
    /// Distance; 1 shows all, less is nearer.
    pub distance: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Camera { window: None, yaw: -0.55, pitch: 0.6, distance: 1.0 }
    }
}

/// What there is under the pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOut {
    /// In words, with names and units. Lines are parted by `\n`.
    pub text: String,
    /// The datum's place in CSS pixels, where a marker belongs.
    pub at: (f64, f64),
}

/// What every view's drawing needs to know of its page.
pub(crate) struct Page<'a> {
    pub width: f64,
    pub height: f64,
    pub theme: Theme,
    pub palette: &'static Palette,
    pub camera: &'a Camera,
}

impl<'a> Page<'a> {
    pub fn new(style: &Style, camera: &'a Camera) -> Self {
        let (width, height) = style.size();
        Page { width, height, theme: style.theme, palette: Palette::of(style.theme), camera }
    }
    /// The page without its margin.
    pub fn area(&self) -> Rect {
        Rect::between(MARGIN, MARGIN, self.width - MARGIN, self.height - MARGIN)
    }
}

/// A kind of view: how it is drawn, and what it says of itself.
///
/// Implemented for what borrows the data, since the same data may be looked at in two ways: as a heat map and as a surface.
pub(crate) trait Drawn {
    /// Draws it over the page.
    fn draw(&self, pen: &mut dyn Pen, page: &Page);

    /// Draws what is around that part of it which the GPU draws; all of it if there is no such part.
    fn draw_around(&self, pen: &mut dyn Pen, page: &Page) {
        self.draw(pen, page);
    }

    /// What there is at a point of the page, if anything is near.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut>;

    /// The frame of its two axes, if it has them.
    fn frame(&self, _: &Page) -> Option<Frame> {
        None
    }

    /// The point in the frame that can be dragged.
    fn handle(&self) -> Option<&Handle> {
        None
    }

    /// The data: the names of the variables, then a row a datum.
    fn rows(&self) -> Vec<Vec<String>>;

    /// One sentence made from the data.
    fn describe(&self) -> String;
}

/// Draws `view` over the whole of `backend`; `around`, without the part that the GPU draws and with a transparent background.
pub(crate) fn paint<B: Backend>(view: &dyn Drawn, backend: &mut B, style: &Style, camera: &Camera, around: bool) -> Result<()> {
    let page = Page::new(style, camera);
    let mut sheet = Sheet::new(backend, page.width, style.scale);
    let pen: &mut dyn Pen = &mut sheet;
    if !around {
        pen.rect(Rect { x: 0.0, y: 0.0, w: page.width, h: page.height }, page.palette.background);
    }
    // Below that nothing can be read.
    if page.width >= 40.0 && page.height >= 40.0 {
        if around { view.draw_around(pen, &page) } else { view.draw(pen, &page) }
    }
    sheet.finish()
}

/// A number in full precision, for CSV.
pub(crate) fn exact(v: impl std::fmt::Display) -> String {
    v.to_string()
}

/// "1 point", "3 points".
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The nearest of candidates `(distance, read-out)`.
pub(crate) struct Nearest {
    best: Option<(f64, Px)>,
    text: Option<String>,
    reach: f64,
}

impl Nearest {
    /// Of those within `reach` pixels.
    pub fn within(reach: f64) -> Self {
        Nearest { best: None, text: None, reach }
    }
    /// Offers a candidate; `text` is only made if it is the nearest so far.
    pub fn offer(&mut self, distance: f64, at: Px, text: impl FnOnce() -> String) {
        if distance <= self.reach && self.best.is_none_or(|(best, _)| distance < best) {
            self.best = Some((distance, at));
            self.text = Some(text());
        }
    }
    /// The nearest.
    pub fn found(self) -> Option<ReadOut> {
        Some(ReadOut { text: self.text?, at: self.best?.1 })
    }
}
