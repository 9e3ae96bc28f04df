"""Certificates as openssl sees them, and what is none."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.authority import Authority, Profile, Reason, Revoked
from cloud_sync.certificates import (
    CERTIFICATES_BYTES_MAX,
    REQUEST_BYTES_MAX,
    Certificate,
    CertificateError,
    TlsKey,
    chain_of,
    load_certificates,
    parse_certificates,
    parse_request,
)
from cloud_sync.signing import KeyFileError

NOW_MS = int(datetime.now(UTC).timestamp() * 1000)
DAY_MS = 86_400_000
OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


class Family(NamedTuple):
    """Root, issuing authority, and one certificate of each profile, as files too."""

    folder: Path
    root: Authority
    issuing: Authority
    made: dict[Profile, Certificate]

    def openssl(self, *words: str) -> subprocess.CompletedProcess[str]:
        assert OPENSSL is not None
        return subprocess.run(
            [OPENSSL, *words], cwd=self.folder, capture_output=True, text=True, check=False
        )

    def verified(self, profile: Profile, purpose: str, *more: str) -> bool:
        chain = ("-CAfile", "root.pem", "-untrusted", "issuing.pem")
        done = self.openssl(
            "verify", "-x509_strict", *chain, "-purpose", purpose, *more, f"{profile}.pem"
        )
        return done.returncode == 0


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tmp_path_factory.mktemp("ca")
    root = Authority.root("town root", NOW_MS, 7300)
    issuing = root.subordinate("town issuing 1", NOW_MS, 1825)
    made = {}
    for profile, name, names in (
        (Profile.DEVICE, "edge-1", ()),
        (Profile.SERVER, "gateway.example", ("gateway.example", "192.0.2.1")),
        (Profile.COLLECTOR, "collector-1", ()),
        (Profile.NODE, "node-1.example", ("node-1.example",)),
    ):
        request = parse_request(TlsKey.generate().request(name))
        made[profile] = issuing.issue(profile, request, NOW_MS, 90, names)
        (folder / f"{profile}.pem").write_text(made[profile].pem)
    root.save(folder / "root.pem", folder / "root.key")
    issuing.save(folder / "issuing.pem", folder / "issuing.key")
    return Family(folder, root, issuing, made)


@needs_openssl
class TestSecondOpinion:
    @pytest.mark.parametrize(
        ("profile", "client", "server"),
        [
            (Profile.DEVICE, True, False),
            (Profile.COLLECTOR, True, False),
            (Profile.SERVER, False, True),
            (Profile.NODE, True, True),
        ],
    )
    def test_each_profile_is_for_its_purpose_only(
        self, family: Family, profile: Profile, *, client: bool, server: bool
    ) -> None:
        assert family.verified(profile, "sslclient") is client
        assert family.verified(profile, "sslserver") is server

    def test_facts(self, family: Family) -> None:
        said = family.openssl(
            *("x509", "-in", "server.pem", "-noout", "-serial", "-subject", "-enddate"),
            *("-ext", "subjectAltName,keyUsage,extendedKeyUsage,basicConstraints"),
        ).stdout
        made = family.made[Profile.SERVER]
        assert f"serial={int(made.serial, 16):X}" in said.replace("serial=0", "serial=")
        assert "CN = gateway.example" in said or "CN=gateway.example" in said
        assert "DNS:gateway.example, IP Address:192.0.2.1" in said
        assert "CA:FALSE" in said
        assert "Digital Signature" in said
        ends = datetime.fromtimestamp(made.valid_to_ms / 1000, UTC)
        assert f"{ends:%b} {ends.day:2} {ends:%H:%M:%S %Y} GMT" in said

    def test_keys_are_on_p256(self, family: Family) -> None:
        said = family.openssl("x509", "-in", "device.pem", "-noout", "-text").stdout
        assert "NIST CURVE: P-256" in said

    def test_the_issuing_authority_makes_no_other_authority(self, family: Family) -> None:
        said = family.openssl("x509", "-in", "issuing.pem", "-noout", "-text").stdout
        assert "CA:TRUE, pathlen:0" in said
        lower = family.issuing.subordinate("one too many", NOW_MS, 10)
        request = parse_request(TlsKey.generate().request("edge-1"))
        (family.folder / "low.pem").write_text(lower.issue(Profile.DEVICE, request, NOW_MS, 1).pem)
        (family.folder / "between.pem").write_text(
            lower.certificate.pem + family.issuing.certificate.pem
        )
        done = family.openssl(
            *("verify", "-CAfile", "root.pem", "-untrusted", "between.pem", "low.pem")
        )
        assert "path length constraint exceeded" in done.stdout + done.stderr

    @pytest.mark.parametrize("reason", list(Reason))
    def test_a_revoked_certificate_is_refused_by_the_list(
        self, family: Family, reason: Reason
    ) -> None:
        crl = ("-crl_check", "-CRLfile", "crl.pem")
        file = family.folder / "crl.pem"
        file.write_text(family.issuing.revocation_list([], 1, NOW_MS, 7))
        assert family.verified(Profile.DEVICE, "sslclient", *crl)
        line = Revoked(family.made[Profile.DEVICE].serial, NOW_MS - 1000, reason)
        file.write_text(family.issuing.revocation_list([line], 2, NOW_MS, 7))
        assert not family.verified(Profile.DEVICE, "sslclient", *crl)
        assert family.verified(Profile.COLLECTOR, "sslclient", *crl)
        said = family.openssl("crl", "-in", "crl.pem", "-noout", "-crlnumber").stdout
        assert said.strip() in ("crlNumber=0x2", "crlNumber=2", "crlNumber=02", "crlNumber=0x02")

    def test_a_request_is_one(self, family: Family) -> None:
        (family.folder / "r.csr").write_text(TlsKey.generate().request("edge-1"))
        done = family.openssl("req", "-in", "r.csr", "-verify", "-noout", "-subject")
        assert done.returncode == 0
        assert "edge-1" in done.stdout


class TestKeys:
    def test_files_are_private_and_never_replaced(self, family: Family) -> None:
        for name in ("root.key", "issuing.key"):
            assert (family.folder / name).stat().st_mode & 0o777 == 0o600
        with pytest.raises(KeyFileError, match="cannot create"):
            TlsKey.generate().save(family.folder / "issuing.key")

    def test_a_key_that_others_can_read_is_not_used(self, tmp_path: Path) -> None:
        path = tmp_path / "tls.key"
        TlsKey.generate().save(path)
        path.chmod(0o640)
        with pytest.raises(KeyFileError, match="has rights 0640, expected 0600"):
            TlsKey.load(path)

    @pytest.mark.parametrize("content", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\n"])
    def test_what_is_no_key_is_one_line(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "tls.key"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileError, match="is not a private key in PEM form"):
            TlsKey.load(path)

    def test_an_authority_with_a_foreign_key_does_not_load(
        self, family: Family, tmp_path: Path
    ) -> None:
        TlsKey.generate().save(tmp_path / "other.key")
        with pytest.raises(CertificateError, match="not that of its certificate"):
            Authority.load(family.folder / "issuing.pem", tmp_path / "other.key")


class TestChains:
    def test_a_chain_ends_with_the_root(self, family: Family) -> None:
        leaf = family.made[Profile.DEVICE]
        bundle = [family.root.certificate, family.issuing.certificate]
        assert [one.subject for one in chain_of(leaf, bundle)] == [
            "edge-1", "town issuing 1", "town root",
        ]  # fmt: skip

    def test_a_missing_or_foreign_authority_is_named(self, family: Family) -> None:
        leaf = family.made[Profile.DEVICE]
        # Of the same name, with another key.
        stranger = Authority.root("town root", NOW_MS, 10)
        twin = stranger.subordinate("town issuing 1", NOW_MS, 5)
        for bundle in ([], [family.root.certificate], [stranger.certificate, twin.certificate]):
            with pytest.raises(CertificateError, match="no authority CN=town issuing 1"):
                chain_of(leaf, bundle)

    def test_who_is_no_authority_signs_nothing(self, family: Family) -> None:
        with pytest.raises(CertificateError):
            chain_of(family.made[Profile.DEVICE], [family.made[Profile.SERVER]])


class TestIssuing:
    def test_nothing_ends_after_its_authority(self, family: Family) -> None:
        short = family.root.subordinate("short", NOW_MS, 10)
        request = parse_request(TlsKey.generate().request("edge-1"))
        made = short.issue(Profile.DEVICE, request, NOW_MS, 90)
        assert made.valid_to_ms == short.certificate.valid_to_ms

    @pytest.mark.parametrize("days", [-1, 11])
    def test_an_authority_that_is_not_valid_issues_nothing(self, family: Family, days: int) -> None:
        short = family.root.subordinate("short", NOW_MS, 10)
        request = parse_request(TlsKey.generate().request("edge-1"))
        with pytest.raises(CertificateError, match="the authority short is valid from"):
            short.issue(Profile.DEVICE, request, NOW_MS + days * DAY_MS, 1)

    @pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x00"])
    def test_names_that_are_none(self, name: str) -> None:
        with pytest.raises(CertificateError, match="expected a name of 1 to 64"):
            TlsKey.generate().request(name)

    @pytest.mark.parametrize("name", ["*.example", "a b", "", "-x", "x" * 300])
    def test_host_names_that_are_none(self, family: Family, name: str) -> None:
        request = parse_request(TlsKey.generate().request("gateway"))
        with pytest.raises(CertificateError, match="expected a host name or an address"):
            family.issuing.issue(Profile.SERVER, request, NOW_MS, 1, ["good.example", name])


class TestParsing:
    @given(st.text(max_size=400))
    def test_any_text_is_no_request_and_no_certificate(self, text: str) -> None:
        for parse in (parse_request, parse_certificates):
            with pytest.raises(CertificateError):
                parse(text)

    @given(st.data())
    def test_a_damaged_request_is_one_or_an_error(self, data: st.DataObject) -> None:
        pem = bytearray(_REQUEST.encode())
        position = data.draw(st.integers(0, len(pem) - 1))
        pem[position] = data.draw(st.integers(0, 127))
        try:
            read = parse_request(pem.decode("ascii"))
        except CertificateError:
            return
        assert read.key_sha256 == parse_request(_REQUEST).key_sha256

    def test_bounds_come_first(self) -> None:
        with pytest.raises(CertificateError, match="at most"):
            parse_request("x" * (REQUEST_BYTES_MAX + 1))
        with pytest.raises(CertificateError, match="at most"):
            parse_certificates("x" * (CERTIFICATES_BYTES_MAX + 1))

    @needs_openssl
    @pytest.mark.parametrize(
        "algorithm",
        [
            ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
            ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
            ("-algorithm", "ED25519"),
        ],
    )
    def test_other_keys_are_not_certified(self, family: Family, algorithm: tuple[str, ...]) -> None:
        family.openssl("genpkey", *algorithm, "-out", "other.key")
        said = family.openssl("req", "-new", "-key", "other.key", "-subj", "/CN=edge-1").stdout
        with pytest.raises(CertificateError, match="expected a request for a key on P-256"):
            parse_request(said)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CertificateError, match=r"none\.pem"):
            load_certificates(tmp_path / "none.pem")


_REQUEST = TlsKey.generate().request("edge-1")
