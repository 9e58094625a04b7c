"""An errand inside a cordoned machine: asks the service there one thing, and prints its answer.

It is sent as text (`python -c`), as `probe.py` is, so it stands alone and uses the standard
library only.
"""

import http.client
import json
import os
import sys
from typing import Any


def main(arguments: str) -> None:
    """Print one line of JSON: the status and the body of the answer."""
    asked: dict[str, Any] = json.loads(arguments)
    host = os.environ.get("HOST") or "127.0.0.1"
    port = int(os.environ.get("PORT") or asked["port"])
    connection = http.client.HTTPConnection(host, port, timeout=asked["timeout"])
    connection.request(asked["method"], asked["path"], asked["body"], asked["headers"])
    answer = connection.getresponse()
    print(json.dumps({"status": answer.status, "body": answer.read().decode("utf-8", "replace")}))


if __name__ == "__main__":
    main(sys.argv[1])
