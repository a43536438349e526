"""Where a prop stands: matrix_world <-> the numbers that travel with a request, and what is under the mouse."""

import bpy
from mathutils import Matrix, Vector

SHALLOW = 0.1  # sine of the angle below which a view sees the ground too obliquely to put something on it
Numbers = tuple[float, ...]  # Inputs.placement


def numbers_of(matrix: Matrix) -> Numbers:
    """16 of them, row by row."""
    return tuple(float(value) for row in matrix for value in row)


def matrix_of(numbers: Numbers | None) -> Matrix:
    """The inverse; where there are none, what leaves a prop in the training frame."""
    return Matrix.Identity(4) if numbers is None else Matrix([numbers[k : k + 4] for k in range(0, 16, 4)])


def point_under(context: bpy.types.Context, x: float, y: float) -> Vector:
    """The point of the world under a pixel of a 3D viewport's region: of a surface, else of the ground, else, in views
    along it, at the depth of the 3D cursor. Outside of a viewport the world's origin."""
    region, view = context.region, context.region_data
    if region is None or view is None:
        return Vector((0, 0, 0))
    across, up = 2 * x / region.width - 1, 2 * y / region.height - 1
    inverse = view.perspective_matrix.inverted()
    near, far = (inverse @ Vector((across, up, depth, 1)) for depth in (-1, 1))
    near, far = near.xyz / near.w, far.xyz / far.w
    direction = (far - near).normalized()
    met, where, *_ = context.scene.ray_cast(
        context.evaluated_depsgraph_get(), near, direction, distance=(far - near).length
    )
    if met:
        return where
    if abs(direction.z) > SHALLOW and near.z / -direction.z > 0:
        return near - direction * (near.z / direction.z)
    ahead = -view.view_matrix.row[2].xyz  # the depth is measured along the view, not along the ray
    depth = (context.scene.cursor.location - near).dot(ahead) / direction.dot(ahead)
    return near + direction * depth
