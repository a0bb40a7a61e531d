"""What stands where Hopsworks would: its REST API and its feature server, as the client knows them.

It keeps what it is told: feature groups, feature views, and which jobs were started. Rows go past
it, to Kafka. Answers are the least that the client reads of them.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

KEY, TOPIC = "a-secret", "shop_onlinefs"
AVRO = {
    "string": "string",
    "bigint": "long",
    "double": "double",
    "timestamp": {"type": "long", "logicalType": "timestamp-micros"},
}


class Refused(Exception):
    """status, errorCode of Hopsworks."""


class Service:
    """groups, views: by name, as they were posted. kept: rows of a view by key, as the feature
    server answers them. asked: of the feature server. started: runs of jobs. down: what fails.
    kafka: the addresses that are told one after the other, and then the last one."""

    def __init__(self, kafka: str, authority: str) -> None:
        self.kafka, self._authority = [kafka], authority
        self.groups: dict[str, dict[str, Any]] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, dict[str, list[Any]]] = {}
        self.asked: list[list[dict[str, Any]]] = []
        self.started: list[str] = []
        self.down = ""
        self.unknown: list[str] = []
        self.port = 0

    def take(self, method: str, path: str, body: Any) -> Any:
        if self.down and self.down in path:
            raise Refused(500, 0)
        for pattern, name in ROUTES:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return getattr(self, name)(*found.groups(), body)
        self.unknown.append(f"{method} {path}")
        raise Refused(404, 1)

    def project(self, body: Any) -> Any:
        return {"projectId": 119, "projectName": "shop"}

    def projects(self, body: Any) -> Any:
        return [{"user": {"username": "shopper"}}]

    def credentials(self, body: Any) -> Any:
        store = base64.b64encode(b"none").decode()
        made = {"kStore": store, "tStore": store, "password": "none", "clientCert": ""}
        return made | {"clientKey": "", "caChain": self._authority}

    def versions(self, body: Any) -> Any:
        return [{"software": "hopsworks", "version": "5.2.1"}]

    def variable(self, name: str, body: Any) -> Any:
        return {"successMessage": "127.0.0.1"}

    def store(self, name: str, body: Any) -> Any:
        return {
            "featurestoreId": 67,
            "featurestoreName": "shop_featurestore",
            "created": "2026-09-21T14:13:20Z",
            "projectName": "shop",
            "projectId": 119,
            "offlineFeaturestoreName": "shop_featurestore",
            "onlineEnabled": True,
        }

    def stores(self, body: Any) -> Any:
        return [self.store("", None)]

    def new_group(self, body: Any) -> Any:
        number = len(self.groups) + 1
        more = {"id": number, "onlineTopicName": TOPIC, "featurestoreName": "shop_featurestore"}
        self.groups[body["name"]] = body | more
        return self.groups[body["name"]]

    def group(self, name: str, body: Any) -> Any:
        if name not in self.groups:
            raise Refused(404, 270009)
        return [self.groups[name]]

    def subject(self, name: str, body: Any) -> Any:
        group = self.groups[name.removesuffix("_1")]
        fields = [{"name": f["name"], "type": ["null", AVRO[f["type"]]]} for f in group["features"]]
        schema = {"type": "record", "name": group["name"], "fields": fields}
        return {"id": 7, "subject": name, "version": 1, "schema": json.dumps(schema)}

    def ingestion(self, group: str, body: Any) -> Any:
        return body | {"id": 11}

    def connector(self, body: Any) -> Any:
        return {
            "storageConnectorType": "KAFKA",
            "id": 3,
            "name": "kafka_connector",
            "featurestoreId": 67,
            "bootstrapServers": self.kafka.pop(0) if self.kafka[1:] else self.kafka[0],
            "securityProtocol": "PLAINTEXT",
            "sslEndpointIdentificationAlgorithm": "",
            "externalKafka": True,
        }

    def new_view(self, body: Any) -> Any:
        group = self.groups[body["query"]["leftFeatureGroup"]["name"]]
        features = [
            {"name": f["name"], "type": f["type"], "index": index, "featuregroup": group}
            for index, f in enumerate(body["query"]["leftFeatures"])
        ]
        keys = [{"featureName": f["name"], "joinIndex": 0, "featureGroup": group, "required": True}
                for f in group["features"] if f["primary"]]  # fmt: skip
        more = {"id": len(self.views) + 1, "featurestoreName": "shop_featurestore"}
        more |= {"features": features, "servingKeys": keys}
        self.views[body["name"]] = body | more
        return self.views[body["name"]]

    def view(self, name: str, body: Any) -> Any:
        if name not in self.views:
            raise Refused(404, 270181)
        return self.views[name]

    def links(self, name: str, body: Any) -> Any:
        group = self.groups[self.views[name]["query"]["leftFeatureGroup"]["name"]]
        link = {"node": {"artifactType": "FEATURE_GROUP", "accessible": True, "deleted": False,
                         "artifact": group}, "upstream": [], "downstream": []}  # fmt: skip
        return {"upstream": [link], "downstream": []}

    def job(self, name: str, body: Any) -> Any:
        return {"id": 5, "name": name, "creationTime": "", "config": {}, "jobType": "SPARK",
                "creator": "shopper"}  # fmt: skip

    def run(self, name: str, body: Any) -> Any:
        self.started.append(name)
        return {"id": 1, "state": "INITIALIZING", "jobName": name}

    def nothing(self, *_: Any) -> Any:
        return {"count": 0}

    def batch(self, body: Any) -> Any:
        """A row of nulls for an entity that is not there, as the client's own texts have it."""
        self.asked.append(body["entries"])
        width = len(self.views[body["featureViewName"]]["features"])
        kept = self.kept.get(body["featureViewName"], {})
        rows = [kept.get(*entry.values()) for entry in body["entries"]]
        status = ["MISSING" if row is None else "COMPLETE" for row in rows]
        return {"features": [row or [None] * width for row in rows], "status": status}


_API, _STORE = "/hopsworks-api/api", "/hopsworks-api/api/project/119/featurestores/67"
ROUTES = [
    (f"GET {_API}/project/getProjectInfo/shop", "project"),
    (f"GET {_API}/project", "projects"),
    (f"GET {_API}/project/119/credentials", "credentials"),
    (f"GET {_API}/variables/versions", "versions"),
    (f"GET {_API}/variables/(.+)", "variable"),
    (f"GET {_API}/project/119/featurestores", "stores"),
    (f"GET {_API}/project/119/featurestores/(shop_featurestore|67)", "store"),
    (f"POST {_STORE}/featuregroups", "new_group"),
    (f"GET {_STORE}/featuregroups/([a-z_]+)", "group"),
    (f"POST {_STORE}/featuregroups/(\\d+)/online_ingestion", "ingestion"),
    (f"GET {_STORE}/featuregroups/\\d+/expectationsuite", "nothing"),
    (f"GET {_STORE}/storageconnectors/kafka_connector/byok", "connector"),
    (f"GET {_STORE}/kafka/subjects/([a-z0-9_]+)/versions/latest", "subject"),
    (f"POST {_STORE}/featureview", "new_view"),
    (f"GET {_STORE}/featureview/([a-z_]+)/version/1", "view"),
    (f"GET {_STORE}/featureview/([a-z_]+)/version/1/provenance/links", "links"),
    (f"GET {_API}/project/119/jobs/([a-z0-9_]+)", "job"),
    (f"GET {_API}/project/119/jobs/[a-z0-9_]+/executions", "nothing"),
    (f"POST {_API}/project/119/jobs/([a-z0-9_]+)/executions", "run"),
    ("GET /0.1.0/ping", "nothing"),
    ("POST /0.1.0/batch_feature_store", "batch"),
]


@contextmanager
def serving(kafka: str, certificate: Path, authority: Path) -> Iterator[Service]:
    """Serves on 127.0.0.1 by TLS; fails at its end when something else was asked for."""
    made = Service(kafka, authority.read_text())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # an answer in one piece: in two it waits for the client's delayed ACK

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = self.headers.get("Authorization"), self.headers.get("X-API-KEY")
            status, answer = 200, {"errorMsg": "no key"}
            try:
                if said not in ((f"ApiKey {KEY}", None), (None, KEY)):
                    raise Refused(401, 0)
                path = unquote(urlsplit(self.path).path)
                answer = made.take(self.command, path, _read(body))
            except Refused as refused:
                status, code = refused.args
                answer = {"errorCode": code, "errorMsg": "It may not be."}
            written = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_POST = do_PUT = do_DELETE = _take

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not made.unknown, made.unknown


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()
