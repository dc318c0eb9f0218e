//! Colour transfer: pictures, their palettes, and what a plan between palettes does to every pixel.

use libm::{exp, sin};
use run::prelude::*;

/// A picture in red, green and blue of 0..=1, row 0 at the top.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[f32; 3]>,
}

/// Pixels a side of the made pictures, and of the longer side of what is shown.
const SIDE: usize = 256;

impl Picture {
    /// An array of height × width × channels (or height × width), of 0..=1 or 0..=255.
    pub fn of(array: &Array) -> Result<Self> {
        let (height, width, channels) = match array.shape[..] {
            [height, width, channels @ (1 | 3 | 4)] => (height, width, channels),
            [height, width] => (height, width, 1),
            _ => return Err(Error::new(format!("{}: a picture has height, width and 1, 3 or 4 channels", array.name))),
        };
        let top = array.values.iter().fold(0.0, |a: f64, b| a.max(*b));
        let least = array.values.iter().fold(0.0, |a: f64, b| a.min(*b));
        if least < 0.0 || top > 255.0 {
            return Err(Error::new(format!("{}: colours from {least} to {top}; 0 to 1 or 0 to 255 are read", array.name)));
        }
        let scale = if top > 1.0 { 1.0 / 255.0 } else { 1.0 };
        let pixel = |p: &[f64]| [0, 1, 2].map(|c| (scale * p[if channels < 3 { 0 } else { c }]) as f32);
        Ok(Picture { width, height, pixels: array.values.chunks_exact(channels).map(pixel).collect() })
    }

    fn made(paint: impl Fn(f64, f64) -> [f64; 3]) -> Self {
        let at = |k: usize| (k as f64 + 0.5) / SIDE as f64;
        let pixel = |k: usize| paint(at(k % SIDE), at(k / SIDE)).map(|v| v.clamp(0.0, 1.0) as f32);
        Picture { width: SIDE, height: SIDE, pixels: (0..SIDE * SIDE).map(pixel).collect() }
    }

    /// A sun going down over the sea.
    pub fn dusk(random: &mut Random) -> Self {
        let (sun, swell) = (random.between(0.3, 0.7), random.between(0.0, 6.0));
        Self::made(|x, y| {
            let horizon = 0.62;
            if y < horizon {
                let t = y / horizon;
                let (dx, dy) = (x - sun, y - 0.5);
                let glow = exp(-12.0 * (dx * dx + dy * dy));
                let disc = if dx * dx + dy * dy < 0.0035 { 1.0 } else { 0.0 };
                [
                    0.20 + 0.65 * t + 0.3 * glow + disc,
                    0.16 + 0.28 * t + 0.32 * glow + 0.9 * disc,
                    0.38 - 0.08 * t - 0.1 * glow + 0.4 * disc,
                ]
            } else {
                let t = (y - horizon) / (1.0 - horizon);
                let wave = 0.5 + 0.5 * sin(60.0 * t / (0.4 + t) + 5.0 * sin(14.0 * x + swell));
                let streak = exp(-40.0 * (x - sun) * (x - sun) / (0.4 + t)) * wave;
                [
                    0.26 - 0.14 * t + 0.6 * streak,
                    0.16 - 0.07 * t + 0.32 * streak + 0.03 * wave,
                    0.32 - 0.12 * t + 0.05 * streak + 0.06 * wave,
                ]
            }
        })
    }

    /// Fir trees under a clear sky.
    pub fn forest(random: &mut Random) -> Self {
        let trees: Vec<[f64; 4]> = (0..26)
            .map(|k| {
                let far = 1.0 - f64::from(k) / 26.0;
                [random.uniform(), 0.95 - 0.35 * far, (0.5 - 0.3 * far) * random.between(0.7, 1.0), far]
            })
            .collect();
        Self::made(|x, y| {
            let mut colour = [0.55 + 0.25 * y, 0.74 + 0.12 * y, 0.93 - 0.05 * y];
            if y > 0.6 {
                let t = (y - 0.6) / 0.4;
                let blades = 0.06 * sin(90.0 * x + 40.0 * sin(33.0 * y));
                colour = [0.36 - 0.12 * t + blades, 0.58 - 0.2 * t + blades, 0.2 - 0.08 * t + 0.5 * blades];
            }
            for [at, foot, height, far] in &trees {
                let t = (foot - y) / height;
                let wide = 0.20 * height * (1.0 - t) * (0.75 + 0.25 * sin(60.0 * t));
                if (0.0..1.0).contains(&t) && (x - at).abs() < wide {
                    let light = 0.10 * (x - at) / wide + 0.12 * far;
                    colour = [0.08 + 0.6 * light + 0.1 * far, 0.28 + light + 0.1 * far, 0.14 + 0.5 * light + 0.18 * far];
                }
            }
            colour
        })
    }

    /// Red, green and blue bytes of the picture, brought to `width` × `height` by taking pixels.
    pub fn bytes(&self, width: usize, height: usize) -> Vec<u8> {
        let source = |k: usize, n: usize, of: usize| k * of / n;
        let pixel =
            |k: usize| self.pixels[source(k / width, height, self.height) * self.width + source(k % width, width, self.width)];
        (0..width * height).flat_map(|k| pixel(k).map(|v| (255.0 * v.clamp(0.0, 1.0) + 0.5) as u8)).collect()
    }

    /// The size in which it is shown.
    pub fn shown(&self) -> (usize, usize) {
        let longer = self.width.max(self.height);
        let part = |n: usize| if longer > SIDE { (n * SIDE / longer).max(1) } else { n };
        (part(self.width), part(self.height))
    }

    /// As an array of height × width × 3, 0..=1.
    pub fn array(&self, name: &str) -> Array {
        let values = self.pixels.iter().flatten().map(|v| f64::from(*v)).collect();
        Array { name: name.into(), shape: vec![self.height, self.width, 3], values, columns: Vec::new() }
    }
}

/// The colours of a picture, gathered in cells of the colour cube.
#[derive(Clone, Debug)]
pub(super) struct Palette {
    /// Mean colour of each cell that has pixels.
    pub colours: Vec<f64>,
    /// How many pixels.
    pub mass: Vec<f64>,
    /// Cells a side of the cube.
    pub levels: usize,
}

impl Palette {
    /// With the finest cells of which at most `most` are in use.
    pub fn of(picture: &Picture, most: usize) -> Self {
        let gathered = |levels: usize| {
            let mut cells = vec![([0.0f64; 3], 0.0f64); levels * levels * levels];
            for pixel in &picture.pixels {
                let at = |c: usize| ((f64::from(pixel[c]) * levels as f64) as usize).min(levels - 1);
                let (sum, count) = &mut cells[(at(0) * levels + at(1)) * levels + at(2)];
                (0..3).for_each(|c| sum[c] += f64::from(pixel[c]));
                *count += 1.0;
            }
            cells.retain(|c| c.1 > 0.0);
            cells
        };
        let mut best = (1, gathered(1));
        for levels in [2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24] {
            let cells = gathered(levels);
            if cells.len() > most {
                break;
            }
            best = (levels, cells);
        }
        let (levels, cells) = best;
        Palette {
            colours: cells.iter().flat_map(|(sum, count)| sum.map(|s| s / count)).collect(),
            mass: cells.iter().map(|c| c.1).collect(),
            levels,
        }
    }
}

/// Where every colour goes: moves of the palette's colours, spread smoothly over a lattice in the colour cube.
pub(super) struct Transfer {
    palette: Vec<f64>,
    mass: Vec<f64>,
    moves: Vec<f64>,
    /// 1/(2h²).
    sharpness: f64,
    lattice: Vec<[f32; 3]>,
    /// The picture, once the lattice is whole.
    pub picture: Picture,
    row: usize,
}

impl Transfer {
    /// Nodes a side of the lattice.
    const NODES: usize = 17;

    /// Of `picture`, whose palette's colour i goes to `images[3i..3i + 3]`.
    pub fn new(picture: &Picture, palette: &Palette, images: &[f64]) -> Self {
        let spacing = 0.6 / palette.levels as f64;
        Transfer {
            palette: palette.colours.clone(),
            mass: palette.mass.clone(),
            moves: images.iter().zip(&palette.colours).map(|(y, x)| y - x).collect(),
            sharpness: 1.0 / (2.0 * spacing * spacing),
            lattice: Vec::new(),
            picture: picture.clone(),
            row: 0,
        }
    }

    /// The next node of the lattice; when all are there, the next row of the picture.
    pub fn advance(&mut self) {
        const SIDE: usize = Transfer::NODES;
        if self.lattice.len() < SIDE * SIDE * SIDE {
            let k = self.lattice.len();
            let at = [k / (SIDE * SIDE), k / SIDE % SIDE, k % SIDE].map(|v| v as f64 / (SIDE - 1) as f64);
            self.lattice.push(self.moved(at));
            return;
        }
        let width = self.picture.width;
        for pixel in &mut self.picture.pixels[self.row * width..(self.row + 1) * width] {
            let (mut low, mut part) = ([0; 3], [0.0f32; 3]);
            for c in 0..3 {
                let at = pixel[c].clamp(0.0, 1.0) * (SIDE - 1) as f32;
                low[c] = (at as usize).min(SIDE - 2);
                part[c] = at - low[c] as f32;
            }
            let mut shift = [0.0f32; 3];
            for corner in 0..8 {
                let bit = |c: usize| corner >> c & 1;
                let weight: f32 = (0..3).map(|c| if bit(c) == 1 { part[c] } else { 1.0 - part[c] }).product();
                let node = ((low[0] + bit(0)) * SIDE + low[1] + bit(1)) * SIDE + low[2] + bit(2);
                (0..3).for_each(|c| shift[c] += weight * self.lattice[node][c]);
            }
            (0..3).for_each(|c| pixel[c] = (pixel[c] + shift[c]).clamp(0.0, 1.0));
        }
        self.row += 1;
    }

    /// Has every pixel moved?
    pub fn done(&self) -> bool {
        self.row == self.picture.height
    }

    /// The mean move of the palette's colours near `at`.
    fn moved(&self, at: [f64; 3]) -> [f32; 3] {
        let off = |c: &[f64]| (0..3).map(|k| (c[k] - at[k]) * (c[k] - at[k])).sum::<f64>();
        let nearest = self.palette.chunks_exact(3).map(off).fold(f64::INFINITY, f64::min);
        let (mut sum, mut all) = ([0.0; 3], 0.0);
        for ((c, m), shift) in self.palette.chunks_exact(3).zip(&self.mass).zip(self.moves.chunks_exact(3)) {
            let far = self.sharpness * (off(c) - nearest);
            if far < 30.0 {
                let weight = m * exp(-far);
                all += weight;
                (0..3).for_each(|k| sum[k] += weight * shift[k]);
            }
        }
        sum.map(|s| (s / all) as f32)
    }
}
