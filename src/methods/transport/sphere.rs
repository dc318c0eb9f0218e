//! Directions: spread evenly over the sphere, and drawn around one of them.

use std::f64::consts::PI;

use libm::{cos, exp, log, sin};

use super::slices::normalise;
use crate::random::Random;

/// `count` directions in space on Fibonacci's spiral, one after the other: nearly as even as can be.
///
/// Source: Swinbank & Purser, "Fibonacci grids: a novel approach to global modelling", 2006.
pub fn fibonacci(count: usize) -> Vec<f64> {
    let turn = PI * (3.0 - 5.0f64.sqrt());
    let place = |i: usize| {
        let z = 1.0 - (2 * i + 1) as f64 / count as f64;
        let (radius, longitude) = ((1.0 - z * z).max(0.0).sqrt(), i as f64 * turn);
        [radius * cos(longitude), radius * sin(longitude), z]
    };
    (0..count).flat_map(place).collect()
}

/// `count` directions of the plane, evenly over half the circle: the other half shows the same.
pub fn half_circle(count: usize) -> Vec<f64> {
    (0..count).map(|i| PI * (i as f64 + 0.5) / count as f64).flat_map(|angle| [cos(angle), sin(angle)]).collect()
}

/// A direction drawn from the von Mises–Fisher law of density ∝ exp(κ eᵀθ) around e: θ = w e + √(1 − w²) v, v ⟂ e.
///
/// Source: Ulrich, "Computer generation of distributions on the m-sphere", 1984; in the plane Best & Fisher, 1979.
#[derive(Clone, Debug, PartialEq)]
pub struct Around {
    /// θ.
    pub direction: Vec<f64>,
    /// w.
    cosine: f64,
    /// z, normal: v is what is left of it across e, normalised.
    normal: Vec<f64>,
}

/// w in space, in closed form, and in the plane.
fn cosine(d: usize, kappa: f64, random: &mut Random) -> f64 {
    if d == 3 {
        let u = random.uniform();
        // 1 − u is never 0.
        return (1.0 + log(1.0 - u + u * exp(-2.0 * kappa)) / kappa).clamp(-1.0, 1.0);
    }
    let tau = 1.0 + (1.0 + 4.0 * kappa * kappa).sqrt();
    let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * kappa);
    let r = (1.0 + rho * rho) / (2.0 * rho);
    loop {
        let z = cos(PI * random.uniform());
        let f = (1.0 + r * z) / (r + z);
        let c = kappa * (r - f);
        let u = 1.0 - random.uniform();
        if c * (2.0 - c) - u > 0.0 || log(c / u) + 1.0 - c >= 0.0 {
            return f.clamp(-1.0, 1.0);
        }
    }
}

impl Around {
    /// Around the direction `centre`, with concentration κ > 0; in 2 or 3 dimensions.
    ///
    /// # Panics
    /// In others.
    pub fn draw(centre: &[f64], kappa: f64, random: &mut Random) -> Self {
        let d = centre.len();
        assert!(d == 2 || d == 3, "in the plane or in space");
        let cosine = cosine(d, kappa, random);
        let (normal, across, length) = loop {
            let normal: Vec<f64> = centre.iter().map(|_| random.normal()).collect();
            let (across, length) = Around::across(centre, &normal);
            // Of one that points along e rounding is what is left across. v does not depend on the length.
            if length > 1e-2 {
                break (normal, across, length);
            }
        };
        let sine = (1.0 - cosine * cosine).sqrt();
        let direction = centre.iter().zip(&across).map(|(e, v)| cosine * e + sine * v / length).collect();
        Around { direction, cosine, normal }
    }

    /// z − (zᵀe) e and its length.
    fn across(centre: &[f64], normal: &[f64]) -> (Vec<f64>, f64) {
        let along: f64 = centre.iter().zip(normal).map(|(e, z)| e * z).sum();
        let across: Vec<f64> = centre.iter().zip(normal).map(|(e, z)| z - along * e).collect();
        let length = across.iter().map(|v| v * v).sum::<f64>().sqrt();
        (across, length)
    }

    /// The slope by e of what has the slope `slope` by θ, w and z held.
    pub fn pull_back(&self, centre: &[f64], slope: &[f64]) -> Vec<f64> {
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let (mut v, length) = Around::across(centre, &self.normal);
        normalise(&mut v);
        let sine = (1.0 - self.cosine * self.cosine).sqrt();
        let outward = dot(&v, slope);
        // By z − (zᵀe) e, which e moves by −(zᵀde) e − (zᵀe) de.
        let by_across: Vec<f64> = slope.iter().zip(&v).map(|(g, v)| sine / length * (g - outward * v)).collect();
        let (along, inward) = (dot(&self.normal, centre), dot(&by_across, centre));
        (0..centre.len()).map(|k| self.cosine * slope[k] - inward * self.normal[k] - along * by_across[k]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_cosine(kappa: f64, centre: &[f64], count: usize) -> f64 {
        let mut random = Random::new(5, "around");
        let mut cosine = || {
            let direction = Around::draw(centre, kappa, &mut random).direction;
            let length: f64 = direction.iter().map(|t| t * t).sum();
            assert!((length - 1.0).abs() < 1e-12);
            direction.iter().zip(centre).map(|(t, e)| t * e).sum::<f64>()
        };
        (0..count).map(|_| cosine()).sum::<f64>() / count as f64
    }

    #[test]
    fn in_space_the_mean_cosine_is_the_formulas() {
        for kappa in [0.1, 1.0, 5.0, 50.0, 1000.0] {
            let expected = 1.0 / libm::tanh(kappa) - 1.0 / kappa;
            // Never more than 1/√(3·20000) = 0.004 of standard error.
            let found = mean_cosine(kappa, &[0.48, 0.64, 0.6], 20_000);
            let error = ((1.0 / (kappa * kappa) - 1.0 / (libm::sinh(kappa) * libm::sinh(kappa))) / 20_000.0).sqrt();
            assert!((found - expected).abs() < 4.0 * error, "κ = {kappa}: {found}, not {expected}");
        }
    }

    #[test]
    fn in_the_plane_the_mean_cosine_is_the_ratio_of_bessel_functions() {
        for kappa in [0.1, 1.0, 5.0, 50.0, 1000.0] {
            // I₁(κ)/I₀(κ) by the integrals over the half circle.
            let (mut above, mut below) = (0.0, 0.0);
            for i in 0..20_000 {
                let c = cos(PI * (f64::from(i) + 0.5) / 20_000.0);
                let density = exp(kappa * (c - 1.0));
                (above, below) = (above + c * density, below + density);
            }
            let expected = above / below;
            let found = mean_cosine(kappa, &[0.6, -0.8], 20_000);
            let error = ((1.0 - expected / kappa - expected * expected) / 20_000.0).sqrt();
            assert!((found - expected).abs() < 4.0 * error, "κ = {kappa}: {found}, not {expected}");
        }
    }

    #[test]
    fn draws_are_even_around_the_centre() {
        let mut random = Random::new(6, "around");
        let across: Vec<f64> = (0..20_000).map(|_| Around::draw(&[0.0, 0.0, 1.0], 5.0, &mut random).direction[0]).collect();
        let mean = across.iter().sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.012, "{mean}");
    }

    #[test]
    fn the_slope_goes_back_to_the_centre() {
        let slope = [0.7, -1.1, 0.4];
        for d in [2, 3] {
            let centre = if d == 2 { vec![0.6, 0.8] } else { vec![0.48, 0.64, 0.6] };
            let drawn = Around::draw(&centre, 3.0, &mut Random::new(7, "around"));
            let value = |moved: &[f64]| {
                let (across, length) = Around::across(moved, &drawn.normal);
                let sine = (1.0 - drawn.cosine * drawn.cosine).sqrt();
                let at = |k: usize| drawn.cosine * moved[k] + sine * across[k] / length;
                (0..d).map(|k| slope[k] * at(k)).sum::<f64>()
            };
            let back = drawn.pull_back(&centre, &slope[..d]);
            for (k, back) in back.iter().enumerate() {
                let moved = |by: f64| value(&(0..d).map(|j| centre[j] + if j == k { by } else { 0.0 }).collect::<Vec<_>>());
                let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((back - difference).abs() < 1e-8, "{d}: {back} and {difference}");
            }
        }
    }

    #[test]
    fn grids_are_even() {
        for (grid, d) in [(fibonacci(20_000), 3), (half_circle(2_000), 2)] {
            for i in 0..d {
                for j in 0..d {
                    // The mean of θθᵀ is I/d.
                    let mean = grid.chunks(d).map(|t| t[i] * t[j]).sum::<f64>() / (grid.len() / d) as f64;
                    let expected = if i == j { 1.0 / d as f64 } else { 0.0 };
                    assert!((mean - expected).abs() < 1e-4, "{d}, {i}, {j}: {mean}");
                }
            }
        }
    }
}
