"""The authorizer of staff: a valid bearer token becomes the caller's `sub` and groups, and any other is refused."""

from shared.auth import authenticate_staff
from shared.authorizer import authorizer

handler = authorizer(authenticate_staff)
