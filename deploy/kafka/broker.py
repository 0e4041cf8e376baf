"""The one Kafka node: its properties, its storage formatted once, its Java command."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.archive import archive_options
from deploy.kafka.jars import Jars
from ioc.errors import IocError

_LOGGING = Path(__file__).with_name("log4j2.xml")

# Settings of a single node. Replication is 1 for want of a second one; a group need not wait for more members; the
# dedupe buffer fits the heap. A log keeps records by size only: a replay's records carry times of years ago, and time
# would remove them at once.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=100
message.max.bytes=8388608
log.segment.bytes=268435456
log.retention.ms=-1
log.retention.bytes=4294967296
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""


@dataclass(frozen=True, slots=True)
class Node:
    """Where the node lives and listens; `home` is the state directory."""

    home: Path
    host: str
    port: int
    controller_port: int

    @property
    def data(self) -> Path:
        return self.home / "kafka"

    @property
    def properties_file(self) -> Path:
        return self.home / "kafka.properties"


def java_command(
    java: str, jars: Jars, options: list[str], main_class: str, *arguments: str, heap: str = "512m"
) -> list[str]:
    """The Java command line of one of Kafka's programs.

    The serial collector and the quick compiler take the least of two cores: with the latter alone a broker starts with
    half the CPU and takes 300,000 records of 350 bytes with a third of it (0.5 s against 1.5 s of one core), for most
    of its work is copying.
    """
    return [
        java,
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        *options,
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={_LOGGING}",
        "-cp",
        jars.classpath,
        main_class,
        *arguments,
    ]


def prepare(node: Node, java: str, jars: Jars) -> list[str]:
    """Writes the node's properties, formats its storage if it never was, and gives the broker's command.

    Formatting happens in a directory that is renamed when complete. Raises IocError when formatting fails.
    """
    node.properties_file.write_text(_properties(node, node.data), "utf-8")
    if not (node.data / "meta.properties").exists():
        _format(node, java, jars)
    options = [*archive_options(java, jars), "-XX:+ExitOnOutOfMemoryError"]
    return java_command(java, jars, options, "kafka.Kafka", str(node.properties_file))


def _properties(node: Node, data: Path) -> str:
    return _PROPERTIES.format(host=node.host, port=node.port, controller_port=node.controller_port, data=data)


def _format(node: Node, java: str, jars: Jars) -> None:
    draft = node.home / "kafka.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    properties = node.home / "kafka.draft.properties"
    properties.write_text(_properties(node, draft), "utf-8")
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = ["format", "-t", cluster, "-c", str(properties)]
    command = java_command(java, jars, [], "kafka.tools.StorageTool", *arguments, heap="128m")
    done = subprocess.run(command, capture_output=True, text=True)
    properties.unlink()
    if done.returncode != 0:
        told = (done.stdout + done.stderr).strip().splitlines()
        raise IocError(f"Kafka's storage in {draft} cannot be formatted: {told[-1] if told else 'no reason given'}")
    # An unformatted directory holds nothing of Kafka's; it only stands in the way of the renaming.
    shutil.rmtree(node.data, ignore_errors=True)
    draft.rename(node.data)
