//! Mutual information of two continuous samples in nats: kernel density on a grid, equal-count bins, nearest neighbours.
//!
//! Sources: Silverman, "Kernel density estimation using the fast Fourier transform", 1982; Miller, "Note on the bias of information
//! estimates", 1955; Kraskov, Stögbauer & Grassberger, "Estimating mutual information", 2004.

use libm::{exp, log};

use crate::linear::fourier::Fourier;
use crate::linear::ln_in_place;
use crate::statistics::ranks;

/// `values` with mean 0 and variance 1; constant values become 0.
pub fn standardised(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
    values.iter().map(|v| (v - mean) * scale).collect()
}

/// A sample on an axis of the grid.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The centres of the first and the last cell, three bandwidths beyond the sample.
    pub span: (f64, f64),
    /// The cell below each value, and what share of it goes to the next cell.
    places: Vec<(u32, f64)>,
    /// The transform of the kernel, which is real as the kernel is even; padded to twice the cells.
    kernel: Vec<f64>,
}

/// Kernel densities of pairs on a grid, convolved by fast Fourier transforms.
#[derive(Clone, Debug)]
pub struct Grid {
    cells: usize,
    fourier: Fourier,
    /// Real and imaginary parts of a matrix of 2·cells × cells, and of one of 2·cells × 2·cells.
    narrow: [Vec<f64>; 2],
    wide: [Vec<f64>; 2],
    density: Vec<f64>,
    logs: Vec<f64>,
}

impl Grid {
    /// A grid of `cells` × `cells`, a power of two.
    pub fn new(cells: usize) -> Self {
        let room = |values: usize| [vec![0.0; values], vec![0.0; values]];
        Grid {
            cells,
            fourier: Fourier::new(2 * cells),
            narrow: room(2 * cells * cells),
            wide: room(4 * cells * cells),
            density: vec![0.0; cells * cells],
            logs: Vec::new(),
        }
    }

    /// Lays `values` out on an axis, for a Gaussian kernel of standard deviation `bandwidth` > 0.
    pub fn variable(&self, values: &[f64], bandwidth: f64) -> Variable {
        let ends = |best: fn(f64, f64) -> f64, start: f64| values.iter().fold(start, |a, b| best(a, *b));
        let (low, high) = (ends(f64::min, f64::INFINITY) - 3.0 * bandwidth, ends(f64::max, f64::NEG_INFINITY) + 3.0 * bandwidth);
        let spacing = (high - low) / (self.cells - 1) as f64;
        let place = |value: &f64| {
            let at = (value - low) / spacing;
            let cell = at.floor().clamp(0.0, (self.cells - 2) as f64);
            (cell as u32, at - cell)
        };
        let padded = 2 * self.cells;
        let tap = |i: usize| {
            let away = i.min(padded - i) as f64 * spacing / bandwidth;
            exp(-0.5 * away * away)
        };
        let mut kernel: Vec<f64> = (0..padded).map(tap).collect();
        // The tap at −cells has no twin.
        kernel[self.cells] = 0.0;
        let whole: f64 = kernel.iter().sum();
        kernel.iter_mut().for_each(|k| *k /= whole);
        self.fourier.forward(&mut kernel, &mut vec![0.0; padded]);
        Variable { span: (low, high), places: values.iter().map(place).collect(), kernel }
    }

    /// The probability of every cell, cells × cells, `x` along the rows and `y` across them: each pair is shared among its four cells, and
    /// the kernel laid over.
    pub fn density(&mut self, x: &Variable, y: &Variable) -> &[f64] {
        let (cells, padded) = (self.cells, 2 * self.cells);
        let [re, im] = &mut self.narrow;
        re.fill(0.0);
        im.fill(0.0);
        let share = 1.0 / x.places.len() as f64;
        for ((column, right), (row, above)) in x.places.iter().zip(&y.places) {
            let at = *row as usize * cells + *column as usize;
            re[at] += share * (1.0 - above) * (1.0 - right);
            re[at + 1] += share * (1.0 - above) * right;
            re[at + cells] += share * above * (1.0 - right);
            re[at + cells + 1] += share * above * right;
        }
        // Along y, then along x, padded with as many zeros: nothing wraps around.
        self.fourier.forward(re, im);
        for (narrow, wide) in self.narrow.iter().zip(&mut self.wide) {
            transpose(narrow, wide, padded, cells);
            wide[padded * cells..].fill(0.0);
        }
        let [re, im] = &mut self.wide;
        self.fourier.forward(re, im);
        for matrix in [&mut *re, &mut *im] {
            for (row, kx) in matrix.chunks_exact_mut(padded).zip(&x.kernel) {
                row.iter_mut().zip(&y.kernel).for_each(|(v, ky)| *v *= kx * ky);
            }
        }
        self.fourier.inverse(re, im);
        for (narrow, wide) in self.narrow.iter_mut().zip(&self.wide) {
            transpose(&wide[..cells * padded], narrow, cells, padded);
        }
        let [re, im] = &mut self.narrow;
        self.fourier.inverse(re, im);
        // Rounding leaves tiny negative numbers, the rim a little less than one.
        let positive = re[..cells * cells].iter().map(|p| p.max(0.0));
        let whole: f64 = positive.clone().sum();
        self.density.iter_mut().zip(positive).for_each(|(to, p)| *to = p / whole);
        &self.density
    }

    /// Σ f ln(f / (f_x f_y)) of the density; the marginals are its own sums, so it is never negative but for rounding.
    pub fn information(&mut self, x: &Variable, y: &Variable) -> f64 {
        self.density(x, y);
        let cells = self.cells;
        let of_row: Vec<f64> = self.density.chunks_exact(cells).map(|row| row.iter().sum()).collect();
        let mut of_column = vec![0.0; cells];
        for row in self.density.chunks_exact(cells) {
            of_column.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
        }
        let [joint, rows, columns] = [&self.density, &of_row, &of_column].map(|p| {
            self.logs.clear();
            // The floor stands for log 0 and keeps 0·log 0 at 0.
            self.logs.extend(p.iter().map(|p| p.max(1e-300)));
            ln_in_place(&mut self.logs);
            p.iter().zip(&self.logs).map(|(p, l)| p * l).sum::<f64>()
        });
        joint - rows - columns
    }

    /// Operations of an estimate from `n` pairs; a logarithm counts as 20.
    pub fn operations(&self, n: usize) -> usize {
        let (cells, padded) = (self.cells, 2 * self.cells);
        12 * n + 2 * self.fourier.operations(cells + padded) + 2 * padded * padded + 24 * cells * cells
    }
}

/// `to` (columns × rows) = the transpose of `from` (rows × columns).
fn transpose(from: &[f64], to: &mut [f64], rows: usize, columns: usize) {
    const SIDE: usize = 8;
    for top in (0..rows).step_by(SIDE) {
        for left in (0..columns).step_by(SIDE) {
            for row in top..rows.min(top + SIDE) {
                for column in left..columns.min(left + SIDE) {
                    to[column * rows + row] = from[row * columns + column];
                }
            }
        }
    }
}

/// The bin of every value, 0 to `count` − 1, when each is to hold as many values as the others.
pub fn equal_count_bins(values: &[f64], count: usize) -> Vec<usize> {
    let n = values.len() as f64;
    ranks(values).into_iter().map(|rank| ((rank - 0.5) * count as f64 / n) as usize).collect()
}

/// The information of two binnings of a sample, each with bins 0 to `count` − 1, less the bias that Miller's (Madow's) correction expects.
pub fn binned(x: &[usize], y: &[usize], count: usize) -> f64 {
    let n = x.len() as f64;
    let mut joint = vec![0u32; count * count];
    x.iter().zip(y).for_each(|(x, y)| joint[x * count + y] += 1);
    // Entropy Σ −p ln p, plus (occupied − 1)/2n.
    let entropy = |counts: &mut dyn Iterator<Item = u32>| {
        let (mut sum, mut occupied) = (0.0, 0.0);
        for c in counts.filter(|c| *c > 0) {
            sum -= f64::from(c) / n * log(f64::from(c) / n);
            occupied += 1.0;
        }
        sum + (occupied - 1.0) / (2.0 * n)
    };
    let rows = entropy(&mut joint.chunks_exact(count).map(|row| row.iter().sum()));
    let columns = entropy(&mut (0..count).map(|y| joint.iter().skip(y).step_by(count).sum()));
    rows + columns - entropy(&mut joint.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::information::estimators::nearest_neighbours_seen;
    use crate::random::Random;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }

    /// NumPy's, SciPy's and scikit-learn's values of the three estimates, see make_continuous_information.py.
    #[test]
    fn estimates_are_those_of_others() {
        let fixture = include_str!("../../../tests/fixtures/continuous_information.csv");
        let mut grid = Grid::new(64);
        for row in fixture.lines().skip(1) {
            let cells: Vec<Vec<f64>> = row.split(',').map(|cell| cell.split(' ').map(|v| v.parse().unwrap()).collect()).collect();
            let (x, y, bandwidth) = (standardised(&cells[0]), standardised(&cells[1]), cells[2][0]);
            let (across, up) = (grid.variable(&x, bandwidth), grid.variable(&y, bandwidth));
            near(grid.information(&across, &up), cells[3][0], 1e-12);
            near(binned(&equal_count_bins(&x, 8), &equal_count_bins(&y, 8), 8), cells[4][0], 1e-13);
            near(nearest_neighbours_seen(&cells[0], 1, &cells[1], 1, 3).0, cells[5][0], 1e-12);
        }
    }

    /// The fast convolution against the sum over all cells, for kernels from narrow to wider than the sample.
    #[test]
    fn density_is_the_direct_convolution() {
        let mut random = Random::new(1, "pairs");
        let mut sample = || standardised(&(0..30).map(|_| random.normal()).collect::<Vec<f64>>());
        let (x, y, cells) = (sample(), sample(), 16);
        for bandwidth in [0.1, 0.5, 3.0] {
            let mut grid = Grid::new(cells);
            let (across, up) = (grid.variable(&x, bandwidth), grid.variable(&y, bandwidth));
            let ours = grid.density(&across, &up).to_vec();
            let spread = |of: &Variable, value: f64| -> Vec<f64> {
                let spacing = (of.span.1 - of.span.0) / (cells - 1) as f64;
                let tap = |away: f64| exp(-0.5 * away * away * spacing * spacing / (bandwidth * bandwidth));
                // What a value leaves on the cells: its two neighbours' shares, each spread by the kernel.
                let at = (value - of.span.0) / spacing;
                let share = |cell: usize| (1.0 - (at - cell as f64).abs()).max(0.0);
                (0..cells).map(|i| (0..cells).map(|j| share(j) * tap(i as f64 - j as f64)).sum()).collect()
            };
            let mut direct = vec![0.0; cells * cells];
            for (x, y) in x.iter().zip(&y) {
                let (across, up) = (spread(&across, *x), spread(&up, *y));
                (0..cells * cells).for_each(|i| direct[i] += up[i / cells] * across[i % cells]);
            }
            let whole: f64 = direct.iter().sum();
            ours.iter().zip(&direct).for_each(|(a, b)| near(*a, b / whole, 1e-12));
            near(ours.iter().sum(), 1.0, 1e-14);
        }
    }

    /// A Gaussian pair has −½ ln(1 − ρ²): the grid less its value after a permutation, in the mean of ten draws; neighbours without.
    #[test]
    fn information_of_a_gaussian_pair() {
        let (n, mut grid, mut random) = (5000, Grid::new(64), Random::new(1, "pairs"));
        let bandwidth = 0.5 * exp(-log(n as f64) / 6.0);
        for rho in [0.0, 0.3, 0.6, 0.9] {
            let (truth, mut mean, mut neighbours) = (-0.5 * log(1.0 - rho * rho), 0.0, 0.0);
            for _ in 0..10 {
                let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
                let mut y: Vec<f64> = x.iter().map(|x| rho * x + f64::sqrt(1.0 - rho * rho) * random.normal()).collect();
                let across = grid.variable(&standardised(&x), bandwidth);
                let up = grid.variable(&standardised(&y), bandwidth);
                mean += grid.information(&across, &up) / 10.0;
                neighbours += nearest_neighbours_seen(&x, 1, &y, 1, 3).0 / 10.0;
                random.shuffle(&mut y);
                let shuffled = grid.variable(&standardised(&y), bandwidth);
                mean -= grid.information(&across, &shuffled) / 10.0;
            }
            near(mean, truth, f64::max(0.12 * truth, 0.005));
            near(neighbours, truth, 0.02);
        }
    }

    #[test]
    fn constants_and_copies() {
        assert_eq!(standardised(&[2.0; 5]), [0.0; 5]);
        let mut grid = Grid::new(64);
        let x: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 200)).collect();
        let (x, constant) = (standardised(&x), vec![0.0; 200]);
        let (across, flat) = (grid.variable(&x, 0.4), grid.variable(&constant, 0.4));
        near(grid.information(&across, &flat), 0.0, 1e-12);
        let bins = equal_count_bins(&x, 8);
        assert!((0..8).all(|b| bins.iter().filter(|bin| **bin == b).count() == 25));
        // ln 8, and the correction (8 + 8 − 8 − 1)/2n.
        near(binned(&bins, &bins, 8), log(8.0) + 7.0 / 400.0, 1e-12);
    }
}
