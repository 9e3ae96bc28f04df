"""What an installer has: a house in the registry, a card, a riser with meters, a phone.

The gateway with its broker and the device's agent are real processes; they are begun when a test
says that the network is there.
"""

import getpass
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection

from edge.visit.binding import FILE as POINTS_FILE
from tests.cloud_sync.brokers import HOST, MOSQUITTO, free_port
from tests.e2e.edge_with_clock import Vouched
from tests.e2e.enrolment_house import HOUSE, Office, a_card
from tests.edge.page.site import CODE, POWER, Site

ROOT = Path(__file__).parents[2]
DEVICE = "riser-1"
# The registry knows two of the meters by their numbers; the third is for the installer to bind.
PLANS = f"""\
house,address,timezone,account,dwelling,point,kind,resource,register,unit,exponent,digits,\
rate_max_per_h,place,serial,model
{HOUSE},Lenina 1,Europe/Moscow,112,12,A-12-CW,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.125,\
санузел,11020431,
{HOUSE},Lenina 1,Europe/Moscow,112,12,A-12-HW,dwelling,hot-water,9-0:1.0.0,m3,-3,8,3.125,санузел,,
{HOUSE},Lenina 1,Europe/Moscow,,,A-HEAT,house,heat,6-0:1.0.0,kWh,0,7,9999,подвал,67305512,
"""
STARTS_S = 60.0


class House:
    """The office, the device and the riser; nothing runs yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker_port, self.plain_port = free_port(), free_port()
        self.office = Office(folder / "office").with_authority()
        self._configure_office()
        plans = folder / "points.csv"
        plans.write_text(PLANS)
        self.office.ok("registry", "points", str(plans))
        self.site = Site(folder / "pi", power=POWER, clock=Vouched())
        self.site.line_port = free_port()
        self._make_card()

    def _configure_office(self) -> None:
        text = self.office.toml.read_text()
        named = f'broker_host = "{HOST}"\nbroker_port = {self.broker_port}'
        text = text.replace('broker_host = "broker.example"', named)
        text += f'\n[broker]\nhost = "{HOST}"\nport = {self.plain_port}\nwithout_tls = true\n'
        self.office.toml.write_text(text)

    def _make_card(self) -> None:
        """What `plomba-gateway cards` puts on a card: invitation, points, the label's code."""
        pi = self.folder / "pi"
        invitation = self.office.invite("--device", DEVICE)
        config = a_card(pi, DEVICE, invitation=invitation, house=HOUSE)
        # Every meter of the agent answers: whom it waits for longer costs nothing.
        line = f'url = "tcp://{HOST}:{self.site.line_port}"\nturnaround_s = 10\nbaud = 115200'
        path = pi / "edge.toml"
        path.write_text(path.read_text().replace(f'url = "tcp://{HOST}:1"', line))
        state = config.device.state_dir
        state.mkdir(mode=0o700)
        self.office.ok("registry", "waiting", "--house", HOUSE, "--out", str(state / POINTS_FILE))
        (state / "page-code").touch(mode=0o600)
        (state / "page-code").write_text(CODE)

    @contextmanager
    def network(self) -> Iterator[None]:
        """Broker, gateway and the device's agent, until the end of the block."""
        with ExitStack() as stack:
            mosquitto = self._mosquitto()
            stack.enter_context(_process("broker", self.folder, str(MOSQUITTO), "-c", mosquitto))
            _listening(self.plain_port)
            gateway = ("-m", "gateway", "run", "--config", str(self.office.toml))
            stack.enter_context(_process("gateway", self.folder, sys.executable, *gateway))
            _listening(self.office.port)
            agent = ("-m", "tests.e2e.edge_with_clock", str(self.site.config), "--wait")
            stack.enter_context(_process("agent", self.folder, sys.executable, *agent))
            yield

    def _mosquitto(self) -> str:
        """In clear for the gateway beside it, by certificates for the device."""
        tls = self.office.folder / "tls"
        root = self.office.config.ca_folder / "root.pem"
        path = self.folder / "mosquitto.conf"
        path.write_text(
            f"""\
user {getpass.getuser()}
log_dest none
per_listener_settings true
listener {self.plain_port} {HOST}
allow_anonymous true
listener {self.broker_port} {HOST}
cafile {root}
certfile {tls / f"{HOST}.pem"}
keyfile {tls / f"{HOST}.key"}
require_certificate true
use_identity_as_username true
"""
        )
        return str(path)


@contextmanager
def _process(name: str, folder: Path, *words: str) -> Iterator[None]:
    """A process whose output is kept beside the test's files; ended at the end of the block."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=os.environ, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STARTS_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listening(port: int) -> None:
    ends_s = time.monotonic() + STARTS_S
    while True:
        try:
            create_connection((HOST, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < ends_s, f"nothing listens on {port}"
            time.sleep(0.05)
        else:
            return
