//! What is filmed: free features, the central path, a network in training.

use methods::neural_collapse::models::{BlockDescent, CentralPath, FeaturesModel};
use methods::neural_collapse::training::{Decay, Recipe, Slice, Training, late_tenth};
use methods::nn::{Activation, Network, Start};
use methods::optimize::Rule;
use run::prelude::*;

use super::film::Film;
use super::sweep::{Fourfold, Sweep};
use super::{Act, BETAS, Controls, DIGITS, NeuralCollapse, PATH_STEPS, PER_CLASS, TRAIN, from_network};

/// What time counts on the path.
pub const ON_THE_PATH: &str = "time t on the central path";

/// A network 64-128-64-10 (ReLU) that is to learn the first hundred of each digit in a random order.
pub fn network(controls: &Controls, seed: u64, library: &Library) -> Result<Training> {
    let pictures = library.pictures(Dataset::Digits)?;
    let mut of_class = vec![Vec::new(); DIGITS];
    for image in Random::new(seed, "split").permutation(pictures.len()) {
        of_class[usize::from(pictures.labels[image])].push(image);
    }
    let (train, test): (Vec<_>, Vec<_>) = of_class.iter().map(|images| images.split_at(TRAIN)).unzip();
    let task = pictures.classification(&train.concat(), &test.concat(), 16.0);
    let sizes = [task.features, 128, 64, DIGITS];
    let network = Network::new(&sizes, Activation::Relu, Start::Uniform, &mut Random::new(seed, "weights"));
    let recipe = Recipe {
        loss: controls.loss,
        smoothing: 0.0,
        decay: Decay::of_weights(controls.weight_decay),
        rule: Rule::Momentum { mu: 0.9 },
        learning_rate: 0.1,
        rate: late_tenth,
        batch: 64,
        epochs: 120,
        every: 2,
        test: false,
    };
    Ok(Training::new(task, network, recipe, Random::new(seed, "batches")))
}

impl NeuralCollapse {
    /// Free features on their way to collapse.
    pub async fn film_descent(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let mut descent = BlockDescent::new(self.model.clone(), 0.0, self.start.clone());
        while !descent.converged() && descent.sweeps < 5000 {
            descent.sweep();
            // The first sweeps change most; later ones are shown by fours.
            if descent.sweeps < 60 || descent.sweeps.is_multiple_of(4) {
                self.film.shoot_model(descent.sweeps as f64, &descent.h, descent.w.clone(), &descent.model);
            }
            self = stage.part(self).await;
        }
        self
    }

    /// The central path, every other step.
    pub async fn film_path(mut self: Box<Self>, mut path: CentralPath, stage: &Stage<Self>) -> Box<Self> {
        while path.steps < PATH_STEPS {
            if path.stage() && path.steps.is_multiple_of(2) {
                self.film.shoot_path(&path);
            }
            self = stage.part(self).await;
        }
        self
    }

    /// The network in training; then its first layer becomes the given features, if it is to.
    pub async fn film_training(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        while let Some(training) = &mut self.training {
            let epoch = training.epoch();
            match training.advance() {
                Slice::Going => (),
                Slice::Measured(moment) => self.film.shoot_network(training, *moment),
                Slice::Over => break,
            }
            self = if training.epoch() > epoch { stage.next(self).await } else { stage.part(self).await };
        }
        if let (true, Some(training)) = (from_network(&self.controls), &mut self.training) {
            let rows: Vec<usize> = (0..DIGITS).flat_map(|class| (0..PER_CLASS).map(move |i| class * TRAIN + i)).collect();
            let (given, model) = (training.first_layer(&rows), FeaturesModel { classes: DIGITS, ..self.model.clone() });
            self.sweep = Some(Sweep::new(&model, given.clone(), self.controls.beta, BETAS.1, &[Fourfold::Neither]));
            if self.controls.act == Act::Vicinity {
                let path = CentralPath::new(model, given);
                self.film = Film::new(ON_THE_PATH);
                self.film.shoot_path(&path);
                self = self.film_path(path, stage).await;
            }
        }
        self
    }
}
