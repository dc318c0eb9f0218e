//! Walls in the plane, and the shortest ways round them.

/// Upright rectangles that no way leads through.
///
/// A shortest way is straight from corner to corner (Lozano-Pérez & Wesley, "An algorithm for planning collision-free paths among
/// polyhedral obstacles", 1979), so it is found exactly: among the few corners once, and from a place over those that it sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Walls {
    boxes: Vec<[f64; 4]>,
    /// A hair outside the rectangles', so that a way along a wall does not touch it and none leads through a seam.
    corners: Vec<[f64; 2]>,
    /// Lengths of the ways from corner to corner, and the corner that comes next on each.
    between: Vec<f64>,
    next: Vec<u32>,
    hair: f64,
}

/// A place as the walls have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stand {
    /// The place itself, or the point nearest to it on the edge of the wall that it stands in.
    pub at: [f64; 2],
    /// How far it is from the place to that point.
    pub stub: f64,
    /// How far each corner is in a straight line; infinite if it is out of sight.
    pub seen: Vec<f64>,
    /// How far each corner is on the shortest way.
    pub way: Vec<f64>,
}

impl Walls {
    /// Rectangles [x₀, y₀, x₁, y₁], x₀ < x₁ and y₀ < y₁; sides may be infinitely far.
    pub fn new(boxes: &[[f64; 4]]) -> Self {
        let size = boxes.iter().flatten().filter(|v| v.is_finite()).fold(0.0, |a: f64, b| a.max(b.abs()));
        let hair = 1e-10 * size.max(f64::MIN_POSITIVE);
        let of = |[x0, y0, x1, y1]: [f64; 4]| {
            let (x, y) = ([x0 - hair, x1 + hair], [y0 - hair, y1 + hair]);
            [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]
        };
        let corners: Vec<[f64; 2]> = boxes.iter().flat_map(|b| of(*b)).filter(|c| c[0].is_finite() && c[1].is_finite()).collect();
        let n = corners.len();
        let mut walls =
            Walls { boxes: boxes.into(), corners, between: Vec::new(), next: (0..n * n).map(|k| (k % n) as u32).collect(), hair };
        let open = |k: usize| {
            let (a, b) = (walls.corners[k / n], walls.corners[k % n]);
            if k / n == k % n {
                0.0
            } else if walls.clear(a, b) {
                length(a, b)
            } else {
                f64::INFINITY
            }
        };
        walls.between = (0..n * n).map(open).collect();
        // Floyd's and Warshall's way to all shortest paths.
        for over in 0..n {
            for k in 0..n * n {
                let way = walls.between[k / n * n + over] + walls.between[over * n + k % n];
                if way < walls.between[k] {
                    walls.between[k] = way;
                    walls.next[k] = walls.next[k / n * n + over];
                }
            }
        }
        walls
    }

    /// The rectangles.
    pub fn boxes(&self) -> &[[f64; 4]] {
        &self.boxes
    }

    /// Where ways may bend.
    pub fn corners(&self) -> &[[f64; 2]] {
        &self.corners
    }

    /// Does the straight line from `a` to `b` touch no wall?
    pub fn clear(&self, a: [f64; 2], b: [f64; 2]) -> bool {
        !self.boxes.iter().any(|wall| touches(wall, a, b))
    }

    /// A place, and what it sees.
    pub fn stand(&self, place: [f64; 2]) -> Stand {
        let mut at = place;
        // Where rectangles overlap, the edge of one may lie in another.
        for _ in 0..self.boxes.len() {
            let inside = |[x0, y0, x1, y1]: &&[f64; 4]| (*x0..=*x1).contains(&at[0]) && (*y0..=*y1).contains(&at[1]);
            let Some([x0, y0, x1, y1]) = self.boxes.iter().find(inside) else { break };
            let edges = [[x0 - self.hair, at[1]], [x1 + self.hair, at[1]], [at[0], y0 - self.hair], [at[0], y1 + self.hair]];
            at = edges.into_iter().fold([f64::INFINITY; 2], |best, e| if length(at, e) < length(at, best) { e } else { best });
        }
        let seen: Vec<f64> =
            self.corners.iter().map(|c| if self.clear(at, *c) { length(at, *c) } else { f64::INFINITY }).collect();
        let n = self.corners.len();
        let over = |c: usize| seen.iter().zip(&self.between[c * n..]).fold(f64::INFINITY, |least, (s, b)| (s + b).min(least));
        let way = (0..n).map(over).collect();
        Stand { at, stub: length(place, at), seen, way }
    }

    /// The length of the shortest way; infinite where there is none.
    pub fn distance(&self, from: &Stand, to: &Stand) -> f64 {
        let way = if self.clear(from.at, to.at) {
            length(from.at, to.at)
        } else {
            from.seen.iter().zip(&to.way).fold(f64::INFINITY, |least, (s, w)| (s + w).min(least))
        };
        from.stub + way + to.stub
    }

    /// The corners at which the shortest way bends, from the first to the last.
    pub fn path(&self, from: &Stand, to: &Stand) -> Vec<usize> {
        let n = self.corners.len();
        if n == 0 || self.clear(from.at, to.at) {
            return Vec::new();
        }
        let least = |a: &dyn Fn(usize) -> f64| (1..n).fold(0, |best, c| if a(c) < a(best) { c } else { best });
        let mut here = least(&|c| from.seen[c] + to.way[c]);
        let last = least(&|c| self.between[here * n + c] + to.seen[c]);
        let mut path = vec![here];
        while here != last {
            here = self.next[here * n + last] as usize;
            path.push(here);
        }
        path
    }
}

fn length(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
    (dx * dx + dy * dy).sqrt()
}

/// Does the line from `a` to `b` meet the rectangle?
fn touches([x0, y0, x1, y1]: &[f64; 4], a: [f64; 2], b: [f64; 2]) -> bool {
    let (mut enters, mut leaves) = (0.0f64, 1.0f64);
    for (low, high, from, to) in [(*x0, *x1, a[0], b[0]), (*y0, *y1, a[1], b[1])] {
        let along = to - from;
        if along == 0.0 {
            if from < low || from > high {
                return false;
            }
            continue;
        }
        let (s, t) = ((low - from) / along, (high - from) / along);
        enters = enters.max(s.min(t));
        leaves = leaves.min(s.max(t));
    }
    enters <= leaves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn far(walls: &Walls, a: [f64; 2], b: [f64; 2]) -> f64 {
        walls.distance(&walls.stand(a), &walls.stand(b))
    }

    #[test]
    fn ways_go_round_corners_and_nowhere_else() {
        let wall = Walls::new(&[[-0.5, f64::NEG_INFINITY, 0.5, 1.0]]);
        assert_eq!(far(&wall, [-2.0, 2.0], [2.0, 2.0]), 4.0);
        // Up to the one corner, over the wall, and down.
        let legs = (1.5f64 * 1.5 + 1.0).sqrt();
        assert!((far(&wall, [-2.0, 0.0], [2.0, 0.0]) - (2.0 * legs + 1.0)).abs() < 1e-9);
        assert_eq!(wall.path(&wall.stand([-2.0, 0.0]), &wall.stand([2.0, 0.0])).len(), 2);
        assert!((far(&wall, [1.0, 0.0], [1.3, 0.0]) - 0.3).abs() < 1e-15);
        // From within the wall the way leaves it first.
        assert!((far(&wall, [0.4, 0.0], [2.0, 0.0]) - 1.6).abs() < 1e-9);
        // A ring of four walls that touch: nothing gets in or out, by no seam.
        let ring = [[-1.0, -1.0, 1.0, -0.9], [-1.0, 0.9, 1.0, 1.0], [-1.0, -0.9, -0.9, 0.9], [0.9, -0.9, 1.0, 0.9]];
        assert!(far(&Walls::new(&ring), [0.0, 0.0], [3.0, 0.1]).is_infinite());
        assert_eq!(far(&Walls::new(&[]), [0.0, 0.0], [3.0, 4.0]), 5.0);
    }

    /// Against Dijkstra's algorithm on a fine grid, whose ways are never shorter: at most 2.8 % too long, and a cell at each of four corners.
    #[test]
    fn a_grid_finds_no_shorter_way() {
        const SIDE: usize = 161;
        let boxes = [[-0.5, -0.2, -0.3, 1.4], [0.1, -1.6, 0.4, 0.3], [0.35, 0.2, 1.1, 0.5], [-1.2, -0.9, -0.6, -0.7]];
        let walls = Walls::new(&boxes);
        let cell = |k: usize| [k % SIDE, k / SIDE].map(|v| 4.0 * v as f64 / (SIDE - 1) as f64 - 2.0);
        let mut edges = Vec::new();
        for k in 0..SIDE * SIDE {
            for (dx, dy) in [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2i32)] {
                let (x, y) = ((k % SIDE) as i32 + dx, (k / SIDE) as i32 + dy);
                if (0..SIDE as i32).contains(&x) && (0..SIDE as i32).contains(&y) {
                    let to = y as usize * SIDE + x as usize;
                    if walls.clear(cell(k), cell(to)) {
                        edges.push((k, to, length(cell(k), cell(to))));
                    }
                }
            }
        }
        let roads = super::super::Roads::new(SIDE * SIDE, &edges);
        let mut random = Random::new(0, "places");
        for _ in 0..6 {
            let start = random.below(SIDE * SIDE);
            let ways = roads.from(start);
            let stand = walls.stand(cell(start));
            for _ in 0..200 {
                let end = random.below(SIDE * SIDE);
                let (ours, grid) = (walls.distance(&stand, &walls.stand(cell(end))), ways.distance[end]);
                if stand.stub > 0.0 || walls.stand(cell(end)).stub > 0.0 {
                    continue;
                }
                assert!(ours <= grid + 1e-9 && grid <= 1.028 * ours + 0.1, "{ours}, {grid}");
                let mut way = vec![cell(start)];
                way.extend(walls.path(&stand, &walls.stand(cell(end))).into_iter().map(|c| walls.corners()[c]));
                way.push(cell(end));
                assert!((way.windows(2).map(|e| length(e[0], e[1])).sum::<f64>() - ours).abs() < 1e-9);
                assert!(way.windows(2).all(|e| walls.clear(e[0], e[1])));
            }
        }
    }
}
