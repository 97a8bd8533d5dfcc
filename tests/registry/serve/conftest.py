"""A real PostgreSQL server for logs that are served from there."""

from tests.registry.postgres.conftest import node, schema, server

__all__ = ["node", "schema", "server"]
