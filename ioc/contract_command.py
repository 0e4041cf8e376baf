"""`ioc contract`: the published form of the event contract, generated from the types that decode events.

An AsyncAPI 3 document for the case topic, and one JSON Schema a kind for those who check one event at a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer

from ioc import events
from ioc.errors import FoundWrong, IocError
from ioc.events import CLOCK_TYPE, ENVELOPE_OF, KINDS, ClockEvent, Data, type_of
from ioc.facts import REASONS
from ioc.output import REMARKS, print_json

DEFAULT_OUT = Path("docs/contract")
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONTENT_TYPE = "application/cloudevents+json"

_AT = datetime(2026, 1, 5, 8, 30, tzinfo=timezone(timedelta(hours=7)))
_CASE = "000.00.12.H60-260105-0001"
_FIELDS: dict[str, Data] = {
    "submitted": events.Submitted(agency="H60.12", service="2.000815", channel="online"),
    "accepted": events.Accepted(
        agency="H60.12", service="2.000815", channel="online", due=_AT + timedelta(days=3, hours=8)
    ),
    "refused": events.Refused(reason="không thuộc thẩm quyền"),
    "payment_due": events.PaymentDue(amount=50_000),
    "paid": events.Paid(amount=50_000, online=True),
    "rescheduled": events.Rescheduled(due=_AT + timedelta(days=5), apology=True),
    "transferred": events.Transferred(agency="H60.13"),
    "finished": events.Finished(e_result=True),
    "returned": events.Returned(form="postal"),
    "digitised": events.Digitised(papers=4, digitised=3, reused=1),
    "rated": events.Rated(satisfied=True),
    "synced": events.Synced(alias="G22.99-260105-0001", status="9"),
    "corrected": events.correction("e-1", "accepted", _AT, events.Accepted(agency="H60.12", channel="counter")),
}


def example(kind: str) -> bytes:
    """One valid event of a kind, as a producer would send it."""
    data = _FIELDS[kind] if kind in _FIELDS else KINDS[kind]()
    return events.encode_event(kind, id=f"e-{kind}", source="hcc.tuyenquang", subject=_CASE, time=_AT, data=data)


def clock_example() -> bytes:
    """One valid punctuation record."""
    return events.encode_clock(id="clock-1", source="ioc-worker", time=_AT)


def _message(name: str, title: str, summary: str, schema: str, raw: bytes) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        "examples": [{"name": "example", "payload": orjson.loads(raw)}],
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document of the case topic."""
    _, schemas = msgspec.json.schema_components(
        [*ENVELOPE_OF.values(), ClockEvent], ref_template="#/components/schemas/{name}"
    )
    messages = {
        kind: {
            **_message(type_of(kind), kind, (data.__doc__ or "").strip(), ENVELOPE_OF[kind].__name__, example(kind)),
            "bindings": {"kafka": {"key": {"type": "string", "description": "The case id, equal to `subject`."}}},
        }
        for kind, data in KINDS.items()
    }
    summary = (ClockEvent.__doc__ or "").strip()
    messages["clock"] = _message(CLOCK_TYPE, "clock", summary, "ClockEvent", clock_example())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Case events of an executive operations centre",
            "version": "1.0.0",
            "description": (
                "CloudEvents 1.0 in structured JSON, one event a Kafka record. Unknown extra fields are accepted and "
                "ignored. An event is identified by (source, id) within its case; the first recorded wins. A refused "
                "record becomes a dead letter: "
                + "; ".join(f"`{name}`: {text}" for name, text in REASONS.items())
                + "."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "caseEvents": {
                "address": "ioc.case-events",
                "title": "Case events",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": ["delete"]}}},
            }
        },
        "operations": {
            "receiveCaseEvents": {
                "action": "receive",
                "channel": {"$ref": "#/channels/caseEvents"},
                "summary": "The worker folds each case's events into cells, stocks and case rows.",
                "messages": [{"$ref": f"#/channels/caseEvents/messages/{name}"} for name in messages],
            }
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of one kind's whole event."""
    (root,), definitions = msgspec.json.schema_components([ENVELOPE_OF[kind]], ref_template="#/$defs/{name}")
    return {"$schema": SCHEMA_DIALECT, "title": type_of(kind), **root, "$defs": definitions}


def documents() -> dict[str, bytes]:
    """Relative path -> content of everything that is published; the same input gives the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    made = {"asyncapi.json": orjson.dumps(asyncapi(), option=options)}
    for kind in KINDS:
        made[f"schemas/{type_of(kind)}.json"] = orjson.dumps(json_schema(kind), option=options)
    return made


def differing(out: Path) -> list[str]:
    """Published files that are missing, differ or belong to no kind any more."""
    made = documents()
    stale = [
        name for name, content in made.items() if not (out / name).is_file() or (out / name).read_bytes() != content
    ]
    there = {path.relative_to(out).as_posix() for path in out.rglob("*.json")} if out.is_dir() else set()
    return sorted([*stale, *(there - made.keys())])


def contract(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = DEFAULT_OUT,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if the folder is out of date.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the AsyncAPI document and JSON Schemas of the events."""
    stale = differing(out)
    if not check:
        _write(out, stale)
    if json:
        print_json({"out": str(out), "files": len(documents()), "stale" if check else "written": stale})
    elif not check:
        REMARKS.print(f"{len(stale)} of {len(documents())} files written to {out}")
    if check and stale:
        raise FoundWrong(f"{', '.join(stale)} in {out} differ from the event types; run `ioc contract`.")


def _write(out: Path, stale: list[str]) -> None:
    made = documents()
    try:
        for name in stale:
            path = out / name
            if name in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(made[name])
            else:
                path.unlink()
    except OSError as error:
        raise IocError(f"{out} cannot be written ({error.strerror}); name another folder with --out.") from error
