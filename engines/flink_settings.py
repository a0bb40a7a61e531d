"""What Flink is told: its settings, its log, and the launcher of the one-process form."""

from __future__ import annotations

from pathlib import Path

# Compiled in memory by `java MiniFlink.java`, which needs a JDK.
MINI = """import org.apache.flink.configuration.*;
import org.apache.flink.runtime.minicluster.*;
import org.apache.flink.table.gateway.SqlGateway;

public class MiniFlink {
    public static void main(String[] args) throws Exception {
        Configuration c = GlobalConfiguration.loadConfiguration(args[0]);
        new MiniCluster(new MiniClusterConfiguration.Builder().setConfiguration(c)
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(c.get(TaskManagerOptions.NUM_TASK_SLOTS)).build()).start();
        SqlGateway.main(new String[0]);  // finds it at rest.port, as it would a remote one
    }
}
"""

LOG4J = """rootLogger.level=WARN
rootLogger.appenderRef.a.ref=A
appender.a.type=Console
appender.a.name=A
appender.a.layout.type=PatternLayout
appender.a.layout.pattern=[%d] %p %m (%c)%n
"""

# Started without Flink's scripts, the tasks' process wants every part of its memory named.
# rest.bind-port stays unset: the gateway would take it for its own.
SETTINGS = """jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: 127.0.0.1
jobmanager.memory.heap.size: 384m
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
rest.flamegraph.enabled: false
web.submit.enable: false
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: 2.0
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.task.heap.size: 512m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
sql-gateway.endpoint.type: rest
sql-gateway.endpoint.rest.address: 127.0.0.1
sql-gateway.endpoint.rest.bind-address: 127.0.0.1
sql-gateway.endpoint.rest.port: {gateway}
parallelism.default: 1
execution.target: remote
execution.checkpointing.dir: {folder}/checkpoints
execution.checkpointing.savepoint-dir: {folder}/savepoints
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
state.backend.type: hashmap
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 1000
restart-strategy.fixed-delay.delay: 500 ms
heartbeat.interval: 1000
heartbeat.timeout: 10000
heartbeat.rpc-failure-threshold: 2
io.tmp.dirs: {tmp}
"""


def config(folder: Path, gateway: int, rest: int, rpc: int, *, slots: int) -> str:
    """The settings, with files under `folder` and these ports."""
    return SETTINGS.format(
        folder=folder.as_uri(), tmp=folder / "tmp", gateway=gateway, rest=rest, rpc=rpc, slots=slots
    )
