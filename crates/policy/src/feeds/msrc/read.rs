//! The document as it is: products, vulnerabilities, and how each is mended. Decides nothing about product lines.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::Timestamp;

use super::super::NotRead;
use super::super::xml::{Document, Element, shown};

/// A month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its id: `2026-Mar`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its revision, and when that was made, both as written.
    pub revision: Option<(String, String)>,
    /// When it was first released.
    pub released: Option<Timestamp>,
    /// Product names by id.
    pub products: BTreeMap<String, String>,
    /// How many vulnerabilities it has.
    pub count: usize,
    pub(super) vulnerabilities: Vec<Vulnerability>,
    /// What is doubtful in it.
    pub(super) findings: Vec<Finding>,
    /// How many remediations of each type it has.
    pub(super) types: BTreeMap<String, usize>,
}

/// Something of a feed that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where it shows first.
    pub line: usize,
    /// What it is.
    pub message: String,
    /// Where else it shows.
    pub more: usize,
    /// Whether something was left out because of it that was asked for.
    pub left_out: bool,
    /// The products it is about; none: about the document.
    pub(super) products: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vulnerability {
    pub(super) line: usize,
    pub(super) cve: String,
    /// When it was first published.
    pub(super) published: Option<Timestamp>,
    /// How bad it is, by product.
    pub(super) severity: BTreeMap<String, String>,
    pub(super) exploited: bool,
    pub(super) disclosed: bool,
    pub(super) affected: BTreeSet<String>,
    pub(super) fixes: Vec<Fix>,
    pub(super) issues: Vec<Issue>,
    /// Products for which there is a workaround or a mitigation.
    pub(super) eased: BTreeSet<String>,
}

/// What mends it on some products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fix {
    pub(super) line: usize,
    /// As written: the digits of a KB, or something else.
    pub(super) id: String,
    pub(super) products: BTreeSet<String>,
    pub(super) supersedes: Option<String>,
    pub(super) restart: Option<String>,
    pub(super) kind: String,
    pub(super) build: Option<String>,
    pub(super) url: Option<String>,
}

/// That an update has a known issue; what it is, is not said here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issue {
    pub(super) line: usize,
    pub(super) id: String,
    pub(super) url: Option<String>,
    pub(super) products: BTreeSet<String>,
}

/// Reads the document.
///
/// # Errors
///
/// When the text is no XML, or another document.
pub fn read(text: &str) -> Result<Feed, NotRead> {
    let mut document = Document::open(text)?;
    if document.name() != "cvrfdoc" {
        return Err(NotRead {
            line: document.line(),
            message: format!(
                "it is another document: it begins with `{}`, and a CVRF document with `cvrfdoc`",
                shown(document.name())
            ),
            hint: Some("the monthly document is at https://api.msrc.microsoft.com/cvrf/v3.0/"),
        });
    }
    let line = document.line();
    let mut feed = Feed {
        id: String::new(),
        title: String::new(),
        revision: None,
        released: None,
        products: BTreeMap::new(),
        count: 0,
        vulnerabilities: Vec::new(),
        findings: Vec::new(),
        types: BTreeMap::new(),
    };
    while let Some(child) = document.child()? {
        match child.name.as_str() {
            "DocumentTitle" => feed.title.clone_from(&child.text),
            "DocumentTracking" => feed.tracking(&child),
            "ProductTree" => feed.products(&child),
            "Vulnerability" => feed.vulnerability(&child),
            "DocumentType" | "DocumentPublisher" | "DocumentNotes" => {}
            other => {
                let message = format!("`{}` is a part that is not known", shown(other));
                feed.find(child.line, message, BTreeSet::new());
            }
        }
    }
    if feed.products.is_empty() || feed.count == 0 {
        let what = if feed.products.is_empty() {
            "products"
        } else {
            "vulnerabilities"
        };
        let message = format!("it names no {what}");
        return Err(NotRead {
            line,
            message,
            hint: None,
        });
    }
    feed.unknown_products();
    Ok(feed)
}

impl Feed {
    fn find(&mut self, line: usize, message: String, products: BTreeSet<String>) {
        self.findings.push(Finding {
            line,
            message,
            more: 0,
            left_out: false,
            products,
        });
    }

    fn tracking(&mut self, tracking: &Element) {
        let id = tracking
            .one("Identification")
            .and_then(|known| known.text_of("ID").or_else(|| known.text_of("Alias")));
        if let Some(id) = id {
            id.clone_into(&mut self.id);
        }
        if let Some(released) = tracking.text_of("InitialReleaseDate") {
            self.released = instant(released);
            if self.released.is_none() {
                let message = format!("`{}` is no date", shown(released));
                self.find(tracking.line, message, BTreeSet::new());
            }
        }
        let revisions = tracking.one("RevisionHistory");
        let last = revisions.and_then(|all| all.all("Revision").last());
        self.revision = last.and_then(|last| {
            let date = last.text_of("Date")?;
            Some((last.text_of("Number")?.to_owned(), date.to_owned()))
        });
    }

    /// The flat list of products and the one by families; the same product is in both.
    fn products(&mut self, below: &Element) {
        for child in &below.children {
            if child.name == "Branch" {
                self.products(child);
            }
            if child.name != "FullProductName" {
                continue;
            }
            let Some(id) = child.attribute("ProductID").filter(|id| !id.is_empty()) else {
                let message = format!("product `{}` has no id", shown(&child.text));
                self.find(child.line, message, BTreeSet::new());
                continue;
            };
            let known = self.products.get(id).cloned();
            match known {
                Some(known) if known != child.text => {
                    let (known, text) = (shown(&known), shown(&child.text));
                    let message = format!(
                        "product {} is `{known}` and `{text}`: the first counts",
                        shown(id)
                    );
                    self.find(child.line, message, BTreeSet::from([id.to_owned()]));
                }
                Some(_) => {}
                None => {
                    self.products.insert(id.to_owned(), child.text.clone());
                }
            }
        }
    }

    fn vulnerability(&mut self, of: &Element) {
        self.count += 1;
        let affected: BTreeSet<String> = of
            .one("ProductStatuses")
            .into_iter()
            .flat_map(|statuses| statuses.all("Status"))
            .filter(|status| status.attribute("Type") == Some("Known Affected"))
            .flat_map(products_of)
            .collect();
        let Some(cve) = of.text_of("CVE") else {
            let title = shown(of.text_of("Title").unwrap_or("without a title"));
            let message = format!("a vulnerability has no CVE and is left out: {title}");
            self.find(of.line, message, affected);
            return;
        };
        let dates = of.one("RevisionHistory").into_iter();
        let dates = dates.flat_map(|history| history.all("Revision"));
        let mut vulnerability = Vulnerability {
            line: of.line,
            cve: cve.to_owned(),
            published: dates.filter_map(|one| instant(one.text_of("Date")?)).min(),
            severity: BTreeMap::new(),
            exploited: false,
            disclosed: false,
            affected,
            fixes: Vec::new(),
            issues: Vec::new(),
            eased: BTreeSet::new(),
        };
        for threat in of
            .one("Threats")
            .into_iter()
            .flat_map(|all| all.all("Threat"))
        {
            self.threat(&mut vulnerability, threat);
        }
        let remediations = of.one("Remediations").into_iter();
        for remediation in remediations.flat_map(|all| all.all("Remediation")) {
            self.remediation(&mut vulnerability, remediation);
        }
        self.vulnerabilities.push(vulnerability);
    }

    fn threat(&mut self, of: &mut Vulnerability, threat: &Element) {
        let text = threat.text_of("Description");
        match threat.attribute("Type") {
            Some("Impact") => {}
            Some("Severity") => {
                let Some(text) = text else { return };
                for product in products_of(threat) {
                    of.severity.insert(product, text.to_owned());
                }
            }
            Some("Exploit Status") => self.exploit(of, threat.line, text.unwrap_or_default()),
            other => {
                let message = format!(
                    "{}: a threat of type `{}` is not known",
                    shown(&of.cve),
                    shown(other.unwrap_or_default())
                );
                self.find(threat.line, message, products_of(threat).collect());
            }
        }
    }

    /// `Publicly Disclosed:No;Exploited:Yes;Latest Software Release:Exploitation More Likely`.
    fn exploit(&mut self, of: &mut Vulnerability, line: usize, text: &str) {
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (what, value) = part.split_once(':').unwrap_or((part, ""));
            let flag = match (what.trim(), value.trim()) {
                ("Exploited", "Yes") => &mut of.exploited,
                ("Publicly Disclosed", "Yes") => &mut of.disclosed,
                ("Exploited" | "Publicly Disclosed", "No" | "N/A")
                | ("Latest Software Release" | "Older Software Release" | "DOS", _) => continue,
                _ => {
                    let (cve, part) = (shown(&of.cve), shown(part));
                    let message = format!("{cve}: `{part}` says nothing that is known");
                    self.find(line, message, of.affected.clone());
                    continue;
                }
            };
            *flag = true;
        }
    }

    fn remediation(&mut self, of: &mut Vulnerability, remediation: &Element) {
        let kind = remediation.attribute("Type").unwrap_or_default();
        *self.types.entry(kind.to_owned()).or_default() += 1;
        let products: BTreeSet<String> = products_of(remediation).collect();
        let text = |name| remediation.text_of(name).map(str::to_owned);
        match kind {
            "Vendor Fix" => of.fixes.push(Fix {
                line: remediation.line,
                id: text("Description").unwrap_or_default(),
                products,
                supersedes: text("Supercedence"),
                restart: text("RestartRequired"),
                kind: text("SubType").unwrap_or_default(),
                build: text("FixedBuild"),
                url: text("URL"),
            }),
            "Known Issue" => of.issues.push(Issue {
                line: remediation.line,
                id: text("Description").unwrap_or_default(),
                url: text("URL"),
                products,
            }),
            "Workaround" | "Mitigation" => of.eased.extend(products),
            "Release Notes" | "None Available" | "Will Not Fix" => {}
            other => {
                let (cve, other) = (shown(&of.cve), shown(other));
                let message = format!("{cve}: a remediation of type `{other}` is not known");
                self.find(remediation.line, message, products);
            }
        }
    }

    /// Products that something is said of and that the tree does not name.
    fn unknown_products(&mut self) {
        let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
        for vulnerability in &self.vulnerabilities {
            let fixed = vulnerability.fixes.iter().flat_map(|fix| {
                let line = fix.line;
                fix.products.iter().map(move |product| (product, line))
            });
            let line = vulnerability.line;
            let affected = vulnerability.affected.iter().map(|product| (product, line));
            for (product, line) in fixed.chain(affected) {
                if !self.products.contains_key(product) {
                    unknown.entry(product.clone()).or_insert(line);
                }
            }
        }
        for (product, line) in unknown {
            let message = format!("product {} is not in the product tree", shown(&product));
            self.find(line, message, BTreeSet::from([product]));
        }
    }
}

fn products_of(element: &Element) -> impl Iterator<Item = String> {
    let ids = element.all("ProductID").map(|id| id.text.clone());
    ids.filter(|id| !id.is_empty())
}

/// A date of the feed. It names no zone; the feed's interface says that they are in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let zoned = crate::scalar::instant(text);
    zoned.or_else(|| crate::scalar::instant(&format!("{text}Z")))
}
