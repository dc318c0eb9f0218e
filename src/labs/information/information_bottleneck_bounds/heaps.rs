//! Labelled points in six heaps of two classes.

use std::f64::consts::TAU;

use libm::{cos, sin};
use run::prelude::*;

use super::variational_bottleneck::Sample;

/// `points` of six heaps on a hexagon, classes alternating, with flipped labels and noise coordinates.
pub fn draw(points: usize, label_noise: f64, noise_coordinates: usize, random: &mut Random) -> Sample {
    let features = 2 + noise_coordinates;
    let mut rows: Vec<(Vec<f32>, u8)> = (0..points)
        .map(|_| {
            let heap = random.below(6);
            let angle = TAU * heap as f64 / 6.0;
            let mut x = vec![2.0 * cos(angle) + 0.5 * random.normal(), 2.0 * sin(angle) + 0.5 * random.normal()];
            x.extend((2..features).map(|_| random.normal()));
            let flipped = random.uniform() < label_noise;
            (x.into_iter().map(|x| x as f32).collect(), (heap % 2) as u8 ^ u8::from(flipped))
        })
        .collect();
    // Class by class, as Codes wants them; a full batch has no order.
    rows.sort_by_key(|(_, y)| *y);
    let x = (0..features).flat_map(|j| rows.iter().map(move |(x, _)| x[j])).collect();
    Sample { x, y: rows.iter().map(|(_, y)| *y).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_are_the_specified_ones() {
        let sample = draw(20_000, 0.25, 1, &mut Random::new(3, "test"));
        let n = sample.y.len();
        let (mut flipped, mut away) = (0, 0.0);
        for i in 0..n {
            let at = |j: usize| f64::from(sample.x[j * n + i]);
            let distance = |heap: usize| {
                let angle = TAU * heap as f64 / 6.0;
                let (dx, dy) = (at(0) - 2.0 * cos(angle), at(1) - 2.0 * sin(angle));
                dx * dx + dy * dy
            };
            let nearest = (0..6).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap();
            flipped += usize::from(sample.y[i] as usize != nearest % 2);
            away += distance(nearest) / n as f64;
        }
        // Heaps overlap a little: points nearer to a neighbour count as flipped, or back.
        assert!((flipped as f64 / n as f64 - 0.25).abs() < 0.04, "{flipped}");
        assert!((away - 0.5).abs() < 0.06, "{away}");
        let squares: f64 = sample.x[2 * n..].iter().map(|x| f64::from(x * x)).sum();
        assert!((squares / n as f64 - 1.0).abs() < 0.05);
    }
}
