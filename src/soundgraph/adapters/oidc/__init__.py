"""OpenID Connect providers, reached with authlib on httpx; what they sign is checked with PyJWT."""
