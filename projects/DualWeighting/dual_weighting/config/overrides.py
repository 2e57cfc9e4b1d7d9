"""Applies `key=value` arguments to a config, and refuses unknown keys."""

import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence

from detectron2.utils.registry import locate
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dual_weighting.data.catalog import literal
from dual_weighting.utils.errors import UserError

PATHS = ("train.output_dir", "train.init_checkpoint")  # any unquoted text is a path


def apply_overrides(cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Apply `overrides` ("a.b=value") to `cfg` in place, and return it.

    A key is known if `cfg` has it, or if its parent is a lazy call whose callable has a parameter
    of that name. Values follow Hydra's grammar. Values of `PATHS` are taken literally, as is text
    that Hydra cannot parse for a key that holds a string.

    Raises:
        UserError: a key is unknown (the error names the closest one), or an argument is not of the
            form key=value.
    """
    for text in overrides:
        key, value, is_text = parse_override(cfg, text)
        for leaf in leaf_keys(key, value):
            check_key(cfg, leaf)
        if not is_text:
            check_kind(cfg, text, key, value)
        try:
            OmegaConf.update(cfg, key, value, force_add=True)
            OmegaConf.select(cfg, key)
        except (OmegaConfBaseException, KeyError) as error:
            if not is_text:
                reason = str(error).splitlines()[0]
                sentence = f"The override {text!r} does not fit the config: {reason}."
                raise UserError(sentence) from error
            OmegaConf.update(cfg, key, literal(value))  # its "${" is no interpolation
    return cfg


def overridden_keys(cfg: DictConfig, overrides: Sequence[str]) -> set[str]:
    """The full keys of `cfg` that `overrides` ("a.b=value") set."""
    parsed = [parse_override(cfg, text) for text in overrides]
    return {leaf for key, value, _ in parsed for leaf in leaf_keys(key, value)}


def parse_override(cfg: DictConfig, text: str) -> tuple[str, object, bool]:
    """Key and value of one "a.b=value", and whether the value is literal text."""
    if text.startswith("-"):
        raise UserError(f"Options such as {text} must come before the key=value arguments.")
    key, equals, value = text.partition("=")
    quoted = len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]
    if key in PATHS and equals and value != "null" and not quoted:
        return key, value, True
    try:
        override = OverridesParser.create().parse_override(text)
        if override.is_sweep_override() or override.is_delete() or override.is_add():
            raise HydraException
        if not override.key_or_group:
            raise HydraException
    except HydraException as error:
        if equals and holds_string(cfg, key):
            return key, value, True
        raise UserError(
            f"{text!r} is not of the form key=value, for example train.max_iter=500 "
            "(quote a value with special characters: 'key=\"value\"')."
        ) from error
    return override.key_or_group, override.value(), False


def holds_string(cfg: DictConfig, key: str) -> bool:
    try:
        return isinstance(OmegaConf.select(cfg, key), str)
    except OmegaConfBaseException:  # the key is malformed, or refers to something missing
        return False


def leaf_keys(key: str, value: object) -> Iterator[str]:
    """The full keys that setting `key` to `value` would set."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from leaf_keys(f"{key}.{name}", inner)
    else:
        yield key


def check_key(cfg: DictConfig, key: str) -> None:
    """Raise `UserError` with the closest known key unless `key` ("a.b.c") is known in `cfg`."""
    parent, _, name = key.rpartition(".")
    if name in known_names(OmegaConf.select(cfg, parent) if parent else cfg):
        return
    closest = difflib.get_close_matches(key, list(known_keys(cfg)), n=1, cutoff=0.0)
    raise UserError(
        f"The config has no key {key!r}, the closest is {closest[0]!r}: correct it, or "
        "define new keys in the config file."
    )


def known_names(node: object) -> list[str]:
    """The keys of a section or list, and the parameters of a lazy call."""
    if isinstance(node, DictConfig):
        return [str(name) for name in node] + _parameters(node)
    return [str(index) for index in range(len(node))] if isinstance(node, ListConfig) else []


def known_keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """All full keys below `node`."""
    for name in known_names(node):
        yield f"{prefix}{name}"
        child = node._get_node(name) if name in node else None
        if isinstance(child, DictConfig) and not OmegaConf.is_interpolation(node, name):
            yield from known_keys(child, f"{prefix}{name}.")


def gives_number(node: DictConfig) -> bool:
    """Whether `node` is a lazy call of a function that returns a number."""
    target = node.get("_target_")
    target = locate(target) if isinstance(target, str) else target
    return inspect.isfunction(target) and target.__annotations__.get("return") in (int, float)


def check_kind(cfg: DictConfig, text: str, key: str, value: object) -> None:
    """Raise `UserError` if the override `text` replaces a section by a number or string, a number
    by a string, or a string by a number."""
    try:
        now = OmegaConf.select(cfg, key)
    except OmegaConfBaseException:  # a dangling interpolation
        return
    is_words = isinstance(value, str) and "${" not in value
    is_number = isinstance(value, int | float)
    kind = None
    if isinstance(now, DictConfig) and (is_words or (is_number and not gives_number(now))):
        kind = "keys of its own"
    elif isinstance(now, int | float) and is_words:
        kind = f"the number {now}"
    elif isinstance(now, str) and is_number:
        kind = f"a string; to set this as a string, write '{key}=\"{value}\"'"
    if kind:
        raise UserError(f"The override {text!r} does not fit: {key} has {kind}.")


def accepts(node: DictConfig, name: str) -> bool:
    """Whether the callable of the lazy call `node` has a parameter called `name`."""
    return name in _parameters(node)


def _parameters(node: object) -> list[str]:
    """Keyword parameters of the callable of a lazy call; none for other nodes.

    `**kwargs` does not count: typos would go unnoticed.
    """
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return []
    target = node["_target_"]
    target = locate(target) if isinstance(target, str) else target
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return []
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in by_name]
