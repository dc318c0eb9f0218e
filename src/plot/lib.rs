//! Views turned into pixels: one file a view type, one drawing code for the page's canvas, SVG and PNG.
//!
//! A view is drawn by [`draw`] onto any [`Backend`]: the page's canvas (`canvas::Canvas`, wasm32) or plotters' SVG backend,
//! which [`svg()`] and [`png()`] use. The same layout answers the pointer: [`read_out`], [`zoom`], [`pan`], [`to_data`],
//! [`handle_px`]. [`csv()`] and [`describe`] say the same in numbers and in a sentence. All of them are pure functions of
//! view, [`Style`] and [`Camera`], and none of them panics, whatever the numbers are.
//!
//! All drawing code speaks to a [`pen::Pen`] in CSS pixels. [`palette`] has the colours, `scale` turns numbers into places and
//! words, `axes` draws what all cartesian views share.

mod axes;
#[cfg(target_arch = "wasm32")]
pub mod canvas;
mod chart;
mod clip;
mod colour;
mod field;
mod graph;
mod heat_map;
mod images;
mod matrix;
mod orbit;
pub mod palette;
pub mod pen;
pub mod relief;
pub mod samples;
mod scale;
mod space;
pub mod surface;
mod svg;
mod table;
#[cfg(test)]
mod tests;

pub use palette::Theme;
pub use pen::Backend;
pub use scale::number;
#[cfg(not(target_arch = "wasm32"))]
pub use svg::png;
pub use svg::svg;

use axes::Frame;
use ground::error::Result;
use ground::view::View;
use palette::Palette;
use pen::{Pen, Px, Rect, Sheet};

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
    fn size(&self) -> (f64, f64) {
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
    fn new(style: &Style, camera: &'a Camera) -> Self {
        let (width, height) = style.size();
        Page { width, height, theme: style.theme, palette: Palette::of(style.theme), camera }
    }
    /// The page without its margin.
    pub fn area(&self) -> Rect {
        Rect::between(axes::MARGIN, axes::MARGIN, self.width - axes::MARGIN, self.height - axes::MARGIN)
    }
}

/// Draws the view over the whole of `backend`, whose width is the style's in CSS pixels.
///
/// Errors say what the backend could not do.
pub fn draw<B: Backend>(view: &View, backend: &mut B, style: &Style, camera: &Camera) -> Result<()> {
    paint(view, backend, style, camera, false)
}

/// Draws all of the view but the surface itself, which the GPU draws over it. The background stays transparent.
pub fn draw_around<B: Backend>(view: &View, backend: &mut B, style: &Style, camera: &Camera) -> Result<()> {
    paint(view, backend, style, camera, true)
}

fn paint<B: Backend>(view: &View, backend: &mut B, style: &Style, camera: &Camera, around: bool) -> Result<()> {
    let page = Page::new(style, camera);
    let mut sheet = Sheet::new(backend, page.width, style.scale);
    let pen: &mut dyn Pen = &mut sheet;
    if !around {
        pen.rect(Rect { x: 0.0, y: 0.0, w: page.width, h: page.height }, page.palette.background);
    }
    // Below that nothing can be read.
    if page.width >= 40.0 && page.height >= 40.0 {
        match view {
            View::Chart(chart) => chart::draw(chart, pen, &page),
            View::HeatMap(map) => heat_map::draw(map, pen, &page),
            View::Surface(map) => surface::draw(map, pen, &page, !around),
            View::Matrix(matrix) => matrix::draw(matrix, pen, &page),
            View::Space(space) => space::draw(space, pen, &page),
            View::Graph(graph) => graph::draw(graph, pen, &page),
            View::Images(images) => images::draw(images, pen, &page),
            View::Field(field) => field::draw(field, pen, &page),
            View::Table(table) => table::draw(table, pen, &page),
        }
    }
    sheet.finish()
}

/// The data of the view as CSV (RFC 4180): one row a datum, one column a variable, numbers in full precision.
pub fn csv(view: &View) -> String {
    let rows = match view {
        View::Chart(chart) => chart::rows(chart),
        View::HeatMap(map) | View::Surface(map) => heat_map::rows(map),
        View::Matrix(matrix) => matrix::rows(matrix),
        View::Space(space) => space::rows(space),
        View::Graph(graph) => graph::rows(graph),
        View::Images(images) => images::rows(images),
        View::Field(field) => field::rows(field),
        View::Table(table) => table::rows(table),
    };
    let mut writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Writing to memory cannot fail.
        let _ = writer.write_record(&row);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// One sentence that says what there is to see: the text alternative. `title` leads it where it is not empty.
pub fn describe(view: &View, title: &str) -> String {
    let text = match view {
        View::Chart(chart) => chart::describe(chart),
        View::HeatMap(map) => heat_map::describe(map, "Heat map"),
        View::Surface(map) => heat_map::describe(map, "Surface"),
        View::Matrix(matrix) => matrix::describe(matrix),
        View::Space(space) => space::describe(space),
        View::Graph(graph) => graph::describe(graph),
        View::Images(images) => images::describe(images),
        View::Field(field) => field::describe(field),
        View::Table(table) => table::describe(table),
    };
    if title.is_empty() { text } else { format!("{title}: {}{}", text[..1].to_lowercase(), &text[1..]) }
}

/// What there is at the point `px` of the picture, in words; `None` where there is nothing near.
pub fn read_out(view: &View, style: &Style, camera: &Camera, px: (f64, f64)) -> Option<ReadOut> {
    let page = Page::new(style, camera);
    match view {
        View::Chart(chart) => chart::read_out(chart, &page, px),
        View::HeatMap(map) => heat_map::read_out(map, &page, px),
        View::Surface(map) => surface::read_out(map, &page, px),
        View::Matrix(matrix) => matrix::read_out(matrix, &page, px),
        View::Space(space) => space::read_out(space, &page, px),
        View::Graph(graph) => graph::read_out(graph, &page, px),
        View::Images(images) => images::read_out(images, &page, px),
        View::Field(field) => field::read_out(field, &page, px),
        View::Table(table) => table::read_out(table, &page, px),
    }
}

/// The frame of a cartesian view; `None` for the others.
fn frame(view: &View, page: &Page) -> Option<Frame> {
    match view {
        View::Chart(chart) => Some(chart::frame(chart, page)),
        View::HeatMap(map) => Some(heat_map::frame(map, page)),
        View::Matrix(matrix) => Some(matrix::frame(matrix, page)),
        View::Space(space) if space::flat(space) => Some(space::frame(space, page)),
        View::Graph(graph) => Some(graph::frame(graph, page)),
        View::Field(field) => Some(field::frame(field, page)),
        View::Surface(_) | View::Space(_) | View::Images(_) | View::Table(_) => None,
    }
}

/// The ranges of x and y that show all of a cartesian view, in data coordinates; `None` for the others.
///
/// The window that links two views is the union of theirs.
pub fn extent(view: &View) -> Option<[(f64, f64); 2]> {
    frame(view, &Page::new(&Style::default(), &Camera::default())).map(|frame| frame.window())
}

/// The data coordinates at the point `px` of the picture; `None` for views without axes.
pub fn to_data(view: &View, style: &Style, camera: &Camera, px: (f64, f64)) -> Option<(f64, f64)> {
    frame(view, &Page::new(style, camera)).map(|frame| frame.data(px))
}

/// Where the view's handle is in the picture, if it has one that is in sight.
pub fn handle_px(view: &View, style: &Style, camera: &Camera) -> Option<(f64, f64)> {
    let handle = match view {
        View::Chart(chart) => chart.handle.as_ref(),
        View::HeatMap(map) => map.handle.as_ref(),
        _ => None,
    }?;
    let frame = frame(view, &Page::new(style, camera))?;
    let px = frame.px(handle.at);
    (px.0.is_finite() && px.1.is_finite() && frame.rect.contains(px)).then_some(px)
}

/// The camera after magnifying by `factor` (above 1 is nearer) around the point `px`, which stays where it is.
///
/// Zooming out ends where all is seen.
pub fn zoom(view: &View, style: &Style, camera: &Camera, px: (f64, f64), factor: f64) -> Camera {
    let factor = if factor.is_finite() { factor.clamp(0.01, 100.0) } else { 1.0 };
    let Some(frame) = frame(view, &Page::new(style, camera)) else {
        return Camera { distance: (camera.distance / factor).clamp(0.2, 4.0), ..*camera };
    };
    let full = frame_of_all(view, style);
    let (u, v) = frame.place(px);
    if !(u.is_finite() && v.is_finite()) {
        return *camera;
    }
    let (u, v) = (u.clamp(0.0, 1.0), v.clamp(0.0, 1.0));
    let x = frame.x.cut(u - u / factor, u + (1.0 - u) / factor);
    let y = frame.y.cut(v - v / factor, v + (1.0 - v) / factor);
    within(Frame { x, y, ..frame }, full, camera)
}

/// The camera after dragging the picture from one point to another.
pub fn pan(view: &View, style: &Style, camera: &Camera, from: (f64, f64), to: (f64, f64)) -> Camera {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    if !(dx.is_finite() && dy.is_finite()) {
        return *camera;
    }
    let Some(frame) = frame(view, &Page::new(style, camera)) else {
        let pitch = (camera.pitch + 0.008 * dy).clamp(-1.55, 1.55);
        return Camera { yaw: camera.yaw - 0.008 * dx, pitch, ..*camera };
    };
    let full = frame_of_all(view, style);
    let (a, b) = (frame.place(from), frame.place(to));
    let (du, dv) = (a.0 - b.0, a.1 - b.1);
    within(Frame { x: frame.x.cut(du, 1.0 + du), y: frame.y.cut(dv, 1.0 + dv), ..frame }, full, camera)
}

fn frame_of_all(view: &View, style: &Style) -> Option<Frame> {
    frame(view, &Page::new(style, &Camera::default()))
}

/// The camera that shows `wanted`, moved to lie within `full` and to be neither larger than it nor too small to tell apart.
fn within(wanted: Frame, full: Option<Frame>, camera: &Camera) -> Camera {
    let Some(full) = full else { return *camera };
    let keep = |wanted: scale::Scaler, full: scale::Scaler| {
        let (from, to) = (full.place(wanted.low), full.place(wanted.high));
        let length = to - from;
        if !(length.is_finite()) || length < 1e-6 {
            return None;
        }
        if length >= 1.0 - 1e-9 {
            return Some((full.range(), true));
        }
        let from = from.clamp(0.0, 1.0 - length);
        Some((full.cut(from, from + length).range(), false))
    };
    match (keep(wanted.x, full.x), keep(wanted.y, full.y)) {
        (Some((_, true)), Some((_, true))) => Camera { window: None, ..*camera },
        (Some((x, _)), Some((y, _))) => Camera { window: Some([x, y]), ..*camera },
        _ => *camera,
    }
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
