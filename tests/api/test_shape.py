"""Describing a response that could not be read."""

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
    """Names and types are described, but no values, nor names that could be some."""
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
    """Another body is described in a word."""
    assert describe_shape(body) == shape


def test_length() -> None:
    """The description stays short."""
    value = {letter * 32: {letter * 32: 1} for letter in "abcdefghijklmnopqrst"}
    assert len(describe_shape(json.dumps(value).encode())) == MAX_LENGTH + 1


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        (Fault.html(200), "HTML"),
        (Fault.code("none"), "{code: text, msg: text, data: null}"),
        (
            Fault(change=lambda answer: answer.update(data=[answer["data"]])),
            (
                "{code: number, msg: text, data: [1 of {totalTraffic: number, "
                "dynamicTraffic: number, balance: number, currency: text}]}"
            ),
        ),
    ],
)
async def test_error(
    api: SimulatedApi, client: BytesFlowsClient, fault: Fault, shape: str
) -> None:
    """The error for a response contains its shape."""
    api.break_(fault)
    with pytest.raises(BytesFlowsParseError) as caught:
        await client.get_overview()
    assert caught.value.shape == shape
