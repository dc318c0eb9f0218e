//! The columns, and what the four that act do to the outcome.

use libm::{cos, exp, sin, sqrt};
use run::prelude::*;

/// How many columns act.
pub const ACTIVE: usize = 4;

/// The effect of active column `i`: about unit variance, mean and correlation with x zero unless it is x itself.
pub fn effect(i: usize, share: f64, x: f64) -> f64 {
    if i >= (share * ACTIVE as f64).round() as usize {
        return x;
    }
    match i {
        0 => (x * x - 1.0) / sqrt(2.0),
        1 => (cos(2.0 * x) - exp(-2.0)) / 0.693,
        2 => (x.abs() - sqrt(2.0 / std::f64::consts::PI)) / 0.603,
        _ => sin(2.5 * x) / 0.707,
    }
}

/// The columns of X one after the other, the same ones whenever it starts anew: x_{j+1} = ½x_j + √¾ ε.
pub struct Columns {
    random: Random,
    drawn: usize,
    now: Vec<f64>,
}

impl Columns {
    pub fn new(samples: usize, seed: u64) -> Self {
        Columns { random: Random::new(seed, "columns"), drawn: 0, now: vec![0.0; samples] }
    }

    /// The next column.
    pub fn next(&mut self) -> &[f64] {
        let (keep, fresh) = if self.drawn == 0 { (0.0, 1.0) } else { (0.5, sqrt(0.75)) };
        for x in &mut self.now {
            *x = keep * *x + fresh * self.random.normal();
        }
        self.drawn += 1;
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::statistics::correlation;

    /// Neighbours correlate with ½ and the effects have unit variance, mean zero and no correlation with x.
    #[test]
    fn the_problem_is_the_specified_one() {
        let n = 200_000;
        let mut columns = Columns::new(n, 3);
        let first = columns.next().to_vec();
        let second = columns.next().to_vec();
        assert!((correlation(&first, &second) - 0.5).abs() < 0.01);
        assert!((second.iter().map(|x| x * x).sum::<f64>() / n as f64 - 1.0).abs() < 0.02);
        for i in 0..ACTIVE {
            let y: Vec<f64> = second.iter().map(|x| effect(i, 1.0, *x)).collect();
            let mean = y.iter().sum::<f64>() / n as f64;
            let variance = y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n as f64;
            assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{i}: {mean} {variance}");
            // sin 2.5x is odd: E x sin(2.5x) = 2.5 exp(−2.5²/2), small but not zero.
            assert!((correlation(&second, &y) - if i == 3 { 2.5 * exp(-3.125) / 0.707 } else { 0.0 }).abs() < 0.01, "{i}");
        }
        assert_eq!([0.0, 0.5, 1.0].map(|share| (0..ACTIVE).filter(|i| effect(*i, share, 1.7) != 1.7).count()), [0, 2, 4]);
    }
}
