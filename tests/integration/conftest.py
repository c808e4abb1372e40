"""Makes the fixtures known to pytest."""

import pytest

pytest.register_assert_rewrite("harness", "fixtures", "runner")

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
