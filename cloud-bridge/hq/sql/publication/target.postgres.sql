INSERT INTO publication_target (kind, version, hub, announcement)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
