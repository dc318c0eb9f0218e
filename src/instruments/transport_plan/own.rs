//! What the reader brought: clouds, histograms, pictures, a cost matrix, a graph, walls.

use super::colours::Picture;
use super::made::WALL;
use super::marginals::{Ground, Kind, MOST, Side, Task};
use super::{Controls, Files, Price, Problem};
use methods::transport::{Roads, Walls};
use run::prelude::*;

/// The largest cost of a matrix that is one: a thousand of them have a sum. Beyond it a pair is forbidden, at so many times the largest.
const DEAREST: f64 = 1e300;
pub(super) const FORBIDDING: f64 = (1u64 << 60) as f64;
/// Nodes that a graph may have.
const NODES: usize = 4000;

impl Controls {
    /// The task that the reader's arrays are, and what they were taken for.
    pub(super) fn own(&self, library: &Library) -> Result<Task> {
        let (arrays, spare) = used(library.own());
        for array in &arrays {
            let costs = arrays.len() != 2 && !flat(array) && !named(array, &EDGES) && !named(array, &WALLS);
            whole(array, costs)?;
        }
        let mut told = Vec::new();
        let mut task = match arrays[..] {
            [one] => matrix(one, None, &mut told)?,
            [a, b] if self.inked(a, b) => {
                if self.problem != Problem::Pictures && (a.shape.len() == 3 || b.shape.len() == 3) {
                    let task = self.colours([Picture::of(a)?, Picture::of(b)?])?;
                    for (k, array) in [a, b].into_iter().enumerate() {
                        let (pixels, colours) = (size(array), task.sides[k].len());
                        told.push(is(k, array, &format!("the colours of {pixels} pixels, gathered in {colours}")));
                    }
                    task
                } else {
                    for (k, array) in [a, b].into_iter().enumerate() {
                        let longer = pixels(array).map_or(1, |(width, height)| width.max(height));
                        let sum = if longer > INK { ", summed up in blocks" } else { "" };
                        told.push(is(
                            k,
                            array,
                            &format!("the ink of {} pixels{sum}; their longer side is 2.2 long", size(array)),
                        ));
                    }
                    self.pictures(&[ink(a)?, ink(b)?])?
                }
            }
            [a, b] if single(a) && single(b) => self.column_each(a, b, &mut told)?,
            [a, b] => self.own_clouds(a, b, &mut told)?,
            [_, _, _] if arrays.iter().any(|a| named(a, &EDGES)) => self.own_graph(&arrays, &mut told)?,
            [_, _, _] if arrays.iter().any(|a| named(a, &WALLS)) => self.own_walls(&arrays, &mut told)?,
            [first, ..] if arrays.len() == 3 => {
                let cost = arrays.iter().fold(first, |most, a| if a.values.len() > most.values.len() { a } else { most });
                let others: Vec<&Array> = arrays.iter().copied().filter(|a| !std::ptr::eq(*a, cost)).collect();
                matrix(cost, Some([others[0], others[1]]), &mut told)?
            }
            _ => {
                return Err(Error::new(format!(
                    "{} arrays were given: two point clouds, two histograms, two pictures, or a cost matrix (alone or with the two sides' masses) would be right, or two measures beside edges (columns from, to, length) or walls (x0, y0, x1, y1)",
                    arrays.len()
                )));
            }
        };
        told.extend(spare);
        if task.plane.is_some() {
            told.push("pictures show the first two principal coordinates; costs are of all".into());
        }
        (task.own, task.understood) = (true, told);
        if task.sides.iter().all(|side| side.weighed) {
            let top = task.sides[0].total.max(task.sides[1].total);
            task.sides.iter_mut().for_each(|side| side.relative = side.total / top);
        }
        Ok(task)
    }

    /// Are both pictures? A table of numbers is one where pictures are asked for, or where it can be nothing else.
    fn inked(&self, a: &Array, b: &Array) -> bool {
        let tables = a.shape.len() == 2 && b.shape.len() == 2;
        let asked = matches!(self.problem, Problem::Pictures | Problem::Colours);
        let both = pixels(a).is_some() && pixels(b).is_some();
        both && (!tables || asked || a.shape[1] != b.shape[1])
    }

    /// Two columns of numbers: points on a line, or heights of bins.
    fn column_each(&self, a: &Array, b: &Array, told: &mut Vec<String>) -> Result<Task> {
        let negative = |array: &Array| array.values.iter().any(|v| *v < 0.0);
        let (n, m) = (a.values.len(), b.values.len());
        let (samples, why) = match (self.files, [says(a), says(b)]) {
            (Files::Samples, _) => (true, "as chosen"),
            (Files::Heights, _) => (false, "as chosen"),
            _ if negative(a) || negative(b) => (true, "as some are negative"),
            (_, [Some(Files::Samples), _] | [_, Some(Files::Samples)]) => (true, "by the column's name"),
            (_, [Some(_), _] | [_, Some(_)]) => (false, "by the column's name"),
            _ if n != m => (true, "as there are not as many on both sides"),
            _ => (false, "as no name says otherwise"),
        };
        let mut side = |k: usize, array: &Array, n: usize| -> Result<Side> {
            let (values, even) = (&array.values, vec![1.0; n]);
            let what =
                if samples { "samples, # points on a line of equal mass" } else { "heights, of # bins of equal width on [0, 1]" };
            told.push(is(k, array, &format!("{}, {why}", what.replace('#', &n.to_string()))));
            if samples {
                return Side::new(&array.name, 1, values, &even);
            }
            let places: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect();
            Ok(Side::new(&array.name, 1, &places, values)?.weighed())
        };
        let sides = [side(0, a, n)?, side(1, b, m)?];
        if n != m && !samples {
            told.push(format!("the bins of {} and {} are not of one width", a.name, b.name));
        }
        let other = if samples { "heights" } else { "samples" };
        told.push(format!("the control files can take them for {other} instead"));
        self.line(sides)
    }

    fn own_clouds(&self, a: &Array, b: &Array, told: &mut Vec<String>) -> Result<Task> {
        let sides = clouds(a, b, told)?;
        if sides[0].d == 1 {
            return self.line(sides);
        }
        let task = Task::new(Kind::Cloud, sides, self.straight());
        if self.cost != Price::Walls || task.sides[0].d != 2 {
            return self.with_walls(task);
        }
        told.push("the wall stands in the middle of both clouds, scaled to them".into());
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
    fn own_walls(&self, arrays: &[&Array], told: &mut Vec<String>) -> Result<Task> {
        let (walls, [a, b]) = apart(arrays, &WALLS)?;
        let sides = clouds(a, b, told)?;
        told.push(format!("{}: {} walls", walls.name, walls.shape[0]));
        let most = 100;
        if walls.shape[0] > most {
            return Err(Error::new(format!("{}: {} walls; at most {most} are read", walls.name, walls.shape[0])));
        }
        let columns = WALLS.map(|name| column(walls, name).expect("it is named"));
        let boxes: Vec<[f64; 4]> = walls
            .values
            .chunks_exact(walls.columns.len())
            .map(|row| columns.map(|c| row[c]))
            .map(|[x0, y0, x1, y1]| [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)])
            .collect();
        Task::new(Kind::Cloud, sides, self.straight()).walled(&Walls::new(&boxes), self.exponent())
    }

    /// Two measures on the nodes of a graph, and beside them its edges.
    fn own_graph(&self, arrays: &[&Array], told: &mut Vec<String>) -> Result<Task> {
        let (edges, [a, b]) = apart(arrays, &EDGES)?;
        let placed = !(single(a) && single(b));
        let mut sides = if placed {
            clouds(a, b, told)?
        } else {
            [a, b].into_iter().enumerate().for_each(|(k, array)| told.push(is(k, array, "the masses of a graph's nodes")));
            [Side::new(&a.name, 0, &[], &a.values)?.weighed(), Side::new(&b.name, 0, &[], &b.values)?.weighed()]
        };
        let nodes = sides[0].of;
        if nodes != sides[1].of || nodes > NODES || placed && sides[0].d != 2 {
            return Err(Error::new(format!(
                "{} has {nodes} rows and {} has {}: both list the same nodes, at most {NODES}, as one column of masses or as x, y and weight",
                a.name, b.name, sides[1].of
            )));
        }
        let [from, to] = EDGES.map(|name| column(edges, name).expect("it is named"));
        let length = column(edges, "length");
        let of = if length.is_some() { "with lengths" } else { "of length 1" };
        told.push(format!("{}: {} edges {of} between {nodes} nodes, counted from 0", edges.name, edges.shape[0]));
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

/// Columns that tell edges and walls.
const EDGES: [&str; 2] = ["from", "to"];
const WALLS: [&str; 4] = ["x0", "y0", "x1", "y1"];

/// The sentence of what an array was taken for.
fn is(which: usize, array: &Array, what: &str) -> String {
    format!("{} is the {}: {what}", array.name, ["source", "target"][which])
}

/// Height × width, as numpy has it.
fn size(array: &Array) -> String {
    array.shape.iter().take(2).map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// The arrays to be used, the source before the target, and a sentence for each that is not: where there are more of them than are needed,
/// the names source and target say which are.
fn used(arrays: &[Array]) -> (Vec<&Array>, Vec<String>) {
    let called = |name: &str| {
        let own = |array: &Array| array.name.rsplit('/').next().and_then(|own| own.split('.').next()).map(str::to_lowercase);
        let mut these = arrays.iter().filter(|a| own(a).is_some_and(|own| own == name));
        these.next().filter(|_| these.next().is_none())
    };
    let (Some(source), Some(target)) = (called("source"), called("target")) else {
        return (arrays.iter().collect(), Vec::new());
    };
    let costs = |c: &Array| flat(source) && flat(target) && c.shape == [source.values.len(), target.values.len()];
    let (others, spare): (Vec<&Array>, Vec<&Array>) = arrays
        .iter()
        .filter(|a| !std::ptr::eq(*a, source) && !std::ptr::eq(*a, target))
        .partition(|a| named(a, &EDGES) || named(a, &WALLS) || costs(a));
    let spare = spare.into_iter().map(|a| format!("{} is not used: the arrays called source and target are", a.name)).collect();
    ([source, target].into_iter().chain(others).collect(), spare)
}

/// Is it a single row or column?
fn flat(array: &Array) -> bool {
    array.shape.iter().filter(|n| **n > 1).count() <= 1
}

/// Refuses an array with a gap in it; costs may be +∞.
pub(super) fn whole(array: &Array, costs: bool) -> Result<()> {
    let gap = |v: &f64| !(v.is_finite() || costs && *v == f64::INFINITY);
    let Some(index) = array.values.iter().position(gap) else { return Ok(()) };
    let hint = if costs { "; a large one, as 1e30, forbids its pair" } else { "" };
    let place = array.place(index);
    Err(Error::new(format!("{}: {place} is empty or not finite; every number must be finite here{hint}", array.name)))
}

/// The array with columns of these names, and the two others in their order.
fn apart<'a>(arrays: &[&'a Array], names: &[&str]) -> Result<(&'a Array, [&'a Array; 2])> {
    let (these, others): (Vec<&Array>, Vec<&Array>) = arrays.iter().copied().partition(|a| named(a, names));
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
fn clouds(a: &Array, b: &Array, told: &mut Vec<String>) -> Result<[Side; 2]> {
    let (source, target) = (cloud(a)?, cloud(b)?);
    for (k, (array, side)) in [(a, &source), (b, &target)].into_iter().enumerate() {
        let coordinates = if side.d == 1 { "1 dimension".into() } else { format!("{} dimensions", side.d) };
        let mass = weight(array).map_or("of equal mass".into(), |w| format!("with masses from its column {}", array.columns[w]));
        told.push(is(k, array, &format!("a cloud of {} points in {coordinates}, {mass}", side.of)));
    }
    if source.d != target.d {
        return Err(Error::new(format!(
            "{} has {} coordinate columns but {} has {}: both sides need the same number",
            a.name, source.d, b.name, target.d
        )));
    }
    Ok([source, target])
}

/// Width and height, if the array can be a picture: three dimensions of which the last has 1, 3 or 4, or a table too wide for coordinates.
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

/// Pixels a side of a picture's ink.
const INK: usize = 44;

/// A picture's ink as masses, at most about so many pixels a side: larger ones are summed up in blocks. Row 0 at the bottom.
fn ink(array: &Array) -> Result<(&str, usize, usize, Vec<f64>)> {
    let (width, height, values) = darkness(array)?;
    let block = width.max(height).div_ceil(INK);
    let (w, h) = (width.div_ceil(block), height.div_ceil(block));
    let mut mass = vec![0.0; w * h];
    for (k, value) in values.iter().enumerate() {
        mass[(h - 1 - k / width / block) * w + k % width / block] += value;
    }
    Ok((&array.name, w, h, mass))
}

/// Is it one column of numbers?
fn single(array: &Array) -> bool {
    array.shape.len() == 1 || array.shape.len() == 2 && array.shape[1] == 1
}

/// What the name of a single column says of its numbers.
fn says(array: &Array) -> Option<Files> {
    const HEIGHTS: [&str; 14] = [
        "weight",
        "weights",
        "mass",
        "masses",
        "height",
        "heights",
        "count",
        "counts",
        "frequency",
        "density",
        "probability",
        "histogram",
        "hist",
        "p",
    ];
    let name = array.columns.first()?.trim().to_lowercase();
    if name.is_empty() || name.parse::<f64>().is_ok() {
        return None;
    }
    Some(if HEIGHTS.contains(&&*name) { Files::Heights } else { Files::Samples })
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
    if d == 0 {
        return Err(Error::new(format!(
            "{name}: masses alone; a cloud has a column a coordinate (x, y, z, …) beside its weight"
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
fn matrix(array: &Array, masses: Option<[&Array; 2]>, told: &mut Vec<String>) -> Result<Task> {
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
    told.push(format!("{name}: costs of moving from {rows} rows, the source, to {columns} columns, the target"));
    told.push(match masses {
        Some([a, b]) => format!("{} has the masses of the rows, {} those of the columns", a.name, b.name),
        None => "the rows have equal masses, and so have the columns".into(),
    });
    let side = |k: usize| Ok::<Side, Error>(Side { weighed: masses.is_some(), ..Side::new(names[k], 0, &[], &given[k])? });
    let sides = [side(0)?, side(1)?];
    let [source, target] = &sides;
    // A pair that must not be costs so much that no plan takes it, however little mass it has.
    let plain = |c: &f64| c.abs() <= DEAREST;
    let largest = array.values.iter().copied().filter(plain).fold(0.0, |a: f64, c| a.max(c.abs()));
    let forbidding = FORBIDDING * if largest > 0.0 { largest } else { 1.0 };
    let value = |k: usize| if plain(&array.values[k]) { array.values[k] } else { forbidding };
    let forbidden = array.values.iter().filter(|c| !plain(c)).count();
    if forbidden > 0 {
        told.push(format!("{name}: {forbidden} pairs cost more than {DEAREST:e} and are forbidden: ε is no share of them"));
    }
    let kept = source.index.iter().flat_map(|i| target.index.iter().map(move |j| i * columns + j)).map(value).collect();
    let task = Task::new(Kind::Matrix, sides, Ground::Given(kept));
    Ok(Task { forbidding: if forbidden > 0 { forbidding } else { f64::INFINITY }, ..task })
}
