//! Small pictures in rows, all in one bitmap, captions under them.

use crate::axes::SMALL;
use crate::page::{Drawn, Page, ReadOut, count, exact};
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, fit};
use crate::scale;
use ground::view::Images;

/// Between two pictures, in CSS pixels.
const GAP: f64 = 3.0;

struct Layout {
    /// Pictures that are there in full.
    pictures: usize,
    columns: usize,
    rows: usize,
    /// CSS pixels per pixel of a picture.
    unit: f64,
    /// From a picture's left edge to the next one's, and from its top to that of the one below.
    pitch: (f64, f64),
    origin: Px,
    captions: bool,
    /// Between two pictures and two rows, in pixels of the pictures.
    gap: (usize, usize),
}

fn channels(images: &Images) -> usize {
    if images.channels == 3 { 3 } else { 1 }
}

fn layout(images: &Images, page: &Page) -> Option<Layout> {
    let area = page.area();
    let one = images.width.checked_mul(images.height)?.checked_mul(channels(images))?;
    let pictures = images.pixels.len().checked_div(one)?;
    if pictures == 0 {
        return None;
    }
    let columns = images.columns.clamp(1, pictures);
    let rows = pictures.div_ceil(columns);
    let captions = images.captions.iter().any(|c| !c.is_empty());
    let (w, h) = (images.width as f64, images.height as f64);
    let mut unit = (area.w / (columns as f64 * w)).min(area.h / (rows as f64 * h));
    // Gaps are whole pixels of the pictures, so that all of them are one bitmap.
    let gaps = |unit: f64| {
        let below = if captions { GAP + SMALL + 6.0 } else { GAP };
        ((GAP / unit).round().max(1.0), (below / unit).ceil())
    };
    let size = |unit: f64| {
        let (right, below) = gaps(unit);
        let last = if captions { below } else { 0.0 };
        ((columns as f64 * (w + right) - right) * unit, (rows as f64 * (h + below) - below + last) * unit)
    };
    let fits = |unit: f64| size(unit).0 <= area.w && size(unit).1 <= area.h;
    let mut tries = 0;
    while !fits(unit) {
        unit *= 0.98;
        tries += 1;
        if tries > 400 {
            return None;
        }
    }
    if unit >= 6.0 && fits(unit.floor()) {
        unit = unit.floor();
    }
    let gap = gaps(unit);
    let size = size(unit);
    let pitch = ((w + gap.0) * unit, (h + gap.1) * unit);
    let origin = (area.x + ((area.w - size.0) / 2.0).max(0.0), area.y + ((area.h - size.1) / 2.0).max(0.0));
    Some(Layout { pictures, columns, rows, unit, pitch, origin, captions, gap: (gap.0 as usize, gap.1 as usize) })
}

impl Drawn for &Images {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let Some(l) = layout(self, page) else { return };
        let palette = page.palette;
        let n = channels(self);
        let across = self.width + l.gap.0;
        let wide = across * l.columns - l.gap.0;
        let ink: Vec<[u8; 4]> = (0..=255_u8).map(|v| palette.missing.mix(palette.text, f32::from(v) / 255.0).bytes()).collect();
        let empty = [0; 4];
        let row_bitmap = |row: usize, rgba: &mut Vec<u8>| {
            for y in 0..self.height {
                for x in 0..wide {
                    let (column, inner) = (x / across, x % across);
                    let picture = row * l.columns + column;
                    let pixel = if inner < self.width && picture < l.pictures {
                        let at = ((picture * self.height + y) * self.width + inner) * n;
                        let p = &self.pixels[at..at + n];
                        if n == 3 { [p[0], p[1], p[2], 255] } else { ink[usize::from(p[0])] }
                    } else {
                        empty
                    };
                    rgba.extend_from_slice(&pixel);
                }
            }
        };
        let between = l.gap.1;
        let mut rgba = Vec::new();
        for row in 0..l.rows {
            if row > 0 {
                rgba.resize(rgba.len() + 4 * wide * between, 0);
            }
            row_bitmap(row, &mut rgba);
        }
        let high = self.height * l.rows + between * (l.rows - 1);
        let place = Rect { x: l.origin.0, y: l.origin.1, w: wide as f64 * l.unit, h: high as f64 * l.unit };
        pen.bitmap(place, wide, high, &rgba);
        if l.captions {
            let style = Type::new(SMALL, palette.faint_text).at(Anchor::Middle, Baseline::Top);
            for (i, caption) in self.captions.iter().enumerate().take(l.pictures) {
                let (column, row) = ((i % l.columns) as f64, (i / l.columns) as f64);
                let x = l.origin.0 + l.pitch.0 * column + self.width as f64 * l.unit / 2.0;
                let y = l.origin.1 + l.pitch.1 * row + self.height as f64 * l.unit + 4.0;
                pen.text((x, y), &fit(caption, SMALL, l.pitch.0 - 1.0), &style);
            }
        }
    }

    /// The pixel under the pointer.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let l = layout(self, page)?;
        let (x, y) = (px.0 - l.origin.0, px.1 - l.origin.1);
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        let (column, row) = ((x / l.pitch.0) as usize, (y / l.pitch.1) as usize);
        let picture = row.checked_mul(l.columns)?.checked_add(column)?;
        if column >= l.columns || picture >= l.pictures {
            return None;
        }
        let (inner_x, inner_y) = (x - column as f64 * l.pitch.0, y - row as f64 * l.pitch.1);
        let (i, j) = ((inner_x / l.unit) as usize, (inner_y / l.unit) as usize);
        let name = match self.captions.get(picture) {
            Some(caption) if !caption.is_empty() => format!("picture {picture}, {caption}"),
            _ => format!("picture {picture}"),
        };
        let corner = (l.origin.0 + column as f64 * l.pitch.0, l.origin.1 + row as f64 * l.pitch.1);
        if i >= self.width || j >= self.height {
            return Some(ReadOut { text: name, at: (corner.0 + self.width as f64 * l.unit / 2.0, corner.1) });
        }
        let n = channels(self);
        let at = ((picture * self.height + j) * self.width + i) * n;
        let p = &self.pixels[at..at + n];
        let value = if n == 3 { format!("red {}, green {}, blue {}", p[0], p[1], p[2]) } else { format!("value {}", p[0]) };
        let middle = (corner.0 + (i as f64 + 0.5) * l.unit, corner.1 + (j as f64 + 0.5) * l.unit);
        Some(ReadOut { text: format!("{name}\ncolumn {i}, row {j}: {value}"), at: middle })
    }

    /// A row a pixel.
    fn rows(&self) -> Vec<Vec<String>> {
        let n = channels(self);
        let values: &[&str] = if n == 3 { &["red", "green", "blue"] } else { &["value"] };
        let mut head: Vec<String> = ["picture", "caption", "row", "column"].map(str::to_owned).to_vec();
        head.extend(values.iter().map(|v| (*v).to_owned()));
        let mut rows = vec![head];
        let one = self.width.saturating_mul(self.height).saturating_mul(n);
        if one == 0 {
            return rows;
        }
        for (picture, pixels) in self.pixels.chunks_exact(one).enumerate() {
            let caption = self.captions.get(picture).cloned().unwrap_or_default();
            for (index, pixel) in pixels.chunks_exact(n).enumerate() {
                let mut row = vec![exact(picture), caption.clone(), exact(index / self.width), exact(index % self.width)];
                row.extend(pixel.iter().map(exact));
                rows.push(row);
            }
        }
        rows
    }

    fn describe(&self) -> String {
        let n = channels(self);
        let one = self.width.saturating_mul(self.height).saturating_mul(n);
        let pictures = self.pixels.len().checked_div(one).unwrap_or(0);
        if pictures == 0 {
            return "Pictures, none of them there.".to_owned();
        }
        let colour = if n == 3 { "in colour" } else { "in grey" };
        let mut text =
            format!("{} of {} x {} pixels {colour}", count(pictures, "small picture", "small pictures"), self.width, self.height);
        let captions: Vec<&str> = self.captions.iter().map(String::as_str).filter(|c| !c.is_empty()).take(10).collect();
        if captions.is_empty() {
            let mean = self.pixels.iter().map(|&v| u64::from(v)).sum::<u64>() as f64 / self.pixels.len() as f64 / 2.55;
            text +=
                &format!(", {} % of full {} on average", scale::number(mean.round()), if n == 3 { "brightness" } else { "ink" });
        } else {
            let more = if self.captions.len() > captions.len() { ", …" } else { "" };
            text += &format!(": {}{more}", captions.join(", "));
        }
        text + "."
    }
}
