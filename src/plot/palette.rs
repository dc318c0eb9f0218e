//! Colours: one palette in a light and a dark tone, safe for colour-blind readers, and the maps from numbers to colours.
//!
//! Categorical colours keep their hue in both themes; contrast with the background is at least 3:1. Both maps of numbers are
//! even in perceived lightness (OKLCH; B. Ottosson, 2020) and start at the background, so that more always stands out more:
//! the sequential one runs from the background through green and blue to indigo (light) or from it through blue and green to
//! yellow (dark); the diverging one from blue through the background to orange.

use std::sync::OnceLock;

use crate::colour::Colour;
use crate::scale::ends;
use ground::view::{Axis, Ink, Scale};

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on nearly black.
    Dark,
}

/// The colours of a theme.
#[derive(Clone, Debug)]
pub struct Palette {
    /// Behind everything.
    pub background: Colour,
    /// Numbers, names, labels.
    pub text: Colour,
    /// Axis names and tick labels.
    pub faint_text: Colour,
    /// Grid lines.
    pub grid: Colour,
    /// Axis lines.
    pub frame: Colour,
    /// Ink that stands back.
    pub muted: Colour,
    /// Where there is no value.
    pub missing: Colour,
    /// The categorical colours.
    pub series: [Colour; 8],
    sequential: [Colour; 256],
    diverging: [Colour; 256],
}

impl Palette {
    /// The palette of a theme.
    pub fn of(theme: Theme) -> &'static Palette {
        static LIGHT: OnceLock<Palette> = OnceLock::new();
        static DARK: OnceLock<Palette> = OnceLock::new();
        match theme {
            Theme::Light => LIGHT.get_or_init(|| Palette {
                background: Colour::hex(0xffffff),
                text: Colour::hex(0x1f2328),
                faint_text: Colour::hex(0x5f6670),
                grid: Colour::hex(0xebedf0),
                frame: Colour::hex(0xb9bec6),
                muted: Colour::hex(0x9198a2),
                missing: Colour::hex(0xf0f0f2),
                series: LIGHT_SERIES,
                sequential: map(|t| Colour::oklch(0.985 - 0.71 * t, 0.018 + 0.085 * bump(t) + 0.075 * t, 105.0 + 185.0 * t)),
                diverging: map(|t| {
                    let far = (2.0 * t - 1.0).abs();
                    Colour::oklch(0.97 - 0.50 * far, 0.16 * far * (1.3 - 0.3 * far), if t < 0.5 { 252.0 } else { 45.0 })
                }),
            }),
            Theme::Dark => DARK.get_or_init(|| Palette {
                background: Colour::hex(0x15171c),
                text: Colour::hex(0xe7e9ec),
                faint_text: Colour::hex(0xa0a7b1),
                grid: Colour::hex(0x252930),
                frame: Colour::hex(0x4a505a),
                muted: Colour::hex(0x757d88),
                missing: Colour::hex(0x1d2026),
                series: DARK_SERIES,
                sequential: map(|t| Colour::oklch(0.22 + 0.73 * t, 0.03 + 0.085 * bump(t) + 0.05 * t, 288.0 - 183.0 * t)),
                diverging: map(|t| {
                    let far = (2.0 * t - 1.0).abs();
                    Colour::oklch(0.23 + 0.55 * far, 0.14 * far * (1.3 - 0.3 * far), if t < 0.5 { 245.0 } else { 55.0 })
                }),
            }),
        }
    }

    /// The colour of a role.
    pub fn ink(&self, ink: Ink) -> Colour {
        match ink {
            Ink::Series(n) => self.series[usize::from(n) % 8],
            Ink::Ramp(t) => self.ramp(t),
            Ink::Muted => self.muted,
            Ink::Text => self.text,
        }
    }

    /// A place in 0..=1 on the part of the sequential map that is visible as a line or a dot.
    pub fn ramp(&self, t: f32) -> Colour {
        if t.is_nan() { self.muted } else { self.sequential[(255.0 * (0.32 + 0.68 * t.clamp(0.0, 1.0))).round() as usize] }
    }

    /// The colour of `value` on a scale from `low` to `high`, or `None` where it cannot be shown.
    pub fn shade(&self, scale: &ColourScale, value: f64) -> Colour {
        match scale.place(value) {
            Some(t) => self.map(scale)[(t * 255.0).round() as usize],
            None => self.missing,
        }
    }

    /// The colour map that a scale uses.
    pub fn map(&self, scale: &ColourScale) -> &[Colour; 256] {
        if scale.center.is_some() { &self.diverging } else { &self.sequential }
    }

    /// Black or white, whichever is easier to read on `colour`.
    pub fn on(&self, colour: Colour) -> Colour {
        let (dark, light) = (Colour::hex(0x15171c), Colour::hex(0xffffff));
        if dark.contrast(colour) >= light.contrast(colour) { dark } else { light }
    }
}

/// How values go to places on a colour map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourScale {
    /// The value at the map's start.
    pub low: f64,
    /// The value at its end.
    pub high: f64,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// The value in the middle of the diverging map.
    pub center: Option<f64>,
    /// What is taken off a value (or its logarithm), and what the rest is multiplied by.
    map: (f64, f64),
}

impl ColourScale {
    /// The scale that `axis` asks for, fitted to the values where it leaves the ends open.
    pub fn fit(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let scale = if axis.center.is_some() { Scale::Linear } else { axis.scale };
        let (mut low, mut high) = ends(axis, scale, values);
        let center = axis.center.filter(|c| c.is_finite());
        if let Some(center) = center {
            let reach = (high - center).abs().max((low - center).abs());
            (low, high) = (center - reach, center + reach);
        }
        ColourScale::new(low, high, scale, center)
    }

    /// The scale from `low` to `high`, both positive if it is logarithmic.
    pub fn new(low: f64, high: f64, scale: Scale, center: Option<f64>) -> Self {
        let map = match scale {
            Scale::Linear => (low, 1.0 / (high - low)),
            Scale::Log => (libm::log(low), 1.0 / libm::log(high / low)),
        };
        ColourScale { low, high, scale, center, map }
    }

    /// The place of a value in 0..=1; values beyond the ends are at the ends.
    pub fn place(&self, value: f64) -> Option<f64> {
        if value.is_nan() || (self.scale == Scale::Log && value <= 0.0) {
            return None;
        }
        let t = match self.scale {
            Scale::Linear => (value - self.map.0) * self.map.1,
            Scale::Log => (libm::log(value) - self.map.0) * self.map.1,
        };
        Some(if t.is_nan() { 0.5 } else { t.clamp(0.0, 1.0) })
    }
}

const LIGHT_SERIES: [Colour; 8] = [
    Colour::hex(0x2f66d6),
    Colour::hex(0xe65f00),
    Colour::hex(0x14572c),
    Colour::hex(0xa85c8c),
    Colour::hex(0x8e7df4),
    Colour::hex(0x786508),
    Colour::hex(0x4f5466),
    Colour::hex(0x1c9db8),
];

const DARK_SERIES: [Colour; 8] = [
    Colour::hex(0x4eaafd),
    Colour::hex(0xf19740),
    Colour::hex(0xb0f0c4),
    Colour::hex(0xd9487f),
    Colour::hex(0x7f6eea),
    Colour::hex(0xb07e10),
    Colour::hex(0xa9adb3),
    Colour::hex(0x22d7ec),
];

fn bump(t: f64) -> f64 {
    4.0 * t * (1.0 - t)
}

fn map(colour: impl Fn(f64) -> Colour) -> [Colour; 256] {
    std::array::from_fn(|i| colour(i as f64 / 255.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEMES: [Theme; 2] = [Theme::Light, Theme::Dark];

    fn linear(c: Colour) -> [f64; 3] {
        [c.r, c.g, c.b].map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        })
    }

    fn times(m: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        m.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
    }

    /// Oklab coordinates of linear sRGB.
    fn oklab(rgb: [f64; 3]) -> [f64; 3] {
        let lms = times(
            [
                [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
                [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
                [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
            ],
            rgb.map(|v| v.clamp(0.0, 1.0)),
        );
        times(
            [
                [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
                [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
                [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
            ],
            lms.map(libm::cbrt),
        )
    }

    /// What normal, protanopic, deuteranopic and tritanopic eyes see (Machado, Oliveira & Fernandes, 2009).
    const EYES: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ];

    #[test]
    fn categories_can_be_told_apart_by_every_eye() {
        for theme in THEMES {
            let palette = Palette::of(theme);
            for eyes in EYES {
                let seen = palette.series.map(|c| oklab(times(eyes, linear(c))));
                for i in 0..8 {
                    for j in 0..i {
                        let d = seen[i].iter().zip(&seen[j]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
                        // A just noticeable difference is about 0.02; the first four are used most.
                        let least = if i < 4 { 0.12 } else { 0.065 };
                        assert!(d >= least, "{theme:?}: {j} and {i} are {d} apart");
                    }
                }
            }
        }
    }

    #[test]
    fn contrast_with_the_background_is_enough() {
        for theme in THEMES {
            let p = Palette::of(theme);
            assert!(p.text.contrast(p.background) >= 12.0 && p.faint_text.contrast(p.background) >= 4.5);
            assert!(p.series.iter().all(|c| c.contrast(p.background) >= 3.0), "{theme:?}");
            for step in 0..=10 {
                let c = p.ramp(step as f32 / 10.0).contrast(p.background);
                assert!(c >= 2.0, "{theme:?} ramp {step}: {c}");
            }
        }
    }

    #[test]
    fn maps_are_even_in_lightness_and_start_at_the_background() {
        for theme in THEMES {
            let p = Palette::of(theme);
            let lightness = |c: &Colour| oklab(linear(*c))[0];
            let steps: Vec<f64> = p.sequential.windows(2).map(|w| lightness(&w[1]) - lightness(&w[0])).collect();
            let sign = if theme == Theme::Light { -1.0 } else { 1.0 };
            let even = sign * 0.71 / 255.0;
            // Eight bits a channel leave some roughness.
            assert!(steps.iter().all(|s| (s - even).abs() < 0.006), "{theme:?}");
            assert!(p.sequential[0].contrast(p.background) < 1.15, "{theme:?}");
            assert!(p.diverging[127].contrast(p.background) < 1.15, "{theme:?}");
            assert!((lightness(&p.diverging[0]) - lightness(&p.diverging[255])).abs() < 0.01, "{theme:?}");
        }
    }

    #[test]
    fn colour_scales_place_their_ends_and_centre() {
        let axis = Axis::linear("").around(1.0);
        let scale = ColourScale::fit(&axis, [0.0, 4.0].into_iter());
        assert_eq!((scale.place(1.0), scale.place(4.0), scale.place(-2.0)), (Some(0.5), Some(1.0), Some(0.0)));
        let log = ColourScale::fit(&Axis::log(""), [0.0, 1e-4, 1.0].into_iter());
        assert_eq!((log.place(0.0), log.place(1e-4), log.place(f64::NAN)), (None, Some(0.0), None));
        assert!((log.place(1e-2).unwrap() - 0.5).abs() < 1e-12);
    }
}
