"""Passwords, hashed with argon2-cffi."""
