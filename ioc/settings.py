"""Where everything is: read once from `IOC_*` variables and from what `ioc up` wrote, then passed along.

Precedence: environment variable, then `<home>/endpoints.json` (written by the local stack), then the usual port.
Nothing else in the project reads the environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ioc.errors import IocError

USUAL_KAFKA = "127.0.0.1:19092"
USUAL_CLICKHOUSE = "http://127.0.0.1:18123"
USUAL_WALL_PORT = 8060

# Partitions bound how many workers can share the load and cannot be changed without `ioc rebuild`; six divides
# evenly among 1, 2, 3 and 6 workers and keeps a batch of a province's live flow from becoming too small.
DEFAULT_PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach Kafka. `bootstrap` is a tuple of `host:port`."""

    bootstrap: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None

    def client_options(self) -> dict[str, object]:
        """Keyword arguments for any kafka-python client (producer, consumer, admin)."""
        options: dict[str, object] = {
            "bootstrap_servers": list(self.bootstrap),
            "security_protocol": self.security_protocol,
        }
        if self.ca_file:
            options["ssl_cafile"] = self.ca_file
        if self.sasl_mechanism:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options


@dataclass(frozen=True, slots=True)
class ClickHouseSettings:
    """How to reach ClickHouse over HTTP; `cluster` names a replicated cluster, None means one node."""

    host: str
    port: int
    secure: bool = False
    user: str = "ioc"
    password: str = ""
    reader_user: str = "ioc_reader"
    reader_password: str = ""
    database: str = "ioc"
    cluster: str | None = None
    ca_file: str | None = None

    @property
    def url(self) -> str:
        """Base URL without user or password."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a command needs to find its parts."""

    home: Path
    lang: str
    kafka: KafkaSettings
    clickhouse: ClickHouseSettings
    case_topic: str = "ioc.case-events"
    partitions: int = DEFAULT_PARTITIONS
    group: str = "ioc-worker"
    external_kafka: bool = False
    external_clickhouse: bool = False
    # Ports an operator fixed for the local stack; None lets `ioc up` choose free ones.
    kafka_port: int | None = None
    store_port: int | None = None
    # Where what is resolved once is kept (Kafka's jars), and the Java that runs them; None means the one on PATH.
    cache: Path = Path("~/.cache/ioc-metrics")
    java_home: str | None = None
    # A Chromium for pictures of the wall; None means the one on PATH.
    chromium: str | None = None

    @property
    def endpoints_file(self) -> Path:
        return self.home / "endpoints.json"

    @property
    def passwords_file(self) -> Path:
        return self.home / "passwords.json"


def _read_json(path: Path) -> dict[str, object]:
    try:
        loaded = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise IocError(f"{path} may not be read by this user; run as its owner or set IOC_HOME elsewhere.") from error
    except ValueError as error:
        raise IocError(f"{path} is not valid JSON; run `ioc down` and `ioc up` to have it written anew.") from error
    if not isinstance(loaded, dict):
        raise IocError(f"{path} does not hold a JSON object; run `ioc down` and `ioc up` to have it written anew.")
    return loaded


def _int(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise IocError(f"{name}={text!r} is not a whole number; set it to one or leave it out.") from error


def _kafka(env: Mapping[str, str], endpoint: object) -> KafkaSettings:
    bootstrap = env.get("IOC_KAFKA") or (endpoint if isinstance(endpoint, str) else USUAL_KAFKA)
    protocol = env.get("IOC_KAFKA_PROTOCOL", "PLAINTEXT").upper()
    if protocol not in {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}:
        raise IocError(f"IOC_KAFKA_PROTOCOL={protocol} is not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.")
    sasl = protocol.startswith("SASL")
    return KafkaSettings(
        bootstrap=tuple(part.strip() for part in bootstrap.split(",") if part.strip()),
        security_protocol=protocol,
        sasl_mechanism=env.get("IOC_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512") if sasl else None,
        username=env.get("IOC_KAFKA_USER"),
        password=env.get("IOC_KAFKA_PASSWORD"),
        ca_file=env.get("IOC_KAFKA_CA"),
    )


def _clickhouse(env: Mapping[str, str], endpoint: object, passwords: Mapping[str, object]) -> ClickHouseSettings:
    text = env.get("IOC_CLICKHOUSE") or (endpoint if isinstance(endpoint, str) else USUAL_CLICKHOUSE)
    if "://" not in text:
        text = f"http://{text}"
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise IocError(f"IOC_CLICKHOUSE={text!r} is not an address; write it as https://host:8443.")
    secure = parts.scheme == "https"
    user = env.get("IOC_CLICKHOUSE_USER") or (unquote(parts.username) if parts.username else "ioc")
    password = env.get("IOC_CLICKHOUSE_PASSWORD") or unquote(parts.password or "") or str(passwords.get("ioc", ""))
    reader = env.get("IOC_CLICKHOUSE_READER_USER", "ioc_reader")
    return ClickHouseSettings(
        host=parts.hostname,
        port=parts.port or (8443 if secure else 8123),
        secure=secure,
        user=user,
        password=password,
        reader_user=reader,
        reader_password=env.get("IOC_CLICKHOUSE_READER_PASSWORD") or str(passwords.get("ioc_reader", "")),
        database=env.get("IOC_CLICKHOUSE_DATABASE", "ioc"),
        cluster=env.get("IOC_CLICKHOUSE_CLUSTER") or None,
        ca_file=env.get("IOC_CLICKHOUSE_CA"),
    )


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Reads the environment (or `env`) and the state directory.

    Raises IocError naming the variable or file that is wrong.
    """
    env = os.environ if env is None else env
    home = Path(env.get("IOC_HOME", ".ioc")).absolute()
    endpoints = _read_json(home / "endpoints.json")
    passwords = _read_json(home / "passwords.json")
    lang = env.get("IOC_LANG", "vi")
    if lang not in {"vi", "en"}:
        raise IocError(f"IOC_LANG={lang} is not vi or en.")
    return Settings(
        home=home,
        lang=lang,
        kafka=_kafka(env, endpoints.get("kafka")),
        clickhouse=_clickhouse(env, endpoints.get("clickhouse"), passwords),
        case_topic=env.get("IOC_CASE_TOPIC", "ioc.case-events"),
        partitions=_int(env, "IOC_PARTITIONS", DEFAULT_PARTITIONS),
        group=env.get("IOC_GROUP", "ioc-worker"),
        external_kafka=bool(env.get("IOC_KAFKA")),
        external_clickhouse=bool(env.get("IOC_CLICKHOUSE")),
        kafka_port=_int(env, "IOC_KAFKA_PORT", 0) or None,
        store_port=_int(env, "IOC_STORE_PORT", 0) or None,
        cache=Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "ioc-metrics",
        java_home=env.get("JAVA_HOME") or None,
        chromium=env.get("IOC_CHROMIUM") or None,
    )
