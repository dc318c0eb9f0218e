//! Neural collapse, on networks of many kinds and on the reader's own features.
//!
//! Paper: Papyan, Han & Donoho 2020. Past zero training error the last hidden layer's features h of each class fall onto their mean
//! h̄_k (NC1), the means around their own mean h_G become a simplex (NC2), the classifier's rows become the means up to scale (NC3),
//! and the classifier decides as the nearest mean does (NC4).
//! Claim: between the first moment without a training error and the end, NC1~ = Tr Σ_W/Tr Σ_B falls to half or less and NC3 falls too.
//! Beside the networks: features that are free, where the end is known in closed form, or tied to given ones.

mod controls;
mod map;
mod moment;
mod pictures;
mod problem;
#[cfg(test)]
mod tests;

pub use controls::{Controls, Data, Model, Rate};
use map::Map;
use methods::neural_collapse::free::{Descent, Problem};
use methods::neural_collapse::training::{Slice, Tested, Training};
use methods::neural_collapse::{Classifier, Layer, cosines};
use moment::{Moment, Present, Row};
use nalgebra::DVector;
use run::data::features::Features;
use run::prelude::*;
use std::rc::Rc;

run::instrument!(NeuralCollapse);

/// Steps an epoch of free features.
const STEPS: usize = 10;
/// Measurements of a training.
const MEASUREMENTS: usize = 100;
/// The largest of the reader's numbers: squares of them are added up.
const LARGEST: f64 = 1e100;
/// The share of NC1 and of NC3 that may be left.
const LEFT: f64 = 0.5;

/// What is watched.
enum Subject {
    Network(Box<Training>),
    Free(Box<Descent>),
    Own(Rc<Features>),
}

/// A run.
pub struct NeuralCollapse {
    controls: Controls,
    subject: Subject,
    /// What the classes are called.
    classes: Vec<String>,
    log: Vec<Row>,
    present: Option<Present>,
    map: Map,
}

impl NeuralCollapse {
    /// A network is trained, and looked at now and then.
    async fn train(mut self: Box<Self>, stage: &Stage<Self>) -> Result<Box<Self>> {
        loop {
            let Subject::Network(training) = &mut self.subject else { return Ok(self) };
            let epoch = training.epoch();
            match training.advance() {
                Slice::Going if training.epoch() > epoch => self = stage.next(self).await,
                Slice::Going => self = stage.part(self).await,
                Slice::Over => return Ok(self),
                Slice::Measured(moment) => {
                    let row = Row::of(training.log.last().expect("it has just been measured"));
                    let labels = training.task.y.clone();
                    let means = moment.means;
                    let seen = Moment { h: &moment.features, labels: &labels, means, classifier: Some(moment.classifier) };
                    self.take(row, &seen)?;
                    self = stage.part(self).await;
                }
            }
        }
    }

    /// Free features and the classifier above them go downhill.
    async fn descend(mut self: Box<Self>, stage: &Stage<Self>) -> Result<Box<Self>> {
        let epochs = self.controls.epochs;
        let (factor, due) = (self.controls.factor(), Every::of(MEASUREMENTS, epochs));
        for epoch in 0..=epochs {
            if due.due(epoch) {
                let Subject::Free(descent) = &self.subject else { return Ok(self) };
                let (h, labels, classifier) = (descent.features(), descent.labels().to_vec(), descent.classifier());
                let moment = Moment::of(&h, &labels, descent.problem.classes(), Some(classifier));
                self.take(moment.row(epoch), &moment)?;
            }
            if epoch == epochs {
                break;
            }
            for _ in 0..STEPS {
                let Subject::Free(descent) = &mut self.subject else { return Ok(self) };
                descent.step(self.controls.rate * factor(descent.steps, epochs * STEPS));
                self = stage.part(self).await;
            }
            self = stage.next(self).await;
        }
        Ok(self)
    }

    /// The reader's own features, epoch by epoch.
    async fn read(mut self: Box<Self>, stage: &Stage<Self>) -> Result<Box<Self>> {
        for epoch in 0..=self.epochs() {
            let Subject::Own(features) = &self.subject else { return Ok(self) };
            let features = features.clone();
            let (h, classifier) = (features.at(epoch), features.classifier(epoch));
            // The paper's NC2 and NC3 are of W as it is; no bias is a bias of 0.
            let classifier = classifier.map(|Classifier { w, bias }| {
                let bias = bias.unwrap_or_else(|| DVector::zeros(w.nrows()));
                Classifier { w, bias: Some(bias) }
            });
            let weights = classifier.iter().flat_map(|classifier| classifier.w.iter());
            if let Some(large) = h.iter().chain(weights).find(|v| v.is_nan() || v.abs() > LARGEST) {
                return Err(Error::new(format!(
                    "epoch {epoch}: {large:e} among features and weights; their squares are measured, and values within ±{LARGEST:e} would be right"
                )));
            }
            let moment = Moment::of(h, &features.labels, features.classes.len(), classifier);
            self.take(moment.row(epoch), &moment)?;
            self = if epoch == 0 { stage.part(self).await } else { stage.next(self).await };
        }
        Ok(self)
    }

    /// Takes in a moment, whose row says all but what is seen.
    fn take(&mut self, row: Row, moment: &Moment) -> Result<()> {
        let measurable = row.collapse.variability.traces.is_finite() && row.collapse.self_duality.is_finite();
        // The reader's own numbers are what they are.
        if !measurable && !matches!(self.subject, Subject::Own(_)) {
            return Err(Error::new(format!(
                "control rate: features or classifier are 0 or no longer finite at epoch {}; a smaller learning rate than {}, or less decay, would be right",
                row.at, self.controls.rate
            )));
        }
        self.log.push(row);
        // New directions are taken rarely, so that the picture does not spin, and at the end.
        let turns = self.log.len().is_power_of_two() || self.end().is_some();
        let kept = self.present.take().filter(|_| !turns).map(|present| present.projection);
        self.present = Some(Present::of(moment, kept));
        Ok(())
    }

    /// The first moment without a training error; not for the reader's own features.
    fn zero_error(&self) -> Option<&Row> {
        self.log.iter().find(|row| row.error == 0.0)
    }

    /// The last moment, once it is the end.
    fn end(&self) -> Option<&Row> {
        self.log.last().filter(|row| row.at == self.epochs() as f64)
    }

    /// Epochs after the first moment.
    fn epochs(&self) -> usize {
        match &self.subject {
            Subject::Own(features) => features.epochs - 1,
            _ => self.controls.epochs,
        }
    }

    fn problem(&self) -> Option<&Problem> {
        match &self.subject {
            Subject::Free(descent) => Some(&descent.problem),
            _ => None,
        }
    }

    /// Mean cosine between the classifier's rows of the small classes; NaN where there are not two of them.
    fn minority_cosine(&self) -> f64 {
        let k = self.classes.len();
        let few = k / 2;
        match self.present.as_ref().and_then(|present| present.rows.as_ref()) {
            Some(rows) if self.controls.imbalance > 1.0 && few > 1 && self.problem().is_some() => {
                let cosines = cosines(rows);
                let pairs = (k - few..k).flat_map(|i| (k - few..i).map(move |j| (i, j)));
                pairs.map(|pair| cosines[pair]).sum::<f64>() / (few * (few - 1) / 2) as f64
            }
            _ => f64::NAN,
        }
    }
}

views! { NeuralCollapse, Controls:
    features "Features, means and classifier" "Small dots are samples, large dots class means, arrows classifier rows, dashes the nearest simplex. Turn it." => features;
    metrics "Distance from collapse" "Lower is nearer to collapse; the upright line marks the first moment without a training error." => distances;
    gram "Means and classifier" "A cell is the inner product of two class means, two classifier rows, or one of each." => gram;
    cosines "Angles" "Cosines between samples, means and rows of different classes; the upright line is the simplex's angle." => angles;
    depth "From layer to layer" "A group of bars is a layer; a taller bar means more spread within classes." => depth;
    layers "Means and answers, layer by layer" "Bars tell how unequal class means are (NC2), and how often the nearest one disagrees with the network (NC4)." => layers;
    map "Decay on features and on classifier" "A cell is a pair of decays: how much spread is left soon after a disturbance; lines are theory's." => decay_map;
    test "Training set and test set" "Solid lines are the training set, dashed ones the test set." => test_set;
    further "Margins, rank and shift" "Level lines mark where theory has the rank and the margin end." => further;
    numbers "All numbers" "A column is a moment, or theory's end; a row is a measure." => numbers;
}

impl Experiment for NeuralCollapse {
    const CARD: Card = Card {
        slug: "neural-collapse",
        title: "What happens after the last training error?",
        paper: Paper::new(
            "Prevalence of neural collapse during the terminal phase of deep learning training",
            "Vardan Papyan, X. Y. Han, David L. Donoho",
            2020,
        )
        .venue("PNAS 2020")
        .arxiv("2008.08186")
        .doi("10.1073/pnas.2015509117"),
        claim: "After the last training error, classes keep tightening and the classifier keeps turning towards the class means.",
        criterion: "From the first measured epoch without a training error to the end, the spread within classes NC1~ = Tr Σ_W/Tr Σ_B and the distance NC3 between classifier and class means each fall to half or less of what they were then, in each of three runs. It speaks of dense networks, and of free features without a tie, that learn classes of equal size with the squared error. A run that never gets rid of all its training errors is outside the claim, and so are features of your own.",
        figure: "share of NC1~ left since the first epoch without error",
        reproduction: Reproduction::InPart,
        honesty: "The paper trains large networks with cross-entropy; here small ones learn few classes with the squared error. Spread and classifier collapse, angles and lengths hardly get closer to the simplex after the last error, and with cross-entropy about half of the spread or more stays.",
        seeds: 3,
        unit: "epoch",
        presets: &[
            Preset::holds("default", "A dense network learns four digits: watch spread and classifier after the last error", &[]),
            Preset::gone(
                "break-it",
                "The pull of weight decay is taken away everywhere: watch classifier and means",
                &[("lambda_w", "0"), ("lambda_b", "0"), ("decay", "0")],
            ),
            Preset::open(
                "free features",
                "Only features and a classifier, no network below: compare with theory's end",
                &[("model", "free features"), ("lambda_h", "0.02"), ("lambda_w", "0.02"), ("rate", "0.5")],
            ),
            Preset::outside(
                "tied features",
                "Free features held near given ones: watch how far the spread falls",
                &[("model", "free features"), ("lambda_h", "0.02"), ("lambda_w", "0.02"), ("tie", "0.3"), ("rate", "0.5")],
            ),
            Preset::outside(
                "minority collapse",
                "Half of the classes have fifty times fewer samples: look at their directions",
                &[
                    ("model", "free features"),
                    ("lambda_h", "0.1"),
                    ("lambda_w", "0.1"),
                    ("imbalance", "50"),
                    ("loss", "cross-entropy"),
                    ("rate", "0.5"),
                ],
            ),
            Preset::outside(
                "cross-entropy",
                "The paper's loss instead of the squared error: watch the spread within classes",
                &[("loss", "cross-entropy")],
            ),
            Preset::outside(
                "smoothed labels",
                "Cross-entropy, a fifth of each target spread over all classes: watch the spread",
                &[("loss", "cross-entropy"), ("smoothing", "0.2")],
            ),
            Preset::open(
                "wrong labels",
                "A fifth of the labels is wrong, decay is weaker: watch the spread",
                &[("noise", "0.2"), ("epochs", "800"), ("lambda_w", "0.001"), ("lambda_b", "0.001"), ("decay", "0.001")],
            ),
            Preset::open(
                "ten digits",
                "Ten classes, of which space shows three directions: look at the angles",
                &[("classes", "10"), ("lambda_w", "0.001"), ("lambda_b", "0.001"), ("decay", "0.001")],
            ),
            Preset::outside(
                "gratings",
                "A convolutional network on textures that no single pixel tells apart: watch the spread",
                &[
                    ("model", "convolutional network"),
                    ("data", "gratings"),
                    ("per_class", "50"),
                    ("epochs", "60"),
                    ("batch", "25"),
                ],
            ),
        ],
        data: &[Dataset::Digits, Dataset::Mnist],
        own_data: Some(
            "Features (npy, npz, safetensors or csv, samples × dims) and labels, with classifier weights and bias if you have them (no bias is a bias of 0); a leading epoch axis gives the whole history.",
        ),
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, library: &Library) -> Result<Self> {
        let subject = if !library.own().is_empty() {
            Subject::Own(Rc::new(Features::own(library.own())?))
        } else if controls.model == Model::Free {
            Subject::Free(Box::new(controls.descent(seed)))
        } else {
            Subject::Network(Box::new(controls.training(seed, library)?))
        };
        let classes = match &subject {
            Subject::Own(features) => features.classes.iter().map(i64::to_string).collect(),
            _ => (0..controls.classes).map(|class| class.to_string()).collect(),
        };
        let map = Map::new(controls.classes, seed);
        Ok(NeuralCollapse { controls: controls.clone(), subject, classes, log: Vec::new(), present: None, map })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        // The map counts as one more.
        stage.span(0..self.epochs() + 1);
        // It is one of the three.
        self = self.train(&stage).await?;
        self = self.descend(&stage).await?;
        self = self.read(&stage).await?;
        stage.judged();
        self = self.fill_map(&stage).await;
        Ok(stage.next(self).await)
    }

    fn measures(&self) -> Measures {
        let (zero, end) = (self.zero_error(), self.end());
        let last = |part: fn(&Row) -> f64| end.map_or(f64::NAN, part);
        let since = |part: fn(&Row) -> f64| last(part) / zero.map_or(f64::NAN, part);
        let test = |part: fn(&Tested) -> f64| end.and_then(|row| row.test.as_ref()).map_or(f64::NAN, part);
        let minimum = self.problem().and_then(Problem::minimum);
        measures! {
            own: matches!(self.subject, Subject::Own(_)) as u8,
            means_alike: end.map_or(f64::NAN, |row| f64::from(u8::from(row.collapse.variability.traces.is_nan()))),
            zero_error_epoch: zero.map_or(f64::NAN, |row| row.at),
            nc1_ratio: since(|row| row.collapse.variability.traces),
            nc3_ratio: since(|row| row.collapse.self_duality),
            nc1: last(|row| row.collapse.variability.nc1), nc1_traces: last(|row| row.collapse.variability.traces),
            equinorm: last(|row| row.collapse.means.equinorm), equiangle: last(|row| row.collapse.means.equiangle),
            max_angle: last(|row| row.collapse.means.max_angle),
            equinorm_w: last(|row| row.collapse.classifier.equinorm), equiangle_w: last(|row| row.collapse.classifier.equiangle),
            max_angle_w: last(|row| row.collapse.classifier.max_angle),
            nc3: last(|row| row.collapse.self_duality), nc4: last(|row| row.collapse.mismatch),
            error: last(|row| row.error), test_error: test(|t| t.error), test_nc1_traces: test(|t| t.collapse.variability.traces),
            margin: last(|row| row.further.margin), least_margin: last(|row| row.further.least_margin),
            rank: last(|row| row.further.rank), shift: last(|row| row.further.shift),
            margin_theory: minimum.map_or(f64::NAN, |m| m.margin),
            minority_cosine: end.map_or(f64::NAN, |_| self.minority_cosine()),
            map_gap: if self.map.whole() { self.map.gap } else { f64::NAN },
        }
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        let number = |name| runs.mean(name);
        if number("own") > 0.0 {
            let told = [("nc1_traces", "NC1~ = "), ("max_angle", "distance from the simplex's angles "), ("nc3", "NC3 = ")];
            let told = told.map(|(name, words)| (words, number(name))).into_iter().filter(|(_, value)| value.is_finite());
            let mut told: Vec<String> = told.map(|(words, value)| format!("{words}{}", figures(value, 3))).collect();
            // Where there is no length, nothing can be divided by it.
            if number("means_alike") > 0.0 {
                told.push("all class means are one point, and NC1~ and the angles between them are 0/0".into());
            } else if number("means_alike") == 0.0 && number("max_angle").is_nan() {
                told.push("angles are 0/0, as a class mean is the mean of all".into());
            }
            let yours = if told.is_empty() { String::new() } else { format!("Your features: {}. ", told.join(", ")) };
            return Verdict::outside(format!("{yours}The claim is about our own runs."));
        }
        let about = controls.aside();
        if number("error").is_nan() {
            return about.map_or(Verdict::not_yet("Still in training."), Verdict::outside);
        }
        let without = runs.each("zero_error_epoch").filter(|epoch| epoch.is_nan()).count();
        if without > 0 {
            let begin = if runs.len() == 1 { "There".into() } else { format!("In {without} of {} runs there", runs.len()) };
            let mut text = format!(
                "{begin} was no moment without a training error (at the end {} wrong{}): no terminal phase to look at.",
                percent(number("error")),
                if runs.len() == 1 { "" } else { " on average" }
            );
            about.into_iter().for_each(|about| text += &format!(" {about}"));
            return Verdict::outside(text);
        }
        let (spread, dual) = (runs.most("nc1_ratio"), runs.most("nc3_ratio"));
        let text = format!(
            "Since the first epoch without a training error ({:.0} on average) at most {} of NC1~ is left and {} of NC3",
            number("zero_error_epoch"),
            percent(spread),
            percent(dual),
        );
        if let Some(about) = about {
            return Verdict::outside(format!("{text}. {about}"));
        }
        let text = format!("{text} (claim: half or less of each).");
        Verdict::at_most(spread, LEFT, text).needs(at_most(dual, LEFT))
    }

    fn sentence(&self) -> String {
        let Some(now) = self.log.last() else { return "Training has begun; nothing is measured yet.".into() };
        let numbers = [
            ("spread NC1~", now.collapse.variability.traces),
            ("angles NC2", now.collapse.means.max_angle),
            ("classifier NC3", now.collapse.self_duality),
        ];
        let known = |value: f64| value.is_finite();
        let mut told: Vec<String> = numbers
            .into_iter()
            .filter(|(_, value)| known(*value))
            .map(|(name, value)| format!("{name} {}", figure(value)))
            .collect();
        if known(now.collapse.mismatch) {
            told.push(format!("decisions NC4 {}", percent(now.collapse.mismatch)));
        }
        if told.is_empty() {
            return format!("Epoch {}: all class means are one point, and nothing can be measured against them.", now.at);
        }
        let of = if matches!(self.subject, Subject::Own(_)) { "" } else { "training " };
        let error = match self.zero_error() {
            Some(row) => format!("; the first epoch without {of}error was {}", row.at),
            None if known(now.error) => format!("; {} of the {of}samples are wrong", percent(now.error)),
            None => String::new(),
        };
        format!("Epoch {}: {}{error}.", now.at, told.join(", "))
    }

    fn understood(&self) -> Vec<String> {
        match &self.subject {
            Subject::Own(features) => features.understood.clone(),
            _ => Vec::new(),
        }
    }

    fn results(&self) -> Vec<Array> {
        let columns = pictures::NUMBERS.iter().map(|(name, _)| name.to_string());
        let columns: Vec<String> = ["at".to_string(), "training error".into()].into_iter().chain(columns).collect();
        let row = |row: &Row| {
            [row.at, row.error].into_iter().chain(pictures::NUMBERS.iter().map(|(_, part)| part(row))).collect::<Vec<f64>>()
        };
        let layers = self.log.first().map_or(0, |row| row.layers.len());
        let depth = |row: &Row| row.layers.iter().map(|l| l.variability.traces).collect::<Vec<f64>>();
        // Layer by layer, the training set's numbers, then the test set's.
        let whole = |row: &Row| {
            let numbers = |l: usize, layers: Option<&[Layer]>| {
                pictures::OF_LAYER.map(|(_, part)| layers.map_or(f64::NAN, |layers| part(&layers[l])))
            };
            let of = |l: usize| [numbers(l, Some(&row.layers)), numbers(l, row.test.as_ref().map(|t| &t.layers[..]))].concat();
            (0..layers).flat_map(of).collect::<Vec<f64>>()
        };
        let of_layer = |l: usize| {
            let name = move |set: &str, name: &str| format!("{set}layer {l} {name}");
            let all = |set: &'static str| pictures::OF_LAYER.map(|(number, _)| name(set, number));
            [all(""), all("test ")].concat()
        };
        let by_layer: Vec<String> = (1..=layers).flat_map(of_layer).collect();
        vec![
            Array {
                name: "metrics".into(),
                shape: vec![self.log.len(), columns.len()],
                values: self.log.iter().flat_map(row).collect(),
                columns,
            },
            Array {
                name: "nc1_traces_by_layer".into(),
                shape: vec![self.log.len(), layers],
                values: self.log.iter().flat_map(depth).collect(),
                columns: (1..=layers).map(|l| format!("layer {l}")).collect(),
            },
            Array {
                name: "collapse_by_layer".into(),
                shape: vec![self.log.len(), by_layer.len()],
                values: self.log.iter().flat_map(whole).collect(),
                columns: by_layer,
            },
        ]
    }
}
