//! PNG pictures: every colour type and depth, interlaced or not. What is transparent is laid over white.
//!
//! Source: Portable Network Graphics, third edition (W3C). Gamma and colour profiles are not heeded, animations show their first frame.

use std::io::Read;

use flate2::Crc;
use flate2::bufread::ZlibDecoder;

use super::Array;
use super::picture::{self, reduction};
use ground::error::{Error, Result};
use ground::file::printable;

/// The picture.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Array> {
    let wrong = |what: String| Error::new(format!("{name}: {what}"));
    let Some(mut rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else {
        return Err(wrong(match bytes {
            [0xff, 0xd8, 0xff, ..] => "is a jpg, not a png; name it .jpg".into(),
            _ => "does not begin like a png".into(),
        }));
    };
    let (mut header, mut colours, mut packed) = (None, Colours::default(), Vec::new());
    loop {
        let (kind, data, after) = chunk(rest).ok_or_else(|| wrong("the file is cut off".into()))?.map_err(|e| e.at(name))?;
        rest = after;
        match kind {
            b"IHDR" if header.is_none() => {
                let read = Header::read(data).ok_or_else(|| wrong("its header is damaged".into()))?;
                header = Some((reduction(name, read.width, read.height)?, read));
            }
            b"PLTE" => colours.palette = data,
            b"tRNS" => colours.clear = data,
            b"IDAT" => packed.extend_from_slice(data),
            b"IEND" => break,
            _ => {}
        }
    }
    let (reduction, header) = header.ok_or_else(|| wrong("has no header".into()))?;
    let damaged = |why: &str| wrong(format!("the picture is damaged ({why})"));
    let size: usize = header.passes().map(|pass| pass.height * (1 + header.row_bytes(pass.width))).sum();
    // Deflate packs 1,032 to 1 at best.
    if size / 1032 > packed.len() {
        return Err(damaged(&format!("{} bytes cannot hold {} x {} pixels", packed.len(), header.width, header.height)));
    }
    let torn = |e: std::io::Error| damaged(&printable(&e.to_string(), 60));
    let mut rows = ZlibDecoder::new(&packed[..]);
    let [width, height] = [header.width, header.height].map(|side| side.div_ceil(reduction));
    let mut values = vec![0.0; 3 * width * height];
    for pass in header.passes() {
        let stride = 1 + header.row_bytes(pass.width);
        let (mut line, mut before) = (vec![0; stride], vec![0; stride]);
        for row in 0..pass.height {
            rows.read_exact(&mut line).map_err(torn)?;
            unfilter(&mut line, &before, header.bits().div_ceil(8)).ok_or_else(|| damaged("a row has an unknown filter"))?;
            let up = (pass.top + row * pass.down) / reduction * width;
            for column in 0..pass.width {
                let colour = colours.at(&header, &line[1..], column).ok_or_else(|| damaged("a colour is not in its palette"))?;
                let place = 3 * (up + (pass.left + column * pass.across) / reduction);
                (0..3).for_each(|i| values[place + i] += colour[i]);
            }
            std::mem::swap(&mut line, &mut before);
        }
    }
    // The checksum comes after the last byte.
    match rows.read(&mut [0]).map_err(torn)? {
        0 => {}
        _ => return Err(damaged("it holds more than its size says")),
    }
    if reduction > 1 {
        // Fewer pixels at the last row and column.
        let within = |place: usize, side: usize| reduction.min(side - place * reduction);
        for (place, colour) in values.chunks_exact_mut(3).enumerate() {
            let count = within(place % width, header.width) * within(place / width, header.height);
            colour.iter_mut().for_each(|v| *v /= count as f64);
        }
    }
    Ok(picture::array(name, width, height, values))
}

type Chunk<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// The type and the data of the chunk at the beginning of `bytes`, and what follows it; nothing if it is cut off.
fn chunk(bytes: &[u8]) -> Option<Result<Chunk<'_>>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length.checked_add(4)?)?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let mut crc = Crc::new();
    crc.update(content);
    let (kind, data) = content.split_at(4);
    if crc.sum() != u32::from_be_bytes(*checksum) {
        let kind = printable(&String::from_utf8_lossy(kind), 8);
        return Some(Err(Error::new(format!("its part {kind} is damaged (the checksum does not match)"))));
    }
    Some(Ok((kind, data, rest)))
}

struct Header {
    width: usize,
    height: usize,
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    depth: usize,
    kind: Colour,
    interlaced: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    Grey,
    Rgb,
    Palette,
    GreyAlpha,
    RgbAlpha,
}

/// A part of the picture that is stored by itself: pixels at even distances.
struct Pass {
    left: usize,
    top: usize,
    across: usize,
    down: usize,
    width: usize,
    height: usize,
}

impl Header {
    fn read(data: &[u8]) -> Option<Header> {
        let &[a, b, c, d, e, f, g, h, depth, kind, 0, 0, interlaced @ (0 | 1)] = data else { return None };
        let side = |bytes| usize::try_from(u32::from_be_bytes(bytes)).ok();
        let kind = match (kind, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Colour::Grey,
            (2, 8 | 16) => Colour::Rgb,
            (3, 1 | 2 | 4 | 8) => Colour::Palette,
            (4, 8 | 16) => Colour::GreyAlpha,
            (6, 8 | 16) => Colour::RgbAlpha,
            _ => return None,
        };
        let (width, height) = (side([a, b, c, d])?, side([e, f, g, h])?);
        Some(Header { width, height, depth: depth.into(), kind, interlaced: interlaced == 1 })
    }

    /// Bits of a pixel.
    fn bits(&self) -> usize {
        let samples = match self.kind {
            Colour::Grey | Colour::Palette => 1,
            Colour::GreyAlpha => 2,
            Colour::Rgb => 3,
            Colour::RgbAlpha => 4,
        };
        samples * self.depth
    }

    /// Bytes of a row of `width` pixels, without its filter.
    fn row_bytes(&self, width: usize) -> usize {
        (width * self.bits()).div_ceil(8)
    }

    /// The parts in which the picture is stored: one, or the seven of Adam7, without those that have no pixels.
    fn passes(&self) -> impl Iterator<Item = Pass> {
        const ADAM7: [[usize; 4]; 7] =
            [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
        let parts = if self.interlaced { &ADAM7[..] } else { &[[0, 0, 1, 1]] };
        let passes = parts.iter().map(|&[left, top, across, down]| Pass {
            left,
            top,
            across,
            down,
            width: self.width.saturating_sub(left).div_ceil(across),
            height: self.height.saturating_sub(top).div_ceil(down),
        });
        passes.filter(|pass| pass.width > 0 && pass.height > 0)
    }
}

/// Takes back what was done to a row before it was packed. `row` and the row `before` begin with the number of the filter; `step`
/// is the distance of bytes that were compared.
fn unfilter(row: &mut [u8], before: &[u8], step: usize) -> Option<()> {
    let filter = row[0];
    for i in 1..row.len() {
        let (left, corner) = if i > step { (row[i - step], before[i - step]) } else { (0, 0) };
        let up = before[i];
        let guess = match filter {
            0 => return Some(()),
            1 => left,
            2 => up,
            3 => left.midpoint(up),
            4 => paeth(left, up, corner),
            _ => return None,
        };
        row[i] = row[i].wrapping_add(guess);
    }
    Some(())
}

/// The one of three neighbours that is nearest to left + up − corner.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, up, corner].map(i16::from);
    let distance = |v: i16| (a + b - c - v).abs();
    if distance(a) <= distance(b) && distance(a) <= distance(c) {
        left
    } else if distance(b) <= distance(c) {
        up
    } else {
        corner
    }
}

/// What samples mean beyond their values.
#[derive(Default)]
struct Colours<'a> {
    /// Red, green and blue of each index.
    palette: &'a [u8],
    /// Opacities of the palette's first colours, or the one colour (two bytes a sample) that is transparent.
    clear: &'a [u8],
}

impl Colours<'_> {
    /// Red, green and blue, from 0 to 255, of pixel `column` in `row`; nothing for an index beyond the palette.
    fn at(&self, header: &Header, row: &[u8], column: usize) -> Option<[f64; 3]> {
        let depth = header.depth;
        let most = f64::from((1u32 << depth) - 1);
        let first = column * header.bits() / depth;
        let sample = |index: usize| match depth {
            16 => u16::from_be_bytes([row[2 * (first + index)], row[2 * (first + index) + 1]]),
            8 => u16::from(row[first + index]),
            _ => u16::from(row[first * depth / 8] >> (8 - depth - first * depth % 8)) & ((1 << depth) - 1),
        };
        let is_clear = |samples: &[u16]| samples.iter().flat_map(|s| s.to_be_bytes()).eq(self.clear.iter().copied());
        let opacity = |clear: bool| if clear { 0.0 } else { most };
        let (colour, opacity) = match header.kind {
            Colour::Palette => {
                let index = usize::from(sample(0));
                let colour = self.palette.get(3 * index..3 * index + 3)?;
                let opacity = f64::from(self.clear.get(index).copied().unwrap_or(255)) / 255.0;
                return Some([0, 1, 2].map(|i| over_white(f64::from(colour[i]), opacity)));
            }
            Colour::Grey => ([sample(0); 3], opacity(is_clear(&[sample(0)]))),
            Colour::GreyAlpha => ([sample(0); 3], sample(1).into()),
            Colour::Rgb => ([0, 1, 2].map(sample), opacity(is_clear(&[0, 1, 2].map(sample)))),
            Colour::RgbAlpha => ([0, 1, 2].map(sample), sample(3).into()),
        };
        Some(colour.map(|sample| over_white(f64::from(sample) * 255.0 / most, opacity / most)))
    }
}

fn over_white(colour: f64, opacity: f64) -> f64 {
    if opacity == 1.0 { colour } else { 255.0 + (colour - 255.0) * opacity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unfiltered() {
        // Five rows of three grey pixels, each with another filter, by hand.
        let mut before = [0, 0, 0, 0];
        for (mut row, plain) in [
            ([0, 10, 20, 30], [10, 20, 30]),
            ([1, 5, 5, 250], [5, 10, 4]),
            ([2, 1, 1, 1], [6, 11, 5]),
            ([3, 10, 10, 10], [13, 22, 23]),
            // Nearest to left + up − corner: up, up, left.
            ([4, 1, 1, 1], [14, 23, 24]),
        ] {
            unfilter(&mut row, &before, 1).unwrap();
            assert_eq!(row[1..], plain, "filter {}", row[0]);
            before = row;
        }
        assert_eq!(unfilter(&mut [5, 0], &[0, 0], 1), None);
    }

    #[test]
    fn interlaced_passes_cover_every_pixel_once() {
        for (width, height) in [(1, 1), (3, 2), (5, 9), (8, 8), (17, 13)] {
            let header = Header { width, height, depth: 8, kind: Colour::Grey, interlaced: true };
            let mut seen = vec![0; width * height];
            for pass in header.passes() {
                for (row, column) in (0..pass.height).flat_map(|row| (0..pass.width).map(move |column| (row, column))) {
                    seen[(pass.top + row * pass.down) * width + pass.left + column * pass.across] += 1;
                }
            }
            assert!(seen.iter().all(|n| *n == 1), "{width} x {height}");
        }
    }
}
