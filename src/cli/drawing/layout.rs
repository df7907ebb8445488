//! Where things are drawn: layers from callers down to callees, after Sugiyama, Tagawa and Toda
//! (1981). Always the same for the same graph; linear but for the number of sweeps.

/// Sweeps over the layers, each way, to lessen crossings.
const SWEEPS: usize = 8;
/// Points that long edges may bend at, all together; beyond it they run straight.
const MAX_BENDS: usize = 50_000;

/// Where each node is.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The middle of each node, from left to right.
    pub(super) x: Vec<f64>,
    /// The layer of each node, from the top.
    pub(super) layer: Vec<usize>,
    /// For each edge, the middles it bends at: one for each layer between its ends.
    pub(super) bends: Vec<Vec<f64>>,
    /// The right end of all.
    pub(super) width: f64,
    /// How many layers there are.
    pub(super) layers: usize,
}

/// Places nodes of these widths, `gap` apart, for these edges (from, to).
pub(super) fn layout(widths: &[f64], edges: &[(usize, usize)], gap: f64) -> Layout {
    let forward = without_cycles(widths.len(), edges);
    let layer = layers(widths.len(), &forward);
    let count = layer.iter().max().map_or(0, |last| last + 1);
    let mut net = Net::of(widths, &layer, count, &forward, gap);
    net.order();
    net.place(gap);
    let bends = forward
        .iter()
        .zip(edges)
        .zip(&net.chains)
        .map(|((forward, edge), chain)| {
            let inner = chain.iter().skip(1).take(chain.len().saturating_sub(2));
            let mut bends: Vec<f64> = inner.map(|point| at(&net.x, *point)).collect();
            if forward != edge {
                bends.reverse();
            }
            bends
        })
        .collect();
    let right = |(x, width): (&f64, &f64)| x + width / 2.0;
    Layout {
        width: net.x.iter().zip(&net.widths).map(right).fold(0.0, f64::max),
        x: net.x.into_iter().take(widths.len()).collect(),
        layer,
        bends,
        layers: count,
    }
}

/// The edges with those turned round that would close a cycle.
fn without_cycles(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        add(&mut out, *from, *to);
    }
    // When each node was left; an edge to one that is left later closes a cycle.
    let mut left = vec![usize::MAX; count];
    let mut seen = vec![false; count];
    let mut time = 0;
    // Those that nothing leads to come first, so that they stay on top.
    let mut reached = vec![false; count];
    for (_, to) in edges {
        set(&mut reached, *to, true);
    }
    let mut roots: Vec<usize> = (0..count).collect();
    roots.sort_by_key(|node| at(&reached, *node));
    for root in roots {
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let (node, index) = (*node, *next);
            *next += 1;
            if index == 0 {
                if at(&seen, node) {
                    path.pop();
                    continue;
                }
                set(&mut seen, node, true);
            }
            if let Some(to) = out.get(node).and_then(|out| out.get(index)) {
                path.push((*to, 0));
            } else {
                set(&mut left, node, time);
                time += 1;
                path.pop();
            }
        }
    }
    let turned = |(from, to): &(usize, usize)| {
        if at(&left, *from) < at(&left, *to) {
            (*to, *from)
        } else {
            (*from, *to)
        }
    };
    edges.iter().map(turned).collect()
}

/// Each node one layer below the lowest that leads to it.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut waiting = vec![0_usize; count];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        add(&mut out, *from, *to);
        let more = at(&waiting, *to) + 1;
        set(&mut waiting, *to, more);
    }
    let mut layer = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|node| at(&waiting, *node) == 0).collect();
    while let Some(node) = ready.pop() {
        for to in out.get(node).into_iter().flatten() {
            let below = at(&layer, node) + 1;
            let lowest = below.max(at(&layer, *to));
            set(&mut layer, *to, lowest);
            let left = at(&waiting, *to).saturating_sub(1);
            set(&mut waiting, *to, left);
            if left == 0 {
                ready.push(*to);
            }
        }
    }
    layer
}

/// Nodes and the points that long edges bend at, in rows.
struct Net {
    widths: Vec<f64>,
    rows: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    /// For each edge the points it passes, its ends too.
    chains: Vec<Vec<usize>>,
    x: Vec<f64>,
}

impl Net {
    fn of(
        widths: &[f64],
        layer: &[usize],
        count: usize,
        edges: &[(usize, usize)],
        gap: f64,
    ) -> Self {
        let span = |(from, to): &(usize, usize)| at(layer, *to).saturating_sub(at(layer, *from));
        let bent = edges.iter().map(span).sum::<usize>() <= MAX_BENDS;
        let mut net = Self {
            widths: widths.to_vec(),
            rows: vec![Vec::new(); count],
            above: vec![Vec::new(); widths.len()],
            below: vec![Vec::new(); widths.len()],
            chains: Vec::with_capacity(edges.len()),
            x: Vec::new(),
        };
        for (node, layer) in layer.iter().enumerate() {
            add(&mut net.rows, *layer, node);
        }
        for (from, to) in edges {
            let mut chain = vec![*from];
            if bent {
                for row in at(layer, *from) + 1..at(layer, *to) {
                    let point = net.widths.len();
                    net.widths.push(gap / 2.0);
                    net.above.push(Vec::new());
                    net.below.push(Vec::new());
                    add(&mut net.rows, row, point);
                    chain.push(point);
                }
            }
            chain.push(*to);
            for (upper, lower) in chain.iter().zip(chain.iter().skip(1)) {
                if upper != lower {
                    add(&mut net.below, *upper, *lower);
                    add(&mut net.above, *lower, *upper);
                }
            }
            net.chains.push(chain);
        }
        net
    }

    /// Orders each row by the middle of its neighbours, down and up again.
    fn order(&mut self) {
        let mut position = vec![0.0; self.widths.len()];
        for row in &self.rows {
            number(row, &mut position);
        }
        for sweep in 0..SWEEPS {
            let down = sweep % 2 == 0;
            let neighbours = if down { &self.above } else { &self.below };
            let mut sort = |row: &mut Vec<usize>| {
                let middle = |node: usize| {
                    mean(neighbours.get(node), &position).unwrap_or(at(&position, node))
                };
                let mut keyed: Vec<(f64, usize)> =
                    row.iter().map(|node| (middle(*node), *node)).collect();
                // Stable: what is equal stays as it is.
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                *row = keyed.into_iter().map(|(_, node)| node).collect();
                number(row, &mut position);
            };
            if down {
                self.rows.iter_mut().for_each(&mut sort);
            } else {
                self.rows.iter_mut().rev().for_each(&mut sort);
            }
        }
    }

    /// Gives each node its place: near the middle of its neighbours, none over another.
    fn place(&mut self, gap: f64) {
        self.x = vec![0.0; self.widths.len()];
        for row in &self.rows {
            pack(row, &self.widths, &mut self.x, gap);
        }
        for sweep in 0..SWEEPS {
            let down = sweep % 2 == 0;
            let neighbours = if down { &self.above } else { &self.below };
            let mut align = |row: &Vec<usize>| {
                for node in row {
                    if let Some(middle) = mean(neighbours.get(*node), &self.x) {
                        set(&mut self.x, *node, middle);
                    }
                }
                pack(row, &self.widths, &mut self.x, gap);
            };
            if down {
                self.rows.iter().for_each(&mut align);
            } else {
                self.rows.iter().rev().for_each(&mut align);
            }
        }
        let left = |(x, width): (&f64, &f64)| x - width / 2.0;
        let least = self
            .x
            .iter()
            .zip(&self.widths)
            .map(left)
            .fold(f64::MAX, f64::min);
        if least.is_finite() && !self.x.is_empty() {
            self.x.iter_mut().for_each(|x| *x -= least);
        }
    }
}

/// Nodes of a row that stand side by side.
struct Run {
    /// Where its left end wishes to be, on average over its members.
    start: f64,
    width: f64,
    weight: f64,
    members: usize,
}

/// Moves the nodes of a row apart, as little as may be: neighbours that collide are joined into a
/// run that stands where its members wish to on average.
fn pack(row: &[usize], widths: &[f64], x: &mut [f64], gap: f64) {
    let mut runs: Vec<Run> = Vec::new();
    for node in row {
        let width = at(widths, *node);
        let mut run = Run {
            start: at(x, *node) - width / 2.0,
            width: width + gap,
            weight: 1.0,
            members: 1,
        };
        while let Some(before) = runs.pop_if(|before| before.start + before.width > run.start) {
            let weight = before.weight + run.weight;
            let wish = before.start * before.weight + (run.start - before.width) * run.weight;
            run = Run {
                start: wish / weight,
                width: before.width + run.width,
                weight,
                members: before.members + run.members,
            };
        }
        runs.push(run);
    }
    let mut nodes = row.iter();
    for run in runs {
        let mut left = run.start;
        for node in nodes.by_ref().take(run.members) {
            let width = at(widths, *node);
            set(x, *node, left + width / 2.0);
            left += width + gap;
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a row has fewer than 2^52 nodes"
)]
fn number(row: &[usize], position: &mut [f64]) {
    for (index, node) in row.iter().enumerate() {
        set(position, *node, index as f64);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a node has fewer than 2^52 neighbours"
)]
fn mean(nodes: Option<&Vec<usize>>, position: &[f64]) -> Option<f64> {
    let nodes = nodes.filter(|nodes| !nodes.is_empty())?;
    let sum: f64 = nodes.iter().map(|node| at(position, *node)).sum();
    Some(sum / nodes.len() as f64)
}

fn at<T: Copy + Default>(values: &[T], index: usize) -> T {
    values.get(index).copied().unwrap_or_default()
}

fn set<T>(values: &mut [T], index: usize, value: T) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}

fn add(lists: &mut [Vec<usize>], index: usize, value: usize) {
    if let Some(list) = lists.get_mut(index) {
        list.push(value);
    }
}
