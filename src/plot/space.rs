//! Points, segments and arrows in three dimensions, seen from an orbit; flat where every z is zero.

use crate::axes::{Entry, Frame, Legend, NAME, ROW, SMALL, Surroundings, Symbol, draw_axes, foot_room, left_room};
use crate::chart::LINE;
use crate::clip;
use crate::orbit::Orbit;
use crate::page::{Drawn, Nearest, Page, ReadOut, count, exact};
use crate::palette::Palette;
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, distance, fit, text_width};
use crate::scale::{Scaler, number};
use ground::view::{Axis, Scale, Segment, Space};

/// How far the cube reaches in a picture, across and up.
const FIT: (f64, f64) = (1.75, 1.86);

/// Is every z zero?
pub(crate) fn flat(space: &Space) -> bool {
    space.clouds.iter().all(|c| c.at.iter().all(|p| p[2] == 0.0))
        && space.segments.iter().all(|s| s.from[2] == 0.0 && s.to[2] == 0.0)
}

/// Half the side of the cube: as given, or fitted to the data where that is no length.
fn reach(space: &Space) -> f64 {
    if space.reach.is_finite() && space.reach > 0.0 {
        return f64::from(space.reach);
    }
    let points = space.clouds.iter().flat_map(|c| &c.at).chain(space.segments.iter().flat_map(|s| [&s.from, &s.to]));
    let most = points.flatten().filter(|v| v.is_finite()).fold(0.0_f32, |most, v| most.max(v.abs()));
    if most > 0.0 { 1.05 * f64::from(most) } else { 1.0 }
}

fn legend(space: &Space, page: &Page, title: &str) -> Legend {
    let area = page.area();
    let entries = space.clouds.iter().map(|c| Entry { name: c.name.clone(), ink: c.ink, symbol: Symbol::Dot }).collect();
    Legend::place(title, entries, area.x, area.right(), area.y)
}

struct Layout {
    rect: Rect,
    legend: Legend,
    orbit: Orbit,
}

fn layout(space: &Space, page: &Page) -> Layout {
    let area = page.area();
    let legend = legend(space, page, "");
    let rect = Rect::between(area.x, (area.y + legend.height).min(area.bottom()), area.right(), area.bottom());
    let orbit = Orbit::new(page.camera, rect.w / rect.h.max(1.0), FIT);
    Layout { rect, legend, orbit }
}

/// The frame of a flat space.
fn frame(space: &Space, page: &Page) -> Frame {
    let area = page.area();
    let reach = reach(space);
    let whole = Scaler::new((-reach, reach), Scale::Linear);
    let (mut x, mut y) = (whole, whole);
    if let Some([wx, wy]) = page.camera.window {
        (x, y) = (x.over(wx), y.over(wy));
    }
    let legend = legend(space, page, &space.axes[1]);
    let top = area.y + legend.height + if legend.height > 0.0 { 5.0 } else { 0.0 };
    let bottom = (area.bottom() - foot_room(&flat_axis(space, 0))).max(top);
    let left = (area.x + left_room(&y, (bottom - top).max(1.0))).min(area.right());
    Frame::new(Rect::between(left, top, area.right() - 6.0, bottom), x, y).equalise()
}

fn flat_axis(space: &Space, index: usize) -> Axis {
    Axis::linear(space.axes[index].clone())
}

impl Drawn for &Space {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        if flat(self) { draw_flat(self, pen, page) } else { draw_deep(self, pen, page) }
    }

    /// The nearest point or end of a segment.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let mut nearest = Nearest::within(16.0);
        let flat = flat(self);
        let frame = frame(self, page);
        let Layout { rect, orbit, .. } = layout(self, page);
        let reach = reach(self);
        let area = if flat { frame.rect } else { rect };
        let place = |p: [f32; 3]| {
            let at = if flat {
                Some(frame.px((f64::from(p[0]), f64::from(p[1]))))
            } else {
                orbit.px(&rect, p.map(|v| f64::from(v) / reach))
            };
            at.filter(|at| area.contains(*at))
        };
        for cloud in &self.clouds {
            for (index, &p) in cloud.at.iter().enumerate() {
                if let Some(at) = place(p) {
                    nearest.offer(distance(at, px), at, || {
                        let name = if cloud.name.is_empty() { "point" } else { &cloud.name };
                        format!("{name} {index}\n{}", coordinates(self, p))
                    });
                }
            }
        }
        for segment in &self.segments {
            for (p, end) in [(segment.from, "start"), (segment.to, "end")] {
                if let Some(at) = place(p) {
                    nearest.offer(distance(at, px) + 2.0, at, || format!("{end} of a segment\n{}", coordinates(self, p)));
                }
            }
        }
        nearest.found()
    }

    fn frame(&self, page: &Page) -> Option<Frame> {
        flat(self).then(|| frame(self, page))
    }

    /// The points, then the segments, a row each.
    fn rows(&self) -> Vec<Vec<String>> {
        let axis = |i: usize, other: &str| if self.axes[i].is_empty() { other.to_owned() } else { self.axes[i].clone() };
        let names = [axis(0, "x"), axis(1, "y"), axis(2, "z")];
        let mut head = vec!["kind".to_owned(), "name".to_owned()];
        head.extend(names.iter().cloned());
        let ends = !self.segments.is_empty();
        if ends {
            head.extend(names.iter().map(|n| format!("{n} to")));
        }
        let mut rows = vec![head];
        for cloud in &self.clouds {
            for p in &cloud.at {
                let mut row = vec!["point".to_owned(), cloud.name.clone()];
                row.extend(p.iter().map(exact));
                if ends {
                    row.extend([String::new(), String::new(), String::new()]);
                }
                rows.push(row);
            }
        }
        for segment in &self.segments {
            let mut row = vec![if segment.arrow { "arrow" } else { "segment" }.to_owned(), String::new()];
            row.extend(segment.from.iter().chain(&segment.to).map(exact));
            rows.push(row);
        }
        rows
    }

    fn describe(&self) -> String {
        let kind = if flat(self) { "Points in the plane" } else { "Points in space" };
        let axes: Vec<&str> = self.axes.iter().map(String::as_str).filter(|a| !a.is_empty()).collect();
        let over = if axes.is_empty() { String::new() } else { format!(" over {}", axes.join(", ")) };
        let mut parts: Vec<String> = Vec::new();
        for cloud in self.clouds.iter().take(8) {
            let dots = count(cloud.at.len(), "point", "points");
            let name = if cloud.name.is_empty() { dots } else { format!("{}, {dots}", cloud.name) };
            let finite: Vec<_> = cloud.at.iter().filter(|p| p.iter().all(|v| v.is_finite())).collect();
            if finite.is_empty() {
                parts.push(name);
                continue;
            }
            let mean = |i: usize| number(finite.iter().map(|p| f64::from(p[i])).sum::<f64>() / finite.len() as f64);
            let centre: Vec<String> = (0..if flat(self) { 2 } else { 3 }).map(mean).collect();
            parts.push(format!("{name} around ({})", centre.join(", ")));
        }
        if self.clouds.len() > 8 {
            parts.push(format!("{} more groups", self.clouds.len() - 8));
        }
        let arrows = self.segments.iter().filter(|s| s.arrow).count();
        let lines = self.segments.len() - arrows;
        if lines > 0 {
            parts.push(count(lines, "segment", "segments"));
        }
        if arrows > 0 {
            parts.push(count(arrows, "arrow", "arrows"));
        }
        if parts.is_empty() { format!("{kind}{over}, without data.") } else { format!("{kind}{over}: {}.", parts.join("; ")) }
    }
}

fn draw_flat(space: &Space, pen: &mut dyn Pen, page: &Page) {
    let (palette, area, frame) = (page.palette, page.area(), frame(space, page));
    pen.text((area.x, area.y + ROW / 2.0), &fit(&space.axes[1], NAME, area.w), &Type::new(NAME, palette.text));
    legend(space, page, &space.axes[1]).draw(pen, palette);
    if frame.rect.w < 8.0 || frame.rect.h < 8.0 {
        return;
    }
    let x = flat_axis(space, 0);
    draw_axes(pen, palette, &frame, &Surroundings { x: &x, grid: true, categories: None });
    let place = |p: [f32; 3]| frame.px((f64::from(p[0]), f64::from(p[1])));
    let base = pen.snap(frame.rect.bottom(), 1.0);
    pen.line(&[(frame.rect.x, base), (frame.rect.right(), base)], palette.frame, 1.0);
    for cloud in &space.clouds {
        let (radius, alpha) = dot(cloud.size, cloud.at.len());
        let colour = palette.ink(cloud.ink).fade(alpha);
        for px in cloud.at.iter().map(|&p| place(p)).filter(|&px| frame.rect.contains(px)) {
            pen.disc(px, radius, colour);
        }
    }
    for segment in &space.segments {
        let to = place(segment.to);
        if let Some((a, b)) = clip::segment(&frame.rect, place(segment.from), to) {
            stroke(pen, palette, segment, a, b, 0.0, b == to);
        }
    }
}

/// Radius and opacity of a cloud's dots.
fn dot(size: f32, points: usize) -> (f64, f32) {
    let radius = if size.is_finite() { f64::from(size / 2.0).clamp(0.5, 40.0) } else { 2.0 };
    (radius, if points > 2000 { 0.5 } else { 0.85 })
}

fn stroke(pen: &mut dyn Pen, palette: &Palette, segment: &Segment, a: Px, b: Px, recess: f64, head: bool) {
    let colour = palette.ink(segment.ink).mix(palette.background, recess as f32);
    if segment.dashed {
        pen.dashes(&[a, b], colour, LINE, 5.0, 3.5);
        if segment.arrow && head && distance(a, b) > 1.0 {
            let back = 9.0 / distance(a, b);
            pen.arrow((b.0 + (a.0 - b.0) * back, b.1 + (a.1 - b.1) * back), b, colour, LINE, 9.0);
        }
    } else if segment.arrow && head {
        pen.arrow(a, b, colour, LINE, 9.0);
    } else {
        pen.line(&[a, b], colour, LINE);
    }
}

fn draw_deep(space: &Space, pen: &mut dyn Pen, page: &Page) {
    let Layout { rect, legend, orbit } = layout(space, page);
    let palette = page.palette;
    legend.draw(pen, palette);
    if rect.w < 24.0 || rect.h < 24.0 {
        return;
    }
    draw_box(space, pen, palette, &rect, &orbit);
    let reach = reach(space);
    let place = |p: [f32; 3]| p.map(|v| f64::from(v) / reach);

    /// A dot of a cloud or a segment.
    enum Item {
        Dot(usize, [f64; 3]),
        Segment(usize, [f64; 3], [f64; 3]),
    }
    let mut items: Vec<(f64, Item)> = Vec::new();
    for (index, cloud) in space.clouds.iter().enumerate() {
        for &p in &cloud.at {
            let p = place(p);
            items.push((orbit.depth(p), Item::Dot(index, p)));
        }
    }
    for (index, segment) in space.segments.iter().enumerate() {
        let (a, b) = (place(segment.from), place(segment.to));
        items.push(((orbit.depth(a) + orbit.depth(b)) / 2.0, Item::Segment(index, a, b)));
    }
    items.retain(|(depth, _)| depth.is_finite());
    items.sort_by(|a, b| b.0.total_cmp(&a.0));
    // What is far fades into the background.
    let fade = |p: [f64; 3]| 0.45 * orbit.recess(p);
    for (_, item) in items {
        match item {
            Item::Dot(index, p) => {
                let cloud = &space.clouds[index];
                if let Some(px) = orbit.px(&rect, p).filter(|px| rect.contains(*px)) {
                    let (radius, alpha) = dot(cloud.size, cloud.at.len());
                    let colour = palette.ink(cloud.ink).mix(palette.background, fade(p) as f32).fade(alpha.max(0.7));
                    pen.disc(px, radius * orbit.nearness(p).clamp(0.4, 2.5), colour);
                }
            }
            Item::Segment(index, a, b) => {
                let (Some(pa), Some(pb)) = (orbit.px(&rect, a), orbit.px(&rect, b)) else { continue };
                if let Some((from, to)) = clip::segment(&rect, pa, pb) {
                    let middle = [0, 1, 2].map(|i| (a[i] + b[i]) / 2.0);
                    stroke(pen, palette, &space.segments[index], from, to, fade(middle), to == pb);
                }
            }
        }
    }
}

/// The three sides of the cube that are behind, and the axes' names on its edges.
fn draw_box(space: &Space, pen: &mut dyn Pen, palette: &Palette, rect: &Rect, orbit: &Orbit) {
    let side = |axis: usize| {
        let mut normal = [0.0; 3];
        normal[axis] = 1.0;
        if orbit.faces(normal) { -1.0 } else { 1.0 }
    };
    // The corner farthest from the eye, and the edges of the faces that meet there.
    let far = [side(0), side(1), side(2)];
    let point = |p: [f64; 3]| orbit.px(rect, p);
    let mut edge = |a: [f64; 3], b: [f64; 3], colour| {
        if let (Some(a), Some(b)) = (point(a), point(b))
            && let Some((a, b)) = clip::segment(rect, a, b)
        {
            pen.line(&[a, b], colour, 1.0);
        }
    };
    for axis in 0..3 {
        let (i, j) = ((axis + 1) % 3, (axis + 2) % 3);
        for t in [-0.5, 0.0, 0.5] {
            // Grid lines on the two far faces that contain this axis.
            for free in [i, j] {
                let (mut a, mut b) = (far, far);
                (a[axis], b[axis]) = (-1.0, 1.0);
                (a[free], b[free]) = (t, t);
                edge(a, b, palette.grid);
            }
        }
        for (s, t) in [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)] {
            let (mut a, mut b) = (far, far);
            (a[axis], b[axis]) = (-1.0, 1.0);
            (a[i], b[i]) = (far[i] * s, far[i] * s);
            (a[j], b[j]) = (far[j] * t, far[j] * t);
            edge(a, b, palette.frame);
        }
    }
    let style = Type::new(SMALL, palette.faint_text).at(Anchor::Middle, Baseline::Middle);
    // Names stand outside the edges of the floor that are near, and beside the upright edge at the outer left.
    let floor = if orbit.faces([0.0, 0.0, 1.0]) { -1.0 } else { 1.0 };
    let names = [
        ([0.0, -far[1], floor], [0.0, -1.22 * far[1], 1.1 * floor]),
        ([-far[0], 0.0, floor], [-1.22 * far[0], 0.0, 1.1 * floor]),
        upright(orbit, rect, far),
    ];
    for (name, (edge, out)) in space.axes.iter().zip(names) {
        if let (Some(edge), Some(out), false) = (point(edge).filter(|p| rect.contains(*p)), point(out), name.is_empty()) {
            let half = text_width(name, SMALL) / 2.0;
            let along = (out.0 - edge.0) / distance(out, edge).max(0.1);
            let x = edge.0 + (out.0 - edge.0) + along * (half - 8.0).max(0.0);
            let x = x.min(rect.right() - half).max(rect.x + half);
            pen.text((x, out.1.min(rect.bottom() - 4.0).max(rect.y + 6.0)), name, &style);
        }
    }
}

/// The middle of the upright edge farthest to the left in the picture, and a point beside it.
fn upright(orbit: &Orbit, rect: &Rect, far: [f64; 3]) -> ([f64; 3], [f64; 3]) {
    let corners = [(far[0], -far[1]), (-far[0], far[1])];
    let x = |c: &(f64, f64)| orbit.px(rect, [c.0, c.1, 0.0]).map_or(f64::INFINITY, |p| p.0);
    let left = corners.iter().min_by(|a, b| x(a).total_cmp(&x(b))).copied().unwrap_or((-1.0, -1.0));
    ([left.0, left.1, 0.0], [1.16 * left.0, 1.16 * left.1, 0.0])
}

fn coordinates(space: &Space, p: [f32; 3]) -> String {
    let named = ["x", "y", "z"];
    let shown = if flat(space) { 2 } else { 3 };
    let parts = (0..shown).map(|i| {
        let name = if space.axes[i].is_empty() { named[i] } else { &space.axes[i] };
        format!("{name} {}", number(f64::from(p[i])))
    });
    parts.collect::<Vec<_>>().join(", ")
}
