//! Statistics of samples.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::random::Random;

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
    fn nan_where_it_has_no_meaning() {
        assert!(correlation(&[], &[]).is_nan());
        assert!(correlation(&[1.0], &[2.0]).is_nan());
        assert!(correlation(&[0.1, 0.1, 0.1], &[2.0, 3.0, 1.0]).is_nan());
        assert!(correlation(&[1.0, f64::INFINITY], &[2.0, 3.0]).is_nan());
    }
}
