//! The probe of a first fleet, as it is asked for on the command line. Pure.

use super::yaml;

/// How hosts are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// A port that takes connections.
    Tcp(u16),
    /// A path that answers with 200.
    Http(u16, String),
}

/// How one is written.
pub(super) const WRITTEN: &str = "write tcp:PORT or http:PORT/PATH, for example http:8080/health";

impl Probe {
    /// As it was written: `tcp:22`, `http:8080/health`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let port = |text: &str| text.parse().ok().filter(|port: &u16| *port > 0);
        match kind {
            "tcp" => Some(Self::Tcp(port(rest)?)),
            "http" => {
                let (digits, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                // A request line is one line, and braces would be a label's place.
                let is_path = |c: char| c.is_ascii_graphic() && !matches!(c, '{' | '}' | '#');
                let path = if path.is_empty() { "/" } else { path };
                path.chars()
                    .all(is_path)
                    .then_some(Self::Http(port(digits)?, path.to_owned()))
            }
            _ => None,
        }
    }

    /// As a document has it. `label`: every host says its own port there.
    pub(super) fn written(&self, label: Option<&str>) -> String {
        match (self, label) {
            (Self::Tcp(_), Some(label)) => {
                format!("{{ tcp: {{ port: \"{{{label}}}\" }}, every: 30s }}")
            }
            (Self::Tcp(port), None) => format!("{{ tcp: {{ port: {port} }}, every: 30s }}"),
            (Self::Http(port, path), _) => format!(
                "{{ http: {{ port: {port}, path: {}, status: 200 }}, every: 30s }}",
                yaml::value(path)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_read_as_they_are_asked_for() {
        let http = |port, path: &str| Some(Probe::Http(port, path.to_owned()));
        for (text, probe) in [
            ("tcp:22", Some(Probe::Tcp(22))),
            ("http:8080/health?of=x", http(8080, "/health?of=x")),
            ("http:80", http(80, "/")),
            ("http:80/{host}", None),
            ("http:80/a b", None),
            ("tcp:0", None),
            ("tcp:70000", None),
            ("tcp", None),
            ("icmp:1", None),
            ("", None),
        ] {
            assert_eq!(Probe::parse(text), probe, "{text}");
        }
    }
}
