//! What a fleet imports: Ansible inventories, tables, and the output of commands; and which of them counts where they differ.

use ringway_model::Span;

use super::ssh::file;
use crate::fields::{Cx, Fields, nearest};
use crate::inventory::{Columns, From, Import, Program};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may};
use crate::validated::Command;
use crate::yaml::{Node, Place, Value};

/// How long a command may take that says nothing else: clouds answer in pages, and a check must not hang.
pub(crate) const WITHIN: Span = Span::minutes(1);
/// The longest that can be asked for: nothing else happens meanwhile.
const MOST: Span = Span::minutes(30);
/// The source that all Ansible inventories are together.
const ANSIBLE: &str = "ansible";

pub(crate) static IMPORT: Shape = Shape {
    what: "import",
    about: "Hosts from what people already have: one of `ansible`, `csv` and `command`.",
    keys: &[
        may(
            "ansible",
            Is::Text,
            "An inventory of Ansible: a file in INI, YAML or the JSON of `ansible-inventory --list`, or a directory of such, with `group_vars` and `host_vars` beside it. Below the directory of this document, unless it is absolute. Several are one source, as several `-i` are to Ansible.",
        ),
        may(
            "csv",
            Is::Text,
            "A table with a line of headings: a file. Each line is a host, each column that is not named below a label; an empty cell is no label.",
        ),
        may(
            "command",
            Is::Command,
            "A command that prints hosts as JSON: an `inventory/v1` (`ringway schema inventory`), or what `ansible-inventory --list` prints. Runs in the directory of this document each time documents are read.",
        ),
        may(
            "source",
            Is::Name,
            "What the source is called, for `prefer`; where absent, the name of the file or the program without its ending. Of `csv` and `command`.",
        ),
        may(
            "name",
            Is::Text,
            "Of `csv`: the heading of the column with the hosts' names; `name` where absent.",
        ),
        may(
            "columns",
            Is::Map(&Is::Text),
            "Of `csv`: headings by what their column is: `address`, `zone`, `window`, or the name of a label. Without it columns are what their headings say.",
        ),
        may(
            "delimiter",
            Is::Text,
            "Of `csv`: what stands between cells, one character or the word `tab`; `,` where absent.",
        ),
        may(
            "within",
            Is::Span,
            "Of `command`: how long it may take; 1m where absent, at most 30m.",
        ),
    ],
    later: &[],
};

/// Reads all imports of a fleet, and which of them count first.
pub(crate) fn read_all(cx: &Cx<'_>, node: &Node<'_>) -> Option<()> {
    let imports = scalar::list(cx, node, read)?;
    if imports.is_empty() {
        let message = "nothing is imported".to_owned();
        let hint = "name an inventory, or leave `import` out";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    for (at, import) in imports.iter().enumerate() {
        let same = |before: &&Import| {
            before.name == import.name && !(before.is_ansible() && import.is_ansible())
        };
        if let Some(before) = imports[..at].iter().find(same) {
            let message = format!("there is another source `{}`", import.name);
            let report = Report::new(Code::DuplicateName, import.name_place, message);
            let hint = "give one of them another name: `source: NAME`";
            cx.report(report.first_at(before.name_place).hint(hint));
        }
    }
    cx.notes.borrow_mut().imports.extend(imports);
    Some(())
}

/// Reads which sources count first. Their names are those of the imports, read before.
pub(crate) fn prefer(cx: &Cx<'_>, node: &Node<'_>) -> Option<()> {
    let names = scalar::names(cx, node, |cx, node| {
        let name = scalar::name(cx, node)?;
        let notes = cx.notes.borrow();
        let known: Vec<&str> = notes.imports.iter().map(|it| it.name.as_str()).collect();
        // Where no import could be read, nobody can say what is missing.
        if known.is_empty() || known.contains(&name.as_str()) {
            return Some(name);
        }
        let hint = match nearest(&name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", crate::together::listed(&known)),
        };
        let message = format!("nothing is imported from a source `{name}`");
        drop(notes);
        cx.fail(Code::UnknownName, node.place, message, &hint)
    })?;
    cx.notes.borrow_mut().prefer = names;
    Some(())
}

fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<Import> {
    let fields = Fields::open(cx, &IMPORT, node)?;
    let kind = scalar::exactly_one(&fields, &["ansible", "csv", "command"])?;
    if !belong(&fields, kind) {
        return None;
    }
    let place = fields.get(kind).map_or(node.place, |node| node.place);
    let source = fields.read("source", scalar::name);
    if fields.get("source").is_some() && source.is_none() {
        return None;
    }
    let name_place = fields.get("source").map_or(place, |node| node.place);
    let from = match kind {
        "ansible" => From::Ansible(fields.read("ansible", file)?),
        "csv" => {
            let path = fields.read("csv", file)?;
            From::Csv(path, columns(&fields)?)
        }
        _ => From::Output(program(&fields)?),
    };
    let name = match (source, &from) {
        (Some(name), _) => name,
        (None, From::Ansible(_)) => ANSIBLE.to_owned(),
        (None, From::Csv(path, _)) => called(cx, path, place)?,
        (None, From::Output(program)) => called(cx, program.first_word(), place)?,
    };
    Some(Import {
        from,
        name,
        place,
        name_place,
    })
}

/// Whether only keys are there that belong to the kind of import.
fn belong(fields: &Fields<'_, '_, '_, '_>, kind: &str) -> bool {
    let belongs = |key: &str| match key {
        "source" => kind != "ansible",
        "name" | "columns" | "delimiter" => kind == "csv",
        "within" => kind == "command",
        _ => true,
    };
    let keys = ["source", "name", "columns", "delimiter", "within"];
    let mut all_belong = true;
    for key in keys {
        if fields.get(key).is_some() && !belongs(key) {
            let message = format!("`{key}` means nothing beside `{kind}`");
            let hint = if key == "source" {
                "all Ansible inventories together are the source `ansible`; leave it out"
            } else {
                "leave it out"
            };
            let report = Report::new(Code::KeyConflict, fields.key_place(key), message);
            fields.cx.report(report.hint(hint));
            all_belong = false;
        }
    }
    all_belong
}

/// The name of a source: that of its file, without directory and ending.
fn called(cx: &Cx<'_>, path: &str, place: Place) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    if scalar::is_name(stem) {
        return Some(stem.to_owned());
    }
    let message = format!("`{file}` does not give the source a name");
    let hint = "give it one: `source: NAME`";
    cx.fail(Code::MissingKey, place, message, hint)
}

fn columns(fields: &Fields<'_, '_, '_, '_>) -> Option<Columns> {
    let name = fields.read("name", |cx, node| {
        Some((scalar::value(cx, node)?, node.place))
    });
    let others = fields.read("columns", |cx, node| {
        scalar::map(cx, node, "columns", |cx, key, place, value| {
            if key == "name" {
                let message = "the column of the names is not said here".to_owned();
                let hint = "write `name: HEADING` beside `csv`";
                return cx.fail(Code::KeyConflict, place, message, hint);
            }
            let is_known = matches!(key, "address" | "zone" | "window");
            if !is_known && !super::fleet::can_be_label(key) {
                let message = format!("`{key}` cannot be a label");
                let hint = "write what the column is, `:`, and its heading: `role: Function`";
                return cx.fail(Code::BadName, place, message, hint);
            }
            Some((key.to_owned(), (scalar::value(cx, value)?, value.place)))
        })
    });
    let delimiter = fields.read("delimiter", delimiter);
    let absent = |key: &str| fields.get(key).is_none();
    Some(Columns {
        name: match name {
            Some(name) => Some(name),
            None if absent("name") => None,
            None => return None,
        },
        others: super::fleet::optional(fields, "columns", others)?
            .into_iter()
            .collect(),
        delimiter: delimiter.or_else(|| absent("delimiter").then_some(','))?,
    })
}

fn delimiter(cx: &Cx<'_>, node: &Node<'_>) -> Option<char> {
    let Value::Scalar { text, .. } = &node.value else {
        return scalar::value(cx, node).and(None);
    };
    if matches!(text.as_ref(), "tab" | "\\t" | "\t") {
        return Some('\t');
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) if one != '"' && !one.is_alphanumeric() && !one.is_control() => Some(one),
        _ => {
            let message = format!("`{text}` cannot stand between cells");
            let hint = "one character in quotes, for example `\";\"`, or `tab`";
            cx.fail(Code::BadValue, node.place, message, hint)
        }
    }
}

fn program(fields: &Fields<'_, '_, '_, '_>) -> Option<Program> {
    let command = fields.read("command", scalar::command);
    let within = fields.read("within", |cx, node| {
        let within = scalar::span_from(Span::seconds(1))(cx, node)?;
        if within <= MOST {
            return Some(within);
        }
        let message = format!("{within} is too long for a command that everything waits for");
        let hint = "at most 30m; let it keep its answer in a file, and print that";
        cx.fail(Code::BadSpan, node.place, message, hint)
    });
    Some(Program {
        command: command?,
        within: within.or_else(|| fields.get("within").is_none().then_some(WITHIN))?,
    })
}

/// The program of an import as it is written, for finding out what is to be run before anything is checked.
pub(crate) fn unchecked(entries: &[crate::yaml::Entry<'_>]) -> Option<Program> {
    let value = |key: &str| entries.iter().find(|entry| entry.key == key);
    let command = match &value("command")?.value.value {
        Value::Scalar { text, .. } => Command::Shell(text.to_string()),
        Value::List(items) => {
            let words = items.iter().map(|item| match &item.value {
                Value::Scalar { text, .. } => Some(text.to_string()),
                Value::List(_) | Value::Map { .. } => None,
            });
            Command::Program(words.collect::<Option<_>>()?)
        }
        Value::Map { .. } => return None,
    };
    let within = match value("within").map(|entry| &entry.value.value) {
        Some(Value::Scalar { text, .. }) => text.parse().ok().filter(|span| *span <= MOST)?,
        Some(Value::List(_) | Value::Map { .. }) => return None,
        None => WITHIN,
    };
    Some(Program { command, within })
}
