//! A booking's segments: one resource for one window each, and the units that a hold gets of it.

use super::ids::ResourceId;
use super::time::Window;

/// One resource for one window of a booking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Serves this part of the booking.
    pub resource: ResourceId,
    /// The time as the guest sees it, without buffers.
    pub window: Window,
    /// The time for which the resource is busy: the window and the buffers around it.
    pub busy: Window,
}

/// The units of one resource that are chosen for a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The resource and the time that the units are for.
    pub segment: Segment,
    /// Numbers of the units, from 1 on; as many as the booking's quantity, each once.
    pub units: Vec<u32>,
}

/// Returns the segments that these allocations are for.
pub fn allocated_segments(allocations: &[Allocation]) -> Vec<Segment> {
    allocations
        .iter()
        .map(|allocation| allocation.segment.clone())
        .collect()
}

/// Tells whether two bookings occupy a resource at the same time, buffers included.
pub fn share_time(one: &[Segment], other: &[Segment]) -> bool {
    let shares = |a: &Segment, b: &Segment| a.resource == b.resource && a.busy.overlaps(&b.busy);
    one.iter().any(|a| other.iter().any(|b| shares(a, b)))
}

/// Returns the time that the guest sees: from the start of the first segment to the latest end.
///
/// A booking has at least one segment; an empty slice panics.
pub fn window_of(segments: &[Segment]) -> Window {
    let rest = segments[1..].iter().map(|segment| segment.window);
    rest.fold(segments[0].window, |all, next| all.hull(&next))
}
