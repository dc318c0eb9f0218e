//! What dragging the handle does: it moves the source or the weights, draws, or erases.

use super::made::{PAGE, REACH, center_on_a_line, drawn, shift_on_a_line};
use super::marginals::Kind;
use super::pair::Pair;
use super::{Controls, Pen, Problem, TransportPlan};
use run::prelude::*;

fn written(points: &[[f64; 2]]) -> String {
    let round = |v: f64| (v * 100.0).round() / 100.0;
    points.iter().map(|[x, y]| format!("{} {}", round(*x), round(*y))).collect::<Vec<_>>().join(";")
}

impl TransportPlan {
    /// The controls after the handle of the first picture was dragged to `at`.
    pub(super) fn dragged(controls: &Controls, at: (f64, f64)) -> Option<Controls> {
        let mut moved = controls.clone();
        let round = |v: f64, most: f64| ((v * 100.0).round() / 100.0).clamp(-most, most);
        match controls.problem {
            Problem::Barycenter => {
                (moved.weight_x, moved.weight_y) = (round(at.0, 1.0), round(at.1, 1.0));
                return Some(moved);
            }
            Problem::Colours => return None,
            Problem::Pictures if controls.pen == Pen::Move => return None,
            _ => {}
        }
        let line = controls.problem == Problem::Histograms;
        if controls.pen == Pen::Move {
            if line {
                moved.shift_x = round(shift_on_a_line(at.0), 1.9);
            } else {
                (moved.shift_x, moved.shift_y) = (round(at.0, 1.9), round(at.1, 1.9));
            }
            return Some(moved);
        }
        // On a line the upper half belongs to the source.
        let source = if line { at.1 > 0.5 } else { controls.pen == Pen::Source };
        let place = if line {
            [at.0.clamp(0.0, 1.0), (if source { at.1 - 1.0 } else { -at.1 }).clamp(0.0, 0.6) / 0.6]
        } else {
            let reach = if controls.problem == Problem::Pictures { PAGE } else { REACH };
            [at.0.clamp(-reach, reach), at.1.clamp(-reach, reach)]
        };
        let mut texts = [&mut moved.drawn_source, &mut moved.drawn_target];
        for (k, text) in texts.iter_mut().enumerate() {
            let mut points = drawn("", text).ok()?;
            let near = |p: &[f64; 2], far: f64| {
                (p[0] - place[0]) * (p[0] - place[0]) + (p[1] - place[1]) * (p[1] - place[1]) < far * far
            };
            if controls.pen == Pen::Erase {
                points.retain(|p| !near(p, 0.2));
            } else if (k == 0) == source {
                if line {
                    points.retain(|p| (p[0] - place[0]).abs() >= 0.015);
                    points.push(place);
                } else if !points.last().is_some_and(|p| near(p, 0.05)) {
                    points.push(place);
                }
            }
            let writing = written(&points);
            if writing.len() <= 6000 {
                **text = writing;
            }
        }
        Some(moved)
    }
}

impl Pair {
    /// Where the handle is, if there is one.
    pub(super) fn handle(&self, controls: &Controls) -> Option<Handle> {
        let drawn_on = self.task.kind == Kind::Picture && controls.pen != Pen::Move;
        if self.task.own || !drawn_on && !matches!(self.task.kind, Kind::Cloud | Kind::Line | Kind::Graph) {
            return None;
        }
        let line = self.task.kind == Kind::Line;
        let middle = if line { (center_on_a_line(controls.shift_x), 1.0) } else { (controls.shift_x, controls.shift_y) };
        let (name, at) = match controls.pen {
            Pen::Move => ("source", middle),
            Pen::Source | Pen::Target | Pen::Erase => {
                let target = controls.pen == Pen::Target;
                let text = if target { &controls.drawn_target } else { &controls.drawn_source };
                let last = drawn("", text).unwrap_or_default().last().map(|p| (p[0], p[1]));
                let at = match last {
                    Some((x, y)) if line => (x, if target { -0.6 * y } else { 1.0 + 0.6 * y }),
                    Some(at) => at,
                    None => {
                        if line {
                            (0.1, if target { -0.1 } else { 1.1 })
                        } else if drawn_on {
                            (0.0, 0.0)
                        } else if target {
                            (0.9, 0.0)
                        } else {
                            middle
                        }
                    }
                };
                (if controls.pen == Pen::Erase { "eraser" } else { "pen" }, at)
            }
        };
        Some(Handle { name: name.into(), at })
    }
}
