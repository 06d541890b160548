"""The local issuers of tokens: a key pair saved with the state, its JWKS, and bearer tokens valid for a year."""

import json
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER, AUDIENCE = "https://issuer.garment-pay.local", "garment-pay-app"
STAFF_ISSUER, STAFF_AUDIENCE = "https://staff.garment-pay.local", "garment-pay-staff"
KEY_ID = "local"
TOKEN_AGE_S = 365 * 86_400


class Issuer:
    """The issuer of the customers' tokens, and by `for_staff` that of the staff's."""

    def __init__(self, state: Path, issuer: str = ISSUER, audience: str = AUDIENCE, file: str = "issuer.pem") -> None:
        self.issuer, self.audience = issuer, audience
        path = state / file
        if path.exists():
            loaded = serialization.load_pem_private_key(path.read_bytes(), None)
            assert isinstance(loaded, rsa.RSAPrivateKey)
            self.key = loaded
        else:
            self.key = rsa.generate_private_key(65_537, 2_048)
            pem = self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            path.touch(mode=0o600)
            path.write_bytes(pem)

    @classmethod
    def for_staff(cls, state: Path) -> Self:
        return cls(state, STAFF_ISSUER, STAFF_AUDIENCE, "staff_issuer.pem")

    @property
    def jwks(self) -> bytes:
        """The public key as a JSON Web Key Set."""
        key: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [key | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}).encode()

    def token(self, sub: str, now_s: int, **more: Any) -> str:
        """A token for this subject; `more` adds claims, or replaces those of every token."""
        claims = {
            "sub": sub,
            "iss": self.issuer,
            "client_id": self.audience,
            "token_use": "access",
            "iat": now_s,
            "exp": now_s + TOKEN_AGE_S,
            **more,
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})
