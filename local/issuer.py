"""The local token issuer: a key pair saved with the state, its JWKS, and bearer tokens valid for a year."""

import json
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER, AUDIENCE, KEY_ID = "https://issuer.garment-pay.local", "garment-pay-app", "local"
TOKEN_AGE_S = 365 * 86_400


class Issuer:
    def __init__(self, state: Path) -> None:
        path = state / "issuer.pem"
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
            path.write_bytes(pem)

    @property
    def jwks(self) -> bytes:
        """The public key as a JSON Web Key Set."""
        key: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [key | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}).encode()

    def token(self, sub: str, now_s: int) -> str:
        claims = {
            "sub": sub,
            "iss": ISSUER,
            "client_id": AUDIENCE,
            "token_use": "access",
            "iat": now_s,
            "exp": now_s + TOKEN_AGE_S,
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})
