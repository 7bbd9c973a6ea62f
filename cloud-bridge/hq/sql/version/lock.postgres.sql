SELECT 1 FROM (SELECT pg_advisory_xact_lock(5210684463)) AS locked
