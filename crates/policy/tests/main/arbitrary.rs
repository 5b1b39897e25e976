//! Whatever bytes come: an answer, never a panic, and the same answer twice.

use proptest::prelude::*;
use ringway_policy::{Source, read};

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
