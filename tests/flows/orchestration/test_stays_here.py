"""Nothing leaves the machine, and no file appears where none is expected."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import run_script
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SMALL_NETWORK, SMALL_NGRAMS, from_file

OF_THIS_MACHINE = {"127.0.0.1", "::1", "localhost", "None"}

RECORDS_IN_PYTHON = """
import os, socket

def recorded(ask):
    def asked(host, *arguments, **named):
        name = host.decode() if isinstance(host, bytes) else host
        with open(os.environ["LOOK_UPS"], "a") as log:
            log.write(f"{name}\\n")
        return ask(host, *arguments, **named)
    return asked

for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, name, recorded(getattr(socket, name)))
"""

RECORDS_IN_C = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    int (*ask)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    FILE *log = fopen(getenv("LOOK_UPS"), "a");
    if (log) { fprintf(log, "%s\n", node ? node : "None"); fclose(log); }
    return ask(node, service, hints, found);
}
"""


def recording(folder: Path) -> dict[str, str]:
    """Return settings with which each process notes the names that it looks up.

    Those that libraries ask for in C are noted where there is a compiler.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(RECORDS_IN_PYTHON)
    settings = {"PYTHONPATH": str(folder), "LOOK_UPS": str(folder / "names")}
    if compiler := shutil.which("cc"):
        (folder / "names.c").write_text(RECORDS_IN_C)
        made = folder / "names.so"
        command = [compiler, "-shared", "-fPIC", "-o", str(made), str(folder / "names.c"), "-ldl"]
        subprocess.run(command, check=True)
        settings["LD_PRELOAD"] = str(made)
    return settings


SMALL = ["runs.py export model-card latest card.md"]

ALL = [
    *SMALL,
    "runs.py export bundle latest bundle.zip",
    "predict_flow.py --bundle=bundle.zip --output=answers.csv --file=reviews.csv",
    "runs.py export tensorboard latest logs",
    "runs.py export mlflow latest --tracking-uri=sqlite:///mlflow.db",
]


@pytest.mark.parametrize(
    ("network", "further"),
    [
        pytest.param(SMALL_NGRAMS, SMALL, id="small"),
        pytest.param(SMALL_NETWORK, ALL, id="all", marks=pytest.mark.slow),
    ],
)
def test_only_this_machine_is_looked_up_and_nothing_is_written_elsewhere(
    tmp_path: Path, network: list[str], further: list[str]
) -> None:
    work, user = tmp_path / "work", tmp_path / "user"
    for folder in (work, user, tmp_path / "tmp"):
        folder.mkdir()
    own = {name: "" for name in os.environ if name.startswith(("XDG_", "MPL"))}
    own |= {"HOME": str(user), "TMPDIR": str(tmp_path / "tmp"), "KERAS_HOME": ""}
    own |= recording(tmp_path / "recording")
    training = [*from_file(write_reviews(work / "reviews.csv", 120)), *network, "--epochs=1"]
    for program, *words in (
        ["train_flow.py", *training],
        ["predict_flow.py", "A lovely film."],
        *(line.split() for line in further),
    ):
        ended = run_script(work, program, *words, **own)
        assert ended.returncode == 0, ended.stderr
    names = set((tmp_path / "recording/names").read_text().splitlines())
    assert "127.0.0.1" in names
    assert names <= OF_THIS_MACHINE
    assert [str(file.relative_to(user)) for file in user.rglob("*")] == []
    expected = {"artifacts", "home", "reviews.csv"}
    asked = {word for line in further for word in line.replace("=", " ").split()} | {
        "mlflow.db",
        "mlruns",
    }
    assert {file.name for file in work.iterdir()} <= expected | asked
