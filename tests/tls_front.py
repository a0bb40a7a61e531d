"""TLS in front of a server that has none, as a proxy at the border of a network does it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def tls_front(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """A port of 127.0.0.1 that speaks TLS and hands on to `port`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def open_front() -> asyncio.Server:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            behind, onward = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pump(reader, onward), _pump(behind, writer))

        return await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)

    front = asyncio.run_coroutine_threadsafe(open_front(), loop).result()
    try:
        yield front.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(front.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
