"""The log API that `fly logs` polls (docs/fly-api.md 2.12)."""

from fastapi import APIRouter

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.errors import InvalidArgumentError
from localfly.logs.app_log import LogLine
from localfly.timing.timestamp import rfc3339

router = APIRouter(prefix="/api/v1/apps/{app_name}/logs", tags=["logs"])


@router.get("")
async def get_logs(
    cloud: CloudDep, app: AppDep, next_token: str = "", instance: str = "", region: str = ""
) -> Json:
    if next_token and not next_token.isdecimal():
        raise InvalidArgumentError(f"next_token must be one of an earlier answer: {next_token!r}")
    after = int(next_token) if next_token else None
    lines = cloud.logs.tail(app.name, after=after, instance=instance, region=region)
    token = str(lines[-1].sequence) if lines else next_token
    return {"data": [_line_json(line) for line in lines], "meta": {"next_token": token}}


def _line_json(line: LogLine) -> Json:
    return {
        "id": str(line.sequence),
        "type": "log",
        "attributes": {
            "timestamp": rfc3339(line.timestamp),
            "message": line.message,
            "level": line.level,
            "instance": line.instance,
            "region": line.region,
            "meta": {"instance": line.instance, "region": line.region},
        },
    }
