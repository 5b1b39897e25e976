//! Variables about the connection to the connection itself.
//!
//! Decides which of Ansible's variables mean what here; one that cannot be followed is a problem that names its host.

use super::arguments;
use super::data::Vars;
use super::value::{Value, Var};
use crate::elements::ssh;
use crate::validated::{Become, Connection, HostKeys, Ssh};
use crate::yaml::Place;

/// The label that holds a host's own port; hosts that differ only in it share one connection.
pub(super) const PORT: &str = "ansible_port";

/// Something about a host's connection that cannot be followed. The place is that of the variable.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) hint: &'static str,
}

const WRITE: &str = "write an entry of `connect` for it: what is written wins over the inventory";

/// How a host is reached, and its port where it has one of its own.
pub(super) struct Reached {
    pub(super) with: Connection,
    pub(super) port: Option<String>,
}

/// Whether anything is said of how a host is reached, beyond where.
pub(super) fn says(vars: &Vars) -> bool {
    vars.iter().any(|(name, var)| {
        name.starts_with("ansible_")
            && !matches!(
                name.as_str(),
                "ansible_host" | "ansible_ssh_host" | "ansible_group_priority"
            )
            && var.value != Value::Null
    })
}

/// The address a host is given, and where.
pub(super) fn address(vars: &Vars) -> Result<Option<(String, Place)>, Wrong> {
    const HINT: &str =
        "write the host in `hosts`, with its `address`: what is written wins over the inventory";
    // The name that is about SSH alone wins, as it does in Ansible.
    let Some((name, var)) = last(vars, &["ansible_host", "ansible_ssh_host"]) else {
        return Ok(None);
    };
    let address = text(name, var).map_err(|wrong| Wrong {
        hint: HINT,
        ..wrong
    })?;
    let is_address =
        !address.is_empty() && !address.starts_with('-') && !address.contains(char::is_whitespace);
    if is_address {
        return Ok(Some((address, var.place)));
    }
    Err(Wrong {
        place: var.place,
        message: format!("`{name}` is not an address"),
        hint: HINT,
    })
}

/// How a host is reached.
pub(super) fn connection(vars: &Vars) -> Result<Reached, Wrong> {
    let how = vars.get("ansible_connection");
    if let Some(var) = how {
        let how = text("ansible_connection", var)?;
        match how.trim_start_matches("ansible.builtin.") {
            "local" => {
                let with = Connection::Local;
                return Ok(Reached { with, port: None });
            }
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" => {}
            other => {
                let message = format!("`ansible_connection: {other}` is not supported yet");
                return Err(Wrong {
                    place: var.place,
                    message,
                    hint: WRITE,
                });
            }
        }
    }
    let mut ssh = login(vars)?;
    ssh.r#become = r#become(vars)?;
    ssh.root = ssh::default_root(ssh.r#become.is_some());
    let port = port(vars)?;
    if port.is_some() {
        ssh.port = Some(format!("{{{PORT}}}"));
    }
    Ok(Reached {
        with: Connection::Ssh(Box::new(ssh)),
        port,
    })
}

/// Who logs in with what, along which way.
fn login(vars: &Vars) -> Result<Ssh, Wrong> {
    let mut ssh = ssh::defaults();
    if let Some((name, var)) = last(vars, &["ansible_user", "ansible_ssh_user"]) {
        let user = text(name, var)?;
        if user.is_empty()
            || user.starts_with('-')
            || user.contains(char::is_whitespace)
            || user.contains(['{', '}'])
        {
            let message = format!("`{name}` cannot be a user");
            return Err(Wrong {
                place: var.place,
                message,
                hint: WRITE,
            });
        }
        ssh.user = Some(user);
    }
    let keys = ["ansible_private_key_file", "ansible_ssh_private_key_file"];
    if let Some((name, var)) = last(vars, &keys) {
        ssh.keys = vec![text(name, var)?];
        ssh.agent = false;
    }
    for name in [
        "ansible_ssh_args",
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
    ] {
        let Some(var) = vars.get(name) else { continue };
        arguments::apply(&text(name, var)?, &mut ssh).map_err(|why| Wrong {
            place: var.place,
            message: format!("`{name}`: {why}"),
            hint: WRITE,
        })?;
    }
    for name in ["ansible_host_key_checking", "ansible_ssh_host_key_checking"] {
        if let Some(var) = vars.get(name)
            && var.value.truth() == Some(false)
            && !matches!(ssh.host_keys, HostKeys::AcceptNew(_))
        {
            let message = format!("`{name}: false` would accept any host");
            let hint = "add `-o StrictHostKeyChecking=accept-new` to `ansible_ssh_common_args`, or an entry of `connect`";
            return Err(Wrong {
                place: var.place,
                message,
                hint,
            });
        }
    }
    Ok(ssh)
}

fn port(vars: &Vars) -> Result<Option<String>, Wrong> {
    let Some((name, var)) = last(vars, &["ansible_port", "ansible_ssh_port"]) else {
        return Ok(None);
    };
    let port = text(name, var)?;
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(Some(port));
    }
    let message = format!("`{name}` is not a port");
    Err(Wrong {
        place: var.place,
        message,
        hint: "a number from 1 to 65535",
    })
}

fn r#become(vars: &Vars) -> Result<Option<Become>, Wrong> {
    let Some(var) = vars.get("ansible_become") else {
        return Ok(None);
    };
    if var.value.is_template() || var.value == Value::Vault {
        text("ansible_become", var)?;
    }
    if var.value.truth() != Some(true) {
        return Ok(None);
    }
    if let Some(var) = vars.get("ansible_become_method") {
        let method = text("ansible_become_method", var)?;
        if method.trim_start_matches("ansible.builtin.") != "sudo" {
            let message = format!("`ansible_become_method: {method}` is not supported yet");
            return Err(Wrong {
                place: var.place,
                message,
                hint: WRITE,
            });
        }
    }
    let user = match vars.get("ansible_become_user") {
        Some(var) => {
            let user = text("ansible_become_user", var)?;
            if user.is_empty() || user.starts_with('-') || user.contains(char::is_whitespace) {
                let message = "`ansible_become_user` cannot be a user".to_owned();
                return Err(Wrong {
                    place: var.place,
                    message,
                    hint: WRITE,
                });
            }
            user
        }
        None => "root".to_owned(),
    };
    let password = None;
    Ok(Some(Become { user, password }))
}

/// Of several names for the same, the last that is there.
fn last<'v>(vars: &'v Vars, names: &[&'static str]) -> Option<(&'static str, &'v Var)> {
    names
        .iter()
        .rev()
        .find_map(|name| Some((*name, vars.get(*name)?)))
        .filter(|(_, var)| var.value != Value::Null)
}

/// The text of a variable that must have one.
fn text(name: &str, var: &Var) -> Result<String, Wrong> {
    let place = var.place;
    if var.value.is_template() {
        let message = format!("`{name}` is a template, which only a playbook fills in");
        return Err(Wrong {
            place,
            message,
            hint: WRITE,
        });
    }
    let message = if var.value == Value::Vault {
        format!("`{name}` is encrypted")
    } else {
        match var.value.text() {
            Some(text) if !text.chars().any(char::is_control) => return Ok(text),
            Some(_) | None => format!("`{name}` is not one value"),
        }
    };
    Err(Wrong {
        place,
        message,
        hint: WRITE,
    })
}
