//! The part of the style that places entries of a timeline.
//!
//! The content policy forbids style in the page itself, so each position is a class: `row-9` begins in the ninth row, `rows-4`
//! is four rows high, `column-2` stands in the second column.

use std::fmt::Write as _;

/// The most rows of a timeline: quarters of an hour of a day, and the heading.
pub(super) const MAX_ROWS: usize = 98;
/// The most columns of a timeline, the hours included.
pub(super) const MAX_COLUMNS: usize = 25;

/// Writes the classes, for screens that are wide enough for a timeline.
pub(super) fn write_timeline_style() -> String {
    let mut style = String::from("@media (min-width: 48rem) {\n");
    for row in 1..=MAX_ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            style,
            ".row-{row}{{grid-row-start:{row}}}.rows-{row}{{grid-row-end:span {row}}}"
        );
    }
    for column in 1..=MAX_COLUMNS {
        let _ = writeln!(
            style,
            ".column-{column}{{grid-column-start:{column}}}.columns-{column}{{grid-column-end:span {column}}}"
        );
    }
    style + "}\n"
}
