//! Nodes and edges at given places; the unit square fills the picture, y upwards.

use crate::axes::{Frame, SMALL};
use crate::clip;
use crate::page::{Drawn, Nearest, Page, ReadOut, count, exact};
use crate::pen::{Anchor, Baseline, Pen, Px, Rect, Type, distance, text_width};
use crate::scale::{Scaler, number};
use ground::view::{Graph, Node, Scale};

/// More nodes than this get no labels: none could be read.
const LABELLED: usize = 400;

/// The frame of the unit square.
fn frame(graph: &Graph, page: &Page) -> Frame {
    let area = page.area();
    let largest = graph.nodes.iter().map(radius).fold(4.0, f64::max);
    let margin = (largest + 2.0).min(area.w / 4.0).min(area.h / 4.0);
    let labels = if graph.nodes.iter().any(|n| !n.label.is_empty()) { 14.0 } else { 0.0 };
    let rect = Rect::between(area.x + margin, area.y + margin + labels, area.right() - margin, area.bottom() - margin - labels);
    let whole = Scaler::new((0.0, 1.0), Scale::Linear);
    let (mut x, mut y) = (whole, whole);
    if let Some([wx, wy]) = page.camera.window {
        (x, y) = (x.over(wx), y.over(wy));
    }
    Frame::new(rect, x, y)
}

fn radius(node: &Node) -> f64 {
    if node.size.is_finite() { f64::from(node.size / 2.0).clamp(1.0, 60.0) } else { 4.0 }
}

fn at(frame: &Frame, node: &Node) -> Px {
    frame.px((f64::from(node.at.0), f64::from(node.at.1)))
}

fn weight(weight: f32) -> f64 {
    if weight.is_nan() { 0.0 } else { f64::from(weight.abs()).clamp(0.0, 1.0) }
}

impl Drawn for &Graph {
    fn draw(&self, pen: &mut dyn Pen, page: &Page) {
        let (frame, palette, area) = (frame(self, page), page.palette, page.area());
        let places: Vec<Px> = self.nodes.iter().map(|n| at(&frame, n)).collect();
        for edge in &self.edges {
            let ends = (edge.from as usize, edge.to as usize);
            let (Some(&a), Some(&b)) = (places.get(ends.0), places.get(ends.1)) else { continue };
            let w = weight(edge.weight);
            let colour = palette.faint_text.mix(palette.background, (0.72 - 0.55 * w) as f32);
            let width = 0.75 + 3.25 * w;
            let span = distance(a, b);
            if edge.directed {
                // The head ends at the node's rim.
                let rim = radius(&self.nodes[ends.1]) + 1.5;
                if span > rim {
                    let t = (span - rim) / span;
                    let tip = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
                    if area.contains(a) && area.contains(tip) {
                        pen.arrow(a, tip, colour, width, 6.0 + 1.6 * width);
                    } else if let Some((a, b)) = clip::segment(&area, a, tip) {
                        pen.line(&[a, b], colour, width);
                    }
                }
            } else if let Some((a, b)) = clip::segment(&area, a, b) {
                pen.line(&[a, b], colour, width);
            }
        }
        let seen: Vec<usize> = (0..places.len()).filter(|&i| area.contains(places[i])).collect();
        for &i in &seen {
            let (node, r) = (&self.nodes[i], radius(&self.nodes[i]));
            pen.disc(places[i], r + 1.25, palette.background);
            pen.disc(places[i], r, palette.ink(node.ink));
        }
        if seen.len() > LABELLED {
            return;
        }
        let boxes: Vec<Rect> = seen
            .iter()
            .map(|&i| {
                let r = radius(&self.nodes[i]);
                Rect { x: places[i].0 - r, y: places[i].1 - r, w: 2.0 * r, h: 2.0 * r }
            })
            .collect();
        let ends = |e: &ground::view::Edge| Some((*places.get(e.from as usize)?, *places.get(e.to as usize)?));
        let lines: Vec<(Px, Px)> = self.edges.iter().filter_map(ends).collect();
        let few = lines.len() * seen.len() < 50_000;
        let mut labels: Vec<Rect> = Vec::new();
        for (&i, own) in seen.iter().zip(&boxes) {
            let node = &self.nodes[i];
            if node.label.is_empty() {
                continue;
            }
            let (w, r, (x, y)) = (text_width(&node.label, SMALL), radius(node), places[i]);
            if w + 4.0 <= 2.0 * r {
                let style = Type::new(SMALL, palette.on(palette.ink(node.ink))).at(Anchor::Middle, Baseline::Middle);
                pen.text((x, y), &node.label, &style);
                continue;
            }
            // Below, above, right or left of the node: where it covers least.
            let (half, h, gap) = (w / 2.0, SMALL, r + 3.0);
            let choices = [
                Rect { x: x - half, y: y + gap, w, h },
                Rect { x: x - half, y: y - gap - h, w, h },
                Rect { x: x + gap, y: y - h / 2.0, w, h },
                Rect { x: x - gap - w, y: y - h / 2.0, w, h },
            ];
            let inside = Rect::between(3.0, 3.0, page.width - 3.0, page.height - 3.0);
            let cost = |c: &Rect| {
                let crossed = if few { lines.iter().filter(|l| clip::segment(c, l.0, l.1).is_some()).count() } else { 0 };
                let covered = boxes.iter().filter(|b| *b != own && b.overlaps(c)).count();
                let clashes = labels.iter().filter(|l| l.overlaps(c)).count();
                let out = !(inside.contains((c.x, c.y)) && inside.contains((c.right(), c.bottom())));
                crossed + 3 * covered + 5 * clashes + 20 * usize::from(out)
            };
            let Some(best) = choices.iter().min_by_key(|c| cost(c)) else { continue };
            let style = Type::new(SMALL, palette.text).at(Anchor::Start, Baseline::Top);
            pen.rect(Rect { x: best.x - 1.0, y: best.y, w: w + 2.0, h }, palette.background.fade(0.7));
            pen.text((best.x, best.y + 0.14 * SMALL), &node.label, &style);
            labels.push(*best);
        }
    }

    /// The node under the pointer, or else the edge.
    fn read_out(&self, page: &Page, px: Px) -> Option<ReadOut> {
        let frame = frame(self, page);
        let mut nearest = Nearest::within(10.0);
        for (i, node) in self.nodes.iter().enumerate() {
            let place = at(&frame, node);
            nearest.offer((distance(place, px) - radius(node)).max(0.0), place, || {
                let incoming = self.edges.iter().filter(|e| e.to as usize == i && e.directed).count();
                let outgoing = self.edges.iter().filter(|e| e.from as usize == i && e.directed).count();
                let both = self.edges.iter().filter(|e| !e.directed && (e.from as usize == i || e.to as usize == i)).count();
                let mut parts = Vec::new();
                if both > 0 || incoming + outgoing == 0 {
                    parts.push(count(both, "edge", "edges"));
                }
                if incoming + outgoing > 0 {
                    parts.push(format!("{incoming} in, {outgoing} out"));
                }
                format!("{}\n{}", called(self, i), parts.join(", "))
            });
        }
        for edge in &self.edges {
            let (Some(a), Some(b)) = (self.nodes.get(edge.from as usize), self.nodes.get(edge.to as usize)) else { continue };
            let (a, b) = (at(&frame, a), at(&frame, b));
            let length = distance(a, b).max(1e-9);
            let t = (((px.0 - a.0) * (b.0 - a.0) + (px.1 - a.1) * (b.1 - a.1)) / (length * length)).clamp(0.0, 1.0);
            let foot = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            // A node at the same distance comes first.
            nearest.offer(distance(foot, px) + 4.0, foot, || {
                let link = if edge.directed { "→" } else { "–" };
                let (from, to) = (called(self, edge.from as usize), called(self, edge.to as usize));
                format!("{from} {link} {to}\nweight {}", number(f64::from(edge.weight)))
            });
        }
        nearest.found()
    }

    fn frame(&self, page: &Page) -> Option<Frame> {
        Some(frame(self, page))
    }

    /// The nodes, then the edges, a row each.
    fn rows(&self) -> Vec<Vec<String>> {
        let head = ["kind", "index", "label", "x", "y", "from", "to", "weight", "directed"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let none = String::new;
        for (i, node) in self.nodes.iter().enumerate() {
            let place = [exact(node.at.0), exact(node.at.1)];
            let [x, y] = place;
            rows.push(vec!["node".to_owned(), exact(i), node.label.clone(), x, y, none(), none(), none(), none()]);
        }
        for (i, edge) in self.edges.iter().enumerate() {
            let mut row = vec!["edge".to_owned(), exact(i), none(), none(), none()];
            row.extend([exact(edge.from), exact(edge.to), exact(edge.weight), exact(edge.directed)]);
            rows.push(row);
        }
        rows
    }

    fn describe(&self) -> String {
        let directed = self.edges.iter().filter(|e| e.directed).count();
        let kind = if directed > 0 { "Directed graph" } else { "Graph" };
        let mut text =
            format!("{kind} of {} and {}", count(self.nodes.len(), "node", "nodes"), count(self.edges.len(), "edge", "edges"));
        let known = || self.edges.iter().filter(|e| e.weight.is_finite());
        if let (Some(most), Some(least)) =
            (known().max_by(|a, b| a.weight.total_cmp(&b.weight)), known().min_by(|a, b| a.weight.total_cmp(&b.weight)))
            && most.weight != least.weight
        {
            let link = |e: &ground::view::Edge| format!("{} to {}", called(self, e.from as usize), called(self, e.to as usize));
            text += &format!(
                ", weights from {} ({}) to {} ({})",
                number(f64::from(least.weight)),
                link(least),
                number(f64::from(most.weight)),
                link(most)
            );
        }
        let names: Vec<&str> = self.nodes.iter().map(|n| n.label.as_str()).filter(|l| !l.is_empty()).take(8).collect();
        if !names.is_empty() {
            let more = if self.nodes.len() > names.len() { ", …" } else { "" };
            text += &format!(": {}{more}", names.join(", "));
        }
        text + "."
    }
}

fn called(graph: &Graph, index: usize) -> String {
    match graph.nodes.get(index) {
        Some(node) if !node.label.is_empty() => node.label.clone(),
        _ => format!("node {index}"),
    }
}
