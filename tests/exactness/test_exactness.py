"""200,000 events with everything that goes wrong: the figures are those of the ordered stream, and the truth.

Everything is real: Kafka, the ClickHouse engine, the commands as processes. The oracle is the simulator's own
arithmetic, `ioc verify` an independent recomputation in SQL, and the undisturbed run the third opinion.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from producers.oracle import Oracle
from producers.traps import USUAL_TRAPS
from tests.conftest import Fresh
from tests.exactness.harness import (
    Feeding,
    Figures,
    await_that,
    await_written,
    cases,
    crew,
    dead_letters,
    feed,
    figures,
    kill_part,
    stocks,
    verify,
    written,
)

EVENTS = 200_000

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Outcome:
    """What one run left behind."""

    figures: Figures
    cases: dict[str, tuple[Any, ...]]
    stocks: Figures


# The undisturbed run is the yardstick of the others: run once, whichever test asks first.
_ORDERED: dict[str, Outcome] = {}


def outcome(fresh: Fresh) -> Outcome:
    return Outcome(figures(fresh.settings), cases(fresh.settings), stocks(fresh.settings))


def check(fresh: Fresh, oracle: Oracle, expected: Outcome | None) -> None:
    """Oracle, verification and undisturbed run agree with what was written."""
    document = verify(fresh.env)
    assert document["differences"] == 0, document["examples"]
    got = outcome(fresh)
    assert got.figures == oracle.cells()
    assert len(got.cases) == oracle.cases
    assert dead_letters(fresh.settings) == dict(oracle.dead_letters)
    if expected is not None:
        assert got.figures == expected.figures
        assert got.cases == expected.cases


def run_ordered(fresh: Fresh) -> Oracle:
    oracle = feed(fresh.settings, EVENTS, None)
    with crew(fresh.env) as workers:
        await_written(fresh.settings, workers)
    return oracle


@pytest.fixture
def ordered(fresh: Fresh) -> Outcome:
    """The ordered stream's outcome."""
    if "outcome" not in _ORDERED:
        oracle = run_ordered(fresh)
        check(fresh, oracle, None)
        _ORDERED["outcome"] = outcome(fresh)
    return _ORDERED["outcome"]


@pytest.fixture
def second(fresh: Fresh) -> Fresh:
    """Names of one's own for the disturbed run, beside those of the ordered one."""
    from deploy.bring_up import migrate
    from ioc.settings import load_settings

    name = uuid.uuid4().hex[:10]
    env = {
        **fresh.env,
        "IOC_CLICKHOUSE_DATABASE": f"test_{name}",
        "IOC_CASE_TOPIC": f"test-{name}.case-events",
        "IOC_GROUP": f"test-{name}",
    }
    settings = load_settings(env)
    migrate(settings, env)
    return Fresh(settings, env)


def test_the_ordered_stream_gives_the_truth(ordered: Outcome) -> None:
    assert ordered.figures
    assert ordered.stocks


def test_disorder_and_workers_coming_and_going(ordered: Outcome, second: Fresh) -> None:
    """10 % duplicates, shuffled within a day, 5 % corrected, and workers 1 → 3 → 2 while it runs."""
    settings = second.settings
    with crew(second.env, 1) as workers:
        feeding = Feeding(settings, EVENTS, USUAL_TRAPS)
        feeding.start()
        await_that(lambda: written(settings) > EVENTS * 0.15, "the first worker writes")
        workers.hire()
        workers.hire()
        await_that(lambda: written(settings) > EVENTS * 0.5, "three workers write")
        workers.dismiss()
        oracle = feeding.done()
        await_written(settings, workers)
    assert oracle.duplicates > EVENTS * 0.09
    check(second, oracle, ordered)


def test_crashes_of_worker_store_and_broker(ordered: Outcome, second: Fresh) -> None:
    """The same disorder, five SIGKILLs of the worker, one of the store and one of the broker during the run."""
    settings = second.settings
    with crew(second.env, 2) as workers:
        feeding = Feeding(settings, EVENTS, USUAL_TRAPS)
        feeding.start()
        for step, part in enumerate(["", "store", "", "kafka", ""], start=1):
            await_that(lambda: written(settings) > EVENTS * 0.15 * step, f"step {step}")  # noqa: B023 - awaited at once
            workers.kill()
            if part:
                kill_part(second.env, part)
        oracle = feeding.done()
        await_written(settings, workers)
    check(second, oracle, ordered)
