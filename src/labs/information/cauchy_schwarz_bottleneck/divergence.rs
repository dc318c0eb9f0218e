//! Cauchy-Schwarz divergences from Gaussian kernels of a sample: between two conditional laws, and between a joint law and independence.
//!
//! −ln of the squared cosine of two densities: 0 where they are equal, and estimated by sums over kernels alone, without a model of either.
//! Kernel matrices are n × n, row by row, with ones on the diagonal.
//!
//! Sources: Príncipe, "Information theoretic learning", 2010; Yu, Yu, Løkse, Jenssen & Príncipe, "Cauchy-Schwarz divergence information
//! bottleneck for regression", 2024.

use libm::log;

use methods::information::estimators::{gaussian_kernel, squared_distances};

/// The Gaussian kernel of the rows of `x` (each `d` numbers) at `share` of their median distance, and that width.
pub fn kernel_at_median(x: &[f64], d: usize, share: f64) -> (Vec<f64>, f64) {
    let squared = squared_distances(x, d);
    let n = x.len() / d;
    let mut pairs: Vec<f64> = (0..n).flat_map(|i| squared[i * n..][..i].iter().copied()).collect();
    let middle = pairs.len() / 2;
    let median = if pairs.is_empty() { 0.0 } else { *pairs.select_nth_unstable_by(middle, f64::total_cmp).1 };
    // Points that have all become one still have a kernel: of ones.
    let width = (share * median.sqrt()).max(1e-9);
    (gaussian_kernel(&squared, width), width)
}

/// What the divergence keeps of a batch's inputs and targets: how much each pair counts, and what the targets say of themselves.
#[derive(Clone, Debug)]
pub struct Conditional {
    /// w_ji = K_ji / (Σ_i K_ji)²
    weights: Vec<f64>,
    y: Vec<f64>,
    width: f64,
    /// ln Σ_ji w_ji κ(y_j, y_i)
    own: f64,
}

impl Conditional {
    /// Of inputs with the kernel matrix `k` and their targets `y`, compared by Gaussian kernels of the given width.
    pub fn new(k: &[f64], y: &[f64], width: f64) -> Self {
        let n = y.len();
        assert_eq!(k.len(), n * n, "a kernel value for every pair of inputs");
        let mut weights = k.to_vec();
        for row in weights.chunks_exact_mut(n) {
            let density: f64 = row.iter().sum();
            row.iter_mut().for_each(|w| *w /= density * density);
        }
        let own = weights.iter().zip(between(y, y, width)).map(|(w, kernel)| w * kernel).sum();
        Conditional { weights, y: y.to_vec(), width, own: log(own) }
    }

    /// The divergence of p(y|x) from the law of `predicted` given x, and in `delta` its gradient by `predicted`:
    ///
    /// D = ln Σ w_ji κ(y_j,y_i) + ln Σ w_ji κ(ŷ_j,ŷ_i) − 2 ln Σ w_ji κ(ŷ_j,y_i).
    ///
    /// It is 0 where ŷ = y. As w is not symmetric, it can also be a little below 0.
    pub fn divergence(&self, predicted: &[f64], delta: &mut Vec<f64>) -> f64 {
        let n = self.y.len();
        assert_eq!(predicted.len(), n, "a prediction for every target");
        let (among, across) = (between(predicted, predicted, self.width), between(predicted, &self.y, self.width));
        let sum = |kernel: &[f64]| self.weights.iter().zip(kernel).map(|(w, k)| w * k).sum::<f64>();
        // Predictions out of sight of every target have no slope towards them, rather than an infinite one.
        let [about, cross] = [sum(&among), sum(&across)].map(|sum| sum.max(f64::MIN_POSITIVE));
        delta.clear();
        for a in 0..n {
            let (mut by_among, mut by_across) = (0.0, 0.0);
            for i in 0..n {
                let both = self.weights[a * n + i] + self.weights[i * n + a];
                by_among += both * among[a * n + i] * (predicted[i] - predicted[a]);
                by_across += self.weights[a * n + i] * across[a * n + i] * (self.y[i] - predicted[a]);
            }
            delta.push((by_among / about - 2.0 * by_across / cross) / (self.width * self.width));
        }
        self.own + log(about) - 2.0 * log(cross)
    }

    /// κ(ŷ_j, y_i): rows are predictions.
    pub fn across(&self, predicted: &[f64]) -> Vec<f64> {
        between(predicted, &self.y, self.width)
    }
}

/// Gaussian kernels of numbers, rows from `a` and columns from `b`.
fn between(a: &[f64], b: &[f64], width: f64) -> Vec<f64> {
    let squared: Vec<f64> = a.iter().flat_map(|a| b.iter().map(move |b| (a - b) * (a - b))).collect();
    gaussian_kernel(&squared, width)
}

/// Cauchy-Schwarz quadratic mutual information of two variables with the kernel matrices `k` and `q`, in nats:
///
/// ln (1/n²) Σ K∘Q + ln (1/n⁴) ΣK ΣQ − 2 ln (1/n³) Σ_i (Σ_j K_ij)(Σ_j Q_ij); 0 where one of them is constant.
pub fn quadratic_information(k: &[f64], q: &[f64]) -> f64 {
    Sums::new(k, q).information()
}

/// The same, and in `delta` its gradient by the points `t` (each `d` numbers) whose Gaussian kernel of the given width is `q`, the
/// width held still.
pub fn quadratic_information_of(k: &[f64], q: &[f64], t: &[f64], d: usize, width: f64, delta: &mut Vec<f64>) -> f64 {
    let sums = Sums::new(k, q);
    let n = sums.rows.len();
    delta.clear();
    delta.resize(t.len(), 0.0);
    let scale = 1.0 / (width * width);
    for a in 0..n {
        for i in 0..a {
            // ∂I/∂Q_ai + ∂I/∂Q_ia, times −Q/s².
            let slope = 2.0 * k[a * n + i] / sums.both + 2.0 / sums.q - 2.0 * (sums.rows[a] + sums.rows[i]) / sums.cross;
            let pull = -slope * q[a * n + i] * scale;
            for c in 0..d {
                let step = pull * (t[a * d + c] - t[i * d + c]);
                delta[a * d + c] += step;
                delta[i * d + c] -= step;
            }
        }
    }
    sums.information()
}

/// The sums that the information is made of.
struct Sums {
    /// Σ_j K_ij
    rows: Vec<f64>,
    k: f64,
    q: f64,
    /// Σ K∘Q
    both: f64,
    /// Σ_i (Σ_j K_ij)(Σ_j Q_ij)
    cross: f64,
}

impl Sums {
    fn new(k: &[f64], q: &[f64]) -> Self {
        let n = k.len().isqrt();
        assert!(k.len() == n * n && q.len() == k.len(), "two square matrices of one size");
        let rows = |m: &[f64]| -> Vec<f64> { m.chunks_exact(n).map(|row| row.iter().sum()).collect() };
        let (rows, of_q) = (rows(k), rows(q));
        Sums {
            k: rows.iter().sum(),
            q: of_q.iter().sum(),
            both: k.iter().zip(q).map(|(k, q)| k * q).sum(),
            cross: rows.iter().zip(&of_q).map(|(k, q)| k * q).sum(),
            rows,
        }
    }

    fn information(&self) -> f64 {
        // The powers of n cancel.
        log(self.both / self.cross) + log(self.k / self.cross * self.q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::information::continuous::standardised;
    use methods::random::Random;

    fn normals(n: usize, random: &mut Random) -> Vec<f64> {
        (0..n).map(|_| random.normal()).collect()
    }

    #[test]
    fn equal_laws_do_not_diverge_and_constants_say_nothing() {
        let mut random = Random::new(1, "points");
        let (x, y) = (normals(60 * 3, &mut random), normals(60, &mut random));
        let (k, width) = kernel_at_median(&x, 3, 0.5);
        let conditional = Conditional::new(&k, &y, 0.5);
        assert!(conditional.divergence(&y, &mut Vec::new()).abs() < 1e-12);
        let far: Vec<f64> = y.iter().map(|y| y + 3.0).collect();
        assert!(conditional.divergence(&far, &mut Vec::new()) > 1.0);
        assert!(quadratic_information(&k, &[1.0; 3600]).abs() < 1e-12);
        assert!(quadratic_information(&k, &k) > 0.1);
        // Half of the distances are below the median, which is twice the width.
        let below = squared_distances(&x, 3).iter().filter(|d| **d < 4.0 * width * width).count();
        assert!(below.abs_diff(60 + 1770) <= 2, "{below}");
        let one = kernel_at_median(&[2.0; 12], 3, 0.5).0;
        assert!(one.iter().all(|k| *k == 1.0));
    }

    /// Where x says nothing, two normal laws at a distance m in width s on top of their own have m²/(2(1+s²)).
    #[test]
    fn two_gaussians_diverge_by_the_closed_form() {
        let (n, mut random) = (2000, Random::new(2, "gaussians"));
        for (m, s) in [(1.0, 0.3), (2.0, 0.5)] {
            // Samples of exactly the laws' mean and variance: chance would move the mean by 3 %, the divergence by 6 %.
            let y = standardised(&normals(n, &mut random));
            let other: Vec<f64> = standardised(&normals(n, &mut random)).iter().map(|v| v + m).collect();
            let conditional = Conditional::new(&vec![1.0; n * n], &y, s * std::f64::consts::SQRT_2);
            let found = conditional.divergence(&other, &mut Vec::new());
            let exact = m * m / (2.0 * (1.0 + s * s));
            assert!((found / exact - 1.0).abs() < 0.05, "m = {m}, s = {s}: {found} and {exact}");
        }
    }

    /// Two bits that agree with probability p: kernels of points far apart are indicators, and the sums are known.
    #[test]
    fn the_information_of_two_bits_is_known() {
        let counts = [[30, 10], [20, 40]];
        let (mut x, mut t) = (Vec::new(), Vec::new());
        for (i, row) in counts.iter().enumerate() {
            for (j, count) in row.iter().enumerate() {
                x.extend(std::iter::repeat_n(100.0 * i as f64, *count));
                t.extend(std::iter::repeat_n(100.0 * j as f64, *count));
            }
        }
        let kernel = |v: &[f64]| gaussian_kernel(&squared_distances(v, 1), 1.0);
        let p = counts.map(|row| row.map(|c| c as f64 / 100.0));
        let (rows, columns) = ([0.4, 0.6], [0.5, 0.5]);
        let each = |f: &dyn Fn(usize, usize) -> f64| (0..2).flat_map(|i| (0..2).map(move |j| f(i, j))).sum::<f64>();
        let exact = (each(&|i, j| p[i][j] * p[i][j]) * each(&|i, j| (rows[i] * columns[j]) * (rows[i] * columns[j]))
            / each(&|i, j| p[i][j] * rows[i] * columns[j])
            / each(&|i, j| p[i][j] * rows[i] * columns[j]))
        .ln();
        assert!((quadratic_information(&kernel(&x), &kernel(&t)) - exact).abs() < 1e-12);
    }

    #[test]
    fn gradients_match_central_differences() {
        let (n, d, mut random) = (12, 2, Random::new(3, "gradients"));
        let (x, y) = (normals(n * 3, &mut random), normals(n, &mut random));
        let (k, _) = kernel_at_median(&x, 3, 0.6);
        let conditional = Conditional::new(&k, &y, 0.7);
        let check = |at: &[f64], slope: &[f64], value: &dyn Fn(&[f64]) -> f64| {
            for i in 0..at.len() {
                let moved = |by: f64| {
                    let mut moved = at.to_vec();
                    moved[i] += by;
                    value(&moved)
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((difference - slope[i]).abs() < 1e-6 * (1.0 + slope[i].abs()), "{i}: {difference} and {}", slope[i]);
            }
        };
        let predicted = normals(n, &mut random);
        let mut slope = Vec::new();
        conditional.divergence(&predicted, &mut slope);
        check(&predicted, &slope, &|p| conditional.divergence(p, &mut Vec::new()));
        let t = normals(n * d, &mut random);
        let kernel = |t: &[f64]| gaussian_kernel(&squared_distances(t, d), 0.9);
        let value = quadratic_information_of(&k, &kernel(&t), &t, d, 0.9, &mut slope);
        assert_eq!(value, quadratic_information(&k, &kernel(&t)));
        check(&t, &slope, &|t| quadratic_information(&k, &kernel(t)));
    }
}
