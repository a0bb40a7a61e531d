"""Jars from Maven Central, with all that they need, into one folder."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from engines import EngineError

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>engine</artifactId><version>1</version>
<dependencies>{}</dependencies></project>"""

MAVEN = threading.Lock()
"""Held while Maven works: two of them spoil the folder in which it keeps what it fetched."""

DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)


def java() -> str:
    """The java to run. Raises EngineError when there is none."""
    found = shutil.which("java")
    if found is None:
        raise EngineError("There is no java: `sh scripts/install-java` (Debian's openjdk-17)")
    return found


def fetch(artifacts: Iterable[str], folder: Path, *, transitive: bool = True) -> None:
    """Copy `group:artifact:version` jars, exact versions, into `folder`."""
    if shutil.which("mvn") is None:
        raise EngineError("There is no mvn: `sh scripts/install-java` (Debian's maven)")
    wanted = list(artifacts)
    pom = folder / "pom.xml"
    pom.write_text(POM.format("".join(DEPENDENCY.format(*a.split(":")) for a in wanted)))
    told = ["mvn", "-B", "-q", "-f", str(pom), PLUGIN, "-DincludeScope=runtime"]
    told += [f"-DoutputDirectory={folder}", f"-DexcludeTransitive={str(not transitive).lower()}"]
    with MAVEN:
        done = subprocess.run(told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    pom.unlink()
    missing = [a for a in wanted if not (folder / "{1}-{2}.jar".format(*a.split(":"))).exists()]
    if done.returncode or missing:
        raise EngineError(f"mvn did not bring {missing or wanted}:\n{done.stdout[-3000:]}")
