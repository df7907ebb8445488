//! Every order of events within the latencies, breadth first.
//!
//! A state's times are intervals. What may come next is every timer whose least time is not past
//! the least of all greatest times; the others are shortened by what may have passed. That forgets
//! how times hang together, so a state may be reached here that no engine reaches, never the
//! reverse. States that differ in times alone are kept apart up to a small number of variants;
//! beyond it they are joined into one that includes them all.

mod spans;

use super::machine::{Machine, Timer, Ways};
use super::profile::Profile;
use super::state::{State, Status};
use super::{Action, Rule, Scenario};
use crate::models::interval::Interval;
use crate::models::prediction::{Moment, Outcome, Prediction, Race};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// More states than this are not looked at: the prediction says that it is not complete.
const MOST_STATES: usize = 20_000;

/// So many variants of one shape are kept apart.
const VARIANTS: usize = 2;

pub(super) fn explore(scenario: &Scenario, profile: &Profile, without: Option<Rule>) -> Prediction {
    let machine = Machine::new(scenario, profile, without);
    let mut search = Search::default();
    search.run(&machine);
    Prediction {
        duration: undisturbed(scenario, profile),
        ..search.prediction(&machine)
    }
}

#[derive(Default)]
struct Search {
    nodes: Vec<Node>,
    shapes: FxHashMap<State, Vec<usize>>,
    /// Who leads where, after what wait: for the best way, and the shortest and the longest.
    edges: Vec<Edge>,
    races: BTreeSet<Race>,
    complete: bool,
}

struct Edge {
    from: usize,
    to: usize,
    wait: Interval,
    /// What happens; nothing where a state was joined with others.
    timer: Option<Timer>,
}

struct Node {
    /// What was known when it was found; joined with others later, it is another node.
    state: State,
    times: Vec<Interval>,
    parent: Option<(usize, Timer, Interval)>,
    serving: u32,
    listening: u32,
    alive: u32,
    last: bool,
    /// What there was to do is done, and it is declared to have ended.
    ended: bool,
    /// Two versions serve.
    mixed: bool,
}

impl Search {
    fn run(&mut self, machine: &Machine<'_>) {
        self.complete = true;
        let initial = machine.initial().sorted();
        self.add(machine, initial, None);
        let mut next = 0;
        while let Some(node) = self.nodes.get(next) {
            if self.nodes.len() > MOST_STATES {
                self.complete = false;
                return;
            }
            if !node.state.over {
                let state = node.state.clone();
                self.expand(machine, next, &state);
            }
            next += 1;
        }
    }

    fn expand(&mut self, machine: &Machine<'_>, index: usize, state: &State) {
        let timers = Machine::timers(state);
        let first = timers.iter().map(|(_, clock)| clock.most).min();
        let mut stuck = true;
        for (timer, clock) in timers {
            let Some(until) = first.filter(|until| clock.least <= *until) else {
                continue;
            };
            stuck = false;
            let wait = Interval::new(clock.least, until);
            let mut ways = Ways::default();
            machine.fire(state.clone().elapsed(wait), timer, &mut ways);
            self.races.append(&mut ways.races);
            for next in ways.states {
                self.add(machine, next.sorted(), Some((index, timer, wait)));
            }
        }
        if stuck && let Some(node) = self.nodes.get_mut(index) {
            node.last = true;
        }
    }

    /// A state that was reached: a new node, or one that includes it.
    fn add(
        &mut self,
        machine: &Machine<'_>,
        state: State,
        parent: Option<(usize, Timer, Interval)>,
    ) {
        let (shape, times) = state.split();
        let known = self.shapes.get(&shape).map_or(&[][..], Vec::as_slice);
        let (mut joined, mut times) = (state, times);
        if let Some(found) = known.iter().find(|node| self.includes(**node, &times)) {
            let found = *found;
            self.lead(parent, found);
            return;
        }
        let replaced = (known.len() >= VARIANTS)
            .then(|| known.last().copied())
            .flatten();
        if let Some(replaced) = replaced.and_then(|index| self.nodes.get(index)) {
            for (time, other) in times.iter_mut().zip(&replaced.times) {
                *time = time.joined(*other);
            }
            joined = joined.with_times(&times);
        }
        let index = self.nodes.len();
        let (serving, listening, alive) = machine.counts(&joined);
        self.nodes.push(Node {
            last: joined.over,
            ended: machine.has_ended(&joined),
            mixed: machine
                .by_version(&joined)
                .iter()
                .filter(|count| **count > 0)
                .count()
                > 1,
            state: joined,
            times,
            parent,
            serving,
            listening,
            alive,
        });
        self.lead(parent, index);
        let variants = self.shapes.entry(shape).or_default();
        if let Some(replaced) = replaced {
            // Who led to the narrower one leads to the wider one.
            self.edges.push(Edge {
                from: replaced,
                to: index,
                wait: Interval::NOW,
                timer: None,
            });
            variants.pop();
        }
        variants.push(index);
    }

    fn lead(&mut self, parent: Option<(usize, Timer, Interval)>, to: usize) {
        self.edges.extend(parent.map(|(from, timer, wait)| Edge {
            from,
            to,
            wait,
            timer: Some(timer),
        }));
    }

    fn includes(&self, node: usize, times: &[Interval]) -> bool {
        let Some(node) = self.nodes.get(node) else {
            return false;
        };
        node.times.len() == times.len()
            && node
                .times
                .iter()
                .zip(times)
                .all(|(known, time)| known.includes(*time))
    }

    fn prediction(&self, machine: &Machine<'_>) -> Prediction {
        let least = self.nodes.iter().map(|node| node.serving).min();
        let least_serving = least.unwrap_or_default();
        let worst = self
            .nodes
            .iter()
            .position(|node| node.serving == least_serving);
        let last = self.nodes.iter().filter(|node| node.last);
        let way = worst.map_or_else(Vec::new, |worst| self.way(machine, worst));
        let reached = way
            .last()
            .and_then(|moment| moment.at)
            .unwrap_or(Interval::NOW);
        Prediction {
            least_serving,
            best_least_serving: self.best(),
            least_listening: self
                .nodes
                .iter()
                .map(|node| node.listening)
                .min()
                .unwrap_or_default(),
            most_alive: self
                .nodes
                .iter()
                .map(|node| node.alive)
                .max()
                .unwrap_or_default(),
            most_with_terminating: None,
            outcomes: last.map(|node| outcome(node.state.status)).collect(),
            races: self.races.clone(),
            duration: None,
            ends_within: spans::between(&self.nodes, &self.edges, |_| true),
            side_by_side: spans::between(&self.nodes, &self.edges, |node| node.mixed),
            worst: way,
            after: worst.map_or_else(Vec::new, |worst| self.on_from(machine, worst, reached)),
            states: self.nodes.len(),
            complete: self.complete,
        }
    }

    /// The most that is left on the best way to an end.
    fn best(&self) -> u32 {
        let mut leads: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for edge in &self.edges {
            leads.entry(edge.from).or_default().push(edge.to);
        }
        let Some(first) = self.nodes.first() else {
            return 0;
        };
        let mut left: Vec<Option<u32>> = vec![None; self.nodes.len()];
        let mut open: BTreeSet<(u32, usize)> = BTreeSet::from([(first.serving, 0)]);
        while let Some((width, index)) = open.pop_last() {
            let Some(known) = left.get_mut(index) else {
                continue;
            };
            if known.is_some() {
                continue;
            }
            *known = Some(width);
            if self.nodes.get(index).is_some_and(|node| node.last) {
                return width;
            }
            for next in leads.get(&index).into_iter().flatten() {
                let serving = self.nodes.get(*next).map_or(0, |node| node.serving);
                open.insert((width.min(serving), *next));
            }
        }
        0
    }

    /// The events that lead from a node to the nearest end, where one is known.
    fn on_from(&self, machine: &Machine<'_>, start: usize, mut at: Interval) -> Vec<Moment> {
        let mut leads: FxHashMap<usize, Vec<&Edge>> = FxHashMap::default();
        for edge in &self.edges {
            leads.entry(edge.from).or_default().push(edge);
        }
        let mut came_by: FxHashMap<usize, Option<&Edge>> = FxHashMap::from_iter([(start, None)]);
        let mut open = VecDeque::from([start]);
        let ends = |index: &usize| self.nodes.get(*index).is_some_and(|it| it.ended || it.last);
        let mut end = None;
        while let Some(index) = open.pop_front() {
            if ends(&index) {
                end = Some(index);
                break;
            }
            for edge in leads.get(&index).into_iter().flatten() {
                came_by.entry(edge.to).or_insert_with(|| {
                    open.push_back(edge.to);
                    Some(edge)
                });
            }
        }
        let before = |index: &usize| came_by.get(index).copied().flatten().map(|edge| edge.from);
        let mut way: Vec<usize> = std::iter::successors(end, before).collect();
        way.reverse();
        let edges = way
            .iter()
            .filter_map(|index| came_by.get(index).copied().flatten());
        let mut moments = Vec::new();
        for edge in edges {
            at = at.plus(edge.wait);
            let nodes = self.nodes.get(edge.from).zip(self.nodes.get(edge.to));
            if let (Some((before, node)), Some(timer)) = (nodes, edge.timer) {
                moments.push(Moment {
                    at: Some(at),
                    event: told(machine, before, timer, node),
                    serving: node.serving,
                    by_version: machine.by_version(&node.state),
                });
            }
        }
        moments
    }

    /// The events that lead to a node, each with its time.
    fn way(&self, machine: &Machine<'_>, node: usize) -> Vec<Moment> {
        let mut moments = Vec::new();
        let mut index = node;
        while let Some(node) = self.nodes.get(index) {
            let Some((from, timer, wait)) = node.parent else {
                break;
            };
            let Some(before) = self.nodes.get(from) else {
                break;
            };
            let event = told(machine, before, timer, node);
            moments.push((event, wait, node.serving, machine.by_version(&node.state)));
            index = from;
        }
        moments.reverse();
        let mut at = Interval::NOW;
        let moments = moments
            .into_iter()
            .map(|(event, wait, serving, by_version)| {
                at = at.plus(wait);
                Moment {
                    at: Some(at),
                    event,
                    serving,
                    by_version,
                }
            });
        let before = self.nodes.first().map(|node| Moment {
            at: Some(Interval::NOW),
            event: "before".to_owned(),
            serving: node.serving,
            by_version: machine.by_version(&node.state),
        });
        before.into_iter().chain(moments).collect()
    }
}

/// What happens, in words.
fn told(machine: &Machine<'_>, before: &Node, timer: Timer, after: &Node) -> String {
    let mut event = machine.event(&before.state, timer);
    if after.serving < before.serving && !machine.fails(&before.state, timer) {
        event.push_str(": what it replaces is told to stop");
    }
    event
}

fn outcome(status: Status) -> Outcome {
    match status {
        Status::None => Outcome::Nothing,
        Status::Updating => Outcome::Updating,
        Status::Completed => Outcome::Completed,
        Status::Paused => Outcome::Paused,
        Status::RollingBack => Outcome::RollingBack,
        Status::RolledBack => Outcome::RolledBack,
        Status::RollbackPaused => Outcome::RollbackPaused,
    }
}

/// The duration of an update that is one deploy, in which nothing fails.
fn undisturbed(scenario: &Scenario, profile: &Profile) -> Option<Interval> {
    let [step] = scenario.steps.as_slice() else {
        return None;
    };
    let Action::Deploy(after) = &step.action else {
        return None;
    };
    let sound = after.task.behaviour.fault.is_none() && scenario.room.is_none();
    sound.then(|| super::duration(&scenario.before, after, profile))
}
