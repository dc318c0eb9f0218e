//! What is seen of neural collapse.

use super::map::Map;
use super::moment::{BINS, Present, Row};
use super::{NeuralCollapse, Problem, Subject};
use methods::neural_collapse::free::Minimum;
use methods::neural_collapse::training::Tested;
use methods::neural_collapse::{Layer, cosines};
use nalgebra::DMatrix;
use run::prelude::*;

/// Name, colour, dashes, and which number of a moment.
type Line = (&'static str, Ink, bool, fn(&Row) -> f64);

const LINES: [Line; 10] = [
    ("NC1", Ink::Series(1), false, |r| r.collapse.variability.nc1),
    ("NC1~", Ink::Series(0), false, |r| r.collapse.variability.traces),
    ("NC2 equinorm", Ink::Series(2), false, |r| r.collapse.means.equinorm),
    ("of W", Ink::Series(2), true, |r| r.collapse.classifier.equinorm),
    ("NC2 equiangle", Ink::Series(3), false, |r| r.collapse.means.equiangle),
    ("of W", Ink::Series(3), true, |r| r.collapse.classifier.equiangle),
    ("NC2 max angle", Ink::Series(4), false, |r| r.collapse.means.max_angle),
    ("of W", Ink::Series(4), true, |r| r.collapse.classifier.max_angle),
    ("NC3", Ink::Series(5), false, |r| r.collapse.self_duality),
    ("NC4", Ink::Series(6), false, |r| r.collapse.mismatch),
];

/// A name, and which number of a moment.
type Number = (&'static str, fn(&Row) -> f64);

/// A name, and which number of a layer.
type OfLayer = (&'static str, fn(&Layer) -> f64);

/// Every number of a layer, by name.
pub(super) const OF_LAYER: [OfLayer; 6] = [
    ("NC1", |l| l.variability.nc1),
    ("NC1~", |l| l.variability.traces),
    ("NC2 equinorm", |l| l.means.equinorm),
    ("NC2 equiangle", |l| l.means.equiangle),
    ("NC2 max angle", |l| l.means.max_angle),
    ("NC4", |l| l.mismatch),
];

/// A number of the test set, if there is one.
fn tested(row: &Row, part: fn(&Tested) -> f64) -> f64 {
    row.test.as_ref().map_or(f64::NAN, part)
}

/// Every number of a moment, by name.
pub(super) const NUMBERS: [Number; 25] = [
    ("NC1", |r| r.collapse.variability.nc1),
    ("NC1~", |r| r.collapse.variability.traces),
    ("NC2 equinorm, means", |r| r.collapse.means.equinorm),
    ("NC2 equinorm, classifier", |r| r.collapse.classifier.equinorm),
    ("NC2 equiangle, means", |r| r.collapse.means.equiangle),
    ("NC2 equiangle, classifier", |r| r.collapse.classifier.equiangle),
    ("NC2 max angle, means", |r| r.collapse.means.max_angle),
    ("NC2 max angle, classifier", |r| r.collapse.classifier.max_angle),
    ("NC3", |r| r.collapse.self_duality),
    ("NC4", |r| r.collapse.mismatch),
    ("shift of the means", |r| r.further.shift),
    ("mean margin", |r| r.further.margin),
    ("least margin", |r| r.further.least_margin),
    ("effective rank", |r| r.further.rank),
    ("test error", |r| tested(r, |t| t.error)),
    ("test NC1", |r| tested(r, |t| t.collapse.variability.nc1)),
    ("test NC1~", |r| tested(r, |t| t.collapse.variability.traces)),
    ("test NC2 equinorm, means", |r| tested(r, |t| t.collapse.means.equinorm)),
    ("test NC2 equiangle, means", |r| tested(r, |t| t.collapse.means.equiangle)),
    ("test NC2 max angle, means", |r| tested(r, |t| t.collapse.means.max_angle)),
    ("test NC3", |r| tested(r, |t| t.collapse.self_duality)),
    ("test NC4", |r| tested(r, |t| t.collapse.mismatch)),
    ("test shift of the means", |r| tested(r, |t| t.further.shift)),
    ("test mean margin", |r| tested(r, |t| t.further.margin)),
    ("test effective rank", |r| tested(r, |t| t.further.rank)),
];

/// The colour of a class: eight hues, then grey and black.
fn ink(class: usize) -> Ink {
    [Ink::Muted, Ink::Text].get((class % 10).wrapping_sub(8)).copied().unwrap_or(Ink::Series((class % 10) as u8))
}

impl NeuralCollapse {
    /// A picture of the last moment, once there is one.
    fn seen(&self, picture: impl Fn(&Present, &Row) -> View) -> View {
        match (&self.present, self.log.last()) {
            (Some(present), Some(now)) => picture(present, now),
            _ => View::nothing("Nothing is measured yet."),
        }
    }

    /// What the hidden layers are called.
    fn layer_names(now: &Row) -> Vec<String> {
        let layers = now.layers.len();
        (1..=layers).map(|l| if l == layers { "last".into() } else { format!("layer {l}") }).collect()
    }

    pub(super) fn features(&self) -> View {
        self.seen(|present, _| self.space(present).into())
    }

    fn space(&self, present: &Present) -> Space {
        let Present { projection, centred, rows, simplex, features, .. } = present;
        let k = centred.ncols();
        let place = |v: &DMatrix<f64>, i: usize| projection.place(v.column(i).iter().copied()).map(|p| p as f32);
        let vertex = |k: usize| [0, 1, 2].map(|j| simplex[(j, k)] as f32);
        let cloud = |name: &str, class: usize, at: Vec<[f32; 3]>, size| Cloud { name: name.into(), ink: ink(class), at, size };
        let mut clouds: Vec<Cloud> = features
            .iter()
            .enumerate()
            .map(|(class, at)| cloud(if k <= 10 { &self.classes[class] } else { "" }, class, at.clone(), 4.0))
            .collect();
        clouds.extend((0..k).map(|class| cloud("", class, vec![place(centred, class)], 12.0)));
        let line = |from, to, ink, dashed, arrow| Segment { from, to, ink, dashed, arrow };
        let mut segments = Vec::new();
        for i in 0..k {
            // More than four corners do not fit into space; then dashes lead from each mean to its own.
            if k > 4 {
                segments.push(line(place(centred, i), vertex(i), Ink::Text, true, false));
            } else {
                segments.extend((0..i).map(|j| line(vertex(i), vertex(j), Ink::Text, true, false)));
            }
            if let Some(rows) = rows {
                segments.push(line([0.0; 3], place(rows, i), ink(i), false, true));
            }
        }
        // Means that are all the same have no directions.
        let share = |j: usize| Some(projection.shares[j]).filter(|share| share.is_finite());
        let share = |j: usize| share(j).map_or(String::new(), |share| format!(" ({:.0} %)", 100.0 * share));
        let axes = [0, 1, 2].map(|j| format!("direction {}{}", j + 1, share(j)));
        Space { axes, clouds, segments, reach: 1.4 }
    }

    pub(super) fn distances(&self) -> Chart {
        self.over_time("distance from collapse", &LINES)
    }

    /// Lines over time, with the moment of zero error.
    fn over_time(&self, label: &str, lines: &[Line]) -> Chart {
        let end = self.epochs().max(1) as f64;
        let mut chart = Chart::of(Axis::linear("epoch").range(0.0, end), Axis::log(label));
        let mut low = f64::INFINITY;
        for (name, ink, dashed, part) in lines {
            // Two classes are always a simplex; what rounding leaves of that is no line.
            let value = |row: &Row| Some(part(row)).filter(|v| *v > 1e-15).unwrap_or(f64::NAN);
            let points: Vec<(f64, f64)> = self.log.iter().map(|row| (row.at, value(row))).collect();
            if points.iter().any(|(_, y)| y.is_finite()) {
                low = points.iter().fold(low, |low, (_, y)| low.min(*y));
                // A history of one moment is a row of dots.
                chart = match (points.len(), dashed) {
                    (1, _) => chart.dots(*name, *ink, if *dashed { 5.0 } else { 8.0 }, points),
                    (_, true) => chart.dashed(*name, *ink, points),
                    (_, false) => chart.line(*name, *ink, points),
                };
            }
        }
        if low < 1e-10 {
            chart.y = chart.y.range(1e-10, 10.0);
        }
        let zero = self.zero_error().filter(|row| row.at > 0.0);
        chart.at_x("no training error", zero.map_or(f64::NAN, |row| row.at))
    }

    pub(super) fn gram(&self) -> View {
        self.seen(|present, _| self.inner_products(present).into())
    }

    /// Inner products of the means, then of the classifier's rows, with each other.
    fn inner_products(&self, Present { centred, rows, .. }: &Present) -> Matrix {
        let k = centred.ncols();
        let groups: Vec<(&str, &DMatrix<f64>)> =
            [("mean", Some(centred)), ("row", rows.as_ref())].into_iter().filter_map(|(name, of)| Some((name, of?))).collect();
        // A gap between the groups.
        let columns = groups.len() * (k + 1) - 1;
        let vector = |place: usize| groups[place / (k + 1)].1.column(place % (k + 1));
        let product = |i: usize, j: usize| {
            let gap = i % (k + 1) == k || j % (k + 1) == k;
            if gap { f32::NAN } else { vector(i).dot(&vector(j)) as f32 }
        };
        let name = |place: usize| match self.classes.get(place % (k + 1)) {
            Some(class) => format!("{} {class}", groups[place / (k + 1)].0),
            None => String::new(),
        };
        Matrix {
            row: "means, then rows".into(),
            column: "means, then rows".into(),
            value: Axis::linear("inner product").range(-1.0, 1.0).around(0.0),
            columns,
            values: (0..columns * columns).map(|at| product(at / columns, at % columns)).collect(),
            names: (0..columns).map(name).collect(),
            outlined: Vec::new(),
        }
    }

    pub(super) fn angles(&self) -> View {
        self.seen(|Present { centred, rows, angles, .. }, _| {
            let k = centred.ncols();
            let all = angles.iter().sum::<u32>().max(1);
            let share: Vec<f64> = angles.iter().map(|n| f64::from(*n) / f64::from(all)).collect();
            let top = share.iter().fold(0.05, |top: f64, s| top.max(*s));
            let edges = (0..=BINS).map(|i| 2.0 * i as f64 / BINS as f64 - 1.0).collect();
            let dots = |vectors: &DMatrix<f64>, height: f64| {
                let cosines = cosines(vectors);
                let pairs = (0..k).flat_map(|i| (0..i).map(move |j| (i, j)));
                pairs.map(|pair| (cosines[pair], height * top)).take(1000).collect::<Vec<_>>()
            };
            let x = Axis::linear("cosine between classes").range(-1.0, 1.0);
            let chart = Chart::of(x, Axis::linear("share of pairs").range(0.0, 1.3 * top))
                .histogram("samples", Ink::Muted, (edges, share))
                .at_x("−1/(K−1)", -1.0 / (k as f64 - 1.0))
                .dots("class means", Ink::Series(0), 8.0, dots(centred, 1.08));
            match rows {
                Some(rows) => chart.dots("classifier rows", Ink::Series(1), 8.0, dots(rows, 1.18)).into(),
                None => chart.into(),
            }
        })
    }

    pub(super) fn depth(&self) -> View {
        self.seen(|_, now| {
            let start = Some(&self.log[0]).filter(|_| now.at > 0.0);
            let zero = self.zero_error().filter(|row| row.at > 0.0 && row.at < now.at);
            let at_zero = zero.map_or(String::new(), |row| format!("epoch {}, no error", row.at));
            let last = if self.end().is_some() { "end" } else { "now" };
            let bars = [
                ("start", Ink::Muted, start.map(|row| &row.layers)),
                (&at_zero, Ink::Series(1), zero.map(|row| &row.layers)),
                (last, Ink::Series(0), Some(&now.layers)),
                ("the same, test set", Ink::Series(2), now.test.as_ref().map(|test| &test.layers)),
            ];
            let bars = || bars.iter().filter_map(|(name, ink, layers)| Some((*name, *ink, (*layers)?)));
            let heights = bars().flat_map(|(_, _, layers)| layers).map(|layer| layer.variability.traces);
            let (low, high) = heights.filter(|y| *y > 0.0).fold((f64::INFINITY, 0.0f64), |(a, b), y| (a.min(y), b.max(y)));
            let mut y = Axis::log("NC1~ within classes");
            if low <= high {
                y = y.range((low / 3.0).max(1e-10), (high * 2.0).max(1e-9));
            }
            let chart = bars().fold(Chart::of(Axis::default(), y), |chart, (name, ink, layers)| {
                let names = Self::layer_names(now).into_iter();
                chart.bars(name, ink, names.zip(layers.iter().map(|layer| layer.variability.traces)))
            });
            chart.into()
        })
    }

    /// What else there is of collapse in each layer, now.
    pub(super) fn layers(&self) -> View {
        self.seen(|_, now| {
            let chart = Chart::of(Axis::default(), Axis::log("distance from collapse").range(1e-4, 3.0));
            let chart = OF_LAYER.iter().enumerate().skip(2).fold(chart, |chart, (k, (name, part))| {
                chart.bars(*name, Ink::Series(k as u8), Self::layer_names(now).into_iter().zip(now.layers.iter().map(part)))
            });
            chart.into()
        })
    }

    pub(super) fn decay_map(&self) -> HeatMap {
        let (low, high) = Map::DECADES;
        let ends = (libm::pow(10.0, low), libm::pow(10.0, high));
        let mut values = self.map.cells.clone();
        values.resize(Map::SIDE * Map::SIDE, f32::NAN);
        values.iter_mut().filter(|v| **v < 1e-6).for_each(|v| *v = 1e-6);
        let k = self.map.classes as f64;
        let lambda: Vec<f64> = (0..=120).map(|i| libm::pow(10.0, low + (high - low) * f64::from(i) / 120.0)).collect();
        let path = |name: &str, ink, of: &dyn Fn(f64) -> f64| {
            let points = lambda.iter().map(|h| (*h, of(*h))).filter(|(h, w)| ends.0 <= *w && *w <= ends.1 && h * w * k <= 1.0);
            let (x, y) = points.unzip();
            Path { name: name.into(), ink, x, y }
        };
        let mut paths = vec![path("features vanish", Ink::Text, &|h| (1.0 - 1e-9) / (k * h))];
        for (level, name) in [(0.5, "theory: ½, 10⁻², 10⁻⁴"), (1e-2, ""), (1e-4, "")] {
            // exp(−2t√(λ_H/Kλ_W)) = level
            let rate = libm::log(level) / (2.0 * Map::TIME);
            paths.push(path(name, Ink::Muted, &|h| h / (k * rate * rate)));
        }
        HeatMap {
            x: Axis::log("λ_H").range(ends.0, ends.1),
            y: Axis::log("λ_W").range(ends.0, ends.1),
            value: Axis::log("share of NC1 left").range(1e-6, 1.0),
            columns: Map::SIDE,
            values,
            contours: 0,
            paths: paths.into_iter().filter(|path| path.x.len() > 1).collect(),
            handle: None,
        }
    }

    pub(super) fn test_set(&self) -> View {
        if !matches!(self.subject, Subject::Network(_)) {
            return View::nothing("There is no test set here.");
        }
        let lines: [Line; 6] = [
            ("NC1~", Ink::Series(0), false, |r| r.collapse.variability.traces),
            ("on test", Ink::Series(0), true, |r| tested(r, |t| t.collapse.variability.traces)),
            ("NC4", Ink::Series(6), false, |r| r.collapse.mismatch),
            ("on test", Ink::Series(6), true, |r| tested(r, |t| t.collapse.mismatch)),
            ("error", Ink::Series(1), false, |r| r.error),
            ("on test", Ink::Series(1), true, |r| tested(r, |t| t.error)),
        ];
        View::Chart(self.over_time("error, NC1~, NC4", &lines))
    }

    pub(super) fn further(&self) -> Chart {
        let lines: [Line; 4] = [
            ("mean margin", Ink::Series(0), false, |r| r.further.margin),
            ("least margin", Ink::Series(0), true, |r| r.further.least_margin),
            ("effective rank", Ink::Series(2), false, |r| r.further.rank),
            ("shift of the means", Ink::Series(3), false, |r| r.further.shift),
        ];
        self.over_time("margin, rank, shift", &lines)
            .at_y("K − 1", self.classes.len() as f64 - 1.0)
            .at_y("margin in theory", self.minimum().map_or(f64::NAN, |minimum| minimum.margin))
    }

    /// Where theory says that it ends, unless features vanish there.
    fn minimum(&self) -> Option<Minimum> {
        self.problem().and_then(Problem::minimum).filter(|m| m.margin > 0.0)
    }

    pub(super) fn numbers(&self) -> View {
        self.seen(|present, now| {
            let (zero, minimum) = (self.zero_error(), self.minimum());
            let number = |v: f64| if v.is_finite() { Cell::Number(v) } else { Cell::Text("–".into()) };
            // Equal means have no distance, a mean (or row) of length 0 no angle: what is asked of them is 0/0.
            let of_means = |name: &str| name.starts_with("NC1") || name.starts_with("NC2") && name.ends_with("means");
            let of_rows = |name: &str| present.rows.is_some() && (name == "NC3" || name.ends_with("classifier"));
            let is_void = |name: &str, v: f64| v.is_nan() && (of_means(name) || of_rows(name));
            let now_is = |name: &str, v: f64| if is_void(name, v) { Cell::Text("0/0".into()) } else { number(v) };
            let mut columns = vec!["".to_string(), format!("epoch {}", now.at)];
            columns.extend(zero.map(|row| format!("epoch {} (no error)", row.at)));
            columns.extend(minimum.map(|_| "in theory".to_string()));
            let told = |(name, part): &&Number| part(now).is_finite() || is_void(name, part(now));
            let rows = NUMBERS.iter().filter(told).map(|(name, part)| {
                let mut row = vec![Cell::Text((*name).into()), now_is(name, part(now))];
                row.extend(zero.map(|zero| number(part(zero))));
                row.extend(minimum.map(|m| match *name {
                    "mean margin" | "least margin" => number(m.margin),
                    "effective rank" => number(self.classes.len() as f64 - 1.0),
                    // ‖h_G‖² = s z₀/K, ‖m_k‖² = s z (1 − 1/K).
                    "shift of the means" => number((m.common / (m.margin * (self.classes.len() as f64 - 1.0))).sqrt()),
                    _ => number(0.0),
                }));
                row
            });
            Table { rows: rows.collect(), columns }.into()
        })
    }
}
