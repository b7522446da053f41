"""Whether a kept result is whole: its record, what Prefect wrote of it, and its files."""

import json

from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.common.canonical_json import canonical_json


def result_faults(store: ArtifactStore, key: str) -> list[str]:
    """Return why the recorded result with this key cannot be used; nothing where it can."""
    result = store.results.absolute() / key
    try:
        output = store.result(key)
        if _value(result.read_bytes()) == _value(as_prefect_writes(output)):
            return store.faults(output)
    except (LookupError, OSError) as error:
        return [str(error)]
    except (ValueError, RecursionError):  # it is no JSON
        pass
    return [f"{result} is damaged"]


def as_prefect_writes(output: StepOutput) -> bytes:
    """Return what Prefect's JSON serializer makes of the result of a step."""
    name = f"{StepOutput.__module__}.{StepOutput.__qualname__}"
    return json.dumps({"__class__": name, "data": output.model_dump(mode="json")}).encode()


def _value(text: bytes) -> str:
    """Return a JSON value in one text, with numbers as they are written."""
    return canonical_json(json.loads(text, parse_float=str))
