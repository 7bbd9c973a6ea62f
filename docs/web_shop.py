#!/usr/bin/env python3
"""An example of a web shop that orders from stores through HQ's API. Python's standard library is enough.

    web_shop.py --url https://hq.example.com:8444 --ca ca.pem --key KEY \
        --order web-10234 --store store-42 --sku 818981 --pieces 2 --price 250

It prints the available quantity, chooses the first free pickup slot, places the order, tracks it in the feed until it
is finished, and marks its refunds as paid. With --cancel, it cancels the order when the store has accepted it.

A shop must get three things right: it places an order under the shop's own id, so that it can repeat the request after
any error; it reads its position in the feed before it places the order, so that it misses no event; and it derives the
key of every command from the command, so that a repeat has no further effect.
"""

import argparse
import json
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_S = 60


class Problem(Exception):
    """A refusal: `type` is for programs, `detail` for people."""

    def __init__(self, body):
        super().__init__(body["detail"])
        self.type = body["type"].rsplit("/", 1)[-1]
        self.body = body


class Hq:
    """HQ's API."""

    def __init__(self, url, key, ca):
        self.base = url.rstrip("/") + "/api/v1/"
        self.headers = {"Authorization": f"Bearer {key}"}
        self.context = ssl.create_default_context(cafile=ca) if url.startswith("https") else None

    def get(self, path, **query):
        query = {name: value for name, value in query.items() if value is not None}
        return self._send("GET", f"{path}?{urllib.parse.urlencode(query)}", None, {})

    def command(self, path, key, body):
        """A repeated command with the same key has no further effect."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return self._send("POST", path, json.dumps(body).encode(), headers)

    def _send(self, method, path, body, headers):
        """Repeats the request until there is an answer."""
        until = time.monotonic() + PATIENCE_S
        while True:
            request = urllib.request.Request(self.base + path, body, {**self.headers, **headers}, method=method)
            try:
                with urllib.request.urlopen(request, timeout=40, context=self.context) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                problem = json.load(error)
                if error.code not in (429, 503) or time.monotonic() > until:
                    raise Problem(problem) from None
                time.sleep(float(error.headers.get("Retry-After", 1)))
            except (urllib.error.URLError, TimeoutError):
                if time.monotonic() > until:
                    raise
                time.sleep(1)


def slot(hq, store):
    """The first free pickup slot."""
    for slot in hq.get(f"stores/{store}/slots")["items"]:
        if slot["free"] > 0:
            return slot
    sys.exit(f"{store} has no slot today")


def due(slot):
    """The last moment of a slot."""
    return slot["to_ms"] - 1


def place(hq, arguments):
    """Places the order. Repeating it returns the existing order."""
    order = {
        "order": arguments.order,
        "kind": "pickup",
        "to": {"store": arguments.store},
        "customer": {"name": "Ada Byron", "phone": "+44 20 7946 0000", "code": f"QR-{arguments.order}"},
        "currency": "EUR",
        "payment": {"by": "prepaid", "reference": f"psp-{arguments.order}"},
        "due_ms": due(slot(hq, arguments.store)),
        "lines": [
            {
                "number": 1,
                "sku": arguments.sku,
                "description": f"Item {arguments.sku}",
                "quantity": {"milli": 1000 * arguments.pieces, "unit": "each"},
                "price": {"minor": arguments.price, "per": "each"},
            }
        ],
    }
    return hq.command("orders", f"order-{arguments.order}", order)


def follow(hq, order, after):
    """The events of an order, from a position in the feed."""
    while True:
        part = hq.get("events", after=after, kinds="order.changed,refund.due", stores="hq", wait=20)
        for event in part["items"]:
            if event["body"]["order"] == order:
                yield event
        after = part["next"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--url", "--key", "--order", "--store", "--sku"):
        parser.add_argument(name, required=True)
    parser.add_argument("--ca", help="PEM file of the authority of HQ's certificate")
    parser.add_argument("--pieces", type=int, default=1)
    parser.add_argument("--price", type=int, default=250, help="of a piece, in cents")
    parser.add_argument("--cancel", action="store_true", help="cancel the order when the store has accepted it")
    arguments = parser.parse_args()
    hq = Hq(arguments.url, arguments.key, arguments.ca)

    for available in hq.get("availability", store=arguments.store, sku=arguments.sku)["items"]:
        print(f"{available['available'] / 1000:g} available, as of {available['as_of_ms']}", flush=True)
    start = hq.get("events", after="now", limit=1)["next"]
    try:
        placed = place(hq, arguments)
    except Problem as problem:
        sys.exit(f"{problem.type}: {problem}")
    print(f"placed {placed['order']}: {placed['parts'][0]['store']}", flush=True)

    for event in follow(hq, arguments.order, start):
        body = event["body"]
        if event["kind"] == "refund.due":
            print(f"refund {body['amount']} {body['currency']}", flush=True)
            continue
        print(body["state"], flush=True)
        if body["state"] == "accepted" and arguments.cancel:
            hq.command(f"orders/{arguments.order}/cancel", f"cancel-{arguments.order}", {})
        if body["is_over"]:
            break
    for refund in hq.get(f"orders/{arguments.order}")["refunds"]:
        # A real shop pays it through its payment provider, with this reference as the idempotency key.
        reference = f"refund-{refund['order']}-{refund['task']}"
        path = f"refunds/{refund['order']}/{refund['task']}/done"
        done = hq.command(path, reference, {"reference": reference})
        print(f"paid back {done['amount']}", flush=True)


if __name__ == "__main__":
    main()
