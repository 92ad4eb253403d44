"""Which kind of data is it? Arrays stay arrays, and what is larger than memory becomes a source."""

import os
import sys
from math import prod
from typing import Any

import numpy as np

from mlp.data.frames import Columns, PandasColumns, PolarsColumns, columns_of, inputs_of, is_names
from mlp.data.rows import Reader, is_mapped, is_sliced, is_sparse, reader_of
from mlp.data.tables import ParquetFiles, ParquetRows
from mlp.data.windows import WINDOW
from mlp.errors import ArgumentError, MissingFileError

SUFFIXES = ".parquet", ".pq"
Parts = tuple[Any, Any, Any]  # inputs, targets and weights


def resolve(x: Any, y: Any, sample_weight: Any, dtype: Any = "float32") -> Parts:
    """What was given as x, y and sample_weight, as arrays or, if `RowsData` is to read them, as readers.

    Memory maps, sparse matrices, what has slices (h5py, zarr, dask) and Parquet become readers if one of the
    three is larger than 32 MB in the model's type; smaller ones are loaded, and give the same bits as arrays.
    Frames and tables of Arrow become arrays. What is nothing of all these comes back as it was.

    Parameters
    ----------
    x, y, sample_weight : object
        As `fit` has them. Where x has columns with names, y and sample_weight may be such names, and x is
        then all other columns of numbers.
    dtype : numpy.dtype or str, default "float32"

    Returns
    -------
    tuple (x, y, sample_weight)
        See `needs_windows`.

    Raises
    ------
    ArgumentError
        If a column is not there or holds no numbers.
    DataError, MissingFileError, MissingPackageError
        If Parquet cannot be read.

    Examples
    --------
    >>> import scipy.sparse
    >>> resolve(scipy.sparse.eye_array(2), [0, 1], None)[0]
    array([[1., 0.],
           [0., 1.]])
    >>> resolve(scipy.sparse.csr_array((1 << 20, 9)), None, None)[0].shape
    (1048576, 9)
    """
    if _is_in_memory(x) and _is_in_memory(y) and _is_in_memory(sample_weight):
        return x, y, sample_weight
    x, y, sample_weight = by_name(x, y, sample_weight)
    parts = {"x": x, "y": y, "sample_weight": sample_weight}
    readers = {name: reader_of(part, name) for name, part in parts.items() if is_read(part)}
    size = np.dtype(dtype).itemsize
    if not any(len(reader) * prod(reader.shape[1:]) * size > WINDOW for reader in readers.values()):
        for name, reader in readers.items():
            parts[name] = reader.read(0, len(reader))
            reader.close()
    else:
        parts |= readers
    return parts["x"], parts["y"], parts["sample_weight"]


def _is_in_memory(part: Any) -> bool:
    # for the most frequent kinds at once: every `evaluate` asks
    if type(part) is np.ndarray:
        return part.base is None or (type(part.base) is np.ndarray and part.base.base is None)
    return part is None


def is_read(value: Any) -> bool:
    """Whether something is read by the piece if it is large."""
    return isinstance(value, Reader) or is_mapped(value) or is_sparse(value) or is_sliced(value)


def by_name(x: Any, y: Any, sample_weight: Any) -> Parts:
    """Inputs, targets and weights of a table: arrays, or readers of Parquet; anything else as it was."""
    files = parquet_of(x)
    table = columns_of(x) if files is None else files
    names = [part for part in (y, sample_weight) if is_names(part)]
    if isinstance(table, PandasColumns | PolarsColumns) and not names and not all(table.numeric):
        table = None  # pandas may have numbers in columns of objects; what is none is an error later
    if table is None:
        return x, *(values_of(part, name) for part, name in ((y, "y"), (sample_weight, "sample_weight")))
    inputs = inputs_of(table.kinds, table.numeric, names)
    return _part(table, inputs, "x"), _part(table, y, "y"), _part(table, sample_weight, "sample_weight")


def _part(table: ParquetFiles | Columns, names: Any, argument: str) -> Any:
    if not is_names(names):
        return values_of(names, argument)
    names = names if isinstance(names, str) else list(names)
    return table.read(names, argument) if isinstance(table, Columns) else ParquetRows(table, names, argument)


def values_of(value: Any, argument: str) -> Any:
    """A frame or table whose columns all hold numbers as an array; anything else as it was."""
    columns = columns_of(value)
    if columns is None or not all(columns.numeric):
        return value
    return columns.read([name for name, _ in columns.kinds], argument)


def parquet_of(value: Any) -> ParquetFiles | None:
    """The files that paths, a `ParquetFile` or a data set of Arrow stand for; None for anything else.

    Raises
    ------
    ArgumentError
        If a data set is not of Parquet files alone, or a path is of another kind of file.
    MissingFileError
        If there is no Parquet in a folder.
    """
    if isinstance(value, str | os.PathLike):
        if os.path.isdir(value):
            return ParquetFiles(_files_in(os.fspath(value)))
        if not os.fspath(value).endswith(SUFFIXES):
            raise ArgumentError(
                f"x is the text {str(value)!r}; expected an array of numbers, or the path of a folder or of "
                "a file that ends in .parquet or .pq. Read tables of other kinds by pandas or Polars"
            )
        return ParquetFiles([value])
    if isinstance(value, list | tuple) and value and all(isinstance(v, str | os.PathLike) for v in value):
        return ParquetFiles(value) if all(os.fspath(v).endswith(SUFFIXES) for v in value) else None
    parquet, dataset = sys.modules.get("pyarrow.parquet"), sys.modules.get("pyarrow.dataset")
    if parquet is not None and isinstance(value, parquet.ParquetFile):
        return ParquetFiles([value])
    if dataset is not None and isinstance(value, dataset.Dataset):
        return _files_of(value, dataset)
    return None


def _files_in(folder: str) -> list[str]:
    hidden = "_", "."  # as of what Spark leaves beside its files
    found = sorted(
        os.path.join(inner, name)
        for inner, _, names in os.walk(folder)
        for name in names
        if name.endswith(SUFFIXES) and not name.startswith(hidden)
    )
    if not found:
        raise MissingFileError(f"there is no Parquet file, *.parquet, in the folder {folder!r}")
    return found


def _files_of(value: Any, dataset: Any) -> ParquetFiles:
    plain = isinstance(value, dataset.FileSystemDataset) and isinstance(
        value.format, dataset.ParquetFileFormat
    )
    if not plain or getattr(value, "_scan_options", None):
        raise ArgumentError(
            f"x is a {type(value).__name__} of Arrow; expected one of Parquet files, without a filter. Write "
            "what it gives by pyarrow.dataset.write_dataset(x, folder, format='parquet') and give the folder "
            "or, if it fits in memory, give x.to_table()"
        )
    files = ParquetFiles(value.files, value.filesystem)
    if missing := sorted(set(value.schema.names) - set(files.schema.names)):
        raise ArgumentError(
            f"x is a data set of Arrow whose columns {missing} stand in the names of its folders and not in "
            "its files; open it without partitioning"
        )
    return files
