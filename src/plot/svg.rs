//! Pictures as SVG, and natively as PNG made from that SVG.

use std::fmt::Write as _;

use plotters_backend::{BackendColor, BackendCoord, DrawingBackend};
use plotters_svg::SVGBackend;

use crate::page::{Camera, Drawn, Style, paint};
use crate::pen::{Backend, Done};

/// Units of the view box per CSS pixel: plotters' coordinates are whole numbers, so that lines need finer ones than pixels.
const UNITS: f64 = 8.0;

/// Bitmaps leave a rectangle this far out in plotters' SVG; it is exchanged for the bitmap afterwards.
const PLACE: i32 = -2_000_000;

/// plotters' SVG backend, with bitmaps.
struct Svg<'a> {
    marks: SVGBackend<'a>,
    bitmaps: Vec<Bitmap>,
}

/// A bitmap and where it belongs, in units of the view box.
struct Bitmap {
    from: BackendCoord,
    to: BackendCoord,
    size: (usize, usize),
    rgba: Vec<u8>,
}

impl<'a> Backend for Svg<'a> {
    type Marks = SVGBackend<'a>;

    fn marks(&mut self) -> &mut SVGBackend<'a> {
        &mut self.marks
    }

    fn stretch(&mut self, from: BackendCoord, to: BackendCoord, size: (usize, usize), rgba: &[u8]) -> Done<SVGBackend<'a>> {
        let place = (PLACE - self.bitmaps.len() as i32, 0);
        self.bitmaps.push(Bitmap { from, to, size, rgba: rgba.to_vec() });
        self.marks.draw_pixel(place, BackendColor { alpha: 1.0, rgb: (0, 0, 0) })
    }
}

/// An SVG document in its parts, in drawing order.
struct Document {
    /// The root's start tag.
    head: String,
    /// Stretches of SVG elements, with a bitmap between each two.
    marks: Vec<String>,
    bitmaps: Vec<Bitmap>,
}

impl Document {
    fn of(view: &dyn Drawn, style: &Style, camera: &Camera) -> Document {
        let (width, height) = style.size();
        let size = ((width * UNITS).round().max(1.0) as u32, (height * UNITS).round().max(1.0) as u32);
        let mut text = String::new();
        let bitmaps = {
            let mut svg = Svg { marks: SVGBackend::with_string(&mut text, size), bitmaps: Vec::new() };
            // Writing to memory cannot fail.
            let _ = paint(view, &mut svg, &Style { scale: 1.0, ..*style }, camera, false);
            std::mem::take(&mut svg.bitmaps)
        };

        let mut head = String::new();
        let _ = write!(
            head,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
             stroke-linejoin=\"round\" role=\"img\" aria-label=\"",
            size.0, size.1
        );
        escape(&mut head, &view.describe());
        head.push_str("\">\n");

        let body = text.split_once(">\n").map_or("", |(_, body)| body);
        let body = body.trim_end().strip_suffix("</svg>").unwrap_or(body);
        let mut marks = Vec::with_capacity(bitmaps.len() + 1);
        let mut rest = body;
        for index in 0..bitmaps.len() {
            let place = format!("<rect x=\"{}\"", PLACE - index as i32);
            let Some(at) = rest.find(&place) else { break };
            marks.push(rest[..at].to_owned());
            rest = rest[at..].split_once("/>\n").map_or("", |(_, after)| after);
        }
        marks.push(rest.to_owned());
        Document { head, marks, bitmaps }
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Other control characters are not allowed in XML at all.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

/// The view as an SVG document of the style's size, with its description as text alternative.
pub(crate) fn svg(view: &dyn Drawn, style: &Style, camera: &Camera) -> String {
    let Document { head, marks, bitmaps } = Document::of(view, style, camera);
    let mut out = head;
    for (index, stretch) in marks.iter().enumerate() {
        out.push_str(stretch);
        if let Some(Bitmap { from, to, size, rgba }) = bitmaps.get(index) {
            let _ = write!(
                out,
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" image-rendering=\"pixelated\" \
                 href=\"data:image/png;base64,",
                from.0,
                from.1,
                to.0 - from.0,
                to.1 - from.1
            );
            base64(&mut out, &encode_png(*size, rgba));
            out.push_str("\"/>\n");
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The view as PNG of the style's size times its scale: the picture that [`svg`] describes.
///
/// Text is set in the system's sans-serif face.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn pixels(view: &dyn Drawn, style: &Style, camera: &Camera) -> ground::Result<resvg::tiny_skia::Pixmap> {
    use resvg::tiny_skia::{FilterQuality, IntSize, Pixmap, PixmapPaint, Transform};
    use resvg::usvg::{Options, Tree};

    let (width, height) = style.size();
    let scale = if style.scale > 0.0 { style.scale.min(16.0) } else { 1.0 };
    let fail = |what: &dyn std::fmt::Display| ground::Error::new(format!("PNG of {width} x {height}: {what}"));
    let mut page = Pixmap::new((width * scale).round().max(1.0) as u32, (height * scale).round().max(1.0) as u32)
        .ok_or_else(|| fail(&"too large"))?;
    let options = Options { fontdb: fonts(), ..Options::default() };
    let Document { head, marks, bitmaps } = Document::of(view, style, camera);
    // The document is flat, so that what lies under and over a bitmap can be rendered one after the other.
    for (index, stretch) in marks.iter().enumerate() {
        let tree = Tree::from_str(&format!("{head}{stretch}</svg>"), &options).map_err(|e| fail(&e))?;
        resvg::render(&tree, Transform::from_scale(scale as f32, scale as f32), &mut page.as_mut());
        if let Some(Bitmap { from, to, size, rgba }) = bitmaps.get(index) {
            let mut data = rgba.clone();
            for pixel in data.chunks_exact_mut(4) {
                let alpha = u16::from(pixel[3]);
                for channel in &mut pixel[..3] {
                    *channel = (u16::from(*channel) * alpha / 255) as u8;
                }
            }
            let area = IntSize::from_wh(size.0 as u32, size.1 as u32).ok_or_else(|| fail(&"an empty bitmap"))?;
            let bitmap = Pixmap::from_vec(data, area).ok_or_else(|| fail(&"a bitmap of the wrong size"))?;
            let unit = (scale / UNITS) as f32;
            let (sx, sy) = ((to.0 - from.0) as f32 * unit, (to.1 - from.1) as f32 * unit);
            let place =
                Transform::from_row(sx / size.0 as f32, 0.0, 0.0, sy / size.1 as f32, from.0 as f32 * unit, from.1 as f32 * unit);
            let paint = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
            page.draw_pixmap(0, 0, bitmap.as_ref(), &paint, place, None);
        }
    }
    Ok(page)
}

/// See [`pixels`].
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn png(view: &dyn Drawn, style: &Style, camera: &Camera) -> ground::Result<Vec<u8>> {
    encode(&pixels(view, style, camera)?)
}

/// Pictures of one size, one under the other, as one PNG.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reel(pictures: &[resvg::tiny_skia::Pixmap]) -> ground::Result<Vec<u8>> {
    use resvg::tiny_skia::{Pixmap, PixmapPaint, Transform};

    let (width, height) = pictures.first().map_or((1, 1), |first| (first.width(), first.height()));
    let count = pictures.len().max(1) as u32;
    let mut all = Pixmap::new(width, height * count).ok_or_else(|| ground::Error::new("a film: too large"))?;
    for (place, picture) in pictures.iter().enumerate() {
        let top = place as i32 * height as i32;
        all.draw_pixmap(0, top, picture.as_ref(), &PixmapPaint::default(), Transform::identity(), None);
    }
    encode(&all)
}

#[cfg(not(target_arch = "wasm32"))]
fn encode(picture: &resvg::tiny_skia::Pixmap) -> ground::Result<Vec<u8>> {
    picture.encode_png().map_err(|e| ground::Error::new(format!("PNG of {} x {}: {e}", picture.width(), picture.height())))
}

/// The system's fonts, with a sans-serif face that is there.
#[cfg(not(target_arch = "wasm32"))]
fn fonts() -> std::sync::Arc<resvg::usvg::fontdb::Database> {
    use resvg::usvg::fontdb::{Database, Family, Query};
    use std::sync::{Arc, OnceLock};
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = Database::new();
            fonts.load_system_fonts();
            let there = |fonts: &Database, name: &str| {
                fonts.query(&Query { families: &[Family::Name(name)], ..Query::default() }).is_some()
            };
            let wanted =
                ["Inter", "Helvetica Neue", "Segoe UI", "Roboto", "DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial"];
            let first = fonts.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
            let name = wanted.iter().find(|name| there(&fonts, name)).map(|name| (*name).to_owned()).or(first);
            if let Some(name) = name {
                fonts.set_sans_serif_family(name);
            }
            Arc::new(fonts)
        })
        .clone()
}

/// A PNG file of RGBA pixels: with a palette where there are at most 256 colours, uncompressed.
fn encode_png((columns, rows): (usize, usize), rgba: &[u8]) -> Vec<u8> {
    use std::collections::BTreeMap;
    let mut palette: BTreeMap<[u8; 4], u8> = BTreeMap::new();
    let mut colours: Vec<[u8; 4]> = Vec::new();
    let mut indices = Vec::with_capacity(columns * rows);
    let mut last = None;
    for pixel in rgba.chunks_exact(4) {
        let pixel = [pixel[0], pixel[1], pixel[2], pixel[3]];
        let index = match last {
            Some((colour, index)) if colour == pixel => index,
            _ if colours.len() == 256 && !palette.contains_key(&pixel) => break,
            _ => *palette.entry(pixel).or_insert_with(|| {
                colours.push(pixel);
                (colours.len() - 1) as u8
            }),
        };
        last = Some((pixel, index));
        indices.push(index);
    }
    let indexed = indices.len() == columns * rows;
    let (kind, row_bytes, data) = if indexed { (3, columns, &indices[..]) } else { (6, 4 * columns, rgba) };

    let mut raw = Vec::with_capacity(rows * (row_bytes + 1));
    for row in data.chunks_exact(row_bytes.max(1)).take(rows) {
        raw.push(0);
        raw.extend_from_slice(row);
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend((columns as u32).to_be_bytes());
    header.extend((rows as u32).to_be_bytes());
    header.extend([8, kind, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    if indexed {
        chunk(&mut file, b"PLTE", &colours.iter().flat_map(|c| [c[0], c[1], c[2]]).collect::<Vec<_>>());
        chunk(&mut file, b"tRNS", &colours.iter().map(|c| c[3]).collect::<Vec<_>>());
    }
    chunk(&mut file, b"IDAT", &stored(&raw));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// A zlib stream of stored blocks.
fn stored(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = raw.len().div_ceil(65_535).max(1);
    for index in 0..blocks {
        let block = &raw[index * 65_535..raw.len().min((index + 1) * 65_535)];
        out.push(u8::from(index + 1 == blocks));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for part in raw.chunks(5552) {
        for &byte in part {
            a += u32::from(byte);
            b += a;
        }
        (a, b) = (a % 65_521, b % 65_521);
    }
    out.extend(((b << 16) | a).to_be_bytes());
    out
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let (mut c, mut k) = (n as u32, 0);
            while k < 8 {
                c = if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
                k += 1;
            }
            table[n] = c;
            n += 1;
        }
        table
    };
    file.extend((data.len() as u32).to_be_bytes());
    file.extend_from_slice(name);
    file.extend_from_slice(data);
    let check = name.iter().chain(data).fold(!0_u32, |c, &byte| TABLE[((c ^ u32::from(byte)) & 255) as usize] ^ (c >> 8));
    file.extend((!check).to_be_bytes());
}

fn base64(out: &mut String, data: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits =
            (u32::from(group[0]) << 16) | (u32::from(*group.get(1).unwrap_or(&0)) << 8) | u32::from(*group.get(2).unwrap_or(&0));
        for place in 0..4 {
            if place <= group.len() {
                out.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::tiny_skia::Pixmap;

    fn round_trip(size: (usize, usize), rgba: &[u8]) {
        let decoded = Pixmap::decode_png(&encode_png(size, rgba)).unwrap();
        assert_eq!((decoded.width() as usize, decoded.height() as usize), size);
        let back: Vec<u8> =
            decoded.pixels().iter().map(|p| p.demultiply()).flat_map(|p| [p.red(), p.green(), p.blue(), p.alpha()]).collect();
        assert_eq!(back, rgba);
    }

    #[test]
    fn bitmaps_of_few_and_of_many_colours_survive() {
        let few: Vec<u8> = (0..300 * 250).flat_map(|i| [(i % 251) as u8, 7, 90, 255]).collect();
        round_trip((300, 250), &few);
        let many: Vec<u8> = (0..80_000_u32).flat_map(|i| [(i % 256) as u8, (i / 256) as u8, 3, 255]).collect();
        round_trip((400, 200), &many);
        round_trip((1, 1), &[1, 2, 3, 255]);
    }

    #[test]
    fn base64_is_as_in_the_standard() {
        for (data, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            let mut out = String::new();
            base64(&mut out, data.as_bytes());
            assert_eq!(out, text);
        }
    }
}
