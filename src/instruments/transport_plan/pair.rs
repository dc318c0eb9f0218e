//! A run on two measures: costs, both solvers, the exact one for comparison, and what comes after.

use super::colours::Transfer;
use super::costs::{Costs, price, share};
use super::course::Course;
use super::ladder::Ladder;
use super::made::PAGE;
use super::marginals::{Ground, Kind, Task};
use super::{Controls, PROVEN, Solver, Subject, TransportPlan};
use ground::controls::Options;
use methods::transport::Worth;
use run::prelude::*;

/// Cells a side of the potential's map.
pub(super) const MAP: usize = 40;
/// The largest problem, in entries, on which ε is tried out, and which the exact solver joins unasked.
pub(super) const TRIED: usize = 160_000;
/// The most coordinates of a Gaussian, whose matrices' roots take their cube.
const WIDE: usize = 200;
pub(super) const JOINED: usize = 1_100_000;

/// A run on two measures.
pub(super) struct Pair {
    pub task: Task,
    pub costs: Costs,
    seed: u64,
    /// The two solvers' courses, and the exact one's if it is neither.
    pub courses: Vec<Course>,
    /// Rows and columns in the order along the way between the means.
    pub order: [Vec<usize>; 2],
    /// f over a square, of the first solver that has prices, and that square.
    pub potential: Vec<f32>,
    pub window: [(f64, f64); 2],
    pub transfers: Vec<Transfer>,
    pub ladder: Ladder,
}

impl TransportPlan {
    /// Everything of a run on two measures, from where it stands.
    pub(super) async fn solve(mut self: Box<Self>, stage: &Stage<Self>) -> Result<Box<Self>> {
        while self.pair().fill_costs()? {
            self = stage.part(self).await;
        }
        for (k, chosen) in [("solver", self.controls.solver), ("beside", self.controls.beside)].into_iter().enumerate() {
            if self.pair().courses.len() == k {
                self = self.begin(chosen, stage).await?;
            }
        }
        // By turns, so that both can be watched.
        while self.pair().courses[..2].iter().any(|course| !course.over) {
            for k in 0..2 {
                if !self.pair().courses[k].over {
                    self = self.iterate(k, stage).await;
                }
            }
        }
        let pair = self.pair();
        let joins = pair.courses.len() == 2 && pair.courses.iter().all(|course| course.solver != Solver::Exact);
        if joins && pair.costs.matrix.len() <= JOINED {
            self = self.begin(("solver", Solver::Exact), stage).await?;
        }
        while self.pair().courses.get(2).is_some_and(|course| !course.over) {
            self = self.iterate(2, stage).await;
        }
        stage.judged();
        self.pair().begin_transfers();
        for k in 0..self.pair().transfers.len() {
            while !self.pair().transfers[k].done() {
                self.pair().transfers[k].advance();
                self = stage.part(self).await;
            }
            self = stage.next(self).await;
        }
        while self.pair().map_potential() {
            self = stage.next(self).await;
        }
        if self.pair().costs.matrix.len() <= TRIED {
            self = self.climb(stage).await;
        }
        Ok(self)
    }

    /// Sets a solver to work.
    async fn begin(mut self: Box<Self>, chosen: (&str, Solver), stage: &Stage<Self>) -> Result<Box<Self>> {
        let controls = self.controls.clone();
        let pair = self.pair();
        pair.courses.push(Course::new(chosen, &pair.task, &pair.costs, &controls, pair.seed, stage.device())?);
        Ok(stage.part(self).await)
    }

    /// A look at course `k` where one is due, and some iterations.
    async fn iterate(mut self: Box<Self>, k: usize, stage: &Stage<Self>) -> Box<Self> {
        let pair = self.pair();
        if pair.courses[k].look_is_due(&pair.task) {
            self = self.look(k, stage).await;
            let pair = self.pair();
            pair.courses[k].was_looked_at(&pair.task);
        }
        let Self { controls, subject: Subject::Pair(pair) } = &mut *self else { unreachable!("a run on two measures") };
        let Pair { task, costs, courses, .. } = &mut **pair;
        if !courses[k].over {
            courses[k].work(task, costs, controls).await;
        }
        stage.next(self).await
    }

    /// The two measures, and what became of them.
    pub(super) fn pair(&mut self) -> &mut Pair {
        match &mut self.subject {
            Subject::Pair(pair) => pair,
            _ => unreachable!("a run on two measures"),
        }
    }
}

impl Pair {
    pub fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let mut task = controls.task(seed, library)?;
        // Solvers that cannot take the task say so at once.
        let d = task.sides[0].d;
        for (control, solver) in [("solver", controls.solver), ("beside", controls.beside)] {
            let why: String = match solver {
                _ if d == 0 && solver.projects() => {
                    "this solver projects points onto lines, and a cost matrix has no points".into()
                }
                Solver::Light if d > 3 => format!("the light bridge takes places of one to three coordinates; these have {d}"),
                Solver::Gaussian if d > WIDE => format!("Gaussians of at most {WIDE} coordinates are matched; these have {d}"),
                _ => continue,
            };
            return Err(Error::new(format!("control {control}: {why}")));
        }
        let order = order(&task);
        task.ranks = [0, 1].map(|k: usize| {
            let mut ranks = vec![0; order[k].len()];
            order[k].iter().enumerate().for_each(|(rank, i)| ranks[*i] = rank as u32);
            ranks
        });
        Ok(Pair {
            costs: Costs::new(&task),
            seed,
            courses: Vec::new(),
            order,
            potential: Vec::new(),
            window: window(&task),
            transfers: Vec::new(),
            ladder: Ladder::default(),
            task,
        })
    }

    /// A row of the costs; false where there is none left.
    fn fill_costs(&mut self) -> Result<bool> {
        let open = !self.costs.whole(&self.task);
        if open {
            self.costs.fill_row(&self.task)?;
        }
        Ok(open)
    }

    /// The transfers of colours that the plans give, if they are of colours.
    fn begin_transfers(&mut self) {
        if let Some(both) = &self.task.colours
            && self.transfers.is_empty()
        {
            let (picture, palette) = &both[0];
            let courses = self.courses.iter().take(2).filter(|c| c.transfers(&self.task));
            self.transfers = courses.map(|c| Transfer::new(picture, palette, &c.map(&self.task))).collect();
        }
    }

    /// The first solver's prices, or those of the first that has any.
    pub fn priced(&self) -> Option<&Course> {
        self.courses.iter().find(|c| c.prices.is_some())
    }

    /// A row of the potential's map, f(z) = minⱼ c(z, yⱼ) − yⱼ's price; false where there is none left.
    fn map_potential(&mut self) -> bool {
        let Ground::Straight { power, manhattan } = self.task.ground else { return false };
        let target = &self.task.sides[1];
        let row = self.potential.len() / MAP;
        if target.d != 2 || row == MAP {
            return false;
        }
        let Some((_, prices)) = self.priced().and_then(|c| c.prices.as_ref()) else { return false };
        let at = |k: usize, (low, high): (f64, f64)| low + (high - low) * (k as f64 + 0.5) / MAP as f64;
        let y = at(row, self.window[1]);
        let value = |x: f64| {
            let least = |least: f64, j: usize| least.min(price(&[x, y], target.place(j), power, manhattan) - prices[j]);
            (0..target.len()).fold(f64::INFINITY, least) as f32
        };
        let values: Vec<f32> = (0..MAP).map(|k| value(at(k, self.window[0]))).collect();
        self.potential.extend(values);
        true
    }

    /// The exact cost and what proves it.
    pub fn exact(&self) -> Option<Worth> {
        self.courses.iter().find(|c| c.solver == Solver::Exact && c.over).and_then(|c| c.worth)
    }

    /// What the cheapest plan costs, as far as that is known, and what the other solver says of it.
    pub fn sentence(&self) -> String {
        let Some(exact) = self.exact() else { return self.so_far() };
        let trouble = self.courses.iter().filter(|course| course.solver == Solver::Exact).find_map(|course| course.trouble);
        if let Some(trouble) = trouble {
            return format!("There is no plan that will do: {trouble}.");
        }
        let proved = if share(exact.gap, exact.primal) <= PROVEN { ", proved" } else { "" };
        let cost = format!("The cheapest plan costs {}{proved}", figures(exact.primal, 4));
        let Some(other) = self.courses.iter().take(2).find(|course| course.solver != Solver::Exact) else { return cost + "." };
        let name = other.solver.name();
        let apart = other.worth.map_or(f64::NAN, |worth| share(worth.gap, exact.primal));
        let rest = if other.trouble.is_some() {
            format!("{name} failed")
        } else if !other.over {
            format!("{name} is still at work")
        } else if !other.solver.balanced() {
            format!("{name} moves {} of the mass", percent(other.worth.map_or(0.0, |worth| worth.mass)))
        } else if apart.is_finite() {
            format!("the two bounds by {name} are {} of that apart", percent(apart))
        } else if let Some(plan) = other.worth.map(|worth| worth.primal).filter(|cost| cost.is_finite()) {
            format!("the plan by {name} costs {}", figures(plan, 4))
        } else {
            return cost + ".";
        };
        format!("{cost}; {rest}.")
    }

    /// What the solvers' bounds say while the exact cost is not known.
    fn so_far(&self) -> String {
        let worths = || self.courses.iter().filter(|course| course.solver.balanced()).filter_map(|course| course.worth);
        let known = |of: fn(Worth) -> f64| worths().map(of).filter(|value| value.is_finite());
        let (low, high) = (known(|w| w.dual).reduce(f64::max), known(|w| w.primal).reduce(f64::min));
        match (low, high) {
            (Some(low), Some(high)) => {
                format!("The cheapest plan costs between {} and {}, by the bounds so far.", figures(low, 4), figures(high, 4))
            }
            (None, Some(high)) => format!("The cheapest plan costs at most {}, as a plan so far does.", figures(high, 4)),
            (Some(low), None) => format!("The cheapest plan costs at least {}, by a bound so far.", figures(low, 4)),
            (None, None) => "The solvers are at work; nothing is known yet of what the cheapest plan costs.".into(),
        }
    }

    pub fn measures(&self) -> Measures {
        let exact = self.exact();
        let cost = exact.map_or(f64::NAN, |w| w.primal);
        let part = |x: f64| if exact.is_some() { share(x, cost) } else { f64::NAN };
        let beside = self.courses.get(1).filter(|c| c.over && c.solver.balanced()).and_then(|c| c.worth);
        let of = |f: &dyn Fn(Worth) -> f64| beside.map_or(f64::NAN, f);
        measures! {
            own: self.task.own as u8,
            exact: cost,
            exact_gap: part(exact.map_or(f64::NAN, |w| w.gap)),
            bracket: part(of(&|w| w.gap)),
            // Of what was summed up: of a cost of 0, that is the upper bound.
            outside: of(&|w| share((w.dual - cost).max(cost - w.primal).max(0.0), cost.abs().max(w.primal.abs()))),
            unmended_cost: of(&|w| w.cost),
            marginal_error: of(&|w| w.marginal_error),
        }
    }
}

/// Rows and columns along the line from one mean to the other, or along the first coordinate where the means agree.
fn order(task: &Task) -> [Vec<usize>; 2] {
    let [source, target] = &task.sides;
    let (m, n) = (source.mean(), target.mean());
    let mut along: Vec<f64> = m.iter().zip(&n).map(|(m, n)| n - m).collect();
    if along.iter().all(|a| a.abs() < 1e-9)
        && let Some(first) = along.first_mut()
    {
        *first = 1.0;
    }
    [source, target].map(|side| {
        let mut order: Vec<usize> = (0..side.len()).collect();
        let place = |i: usize| -> f64 { side.place(i).iter().zip(&along).map(|(x, a)| x * a).sum() };
        order.sort_by(|i, j| place(*i).total_cmp(&place(*j)));
        order
    })
}

/// The square of the plane that holds both measures.
fn window(task: &Task) -> [(f64, f64); 2] {
    if !task.own && task.kind != Kind::Picture && task.kind != Kind::Colours && task.kind != Kind::Matrix {
        let half = if task.winding() { 2.0 } else { 1.5 };
        return [(-2.0, 2.0), (-half, half)];
    }
    if !task.own && task.kind == Kind::Picture {
        return [(-PAGE, PAGE); 2];
    }
    let ends = |k: usize| {
        let at = |p: &[f64]| if task.plane.is_some() { Some([task.seen(p).0, task.seen(p).1][k]) } else { p.get(k).copied() };
        let places = task.sides.iter().flat_map(|s| s.places.chunks_exact(s.d.max(1))).filter_map(at);
        // Where the way may lead.
        let nodes = task.nodes.iter().map(|p| p[k.min(1)]).filter(|_| task.winding());
        places.chain(nodes).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (x, y) = (ends(0), ends(1));
    let half = 0.54 * (x.1 - x.0).max(y.1 - y.0).max(1e-9);
    let around = |(low, high): (f64, f64)| {
        let middle = if low.is_finite() { 0.5 * low + 0.5 * high } else { 0.0 };
        (middle - half, middle + half)
    };
    if half.is_finite() { [around(x), around(y)] } else { [(-1.0, 1.0); 2] }
}
