"""Jinja2 and the message catalogue: Chinese stands in the source, English in `locale/en`."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from core.runtime import Runtime
from hosts.console.assets import ASSETS

HERE = Path(__file__).parent
DOMAIN = "console"
LANGUAGES = ("zh", "en")


def catalogue(locale: str) -> NullTranslations:
    """Return the messages of a locale; Chinese, the source, needs none."""
    path = HERE / "locale" / locale / "LC_MESSAGES" / f"{DOMAIN}.po"
    if locale == "zh" or not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=locale))
    compiled.seek(0)
    return Translations(compiled)


class Templates:
    """The console's templates and those of plugins (`slug/file.html`), one environment a locale."""

    def __init__(self, runtime: Runtime) -> None:
        folders: Mapping[str, Any] = {
            "console": FileSystemLoader(HERE / "templates"),
            **{p.slug: FileSystemLoader(p.folder / "templates") for p in runtime.registry.plugins.values()},
        }
        self._messages = {locale: catalogue(locale) for locale in LANGUAGES}
        self._environments = {locale: self._environment(folders, locale) for locale in LANGUAGES}

    def _environment(self, folders: Mapping[str, Any], locale: str) -> Environment:
        made = Environment(
            loader=PrefixLoader(folders),
            autoescape=True,  # everything, whatever the file is called
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        made.install_gettext_translations(self._messages[locale], newstyle=True)  # type: ignore[attr-defined]  # added by the extension
        made.globals["locale"] = locale
        made.globals["static"] = ASSETS.path
        return made

    def render(self, locale: str, name: str, values: Mapping[str, Any]) -> str:
        """Return a template filled in; `name` begins with `console/` or a plugin's slug."""
        return self._environments[locale].get_template(name).render(**values)

    def say(self, locale: str, message: str, **values: Any) -> str:
        """Return one message in a locale."""
        text = str(self._messages[locale].gettext(message))
        return text % values if values else text
