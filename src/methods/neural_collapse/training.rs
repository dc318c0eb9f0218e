//! A network in training, whose collapse is watched layer by layer.

use nalgebra::{DMatrix, DVector};

use super::learner::Learner;
use super::{Classifier, Collapse, Further, Layer, Means};
use crate::network::dense::{Classification, Loss, largest};
use crate::optimize::{Optimizer, Rule};
use crate::random::Random;

/// How a network is trained.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// What is minimised.
    pub loss: Loss,
    /// ε: the targets are (1−ε) e_y + ε/K.
    pub smoothing: f64,
    /// What is added to the loss.
    pub decay: Decay,
    /// The optimizer.
    pub rule: Rule,
    /// The first learning rate.
    pub learning_rate: f64,
    /// Its factor in step t of so many.
    pub rate: fn(usize, usize) -> f64,
    /// Samples a batch; the last incomplete one is dropped.
    pub batch: usize,
    /// Passes over the training set.
    pub epochs: usize,
    /// Epochs between measurements; the start and the end are always measured.
    pub every: usize,
    /// Is the test set measured as well? Then every class must occur in it.
    pub test: bool,
}

/// Weight decay: ½λ times the squared length of each, the features' as a mean over samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// λ_H, of the last hidden layer's features.
    pub features: f64,
    /// λ_W, of the classifier's weights.
    pub classifier: f64,
    /// λ_b, of its bias.
    pub bias: f64,
    /// Of all parameters below.
    pub below: f64,
}

impl Decay {
    /// λ on all parameters, none on the features.
    pub fn of_weights(lambda: f64) -> Self {
        Decay { features: 0.0, classifier: lambda, bias: lambda, below: lambda }
    }
}

/// A rate that falls to a tenth after two thirds of the steps.
pub fn late_tenth(step: usize, steps: usize) -> f64 {
    if 3 * step >= 2 * steps { 0.1 } else { 1.0 }
}

/// A training on its way. What is measured is measured on a whole set of samples, not on a batch.
pub struct Training {
    /// What is learned.
    pub task: Classification,
    /// What learns.
    pub network: Learner,
    /// What was measured so far.
    pub log: Vec<Epoch>,
    recipe: Recipe,
    optimizer: Optimizer<f32>,
    random: Random,
    order: Vec<usize>,
    gradient: Vec<f32>,
    part: Vec<f32>,
    /// Samples of the present batch whose gradients are in.
    done: usize,
    steps: usize,
    look: Look,
}

/// The measurements after so many epochs.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// How many.
    pub epoch: usize,
    /// Share of the training samples that are classified wrongly.
    pub error: f64,
    /// What there is of it after every hidden layer.
    pub layers: Vec<Layer>,
    /// Everything, of the last hidden layer and the classifier above it.
    pub collapse: Collapse,
    /// And what is measured beside it.
    pub further: Further,
    /// The same on the test set, around its own means.
    pub test: Option<Tested>,
}

/// What is measured on the test set.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Share of the test samples that are classified wrongly.
    pub error: f64,
    /// What there is of it after every hidden layer.
    pub layers: Vec<Layer>,
    /// Everything, of the last hidden layer.
    pub collapse: Collapse,
    /// And what is measured beside it.
    pub further: Further,
}

/// A set of samples on its way through the network.
#[derive(Default)]
struct Look {
    samples: usize,
    /// What the network says of each.
    said: Vec<usize>,
    /// Features of every hidden layer, sample after sample.
    features: Vec<Vec<f64>>,
    measured: Vec<Layer>,
    /// The last layer, once it has been reached.
    last: Option<(Collapse, Box<Moment>)>,
    /// The training set's numbers and moment, while the test set is looked at.
    training: Option<(Tested, Box<Moment>)>,
}

/// What a slice of training has come to.
pub enum Slice {
    /// A batch or a part of it, or a part of a measurement.
    Going,
    /// A measurement is complete; the numbers are the last of [`Training::log`].
    Measured(Box<Moment>),
    /// There was nothing left to do.
    Over,
}

/// The last hidden layer at the moment of a measurement.
pub struct Moment {
    /// Features of all training samples (d×N).
    pub features: DMatrix<f64>,
    /// Their means.
    pub means: Means,
    /// The layer above them.
    pub classifier: Classifier,
}

impl Training {
    /// `network`, before its first step, is to learn the training samples of `task`, shuffled by `random` in every epoch. There must
    /// be at least one batch.
    pub fn new(task: Classification, network: impl Into<Learner>, recipe: Recipe, random: Random) -> Self {
        let network = network.into();
        let size = network.theta().len();
        Training {
            log: Vec::new(),
            optimizer: Optimizer::new(recipe.rule, recipe.learning_rate, size),
            random,
            order: (0..task.y.len()).collect(),
            gradient: vec![0.0; size],
            part: Vec::new(),
            done: 0,
            steps: 0,
            look: Look::default(),
            task,
            network,
            recipe,
        }
    }

    /// Epochs done.
    pub fn epoch(&self) -> usize {
        self.steps / self.batches()
    }

    /// Epochs in all.
    pub fn epochs(&self) -> usize {
        self.recipe.epochs
    }

    fn batches(&self) -> usize {
        self.task.y.len() / self.recipe.batch
    }

    /// The first measurement with an error of at most `error`.
    pub fn first_below(&self, error: f64) -> Option<&Epoch> {
        self.log.iter().find(|epoch| epoch.error <= error)
    }

    /// The measurement at the end.
    pub fn end(&self) -> Option<&Epoch> {
        self.log.last().filter(|epoch| epoch.epoch == self.recipe.epochs)
    }

    /// One slice: a batch or a part of it, or a part of a measurement.
    pub fn advance(&mut self) -> Slice {
        let (epoch, epochs) = (self.epoch(), self.recipe.epochs);
        let whole = self.done == 0 && self.steps.is_multiple_of(self.batches());
        let due = whole && (epoch.is_multiple_of(self.recipe.every) || epoch == epochs);
        if due && self.log.last().is_none_or(|log| log.epoch != epoch) {
            return self.measure();
        }
        if epoch == epochs {
            return Slice::Over;
        }
        self.descend();
        Slice::Going
    }

    /// A step, or the gradient of as many samples of its batch as are worked on in one go.
    fn descend(&mut self) {
        let (batch, size) = (self.steps % self.batches(), self.recipe.batch);
        if batch == 0 && self.done == 0 {
            self.random.shuffle(&mut self.order);
        }
        let (mut x, mut y, mut delta) = (Vec::new(), Vec::new(), Vec::new());
        let (from, to) = (self.done, (self.done + self.network.handful()).min(size));
        self.task.batch(&self.order[batch * size + from..batch * size + to], &mut x, &mut y);
        self.network.forward(&x);
        self.recipe.loss.slope(self.network.logits(), &y, &mut delta);
        let (classes, decay) = (self.network.classes(), self.recipe.decay);
        if self.recipe.smoothing > 0.0 {
            // Smoother targets move the gradient by (ε/samples)(e_y − 1/K).
            let by = (self.recipe.smoothing / y.len() as f64) as f32;
            for (row, label) in delta.chunks_exact_mut(classes).zip(&y) {
                row.iter_mut().for_each(|d| *d -= by / classes as f32);
                row[usize::from(*label)] += by;
            }
        }
        let mut push = Vec::new();
        if decay.features > 0.0 {
            let pull = (decay.features / y.len() as f64) as f32;
            push.extend(self.network.layer(self.network.hidden().len() - 1).iter().map(|h| pull * h));
        }
        if y.len() == size {
            self.network.backward(&delta, &push, &mut self.gradient);
        } else {
            self.part.resize(self.gradient.len(), 0.0);
            self.network.backward(&delta, &push, &mut self.part);
            let share = y.len() as f32 / size as f32;
            if from == 0 {
                self.gradient.fill(0.0);
            }
            self.gradient.iter_mut().zip(&self.part).for_each(|(g, part)| *g += share * part);
        }
        self.done = to % size;
        if self.done > 0 {
            return;
        }
        let (weights, bias) = self.network.head();
        let theta = self.network.theta_mut();
        let ranges = [(0..weights, decay.below), (weights..bias, decay.classifier), (bias..theta.len(), decay.bias)];
        for (range, lambda) in ranges {
            let parameters = &theta[range.clone()];
            self.gradient[range].iter_mut().zip(parameters).for_each(|(g, theta)| *g += lambda as f32 * theta);
        }
        let factor = (self.recipe.rate)(self.steps, self.recipe.epochs * (self.task.y.len() / size));
        self.optimizer.step_size = factor * self.recipe.learning_rate;
        self.optimizer.step(theta, &self.gradient);
        self.steps += 1;
    }

    /// Some samples forward; when all are through, one layer; then what is measured beside.
    fn measure(&mut self) -> Slice {
        let hidden = self.network.hidden();
        let look = &mut self.look;
        let (x, y) = match look.training {
            None => (&self.task.x, &self.task.y),
            Some(_) => (&self.task.test_x, &self.task.test_y),
        };
        let (samples, inputs, classes) = (y.len(), self.task.features, self.network.classes());
        if look.samples < samples {
            let (from, to) = (look.samples, (look.samples + self.network.handful()).min(samples));
            self.network.forward(&x[from * inputs..to * inputs]);
            look.features.resize(hidden.len(), Vec::new());
            for (l, layer) in look.features.iter_mut().enumerate() {
                layer.extend(self.network.layer(l).iter().map(|a| f64::from(*a)));
            }
            look.said.extend(self.network.logits().chunks_exact(classes).map(largest));
            look.samples = to;
            return Slice::Going;
        }
        let layer = look.measured.len();
        if layer < hidden.len() {
            let values = std::mem::take(&mut look.features[layer]);
            let features = DMatrix::from_vec(hidden[layer], samples, values);
            let means = Means::of(&features, y, classes);
            if layer + 1 < hidden.len() {
                look.measured.push(Layer::of(&features, y, &means, &look.said));
                return Slice::Going;
            }
            let classifier = classifier(&self.network);
            let collapse = Collapse::of(&features, y, &means, &classifier);
            look.measured.push(collapse.into());
            look.last = Some((collapse, Box::new(Moment { features, means, classifier })));
            return Slice::Going;
        }
        let (collapse, moment) = look.last.take().expect("it comes with the last layer");
        let further = Further::of(&moment.features, y, &moment.means, &moment.classifier);
        let Look { said, measured, training, .. } = std::mem::take(&mut self.look);
        let wrong = said.iter().zip(y).filter(|(said, label)| **said != usize::from(**label)).count();
        let seen = Tested { error: wrong as f64 / samples as f64, layers: measured, collapse, further };
        let (of_training, moment, test) = match training {
            Some((of_training, moment)) => (of_training, moment, Some(seen)),
            None if self.recipe.test => {
                self.look.training = Some((seen, moment));
                return Slice::Going;
            }
            None => (seen, moment, None),
        };
        let Tested { error, layers, collapse, further } = of_training;
        self.log.push(Epoch { epoch: self.epoch(), error, layers, collapse, further, test });
        Slice::Measured(moment)
    }

    /// The features after the first hidden layer of the training samples `rows` (d×rows).
    pub fn first_layer(&mut self, rows: &[usize]) -> DMatrix<f64> {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        self.task.batch(rows, &mut x, &mut y);
        self.network.forward(&x);
        DMatrix::from_iterator(self.network.hidden()[0], rows.len(), self.network.layer(0).iter().map(|a| f64::from(*a)))
    }
}

/// The network's last layer.
fn classifier(network: &Learner) -> Classifier {
    let (weights, bias) = network.head();
    let (theta, classes) = (network.theta(), network.classes());
    let wide = |values: &[f32]| values.iter().map(|w| f64::from(*w)).collect::<Vec<_>>();
    // Stored d×K row by row, which is K×d column by column.
    let w = DMatrix::from_vec(classes, (bias - weights) / classes, wide(&theta[weights..bias]));
    Classifier { w, bias: Some(DVector::from_vec(wide(&theta[bias..]))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dense::{Activation, Network, Start};

    /// Three well separated clouds: the error vanishes, and the numbers in the log are those of features computed afresh.
    #[test]
    fn measures_what_is_there() {
        let mut random = Random::new(1, "training");
        let labels: Vec<u8> = (0..90).map(|i| (i / 30) as u8).collect();
        let x: Vec<f32> = labels
            .iter()
            .flat_map(|y| (0..4).map(|j| if j == *y { 2.0 } else { 0.0 }).collect::<Vec<f32>>())
            .map(|centre| centre + 0.3 * random.normal() as f32)
            .collect();
        // Tested on what it has learned.
        let (test_x, test_y) = (x.clone(), labels.clone());
        let task = Classification { features: 4, x, y: labels, test_x, test_y };
        let network = Network::new(&[4, 8, 6, 3], Activation::Relu, Start::Uniform, &mut random);
        let recipe = Recipe {
            loss: Loss::Squared,
            smoothing: 0.0,
            decay: Decay::of_weights(1e-3),
            rule: Rule::Momentum { mu: 0.9 },
            learning_rate: 0.1,
            rate: late_tenth,
            batch: 20,
            epochs: 25,
            every: 10,
            test: true,
        };
        let mut training = Training::new(task, network, recipe, Random::new(1, "batches"));
        let mut last = None;
        loop {
            match training.advance() {
                Slice::Going => (),
                Slice::Measured(moment) => last = Some(*moment),
                Slice::Over => break,
            }
        }
        assert_eq!(training.log.iter().map(|log| log.epoch).collect::<Vec<_>>(), [0, 10, 20, 25]);
        let Moment { features, means, classifier } = last.unwrap();
        let end = training.end().unwrap();
        assert!(end.error == 0.0 && training.first_below(0.01).unwrap().epoch > 0);
        let first = training.first_layer(&(0..90).collect::<Vec<_>>());
        let end = training.end().unwrap();
        let labels = &training.task.y;
        // Without an error the network says the labels.
        let said: Vec<usize> = labels.iter().map(|label| usize::from(*label)).collect();
        assert_eq!(end.layers[0], Layer::of(&first, labels, &Means::of(&first, labels, 3), &said));
        assert_eq!(end.layers[1], Layer::of(&features, labels, &means, &said));
        // The features and the classifier are those of the same network: scores as it gives them.
        let test = end.test.as_ref().unwrap();
        assert_eq!((test.error, test.collapse, &test.layers), (end.error, end.collapse, &end.layers));
        training.network.forward(&training.task.x);
        let mut scores = &classifier.w * &features;
        scores.column_iter_mut().for_each(|mut s| s += classifier.bias.as_ref().unwrap());
        assert!(scores.iter().zip(training.network.logits()).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-5));
    }
}
