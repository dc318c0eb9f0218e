//! What can be shown, as plain data. An experiment fills these in; `plot` turns them into pixels.
//!
//! A view knows nothing of pixels, colours or fonts: it has numbers, names, units and roles. The same value is drawn in the
//! page, written as SVG, PNG and CSV, read out under the pointer, and said in one sentence for those who cannot see it.

use serde::{Deserialize, Serialize};

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum View {
    /// Lines, points, bars and bands on two axes: line, scatter, histogram, density and bar charts.
    Chart(Chart),
    /// Values over a rectangle, with contours, paths and a draggable start.
    HeatMap(HeatMap),
    /// The same as a 3D surface that can be turned, the paths lifted onto it.
    Surface(HeatMap),
    /// A matrix: plan, kernel, confusion.
    Matrix(Matrix),
    /// Points, segments and arrows in space, to be turned.
    Space(Space),
    /// Nodes and edges at given places in the plane.
    Graph(Graph),
    /// Small pictures in rows.
    Images(Images),
    /// Arrows on a plane.
    Field(Field),
    /// Rows of text and numbers.
    Table(Table),
}

impl From<Chart> for View {
    fn from(view: Chart) -> View {
        View::Chart(view)
    }
}
impl From<HeatMap> for View {
    fn from(view: HeatMap) -> View {
        View::HeatMap(view)
    }
}
impl From<Matrix> for View {
    fn from(view: Matrix) -> View {
        View::Matrix(view)
    }
}
impl From<Space> for View {
    fn from(view: Space) -> View {
        View::Space(view)
    }
}
impl From<Graph> for View {
    fn from(view: Graph) -> View {
        View::Graph(view)
    }
}
impl From<Images> for View {
    fn from(view: Images) -> View {
        View::Images(view)
    }
}
impl From<Field> for View {
    fn from(view: Field) -> View {
        View::Field(view)
    }
}
impl From<Table> for View {
    fn from(view: Table) -> View {
        View::Table(view)
    }
}

/// How numbers map to length along an axis or to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// Equal steps, equal lengths.
    #[default]
    Linear,
    /// Equal ratios, equal lengths; values <= 0 are not shown.
    Log,
}

/// An axis or a colour bar: what is measured, in which unit, on which scale.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is measured, in words: "marginal error".
    pub label: String,
    /// Its unit, or "".
    pub unit: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Fixed ends; `None` fits the data.
    pub range: Option<(f64, f64)>,
    /// The value at which a diverging colour scale turns; `None` for a sequential one. Used by colour bars only.
    pub center: Option<f64>,
}

impl Axis {
    /// A linear axis that fits the data.
    pub fn linear(label: impl Into<String>) -> Self {
        Axis { label: label.into(), ..Axis::default() }
    }
    /// A logarithmic axis that fits the data.
    pub fn log(label: impl Into<String>) -> Self {
        Axis { label: label.into(), scale: Scale::Log, ..Axis::default() }
    }
    /// With a unit.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }
    /// With fixed ends.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
    /// With a diverging colour scale that turns at `center`.
    pub fn around(mut self, center: f64) -> Self {
        self.center = Some(center);
        self
    }
}

/// The role that decides a mark's colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ink {
    /// The n-th categorical colour (0 = the method, 1 = the baseline, by custom); the palette has eight and repeats.
    Series(u8),
    /// A place in 0..=1 on the sequential colour map, for ordered things (epochs, layers).
    Ramp(f32),
    /// Context that should stand back: references, bounds, thresholds.
    Muted,
    /// The colour of text.
    Text,
}

/// Marks on two axes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn, first at the bottom.
    pub marks: Vec<Mark>,
    /// A unit has the same length on both axes.
    pub equal: bool,
    /// A point that can be dragged, with a name.
    pub handle: Option<Handle>,
}

/// A named point that the reader can drag; the experiment's `pointer` turns its new place into new controls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handle {
    /// What it is.
    pub name: String,
    /// Where it is, in the view's axes.
    pub at: (f64, f64),
}

/// One thing drawn on a [`Chart`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Mark {
    /// A line through `(x[i], y[i])`; a NaN breaks it. `name` "" stays out of the legend.
    Line { name: String, ink: Ink, x: Vec<f64>, y: Vec<f64>, dashed: bool },
    /// A line whose colour runs along the sequential map with `shade` (0..=1, one a point): a path in time.
    Trail { name: String, x: Vec<f64>, y: Vec<f64>, shade: Vec<f32> },
    /// Dots of `size` CSS pixels across.
    Points { name: String, ink: Ink, x: Vec<f64>, y: Vec<f64>, size: f64 },
    /// Bars from `edges[i]` to `edges[i + 1]` of height `y[i]` (a histogram).
    Histogram { name: String, ink: Ink, edges: Vec<f64>, y: Vec<f64> },
    /// One bar a label, side by side with the other `Bars` marks of the chart; the x axis shows the labels.
    Bars { name: String, ink: Ink, labels: Vec<String>, y: Vec<f64> },
    /// The area between `low` and `high`.
    Band { name: String, ink: Ink, x: Vec<f64>, low: Vec<f64>, high: Vec<f64> },
    /// A straight line across the chart at `at` on the x axis (`vertical`) or y axis, with a label at its end.
    Rule { label: String, vertical: bool, at: f64 },
    /// A shaded stretch of the x axis with a label at its top.
    Span { label: String, from: f64, to: f64 },
    /// A word at a place.
    Label { text: String, at: (f64, f64), ink: Ink },
    /// An arrow.
    Arrow { ink: Ink, from: (f64, f64), to: (f64, f64) },
}

/// A method among others: its name and its colour, the same in every picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series {
    /// Name in legends.
    pub name: &'static str,
    /// Colour.
    pub ink: Ink,
}

/// Names methods and gives each a colour of the palette: `series!["plain" 1, "lower control" 0]`.
#[macro_export]
macro_rules! series {
    ($($name:literal $colour:literal),+ $(,)?) => {
        [$($crate::view::Series { name: $name, ink: $crate::view::Ink::Series($colour) }),+]
    };
}

/// Charts are put together mark by mark, the first at the bottom. Points are anything that gives pairs.
impl Chart {
    /// An empty chart.
    pub fn of(x: Axis, y: Axis) -> Self {
        Chart { x, y, ..Chart::default() }
    }
    /// A unit gets the same length on both axes.
    pub fn equal(mut self) -> Self {
        self.equal = true;
        self
    }
    /// One mark more, on top.
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }
    /// More marks, on top.
    pub fn marks(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.marks.extend(marks);
        self
    }
    /// A solid line.
    pub fn line(self, name: impl Into<String>, ink: Ink, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (x, y) = points.into_iter().unzip();
        self.mark(Mark::line(name, ink, x, y))
    }
    /// A dashed line.
    pub fn dashed(self, name: impl Into<String>, ink: Ink, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (x, y) = points.into_iter().unzip();
        self.mark(Mark::dashed(name, ink, x, y))
    }
    /// Dots of `size` CSS pixels across.
    pub fn dots(self, name: impl Into<String>, ink: Ink, size: f64, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (x, y) = points.into_iter().unzip();
        self.mark(Mark::points(name, ink, x, y, size))
    }
    /// A line for each method, the first at the bottom.
    pub fn lines<P: IntoIterator<Item = (f64, f64)>>(self, methods: &[Series], points: impl Fn(usize) -> P) -> Self {
        methods.iter().enumerate().fold(self, |chart, (k, method)| chart.line(method.name, method.ink, points(k)))
    }
    /// The area between two curves, from triples (x, low, high).
    pub fn band(self, name: impl Into<String>, ink: Ink, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let (mut x, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
        for (at, from, to) in points {
            x.push(at);
            low.push(from);
            high.push(to);
        }
        self.mark(Mark::Band { name: name.into(), ink, x, low, high })
    }
    /// A bar a label, side by side with other bars.
    pub fn bars<L: Into<String>>(self, name: impl Into<String>, ink: Ink, bars: impl IntoIterator<Item = (L, f64)>) -> Self {
        let (labels, y) = bars.into_iter().map(|(label, y)| (label.into(), y)).unzip();
        self.mark(Mark::Bars { name: name.into(), ink, labels, y })
    }
    /// Bars of height `y[i]` from `edges[i]` to `edges[i + 1]`.
    pub fn histogram(self, name: impl Into<String>, ink: Ink, (edges, y): (Vec<f64>, Vec<f64>)) -> Self {
        self.mark(Mark::Histogram { name: name.into(), ink, edges, y })
    }
    /// A vertical rule; none at NaN.
    pub fn at_x(self, label: impl Into<String>, at: f64) -> Self {
        if at.is_nan() { self } else { self.mark(Mark::at_x(label, at)) }
    }
    /// A horizontal rule; none at NaN.
    pub fn at_y(self, label: impl Into<String>, at: f64) -> Self {
        if at.is_nan() { self } else { self.mark(Mark::at_y(label, at)) }
    }
    /// A shaded stretch of the x axis.
    pub fn span(self, label: impl Into<String>, from: f64, to: f64) -> Self {
        self.mark(Mark::Span { label: label.into(), from, to })
    }
    /// A word at a place.
    pub fn label(self, text: impl Into<String>, at: (f64, f64), ink: Ink) -> Self {
        self.mark(Mark::Label { text: text.into(), at, ink })
    }
    /// An arrow.
    pub fn arrow(self, ink: Ink, from: (f64, f64), to: (f64, f64)) -> Self {
        self.mark(Mark::Arrow { ink, from, to })
    }
    /// The names of what is drawn.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().map(Mark::name).filter(|name| !name.is_empty())
    }
    /// The same chart with what is called `name` as it is, and everything else of a colour of its own standing back.
    pub fn lit(&self, name: &str) -> Chart {
        let mut chart = self.clone();
        for mark in chart.marks.iter_mut().filter(|mark| mark.name() != name) {
            if let Some(ink) = mark.ink() {
                *ink = Ink::Muted;
            }
        }
        chart
    }
    /// A point that can be dragged.
    pub fn handle(mut self, name: impl Into<String>, at: (f64, f64)) -> Self {
        self.handle = Some(Handle { name: name.into(), at });
        self
    }
}

impl Mark {
    /// What it is called in the legend, or "".
    pub fn name(&self) -> &str {
        match self {
            Mark::Line { name, .. }
            | Mark::Trail { name, .. }
            | Mark::Points { name, .. }
            | Mark::Histogram { name, .. }
            | Mark::Bars { name, .. }
            | Mark::Band { name, .. } => name,
            Mark::Rule { .. } | Mark::Span { .. } | Mark::Label { .. } | Mark::Arrow { .. } => "",
        }
    }
    /// What decides its colour, where it has one of its own.
    fn ink(&mut self) -> Option<&mut Ink> {
        match self {
            Mark::Line { ink, .. }
            | Mark::Points { ink, .. }
            | Mark::Histogram { ink, .. }
            | Mark::Bars { ink, .. }
            | Mark::Band { ink, .. }
            | Mark::Label { ink, .. }
            | Mark::Arrow { ink, .. } => Some(ink),
            Mark::Trail { .. } | Mark::Rule { .. } | Mark::Span { .. } => None,
        }
    }
    /// A solid line.
    pub fn line(name: impl Into<String>, ink: Ink, x: Vec<f64>, y: Vec<f64>) -> Self {
        Mark::Line { name: name.into(), ink, x, y, dashed: false }
    }
    /// A dashed line.
    pub fn dashed(name: impl Into<String>, ink: Ink, x: Vec<f64>, y: Vec<f64>) -> Self {
        Mark::Line { name: name.into(), ink, x, y, dashed: true }
    }
    /// Dots.
    pub fn points(name: impl Into<String>, ink: Ink, x: Vec<f64>, y: Vec<f64>, size: f64) -> Self {
        Mark::Points { name: name.into(), ink, x, y, size }
    }
    /// A vertical rule.
    pub fn at_x(label: impl Into<String>, at: f64) -> Self {
        Mark::Rule { label: label.into(), vertical: true, at }
    }
    /// A horizontal rule.
    pub fn at_y(label: impl Into<String>, at: f64) -> Self {
        Mark::Rule { label: label.into(), vertical: false, at }
    }
}

/// Values over a rectangle of the plane; cells are equal in the axes' scales.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeatMap {
    /// Horizontal axis; `range` is the extent of the cells and must be given.
    pub x: Axis,
    /// Vertical axis; `range` must be given.
    pub y: Axis,
    /// The colour scale.
    pub value: Axis,
    /// Number of cells along x.
    pub columns: usize,
    /// `columns * rows` values, the first row at the bottom (smallest y).
    pub values: Vec<f32>,
    /// How many contour lines; 0 for none.
    pub contours: usize,
    /// Paths over the map.
    pub paths: Vec<Path>,
    /// A draggable start.
    pub handle: Option<Handle>,
}

/// A path over a heat map or a field, lifted onto a surface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Name in the legend.
    pub name: String,
    /// Colour.
    pub ink: Ink,
    /// Places along x.
    pub x: Vec<f64>,
    /// Places along y.
    pub y: Vec<f64>,
}

/// A matrix, row 0 at the top.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// What rows are.
    pub row: String,
    /// What columns are.
    pub column: String,
    /// The colour scale.
    pub value: Axis,
    /// Number of columns.
    pub columns: usize,
    /// Entries, row by row.
    pub values: Vec<f32>,
    /// Names of the rows and columns (both or neither), for small matrices.
    pub names: Vec<String>,
    /// Entries to outline, as indices into `values`.
    pub outlined: Vec<u32>,
}

/// Points, segments and arrows in three dimensions. With every z = 0 it is drawn flat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// What the three directions are.
    pub axes: [String; 3],
    /// Groups of points.
    pub clouds: Vec<Cloud>,
    /// Lines between places.
    pub segments: Vec<Segment>,
    /// Half the side of the cube that is shown; fixed so that an animation does not zoom.
    pub reach: f32,
}

/// A group of points in space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cloud {
    /// Name in the legend.
    pub name: String,
    /// Colour.
    pub ink: Ink,
    /// Places.
    pub at: Vec<[f32; 3]>,
    /// Size in CSS pixels across.
    pub size: f32,
}

/// A line in space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Start.
    pub from: [f32; 3],
    /// End.
    pub to: [f32; 3],
    /// Colour.
    pub ink: Ink,
    /// Dashed.
    pub dashed: bool,
    /// With an arrow head at `to`.
    pub arrow: bool,
}

/// Nodes and edges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Nodes at places in the unit square.
    pub nodes: Vec<Node>,
    /// Edges between nodes.
    pub edges: Vec<Edge>,
}

/// A node of a [`Graph`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Place, both coordinates in 0..=1.
    pub at: (f32, f32),
    /// Label, or "".
    pub label: String,
    /// Colour.
    pub ink: Ink,
    /// Size in CSS pixels across.
    pub size: f32,
}

/// An edge of a [`Graph`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Index of the first node.
    pub from: u32,
    /// Index of the second node.
    pub to: u32,
    /// Weight; the line's width goes with it, 1 being the widest.
    pub weight: f32,
    /// With an arrow head.
    pub directed: bool,
}

/// Small pictures of one size, row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Images {
    /// Pixels across one picture.
    pub width: usize,
    /// Pixels down one picture.
    pub height: usize,
    /// 1 (grey, 255 the ink) or 3 (RGB).
    pub channels: usize,
    /// Pictures a row.
    pub columns: usize,
    /// All pictures' pixels.
    pub pixels: Vec<u8>,
    /// A caption a picture, or none at all.
    pub captions: Vec<String>,
}

/// Arrows on a plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Where the arrows start.
    pub at: Vec<(f64, f64)>,
    /// Their vectors; the longest is drawn to fit the spacing.
    pub vectors: Vec<(f64, f64)>,
    /// Paths through the field.
    pub paths: Vec<Path>,
}

/// Rows of text and numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Column heads.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a [`Table`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, set to four significant digits.
    Number(f64),
}

impl View {
    /// Instead of a picture, why there is none.
    pub fn nothing(why: impl Into<String>) -> View {
        View::Table(Table { columns: vec!["nothing to show".into()], rows: vec![vec![Cell::Text(why.into())]] })
    }

    /// The view as bytes: what crosses from worker to page and goes into a run's hash.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a view always encodes")
    }

    /// The view that `bytes` encode, if they do.
    pub fn decode(bytes: &[u8]) -> crate::Result<View> {
        postcard::from_bytes(bytes).map_err(|e| crate::Error::new(format!("not an encoded view: {e}")))
    }
}
