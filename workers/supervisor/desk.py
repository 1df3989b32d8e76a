"""One desk from start to end: services, preparation, processes, announcement, stop."""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from functools import partial

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from workers.services.spawn import adopt_orphans
from workers.supervisor.announce import announcement
from workers.supervisor.children import BROKER, DATABASE, Child, Program, fork_python
from workers.supervisor.config import DeskConfig, listen, read_config
from workers.supervisor.engine import WATCHED, Engine, ProcessNote, say
from workers.supervisor.errors import Exit, StartError
from workers.supervisor.home import Home, kill_leftovers, write_private
from workers.supervisor.prepared import WARNING
from workers.supervisor.programs import PRELOAD, PaperVenueSettings, application_programs
from workers.supervisor.ready import wait_until_ready
from workers.supervisor.services import Services, plan_services

_TOO_OFTEN = 3  # times a service may fail before the desk is up


class Desk:
    """Holds what the steps of a start share."""

    def __init__(self, config: DeskConfig, home: Home, web: socket.socket) -> None:
        self._config = config
        self._home = home
        self._web = web
        self._engine = Engine(home)
        self._begun = time.monotonic()
        self._prepared = False
        self._waiting_for = {"prepare", "assets"}
        self._failure: StartError | None = None
        self._services: Services | None = None
        self._early: list[ProcessNote] = []

    def run(self) -> None:
        """Run until stopped. Raises StartError when the desk cannot be brought up."""
        adopt_orphans()
        services = self._services = plan_services(self._config, self._home)
        self._export(services)
        _check_settings()
        try:
            self._engine.on_note = self._early.append  # until what writes it down is loaded
            self._start_services(services)
            _load()
            self._enter_notes()
            self._start_preparation(services)
            self._engine.run()
        finally:
            self._engine.stop()
        if self._failure is not None:
            raise self._failure

    def _start_services(self, services: Services) -> None:
        self._engine.on_program_end = self._program_ended
        log = self._home.log_file
        if services.postgres is not None:
            start = partial(services.postgres.start, log("postgres"))
            # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
            self._engine.add(Program("postgres", start, DATABASE, signal.SIGINT, 15.0))
        if services.redis is not None:
            start = partial(services.redis.start, log("redis"))
            self._engine.add(Program("redis", start, BROKER, patience_s=5.0))

    def _enter_notes(self) -> None:
        """From here on starts and ends are kept for the record as they happen."""
        keep = importlib.import_module("workers.supervisor.entered").note_keep
        for note in self._early:
            keep(note)
        self._engine.on_note = keep

    def _export(self, services: Services) -> None:
        """Tell children, and who looks into ``run/environment.json``, where everything is."""
        found = {
            "HALTLINE_HOME": str(self._config.home),
            "PORT": str(self._config.port),
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            "HALTLINE_PAPER_VENUE": f"127.0.0.1:{services.paper_port}",
            # A feed that starts again within one run of the desk goes on; a new run begins anew.
            "HALTLINE_DESK_START": str(uuid.uuid4()),
        }
        if not self._config.production and not os.environ.get("HALTLINE_SECRET_KEY"):
            found["HALTLINE_SECRET_KEY"] = self._home.secret_key()
        os.environ.update(found)
        os.environ.pop("DATABASE_OWNER_URL", None)  # for the preparation alone
        write_private(self._home.run / "environment.json", json.dumps(found, indent=1))

    def _start_preparation(self, services: Services) -> None:
        close = (self._home.lock_fd, self._web.fileno())
        prepare = importlib.import_module("workers.supervisor.prepare")
        assets = importlib.import_module("workers.supervisor.assets")
        steps = {
            "prepare": partial(
                prepare.prepare_data,
                services.database_url,
                services.redis_url,
                owner_url=services.database_owner_url,
                create_database=services.postgres is not None,
                production=self._config.production,
            ),
            "assets": partial(assets.collect_assets, self._home),
        }
        for name, run in steps.items():
            log = self._home.log_file(name)
            start = partial(fork_python, name, run, log=log, close=close)
            self._engine.run_task(name, start, partial(self._step_ended, name))

    def _step_ended(self, name: str, code: int) -> None:
        if code != 0:
            self._give_up(
                f"{self._home.last_line(name)} (see {self._home.log_file(name)})",
                Exit.FAILED,
            )
            return
        if name == "prepare" and (said := self._home.last_line(name)).startswith(WARNING):
            say(said)
        self._waiting_for.discard(name)
        if not self._waiting_for:
            self._start_application()

    def _start_application(self) -> None:
        self._prepared = True
        paper = None
        if not self._config.production and self._services is not None:
            paper = PaperVenueSettings(
                self._services.paper_port,
                self._home.root / "papervenue" / "venue.sqlite",
                self._home.root / "papervenue" / "accounts.json",
                self._services.redis_url,
            )
        for program in application_programs(self._home, self._web, paper):
            self._engine.add(program)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        wait = partial(wait_until_ready, self._config.shown_host, self._config.port)
        start = partial(
            fork_python,
            "ready",
            wait,
            log=self._home.log_file("ready"),
            close=(self._home.lock_fd, self._web.fileno()),
        )
        self._engine.run_task("ready", start, self._ready)

    def _ready(self, code: int) -> None:
        if code != 0:  # the asking ended, not the desk: say why and ask on
            say(self._home.last_line("ready") or "not ready yet")
            self._wait_until_ready()
            return
        scheme = "https" if os.environ.get("HALTLINE_TLS", "off") != "off" else "http"
        url = f"{scheme}://{self._config.browser_host}:{self._config.port}/"
        seconds = time.monotonic() - self._begun
        print(announcement(url, self._config.home / "demo.json", seconds), flush=True)

    def _program_ended(self, child: Child) -> None:
        name = child.program.name
        if not self._prepared and child.program.tier != 0 and child.restarts + 1 >= _TOO_OFTEN:
            why = self._home.last_line(name)
            self._give_up(f"{name} does not start: {why} (see {self._home.log_file(name)})")

    def _give_up(self, text: str, code: Exit = Exit.SERVICE) -> None:
        self._failure = self._failure or StartError(text, code)
        self._engine.request_stop()


def _load() -> None:
    """Import, while the services start, what every child will need."""
    importlib.import_module("django").setup()
    for name in PRELOAD:
        importlib.import_module(name)
    if threading.active_count() > 1:  # a thread does not live on in a forked child
        say(f"warning: importing started threads: {threading.enumerate()}")
    gc.collect()
    gc.freeze()  # keeps the collector from copying pages that children share


def _check_settings() -> None:
    """Raises StartError when a setting is unsafe, or FEED or REPLAY_SPEED cannot be used."""
    try:
        settings.SECRET_KEY  # noqa: B018 - reading one setting checks them all
    except ImproperlyConfigured as problem:
        raise StartError(str(problem), Exit.SETTING) from problem
    # Imported here and not above: it would delay the errors that need no imports.
    spec = importlib.import_module("trading.feeds.spec")
    config = importlib.import_module("riskctl.triggers.config")
    try:
        spec.parse_feed(settings.FEED, settings.REPLAY_SPEED)
        config.read_environment(os.environ)
    except (spec.FeedSpecError, config.EnvironmentRefusedError) as problem:
        raise StartError(str(problem), Exit.SETTING) from problem


def main() -> int:
    """Start the desk; the exit code is one of ``Exit``."""
    # Blocked before the first child exists: no end of a child and no Ctrl-C is missed.
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        config = read_config()
        home = Home(config.home)
        home.create()
        home.lock()
        home.rotate_logs()
        for name in kill_leftovers(home):
            say(f"{name} of a desk that was killed has been ended")
        with listen(config) as web:
            say(f"starting a desk in {config.home}")
            Desk(config, home, web).run()
    except StartError as problem:
        print(f"haltline: {problem}", file=sys.stderr, flush=True)
        return problem.code
    say("stopped; no process is left")
    return Exit.STOPPED
