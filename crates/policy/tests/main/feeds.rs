//! A vendor's month, made by hand: what becomes of it, and what is said of what is odd in it.

use ringway_model::Selector;
use ringway_policy::feeds::msrc::{Draft, Wishes, draft, list, read};
use ringway_policy::validated::{Restart, Update};
use ringway_policy::{Source, update_alone, write_update};

const SMALL: &str = include_str!("../feeds/small.xml");

fn drafted(names: &[&str], maps: &[(&str, &str)]) -> Result<Draft, String> {
    let feed = read(SMALL).unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let maps: Vec<(String, Selector)> = maps
        .iter()
        .map(|(name, select)| ((*name).to_owned(), Selector::parse(select).unwrap()))
        .collect();
    let wishes = Wishes::of(&feed, &names, &maps);
    let wishes = wishes.map_err(|wrong| format!("{wrong}; {}", wrong.hint))?;
    Ok(draft(&feed, &wishes))
}

/// Id and selector of each release of the first update.
fn releases(draft: &Draft) -> Vec<(String, String)> {
    let update = draft.updates.first().map(|one| &one.update);
    let releases = update.into_iter().flat_map(|update| &update.releases);
    releases
        .map(|release| (release.id.clone(), release.select.to_string()))
        .collect()
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each case is read as one table"
)]
fn a_month_becomes_an_update_with_a_release_for_each_line_and_hotpatches_apart() {
    let draft = drafted(&[], &[]).unwrap();
    let names: Vec<&str> = draft
        .updates
        .iter()
        .map(|one| one.update.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["2031-05-security", "2031-05-security-ie-cumulative"]
    );
    let update = &draft.updates[0].update;
    let said: Vec<_> = update
        .releases
        .iter()
        .map(|release| {
            let vendor = &release.vendor;
            (
                release.select.to_string(),
                release.id.as_str(),
                release.build.as_deref().unwrap(),
                vendor.supersedes.join(" "),
                vendor.restart,
                vendor.hotpatch,
                update.mends(release).count(),
            )
        })
        .collect();
    let (always, never) = (Some(Restart::Always), Some(Restart::Never));
    let line = |select: &str, id, build, old: &str, restart, hotpatch, cves| {
        (
            select.to_owned(),
            id,
            build,
            old.to_owned(),
            restart,
            hotpatch,
            cves,
        )
    };
    assert_eq!(
        said,
        [
            line(
                "os = windows-2012r2",
                "KB9000012",
                "6.3.9600.9006",
                "KB9900012",
                always,
                false,
                1
            ),
            line(
                "os = windows-2019",
                "KB9000019",
                "10.0.17763.9001",
                "KB9900019",
                always,
                false,
                1
            ),
            line(
                "os = windows-2022 and hotpatch = yes",
                "KB9000122",
                "10.0.20348.8002",
                "KB9900122",
                never,
                true,
                1
            ),
            line(
                "os = windows-2022",
                "KB9000022",
                "10.0.20348.9002",
                "KB9900022",
                always,
                false,
                2
            ),
            line(
                "os = windows-2025",
                "KB9000025",
                "10.0.26100.9005",
                "KB9900025",
                None,
                false,
                1
            ),
        ]
    );
    assert_eq!(update.released.unwrap().to_string(), "2031-05-13T07:00:00Z");
    assert_eq!(update.severity.as_deref(), Some("critical"));
    let first = &update.cves[0];
    assert_eq!(
        (
            first.id.as_str(),
            first.severity.as_deref(),
            first.exploited,
            first.disclosed
        ),
        ("CVE-2031-0001", Some("critical"), true, false)
    );
    assert!(update.cves[1].disclosed && !update.cves[1].exploited);
    let issues: Vec<&str> = draft
        .issues
        .iter()
        .map(|issue| issue.release.as_str())
        .collect();
    assert_eq!(issues, ["KB9000022"]);
}

/// Whatever is odd is said with its line; nothing goes unsaid, and what contradicts itself is not made.
#[test]
fn what_is_odd_in_a_month_is_said_in_its_place() {
    let draft = drafted(&[], &[]).unwrap();
    let said: Vec<String> = draft
        .findings
        .iter()
        .map(|it| {
            let line = SMALL.lines().nth(it.line - 1).unwrap().trim();
            let out = if it.left_out { "left out: " } else { "" };
            format!("{out}{} @ {line}", it.message)
        })
        .collect();
    let vulnerability = |number| format!("<vuln:Vulnerability Ordinal=\"{number}\">");
    let fix = "<vuln:Remediation Type=\"Vendor Fix\">";
    let expected = [
        format!("CVE-2031-0001: its severity differs between products, critical and important: the worst counts @ {}", vulnerability(1)),
        format!("windows-2022: hotpatch KB9000122 does not mend CVE-2031-0002, which the standard release does @ {fix}"),
        format!("windows-23h2: no release mends CVE-2031-0003 @ {}", vulnerability(3)),
        format!("left out: windows-23h2: KB9000023 has the builds `10.0.25398.9003` and `10.0.25398.9004`, and is left out @ {fix}"),
        format!("CVE-2031-0004: the severity `Hopeless` is not known, and does not count @ {}", vulnerability(4)),
        "CVE-2031-0004: `Exploited:Perhaps` says nothing that is known @ <vuln:Threat Type=\"Exploit Status\">".to_owned(),
        format!("windows-2025: KB9000025 needs a restart: `Perhaps`, which says nothing that is known @ {fix}"),
        format!("windows-2025: KB9000025 takes the place of itself, which is passed over @ {fix}"),
        "CVE-2031-0004: a remediation of type `Prayer` is not known @ <vuln:Remediation Type=\"Prayer\">".to_owned(),
        format!("a vulnerability has no CVE and is left out: Without a number @ {}", vulnerability(7)),
        format!("windows-2019: no release mends CVE-2031-0007 @ {}", vulnerability(8)),
    ];
    assert_eq!(said, expected);
    let odd = Wishes::everything(&read(SMALL).unwrap());
    let all = ringway_policy::feeds::msrc::draft(&read(SMALL).unwrap(), &odd);
    let office = all
        .findings
        .iter()
        .filter(|it| it.message.contains("Contoso"));
    assert_eq!(office.count(), 2);
}

#[test]
fn products_are_named_as_people_name_them_and_what_is_not_there_is_said() {
    let only = |names: &[&str], maps: &[(&str, &str)]| drafted(names, maps).map(|it| releases(&it));
    let own = |id: &str, select: &str| (id.to_owned(), select.to_owned());
    let w2019 = own("KB9000019", "os = windows-2019");
    for names in [
        &["2019"][..],
        &["windows server 2019"],
        &["windows-2019"],
        &[" 2019 ,"],
    ] {
        assert_eq!(only(names, &[]), Ok(vec![w2019.clone()]), "{names:?}");
    }
    // A comma that is part of a name ends none.
    let names = ["Windows Server 2022, 23H2 Edition (Server Core installation),2019"];
    assert_eq!(only(&names, &[]), Ok(vec![w2019.clone()]));
    let mapped = only(&["2022"], &[("2022", "os = a | b or tier = x")]).unwrap();
    assert_eq!(
        mapped[0].1,
        "os = a | b and hotpatch = yes or tier = x and hotpatch = yes"
    );
    for (names, maps, why) in [
        (&["2018"][..], &[][..], "there is no product `2018`"),
        (
            &["Windows Server 2202"],
            &[],
            "did you mean `Windows Server 2022`?",
        ),
        (
            &["Contoso Office & Friends"],
            &[],
            "nothing says which hosts have",
        ),
        (&["2016"], &[], "`Windows Server 2016` is not in it"),
        (
            &[],
            &[("2019", "all"), ("windows-2019", "all")],
            "mapped twice",
        ),
        (
            &[],
            &[("Fabrikam", "all")],
            "there is no product `Fabrikam`",
        ),
    ] {
        let said = only(names, maps).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    let feed = read(SMALL).unwrap();
    let listed = list(&feed);
    assert_eq!(listed.len(), 9);
    let counts = |id: &str| {
        listed
            .iter()
            .find(|it| it.id == id)
            .map(|it| (it.updates, it.cves))
    };
    assert_eq!((counts("103"), counts("100")), (Some((2, 2)), Some((2, 2))));
}

/// Each change of one thing in the month, and what is said of it.
#[test]
fn a_month_that_contradicts_itself_makes_no_release_of_what_it_contradicts() {
    let id = "<vuln:Description>9000019</vuln:Description>";
    let newer = SMALL.replacen(id, "<vuln:Description>9000020</vuln:Description>", 1);
    let other = "<vuln:Supercedence>9900019</vuln:Supercedence>";
    // The vulnerability without a number carries the other fix of 2019; it gets a number, so that both count.
    let both = |text: &str| {
        text.replace(
            "<vuln:Title>Without a number</vuln:Title>",
            "<vuln:Title>Another</vuln:Title>\n<vuln:CVE>CVE-2031-0009</vuln:CVE>",
        )
    };
    let of_2019 = |text: &str| {
        let feed = read(text).unwrap();
        let wishes = Wishes::of(&feed, &["2019".to_owned()], &[]).unwrap();
        draft(&feed, &wishes)
    };
    let two = of_2019(&both(&newer));
    assert_eq!(releases(&two), []);
    let out: Vec<&str> = two
        .findings
        .iter()
        .filter(|it| it.left_out)
        .map(|it| it.message.as_str())
        .collect();
    assert_eq!(out.len(), 1, "{out:?}");
    assert!(
        out[0].contains("KB9000019 and KB9000020 are all its update of the month"),
        "{out:?}"
    );
    // One that takes the place of the other is the one.
    let follows = both(&newer).replacen(other, "<vuln:Supercedence>9000019</vuln:Supercedence>", 1);
    let one = of_2019(&follows);
    assert_eq!(
        releases(&one),
        [("KB9000020".to_owned(), "os = windows-2019".to_owned())]
    );
    assert_eq!(
        one.updates[0].update.cves.len(),
        2,
        "and it mends what the other does"
    );
    // Another for hosts without a desktop.
    let core = "        <vuln:ProductID>101</vuln:ProductID>\n        <vuln:ProductID>102</vuln:ProductID>\n        <vuln:AffectedFiles />";
    let apart = both(&newer)
        .replacen(core, "<vuln:ProductID>102</vuln:ProductID>\n", 1)
        .replacen(core, "<vuln:ProductID>101</vuln:ProductID>\n", 1);
    let apart = of_2019(&apart);
    let own = |id: &str, select: &str| (id.to_owned(), select.to_owned());
    assert_eq!(
        releases(&apart),
        [
            own("KB9000020", "os = windows-2019 and installation = core"),
            own("KB9000019", "os = windows-2019"),
        ]
    );
    let kinds = SMALL.replacen(
        "<vuln:SubType>Security Update</vuln:SubType>",
        "<vuln:SubType>Security Hotpatch Update</vuln:SubType>",
        1,
    );
    let kinds = of_2019(&both(&kinds));
    assert!(
        kinds
            .findings
            .iter()
            .any(|it| it.left_out && it.message.contains("is of the kinds"))
    );
    assert_eq!(releases(&kinds), []);
}

/// What is written is read back as what was made, by the reader of documents, with its recipe.
#[test]
fn what_is_made_of_a_month_is_a_valid_document() {
    let draft = drafted(&[], &[("Contoso Office & Friends", "has office")]).unwrap();
    let plain = |update: &Update| {
        let mut update = update.clone();
        update.digest = ringway_model::Digest::default();
        for release in &mut update.releases {
            // Where a label stands in a selector's text is no part of what it means.
            release.select = Selector::parse(&release.select.to_string()).unwrap();
        }
        update
    };
    for drafted in &draft.updates {
        let text = write_update(&drafted.update);
        let back = update_alone(&text).unwrap();
        assert_eq!(plain(&back), plain(&drafted.update), "{text}");
        let read = ringway_policy::read(&[Source::new("it.yaml", text)]);
        assert!(read.is_ok(), "{}", read.unwrap_err());
    }
}

#[test]
fn a_text_that_is_no_month_is_refused_at_its_line() {
    let cut: String = SMALL.split_inclusive('\n').take(60).collect();
    let deep = format!("<cvrfdoc>{}", "<a>".repeat(40));
    let doubled = SMALL.replace("</cvrf:cvrfdoc>", "</cvrf:cvrfdoc><a/>");
    let entity = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>\n<cvrfdoc>&b;</cvrfdoc>";
    for (text, line, why) in [
        ("", 1, "it is empty"),
        ("\n\n  ", 3, "it is empty"),
        ("<!DOCTYPE html>\n<html>", 1, "an HTML page"),
        ("\n<html lang=\"en\">", 2, "an HTML page"),
        ("{\"document\": {}}", 1, "it is JSON"),
        ("hello", 1, "does not begin with `<`"),
        ("<rss>\n</rss>", 1, "it begins with `rss`"),
        (
            "<?xml version=\"1.0\"?>\n<cvrfdoc/>",
            2,
            "it names no products",
        ),
        ("<cvrfdoc>\n<a></b>\n</cvrfdoc>", 2, "it is no XML"),
        (
            "<cvrfdoc>\n<a b=c/>\n</cvrfdoc>",
            2,
            "an attribute cannot be read",
        ),
        (
            "<cvrfdoc>\n<a>\n&nbsp;</a></cvrfdoc>",
            3,
            "`&nbsp;` stands for nothing",
        ),
        ("<!-- only -->", 1, "no element begins in it"),
        (entity, 1, "a document type declaration"),
        (&deep, 1, "nested more than 32 deep"),
        (&cut, 61, "it ends inside of"),
        (&doubled, SMALL.lines().count(), "something follows"),
    ] {
        let wrong = read(text).unwrap_err();
        let short: String = text.chars().take(60).collect();
        assert!(wrong.message.contains(why), "{short:?}: {wrong}");
        assert_eq!(wrong.line, line, "{short:?}: {wrong}");
    }
    // Plain entities and CDATA are text.
    let data = SMALL.replace(
        "Contoso Office &amp; Friends",
        "<![CDATA[Contoso Office & Friends]]>",
    );
    assert_eq!(read(&data), read(SMALL));
}
