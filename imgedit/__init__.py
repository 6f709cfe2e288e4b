"""imgedit: verbs on plain NumPy images. The contract of an image stands in ``imgedit.pixels``."""

from typing import TYPE_CHECKING, Any

from imgedit import errors
from imgedit.cloning import color_change, illumination_change, seamless_clone, texture_flatten
from imgedit.color import (
    convert,
    hsl_to_rgb,
    hsv_to_rgb,
    lab_to_srgb,
    lch_to_srgb,
    linear_to_oklab,
    linear_to_srgb,
    luma,
    luminance,
    oklab_to_linear,
    oklab_to_srgb,
    oklch_to_srgb,
    parse_color,
    rgb_to_hsl,
    rgb_to_hsv,
    srgb_to_lab,
    srgb_to_lch,
    srgb_to_linear,
    srgb_to_oklab,
    srgb_to_oklch,
)
from imgedit.compositing.blending import blend
from imgedit.compositing.depth import align_depth, composite_depth
from imgedit.compositing.depth_holes import fill_depth
from imgedit.compositing.documents import (
    read_layers,
    write_layers,
)
from imgedit.compositing.effects import (
    bevel,
    color_overlay,
    drop_shadow,
    gradient_overlay,
    inner_glow,
    inner_shadow,
    outer_glow,
    stroke,
)
from imgedit.compositing.flattening import (
    flatten,
)
from imgedit.compositing.layers import (
    Group,
    Layer,
    Stack,
)
from imgedit.compositing.optics import depth_of_field, fog
from imgedit.compositing.overlays import ColorOverlay, GradientOverlay, PatternOverlay
from imgedit.compositing.paints import (
    Bevel,
    DropShadow,
    InnerGlow,
    InnerShadow,
    OuterGlow,
    Satin,
    Stroke,
)
from imgedit.filters import blur, denoise, draw_text, estimate_noise, sharpen
from imgedit.fusion import (
    decontaminate,
    exposure_fusion,
    focus_stack,
    pyramid_blend,
)
from imgedit.geometry import Transform, crop, flip, pad, resize, rotate, trim, trim_box, warp
from imgedit.geometry.carving import carve
from imgedit.geometry.flooding import flood_fill, flood_mask
from imgedit.geometry.painting import erase, fill
from imgedit.geometry.paints import ConicGradient, LinearGradient, Noise, Pattern, RadialGradient, parse_paint
from imgedit.geometry.sheets import grid
from imgedit.inpainting import inpaint, inpaint_with_confidence
from imgedit.io import Info, Metadata, info, read, read_mask, write
from imgedit.matting import matte, remove_background
from imgedit.metrics import mse, psnr, ssim, ssim_map
from imgedit.perception import perceptual
from imgedit.pixels import (
    from_bgr,
    from_pil,
    premultiply,
    to_bgr,
    to_float,
    to_pil,
    to_uint8,
    to_uint16,
    unpremultiply,
)
from imgedit.recipes import Recipe, Step
from imgedit.restoration import restore
from imgedit.sampling import decode, encode, interpolate, project, read_latents, sample, write_latents
from imgedit.styling import stylize
from imgedit.superres import upscale
from imgedit.tone import Lut, adjust, apply_lut, auto_levels, clahe, curves, equalize, levels, match_color

if TYPE_CHECKING:
    from imgedit import batch as batch
    from imgedit import models as models

__version__ = "0.1.0"

__all__ = [
    "Bevel",
    "ColorOverlay",
    "ConicGradient",
    "DropShadow",
    "GradientOverlay",
    "Group",
    "Info",
    "InnerGlow",
    "InnerShadow",
    "Layer",
    "LinearGradient",
    "Lut",
    "Metadata",
    "Noise",
    "OuterGlow",
    "Pattern",
    "PatternOverlay",
    "RadialGradient",
    "Recipe",
    "Satin",
    "Stack",
    "Step",
    "Stroke",
    "Transform",
    "__version__",
    "adjust",
    "align_depth",
    "apply_lut",
    "auto_levels",
    "batch",
    "bevel",
    "blend",
    "blur",
    "carve",
    "clahe",
    "color_change",
    "color_overlay",
    "composite_depth",
    "convert",
    "crop",
    "curves",
    "decode",
    "decontaminate",
    "denoise",
    "depth_of_field",
    "draw_text",
    "drop_shadow",
    "encode",
    "equalize",
    "erase",
    "errors",
    "estimate_noise",
    "exposure_fusion",
    "fill",
    "fill_depth",
    "flatten",
    "flip",
    "flood_fill",
    "flood_mask",
    "focus_stack",
    "fog",
    "from_bgr",
    "from_pil",
    "gradient_overlay",
    "grid",
    "hsl_to_rgb",
    "hsv_to_rgb",
    "illumination_change",
    "info",
    "inner_glow",
    "inner_shadow",
    "inpaint",
    "inpaint_with_confidence",
    "interpolate",
    "lab_to_srgb",
    "lch_to_srgb",
    "levels",
    "linear_to_oklab",
    "linear_to_srgb",
    "luma",
    "luminance",
    "match_color",
    "matte",
    "models",
    "mse",
    "oklab_to_linear",
    "oklab_to_srgb",
    "oklch_to_srgb",
    "outer_glow",
    "pad",
    "parse_color",
    "parse_paint",
    "perceptual",
    "premultiply",
    "project",
    "psnr",
    "pyramid_blend",
    "read",
    "read_latents",
    "read_layers",
    "read_mask",
    "remove_background",
    "resize",
    "restore",
    "rgb_to_hsl",
    "rgb_to_hsv",
    "rotate",
    "sample",
    "seamless_clone",
    "sharpen",
    "srgb_to_lab",
    "srgb_to_lch",
    "srgb_to_linear",
    "srgb_to_oklab",
    "srgb_to_oklch",
    "ssim",
    "ssim_map",
    "stroke",
    "stylize",
    "texture_flatten",
    "to_bgr",
    "to_float",
    "to_pil",
    "to_uint8",
    "to_uint16",
    "trim",
    "trim_box",
    "unpremultiply",
    "upscale",
    "warp",
    "write",
    "write_latents",
    "write_layers",
]


# Looked up when first used, since they import what editing one picture never needs.
_LATER = {"batch", "models"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        import importlib

        return importlib.import_module(f"imgedit.{name}")
    raise AttributeError(f"module 'imgedit' has no attribute {name!r}")
