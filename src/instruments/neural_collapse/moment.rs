//! One moment of a collapse: what is measured of it, and what there is to see.

use methods::neural_collapse::projection::Projection;
use methods::neural_collapse::training::{Epoch, Tested};
use methods::neural_collapse::{Classifier, Collapse, Further, Layer, Means};
use nalgebra::DMatrix;

/// Features of a class that are shown.
const SHOWN: usize = 40;
/// Bins of a histogram of cosines.
pub(super) const BINS: usize = 40;

/// What was measured at one moment.
pub(super) struct Row {
    pub at: f64,
    pub error: f64,
    pub layers: Vec<Layer>,
    pub collapse: Collapse,
    pub further: Further,
    pub test: Option<Tested>,
}

/// What there is to see of the last moment. Lengths are in units of the centred means' root mean square.
pub(super) struct Present {
    /// Where from.
    pub projection: Projection,
    /// Centred means (d×K), and the classifier's rows, one a column, as long all in all.
    pub centred: DMatrix<f64>,
    pub rows: Option<DMatrix<f64>>,
    /// The nearest simplex, in the directions of the picture (3×K).
    pub simplex: DMatrix<f64>,
    /// Some features of every class around h_G, in the same directions.
    pub features: Vec<Vec<[f32; 3]>>,
    /// How many pairs of features of different classes have a cosine in each fortieth of −1..=1.
    pub angles: [u32; BINS],
}

/// Features with everything that is told by them.
pub(super) struct Moment<'a> {
    pub h: &'a DMatrix<f64>,
    pub labels: &'a [u8],
    pub means: Means,
    pub classifier: Option<Classifier>,
}

impl Row {
    /// What was measured of a network.
    pub fn of(epoch: &Epoch) -> Row {
        Row {
            at: epoch.epoch as f64,
            error: epoch.error,
            layers: epoch.layers.clone(),
            collapse: epoch.collapse,
            further: epoch.further,
            test: epoch.test.clone(),
        }
    }
}

impl<'a> Moment<'a> {
    /// Of features (d×N) in so many classes.
    pub fn of(h: &'a DMatrix<f64>, labels: &'a [u8], classes: usize, classifier: Option<Classifier>) -> Self {
        Moment { h, labels, means: Means::of(h, labels, classes), classifier }
    }

    /// What is measured of it after so many epochs.
    pub fn row(&self, epoch: usize) -> Row {
        let Moment { h, labels, means, classifier } = self;
        let error = classifier.as_ref().map_or(f64::NAN, |classifier| classifier.error(h, labels));
        let (collapse, further) = match classifier {
            Some(classifier) => (Collapse::of(h, labels, means, classifier), Further::of(h, labels, means, classifier)),
            None => (Collapse::of_features(h, labels, means), Further::of_features(h, means)),
        };
        Row { at: epoch as f64, error, layers: vec![collapse.into()], collapse, further, test: None }
    }
}

impl Present {
    /// Seen from directions of its own, if not from given ones.
    pub fn of(moment: &Moment, from: Option<Projection>) -> Self {
        let Moment { h, labels, means, classifier } = moment;
        let projection = from.unwrap_or_else(|| Projection::of(&means.centred));
        let k = means.centred.ncols();
        let unit = Some(means.centred.norm() / (k as f64).sqrt()).filter(|unit| *unit > 0.0).unwrap_or(1.0);
        let centred = &means.centred / unit;
        let rows = classifier.as_ref().map(|classifier| {
            let rows = classifier.centred();
            let length = Some(rows.norm()).filter(|length| *length > 0.0).unwrap_or(1.0);
            rows * ((k as f64).sqrt() / length)
        });
        let (mut features, mut around) = (vec![Vec::new(); k], Vec::new());
        for (feature, label) in h.column_iter().zip(*labels) {
            let class = usize::from(*label);
            if features[class].len() < SHOWN {
                let vector = (feature - &means.global) / unit;
                features[class].push(projection.place(vector.iter().copied()).map(|p| p as f32));
                // As many pairs as can be told apart in a histogram.
                if features[class].len() <= (120 / k).max(2) {
                    around.push((class, vector.normalize()));
                }
            }
        }
        let mut angles = [0; BINS];
        for (i, (class, one)) in around.iter().enumerate() {
            for (_, other) in around[..i].iter().filter(|(c, _)| c != class) {
                let cosine = one.dot(other);
                if cosine.is_finite() {
                    angles[(((cosine + 1.0) * 0.5 * BINS as f64) as usize).min(BINS - 1)] += 1;
                }
            }
        }
        Present { simplex: projection.nearest(&centred), projection, centred, rows, features, angles }
    }
}
