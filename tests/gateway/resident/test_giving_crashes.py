"""What is killed in between loses nothing and doubles nothing; what is forgotten is gone."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.audit import Act, By
from gateway.config import GatewayConfig, ResidentConfig
from gateway.people import forgetting
from gateway.people.retention import DAY_MS, Kept, apply
from gateway.people.words import PSEUDONYM_BYTES
from gateway.photo.frame import Frame
from gateway.photo.keeping import DRAFT_MS_MIN, STRAY_MS_MIN, PhotoFiles
from gateway.resident import act as signed_acts
from gateway.resident.submission import GivingError, NewSubmission
from gateway.sql.audit import SqlAudit
from gateway.sql.people import PeopleLedger, overwriting
from gateway.sql.photos import PhotosLedger
from gateway.sql.receipts import ActLedger
from gateway.upkeep import PHOTOS_S, UPKEEP_S, Upkeep
from tests.gateway.photo.photos import encoded, scene
from tests.gateway.resident.giver import HOT, Giver
from tests.gateway.town import DEVICE_KEY, GATEWAY_KEY, Town

pytestmark = pytest.mark.both_engines
T = TypeVar("T")
FRAME = Frame(((100, 250), (500, 250), (500, 500), (100, 500)))


class Killed(Exception):
    """The process is gone at this point."""


class Mortal(PhotosLedger):
    """A ledger whose process is killed before one of its acts."""

    dies_at = ""

    def keep_photo(self, *given: object) -> int:
        self._die("keep_photo")
        return super().keep_photo(*given)  # type: ignore[arg-type]

    def append(self, act: Act) -> int:
        self._die("append")
        return super().append(act)

    def add(self, new: NewSubmission, audit_no: int) -> None:
        self._die("add")
        super().add(new, audit_no)
        self._die("added")

    def review(self, claim_no: int, asked: str, now_ms: int) -> None:
        self._die("review")
        super().review(claim_no, asked, now_ms)

    def _die(self, here: str) -> None:
        if self.dies_at == here:
            raise Killed


@pytest.fixture
def giver(tmp_path: Path) -> Iterator[Giver]:
    giver = Giver(Town(tmp_path))
    yield giver
    giver.town.store.close()


class MortalActs(ActLedger):
    """Acts whose process is killed before or after one is kept."""

    dies_at = ""

    def keep(self, kept: signed_acts.Kept) -> None:
        if self.dies_at == "sign":
            raise Killed
        super().keep(kept)
        if self.dies_at == "signed":
            raise Killed


def mortal(giver: Giver, dies_at: str) -> None:
    ledger = Mortal(giver.database)
    giver.acts = mortal_acts = MortalActs(giver.database)
    ledger.dies_at = mortal_acts.dies_at = dies_at
    giver.ledger = ledger
    giver.giving = giver.begun()


def revived(giver: Giver) -> None:
    giver.ledger = PhotosLedger(giver.database)
    giver.acts = ActLedger(giver.database)
    giver.giving = giver.begun()


def files(giver: Giver) -> list[Path]:
    return sorted(one for one in (giver.town.folder / "photos").rglob("*") if one.is_file())


def swept(giver: Giver) -> int:
    return giver.files.sweep(PhotosLedger(giver.database), giver.now_ms)


def swept_a_day_later(giver: Giver) -> int:
    """A day after the newest file was written, by the disk's clock."""
    newest_ms = int(max(one.stat().st_mtime for one in files(giver)) * 1000)
    return giver.files.sweep(PhotosLedger(giver.database), newest_ms + STRAY_MS_MIN + 1000)


def test_killed_between_file_and_row_a_photo_is_sent_again_and_kept_once(giver: Giver) -> None:
    mortal(giver, "keep_photo")
    with pytest.raises(Killed):
        giver.photo()
    assert len(files(giver)) == 1
    assert giver.rows("photo") == []
    revived(giver)
    number = giver.photo()
    assert len(files(giver)) == len(giver.rows("photo")) == 1
    assert giver.giving.jpeg(giver.home, number) is not None


def test_a_file_nobody_was_told_of_is_swept_away(giver: Giver) -> None:
    giver.photo()
    mortal(giver, "keep_photo")
    with pytest.raises(Killed):
        giver.photo(2)
    assert len(files(giver)) == 2
    giver.confirm("101.000", 1)
    assert swept(giver) == 0
    assert swept_a_day_later(giver) == 1
    assert giver.giving.jpeg(giver.home, 1) is not None


@pytest.mark.parametrize("dies_at", ["append", "add", "added", "review", "sign", "signed"])
def test_killed_within_a_submission_nothing_is_there_and_the_next_tap_makes_it_once(
    giver: Giver, dies_at: str
) -> None:
    number = giver.photo()
    mortal(giver, dies_at)
    with pytest.raises(Killed):
        giver.confirm("99.000", number, {"lower": "yes", "differs": "yes"}, key="page")
    for table in ("claim", "submission", "audit", "claim_reading", "resident_act"):
        assert giver.rows(table) == []
    revived(giver)
    made = giver.confirm("99.000", number, {"lower": "yes", "differs": "yes"}, key="page")
    assert giver.confirm("99.000", number, key="page") == made
    assert len(giver.rows("claim")) == len(giver.rows("submission")) == 1
    assert [row[0] for row in giver.rows("resident_act")] == [made.number]


def test_an_act_says_what_was_so_when_it_was_given_whoever_looks_later(giver: Giver) -> None:
    photo_no = giver.photo()
    made = giver.confirm("101.000", photo_no)
    kept = giver.acts.kept(made.number)
    assert kept is not None
    assert kept.made_at_ms == made.given_at_ms
    act = signed_acts.opened(kept, GATEWAY_KEY.public)
    assert (act.value, act.recognised, act.claim_no) == ("101.000", "00101.000", made.claim_no)
    giver.reader.digits = "00999000"
    giver.anew(giver.home, photo_no, FRAME)
    giver.now_ms += DAY_MS
    assert signed_acts.issue(giver.acts, DEVICE_KEY, made.number, giver.now_ms) == kept


def test_a_number_that_was_given_before_is_given_to_nobody_else(giver: Giver) -> None:
    giver.confirm("101")
    giver.random = itertools.count(1)  # the same random bytes again
    with pytest.raises(Exception, match=r"(?i)unique"):
        giver.confirm("100.500", serial=HOT)
    assert len(giver.rows("claim")) == len(giver.rows("submission")) == 1


def test_a_photo_goes_when_its_time_is_over_and_its_row_and_hash_stay(giver: Giver) -> None:
    made = giver.confirm("101.000", giver.photo())
    people = PeopleLedger(giver.database)
    for days, expected in ((1460, None), (1462, 1), (1462, None)):
        with overwriting(giver.database):
            done = apply(people, giver.now_ms + days * DAY_MS)
        assert done.get(Kept.PHOTOS) == expected
    assert swept(giver) == 1
    assert files(giver) == []
    assert made.photo_no is not None
    assert giver.giving.jpeg(giver.home, made.photo_no) is None
    assert giver.giving.proposal(giver.home, made.photo_no) is None
    with pytest.raises(GivingError, match="not kept any more"):
        giver.asked("102.000", made.photo_no)
    assert giver.giving.submission(giver.home, made.number) == made
    giver.now_ms += 1462 * DAY_MS
    assert "same-photo" in giver.asked("103.000", giver.photo())  # sent once more, after years
    assert len(files(giver)) == 1


def test_a_photo_that_led_to_nothing_goes_after_a_week(giver: Giver) -> None:
    giver.photo(1)
    giver.confirm("101.000", giver.photo(2))
    assert swept(giver) == 0
    giver.now_ms += DRAFT_MS_MIN + 1
    assert giver.files.sweep(PhotosLedger(giver.database), giver.now_ms) == 1
    told = SqlAudit(giver.database.connection).newest(1)[0].act
    assert (told.at_ms, told.actor, told.act) == (giver.now_ms, "gateway", "retention")
    assert told.after.startswith("1 photos of no reading; ")
    assert len(files(giver)) == 1
    assert giver.giving.jpeg(giver.home, 1) is None
    assert giver.giving.jpeg(giver.home, 2) is not None


async def test_the_running_gateway_sweeps_where_residents_have_pages(giver: Giver) -> None:
    giver.photo()
    giver.now_ms += DRAFT_MS_MIN + 1
    resident = ResidentConfig(public_url="https://meters.example")
    config = GatewayConfig(data=giver.town.folder, resident=resident)

    async def call(work: Callable[[], T]) -> T:
        return work()

    upkeep = Upkeep(config, giver.town.store, call, lambda: giver.now_ms)
    assert len(list(upkeep.here())) == 2
    assert await upkeep._sweep_photos() == UPKEEP_S
    assert files(giver) == []
    assert await upkeep._sweep_photos() == PHOTOS_S
    bare = Upkeep(config.model_copy(update={"resident": None}), giver.town.store, call, lambda: 0)
    assert len(list(bare.here())) == 1


def test_a_sweep_that_is_killed_is_done_again(giver: Giver) -> None:
    giver.photo()
    giver.now_ms += DRAFT_MS_MIN + 1

    class Dying(PhotosLedger):
        def deleted(self, _names: object) -> None:
            raise Killed

    with pytest.raises(Killed):
        giver.files.sweep(Dying(giver.database), giver.now_ms)
    assert files(giver) == []
    assert giver.files.sweep(PhotosLedger(giver.database), giver.now_ms) == 1
    assert giver.files.sweep(PhotosLedger(giver.database), giver.now_ms) == 0


def test_who_is_forgotten_leaves_no_photo_and_no_hash_and_the_log_holds(giver: Giver) -> None:
    photo_no = giver.photo()
    first = giver.confirm("101.000", photo_no)
    giver.confirm("100.500", serial=HOT)
    their = giver.giving.photo(giver.next_door, 3, encoded(scene(9))).photo_no
    (reference,) = (row[3] for row in giver.rows("photo")[:1])
    people = PeopleLedger(giver.database)
    held = people.held(people.account("40112"))  # type: ignore[arg-type]
    assert [row["photo_no"] for row in held["photos"]] == [photo_no]  # type: ignore[attr-defined]
    assert first.number in repr(held["submissions"])
    with giver.town.store.transaction():
        forgetting.ask(people, "40112", By("Иванов", "test"), "съехал", giver.now_ms)
    with overwriting(giver.database):
        forgetting.confirm(
            *(people, 1, By("Сидоров", "test"), giver.now_ms),
            lambda: secrets.token_bytes(PSEUDONYM_BYTES),
        )
    assert swept(giver) == 1
    assert len(files(giver)) == 1
    assert giver.giving.jpeg(giver.next_door, their) is not None
    everything = repr([giver.rows(table) for table in ("photo", "claim", "submission", "audit")])
    assert bytes(reference).hex() not in everything
    assert repr(bytes(reference)) not in everything
    assert len(giver.rows("submission")) == len(giver.rows("claim")) == 2
    assert giver.rows("audit")
    assert SqlAudit(giver.database.connection).head().number > 3


def test_files_of_another_ledger_s_folder_are_none_of_ours(giver: Giver, tmp_path: Path) -> None:
    empty = PhotoFiles(tmp_path / "elsewhere")
    assert empty.sweep(PhotosLedger(giver.database), giver.now_ms) == 0
