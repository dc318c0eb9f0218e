//! What is transported: two measures on places, and what moving is along.

use super::colours::{Palette, Picture};
use methods::linear::spectrum::power_iteration;
use methods::transport::{Roads, Stand, Walls};
use run::prelude::*;

/// Most places on a side.
pub(super) const MOST: usize = 2000;

/// A measure on points.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// Coordinates a place; 0 if places are only numbered.
    pub d: usize,
    /// The places that have mass.
    pub places: Vec<f64>,
    /// Their masses; positive, sum 1.
    pub mass: Vec<f64>,
    /// Their places in the user's numbering, and how many there are in that.
    pub index: Vec<usize>,
    pub of: usize,
    /// The mass that was given in all.
    pub total: f64,
    /// Were masses given, or only places?
    pub weighed: bool,
    /// The mass of this side as a share of the larger side's, where both were given.
    pub relative: f64,
    /// Their nodes, where moving is along roads.
    pub nodes: Vec<usize>,
}

impl Side {
    /// Of masses ≥ 0 at `places`; those of mass 0 are left out.
    pub fn new(name: &str, d: usize, places: &[f64], mass: &[f64]) -> Result<Self> {
        if let Some(row) = mass.iter().position(|m| *m < 0.0) {
            return Err(Error::new(format!("{name}: mass {} at place {}: masses must not be negative", mass[row], row + 1)));
        }
        let top = mass.iter().fold(0.0, |a: f64, b| a.max(*b));
        if top == 0.0 {
            return Err(Error::new(format!("{name}: all masses are 0: at least one must be positive")));
        }
        // Over the largest first: the sum of huge masses would be infinite. Less than a rounding of it is none.
        let index: Vec<usize> = (0..mass.len()).filter(|i| mass[*i] / top > 1e-15).collect();
        let scaled: f64 = index.iter().map(|i| mass[*i] / top).sum();
        if index.len() > MOST {
            return Err(Error::new(format!(
                "{name}: {} places have mass; this runs in the browser with at most {MOST}",
                index.len()
            )));
        }
        Ok(Side {
            d,
            places: index.iter().flat_map(|i| &places[i * d..(i + 1) * d]).copied().collect(),
            mass: index.iter().map(|i| mass[*i] / top / scaled).collect(),
            of: mass.len(),
            total: scaled * top,
            weighed: false,
            relative: 1.0,
            index,
            nodes: Vec::new(),
        })
    }

    /// How many places have mass.
    pub fn len(&self) -> usize {
        self.mass.len()
    }

    /// The coordinates of place i.
    pub fn place(&self, i: usize) -> &[f64] {
        &self.places[i * self.d..(i + 1) * self.d]
    }

    /// The same, of which the masses were given.
    pub fn weighed(self) -> Self {
        Side { weighed: true, ..self }
    }

    /// The masses for plans that need not move everything: the larger side has a sum of 1.
    pub fn relaxed(&self) -> Vec<f64> {
        self.mass.iter().map(|m| m * self.relative).collect()
    }

    /// Weighted mean.
    pub fn mean(&self) -> Vec<f64> {
        (0..self.d).map(|k| (0..self.len()).map(|i| self.mass[i] * self.place(i)[k]).sum()).collect()
    }
}

/// The plane of the first two principal coordinates of both measures together.
pub(super) struct Plane {
    mean: Vec<f64>,
    axes: [Vec<f64>; 2],
}

impl Plane {
    fn of(sides: &[Side; 2]) -> Self {
        const STEPS: usize = 60;
        let mean: Vec<f64> = sides[0].mean().iter().zip(sides[1].mean()).map(|(m, n)| 0.5 * m + 0.5 * n).collect();
        let off = |p: &[f64]| -> Vec<f64> { p.iter().zip(&mean).map(|(p, m)| p - m).collect() };
        let places = || sides.iter().flat_map(|side| (0..side.len()).map(move |i| (off(side.place(i)), side.mass[i])));
        let mut axes: [Vec<f64>; 2] = Default::default();
        for k in 0..2 {
            let first = axes[0].clone();
            // What is left of a place without the first axis.
            let rest = |mut p: Vec<f64>| {
                let along = dot(&p, &first);
                p.iter_mut().zip(&first).for_each(|(p, a)| *p -= along * a);
                p
            };
            let left: Vec<(Vec<f64>, f64)> = places().map(|(p, mass)| (rest(p), mass)).collect();
            let mut axis = vec![0.0; mean.len()];
            left.iter().for_each(|(p, _)| {
                if dot(p, p) > dot(&axis, &axis) {
                    axis.clone_from(p)
                }
            });
            power_iteration(&mut axis, STEPS, |v, image| {
                image.fill(0.0);
                for (p, mass) in &left {
                    let along = mass * dot(p, v);
                    image.iter_mut().zip(p).for_each(|(image, p)| *image += along * p);
                }
            });
            axes[k] = axis;
        }
        Plane { mean, axes }
    }

    fn seen(&self, place: &[f64]) -> (f64, f64) {
        let along = |axis: &[f64]| place.iter().zip(&self.mean).zip(axis).map(|((p, m), a)| (p - m) * a).sum();
        (along(&self.axes[0]), along(&self.axes[1]))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What kind of places they are, which decides the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Points in a plane or in space.
    Cloud,
    /// Cells of a line.
    Line,
    /// Pixels.
    Picture,
    /// Colours.
    Colours,
    /// Nodes of a graph.
    Graph,
    /// Rows and columns of a matrix.
    Matrix,
}

/// What moving costs.
pub(super) enum Ground {
    /// |x − y|^p, or the coordinates' differences summed, to the p.
    Straight { power: f64, manhattan: bool },
    /// The length of the shortest way along roads, to the p.
    Roads { roads: Roads, power: f64 },
    /// The length of the shortest way round walls, to the p, and where the two sides' places stand.
    Walls { walls: Walls, power: f64, stands: [Vec<Stand>; 2] },
    /// Given.
    Given(Vec<f64>),
}

impl Ground {
    /// Is it the squared distance?
    pub fn squared(&self) -> bool {
        matches!(self, Ground::Straight { power: 2.0, manhattan: false })
    }
}

/// Two measures and a cost.
pub(super) struct Task {
    pub kind: Kind,
    pub sides: [Side; 2],
    pub ground: Ground,
    /// Where the nodes are that ways are between: the graph's; or with walls the source's places, the target's, and the corners.
    pub nodes: Vec<[f64; 2]>,
    pub colours: Option<Box<[(Picture, Palette); 2]>>,
    /// The rank of every place along the way from one mean to the other.
    pub ranks: [Vec<u32>; 2],
    /// What a pair costs that is forbidden; +∞ where none is.
    pub forbidding: f64,
    /// Brought by the user, and what it was taken for.
    pub own: bool,
    pub understood: Vec<String>,
    /// Where places of more than three coordinates are seen.
    pub plane: Option<Plane>,
}

impl Task {
    pub fn new(kind: Kind, [source, target]: [Side; 2], ground: Ground) -> Self {
        let sides = [source, target];
        let plane = (sides[0].d > 3).then(|| Plane::of(&sides));
        let (nodes, ranks, understood) = (Vec::new(), Default::default(), Vec::new());
        Task { kind, sides, ground, nodes, colours: None, ranks, forbidding: f64::INFINITY, own: false, understood, plane }
    }

    /// Where a place is seen in the plane: its first two coordinates, or of more than three its principal ones.
    pub fn seen(&self, place: &[f64]) -> (f64, f64) {
        match &self.plane {
            Some(plane) => plane.seen(place),
            None => (place[0], place[1]),
        }
    }

    /// The task with walls in its plane.
    pub fn walled(mut self, walls: &Walls, power: f64) -> Result<Self> {
        if self.sides[0].d != 2 {
            return Err(Error::new("control cost: walls stand in the plane; these places have another number of coordinates"));
        }
        let place = |side: &Side, i: usize| [side.place(i)[0], side.place(i)[1]];
        let stands = [0, 1].map(|k| {
            let side = &self.sides[k];
            (0..side.len()).map(|i| walls.stand(place(side, i))).collect::<Vec<_>>()
        });
        let places = self.sides.iter().flat_map(|side| (0..side.len()).map(move |i| place(side, i)));
        self.nodes = places.chain(walls.corners().iter().copied()).collect();
        self.ground = Ground::Walls { walls: walls.clone(), power, stands };
        Ok(self)
    }

    /// How many places each side has.
    pub fn size(&self) -> [usize; 2] {
        [0, 1].map(|k| self.sides[k].len())
    }

    /// Entries of the costs.
    pub fn entries(&self) -> f64 {
        let [rows, columns] = self.size();
        (rows * columns) as f64
    }

    /// Are ways other than straight lines?
    pub fn winding(&self) -> bool {
        matches!(self.ground, Ground::Roads { .. } | Ground::Walls { .. })
    }
}
