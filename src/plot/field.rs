//! Arrows on a plane, and paths through them.

use crate::axes::{Frame, Legend, NAME, ROW, Surroundings, draw_axes, foot_room, left_room};
use crate::clip;
use crate::heat_map::{draw_path, path_entries};
use crate::page::{Drawn, Nearest, Page, ReadOut, count, exact};
use crate::pen::{Pen, Px, Rect, Type, distance, fit};
use crate::scale::{self, Scaler, number, worded};
use ground::view::Field;

struct Layout {
    frame: Frame,
    legend: Legend,
    /// CSS pixels per unit of the vectors.
    stretch: f64,
    /// The longest vector.
    longest: f64,
}

/// The arrows whose numbers can be drawn.
fn arrows(field: &Field) -> impl Iterator<Item = ((f64, f64), (f64, f64))> + '_ {
    let finite = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite();
    field.at.iter().zip(&field.vectors).filter(move |(at, v)| finite(at) && finite(v)).map(|(at, v)| (*at, *v))
}

fn layout(field: &Field, page: &Page) -> Layout {
    let area = page.area();
    let xs = field.at.iter().map(|p| p.0).chain(field.paths.iter().flat_map(|p| p.x.iter().copied()));
    let ys = field.at.iter().map(|p| p.1).chain(field.paths.iter().flat_map(|p| p.y.iter().copied()));
    let (mut x, mut y) = (Scaler::fit(&field.x, xs, 0.06), Scaler::fit(&field.y, ys, 0.06));
    if let Some([wx, wy]) = page.camera.window {
        (x, y) = (x.over(wx), y.over(wy));
    }
    let title = scale::title(&field.y);
    let legend = Legend::place(&title, path_entries(&field.paths), area.x, area.right(), area.y);
    let top = area.y + legend.height + if legend.height > 0.0 { 5.0 } else { 0.0 };
    let bottom = (area.bottom() - foot_room(&field.x)).max(top);
    let left = (area.x + left_room(&y, (bottom - top).max(1.0))).min(area.right());
    let frame = Frame::new(Rect::between(left, top, area.right() - 6.0, bottom), x, y);
    let longest = arrows(field).map(|(_, v)| distance((0.0, 0.0), v)).fold(0.0, f64::max);
    // The longest arrow is as long as the arrows are apart, were they evenly spread; zooming in spreads them.
    let n = arrows(field).count().max(1) as f64;
    let (mut low, mut high) = ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    for (at, _) in arrows(field) {
        let px = frame.px(at);
        low = (low.0.min(px.0), low.1.min(px.1));
        high = (high.0.max(px.0), high.1.max(px.1));
    }
    let spread = ((high.0 - low.0).max(1.0) * (high.1 - low.1).max(1.0) / n).sqrt();
    let spread = if spread.is_finite() { spread.clamp(8.0, 120.0) } else { 8.0 };
    let stretch = if longest > 0.0 { spread / longest } else { 0.0 };
    Layout { frame, legend, stretch, longest }
}

impl Drawn for &Field {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let Layout { frame, legend, stretch, longest } = layout(self, page);
        let (palette, area) = (page.palette, page.area());
        pen.text((area.x, area.y + ROW / 2.0), &fit(&scale::title(&self.y), NAME, area.w), &Type::new(NAME, palette.text));
        legend.draw(pen, palette);
        if frame.rect.w < 8.0 || frame.rect.h < 8.0 {
            return;
        }
        draw_axes(pen, palette, &frame, &Surroundings { x: &self.x, grid: false, categories: None });
        pen.outline(frame.rect, palette.frame, 1.0);
        for (at, v) in arrows(self) {
            let from = frame.px(at);
            if !frame.rect.contains(from) {
                continue;
            }
            let length = distance((0.0, 0.0), v);
            let to = (from.0 + v.0 * stretch, from.1 - v.1 * stretch);
            let colour = palette.ramp(if longest > 0.0 { (length / longest) as f32 } else { 0.0 });
            if length * stretch < 1.5 {
                pen.disc(from, 1.2, colour);
            } else if frame.rect.contains(to) {
                pen.arrow(from, to, colour, 1.25, 6.0);
            } else if let Some((from, to)) = clip::segment(&frame.rect, from, to) {
                pen.line(&[from, to], colour, 1.25);
            }
        }
        for path in &self.paths {
            draw_path(pen, palette, &frame, path);
        }
    }

    /// The arrow or the point of a path near the pointer.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let Layout { frame, stretch, .. } = layout(self, page);
        let mut nearest = Nearest::within(28.0);
        for (at, v) in arrows(self) {
            let from = frame.px(at);
            if frame.rect.contains(from) {
                let middle = (from.0 + v.0 * stretch / 2.0, from.1 - v.1 * stretch / 2.0);
                nearest.offer(distance(middle, px).min(distance(from, px)), from, || {
                    let place = format!("{}, {}", worded(&self.x, "x", at.0), worded(&self.y, "y", at.1));
                    format!("vector ({}, {}), length {}\n{place}", number(v.0), number(v.1), number(distance((0.0, 0.0), v)))
                });
            }
        }
        for path in &self.paths {
            for (step, (&x, &y)) in path.x.iter().zip(&path.y).enumerate() {
                let at = frame.px((x, y));
                if frame.rect.contains(at) {
                    // Paths lie above the arrows.
                    nearest.offer((distance(at, px) - 6.0).max(0.0), at, || {
                        let place = format!("{}, {}", worded(&self.x, "x", x), worded(&self.y, "y", y));
                        format!("{}, step {step}\n{place}", if path.name.is_empty() { "path" } else { &path.name })
                    });
                }
            }
        }
        nearest.found()
    }

    fn frame(&self, page: &Page) -> Option<Frame> {
        Some(layout(self, page).frame)
    }

    /// The arrows, then the paths, a row each.
    fn rows(&self) -> Vec<Vec<String>> {
        let named =
            |axis, fallback: &str| Some(scale::title(axis)).filter(|t| !t.is_empty()).unwrap_or_else(|| fallback.to_owned());
        let (x, y) = (named(&self.x, "x"), named(&self.y, "y"));
        let (dx, dy) = (format!("{x} component"), format!("{y} component"));
        let mut rows = vec![vec![x, y, dx, dy, "path".to_owned(), "step".to_owned()]];
        for (at, v) in self.at.iter().zip(&self.vectors) {
            rows.push(vec![exact(at.0), exact(at.1), exact(v.0), exact(v.1), String::new(), String::new()]);
        }
        for path in &self.paths {
            for (step, (x, y)) in path.x.iter().zip(&path.y).enumerate() {
                rows.push(vec![exact(x), exact(y), String::new(), String::new(), path.name.clone(), exact(step)]);
            }
        }
        if self.paths.is_empty() {
            rows.iter_mut().for_each(|row| row.truncate(4));
        }
        rows
    }

    fn describe(&self) -> String {
        let over = format!("{} and {}", scale::label(&self.x, "x"), scale::label(&self.y, "y"));
        let lengths = || arrows(self).map(|(at, v)| (at, distance((0.0, 0.0), v)));
        let n = lengths().count();
        let longest = lengths().max_by(|a, b| a.1.total_cmp(&b.1));
        let shortest = lengths().min_by(|a, b| a.1.total_cmp(&b.1));
        let point = |p: (f64, f64)| format!("({}, {})", scale::quantity(&self.x, p.0), scale::quantity(&self.y, p.1));
        let (Some(longest), Some(shortest)) = (longest, shortest) else {
            return format!("Vector field over {over}, without arrows.");
        };
        let mut text = format!(
            "Vector field over {over} with {}: lengths from {} at {} to {} at {}",
            count(n, "arrow", "arrows"),
            number(shortest.1),
            point(shortest.0),
            number(longest.1),
            point(longest.0)
        );
        for path in self.paths.iter().take(4) {
            let mut finite = path.x.iter().zip(&path.y).filter(|(x, y)| x.is_finite() && y.is_finite());
            if let Some(first) = finite.next() {
                let last = finite.next_back().unwrap_or(first);
                let name = if path.name.is_empty() { "a path" } else { &path.name };
                text += &format!("; {name} from {} to {}", point((*first.0, *first.1)), point((*last.0, *last.1)));
            }
        }
        text + "."
    }
}
