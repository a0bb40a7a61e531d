"""One Apache Kafka node (KRaft: broker and controller in one process).

Measured here: 3.5 to 4 s from start to the first answer, 200 MB of memory.
"""

from __future__ import annotations

import base64
import shutil
import signal
import socket
import struct
import subprocess
import time
import uuid
from pathlib import Path

from engines import EngineError, free_port, install, installed
from engines.jars import fetch, java

NAME = "kafka-4.4.0"
READY_S = 90.0

# kafka_2.13 names every jar but a logging back end; Kafka is on slf4j 1.7.
ARTIFACTS = (
    "org.apache.kafka:kafka_2.13:4.4.0",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3",
)

LOG4J = """rootLogger.level=WARN
rootLogger.appenderRef.a.ref=A
appender.a.type=Console
appender.a.name=A
appender.a.layout.type=PatternLayout
appender.a.layout.pattern=[%d] %p %m (%c)%n
"""

# One replica and no waiting for a group to fill. Event time may be long ago: nothing is deleted
# by age unless a topic says so.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://127.0.0.1:{port}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.hours=-1
log.cleaner.dedupe.buffer.size=16777216
auto.create.topics.enable=false
"""

PLAIN = "listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"

# The controller's listener is authenticated too: plain, its users would be ANONYMOUS there.
LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"
PASSWORD = "org.apache.kafka.common.security.plain.PlainLoginModule"

SECURE = """listener.security.protocol.map=CLIENT:{protocol},CONTROLLER:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256
listener.name.client.scram-sha-256.sasl.jaas.config=\
  {login} required username="{user}" password="{password}";
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=\
  {plain} required username="{user}" password="{password}" user_{user}="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{user}
"""

TLS = """ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
"""


def install_kafka() -> Path:
    """Fetch the broker (45 jars, 43 MB) unless it is there."""
    return install(NAME, lambda folder: fetch(ARTIFACTS, folder))


class Kafka:
    """A broker with its data in `folder`, started and ready; `stop` it.

    secure: clients must log in by SCRAM-SHA-256, and what no ACL allows is refused; `user` may do
    everything. tls: (key store, trust store) in PEM, for SASL over TLS.
    """

    user, password = "admin", "admin-secret"

    def __init__(
        self, folder: Path, *, secure: bool = False, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.jars, self.java = installed(NAME), java()
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self._controller = free_port(), free_port()
        self.servers = f"127.0.0.1:{self.port}"
        self._properties = self.folder / "server.properties"
        self._properties.write_text(self._written(secure or tls is not None, tls))
        self._properties.chmod(0o600)
        (self.folder / "log4j2.properties").write_text(LOG4J)
        self._process: subprocess.Popen[bytes] | None = None
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(secure or tls is not None)
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it (again), on the same ports, and wait until it answers."""
        began = time.monotonic()
        with (self.folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
            )
        while not self.answers():
            gone = self._process.poll() is not None
            if gone or time.monotonic() - began > READY_S:
                self.kill()
                end = (self.folder / "kafka.log").read_text()[-3000:]
                what = "ended" if gone else f"was not ready after {READY_S:g} s"
                raise EngineError(f"The broker {what}; the end of its log:\n{end}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order; by force after 20 s."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stop its clock: it neither answers nor closes anything, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether ApiVersions is answered: the port opens before requests are served. One that
        wants TLS is taken for ready as it hangs up on that."""
        body = struct.pack(">hhih", 18, 0, 7, -1)
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.settimeout(2)
                s.sendall(struct.pack(">i", len(body)) + body)
                head = s.recv(10)
        except OSError:
            return False
        if self._tls:
            return True
        return len(head) == 10 and struct.unpack(">iih", head)[1:] == (7, 0)

    def _written(self, secure: bool, tls: tuple[Path, Path] | None) -> str:
        self._tls = tls is not None
        text = PROPERTIES + (SECURE if secure else PLAIN)
        values = {"protocol": "SASL_PLAINTEXT", "keystore": "", "truststore": ""}
        if tls is not None:
            text += TLS
            values = {"protocol": "SASL_SSL", "keystore": str(tls[0]), "truststore": str(tls[1])}
        return text.format(
            port=self.port,
            controller=self._controller,
            data=self.folder / "data",
            user=self.user,
            password=self.password,
            login=LOGIN,
            plain=PASSWORD,
            **values,
        )

    def _java(self) -> list[str]:
        return [
            self.java, "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self.folder}/log4j2.properties",
            "-cp", f"{self.jars}/*",
        ]  # fmt: skip

    def _format(self, secure: bool) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        # A cluster's id never begins with a dash.
        cluster = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        told = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        told += ["-c", str(self._properties)]
        if secure:  # the first user can only be made here
            told += ["--add-scram", f"SCRAM-SHA-256=[name={self.user},password={self.password}]"]
        done = subprocess.run(
            [*self._java(), *told], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise EngineError(f"The broker's folder was not formatted:\n{done.stdout[-3000:]}")
