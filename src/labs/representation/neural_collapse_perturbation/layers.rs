//! NC1~ from layer to layer: of the network, or of the given features and the moved ones.

use methods::neural_collapse::Variability;
use methods::neural_collapse::training::{Epoch, Training};
use run::prelude::*;

use super::{NeuralCollapse, TERMINAL};

/// A group of bars: its name and colour, and what is as high.
type Group = (String, Ink, [(&'static str, f64); 2]);

/// The network's hidden layers at the start, at the beginning of the terminal phase, and now.
fn of_network(training: &Training) -> Vec<Group> {
    let terminal = training.first_below(TERMINAL);
    let last = training.log.last().filter(|log| log.epoch > terminal.map_or(0, |t| t.epoch));
    let at = |log: &Epoch, words: &str, ink| {
        let [first, second] = [0, 1].map(|l| log.layers[l].variability.traces);
        (format!("{words}, epoch {}", log.epoch), ink, [("hidden layer 1", first), ("hidden layer 2", second)])
    };
    let start = training.log.first().map(|log| at(log, "start", Ink::Muted));
    let terminal = terminal.map(|log| at(log, "error ≤ 1 %", Ink::Series(1)));
    let last = last.map(|log| at(log, if training.end().is_some() { "end" } else { "now" }, Ink::Series(0)));
    [start, terminal, last].into_iter().flatten().collect()
}

/// The vicinity model is a layer as well.
fn of_model(given: &Variability, moved: &Variability) -> Vec<Group> {
    let both = |given, moved| [("given features H₀", given), ("moved features H", moved)];
    vec![
        ("NC1~".into(), Ink::Series(0), both(given.traces, moved.traces)),
        ("NC1".into(), Ink::Series(1), both(given.nc1, moved.nc1)),
    ]
}

impl NeuralCollapse {
    pub fn layers(&self) -> View {
        let groups = match &self.training {
            Some(training) => of_network(training),
            None if self.model.shrinkage() < 1.0 => of_model(&self.given, &self.moved),
            None => return View::nothing("The best features are 0: no layer to compare."),
        };
        let heights = groups.iter().flat_map(|(_, _, bars)| bars).map(|(_, height)| *height);
        let (low, high) = heights.fold((f64::INFINITY, 0.0f64), |(low, high), y| (low.min(y), high.max(y)));
        let mut y = Axis::log("within-class variability");
        if 0.0 < low && low <= high {
            y = y.range((low / 3.0).max(1e-16), high * 2.0);
        }
        groups.into_iter().fold(Chart::of(Axis::default(), y), |chart, (name, ink, bars)| chart.bars(name, ink, bars)).into()
    }
}
