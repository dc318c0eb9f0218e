//! How much noise between layers leaves of a divergence: the paper's factors, and what is left of many pairs of laws.

use libm::{erf, exp, log, pow, sqrt};
use run::prelude::*;

/// Units that are dropped out, each −1 or 1 before.
const UNITS: usize = 4;
/// Levels of a bounded activation, −1 to 1, and places at which its noisy value is read.
const LEVELS: usize = 9;
const PLACES: usize = 300;
/// Rates of dropout, and deviations of the noise, that are looked at.
pub const STRENGTHS: usize = 9;
/// Pairs of laws drawn for each.
const PAIRS: usize = 40;

/// P(output | input), a row an input.
type Channel = Vec<Vec<f64>>;

/// Every unit alone becomes 0 with probability `rate`.
fn dropout(rate: f64) -> Channel {
    let row = |input: usize| {
        let mut row = vec![0.0; 3usize.pow(UNITS as u32)];
        for kept in 0..1usize << UNITS {
            // Digits to the base 3: dropped, −1, 1.
            let digit = |u: usize| if kept >> u & 1 == 1 { 1 + (input >> u & 1) } else { 0 };
            let count = kept.count_ones() as i32;
            row[(0..UNITS).fold(0, |output, u| 3 * output + digit(u))] =
                pow(1.0 - rate, f64::from(count)) * pow(rate, f64::from(UNITS as i32 - count));
        }
        row
    };
    (0..1 << UNITS).map(row).collect()
}

/// An activation between −1 and 1 gets Gaussian noise of this deviation.
fn noise(deviation: f64) -> Channel {
    let width = (2.0 + 14.0 * deviation) / PLACES as f64;
    let row = |input: usize| {
        let level = -1.0 + 2.0 * input as f64 / (LEVELS - 1) as f64;
        let density = |place: usize| {
            let off = (-1.0 - 7.0 * deviation + (place as f64 + 0.5) * width - level) / deviation;
            exp(-0.5 * off * off)
        };
        let densities: Vec<f64> = (0..PLACES).map(density).collect();
        let sum: f64 = densities.iter().sum();
        densities.into_iter().map(|d| d / sum).collect()
    };
    (0..LEVELS).map(row).collect()
}

fn divergence(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * log(p / q)).sum()
}

/// What a channel leaves of the divergence of two laws of its input, as a share.
fn left(channel: &Channel, p: &[f64], q: &[f64]) -> f64 {
    let through = |law: &[f64]| -> Vec<f64> {
        (0..channel[0].len()).map(|out| law.iter().zip(channel).map(|(p, row)| p * row[out]).sum()).collect()
    };
    divergence(&through(p), &through(q)) / divergence(p, q)
}

/// Shares left of the divergences of pairs of laws, beside the paper's factor.
pub struct Contraction {
    /// 1 − p^k, or 1 − 2Q(1/τ).
    pub factor: f64,
    pub shares: Vec<f64>,
}

impl Contraction {
    fn of(channel: &Channel, factor: f64, random: &mut Random) -> Self {
        let inputs = channel.len();
        let mut law = || {
            let weights: Vec<f64> = (0..inputs).map(|_| exp(2.0 * random.normal())).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|w| w / sum).collect::<Vec<f64>>()
        };
        let mut pairs: Vec<[Vec<f64>; 2]> = (0..PAIRS).map(|_| [law(), law()]).collect();
        // Laws on two opposite inputs: all units say the same, or the activation is at one of its bounds.
        pairs.push([0.5, 0.6].map(|share| {
            let mut law = vec![0.0; inputs];
            (law[0], law[inputs - 1]) = (share, 1.0 - share);
            law
        }));
        Contraction { factor, shares: pairs.iter().map(|[p, q]| left(channel, p, q)).collect() }
    }

    /// Of the `i`-th strength: dropout, and noise.
    pub fn both(i: usize, random: &mut Random) -> [Self; 2] {
        let rate = (i + 1) as f64 / (STRENGTHS + 1) as f64;
        let deviation = 0.3 * pow(1.35, i as f64);
        [
            Contraction::of(&dropout(rate), 1.0 - pow(rate, UNITS as f64), random),
            Contraction::of(&noise(deviation), erf(1.0 / (deviation * sqrt(2.0))), random),
        ]
    }

    /// The largest share left, over the factor.
    pub fn most(&self) -> f64 {
        self.shares.iter().fold(f64::NEG_INFINITY, |most, share| most.max(share / self.factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units that say the same are told apart as long as one is left: 1 − p^k exactly. Units that say each its own lose p of it.
    #[test]
    fn dropout_leaves_what_can_be_worked_out() {
        for rate in [0.1, 0.5, 0.9] {
            let channel = dropout(rate);
            assert!(channel.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
            let same = |share: f64| {
                let mut law = vec![0.0; 1 << UNITS];
                (law[0], law[(1 << UNITS) - 1]) = (1.0 - share, share);
                law
            };
            assert!((left(&channel, &same(0.3), &same(0.8)) - (1.0 - rate.powi(UNITS as i32))).abs() < 1e-12);
            let apart = |share: f64| -> Vec<f64> {
                let up = |input: usize| (0..UNITS).map(|u| if input >> u & 1 == 1 { share } else { 1.0 - share }).product();
                (0..1 << UNITS).map(up).collect()
            };
            assert!((left(&channel, &apart(0.3), &apart(0.8)) - (1.0 - rate)).abs() < 1e-12);
        }
    }

    /// Total variation of two Gaussians at the bounds is the factor itself.
    #[test]
    fn the_factor_of_noise_is_how_far_the_bounds_are_apart() {
        for deviation in [0.3, 1.0, 3.0] {
            let channel = noise(deviation);
            let apart: f64 = channel[0].iter().zip(&channel[LEVELS - 1]).map(|(a, b)| 0.5 * (a - b).abs()).sum();
            assert!((apart - erf(1.0 / (deviation * sqrt(2.0)))).abs() < 1e-3, "{apart}");
        }
    }

    #[test]
    fn no_pair_keeps_more_than_the_factor() {
        let mut random = Random::new(5, "contraction");
        for i in 0..STRENGTHS {
            let [dropout, noise] = Contraction::both(i, &mut random);
            assert!((dropout.most() - 1.0).abs() < 1e-9, "tight: {}", dropout.most());
            assert!((0.3..1.0).contains(&noise.most()), "{}", noise.most());
        }
    }
}
