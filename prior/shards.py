"""Numbered files of training data, made by several processes; those that are there already stay."""

import argparse
import multiprocessing
from collections.abc import Callable
from pathlib import Path


def command(
    description: str | None,
    make: Callable[[int, Path], None],  # writes a number's file into a folder, whole or not at all
    name: str,  # of the file, with {number}
    *,
    size: int,  # entries of a shard
    count: int,  # entries, unless another count is asked for
    folder: Path,
) -> None:
    """The command line that makes them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=count, help=f"in all, in shards of {size}")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=folder)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    wanted = range(-(-arguments.count // size))
    jobs = [(n, arguments.folder) for n in wanted if not (arguments.folder / name.format(number=n)).exists()]
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        pool.starmap(make, jobs, chunksize=1)
