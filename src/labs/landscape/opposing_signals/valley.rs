//! The valley that training goes along, narrow across the outliers' feature, and the way through it.

use methods::network::linear_network::dot;
use run::prelude::*;

use super::task::{N, O};
use super::{C_O, NORM, OpposingSignals};

/// Cells a side of the map.
const CELLS: usize = 60;

impl OpposingSignals {
    /// ‖a‖² and c_o, step by step.
    fn way(&self) -> (Vec<f64>, Vec<f64>) {
        self.history.points(NORM).zip(self.history.points(C_O)).map(|((_, norm), (_, c))| (norm, c)).unzip()
    }

    /// The plane's axes: ‖a‖² up to a bit beyond both the path and the edge, c_o about the weight that frees one group, b/A.
    fn plane(&self) -> [Axis; 2] {
        let finite = |which: usize| self.history.points(which).map(|(_, v)| v).filter(|v| v.is_finite());
        let widest = finite(NORM).fold(self.controls.signal, f64::max);
        let highest = finite(C_O).fold(0.05, |m: f64, v| m.max(v.abs()));
        let up = Axis::linear("weight on the outliers' feature, c_o").range(-1.1 * highest, 1.1 * highest);
        [Axis::linear("‖a‖²").range(0.0, 1.1 * widest), up]
    }

    pub fn path(&self) -> Chart {
        let ([across, up], (x, y)) = (self.plane(), self.way());
        // After the edge the path hardly moves: the colours are for the steps up to there.
        let last = self.around_the_edge().1 as f64;
        let shade = (0..x.len()).map(|t| (t as f64 / last).min(1.0) as f32).collect();
        // The outliers' own curvature ‖a‖²pA² reaches 2/η.
        let critical = 2.0 / (self.controls.step_size * self.task.moments.s[O][O]);
        Chart::of(across, up).at_y("", 0.0).at_x("‖a‖²pA² = 2/η", critical).mark(Mark::Trail { name: String::new(), x, y, shade })
    }

    /// The loss if a were scaled to another length and c_o set to another value, the other weights being those of now.
    pub fn valley(&self) -> HeatMap {
        let ([across, up], (x, y)) = (self.plane(), self.way());
        let place = |axis: &Axis, i: usize| {
            let (low, high) = axis.range.expect("both axes have fixed ends");
            low + (i as f64 + 0.5) / CELLS as f64 * (high - low)
        };
        let mut bulk = self.weights.function();
        bulk[O] = 0.0;
        let (curved, now) = (self.task.moments.curved(&bulk), dot(&self.weights.a, &self.weights.a));
        let (square, mixed, linear) = (dot(&curved, &bulk), curved[O], dot(&self.task.moments.q, &bulk));
        let rest = dot(&self.task.y, &self.task.y) / (2.0 * N as f64);
        let scales: Vec<f64> = (0..CELLS).map(|column| (place(&across, column) / now).sqrt()).collect();
        let mut values = Vec::with_capacity(CELLS * CELLS);
        for row in 0..CELLS {
            let c = place(&up, row);
            for scale in &scales {
                let quadratic = scale * scale * square + 2.0 * scale * c * mixed + c * c * self.task.moments.s[O][O];
                values.push((quadratic / 2.0 - scale * linear - c * self.task.moments.q[O] + rest) as f32);
            }
        }
        HeatMap {
            x: across,
            y: up,
            value: Axis::log("loss"),
            columns: CELLS,
            values,
            contours: 8,
            paths: vec![Path { name: "training".into(), ink: Ink::Text, x, y }],
            handle: None,
        }
    }
}
