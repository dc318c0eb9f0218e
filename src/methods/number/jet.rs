//! Jets: a value with its two partial derivatives, carried through any function of x and y written for [`Real`].
//!
//! A `Jet<f64>` gives the gradient, a `Jet<Jet<f64>>` the Hessian too, a `Jet<Pack>` the gradients of eight points at once. The
//! derivatives are exact, to rounding (forward-mode differentiation).

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::number::real::Real;

/// `value + x·ε₁ + y·ε₂` with all products of the ε zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jet<T> {
    /// The value.
    pub value: T,
    /// ∂/∂x
    pub x: T,
    /// ∂/∂y
    pub y: T,
}

/// The value, gradient and Hessian `[[xx, xy], [xy, yy]]` of `f` at a point.
pub fn second_order(
    f: impl Fn(Jet<Jet<f64>>, Jet<Jet<f64>>) -> Jet<Jet<f64>>,
    [x, y]: [f64; 2],
) -> (f64, [f64; 2], [[f64; 2]; 2]) {
    let inner = Jet::variables(x, y);
    let (one, zero) = (Jet::real(1.0), Jet::default());
    let out = f(Jet { value: inner[0], x: one, y: zero }, Jet { value: inner[1], x: zero, y: one });
    (out.value.value, [out.value.x, out.value.y], [[out.x.x, out.x.y], [out.y.x, out.y.y]])
}

impl<T: Real> Jet<T> {
    /// The two variables at a point.
    pub fn variables(x: T, y: T) -> [Jet<T>; 2] {
        let (one, zero) = (T::real(1.0), T::default());
        [Jet { value: x, x: one, y: zero }, Jet { value: y, x: zero, y: one }]
    }

    #[inline(always)]
    fn chain(self, value: T, derivative: T) -> Self {
        Jet { value, x: derivative * self.x, y: derivative * self.y }
    }
}

impl<T: PartialOrd> PartialOrd for Jet<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Real> Add for Jet<T> {
    type Output = Self;
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Jet { value: self.value + o.value, x: self.x + o.x, y: self.y + o.y }
    }
}

impl<T: Real> Sub for Jet<T> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Jet { value: self.value - o.value, x: self.x - o.x, y: self.y - o.y }
    }
}

impl<T: Real> Mul for Jet<T> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        Jet { value: self.value * o.value, x: self.x * o.value + self.value * o.x, y: self.y * o.value + self.value * o.y }
    }
}

impl<T: Real> Div for Jet<T> {
    type Output = Self;
    #[inline(always)]
    fn div(self, o: Self) -> Self {
        let value = self.value / o.value;
        Jet { value, x: (self.x - value * o.x) / o.value, y: (self.y - value * o.y) / o.value }
    }
}

impl<T: Real> Neg for Jet<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Jet { value: -self.value, x: -self.x, y: -self.y }
    }
}

impl<T: Real> AddAssign for Jet<T> {
    #[inline(always)]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl<T: Real> Real for Jet<T> {
    #[inline(always)]
    fn real(value: f64) -> Self {
        Jet { value: T::real(value), x: T::default(), y: T::default() }
    }
    fn double(self) -> f64 {
        self.value.double()
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.chain(self.value.abs(), self.value.sign())
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, T::real(0.5) / root)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), T::real(1.0) / self.value)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        self.chain(t, T::real(1.0) - t * t)
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        let (s, c) = self.value.sin_cos();
        (self.chain(s, c), self.chain(c, -s))
    }
    #[inline(always)]
    fn sign(self) -> Self {
        Jet { value: self.value.sign(), ..Jet::default() }
    }
    /// (a + b + |a − b|)/2, which has a derivative in every lane; at a tie their mean.
    #[inline(always)]
    fn larger(self, o: Self) -> Self {
        let half = Jet::real(0.5);
        half * (self + o) + half * (self - o).abs()
    }
}
