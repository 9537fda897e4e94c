"""BagNet, the local branch: a ResNet whose cells see small patches of the input, and no more.

Brendel and Bethge, "Approximating CNNs with bag-of-local-features models works surprisingly well on
ImageNet", ICLR 2019. Parameter names are those of the published files, so that these load.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from engine.model.layout import cropped

Residual = Literal["corner", "centre"]

EXPANSION = 4


@dataclass(frozen=True)
class Plan:
    """Where a BagNet strides and looks around.

    stem: kernel and stride of the spatial convolution of the stem. strides: of the stages.
    threes: in each stage, the number of leading blocks whose middle convolution is 3x3 (the
    others are 1x1).
    """

    stem: tuple[int, int]
    strides: tuple[int, int, int, int]
    threes: tuple[int, int, int, int]


# The number is the receptive field in pixels; the jump is 8 in all. The published networks work
# at full resolution up to the first stage's 3x3. "bagnet33-strided" takes the stem and that 3x3
# together as one 5x5 of stride 2: the same 24x24 cells at the same places with the same receptive
# field, at about a quarter of the cost.
PLANS = {
    "bagnet33": Plan((3, 1), (2, 2, 2, 1), (1, 1, 1, 1)),
    "bagnet17": Plan((3, 1), (2, 2, 2, 1), (1, 1, 1, 0)),
    "bagnet9": Plan((3, 1), (2, 2, 2, 1), (1, 1, 0, 0)),
    "bagnet33-strided": Plan((5, 2), (2, 2, 1, 1), (1, 1, 1, 0)),
}
PUBLISHED_WIDTHS = (64, 128, 256, 512)
PUBLISHED_BLOCKS = (3, 4, 6, 3)


def centres(kind: str, cells: int) -> list[float]:
    """Return where ``cells`` cells in a row look: the pixels at their receptive fields' centres."""
    plan = PLANS[kind]
    kernel, jump = plan.stem
    first = (kernel - 1) / 2
    for stride, threes in zip(plan.strides, plan.threes, strict=True):
        # The first block's 3x3 is the one that strides; later ones look around at its spacing.
        for block in range(max(threes, 1)):
            first += jump if block < threes else 0
            jump *= stride if block == 0 else 1
    return [first + jump * cell for cell in range(cells)]


class Bottleneck(nn.Module):
    """1x1, then 3x3 or 1x1 without padding, then 1x1, around a cropped residual.

    An unpadded 3x3 convolution loses a pixel on each side, so the residual is cropped to fit.
    ``corner`` crops bottom and right after the shortcut, as the published network does: its
    residual looks one (input) cell up and left of the centre of the main path. ``centre`` crops
    one cell on every side before the shortcut, so that both paths look at the same place.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        kernel: int,
        stride: int,
        residual: Residual,
        shortcut: nn.Module | None,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel, stride=stride, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * EXPANSION, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * EXPANSION)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut
        self._margin = (kernel - 1) // 2 if residual == "centre" else 0

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, inputs, h, w) to (N, 4 width, h', w'), nonnegative."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self._margin:
            m = self._margin
            x = cropped(x, m, m, m, m)
        if self.downsample is not None:
            x = self.downsample(x)
        # A stride of 2 over an even number of rows leaves the shortcut one longer; rows and
        # columns apart, because the input need not be square.
        x = cropped(x, 0, x.shape[2] - y.shape[2], 0, x.shape[3] - y.shape[3])
        result: Tensor = self.relu(y + x)
        return result


class BagNet(nn.Module):
    """The features of a BagNet: 24x24 cells of 4 * widths[-1] channels at 224 (bagnet33).

    kind: a key of ``PLANS``. widths, blocks: per stage, the published ones by default.
    classes: the length of ``fc``'s output.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self,
        kind: str = "bagnet33",
        *,
        classes: int = 1000,
        stem: int = 64,
        widths: Sequence[int] = PUBLISHED_WIDTHS,
        blocks: Sequence[int] = PUBLISHED_BLOCKS,
        residual: Residual = "corner",
    ) -> None:
        super().__init__()
        plan = PLANS[kind]
        self.residual: Residual = residual
        kernel, stride = plan.stem
        # A 1x1 before a wide stem kernel adds nothing that the kernel cannot do by itself.
        self.conv1 = nn.Conv2d(3, stem, 1, bias=False) if stride == 1 else nn.Identity()
        self.conv2 = nn.Conv2d(stem if stride == 1 else 3, stem, kernel, stride=stride, bias=False)
        # The momentum is the published one.
        self.bn1 = nn.BatchNorm2d(stem, momentum=0.001)
        self.relu = nn.ReLU(inplace=True)
        inputs = stem
        for index, (width, count, stride, threes) in enumerate(
            zip(widths, blocks, plan.strides, plan.threes, strict=True), start=1
        ):
            stage = []
            for block in range(count):
                step = stride if block == 0 else 1
                shortcut = None
                if step != 1 or inputs != width * EXPANSION:
                    shortcut = nn.Sequential(
                        nn.Conv2d(inputs, width * EXPANSION, 1, stride=step, bias=False),
                        nn.BatchNorm2d(width * EXPANSION),
                    )
                stage.append(
                    Bottleneck(
                        inputs,
                        width,
                        kernel=3 if block < threes else 1,
                        stride=step,
                        residual=residual,
                        shortcut=shortcut,
                    )
                )
                inputs = width * EXPANSION
            setattr(self, f"layer{index}", nn.Sequential(*stage))
        self.channels = inputs
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))

    def features(self, x: Tensor) -> Tensor:
        """Take (N, 3, H, W) to the grid X_l (N, channels, h, w), nonnegative."""
        x = self.relu(self.bn1(self.conv2(self.conv1(x))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, 3, H, W) to logits (N, classes), from the mean over all cells."""
        logits: Tensor = self.fc(self.features(x).mean(dim=(2, 3)))
        return logits
