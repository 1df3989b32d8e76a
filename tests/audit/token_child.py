"""Runs the cases of the contract on a PKCS#11 token; one JSON line each: name, what went wrong.

A process of its own: a module is loaded with the libraries and the environment that it asks for.
``HALTLINE_PKCS11_MODULE``, ``_TOKEN`` and ``_PIN`` say which token. Between cases its keys are
removed, so it must be one for tests: the label has to be ``haltline-test``.
"""

import json
import os
import traceback

import pkcs11
from pkcs11 import Attribute, ObjectClass

from audit.token_keys import LABEL, RETIRED, TokenKeys
from tests.audit.keystore_contract import CASES

TEST_TOKEN = "haltline-test"


def emptied(module: str, token: str, pin: str) -> None:
    with pkcs11.lib(module).get_token(token_label=token).open(rw=True, user_pin=pin) as session:
        for label in (LABEL, RETIRED):
            wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}
            for one in list(session.get_objects(wanted)):
                one.destroy()


def initialised(module: str, token: str, pin: str) -> None:
    """Mozilla's soft token begins without a PIN, and takes its first from the security officer."""
    with pkcs11.lib(module).get_token(token_label=token).open(rw=True, so_pin="") as session:
        session.init_pin(pin)


def exportable(module: str, token: str, pin: str) -> list[str]:
    """Keys whose bytes could leave the token."""
    with pkcs11.lib(module).get_token(token_label=token).open(user_pin=pin) as session:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: LABEL}
        return [
            bytes(one[Attribute.ID]).decode()
            for one in session.get_objects(wanted)
            if one[Attribute.EXTRACTABLE] or not one[Attribute.SENSITIVE]
        ]


def main() -> None:
    where = [os.environ[f"HALTLINE_PKCS11_{name}"] for name in ("MODULE", "TOKEN", "PIN")]
    assert where[1] == TEST_TOKEN, "this removes every key: not on a token that is in use"
    if os.environ.get("HALTLINE_TEST_INIT_PIN"):
        initialised(*where)
    store = TokenKeys(module=where[0], token=where[1], pin=where[2])
    for name, case in CASES.items():
        emptied(*where)
        try:
            case(store)
            assert exportable(*where) == []
            wrong = ""
        except Exception:  # noqa: BLE001 - said to whoever started this
            wrong = traceback.format_exc()
        print(json.dumps([name, wrong]), flush=True)
    emptied(*where)


if __name__ == "__main__":
    main()
