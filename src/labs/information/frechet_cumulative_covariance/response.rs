//! Responses of three kinds, and how far two of a kind are apart.

use std::f64::consts::{PI, TAU};

use libm::{atan, cos, sin, sqrt};
use methods::statistics::normal_quantile;
use run::prelude::*;

choice! {
    /// What a response is, and with it the distance.
    pub enum Response { Law => "distribution", Circle => "direction", Covariance => "2×2 covariance" }
}
/// Quantiles that a distribution is given by.
const LEVELS: usize = 20;

fn level(k: usize) -> f64 {
    (k as f64 + 0.5) / LEVELS as f64
}

impl Response {
    /// The response with location m and spread s (and a third number, for what needs one), as a row of numbers.
    pub fn of(self, m: f64, s: f64, turn: f64) -> Vec<f64> {
        match self {
            Response::Law => (0..LEVELS).map(|k| m + s * normal_quantile(level(k))).collect(),
            Response::Circle => vec![2.0 * atan((m - 2.0) / 4.0)],
            Response::Covariance => {
                // Eigenvalues r² and s²; r grows with m, and stays positive.
                let r = 0.5 * (m + sqrt(m * m + 4.0));
                let (c, d) = (cos(0.3 * turn), sin(0.3 * turn));
                let (a, b) = (r * r, s * s);
                vec![a * c * c + b * d * d, (a - b) * c * d, a * d * d + b * c * c]
            }
        }
    }

    pub fn distance(self, a: &[f64], b: &[f64]) -> f64 {
        match self {
            // 2-Wasserstein, the quantile functions' root mean square difference.
            Response::Law => sqrt(a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64),
            Response::Circle => {
                let turn = (a[0] - b[0]).abs();
                turn.min(2.0 * PI - turn)
            }
            // Bures-Wasserstein; of 2×2 matrices tr (Σ^½Σ′Σ^½)^½ = √(tr ΣΣ′ + 2√(|Σ||Σ′|)).
            Response::Covariance => {
                let determinant = |v: &[f64]| (v[0] * v[2] - v[1] * v[1]).max(0.0);
                let product = a[0] * b[0] + 2.0 * a[1] * b[1] + a[2] * b[2];
                let cross = sqrt((product + 2.0 * sqrt(determinant(a) * determinant(b))).max(0.0));
                sqrt((a[0] + a[2] + b[0] + b[2] - 2.0 * cross).max(0.0))
            }
        }
    }

    /// What the regression net has to fit.
    pub fn embedded(self, row: &[f64]) -> Vec<f64> {
        if self == Response::Circle { vec![cos(row[0]), sin(row[0])] } else { row.to_vec() }
    }

    /// An empty picture of responses.
    pub fn chart(self) -> Chart {
        match self {
            Response::Law => Chart::of(Axis::linear("level").range(0.0, 1.0), Axis::linear("quantile").range(-8.0, 16.0)),
            Response::Circle => Chart::of(Axis::linear("east").range(-1.2, 1.2), Axis::linear("north").range(-1.2, 1.2)).equal(),
            Response::Covariance => {
                Chart::of(Axis::linear("first").range(-12.0, 12.0), Axis::linear("second").range(-6.0, 6.0)).equal()
            }
        }
    }

    /// A picture with one response more.
    pub fn draw(self, chart: Chart, name: &str, ink: Ink, row: &[f64]) -> Chart {
        match self {
            Response::Law => chart.line(name, ink, row.iter().enumerate().map(|(k, quantile)| (level(k), *quantile))),
            Response::Circle => chart.dots(name, ink, 7.0, [(cos(row[0]), sin(row[0]))]),
            Response::Covariance => {
                // The ellipse of one standard deviation, S (cos, sin) with S² the covariance.
                let determinant = (row[0] * row[2] - row[1] * row[1]).max(0.0);
                let scale = sqrt(row[0] + row[2] + 2.0 * sqrt(determinant));
                let [a, b, c] = [row[0] + sqrt(determinant), row[1], row[2] + sqrt(determinant)].map(|v| v / scale);
                let turns = (0..=32).map(|k| TAU * f64::from(k) / 32.0);
                chart.line(name, ink, turns.map(|t| (a * cos(t) + b * sin(t), b * cos(t) + c * sin(t))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use methods::statistics::gaussian::bures;
    use nalgebra::DMatrix;

    #[test]
    fn distances_are_those_of_their_spaces() {
        // Of N(m, s²) and N(m′, s′²): √((m − m′)² + v(s − s′)²), v the mean square of the levels' quantiles.
        let v = Response::Law.of(0.0, 1.0, 0.0).iter().map(|z| z * z).sum::<f64>() / LEVELS as f64;
        let law = Response::Law;
        let found = law.distance(&law.of(1.0, 0.5, 0.0), &law.of(-2.0, 2.0, 0.0));
        assert!((found - (9.0 + 2.25 * v).sqrt()).abs() < 1e-12 && (0.8..1.0).contains(&v));
        let circle = |a: f64, b: f64| Response::Circle.distance(&[a], &[b]);
        assert!((circle(3.0, -3.0) - (TAU - 6.0)).abs() < 1e-12 && (circle(1.0, -1.0) - 2.0).abs() < 1e-12);
        let covariance = Response::Covariance;
        let (a, b) = (covariance.of(3.0, 0.5, 1.0), covariance.of(-1.0, 0.8, -2.0));
        let [full_a, full_b] = [&a, &b].map(|v| DMatrix::from_row_slice(2, 2, &[v[0], v[1], v[1], v[2]]));
        assert!((covariance.distance(&a, &b) - bures(&full_a, &full_b).sqrt()).abs() < 1e-9);
        assert!(covariance.distance(&a, &a) < 1e-6);
    }
}
