"""Fewer triangles, and still a closed surface."""

from __future__ import annotations

import fast_simplification
import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

Points = npt.NDArray[np.float64]
Triangles = npt.NDArray[np.int64]

TARGETS = (1.0, 0.97, 0.94, 0.91)  # shares of the budget, one after the other until the surface is closed


def decimated(vertices: Points, triangles: Triangles, target: int) -> tuple[Points, Triangles]:
    """At most about ``target`` triangles: edge collapses with the least quadric error (Garland and Heckbert 1997).

    fast_simplification does not look whether a collapse makes two sheets of the surface touch, so that is undone.
    Where that cannot be (one of ten crumpled surfaces at a hundredth of its triangles), another target is tried.
    """
    if len(triangles) <= target:
        return vertices, triangles
    for share in TARGETS:
        points, faces = fast_simplification.simplify(vertices, triangles, target_count=int(share * target))[:2]
        result = untangled(np.asarray(points, dtype=np.float64), np.asarray(faces, dtype=np.int64))
        if is_closed(result[1]):
            break
    return result


def untangled(vertices: Points, triangles: Triangles) -> tuple[Points, Triangles]:
    """A closed mesh without triangles back to back, its sheets parted where they touch in an edge or a vertex.

    Unused vertices are dropped.
    """
    triangles = _without_flaps(triangles)
    origin, triangles = _parted(triangles)
    used, renumbered = np.unique(triangles, return_inverse=True)
    return vertices[origin[used]], renumbered.reshape(triangles.shape)


def is_closed(triangles: Triangles) -> bool:
    """True when every edge belongs to two triangles, once in each direction."""
    starts, ends = _half_edges(triangles)
    size = int(triangles.max(initial=0)) + 1
    forward, backward = starts * size + ends, ends * size + starts
    unique = np.unique(forward)
    return len(unique) == len(forward) and bool(np.isin(backward, unique, assume_unique=True).all())


def _half_edges(triangles: Triangles) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """[3 T] first and second vertex of the directed edges; entry 3 t + k runs from corner k of triangle t."""
    return triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()


def _without_flaps(triangles: Triangles) -> Triangles:
    """The triangles without those that share all three vertices with another one."""
    _, inverse, counts = np.unique(np.sort(triangles, axis=1), axis=0, return_inverse=True, return_counts=True)
    return np.asarray(triangles[counts[inverse.ravel()] == 1])


def _parted(triangles: Triangles) -> tuple[npt.NDArray[np.int64], Triangles]:
    """Triangles in which each fan around a vertex has that vertex to itself, and the old number of each new vertex.

    Corners at a vertex belong to one fan when their triangles are glued along an edge. An edge with two triangles
    glues them. One with four glues those two and two that are ends of one fan around the edge's lower vertex.
    """
    starts, ends = _half_edges(triangles)
    edges = np.sort(np.stack([starts, ends], axis=1), axis=1)
    _, edge, counts = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    edge = edge.ravel()
    corner = np.arange(len(starts))
    following = corner - corner % 3 + (corner + 1) % 3  # the corner where each directed edge ends
    simple = corner[counts[edge] == 2]
    fan = _fans(_glued(simple, starts, ends, edge, edge), following)
    lower = fan[np.where(starts < ends, corner, following)]
    fan = _fans(_glued(corner, starts, ends, edge, lower), following)
    _, first = np.unique(fan, return_index=True)
    return starts[first], fan.reshape(triangles.shape)


def _glued(
    chosen: npt.NDArray[np.int64],  # directed edges
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    edge: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """[P, 2] pairs of opposite directed edges of the same edge, in the order of their rank."""
    ordered = chosen[np.lexsort((rank[chosen], edge[chosen]))]
    rising = starts[ordered] < ends[ordered]
    there, back = ordered[rising], ordered[~rising]
    if len(there) != len(back) or (edge[there] != edge[back]).any():
        return np.empty((0, 2), dtype=np.int64)  # the surface is not closed: there is nothing to keep closed
    return np.stack([there, back], axis=1)


def _fans(pairs: npt.NDArray[np.int64], following: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """[3 T] number of the fan of each corner, when the triangles are glued along pairs [P, 2] of directed edges."""
    rows = np.concatenate([pairs[:, 0], following[pairs[:, 0]]])
    columns = np.concatenate([following[pairs[:, 1]], pairs[:, 1]])
    size = (len(following), len(following))
    graph = scipy.sparse.coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=size)
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
