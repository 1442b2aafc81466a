"""Images: find them in folders and tables, decode them, bring them to one form."""

from bridle.images._column import find_image_column, missing_files_sentence
from bridle.images._decode import DamagedImage, Header, is_image_name, read_header, read_image
from bridle.images._folders import CLASS, FILE, TEST, ClassFolders, list_images, read_class_folders
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
