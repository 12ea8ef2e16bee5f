"""What a reader of the Binder link waits for: the image is imitated in a clean folder, measured and started.

    python benchmarks/binder.py [--keep FOLDER]

A clean checkout (`git archive HEAD`), an environment of its own, and `postBuild`, with a home folder that is empty
before. Where `conda`, `mamba` or `micromamba` is on this machine the environment is made from `environment.yml`, as
Binder does; elsewhere from the same packages by pip (a test says that they are the same), with the JupyterLab that
Binder adds. Then JupyterLab is started as Binder starts it, and asked for a page: sizes are those of files, times begin
when a process starts. The system below (some 0.3 GB of Ubuntu) is not counted. The exit status is 1 where `postBuild`
fails, the server does not answer, a `.py` twin does not open as a notebook, or a page's first cells fail.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = "03_networks"

#: What Binder puts beside the packages of an environment file.
LAB = "jupyterlab>=4"


def size_mb(folder: Path) -> float:
    """Megabytes of the files of a folder, each counted once."""
    seen = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            state = path.stat()
            seen[state.st_dev, state.st_ino] = state.st_blocks * 512
    return sum(seen.values()) / 1e6


def environment(folder: Path, repository: Path, own: dict) -> tuple[Path, str]:
    """Make the environment; its folder of programs, and how it was made."""
    for name in ("micromamba", "mamba", "conda"):
        if tool := shutil.which(name):
            command = [tool, "env", "create", "--quiet", "--yes", "-p", folder, "-f", repository / "environment.yml"]
            subprocess.run(command, check=True, env=own)
            subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", LAB], check=True, env=own)
            return folder / "bin", name
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["book"], "hatchling", "editables", LAB]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, env=own)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    subprocess.run([*pip, *wanted], check=True, env=own)
    return folder / "bin", "pip"


def answer(url: str, within_s: float) -> dict:
    """JSON of a URL, asked for until it answers."""
    end = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as found:
                return json.load(found)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def started(programs: Path, repository: Path, own: dict) -> dict[str, float]:
    """Seconds until JupyterLab answers, until it has opened a page as a notebook, and until the page has begun."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    began = time.monotonic()
    server = subprocess.Popen(
        [programs / "jupyter", "lab", *flags], cwd=repository, env=own, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}/api"
        answer(address, 120)
        waited = {"JupyterLab answers": time.monotonic() - began}
        page = answer(f"{address}/contents/notebooks/{PAGE}.py?type=notebook", 60)
        assert page["type"] == "notebook", page["type"]
        assert {cell["cell_type"] for cell in page["content"]["cells"]} == {"code", "markdown"}
        waited["a .py twin is open as a notebook"] = time.monotonic() - began
    finally:
        server.terminate()
        server.wait(timeout=60)
    began = time.monotonic()
    run = "import nbformat, nbclient; n = nbformat.read('notebooks/%s.ipynb', 4); n.cells = n.cells[:6]; "
    run += "nbclient.NotebookClient(n, resources={'metadata': {'path': 'notebooks'}}).execute()"
    subprocess.run([programs / "python", "-c", run % PAGE], cwd=repository, env=own, check=True, capture_output=True)
    waited[f"first cells of {PAGE} have run"] = time.monotonic() - began
    return waited


def main() -> int:
    """Build, measure, start."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder to build in and to leave; it must not exist")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="binder-"))
    try:
        repository, home = folder / "repository", folder / "home"
        repository.mkdir(parents=True)
        home.mkdir()
        packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", repository], input=packed, check=True)
        own = {"HOME": str(home), "LANG": "C.UTF-8", "PATH": f"{folder / 'environment' / 'bin'}:{os.defpath}"}
        own["PATH"] += f":{Path(sys.executable).parent}" if shutil.which("conda") else ""
        own |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
        began = time.monotonic()
        programs, how = environment(folder / "environment", repository, own)
        print(f"environment by {how}: {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        built = subprocess.run(
            ["bash", "postBuild"], cwd=repository, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if built.returncode:
            print(built.stdout[-4000:], f"postBuild failed with status {built.returncode}", sep="\n")
            return 1
        print(f"postBuild: {time.monotonic() - began:.0f} s", flush=True)
        parts = {name: size_mb(folder / name) for name in ("environment", "repository", "home")}
        print(
            ", ".join(f"{name} {size:.0f} MB" for name, size in parts.items()), f"in all {sum(parts.values()):.0f} MB"
        )
        for what, seconds in started(programs, repository, own).items():
            print(f"{what}: {seconds:.1f} s", flush=True)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
