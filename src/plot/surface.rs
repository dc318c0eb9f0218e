//! A heat map as a surface in space, with the paths lifted onto it.
//!
//! [`mesh`], [`colours`], [`draped`], [`view_projection`] and [`LIGHT`] are all a GPU needs to draw the same picture into [`place`];
//! without one the surface is drawn here, far quads first.

use crate::axes::{BAR_GAP, Legend, NAME, SMALL, draw_bar};
use crate::chart::LINE;
use crate::clip;
use crate::colour::Colour;
use crate::heat_map::{self, Cells, centre, draw_titles, extents, in_cell, on_path, path_entries, with_bar};
use crate::orbit::Orbit;
use crate::page::{Camera, Drawn, Nearest, Page, ReadOut, Style};
use crate::palette::{ColourScale, Palette, Theme};
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, distance, text_width};
use crate::scale;
use ground::view::{HeatMap, Path};

/// Half the height of the box that surfaces stand in; its half width is 1.
pub const HALF_HEIGHT: f32 = 0.6;

/// Where light comes from: a unit vector towards it, in the surface's space.
pub const LIGHT: [f32; 3] = [-0.37, -0.28, 0.886];

/// The light that reaches every side alike; [`LIGHT`] adds the rest to 1.
pub const AMBIENT: f32 = 0.62;

/// Widths of what is drawn of a path, in CSS pixels: the line, and the radii of the dots at its ends and of the rim around them.
pub const PATH_LINE: f64 = LINE + 0.5;
pub const PATH_ENDS: [f64; 2] = [2.6, 3.8];
pub const PATH_RIM: f64 = 1.2;

/// How high over the surface paths run.
const LIFT: f64 = 0.012;

/// How far the box reaches in a picture, across and up.
const FIT: (f64, f64) = (1.62, 1.5);

/// Most vertices along a side of what is drawn without a GPU.
const COARSE: usize = 48;

/// Triangles of a surface.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Vertices along x.
    pub columns: usize,
    /// Vertices along y.
    pub rows: usize,
    /// Places in [-1, 1]² x [-`HALF_HEIGHT`, `HALF_HEIGHT`], z up, row by row from the smallest y; NaN where there is no value.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals.
    pub normals: Vec<[f32; 3]>,
    /// RGBA, without light.
    pub colours: Vec<[u8; 4]>,
    /// Three indices a triangle; those with a missing vertex are left out.
    pub indices: Vec<u32>,
}

/// The light on a surface of that normal: a factor on its colour, 1 where it faces the light.
///
/// Both sides are lit alike.
pub fn light(normal: [f32; 3]) -> f32 {
    let cosine = normal[0] * LIGHT[0] + normal[1] * LIGHT[1] + normal[2] * LIGHT[2];
    AMBIENT + (1.0 - AMBIENT) * cosine.abs()
}

/// The triangles of `map`, of at most `most` vertices a side (cells are left out evenly beyond that).
pub fn mesh(map: &HeatMap, theme: Theme, most: usize) -> Mesh {
    let cells = Cells::of(map.columns, &map.values);
    let scale = cells.scale(&map.value);
    let palette = Palette::of(theme);
    let (columns, rows) = (cells.columns.min(most.max(2)), cells.rows.min(most.max(2)));
    if columns < 2 || rows < 2 {
        return Mesh::default();
    }
    let pick = |i: usize, n: usize, of: usize| if n == of { i } else { (i * (of - 1) + (n - 1) / 2) / (n - 1) };
    let mut mesh = Mesh { columns, rows, ..Mesh::default() };
    for j in 0..rows {
        let row = pick(j, rows, cells.rows);
        for i in 0..columns {
            let column = pick(i, columns, cells.columns);
            let value = cells.at(column, row);
            let x = (column as f32 + 0.5) / cells.columns as f32 * 2.0 - 1.0;
            let y = (row as f32 + 0.5) / cells.rows as f32 * 2.0 - 1.0;
            mesh.positions.push([x, y, height(&scale, value)]);
            mesh.colours.push(palette.shade(&scale, value).bytes());
        }
    }
    let at = |i: usize, j: usize| mesh.positions[j * columns + i];
    for j in 0..rows {
        for i in 0..columns {
            // Central differences; where a neighbour is missing, the point itself stands in.
            let or_here = |p: [f32; 3]| if p[2].is_nan() { at(i, j) } else { p };
            let (w, e) = (or_here(at(i.saturating_sub(1), j)), or_here(at((i + 1).min(columns - 1), j)));
            let (s, n) = (or_here(at(i, j.saturating_sub(1))), or_here(at(i, (j + 1).min(rows - 1))));
            let slope = |a: [f32; 3], b: [f32; 3], axis: usize| {
                let run = b[axis] - a[axis];
                if run > 0.0 { (b[2] - a[2]) / run } else { 0.0 }
            };
            let (gx, gy) = (slope(w, e, 0), slope(s, n, 1));
            let length = (gx * gx + gy * gy + 1.0).sqrt();
            mesh.normals.push([-gx / length, -gy / length, 1.0 / length]);
        }
    }
    for j in 0..rows - 1 {
        for i in 0..columns - 1 {
            let corner = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)].map(|(i, j)| (j * columns + i) as u32);
            if corner.iter().all(|&c| !mesh.positions[c as usize][2].is_nan()) {
                mesh.indices.extend([corner[0], corner[1], corner[2], corner[0], corner[2], corner[3]]);
            }
        }
    }
    mesh
}

/// The colour map of a surface from its lowest to its highest possible place.
pub fn colours(map: &HeatMap, theme: Theme) -> &'static [Colour; 256] {
    Palette::of(theme).map(&Cells::of(map.columns, &map.values).scale(&map.value))
}

/// The height at which a value stands; NaN if it cannot be shown.
fn height(scale: &ColourScale, value: f64) -> f32 {
    scale.place(value).map_or(f32::NAN, |t| (2.0 * t as f32 - 1.0) * HALF_HEIGHT)
}

/// A path's points lifted onto the surface; those beyond its edge are left out.
pub fn lifted(map: &HeatMap, path: &Path) -> Vec<[f32; 3]> {
    let cells = Cells::of(map.columns, &map.values);
    if cells.columns == 0 {
        return Vec::new();
    }
    let scale = cells.scale(&map.value);
    let (fx, fy) = extents(map);
    let points = path.x.iter().zip(&path.y).filter_map(|(&x, &y)| {
        let (u, v) = (fx.place(x), fy.place(y));
        let inside = (0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v);
        let z = inside.then(|| lift(&cells, &scale, u, v))?;
        (!z.is_nan()).then_some([2.0 * u as f32 - 1.0, 2.0 * v as f32 - 1.0, z])
    });
    points.collect()
}

/// A path a little above the surface, in short straight pieces that follow its hills.
pub fn draped(map: &HeatMap, path: &Path) -> Vec<[[f32; 3]; 2]> {
    let cells = Cells::of(map.columns, &map.values);
    let scale = cells.scale(&map.value);
    let points: Vec<[f64; 3]> = lifted(map, path).into_iter().map(|p| p.map(f64::from)).collect();
    let mut pieces = Vec::new();
    for w in points.windows(2) {
        let parts = (distance((w[0][0], w[0][1]), (w[1][0], w[1][1])) * 20.0).ceil().clamp(1.0, 60.0) as usize;
        let between = |i: usize| {
            let t = i as f64 / parts as f64;
            let (x, y) = (w[0][0] + (w[1][0] - w[0][0]) * t, w[0][1] + (w[1][1] - w[0][1]) * t);
            [x as f32, y as f32, lift(&cells, &scale, (x + 1.0) / 2.0, (y + 1.0) / 2.0) + LIFT as f32]
        };
        pieces.extend((0..parts).map(|i| [between(i), between(i + 1)]).filter(|piece| piece.iter().all(|p| !p[2].is_nan())));
    }
    pieces
}

/// Where a path begins and ends, a little above the surface.
pub fn ends(map: &HeatMap, path: &Path) -> Option<[[f32; 3]; 2]> {
    let points = lifted(map, path);
    let raised = |p: &[f32; 3]| [p[0], p[1], p[2] + LIFT as f32];
    Some([raised(points.first()?), raised(points.last()?)])
}

/// The surface's height at a place (0..=1 both ways), between the cells' middles bilinear.
fn lift(cells: &Cells, scale: &ColourScale, u: f64, v: f64) -> f32 {
    let (x, y) = (
        (u * cells.columns as f64 - 0.5).clamp(0.0, (cells.columns - 1) as f64),
        (v * cells.rows as f64 - 0.5).clamp(0.0, (cells.rows - 1) as f64),
    );
    let (i, j) = (x as usize, y as usize);
    let (i1, j1) = ((i + 1).min(cells.columns - 1), (j + 1).min(cells.rows - 1));
    let (s, t) = ((x - i as f64) as f32, (y - j as f64) as f32);
    let at = |i, j| height(scale, cells.at(i, j));
    (at(i, j) * (1.0 - s) + at(i1, j) * s) * (1.0 - t) + (at(i, j1) * (1.0 - s) + at(i1, j1) * s) * t
}

/// The matrix from the surface's space to clip space, by columns, for a picture of that aspect (width / height of [`place`]).
pub fn view_projection(camera: &Camera, aspect: f64) -> [[f32; 4]; 4] {
    Orbit::new(camera, aspect, FIT).matrix()
}

/// Where the surface is in the picture, in CSS pixels.
pub fn place(map: &HeatMap, style: &Style) -> Rect {
    let camera = Camera::default();
    layout(map, &Page::new(style, &camera)).rect
}

struct Layout {
    rect: Rect,
    legend: Legend,
    scale: ColourScale,
    orbit: Orbit,
}

fn layout(map: &HeatMap, page: &Page) -> Layout {
    let area = page.area();
    let scale = Cells::of(map.columns, &map.values).scale(&map.value);
    let bar = with_bar(page, "", &scale::title(&map.value), path_entries(&map.paths), &scale, 0.0);
    let rect = Rect::between(area.x, bar.top, bar.right.max(area.x), area.bottom().max(bar.top));
    let orbit = Orbit::new(page.camera, rect.w / rect.h.max(1.0), FIT);
    Layout { rect, legend: bar.legend, scale, orbit }
}

/// A heat map to be looked at as a surface.
pub(crate) struct Surface<'a>(pub &'a HeatMap);

impl Drawn for Surface<'_> {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        draw(self.0, pen, page, true);
    }

    /// The GPU draws the mesh and the paths.
    fn draw_around(&self, pen: &mut dyn Pen, page: &Page) {
        draw(self.0, pen, page, false);
    }

    /// The vertex of the surface or point of a path near the pointer; of several, the nearest to the eye.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let map = self.0;
        let Layout { rect, scale, orbit, .. } = layout(map, page);
        if !rect.contains(px) {
            return None;
        }
        let mut nearest = Nearest::within(8.0);
        for path in &map.paths {
            for (i, (&x, &y)) in path.x.iter().zip(&path.y).enumerate() {
                let one = Path { name: String::new(), ink: path.ink, x: vec![x], y: vec![y] };
                if let Some(at) = lifted(map, &one).first().and_then(|p| orbit.px(&rect, p.map(f64::from))) {
                    nearest.offer(distance(at, px), at, || on_path(map, path, i, x, y));
                }
            }
        }
        if let Some(found) = nearest.found() {
            return Some(found);
        }
        let cells = Cells::of(map.columns, &map.values);
        let mut best: Option<(f64, Px, usize, usize)> = None;
        for row in 0..cells.rows {
            for column in 0..cells.columns {
                let z = height(&scale, cells.at(column, row));
                let (u, v) = ((column as f64 + 0.5) / cells.columns as f64, (row as f64 + 0.5) / cells.rows as f64);
                let p = [2.0 * u - 1.0, 2.0 * v - 1.0, f64::from(z)];
                let Some(at) = orbit.px(&rect, p) else { continue };
                let off = distance(at, px);
                // Among those under the pointer the front one hides the others.
                let rank = off + 40.0 * orbit.depth(p);
                if off < 9.0 && best.is_none_or(|b| rank < b.0) {
                    best = Some((rank, at, column, row));
                }
            }
        }
        let (_, at, column, row) = best?;
        Some(ReadOut { text: in_cell(map, &cells, centre(&cells, extents(map), column, row), column, row), at })
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.0.rows()
    }

    fn describe(&self) -> String {
        heat_map::describe(self.0, "Surface")
    }
}

/// Draws the surface, or only what is around its mesh and paths.
fn draw(map: &HeatMap, pen: &mut dyn Pen, page: &Page, with_mesh: bool) {
    let Layout { rect, legend, scale, orbit } = layout(map, page);
    let palette = page.palette;
    draw_titles(pen, page, ("", page.area().x), &scale::title(&map.value), rect.right() + BAR_GAP);
    legend.draw(pen, palette);
    if rect.w < 24.0 || rect.h < 24.0 {
        return;
    }
    draw_floor(map, pen, palette, &rect, &orbit);
    if with_mesh {
        draw_mesh(map, pen, page, &rect, &orbit);
    }
    let bar = Rect { y: rect.y + 6.0, h: rect.h - 14.0, ..rect };
    draw_bar(pen, palette, bar, &scale);
}

enum Piece {
    Quad([Px; 4], Colour),
    Line(Px, Px, Colour),
    Dot(Px, f64, Colour),
}

fn draw_mesh(map: &HeatMap, pen: &mut dyn Pen, page: &Page, rect: &Rect, orbit: &Orbit) {
    let mesh = mesh(map, page.theme, COARSE);
    let wide = |p: [f32; 3]| p.map(f64::from);
    let places: Vec<Option<Px>> = mesh.positions.iter().map(|&p| orbit.px(rect, wide(p))).collect();
    let mut pieces: Vec<(f64, Piece)> = Vec::new();
    for six in mesh.indices.chunks_exact(6) {
        let corner = [six[0], six[1], six[2], six[5]].map(|c| c as usize);
        let [Some(a), Some(b), Some(c), Some(d)] = corner.map(|c| places[c]) else { continue };
        let depth = corner.iter().map(|&c| orbit.depth(wide(mesh.positions[c]))).sum::<f64>() / 4.0;
        let mut sum = [0.0_f32; 4];
        for &c in &corner {
            let lit = light(mesh.normals[c]);
            for (sum, &channel) in sum.iter_mut().zip(&mesh.colours[c]) {
                *sum += f32::from(channel) * lit / 4.0;
            }
        }
        let colour = Colour { r: sum[0] as u8, g: sum[1] as u8, b: sum[2] as u8, alpha: 1.0 };
        pieces.push((depth, Piece::Quad(grown([a, b, c, d]), colour)));
    }
    for path in &map.paths {
        let colour = page.palette.ink(path.ink);
        // Each piece is as deep as the surface under it, so that hills hide what is behind them.
        for [a, b] in draped(map, path).into_iter().map(|piece| piece.map(wide)) {
            if let (Some(pa), Some(pb)) = (orbit.px(rect, a), orbit.px(rect, b)) {
                pieces.push((orbit.depth(a).min(orbit.depth(b)) - 0.05, Piece::Line(pa, pb, colour)));
            }
        }
        for (end, radius) in ends(map, path).into_iter().flatten().map(wide).zip(PATH_ENDS) {
            if let Some(px) = orbit.px(rect, end) {
                pieces.push((orbit.depth(end) - 0.07, Piece::Dot(px, radius, colour)));
            }
        }
    }
    pieces.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, piece) in pieces {
        match piece {
            Piece::Quad(corners, colour) if corners.iter().all(|&c| rect.contains(c)) => pen.polygon(&corners, colour),
            Piece::Quad(corners, colour) => pen.polygon(&clip::polygon(rect, &corners), colour),
            Piece::Line(a, b, colour) => {
                if let Some((a, b)) = clip::segment(rect, a, b) {
                    pen.line(&[a, b], colour, PATH_LINE);
                }
            }
            Piece::Dot(at, radius, colour) if rect.contains(at) => {
                pen.disc(at, radius + PATH_RIM, page.palette.background);
                pen.disc(at, radius, colour);
            }
            Piece::Dot(..) => {}
        }
    }
}

/// A quad a third of a pixel larger, so that no background shines through between it and its neighbours.
fn grown(corners: [Px; 4]) -> [Px; 4] {
    let middle = corners.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0 / 4.0, m.1 + p.1 / 4.0));
    corners.map(|p| {
        let out = (p.0 - middle.0, p.1 - middle.1);
        let length = distance(p, middle).max(0.1);
        (p.0 + 0.45 * out.0 / length, p.1 + 0.45 * out.1 / length)
    })
}

/// The rectangle under the surface, with the axes' names and ends on its two near sides.
fn draw_floor(map: &HeatMap, pen: &mut dyn Pen, palette: &Palette, rect: &Rect, orbit: &Orbit) {
    let z = -f64::from(HALF_HEIGHT);
    let at = |x: f64, y: f64, z: f64| orbit.px(rect, [x, y, z]);
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)];
    let floor: Vec<Px> = corners.iter().filter_map(|&(x, y)| at(x, y, z)).collect();
    for stretch in clip::line(rect, floor.into_iter()) {
        pen.line(&stretch, palette.frame, 1.0);
    }
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
        // Posts at the corners that are not in front.
        if !(orbit.faces([x, 0.0, 0.0]) && orbit.faces([0.0, y, 0.0]))
            && let (Some(a), Some(b)) = (at(x, y, z), at(x, y, -z))
            && let Some((a, b)) = clip::segment(rect, a, b)
        {
            pen.line(&[a, b], palette.grid, 1.0);
        }
    }
    let (fx, fy) = extents(map);
    let near_y = if orbit.faces([0.0, 1.0, 0.0]) { 1.0 } else { -1.0 };
    let near_x = if orbit.faces([1.0, 0.0, 0.0]) { 1.0 } else { -1.0 };
    let side = |a: (f64, f64), b: (f64, f64), out: (f64, f64), ends: (f64, f64), name: &str, pen: &mut dyn Pen| {
        let far = |p: (f64, f64), by: f64| at(p.0 + out.0 * by, p.1 + out.1 * by, z - 0.1 * by);
        let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let inner = |p: (f64, f64)| (p.0 * 0.84 + middle.0 * 0.16, p.1 * 0.84 + middle.1 * 0.16);
        let small = Type::new(SMALL, palette.faint_text).at(Anchor::Middle, Baseline::Middle);
        for (corner, value) in [(a, ends.0), (b, ends.1)] {
            if let (Some(px), Some(edge)) = (far(inner(corner), 0.2), at(inner(corner).0, inner(corner).1, z))
                && rect.contains(edge)
            {
                let text = scale::number(value);
                pen.text(beside(px, edge, &text, SMALL, rect), &text, &small);
            }
        }
        if let (Some(px), Some(edge)) = (far(middle, 0.3), at(middle.0, middle.1, z))
            && rect.contains(edge)
        {
            let style = Type::new(NAME, palette.text).at(Anchor::Middle, Baseline::Middle);
            pen.text(beside(px, edge, name, NAME, rect), name, &style);
        }
    };
    side((-1.0, near_y), (1.0, near_y), (0.0, near_y), fx.range(), &scale::title(&map.x), pen);
    side((near_x, -1.0), (near_x, 1.0), (near_x, 0.0), fy.range(), &scale::title(&map.y), pen);
}

/// `px` moved away from `edge` until a centred text clears it, and into the picture.
fn beside(px: Px, edge: Px, text: &str, size: f64, rect: &Rect) -> Px {
    let half = text_width(text, size) / 2.0;
    let away = (px.0 - edge.0).abs() / distance(px, edge).max(0.1);
    let x = px.0 + (px.0 - edge.0).signum() * (half * away - (px.0 - edge.0).abs()).max(0.0);
    (x.min(rect.right() - half).max(rect.x + half), px.1.min(rect.bottom() - size / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::view::Axis;

    fn slope() -> HeatMap {
        let values = (0..40 * 30).map(|k| (k % 40) as f32).collect();
        HeatMap {
            x: Axis::linear("x").range(0.0, 1.0),
            y: Axis::linear("y").range(0.0, 1.0),
            columns: 40,
            values,
            ..HeatMap::default()
        }
    }

    #[test]
    fn a_slope_has_the_same_normal_everywhere() {
        let mesh = mesh(&slope(), Theme::Light, 1000);
        assert_eq!((mesh.columns, mesh.rows, mesh.indices.len()), (40, 30, 39 * 29 * 6));
        // It rises by twice the half height over 39 of the 40 cells of a side of length 2.
        let rise = 2.0 * HALF_HEIGHT / (2.0 * 39.0 / 40.0);
        let wanted = [-rise, 0.0, 1.0].map(|v: f32| v / (rise * rise + 1.0).sqrt());
        for normal in &mesh.normals {
            assert!(normal.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4), "{normal:?} {wanted:?}");
        }
    }

    #[test]
    fn missing_cells_are_holes() {
        let mut map = slope();
        map.values[5 * 40 + 5] = f32::NAN;
        let mesh = mesh(&map, Theme::Light, 1000);
        assert_eq!(mesh.indices.len(), (39 * 29 - 4) * 6);
        assert!(mesh.normals.iter().flatten().all(|v| v.is_finite()));
    }

    #[test]
    fn paths_lie_on_the_surface() {
        let path = Path { name: String::new(), ink: ground::view::Ink::Text, x: vec![0.5, 2.0, 0.25], y: vec![0.5, 0.5, 0.9] };
        let points = lifted(&slope(), &path);
        assert_eq!(points.len(), 2, "what is beyond the edge is left out");
        assert!(points[0][2].abs() < 1e-6, "{points:?}");
    }

    #[test]
    fn the_matrix_projects_as_the_pen_does() {
        let camera = Camera { yaw: 0.7, pitch: 0.4, distance: 1.3, window: None };
        let rect = Rect { x: 0.0, y: 0.0, w: 300.0, h: 200.0 };
        let orbit = Orbit::new(&camera, 1.5, FIT);
        let m = view_projection(&camera, 1.5);
        for p in [[0.3, -0.8, 0.5], [-1.0, 1.0, -0.6], [0.0, 0.0, 0.0]] {
            let clip: Vec<f64> =
                (0..4).map(|r| (0..3).map(|c| f64::from(m[c][r]) * p[c]).sum::<f64>() + f64::from(m[3][r])).collect();
            let px = (150.0 * (1.0 + clip[0] / clip[3]), 100.0 * (1.0 - clip[1] / clip[3]));
            let drawn = orbit.px(&rect, p).unwrap();
            assert!(distance(px, drawn) < 1e-3, "{px:?} {drawn:?}");
            assert!(clip[2] / clip[3] > 0.0 && clip[2] / clip[3] < 1.0, "depth {}", clip[2] / clip[3]);
        }
    }
}
