"""The shaders: one draws splats into a layer in display space, another lays the layer over the viewport; the third
draws the picture in a corner.

The projection is the rasterizers' (``backend/rasterizers/contract.py``): covariance B B^T + 0.3 pixels^2 with
B = J R S, where J is the slope of the projection at the centre, kept as it is from 1.3 half pictures off the axis on;
alpha = opacity exp(-d^2 / 2), at most 0.99, nothing below 1/255.
"""

import math
from functools import cache

import gpu

from ..core.splats import SH_DC
from .packing import HARMONIC_TEXELS, WIDTH

BLOCK = 256  # splats an instance: one alone leaves most of the lanes that shade vertices together idle
LOW_PASS = 0.3  # square pixels
FROZEN = 1.3  # half pictures from the middle
ALPHA_MAX = 0.99
GAMMA = 2.2  # Blender lays overlays over the scene in powers of this, whatever the view transform (measured)

_COMMON = f"""
ivec2 texel(int index)
{{
  return ivec2(index % {WIDTH}, index / {WIDTH});
}}
"""

_HARMONICS = """
vec3 four(int first, vec4 weights)
{
  vec4 a = texelFetch(splatHarmonics, texel(first), 0);
  vec4 b = texelFetch(splatHarmonics, texel(first + 1), 0);
  vec4 c = texelFetch(splatHarmonics, texel(first + 2), 0);
  return weights.x * a.xyz + weights.y * vec3(a.w, b.xy) + weights.z * vec3(b.zw, c.x) + weights.w * c.yzw;
}
"""


def _seen(degree: int) -> str:
    """The function that adds what depends on the direction, in the order and with the signs of splat files."""
    if degree == 0:
        return "vec3 seen(int splat, vec3 place) { return vec3(0.0); }"
    pi = math.pi
    one, two = math.sqrt(3 / (4 * pi)), math.sqrt(15 / (4 * pi))
    zonal, high = math.sqrt(5 / (16 * pi)), math.sqrt(35 / (32 * pi))
    middle, low, zonal_3 = math.sqrt(105 / (4 * pi)), math.sqrt(21 / (32 * pi)), math.sqrt(7 / (16 * pi))
    groups = [
        f"vec4({-one} * d.y, {one} * d.z, {-one} * d.x, {two} * d.x * d.y)",
        f"vec4({-two} * d.y * d.z, {zonal} * (2.0 * q.z - q.x - q.y), {-two} * d.x * d.z, {two / 2} * (q.x - q.y))",
        f"vec4({-high} * d.y * (3.0 * q.x - q.y), {middle} * d.x * d.y * d.z,"
        f" {-low} * d.y * (4.0 * q.z - q.x - q.y), {zonal_3} * d.z * (2.0 * q.z - 3.0 * q.x - 3.0 * q.y))",
        f"vec4({-low} * d.x * (4.0 * q.z - q.x - q.y), {middle / 2} * d.z * (q.x - q.y),"
        f" {-high} * d.x * (q.x - 3.0 * q.y), 0.0)",
    ][: (1, 2, 4)[degree - 1]]
    # The texels' last coefficient of degree 1 is 0, so that the weight beside it says nothing.
    terms = " + ".join(f"four(first + {3 * k}, {group})" for k, group in enumerate(groups))
    return (
        f"{_HARMONICS}\nvec3 seen(int splat, vec3 place)\n{{\n"
        "  vec3 d = lucidEye.w > 0.0 ? normalize(place - lucidEye.xyz) : lucidEye.xyz;\n"
        f"  vec3 q = d * d;\n  int first = splat * {HARMONIC_TEXELS[degree]};\n  return {terms};\n}}\n"
    )


_SPLAT = f"""
void main()
{{
  spot = vec2(0.0);
  paint = vec4(0.0);
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0); /* Nowhere. */
  int number = gl_InstanceID * {BLOCK} + gl_VertexID / 3;
  if (number >= lucidCount) {{
    return;
  }}
  int splat = int(texelFetch(splatOrder, texel(lucidFirst + number), 0).r + 0.5);
  vec3 place = texelFetch(splatPositions, texel(splat), 0).xyz;
  vec4 base = texelFetch(splatBase, texel(splat), 0);
  vec4 clip = lucidToClip * vec4(place, 1.0);
  float reach = sqrt(max(2.0 * log(255.0 * base.a), 0.0));
  if (!(clip.w > 0.0 && abs(clip.z) <= clip.w && reach > 0.0)) {{
    return;
  }}
  vec2 centre = clip.xy / clip.w;
  vec2 frozen = clamp(centre, vec2(-{FROZEN}), vec2({FROZEN}));
  vec3 row_x = vec3(lucidToClip[0].x, lucidToClip[1].x, lucidToClip[2].x);
  vec3 row_y = vec3(lucidToClip[0].y, lucidToClip[1].y, lucidToClip[2].y);
  vec3 row_w = vec3(lucidToClip[0].w, lucidToClip[1].w, lucidToClip[2].w);
  vec4 q = texelFetch(splatRotations, texel(splat), 0);
  q *= inversesqrt(max(dot(q, q), 1e-30));
  vec3 side = texelFetch(splatScales, texel(splat), 0).xyz;
  mat3 turned = mat3(
      1.0 - 2.0 * (q.z * q.z + q.w * q.w), 2.0 * (q.y * q.z + q.x * q.w), 2.0 * (q.y * q.w - q.x * q.z),
      2.0 * (q.y * q.z - q.x * q.w), 1.0 - 2.0 * (q.y * q.y + q.w * q.w), 2.0 * (q.z * q.w + q.x * q.y),
      2.0 * (q.y * q.w + q.x * q.z), 2.0 * (q.z * q.w - q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z));
  vec3 b_x = ((row_x - frozen.x * row_w) * turned) * side * (lucidHalf.x / clip.w);
  vec3 b_y = ((row_y - frozen.y * row_w) * turned) * side * (lucidHalf.y / clip.w);

  /* Half axes of the ellipse; the determinant as a sum of squares keeps its digits for needles. */
  float xx = dot(b_x, b_x), xy = dot(b_x, b_y), yy = dot(b_y, b_y);
  vec3 across = cross(b_x, b_y);
  float determinant = dot(across, across) + {LOW_PASS} * (xx + yy + {LOW_PASS});
  float gap = length(vec2(0.5 * (xx - yy), xy));
  float longest = 0.5 * (xx + yy) + {LOW_PASS} + gap;
  float shortest = determinant / longest;
  vec2 along = xx >= yy ? vec2(0.5 * (xx - yy) + gap, xy) : vec2(xy, 0.5 * (yy - xx) + gap);
  along = gap > 0.0 ? normalize(along) : vec2(1.0, 0.0);
  spot = corner * reach;
  vec2 offset = spot.x * sqrt(longest) * along + spot.y * sqrt(shortest) * vec2(-along.y, along.x);
  vec2 on_screen = centre + offset / lucidHalf;
  vec3 color = {SH_DC} * base.rgb + 0.5 + seen(splat, place);
  paint = vec4(max(color, vec3(0.0)), base.a);
  gl_Position = vec4(on_screen * lucidCrop.xy + lucidCrop.zw, clip.z / clip.w, 1.0);
}}
"""

_PAINT = f"""
void main()
{{
  float alpha = min(paint.a * exp(-0.5 * dot(spot, spot)), {ALPHA_MAX});
  if (alpha < 1.0 / 255.0) {{
    discard;
  }}
  fragColor = vec4(paint.rgb * alpha, alpha);
}}
"""

_COVER = """
void main()
{
  place = corner;
  gl_Position = vec4(mix(lucidPart.xy, lucidPart.zw, corner), 0.0, 1.0);
}
"""

# Blender shows ((1 - alpha) scene^gamma + what is written here)^(1 / gamma). What should be shown is, in display space,
# layer + (1 - coverage) scene. Both agree where the scene is the viewport's background; over anything else the layer's
# soft edges are mixed in light, as all overlays are.
_LAY_OVER = f"""
void main()
{{
  vec2 size = vec2(textureSize(splatLayer, 0));
  vec4 layer = texelFetch(splatLayer, ivec2(place * size), 0);
  if (layer.a <= 0.0) {{
    discard;
  }}
  vec3 behind = max(lucidBackground, vec3(0.001));
  vec3 shown = min(layer.rgb + (1.0 - layer.a) * behind, vec3(1.0));
  vec3 light = pow(shown, vec3({GAMMA}));
  vec3 share = light / pow(behind, vec3({GAMMA}));
  float kept = min(1.0 - layer.a, min(share.x, min(share.y, share.z)));
  fragColor = vec4(max(light - kept * pow(behind, vec3({GAMMA})), vec3(0.0)), 1.0 - kept);
}}
"""

# Four samples a pixel, so that a picture four times as large as it is shown loses no pixel.
_CARD = f"""
void main()
{{
  vec2 at = place * lucidCard.xy;
  vec2 edge = min(at, lucidCard.xy - at);
  vec2 inside = (at - lucidPicture.xy) / lucidPicture.zw;
  vec2 aside = 0.25 / lucidPicture.zw;
  vec3 shown = lucidFill;
  if (min(edge.x, edge.y) < lucidCard.z) {{
    shown = lucidLine;
  }}
  else if (min(inside.x, inside.y) >= 0.0 && max(inside.x, inside.y) <= 1.0) {{
    shown = 0.25 * (texture(seenPicture, inside - aside).rgb + texture(seenPicture, inside + aside).rgb +
                    texture(seenPicture, inside + vec2(aside.x, -aside.y)).rgb +
                    texture(seenPicture, inside + vec2(-aside.x, aside.y)).rgb);
  }}
  fragColor = vec4(pow(shown, vec3({GAMMA})), 1.0);
}}
"""


@cache
def splat_shader(degree: int) -> gpu.types.GPUShader:
    """Draws instances of BLOCK triangles around the unit circle, one triangle a splat, with harmonics up to the
    degree."""
    between = gpu.types.GPUStageInterfaceInfo("lucid_splat")
    between.smooth("VEC2", "spot")
    between.flat("VEC4", "paint")
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC2", "corner")
    info.push_constant("MAT4", "lucidToClip")
    if degree:
        info.push_constant("VEC4", "lucidEye")
    info.push_constant("VEC4", "lucidCrop")
    info.push_constant("VEC2", "lucidHalf")
    info.push_constant("INT", "lucidFirst")
    info.push_constant("INT", "lucidCount")
    names = ["splatOrder", "splatPositions", "splatScales", "splatRotations", "splatBase"]
    for slot, name in enumerate([*names, "splatHarmonics"] if degree else names):
        info.sampler(slot, "FLOAT_2D", name)
    info.vertex_out(between)
    info.fragment_out(0, "VEC4", "fragColor")
    info.vertex_source(_COMMON + _seen(degree) + _SPLAT)
    info.fragment_source(_PAINT)
    return gpu.shader.create_from_info(info)


@cache
def layer_shader() -> gpu.types.GPUShader:
    """Lays a layer of premultiplied display colours over a part of the viewport; corners from 0 to 1."""
    return _covering("lucid_layer", {"lucidBackground": "VEC3"}, "splatLayer", _LAY_OVER)


@cache
def inset_shader() -> gpu.types.GPUShader:
    """Draws a card: ``lucidCard`` is its width, height and line in pixels, ``lucidPicture`` the x, y, width and height
    of the picture on it; colours are the display's."""
    values = {"lucidCard": "VEC4", "lucidPicture": "VEC4", "lucidFill": "VEC3", "lucidLine": "VEC3"}
    return _covering("lucid_inset", values, "seenPicture", _CARD)


def _covering(name: str, values: dict[str, str], texture: str, source: str) -> gpu.types.GPUShader:
    """Of a part of the viewport, ``lucidPart``, where ``place`` is between 0 and 1."""
    between = gpu.types.GPUStageInterfaceInfo(name)
    between.smooth("VEC2", "place")
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC2", "corner")
    for value, kind in {"lucidPart": "VEC4", **values}.items():
        info.push_constant(kind, value)
    info.sampler(0, "FLOAT_2D", texture)
    info.vertex_out(between)
    info.fragment_out(0, "VEC4", "fragColor")
    info.vertex_source(_COVER)
    info.fragment_source(source)
    return gpu.shader.create_from_info(info)


def forget() -> None:
    """Give the shaders back."""
    splat_shader.cache_clear()
    layer_shader.cache_clear()
    inset_shader.cache_clear()
