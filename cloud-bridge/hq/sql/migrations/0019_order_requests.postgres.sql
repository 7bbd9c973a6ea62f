-- What stores ask of HQ about orders, until it is answered.
CREATE TABLE order_request (
    request BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hub TEXT COLLATE "C" NOT NULL,
    -- The kind of its message.
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    -- Not before this time.
    try_at_ms BIGINT NOT NULL
);

-- The first request of each hub.
CREATE INDEX order_request_hub ON order_request (hub, request);
