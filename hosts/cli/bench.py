"""`roost bench`: run the measures of a checkout."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from core.errors import ConfigurationError


def bench(
    only: Annotated[
        str,
        typer.Option(help="One measure: credit (and me), plugins, deliveries, callbacks, rss or import."),
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="A short run that only shows that it works.")] = False,
    beside: Annotated[bool, typer.Option("--beside", help="Beside an earlier build and two other frameworks.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Say where the time of a call goes.")] = False,
) -> None:
    """Measure speed against the floor of this machine; the whole run takes some minutes."""
    sys.path.insert(0, str(Path.cwd()))
    if find_spec("benchmarks") is None:
        raise ConfigurationError("the measures are in benchmarks/ of a checkout of Roost: run this there")
    from benchmarks.run import main  # type: ignore[import-not-found,unused-ignore]  # not part of the wheel

    raise typer.Exit(main(only=only, quick=quick, beside=beside, profiled=profile))
