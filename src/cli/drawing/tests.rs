use super::layout::layout;
use super::*;

fn node(name: &str, is_gateway: bool, group: usize) -> Node {
    Node {
        name: name.to_owned(),
        detail: if is_gateway { "gateway" } else { "http" }.to_owned(),
        is_gateway,
        group,
    }
}

fn edge(from: usize, to: usize, kind: EdgeKind, label: &str) -> Edge {
    Edge {
        from,
        to,
        kind,
        label: label.to_owned(),
    }
}

fn drawing() -> Drawing {
    Drawing {
        title: "a \"shop\"".to_owned(),
        nodes: vec![
            node("edge", true, 0),
            node("we\"b<", false, 0),
            node("db", false, 1),
        ],
        edges: vec![
            edge(0, 1, EdgeKind::Routes, "http"),
            edge(1, 2, EdgeKind::Calls, "sql, admin"),
            edge(0, 2, EdgeKind::After, "after"),
            edge(2, 1, EdgeKind::Calls, ""),
            edge(2, 2, EdgeKind::Calls, "peer"),
        ],
        groups: vec!["front".to_owned(), "back".to_owned()],
    }
}

#[test]
fn dot_is_quoted_and_grouped() {
    insta::assert_snapshot!(dot(&drawing()));
}

#[test]
fn mermaid_is_quoted_and_grouped() {
    insta::assert_snapshot!(mermaid(&drawing()));
}

#[test]
fn svg_needs_no_other_tool() {
    insta::assert_snapshot!(svg(&drawing()));
    assert!(svg(&Drawing::default()).ends_with("</svg>\n"));
}

#[test]
fn edges_lead_down_and_nothing_overlaps() {
    // Two rows of four, each linked to each, a long edge and a cycle.
    let mut edges: Vec<(usize, usize)> = (0..4).flat_map(|a| (4..8).map(move |b| (a, b))).collect();
    edges.extend([(8, 0), (8, 7), (7, 8)]);
    let widths = [50.0, 150.0, 80.0, 60.0, 70.0, 70.0, 90.0, 40.0, 100.0];
    let placed = layout(&widths, &edges, 10.0);
    for (from, to) in &edges {
        assert_ne!(placed.layer[*from], placed.layer[*to], "{from} {to}");
    }
    for a in 0..widths.len() {
        for b in 0..a {
            if placed.layer[a] == placed.layer[b] {
                let apart = (placed.x[a] - placed.x[b]).abs();
                assert!(
                    apart >= f64::midpoint(widths[a], widths[b]) + 9.99,
                    "{a} over {b}"
                );
            }
        }
        assert!(
            placed.x[a] - widths[a] / 2.0 >= -0.001
                && placed.x[a] + widths[a] / 2.0 <= placed.width + 0.001
        );
    }
    for ((from, to), bends) in edges.iter().zip(&placed.bends) {
        let span = placed.layer[*from].abs_diff(placed.layer[*to]);
        assert_eq!(bends.len(), span - 1, "from {from} to {to}");
    }
}

#[test]
fn a_line_of_many_is_placed_without_recursion() {
    let widths = vec![50.0; 20_000];
    let edges: Vec<(usize, usize)> = (1..20_000).map(|node| (node - 1, node)).collect();
    let placed = layout(&widths, &edges, 10.0);
    assert_eq!(placed.layers, 20_000);
    assert!((placed.width - 50.0).abs() < 0.001);
}
