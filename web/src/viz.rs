//! Charts computed here and drawn as SVG by `parts/data.html`.

use std::fmt::Write as _;

use serde::Serialize;

/// One measured moment of a trend.
#[derive(Debug, Clone)]
pub struct TrendPoint {
    /// What stands under it, `11-16`.
    pub label: String,
    /// Percent, 0 to 100.
    pub percent: f64,
}

/// A trend line with its forecast, in the coordinates of a 340 x 150 drawing.
#[derive(Debug, Clone, Serialize)]
pub struct Trend {
    /// Path of the line.
    pub line: String,
    /// Path of the shaded area under it.
    pub area: String,
    /// Path from the last point on, dashed; empty without a forecast.
    pub forecast: String,
    /// The last point.
    pub last_x: String,
    /// The last point.
    pub last_y: String,
    /// Its percentage, as shown.
    pub last_percent: String,
    /// Labels under the axis: x and text.
    pub labels: Vec<(String, String)>,
    /// Where the deadline stands, when it does.
    pub deadline_x: Option<String>,
    /// The sentence about the forecast.
    pub note: Option<String>,
    /// The same in words, for people who do not see the drawing.
    pub description: String,
}

/// What comes after the last point.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Steps (as wide as one between two points) until the forecast's end.
    pub steps: usize,
    /// Percent reached there.
    pub percent: f64,
    /// Label of the end, `11-30 截止`.
    pub label: String,
    /// The sentence, `照这个速度，11 月 29 日办完`.
    pub note: String,
}

const LEFT: f64 = 36.0;
const RIGHT: f64 = 332.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 124.0;

impl Trend {
    /// Lays points out from left to right at equal distances. `None` without points.
    pub fn new(points: &[TrendPoint], forecast: Option<&Forecast>, description: &str) -> Option<Self> {
        let last = points.last()?;
        let steps = (points.len() - 1 + forecast.map_or(0, |f| f.steps)).max(1);
        let x = |index: usize| LEFT + (RIGHT - LEFT) * index as f64 / steps as f64;
        let y = |percent: f64| {
            let clean = if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 };
            BOTTOM - (BOTTOM - TOP) * clean / 100.0
        };
        let mut line = String::new();
        for (index, point) in points.iter().enumerate() {
            let verb = if index == 0 { 'M' } else { 'L' };
            let _ = write!(line, "{verb}{:.1} {:.1}", x(index), y(point.percent));
        }
        let end = x(points.len() - 1);
        let area = format!("{line}L{end:.1} {BOTTOM}L{LEFT} {BOTTOM}Z");
        let mut labels = vec![(format!("{LEFT}"), points[0].label.clone())];
        if points.len() > 4 {
            let middle = points.len() / 2;
            labels.push((format!("{:.1}", x(middle)), points[middle].label.clone()));
        }
        if points.len() > 1 {
            labels.push((format!("{end:.1}"), last.label.clone()));
        }
        let ahead = forecast.map(|f| {
            let far = x(points.len() - 1 + f.steps);
            labels.push((format!("{far:.1}"), f.label.clone()));
            let path = format!("M{end:.1} {:.1}L{far:.1} {:.1}", y(last.percent), y(f.percent));
            (path, format!("{far:.1}"), f.note.clone())
        });
        let (forecast, deadline_x, note) = match ahead {
            Some((path, far, note)) => (path, Some(far), Some(note)),
            None => (String::new(), None, None),
        };
        Some(Self {
            line,
            area,
            forecast,
            last_x: format!("{end:.1}"),
            last_y: format!("{:.1}", y(last.percent)),
            last_percent: format!("{:.0}%", last.percent.floor()),
            labels,
            deadline_x,
            note,
            description: description.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(label: &str, percent: f64) -> TrendPoint {
        TrendPoint { label: label.to_owned(), percent }
    }

    #[test]
    fn stays_inside_the_drawing() {
        let trend = Trend::new(&[point("a", -5.0), point("b", 250.0)], None, "").unwrap();
        assert_eq!(trend.line, "M36.0 124.0L332.0 16.0");
        assert!(trend.deadline_x.is_none());
    }

    #[test]
    fn one_point_and_none() {
        assert!(Trend::new(&[], None, "").is_none());
        let one = Trend::new(&[point("a", f64::NAN)], None, "").unwrap();
        assert_eq!(one.line, "M36.0 124.0");
    }

    #[test]
    fn forecast_continues_from_the_last_point() {
        let ahead = Forecast { steps: 1, percent: 100.0, label: "end".to_owned(), note: "note".to_owned() };
        let trend = Trend::new(&[point("a", 0.0), point("b", 50.0)], Some(&ahead), "").unwrap();
        assert_eq!(trend.forecast, "M184.0 70.0L332.0 16.0");
    }
}
