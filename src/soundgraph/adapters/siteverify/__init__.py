"""Captcha services. All three answer the same protocol, which began as reCAPTCHA's `siteverify`."""
