//! What is transported: costs and masses of three tasks, and how a plan between their sources and targets is shown.

use std::rc::Rc;

use ground::view::Node;
use methods::statistics::sort_by;
use methods::transport::{Entry, Instance, scaled, squared_distances};
use run::data::Pictures;
use run::prelude::*;

use super::worth::Worth;
use super::{Controls, Task};

/// Tokens, experts and the coordinates of their embeddings.
const TOKENS: usize = 64;
const EXPERTS: usize = 8;
const DIMENSION: usize = 8;
/// The pictures whose colours are taken, and that get them.
const CAT: usize = 0;
const COFFEE: usize = 1;
/// The share of a target's mass from which an entry is seen.
const FAINT: f64 = 1e-4;
/// Width of a node that has the mass that it should have, in CSS pixels, and of all nodes in a row where there are many.
const NODE: f64 = 9.0;
const CROWDED: f64 = 270.0;

/// Where sources and targets are seen.
pub enum Scene {
    /// At places in the unit square, sources first.
    Places([Vec<[f64; 2]>; 2]),
    /// As the colours of two pictures.
    Colours(Rc<Pictures>),
}

impl Scene {
    /// The costs and masses of a task, and its scene.
    pub fn of(controls: &Controls, seed: u64, library: &Library) -> Result<(Instance, Scene)> {
        Ok(match controls.task {
            Task::Gaussians => gaussians(controls.points, seed),
            Task::Experts => experts(seed),
            Task::Palettes => palettes(library.pictures(Dataset::Palettes)?),
        })
    }
}

fn equal(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

/// Two clouds of points in the plane, each from top to bottom.
fn gaussians(n: usize, seed: u64) -> (Instance, Scene) {
    let mut random = Random::new(seed, "points");
    let mut cloud = |across: f64, spread: [f64; 2]| {
        let mut points: Vec<_> = (0..n).map(|_| [across + spread[0] * random.normal(), spread[1] * random.normal()]).collect();
        sort_by(&mut points, |p: &[f64; 2]| -p[1]);
        points
    };
    let clouds = [cloud(-1.0, [0.6, 0.6]), cloud(1.0, [0.3, 0.9])];
    let cost = scaled(squared_distances(clouds[0].as_flattened(), clouds[1].as_flattened(), 2));
    let within = |k: usize| clouds.iter().flatten().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p[k]), high.max(p[k])));
    let ends = [within(0), within(1)];
    let place = |p: &[f64; 2]| [0, 1].map(|k| (p[k] - ends[k].0) / (ends[k].1 - ends[k].0));
    let places = [0, 1].map(|side| clouds[side].iter().map(place).collect());
    (Instance { cost, source: equal(n), target: equal(n) }, Scene::Places(places))
}

/// Tokens to experts, at one minus the cosine of their embeddings.
fn experts(seed: u64) -> (Instance, Scene) {
    let mut random = Random::new(seed, "embeddings");
    let mut embeddings =
        |n: usize| -> Vec<[f64; DIMENSION]> { (0..n).map(|_| std::array::from_fn(|_| random.normal())).collect() };
    let [mut tokens, experts] = [embeddings(TOKENS), embeddings(EXPERTS)];
    let dot = |x: &[f64; DIMENSION], y: &[f64; DIMENSION]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let apart = |x: &[f64; DIMENSION], y: &[f64; DIMENSION]| 1.0 - dot(x, y) / (dot(x, x) * dot(y, y)).sqrt();
    // Tokens stand beside the expert that suits them best.
    let nearest = |x: &_| (0..EXPERTS).min_by(|i, j| apart(x, &experts[*i]).total_cmp(&apart(x, &experts[*j])));
    sort_by(&mut tokens, |x| nearest(x).map_or(0.0, |expert| expert as f64));
    let cost = scaled(tokens.iter().flat_map(|x| experts.iter().map(|y| apart(x, y))).collect());
    let lined_up = |n: usize, across: f64| (0..n).map(|i| [across, 1.0 - (i as f64 + 0.5) / n as f64]).collect();
    (
        Instance { cost, source: equal(TOKENS), target: equal(EXPERTS) },
        Scene::Places([lined_up(TOKENS, 0.0), lined_up(EXPERTS, 1.0)]),
    )
}

/// The colours of one picture to those of another, each as heavy as it has pixels.
fn palettes(pictures: Rc<Pictures>) -> (Instance, Scene) {
    let colours = |index| -> Vec<f64> { pictures.colours(index).as_flattened().iter().map(|c| f64::from(*c)).collect() };
    let shares = |index| {
        let pixels = pictures.image(index);
        let mut shares = vec![0.0; 256];
        pixels.iter().for_each(|colour| shares[usize::from(*colour)] += 1.0 / pixels.len() as f64);
        shares
    };
    let cost = scaled(squared_distances(&colours(CAT), &colours(COFFEE), 3));
    (Instance { cost, source: shares(CAT), target: shares(COFFEE) }, Scene::Colours(pictures))
}

/// Three plans in one picture, the share of its mass that a target has from a source; and the entries of their fullest columns.
pub fn side_by_side(plans: [(&str, Vec<Entry>); 3], instance: &Instance) -> Matrix {
    let (rows, n) = (instance.source.len(), instance.target.len());
    let gap = n.div_ceil(20);
    let columns = plans.len() * (n + gap) - gap;
    let mut values = vec![f32::NAN; rows * columns];
    let mut names = Vec::new();
    for (place, (name, plan)) in plans.into_iter().enumerate() {
        names.push(format!("{name} {}", Worth::of(&plan, instance).fullest));
        let from = place * (n + gap);
        values.chunks_exact_mut(columns).for_each(|row| row[from..from + n].fill(FAINT as f32));
        for t in plan {
            let seen = &mut values[t.row * columns + from + t.column];
            *seen = seen.max((t.mass / instance.target[t.column]) as f32);
        }
    }
    Matrix {
        row: "sources".into(),
        column: format!("targets ({})", names.join(", ")),
        value: Axis::log("share of a target").range(FAINT, 1.0),
        columns,
        values,
        ..Matrix::default()
    }
}

/// A plan as lines between places; a source is as large as the mass that it gives.
pub fn graph([x, y]: &[Vec<[f64; 2]>; 2], plan: &[Entry], Instance { source, target, .. }: &Instance) -> Graph {
    let mut given = vec![0.0; source.len()];
    plan.iter().for_each(|t| given[t.row] += t.mass);
    let whole = (CROWDED / source.len() as f64).clamp(3.0, NODE);
    let node = |at: &[f64; 2], ink, mass: f64| {
        let size = (whole * mass.sqrt()) as f32;
        Node { at: (at[0] as f32, at[1] as f32), label: String::new(), ink, size }
    };
    let sources = x.iter().zip(given.iter().zip(source)).map(|(at, (given, a))| node(at, Ink::Series(0), given / a));
    let targets = y.iter().map(|at| node(at, Ink::Series(1), 1.0));
    let share = |t: &Entry| t.mass / target[t.column];
    let most = plan.iter().map(share).fold(0.0, f64::max);
    let edge = |t: &Entry| Edge {
        from: t.row as u32,
        to: (source.len() + t.column) as u32,
        weight: (share(t) / most) as f32,
        directed: false,
    };
    Graph { nodes: sources.chain(targets).collect(), edges: plan.iter().map(edge).collect() }
}

/// Both pictures, and the second one with every colour replaced by the mean of those that each plan brings to it.
pub fn recoloured(pictures: &Pictures, plans: [(String, &[Entry]); 2]) -> Images {
    let mut captions = vec!["these colours".to_string(), "for this picture".to_string()];
    let mut palettes = vec![(CAT, pictures.colours(CAT).to_vec()), (COFFEE, pictures.colours(COFFEE).to_vec())];
    for (caption, plan) in plans {
        let (mut sums, mut masses) = (vec![[0.0; 3]; 256], vec![0.0; 256]);
        for t in plan {
            masses[t.column] += t.mass;
            let colour = pictures.colours(CAT)[t.row];
            sums[t.column].iter_mut().zip(colour).for_each(|(sum, c)| *sum += t.mass * f64::from(c));
        }
        let mean = |(sum, mass): (&[f64; 3], &f64)| sum.map(|c| (c / mass).round() as u8);
        palettes.push((COFFEE, sums.iter().zip(&masses).map(mean).collect()));
        captions.push(caption);
    }
    let paint = |(index, palette): &(usize, Vec<[u8; 3]>)| -> Vec<u8> {
        pictures.image(*index).iter().flat_map(|colour| palette[usize::from(*colour)]).collect()
    };
    let pixels = palettes.iter().flat_map(paint).collect();
    Images { width: pictures.width, height: pictures.height, channels: 3, columns: 2, pixels, captions }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_leaves_colours_alone_leaves_the_picture_alone() {
        let grey = |value: u8| [value; 3];
        let palette: Vec<_> = (0..=255).map(grey).chain((0..=255).map(grey)).collect();
        let pictures = Pictures { width: 2, height: 1, pixels: vec![3, 250, 7, 200], labels: vec![0, 1], palette };
        let stay: Vec<Entry> = (0..256).map(|at| Entry { row: at, column: at, mass: 1.0 / 256.0 }).collect();
        // Half from one brighter by 2, half from one darker by 4.
        let mixed: Vec<Entry> = (0..256usize)
            .flat_map(|column| [(column + 2).min(255), column.saturating_sub(4)].map(|row| Entry { row, column, mass: 0.5 }))
            .collect();
        let images = recoloured(&pictures, [("".into(), &stay), ("".into(), &mixed)]);
        let greys: Vec<u8> = images.pixels.iter().step_by(3).copied().collect();
        assert_eq!(greys, [3, 250, 7, 200, 7, 200, 6, 199]);
    }

    #[test]
    fn masses_are_whole_and_costs_are_scaled() {
        let library = Library::shipped(&[Dataset::Palettes]);
        for task in [Task::Gaussians, Task::Experts, Task::Palettes] {
            let (Instance { cost, source, target }, _) =
                Scene::of(&Controls { task, ..Controls::default() }, 0, &library).unwrap();
            assert_eq!(cost.len(), source.len() * target.len());
            assert_eq!(cost.iter().fold(0.0, |most: f64, c| most.max(*c)), 1.0);
            for masses in [source, target] {
                assert!(masses.iter().all(|mass| *mass > 0.0) && (masses.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }
}
