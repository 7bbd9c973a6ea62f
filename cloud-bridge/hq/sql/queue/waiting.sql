SELECT hub, stream FROM queue WHERE last > taken ORDER BY hub, stream
