"""Every path of changing an account's options, against the simulated API."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from dev.simulated_api import SimulatedApi
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData

from .helpers.common import OPTIONS, set_up
from .helpers.flows import suggestions
from .helpers.home import Home


async def test_options(home: Home) -> None:
    """The options are shown as they are, and apply at once."""
    await home.set_up()
    assert home.state("next_expiry").state == "2026-03-21T12:00:00+00:00"

    result = await home.hass.config_entries.options.async_init(home.entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert suggestions(result) == OPTIONS

    changed = {
        "time_zone": "Europe/Berlin",
        "low_traffic_threshold": 25.0,
        "expiring_soon_days": 7,
    }
    result = await home.hass.config_entries.options.async_configure(
        result["flow_id"], changed
    )
    await home.hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dict(home.entry.options) == changed
    assert isinstance(home.entry.options["low_traffic_threshold"], int)
    assert home.state("next_expiry").state == "2026-03-21T19:00:00+00:00"


@pytest.mark.parametrize(
    "changed",
    [
        {"low_traffic_threshold": 0},
        {"low_traffic_threshold": 100},
        {"low_traffic_threshold": "many"},
        {"low_traffic_threshold": None},
        {"low_traffic_threshold": float("nan")},
        {"low_traffic_threshold": float("inf")},
        {"low_traffic_threshold": 0.9},
        {"expiring_soon_days": 0},
        {"expiring_soon_days": 60.5},
        {"expiring_soon_days": 61},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "europe/berlin"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": ""},
        {"time_zone": ["UTC", "Asia/Shanghai"]},
        {"time_zone": 8},
        {"unknown": 1},
    ],
)
async def test_wrong_options(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    changed: dict[str, object],
) -> None:
    """Options out of range are refused by the form; the next try succeeds."""
    assert await set_up(hass, entry)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            result["flow_id"], {**OPTIONS, **changed}
        )
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], OPTIONS
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("entered", "stored"),
    [
        ({"low_traffic_threshold": 1, "expiring_soon_days": 1}, {}),
        ({"low_traffic_threshold": 99.0, "expiring_soon_days": 60.0}, {}),
        ({"low_traffic_threshold": 12.7}, {"low_traffic_threshold": 12}),
        ({"time_zone": "Etc/GMT+12"}, {}),
    ],
)
async def test_limits(
    hass: HomeAssistant,
    api: SimulatedApi,
    entry: MockConfigEntry,
    entered: dict[str, object],
    stored: dict[str, object],
) -> None:
    """Options at the limits are taken, as whole numbers."""
    assert await set_up(hass, entry)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {**OPTIONS, **entered}
    )
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dict(entry.options) == {**OPTIONS, **entered, **stored}


async def test_options_of_an_account_without_a_time_zone(home: Home) -> None:
    """An account whose time zone is no longer known is repaired in its options."""
    home.entry.add_to_hass(home.hass)
    home.hass.config_entries.async_update_entry(
        home.entry, options={**OPTIONS, "time_zone": "Mars/Olympus"}
    )
    assert not await home.hass.config_entries.async_setup(home.entry.entry_id)
    result = await home.hass.config_entries.options.async_init(home.entry.entry_id)
    await home.hass.config_entries.options.async_configure(result["flow_id"], OPTIONS)
    await home.hass.async_block_till_done()
    assert home.state("next_expiry").state == "2026-03-21T12:00:00+00:00"
