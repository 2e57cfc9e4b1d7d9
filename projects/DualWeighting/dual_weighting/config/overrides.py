"""`key=value` arguments of a command: applied to a config, unknown keys refused."""

import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence

from detectron2.config import LazyConfig
from detectron2.utils.registry import locate
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dual_weighting.data.catalog import literal
from dual_weighting.utils.errors import UserError

PATHS = ("train.output_dir", "train.init_checkpoint")  # any unquoted text is a path


def apply_overrides(cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Change `cfg` in place as `overrides` ("a.b=value") say, and return it.

    A key is known when `cfg` has it or when its parent is a lazy call whose callable has a
    parameter of that name. Values are of Hydra's grammar, but `PATHS` are taken as they stand, and
    so is what is to replace words and is no value of the grammar.

    Raises `UserError` for an unknown key, naming the closest known one, and for anything that is
    not `key=value`.
    """
    for text in overrides:
        if text.startswith("-"):
            raise UserError(f"Options such as {text} must stand before the key=value arguments.")
        key, equals, value = text.partition("=")
        if key in PATHS and is_plain(value):
            set_words(cfg, key, value)
            continue
        try:
            override = OverridesParser.create().parse_override(text)
            if override.is_sweep_override():
                raise HydraException
        except HydraException as error:
            if not (equals and takes_words(cfg, key)):
                raise UserError(_malformed(text)) from error
            set_words(cfg, key, value)
            continue
        if override.is_delete() or override.is_add() or not override.key_or_group:
            raise UserError(_malformed(text))
        for key in _leaf_keys(override.key_or_group, override.value()):
            check_key(cfg, key)
        check_kind(cfg, text, override.key_or_group, override.value())
        try:
            LazyConfig.apply_overrides(cfg, [text])
        except (OmegaConfBaseException, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"The override {text!r} does not fit the config: {reason}.") from error
    return cfg


def overridden_keys(overrides: Sequence[str]) -> set[str]:
    """The full keys that `overrides` ("a.b=value") set."""
    keys = set()
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:  # words, see `apply_overrides`
            keys.add(text.partition("=")[0])
            continue
        keys.update(_leaf_keys(override.key_or_group, override.value()))
    return keys


def is_plain(value: str) -> bool:
    """Whether a value is neither null nor in quotes."""
    return value != "null" and not (len(value) > 1 and value[0] in "'\"" and value[-1] == value[0])


def takes_words(cfg: DictConfig, key: str) -> bool:
    """Whether `cfg` has words under `key`."""
    try:
        return isinstance(OmegaConf.select(cfg, key), str)
    except OmegaConfBaseException:  # the key itself is malformed, or it refers to what is not there
        return False


def set_words(cfg: DictConfig, key: str, value: str) -> None:
    """Let `cfg` have the words `value` under `key`; "${...}" in them is an interpolation if it
    refers to something.

    Raises `UserError` for an unknown key.
    """
    check_key(cfg, key)
    try:
        OmegaConf.update(cfg, key, value)
        OmegaConf.select(cfg, key)
    except OmegaConfBaseException:
        OmegaConf.update(cfg, key, literal(value))


def check_key(cfg: DictConfig, key: str) -> None:
    """Raise `UserError` with the closest known key unless `key` ("a.b.c") is known in `cfg`."""
    node = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if part not in _known_names(node):
            raise UserError(
                f"The config has no key {key!r}{_hint(cfg, node, parts, depth)}; "
                "a new key belongs in the config file."
            )
        node = _child(node, part)


def gives_number(node: DictConfig) -> bool:
    """Whether `node` is the lazy call of a function for a number, as the length of an epoch is."""
    target = node.get("_target_")
    target = locate(target) if isinstance(target, str) else target
    return inspect.isfunction(target) and target.__annotations__.get("return") in (int, float)


def check_kind(cfg: DictConfig, text: str, key: str, value: object) -> None:
    """Raise `UserError` when the override `text` gives a number, or some words, to what has
    settings of its own, words to a number, or a number to words."""
    try:
        now = OmegaConf.select(cfg, key)
    except OmegaConfBaseException:  # it refers to what does not exist
        return
    is_words = isinstance(value, str) and "${" not in value
    is_number = isinstance(value, int | float)
    kind = None
    if isinstance(now, DictConfig) and (is_words or (is_number and not gives_number(now))):
        kind = "settings of its own"
    elif isinstance(now, int | float) and is_words:
        kind = f"the number {now}"
    elif isinstance(now, str) and is_number:
        kind = f"words; to give it this as words, write '{key}=\"{value}\"'"
    if kind:
        raise UserError(f"The override {text!r} does not fit: {key} has {kind}.")


def accepts(node: DictConfig, name: str) -> bool:
    """Whether the callable of the lazy call `node` has a parameter called `name`."""
    return name in _parameters(node)


def _malformed(text: str) -> str:
    return (
        f"{text!r} is not of the form key=value, for example train.max_iter=500 "
        "(quote a value with special characters: 'key=\"value\"')."
    )


def _leaf_keys(key: str, value: object) -> Iterator[str]:
    """The full keys that setting `key` to `value` would set."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaf_keys(f"{key}.{name}", inner)
    else:
        yield key


def _parameters(node: object) -> list[str]:
    """Names that the callable of a lazy call takes as keywords; none for other nodes.

    What only a `**kwargs` would take is left out: a slip of the pen would go unnoticed.
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


def _known_names(node: object) -> list[str]:
    if isinstance(node, DictConfig):
        return [str(name) for name in node] + _parameters(node)
    if isinstance(node, ListConfig):
        return [str(index) for index in range(len(node))]
    return []


def _child(node: object, part: str) -> object:
    """The value under `part`, or None where it is only a parameter's name."""
    if isinstance(node, ListConfig):
        return node[int(part)]
    return OmegaConf.select(node, part)


def _hint(cfg: DictConfig, node: object, parts: list[str], depth: int) -> str:
    """Where to look instead: a near name beside the wrong one, else a near full key."""
    names = difflib.get_close_matches(parts[depth], _known_names(node), n=1)
    if names:
        closest = ".".join([*parts[:depth], names[0], *parts[depth + 1 :]])
        return f", the closest is {closest!r}"
    keys = difflib.get_close_matches(".".join(parts), list(_all_keys(cfg)), n=1, cutoff=0.0)
    return f", the closest is {keys[0]!r}" if keys else ""


def _all_keys(node: object, prefix: str = "") -> Iterator[str]:
    if not isinstance(node, DictConfig):
        return
    for name in node:
        if name == "_target_":
            continue
        yield f"{prefix}{name}"
        if not OmegaConf.is_interpolation(node, name):
            yield from _all_keys(node._get_node(name), f"{prefix}{name}.")
