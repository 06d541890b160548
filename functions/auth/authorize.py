"""The API's authorizer: a valid bearer token becomes the caller's `sub`, and any other is refused."""

from shared.auth import authenticate
from shared.authorizer import authorizer

handler = authorizer(authenticate)
