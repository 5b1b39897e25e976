//! The names that a host's pattern stands for: `web[01:50:2].example.com:2222`.

/// More names than this from one pattern are a slip of the finger.
const MAX_NAMES: usize = 2_000_000;

/// The names, and the port where one is written. The words say what is wrong.
pub(crate) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u16>), String> {
    let (pattern, port) = port(pattern);
    if pattern.ends_with(':') {
        return Err("a name cannot end with `:`; a port follows it".to_owned());
    }
    let mut names = Vec::new();
    ranges(pattern, &mut names)?;
    Ok((names, port))
}

/// Takes the port off a pattern. An address of IPv6 has one only in brackets.
fn port(pattern: &str) -> (&str, Option<u16>) {
    let Some((name, port)) = pattern.rsplit_once(':') else {
        return (pattern, None);
    };
    let Ok(port) = port.parse::<u16>() else {
        return (pattern, None);
    };
    // Colons inside brackets are those of a range.
    let mut depth = 0_usize;
    let mut has_colon = false;
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => has_colon = true,
            _ => {}
        }
    }
    if depth > 0 {
        return (pattern, None);
    }
    let inner = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    match inner {
        Some(inner) => (inner, Some(port)),
        None if has_colon => (pattern, None),
        None => (name, Some(port)),
    }
}

fn ranges(pattern: &str, names: &mut Vec<String>) -> Result<(), String> {
    let Some((head, rest)) = pattern.split_once('[') else {
        if names.len() >= MAX_NAMES {
            return Err(format!("a pattern stands for more than {MAX_NAMES} names"));
        }
        names.push(pattern.to_owned());
        return Ok(());
    };
    let (range, tail) = rest
        .split_once(']')
        .ok_or_else(|| "a range is never closed with `]`".to_owned())?;
    for part in one(range)? {
        ranges(&format!("{head}{part}{tail}"), names)?;
    }
    Ok(())
}

/// The texts of one range.
fn one(range: &str) -> Result<Vec<String>, String> {
    let bounds: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, "1"),
        [begin, end, step] => (*begin, *end, *step),
        _ => {
            return Err(format!(
                "`[{range}]` is not `[begin:end]` or `[begin:end:step]`"
            ));
        }
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    let bad = || format!("`[{range}]` is not a range of numbers or letters");
    let step: usize = step.parse().ok().filter(|step| *step > 0).ok_or_else(bad)?;
    if end.is_empty() {
        return Err(format!("`[{range}]` does not say where it ends"));
    }
    if let (Some(from), Some(to)) = (letter(begin), letter(end)) {
        if from > to {
            return Err(format!("`[{range}]` ends before it begins"));
        }
        return Ok(LETTERS[from..=to]
            .chars()
            .step_by(step)
            .map(String::from)
            .collect());
    }
    let width = if begin.starts_with('0') && begin.len() > 1 {
        if begin.len() != end.len() {
            return Err(format!("both ends of `[{range}]` need as many digits"));
        }
        begin.len()
    } else {
        0
    };
    let from: u64 = begin.parse().map_err(|_| bad())?;
    let to: u64 = end.parse().map_err(|_| bad())?;
    if to.saturating_sub(from) / step as u64 > MAX_NAMES as u64 {
        return Err(format!(
            "`[{range}]` stands for more than {MAX_NAMES} names"
        ));
    }
    Ok((from..=to)
        .step_by(step)
        .map(|number| format!("{number:0width$}"))
        .collect())
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(text: &str) -> Option<usize> {
    (text.len() == 1).then(|| LETTERS.find(text))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_its_names() {
        for (pattern, names, port) in [
            ("web-1", &["web-1"][..], None),
            ("web-1:2222", &["web-1"], Some(2222)),
            ("web[01:05:2]", &["web01", "web03", "web05"], None),
            ("web[1:2].x:22", &["web1.x", "web2.x"], Some(22)),
            ("[a:c]", &["a", "b", "c"], None),
            ("r[1:2]-[x:y]", &["r1-x", "r1-y", "r2-x", "r2-y"], None),
            ("db[:1]", &["db0", "db1"], None),
            ("2001:db8::1", &["2001:db8::1"], None),
            ("[2001:db8::1]:22", &["2001:db8::1"], Some(22)),
            ("web[9:11]", &["web9", "web10", "web11"], None),
        ] {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(expand(pattern), Ok((names, port)), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_a_pattern_says_why() {
        for pattern in [
            "web:",
            "web[1]",
            "web[1:]",
            "web[01:9]",
            "web[1:2",
            "[c:a]",
            "web[1:2:0]",
            "web[1:99999999]",
        ] {
            assert!(expand(pattern).is_err(), "{pattern}");
        }
    }
}
