//! A canvas as a drawing backend: plotters' own, with text at the size that is asked for and bitmaps in one call.

use std::fmt;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle, FontTransform,
};
use plotters_canvas::CanvasBackend;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use crate::plot;

/// What the browser would not do.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl From<JsValue> for Refused {
    fn from(value: JsValue) -> Self {
        Refused(value.dyn_ref::<js_sys::Error>().map_or("a canvas call failed".into(), |e| e.message().into()))
    }
}

type Drawn = Result<(), DrawingErrorKind<Refused>>;

fn drawn<E: fmt::Display>(done: Result<(), E>) -> Drawn {
    done.map_err(|e| DrawingErrorKind::DrawingError(Refused(e.to_string())))
}

fn asked(done: Result<(), JsValue>) -> Drawn {
    done.map_err(|e| DrawingErrorKind::DrawingError(e.into()))
}

/// A canvas, its context and plotters' backend on it.
pub struct Canvas {
    plotters: CanvasBackend,
    context: CanvasRenderingContext2d,
}

impl Canvas {
    /// The backend on `canvas`.
    pub fn on(canvas: &HtmlCanvasElement) -> Result<Canvas, Refused> {
        let context = canvas.get_context("2d")?.and_then(|context| context.dyn_into().ok());
        let both = context.zip(CanvasBackend::with_canvas_object(canvas.clone()));
        let (context, plotters): (CanvasRenderingContext2d, _) = both.ok_or(Refused("the browser gives no 2D canvas".into()))?;
        context.set_line_join("round");
        context.set_line_cap("butt");
        Ok(Canvas { plotters, context })
    }
}

impl DrawingBackend for Canvas {
    type ErrorType = Refused;

    fn get_size(&self) -> (u32, u32) {
        self.plotters.get_size()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Drawn {
        drawn(self.plotters.draw_pixel(at, color))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        drawn(self.plotters.draw_line(from, to, style))
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        drawn(self.plotters.draw_rect(from, to, style, fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        drawn(self.plotters.draw_path(path, style))
    }

    fn draw_circle<S: BackendStyle>(&mut self, at: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        drawn(self.plotters.draw_circle(at, radius, style, fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        drawn(self.plotters.fill_polygon(path, style))
    }

    /// Plotters' canvas takes the font's size for pixels and hangs text on the face's own ascent; its SVG, and so the layout,
    /// divides the size by 1.24 and puts the baseline 0.76 em under the top.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let size = style.size() / plot::FONT_RATIO;
        let context = &self.context;
        context.save();
        asked(context.translate(f64::from(at.0), f64::from(at.1)))?;
        let quarters = match style.transform() {
            FontTransform::None => 0.0,
            FontTransform::Rotate90 => 1.0,
            FontTransform::Rotate180 => 2.0,
            FontTransform::Rotate270 => 3.0,
        };
        asked(context.rotate(quarters * std::f64::consts::FRAC_PI_2))?;
        context.set_text_align(match style.anchor().h_pos {
            HPos::Left => "left",
            HPos::Center => "center",
            HPos::Right => "right",
        });
        let foot = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.36,
            VPos::Bottom => -0.24,
        };
        let weight = if matches!(style.style(), FontStyle::Bold) { "600 " } else { "" };
        context.set_font(&format!("{weight}{size}px {}", style.family().as_str()));
        let BackendColor { rgb: (r, g, b), alpha } = style.color();
        context.set_fill_style_str(&format!("rgba({r},{g},{b},{alpha})"));
        let done = context.fill_text(text, 0.0, foot * size);
        context.restore();
        asked(done)
    }
}

impl plot::Backend for Canvas {
    fn stretch(&mut self, from: BackendCoord, to: BackendCoord, size: (usize, usize), rgba: &[u8]) -> Drawn {
        let stretched = || -> Result<(), JsValue> {
            let (width, height) = (size.0 as u32, size.1 as u32);
            let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), width, height)?;
            let small = OffscreenCanvas::new(width, height)?;
            let pixels = small.get_context("2d")?.ok_or("no 2D context")?.dyn_into::<OffscreenCanvasRenderingContext2d>()?;
            pixels.put_image_data(&image, 0.0, 0.0)?;
            self.context.set_image_smoothing_enabled(false);
            let (x, y) = (f64::from(from.0), f64::from(from.1));
            let (dw, dh) = (f64::from(to.0) - x, f64::from(to.1) - y);
            self.context.draw_image_with_offscreen_canvas_and_dw_and_dh(&small, x, y, dw, dh)
        };
        asked(stretched())
    }
}
