SELECT hub, MAX(version) FROM publication_target
WHERE kind = $1 AND (state IS NULL OR state IN ('fetching', 'waiting', 'active'))
GROUP BY hub
