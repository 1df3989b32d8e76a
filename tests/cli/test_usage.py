"""What a shell may say, and what it hears when it says it wrong."""

import ast
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from console.cli.app import app
from console.cli.codes import EXIT_CODES
from riskctl.brakes_home import BrakesHome, write_json
from scripts.install import LAUNCHER
from tests.cli.shell import haltline
from tests.support.desk import PROJECT

STOPS = {"halt", "kill", "freeze", "reduce-only", "flatten", "cancel-all", "set-stop-losses"}
LOOKS = {"status", "receipt"}
ASKS = {"lift"}
DOCUMENTS = {"risk-validator", "apply", "patch", "backtest"}
RECORDED = {"replay-days"}
RUNBOOKS = {
    "compare-positions", "trading-latency", "position-alerts", "throughput-test", "trading-load",
}  # fmt: skip
SAMPLE = PROJECT / "samples" / "trading-engine-hft.yaml"
TOLD = re.compile(rf"haltline ((?:{'|'.join(sorted(STOPS))})(?: [-a-z:]+)*)")
KUBECTL = """\
kubectl apply --dry-run=client -f trading-engine-config.yaml
kubectl apply -f trading-engine-config.yaml -n trading-staging
kubectl apply -f trading-engine-config.yaml -n trading-prod
kubectl patch tradingengine my-strategy -n trading-prod -p '{"spec":{"strategy":{"riskLimit":"0.1%"}}}'
kubectl patch tradingengine my-strategy -n trading-prod -p '{"spec":{"strategy":{"riskLimit":"1.0%"}}}'
kubectl patch tradingengine my-strategy -n trading-prod -p '{"spec":{"strategy":{"riskLimit":"0%"}}}'
kubectl patch tradingengine my-strategy -n trading-prod -p '{"status":{"phase":"Emergency-Stop"}}'
""".splitlines()  # noqa: E501
"""As the operations guide has them; the last two are its emergency stop."""
EMERGENCY = KUBECTL[-2:]
HOLD = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A desk that has been, without database or gateways."""
    BrakesHome(tmp_path / "brakes").create()
    (tmp_path / "brakes" / "control.key").write_text("known to the gateways")
    return tmp_path


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def register(home: Path, account: str, address: str) -> None:
    entry = {
        "account": account, "address": address, "place": "elsewhere", "pid": 1, "start_ticks": 1,
        "token": 1, "registered_at": "2026-11-26T00:00:00+00:00",
    }  # fmt: skip
    write_json(home / "brakes" / "gateways" / f"{account}.json", entry)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("halt", "--scope", "desk"), "'--scope'"),
        (("set-stop-losses", "--percent", "0"), "'0' is not a percentage from 0.01 to 50"),
        (("set-stop-losses",), "'--percent'"),
        (("set-stop-losses", "--percent", "2", "--symbol", "EURUSDD"), "there are EURUSD,"),
        (("set-stop-losses", "-p", "2", "--symbol", "SPY", "--symbol", "spy"), "spy: no such"),
        (("kill", "-s", "strategy:"), "'--scope'"),
        (("halt", "--output", "xml"), "'--output'"),
        (("flatten", "--yes"), "'--scope'"),
        (("flatten", "--scope", "firm"), "'--yes'"),
        (("kill", "--reasons", "x"), "--reasons"),
        (("receipt", "17"), "HOLD_ID"),
        (("receipt",), "HOLD_ID"),
        (("lift", HOLD), "'--reason'"),
        (("lift", "17", "--reason", "x"), "HOLD_ID"),
        (("resume",), "resume"),
        (("risk-validator", "--config", "/nowhere.yaml"), "'--config'"),
        (("apply", "-f", str(SAMPLE), "--mode", "strict"), "--mode"),
        (("patch", "pod", "x", "-p", "{}"), "tradingengine"),
        (("patch", "tradingengine", "x"), "'--patch'"),
        (("patch", "tradingengine", "x", "--type=merge", "-p", "{}"), "--type"),
        (("apply", "-f", str(SAMPLE), "--dry-run=perhaps"), "client, server, none"),
        (("backtest", "-c", str(SAMPLE), "-d", "/nowhere.csv"), "'--data'"),
        (("backtest", "-c", str(SAMPLE), "-d", str(SAMPLE), "--from", "yesterday"), "'--from'"),
        (("backtest", "-c", str(SAMPLE), "-d", str(SAMPLE), "--book", "-1"), "'--book'"),
        (("patch", "tradingengine", "x", "-p", "[]"), "'--patch'"),
        (("compare-positions", "/nowhere.json", str(SAMPLE)), "SYSTEM"),
        (("compare-positions", str(SAMPLE)), "BROKER"),
        (("trading-latency", "--target-latency", "soon"), "'--target-latency'"),
        (("trading-latency", "--target-latency", "0ms"), "'--target-latency'"),
        (("trading-latency", "--duration", "0"), "'--duration'"),
        (("position-alerts",), "'--threshold'"),
    ],
)
def test_bad_usage_names_what_is_wrong(arguments: tuple[str, ...], named: str) -> None:
    said = CliRunner().invoke(app, arguments)
    assert (said.exit_code, said.stdout) == (2, "")
    assert named in said.stderr


@pytest.mark.parametrize("name", sorted(STOPS | LOOKS | ASKS | DOCUMENTS | RUNBOOKS | RECORDED))
def test_every_command_says_its_exit_codes(name: str) -> None:
    said = CliRunner().invoke(app, [name, "--help"])
    assert said.exit_code == 0
    assert " ".join(EXIT_CODES.split()) in " ".join(said.stdout.split())


def told() -> list[str]:
    """Each stop that pages and answers name as a command: what stands after ``haltline``."""
    found: set[str] = set()
    for folder, kinds in (("templates", "html"), ("static/js", "js"), ("console", "py")):
        for path in (PROJECT / folder).rglob(f"*.{kinds}"):
            found |= set(TOLD.findall(path.read_text()))
    return sorted(one.strip() for one in found)


def test_what_pages_tell_people_to_type_is_understood() -> None:
    """In an emergency it is typed as it stands."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert "kill --scope firm" in told()
    for line in told():
        name, *arguments = line.split()
        command = group.commands[name]
        with command.make_context(name, arguments):
            pass  # parsed, not run


@pytest.mark.parametrize("line", KUBECTL)
def test_the_guide_s_commands_are_understood_as_they_stand(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trading-engine-config.yaml").write_text(SAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    _, name, *arguments = shlex.split(line)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    with group.commands[name].make_context(name, arguments) as context:
        assert context.params["dry_run"] is ("--dry-run=client" in line)
        assert context.params.get("name", "my-strategy") == "my-strategy"


def test_there_is_no_command_that_starts_anything() -> None:
    named = {
        command.name or command.callback.__name__
        for group in app.registered_groups
        for command in group.typer_instance.registered_commands  # type: ignore[union-attr]
        if command.callback is not None
    }
    assert named == STOPS | LOOKS | ASKS | DOCUMENTS | RUNBOOKS | RECORDED


def test_nothing_that_starts_trading_can_be_reached_from_here() -> None:
    """Nothing at all is taken from where lifting and approving live."""
    taken: set[str] = set()
    for path in (PROJECT / "console" / "cli").glob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                taken |= {f"{node.module}.{one.name}" for one in node.names}
            elif isinstance(node, ast.Import):
                taken |= {one.name for one in node.names}
            elif isinstance(node, ast.Attribute):
                taken.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                taken.add(node.value)
    forbidden = {
        "hold_lift", "lift_execute", "approval_approve", "stage_promote", "promote_execute",
        "limit_raise_execute", "trigger_relax_execute",
    }  # fmt: skip
    assert not {one for one in taken if one.rpartition(".")[2] in forbidden}
    rooms = {one for one in taken if one.startswith(("riskctl.", "trading.", "workers."))}
    starting = ("lifting", "approvals", "ladder", "rungs", "models", "resume")
    assert {one for one in rooms if any(f".{part}" in one for part in starting)} == set()
    # Nor by SQL of its own: it writes what stops, by riskctl.holdrows and audit.record.
    writing = ("INSERT ", "UPDATE ", "DELETE ", "TRUNCATE ", "CALL ")
    assert [one for one in taken if one.strip().upper().startswith(writing)] == []


def test_with_nothing_running_a_stop_is_kept_for_whoever_starts(home: Path) -> None:
    said = haltline(home, "kill", "-o", "json")
    assert (said.code, said.json["status"]) == (3, "latched")
    assert "no gateway is known" in said.err
    assert "kept on this host's disk" in said.err
    hold = said.json["hold"]
    assert (hold["scope"], hold["kind"], hold["reason"]) == ("firm", "kill", "no reason given")
    shown = haltline(home, "receipt", hold["id"], "-o", "json")
    assert (shown.code, shown.json["hold"]) == (3, hold)
    assert "read from this host's disk" in shown.err


def test_a_stop_that_nobody_keeps_is_no_stop(home: Path) -> None:
    (home / "brakes" / "pending").rmdir()
    (home / "brakes" / "pending").write_text("in the way")
    said = haltline(home, "kill")
    assert said.code == 5
    assert said.out.startswith("NOT KEPT ANYWHERE")


def test_nobody_to_ask(home: Path) -> None:
    said = haltline(home, "status", "-o", "json")
    assert said.code == 5
    assert "no-database-is-known" in said.json["database"]


def test_nobody_to_cancel(home: Path) -> None:
    said = haltline(home, "cancel-all", "-o", "json")
    assert (said.code, said.json["cancelling"], said.json["accounts_known"]) == (5, {}, False)
    assert "the database did not say whether there are more gateways" in said.err


def test_a_silent_gateway_is_named_and_not_waited_for(home: Path, silent: str) -> None:
    register(home, "paper-1", silent)
    begun = haltline(home, "--help").took_s
    for command in ("status", "kill", "cancel-all"):
        said = haltline(home, command)
        assert said.took_s < begun * 4 + 4, command  # it would never end
        assert "paper-1: " in said.err, command
    assert haltline(home, "kill", "-o", "json").json["unproven"][0]["account"] == "paper-1"


def test_data_is_on_stdout_and_messages_are_on_stderr(home: Path) -> None:
    said = haltline(home, "status")
    assert all(line.startswith("haltline: ") for line in said.err.splitlines())
    assert "haltline:" not in said.out


def test_a_closed_pipe_does_not_end_a_stop(home: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [LAUNCHER, "kill"], env={"PATH": os.environ["PATH"], "HALTLINE_HOME": str(home)},
        stdout=theirs, stderr=subprocess.PIPE, text=True, check=False, timeout=30,
    )  # fmt: skip
    os.close(theirs)
    assert done.returncode == 3
    assert "kept on this host's disk" in done.stderr
    assert len(list((home / "brakes" / "pending").glob("*.json"))) == 1


def test_what_lies_in_the_folder_it_is_called_from_is_not_imported(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('taken for typer')")
    said = haltline(home, "--help", cwd=str(tmp_path), PYTHONPATH=str(tmp_path))
    assert (said.code, said.err) == (0, "")


def test_a_document_is_validated_without_a_desk(tmp_path: Path) -> None:
    good = haltline(tmp_path, "risk-validator", "--config", str(SAMPLE), "--mode", "strict")
    assert (good.code, "VALID" in good.out) == (0, True), good.err
    assert "not compared with the limits in force: no desk's home at" in good.err
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SAMPLE.read_text().replace('"0.5%"', '"0.5"', 1).replace("- FOREX", "- MARS"))
    said = haltline(tmp_path, "risk-validator", "-c", str(wrong), "-o", "json")
    assert (said.code, said.json["valid"], said.json["settings"]) == (4, False, None)
    assert [one["field"] for one in said.json["problems"]] == [
        "spec.strategy.riskLimit", "spec.markets[0]",
    ]  # fmt: skip
    loose = tmp_path / "loose.yaml"
    loose.write_text(SAMPLE.read_text().replace("50us", "50ms"))
    assert haltline(tmp_path, "risk-validator", "-c", str(loose)).code == 0
    assert haltline(tmp_path, "risk-validator", "-c", str(loose), "--mode", "strict").code == 4


def test_a_patch_that_stops_is_a_kill_with_nothing_running(home: Path) -> None:
    patch = '{"spec":{"strategy":{"riskLimit":"0%"}}}'
    said = haltline(home, "patch", "tradingengine", "mom-fx", "-p", patch, "-o", "json")
    hold = said.json["hold"]
    assert (said.code, said.json["status"]) == (3, "latched")
    assert (hold["scope"], hold["kind"]) == ("strategy:mom-fx", "kill")
    assert hold["reason"] == "TradingEngine mom-fx: spec.strategy.riskLimit 0%"
    held = home / "stop.yaml"
    held.write_text(SAMPLE.read_text() + "status:\n  phase: Emergency-Stop\n  since: now\n")
    said = haltline(home, "apply", "-f", str(held))
    assert (said.code, "the stop stands" in said.err) == (4, True)
    assert "status.since: is no field" in said.err
    lower = '{"spec":{"strategy":{"riskLimit":"0.1%"}}}'
    assert haltline(home, "patch", "tradingengine", "mom-fx", "-p", lower).code == 5


@pytest.mark.parametrize(
    "line",
    [
        *EMERGENCY,
        f"{EMERGENCY[0]} --type=merge --record",
        f"{EMERGENCY[1]} --subresource status --context prod",
        EMERGENCY[1].replace("patch", "patch --type merge"),
        EMERGENCY[0].replace("patch", "patch --record"),
    ],
)
def test_the_guide_s_emergency_stop_stops_as_it_stands(home: Path, line: str) -> None:
    said = haltline(home, *shlex.split(line)[1:], "-o", "json")
    assert (said.code, said.json["hold"]["kind"]) == (3, "kill"), said.err
    assert said.json["hold"]["scope"] == "strategy:my-strategy"
    assert "namespace trading-prod: not applied here" in said.err
    assert ("passed over" in said.err) is (line not in EMERGENCY)


def test_a_document_that_stops_does_so_whatever_else_the_line_says(home: Path) -> None:
    held = home / "stop.yaml"
    held.write_text(SAMPLE.read_text() + "status:\n  phase: Emergency-Stop\n")
    line = ("apply", f"--filename={held}", "--server-side", "-f", str(held), "--dry-run=none")
    said = haltline(home, *line)
    assert "--filename, --server-side: not known here, passed over" in said.err
    assert "the stop stands" in said.err
    rehearsed = haltline(home, *line[:-1], "--dry-run=client")
    assert "this would place a kill" in rehearsed.err
