"""Where a prop stands: matrix_world <-> the numbers that travel with a request."""

from mathutils import Matrix

Numbers = tuple[float, ...]  # Inputs.placement


def numbers_of(matrix: Matrix) -> Numbers:
    """16 of them, row by row."""
    return tuple(float(value) for row in matrix for value in row)


def matrix_of(numbers: Numbers | None) -> Matrix:
    """The inverse; where there are none, what leaves a prop in the training frame."""
    return Matrix.Identity(4) if numbers is None else Matrix([numbers[k : k + 4] for k in range(0, 16, 4)])
