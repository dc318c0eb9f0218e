//! Classes to tell apart: clouds of points, gratings, digits; even or not, labelled rightly or not.

use super::{Dataset, Library};
use ground::error::Result;
use ground::random::Random;
use methods::network::dense::Classification;

/// Where samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Gaussian clouds in 16 dimensions around Gaussian centres.
    Blobs,
    /// Gratings of 12 × 12 pixels whose direction is the class, with any phase, some noise and a contrast of their own: the mean image
    /// says nothing of the class.
    Gratings,
    /// The handwritten digits of 8 × 8 pixels.
    Digits,
    /// MNIST's, brought to 14 × 14.
    Mnist,
}

/// Which samples, and how many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classes {
    /// Where they come from.
    pub source: Source,
    /// K, 2 to 10.
    pub count: usize,
    /// Training samples of each of the larger classes; fewer where the source has no more.
    pub per_class: usize,
    /// R ≥ 1: the later half of the classes have so many times fewer, but at least two.
    pub imbalance: f64,
    /// The share of training labels that are replaced by another class's.
    pub noise: f64,
}

/// Test samples of every class.
const TEST: usize = 50;
/// Dimensions of the clouds, and the spread of their centres in units of their own.
const DIMENSIONS: usize = 16;
const SPREAD: f64 = 0.8;

impl Source {
    /// Height and width of a sample as an image.
    pub fn sides(self) -> (usize, usize) {
        match self {
            Source::Blobs => (4, 4),
            Source::Gratings => (12, 12),
            Source::Digits => (8, 8),
            Source::Mnist => (14, 14),
        }
    }
}

impl Classes {
    /// Training samples of every class, out of `available`.
    pub fn sizes(&self, available: usize) -> Vec<usize> {
        let most = self.per_class.min(available);
        let few = ((most as f64 / self.imbalance).round() as usize).max(2);
        (0..self.count).map(|class| if 2 * class < self.count { most } else { few }).collect()
    }

    /// Fresh samples, class by class; the test set is even and rightly labelled.
    pub fn draw(&self, seed: u64, library: &Library) -> Result<Classification> {
        let features = self.source.sides().0 * self.source.sides().1;
        let mut task = Classification { features, x: Vec::new(), y: Vec::new(), test_x: Vec::new(), test_y: Vec::new() };
        match self.source {
            Source::Blobs => {
                let mut random = Random::new(seed, "clouds");
                let centres: Vec<Vec<f64>> =
                    (0..self.count).map(|_| (0..DIMENSIONS).map(|_| SPREAD * random.normal()).collect()).collect();
                self.fill(&mut task, usize::MAX, |class, x| {
                    x.extend(centres[class].iter().map(|centre| (centre + random.normal()) as f32));
                });
            }
            Source::Gratings => {
                let mut random = Random::new(seed, "gratings");
                self.fill(&mut task, usize::MAX, |class, x| grating(class as f64 / self.count as f64, &mut random, x));
            }
            Source::Digits | Source::Mnist => {
                let (set, white) = match self.source {
                    Source::Digits => (Dataset::Digits, 16.0),
                    _ => (Dataset::Mnist, 255.0),
                };
                let pictures = library.pictures(set)?;
                let mut of_class = vec![Vec::new(); 10];
                for image in Random::new(seed, "digits").permutation(pictures.len()) {
                    of_class[usize::from(pictures.labels[image])].push(image);
                }
                let available = of_class[..self.count].iter().map(Vec::len).min().unwrap_or(0) - TEST;
                self.fill(&mut task, available, |class, x| {
                    let image = pictures.image(of_class[class].pop().expect("as many as are available"));
                    match self.source {
                        Source::Digits => x.extend(image.iter().map(|v| f32::from(*v) / white)),
                        _ => halved(image, pictures.width, white, x),
                    }
                });
            }
        }
        let mut random = Random::new(seed, "wrong labels");
        for label in &mut task.y {
            if random.uniform() < self.noise {
                *label = ((usize::from(*label) + 1 + random.below(self.count - 1)) % self.count) as u8;
            }
        }
        Ok(task)
    }

    fn fill(&self, task: &mut Classification, available: usize, mut sample: impl FnMut(usize, &mut Vec<f32>)) {
        for (class, size) in self.sizes(available).into_iter().enumerate() {
            for _ in 0..size {
                sample(class, &mut task.x);
                task.y.push(class as u8);
            }
            for _ in 0..TEST {
                sample(class, &mut task.test_x);
                task.test_y.push(class as u8);
            }
        }
    }
}

/// A grating whose direction is `turn` of a half turn.
fn grating(turn: f64, random: &mut Random, x: &mut Vec<f32>) {
    let angle = std::f64::consts::PI * turn;
    let (across, down) = (libm::cos(angle), libm::sin(angle));
    let pitch = std::f64::consts::TAU / random.between(3.5, 5.5);
    let (phase, contrast) = (std::f64::consts::TAU * random.uniform(), random.between(0.5, 1.0));
    for pixel in 0..144 {
        let (row, column) = ((pixel / 12) as f64, (pixel % 12) as f64);
        let wave = libm::cos(pitch * (across * column + down * row) + phase);
        x.push((contrast * wave + 0.3 * random.normal()) as f32);
    }
}

/// Means over 2 × 2 squares of an image of even sides.
fn halved(image: &[u8], width: usize, white: f32, x: &mut Vec<f32>) {
    for row in (0..image.len() / width).step_by(2) {
        for column in (0..width).step_by(2) {
            let at = |r: usize, c: usize| f32::from(image[(row + r) * width + column + c]);
            x.push((at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / (4.0 * white));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_labels_are_as_asked() {
        let library = Library::shipped(&Dataset::ALL);
        for source in [Source::Blobs, Source::Gratings, Source::Digits, Source::Mnist] {
            let classes = Classes { source, count: 5, per_class: 40, imbalance: 10.0, noise: 0.0 };
            let task = classes.draw(1, &library).unwrap();
            let of = |class: u8| task.y.iter().filter(|y| **y == class).count();
            assert_eq!([0, 1, 2, 3, 4].map(of), [40, 40, 40, 4, 4]);
            assert_eq!(task.x.len(), task.y.len() * task.features);
            assert_eq!((task.test_y.len(), task.test_x.len()), (250, 250 * task.features));
            let wrong = Classes { noise: 0.3, imbalance: 1.0, ..classes }.draw(1, &library).unwrap();
            let changed = wrong.y.iter().enumerate().filter(|(i, y)| i / 40 != usize::from(**y)).count();
            assert!((40..80).contains(&changed), "{changed} of 200");
        }
        // A digit has no more than it has.
        let all = Classes { source: Source::Digits, count: 10, per_class: 1000, imbalance: 1.0, noise: 0.0 };
        assert_eq!(all.draw(0, &library).unwrap().y.len(), 1240);
    }
}
