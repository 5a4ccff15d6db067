"""Covers with Pillow, in a child process: decoding strangers' pictures is as dangerous as decoding their audio."""
