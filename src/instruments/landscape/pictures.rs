//! What there is to see.

use ground::controls::Options;
use libm::{exp, log10};
use methods::network::dense::largest;

use super::grid::{COARSEST, strides};
use super::spectrum::{Pairs, Sums};
use super::*;

/// Half the side of the square in which points lie.
const SQUARE: f64 = 1.6;

impl Landscape {
    /// A picture of the network, or why there is none.
    fn seen<V: Into<View>>(&self, picture: impl FnOnce() -> V) -> View {
        self.no_network().map_or_else(|| picture().into(), View::nothing)
    }

    /// Where the probe stands in the plane.
    pub(super) fn probe(&self) -> (f64, f64) {
        let (low, high) = self.controls.window();
        let at = |share: f64| 0.5 * (low + high) + 0.5 * (high - low) * share;
        (at(self.controls.probe_a), at(self.controls.probe_b))
    }

    /// The network at the probe, its normalisations frozen.
    pub(super) fn at_probe(&self) -> Model {
        let (a, b) = self.probe();
        let network = self.network();
        let at = self.scene.plane.as_ref().map(|plane| network.with(plane.at(a, b))).unwrap_or(network);
        at.frozen(self.samples().0)
    }

    /// The controls after the probe was dragged.
    pub(super) fn move_probe(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        let (low, high) = controls.window();
        let share = |v: f64| ((2.0 * v - low - high) / (high - low) * 1000.0).round().clamp(-1000.0, 1000.0) / 1000.0;
        Some(Controls { probe_a: share(at.0), probe_b: share(at.1), ..controls.clone() })
    }

    /// The controls after the pen was dragged; it draws a place where it is far enough from all others.
    pub(super) fn draw(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        if controls.problem != Problem::Drawn {
            return None;
        }
        let mut drawing = Drawing::parse(&controls.drawn).ok()?;
        let place = [at.0, at.1].map(|v| (v.clamp(-1.5, 1.5) * 100.0).round() / 100.0);
        let near = drawing.0.iter().any(|([x, y], _)| (x - place[0]).abs() + (y - place[1]).abs() < 0.15);
        if near || drawing.0.len() >= 60 {
            return None;
        }
        drawing.0.push((place, controls.pen as u8 - 1));
        Some(Controls { drawn: drawing.text(), ..controls.clone() })
    }

    fn projected(&self, plane: &Plane) -> Vec<Path> {
        let path = self.path();
        let every = path.len().div_ceil(300);
        let kept = path.iter().enumerate().filter(|(i, _)| i % every == 0 || i + 1 == path.len());
        let (x, y) = kept.map(|(_, theta)| plane.place(theta)).unzip();
        let mut paths = vec![Path { name: "the walk, projected".into(), ink: Ink::Series(1), x, y }];
        if let Some(curve) = &self.curve {
            let (x, y) = (0..=40).map(|i| plane.place(&curve.at(f64::from(i) / 40.0))).unzip();
            paths.push(Path { name: "the learned curve".into(), ink: Ink::Series(2), x, y });
        }
        paths
    }

    /// The map, as far as its finest grid is whole.
    pub(super) fn map(&self) -> View {
        match &self.own_grid {
            Some(own) => own_map(&own.rows, self.controls.height == Height::LogLoss).into(),
            None => self.seen(|| self.heights()),
        }
    }

    fn heights(&self) -> HeatMap {
        let (cells, heights) = (self.controls.cells(), &self.scene.heights);
        let whole = |stride: &usize| (cells / stride + 1) * (cells / stride + 1) <= self.scene.computed;
        let stride = strides(cells).take_while(whole).last().unwrap_or(cells / COARSEST);
        let side = cells / stride + 1;
        let cell = |i: usize| {
            let value = heights[i / side * stride * (cells + 1) + i % side * stride];
            let log = self.controls.height == Height::LogLoss && !value.is_nan();
            if log { log10(f64::from(value).max(1e-12)) as f32 } else { value }
        };
        let (low, high) = self.controls.window();
        // Cells are centred on the points of the grid.
        let half = (high - low) / (side - 1) as f64 / 2.0;
        let (x, y) = self.axes();
        HeatMap {
            x: x.range(low - half, high + half),
            y: y.range(low - half, high + half),
            value: Axis::linear(match self.controls.height {
                Height::LogLoss => "log₁₀ loss",
                Height::Curvature => "|λ_min/λ_max|",
                other => other.name(),
            }),
            columns: side,
            values: (0..side * side).map(cell).collect(),
            contours: if matches!(self.controls.height, Height::Loss | Height::LogLoss | Height::Test) { 12 } else { 0 },
            paths: self.scene.plane.iter().flat_map(|plane| self.projected(plane)).collect(),
            handle: Some(Handle { name: "probe".into(), at: self.probe() }),
        }
    }

    fn axes(&self) -> (Axis, Axis) {
        let (a, b) = match self.controls.plane {
            Through::Path if self.scene.plane.as_ref().is_some_and(|plane| plane.second.iter().all(|d| *d == 0.0)) => {
                ("first component", "none: a straight walk")
            }
            Through::Path => ("first component", "second component"),
            Through::Top => ("top eigenvector", "second eigenvector"),
            Through::Ends => ("top eigenvector", "bottom eigenvector"),
            Through::Solutions => ("to the second solution", "to the third solution"),
            Through::Curve => ("to the second solution", "to the bend of the curve"),
            _ => ("first random direction", "second random direction"),
        };
        (Axis::linear(a), Axis::linear(b))
    }

    /// The axis of the profiles.
    fn line(&self) -> Axis {
        let (low, high) = self.controls.stretch();
        let axis = match self.controls.along {
            Along::First => self.axes().0,
            Along::Second => self.axes().1,
            Along::Walk => Axis::linear("start (0) to end (1)"),
            Along::Bridge => Axis::linear("from solution 0 to 1"),
        };
        axis.range(low, high)
    }

    /// What the profiles show, over the places of their line.
    fn along<'a, T>(&'a self, values: &'a [T], of: impl Fn(&T) -> f64 + 'a) -> impl Iterator<Item = (f64, f64)> + 'a {
        values.iter().enumerate().map(move |(i, value)| (self.controls.on_line(i), of(value)))
    }

    pub(super) fn losses(&self) -> View {
        let Profile { train, test, twin, curve } = &self.scene.profile;
        self.seen(|| {
            let mut chart = Chart::of(self.line(), Axis::linear("loss"))
                .line("test", Ink::Series(1), self.along(test, |v| v.0))
                .line("train", Ink::Series(0), self.along(train, |v| v.0));
            if !twin.is_empty() {
                chart = chart.dashed("train, the twin's", Ink::Text, self.along(twin, |v| *v));
            }
            if !curve.is_empty() {
                chart = chart.line("train, learned curve", Ink::Series(2), self.along(curve, |v| *v));
            }
            chart
        })
    }

    pub(super) fn accuracies(&self) -> View {
        let Profile { train, test, .. } = &self.scene.profile;
        self.seen(|| {
            Chart::of(self.line(), Axis::linear("accuracy").range(0.0, 1.02))
                .at_y("chance", 1.0 / self.task.classes as f64)
                .line("test", Ink::Series(1), self.along(test, |v| v.1))
                .line("train", Ink::Series(0), self.along(train, |v| v.1))
        })
    }

    pub(super) fn training(&self) -> View {
        let axis = Axis::linear(if self.given.is_some() { "checkpoint" } else { "epoch" });
        // Of checkpoints the rule and its step size are not known.
        let edge = self.controls.edge().filter(|_| self.given.is_none());
        self.seen(|| {
            let first = if self.given.is_some() { 1.0 } else { 0.0 };
            Chart::of(axis.range(first, self.epochs().max(2) as f64), Axis::log("loss and sharpness"))
                .line("training loss", Ink::Series(0), (1..).map(f64::from).zip(self.walks[0].loss.iter().copied()))
                .line("sharpness λ", Ink::Series(3), self.sharpness.points(0))
                .at_y("stable below", edge.unwrap_or(f64::NAN))
        })
    }

    /// What the network at the probe says of the plane of inputs, or whom it takes for whom.
    pub(super) fn decision(&self) -> View {
        self.seen(|| if self.task.points.is_empty() { self.confusion().into() } else { View::from(self.regions()) })
    }

    fn confusion(&self) -> Matrix {
        let (k, (x, y)) = (self.task.classes, self.tests());
        let mut room = Room::default();
        self.at_probe().forward(x, &mut room);
        let mut values = vec![0.0f32; k * k];
        for (row, label) in room.logits().chunks_exact(room.logits().len() / y.len()).zip(y) {
            values[usize::from(*label) * k + largest(row).min(k - 1)] += 1.0;
        }
        Matrix {
            row: "class".into(),
            column: "taken for".into(),
            value: Axis::linear("test samples"),
            columns: k,
            values,
            names: (0..k).map(|d| if self.task.sides.is_some() { d.to_string() } else { (d + 1).to_string() }).collect(),
            outlined: Vec::new(),
        }
    }

    fn regions(&self) -> Chart {
        // The usual square, or where the reader's points lie.
        let mut ranges = [(-SQUARE, SQUARE); 2];
        if self.task.points.iter().flatten().any(|v| v.abs() > 2.0 * SQUARE) {
            ranges = [0, 1].map(|k| {
                let ends =
                    self.task.points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p[k]), b.max(p[k])));
                let margin = 0.05 * (ends.1 - ends.0).max(1e-6 * ends.1.abs());
                (ends.0 - margin, ends.1 + margin)
            });
        }
        let side = 45;
        let at = |k: usize, i: usize| ranges[k].0 + (ranges[k].1 - ranges[k].0) * (i as f64 + 0.5) / side as f64;
        let cells: Vec<(f64, f64)> = (0..side * side).map(|i| (at(0, i % side), at(1, i / side))).collect();
        let inputs: Vec<f32> = cells.iter().flat_map(|(x, y)| [*x as f32, *y as f32]).collect();
        let mut room = Room::default();
        self.at_probe().forward(&inputs, &mut room);
        let said: Vec<usize> = room.logits().chunks_exact(room.logits().len() / cells.len()).map(largest).collect();
        let axis = |name, k: usize| Axis::linear(name).range(ranges[k].0, ranges[k].1);
        let chart = Chart::of(axis("x", 0), axis("y", 1));
        // Equal axes would make a line of points that are far longer one way.
        let [across, up] = ranges.map(|(low, high)| high - low);
        let mut chart = if across.max(up) < 4.0 * across.min(up) { chart.equal() } else { chart };
        for class in 0..self.task.classes {
            let region = cells.iter().zip(&said).filter(|(_, said)| **said == class).map(|(place, _)| *place);
            chart = chart.dots("", Ink::Series(class as u8), 2.5, region);
        }
        for class in 0..self.task.classes {
            let own = self.task.points.iter().zip(&self.task.samples.y).filter(|(_, y)| usize::from(**y) == class).take(150);
            let points = own.map(|(p, _)| (p[0], p[1]));
            chart = chart.dots(format!("class {}", class + 1), Ink::Series(class as u8), 6.0, points);
        }
        let drawing = Drawing::parse(&self.controls.drawn).ok().filter(|_| self.controls.problem == Problem::Drawn);
        match drawing.and_then(|drawing| drawing.0.last().copied()) {
            Some((at, _)) => chart.handle(format!("pen, class {}", self.controls.pen), at.into()),
            None => chart,
        }
    }

    /// The density of Hessian eigenvalues, each broadened: those that are known of weight 1/n, the rest by stochastic Lanczos quadrature.
    pub(super) fn eigenvalues(&self) -> View {
        self.seen(|| {
            let nodes = self.scene.spectrum.nodes();
            let chart = Chart::of(Axis::linear("Hessian eigenvalue"), Axis::log("density").range(1e-6, 1e3));
            if nodes.is_empty() {
                return chart;
            }
            let ends = nodes.iter().fold((0.0f64, 0.0f64), |(a, b), (v, _)| (a.min(*v), b.max(*v)));
            let span = (ends.1 - ends.0).max(1e-9);
            let (width, n) = (span / 120.0, 400);
            let density = |x: f64| {
                let bump = |v: f64| exp(-(x - v) * (x - v) / (2.0 * width * width)) / (width * 2.506_628_274_631_000_7);
                nodes.iter().map(|(v, w)| w * bump(*v)).sum::<f64>().max(1e-6)
            };
            let along = (0..=n).map(|i| ends.0 - 0.05 * span + 1.1 * span * i as f64 / n as f64);
            let chart = chart.line("", Ink::Series(0), along.map(|x| (x, density(x))));
            let Some(known) = self.scene.spectrum.known() else { return chart };
            let (apart, top) = (outliers(known), known.values[known.top()]);
            chart
                .dots(format!("outliers: {}", apart.len()), Ink::Series(3), 7.0, apart.iter().map(|v| (*v, density(*v))))
                .at_x(format!("top {}", figures(top, 3)), top)
        })
    }

    pub(super) fn readings(&self) -> View {
        self.seen(|| self.table())
    }

    fn table(&self) -> Table {
        let (network, loss) = (self.network(), self.controls.loss);
        let (x, y) = self.samples();
        let mut room = Room::default();
        network.forward(x, &mut room);
        let outputs = room.logits().len() / y.len();
        let losses: Vec<f64> =
            room.logits().chunks_exact(outputs).zip(y).map(|(row, label)| loss.of_sample(row, *label)).collect();
        let n = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / n;
        let deviation = (losses.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
        let (test_x, test_y) = self.tests();
        let test = evaluate(&network.frozen(x), loss, test_x, test_y, &mut room);
        let probe = evaluate(&self.at_probe(), loss, test_x, test_y, &mut room);
        let gradient: Vec<f32> = self.widen(&self.scene.gradient).iter().map(|g| *g as f32).collect();
        let share = |of: &dyn Fn(&Plane) -> f64| self.scene.plane.as_ref().map_or(f64::NAN, of);
        let none = Sums { trace: f64::NAN, error: f64::NAN, squares: f64::NAN };
        let sums = self.scene.spectrum.sums().unwrap_or(none);
        let (a, b, c) = match self.scene.curvatures[..] {
            [[a, b], [_, c]] => (a, b, c),
            _ => (f64::NAN, f64::NAN, f64::NAN),
        };
        let norms: Vec<f64> = (network.neurons().iter().flatten())
            .map(|neuron| neuron.iter().map(|i| f64::from(network.theta()[*i])).map(|w| w * w).sum::<f64>().sqrt())
            .collect();
        let rows = [
            ("loss at the centre, over the plane's samples", mean),
            ("its standard error", deviation / n.sqrt()),
            ("training samples of the plane", n),
            ("of these, samples of the Hessian", self.few().1.len() as f64),
            ("test loss at the centre", test.0),
            ("test accuracy at the centre", test.1),
            ("test accuracy at the probe", probe.1),
            ("share of the walk's squared length in the plane", share(&|plane| self.path_share(plane))),
            (
                "share of the gradient's squared length in the plane",
                if self.scene.gradient.is_empty() { f64::NAN } else { share(&|plane| plane.share(&gradient)) },
            ),
            ("trace of the Hessian, Σλ", sums.trace),
            (if sums.error > 0.0 { "standard error of the trace, over random starts" } else { "" }, sums.error),
            ("share of the Hessian's trace in the plane", (a + c) / sums.trace),
            (
                if sums.error > 0.0 { "standard error of that share" } else { "" },
                ((a + c) * sums.error / sums.trace / sums.trace).abs(),
            ),
            ("share of Σλ² in the plane", (a * a + 2.0 * b * b + c * c) / sums.squares),
            ("weights", self.weights.len() as f64),
            ("neurons or filters", norms.len() as f64),
            ("least norm of a neuron's weights", norms.iter().copied().fold(f64::INFINITY, f64::min)),
            ("largest norm of a neuron's weights", norms.iter().copied().fold(0.0, f64::max)),
            ("difference to the twin, share of the range", self.difference()),
        ];
        let row = |(name, value): (&str, f64)| vec![Cell::Text(name.into()), Cell::Number(value)];
        let mut rows: Vec<Vec<Cell>> = rows.into_iter().filter(|r| r.1.is_finite() && !r.0.is_empty()).map(row).collect();
        let mut remark = |text: &str| rows.push(vec![Cell::Text(text.into()), Cell::Text("".into())]);
        // Where the trace is a small difference of large sums, a share of it says little.
        if self.scene.spectrum.known().is_some_and(|known| known.values[0] < -0.01 * known.values[known.top()]) {
            remark("the Hessian has eigenvalues of both signs, which cancel in its trace: a share of Σλ² is one of a whole");
        }
        if self.controls.plane == Through::Path && self.scene.plane.as_ref().is_some_and(|plane| self.path_share(plane) < 0.8) {
            remark("the plane holds less than 80 % of the walk: what is drawn is its shadow");
        }
        Table { columns: vec!["reading".into(), "value".into()], rows }
    }
}

/// Eigenvalues that stand apart from the bulk: from either end, converged ones each of which is a fiftieth of the span or more from
/// the next.
fn outliers(pairs: &Pairs) -> Vec<f64> {
    let (values, n) = (&pairs.values, pairs.values.len());
    let span = values[n - 1] - values[0];
    let apart = |i: usize, next: usize| {
        pairs.residuals[i] < 1e-3 * span && (values[i] - values[next]).abs() >= 0.02 * span && values[i].abs() >= 0.02 * span
    };
    let below = (0..n - 1).take_while(|i| apart(*i, i + 1) && values[*i] < 0.0);
    let above = (1..n).rev().take_while(|i| apart(*i, i - 1) && values[*i] > 0.0);
    let mut found: Vec<f64> = below.chain(above).map(|i| values[i]).collect();
    found.sort_by(f64::total_cmp);
    found
}

/// The user's loss grid, cell by cell: rows of x, y and loss on a full grid.
fn own_map(rows: &[[f64; 3]], log_loss: bool) -> HeatMap {
    let sorted = |k: usize| {
        let mut values: Vec<f64> = rows.iter().map(|r| r[k]).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    };
    let (xs, ys) = (sorted(0), sorted(1));
    let mut values = vec![f32::NAN; xs.len() * ys.len()];
    for [x, y, loss] in rows {
        let find = |all: &[f64], v: f64| all.partition_point(|a| *a < v);
        values[find(&ys, *y) * xs.len() + find(&xs, *x)] = match loss {
            _ if !log_loss => *loss as f32,
            // A logarithm that there is not is left out.
            loss if *loss > 0.0 => log10(*loss) as f32,
            _ => f32::NAN,
        };
    }
    let axis = |name: &str, all: &[f64]| {
        let (low, high) = (all[0], all[all.len() - 1]);
        let half = (high - low) / (all.len() - 1) as f64 / 2.0;
        Axis::linear(name).range(low - half, high + half)
    };
    let positive = rows.iter().all(|row| row[2] > 0.0);
    let value = Axis::linear(match (log_loss, positive) {
        (false, _) => "loss",
        (true, true) => "log₁₀ loss",
        (true, false) => "log₁₀ loss where > 0",
    });
    HeatMap { x: axis("x", &xs), y: axis("y", &ys), value, columns: xs.len(), values, contours: 12, ..HeatMap::default() }
}
