"""Sparse autoencoders in the layout of SAELens: `sae_weights.safetensors` and `cfg.json`."""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from bridle._errors import InputError, StoreError, short_repr
from bridle.layers import BatchTopK, JumpReLU, TopK

WEIGHTS_FILE, CONFIG_FILE = "sae_weights.safetensors", "cfg.json"
MAX_HEADER_BYTES = 10**8
"""The limit of the safetensors format for its header."""
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""Types of numbers that are read; BF16 has the upper half of the bits of a float32."""
ARCHITECTURES = ("standard", "topk", "jumprelu")
NAMES: tuple[str, ...] = ("W_enc", "b_enc", "W_dec", "b_dec")
"""Arrays of every architecture."""


@dataclass(frozen=True)
class Weights:
    """Weights of a sparse autoencoder."""

    encoder: np.ndarray
    """Shape (features, units)."""
    encoder_bias: np.ndarray
    decoder: np.ndarray
    """Shape (units, features)."""
    decoder_bias: np.ndarray
    code: tuple[np.ndarray, ...] = ()
    """The weights of the layer of the code."""


def write_saelens(folder: Path, weights: Weights, layer: keras.Layer) -> Path:
    """Write a sparse autoencoder whose code is given by a built layer; return the folder.

    Errors: `InputError` for a layer that SAELens has no architecture for.
    """
    parts = weights.encoder, weights.encoder_bias, weights.decoder, weights.decoder_bias
    arrays: dict[str, np.ndarray] = dict(zip(NAMES, parts, strict=True))
    features, units = weights.encoder.shape
    config: dict[str, Any] = {
        "d_in": features,
        "d_sae": units,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {},
        "architecture": "standard",
    }
    if isinstance(layer, TopK):
        config |= {"architecture": "topk", "k": layer.k, "rescale_acts_by_decoder_norm": False}
    elif isinstance(layer, BatchTopK | JumpReLU):
        config["architecture"] = "jumprelu"
        arrays["threshold"] = _thresholds(layer, units)
    elif not (isinstance(layer, keras.layers.Activation) and layer.get_config()["activation"] == "relu"):
        raise InputError(
            f"Expected 'relu', TopK, BatchTopK or JumpReLU, which SAELens has, got {layer.get_config()}. "
            "Save fitted_model() instead."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / WEIGHTS_FILE, arrays)
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return folder


def _thresholds(layer: BatchTopK | JumpReLU, units: int) -> np.ndarray:
    """Return the threshold of each unit, above which it is active."""
    if isinstance(layer, JumpReLU):
        return np.exp(np.asarray(keras.ops.convert_to_numpy(layer.log_threshold), np.float32))
    level = np.float32(keras.ops.convert_to_numpy(layer.level))
    return np.full(units, max(np.nextafter(level, np.float32(-1)), 0), np.float32)  # a unit at the level is active


def read_saelens(folder: Path) -> tuple[Weights, Any]:
    """Return weights and activation of a folder: `"relu"`, or a layer.

    Errors: `StoreError` for files that cannot be read; `InputError` for an architecture that is not supported.
    """
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"Expected the file {CONFIG_FILE} of SAELens in {str(folder)!r}. {error}") from error
    config = cast("dict[str, Any]", config) if isinstance(config, dict) else {}
    architecture = config.get("architecture")
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"Expected an architecture among {', '.join(ARCHITECTURES)} in {CONFIG_FILE}, got "
            f"{short_repr(architecture)}."
        )
    if config.get("normalize_activations", "none") not in ("none", None):
        raise InputError(
            "Expected normalize_activations='none', got "
            f"{short_repr(config['normalize_activations'])}. Fold the scale into the weights in SAELens first."
        )
    arrays = read_safetensors(folder / WEIGHTS_FILE)
    weights = _checked(arrays)
    if config.get("apply_b_dec_to_input", True):  # the default of SAELens
        shifted = weights.encoder_bias - weights.decoder_bias @ weights.encoder
        weights = Weights(weights.encoder, shifted, weights.decoder, weights.decoder_bias)
    if config.get("rescale_acts_by_decoder_norm", False):
        norms = np.linalg.norm(weights.decoder, axis=1)
        encoder, bias = weights.encoder * norms, weights.encoder_bias * norms
        weights = Weights(encoder, bias, weights.decoder / norms[:, None], weights.decoder_bias)
    return _with_activation(weights, str(architecture), config, arrays)


def _with_activation(
    weights: Weights, architecture: str, config: dict[str, Any], arrays: dict[str, np.ndarray]
) -> tuple[Weights, Any]:
    units, parts = len(weights.decoder), (weights.encoder, weights.encoder_bias, weights.decoder, weights.decoder_bias)
    if architecture == "standard":
        return weights, "relu"
    if architecture == "topk":
        layer, values = TopK(config.get("k", 0)), (np.zeros(units, np.float32),)
        layer.build((None, units))
        return Weights(*parts, values), layer
    threshold = arrays.get("threshold", np.zeros(0))
    if "log_threshold" in arrays:  # of older versions
        threshold = np.exp(arrays["log_threshold"])
    if threshold.shape != (units,) or not np.isfinite(threshold).all():
        raise StoreError(f"Expected {units} finite thresholds in {WEIGHTS_FILE}, got shape {threshold.shape}.")
    smallest = np.finfo(np.float32).tiny
    log_threshold = np.log(np.maximum(threshold, smallest)).astype(np.float32)
    return Weights(*parts, (log_threshold, np.zeros(units, np.float32))), JumpReLU()


def _checked(arrays: dict[str, np.ndarray]) -> Weights:
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise StoreError(f"Expected the arrays {', '.join(NAMES)} in {WEIGHTS_FILE}, got none named {missing[0]}.")
    encoder, bias, decoder, decoder_bias = (arrays[name] for name in NAMES)
    shapes = (bias.shape, decoder.shape, decoder_bias.shape)
    if encoder.ndim != 2 or shapes != (encoder.shape[1:], encoder.shape[::-1], encoder.shape[:1]):
        raise StoreError(
            f"Expected arrays that fit in {WEIGHTS_FILE}, got "
            + ", ".join(f"{name} {arrays[name].shape}" for name in NAMES)
            + "."
        )
    return Weights(encoder, bias, decoder, decoder_bias)


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write float32 arrays in the safetensors format: the length of a JSON header, the header, the bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    blobs, end = list[bytes](), 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + len(blob)]}
        blobs.append(blob)
        end += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *blobs]))


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file as float32.

    Errors: `StoreError` for a file that is not complete, or whose header is wrong or has other types.
    """
    try:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        if size > min(MAX_HEADER_BYTES, len(content) - 8):
            raise ValueError(f"a header of {size} bytes in a file of {len(content)}")
        header = json.loads(content[8 : 8 + size].decode("utf-8"))
        header.pop("__metadata__", None)
        return {str(name): _array(entry, memoryview(content)[8 + size :]) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise StoreError(f"Expected a complete safetensors file of floats at {str(path)!r}. {error}") from error


def _array(entry: dict[str, Any], content: memoryview) -> np.ndarray:
    """Return one array of a file, of the type, shape and position that its entry of the header names."""
    kind, shape, (begin, end) = DTYPES[entry["dtype"]], [int(size) for size in entry["shape"]], entry["data_offsets"]
    expected = prod(shape) * np.dtype(kind).itemsize
    if min([begin, *shape]) < 0 or end > len(content) or end - begin != expected:
        raise ValueError(f"bytes {begin} to {end} of {len(content)} for shape {shape}")
    values = np.frombuffer(content[begin:end], kind).reshape(shape)
    if entry["dtype"] == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)
