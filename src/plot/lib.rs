//! Views turned into pixels: one file a view type, one drawing code for the page's canvas, SVG and PNG.
//!
//! A view is drawn by [`draw`] onto any [`Backend`]: the page's canvas (`canvas::Canvas`, wasm32) or plotters' SVG backend,
//! which [`svg()`] and [`png()`] use. The same layout answers the pointer: [`read_out`], [`zoom`], [`pan`], [`to_data`],
//! [`handle_px`]. [`csv()`] and [`describe`] say the same in numbers and in a sentence. All of them are pure functions of
//! view, [`Style`] and [`Camera`], and none of them panics, whatever the numbers are.
//!
//! All drawing code speaks to a [`pen::Pen`] in CSS pixels. [`palette`] has the colours, `scale` turns numbers into places and
//! words, `axes` draws what all cartesian views share; `page` says what the file of a kind of view has to answer.

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
mod page;
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

pub use page::{Camera, ReadOut, Style};
pub use palette::Theme;
pub use pen::Backend;
pub use scale::number;

use axes::Frame;
use ground::error::Result;
use ground::view::View;
use page::{Drawn, Page, paint};
use scale::Scaler;
use surface::Surface;

/// How a view is drawn: one file a kind.
fn drawn(view: &View) -> Box<dyn Drawn + '_> {
    match view {
        View::Chart(chart) => Box::new(chart),
        View::HeatMap(map) => Box::new(map),
        View::Surface(map) => Box::new(Surface(map)),
        View::Matrix(matrix) => Box::new(matrix),
        View::Space(space) => Box::new(space),
        View::Graph(graph) => Box::new(graph),
        View::Images(images) => Box::new(images),
        View::Field(field) => Box::new(field),
        View::Table(table) => Box::new(table),
    }
}

/// Draws the view over the whole of `backend`, whose width is the style's in CSS pixels.
///
/// Errors say what the backend could not do.
pub fn draw<B: Backend>(view: &View, backend: &mut B, style: &Style, camera: &Camera) -> Result<()> {
    paint(&*drawn(view), backend, style, camera, false)
}

/// Draws all of the view but the surface itself, which the GPU draws over it. The background stays transparent.
pub fn draw_around<B: Backend>(view: &View, backend: &mut B, style: &Style, camera: &Camera) -> Result<()> {
    paint(&*drawn(view), backend, style, camera, true)
}

/// The view as an SVG document of the style's size, with its description as text alternative.
pub fn svg(view: &View, style: &Style, camera: &Camera) -> String {
    svg::svg(&*drawn(view), style, camera)
}

/// The view as PNG of the style's size times its scale: the picture that [`svg()`] describes.
///
/// Text is set in the system's sans-serif face.
#[cfg(not(target_arch = "wasm32"))]
pub fn png(view: &View, style: &Style, camera: &Camera) -> Result<Vec<u8>> {
    svg::png(&*drawn(view), style, camera)
}

/// The views as pictures of one size under each other, in one PNG: a film to be shown frame by frame.
#[cfg(not(target_arch = "wasm32"))]
pub fn film(views: &[View], style: &Style) -> Result<Vec<u8>> {
    let picture = |view: &View| svg::pixels(&*drawn(view), style, &Camera::default());
    svg::reel(&views.iter().map(picture).collect::<Result<Vec<_>>>()?)
}

/// The data of the view as CSV (RFC 4180): one row a datum, one column a variable, numbers in full precision.
pub fn csv(view: &View) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in drawn(view).rows() {
        // Writing to memory cannot fail.
        let _ = writer.write_record(&row);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// One sentence that says what there is to see: the text alternative. `title` leads it where it is not empty.
pub fn describe(view: &View, title: &str) -> String {
    let text = drawn(view).describe();
    if title.is_empty() { text } else { format!("{title}: {}{}", text[..1].to_lowercase(), &text[1..]) }
}

/// What there is at the point `px` of the picture, in words; `None` where there is nothing near.
pub fn read_out(view: &View, style: &Style, camera: &Camera, px: (f64, f64)) -> Option<ReadOut> {
    drawn(view).read_out(&Page::new(style, camera), px)
}

/// The frame of a cartesian view; `None` for the others.
fn frame(view: &View, page: &Page) -> Option<Frame> {
    drawn(view).frame(page)
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
    let view = drawn(view);
    let at = view.handle()?.at;
    let frame = view.frame(&Page::new(style, camera))?;
    let px = frame.px(at);
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
    let keep = |wanted: Scaler, full: Scaler| {
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
