"""A real Home Assistant in a process and a folder of its own, on loopback."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
import json
import os
from pathlib import Path
import shutil
import signal
import socket
import sys
from typing import Any, Final, Self

from aiohttp import ClientError, ClientSession, ClientTimeout
import psutil

from dev import PACKAGE, ROOT

PYTHON: Final = Path(sys.executable)
BLUEPRINTS: Final = ROOT / "blueprints"
DASHBOARD_PATH: Final = "/dashboard-bytesflows"
USER: Final = "demo"
PASSWORD: Final = "demo"
START_TIMEOUT: Final = 300.0
STOP_TIMEOUT: Final = 20.0
PREFERRED_PORT: Final = 8123

_PROCESSES: Final = "processes.json"
_CONFIGURATION: Final = """\
homeassistant:
  name: BytesFlows demo
  time_zone: UTC
  country: GB
  currency: USD
  unit_system: metric
# What the web interface needs. default_config would look for devices and addresses
# in the network; nothing here does.
automation: !include automations.yaml
calendar:
frontend:
history:
logbook:
lovelace:
logger:
  default: warning
  logs:
    custom_components.bytesflows: debug
system_health:
recorder:
  exclude:
    domains: {unrecorded}
"""


class DemoError(Exception):
    """Something that keeps the demo from going on, told in one line."""


class HomeAssistant:
    """Home Assistant as a child process, and its API."""

    def __init__(
        self,
        folder: Path,
        configuration: str = "",
        *,
        package: Path = PACKAGE,
        python: Path = PYTHON,
        program: Sequence[str | Path] = ("-m", "homeassistant"),
        unrecorded: Sequence[str] = (),
    ) -> None:
        """Set up without starting. The folder is empty, and is removed at the end.

        The interpreter is the one of the environment with the release to run, and the
        program starts that release. The recorder leaves out the unrecorded domains.
        """
        self.folder = folder
        self._package = package
        self._command = (python, *program)
        known = _CONFIGURATION.format(unrecorded=json.dumps(unrecorded))
        self._configuration = known + configuration
        # Not home-assistant.log, which Home Assistant itself puts aside at a start.
        self.log = folder / "output.log"
        self._reservation = reserve_port()
        self.port: int = self._reservation.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.tokens: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Start, log in, and wait until everything is up."""
        try:
            self._write_configuration()
            await self._start()
            await self._wait_until_up("/api/onboarding")
            await self._onboard()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it, and remove what it wrote."""
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            await _stop(self._process)
        self._reservation.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Call the API, logged in once that is done."""
        assert self._session is not None
        headers = {}
        if token := self.tokens.get("access_token"):
            headers["Authorization"] = f"Bearer {token}"
        async with self._session.request(
            method, self.url + path, json=body, headers=headers
        ) as response:
            if not response.ok:
                raise DemoError(
                    f"Home Assistant answers {response.status} to {method} {path}"
                )
            return await response.json()

    async def command(self, type_: str, **data: Any) -> Any:  # noqa: ANN401
        """Give a command over the web interface's own connection."""
        assert self._session is not None
        async with self._session.ws_connect(f"{self.url}/api/websocket") as socket:
            await socket.receive_json()
            await socket.send_json(
                {"type": "auth", "access_token": self.tokens["access_token"]}
            )
            await socket.receive_json()
            await socket.send_json({"id": 1, "type": type_, **data})
            answer = await socket.receive_json()
        if not answer["success"]:
            raise DemoError(f"Home Assistant refuses {type_}: {answer['error']}")
        return answer["result"]

    async def poll(self) -> None:
        """Have the account asked for, and wait for the answer."""
        await self.call(
            "POST",
            "/api/services/homeassistant/update_entity",
            {"entity_id": "sensor.bytesflows_total_traffic"},
        )

    async def add_account(self, token: str, url: str) -> str:
        """Go through the integration's own config flow; return the entry's id."""
        flows = "/api/config/config_entries/flow"
        form = await self.call("POST", flows, {"handler": "bytesflows"})
        result = await self.call(
            "POST",
            f"{flows}/{form['flow_id']}",
            {"api_token": token, "advanced": {"url": url, "verify_ssl": True}},
        )
        if result["type"] != "create_entry":
            reason = result.get("errors") or result.get("reason")
            raise DemoError(f"the account could not be set up: {reason}")
        entry_id: str = result["result"]["entry_id"]
        return entry_id

    async def add_dashboard(self) -> None:
        """Add the dashboard of the integration, and have the interface open on it."""
        path = DASHBOARD_PATH.removeprefix("/")
        await self.command(
            "lovelace/dashboards/create",
            url_path=path,
            title="BytesFlows",
            icon="mdi:gauge",
        )
        await self.command(
            "lovelace/config/save",
            url_path=path,
            config={"strategy": {"type": f"custom:{PACKAGE.name}"}},
        )
        await self.command(
            "frontend/set_system_data", key="core", value={"default_panel": path}
        )

    async def device_id(self, entry_id: str | None = None) -> str:
        """Return the id of the account's device, or of that of an entry."""
        entities = await self.command("config/entity_registry/list")
        found: set[str] = {
            item["device_id"]
            for item in entities
            if item["platform"] == PACKAGE.name
            and entry_id in {None, item["config_entry_id"]}
        }
        return found.pop()

    async def states(self) -> dict[str, dict[str, Any]]:
        """Return the states of the integration's entities by their ids."""
        return {
            state["entity_id"]: state
            for state in await self.call("GET", "/api/states")
            if ".bytesflows_" in state["entity_id"]
        }

    def kill(self) -> None:
        """End the process as a power cut does."""
        assert self._process is not None
        self._process.kill()

    def terminate(self) -> None:
        """Have the process stop as the operating system does."""
        assert self._process is not None
        self._process.terminate()

    async def start_again(self) -> None:
        """Start once more after the process has ended."""
        assert self._process is not None
        await self._process.wait()
        await self._start()
        await self._wait_until_up("/api/states")

    async def wait(self) -> None:
        """Wait for the process to end by itself, which it should not."""
        assert self._process is not None
        status = await self._process.wait()
        raise DemoError(f"Home Assistant ended with status {status}")

    def _write_configuration(self) -> None:
        """Write what Home Assistant finds at its first start."""
        storage = self.folder / ".storage"
        storage.mkdir()
        self._note_processes(os.getpid())
        (self.folder / "configuration.yaml").write_text(
            self._configuration, encoding="utf-8"
        )
        (self.folder / "automations.yaml").touch()
        # It does not look for blueprints behind links.
        shutil.copytree(BLUEPRINTS, self.folder / "blueprints")
        (self.folder / "custom_components").mkdir()
        (self.folder / "custom_components" / PACKAGE.name).symlink_to(self._package)
        store_address(storage, self.port)
        # Their steps set up integrations that ask the internet.
        done = ["core_config", "analytics", "integration"]
        _store(storage / "onboarding", (4, 1), {"done": done})

    async def _start(self) -> None:
        """Start the process, which Ctrl-C in the terminal must not reach."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                "--config",
                str(self.folder),
                "--skip-pip",
                "--log-no-color",
                # Where the process is, it looks for integrations too.
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        self._note_processes(os.getpid(), self._process.pid)

    def _note_processes(self, *pids: int) -> None:
        """Note who is to be stopped by the next run, should this one not get to it."""
        noted = [(pid, psutil.Process(pid).create_time()) for pid in pids]
        (self.folder / _PROCESSES).write_text(json.dumps(noted), encoding="utf-8")

    async def _wait_until_up(self, path: str) -> None:
        """Wait for the first good answer."""
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=120))
        assert self._process is not None
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while self._process.returncode is None:
                    try:
                        await self.call("GET", path)
                    except ClientError, DemoError:
                        await asyncio.sleep(0.2)
                    else:
                        return
        except TimeoutError:
            raise DemoError(self._explain("does not answer")) from None
        raise DemoError(self._explain("did not start"))

    async def _onboard(self) -> None:
        """Make the first user, and log in."""
        client = f"{self.url}/"
        made = await self.call(
            "POST",
            "/api/onboarding/users",
            {
                "name": "Demo",
                "username": USER,
                "password": PASSWORD,
                "client_id": client,
                "language": "en",
            },
        )
        assert self._session is not None
        async with self._session.post(
            f"{self.url}/auth/token",
            data={
                "grant_type": "authorization_code",
                "code": made["auth_code"],
                "client_id": client,
            },
        ) as response:
            self.tokens = {**await response.json(), "client_id": client}

    def _explain(self, what: str) -> str:
        """Return what happened, with the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"Home Assistant {what}:", *lines[-20:]])


def clear_leftovers(folder: Path) -> None:
    """Stop and remove what runs left behind that were ended by force.

    A run whose first process, the demo, still lives is left alone.
    """
    for run in folder.glob("*/"):
        try:
            noted = json.loads((run / _PROCESSES).read_text(encoding="utf-8"))
        except OSError, ValueError:
            continue
        demo, *children = (_process(*item) for item in noted)
        if demo is not None:
            continue
        for child in filter(None, children):
            with suppress(psutil.Error):
                child.kill()
                child.wait(STOP_TIMEOUT)
        shutil.rmtree(run, ignore_errors=True)


def _process(pid: int, create_time: float) -> psutil.Process | None:
    """Return the process that had an id at a time, if it is the same one still."""
    try:
        process = psutil.Process(pid)
        return process if process.create_time() == create_time else None
    except psutil.Error:
        return None


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask a process to stop; insist when it does not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def reserve_port() -> socket.socket:
    """Hold Home Assistant's usual port, or another one where that is taken.

    The socket must be open as long as the port is used. Other programs cannot take the
    port meanwhile; Home Assistant can, because it may reuse addresses.
    """
    for port in (PREFERRED_PORT, 0):
        held = socket.socket()
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            held.close()
        else:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return held
    raise DemoError("there is no free port")


def store_address(storage: Path, port: int) -> None:
    """Write where the web interface is: a port of loopback.

    In YAML, host and port make Home Assistant ask for a confirmation.
    """
    http = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
    }
    _store(
        storage / "http",
        (2, 2),
        {"stable": http, "pending": None, "yaml_migration_done": True},
    )


def _store(path: Path, version: tuple[int, int], data: Mapping[str, Any]) -> None:
    """Write a file as Home Assistant's own storage does."""
    major, minor = version
    path.write_text(
        json.dumps(
            {"version": major, "minor_version": minor, "key": path.name, "data": data}
        ),
        encoding="utf-8",
    )
