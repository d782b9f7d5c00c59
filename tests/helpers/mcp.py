"""Home Assistant's MCP server, asked as an agent asks it."""

import json
from typing import Any

from aiohttp import ClientSession

from dev.demo.home_assistant import HomeAssistant

TOOL = "bytesflows__get_traffic"


async def add_server(home_assistant: HomeAssistant) -> None:
    """Set up the server."""
    flows = "/api/config/config_entries/flow"
    form = await home_assistant.call("POST", flows, {"handler": "mcp_server"})
    made = await home_assistant.call("POST", f"{flows}/{form['flow_id']}", {})
    assert made["type"] == "create_entry", made


async def expose(home_assistant: HomeAssistant, *entity_ids: str) -> None:
    """Expose some entities to assistants."""
    await home_assistant.command(
        "homeassistant/expose_entity",
        assistants=["conversation"],
        entity_ids=[*entity_ids],
        should_expose=True,
    )


async def list_tools(home_assistant: HomeAssistant) -> list[Any]:
    """Return our tools."""
    tools = (await _request(home_assistant, "tools/list"))["tools"]
    return [tool for tool in tools if "bytesflows" in tool["name"]]


async def get_traffic(home_assistant: HomeAssistant, **arguments: str) -> Any:  # noqa: ANN401
    """Call the tool; return the accounts that it answers, by their names."""
    result = await _request(
        home_assistant, "tools/call", name=TOOL, arguments=arguments
    )
    assert not result["isError"], result
    (content,) = result["content"]
    accounts = json.loads(content["text"])["accounts"]
    return {account.pop("account"): account for account in accounts}


async def _request(home_assistant: HomeAssistant, method: str, **params: Any) -> Any:  # noqa: ANN401
    """Send one request of JSON-RPC; return its result."""
    async with (
        ClientSession() as session,
        session.post(
            f"{home_assistant.url}/api/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {home_assistant.tokens['access_token']}",
            },
        ) as response,
    ):
        answer = await response.json()
    result = answer.get("result")
    assert result is not None, answer
    return result
