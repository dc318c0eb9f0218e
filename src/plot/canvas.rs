//! Pictures on a canvas of the page.

use plotters_backend::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, FontTransform};
use plotters_canvas::CanvasBackend;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::pen::{ASCENT, Backend, Done, FONT_RATIO};
use ground::error::{Error, Result};

/// Backend pixels per canvas pixel: plotters' coordinates are whole numbers, lines need finer ones.
const UNITS: f64 = 8.0;

/// A canvas as a backend: plotters' own, in finer units, with text set like the SVG backend's and bitmaps put at once.
///
/// The canvas's `width` and `height` attributes must be the CSS size times the style's `scale`.
pub struct Canvas {
    marks: CanvasBackend,
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
}

impl Canvas {
    /// The backend of a canvas; an error if it has no 2D context. What was on the canvas is cleared.
    pub fn new(canvas: HtmlCanvasElement) -> Result<Self> {
        let context = canvas.get_context("2d").ok().flatten().and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok());
        let marks = CanvasBackend::with_canvas_object(canvas.clone());
        let (Some(context), Some(marks)) = (context, marks) else {
            return Err(Error::new("canvas: it has no 2D context; a canvas that shows WebGPU or WebGL can never have one"));
        };
        let size = (f64::from(canvas.width()), f64::from(canvas.height()));
        let _ = context.set_transform(1.0, 0.0, 0.0, 1.0, 0.0, 0.0);
        context.clear_rect(0.0, 0.0, size.0, size.1);
        let _ = context.set_transform(1.0 / UNITS, 0.0, 0.0, 1.0 / UNITS, 0.0, 0.0);
        context.set_line_join("round");
        context.set_image_smoothing_enabled(false);
        Ok(Canvas { marks, canvas, context })
    }

    /// Puts the pixels on a canvas of their size and that one on ours: two calls, whatever the size.
    fn put(&self, from: BackendCoord, to: BackendCoord, size: (usize, usize), rgba: &[u8]) -> std::result::Result<(), JsValue> {
        let document = self.canvas.owner_document().ok_or(JsValue::NULL)?;
        let small: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
        small.set_width(size.0 as u32);
        small.set_height(size.1 as u32);
        let context = small.get_context("2d")?.ok_or(JsValue::NULL)?;
        let context: CanvasRenderingContext2d = context.dyn_into()?;
        let pixels = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), size.0 as u32, size.1 as u32)?;
        context.put_image_data(&pixels, 0.0, 0.0)?;
        self.context.draw_image_with_html_canvas_element_and_dw_and_dh(
            &small,
            f64::from(from.0),
            f64::from(from.1),
            f64::from(to.0 - from.0),
            f64::from(to.1 - from.1),
        )
    }
}

impl Backend for Canvas {
    type Marks = CanvasBackend;

    fn marks(&mut self) -> &mut CanvasBackend {
        &mut self.marks
    }

    fn size(&mut self) -> (u32, u32) {
        (self.canvas.width() * UNITS as u32, self.canvas.height() * UNITS as u32)
    }

    /// As plotters' SVG backend does it (baseline 0.76 em under the point), so that both pictures agree.
    fn text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Done<CanvasBackend> {
        let BackendColor { alpha, rgb: (r, g, b) } = style.color();
        let size = style.size() / FONT_RATIO;
        self.context.set_text_baseline("alphabetic");
        self.context.set_text_align(match style.anchor().h_pos {
            HPos::Left => "left",
            HPos::Center => "center",
            HPos::Right => "right",
        });
        self.context.set_fill_style_str(&format!("rgba({r},{g},{b},{alpha})"));
        self.context.set_font(&format!("{} {size}px {}", style.style().as_str(), style.family().as_str()));
        let (x, y, foot) = (f64::from(at.0), f64::from(at.1), ASCENT * size);
        if let FontTransform::Rotate270 = style.transform() {
            self.context.save();
            let _ = self.context.translate(x, y);
            let _ = self.context.rotate(-std::f64::consts::FRAC_PI_2);
            let _ = self.context.fill_text(text, 0.0, foot);
            self.context.restore();
        } else {
            let _ = self.context.fill_text(text, x, y + foot);
        }
        Ok(())
    }

    fn stretch(&mut self, from: BackendCoord, to: BackendCoord, size: (usize, usize), rgba: &[u8]) -> Done<CanvasBackend> {
        // The only failures are those of a page without memory for the bitmap: the rest of the picture is still worth having.
        let _ = self.put(from, to, size, rgba);
        Ok(())
    }
}
