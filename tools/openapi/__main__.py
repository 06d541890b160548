"""`make openapi`: write openapi.json."""

from tools.openapi.document import PATH, text

if __name__ == "__main__":
    PATH.write_text(text())
    print(f"{PATH.name} is written: {PATH.stat().st_size:,} bytes")
