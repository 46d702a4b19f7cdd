"""What a gRPC call that fails answers."""

from __future__ import annotations

from typing import Any

import grpc
import pytest


def error_of(call: Any, *arguments: Any, **keywords: Any) -> tuple[str, str]:
    """Make a call that fails; return its status code and message."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **keywords)
    return caught.value.code().name, caught.value.details()
