//! The costs of blurred plans, from the largest ε down.

use super::costs::{Costs, price};
use super::marginals::{Ground, Task};
use super::{TransportPlan, course::Prices};
use methods::linear::exp_in_place;
use methods::transport::sinkhorn::Twin;
use run::prelude::*;

/// Rungs, and the most sweeps on one.
const RUNGS: usize = 13;
const SWEEPS: usize = 150;

/// The costs at each ε so far.
#[derive(Default)]
pub(super) struct Ladder {
    /// As shares of the largest cost.
    pub epsilons: Vec<f64>,
    /// Of the plan mended to its marginals; OT_ε; the Sinkhorn divergence.
    pub mended: Vec<f64>,
    pub regularised: Vec<f64>,
    pub divergence: Vec<f64>,
    /// Costs inside the source and inside the target.
    inner: [Vec<f64>; 2],
    /// (u, v)·ε of the last rung, to start the next from: across, inside the source, inside the target.
    prices: [Prices; 3],
}

impl TransportPlan {
    /// Goes on down the ladder: across, and for the divergence inside the source and inside the target.
    pub(super) async fn climb(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        let pair = self.pair();
        let within = pair.ladder.cost_inside(&pair.task);
        for rung in pair.ladder.epsilons.len()..RUNGS {
            let share = libm::pow(10.0, -3.0 * rung as f64 / (RUNGS - 1) as f64);
            let epsilon = share * self.pair().costs.scale();
            let (mut values, mut prices, mut mended) = ([f64::NAN; 3], <[Prices; 3]>::default(), f64::NAN);
            for which in if within { 0..3 } else { 0..1 } {
                let pair = self.pair();
                let (cost, [r, c]) = pair.ladder.problem(which, &pair.task, &pair.costs);
                let mut twin = Twin::<f64>::new(cost.iter().map(|c| c / epsilon), r, c);
                let (u, v) = &pair.ladder.prices[which];
                if !u.is_empty() {
                    let scaled = |z: &[f64]| z.iter().map(|z| z / epsilon).collect::<Vec<f64>>();
                    twin.set_potentials(&scaled(u), &scaled(v));
                }
                for _ in 0..SWEEPS {
                    let arrived = twin.sweep() < 1e-4;
                    self = stage.part(self).await;
                    if arrived {
                        break;
                    }
                }
                let (u, v) = twin.potentials();
                let pair = self.pair();
                let (cost, [r, c]) = pair.ladder.problem(which, &pair.task, &pair.costs);
                // After a sweep the columns hold, and the mass is 1.
                let value = |mass: &[f64], z: &[f64]| -> f64 { mass.iter().zip(z).map(|(m, z)| m * (z - libm::log(*m))).sum() };
                values[which] = epsilon * (value(r, &u) + value(c, &v));
                if which == 0 {
                    let mut plan = Vec::with_capacity(cost.len());
                    for (row, u) in cost.chunks_exact(c.len()).zip(&u) {
                        plan.extend(row.iter().zip(&v).map(|(c, v)| u + v - c / epsilon));
                    }
                    exp_in_place(&mut plan);
                    let (run, worth, _) = self.appraise(&plan, None, stage).await;
                    (self, mended) = (run, worth.primal);
                }
                let priced = |z: &[f64]| z.iter().map(|z| z * epsilon).collect::<Vec<f64>>();
                prices[which] = (priced(&u), priced(&v));
            }
            let ladder = &mut self.pair().ladder;
            ladder.prices = prices;
            ladder.epsilons.push(share);
            ladder.regularised.push(values[0]);
            ladder.mended.push(mended);
            ladder.divergence.push(values[0] - 0.5 * (values[1] + values[2]));
            self = stage.next(self).await;
        }
        self
    }
}

impl Ladder {
    /// Fills in the costs inside both sides; false where moving is not straight.
    fn cost_inside(&mut self, task: &Task) -> bool {
        let Ground::Straight { power, manhattan } = task.ground else { return false };
        for (side, inner) in task.sides.iter().zip(&mut self.inner).filter(|(_, inner)| inner.is_empty()) {
            let row = |i: usize| (0..side.len()).map(move |j| price(side.place(i), side.place(j), power, manhattan));
            *inner = (0..side.len()).flat_map(row).collect();
        }
        true
    }

    /// Costs and masses, across or inside one of the sides.
    fn problem<'a>(&'a self, which: usize, task: &'a Task, costs: &'a Costs) -> (&'a [f64], [&'a [f64]; 2]) {
        let [source, target] = [0, 1].map(|k: usize| task.sides[k].mass.as_slice());
        match which {
            0 => (&costs.matrix, [source, target]),
            1 => (&self.inner[0], [source, source]),
            _ => (&self.inner[1], [target, target]),
        }
    }
}
