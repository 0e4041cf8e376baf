"""Throughput: records waiting in Kafka until they are in all tables, one worker; against a plain Faust agent, and two.

The plain agent does the same work through the same fold, pipeline and tables; only its records reach it one by one,
as Faust delivers them. Rates are taken from the first write on, so that start-up does not count.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime

from kafka import KafkaConsumer, TopicPartition
from rich.progress import track

from benchmarks.ground import Ground, await_that, cpu_seconds, free_port, ground, peak_memory_mb, pids, running, scrape
from benchmarks.report import Bar, Report
from ioc.local_time import LOCAL_ZONE
from ioc.output import REMARKS
from producers.delivery import Delivery
from producers.oracle import Oracle
from producers.province import ProvinceConfig, simulate
from producers.traps import clean

# The plain agent manages some thousand a second; half a minute of it says all there is to say.
_PLAIN_SECONDS = 30.0
_HOUR_MS = 3_600_000
# Looking costs the store a millisecond or two.
_LOOK_SECONDS = 0.2


def throughput(events: int, two_workers: bool = True) -> Report:
    """Produces `events` simulated events, then measures. Raises IocError when the stack does not answer."""
    report = Report("throughput")
    with ground() as first:
        _produce(first, events)
        total = _records(first)
        rate, memory, profile = _worker_rate(first, total, 1)
        report.figures["events_per_second"] = rate
        report.figures["worker_peak_memory_mb"] = memory
        report.figures.update(profile)
        verified = first.run("verify")
        report.figures["verify_differences"] = verified["differences"]
        report.figures["verified_events"] = verified["checked"]["events"]
        topic = first.settings.case_topic
        with ground(topic=topic) as plain:
            report.figures["plain_agent_events_per_second"] = _plain_rate(plain)
        if two_workers:
            with ground(topic=topic) as double:
                report.figures["two_workers_events_per_second"] = _worker_rate(double, total, 2)[0]
                report.figures["two_workers_ratio"] = report.figures["two_workers_events_per_second"] / rate
    report.figures["ratio_to_plain_agent"] = rate / report.figures["plain_agent_events_per_second"]
    report.bars = [
        Bar("events_per_second", rate, 100_000, True),
        Bar("ratio_to_plain_agent", report.figures["ratio_to_plain_agent"], 10, True),
        Bar("verify_differences", report.figures["verify_differences"], 0, False),
        Bar("worker_peak_memory_mb", memory, 1000, False),
    ]
    return report


def _produce(where: Ground, events: int) -> None:
    province = simulate(ProvinceConfig(start=datetime(2025, 1, 6, tzinfo=LOCAL_ZONE), events=events))
    hour = 0
    with Delivery(where.settings) as delivery:
        for record in track(clean(province, Oracle()), "producing", events, console=REMARKS, transient=True):
            if record.time // _HOUR_MS > hour:
                hour = record.time // _HOUR_MS
                delivery.send_clock(hour * _HOUR_MS)
            delivery.send(record.key, record.value)
        delivery.flush()


def _records(where: Ground) -> int:
    """Records in the topic, punctuation included."""
    consumer = KafkaConsumer(**where.settings.kafka.client_options())
    try:
        partitions = [TopicPartition(where.settings.case_topic, one) for one in range(where.settings.partitions)]
        return sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()


def _measure(where: Ground, process: subprocess.Popen[bytes], total: int, seconds: float) -> float:
    """Records a second from the first write until `total` are written or `seconds` have passed."""
    await_that(lambda: sum(where.written().values()) > 0, "the first write", process, 120)
    started, before = time.monotonic(), sum(where.written().values())
    after = before
    while after < total and time.monotonic() - started < seconds:
        if process.poll() is not None:
            break
        time.sleep(_LOOK_SECONDS)
        after = sum(where.written().values())
    return (after - before) / (time.monotonic() - started)


def _worker_rate(where: Ground, total: int, workers: int) -> tuple[float, float, dict[str, float]]:
    """(records a second, greatest peak memory in MB, where the time went) of `workers` workers."""
    port = free_port()
    parts = {name: pid for name, pid in pids(where).items() if name in ("store", "kafka")}
    with ExitStack() as stack:
        crew = [stack.enter_context(running(where.start("worker", "--clock", "log", "--metrics-port", str(port))))]
        crew += [stack.enter_context(running(where.start("worker", "--clock", "log"))) for _ in range(workers - 1)]
        cpu_before = {name: cpu_seconds(pid) for name, pid in parts.items()}
        rate = _measure(where, crew[0], total, 1_800)
        profile = _profile(scrape(port), total)
        profile |= {
            f"cpu_us_per_event_{name}": (cpu_seconds(pid) - cpu_before[name]) / total * 1e6
            for name, pid in parts.items()
        }
        return rate, max(peak_memory_mb(one.pid) for one in crew), profile


def _profile(metrics: dict[str, float], total: int) -> dict[str, float]:
    """Microseconds an event: the worker's processor time, decoding and folding (wall), writing (wall, in a thread)."""
    return {
        "cpu_us_per_event_worker": metrics["process_cpu_seconds_total"] / total * 1e6,
        "wall_us_per_event_fold": metrics["ioc_worker_fold_seconds_total"] / total * 1e6,
        "wall_us_per_event_write": metrics["ioc_worker_write_seconds_sum"] / total * 1e6,
        "records_per_write": total / max(1.0, metrics["ioc_worker_write_seconds_count"]),
    }


def _plain_rate(where: Ground) -> float:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.plain_agent"], env=where.env)
    with running(process):
        return _measure(where, process, 2**62, _PLAIN_SECONDS)
