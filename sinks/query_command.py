"""`ioc query INDICATOR`."""

from __future__ import annotations

from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.table import Table

from ioc.directory import Directory, canonical_agency, canonical_service, load_directory
from ioc.errors import IocError
from ioc.indicators import Indicator, indicator
from ioc.local_time import LOCAL_ZONE
from ioc.output import print_json
from ioc.settings import load_settings
from sinks.client import connect, guarded
from sinks.moments import parse_moment
from sinks.queries import Answer, Asked, Dimension, Row, ask

_WORDS = {
    "vi": {
        "agency": "Cơ quan",
        "service": "Thủ tục",
        "channel": "Kênh",
        "day": "Ngày",
        "hour": "Giờ",
        "numerator": "Tử số",
        "denominator": "Mẫu số",
        "value": "Giá trị",
        "known": "",
        "unknown": "chưa rõ",
        "provisional": "tạm tính",
        "at": "tính đến",
        "from": "từ",
        "to": "đến trước",
    },
    "en": {
        "agency": "Agency",
        "service": "Service",
        "channel": "Channel",
        "day": "Day",
        "hour": "Hour",
        "numerator": "Numerator",
        "denominator": "Denominator",
        "value": "Value",
        "known": "",
        "unknown": "unknown",
        "provisional": "provisional",
        "at": "as of",
        "from": "from",
        "to": "to before",
    },
}
_UNITS = {"percent": " %", "seconds": " s", "vnd": " ₫", "count": ""}


def query(
    name: Annotated[str, typer.Argument(metavar="INDICATOR", help="An id of the register, see docs/indicators.md.")],
    by: Annotated[str | None, typer.Option(help="agency, service, channel, day or hour.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Start of the period, local; today otherwise.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="End of the period; a date is included.")] = None,
    agency: Annotated[str | None, typer.Option(help="Only this agency's code.")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service's code.")] = None,
    at: Annotated[str | None, typer.Option(help="What was known at this time; as it stands otherwise.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """One indicator, by agency, service or channel, as of now or a tick."""
    settings = load_settings()
    if by is not None and by not in get_args(Dimension):
        raise IocError(f"--by {by} is none of {', '.join(get_args(Dimension))}.")
    asked = Asked(
        indicator=indicator(name),
        by=cast("Dimension | None", by),
        start=parse_moment(from_) if from_ else None,
        end=parse_moment(to, end=True) if to else None,
        at=parse_moment(at) if at else None,
        agency=canonical_agency(agency) if agency else None,
        service=canonical_service(service) if service else None,
    )

    def run() -> Answer:
        with connect(settings.clickhouse, "reader") as client:
            return ask(client, asked)

    answer = guarded(run, settings.clickhouse, "reader")
    if json:
        print_json(answer.document())
    else:
        Console().print(_table(answer, settings.lang))


def _table(answer: Answer, lang: str) -> Table:
    words, asked = _WORDS[lang], answer.asked
    times = [
        f"{words[name]} {moment.astimezone(LOCAL_ZONE):%d-%m-%Y %H:%M}"
        for name, moment in (("from", answer.start), ("to", answer.end), ("at", answer.at))
        if moment is not None
    ]
    table = Table(title=asked.indicator.name(lang), caption=", ".join(times))
    if asked.by:
        table.add_column(words[asked.by])
    for column in ("numerator", "denominator", "value"):
        table.add_column(words[column], justify="right")
    table.add_column("")
    directory = load_directory()
    for row in answer.rows:
        named = [_label(asked, row.dimension, lang, directory)] if asked.by else []
        table.add_row(*named, _whole(row.numerator), _whole(row.denominator), *_value(asked.indicator, row, words))
    return table


def _label(asked: Asked, code: str | None, lang: str, directory: Directory) -> str:
    """A row's dimension as a person knows it: code and name."""
    if code is None:
        return ""
    if asked.by == "agency":
        return f"{code}  {directory.agency_label(code, lang)}"
    if asked.by == "service":
        return f"{code}  {directory.service_label(code, lang)}"
    return code


def _whole(number: int | None) -> str:
    return "—" if number is None else f"{number:,}".replace(",", " ")


def _value(one: Indicator, row: Row, words: dict[str, str]) -> tuple[str, str]:
    if row.value is None:
        return "—", words[row.state]
    text = f"{row.value:.2f}" if isinstance(row.value, float) else _whole(row.value)
    return text + _UNITS[one.unit], words[row.state]
