"""`make openapi`: write openapi.json, what is made of it, and the parts of documents made from the code's tables."""

from tools.clients import postman
from tools.openapi import generated
from tools.openapi.document import PATH, text

if __name__ == "__main__":
    PATH.write_text(text())
    postman.write()
    generated.write()
    print(f"{PATH.name} is written: {PATH.stat().st_size:,} bytes")
