//! Surfaces drawn by the GPU: one device a page, and for each surface a canvas over that of its panel.

use std::cell::OnceCell;

use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use super::Picture;
use gpu::{Device, Gpu};
use ground::Error;
use plot::Theme;
use plot::relief::{Painter, Scene, Sheet};

/// The page's GPU, for pictures. Runs have one of their own in the worker.
#[wasm_bindgen]
pub struct Studio {
    device: Device,
    instance: wgpu::Instance,
    painter: OnceCell<Painter>,
}

#[wasm_bindgen]
impl Studio {
    /// Opens the GPU; nothing where there is none that can be used.
    pub async fn open() -> Option<Studio> {
        let device = Device::best().await;
        device.gpu()?;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        Some(Studio { device, instance, painter: OnceCell::new() })
    }

    /// Resolves when the GPU is lost.
    pub async fn lost(&self) {
        if let Some(gpu) = self.device.gpu() {
            gpu.lost().await;
        }
    }

    /// Destroys the GPU's device, as a driver's restart would. For tests.
    pub fn lose(&self) {
        self.device.lose();
    }
}

/// A canvas that shows the surface of a picture, and is transparent elsewhere.
#[wasm_bindgen]
pub struct Relief {
    device: Device,
    painter: Painter,
    surface: wgpu::Surface<'static>,
    format: wgpu::TextureFormat,
    sheet: Option<Sheet>,
    /// What is on the GPU, and of which edition of the picture.
    scene: Option<((u32, Theme), Scene)>,
}

#[wasm_bindgen]
impl Relief {
    /// Takes a canvas that nothing else has drawn on.
    #[wasm_bindgen(constructor)]
    pub fn new(studio: &Studio, canvas: HtmlCanvasElement) -> Result<Relief, JsError> {
        let gone = || Error::new("canvas: the GPU cannot draw on it");
        let gpu = studio.device.gpu().ok_or_else(gone)?;
        let surface = studio.instance.create_surface(wgpu::SurfaceTarget::Canvas(canvas)).map_err(|_| gone())?;
        let format = *surface.get_capabilities(&gpu.adapter).formats.first().ok_or_else(gone)?;
        let painter = studio.painter.get_or_init(|| Painter::new(gpu, format)).clone();
        Ok(Relief { device: studio.device.clone(), painter, surface, format, sheet: None, scene: None })
    }

    /// Draws the surface in `picture`, giving the canvas its size. False if there is none or the GPU is lost.
    pub fn draw(&mut self, picture: &Picture) -> bool {
        let Some(gpu) = self.device.gpu().cloned() else { return false };
        let Some((map, style, camera, edition)) = picture.surface() else { return false };
        let pixels = |length: f64| (length * style.scale).round().max(1.0) as u32;
        let size = (pixels(style.width), pixels(style.height));
        if self.sheet.as_ref().is_none_or(|sheet| sheet.size() != size) {
            if size.0.max(size.1) > gpu.device.limits().max_texture_dimension_2d {
                return false;
            }
            self.configure(&gpu, size);
            self.sheet = Some(self.painter.sheet(size));
        }
        let edition = (edition, style.theme);
        if self.scene.as_ref().is_none_or(|(shown, _)| *shown != edition) {
            self.scene = Some((edition, self.painter.scene(map, style.theme)));
        }
        let (Some(sheet), Some((_, scene))) = (&self.sheet, &self.scene) else { return false };
        let (wgpu::CurrentSurfaceTexture::Success(frame) | wgpu::CurrentSurfaceTexture::Suboptimal(frame)) =
            self.surface.get_current_texture()
        else {
            return false;
        };
        self.painter.paint(scene, map, (style, camera), sheet, &frame.texture.create_view(&Default::default()));
        gpu.queue.present(frame);
        true
    }

    fn configure(&self, gpu: &Gpu, size: (u32, u32)) {
        let configuration = wgpu::SurfaceConfiguration {
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            format: self.format,
            color_space: wgpu::SurfaceColorSpace::Auto,
            width: size.0,
            height: size.1,
            present_mode: wgpu::PresentMode::Fifo,
            desired_maximum_frame_latency: 2,
            alpha_mode: wgpu::CompositeAlphaMode::PreMultiplied,
            view_formats: Vec::new(),
        };
        self.surface.configure(&gpu.device, &configuration);
    }
}
