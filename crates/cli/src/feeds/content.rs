//! The text of a feed: from a file that is plain or compressed with gzip, within bounds.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::exit::{End, Failure};

/// How much of a feed is read, uncompressed. A month has some 3 MB; a file of a few kB may unfold to as much as it likes.
const LIMIT: u64 = 256 << 20;

/// The text of the file.
///
/// # Errors
///
/// Exit code 2: it cannot be read, is cut off, too large, or no text.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(End::Invalid, format!("`{}` {why}", path.display()))
    };
    let unreadable = |e: io::Error| failed(&format!("cannot be read: {e}"));
    let is_directory = path.metadata().map_err(unreadable)?.is_dir();
    if is_directory {
        return Err(failed(&"is a directory, and not a document"));
    }
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let head = file.fill_buf().map_err(unreadable)?;
    let bytes = if head.starts_with(&[0x1f, 0x8b]) {
        let mut bytes = Vec::new();
        let unfolded = MultiGzDecoder::new(file)
            .take(LIMIT + 1)
            .read_to_end(&mut bytes);
        match unfolded {
            Ok(_) => bytes,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                let why = format!(
                    "is cut off: its compressed content ends after {} bytes of text",
                    bytes.len()
                );
                return Err(failed(&why).hint("get the file again"));
            }
            Err(e) => return Err(failed(&format!("is no gzip that can be read: {e}"))),
        }
    } else if head.starts_with(b"PK\x03\x04") {
        return Err(failed(&"is a zip archive").hint("unpack it; plain XML and .gz are read"));
    } else {
        let mut bytes = Vec::new();
        file.take(LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        bytes
    };
    if bytes.len() as u64 > LIMIT {
        return Err(failed(&format!(
            "has more than {} MiB of text",
            LIMIT >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let lines = e.as_bytes()[..at].iter().filter(|byte| **byte == b'\n');
        failed(&format!("is not UTF-8 in line {}", 1 + lines.count()))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_compressed_texts_are_the_same_and_what_is_none_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("feed");
        let answer = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).map_err(|failure| failure.why)
        };
        let text = "<a>\n".repeat(1000);
        assert_eq!(answer(text.as_bytes()), Ok(text.clone()));
        assert_eq!(answer(&gz(text.as_bytes())), Ok(text.clone()));
        let two = [gz(b"<a>"), gz(b"</a>")].concat();
        assert_eq!(answer(&two), Ok("<a></a>".to_owned()));
        let whole = gz(text.as_bytes());
        for (bytes, why) in [
            (&whole[..whole.len() / 2], "is cut off"),
            (&whole[..4], "is cut off"),
            (&[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9][..], "no gzip"),
            (b"PK\x03\x04....", "zip archive"),
            (b"<a>\n\xff</a>", "not UTF-8 in line 2"),
        ] {
            let said = answer(bytes).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert_eq!(answer(b""), Ok(String::new()));
        assert!(
            read(directory.path())
                .unwrap_err()
                .why
                .contains("directory")
        );
        assert!(read(&directory.path().join("none")).is_err());
    }

    /// A few kB may unfold to as much as they like, and memory is not theirs.
    #[test]
    fn what_unfolds_without_end_is_refused_at_the_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bomb.gz");
        let mut encoder = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..257 {
            encoder.write_all(&zeros).unwrap();
        }
        encoder.finish().unwrap();
        let why = read(&path).unwrap_err().why;
        assert!(why.contains("more than 256 MiB"), "{why}");
    }
}
