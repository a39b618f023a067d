//! The callers of one kind that wait for a group, and which of them the next one takes.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Answer, GroupBounds, GroupItem, MOST_WORK, OLD_AFTER, Run, TakenOver};

/// How many callers wait, for each group that is under way, before another group begins beside it. Fewer would make many small
/// groups; with more, a processor is idle while they wait for one group.
pub(super) const CALLERS_PER_GROUP: usize = 8;

/// How many waiting items are looked at for each item of the largest group.
pub(super) const LOOKED_AT_PER_ITEM: usize = 4;

/// An item and the caller that waits for its verdict.
pub(super) struct Waiting<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    pub(super) item: I,
    pub(super) run: Run<I, V, C>,
    pub(super) caller: oneshot::Sender<Answer<I, V, C>>,
}

/// What a group takes: its items, and a connection if one was left to it.
pub(super) type Formed<I, V, C> = (Vec<Waiting<I, V, C>>, Option<TakenOver<C>>);

/// The callers of one kind that wait, and the groups that are under way.
pub(super) struct Queue<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    pub(super) waiting: VecDeque<Waiting<I, V, C>>,
    /// The groups that are under way: their numbers, and when they began.
    pub(super) active: Vec<(u64, Instant)>,
    /// The group that has not taken its items yet, if there is one: who waits may still be one of it.
    forming: Option<u64>,
    /// The connection that another group has left for the one that forms.
    left: Option<TakenOver<C>>,
    next_number: u64,
}

impl<I: GroupItem, V: Send + 'static, C: Send + 'static> Queue<I, V, C> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            active: Vec::new(),
            forming: None,
            left: None,
            next_number: 0,
        }
    }

    /// Begins a group, if somebody waits and another one may be under way; returns its number.
    pub(super) fn begin_group(&mut self, bounds: &GroupBounds) -> Option<u64> {
        if self.forming.is_some() || self.waiting.is_empty() || !self.may_begin(bounds) {
            return None;
        }
        self.next_number += 1;
        self.active.push((self.next_number, Instant::now()));
        self.forming = Some(self.next_number);
        self.forming
    }

    /// Leaves a connection to the group that forms. Returns it if no group forms, or if that one has one already.
    pub(super) fn leave(&mut self, connection: TakenOver<C>) -> Option<TakenOver<C>> {
        if self.forming.is_some() && self.left.is_none() {
            self.left = Some(connection);
            None
        } else {
            Some(connection)
        }
    }

    /// Takes the items of the group that forms, and the connection that was left to it. The age of the group counts from now.
    pub(super) fn form_group(&mut self, bounds: &GroupBounds) -> Formed<I, V, C> {
        let forming = self.forming.take();
        let active = self
            .active
            .iter_mut()
            .find(|(number, _)| Some(*number) == forming);
        if let Some((_, began)) = active {
            *began = Instant::now();
        }
        (self.next_group(bounds.items), self.left.take())
    }

    /// Ends a group. Returns what it would have taken, if it ends before it is formed.
    pub(super) fn end_group(&mut self, number: u64, bounds: &GroupBounds) -> Option<Formed<I, V, C>> {
        self.active.retain(|(active, _)| *active != number);
        (self.forming == Some(number)).then(|| self.form_group(bounds))
    }

    fn may_begin(&self, bounds: &GroupBounds) -> bool {
        let counted = self
            .active
            .iter()
            .filter(|(_, began)| bounds.old_groups_count || began.elapsed() < OLD_AFTER);
        let counted = counted.count();
        counted == 0 || (counted < bounds.groups && self.waiting.len() > counted * CALLERS_PER_GROUP)
    }

    /// Takes the items of the next group out of the queue, in order. An item that touches what another one of the group
    /// touches, or that is too much work for it, is among the first of the group after it.
    fn next_group(&mut self, most_items: usize) -> Vec<Waiting<I, V, C>> {
        let (mut group, mut later) = (Vec::new(), VecDeque::new());
        let mut touched = I::Touched::default();
        let mut work = 0;
        while group.len() < most_items
            && group.len() + later.len() < most_items * LOOKED_AT_PER_ITEM
            && let Some(mut next) = self.waiting.pop_front()
        {
            // Nobody waits for the verdict of a caller that has gone, and what it wanted has not begun.
            if next.caller.is_closed() {
                continue;
            }
            let with_next = next.item.estimate_work().saturating_add(work);
            if with_next <= MOST_WORK && next.item.touch(&mut touched) {
                work = with_next;
                group.push(next);
            } else if group.is_empty() {
                // It cannot share a statement at all.
                group.push(next);
                break;
            } else {
                later.push_back(next);
            }
        }
        later.append(&mut self.waiting);
        self.waiting = later;
        group
    }
}
