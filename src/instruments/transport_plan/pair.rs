//! A run on two measures: costs, both solvers, the exact one for comparison, and what comes after.

use super::colours::Transfer;
use super::course::{Course, SLICE};
use super::measures::{Costs, Ground, Kind, PAGE, Task, price};
use super::{Controls, Solver};
use gpu::Device;
use ground::Result;
use ground::claim::Measures;
use methods::transport::{Appraisal, Worth};
use run::data::{Array, Library};
use run::kernels::sinkhorn::Twin;

/// Cells a side of the potential's map.
pub(super) const MAP: usize = 40;
/// The largest problem, in entries, on which ε is tried out, and which the exact solver joins unasked.
const TRIED: usize = 160_000;
const JOINED: usize = 1_100_000;

/// What is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    Costs,
    Solve,
    Transfer,
    Exact,
    Potential,
    Epsilon,
    Over,
}

/// A run on two measures.
pub(super) struct Pair {
    pub task: Task,
    pub costs: Costs,
    seed: u64,
    pub stage: Stage,
    /// The two solvers' courses, and the exact one's if it is neither.
    pub courses: Vec<Course>,
    turn: usize,
    /// Rows and columns in the order along the way between the means.
    pub order: [Vec<usize>; 2],
    /// f over a square, of the first solver that has prices, and that square.
    pub potential: Vec<f32>,
    pub window: [(f64, f64); 2],
    pub transfers: Vec<Transfer>,
    pub ladder: Ladder,
}

/// The costs of blurred plans, from the largest ε down.
#[derive(Default)]
pub(super) struct Ladder {
    /// As shares of the largest cost.
    pub epsilons: Vec<f64>,
    /// Of the plan mended to its marginals; OT_ε; the Sinkhorn divergence.
    pub mended: Vec<f64>,
    pub regularised: Vec<f64>,
    pub divergence: Vec<f64>,
    rung: Option<Rung>,
    /// Costs inside the source and inside the target.
    inner: [Vec<f64>; 2],
    /// (u, v)·ε of the last rung, to start the next from: across, inside the source, inside the target.
    prices: [(Vec<f64>, Vec<f64>); 3],
}

struct Rung {
    /// 0 across, 1 and 2 inside.
    which: usize,
    twin: Twin<f64>,
    sweeps: usize,
    values: Vec<f64>,
    appraisal: Option<(Appraisal, Vec<f64>)>,
}

impl Ladder {
    const STEPS: usize = 13;
    const SWEEPS: usize = 150;

    fn epsilon(step: usize) -> f64 {
        libm::pow(10.0, -3.0 * step as f64 / (Self::STEPS - 1) as f64)
    }

    /// One slice; true at the end.
    fn climb(&mut self, task: &Task, costs: &Costs) -> bool {
        if self.epsilons.len() == Self::STEPS {
            return true;
        }
        let [source, target] = &task.sides;
        let with_inner = matches!(task.ground, Ground::Straight { .. });
        if with_inner && self.inner[0].is_empty() {
            let Ground::Straight { power, manhattan } = task.ground else { unreachable!("just seen") };
            for (side, inner) in task.sides.iter().zip(&mut self.inner) {
                let row = |i: usize| (0..side.len()).map(move |j| price(side.place(i), side.place(j), power, manhattan));
                *inner = (0..side.len()).flat_map(row).collect();
            }
            return false;
        }
        let epsilon = Self::epsilon(self.epsilons.len()) * costs.scale();
        let mut rung = self.rung.take().unwrap_or_else(|| self.start(0, task, costs, epsilon));
        let (cost, r, c) = match rung.which {
            0 => (&costs.matrix, &source.mass, &target.mass),
            1 => (&self.inner[0], &source.mass, &source.mass),
            _ => (&self.inner[1], &target.mass, &target.mass),
        };
        let entries = r.len() * c.len();
        if let Some((appraisal, plan)) = &mut rung.appraisal {
            match appraisal.advance((SLICE / 2.0 / c.len() as f64).ceil() as usize, cost, plan, r, c) {
                Some(worth) => {
                    rung.values.push(worth.primal);
                    rung.appraisal = None;
                    return self.next(rung, task, costs, epsilon, with_inner);
                }
                None => {
                    self.rung = Some(rung);
                    return false;
                }
            }
        }
        let mut arrived = false;
        for _ in 0..(SLICE as usize / entries).max(1) {
            rung.sweeps += 1;
            arrived = rung.twin.sweep() < 1e-4 || rung.sweeps >= Self::SWEEPS;
            if arrived {
                break;
            }
        }
        if !arrived {
            self.rung = Some(rung);
            return false;
        }
        let (u, v) = rung.twin.potentials();
        let priced = |z: &[f64]| z.iter().map(|z| z * epsilon).collect::<Vec<f64>>();
        self.prices[rung.which] = (priced(&u), priced(&v));
        // After a sweep the columns hold, and the mass is 1.
        let value = |mass: &[f64], z: &[f64]| -> f64 { mass.iter().zip(z).map(|(m, z)| m * (z - libm::log(*m))).sum() };
        rung.values.push(epsilon * (value(r, &u) + value(c, &v)));
        if rung.which == 0 {
            let mut plan = Vec::with_capacity(entries);
            for (row, u) in cost.chunks_exact(c.len()).zip(&u) {
                plan.extend(row.iter().zip(&v).map(|(c, v)| u + v - c / epsilon));
            }
            methods::linear::exp_in_place(&mut plan);
            rung.appraisal = Some((Appraisal::new(r.len(), c.len(), None), plan));
            self.rung = Some(rung);
            return false;
        }
        self.next(rung, task, costs, epsilon, with_inner)
    }

    fn start(&self, which: usize, task: &Task, costs: &Costs, epsilon: f64) -> Rung {
        let [source, target] = &task.sides;
        let (cost, r, c) = match which {
            0 => (&costs.matrix, source, target),
            1 => (&self.inner[0], source, source),
            _ => (&self.inner[1], target, target),
        };
        let mut twin = Twin::new(cost.iter().map(|c| c / epsilon), &r.mass, &c.mass);
        let (u, v) = &self.prices[which];
        if !u.is_empty() {
            let scaled = |z: &[f64]| z.iter().map(|z| z / epsilon).collect::<Vec<f64>>();
            twin.set_potentials(&scaled(u), &scaled(v));
        }
        Rung { which, twin, sweeps: 0, values: Vec::new(), appraisal: None }
    }

    fn next(&mut self, rung: Rung, task: &Task, costs: &Costs, epsilon: f64, with_inner: bool) -> bool {
        if with_inner && rung.which < 2 {
            let mut next = self.start(rung.which + 1, task, costs, epsilon);
            next.values = rung.values;
            self.rung = Some(next);
            return false;
        }
        self.epsilons.push(Self::epsilon(self.epsilons.len()));
        self.regularised.push(rung.values[0]);
        self.mended.push(rung.values[1]);
        self.divergence.push(if with_inner { rung.values[0] - 0.5 * (rung.values[2] + rung.values[3]) } else { f64::NAN });
        false
    }
}

impl Pair {
    pub fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let task = controls.task(seed, library)?;
        // Solvers that cannot take the task say so at once.
        if task.sides[0].d == 0 {
            for (control, solver) in [("solver", controls.solver), ("beside", controls.beside)] {
                if matches!(solver, Solver::Sliced | Solver::MaxSliced | Solver::Line | Solver::Gaussian) {
                    return Err(ground::Error::new(format!(
                        "control {control}: this solver projects points onto lines, and a cost matrix has no points"
                    )));
                }
            }
        }
        let order = order(&task);
        let mut task = task;
        task.ranks = [0, 1].map(|k: usize| {
            let mut ranks = vec![0; order[k].len()];
            order[k].iter().enumerate().for_each(|(rank, i)| ranks[*i] = rank as u32);
            ranks
        });
        let window = window(&task);
        Ok(Pair {
            costs: Costs::new(&task),
            seed,
            stage: Stage::Costs,
            courses: Vec::new(),
            turn: 0,
            order,
            potential: Vec::new(),
            window,
            transfers: Vec::new(),
            ladder: Ladder::default(),
            task,
        })
    }

    fn course(&self, solver: Solver, control: &str, controls: &Controls, device: &Device) -> Result<Course> {
        Course::new(solver, control, &self.task, &self.costs, controls, self.seed, device)
    }

    /// One slice; true when all is done.
    pub async fn step(&mut self, controls: &Controls, device: &Device) -> Result<bool> {
        match self.stage {
            Stage::Costs => {
                if self.costs.fill(&self.task, SLICE as usize)? {
                    self.stage = Stage::Solve;
                }
            }
            Stage::Solve if self.courses.is_empty() => {
                self.courses.push(self.course(controls.solver, "solver", controls, device)?);
            }
            Stage::Solve if self.courses.len() == 1 => {
                self.courses.push(self.course(controls.beside, "beside", controls, device)?);
            }
            Stage::Solve => {
                // By turns, so that both can be watched.
                let open: Vec<usize> = (0..2).filter(|k| !self.courses[*k].over).collect();
                match open.get(self.turn % open.len().max(1)) {
                    Some(k) => self.courses[*k].advance(&self.task, &self.costs, controls).await,
                    None => {
                        self.stage = Stage::Transfer;
                        if let Some(both) = &self.task.colours {
                            let (picture, palette) = &both[0];
                            for course in self.courses.iter().filter(|c| c.transfers(&self.task)) {
                                self.transfers.push(Transfer::new(picture, palette, &course.map(&self.task)));
                            }
                        }
                    }
                }
                self.turn += 1;
            }
            Stage::Transfer => {
                let open = self.transfers.iter_mut().find(|t| !t.done());
                match open {
                    Some(transfer) => transfer.advance(),
                    None => {
                        let exact = self.courses.iter().any(|c| c.solver == Solver::Exact);
                        let entries = self.costs.matrix.len();
                        if !exact && entries <= JOINED {
                            self.courses.push(self.course(Solver::Exact, "solver", controls, device)?);
                        }
                        self.stage = Stage::Exact;
                    }
                }
            }
            Stage::Exact => match self.courses.get_mut(2).filter(|c| !c.over) {
                Some(course) => course.advance(&self.task, &self.costs, controls).await,
                None => self.stage = Stage::Potential,
            },
            Stage::Potential => {
                if !self.map_potential() {
                    self.stage = Stage::Epsilon;
                }
            }
            Stage::Epsilon => {
                if self.costs.matrix.len() > TRIED || self.ladder.climb(&self.task, &self.costs) {
                    self.stage = Stage::Over;
                }
            }
            Stage::Over => {}
        }
        Ok(self.stage == Stage::Over)
    }

    /// The first solver's prices, or those of the first that has any.
    pub fn priced(&self) -> Option<&Course> {
        self.courses.iter().find(|c| c.prices.is_some())
    }

    /// A row of the potential's map, f(z) = minⱼ c(z, yⱼ) − yⱼ's price; false if there is none left.
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

    pub fn measures(&self) -> Measures {
        let exact = self.exact();
        let cost = exact.map_or(f64::NAN, |w| w.primal);
        let scale = self.costs.unit(cost);
        let beside = self.courses.get(1).filter(|c| c.over && c.solver.balanced()).and_then(|c| c.worth);
        let of = |f: &dyn Fn(Worth) -> f64| beside.map_or(f64::NAN, f);
        ground::measures! {
            exact: cost,
            exact_gap: exact.map_or(f64::NAN, |w| w.gap / scale),
            bracket: of(&|w| w.gap / scale),
            outside: of(&|w| (w.dual - cost).max(cost - w.primal).max(0.0) / scale),
            unmended_cost: of(&|w| w.cost),
            marginal_error: of(&|w| w.marginal_error),
        }
    }

    /// The plans, prices and the map, in the user's numbering.
    pub fn results(&self) -> Vec<Array> {
        let [source, target] = &self.task.sides;
        let mut arrays = Vec::new();
        for (k, course) in self.courses.iter().take(2).enumerate() {
            let suffix = ["", "-beside"][k];
            if !course.plan.is_empty() {
                let values: Vec<f64> = course
                    .entries(target.len())
                    .into_iter()
                    .flat_map(|(i, j, p)| [source.index[i] as f64, target.index[j] as f64, p])
                    .collect();
                if source.of * target.of <= 250_000 {
                    let mut whole = vec![0.0; source.of * target.of];
                    values.chunks_exact(3).for_each(|e| whole[e[0] as usize * target.of + e[1] as usize] = e[2]);
                    arrays.push(Array {
                        name: format!("plan{suffix}"),
                        shape: vec![source.of, target.of],
                        values: whole,
                        columns: Vec::new(),
                    });
                }
                if values.len() <= 3 * 200_000 {
                    let columns = ["row", "column", "mass"].map(String::from).to_vec();
                    arrays.push(Array {
                        name: format!("plan-entries{suffix}"),
                        shape: vec![values.len() / 3, 3],
                        values,
                        columns,
                    });
                }
            }
            if let Some((x, y)) = &course.prices {
                for (name, side, prices) in [("source", source, x), ("target", target, y)] {
                    let mut columns: Vec<String> = ["x", "y", "z"].iter().take(side.d).map(|c| (*c).to_string()).collect();
                    columns.extend(["weight", "price"].map(String::from));
                    let row =
                        |i: usize| side.places[i * side.d..(i + 1) * side.d].iter().copied().chain([side.mass[i], prices[i]]);
                    let values = (0..side.len()).flat_map(row).collect();
                    let name = format!("potential-{name}{suffix}");
                    arrays.push(Array { name, shape: vec![side.len(), side.d + 2], values, columns });
                }
            }
            let map = course.map(&self.task);
            if source.d > 0 && !map.is_empty() {
                let names = ["x", "y", "z", "to_x", "to_y", "to_z"];
                let columns = (0..source.d).chain(3..3 + source.d).map(|k| names[k].to_string()).collect();
                let row = |i: usize| source.place(i).iter().chain(&map[i * source.d..(i + 1) * source.d]).copied();
                let values = (0..source.len()).flat_map(row).collect();
                arrays.push(Array { name: format!("map{suffix}"), shape: vec![source.len(), 2 * source.d], values, columns });
            }
            if let Some(transfer) = self.transfers.get(k).filter(|t| t.done()) {
                arrays.push(transfer.picture.array(&format!("picture{suffix}")));
            }
        }
        arrays
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
        let places = task.sides.iter().flat_map(|s| s.places.chunks_exact(s.d.max(1)).filter_map(move |p| p.get(k)));
        // Where the way may lead.
        let nodes = task.nodes.iter().map(|p| &p[k.min(1)]).filter(|_| task.winding());
        places.chain(nodes).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
    };
    let (x, y) = (ends(0), ends(1));
    let half = 0.54 * (x.1 - x.0).max(y.1 - y.0).max(1e-9);
    let around = |(low, high): (f64, f64)| {
        let middle = if low.is_finite() { 0.5 * low + 0.5 * high } else { 0.0 };
        (middle - half, middle + half)
    };
    if half.is_finite() { [around(x), around(y)] } else { [(-1.0, 1.0); 2] }
}
