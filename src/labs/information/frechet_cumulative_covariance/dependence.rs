//! Dependence on a response of which only distances are known: cumulative covariance over balls, and distance covariance.
//!
//! Both are quadratic forms fᵀ M f in the values of a function at the samples, with a matrix M that the distances alone decide. That of the
//! balls sees only which distance is the larger of two, so that no outlier weighs more than its rank.
//!
//! Sources: Yuan, Wang & Yu, "Fréchet cumulative covariance net", 2025; Székely, Rizzo & Bakirov, "Measuring and testing dependence by
//! correlation of distances", 2007.

use libm::sqrt;
use run::prelude::*;

/// For one centre: of every sample, how many samples are at least as far from the centre as it is. `distances` are those to the centre.
pub fn outside(distances: &[f64]) -> Vec<i16> {
    let n = distances.len();
    assert!(n <= i16::MAX as usize, "at most 32,767 samples");
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|a, b| distances[*a].total_cmp(&distances[*b]));
    let mut counts = vec![0; n];
    let mut nearer = 0;
    for equal in order.chunk_by(|a, b| distances[*a] == distances[*b]) {
        equal.iter().for_each(|i| counts[*i] = (n - nearer) as i16);
        nearer += equal.len();
    }
    counts
}

/// Row `i` of A, of which FCCov(f) = f̃ᵀ A f̃ for the centred values f̃ of a function at the samples:
///
/// A_ij = n⁻⁴ Σ_k #{l : d_kl ≥ max(d_ki, d_kj)} = n⁻⁴ Σ_k min(c_ki, c_kj). `counts` has for every sample its c under every centre.
pub fn cumulative_row(counts: &[Vec<i16>], i: usize) -> Vec<f64> {
    let n = counts.len() as f64;
    let own = &counts[i];
    let least = |other: &Vec<i16>| own.iter().zip(other).map(|(a, b)| i32::from(*a.min(b))).sum::<i32>();
    counts.iter().map(|other| f64::from(least(other)) / (n * n * n * n)).collect()
}

/// Rows to columns: what [`outside`] gives centre by centre, as [`cumulative_row`] wants it sample by sample.
pub fn transposed(rows: &[Vec<i16>]) -> Vec<Vec<i16>> {
    (0..rows.len()).map(|i| rows.iter().map(|row| row[i]).collect()).collect()
}

/// Takes the means of rows and columns out of a symmetric matrix: J M J.
pub fn centre(matrix: &mut [f64]) {
    let n = matrix.len().isqrt();
    let means: Vec<f64> = matrix.chunks_exact(n).map(|row| row.iter().sum::<f64>() / n as f64).collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    for (row, own) in matrix.chunks_exact_mut(n).zip(&means) {
        row.iter_mut().zip(&means).for_each(|(m, other)| *m += mean - own - other);
    }
}

/// M x for a symmetric M.
pub fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    for (row, x) in matrix.chunks_exact(x.len()).zip(x) {
        out.iter_mut().zip(row).for_each(|(out, m)| *out += m * x);
    }
    out
}

/// Numbers ready to be correlated by distance: the centred matrix of their distances.
#[derive(Clone, Debug)]
pub struct Distances {
    centred: Vec<f64>,
    /// The mean square of `centred`.
    variance: f64,
}

impl Distances {
    /// Of the numbers `values`.
    pub fn of(values: &[f64]) -> Self {
        let mut centred: Vec<f64> = values.iter().flat_map(|a| values.iter().map(move |b| (a - b).abs())).collect();
        centre(&mut centred);
        let variance = centred.iter().map(|a| a * a).sum::<f64>() / centred.len() as f64;
        Distances { centred, variance }
    }

    /// The distance correlation in 0..=1: 0 where the two are independent, 1 where one is the other scaled and moved. 0 for a constant.
    pub fn correlation(&self, other: &Distances) -> f64 {
        let product = sqrt(self.variance * other.variance);
        if product == 0.0 {
            return 0.0;
        }
        let covariance = self.centred.iter().zip(&other.centred).map(|(a, b)| a * b).sum::<f64>() / self.centred.len() as f64;
        sqrt((covariance / product).max(0.0))
    }
}

/// Two forms between the samples of `order`, each relative to its largest entry.
pub fn side_by_side(forms: &[Vec<f64>], order: &[usize]) -> Matrix {
    let cells = order.len();
    let columns = 2 * cells + 2;
    let mut values = vec![f32::NAN; cells * columns];
    for (side, form) in forms.iter().enumerate().filter(|(_, form)| !form.is_empty()) {
        let n = form.len().isqrt();
        let entry = |i: usize, j: usize| form[order[i] * n + order[j]];
        let largest = (0..cells * cells).fold(f64::MIN_POSITIVE, |m, k| m.max(entry(k / cells, k % cells).abs()));
        for k in 0..cells * cells {
            values[k / cells * columns + side * (cells + 2) + k % cells] = (entry(k / cells, k % cells) / largest) as f32;
        }
    }
    Matrix {
        row: "sample, by g".into(),
        column: "FCCov; raw distances".into(),
        value: Axis::linear("share of the largest").range(-1.0, 1.0).around(0.0),
        columns,
        values,
        ..Matrix::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::random::Random;

    /// A of all samples, n × n; `distances` n × n, symmetric.
    fn cumulative_form(distances: &[f64]) -> Vec<f64> {
        let n = distances.len().isqrt();
        let by_centre: Vec<Vec<i16>> = distances.chunks_exact(n).map(outside).collect();
        let counts = transposed(&by_centre);
        (0..n).flat_map(|i| cumulative_row(&counts, i)).collect()
    }

    fn normals(n: usize, random: &mut Random) -> Vec<f64> {
        (0..n).map(|_| random.normal()).collect()
    }

    fn distances(y: &[f64]) -> Vec<f64> {
        y.iter().flat_map(|a| y.iter().map(move |b| (a - b).abs())).collect()
    }

    /// f̃ᵀ A f̃
    fn fccov(f: &[f64], form: &[f64]) -> f64 {
        let mean = f.iter().sum::<f64>() / f.len() as f64;
        let centred: Vec<f64> = f.iter().map(|f| f - mean).collect();
        times(form, &centred).iter().zip(&centred).map(|(a, b)| a * b).sum()
    }

    /// (1/n²) Σ_kl ((1/n) Σ_{i in the ball about k through l} f̃_i)², ball by ball; half of the responses are tied.
    #[test]
    fn the_form_is_the_sum_over_balls() {
        let (n, mut random) = (30, Random::new(1, "balls"));
        let y: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { random.normal() } else { random.below(3) as f64 }).collect();
        let (f, d) = (normals(n, &mut random), distances(&y));
        let mean = f.iter().sum::<f64>() / n as f64;
        let mut sum = 0.0;
        for k in 0..n {
            for l in 0..n {
                let ball = (0..n).filter(|i| d[i * n + k] <= d[l * n + k]).map(|i| f[i] - mean).sum::<f64>() / n as f64;
                sum += ball * ball / (n * n) as f64;
            }
        }
        assert!((fccov(&f, &cumulative_form(&d)) - sum).abs() < 1e-12 * sum);
    }

    #[test]
    fn only_the_order_of_distances_counts() {
        let d = distances(&normals(40, &mut Random::new(2, "order")));
        let grown: Vec<f64> = d.iter().map(|d| (1.0 + d).ln()).collect();
        assert_eq!(cumulative_form(&d), cumulative_form(&grown));
    }

    #[test]
    fn it_vanishes_for_independent_values() {
        let at = |n: usize| {
            let mut random = Random::new(3, "independent");
            let y = normals(n, &mut random);
            let form = cumulative_form(&distances(&y));
            let free = (0..20).map(|_| fccov(&normals(n, &mut random), &form)).sum::<f64>() / 20.0;
            (free, fccov(&y, &form))
        };
        let ((few, own), (many, _)) = (at(50), at(400));
        assert!((5.0..12.0).contains(&(few / many)), "{few} and {many}");
        assert!(own > 4.0 * few, "{own} and {few}");
    }

    #[test]
    fn distance_correlation_by_its_other_formula_and_for_gaussians() {
        let (n, mut random) = (2000, Random::new(4, "pairs"));
        let (x, e) = (normals(n, &mut random), normals(n, &mut random));
        let y: Vec<f64> = x.iter().zip(&e).map(|(x, e)| 0.6 * x + 0.8 * e).collect();
        let found = Distances::of(&x).correlation(&Distances::of(&y));
        // S₁ + S₂ − 2S₃ in place of centred matrices.
        let covariance = |a: &[f64], b: &[f64]| {
            let (mut s1, mut s3) = (0.0, 0.0);
            let (mut all_a, mut all_b) = (0.0, 0.0);
            for i in 0..n {
                let (mut row_a, mut row_b) = (0.0, 0.0);
                for j in 0..n {
                    let (p, q) = ((a[i] - a[j]).abs(), (b[i] - b[j]).abs());
                    s1 += p * q;
                    row_a += p;
                    row_b += q;
                }
                s3 += row_a * row_b;
                all_a += row_a;
                all_b += row_b;
            }
            let n = n as f64;
            s1 / (n * n) + all_a * all_b / (n * n * n * n) - 2.0 * s3 / (n * n * n)
        };
        let other = (covariance(&x, &y) / (covariance(&x, &x) * covariance(&y, &y)).sqrt()).sqrt();
        assert!((found - other).abs() < 1e-9, "{found} and {other}");
        // Székely, Rizzo & Bakirov, theorem 7.
        let rho = 0.6f64;
        let of = |r: f64| r * r.asin() + (1.0 - r * r).sqrt() - r * (r / 2.0).asin() - (4.0 - r * r).sqrt() + 1.0;
        assert!((found - (of(rho) / of(1.0)).sqrt()).abs() < 0.03, "{found}");
        let line: Vec<f64> = x.iter().map(|x| 3.0 - 2.0 * x).collect();
        assert!((Distances::of(&x).correlation(&Distances::of(&line)) - 1.0).abs() < 1e-12);
        assert_eq!(Distances::of(&[1.0; 20]).correlation(&Distances::of(&x[..20])), 0.0);
    }
}
