//! The surface of [`crate::surface`], drawn by the GPU: every cell instead of a coarse net, lit at every pixel.
//!
//! A [`Painter`] has what all pictures on a device share, a [`Scene`] what one view has to show, and a [`Sheet`] what one size
//! of picture needs. Turning and zooming change nothing but a matrix. What is around the surface is [`crate::draw_around`]'s
//! affair; both project alike.

use std::ops::Range;

use wgpu::util::DeviceExt;
use wide::bytemuck;

use crate::page::{Camera, Style};
use crate::palette::{Palette, Theme};
use crate::surface::{self, AMBIENT, HALF_HEIGHT, LIGHT, Mesh, PATH_ENDS, PATH_LINE, PATH_RIM};
use gpu::Gpu;
use ground::view::HeatMap;

/// Most vertices along a side.
const FINE: usize = 512;
/// Samples a pixel.
const SAMPLES: u32 = 4;
const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth24Plus;

/// How much nearer to the eye than they are lines count, and the dots at their ends: hills hide what is behind them, but not
/// what is on them.
const AHEAD: [f32; 2] = [0.03, 0.05];

/// The curvature, as the divergence of the unit normals, that counts as half of the sharpest.
const SHARP: f32 = 8.0;

/// Draws surfaces onto textures of one format. Cheap to clone.
#[derive(Clone)]
pub struct Painter {
    gpu: Gpu,
    format: wgpu::TextureFormat,
    ground: wgpu::RenderPipeline,
    strokes: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
}

/// A view on the GPU.
pub struct Scene {
    /// Positions, normals, bends.
    vertices: [wgpu::Buffer; 3],
    indices: wgpu::Buffer,
    corners: u32,
    strokes: wgpu::Buffer,
    count: u32,
    uniforms: wgpu::Buffer,
    bound: wgpu::BindGroup,
}

/// What is needed beside the picture while it is drawn.
pub struct Sheet {
    size: (u32, u32),
    samples: wgpu::TextureView,
    depth: wgpu::TextureView,
}

impl Sheet {
    /// The size in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }
}

/// A piece of a path or a dot, as the shader reads it.
struct Stroke {
    ends: [[f32; 3]; 2],
    colour: [u8; 4],
    radius: f32,
    ahead: f32,
}

impl Stroke {
    /// Four-byte numbers of one.
    const WORDS: usize = 9;

    fn words(&self) -> [u32; Self::WORDS] {
        let [a, b] = self.ends.map(|p| p.map(f32::to_bits));
        let colour = u32::from_le_bytes(self.colour);
        [a[0], a[1], a[2], b[0], b[1], b[2], colour, self.radius.to_bits(), self.ahead.to_bits()]
    }
}

impl Painter {
    /// Prepares to draw onto textures of `format`, one that is not converted from linear light.
    pub fn new(gpu: &Gpu, format: wgpu::TextureFormat) -> Self {
        use wgpu::VertexFormat::{Float32, Float32x3};
        let device = &gpu.device;
        let module = device.create_shader_module(wgpu::include_wgsl!("../../shaders/surface.wgsl"));
        let entries = [0, 1].map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let pipeline = |vertex, fragment, topology, buffers: &[Option<wgpu::VertexBufferLayout>]| {
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some("surface"),
                layout: Some(&pipeline_layout),
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some(vertex),
                    compilation_options: Default::default(),
                    buffers,
                },
                primitive: wgpu::PrimitiveState { topology, ..Default::default() },
                depth_stencil: Some(wgpu::DepthStencilState {
                    format: DEPTH,
                    depth_write_enabled: Some(true),
                    depth_compare: Some(wgpu::CompareFunction::LessEqual),
                    stencil: Default::default(),
                    bias: Default::default(),
                }),
                multisample: wgpu::MultisampleState { count: SAMPLES, ..Default::default() },
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some(fragment),
                    compilation_options: Default::default(),
                    targets: &[Some(format.into())],
                }),
                multiview_mask: None,
                cache: None,
            })
        };
        let one = |shader_location, format| wgpu::VertexAttribute { format, offset: 0, shader_location };
        let vertex = [one(0, Float32x3), one(1, Float32x3), one(2, Float32)];
        let vertex: Vec<_> = vertex
            .iter()
            .map(|attribute| {
                Some(wgpu::VertexBufferLayout {
                    array_stride: attribute.format.size(),
                    step_mode: wgpu::VertexStepMode::Vertex,
                    attributes: std::slice::from_ref(attribute),
                })
            })
            .collect();
        let stroke = wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3, 2 => Unorm8x4, 3 => Float32, 4 => Float32];
        let stroke = wgpu::VertexBufferLayout {
            array_stride: 4 * Stroke::WORDS as u64,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &stroke,
        };
        Painter {
            ground: pipeline("ground", "ground_colour", wgpu::PrimitiveTopology::TriangleList, &vertex),
            strokes: pipeline("stroke", "stroke_colour", wgpu::PrimitiveTopology::TriangleStrip, &[Some(stroke)]),
            gpu: gpu.clone(),
            format,
            layout,
        }
    }

    /// Puts a view on the GPU.
    pub fn scene(&self, map: &HeatMap, theme: Theme) -> Scene {
        let device = &self.gpu.device;
        let filled = |label, usage, bytes: &[u8]| {
            // An empty buffer cannot be bound.
            let contents = if bytes.is_empty() { &[0; 4] } else { bytes };
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: Some(label), contents, usage })
        };
        let mesh = surface::mesh(map, theme, FINE);
        let strokes: Vec<u32> = strokes(map, theme).iter().flat_map(Stroke::words).collect();
        let vertices =
            [bytemuck::cast_slice(&mesh.positions), bytemuck::cast_slice(&mesh.normals), bytemuck::cast_slice(&bends(&mesh))]
                .map(|bytes| filled("vertices", wgpu::BufferUsages::VERTEX, bytes));
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("scene"),
            size: 4 * UNIFORMS as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let colours: Vec<f32> =
            surface::colours(map, theme).iter().flat_map(|c| [c.r, c.g, c.b, 255].map(|v| f32::from(v) / 255.0)).collect();
        let colours = filled("colours", wgpu::BufferUsages::UNIFORM, bytemuck::cast_slice(&colours));
        let bound = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: colours.as_entire_binding() },
            ],
        });
        Scene {
            vertices,
            indices: filled("triangles", wgpu::BufferUsages::INDEX, bytemuck::cast_slice(&mesh.indices)),
            corners: mesh.indices.len() as u32,
            strokes: filled("paths", wgpu::BufferUsages::VERTEX, bytemuck::cast_slice(&strokes)),
            count: (strokes.len() / Stroke::WORDS) as u32,
            uniforms,
            bound,
        }
    }

    /// What pictures of `size` pixels need.
    pub fn sheet(&self, size: (u32, u32)) -> Sheet {
        let texture = |format| {
            let texture = self.gpu.device.create_texture(&wgpu::TextureDescriptor {
                label: Some("samples"),
                size: wgpu::Extent3d { width: size.0, height: size.1, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: SAMPLES,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            });
            texture.create_view(&Default::default())
        };
        Sheet { size, samples: texture(self.format), depth: texture(DEPTH) }
    }

    /// Draws `scene`, which shows `map`, onto `picture`, which has the sheet's size; what is not surface becomes transparent.
    pub fn paint(
        &self,
        scene: &Scene,
        map: &HeatMap,
        (style, camera): (&Style, &Camera),
        sheet: &Sheet,
        picture: &wgpu::TextureView,
    ) {
        let place = surface::place(map, style);
        let scale = style.scale as f32;
        // A view is drawn into its place in the picture; a viewport must not reach beyond it.
        let inside = |from: f64, length: f64, size: u32| -> Range<f32> {
            (from as f32 * scale).clamp(0.0, size as f32)..((from + length) as f32 * scale).clamp(0.0, size as f32)
        };
        let (x, y) = (inside(place.x, place.w, sheet.size.0), inside(place.y, place.h, sheet.size.1));
        let (width, height) = (x.end - x.start, y.end - y.start);
        let view = surface::view_projection(camera, place.w / place.h.max(1.0));
        let rest = [LIGHT[0], LIGHT[1], LIGHT[2], AMBIENT, width / 2.0, height / 2.0, scale, HALF_HEIGHT];
        let uniforms: Vec<f32> = view.into_iter().flatten().chain(rest).collect();
        self.gpu.write(&scene.uniforms, &uniforms);

        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("surface"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &sheet.samples,
                depth_slice: None,
                resolve_target: Some(picture),
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT), store: wgpu::StoreOp::Discard },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &sheet.depth,
                depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(1.0), store: wgpu::StoreOp::Discard }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        // As small as that nothing is drawn without a GPU either.
        if place.w >= 24.0 && place.h >= 24.0 && width >= 1.0 && height >= 1.0 && scene.corners > 0 {
            pass.set_viewport(x.start, y.start, width, height, 0.0, 1.0);
            pass.set_bind_group(0, &scene.bound, &[]);
            pass.set_pipeline(&self.ground);
            for (slot, buffer) in (0..).zip(&scene.vertices) {
                pass.set_vertex_buffer(slot, buffer.slice(..));
            }
            pass.set_index_buffer(scene.indices.slice(..), wgpu::IndexFormat::Uint32);
            pass.draw_indexed(0..scene.corners, 0, 0..1);
            // Browsers warn of drawings of nothing.
            if scene.count > 0 {
                pass.set_pipeline(&self.strokes);
                pass.set_vertex_buffer(0, scene.strokes.slice(..));
                pass.draw(0..4, 0..scene.count);
            }
        }
        drop(pass);
        self.gpu.queue.submit([encoder.finish()]);
    }
}

/// Numbers in the shader's `Scene`.
const UNIFORMS: usize = 24;

/// The paths: their pieces, then the dots at their ends, each on its rim.
fn strokes(map: &HeatMap, theme: Theme) -> Vec<Stroke> {
    let palette = Palette::of(theme);
    let mut strokes = Vec::new();
    for path in &map.paths {
        let colour = palette.ink(path.ink).bytes();
        let piece = |ends| Stroke { ends, colour, radius: (PATH_LINE / 2.0) as f32, ahead: AHEAD[0] };
        strokes.extend(surface::draped(map, path).into_iter().map(piece));
    }
    for path in &map.paths {
        let colour = palette.ink(path.ink).bytes();
        for (place, radius) in surface::ends(map, path).into_iter().flatten().zip(PATH_ENDS) {
            for (radius, colour) in [(radius + PATH_RIM, palette.background.bytes()), (radius, colour)] {
                strokes.push(Stroke { ends: [place; 2], colour, radius: radius as f32, ahead: AHEAD[1] });
            }
        }
    }
    strokes
}

/// How a surface bends at each vertex: towards 1 on a sharp ridge, towards -1 in a sharp valley, 0 where it is flat.
fn bends(mesh: &Mesh) -> Vec<f32> {
    let (columns, rows) = (mesh.columns, mesh.rows);
    let mut bends = Vec::with_capacity(columns * rows);
    for j in 0..rows {
        for i in 0..columns {
            // The divergence of the normals is twice the mean curvature.
            let slope = |a: usize, b: usize, axis: usize| {
                (mesh.normals[b][axis] - mesh.normals[a][axis]) / (mesh.positions[b][axis] - mesh.positions[a][axis])
            };
            let row = j * columns;
            let across = slope(row + i.saturating_sub(1), row + (i + 1).min(columns - 1), 0);
            let along = slope(j.saturating_sub(1) * columns + i, (j + 1).min(rows - 1) * columns + i, 1);
            let bend = (across + along) / SHARP;
            bends.push(bend / (1.0 + bend.abs()));
        }
    }
    bends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::samples;
    use crate::surface::Surface;
    use crate::svg::png;
    use ground::view::{Axis, View};
    use resvg::tiny_skia::{self, IntSize, Pixmap};

    const STYLE: Style = Style { width: 640.0, height: 480.0, scale: 1.0, theme: Theme::Light };

    fn gpu() -> Option<Gpu> {
        gpu::testing::gpu().and_then(|device| device.gpu().cloned())
    }

    /// The picture of `map` by the GPU, RGBA with premultiplied alpha. Its width must be a multiple of 64.
    fn painted(gpu: &Gpu, map: &HeatMap, style: &Style, camera: &Camera) -> Pixmap {
        let painter = Painter::new(gpu, wgpu::TextureFormat::Rgba8Unorm);
        let size = ((style.width * style.scale) as u32, (style.height * style.scale) as u32);
        let extent = wgpu::Extent3d { width: size.0, height: size.1, depth_or_array_layers: 1 };
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: extent,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let scene = painter.scene(map, style.theme);
        painter.paint(&scene, map, (style, camera), &painter.sheet(size), &texture.create_view(&Default::default()));
        let buffer = gpu.read_back("picture", (size.0 * size.1) as usize);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * size.0), rows_per_image: None };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), wgpu::TexelCopyBufferInfo { buffer: &buffer, layout }, extent);
        gpu.queue.submit([encoder.finish()]);
        let pixels = pollster::block_on(gpu.read(&buffer)).expect("the GPU is there");
        let bytes = pixels.iter().flat_map(|pixel| pixel.to_bits().to_le_bytes()).collect();
        Pixmap::from_vec(bytes, IntSize::from_wh(size.0, size.1).expect("not empty")).expect("as many bytes")
    }

    /// The picture of `map` without a GPU.
    fn drawn(map: &HeatMap, style: &Style, camera: &Camera) -> Pixmap {
        let png = png(&Surface(map), style, camera).expect("a picture");
        Pixmap::decode_png(&png).expect("a PNG")
    }

    /// The same with nothing but what is around the surface: its values are missing.
    fn around(map: &HeatMap, style: &Style, camera: &Camera) -> Pixmap {
        let mut empty = map.clone();
        let (low, high) = map.values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        empty.value.range = Some((low.into(), high.into()));
        empty.values.fill(f32::NAN);
        drawn(&empty, style, camera)
    }

    /// Keeps a picture to look at, the GPU's over what is around it.
    fn keep(name: &str, mut under: Pixmap, over: &Pixmap) {
        for (under, over) in under.data_mut().chunks_exact_mut(4).zip(over.data().chunks_exact(4)) {
            for c in 0..3 {
                under[c] = over[c] + (u16::from(under[c]) * u16::from(255 - over[3]) / 255) as u8;
            }
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/surfaces");
        std::fs::create_dir_all(&folder).expect("a folder");
        under.save_png(folder.join(name)).expect("a file");
    }

    fn wells() -> HeatMap {
        match samples().into_iter().find_map(|(_, view)| if let View::Surface(map) = view { Some(map) } else { None }) {
            Some(map) => map,
            None => unreachable!("there is a sample of each kind"),
        }
    }

    /// Pixels as (how many, middle, bounds left, top, right, bottom).
    fn extent(mask: &[bool], width: usize) -> (f64, [f64; 2], [usize; 4]) {
        let (mut count, mut sum, mut bounds) = (0.0, [0.0; 2], [usize::MAX, usize::MAX, 0, 0]);
        for (k, _) in mask.iter().enumerate().filter(|(_, in_it)| **in_it) {
            let (x, y) = (k % width, k / width);
            count += 1.0;
            sum = [sum[0] + x as f64, sum[1] + y as f64];
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
        (count, sum.map(|s| s / count), bounds)
    }

    fn differ(a: tiny_skia::PremultipliedColorU8, b: tiny_skia::PremultipliedColorU8) -> u8 {
        [(a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue())]
            .map(|(a, b)| a.abs_diff(b))
            .into_iter()
            .fold(0, u8::max)
    }

    #[test]
    fn it_lies_where_the_pen_draws_it_in_the_same_colours() {
        let Some(gpu) = gpu() else { return };
        let map = wells();
        let cameras = [
            Camera::default(),
            Camera { yaw: 2.0, pitch: 0.25, ..Camera::default() },
            Camera { yaw: 0.4, pitch: 1.2, distance: 0.8, ..Camera::default() },
        ];
        for (k, camera) in cameras.iter().enumerate() {
            for theme in [Theme::Light, Theme::Dark] {
                let style = Style { theme, ..STYLE };
                let around = around(&map, &style, camera);
                let (painted, drawn) = (painted(&gpu, &map, &style, camera), drawn(&map, &style, camera));
                keep(&format!("wells-{k}-{theme:?}.png"), around.clone(), &painted);
                let by_gpu: Vec<bool> = painted.pixels().iter().map(|p| p.alpha() > 127).collect();
                let by_pen: Vec<bool> = drawn.pixels().iter().zip(around.pixels()).map(|(a, b)| differ(*a, *b) > 2).collect();
                let of_gpu = extent(&by_gpu, 640);
                let of_pen = extent(&by_pen, 640);
                let both = by_gpu.iter().zip(&by_pen).filter(|(a, b)| **a && **b).count() as f64;
                assert!(both > 0.97 * of_gpu.0.max(of_pen.0), "view {k}: {both} of {} and {} pixels", of_gpu.0, of_pen.0);
                for axis in 0..2 {
                    assert!((of_gpu.1[axis] - of_pen.1[axis]).abs() < 1.0, "view {k}: {of_gpu:?} {of_pen:?}");
                }
                for side in 0..4 {
                    assert!(of_gpu.2[side].abs_diff(of_pen.2[side]) <= 5, "view {k}: {of_gpu:?} {of_pen:?}");
                }
                // Lines a pixel off and hills that end elsewhere differ more, but they are few.
                let inside = (0..by_gpu.len()).filter(|&i| by_gpu[i] && by_pen[i]);
                let mut off: Vec<u8> = inside.map(|i| differ(painted.pixels()[i], drawn.pixels()[i])).collect();
                off.sort_unstable();
                let share = |part: usize| off[off.len() * part / 100];
                assert!(share(50) <= 8 && share(90) <= 24, "view {k}: half differ by {}, 90% by {}", share(50), share(90));
            }
        }
    }

    #[test]
    fn paths_lie_on_it_where_the_pen_draws_them() {
        let Some(gpu) = gpu() else { return };
        let (map, camera) = (wells(), Camera { pitch: 1.2, ..Camera::default() });
        let (painted, drawn) = (painted(&gpu, &map, &STYLE, &camera), drawn(&map, &STYLE, &camera));
        let place = surface::place(&map, &STYLE);
        for path in &map.paths {
            let ink = Palette::of(Theme::Light).ink(path.ink);
            let inked = |picture: &Pixmap| -> Vec<bool> {
                let there = |(k, p): (usize, &tiny_skia::PremultipliedColorU8)| {
                    (k / 640) as f64 > place.y && [p.red(), p.green(), p.blue()] == [ink.r, ink.g, ink.b]
                };
                picture.pixels().iter().enumerate().map(there).collect()
            };
            let (of_gpu, of_pen) = (extent(&inked(&painted), 640), extent(&inked(&drawn), 640));
            // The pen's lines have soft edges and so fewer pixels of the very ink.
            assert!(of_pen.0 > 100.0 && (1.0..2.0).contains(&(of_gpu.0 / of_pen.0)), "{of_gpu:?} {of_pen:?}");
            for side in 0..4 {
                assert!(of_gpu.2[side].abs_diff(of_pen.2[side]) <= 2, "{of_gpu:?} {of_pen:?}");
            }
        }
    }

    /// A paraboloid, seen from right above.
    fn bowl(sign: f32) -> HeatMap {
        let at = |k: usize| (k as f32 + 0.5) / 65.0 * 2.0 - 1.0;
        let values = (0..65 * 65).map(|k| sign * (at(k % 65) * at(k % 65) + at(k / 65) * at(k / 65))).collect();
        let axis = |name: &str| Axis::linear(name).range(-1.0, 1.0);
        HeatMap { x: axis("x"), y: axis("y"), value: Axis::linear("z"), columns: 65, values, ..HeatMap::default() }
    }

    /// How bright the surface is over `(x, y)` compared with its colour there.
    fn brightness(painted: &Pixmap, map: &HeatMap, camera: &Camera, (x, y): (f32, f32)) -> f32 {
        let mesh = surface::mesh(map, Theme::Light, 1000);
        let index = |x: f32| ((x + 1.0) / 2.0 * 65.0) as usize;
        let vertex = index(y) * 65 + index(x);
        let place = surface::place(map, &STYLE);
        let m = surface::view_projection(camera, place.w / place.h);
        let p = mesh.positions[vertex];
        let clip: Vec<f32> = (0..4).map(|r| (0..3).map(|c| m[c][r] * p[c]).sum::<f32>() + m[3][r]).collect();
        let column = place.x + place.w / 2.0 * (1.0 + f64::from(clip[0] / clip[3]));
        let row = place.y + place.h / 2.0 * (1.0 - f64::from(clip[1] / clip[3]));
        let pixel = painted.pixels()[row as usize * 640 + column as usize];
        let sum = |r: u8, g: u8, b: u8| f32::from(r) + f32::from(g) + f32::from(b);
        let [r, g, b, _] = mesh.colours[vertex];
        sum(pixel.red(), pixel.green(), pixel.blue()) / sum(r, g, b)
    }

    #[test]
    fn it_is_lit_from_its_side_and_by_its_curvature() {
        let Some(gpu) = gpu() else { return };
        let camera = Camera { pitch: 1.55, yaw: 0.0, ..Camera::default() };
        for sign in [1.0, -1.0] {
            let map = bowl(sign);
            let picture = painted(&gpu, &map, &STYLE, &camera);
            keep(&format!("bowl{sign}.png"), around(&map, &STYLE, &camera), &picture);
            let at = |x, y| brightness(&picture, &map, &camera, (x, y));
            // The steepness at the bottom grows by 2 * HALF_HEIGHT * 2 / r² a unit both ways, r² being that of the corner's cell.
            let bend = -sign * 8.0 * HALF_HEIGHT / (2.0 * (64.0_f32 / 65.0) * (64.0 / 65.0)) / SHARP;
            let wanted = surface::light([0.0, 0.0, 1.0]) + 0.13 * bend / (1.0 + bend.abs());
            assert!((at(0.0, 0.0) - wanted).abs() < 0.01, "{} {wanted}", at(0.0, 0.0));
            let (near, far) = (at(-0.5 * sign, -0.4 * sign), at(0.5 * sign, 0.4 * sign));
            assert!(far - near > 0.15, "{sign}: {near} {far}");
        }
    }
}
