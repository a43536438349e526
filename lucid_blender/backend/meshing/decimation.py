"""Fewer triangles, and still a closed surface."""

from __future__ import annotations

import fast_simplification
import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

Points = npt.NDArray[np.float64]
Triangles = npt.NDArray[np.int64]


def decimated(vertices: Points, triangles: Triangles, target: int) -> tuple[Points, Triangles]:
    """At most about ``target`` triangles: edge collapses with the least quadric error (Garland and Heckbert 1997).

    fast_simplification does not look whether a collapse makes two sheets of the surface touch, so that is undone.
    """
    if len(triangles) <= target:
        return vertices, triangles
    points, faces = fast_simplification.simplify(vertices, triangles, target_count=target)[:2]
    return untangled(np.asarray(points, dtype=np.float64), np.asarray(faces, dtype=np.int64))


def untangled(vertices: Points, triangles: Triangles) -> tuple[Points, Triangles]:
    """The mesh without pairs of triangles back to back, its sheets parted where they touch in an edge or a vertex.

    Unused vertices are dropped. A mesh in which more than two triangles meet again after that stays as it was.
    """
    triangles = _without_flaps(triangles)
    parted = _parted(triangles)
    if is_closed(triangles) or is_closed(parted[1]):
        origin, triangles = parted
        vertices = vertices[origin]
    used, renumbered = np.unique(triangles, return_inverse=True)
    return vertices[used], renumbered.reshape(triangles.shape)


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

    Corners at a vertex belong to one fan when their triangles share an edge that no third triangle has.
    """
    starts, ends = _half_edges(triangles)
    edges = np.sort(np.stack([starts, ends], axis=1), axis=1)
    _, edge, counts = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(edge.ravel(), kind="stable")
    pairs = order[(counts[edge.ravel()] == 2)[order]].reshape(-1, 2)  # the two directed edges of each simple edge
    pairs = pairs[starts[pairs[:, 0]] == ends[pairs[:, 1]]]  # run in opposite directions, as neighbours do
    following = pairs - pairs % 3 + (pairs + 1) % 3  # the corner where each directed edge ends
    rows = np.concatenate([pairs[:, 0], following[:, 0]])
    columns = np.concatenate([following[:, 1], pairs[:, 1]])
    corners = len(starts)
    graph = scipy.sparse.coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(corners, corners))
    _, fan = connected_components(graph, directed=False)
    _, first = np.unique(fan, return_index=True)
    return starts[first], fan.astype(np.int64).reshape(triangles.shape)
