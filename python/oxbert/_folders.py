"""The older place of `oxbert.hub._folders`, for native modules built before it moved."""

from oxbert.hub._folders import bundled, find

__all__ = ["bundled", "find"]
