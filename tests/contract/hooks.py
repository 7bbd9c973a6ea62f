"""A key of its own for each command: under one key the hub would look at the first command alone. And waits for events
that are short, so that there is time for more examples."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = case.headers.get("Idempotency-Key") if case.headers else None
    # Keys that are too short or too long stay as they are.
    if key is not None and 8 <= len(str(key)) <= 100:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    wait = case.query.get("wait") if case.query else None
    if isinstance(wait, int) and 1 < wait <= 30:
        case.query["wait"] = 1
