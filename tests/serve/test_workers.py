"""Several processes, one log: what any of them was sent is known to all."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.serve.workers_started import Workers, same_state, state, until, view, workers

from afresh.log.token import Place, write_token


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers(tmp_path_factory.mktemp("workers")) as found:
        yield found


def views(client: httpx.Client, item: str) -> int:
    asked = {"keys": {"item_id": [item]}, "features": ["views_hour"]}
    rows = client.post("/v1/features", json=asked).json()["rows"]
    return int(rows[0]["views_hour"])


def test_connections_are_shared_out(served: Workers) -> None:
    clients = [served.client() for _ in range(8)]
    by_worker = [state(client)["pid"] for client in clients]
    for client in clients:
        client.close()
    assert sorted(by_worker.count(pid) for pid in set(by_worker)) == [4, 4]


def test_what_was_sent_on_any_connection_is_read_on_any_other(served: Workers) -> None:
    """`after` holds across processes, whichever of them was sent the event."""
    with served.both() as (writer, follower):
        for turn in range(60):
            sender, asker = (writer, follower) if turn % 2 else (follower, writer)
            item = f"any{turn % 7}"
            receipt = sender.post("/v1/events", json=view(item, f"s{turn}")).json()
            assert receipt["accepted"] == 1
            asked = {"session_id": f"s{turn}", "after": receipt["offset"], "n": 3}
            if turn % 3:
                answer = asker.post("/v1/recommend", json=asked).json()
            else:
                answer = asker.get("/v1/recommend/u", params={"after": asked["after"]}).json()
            assert answer["fresh"] is True
            assert views(asker, item) == turn // 7 + 1


def test_a_receipt_holds_for_the_connection_that_got_it(served: Workers) -> None:
    """Without any token: who posts to a follower reads there what was posted."""
    with served.both() as (_, follower):
        for turn in range(30):
            assert follower.post("/v1/events", json=view("mine", "s")).status_code == 202
            assert views(follower, "mine") == turn + 1


def test_an_answer_waits_for_a_place_and_then_says_so(served: Workers) -> None:
    with served.both() as (_, follower):
        here = follower.get("/v1/trending").json()["offset"]
        log, at, newest = msgspec.msgpack.decode(urlsafe_b64decode(here + "=="))
        never = write_token(Place(log, (at[0] + 10**9,), newest))
        answer = follower.post("/v1/recommend", json={"user_id": "u", "after": never})
        assert answer.status_code == 200
        assert answer.json()["fresh"] is False
        wrong = follower.post("/v1/recommend", json={"user_id": "u", "after": "nonsense"})
        assert wrong.status_code == 400


def test_items_and_verdicts_cross(served: Workers) -> None:
    with served.both() as (writer, follower):
        put = {"title": "T", "category": "c"}
        assert follower.put("/v1/items/a", json=put).status_code == 200
        assert follower.get("/v1/items/a").json()["title"] == "T"
        after = writer.patch("/v1/items/a", json={"title": "U"}).json()["offset"]
        follower.post("/v1/recommend", json={"user_id": "u", "after": after})
        assert follower.get("/v1/items/a").json()["title"] == "U"
        assert follower.patch("/v1/items/a", json={"title": "V"}).status_code == 200
        assert writer.get("/v1/items/a").json()["title"] == "V"
        assert follower.delete("/v1/items/a").status_code == 200
        assert writer.get("/v1/items/a").status_code == 404
        lines = b'{"item_id":"b","title":"B"}\n{"item_id":"c","nope":1}\n'
        media = {"content-type": "application/x-ndjson"}
        for client in (writer, follower):
            bad = client.patch("/v1/items/none", json={"title": "x"})
            assert bad.status_code == 404
            unknown = client.post("/v1/events", json={**view("i", "s"), "event_type": "nope"})
            assert unknown.status_code == 422
            assert unknown.json()["rejected"][0]["code"] == "unknown_event_type"
            broken = client.post("/v1/events", content=b"{", headers=media)
            same = {"code", "detail", "path", "status"}
            assert {k: v for k, v in broken.json().items() if k in same} == _broken(writer, media)
            receipt = client.post("/v1/items", content=lines, headers=media).json()
            assert (receipt["accepted"], len(receipt["rejected"])) == (1, 1)
        assert follower.delete("/v1/items/b").status_code == 200


def _broken(client: httpx.Client, media: dict[str, str]) -> dict[str, object]:
    said = client.post("/v1/events", content=b"{", headers=media).json()
    return {k: v for k, v in said.items() if k in {"code", "detail", "path", "status"}}


def test_large_bodies_cross(served: Workers) -> None:
    with served.both() as (writer, follower):
        events = [view(f"many{i % 50}", f"m{i}") for i in range(20_000)]
        receipt = follower.post("/v1/events", json=events).json()
        assert receipt["accepted"] == 20_000
        assert views(follower, "many7") == views(writer, "many7") == 400


def test_an_answer_is_explained_by_whoever_is_asked(served: Workers) -> None:
    with served.both() as (writer, follower):
        for one, other in ((writer, follower), (follower, writer)):
            made = one.post("/v1/recommend", json={"user_id": "u", "n": 3}).json()
            said = other.get(f"/v1/explain/{made['request_id']}?replay=true")
            assert said.status_code == 200
            assert said.json()["answer"] == made
            assert said.json()["replay"]["same"] is True
        assert follower.get("/v1/explain/nobody").status_code == 404


def test_an_open_list_hears_of_what_others_were_sent(served: Workers) -> None:
    with served.both() as (writer, follower):
        for number, (listener, sender) in enumerate(((writer, follower), (follower, writer))):
            session, lists = f"live{number}", list[list[str]]()

            def listen(
                listener: httpx.Client = listener,
                session: str = session,
                lists: list[list[str]] = lists,
            ) -> None:
                asked = {"session_id": session, "n": 5}
                with listener.stream("GET", "/v1/live", params=asked) as stream:
                    for line in stream.iter_lines():
                        if line.startswith("data: "):
                            said = json.loads(line.removeprefix("data: "))
                            lists.append([item["item_id"] for item in said["items"]])
                            if len(lists) == 2:
                                return

            popular = [view(f"popular{i % 6}", f"p{number}-{i}") for i in range(60)]
            neighbours = [view(f"l{number}-{i}", f"other{number}") for i in range(4)]
            sender.post("/v1/events", json=popular + neighbours)
            thread = threading.Thread(target=listen, daemon=True)
            thread.start()
            until(lambda lists=lists: len(lists) == 1)
            time.sleep(0.3)  # not more often than live_max_per_second
            sender.post("/v1/events", json=view(f"l{number}-2", session))
            thread.join(10)
            assert len(lists) == 2, lists
            assert f"l{number}-1" in lists[1], "its neighbour is recommended now"


def test_states_are_equal_after_concurrent_writes(served: Workers) -> None:
    def write(number: int) -> None:
        with served.client() as client:
            for i in range(40):
                client.post("/v1/events", json=view(f"c{i % 5}", f"w{number}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with served.both() as (writer, follower):
        until(lambda: same_state(writer, follower))
        assert sum(views(follower, f"c{i}") for i in range(5)) == 240


def test_it_is_ready_and_stops_in_order(tmp_path: Path) -> None:
    with workers(tmp_path, workers=3) as found:
        clients = [found.client() for _ in range(3)]
        assert {client.get("/readyz").status_code for client in clients} == {200}
        assert len({state(client)["pid"] for client in clients}) == 3
        receipt = clients[0].post("/v1/events", json=view("i", "s")).json()
        for client in clients:
            client.close()
        assert found.stop() == 0
    assert list((tmp_path / "snapshots").glob("*.snapshot"))
    with workers(tmp_path) as again, again.client() as client:
        asked = {"session_id": "s", "after": receipt["offset"]}
        assert client.post("/v1/recommend", json=asked).json()["fresh"] is True
