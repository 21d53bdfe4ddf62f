"""The signature: who is believed, and that nothing else is."""

import copy
import pickle

import pytest
from support.deliveries import OLD_SECRET, SECRET, sign

from gate_app.trust.body import Provenance, VerifiedBody
from gate_app.trust.signature import Refusal, WeakSecretError, accept_secrets, verify

BODY = b'{"action":"created"}'
DIGEST = sign(BODY)[7:]


def test_the_published_test_vector_of_github_is_accepted() -> None:
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verified = verify(b"Hello, World!", header, [b"It's a Secret to Everybody"])
    assert isinstance(verified, VerifiedBody)
    assert verified.raw == b"Hello, World!"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param(None, "signature_missing", id="case 11: no signature at all"),
        pytest.param("", "signature_missing", id="case 4: empty"),
        pytest.param("sha1=" + DIGEST[:40], "signature_malformed", id="case 2: SHA-1 in the SHA-256 header"),
        pytest.param("sha256=é", "signature_malformed", id="case 4: not ASCII"),
        pytest.param("sha256=" + DIGEST.upper(), "signature_malformed", id="case 4: upper case"),
        pytest.param("sha256=" + DIGEST[:-1], "signature_malformed", id="case 4: 63 digits"),
        pytest.param("sha256=" + DIGEST + "0", "signature_malformed", id="case 4: 65 digits"),
        pytest.param("sha256=" + DIGEST[:-1] + "٣", "signature_malformed", id="case 4: an Arabic digit"),
        pytest.param(f"sha256={DIGEST},sha256={DIGEST}", "signature_malformed", id="case 4: sent twice"),
        pytest.param(
            f"sha256={DIGEST}, sha256={DIGEST}", "signature_malformed", id="case 4: sent twice, spaced"
        ),
        pytest.param(f"sha256={DIGEST}\n", "signature_malformed", id="case 4: a trailing newline"),
        pytest.param(f" sha256={DIGEST}", "signature_malformed", id="case 4: a leading space"),
        pytest.param("SHA256=" + DIGEST, "signature_malformed", id="case 4: upper-case algorithm"),
        pytest.param(DIGEST, "signature_malformed", id="case 4: without the algorithm"),
        pytest.param("sha256=" + "0" * 64, "signature_mismatch", id="case 1: another signature"),
        pytest.param(sign(BODY, OLD_SECRET), "signature_mismatch", id="case 1: a foreign secret"),
    ],
)
def test_a_header_that_does_not_prove_the_bytes_is_refused(header: str | None, code: str) -> None:
    refusal = verify(BODY, header, [SECRET])
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(b'{"action": "created"}', id="case 5: other white space"),
        pytest.param(b'{"action":"\\u0063reated"}', id="case 5: another escape of the same text"),
        pytest.param(BODY + b"\n", id="case 5: one more byte"),
        pytest.param(b"payload=" + BODY, id="case 5: form encoded"),
    ],
)
def test_the_same_meaning_in_other_bytes_is_another_body(variant: bytes) -> None:
    assert isinstance(verify(variant, sign(BODY), [SECRET]), Refusal)


def test_case_007_during_a_rotation_both_secrets_hold_and_afterwards_only_the_new_one() -> None:
    during, afterwards = [SECRET, OLD_SECRET], [SECRET]
    assert isinstance(verify(BODY, sign(BODY, OLD_SECRET), during), VerifiedBody)
    assert isinstance(verify(BODY, sign(BODY, SECRET), during), VerifiedBody)
    assert isinstance(verify(BODY, sign(BODY, SECRET), afterwards), VerifiedBody)
    assert isinstance(verify(BODY, sign(BODY, OLD_SECRET), afterwards), Refusal)


@pytest.mark.parametrize("secret", [b"", b"short", b"123456789012345"], ids=["empty", "short", "15 bytes"])
def test_case_006_a_short_secret_never_validates_anything(secret: bytes) -> None:
    assert isinstance(verify(BODY, sign(BODY, secret), [secret]), Refusal)
    assert isinstance(verify(BODY, sign(BODY, secret), []), Refusal)


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param([], id="none"),
        pytest.param([b""], id="empty"),
        pytest.param([b"123456789012345"], id="15 bytes"),
        pytest.param([SECRET, b"tiny!"], id="the second one is short"),
        pytest.param([b"x" * 32], id="one character"),
        pytest.param([b"changeme-changeme-changeme"], id="placeholder"),
        pytest.param([b"Your-Webhook-Secret-Here"], id="placeholder in capitals"),
        pytest.param([SECRET] * 5, id="five"),
    ],
)
def test_case_006_the_process_refuses_to_start_with_a_weak_secret(secrets: list[bytes]) -> None:
    with pytest.raises(WeakSecretError) as refused:
        accept_secrets(secrets)
    assert not any(secret and secret.decode() in str(refused.value) for secret in secrets)


def test_good_secrets_are_kept_in_their_order() -> None:
    assert accept_secrets([SECRET, OLD_SECRET]) == (SECRET, OLD_SECRET)


def test_a_verified_body_cannot_be_made_copied_or_changed_from_outside() -> None:
    with pytest.raises(TypeError):
        VerifiedBody(BODY, Provenance.WEBHOOK, seal=object())
    verified = verify(BODY, sign(BODY), [SECRET])
    assert isinstance(verified, VerifiedBody)
    assert verified.provenance is Provenance.WEBHOOK
    for forge in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            forge(verified)
    with pytest.raises(AttributeError):
        verified._raw = b"{}"  # type: ignore[misc]  # the point of the test
    assert BODY.decode() not in repr(verified)
