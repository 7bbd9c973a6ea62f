//! Statements: one file in `sql/` for both engines, or a second one, `NAME.postgres.sql`, where PostgreSQL takes
//! another text (arrays in the place of single values, mostly).
//!
//! A module declares its statements by `statements!` and is listed in [`all`]. In the text, parameters are `$1`, `$2`,
//! numbered in the order of their first use: SQLite counts them so, whatever their names are.

/// A statement.
#[derive(Debug)]
pub struct Statement {
    /// Its file in `sql/`, without the ending: for errors and lists.
    pub name: &'static str,
    /// As SQLite takes it.
    pub sqlite: &'static str,
    /// As PostgreSQL takes it.
    pub postgres: &'static str,
}

/// Declares statements, each by its file's name without the ending, and the list of them:
///
/// ```ignore
/// statements! {
///     /// For both engines: `sql/event/page.sql`.
///     PAGE = "event/page";
///     /// `sql/event/insert.sql`, and for PostgreSQL `sql/event/insert.postgres.sql`.
///     INSERT = "event/insert" + postgres;
/// }
/// ```
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $path:literal $(+ $postgres:ident)?;)+) => {
        $($(#[$doc])* pub(crate) static $name: $crate::database::Statement = $crate::database::Statement {
            name: $path,
            sqlite: $crate::database::statement::text!($path, ".sql"),
            postgres: $crate::database::statement::statements!(@ $path $($postgres)?),
        };)+

        /// All of them: tests prepare them.
        #[cfg(test)]
        pub(crate) static STATEMENTS: &[&$crate::database::Statement] = &[$(&$name),+];
    };
    (@ $path:literal postgres) => { $crate::database::statement::text!($path, ".postgres.sql") };
    (@ $path:literal) => { $crate::database::statement::text!($path, ".sql") };
}
pub(crate) use statements;

/// The text of a file in `sql/`.
macro_rules! text {
    ($($part:literal),+) => { include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $($part),+)) };
}
pub(crate) use text;

/// Every statement of this crate.
#[cfg(test)]
pub(crate) fn all() -> Vec<&'static Statement> {
    use crate::{
        api, customers, down, exports, feed, gift_cards, ledger, locations, metrics, orders, prices, projection,
        publications, report, shard, transfers, webhooks,
    };
    [
        super::migrate::STATEMENTS,
        ledger::STATEMENTS,
        ledger::ahead::STATEMENTS,
        ledger::alarm::STATEMENTS,
        ledger::answer::STATEMENTS,
        ledger::coupons::STATEMENTS,
        ledger::cursor::STATEMENTS,
        ledger::fleet::STATEMENTS,
        ledger::hubs::STATEMENTS,
        metrics::STATEMENTS,
        ledger::returned::STATEMENTS,
        ledger::units::STATEMENTS,
        locations::STATEMENTS,
        orders::heard::STATEMENTS,
        orders::offer::STATEMENTS,
        orders::place::STATEMENTS,
        orders::policy::STATEMENTS,
        orders::quotas::STATEMENTS,
        orders::record::STATEMENTS,
        orders::requests::STATEMENTS,
        orders::returned::STATEMENTS,
        orders::settle::STATEMENTS,
        orders::stores::STATEMENTS,
        orders::story::STATEMENTS,
        orders::work::STATEMENTS,
        projection::audit::STATEMENTS,
        projection::cash::STATEMENTS,
        projection::coupon::STATEMENTS,
        projection::day::STATEMENTS,
        projection::progress::STATEMENTS,
        projection::quarantine::STATEMENTS,
        projection::returned::STATEMENTS,
        projection::unit::STATEMENTS,
        report::returns::STATEMENTS,
        projection::rebuild::STATEMENTS,
        projection::sale::STATEMENTS,
        projection::stock::STATEMENTS,
        projection::transfer::STATEMENTS,
        publications::rows::STATEMENTS,
        prices::parity::STATEMENTS,
        report::audit::STATEMENTS,
        report::cash::STATEMENTS,
        report::fleet::STATEMENTS,
        report::quarantine::STATEMENTS,
        report::sales::STATEMENTS,
        report::stock::STATEMENTS,
        report::totals::STATEMENTS,
        shard::STATEMENTS,
        transfers::STATEMENTS,
        down::rows::STATEMENTS,
        feed::STATEMENTS,
        gift_cards::STATEMENTS,
        customers::STATEMENTS,
        webhooks::STATEMENTS,
        exports::STATEMENTS,
        api::keys::STATEMENTS,
        api::command::STATEMENTS,
        api::days::STATEMENTS,
        api::sales::STATEMENTS,
        api::stores::STATEMENTS,
        api::slots::STATEMENTS,
        api::stock::STATEMENTS,
    ]
    .concat()
}
