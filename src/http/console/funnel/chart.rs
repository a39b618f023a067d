//! A chart of lines over days, as SVG. All text is outside of it, so that it keeps its size on a small screen.

use std::fmt::Write as _;

use maud::{Markup, html};

/// The width of the drawing, in its own units.
const WIDTH: i64 = 1000;
/// The height of the drawing, in its own units.
const HEIGHT: i64 = 300;
/// How many lines show the scale, above the bottom.
const GRID: i64 = 4;

/// A line of the chart.
pub(super) struct Series {
    /// The class in the style, which gives the line its colour and its dashes.
    pub(super) class: &'static str,
    /// The name in the legend.
    pub(super) name: &'static str,
    /// The value of each day.
    pub(super) values: Vec<i64>,
}

/// Draws lines over the same days. `title` says what the chart shows; the numbers are in the table beside it.
pub(super) fn draw(title: &str, series: &[Series]) -> Markup {
    let top = find_top(series);
    html! {
        svg.chart role="img" aria-label=(title) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" {
            @for line in 0..=GRID {
                @let y = line * HEIGHT / GRID;
                line.grid x1="0" x2=(WIDTH) y1=(y) y2=(y) vector-effect="non-scaling-stroke" {}
            }
            @for one in series {
                polyline class=(one.class) fill="none" points=(write_points(&one.values, top))
                    vector-effect="non-scaling-stroke" {}
            }
        }
    }
}

/// Returns the value at the top of the chart: at least the largest one, and a number that the lines of the scale divide.
pub(super) fn find_top(series: &[Series]) -> i64 {
    let values = series.iter().flat_map(|one| &one.values);
    let largest = values.copied().max().unwrap_or(0).max(1);
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if step * factor * GRID >= largest {
                return step * factor * GRID;
            }
        }
        step *= 10;
    }
}

/// Writes the points of a line. A single day is a level line.
fn write_points(values: &[i64], top: i64) -> String {
    let mut points = String::new();
    let last = i64::try_from(values.len()).unwrap_or(i64::MAX) - 1;
    let height = |value: i64| HEIGHT - value.clamp(0, top) * HEIGHT / top;
    if let [only] = values {
        return format!("0,{y} {WIDTH},{y}", y = height(*only));
    }
    for (day, value) in (0..).zip(values) {
        // Writing to a text cannot fail.
        let _ = write!(points, "{},{} ", day * WIDTH / last, height(*value));
    }
    points.truncate(points.trim_end().len());
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fill_the_drawing() {
        assert_eq!(write_points(&[0, 10, 20], 20), "0,300 500,150 1000,0");
        assert_eq!(write_points(&[5], 20), "0,225 1000,225");
        assert_eq!(write_points(&[], 20), "");
    }

    #[test]
    fn top_is_a_round_number_above_all_values() {
        let top = |values: &[i64]| {
            let values = values.to_vec();
            find_top(&[Series {
                class: "",
                name: "",
                values,
            }])
        };
        assert_eq!(
            [top(&[]), top(&[3]), top(&[5]), top(&[8]), top(&[9]), top(&[1234])],
            [4, 4, 8, 8, 20, 2000]
        );
    }
}
