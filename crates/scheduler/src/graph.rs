//! What must come before what: the dependency graph of groups, never of hosts.
//!
//! The order is topological and otherwise as written, so that reading the fleet document from top to bottom is reading
//! the order. A cycle is named in full.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use ringway_policy::validated::Group;

use crate::fleet::FleetProblem;

/// Indices into `groups` in an order in which every group stands after those it depends on.
///
/// # Errors
///
/// An `after` that names no group, and a cycle.
pub(crate) fn topological(groups: &[Group]) -> Result<Vec<usize>, FleetProblem> {
    let graph = graph_of(groups)?;
    let mut open: Vec<usize> = graph
        .node_indices()
        .map(|node| graph.neighbors_directed(node, Direction::Incoming).count())
        .collect();
    let mut ready: BinaryHeap<Reverse<usize>> = (0..groups.len())
        .filter(|&group| open[group] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(groups.len());
    while let Some(Reverse(group)) = ready.pop() {
        order.push(group);
        for dependent in graph.neighbors(NodeIndex::new(group)) {
            open[dependent.index()] -= 1;
            if open[dependent.index()] == 0 {
                ready.push(Reverse(dependent.index()));
            }
        }
    }
    if order.len() == groups.len() {
        return Ok(order);
    }
    let groups = cycle(&graph, &open)
        .into_iter()
        .map(|at| groups[at].name.clone())
        .collect();
    Err(FleetProblem::Cycle { groups })
}

/// Edges lead from a group to those that wait for it.
fn graph_of(groups: &[Group]) -> Result<DiGraph<(), ()>, FleetProblem> {
    let edges = groups.iter().map(|group| group.after.len()).sum();
    let mut graph = DiGraph::with_capacity(groups.len(), edges);
    let mut nodes = BTreeMap::new();
    for group in groups {
        nodes.insert(group.name.as_str(), graph.add_node(()));
    }
    for group in groups {
        for after in &group.after {
            let Some(&first) = nodes.get(after.group.as_str()) else {
                return Err(FleetProblem::UnknownGroup {
                    group: group.name.clone(),
                    after: after.group.clone(),
                });
            };
            graph.add_edge(first, nodes[group.name.as_str()], ());
        }
    }
    Ok(graph)
}

/// One cycle among the groups that still wait, each after the next one, from the one written first.
fn cycle(graph: &DiGraph<(), ()>, open: &[usize]) -> Vec<usize> {
    let mut at = open
        .iter()
        .position(|&count| count > 0)
        .expect("some group was not reached");
    let mut places = BTreeMap::new();
    let mut path = Vec::new();
    // A group that was not reached waits for another that was not, so this walk must meet itself.
    while !places.contains_key(&at) {
        places.insert(at, path.len());
        path.push(at);
        at = graph
            .neighbors_directed(NodeIndex::new(at), Direction::Incoming)
            .map(NodeIndex::index)
            .filter(|&first| open[first] > 0)
            .min()
            .expect("what was not reached waits for something that was not reached");
    }
    let mut cycle = path.split_off(places[&at]);
    let first = (0..cycle.len())
        .min_by_key(|&i| cycle[i])
        .unwrap_or_default();
    cycle.rotate_left(first);
    cycle
}
