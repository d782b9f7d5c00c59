"""What is told of an answer that was not understood."""

import json

import pytest

from custom_components.bytesflows.api import BytesFlowsClient, BytesFlowsParseError
from custom_components.bytesflows.api.shape import MAX_LENGTH, describe_shape
from dev.simulated_api import Fault, SimulatedApi


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (
            {"code": 200, "msg": "secret", "data": {"all": 1.5, "rows": [{"a": 1}]}},
            "{code: number, msg: text, data: {all: number, rows: [1 of {a: number}]}}",
        ),
        (
            {"123456": 1, "key-of-it": True, "": None},
            "{…: number, …: boolean, …: null}",
        ),
        ([], "[]"),
        ({}, "{}"),
        ([[[[[["deep"]]]]]], "[1 of [1 of [1 of [1 of [1 of …]]]]]"),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, "{a: {b: {c: {d: {…}}}}}"),
        (
            dict.fromkeys("abcdefghijklmnopqrstuvwxyz", 1),
            f"{{{', '.join(f'{name}: number' for name in 'abcdefghijklmnopqrst')}, …}}",
        ),
    ],
)
def test_json(value: object, shape: str) -> None:
    """Names and types are told, neither values nor what could be one."""
    assert describe_shape(json.dumps(value).encode()) == shape


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", "empty"),
        (b" <html>", "HTML"),
        (b"no", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_no_json(body: bytes, shape: str) -> None:
    """What else a body is can be told in a word."""
    assert describe_shape(body) == shape


def test_length() -> None:
    """What is told stays short."""
    value = {letter * 32: {letter * 32: 1} for letter in "abcdefghijklmnopqrst"}
    assert len(describe_shape(json.dumps(value).encode())) == MAX_LENGTH + 1


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        (Fault.html(200), "HTML"),
        (Fault.code("none"), "{code: text, msg: text, data: null}"),
        (
            Fault.data(totalTraffic=None),
            (
                "{code: number, msg: text, data: {totalTraffic: null, "
                "dynamicTraffic: number, balance: number, currency: text}}"
            ),
        ),
    ],
)
async def test_error(
    api: SimulatedApi, client: BytesFlowsClient, fault: Fault, shape: str
) -> None:
    """The error of an answer knows its shape."""
    api.break_(fault)
    with pytest.raises(BytesFlowsParseError) as caught:
        await client.get_overview()
    assert caught.value.shape == shape
