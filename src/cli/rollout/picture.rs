//! The timeline as SVG: capacity as steps over time, a colour for each version, the promise as a line.

use super::Played;
use super::text::{kept, promised, span};
use crate::diagnostics::render::escape_line;
use crate::models::prediction::Moment;
use crate::rollout::rehearsal::Rehearsal;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 40.0;
const CHART: f64 = 110.0;
const TOP: f64 = 46.0;
const LINE: f64 = 18.0;
const GAP: f64 = 28.0;

/// A colour for each version, told apart without colour sight by their lightness too.
const VERSIONS: [&str; 4] = ["#57606a", "#0969da", "#bf8700", "#8250df"];

const HEAD: &str = r##"<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.broken { fill: #cf222e }
.number { fill: #57606a; text-anchor: end }
.mark { fill: #57606a; text-anchor: middle; font-size: 10px }
.promise { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 6 3 }
.axis { stroke: #d0d7de }
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
"##;

/// One below the other.
pub(super) fn svg(all: &[Played<'_>]) -> String {
    let mut body = String::new();
    let mut y = GAP;
    for played in all {
        y += match &played.rehearsal {
            Ok((rehearsal, _)) => push(&mut body, played, rehearsal, y),
            Err(unknown) => {
                let text = format!("{}: {}", played.title(), unknown.word());
                text_at(&mut body, "", (LEFT, y), &text);
                GAP
            }
        };
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {y:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{y:.0}\">\n<title>zdc rollout</title>\n{HEAD}{body}</svg>\n"
    )
}

/// One timeline from `y` on: how high it is.
fn push(out: &mut String, played: &Played<'_>, rehearsal: &Rehearsal, y: f64) -> f64 {
    let class = if rehearsal.keeps() {
        "title"
    } else {
        "title broken"
    };
    let title = format!(
        "{}: {} of {} serve, {}",
        played.title(),
        rehearsal.least,
        rehearsal.replicas,
        kept(rehearsal)
    );
    text_at(out, class, (LEFT, y), &title);
    text_at(out, "", (LEFT, y + LINE), &under(rehearsal));
    let moments: Vec<&Moment> = rehearsal.prediction.way().collect();
    if moments.is_empty() {
        return TOP + GAP;
    }
    let chart = Chart::of(rehearsal, y + TOP);
    chart.push(out, rehearsal, &moments);
    let mut line = y + TOP + CHART + 2.0 * LINE;
    for (number, moment) in (1..).zip(&moments) {
        let at = moment.at.map_or_else(String::new, |at| format!(" {at}"));
        text_at(
            out,
            "",
            (LEFT, line),
            &format!("{number}{at}  {}", moment.event),
        );
        line += LINE;
    }
    line - y + GAP
}

/// What stands under a title.
fn under(rehearsal: &Rehearsal) -> String {
    let outcomes: Vec<String> = rehearsal.outcomes().map(|it| it.to_string()).collect();
    let mut text = outcomes.join(" or ");
    if let Some(within) = rehearsal.prediction.ends_within {
        let _ = write!(text, ", takes {}", span(within));
    }
    if rehearsal.searched < rehearsal.replicas {
        let _ = write!(text, "; drawn with {} replicas", rehearsal.searched);
    }
    text
}

/// Where things are in a chart.
struct Chart {
    top: f64,
    /// The height of one instance.
    each: f64,
    /// The end of the time, in milliseconds; nothing where there is no clock.
    last: Option<f64>,
}

impl Chart {
    fn of(rehearsal: &Rehearsal, top: f64) -> Self {
        let moments = rehearsal.prediction.way();
        let highest = moments
            .clone()
            .map(|moment| moment.serving)
            .max()
            .unwrap_or(0);
        let highest = f64::from(highest).max(number(rehearsal.searched)).max(1.0);
        let timed = moments.clone().all(|moment| moment.at.is_some());
        let last = moments.last().and_then(|moment| moment.at);
        Self {
            top,
            each: CHART / highest,
            last: last
                .filter(|_| timed)
                .map(|at| f64::from(at.most).max(1.0) * 1.15),
        }
    }

    /// Each moment lasts from its least time to the next one's; without a clock all are as long.
    fn x(&self, index: usize, moments: &[&Moment]) -> f64 {
        let width = WIDTH - 2.0 * LEFT;
        let at = moments.get(index).and_then(|moment| moment.at);
        let share = match (self.last, at) {
            (Some(last), Some(at)) => f64::from(at.least) / last,
            (Some(_), None) => 1.0,
            (None, _) => count(index) / count(moments.len()).max(1.0),
        };
        // Moments at one time are still told apart.
        LEFT + width * share.min(1.0) * 0.9
            + width * 0.1 * count(index) / count(moments.len()).max(1.0)
    }

    fn push(&self, out: &mut String, rehearsal: &Rehearsal, moments: &[&Moment]) {
        let bottom = self.top + CHART;
        let right = WIDTH - LEFT;
        let _ = writeln!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {:.1}V{bottom:.1}H{right}\" fill=\"none\"/>",
            self.top
        );
        for (index, moment) in moments.iter().enumerate() {
            let from = self.x(index, moments);
            let until = if index + 1 < moments.len() {
                self.x(index + 1, moments)
            } else {
                right
            };
            let mut base = bottom;
            for (version, serving) in moment.by_version.iter().enumerate() {
                let height = f64::from(*serving) * self.each;
                base -= height;
                let colour = VERSIONS
                    .get(version)
                    .or(VERSIONS.last())
                    .copied()
                    .unwrap_or_default();
                if height > 0.0 {
                    let _ = writeln!(
                        out,
                        "<rect x=\"{from:.1}\" y=\"{base:.1}\" width=\"{:.1}\" height=\"{height:.1}\" \
                         fill=\"{colour}\"><title>v{}: {serving}</title></rect>",
                        (until - from).max(1.0),
                        version + 1
                    );
                }
            }
            text_at(
                out,
                "mark",
                (f64::midpoint(from, until), bottom + 12.0),
                &(index + 1).to_string(),
            );
        }
        self.promise(out, rehearsal);
        let highest = CHART / self.each;
        text_at(
            out,
            "number",
            (LEFT - 6.0, self.top + 8.0),
            &format!("{highest:.0}"),
        );
        text_at(out, "number", (LEFT - 6.0, bottom), "0");
    }

    fn promise(&self, out: &mut String, rehearsal: &Rehearsal) {
        if rehearsal.promised == 0 {
            return;
        }
        let y = self.top + CHART - number(promised(rehearsal)) * self.each;
        let right = WIDTH - LEFT;
        let _ = writeln!(
            out,
            "<line class=\"promise\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"><title>promised</title></line>"
        );
    }
}

fn text_at(out: &mut String, class: &str, (x, y): (f64, f64), text: &str) {
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    // Writing to a string never fails.
    let _ = writeln!(
        out,
        "<text{class} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
        escaped(text)
    );
}

fn escaped(text: &str) -> String {
    escape_line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A number of instances on paper.
fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn count(index: usize) -> f64 {
    f64::from(u32::try_from(index).unwrap_or(u32::MAX))
}
