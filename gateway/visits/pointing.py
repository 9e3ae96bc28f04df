"""Which points wait, asked by a device for the house it hangs in; sealed for that device."""

from cloud_sync import points, visit_road
from cloud_sync.points import PointsError
from cloud_sync.signing import Sealer
from cloud_sync.visit_road import RoadError
from gateway.identity.model import NotLetIn, Why
from gateway.visits.keeping import Keeper
from gateway.visits.waiting import WaitingPort, listed


class Pointer:
    """Answers devices. Synchronous: it runs where the ledger is written."""

    def __init__(self, port: WaitingPort, keeper: Keeper, key: Sealer) -> None:
        self._port = port
        self._keeper = keeper
        self._key = key

    def points(self, body: bytes, now_ms: int) -> bytes:
        """The sealed list; NotLetIn for a question that is nobody's."""
        try:
            asked = visit_road.peek_ask(body)
        except RoadError as error:
            raise NotLetIn(Why.MALFORMED, str(error)[:300]) from error
        device = asked.device
        what = visit_road.purpose(device, "points")
        house = self._keeper.asked(body, device, what, now_ms).device.house
        if not house:
            raise NotLetIn(Why.WRONG_HOUSE, f"{device} hangs in no house", device=device)
        try:
            return points.seal(listed(self._port, house, device, now_ms), self._key)
        except PointsError as error:
            raise NotLetIn(Why.WRONG_HOUSE, str(error)[:300], device=device) from error
