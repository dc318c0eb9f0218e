//! The two directions of the plane.

use methods::network::plane::{principal, random_direction_with};

use super::*;

/// Steps of the learned curve.
const BENDS: usize = 600;

fn length(v: &[f32]) -> f64 {
    v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

fn minus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

impl Controls {
    /// How a random plane is scaled; none for other planes.
    pub(super) fn scaling(&self) -> Option<Scaling> {
        match self.plane {
            Through::Filter => Some(Scaling::Filter),
            Through::Layer => Some(Scaling::Layer),
            Through::Plain => Some(Scaling::None),
            _ => None,
        }
    }
}

impl Landscape {
    /// The plane that the controls ask for, and what it takes to find it: eigenvectors, or a curve to be bent.
    pub(super) async fn choose(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        if self.scene.plane.is_some() {
            return self;
        }
        let through = self.controls.plane;
        let network = self.network();
        let theta = network.theta().to_vec();
        let solution = |run: &Self, k: usize| minus(run.walks[k].network.theta(), &theta);
        let (first, second) = match through {
            Through::Solutions => (solution(&self, 1), solution(&self, 2)),
            Through::Curve => {
                self = self.bend(&network, stage).await;
                let curve = self.curve.as_ref().expect("it has been bent");
                (solution(&self, 1), minus(&curve.bend, &theta))
            }
            Through::Path => {
                let path = self.path();
                let directions = principal(&path, &theta).directions;
                // As long as the path's start is far, so that reach 1 shows all of it.
                let far = length(&minus(&path[0], &theta)) as f32;
                directions.map(|direction| direction.iter().map(|d| d * far).collect()).into()
            }
            Through::Top | Through::Ends => {
                self = self.find_ends(stage).await;
                let Some(pairs) = self.scene.spectrum.known() else { return self };
                let other = if through == Through::Top { pairs.top().saturating_sub(1) } else { 0 };
                // As long as the weights, so that reach 1 is what it is in other planes.
                let own: Vec<f32> = self.weights.iter().map(|i| theta[*i]).collect();
                let scale = length(&own);
                let direction = |i| self.widen(&pairs.vector(i)).iter().map(|v| (scale * v) as f32).collect();
                (direction(pairs.top()), direction(other))
            }
            Through::Filter | Through::Layer | Through::Plain => {
                (self.random_direction(&network, "first"), self.random_direction(&network, "second"))
            }
        };
        let plane = Plane { centre: theta, first, second };
        self.scene.path_share = self.path_share(&plane);
        self.scene.plane = Some(plane);
        self
    }

    /// Bends a curve from the network on show to the second solution.
    async fn bend(mut self: Box<Self>, network: &Model, stage: &Stage<Self>) -> Box<Self> {
        if self.curve.is_some() {
            return self;
        }
        let ends = [network, &self.walks[1].network].map(|end| end.theta().to_vec());
        let Controls { loss, batch, .. } = self.controls;
        let mut curve = Curve::new(ends, loss, 0.02, batch, Random::new(self.seed, "curve"));
        let mut room = Room::default();
        for _ in 0..BENDS {
            curve.step(network, &self.task.samples, &mut room);
            self = stage.part(self).await;
        }
        self.curve = Some(curve);
        self
    }

    /// A random direction, scaled to a network's weights.
    pub(super) fn random_direction(&self, network: &Model, which: &str) -> Vec<f32> {
        let scaling = self.controls.scaling().expect("a random plane");
        let mut others = if self.controls.biases { network.others() } else { Vec::new() };
        // Statistics are no weights.
        others.retain(|range| self.weights.binary_search(&range.start).is_ok());
        random_direction_with(network.theta(), &network.neurons(), &others, scaling, &mut Random::new(self.seed, which))
    }

    /// The share of the walk's squared length, seen from its end, that the plane holds.
    pub(super) fn path_share(&self, plane: &Plane) -> f64 {
        let (mut inside, mut all) = (0.0, 0.0);
        for theta in &self.path() {
            let offset = minus(theta, &plane.centre);
            let squared = length(&offset) * length(&offset);
            if squared > 0.0 {
                inside += plane.share(&offset) * squared;
                all += squared;
            }
        }
        inside / all
    }
}
