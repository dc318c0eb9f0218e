//! Eight `f32` numbers worked on as one: what is written once for [`Real`] then runs on eight points side by side.

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use wide::{f32x4, u32x4};

use crate::linear::{Lanes, exp, ln, tanh};
use crate::number::real::Real;

/// Two registers of four lanes. Lanes have no common order: comparisons with `<` and `>` are never true, [`Real::larger`],
/// [`Real::sign`] and [`Real::abs`] work lane by lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pack([f32x4; 2]);

impl Pack {
    /// How many numbers.
    pub const LANES: usize = 8;

    /// The first eight numbers of a slice, which has at least so many.
    #[inline(always)]
    pub fn load(from: &[f32]) -> Self {
        Pack([Lanes::load(from), Lanes::load(&from[4..])])
    }

    /// The eight numbers.
    #[inline(always)]
    pub fn lanes(self) -> [f32; 8] {
        let mut out = [0.0; 8];
        self.0[0].store(&mut out);
        self.0[1].store(&mut out[4..]);
        out
    }

    #[inline(always)]
    fn zip(self, o: Self, f: impl Fn(f32x4, f32x4) -> f32x4) -> Self {
        Pack([f(self.0[0], o.0[0]), f(self.0[1], o.0[1])])
    }
}

impl Default for Pack {
    #[inline(always)]
    fn default() -> Self {
        Pack([f32x4::splat(0.0); 2])
    }
}

impl PartialOrd for Pack {
    fn partial_cmp(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

impl Add for Pack {
    type Output = Self;
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        self.zip(o, |a, b| a + b)
    }
}

impl Sub for Pack {
    type Output = Self;
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        self.zip(o, |a, b| a - b)
    }
}

impl Mul for Pack {
    type Output = Self;
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        self.zip(o, |a, b| a * b)
    }
}

impl Div for Pack {
    type Output = Self;
    #[inline(always)]
    fn div(self, o: Self) -> Self {
        self.zip(o, |a, b| a / b)
    }
}

impl Neg for Pack {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Pack(self.0.map(|a| -a))
    }
}

impl AddAssign for Pack {
    #[inline(always)]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Real for Pack {
    #[inline(always)]
    fn real(value: f64) -> Self {
        Pack([f32x4::splat(value as f32); 2])
    }
    /// The first lane.
    fn double(self) -> f64 {
        f64::from(self.lanes()[0])
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Pack(self.0.map(|a| f32x4::from_bits(a.to_bits() & u32x4::splat(0x7fff_ffff))))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Pack(self.0.map(|a| a.sqrt()))
    }
    fn exp(self) -> Self {
        Pack(exp(self.0))
    }
    fn ln(self) -> Self {
        Pack(ln(self.0))
    }
    fn tanh(self) -> Self {
        Pack(tanh(self.0))
    }
    fn sin_cos(self) -> (Self, Self) {
        let [a, b] = self.0.map(sin_cos);
        (Pack([a.0, b.0]), Pack([a.1, b.1]))
    }
    #[inline(always)]
    fn sign(self) -> Self {
        let (zero, one) = (f32x4::splat(0.0), f32x4::splat(1.0));
        Pack(self.0.map(|a| a.simd_gt(zero).select(one, a.simd_lt(zero).select(-one, zero))))
    }
    #[inline(always)]
    fn larger(self, o: Self) -> Self {
        self.zip(o, Lanes::larger)
    }
}

/// Sine and cosine to 2·10⁻⁷ for |x| <= 8192, of ±8192 beyond: the minimax polynomials of Cephes' sinf.c after taking whole
/// quarter turns away, π/2 in three parts.
#[inline(always)]
fn sin_cos(x: f32x4) -> (f32x4, f32x4) {
    let c = f32x4::splat;
    let x = c(8192.0).smaller(c(-8192.0).larger(x));
    // 1.5·2²³: the whole number of quarter turns stands in the low bits of the sum.
    let round = c(12_582_912.0);
    let turned = x * c(std::f32::consts::FRAC_2_PI) + round;
    let k = turned - round;
    let r = x - k * c(1.570_312_5) - k * c(4.838_705e-4) - k * c(-4.371_139e-8);
    let z = r * r;
    let s = r + r * z * (c(-1.666_665_5e-1) + z * (c(8.332_161e-3) + z * c(-1.951_529_6e-4)));
    let q = c(1.0) - c(0.5) * z + z * z * (c(4.166_664_6e-2) + z * (c(-1.388_731_6e-3) + z * c(2.443_315_7e-5)));
    let quarter = turned.to_bits();
    // All bits where the quarter is odd: then the two change places.
    let odd = f32x4::from_bits(u32x4::splat(0) - (quarter & u32x4::splat(1)));
    let sign = |quarter: u32x4| (quarter & u32x4::splat(2)) << 30;
    let sine = odd.select(q, s).to_bits() ^ sign(quarter);
    let cosine = odd.select(s, q).to_bits() ^ sign(quarter + u32x4::splat(1));
    (f32x4::from_bits(sine), f32x4::from_bits(cosine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_of_one_number() {
        type F<T> = fn(T) -> T;
        let packed: [F<Pack>; 8] =
            [Real::abs, Real::sqrt, Real::exp, Real::tanh, Real::sign, |x| x.sin_cos().0, |x| x.sin_cos().1, |x| x.abs().ln()];
        let single: [F<f64>; 8] =
            [Real::abs, Real::sqrt, Real::exp, Real::tanh, Real::sign, |x| x.sin_cos().0, |x| x.sin_cos().1, |x| x.abs().ln()];
        for k in 0..4000 {
            let x: [f32; 8] = std::array::from_fn(|i| (k * 8 + i) as f32 * 0.0049 - 76.3);
            for (n, (p, s)) in packed.iter().zip(single).enumerate() {
                for (x, y) in x.iter().zip(p(Pack::load(&x)).lanes()) {
                    let want = s(f64::from(*x));
                    let near = (f64::from(y) - want).abs() <= 3e-7 * (1.0 + want.abs());
                    assert!(near || want.is_nan() && y.is_nan(), "function {n} at {x}: {y}, {want}");
                }
            }
        }
    }

    #[test]
    fn the_larger_lane_by_lane() {
        let a = [1.0, -2.0, 0.0, 5.0, -1.0, 3.0, 2.0, 8.0];
        let b = [0.5, -1.0, 0.0, 6.0, -3.0, 4.0, 1.0, 7.0];
        let c = Pack::load(&a).larger(Pack::load(&b)).lanes();
        (0..8).for_each(|i| assert_eq!(c[i], a[i].max(b[i])));
        assert!(Pack::load(&[f32::NAN; 8]).sin_cos().0.lanes().iter().all(|x| x.is_nan()));
        assert!(Pack::load(&[1e30; 8]).sin_cos().0.lanes().iter().all(|x| x.abs() <= 1.0));
    }
}
