//! The callers of one kind that wait for a group, and which of them the next one takes.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Answer, GroupBounds, GroupItem, MOST_WORK, OLD_AFTER, Run};

/// How many callers wait, for each group that is under way, before another group begins beside it. Fewer would make many small
/// groups; more would wait for one group that waits for a lock.
pub(super) const CALLERS_PER_GROUP: usize = 8;

/// How many waiting items are looked at for each item of the largest group.
pub(super) const LOOKED_AT_PER_ITEM: usize = 4;

/// An item and the caller that waits for its verdict.
pub(super) struct Waiting<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    pub(super) item: I,
    pub(super) run: Run<I, V, C>,
    pub(super) caller: oneshot::Sender<Answer<I, V, C>>,
}

/// The callers of one kind that wait, and the groups that are under way.
pub(super) struct Queue<I: GroupItem, V: Send + 'static, C: Send + 'static> {
    pub(super) waiting: VecDeque<Waiting<I, V, C>>,
    /// The groups that are under way: their numbers, and when they began.
    pub(super) active: Vec<(u64, Instant)>,
    /// The group that has not taken its items yet, if there is one: who waits may still be one of it.
    forming: Option<u64>,
    next_number: u64,
}

impl<I: GroupItem, V: Send + 'static, C: Send + 'static> Queue<I, V, C> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            active: Vec::new(),
            forming: None,
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

    /// Takes the items of the group that is forming.
    pub(super) fn form_group(&mut self, bounds: &GroupBounds) -> Vec<Waiting<I, V, C>> {
        self.forming = None;
        self.next_group(bounds.items)
    }

    /// Ends a group. Returns the callers that it would have taken, if it ends before it is formed.
    pub(super) fn end_group(&mut self, number: u64, bounds: &GroupBounds) -> Vec<Waiting<I, V, C>> {
        self.active.retain(|(active, _)| *active != number);
        if self.forming == Some(number) {
            self.form_group(bounds)
        } else {
            Vec::new()
        }
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
