//! A map through weight space: the plane that holds most of all paths.

use methods::network::plane::{Plane, principal};

use super::*;

/// Cells a side.
pub const CELLS: usize = 33;

/// The plane of all paths, and the losses over it.
pub struct Common {
    /// The plane.
    pub plane: Plane,
    /// The shares of the paths' variance that its directions hold.
    pub shares: [f64; 2],
    /// The ends along either direction.
    pub ends: [(f64, f64); 2],
    /// Losses, row by row, as far as they are computed.
    pub loss: Vec<f32>,
}

impl Common {
    /// Fits the plane to points, with some room around them.
    fn of(points: &[Vec<f32>], unknowns: usize) -> Self {
        let mut centre = vec![0.0f32; unknowns];
        for point in points {
            centre.iter_mut().zip(point).for_each(|(c, p)| *c += p / points.len() as f32);
        }
        let found = principal(points, &centre);
        let [first, second] = found.directions;
        let plane = Plane { centre, first, second };
        let places: Vec<(f64, f64)> = points.iter().map(|p| plane.place(p)).collect();
        let ends = |f: fn(&(f64, f64)) -> f64| {
            let (low, high) = places.iter().map(f).fold((0.0f64, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
            let room = (0.12 * (high - low)).max(1e-3);
            (low - room, high + room)
        };
        let ends = [ends(|p| p.0), ends(|p| p.1)];
        Common { plane, shares: found.shares, ends, loss: Vec::new() }
    }

    /// Whole rows.
    pub fn rows(&self) -> usize {
        self.loss.len() / CELLS
    }

    /// The weights in the middle of a cell.
    fn weights(&self, cell: usize) -> Vec<f64> {
        let place = |k: usize, (low, high): (f64, f64)| low + (high - low) * (k as f64 + 0.5) / CELLS as f64;
        let [x, y] = self.ends;
        self.plane.at(place(cell % CELLS, x), place(cell / CELLS, y)).into_iter().map(f64::from).collect()
    }
}

impl Race {
    /// The common plane of all paths, then the map over it.
    pub(super) async fn map_plane(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        if self.common.is_none() {
            let points: Vec<Vec<f32>> = self.racers.iter().flat_map(|r| r.path.iter().cloned()).collect();
            self.common = Some(Common::of(&points, self.terrain.start.len()));
            self = stage.part(self).await;
        }
        while let Some(common) = self.common.as_mut().filter(|common| common.loss.len() < CELLS * CELLS) {
            let theta = common.weights(common.loss.len());
            common.loss.push(self.course.problem.loss(&theta) as f32);
            let row = common.loss.len().is_multiple_of(CELLS);
            self = if row { stage.next(self).await } else { stage.part(self).await };
        }
        self
    }
}
