//! Sliced distances whose variance is taken down by two controls with known means.
//!
//! Along a direction θ the shadows of two measures have means θᵀm, θᵀn and variances s², t². Two Gaussians with these are
//! (θᵀ(m − n))² + (s − t)² apart, which lies between the controls
//!
//! ```text
//! C_low = (θᵀ(m − n))²,      C_up = (θᵀ(m − n))² + s² + t².
//! ```
//!
//! Over all θ these have the means |m − n|²/d and (|m − n|² + tr Σ_μ + tr Σ_ν)/d. Source: Nguyen & Ho, "Sliced Wasserstein estimation
//! with control variates", 2024, and the authors' code.

use super::slices::{Projected, Sliced, moments};

/// Which control is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// None: the plain mean.
    Plain,
    /// C_low, of the means alone.
    Lower,
    /// C_up, of means and variances.
    Upper,
}

/// What one direction shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Glance {
    /// W₂² between the shadows.
    pub squared: f64,
    /// C_low.
    pub lower: f64,
    /// C_up.
    pub upper: f64,
}

impl Glance {
    /// The value of a control; nothing for the plain mean, as nothing is known.
    pub fn control(&self, control: Control) -> f64 {
        match control {
            Control::Plain => 0.0,
            Control::Lower => self.lower,
            Control::Upper => self.upper,
        }
    }
}

/// How the slope γ of the values by the controls is told from the same directions. Its numerator is always Σ (V − V̄)(C − C̄).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slope {
    /// Over Σ (C − E C)², about the mean that is known: as published. It is smaller the more C̄ is off, and so it takes off too little just
    /// where there is most to take off.
    Published,
    /// Over Σ (C − C̄)², about the mean that was seen: the slope of the regression line.
    Regression,
}

/// A mean of values after a control was taken into account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrected {
    /// V̄ − γ(C̄ − known).
    pub mean: f64,
    /// γ.
    pub slope: f64,
}

/// The mean of values (the first of each pair) whose controls (the second) have the mean `known`.
///
/// γ comes from the same pairs, so that the mean is off by O(1/pairs); it is 0 where the controls do not vary.
pub fn corrected(pairs: impl ExactSizeIterator<Item = (f64, f64)> + Clone, known: f64, slope: Slope) -> Corrected {
    let count = pairs.len() as f64;
    let (mut value, mut control) = (0.0, 0.0);
    for (v, c) in pairs.clone() {
        (value, control) = (value + v, control + c);
    }
    (value, control) = (value / count, control / count);
    let about = match slope {
        Slope::Published => known,
        Slope::Regression => control,
    };
    let (mut both, mut alone, mut size) = (0.0, 0.0, 0.0);
    for (v, c) in pairs {
        both += (v - value) * (c - control);
        alone += (c - about) * (c - about);
        size += v * v;
    }
    // What is left of it is rounding: where both means agree, for example.
    let slope = if alone > 1e-14 * size { both / alone } else { 0.0 };
    Corrected { mean: value - slope * (control - known), slope }
}

/// Σ mass · point.
fn centre(points: &[f64], masses: &[f64], d: usize) -> Vec<f64> {
    let mut mean = vec![0.0; d];
    for (point, mass) in points.chunks_exact(d).zip(masses) {
        mean.iter_mut().zip(point).for_each(|(m, p)| *m += mass * p);
    }
    mean
}

impl Projected {
    /// What `direction` shows.
    pub fn glance(&self, direction: &[f64]) -> Glance {
        let shadows = self.shadows(direction);
        let [(x, s), (y, t)] = [(&shadows[0], &self.a), (&shadows[1], &self.b)].map(|(shadow, masses)| {
            let mean: f64 = shadow.iter().zip(masses).map(|(x, m)| m * x).sum();
            (mean, shadow.iter().zip(masses).map(|(x, m)| m * (x - mean) * (x - mean)).sum::<f64>())
        });
        let lower = (x - y) * (x - y);
        Glance { squared: self.between(&shadows), lower, upper: lower + s + t }
    }

    /// What is known of the controls: their means over all directions. Of W₂² that is what is asked: NaN.
    pub fn known(&self) -> Glance {
        let spread = |points: &[f64], masses: &[f64]| -> f64 {
            let mean = centre(points, masses, self.d);
            let square = |p: &[f64]| p.iter().zip(&mean).map(|(p, m)| (p - m) * (p - m)).sum::<f64>();
            points.chunks_exact(self.d).zip(masses).map(|(p, m)| m * square(p)).sum()
        };
        let d = self.d as f64;
        let lower = self.shift().iter().map(|s| s * s).sum::<f64>() / d;
        Glance { squared: f64::NAN, lower, upper: lower + (spread(&self.x, &self.a) + spread(&self.y, &self.b)) / d }
    }

    /// Sliced W₂² over what some directions showed.
    pub fn estimate(&self, glances: &[Glance], control: Control, slope: Slope) -> Corrected {
        let pairs = glances.iter().map(|glance| (glance.squared, glance.control(control)));
        corrected(pairs, self.known().control(control), slope)
    }

    /// One step of the gradient flow of the estimated sliced W₂² over `directions`: every x moves by −`step`/mass times the slope,
    /// the published γ held constant. Gives the estimate before the step.
    pub fn flow(&mut self, directions: &[f64], control: Control, step: f64) -> f64 {
        let d = self.d;
        let glances: Vec<Glance> = directions.chunks_exact(d).map(|direction| self.glance(direction)).collect();
        let Corrected { mean, slope } = self.estimate(&glances, control, Slope::Published);
        let (shift, mean_x) = (self.shift(), centre(&self.x, &self.a, d));
        let share = 2.0 * d as f64 / directions.len() as f64;
        let mut push = vec![0.0; self.x.len()];
        // What the control's slope by x_i is a projection of: m − n, and for C_up x_i − m as well.
        let lever = |i: usize, k: usize| match control {
            Control::Plain => 0.0,
            Control::Lower => shift[k],
            Control::Upper => shift[k] + self.x[i * d + k] - mean_x[k],
        };
        for direction in directions.chunks_exact(d) {
            for entry in self.along(direction).1 {
                let (x, y) = (&self.x[entry.row * d..][..d], &self.y[entry.column * d..][..d]);
                let apart: f64 = x.iter().zip(y).zip(direction).map(|((x, y), t)| (x - y) * t).sum();
                let pull = share * entry.mass / self.a[entry.row] * apart;
                push[entry.row * d..][..d].iter_mut().zip(direction).for_each(|(p, t)| *p += pull * t);
            }
            if slope != 0.0 {
                for (i, push) in push.chunks_exact_mut(d).enumerate() {
                    let along: f64 = direction.iter().enumerate().map(|(k, t)| lever(i, k) * t).sum();
                    push.iter_mut().zip(direction).for_each(|(p, t)| *p -= slope * share * along * t);
                }
            }
        }
        for (i, push) in push.chunks_exact_mut(d).enumerate() {
            push.iter_mut().enumerate().for_each(|(k, p)| *p += slope * 2.0 / d as f64 * lever(i, k));
        }
        self.x.iter_mut().zip(&push).for_each(|(x, p)| *x -= step * p);
        mean
    }
}

impl Sliced {
    /// The same with the squared distance of the shadows' means as a control variate: its mean over all directions is |m − n|²/d. γ is the
    /// regression's, which leaves less variance than the published one.
    ///
    /// Source of the control: Nguyen & Ho, "Sliced Wasserstein estimation with control variates", 2024, section 3.2.
    pub fn controlled(&self) -> (f64, f64) {
        let known = self.shift.iter().map(|s| s * s).sum::<f64>() / self.shift.len() as f64;
        let slope = corrected(self.values.iter().copied(), known, Slope::Regression).slope;
        moments(self.values.iter().map(|(v, c)| v - slope * (c - known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::transport::{directions, fibonacci};

    fn cloud(n: usize, d: usize, random: &mut Random) -> Vec<f64> {
        (0..n * d).map(|k| random.normal() * (1.0 + (k % d) as f64)).collect()
    }

    #[test]
    fn a_shift_is_known_without_error() {
        let mut random = Random::new(1, "shift");
        let x = cloud(100, 3, &mut random);
        let shift = [0.9, -0.4, 0.3];
        let y: Vec<f64> = x.iter().enumerate().map(|(k, x)| x + shift[k % 3]).collect();
        let measures = Projected::equal(&x, &y, 3);
        let truth = (0.81 + 0.16 + 0.09) / 3.0;
        let (mut plain, mut lower) = (0.0f64, 0.0f64);
        for _ in 0..50 {
            let lines = directions(3, 10, &mut random);
            let glances: Vec<Glance> = lines.chunks(3).map(|t| measures.glance(t)).collect();
            glances.iter().for_each(|glance| assert!((glance.squared - glance.lower).abs() < 1e-13));
            plain = plain.max((measures.estimate(&glances, Control::Plain, Slope::Regression).mean - truth).abs());
            lower = lower.max((measures.estimate(&glances, Control::Lower, Slope::Regression).mean - truth).abs());
        }
        assert!(lower < 1e-13 && plain > 0.1, "{lower}, {plain}");
    }

    /// V = (1, 2, 6), C = (0, 1, 3), E C = 1: Σ (V − V̄)(C − C̄) = 8, Σ (C − 1)² = 5, Σ (C − C̄)² = 14/3.
    #[test]
    fn slopes_of_three_pairs_by_hand() {
        let pairs = [(1.0, 0.0), (2.0, 1.0), (6.0, 3.0)];
        let by = |slope: Slope| corrected(pairs.into_iter(), 1.0, slope);
        for (slope, gamma) in [(Slope::Published, 8.0 / 5.0), (Slope::Regression, 12.0 / 7.0)] {
            let Corrected { mean, slope } = by(slope);
            assert!((slope - gamma).abs() < 1e-14 && (mean - (3.0 - gamma / 3.0)).abs() < 1e-14, "{slope}, {mean}");
        }
    }

    #[test]
    fn means_of_the_controls_are_known() {
        let mut random = Random::new(2, "means");
        let (x, y) = (cloud(60, 5, &mut random), cloud(60, 5, &mut random).iter().map(|y| y + 0.5).collect::<Vec<_>>());
        let measures = Projected::equal(&x, &y, 5);
        let count = 20_000;
        let glances: Vec<Glance> = directions(5, count, &mut random).chunks(5).map(|t| measures.glance(t)).collect();
        for control in [Control::Lower, Control::Upper] {
            let values = || glances.iter().map(|glance| glance.control(control));
            let mean = values().sum::<f64>() / count as f64;
            let variance = values().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count as f64;
            let known = measures.known().control(control);
            assert!((mean - known).abs() < 3.0 * (variance / count as f64).sqrt(), "{control:?}: {mean}, not {known}");
        }
    }

    #[test]
    fn sorting_alone_and_the_general_plan_agree() {
        let mut random = Random::new(3, "agree");
        let (x, y) = (cloud(40, 3, &mut random), cloud(40, 3, &mut random));
        let even = Projected::equal(&x, &y, 3);
        // The same measure as two halves of every mass.
        let (doubled, half) = ([&y[..], &y[..]].concat(), vec![1.0 / 80.0; 80]);
        let uneven = Projected::new(&x, &[1.0 / 40.0; 40], &doubled, &half, 3);
        for direction in directions(3, 20, &mut random).chunks(3) {
            let (value, entries) = even.along(direction);
            assert!((value - even.squared(direction)).abs() < 1e-13);
            assert!((value - uneven.squared(direction)).abs() < 1e-13);
            assert_eq!(entries.len(), 40);
            let (general, theirs) = (even.glance(direction), uneven.glance(direction));
            assert!((general.upper - theirs.upper).abs() < 1e-12 && (general.lower - theirs.lower).abs() < 1e-13);
        }
    }

    /// The flow's push is the slope of the estimate, γ held.
    #[test]
    fn the_flow_goes_down_the_slope() {
        let mut random = Random::new(4, "flow");
        let (x, y) = (cloud(15, 3, &mut random), cloud(15, 3, &mut random).iter().map(|y| y + 1.0).collect::<Vec<_>>());
        let lines = directions(3, 6, &mut random);
        for control in [Control::Plain, Control::Lower, Control::Upper] {
            let start = Projected::equal(&x, &y, 3);
            let look = |measures: &Projected| lines.chunks(3).map(|t| measures.glance(t)).collect::<Vec<_>>();
            let slope = start.estimate(&look(&start), control, Slope::Published).slope;
            let value = |x: &[f64]| {
                let measures = Projected::equal(x, &y, 3);
                let glances = look(&measures);
                let mean = |f: &dyn Fn(&Glance) -> f64| glances.iter().map(f).sum::<f64>() / glances.len() as f64;
                let known = if control == Control::Plain { 0.0 } else { measures.known().control(control) };
                mean(&|g| g.squared) - slope * (mean(&|g| g.control(control)) - known)
            };
            let mut moved = start.clone();
            let before = moved.flow(&lines, control, 1.0);
            assert!((before - value(&x)).abs() < 1e-12);
            for k in [0, 7, 44] {
                let at = |by: f64| {
                    let mut x = x.clone();
                    x[k] += by;
                    value(&x)
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                // Steps are slopes over masses of 1/15.
                let push = x[k] - moved.points()[0][k];
                assert!((push - 15.0 * difference).abs() < 1e-6, "{control:?}, {k}: {push} and {}", 15.0 * difference);
            }
        }
    }

    /// W₂² along given directions and their mean as POT has it, and controlled means as scikit-learn's regression has them: the
    /// prediction where the control is at its mean. See make_slices.py.
    #[test]
    fn estimates_are_pots_and_scikit_learns() {
        let bytes = include_bytes!("../../../tests/fixtures/slices.npz");
        let arrays = crate::fixture::npz(bytes);
        let get = |name: &str| &arrays.iter().find(|a| a.name == name).expect(name).values;
        let measures = Projected::equal(get("x"), get("y"), 3);
        let glances: Vec<Glance> = get("directions").chunks(3).map(|t| measures.glance(t)).collect();
        glances.iter().zip(get("along")).for_each(|(ours, theirs)| assert!((ours.squared - theirs).abs() < 1e-10));
        for (control, name) in [(Control::Plain, "sliced"), (Control::Lower, "lower"), (Control::Upper, "upper")] {
            let (ours, theirs) = (measures.estimate(&glances, control, Slope::Regression).mean, get(name)[0]);
            assert!((ours - theirs).abs() < 1e-10, "{name}: {ours}, not {theirs}");
        }
        // POT's largest is over 5,000 random directions: a grid finds as much, and climbing more.
        let (theirs, grid) = (get("largest")[0], fibonacci(2_000));
        let best = grid.chunks(3).map(|t| measures.squared(t)).fold(0.0, f64::max);
        let mut climbed: f64 = 0.0;
        for start in directions(3, 10, &mut Random::new(5, "restarts")).chunks(3) {
            let mut ascent = crate::transport::MaxSliced::from(measures.clone(), start.to_vec());
            (0..50).for_each(|_| _ = ascent.climb());
            climbed = climbed.max(ascent.value);
        }
        assert!(best <= climbed && best > 0.98 * climbed, "{best} on the grid, {climbed} climbed");
        assert!(theirs <= climbed && (best - theirs).abs() < 0.01 * theirs, "{best}, POT's {theirs}");
    }
}
