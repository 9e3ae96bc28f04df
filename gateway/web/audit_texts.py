"""The words of the page of the audit log."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_audit": ("Журнал", "Audit log"),
    "audit_hint": (
        "Все дома. Записи только добавляются, и каждая держит хеш предыдущей.",
        "All houses. Entries are only ever added, and each holds the hash of the one before it.",
    ),
    "audit_head": (
        "Последняя запись и её хеш, чтобы отметить:",
        "The last entry and its hash, to be noted down:",
    ),
    "audit_check": ("Проверить всю цепочку:", "Check the whole chain:"),
    "audit_no": ("№", "No."),
    "audit_at": ("Когда", "When"),
    "audit_who": ("Кто", "Who"),
    "audit_did": ("Действие", "Act"),
    "audit_subject": ("Над чем", "Subject"),
    "audit_change": ("Что изменилось, почему", "What changed, and why"),
    "audit_before": ("было", "before"),
    "audit_after": ("стало", "after"),
    "audit_why": ("почему", "why"),
    "audit_forgotten": ("тексты удалены записью {}", "texts removed by entry {}"),
    "audit_only": ("Только «{}»", "Only “{}”"),
    "audit_all": ("показать все", "show all"),
    "audit_older": ("Старше", "Older"),
    "audit_newest": ("К последним", "To the newest"),
    "audit_none": ("Записей нет", "No entries"),
}
