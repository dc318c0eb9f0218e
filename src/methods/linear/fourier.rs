//! The fast Fourier transform of many signals at once.
//!
//! Source: Cooley & Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965. Signals stand side by side, one a
//! column, so that a butterfly works on two whole rows and registers run along the signals.

use std::f64::consts::TAU;

/// The transform of signals of one length.
#[derive(Clone, Debug)]
pub struct Fourier {
    size: usize,
    /// cos and −sin of 2πk/size, k < size/2.
    turns: Vec<(f64, f64)>,
}

impl Fourier {
    /// For signals of `size` values.
    ///
    /// # Panics
    /// If `size` is no power of two.
    pub fn new(size: usize) -> Self {
        assert!(size.is_power_of_two(), "a transform's length is a power of two");
        let angle = |k: usize| TAU * k as f64 / size as f64;
        Fourier { size, turns: (0..size / 2).map(|k| (libm::cos(angle(k)), -libm::sin(angle(k)))).collect() }
    }

    /// X_k = Σ_j x_j exp(−2πi jk/size) of every column; `real` and `imaginary` are size × columns and are overwritten.
    pub fn forward(&self, real: &mut [f64], imaginary: &mut [f64]) {
        let columns = real.len() / self.size;
        assert!(real.len() == self.size * columns && imaginary.len() == real.len(), "whole rows");
        let shift = (usize::BITS - self.size.trailing_zeros()) % usize::BITS;
        for row in 0..self.size {
            let reversed = if self.size == 1 { 0 } else { row.reverse_bits() >> shift };
            if row < reversed {
                for matrix in [&mut *real, &mut *imaginary] {
                    let (above, below) = matrix.split_at_mut(reversed * columns);
                    above[row * columns..][..columns].swap_with_slice(&mut below[..columns]);
                }
            }
        }
        let mut half = 1;
        while half < self.size {
            let stride = self.size / (2 * half);
            for block in (0..self.size).step_by(2 * half) {
                for k in 0..half {
                    let (above, below) = ((block + k) * columns, (block + k + half) * columns);
                    let (ar, br) = real.split_at_mut(below);
                    let (ai, bi) = imaginary.split_at_mut(below);
                    butterfly(
                        [&mut ar[above..][..columns], &mut ai[above..][..columns]],
                        [&mut br[..columns], &mut bi[..columns]],
                        self.turns[k * stride],
                    );
                }
            }
            half *= 2;
        }
    }

    /// The signals whose transforms are in the columns: x_j = (1/size) Σ_k X_k exp(2πi jk/size).
    pub fn inverse(&self, real: &mut [f64], imaginary: &mut [f64]) {
        // Swapping real and imaginary parts before and after turns e^(−i) into e^(+i).
        self.forward(imaginary, real);
        let scale = 1.0 / self.size as f64;
        real.iter_mut().chain(imaginary).for_each(|v| *v *= scale);
    }

    /// Additions and multiplications of one transform of that many columns.
    pub fn operations(&self, columns: usize) -> usize {
        10 * (self.size / 2) * self.size.trailing_zeros() as usize * columns
    }
}

/// (a, b) ← (a + w b, a − w b), column by column, for complex rows.
fn butterfly([ar, ai]: [&mut [f64]; 2], [br, bi]: [&mut [f64]; 2], (wr, wi): (f64, f64)) {
    let a = ar.iter_mut().zip(ai);
    for ((ar, ai), (br, bi)) in a.zip(br.iter_mut().zip(bi)) {
        let (tr, ti) = (*br * wr - *bi * wi, *br * wi + *bi * wr);
        (*br, *bi) = (*ar - tr, *ai - ti);
        (*ar, *ai) = (*ar + tr, *ai + ti);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Against the sum itself, for every length and for several columns; the inverse gives the signals back.
    #[test]
    fn is_the_discrete_transform() {
        let mut random = Random::new(1, "signals");
        for (size, columns) in [(1, 3), (2, 1), (4, 5), (32, 3), (128, 2)] {
            let signal = |random: &mut Random| (0..size * columns).map(|_| random.normal()).collect::<Vec<f64>>();
            let (real, imaginary) = (signal(&mut random), signal(&mut random));
            let (mut re, mut im) = (real.clone(), imaginary.clone());
            Fourier::new(size).forward(&mut re, &mut im);
            for k in 0..size {
                for c in 0..columns {
                    let (mut sum_re, mut sum_im) = (0.0, 0.0);
                    for j in 0..size {
                        let angle = TAU * (j * k % size) as f64 / size as f64;
                        let (cos, sin, at) = (libm::cos(angle), libm::sin(angle), j * columns + c);
                        sum_re += real[at] * cos + imaginary[at] * sin;
                        sum_im += imaginary[at] * cos - real[at] * sin;
                    }
                    let at = k * columns + c;
                    assert!((re[at] - sum_re).abs() < 1e-12 && (im[at] - sum_im).abs() < 1e-12, "{size}: {k}, {c}");
                }
            }
            Fourier::new(size).inverse(&mut re, &mut im);
            let back = |ours: &[f64], theirs: &[f64]| ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-13);
            assert!(back(&re, &real) && back(&im, &imaginary), "{size} there and back");
        }
    }
}
