"""The Kafka Streams runner: built by Maven from `engines/kafka-streams`, and run on a document."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from engines import EngineError, install, installed
from engines.jars import MAVEN, java
from engines.processes import Process

SOURCE = Path(__file__).parent / "kafka-streams"
JAR = "afresh-kafka-streams.jar"


def build_kafka_streams() -> Path:
    """Build the runner unless that of these sources is there (14 jars, 100 MB)."""
    return install(_name(), _build)


def built() -> Path:
    """The folder of the runner of these sources. Raises EngineError when it is not there."""
    return installed(_name())


def _name() -> str:
    digest = hashlib.sha256()
    for path in [SOURCE / "pom.xml", *sorted((SOURCE / "src").rglob("*.*"))]:
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    return f"kafka-streams-{digest.hexdigest()[:12]}"


def _build(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise EngineError("There is no mvn: `sh scripts/install-java` (Debian's maven)")
    source = folder / "source"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("target"))
    told = ["mvn", "-B", "-q", "-f", str(source / "pom.xml"), "package"]
    with MAVEN:
        done = subprocess.run(told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise EngineError(f"mvn did not build the runner:\n{done.stdout[-3000:]}")
    for made in (JAR, "lib"):
        (source / "target" / made).rename(folder / made)
    shutil.rmtree(source)


class KafkaStreams(Process):
    """A process of the runner, with its state and its log in `folder`; `stop` it.

    document: what it runs; settings: of Kafka Streams.
    """

    def __init__(self, folder: Path, document: bytes, settings: Mapping[str, str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "document.json").write_bytes(document)
        given = {"state.dir": str(folder / "state"), **settings}
        (folder / "runner.properties").write_text("".join(f"{k}={v}\n" for k, v in given.items()))
        command = [java(), "-Xmx512m", "-XX:+UseSerialGC", "-jar", str(built() / JAR)]
        super().__init__(
            "The runner",
            [*command, "document.json", "runner.properties"],
            folder / "runner.log",
            lambda: True,  # it says nothing of when it is
            folder=folder,
            stop_s=30.0,
        )
        self.start()

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def check(self) -> None:
        """Raises EngineError, with the end of its log, when it has ended."""
        if not self.runs():
            raise EngineError(f"The runner ended:\n{self.said()[-3000:]}")

    def status(self) -> int:
        """Its exit status, when it ends by itself."""
        assert self._process is not None
        return self._process.wait(60)

    def said(self) -> str:
        return self.log.read_text()
