//! What vendors publish: a month that is read makes the same updates twice, each of which reads back from its document,
//! and every problem and finding is in a line that the text has.

use std::str;

use ringway_model::{Digest, Selector};
use ringway_policy::feeds::msrc::{Wishes, draft, list, read};
use ringway_policy::validated::Update;
use ringway_policy::{update_alone, write_update};

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let lines = text.matches('\n').count() + 1;
    let feed = match read(text) {
        Ok(feed) => feed,
        Err(wrong) => {
            assert!(
                (1..=lines).contains(&wrong.line),
                "{wrong} of {lines} lines"
            );
            assert!(!wrong.message.contains('\n'), "{wrong:?}");
            return;
        }
    };
    drop(list(&feed));
    let wanted = [Ok(Wishes::everything(&feed)), Wishes::of(&feed, &[], &[])];
    for wishes in wanted.into_iter().flatten() {
        let made = draft(&feed, &wishes);
        assert_eq!(made, draft(&feed, &wishes), "the same month twice");
        for finding in &made.findings {
            assert!(
                (1..=lines).contains(&finding.line),
                "{finding:?} of {lines} lines"
            );
            assert!(!finding.message.contains('\n'), "{finding:?}");
        }
        for drafted in &made.updates {
            let document = write_update(&drafted.update);
            let Some(back) = update_alone(&document) else {
                panic!("no document: {document}");
            };
            assert_eq!(plain(&back), plain(&drafted.update), "{document}");
        }
    }
}

/// Without what is not written: the digest, and where labels stand in the text of a selector.
fn plain(update: &Update) -> Update {
    let mut update = update.clone();
    update.digest = Digest::default();
    for release in &mut update.releases {
        release.select = Selector::parse(&release.select.to_string()).expect("it was printed");
    }
    update
}
