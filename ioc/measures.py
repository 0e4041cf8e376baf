"""What a case adds to cells and stocks: the counts every indicator is a ratio of.

A measure's name is stored; what it counts is stated here and in docs/lifecycle.md, and computed twice:
by the fold (streams/steps.py) and by `ioc verify` in SQL that shares no code with it.
"""

from __future__ import annotations

# measure -> meaning. A cell is (measure, local hour, agency, service, channel); values are whole numbers.
CELL_MEASURES: dict[str, str] = {
    "submitted": "cases handed in, at the hour of the first `submitted`",
    "received": "cases accepted, at the hour of the first `accepted`",
    "received_no_due": "accepted cases that came without a due date",
    "refused": "cases not accepted",
    "withdrawn": "cases withdrawn by the citizen",
    "supplement_requests": "requests for missing papers",
    "rescheduled": "new due dates set",
    "rescheduled_no_apology": "new due dates set without a letter of apology",
    "transferred": "cases received from another agency",
    "fee_due": "cases in which a payment fell due",
    "payments": "settled payments",
    "payments_amount": "settled payments, VND",
    "payments_online": "settled payments made online",
    "payments_online_amount": "settled payments made online, VND",
    "payment_failures": "payments that the gateway failed",
    "finished": "cases finished",
    "finished_early": "finished on a local day before the due day",
    "finished_on_time": "finished on the due day, not after the due instant",
    "finished_late": "finished after the due instant",
    "finished_no_due": "finished without a due date being known",
    "finished_on_time_766": "finished by the due instant with at most one supplement request (reading of QĐ 766)",
    "finished_e_result": "finished with an electronic result",
    "handled": "finished cases whose acceptance is known and not after the end",
    "handling_seconds": "their time from acceptance to the end less the time the clock was paused, seconds",
    "returned": "results handed over",
    "papers": "papers of digitised cases",
    "papers_digitised": "papers digitised",
    "papers_reused": "papers reused from digitised data",
    "cases_digitised": "cases with papers digitised",
    "ratings": "ratings given",
    "ratings_satisfied": "ratings that were satisfied",
    "synced": "cases acknowledged by the national portal",
}

# A stock is (measure, agency, service) as of the partition's last tick T.
STOCK_MEASURES: dict[str, str] = {
    "waiting": "handed in, neither accepted nor refused nor withdrawn",
    "open": "accepted and not ended",
    "open_paused": "open with the clock paused",
    "open_late": "open, clock running, due before T",
    "open_due_24h": "open, clock running, due from T to 24 hours after",
    "open_no_due": "open, clock running, no due date known",
}

UNKNOWN = "unknown"
