SELECT place, kind, body
FROM queue_item
JOIN unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[]) AS wanted (hub, stream, place) USING (hub, stream, place)
