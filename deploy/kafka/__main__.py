"""`python -m deploy.kafka …`: prepares the node and becomes its Java process, so the supervisor watches one process."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from deploy.kafka.broker import Node, prepare
from deploy.kafka.jars import resolve_jars
from ioc.errors import IocError


def main() -> NoReturn:
    """Does not return when all is well; exit code 2 when the node cannot be prepared."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka")
    parser.add_argument("--home", type=Path, required=True, help="state directory, as IOC_HOME")
    parser.add_argument("--cache", type=Path, required=True, help="where the jars are cached")
    parser.add_argument("--java", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--controller-port", type=int, required=True)
    options = parser.parse_args()
    node = Node(options.home.absolute(), options.host, options.port, options.controller_port)
    try:
        command = prepare(node, options.java, resolve_jars(options.cache))
    except IocError as error:
        print(f"kafka: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
