//! The race: everyone from one start, step by step.

use super::tuning::Tuning;
use super::*;

/// Snapshots of all weights that the common plane is fitted to.
const SNAPSHOTS: usize = 96;

/// One who runs, and what is kept of it.
pub struct Racer {
    /// Which optimizer it is.
    pub who: Who,
    /// Its index.
    pub lane: usize,
    /// α: the reader's, or as it was tuned.
    pub step_size: f64,
    /// The search for it; none where it is the reader's.
    pub tuning: Option<Tuning>,
    /// Its way; none before the race.
    pub walk: Option<Walk>,
    /// What there was to see of it, step by step.
    pub moments: Vec<Moment>,
    /// Where it was: every step on a surface, now and then in many dimensions.
    pub path: Vec<Vec<f32>>,
}

/// One moment of a race.
#[derive(Clone, Copy)]
pub struct Moment {
    /// f(x)
    pub loss: f64,
    /// ‖∇f(x)‖
    pub gradient: f64,
    /// To the nearest lowest minimum on a surface, from the start elsewhere.
    pub distance: f64,
    /// Gradients so far.
    pub evaluations: usize,
    /// |Δxᵢ|/|gᵢ| on a surface; ‖Δx‖/‖g‖ twice elsewhere.
    pub effective: [f64; 2],
}

impl Racer {
    /// What decides who is ahead; see [`Walk::result`].
    pub fn result(&self) -> (f64, f64) {
        self.walk.as_ref().map_or((f64::INFINITY, f64::INFINITY), Walk::result)
    }

    /// Takes it out of the race, to start again.
    pub fn withdraw(&mut self) {
        (self.walk, self.moments, self.path) = (None, Vec::new(), Vec::new());
    }
}

/// Everyone who runs.
pub fn racers(controls: &Controls, squares: bool, trials: usize) -> Result<Vec<Racer>> {
    let lanes = controls.lanes();
    let mut all: Vec<(Who, f64)> = lanes.into_iter().filter(|(who, _)| *who != Who::Nobody).collect();
    if controls.everyone {
        let others: Vec<_> = Who::everyone().filter(|who| all.iter().all(|(other, _)| other != who)).collect();
        all.extend(others.into_iter().filter(|who| squares || *who != Who::GaussNewton).map(|who| (who, 0.0)));
    }
    if all.is_empty() {
        return Err(Error::new("control first: nobody runs; choose an optimizer"));
    }
    if !squares && let Some(lane) = lanes.iter().position(|(who, _)| *who == Who::GaussNewton) {
        let name = ["first", "second", "third", "fourth"][lane];
        return Err(Error::new(format!(
            "control {name}: Gauss-Newton is for sums of squares and networks, and this problem is none; the bowl, Rosenbrock, Himmelblau, Beale and Booth are"
        )));
    }
    let racer = |(lane, (who, step_size)): (usize, (Who, f64))| Racer {
        who,
        lane,
        step_size,
        tuning: (step_size == 0.0).then(|| Tuning::new(trials)),
        walk: None,
        moments: Vec::new(),
        path: Vec::new(),
    };
    Ok(all.into_iter().enumerate().map(racer).collect())
}

fn norm(v: impl Iterator<Item = f64>) -> f64 {
    v.map(|v| v * v).sum::<f64>().sqrt()
}

impl Race {
    /// Everyone to the start, then a step of everyone until all are over.
    pub(super) async fn race(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        for i in 0..self.racers.len() {
            if self.racers[i].walk.is_none() {
                let Racer { who, step_size, .. } = self.racers[i];
                self.racers[i].walk = Some(self.walk(who, step_size, &self.terrain.start, &self.controls));
                self.record(i);
            }
        }
        let racing = |run: &Self, i: usize| run.racers[i].walk.as_ref().is_some_and(|walk| !walk.over(&run.course));
        while (0..self.racers.len()).any(|i| racing(&self, i)) {
            for i in 0..self.racers.len() {
                if racing(&self, i) {
                    self.advance(i);
                    self = stage.part(self).await;
                }
            }
            self = stage.next(self).await;
        }
        self
    }

    /// One step of a racer.
    fn advance(&mut self, i: usize) {
        let flat = self.landscape().is_some();
        let racer = &mut self.racers[i];
        let walk = racer.walk.as_mut().expect("it races");
        let (before, mut g) = (walk.x.clone(), vec![0.0; walk.x.len()]);
        self.course.problem.gradient(&before, &mut g);
        walk.step(&self.course);
        if walk.is_pilot() || walk.t == 0 {
            return;
        }
        if let Some(last) = racer.moments.last_mut() {
            last.effective = if flat {
                [0, 1].map(|k| (walk.x[k] - before[k]).abs() / g[k].abs())
            } else {
                [norm(walk.x.iter().zip(&before).map(|(a, b)| a - b)) / norm(g.iter().copied()); 2]
            };
        }
        self.record(i);
    }

    /// Keeps what there is to see of a racer now.
    fn record(&mut self, i: usize) {
        let Some(walk) = &self.racers[i].walk else { return };
        if walk.is_pilot() || walk.diverged.is_some() {
            return;
        }
        let mut g = vec![0.0; walk.x.len()];
        let loss = self.course.problem.gradient(&walk.x, &mut g);
        let distance = match self.lowest() {
            [] => norm(walk.x.iter().zip(self.terrain.start.iter()).map(|(x, s)| x - s)),
            lowest => lowest.iter().map(|m| norm(walk.x.iter().zip(m).map(|(x, m)| x - m))).fold(f64::INFINITY, f64::min),
        };
        let moment =
            Moment { loss, gradient: norm(g.iter().copied()), distance, evaluations: walk.evaluations, effective: [f64::NAN; 2] };
        let (t, many) = (walk.t, self.landscape().is_none());
        let every = if many { self.course.steps.div_ceil((SNAPSHOTS / self.racers.len()).max(3)) } else { 1 };
        let point = (t.is_multiple_of(every) || t == self.course.steps).then(|| walk.x.iter().map(|x| *x as f32).collect());
        let racer = &mut self.racers[i];
        racer.moments.push(moment);
        racer.path.extend(point);
    }
}
