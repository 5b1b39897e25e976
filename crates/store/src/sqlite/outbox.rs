//! What people are to be told: written with the batch that it is about, kept until it was told and is over.

use ringway_executor::notices::{Matter, Notices, SoFar, Told};
use ringway_model::Timestamp;
use sqlx::SqliteConnection;

use crate::port::ReadError;

/// Writes down what is open, what is over and what happened, within the transaction of its batch.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    at: Timestamp,
    notices: &Notices,
) -> sqlx::Result<()> {
    if let Some(open) = &notices.open {
        let keys: Vec<&str> = open.iter().map(|matter| matter.key.as_str()).collect();
        let keys = serde_json::to_string(&keys).expect("names have a JSON form");
        sqlx::query(
            "UPDATE outbox SET closed = ?1
             WHERE closed IS NULL AND key NOT IN (SELECT value FROM json_each(?2))",
        )
        .bind(at.0)
        .bind(keys)
        .execute(&mut *conn)
        .await?;
        for matter in open {
            // It is so again, and was told before: it goes on as it was.
            if matter.topic.is_news_once() {
                sqlx::query("UPDATE outbox SET closed = NULL WHERE key = ? AND closed IS NOT NULL")
                    .bind(&matter.key)
                    .execute(&mut *conn)
                    .await?;
            }
            let known: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM outbox WHERE key = ? AND closed IS NULL)",
            )
            .bind(&matter.key)
            .fetch_one(&mut *conn)
            .await?;
            if !known {
                insert(conn, matter, at, None).await?;
            }
        }
    }
    for matter in &notices.happened {
        insert(conn, matter, at, Some(at)).await?;
    }
    Ok(())
}

async fn insert(
    conn: &mut SqliteConnection,
    matter: &Matter,
    opened: Timestamp,
    closed: Option<Timestamp>,
) -> sqlx::Result<()> {
    let json = serde_json::to_string(matter).expect("a matter is plain values");
    sqlx::query("INSERT INTO outbox (key, opened, closed, matter, told) VALUES (?, ?, ?, ?, '{}')")
        .bind(&matter.key)
        .bind(opened.0)
        .bind(closed.map(|at| at.0))
        .bind(json)
        .execute(conn)
        .await?;
    Ok(())
}

/// Everything that lies there, the oldest first; nothing in a database that has no place for it yet.
pub(super) async fn read(conn: &mut SqliteConnection) -> Result<Vec<Told>, ReadError> {
    type Stored = (i64, i64, Option<i64>, String, String);
    let is_there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'outbox')",
    )
    .fetch_one(&mut *conn)
    .await?;
    if !is_there {
        return Ok(Vec::new());
    }
    let stored: Vec<Stored> =
        sqlx::query_as("SELECT id, opened, closed, matter, told FROM outbox ORDER BY id")
            .fetch_all(conn)
            .await?;
    let damaged = |id: i64| ReadError::Damaged {
        what: format!("notification {id}"),
    };
    stored
        .into_iter()
        .map(|(id, opened, closed, matter, told)| {
            Ok(Told {
                id: id.cast_unsigned(),
                opened: Timestamp(opened),
                closed: closed.map(Timestamp),
                matter: serde_json::from_str(&matter).map_err(|_| damaged(id))?,
                so_far: serde_json::from_str(&told).map_err(|_| damaged(id))?,
            })
        })
        .collect()
}

/// Writes down how telling went, and forgets what needs no more telling.
pub(super) async fn write(
    conn: &mut SqliteConnection,
    so_far: &[(u64, SoFar)],
    forgotten: &[u64],
) -> sqlx::Result<()> {
    for (id, one) in so_far {
        let json = serde_json::to_string(one).expect("it is plain values");
        sqlx::query("UPDATE outbox SET told = ? WHERE id = ?")
            .bind(json)
            .bind(id.cast_signed())
            .execute(&mut *conn)
            .await?;
    }
    for id in forgotten {
        sqlx::query("DELETE FROM outbox WHERE id = ?")
            .bind(id.cast_signed())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
