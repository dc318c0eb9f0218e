//! exp, ln and tanh: range reduction and polynomials as in Cody & Waite and fdlibm, without tables and branches.

use super::lanes::{Element, Lanes};
use crate::number::real::Real;

/// Registers worked on side by side, so that one's polynomial runs while another's waits for its last product.
pub(super) const BLOCK: usize = 4;

#[inline(always)]
fn constant<L: Lanes>(value: f64) -> L {
    L::splat(L::Scalar::real(value))
}

/// The polynomial with `coefficients`, constant first, at each x.
#[inline(always)]
fn polynomial<L: Lanes, const K: usize>(coefficients: &'static [f64], x: [L; K]) -> [L; K] {
    let (last, rest) = coefficients.split_last().expect("a coefficient");
    let mut sum = [constant::<L>(*last); K];
    for coefficient in rest.iter().rev() {
        let coefficient = constant::<L>(*coefficient);
        for i in 0..K {
            sum[i] = sum[i] * x[i] + coefficient;
        }
    }
    sum
}

/// (k + ROUND, eʳ − 1) with x = k ln 2 + r, |r| <= ln 2 / 2.
#[inline(always)]
fn reduced<L: Lanes, const K: usize>(x: [L; K]) -> ([L; K], [L; K]) {
    let rounded = x.map(|x| x * constant(std::f64::consts::LOG2_E) + constant(L::ROUND));
    let r: [L; K] = std::array::from_fn(|i| {
        let k = rounded[i] - constant(L::ROUND);
        x[i] - k * constant(L::LN2_HIGH) - k * constant(L::LN2_LOW)
    });
    let q = polynomial(L::EXP, r);
    (rounded, std::array::from_fn(|i| r[i] + r[i] * r[i] * q[i]))
}

/// eˣ, to one unit in the last place over the whole range, subnormal numbers included; NaN stays NaN.
#[inline(always)]
pub fn exp<L: Lanes, const K: usize>(x: [L; K]) -> [L; K] {
    let (low, high) = L::EXP_RANGE;
    let (rounded, p) = reduced(x.map(|x| constant::<L>(high).smaller(constant::<L>(low).larger(x))));
    // In two halves: 2ᵏ alone may be no normal number although the product is one.
    std::array::from_fn(|i| {
        let k = rounded[i] - constant(L::ROUND);
        let half = k * constant(0.5) + constant(L::ROUND);
        let rest = k - (half - constant(L::ROUND)) + constant(L::ROUND);
        (p[i] + constant(1.0)) * half.power_of_two() * rest.power_of_two()
    })
}

/// eˣ for terms of a sum that has larger ones: x <= 88 (`f32`) or 709 (`f64`), and whatever is below the logarithm of the smallest normal
/// number counts as that. To one unit in the last place; NaN stays NaN.
#[inline(always)]
pub fn exp_term<L: Lanes, const K: usize>(x: [L; K]) -> [L; K] {
    let (rounded, p) = reduced(x.map(|x| constant::<L>(L::EXP_NORMAL).larger(x)));
    std::array::from_fn(|i| (p[i] + constant(1.0)) * rounded[i].power_of_two())
}

/// 2ˣ for terms of a sum that has larger ones, as [`exp_term`]: x <= 127 (`f32`) or 1023 (`f64`). An exponent in base 2 needs no reduction,
/// which makes it an eighth cheaper; to one unit in the last place.
#[inline(always)]
pub fn exp2_term<L: Lanes, const K: usize>(x: [L; K]) -> [L; K] {
    let x = x.map(|x| constant::<L>(L::EXP_NORMAL * std::f64::consts::LOG2_E).larger(x));
    let rounded = x.map(|x| x + constant(L::ROUND));
    let r: [L; K] = std::array::from_fn(|i| x[i] - (rounded[i] - constant(L::ROUND)));
    let q = polynomial(L::EXP2, r);
    std::array::from_fn(|i| (r[i] * q[i] + constant(1.0)) * rounded[i].power_of_two())
}

/// ln x, to one unit in the last place; −∞ at 0, NaN below.
#[inline(always)]
pub fn ln<L: Lanes, const K: usize>(x: [L; K]) -> [L; K] {
    let split = x.map(L::split);
    let f: [L; K] = split.map(|(_, m)| m - constant(1.0));
    let s = f.map(|f| f / (f + constant(2.0)));
    let p = polynomial(L::LN, s.map(|s| s * s));
    std::array::from_fn(|i| {
        let half_square = f[i] * f[i] * constant(0.5);
        let tail = s[i] * (half_square + s[i] * s[i] * p[i]) + split[i].0 * constant(L::LN2_LOW);
        let usual = split[i].0 * constant(L::LN2_HIGH) - (half_square - tail - f[i]);
        x[i].unless_positive_normal(Real::ln, usual)
    })
}

/// tanh x = (e²ˣ − 1) / (e²ˣ + 1), to three units in the last place; NaN stays NaN.
#[inline(always)]
pub fn tanh<L: Lanes, const K: usize>(x: [L; K]) -> [L; K] {
    let size = x.map(|x| constant::<L>(0.0).larger(x) + constant::<L>(0.0).larger(constant::<L>(0.0) - x));
    let (rounded, p) = reduced(size.map(|size| constant::<L>(L::TANH_ONE).smaller(size) * constant(2.0)));
    std::array::from_fn(|i| {
        let power = rounded[i].power_of_two();
        let less_one = power * p[i] + (power - constant(1.0));
        x[i].sign_onto(less_one / (less_one + constant(2.0)))
    })
}

/// Applies `f` to every value of a slice, a block of registers at a time.
#[inline(always)]
fn each<T: Element>(values: &mut [T], f: impl Fn([T::Lanes; BLOCK]) -> [T::Lanes; BLOCK]) {
    let width = T::Lanes::WIDTH;
    let mut apply = |block: &mut [T]| {
        let result = f(std::array::from_fn(|i| T::Lanes::load(&block[i * width..])));
        result.iter().enumerate().for_each(|(i, lanes)| lanes.store(&mut block[i * width..]));
    };
    let mut blocks = values.chunks_exact_mut(BLOCK * width);
    blocks.by_ref().for_each(&mut apply);
    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        let mut block = [T::real(1.0); 4 * BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        apply(&mut block[..BLOCK * width]);
        rest.copy_from_slice(&block[..rest.len()]);
    }
}

/// eˣ of every value.
pub fn exp_in_place<T: Element>(values: &mut [T]) {
    each(values, exp);
}

/// ln x of every value.
pub fn ln_in_place<T: Element>(values: &mut [T]) {
    each(values, ln);
}

/// tanh x of every value.
pub fn tanh_in_place<T: Element>(values: &mut [T]) {
    each(values, tanh);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The largest distance between `f` of `x` and `exact`, in units in the last place of the exact value.
    fn units_f32(f: fn(&mut [f32]), exact: fn(f64) -> f64, x: impl Iterator<Item = f64>) -> f64 {
        let x: Vec<f32> = x.map(|x| x as f32).collect();
        let mut y = x.clone();
        f(&mut y);
        let distance = |x: f32, y: f32| {
            let exact = exact(f64::from(x));
            let unit = f64::from((exact.abs() as f32).next_up()) - f64::from(exact.abs() as f32);
            (f64::from(y) - exact).abs() / unit
        };
        x.iter().zip(&y).map(|(x, y)| distance(*x, *y)).fold(0.0, f64::max)
    }

    /// The same for `f64`, whose exact values are taken from libm, itself within one unit (tanh: two).
    fn units_f64(f: fn(&mut [f64]), exact: fn(f64) -> f64, x: impl Iterator<Item = f64>) -> f64 {
        let x: Vec<f64> = x.collect();
        let mut y = x.clone();
        f(&mut y);
        let distance = |x: f64, y: f64| (y - exact(x)).abs() / (exact(x).abs().next_up() - exact(x).abs());
        x.iter().zip(&y).map(|(x, y)| distance(*x, *y)).fold(0.0, f64::max)
    }

    fn spread(seed: u64, low: f64, high: f64) -> impl Iterator<Item = f64> {
        let mut random = Random::new(seed, "elementary");
        (0..200_003).map(move |_| random.between(low, high))
    }

    #[test]
    fn exp_is_accurate_to_a_unit() {
        let wide = units_f32(exp_in_place, libm::exp, spread(1, -103.0, 88.7));
        let near = units_f32(exp_in_place, libm::exp, spread(2, -1.0, 1.0));
        assert!(wide <= 1.01 && near <= 1.01, "f32: {wide}, {near}");
        let wide = units_f64(exp_in_place, libm::exp, spread(1, -745.0, 709.7));
        let near = units_f64(exp_in_place, libm::exp, spread(2, -1.0, 1.0));
        assert!(wide <= 2.0 && near <= 2.0, "f64: {wide}, {near}");
    }

    #[test]
    fn terms_are_accurate_to_a_unit() {
        let natural = units_f32(|x| each(x, exp_term), libm::exp, spread(6, -86.0, 88.0));
        let binary = units_f32(|x| each(x, exp2_term), libm::exp2, spread(6, -125.0, 127.0));
        assert!(natural <= 1.5 && binary <= 1.5, "f32: {natural}, {binary}");
        let natural = units_f64(|x| each(x, exp_term), libm::exp, spread(6, -708.0, 709.0));
        let binary = units_f64(|x| each(x, exp2_term), libm::exp2, spread(6, -1020.0, 1023.0));
        assert!(natural <= 2.0 && binary <= 2.0, "f64: {natural}, {binary}");
        let mut low = [-1e30, f64::NEG_INFINITY, f64::NAN];
        each(&mut low, exp2_term);
        assert!(low[0] < 1e-300 && low[1] < 1e-300 && low[2].is_nan());
    }

    #[test]
    fn ln_is_accurate_to_a_unit() {
        let powers = |seed, low, high| spread(seed, low, high).map(libm::exp2);
        let wide = units_f32(ln_in_place, libm::log, powers(3, -149.0, 127.9));
        let near = units_f32(ln_in_place, libm::log, spread(4, 0.5, 2.0));
        assert!(wide <= 1.5 && near <= 1.5, "f32: {wide}, {near}");
        let wide = units_f64(ln_in_place, libm::log, powers(3, -1074.0, 1023.9));
        let near = units_f64(ln_in_place, libm::log, spread(4, 0.5, 2.0));
        assert!(wide <= 2.0 && near <= 2.0, "f64: {wide}, {near}");
    }

    #[test]
    fn tanh_is_accurate_to_three_units() {
        for (low, high) in [(-25.0, 25.0), (-1.0, 1.0), (-1e-3, 1e-3)] {
            let units = units_f32(tanh_in_place, libm::tanh, spread(5, low, high));
            assert!(units <= 3.0, "f32, {low}..{high}: {units}");
            let units = units_f64(tanh_in_place, libm::tanh, spread(5, low, high));
            assert!(units <= 5.0, "f64, {low}..{high}: {units}");
        }
    }

    #[test]
    fn ends_of_the_range() {
        let inf = f64::INFINITY;
        let check = |f: fn(&mut [f64]), single: fn(&mut [f32]), pairs: &[(f64, f64)]| {
            for (x, want) in pairs {
                let (mut x64, mut x32) = ([*x], [*x as f32]);
                f(&mut x64);
                single(&mut x32);
                assert!(x64[0] == *want || (x64[0].is_nan() && want.is_nan()), "f64 at {x}: {} for {want}", x64[0]);
                assert!(x32[0] == *want as f32 || (x32[0].is_nan() && want.is_nan()), "f32 at {x}: {} for {want}", x32[0]);
            }
        };
        check(
            exp_in_place,
            exp_in_place,
            &[(0.0, 1.0), (-0.0, 1.0), (inf, inf), (-inf, 0.0), (1e9, inf), (-1e9, 0.0), (f64::NAN, f64::NAN)],
        );
        check(ln_in_place, ln_in_place, &[(1.0, 0.0), (0.0, -inf), (-1.0, f64::NAN), (inf, inf), (f64::NAN, f64::NAN)]);
        check(tanh_in_place, tanh_in_place, &[(0.0, 0.0), (inf, 1.0), (-inf, -1.0), (1e9, 1.0), (f64::NAN, f64::NAN)]);
    }
}
