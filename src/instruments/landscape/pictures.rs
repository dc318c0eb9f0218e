//! What there is to see.

use libm::{exp, log10};

use super::*;
use ground::view::{Axis, Cell, Chart, Handle, HeatMap, Ink, Mark, Matrix, Path, Table};
use methods::lanczos::Ritz;
use methods::nn::largest;

/// Half the side of the square in which points lie.
const SQUARE: f64 = 1.6;

impl Landscape {
    pub(super) fn picture(&self, which: usize) -> View {
        match (which, self.no_network()) {
            (0, _) if self.grid_of_own.is_some() => self.map(),
            (_, Some(why)) => View::nothing(why),
            (which, None) => self.shown(which),
        }
    }

    fn shown(&self, which: usize) -> View {
        match which {
            0 => self.map(),
            1 => View::Chart(self.losses()),
            2 => View::Chart(self.accuracies()),
            3 => self.decision(),
            4 => View::Chart(self.training()),
            5 => View::Chart(self.eigenvalues()),
            _ => View::Table(self.readings()),
        }
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

    fn map(&self) -> View {
        if let Some(own) = &self.grid_of_own {
            return own_grid(own, self.controls.height == Height::LogLoss);
        }
        // The finest grid that is whole.
        let cells = self.controls.cells();
        let whole = self.stage != Stage::Grid || self.stride < cells / COARSEST;
        let stride = if self.stage == Stage::Grid { 2 * self.stride } else { self.stride };
        let side = if whole { cells / stride + 1 } else { COARSEST + 1 };
        let stride = cells / (side - 1);
        let cell = |i: usize| {
            let value = self.grid[i / side * stride * (cells + 1) + i % side * stride];
            let log = self.controls.height == Height::LogLoss && !value.is_nan();
            if log { log10(f64::from(value).max(1e-12)) as f32 } else { value }
        };
        let (low, high) = self.controls.window();
        // Cells are centred on the points of the grid.
        let half = (high - low) / (side - 1) as f64 / 2.0;
        let (x, y) = self.axes();
        View::HeatMap(HeatMap {
            x: x.range(low - half, high + half),
            y: y.range(low - half, high + half),
            value: Axis::linear(match self.controls.height {
                Height::LogLoss => "log₁₀ loss",
                Height::Curvature => "|λ_min/λ_max|, 17 points a side",
                other => other.name(),
            }),
            columns: side,
            values: (0..side * side).map(cell).collect(),
            contours: if matches!(self.controls.height, Height::Loss | Height::LogLoss | Height::Test) { 12 } else { 0 },
            paths: self.plane.iter().flat_map(|plane| self.projected(plane)).collect(),
            handle: Some(Handle { name: "probe".into(), at: self.probe() }),
        })
    }

    fn axes(&self) -> (Axis, Axis) {
        let (a, b) = match self.controls.plane {
            Through::Path if self.plane.as_ref().is_some_and(|plane| plane.second.iter().all(|d| *d == 0.0)) => {
                ("first principal component", "no direction: the walk is straight")
            }
            Through::Path => ("first principal component", "second principal component"),
            Through::Top => ("top eigenvector", "second eigenvector"),
            Through::Ends => ("top eigenvector", "bottom eigenvector"),
            Through::Solutions => ("to the second solution", "to the third solution"),
            Through::Curve => ("to the second solution", "to the bend of the curve"),
            _ => ("first random direction", "second random direction"),
        };
        (Axis::linear(a), Axis::linear(b))
    }

    fn line(&self) -> (Axis, Vec<f64>) {
        let (low, high) = self.stretch();
        let axis = match self.controls.along {
            Along::First => self.axes().0,
            Along::Second => self.axes().1,
            Along::Walk => Axis::linear("from the start (0) to the end (1) of training"),
            Along::Bridge => Axis::linear("from one solution (0) to the other (1)"),
        };
        (axis.range(low, high), (0..PROFILE).map(|i| low + (high - low) * i as f64 / (PROFILE - 1) as f64).collect())
    }

    fn losses(&self) -> Chart {
        let (x, t) = self.line();
        let at = |n: usize| t[..n].to_vec();
        let Profile { train, test, twin, curve } = &self.profile;
        let mut marks = vec![
            Mark::line("test", Ink::Series(1), at(test.len()), test.iter().map(|v| v.0).collect()),
            Mark::line("train", Ink::Series(0), at(train.len()), train.iter().map(|v| v.0).collect()),
        ];
        if !twin.is_empty() {
            marks.push(Mark::dashed("train, the twin's", Ink::Text, at(twin.len()), twin.clone()));
        }
        if !curve.is_empty() {
            marks.push(Mark::line("train, on the learned curve", Ink::Series(2), at(curve.len()), curve.clone()));
        }
        Chart { x, y: Axis::linear("loss"), marks, ..Chart::default() }
    }

    fn accuracies(&self) -> Chart {
        let (x, t) = self.line();
        let line = |name: &str, ink, values: &[(f64, f64)]| {
            Mark::line(name, ink, t[..values.len()].to_vec(), values.iter().map(|v| v.1).collect())
        };
        let marks = vec![
            Mark::at_y("chance", 1.0 / self.task.classes as f64),
            line("test", Ink::Series(1), &self.profile.test),
            line("train", Ink::Series(0), &self.profile.train),
        ];
        Chart { x, y: Axis::linear("accuracy").range(0.0, 1.02), marks, ..Chart::default() }
    }

    fn training(&self) -> Chart {
        let loss = &self.walks[0].loss;
        let epochs = (1..=loss.len()).map(|e| e as f64).collect();
        let all = self.given.as_ref().map_or(self.controls.epochs, |given| given.path.len());
        let axis = Axis::linear(if self.given.is_some() { "checkpoint" } else { "epoch" });
        let mut marks = vec![
            Mark::line("training loss", Ink::Series(0), epochs, loss.clone()),
            Mark::line("sharpness λ", Ink::Series(3), self.sharpness.0.clone(), self.sharpness.1.clone()),
        ];
        // Of checkpoints the rule and its step size are not known.
        if let Some(edge) = self.controls.edge().filter(|_| self.given.is_none()) {
            marks.push(Mark::at_y("stable below", edge));
        }
        Chart { x: axis.range(0.0, all.max(2) as f64), y: Axis::log("loss, and sharpness"), marks, ..Chart::default() }
    }

    /// What the network at the probe says of the plane of inputs, or whom it takes for whom.
    fn decision(&self) -> View {
        let network = self.at_probe();
        let mut room = Room::default();
        let task = &self.task.samples;
        let k = self.task.classes;
        if self.task.points.is_empty() {
            let (x, y) = self.tests();
            network.forward(x, &mut room);
            let mut values = vec![0.0f32; k * k];
            for (row, label) in room.logits().chunks_exact(room.logits().len() / y.len()).zip(y) {
                values[usize::from(*label) * k + largest(row).min(k - 1)] += 1.0;
            }
            return View::Matrix(Matrix {
                row: "class".into(),
                column: "taken for".into(),
                value: Axis::linear("test samples"),
                columns: k,
                values,
                names: (0..k).map(|d| if self.task.sides.is_some() { d.to_string() } else { (d + 1).to_string() }).collect(),
                outlined: Vec::new(),
            });
        }
        let own = self.task.points.iter().flatten().fold(SQUARE, |m, v| m.max(v.abs()));
        let square = if own > 2.0 * SQUARE { own } else { SQUARE };
        let side = 45;
        let at = |i: usize| square * (2.0 * (i as f64 + 0.5) / side as f64 - 1.0);
        let cells: Vec<[f64; 2]> = (0..side * side).map(|i| [at(i % side), at(i / side)]).collect();
        let inputs: Vec<f32> = cells.iter().flatten().map(|v| *v as f32).collect();
        network.forward(&inputs, &mut room);
        let said: Vec<usize> = room.logits().chunks_exact(room.logits().len() / cells.len()).map(largest).collect();
        let mut marks = Vec::new();
        for class in 0..k {
            let (x, y) = cells.iter().zip(&said).filter(|(_, said)| **said == class).map(|(p, _)| (p[0], p[1])).unzip();
            marks.push(Mark::points("", Ink::Series(class as u8), x, y, 2.5));
        }
        for class in 0..k {
            let own = self.task.points.iter().zip(&task.y).filter(|(_, y)| usize::from(**y) == class).take(150);
            let (x, y) = own.map(|(p, _)| (p[0], p[1])).unzip();
            marks.push(Mark::points(format!("class {}", class + 1), Ink::Series(class as u8), x, y, 6.0));
        }
        let draws = self.controls.problem == Problem::Drawn;
        let last = Drawing::parse(&self.controls.drawn).ok().and_then(|drawing| drawing.0.last().copied());
        let handle =
            last.filter(|_| draws).map(|(at, _)| Handle { name: format!("pen, class {}", self.controls.pen), at: at.into() });
        let axis = |name| Axis::linear(name).range(-square, square);
        View::Chart(Chart { x: axis("x"), y: axis("y"), marks, equal: true, handle })
    }

    /// The density of Hessian eigenvalues by stochastic Lanczos quadrature: the starts' Ritz values, broadened.
    fn eigenvalues(&self) -> Chart {
        let all: Vec<_> = self.lanczos.iter().filter(|l| l.steps() > 1).map(Lanczos::ritz).collect();
        let ends = all.iter().flat_map(|r| &r.values).fold((0.0f64, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
        let mut marks = Vec::new();
        if let [.., last] = all.as_slice() {
            let span = (ends.1 - ends.0).max(1e-9);
            let (width, n) = (span / 120.0, 400);
            let x: Vec<f64> = (0..=n).map(|i| ends.0 - 0.05 * span + 1.1 * span * i as f64 / n as f64).collect();
            let density = |x: f64| {
                let bump = |v: f64| exp(-(x - v) * (x - v) / (2.0 * width * width)) / (width * 2.506_628_274_631_000_7);
                let sum: f64 = all.iter().flat_map(|r| r.values.iter().zip(&r.weights)).map(|(v, w)| w * bump(*v)).sum();
                (sum / all.len() as f64).max(1e-6)
            };
            marks.push(Mark::line("", Ink::Series(0), x.clone(), x.iter().map(|x| density(*x)).collect()));
            let apart = outliers(last);
            let heights = apart.iter().map(|v| density(*v)).collect();
            marks.push(Mark::points(format!("outliers: {}", apart.len()), Ink::Series(3), apart, heights, 7.0));
            let top = last.values[last.values.len() - 1];
            marks.push(Mark::at_x(format!("top {top:.3}"), top));
        }
        Chart {
            x: Axis::linear("eigenvalue of the Hessian"),
            y: Axis::log("density").range(1e-6, 1e3),
            marks,
            ..Chart::default()
        }
    }

    fn trace(&self) -> f64 {
        let finished: Vec<_> = self.lanczos.iter().filter(|l| l.steps() > 0).map(Lanczos::ritz).collect();
        let means = finished.iter().map(|r| r.values.iter().zip(&r.weights).map(|(v, w)| v * w).sum::<f64>());
        means.sum::<f64>() / finished.len() as f64 * self.walks[0].network.theta().len() as f64
    }

    fn readings(&self) -> Table {
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
        let gradient: Vec<f32> = self.gradient.iter().map(|g| *g as f32).collect();
        let share = |of: &dyn Fn(&Plane) -> f64| self.plane.as_ref().map_or(f64::NAN, of);
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
            ("share of the walk in the plane", share(&|plane| self.path_share(plane))),
            (
                "share of the gradient in the plane",
                if gradient.is_empty() { f64::NAN } else { share(&|plane| plane.share(&gradient)) },
            ),
            ("share of the Hessian's trace in the plane", self.curvatures.iter().sum::<f64>() / self.trace()),
            ("weights", network.theta().len() as f64),
            ("neurons or filters", norms.len() as f64),
            ("least norm of a neuron's weights", norms.iter().copied().fold(f64::INFINITY, f64::min)),
            ("largest norm of a neuron's weights", norms.iter().copied().fold(0.0, f64::max)),
            ("difference to the twin, share of the range", self.difference()),
        ];
        let row = |(name, value): (&str, f64)| vec![Cell::Text(name.into()), Cell::Number(value)];
        let mut rows: Vec<Vec<Cell>> = rows.into_iter().filter(|r| !r.1.is_nan()).map(row).collect();
        if self.controls.plane == Through::Path && self.plane.as_ref().is_some_and(|plane| self.path_share(plane) < 0.8) {
            rows.push(vec![
                Cell::Text("the plane holds less than 80 % of the walk: what is drawn is its shadow".into()),
                Cell::Text("".into()),
            ]);
        }
        Table { columns: vec!["reading".into(), "value".into()], rows }
    }
}

/// Eigenvalues that stand apart from the bulk: from either end, converged ones each of which is a fiftieth of the span or more from
/// the next.
fn outliers(ritz: &Ritz) -> Vec<f64> {
    let (values, n) = (&ritz.values, ritz.values.len());
    let span = values[n - 1] - values[0];
    let apart = |i: usize, next: usize| {
        ritz.residuals[i] < 1e-3 * span && (values[i] - values[next]).abs() >= 0.02 * span && values[i].abs() >= 0.02 * span
    };
    let below = (0..n - 1).take_while(|i| apart(*i, i + 1) && values[*i] < 0.0);
    let above = (1..n).rev().take_while(|i| apart(*i, i - 1) && values[*i] > 0.0);
    let mut found: Vec<f64> = below.chain(above).map(|i| values[i]).collect();
    found.sort_by(f64::total_cmp);
    found
}

/// The user's loss grid, cell by cell: rows of x, y and loss on a full grid.
fn own_grid(rows: &[[f64; 3]], log_loss: bool) -> View {
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
        (true, false) => "log₁₀ loss, none where the loss is ≤ 0",
    });
    View::HeatMap(HeatMap {
        x: axis("x", &xs),
        y: axis("y", &ys),
        value,
        columns: xs.len(),
        values,
        contours: 12,
        ..HeatMap::default()
    })
}
