//! A network in training, whose collapse is watched layer by layer.

use nalgebra::{DMatrix, DVector};

use super::{Classifier, Collapse, Means, Variability};
use crate::methods::nn::{Classification, Network, Tape, largest};
use crate::methods::optimize::{Optimizer, Rule};
use crate::methods::random::Random;

/// How a network is trained: stochastic gradient descent with momentum, its rate a tenth after two thirds of the steps.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Mean loss of outputs (samples × classes) and labels; writes its gradient by the outputs.
    pub loss: fn(&[f32], &[u8], &mut Vec<f32>) -> f32,
    /// λ: λθ is added to the gradient of all parameters θ.
    pub weight_decay: f64,
    /// The first learning rate.
    pub learning_rate: f64,
    /// μ.
    pub momentum: f64,
    /// Samples a batch; the last incomplete one is dropped.
    pub batch: usize,
    /// Passes over the training set.
    pub epochs: usize,
    /// Epochs between measurements; the start and the end are always measured.
    pub every: usize,
}

/// A training on its way. What is measured is measured on the whole training set, not on a batch.
pub struct Training {
    /// What is learned.
    pub task: Classification,
    /// What learns.
    pub network: Network,
    /// What was measured so far.
    pub log: Vec<Epoch>,
    recipe: Recipe,
    classes: usize,
    optimizer: Optimizer<f32>,
    random: Random,
    order: Vec<usize>,
    tape: Tape,
    gradient: Vec<f32>,
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
    /// NC1 after every hidden layer.
    pub layers: Vec<Variability>,
    /// Everything, of the last hidden layer and the classifier above it.
    pub collapse: Collapse,
}

/// The training set on its way through the network.
#[derive(Default)]
struct Look {
    samples: usize,
    wrong: usize,
    /// Features of every hidden layer, sample after sample.
    features: Vec<Vec<f64>>,
    measured: Vec<Variability>,
}

/// What a slice of training has come to.
pub enum Slice {
    /// A batch, or a part of a measurement.
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
    /// Samples a slice of a measurement.
    const CHUNK: usize = 200;

    /// `network`, before its first step, is to learn the training samples of `task`, shuffled by `random` in every epoch.
    pub fn new(task: Classification, network: Network, recipe: Recipe, random: Random) -> Self {
        let size = network.theta.len();
        Training {
            log: Vec::new(),
            classes: *network.sizes().last().expect("a network has an output"),
            optimizer: Optimizer::new(Rule::Momentum { mu: recipe.momentum }, recipe.learning_rate, size),
            random,
            order: (0..task.y.len()).collect(),
            tape: Tape::default(),
            gradient: vec![0.0; size],
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

    /// One slice: a batch, or a part of a measurement.
    pub fn advance(&mut self) -> Slice {
        let (epoch, epochs) = (self.epoch(), self.recipe.epochs);
        let due = self.steps.is_multiple_of(self.batches()) && (epoch.is_multiple_of(self.recipe.every) || epoch == epochs);
        if due && self.log.last().is_none_or(|log| log.epoch != epoch) {
            return self.measure();
        }
        if epoch == epochs {
            return Slice::Over;
        }
        self.descend();
        Slice::Going
    }

    fn descend(&mut self) {
        let (batch, size) = (self.steps % self.batches(), self.recipe.batch);
        if batch == 0 {
            self.random.shuffle(&mut self.order);
        }
        let (mut x, mut y, mut delta) = (Vec::new(), Vec::new(), Vec::new());
        self.task.batch(&self.order[batch * size..(batch + 1) * size], &mut x, &mut y);
        self.network.forward(&x, &mut self.tape);
        (self.recipe.loss)(self.tape.logits(), &y, &mut delta);
        self.network.backward(&mut self.tape, &delta, &mut self.gradient);
        let decay = self.recipe.weight_decay as f32;
        self.gradient.iter_mut().zip(&self.network.theta).for_each(|(g, theta)| *g += decay * theta);
        let late = 3 * self.steps >= 2 * self.recipe.epochs * self.batches();
        self.optimizer.step_size = if late { 0.1 * self.recipe.learning_rate } else { self.recipe.learning_rate };
        self.optimizer.step(&mut self.network.theta, &self.gradient);
        self.steps += 1;
    }

    /// Some samples forward; when all are through, one layer.
    fn measure(&mut self) -> Slice {
        let (samples, inputs, hidden) = (self.task.y.len(), self.task.features, self.network.sizes().len() - 2);
        let look = &mut self.look;
        if look.samples < samples {
            let (from, to) = (look.samples, (look.samples + Self::CHUNK).min(samples));
            self.network.forward(&self.task.x[from * inputs..to * inputs], &mut self.tape);
            look.features.resize(hidden, Vec::new());
            for (l, layer) in look.features.iter_mut().enumerate() {
                layer.extend(self.tape.layer(l + 1).iter().map(|a| f64::from(*a)));
            }
            let scored = self.tape.logits().chunks_exact(self.classes).zip(&self.task.y[from..to]);
            look.wrong += scored.filter(|(scores, label)| largest(scores) != usize::from(**label)).count();
            look.samples = to;
            return Slice::Going;
        }
        let (layer, labels) = (look.measured.len(), &self.task.y);
        let values = std::mem::take(&mut look.features[layer]);
        let features = DMatrix::from_vec(self.network.sizes()[layer + 1], samples, values);
        let means = Means::of(&features, labels, self.classes);
        if layer + 1 < hidden {
            look.measured.push(Variability::of(&features, labels, &means));
            return Slice::Going;
        }
        let classifier = self.classifier();
        let collapse = Collapse::of(&features, &self.task.y, &means, &classifier);
        let Look { wrong, mut measured, .. } = std::mem::take(&mut self.look);
        measured.push(collapse.variability);
        let error = wrong as f64 / samples as f64;
        self.log.push(Epoch { epoch: self.epoch(), error, layers: measured, collapse });
        Slice::Measured(Box::new(Moment { features, means, classifier }))
    }

    /// The network's last layer.
    pub fn classifier(&self) -> Classifier {
        let sizes = self.network.sizes();
        let last = sizes.len() - 2;
        let (weights, biases) = self.network.place(last);
        let wide = |values: &[f32]| values.iter().map(|w| f64::from(*w)).collect::<Vec<_>>();
        // Stored d×K row by row, which is K×d column by column.
        let w = DMatrix::from_vec(self.classes, sizes[last], wide(&self.network.theta[weights]));
        Classifier { w, bias: Some(DVector::from_vec(wide(&self.network.theta[biases]))) }
    }

    /// The features after the first hidden layer of the training samples `rows` (d×rows).
    pub fn first_layer(&self, rows: &[usize]) -> DMatrix<f64> {
        let (mut x, mut y, mut tape) = (Vec::new(), Vec::new(), Tape::default());
        self.task.batch(rows, &mut x, &mut y);
        self.network.forward(&x, &mut tape);
        DMatrix::from_iterator(self.network.sizes()[1], rows.len(), tape.layer(1).iter().map(|a| f64::from(*a)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::nn::{Activation, Start, squared_error};

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
        let task = Classification { features: 4, x, y: labels, test_x: Vec::new(), test_y: Vec::new() };
        let network = Network::new(&[4, 8, 6, 3], Activation::Relu, Start::Uniform, &mut random);
        let recipe = Recipe {
            loss: squared_error,
            weight_decay: 1e-3,
            learning_rate: 0.1,
            momentum: 0.9,
            batch: 20,
            epochs: 25,
            every: 10,
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
        let (end, Moment { features, means, classifier }) = (training.end().unwrap(), last.unwrap());
        assert!(end.error == 0.0 && training.first_below(0.01).unwrap().epoch > 0);
        let first = training.first_layer(&(0..90).collect::<Vec<_>>());
        let labels = &training.task.y;
        assert_eq!(end.layers[0], Variability::of(&first, labels, &Means::of(&first, labels, 3)));
        assert_eq!(end.layers[1], Variability::of(&features, labels, &means));
        // The features and the classifier are those of the same network: scores as it gives them.
        let mut tape = Tape::default();
        training.network.forward(&training.task.x, &mut tape);
        let mut scores = &classifier.w * &features;
        scores.column_iter_mut().for_each(|mut s| s += classifier.bias.as_ref().unwrap());
        assert!(scores.iter().zip(tape.logits()).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-5));
    }
}
