//! A variable's value, with the types of Ansible: which texts are numbers, booleans or nothing.
//!
//! Decides types as YAML 1.1 does in YAML, and as JSON does in JSON; `literal` does it for INI.

use crate::yaml::Place;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// In decimal digits.
    Int(String),
    Float(f64),
    Text(String),
    /// Several values in one.
    Nested,
    /// Encrypted.
    Vault,
}

/// A variable's value and where it is given.
#[derive(Clone, Debug)]
pub(crate) struct Var {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

impl Value {
    /// As one text, where the value is one and not nothing.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Bool(true) => Some("true".to_owned()),
            Self::Bool(false) => Some("false".to_owned()),
            Self::Int(digits) => Some(digits.clone()),
            Self::Float(number) => Some(float_text(*number)),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::Nested | Self::Vault => None,
        }
    }

    /// Whether Ansible takes the value for a yes; nothing where it is neither.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.text()?.to_lowercase().as_str() {
            "yes" | "true" | "on" | "1" | "y" | "t" | "1.0" => Some(true),
            "no" | "false" | "off" | "0" | "n" | "f" | "0.0" => Some(false),
            _ => None,
        }
    }

    /// Whether something is to be filled in when a playbook runs.
    pub(crate) fn is_template(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains("{{") || text.contains("{%"))
    }
}

/// A number as Ansible prints it.
fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&power) {
        let plain = number.to_string();
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.unsigned_abs())
}

/// The value of a plain scalar in YAML 1.1.
pub(crate) fn yaml(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    yaml_integer(digits)
        .map(|number| Value::Int((if negative { -number } else { number }).to_string()))
        .or_else(|| yaml_float(digits).map(|n| Value::Float(if negative { -n } else { n })))
        .unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn yaml_integer(digits: &str) -> Option<i128> {
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let radix = |rest: &str, radix| {
        i128::from_str_radix(rest, radix)
            .ok()
            .filter(|_| !rest.starts_with(['-', '+']))
    };
    if let Some(rest) = plain.strip_prefix("0b") {
        return radix(rest, 2);
    }
    if let Some(rest) = plain.strip_prefix("0x") {
        return radix(rest, 16);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if plain.contains(':') {
        return sexagesimal(&plain).filter(|_| !plain.starts_with('0'));
    }
    match plain.strip_prefix('0') {
        Some("") => Some(0),
        Some(rest) => radix(rest, 8),
        None => radix(&plain, 10),
    }
}

/// `12:30:45`: each part but the first is below 60.
fn sexagesimal(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let mut number: i128 = decimal(parts.next()?)?;
    for part in parts {
        let digit = decimal(part).filter(|n| *n < 60 && part.len() <= 2)?;
        number = number.checked_mul(60)?.checked_add(digit)?;
    }
    Some(number)
}

fn decimal(text: &str) -> Option<i128> {
    let is_decimal = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_decimal.then(|| text.parse().ok())?
}

fn yaml_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        // The sign of an exponent must be written.
        Some((mantissa, exponent)) if exponent.starts_with(['-', '+']) => {
            decimal(&exponent[1..])?;
            (mantissa, exponent)
        }
        Some(_) => return None,
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let is_number = is_digits(whole)
        && is_digits(fraction)
        && (begins(whole) || whole.is_empty() && begins(fraction));
    let plain: String = format!("{whole}.{fraction}0e{exponent}")
        .chars()
        .filter(|c| *c != '_')
        .collect();
    is_number.then(|| plain.parse().ok())?
}

/// The value of a plain scalar in JSON.
pub(crate) fn json(text: &str) -> Value {
    match text {
        "" | "null" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i128>() {
        return Value::Int(number.to_string());
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Float(number),
        Ok(_) | Err(_) => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(number: i128) -> Value {
        Value::Int(number.to_string())
    }

    #[test]
    fn plain_scalars_have_the_types_of_yaml_1_1() {
        for (text, value) in [
            ("yes", Value::Bool(true)),
            ("Off", Value::Bool(false)),
            ("y", Value::Text("y".to_owned())),
            ("~", Value::Null),
            ("42", int(42)),
            ("-1_000", int(-1000)),
            ("0755", int(493)),
            ("0x1F", int(31)),
            ("0b101", int(5)),
            ("12:30:45", int(45045)),
            ("1.10", Value::Float(1.1)),
            ("1.", Value::Float(1.0)),
            (".5", Value::Float(0.5)),
            ("1.5e+3", Value::Float(1500.0)),
            ("1e3", Value::Text("1e3".to_owned())),
            ("1.5e3", Value::Text("1.5e3".to_owned())),
            ("089", Value::Text("089".to_owned())),
            ("10.0.0.1", Value::Text("10.0.0.1".to_owned())),
            ("2026-04-14", Value::Text("2026-04-14".to_owned())),
            ("-", Value::Text("-".to_owned())),
            (".", Value::Text(".".to_owned())),
            ("web-1", Value::Text("web-1".to_owned())),
        ] {
            assert_eq!(yaml(text), value, "{text}");
        }
    }

    #[test]
    fn numbers_are_printed_as_ansible_prints_them() {
        for (number, text) in [
            (1.1, "1.1"),
            (1500.0, "1500.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
        ] {
            assert_eq!(float_text(number), text);
        }
    }
}
