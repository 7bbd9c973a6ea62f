SELECT kind, version, hub, announcement FROM publication_target AS target
WHERE (state IS NULL OR state = 'fetching')
AND version = (
    SELECT MAX(version) FROM publication_target AS newest WHERE newest.kind = target.kind AND newest.hub = target.hub
)
