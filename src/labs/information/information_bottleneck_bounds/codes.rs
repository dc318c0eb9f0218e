//! What a noisy code keeps of its input: mutual information by Monte Carlo, each code against the mixture of all.
//!
//! A point x is coded as z = μ(x) + σ(x) ⊙ ε with ε standard normal, so p(z|x) is a Gaussian that is known, and over a sample of m points
//! p(z) ≈ (1/m) Σ p(z|xᵢ). The estimate of I(X;Z) is then at most ln m nats, that of I(X;Z|Y) at most the mean of ln m_y.

use std::ops::Range;

use libm::{exp, log};

use methods::linear::{Element, row_log_sum_exp};

/// The codes of a sample whose points stand class by class. Matrices are dimensions × points.
#[derive(Clone, Debug)]
pub struct Codes<T = f32> {
    mean: Vec<T>,
    deviation: Vec<T>,
    /// 1/σ.
    steepness: Vec<T>,
    /// −Σ ln σ of every point: ln p(z|x) at its mean, but for a constant that falls out of every difference.
    height: Vec<T>,
    classes: Vec<Range<usize>>,
    /// ½‖(z − μ)/σ‖² of every point for the z at hand.
    distance: Vec<T>,
}

/// How much more likely a code is under its own point than elsewhere, in nats. The mean over points and noise estimates I(X;Z|Y) and I(X;Z).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surprise {
    /// ln p(z|x) − ln p(z|y), against the points of its class.
    pub within: f64,
    /// ln p(z|x) − ln p(z), against all points.
    pub whole: f64,
}

impl<T: Element> Codes<T> {
    /// The codes with `mean` μ and `deviation` σ > 0, both dimensions × points; `sizes` has the number of points of each class, in the
    /// order in which they stand.
    pub fn new(mean: Vec<T>, deviation: Vec<T>, sizes: &[usize]) -> Self {
        let mut points = 0;
        let ranges = sizes.iter().map(|size| {
            points += size;
            points - size..points
        });
        let classes = ranges.filter(|class| !class.is_empty()).collect();
        assert!(
            mean.len() == deviation.len() && mean.len().is_multiple_of(points),
            "a mean and a deviation for every dimension of every point"
        );
        let mut height = vec![T::default(); points];
        for row in deviation.chunks_exact(points) {
            height.iter_mut().zip(row).for_each(|(h, sigma)| *h = *h - sigma.ln());
        }
        let steepness = deviation.iter().map(|sigma| T::real(1.0) / *sigma).collect();
        Codes { mean, deviation, steepness, height, classes, distance: vec![T::default(); points] }
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.height.len()
    }

    /// The code of `point` with the noise ε (one number a dimension). Costs points × (dimensions + an exponential).
    pub fn surprise(&mut self, point: usize, noise: impl Iterator<Item = T>) -> Surprise {
        let (points, half) = (self.points(), T::real(0.5));
        self.distance.fill(T::default());
        let rows =
            self.mean.chunks_exact(points).zip(self.deviation.chunks_exact(points)).zip(self.steepness.chunks_exact(points));
        for (((mean, deviation), steepness), epsilon) in rows.zip(noise) {
            let z = mean[point] + deviation[point] * epsilon;
            for ((d, mean), steepness) in self.distance.iter_mut().zip(mean).zip(steepness) {
                let away = (z - *mean) * *steepness;
                *d += half * away * away;
            }
        }
        let own = (self.height[point] - self.distance[point]).double();
        let (mut same, mut sums) = (f64::NAN, Vec::with_capacity(self.classes.len()));
        for class in &self.classes {
            let mut sum = [T::default()];
            let (distance, height) = (&self.distance[class.clone()], &self.height[class.clone()]);
            row_log_sum_exp(&mut sum, T::real(1.0), distance, class.len(), height);
            sums.push(sum[0].double());
            if class.contains(&point) {
                same = sum[0].double() - log(class.len() as f64);
            }
        }
        let top = sums.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let all = top + log(sums.iter().map(|sum| exp(sum - top)).sum::<f64>());
        Surprise { within: own - same, whole: own - (all - log(points as f64)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::random::Random;

    /// The means of both over all points and `draws` draws of noise.
    fn informations<T: Element>(codes: &mut Codes<T>, draws: usize, random: &mut Random) -> (f64, f64) {
        let (points, dimensions) = (codes.points(), codes.mean.len() / codes.points());
        let (mut within, mut whole) = (0.0, 0.0);
        for point in 0..points {
            for _ in 0..draws {
                let surprise = codes.surprise(point, (0..dimensions).map(|_| T::real(random.normal())));
                within += surprise.within / (points * draws) as f64;
                whole += surprise.whole / (points * draws) as f64;
            }
        }
        (within, whole)
    }

    /// Random codes in three dimensions and SciPy's densities of them, see make_noisy_codes.py.
    #[test]
    fn densities_are_scipys() {
        let fixture = include_str!("../../../../tests/fixtures/noisy_codes.csv");
        let rows: Vec<Vec<Vec<f64>>> = fixture
            .lines()
            .skip(1)
            .map(|row| row.split(',').map(|cell| cell.split(' ').map(|v| v.parse().unwrap()).collect()).collect())
            .collect();
        let by_dimension = |cell: usize| (0..3).flat_map(|k| rows.iter().map(move |row| row[cell][k])).collect::<Vec<f64>>();
        let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
        let sizes = [7, 4, 9];
        let mut codes = Codes::new(by_dimension(1), by_dimension(2), &sizes);
        let mut narrow = Codes::new(single(by_dimension(1)), single(by_dimension(2)), &sizes);
        for (i, row) in rows.iter().enumerate() {
            let theirs = Surprise { within: row[4][0], whole: row[5][0] };
            let near = |ours: Surprise, tolerance: f64| {
                let apart = (ours.within - theirs.within).abs().max((ours.whole - theirs.whole).abs());
                assert!(apart < tolerance, "point {i}: {ours:?} and {theirs:?}");
            };
            near(codes.surprise(i, row[3].iter().copied()), 1e-12);
            near(narrow.surprise(i, row[3].iter().map(|v| *v as f32)), 1e-5);
        }
    }

    /// z = x + σε with x standard normal: I(X;Z) = ½ ln(1 + 1/σ²).
    #[test]
    fn information_of_a_gaussian_channel() {
        let (points, sigma) = (2000, 0.5);
        let mut random = Random::new(1, "channel");
        let x: Vec<f64> = (0..points).map(|_| random.normal()).collect();
        let mut codes = Codes::new(x, vec![sigma; points], &[points]);
        let (within, whole) = informations(&mut codes, 1, &mut random);
        let truth = 0.5 * log(1.0 + 1.0 / (sigma * sigma));
        assert!((whole / truth - 1.0).abs() < 0.03 && (within - whole).abs() < 1e-12, "{whole} and {truth}");
    }

    /// Without overlap of the codes the estimate is the logarithm of the number of points, and nothing exceeds it; what the class says is
    /// I(X;Z) − I(X;Z|Y) = I(Y;Z), between 0 and its entropy.
    #[test]
    fn no_code_keeps_more_than_there_is() {
        let mut random = Random::new(2, "bounds");
        for (spread, sigma) in [(1.0, 1e-6), (0.0, 1.0), (3.0, 0.3), (1.0, 1.0)] {
            let mean = (0..800).map(|i| spread * random.normal() + if i % 400 < 300 { 0.0 } else { 2.0 }).collect();
            let mut codes = Codes::<f64>::new(mean, vec![sigma; 800], &[300, 100]);
            let (within, whole) = informations(&mut codes, 4, &mut random);
            let most = 0.75 * log(300.0) + 0.25 * log(100.0);
            let entropy = log(4.0) - 0.75 * log(3.0);
            assert!(within <= most + 1e-12 && whole <= log(400.0) + 1e-12, "{within} {whole}");
            assert!(whole - within > -0.01 && whole - within < entropy + 0.01, "{within} {whole}");
            if sigma == 1e-6 {
                assert!((within - most).abs() < 1e-3 && (whole - log(400.0)).abs() < 1e-3, "{within} {whole}");
            }
        }
    }
}
