"""Captures what its first argument names, under the token of the second, and prints the ids of the events."""

from __future__ import annotations

import json
import sys
import threading

import tallylight

scenario, token = sys.argv[1:]
tallylight.init(
    release="sender@1.2.3", environment="end-to-end", errors={"include_local_variables": True}
)
tallylight.set_tag("run", token)
ids: list[str] = []


def read_row(number: int) -> None:
    raise LookupError(f"row {number} of {token} is not there")


def load_order(number: int) -> None:
    try:
        read_row(number)  # the line that the frame of load_order shows
    except LookupError as error:
        raise RuntimeError(f"order {number} of {token} was not loaded") from error


def chain() -> None:
    try:
        load_order(7)
    except RuntimeError as error:
        with tallylight.with_scope():
            tallylight.set_user({"id": "user-7"})
            tallylight.add_breadcrumb({"category": "orders", "message": "order 7 was asked for"})
            ids.append(
                tallylight.capture_exception(
                    error, context={"analysis_id": "a-17", "model": "m-1"}, tags={"area": "orders"}
                )
            )


def context() -> None:
    try:
        try:
            read_row(9)
        except LookupError:
            raise ValueError(f"while handling in {token}")  # noqa: B904: the context is what is tested
    except ValueError as error:
        ids.append(tallylight.capture_exception(error))


def group() -> None:
    # Python 3.10 has none.
    kind = getattr(__import__("builtins"), "ExceptionGroup", None)
    if kind is None:
        return
    both = [TypeError(f"first of {token}"), KeyError(f"second of {token}")]
    ids.append(tallylight.capture_exception(kind(f"all of {token} failed", both)))


def message() -> None:
    ids.append(tallylight.capture_message(f"a message of {token}", "warning"))


def unhandled() -> None:
    load_order(8)


def thread() -> None:
    worker = threading.Thread(target=load_order, args=(9,), name="worker-9")
    worker.start()
    worker.join()


globals()[scenario]()
if ids:
    delivery = tallylight.close(timeout_ms=20_000)
    print(json.dumps({"ids": ids, "sent": delivery["sent"]}))
