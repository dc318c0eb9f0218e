//! The two clouds that are compared.

use std::f64::consts::TAU;

use libm::{cos, sin};
use run::prelude::*;

use super::Controls;

choice! {
    /// What is compared.
    pub enum Shapes { RingHelix => "ring/helix", Blobs => "blobs", Digits => "digits" }
}

/// Takes the mean from points of `d` coordinates and adds `shift`.
fn place(points: &mut [f64], d: usize, shift: &[f64]) {
    for (k, shift) in shift.iter().enumerate() {
        let mean = points.iter().skip(k).step_by(d).sum::<f64>() / (points.len() / d) as f64;
        points.iter_mut().skip(k).step_by(d).for_each(|x| *x += shift - mean);
    }
}

/// The two clouds, and their dimension.
pub fn clouds(controls: &Controls, seed: u64, library: &Library) -> Result<(Vec<f64>, Vec<f64>, usize)> {
    let mut random = Random::new(seed, "clouds");
    let n = controls.points;
    let (mut x, mut y, d) = match controls.shapes {
        Shapes::RingHelix => {
            let mut ring = || {
                let [around, tube] = [0, 1].map(|_| TAU * random.uniform());
                let radius = 1.0 + 0.3 * cos(tube);
                [radius * cos(around), radius * sin(around), 0.3 * sin(tube)]
            };
            let x = (0..n).flat_map(|_| ring()).collect();
            let mut helix = || {
                let t = random.uniform();
                let angle = 2.0 * TAU * t;
                [0.7 * cos(angle), 0.7 * sin(angle), 2.0 * t - 1.0].map(|at| at + 0.03 * random.normal())
            };
            (x, (0..n).flat_map(|_| helix()).collect(), 3)
        }
        Shapes::Blobs => {
            let d = controls.dimension;
            let mut blobs = || {
                let centres: Vec<f64> = (0..3 * d).map(|_| random.normal()).collect();
                let mut point = || {
                    let centre = random.below(3) * d;
                    centres[centre..centre + d].iter().map(|c| c + 0.2 * random.normal()).collect::<Vec<_>>()
                };
                (0..n).flat_map(|_| point()).collect()
            };
            (blobs(), blobs(), d)
        }
        Shapes::Digits => {
            let pictures = library.pictures(Dataset::Digits)?;
            let mut digit = |label: u8| {
                let images: Vec<usize> = (0..pictures.len()).filter(|i| pictures.labels[*i] == label).collect();
                pictures.cloud(images[random.below(images.len())], n, &mut random)
            };
            (digit(0), digit(1), 2)
        }
    };
    let towards: Vec<f64> = match controls.shapes {
        Shapes::RingHelix => vec![1.5, 0.5, 0.3],
        _ => (0..d).map(|k| if k == 0 { 1.0 } else { 0.0 }).collect(),
    };
    let length = towards.iter().map(|t| t * t).sum::<f64>().sqrt();
    place(&mut x, d, &vec![0.0; d]);
    place(&mut y, d, &towards.iter().map(|t| controls.shift * t / length).collect::<Vec<_>>());
    Ok((x, y, d))
}
