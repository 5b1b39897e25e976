//! HTML that is well formed by construction: every element that is opened is closed, and every text is escaped.

use std::fmt::{self, Write as _};

/// A piece of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Markup(String);

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "br"];

impl Markup {
    /// An element with its attributes and what is in it.
    pub(crate) fn tag(
        &mut self,
        name: &str,
        attributes: &[(&str, &dyn fmt::Display)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        inside(self);
        if !VOID.contains(&name) {
            self.add(format_args!("</{name}>"));
        }
    }

    /// An element that holds a text.
    pub(crate) fn tell(
        &mut self,
        name: &str,
        attributes: &[(&str, &dyn fmt::Display)],
        text: &str,
    ) {
        self.tag(name, attributes, |inside| inside.text(text));
    }

    /// An element that holds nothing.
    pub(crate) fn bare(&mut self, name: &str, attributes: &[(&str, &dyn fmt::Display)]) {
        self.tag(name, attributes, |_| ());
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) {
        escape(&mut self.0, text);
    }

    /// Our own style sheet, which has nothing from anybody in it.
    pub(crate) fn style(&mut self, css: &'static str) {
        self.tag("style", &[], |inside| inside.0.push_str(css));
    }

    /// A table with a heading; in each row the first cell is a name and the others are numbers.
    pub(crate) fn table<const N: usize>(&mut self, heading: [&str; N], rows: &[[String; N]]) {
        self.tag("div", &[("class", &"wide")], |wide| {
            wide.tag("table", &[], |table| {
                table.tag("thead", &[], |head| {
                    head.tag("tr", &[], |row| {
                        for cell in heading {
                            row.tell("th", &[("scope", &"col")], cell);
                        }
                    });
                });
                table.tag("tbody", &[], |body| {
                    for cells in rows {
                        body.tag("tr", &[], |row| {
                            for cell in cells {
                                row.tell("td", &[], cell);
                            }
                        });
                    }
                });
            });
        });
    }

    /// The whole.
    pub(crate) fn into_page(self) -> String {
        format!("<!DOCTYPE html>\n{}\n", self.0)
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &dyn fmt::Display)]) {
        self.add(format_args!("<{name}"));
        for (key, value) in attributes {
            self.add(format_args!(" {key}=\""));
            escape(&mut self.0, &value.to_string());
            self.0.push('"');
        }
        self.0.push('>');
    }

    fn add(&mut self, text: fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes every text");
    }
}

fn escape(into: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            // Control characters are no part of a page; what they would have been is not worth guessing.
            c if c.is_control() && c != '\n' => into.push('\u{fffd}'),
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_becomes_markup() {
        let mut markup = Markup::default();
        markup.tell(
            "p",
            &[("title", &"a\"b'<")],
            "<script>alert('&')</script>\u{1b}",
        );
        assert_eq!(
            markup.0,
            "<p title=\"a&quot;b&#39;&lt;\">&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\u{fffd}</p>"
        );
    }
}
