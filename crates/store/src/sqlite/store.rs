//! Taking a fleet over, and writing for it.

use std::path::Path;
use std::pin::Pin;

use ringway_executor::notices::{Notices, SoFar, Told};
use ringway_executor::port::{Blob, Loaded, Row, Snapshot};
use ringway_model::{Digest, Epoch};
use sqlx::{ConnectOptions, SqliteConnection};

use super::fault::{self, Fault};
use super::reader::{self, SqliteReader};
use super::schema::{self, Found};
use super::writer::{self, Transaction, Writer};
use super::{append, connect, outbox, read};
use crate::datadir::{DataDir, Lock, OpenError};
use crate::port::{
    Answer, Head, LoadFrom, ReadError, ReadModel, Reader, Refusal, Store, WriteError,
};

/// The store of one machine. While it lives, no other process opens the data directory for writing.
pub struct SqliteStore {
    epoch: Epoch,
    pub(super) writer: Writer,
    reader: SqliteReader,
    datadir: DataDir,
    /// Last, so that it is let go after the connections.
    _lock: Lock,
}

/// Why a write came to nothing, before it is known whether a full disk is behind it.
enum Trouble {
    Known(WriteError),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Known(refusal.into())
    }
}

impl SqliteStore {
    /// Opens a data directory, makes it where there is none, and takes its fleet over: whoever held it before can write
    /// nothing from now on.
    ///
    /// # Errors
    ///
    /// When another process holds it, or it is not ours to use. Nothing of somebody else's is changed then.
    pub async fn open(datadir: &Path) -> Result<Self, OpenError> {
        let datadir = DataDir::prepare(datadir)?;
        let lock = datadir.lock()?;
        let database = datadir.prepare_database()?;
        let options = connect::writing(&database);
        let fail = |error| reader::failed(&database, error);
        let mut conn = options.connect().await.map_err(fail)?;
        match schema::find(&mut conn).await.map_err(fail)? {
            Found::Ours => {}
            Found::Older => upgrade(&mut conn).await.map_err(fail)?,
            Found::Nothing => make(&mut conn, &database).await?,
            found @ (Found::Newer(_) | Found::Foreign) => {
                return Err(reader::unusable(&database, found));
            }
        }
        let epoch = claim(&mut conn).await.map_err(fail)?;
        tracing::info!(database = %database.display(), %epoch, "took the fleet over");
        Ok(Self {
            epoch,
            writer: Writer::new(options, conn),
            reader: SqliteReader::of(&database),
            datadir,
            _lock: lock,
        })
    }

    /// Begins a transaction, and proves in it that this is still the decider.
    async fn begin(&self) -> Result<(Transaction<'_>, Head), Trouble> {
        let mut transaction = self.writer.begin().await?;
        let head = match read::head(transaction.conn()).await {
            Ok(head) => head,
            Err(error) => {
                let error = WriteError::Database(Box::new(error));
                return Err(Trouble::Known(error));
            }
        };
        if head.epoch == self.epoch {
            return Ok((transaction, head));
        }
        Err(Trouble::Known(WriteError::Fenced {
            held: self.epoch,
            current: head.epoch,
        }))
    }

    async fn try_append(
        &self,
        rows: &[Row],
        blobs: &[Blob],
        notices: &Notices,
    ) -> Result<(), Trouble> {
        append::check_batch(rows, blobs, self.epoch)?;
        let (mut transaction, head) = self.begin().await?;
        append::check_place(rows, &head)?;
        append::insert_blobs(transaction.conn(), blobs).await?;
        append::insert_rows(transaction.conn(), rows).await?;
        if let Some(last) = rows.last() {
            outbox::take(transaction.conn(), last.at, notices).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn try_write_outbox(
        &self,
        so_far: &[(u64, SoFar)],
        forgotten: &[u64],
    ) -> Result<(), Trouble> {
        let (mut transaction, _) = self.begin().await?;
        outbox::write(transaction.conn(), so_far, forgotten).await?;
        Ok(transaction.commit().await?)
    }

    async fn try_keep_snapshot(&self, snapshot: &Snapshot) -> Result<(), Trouble> {
        append::check_size(&snapshot.body)?;
        let (mut transaction, _) = self.begin().await?;
        let seq = snapshot.seq;
        if !read::has_row(transaction.conn(), seq, &snapshot.hash).await? {
            return Err(Refusal::UnknownRow { seq }.into());
        }
        append::insert_snapshot(transaction.conn(), snapshot).await?;
        Ok(transaction.commit().await?)
    }

    async fn try_replace_read_model(&self, model: &ReadModel) -> Result<(), Trouble> {
        for json in model.entries.values() {
            append::check_size(json.as_bytes())?;
        }
        let (mut transaction, head) = self.begin().await?;
        if model.seq > head.seq {
            return Err(Refusal::UnknownRow { seq: model.seq }.into());
        }
        append::replace_model(transaction.conn(), model).await?;
        Ok(transaction.commit().await?)
    }

    /// Says what a write came to.
    async fn outcome(&self, result: Result<(), Trouble>) -> Result<(), WriteError> {
        let error = match result {
            Ok(()) => return Ok(()),
            Err(Trouble::Known(error)) => return Err(error),
            Err(Trouble::Database(error)) => error,
        };
        let full = match fault::of(&error) {
            Fault::Full => true,
            Fault::MaybeFull => {
                let datadir = self.datadir.clone();
                tokio::task::spawn_blocking(move || datadir.is_full())
                    .await
                    .unwrap_or(false)
            }
            Fault::NotADatabase | Fault::ReadOnly | Fault::Other => false,
        };
        tracing::warn!(%error, full, "the database was not written");
        Err(if full {
            WriteError::DiskFull
        } else {
            WriteError::Database(Box::new(error))
        })
    }
}

/// Makes the tables in an empty file, and draws the number by which hosts tell this database from one made anew.
async fn make(conn: &mut SqliteConnection, database: &Path) -> Result<(), OpenError> {
    let incarnation = getrandom::u64().map_err(|error| OpenError::Database {
        path: database.to_owned(),
        source: Box::new(error),
    })?;
    let made = async {
        connect::use_wal(conn).await?;
        writer::begin(conn).await?;
        schema::create(conn, incarnation).await?;
        writer::commit(conn).await
    };
    made.await.map_err(|error| reader::failed(database, error))
}

/// Brings the tables of an earlier version to this one, in one transaction.
async fn upgrade(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    writer::begin(conn).await?;
    schema::upgrade(conn).await?;
    writer::commit(conn).await
}

/// Takes the fleet over, durably.
async fn claim(conn: &mut SqliteConnection) -> sqlx::Result<Epoch> {
    writer::begin(conn).await?;
    let epoch: i64 = sqlx::query_scalar("UPDATE meta SET epoch = epoch + 1 RETURNING epoch")
        .fetch_one(&mut *conn)
        .await?;
    writer::commit(conn).await?;
    Ok(Epoch(epoch.cast_unsigned()))
}

impl Reader for SqliteStore {
    fn head(&self) -> Answer<'_, Head, ReadError> {
        self.reader.head()
    }

    /// The epoch is the one this store holds, whoever has taken the fleet over since.
    fn load(&self, from: LoadFrom) -> Answer<'_, Loaded, ReadError> {
        Box::pin(async move {
            let mut loaded = self.reader.load_from(from).await?;
            loaded.epoch = self.epoch;
            Ok(loaded)
        })
    }

    fn rows(&self, from: u64, limit: u32) -> Answer<'_, Vec<Row>, ReadError> {
        self.reader.rows(from, limit)
    }

    fn fleets_and_plans(&self) -> Answer<'_, Vec<Blob>, ReadError> {
        self.reader.fleets_and_plans()
    }

    fn blob(&self, digest: Digest) -> Answer<'_, Option<Blob>, ReadError> {
        self.reader.blob(digest)
    }

    fn outbox(&self) -> Answer<'_, Vec<Told>, ReadError> {
        self.reader.outbox()
    }

    fn read_model<'a>(&'a self, name: &'a str) -> Answer<'a, Option<ReadModel>, ReadError> {
        self.reader.read_model(name)
    }
}

impl Store for SqliteStore {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append_and_tell<'a>(
        &'a self,
        rows: &'a [Row],
        blobs: &'a [Blob],
        notices: &'a Notices,
    ) -> Answer<'a, (), WriteError> {
        Box::pin(async move {
            let appended = self.try_append(rows, blobs, notices).await;
            self.outcome(appended).await
        })
    }

    fn write_outbox<'a>(
        &'a self,
        so_far: &'a [(u64, SoFar)],
        forgotten: &'a [u64],
    ) -> Answer<'a, (), WriteError> {
        Box::pin(async move {
            let written = self.try_write_outbox(so_far, forgotten).await;
            self.outcome(written).await
        })
    }

    fn keep_snapshot<'a>(&'a self, snapshot: &'a Snapshot) -> Answer<'a, (), WriteError> {
        Box::pin(async move { self.outcome(self.try_keep_snapshot(snapshot).await).await })
    }

    fn replace_read_model<'a>(&'a self, model: &'a ReadModel) -> Answer<'a, (), WriteError> {
        Box::pin(async move { self.outcome(self.try_replace_read_model(model).await).await })
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // The writer last: the last connection that can write puts the log away.
        Box::pin(async {
            self.reader.close().await;
            self.writer.close().await;
        })
    }
}
