SELECT hub, kind, MAX(version)
FROM publication_target
WHERE hub >= $1 AND hub <= $2 AND state = 'active'
GROUP BY hub, kind
ORDER BY hub, kind
