//! The two clouds that are compared.

use std::f64::consts::TAU;

use libm::{cos, sin};
use methods::transport::Projected;
use run::data::Pictures;
use run::prelude::*;

use super::Controls;

choice! {
    /// What is compared.
    pub enum Shapes { RingHelix => "ring/helix", Blobs => "blobs", Images => "images" }
}

/// Takes the mean from points of `d` coordinates and adds `shift`.
fn place(points: &mut [f64], d: usize, shift: &[f64]) {
    for (k, shift) in shift.iter().enumerate() {
        let mean = points.iter().skip(k).step_by(d).sum::<f64>() / (points.len() / d) as f64;
        points.iter_mut().skip(k).step_by(d).for_each(|x| *x += shift - mean);
    }
}

/// An image as a measure: the places of its inked pixels in [−1, 1]², and masses in proportion to their ink.
fn inked(pictures: &Pictures, index: usize) -> (Vec<f64>, Vec<f64>) {
    let at = |k: usize, side: usize| 2.0 * (k as f64 + 0.5) / side as f64 - 1.0;
    let image = pictures.image(index);
    let total: f64 = image.iter().map(|ink| f64::from(*ink)).sum();
    let there = || image.iter().enumerate().filter(|(_, ink)| **ink > 0);
    let places = there().flat_map(|(i, _)| [at(i % pictures.width, pictures.width), -at(i / pictures.width, pictures.height)]);
    (places.collect(), there().map(|(_, ink)| f64::from(*ink) / total).collect())
}

/// Two images drawn at random, as they lie on their pixels.
pub fn images(pictures: &Pictures, random: &mut Random) -> Projected {
    let [(x, a), (y, b)] = [0, 1].map(|_| inked(pictures, random.below(pictures.len())));
    Projected::new(&x, &a, &y, &b, 2)
}

/// The two measures, and their dimension.
pub fn measures(controls: &Controls, seed: u64, library: &Library) -> Result<(Projected, usize)> {
    let mut random = Random::new(seed, "clouds");
    let n = controls.points;
    let (mut x, mut y, d): (Vec<f64>, Vec<f64>, usize) = match controls.shapes {
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
        Shapes::Images => return Ok((images(&*library.pictures(Dataset::Mnist)?, &mut random), 2)),
    };
    let towards: Vec<f64> = match controls.shapes {
        Shapes::RingHelix => vec![1.5, 0.5, 0.3],
        _ => (0..d).map(|k| if k == 0 { 1.0 } else { 0.0 }).collect(),
    };
    let length = towards.iter().map(|t| t * t).sum::<f64>().sqrt();
    place(&mut x, d, &vec![0.0; d]);
    place(&mut y, d, &towards.iter().map(|t| controls.shift * t / length).collect::<Vec<_>>());
    Ok((Projected::equal(&x, &y, d), d))
}
