"""Why a photo was rejected: codes that never change, each with a text for the user and a hint for the app.

Its own module, so that functions without the imaging layer can show the texts.
"""

# What is wrong with the picture itself.
IMAGE_FAULTS = {
    "corrupt": "This file is damaged and cannot be read. Please choose the photo again.",
    # An app that picks photos on iOS gets JPEG from PHPickerConfiguration's `.compatible` representation.
    "heic_not_supported": (
        "HEIC photos are not supported. Please send the photo as JPEG. On an iPhone, choose Settings, Camera, "
        "Formats, Most Compatible; an app asks the iOS photo picker for the compatible representation."
    ),
    "too_complex": "This photo is stored in a form that takes too long to read. Please save it again as JPEG.",
    "too_large": "This photo takes too much memory to read. Please send it in a smaller size or as JPEG.",
    "too_many_pixels": "This photo has too many pixels. Please send it in a smaller size.",
    "truncated": "Part of this photo is missing. Please upload it again.",
    "unsupported_jpeg": "This kind of JPEG is not supported. Please save the photo again as an ordinary JPEG.",
    "unsupported_type": "This file type is not supported. Please send a JPEG, PNG, WebP or AVIF photo.",
}
# What went wrong on the photo's way to its variants.
UPLOAD_FAULTS = {
    "upload_too_large": "The photo is too large to upload. Please send a smaller one.",
    "checksum_mismatch": "The photo was damaged on its way. Please send it again.",
    "processing_failed": "The photo could not be processed. Please send it again.",
}
REJECTION_TEXTS = {**IMAGE_FAULTS, **UPLOAD_FAULTS}
# Whether sending the same photo again can help. It can where something may have gone wrong on the way.
REJECTION_RETRIES = {
    "corrupt": True,
    "heic_not_supported": False,
    "too_complex": False,
    "too_large": False,
    "too_many_pixels": False,
    "truncated": True,
    "unsupported_jpeg": False,
    "unsupported_type": False,
    "upload_too_large": False,
    "checksum_mismatch": True,
    "processing_failed": True,
}


class RejectedImage(Exception):
    """The picture is at fault and always will be; `code` is a key of IMAGE_FAULTS."""

    def __init__(self, code: str) -> None:
        super().__init__(IMAGE_FAULTS[code])
        self.code = code
