"""What a new version is measured by: the one before as it is, not as it was for a moment."""

import json
import threading
import time

from tests.deploy.test_apply_update import OLD, Site, pip, shelf, site

__all__ = ["pip", "shelf", "site"]

SYSTEMCTL = """#!/bin/sh
case "$1" in
restart) cp {folder}/opt/trial.json {folder}/seen ;;
show) {folder}/opt/current/bin/plomba-edge beat; echo 0 ;;
esac
"""


def test_a_meter_that_missed_a_question_is_waited_for(site: Site) -> None:
    """One that was deaf for good would else be as good as the version before it."""
    health = site.updates / "health.json"
    health.write_text(json.dumps(OLD | {"answering": 0, "failing": 1}))
    site.ready("1.1.0")
    program = site.folder / "systemctl"
    program.write_text(SYSTEMCTL.format(folder=site.folder))

    def answer_again() -> None:
        # Some looks after the end of the build, the last thing done before the first look.
        while not (site.shelf.prefix / "versions/1.1.0/plomba-release.json").exists():
            time.sleep(0.05)
        time.sleep(1)
        fresh = health.with_name("fresh")
        fresh.write_text(json.dumps(OLD | {"failing": 0}))
        fresh.replace(health)

    answering = threading.Thread(target=answer_again)
    answering.start()
    assert site.apply()["outcome"] == "running"
    answering.join()
    seen = json.loads((site.folder / "seen").read_text())
    assert seen["health"]["answering"] == OLD["answering"]
