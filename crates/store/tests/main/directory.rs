//! Whose the data directory is, and what cannot be opened.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ringway_store::{LoadFrom, OpenError, Reader, SqliteReader, SqliteStore, Store};
use tempfile::TempDir;

use crate::support::{append_rows, snapshot_at, wait};

fn open(datadir: &Path) -> Result<SqliteStore, OpenError> {
    wait(SqliteStore::open(datadir))
}

fn read(datadir: &Path) -> Result<SqliteReader, OpenError> {
    wait(SqliteReader::open_read_only(datadir))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs SQL as somebody with a shell would.
fn sql(datadir: &Path, statements: &'static str) {
    wait(async {
        use sqlx::{ConnectOptions, Connection};
        let mut conn = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(datadir.join("ringway.db"))
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        sqlx::raw_sql(statements).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}

fn message(error: &OpenError, dir: &TempDir) -> String {
    let hint = error.hint().unwrap_or("-");
    format!("{error}\nhint: {hint}").replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn what_is_made_is_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let datadir = dir.path().join("data");
    wait(async {
        let store = SqliteStore::open(&datadir).await.unwrap();
        append_rows(&store, 1).await;
        assert_eq!(mode(&datadir), 0o700);
        let mut files: Vec<_> = fs::read_dir(&datadir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    mode(&entry.path()),
                )
            })
            .collect();
        files.sort();
        let names = ["lock", "ringway.db", "ringway.db-shm", "ringway.db-wal"];
        assert_eq!(files, names.map(|name| (name.to_owned(), 0o600)));
    });
}

#[test]
fn a_directory_in_use_names_the_process_that_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let error = open(dir.path()).err().unwrap();
    let us = std::process::id();
    assert!(matches!(error, OpenError::Held { pid: Some(pid), .. } if pid == us));
    assert!(message(&error, &dir).starts_with(&format!("open `DIR`: process {us} uses it\n")));
    fs::write(dir.path().join("lock"), "").unwrap();
    let error = open(dir.path()).err().unwrap();
    assert!(message(&error, &dir).starts_with("open `DIR`: another process uses it\n"));
    drop(store);
    open(dir.path()).unwrap();
}

/// A lock that another process holds, and that ends with the process however it ends.
#[test]
fn a_lock_ends_with_its_process() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    // Held before the shell says so; it ends when its input does.
    let mut holder = Command::new("flock")
        .arg(dir.path().join("lock"))
        .args(["-c", "echo held; read -r line"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 4];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::Held { .. })));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(wait(open(dir.path()).unwrap().head()).unwrap().epoch.0, 2);
}

#[test]
fn what_cannot_be_opened_says_which_file_and_why() {
    type Case = (&'static str, fn(&Path), &'static str);
    let cases: [Case; 7] = [
        (
            "a file in the directory's place",
            |data| drop(File::create(data).unwrap()),
            "open `DIR/data`: it is not a directory\nhint: name a directory, or one that can be made",
        ),
        (
            "a text in the database's place",
            |data| {
                fs::create_dir(data).unwrap();
                fs::write(data.join("ringway.db"), "no database\n".repeat(100)).unwrap();
            },
            "open `DIR/data/ringway.db`: it is not a database of Ringway\n\
             hint: use another data directory; nothing in this one was changed",
        ),
        (
            "somebody else's database",
            |data| {
                fs::create_dir(data).unwrap();
                sql(data, "CREATE TABLE notes (text)");
            },
            "open `DIR/data/ringway.db`: it is not a database of Ringway\n\
             hint: use another data directory; nothing in this one was changed",
        ),
        (
            "a directory in the database's place",
            |data| fs::create_dir_all(data.join("ringway.db")).unwrap(),
            "open `DIR/data/ringway.db`: it is not a database of Ringway\n\
             hint: use another data directory; nothing in this one was changed",
        ),
        (
            "a newer schema",
            |data| {
                drop(open(data).unwrap());
                sql(data, "PRAGMA user_version = 7");
            },
            "open `DIR/data/ringway.db`: its schema is 7, this program knows 2\n\
             hint: use the newer program; a database does not go back to an older one",
        ),
        (
            "a read-only database",
            |data| {
                drop(open(data).unwrap());
                fs::set_permissions(data.join("ringway.db"), Permissions::from_mode(0o400))
                    .unwrap();
            },
            "open `DIR/data/ringway.db`: it is read-only\n\
             hint: make it writable; to only look, copy the directory to a writable place",
        ),
        (
            "a read-only directory",
            |data| {
                fs::create_dir(data).unwrap();
                fs::set_permissions(data, Permissions::from_mode(0o500)).unwrap();
            },
            "open `DIR/data`: it is read-only\n\
             hint: make it writable; to only look, copy the directory to a writable place",
        ),
    ];
    for (what, prepare, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let datadir = dir.path().join("data");
        prepare(&datadir);
        let error = open(&datadir).err().expect(what);
        assert_eq!(message(&error, &dir), expected, "{what}");
    }
}

/// Looking at somebody else's file must not turn it into one of ours.
#[test]
fn a_database_that_is_not_ours_is_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    sql(dir.path(), "CREATE TABLE notes (text)");
    let before = fs::read(dir.path().join("ringway.db")).unwrap();
    assert!(open(dir.path()).is_err());
    assert!(read(dir.path()).is_err());
    assert_eq!(fs::read(dir.path().join("ringway.db")).unwrap(), before);
}

#[test]
fn reading_where_nothing_ran_says_so_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for datadir in [dir.path().to_owned(), dir.path().join("data")] {
        let error = read(&datadir).err().unwrap();
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
        assert!(error.hint().unwrap().starts_with("nothing ran here yet"));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    // A start that was cut short before it had made its tables.
    fs::write(dir.path().join("ringway.db"), "").unwrap();
    let error = read(dir.path()).err().unwrap();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert_eq!(wait(open(dir.path()).unwrap().head()).unwrap().epoch.0, 1);
}

#[test]
fn two_databases_are_told_apart() {
    let incarnation = || {
        let dir = tempfile::tempdir().unwrap();
        wait(open(dir.path()).unwrap().head()).unwrap().incarnation
    };
    assert_ne!(incarnation(), incarnation());
}

/// What was changed behind our back is read as it is, for the audit to find.
#[test]
fn a_row_that_was_tampered_with_is_read_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    wait(async {
        let store = SqliteStore::open(dir.path()).await.unwrap();
        append_rows(&store, 3).await;
        store.close().await;
    });
    sql(dir.path(), "UPDATE journal SET body = x'00' WHERE seq = 2");
    let rows = wait(async { read_all(dir.path()).await });
    assert_eq!(rows[1].body, [0]);
    assert_ne!(rows[1].hash, rows[1].hash_after(&rows[0].hash));
    sql(dir.path(), "UPDATE journal SET hash = x'00' WHERE seq = 2");
    let error = wait(async { reader(dir.path()).await.rows(1, 10).await.unwrap_err() });
    assert_eq!(error.to_string(), "read row 2's hash: it is damaged");
}

/// Two are kept. One whose row is not in the journal is of no use, and the one before it serves.
#[test]
fn an_older_snapshot_serves_where_the_last_does_not_belong_to_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    wait(async {
        let store = SqliteStore::open(dir.path()).await.unwrap();
        let rows = append_rows(&store, 9).await;
        for seq in [2, 5, 8] {
            store
                .keep_snapshot(&snapshot_at(&rows[seq - 1]))
                .await
                .unwrap();
        }
        store.close().await;
    });
    let loaded = || {
        let loaded = wait(async {
            reader(dir.path())
                .await
                .load(LoadFrom::Snapshot)
                .await
                .unwrap()
        });
        (
            loaded.snapshot.map(|snapshot| snapshot.seq),
            loaded.rows.len(),
        )
    };
    assert_eq!(loaded(), (Some(8), 1));
    sql(
        dir.path(),
        "UPDATE snapshot SET hash = zeroblob(32) WHERE seq = 8",
    );
    assert_eq!(loaded(), (Some(5), 4));
    sql(dir.path(), "DELETE FROM snapshot WHERE seq = 5");
    assert_eq!(loaded(), (None, 9), "a third one was kept");
}

async fn reader(datadir: &Path) -> SqliteReader {
    SqliteReader::open_read_only(datadir).await.unwrap()
}

async fn read_all(datadir: &Path) -> Vec<ringway_executor::port::Row> {
    reader(datadir).await.rows(1, 10).await.unwrap()
}
