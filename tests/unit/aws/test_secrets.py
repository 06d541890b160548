"""Secrets: a service that does not answer is a 503, and a secret that does not exist is a mistake of ours."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from shared import initialization
from shared.aws.secrets import client, get_secret
from shared.errors import ServiceUnavailable
from shared.payments import webhook
from shared.razorpay import credentials
from tests.unit.aws.conftest import UNREACHABLE, raises

pytestmark = pytest.mark.usefixtures("tables")


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "GetSecretValue")


@pytest.mark.parametrize(
    "error", [*UNREACHABLE, client_error("ThrottlingException"), client_error("InternalServiceError")]
)
def test_unavailable_secrets_manager_is_503(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", raises(error))
    with pytest.raises(ServiceUnavailable):
        credentials.key_pair()


def test_missing_secret_raises_instead_of_503() -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        credentials.key_pair()
    boto3.client("secretsmanager").create_secret(
        Name="gateway-key", SecretString=json.dumps({"key_id": "a", "key_secret": "b"})
    )
    assert credentials.key_pair() == ("a", "b")


def test_secret_that_is_no_object_raises() -> None:
    boto3.client("secretsmanager").create_secret(Name="gateway-key", SecretString='["a"]')
    with pytest.raises(RuntimeError, match="gateway-key"):
        get_secret("gateway-key")


def test_webhook_prepares_the_client_and_reads_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialization, "_clients", [])
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", raises(AssertionError("a request was sent")))
    webhook.prepare()
    with monkeypatch.context() as patch:
        patch.setattr("moto.core.models.botocore_stubber.enabled", False)  # it would answer first
        initialization.rehearse()
    assert client.cache_info().currsize == 1
