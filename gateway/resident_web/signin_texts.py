"""What the pages say of signing in, linking a dwelling, and phones that are remembered."""

SIGNIN: dict[str, tuple[str, str]] = {
    "ways": ("Войти без ссылки", "Sign in without a link"),
    "ways_how": (
        "Если вы уже привязали лицевой счёт или хотите это сделать.",
        "If you have linked your personal account, or would like to.",
    ),
    "ways_by": ("Войти через {}", "Sign in with {}"),
    "ways_phone": ("Войти с этим телефоном", "Sign in with this phone"),
    "signed_in": ("Вы вошли", "You are signed in"),
    "signed_in_next": ("Продолжить", "Continue"),
    "dwellings": ("Ваши помещения", "Your dwellings"),
    "dwellings_all": ("Вход и помещения", "Sign-in and dwellings"),
    "dwelling_open": ("Открыть", "Open"),
    "dwelling_here": ("открыто сейчас", "open now"),
    "dwelling_unlink": ("Отвязать", "Unlink"),
    "dwelling_unlink_how": (
        "Показания и история останутся. Чтобы вернуться, понадобится код из квитанции.",
        "Readings and history stay. To come back you need the code from a bill.",
    ),
    "dwelling_unlink_yes": ("Да, отвязать", "Yes, unlink"),
    "dwelling_add": ("Добавить помещение", "Add a dwelling"),
    "linking": ("Привяжите лицевой счёт", "Link your personal account"),
    "linking_how": (
        "Возьмите последнюю квитанцию за квартиру: нужны номер и код с неё.",
        "Take the latest bill for the flat: you need the number and the code on it.",
    ),
    "linking_code": ("Код из квитанции", "Code from the bill"),
    "linking_code_how": (
        "Восемь знаков, например 7K2M‑40XR. Большие и маленькие буквы — всё равно.",
        "Eight signs, like 7K2M‑40XR. Capitals and small letters are the same.",
    ),
    "linking_do": ("Привязать", "Link"),
    "linking_none": (
        "В квитанции нет кода — попросите его в управляющей организации.",
        "If there is no code on the bill, ask the company that manages the house.",
    ),
    "wrong_no_number": (
        (
            "Номер лицевого счёта: нужны цифры из квитанции, например 4017781. "
            "Проверьте, что переписали его целиком."
        ),
        (
            "Number of the personal account: expected the digits from the bill, like 4017781. "
            "See that it was copied as a whole."
        ),
    ),
    "wrong_code_length": (
        "Код из квитанции: нужно 8 знаков, введено {}.",
        "Code from the bill: expected 8 signs, got {}.",
    ),
    "wrong_code_slip": (
        "Код из квитанции: в одном знаке опечатка. Сравните с квитанцией знак за знаком.",
        "Code from the bill: one sign is mistyped. Compare it with the bill sign by sign.",
    ),
    "wrong_no_pair": (
        (
            "Такой номер и такой код не подходят друг к другу. Код набран без опечатки, поэтому "
            "сначала сверьте номер, потом — что код с последней квитанции."
        ),
        (
            "This number and this code do not belong together. The code has no slip in it, so look "
            "at the number first, then see that the code is from the latest bill."
        ),
    ),
    "wrong_code_over": (
        "Срок этого кода прошёл. Возьмите код с последней квитанции.",
        "This code is over. Take the one on the latest bill.",
    ),
    "wrong_too_often": (
        "Слишком много попыток. Попробуйте через сутки или позвоните по телефону из квитанции.",
        "Too many tries. Try again in a day, or call the number on the bill.",
    ),
    "wrong_too_many": (
        "Больше привязать нельзя. Позвоните по телефону из квитанции.",
        "No more can be linked. Call the number on the bill.",
    ),
    "phone": ("Вход с этим телефоном", "Signing in with this phone"),
    "phone_how": (
        (
            "В следующий раз можно войти без ссылки и кода: отпечатком, лицом или кодом "
            "разблокировки телефона."
        ),
        (
            "Next time you can come in without link and code: by fingerprint, by face, or by the "
            "code that unlocks the phone."
        ),
    ),
    "phone_add": ("Запомнить этот телефон", "Remember this phone"),
    "phone_added": ("Запомнен: {}", "Remembered: {}"),
    "phone_used": ("последний вход: {}", "last used: {}"),
    "phone_remove": ("Забыть", "Forget"),
    "phone_list": ("Запомненные телефоны", "Remembered phones"),
    "phone_not": (
        "Этот браузер так не умеет. Входите по ссылке, как раньше.",
        "This browser cannot do that. Come in by a link as before.",
    ),
    "phone_paper": (
        "Вы вошли по объявлению: так телефон не запомнить. Войдите по ссылке с кодом.",
        "Coming in by a slip is too little to remember a phone. Come in by a link with a code.",
    ),
    "phone_cancelled": (
        "Телефон ничего не прислал. Попробуйте ещё раз.",
        "The phone sent nothing. Please try again.",
    ),
    "phone_failed": (
        "Не получилось: нет связи. Попробуйте ещё раз.",
        "It did not work: no connection. Please try again.",
    ),
    "sorry_choose": ("Помещение не выбрано", "No dwelling is chosen"),
    "sorry_choose_do": (
        "Откройте первую страницу и выберите помещение.",
        "Open the first page and choose a dwelling.",
    ),
    "sorry_signin_nobody": ("Вход не завершён", "You are not signed in"),
    "sorry_signin_nobody_do": (
        "Начните вход ещё раз с первой страницы, в том же браузере и за десять минут.",
        "Begin again from the first page, in the same browser and within ten minutes.",
    ),
    "sorry_signin_provider": (
        "Сервис входа не ответил как надо",
        "The sign-in service did not answer as it should",
    ),
    "sorry_signin_provider_do": (
        "Попробуйте через несколько минут или войдите по ссылке из сообщения.",
        "Try again in some minutes, or come in by the link in the message.",
    ),
    "sorry_passkey": ("Этот телефон не подошёл", "This phone did not fit"),
    "sorry_passkey_do": (
        "Попробуйте ещё раз или войдите по ссылке из сообщения.",
        "Try again, or come in by the link in the message.",
    ),
    "sorry_passkey_many": ("Запомнено слишком много", "Too many are remembered"),
    "sorry_passkey_many_do": (
        "Забудьте телефон, которым не пользуетесь, или позвоните по телефону из квитанции.",
        "Forget a phone you do not use, or call the number on the bill.",
    ),
}
