"""The published documents are what the types say, are sound in themselves, and their examples decode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ioc.contract_command import asyncapi, clock_example, contract, differing, documents, example
from ioc.errors import FoundWrong
from ioc.events import KINDS, type_of
from ioc.facts import Punctuation, Refusal, decode


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part]
    return document


def test_committed_documents_are_up_to_date(pytestconfig: pytest.Config) -> None:
    assert differing(pytestconfig.rootpath / "docs" / "contract") == []


@pytest.mark.parametrize("name", sorted(documents()))
def test_every_reference_resolves(name: str) -> None:
    document = orjson.loads(documents()[name])
    found = list(references(document))
    assert found
    for reference in found:
        resolve(document, reference)


def test_asyncapi_has_its_parts_and_every_kind() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version"}
    messages = document["components"]["messages"]
    assert messages.keys() == {*KINDS, "clock"}
    channel = document["channels"]["caseEvents"]
    assert channel["messages"].keys() == messages.keys()
    for operation in document["operations"].values():
        assert resolve(document, operation["channel"]["$ref"]) is channel
    for kind in KINDS:
        assert messages[kind]["name"] == type_of(kind)
        payload = resolve(document, messages[kind]["payload"]["$ref"])
        assert payload["properties"]["type"]["enum"] == [type_of(kind)]
        assert set(payload["required"]) == {"type", "specversion", "id", "source", "subject", "time", "data"}


def test_every_example_decodes() -> None:
    for name, message in asyncapi()["components"]["messages"].items():
        for shown in message["examples"]:
            payload = shown["payload"]
            key = payload.get("subject")
            decoded = decode(key.encode() if key else None, orjson.dumps(payload))
            assert not isinstance(decoded, Refusal), (name, decoded)
            assert isinstance(decoded, Punctuation) == (name == "clock")


def test_examples_are_the_producers_bytes() -> None:
    for kind in KINDS:
        assert orjson.loads(example(kind))["type"] == type_of(kind)
    assert isinstance(decode(None, clock_example()), Punctuation)


def test_a_changed_missing_or_stale_file_is_found_and_written_anew(tmp_path: Path) -> None:
    contract(out=tmp_path, check=False, json=False)
    assert differing(tmp_path) == []
    changed, missing, stale = (
        tmp_path / "asyncapi.json",
        tmp_path / "schemas" / f"{type_of('paid')}.json",
        tmp_path / "schemas" / f"{type_of('vanished')}.json",
    )
    changed.write_bytes(changed.read_bytes().replace(b"amount", b"amounts", 1))
    missing.unlink()
    stale.write_text("{}")
    assert differing(tmp_path) == sorted(path.relative_to(tmp_path).as_posix() for path in (changed, missing, stale))
    with pytest.raises(FoundWrong, match="run `ioc contract`"):
        contract(out=tmp_path, check=True, json=False)
    contract(out=tmp_path, check=False, json=False)
    assert differing(tmp_path) == []
