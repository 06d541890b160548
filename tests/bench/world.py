"""What the measured functions reach: tables, buckets, secrets, Razorpay and a token issuer, all behind TLS."""

import datetime
import ipaddress
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.issuer import AUDIENCE, ISSUER, STAFF_AUDIENCE, STAFF_ISSUER, Issuer
from local.razorpay.fake import FakeRazorpay
from local.template import Template
from tests.fakes.dynamodb import FakeDynamoDB, RequestError
from tests.fakes.s3 import FakeS3

REGION = "ap-south-1"
KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_Bench", "bench-key-secret", "bench-webhook-secret"
UPLOADS, IMAGES = "garment-pay-uploads-000000000000", "garment-pay-images-000000000000"

Respond = Callable[[str, str, Mapping[str, str], bytes], tuple[int, str, bytes]]  # method, url, headers, body


class World:
    """The services, and the environments that point a process at them."""

    def __init__(self, template: Template, folder: Path) -> None:
        self.tables = FakeDynamoDB(template.of_type("AWS::DynamoDB::Table"), lambda: time.time_ns() // 1_000)
        self.buckets = FakeS3()
        self.lock = threading.Lock()
        self.called: set[tuple[str, str]] = set()  # service and operation
        self.razorpay = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: int(time.time()))
        self.razorpay.holding = True  # no webhook is sent: the benchmark makes its own
        self.issuer = Issuer(folder)
        self.staff_issuer = Issuer.for_staff(folder)
        self.secrets = {
            "GatewayKey": {"key_id": KEY_ID, "key_secret": KEY_SECRET},
            "WebhookSecrets": {"active": [WEBHOOK_SECRET]},
        }
        self.roots = folder / "roots.pem"
        self._calls: list[tuple[str, str, Any]] | None = None  # while they are recorded
        self._responses: dict[str, tuple[int, str, bytes]] = {}  # to recorded calls
        tls = _certificate(folder, self.roots)
        clear, secure, replay = (_Server(respond, context) for respond, context in self._servers(tls))
        common = template.environment(
            {
                "JWT_ISSUER": ISSUER,
                "JWT_AUDIENCE": AUDIENCE,
                "JWKS_URL": f"{secure.url}/jwks",
                "STAFF_JWT_ISSUER": STAFF_ISSUER,
                "STAFF_JWT_AUDIENCE": STAFF_AUDIENCE,
                "STAFF_JWKS_URL": f"{secure.url}/staff_jwks",
                "UPLOADS_BUCKET": UPLOADS,
                "IMAGES_BUCKET": IMAGES,
                "RAZORPAY_KEY_ID": KEY_ID,
                "WALLET_BALANCE_PAISE_MAX": "9999999999",
                "OPEN_PAYMENTS_MAX": "50",
                "STARTS_PER_HOUR_MAX": "100000",
                "TOP_UP_REFUND_DAYS": "7",
            }
        ) | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_SESSION_TOKEN": "token" * 100,
        }
        self.environment = common | _lambda_environment(folder) | self._addresses(secure.url)
        self.environment |= {"SSL_CERT_FILE": str(self.roots)}
        self.replaying = self.environment | self._addresses(replay.url)
        self.environment_here = common | self._addresses(clear.url)

    @staticmethod
    def _addresses(url: str) -> dict[str, str]:
        services = ("DYNAMODB", "SECRETS_MANAGER", "S3", "SQS")
        return {f"AWS_ENDPOINT_URL_{service}": url for service in services} | {"RAZORPAY_BASE_URL": url}

    def _servers(self, tls: ssl.SSLContext) -> list[tuple["Respond", ssl.SSLContext | None]]:
        return [(self.respond, None), (self.respond, tls), (self._replay, tls)]

    @contextmanager
    def recording(self) -> Iterator[list[tuple[str, str, Any]]]:
        """The calls of tables and Razorpay that are made within the block. Their responses can be replayed then."""
        self._calls = []
        try:
            yield self._calls
        finally:
            self._calls = None

    def _replay(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """The recorded response of the request.

        The request is answered anew before, so that a peer waits as long as our handler did, and shares the
        processor's caches with the same work. A repeated write fails its condition and changes nothing.
        """
        response = self.respond(method, url, headers, body)
        return self._responses.get(_fingerprint(url, headers, body), response)

    def respond(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and body of the response to one request."""
        response = self._respond(method, url, headers, body)
        target = headers.get("x-amz-target", "")
        if self._calls is not None and (target.startswith("DynamoDB") or url.startswith("/v1/")):
            service, sent = ("dynamodb", json.loads(body)) if target else ("razorpay", {"id": url.rsplit("/", 1)[-1]})
            self._calls.append((service, target.rpartition(".")[2], sent))
            self._responses[_fingerprint(url, headers, body)] = response
        return response

    def _respond(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        parts = urlsplit(url)
        service, _, operation = headers.get("x-amz-target", "").partition(".")
        if service == "secretsmanager":
            self.called.add((service, operation))
            name = json.loads(body)["SecretId"]
            return _json(200, {"Name": name, "SecretString": json.dumps(self.secrets[name])})
        if service == "AmazonSQS":
            self.called.add(("sqs", operation))
            return _json(200, {})
        if service:
            self.called.add(("dynamodb", operation))
            return self._table(operation, json.loads(body))
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path.startswith("/v1/"):
            status, _, answer = self.razorpay.handle(method, parts.path, query, dict(headers), body)
            return status, "application/json", answer
        if parts.path.endswith("jwks"):
            return 200, "application/json", (self.staff_issuer if "staff" in parts.path else self.issuer).jwks
        # Another address than S3's own has its buckets in the path.
        bucket, _, key = parts.path.lstrip("/").partition("/")
        bucket = headers["host"].split(".")[0] if bucket not in (UPLOADS, IMAGES) else bucket
        if "x-amz-copy-source" in headers:
            self.called.add(("s3", "CopyObject"))
            return 200, "application/xml", b"<CopyObjectResult></CopyObjectResult>"
        operation = FakeS3.operation(method, key, query)
        self.called.add(("s3", operation))
        with self.lock:
            status, _, answer = self.buckets.call(operation, bucket, key, query, body)
        return status, "application/xml", answer

    def _table(self, operation: str, sent: dict[str, Any]) -> tuple[int, str, bytes]:
        try:
            with self.lock:
                return _json(200, self.tables.call(operation, sent))
        except RequestError as error:
            return _json(400, {"__type": f"com.amazonaws.dynamodb.v20120810#{error.code}", **error.body})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Respond, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.respond = respond
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_address[1]}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong with a connection, unless its caller was ended."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    disable_nagle_algorithm = True
    server: _Server

    def handle_expect_100(self) -> bool:
        """Let a client that asks first send its body."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, content_type, answer = self.server.respond(self.command, self.path, headers, body)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *args: Any) -> None:
        """Write no access log."""


def _fingerprint(url: str, headers: Mapping[str, str], body: bytes) -> str:
    """The same for a request and its repetition by another client."""
    target = headers.get("x-amz-target", "")
    return target + json.dumps(json.loads(body), sort_keys=True) if target else url


def _json(status: int, body: Any) -> tuple[int, str, bytes]:
    return status, "application/x-amz-json-1.0", json.dumps(body).encode()


def _lambda_environment(folder: Path) -> dict[str, str]:
    """What Lambda itself sets, and nothing of this machine."""
    return {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "HOME": str(folder),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": ":UTC",
    }


def _certificate(folder: Path, roots: Path) -> ssl.SSLContext:
    """A root of our own, written to `roots`, which signs the certificate of 127.0.0.1."""
    now = datetime.datetime.now(datetime.UTC)

    def sign(name: str, key: Any, issuer: str, signer: Any, *extensions: tuple[Any, bool]) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            key.public_key(),
            x509.random_serial_number(),
            now - datetime.timedelta(days=1),
            now + datetime.timedelta(days=7),
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    is_root = ((x509.BasicConstraints(True, None), True), (usage, True), (identifier, False))
    root = sign("bench root", root_key, "bench root", root_key, *is_root)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = sign("127.0.0.1", key, "bench root", root_key, (addresses, False), (authority, False))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    roots.write_bytes(root.public_bytes(pem))
    chain = folder / "server.pem"
    chain.write_bytes(leaf.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context
