//! Pages for a browser: one file with everything it needs, nothing to load and nothing to run. Pure.

mod markup;

pub(crate) use markup::Markup;

/// Light and dark, on a screen and on paper.
const STYLE: &str = include_str!("page.css");

/// A page with this title.
pub(crate) fn page(title: &str, body: impl FnOnce(&mut Markup)) -> String {
    let mut markup = Markup::default();
    markup.tag("html", &[("lang", &"en")], |html| {
        html.tag("head", &[], |head| {
            head.bare("meta", &[("charset", &"utf-8")]);
            let width = "width=device-width, initial-scale=1";
            head.bare("meta", &[("name", &"viewport"), ("content", &width)]);
            head.bare(
                "meta",
                &[("name", &"color-scheme"), ("content", &"light dark")],
            );
            head.tell("title", &[], title);
            head.style(STYLE);
        });
        html.tag("body", &[], |inside| {
            inside.tell("h1", &[], title);
            body(inside);
        });
    });
    markup.into_page()
}
