//! Pairs of images that share factors, and batches of them.

use std::rc::Rc;

use run::data::Pictures;
use run::prelude::*;

use super::{CLASSES, Controls, PART, PIXELS, POOL, PROBE, PROBE_TEST, TRAIN_IMAGES};

/// Pairs of images, as indices of digits: K for x, K for y.
pub struct Task {
    pub pictures: Rc<Pictures>,
    pub contrasts: Vec<f32>,
    pub pool: Vec<u16>,
    /// Of the probe: pairs and their factors, those to learn from first.
    pub probe: Vec<u16>,
    pub labels: Vec<u8>,
}

impl Task {
    pub fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let pictures = library.pictures(Dataset::Digits)?;
        let order = Random::new(seed, "split").permutation(pictures.len());
        let of_class = |images: &[usize]| {
            let mut classes: [Vec<u16>; CLASSES] = Default::default();
            images.iter().for_each(|i| classes[usize::from(pictures.labels[*i])].push(*i as u16));
            classes
        };
        let (train, test) = (of_class(&order[..TRAIN_IMAGES]), of_class(&order[TRAIN_IMAGES..]));
        let mut random = Random::new(seed, "pairs");
        let mut draw = |from: &[Vec<u16>; CLASSES], pairs: &mut Vec<u16>, labels: &mut Vec<u8>| {
            let factors: Vec<usize> = (0..controls.factors).map(|_| random.below(CLASSES)).collect();
            for shift in [0, 1] {
                for a in &factors {
                    let class = &from[(a + shift) % CLASSES];
                    pairs.push(class[random.below(class.len())]);
                }
            }
            labels.extend(factors.iter().map(|a| *a as u8));
        };
        let (mut pool, mut probe, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        (0..PROBE).for_each(|_| draw(&train, &mut probe, &mut labels));
        (0..PROBE_TEST).for_each(|_| draw(&test, &mut probe, &mut labels));
        (0..POOL).for_each(|_| draw(&train, &mut pool, &mut Vec::new()));
        let mut contrasts = vec![1.0f64];
        (1..controls.factors).for_each(|k| contrasts.push(contrasts[k - 1] * controls.contrast));
        Ok(Task { pictures, contrasts: contrasts.iter().map(|c| *c as f32).collect(), pool, probe, labels })
    }

    pub fn factors(&self) -> usize {
        self.contrasts.len()
    }

    pub fn inputs(&self) -> usize {
        PIXELS * self.factors()
    }

    /// Appends the image of `side` (x is 0, y is 1) of pair `i` of `pairs`.
    pub fn image(&self, pairs: &[u16], i: usize, side: usize, out: &mut Vec<f32>) {
        let digits = &pairs[(2 * i + side) * self.factors()..][..self.factors()];
        for (digit, contrast) in digits.iter().zip(&self.contrasts) {
            out.extend(self.pictures.image(usize::from(*digit)).iter().map(|v| f32::from(*v) / 16.0 * contrast));
        }
    }

    /// Factor k of the probe's pairs `range`.
    pub fn labels(&self, k: usize, range: std::ops::Range<usize>) -> Vec<u8> {
        range.map(|i| self.labels[i * self.factors() + k]).collect()
    }
}

/// A batch, the same for both methods.
#[derive(Default)]
pub struct Batch {
    pub size: usize,
    /// x and y, and the points between joint and independent pairs; a row each.
    pub pairs: [Vec<f32>; 2],
    pub between: [Vec<f32>; 2],
}

impl Batch {
    pub fn draw(&mut self, task: &Task, size: usize, batches: &mut Random, interpolates: &mut Random) {
        self.size = size;
        self.pairs.iter_mut().chain(&mut self.between).for_each(Vec::clear);
        for _ in 0..size {
            let i = batches.below(POOL);
            (0..2).for_each(|side| task.image(&task.pool, i, side, &mut self.pairs[side]));
        }
        let shares: Vec<f32> = (0..size).map(|_| interpolates.uniform() as f32).collect();
        let inputs = task.inputs();
        for (pairs, between) in self.pairs.iter().zip(&mut self.between) {
            let order = interpolates.permutation(size);
            for (i, share) in shares.iter().enumerate() {
                let [own, other] = [i, order[i]].map(|i| &pairs[i * inputs..][..inputs]);
                between.extend(own.iter().zip(other).map(|(a, b)| share * a + (1.0 - share) * b));
            }
        }
    }

    pub fn parts(&self) -> usize {
        self.size.div_ceil(PART)
    }

    /// The rows of part `p` of a matrix with a row a pair.
    pub fn rows<'a>(&self, of: &'a [f32], p: usize) -> &'a [f32] {
        let width = of.len() / self.size;
        &of[p * PART * width..((p + 1) * PART).min(self.size) * width]
    }
}
