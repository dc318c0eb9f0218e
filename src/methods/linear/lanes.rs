//! A SIMD register of floats, the same operations for both widths.

use std::ops::{Add, Div, Mul, Sub};

use wide::{f32x4, f64x2, u32x4, u64x2};

use crate::number::real::Real;

/// A float type that fills a 128-bit register, the width that every browser has.
pub trait Element: Real {
    /// Its register.
    type Lanes: Lanes<Scalar = Self>;
}

impl Element for f32 {
    type Lanes = f32x4;
}

impl Element for f64 {
    type Lanes = f64x2;
}

/// 128 bits of floats, with what [`exp`](super::exp) and its kin need to know about their format.
pub trait Lanes: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    /// What is in it.
    type Scalar: Element<Lanes = Self>;
    /// How many.
    const WIDTH: usize;

    /// 1.5 · 2^(bits of the mantissa): a sum with it is rounded to a whole number, which then stands in the low bits.
    const ROUND: f64;
    /// The leading bits of ln 2: products with whole exponents are exact.
    const LN2_HIGH: f64;
    /// The rest of ln 2.
    const LN2_LOW: f64;
    /// exp is 0 below the first and infinite above the second.
    const EXP_RANGE: (f64, f64);
    /// exp is a normal number from here on.
    const EXP_NORMAL: f64;
    /// tanh is 1 from here on.
    const TANH_ONE: f64;
    /// Coefficients, constant first, of q in eʳ ≈ 1 + r + r² q(r), |r| <= ln 2 / 2.
    const EXP: &'static [f64];
    /// Coefficients, constant first, of q in 2ʳ ≈ 1 + r q(r), |r| <= ½.
    const EXP2: &'static [f64];
    /// Coefficients, constant first, of p in ln(1 + f) ≈ f − f²/2 + s (f²/2 + s² p(s²)), s = f / (2 + f), √½ <= 1 + f < √2.
    const LN: &'static [f64];

    /// The same value in every lane.
    fn splat(value: Self::Scalar) -> Self;
    /// The first [`WIDTH`](Self::WIDTH) values of a slice, which has at least so many.
    fn load(from: &[Self::Scalar]) -> Self;
    /// Into the first [`WIDTH`](Self::WIDTH) places of a slice, which has at least so many.
    fn store(self, to: &mut [Self::Scalar]);
    /// `self > other ? self : other`, lane by lane: where either is NaN, `other`.
    fn larger(self, other: Self) -> Self;
    /// `self < other ? self : other`, lane by lane: where either is NaN, `other`.
    fn smaller(self, other: Self) -> Self;
    /// 2ᵏ, where `self` is k + [`ROUND`](Self::ROUND) and 2ᵏ a normal number.
    fn power_of_two(self) -> Self;
    /// (k, m) with `self` = 2ᵏ m and √½ <= m < √2, for positive normal numbers.
    fn split(self) -> (Self, Self);
    /// `special` where `self` is no positive normal number, else `usual`.
    fn unless_positive_normal(self, special: impl Fn(Self::Scalar) -> Self::Scalar, usual: Self) -> Self;
    /// The sign of `self` put on `size`, which is positive.
    fn sign_onto(self, size: Self) -> Self;
}

macro_rules! lanes {
    ($lanes:ident, $bits:ident, $scalar:ident, $uint:ident, $width:literal, $mantissa:literal, $sqrt_half:literal, { $($constants:item)* }) => {
        impl Lanes for $lanes {
            type Scalar = $scalar;
            const WIDTH: usize = $width;
            $($constants)*

            #[inline(always)]
            fn splat(value: $scalar) -> Self {
                $lanes::splat(value)
            }
            #[inline(always)]
            fn load(from: &[$scalar]) -> Self {
                $lanes::new(*from.first_chunk().expect("a whole register"))
            }
            #[inline(always)]
            fn store(self, to: &mut [$scalar]) {
                *to.first_chunk_mut().expect("a whole register") = self.to_array();
            }
            // One instruction on each side; the operands are swapped because SSE's gives the second one in doubt, wasm's the first.
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                if cfg!(target_arch = "wasm32") {
                    other.fast_max(self)
                } else if cfg!(target_arch = "x86_64") {
                    self.fast_max(other)
                } else {
                    self.simd_gt(other).select(self, other)
                }
            }
            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                if cfg!(target_arch = "wasm32") {
                    other.fast_min(self)
                } else if cfg!(target_arch = "x86_64") {
                    self.fast_min(other)
                } else {
                    self.simd_lt(other).select(self, other)
                }
            }
            #[inline(always)]
            fn power_of_two(self) -> Self {
                const ONE: $uint = (1.0 as $scalar).to_bits();
                Self::from_bits((self.to_bits() << $mantissa) + $bits::splat(ONE))
            }
            #[inline(always)]
            fn split(self) -> (Self, Self) {
                const ONE: $uint = (1.0 as $scalar).to_bits();
                const WHOLE: $scalar = (1u64 << $mantissa) as $scalar;
                let shifted = self.to_bits() + $bits::splat(ONE - $sqrt_half);
                // The biased exponent, as a whole number without a conversion instruction: put into the mantissa of 2^mantissa.
                let biased = Self::from_bits((shifted >> $mantissa) | $bits::splat(WHOLE.to_bits()));
                let exponent = biased - Self::splat(WHOLE + (ONE >> $mantissa) as $scalar);
                let mantissa = (shifted & $bits::splat((1 << $mantissa) - 1)) + $bits::splat($sqrt_half);
                (exponent, Self::from_bits(mantissa))
            }
            #[inline(always)]
            fn unless_positive_normal(self, special: impl Fn($scalar) -> $scalar, usual: Self) -> Self {
                let normal = self.simd_ge(Self::splat($scalar::MIN_POSITIVE)) & self.simd_lt(Self::splat($scalar::INFINITY));
                if normal.all() { usual } else { normal.select(usual, Self::new(self.to_array().map(special))) }
            }
            #[inline(always)]
            fn sign_onto(self, size: Self) -> Self {
                Self::from_bits((self.to_bits() & $bits::splat((-0.0 as $scalar).to_bits())) | size.to_bits())
            }
        }
    };
}

// The polynomials of both exponentials are minimax (Remez), with relative errors of 3.6e-18 and 3.1e-9; p and the parts of ln 2 are those of fdlibm's e_log.c and FreeBSD's e_logf.c.
lanes!(f64x2, u64x2, f64, u64, 2, 52, 0x3fe6_a09e_667f_3bcd, {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
    const EXP_NORMAL: f64 = -708.0;
    const TANH_ONE: f64 = 20.0;
    const EXP: &'static [f64] = &[
        0.500_000_000_000_001_1,
        0.166_666_666_666_664_13,
        0.041_666_666_666_530_16,
        0.008_333_333_333_494_465,
        0.001_388_888_894_363_004_7,
        1.984_126_950_657_133_7e-4,
        2.480_149_309_893_018_3e-5,
        2.755_758_638_087_864_5e-6,
        2.763_024_837_941_493e-7,
        2.500_005_925_678_694_3e-8,
    ];
    const EXP2: &'static [f64] = &[
        std::f64::consts::LN_2,
        0.240_226_506_959_101_3,
        0.055_504_108_664_820_084,
        0.009_618_129_107_594_093,
        0.001_333_355_814_677_490_7,
        1.540_353_045_715_014_7e-4,
        1.525_273_349_293_025e-5,
        1.321_543_526_180_652_1e-6,
        1.017_819_962_219_491_7e-7,
        7.073_787_005_605_005e-9,
        4.434_768_353_306_954e-10,
    ];
    const LN: &'static [f64] = &[
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
});
lanes!(f32x4, u32x4, f32, u32, 4, 23, 0x3f35_04f3, {
    const ROUND: f64 = 12_582_912.0;
    const LN2_HIGH: f64 = 6.931_381_225_6e-1;
    const LN2_LOW: f64 = 9.058_000_614_5e-6;
    const EXP_RANGE: (f64, f64) = (-104.5, 89.0);
    const EXP_NORMAL: f64 = -87.0;
    const TANH_ONE: f64 = 10.0;
    const EXP: &'static [f64] =
        &[0.499_999_934_485, 0.166_665_206_296, 0.041_668_387_855_3, 0.008_368_717_081_17, 0.001_381_461_014_75];
    const EXP2: &'static [f64] = &[
        0.693_147_202_868,
        0.240_226_479_12,
        0.055_503_324_403_8,
        0.009_618_437_477_54,
        0.001_339_888_732_06,
        1.535_335_230_57e-4,
    ];
    const LN: &'static [f64] = &[0.666_666_626_93, 0.400_009_721_52, 0.284_987_866_88, 0.242_790_788_41];
});
