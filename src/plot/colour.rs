//! A colour, and what eyes make of it.

/// A colour in sRGB with opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// Red, 0..=255.
    pub r: u8,
    /// Green, 0..=255.
    pub g: u8,
    /// Blue, 0..=255.
    pub b: u8,
    /// Opacity, 0..=1.
    pub alpha: f32,
}

impl Colour {
    /// The opaque colour `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        Colour { r: (rgb >> 16) as u8, g: (rgb >> 8) as u8, b: rgb as u8, alpha: 1.0 }
    }
    /// The sRGB colour of OKLCH coordinates (lightness 0..=1, chroma, hue in degrees), moved to grey until a screen can show it.
    pub fn oklch(lightness: f64, chroma: f64, hue: f64) -> Self {
        let angle = hue * std::f64::consts::PI / 180.0;
        let mut chroma = chroma;
        loop {
            let (a, b) = (chroma * libm::cos(angle), chroma * libm::sin(angle));
            let cube = |v: f64| v * v * v;
            let l = cube(lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b);
            let m = cube(lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b);
            let s = cube(lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b);
            let linear = [
                4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
                -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
                -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
            ];
            if chroma < 0.002 || linear.iter().all(|v| (-0.002..=1.002).contains(v)) {
                let [r, g, b] = linear.map(|v| {
                    let v = v.clamp(0.0, 1.0);
                    let v = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * libm::pow(v, 1.0 / 2.4) - 0.055 };
                    (v * 255.0).round() as u8
                });
                return Colour { r, g, b, alpha: 1.0 };
            }
            chroma *= 0.96;
        }
    }
    /// The same with this opacity.
    pub fn fade(self, alpha: f32) -> Self {
        Colour { alpha, ..self }
    }
    /// As RGBA bytes.
    pub fn bytes(self) -> [u8; 4] {
        [self.r, self.g, self.b, (self.alpha * 255.0).round() as u8]
    }
    /// `t` of the way from this colour to the other, in sRGB.
    pub fn mix(self, other: Colour, t: f32) -> Self {
        let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * t).round() as u8;
        Colour { r: mix(self.r, other.r), g: mix(self.g, other.g), b: mix(self.b, other.b), alpha: self.alpha }
    }
    /// Relative luminance, 0..=1 (WCAG 2).
    pub fn luminance(self) -> f64 {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        };
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }
    /// Contrast ratio with another colour, 1..=21 (WCAG 2).
    pub fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}
