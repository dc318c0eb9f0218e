//! Losses and accuracies along a line, and the twin's beside them.

use super::*;

/// Places of a profile.
pub const PROFILE: usize = 61;

/// What the profiles show, place by place.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Loss and accuracy on training samples.
    pub train: Vec<(f64, f64)>,
    /// Loss and accuracy on test samples.
    pub test: Vec<(f64, f64)>,
    /// The twin's loss.
    pub twin: Vec<f64>,
    /// The loss on the learned curve.
    pub curve: Vec<f64>,
}

impl Controls {
    /// Is the twin of the same function seen beside the network?
    pub(super) fn have_twins(&self) -> bool {
        self.scaling().is_some() && self.along == Along::First && (self.normalised || self.activation == Hidden::Relu)
    }

    /// The ends of the line.
    pub(super) fn stretch(&self) -> (f64, f64) {
        if matches!(self.along, Along::Walk | Along::Bridge) { (-0.25, 1.25) } else { self.window() }
    }

    /// The `i`-th place of the line.
    pub(super) fn on_line(&self, i: usize) -> f64 {
        let (low, high) = self.stretch();
        low + (high - low) * i as f64 / (PROFILE - 1) as f64
    }
}

impl Landscape {
    /// The twin of the network on show, where it is known and there is one.
    fn twin(&self) -> Option<Model> {
        if self.controls.have_twins() { self.network().twin(TWIN) } else { None }
    }

    /// Is there one?
    pub(super) fn has_twin(&self) -> bool {
        self.twin().is_some()
    }

    /// Follows the line from place to place.
    pub(super) async fn follow(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let (network, loss) = (self.network(), self.controls.loss);
        let twin = self.twin();
        let twin = twin.map(|twin| (self.random_direction(&twin, "first"), twin));
        let mut room = Room::default();
        while self.scene.profile.train.len() < PROFILE {
            let t = self.controls.on_line(self.scene.profile.train.len());
            let ((x, y), (test_x, test_y)) = (self.samples(), self.tests());
            let at = network.with(self.weights_at(t));
            let train = evaluate(&at, loss, x, y, &mut room);
            let test = evaluate(&at.frozen(x), loss, test_x, test_y, &mut room);
            let twins = twin.as_ref().map(|(direction, twin)| {
                let theta = twin.theta().iter().zip(direction).map(|(c, d)| c + t as f32 * d).collect();
                evaluate(&twin.with(theta), loss, x, y, &mut room).0
            });
            // The curve ends where the solutions are.
            let on = (0.0..=1.0).contains(&t);
            let curve = self.curve.as_ref().filter(|_| self.controls.along == Along::Bridge);
            let bent =
                curve.map(|curve| if on { evaluate(&network.with(curve.at(t)), loss, x, y, &mut room).0 } else { f64::NAN });
            let profile = &mut self.scene.profile;
            profile.train.push(train);
            profile.test.push(test);
            profile.twin.extend(twins);
            profile.curve.extend(bent);
            self = stage.next(self).await;
        }
        self
    }

    /// The weights at a place of the line.
    fn weights_at(&self, t: f64) -> Vec<f32> {
        let plane = self.scene.plane.as_ref().expect("directions come first");
        let between = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + t as f32 * (b - a)).collect();
        let walk = &self.walks[0];
        match self.controls.along {
            Along::First => plane.at(t, 0.0),
            Along::Second => plane.at(0.0, t),
            Along::Walk => between(self.shown(walk.network.with(walk.path[0].clone())).theta(), &plane.centre),
            Along::Bridge => between(&plane.centre, self.walks[1].network.theta()),
        }
    }

    /// The largest difference between the network's and its twin's profile, as a share of the profile's range.
    pub(super) fn difference(&self) -> f64 {
        let Profile { train, twin, .. } = &self.scene.profile;
        if twin.len() < PROFILE || train.iter().map(|v| v.0).chain(twin.iter().copied()).any(|v| !v.is_finite()) {
            return f64::NAN;
        }
        let range = train.iter().fold(0.0f64, |m, v| m.max(v.0)) - train.iter().fold(f64::INFINITY, |m, v| m.min(v.0));
        train.iter().zip(twin).map(|(a, b)| (a.0 - b).abs()).fold(0.0, f64::max) / range
    }
}
