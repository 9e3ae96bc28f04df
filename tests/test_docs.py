"""Documents say what is there: every command, every make target, and links that lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from drivers import profile
from drivers.modbus.profile import ModbusSample

ROOT = Path(__file__).parent.parent


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMMANDS = _tool("commands")
METERS = _tool("meters")
SAMPLE = _tool("sample")


def test_the_page_of_commands_is_what_the_programs_say() -> None:
    assert (ROOT / "docs/commands.md").read_text("utf-8") == COMMANDS.page(), "run make docs"


def test_the_page_of_meters_is_what_the_profiles_say() -> None:
    assert (ROOT / "docs/meters.md").read_text("utf-8") == METERS.page(), "run make docs"


def test_the_profile_a_contributor_is_shown_is_a_sound_one() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (toml,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    example = profile.parse(toml.encode(), "maker_model.toml")
    # Its frames are what the tool prints that the same page names.
    (function, address, value) = re.findall(r"tools/sample.py (\d) (\S+) (\S+)`", text)[0]
    frames = SAMPLE.exchange(int(function), int(address, 0), (value,), "big")
    (sample,) = example.samples
    assert isinstance(sample, ModbusSample)
    assert (sample.request, sample.response) == frames
    assert sample.expect == {"1-0:1.8.0": value.partition("=")[2]}


def test_every_command_says_what_it_does_and_the_readme_names_it() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for program, group in COMMANDS.PROGRAMS.items():
        for path, command in COMMANDS.leaves(program, group):
            assert command.help, path
            assert re.search(rf"`[^`]*\b{path.split()[1]}\b[^`]*`", readme), path


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_make_target_a_document_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"`make ([a-z0-9-]+)", document.read_text("utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{document.name}: {target}"


def test_every_make_target_is_listed_with_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) == targets
    # `check` is `test` by another name.
    assert set(re.findall(r"^([a-z0-9-]+):.*## .", makefile, re.MULTILINE)) == targets - {"check"}


def test_every_file_a_document_names_is_there() -> None:
    packages = ("cloud_sync", "deploy", "docs", "drivers", "edge", "gateway", "simulators", "tests")
    named = [
        (document.name, path)
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
        for path in re.findall(r"`([\w-]+(?:/[\w.-]+)+/?)`", document.read_text("utf-8"))
        if path.startswith(packages)
    ]
    assert len(named) > len(packages)
    assert [one for one in named if not (ROOT / one[1]).exists()] == []
