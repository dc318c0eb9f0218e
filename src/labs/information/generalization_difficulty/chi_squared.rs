//! The χ² distribution, central or not, in logarithms: far in its tails the probabilities themselves are no longer numbers.
//!
//! Sources: Johnson, Kotz & Balakrishnan, "Continuous univariate distributions", volume 2, 1995, chapter 29; for the incomplete gamma
//! function, Press et al., "Numerical recipes", 2007, section 6.2.

use libm::{exp, expm1, lgamma, log, log1p};

/// Terms this far (in logarithm) below the largest change no digit of a sum.
const NEGLIGIBLE: f64 = 42.0;

/// ln P(χ²_r(λ) ≤ x): the squared length of an `r`-dimensional standard normal vector whose mean has the squared length `lambda`.
///
/// `r` ≥ 0, `lambda` ≥ 0, `x` ≥ 0. For r = 0 the vector is its mean: the probability is 1 or 0.
pub fn ln_distribution(x: f64, r: f64, lambda: f64) -> f64 {
    if r == 0.0 && lambda == 0.0 {
        return 0.0;
    }
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if x <= r + lambda {
        mixture(lambda, 0.0, |j| ln_lower_gamma(0.5 * r + j, 0.5 * x)).min(0.0)
    } else {
        // Near 1 it is the upper tail that has digits.
        log1p(-exp(mixture(lambda, x, |j| ln_upper_gamma(0.5 * r + j, 0.5 * x)).min(0.0)))
    }
}

/// ln Σ_j e^{−λ/2} (λ/2)^j/j! · exp(term(j)), whose terms first rise and then fall, at the latest at λ + 100 + `reach`.
fn mixture(lambda: f64, reach: f64, term: impl Fn(f64) -> f64) -> f64 {
    let half = 0.5 * lambda;
    if half == 0.0 {
        return term(0.0);
    }
    let at = |j: f64| j * log(half) - half - lgamma(j + 1.0) + term(j);
    // The largest term: halve the stretch in which they turn.
    let (mut low, mut high) = (0.0, (lambda + 100.0 + reach).floor());
    while low < high {
        let middle = ((low + high) * 0.5).floor();
        if at(middle + 1.0) > at(middle) {
            low = middle + 1.0;
        } else {
            high = middle;
        }
    }
    let top = at(low);
    let mut sum = 1.0;
    let mut run = |step: f64| {
        let mut j = low + step;
        while j >= 0.0 {
            let below = at(j) - top;
            if below < -NEGLIGIBLE {
                break;
            }
            sum += exp(below);
            j += step;
        }
    };
    run(1.0);
    run(-1.0);
    top + log(sum)
}

/// ln P(a, z), the lower incomplete gamma function over Γ(a); `a` ≥ 0 and `z` > 0.
fn ln_lower_gamma(a: f64, z: f64) -> f64 {
    if a == 0.0 {
        return 0.0;
    }
    if z < a + 1.0 { ln_series(a, z) } else { log1p(-exp(ln_fraction(a, z))) }
}

/// ln Q(a, z) = ln(1 − P(a, z)).
fn ln_upper_gamma(a: f64, z: f64) -> f64 {
    if a == 0.0 {
        return f64::NEG_INFINITY;
    }
    if z < a + 1.0 { log(-expm1(ln_series(a, z))) } else { ln_fraction(a, z) }
}

/// ln P = ln z^a e^{−z}/Γ(a+1) Σ_i z^i/((a+1)…(a+i)); all terms are positive.
fn ln_series(a: f64, z: f64) -> f64 {
    let (mut term, mut sum, mut i) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= z / (a + i);
        sum += term;
        i += 1.0;
    }
    a * log(z) - z - lgamma(a + 1.0) + log(sum)
}

/// ln Q by its continued fraction, from the left (Lentz).
fn ln_fraction(a: f64, z: f64) -> f64 {
    let tiny = 1e-300;
    let mut b = z + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..100_000 {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        let or_tiny = |v: f64| if v.abs() < tiny { tiny } else { v };
        d = 1.0 / or_tiny(numerator * d + b);
        c = or_tiny(b + numerator / c);
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    a * log(z) - z - lgamma(a) + log(h)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy's ncx2 and chi2 where they do not underflow, mpmath elsewhere; see make_chi_squared.py.
    #[test]
    fn agrees_with_scipy_and_mpmath() {
        for row in include_str!("../../../../tests/fixtures/chi_squared.csv").lines().skip(1) {
            let v: Vec<f64> = row.split(',').map(|cell| cell.parse().unwrap()).collect();
            let found = ln_distribution(v[0], v[1], v[2]);
            assert!((found - v[3]).abs() <= 1e-8 * v[3].abs(), "{row}: {found}");
        }
    }

    #[test]
    fn two_and_no_degrees_of_freedom_are_elementary() {
        for x in [1e-6, 0.3, 2.0, 9.0, 80.0] {
            let exact: f64 = if x < 1.0 { (-f64::exp_m1(-x / 2.0)).ln() } else { f64::ln_1p(-f64::exp(-x / 2.0)) };
            assert!((ln_distribution(x, 2.0, 0.0) - exact).abs() <= 1e-12 * exact.abs(), "{x}");
        }
        assert_eq!(ln_distribution(0.0, 0.0, 0.0), 0.0);
        assert_eq!(ln_distribution(0.0, 3.0, 1.0), f64::NEG_INFINITY);
        assert_eq!(ln_distribution(28_125.0, 2344.0, 2300.0), 0.0);
    }
}
