"""`python -m flygate_service`: reads the environment, builds the service and runs it."""

import gc
import sys

_BAD_CONFIGURATION = 78  # EX_CONFIG of sysexits.h


def main() -> int:
    """Run until a signal ends it; the exit code says why it ended."""
    # Importing makes many objects and no garbage: collecting while it runs only costs time.
    gc.disable()
    from .app import build_app  # noqa: PLC0415
    from .metrics.telemetry import json_logs  # noqa: PLC0415
    from .server import serve  # noqa: PLC0415
    from .settings import SettingError, Settings  # noqa: PLC0415

    try:
        settings = Settings.from_environment()
        log = json_logs(sys.stdout, release=settings.release, machine=settings.machine)
        service = build_app(settings, log)
    except SettingError as exc:
        print(f"service: {exc}", file=sys.stderr)
        return _BAD_CONFIGURATION
    gc.freeze()
    gc.enable()
    try:
        serve(service, settings, log)
    except OSError as exc:
        print(f"service: cannot listen: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
