//! Which of many variables matter? Mutual information finds what correlation cannot see.
//!
//! Paper: Yang, thesis, 2024, first manuscript. Every column x_j is scored by Î(x_j; y) = Σ f̂ ln(f̂ / f̂_x f̂_y), f̂ a kernel density on a grid
//! (bandwidth c n^(−1/6)) by fast Fourier transforms; the k best are kept. X is a Gaussian chain with correlation ½, and four columns act:
//! y = Σ g_j(x_j) + 2σε, the g_j even or wavy. Measured: d, the share of the four found by Î minus that found by |r|.

mod columns;

use libm::{exp, log, log2, sqrt};

use methods::information::continuous::{Grid, Variable, binned, equal_count_bins, standardised};
use methods::information::estimators::nearest_neighbours_seen;
use methods::statistics::{correlation, ranks};
use run::prelude::*;

use columns::{ACTIVE, Columns, effect};

controls! {
    /// What the reader can move.
    pub struct Controls {
        nonlinear "share of curved effects": Real(0.0, 1.0) = 1.0, "", "Of the four effects. At 0 all are straight lines, made for correlation; at 1 all go up and down again.";
        samples: LogCount(100, 2000) = 400, "n", "Measurements of each column. Few: chance looks like an effect. Many: even weak effects stand out.";
        noise: Real(0.0, 2.0) = 0.3, "σ", "Noise in the outcome, half its standard deviation. None: the four decide alone. Much: they drown.";
        bandwidth "kernel width": Log(0.3, 3.0) = 1.0, "c", "How far each point is smeared. Narrow: every column seems to say something. Wide: waves are smoothed away.";
        variables "columns": LogCount(100, 5000) = 500, "p", "How many there are to choose from. The more, the more often chance fools you.";
        kept "columns kept": LogCount(5, 200) = 20, "k", "How many of the best are kept. Few: a strict choice. Many: even a poor ranking has the four.";
        column "column shown": Count(0, 4999) = 100, "j", "Whose density is shown; a ring marks it among the scores, and can be dragged.";
        rank_first "ranks for values": Toggle() = false, "", "Off: values are laid on the grid. On: their ranks are, and nothing far out can stretch it.";
    }
}

/// Cells a side of the grid.
const CELLS: usize = 64;
/// Bins a side of the equal-count estimate, and neighbours of the other.
const BINS: usize = 8;
const NEIGHBOURS: usize = 3;
/// Columns up to which every score is shown, and the largest k of the recall curves.
const SHOWN: usize = 700;
const LARGEST_KEPT: usize = 200;

/// The estimates side by side; the first is the paper's.
const METHODS: [Series; 4] = series!["mutual information" 0, "|correlation|" 1, "8 × 8 bins" 2, "3 neighbours" 3];

/// The share of the active columns, by their places, among the `k` best.
fn recall(places: &[Option<usize>; ACTIVE], k: usize) -> f64 {
    places.iter().flatten().filter(|place| **place <= k).count() as f64 / ACTIVE as f64
}

/// The outcome in the form that each estimate wants.
struct Outcome {
    y: Vec<f64>,
    on_grid: Variable,
    shuffled: Variable,
    bins: Vec<usize>,
}

/// A column's density.
struct Density {
    /// Mean and standard deviation of the column and of the outcome.
    x: (f64, f64),
    y: (f64, f64),
    spans: [(f64, f64); 2],
    values: Vec<f32>,
}

/// A run: first the columns are drawn to make the outcome, then drawn again and scored.
pub struct InformationScreening {
    controls: Controls,
    seed: u64,
    grid: Grid,
    /// Of every column scored, in the order of [`METHODS`].
    scores: [Vec<f64>; METHODS.len()],
    /// Î of every column and the shuffled outcome.
    chance: Vec<f64>,
    /// Pairs that the neighbours' estimate has looked at.
    seen: usize,
    /// Of the column in the third picture.
    density: Option<Density>,
}

impl InformationScreening {
    fn active(&self) -> [usize; ACTIVE] {
        std::array::from_fn(|i| (i + 1) * (self.controls.variables / 5))
    }

    /// The column in the third picture.
    fn shown(&self) -> usize {
        self.controls.column.min(self.controls.variables - 1)
    }

    fn bandwidth(&self) -> f64 {
        self.controls.bandwidth * exp(-log(self.controls.samples as f64) / 6.0)
    }

    /// Values as they are laid on the grid.
    fn laid(&self, values: &[f64]) -> Variable {
        let values = if self.controls.rank_first { standardised(&ranks(values)) } else { standardised(values) };
        self.grid.variable(&values, self.bandwidth())
    }

    /// The density of a column and the outcome, per unit of area.
    fn look(&mut self, column: &[f64], outcome: &Outcome) -> Density {
        let x = self.laid(column);
        let values = self.grid.density(&x, &outcome.on_grid);
        let [across, up] = [&x, &outcome.on_grid].map(|v| (v.span.1 - v.span.0) / (CELLS - 1) as f64);
        let per_area = 1.0 / (across * up);
        let moments = |v: &[f64]| {
            let mean = v.iter().sum::<f64>() / v.len() as f64;
            (mean, (v.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / v.len() as f64).sqrt())
        };
        Density {
            x: moments(column),
            y: moments(&outcome.y),
            spans: [x.span, outcome.on_grid.span],
            values: values.iter().map(|f| (f * per_area) as f32).collect(),
        }
    }

    /// Scores a column.
    fn score(&mut self, x: &[f64], outcome: &Outcome) {
        let on_grid = self.laid(x);
        let (neighbours, seen) = nearest_neighbours_seen(x, 1, &outcome.y, 1, NEIGHBOURS);
        let scores = [
            self.grid.information(&on_grid, &outcome.on_grid),
            correlation(x, &outcome.y).abs(),
            binned(&equal_count_bins(x, BINS), &outcome.bins, BINS),
            neighbours,
        ];
        self.scores.iter_mut().zip(scores).for_each(|(all, score)| all.push(score));
        self.chance.push(self.grid.information(&on_grid, &outcome.shuffled));
        self.seen += seen;
    }

    /// The place of every active column in a method's order, 1 the best; none while it has not been scored.
    fn places(&self, method: usize) -> [Option<usize>; ACTIVE] {
        let scores = &self.scores[method];
        self.active().map(|j| {
            let own = *scores.get(j)?;
            Some(1 + scores.iter().enumerate().filter(|(i, score)| **score > own || (**score == own && *i < j)).count())
        })
    }

    /// The share of pairs of a column that acts and one that does not in which the former has the higher score, ties by half: the area
    /// under a method's ROC curve, which tells two orders apart where both keep all of the four, or few.
    fn area(&self, method: usize) -> f64 {
        let (scores, active) = (&self.scores[method], self.active());
        let above = |own: f64, other: f64| if own > other { 1.0 } else { f64::from(u8::from(own == other)) * 0.5 };
        let others = || scores.iter().enumerate().filter(|(i, _)| !active.contains(i));
        let won: f64 = active.iter().map(|j| others().map(|(_, other)| above(scores[*j], *other)).sum::<f64>()).sum();
        won / (ACTIVE * (scores.len() - ACTIVE)) as f64
    }

    /// The largest Î of a column and the shuffled outcome.
    fn most_by_chance(&self) -> f64 {
        self.chance.iter().fold(f64::NAN, |a, b| a.max(*b))
    }
}

/// The views.
impl InformationScreening {
    fn scatter(&self) -> Chart {
        // |r| as the information of a Gaussian pair: the same order, in nats.
        let gaussian = |r: f64| -0.5 * log(1.0 - (r * r).min(1.0 - 1e-12));
        let (active, chance, scored) = (self.active(), self.most_by_chance(), self.chance.len());
        let x = Axis::linear("column").range(0.0, self.controls.variables as f64);
        let mut chart = Chart::of(x, Axis::linear("information about y").unit("nats"));
        for (i, j) in active.into_iter().enumerate() {
            chart = chart.at_x(if i == 0 { "the four that matter" } else { "" }, j as f64);
        }
        for (method, name) in [(1, "correlation"), (0, "mutual information")] {
            let score = |j: &usize| if method == 0 { self.scores[0][*j] } else { gaussian(self.scores[1][*j]) };
            // Of very many columns, every few and all that stand out.
            let every = scored.div_ceil(SHOWN).max(1);
            let shown = (0..scored).filter(|j| j % every == 0 || score(j) > 0.8 * chance);
            let found = active.into_iter().filter(|j| *j < scored);
            let ink = METHODS[method].ink;
            let at = |j: usize| (j as f64, score(&j));
            chart = chart.dots(name, ink, 4.0, shown.map(at)).dots("", ink, 11.0, found.map(at));
        }
        let shown = self.shown();
        let at = (shown as f64, self.scores[0].get(shown).copied().unwrap_or(0.0));
        chart.at_y("most by chance", chance).handle("column j", at)
    }

    fn recalls(&self) -> Chart {
        let most = LARGEST_KEPT.min(self.controls.variables);
        let y = Axis::linear("share of the four found").range(0.0, 1.05);
        let mut chart = Chart::of(Axis::log("columns kept, k").range(1.0, most as f64), y)
            .at_x(format!("k = {}", self.controls.kept), self.controls.kept as f64);
        for method in [1, 2, 3, 0] {
            let Series { name, ink } = METHODS[method];
            let places = self.places(method);
            let recalls = (1..=most).map(|k| (k as f64, recall(&places, k)));
            chart = if method >= 2 { chart.dashed(name, ink, recalls) } else { chart.line(name, ink, recalls) };
        }
        chart
    }

    fn density(&self) -> HeatMap {
        let j = self.shown();
        let labels = [format!("column {j}, scaled"), "outcome y, scaled".to_string()];
        let Some(density) = &self.density else {
            let [x, y] = labels.map(|label| Axis::linear(label).range(-3.0, 3.0));
            let value = Axis::linear("density").range(0.0, 0.2);
            return HeatMap { x, y, value, columns: CELLS, values: vec![0.0; CELLS * CELLS], ..HeatMap::default() };
        };
        let axis = |label: String, (low, high): (f64, f64)| {
            let half = 0.5 * (high - low) / (CELLS - 1) as f64;
            Axis::linear(label).range(low - half, high + half)
        };
        let mut paths = Vec::new();
        if let Some(i) = self.active().iter().position(|a| *a == j)
            && !self.controls.rank_first
        {
            let raw: Vec<f64> = (-50..=50).map(|t| f64::from(t) * 0.05).collect();
            let y = raw.iter().map(|x| (effect(i, self.controls.nonlinear, *x) - density.y.0) / density.y.1).collect();
            let x = raw.iter().map(|x| (x - density.x.0) / density.x.1).collect();
            paths.push(Path { name: "what it does to y".into(), ink: Ink::Series(1), x, y });
        }
        let [x, y] = labels;
        HeatMap {
            x: axis(x, density.spans[0]),
            y: axis(y, density.spans[1]),
            value: Axis::linear("density"),
            columns: CELLS,
            values: density.values.clone(),
            contours: 6,
            paths,
            handle: None,
        }
    }

    /// The ring in the first picture.
    fn ring(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        let column = at.0.round().clamp(0.0, (controls.variables - 1) as f64) as usize;
        Some(Controls { column, ..controls.clone() })
    }

    /// Operations that each estimate takes a column; a logarithm or an exponential counts as 20.
    fn work(&self) -> Chart {
        let n = self.controls.samples as f64;
        let sort = n * log2(n);
        let seen = self.seen as f64 / self.scores[0].len().max(1) as f64;
        let work = [
            ("correlation", 8.0 * n),
            ("8 × 8 bins", sort + 3.0 * n + 24.0 * (BINS * BINS) as f64),
            ("density by FFT", self.grid.operations(self.controls.samples) as f64),
            // A joint and two marginal densities at every point, from every point.
            ("density, all pairs", 66.0 * n * n),
            ("3 neighbours", 2.0 * sort + 8.0 * seen + 4.0 * n * log2(n)),
        ];
        let chart = Chart::of(Axis::default(), Axis::log("operations, in millions"));
        chart.bars("", Ink::Series(0), work.map(|(name, operations)| (name, operations / 1e6)))
    }
}

views! { InformationScreening, Controls:
    scores "Every column's score" "A small dot is a column, a large one a column that matters. The rule is chance at its best." => scatter, dragged: ring;
    recall "How many are found" "To the right more columns are kept; up, more of the four are among them." => recalls;
    density "A column and the outcome" "Where pairs of the column shown and the outcome lie, smoothed. A shape without a slope has no correlation." => density;
    work "What it costs" "Each bar counts the operations for one column, on a logarithmic axis." => work;
}

impl Experiment for InformationScreening {
    const CARD: Card = Card {
        slug: "information-screening",
        title: "Which of 500 columns matter, when correlation sees nothing?",
        paper: Paper::new(
            "Contributions to Robust and Efficient Methods for Analysis of High Dimensional Data",
            "Kai Yang",
            2024,
        )
        .venue("thesis"),
        claim: "Ranking by mutual information finds four curved effects among 500 columns that correlation misses.",
        criterion: "Of four columns with curved effects among 500, the 20 with the largest mutual information hold at least half more than the 20 with the largest absolute correlation: the shares found differ by at least 0.5, mean over five seeds.",
        figure: "share of the four found, minus that of correlation",
        reproduction: Reproduction::InPart,
        honesty: "The effects were chosen to have next to no correlation. Unless samples are few, 8 × 8 bins find them as well for far less work, and on straight lines in much noise correlation is better. The thesis' brain images are not run.",
        unit: "column",
        presets: &[
            Preset::holds("default", "Four effects that are even or wavy", &[]),
            Preset::gone(
                "break-it",
                "Four linear effects, in so much noise that no ranking finds them all: a straight line is all there is, and correlation looks for nothing else",
                &[("nonlinear", "0"), ("samples", "100"), ("noise", "2")],
            ),
            Preset::open(
                "straight lines",
                "Four linear effects in little noise: both rankings find them all",
                &[("nonlinear", "0")],
            )
            .within(&[("recall_information", 1.0, 1.0), ("recall_correlation", 1.0, 1.0)]),
            Preset::open("few samples", "100 samples: chance rises to meet the weaker effects", &[("samples", "100")]),
            Preset::open(
                "blind kernel",
                "Three times the bandwidth: the waves are smoothed away",
                &[("bandwidth", "3"), ("column", "400")],
            ),
            Preset::open("many columns", "3,000 columns", &[("variables", "3000"), ("column", "600")]),
        ],
        ..Card::BLANK
    };

    fn new(controls: &Controls, seed: u64, _: &Library) -> Result<Self> {
        Ok(InformationScreening {
            controls: controls.clone(),
            seed,
            grid: Grid::new(CELLS),
            scores: Default::default(),
            chance: Vec::new(),
            seen: 0,
            density: None,
        })
    }

    async fn run(mut self: Box<Self>, stage: Stage<Self>) -> Result<Box<Self>> {
        let Controls { samples: n, variables: p, nonlinear, noise, .. } = self.controls;
        let (active, shown) = (self.active(), self.shown());
        stage.span(0..p);
        let (mut y, mut column) = (vec![0.0; n], Vec::new());
        let mut columns = Columns::new(n, self.seed);
        for j in 0..p {
            let x = columns.next();
            if let Some(i) = active.iter().position(|a| *a == j) {
                y.iter_mut().zip(x).for_each(|(y, x)| *y += effect(i, nonlinear, *x));
            }
            if j == shown {
                column = x.to_vec();
            }
            self = stage.part(self).await;
        }
        let mut random = Random::new(self.seed, "outcome");
        y.iter_mut().for_each(|y| *y += noise * sqrt(ACTIVE as f64) * random.normal());
        let mut shuffled = y.clone();
        Random::new(self.seed, "permutation").shuffle(&mut shuffled);
        let bins = equal_count_bins(&y, BINS);
        let outcome = Outcome { on_grid: self.laid(&y), shuffled: self.laid(&shuffled), bins, y };
        self.density = Some(self.look(&column, &outcome));
        let mut columns = Columns::new(n, self.seed);
        for _ in 0..p {
            self.score(columns.next(), &outcome);
            self = stage.next(self).await;
        }
        Ok(self)
    }

    fn measures(&self) -> Measures {
        let whole = self.chance.len() == self.controls.variables;
        let known = |value: f64| if whole { value } else { f64::NAN };
        let recall = |method: usize| known(recall(&self.places(method), self.controls.kept));
        let area = |method: usize| if whole { self.area(method) } else { f64::NAN };
        // The place of the last of the four.
        let last = |method: usize| known(self.places(method).into_iter().flatten().max().unwrap_or(0) as f64);
        let chance = self.most_by_chance();
        measures! {
            recall_information: recall(0),
            recall_correlation: recall(1),
            recall_bins: recall(2),
            recall_neighbours: recall(3),
            difference: recall(0) - recall(1),
            area_information: area(0),
            area_correlation: area(1),
            area_bins: area(2),
            area_neighbours: area(3),
            last_information: last(0),
            last_correlation: last(1),
            most_by_chance: known(chance),
            over_chance: known(self.scores[0].iter().filter(|score| **score > chance).count() as f64),
        }
    }

    fn sentence(&self) -> String {
        let Controls { variables, kept, .. } = self.controls;
        let scored = self.chance.len();
        if scored == 0 {
            return "The columns are being drawn; none is scored yet.".into();
        }
        let all = if scored == variables { "All".to_string() } else { format!("{} of", figures(scored as f64, 4)) };
        let [information, correlation] = [0, 1].map(|method| ACTIVE as f64 * recall(&self.places(method), kept));
        format!(
            "{all} {} are scored: of the four that matter, mutual information has {information} among its best {kept}, correlation {correlation}.",
            count(variables, "column", "columns")
        )
    }

    fn verdict(controls: &Controls, runs: &Runs) -> Verdict {
        let [information, correlation, bins, neighbours] =
            ["recall_information", "recall_correlation", "recall_bins", "recall_neighbours"].map(|name| runs.mean(name));
        let text = format!(
            "Among the {} columns kept, mutual information has {} of the four that matter, correlation {}; of two columns, one that matters and one that does not, they put the former first in {} and {} of the cases.",
            controls.kept,
            percent(information),
            percent(correlation),
            percent(runs.mean("area_information")),
            percent(runs.mean("area_correlation")),
        );
        Verdict::at_least(information - correlation, 0.5, text)
            .rival(METHODS[2].name, bins - correlation)
            .rival(METHODS[3].name, neighbours - correlation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run::testing::{begun, finished, preset, runs};

    /// All estimates of mutual information put the four first; correlation does when they are linear.
    #[test]
    fn active_columns_come_first() {
        let controls = Controls { variables: 100, ..Controls::default() };
        let nonlinear = finished::<InformationScreening>(&controls, 0);
        for method in [0, 2, 3] {
            let mut places = nonlinear.places(method).map(|place| place.unwrap());
            places.sort_unstable();
            assert_eq!(places, [1, 2, 3, 4], "{}", METHODS[method].name);
        }
        assert!(nonlinear.measures().get("last_correlation") > 20.0);
        let linear = finished::<InformationScreening>(&Controls { nonlinear: 0.0, ..controls }, 0);
        assert!((0..METHODS.len()).all(|method| recall(&linear.places(method), 5) == 1.0));
    }

    /// Where the outcome is a sum of straight lines, correlation loses nothing; in much noise it is the better of the two.
    #[test]
    fn linear_effects_are_for_correlation() {
        let easy = runs::<InformationScreening>(&preset::<InformationScreening>("straight lines"), 100..102);
        assert_eq!(["recall_information", "recall_correlation"].map(|name| easy.mean(name)), [1.0, 1.0]);
        let hard = runs::<InformationScreening>(&preset::<InformationScreening>("break-it"), 100..110);
        let [information, correlation] = ["area_information", "area_correlation"].map(|name| hard.mean(name));
        assert!(
            information < correlation && (0.6..0.95).contains(&information) && correlation < 0.98,
            "{information} {correlation}"
        );
    }

    /// By hand: a hundred columns in the order of their scores, and a hundred equal ones.
    #[test]
    fn the_area_counts_pairs() {
        let controls = Controls { variables: 100, ..Controls::default() };
        let mut run = begun::<InformationScreening>(&controls, 0);
        run.scores[0] = (0..100).map(f64::from).collect();
        // Columns 20, 40, 60 and 80 have 20, 39, 58 and 77 others below them, of 96.
        assert!((run.area(0) - f64::from(20 + 39 + 58 + 77) / (4.0 * 96.0)).abs() < 1e-12);
        run.scores[0] = vec![1.0; 100];
        assert_eq!(run.area(0), 0.5);
    }
}
