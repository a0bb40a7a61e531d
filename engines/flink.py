"""Apache Flink with its SQL gateway: in one process, or as a cluster of three.

Measured here: ready in 6 to 11 s as one process (283 MB, 0.5 to 0.9 GB at work), in 8 to 19 s as
three. 274 MB of jars.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from engines import EngineError, ends_with_us, free_port, install, installed
from engines.flink_settings import LOG4J, MINI, config
from engines.jars import fetch, java
from engines.wheels import unpacked

VERSION = "2.3.0"
NAME = f"flink-{VERSION}"
READY_S = 120.0
SLOTS = 8

# All that these two need is in Flink's own jars.
ARTIFACTS = (
    f"org.apache.flink:flink-sql-gateway:{VERSION}",
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
)

MAIN = {
    "one": "{conf}/MiniFlink.java",
    "jobs": "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    "tasks": "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
    "gateway": "org.apache.flink.table.gateway.SqlGateway",
}
HEAP_MB = {"jobs": 384, "tasks": 576, "gateway": 512}


def install_flink() -> Path:
    """Fetch Flink from PyPI, and its gateway and connector from Maven Central, unless there."""
    return install(NAME, _fill)


def _fill(folder: Path) -> None:
    fetch(ARTIFACTS, folder, transitive=False)
    with tempfile.TemporaryDirectory() as spare:
        unpacked(f"apache-flink-libraries=={VERSION}", Path(spare))
        # The planner needs flink-cep; nobody needs the old Scala interface.
        for jar in (Path(spare) / "pyflink" / "lib").glob("*.jar"):
            if not jar.name.startswith("flink-scala"):
                shutil.move(jar, folder / jar.name)


class Flink:
    """Flink with its files in `folder`, started and ready; `stop` it.

    cluster: a process each for jobs, tasks and the gateway, so that tasks can die alone.
    heap_mb: of the one process.
    """

    def __init__(self, folder: Path, *, cluster: bool = False, heap_mb: int = 1024) -> None:
        self.jars, self.java = installed(NAME), java()
        self.folder, self._heap_mb = folder.resolve(), {**HEAP_MB, "one": heap_mb}
        self.roles = ("jobs", "tasks", "gateway") if cluster else ("one",)
        self._gateway_port, self._rest_port = free_port(), free_port()
        self.gateway = f"http://127.0.0.1:{self._gateway_port}"
        self.rest = f"http://127.0.0.1:{self._rest_port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("conf", "tmp", "checkpoints", "savepoints"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        ports = (self._gateway_port, self._rest_port, free_port())
        self._write("config.yaml", config(self.folder, *ports, slots=SLOTS))
        self._write("MiniFlink.java", MINI)
        self._write("log4j.properties", LOG4J)
        self.start()

    @property
    def servers(self) -> str:
        return self.gateway

    @property
    def pid(self) -> int:
        return next(iter(self._processes.values())).pid

    def start(self) -> None:
        """Start it (again), on the same ports, and wait until it takes statements."""
        began = time.monotonic()
        for role in self.roles:
            self.start_role(role)
        while not self.answers():
            for role, process in self._processes.items():
                gone = process.poll() is not None
                if gone or time.monotonic() - began > READY_S:
                    self.kill()
                    end = (self.folder / f"{role}.log").read_text()[-3000:]
                    what = "ended" if gone else f"was not ready after {READY_S:g} s"
                    raise EngineError(f"Flink ({role}) {what}; the end of its log:\n{end}")
            time.sleep(0.1)

    def start_role(self, role: str) -> None:
        with (self.folder / f"{role}.log").open("ab") as log:
            self._processes[role] = subprocess.Popen(
                self._command(role),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_us,
                cwd=self.folder,
                env={**os.environ, "FLINK_CONF_DIR": str(self.folder / "conf")},
            )

    def stop(self) -> None:
        """End it in order; by force after 20 s."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def kill(self, *roles: str) -> None:
        """kill -9 these roles, or all."""
        for role in roles or self.roles:
            if role in self._processes:
                process = self._processes.pop(role)
                process.kill()
                process.wait()

    def answers(self) -> bool:
        """Whether the gateway answers and tasks can run."""
        slots = self.get("/overview").get("slots-total", 0)
        return slots >= SLOTS and bool(_get(f"{self.gateway}/v1/info"))

    def get(self, path: str) -> dict[str, Any]:
        """What the cluster's own REST interface says; nothing when it does not answer."""
        return _get(self.rest + path)

    def _write(self, name: str, text: str) -> None:
        (self.folder / "conf" / name).write_text(text)

    def _command(self, role: str) -> list[str]:
        conf = self.folder / "conf"
        arguments = {"one": [str(conf)], "gateway": []}.get(role, ["--configDir", str(conf)])
        return [
            self.java, f"-Xmx{self._heap_mb[role]}m", "-Xms64m", "-XX:+UseSerialGC",
            "-XX:MaxMetaspaceSize=256m", *self._opens(),
            f"-Dlog4j2.configurationFile={conf}/log4j.properties",
            "-cp", f"{self.jars}/*", MAIN[role].format(conf=conf), *arguments,
        ]  # fmt: skip

    def _opens(self) -> list[str]:
        """What Java must open to Flink, as the settings inside its jar say."""
        with zipfile.ZipFile(self.jars / f"flink-dist-{VERSION}.jar") as jar:
            text = jar.read("config.yaml").decode()
        found = re.search(r"^\s+all: (--add.*)$", text, re.M)
        assert found is not None
        return found[1].split()


def _get(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except (OSError, ValueError):
        return {}
