"""The chart: linted by Helm, what it makes checked against Kubernetes' schemas. It is not run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from engines import EngineError, installed
from engines.linters import HELM
from tests.conftest import missing_engine

from afresh.settings import Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "afresh"
DEFINITION = ["--set-file", f"definition={ROOT / 'examples' / 'shop.py'}"]
KUBERNETES = "1.33"
EVERYTHING = [
    "readers.replicas=2", "feeders.replicas=1", "settings.store=redis://valkey:6379/0",
    "settings.kafka_user=shop", "flink.gateway=http://gateway:8083", "podMonitor.enabled=true",
    "ingress.enabled=true", "ingress.host=shop.example", "ingress.tls=shop-tls",
    "servers.storage.class=fast",
]  # fmt: skip

pytestmark = pytest.mark.engine
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def helm() -> Helm:
    try:
        binary = installed(HELM) / "helm"
    except EngineError as error:
        missing_engine("Helm", str(error))

    def run(*said: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(binary), *said], capture_output=True, text=True)

    return run


def templated(helm: Helm, *values: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for value in values for word in ("--set", value)]
    version = ["--kube-version", f"{KUBERNETES}.0"]
    return helm("template", "shop", str(CHART), *version, *DEFINITION, *chosen)


def made(helm: Helm, *values: str) -> list[dict[str, Any]]:
    done = templated(helm, *values)
    assert done.returncode == 0, done.stderr
    return [part for part in yaml.safe_load_all(done.stdout) if part]


def test_helm_finds_nothing_wrong(helm: Helm) -> None:
    done = helm("lint", "--strict", str(CHART), *DEFINITION)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", [[], EVERYTHING], ids=["as it is", "everything"])
def test_what_it_makes_is_what_kubernetes_takes(helm: Helm, values: list[str]) -> None:
    parts = made(helm, *values)
    for part in parts:
        if part["kind"] != "PodMonitor":  # the operator's own
            kubernetes_validate.validate(part, KUBERNETES, strict=True)
    kinds = [part["kind"] for part in parts]
    assert kinds.count("Deployment") == (2 if values else 0)
    assert {"StatefulSet", "Service", "ConfigMap", "Job", "PodDisruptionBudget"} <= set(kinds)


def test_settings_are_ours_and_one_server_writes(helm: Helm) -> None:
    parts = made(helm, *EVERYTHING)
    (settings,) = (p for p in parts if p["metadata"]["name"].endswith("-settings"))
    for name in settings["data"]:
        assert name.removeprefix("AFRESH_").lower() in Settings.model_fields
    (servers,) = (p for p in parts if p["kind"] == "StatefulSet")
    (server,) = servers["spec"]["template"]["spec"]["containers"]
    script = server["command"][-1].replace("exec afresh serve /app/app.py", "env")
    for host, word in (("shop-0", None), ("shop-1", "false"), ("shop-10", "false")):
        env = {"HOSTNAME": host, "PATH": "/usr/bin:/bin"}
        told = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True).stdout
        found = dict(line.split("=", 1) for line in told.splitlines())
        assert found.get("AFRESH_VECTORS_WRITE") == word
        assert found["AFRESH_STORE_WRITE"] == "false"  # the feeder writes


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("settings.log=afresh-data", "pattern"),
        ("servers.replicas=0", "minimum"),
        ("readers.replicas=1", "settings.store"),
    ],
)
def test_wrong_values_are_refused(helm: Helm, value: str, said: str) -> None:
    done = helm(
        "template", "shop", str(CHART), "--kube-version", "1.33.0", *DEFINITION, "--set", value
    )
    assert done.returncode != 0
    assert said in done.stderr
