//! What the network learns, and what the network is.

use ground::controls::Options;
use methods::network::autodiff::Geometry;
use methods::network::dense::Classification;
use methods::network::layered::{Layer, Layered};
use methods::network::model::{Hidden, Model, dense};
use methods::network::points::Points;
use run::data::features::Features;
use run::prelude::*;

choice! {
    /// What the network learns.
    pub enum Problem {
        Moons => "moons",
        Spirals => "spirals",
        Blobs => "blobs",
        Xor => "XOR",
        Drawn => "drawn by hand",
        Digits => "digits",
        Mnist => "MNIST",
    }
}

choice! {
    /// What the network is.
    pub enum Kind {
        Dense => "fully connected",
        Residual => "residual",
        Convolutional => "convolutional",
        Skips => "convolutional with skips",
    }
}

impl Problem {
    /// Numbers of a sample.
    pub fn features(self) -> usize {
        match self {
            Problem::Digits => 64,
            Problem::Mnist => 784,
            _ => 2,
        }
    }
}

/// Samples to train on, to test on, and what they look like.
pub struct Task {
    /// The samples.
    pub samples: Classification,
    /// K.
    pub classes: usize,
    /// Training samples as points of the plane, where they are.
    pub points: Vec<[f64; 2]>,
    /// Height and width, where samples are images.
    pub sides: Option<(usize, usize)>,
}

/// Points to train on, and as many to test on.
const POINTS: usize = 500;
/// Test images, at most.
const TESTS: usize = 500;

/// Are the labels of samples numbers of so many outputs, counted from 0?
pub fn are_outputs(samples: &Features, outputs: usize) -> bool {
    samples.classes.iter().all(|label| (0..outputs.min(256) as i64).contains(label))
}

/// Places drawn by hand, as text: "x y class; x y class; …".
pub struct Drawing(pub Vec<([f64; 2], u8)>);

impl Drawing {
    /// Reads a drawing.
    pub fn parse(text: &str) -> Result<Self> {
        let place = |part: &str| {
            let numbers: std::result::Result<Vec<f64>, _> = part.split_whitespace().map(str::parse).collect();
            match numbers.as_deref() {
                Ok(&[x, y, class])
                    if x.abs() <= 1.6 && y.abs() <= 1.6 && (1.0..=4.0).contains(&class) && class.fract() == 0.0 =>
                {
                    Ok(([x, y], class as u8 - 1))
                }
                _ => Err(Error::new(format!(
                    "drawn: '{}' is no place; 'x y class' would be right, x and y within ±1.6 and a class from 1 to 4",
                    part.trim()
                ))),
            }
        };
        let places = text.split(';').filter(|part| !part.trim().is_empty()).map(place).collect::<Result<Vec<_>>>()?;
        if (0..2).any(|class| !places.iter().any(|p| p.1 == class)) {
            return Err(Error::new("drawn: classes 1 and 2 need a place each, as in '-0.5 0 1; 0.5 0 2'"));
        }
        Ok(Drawing(places))
    }

    /// As text.
    pub fn text(&self) -> String {
        let place = |([x, y], class): &([f64; 2], u8)| format!("{x:.2} {y:.2} {}", class + 1);
        self.0.iter().map(place).collect::<Vec<_>>().join("; ")
    }
}

impl Task {
    /// Points of a shape, or of a drawing.
    fn points(shape: Option<Points>, drawing: &Drawing, noise: f64, seed: u64) -> Task {
        let mut random = Random::new(seed, "points");
        let mut draw = || match shape {
            Some(shape) => shape.draw(POINTS, noise, &mut random),
            // Every place is a heap.
            None => (0..POINTS)
                .map(|i| {
                    let ([x, y], class) = drawing.0[i % drawing.0.len()];
                    ([x + noise * random.normal(), y + noise * random.normal()], class)
                })
                .unzip(),
        };
        let ((train, y), (test, test_y)) = (draw(), draw());
        let flat = |points: &[[f64; 2]]| points.iter().flatten().map(|v| *v as f32).collect();
        let samples = Classification { features: 2, x: flat(&train), y, test_x: flat(&test), test_y };
        Task { classes: 0, samples, points: train, sides: None }
    }

    /// Images of a data set: `count` to train on, others to test on.
    fn images(set: Dataset, white: f32, count: usize, seed: u64, library: &Library) -> Result<Task> {
        let pictures = library.pictures(set)?;
        let order = Random::new(seed, "split").permutation(pictures.len());
        let count = count.min(pictures.len() - TESTS.min(pictures.len() / 4));
        let (train, test) = order.split_at(count);
        let samples = pictures.classification(train, &test[..test.len().min(TESTS)], white);
        Ok(Task { classes: 0, samples, points: Vec::new(), sides: Some((pictures.height, pictures.width)) })
    }

    /// The reader's samples: a fifth of each class, at most 500 in all, to test on, `count` others to train on. For a network that is
    /// trained here they are brought to mean 0 and deviation 1. For checkpoints of so many `outputs`, whose network was trained elsewhere,
    /// they are taken as they are, and labels that are numbers of outputs are those; others are counted.
    fn own(own: &Features, outputs: Option<usize>, count: usize, seed: u64) -> Task {
        let (n, d) = (own.samples, own.dimension);
        let all = own.at(own.epochs - 1);
        let scale = |j: usize| match outputs {
            None => (all.row(j).mean(), all.row(j).variance().sqrt()),
            Some(_) => (0.0, 1.0),
        };
        let scaled: Vec<(f64, f64)> = (0..d).map(scale).collect();
        let numbers = outputs.is_some_and(|outputs| are_outputs(own, outputs));
        let label = |i: usize| if numbers { own.classes[usize::from(own.labels[i])] as u8 } else { own.labels[i] };
        let value = |i: usize, j: usize| {
            let (mean, deviation) = scaled[j];
            if deviation > 0.0 { (all[(j, i)] - mean) / deviation } else { 0.0 }
        };
        // Drawn class by class, so that any first part has its share of each.
        let mut order = Random::new(seed, "split").permutation(n);
        let (mut rank, mut seen) = (vec![0.0; n], vec![0.0; own.classes.len()]);
        let size = |class: u8| own.labels.iter().filter(|label| **label == class).count() as f64;
        let sizes: Vec<f64> = (0..own.classes.len()).map(|class| size(class as u8)).collect();
        for i in &order {
            let class = usize::from(own.labels[*i]);
            rank[*i] = (seen[class] + 0.5) / sizes[class];
            seen[class] += 1.0;
        }
        order.sort_by(|i, j| rank[*i].total_cmp(&rank[*j]));
        let (test, train) = order.split_at((n / 5).clamp(1, TESTS));
        let train = &train[..train.len().min(count)];
        let x = |rows: &[usize]| rows.iter().flat_map(|i| (0..d).map(|j| value(*i, j) as f32)).collect();
        let y = |rows: &[usize]| rows.iter().map(|i| label(*i)).collect();
        let samples = Classification { features: d, x: x(train), y: y(train), test_x: x(test), test_y: y(test) };
        let points = if d == 2 { train.iter().map(|i| [value(*i, 0), value(*i, 1)]).collect() } else { Vec::new() };
        Task { classes: 0, samples, points, sides: None }
    }

    /// The problem of the controls, or the reader's own samples, which may come with checkpoints of so many outputs; `wrong` is the share
    /// of training labels that are another class's.
    pub fn new(
        problem: Problem,
        drawing: &Drawing,
        (noise, wrong, count): (f64, f64, usize),
        own: Option<(&Features, Option<usize>)>,
        (seed, library): (u64, &Library),
    ) -> Result<Task> {
        let points = |shape| Task::points(Some(shape), drawing, noise, seed);
        let mut task = match (own, problem) {
            (Some((own, outputs)), _) => Task::own(own, outputs, count, seed),
            (None, Problem::Moons) => points(Points::Moons),
            (None, Problem::Spirals) => points(Points::Spirals),
            (None, Problem::Blobs) => points(Points::Blobs { classes: 5 }),
            (None, Problem::Xor) => points(Points::Xor),
            (None, Problem::Drawn) => Task::points(None, drawing, noise, seed),
            (None, Problem::Digits) => Task::images(Dataset::Digits, 16.0, count, seed, library)?,
            (None, Problem::Mnist) => Task::images(Dataset::Mnist, 255.0, count, seed, library)?,
        };
        let samples = &mut task.samples;
        task.classes = 1 + usize::from(*samples.y.iter().chain(&samples.test_y).max().expect("a problem has samples"));
        let mut random = Random::new(seed, "wrong labels");
        for label in &mut samples.y {
            if random.uniform() < wrong {
                *label = ((usize::from(*label) + 1 + random.below(task.classes - 1)) % task.classes) as u8;
            }
        }
        Ok(task)
    }
}

/// The network of the controls.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What it is.
    pub kind: Kind,
    /// Hidden layers; a convolutional network always has two convolutions.
    pub depth: usize,
    /// Units a layer, or filters.
    pub width: usize,
    /// The activation.
    pub hidden: Hidden,
    /// Batch normalisation before every activation.
    pub normalised: bool,
}

/// Filters of a convolution, at most.
const FILTERS: usize = 16;

impl Shape {
    /// Fresh weights for a task.
    pub fn network(&self, task: &Task, random: &mut Random) -> Result<Model> {
        let (inputs, classes) = (task.samples.features, task.classes);
        if self.kind == Kind::Dense && !self.normalised {
            return Ok(dense(&[vec![inputs], vec![self.width; self.depth], vec![classes]].concat(), self.hidden, random));
        }
        let layers = match self.kind {
            Kind::Dense | Kind::Residual => self.dense(inputs, classes),
            Kind::Convolutional | Kind::Skips => {
                let Some((height, width)) = task.sides.filter(|(h, w)| h % 4 == 0 && w % 4 == 0) else {
                    return Err(Error::new(format!(
                        "network: a {} network needs images; choose digits or MNIST",
                        self.kind.name()
                    )));
                };
                self.convolutional(height, width, classes)
            }
        };
        Ok(Layered::new(layers, inputs, self.hidden.start(), random).into())
    }

    /// Hidden layers one after the other; of a residual network the first one, then blocks of two with a way around (He et al. 2016).
    fn dense(&self, inputs: usize, classes: usize) -> Vec<Layer> {
        let mut layers = Vec::new();
        let hidden = |from: usize, layers: &mut Vec<Layer>| {
            layers.push(Layer::Dense { from, to: self.width });
            if self.normalised {
                layers.push(Layer::Normalise { channels: self.width });
            }
        };
        for l in 0..self.depth {
            let (begins, ends) = (l % 2 == 1 && l + 1 < self.depth, l % 2 == 0 && l > 0);
            if self.kind == Kind::Residual && begins {
                layers.push(Layer::Keep);
            }
            hidden(if l == 0 { inputs } else { self.width }, &mut layers);
            if self.kind == Kind::Residual && ends {
                layers.push(Layer::AddKept);
            }
            layers.push(self.hidden.layer());
        }
        layers.push(Layer::Dense { from: self.width, to: classes });
        layers
    }

    /// Two 3×3 convolutions, each followed by 2×2 mean pooling, and a dense layer; the skip leads around the second convolution.
    fn convolutional(&self, height: usize, width: usize, classes: usize) -> Vec<Layer> {
        let filters = self.width.min(FILTERS);
        let mut layers = Vec::new();
        let mut image = Geometry { channels: 1, height, width, side: 3 };
        for convolution in 0..2 {
            let skips = convolution == 1 && self.kind == Kind::Skips;
            layers.extend(skips.then_some(Layer::Keep));
            layers.push(Layer::Convolve { geometry: image, to: filters });
            image.channels = filters;
            layers.extend(self.normalised.then_some(Layer::Normalise { channels: filters }));
            layers.extend(skips.then_some(Layer::AddKept));
            layers.extend([self.hidden.layer(), Layer::MeanPool(image)]);
            (image.height, image.width) = (image.height / 2, image.width / 2);
        }
        layers.push(Layer::Dense { from: filters * image.height * image.width, to: classes });
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_read_back() {
        let text = "-0.50 0.00 1; 0.50 0.25 2; 1.00 -1.00 4";
        assert_eq!(Drawing::parse(text).unwrap().text(), text);
        let says = |text: &str| Drawing::parse(text).err().unwrap().to_string();
        assert!(says("0 0 1; 0.5 x 2").starts_with("drawn: '0.5 x 2' is no place"));
        assert!(says("0 0 1; 9 0 2").starts_with("drawn: '9 0 2' is no place"));
        assert!(says("0 0 foo 1; 0.5 0 2").starts_with("drawn: '0 0 foo 1' is no place"));
        assert!(says("0 0 1").contains("classes 1 and 2"));
    }

    #[test]
    fn networks_have_the_parameters_they_should() {
        let library = Library::shipped(&[Dataset::Digits]);
        let drawing = Drawing(vec![([0.0; 2], 0), ([1.0; 2], 1)]);
        let task = |problem| Task::new(problem, &drawing, (0.1, 0.0, 300), None, (0, &library)).unwrap();
        let (moons, digits) = (task(Problem::Moons), task(Problem::Digits));
        let count = |kind, normalised, task: &Task| {
            let shape = Shape { kind, depth: 4, width: 8, hidden: Hidden::Relu, normalised };
            shape.network(task, &mut Random::new(0, "weights")).map(|network| network.theta().len())
        };
        let dense = 2 * 8 + 8 + 3 * 72 + 18;
        assert_eq!(count(Kind::Dense, false, &moons).unwrap(), dense);
        assert_eq!(count(Kind::Residual, false, &moons).unwrap(), dense);
        assert_eq!(count(Kind::Dense, true, &moons).unwrap(), dense + 4 * 16);
        let convolutional = 80 + 9 * 64 + 8 + 32 * 10 + 10;
        assert_eq!(count(Kind::Skips, false, &digits).unwrap(), convolutional);
        assert_eq!(count(Kind::Convolutional, true, &digits).unwrap(), convolutional + 32);
        assert!(count(Kind::Skips, false, &moons).unwrap_err().to_string().starts_with("network: "));
        let wrong = Task::new(Problem::Blobs, &drawing, (0.1, 0.3, 0), None, (0, &library)).unwrap();
        let right = Task::new(Problem::Blobs, &drawing, (0.1, 0.0, 0), None, (0, &library)).unwrap();
        let moved = wrong.samples.y.iter().zip(&right.samples.y).filter(|(a, b)| a != b).count();
        assert!((120..180).contains(&moved) && wrong.samples.test_y == right.samples.test_y, "{moved}");
    }
}
