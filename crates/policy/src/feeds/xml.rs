//! XML to elements, one child of the document's element at a time.
//!
//! Decides what of XML is read: elements, their attributes, text, CDATA, the five entities that XML has itself and
//! references to characters. A document type declaration is refused whatever it says, so no entity is ever defined,
//! expanded or fetched. Names are taken without their prefix; namespaces decide nothing here.
//!
//! # Invariants
//!
//! * An element is given only when it was closed; a document that was cut off is a problem and no shorter document.
//! * What is kept of a child is bounded by [`MAX_DEPTH`] and [`MAX_ELEMENTS`], however long the text is.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::NotRead;

/// How deeply elements may be nested. The feeds have seven levels; recursion stops long before the stack does.
const MAX_DEPTH: usize = 32;
/// How many elements one child may have. The largest month so far has some 5,000 below one vulnerability; a text of
/// nothing but elements would take many times its own size in memory.
const MAX_ELEMENTS: usize = 500_000;

/// An element with what is below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name without a prefix.
    pub(super) name: String,
    /// Its attributes, names without prefixes.
    pub(super) attributes: Vec<(String, String)>,
    /// Where it begins.
    pub(super) line: usize,
    /// The text directly in it, on one line.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The children of this name.
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of this name.
    pub(super) fn one<'e>(&'e self, name: &'e str) -> Option<&'e Self> {
        self.all(name).next()
    }

    /// The text of the first child of this name, where it has some.
    pub(super) fn text_of<'e>(&'e self, name: &'e str) -> Option<&'e str> {
        let text = self.one(name)?.text.as_str();
        (!text.is_empty()).then_some(text)
    }
}

/// A document being read.
pub(super) struct Document<'t> {
    reader: Reader<&'t [u8]>,
    text: &'t str,
    /// How far lines are counted, and how many there were.
    counted: (usize, usize),
    /// The name of the document's element, and where it begins.
    root: (String, usize),
    is_over: bool,
}

impl<'t> Document<'t> {
    /// Reads up to the document's element.
    pub(super) fn open(text: &'t str) -> Result<Self, NotRead> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        begins_like_xml(text)?;
        let mut document = Self {
            reader: Reader::from_str(text),
            text,
            counted: (0, 1),
            root: (String::new(), 1),
            is_over: false,
        };
        loop {
            let (line, event) = document.next()?;
            match event {
                Event::Start(start) => {
                    document.root = (local(&start), line);
                    return Ok(document);
                }
                Event::Empty(start) => {
                    document.root = (local(&start), line);
                    document.is_over = true;
                    return Ok(document);
                }
                Event::Eof => return Err(wrong(line, "no element begins in it", None)),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(wrong(line, "text stands before its first element", None));
                }
                Event::End(_) | Event::DocType(_) => return Err(no_place(line)),
            }
        }
    }

    /// The name of the document's element.
    pub(super) fn name(&self) -> &str {
        &self.root.0
    }

    /// Where the document's element begins.
    pub(super) fn line(&self) -> usize {
        self.root.1
    }

    /// The next child of the document's element; `None` when that is closed and nothing follows.
    pub(super) fn child(&mut self) -> Result<Option<Element>, NotRead> {
        while !self.is_over {
            let (line, event) = self.next()?;
            match event {
                Event::Start(start) => {
                    let mut left = MAX_ELEMENTS;
                    return self.element(&start, line, 1, &mut left).map(Some);
                }
                Event::Empty(start) => return empty(&start, line).map(Some),
                Event::End(_) => self.is_over = true,
                Event::Eof => return Err(Self::cut_off(line, &self.root.0, self.root.1)),
                Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::Comment(_) => {}
                Event::DocType(_) => return Err(no_place(line)),
            }
        }
        self.tail()
    }

    /// Nothing but comments and space may follow.
    fn tail(&mut self) -> Result<Option<Element>, NotRead> {
        loop {
            let (line, event) = self.next()?;
            match event {
                Event::Eof => return Ok(None),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Text(_)
                | Event::Start(_)
                | Event::Empty(_)
                | Event::End(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Decl(_)
                | Event::DocType(_) => {
                    return Err(wrong(
                        line,
                        "something follows the end of the document",
                        None,
                    ));
                }
            }
        }
    }

    fn element(
        &mut self,
        start: &BytesStart<'_>,
        line: usize,
        depth: usize,
        left: &mut usize,
    ) -> Result<Element, NotRead> {
        let mut element = empty(start, line)?;
        if depth >= MAX_DEPTH {
            let message = format!("elements are nested more than {MAX_DEPTH} deep");
            return Err(wrong(line, message, None));
        }
        loop {
            let (line, event) = self.next()?;
            match event {
                Event::Start(start) => {
                    *left = counted(line, *left)?;
                    let child = self.element(&start, line, depth + 1, left)?;
                    element.children.push(child);
                }
                Event::Empty(start) => {
                    *left = counted(line, *left)?;
                    element.children.push(empty(&start, line)?);
                }
                Event::End(_) => {
                    element.text = on_one_line(&element.text);
                    return Ok(element);
                }
                Event::Text(text) => element.text.push_str(&text),
                Event::CData(text) => element.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let named = quick_xml::escape::resolve_predefined_entity(&reference);
                    match (reference.resolve_char_ref(), named) {
                        (Ok(Some(character)), _) => element.text.push(character),
                        (_, Some(text)) => element.text.push_str(text),
                        (Ok(None) | Err(_), None) => {
                            let message = format!("`&{};` stands for nothing", shown(&reference));
                            return Err(wrong(line, message, None));
                        }
                    }
                }
                Event::Eof => return Err(Self::cut_off(line, &element.name, element.line)),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::DocType(_) => return Err(no_place(line)),
            }
        }
    }

    /// What comes next, and the line it begins in.
    fn next(&mut self) -> Result<(usize, Event<'t>), NotRead> {
        let before = self.reader.buffer_position();
        let line = self.line_at(before);
        match self.reader.read_event() {
            Ok(event) => Ok((line, event)),
            Err(error) => {
                let line = self.line_at(self.reader.error_position());
                let message = format!("it is no XML: {}", shown(&error.to_string()));
                Err(wrong(line, message, None))
            }
        }
    }

    /// The line of a place at or after the last one that was asked for.
    fn line_at(&mut self, at: u64) -> usize {
        let (from, line) = self.counted;
        let at = usize::try_from(at)
            .unwrap_or(usize::MAX)
            .min(self.text.len());
        if at > from {
            let bytes = &self.text.as_bytes()[from..at];
            let more = bytes.split(|byte| *byte == b'\n').count() - 1;
            self.counted = (at, line + more);
        }
        self.counted.1
    }

    fn cut_off(line: usize, name: &str, begun: usize) -> NotRead {
        let message = format!(
            "it ends inside of `{}`, which begins in line {begun}",
            shown(name)
        );
        wrong(line, message, Some("it was cut off: get the file again"))
    }
}

fn counted(line: usize, left: usize) -> Result<usize, NotRead> {
    left.checked_sub(1).ok_or_else(|| {
        let message = format!("one part of it has more than {MAX_ELEMENTS} elements");
        wrong(line, message, None)
    })
}

/// Words for what people save instead of a feed.
fn begins_like_xml(text: &str) -> Result<(), NotRead> {
    let start = text.trim_start();
    let line = 1 + text[..text.len() - start.len()].matches('\n').count();
    let head: String = start.chars().take(200).collect::<String>().to_lowercase();
    let get_again = Some("a browser or a proxy may have saved its own page: get the file again");
    if start.is_empty() {
        return Err(wrong(line, "it is empty", None));
    }
    if head.starts_with("<!doctype html") || head.starts_with("<html") {
        return Err(wrong(line, "it is an HTML page", get_again));
    }
    if head.starts_with('{') || head.starts_with('[') {
        let hint = Some("ask for the document as XML: `Accept: application/xml`");
        return Err(wrong(line, "it is JSON, and only XML is read", hint));
    }
    if !head.starts_with('<') {
        return Err(wrong(
            line,
            "it is no XML: it does not begin with `<`",
            None,
        ));
    }
    Ok(())
}

fn empty(start: &BytesStart<'_>, line: usize) -> Result<Element, NotRead> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let bad = |why: &dyn std::fmt::Display| {
            let message = format!("an attribute cannot be read: {}", shown(&why.to_string()));
            wrong(line, message, None)
        };
        let attribute = attribute.map_err(|e| bad(&e))?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|e| bad(&e))?;
        let name = attribute.key.local_name();
        attributes.push((name.into_inner().to_owned(), value.into_owned()));
    }
    Ok(Element {
        name: local(start),
        attributes,
        line,
        text: String::new(),
        children: Vec::new(),
    })
}

/// A text without control characters, words with one space between.
fn on_one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

fn no_place(line: usize) -> NotRead {
    let message = "a document type declaration stands in it, and none is read";
    wrong(line, message, None)
}

fn wrong(line: usize, message: impl Into<String>, hint: Option<&'static str>) -> NotRead {
    NotRead {
        line,
        message: message.into(),
        hint,
    }
}

/// A part of the text in a message: short, and unable to pass for a line of ours.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        short.push_str("..");
    }
    short
}
