//! Rows of text and numbers.

use crate::axes::NAME;
use crate::page::{Drawn, Page, ReadOut, count, exact};
use crate::pen::{Anchor, Baseline, Pen, Px, Type, fit, text_width};
use crate::scale::number;
use ground::view::{Cell, Table};

/// Height of a row.
const PITCH: f64 = 21.0;
/// Between two columns: where there is room, and where there is not.
const GUTTER: (f64, f64) = (22.0, 12.0);

struct Column {
    /// Left edge.
    x: f64,
    width: f64,
    /// All of its cells are numbers, which are set to the right.
    numbers: bool,
}

struct Layout {
    columns: Vec<Column>,
    /// How many rows there is room for.
    shown: usize,
    gutter: f64,
}

fn words(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(v) if v.is_nan() => "–".to_owned(),
        Cell::Number(v) => number(*v),
    }
}

/// As many columns as the longest row has.
fn width(table: &Table) -> usize {
    table.rows.iter().map(Vec::len).fold(table.columns.len(), usize::max)
}

fn layout(table: &Table, page: &Page) -> Layout {
    let area = page.area();
    let n = width(table);
    let room = ((area.h - PITCH - 4.0) / PITCH).floor().max(0.0) as usize;
    // The last row of the room says how many more there are.
    let shown = if table.rows.len() > room { room.saturating_sub(1) } else { table.rows.len() };
    let mut widths: Vec<f64> = (0..n)
        .map(|c| {
            // Bold is a tenth wider.
            let head = table.columns.get(c).map_or(0.0, |h| 1.1 * text_width(h, NAME));
            let cells = table.rows.iter().take(shown).filter_map(|row| row.get(c));
            cells.map(|cell| text_width(&words(cell), NAME)).fold(head, f64::max)
        })
        .collect();
    let numbers = |c: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(c)).peekable();
        cells.peek().is_some() && cells.all(|cell| matches!(cell, Cell::Number(_)))
    };
    let between = n.saturating_sub(1) as f64;
    let wide = widths.iter().sum::<f64>() + GUTTER.0 * between <= area.w;
    let gutter = if wide { GUTTER.0 } else { GUTTER.1 };
    // Words give way before numbers, and the widest column first.
    for (least, words_only) in [(44.0, true), (24.0, false)] {
        while widths.iter().sum::<f64>() + gutter * between > area.w {
            let may = |c: usize, w: f64| w > least && !(words_only && numbers(c));
            let widest = widths.iter().enumerate().filter(|(c, w)| may(*c, **w)).map(|(_, w)| *w).fold(0.0, f64::max);
            if widest == 0.0 {
                break;
            }
            for (_, w) in widths.iter_mut().enumerate().filter(|(c, w)| may(*c, **w) && **w >= widest - 0.5) {
                *w = (*w - 3.0).max(least);
            }
        }
    }
    let mut x = area.x;
    let columns = widths
        .into_iter()
        .enumerate()
        .map(|(c, width)| {
            let column = Column { x, width, numbers: numbers(c) };
            x += width + gutter;
            column
        })
        .collect();
    Layout { columns, shown, gutter }
}

impl Drawn for &Table {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let Layout { columns, shown, .. } = layout(self, page);
        let (palette, area) = (page.palette, page.area());
        let Some(last) = columns.last() else { return };
        let right = (last.x + last.width).min(area.right());
        let put = |column: &Column, y: f64, text: &str, style: Type, pen: &mut dyn Pen| {
            if column.x >= area.right() {
                return;
            }
            let text = fit(text, if style.bold { NAME * 1.1 } else { NAME }, column.width.min(area.right() - column.x) + 0.5);
            if column.numbers {
                pen.text((column.x + column.width, y), &text, &style.at(Anchor::End, Baseline::Middle));
            } else {
                pen.text((column.x, y), &text, &style);
            }
        };
        let head = Type::new(NAME, palette.text).bold();
        for (column, name) in columns.iter().zip(&self.columns) {
            put(column, area.y + PITCH / 2.0, name, head, pen);
        }
        let line = pen.snap(area.y + PITCH + 1.0, 1.0);
        pen.line(&[(area.x, line), (right, line)], palette.frame, 1.0);
        for (i, row) in self.rows.iter().take(shown).enumerate() {
            let y = area.y + PITCH * (i as f64 + 1.5) + 4.0;
            if i > 0 {
                let line = pen.snap(y - PITCH / 2.0, 1.0);
                pen.line(&[(area.x, line), (right, line)], palette.grid, 1.0);
            }
            for (column, cell) in columns.iter().zip(row) {
                put(column, y, &words(cell), Type::new(NAME, palette.text), pen);
            }
        }
        if shown < self.rows.len() {
            let y = area.y + PITCH * (shown as f64 + 1.5) + 4.0;
            let more = format!("… {}", count(self.rows.len() - shown, "more row", "more rows"));
            pen.text((area.x, y), &more, &Type::new(NAME, palette.faint_text));
        }
    }

    /// The cell under the pointer, in full.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let Layout { columns, shown, gutter } = layout(self, page);
        let area = page.area();
        let row = (px.1 - area.y - PITCH - 4.0) / PITCH;
        if !(row >= 0.0 && (row as usize) < shown) {
            return None;
        }
        let row = row as usize;
        let c = columns.iter().position(|c| px.0 >= c.x - gutter / 2.0 && px.0 < c.x + c.width + gutter / 2.0)?;
        let cells = &self.rows[row];
        let head = self.columns.get(c).map_or("", String::as_str);
        let mut text = words(cells.get(c)?);
        if !head.is_empty() {
            text = format!("{head}: {text}");
        }
        if c > 0
            && let Some(Cell::Text(name)) = cells.first()
        {
            text = format!("{name}\n{text}");
        }
        let at = (columns[c].x + columns[c].width / 2.0, area.y + PITCH * (row as f64 + 1.5) + 4.0);
        Some(ReadOut { text, at })
    }

    /// The table as it is.
    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![self.columns.clone()];
        for row in &self.rows {
            rows.push(
                row.iter()
                    .map(|cell| match cell {
                        Cell::Text(text) => text.clone(),
                        Cell::Number(v) => exact(v),
                    })
                    .collect(),
            );
        }
        rows
    }

    fn describe(&self) -> String {
        let mut text =
            format!("Table of {} and {}", count(self.rows.len(), "row", "rows"), count(width(self), "column", "columns"));
        let heads: Vec<&str> = self.columns.iter().map(String::as_str).filter(|h| !h.is_empty()).collect();
        if !heads.is_empty() {
            text += &format!(" ({})", heads.join(", "));
        }
        const MOST: usize = 5;
        let lines: Vec<String> =
            self.rows.iter().take(MOST).map(|row| row.iter().map(words).collect::<Vec<_>>().join(" ")).collect();
        if !lines.is_empty() {
            text += &format!(": {}", lines.join("; "));
        }
        if self.rows.len() > MOST {
            text += "; …";
        }
        text + "."
    }
}
