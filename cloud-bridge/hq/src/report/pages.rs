//! Paging: each page begins after the key of the last row before it.

use crate::database::{DatabaseError, Row, Statement, Transaction, Value, values};

/// A walk through rows. The statement's parameters are the key, whose columns are the first of each row, and a limit.
pub(crate) struct Pages {
    statement: &'static Statement,
    after: Vec<Value>,
    at_once: i64,
}

impl Pages {
    /// Begins after a key.
    pub(crate) fn after(key: Vec<Value>, statement: &'static Statement, at_once: i64) -> Self {
        Self { statement, after: key, at_once }
    }

    /// The next rows; none at the end.
    pub(crate) async fn next(&mut self, transaction: &mut Transaction) -> Result<Vec<Row>, DatabaseError> {
        let parameters = self.after.iter().cloned().chain(values![self.at_once]).collect();
        let rows = transaction.query(self.statement, parameters).await?;
        if let Some(last) = rows.last() {
            self.after = last.0.iter().take(self.after.len()).cloned().collect();
        }
        Ok(rows)
    }

    /// Passes on all remaining rows.
    pub(crate) async fn each<E: From<DatabaseError>>(
        mut self,
        transaction: &mut Transaction,
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let rows = self.next(transaction).await?;
            if rows.is_empty() {
                return Ok(());
            }
            rows.into_iter().try_for_each(&mut take)?;
        }
    }
}
