"""Export a run as a bundle, a folder or a zip, and prove first that all its forms agree."""

import logging
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.common.atomic_files import (
    require_new,
    scratch_folder,
    sync_folder,
    whole_file,
    write_text,
)
from tasks.common.errors import ExportError, InvalidConfigError, storage_errors
from tasks.common.hashed_files import hashed_files
from tasks.common.records import Record, write_json
from tasks.common.seeds import generator
from tasks.data.text.tokenizer import FIRST_WORD_ID, PAD_ID, SEPARATORS, START_ID, UNKNOWN_ID
from tasks.evaluation.abstention import ABSTENTION
from tasks.inference.bundle import files
from tasks.inference.bundle.litert import litert_network, write_litert
from tasks.inference.bundle.saved_model import saved_model_answers, write_text_graph
from tasks.inference.bundle.small import write_small
from tasks.inference.open_model import model_of_run
from tasks.inference.predictor import Predictor, TrainedModel, prepare_texts
from tasks.model.network import TOLERANCE, Network, keras_network, onnx_form, onnx_network
from tasks.model.onnx_graph import NotFoldableError
from tasks.model.own.onnx_form import made_onnx_form
from tasks.reports.model_card import MODEL_CARD, card_in_bundle
from tasks.runs.find import Run
from tasks.runs.read import VOCABULARY, checked_file

_LOADER_SOURCE = Path(__file__).parent / "templates" / "bundle_predict.py"

_PROBES, _LONGEST_PROBE = 64, 300

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class Bundle(Record):
    """An exported bundle, and the hash of its list of files, by which it is known elsewhere.

    `differences` are the largest differences of probability to Keras, by form, where it holds the
    model exactly; else it is `quantized`.
    """

    path: Path
    run_id: str
    sha256: str
    differences: dict[str, float]
    quantized: files.Quantized | None = None


def export_bundle(run: Run, target: Path, *, litert: bool = False, small: bool = False) -> Bundle:
    """Write the bundle of a run to a new folder, or a file that ends in .zip; whole or absent.

    A `small` one of an n-gram network is quantized. A BadDataError says that a file of the run is
    damaged; an ExportError that the target is there already, that the forms of the model do not
    agree, or that a quantized one cannot be measured; an InvalidConfigError that the network has no
    small bundle; a StorageError that it cannot be written.
    """
    if small and litert:
        raise InvalidConfigError("--small: holds the network once, for NumPy; leave out --litert")
    require_new(target)
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)  # their notices are for TensorFlow's makers
    with storage_errors(target.parent), scratch_folder(target.parent) as folder:
        model = model_of_run(run)
        quantized = write_small(run, model, folder) if small else None
        differences = {} if small else _write_exact(run, model, folder, litert=litert)
        _write_preprocessing(model, folder)
        if small or _has_script(differences):
            shutil.copyfile(_LOADER_SOURCE, folder / files.LOADER)
        listed = files.BundleManifest(
            run_id=run.manifest.run_id,
            versions=run.manifest.versions,
            quantized=quantized,
            files=hashed_files(folder),
        )
        sha256 = listed.write(folder)
        if target.suffix.lower() == ".zip":
            _pack(folder, target)
        else:
            folder.replace(target)
            sync_folder(target.parent)
    return Bundle(
        path=target,
        run_id=listed.run_id,
        sha256=sha256,
        differences=differences,
        quantized=quantized,
    )


def _write_exact(run: Run, model: TrainedModel, folder: Path, *, litert: bool) -> dict[str, float]:
    shutil.copyfile(model.file, folder / files.MODEL)
    shutil.copyfile(checked_file(run, VOCABULARY), folder / files.WORD_INDEX)
    differences = write_forms(model, folder, litert=litert)
    card = checked_file(run, MODEL_CARD).read_text(encoding="utf-8")
    write_text(folder / files.CARD, card_in_bundle(card, has_script=_has_script(differences)))
    return differences


def _has_script(differences: dict[str, float]) -> bool:
    """Return whether `predict.py` can compute one of these forms."""
    return not differences.keys().isdisjoint((files.SAVED_MODEL, files.ONNX))


def _write_preprocessing(model: TrainedModel, folder: Path) -> None:
    preprocessing = files.BundlePreprocessing(
        separators=SEPARATORS,
        pad_id=PAD_ID,
        start_id=START_ID,
        unknown_id=UNKNOWN_ID,
        first_word_id=FIRST_WORD_ID,
        text=model.text,
        label_names=model.label_names,
        cut=model.cut,
    )
    write_json(folder / files.PREPROCESSING, preprocessing)
    write_json(folder / ABSTENTION, model.abstention)


def write_forms(model: TrainedModel, folder: Path, *, litert: bool) -> dict[str, float]:
    """Write all forms of a model, and return by how much their probabilities differ from Keras's.

    An ExportError says that they do not agree.
    """
    texts = _probes(model)

    def asked(network: Network, *, each: bool = False) -> pa.RecordBatch:
        return Predictor(model, network, each).predict(texts)

    forms: dict[str, pa.RecordBatch] = {}
    if model.text.tokenizer == "words":  # TensorFlow has no operations for the others
        write_text_graph(model, folder / files.SAVED_MODEL)
        forms[files.SAVED_MODEL] = saved_model_answers(folder / files.SAVED_MODEL, texts)
    if graph := _onnx_form(model, texts):
        (folder / files.ONNX).write_bytes(graph)
        forms[files.ONNX] = asked(onnx_network(graph))
    if litert:
        write_litert(model, folder / files.LITERT)
        forms[files.LITERT] = asked(litert_network(folder / files.LITERT))
    return _agreeing(asked(keras_network(model.file), each=True), forms)


def _onnx_form(model: TrainedModel, texts: list[str]) -> bytes | None:
    try:
        return onnx_form(model.file)
    except NotFoldableError:
        tokens = prepare_texts(pa.array(texts), model.vocabulary, model.text).tokens
        return made_onnx_form(model.file, tokens)


def _probes(model: TrainedModel) -> list[str]:
    """Return made-up texts of all lengths of the model's own words, and an empty one."""
    random = generator(0, "probes")
    words = [*model.vocabulary.words[: model.text.num_words], "?unknown"]
    lengths = random.integers(1, _LONGEST_PROBE, _PROBES)
    drawn = (random.choice(words, length).tolist() for length in lengths)
    return ["", *map(model.vocabulary.joined, drawn)]


def _agreeing(expected: pa.RecordBatch, forms: dict[str, pa.RecordBatch]) -> dict[str, float]:
    """Return by how much at most each form's probability of its answer differs from Keras's."""
    differences = {name: _difference(expected, found) for name, found in forms.items()}
    wrong = [f"{name} by {value:.2g}" for name, value in differences.items() if value > TOLERANCE]
    if wrong:
        raise ExportError(
            f"the exported forms differ from the trained model: {', '.join(wrong)}, more than"
            f" {TOLERANCE}; nothing was exported: report this, it is a defect"
        )
    return differences


def _difference(expected: pa.RecordBatch, found: pa.RecordBatch) -> float:
    # Of the answer that the form gives: where two labels are as likely, either one is right.
    pairs = zip(expected.to_pylist(), found["label"].to_pylist(), strict=True)
    keras = np.array([row[f"probability of {label}"] for row, label in pairs], np.float32)
    return float(np.abs(found["probability"].to_numpy() - keras).max())


def _pack(folder: Path, target: Path) -> None:
    """Write a folder as a zip; equal folders give equal zips."""
    with (
        whole_file(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
