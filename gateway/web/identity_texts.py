"""What the page of devices' identities says, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_identity": ("Устройства", "Devices"),
    "identity_note": (
        (
            "Отпечаток показывает и само устройство (plomba-edge enroll): сверьте оба, прежде чем"
            " уйти из дома."
        ),
        (
            "The device itself shows the fingerprint too (plomba-edge enroll): compare both before"
            " leaving the house."
        ),
    ),
    "identity_device": ("Устройство", "Device"),
    "identity_fingerprint": ("Отпечаток ключа", "Key fingerprint"),
    "identity_until": ("Сертификат до", "Certificate until"),
    "identity_standing": ("Состояние", "Standing"),
    "identity_none": ("Ни одного устройства с ключом", "No device with a key"),
    "identity_revoked": ("отозвано", "revoked"),
    "identity_waiting": ("ждёт сертификата", "waits for its certificate"),
    "identity_keys-ended": ("ключ закончился", "key has ended"),
    "identity_by-hand": ("внесено вручную", "entered by hand"),
    "identity_valid": ("действует", "valid"),
    "identity_90": ("продлевается", "being renewed"),
    "identity_30": ("не продлён", "not renewed"),
    "identity_7": ("скоро закончится", "ends soon"),
    "identity_expired": ("закончился", "expired"),
    "identity_cloned": ("Говорят из двух мест", "Speak from two places"),
    "identity_cloned_hint": (
        (
            "карту скопировали или вернули её старую копию: осмотрите устройство, отзовите его и"
            " введите заново"
        ),
        (
            "the card was copied, or an old copy put back: look at the device, revoke it and enrol"
            " it anew"
        ),
    ),
    "identity_twice": ("говорит из двух мест", "speaks from two places"),
    "identity_may_speak": ("кто может говорить", "who may speak"),
    "identity_houseless": ("без дома", "no house"),
    "identity_revoked_at": ("с {}", "since {}"),
    "identity_since": ("Впервые", "First seen"),
    "identity_batch": ("Пакет", "Batch"),
    "identity_stored_boot": ("Принят от запуска", "Taken from boot"),
    "identity_other_boot": ("Отклонён от запуска", "Refused from boot"),
    "identity_invitations": ("Приглашения", "Invitations"),
    "identity_label": ("Номер", "Label"),
    "identity_for": ("Для кого", "For"),
    "identity_any": ("любое ожидаемое", "any expected"),
    "identity_invited_until": ("Действует до", "Valid until"),
    "identity_by": ("Кто выдал", "Made by"),
    "identity_refused": ("Не впущены", "Not let in"),
    "identity_refused_hint": ("по всем домам", "of all houses"),
    "identity_last": ("Последний раз", "Last"),
    "identity_times": ("Раз", "Times"),
    "identity_why": ("Причина", "Reason"),
    "identity_from": ("Откуда", "From"),
    "identity_nobody": ("Никому не отказано", "Nobody was refused"),
    "quarantine": ("Карантин", "Quarantine"),
    "quarantine_hint": (
        "по всем домам: сообщения, которые не прошли проверку и ни на что не повлияли",
        "of all houses: messages that failed their check and changed nothing",
    ),
    "quarantine_sender": ("От чьего имени", "In whose name"),
    "quarantine_kept": ("Записей", "Records"),
    "quarantine_refused": ("отказано: {}, записей: {}", "{} refused, {} records"),
    "quarantine_command": ("Сами сообщения:", "The messages themselves:"),
    "quarantine_none": ("Все сообщения прошли проверку", "Every message passed its check"),
    "refused_oversized": ("слишком большое", "too large"),
    "refused_malformed": ("не разобрано", "malformed"),
    "refused_unknown-topic": ("не наша тема", "not a topic of ours"),
    "refused_unknown-key": ("неизвестный ключ", "unknown key"),
    "refused_wrong-device": ("ключ другого устройства", "another device's key"),
    "refused_bad-signature": ("подпись неверна", "bad signature"),
    "refused_not-canonical": ("запись не каноническая", "not in canonical form"),
    "refused_key-not-valid": ("ключ тогда не действовал", "key not valid then"),
    "refused_sequence-reused": ("номер пакета занят другим", "batch number taken by another"),
    "refused_chain-broken": ("не продолжает цепочку", "does not continue the chain"),
    "refused_too-many-unknown-registers": (
        "слишком много неизвестных регистров",
        "too many unknown registers",
    ),
    "refused_flood": ("слишком часто, не рассмотрено", "too often, not looked at"),
    "refused_unforeseen": ("ошибка шлюза, см. журнал", "a defect of the gateway, see its log"),
    "not_in_malformed": ("запрос не разобран", "malformed request"),
    "not_in_unknown-invitation": ("нет такого приглашения", "unknown invitation"),
    "not_in_expired-invitation": ("приглашение истекло", "expired invitation"),
    "not_in_withdrawn-invitation": ("приглашение отозвано", "withdrawn invitation"),
    "not_in_used-invitation": ("приглашение использовано", "used invitation"),
    "not_in_wrong-house": ("чужой дом", "wrong house"),
    "not_in_device-not-expected": ("нет в списке дома", "not on the house's list"),
    "not_in_name-taken": ("имя занято", "name taken"),
    "not_in_key-taken": ("ключ занят", "key taken"),
    "not_in_unknown-key": ("неизвестный ключ", "unknown key"),
    "not_in_key-not-valid": ("ключ закончился", "key has ended"),
    "not_in_device-revoked": ("устройство отозвано", "device revoked"),
    "not_in_release-not-offered": ("версия ему не предложена", "version not offered to it"),
    "not_in_too-often": ("слишком часто", "too often"),
}
