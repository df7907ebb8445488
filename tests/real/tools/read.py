"""Reads YAML files with PyYAML and prints JSON: a list of documents per file.

What JSON has no word for, such as a date or a key that is no string, comes out as an object with a `!` key.
"""

import json
import math
import sys

import yaml


def plain(value):
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else f"!{type(key).__name__} {key}": plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"!float": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {f"!{type(value).__name__}": str(value)}


files = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        files.append([plain(document) for document in yaml.safe_load_all(file)])
json.dump(files, sys.stdout)
