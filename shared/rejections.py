"""Why an upload was refused for good: codes that never change, each with a text for the user.

A module of its own, so that functions without the imaging layer can show them.
"""

REJECTIONS = {
    "corrupt": "This file is damaged and cannot be read. Please choose the photo again.",
    "heic_not_supported": "HEIC photos cannot be read here. Please send the photo as JPEG.",
    "too_complex": "This photo is stored in a form that takes too long to read. Please save it again as JPEG.",
    "too_large": "This photo takes too much memory to read. Please send it in a smaller size or as JPEG.",
    "too_many_pixels": "This photo has too many pixels. Please send it in a smaller size.",
    "truncated": "Part of this photo is missing. Please upload it again.",
    "unsupported_jpeg": "This kind of JPEG cannot be read. Please save the photo again as an ordinary JPEG.",
    "unsupported_type": "This file is not a photo that can be read. Please send JPEG, PNG, WebP or AVIF.",
}
