//! Arguments of the commands that read what vendors publish.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ringway_model::Selector;

/// What vendors publish.
#[derive(Debug, Args)]
pub(crate) struct Feeds {
    /// Whose.
    #[command(subcommand)]
    pub(crate) of: FeedOf,
}

/// Whose feed it is.
#[derive(Debug, Subcommand)]
pub(crate) enum FeedOf {
    /// Make updates of Microsoft's monthly document (CVRF as XML, plain or .gz)
    #[command(
        after_help = "Examples:\n    ringway import msrc 2026-Mar.xml.gz --list\n    ringway import msrc 2026-Mar.xml.gz --products 2019,2022 --out updates/\n    ringway import msrc 2026-Mar.xml --map '2022=os = ws22' --without-hotpatch >march.yaml"
    )]
    Msrc(Box<Msrc>),
}

/// A month of Microsoft's.
#[derive(Debug, Args)]
pub(crate) struct Msrc {
    /// The document
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only these products or lines, between commas; may be given several times [default: every line of Windows Server in it, and what `--map` names]
    #[arg(long, value_name = "NAME,...")]
    pub(crate) products: Vec<String>,
    /// Which hosts have a product or a line, in the place of `os = windows-2022` and the like; may be given several times
    #[arg(long, value_name = "NAME=SELECTOR", value_parser = mapped)]
    pub(crate) map: Vec<(String, Selector)>,
    /// Which hosts of a line take hotpatches
    #[arg(long, value_name = "SELECTOR", default_value = "hotpatch = yes", value_parser = selector)]
    pub(crate) hotpatch: Selector,
    /// Leave hotpatches out: no host takes them
    #[arg(long, conflicts_with = "hotpatch")]
    pub(crate) without_hotpatch: bool,
    /// Which hosts of a line have no desktop, where those get another update
    #[arg(long, value_name = "SELECTOR", default_value = "installation = core", value_parser = selector)]
    pub(crate) core: Selector,
    /// The update's name [default: after the month, as in `2026-03-security`]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The recipe that installs it
    #[arg(long, value_name = "NAME", default_value = "manual")]
    pub(crate) recipe: String,
    /// A value for a parameter of the recipe, in every release; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = value)]
    pub(crate) with: Vec<(String, String)>,
    /// Where the updates are written: a file, or a directory for a file each [default: standard output]
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Show every product in it, with how many updates and CVEs it has, and every finding; make nothing
    #[arg(long, conflicts_with_all = ["products", "out"])]
    pub(crate) list: bool,
}

fn selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|error| match &error.hint {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    })
}

fn mapped(text: &str) -> Result<(String, Selector), String> {
    let (name, select) = value(text)?;
    Ok((name, selector(&select)?))
}

fn value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        Some(_) | None => Err("write a name, `=` and what it is".to_owned()),
    }
}
