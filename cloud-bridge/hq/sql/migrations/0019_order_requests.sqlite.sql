-- What stores ask of HQ about orders, until it is answered.
CREATE TABLE order_request (
    request INTEGER PRIMARY KEY AUTOINCREMENT,
    hub TEXT NOT NULL,
    -- The kind of its message.
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    -- Not before this time.
    try_at_ms INTEGER NOT NULL
) STRICT;

-- The first request of each hub.
CREATE INDEX order_request_hub ON order_request (hub, request);
