//! What the reader brought: clouds, histograms, pictures, a cost matrix, a graph, walls.

use super::colours::Picture;
use super::made::WALL;
use super::marginals::{Ground, Kind, MOST, Side, Task};
use super::{Controls, Price, Problem};
use methods::transport::{Roads, Walls};
use run::prelude::*;

/// Nodes that a graph may have.
const NODES: usize = 4000;

impl Controls {
    /// The task that the reader's arrays are.
    pub(super) fn own(&self, library: &Library) -> Result<Task> {
        let arrays = library.own();
        arrays.iter().try_for_each(Array::check_finite)?;
        let mut task = match arrays {
            [one] => matrix(one, None)?,
            [a, b] if pixels(a).is_some() && pixels(b).is_some() => {
                if self.problem != Problem::Pictures && (a.shape.len() == 3 || b.shape.len() == 3) {
                    self.colours([Picture::of(a)?, Picture::of(b)?])?
                } else {
                    self.pictures(&[ink(a)?, ink(b)?])?
                }
            }
            [a, b] if heights(a) && heights(b) => {
                let side = |array: &Array| {
                    let n = array.values.len();
                    let places: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect();
                    Ok::<Side, Error>(Side::new(&array.name, 1, &places, &array.values)?.weighed())
                };
                self.line([side(a)?, side(b)?])?
            }
            [a, b] => self.own_clouds(a, b)?,
            [_, _, _] if arrays.iter().any(|a| named(a, &["from", "to"])) => self.own_graph(arrays)?,
            [_, _, _] if arrays.iter().any(|a| named(a, &["x0", "y0", "x1", "y1"])) => self.own_walls(arrays)?,
            [_, _, _] => {
                let cost = arrays.iter().max_by_key(|a| a.values.len()).expect("three");
                let others: Vec<&Array> = arrays.iter().filter(|a| !std::ptr::eq(*a, cost)).collect();
                matrix(cost, Some([others[0], others[1]]))?
            }
            _ => {
                return Err(Error::new(format!(
                    "{} arrays were given: two point clouds, two histograms, two pictures, or a cost matrix (alone or with the two sides' masses) would be right, or two measures beside edges (columns from, to, length) or walls (x0, y0, x1, y1)",
                    arrays.len()
                )));
            }
        };
        task.own = true;
        if task.sides.iter().all(|side| side.weighed) {
            let top = task.sides[0].total.max(task.sides[1].total);
            task.sides.iter_mut().for_each(|side| side.relative = side.total / top);
        }
        Ok(task)
    }

    fn own_clouds(&self, a: &Array, b: &Array) -> Result<Task> {
        let sides = clouds(a, b)?;
        if sides[0].d == 1 {
            return self.line(sides);
        }
        let task = Task::new(Kind::Cloud, sides, self.straight());
        if self.cost != Price::Walls || task.sides[0].d != 2 {
            return self.with_walls(task);
        }
        // As the wall stands between the card's places, so between these: their window's half side is 1.6 there.
        let [x, y] = [0, 1].map(|k| {
            let all = task.sides.iter().flat_map(|side| side.places.iter().skip(k).step_by(2));
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
        });
        let half = 0.5 * (x.1 - x.0).max(y.1 - y.0);
        let scale = if half > 0.0 { half / 1.6 } else { 1.0 };
        let middle = [x, y].map(|(low, high)| 0.5 * low + 0.5 * high);
        let wall = WALL.map(|wall| std::array::from_fn(|k| middle[k % 2] + scale * wall[k]));
        task.walled(&Walls::new(&wall), self.exponent())
    }

    /// Two clouds, and beside them walls.
    fn own_walls(&self, arrays: &[Array]) -> Result<Task> {
        let (walls, [a, b]) = apart(arrays, &["x0", "y0", "x1", "y1"])?;
        let sides = clouds(a, b)?;
        let most = 100;
        if walls.shape[0] > most {
            return Err(Error::new(format!("{}: {} walls; at most {most} are read", walls.name, walls.shape[0])));
        }
        let columns = ["x0", "y0", "x1", "y1"].map(|name| column(walls, name).expect("it is named"));
        let boxes: Vec<[f64; 4]> = walls
            .values
            .chunks_exact(walls.columns.len())
            .map(|row| columns.map(|c| row[c]))
            .map(|[x0, y0, x1, y1]| [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)])
            .collect();
        Task::new(Kind::Cloud, sides, self.straight()).walled(&Walls::new(&boxes), self.exponent())
    }

    /// Two measures on the nodes of a graph, and beside them its edges.
    fn own_graph(&self, arrays: &[Array]) -> Result<Task> {
        let (edges, [a, b]) = apart(arrays, &["from", "to"])?;
        let placed = !(heights(a) && heights(b));
        let mut sides = if placed {
            clouds(a, b)?
        } else {
            [Side::new(&a.name, 0, &[], &a.values)?.weighed(), Side::new(&b.name, 0, &[], &b.values)?.weighed()]
        };
        let nodes = sides[0].of;
        if nodes != sides[1].of || nodes > NODES || placed && sides[0].d != 2 {
            return Err(Error::new(format!(
                "{} has {nodes} rows and {} has {}: both list the same nodes, at most {NODES}, as one column of masses or as x, y and weight",
                a.name, b.name, sides[1].of
            )));
        }
        let [from, to] = ["from", "to"].map(|name| column(edges, name).expect("it is named"));
        let length = column(edges, "length");
        let mut all = Vec::with_capacity(edges.shape[0]);
        for (k, row) in edges.values.chunks_exact(edges.columns.len()).enumerate() {
            let (ends, length) = ([row[from], row[to]], length.map_or(1.0, |l| row[l]));
            if let Some(node) = ends.iter().find(|n| !(0.0..nodes as f64).contains(*n) || n.fract() != 0.0) {
                return Err(Error::new(format!(
                    "{}: node {node} in row {}: nodes are counted from 0 to {}, as the measures' rows",
                    edges.name,
                    k + 1,
                    nodes - 1
                )));
            }
            if !(0.0..1e100).contains(&length) {
                return Err(Error::new(format!(
                    "{}: length {length} in row {}: lengths must not be negative",
                    edges.name,
                    k + 1
                )));
            }
            all.push((ends[0] as usize, ends[1] as usize, length));
        }
        sides.iter_mut().for_each(|side| side.nodes = side.index.clone());
        let ground = Ground::Roads { roads: Roads::new(nodes, &all), power: self.exponent() };
        if !placed {
            return Ok(Task::new(Kind::Matrix, sides, ground));
        }
        let at = |array: &Array| -> Vec<[f64; 2]> {
            let weight = weight(array);
            let columns: Vec<usize> = (0..array.shape[1]).filter(|c| Some(*c) != weight).collect();
            array.values.chunks_exact(array.shape[1]).map(|row| [row[columns[0]], row[columns[1]]]).collect()
        };
        if at(a) != at(b) {
            return Err(Error::new(format!("{} and {} put the nodes in different places: give each node one", a.name, b.name)));
        }
        Ok(Task { nodes: at(a), ..Task::new(Kind::Graph, sides, ground) })
    }
}

/// The array with columns of these names, and the two others in their order.
fn apart<'a>(arrays: &'a [Array], names: &[&str]) -> Result<(&'a Array, [&'a Array; 2])> {
    let (these, others): (Vec<&Array>, Vec<&Array>) = arrays.iter().partition(|a| named(a, names));
    match (&these[..], &others[..]) {
        ([one], [a, b]) => Ok((one, [a, b])),
        _ => {
            Err(Error::new(format!("{} of the three arrays have columns {}; one would be right", these.len(), names.join(", "))))
        }
    }
}

fn column(array: &Array, name: &str) -> Option<usize> {
    array.columns.iter().position(|c| c.trim().eq_ignore_ascii_case(name))
}

/// Has it a column of each of these names?
fn named(array: &Array, names: &[&str]) -> bool {
    array.shape.len() == 2 && names.iter().all(|name| column(array, name).is_some())
}

/// The column of a cloud's masses, if it has one.
fn weight(array: &Array) -> Option<usize> {
    column(array, "weight").or(column(array, "mass"))
}

/// Two clouds of the same number of coordinates.
fn clouds(a: &Array, b: &Array) -> Result<[Side; 2]> {
    let (source, target) = (cloud(a)?, cloud(b)?);
    if source.d != target.d {
        return Err(Error::new(format!(
            "{} has {} coordinate columns but {} has {}: both sides need the same number",
            a.name, source.d, b.name, target.d
        )));
    }
    Ok([source, target])
}

/// Width and height, if the array is a picture: three dimensions of which the last has 1, 3 or 4, or a table too wide for coordinates.
pub(super) fn pixels(array: &Array) -> Option<(usize, usize)> {
    match array.shape[..] {
        [height, width, 1 | 3 | 4] if height > 1 && width > 1 => Some((width, height)),
        [height, width] if width > 4 && height > 1 && array.columns.iter().all(|c| c.trim().parse::<f64>().is_ok()) => {
            Some((width, height))
        }
        _ => None,
    }
}

/// A picture's ink, row 0 at the top: a table's own numbers, and of colours how dark they are.
pub(super) fn darkness(array: &Array) -> Result<(usize, usize, Vec<f64>)> {
    let (width, height) = pixels(array)
        .ok_or_else(|| Error::new(format!("{}: it is no picture; png, jpg or height × width numbers are", array.name)))?;
    if array.shape.len() == 2 {
        return Ok((width, height, array.values.clone()));
    }
    let picture = Picture::of(array)?;
    // As bright as the eye finds red, green and blue.
    let dark = |p: &[f32; 3]| (1.0 - 0.2126 * f64::from(p[0]) - 0.7152 * f64::from(p[1]) - 0.0722 * f64::from(p[2])).max(0.0);
    Ok((width, height, picture.pixels.iter().map(dark).collect()))
}

/// A picture's ink as masses, at most about 44 pixels a side: larger ones are summed up in blocks. Row 0 at the bottom.
fn ink(array: &Array) -> Result<(&str, usize, usize, Vec<f64>)> {
    let (width, height, values) = darkness(array)?;
    let block = width.max(height).div_ceil(44);
    let (w, h) = (width.div_ceil(block), height.div_ceil(block));
    let mut mass = vec![0.0; w * h];
    for (k, value) in values.iter().enumerate() {
        mass[(h - 1 - k / width / block) * w + k % width / block] += value;
    }
    Ok((&array.name, w, h, mass))
}

/// Is it one number a place, with no place given?
fn heights(array: &Array) -> bool {
    let single = array.shape.len() == 1 || array.shape.len() == 2 && array.shape[1] == 1;
    let named = array.columns.first().is_some_and(|c| c.trim().eq_ignore_ascii_case("x"));
    single && !named && array.values.iter().all(|v| *v >= 0.0)
}

/// Points, one a row, and a column `weight` or `mass` if there is one.
pub(super) fn cloud(array: &Array) -> Result<Side> {
    let name = &array.name;
    let (rows, columns) = match array.shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => {
            return Err(Error::new(format!(
                "{name}: a point cloud has one point a row, this array has {} dimensions",
                array.shape.len()
            )));
        }
    };
    let weight = weight(array);
    let d = columns - usize::from(weight.is_some());
    if !(1..=3).contains(&d) {
        return Err(Error::new(format!(
            "{name}: {d} coordinate columns; clouds of one to three (x, y, z) and a column weight are read"
        )));
    }
    let (mut places, mut mass) = (Vec::with_capacity(rows * d), Vec::with_capacity(rows));
    for row in array.values.chunks_exact(columns) {
        places.extend(row.iter().enumerate().filter(|(j, _)| Some(*j) != weight).map(|(_, v)| *v));
        mass.push(weight.map_or(1.0, |w| row[w]));
    }
    let far = places.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    if far > 1e100 {
        return Err(Error::new(format!("{name}: a coordinate of {far:e} is too large: its square must fit a double")));
    }
    Ok(Side { weighed: weight.is_some(), ..Side::new(name, d, &places, &mass)? })
}

/// A cost matrix, with the two sides' masses or with equal ones.
fn matrix(array: &Array, masses: Option<[&Array; 2]>) -> Result<Task> {
    let name = &array.name;
    let &[rows, columns] = &array.shape[..] else {
        return Err(Error::new(format!(
            "{name}: one array alone is read as a cost matrix, which has two dimensions; this one has {}",
            array.shape.len()
        )));
    };
    if masses.is_none() && rows != columns && columns < 5 {
        return Err(Error::new(format!(
            "{name}: {rows} x {columns} is no cost matrix (square, or at least 5 columns); for clouds or histograms drop two files at once, or an npz with two arrays"
        )));
    }
    if rows.max(columns) > MOST {
        return Err(Error::new(format!("{name}: {rows} x {columns} costs; this runs in the browser with at most {MOST} a side")));
    }
    let mut given = [vec![1.0; rows], vec![1.0; columns]];
    let mut names = [name.as_str(), name.as_str()];
    if let Some([a, b]) = masses {
        let flat = |array: &Array| array.shape.iter().filter(|n| **n > 1).count() <= 1;
        if !flat(a) || !flat(b) || (a.values.len(), b.values.len()) != (rows, columns) {
            return Err(Error::new(format!(
                "{name}: {rows} x {columns} costs need {rows} masses for the rows, then {columns} for the columns; {} has {} numbers and {} has {}",
                a.name,
                a.values.len(),
                b.name,
                b.values.len()
            )));
        }
        given = [a.values.clone(), b.values.clone()];
        names = [&a.name, &b.name];
    }
    let side = |k: usize| Ok::<Side, Error>(Side { weighed: masses.is_some(), ..Side::new(names[k], 0, &[], &given[k])? });
    let sides = [side(0)?, side(1)?];
    let [source, target] = &sides;
    let kept = source.index.iter().flat_map(|i| target.index.iter().map(move |j| array.values[i * columns + j])).collect();
    Ok(Task::new(Kind::Matrix, sides, Ground::Given(kept)))
}
