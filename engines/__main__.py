"""python -m engines: fetch engines, or run one until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import engines
from engines.feast import install_feast
from engines.flink import Flink, install_flink
from engines.kafka import Kafka, install_kafka
from engines.kafka_streams import build_kafka_streams
from engines.linters import install_compose, install_helm
from engines.milvus import Milvus
from engines.valkey import Valkey
from engines.whole import Whole

TOGETHER = 3
"""Engines fetched at a time: one waits for the network while another one is built."""
INSTALL = {
    "helm": install_helm,
    "feast": install_feast,
    "flink": install_flink,
    "kafka": install_kafka,
    "compose": install_compose,
}
BUILD = {"kafka-streams": build_kafka_streams}
START: dict[str, Callable[[Path], Kafka | Flink | Valkey | Milvus | Whole]] = {
    "kafka": Kafka,
    "flink": Flink,
    "flink-cluster": partial(Flink, cluster=True),
    "valkey": Valkey,
    "milvus": Milvus,
    "whole": Whole,
}


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("engines", description=engines.__doc__, formatter_class=shape)
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("install", help="fetch engines, unless they are there")
    fetch.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join((*INSTALL, *BUILD))}; or all"
    )
    make = commands.add_parser("build", help="build what runs on them, unless it is there")
    make.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BUILD)}; or all")
    run = commands.add_parser("start", help="run one until Ctrl-C")
    run.add_argument("name", choices=list(START))
    run.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        if given.command in ("install", "build"):
            known = BUILD if given.command == "build" else {**INSTALL, **BUILD}
            if unknown := set(given.names) - set(known):
                parser.error(f"there is no engine {', '.join(sorted(unknown))}")
            with ThreadPoolExecutor(TOGETHER) as pool:
                for folder in pool.map(lambda name: known[name](), given.names or known):
                    print(folder, flush=True)
        else:
            engine = START[given.name](given.folder)
            print(f"ready, pid {engine.pid}; Ctrl-C stops it: {engine.servers}", flush=True)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())
            try:
                signal.pause()
            except KeyboardInterrupt:
                pass
            finally:
                engine.stop()
    except engines.EngineError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
