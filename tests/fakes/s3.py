"""S3 in memory, as far as photos need it: two buckets, one of them versioned, with S3's XML responses."""

import itertools
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
LAST_MODIFIED = "2026-01-09T12:00:00.000Z"

HttpResponse = tuple[int, dict[str, str], bytes]  # status, headers, body


@dataclass
class FakeS3:
    """Objects by bucket and key, each with its versions, oldest first: (version id, bytes)."""

    buckets: dict[str, dict[str, list[tuple[str, bytes]]]] = field(default_factory=dict)
    first: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)  # version ever, by bucket and key
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def put(self, bucket: str, key: str, data: bytes) -> None:
        version = (f"v{next(self.numbers)}", data)
        self.first.setdefault((bucket, key), version)
        self.buckets.setdefault(bucket, {}).setdefault(key, []).append(version)

    def keys(self, bucket: str) -> list[str]:
        return sorted(self.buckets.get(bucket, {}))

    @staticmethod
    def operation(method: str, key: str, query: dict[str, str]) -> str:
        if method == "GET":
            return "GetObject" if key else "ListObjectVersions" if "versions" in query else "ListObjectsV2"
        return {"PUT": "PutObject", "POST": "DeleteObjects", "DELETE": "DeleteObject"}[method]

    def call(self, operation: str, bucket: str, key: str, query: dict[str, str], body: bytes) -> HttpResponse:
        objects = self.buckets.setdefault(bucket, {})
        prefix = query.get("prefix", "")
        match operation:
            case "PutObject":
                objects[key] = []  # the images bucket keeps one version; the world itself puts uploads
                self.put(bucket, key, body)
                return 200, {"ETag": '"0"'}, b""
            case "GetObject":
                found = dict(objects.get(key, [])).get(query.get("versionId", ""))
                return (200, {"Content-Length": str(len(found))}, found) if found is not None else error("NoSuchKey")
            case "ListObjectVersions":
                rows = [
                    f"<Version><Key>{escape(name)}</Key><VersionId>{version}</VersionId><Size>{len(data)}</Size>"
                    f"<LastModified>{LAST_MODIFIED}</LastModified></Version>"
                    for name in self.keys(bucket)
                    if name.startswith(prefix)
                    for version, data in reversed(objects[name])
                ]
                return xml_response("ListVersionsResult", "".join(rows))
            case "ListObjectsV2":
                names = [name for name in self.keys(bucket) if name.startswith(prefix)]
                rows = [f"<Contents><Key>{escape(name)}</Key><Size>1</Size></Contents>" for name in names]
                return xml_response("ListBucketResult", f"<KeyCount>{len(rows)}</KeyCount>{''.join(rows)}")
            case "DeleteObjects":
                for element in ElementTree.fromstring(body).iter(f"{{{NAMESPACE}}}Object"):
                    name = element.findtext(f"{{{NAMESPACE}}}Key") or ""
                    version = element.findtext(f"{{{NAMESPACE}}}VersionId")
                    self._remove(bucket, name, version)
                return xml_response("DeleteResult", "")
            case "DeleteObject":
                self._remove(bucket, key, query.get("versionId"))
                return 204, {}, b""
        raise NotImplementedError(operation)

    def _remove(self, bucket: str, key: str, version: str | None) -> None:
        """Remove one version of an object, or all versions."""
        objects = self.buckets[bucket]
        left = [pair for pair in objects.get(key, []) if version is not None and pair[0] != version]
        if left:
            objects[key] = left
        else:
            objects.pop(key, None)


def split(url: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, key and query of a virtual-hosted URL."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    return parts.netloc.split(".s3.")[0], urllib.parse.unquote(parts.path.lstrip("/")), query


def xml_response(name: str, inner: str) -> HttpResponse:
    text = f'<?xml version="1.0"?><{name} xmlns="{NAMESPACE}"><IsTruncated>false</IsTruncated>{inner}</{name}>'
    return 200, {"Content-Type": "application/xml"}, text.encode()


def error(code: str, status: int = 404) -> HttpResponse:
    return status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode()
