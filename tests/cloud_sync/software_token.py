"""A real PKCS#11 token in a folder: SoftHSM 2, initialised by its own program."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from cloud_sync import token_uri
from cloud_sync.token_uri import TokenUri

_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    *(str(found) for found in Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")),
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
MODULE = next((place for place in _PLACES if Path(place).exists()), "")
PIN = "271828"


class SoftwareToken:
    """One token of its own name: a process that saw another one before begins anew with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "tokens"
        self.store.mkdir(parents=True)
        self.label = f"plomba {secrets.token_hex(4)}"
        self.pin_file = folder / "pin"
        self.write_pin(PIN)
        self.conf = folder / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self.store}\nlog.level = ERROR\n")
        subprocess.run(
            [
                *("softhsm2-util", "--init-token", "--free", "--label", self.label),
                *("--pin", PIN, "--so-pin", "314159"),
            ],
            env=os.environ | {"SOFTHSM2_CONF": str(self.conf)},
            check=True,
            capture_output=True,
        )

    def write_pin(self, pin: str) -> None:
        self.pin_file.write_text(f"{pin}\n")
        self.pin_file.chmod(0o600)

    def text(self, name: str = "signing") -> str:
        return (
            f"pkcs11:token={quote(self.label)};object={name}"
            f"?module-path={MODULE}&pin-source={quote(str(self.pin_file))}"
        )

    def uri(self, name: str = "signing") -> TokenUri:
        return token_uri.parse(self.text(name))

    def pull(self) -> None:
        """The token is taken out of the machine."""
        self.store.rename(self.folder / "pulled")
        self.store.mkdir()

    def put_back(self) -> None:
        self.store.rmdir()
        (self.folder / "pulled").rename(self.store)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftwareToken:
    pytest.importorskip("pkcs11", reason="needs python-pkcs11 (requirements/token.txt)")
    if not MODULE or shutil.which("softhsm2-util") is None:
        pytest.skip("needs SoftHSM 2: run tools/servers.sh")
    made = SoftwareToken(tmp_path / "hsm")
    # SoftHSM, loaded into this process, finds its tokens by this variable and in no other way:
    # PKCS#11 has no argument for it. Nothing of ours reads it.
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.conf))
    return made
