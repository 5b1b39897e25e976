//! What a database error means to us. SQLite's numbers are stable and documented; its messages are not.

use sqlx::error::DatabaseError;

/// What a database error means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no room.
    Full,
    /// Writing failed in a way that a lack of room may be behind.
    MaybeFull,
    /// The file is no database.
    NotADatabase,
    /// The file or its directory cannot be written.
    ReadOnly,
    /// Anything else.
    Other,
}

/// What `error` means.
pub(super) fn of(error: &sqlx::Error) -> Fault {
    let code = error
        .as_database_error()
        .and_then(DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok());
    // The low byte is the kind, the rest a detail of it: https://www.sqlite.org/rescode.html
    match code.map(|code| code & 0xff) {
        Some(13) => Fault::Full,
        // SQLITE_IOERR (a full quota, shared memory that cannot grow), SQLITE_CANTOPEN (a log that cannot be made).
        Some(10 | 14) => Fault::MaybeFull,
        Some(26) => Fault::NotADatabase,
        Some(8) => Fault::ReadOnly,
        Some(_) | None => Fault::Other,
    }
}
