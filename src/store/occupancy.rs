//! The units that a hold has: the statements that are equal in both engines.

/// Deletes the occupancy of hold `$1`.
pub(super) const DELETE: &str = "DELETE FROM occupancy WHERE hold_id = $1";

/// Builds the statement that writes the segments of a hold, and the window that is shown for all of them.
macro_rules! update_segments {
    ($hold:expr, $segments:expr) => {{
        let shown = crate::domain::segment::window_of($segments);
        sqlx::query(
            "UPDATE holds SET resource_id = $2, starts_at = $3, ends_at = $4, segments = $5 WHERE id = $1",
        )
        .bind(crate::store::columns::DbUuid($hold.0))
        .bind($segments[0].resource.as_str())
        .bind(crate::store::columns::DbTime(shown.starts_at()))
        .bind(crate::store::columns::DbTime(shown.ends_at()))
        .bind(sqlx::types::Json(crate::store::encoding::encode_segments(
            $segments,
        )))
    }};
}
pub(super) use update_segments;
