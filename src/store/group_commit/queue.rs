//! The callers of one kind that wait for a group, and which of them the next one takes, within which bounds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// How many callers wait, for each group that is under way, before another group begins beside it. Fewer would make many small
/// groups; with more, a processor is idle while they wait for one group.
pub(super) const CALLERS_PER_GROUP: usize = 8;

/// How many waiting items are looked at for each item of the largest group.
pub(super) const LOOKED_AT_PER_ITEM: usize = 4;

/// After this time a group is old: others need not wait for it any more. Most groups take a few milliseconds.
pub(super) const OLD_AFTER: Duration = Duration::from_millis(20);

/// The most work of an item that may be one of a group.
pub(in crate::store) const MOST_WORK_OF_ITEM: usize = 256;

/// The most work of a group, so that its answer is soon there and soon decoded.
pub(in crate::store) const MOST_WORK: usize = 1024;

/// What a caller wants of the database, so that it can be one of a group.
pub(in crate::store) trait GroupItem: Send + 'static {
    /// What the items of a group touch together.
    type Touched: Default;

    /// Adds what this item touches; `false` if another item of the group touches a part of it. Such items never share a
    /// statement, because one of them could be refused for what another one then gives back.
    fn touch(&mut self, touched: &mut Self::Touched) -> bool;

    /// Estimates the work of this item; 1 is that of a row or two.
    fn estimate_work(&self) -> usize {
        1
    }
}

/// The bounds of the groups of one kind of callers.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct GroupBounds {
    /// How many groups may be under way at the same time, without those that are old.
    pub(in crate::store) groups: usize,
    /// Whether old groups count as well: another group would wait for the same as they.
    pub(in crate::store) old_groups_count: bool,
    /// How many times a group lets all ready tasks run before it takes its items. So the callers of one moment are in one group: a
    /// statement costs as much as several of its items. With many turns, processors are idle while callers wait.
    pub(in crate::store) turns: usize,
    /// The most items of one group.
    pub(in crate::store) items: usize,
    /// How long the whole call of one caller may take.
    pub(in crate::store) call_timeout: Duration,
}

/// An item and the caller that waits for its verdict.
pub(super) struct Waiting<I, R, A> {
    pub(super) item: I,
    /// Runs a group of which this item is the first.
    pub(super) run: R,
    pub(super) caller: oneshot::Sender<A>,
}

/// What a group takes: its items, and a connection if one was left to it.
pub(super) type Formed<I, R, A, C> = (Vec<Waiting<I, R, A>>, Option<C>);

/// The callers of one kind that wait for answers `A`, and the groups that are under way, on connections `C`.
pub(super) struct Queue<I, R, A, C> {
    pub(super) waiting: VecDeque<Waiting<I, R, A>>,
    /// The groups that are under way: their numbers, and when they began.
    pub(super) active: Vec<(u64, Instant)>,
    /// The group that has not taken its items yet, if there is one: who waits may still be one of it.
    forming: Option<u64>,
    /// The connection that another group has left for the one that forms.
    left: Option<C>,
    next_number: u64,
}

impl<I: GroupItem, R, A, C> Queue<I, R, A, C> {
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
    pub(super) fn leave(&mut self, connection: C) -> Option<C> {
        if self.forming.is_some() && self.left.is_none() {
            self.left = Some(connection);
            None
        } else {
            Some(connection)
        }
    }

    /// Takes the items of the group that forms, and the connection that was left to it. The age of the group counts from now.
    pub(super) fn form_group(&mut self, bounds: &GroupBounds) -> Formed<I, R, A, C> {
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

    /// Ends a group that was begun. Returns what it would have taken, if it ends before it is formed.
    pub(super) fn end_group(&mut self, number: u64, bounds: &GroupBounds) -> Option<Formed<I, R, A, C>> {
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
    fn next_group(&mut self, most_items: usize) -> Vec<Waiting<I, R, A>> {
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
