"""Plugins for every test."""

pytest_plugins = ["tests.postgres", "tests.redis_servers", "tests.s3_servers"]
