"""The generated clients: TypeScript, Kotlin and Dart."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.template import ROOT
from tools.clients import documents, guides
from tools.clients.toolchain import FOLDER, SOURCES, WORK, kotlinc, openapi_generator, program, run

DOCUMENT = ROOT / "openapi.json"
KOTLIN, DART = FOLDER / "kotlin", FOLDER / "dart"
KOTLIN_JAR, KOTLIN_USAGE_JAR = FOLDER / "kotlin-client.jar", FOLDER / "kotlin-usage.jar"
KOTLIN_PROPERTIES = (
    "library=jvm-okhttp4,serializationLibrary=kotlinx_serialization,dateLibrary=string,packageName=garmentpay.client,"
    "enumPropertyNaming=UPPERCASE,enumUnknownDefaultCase=true,omitGradleWrapper=true"
)
DART_PROPERTIES = "pubName=garment_pay,enumUnknownDefaultCase=true,useOptional=true"


def typescript() -> None:
    """Both TypeScript clients, the code of the guide and our own use of them: strict, with react-native's types."""
    run("generate types", program("openapi-typescript"), str(DOCUMENT), "--output", "types.ts")
    openapi_generator(prepare("typescript", documents.for_generators), "typescript-fetch", WORK / "fetch")
    run("type-check the clients", program("tsc"), "--project", "tsconfig.json")
    guides.write("react-native.md", "typescript", WORK / "guide")
    for name in ("types.ts", "react-native-razorpay.d.ts"):
        (WORK / "guide" / name).write_text((WORK / name).read_text())
    run("type-check the guide for React Native", program("tsc"), "--project", "guide.tsconfig.json")


def kotlin() -> None:
    """The Kotlin client, compiled anew after a change of the document, and the guide compiled against it.

    Declarations stand for the classes of Android and of Razorpay's SDK, which are in none of the packages.
    """
    document = prepare("kotlin", documents.for_generators)
    digest = hashlib.sha256(document.read_bytes() + KOTLIN_PROPERTIES.encode()).hexdigest()
    stamp = FOLDER / "kotlin-client.digest"
    if not (KOTLIN_JAR.exists() and stamp.exists() and stamp.read_text() == digest):
        # A text or a number, which only kotlinx.serialization has a type for.
        mappings = ("--schema-mappings", "Rule_used=JsonPrimitive")
        imports = ("--import-mappings", "JsonPrimitive=kotlinx.serialization.json.JsonPrimitive")
        properties = ("--additional-properties", KOTLIN_PROPERTIES)
        openapi_generator(document, "kotlin", KOTLIN, *mappings, *imports, *properties)
        kotlinc("compile the Kotlin client", [KOTLIN / "src" / "main" / "kotlin"], KOTLIN_JAR)
        stamp.write_text(digest)
    sources = guides.write("kotlin.md", "kotlin", FOLDER / "kotlin-guide")
    own = sorted((SOURCES / "kotlin").glob("*.kt"))
    kotlinc("compile the guide for Kotlin", [*sources, *own], KOTLIN_USAGE_JAR, KOTLIN_JAR)


def dart() -> None:
    """The Dart client and the guide, parsed: no package has the Dart SDK, which would check their types."""
    openapi_generator(prepare("dart", documents.for_dart), "dart", DART, "--additional-properties", DART_PROPERTIES)
    guides.write("flutter.md", "dart", FOLDER / "dart-guide")
    run(
        "parse the Dart client and the guide", "node", "parse_dart.mjs", str(DART / "lib"), str(FOLDER / "dart-guide")
    )
    check_names(DART / "lib", FOLDER / "dart-guide")


def prepare(name: str, change: Callable[[Any], Any]) -> Path:
    """The API's document with a change, in a file."""
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(change(json.loads(DOCUMENT.read_text())), indent=1))
    return path


def check_names(client: Path, guide: Path) -> None:
    """Every member that the guide calls on the generated client exists there; ValueError names the others."""
    declared = "\n".join(path.read_text() for path in sorted(client.rglob("*.dart")))
    for path in sorted(guide.glob("*.dart")):
        for name in re.findall(r"api\.(?:payments|wallets|methods|images)\.(\w+)\(", path.read_text()):
            if f"> {name}(" not in declared:
                raise ValueError(f"{path.name} calls {name}, which the Dart client does not have")
