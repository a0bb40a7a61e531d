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
import uuid
from pathlib import Path

from engines import EngineError, free_port, install, installed
from engines.jars import fetch, java
from engines.processes import Process

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
# by age unless a topic says so. After a kill -9 the controller lets a broker in again when its old
# session has ended, after 9 s unless told otherwise.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
listener.security.protocol.map=PLAIN:PLAINTEXT,LOGIN:SASL_PLAINTEXT,TLS:SASL_SSL,\
  CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.hours=-1
log.cleaner.dedupe.buffer.size=16777216
auto.create.topics.enable=false
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
{logins}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS;User:{user}
"""

LOGIN = """listener.name.{listener}.scram-sha-{bits}.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

TLS = """ssl.keystore.type=PEM
ssl.keystore.location={}
ssl.truststore.type=PEM
ssl.truststore.location={}
"""


def install_kafka() -> Path:
    """Fetch the broker (45 jars, 43 MB) unless it is there."""
    return install(NAME, lambda folder: fetch(ARTIFACTS, folder))


class Kafka(Process):
    """A broker with its data in `folder`, started and ready; `stop` it.

    It listens at `servers`, where everybody may do everything, and at `login_servers`, where one
    logs in by SCRAM and what no ACL allows is refused; `user` may do everything there too. With
    tls, (key store, trust store) in PEM, also at `tls_servers`, the same encrypted.
    """

    user, password = "admin", "admin-secret"

    def __init__(self, folder: Path, *, tls: tuple[Path, Path] | None = None) -> None:
        self.jars, self.java = installed(NAME), java()
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {name: free_port() for name in ("PLAIN", "LOGIN", "TLS")[: 3 if tls else 2]}
        self.port, self._controller = ports["PLAIN"], free_port()
        self.servers = f"127.0.0.1:{self.port}"
        self.login_servers = f"127.0.0.1:{ports['LOGIN']}"
        self.tls_servers = f"127.0.0.1:{ports['TLS']}" if tls else ""
        self._properties = self.folder / "server.properties"
        self._properties.write_text(self._written(ports, tls))
        self._properties.chmod(0o600)
        (self.folder / "log4j2.properties").write_text(LOG4J)
        super().__init__(
            "The broker",
            [*self._java(), "kafka.Kafka", str(self._properties)],
            self.folder / "kafka.log",
            self.answers,
            folder=self.folder,
            ready_s=READY_S,
        )
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        self.start()

    def pause(self) -> None:
        """Stop its clock: it neither answers nor closes anything, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether ApiVersions is answered: the port opens before requests are served."""
        body = struct.pack(">hhih", 18, 0, 7, -1)
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.settimeout(2)
                s.sendall(struct.pack(">i", len(body)) + body)
                head = s.recv(10)
        except OSError:
            return False
        return len(head) == 10 and struct.unpack(">iih", head)[1:] == (7, 0)

    def _written(self, ports: dict[str, int], tls: tuple[Path, Path] | None) -> str:
        logins = [
            LOGIN.format(listener=name.lower(), bits=bits)
            for name in ports
            if name != "PLAIN"
            for bits in (256, 512)
        ]
        text = PROPERTIES.format(
            listeners=",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
            controller=self._controller,
            data=self.folder / "data",
            user=self.user,
            logins="".join(logins),
        )
        return text + (TLS.format(*tls) if tls else "")

    def _java(self) -> list[str]:
        return [
            self.java, "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self.folder}/log4j2.properties",
            "-cp", f"{self.jars}/*",
        ]  # fmt: skip

    def _format(self) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        # A cluster's id never begins with a dash.
        cluster = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        told = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        told += ["-c", str(self._properties)]
        for bits in (256, 512):  # the first user can only be made here
            login = f"SCRAM-SHA-{bits}=[name={self.user},password={self.password}]"
            told += ["--add-scram", login]
        done = subprocess.run(
            [*self._java(), *told], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise EngineError(f"The broker's folder was not formatted:\n{done.stdout[-3000:]}")
