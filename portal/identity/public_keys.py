"""A passkey's public key as everybody else writes one: COSE (RFC 9052) to SubjectPublicKeyInfo (RFC 5280)."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fido2.cose import CoseKey

_TYPE, _CURVE, _X, _Y = 1, -1, -2, -3
_OKP, _EC, _RSA = 1, 2, 3
_ED25519 = 6
_CURVES: dict[int, type[ec.EllipticCurve]] = {1: ec.SECP256R1, 2: ec.SECP384R1, 3: ec.SECP521R1, 8: ec.SECP256K1}


def spki_of(key: CoseKey) -> bytes:
    """The key in DER; raises ValueError for a kind that cannot be written so."""
    return _public(key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public(key: CoseKey) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey:
    kind = key.get(_TYPE)
    if kind == _EC and key.get(_CURVE) in _CURVES:
        x, y = (int.from_bytes(key[part], "big") for part in (_X, _Y))
        return ec.EllipticCurvePublicNumbers(x, y, _CURVES[key[_CURVE]]()).public_key()
    if kind == _OKP and key.get(_CURVE) == _ED25519:
        return ed25519.Ed25519PublicKey.from_public_bytes(key[_X])
    if kind == _RSA:
        modulus, exponent = (int.from_bytes(key[part], "big") for part in (-1, -2))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    raise ValueError("This kind of passkey cannot be used here; add another.")
