//! The page's module: pictures drawn, read out, zoomed, written as files, and the check of a form. It knows no experiment.

#![cfg(target_arch = "wasm32")]

mod surface;

use serde::Serialize;
use serde_bytes::ByteBuf;
use serde_wasm_bindgen::{from_value, to_value};
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use ground::controls::{Settings, Spec};
use ground::view::{Handle, HeatMap, View};
use plot::canvas::Canvas;
use plot::{self, Camera, Style, Theme};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// A panic ends the instance; its message goes to the console before that.
#[wasm_bindgen(start)]
fn begin() {
    std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
}

/// An experiment's controls, as its card tells them: what is typed, or stands in the address, is checked against them.
#[wasm_bindgen]
pub struct Form(Vec<Spec>);

#[wasm_bindgen]
impl Form {
    /// The form of a card's `controls`.
    #[wasm_bindgen(constructor)]
    pub fn new(controls: JsValue) -> Result<Form, JsError> {
        Ok(Form(from_value(controls)?))
    }

    /// `text` as the control `name` writes it.
    pub fn check(&self, name: &str, text: &str) -> Result<String, JsError> {
        let settings = Settings::parse(&self.0, [(name, text)])?;
        let index = self.0.iter().position(|spec| spec.name == name).expect("it has just been set");
        Ok(self.0[index].format(&settings.0[index]))
    }
}

/// Refuses a file of the user's that is empty or too large, before it is read.
#[wasm_bindgen(js_name = checkSize)]
pub fn check_size(name: &str, bytes: f64) -> Result<(), JsError> {
    Ok(ground::file::check_size(name, bytes as u64)?)
}

/// One view of every kind, as `[{title, bytes}]`.
#[wasm_bindgen]
pub fn samples() -> Result<JsValue, JsError> {
    #[derive(Serialize)]
    struct Sample {
        title: &'static str,
        bytes: ByteBuf,
    }
    let one = |(title, view): (&'static str, View)| Sample { title, bytes: ByteBuf::from(view.encode()) };
    Ok(to_value(&plot::samples::samples().into_iter().map(one).collect::<Vec<_>>())?)
}

/// A view, from where it is looked at, and how large.
#[wasm_bindgen]
pub struct Picture {
    view: View,
    style: Style,
    camera: Camera,
    /// It was a heat map when it came.
    flat: bool,
    /// Heat maps are shown as surfaces.
    lifted: bool,
    /// How often the view has changed.
    edition: u32,
    /// What a word points at, by its name.
    lit: Option<String>,
}

#[wasm_bindgen]
impl Picture {
    /// The picture of an encoded view.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8]) -> Result<Picture, JsError> {
        let view = View::decode(bytes)?;
        let flat = matches!(view, View::HeatMap(_));
        Ok(Picture { view, style: Style::default(), camera: Camera::default(), flat, lifted: false, edition: 0, lit: None })
    }

    /// Shows another encoded view from the same place; from the start if it is of another kind.
    pub fn show(&mut self, bytes: &[u8]) -> Result<(), JsError> {
        let before = self.kind();
        self.view = View::decode(bytes)?;
        self.edition = self.edition.wrapping_add(1);
        self.flat = matches!(self.view, View::HeatMap(_));
        self.turn();
        if self.kind() != before {
            self.camera = Camera::default();
        }
        Ok(())
    }

    /// Shows heat maps as surfaces, or flat.
    pub fn lift(&mut self, lifted: bool) {
        if self.flat && self.lifted != lifted {
            self.camera = Camera::default();
        }
        self.lifted = lifted;
        self.turn();
    }

    fn turn(&mut self) {
        self.view = match std::mem::replace(&mut self.view, View::Table(Default::default())) {
            View::HeatMap(map) if self.lifted => View::Surface(map),
            View::Surface(map) if self.flat && !self.lifted => View::HeatMap(map),
            view => view,
        };
    }

    /// Are heat maps shown as surfaces?
    pub fn lifted(&self) -> bool {
        self.lifted
    }

    /// Can it be shown as a surface and flat?
    pub fn liftable(&self) -> bool {
        self.flat
    }

    /// Is it turned by dragging, rather than moved?
    pub fn turns(&self) -> bool {
        matches!(self.view, View::Surface(_) | View::Space(_)) && plot::extent(&self.view).is_none()
    }

    /// Sets the size in CSS pixels, the device pixels a CSS pixel, and the theme.
    pub fn fit(&mut self, width: f64, height: f64, scale: f64, dark: bool) {
        self.style = Style { width, height, scale, theme: if dark { Theme::Dark } else { Theme::Light } };
    }

    /// Draws onto `canvas`, which has `width * scale` by `height * scale` pixels.
    pub fn draw(&self, canvas: &HtmlCanvasElement) -> Result<(), JsError> {
        let mut canvas = Canvas::new(canvas.clone())?;
        match (&self.view, &self.lit) {
            (View::Chart(chart), Some(name)) => {
                Ok(plot::draw(&View::Chart(chart.lit(name)), &mut canvas, &self.style, &self.camera)?)
            }
            (view, _) => Ok(plot::draw(view, &mut canvas, &self.style, &self.camera)?),
        }
    }

    /// Sets off what is called `name`, or nothing. Tells whether that changes the picture.
    pub fn light(&mut self, name: Option<String>) -> bool {
        let known = |name: &String| matches!(&self.view, View::Chart(chart) if chart.names().any(|of| of == name));
        let lit = name.filter(known);
        let changes = lit != self.lit;
        self.lit = lit;
        changes
    }

    /// Is a unit as long on one axis as on the other, so that a square is its best place?
    pub fn square(&self) -> bool {
        match &self.view {
            View::Chart(chart) => chart.equal,
            View::Surface(_) | View::Space(_) | View::Graph(_) | View::Matrix(_) => true,
            _ => false,
        }
    }

    /// Draws all but the surface itself, which a `Relief` has drawn on a canvas over this one.
    #[wasm_bindgen(js_name = drawAround)]
    pub fn draw_around(&self, canvas: &HtmlCanvasElement) -> Result<(), JsError> {
        Ok(plot::draw_around(&self.view, &mut Canvas::new(canvas.clone())?, &self.style, &self.camera)?)
    }

    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        plot::svg(&self.view, &self.style, &self.camera)
    }

    /// The data as CSV.
    pub fn csv(&self) -> String {
        plot::csv(&self.view)
    }

    /// The picture in one sentence.
    pub fn describe(&self, title: &str) -> String {
        plot::describe(&self.view, title)
    }

    /// The kind of view: "chart", "heat map", "surface", …
    pub fn kind(&self) -> String {
        match self.view {
            View::Chart(_) => "chart",
            View::HeatMap(_) => "heat map",
            View::Surface(_) => "surface",
            View::Matrix(_) => "matrix",
            View::Space(_) => "space",
            View::Graph(_) => "graph",
            View::Images(_) => "images",
            View::Field(_) => "field",
            View::Table(_) => "table",
        }
        .into()
    }

    /// What is under the point, as `{text, x, y}`, `(x, y)` being the place of what is read out.
    #[wasm_bindgen(js_name = readOut)]
    pub fn read_out(&self, x: f64, y: f64) -> Result<Option<JsValue>, JsError> {
        let Some(read) = plot::read_out(&self.view, &self.style, &self.camera, (x, y)) else { return Ok(None) };
        Ok(Some(to_value(&Mark { text: &read.text, x: read.at.0, y: read.at.1 })?))
    }

    /// Zooms by `factor` (> 1: closer) with the point staying where it is.
    pub fn zoom(&mut self, x: f64, y: f64, factor: f64) {
        self.camera = plot::zoom(&self.view, &self.style, &self.camera, (x, y), factor);
    }

    /// Moves, or turns, by a drag from one point to another.
    pub fn pan(&mut self, from_x: f64, from_y: f64, to_x: f64, to_y: f64) {
        self.camera = plot::pan(&self.view, &self.style, &self.camera, (from_x, from_y), (to_x, to_y));
    }

    /// Back to where it is looked at from at first.
    pub fn reset(&mut self) {
        self.camera = Camera::default();
    }

    /// Is it looked at from elsewhere than at first?
    pub fn moved(&self) -> bool {
        self.camera != Camera::default()
    }

    /// Looks at it from where the other one is looked at.
    #[wasm_bindgen(js_name = lookLike)]
    pub fn look_like(&mut self, other: &Picture) {
        self.camera = other.camera;
    }

    /// The window onto the data that shows all of it, `[x0, x1, y0, y1]`; nothing where there are no axes.
    pub fn extent(&self) -> Option<Vec<f64>> {
        plot::extent(&self.view).map(|[x, y]| vec![x.0, x.1, y.0, y.1])
    }

    /// The window onto the data that is set, `[x0, x1, y0, y1]`; nothing where all is shown.
    pub fn seen(&self) -> Option<Vec<f64>> {
        self.camera.window.map(|[x, y]| vec![x.0, x.1, y.0, y.1])
    }

    /// Sets the window onto the data.
    pub fn window(&mut self, x0: f64, x1: f64, y0: f64, y1: f64) {
        self.camera.window = Some([(x0, x1), (y0, y1)]);
    }

    /// The handle as `{text, x, y}`, its name and its place in CSS pixels, where there is one in sight.
    pub fn handle(&self) -> Result<Option<JsValue>, JsError> {
        let at = plot::handle_px(&self.view, &self.style, &self.camera);
        let (Some(Handle { name, .. }), Some((x, y))) = (self.handle_of(), at) else { return Ok(None) };
        Ok(Some(to_value(&Mark { text: name, x, y })?))
    }

    fn handle_of(&self) -> Option<&Handle> {
        match &self.view {
            View::Chart(chart) => chart.handle.as_ref(),
            View::HeatMap(map) | View::Surface(map) => map.handle.as_ref(),
            _ => None,
        }
    }

    /// The place on the axes that is drawn at the point, `[x, y]`.
    #[wasm_bindgen(js_name = toData)]
    pub fn to_data(&self, x: f64, y: f64) -> Option<Vec<f64>> {
        plot::to_data(&self.view, &self.style, &self.camera, (x, y)).map(|(x, y)| vec![x, y])
    }
}

/// Something said of a place on the picture, in CSS pixels.
#[derive(Serialize)]
struct Mark<'a> {
    text: &'a str,
    x: f64,
    y: f64,
}

impl Picture {
    /// The surface that is shown, how, and which edition of it; `None` if something else is shown.
    pub(crate) fn surface(&self) -> Option<(&HeatMap, &Style, &Camera, u32)> {
        match &self.view {
            View::Surface(map) => Some((map, &self.style, &self.camera, self.edition)),
            _ => None,
        }
    }
}
