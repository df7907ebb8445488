//! SVG: boxes in layers, callers above what they call. Readable on light and dark ground.

use super::layout::{Layout, layout};
use super::{Drawing, Edge, Node};
use crate::graph::EdgeKind;
use std::fmt::Write;

const HEIGHT: f64 = 46.0;
const LAYER: f64 = 110.0;
const GAP: f64 = 28.0;
const MARGIN: f64 = 24.0;
/// The width of a character of 13 pixels, a little more than most fonts take.
const CHARACTER: f64 = 7.6;

const HEAD: &str = r#"<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; text-anchor: middle }
.detail { font-size: 11px; fill: #57606a }
.label { font-size: 10px; fill: #57606a; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
rect { fill: #f6f8fa; stroke: #57606a; rx: 6px }
.gateway { fill: #ddf4ff; stroke: #0969da }
path { fill: none; stroke: #57606a; marker-end: url(#arrow) }
.routes { stroke: #0969da; stroke-width: 1.8 }
.after { stroke-dasharray: 5 4 }
</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" style="fill:#57606a;stroke:none;marker-end:none"/></marker></defs>
<rect width="100%" height="100%" style="fill:#ffffff;stroke:none"/>
"#;

/// The drawing as SVG.
pub(crate) fn svg(drawing: &Drawing) -> String {
    let widths: Vec<f64> = drawing
        .nodes
        .iter()
        .map(|node| {
            let characters = node
                .name
                .chars()
                .count()
                .max(detail(drawing, node).chars().count());
            f64::from(u32::try_from(characters).unwrap_or(u32::MAX)) * CHARACTER + 24.0
        })
        .collect();
    let edges: Vec<(usize, usize)> = drawing
        .edges
        .iter()
        .map(|edge| (edge.from, edge.to))
        .collect();
    let layout = layout(&widths, &edges, GAP);
    let width = layout.width + 2.0 * MARGIN + GAP;
    let height = top(layout.layers.saturating_sub(1)) + HEIGHT + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\">\n<title>{}</title>\n{HEAD}",
        escaped(&drawing.title)
    );
    for (edge, bends) in drawing.edges.iter().zip(&layout.bends) {
        push_edge(&mut out, edge, bends, &layout, &widths);
    }
    for (id, node) in drawing.nodes.iter().enumerate() {
        let (x, y) = place(&layout, id);
        let width = widths.get(id).copied().unwrap_or_default();
        push_node(&mut out, node, &detail(drawing, node), (x, y, width));
    }
    out.push_str("</svg>\n");
    out
}

/// What stands under a service's name: its ports, and its stack where there are several.
fn detail(drawing: &Drawing, node: &Node) -> String {
    match drawing.groups.get(node.group) {
        Some(group) if node.detail.is_empty() => group.clone(),
        Some(group) => format!("{} · {group}", node.detail),
        None => node.detail.clone(),
    }
}

fn push_node(out: &mut String, node: &Node, detail: &str, (x, y, width): (f64, f64, f64)) {
    let class = if node.is_gateway {
        " class=\"gateway\""
    } else {
        ""
    };
    let left = x - width / 2.0;
    let baseline = if detail.is_empty() {
        y + 27.5
    } else {
        y + 19.0
    };
    // Writing to a string never fails.
    let _ = writeln!(
        out,
        "<rect{class} x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\"/>\
         <text x=\"{x:.1}\" y=\"{baseline:.1}\">{}</text>",
        escaped(&node.name)
    );
    if !detail.is_empty() {
        let _ = writeln!(
            out,
            "<text class=\"detail\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            y + 35.0,
            escaped(detail)
        );
    }
}

fn push_edge(out: &mut String, edge: &Edge, bends: &[f64], layout: &Layout, widths: &[f64]) {
    let class = match edge.kind {
        EdgeKind::Calls => "calls",
        EdgeKind::Routes => "routes",
        EdgeKind::After => "after",
    };
    let points = points(edge, bends, layout, widths);
    let mut path = String::new();
    for (index, pair) in points.windows(2).enumerate() {
        let [(x0, y0), (x1, y1)] = pair else { continue };
        let middle = f64::midpoint(*y0, *y1);
        // Writing to a string never fails.
        let _ = match index {
            0 => write!(
                path,
                "M{x0:.1} {y0:.1}C{x0:.1} {middle:.1} {x1:.1} {middle:.1} {x1:.1} {y1:.1}"
            ),
            _ => write!(
                path,
                " C{x0:.1} {middle:.1} {x1:.1} {middle:.1} {x1:.1} {y1:.1}"
            ),
        };
    }
    let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    if let (false, [.., (x0, y0), (x1, y1)]) = (edge.label.is_empty(), points.as_slice()) {
        // Near the arrow, where edges have parted.
        let (x, y) = (x0 + (x1 - x0) * 0.78, y0 + (y1 - y0) * 0.68);
        let _ = writeln!(
            out,
            "<text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(&edge.label)
        );
    }
}

/// What an edge passes, from its beginning to its arrow.
fn points(edge: &Edge, bends: &[f64], layout: &Layout, widths: &[f64]) -> Vec<(f64, f64)> {
    let ((from_x, from_y), (to_x, to_y)) = (place(layout, edge.from), place(layout, edge.to));
    if edge.from == edge.to {
        // A loop at the right side.
        let right = from_x + widths.get(edge.from).copied().unwrap_or_default() / 2.0;
        let (upper, lower) = (from_y + HEIGHT * 0.3, from_y + HEIGHT * 0.7);
        return vec![
            (right, upper),
            (right + GAP / 2.0, from_y + HEIGHT / 2.0),
            (right, lower),
        ];
    }
    let down = from_y < to_y;
    let (start, end) = if down {
        (from_y + HEIGHT, to_y)
    } else {
        (from_y, to_y + HEIGHT)
    };
    let first = layout.layer.get(edge.from).copied().unwrap_or_default();
    let mut points = vec![(from_x, start)];
    for (step, x) in (1..).zip(bends) {
        let layer = if down {
            first + step
        } else {
            first.saturating_sub(step)
        };
        points.push((MARGIN + x, top(layer) + HEIGHT / 2.0));
    }
    points.push((to_x, end));
    points
}

/// The middle of a node's upper side.
fn place(layout: &Layout, id: usize) -> (f64, f64) {
    let x = layout.x.get(id).copied().unwrap_or_default();
    let layer = layout.layer.get(id).copied().unwrap_or_default();
    (MARGIN + x, top(layer))
}

fn top(layer: usize) -> f64 {
    MARGIN + f64::from(u32::try_from(layer).unwrap_or(u32::MAX)) * LAYER
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
