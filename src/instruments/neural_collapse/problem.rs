//! What is trained: a network on classes of samples, or features that are free.

use super::{Controls, Data, MEASUREMENTS, Model, Rate};
use methods::network::dense::{Activation, Network, Start};
use methods::neural_collapse::free::{Descent, Problem};
use methods::neural_collapse::learner::Learner;
use methods::neural_collapse::training::{Decay, Recipe, Training, late_tenth};
use methods::optimize::Schedule;
use nalgebra::DMatrix;
use run::data::classes::{Classes, Source};
use run::prelude::*;

/// Dimensions of a free feature, a class.
const DIMENSIONS: usize = 2;

impl Controls {
    /// The factor of the learning rate in step t of so many.
    pub(super) fn factor(&self) -> fn(usize, usize) -> f64 {
        match self.schedule {
            Rate::Constant => |_, _| 1.0,
            Rate::Tenth => late_tenth,
            Rate::Step => |t, of| Schedule::Step.factor(t, of),
            Rate::Cosine => |t, of| Schedule::Cosine.factor(t, of),
        }
    }

    fn source(&self) -> Source {
        match self.data {
            Data::Blobs => Source::Blobs,
            Data::Gratings => Source::Gratings,
            Data::Digits => Source::Digits,
            Data::Mnist => Source::Mnist,
        }
    }

    fn samples(&self) -> Classes {
        Classes {
            source: self.source(),
            count: self.classes,
            per_class: self.per_class,
            imbalance: self.imbalance,
            noise: self.noise,
        }
    }

    /// A network before its first step.
    pub(super) fn training(&self, seed: u64, library: &Library) -> Result<Training> {
        let task = self.samples().draw(seed, library)?;
        let mut random = Random::new(seed, "weights");
        let network: Learner = match self.model {
            Model::Convolutional => Learner::convolutional(self.source().sides(), [8, 12], self.width, self.classes, &mut random),
            _ => {
                let mut sizes = vec![self.width; self.layers + 2];
                (sizes[0], sizes[self.layers + 1]) = (task.features, self.classes);
                Network::new(&sizes, Activation::Relu, Start::Normal { gain: 2.0 }, &mut random).into()
            }
        };
        let recipe = Recipe {
            loss: self.loss,
            smoothing: self.smoothing,
            decay: Decay { features: self.lambda_h, classifier: self.lambda_w, bias: self.lambda_b, below: self.decay },
            rule: self.optimizer.rule(),
            learning_rate: self.rate,
            rate: self.factor(),
            batch: self.batch.min(task.y.len()),
            epochs: self.epochs,
            every: self.epochs.div_ceil(MEASUREMENTS),
            test: true,
        };
        Ok(Training::new(task, network, recipe, Random::new(seed, "batches")))
    }

    fn problem(&self) -> Problem {
        Problem {
            of_class: self.samples().sizes(usize::MAX),
            loss: self.loss,
            smoothing: self.smoothing,
            lambda_h: self.lambda_h,
            lambda_w: self.lambda_w,
            lambda_b: Some(self.lambda_b),
            tie: self.tie,
        }
    }

    /// Free features start, and are tied to, Gaussian class means and as much Gaussian noise.
    pub(super) fn descent(&self, seed: u64) -> Descent {
        let (problem, mut random) = (self.problem(), Random::new(seed, "free features"));
        let d = DIMENSIONS * self.classes;
        let centres = DMatrix::from_fn(d, self.classes, |_, _| 0.5 * random.normal());
        let labels = problem.labels();
        let given = DMatrix::from_fn(d, labels.len(), |r, i| centres[(r, usize::from(labels[i]))] + 0.5 * random.normal());
        Descent::new(problem, &given, self.optimizer.rule(), &mut random)
    }
}
