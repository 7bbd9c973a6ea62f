SELECT version FROM ledger_version
