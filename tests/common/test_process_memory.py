"""Where a process keeps its memory, in processes of their own: the settings last for a life."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tasks.data.review_files import write_parquet
from tests.support.review_samples import review_batch

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def run(program: str, **environment: str) -> list[float]:
    """Return the numbers that a program prints."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [float(number) for number in child.stdout.split()]


@ON_LINUX
def test_what_arrow_has_freed_goes_back_to_the_system() -> None:
    before, freed, given_back = run(
        """
        import os
        from benchmarks.paired import tree_bytes
        from tasks.common.process_memory import give_back_memory, keep_memory_together
        keep_memory_together()
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        def resident_mib():
            return tree_bytes(os.getpid()) / 2**20
        def texts():
            return pc.cast(pa.array(np.arange(60_000)), pa.string())
        texts()  # loads what the casting needs
        give_back_memory()
        print(resident_mib())
        kept = [(texts(), pa.array(range(10))) for _ in range(60)]
        # The small ones stay, so that the end of the heap is in use.
        kept = [small for _, small in kept]
        print(resident_mib())
        give_back_memory()
        print(resident_mib())
        """
    )
    assert freed > before + 25
    assert given_back < before + (freed - before) / 4


@pytest.mark.parametrize("chosen", [{}, {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}])
def test_arrow_shares_the_heap_unless_the_user_says_otherwise(chosen: dict[str, str]) -> None:
    program = """
        from tasks.common.process_memory import keep_memory_together
        keep_memory_together()
        import pyarrow as pa
        print(int(pa.default_memory_pool().backend_name == "system"))
    """
    assert run(program, **chosen) == [float(not chosen)]


@ON_LINUX
@pytest.mark.parametrize("environment", [{}, {"MALLOC_ARENA_MAX": "8"}])
def test_threads_share_one_heap_unless_the_user_says_otherwise(environment: dict[str, str]) -> None:
    program = """
        import ctypes, threading
        from tasks.common.process_memory import keep_memory_together
        keep_memory_together()
        libc = ctypes.CDLL(None)
        libc.malloc.restype = ctypes.c_void_p
        ended, places = threading.Barrier(5), []
        def take():
            places.append(libc.malloc(4000))
            ended.wait()
        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        take()
        # A heap of a thread's own begins at a multiple of 64 MiB; the first one is elsewhere.
        print(len({place >> 26 for place in places}))
    """
    (heaps,) = run(program, **environment)
    assert (heaps == 1) is not bool(environment)


@ON_LINUX
def test_reading_a_dataset_leaves_large_pieces_of_memory_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "reviews.parquet"
    write_parquet(path, [review_batch([[1, 2, 3]] * 20)], {}, 8)
    (faults,) = run(
        f"""
        import resource
        from pathlib import Path
        from tasks.config.training import FitConfig
        from tasks.training.datasets import shuffled_dataset
        fit = FitConfig(shuffle_buffer=20, batch_size=8)
        dataset = shuffled_dataset(Path({str(path)!r}), fit, 0, 0)
        assert len(next(dataset.as_numpy_iterator())[0]) == 8
        import numpy as np
        def fill():
            np.ones(2**20, np.float32)
        fill()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(100):
            fill()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        """
    )
    assert faults < 20_000  # mapped again each time, 4 MiB are a thousand pages


def test_what_is_imported_is_searched_for_garbage_no_more_but_models_are() -> None:
    during, imported, with_models = run(
        """
        import gc, sys
        from tasks.common.process_memory import without_collection
        with without_collection():
            print(int(gc.isenabled()))
        print(gc.get_freeze_count())
        gc.unfreeze()
        sys.modules["keras"] = object()
        with without_collection():
            pass
        print(gc.get_freeze_count() + int(not gc.isenabled()))
        """
    )
    assert during == 0
    assert imported > 1000
    assert with_models == 0


def test_keras_is_searched_for_garbage_no_more_but_models_are() -> None:
    frozen, searched, freed = run(
        """
        import gc, weakref
        from tasks.common.device import start_tensorflow
        from tasks.common.process_memory import give_back_memory
        start_tensorflow()
        print(gc.get_freeze_count())
        import keras
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        gone = weakref.ref(model.layers[0])
        del model
        give_back_memory()
        print(len(gc.get_objects()))
        print(int(gone() is None))
        """
    )
    assert frozen > 100_000
    assert searched < frozen / 2
    assert freed == 1
