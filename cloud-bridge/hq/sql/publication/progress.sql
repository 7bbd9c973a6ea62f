SELECT kind, version, COALESCE(state, 'unknown') AS reported, COUNT(*)
FROM publication_target
WHERE (kind, version) IN (SELECT kind, version FROM publication ORDER BY made_at_ms DESC, kind, version DESC LIMIT $1)
GROUP BY kind, version, COALESCE(state, 'unknown')
ORDER BY kind, version, reported
