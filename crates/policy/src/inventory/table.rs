//! A table of hosts: which column is what, and each line as what is said of a host.

use std::collections::BTreeMap;

use super::csv::{Cell, Lines};
use super::files::File;
use super::hosts::LeftOut;
use super::offer::{self, About, Offer, Told};
use crate::elements::fleet;
use crate::fields::nearest;
use crate::hidden::is_secret_key;
use crate::problem::{Code, Found, Report};
use crate::scalar;
use crate::validated::ZoneName;
use crate::yaml::Place;

/// What the fleet says of a table.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// The heading of the column with the names, where it is said, and where.
    pub(crate) name: Option<(String, Place)>,
    /// Headings by what their column is, each with its place.
    pub(crate) others: BTreeMap<String, (String, Place)>,
    pub(crate) delimiter: char,
}

/// The heading of the column with the names where nothing else is said.
const NAME: &str = "name";

/// What stands for a secret in the text that is kept.
const INSTEAD: &str = "[redacted]";

/// A table: its hosts, and its text without secrets.
pub(super) struct Table {
    pub(super) hosts: Vec<Offer>,
    pub(super) kept: String,
}

/// What a column is.
enum Is {
    Name,
    About(About),
    /// Left out. A secret is not kept either.
    Nothing {
        is_secret: bool,
    },
}

/// Reads a table.
pub(super) fn read(
    file: File<'_>,
    columns: &Columns,
    left_out: &mut LeftOut,
    found: &mut Found,
) -> Table {
    let mut reader = Reader {
        source: file.source,
        found,
        left_out,
        table: Table {
            hosts: Vec::new(),
            kept: String::new(),
        },
        at: BTreeMap::new(),
        delimiter: columns.delimiter,
    };
    reader.run(file.text, columns);
    reader.table
}

struct Reader<'r> {
    source: usize,
    found: &'r mut Found,
    left_out: &'r mut LeftOut,
    table: Table,
    /// Where each host stands.
    at: BTreeMap<String, Place>,
    delimiter: char,
}

impl Reader<'_> {
    fn place(&self, start: usize, end: usize) -> Place {
        Place {
            source: self.source,
            start,
            end,
        }
    }

    fn of(&self, cell: &Cell<'_>) -> Place {
        self.place(cell.start, cell.end)
    }

    fn fail(&mut self, code: Code, place: Place, message: impl Into<String>, hint: &str) {
        self.found
            .report(Report::new(code, place, message.into()).hint(hint));
    }

    fn run(&mut self, text: &str, columns: &Columns) {
        let mut lines = Lines::of(text, columns.delimiter);
        let mut headings: Option<(Vec<Cell<'_>>, Vec<Is>)> = None;
        while let Some(line) = lines.line() {
            let cells = match line {
                Ok(cells) => cells,
                Err(wrong) => {
                    let place = self.place(wrong.start, wrong.end);
                    return self.fail(Code::BadInventory, place, wrong.message, wrong.hint);
                }
            };
            let Some((names, kinds)) = &headings else {
                let Some(kinds) = self.headings(&cells, columns) else {
                    return;
                };
                self.keep(&cells, &kinds, true);
                headings = Some((cells, kinds));
                continue;
            };
            self.keep(&cells, kinds, false);
            self.line(&cells, names, kinds);
        }
        if headings.is_none() {
            let message = "the table is empty";
            let hint = "begin with a line of headings, for example `name,address,role`";
            self.fail(Code::BadInventory, self.place(0, 0), message, hint);
        }
    }

    /// What each column is; nothing where that cannot be said, which is reported.
    fn headings(&mut self, cells: &[Cell<'_>], columns: &Columns) -> Option<Vec<Is>> {
        let before = self.found.reports.len();
        for (at, cell) in cells.iter().enumerate() {
            let first = cells[..at].iter().find(|other| other.text == cell.text);
            if let Some(first) = first.filter(|_| !cell.text.is_empty()) {
                let message = format!("there is another column `{}`", cell.text);
                let place = self.of(first);
                let report = Report::new(Code::DuplicateName, self.of(cell), message);
                self.found.report(
                    report
                        .first_at(place)
                        .hint("give one of them another heading"),
                );
            }
        }
        let name = columns.name.as_ref().map_or(NAME, |(name, _)| name);
        if cells.iter().all(|cell| cell.text != name) {
            self.no_names(cells, columns, name);
        }
        for (heading, place) in columns.others.values() {
            if cells.iter().any(|cell| cell.text == *heading) {
                continue;
            }
            let headings = cells.iter().map(|cell| cell.text.as_ref());
            let hint = match nearest(heading, headings.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", listed(headings)),
            };
            let message = format!("the table has no column `{heading}`");
            self.fail(Code::UnknownName, *place, message, &hint);
        }
        let kinds = cells.iter().map(|cell| self.column(cell, name, columns));
        let kinds: Vec<Is> = kinds.collect();
        (self.found.reports.len() == before).then_some(kinds)
    }

    /// Says that no column has the names; most often the cells are separated by something else.
    fn no_names(&mut self, cells: &[Cell<'_>], columns: &Columns, name: &str) {
        let headings = cells.iter().map(|cell| cell.text.as_ref());
        let other = [';', '\t', ',', '|']
            .into_iter()
            .find(|c| *c != self.delimiter && cells.len() == 1 && cells[0].text.contains(*c));
        let hint = if let Some(other) = other {
            let shown = if other == '\t' {
                "tab".to_owned()
            } else {
                format!("\"{other}\"")
            };
            format!("cells seem to be separated otherwise: `delimiter: {shown}`")
        } else if let Some(near) = nearest(name, headings.clone()) {
            format!("did you mean `{near}`? write `name: {near}` beside `csv`")
        } else {
            format!(
                "say which column has the names of the hosts, `name: HEADING`; there are {}",
                listed(headings)
            )
        };
        let message = format!("the table has no column `{name}`");
        let place = match &columns.name {
            Some((_, place)) => *place,
            None => self.place(cells[0].start, cells.last().map_or(0, |cell| cell.end)),
        };
        self.fail(Code::UnknownName, place, message, &hint);
    }

    fn column(&mut self, cell: &Cell<'_>, name: &str, columns: &Columns) -> Is {
        let heading = cell.text.as_ref();
        if heading == name {
            return Is::Name;
        }
        let said = columns
            .others
            .iter()
            .find(|(_, (other, _))| other == heading);
        let what = said.map_or(heading, |(what, _)| what);
        if is_secret_key(heading) || is_secret_key(what) {
            self.left_out.secrets.insert(heading.to_owned());
            return Is::Nothing { is_secret: true };
        }
        // A column that is said elsewhere to be the address is what `address` then means.
        let is_taken = said.is_none() && columns.others.contains_key(what);
        let about = match what {
            _ if is_taken => None,
            "address" => Some(About::Address),
            "zone" => Some(About::Zone),
            "window" => Some(About::Window),
            label if fleet::can_be_label(label) => Some(About::Label(label.to_owned())),
            _ => None,
        };
        if let Some(about) = about {
            return Is::About(about);
        }
        if !heading.is_empty() {
            self.left_out.names.insert(heading.to_owned());
        }
        Is::Nothing { is_secret: false }
    }

    /// Reads what one line says.
    fn line(&mut self, cells: &[Cell<'_>], headings: &[Cell<'_>], kinds: &[Is]) {
        let (first, last) = (cells[0].start, cells.last().map_or(0, |cell| cell.end));
        if cells.len() != headings.len() {
            let message = format!(
                "the line has {}, and there are {} columns",
                counted(cells.len()),
                headings.len()
            );
            let hint = "put a cell that has what separates cells in it into quotes; an empty cell is still a cell";
            return self.fail(Code::BadInventory, self.place(first, last), message, hint);
        }
        let mut host: Option<(String, Place)> = None;
        let mut says = BTreeMap::new();
        for ((cell, heading), is) in cells.iter().zip(headings).zip(kinds) {
            let place = self.of(cell);
            match is {
                Is::Name if cell.text.is_empty() => {
                    let message = "the line has no name".to_owned();
                    let hint = format!("write the host's name under `{}`", heading.text);
                    return self.fail(Code::BadName, self.place(first, last), message, &hint);
                }
                Is::Name => host = Some((cell.text.to_string(), place)),
                Is::Nothing { .. } => {}
                Is::About(_) if cell.text.is_empty() => {}
                Is::About(about) => {
                    if let Some(value) = self.value(about, cell, heading) {
                        says.insert(about.clone(), Told { value, place });
                    }
                }
            }
        }
        let Some((host, place)) = host else { return };
        if !scalar::is_name(&host) {
            let shown: String = host.chars().take(60).collect();
            let message = format!("`{shown}` cannot be a name");
            let hint =
                "a name begins with a letter or digit and has only letters, digits and `-_.:@+`";
            return self.fail(Code::BadName, place, message, hint);
        }
        if let Some(before) = self.at.insert(host.clone(), place) {
            let message = format!("there is another host `{host}`");
            let report = Report::new(Code::DuplicateName, place, message).first_at(before);
            self.found
                .report(report.hint("leave one of the lines out, or put them together"));
            return;
        }
        self.table.hosts.push(Offer { host, place, says });
    }

    /// What a cell says; nothing where it cannot be that, which is reported or noted.
    fn value(&mut self, about: &About, cell: &Cell<'_>, heading: &Cell<'_>) -> Option<String> {
        let text = cell.text.as_ref();
        let place = self.of(cell);
        match about {
            About::Label(_) => {
                let is_line = !text.chars().any(char::is_control);
                if !is_line {
                    self.left_out.names.insert(heading.text.to_string());
                }
                is_line.then(|| text.to_owned())
            }
            About::Address => {
                if is_address(text) {
                    return Some(text.to_owned());
                }
                let message = format!("`{text}` is not an address");
                let hint = "a name or a number of the network, without spaces";
                self.fail(Code::BadValue, place, message, hint);
                None
            }
            About::Zone => {
                if ZoneName::new(text).is_some() {
                    return Some(text.to_owned());
                }
                let message = format!("`{text}` cannot be the name of a time zone");
                let hint = "write its name in the time zone database, for example `Europe/Berlin`";
                self.fail(Code::BadValue, place, message, hint);
                None
            }
            About::Window => {
                let names = offer::windows(text);
                if names.iter().all(|name| scalar::is_name(name)) {
                    return Some(names.join(offer::OR));
                }
                let message = format!("`{text}` cannot be names of windows");
                let hint = "write names of the fleet's `windows`, several separated by `|`";
                self.fail(Code::BadName, place, message, hint);
                None
            }
        }
    }

    /// Keeps a line's text, without what stands below headings that are called like secrets.
    fn keep(&mut self, cells: &[Cell<'_>], kinds: &[Is], is_heading: bool) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.table.kept.push(self.delimiter);
            }
            // A cell too many could be anybody's, a secret's too.
            let hides = !is_heading
                && !cell.text.is_empty()
                && !matches!(
                    kinds.get(at),
                    Some(Is::Name | Is::About(_) | Is::Nothing { is_secret: false })
                );
            let text = if hides { INSTEAD } else { cell.text.as_ref() };
            let needs_quotes = text.contains([self.delimiter, '"', '\r', '\n']);
            if needs_quotes {
                let kept = format!("\"{}\"", text.replace('"', "\"\""));
                self.table.kept.push_str(&kept);
            } else {
                self.table.kept.push_str(text);
            }
        }
        self.table.kept.push('\n');
    }
}

/// Whether the text can be where a host is reached, and cannot be taken for an option of a program.
pub(super) fn is_address(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn counted(cells: usize) -> String {
    if cells == 1 {
        "1 cell".to_owned()
    } else {
        format!("{cells} cells")
    }
}

fn listed<'c>(headings: impl Iterator<Item = &'c str>) -> String {
    let headings: Vec<&str> = headings.collect();
    crate::together::listed(&headings)
}
