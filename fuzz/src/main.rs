//! `fuzz-corpus`: puts what was found before where libFuzzer wants it, takes what it found now, and replays one input.
//!
//! It decides nothing about what is worth keeping: that is libFuzzer's merge, which `cargo xtask fuzz` asks for between
//! the two.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringway_fuzz::{TARGETS, Target, corpus, target};

const HELP: &str = "\
usage: fuzz-corpus list
       fuzz-corpus unpack NAME FOLDER    corpus and first inputs into FOLDER, words into FOLDER.words
       fuzz-corpus pack NAME FOLDER      the files of FOLDER as the corpus
       fuzz-corpus replay NAME FILE..    runs single inputs; panics where something does not hold";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match carry_out(&words) {
        Ok(said) => {
            // A reader that went away is no failure.
            drop(std::io::stdout().write_all(said.as_bytes()));
            ExitCode::SUCCESS
        }
        Err(why) => {
            drop(writeln!(std::io::stderr(), "error: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(words: &[&str]) -> Result<String, String> {
    match words {
        ["list"] => Ok(list()),
        ["unpack", name, folder] => unpack(known(name)?, Path::new(folder)),
        ["pack", name, folder] => pack(known(name)?, Path::new(folder)),
        ["replay", name, files @ ..] if !files.is_empty() => replay(known(name)?, files),
        _ => Err(HELP.to_owned()),
    }
}

fn known(name: &str) -> Result<&'static Target, String> {
    target(name).ok_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!(
            "there is no target `{name}`; there is: {}",
            names.join(", ")
        )
    })
}

/// A line for each target: its name, the length of its longest input, what it reads.
fn list() -> String {
    TARGETS.iter().fold(String::new(), |mut text, target| {
        writeln!(
            text,
            "{}\t{}\t{}",
            target.name, target.longest, target.about
        )
        .expect("writing to a string cannot fail");
        text
    })
}

fn file(target: &Target) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    folder.join(format!("{}.corpus", target.name))
}

fn cannot<'p>(what: &'p str, path: &'p Path) -> impl Fn(std::io::Error) -> String + use<'p> {
    move |error| format!("cannot {what} `{}`: {error}", path.display())
}

fn unpack(target: &Target, folder: &Path) -> Result<String, String> {
    fs::create_dir_all(folder).map_err(cannot("make", folder))?;
    let path = file(target);
    let kept = match fs::read(&path) {
        Ok(kept) => kept,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => corpus::MARK.to_vec(),
        Err(error) => return Err(cannot("read", &path)(error)),
    };
    let inputs = corpus::unpack(&kept).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let seeds = (target.seeds)();
    let fits = |seed: &&Vec<u8>| seed.len() <= target.longest;
    let (count, first) = (inputs.len(), seeds.iter().filter(fits).count());
    let seeds = seeds.iter().filter(fits).map(Vec::as_slice);
    for (number, input) in inputs.into_iter().chain(seeds).enumerate() {
        let path = folder.join(format!("kept-{number:05}"));
        fs::write(&path, input).map_err(cannot("write", &path))?;
    }
    let words = folder.with_extension("words");
    fs::write(&words, dictionary(&(target.words)())).map_err(cannot("write", &words))?;
    Ok(format!(
        "{}: {count} inputs of the corpus, {first} to begin with\n",
        target.name
    ))
}

/// Words in libFuzzer's form: each in quotes, what is not plain as its code.
fn dictionary(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        text.push('"');
        for byte in word.bytes() {
            if matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\' {
                text.push(char::from(byte));
            } else {
                write!(text, "\\x{byte:02X}").expect("writing to a string cannot fail");
            }
        }
        text.push_str("\"\n");
    }
    text
}

fn pack(target: &Target, folder: &Path) -> Result<String, String> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot("read", folder))? {
        let path = entry.map_err(cannot("read", folder))?.path();
        inputs.push(fs::read(&path).map_err(cannot("read", &path))?);
    }
    let count = inputs.len();
    let (kept, left_out) = corpus::pack(inputs);
    let path = file(target);
    fs::write(&path, &kept).map_err(cannot("write", &path))?;
    Ok(format!(
        "{}: {} of {count} inputs kept, {} KiB\n",
        target.name,
        count - left_out,
        kept.len().div_ceil(1 << 10)
    ))
}

fn replay(target: &Target, files: &[&str]) -> Result<String, String> {
    for file in files {
        let path = Path::new(file);
        let input = fs::read(path).map_err(cannot("read", path))?;
        (target.run)(&input);
    }
    Ok(format!(
        "{}: everything holds for {} inputs\n",
        target.name,
        files.len()
    ))
}
