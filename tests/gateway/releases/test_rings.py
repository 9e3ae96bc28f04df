"""Rings: what has to be before a version goes on."""

from gateway.releases.model import Offer, Place
from gateway.releases.rings import HOUR_MS, before, lacks

NOW_MS = 100 * HOUR_MS


def an_offer(device: str, step: str, answer: str = "done", at_h: int = 0, why: str = "") -> Offer:
    return Offer(1, device, 0, 1, 5, step, "", why, at_h * HOUR_MS, answer, "")


def test_the_ring_before_is_the_nearest_that_has_devices() -> None:
    places = [Place(n, f"edge-{n}", ring, "") for n, ring in enumerate((0, 3, 9))]
    assert before(0, places) is None
    assert before(2, places) == 0
    assert before(9, places) == 3


def test_a_version_goes_on_when_it_is_proved() -> None:
    silent = an_offer("edge-2", "offered", answer="")
    assert lacks(0, [an_offer("edge-1", "running"), silent], NOW_MS, 24) == ""


def test_and_not_before() -> None:
    running = an_offer("edge-1", "running")
    for others, why in (
        ([], "ring 0 was not offered it yet"),
        ([an_offer("edge-2", "offered", answer="")], "ring 0: no device has answered yet"),
        ([running, an_offer("edge-2", "rolled-back", why="it hangs")],
         "ring 0: edge-2 rolled-back: it hangs"),
        ([running, an_offer("edge-2", "offered", "refused")], "ring 0: edge-2 refused: "),
        ([running, an_offer("edge-2", "offered")],
         "ring 0: edge-2 does not run it yet (1 in all)"),
        ([running, an_offer("edge-2", "fetching")],
         "ring 0: edge-2 does not run it yet (1 in all)"),
        ([running, an_offer("edge-2", "running", at_h=90)],
         "ring 0 runs it since 10.0 hours, expected 24 at least"),
    ):  # fmt: skip
        assert lacks(0, others, NOW_MS, 24) == why


def test_who_had_it_already_holds_nobody_up() -> None:
    had = an_offer("edge-2", "refused", why="not-newer: 0.2.0 is offered, 0.2.0 runs")
    assert lacks(0, [an_offer("edge-1", "running"), had], NOW_MS, 24) == ""
