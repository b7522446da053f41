"""Keep the code of a user's network in the `.keras` file of the network, beside its layers."""

import zipfile
from pathlib import Path

from tasks.common.atomic_files import write_text
from tasks.common.canonical_json import readable_json
from tasks.common.errors import BadDataError, refusing_damage
from tasks.common.records import sealed, unsealed
from tasks.config.training import NetworkConfig, OwnNetworkConfig
from tasks.model.keras_archive import OWN_CODE
from tasks.model.own.code import NetworkCode
from tasks.model.own.trust import require_trusted

_MOST_BYTES = 1 << 24
_DATE = (1980, 1, 1, 0, 0, 0)


def add_code(model_file: Path, code: NetworkCode) -> None:
    """Add the code to a file that has none; Keras passes over what it does not know."""
    content = readable_json(sealed(code))
    with zipfile.ZipFile(model_file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(OWN_CODE, _DATE), content, zipfile.ZIP_DEFLATED)


def network_of_model(network: NetworkConfig, model_file: Path, folder: Path) -> NetworkConfig:
    """Return the config of a trained network, a user's own with its code as it was then.

    That code is written below `folder`. A NetworkError says that nobody trusts it here.
    """
    if not isinstance(network, OwnNetworkConfig):
        return network
    code = code_in(model_file)
    if code is None:
        raise BadDataError(f"{model_file} is damaged: it has no code; train it again")
    require_trusted(code, model_file)
    for path, text in code.files.items():
        write_text(folder / "network" / path, text)
    place = folder / "network" / next(iter(code.files))
    return network.model_copy(update={"network": f"{place}:{code.function}"})


def code_in(model_file: Path) -> NetworkCode | None:
    """Return the code in a `.keras` file, None where it has none; nothing of it is run.

    A BadDataError says that the file is damaged.
    """
    with (
        refusing_damage(model_file, "get the file again"),
        zipfile.ZipFile(model_file) as archive,
    ):
        if OWN_CODE not in archive.namelist():
            return None
        if archive.getinfo(OWN_CODE).file_size > _MOST_BYTES:
            raise ValueError(f"{OWN_CODE} has more than {_MOST_BYTES:,} bytes")
        return unsealed(NetworkCode, archive.read(OWN_CODE))
