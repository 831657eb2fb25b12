"""Where the recogniser's model is, and what kind of model a folder holds.

It loads nothing and downloads nothing (`vosk_engine.py` and `model_list.py` do). The folder's
form is that of Vosk: `am/`, `conf/`, `graph/` (https://alphacephei.com/vosk/models). libvosk says
little about a wrong folder and may end the process over one, so it is looked at before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asterisk_agi.errors import SpeechError

PACKAGED = Path(__file__).parent / "models" / "en-8k"
"""Our own small telephone model, version 0; `models/ABOUT.rst` says what it may be used for."""

_NEEDED = ("am/final.mdl", "conf/mfcc.conf")
_DYNAMIC_GRAPH = ("graph/HCLr.fst", "graph/Gr.fst")
_STATIC_GRAPH = "graph/HCLG.fst"
_CONF_MAX_BYTES = 65536
"""mfcc.conf has about ten lines."""


@dataclass(frozen=True)
class ModelFolder:
    """What a model's folder says about itself."""

    path: Path
    rate_hz: int
    """The rate of the audio that it was trained on."""
    upsamples: bool
    """It takes audio of a lower rate by itself."""
    dynamic_graph: bool
    """It can be given a grammar."""
    bytes_on_disk: int
    """Sum of its files."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def is_packaged(self) -> bool:
        """Tell whether it is our own model: for development, tests and trial."""
        return self.path.resolve() == PACKAGED.resolve()


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that fetched models are kept in: $XDG_CACHE_HOME/orderline/models."""
    base = environ.get("XDG_CACHE_HOME") or str(_home(environ) / ".cache")
    return Path(base) / "orderline" / "models"


def locate(configured: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the model to be used.

    configured: a folder, or the bare name of a model in the cache; it must exist.
    environ: the process's environment; VOSK_MODEL_PATH names a folder in the same way. None: empty.
    Without either: the only model in the cache, else the packaged one.
    Raises SpeechError, one sentence, when what was named is not there.
    """
    environ = environ or {}
    if configured is not None:
        return _named(configured, "recognizer.model", environ)
    if environ.get("VOSK_MODEL_PATH"):
        return _named(Path(environ["VOSK_MODEL_PATH"]), "VOSK_MODEL_PATH", environ)
    cached = cached_models(environ)
    # With several, none is meant: the configuration has to say which.
    return cached[0] if len(cached) == 1 else PACKAGED


def cached_models(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the folders of the models that were fetched by us, by name."""
    folder = cache_folder(environ)
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if _is_model(path)))


def describe(path: Path) -> ModelFolder:
    """Read what kind of model a folder holds.

    Raises SpeechError, one sentence, when it holds none.
    """
    missing = [name for name in _NEEDED if not (path / name).is_file()]
    dynamic = all((path / name).is_file() for name in _DYNAMIC_GRAPH)
    if not dynamic and not (path / _STATIC_GRAPH).is_file():
        missing.append(" and ".join(_DYNAMIC_GRAPH))
    if missing:
        raise SpeechError(f"{path} is no Vosk model: it has no {', no '.join(missing)}")
    options = _options(path / "conf" / "mfcc.conf")
    return ModelFolder(
        path=path,
        rate_hz=_rate_hz(path, options),
        upsamples=options.get("allow-upsample") == "true",
        dynamic_graph=dynamic,
        bytes_on_disk=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
    )


def _named(named: Path, where: str, environ: Mapping[str, str]) -> Path:
    folders = [named.expanduser()]
    if len(named.parts) == 1:
        home = _home(environ)
        folders += [cache_folder(environ) / named, home / ".cache" / "vosk" / named]
    for folder in folders:
        if folder.is_dir():
            return folder
    looked = ", ".join(str(folder) for folder in folders)
    raise SpeechError(f"{where} names a model that is not there: looked for {looked}")


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _is_model(path: Path) -> bool:
    return all((path / name).is_file() for name in _NEEDED)


def _options(path: Path) -> dict[str, str]:
    """Return Kaldi's `--name=value` lines; `#` begins a comment, a bare `--name` is true."""
    options = {}
    with path.open("rb") as file:
        text = file.read(_CONF_MAX_BYTES).decode("utf-8", "replace")
    for line in text.splitlines():
        name, _, value = line.partition("#")[0].strip().partition("=")
        if name.startswith("--"):
            options[name[2:].strip()] = value.strip() or "true"
    return options


def _rate_hz(path: Path, options: Mapping[str, str]) -> int:
    # Kaldi's default, for models whose conf leaves it out.
    text = options.get("sample-frequency", "16000")
    try:
        return int(float(text))
    except ValueError:
        raise SpeechError(f"{path}/conf/mfcc.conf: sample-frequency is {text!r}") from None
