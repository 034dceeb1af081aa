"""What the model hub has of a base, and its refusals in words. Protocol, tokens and resuming are huggingface_hub's."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from t2q.databases.credentials import environment
from t2q.errors import DownloadError
from t2q.fingerprint import place_of_base

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TOKEN = "HF_TOKEN"
WAIT = 10  # seconds for the hub's first answer
# One form of the weights is enough; where there are both, the one that cannot hold code.
WEIGHTS = (
    ("model*.safetensors", "model.safetensors.index.json"),
    ("pytorch_model*.bin", "pytorch_model.bin.index.json"),
)


@dataclass(frozen=True)
class OnHub:
    """The files of a base that are wanted here, with their sizes in bytes, at one commit.

    `weights`: the bytes of those that hold weights. `config`: what config.json says.
    """

    base: str
    commit: str
    sizes: Mapping[str, int]
    weights: int
    config: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())


def look(base: str) -> OnHub:
    """Asks the hub. Raises DownloadError where it has no such base, does not give it, or cannot be reached."""
    _refuse_unknown(base)
    elsewhere = (
        f"run `litgpt download {base}` where there is a network and copy its folder checkpoints/{base} to "
        f"{place_of_base(base).absolute()}"
    )
    with told(base, f"base {base} is not here, and the model hub cannot be reached", elsewhere):
        info = api().model_info(base, files_metadata=True, timeout=WAIT)
        found = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        weights = _weights(found)
        if not weights or "config.json" not in found:
            raise DownloadError(f"base {base} has no {'config.json' if weights else 'weights that LitGPT reads'}")
        commit = info.sha or "main"
        with TemporaryDirectory() as folder:
            path = api().hf_hub_download(base, "config.json", revision=commit, local_dir=folder)
            config = json.loads(Path(path).read_text(encoding="utf-8"))
    wanted = weights | (found.keys() & _others())
    return OnHub(base, commit, {name: found[name] for name in wanted}, sum(found[name] for name in weights), config)


def _weights(names: Iterable[str]) -> set[str]:
    """The files of the first form of weights that is there."""
    forms = ({name for name in names if any(fnmatch(name, pattern) for pattern in form)} for form in WEIGHTS)
    return next(filter(None, forms), set())


def api() -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(token=environment().get(TOKEN) or None)


@contextmanager
def told(base: str, lost: str, then: str) -> Iterator[None]:
    """Puts whatever the hub or the network refuses into one line, as a DownloadError.

    `lost` and `then`: what to say and to advise where it is the network.
    """
    from httpx import TransportError
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        yield
    except GatedRepoError:
        whose = "with the account of that token" if environment().get(TOKEN) else f"and set {TOKEN} to a token of yours"
        raise DownloadError(f"base {base} is gated: accept its terms on its page of the model hub, {whose}") from None
    except RepositoryNotFoundError:
        raise DownloadError(
            f"the model hub shows no base {base}: where it is private, set {TOKEN} to a token that may read it"
        ) from None
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise DownloadError(f"the model hub does not accept {TOKEN} for base {base}: make a new token") from None
        raise DownloadError(f"the model hub refuses base {base}: {_first_line(error)}; try again later") from None
    # RuntimeError: what hf_xet raises, and huggingface_hub where it tries again after it has closed its connections
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, TransportError, RuntimeError) as error:
        raise DownloadError(f"{lost} ({_first_line(error.__cause__ or error)}): {then}") from None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _refuse_unknown(base: str) -> None:
    """Raises DownloadError where LitGPT has no configuration for the base, with the nearest name that it knows."""
    from litgpt.config import configs

    names = [f"{c['hf_config']['org']}/{c['hf_config']['name']}" for c in configs if c.get("hf_config")]
    if base not in names:
        near = difflib.get_close_matches(base, names, n=1)
        raise DownloadError(f"LitGPT knows no base {base}" + (f"; did you mean {near[0]}?" if near else ""))


def _others() -> set[str]:
    """Files beside the weights. LitGPT's own download leaves some of a tokenizer's out."""
    from t2q.conversion.hf import TOKENIZER_FILES

    return {"config.json", "generation_config.json", "chat_template.jinja", *TOKENIZER_FILES}
