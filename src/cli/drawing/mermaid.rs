//! Mermaid: <https://mermaid.js.org/syntax/flowchart.html>.

use super::{Drawing, Edge, Node};
use crate::graph::EdgeKind;

/// The drawing as a Mermaid flowchart.
pub(crate) fn mermaid(drawing: &Drawing) -> String {
    let mut lines = vec!["flowchart TB".to_owned()];
    let nodes = || drawing.nodes.iter().enumerate();
    if drawing.groups.is_empty() {
        lines.extend(nodes().map(|(id, node)| format!("  {}", statement(id, node))));
    }
    for (group, name) in drawing.groups.iter().enumerate() {
        lines.push(format!("  subgraph g{group} [{}]", quoted(name)));
        let members = nodes().filter(|(_, node)| node.group == group);
        lines.extend(members.map(|(id, node)| format!("    {}", statement(id, node))));
        lines.push("  end".to_owned());
    }
    lines.extend(drawing.edges.iter().map(arrow));
    lines.join("\n") + "\n"
}

fn statement(id: usize, node: &Node) -> String {
    let name = &node.name;
    let label = match node.detail.as_str() {
        "" => quoted(name),
        detail => quoted(&format!("{name}\n{detail}")),
    };
    if node.is_gateway {
        format!("s{id}[[{label}]]")
    } else {
        format!("s{id}({label})")
    }
}

fn arrow(edge: &Edge) -> String {
    let line = match edge.kind {
        EdgeKind::Calls => "-->",
        EdgeKind::Routes => "==>",
        EdgeKind::After => "-.->",
    };
    let label = match edge.label.as_str() {
        "" => String::new(),
        label => format!("|{}|", quoted(label)),
    };
    format!("  s{} {line}{label} s{}", edge.from, edge.to)
}

/// Mermaid takes HTML's names of characters, with `#` before them.
fn quoted(text: &str) -> String {
    let text = text
        .replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace('`', "#96;")
        .replace('\n', "<br>");
    format!("\"{text}\"")
}
