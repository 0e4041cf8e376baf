"""Records that were refused: listed, shown, and sent again. The original row is never changed or removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ioc.errors import IocError
from ioc.facts import REASONS, Refusal, decode
from ioc.settings import Settings
from sinks.client import Client
from sinks.topics import produce_one

OFFSET_MASK = (1 << 44) - 1
_COLUMNS = "topic, partition, version, reason, detail, key, raw, broker_time"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record. `generation` and `offset` say where it lay; `retried_at` when it was sent again, if ever."""

    topic: str
    partition: int
    version: int
    reason: str
    detail: str
    key: bytes
    raw: bytes
    broker_time: datetime
    retried_at: datetime | None

    @property
    def offset(self) -> int:
        return self.version & OFFSET_MASK

    @property
    def generation(self) -> int:
        return self.version >> 44

    def document(self) -> dict[str, Any]:
        """JSON-ready; bytes that are no UTF-8 are shown with replacement characters and as hex."""
        text = self.raw.decode("utf-8", "replace")
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "generation": self.generation,
            "reason": self.reason,
            "meaning": REASONS.get(self.reason, ""),
            "detail": self.detail,
            "key": self.key.decode("utf-8", "replace"),
            "raw": text,
            **({"raw_hex": self.raw.hex()} if text.encode() != self.raw else {}),
            "broker_time": self.broker_time.isoformat(),
            "retried_at": None if self.retried_at is None else self.retried_at.isoformat(),
        }


def counts(client: Client) -> dict[str, dict[str, int]]:
    """reason -> {"count", "retried"}, most frequent first."""
    rows = client.query(
        """SELECT reason, count() AS number, countIf((topic, partition, version) IN (
               SELECT topic, partition, version FROM dead_letter_retries))
           FROM dead_letters FINAL GROUP BY reason ORDER BY number DESC, reason"""
    ).result_rows
    return {str(reason): {"count": int(number), "retried": int(retried)} for reason, number, retried in rows}


def listed(
    client: Client, *, reason: str | None = None, partition: int | None = None, pending: bool = False, limit: int = 50
) -> list[DeadLetter]:
    """The newest dead letters that fit, newest first. `pending` leaves out those that were sent again."""
    if reason is not None and reason not in REASONS:
        raise IocError(f"There is no reason {reason}; choose one of {', '.join(REASONS)}.")
    wanted, parameters = ["true"], dict[str, Any](limit=limit)
    if reason is not None:
        wanted.append("reason = {reason:String}")
        parameters["reason"] = reason
    if partition is not None:
        wanted.append("partition = {partition:UInt16}")
        parameters["partition"] = partition
    if pending:
        wanted.append("(topic, partition, version) NOT IN (SELECT topic, partition, version FROM dead_letter_retries)")
    return _read(client, " AND ".join(wanted), parameters)


def found(client: Client, partition: int, offset: int, topic: str) -> DeadLetter:
    """One dead letter; of several generations of the topic the newest. Raises IocError when there is none."""
    parameters = {"topic": topic, "partition": partition, "offset": offset, "mask": OFFSET_MASK, "limit": 1}
    letters = _read(
        client,
        "topic = {topic:String} AND partition = {partition:UInt16} "
        "AND bitAnd(version, {mask:UInt64}) = {offset:UInt64}",
        parameters,
    )
    if not letters:
        raise IocError(
            f"No dead letter lies at partition {partition}, offset {offset} of {topic}; see `ioc deadletters list`."
        )
    return letters[0]


def _read(client: Client, where: str, parameters: dict[str, Any]) -> list[DeadLetter]:
    # hex, for the bytes may be no UTF-8 and must come back as they were.
    rows = client.query(
        f"""SELECT topic, partition, version, reason, detail, hex(key), hex(raw), toUnixTimestamp64Milli(broker_time),
                   toUnixTimestamp64Milli(retried)
            FROM (SELECT {_COLUMNS} FROM dead_letters FINAL WHERE {where}) AS letters
            LEFT JOIN (SELECT topic, partition, version, max(retried_at) AS retried FROM dead_letter_retries
                       GROUP BY topic, partition, version) AS retries USING (topic, partition, version)
            ORDER BY broker_time DESC, partition, version DESC LIMIT {{limit:UInt32}}""",
        parameters=parameters,
    ).result_rows
    return [
        DeadLetter(
            topic=str(topic),
            partition=int(partition),
            version=int(version),
            reason=str(reason),
            detail=str(detail),
            key=bytes.fromhex(key),
            raw=bytes.fromhex(raw),
            broker_time=datetime.fromtimestamp(broker_time / 1000, UTC),
            retried_at=datetime.fromtimestamp(retried / 1000, UTC) if retried else None,
        )
        for topic, partition, version, reason, detail, key, raw, broker_time, retried in rows
    ]


def retry(
    client: Client,
    settings: Settings,
    letter: DeadLetter,
    *,
    edited: bytes | None = None,
    key: bytes | None = None,
    force: bool = False,
) -> tuple[int, int]:
    """Sends a dead letter again, corrected or under another key, notes it, and returns its new (partition, offset).

    A record that would be refused again for the same kind of fault is not sent unless `force`. Raises IocError.
    """
    value = letter.raw if edited is None else edited
    sent_key = letter.key if key is None else key
    again = decode(sent_key or None, value or None)
    if isinstance(again, Refusal) and not force:
        raise IocError(
            f"The record would be refused again ({again.reason}: {again.detail or REASONS[again.reason]}); "
            f"correct it with --edit FILE or --key, or send it nevertheless with --force."
        )
    place = produce_one(settings, letter.topic, sent_key or None, value)
    client.insert(
        "dead_letter_retries",
        [[letter.topic, letter.partition, letter.version, datetime.now(UTC)]],
        column_names=["topic", "partition", "version", "retried_at"],
    )
    return place
