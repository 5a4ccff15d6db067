"""Tokens, signed with pyjwt."""
