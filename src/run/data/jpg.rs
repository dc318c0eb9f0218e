//! JPEG photographs: baseline and progressive, grey or colour. What their EXIF says (such as that the camera was turned) is not heeded.

use jpeg_decoder::{CodingProcess, Decoder, PixelFormat};

use super::Array;
use super::picture::{self, reduction};
use ground::error::{Error, Result};
use ground::file::printable;

/// The most scans that are read; a progressive file has about ten, and each may go over the whole picture.
const MAX_SCANS: usize = 50;

/// Bytes that reading a progressive picture may take, beside four times the file's.
const PROGRESSIVE: usize = 64 << 20;

/// The picture.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Array> {
    let wrong = |what: String| Error::new(format!("{name}: {what}"));
    if !bytes.starts_with(b"\xff\xd8\xff") {
        return Err(wrong(match bytes {
            [0x89, b'P', b'N', b'G', ..] => "is a png, not a jpg; name it .png".into(),
            _ => "does not begin like a jpg".into(),
        }));
    }
    let (scans, packed) = survey(bytes).ok_or_else(|| wrong("is damaged or cut off".into()))?;
    if scans > MAX_SCANS {
        return Err(wrong(format!("has {scans} scans where a progressive jpg has about ten")));
    }
    let damaged = |e: jpeg_decoder::Error| wrong(format!("is damaged ({})", printable(&e.to_string(), 80)));
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| wrong("has no picture in it".into()))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let reduction = reduction(name, width, height)?;
    let channels = match info.pixel_format {
        _ if info.coding_process == CodingProcess::Lossless => return Err(wrong("is a lossless jpg; save it as png".into())),
        PixelFormat::L8 => 1,
        PixelFormat::RGB24 => 3,
        _ => return Err(wrong("is a CMYK picture, made for print; save it as RGB".into())),
    };
    // Huffman codes have at least a bit for each block of 8 × 8, in a component that has at least half of the blocks.
    if width * height / 1024 > packed {
        return Err(wrong(format!("{packed} bytes cannot hold {width} x {height} pixels: it is damaged or cut off")));
    }
    // All coefficients of a progressive picture are held, in two bytes each, beside the pixels that come of them.
    let held = 2 * width * height * channels + 24 * width.div_ceil(reduction) * height.div_ceil(reduction);
    if info.coding_process == CodingProcess::DctProgressive && held > 4 * bytes.len() + PROGRESSIVE {
        return Err(wrong(format!(
            "a progressive jpg of {width} x {height} pixels in {} bytes; save it smaller, or as baseline",
            bytes.len()
        )));
    }
    // The cosine transform gives the means of 2 × 2 or 4 × 4 pixels by itself, and takes less work for it.
    let [width, height] = [width, height].map(|side| side.div_ceil(reduction));
    let scaled = decoder.scale(width as u16, height as u16).map_err(damaged)?;
    if scaled != (width as u16, height as u16) {
        return Err(wrong("cannot be scaled down".into()));
    }
    let pixels = decoder.decode().map_err(damaged)?;
    if pixels.len() != width * height * channels {
        return Err(wrong("is damaged".into()));
    }
    let mut values = Vec::with_capacity(3 * width * height);
    for pixel in pixels.chunks_exact(channels) {
        values.extend((0..3).map(|i| f64::from(pixel[i % channels])));
    }
    Ok(picture::array(name, width, height, values))
}

/// How many scans there are up to the end of the picture, and how many bytes they take; nothing if it has no end.
fn survey(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut scans, mut packed) = (2, 0, 0);
    loop {
        // The next marker: what is between segments, and what a scan holds.
        let begin = at;
        while bytes.get(at)? != &0xff || matches!(bytes.get(at + 1)?, 0 | 0xd0..=0xd7 | 0xff) {
            at += 1;
        }
        if scans > 0 {
            packed += at - begin;
        }
        let marker = bytes[at + 1];
        at += 2;
        match marker {
            0xd9 => return Some((scans, packed)),
            0xda => scans += 1,
            _ => {}
        }
        if !matches!(marker, 0x01 | 0xd8) {
            at += usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        }
    }
}
