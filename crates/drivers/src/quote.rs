//! The one function that puts text into a shell's hands.
//!
//! A quoted text is one word of the shell, byte for byte what was given, whatever is in it. Nothing else in Ringway
//! builds shell text from values.

/// A text that no shell can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// It has a NUL, which ends every text of an operating system.
    #[error("a text with a NUL cannot be given to a command: `{0}`")]
    Nul(String),
    /// It is not UTF-8.
    #[error("`{0}` is not UTF-8")]
    NotText(String),
    /// It is no name of an environment variable.
    #[error("`{0}` cannot be the name of an environment variable")]
    Name(String),
    /// The shell keeps this variable to itself.
    #[error("`{0}` belongs to the shell and cannot be set for a command")]
    Reserved(String),
}

/// Variables that dash, bash or busybox refuses to set, gives a value of its own, or takes as advice what to do with the
/// command. A refusal ends the shell, and anything else would tell a command something else than was said.
const RESERVED: [&str; 29] = [
    "BASHOPTS",
    "BASHPID",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_COMMAND",
    "BASH_ENV",
    "BASH_LINENO",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "DIRSTACK",
    "ENV",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "OPTIND",
    "PIPESTATUS",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SRANDOM",
    "UID",
    "_",
];

/// `text` as one word of a POSIX shell: in single quotes, within which only a single quote means anything.
///
/// # Errors
///
/// When the text has a NUL.
pub fn quote(text: &str) -> Result<String, QuoteError> {
    if text.contains('\0') {
        return Err(QuoteError::Nul(text.replace('\0', "\\0")));
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// Whether `name` can be exported by every shell.
///
/// # Errors
///
/// When it cannot.
pub fn check_name(name: &str) -> Result<(), QuoteError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(word)
    {
        return Err(QuoteError::Name(name.to_owned()));
    }
    // `RW_` and `rw_` are the envelope's own.
    if RESERVED.contains(&name) || name.starts_with("RW_") || name.starts_with("rw_") {
        return Err(QuoteError::Reserved(name.to_owned()));
    }
    Ok(())
}

/// The environment variable under which a value named by people reaches a command: upper case, and `_` for whatever a
/// variable's name cannot have. `failure-domain` is `FAILURE_DOMAIN`.
pub fn variable_name(name: &str) -> String {
    let mut variable: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    if variable.starts_with(|c: char| c.is_ascii_digit()) {
        variable.insert(0, '_');
    }
    variable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_quote_leaves_the_quotes_for_itself_only() {
        assert_eq!(quote("it's").unwrap(), r"'it'\''s'");
        assert_eq!(quote("").unwrap(), "''");
        assert_eq!(
            quote("$(reboot) `x` \\ \n").unwrap(),
            "'$(reboot) `x` \\ \n'"
        );
    }

    #[test]
    fn a_nul_is_refused() {
        assert_eq!(quote("a\0b"), Err(QuoteError::Nul("a\\0b".to_owned())));
    }

    #[test]
    fn names_are_those_every_shell_can_export() {
        for name in ["A", "_A1", "LABEL_SITE", "path"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [
            "", "1A", "A-B", "A B", "A=B", "Ä", "A;reboot", "PPID", "IFS", "OPTIND", "RW_RUN",
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_of_people_become_names_of_variables() {
        for (name, variable) in [
            ("site", "SITE"),
            ("failure-domain", "FAILURE_DOMAIN"),
            ("k8s.io/zone", "K8S_IO_ZONE"),
            ("2nd", "_2ND"),
            ("größe", "GR__E"),
        ] {
            assert_eq!(variable_name(name), variable);
            assert!(check_name(variable).is_ok());
        }
    }
}
