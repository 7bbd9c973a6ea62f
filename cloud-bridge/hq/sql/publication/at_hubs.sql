SELECT target.hub, target.version, target.state, publication.effective, publication.made_at_ms
FROM publication_target AS target
JOIN publication ON publication.kind = target.kind AND publication.version = target.version
WHERE target.kind = $1 AND target.hub >= $2 AND target.hub <= $3
ORDER BY target.hub, target.version DESC
