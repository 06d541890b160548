"""The code of the guides, as files: a block's first line names the file that it belongs to."""

import re
import shutil
from pathlib import Path

from local.template import ROOT

BLOCK = re.compile(r"^```(\w+)\n// (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(guide: str, language: str, folder: Path) -> list[Path]:
    """Write the guide's blocks of this language into a new folder; the files. Blocks of one file are joined."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files: dict[str, str] = {}
    for found, name, code in BLOCK.findall((ROOT / "docs" / "guides" / guide).read_text()):
        if found == language:
            files[name] = files.get(name, "") + code
    if not files:
        raise ValueError(f"{guide} has no code in {language}")
    for name, code in files.items():
        (folder / name).write_text(code)
    return [folder / name for name in files]
