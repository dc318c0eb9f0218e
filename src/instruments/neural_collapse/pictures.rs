//! What is seen of neural collapse.

use super::*;
use ground::view::{Axis, Cell, Chart, Cloud, HeatMap, Ink, Mark, Matrix, Path, Segment, Space, Table};

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
    /// View `which` of the card.
    pub(super) fn picture(&self, which: usize) -> View {
        match which {
            0 => View::Space(self.space()),
            1 => View::Chart(self.over_time("distance from collapse", &LINES)),
            2 => View::Matrix(self.gram()),
            3 => View::Chart(self.angles()),
            4 => View::Chart(self.depth()),
            5 => View::Chart(self.layers()),
            6 => View::HeatMap(self.heat_map()),
            7 => self.test(),
            8 => View::Chart(self.further()),
            _ => View::Table(self.numbers()),
        }
    }

    fn space(&self) -> Space {
        let Present { centred, rows, simplex, features, .. } = &self.present;
        let k = centred.ncols();
        let place = |v: &DMatrix<f64>, i: usize| self.projection.place(v.column(i).iter().copied()).map(|p| p as f32);
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
        let shares = self.projection.shares;
        let axes = [0, 1, 2].map(|j| format!("direction {} ({:.0} %)", j + 1, 100.0 * shares[j]));
        Space { axes, clouds, segments, reach: 1.4 }
    }

    /// Lines over time, with the moment of zero error.
    fn over_time(&self, label: &str, lines: &[Line]) -> Chart {
        let x: Vec<f64> = self.log.iter().map(|row| row.at).collect();
        let mut marks = Vec::new();
        let mut low = f64::INFINITY;
        for (name, ink, dashed, part) in lines {
            // Two classes are always a simplex; what rounding leaves of that is no line.
            let y: Vec<f64> = self.log.iter().map(|row| Some(part(row)).filter(|v| *v > 1e-15).unwrap_or(f64::NAN)).collect();
            if y.iter().any(|v| v.is_finite()) {
                low = y.iter().fold(low, |low, v| low.min(*v));
                // A history of one moment is a row of dots.
                marks.push(match x.len() {
                    1 => Mark::points(*name, *ink, x.clone(), y, if *dashed { 5.0 } else { 8.0 }),
                    _ => Mark::Line { name: (*name).into(), ink: *ink, x: x.clone(), y, dashed: *dashed },
                });
            }
        }
        if let Some(zero) = self.zero_error().filter(|row| row.at > 0.0) {
            marks.push(Mark::at_x("no training error", zero.at));
        }
        let end = self.epochs().max(1) as f64;
        let mut y = Axis::log(label);
        if low < 1e-10 {
            y = y.range(1e-10, 10.0);
        }
        Chart { x: Axis::linear("epoch").range(0.0, end), y, marks, ..Chart::default() }
    }

    /// Four matrices of inner products: means, rows; the simplex, rows with means.
    fn gram(&self) -> Matrix {
        let Present { centred, rows, .. } = &self.present;
        let k = centred.ncols();
        let ideal = DMatrix::from_fn(k, k, |i, j| if i == j { 1.0 } else { -1.0 / (k as f64 - 1.0) });
        let means = Some(centred.tr_mul(centred));
        let of_rows = rows.as_ref().map(|rows| rows.tr_mul(rows));
        let across = rows.as_ref().map(|rows| rows.tr_mul(centred));
        let mut values = Vec::with_capacity((2 * k + 1) * (2 * k + 1));
        for (which, [left, right]) in [[means, of_rows], [Some(ideal), across]].into_iter().enumerate() {
            if which > 0 {
                values.extend(vec![f32::NAN; 2 * k + 1]);
            }
            for i in 0..k {
                let row = |matrix: &Option<DMatrix<f64>>| {
                    (0..k).map(|j| matrix.as_ref().map_or(f32::NAN, |m| m[(i, j)] as f32)).collect::<Vec<f32>>()
                };
                values.extend(row(&left));
                values.push(f32::NAN);
                values.extend(row(&right));
            }
        }
        let small = if k <= 10 { self.classes.as_slice() } else { &[] };
        let gap = vec![String::new(); usize::from(!small.is_empty())];
        Matrix {
            row: "class".into(),
            column: "class".into(),
            value: Axis::linear("inner product").range(-1.0, 1.0).around(0.0),
            columns: 2 * k + 1,
            values,
            names: [small, &gap, small].concat(),
            outlined: Vec::new(),
        }
    }

    fn angles(&self) -> Chart {
        let Present { centred, rows, angles, .. } = &self.present;
        let k = centred.ncols();
        let all = angles.iter().sum::<u32>().max(1);
        let share: Vec<f64> = angles.iter().map(|n| f64::from(*n) / f64::from(all)).collect();
        let top = share.iter().fold(0.05, |top: f64, s| top.max(*s));
        let edges: Vec<f64> = (0..=BINS).map(|i| 2.0 * i as f64 / BINS as f64 - 1.0).collect();
        let mut marks = vec![
            Mark::Histogram { name: "samples".into(), ink: Ink::Muted, edges, y: share },
            Mark::at_x("−1/(K−1)", -1.0 / (k as f64 - 1.0)),
        ];
        let pairs = |vectors: &DMatrix<f64>| {
            let cosines = cosines(vectors);
            (0..k).flat_map(|i| (0..i).map(move |j| (i, j))).map(|pair| cosines[pair]).take(1000).collect::<Vec<f64>>()
        };
        let mut dots = |name: &str, ink, vectors: &DMatrix<f64>, height: f64| {
            let x = pairs(vectors);
            marks.push(Mark::points(name, ink, x.clone(), vec![height * top; x.len()], 8.0));
        };
        dots("class means", Ink::Series(0), centred, 1.08);
        if let Some(rows) = rows {
            dots("classifier rows", Ink::Series(1), rows, 1.18);
        }
        let x = Axis::linear("cosine between vectors of different classes").range(-1.0, 1.0);
        Chart { x, y: Axis::linear("share of pairs").range(0.0, 1.3 * top), marks, ..Chart::default() }
    }

    fn depth(&self) -> Chart {
        let layers = self.log[0].layers.len();
        let labels = |_: usize| (1..=layers).map(|l| if l == layers { "last".into() } else { format!("layer {l}") });
        let now = self.log.last().expect("there is a first picture");
        let zero = self.zero_error().filter(|row| row.at > 0.0 && row.at < now.at);
        let mut marks = Vec::new();
        let mut bars = |name: String, ink, of: &[Layer]| {
            let y: Vec<f64> = of.iter().map(|layer| layer.variability.traces).collect();
            marks.push(Mark::Bars { name, ink, labels: labels(0).collect(), y });
        };
        if now.at > 0.0 {
            bars("start".into(), Ink::Muted, &self.log[0].layers);
        }
        if let Some(zero) = zero {
            bars(format!("no training error, epoch {}", zero.at), Ink::Series(1), &zero.layers);
        }
        bars(if self.over { "end" } else { "now" }.into(), Ink::Series(0), &now.layers);
        if let Some(test) = &now.test {
            bars("the same, test set".into(), Ink::Series(2), &test.layers);
        }
        let heights = marks.iter().flat_map(|mark| match mark {
            Mark::Bars { y, .. } => y.as_slice(),
            _ => &[],
        });
        let seen = heights.filter(|y| **y > 0.0);
        let (low, high) = seen.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), y| (low.min(*y), high.max(*y)));
        let mut y = Axis::log("NC1~, spread within classes");
        if low <= high {
            y = y.range((low / 3.0).max(1e-10), (high * 2.0).max(1e-9));
        }
        Chart { y, marks, ..Chart::default() }
    }

    /// What else there is of collapse in each layer, now.
    fn layers(&self) -> Chart {
        let now = self.log.last().expect("there is a first picture");
        let names: Vec<String> =
            (1..=now.layers.len()).map(|l| if l == now.layers.len() { "last".into() } else { format!("layer {l}") }).collect();
        let bars = |k: usize, (name, part): &OfLayer| Mark::Bars {
            name: (*name).into(),
            ink: Ink::Series(k as u8),
            labels: names.clone(),
            y: now.layers.iter().map(part).collect(),
        };
        let marks = OF_LAYER.iter().enumerate().skip(2).map(|(k, number)| bars(k, number)).collect();
        Chart { y: Axis::log("distance from collapse").range(1e-4, 3.0), marks, ..Chart::default() }
    }

    fn heat_map(&self) -> HeatMap {
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
        for (level, name) in [(0.5, "theory: ½, 10⁻², 10⁻⁴ left"), (1e-2, ""), (1e-4, "")] {
            // exp(−2t√(λ_H/Kλ_W)) = level
            let rate = libm::log(level) / (2.0 * Map::TIME);
            paths.push(path(name, Ink::Muted, &|h| h / (k * rate * rate)));
        }
        HeatMap {
            x: Axis::log("λ_H").range(ends.0, ends.1),
            y: Axis::log("λ_W").range(ends.0, ends.1),
            value: Axis::log("share of NC1 that is left").range(1e-6, 1.0),
            columns: Map::SIDE,
            values,
            contours: 0,
            paths: paths.into_iter().filter(|path| path.x.len() > 1).collect(),
            handle: None,
        }
    }

    fn test(&self) -> View {
        if self.log[0].test.is_none() {
            return View::nothing("There is no test set here.");
        }
        let lines: [Line; 6] = [
            ("NC1~", Ink::Series(0), false, |r| r.collapse.variability.traces),
            ("on test", Ink::Series(0), true, |r| r.test.as_ref().map_or(f64::NAN, |t| t.collapse.variability.traces)),
            ("NC4", Ink::Series(6), false, |r| r.collapse.mismatch),
            ("on test", Ink::Series(6), true, |r| r.test.as_ref().map_or(f64::NAN, |t| t.collapse.mismatch)),
            ("error", Ink::Series(1), false, |r| r.error),
            ("on test", Ink::Series(1), true, |r| r.test.as_ref().map_or(f64::NAN, |t| t.error)),
        ];
        View::Chart(self.over_time("on the training set, dashed: on the test set", &lines))
    }

    fn further(&self) -> Chart {
        let lines: [Line; 4] = [
            ("mean margin", Ink::Series(0), false, |r| r.further.margin),
            ("least margin", Ink::Series(0), true, |r| r.further.least_margin),
            ("effective rank", Ink::Series(2), false, |r| r.further.rank),
            ("shift of the means", Ink::Series(3), false, |r| r.further.shift),
        ];
        let mut chart = self.over_time("margin, rank, shift", &lines);
        chart.marks.push(Mark::at_y("K − 1", self.classes.len() as f64 - 1.0));
        if let Some(minimum) = self.problem().and_then(Problem::minimum).filter(|m| m.margin > 0.0) {
            chart.marks.push(Mark::at_y("margin in theory", minimum.margin));
        }
        chart
    }

    fn numbers(&self) -> Table {
        let now = self.log.last().expect("there is a first picture");
        let zero = self.zero_error();
        let minimum = self.problem().and_then(Problem::minimum).filter(|m| m.margin > 0.0);
        let number = |v: f64| if v.is_finite() { Cell::Number(v) } else { Cell::Text("–".into()) };
        let mut columns = vec!["".to_string(), format!("epoch {}", now.at)];
        columns.extend(zero.map(|row| format!("epoch {} (no error)", row.at)));
        columns.extend(minimum.map(|_| "in theory".to_string()));
        let rows = NUMBERS.iter().filter(|(_, part)| part(now).is_finite()).map(|(name, part)| {
            let mut row = vec![Cell::Text((*name).into()), number(part(now))];
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
        Table { rows: rows.collect(), columns }
    }
}
