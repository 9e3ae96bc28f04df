"""Functions that take bytes or text apart and are not fuzzed, each with the reason.

What stands in our own ledger (`gateway/sql/`) was checked when it was entered and is left out
by the walk itself.
"""

_BUILDS = "builds bytes of ours; what it takes apart it has just made or checked"
_OWN_DISK = "a file only this program writes; whoever can change it holds the key beside it"
_OWN_LEDGER = "text out of our own ledger or out of our own event"
_OWN_CONFIG = "a file of the operator's own machine, readable by its owner alone"
_OWN_PACKAGE = "a file of the package itself"
_OWN_PIPE = "bytes between two processes of ours; a length beyond the bound ends the reading"
_SEALED = "bounded, and refused in one line unless the gateway's own seal over it holds"
_TYPED = "an argument typed by the operator at a shell, refused by click"

EXEMPT: dict[str, str] = {
    "cloud_sync.authority.Authority.issue": _BUILDS,
    "cloud_sync.authority.Authority.listed": _OWN_DISK,
    "cloud_sync.authority._alternative": _TYPED,
    "cloud_sync.certificates.check_revocation_lists": _OWN_CONFIG,
    "cloud_sync.certificates.load_private": _OWN_CONFIG,
    "cloud_sync.signing.SigningKey.load": _OWN_CONFIG,
    "drivers.link._settings": _OWN_CONFIG,
    "drivers.mbus.address._sent": _BUILDS,
    "drivers.mbus.times.encode": _BUILDS,
    "drivers.mbus.values.encode_bcd": _BUILDS,
    "edge.command_record.read": _OWN_DISK,
    "edge.enrolled.load": _OWN_DISK,
    "edge.head_file._parse": _OWN_DISK,
    "edge.page.door._is_loopback": "an address of our own socket, as the kernel names it",
    "edge.page.label.Label._load": _OWN_DISK,
    "edge.page.sessions.Sessions._load": _OWN_DISK,
    "edge.page.work.Work.left": _OWN_DISK,
    "edge.scan.writing._expected": _BUILDS,
    "edge.scan.writing.extend": _BUILDS,
    "edge.update.standing._read": "root's own notes, bounded; nonsense in them is none",
    "edge.visit.checking.at_speed": _OWN_CONFIG,
    "edge.visit.configuring._expected": _OWN_CONFIG,
    "edge.visit.configuring.rewrite": _OWN_CONFIG,
    "edge.visit.configuring.set_line": _OWN_CONFIG,
    "edge.visit.delivering._photo": _BUILDS,
    "edge.visit.journal._entry": _OWN_DISK,
    "edge.visit.recording._install": _BUILDS,
    "gateway.backup._manifest": _SEALED,
    "gateway.resident.signin_secrets.SignInSecrets.bill_code": _BUILDS,
    "gateway.closing._chosen": _OWN_LEDGER,
    "gateway.commands.registry.Moment.convert": _TYPED,
    "gateway.commands.word._report": "a device's text: shown as it came if it is no JSON",
    "gateway.estimation.refusal.raise_for": _OWN_LEDGER,
    "gateway.estimation.terms.terms_for": _OWN_LEDGER,
    "gateway.explain.findings._clock": _OWN_LEDGER,
    "gateway.explain.findings._moment": _OWN_LEDGER,
    "gateway.explain.findings.told": _OWN_LEDGER,
    "gateway.export.columns.load": _OWN_PACKAGE,
    "gateway.filling._gathered": _OWN_LEDGER,
    "gateway.gis.history._first_day": _OWN_LEDGER,
    "gateway.handoff.event.data_of": _OWN_LEDGER,
    "gateway.handoff.event.type_of": _OWN_LEDGER,
    "gateway.handoff.webhook.signer": _OWN_CONFIG,
    "gateway.photo.looking._Worker.ask": _OWN_PIPE,
    "gateway.photo.looking_worker.work": _OWN_PIPE,
    "gateway.postgres.partitions.detach": _TYPED,
    "gateway.resident.oidc._our_key": _OWN_CONFIG,
    "gateway.resident.oidc_token.key_of_pem": _OWN_CONFIG,
    "gateway.resident.submission.number_of": _BUILDS,
    "gateway.resident.secrets.Secrets.code": _BUILDS,
    "gateway.resident_web.close_up.close_up": "a picture written anew by us, kept under its hash",
    "gateway.resident_web.uploads.Uploads._read": _OWN_DISK,
    "gateway.verify_worker.work": _OWN_PIPE,
    "gateway.verifying._Worker.ask": _OWN_PIPE,
    "gateway.verify_worker.take": _OWN_PIPE,
    "gateway.web.texts.Words.date": _OWN_LEDGER,
}
