"""`make openapi`: write openapi.json, and the parts of the documents that are made from the code's tables."""

from tools.openapi import generated
from tools.openapi.document import PATH, text

if __name__ == "__main__":
    PATH.write_text(text())
    generated.write()
    print(f"{PATH.name} is written: {PATH.stat().st_size:,} bytes")
