"""The programs of `make clients`: npm's packages, the jars from pip's packages, and how to run them.

No Maven registry is needed: openapi-generator's jar is in the package openapi-generator-cli, Kotlin's compiler in
kotlin-jupyter-kernel, and OkHttp's jars in npm's allure-commandline.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from local.template import ROOT
from tools import npm

SOURCES = ROOT / "tests" / "clients"
FOLDER = ROOT / ".venv-clients"
WORK = FOLDER / "typescript"
REQUIRED = {
    "node": "Node.js 20.19 or newer, to lint the API document, to check its clients and to run Razorpay's SDK",
    "npm": "npm, which comes with Node.js, to install the linter and TypeScript's compiler",
    "java": "Java 11 or newer, to run openapi-generator and Kotlin's compiler",
}
ENVIRONMENT = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
SERVICES = "META-INF/services/org.jetbrains.kotlin.compiler.plugin."
SERIALIZATION = "org.jetbrains.kotlinx.serialization.compiler.extensions."


def works(program: str) -> bool:
    """macOS has a `java` that only says that there is none, so each program is asked for its version."""
    option = "-version" if program == "java" else "--version"
    try:
        return subprocess.run([program, option], capture_output=True).returncode == 0
    except OSError:
        return False


def run(step: str, *command: str, **variables: str) -> None:
    print(f"== {step}", flush=True)
    subprocess.run(command, cwd=WORK if WORK.exists() else ROOT, env=ENVIRONMENT | variables, check=True)


def program(name: str) -> str:
    return str(WORK / "node_modules" / ".bin" / name)


def install() -> None:
    """Install the jars and npm's packages, unless they are there, and put the sources beside the packages."""
    run("set up the generators", sys.executable, str(ROOT / "tools" / "setup.py"), "clients")
    npm.install(SOURCES, WORK)


def jar(pattern: str) -> str:
    """The jar of a pip package."""
    (found,) = FOLDER.glob(f"lib/python*/site-packages/{pattern}")
    return str(found)


def openapi_generator(document: Path, generator: str, output: Path, *options: str) -> None:
    """Generate a client anew, so that no file of an earlier document stays."""
    shutil.rmtree(output, ignore_errors=True)
    run(
        f"generate the {generator} client",
        *("java", "-Dlog.level=error", "-jar", jar("openapi_generator_cli/openapi-generator.jar"), "generate"),
        *("--input-spec", str(document), "--generator-name", generator, "--output", str(output)),
        # Otherwise the client of an operation that takes JSON or a form imports the form's model, which is left out.
        *("--global-property", "skipFormModel=false", *options),
    )


def kotlin_libraries() -> list[str]:
    """What the generated Kotlin client needs: OkHttp, kotlinx.serialization and the standard library."""
    plugin = WORK / "node_modules" / "allure-commandline" / "dist" / "plugins" / "xray-plugin" / "lib"
    http = [str(path) for name in ("okhttp", "okio") for path in plugin.glob(f"{name}-*.jar")]
    names = ("kotlin-stdlib-*", "kotlin-reflect-*", "kotlinx-serialization-core-*", "kotlinx-serialization-json-*")
    return http + [jar(f"run_kotlin_kernel/jars/{name}.jar") for name in names]


def kotlinc(step: str, sources: list[Path], output: Path, *libraries: Path) -> None:
    """Compile Kotlin sources, with the plugin for @Serializable, into a jar."""
    compiler = Path(jar("run_kotlin_kernel/jars/kotlin-jupyter-kernel-*-all.jar")).parent / "*"
    run(
        step,
        *("java", "-Xmx2g", "-cp", str(compiler), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"),
        *("-no-stdlib", "-no-reflect", "-nowarn", f"-Xplugin={_serialization_plugin()}"),
        *("-cp", os.pathsep.join([*kotlin_libraries(), *map(str, libraries)])),
        *("-d", str(output), *map(str, sources)),
    )


def _serialization_plugin() -> Path:
    """A plugin that names classes of the compiler's own jar. The jar names others too, which must not run twice."""
    path = FOLDER / "serialization-plugin.jar"
    with zipfile.ZipFile(path, "w") as plugin:
        plugin.writestr(f"{SERVICES}CompilerPluginRegistrar", f"{SERIALIZATION}SerializationComponentRegistrar")
        plugin.writestr(f"{SERVICES}CommandLineProcessor", f"{SERIALIZATION}SerializationPluginOptions")
    return path
