//! What pictures of every kind become: an array of shape `[height, width, 3]`, red, green and blue from 0 to 255. Large
//! pictures are halved, once or twice, each pixel being the mean of those in its place.

use super::Array;
use ground::error::{Error, Result};

/// The most pixels that an array has; 1,920 × 1,080 fit in. A picture takes 24 bytes a pixel as numbers.
const MAX_PIXELS: usize = 1 << 21;
/// The most pixels of a file, and the longest side.
const MAX_READ: usize = 1 << 24;
const MAX_SIDE: usize = 65_535;

/// By how much the sides of a picture of this size are divided so that it has at most [`MAX_PIXELS`]: 1, 2, 4, …
///
/// # Errors
/// Too large or empty; told before room is made for it.
pub(super) fn reduction(name: &str, width: usize, height: usize) -> Result<usize> {
    if width == 0 || height == 0 {
        return Err(Error::new(format!("{name}: its header says {width} x {height} pixels: it is damaged")));
    }
    if width.max(height) > MAX_SIDE || width * height > MAX_READ {
        let most = MAX_READ / 1_000_000;
        return Err(Error::new(format!(
            "{name}: {width} x {height} pixels are too many; pictures of at most {most} million are read, so scale it down"
        )));
    }
    let mut reduction = 1;
    while width.div_ceil(reduction) * height.div_ceil(reduction) > MAX_PIXELS {
        reduction *= 2;
    }
    Ok(reduction)
}

/// The picture whose numbers are `values`, row by row.
pub(super) fn array(name: &str, width: usize, height: usize, values: Vec<f64>) -> Array {
    Array { name: name.into(), shape: vec![height, width, 3], values, columns: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::fixture;
    use super::*;

    const SIDES: (usize, usize) = (10, 13);

    /// Red, green and blue of every pixel in the fixtures.
    fn colours() -> impl Iterator<Item = [usize; 3]> {
        (0..SIDES.0 * SIDES.1).map(|p| {
            let (row, column) = (p / SIDES.1, p % SIDES.1);
            [20 * row, 19 * column, (37 * row + 11 * column) % 256]
        })
    }

    fn picture(name: &str) -> Vec<f64> {
        let [array] = fixture(name).unwrap().try_into().unwrap();
        assert_eq!((&*array.name, &array.shape[..]), (name, &[SIDES.0, SIDES.1, 3][..]));
        array.values
    }

    #[test]
    fn every_png_is_read_exactly() {
        let white = |v: usize, opacity: f64| 255.0 + (v as f64 - 255.0) * opacity;
        let entry = |i: usize| [11 * i % 256, 23 * i % 256, 255 - i].map(|v| v as f64);
        let check = |name: &str, colour: &dyn Fn([usize; 3]) -> [f64; 3]| {
            let wanted: Vec<f64> = colours().flat_map(colour).collect();
            assert_eq!(picture(name), wanted, "{name}");
        };
        for name in ["picture.png", "rgb.png", "interlaced.png", "rgb_16.png"] {
            check(name, &|c| c.map(|v| v as f64));
        }
        check("grey.png", &|c| [c[2] as f64; 3]);
        check("grey_16.png", &|c| [(256 * c[2] + 7) as f64 * 255.0 / 65535.0; 3]);
        check("black_white.png", &|c| [if c[2] > 127 { 255.0 } else { 0.0 }; 3]);
        let opacity = |c: [usize; 3]| if c[0] > 100 { 1.0 } else { 0.2 };
        check("rgb_alpha.png", &|c| c.map(|v| white(v, opacity(c))));
        check("grey_alpha.png", &|c| [white(c[2], opacity(c)); 3]);
        check("clear_colour.png", &|c| if c == [40, 57, 107] { [255.0; 3] } else { c.map(|v| v as f64) });
        check("palette_8.png", &|c| entry(c[2]));
        check("palette_4.png", &|c| entry(c[2] % 16));
        check("palette_1.png", &|c| entry(c[2] % 2));
        check("palette_2.png", &|c| match c[2] % 4 {
            0 => [255.0; 3],
            1 => entry(1).map(|v| white(v as usize, 128.0 / 255.0)),
            i => entry(i),
        });
    }

    /// The inverse cosine transform and the conversion of colours round differently from decoder to decoder: by 2 of 255 at most here.
    #[test]
    fn every_jpg_is_read_as_another_reader_reads_it() {
        for name in ["baseline_444", "baseline_422", "baseline_420", "restarts", "progressive", "grey"] {
            let [pillow] = fixture(&format!("{name}_as_pillow_reads.npy")).unwrap().try_into().unwrap();
            let ours = picture(&format!("{name}.jpg"));
            let furthest = ours.iter().zip(&pillow.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(furthest <= 2.0, "{name}: {furthest}");
        }
        let even = fixture("even.jpg").unwrap().remove(0);
        assert_eq!((&even.shape[..], even.values), (&[17, 9, 3][..], vec![200.0; 17 * 9 * 3]));
    }

    #[test]
    fn large_photographs_are_halved() {
        // 1,600 × 1,400 pixels as grey as 255 · column / 1,600; where they are halved, their means.
        let photo = fixture("large.jpg").unwrap().remove(0);
        assert_eq!(photo.shape, [700, 800, 3]);
        let wanted = |i: usize| (2 * (i / 3 % 800)) as f64 * 255.0 / 1600.0;
        let furthest = photo.values.iter().enumerate().map(|(i, v)| (v - wanted(i)).abs()).fold(0.0, f64::max);
        assert!(furthest <= 2.0, "{furthest}");
    }

    #[test]
    fn sizes_are_checked_before_decoding() {
        let sizes = [(1, 1), (1920, 1080), (2048, 1025), (4000, 3000), (4096, 4096), (65_535, 256)];
        assert_eq!(sizes.map(|(width, height)| reduction("p.png", width, height).unwrap()), [1, 1, 2, 4, 4, 4]);
        for (width, height) in [(5000, 4000), (usize::MAX, usize::MAX), (1, 65_536)] {
            let sentence = reduction("p.png", width, height).unwrap_err().to_string();
            assert!(
                sentence.starts_with(&format!("p.png: {width} x {height} pixels are too many; pictures of at most 16 million"))
            );
        }
        assert!(reduction("p.png", 0, 3).is_err());
    }
}
