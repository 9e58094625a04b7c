"""The proxy's counts as Prometheus text, in the series that Fly publishes for each app.

Source: fly.io/docs/monitoring/metrics: `fly_edge_*` per edge, `fly_app_*` per instance, each with
the labels app, region and host (the first four hexadecimal digits of the state's id here).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from localfly.machines.machine import Machine
from localfly.proxy.stats import BOUNDS, AnswerStats, EdgeStats, Histogram, InstanceStats, Stats

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_TYPES: Final = {
    "fly_edge_http_responses_count": "counter",
    "fly_edge_http_response_time_seconds": "histogram",
    "fly_app_concurrency": "gauge",
    "fly_app_http_responses_count": "counter",
    "fly_app_http_response_time_seconds": "histogram",
    "fly_app_connect_time_seconds": "histogram",
    "fly_app_tcp_connects_count": "counter",
    "fly_app_tcp_disconnects_count": "counter",
    "fly_instance_up": "gauge",
}

Sample = tuple[str, str]  # the series (with its labels), its value


def exposition(stats: Stats, machines: Iterable[Machine], host: str) -> str:
    """Return all series at this moment."""
    samples: dict[str, list[Sample]] = {name: [] for name in _TYPES}
    for edge in stats.edges.values():
        _answers(samples, "fly_edge", _edge_labels(edge, host), edge.answers)
    for instance in stats.instances.values():
        _instance(samples, instance, host)
    for machine in machines:
        if machine.exists:
            labels = _labels(machine.app, machine.region, host, instance=machine.id)
            up = str(int(machine.state == "started"))
            samples["fly_instance_up"].append((f"fly_instance_up{{{labels}}}", up))
    return "".join(_text(name, found) for name, found in samples.items() if found)


def _instance(samples: dict[str, list[Sample]], instance: InstanceStats, host: str) -> None:
    labels = _labels(instance.app, instance.region, host, instance=instance.instance)
    _answers(samples, "fly_app", labels, instance.answers)
    for name, value in (
        ("fly_app_concurrency", instance.concurrency),
        ("fly_app_tcp_connects_count", instance.connects),
        ("fly_app_tcp_disconnects_count", instance.disconnects),
    ):
        samples[name].append((f"{name}{{{labels}}}", str(value)))
    samples["fly_app_connect_time_seconds"] += _histogram(
        "fly_app_connect_time_seconds", labels, instance.connect
    )


def _answers(
    samples: dict[str, list[Sample]], prefix: str, labels: str, answers: AnswerStats
) -> None:
    count, time = f"{prefix}_http_responses_count", f"{prefix}_http_response_time_seconds"
    for status, times in sorted(answers.by_status.items()):
        of_status = f'{labels},status="{status}"'
        samples[count].append((f"{count}{{{of_status}}}", str(sum(times.counts))))
        samples[time] += _histogram(time, of_status, times)


def _histogram(name: str, labels: str, times: Histogram) -> Iterator[Sample]:
    total = 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), times.counts, strict=True):
        total += count
        yield f'{name}_bucket{{{labels},le="{bound}"}}', str(total)
    yield f"{name}_sum{{{labels}}}", f"{times.sum_seconds:.6f}"
    yield f"{name}_count{{{labels}}}", str(total)


def _edge_labels(edge: EdgeStats, host: str) -> str:
    return _labels(edge.app, edge.region, host)


def _labels(app: str, region: str, host: str, *, instance: str = "") -> str:
    """Join the labels; none of the values needs escapes."""
    common = f'app="{app}",region="{region}",host="{host}"'
    return f'{common},instance="{instance}"' if instance else common


def _text(name: str, samples: Iterable[Sample]) -> str:
    lines = [f"# TYPE {name} {_TYPES[name]}\n"]
    return "".join([*lines, *(f"{series} {value}\n" for series, value in samples)])
