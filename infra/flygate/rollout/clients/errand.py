"""An errand inside a cordoned machine: sends its service one request, and prints the answer.

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
    options: dict[str, Any] = json.loads(arguments)
    host = os.environ.get("HOST") or "127.0.0.1"
    port = int(os.environ.get("PORT") or options["port"])
    connection = http.client.HTTPConnection(host, port, timeout=options["timeout"])
    connection.request(options["method"], options["path"], options["body"], options["headers"])
    answer = connection.getresponse()
    print(json.dumps({"status": answer.status, "body": answer.read().decode("utf-8", "replace")}))


if __name__ == "__main__":
    main(sys.argv[1])
