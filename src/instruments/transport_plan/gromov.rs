//! Shapes matched by their inner distances.

use super::marginals::Side;
use super::pictures::{SIDES, place, readings, ways};
use super::{Controls, Subject, TransportPlan};
use methods::transport::{GromovWasserstein, NetworkSimplex, entropy, marginal_error, squared_distances};
use run::prelude::*;

/// The change of a plan, and the marginal error of a step, that are none.
const TOLERANCE: f64 = 1e-7;
/// Sweeps of a step at most.
const SWEEPS: usize = 200;
/// Work of the ordinary plan's solver between two looks at the run.
const PIVOTS: f64 = 1e6;

/// Two shapes matched by their inner distances.
pub(super) struct Shapes {
    sides: [Side; 2],
    /// How many places each side has in all.
    all: [usize; 2],
    solver: GromovWasserstein,
    /// The ordinary plan between them as they lie.
    simplex: NetworkSimplex,
    placed: bool,
    epsilon: f64,
    wanted: f64,
    changes: Vec<f64>,
    costs: Vec<f64>,
    here: usize,
    /// ε and the cost at which the plan settled there.
    ladder: Vec<(f64, f64)>,
    over: bool,
    /// What the reader's files were taken for.
    pub understood: Vec<String>,
}

impl Shapes {
    /// Most places a side, and the first ε.
    const MOST: usize = 110;
    const START: f64 = 0.1;
    const STEPS: usize = 400;

    pub fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let task = controls.task(seed, library)?;
        if task.sides[0].d < 2 {
            return Err(Error::new("control problem: shapes are clouds of at least two coordinates"));
        }
        let all = [0, 1].map(|k| task.sides[k].len());
        let (mut sides, understood) = (task.sides.map(shortened), task.understood);
        if !task.own && sides[1].d == 2 {
            // Turned, so that places do not give the answer away.
            let mean = sides[1].mean();
            let (cos, sin) = (libm::cos(2.0), libm::sin(2.0));
            for p in sides[1].places.chunks_exact_mut(2) {
                let (x, y) = (p[0] - mean[0], p[1] - mean[1]);
                (p[0], p[1]) = (mean[0] + cos * x - sin * y, mean[1] + sin * x + cos * y);
            }
        }
        let inner = |side: &Side| -> Vec<f64> {
            squared_distances(&side.places, &side.places, side.d).into_iter().map(f64::sqrt).collect()
        };
        let (mut a, mut b) = (inner(&sides[0]), inner(&sides[1]));
        let top = a.iter().chain(&b).fold(0.0, |m: f64, d| m.max(*d)).max(f64::MIN_POSITIVE);
        a.iter_mut().chain(&mut b).for_each(|d| *d /= top);
        let wanted = controls.epsilon.min(Self::START);
        let solver = GromovWasserstein::new(&a, &b, &sides[0].mass, &sides[1].mass, 1.0 / Self::START);
        let cost = squared_distances(&sides[0].places, &sides[1].places, sides[0].d);
        let simplex = NetworkSimplex::new(&cost, &sides[0].mass, &sides[1].mass);
        Ok(Shapes {
            sides,
            all,
            solver,
            simplex,
            placed: false,
            epsilon: Self::START,
            wanted,
            changes: Vec::new(),
            costs: Vec::new(),
            here: 0,
            ladder: Vec::new(),
            over: false,
            understood,
        })
    }

    /// Takes in a step of the solver: six at each ε on the way down, at the last one until the plan stands still.
    fn take(&mut self, change: f64) {
        self.changes.push(change);
        self.costs.push(self.solver.cost());
        self.here += 1;
        let settled = change < TOLERANCE || self.here >= 30;
        if settled && self.epsilon <= self.wanted {
            self.over = change < TOLERANCE || self.here >= 100;
        } else if settled || self.epsilon > self.wanted && self.here >= 6 {
            self.note();
            self.epsilon = (0.6 * self.epsilon).max(self.wanted);
            self.solver.set_inverse_temperature(1.0 / self.epsilon);
            self.here = 0;
        }
        self.over |= self.changes.len() >= Self::STEPS;
        if self.over {
            self.note();
        }
    }

    fn note(&mut self) {
        self.ladder.extend(self.costs.last().map(|cost| (self.epsilon, *cost)));
    }

    /// How often each inner distance occurs.
    pub fn distances(&self) -> Chart {
        const BINS: usize = 24;
        let edges: Vec<f64> = (0..=BINS).map(|k| k as f64 / BINS as f64).collect();
        let x = Axis::linear("inner distance / largest").range(0.0, 1.0);
        let chart = Chart::of(x, Axis::linear("share of pairs"));
        self.sides.iter().zip(SIDES).enumerate().fold(chart, |chart, (which, (side, Series { name, ink }))| {
            let mass = &side.mass;
            let mut y = vec![0.0; BINS];
            for (k, d) in self.solver.distances(which).iter().enumerate() {
                y[((d * BINS as f64) as usize).min(BINS - 1)] += mass[k / mass.len()] * mass[k % mass.len()];
            }
            chart.line(name, ink, edges.windows(2).zip(y).flat_map(|(e, y)| [(e[0], y), (e[1], y)]))
        })
    }

    /// Places of a side, coloured by `shade` in 0..=1.
    fn shaded(&self, which: usize, shade: &[f64], size: f64) -> Vec<Mark> {
        let side = &self.sides[which];
        let bin = |i: usize| ((shade[i] * 8.0) as usize).min(7);
        (0..8)
            .filter_map(|k| {
                let (x, y): (Vec<f64>, Vec<f64>) = (0..side.len()).filter(|i| bin(*i) == k).map(|i| place(side, i)).unzip();
                (!x.is_empty()).then(|| Mark::points("", Ink::Ramp((k as f32 + 0.5) / 8.0), x, y, size))
            })
            .collect()
    }

    fn entries(&self, most: usize) -> Vec<(usize, usize, f64)> {
        let columns = self.sides[1].len();
        let top = self.solver.plan.iter().fold(0.0, |a: f64, b| a.max(*b));
        let mut entries: Vec<(usize, usize, f64)> = (self.solver.plan.iter().enumerate())
            .filter(|(_, p)| **p > 0.1 * top)
            .map(|(k, p)| (k / columns, k % columns, *p))
            .collect();
        entries.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
        entries.truncate(most);
        entries
    }

    /// Places of the source along its height, and what arrives of that at each place of the target.
    fn shades(&self) -> [Vec<f64>; 2] {
        let source = &self.sides[0];
        let y: Vec<f64> = (0..source.len()).map(|i| source.place(i)[1]).collect();
        let (low, high) = y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let from: Vec<f64> = y.iter().map(|v| (v - low) / (high - low).max(1e-12)).collect();
        let columns = self.sides[1].len();
        let (mut sum, mut all) = (vec![0.0; columns], vec![1e-300; columns]);
        for (row, shade) in self.solver.plan.chunks_exact(columns).zip(&from) {
            for (j, p) in row.iter().enumerate() {
                sum[j] += p * shade;
                all[j] += p;
            }
        }
        [from, sum.iter().zip(&all).map(|(s, a)| s / a).collect()]
    }

    /// These marks under both shapes, which are coloured alike where they match.
    fn matched(&self, marks: Vec<Mark>) -> Chart {
        let ([from, to], [x, y]) = (self.shades(), self.axes());
        let chart = Chart::of(x, y).equal().marks(marks);
        chart.marks(self.shaded(0, &from, 7.0)).marks(self.shaded(1, &to, 7.0))
    }

    /// Across and upwards; where places of the source are left out, the first says so, and of the target the second.
    fn axes(&self) -> [Axis; 2] {
        let d = self.sides[0].d;
        [0, 1].map(|k| {
            let name = match d {
                2 => ["x", "y"][k].to_string(),
                _ => format!("{}, {} of {d}", ["x", "y"][k], ["first", "second"][k]),
            };
            let (some, all, side) = (self.sides[k].len(), self.all[k], ["source", "target"][k]);
            Axis::linear(if some < all { format!("{name}; {some} of {all} ({side})") } else { name })
        })
    }

    fn ends(&self, i: usize, j: usize) -> [(f64, f64); 2] {
        [place(&self.sides[0], i), place(&self.sides[1], j)]
    }

    /// The heaviest matches.
    pub fn matches(&self) -> Chart {
        self.matched(ways(&self.entries(60), &|i, j| self.ends(i, j)))
    }

    /// The ordinary plan.
    pub fn as_they_lie(&self) -> Chart {
        let entries: Vec<(usize, usize, f64)> = self.simplex.entries().iter().map(|e| (e.row, e.column, e.mass)).collect();
        let [x, y] = self.axes();
        let chart = Chart::of(x, y).equal().marks(ways(&entries, &|i, j| self.ends(i, j)));
        self.sides.iter().zip(SIDES).fold(chart, |chart, (side, Series { name, ink })| {
            chart.dots(name, ink, 6.0, (0..side.len()).map(|i| place(side, i)))
        })
    }

    /// The source on its way to where each of its places goes on average.
    pub fn on_its_way(&self, t: f64) -> Chart {
        let [source, target] = &self.sides;
        let columns = target.len();
        let image = |i: usize| {
            let row = &self.solver.plan[i * columns..][..columns];
            let mass: f64 = row.iter().sum::<f64>().max(1e-300);
            let at = |c: usize| (0..columns).map(|j| row[j] * target.place(j)[c]).sum::<f64>() / mass;
            (at(0), at(1))
        };
        let moved = |i: usize| {
            let ((x, y), (u, v)) = (place(source, i), image(i));
            ((1.0 - t) * x + t * u, (1.0 - t) * y + t * v)
        };
        let (x, y) = (0..source.len()).map(moved).unzip();
        self.matched(vec![Mark::points(format!("source at t = {}", figure(t)), Ink::Series(2), x, y, 4.0)])
    }

    pub fn matrix(&self) -> Matrix {
        let order = |shade: &[f64]| {
            let mut order: Vec<usize> = (0..shade.len()).collect();
            order.sort_by(|i, j| shade[*i].total_cmp(&shade[*j]));
            order
        };
        let [from, to] = self.shades();
        let (rows, columns) = (order(&from), order(&to));
        let entry = |i: usize, j: usize| self.solver.plan[i * columns.len() + j] as f32;
        Matrix {
            row: "source, by height".into(),
            column: "target, by origin".into(),
            value: Axis::linear("mass"),
            columns: columns.len(),
            values: rows.iter().flat_map(|i| columns.iter().map(move |j| (*i, *j))).map(|(i, j)| entry(i, j)).collect(),
            ..Matrix::default()
        }
    }

    pub fn convergence(&self) -> Chart {
        let points =
            |values: &[f64]| values.iter().enumerate().map(|(k, value)| ((k + 1) as f64, value.max(1e-17))).collect::<Vec<_>>();
        Chart::of(Axis::linear("step"), Axis::log("change; cost"))
            .line("change of the plan", Ink::Series(2), points(&self.changes))
            .line("Gromov-Wasserstein cost", Ink::Series(3), points(&self.costs))
    }

    /// The cost at each ε.
    pub fn costs(&self) -> Chart {
        Chart::of(Axis::log("ε").range(0.0003, 0.1), Axis::linear("Gromov-Wasserstein cost"))
            .line("cost, plan settled", Ink::Series(3), self.ladder.iter().copied())
            .at_x("ε", self.wanted)
    }

    pub fn readings(&self) -> Table {
        let [source, target] = &self.sides;
        let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
        readings([
            ("Σ (A − B)² P P, distances as shares of the largest", last(&self.costs)),
            ("at the product of the marginals", self.start_cost()),
            ("ε now", self.epsilon),
            ("steps", self.changes.len() as f64),
            ("last change of the plan", last(&self.changes)),
            ("marginal error", marginal_error(&self.solver.plan, &source.mass, &target.mass)),
            ("entropy of the plan", entropy(&self.solver.plan)),
            ("places of the source that are matched", source.len() as f64),
            ("places of the source in all", self.all[0] as f64),
            ("places of the target that are matched", target.len() as f64),
            ("places of the target in all", self.all[1] as f64),
            ("ordinary W₂², as they lie", self.simplex.certificate().primal),
        ])
    }

    /// The cost of the plan as it is.
    #[cfg(test)]
    pub fn cost(&self) -> f64 {
        self.solver.cost()
    }

    /// The cost of the product of the marginals.
    pub fn start_cost(&self) -> f64 {
        let [source, target] = &self.sides;
        let product: Vec<f64> = source.mass.iter().flat_map(|p| target.mass.iter().map(move |q| p * q)).collect();
        self.solver.cost_of(&product)
    }

    /// How well the inner distances agree.
    pub fn sentence(&self) -> String {
        match self.costs.last().filter(|cost| cost.is_finite()) {
            Some(cost) => format!(
                "After {}, inner distances of matched places differ by {} of the largest, in the root mean square.",
                count(self.changes.len(), "step", "steps"),
                percent(cost.max(0.0).sqrt())
            ),
            None if self.placed => "The ordinary plan is found; matching by inner distances begins.".into(),
            None => "The ordinary plan comes first; nothing is matched yet.".into(),
        }
    }

    pub fn results(&self) -> Vec<Array> {
        let [source, target] = &self.sides;
        let plan = Array {
            name: "plan".into(),
            shape: vec![source.len(), target.len()],
            values: self.solver.plan.clone(),
            columns: Vec::new(),
        };
        if self.all == [source.len(), target.len()] {
            return vec![plan];
        }
        // Which places the plan's rows and columns are.
        let which = |name: &str, side: &Side| {
            let values: Vec<f64> = side.index.iter().map(|i| *i as f64).collect();
            Array { name: name.into(), shape: vec![values.len()], values, columns: Vec::new() }
        };
        vec![plan, which("plan-rows", source), which("plan-columns", target)]
    }
}

/// A side with at most so many of its places, spread evenly over their order: points are often stored along a curve.
fn shortened(side: Side) -> Side {
    let all = side.len();
    if all <= Shapes::MOST {
        return side;
    }
    let kept: Vec<usize> = (0..Shapes::MOST).map(|k| k * all / Shapes::MOST).collect();
    let sum: f64 = kept.iter().map(|i| side.mass[*i]).sum();
    Side {
        places: kept.iter().flat_map(|i| side.place(*i)).copied().collect(),
        mass: kept.iter().map(|i| side.mass[*i] / sum).collect(),
        index: kept.iter().map(|i| side.index[*i]).collect(),
        ..side
    }
}

impl TransportPlan {
    /// Goes on with two shapes: the ordinary plan, then the match from a large ε down.
    pub(super) async fn match_shapes(mut self: Box<Self>, stage: &Stage<Self>) -> Box<Self> {
        while let Subject::Shapes(shapes) = &mut self.subject
            && !shapes.placed
        {
            shapes.placed = shapes.simplex.advance(PIVOTS);
            self = stage.part(self).await;
        }
        while let Subject::Shapes(shapes) = &mut self.subject
            && !shapes.over
        {
            if let Some(change) = shapes.solver.advance(1, SWEEPS, TOLERANCE) {
                shapes.take(change);
                self = stage.next(self).await;
            } else {
                self = stage.part(self).await;
            }
        }
        self
    }
}
