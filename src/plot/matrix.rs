//! A matrix as one bitmap, with names, numbers in small ones, and outlined entries.

use crate::axes::{BAR_GAP, Frame, NAME, ROW, SMALL, draw_bar, tick_count};
use crate::chart::brief;
use crate::colour::Colour;
use crate::heat_map::{Cells, draw_cells, draw_titles, with_bar};
use crate::page::{Drawn, Page, ReadOut, count, exact};
use crate::palette::ColourScale;
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, fit, text_width};
use crate::scale::{self, Scaler};
use ground::view::{Axis, Matrix, Scale};

struct Layout {
    frame: Frame,
    scale: ColourScale,
    /// Column names stand upright.
    upright: bool,
}

fn cells(matrix: &Matrix) -> Cells<'_> {
    Cells::of(matrix.columns, &matrix.values)
}

/// The room at the left for row names or numbers.
fn name_room(matrix: &Matrix, width: f64) -> f64 {
    let names = &matrix.names;
    if names.is_empty() {
        let cells = cells(matrix);
        return text_width(&scale::number(cells.rows as f64), SMALL) + 8.0;
    }
    names.iter().map(|n| text_width(n, SMALL)).fold(0.0, f64::max).min(0.3 * width) + 8.0
}

fn longest(matrix: &Matrix) -> f64 {
    matrix.names.iter().map(|n| text_width(n, SMALL)).fold(0.0, f64::max)
}

fn layout(matrix: &Matrix, page: &Page) -> Layout {
    let area = page.area();
    let cells = cells(matrix);
    let scale = cells.scale(&matrix.value);
    let left = area.x + name_room(matrix, area.w);
    let named = !matrix.names.is_empty();
    let name_foot = if matrix.column.is_empty() { 3.0 } else { ROW + 3.0 };
    let longest = longest(matrix);

    let place = |foot: f64| {
        let bar = with_bar(page, &matrix.row, &scale::title(&matrix.value), Vec::new(), &scale, foot);
        let bottom = (area.bottom() - foot).max(bar.top);
        let room = Rect::between(left.min(bar.right), bar.top, bar.right, bottom);
        let (columns, rows) = (cells.columns.max(1) as f64, cells.rows.max(1) as f64);
        let side = (room.w / columns).min(room.h / rows);
        // Square cells, unless that would leave most of the room empty.
        if (side * columns) * (side * rows) < 0.3 * room.w * room.h {
            room
        } else {
            Rect { x: room.x + (room.w - side * columns) / 2.0, w: side * columns, h: side * rows, ..room }
        }
    };
    let mut rect = place(20.0 + name_foot);
    let mut upright = false;
    if named && longest + 4.0 > rect.w / cells.columns.max(1) as f64 {
        upright = true;
        rect = place(longest.min(0.3 * area.h) + 12.0 + name_foot);
    }
    let (columns, rows) = (cells.columns.max(1) as f64, cells.rows.max(1) as f64);
    let (mut x, mut y) = (Scaler::new((0.0, columns), Scale::Linear), Scaler::new((0.0, rows), Scale::Linear));
    if let Some([wx, wy]) = page.camera.window {
        (x, y) = (x.over(wx), y.over(wy));
    }
    Layout { frame: Frame { rect, x, y, down: true }, scale, upright }
}

impl Drawn for &Matrix {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let Layout { frame, scale, upright } = layout(self, page);
        let (palette, cells, rect) = (page.palette, cells(self), frame.rect);
        let names = rect.x - name_room(self, page.area().w);
        draw_titles(pen, page, (&self.row, names), &scale::title(&self.value), rect.right() + BAR_GAP);
        if rect.w < 8.0 || rect.h < 8.0 || cells.columns == 0 {
            return;
        }
        let (columns, rows) = (cells.columns as f64, cells.rows as f64);
        let x = (frame.x.low / columns, frame.x.high / columns);
        let y = (frame.y.low / rows, frame.y.high / rows);
        draw_cells(pen, palette, rect, (cells.columns, cells.rows), x, y, |column, row| {
            palette.shade(&scale, cells.at(column, row))
        });
        pen.outline(rect, palette.frame, 1.0);
        draw_bar(pen, palette, rect, &scale);

        // Names or numbers beside rows and columns.
        let cell = (rect.w / (frame.x.high - frame.x.low), rect.h / (frame.y.high - frame.y.low));
        let named = !self.names.is_empty();
        let small = Type::new(SMALL, if named { palette.text } else { palette.faint_text });
        let shown = |scaler: &Scaler, n: usize, size: f64, least: f64| -> Vec<usize> {
            if named {
                let every = (least / size).ceil().max(1.0) as usize;
                (0..n).step_by(every).collect()
            } else {
                let ticks = scaler.ticks(tick_count(size * (scaler.high - scaler.low), false));
                ticks.iter().filter(|t| t.at >= 0.0 && t.at.fract() == 0.0).map(|t| t.at as usize).filter(|&i| i < n).collect()
            }
        };
        let name = |i: usize| if named { self.names.get(i).cloned().unwrap_or_default() } else { scale::number(i as f64) };
        for row in shown(&frame.y, cells.rows, cell.1, 12.0) {
            let at = frame.px_y(row as f64 + 0.5);
            if at > rect.y && at < rect.bottom() {
                let text = fit(&name(row), SMALL, rect.x - names - 5.0);
                pen.text((rect.x - 5.0, at), &text, &small.at(Anchor::End, Baseline::Middle));
            }
        }
        let least = if upright || !named { 14.0 } else { 1.0 };
        for column in shown(&frame.x, cells.columns, cell.0, least) {
            let at = frame.px_x(column as f64 + 0.5);
            if at > rect.x && at < rect.right() {
                if upright {
                    let text = fit(&name(column), SMALL, 0.3 * page.area().h);
                    pen.text((at, rect.bottom() + 6.0), &text, &small.at(Anchor::End, Baseline::Middle).upward());
                } else {
                    pen.text((at, rect.bottom() + 6.0), &name(column), &small.at(Anchor::Middle, Baseline::Top));
                }
            }
        }
        let style = Type::new(NAME, palette.text);
        let width = text_width(&self.column, NAME);
        let area = page.area();
        let end = rect.right().max(area.x + width.min(area.w));
        let under = if upright { longest(self).min(0.3 * area.h) + 10.0 } else { SMALL + 7.0 };
        let foot = (rect.bottom() + under + ROW - 3.0).min(area.bottom());
        pen.text((end, foot), &fit(&self.column, NAME, area.w), &style.at(Anchor::End, Baseline::Foot));

        if cells.columns <= 12 && cells.rows <= 12 {
            draw_numbers(self, pen, page, &frame, &scale, cell);
        }
        draw_outlines(self, pen, palette.series[1], &frame, cell);
    }

    /// The entry under the pointer.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let Layout { frame, .. } = layout(self, page);
        let cells = cells(self);
        if !frame.rect.contains(px) || cells.columns == 0 {
            return None;
        }
        let (x, y) = frame.data(px);
        if !(x >= 0.0 && y >= 0.0 && x <= cells.columns as f64 && y <= cells.rows as f64) {
            return None;
        }
        let (column, row) = ((x as usize).min(cells.columns - 1), (y as usize).min(cells.rows - 1));
        let text = format!(
            "{}\n{} {}, {} {}",
            scale::worded(&self.value, "value", cells.at(column, row)),
            word(&self.row, "row"),
            named(self, row),
            word(&self.column, "column"),
            named(self, column)
        );
        Some(ReadOut { text, at: frame.px((column as f64 + 0.5, row as f64 + 0.5)) })
    }

    fn frame(&self, page: &Page) -> Option<Frame> {
        Some(layout(self, page).frame)
    }

    /// A row an entry.
    fn rows(&self) -> Vec<Vec<String>> {
        let cells = cells(self);
        let value = scale::title(&self.value);
        let mut head = vec![word(&self.row, "row").to_owned(), word(&self.column, "column").to_owned()];
        head.push(if value.is_empty() { "value".to_owned() } else { value });
        let outlines = !self.outlined.is_empty();
        if outlines {
            head.push("outlined".to_owned());
        }
        let mut outlined = vec![false; cells.values.len()];
        for &index in &self.outlined {
            if let Some(flag) = outlined.get_mut(index as usize) {
                *flag = true;
            }
        }
        let mut rows = vec![head];
        let name = |i: usize| self.names.get(i).cloned().unwrap_or_else(|| exact(i));
        for (index, value) in cells.values.iter().enumerate() {
            let mut row = vec![name(index / cells.columns), name(index % cells.columns), exact(value)];
            if outlines {
                row.push(exact(outlined[index]));
            }
            rows.push(row);
        }
        rows
    }

    fn describe(&self) -> String {
        let cells = cells(self);
        let of = |axis: &Axis| if axis.label.is_empty() { String::new() } else { format!(" of {}", axis.label) };
        let what = format!(
            "Matrix{} with {} ({}) and {} ({})",
            of(&self.value),
            count(cells.rows, "row", "rows"),
            word(&self.row, "row"),
            count(cells.columns, "column", "columns"),
            word(&self.column, "column")
        );
        let finite = || cells.values.iter().enumerate().filter(|(_, v)| v.is_finite());
        let low = finite().min_by(|a, b| a.1.total_cmp(b.1));
        let high = finite().max_by(|a, b| a.1.total_cmp(b.1));
        let (Some(low), Some(high)) = (low, high) else { return format!("{what}, without values.") };
        let place = |i: usize| format!("({}, {})", named(self, i / cells.columns), named(self, i % cells.columns));
        let value = |v: f32| scale::quantity(&self.value, f64::from(v));
        let mut text = format!("{what}: from {} at {} to {} at {}", value(*low.1), place(low.0), value(*high.1), place(high.0));
        let zeros = cells.values.iter().filter(|v| **v == 0.0).count();
        if zeros > 0 && 2 * zeros >= cells.values.len() {
            text += &format!(", {} of {} entries not zero", cells.values.len() - zeros, cells.values.len());
        }
        if !self.outlined.is_empty() {
            text += &format!(", {} outlined", self.outlined.len());
        }
        text + "."
    }
}

/// A line around every region of outlined entries, inside it: between two of them there is none, so a band is seen as a band.
fn draw_outlines(matrix: &Matrix, pen: &mut dyn Pen, colour: Colour, frame: &Frame, cell: (f64, f64)) {
    let (cells, rect) = (cells(matrix), frame.rect);
    let mut outlined = vec![false; cells.values.len()];
    for &index in matrix.outlined.iter().filter(|&&i| (i as usize) < cells.values.len()) {
        outlined[index as usize] = true;
    }
    let is = |column: usize, row: usize| column < cells.columns && row < cells.rows && outlined[row * cells.columns + column];
    // Lines must leave something of a small cell.
    let width = match cell.0.min(cell.1) {
        size if size > 12.0 => 2.0,
        size if size > 4.0 => 1.0,
        size => size / 4.0,
    };
    for index in (0..outlined.len()).filter(|&index| outlined[index]) {
        let (column, row) = (index % cells.columns, index / cells.columns);
        let (left, top) = frame.px((column as f64, row as f64));
        let (right, bottom) = frame.px((column as f64 + 1.0, row as f64 + 1.0));
        let shown = Rect::between(left.max(rect.x), top.max(rect.y), right.min(rect.right()), bottom.min(rect.bottom()));
        if shown.w <= 0.0 || shown.h <= 0.0 {
            continue;
        }
        let half = width / 2.0;
        let (l, r) = (pen.snap(shown.x + half, width), pen.snap(shown.right() - half, width));
        let (t, b) = (pen.snap(shown.y + half, width), pen.snap(shown.bottom() - half, width));
        // Corner to corner where the region goes on, so that lines of neighbours meet.
        let (above, below) = (row > 0 && is(column, row - 1), is(column, row + 1));
        let (before, after) = (column > 0 && is(column - 1, row), is(column + 1, row));
        let across = [if before { shown.x } else { l }, if after { shown.right() } else { r }];
        let down = [if above { shown.y } else { t }, if below { shown.bottom() } else { b }];
        for (there, y) in [(above, t), (below, b)] {
            if !there {
                pen.line(&[(across[0], y), (across[1], y)], colour, width);
            }
        }
        for (there, x) in [(before, l), (after, r)] {
            if !there {
                pen.line(&[(x, down[0]), (x, down[1])], colour, width);
            }
        }
    }
}

fn draw_numbers(matrix: &Matrix, pen: &mut dyn Pen, page: &Page, frame: &Frame, scale: &ColourScale, cell: (f64, f64)) {
    let cells = cells(matrix);
    let widest = cells.values.iter().map(|&v| text_width(&brief(f64::from(v)), SMALL)).fold(0.0, f64::max);
    if widest + 4.0 > cell.0 || cell.1 < SMALL + 3.0 {
        return;
    }
    for row in 0..cells.rows {
        for column in 0..cells.columns {
            let at = frame.px((column as f64 + 0.5, row as f64 + 0.5));
            let value = cells.at(column, row);
            if frame.rect.contains(at) && !value.is_nan() {
                let ink = page.palette.on(page.palette.shade(scale, value));
                pen.text(at, &brief(value), &Type::new(SMALL, ink).at(Anchor::Middle, Baseline::Middle));
            }
        }
    }
}

fn word<'a>(name: &'a str, other: &'a str) -> &'a str {
    if name.is_empty() { other } else { name }
}

/// A row or column in words: its name if it has one, else its number.
fn named(matrix: &Matrix, index: usize) -> String {
    matrix.names.get(index).cloned().unwrap_or_else(|| scale::number(index as f64))
}
