"""hCaptcha, reCAPTCHA and Turnstile: one POST that says whether a token is good."""

from typing import Literal

import httpx2
import msgspec

from soundgraph.application.identity import Captcha
from soundgraph.domain.errors import FieldError, Invalid, Unavailable

Service = Literal["hcaptcha", "recaptcha", "turnstile"]
# docs.hcaptcha.com; developers.google.com/recaptcha/docs/verify; developers.cloudflare.com/turnstile
ADDRESSES: dict[Service, str] = {
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "recaptcha": "https://www.google.com/recaptcha/api/siteverify",
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
}
TIMEOUT_SECONDS = 5.0
# reCAPTCHA v3 only scores, from 0 (a program) to 1; this is the threshold that its documentation begins with.
LEAST_SCORE = 0.5
OUR_FAULTS = frozenset(["missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "internal-error"])


class Answer(msgspec.Struct, frozen=True, rename={"error_codes": "error-codes"}):
    """What of an answer counts."""

    success: bool
    error_codes: list[str] = []
    score: float | None = None


class SiteVerify(Captcha):
    """Asks the service. `url` replaces its published address. Without an answer nobody passes."""

    def __init__(self, service: Service, secret: str, *, url: str | None = None) -> None:
        self._secret, self._url = secret, url or ADDRESSES[service]

    async def check(self, token: str | None, address: str) -> None:
        if not token:
            raise _refused("captcha_required", "Solve the captcha, and send what it gives you as `captcha_token`.")
        answer = await self._ask({"secret": self._secret, "response": token, "remoteip": address})
        if OUR_FAULTS.intersection(answer.error_codes):
            raise Unavailable("captcha_away", "The captcha service does not accept our settings.")
        if not answer.success or (answer.score is not None and answer.score < LEAST_SCORE):
            raise _refused("captcha_failed", "The captcha was not solved, or is too old. Solve it again.")

    async def _ask(self, form: dict[str, str]) -> Answer:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                response = await client.post(self._url, data=form)
            return msgspec.json.decode(response.raise_for_status().content, type=Answer)
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise Unavailable("captcha_away", "The captcha service does not answer. Try again.") from error


def _refused(code: str, message: str) -> Invalid:
    return Invalid(code, message, (FieldError("captcha_token", code, message),))
