"""The list of all rules: complete, and shown as the command and the document show it."""

import json
import re
from pathlib import Path

from gateway.rules.catalogue import RULES
from gateway.rules.parameters import ROWS
from tests.gateway.shell import said

DOCUMENT = Path(__file__).parents[2] / "docs" / "rules.md"
ALL = [
    *("V-SIG", "V-SEQ", "V-DUP", "V-ORD", "V-TIME", "V-UOM", "V-GAP", "V-NEG", "V-ROLL", "V-RATE"),
    *("V-HILO", "V-SPIKE", "V-HAMPEL", "V-ZERO", "V-SUM", "V-TOU", "V-MAIN", "V-SIB", "V-INACT"),
    *("V-DST", "V-EST", "V-VERIF", "V-WINDOW", "V-SRC", "V-SWAP", "V-DEC", "V-SILENT"),
]


def test_every_rule_of_the_rule_set_has_its_place() -> None:
    assert [rule.name for rule in RULES] == ALL
    assert {row.rule for row in ROWS} <= set(ALL)


def test_the_command_lists_rules_and_numbers() -> None:
    document = json.loads(said("rules", "--json"))
    assert [rule["name"] for rule in document["rules"]] == ALL
    assert len(document["parameters"]) == len(ROWS)
    told = said("rules")
    assert re.search(r"^V-ORD +ingest +W ", told, re.MULTILINE)
    assert re.search(r"^V-SPIKE +day series +W +180 % +M ", told, re.MULTILINE)


def test_the_document_has_the_same_rules_in_the_same_places() -> None:
    rows = re.findall(
        r"^\| (V-[A-Z]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| (\w) \|",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [
        (rule.name, rule.judged, rule.weighs, rule.default, rule.mark.value) for rule in RULES
    ]
