"""Which adapters prove who someone is and send mail, as the settings choose. For the container alone."""

from urllib.parse import urlsplit

from soundgraph.adapters.filesystem.mail import EmlMailer
from soundgraph.adapters.jose.tokens import KeyRing, SignedTokens, SigningKey
from soundgraph.adapters.memory.identity import NoCaptcha
from soundgraph.adapters.oidc.providers import OidcProviders, ProviderSettings
from soundgraph.adapters.siteverify.captcha import SiteVerify
from soundgraph.adapters.smtp.mail import SmtpMailer
from soundgraph.application.identity import Captcha, Mailer
from soundgraph.application.ports import Clock
from soundgraph.entrypoints.secrets import Secrets
from soundgraph.entrypoints.settings import Settings
from soundgraph.entrypoints.signing import KeyFiles


def tokens(settings: Settings, secrets: Secrets) -> SignedTokens:
    """Tokens of this deployment, under whatever signing keys are there."""
    files = KeyFiles(settings)
    ring = KeyRing(lambda: [SigningKey(one.kid, one.pem, one.signs_from) for one in files()])
    return SignedTokens(ring, secrets.derive("refresh-tokens"), secrets.derive("mail-tokens"))


def captcha(settings: Settings) -> Captcha:
    """The captcha that is set, or none."""
    if settings.captcha == "off" or settings.captcha_secret is None:
        return NoCaptcha()
    return SiteVerify(settings.captcha, settings.captcha_secret, url=settings.captcha_url)


def mailer(settings: Settings) -> Mailer:
    """Mail through the server that is set, or into files."""
    sender = f"soundgraph <no-reply@{urlsplit(settings.public_url).hostname or 'localhost'}>"
    if settings.smtp_url is None:
        return EmlMailer(settings.mail_dir, sender)
    return SmtpMailer(settings.smtp_url, sender, require_tls=settings.production)


def sign_in_providers(settings: Settings, clock: Clock) -> OidcProviders:
    """The OpenID Connect providers that are set."""
    configured = (ProviderSettings(*one) for one in settings.sign_in_providers)
    return OidcProviders(configured, clock)
