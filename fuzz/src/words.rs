//! Words that inputs are made of: what is read is a language, and nobody guesses its words byte by byte.
//!
//! Keys and words of documents come from their schemas, so that a new one is fuzzed as soon as it is there.

use std::collections::BTreeSet;

use ringway_policy::{KINDS, schema};
use serde_json::Value;

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Keys of a schema with a colon, and words that a value may be.
fn collect(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                if let ("properties", Value::Object(keys)) = (key.as_str(), value) {
                    words.extend(keys.keys().map(|key| format!("{key}: ")));
                }
                if let ("enum", Value::Array(values)) = (key.as_str(), value) {
                    words.extend(
                        values
                            .iter()
                            .filter_map(|it| it.as_str().map(str::to_owned)),
                    );
                }
                if let ("const", Value::String(word)) = (key.as_str(), value) {
                    words.insert(word.clone());
                }
                collect(value, words);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(crate) fn documents() -> Vec<String> {
    let mut words = BTreeSet::new();
    for kind in KINDS {
        words.insert(format!("ringway: {}/v1\n", kind.word()));
        collect(&schema(kind), &mut words);
    }
    words.extend(owned(&[
        "\n---\n",
        "\n  ",
        "\n  - { ",
        " }\n",
        "[",
        "]",
        "{ ",
        " }",
        ": ",
        "- ",
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "|\n",
        ">\n",
        "%%% files/it.ics\n",
    ]));
    words.extend(elements());
    words.into_iter().collect()
}

pub(crate) fn elements() -> Vec<String> {
    owned(&[
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
        "daily",
        "monday",
        "first ",
        "second ",
        "third ",
        "fourth ",
        "fifth ",
        "last ",
        " + 4d",
        " - 1d",
        " | ",
        "-",
        ", ",
        "22:00",
        "00:00",
        "24:00",
        "23:59:59",
        "02:30",
        "*/5 ",
        "* * * * *",
        "jan",
        "dec",
        "1-5",
        "@daily",
        "@reboot",
        "1h",
        "30m",
        "5s",
        "250ms",
        "2d",
        "Europe/Berlin",
        "UTC",
        "America/New_York",
        "2026-03-29",
        "T02:30",
        "Z",
        "+01:00",
        " and ",
        " or ",
        "not ",
        "has ",
        " = ",
        " != ",
        " startswith ",
        " in ",
        "all",
        "(",
        "'",
        "\"",
        "50%",
        "0.5%",
        "ops@",
        "[::1]",
        ":22",
        "SHA256:",
        "ssh-ed25519 ",
        "{host}",
        "{role}",
        "\u{feff}",
        "\u{202e}",
    ])
}

pub(crate) fn inventories() -> Vec<String> {
    owned(&[
        "hosts.ini\n",
        "hosts.yml\n",
        "hosts.json\n",
        "hosts\n",
        "hosts.csv\nname,address,zone,window,role\n",
        "\"\"",
        "\r\n",
        "{\"ringway\": \"inventory/v1\", \"hosts\": [",
        "{\"name\": \"a\", \"labels\": {",
        "\"address\": ",
        "\"window\": ",
        "[web]\n",
        "[web:children]\n",
        "[web:vars]\n",
        "[all:vars]\n",
        "ungrouped",
        "all:\n",
        "  hosts:\n",
        "  children:\n",
        "  vars:\n",
        "ansible_host=",
        "ansible_port=",
        "ansible_user=",
        "ansible_password=",
        "ansible_become=yes",
        "ansible_connection=local",
        "ansible_ssh_common_args='-o ProxyJump=bastion'",
        "ansible_ssh_private_key_file=",
        "ansible_ssh_extra_args=",
        "-J ",
        "-o ",
        "web[01:20]",
        "web[a:f]",
        "[1:10:2]",
        "{{ x }}",
        "!vault |\n",
        "$ANSIBLE_VAULT;1.1;AES256\n",
        "!unsafe ",
        "\"_meta\": {\"hostvars\": {",
        "\"hosts\": [",
        "\"children\": [",
        "\"vars\": {",
        "True",
        "None",
        "0x1F",
        "1_000",
        "1e3",
        "('a', 'b')",
        "{'a': 1}",
        "\\'",
        " # ",
        "%%% group_vars/all.yml\n",
        "%%% host_vars/web-1.yml\n",
        "&a ",
        "*a",
        "<<: *a",
        "|\n",
        ">-\n",
    ])
}

pub(crate) fn icalendar() -> Vec<String> {
    let mut words = owned(&[
        "FREQ=",
        "YEARLY",
        "MONTHLY",
        "WEEKLY",
        "DAILY",
        "HOURLY",
        "COUNT=",
        "UNTIL=",
        "INTERVAL=",
        "BYDAY=",
        "BYMONTH=",
        "BYMONTHDAY=",
        "BYSETPOS=",
        "BYYEARDAY=",
        "BYWEEKNO=",
        "BYHOUR=",
        "WKST=",
        "-1SU",
        "MO,TU",
        ";TZID=",
        "Europe/Berlin",
        ";VALUE=DATE",
        ";VALUE=DATE-TIME",
        ";VALUE=PERIOD",
        "PT1H",
        "P1D",
        "P1W",
        "-PT5M",
        "20260329T023000",
        "20260329",
        "T000000Z",
        "99991231",
        "\\n",
        "\\,",
        ";RANGE=THISANDFUTURE",
    ]);
    for name in [
        "VCALENDAR",
        "VEVENT",
        "VTIMEZONE",
        "VALARM",
        "VTODO",
        "STANDARD",
    ] {
        words.extend([
            format!("\r\nBEGIN:{name}\r\n"),
            format!("\r\nEND:{name}\r\n"),
        ]);
    }
    for name in [
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE",
        "RDATE",
        "EXDATE",
        "RECURRENCE-ID",
        "UID",
        "SUMMARY",
        "STATUS:CANCELLED",
        "TRANSP:TRANSPARENT",
        "SEQUENCE",
        "TZID",
        "X-WR-TIMEZONE",
    ] {
        words.push(format!("\r\n{name}"));
    }
    words.push("\r\n ".to_owned());
    words
}

pub(crate) fn known_hosts() -> Vec<String> {
    owned(&[
        "@revoked ",
        "@cert-authority ",
        "ssh-ed25519 ",
        "ssh-rsa ",
        "ecdsa-sha2-nistp256 ",
        "sk-ssh-ed25519@openssh.com ",
        "|1|",
        "[web-1]:22",
        ",!",
        "*",
        "?",
        "AAAAC3NzaC1lZDI1NTE5AAAAI",
        "AAAAB3NzaC1yc2E",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\n",
        "Proc-Type: 4,ENCRYPTED\n",
        "DEK-Info: AES-128-CBC,",
        "b3BlbnNzaC1rZXktdjEAAAAA",
        "bcrypt",
        "aes256-ctr",
    ])
}

pub(crate) fn answers() -> Vec<String> {
    owned(&[
        "ringway: ",
        "accepted\n",
        "exists\n",
        "begun\n",
        "never\n",
        "busy ",
        "fenced ",
        "foreign ",
        "foreign-fleet ",
        "tidied ",
        "cannot ",
        "ended ",
        "late ",
        "interrupted ",
        " 0 0 4\n",
        "-1",
        "18446744073709551615",
        "\r\n",
        "%c3",
    ])
}

pub(crate) fn examinations() -> Vec<String> {
    owned(&[
        "user ",
        "shell ",
        "version ",
        "missing ",
        "kilobytes ",
        "inodes ",
        "now ",
        "patcher ",
        "owner ",
        "corp 7",
        "Permission denied (",
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "REVOKED HOST KEY",
        "Host key verification failed",
        "Offending ",
        " key in ",
        "open failed: ",
        "stdio forwarding failed",
        "no matching host key type",
        "Too many authentication failures",
        "invalid format",
        "\n\n",
        "18446744073709551615",
    ])
}

pub(crate) fn messages() -> Vec<String> {
    owned(&[
        "\"ping\"",
        "\"view\"",
        "\"follow\"",
        "{\"command\":",
        "{\"propose\":",
        "{\"host\":{\"name\":",
        "{\"hosts\":{\"rollout\":",
        "{\"ring\":",
        "\"accepted\":",
        "\"rejected\":",
        "\"waiting\":",
        "\"pong\":",
        "\"fleet\":",
        "\"plan\":",
        "\"documents\":[[",
        "\"key\":",
        "null",
        "true",
        "1e999",
        "-1",
        "\"rollout\":",
        "\"reason\":",
        "\"actor\":",
        "\"answer\":",
        "\\u0000",
        "\\ud800",
    ])
}

pub(crate) fn feeds() -> Vec<String> {
    let mut words = owned(&[
        "<!-- ",
        " -->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE ",
        "<?xml version=\"1.0\"?>",
        "&amp;",
        "&#x7;",
        "&#10;",
        "</cvrf:cvrfdoc>",
        " ProductID=\"",
        " Type=\"Vendor Fix\"",
        " Type=\"Known Issue\"",
        " Type=\"Workaround\"",
        " Type=\"Severity\"",
        " Type=\"Exploit Status\"",
        " Type=\"Known Affected\"",
        "Publicly Disclosed:Yes;Exploited:Yes",
        "Security Update",
        "Security Hotpatch Update",
        "Monthly Rollup",
        "IE Cumulative",
        "Windows Server 2019",
        "Windows Server 2022, 23H2 Edition",
        " (Server Core installation)",
        "9000019",
        "Critical",
        "Maybe",
        "2031-05-13T07:00:00",
    ]);
    for name in [
        "Branch",
        "CVE",
        "Date",
        "Description",
        "FixedBuild",
        "FullProductName",
        "ID",
        "ProductID",
        "ProductStatuses",
        "ProductTree",
        "Remediation",
        "Remediations",
        "RestartRequired",
        "Revision",
        "RevisionHistory",
        "Status",
        "SubType",
        "Supercedence",
        "Threat",
        "Threats",
        "URL",
        "Vulnerability",
    ] {
        words.extend([
            format!("<{name}>"),
            format!("</{name}>"),
            format!("<{name}/>"),
        ]);
    }
    words
}
