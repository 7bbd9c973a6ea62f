//! What both engines promise.

use std::{collections::BTreeSet, path::Path};

use super::{migrate::Migration, value::values, *};
use crate::testing::{Fresh, on_each_engine, postgres::database_over_tls};

static INSERT: Statement = Statement {
    name: "insert",
    sqlite: "INSERT INTO test (id, text, bytes) VALUES ($1, $2, $3)",
    postgres: "INSERT INTO test (id, text, bytes) SELECT * FROM unnest($1::BIGINT[], $2::TEXT[], $3::BYTEA[])",
};
static ALL: Statement = shared("all", "SELECT id, text, bytes FROM test ORDER BY id");
static FROM: Statement = shared("from", "SELECT id, text, bytes FROM test WHERE id >= $1 AND text <> $2 ORDER BY id");
static CHANGE: Statement = shared("change", "UPDATE test SET text = $1 WHERE id = $2");
static FIND: Statement = Statement {
    name: "find",
    sqlite: "SELECT id FROM test WHERE text = $1",
    postgres: "SELECT id FROM test WHERE text = ANY ($1::TEXT[])",
};

const fn shared(name: &'static str, text: &'static str) -> Statement {
    Statement { name, sqlite: text, postgres: text }
}

static TABLE: &[Migration] = &[Migration {
    name: "test",
    sqlite: "CREATE TABLE test (id INTEGER PRIMARY KEY, text TEXT, bytes BLOB) STRICT",
    postgres: "CREATE TABLE test (id BIGINT PRIMARY KEY, text TEXT, bytes BYTEA)",
}];

/// A database with the table `test`, and three rows in it.
async fn filled(fresh: &Fresh) -> Vec<Vec<Value>> {
    let rows = vec![
        values![1_i64, "ä\u{1f34e}", vec![0_u8, 255]],
        values![2_i64, None::<&str>, None::<&[u8]>],
        values![i64::MAX, "", vec![]],
    ];
    let mut transaction = fresh.database.transaction().await.unwrap();
    let text = if fresh.database.is_postgres() { TABLE[0].postgres } else { TABLE[0].sqlite };
    transaction.script("test", text).await.unwrap();
    assert_eq!(transaction.execute_many(&INSERT, rows.clone()).await.unwrap(), 3);
    transaction.commit().await.unwrap();
    rows
}

async fn all(database: &Database) -> Vec<Vec<Value>> {
    database.read(&ALL, values![]).await.unwrap().into_iter().map(|row| row.0).collect()
}

on_each_engine! {
    what_is_written_is_read_as_it_was
    a_transaction_that_is_dropped_leaves_nothing
    a_statement_that_fails_is_named_and_leaves_nothing
    a_snapshot_sees_one_moment_and_does_not_wait
    many_sets_of_parameters_are_read_at_once
    every_statement_is_taken_with_its_parameters_in_order
    a_database_of_a_later_version_is_refused
    many_that_open_a_database_at_once_find_the_same_tables
    one_of_two_that_wait_for_each_other_must_try_again
}

async fn what_is_written_is_read_as_it_was(fresh: Fresh) {
    let rows = filled(&fresh).await;
    assert_eq!(all(&fresh.again().await).await, rows);
    let mut transaction = fresh.database.transaction().await.unwrap();
    assert_eq!(transaction.execute(&CHANGE, values!["x", 2_i64]).await.unwrap(), 1);
    assert_eq!(transaction.execute(&CHANGE, values!["x", 3_i64]).await.unwrap(), 0);
    let found = transaction.query(&FROM, values![2_i64, ""]).await.unwrap();
    assert_eq!(found, [Row(values![2_i64, "x", None::<&[u8]>])]);
    transaction.commit().await.unwrap();
    assert_eq!(all(&fresh.database).await[1], values![2_i64, "x", None::<&[u8]>]);
}

async fn a_transaction_that_is_dropped_leaves_nothing(fresh: Fresh) {
    let rows = filled(&fresh).await;
    for _ in 0..40 {
        let mut transaction = fresh.database.transaction().await.unwrap();
        transaction.execute(&CHANGE, values!["x", 1_i64]).await.unwrap();
    }
    // Given up in the middle of a statement.
    for _ in 0..40 {
        let mut transaction = fresh.database.transaction().await.unwrap();
        let write = transaction.execute(&CHANGE, values!["x", 1_i64]);
        tokio::select! {
            biased;
            _ = write => {}
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(all(&fresh.database).await, rows);
    let mut transaction = fresh.database.transaction().await.unwrap();
    transaction.execute(&CHANGE, values!["y", 1_i64]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(all(&fresh.database).await[0][1], Value::from("y"));
}

async fn a_statement_that_fails_is_named_and_leaves_nothing(fresh: Fresh) {
    let rows = filled(&fresh).await;
    let mut transaction = fresh.database.transaction().await.unwrap();
    transaction.execute(&CHANGE, values!["x", 1_i64]).await.unwrap();
    let again = transaction.execute_many(&INSERT, vec![values![1_i64, "a", None::<&[u8]>]]).await;
    let error = again.unwrap_err().to_string();
    assert!(error.starts_with("insert: ") && error.to_lowercase().contains("unique"), "{error}");
    drop(transaction);
    assert_eq!(all(&fresh.database).await, rows);
}

async fn a_snapshot_sees_one_moment_and_does_not_wait(fresh: Fresh) {
    let rows = filled(&fresh).await;
    let mut snapshot = fresh.database.snapshot().await.unwrap();
    assert_eq!(snapshot.query(&ALL, values![]).await.unwrap().len(), 3);
    let mut transaction = fresh.database.transaction().await.unwrap();
    transaction.execute(&CHANGE, values!["x", 1_i64]).await.unwrap();
    assert_eq!(all(&fresh.database).await, rows, "beside a writer");
    transaction.commit().await.unwrap();
    let seen = snapshot.query(&ALL, values![]).await.unwrap();
    assert_eq!(seen.into_iter().map(|row| row.0).collect::<Vec<_>>(), rows);
    assert!(snapshot.execute(&CHANGE, values!["y", 1_i64]).await.is_err(), "it reads");
    drop(snapshot);
    assert_eq!(all(&fresh.database).await[0][1], Value::from("x"));
}

async fn many_sets_of_parameters_are_read_at_once(fresh: Fresh) {
    filled(&fresh).await;
    let mut snapshot = fresh.database.snapshot().await.unwrap();
    let found = snapshot.query_many(&FIND, vec![values![""], values!["none"], values!["ä\u{1f34e}"]]).await.unwrap();
    let found: BTreeSet<i64> = found.into_iter().map(|row| row.read::<(i64,)>().unwrap().0).collect();
    assert_eq!(found, [1, i64::MAX].into());
    assert_eq!(snapshot.query_many(&FIND, vec![]).await.unwrap(), []);
}

/// The numbers of the parameters in a text, in the order of their first use.
fn parameters(text: &str) -> Vec<usize> {
    let mut seen = Vec::new();
    for part in text.split('$').skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        if let Ok(number) = digits.parse()
            && !seen.contains(&number)
        {
            seen.push(number);
        }
    }
    seen
}

async fn every_statement_is_taken_with_its_parameters_in_order(fresh: Fresh) {
    let mut transaction = fresh.database.transaction().await.unwrap();
    for statement in statement::all() {
        let counts = [statement.sqlite, statement.postgres].map(|text| {
            let numbers = parameters(text);
            assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{}", statement.name);
            numbers.len()
        });
        assert_eq!(counts[0], counts[1], "{}", statement.name);
        assert_eq!(transaction.prepare(statement).await.unwrap(), counts[0], "{}", statement.name);
    }
}

async fn a_database_of_a_later_version_is_refused(fresh: Fresh) {
    let later: Vec<Migration> = migrate::ALL.iter().chain(TABLE).cloned().collect();
    migrate::up(&fresh.database, &later).await.unwrap();
    assert_eq!(all(&fresh.database).await.len(), 0, "the step was made");
    migrate::up(&fresh.database, &later).await.unwrap();
    let refused = Database::open(&fresh.address, &Access::default()).await.err().unwrap();
    let known = i64::try_from(migrate::ALL.len()).unwrap();
    assert_eq!(refused, DatabaseError::Later { found: known + 1, known });
}

async fn many_that_open_a_database_at_once_find_the_same_tables(fresh: Fresh) {
    let later: &'static [Migration] = migrate::ALL.iter().chain(TABLE).cloned().collect::<Vec<_>>().leak();
    let mut opening = tokio::task::JoinSet::new();
    let mut databases = Vec::new();
    for _ in 0..4 {
        databases.push(fresh.again().await);
    }
    for database in databases {
        opening.spawn(async move { migrate::up(&database, later).await });
    }
    while let Some(opened) = opening.join_next().await {
        opened.unwrap().unwrap();
    }
}

#[test]
fn every_file_of_sql_is_a_statement_or_a_migration() {
    let listed = statement::all();
    let mut named: BTreeSet<String> = ["version/table.sql".into()].into();
    for statement in &listed {
        named.insert(format!("{}.sql", statement.name));
        if statement.sqlite != statement.postgres {
            named.insert(format!("{}.postgres.sql", statement.name));
        }
    }
    assert_eq!(listed.iter().map(|statement| statement.name).collect::<BTreeSet<_>>().len(), listed.len());
    for migration in migrate::ALL {
        named.extend(["sqlite", "postgres"].map(|engine| format!("migrations/{}.{engine}.sql", migration.name)));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut there = BTreeSet::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            there.insert(file.unwrap().path().strip_prefix(&root).unwrap().display().to_string());
        }
    }
    assert_eq!(there, named);
}

#[tokio::test]
async fn a_file_of_another_program_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = Database::open(&Address::File(path.clone()), &Access::default()).await.err().unwrap();
    assert!(refused.to_string().contains("another program"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::write(&path, "no database at all, but long enough to be looked at").unwrap();
    let refused = Database::open(&Address::File(path), &Access::default()).await.err().unwrap();
    assert!(matches!(refused, DatabaseError::Open { .. }), "{refused}");
}

#[tokio::test]
async fn a_file_is_flushed_at_every_commit() {
    let fresh = Fresh::sqlite().await;
    let synchronous = shared("synchronous", "SELECT synchronous FROM pragma_synchronous");
    let journal = shared("journal", "SELECT journal_mode FROM pragma_journal_mode");
    let [synchronous, journal] = [synchronous, journal].map(|statement| &*Box::leak(Box::new(statement)));
    let mut transaction = fresh.database.transaction().await.unwrap();
    assert_eq!(transaction.query(synchronous, values![]).await.unwrap(), [Row(values![2_i64])]);
    assert_eq!(transaction.query(journal, values![]).await.unwrap(), [Row(values!["wal"])]);
}

#[tokio::test]
async fn a_database_in_memory_has_all_tables_and_one_connection() {
    let database = Database::in_memory().await.unwrap();
    let clone = database.clone();
    let mut transaction = database.transaction().await.unwrap();
    transaction.script("test", TABLE[0].sqlite).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(all(&clone).await, [[]; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_reached_over_tls_by_the_authority_that_signed_it_alone() {
    let Some((address, authority)) = database_over_tls() else { return };
    let address = format!("{address}?sslmode=require").parse().unwrap();
    let access = Access { authority: Some(authority), password_file: None };
    let database = Database::open(&address, &access).await.unwrap();
    let encrypted = &*Box::leak(Box::new(shared(
        "encrypted",
        "SELECT CAST(ssl AS INTEGER) FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    )));
    assert_eq!(database.read(encrypted, values![]).await.unwrap(), [Row(values![1_i64])]);
    let durable = &*Box::leak(Box::new(shared("durable", "SELECT current_setting('synchronous_commit')")));
    assert_eq!(database.read(durable, values![]).await.unwrap(), [Row(values!["on"])]);

    let directory = tempfile::tempdir().unwrap();
    let other = provisioning::StoreAuthority::create("other", std::time::SystemTime::now()).unwrap();
    let hub = other.issue("hub", &provisioning::Names { hosts: vec!["localhost".into()], addresses: vec![] }).unwrap();
    provisioning::write_store(&directory.path().join("other"), &other.identity(), &hub).unwrap();
    let access = Access { authority: Some(directory.path().join("other/ca.pem")), password_file: None };
    let refused = Database::open(&address, &access).await.err().unwrap().to_string();
    assert!(refused.to_lowercase().contains("certificate"), "{refused}");
}

/// Each changes a row and then the other's. SQLite has one writer at a time, so the second waits for the first.
async fn one_of_two_that_wait_for_each_other_must_try_again(fresh: Fresh) {
    filled(&fresh).await;
    if !fresh.database.is_postgres() {
        return;
    }
    let change = |id: i64| values!["changed", id];
    let mut first = fresh.database.transaction().await.unwrap();
    let mut second = fresh.database.transaction().await.unwrap();
    first.execute(&CHANGE, change(1)).await.unwrap();
    second.execute(&CHANGE, change(2)).await.unwrap();
    let (one, other) = tokio::join!(
        async {
            let done = first.execute(&CHANGE, change(2)).await;
            // A transaction that failed is dropped, and lets the other go on.
            if done.is_ok() { first.commit().await } else { done.map(drop) }
        },
        async {
            let done = second.execute(&CHANGE, change(1)).await;
            if done.is_ok() { second.commit().await } else { done.map(drop) }
        },
    );
    let failed: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(&failed[..], [error @ DatabaseError::Deadlock { .. }] if error.is_worth_trying_again(1)),
        "{failed:?}"
    );
    assert!(!failed[0].is_worth_trying_again(ATTEMPTS));
    assert_eq!(fresh.deadlocks(), 1);
    let texts: Vec<_> = all(&fresh.database).await.into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(texts[..2], [Value::from("changed"), Value::from("changed")]);
}
