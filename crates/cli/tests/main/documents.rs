//! `check`, `plan`, `schema` and usage: nothing is written, and what is wrong is said with the right code.

use crate::place::Place;

#[test]
fn what_is_asked_wrongly_is_invalid_input() {
    let place = Place::new();
    for arguments in [
        "",
        "frobnicate",
        "run --resume --policy p",
        "approve --digest zz",
        "why --rollout x",
        "schema",
    ] {
        place.expect(arguments, 2);
    }
    let said = place.expect("run --resume common.yaml", 2).err;
    assert!(said.contains("leave the documents out"), "{said}");
    assert!(!place.path(".ringway").exists());
}

#[test]
fn work_on_nobody_is_noted() {
    let place = Place::new();
    place.write(
        "work.yaml",
        "ringway: maintenance/v1\nname: power\nwork:\n  - { name: ups, hosts: role = nowhere, from: 2020-01-01T00:00:00Z, until: 2099-01-01T00:00:00Z, owner: us, reason: CHG-1 }\n  - { name: fan, hosts: role = x, from: 2020-01-01T00:00:00Z, until: 2099-01-01T00:00:00Z, owner: us, reason: CHG-2 }\n",
    );
    let said = place.expect("check", 0).err;
    assert_eq!(
        said,
        "note: work `ups` of maintenance `power` is on no host of fleet `f`\n"
    );
}

#[test]
fn help_lists_every_exit_code() {
    let place = Place::new();
    let said = place.expect("--help", 0);
    for code in [
        "0  done",
        "1  the",
        "2  invalid",
        "3  the",
        "4  the",
        "5  the",
        "6  another",
        "7  the",
        "124  `wait --timeout`",
        "130  ",
    ] {
        assert!(said.out.contains(code), "{code}: {}", said.out);
    }
    assert!(place.expect("--version", 0).out.starts_with("ringway "));
}

#[test]
fn valid_documents_are_counted_and_nothing_is_written() {
    let place = Place::new();
    let said = place.expect("check", 0);
    assert_eq!(
        said.out,
        "2 files are valid: 3 hosts; policies: p; updates: u\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("check --output json", 0).out).unwrap();
    assert_eq!(json["hosts"], 3);
    assert!(!place.path(".ringway").exists());
}

/// A person reads problems on standard error; a program reads them on standard output.
#[test]
fn broken_documents_are_reported_all_at_once_and_nothing_runs() {
    let place = Place::new();
    place.write(
        "policy.yaml",
        "ringway: policy/v1\nname: p\nrings:\n  - { name: a, hosts: { select: roel = x } }\n",
    );
    for command in ["check", "plan", "run"] {
        let said = place.expect(command, 2);
        assert!(said.out.is_empty(), "{}", said.out);
        assert!(
            said.err.contains("error: ") && said.err.contains("applies_to"),
            "{}",
            said.err
        );
    }
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("check --output json", 2).out).unwrap();
    assert!(json["problems"].as_array().unwrap().len() >= 2);
    assert!(!place.path(".ringway").exists());
}

#[test]
fn files_that_cannot_be_read_are_invalid_input() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    for (arguments, words) in [
        ("check missing.yaml", "`missing.yaml` cannot be read"),
        ("check empty", "`empty` has no documents"),
        ("run --update x", "there is no update `x`"),
        ("plan policy.yaml", "there is no fleet"),
    ] {
        let said = place.expect(arguments, 2);
        assert!(said.err.contains(words), "{arguments}: {}", said.err);
    }
}

#[test]
fn a_plan_is_shown_for_people_and_for_programs() {
    let place = Place::new();
    let text = place.expect("plan", 0).out;
    assert!(text.contains("Ring 1 of 2: first (1 host)"), "{text}");
    let json = place.expect("plan --output json", 0).out;
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    assert_eq!(
        place.expect("plan --output ndjson", 0).out.lines().count(),
        1
    );
    assert!(!place.path(".ringway").exists());
}

#[test]
fn every_kind_of_document_has_a_schema() {
    let place = Place::new();
    for kind in [
        "fleet", "policy", "update", "recipe", "care", "people", "advisory",
    ] {
        let schema: serde_json::Value =
            serde_json::from_str(&place.expect(&format!("schema {kind}"), 0).out).unwrap();
        assert!(schema.is_object());
    }
    assert!(
        place
            .expect("schema advice", 2)
            .err
            .contains("there are: fleet")
    );
}

/// A completion that its shell cannot read breaks the shell of whoever installs it.
#[test]
fn completions_are_what_their_shell_reads() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.expect(&format!("completions {shell}"), 0).out;
        assert!(script.contains("RINGWAY_COMPLETE"), "{shell}: {script}");
        place.write("completion", &script);
        // Elvish and PowerShell have no way to only read a script.
        if matches!(shell, "bash" | "zsh" | "fish")
            && let Ok(status) = std::process::Command::new(shell)
                .args(["-n", "completion"])
                .current_dir(place.path(""))
                .status()
        {
            assert!(status.success(), "{shell}");
        }
    }
    assert!(place.expect("completions tcsh", 2).err.contains("bash"));
}

/// Names come from the journal and from the documents; where neither is there, the commands are still offered.
#[test]
fn a_line_goes_on_with_what_there_is() {
    let place = Place::new();
    let words = |line: &str| place.completed(line);
    assert!(words("ro").contains(&"rollback".to_owned()));
    assert!(!words("").contains(&"demo-server".to_owned()));
    assert!(words("run --no").contains(&"--no-wait".to_owned()));
    assert_eq!(words("why fi"), ["first"]);
    assert_eq!(words("plan --policy "), ["p"]);
    assert_eq!(words("hosts --host "), ["a", "b", "c"]);
    assert_eq!(words("why --rollout "), [""; 0]);
    assert!(!place.path(".ringway").exists(), "a key wrote something");
    place.write("fail-a", "");
    place.write("complaint-a", "no\n");
    place.ringway("run --no-wait");
    assert_eq!(words("why --rollout "), ["r1"]);
    assert_eq!(
        words("wait --until promoted:"),
        ["promoted:first", "promoted:second"]
    );
    assert_eq!(words("approve --ring s"), ["second"]);
    place.write(
        "EXC-1.yaml",
        "ringway: exception/v1\nid: EXC-1\nhosts: name = a\nupdates: [other]\nuntil: 2099-01-01T00:00:00Z\nowner: radiology\nreason: certified quarterly\napproved_by: [ciso]\n",
    );
    place.expect("exception add EXC-1.yaml --now", 0);
    assert_eq!(words("exception end E"), ["EXC-1"]);
    assert_eq!(words("poison R"), ["R2"]);
    place.expect("cancel", 0);
    assert_eq!(words("pause --rollout "), [""; 0]);
    for line in [
        "report rollout r",
        "exposure r",
        "poison --rollout ",
        "supersede r",
    ] {
        assert_eq!(words(line), ["r1"], "{line}");
    }
    // Documents that are broken, and a directory that has none, are no reason to say anything.
    place.write("policy.yaml", "ringway: policy/v1\n");
    assert_eq!(words("hold b"), ["b"]);
    assert_eq!(words("plan --policy "), [""; 0]);
    assert_eq!(words("why --data elsewhere --rollout "), [""; 0]);
    assert!(!place.path("elsewhere").exists());
}

/// Of a large fleet the names that are wanted are found, however many come before them.
#[test]
fn what_was_typed_is_looked_for_among_all_names() {
    let place = Place::new();
    let hosts: Vec<String> = (0..2100)
        .map(|number| format!("  - {{ name: h{number:04} }}\n"))
        .collect();
    let hosts = hosts.concat();
    place.write(
        "large/fleet.yaml",
        &format!(
            "ringway: fleet/v1\nname: l\nconnect: [{{ select: all, local: {{}} }}]\nhosts:\n{hosts}"
        ),
    );
    std::fs::rename(place.path("large/fleet.yaml"), place.path("common.yaml")).unwrap();
    place.remove("policy.yaml");
    assert_eq!(place.completed("hosts --host h209").len(), 10);
    assert_eq!(place.completed("hosts --host h").len(), 2000);
}

/// Bash takes a word apart at `:` and puts what is offered in place of what stands behind it.
#[test]
fn bash_goes_on_behind_a_colon() {
    let place = Place::new();
    let script = place.expect("completions bash", 0).out;
    let line = |typed: &str, last: &str, words: &str| {
        format!(
            "COMP_LINE='{typed}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             COMPREPLY=(); _ringway ringway '{last}' before; echo \"${{COMPREPLY[*]}}\"\n"
        )
    };
    let said = format!(
        "{script}\n{}{}{}",
        line(
            "ringway wait --until promoted:se",
            "se",
            "ringway wait --until promoted : se"
        ),
        line(
            "ringway wait --until promoted:",
            "",
            "ringway wait --until promoted :"
        ),
        line("ringway why fi", "fi", "ringway why fi"),
    );
    place.write("script", &said);
    let path = std::path::Path::new(env!("CARGO_BIN_EXE_ringway"));
    let path = format!(
        "{}:{}",
        path.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = std::process::Command::new("bash")
        .arg("script")
        .current_dir(place.path(""))
        .env("PATH", path)
        .env_remove("RINGWAY_DATA")
        .output();
    let Ok(output) = output else {
        assert!(std::env::var("CI").unwrap_or_default().is_empty());
        eprintln!("not run: there is no `bash`");
        return;
    };
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "second\nfirst second\nfirst\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    place.expect("man pages/man1", 0);
    for (name, words) in [
        ("ringway", "Exit codes"),
        ("ringway-run", "no\\-wait"),
        ("ringway-maintenance-add", "until"),
        ("ringway-hosts", "origins"),
    ] {
        let page = std::fs::read_to_string(place.path(&format!("pages/man1/{name}.1"))).unwrap();
        assert!(
            page.contains(words) && page.contains(".TH"),
            "{name}: {page}"
        );
    }
    assert!(!place.path("pages/man1/ringway-demo-server.1").exists());
    let page = std::fs::read_to_string(place.path("pages/man1/ringway.1")).unwrap();
    for words in ["RINGWAY_DATA", "RINGWAY_CLOCK", "A rehearsal"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // Every page that one names is there.
    for entry in std::fs::read_dir(place.path("pages/man1")).unwrap() {
        let page = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let named = page.lines().filter(|line| line.starts_with("ringway\\-"));
        for name in named.filter_map(|line| line.strip_suffix("(1)")) {
            let file = format!("pages/man1/{}.1", name.replace("\\-", "-"));
            assert!(place.path(&file).exists(), "{name}");
        }
    }
    let said = place.expect("man common.yaml/x", 1);
    assert!(said.err.contains("cannot be written"), "{}", said.err);
}
