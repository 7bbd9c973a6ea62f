-- Orders.

-- What routing must know of a store, as it was loaded. Stores without a row get no orders.
CREATE TABLE store_profile (
    hub TEXT PRIMARY KEY,
    -- As `hq::orders::Profile` is written in JSON.
    body TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How orders are routed, and when: one row, if the defaults were changed.
CREATE TABLE order_policy (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- HQ's side of each store's web quotas, in thousandths of the unit. HQ's own record: its sales are decisions.
CREATE TABLE web_quota (
    hub TEXT NOT NULL,
    sku TEXT NOT NULL,
    unit TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    as_of_ms INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    recalled INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (hub, sku, unit),
    CHECK (spent >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX web_quota_item ON web_quota (sku, unit, hub);

-- An order, as it was placed, and what HQ decided of it.
CREATE TABLE placed_order (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The shop's own.
    order_id TEXT NOT NULL UNIQUE,
    -- The store that took it, if a store did.
    taken_by TEXT,
    kind TEXT NOT NULL,
    -- As the shop sent it: by this a repeat is told from another order.
    digest BLOB NOT NULL,
    body TEXT NOT NULL,
    destination TEXT NOT NULL,
    -- Amounts that are not routed any more: not wanted, or not to be had.
    given_up TEXT NOT NULL,
    state TEXT NOT NULL,
    placed_at_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    -- Its pickup slot, if it has one.
    slot_hub TEXT,
    slot_ms INTEGER,
    -- Events of it in the feed.
    events INTEGER NOT NULL,
    -- When to look at it again.
    attention_at_ms INTEGER
) STRICT;

CREATE INDEX placed_order_attention ON placed_order (attention_at_ms, number) WHERE attention_at_ms IS NOT NULL;
CREATE INDEX placed_order_open ON placed_order (due_ms, number) WHERE ended_at_ms IS NULL;

-- A part of an order, as it was offered to a store.
CREATE TABLE order_part (
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    hub TEXT NOT NULL,
    -- The offer, as it was sent.
    body TEXT NOT NULL,
    -- The number of the queue that the offer went into: a later one begins when the hub's store was set back.
    queue INTEGER NOT NULL,
    -- When HQ asked the store to give it back, to route it again.
    recalled_at_ms INTEGER,
    state TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    -- Whether the hub refused the offer as an item, which counts as a rejection.
    is_refused INTEGER NOT NULL,
    PRIMARY KEY (number, part)
) STRICT, WITHOUT ROWID;

CREATE INDEX order_part_open ON order_part (hub) WHERE is_open = 1;

-- Each decision of routing, with its reasons.
CREATE TABLE order_decision (
    number INTEGER NOT NULL,
    decision INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    why TEXT NOT NULL,
    plan TEXT NOT NULL,
    PRIMARY KEY (number, decision)
) STRICT, WITHOUT ROWID;

-- Refunds that HQ's payment side owes.
CREATE TABLE refund_task (
    number INTEGER NOT NULL,
    task INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    -- Of the prepayment.
    reference TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    done_at_ms INTEGER,
    -- Of the refund, as the payment side told it.
    refunded_by TEXT,
    PRIMARY KEY (number, task)
) STRICT, WITHOUT ROWID;

CREATE INDEX refund_task_due ON refund_task (number, task) WHERE done_at_ms IS NULL;

-- Orders in each pickup slot.
CREATE TABLE pickup_slot (
    hub TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (hub, from_ms)
) STRICT, WITHOUT ROWID;

-- What stores said of their parts: a projection.
CREATE TABLE order_progress (
    order_id TEXT NOT NULL,
    part INTEGER NOT NULL,
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- The event's body.
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, part, hub, epoch, sequence)
) STRICT, WITHOUT ROWID;
