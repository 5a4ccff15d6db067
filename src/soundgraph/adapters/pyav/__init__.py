"""Decoding and encoding with FFmpeg through PyAV, in a child process that nothing else shares.

`processor`, `supervisor`, `scratch` and `protocol` run in the worker and import neither av nor numpy; `child` and the
rest run in the child only.
"""
