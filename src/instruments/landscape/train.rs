//! The walk: a network in training, or checkpoints of the reader's in their order.

use ground::controls::Options;
use methods::linear::spectrum::{Largest, largest};
use methods::network::training::Recipe;
use methods::optimize::{First, Optimizer};

use super::spectrum::TOLERANCE;
use super::*;

/// How often the sharpness is measured in training, about, and of how many checkpoints.
const LOOKS: usize = 30;
const CHECKPOINTS: usize = 120;
/// Products with the Hessian at a look, at most.
const MOST: usize = 64;

impl Controls {
    /// What the optimizer takes of the step size: less where a step does not grow with the gradient, in every weight alone; Adadelta
    /// finds its own length.
    fn stride(&self) -> f64 {
        match self.optimizer {
            First::Momentum | First::Gradient | First::Nesterov | First::Normalised | First::AdaGradNorm => self.step_size,
            First::AdaDelta => 20.0 * self.step_size,
            _ => 0.1 * self.step_size,
        }
    }

    /// Where a quadratic stops being stable, for the rules that have such a place.
    pub(super) fn edge(&self) -> Option<f64> {
        self.optimizer.rule().stable_below(self.stride())
    }

    /// How many walks the plane needs.
    pub(super) fn walks(&self) -> usize {
        match self.plane {
            Through::Solutions => 3,
            Through::Curve => 2,
            _ => 1,
        }
    }
}

/// The walks at their starts; of checkpoints, the last ones are the solutions.
pub fn walks(controls: &Controls, task: &Task, given: Option<&Checkpoints>, seed: u64) -> Result<Vec<Training>> {
    if let Some(given) = given {
        if controls.walks() > given.path.len() {
            return Err(Error::new(format!(
                "plane: {} needs {} checkpoints, and {} has {}",
                controls.plane.name(),
                controls.walks(),
                given.file,
                given.path.len()
            )));
        }
        given.moves_for(controls.plane)?;
    }
    let shape = Shape {
        kind: controls.network,
        depth: controls.depth,
        width: controls.width,
        hidden: controls.activation,
        normalised: controls.normalised,
    };
    let walk = |(k, name): (usize, &str)| {
        let network = match given {
            Some(given) => given.network(controls.activation, task)?.with(given.path[given.path.len() - 1 - k].clone()),
            None => shape.network(task, &mut Random::new(seed, name))?,
        };
        let recipe = Recipe {
            loss: controls.loss,
            optimizer: Optimizer::new(controls.optimizer.rule(), controls.stride(), network.theta().len()),
            decay: controls.weight_decay,
            batch: controls.batch,
        };
        Ok(Training::new(network, recipe, task.samples.y.len(), Random::new(seed, "batches")))
    };
    let names = ["weights", "second weights", "third weights"].into_iter().take(controls.walks());
    let mut walks: Vec<Training> = names.enumerate().map(walk).collect::<Result<_>>()?;
    if let Some(given) = given {
        walks[0].path = given.path.clone();
    }
    Ok(walks)
}

impl Landscape {
    /// How many epochs, or checkpoints, the walk has.
    pub(super) fn epochs(&self) -> usize {
        self.given.as_ref().map_or(self.controls.epochs, |given| given.path.len())
    }

    /// The walk is at its end.
    pub(super) fn trained(&self) -> bool {
        self.walks[0].epochs() == self.epochs()
    }

    /// Training has left the numbers, or what the reader brought has no finite loss.
    pub(super) fn diverged(&self) -> bool {
        let lost = |walk: &Training| {
            walk.loss.last().is_some_and(|loss| !loss.is_finite()) || walk.network.theta().iter().any(|t| !t.is_finite())
        };
        self.walks.iter().any(lost)
    }

    /// All walks, batch by batch, and the sharpness on the way: before training, and at its end; of checkpoints, at their own numbers.
    pub(super) async fn train(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let first = usize::from(self.given.is_some());
        let looks = Every::of(if self.given.is_some() { CHECKPOINTS } else { LOOKS }, self.epochs());
        loop {
            let epoch = self.walks[0].epochs();
            if epoch >= first && looks.due(epoch) && self.sharpness.points(0).next_back().is_none_or(|last| last.0 < epoch as f64)
            {
                self.measure_sharpness(epoch);
                self = stage.part(self).await;
            }
            if self.trained() {
                return self;
            }
            self.step();
            self = if self.walks[0].epochs() > epoch { stage.next(self).await } else { stage.part(self).await };
        }
    }

    /// λ by a Lanczos process from where the last one ended and a random direction: what has meanwhile become the largest is found too.
    fn measure_sharpness(&mut self, epoch: usize) {
        let random = Lanczos::random(self.sharpest.len(), &mut Random::new(self.seed, "sharpest"));
        let start = self.sharpest.iter().zip(random.next()).map(|(a, b)| a + b).collect();
        let network = &self.walks[0].network;
        let Largest { value, vector, .. } = largest(start, TOLERANCE, MOST, |v| self.hessian(network, v).1);
        self.sharpest = vector;
        self.sharpness.note(epoch, [value]);
    }

    /// One batch of every walk, or the next one of the reader's checkpoints.
    fn step(&mut self) {
        let Some(given) = &self.given else {
            self.walks.iter_mut().for_each(|walk| walk.step(&self.task.samples));
            return;
        };
        let walk = &self.walks[0];
        let network = walk.network.with(given.path[walk.epochs()].clone());
        let (x, y) = self.samples();
        let loss = evaluate(&network, self.controls.loss, x, y, &mut Room::default()).0;
        let walk = &mut self.walks[0];
        walk.network = network;
        walk.loss.push(loss);
    }
}
