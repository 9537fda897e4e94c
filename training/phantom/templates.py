"""Compartments of a right leg in cross-section, traced from the anatomy of axial MRI.

Coordinates are (x, y): x grows from lateral to medial (to the right in the radiological view of
a right leg), y from anterior to posterior; the muscle envelope (deep fascia) spans about -1 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import ConvexHull
from skimage.draw import polygon2mask

Points = tuple[tuple[float, float], ...]

GRID = 288
REACH = 2.2
"""The template covers -REACH to REACH in both directions, on GRID points."""


@dataclass(frozen=True)
class Vessel:
    """A vessel or nerve: centre in template coordinates, radius in mm."""

    x: float
    y: float
    radius: float
    kind: str


@dataclass(frozen=True)
class Template:
    """The compartments of one body part.

    ``growth``: how much a muscle gains (template units) from the proximal to the distal end of a
    stack. ``groups``: muscles that disease takes together.
    """

    name: str
    description: str
    envelope: Points
    muscles: dict[str, Points]
    fat_spaces: dict[str, Points]
    bones: dict[str, Points]
    cortex_mm: dict[str, float]
    vessels: tuple[Vessel, ...]
    growth: dict[str, float]
    groups: dict[str, tuple[str, ...]]
    half_width_mm: tuple[float, float]


@dataclass(frozen=True, eq=False)
class DistanceMaps:
    """Signed distances (template units, negative inside) on the GRID x GRID points.

    stack: (GRID, GRID, n): the compartments of ``names`` (muscles first, then fat spaces), the
    bones in the template's order, the envelope, and its convex hull (which the skin follows).
    """

    names: tuple[str, ...]
    muscles: int
    stack: NDArray[np.float32]


def _shape(points: str, cx: float, cy: float, sx: float, sy: float) -> Points:
    pairs = [p.split(",") for p in points.split()]
    return tuple(((float(x) - cx) / sx, (float(y) - cy) / sy) for x, y in pairs)


def _thigh() -> Template:
    def shape(points: str) -> Points:
        return _shape(points, 245, 805, 205, 198)

    def at(x: float, y: float, radius: float, kind: str) -> Vessel:
        return Vessel((x - 245) / 205, (y - 805) / 198, radius, kind)

    return Template(
        name="thigh",
        description="THIGH",
        envelope=shape(
            "36,745 45,700 72,660 130,632 205,614 250,604 315,612 368,638 405,680 422,735 446,780 "
            "455,840 450,915 415,955 380,983 320,1002 245,1005 185,988 152,945 138,885 100,864 "
            "60,815"
        ),
        muscles={
            "rectus femoris": shape("208,624 250,606 300,611 324,634 311,662 270,655 232,642"),
            "vastus lateralis": shape(
                "36,745 48,698 75,658 130,636 206,628 155,664 114,700 105,760 110,820 137,864 "
                "100,864 58,812"
            ),
            "vastus intermedius": shape(
                "112,704 152,667 205,642 250,648 298,666 316,698 298,742 264,766 240,790 "
                "205,815 172,848 138,862 111,820 106,760"
            ),
            "vastus medialis": shape(
                "322,640 368,640 406,684 421,738 408,778 372,806 340,820 290,802 256,780 "
                "298,744 320,700 304,668"
            ),
            "sartorius": shape("422,742 448,786 456,832 442,852 415,842 380,822 404,790"),
            "gracilis": shape("395,862 432,856 455,880 450,932 416,954 392,922 386,884"),
            "adductor magnus": shape(
                "240,795 284,804 300,826 345,850 382,842 386,862 330,876 288,868 256,846"
            ),
            "biceps femoris long head": shape(
                "140,886 182,852 226,848 246,884 240,935 222,1000 182,986 151,944"
            ),
            "biceps femoris short head": shape("150,868 205,818 236,798 252,840 228,850 182,854"),
            "semitendinosus": shape("250,886 296,886 318,930 320,988 275,1004 226,1000 242,938"),
            "semimembranosus": shape(
                "298,872 385,864 391,922 412,955 375,984 324,996 322,930 302,888"
            ),
        },
        fat_spaces={
            "adductor canal": shape("286,804 345,822 382,824 382,840 345,848 304,828"),
            "sciatic space": shape("226,846 258,848 294,870 296,886 250,886 240,868"),
        },
        bones={
            "femur": shape(
                "220,700 248,710 262,735 258,765 238,788 224,792 202,784 182,762 178,732 192,708"
            )
        },
        cortex_mm={"femur": 6.0},
        vessels=(
            at(322, 830, 3.6, "artery"),
            at(337, 836, 4.6, "vein"),
            at(308, 822, 1.8, "vein"),
            at(262, 862, 4.0, "nerve"),
            at(278, 852, 1.8, "vein"),
            at(270, 798, 1.6, "artery"),
            at(458, 872, 2.2, "vein"),
        ),
        growth={
            "rectus femoris": -0.10,
            "vastus medialis": 0.08,
            "adductor magnus": -0.06,
            "biceps femoris short head": 0.05,
            "biceps femoris long head": -0.03,
            "semimembranosus": 0.04,
            "sartorius": 0.02,
        },
        groups={
            "quadriceps": ("vastus lateralis", "vastus intermedius", "rectus femoris"),
            "vastus medialis": ("vastus medialis",),
            "hamstrings": ("biceps femoris long head", "semitendinosus", "semimembranosus"),
            "medial hamstrings": ("semimembranosus",),
            "adductors": ("adductor magnus", "semimembranosus"),
            "lateral": ("vastus lateralis", "biceps femoris short head"),
        },
        half_width_mm=(66.0, 64.0),
    )


def _calf() -> Template:
    def shape(points: str) -> Points:
        return _shape(points, 755, 765, 180, 180)

    def at(x: float, y: float, radius: float, kind: str) -> Vessel:
        return Vessel((x - 755) / 180, (y - 765) / 180, radius, kind)

    return Template(
        name="calf",
        description="CALF",
        envelope=shape(
            "742,582 700,594 650,622 604,670 578,730 573,800 592,856 640,906 715,941 790,947 "
            "862,920 918,852 937,785 920,715 880,694 835,682 818,684 796,640 765,594"
        ),
        muscles={
            "tibialis anterior": shape(
                "736,586 694,598 642,636 650,690 692,712 738,694 738,650 734,610"
            ),
            "extensor digitorum longus": shape(
                "640,636 604,674 590,716 640,738 664,742 690,714 652,690"
            ),
            "peroneals": shape("590,720 576,760 578,815 590,830 622,820 648,790 644,744"),
            "tibialis posterior": shape("688,716 742,694 768,704 764,752 722,776 692,766 676,740"),
            "flexor digitorum longus": shape("770,702 802,697 836,686 850,712 816,756 768,756"),
            "flexor hallucis longus": shape("654,786 690,768 720,778 714,822 680,830 650,812"),
            "soleus": shape(
                "588,834 646,800 660,820 716,826 740,806 782,776 840,736 862,790 845,860 784,892 "
                "700,892 620,866"
            ),
            "medial gastrocnemius": shape(
                "850,694 898,700 922,722 937,785 918,852 862,920 792,946 788,896 848,864 866,800 "
                "848,732"
            ),
            "lateral gastrocnemius": shape(
                "582,836 630,872 700,896 784,897 789,946 715,941 640,906 592,858"
            ),
        },
        fat_spaces={"tibial neurovascular space": shape("722,778 764,758 788,766 742,804 720,818")},
        bones={
            "tibia": shape("740,588 760,594 790,640 818,684 802,697 770,700 745,690 738,650"),
            "fibula": shape("662,740 680,752 682,770 668,784 650,778 646,758"),
        },
        cortex_mm={"tibia": 4.5, "fibula": 3.0},
        vessels=(
            at(742, 788, 2.2, "artery"),
            at(752, 778, 2.4, "vein"),
            at(732, 798, 2.2, "vein"),
            at(768, 770, 2.6, "nerve"),
            at(694, 712, 1.8, "artery"),
            at(700, 720, 1.8, "vein"),
            at(690, 766, 1.8, "vein"),
            at(848, 672, 2.2, "vein"),
            at(788, 958, 2.0, "vein"),
        ),
        growth={
            "medial gastrocnemius": -0.12,
            "lateral gastrocnemius": -0.12,
            "soleus": 0.06,
            "tibialis anterior": -0.03,
            "flexor hallucis longus": 0.05,
        },
        groups={
            "anterior": ("tibialis anterior", "extensor digitorum longus"),
            "tibialis anterior": ("tibialis anterior",),
            "soleus": ("soleus",),
            "medial gastrocnemius": ("medial gastrocnemius",),
            "posterior": ("soleus", "medial gastrocnemius", "lateral gastrocnemius"),
            "lateral": ("peroneals", "lateral gastrocnemius"),
        },
        half_width_mm=(50.0, 50.0),
    )


TEMPLATES: dict[str, Template] = {t.name: t for t in (_thigh(), _calf())}


def _distance(points: Points, smooth: float) -> NDArray[np.float32]:
    """Return the signed distance of a polygon on the grid, its corners rounded by ``smooth``."""
    fine = 3  # The polygon's edge is resolved to a third of a grid cell.
    size = GRID * fine
    scale = size / (2 * REACH)
    corners = np.array([((y + REACH) * scale - 0.5, (x + REACH) * scale - 0.5) for x, y in points])
    inside = polygon2mask((size, size), corners)  # type: ignore[no-untyped-call]
    signed = distance_transform_edt(~inside) - distance_transform_edt(inside)
    signed = gaussian_filter(signed, smooth * scale)[fine // 2 :: fine, fine // 2 :: fine]
    return np.asarray(signed / scale, np.float32)


@lru_cache(maxsize=2)
def distance_maps(name: str) -> DistanceMaps:
    """Return the signed distances of template ``name``, computed once in a process."""
    template = TEMPLATES[name]
    shapes = {**template.muscles, **template.fat_spaces}
    corners = np.array(template.envelope)
    hull = tuple((float(x), float(y)) for x, y in corners[ConvexHull(corners).vertices])
    layers = [_distance(p, 0.02) for p in (*shapes.values(), *template.bones.values())]
    return DistanceMaps(
        names=tuple(shapes),
        muscles=len(template.muscles),
        stack=np.stack(
            [*layers, _distance(template.envelope, 0.05), _distance(hull, 0.14)], axis=-1
        ),
    )
