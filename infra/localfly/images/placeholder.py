"""The image that runs in place of one that can't be pulled: it answers 200 on each port that the
machine's config names, so that `fly deploy --image nginx` works without the internet.
"""

import http.server
import io
import json
import os
import tarfile
import threading
from typing import Final

_PROGRAM: Final = "placeholder.py"


def placeholder_image(name: str) -> bytes:
    """Return the placeholder's tar; another name gives another digest, as another image would."""
    manifest = {"cmd": ["python", "-S", "-E", _PROGRAM], "env": {"PLACEHOLDER_FOR": name}}
    with open(__file__, "rb") as source:
        files = {"image.json": json.dumps(manifest).encode(), _PROGRAM: source.read()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"a placeholder for {os.environ['PLACEHOLDER_FOR']}\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the library's names)

    def log_message(self, *_: object) -> None:
        """Log no requests."""


def _serve() -> None:
    """Serve, inside the machine."""
    name, host = os.environ["PLACEHOLDER_FOR"], os.environ["HOST"]
    ports = [int(port) for port in os.environ["FLYGATE_PORTS"].split(",") if port]
    print(
        f"{name} is not in the local registry: a placeholder answers on ports {ports}", flush=True
    )
    servers = [http.server.ThreadingHTTPServer((host, port), _Handler) for port in ports]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    _serve()
