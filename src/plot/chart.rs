//! Marks on two axes: lines, trails, points, histograms, bars, bands, rules, spans, labels and arrows.

use crate::axes::{self, Entry, Frame, Legend, NAME, ROW, SMALL, Surroundings, Symbol, draw_axes, foot_room, left_room, plate};
use crate::clip;
use crate::colour::Colour;
use crate::page::{Drawn, Nearest, Page, ReadOut, count, exact};
use crate::palette::Palette;
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, distance, fit, text_width};
use crate::scale::{self, Scaler, number, quantity, worded};
use ground::view::{Axis, Chart, Handle, Ink, Mark, Scale};

/// Width of a line of data.
pub(crate) const LINE: f64 = 1.75;

/// The part of a category's width that its bars fill.
const BARS: f64 = 0.72;

/// A label at the end of its line, right of the frame.
struct Direct {
    name: String,
    ink: Ink,
    y: f64,
}

struct Layout {
    frame: Frame,
    legend: Legend,
    /// Names in the place of the legend.
    direct: Vec<Direct>,
    /// Labels of bars; empty if there are none.
    categories: Vec<String>,
    /// Where the labels of vertical rules and spans stand, row 0 next to the frame: (mark, row, x).
    tops: Vec<(usize, usize, f64)>,
}

/// The labels of all bars, in order of appearance.
fn categories(chart: &Chart) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for mark in &chart.marks {
        if let Mark::Bars { labels, .. } = mark {
            for label in labels {
                if !names.contains(label) {
                    names.push(label.clone());
                }
            }
        }
    }
    names
}

/// Every x of the chart.
fn all_x(chart: &Chart) -> impl Iterator<Item = f64> + '_ {
    chart.marks.iter().flat_map(|mark| -> Box<dyn Iterator<Item = f64> + '_> {
        match mark {
            Mark::Line { x, y, .. } | Mark::Trail { x, y, .. } | Mark::Points { x, y, .. } => {
                Box::new(x.iter().zip(y).filter(|(_, y)| y.is_finite()).map(|(x, _)| *x))
            }
            Mark::Band { x, .. } => Box::new(x.iter().copied()),
            Mark::Histogram { edges, .. } => Box::new(edges.iter().copied()),
            Mark::Bars { .. } => Box::new(std::iter::empty()),
            Mark::Rule { vertical, at, .. } => Box::new(vertical.then_some(*at).into_iter()),
            Mark::Span { from, to, .. } => Box::new([*from, *to].into_iter()),
            Mark::Label { at, .. } => Box::new([at.0].into_iter()),
            Mark::Arrow { from, to, .. } => Box::new([from.0, to.0].into_iter()),
        }
    })
}

/// Every y of the chart.
fn all_y(chart: &Chart) -> impl Iterator<Item = f64> + '_ {
    chart.marks.iter().flat_map(|mark| -> Box<dyn Iterator<Item = f64> + '_> {
        match mark {
            Mark::Line { x, y, .. } | Mark::Trail { x, y, .. } | Mark::Points { x, y, .. } => {
                Box::new(x.iter().zip(y).filter(|(x, _)| x.is_finite()).map(|(_, y)| *y))
            }
            Mark::Band { low, high, .. } => Box::new(low.iter().chain(high).copied()),
            Mark::Histogram { y, .. } | Mark::Bars { y, .. } => Box::new(y.iter().copied().chain([0.0])),
            Mark::Rule { vertical, at, .. } => Box::new((!vertical).then_some(*at).into_iter()),
            Mark::Span { .. } => Box::new(std::iter::empty()),
            Mark::Label { at, .. } => Box::new([at.1].into_iter()),
            Mark::Arrow { from, to, .. } => Box::new([from.1, to.1].into_iter()),
        }
    })
}

fn scales(chart: &Chart, names: &[String]) -> (Scaler, Scaler) {
    let dots = chart.handle.is_some()
        || chart.marks.iter().any(|m| {
            matches!(m, Mark::Points { .. } | Mark::Label { .. } | Mark::Arrow { .. } | Mark::Trail { .. } | Mark::Rule { .. })
        });
    let handle = chart.handle.as_ref().map(|h| h.at);
    let x = if names.is_empty() {
        Scaler::fit(&chart.x, all_x(chart).chain(handle.map(|h| h.0)), if dots { 0.03 } else { 0.0 })
    } else {
        Scaler::new((-0.5, names.len() as f64 - 0.5), Scale::Linear)
    };
    let mut y = Scaler::fit(&chart.y, all_y(chart).chain(handle.map(|h| h.1)), if names.is_empty() { 0.05 } else { 0.1 });
    let stands = chart.marks.iter().any(|m| matches!(m, Mark::Histogram { .. } | Mark::Bars { .. }));
    if scale::fixed(&chart.y, chart.y.scale).is_none() && y.scale == Scale::Linear {
        // A margin is not to show values that cannot be: what is never negative starts at zero where it comes near.
        let least = all_y(chart).filter(|v| v.is_finite()).fold(f64::INFINITY, f64::min);
        let most = all_y(chart).filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        if least >= 0.0 && (y.low < 0.0 || stands) && y.high > 0.0 {
            y.low = 0.0;
        } else if most <= 0.0 && (y.high > 0.0 || stands) && y.low < 0.0 {
            y.high = 0.0;
        }
    }
    (x, y)
}

fn legend_entries(chart: &Chart) -> Vec<Entry> {
    let entry = |name: &String, ink: Ink, symbol| Entry { name: name.clone(), ink, symbol };
    chart
        .marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Line { name, ink, dashed, .. } => Some(entry(name, *ink, if *dashed { Symbol::Dashes } else { Symbol::Line })),
            Mark::Trail { name, .. } => Some(entry(name, Ink::Text, Symbol::Ramp)),
            Mark::Points { name, ink, .. } => Some(entry(name, *ink, Symbol::Dot)),
            Mark::Histogram { name, ink, .. } | Mark::Bars { name, ink, .. } => Some(entry(name, *ink, Symbol::Block)),
            Mark::Band { name, ink, .. } => Some(entry(name, *ink, Symbol::Band)),
            Mark::Rule { .. } | Mark::Span { .. } | Mark::Label { .. } | Mark::Arrow { .. } => None,
        })
        .collect()
}

fn layout(chart: &Chart, page: &Page) -> Layout {
    let area = page.area();
    let categories = categories(chart);
    let (mut x, mut y) = scales(chart, &categories);
    if let Some([wx, wy]) = page.camera.window {
        (x, y) = (x.over(wx), y.over(wy));
    }
    let entries = legend_entries(chart);
    let title = fit(&scale::title(&chart.y), NAME, area.w);
    let legend = Legend::place(&title, entries, area.x, area.right(), area.y);

    let place = |legend: Legend, right: f64| {
        let top = area.y + legend.height + if legend.height > 0.0 { 5.0 } else { 0.0 };
        let names = axes::wrap_room(&categories, (right - area.x - 40.0) / categories.len().max(1) as f64);
        let bottom = area.bottom() - foot_room(&chart.x) - names;
        let left = area.x + left_room(&y, (bottom - top).max(1.0));
        let mut frame = Frame::new(Rect::between(left.min(right), top.min(bottom), right, bottom), x, y);
        if chart.equal && categories.is_empty() {
            frame = frame.equalise();
        }
        let tops = top_labels(chart, &frame, page);
        let rows = tops.iter().map(|t| t.1 + 1).max().unwrap_or(0) as f64;
        if rows > 0.0 {
            let lower = rows * (ROW - 3.0);
            frame.rect = Rect::between(frame.rect.x, (top + lower).min(bottom), right, bottom);
            frame.y = y;
            frame.x = x;
            if chart.equal && categories.is_empty() {
                frame = frame.equalise();
            }
        }
        (frame, tops, legend)
    };

    let right = area.right() - 6.0;
    if let Some(room) = direct_room(chart, area.w) {
        let bare = Legend::place(&title, Vec::new(), area.x, area.right(), area.y);
        let (frame, tops, bare) = place(bare, right - room);
        // Whether names stand at the lines' ends is decided on all of the chart, so that zooming does not move the frame.
        let (x, y) = scales(chart, &categories);
        if let Some(whole) = direct_labels(chart, &Frame { x, y, ..frame }, false) {
            let direct = if page.camera.window.is_some() { direct_labels(chart, &frame, true) } else { Some(whole) };
            return Layout { frame, legend: bare, direct: direct.unwrap_or_default(), categories, tops };
        }
    }
    let (frame, tops, legend) = place(legend, right);
    Layout { frame, legend, direct: Vec::new(), categories, tops }
}

/// The room that labels at the lines' ends need, if the chart is one whose names can stand there.
fn direct_room(chart: &Chart, width: f64) -> Option<f64> {
    let mut widest = 0.0_f64;
    let mut lines = 0;
    for entry in legend_entries(chart) {
        if entry.name.is_empty() {
            continue;
        }
        if !matches!(entry.symbol, Symbol::Line | Symbol::Dashes) || matches!(entry.ink, Ink::Ramp(_)) {
            return None;
        }
        lines += 1;
        widest = widest.max(text_width(&entry.name, SMALL));
    }
    (lines > 0 && lines <= 5 && widest <= 0.24 * width).then_some(widest + 8.0)
}

/// The lines' names right of the frame, at the height at which each line leaves it; `None` if a line ends elsewhere or the
/// labels would have to move away from their lines. `zoomed`, lines may leave through the top or the bottom.
fn direct_labels(chart: &Chart, frame: &Frame, zoomed: bool) -> Option<Vec<Direct>> {
    const STEP: f64 = 13.0;
    let mut labels = Vec::new();
    for mark in &chart.marks {
        let Mark::Line { name, ink, x, y, .. } = mark else { continue };
        if name.is_empty() {
            continue;
        }
        let points = x.iter().zip(y).map(|(&x, &y)| frame.px((x, y)));
        let end = if zoomed {
            let tall = Rect { y: -1e7, h: 2e7, ..frame.rect };
            let Some(end) = clip::line(&tall, points).last().and_then(|l| l.last().copied()) else { continue };
            (end.0, end.1.clamp(frame.rect.y + 4.0, frame.rect.bottom() - 4.0))
        } else {
            let end = *clip::line(&frame.rect, points).last()?.last()?;
            if end.0 < frame.rect.right() - 0.02 * frame.rect.w - 1.0 {
                return None;
            }
            end
        };
        labels.push(Direct { name: name.clone(), ink: *ink, y: end.1 });
    }
    labels.sort_by(|a, b| a.y.total_cmp(&b.y));
    let wanted: Vec<f64> = labels.iter().map(|l| l.y).collect();
    let (top, bottom) = (frame.rect.y + 2.0, frame.rect.bottom() - 2.0);
    // Pushed apart downwards, then back up from the lower edge.
    for i in 1..labels.len() {
        labels[i].y = labels[i].y.max(labels[i - 1].y + STEP);
    }
    if let Some(last) = labels.last_mut() {
        last.y = last.y.min(bottom);
    }
    for i in (1..labels.len()).rev() {
        labels[i - 1].y = labels[i - 1].y.min(labels[i].y - STEP);
    }
    let moved = labels.iter().zip(&wanted).map(|(l, w)| (l.y - w).abs()).fold(0.0, f64::max);
    (zoomed || labels.first().is_none_or(|l| l.y >= top - 4.0) && moved <= 2.2 * STEP).then_some(labels)
}

/// Where the labels of vertical rules and of spans stand above the frame, in up to two rows.
fn top_labels(chart: &Chart, frame: &Frame, page: &Page) -> Vec<(usize, usize, f64)> {
    let mut placed = Vec::new();
    let mut taken: Vec<(usize, f64, f64)> = Vec::new();
    for (index, mark) in chart.marks.iter().enumerate() {
        let (label, at) = match mark {
            Mark::Rule { label, vertical: true, at } => (label, frame.px_x(*at)),
            Mark::Span { label, from, to } => {
                let clamp = |v: f64| frame.px_x(v).clamp(frame.rect.x, frame.rect.right());
                (label, (clamp(*from) + clamp(*to)) / 2.0)
            }
            _ => continue,
        };
        if label.is_empty() || !(at >= frame.rect.x - 1.0 && at <= frame.rect.right() + 1.0) {
            continue;
        }
        let half = text_width(label, SMALL) / 2.0;
        let at = at.min(page.width - 4.0 - half).max(4.0 + half);
        let free = |row: usize| !taken.iter().any(|t| t.0 == row && t.1 < at + half + 6.0 && at - half - 6.0 < t.2);
        if let Some(row) = (0..2).find(|&row| free(row)) {
            taken.push((row, at - half, at + half));
            placed.push((index, row, at));
        }
    }
    placed
}

impl Drawn for &Chart {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let Layout { frame, legend, direct, categories, tops } = layout(self, page);
        let palette = page.palette;
        let area = page.area();
        pen.text((area.x, area.y + ROW / 2.0), &fit(&scale::title(&self.y), NAME, area.w), &Type::new(NAME, palette.text));
        legend.draw(pen, palette);
        if frame.rect.w < 8.0 || frame.rect.h < 8.0 {
            return;
        }
        for mark in &self.marks {
            if let Mark::Span { from, to, .. } = mark {
                let clamp = |v: f64| frame.px_x(v).clamp(frame.rect.x, frame.rect.right());
                let (a, b) = (clamp(from.min(*to)), clamp(from.max(*to)));
                pen.rect(Rect::between(a, frame.rect.y, b, frame.rect.bottom()), palette.muted.fade(0.16));
            }
        }
        let names = (!categories.is_empty()).then_some(&categories[..]);
        draw_axes(pen, palette, &frame, &Surroundings { x: &self.x, grid: true, categories: names });

        let base = pen.snap(frame.rect.bottom(), 1.0);
        pen.line(&[(frame.rect.x, base), (frame.rect.right(), base)], palette.frame, 1.0);
        if frame.y.scale == Scale::Linear && frame.y.low < 0.0 && frame.y.high > 0.0 {
            let zero = pen.snap(frame.px_y(0.0), 1.0);
            pen.line(&[(frame.rect.x, zero), (frame.rect.right(), zero)], palette.frame, 1.0);
        }

        let groups = self.marks.iter().filter(|m| matches!(m, Mark::Bars { .. })).count();
        let mut group = 0;
        for mark in &self.marks {
            match mark {
                Mark::Line { ink, x, y, dashed, .. } => draw_line(pen, &frame, palette.ink(*ink), x, y, *dashed),
                Mark::Trail { x, y, shade, .. } => draw_trail(pen, palette, &frame, x, y, shade),
                Mark::Points { ink, x, y, size, .. } => draw_points(pen, &frame, palette.ink(*ink), x, y, *size),
                Mark::Histogram { ink, edges, y, .. } => draw_histogram(pen, &frame, palette.ink(*ink), edges, y),
                Mark::Bars { ink, labels, y, .. } => {
                    draw_bars(pen, palette, &frame, &categories, (group, groups), palette.ink(*ink), labels, y);
                    group += 1;
                }
                Mark::Band { ink, x, low, high, .. } => draw_band(pen, &frame, palette.ink(*ink), x, low, high),
                Mark::Rule { vertical, at, .. } => draw_rule(pen, palette, &frame, *vertical, *at),
                Mark::Arrow { ink, from, to } => {
                    let (a, b) = (frame.px(*from), frame.px(*to));
                    if let Some((from, to)) = clip::segment(&frame.rect, a, b) {
                        if to == b {
                            pen.arrow(from, to, palette.ink(*ink), LINE, 9.0);
                        } else {
                            pen.line(&[from, to], palette.ink(*ink), LINE);
                        }
                    }
                }
                Mark::Label { .. } | Mark::Span { .. } => {}
            }
        }
        name_rules(self, pen, palette, &frame);
        for mark in &self.marks {
            if let Mark::Label { text, at, ink } = mark {
                let px = frame.px(*at);
                if frame.rect.contains(px) {
                    let half = text_width(text, SMALL) / 2.0;
                    let x = px.0.min(page.width - 4.0 - half).max(4.0 + half);
                    let style = Type::new(SMALL, palette.ink(*ink)).at(Anchor::Middle, Baseline::Middle);
                    plate(pen, palette, (x, px.1), text, &style);
                }
            }
        }
        for (index, row, x) in tops {
            if let Mark::Rule { label, .. } | Mark::Span { label, .. } = &self.marks[index] {
                let y = frame.rect.y - 4.0 - row as f64 * (ROW - 3.0);
                pen.text((x, y), label, &Type::new(SMALL, palette.faint_text).at(Anchor::Middle, Baseline::Foot));
            }
        }
        for label in &direct {
            pen.text((frame.rect.right() + 6.0, label.y), &label.name, &Type::new(SMALL, palette.ink(label.ink)));
        }
        if let Some(handle) = &self.handle {
            draw_handle(pen, palette, &frame, handle);
        }
    }

    /// The nearest datum in words.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let Layout { frame, categories, .. } = layout(self, page);
        if !Rect::between(frame.rect.x - 6.0, frame.rect.y - 6.0, frame.rect.right() + 6.0, frame.rect.bottom() + 6.0)
            .contains(px)
        {
            return None;
        }
        let named = |name: &str, rest: String| if name.is_empty() { rest } else { format!("{name}: {rest}") };
        let both = |x: f64, y: f64| format!("{}, {}", worded(&self.x, "x", x), worded(&self.y, "y", y));
        let mut nearest = Nearest::within(40.0);
        let groups = self.marks.iter().filter(|m| matches!(m, Mark::Bars { .. })).count();
        let mut group = 0;
        for mark in &self.marks {
            match mark {
                Mark::Line { name, x, y, .. } | Mark::Trail { name, x, y, .. } | Mark::Points { name, x, y, .. } => {
                    for (&x, &y) in x.iter().zip(y) {
                        let at = frame.px((x, y));
                        if frame.rect.contains(at) {
                            nearest.offer(distance(at, px), at, || named(name, both(x, y)));
                        }
                    }
                }
                Mark::Band { name, x, low, high, .. } => {
                    for ((&x, &low), &high) in x.iter().zip(low).zip(high) {
                        let (a, b) = (frame.px((x, low)), frame.px((x, high)));
                        let middle = (a.0, (a.1 + b.1) / 2.0);
                        // Inside a band is near, but a line in it is nearer.
                        let off = (a.0 - px.0).abs() + if px.1 < b.1 || px.1 > a.1 { 30.0 } else { 12.0 };
                        if frame.rect.contains(middle) {
                            nearest.offer(off, middle, || {
                                let range = format!("{} to {}", number(low), quantity(&self.y, high));
                                named(name, format!("{}, {} {range}", worded(&self.x, "x", x), scale::label(&self.y, "y")))
                            });
                        }
                    }
                }
                Mark::Histogram { name, edges, y, .. } => {
                    for (edge, &y) in edges.windows(2).zip(y) {
                        let (a, b) = (frame.px_x(edge[0]), frame.px_x(edge[1]));
                        if px.0 >= a && px.0 < b && !y.is_nan() {
                            let at = ((a + b) / 2.0, bar_end(&frame, y).unwrap_or(frame.rect.bottom()));
                            nearest.offer(10.0 + 0.02 * (at.1 - px.1).abs(), at, || {
                                let bin = format!(
                                    "{} {} to {}",
                                    scale::label(&self.x, "x"),
                                    number(edge[0]),
                                    quantity(&self.x, edge[1])
                                );
                                named(name, format!("{bin}, {}", worded(&self.y, "y", y)))
                            });
                        }
                    }
                }
                Mark::Bars { name, labels, y, .. } => {
                    for (label, &y) in labels.iter().zip(y) {
                        let Some(category) = categories.iter().position(|c| c == label) else { continue };
                        let (a, b) = bar_span(&frame, category, (group, groups));
                        let off = (a - px.0).max(px.0 - b).max(0.0);
                        let at = ((a + b) / 2.0, bar_end(&frame, y).unwrap_or(frame.rect.bottom()));
                        nearest.offer(off, at, || {
                            let who = if name.is_empty() { label.clone() } else { format!("{label}, {name}") };
                            format!("{who}: {}", worded(&self.y, "y", y))
                        });
                    }
                    group += 1;
                }
                Mark::Rule { label, vertical, at } => {
                    let (off, place, axis) = if *vertical {
                        let x = frame.px_x(*at);
                        ((x - px.0).abs(), (x, px.1), &self.x)
                    } else {
                        let y = frame.px_y(*at);
                        ((y - px.1).abs(), (px.0, y), &self.y)
                    };
                    if off < 4.0 && frame.rect.contains(place) {
                        nearest.offer(off + 3.0, place, || named(label, worded(axis, if *vertical { "x" } else { "y" }, *at)));
                    }
                }
                Mark::Span { .. } | Mark::Label { .. } | Mark::Arrow { .. } => {}
            }
        }
        nearest.found()
    }

    fn frame(&self, page: &Page) -> Option<Frame> {
        Some(layout(self, page).frame)
    }

    fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }

    /// The data, a row a datum.
    fn rows(&self) -> Vec<Vec<String>> {
        let column = |axis: &Axis, fallback: &str| match scale::title(axis) {
            title if title.is_empty() => fallback.to_owned(),
            title => title,
        };
        let (x_name, y_name) = (column(&self.x, "x"), column(&self.y, "y"));
        let ends_x = self.marks.iter().any(|m| matches!(m, Mark::Histogram { .. } | Mark::Span { .. } | Mark::Arrow { .. }));
        let ends_y = self.marks.iter().any(|m| matches!(m, Mark::Band { .. } | Mark::Arrow { .. }));
        let mut rows = Vec::new();
        let mut put = |mark: &str, name: &str, x: String, x_end: String, y: String, y_end: String| {
            let mut row = vec![mark.to_owned(), name.to_owned(), x];
            if ends_x {
                row.push(x_end);
            }
            row.push(y);
            if ends_y {
                row.push(y_end);
            }
            rows.push(row);
        };
        let none = String::new;
        put("mark", "name", x_name.clone(), format!("{x_name} to"), y_name.clone(), format!("{y_name} to"));
        for mark in &self.marks {
            match mark {
                Mark::Line { name, x, y, .. } => {
                    x.iter().zip(y).for_each(|(x, y)| put("line", name, exact(x), none(), exact(y), none()));
                }
                Mark::Trail { name, x, y, .. } => {
                    x.iter().zip(y).for_each(|(x, y)| put("trail", name, exact(x), none(), exact(y), none()));
                }
                Mark::Points { name, x, y, .. } => {
                    x.iter().zip(y).for_each(|(x, y)| put("point", name, exact(x), none(), exact(y), none()));
                }
                Mark::Histogram { name, edges, y, .. } => {
                    for (edge, y) in edges.windows(2).zip(y) {
                        put("bin", name, exact(edge[0]), exact(edge[1]), exact(y), none());
                    }
                }
                Mark::Bars { name, labels, y, .. } => {
                    labels.iter().zip(y).for_each(|(label, y)| put("bar", name, label.clone(), none(), exact(y), none()));
                }
                Mark::Band { name, x, low, high, .. } => {
                    for ((x, low), high) in x.iter().zip(low).zip(high) {
                        put("band", name, exact(x), none(), exact(low), exact(high));
                    }
                }
                Mark::Rule { label, vertical: true, at } => put("rule", label, exact(at), none(), none(), none()),
                Mark::Rule { label, at, .. } => put("rule", label, none(), none(), exact(at), none()),
                Mark::Span { label, from, to } => put("span", label, exact(from), exact(to), none(), none()),
                Mark::Label { text, at, .. } => put("label", text, exact(at.0), none(), exact(at.1), none()),
                Mark::Arrow { from, to, .. } => put("arrow", "", exact(from.0), exact(to.0), exact(from.1), exact(to.1)),
            }
        }
        rows
    }

    fn describe(&self) -> String {
        let has = |wanted: fn(&Mark) -> bool| self.marks.iter().any(wanted);
        let kind = if has(|m| matches!(m, Mark::Bars { .. })) {
            "Bar chart"
        } else if has(|m| matches!(m, Mark::Histogram { .. })) {
            "Histogram"
        } else if has(|m| matches!(m, Mark::Line { .. } | Mark::Trail { .. } | Mark::Band { .. })) {
            "Line chart"
        } else if has(|m| matches!(m, Mark::Points { .. })) {
            "Scatter plot"
        } else {
            "Chart"
        };
        let what = match (scale::title(&self.y), scale::title(&self.x)) {
            (y, x) if y.is_empty() && x.is_empty() => kind.to_owned(),
            (y, x) if x.is_empty() => format!("{kind} of {y}"),
            (y, x) if y.is_empty() => format!("{kind} over {x}"),
            (y, x) => format!("{kind} of {y} over {x}"),
        };
        let log = |axis: &Axis| axis.scale == Scale::Log;
        let scale = match (log(&self.x), log(&self.y)) {
            (true, true) => ", both axes logarithmic",
            (true, false) => ", horizontal axis logarithmic",
            (false, true) => ", vertical axis logarithmic",
            _ => "",
        };
        const MOST: usize = 6;
        let mut parts: Vec<String> = self.marks.iter().filter_map(|mark| describe_mark(mark, self)).collect();
        let more = parts.len().saturating_sub(MOST);
        parts.truncate(MOST);
        if more > 0 {
            parts.push(format!("and {more} more"));
        }
        if parts.is_empty() { format!("{what}{scale}, without data.") } else { format!("{what}{scale}: {}.", parts.join("; ")) }
    }
}

fn draw_line(pen: &mut dyn Pen, frame: &Frame, colour: Colour, x: &[f64], y: &[f64], dashed: bool) {
    for stretch in clip::line(&frame.rect, x.iter().zip(y).map(|(&x, &y)| frame.px((x, y)))) {
        if dashed {
            pen.dashes(&stretch, colour, LINE, 5.0, 3.5);
        } else {
            pen.line(&stretch, colour, LINE);
        }
    }
    // A point that stands alone would not be seen as a line.
    if let Some(at) = alone(x, y) {
        let px = frame.px(at);
        if frame.rect.contains(px) {
            pen.disc(px, LINE, colour);
        }
    }
}

/// The only finite point of a line, if it has but one.
fn alone(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let mut finite = x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
    let first = finite.next()?;
    finite.next().is_none().then_some((*first.0, *first.1))
}

fn draw_trail(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, x: &[f64], y: &[f64], shade: &[f32]) {
    /// Steps of shade that are drawn as one line.
    const STEPS: f32 = 48.0;
    let n = x.len().min(y.len());
    let step = |i: usize| shade.get(i).map_or(0.0, |s| (s.clamp(0.0, 1.0) * STEPS).round());
    let mut from = 0;
    while from + 1 < n {
        let mut to = from + 1;
        while to + 1 < n && step(to) == step(from) {
            to += 1;
        }
        let colour = palette.ramp(step(from) / STEPS);
        for stretch in clip::line(&frame.rect, (from..=to).map(|i| frame.px((x[i], y[i])))) {
            pen.line(&stretch, colour, LINE + 0.25);
        }
        from = to;
    }
}

fn draw_points(pen: &mut dyn Pen, frame: &Frame, colour: Colour, x: &[f64], y: &[f64], size: f64) {
    let radius = if size.is_finite() { (size / 2.0).clamp(0.5, 40.0) } else { 2.0 };
    let n = x.len().min(y.len());
    // Many dots let each other shine through.
    let alpha = if n > 2000 {
        0.35
    } else if n > 300 {
        0.6
    } else {
        0.85
    };
    for (&x, &y) in x.iter().zip(y) {
        let px = frame.px((x, y));
        if frame.rect.contains(px) {
            pen.disc(px, radius, colour.fade(alpha));
        }
    }
}

/// Where bars stand: zero, or the lower edge of a logarithmic axis.
fn ground(frame: &Frame) -> f64 {
    let zero = if frame.y.scale == Scale::Linear { frame.px_y(0.0) } else { frame.rect.bottom() };
    zero.clamp(frame.rect.y, frame.rect.bottom())
}

/// The height of a bar's end, inside the frame.
fn bar_end(frame: &Frame, y: f64) -> Option<f64> {
    let px = frame.px_y(y);
    (!px.is_nan()).then(|| px.clamp(frame.rect.y, frame.rect.bottom()))
}

fn draw_histogram(pen: &mut dyn Pen, frame: &Frame, colour: Colour, edges: &[f64], y: &[f64]) {
    let ground = ground(frame);
    let clamp = |v: f64| frame.px_x(v).clamp(frame.rect.x, frame.rect.right());
    let mut outline: Vec<Px> = Vec::new();
    for (edge, &y) in edges.windows(2).zip(y) {
        let (a, b) = (clamp(edge[0]), clamp(edge[1]));
        let Some(top) = bar_end(frame, y) else { continue };
        if !(a.is_finite() && b.is_finite()) || a == b {
            continue;
        }
        if outline.is_empty() {
            outline.push((a, ground));
        }
        outline.extend([(a, top), (b, top)]);
    }
    if let Some(last) = outline.last().copied() {
        outline.push((last.0, ground));
        pen.polygon(&outline, colour.fade(0.28));
        pen.line(&outline, colour, 1.25);
    }
}

/// The horizontal place of a bar: category, which of how many groups.
fn bar_span(frame: &Frame, category: usize, (group, groups): (usize, usize)) -> (f64, f64) {
    let width = BARS / groups.max(1) as f64;
    let from = category as f64 - BARS / 2.0 + width * group as f64;
    (frame.px_x(from), frame.px_x(from + width))
}

#[allow(clippy::too_many_arguments)]
fn draw_bars(
    pen: &mut dyn Pen,
    palette: &Palette,
    frame: &Frame,
    categories: &[String],
    group: (usize, usize),
    colour: Colour,
    labels: &[String],
    y: &[f64],
) {
    let ground = ground(frame);
    // Numbers over the bars, if all of them have room.
    let room = (frame.rect.w / (frame.x.high - frame.x.low)).abs() * BARS / group.1.max(1) as f64;
    let numbers = y.iter().all(|&v| text_width(&brief(v), SMALL) <= room + if group.1 == 1 { 10.0 } else { 1.0 });
    for (label, &value) in labels.iter().zip(y) {
        let Some(category) = categories.iter().position(|c| c == label) else { continue };
        let (a, b) = bar_span(frame, category, group);
        let Some(end) = bar_end(frame, value) else { continue };
        let (a, b) = (a.max(frame.rect.x), b.min(frame.rect.right()));
        if a >= b {
            continue;
        }
        let gap = if b - a > 6.0 { 0.75 } else { 0.0 };
        pen.rect(Rect::between(a + gap, end.min(ground), b - gap, end.max(ground)), colour);
        if numbers && value.is_finite() && frame.y.holds(value) {
            let (at, baseline) = if end <= ground { (end - 4.0, Baseline::Foot) } else { (end + 4.0, Baseline::Top) };
            let style = Type::new(SMALL, palette.faint_text).at(Anchor::Middle, baseline);
            pen.text(((a + b) / 2.0, at), &brief(value), &style);
        }
    }
}

/// A number over a bar, in three significant digits.
pub(crate) fn brief(v: f64) -> String {
    if v.is_finite() && v != 0.0 {
        let digits: f64 = format!("{v:.2e}").parse().unwrap_or(v);
        number(digits)
    } else {
        number(v)
    }
}

fn draw_band(pen: &mut dyn Pen, frame: &Frame, colour: Colour, x: &[f64], low: &[f64], high: &[f64]) {
    let n = x.len().min(low.len()).min(high.len());
    // On a logarithmic scale what is not positive lies below the frame.
    let px = |x: f64, y: f64| match frame.px_y(y) {
        v if v.is_nan() && !y.is_nan() => (frame.px_x(x), frame.rect.bottom() + 1.0),
        v => (frame.px_x(x), v.clamp(-1e7, 1e7)),
    };
    let mut from = 0;
    while from < n {
        let fine = |i: usize| {
            let ((x0, y0), (_, y1)) = (px(x[i], low[i]), px(x[i], high[i]));
            x0.is_finite() && y0.is_finite() && y1.is_finite()
        };
        let to = (from..n).find(|&i| !fine(i)).unwrap_or(n);
        if to - from > 1 {
            let upper = (from..to).map(|i| px(x[i], high[i]));
            let lower = (from..to).rev().map(|i| px(x[i], low[i]));
            pen.polygon(&clip::polygon(&frame.rect, &upper.chain(lower).collect::<Vec<_>>()), colour.fade(0.18));
        }
        from = to + 1;
    }
}

fn draw_rule(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, vertical: bool, at: f64) {
    let rect = frame.rect;
    if vertical {
        let x = frame.px_x(at);
        if x >= rect.x - 0.5 && x <= rect.right() + 0.5 {
            let x = pen.snap(x, 1.0);
            pen.dashes(&[(x, rect.bottom()), (x, rect.y)], palette.muted, 1.0, 4.0, 3.0);
        }
    } else {
        let y = frame.px_y(at);
        if y >= rect.y - 0.5 && y <= rect.bottom() + 0.5 {
            let line = pen.snap(y, 1.0);
            pen.dashes(&[(rect.x, line), (rect.right(), line)], palette.muted, 1.0, 4.0, 3.0);
        }
    }
}

/// The names of horizontal rules, each at that end of its rule, over or under it, where it covers least of the data.
fn name_rules(chart: &Chart, pen: &mut dyn Pen, palette: &Palette, frame: &Frame) {
    let rect = frame.rect;
    let mut taken: Vec<Rect> = Vec::new();
    for mark in &chart.marks {
        let Mark::Rule { label, vertical: false, at } = mark else { continue };
        let y = frame.px_y(*at);
        if label.is_empty() || !(y >= rect.y - 0.5 && y <= rect.bottom() + 0.5) {
            continue;
        }
        let label = fit(label, SMALL, rect.w - 6.0);
        let (w, h) = (text_width(&label, SMALL), SMALL);
        let (left, right, middle) = (rect.x + 3.0, rect.right() - 3.0 - w, rect.x + (rect.w - w) / 2.0);
        let choices = [
            (right, y - 2.0 - h),
            (right, y + 2.0),
            (left, y - 2.0 - h),
            (left, y + 2.0),
            (middle, y - 2.0 - h),
            (middle, y + 2.0),
        ]
        .map(|(x, y)| Rect { x, y, w, h });
        let cost = |place: &Rect| {
            let out = place.y < rect.y || place.bottom() > rect.bottom();
            covered(chart, frame, place) + 1000 * usize::from(out) + 100 * taken.iter().filter(|t| t.overlaps(place)).count()
        };
        let Some((cost, place)) = choices.into_iter().map(|c| (cost(&c), c)).min_by_key(|c| c.0) else { continue };
        let style = Type::new(SMALL, palette.faint_text).at(Anchor::Start, Baseline::Middle);
        let at = (place.x, place.y + h / 2.0);
        if cost > 0 {
            plate(pen, palette, at, &label, &style)
        } else {
            pen.text(at, &label, &style)
        }
        taken.push(place);
    }
}

/// How many pieces of data lie in a rectangle.
fn covered(chart: &Chart, frame: &Frame, place: &Rect) -> usize {
    let pieces = |x: &[f64], y: &[f64]| {
        let n = x.len().min(y.len());
        (1..n).filter(|&i| clip::segment(place, frame.px((x[i - 1], y[i - 1])), frame.px((x[i], y[i]))).is_some()).count()
    };
    let covered = |mark: &Mark| match mark {
        Mark::Line { x, y, .. } | Mark::Trail { x, y, .. } => pieces(x, y),
        Mark::Points { x, y, .. } => x.iter().zip(y).filter(|(x, y)| place.contains(frame.px((**x, **y)))).count(),
        Mark::Band { x, low, high, .. } => pieces(x, low) + pieces(x, high),
        _ => 0,
    };
    chart.marks.iter().map(covered).sum()
}

/// A point that can be dragged: a ring with a dot, its name beside it.
pub(crate) fn draw_handle(pen: &mut dyn Pen, palette: &Palette, frame: &Frame, handle: &Handle) {
    let px = frame.px(handle.at);
    if !frame.rect.contains(px) {
        return;
    }
    pen.disc(px, 8.0, palette.background.fade(0.85));
    pen.ring(px, 7.0, palette.text, 1.75);
    pen.disc(px, 3.0, palette.text);
    if !handle.name.is_empty() {
        let width = text_width(&handle.name, SMALL);
        let (x, anchor) =
            if px.0 + 14.0 + width < frame.rect.right() { (px.0 + 13.0, Anchor::Start) } else { (px.0 - 13.0, Anchor::End) };
        plate(pen, palette, (x, px.1), &handle.name, &Type::new(SMALL, palette.text).at(anchor, Baseline::Middle));
    }
}

/// The least and greatest finite value with their places.
fn extremes(x: &[f64], y: &[f64]) -> Option<((f64, f64), (f64, f64))> {
    let finite = || x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()).map(|(x, y)| (*x, *y));
    Some((finite().min_by(|a, b| a.1.total_cmp(&b.1))?, finite().max_by(|a, b| a.1.total_cmp(&b.1))?))
}

fn describe_mark(mark: &Mark, chart: &Chart) -> Option<String> {
    let (qx, qy) = (|v: f64| quantity(&chart.x, v), |v: f64| quantity(&chart.y, v));
    let called = |name: &String, other: &str| if name.is_empty() { other.to_owned() } else { name.clone() };
    match mark {
        Mark::Line { name, x, y, .. } | Mark::Trail { name, x, y, .. } => {
            let name = called(name, "a line");
            let mut finite = x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
            let Some(first) = finite.next() else { return Some(format!("{name} without values")) };
            let last = finite.next_back().unwrap_or(first);
            let (low, high) = extremes(x, y)?;
            let mut text = format!("{name} from {} at {} to {} at {}", qy(*first.1), qx(*first.0), qy(*last.1), qx(*last.0));
            if low.1 < first.1.min(*last.1) {
                text += &format!(", lowest {} at {}", qy(low.1), qx(low.0));
            }
            if high.1 > first.1.max(*last.1) {
                text += &format!(", highest {} at {}", qy(high.1), qx(high.0));
            }
            Some(text)
        }
        Mark::Points { name, x, y, .. } => {
            let n = x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()).count();
            let dots = count(n, "point", "points");
            let name = if name.is_empty() { dots } else { format!("{name}, {dots}") };
            let Some((low, high)) = extremes(x, y) else { return Some(name) };
            Some(format!("{name} between {} and {}", qy(low.1), qy(high.1)))
        }
        Mark::Histogram { name, edges, y, .. } => {
            let name = called(name, "values");
            let bins = edges.windows(2).zip(y).filter(|(_, y)| y.is_finite());
            let Some((edge, y)) = bins.max_by(|a, b| a.1.total_cmp(b.1)) else {
                return Some(format!("{name} without values"));
            };
            Some(format!("{name} peaks at {} between {} and {}", qy(*y), number(edge[0]), qx(edge[1])))
        }
        Mark::Bars { name, labels, y, .. } => {
            let pairs: Vec<_> = labels.iter().zip(y).collect();
            let text = if pairs.len() <= 6 {
                pairs.iter().map(|(label, y)| format!("{label} {}", qy(**y))).collect::<Vec<_>>().join(", ")
            } else {
                let finite = || pairs.iter().filter(|(_, y)| y.is_finite());
                let most = finite().max_by(|a, b| a.1.total_cmp(b.1))?;
                let least = finite().min_by(|a, b| a.1.total_cmp(b.1))?;
                format!("{} bars, lowest {} at {}, highest {} at {}", pairs.len(), qy(*least.1), least.0, qy(*most.1), most.0)
            };
            Some(if name.is_empty() { text } else { format!("{name} {text}") })
        }
        Mark::Band { name, .. } if name.is_empty() => None,
        Mark::Band { name, low, high, .. } => {
            let low = low.iter().copied().filter(|v| v.is_finite()).fold(f64::INFINITY, f64::min);
            let high = high.iter().copied().filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
            (low <= high).then(|| format!("{name} within {} and {}", qy(low), qy(high)))
        }
        Mark::Rule { label, vertical, at } if !label.is_empty() => {
            Some(format!("{label} marked at {}", if *vertical { qx(*at) } else { qy(*at) }))
        }
        Mark::Span { label, from, to } if !label.is_empty() => Some(format!("{label} from {} to {}", qx(*from), qx(*to))),
        Mark::Label { text, .. } if !text.is_empty() => Some(format!("labelled {text}")),
        _ => None,
    }
}
