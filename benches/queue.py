"""A server whose limit is known: PLACES requests at once, each for MILLISECONDS; others wait their turn.

Usage: queue.py PLACES MILLISECONDS. Prints its address. A place is free again when its time is over by the clock, not
when a late timer says so: PLACES / MILLISECONDS is the limit however busy the machine is.
"""

import asyncio
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"


def main():
    places = [time.monotonic()] * int(sys.argv[1])
    service = float(sys.argv[2]) / 1000

    async def serve(reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                first = min(range(len(places)), key=places.__getitem__)
                places[first] = max(places[first], time.monotonic()) + service
                await asyncio.sleep(places[first] - time.monotonic())
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def listen():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
        print("listening on http://%s:%d" % server.sockets[0].getsockname(), flush=True)
        await server.serve_forever()

    asyncio.run(listen())


main()
