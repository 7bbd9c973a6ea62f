SELECT hub, stream, kind, body, why FROM refused_item ORDER BY position
