//! The Gibbs algorithm on networks of sign units with weights −1 and 1: a network W is taken with probability ∝ exp(−γ · training error).
//! There are 2^16 of them, so that every expectation over W is a sum.

use libm::exp;
use run::prelude::*;

/// Inputs' dimension, how many inputs there are, and the share of labels that are wrong.
const INPUTS: usize = 3;
const PLACES: usize = 16;
const WRONG: f64 = 0.1;
/// Training points, and training samples.
const POINTS: usize = 20;
const SAMPLES: usize = 200;
/// Hidden layers of a wide network and of a deep one, 16 weights each.
const NETWORKS: [&[usize]; 2] = [&[4], &[2, 2, 2]];
/// γ.
pub const TEMPERATURES: [f64; 7] = [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
/// Parts in which the networks are gone through.
pub const PARTS: usize = 16;

/// Of one network's shape, in the mean over samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Test error minus training error, and the test error.
    pub gap: f64,
    pub error: f64,
}

/// The task, and how many networks make each of the functions of it.
pub struct Gibbs {
    places: Units,
    labels: [bool; PLACES],
    /// By function (bit i: what it says of place i), of [`NETWORKS`].
    counts: [Vec<u32>; 2],
    /// Training sets: at every place, the share of the sample that is there with label −1 and with label 1.
    samples: Vec<[[f64; 2]; PLACES]>,
    /// Of the wide and of the deep network, by temperature.
    pub outcomes: Vec<[Outcome; 2]>,
}

/// The values of units on every place.
type Units = Vec<[f64; PLACES]>;

/// A layer of units on those below, by the signs of its weights.
fn layer(below: &Units, width: usize, signs: usize) -> Units {
    let unit = |u: usize| {
        let mut sum = [0.0; PLACES];
        for (b, values) in below.iter().enumerate() {
            let weight = if signs >> (u * below.len() + b) & 1 == 1 { 1.0 } else { -1.0 };
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
        sum.map(|sum| if sum >= 0.0 { 1.0 } else { -1.0 })
    };
    (0..width).map(unit).collect()
}

/// Counts the functions of all networks with these hidden layers on units `below`.
fn count(below: &Units, hidden: &[usize], counts: &mut [u32]) {
    let (width, above) = hidden.split_first().map_or((1, None), |(width, above)| (*width, Some(above)));
    for signs in 0..1usize << (width * below.len()) {
        let units = layer(below, width, signs);
        match above {
            Some(above) => count(&units, above, counts),
            None => counts[(0..PLACES).fold(0, |function, i| function | usize::from(units[0][i] > 0.0) << i)] += 1,
        }
    }
}

impl Gibbs {
    /// Inputs, and a half space that their labels are of.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, "Gibbs");
        // Coordinate by coordinate, as a layer's units are.
        let places: Units = (0..INPUTS).map(|_| std::array::from_fn(|_| random.normal())).collect();
        let teacher: [f64; INPUTS] = std::array::from_fn(|_| random.normal());
        let labels = std::array::from_fn(|i| teacher.iter().zip(&places).map(|(w, x)| w * x[i]).sum::<f64>() > 0.0);
        let mut sample = || {
            let mut shares = [[0.0; 2]; PLACES];
            for _ in 0..POINTS {
                let i = random.below(PLACES);
                shares[i][usize::from(labels[i] != (random.uniform() < WRONG))] += 1.0 / POINTS as f64;
            }
            shares
        };
        let samples = (0..SAMPLES).map(|_| sample()).collect();
        Gibbs { places, labels, counts: [vec![0; 1 << PLACES], vec![0; 1 << PLACES]], samples, outcomes: Vec::new() }
    }

    /// Goes through a part of all networks.
    pub fn enumerate(&mut self, part: usize) {
        for (hidden, counts) in NETWORKS.iter().zip(&mut self.counts) {
            let (first, above) = (hidden[0], &hidden[1..]);
            let all = 1usize << (first * INPUTS);
            for signs in part * all / PARTS..(part + 1) * all / PARTS {
                count(&layer(&self.places, first, signs), above, counts);
            }
        }
    }

    /// The outcome at the next temperature, once all networks are counted.
    pub fn weigh(&mut self) {
        let gamma = TEMPERATURES[self.outcomes.len()];
        let of = |counts: &Vec<u32>| {
            let functions: Vec<(usize, f64)> =
                counts.iter().enumerate().filter(|(_, c)| **c > 0).map(|(f, c)| (f, f64::from(*c))).collect();
            let says = |function: usize, i: usize| function >> i & 1 == 1;
            let wrong = |i: usize, said: bool| if said == self.labels[i] { WRONG } else { 1.0 - WRONG };
            let test = |f: usize| (0..PLACES).map(|i| wrong(i, says(f, i))).sum::<f64>() / PLACES as f64;
            let tests: Vec<f64> = functions.iter().map(|(f, _)| test(*f)).collect();
            let mut outcome = Outcome::default();
            for shares in &self.samples {
                let train = |f: usize| (0..PLACES).map(|i| shares[i][usize::from(!says(f, i))]).sum::<f64>();
                let (mut sum, mut trained, mut tested) = (0.0, 0.0, 0.0);
                for ((f, count), test) in functions.iter().zip(&tests) {
                    let error = train(*f);
                    let weight = count * exp(-gamma * error);
                    sum += weight;
                    trained += weight * error;
                    tested += weight * test;
                }
                outcome.gap += (tested - trained) / sum / SAMPLES as f64;
                outcome.error += tested / sum / SAMPLES as f64;
            }
            outcome
        };
        let outcomes = [of(&self.counts[0]), of(&self.counts[1])];
        self.outcomes.push(outcomes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_networks_are_counted_and_the_gap_is_what_the_algorithm_remembers() {
        let mut gibbs = Gibbs::new(3);
        (0..PARTS).for_each(|part| gibbs.enumerate(part));
        for (counts, hidden) in gibbs.counts.iter().zip(NETWORKS) {
            assert_eq!(counts.iter().sum::<u32>(), 1 << 16);
            let functions = counts.iter().filter(|c| **c > 0).count();
            assert!((20..120).contains(&functions), "{hidden:?}: {functions}");
        }
        TEMPERATURES.iter().for_each(|_| gibbs.weigh());
        for network in [0, 1] {
            let gap = |i: usize| gibbs.outcomes[i][network].gap;
            // The colder, the more of the sample is in W; at γ = 0 there would be nothing.
            assert!(gap(0) < 0.04 && gap(3) > 2.0 * gap(0), "{:?}", gibbs.outcomes);
        }
    }

    /// A network by hand: two units on three coordinates, and one on those.
    #[test]
    fn layers_are_signs_of_sums() {
        let below: Units = (0..3).map(|b| std::array::from_fn(|i| (i as f64 - 7.5) * f64::from(b + 1))).collect();
        // Weights 1, 1, −1 cancel and count as 1; −1, −1, −1.
        let units = layer(&below, 2, 0b000_011);
        assert!((0..PLACES).all(|i| units[0][i] == 1.0 && units[1][i] == if i < 8 { 1.0 } else { -1.0 }));
    }
}
