//! Graphviz: <https://graphviz.org/doc/info/lang.html>.

use super::{Drawing, Edge, Node};
use crate::graph::EdgeKind;

/// The drawing in DOT.
pub(crate) fn dot(drawing: &Drawing) -> String {
    let mut lines = vec![
        format!("digraph {} {{", quoted(&drawing.title)),
        "  rankdir = TB".to_owned(),
        "  node [shape = box, style = rounded, fontname = \"sans-serif\"]".to_owned(),
        "  edge [fontname = \"sans-serif\", fontsize = 10]".to_owned(),
    ];
    let nodes = || drawing.nodes.iter().enumerate();
    if drawing.groups.is_empty() {
        lines.extend(nodes().map(|(id, node)| format!("  {}", statement(id, node))));
    }
    for (group, name) in drawing.groups.iter().enumerate() {
        lines.push(format!("  subgraph cluster_{group} {{"));
        lines.push(format!("    label = {}", quoted(name)));
        let members = nodes().filter(|(_, node)| node.group == group);
        lines.extend(members.map(|(id, node)| format!("    {}", statement(id, node))));
        lines.push("  }".to_owned());
    }
    lines.extend(drawing.edges.iter().map(arrow));
    lines.push("}\n".to_owned());
    lines.join("\n")
}

fn statement(id: usize, node: &Node) -> String {
    let label = match node.detail.as_str() {
        "" => quoted(&node.name),
        detail => quoted(&format!("{}\n{detail}", node.name)),
    };
    let shape = if node.is_gateway {
        ", style = bold"
    } else {
        ""
    };
    format!("s{id} [label = {label}{shape}]")
}

fn arrow(edge: &Edge) -> String {
    let style = match edge.kind {
        EdgeKind::Calls => "",
        EdgeKind::Routes => ", style = bold",
        EdgeKind::After => ", style = dashed",
    };
    let (from, to) = (edge.from, edge.to);
    format!(
        "  s{from} -> s{to} [label = {}{style}]",
        quoted(&edge.label)
    )
}

fn quoted(text: &str) -> String {
    let text = text
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n");
    format!("\"{text}\"")
}
