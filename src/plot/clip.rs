//! Lines and polygons cut to a rectangle.

use crate::pen::{Px, Rect};

/// The part of a segment inside `rect` (Liang and Barsky, 1984).
pub(crate) fn segment(rect: &Rect, a: Px, b: Px) -> Option<(Px, Px)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let edges = [(-dx, a.0 - rect.x), (dx, rect.right() - a.0), (-dy, a.1 - rect.y), (dy, rect.bottom() - a.1)];
    for (towards, room) in edges {
        if towards == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if towards < 0.0 {
            enter = enter.max(room / towards);
        } else {
            leave = leave.min(room / towards);
        }
    }
    let at = |t: f64| (a.0 + t * dx, a.1 + t * dy);
    (enter <= leave).then(|| (if enter > 0.0 { at(enter) } else { a }, if leave < 1.0 { at(leave) } else { b }))
}

/// The stretches of a line inside `rect`. A point that is not finite breaks the line; points closer together than a
/// third of a pixel are drawn as one.
pub(crate) fn line(rect: &Rect, points: impl Iterator<Item = Px>) -> Vec<Vec<Px>> {
    let mut stretches = Vec::new();
    let mut stretch: Vec<Px> = Vec::new();
    for p in points {
        if !(p.0.is_finite() && p.1.is_finite()) {
            add(rect, &stretch, &mut stretches);
            stretch.clear();
        } else if stretch.last().is_none_or(|last| (last.0 - p.0).abs() + (last.1 - p.1).abs() >= 0.33) {
            stretch.push(p);
        }
    }
    add(rect, &stretch, &mut stretches);
    stretches
}

/// Adds what of an unbroken line is inside `rect`.
fn add(rect: &Rect, points: &[Px], stretches: &mut Vec<Vec<Px>>) {
    let mut inside: Vec<Px> = Vec::new();
    for w in points.windows(2) {
        match segment(rect, w[0], w[1]) {
            Some((from, to)) => {
                if inside.last() != Some(&from) {
                    if inside.len() > 1 {
                        stretches.push(std::mem::take(&mut inside));
                    }
                    inside = vec![from];
                }
                inside.push(to);
            }
            None if inside.len() > 1 => stretches.push(std::mem::take(&mut inside)),
            None => inside.clear(),
        }
    }
    if inside.len() > 1 {
        stretches.push(inside);
    }
}

/// The part of a polygon inside `rect` (Sutherland and Hodgman, 1974).
pub(crate) fn polygon(rect: &Rect, points: &[Px]) -> Vec<Px> {
    let inside: [&dyn Fn(Px) -> f64; 4] =
        [&|p| p.0 - rect.x, &|p| rect.right() - p.0, &|p| p.1 - rect.y, &|p| rect.bottom() - p.1];
    let mut kept = points.to_vec();
    for inside in inside {
        let Some(&last) = kept.last() else { break };
        let mut next = Vec::with_capacity(kept.len() + 4);
        let mut a = last;
        for &b in &kept {
            let (da, db) = (inside(a), inside(b));
            if (da >= 0.0) != (db >= 0.0) {
                let t = da / (da - db);
                next.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
            }
            if db >= 0.0 {
                next.push(b);
            }
            a = b;
        }
        kept = next;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECT: Rect = Rect { x: 0.0, y: 0.0, w: 10.0, h: 10.0 };

    #[test]
    fn segments_are_cut_at_the_edges() {
        assert_eq!(segment(&RECT, (-5.0, 5.0), (15.0, 5.0)), Some(((0.0, 5.0), (10.0, 5.0))));
        assert_eq!(segment(&RECT, (2.0, 2.0), (3.0, 3.0)), Some(((2.0, 2.0), (3.0, 3.0))));
        assert_eq!(segment(&RECT, (-5.0, 6.0), (6.0, 17.0)), None);
        assert_eq!(segment(&RECT, (-1.0, -1.0), (11.0, 11.0)), Some(((0.0, 0.0), (10.0, 10.0))));
    }

    #[test]
    fn lines_break_where_they_leave_and_where_a_value_is_missing() {
        let points = [(1.0, 1.0), (1.0, 15.0), (5.0, 15.0), (5.0, 5.0), (f64::NAN, 0.0), (7.0, 7.0), (8.0, 7.0)];
        let stretches = line(&RECT, points.into_iter());
        assert_eq!(stretches, [vec![(1.0, 1.0), (1.0, 10.0)], vec![(5.0, 10.0), (5.0, 5.0)], vec![(7.0, 7.0), (8.0, 7.0)]]);
    }

    #[test]
    fn polygons_keep_the_area_inside() {
        let area = |p: &[Px]| -> f64 {
            let twice: f64 = (0..p.len()).map(|i| (p[i], p[(i + 1) % p.len()])).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum();
            twice.abs() / 2.0
        };
        // A triangle of which the corner beyond x = 10 is cut off.
        let cut = polygon(&RECT, &[(0.0, 0.0), (20.0, 0.0), (0.0, 10.0)]);
        assert!((area(&cut) - 75.0).abs() < 1e-9, "{cut:?}");
        assert!(polygon(&RECT, &[(20.0, 0.0), (30.0, 0.0), (20.0, 9.0)]).is_empty());
    }
}
