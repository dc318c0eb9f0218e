//! The two float types as one, so that a method is written once: `f32` for networks, `f64` for analysis.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// `f32` or `f64`, with functions that give the same bits on every machine.
pub trait Real:
    Copy
    + PartialOrd
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + 'static
{
    /// The nearest value of this type.
    fn real(value: f64) -> Self;
    /// As a double.
    fn double(self) -> f64;
    /// |x|
    fn abs(self) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// ln x
    fn ln(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// (sin x, cos x)
    fn sin_cos(self) -> (Self, Self);
    /// 1, 0 or −1; 0 for NaN.
    #[inline]
    fn sign(self) -> Self {
        let (zero, one) = (Self::default(), Self::real(1.0));
        if self > zero {
            one
        } else if self < zero {
            -one
        } else {
            zero
        }
    }
    /// The larger of the two.
    #[inline]
    fn larger(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

impl Real for f64 {
    #[inline]
    fn real(value: f64) -> f64 {
        value
    }
    #[inline]
    fn double(self) -> f64 {
        self
    }
    #[inline]
    fn abs(self) -> f64 {
        self.abs()
    }
    #[inline]
    fn sqrt(self) -> f64 {
        self.sqrt()
    }
    #[inline]
    fn exp(self) -> f64 {
        libm::exp(self)
    }
    #[inline]
    fn ln(self) -> f64 {
        libm::log(self)
    }
    #[inline]
    fn tanh(self) -> f64 {
        libm::tanh(self)
    }
    #[inline]
    fn sin_cos(self) -> (f64, f64) {
        libm::sincos(self)
    }
}

impl Real for f32 {
    #[inline]
    fn real(value: f64) -> f32 {
        value as f32
    }
    #[inline]
    fn double(self) -> f64 {
        f64::from(self)
    }
    #[inline]
    fn abs(self) -> f32 {
        self.abs()
    }
    #[inline]
    fn sqrt(self) -> f32 {
        self.sqrt()
    }
    #[inline]
    fn exp(self) -> f32 {
        libm::expf(self)
    }
    #[inline]
    fn ln(self) -> f32 {
        libm::logf(self)
    }
    #[inline]
    fn tanh(self) -> f32 {
        libm::tanhf(self)
    }
    #[inline]
    fn sin_cos(self) -> (f32, f32) {
        libm::sincosf(self)
    }
}
