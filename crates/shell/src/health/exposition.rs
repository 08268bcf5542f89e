//! The text format of Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>. Names end in their unit,
//! and in `_total` where they only grow, as OpenMetrics wants it.

use std::fmt::{Display, Write};

use kernel::Histogram;

/// What is exposed, family by family.
#[derive(Debug, Default)]
pub struct Text(String);

/// A family that is being written.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Text {
    pub fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    pub fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    pub fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        Family { text: &mut self.0, name }
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("a text takes what is written");
    }

    pub fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// A value without labels, if there is one.
    pub fn value(mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            self.sample("", &[], value);
        }
    }

    /// A value under labels.
    pub fn labelled(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.sample("", labels, value);
    }

    /// How long something took.
    pub fn took(&mut self, labels: &[(&str, &str)], took: &Histogram) {
        let cumulative = took.cumulative();
        let bounds = Histogram::BOUNDS_US.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&cumulative) {
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample("_bucket", &labels, count);
        }
        self.sample("_sum", labels, seconds(took.sum_us()));
        self.sample("_count", labels, cumulative.last().copied().unwrap_or_default());
    }

    fn sample(&mut self, end: &str, labels: &[(&str, &str)], value: impl Display) {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.text, "{}{end}{labels} {value}", self.name).expect("a text takes what is written");
    }
}

/// Microseconds in seconds.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn families_are_written_as_the_format_has_them() {
        let mut text = Text::default();
        text.gauge("a_bytes", "Room.").value(Some(7));
        text.gauge("b_bytes", "Nothing known.").value(None::<u64>);
        text.counter("c_total", "Odd labels.").labelled(&[("x", "a\"b\\c\nd"), ("y", "")], 1);
        let took = Histogram::default();
        took.note(Duration::from_micros(1_500));
        text.histogram("d_seconds", "Time.").took(&[("class", "page")], &took);
        let text = text.finish();
        let begin = "# HELP a_bytes Room.\n# TYPE a_bytes gauge\na_bytes 7\n# HELP b_bytes Nothing known.\n\
            # TYPE b_bytes gauge\n# HELP c_total Odd labels.\n# TYPE c_total counter\n\
            c_total{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 1\n# HELP d_seconds Time.\n# TYPE d_seconds histogram\n\
            d_seconds_bucket{class=\"page\",le=\"0.001\"} 0\nd_seconds_bucket{class=\"page\",le=\"0.0025\"} 1\n";
        assert!(text.starts_with(begin), "{text}");
        let end = "d_seconds_bucket{class=\"page\",le=\"10\"} 1\nd_seconds_bucket{class=\"page\",le=\"+Inf\"} 1\n\
            d_seconds_sum{class=\"page\"} 0.0015\nd_seconds_count{class=\"page\"} 1\n";
        assert!(text.ends_with(end), "{text}");
    }
}
