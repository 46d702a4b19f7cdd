"""The toy line, as the framework's own tests have it."""

from tests.pipeline.conftest import line  # noqa: F401
