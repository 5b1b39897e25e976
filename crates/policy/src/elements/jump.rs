//! A host on the way to others.
//!
//! Decides how `user@host:port` is read, brackets around an IPv6 address included; it resolves no name.

use std::net::Ipv6Addr;

use super::host_keys;
use super::ssh::{KEY, keys, user};
use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::Jump;
use crate::yaml::{Node, Value};

/// The element.
pub(crate) static JUMP: Shape = Shape {
    what: "jump host",
    about: "A host on the way to others. What is absent is as for the host itself.",
    keys: &[
        must(
            "address",
            Is::Text,
            "bastion.example.com",
            "Where it is reached: from here, or from the hop before.",
        ),
        may("user", Is::Text, "The user to log in as."),
        may("port", Is::Count, "The port; 22 where absent."),
        KEY,
        may(
            "host_keys",
            host_keys::KIND,
            "How it proves that it is the one meant.",
        ),
    ],
    later: &[],
};

/// Reads the way: one hop, or several.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<Jump>> {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            let message = "the list is empty".to_owned();
            let hint = "name a host on the way, or leave `jump` out";
            cx.fail(Code::BadValue, node.place, message, hint)
        }
        Value::List(_) => scalar::list(cx, node, hop),
        Value::Scalar { .. } | Value::Map { .. } => Some(vec![hop(cx, node)?]),
    }
}

fn hop(cx: &Cx<'_>, node: &Node<'_>) -> Option<Jump> {
    if matches!(node.value, Value::Map { .. }) {
        let fields = Fields::open(cx, &JUMP, node)?;
        let address = fields.read("address", address);
        let port = fields.read("port", scalar::number(1, u32::from(u16::MAX)));
        let user = fields.read("user", user);
        let keys = fields.read("key", keys);
        let host_keys = fields.read("host_keys", host_keys::read);
        return Some(Jump {
            address: address?,
            user,
            port: port.and_then(|port| u16::try_from(port).ok()),
            keys: keys.unwrap_or_default(),
            host_keys,
        });
    }
    let text = scalar::value(cx, node)?;
    match parse(&text) {
        Ok(jump) => Some(jump),
        Err(hint) => {
            let message = format!("`{text}` is not a jump host");
            cx.fail(Code::BadValue, node.place, message, hint)
        }
    }
}

fn address(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let text = scalar::value(cx, node)?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(&text);
    if is_address(bare) {
        return Some(bare.to_owned());
    }
    let hint = if text.contains('@') || text.contains(':') {
        "write `user` and `port` beside `address`"
    } else {
        "a name or an address, without spaces"
    };
    let message = format!("`{text}` is not an address");
    cx.fail(Code::BadValue, node.place, message, hint)
}

/// A name, an IPv4 or an IPv6 address, as a text that no program takes for an option.
fn is_address(text: &str) -> bool {
    if text.contains(':') {
        let address = text.split_once('%').map_or(text, |(address, _)| address);
        return address.parse::<Ipv6Addr>().is_ok();
    }
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// `user@host:port`, of which only the host must be there. The hint where it is none.
pub(crate) fn parse(text: &str) -> Result<Jump, &'static str> {
    const HINT: &str = "write `host`, `user@host` or `user@host:port`; an IPv6 address with a port in brackets: `\"[::1]:22\"`";
    if text.contains(',') {
        return Err("several jump hosts are a list: `[first, second]`");
    }
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    let (address, port) = if let Some(rest) = rest.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(HINT)?;
        let port = match after {
            "" => None,
            after => Some(after.strip_prefix(':').ok_or(HINT)?),
        };
        (address, port)
    } else if rest.matches(':').count() == 1 {
        let (address, port) = rest.split_once(':').ok_or(HINT)?;
        (address, Some(port))
    } else {
        (rest, None)
    };
    let port = match port {
        Some(port) => Some(
            port.parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or("a port is a number from 1 to 65535")?,
        ),
        None => None,
    };
    let user_is_one = user.is_none_or(|user| {
        !user.is_empty() && !user.starts_with('-') && !user.contains(char::is_whitespace)
    });
    if !user_is_one || !is_address(address) {
        return Err(HINT);
    }
    Ok(Jump {
        address: address.to_owned(),
        user: user.map(str::to_owned),
        port,
        keys: Vec::new(),
        host_keys: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_is_user_host_and_port_of_which_only_the_host_must_be_there() {
        for (text, user, address, port) in [
            ("bastion", None, "bastion", None),
            ("ops@bastion", Some("ops"), "bastion", None),
            ("ops@bastion:2222", Some("ops"), "bastion", Some(2222)),
            ("10.0.0.1:22", None, "10.0.0.1", Some(22)),
            ("::1", None, "::1", None),
            ("[::1]", None, "::1", None),
            (
                "ops@[2001:db8::1]:2222",
                Some("ops"),
                "2001:db8::1",
                Some(2222),
            ),
            ("fe80::1%eth0", None, "fe80::1%eth0", None),
            ("me@corp@bastion", Some("me@corp"), "bastion", None),
        ] {
            let jump = parse(text).unwrap();
            let read = (jump.user.as_deref(), jump.address.as_str(), jump.port);
            assert_eq!(read, (user, address, port), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_jump_host_is_none() {
        for text in [
            "",
            "@bastion",
            "ops@",
            "bastion:",
            "bastion:0",
            "bastion:70000",
            "-oProxyCommand=x",
            "-l@bastion",
            "a b@bastion",
            "a,b",
            "[::1",
            "[::1]22",
            "1:2:3",
            "ssh://bastion",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
