//! Values over a rectangle: cells as one bitmap, contours, paths, a draggable start.

use crate::axes::{
    BAR_GAP, Entry, Frame, Legend, NAME, ROW, Surroundings, Symbol, bar_room, draw_axes, draw_bar, foot_room, left_room,
};
use crate::chart::{LINE, draw_handle};
use crate::clip;
use crate::colour::Colour;
use crate::page::{Drawn, Nearest, Page, ReadOut, count, exact};
use crate::palette::{ColourScale, Palette};
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, distance, fit, text_width};
use crate::scale::{self, Scaler, worded};
use ground::view::{Handle, HeatMap, Path, Scale};

/// Cells as they are: columns, rows, and no more values than both make.
pub(crate) struct Cells<'a> {
    pub columns: usize,
    pub rows: usize,
    pub values: &'a [f32],
}

impl<'a> Cells<'a> {
    pub fn of(columns: usize, values: &'a [f32]) -> Self {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        if rows == 0 {
            return Cells { columns: 0, rows: 0, values: &[] };
        }
        Cells { columns, rows, values: &values[..columns * rows] }
    }
    pub fn at(&self, column: usize, row: usize) -> f64 {
        f64::from(self.values[row * self.columns + column])
    }
    pub fn scale(&self, axis: &ground::view::Axis) -> ColourScale {
        ColourScale::fit(axis, self.values.iter().map(|&v| f64::from(v)))
    }
}

/// The scales over the whole of the cells.
pub(crate) fn extents(map: &HeatMap) -> (Scaler, Scaler) {
    let none = std::iter::empty();
    (Scaler::fit(&map.x, none.clone(), 0.0), Scaler::fit(&map.y, none, 0.0))
}

struct Layout {
    frame: Frame,
    legend: Legend,
    scale: ColourScale,
}

/// The rectangle for a picture with a colour bar: the y name and the legend above, the bar at the right.
pub(crate) struct BarLayout {
    pub legend: Legend,
    pub top: f64,
    pub right: f64,
}

/// Places the y axis's name, the legend and the colour bar.
pub(crate) fn with_bar(page: &Page, title: &str, value: &str, entries: Vec<Entry>, scale: &ColourScale, foot: f64) -> BarLayout {
    let area = page.area();
    // The bar's name has the right end of the first row for itself.
    let width = if value.is_empty() { 0.0 } else { text_width(value, NAME) + 18.0 };
    let mut legend = Legend::place(title, entries, area.x, area.right() - width, area.y);
    if !value.is_empty() {
        legend.height = legend.height.max(ROW);
    }
    let top = area.y + legend.height + if legend.height > 0.0 { 5.0 } else { 0.0 };
    let right = area.right() - bar_room(scale, (area.bottom() - foot - top).max(1.0));
    BarLayout { legend, top, right }
}

/// The y axis's name at the left and the colour bar's at the right of the first row.
///
/// The latter begins over the bar, at `bar`, where it has the room.
pub(crate) fn draw_titles(pen: &mut dyn Pen, page: &Page, title: (&str, f64), value: &str, bar: f64) {
    let area = page.area();
    let y = area.y + ROW / 2.0;
    let value = fit(value, NAME, area.w * 0.6);
    let at = bar.min(area.right() - text_width(&value, NAME));
    let style = Type::new(NAME, page.palette.text);
    pen.text((title.1, y), &fit(title.0, NAME, at - 12.0 - title.1), &style);
    pen.text((at, y), &value, &style.at(Anchor::Start, Baseline::Middle));
}

pub(crate) fn path_entries(paths: &[Path]) -> Vec<Entry> {
    paths.iter().map(|p| Entry { name: p.name.clone(), ink: p.ink, symbol: Symbol::Line }).collect()
}

fn layout(map: &HeatMap, page: &Page) -> Layout {
    let area = page.area();
    let scale = Cells::of(map.columns, &map.values).scale(&map.value);
    let (mut x, mut y) = extents(map);
    if let Some([wx, wy]) = page.camera.window {
        (x, y) = (x.over(wx), y.over(wy));
    }
    let foot = foot_room(&map.x);
    let bar = with_bar(page, &scale::title(&map.y), &scale::title(&map.value), path_entries(&map.paths), &scale, foot);
    let bottom = (area.bottom() - foot).max(bar.top);
    let left = (area.x + left_room(&y, (bottom - bar.top).max(1.0))).min(bar.right);
    let frame = Frame::new(Rect::between(left, bar.top, bar.right, bottom), x, y);
    Layout { frame, legend: bar.legend, scale }
}

/// The cells that `frame` shows as a bitmap over its rectangle.
///
/// `column` and `row` say which cell lies at a place (0..=1, y downwards) of the frame. Where whole cells are shown the
/// bitmap has a pixel a cell; where cells are cut by the frame it is finer.
pub(crate) fn draw_cells(
    pen: &mut dyn Pen,
    palette: &Palette,
    rect: Rect,
    (columns, rows): (usize, usize),
    (from_x, to_x): (f64, f64),
    (from_y, to_y): (f64, f64),
    colour: impl Fn(usize, usize) -> Colour,
) {
    if columns == 0 || rows == 0 || rect.w < 1.0 || rect.h < 1.0 {
        return;
    }
    // Ends of the shown part in cells.
    let pixels = |from: f64, to: f64, cells: usize, length: f64| {
        let shown = (to - from).abs() * cells as f64;
        let whole = |v: f64| (v * cells as f64 - (v * cells as f64).round()).abs() < 1e-6;
        if shown >= 0.5 && shown <= 4.0 * length && whole(from) && whole(to) {
            shown.round() as usize
        } else {
            (shown * 8.0).min(2.0 * length).ceil().max(1.0) as usize
        }
    };
    let (wide, high) = (pixels(from_x, to_x, columns, rect.w), pixels(from_y, to_y, rows, rect.h));
    let cell = |i: usize, n: usize, from: f64, to: f64, cells: usize| {
        let t = from + (to - from) * (i as f64 + 0.5) / n as f64;
        (0.0..1.0).contains(&t).then(|| ((t * cells as f64) as usize).min(cells - 1))
    };
    let across: Vec<_> = (0..wide).map(|i| cell(i, wide, from_x, to_x, columns)).collect();
    let mut rgba = Vec::with_capacity(4 * wide * high);
    for i in 0..high {
        let row = cell(i, high, from_y, to_y, rows);
        for column in &across {
            let c = match (*column, row) {
                (Some(column), Some(row)) => colour(column, row),
                _ => palette.background,
            };
            rgba.extend_from_slice(&c.bytes());
        }
    }
    pen.bitmap(rect, wide, high, &rgba);
}

impl Drawn for &HeatMap {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let Layout { frame, legend, scale } = layout(self, page);
        let palette = page.palette;
        draw_titles(pen, page, (&scale::title(&self.y), page.area().x), &scale::title(&self.value), frame.rect.right() + BAR_GAP);
        legend.draw(pen, palette);
        if frame.rect.w < 8.0 || frame.rect.h < 8.0 {
            return;
        }
        let cells = Cells::of(self.columns, &self.values);
        let (full_x, full_y) = extents(self);
        let x = (full_x.place(frame.x.low), full_x.place(frame.x.high));
        // The first row is the lowest.
        let y = (1.0 - full_y.place(frame.y.high), 1.0 - full_y.place(frame.y.low));
        let rows = cells.rows;
        draw_cells(pen, palette, frame.rect, (cells.columns, rows), x, y, |column, row| {
            palette.shade(&scale, cells.at(column, rows - 1 - row))
        });
        draw_contours(self, &cells, &scale, (full_x, full_y), pen, palette, &frame);
        draw_axes(pen, palette, &frame, &Surroundings { x: &self.x, grid: false, categories: None });
        pen.outline(frame.rect, palette.frame, 1.0);
        for path in &self.paths {
            draw_path(pen, palette, &frame, path);
        }
        draw_bar(pen, palette, frame.rect, &scale);
        if let Some(handle) = &self.handle {
            draw_handle(pen, palette, &frame, handle);
        }
    }

    /// The cell under the pointer, or the point of a path near it.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let Layout { frame, .. } = layout(self, page);
        if !frame.rect.contains(px) {
            return None;
        }
        let mut nearest = Nearest::within(8.0);
        for path in &self.paths {
            for (i, (&x, &y)) in path.x.iter().zip(&path.y).enumerate() {
                let at = frame.px((x, y));
                if frame.rect.contains(at) {
                    nearest.offer(distance(at, px), at, || on_path(self, path, i, x, y));
                }
            }
        }
        if let Some(found) = nearest.found() {
            return Some(found);
        }
        let cells = Cells::of(self.columns, &self.values);
        let (full_x, full_y) = extents(self);
        let (x, y) = frame.data(px);
        let (u, v) = (full_x.place(x), full_y.place(y));
        if cells.columns == 0 || !(0.0..=1.0).contains(&u) || !(0.0..=1.0).contains(&v) {
            return None;
        }
        let column = ((u * cells.columns as f64) as usize).min(cells.columns - 1);
        let row = ((v * cells.rows as f64) as usize).min(cells.rows - 1);
        let middle = centre(&cells, (full_x, full_y), column, row);
        Some(ReadOut { text: in_cell(self, &cells, middle, column, row), at: frame.px(middle) })
    }

    fn frame(&self, page: &Page) -> Option<Frame> {
        Some(layout(self, page).frame)
    }

    fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }

    /// The cells, then the paths, a row each.
    fn rows(&self) -> Vec<Vec<String>> {
        let cells = Cells::of(self.columns, &self.values);
        let scales = extents(self);
        let named =
            |axis, fallback: &str| Some(scale::title(axis)).filter(|t| !t.is_empty()).unwrap_or_else(|| fallback.to_owned());
        let mut head = vec![named(&self.x, "x"), named(&self.y, "y"), named(&self.value, "value")];
        let with_paths = !self.paths.is_empty();
        if with_paths {
            head.extend(["path".to_owned(), "step".to_owned()]);
        }
        let mut rows = vec![head];
        for row in 0..cells.rows {
            for column in 0..cells.columns {
                let (x, y) = centre(&cells, scales, column, row);
                let mut line = vec![exact(x), exact(y), exact(cells.values[row * cells.columns + column])];
                if with_paths {
                    line.extend([String::new(), String::new()]);
                }
                rows.push(line);
            }
        }
        for path in &self.paths {
            for (step, (x, y)) in path.x.iter().zip(&path.y).enumerate() {
                rows.push(vec![exact(x), exact(y), String::new(), path.name.clone(), exact(step)]);
            }
        }
        rows
    }

    fn describe(&self) -> String {
        describe(self, "Heat map")
    }
}

/// A path with a seam of the background, so that it stands out from any colour under it; a ring at its start, a dot at its end.
pub(crate) fn draw_path(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, path: &Path) {
    let colour = palette.ink(path.ink);
    let points = || path.x.iter().zip(&path.y).map(|(&x, &y)| frame.px((x, y)));
    let stretches = clip::line(&frame.rect, points());
    for stretch in &stretches {
        pen.line(stretch, palette.background.fade(0.75), LINE + 2.0);
    }
    for stretch in &stretches {
        pen.line(stretch, colour, LINE);
    }
    let mut finite = points().filter(|p| p.0.is_finite() && p.1.is_finite());
    let ends = (finite.next(), finite.next_back());
    let seen = |p: &Px| frame.rect.contains(*p);
    if let Some(start) = ends.0.filter(seen) {
        pen.disc(start, 3.6, palette.background);
        pen.ring(start, 3.0, colour, 1.5);
    }
    if let Some(end) = ends.1.filter(seen) {
        pen.disc(end, 4.4, palette.background);
        pen.disc(end, 3.4, colour);
    }
}

/// The values at which contours are drawn: even steps of the colour scale.
fn levels(map: &HeatMap, scale: &ColourScale) -> Vec<f64> {
    let n = map.contours.min(60);
    let scaler = Scaler::new((scale.low, scale.high), scale.scale);
    (1..=n).map(|i| scaler.value(i as f64 / (n + 1) as f64)).collect()
}

fn draw_contours(
    map: &HeatMap,
    cells: &Cells,
    scale: &ColourScale,
    (full_x, full_y): (Scaler, Scaler),
    pen: &mut dyn Pen,
    palette: &Palette,
    frame: &Frame,
) {
    let (columns, rows) = (cells.columns as f64, cells.rows as f64);
    for level in levels(map, scale) {
        let colour = palette.on(palette.shade(scale, level)).fade(0.45);
        for chain in contour(cells, level) {
            let points = chain.iter().map(|&(column, row)| {
                let at = (full_x.value((column + 0.5) / columns), full_y.value((row + 0.5) / rows));
                frame.px(at)
            });
            for stretch in clip::line(&frame.rect, points) {
                pen.line(&stretch, colour, 1.0);
            }
        }
    }
}

/// The line where the bilinear surface through the cells' middles is at `level`, in cells (marching squares), as chains.
///
/// In saddles the mean of the four corners decides which corners are joined.
pub(crate) fn contour(cells: &Cells, level: f64) -> Vec<Vec<(f64, f64)>> {
    let (columns, rows) = (cells.columns, cells.rows);
    if columns < 2 || rows < 2 {
        return Vec::new();
    }
    // An edge of the grid of middles: 2 * (index of its lower left end) + (1 if it goes up).
    let mut links: Vec<[u32; 2]> = Vec::new();
    let edge = |column: usize, row: usize, up: bool| (2 * (row * columns + column) + usize::from(up)) as u32;
    for row in 0..rows - 1 {
        for column in 0..columns - 1 {
            let corner =
                [cells.at(column, row), cells.at(column + 1, row), cells.at(column + 1, row + 1), cells.at(column, row + 1)];
            if corner.iter().any(|v| !v.is_finite()) {
                continue;
            }
            let above = corner.map(|v| v > level);
            let case = above.iter().enumerate().fold(0, |case, (i, &a)| case | usize::from(a) << i);
            let side = |i: usize| match i {
                0 => edge(column, row, false),
                1 => edge(column + 1, row, true),
                2 => edge(column, row + 1, false),
                _ => edge(column, row, true),
            };
            let mut join = |a: usize, b: usize| links.push([side(a), side(b)]);
            match case {
                0 | 15 => {}
                1 | 14 => join(3, 0),
                2 | 13 => join(0, 1),
                4 | 11 => join(1, 2),
                8 | 7 => join(2, 3),
                3 | 12 => join(3, 1),
                6 | 9 => join(0, 2),
                _ => {
                    let middle = corner.iter().sum::<f64>() / 4.0 > level;
                    // Corners 0 and 2 are above in case 5, corners 1 and 3 in case 10.
                    if (case == 5) == middle {
                        join(0, 1);
                        join(2, 3);
                    } else {
                        join(3, 0);
                        join(1, 2);
                    }
                }
            }
        }
    }
    let place = |edge: u32| {
        let (start, up) = ((edge / 2) as usize, edge % 2 == 1);
        let (column, row) = (start % columns, start / columns);
        let (a, b) = (cells.at(column, row), if up { cells.at(column, row + 1) } else { cells.at(column + 1, row) });
        let t = ((level - a) / (b - a)).clamp(0.0, 1.0);
        if up { (column as f64, row as f64 + t) } else { (column as f64 + t, row as f64) }
    };
    chains(&links, 2 * columns * rows).into_iter().map(|chain| chain.into_iter().map(place).collect()).collect()
}

/// Joins links that share an edge into chains; each edge has at most two links.
fn chains(links: &[[u32; 2]], edges: usize) -> Vec<Vec<u32>> {
    const NONE: u32 = u32::MAX;
    let mut at = vec![[NONE; 2]; edges];
    for (index, link) in links.iter().enumerate() {
        for &edge in link {
            let slot = &mut at[edge as usize];
            slot[usize::from(slot[0] != NONE)] = index as u32;
        }
    }
    let mut used = vec![false; links.len()];
    let follow = |start: usize, mut edge: u32, used: &mut Vec<bool>| {
        let mut chain = Vec::new();
        let mut link = start;
        loop {
            used[link] = true;
            let [a, b] = links[link];
            edge = if a == edge { b } else { a };
            chain.push(edge);
            match at[edge as usize].iter().find(|&&l| l != NONE && !used[l as usize]) {
                Some(&next) => link = next as usize,
                None => return chain,
            }
        }
    };
    let mut found = Vec::new();
    for index in 0..links.len() {
        if used[index] {
            continue;
        }
        let a = links[index][0];
        let forward = follow(index, a, &mut used);
        let back = at[a as usize].iter().find(|&&l| l != NONE && !used[l as usize]).copied();
        let mut chain: Vec<u32> = back.map_or(Vec::new(), |next| follow(next as usize, a, &mut used));
        chain.reverse();
        chain.push(a);
        chain.extend(forward);
        found.push(chain);
    }
    found
}

/// The middle of a cell, in the axes.
pub(crate) fn centre(cells: &Cells, (x, y): (Scaler, Scaler), column: usize, row: usize) -> (f64, f64) {
    (x.value((column as f64 + 0.5) / cells.columns as f64), y.value((row as f64 + 0.5) / cells.rows as f64))
}

pub(crate) fn in_cell(map: &HeatMap, cells: &Cells, at: (f64, f64), column: usize, row: usize) -> String {
    format!(
        "{}\n{}, {}",
        worded(&map.value, "value", cells.at(column, row)),
        worded(&map.x, "x", at.0),
        worded(&map.y, "y", at.1)
    )
}

pub(crate) fn on_path(map: &HeatMap, path: &Path, step: usize, x: f64, y: f64) -> String {
    let name = if path.name.is_empty() { "path" } else { &path.name };
    format!("{name}, step {step}\n{}, {}", worded(&map.x, "x", x), worded(&map.y, "y", y))
}

/// One sentence made from the data; `kind` says what it is drawn as.
pub(crate) fn describe(map: &HeatMap, kind: &str) -> String {
    let cells = Cells::of(map.columns, &map.values);
    let scales = extents(map);
    let what = scale::label(&map.value, "values");
    let over = format!("{} and {}", scale::label(&map.x, "x"), scale::label(&map.y, "y"));
    let finite = || cells.values.iter().enumerate().filter(|(_, v)| v.is_finite());
    let low = finite().min_by(|a, b| a.1.total_cmp(b.1));
    let high = finite().max_by(|a, b| a.1.total_cmp(b.1));
    let (Some((i, low)), Some((j, high))) = (low, high) else {
        return format!("{kind} of {what} over {over}, without values.");
    };
    let place = |index: usize| {
        let (x, y) = centre(&cells, scales, index % cells.columns, index / cells.columns);
        format!("{}, {}", scale::quantity(&map.x, x), scale::quantity(&map.y, y))
    };
    let value = |v: f32| scale::quantity(&map.value, f64::from(v));
    let log = if map.value.scale == Scale::Log { " on a logarithmic scale" } else { "" };
    let mut text = format!(
        "{kind} of {what} over {over}{log}: from {} at ({}) to {} at ({})",
        value(*low),
        place(i),
        value(*high),
        place(j)
    );
    text += &describe_paths(map, &map.paths);
    if let Some(handle) = &map.handle {
        text += &format!("; {} at ({}, {})", handle.name, scale::number(handle.at.0), scale::number(handle.at.1));
    }
    text + "."
}

/// Where paths start and end.
fn describe_paths(map: &HeatMap, paths: &[Path]) -> String {
    const MOST: usize = 4;
    let mut text = String::new();
    for path in paths.iter().take(MOST) {
        let mut finite = path.x.iter().zip(&path.y).filter(|(x, y)| x.is_finite() && y.is_finite());
        let Some(first) = finite.next() else { continue };
        let last = finite.next_back().unwrap_or(first);
        let point = |p: (&f64, &f64)| format!("({}, {})", scale::quantity(&map.x, *p.0), scale::quantity(&map.y, *p.1));
        let name = if path.name.is_empty() { "a path" } else { &path.name };
        text += &format!("; {name} from {} to {}", point(first), point(last));
    }
    if paths.len() > MOST {
        text += &format!("; and {}", count(paths.len() - MOST, "more path", "more paths"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contour_of_a_cone_is_one_closed_circle() {
        let n = 81;
        let at = |i: usize| i as f64 - 40.0;
        let values: Vec<f32> = (0..n * n).map(|k| (at(k % n) * at(k % n) + at(k / n) * at(k / n)).sqrt() as f32).collect();
        let chains = contour(&Cells::of(n, &values), 25.3);
        assert_eq!(chains.len(), 1);
        assert_eq!(chains[0].first(), chains[0].last());
        for (x, y) in &chains[0] {
            let radius = ((x - 40.0) * (x - 40.0) + (y - 40.0) * (y - 40.0)).sqrt();
            // Linear interpolation along an edge of length 1 is off by at most 1 / (8 r).
            assert!((radius - 25.3).abs() < 1.0 / (8.0 * 25.0), "{radius}");
        }
    }

    #[test]
    fn contours_end_at_the_border_and_at_missing_cells() {
        let n = 20;
        let mut values: Vec<f32> = (0..n * n).map(|k| (k % n) as f32).collect();
        assert_eq!(contour(&Cells::of(n, &values), 7.5).len(), 1);
        values[10 * n + 7] = f32::NAN;
        assert_eq!(contour(&Cells::of(n, &values), 7.5).len(), 2);
    }
}
