"""Logs: structured, and quiet about what repeats itself."""

from __future__ import annotations

import logging

import orjson

from ioc.logs import JsonLines, Once


def record(name: str, message: str, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": name, "levelname": "WARNING", "msg": message, **extra})
    made.created = 0.5
    return made


def test_a_line_is_json_with_its_fields() -> None:
    line = orjson.loads(JsonLines().format(record("ioc.worker", "assigned", partition=3, offset=17)))
    assert line == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "warning",
        "logger": "ioc.worker",
        "message": "assigned",
        "partition": 3,
        "offset": 17,
    }


def test_what_repeats_is_said_once_in_a_while_and_our_own_lines_always() -> None:
    now = 0.0
    once = Once(30, clock=lambda: now)
    assert once.filter(record("aiokafka", "Unable to connect"))
    assert not once.filter(record("aiokafka", "Unable to connect"))
    assert once.filter(record("aiokafka", "Something else"))
    assert once.filter(record("ioc.worker", "mine"))
    assert once.filter(record("ioc.worker", "mine"))
    now = 31.0
    assert once.filter(record("aiokafka", "Unable to connect"))
