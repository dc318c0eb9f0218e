//! The networks are trained: on the GPU side by side where that is faster, else one after the other, batch by batch.

use super::{InformationPlane, Source, Subject, snapshots};
use methods::network::dense::{Classification, Loss};
use methods::network::model::Room;
use methods::network::training::{Training, evaluate};
use run::kernels::small_networks::Kernel;
use run::prelude::*;

impl Subject {
    /// What an epoch leaves: its batches' gradients, added up, and a snapshot if one is due.
    fn epoch_is_over(&mut self, training: &Training, theta: &[f32], epochs: usize, room: &mut Room) {
        let Source::Network { task, places, snapshots } = &mut self.source else { return };
        let n = task.y.len().div_ceil(training.recipe().batch) as f64;
        for (phases, place) in self.phases.iter_mut().zip(places) {
            let (mut drift, mut diffusion) = (0.0, 0.0);
            for [sum, squares] in &self.sums[place.clone()] {
                let mean = sum / n;
                drift += mean * mean;
                diffusion += (squares / n - mean * mean).max(0.0);
            }
            phases.push([drift.sqrt(), diffusion.sqrt()]);
        }
        self.sums.fill([0.0; 2]);
        let epoch = self.phases[0].len();
        if self::snapshots(epochs).get(snapshots.len()) == Some(&epoch) {
            snapshots.push(theta.to_vec());
            let network = training.network.with(theta.to_vec());
            let (loss, accuracy) = evaluate(&network, Loss::CrossEntropy, &task.test_x, &task.test_y, room);
            self.scores.push([loss, accuracy]);
        }
    }
}

impl InformationPlane {
    /// Goes on with all networks to their last epoch.
    pub(super) async fn train(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let tasks: Vec<&Classification> = self.subjects.iter().filter_map(Subject::task).collect();
        if self.trainings.iter().any(|training| training.epochs() < self.controls.epochs)
            && let Some(gpu) = stage.device().gpu()
            && let Some(kernel) = Kernel::new(gpu, &self.trainings, &tasks)
            && kernel.pays(&self.trainings, tasks[0]).await
        {
            self = self.train_on(&kernel, stage).await;
        }
        let done = self.trainings.iter().map(Training::epochs).min().unwrap_or(self.controls.epochs);
        for epoch in done..self.controls.epochs {
            for s in 0..self.trainings.len() {
                while self.trainings[s].epochs() <= epoch {
                    self.descend(s);
                    self = stage.part(self).await;
                }
            }
            self = stage.next(self).await;
        }
        self
    }

    /// As many epochs as a submission holds, time and again. If the GPU is lost over this, the CPU goes on.
    pub(super) async fn train_on(mut self: Box<Self>, kernel: &Kernel, stage: &Stage<Self>) -> Box<Self> {
        let epochs = self.controls.epochs;
        while self.trainings[0].epochs() < epochs {
            let left = epochs - self.trainings[0].epochs();
            let Ok(all) = kernel.epochs(&mut self.trainings, left).await else { break };
            let InformationPlane { subjects, trainings, room, .. } = &mut *self;
            for ((subject, training), left) in subjects.iter_mut().zip(trainings).zip(all) {
                for epoch in left {
                    subject.sums = epoch.slopes;
                    subject.epoch_is_over(training, &epoch.theta, epochs, room);
                }
                training.path.clear();
            }
            stage.span(self.steps());
            self = stage.part(self).await;
        }
        self
    }

    /// One batch of network `s`.
    fn descend(&mut self, s: usize) {
        let (subject, training) = (&mut self.subjects[s], &mut self.trainings[s]);
        let Source::Network { task, .. } = &subject.source else { return };
        let before = training.epochs();
        training.step(task);
        for ([sum, squares], g) in subject.sums.iter_mut().zip(training.gradient()) {
            *sum += f64::from(*g);
            *squares += f64::from(*g) * f64::from(*g);
        }
        if training.epochs() > before {
            subject.epoch_is_over(training, training.network.theta(), self.controls.epochs, &mut self.room);
            // Of all the weights on the way, the snapshots are enough.
            training.path.clear();
        }
    }
}
