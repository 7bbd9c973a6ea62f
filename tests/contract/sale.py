"""Makes a sale with the client that openapi-python-client generated: the document is all it knows.

Arguments: the hub's address, its authority's certificate, a register's token.
"""

import ssl
import sys
import uuid

sys.path.insert(0, "target/contract")

from client import AuthenticatedClient
from client.api.baskets import baskets_add_line, baskets_complete, baskets_open, baskets_read, baskets_tender
from client.api.payments import payments_pay
from client.api.sales import sales_read
from client.models import (
    BasketsUnprocessableEntityProblem,
    Keyed,
    LineNotOnFileKeyed,
    LineRequest,
    OpenBasket,
    Pay,
    PaymentApproved,
    SaleDone,
    BasketStatus,
    TenderCard,
    TenderCash,
    TenderRequestCash,
)

address, authority, token = sys.argv[1:]

hub = AuthenticatedClient(
    base_url=f"https://{address}", token=token, verify_ssl=ssl.create_default_context(cafile=authority), timeout=100
)


def key() -> str:
    return str(uuid.uuid4())


def expect(answer, kind):
    assert isinstance(answer, kind), f"not {kind.__name__}: {answer}"
    return answer


opened = baskets_open.sync_detailed(client=hub, body=OpenBasket(reference="contract"), idempotency_key=key())
assert opened.status_code == 201 and opened.headers["Store-Hub-Version"], opened
assert int(opened.headers["Store-Hub-Epoch"]) > 0
basket = opened.parsed.id

line = LineRequest(description="Postcard", keyed=Keyed(amount=500, reason="price on the shelf"))
status = expect(baskets_add_line.sync(basket, client=hub, body=line, idempotency_key=key()), BasketStatus)
assert status.due == 500
expect(status.line, LineNotOnFileKeyed)

# What is refused says so in members that a program reads.
refused = baskets_complete.sync(basket, client=hub, idempotency_key=key())
refused = expect(refused, BasketsUnprocessableEntityProblem)
assert (refused.type_, refused.due) == ("/problems/still-due", 500), refused

paid = payments_pay.sync(basket, client=hub, body=Pay(amount=300), idempotency_key=key())
assert expect(paid, PaymentApproved).amount == 300
cash = TenderRequestCash(amount=250, tender="cash")
status = expect(baskets_tender.sync(basket, client=hub, body=cash, idempotency_key=key()), BasketStatus)
assert status.due == -50

complete = key()
done = expect(baskets_complete.sync(basket, client=hub, idempotency_key=complete), SaleDone)
again = expect(baskets_complete.sync(basket, client=hub, idempotency_key=complete), SaleDone)
assert done == again, "a repeat under its key got another answer"

sale = sales_read.sync(done.sale, client=hub)
assert [type(tender) for tender in sale.tenders] == [TenderCard, TenderCash], sale
assert baskets_read.sync(basket, client=hub).state.state == "completed"
print(f"sold {done.sale}, receipt {done.receipt}")
