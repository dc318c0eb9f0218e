//! A SIMD register of floats, the same operations for both widths.

use std::ops::{Add, Div, Mul, Sub};

use wide::{f32x4, f64x2};

use crate::methods::real::Real;

/// A float type that fits into a 128-bit register, the width that every browser has.
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

/// 128 bits of floats.
pub trait Lanes: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    /// What is in it.
    type Scalar: Element<Lanes = Self>;
    /// How many.
    const WIDTH: usize;

    /// The same value in every lane.
    fn splat(value: Self::Scalar) -> Self;
    /// The first [`WIDTH`](Self::WIDTH) values of a slice, which has at least so many.
    fn load(from: &[Self::Scalar]) -> Self;
    /// Into the first [`WIDTH`](Self::WIDTH) places of a slice, which has at least so many.
    fn store(self, to: &mut [Self::Scalar]);
}

macro_rules! lanes {
    ($lanes:ident, $scalar:ident, $width:literal) => {
        impl Lanes for $lanes {
            type Scalar = $scalar;
            const WIDTH: usize = $width;

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
        }
    };
}
lanes!(f32x4, f32, 4);
lanes!(f64x2, f64, 2);
