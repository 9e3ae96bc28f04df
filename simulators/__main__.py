"""plomba-sim: worlds in virtual time, meters over TCP, the demo, the benchmarks.

Commands are loaded when they are asked for, because each needs other libraries; one whose
libraries are not installed is not offered.
"""

from importlib import import_module
from importlib.util import find_spec

import click

_OURS = {"cloud_sync", "drivers", "edge", "gateway", "simulators"}


class LazyGroup(click.Group):
    """A group whose commands are named by the module and the attribute they stand in."""

    def __init__(self, name: str, commands: dict[str, str], short_help: str) -> None:
        super().__init__(name, help=short_help)
        self._places = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands that are there."""
        del ctx
        return sorted(name for name, place in self._places.items() if _is_there(place))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded now."""
        place = self._places.get(cmd_name)
        if place is None or not _is_there(place):
            return super().get_command(ctx, cmd_name)
        module, attribute = place.split(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in _OURS:
                raise
            return None
        return command if isinstance(command, click.Command) else None


def _is_there(place: str) -> bool:
    return find_spec(place.partition(":")[0]) is not None


bench = LazyGroup(
    "bench",
    {
        "bus": "simulators.bench_bus:bus",
        "decode": "simulators.bench_decode:decode",
        "copy": "simulators.bench_copy:copy",
        "flood": "simulators.bench_flood:flood",
        "ingest": "simulators.bench_ingest:ingest",
        "photo": "simulators.bench_photo:photo",
        "road": "simulators.bench_road:road",
        "soak": "simulators.bench_road:soak",
        "storm": "simulators.bench_road:storm",
        "visit": "simulators.bench_visit:visit",
    },
    "Measure what could become slow.",
)
train = LazyGroup(
    "train",
    {"photo": "simulators.photo.command:photo"},
    "Make what was learned anew.",
)
main = LazyGroup(
    "plomba-sim",
    {
        "bench": "simulators.__main__:bench",
        "demo": "simulators.demo.command:demo",
        "fleet": "simulators.fleet.command:fleet",
        "fuzz": "simulators.fuzz.command:command",
        "gis": "simulators.gis_command:gis",
        "meters": "simulators.commands:meters",
        "size": "simulators.size:size",
        "train": "simulators.__main__:train",
        "world": "simulators.commands:world",
        "year": "simulators.year.command:year",
    },
    "Virtual meters, houses and whole worlds to try plomba on.",
)

if __name__ == "__main__":
    main()
