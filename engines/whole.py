"""Everything at once, each a process of its own on this machine: what `deploy/compose.yaml` is with
containers. Kafka, Flink (jobs, tasks and gateway apart), Valkey, Milvus, two servers that share
their events, a feeder from Flink's facts to the store, and a reader of the store.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from engines import EngineError, free_port
from engines.flink import Flink
from engines.kafka import Kafka
from engines.milvus import Milvus
from engines.processes import Process, answers
from engines.valkey import Valkey

SHOP = Path(__file__).parents[1] / "examples" / "shop.py"
PARTITIONS = 4
OURS = ("server-a", "server-b", "feeder", "reader")
PARTS = ("kafka", "flink", "valkey", "milvus", *OURS)


class Whole:
    """All of it, started and ready; `stop` it. Each part can be killed and started again.

    settings: more of them for our own processes, by their names in the environment.
    """

    def __init__(
        self,
        folder: Path,
        app: Path = SHOP,
        *,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.app = folder, app
        self._more = dict(settings or {})
        self._ends: list[Callable[[], None]] = []
        try:
            self.kafka = Kafka(folder / "kafka")
            self._ends.append(self.kafka.stop)
            self.valkey = Valkey(folder / "valkey", "--appendonly", "yes")
            self._ends.append(self.valkey.stop)
            self.flink = Flink(folder / "flink", cluster=True)
            self._ends.append(self.flink.stop)
            self.milvus = Milvus(folder / "milvus")
            self._ends.append(self.milvus.stop)
            self.log = f"kafka://{self.kafka.servers}/whole"
            self._once("kafka", "init", str(app), "--partitions", str(PARTITIONS))
            self.urls: dict[str, str] = {}
            self.ours = {name: self._ours(name) for name in OURS}
            for process in self.ours.values():
                process.start(wait=False)
                self._ends.append(process.stop)
            self._once("flink", "submit", str(app), "--gateway", self.flink.gateway,
                       "--checkpoint", "2s")  # fmt: skip
            for process in self.ours.values():
                process.wait()
        except BaseException:
            self.stop()
            raise

    @property
    def servers(self) -> str:
        places = {**self.urls, "log": self.log, "store": self.valkey.url,
                  "vectors": self.milvus.url, "gateway": self.flink.gateway}  # fmt: skip
        return "\n" + "\n".join(f"  {name:<9} {url}" for name, url in places.items())

    @property
    def pid(self) -> int:
        return os.getpid()

    def kill(self, part: str) -> None:
        """kill -9 one of PARTS; of Flink, who runs its tasks."""
        if part == "flink":
            self.flink.kill("tasks")
        else:
            self._part(part).kill()

    def start(self, part: str) -> None:
        """Start it again, and wait until it is ready."""
        if part == "flink":
            self.flink.start_role("tasks")
        else:
            self._part(part).start()

    def stop(self) -> None:
        """End everything, in the order opposite to the start."""
        while self._ends:
            self._ends.pop()()

    def _part(self, name: str) -> Process:
        others: dict[str, Process] = {
            "kafka": self.kafka, "valkey": self.valkey, "milvus": self.milvus
        }  # fmt: skip
        return {**others, **self.ours}[name]

    def _ours(self, name: str) -> Process:
        port = free_port()
        self.urls[name] = f"http://127.0.0.1:{port}"
        command = ["feed"] if name == "feeder" else ["serve"]
        command += [str(self.app), "--port", str(port), "--log-level", "warning"]
        env = {"AFRESH_LOG": self.log}
        if name.startswith("server"):
            command += ["--data", str(self.folder / name)]
            env["AFRESH_VECTORS"] = self.milvus.url
            env["AFRESH_VECTORS_WRITE"] = str(name == "server-a").lower()
        else:
            env["AFRESH_STORE"] = self.valkey.url
            command += ["--store-only"] if name == "reader" else []
        url = f"{self.urls[name]}/readyz"
        return Process(
            name,
            [sys.executable, "-m", "afresh.cli", *command],
            self.folder / f"{name}.log",
            lambda: answers(url),
            env=self._env(env),
        )

    def _env(self, given: Mapping[str, str]) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith("AFRESH_")}
        return {**kept, **given, **self._more}

    def _once(self, *command: str) -> None:
        """Run one of our commands to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "afresh.cli", *command],
            env=self._env({"AFRESH_LOG": self.log}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise EngineError(f"`afresh {' '.join(command)}` failed:\n{done.stdout[-3000:]}")
