"""What the test machines run: an HTTP/1.1 server that says what it got and does what it is asked.

It starts quickly: nothing but the standard library is imported.
"""

import asyncio
import os
import signal
import sys
from asyncio import StreamReader, StreamWriter

HOST, PORT = os.environ["HOST"], int(os.environ.get("PORT", "8080"))
ME = os.environ["FLY_MACHINE_ID"]
OK, SICK = "200 OK", "503 Service Unavailable"
health = {"status": OK if os.environ.get("HEALTHY", "yes") == "yes" else SICK}

Headers = dict[str, str]


async def handle(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while line := await reader.readline():
            method, target, _ = line.decode().split()
            headers: Headers = {}  # twice the same name: both values, as the tests must see them
            while (header := await reader.readline()).strip():
                name, _, value = header.decode("latin-1").partition(":")
                known = f"{headers[name.lower()]} + " if name.lower() in headers else ""
                headers[name.lower()] = known + value.strip()
            body = await read_body(reader, headers)
            if wants_replay(headers):
                await replay(writer, headers)
                continue
            if headers.get("upgrade") == "websocket":
                await tunnel(reader, writer)
                return
            await answer(writer, method, target, headers, body)
            if os.environ.get("ONE_ANSWER_EACH"):
                await reader.readline()  # a second request on this connection is not answered
                return
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def read_body(reader: StreamReader, headers: Headers) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def wants_replay(headers: Headers) -> bool:
    """The client says what is to be ordered; by default only of the first machine that it meets."""
    came_by = {"fly-replay-src", "fly-replay-failed", "fly-replay-cache-status"} & headers.keys()
    is_asked = bool({"x-replay", "x-replay-json"} & headers.keys())
    return is_asked and (not came_by or "x-replay-always" in headers)


async def replay(writer: StreamWriter, headers: Headers) -> None:
    body = headers.get("x-replay-json", "")
    lines = [f"fly-replay: {headers['x-replay']}"] if "x-replay" in headers else []
    lines += ["content-type: application/vnd.fly.replay+json"] if body else []
    lines += [line for line in headers.get("x-replay-more", "").split(" | ") if line]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, f"content-length: {len(body)}", "", ""])
    writer.write((head + body).encode("latin-1"))
    await writer.drain()


async def answer(
    writer: StreamWriter, method: str, target: str, headers: Headers, body: bytes
) -> None:
    path, _, query = target.partition("?")
    status, text = OK, ME
    if path in RAW:
        await RAW[path](writer)
        return
    if path == "/health":
        status, text = health["status"], "ok" if health["status"] == OK else "sick"
    elif path.startswith("/headers"):
        seen = {**headers, "me": ME, "target": target, "body-size": str(len(body))}
        text = "\n".join(f"{name}: {value}" for name, value in seen.items())
    elif path == "/size":
        text = str(len(body))
    else:
        text = await do(path, query)
    data = b"" if method == "HEAD" else text.encode()
    length = len(text.encode())
    writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n".encode() + data)
    await writer.drain()


async def do(path: str, query: str) -> str:
    if path == "/env":
        return os.environ.get(query, "")
    if path == "/slow":
        print("slow begins", flush=True)
        await asyncio.sleep(float(query))
    elif path == "/sick":
        health["status"] = SICK
    elif path == "/die":
        sys.stderr.write("dying as asked\n")
        os._exit(int(query))
    return ME


async def stream(writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for number in range(5):
        writer.write(b"6\r\npart %d\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.write(b"0\r\n\r\n")


async def until_close(writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    raise ConnectionError


async def half(writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    raise ConnectionError


RAW = {"/stream": stream, "/until-close": until_close, "/half": half}


async def tunnel(reader: StreamReader, writer: StreamWriter) -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
    writer.write(head)
    while data := await reader.read(65536):
        writer.write(data.upper())
        await writer.drain()


async def main() -> None:
    if code := os.environ.get("FAIL_TO_START"):
        sys.stderr.write("no database: giving up\n")
        sys.exit(int(code))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(handle, HOST, PORT)
    print(f"listening on {HOST}:{PORT}", flush=True)
    await stop.wait()
    server.close()
    await asyncio.sleep(float(os.environ.get("LINGER", "0.05")))
    print("bye", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
