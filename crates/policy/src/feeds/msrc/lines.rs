//! Which products are one product line, and which hosts have it.
//!
//! The table knows the lines of Windows Server. Everything else, and every other way to label hosts, is said by whoever
//! asks: a product or a line, and the selector of the hosts that have it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ringway_model::Selector;

use super::read::Feed;
use crate::fields::nearest;

/// What a product of a line is called when it is the installation without a desktop. It gets the same KBs.
const CORE: &str = " (Server Core installation)";

/// The value of the label `os`, the product's name, and what else people call it.
const KNOWN: [(&str, &str, &[&str]); 7] = [
    ("windows-2012", "Windows Server 2012", &["2012"]),
    (
        "windows-2012r2",
        "Windows Server 2012 R2",
        &["2012 R2", "2012R2"],
    ),
    ("windows-2016", "Windows Server 2016", &["2016"]),
    ("windows-2019", "Windows Server 2019", &["2019"]),
    ("windows-2022", "Windows Server 2022", &["2022"]),
    (
        "windows-23h2",
        "Windows Server 2022, 23H2 Edition",
        &[
            "23H2",
            "Windows Server 23H2",
            "Windows Server, version 23H2",
        ],
    ),
    ("windows-2025", "Windows Server 2025", &["2025"]),
];

/// A product line that updates are wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is called: `windows-2022`, or the product's name.
    pub name: String,
    /// Which hosts have it.
    pub select: Selector,
    /// The ids of its products that have a desktop, or no such difference.
    pub(super) full: BTreeSet<String>,
    /// The ids of its products without a desktop.
    pub(super) core: BTreeSet<String>,
}

impl Line {
    pub(super) fn has(&self, product: &String) -> bool {
        self.full.contains(product) || self.core.contains(product)
    }
}

/// What is wanted of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// The lines, in the order of releases.
    pub lines: Vec<Line>,
    /// Which hosts of a line take hotpatches; `None`: hotpatches are left out.
    pub hotpatch: Option<Selector>,
    /// Which hosts of a line have no desktop, where that makes a difference.
    pub core: Selector,
    /// The name of the update.
    pub name: Option<String>,
    /// The recipe, and values for its parameters, in every release.
    pub recipe: String,
    /// Values for the recipe's parameters.
    pub with: BTreeMap<String, String>,
}

/// A wish that a feed cannot meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotWished {
    /// Why.
    pub message: String,
    /// What would help.
    pub hint: String,
}

impl fmt::Display for NotWished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A product as `--list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub product: String,
    /// Its id.
    pub id: String,
    /// The line of the table it belongs to.
    pub line: Option<&'static str>,
    /// How many updates it gets.
    pub updates: usize,
    /// How many CVEs it is affected by.
    pub cves: usize,
}

/// Every product that something is said of, by name.
pub fn list(feed: &Feed) -> Vec<Listed> {
    let mut of: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for vulnerability in &feed.vulnerabilities {
        for product in &vulnerability.affected {
            of.entry(product).or_default().1.insert(&vulnerability.cve);
        }
        for fix in &vulnerability.fixes {
            for product in &fix.products {
                of.entry(product).or_default().0.insert(&fix.id);
            }
        }
    }
    let mut listed: Vec<Listed> = of
        .into_iter()
        .map(|(id, (updates, cves))| {
            let product = feed.products.get(id).map_or(id, String::as_str);
            Listed {
                product: product.to_owned(),
                id: id.to_owned(),
                line: known(product).map(|(line, _)| line),
                updates: updates.len(),
                cves: cves.len(),
            }
        })
        .collect();
    listed.sort_by(|a, b| (&a.product, &a.id).cmp(&(&b.product, &b.id)));
    listed
}

/// The line of the table that a product belongs to, and whether it is the one without a desktop.
fn known(product: &str) -> Option<(&'static str, bool)> {
    let core = product.strip_suffix(CORE);
    let name = core.unwrap_or(product);
    let (line, ..) = KNOWN.iter().find(|(_, known, _)| *known == name)?;
    Some((line, core.is_some()))
}

/// The lines of these names: those of the table that are in the feed where none are named, and those that `maps` adds.
///
/// # Errors
///
/// A name that neither the table nor the feed has, and a product that nothing maps to a selector.
pub(super) fn lines(
    feed: &Feed,
    names: &[String],
    maps: &[(String, Selector)],
) -> Result<Vec<Line>, NotWished> {
    let mut selectors: BTreeMap<Key, &Selector> = BTreeMap::new();
    for (name, select) in maps {
        let key = key(feed, name)?;
        if selectors.insert(key, select).is_some() {
            return Err(NotWished {
                message: format!("`{name}` is mapped twice"),
                hint: "one selector may say it all: `os = a | b`".to_owned(),
            });
        }
    }
    let mut wanted = BTreeSet::new();
    for text in names {
        for name in split(feed, text) {
            wanted.insert(key(feed, name)?);
        }
    }
    if names.is_empty() {
        let products = feed.products.values();
        wanted.extend(products.filter_map(|product| known(product).map(|(line, _)| index(line))));
        wanted.extend(selectors.keys().cloned());
    }
    if wanted.is_empty() {
        return Err(NotWished {
            message: "no line of Windows Server is in it".to_owned(),
            hint: "`--list` shows what is; `--map 'PRODUCT=SELECTOR'` says which hosts have it"
                .to_owned(),
        });
    }
    wanted
        .into_iter()
        .map(|key| line(feed, &key, selectors.get(&key).copied()))
        .collect()
}

/// A line: its place in the table, or the name of a product. The order is that of releases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Known(usize),
    Product(String),
}

fn index(line: &str) -> Key {
    let at = KNOWN.iter().position(|(known, ..)| *known == line);
    Key::Known(at.expect("the name is from the table"))
}

/// What a name means: a line of the table by any of its names, or a product of the feed by name or id.
fn key(feed: &Feed, name: &str) -> Result<Key, NotWished> {
    let name = name.trim();
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    let in_table = KNOWN.iter().position(|(line, product, others)| {
        let core = name.len() > CORE.len() && same(&format!("{product}{CORE}"));
        same(line) || same(product) || core || others.iter().any(|other| same(other))
    });
    if let Some(at) = in_table {
        return Ok(Key::Known(at));
    }
    let mut products = feed.products.iter();
    if let Some((_, product)) = products.find(|(id, product)| same(id) || same(product)) {
        return Ok(Key::Product(product.clone()));
    }
    let table = KNOWN
        .iter()
        .flat_map(|(line, product, _)| [*line, *product]);
    let all = table.chain(feed.products.values().map(String::as_str));
    Err(NotWished {
        message: format!("there is no product `{name}` in it"),
        hint: nearest(name, all).map_or_else(
            || "`--list` shows what there is".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ),
    })
}

/// Names between commas. A product's own name may have one: the longest name that is known counts.
fn split<'t>(feed: &Feed, text: &'t str) -> Vec<&'t str> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let commas = rest.match_indices(',').map(|(at, _)| at);
        let ends: Vec<usize> = commas.chain([rest.len()]).collect();
        let known = ends
            .iter()
            .rev()
            .find(|end| key(feed, &rest[..**end]).is_ok());
        let end = known.copied().unwrap_or(ends[0]);
        if !rest[..end].trim().is_empty() {
            names.push(&rest[..end]);
        }
        match rest.get(end + 1..) {
            Some(more) => rest = more,
            None => return names,
        }
    }
}

fn line(feed: &Feed, key: &Key, select: Option<&Selector>) -> Result<Line, NotWished> {
    let ids = |wanted: bool, name: &str| -> BTreeSet<String> {
        let products = feed.products.iter();
        let meant = products.filter(|(_, product)| known(product) == Some((name, wanted)));
        meant.map(|(id, _)| id.clone()).collect()
    };
    match key {
        Key::Known(at) => {
            let (name, product, _) = KNOWN[*at];
            let (full, core) = (ids(false, name), ids(true, name));
            if full.is_empty() && core.is_empty() {
                return Err(NotWished {
                    message: format!("`{product}` is not in it"),
                    hint: "`--list` shows what there is".to_owned(),
                });
            }
            let own = || Selector::parse(&format!("os = {name}")).expect("it is written here");
            Ok(Line {
                name: name.to_owned(),
                select: select.cloned().unwrap_or_else(own),
                full,
                core,
            })
        }
        Key::Product(product) => {
            let select = select.cloned().ok_or_else(|| NotWished {
                message: format!("nothing says which hosts have `{product}`"),
                hint: format!("add `--map '{product}=SELECTOR'`"),
            })?;
            let same = feed.products.iter().filter(|(_, name)| *name == product);
            Ok(Line {
                name: product.clone(),
                select,
                full: same.map(|(id, _)| id.clone()).collect(),
                core: BTreeSet::new(),
            })
        }
    }
}

impl Wishes {
    /// Every product, each a line of its own where the table knows none: to find what is doubtful, not to install anything.
    pub fn everything(feed: &Feed) -> Self {
        let keys: BTreeSet<Key> = feed
            .products
            .values()
            .map(|product| match known(product) {
                Some((line, _)) => index(line),
                None => Key::Product(product.clone()),
            })
            .collect();
        let lines = keys.iter().map(|key| line(feed, key, Some(&Selector::All)));
        Self {
            lines: lines
                .collect::<Result<_, _>>()
                .expect("each is in the feed and has a selector"),
            ..Self::plain()
        }
    }

    fn plain() -> Self {
        let fixed = |text| Selector::parse(text).expect("it is written here");
        Self {
            lines: Vec::new(),
            hotpatch: Some(fixed("hotpatch = yes")),
            core: fixed("installation = core"),
            name: None,
            recipe: "manual".to_owned(),
            with: BTreeMap::new(),
        }
    }

    /// What is wanted for these products, in the words of somebody who asks: `names` as `--products` has them.
    ///
    /// # Errors
    ///
    /// A name that neither the table nor the feed has, and a product that nothing maps to a selector.
    pub fn of(
        feed: &Feed,
        names: &[String],
        maps: &[(String, Selector)],
    ) -> Result<Self, NotWished> {
        Ok(Self {
            lines: lines(feed, names, maps)?,
            ..Self::plain()
        })
    }
}

/// Hosts that both selectors match. Selectors have no brackets, so what one offers is written out for the other.
pub(super) fn both(one: &Selector, other: &Selector) -> Selector {
    let mut offers = Vec::new();
    for left in ways(one) {
        for right in ways(other) {
            let mut parts = conditions(left);
            parts.extend(conditions(right));
            offers.push(match <[Selector; 1]>::try_from(parts) {
                Ok([only]) => only,
                Err(parts) if parts.is_empty() => Selector::All,
                Err(parts) => Selector::And(parts),
            });
        }
    }
    match <[Selector; 1]>::try_from(offers) {
        Ok([only]) => only,
        Err(offers) => Selector::Or(offers),
    }
}

fn ways(of: &Selector) -> Vec<&Selector> {
    match of {
        Selector::Or(parts) => parts.iter().collect(),
        Selector::All
        | Selector::Has(_)
        | Selector::Compare(..)
        | Selector::Not(_)
        | Selector::And(_) => vec![of],
    }
}

fn conditions(of: &Selector) -> Vec<Selector> {
    match of {
        Selector::All => Vec::new(),
        Selector::And(parts) => parts.clone(),
        Selector::Has(_) | Selector::Compare(..) | Selector::Not(_) | Selector::Or(_) => {
            vec![of.clone()]
        }
    }
}
