//! What can be taken away of a run on two measures.

use super::pair::Pair;
use run::prelude::*;

impl Pair {
    /// The plans, prices and the map, in the user's numbering.
    pub fn results(&self) -> Vec<Array> {
        let [source, target] = &self.task.sides;
        let mut arrays = Vec::new();
        for (k, course) in self.courses.iter().take(2).enumerate() {
            let suffix = ["", "-beside"][k];
            if !course.plan.is_empty() {
                let values: Vec<f64> = course
                    .entries(target.len())
                    .into_iter()
                    .flat_map(|(i, j, p)| [source.index[i] as f64, target.index[j] as f64, p])
                    .collect();
                if source.of * target.of <= 250_000 {
                    let mut whole = vec![0.0; source.of * target.of];
                    values.chunks_exact(3).for_each(|e| whole[e[0] as usize * target.of + e[1] as usize] = e[2]);
                    arrays.push(Array {
                        name: format!("plan{suffix}"),
                        shape: vec![source.of, target.of],
                        values: whole,
                        columns: Vec::new(),
                    });
                }
                if values.len() <= 3 * 200_000 {
                    let columns = ["row", "column", "mass"].map(String::from).to_vec();
                    arrays.push(Array {
                        name: format!("plan-entries{suffix}"),
                        shape: vec![values.len() / 3, 3],
                        values,
                        columns,
                    });
                }
            }
            if let Some((x, y)) = &course.prices {
                for (name, side, prices) in [("source", source, x), ("target", target, y)] {
                    let mut columns: Vec<String> = (0..side.d).map(coordinate).collect();
                    columns.extend(["weight", "price"].map(String::from));
                    let row =
                        |i: usize| side.places[i * side.d..(i + 1) * side.d].iter().copied().chain([side.mass[i], prices[i]]);
                    let values = (0..side.len()).flat_map(row).collect();
                    let name = format!("potential-{name}{suffix}");
                    arrays.push(Array { name, shape: vec![side.len(), side.d + 2], values, columns });
                }
            }
            let map = course.map(&self.task);
            if source.d > 0 && !map.is_empty() {
                let to = (0..source.d).map(|k| format!("to_{}", coordinate(k)));
                let columns = (0..source.d).map(coordinate).chain(to).collect();
                let row = |i: usize| source.place(i).iter().chain(&map[i * source.d..(i + 1) * source.d]).copied();
                let values = (0..source.len()).flat_map(row).collect();
                arrays.push(Array { name: format!("map{suffix}"), shape: vec![source.len(), 2 * source.d], values, columns });
            }
            if let Some(transfer) = self.transfers.get(k).filter(|t| t.done()) {
                arrays.push(transfer.picture.array(&format!("picture{suffix}")));
            }
        }
        arrays
    }
}

/// What coordinate `k` is called.
fn coordinate(k: usize) -> String {
    ["x", "y", "z"].get(k).map_or(format!("x{}", k + 1), |name| (*name).to_string())
}
