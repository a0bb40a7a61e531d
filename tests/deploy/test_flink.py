"""The manifest for Flink on Kubernetes is of the version that is tested here. It is not run."""

from __future__ import annotations

from pathlib import Path

import yaml
from engines.flink import NAME

FILE = Path(__file__).parents[2] / "deploy" / "flink" / "session.yaml"


def test_the_manifest_is_of_the_version_that_is_tested() -> None:
    parts = {part["kind"]: part for part in yaml.safe_load_all(FILE.read_text(encoding="utf-8"))}
    version = NAME.rsplit("-", 1)[-1]
    cluster, gateway = parts["FlinkDeployment"]["spec"], parts["Deployment"]["spec"]
    (container,) = gateway["template"]["spec"]["containers"]
    assert cluster["image"] == container["image"] == f"afresh-flink:{version}"
    assert cluster["flinkVersion"] == "v" + "_".join(version.split(".")[:2])
    assert "job" not in cluster  # a session: jobs come by the gateway
    name = parts["FlinkDeployment"]["metadata"]["name"]
    assert f"-Drest.address={name}-rest" in container["args"]
    config = cluster["flinkConfiguration"]
    assert config["execution.checkpointing.mode"] == "AT_LEAST_ONCE"
    assert {"execution.checkpointing.dir", "execution.checkpointing.savepoint-dir"} <= set(config)
    assert parts["Service"]["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"]
