"""What a partition has settled and not yet written, as rows; taking it makes the partition clean."""

from __future__ import annotations

from operator import itemgetter

from sinks.rows import CaseRow, CellColumns, ProgressRow, StockRow, TickRow, WriteBatch
from streams.dimensions import HOUR_MASK, MEASURE_MASK, MEASURE_NAMES, MEASURE_SHIFT, Dimensions
from streams.partition import PartitionState
from streams.segments import Dirty
from streams.steps import FINISHED, OPEN, REFUSED, WITHDRAWN, Case
from streams.stocks import STOCK_NAMES

_STOCK_MASK = (1 << 8) - 1
_CLOSED_STATUS = {REFUSED: "refused", WITHDRAWN: "withdrawn", FINISHED: "finished"}


def status_of(case: Case) -> str:
    """The case's status as stored: waiting, open, paused, refused, withdrawn, finished or unknown."""
    if case.closed != OPEN:
        return _CLOSED_STATUS[case.closed]
    if case.accepted:
        return "paused" if case.pauses else "open"
    return "waiting" if case.submitted else "unknown"


def case_row(partition: int, case_id: str, case: Case, dimensions: Dimensions, clock: int, version: int) -> CaseRow:
    """A case as a row."""
    agency, service, channel = dimensions[case.dimension]
    return CaseRow(
        partition,
        case_id,
        agency,
        service,
        channel,
        status_of(case),
        case.submitted,
        case.accepted,
        case.due,
        case.closed_at,
        case.waited,
        case.supplements,
        case.facts,
        clock,
        version,
    )


def _add_cells(
    columns: CellColumns, partition: int, versions: dict[int, int], values: dict[int, int], dimensions: Dimensions
) -> None:
    where = [dimensions[key] for key in versions]
    columns.partition.extend([partition] * len(versions))
    columns.measure.extend([MEASURE_NAMES[key >> MEASURE_SHIFT & MEASURE_MASK] for key in versions])
    columns.hour.extend([key & HOUR_MASK for key in versions])
    columns.agency.extend([one[0] for one in where])
    columns.service.extend([one[1] for one in where])
    columns.channel.extend([one[2] for one in where])
    columns.value.extend([values[key] for key in versions])
    columns.version.extend(versions.values())


def take_snapshot(state: PartitionState, dimensions: Dimensions, batch: WriteBatch) -> None:
    """Adds everything unwritten of `state` to `batch`, as of `state.position`."""
    dirty, state.dirty = state.dirty, Dirty()
    partition, cells, cases = state.partition, state.cells, state.cases
    _add_cells(batch.cells, partition, dirty.cells, cells, dimensions)
    unticked = ((key, version, value) for key, (version, value) in dirty.stocks.items())
    # In log order: a reader that finds a stock's row past its position does not write the earlier ones again.
    for key, version, value in sorted((*dirty.stocks_of_ticks, *unticked), key=itemgetter(1)):
        agency, service, _ = dimensions[key]
        batch.stocks.append(StockRow(partition, STOCK_NAMES[key & _STOCK_MASK], agency, service, value, version))
    for case_id, (version, clock) in dirty.cases.items():
        batch.cases.append(case_row(partition, case_id, cases[case_id], dimensions, clock, version))
    batch.ticks.extend(TickRow(partition, tick, version) for tick, version in dirty.ticks)
    batch.progress.append(ProgressRow(partition, state.position, state.events, state.watermark))
