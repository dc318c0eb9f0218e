//! The twelve-bit rule of the information plane: all 4,096 patterns, labelled by a rule that turning a sphere does not change.
//!
//! Source: Shwartz-Ziv & Tishby, "Opening the black box of deep neural networks via information", 2017.

use std::sync::OnceLock;

use libm::{exp, sqrt};

use methods::information::entropy;

/// Bits of a pattern.
pub const BITS: usize = 12;
/// How many patterns there are; all are equally likely.
pub const PATTERNS: usize = 1 << BITS;

/// The rule: p(y=1|x) = 1/(1+exp(−γ(f(x)−θ))), where f does not change when the points that x switches on are turned on their sphere.
pub struct SphereRule {
    /// All patterns as the net sees them, x − ½, bit by bit.
    pub x: Vec<f32>,
    /// p(y|x), patterns × 2.
    pub conditional: Vec<f64>,
    /// I(X;Y) in bits.
    pub information: f64,
}

impl SphereRule {
    /// It has nothing random: one for all runs.
    pub fn get() -> &'static SphereRule {
        static RULE: OnceLock<SphereRule> = OnceLock::new();
        RULE.get_or_init(SphereRule::new)
    }

    fn new() -> SphereRule {
        let bit = |x: usize, i: usize| x >> i & 1;
        let point = |i: usize| {
            let z = 1.0 - (2 * i + 1) as f64 / BITS as f64;
            let (r, longitude) = (sqrt(1.0 - z * z), i as f64 * std::f64::consts::PI * (3.0 - sqrt(5.0)));
            [r * libm::cos(longitude), r * libm::sin(longitude), z]
        };
        // Σ a_ℓ P_ℓ(c) with a = (1, 1, ½, 0).
        let kernel = |c: f64| c + (3.0 * c * c - 1.0) / 2.0 + 0.5 * (5.0 * c * c * c - 3.0 * c) / 2.0;
        let pairs: Vec<f64> =
            (0..BITS * BITS).map(|ij| kernel((0..3).map(|k| point(ij / BITS)[k] * point(ij % BITS)[k]).sum())).collect();
        let f: Vec<f64> = (0..PATTERNS)
            .map(|x| (0..BITS * BITS).filter(|ij| bit(x, ij / BITS) * bit(x, ij % BITS) == 1).map(|ij| pairs[ij]).sum())
            .collect();
        let mut sorted = f.clone();
        methods::statistics::sort(&mut sorted);
        let theta = (sorted[PATTERNS / 2 - 1] + sorted[PATTERNS / 2]) / 2.0;
        let sigmoid = |gamma: f64, f: f64| 1.0 / (1.0 + exp(-gamma * (f - theta)));
        let information = |gamma: f64| {
            let (mut ones, mut noise) = (0.0, 0.0);
            for f in &f {
                let p = sigmoid(gamma, *f);
                ones += p / PATTERNS as f64;
                noise += entropy([p, 1.0 - p]) / PATTERNS as f64;
            }
            entropy([ones, 1.0 - ones]) - noise
        };
        let (mut low, mut high) = (1.0, 1e4);
        for _ in 0..50 {
            let gamma = sqrt(low * high);
            if information(gamma) < 0.99 { low = gamma } else { high = gamma }
        }
        let conditional = f.iter().map(|f| sigmoid(high, *f)).flat_map(|p| [1.0 - p, p]).collect();
        let x = (0..BITS * PATTERNS).map(|i| bit(i % PATTERNS, i / PATTERNS) as f32 - 0.5).collect();
        SphereRule { x, conditional, information: information(high) }
    }

    /// p(x) and p(y|x) of the kinds of inputs: those of equal p(y|x) (to 10⁻⁹) taken together, in the order of p(y=1|x).
    pub fn groups(&self) -> (Vec<f64>, Vec<f64>) {
        let mut ones: Vec<f64> = self.conditional.iter().skip(1).step_by(2).copied().collect();
        methods::statistics::sort(&mut ones);
        let groups: Vec<&[f64]> = ones.chunk_by(|a, b| b - a < 1e-9).collect();
        let input: Vec<f64> = groups.iter().map(|group| group.len() as f64 / PATTERNS as f64).collect();
        let conditional: Vec<f64> = groups.iter().flat_map(|group| [1.0 - group[0], group[0]]).collect();
        (input, conditional)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::log;
    use methods::information::Bottleneck;

    #[test]
    fn the_rule_is_the_specified_one() {
        let problem = SphereRule::get();
        assert!((problem.information - 0.99).abs() < 1e-9);
        // f once more, over unordered pairs and with Legendre's recurrence; its differences and those of log p(1|x)/p(0|x) give γ.
        let legendre = |c: f64| {
            let p2 = (3.0 * c * c - 1.0) / 2.0;
            [c, p2, (5.0 * c * p2 - 2.0 * c) / 3.0]
        };
        let cosine = |i: usize, j: usize| {
            let z = |i: usize| 1.0 - (2.0 * i as f64 + 1.0) / 12.0;
            let turn = (i as f64 - j as f64) * std::f64::consts::PI * (3.0 - 5f64.sqrt());
            z(i) * z(j) + ((1.0 - z(i) * z(i)) * (1.0 - z(j) * z(j))).sqrt() * libm::cos(turn)
        };
        let f = |x: usize| {
            let on: Vec<usize> = (0..BITS).filter(|i| x >> i & 1 == 1).collect();
            let pairs = on.iter().flat_map(|i| on.iter().filter(move |j| i < *j).map(move |j| legendre(cosine(*i, *j))));
            2.5 * on.len() as f64 + 2.0 * pairs.map(|[p1, p2, p3]| p1 + p2 + 0.5 * p3).sum::<f64>()
        };
        let logit = |x: usize| log(problem.conditional[2 * x + 1] / problem.conditional[2 * x]);
        let near: Vec<usize> = (0..PATTERNS).filter(|x| logit(*x).abs() < 10.0).collect();
        for pair in near.windows(2).filter(|pair| (f(pair[0]) - f(pair[1])).abs() > 1e-3) {
            let gamma = (logit(pair[1]) - logit(pair[0])) / (f(pair[1]) - f(pair[0]));
            assert!((gamma - 120.9).abs() < 0.1, "γ = {gamma}");
        }
        assert!(near.len() > 50);
        // A half turn swaps the points i and 11 − i, and changes nothing.
        for x in 0..PATTERNS {
            let turned = (0..BITS).fold(0, |t, i| t | (x >> i & 1) << (BITS - 1 - i));
            assert!((problem.conditional[2 * x] - problem.conditional[2 * turned]).abs() < 1e-9);
        }
    }

    /// With a cluster for every kind of input and β large, the bottleneck keeps I(X;Y).
    #[test]
    fn the_bottleneck_ends_at_what_there_is_to_know() {
        let problem = SphereRule::get();
        let (input, conditional) = problem.groups();
        let mut all = Bottleneck::new(&input, &conditional, 2, input.len(), 1e6);
        (0..10).for_each(|_| all.sweep());
        assert!((all.point().1 - problem.information).abs() < 1e-6, "{:?}", all.point());
    }
}
