//! The estimators that are held against each other, and directions that are spread evenly instead.

use methods::transport::{Control, Glance, Slope, corrected, directions, fibonacci, half_circle};
use run::prelude::*;

/// The estimators side by side: plain, as published, and with the regression's slope.
pub const ESTIMATORS: [Series; 5] =
    series!["plain" 1, "lower control" 0, "upper control" 2, "lower, regression slope" 0, "upper, regression slope" 2];
pub const RULES: [(Control, Slope); 5] = [
    (Control::Plain, Slope::Published),
    (Control::Lower, Slope::Published),
    (Control::Upper, Slope::Published),
    (Control::Lower, Slope::Regression),
    (Control::Upper, Slope::Regression),
];
/// How many of them are published: those that are in all the pictures.
pub const PUBLISHED: usize = 3;

/// The estimates by all rules from what some directions showed.
pub fn estimate(glances: &[Glance], known: &Glance) -> [f64; 5] {
    RULES.map(|(control, slope)| {
        let pairs = glances.iter().map(|glance| (glance.squared, glance.control(control)));
        corrected(pairs, known.control(control), slope).mean
    })
}

/// Estimates by all rules, each over `count` draws out of directions that lie so densely that the draws are as good as directions of their own.
pub fn redrawn(glances: &[Glance], known: &Glance, count: usize, repetitions: usize, random: &mut Random) -> [Vec<f64>; 5] {
    let mut estimates: [Vec<f64>; 5] = Default::default();
    for _ in 0..repetitions {
        let drawn: Vec<Glance> = (0..count).map(|_| glances[random.below(glances.len())]).collect();
        estimates.iter_mut().zip(estimate(&drawn, known)).for_each(|(all, one)| all.push(one));
    }
    estimates
}

/// `count` directions as evenly as they come, turned at random: on a spiral in space, on the half circle in the plane, and none elsewhere.
pub fn even(count: usize, d: usize, random: &mut Random) -> Vec<f64> {
    let grid = match d {
        2 => half_circle(count),
        3 => fibonacci(count),
        _ => return Vec::new(),
    };
    // Gram and Schmidt on random directions.
    let mut axes: Vec<Vec<f64>> = Vec::new();
    while axes.len() < d {
        let mut axis = directions(d, 1, random);
        for other in &axes {
            let along: f64 = axis.iter().zip(other).map(|(a, b)| a * b).sum();
            axis.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        let length = axis.iter().map(|a| a * a).sum::<f64>().sqrt();
        if length > 1e-6 {
            axes.push(axis.iter().map(|a| a / length).collect());
        }
    }
    let turned = |line: &[f64]| (0..d).map(|k| line.iter().zip(&axes).map(|(t, axis)| t * axis[k]).sum()).collect::<Vec<f64>>();
    grid.chunks_exact(d).flat_map(turned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_directions_are_even_and_of_length_one() {
        let mut random = Random::new(1, "even");
        for d in [2, 3] {
            let lines = even(200, d, &mut random);
            let second = |j: usize, k: usize| lines.chunks_exact(d).map(|line| line[j] * line[k]).sum::<f64>() / 200.0;
            for (j, k) in (0..d).flat_map(|j| (0..d).map(move |k| (j, k))) {
                let right = if j == k { 1.0 / d as f64 } else { 0.0 };
                assert!((second(j, k) - right).abs() < 1e-3, "d = {d}: {} at {j}, {k}", second(j, k));
            }
        }
        assert!(even(200, 4, &mut random).is_empty());
    }
}
