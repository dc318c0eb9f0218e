//! What is drawn of a plan, gathered in one pass over it, row by row.

use super::costs::Costs;
use super::marginals::{Kind, Task};

/// Ways that are drawn, and the share of the heaviest below which none is.
const WAYS: usize = 700;
const FAINT: f64 = 0.03;
/// Pieces of mass that are followed on their way.
const PIECES: usize = 4000;
/// Blocks a side of the matrix.
const BLOCKS: usize = 120;
/// Bins of the costs that are paid.
pub(super) const BINS: usize = 30;

/// An entry: row, column, mass.
pub(super) type Piece = (usize, usize, f64);

/// Some entries: all above a threshold, or where these are too many, draws from the plan, evenly spread over its mass. A draw stands for
/// the mass that lies between two of them; as a picture of its entry it has that entry's mass.
struct Sample {
    threshold: f64,
    most: usize,
    all: Vec<Piece>,
    drawn: Vec<Piece>,
    as_entries: bool,
    step: f64,
    sum: f64,
    next: f64,
}

impl Sample {
    fn new(threshold: f64, most: usize, mass: f64, as_entries: bool) -> Self {
        let step = mass / most as f64;
        Sample { threshold, most, all: Vec::new(), drawn: Vec::new(), as_entries, step, sum: 0.0, next: 0.5 * step }
    }

    fn take(&mut self, i: usize, j: usize, mass: f64) {
        if mass > self.threshold && self.all.len() <= self.most {
            self.all.push((i, j, mass));
        }
        self.sum += mass;
        if self.sum > self.next {
            let times = ((self.sum - self.next) / self.step).ceil();
            self.next += times * self.step;
            self.drawn.push((i, j, if self.as_entries { mass } else { times * self.step }));
        }
    }

    fn pieces(&self) -> &[Piece] {
        if self.all.len() <= self.most { &self.all } else { &self.drawn }
    }
}

/// A plan in few numbers.
pub(super) struct Sketch {
    ways: Sample,
    moving: Sample,
    /// P1 and Pᵀ1.
    pub leaves: Vec<f64>,
    pub arrives: Vec<f64>,
    /// Mass in blocks of rows and columns in order, and how many blocks there are down and across.
    pub blocks: Vec<f32>,
    pub down: usize,
    pub across: usize,
    /// Mass that pays a cost in each of [`BINS`] bins.
    pub paid: Vec<f64>,
}

impl Sketch {
    /// Nothing yet, of a plan with this largest entry and this mass.
    pub fn new(task: &Task, top: f64, mass: f64) -> Self {
        let [rows, columns] = [0, 1].map(|k| task.sides[k].len());
        let (down, across) = (rows.min(BLOCKS), columns.min(BLOCKS));
        Sketch {
            ways: Sample::new(FAINT * top, WAYS, mass, true),
            moving: Sample::new(1e-4 * top, PIECES, mass, false),
            leaves: vec![0.0; rows],
            arrives: vec![0.0; columns],
            blocks: vec![0.0; down * across],
            down,
            across,
            paid: vec![0.0; BINS],
        }
    }

    /// Takes in row i of the plan.
    pub fn take_row(&mut self, i: usize, task: &Task, plan: &[f64], costs: &Costs) {
        let [from, to] = &task.ranks;
        let columns = self.arrives.len();
        let scale = BINS as f64 / (costs.largest - costs.least).max(f64::MIN_POSITIVE);
        let block = from[i] as usize * self.down / self.leaves.len() * self.across;
        let (row, prices) = (&plan[i * columns..][..columns], &costs.matrix[i * columns..][..columns]);
        for (j, p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            self.leaves[i] += p;
            self.arrives[j] += p;
            self.blocks[block + to[j] as usize * self.across / columns] += *p as f32;
            self.ways.take(i, j, *p);
            self.moving.take(i, j, *p);
            if task.kind == Kind::Matrix {
                self.paid[(((prices[j] - costs.least) * scale) as usize).min(BINS - 1)] += p;
            }
        }
    }

    /// What is drawn as lines.
    pub fn ways(&self) -> &[Piece] {
        self.ways.pieces()
    }

    /// What is followed on its way: at most 4,000 pieces.
    pub fn moving(&self) -> &[Piece] {
        self.moving.pieces()
    }
}
