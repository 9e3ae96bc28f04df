"""Scenes of visits: a device, its bus, the points on its card, and what hinders the end."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from cloud_sync import points as wire_points
from cloud_sync.points import Points, WaitingPoint
from cloud_sync.signing import SigningKey
from drivers.reading import Resource
from edge.visit.steps import Visiting
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusMeter
from tests.edge.visit.site import CONFIG, GATEWAY, START_MS, Site, a_device, keys, play

Scene = Callable[[Visiting], Awaitable[None]]
IN_SERVICE = """
[[lines.meters]]
serial = "11223344"   # in the bathroom
profile = "itron_cyble_cold"
address = "11223344"

[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"
address = 5
expect_id = "22310042"
"""


def a_point(number: int, serial: str = "", point: str = "") -> WaitingPoint:
    return WaitingPoint(
        number=number,
        point=point or f"house-cold-{number}",
        dwelling=str(number),
        place="riser",
        resource=Resource.COLD_WATER,
        serial=serial,
        model="",
        registers=(),
    )


def put_points(folder: Path, *points: WaitingPoint, key: SigningKey = GATEWAY) -> None:
    listed = Points(1, "House 1", "edge-1", START_MS, points)
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state" / "points.cbor").write_bytes(wire_points.seal(listed, key))


def act(
    folder: Path, scene: Scene, *meters: MbusMeter | ModbusMeter, text: str = CONFIG
) -> tuple[Path, Site]:
    """Play a scene at a device whose line has these meters."""
    path = a_device(folder, text)
    site = Site(*meters)

    async def played() -> None:
        await scene(site.visiting(path))

    play(played)
    return path, site


async def found(visiting: Visiting) -> dict[str, str]:
    """Begin, search and read; the keys by serial."""
    visiting.begin("Ivan Petrov")
    await visiting.search()
    await visiting.read_all()
    return dict(keys(visiting))


def codes(visiting: Visiting) -> list[str]:
    return [one.code for one in visiting.hindrances()]
