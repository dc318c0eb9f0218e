//! One step of training, looked at point by point.

use methods::network::linear_network::dot;

use super::task::{D, Group, H, N, Network, Task};

/// Points whose gradients are compared.
const COMPARED: usize = 20;

/// One step of training, looked at point by point.
#[derive(Clone)]
pub struct Moment {
    pub step: usize,
    pub weights: Network,
    pub sharpness: f64,
    pub residual: Vec<f64>,
    /// lᵢ(t+1) − lᵢ(t) with lᵢ = (f(xᵢ) − yᵢ)²/2; none before the next step.
    pub change: Vec<f64>,
}

impl Moment {
    /// The twenty points whose loss changes most, in the order of their loss changes, and the cosines between their gradients.
    pub fn cosines(&self, task: &Task) -> (Vec<String>, Vec<f32>) {
        let Moment { weights, residual, change, .. } = self;
        let mut order: Vec<usize> = (0..N).collect();
        order.sort_by(|i, j| change[*j].abs().total_cmp(&change[*i].abs()));
        order.truncate(COMPARED);
        order.sort_by(|i, j| change[*j].total_cmp(&change[*i]));
        let a2 = dot(&weights.a, &weights.a);
        // ∇lᵢ = rᵢ (a xᵢᵀ, W xᵢ)
        type Part<'a> = (f64, &'a [f64; D], [f64; H]);
        let part = |i: usize| if weights.train_a { weights.w.map(|row| dot(&row, &task.x[i])) } else { [0.0; H] };
        let parts: Vec<Part> = order.iter().map(|i| (residual[*i], &task.x[*i], part(*i))).collect();
        let product = |(r, x, h): &Part, (s, y, k): &Part| r * s * (a2 * dot(*x, *y) + dot(h, k));
        let cosine = |g: &Part, k: &Part| (product(g, k) / (product(g, g) * product(k, k)).sqrt()) as f32;
        let cosines = parts.iter().flat_map(|g| parts.iter().map(move |k| cosine(g, k))).collect();
        let name = |i: &usize| match task.group[*i] {
            Group::Bulk => "other",
            Group::Up => "up",
            Group::Down => "down",
        };
        (order.iter().map(|i| name(i).to_string()).collect(), cosines)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Controls, OpposingSignals, STEPS};
    use super::*;
    use run::testing::finished;

    #[test]
    fn the_list_of_loss_changes_finds_the_outliers_without_labels() {
        let run = finished::<OpposingSignals>(&Controls::default(), 0);
        let moment = run.shown().unwrap();
        assert!(run.at_edge(moment) && moment.step < STEPS / 2);
        let mut order: Vec<usize> = (0..N).collect();
        order.sort_by(|i, j| moment.change[*j].total_cmp(&moment.change[*i]));
        let share = |list: &[usize], group: Group| list.iter().filter(|i| run.task.group[**i] == group).count();
        let (top, bottom) = (&order[..10], &order[N - 10..]);
        let (up, down) = (share(top, Group::Up) + share(bottom, Group::Down), share(top, Group::Down) + share(bottom, Group::Up));
        assert_eq!(up.max(down), 20, "the twenty extremes are the two groups");
        let (_, cosines) = moment.cosines(&run.task);
        let (same, other) = (cosines[1], cosines[19]);
        assert!(same > 0.9 && other < -0.9, "{same} {other}");
    }
}
