"""`demo`: the whole way through, once, by the same commands that anybody would type."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Annotated, NamedTuple

from konsens.errors import Conflict, KonsensError

from .answers import Demo
from .answers import Step as StepAnswer
from .failure import UnforeseenError
from .frame import Frame, Outcome, command
from .line import Option
from .screen import BOLD, DIM, Screen

__all__ = ["STEPS", "demo"]

NOTICE = "newsletter.toml"  # the same as examples/notices/newsletter.toml, and part of the package
BUNDLE, REPORT, FORGED = "trail.zip", "report.html", "forged.zip"


class Step(NamedTuple):
    """A line as it is typed after `konsens`, what it is for, and how it must end.

    `shown` counts which lines of its output a newcomer sees; of a refusal, also the reason.
    """

    line: str
    de: str
    en: str
    shown: tuple[int, ...] = (0,)
    exit: int = 0


STEPS = (
    Step(
        "company init Muster-Shop --new-registry reg --origin log.muster.example --home shop",
        de="Ein Laden legt Schlüssel an und ein Register: ein Protokoll, das nur wachsen kann.",
        en="A shop makes its keys, and a registry: a log that can only grow.",
        shown=(1,),
    ),
    Step(
        f"company notice publish {NOTICE} --home shop",
        de="Er veröffentlicht Wort für Wort, was die Kundschaft lesen wird.",
        en="It publishes, word for word, what customers will be told.",
    ),
    Step(
        "company ask --notice newsletter --purpose newsletter --channel email --out ask.json --home shop",
        de="Er bittet um eine Einwilligung.",
        en="It asks for a consent.",
        shown=(1,),
    ),
    Step(
        "init --registry reg --words-file words --home customer",
        de="Eine Kundin legt eine eigene Brieftasche an. Ihre Schlüssel hat niemand sonst.",
        en="A customer makes a wallet. Nobody else has the keys in it.",
        shown=(1,),
    ),
    Step(
        "request show ask.json --home customer",
        de="Sie liest, wer worum bittet.",
        en="She reads who asks, and for what.",
        shown=(0, 1, 2),
    ),
    Step(
        "grant ask.json --all --yes --out grant.json --home customer",
        de="Sie sagt Ja. Ihre Einwilligung steht im Register unter einem Siegel, das nur sie brechen kann.",
        en="She says yes. Her consent stands in the registry under a seal that only she can break.",
        shown=(0, 1),
    ),
    Step(
        "company receive grant.json --ref C-1001 --receipts receipts.json --home shop",
        de="Der Laden prüft alles und nimmt es in sein Buch.",
        en="The shop checks all of it and takes it into its book.",
        shown=(4, 5),
    ),
    Step(
        "card import receipts.json --home customer",
        de="Die Kundin bewahrt seine Quittung auf.",
        en="The customer keeps the shop's receipt.",
        shown=(0, 1),
    ),
    Step(
        "company check C-1001 newsletter --channel email --home shop",
        de="Darf der Laden ihr schreiben? Ja.",
        en="May the shop write to her? Yes.",
        shown=(0, 1),
    ),
    Step(
        "withdraw Muster-Shop newsletter --yes --home customer",
        de="Sie überlegt es sich anders. Der Laden erfährt nichts davon und kann es nicht verhindern.",
        en="She changes her mind. The shop is told nothing, and cannot prevent it.",
        shown=(0, 1),
    ),
    Step(
        "company check C-1001 newsletter --channel email --home shop",
        de="Darf er ihr noch schreiben? Nein: Das Siegel ist gebrochen.",
        en="May it still write to her? No: the seal is broken.",
        exit=7,
    ),
    Step(
        "registry policy reg --out trust.toml --home shop",
        de="Wer prüfen soll, bekommt auf anderem Weg, wessen Schlüsseln zu trauen ist.",
        en="Whoever is to verify is told, another way, whose keys to trust.",
        shown=(1,),
    ),
    Step(
        f"trail export --format bundle --out {BUNDLE} --home shop",
        de="Die Datenschutzbeauftragte gibt die ganze Nachweiskette heraus …",
        en="The privacy officer hands out the whole audit trail …",
        shown=(0, 1),
    ),
    Step(
        f"trail export --format html --out {REPORT} --home shop",
        de="… und einen Bericht zum Lesen.",
        en="… and a report to read.",
        shown=(),
    ),
    Step(
        f"verify {BUNDLE} --trust trust.toml --home nobody",
        de="Jemand Fremdes prüft die Nachweise, ohne uns und ohne Netz.",
        en="A stranger checks the evidence, without us and offline.",
        shown=tuple(range(20)),
    ),
    Step(
        f"verify {BUNDLE} --home nobody",
        de="Wer niemandem traut, erfährt, wem zu trauen wäre.",
        en="Whoever trusts nobody is told whom it would take.",
        exit=10,
        shown=(),
    ),
    Step(
        f"verify {FORGED} --trust trust.toml --home nobody",
        de="Und wenn jemand auch nur ein Byte ändert …",
        en="And if somebody changes as much as one byte …",
        exit=9,
        shown=(),
    ),
)


@command()
def demo(
    frame: Frame,
    keep: Annotated[
        Path | None, Option("--keep", metavar="DIR", help="A new folder for it; else a temporary one.")
    ] = None,
) -> Outcome:
    """See the whole way through: a customer says yes and no, a company asks, a stranger verifies.

    Every line is run as you would type it, in a folder of its own; nothing leaves this machine.
    """
    folder = _folder(keep)
    steps, error = _play(frame, folder)
    bundle, report = ((str(path) if path.exists() else None) for path in (folder / BUNDLE, folder / REPORT))

    def show(screen: Screen) -> None:
        screen.heading(frame.pick(de="Zum Ansehen", en="To look at"))
        screen.fields(
            {
                frame.pick(de="Bericht", en="Report"): report,
                frame.pick(de="Nachweise", en="Evidence"): bundle,
                frame.pick(de="Ordner", en="Folder"): folder,
            }
        )

    done = frame.pick(
        de="Das war der ganze Weg. Weiter geht es mit: konsens --help",
        en="That was the whole way. To go on: konsens --help",
    )
    data = Demo(folder=str(folder), steps=steps, bundle=bundle, report=report)
    return Outcome(data, show=show, done=done, error=error)


def _play(frame: Frame, folder: Path) -> tuple[list[StepAnswer], KonsensError | None]:
    """Run the steps, telling each as it happens, until one does not end as it should."""
    screen = frame.page
    if screen:
        screen.line(
            frame.pick(
                de=f"Ein Laden und eine Kundin, jeder mit einem eigenen Ordner unter {folder}.",
                en=f"A shop and a customer, each with a folder of their own below {folder}.",
            )
        )
    steps: list[StepAnswer] = []
    for number, step in enumerate(STEPS, 1):
        if FORGED in step.line:
            _forge(folder)
        done = _run(folder, step, frame.lang)
        found = re.search(r"^error\[([a-z0-9_.]+)\]", done.stderr, re.MULTILINE)
        code = found[1] if found else "ok"
        steps.append(StepAnswer(command=f"konsens {step.line}", exit=done.returncode, code=code))
        if screen:
            _show(screen, number, frame.pick(de=step.de, en=step.en), step, done)
        if done.returncode != step.exit:
            facts = {"number": number, "exit": done.returncode, "code": code, "expected": step.exit}
            return steps, UnforeseenError("demo.failed", **facts)
    return steps, None


def _folder(keep: Path | None) -> Path:
    """Make the folder with what the first line needs: a notice, and a passphrase."""
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="konsens-demo-"))
    else:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise Conflict("demo.folder_taken", path=keep)
        folder = keep.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / NOTICE).write_bytes((files(__package__) / NOTICE).read_bytes())
    (folder / "pp").touch(mode=0o600)
    (folder / "pp").write_text("correct horse\n", "utf-8")
    return folder


def _run(folder: Path, step: Step, lang: str) -> subprocess.CompletedProcess[str]:
    """Run a line in a process of its own, in the folder, with nothing of this person's settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KONSENS_")}
    environ |= {"KONSENS_PASSPHRASE_FILE": "pp", "KONSENS_LANG": lang, "PYTHONIOENCODING": "utf-8"}
    program = "from konsens.cli.app import main; main()"
    return subprocess.run(  # noqa: S603  # our own program and our own words, no shell
        [sys.executable, "-P", "-c", program, *step.line.split()],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def _forge(folder: Path) -> None:
    """Write the bundle with one byte changed."""
    data = bytearray((folder / BUNDLE).read_bytes())
    data[300] ^= 1
    (folder / FORGED).write_bytes(data)


def _show(screen: Screen, number: int, what: str, step: Step, done: subprocess.CompletedProcess[str]) -> None:
    screen.line()
    screen.line(f"{number:2}. {what}", colour=BOLD)
    screen.line(f"    $ konsens {step.line}", colour=DIM)
    said = [line for line in done.stdout.splitlines() if line.strip()]
    lines = [line for number, line in enumerate(said) if number in step.shown]
    for line in [*lines, *(line for line in done.stderr.splitlines() if line.startswith("error["))]:
        screen.line(f"      {line}")
