//! The spectrum of a symmetric operator from its products: whole where there are few weights, else its ends by a Lanczos process and what
//! is between them by further ones, from random starts that are orthogonal to what the first one has found.

use ground::random::Random;
use methods::linear::lanczos::{Lanczos, Ritz};
use nalgebra::{DMatrix, SymmetricEigen};

/// Weights up to which the operator is known whole, a product each.
pub const FEW: usize = 96;
/// ‖Hv − θv‖ of a pair that counts as known, as a share of the largest |θ|: the eigenvalue's error is about its square.
pub const TOLERANCE: f64 = 1e-3;
/// Products for the ends, and as many again where they have not yet come to rest.
const ENDS: usize = 32;
/// Random starts for what is between the ends, and products of each.
const PROBES: usize = 4;
const STEPS: usize = 8;

/// A spectrum as far as it is known; one step a product.
pub struct Spectrum {
    size: usize,
    random: Random,
    /// The columns of the operator, where it is to be known whole.
    columns: Vec<Vec<f64>>,
    /// The process that finds the ends, where it is not.
    first: Lanczos,
    known: Option<Pairs>,
    probe: Option<Lanczos>,
    /// What the finished probes saw.
    rest: Vec<Ritz>,
    finite: bool,
}

/// Eigenvalues θ, ascending, with the residuals ‖Hv − θv‖ of their vectors.
pub struct Pairs {
    pub values: Vec<f64>,
    pub residuals: Vec<f64>,
    vectors: Vectors,
}

enum Vectors {
    Whole(DMatrix<f64>),
    Krylov(Lanczos, Ritz),
}

impl Pairs {
    /// Eigenvector `i`, of unit length.
    pub fn vector(&self, i: usize) -> Vec<f64> {
        match &self.vectors {
            Vectors::Whole(all) => all.column(i).as_slice().to_vec(),
            Vectors::Krylov(lanczos, ritz) => lanczos.vector(ritz, i),
        }
    }

    /// The place of the largest eigenvalue.
    pub fn top(&self) -> usize {
        self.values.len() - 1
    }

    /// The largest |θ|.
    fn scale(&self) -> f64 {
        self.values.iter().fold(0.0, |most, value| value.abs().max(most))
    }

    /// Is this pair known?
    fn settled(&self, i: usize) -> bool {
        self.residuals[i] <= TOLERANCE * self.scale()
    }

    /// Eigenvalues of known pairs.
    fn settled_values(&self) -> impl Iterator<Item = f64> {
        (0..self.values.len()).filter(|i| self.settled(*i)).map(|i| self.values[i])
    }

    fn of_matrix(columns: &[Vec<f64>]) -> Pairs {
        let n = columns.len();
        let matrix = DMatrix::from_fn(n, n, |i, j| 0.5 * (columns[j][i] + columns[i][j]));
        let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(matrix);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|i, j| eigenvalues[*i].total_cmp(&eigenvalues[*j]));
        let vectors = Vectors::Whole(eigenvectors.select_columns(&order));
        Pairs { values: order.iter().map(|i| eigenvalues[*i]).collect(), residuals: vec![0.0; n], vectors }
    }

    fn of_process(lanczos: Lanczos) -> Pairs {
        let ritz = lanczos.ritz();
        Pairs { values: ritz.values.clone(), residuals: ritz.residuals.clone(), vectors: Vectors::Krylov(lanczos, ritz) }
    }

    /// The two largest and the least are known.
    fn ends_settled(&self) -> bool {
        let top = self.top();
        [0, top, top.saturating_sub(1)].into_iter().all(|i| self.settled(i))
    }
}

impl Spectrum {
    /// Nothing is known yet of an operator on vectors of `size` numbers.
    pub fn new(size: usize, mut random: Random) -> Self {
        let first = Lanczos::random(size, &mut random);
        let (columns, rest) = (Vec::new(), Vec::new());
        Spectrum { size, random, columns, first, known: None, probe: None, rest, finite: true }
    }

    /// How many products all of it takes, as far as is known beforehand.
    pub fn planned(size: usize) -> usize {
        if size <= FEW { size } else { ENDS + PROBES * STEPS }
    }

    /// How many of them there were.
    pub fn products(&self) -> usize {
        let probes = self.rest.iter().map(|ritz| ritz.values.len()).sum::<usize>();
        self.columns.len() + self.first.steps() + probes + self.probe.as_ref().map_or(0, Lanczos::steps)
    }

    /// The vector whose product is wanted next; none where nothing is left to do, or the operator is not finite.
    pub fn next(&self) -> Option<Vec<f64>> {
        if !self.finite {
            None
        } else if self.known.is_some() {
            self.probe.as_ref().map(|probe| probe.next().to_vec())
        } else if self.size <= FEW {
            Some((0..self.size).map(|i| f64::from(u8::from(i == self.columns.len()))).collect())
        } else {
            Some(self.first.next().to_vec())
        }
    }

    /// One step, given the operator's product with [`Spectrum::next`].
    pub fn step(&mut self, image: Vec<f64>) {
        // So that no square of it is beyond all numbers either.
        if image.iter().any(|v| !v.is_finite() || v.abs() > 1e100) {
            self.finite = false;
        } else if let Some(probe) = &mut self.probe {
            probe.step(image);
            if probe.steps() == STEPS || probe.exhausted() {
                self.rest.push(probe.ritz());
                self.probe = (self.rest.len() < PROBES).then(|| self.start());
            }
        } else if self.size <= FEW {
            self.columns.push(image);
            self.known = (self.columns.len() == self.size).then(|| Pairs::of_matrix(&self.columns));
        } else {
            self.first.step(image);
            let steps = self.first.steps();
            if steps >= ENDS || self.first.exhausted() {
                let pairs = Pairs::of_process(self.first.clone());
                if pairs.ends_settled() || self.first.exhausted() || steps == 2 * ENDS {
                    self.known = Some(pairs);
                    self.probe = Some(self.start());
                }
            }
        }
    }

    /// A random start orthogonal to the pairs that are known.
    fn start(&mut self) -> Lanczos {
        let mut start: Vec<f64> = (0..self.size).map(|_| self.random.normal()).collect();
        let known = self.known.as_ref().expect("the ends come first");
        for i in (0..known.values.len()).filter(|i| known.settled(*i)) {
            let v = known.vector(i);
            let along: f64 = start.iter().zip(&v).map(|(s, v)| s * v).sum();
            start.iter_mut().zip(&v).for_each(|(s, v)| *s -= along * v);
        }
        Lanczos::new(start)
    }

    /// The ends, or all of it; none before they are found.
    pub fn known(&self) -> Option<&Pairs> {
        self.known.as_ref()
    }

    /// Dimensions that no known pair has.
    fn unknown(&self) -> f64 {
        self.known.as_ref().map_or(self.size, |known| self.size - known.settled_values().count()) as f64
    }

    /// Eigenvalues and their shares of the whole: 1/n for each that is known; for the others nodes and weights of Gauss quadrature, the
    /// mean over random starts.
    pub fn nodes(&self) -> Vec<(f64, f64)> {
        let Some(known) = &self.known else {
            let ritz = (self.first.steps() > 1).then(|| self.first.ritz());
            return ritz.map_or(Vec::new(), |ritz| ritz.values.into_iter().zip(ritz.weights).collect());
        };
        let n = self.size as f64;
        let share = self.unknown() / n / self.rest.len() as f64;
        let rest = self.rest.iter().flat_map(|ritz| ritz.values.iter().zip(&ritz.weights)).map(|(v, w)| (*v, share * w));
        known.settled_values().map(|value| (value, 1.0 / n)).chain(rest).collect()
    }

    /// Σλ, with its standard error over random starts, and Σλ²; none before the first of these has ended.
    ///
    /// What is known is summed. Of the rest B, in m dimensions, a random unit vector s gives sᵀBs and ‖Bs‖², whose means are tr B / m and
    /// ‖B‖²/m; the variance of m sᵀBs is 2m/(m + 2)·(‖B‖² − (tr B)²/m) (Hutchinson 1990, for starts on the sphere).
    pub fn sums(&self) -> Option<Sums> {
        let known = self.known.as_ref()?;
        let (trace, squares) = known.settled_values().fold((0.0, 0.0), |(a, b), value| (a + value, b + value * value));
        let m = self.unknown();
        if m == 0.0 {
            return Some(Sums { trace, error: 0.0, squares });
        }
        let probes = self.rest.len() as f64;
        if probes == 0.0 {
            return None;
        }
        let mean = |power: fn(f64) -> f64| {
            let of = |ritz: &Ritz| ritz.values.iter().zip(&ritz.weights).map(|(v, w)| w * power(*v)).sum::<f64>();
            m * self.rest.iter().map(of).sum::<f64>() / probes
        };
        let (rest, rest_squares) = (mean(|v| v), mean(|v| v * v));
        let variance = 2.0 * m / (m + 2.0) * (rest_squares - rest * rest / m).max(0.0);
        Some(Sums { trace: trace + rest, error: (variance / probes).sqrt(), squares: squares + rest_squares })
    }
}

/// Sums over a spectrum.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// Σλ, the trace.
    pub trace: f64,
    /// Its standard error; 0 where it is exact.
    pub error: f64,
    /// Σλ².
    pub squares: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few large eigenvalues of both signs above a bulk, as Hessians have them.
    fn operator(n: usize) -> (DMatrix<f64>, Vec<f64>) {
        let mut random = Random::new(2, "operator");
        let q = DMatrix::from_fn(n, n, |_, _| random.normal()).qr().q();
        let mut values: Vec<f64> = (0..n).map(|_| 0.03 * random.normal()).collect();
        values[..5].copy_from_slice(&[4.0, 2.0, 1.0, 0.5, -0.8]);
        let matrix = &q * DMatrix::from_diagonal(&values.clone().into()) * q.transpose();
        values.sort_by(f64::total_cmp);
        (matrix, values)
    }

    fn known(matrix: &DMatrix<f64>, seed: u64) -> Spectrum {
        let n = matrix.nrows();
        let mut spectrum = Spectrum::new(n, Random::new(seed, "spectrum"));
        while let Some(v) = spectrum.next() {
            spectrum.step((matrix * DMatrix::from_column_slice(n, 1, &v)).as_slice().to_vec());
        }
        spectrum
    }

    #[test]
    fn few_weights_have_their_whole_spectrum() {
        let (matrix, values) = operator(32);
        let spectrum = known(&matrix, 0);
        assert_eq!((spectrum.products(), Spectrum::planned(32)), (32, 32));
        let nodes = spectrum.nodes();
        assert!(nodes.iter().zip(&values).all(|((v, w), value)| (v - value).abs() < 1e-12 && *w == 1.0 / 32.0));
        let sums = spectrum.sums().unwrap();
        assert!((sums.trace - matrix.trace()).abs() < 1e-12 && sums.error == 0.0);
        assert!((sums.squares - matrix.norm_squared()).abs() < 1e-10);
        // An eigenvalue that is there thirty times is there thirty times.
        let twice = known(&DMatrix::from_diagonal(&[vec![1.0; 30], vec![5.0; 2]].concat().into()), 0);
        assert_eq!(twice.nodes().iter().filter(|(v, _)| *v == 1.0).count(), 30);
    }

    #[test]
    fn ends_are_found_and_the_rest_is_estimated_with_its_error() {
        let n = 300;
        let (matrix, values) = operator(n);
        let mut off = Vec::new();
        for seed in 0..20 {
            let spectrum = known(&matrix, seed);
            assert_eq!(spectrum.products(), Spectrum::planned(n));
            let pairs = spectrum.known().unwrap();
            let top = pairs.top();
            for (i, value) in [(0, values[0]), (top, values[n - 1]), (top - 1, values[n - 2])] {
                let v = DMatrix::from_column_slice(n, 1, &pairs.vector(i));
                assert!((pairs.values[i] - value).abs() < 1e-6 && (&matrix * &v - value * &v).norm() < 0.01);
            }
            // Each large eigenvalue has its own weight, and all weights are one.
            let nodes = spectrum.nodes();
            assert_eq!(nodes.iter().filter(|(v, w)| v.abs() > 0.3 && *w == 1.0 / n as f64).count(), 5);
            assert!((nodes.iter().map(|node| node.1).sum::<f64>() - 1.0).abs() < 1e-12);
            let sums = spectrum.sums().unwrap();
            assert!((sums.squares / matrix.norm_squared() - 1.0).abs() < 0.01, "{sums:?}");
            assert!(sums.error < 0.1 * matrix.trace(), "{sums:?}");
            off.push((sums.trace - matrix.trace()) / sums.error);
        }
        let spread = (off.iter().map(|v| v * v).sum::<f64>() / 20.0).sqrt();
        assert!((0.6..1.5).contains(&spread), "the standard error is one: {spread}");
    }

    #[test]
    fn what_is_not_finite_ends_it() {
        for size in [5, 200] {
            let mut spectrum = Spectrum::new(size, Random::new(0, "spectrum"));
            spectrum.step(vec![f64::NAN; size]);
            assert!(spectrum.next().is_none() && spectrum.known().is_none() && spectrum.sums().is_none());
        }
    }
}
