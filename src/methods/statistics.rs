//! Statistics of samples.

pub mod gaussian;
pub mod logistic;
pub mod ridge;

/// Pearson's correlation of the pairs `(x[i], y[i])`, in −1..=1.
///
/// NaN where it has no meaning: fewer than two pairs, a constant sample, or a value that is not finite.
pub fn correlation(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "a correlation is of pairs");
    // The mean of equal values is rounded, so their variance would not be exactly 0.
    if [x, y].iter().any(|v| v.iter().all(|value| *value == v[0])) {
        return f64::NAN;
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)
}

/// The variance of a sample, its sum of squares over n − 1; NaN for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// How many values lie in each of `bins` equal bins between the smallest and the largest: (edges, counts). Values that all agree still
/// have a bin that is wide enough to be seen.
///
/// # Panics
/// If there are none.
pub fn histogram(values: &[f64], bins: usize) -> (Vec<f64>, Vec<f64>) {
    let low = values.iter().copied().reduce(f64::min).expect("values to be counted");
    let high = values.iter().copied().fold(low, f64::max);
    let width = ((high - low) / bins as f64).max(1e-4 * high.abs()).max(1e-9);
    let mut counts = vec![0.0; bins];
    values.iter().for_each(|v| counts[(((v - low) / width) as usize).min(bins - 1)] += 1.0);
    ((0..=bins).map(|k| low + width * k as f64).collect(), counts)
}

/// Sorts from the smallest to the largest by [`f64::total_cmp`]. One for all, since every sort of its own is kilobytes of code.
pub fn sort(values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
}

/// The places of the values from the smallest to the largest by [`f64::total_cmp`]; equal ones as they stand.
pub fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    order
}

/// The places of the values from the largest to the smallest; equal ones as they stand.
pub fn falling(values: &[f64]) -> Vec<usize> {
    order(&values.iter().map(|value| -value).collect::<Vec<_>>())
}

/// Sorts items by a number each, from the smallest to the largest; equal ones stay as they stand.
pub fn sort_by<T: Clone>(items: &mut Vec<T>, number: impl Fn(&T) -> f64) {
    let order = order(&items.iter().map(number).collect::<Vec<_>>());
    *items = order.into_iter().map(|i| items[i].clone()).collect();
}

/// The rank of every value, 1 the smallest; equal values share the mean of their ranks. NaN ranks highest.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let order = order(values);
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let mean = below as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|i| ranks[*i] = mean);
        below += equal.len();
    }
    ranks
}

/// Spearman's rank correlation ρ: Pearson's of the [`ranks`]; NaN as [`correlation`], and where a value is NaN.
pub fn rank_correlation(x: &[f64], y: &[f64]) -> f64 {
    if x.iter().chain(y).any(|value| value.is_nan()) {
        return f64::NAN;
    }
    correlation(&ranks(x), &ranks(y))
}

/// z with Φ(z) = p for the standard normal distribution function Φ; 0 < p < 1. By bisection, to the last bits.
pub fn normal_quantile(p: f64) -> f64 {
    assert!(0.0 < p && p < 1.0, "a probability between 0 and 1");
    let (mut low, mut high) = (-40.0, 40.0);
    loop {
        let z = 0.5 * (low + high);
        if z <= low || z >= high {
            return z;
        }
        // Φ(z) = ½ erfc(−z/√2)
        *(if 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2) < p { &mut low } else { &mut high }) = z;
    }
}

/// The middle value; the upper one of the two in the middle of an even number.
///
/// # Panics
/// If there are none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let half = values.len() / 2;
    *values.select_nth_unstable_by(half, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Samples with and without ties and SciPy's spearmanr of them, see make_rank_correlation.py.
    #[test]
    fn rank_correlations_are_scipys() {
        let fixture = include_str!("../../tests/fixtures/rank_correlation.csv");
        for row in fixture.lines().skip(1) {
            let cells: Vec<&str> = row.split(',').collect();
            let numbers = |cell: &str| cell.split(' ').map(|v| v.parse().unwrap()).collect::<Vec<f64>>();
            let rho: f64 = cells[2].parse().unwrap();
            assert!((rank_correlation(&numbers(cells[0]), &numbers(cells[1])) - rho).abs() < 1e-14, "{row}");
        }
        assert_eq!(ranks(&[3.0, 1.0, 3.0, -2.0, 3.0]), [4.0, 2.0, 4.0, 1.0, 4.0]);
        assert!(rank_correlation(&[1.0, f64::NAN, 2.0], &[1.0, 2.0, 3.0]).is_nan());
        assert!(rank_correlation(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_nan());
    }

    #[test]
    fn exact_on_lines_and_known_on_a_table() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!((correlation(&x, &x.map(|v| 7.0 - 3.0 * v)) + 1.0).abs() < 1e-15);
        assert!((correlation(&x, &x.map(|v| 0.1 * v)) - 1.0).abs() < 1e-15);
        // By hand: Σdxdy = 8, Σdx² = 10, Σdy² = 10.
        assert!((correlation(&x, &[2.0, 1.0, 4.0, 3.0, 5.0]) - 0.8).abs() < 1e-15);
    }

    #[test]
    fn recovers_the_correlation_of_a_gaussian_pair() {
        let (n, rho) = (100_000, 0.6_f64);
        let mut random = Random::new(5, "pairs");
        let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let y: Vec<f64> = x.iter().map(|x| rho * x + (1.0 - rho * rho).sqrt() * random.normal()).collect();
        assert!((correlation(&x, &y) - rho).abs() < 0.01);
    }

    #[test]
    fn normal_quantiles_are_the_tables() {
        for (p, z) in
            [(0.5, 0.0), (0.975, 1.959_963_984_540_054), (0.025, -1.959_963_984_540_054), (1e-9, -5.997_807_015_008_182)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-13 * (1.0 + z.abs()), "{p}: {}", normal_quantile(p));
        }
    }

    #[test]
    fn nan_where_it_has_no_meaning() {
        assert!(correlation(&[], &[]).is_nan());
        assert!(correlation(&[1.0], &[2.0]).is_nan());
        assert!(correlation(&[0.1, 0.1, 0.1], &[2.0, 3.0, 1.0]).is_nan());
        assert!(correlation(&[1.0, f64::INFINITY], &[2.0, 3.0]).is_nan());
    }
}
