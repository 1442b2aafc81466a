"""Images: find them in folders and tables, decode them, bring them to one form.

A study reads them in four steps, each of which names what it leaves out:

* names: `read_class_folders` for a folder with one folder for each class, `find_image_column` for a table,
  `list_images` for new images
* headers: `read_headers` reads size and mode of each file without its pixels
* form: `choose_form` finds one size and mode for all of them, `form_sentence` says what is done for it
* pixels: `read_images` decodes all files into one array, from 0 to 255

Nothing is learned from the values of pixels, so the form is no leak between rows. Pillow decodes, by the content of a
file. A file that cannot be decoded has a reason, `DamagedImage`, and is left out or refused.
"""

from bridle.images._decode import DamagedImage, Header, is_image_name, read_header, read_image
from bridle.images._folders import (
    CLASS,
    FILE,
    TEST,
    ClassFolders,
    find_image_column,
    has_images,
    list_images,
    missing_files_sentence,
    read_class_folders,
)
from bridle.images._form import ImageForm, choose_size, read_size
from bridle.images._read import (
    Images,
    check_damaged,
    choose_form,
    copies_sentences,
    damaged_sentence,
    form_sentence,
    read_headers,
    read_images,
)

__all__ = [
    "CLASS",
    "FILE",
    "TEST",
    "ClassFolders",
    "DamagedImage",
    "Header",
    "ImageForm",
    "Images",
    "check_damaged",
    "choose_form",
    "choose_size",
    "copies_sentences",
    "damaged_sentence",
    "find_image_column",
    "form_sentence",
    "has_images",
    "is_image_name",
    "list_images",
    "missing_files_sentence",
    "read_class_folders",
    "read_header",
    "read_headers",
    "read_image",
    "read_images",
    "read_size",
]
