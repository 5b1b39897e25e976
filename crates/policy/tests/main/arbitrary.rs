//! Whatever bytes come: an answer, never a panic, and the same answer twice.

use proptest::prelude::*;
use ringway_policy::{Attachment, Attachments, Source, imports, read, read_with};

use crate::whole::CORP;

fn answer(bytes: &[u8]) -> Result<(), String> {
    let source = Source::new("it.yaml", bytes);
    match read(std::slice::from_ref(&source)) {
        Ok(documents) => {
            assert_eq!(read(&[source]).as_ref(), Ok(&documents));
            Ok(())
        }
        Err(problems) => {
            for problem in &problems.problems {
                assert!(problem.span.end <= bytes.len(), "{problem:?}");
            }
            let _ = problems.to_json();
            Err(problems.to_string())
        }
    }
}

/// Pieces that mean something to YAML or to a document.
const PIECES: [&str; 28] = [
    ": ",
    "- ",
    "\n",
    "\n  ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "&a ",
    "*a",
    "!x ",
    "<<: ",
    "|\n",
    ">\n",
    "---\n",
    "#",
    "~",
    "%",
    "\t",
    "\u{feff}",
    "\u{2028}",
    "ringway: fleet/v1\n",
    "hosts",
    "select: ",
    "\0",
];

/// Pieces that mean something to an inventory.
const INVENTORY_PIECES: [&str; 34] = [
    "\n",
    "\n  ",
    " ",
    "[",
    "]",
    ":",
    "=",
    ",",
    "'",
    "\"",
    "\\",
    "#",
    ";",
    "{",
    "}",
    "- ",
    ": ",
    "web",
    "[web]\n",
    "[web:vars]\n",
    "[site:children]\n",
    "web[01:12:5]",
    "[a:z]",
    "all:\n",
    "hosts",
    "children",
    "vars",
    "!vault ",
    "&a ",
    "*a",
    "<<: ",
    "ansible_port=",
    "0x1_f",
    "é",
];

fn inventory(name: &str, text: String) {
    let sources = [Source::new(
        "it.yaml",
        format!("ringway: fleet/v1\nname: it\nimport: [{{ ansible: {name} }}]\n"),
    )];
    let attachment = Attachment {
        file: Some(name.to_owned()),
        files: [
            (name.to_owned(), text.clone().into_bytes()),
            ("group_vars/all.yml".to_owned(), text.into_bytes()),
        ]
        .into(),
    };
    let found = imports(&sources)
        .into_iter()
        .map(|wanted| (wanted, Ok(attachment.clone())))
        .collect();
    let attachments = Attachments {
        found,
        ..Attachments::default()
    };
    if let Err(problems) = read_with(&sources, &attachments) {
        let _ = problems.to_string();
        let _ = problems.to_json();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = answer(&bytes);
    }

    #[test]
    fn arbitrary_pieces_of_yaml_never_panic(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|i| PIECES[i]).collect();
        let _ = answer(text.as_bytes());
    }

    #[test]
    fn arbitrary_pieces_of_an_inventory_never_panic(
        pieces in proptest::collection::vec(0..INVENTORY_PIECES.len(), 0..60),
        name in prop::sample::select(vec!["hosts", "hosts.ini", "hosts.yml", "hosts.json"]),
    ) {
        let text: String = pieces.into_iter().map(|i| INVENTORY_PIECES[i]).collect();
        inventory(name, text);
    }

    #[test]
    fn a_valid_document_with_a_piece_put_in_never_panics(
        at in 0.0..1.0_f64, remove in 0_usize..12, piece in 0..PIECES.len(),
    ) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "any place in the text will do"
        )]
        let at = (at * CORP.len() as f64) as usize;
        let mut bytes = CORP.as_bytes().to_vec();
        let end = (at + remove).min(bytes.len());
        bytes.splice(at..end, PIECES[piece].bytes());
        let _ = answer(&bytes);
    }
}
