//! Dual numbers: a value and its derivative along one direction, carried through any method written for [`Real`].
//!
//! A reverse-mode gradient computed in dual numbers is a Hessian-vector product: seed the parameters' `slope` with v, and the
//! gradient's slopes are Hv, exactly, at about three times the cost of the gradient (Pearlmutter 1994).

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::linear::product::Product;
use crate::number::real::Real;

/// `value + slope·ε` with ε² = 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dual<T> {
    /// The value.
    pub value: T,
    /// Its derivative along the chosen direction.
    pub slope: T,
}

impl<T: Real> Dual<T> {
    /// Values with the direction along which they are differentiated; both of one length.
    pub fn along(values: &[T], direction: &[T]) -> Vec<Dual<T>> {
        values.iter().zip(direction).map(|(&value, &slope)| Dual { value, slope }).collect()
    }

    fn chain(self, value: T, derivative: T) -> Self {
        Dual { value, slope: derivative * self.slope }
    }
}

impl<T: Real> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Dual { value: self.value + o.value, slope: self.slope + o.slope }
    }
}
impl<T: Real> Sub for Dual<T> {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Dual { value: self.value - o.value, slope: self.slope - o.slope }
    }
}
impl<T: Real> Mul for Dual<T> {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Dual { value: self.value * o.value, slope: self.value * o.slope + self.slope * o.value }
    }
}
impl<T: Real> Div for Dual<T> {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let value = self.value / o.value;
        Dual { value, slope: (self.slope - value * o.slope) / o.value }
    }
}
impl<T: Real> Neg for Dual<T> {
    type Output = Self;
    fn neg(self) -> Self {
        Dual { value: -self.value, slope: -self.slope }
    }
}
impl<T: Real> AddAssign for Dual<T> {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl<T: Real> Real for Dual<T> {
    fn real(value: f64) -> Self {
        Dual { value: T::real(value), slope: T::default() }
    }
    fn double(self) -> f64 {
        self.value.double()
    }
    fn abs(self) -> Self {
        if self.value < T::default() { -self } else { self }
    }
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, T::real(0.5) / root)
    }
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), T::real(1.0) / self.value)
    }
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        self.chain(t, T::real(1.0) - t * t)
    }
    fn sin_cos(self) -> (Self, Self) {
        let (s, c) = self.value.sin_cos();
        (self.chain(s, c), self.chain(c, -s))
    }
}

/// (A + A′ε)(B + B′ε) = AB + (A′B + AB′)ε: three products of plain matrices.
impl<T: Product> Product for Dual<T> {
    fn product(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize) {
        three_products(out, a, b, |out, a, b| T::product(out, a, b, m, k, n));
    }
    fn product_tn(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize) {
        three_products(out, a, b, |out, a, b| T::product_tn(out, a, b, m, k, n));
    }
    fn product_nt(out: &mut [Self], a: &[Self], b: &[Self], m: usize, k: usize, n: usize) {
        three_products(out, a, b, |out, a, b| T::product_nt(out, a, b, m, k, n));
    }
    fn tanh_each(values: &mut [Self]) {
        values.iter_mut().for_each(|v| *v = Real::tanh(*v));
    }
}

fn three_products<T: Real>(out: &mut [Dual<T>], a: &[Dual<T>], b: &[Dual<T>], product: impl Fn(&mut [T], &[T], &[T])) {
    let split = |m: &[Dual<T>]| -> (Vec<T>, Vec<T>) { m.iter().map(|d| (d.value, d.slope)).unzip() };
    let ((a, da), (b, db)) = (split(a), split(b));
    let mut parts = [(); 3].map(|()| vec![T::default(); out.len()]);
    product(&mut parts[0], &a, &b);
    product(&mut parts[1], &da, &b);
    product(&mut parts[2], &a, &db);
    for (i, out) in out.iter_mut().enumerate() {
        *out = Dual { value: parts[0][i], slope: parts[1][i] + parts[2][i] };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dense::{Activation, Network, Start, Tape, cross_entropy};
    use crate::random::Random;

    #[test]
    fn functions_match_finite_differences() {
        type F = fn(Dual<f64>) -> Dual<f64>;
        let functions: [F; 8] = [
            |x| x.sin_cos().0,
            |x| x.sin_cos().1,
            Real::abs,
            Real::sqrt,
            Real::exp,
            Real::ln,
            Real::tanh,
            |x| (x * x - Dual::real(3.0)) / (x + Dual::real(0.5)),
        ];
        for f in functions {
            for x in [0.3, 1.7, 4.2] {
                let at = |x: f64| f(Dual { value: x, slope: 1.0 });
                let slope = (at(x + 1e-6).value - at(x - 1e-6).value) / 2e-6;
                assert!((at(x).slope - slope).abs() < 1e-8 * (1.0 + slope.abs()));
            }
        }
    }

    /// Hv of a network's loss against central differences of its gradient.
    #[test]
    fn the_gradient_of_duals_is_a_hessian_vector_product() {
        let mut random = Random::new(5, "dual test");
        let network = Network::<f64>::new(&[3, 7, 4], Activation::Tanh, Start::Uniform, &mut random);
        let x: Vec<f64> = (0..15).map(|_| random.normal()).collect();
        let v: Vec<f64> = network.theta.iter().map(|_| random.normal()).collect();
        let labels = [0, 3, 1, 2, 2];
        let gradient = |shift: f64| {
            let mut moved = network.clone();
            moved.theta.iter_mut().zip(&v).for_each(|(t, v)| *t += shift * v);
            let (mut tape, mut delta, mut gradient) = (Tape::default(), Vec::new(), vec![0.0; v.len()]);
            moved.forward(&x, &mut tape);
            cross_entropy(tape.logits(), &labels, &mut delta);
            moved.backward(&mut tape, &delta, &mut gradient);
            gradient
        };
        let dual = network.with(Dual::along(&network.theta, &v));
        let (mut tape, mut delta, mut product) = (Tape::default(), Vec::new(), vec![Dual::default(); v.len()]);
        dual.forward(&Dual::along(&x, &vec![0.0; x.len()]), &mut tape);
        cross_entropy(tape.logits(), &labels, &mut delta);
        dual.backward(&mut tape, &delta, &mut product);
        let (above, below, centre) = (gradient(1e-5), gradient(-1e-5), gradient(0.0));
        for i in 0..v.len() {
            assert!((product[i].value - centre[i]).abs() < 1e-14);
            assert!((product[i].slope - (above[i] - below[i]) / 2e-5).abs() < 1e-8);
        }
    }
}
