//! What is shown in motion: features, their means and the classifier over time.

use methods::neural_collapse::models::{CentralPath, FeaturesModel};
use methods::neural_collapse::projection::Projection;
use methods::neural_collapse::training::{Moment, Training};
use methods::neural_collapse::{Classifier, Collapse, Means, cosines};
use nalgebra::DMatrix;
use run::prelude::*;

/// Mean squared feature length below which features have vanished, and metrics are 0/0.
const VANISHED: f64 = 1e-8;

/// Features, means and classifier over time, as they are shown.
pub struct Film {
    /// What time counts.
    pub clock: &'static str,
    pub shots: Vec<Shot>,
    pub shown: usize,
    /// Nothing more is shot.
    pub is_cut: bool,
    /// The directions they are seen in.
    projection: Option<Projection>,
}

/// One moment.
pub struct Shot {
    pub at: f64,
    /// `None` where the features have vanished.
    pub collapse: Option<Collapse>,
    means: Means,
    /// The classifier's rows, one a column.
    rows: DMatrix<f64>,
    /// Some features, class by class.
    features: Vec<f32>,
}

impl Film {
    /// Features of a class that are shown.
    const PER_CLASS: usize = 30;

    pub fn new(clock: &'static str) -> Self {
        Film { clock, shots: Vec::new(), shown: 0, is_cut: false, projection: None }
    }

    /// A shot of the features `h`, which are ordered by class.
    fn shoot(&mut self, at: f64, h: &DMatrix<f64>, means: Means, collapse: Collapse, classifier: &Classifier) {
        let there = h.norm_squared() / h.ncols() as f64 > VANISHED && collapse.variability.traces.is_finite();
        let n = h.ncols() / means.centred.ncols();
        let kept = h.column_iter().enumerate().filter(|(i, _)| i % n < Self::PER_CLASS);
        let features = kept.flat_map(|(_, feature)| feature.iter().map(|v| *v as f32).collect::<Vec<_>>()).collect();
        self.shots.push(Shot { at, collapse: there.then_some(collapse), rows: classifier.centred(), means, features });
        if self.projection.is_none() {
            self.turn();
        }
    }

    /// A shot of a model without a bias.
    pub fn shoot_model(&mut self, at: f64, h: &DMatrix<f64>, w: DMatrix<f64>, model: &FeaturesModel) {
        let (labels, classifier) = (model.labels(), Classifier { w, bias: None });
        let means = Means::of(h, &labels, model.classes);
        let collapse = Collapse::of(h, &labels, &means, &classifier);
        self.shoot(at, h, means, collapse, &classifier);
    }

    /// A shot of where a path is.
    pub fn shoot_path(&mut self, path: &CentralPath) {
        self.shoot_model(path.time, &path.h, path.model.classifier(&path.h), &path.model);
    }

    /// A shot of a network that has just been measured, which is shown at once.
    pub fn shoot_network(&mut self, training: &Training, moment: Moment) {
        let log = &training.log[training.log.len() - 1];
        self.shoot(log.epoch as f64, &moment.features, moment.means, log.collapse, &moment.classifier);
        self.shown = self.shots.len() - 1;
        // The directions of the end are not known yet; new ones are taken rarely, so that the picture does not spin.
        if self.shots.len().is_power_of_two() {
            self.turn();
        }
    }

    /// All shots are taken: they are shown from the first on, in the directions of the end.
    pub fn cut(&mut self) {
        self.turn();
        self.shown = 0;
        self.is_cut = true;
    }

    /// Looks in the directions of the last shot, or of the first if the features vanish.
    fn turn(&mut self) {
        let shots = [self.shots.last(), self.shots.first()];
        let seen = shots.into_iter().flatten().find(|shot| shot.collapse.is_some());
        self.projection = seen.map(|shot| Projection::of(&shot.means.centred));
    }

    /// The shot that is shown.
    pub fn now(&self) -> Option<&Shot> {
        self.shots.get(self.shown)
    }

    pub fn space(&self) -> Space {
        let (Some(shot), Some(projection)) = (self.now(), &self.projection) else { return Space::default() };
        let (d, k) = shot.means.centred.shape();
        let place = |v: &[f64]| projection.place(v.iter().copied()).map(|p| p as f32);
        let vertex = |k: usize| [0, 1, 2].map(|j| projection.simplex[(j, k)] as f32);
        let centre = place(shot.means.global.as_slice());
        let means: Vec<[f32; 3]> = shot.means.centred.column_iter().map(|m| place(m.into_owned().as_slice())).collect();
        let around = |feature: &[f32]| {
            let p = projection.place(feature.iter().map(|v| f64::from(*v))).map(|p| p as f32);
            [p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]]
        };
        let of_class = shot.features.chunks_exact(shot.features.len() / k).enumerate();
        let mut clouds: Vec<Cloud> = of_class
            .map(|(class, features)| {
                let at = features.chunks_exact(d).map(around).collect();
                Cloud { name: class.to_string(), ink: ink(class), at, size: 4.0 }
            })
            .collect();
        clouds.extend((0..k).map(|class| Cloud { name: String::new(), ink: ink(class), at: vec![means[class]], size: 12.0 }));

        // Rows as long as means, all in all: then they are the same arrows exactly where NC3 is 0.
        let scale = shot.means.centred.norm() / shot.rows.norm();
        // Features that vanish go to no simplex.
        let there = self.shots.last().is_some_and(|shot| shot.collapse.is_some());
        let line = |from, to, ink, dashed, arrow| Segment { from, to, ink, dashed, arrow };
        let mut segments = Vec::new();
        for i in 0..k {
            for j in 0..i {
                segments.push(line(means[i], means[j], Ink::Muted, false, false));
                if there && k <= 4 {
                    segments.push(line(vertex(i), vertex(j), Ink::Text, true, false));
                }
            }
            // More than four vertices do not fit into space; then dashes lead from each mean to its own.
            if there && k > 4 {
                segments.push(line(means[i], vertex(i), Ink::Text, true, false));
            }
            if scale.is_finite() && scale > 0.0 {
                segments.push(line([0.0; 3], place((shot.rows.column(i) * scale).as_slice()), ink(i), false, true));
            }
        }
        let axes = ["direction 1", "direction 2", "direction 3"].map(String::from);
        Space { axes, clouds, segments, reach: (1.25 * projection.simplex.abs().max()) as f32 }
    }

    /// Every metric over time.
    pub fn metrics(&self) -> Chart {
        let line = |(name, ink, dashed, part): &Line| {
            // Two classes are always a simplex; what rounding leaves of that is no line.
            let number = |c: &Collapse| Some(part(c)).filter(|v| *v > 1e-14 || *name == "NC1" || *name == "NC1~");
            let y = self.shots.iter().map(|s| s.collapse.as_ref().and_then(number).unwrap_or(f64::NAN)).collect();
            let x = self.shots.iter().map(|s| s.at).collect();
            Mark::Line { name: (*name).into(), ink: *ink, x, y, dashed: *dashed }
        };
        let mut y = Axis::log("distance from collapse");
        let lowest = self.shots.iter().filter_map(|s| s.collapse).fold(1.0, |least: f64, c| least.min(c.variability.nc1));
        if lowest < 1e-16 {
            // What is exact up to rounding leaves the picture.
            y = y.range(1e-16, 10.0);
        }
        let now = self.now().filter(|_| self.shown + 1 < self.shots.len());
        let gone = self.shots.iter().find(|shot| shot.collapse.is_none());
        let at = |shot: Option<&Shot>| shot.map_or(f64::NAN, |shot| shot.at);
        Chart::of(Axis::linear(self.clock), y)
            .marks(LINES.iter().map(line))
            .at_x("", at(now))
            .at_x("features have vanished", at(gone))
    }

    /// Every metric of every shot that has any.
    pub fn table(&self) -> Array {
        let rows = self.shots.iter().filter_map(|shot| Some((shot.at, shot.collapse.as_ref()?)));
        let rows = rows.map(|(at, collapse)| std::array::from_fn(|i| if i == 0 { at } else { (LINES[i - 1].3)(collapse) }));
        Array::table("metrics", COLUMNS, rows)
    }

    pub fn cosines(&self) -> Matrix {
        let Some(shot) = self.now() else { return Matrix::default() };
        let classes = shot.means.centred.ncols();
        let apart = -1.0 / (classes as f64 - 1.0);
        // From −1, the least a cosine can be, to as far above; the diagonal is off the scale.
        let half = (1.0 + apart).max(0.5);
        let values = match shot.collapse {
            Some(_) => cosines(&shot.means.centred).iter().map(|v| *v as f32).collect(),
            None => vec![f32::NAN; classes * classes],
        };
        Matrix {
            row: "class".into(),
            column: "class".into(),
            value: Axis::linear("cosine of class means").range(apart - half, apart + half).around(apart),
            columns: classes,
            values,
            names: (0..classes).map(|class| class.to_string()).collect(),
            outlined: Vec::new(),
        }
    }
}

/// Name, colour, dashes, and which number of a shot.
type Line = (&'static str, Ink, bool, fn(&Collapse) -> f64);

const LINES: [Line; 10] = [
    ("NC1", Ink::Series(1), false, |c| c.variability.nc1),
    ("NC1~", Ink::Series(0), false, |c| c.variability.traces),
    ("NC2 equinorm", Ink::Series(2), false, |c| c.means.equinorm),
    ("of W", Ink::Series(2), true, |c| c.classifier.equinorm),
    ("NC2 equiangle", Ink::Series(3), false, |c| c.means.equiangle),
    ("of W", Ink::Series(3), true, |c| c.classifier.equiangle),
    ("NC2 max angle", Ink::Series(4), false, |c| c.means.max_angle),
    ("of W", Ink::Series(4), true, |c| c.classifier.max_angle),
    ("NC3", Ink::Series(5), false, |c| c.self_duality),
    ("NC4", Ink::Series(6), false, |c| c.mismatch),
];

/// Heads of the table: time, then [`LINES`].
const COLUMNS: [&str; 1 + LINES.len()] =
    ["time", "nc1", "nc1_traces", "equinorm", "equinorm_w", "equiangle", "equiangle_w", "max_angle", "max_angle_w", "nc3", "nc4"];

/// The colour of a class: eight hues, then grey and black.
fn ink(class: usize) -> Ink {
    [Ink::Muted, Ink::Text].get(class.wrapping_sub(8)).copied().unwrap_or(Ink::Series(class as u8))
}
