"""Media and the storage keep to the rules of the house, and cost nothing until they are used."""

import subprocess
import sys

import pytest

from core.registry.registry import Registry
from hosts.testkit.conformance import assert_plugin_conforms


@pytest.mark.parametrize("slug", ["storage", "media"])
def test_it_conforms(registry: Registry, slug: str) -> None:
    assert_plugin_conforms(registry, slug)


def test_loading_the_plugins_imports_none_of_the_large_libraries() -> None:
    code = (
        "import sys, integrations.storage.hooks, plugins.media.hooks;"
        "print([name for name in ('PIL', 'minio', 'urllib3.contrib.pyopenssl', 'boto3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
